"""HTTP-FLV pulls: `GET /live/STREAM.flv?key=KEY`, an endless response.

Only HTTP is here. What the body is made of is the player's affair, which the composition root passes in.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, cast

from sanic import HTTPResponse, Request, Sanic
from sanic.constants import HTTP_METHODS
from sanic.exceptions import MethodNotAllowed
from sanic.response import empty

from gateway.auth.access import AccessRequest, Action
from gateway.auth.stream_keys import loggable_name, parse_address
from gateway.errors import STREAM_NOT_FOUND, GatewayError
from gateway.http.origin import Clients

_log = logging.getLogger("gateway.http")

_SUFFIX = ".flv"
_FOREVER = float("inf")
_METHODS = ("GET", "OPTIONS")
"""Sanic does not find out by itself what `Allow` has to say of a route like ours (RFC 9110 section 15.5.6)."""
_PROBES = {"TCP_KEEPIDLE": 30, "TCP_KEEPALIVE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
"""Seconds of silence before TCP asks whether the peer is there (Linux, macOS), seconds between questions, questions."""
_PREFLIGHT = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET",
    "access-control-allow-headers": "*",
    "access-control-max-age": "86400",
}


class Player(Protocol):
    """A viewer that writes to this response's connection."""

    over: asyncio.Event
    error: GatewayError | None

    def open(self) -> None:
        """The response's head has been sent."""


class Viewing(Protocol):
    def close(self, error: GatewayError | None = None) -> None: ...


NewPlayer = Callable[[Callable[[bytes], None], Callable[[], int], Any], Player]
"""Makes a player of `write`, of `backlog`, the number of bytes that wait to be sent, and of the socket that they go to."""

Play = Callable[[AccessRequest, Any], Awaitable[Viewing]]
"""Joins a player to the stream that the request names; raises GatewayError."""


def add_flv(
    app: Sanic[Any, Any], new_player: NewPlayer, play: Play, headers: Mapping[str, str], clients: Clients,
    refusals: Counter[str],
) -> None:  # fmt: skip
    """Serves HTTP-FLV at `/live/….flv`. `headers`: those of every FLV response; `refusals` counts them by reason."""

    async def pull(request: Request, rest: str) -> None:
        transport = cast(asyncio.Transport, request.transport)
        player = new_player(transport.write, transport.get_write_buffer_size, transport.get_extra_info("socket"))
        try:
            viewing = await play(_wish(request, clients), player)
        except GatewayError as error:
            refusals[error.fault.name] += 1
            about = (clients.address(request), loggable_name(rest), error.fault.name, error.detail)
            _log.info("flv client=%s stream=%r refused reason=%s detail=%r", *about)
            raise
        try:
            _last_and_endless(request)
            response = await request.respond(headers=dict(headers))
            await response.send(b"")
            player.open()
            await player.over.wait()
            if player.error is not None:
                transport.abort()
        finally:
            viewing.close(player.error)

    async def preflight(request: Request, rest: str) -> HTTPResponse:
        return empty(headers=_PREFLIGHT)

    async def other(request: Request, rest: str) -> None:
        raise MethodNotAllowed(f"{request.method} is not served here", request.method, _METHODS)

    app.add_route(pull, "/live/<rest:path>", methods=["GET"], name="flv_pull", unquote=False)
    app.add_route(preflight, "/live/<rest:path>", methods=["OPTIONS"], name="flv_preflight", unquote=False)
    others = [method.value for method in HTTP_METHODS if method.value not in _METHODS]
    app.add_route(other, "/live/<rest:path>", methods=others, name="flv_other", unquote=False)


def _wish(request: Request[Any, Any], clients: Clients) -> AccessRequest:
    stream, key = parse_address(request.raw_url.decode("ascii"))
    if not stream.endswith(_SUFFIX):
        raise GatewayError(STREAM_NOT_FOUND, f"HTTP pulls end with {_SUFFIX}")
    return AccessRequest(Action.PLAY, "flv", stream.removesuffix(_SUFFIX), key, clients.address(request))


def _last_and_endless(request: Request[Any, Any]) -> None:
    """Nothing follows this response on its connection, and it may take as long as the stream does."""
    http: Any = request.stream
    http.keep_alive = False
    http.protocol.response_timeout = _FOREVER
    _keep_alive(cast(asyncio.Transport, request.transport).get_extra_info("socket"))


def _keep_alive(sock: Any) -> None:
    """A viewer that vanished without a word is noticed even if its stream is silent."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _PROBES.items():
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
