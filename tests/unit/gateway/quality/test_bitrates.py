"""Bitrates out of counters that only grow."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.quality.bitrates import SPAN, Bitrates


def test_bytes_over_the_time_since_they_were_last_asked_for() -> None:
    rates: Bitrates[str] = Bitrates(100.0)
    assert rates.at(110.0, {"in": 1000, "out": 0}) == {"in": 800.0, "out": 0.0}
    assert rates.at(120.0, {"in": 1500, "out": 2000}) == {"in": 400.0, "out": 1600.0}


def test_two_who_ask_one_after_the_other_hear_the_same() -> None:
    rates: Bitrates[str] = Bitrates(0.0)
    first = rates.at(10.0, {"in": 1000})
    assert rates.at(10.0 + SPAN / 2, {"in": 9000}) == first


def test_one_that_appears_begins_with_nothing() -> None:
    rates: Bitrates[str] = Bitrates(0.0)
    rates.at(10.0, {})
    assert rates.at(20.0, {"whip": 10_000}) == {"whip": 8000.0}


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 10**9)), max_size=20))
def test_whoever_asks_whenever_never_hears_of_less_than_nothing(steps: list[tuple[float, int]]) -> None:
    rates: Bitrates[str] = Bitrates(0.0)
    now, total = 0.0, 0
    for seconds, count in steps:
        now, total = now + seconds, total + count
        assert rates.at(now, {"in": total})["in"] >= 0
