"""Clients' logs: each upload is one field of one line whatever it holds, and no more is written than is allowed."""

from __future__ import annotations

import gzip
import json
import logging
import re
from collections import Counter

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


@given(st.binary(max_size=3 * TEXT_BYTES) | st.text(min_size=TEXT_BYTES // 2).map(str.encode))
def test_what_is_shown_is_one_printable_quoted_text_of_bounded_size(body: bytes) -> None:
    text = shown(body)
    assert len(text.encode()) <= TEXT_BYTES
    assert text.isprintable()
    assert re.fullmatch(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", text)
