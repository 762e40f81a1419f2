"""What operators and orchestrators ask: is it alive, is it ready, what does it measure."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from typing import Any

from sanic import HTTPResponse, Request, Sanic
from sanic.response import json, raw

from gateway.errors import API_KEY_INVALID, GatewayError
from gateway.quality.metrics import Metrics


def add_operations(
    app: Sanic[Any, Any], metrics: Metrics, ready: Callable[[], bool], durable: Callable[[], bool], key: str = ""
) -> None:  # fmt: skip
    """Serves `/healthz`, `/readyz` and `/metrics`. `key`: opens `/metrics`; empty: it is open.

    A store that is away makes a gateway not durable, which `/readyz` says; it goes on taking sessions.
    """

    async def healthz(request: Request) -> HTTPResponse:
        return json({"status": "ok"})

    async def readyz(request: Request) -> HTTPResponse:
        told = {"status": "ready" if ready() else "not ready", "durable": durable()}
        return json(told, status=200 if ready() else 503)

    async def scrape(request: Request) -> HTTPResponse:
        _check_key(request, key)
        pieces = []
        for piece in metrics.pieces():
            pieces.append(piece)
            await asyncio.sleep(0)  # media do not wait for a thousand series to be written
        return raw(b"".join(pieces), content_type=metrics.content_type)

    app.add_route(healthz, "/healthz", name="healthz")
    app.add_route(readyz, "/readyz", name="readyz")
    app.add_route(scrape, "/metrics", name="metrics")


def _check_key(request: Request, key: str) -> None:
    """Raises API_KEY_INVALID if there is a key and the request does not show it."""
    if not key:
        return
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    shown = given.strip() if scheme.lower() == "bearer" else ""
    if not hmac.compare_digest(shown.encode(errors="surrogatepass"), key.encode()):
        raise GatewayError(API_KEY_INVALID, "" if shown else "Authorization: Bearer KEY is needed")
