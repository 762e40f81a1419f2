"""Where a client finds its gateway: `GET /v1/discovery?appID=…`, for SDKs that are given no server.

An app that there is gets every address that its clients may need, and the hosts as mini-programs' lists of permitted domains
take them. Nothing here is secret: a client has the same addresses once it has logged in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any
from urllib.parse import urlsplit

from sanic import HTTPResponse, Request, Sanic
from sanic.response import json

from gateway.addresses import Addresses
from gateway.errors import APP_UNKNOWN, INVALID_PARAMS, GatewayError
from gateway.http.client_logs import PATH as LOG_PATH
from gateway.http.intake import PATH as REPORTS_PATH

PATH = "/v1/discovery"
_HEADERS = {"access-control-allow-origin": "*", "cache-control": "no-cache"}


def add_discovery(app: Sanic[Any, Any], apps: Collection[str], addresses: Callable[[], Addresses]) -> None:
    """Serves it. `addresses`: those that clients are given, asked for when they are needed."""

    async def discover(request: Request[Any, Any]) -> HTTPResponse:
        named = request.args.getlist("appID") or []
        if len(named) != 1:
            raise GatewayError(INVALID_PARAMS, "appID is needed, once")
        if named[0] not in apps:
            raise GatewayError(APP_UNKNOWN)
        return json(found(named[0], addresses()), headers=_HEADERS)

    app.add_route(discover, PATH, methods=["GET"], name="discovery")


def found(app: str, addresses: Addresses) -> dict[str, Any]:
    """The reply for an app that there is."""
    return {
        "appID": app,
        "ws": addresses.ws,
        "http": addresses.http,
        "log": addresses.http + LOG_PATH,
        "reports": addresses.http + REPORTS_PATH,
        "hosts": {"socket": [_host(addresses.ws)], "request": [_host(addresses.http)], "media": [addresses.rtmp]},
    }


def _host(url: str) -> str:
    """Scheme and host, without a path."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
