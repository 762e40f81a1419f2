"""Reports over HTTP: `POST /v1/reports`, for programs that have no WebSocket at hand, or not any more.

A request brings several reports of one user and says who that is with a join token, as a login does. Its envelope has to be
right; of the reports within, each is taken or left out by itself. What they mean is for whoever takes them (`Intake`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from math import isfinite
from typing import Annotated, Any, Protocol

import msgspec
from msgspec import Meta, Raw, Struct
from sanic import HTTPResponse, Request, Sanic
from sanic.exceptions import PayloadTooLarge, SanicException
from sanic.response import empty, raw

from gateway.allowance import Allowances
from gateway.auth.tokens import JoinToken
from gateway.auth.verified import VerifiedTokens
from gateway.auth.verifier import IdRules, JoinTokens, Verifier
from gateway.config import Config, HttpSettings
from gateway.errors import (
    APP_UNKNOWN,
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    RATE_LIMITED,
    TOKEN_INVALID,
    TOKEN_MISSING,
    GatewayError,
)
from gateway.http.bodies import Bodies, inflated
from gateway.http.origin import Clients
from gateway.quality.reports import Direction, Dropped, Event, Parsed, parse_report
from gateway.rooms.model import ROOM_ID, USER_ID
from gateway.signaling.messages import wire_name

PATH = "/v1/reports"
USERS = 20_000
"""Users whose rate is kept count of, and whose token is known; the one not heard of for longest gives way."""
LATE = 15.0
"""Seconds after which a report says nothing of how a call does now: it is counted, and no more."""
BYTES_PER_REPORT = 16_384
"""A body costs a user as much as a report for each so many bytes, whatever it brings: looking through it takes its time."""
BAD_TOKENS_PER_SECOND = 5.0
"""Tokens from one address that may turn out to be no good, on the long run; then none from there is looked at that was not
good before."""
BAD_TOKENS_AT_ONCE = 100
ADDRESSES = 20_000
"""Addresses whose bad tokens are kept count of."""
_CORS = {"access-control-allow-origin": "*"}
_PREFLIGHT = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "Authorization, Content-Type, Content-Encoding",  # `*` would leave Authorization out
    "access-control-max-age": "86400",
}


class Intake(Protocol):
    """Takes reports of users, who need not be logged in any more."""

    def report(
        self, app: str, room_id: str, user_id: str, parsed: Parsed, direction: Direction, event: Event, stream_id: str = "",
        age: float = 0.0,
    ) -> None:  # fmt: skip
        """Takes one report, and counts it and what was left out of it. `room_id`: empty for one that comes late, which tells
        of no call that is going on; `stream_id`: empty where it was not said; `age`: how many seconds ago it was made, 0 to
        `LATE`."""


_NOT_TOLD = Raw(b"null")
_NOTHING = Raw()


class _Kind(Struct, frozen=True, rename=wire_name):
    """What a report is about."""

    direction: Direction
    event: Event


class _Report(_Kind, frozen=True, rename=wire_name):
    """One report, its data not yet looked into."""

    stream_id: Annotated[str, Meta(max_length=256)] = ""
    at: Raw = _NOT_TOLD
    data: Raw = Raw(b"{}")


class _Upload(Struct, frozen=True, rename=wire_name):
    """A request: whose reports it brings, and the reports, not yet looked at."""

    app_id: int | Annotated[str, Meta(max_length=256)]
    room_id: str
    user_id: str
    reports: Raw
    sent_at: Raw = _NOT_TOLD
    """When they are sent, by the clock that their own times are of: it need not be right."""


class Taken(Struct, frozen=True):
    """What a request is answered with."""

    taken: int
    dropped: dict[str, int]
    """Reports, and members of reports, that were left out, by reason."""


_decode_upload = msgspec.json.Decoder(_Upload).decode
_decode_report = msgspec.json.Decoder(_Report).decode
_decode_kind = msgspec.json.Decoder(_Kind).decode
_decode_number = msgspec.json.Decoder(float, strict=False).decode
_encode = msgspec.json.Encoder().encode
_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What msgspec raises of a text that is not JSON, or other JSON than is asked for."""


class _Patience:
    """A verifier that looks at no more tokens of one address while too many of them were no good. Whoever comes to the door is
    its `client` while their token is looked at."""

    def __init__(self, verifier: Verifier, clock: Callable[[], float]) -> None:
        self._verifier = verifier
        self._clock = clock
        self._left = Allowances(BAD_TOKENS_PER_SECOND, BAD_TOKENS_AT_ONCE, ADDRESSES)
        self.client = ""

    def verify(self, text: str, *, app: str, user: str, room: str, now: float) -> JoinToken:
        at = self._clock()
        if wait := self._left.take(self.client, at):
            raise GatewayError(RATE_LIMITED, after_ms=int(wait * 1000) + 1)
        token = self._verifier.verify(text, app=app, user=user, room=room, now=now)
        self._left.take(self.client, at, -1)  # what is good costs nothing
        return token

    def verify_app_sign(self, text: str, *, app: str, user: str) -> JoinToken:
        return self._verifier.verify_app_sign(text, app=app, user=user)

    def rules(self, dialect: str, token: str) -> IdRules:
        return self._verifier.rules(dialect, token)


class Reports:
    """The door for reports over HTTP. `dropped`: counts those that never reach `intake`, by reason. `clock`: seconds,
    monotonic; `wall_clock`: Unix time."""

    def __init__(
        self, config: Config, intake: Intake, dropped: Counter[str], clock: Callable[[], float],
        wall_clock: Callable[[], float], verifier: Verifier | None = None,
    ) -> None:  # fmt: skip
        quality = config.quality
        self._apps = config.apps
        self._intake = intake
        self._dropped = dropped
        self._clock = clock
        self._wall_clock = wall_clock
        self._most = quality.batch_reports
        self._split = _splitter(self._most + 1)
        self._data_bytes = config.signaling.report_bytes
        self._allowances = Allowances(quality.reports_per_second, quality.reports_burst, USERS)
        self._patience = _Patience(verifier or JoinTokens(config.apps), clock)
        self._tokens = VerifiedTokens(self._patience, USERS)
        self.clients = Clients(config.listen.trusted_proxies)
        self.asks_for_tokens = not any(settings.debug for settings in config.apps.values())
        """Nobody reports without one: no app is in debug mode."""
        self.refusals: Counter[str] = Counter()
        """Requests that were refused as a whole, by the fault's name."""

    def take(self, body: bytes, token: str, client: str = "") -> Taken:
        """Takes what a request brings. `body`: inflated; `token`: empty where there is none; `client`: the address that it
        comes from. Raises GatewayError."""
        upload, now = _upload(body), self._wall_clock()
        app, room, user = str(upload.app_id), upload.room_id, upload.user_id
        self._patience.client = client
        self._admit(app, room, user, token, now)
        reports, dropped = self._reports(upload.reports, (app, user), max(1, len(body) // BYTES_PER_REPORT))
        sent = _moment(upload.sent_at) or now
        taken, left_out = 0, list[Dropped]()
        for report in reports:
            data = bytes(report.data)
            if len(data) > self._data_bytes:
                dropped[Dropped.TOO_LARGE] += 1
                continue
            parsed, made = parse_report(report.direction, report.event, data), _moment(report.at)
            age = sent - made if made is not None else 0.0
            self._intake.report(
                app, room if age <= LATE else "", user, parsed, report.direction, report.event, report.stream_id,
                min(max(0.0, age), LATE),
            )  # fmt: skip
            taken += parsed.report is not None
            left_out += parsed.dropped
        if dropped or left_out:
            self._dropped.update(dropped)
            dropped.update(left_out)
        return Taken(taken, dropped)

    def _admit(self, app: str, room: str, user: str, token: str, now: float) -> None:
        """Who may log in may report. Raises GatewayError."""
        settings = self._apps.get(app)
        if settings is None:
            raise GatewayError(APP_UNKNOWN)
        ROOM_ID.check(room)
        USER_ID.check(user)
        if settings.debug:
            return
        if not token:
            raise _token_missing()
        if not self._tokens.verify(token, app=app, user=user, room=room, now=now).may_login:
            raise GatewayError(TOKEN_INVALID, "it does not permit to log in")

    def _reports(self, batch: Raw, whose: tuple[str, str], least: int) -> tuple[Sequence[_Report], Counter[str]]:
        """Those of a batch that can be read, and what is wrong with the others. `least`: what is taken from the user's
        allowance before it is looked into. Raises INVALID_PARAMS, RATE_LIMITED."""
        self._charge(whose, least)
        try:
            parts = self._split(batch)
        except msgspec.ValidationError:
            raise GatewayError(INVALID_PARAMS, "reports has to be a list") from None
        if len(parts) > self._most:
            raise GatewayError(INVALID_PARAMS, f"a request brings at most {self._most} reports")
        if len(parts) > least:
            self._charge(whose, len(parts) - least, least)
        return _one_by_one(parts)

    def _charge(self, whose: tuple[str, str], amount: int, before: int = 0) -> None:
        """`before`: what has been taken for the same batch."""
        if wait := self._allowances.take(whose, self._clock(), amount, before):
            raise GatewayError(RATE_LIMITED, after_ms=int(wait * 1000) + 1)


def add_intake(app: Sanic[Any, Any], door: Reports, bodies: Bodies, settings: HttpSettings) -> None:
    """Serves `POST /v1/reports`. Pages of other origins may ask: they need a token, and no cookie is looked at."""

    async def take(request: Request[Any, Any]) -> HTTPResponse:
        try:
            token = _bearer(request)
            if door.asks_for_tokens and not token:  # whatever the body says
                raise _token_missing()
            body = await bodies.read(request, settings.body_bytes, settings.request_deadline)
            data, whole = _inflated(body, request.headers.get("content-encoding", ""), settings.body_bytes)
            if not whole:
                raise PayloadTooLarge(f"a body has at most {settings.body_bytes} bytes when it is inflated")
            taken = door.take(data, token, door.clients.address(request))
        except GatewayError as error:
            door.refusals[error.fault.name] += 1
            raise
        except SanicException as error:
            door.refusals[type(error).__name__] += 1
            raise
        return raw(_encode(taken), content_type="application/json", headers=_CORS)

    async def preflight(request: Request[Any, Any]) -> HTTPResponse:
        return empty(headers=_PREFLIGHT)

    app.add_route(take, PATH, methods=["POST"], name="reports", stream=True)
    app.add_route(preflight, PATH, methods=["OPTIONS"], name="reports_preflight")


def _token_missing() -> GatewayError:
    return GatewayError(TOKEN_MISSING, "Authorization: Bearer TOKEN is needed")


def _upload(body: bytes) -> _Upload:
    try:
        return _decode_upload(body)
    except msgspec.ValidationError as error:
        raise GatewayError(INVALID_PARAMS, str(error)) from None
    except _UNREADABLE as error:
        raise GatewayError(PARSE_ERROR, str(error)) from None


def _inflated(body: bytes, coding: str, most: int) -> tuple[bytes, bool]:
    try:
        return inflated(body, coding, most)
    except ValueError as error:
        raise GatewayError(INVALID_REQUEST, str(error)) from None


def _bearer(request: Request[Any, Any]) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


@cache
def _splitter(most: int) -> Callable[[Raw], list[Raw]]:
    """What takes a list apart into its first parts, as they are written, and only reads past what follows: a tuple of so many
    members may be followed by others. It raises msgspec.ValidationError of what is no list."""
    shape = msgspec.defstruct("Parts", [(f"part_{number}", Raw, _NOTHING) for number in range(most)], array_like=True)
    decode = msgspec.json.Decoder(shape).decode
    return lambda batch: [part for part in msgspec.structs.astuple(decode(batch)) if part is not _NOTHING]


def _one_by_one(parts: Sequence[Raw]) -> tuple[list[_Report], Counter[str]]:
    """The reports among these, and what is wrong with the others."""
    reports: list[_Report] = []
    wrong = Counter[str]()
    for part in parts:
        try:
            reports.append(_decode_report(part))
        except _UNREADABLE:
            wrong[_wrong_with(bytes(part))] += 1
    return reports, wrong


def _wrong_with(report: bytes) -> Dropped:
    """Why this is no report."""
    if not report.startswith(b"{"):
        return Dropped.NOT_AN_OBJECT
    try:
        _decode_kind(report)
    except _UNREADABLE:
        return Dropped.UNKNOWN_EVENT
    return Dropped.OUT_OF_RANGE  # its streamID


def _moment(told: Raw) -> float | None:
    """A moment, in seconds, that somebody tells in milliseconds; None: it was not told, or cannot be read."""
    if told is _NOT_TOLD:
        return None
    try:
        moment = _decode_number(told) / 1000
    except _UNREADABLE:
        return None
    return moment if isfinite(moment) else None
