"""The server API as an OpenAPI 3.1 document, written from the table of its operations and from their types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from gateway.errors import API_KEY_INVALID, INVALID_REQUEST, RATE_LIMITED, Fault
from gateway.http.api import (
    BODY_BYTES,
    KEY_CHARACTERS,
    KEY_PATTERN,
    REPLIES_KEPT_FOR,
    REQUESTS_BURST,
    REQUESTS_PER_SECOND,
    ROOT,
)
from gateway.http.api_messages import CHARACTERS, Failure
from gateway.http.api_operations import ID_RULES, OPERATIONS, Operation
from gateway.rooms.model import IdRule

Json = dict[str, Any]

_SCHEMES = {"key": {"type": "http", "scheme": "bearer", "description": "The app's `api_key`."}}
_TEXT = f"""What an app's own backend may see and do. Every request carries the app's `api_key` as `Authorization: Bearer`.

Ids in a path are percent-encoded, once: a room `a/b` is `a%2Fb`. An app may ask {REQUESTS_PER_SECOND:.0f} times per second,
and {REQUESTS_BURST} times at once. Every change may be repeated: it is idempotent by its effect, and with an
`Idempotency-Key` a repeated one is also answered with the same reply for {REPLIES_KEPT_FOR / 60:.0f} minutes."""
_KEY_HEADER: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Chosen by whoever asks, anew for every change. Asked again with the same key, the change is made once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_CHARACTERS, "pattern": KEY_PATTERN},
}
_APP_ID: Json = {"name": "appID", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
_HTTP_ERRORS = {"413": f"The body has more than {BODY_BYTES} bytes.", "415": "The body is not `application/json`."}
"""What HTTP itself refuses of a body."""


def document(version: str, base: str = "", operations: Sequence[Operation] = OPERATIONS) -> Json:
    """The document. `version`: the gateway's. `base`: the public address of HTTP; empty: where the document is."""
    paths: Json = {}
    for one in operations:
        paths.setdefault(path_of(one), {})[one.method.lower()] = _operation(one)
    bodies = [one.takes for one in operations if one.changes]
    return {
        "openapi": "3.1.0",
        "info": {"title": "Server API", "version": version, "description": _TEXT},
        "servers": [{"url": base or "/"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {"securitySchemes": _SCHEMES, "schemas": _schemas(*bodies, *(one.gives for one in operations), Failure)},
    }


def path_of(operation: Operation) -> str:
    """The operation's path, with the names of ids in braces."""
    return f"{ROOT}{{appID}}/{'/'.join(operation.path)}"


def _schemas(*kinds: type[Struct]) -> Json:
    """The schemas of these types and of what they hold, by their names."""
    return msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")[1]


def _operation(operation: Operation) -> Json:
    taken = _schemas(operation.takes)[operation.takes.__name__]
    ids = [_id(part.strip("{}"), ID_RULES[part]) for part in operation.path if part in ID_RULES]
    described: Json = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.text,
        "tags": [operation.path[0]],
        "parameters": [_APP_ID, *ids, *([_KEY_HEADER] if operation.changes else _query(taken))],
    }
    if operation.changes:
        schema = {"$ref": f"#/components/schemas/{operation.takes.__name__}"}
        described["requestBody"] = {"required": bool(taken.get("required")), "content": {"application/json": {"schema": schema}}}
    described["responses"] = _responses(operation)
    return described


def _id(name: str, rule: IdRule) -> Json:
    """The rule as far as a schema can tell it: it counts characters, the rule bytes."""
    schema = {"type": "string", "minLength": 1, "maxLength": rule.limit, **CHARACTERS}
    limit = f"At most {rule.limit} bytes of UTF-8."
    return {"name": name, "in": "path", "required": True, "description": limit, "schema": schema}


def _query(schema: Json) -> list[Json]:
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": member}
        for name, member in schema["properties"].items()
    ]


def _responses(operation: Operation) -> Json:
    refused: dict[str, list[Fault]] = {}
    for fault in (INVALID_REQUEST, API_KEY_INVALID, RATE_LIMITED, *operation.all_faults):
        refused.setdefault(str(fault.status), []).append(fault)
    texts = {status: _sentences(faults) for status, faults in refused.items()} | (_HTTP_ERRORS if operation.changes else {})
    failures = {
        status: {"description": text, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}}
        for status, text in sorted(texts.items())
    }
    schema = {"$ref": f"#/components/schemas/{operation.gives.__name__}"}
    done = {"description": operation.gives.__doc__ or "", "content": {"application/json": {"schema": schema}}}
    return {"200": done, **failures}


def _sentences(faults: Sequence[Fault]) -> str:
    return " · ".join(f"`{fault.name}` ({fault.number}): {fault.en}" for fault in dict.fromkeys(faults))
