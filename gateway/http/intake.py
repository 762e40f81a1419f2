"""Reports over HTTP: `POST /v1/reports`, for programs that have no WebSocket at hand, or not any more.

A request brings several reports of one user and says who that is with a join token, as a login does. Its envelope has to be
right; of the reports within, each is taken or left out by itself. What they mean is for whoever takes them (`Intake`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
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
from gateway.quality.batches import NOT_TOLD, UNREADABLE, Batches, Part, milliseconds
from gateway.quality.reports import Dropped, Told
from gateway.rooms.model import ROOM_ID, USER_ID
from gateway.signaling.messages import wire_name

PATH = "/v1/reports"
USERS = 20_000
"""Users whose rate is kept count of, and whose token is known; the one not heard of for longest gives way."""
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

    def reports(self, app: str, room_id: str, user_id: str, told: Iterable[Told]) -> None:
        """Takes a user's reports, and counts them and what was left out of them."""


class _Upload(Struct, frozen=True, rename=wire_name):
    """A request: whose reports it brings, and the reports, not yet looked at."""

    app_id: int | Annotated[str, Meta(max_length=256)]
    room_id: str
    user_id: str
    reports: Raw
    sent_at: Raw = NOT_TOLD
    """When they are sent, by the clock that their own times are of: it need not be right."""


class Taken(Struct, frozen=True):
    """What a request is answered with."""

    taken: int
    dropped: dict[str, int]
    """Reports, and members of reports, that were left out, by reason."""


_decode_upload = msgspec.json.Decoder(_Upload).decode
_encode = msgspec.json.Encoder().encode


class _Patience:
    """A verifier that looks at no more tokens of one address while too many of them were no good. Whoever comes to the door is
    its `client` while their token is looked at."""

    def __init__(self, verifier: Verifier, clock: Callable[[], float]) -> None:
        self._verifier = verifier
        self._clock = clock
        self._left = Allowances(BAD_TOKENS_PER_SECOND, BAD_TOKENS_AT_ONCE, ADDRESSES)
        self.client = ""

    def verify(self, text: str, *, app: str, user: str, room: str, now: float) -> JoinToken:
        ROOM_ID.check(room)
        USER_ID.check(user)
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
        self._batches = Batches(self._most, config.signaling.report_bytes)
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
        parts = self._parts(upload.reports, (app, user), max(1, len(body) // BYTES_PER_REPORT))
        at = milliseconds(upload.sent_at)
        sent = now if at is None else at / 1000
        reports, taken, dropped, left_out = list[Told](), 0, Counter[str](), list[Dropped]()
        for part in parts:
            told = self._batches.read(part, sent)
            if isinstance(told, Dropped):
                dropped[told] += 1
                continue
            reports.append(told)
            taken += told.parsed.report is not None
            left_out += told.parsed.dropped
        self._intake.reports(app, room, user, reports)
        if dropped or left_out:
            self._dropped.update(dropped)
            dropped.update(left_out)
        return Taken(taken, dropped)

    def _admit(self, app: str, room: str, user: str, token: str, now: float) -> None:
        """Who may log in may report. Raises GatewayError."""
        settings = self._apps.get(app)
        if settings is None:
            raise GatewayError(APP_UNKNOWN)
        if settings.debug:
            ROOM_ID.check(room)
            USER_ID.check(user)
            return
        if not token:
            raise _token_missing()
        if not self._tokens.verify(token, app=app, user=user, room=room, now=now).may_login:
            raise GatewayError(TOKEN_INVALID, "it does not permit to log in")

    def _parts(self, batch: Raw, whose: tuple[str, str], least: int) -> Sequence[Part]:
        """A batch taken apart and paid for. `least`: what is taken from the user's allowance before it is looked into. Raises
        INVALID_PARAMS, RATE_LIMITED."""
        self._charge(whose, least)
        try:
            parts = self._batches.parts(batch)
        except msgspec.ValidationError:
            raise GatewayError(INVALID_PARAMS, "reports has to be a list") from None
        except UNREADABLE as error:  # it goes deeper than can be followed from here
            raise GatewayError(PARSE_ERROR, str(error)) from None
        if len(parts) > self._most:
            raise GatewayError(INVALID_PARAMS, f"a request brings at most {self._most} reports")
        if len(parts) > least:
            self._charge(whose, len(parts) - least, least)
        return parts

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
    except UNREADABLE as error:
        raise GatewayError(PARSE_ERROR, str(error)) from None


def _inflated(body: bytes, coding: str, most: int) -> tuple[bytes, bool]:
    try:
        return inflated(body, coding, most)
    except ValueError as error:
        raise GatewayError(INVALID_REQUEST, str(error)) from None


def _bearer(request: Request[Any, Any]) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
