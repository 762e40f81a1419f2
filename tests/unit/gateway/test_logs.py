"""Log lines as JSON: each value is a member, and what others say cannot pass for one."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from gateway.logs import set_up_logging


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    written = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", written)
        set_up_logging("info", "json")
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)


def test_each_value_is_a_member(log: io.StringIO) -> None:
    logging.getLogger("gateway.test").info("rtmp conn=%d client=%s plays", 7, "192.0.2.1")
    line = json.loads(log.getvalue())
    assert line["message"] == "rtmp conn=7 client=192.0.2.1 plays"
    assert (line["conn"], line["client"], line["level"], line["logger"]) == ("7", "192.0.2.1", "info", "gateway.test")


@pytest.mark.parametrize(
    "detail", ["", "two words", "client=203.0.113.9", "it's", 'a "b"', "it's \"both\" client=203.0.113.9", "\n\\", "小程序"]
)
def test_a_quoted_value_is_one_member_whatever_it_holds(log: io.StringIO, detail: str) -> None:
    logging.getLogger("gateway.test").info("flv client=%s refused reason=%s detail=%r", "192.0.2.1", "KEY_BROKEN", detail)
    line = json.loads(log.getvalue())
    assert (line["client"], line["reason"], line["detail"]) == ("192.0.2.1", "KEY_BROKEN", detail)
    assert line["message"] == "flv client=192.0.2.1 refused reason=KEY_BROKEN"


def test_half_a_character_stays_escaped(log: io.StringIO) -> None:
    logging.getLogger("gateway.test").info("detail=%r", "a\udc80")
    assert json.loads(log.getvalue())["detail"] == "a\\udc80"


@pytest.mark.parametrize("text", ["x='", "x='\\x'", "x=\"unfinished", "="])
def test_what_is_no_repr_is_left_as_it_is(log: io.StringIO, text: str) -> None:
    logging.getLogger("gateway.test").info(text)
    assert json.loads(log.getvalue())["message"] == text


def test_no_value_replaces_what_the_line_itself_says(log: io.StringIO) -> None:
    logging.getLogger("gateway.test").info("level=%s time=%r", "debug", "now")
    line = json.loads(log.getvalue())
    assert (line["level"], line["message"]) == ("info", "level=debug time='now'")


def test_of_two_quoted_values_with_one_name_none_is_lost(log: io.StringIO) -> None:
    logging.getLogger("gateway.test").info("from name=%r to name=%r", "a b", "c d")
    line = json.loads(log.getvalue())
    assert (line["name"], line["message"]) == ("a b", "from to name='c d'")
