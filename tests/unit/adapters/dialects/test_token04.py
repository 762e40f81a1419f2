"""token04: what other programs make is read as it was meant, and whatever is wrong has the vendor's number."""

from __future__ import annotations

import base64
import json
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.dialects import token04
from gateway.auth.tokens import LEEWAY, MAX_BYTES, JoinToken
from gateway.errors import GatewayError
from tests.support import vendor_tokens
from tests.support.tools import MissingProgramError, program
from tests.support.vendor_tokens import SERVER_SECRET

NOW = 1_800_000_000.0
ROOM = {"room_id": "r", "privilege": {"1": 1, "2": 1}, "stream_id_list": None}
IV = bytes(range(16))
_MADE_BY_NODE = """
const { createCipheriv, randomBytes } = require("node:crypto");
const [secret, now] = process.argv.slice(1);
const expire = Number(now) + 3600;
const said = { app_id: 1, user_id: "ann", nonce: 7, ctime: Number(now), expire, payload: JSON.stringify({ room_id: "r",
  privilege: { 1: 1, 2: 0 }, stream_id_list: ["cam"] }) };
const iv = randomBytes(16);
const cipher = createCipheriv("aes-256-cbc", secret, iv);
const sealed = Buffer.concat([cipher.update(JSON.stringify(said)), cipher.final()]);
const head = Buffer.alloc(10), middle = Buffer.alloc(2);
head.writeBigInt64BE(BigInt(expire), 0);
head.writeUInt16BE(iv.length, 8);
middle.writeUInt16BE(sealed.length, 0);
console.log("04" + Buffer.concat([head, iv, middle, sealed]).toString("base64"));
"""


def verify(
    text: str, *, secret: str = SERVER_SECRET, app: str = "1", user: str = "ann", room: str = "r", now: float = NOW
) -> Any:
    """The token, or the number and the detail of what is wrong."""
    try:
        return token04.verify(text, secret, app=app, user=user, room=room, now=now)
    except GatewayError as error:
        return error.fault.number, error.detail


def number(text: str, **asked: Any) -> int:
    refused = verify(text, **asked)
    assert isinstance(refused, tuple), "it was accepted"
    return int(refused[0])


def made(**more: Any) -> str:
    return vendor_tokens.token04(**{"now": NOW, "ttl": 60, **more})


# What is good ----------------------------------------------------------------------------------------------------------


def test_one_without_payload_permits_everything() -> None:
    assert verify(made()) == JoinToken("1", "ann", None, True, True, None, NOW + 60)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (ROOM, ("r", True, True, None)),
        (ROOM | {"privilege": {"1": 1, "2": 0}}, ("r", True, False, None)),
        (ROOM | {"privilege": {"1": 0, "2": 1}}, ("r", False, True, None)),
        (ROOM | {"privilege": {"1": 1}}, ("r", True, False, None)),
        (ROOM | {"privilege": {}}, ("r", False, False, None)),
        (ROOM | {"privilege": {"1": 2, "2": -1}}, ("r", False, False, None)),
        (ROOM | {"privilege": None}, ("r", True, True, None)),
        (ROOM | {"room_id": ""}, (None, True, True, None)),
        (ROOM | {"stream_id_list": []}, ("r", True, True, None)),
        (ROOM | {"stream_id_list": ["a", "b", "a"]}, ("r", True, True, frozenset("ab"))),
        ({"room_id": "r"}, ("r", True, True, None)),
        (ROOM | {"something": {"else": 1}}, ("r", True, True, None)),
    ],
)
def test_its_payload_says_what_is_permitted(payload: Any, expected: Any) -> None:
    token = verify(made(payload=payload))
    assert (token.room, token.may_login, token.may_publish, token.streams) == expected


def test_one_of_another_language_is_read() -> None:
    try:
        node = program("node")
    except MissingProgramError as error:
        pytest.skip(str(error))
    words = [node, "-e", _MADE_BY_NODE, SERVER_SECRET, str(int(NOW))]
    text = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
    assert verify(text) == JoinToken("1", "ann", "r", True, False, frozenset({"cam"}), NOW + 3600)


@given(
    st.text(max_size=64), st.integers(0, 2**32 - 1), st.integers(-(2**31), 2**31 - 1), st.binary(min_size=16, max_size=16),
    st.booleans(), st.booleans(), st.none() | st.sets(st.text(min_size=1)), st.none() | st.text(min_size=1),
)  # fmt: skip
def test_what_is_made_is_read(
    user: str, app: int, nonce: int, iv: bytes, may_login: bool, may_publish: bool, streams: set[str] | None, room: str | None
) -> None:
    payload = token04.make_payload(room, may_login=may_login, may_publish=may_publish, streams=streams)
    text = token04.make(SERVER_SECRET, str(app), user, now=NOW, ttl=60, nonce=nonce, iv=iv, payload=payload)
    if len(text) > MAX_BYTES:
        return
    expected = JoinToken(str(app), user, room, may_login, may_publish, frozenset(streams) if streams else None, NOW + 60)
    assert verify(text, app=str(app), user=user, room=room or "any") == expected


def test_both_make_the_same_bytes() -> None:
    ours = token04.make(SERVER_SECRET, "1", "ann", now=NOW, ttl=60, nonce=-5, iv=IV)
    said = f'{{"app_id":1,"user_id":"ann","nonce":-5,"ctime":{NOW:.0f},"expire":{NOW + 60:.0f},"payload":""}}'
    assert ours == vendor_tokens.seal04(said.encode(), int(NOW) + 60, iv=IV)


@pytest.mark.parametrize(
    ("secret", "app", "ttl"),
    [("short", "1", 60), (SERVER_SECRET, "one", 60), (SERVER_SECRET, "01", 60), (SERVER_SECRET, "1", 0.5)],
)
def test_what_could_never_be_accepted_is_not_made(secret: str, app: str, ttl: float) -> None:
    with pytest.raises(ValueError, match=r"ServerSecret|number|second"):
        token04.make(secret, app, "ann", now=NOW, ttl=ttl, nonce=0, iv=IV)


# What is wrong ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (made(secret=SERVER_SECRET[::-1]), 1002033),
        (made(payload=ROOM | {"room_id": "other"}), 1002033),
        (made(app_id=2), 1002076),
        (made(app_id="1"), 1002076),
        (made(app_id=True), 1002076),
        (made(app_id=1.0), 1002076),
        (made(app_id=10**30), 1002076),
        (made(without="app_id"), 1002076),
        (made(user_id="bob"), 1002077),
        (made(user_id=["ann"]), 1002077),
        (made(without="user_id"), 1002077),
        (made(nonce="5"), 1002080),
        (made(nonce=1.5), 1002080),
        (made(nonce=None), 1002080),
        (made(without="nonce"), 1002080),
        (made(ttl=-LEEWAY), 1002078),
        (made(expire="soon"), 1002078),
        (made(expire=-1), 1002078),
        (made(without="expire"), 1002078),
        (made(outer=int(NOW) + 61), 1002075),
        (made(expire=int(NOW) + 10**6), 1002075),
        (made(payload="not JSON"), 1002075),
        (made(payload="[]"), 1002075),
        (made(payload={"room_id": 5}), 1002075),
        (made(payload={"privilege": {"1": "1"}}), 1002075),
        (made(payload={"stream_id_list": "cam"}), 1002075),
        (made(payload="[" * 2000), 1002075),
        (made() + "A", 1002075),
        (made() + "!", 1002075),
        (made()[:-4], 1002075),
        (made()[:20], 1002075),
        ("04", 1002075),
        ("04é", 1002075),
        ("04\ud800", 1002075),
        ("04" + "A" * MAX_BYTES, 1002075),
        (made(version="03"), 1002079),
        (made(version="05"), 1002079),
        (made(version=""), 1002079),
    ],
    ids=lambda value: "token" if isinstance(value, str) else str(value),
)
def test_what_is_wrong_has_its_number(text: str, expected: int) -> None:
    assert number(text) == expected


def test_it_ends_when_it_says_so_with_some_leeway() -> None:
    text = made(ttl=60)
    assert verify(text, now=NOW + 60 + LEEWAY - 0.001).expires_at == NOW + 60
    assert number(text, now=NOW + 60 + LEEWAY) == 1002078


def test_a_new_payload_is_one_that_is_left_out() -> None:
    assert verify(made(without="payload")).may_publish


def test_without_the_secret_nothing_can_be_checked() -> None:
    assert number(made(), secret="") == 1002074


def test_everything_up_to_the_json_is_one_refusal() -> None:
    """Padding that is wrong looks like JSON that is wrong: nobody learns anything by trying."""
    expire = int(NOW) + 60
    good = json.dumps({"app_id": 1, "user_id": "ann", "nonce": 1, "ctime": 0, "expire": expire, "payload": ""}).encode()
    count = 16 - len(good) % 16
    cases = {
        "wrong secret": vendor_tokens.seal04(good, expire, secret=SERVER_SECRET[::-1]),
        "no JSON": vendor_tokens.seal04(b"x" * 40, expire),
        "no object": vendor_tokens.seal04(b"[1]", expire),
        "JSON and more": vendor_tokens.seal04(good + b" ", expire),
        "not UTF-8": vendor_tokens.seal04(good.replace(b"ann", b"\xff\xfe"), expire),
        "deep": vendor_tokens.seal04(b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}", expire),
        "huge number": vendor_tokens.seal04(b'{"a":' + b"9" * 5000 + b"}", expire),
        "padding too long": vendor_tokens.frame04(good + bytes((count + 16,)) * (count + 16), expire),
        "padding of zeros": vendor_tokens.frame04(good + bytes(count), expire),
        "last byte": vendor_tokens.frame04(good + bytes((count + 1,)) * (count - 1) + bytes((count,)), expire),
        "no padding": vendor_tokens.frame04(b'{"a":"01234567"}', expire),
    }
    refusals = {name: verify(text) for name, text in cases.items()}
    huge = refusals.pop("huge number")
    assert huge[0] in (1002033, 1002076)
    assert len(set(refusals.values())) == 1, refusals
    assert next(iter(refusals.values()))[0] == 1002033


@given(st.integers(0, 400), st.integers(1, 255))
def test_no_changed_byte_gives_more(at: int, by: int) -> None:
    """The cipher cannot tell, but nothing that is changed by chance opens a door for another user, room or time."""
    packed = bytearray(base64.b64decode(made(payload=ROOM, iv=IV)[2:]))
    packed[at % len(packed)] ^= by
    token = verify("04" + base64.b64encode(packed).decode())
    if isinstance(token, JoinToken):
        assert (token.app, token.user, token.room, token.expires_at) == ("1", "ann", "r", NOW + 60)


def test_no_refusal_shows_the_token() -> None:
    text = made(payload=ROOM | {"room_id": "secret-room"}, user_id="ann")
    for asked in ({"user": "bob"}, {"app": "2"}, {"room": "x"}, {"now": NOW + 10**6}):
        refused = verify(text, **asked)  # type: ignore[arg-type]
        assert text not in refused[1]
        assert "secret-room" not in refused[1]
