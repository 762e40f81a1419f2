"""Join tokens: the signed statement of an app's own backend that a user may enter.

A join token is a JWT (RFC 7519), HS256 only, signed with the app's secret. Its claims:

| claim | |
|---|---|
| `exp`, `iat` | seconds since 1970; required, at most 30 days apart |
| `iss` | the appID, a string; required |
| `sub` | the userID, a string; required |
| `aud` | `"join"` (or a list that holds it); required |
| `nbf` | seconds since 1970 |
| `room` | the only roomID that may be entered |
| `privileges` | `{"login": bool, "publish": bool}`; what is not named is permitted |
| `streams` | the only streamIDs that may be published; any may be played |

Pure: `now` is an argument (seconds since 1970). No error that is raised here holds any part of a token.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.algorithms import HMACAlgorithm

from gateway import errors
from gateway.errors import GatewayError

ALGORITHM = "HS256"
AUDIENCE = "join"
LEEWAY = 30.0
"""Seconds by which the clocks of an app's backend and of the gateway may differ."""
MAX_LIFETIME = 30 * 24 * 3600
"""Largest distance of `exp` from `iat`, in seconds."""
MAX_BYTES = 8 * 1024
"""A longer token is refused unread."""
SECRET_BYTES = 32
"""A shorter secret is refused (RFC 7518 section 3.2)."""

_PRIVILEGES = ("login", "publish")
_TIMES_ARE_CHECKED_HERE = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


@dataclass(frozen=True, slots=True)
class JoinToken:
    """What a verified token says."""

    app: str
    user: str
    room: str | None
    """The only room that may be entered; None: any."""
    may_login: bool
    may_publish: bool
    streams: frozenset[str] | None
    """The only streams that may be published; None: any."""
    expires_at: float
    """Seconds since 1970."""
    door_only: bool = False
    """It is looked at when a session begins and never again: the session may outlast it."""

    @property
    def session_ends_at(self) -> float | None:
        """The end of what it permits a session, in seconds since 1970; None: it sets none."""
        return None if self.door_only else self.expires_at


def check_secret(secret: str) -> None:
    """Raises ValueError, whose text does not hold the secret, for one that nothing may be signed with."""
    if len(secret.encode()) < SECRET_BYTES:
        raise ValueError(f"a secret has at least {SECRET_BYTES} bytes")
    try:
        HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret)
    except jwt.InvalidKeyError:
        raise ValueError("a secret is a random text, not a PEM or SSH key") from None


def make_token(
    secret: str,
    app: str,
    user: str,
    *,
    now: float,
    ttl: float,
    room: str | None = None,
    may_login: bool = True,
    may_publish: bool = True,
    streams: Iterable[str] | None = None,
) -> str:
    """A join token that begins `now` and lasts `ttl` seconds.

    Raises ValueError if the token could never be accepted: `ttl` not above 0 or above `MAX_LIFETIME`, or too many
    streams for `MAX_BYTES`.
    """
    begin = int(now)
    end = math.ceil(begin + ttl)
    if not 0 < end - begin <= MAX_LIFETIME:
        raise ValueError(f"a token lasts more than 0 and at most {MAX_LIFETIME} seconds, not {ttl:g}")
    claims: dict[str, Any] = {"iss": app, "sub": user, "aud": AUDIENCE, "iat": begin, "exp": end}
    if room is not None:
        claims["room"] = room
    if not (may_login and may_publish):
        claims["privileges"] = {"login": may_login, "publish": may_publish}
    if streams is not None:
        claims["streams"] = sorted(streams)
    text = jwt.encode(claims, secret, algorithm=ALGORITHM)
    if len(text) > MAX_BYTES:
        raise ValueError(f"the token is longer than {MAX_BYTES} bytes; name fewer streams")
    return text


def verify_token(text: str, secret: str, *, app: str, user: str, room: str | None, now: float) -> JoinToken:
    """Check `text` against the app's secret and against who wants to enter which room (None: no room is asked for).

    Whether the privileges suffice is for the caller to decide. Raises GatewayError: TOKEN_MISSING (empty),
    TOKEN_INVALID, TOKEN_APP_MISMATCH, TOKEN_USER_MISMATCH, TOKEN_EXPIRED.
    """
    claims = _signed_claims(text, secret, app)
    audience = claims.get("aud")
    if audience != AUDIENCE and not (isinstance(audience, list) and AUDIENCE in audience):
        raise _invalid('aud has to be "join"')
    if _text(claims, "iss") != app:
        raise GatewayError(errors.TOKEN_APP_MISMATCH)
    if _text(claims, "sub") != user:
        raise GatewayError(errors.TOKEN_USER_MISMATCH)
    expires_at = _check_times(claims, now)
    token_room = _text(claims, "room") if "room" in claims else None
    if token_room is not None and room is not None and token_room != room:
        raise _invalid("the token is for another room")
    may_login, may_publish = _privileges(claims)
    return JoinToken(app, user, token_room, may_login, may_publish, _streams(claims), expires_at)


def _invalid(detail: str) -> GatewayError:
    return GatewayError(errors.TOKEN_INVALID, detail)


def _signed_claims(text: str, secret: str, app: str) -> Mapping[str, Any]:
    if not text:
        raise GatewayError(errors.TOKEN_MISSING)
    if len(text) > MAX_BYTES:
        raise _invalid(f"longer than {MAX_BYTES} bytes")
    if not text.isascii():
        raise _invalid("not a JWT")
    try:
        return _decode(text, secret)
    except jwt.InvalidSignatureError:
        if _claimed_issuer(text) not in (app, None):
            raise GatewayError(errors.TOKEN_APP_MISMATCH) from None
        raise _invalid("the signature does not fit the app's secret") from None
    except jwt.InvalidAlgorithmError:
        raise _invalid(f"the algorithm has to be {ALGORITHM}") from None
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise _invalid("not a JWT") from None


def _decode(text: str, secret: str) -> Mapping[str, Any]:
    claims: Mapping[str, Any] = jwt.decode(text, secret, algorithms=[ALGORITHM], options=_TIMES_ARE_CHECKED_HERE)  # type: ignore[arg-type]
    return claims


def _claimed_issuer(text: str) -> str | None:
    """The app that a token with a wrong signature says it is for: only good for telling what is wrong with it."""
    try:
        issuer = jwt.decode(text, options={"verify_signature": False}).get("iss")
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None
    return issuer if isinstance(issuer, str) else None


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str):
        raise _invalid(f"{name} has to be a string")
    return value


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        raise _invalid(f"{name} has to be a number of seconds since 1970")
    return float(value)


def _check_times(claims: Mapping[str, Any], now: float) -> float:
    issued, expires = _time(claims, "iat"), _time(claims, "exp")
    if not 0 < expires - issued <= MAX_LIFETIME:
        raise _invalid("exp has to be after iat, by 30 days at most")
    if max(issued, _time(claims, "nbf") if "nbf" in claims else 0.0) > now + LEEWAY:
        raise _invalid("not valid yet")
    if expires + LEEWAY <= now:
        raise GatewayError(errors.TOKEN_EXPIRED)
    return expires


def _privileges(claims: Mapping[str, Any]) -> tuple[bool, bool]:
    given = claims.get("privileges", {})
    if not isinstance(given, dict):
        raise _invalid("privileges has to be an object")
    values = [given.get(name, True) for name in _PRIVILEGES]
    if not all(isinstance(value, bool) for value in values):
        raise _invalid("privileges have to be true or false")
    return values[0], values[1]


def _streams(claims: Mapping[str, Any]) -> frozenset[str] | None:
    if "streams" not in claims:
        return None
    streams = claims["streams"]
    if not isinstance(streams, list) or not all(isinstance(stream, str) for stream in streams):
        raise _invalid("streams has to be a list of streamIDs")
    return frozenset(streams)
