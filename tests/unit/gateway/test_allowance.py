"""The allowance of requests, logins and messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.allowance import Allowance, Allowances


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

    def test_several_are_taken_together_or_not_at_all(self) -> None:
        allowance = Allowance(rate=10, burst=8, now=0)
        assert [allowance.take(0, 5), allowance.take(0, 5), allowance.take(0, 3)] == [0, pytest.approx(0.2), 0]

    def test_more_than_a_burst_needs_a_whole_one_and_is_waited_for_afterwards(self) -> None:
        allowance = Allowance(rate=10, burst=5, now=0)
        assert allowance.take(0, 20) == 0
        assert allowance.take(1) == pytest.approx(0.6)
        assert allowance.take(1.6) == 0

    @given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 10))
    def test_what_is_taken_in_two_steps_comes_through_when_both_are_tried_again(self, first: int, then: int, spent: int) -> None:
        allowance, now = Allowance(rate=2, burst=10, now=0), 0.0
        allowance.take(0, spent)
        for _ in range(3):
            wait = allowance.take(now, first) or allowance.take(now, then, first)
            if not wait:
                return
            now += wait
        pytest.fail("the pause that it named was too short twice")

    @given(st.lists(st.tuples(st.floats(0, 2), st.floats(0.1, 10)), min_size=1, max_size=100))
    def test_on_the_long_run_no_more_is_given_than_the_rate_and_one_amount(self, asked: list[tuple[float, float]]) -> None:
        allowance, now, given_out = Allowance(rate=5, burst=4, now=0), 0.0, 0.0
        for pause, amount in asked:
            now += pause
            given_out += 0 if allowance.take(now, amount) else amount
            assert given_out <= max(4, 10) + 5 * now + 1e-6


class TestAllowances:
    def test_nobody_takes_from_another(self) -> None:
        each = Allowances(rate=1, burst=1, most=10)
        assert [each.take("ann", 0), each.take("ann", 0), each.take("bob", 0)] == [0, 1, 0]

    def test_when_there_are_too_many_the_one_not_heard_of_for_longest_gives_way(self) -> None:
        each = Allowances(rate=1, burst=1, most=2)
        for who in ("ann", "bob", "ann", "carl"):  # bob has to go
            each.take(who, 0)
        assert len(each) == 2
        assert each.take("ann", 0) > 0
        assert each.take("bob", 0) == 0
        assert len(each) == 2
