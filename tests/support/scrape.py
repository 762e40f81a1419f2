"""What a gateway says of itself over HTTP."""

from __future__ import annotations

import ssl
from typing import Any

import httpx

from tests.support.gateway import DEADLINE


async def get(url: str, headers: dict[str, str] | None = None, verify: ssl.SSLContext | bool = True) -> httpx.Response:
    """One GET, whatever the answer. Proxies of the environment are left out."""
    async with httpx.AsyncClient(trust_env=False, verify=verify, timeout=DEADLINE) as client:
        return await client.get(url, headers=headers)


async def metrics(base: str) -> dict[str, float]:
    """Every sample of `/metrics` by its name with labels, as Prometheus writes it: `gateway_sessions{phase="attached"}`."""
    response = await get(f"{base}/metrics")
    assert response.status_code == 200
    samples = (line.rsplit(" ", 1) for line in response.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in samples}


def json_of(response: httpx.Response) -> Any:
    """The body of a JSON response."""
    assert response.headers["content-type"].startswith("application/json")
    return response.json()
