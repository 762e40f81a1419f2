"""The allowance of requests, logins and messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.allowance import Allowance


class TestAllowance:
    def test_a_burst_may_come_at_once_and_the_rate_afterwards(self) -> None:
        allowance = Allowance(rate=10, burst=3, now=0)
        assert [allowance.take(0) for _ in range(4)] == [0, 0, 0, 0.1]
        assert allowance.take(0.05) == pytest.approx(0.05)
        assert allowance.take(0.1) == 0

    def test_what_is_not_used_does_not_pile_up_beyond_the_burst(self) -> None:
        allowance = Allowance(rate=10, burst=3, now=0)
        assert [allowance.take(1000) == 0 for _ in range(4)] == [True, True, True, False]

    @given(st.lists(st.floats(0, 2), min_size=1, max_size=200))
    def test_in_any_span_of_time_no_more_is_given_than_burst_and_rate(self, pauses: list[float]) -> None:
        allowance, now, given_out = Allowance(rate=5, burst=4, now=0), 0.0, 0
        for pause in pauses:
            now += pause
            given_out += allowance.take(now) == 0
            assert given_out <= 4 + 5 * now + 1e-6

    @given(st.floats(0.1, 100), st.integers(1, 20), st.floats(0, 10))
    def test_after_the_pause_that_it_names_one_may_be_taken(self, rate: float, burst: int, pause: float) -> None:
        allowance = Allowance(rate, burst, now=0)
        while (wait := allowance.take(pause)) == 0:
            pass
        assert allowance.take(pause + wait + 1e-6) == 0
