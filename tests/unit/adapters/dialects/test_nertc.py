"""NERTC's basic token and permission key, as other programs make them."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.dialects import nertc
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
from tests.support import vendor_tokens
from tests.support.vendor_tokens import NERTC_SECRET, PERMISSION_SECRET

NOW = 1_800_000_000.0
NUMBERS = st.integers(1, 2**64 - 1).map(str)
CHANNELS = st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1, max_size=40)


def basic(text: str, *, secret: str = NERTC_SECRET, app: str = "1", user: str = "42", room: str = "r", now: float = NOW) -> Any:
    try:
        return nertc.verify_basic(text, secret, app=app, user=user, room=room, now=now)
    except GatewayError as error:
        return error.fault


def key(
    text: str, *, secret: str = PERMISSION_SECRET, app: str = "1", user: str = "42", room: str = "r", now: float = NOW
) -> Any:
    try:
        return nertc.verify_permission_key(text, secret, app=app, user=user, room=room, now=now)
    except GatewayError as error:
        return error.fault


def made(**more: Any) -> str:
    return vendor_tokens.basic(**{"now": NOW, **more})


def made_key(**more: Any) -> str:
    return vendor_tokens.permission_key(**{"now": NOW, **more})


# The basic token -------------------------------------------------------------------------------------------------------


def test_the_vendors_own_example() -> None:
    app, secret, at = "c37bf7a8758a4ed00000000000000000", "c00000000000", 1693968975.0
    text = nertc.make_basic(secret, app, "10000", now=at, ttl=1800, room="room1")
    assert json.loads(base64.b64decode(text)) == {
        "signature": "ef4f4a08c56fb9b9047916b6ebfadf95acd768eb", "curTime": 1693968975000, "ttl": 1800,
    }  # fmt: skip
    assert basic(text, secret=secret, app=app, user="10000", room="room1", now=at).expires_at == at + 1800


def test_a_basic_token_permits_everything_and_only_opens_the_door() -> None:
    token = basic(made())
    assert token == JoinToken("1", "42", "r", True, True, None, NOW + 600, door_only=True)
    assert token.session_ends_at is None


@given(NUMBERS, CHANNELS, st.integers(1, nertc.MAX_TTL - 1))
def test_what_is_made_is_read(user: str, room: str, ttl: int) -> None:
    ours = nertc.make_basic(NERTC_SECRET, "app", user, now=NOW, ttl=ttl, room=room)
    assert ours == vendor_tokens.basic("app", user, room, now=NOW, ttl=ttl)
    assert basic(ours, app="app", user=user, room=room).expires_at == NOW + ttl


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (made(), {"secret": NERTC_SECRET[::-1]}), (made(), {"app": "2"}), (made(), {"user": "43"}), (made(), {"room": "s"}),
        (made(signature="0" * 40), {}), (made(signature="é" * 40), {}), (made(signature=5), {}), (made(signature="a" * 65), {}),
        (made(curTime=int(NOW * 1000) + 1), {}), (made(curTime=str(int(NOW * 1000))), {}), (made(curTime=True), {}),
        (made(curTime=NOW * 1000.5), {}), (made(curTime=-1), {}), (made(curTime=10**30), {}), (made(ttl=nertc.MAX_TTL), {}),
        (made(ttl=0), {}), (made(ttl=-5), {}), (made(now=NOW + LEEWAY + 1), {}), ("", {}), ("e", {}), ("éé", {}), ("\ud800", {}),
        ("eyJ!", {}), (base64.b64encode(b"[]").decode(), {}), (base64.b64encode(b"{").decode(), {}),
        (base64.b64encode(b"{" * 4000).decode(), {}), (base64.b64encode(b'{"ttl":' + b"9" * 5000 + b"}").decode(), {}),
        ("e" * (MAX_BYTES + 4), {}),
    ],
)  # fmt: skip
def test_a_wrong_basic_token_is_refused(text: str, asked: dict[str, Any]) -> None:
    assert basic(text, **asked) is TOKEN_INVALID


def test_a_basic_token_ends() -> None:
    assert basic(made(), now=NOW + 600 + LEEWAY - 0.001) is not TOKEN_EXPIRED
    assert basic(made(), now=NOW + 600 + LEEWAY) is TOKEN_EXPIRED


def test_a_basic_token_may_be_a_little_early() -> None:
    assert basic(made(now=NOW + LEEWAY)).expires_at == NOW + LEEWAY + 600


def test_a_basic_token_cannot_be_read_as_another_uids_or_times() -> None:
    """Its members are joined without separators; what is wide open elsewhere is closed by the times it may have."""
    said = json.loads(base64.b64decode(made(uid=1, ttl=3600, channel="r")))
    joined = f"1{said['curTime']}{said['ttl']}r"
    for user_end in range(1, 8):
        for time_end in range(user_end + 10, user_end + 15):
            for ttl_end in range(time_end + 1, len(joined)):
                parts = joined[:user_end], joined[user_end:time_end], joined[time_end:ttl_end], joined[ttl_end:]
                if not (parts[1].isdecimal() and parts[2].isdecimal()) or parts[3] != "r" or parts[0] == "1":
                    continue
                claim = {"signature": said["signature"], "curTime": int(parts[1]), "ttl": int(parts[2])}
                text = base64.b64encode(json.dumps(claim).encode()).decode()
                assert isinstance(basic(text, user=parts[0], room=parts[3]), Fault), parts


@pytest.mark.parametrize("ttl", [0, -1, nertc.MAX_TTL, nertc.MAX_TTL + 1])
def test_a_basic_token_that_lasts_too_long_is_not_made(ttl: int) -> None:
    with pytest.raises(ValueError, match="seconds"):
        nertc.make_basic(NERTC_SECRET, "1", "42", now=NOW, ttl=ttl, room="r")


# The permission key ----------------------------------------------------------------------------------------------------


def test_a_permission_key_permits_what_it_says_as_long_as_it_says() -> None:
    token = key(made_key())
    assert token == JoinToken("1", "42", "r", True, True, None, NOW + 600)
    assert token.session_ends_at == NOW + 600


@pytest.mark.parametrize(
    ("privilege", "may_publish"), [(63, True), (32, False), (33, True), (34, True), (4 + 8 + 32, False), (32 + 64, False)]
)
def test_the_privileges_of_a_permission_key(privilege: int, may_publish: bool) -> None:
    assert key(made_key(privilege=privilege)).may_publish is may_publish


@given(NUMBERS, CHANNELS, st.integers(1, 10**6), st.integers(32, 63))
def test_a_permission_key_that_is_made_is_read(user: str, room: str, ttl: int, privilege: int) -> None:
    text = nertc.make_permission_key(PERMISSION_SECRET, "app", user, now=NOW, ttl=ttl, room=room, privilege=privilege)
    assert key(text, app="app", user=user, room=room).expires_at == NOW + ttl
    theirs = vendor_tokens.permission_key("app", int(user), room, now=NOW, ttl=ttl, privilege=privilege)
    assert key(theirs, app="app", user=user, room=room) == key(text, app="app", user=user, room=room)
    as_text = vendor_tokens.permission_key("app", user, room, now=NOW, ttl=ttl, privilege=privilege)
    assert key(as_text, app="app", user=user, room=room).may_login


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (made_key(), {"secret": PERMISSION_SECRET[::-1]}), (made_key(), {"app": "2"}), (made_key(), {"user": "43"}),
        (made_key(), {"room": "s"}), (made_key(privilege=31), {}), (made_key(privilege=0), {}), (made_key(checksum="x"), {}),
        (made_key(checksum="é"), {}), (made_key(checksum=5), {}), (made_key(appkey="2"), {"app": "2"}),
        (made_key(cname="s"), {"room": "s"}), (made_key(uid=43), {"user": "42"}), (made_key(expireTime=10**6), {}),
        (made_key(curTime="1"), {}), (made_key(ttl=0), {}), (made_key(ttl=-5), {}), (made_key(uid=None), {}),
        (made_key(uid=1.5), {}), (made_key(uid=True), {}), (made_key(uid="4" * 30), {}), (made_key(now=NOW + LEEWAY + 1), {}),
        ("", {}), ("eJ", {}), ("éé", {}), ("\ud800", {}), ("eJ+/=", {}), (made_key()[:-8], {}), ("e" * (MAX_BYTES + 4), {}),
        (vendor_tokens.deflated(b"[]"), {}), (vendor_tokens.deflated(b"{" * 3000), {}),
        (vendor_tokens.deflated(b'{"uid":' + b"9" * 4000 + b"}"), {}),
        (base64.b64encode(zlib.compress(b"{}") + b"more").decode().replace("=", "_").replace("+", "*").replace("/", "-"), {}),
    ],
)  # fmt: skip
def test_a_wrong_permission_key_is_refused(text: str, asked: dict[str, Any]) -> None:
    assert key(text, **asked) is PERMISSION_KEY_INVALID


def test_a_permission_key_ends() -> None:
    assert key(made_key(), now=NOW + 600 + LEEWAY - 0.001).may_login
    assert key(made_key(), now=NOW + 600 + LEEWAY) is PERMISSION_KEY_EXPIRED


def test_a_bomb_is_not_inflated(monkeypatch: pytest.MonkeyPatch) -> None:
    most, inflater = 0, zlib.decompressobj

    class Watched:
        def __init__(self) -> None:
            self._real = inflater()

        def decompress(self, data: bytes, limit: int) -> bytes:
            nonlocal most
            said = self._real.decompress(data, limit)
            most = max(most, len(said))
            return said

        @property
        def eof(self) -> bool:
            return self._real.eof

        @property
        def unused_data(self) -> bytes:
            return self._real.unused_data

    bomb = vendor_tokens.deflated(b"{" + b" " * 4_000_000 + b"}")
    assert len(bomb) < MAX_BYTES
    monkeypatch.setattr("adapters.dialects.nertc.zlib.decompressobj", Watched)
    assert key(bomb) is PERMISSION_KEY_INVALID
    assert 0 < most <= 4096


@pytest.mark.parametrize(("user", "ttl"), [("ann", 60), ("42", 0), ("042", 60)])
def test_a_permission_key_that_could_not_be_accepted_is_not_made(user: str, ttl: int) -> None:
    with pytest.raises(ValueError, match=r"number|second"):
        nertc.make_permission_key(PERMISSION_SECRET, "1", user, now=NOW, ttl=ttl, room="r")


def test_without_a_secret_nothing_can_be_checked() -> None:
    assert basic(made(secret=""), secret="") is TOKEN_INTERNAL
    assert key(made_key(secret=""), secret="") is TOKEN_INTERNAL
