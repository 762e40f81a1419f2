"""NERTC's tokens, verified and made: the basic token and the permission key. Pure.

**Basic token**: base64 of the JSON `{signature, curTime (ms), ttl (s)}`; signature = hex SHA-1 over appKey, uid, curTime, ttl,
channelName and AppSecret, joined without anything between them. So a token for channel `5room` and 60 seconds is also one for
channel `room` and 605: that is the vendor's format, and `MAX_TTL` bounds it. It opens the door and no more.

**Permission key**: JSON `{appkey, checksum, cname, curTime (s), expireTime (s from then), privilege, uid}`, deflated by zlib and
written in base64 with `*`, `-` and `_` for `+`, `/` and `=`; checksum = base64 of HMAC-SHA256 over the lines `name:value`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import zlib
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from gateway.auth.tokens import LEEWAY, MAX_BYTES, JoinToken
from gateway.errors import (
    PERMISSION_KEY_EXPIRED,
    PERMISSION_KEY_INVALID,
    TOKEN_EXPIRED,
    TOKEN_INTERNAL,
    TOKEN_INVALID,
    Fault,
    GatewayError,
)

MAX_TTL = 86_400
"""A basic token lasts for less seconds than this."""
SEND_AUDIO, SEND_VIDEO, RECEIVE_AUDIO, RECEIVE_VIDEO, CREATE_ROOM, JOIN_ROOM = (1 << bit for bit in range(6))
"""The privileges of a permission key."""
EVERYTHING = 2 * JOIN_ROOM - 1
_INFLATED_BYTES = 4 * 1024
"""A permission key is refused if it inflates to more."""
_OWN_ALPHABET, _STANDARD = b"*-_", b"+/="
_DIGITS = re.compile(r"0|[1-9][0-9]{0,19}")

_Time = Annotated[int, Meta(ge=0, lt=2**53)]


class _Basic(Struct, frozen=True):
    signature: Annotated[str, Meta(max_length=64)]
    curTime: _Time  # noqa: N815
    ttl: Annotated[int, Meta(gt=0, lt=MAX_TTL)]


class _PermissionKey(Struct, frozen=True):
    appkey: str
    checksum: Annotated[str, Meta(max_length=64)]
    cname: str
    curTime: _Time  # noqa: N815
    expireTime: Annotated[int, Meta(gt=0, lt=2**53)]  # noqa: N815
    privilege: Annotated[int, Meta(ge=0, lt=2**31)]
    uid: int | Annotated[str, Meta(max_length=20)]
    """A text where a program's numbers would not hold it."""


_decode_basic = msgspec.json.Decoder(_Basic).decode
_decode_key = msgspec.json.Decoder(_PermissionKey).decode
_UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)


# The basic token -------------------------------------------------------------------------------------------------------


def make_basic(secret: str, app: str, user: str, *, now: float, ttl: float, room: str) -> str:
    """A basic token that begins `now` and lasts `ttl` seconds. Raises ValueError if it could never be accepted."""
    begin, seconds = int(now * 1000), int(ttl)
    if not 0 < seconds < MAX_TTL:
        raise ValueError(f"a basic token lasts more than 0 and less than {MAX_TTL} seconds, not {ttl:g}")
    signature = _signature(secret, app, user, begin, seconds, room)
    return base64.b64encode(msgspec.json.encode(_Basic(signature, begin, seconds))).decode()


def verify_basic(text: str, secret: str, *, app: str, user: str, room: str, now: float) -> JoinToken:
    """What a basic token permits this user in this room: everything. Raises TOKEN_INVALID, TOKEN_EXPIRED, TOKEN_INTERNAL."""
    if not secret:
        raise GatewayError(TOKEN_INTERNAL, "the app has no AppSecret")
    try:
        token = _decode_basic(_bytes(text, TOKEN_INVALID))
    except _UNREADABLE:
        raise GatewayError(TOKEN_INVALID, "not a basic token") from None
    expected = _signature(secret, app, user, token.curTime, token.ttl, room)
    if not hmac.compare_digest(token.signature.encode(), expected.encode()):
        raise GatewayError(TOKEN_INVALID, "the signature does not fit the appKey, the uid, the channelName and the AppSecret")
    begins = token.curTime / 1000
    _check_begun(begins, now, TOKEN_INVALID)
    if begins + token.ttl + LEEWAY <= now:
        raise GatewayError(TOKEN_EXPIRED)
    return JoinToken(app, user, room, True, True, None, begins + token.ttl, door_only=True)


def _signature(secret: str, app: str, user: str, begin: int, ttl: int, room: str) -> str:
    return hashlib.sha1(f"{app}{user}{begin}{ttl}{room}{secret}".encode()).hexdigest()


# The permission key ----------------------------------------------------------------------------------------------------


def make_permission_key(
    secret: str, app: str, user: str, *, now: float, ttl: float, room: str, privilege: int = EVERYTHING
) -> str:
    """A permission key that begins `now` and lasts `ttl` seconds. Raises ValueError if it could never be accepted."""
    begin, seconds = int(now), int(ttl)
    if seconds <= 0:
        raise ValueError("a permission key lasts for a second at least")
    if not _DIGITS.fullmatch(user):
        raise ValueError("a permission key is for users whose ID is a number")
    checksum = _checksum(secret, app, user, begin, seconds, room, privilege)
    said = msgspec.json.encode(_PermissionKey(app, checksum, room, begin, seconds, privilege, int(user)))
    return base64.b64encode(zlib.compress(said)).translate(bytes.maketrans(_STANDARD, _OWN_ALPHABET)).decode()


def verify_permission_key(text: str, secret: str, *, app: str, user: str, room: str, now: float) -> JoinToken:
    """What a permission key permits this user in this room.

    Raises PERMISSION_KEY_INVALID, also if it does not permit to join; PERMISSION_KEY_EXPIRED, TOKEN_INTERNAL.
    """
    if not secret:
        raise GatewayError(TOKEN_INTERNAL, "the app has no permission secret")
    key = _permission_key(text)
    uid = str(key.uid)
    expected = _checksum(secret, key.appkey, uid, key.curTime, key.expireTime, key.cname, key.privilege)
    if not hmac.compare_digest(key.checksum.encode(), expected.encode()):
        raise _wrong("the checksum does not fit the permission secret")
    for what, said, asked in (("appKey", key.appkey, app), ("uid", uid, user), ("channelName", key.cname, room)):
        if said != asked:
            raise _wrong(f"it is for another {what}")
    _check_begun(key.curTime, now, PERMISSION_KEY_INVALID)
    ends = float(key.curTime + key.expireTime)
    if ends + LEEWAY <= now:
        raise GatewayError(PERMISSION_KEY_EXPIRED)
    if not key.privilege & JOIN_ROOM:
        raise _wrong("it does not permit to join")
    return JoinToken(app, user, room, True, bool(key.privilege & (SEND_AUDIO | SEND_VIDEO)), None, ends)


def _permission_key(text: str) -> _PermissionKey:
    """The key, if it can be read: nothing is inflated beyond what a key may hold."""
    if set(text) & set("+/="):
        raise _wrong("not a permission key")
    packed = _bytes(text.translate(str.maketrans(_OWN_ALPHABET.decode(), _STANDARD.decode())), PERMISSION_KEY_INVALID)
    inflating = zlib.decompressobj()
    try:
        said = inflating.decompress(packed, _INFLATED_BYTES)
        if not inflating.eof or inflating.unused_data:
            raise _wrong("cut off, or too long")
        return _decode_key(said)
    except (zlib.error, *_UNREADABLE):
        raise _wrong("not a permission key") from None


def _checksum(secret: str, app: str, user: str, begin: int, ttl: int, room: str, privilege: int) -> str:
    lines = {"appkey": app, "uid": user, "curTime": begin, "expireTime": ttl, "cname": room, "privilege": privilege}
    text = "".join(f"{name}:{value}\n" for name, value in lines.items())
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha256")).decode()


# Both ------------------------------------------------------------------------------------------------------------------


def _bytes(text: str, fault: Fault) -> bytes:
    if len(text) > MAX_BYTES:
        raise GatewayError(fault, f"longer than {MAX_BYTES} bytes")
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeError, binascii.Error):
        raise GatewayError(fault, "not base64") from None


def _check_begun(begins: float, now: float, fault: Fault) -> None:
    if begins > now + LEEWAY:
        raise GatewayError(fault, "not valid yet")


def _wrong(detail: str) -> GatewayError:
    return GatewayError(PERMISSION_KEY_INVALID, detail)
