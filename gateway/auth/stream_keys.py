"""Stream keys: what lets a connection publish or play one stream, and the addresses that carry them.

A key is three base64url parts joined by dots, `app.body.mac` (lengths in bytes):

| part | |
|---|---|
| app | the appID, UTF-8 |
| body | version (1), flags (1), expiry in seconds since 1970 (4, big endian), digest of the streamID (8), then the tail |
| tail | the grant's id (UTF-8), or a nonce (8) and the userID (UTF-8) |
| mac | the first 16 bytes of HMAC-SHA256 over `app.body` as it is written |

The app can be read before its secret is known. The streamID is not in the key: its digest (keyed, so that nobody can
search for a second streamID with the same one) says which of the spellings of a name that arrived is meant, because
some clients percent-decode an address before they send it and some do not.

A key with a grant's id is good while that grant lives; a key without one is good by itself (`gateway url`). Expiry is
exposed here, not checked: it limits the first connection only, and only the caller knows which one that is.

Pure: no clock, no randomness. No error that is raised here holds any part of a key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_to_bytes

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway import errors
from gateway.auth.access import Action
from gateway.errors import GatewayError

APPLICATION = "live"
"""The first part of every media address's path (RTMP: the application)."""
NONCE_BYTES = 8
MAX_CHARACTERS = 512
"""A longer key is refused unread."""

_VERSION = 1
_PLAY = 0x01
_SESSIONLESS = 0x02
_HEAD = struct.Struct(">BBI8s")
_DIGEST_BYTES = 8
_MAC_BYTES = 16
_LABEL = b"stream-key"
_KEY_MARKS = ("?key=", "&key=")
_QUERY = re.compile(r"[?&]|%3f|%26", re.IGNORECASE)
_LOGGED = 256
_ADDED_PREFIXES = ("mp4:", "mp3:", "flv:")
_LOST_ENDINGS = (".flv", ".mp4", ".f4v", ".mp3")
"""What clients of librtmp's and ffmpeg's families put in front of a name because of its ending, and what they cut off."""


class StreamKey:
    """A key's text. It masks itself wherever it is printed; `reveal` is the one way to the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text, for the one whom the key is for."""
        return self._text

    def __repr__(self) -> str:
        return "StreamKey(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StreamKey):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)


@dataclass(frozen=True, slots=True)
class ParsedKey:
    """What a well-formed key says. Nothing of it may be believed before `KeySigner.verify`."""

    app: str
    action: Action
    expires_at: int
    """Seconds since 1970; limits the first connection only."""
    grant_id: str | None
    """The grant that the key belongs to; None: good by itself."""
    user: str
    """The userID of a key that is good by itself, otherwise empty."""
    nonce: bytes
    """Tells keys that are good by themselves apart; otherwise empty."""
    _digest: bytes = field(repr=False)
    _signed: bytes = field(repr=False)
    _mac: bytes = field(repr=False)


class KeySigner:
    """Signs and verifies the stream keys of one app. Made once per app, because it derives its keys."""

    def __init__(self, secret: str) -> None:
        derived = HKDF(algorithm=SHA256(), length=64, salt=None, info=_LABEL).derive(secret.encode())
        self._mac_key, self._digest_key = derived[:32], derived[32:]

    def sign(
        self,
        app: str,
        action: Action,
        stream_id: str,
        *,
        grant_id: str | None,
        user: str,
        expires_at: float,
        nonce: bytes = b"",
    ) -> StreamKey:
        """A key for `stream_id`: of a grant, or (`grant_id` None) good by itself, with `NONCE_BYTES` of randomness.

        `user` is written into the latter kind only. `expires_at`: seconds since 1970. Raises ValueError for a nonce
        of another length.
        """
        flags = _PLAY if action is Action.PLAY else 0
        if grant_id is not None:
            tail = grant_id.encode()
        elif len(nonce) == NONCE_BYTES:
            flags |= _SESSIONLESS
            tail = nonce + user.encode()
        else:
            raise ValueError(f"a key without a grant needs a nonce of {NONCE_BYTES} bytes")
        body = _HEAD.pack(_VERSION, flags, math.ceil(expires_at), self._digest(stream_id)) + tail
        signed = f"{_encode(app.encode())}.{_encode(body)}"
        return StreamKey(f"{signed}.{_encode(self._mac(signed.encode()))}")

    def verify(self, key: ParsedKey, action: Action, names: Iterable[str]) -> str:
        """The streamID that the key is for, which is one of `names`.

        Raises GatewayError: KEY_FOREIGN, KEY_WRONG_ACTION, KEY_WRONG_STREAM.
        """
        if not hmac.compare_digest(self._mac(key._signed), key._mac):
            raise GatewayError(errors.KEY_FOREIGN)
        if key.action is not action:
            raise GatewayError(errors.KEY_WRONG_ACTION)
        for name in names:
            if hmac.compare_digest(self._digest(name), key._digest):
                return name
        raise GatewayError(errors.KEY_WRONG_STREAM)

    def _mac(self, signed: bytes) -> bytes:
        return hmac.digest(self._mac_key, signed, hashlib.sha256)[:_MAC_BYTES]

    def _digest(self, stream_id: str) -> bytes:
        return hmac.digest(self._digest_key, stream_id.encode(), hashlib.sha256)[:_DIGEST_BYTES]


def read(text: str) -> ParsedKey:
    """What the key `text` says, unverified. Raises GatewayError: KEY_MISSING (empty), KEY_BROKEN."""
    if not text:
        raise GatewayError(errors.KEY_MISSING)
    parts = text.split(".") if len(text) <= MAX_CHARACTERS else []
    if len(parts) != 3:
        raise GatewayError(errors.KEY_BROKEN)
    try:
        app, body, mac = (_decode(part) for part in parts)
        return _parse(app.decode(), body, mac, text[: text.rindex(".")].encode())
    except ValueError:
        raise GatewayError(errors.KEY_BROKEN) from None


def _parse(app: str, body: bytes, mac: bytes, signed: bytes) -> ParsedKey:
    """Raises ValueError if anything is not as `KeySigner.sign` writes it."""
    if len(body) <= _HEAD.size or len(mac) != _MAC_BYTES:
        raise ValueError("length")
    version, flags, expires_at, digest = _HEAD.unpack_from(body)
    if version != _VERSION or flags & ~(_PLAY | _SESSIONLESS):
        raise ValueError("version or flags")
    tail, grant_id, nonce, user = body[_HEAD.size :], None, b"", ""
    if flags & _SESSIONLESS:
        nonce, user = tail[:NONCE_BYTES], tail[NONCE_BYTES:].decode()
        if len(nonce) != NONCE_BYTES:
            raise ValueError("nonce")
    else:
        grant_id = tail.decode()
    action = Action.PLAY if flags & _PLAY else Action.PUBLISH
    return ParsedKey(app, action, expires_at, grant_id, user, nonce, digest, signed, mac)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    """Strict base64url: raises ValueError for any text that `_encode` does not make."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if _encode(data) != text:
        raise ValueError("not canonical")
    return data


def push_url(base: str, stream_id: str, key: StreamKey) -> str:
    """The address that a live-pusher is given. `base`: `rtmp://HOST[:PORT]`."""
    return f"{base}/{APPLICATION}/{encode_stream_id(stream_id)}?key={key.reveal()}"


def pull_url(protocol: str, base: str, stream_id: str, key: StreamKey) -> str:
    """The address that a live-player is given. `protocol`: `rtmp`, or `flv` with an HTTP `base`."""
    if protocol not in ("rtmp", "flv"):
        raise ValueError(f"there is no pull address for {protocol!r}")
    suffix = ".flv" if protocol == "flv" else ""
    return f"{base}/{APPLICATION}/{encode_stream_id(stream_id)}{suffix}?key={key.reveal()}"


def encode_stream_id(stream_id: str) -> str:
    """The streamID as a path segment: everything outside RFC 3986 unreserved as the `%XX` of its UTF-8."""
    return quote(stream_id, safe="")


def stream_names(raw: str) -> tuple[str, ...]:
    """The streamIDs that a name in an address can mean, likeliest first: the one decoding for all entry points.

    Decoded once; as it is (a client had decoded it already); then both without what clients are known to add to a name
    or with what they cut off. Which one is meant is decided by the key (`KeySigner.verify`). A spelling that is not
    UTF-8 is left out.
    """
    return tuple(dict.fromkeys(name for name in _spellings(raw) if name and _is_utf8(name)))


def _spellings(raw: str) -> Iterator[str]:
    plain = [raw]
    try:
        plain.insert(0, unquote_to_bytes(raw).decode())
    except UnicodeError:
        pass  # then it was sent as it is, or it is no name at all
    yield from plain
    for name in plain:
        for shorter in (name, name.removeprefix("/"), *(name.removeprefix(prefix) for prefix in _ADDED_PREFIXES)):
            yield shorter
            yield from (shorter + ending for ending in _LOST_ENDINGS)


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def parse_address(path: str) -> tuple[str, str]:
    """The stream's raw name and the key ('' if none) out of `live/STREAM?key=KEY`: all that follows the host, undecoded.

    A client may have decoded STREAM, which then can hold `/`, `?`, `&` and `=`: the last `?key=` or `&key=` is the key's.
    The key may also stand in the application's part, `live?key=KEY/STREAM` (RTMP's tcUrl). With a key the name may be
    empty: librtmp cuts off all of `.flv`, and the key tells. Raises GatewayError: STREAM_NOT_FOUND (not under `live`),
    STREAM_ID_EMPTY (neither name nor key).
    """
    path = path.removeprefix("/")
    rest = path.removeprefix(APPLICATION)
    if len(rest) == len(path) or not rest.startswith(("/", "?")):
        raise GatewayError(errors.STREAM_NOT_FOUND, f"addresses begin with /{APPLICATION}/")
    application, _, name = rest.partition("/")
    _, application_key = _split_key(application)
    stream, key = _split_key(name)
    if not stream and not (key or application_key):
        raise GatewayError(errors.STREAM_ID_EMPTY)
    return stream, key or application_key


def loggable_name(raw: str) -> str:
    """A stream's name as it arrived, cut where a query may begin: there a key may stand, and none belongs into a log."""
    return _QUERY.split(raw, 1)[0][:_LOGGED]


def _split_key(text: str) -> tuple[str, str]:
    """What stands before the query of `text`, and the value of `key` in it."""
    mark = max(text.rfind(mark) for mark in _KEY_MARKS)
    if mark < 0:
        before, query, _ = text.rpartition("?")
        return (before if query else text), ""
    key, _, _ = text[mark + len(_KEY_MARKS[0]) :].partition("&")
    before = text[:mark]
    if text[mark] == "&" and "?" in before:
        before = before[: before.rindex("?")]
    return before, key
