"""The web pages: one with which a browser joins a room, publishes and plays, and one to look into an app's calls.

Plain files, read once from the package; the pages' own scripts ask `/page.json` for what differs between gateways, and
`/console/words.json` for what the gateway's tables say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any

import msgspec
from sanic import HTTPResponse, Request, Sanic
from sanic.response import empty, json, raw

from gateway.http.pages.words import words

_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "json": "application/json",
}
_INDEX = "index.html"
_METHODS = ("GET", "HEAD")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self' blob:; "
    "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing but the page's own files is loaded or run. The form is the script's affair: it never sends a token by itself."""
_HEADERS = MappingProxyType({
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(self), microphone=(self)",
    "cache-control": "no-cache",
})


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file of the page, as it is sent."""

    body: bytes
    content_type: str
    etag: str

    @classmethod
    def of(cls, name: str, body: bytes) -> PageFile:
        return cls(body, _TYPES[name.rpartition(".")[2]], f'"{hashlib.sha256(body).hexdigest()[:16]}"')


def page_files(folder_name: str = "static") -> dict[str, PageFile]:
    """Every file of the page by its name; those of the call page are in `console`."""
    folder = resources.files(__package__) / folder_name
    return {entry.name: PageFile.of(entry.name, entry.read_bytes()) for entry in folder.iterdir() if entry.is_file()}


def add_pages(app: Sanic[Any, Any], dev_app: str | None, ws: Callable[[], str]) -> None:
    """Serves the page at `/`, its files below `/page/`, and what it has to know at `/page.json`; the call page at `/console`,
    its files below that.

    `dev_app`: the appID of development mode, which the form then begins with; None outside of it. `ws`: the public address
    of signaling, asked for when it is needed.
    """
    for name, file in page_files().items():
        path = "/" if name == _INDEX else f"/page/{name}"
        app.add_route(_sender(file), path, methods=_METHODS, name=f"page_{name.replace('.', '_')}")

    console = page_files("console") | {"words.json": PageFile.of("words.json", msgspec.json.encode(words()))}
    for name, file in console.items():
        path = "/console" if name == _INDEX else f"/console/{name}"
        app.add_route(_sender(file), path, methods=_METHODS, name=f"console_{name.replace('.', '_')}")

    async def about(request: Request[Any, Any]) -> HTTPResponse:
        told = {"dev": dev_app is not None, "appID": dev_app or "", "ws": ws()}
        return json(told, headers={**_HEADERS, "cache-control": "no-store"})

    app.add_route(about, "/page.json", methods=_METHODS, name="page_about")


def _sender(file: PageFile) -> Callable[..., Any]:
    async def send(request: Request[Any, Any]) -> HTTPResponse:
        headers = {**_HEADERS, "etag": file.etag}
        if file.etag in request.headers.get("if-none-match", ""):
            return empty(status=304, headers=headers)
        return raw(file.body, content_type=file.content_type, headers=headers)

    return send
