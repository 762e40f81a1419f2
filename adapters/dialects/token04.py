"""token04: the token that a ZEGO app's backend makes, verified and made. Pure: times, nonces and IVs are arguments.

`"04"` + base64 of: expiry (int64 BE, Unix seconds) · length of the IV (int16 BE), IV · length of the cipher text (int16 BE),
cipher text; that is AES-CBC with PKCS#7 padding, by the 32 bytes of the app's ServerSecret, of the JSON
`{app_id, user_id, nonce, ctime, expire, payload}`. `payload` is empty, or JSON in a text:
`{"room_id": "…", "privilege": {"1": 0|1 (log in), "2": 0|1 (publish)}, "stream_id_list": null|[…]}`.

The cipher is not authenticated. Whoever could tell wrong padding from wrong JSON could make tokens of their own with some
ten thousand questions; so everything that can be wrong up to the JSON is one and the same refusal, and it is not found out
earlier for the one than for the other.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterable
from typing import Annotated, Any, TypeGuard

import msgspec
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from msgspec import Meta, Struct

from gateway.auth.tokens import LEEWAY, MAX_BYTES, JoinToken
from gateway.errors import (
    TOKEN_APP_MISMATCH,
    TOKEN_EXPIRED,
    TOKEN_FORMAT,
    TOKEN_INTERNAL,
    TOKEN_INVALID,
    TOKEN_NONCE,
    TOKEN_USER_MISMATCH,
    TOKEN_VERSION,
    GatewayError,
)

VERSION = "04"
SECRET_BYTES = 32
IV_BYTES = 16
LOG_IN, PUBLISH = "1", "2"
"""The privileges."""

_BLOCK = 16
_EXPIRY, _LENGTH = struct.Struct(">q"), struct.Struct(">h")
_INT64 = 2**63


class _Payload(Struct, frozen=True):
    """What a token restricts its user to."""

    room_id: str | None = None
    privilege: dict[Annotated[str, Meta(max_length=16)], int] | None = None
    stream_id_list: list[str] | None = None


_decode = msgspec.json.Decoder().decode
_decode_payload = msgspec.json.Decoder(_Payload).decode
_UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)


def make(
    secret: str, app: str, user: str, *, now: float, ttl: float, nonce: int, iv: bytes, payload: str = ""
) -> str:  # fmt: skip
    """A token that begins `now` and lasts `ttl` seconds. `nonce`: 32 random bits, signed; `iv`: `IV_BYTES` random ones.

    Raises ValueError if it could never be accepted.
    """
    if len(secret.encode()) != SECRET_BYTES:
        raise ValueError(f"a ServerSecret has {SECRET_BYTES} bytes")
    if not app.isdecimal() or str(int(app)) != app:
        raise ValueError("token04 is for apps whose ID is a number")
    begin = int(now)
    expires = begin + int(ttl)
    if expires <= begin:
        raise ValueError("a token lasts for a second at least")
    said = {
        "app_id": int(app), "user_id": user, "nonce": nonce, "ctime": begin, "expire": expires, "payload": payload,
    }  # fmt: skip
    plain = msgspec.json.encode(said)
    padding = _BLOCK - len(plain) % _BLOCK
    encryptor = Cipher(AES(secret.encode()), CBC(iv)).encryptor()
    sealed = encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()
    parts = (_EXPIRY.pack(expires), _LENGTH.pack(len(iv)), iv, _LENGTH.pack(len(sealed)), sealed)
    return VERSION + base64.b64encode(b"".join(parts)).decode()


def make_payload(
    room: str | None = None, *, may_login: bool = True, may_publish: bool = True, streams: Iterable[str] | None = None
) -> str:
    """The payload of a token that is good for one room (None: any), with these privileges, for these streams (None: any)."""
    said = {
        "room_id": room or "", "privilege": {LOG_IN: int(may_login), PUBLISH: int(may_publish)},
        "stream_id_list": None if streams is None else sorted(streams),
    }  # fmt: skip
    return msgspec.json.encode(said).decode()


def verify(text: str, secret: str, *, app: str, user: str, room: str, now: float) -> JoinToken:
    """What a token permits this user in this room. Whether that suffices is for the caller to decide.

    Raises GatewayError: TOKEN_VERSION, TOKEN_FORMAT, TOKEN_INVALID (not made with this secret, or for another room),
    TOKEN_APP_MISMATCH, TOKEN_USER_MISMATCH, TOKEN_NONCE, TOKEN_EXPIRED, TOKEN_INTERNAL.
    """
    said_expiry, iv, sealed = _opened(text)
    said = _decrypted(sealed, iv, secret)
    app_id = said.get("app_id")
    if not _is_integer(app_id) or str(app_id) != app:
        raise GatewayError(TOKEN_APP_MISMATCH)
    if said.get("user_id") != user:
        raise GatewayError(TOKEN_USER_MISMATCH)
    if not _is_integer(said.get("nonce")):
        raise GatewayError(TOKEN_NONCE)
    expires = said.get("expire")
    if not _is_integer(expires) or expires < 0:
        raise GatewayError(TOKEN_EXPIRED, "expire has to be a number of seconds since 1970")
    if expires != said_expiry:
        raise GatewayError(TOKEN_FORMAT, "it names two times of its end")
    if expires + LEEWAY <= now:
        raise GatewayError(TOKEN_EXPIRED)
    payload = _payload(said.get("payload", ""))
    if payload.room_id and payload.room_id != room:
        raise GatewayError(TOKEN_INVALID, "the token is for another room")
    rights = payload.privilege
    may_login, may_publish = (rights is None or rights.get(name) == 1 for name in (LOG_IN, PUBLISH))
    streams = frozenset(payload.stream_id_list) if payload.stream_id_list else None
    return JoinToken(app, user, payload.room_id or None, may_login, may_publish, streams, float(expires))


def _opened(text: str) -> tuple[int, bytes, bytes]:
    """The outer expiry, the IV and the cipher text."""
    if len(text) > MAX_BYTES:
        raise _malformed(f"longer than {MAX_BYTES} bytes")
    if not text.startswith(VERSION):
        raise GatewayError(TOKEN_VERSION, f"it does not begin with {VERSION}")
    try:
        packed = base64.b64decode(text[len(VERSION) :].encode("ascii"), validate=True)
    except (UnicodeError, binascii.Error):
        raise _malformed("not base64") from None
    try:
        (expiry,) = _EXPIRY.unpack_from(packed)
        iv, rest = _counted(packed, _EXPIRY.size)
        sealed, end = _counted(packed, rest)
    except struct.error:
        raise _malformed("cut off") from None
    if len(iv) != IV_BYTES or not sealed or len(sealed) % _BLOCK or end != len(packed):
        raise _malformed("its parts do not fit")
    return expiry, iv, sealed


def _counted(packed: bytes, at: int) -> tuple[bytes, int]:
    """The bytes that their own length precedes, and where they end."""
    (length,) = _LENGTH.unpack_from(packed, at)
    begin = at + _LENGTH.size
    end = begin + length
    if not begin <= end <= len(packed):
        raise struct.error
    return packed[begin:end], end


def _decrypted(sealed: bytes, iv: bytes, secret: str) -> dict[str, Any]:
    """The token's JSON object. See above for why there is one refusal."""
    key = secret.encode()
    if len(key) != SECRET_BYTES:
        raise GatewayError(TOKEN_INTERNAL, "the app has no ServerSecret")
    try:
        decryptor = Cipher(AES(key), CBC(iv)).decryptor()
        plain = decryptor.update(sealed) + decryptor.finalize()
    except (InternalError, UnsupportedAlgorithm):
        raise GatewayError(TOKEN_INTERNAL) from None
    end = plain.rfind(b"}") + 1
    padding = plain[end:]
    is_padded = 0 < len(padding) <= _BLOCK and padding == bytes([len(padding) % 256]) * len(padding)
    try:
        said = _decode(plain[:end])
    except _UNREADABLE:
        said = None
    if not is_padded or not isinstance(said, dict):
        raise GatewayError(TOKEN_INVALID, "it was not made with the app's ServerSecret")
    return said


def _payload(text: object) -> _Payload:
    if not isinstance(text, str):
        raise _malformed("payload has to be a text")
    if not text:
        return _Payload()
    try:
        return _decode_payload(text)
    except _UNREADABLE:
        raise _malformed("payload has to be empty, or JSON with room_id, privilege and stream_id_list") from None


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and -_INT64 <= value < _INT64


def _malformed(detail: str) -> GatewayError:
    return GatewayError(TOKEN_FORMAT, detail)
