"""Replies that are kept for those who ask again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import INVALID_REQUEST, GatewayError
from gateway.http.api_replies import Replies

KEYS = st.sampled_from("abc")
CONTENTS = st.sampled_from((b"1", b"2"))
STEPS = st.lists(st.tuples(st.floats(0, 5), KEYS, CONTENTS), max_size=40)


def test_the_first_time_there_is_none() -> None:
    assert Replies(2, 10).find("a", b"1", 0) is None


def test_the_oldest_gives_way() -> None:
    replies = Replies(2, 10)
    for key in "abc":
        replies.keep(key, b"1", key.encode(), 0)
    assert [replies.find(key, b"1", 0) for key in "abc"] == [None, b"b", b"c"]


def test_another_request_is_refused() -> None:
    replies = Replies(2, 10)
    replies.keep("a", b"1", b"reply", 0)
    with pytest.raises(GatewayError) as refused:
        replies.find("a", b"2", 9.9)
    assert refused.value.fault is INVALID_REQUEST
    assert replies.find("a", b"2", 10) is None


@given(STEPS, st.integers(1, 3))
def test_a_reply_is_the_one_that_was_kept_last_within_the_time(steps: list[tuple[float, str, bytes]], limit: int) -> None:
    """Beside a plain list of everything that was ever kept."""
    replies, past, now = Replies(limit, 10), list[tuple[float, str, bytes, bytes]](), 0.0
    for number, (pause, key, content) in enumerate(steps):
        now += pause
        living = [entry for entry in past if entry[0] > now - 10][-limit:]
        known = next((entry for entry in living if entry[1] == key), None)
        if known is not None and known[2] != content:
            with pytest.raises(GatewayError):
                replies.find(key, content, now)
            continue
        assert replies.find(key, content, now) == (known[3] if known else None)
        if known is None:
            replies.keep(key, content, str(number).encode(), now)
            past.append((now, key, content, str(number).encode()))
        assert len(replies) <= limit
