"""The client SDKs: `/sdk/zego.mjs` and the others, for web pages to load and for developers to download.

Plain files, read once. In the repository `sdk_files` is a link to `clients/dist`, where `clients/pack.mjs` makes them; building
a wheel follows the link, so that the package has them itself. Pages of any origin may load them, and a browser asks each time
whether they have changed: an SDK and the gateway that it talks to are always of one version.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Any

from sanic import HTTPResponse, Request, Sanic
from sanic.response import empty, raw

_FOLDER = "sdk_files"
_TYPE = "text/javascript; charset=utf-8"
_SUFFIXES = (".js", ".mjs")
_METHODS = ("GET", "HEAD")
_HEADERS = {
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "timing-allow-origin": "*",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
}


def sdk_files() -> dict[str, bytes]:
    """Every file that is handed out, by its name; none if they have not been made."""
    folder = resources.files(__package__) / _FOLDER
    if not folder.is_dir():
        return {}
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.name.endswith(_SUFFIXES)}


def add_sdk(app: Sanic[Any, Any]) -> None:
    """Serves each of them below `/sdk/`."""
    for name, body in sdk_files().items():
        app.add_route(_Sender(body), f"/sdk/{name}", methods=_METHODS, name=f"sdk_{name.replace('.', '_')}")


class _Sender:
    """Sends one file, unless who asks has it already."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._headers = {**_HEADERS, "etag": f'"{hashlib.sha256(body).hexdigest()[:16]}"'}

    async def __call__(self, request: Request[Any, Any]) -> HTTPResponse:
        if self._headers["etag"] in request.headers.get("if-none-match", ""):
            return empty(status=304, headers=self._headers)
        return raw(self._body, content_type=_TYPE, headers=self._headers)
