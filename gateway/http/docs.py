"""The server API's description: `/docs/openapi.json` for programs, `/docs` for people. Neither holds anything secret."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import Any

import msgspec
from sanic import HTTPResponse, Request, Sanic
from sanic.response import raw

from gateway.http.openapi import Json, document

_STYLE = """
body{font:1rem/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
h2{margin-top:2.5rem;border-top:1px solid #d5d9de;padding-top:1rem;font-size:1.15rem}
code{font:.9em/1.4 ui-monospace,monospace;background:#f1f3f5;padding:.1em .3em;border-radius:.2em;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;margin:.5rem 0}
td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #e7eaed}
@media(prefers-color-scheme:dark){body{color:#e4e7ea;background:#16191d}code{background:#272c32}td,th,h2{border-color:#333a41}}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}
_METHODS = ("GET", "HEAD")


def add_docs(app: Sanic[Any, Any], version: str, base: Callable[[], str]) -> None:
    """Serves `/docs` and `/docs/openapi.json`. `base`: the public address of HTTP, asked for when it is needed."""

    async def for_programs(request: Request[Any, Any]) -> HTTPResponse:
        return raw(_written(version, base())[0], content_type="application/json", headers=_HEADERS)

    async def for_people(request: Request[Any, Any]) -> HTTPResponse:
        return raw(_written(version, base())[1], content_type="text/html; charset=utf-8", headers=_HEADERS)

    app.add_route(for_programs, "/docs/openapi.json", methods=_METHODS, name="docs_openapi")
    app.add_route(for_people, "/docs", methods=_METHODS, name="docs_page")


@lru_cache(maxsize=1)
def _written(version: str, base: str) -> tuple[bytes, bytes]:
    """Both forms, made once: anyone may ask for them, and the loop that makes them carries all media."""
    described = document(version, base)
    return msgspec.json.encode(described), page(described).encode()


def page(described: Json) -> str:
    """An OpenAPI document as a page without scripts."""
    info, schemas = described["info"], described["components"]["schemas"]
    operations = [
        _operation(method, path, one) for path, methods in described["paths"].items() for method, one in methods.items()
    ]
    types = [f'<h2 id="{escape(name)}">{escape(name)}</h2>{_schema(schema)}' for name, schema in sorted(schemas.items())]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>"
        + "".join(f"<p>{_prose(part)}</p>" for part in info["description"].split("\n\n"))
        + '<p>For programs: <a href="/docs/openapi.json">openapi.json</a></p>'
        + "".join(operations)
        + "".join(types)
        + "</body></html>"
    )


def _operation(method: str, path: str, one: Json) -> str:
    taken = [
        (_code(each["name"]), f"{each['in']}{'' if each.get('required') else ', optional'}", _kind(each["schema"]), _told(each))
        for each in one["parameters"]
    ]
    if "requestBody" in one:
        taken.append(("the body", "" if one["requestBody"]["required"] else "optional", _content(one["requestBody"]), ""))
    given = [
        (_code(status), _content(reply) if status == "200" else "", _prose(reply["description"]))
        for status, reply in one["responses"].items()
    ]
    return (
        f'<h2 id="{escape(one["operationId"])}">{escape(one["summary"])}</h2>'
        f"<p><code>{method.upper()} {escape(path)}</code></p><p>{_prose(one['description'])}</p>{_table(taken)}{_table(given)}"
    )


def _schema(schema: Json) -> str:
    required = schema.get("required", ())
    rows = [
        (_code(name), "" if name in required else "optional", _kind(member), _told(member))
        for name, member in schema.get("properties", {}).items()
    ]
    return f"<p>{_prose(schema.get('description', ''))}</p>{_table(rows)}"


def _content(part: Mapping[str, Any]) -> str:
    return _kind(part["content"]["application/json"]["schema"])


def _kind(schema: Json) -> str:
    """What a member's value may be, in a word or two."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " ".join(_code(str(one)) for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    return escape(str(schema.get("type", "anything")))


def _told(part: Json) -> str:
    return _prose(part.get("description", part.get("schema", {}).get("description", "")))


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    """Cells are HTML already."""
    lines = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>" if rows else ""


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _prose(text: str) -> str:
    """A text in which `backquotes` mean code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text))
