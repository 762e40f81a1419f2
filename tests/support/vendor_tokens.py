"""The vendors' tokens as a backend that never heard of the gateway makes them: from the vendors' descriptions, with the standard
library and one cipher, and so that everything in them can be made wrong."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import zlib
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

SERVER_SECRET = "fedcba9876543210fedcba9876543210"
NERTC_SECRET = "c0ffee123456"
PERMISSION_SECRET = "of permission keys"
APP_SIGN = "0123456789abcdef" * 4


def token04(
    app_id: Any = 1, user_id: Any = "ann", *, now: float, ttl: float = 3600, secret: str = SERVER_SECRET, payload: Any = "",
    version: str = "04", outer: int | None = None, iv: bytes | None = None, without: str = "", **more: Any,
) -> str:  # fmt: skip
    """`payload`: a text as it is, anything else as JSON. `outer`: another expiry outside of the cipher. `more`: members that
    replace the right ones."""
    expire = int(now) + int(ttl)
    said = {"app_id": app_id, "user_id": user_id, "nonce": -5, "ctime": int(now), "expire": expire}
    said |= {"payload": payload if isinstance(payload, str) else json.dumps(payload)} | more
    said.pop(without, None)
    return seal04(json.dumps(said).encode(), expire if outer is None else outer, secret=secret, version=version, iv=iv)


def seal04(plain: bytes, expire: int, *, secret: str = SERVER_SECRET, version: str = "04", iv: bytes | None = None) -> str:
    """Whatever it says, as the cipher and the frame of token04 carry it."""
    count = 16 - len(plain) % 16
    return frame04(plain + bytes((count,)) * count, expire, secret=secret, version=version, iv=iv)


def frame04(padded: bytes, expire: int, *, secret: str = SERVER_SECRET, version: str = "04", iv: bytes | None = None) -> str:
    """The same with padding of one's own."""
    iv = iv or os.urandom(16)
    encryptor = Cipher(algorithms.AES(secret.encode()), modes.CBC(iv)).encryptor()
    cipher = encryptor.update(padded) + encryptor.finalize()
    framed = b"".join((
        expire.to_bytes(8, "big", signed=True), len(iv).to_bytes(2, "big"), iv, len(cipher).to_bytes(2, "big"), cipher,
    ))  # fmt: skip
    return version + base64.b64encode(framed).decode()


def basic(
    app_key: str = "1", uid: Any = 42, channel: str = "r", *, now: float, ttl: int = 600, secret: str = NERTC_SECRET, **more: Any
) -> str:
    """NERTC's basic token."""
    begin = int(now * 1000)
    joined = app_key + str(uid) + str(begin) + str(ttl) + channel + secret
    said = {"signature": hashlib.sha1(joined.encode()).hexdigest(), "curTime": begin, "ttl": ttl} | more
    return base64.b64encode(json.dumps(said, separators=(",", ":")).encode()).decode()


def permission_key(
    app_key: str = "1", uid: Any = 42, channel: str = "r", *, now: float, ttl: int = 600, secret: str = PERMISSION_SECRET,
    privilege: int = 63, **more: Any,
) -> str:  # fmt: skip
    """NERTC's permission key. `more`: members that replace the right ones after it was signed."""
    begin = int(now)
    signed = (
        f"appkey:{app_key}\nuid:{uid}\ncurTime:{begin}\nexpireTime:{ttl}\ncname:{channel}\nprivilege:{privilege}\n"
    )
    checksum = base64.b64encode(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()).decode()
    said = {
        "appkey": app_key, "checksum": checksum, "cname": channel, "curTime": begin, "expireTime": ttl, "privilege": privilege,
        "uid": uid,
    }  # fmt: skip
    return deflated(json.dumps(said | more).encode())


def deflated(said: bytes, level: int = -1) -> str:
    """Bytes as a permission key carries them. `level`: zlib's, from 0 to 9."""
    text = base64.b64encode(zlib.compress(said, level)).decode()
    return text.replace("+", "*").replace("/", "-").replace("=", "_")
