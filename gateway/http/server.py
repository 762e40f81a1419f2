"""The Sanic application: its settings, its error bodies, and who may ask in development mode.

Every error over HTTP is `{"code", "name", "message", "retry"}`, whoever raised it, and `afterMs` where the pause is known.
"""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import ssl
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sanic import HTTPResponse, Request, Sanic
from sanic.exceptions import SanicException
from sanic.response import json

from gateway.config import Config
from gateway.errors import INTERNAL_ERROR, ORIGIN_REFUSED, GatewayError
from gateway.http.connections import Connection
from gateway.http.origin import names_loopback

_log = logging.getLogger("gateway.http")

_CORS = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "Location, ETag, Link, Retry-After, WWW-Authenticate",
}
_PAUSE_MS = 1000
"""The pause that is advised where an error knows none of its own."""


class _Unreadable(logging.Filter):
    """Keeps requests that cannot be read out of the log: Sanic would write their whole address, which may hold a key.

    Their sender is answered with 400 or cut off; there is nothing for an operator to do.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], SanicException))


_unreadable = _Unreadable()


class HttpServer:
    """One listening HTTP server on the running event loop."""

    def __init__(self, config: Config) -> None:
        self._config = config
        Sanic.test_mode = True  # no banner and no worker machinery: the gateway owns its process
        self.app: Sanic[Any, Any] = Sanic(f"gateway-{id(self):x}", configure_logging=False)
        self.app.config.update(
            ACCESS_LOG=False, GRACEFUL_SHUTDOWN_TIMEOUT=config.shutdown_grace, REQUEST_MAX_SIZE=config.http.body_bytes,
            REQUEST_TIMEOUT=config.http.request_deadline, KEEP_ALIVE_TIMEOUT=config.http.idle,
            WEBSOCKET_PING_INTERVAL=20, WEBSOCKET_PING_TIMEOUT=20, FALLBACK_ERROR_FORMAT="json",
        )  # fmt: skip
        logging.getLogger("sanic.error").addFilter(_unreadable)
        self.app.error_handler.add(GatewayError, _refused)
        self.app.error_handler.add(SanicException, _http_error)
        self.app.error_handler.add(Exception, _failed)
        if config.dev and not config.dev_open:
            self.app.register_middleware(_loopback_only, "request")
        self._server: Any = None
        self.port = 0

    async def start(self) -> None:
        """Listens. `port` is then the one really bound."""
        listen = self._config.listen
        self._sock = _bound(listen.host, listen.port)
        self.port = self._sock.getsockname()[1]
        tls = None
        if listen.tls_cert and listen.tls_key:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.minimum_version = ssl.TLSVersion.TLSv1_2
            tls.load_cert_chain(listen.tls_cert, listen.tls_key)
        self._server = await self.app.create_server(
            sock=self._sock, ssl=tls, access_log=False, backlog=1024, protocol=Connection
        )
        await self._server.startup()
        await self._server.before_start()
        await self._server.after_start()

    def stop_accepting(self) -> None:
        if self._server is not None and self._server.server is not None:
            self._server.server.close()

    async def stop(self) -> None:
        """Closes what is still open."""
        if self._server is None:
            return
        await self._server.before_stop()
        for connection in list(self._server.connections):
            connection.close_if_idle()
        for connection in list(self._server.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)
        await self._server.after_stop()
        Sanic.unregister_app(self.app)


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    sock.setblocking(False)
    return sock


def _body(
    status: int, code: int, name: str, message: str, retry: str, headers: Mapping[str, str] = MappingProxyType({}),
    after_ms: int | None = None,
) -> HTTPResponse:  # fmt: skip
    told = {"code": code, "name": name, "message": message, "retry": retry}
    if after_ms is not None:
        told["afterMs"] = after_ms
    return json(told, status=status, headers={**headers, **_CORS})


async def _refused(request: Request, error: GatewayError) -> HTTPResponse:
    fault, headers = error.fault, {}
    if fault.status == 401:
        headers["www-authenticate"] = "Bearer"
    if fault.status in (429, 503):
        headers["retry-after"] = str(math.ceil((error.after_ms or _PAUSE_MS) / 1000))
    return _body(fault.status, fault.number, fault.name, fault.sentence(error.detail), fault.retry, headers, error.after_ms)


async def _http_error(request: Request, error: SanicException) -> HTTPResponse:
    return _body(error.status_code, error.status_code, type(error).__name__, str(error), "never", error.headers)


async def _failed(request: Request, error: Exception) -> HTTPResponse:
    _log.error("request failed path=%s", request.path, exc_info=error)
    return _body(500, INTERNAL_ERROR.number, INTERNAL_ERROR.name, INTERNAL_ERROR.en, INTERNAL_ERROR.retry)


async def _loopback_only(request: Request) -> None:
    """Keeps out what other sites' pages ask for in a developer's browser: a name bound to this machine, a foreign origin.

    `null` is a foreign one: any site can give it to a frame of its own.
    """
    origin = request.headers.get("origin")
    if not names_loopback(request.headers.get("host", "")) or (origin and not names_loopback(origin)):
        raise GatewayError(ORIGIN_REFUSED)
