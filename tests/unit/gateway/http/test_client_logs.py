"""Clients' logs: each upload is one field of one line whatever it holds, and no more is written than is allowed."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import re
from collections import Counter
from collections.abc import Callable
from itertools import product
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.access import Action
from gateway.auth.stream_keys import NONCE_BYTES, KeySigner
from gateway.auth.tokens import make_token
from gateway.config import QualitySettings
from gateway.http.bodies import UnsupportedCoding
from gateway.http.client_logs import BURST, TEXT_BYTES, ClientLogs, shown
from gateway.logs import _Json
from tests.support.vendor_tokens import APP_SIGN, basic, deflated, permission_key, token04

SECRET = "a secret of the tests, long enough for them"
RATES = QualitySettings(logs_per_address=1_000, logs_in_all=2_000)


class Door:
    """A door for logs, and what it has counted."""

    def __init__(self, settings: QualitySettings = RATES) -> None:
        self.now = 0.0
        self.counts: Counter[str] = Counter()
        self.logs = ClientLogs(settings, self.counts, lambda: self.now)

    def send(self, body: bytes, client: str = "192.0.2.1", coding: str = "", app: str = "") -> None:
        self.logs.take(body, coding, client, app)


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gateway.clients")


def test_an_upload_is_a_line(caplog: pytest.LogCaptureFixture) -> None:
    Door().send('{"msg":"推流失败"}'.encode(), app="7")
    assert caplog.messages == ["upload client=192.0.2.1 app='7' size=22 body='{\"msg\":\"推流失败\"}'"]


def test_what_was_compressed_is_kept_as_it_was_before(caplog: pytest.LogCaptureFixture) -> None:
    door = Door()
    door.send(gzip.compress(b"hello"), coding="gzip")
    assert caplog.messages[0].endswith("body='hello'")
    door.send(b"no gzip at all", coding="gzip")
    assert caplog.messages[1].endswith("body='no gzip at all'")
    door.send(gzip.compress(bytes(50_000_000)), coding="gzip")
    assert len(caplog.messages[2]) < TEXT_BYTES + 200
    with pytest.raises(UnsupportedCoding):
        door.send(b"x", coding="br")
    assert door.counts == {"taken": 3}


@pytest.mark.parametrize("body", [b"a\nb level=error", b"'\" x='1", b"\x1b[31m\0\r", b"\xff\xfe", "\u2028\u202e".encode(), b"\\"])
def test_nothing_in_an_upload_is_a_field_or_a_line_of_its_own(body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    Door().send(body, app="1 user=root\n")
    assert caplog.messages[0].isprintable()
    line = json.loads(_Json().format(caplog.records[0]))
    assert line["level"] == "info"
    assert line["body"] == body.decode(errors="backslashreplace")
    assert set(line) == {"time", "level", "logger", "message", "client", "app", "size", "body"}


def test_keys_and_tokens_are_not_kept() -> None:
    key = KeySigner(SECRET).sign(
        "1", Action.PUBLISH, "cam", grant_id="abcdefghijkl", user="", expires_at=2e9, nonce=bytes(NONCE_BYTES)
    ).reveal()  # fmt: skip
    other = KeySigner(SECRET).sign("1", Action.PLAY, "c", grant_id=None, user="u", expires_at=2e9, nonce=bytes(NONCE_BYTES))
    token = make_token(SECRET, "1", "ann", now=0, ttl=60)
    text = f'push rtmp://h/live/cam?key={key} ws {{"token":"{token}","sessionID":"Zm9vYmFyYmF6"}} {other.reveal()} bye 1.2.3'
    kept = shown(text.encode())
    assert not [secret for secret in (key, token, other.reveal(), "Zm9vYmFyYmF6") if secret.rpartition(".")[2] in kept]
    assert kept.startswith("'push rtmp://h/live/cam?key=*** ws")
    assert kept.endswith("*** bye 1.2.3'")


SECRETS = {
    "token04": token04(now=1.8e9, payload={"room_id": "r", "privilege": {"1": 1, "2": 1}}, iv=bytes(range(200, 216))),
    "basic": basic(now=1.8e9),
    "basic, indented": base64.b64encode(b'{\n "signature": "%s",\n "curTime": 1,\n "ttl": 1\n}' % (b"0" * 40)).decode(),
    "permissionKey": permission_key(now=1.8e9),
    "permissionKey, little compressed": deflated(b'{"checksum":"+/c"}' * 9, 1),
    "permissionKey, best compressed": deflated(b'{"checksum":"+/c"}' * 9, 9),
    "appSign": APP_SIGN,
    "AppSign": APP_SIGN.upper(),
    "key": KeySigner(SECRET).sign("1", Action.PLAY, "c", grant_id="g" * 16, user="", expires_at=2e9, nonce=bytes(8)).reveal(),
    "token": make_token(SECRET, "1", "ann", now=0, ttl=60),
    "sessionID": "Zm9vYmFyYmF6",
}
WAYS: dict[str, Callable[[str, str], str]] = {
    "JSON": lambda name, value: json.dumps({name: value, "room": "r"}),
    "JSON in JSON": lambda name, value: json.dumps({"text": json.dumps({name: value, "room": "r"})}),
    "JSON in JSON in JSON": lambda name, value: json.dumps(json.dumps({"text": json.dumps({name: value, "room": "r"})})),
    "JSON, marks escaped": lambda name, value: json.dumps({name: value, "room": 1}).replace("/", r"\/").replace("=", r"\u003d"),
    "a query": lambda name, value: urlencode({name: value, "room": "r"}),
    "a query in a query": lambda name, value: urlencode({"url": "/?" + urlencode({name: value, "room": "r"})}),
    "words": lambda name, value: f"room r\n{name} {value}\nroom r",
    "escaped lines": lambda name, value: json.dumps(f"{name} is\n{value}\nroom r"),
}
"""How a client may write a value into its log."""


# An id looks like nothing in particular: it is known by its name right before it.
@pytest.mark.parametrize(
    ("name", "way"), [(name, way) for name, way in product(SECRETS, WAYS) if (name, way) != ("sessionID", "escaped lines")]
)
def test_no_secret_is_kept_however_it_is_written(name: str, way: str) -> None:
    value = SECRETS[name]
    kept = shown(WAYS[way](name.partition(",")[0], value).encode())
    assert "***" in kept
    assert "room" in kept
    assert not [part for part in re.findall(r"[A-Za-z0-9]{6,}", value.rpartition(".")[2]) if part in kept]


@pytest.mark.parametrize("name", SECRETS)
def test_nor_as_what_an_upload_says_that_it_is_of(name: str, caplog: pytest.LogCaptureFixture) -> None:
    Door().send(b"", app=f"{'x' * 20} sessionID={SECRETS[name]}")
    assert re.search(r"app='[^']*\*\*\*'", caplog.messages[0])
    assert SECRETS[name].rpartition(".")[2][:10] not in caplog.messages[0]


@pytest.mark.parametrize("seen", [1, 30, 63])
def test_one_that_is_cut_off_at_the_end_of_what_is_kept_is_not_kept_either(seen: int) -> None:
    for before in ("-", "\u6c49"):
        filling = before * ((TEXT_BYTES - seen) // len(before.encode()))
        assert "0123" not in shown(f"{filling}{APP_SIGN} and more".encode())
    assert "and more" not in shown(f"{APP_SIGN} {'-' * (TEXT_BYTES - 64 - 1)}and more".encode())


@pytest.mark.parametrize("text", [
    "/storage/emulated/0/Android/data/com.example.app/files/logs/2026-11-21/someNotificationManagerService.log",
    "md5 d41d8cd98f00b204e9800998ecf8427e trace 4bf92f3577b34da6a3ce929d0e0e4736", "java.lang.IllegalStateExceptionInThread",
    "bitrate=04 version 0.4.1 eyJ e=mc2", "onPublisherStateUpdate:PUBLISHING errorCode:1003020 roomID:room-1",
])  # fmt: skip
def test_what_is_no_secret_is_kept(text: str) -> None:
    assert shown(text.encode()) == repr(text)


def test_an_address_has_its_share_and_all_have_theirs() -> None:
    door = Door()
    for _ in range(50):
        door.send(b"x" * 800)  # a line of 964 bytes
    assert door.counts == {"taken": 8, "limited": 42}
    for number in range(50):
        door.send(b"x" * 800, client=f"198.51.100.{number}")
    assert door.counts["taken"] == 16
    door.now = 1
    door.send(b"x" * 800)
    for number in range(50):
        door.send(b"x" * 800, client=f"203.0.113.{number}")
    assert door.counts["taken"] == 18


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 9_000), st.integers(0, 20)), max_size=60))
def test_no_more_is_written_than_is_allowed(uploads: list[tuple[float, int, int]]) -> None:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("gateway.clients")
    logger.addHandler(handler)
    try:
        door = Door()
        for pause, size, client in uploads:
            door.now += pause
            door.send(b"\0" * size, client=f"192.0.2.{client}", app="\U000e0001" * size)
    finally:
        logger.removeHandler(handler)
    assert door.counts.total() == len(uploads)
    assert len(lines) == door.counts["taken"]
    assert sum(map(len, lines)) <= RATES.logs_in_all * (BURST + door.now)


def _as_json(body: bytes, app: str) -> tuple[str, float]:
    """The line that an upload becomes in the format `json`, and what was taken from the allowance for it."""
    written, counted = list[str](), list[float]()
    logs = ClientLogs(RATES, Counter(), lambda: 0.0)
    logs._in_all.take = lambda now, amount=1.0, before=0.0: counted.append(amount) or 0.0  # type: ignore[method-assign]
    handler, logger = logging.Handler(), logging.getLogger("gateway.clients")
    handler.emit = lambda record: written.append(_Json().format(record))  # type: ignore[method-assign]
    logger.addHandler(handler)
    try:
        logs.take(body, "", "2001:db8:ffff:ffff:ffff:ffff:255.255.255.255", app)
    finally:
        logger.removeHandler(handler)
    return written[0], counted[0]


@given(
    st.binary(max_size=3 * TEXT_BYTES) | st.text(max_size=TEXT_BYTES).map(str.encode), st.text(max_size=80),
    st.sampled_from(['"', "\\", "'", "\"'", "\0", "\n", "汉", "x"]), st.integers(0, 2 * TEXT_BYTES),
)  # fmt: skip
def test_a_line_of_json_is_short_and_holds_a_text_once(body: bytes, app: str, filling: str, count: int) -> None:
    line, counted = _as_json(filling.encode() * count + body, app)
    assert len(line.encode()) < 16 * 1024
    assert len(line.encode()) <= 2 * counted
    assert len(json.loads(line)["message"]) < 100


@pytest.mark.parametrize("filling", ['"', "\\", "'\"", "\0"])
def test_not_even_marks_that_are_escaped_twice_make_it_long(filling: str) -> None:
    line, _ = _as_json(filling.encode() * TEXT_BYTES, filling * 64)
    assert 4 * 1024 < len(line.encode()) < 16 * 1024


@given(st.binary(max_size=3 * TEXT_BYTES) | st.text(min_size=TEXT_BYTES // 2).map(str.encode))
def test_what_is_shown_is_one_printable_quoted_text_of_bounded_size(body: bytes) -> None:
    text = shown(body)
    assert len(text.encode()) <= TEXT_BYTES
    assert text.isprintable()
    assert re.fullmatch(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", text)
