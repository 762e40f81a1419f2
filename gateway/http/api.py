"""The server API: what an app's own backend asks over HTTP, below `/v1/apps/{appID}/`.

A request says who asks (`Authorization: Bearer KEY`, the app's `api_key`), is counted, matched against the table in
`api_operations.py`, and carried out. Changes are idempotent by their effect; with an `Idempotency-Key` a repeated one is
answered with the same reply, too. Every change leaves a line in the log `gateway.audit`.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec
from msgspec import Struct
from sanic import HTTPResponse, Request, Sanic
from sanic.constants import HTTP_METHODS
from sanic.exceptions import MethodNotAllowed, NotFound, PayloadTooLarge
from sanic.response import raw

from gateway.allowance import Allowance
from gateway.config import KIB, MINUTES
from gateway.errors import API_KEY_INVALID, INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR, RATE_LIMITED, GatewayError
from gateway.http.api_operations import Operation, Rooms, find, id_in
from gateway.http.api_replies import Replies
from gateway.http.origin import Clients
from gateway.http.whip import UnsupportedMediaType

_log = logging.getLogger("gateway.http")
_audit = logging.getLogger("gateway.audit")

ROOT = "/v1/apps/"
REQUESTS_PER_SECOND = 20.0
"""Sustained rate of one app's requests."""
REQUESTS_BURST = 40
"""Requests of one app that may come at once."""
BODY_BYTES = 128 * KIB
"""Largest body: a message of 64 KiB with what has to be escaped in it."""
KEY_CHARACTERS = 255
"""Longest Idempotency-Key."""
KEY_PATTERN = "^[!-~]+$"
REPLIES_KEPT = 10_000
"""Replies kept per app for requests with an Idempotency-Key; the oldest give way."""
REPLIES_KEPT_FOR = 10 * MINUTES
_JSON = "application/json"
_SHOWN_OF_KEY = 8
"""Hexadecimal digits of an API key's hash that tell the log which key it was."""
_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Asking:
    """A request to the server API, as it arrived."""

    method: str
    path: str
    """What follows `/v1/apps/`, percent-encoding untouched."""
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By their names in small letters."""
    body: bytes = b""
    client: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered with; the status is 200."""

    body: bytes
    repeated: bool = False
    """It was given before, to a request with the same Idempotency-Key."""


class _Door:
    """One app's way in: its key, its allowance, and the replies that it may hear again."""

    def __init__(self, key: str, now: float) -> None:
        self.digest = _digest(key)
        self.allowance = Allowance(REQUESTS_PER_SECOND, REQUESTS_BURST, now)
        self.replies = Replies(REPLIES_KEPT, REPLIES_KEPT_FOR)

    @property
    def name(self) -> str:
        """Tells its key from others in the log, and nothing else."""
        return self.digest.hex()[:_SHOWN_OF_KEY]


class Api:
    """The server API of all apps. `keys`: by appID; an app without one has no server API. `clock`: seconds, monotonic."""

    def __init__(self, rooms: Rooms, keys: Mapping[str, str], clock: Callable[[], float]) -> None:
        self._rooms = rooms
        self._clock = clock
        now = clock()
        self._doors = {app: _Door(key, now) for app, key in keys.items() if key}
        self._unheard = Allowance(REQUESTS_PER_SECOND, REQUESTS_BURST, now)
        """Of lines in the log about those without a key: anyone can be one."""

    async def answer(self, asking: Asking) -> Answer:
        """Carries a request out. Raises GatewayError and SanicException."""
        raw_app, *segments = asking.path.split("/")
        app, door = self._enter(raw_app, asking)
        if wait := door.allowance.take(self._clock()):
            raise GatewayError(RATE_LIMITED, after_ms=int(wait * 1000) + 1)
        operations = find(segments)
        if not operations:
            raise NotFound("there is nothing at this path")
        operation = operations.get(asking.method)
        if operation is None:
            raise MethodNotAllowed(f"{asking.method} is not served here", asking.method, tuple(operations))
        id = ""
        if found := id_in(operation, segments):
            rule, segment = found
            id = rule.check(_decoded(segment))
        if operation.changes:
            return self._change(operation, app, id, asking, door)
        told = operation.perform(self._rooms, app, id, _query(operation, asking.query))
        return Answer(msgspec.json.encode(await told if isawaitable(told) else told))

    def _enter(self, raw_app: str, asking: Asking) -> tuple[str, _Door]:
        """The app that asks. Raises API_KEY_INVALID: whether there is such an app is told to nobody else."""
        scheme, _, key = asking.headers.get("authorization", "").partition(" ")
        given = key.strip() if scheme.lower() == "bearer" else ""
        try:
            app = _decoded(raw_app)
        except GatewayError:
            app = ""
        door = self._doors.get(app)
        right = hmac.compare_digest(_digest(given), door.digest if door else bytes(hashlib.sha256().digest_size))
        if door is None or not right:
            if not self._unheard.take(self._clock()):
                _log.info("api client=%s app=%r refused reason=%s", asking.client, app[:128], API_KEY_INVALID.name)
            raise GatewayError(API_KEY_INVALID, "" if given else "Authorization: Bearer KEY is needed")
        return app, door

    def _change(self, operation: Operation, app: str, id: str, asking: Asking, door: _Door) -> Answer:
        body = _body(operation, asking)
        key, content, now = _idempotency_key(asking), _content(asking), self._clock()
        if key and (known := door.replies.find(key, content, now)) is not None:
            return Answer(known, repeated=True)
        line = "change=%s app=%r id=%r given=%r key=%s client=%s result=%s"
        what = (operation.name, app, id, _shown(body), door.name, asking.client)
        try:
            reply = operation.perform(self._rooms, app, id, body)
        except GatewayError as error:
            _audit.info(line, *what, error.fault.name)
            raise
        encoded = msgspec.json.encode(reply)
        _audit.info(line, *what, "done")
        if key:
            door.replies.keep(key, content, encoded, now)
        return Answer(encoded)


def add_api(app: Sanic[Any, Any], api: Api, clients: Clients) -> None:
    """Serves the server API below `/v1/apps/`. No page of another origin may ask: there is no CORS, and no preflight."""

    async def serve(request: Request[Any, Any], rest: str) -> HTTPResponse:
        target, _, query = request.raw_url.decode("ascii").partition("?")
        names = ("authorization", "content-type", "idempotency-key")
        headers = {name: request.headers[name] for name in names if name in request.headers}
        path = target[target.index(ROOT) + len(ROOT) :]
        answer = await api.answer(Asking(request.method, path, query, headers, request.body, clients.address(request)))
        repeated = {"idempotency-replayed": "true"} if answer.repeated else {}
        return raw(answer.body, content_type=_JSON, headers={**_HEADERS, **repeated})

    app.add_route(serve, f"{ROOT}<rest:path>", methods=[str(method) for method in HTTP_METHODS], name="api", unquote=False)


def _decoded(segment: str) -> str:
    """A path's segment, percent-decoded once. Raises INVALID_REQUEST."""
    try:
        return unquote_to_bytes(segment).decode()
    except UnicodeError:
        raise GatewayError(INVALID_REQUEST, "the path is not UTF-8 text") from None


def _query(operation: Operation, query: str) -> Struct:
    try:
        members = dict(parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=100))
        return msgspec.convert(members, operation.takes, strict=False)
    except ValueError as error:  # msgspec's errors and UnicodeError are of this kind
        raise GatewayError(INVALID_PARAMS, str(error)) from None


def _body(operation: Operation, asking: Asking) -> Struct:
    """What a change is asked with; no body at all is an object without members."""
    if len(asking.body) > BODY_BYTES:
        raise PayloadTooLarge(f"a body has at most {BODY_BYTES} bytes")
    if asking.body and asking.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise UnsupportedMediaType(f"the body has to be {_JSON}", headers={"Accept": _JSON})
    try:
        return msgspec.json.decode(asking.body or b"{}", type=operation.takes)
    except msgspec.ValidationError as error:
        raise GatewayError(INVALID_PARAMS, str(error)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise GatewayError(PARSE_ERROR, str(error)) from None


def _idempotency_key(asking: Asking) -> str:
    """The request's Idempotency-Key; empty: it has none. Raises INVALID_REQUEST."""
    key = asking.headers.get("idempotency-key")
    if key is None:
        return ""
    if len(key) > KEY_CHARACTERS or not re.fullmatch(KEY_PATTERN, key):
        raise GatewayError(INVALID_REQUEST, f"an Idempotency-Key has 1 to {KEY_CHARACTERS} visible ASCII characters")
    return key


def _content(asking: Asking) -> bytes:
    """What tells a request from another one, in a few bytes."""
    return hashlib.sha256(asking.path.encode() + b"\0" + asking.body).digest()


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()


def _shown(body: Struct) -> str:
    """What a change was asked with, for the log: a message's text is its receivers' affair, and only its length is noted."""
    members = msgspec.to_builtins(body)
    if "message" in members:
        members["message"] = f"({len(members['message'])} characters)"
    return msgspec.json.encode(members).decode()
