"""What a publisher may send: the ceiling, less only while loss lasts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.webrtc.bandwidth import Bandwidth

CEILING = 2_500_000
FLOOR = 150_000


@pytest.fixture
def bandwidth() -> Bandwidth:
    made = Bandwidth(CEILING, FLOOR)
    made.update(0.0, CEILING, 0.0)
    return made


def test_starts_at_the_ceiling_and_stays_there_without_loss(bandwidth: Bandwidth) -> None:
    assert [bandwidth.update(0.0, 500_000, second) for second in range(1, 5)] == [CEILING] * 4


def test_one_burst_of_loss_is_not_answered(bandwidth: Bandwidth) -> None:
    assert bandwidth.update(0.5, CEILING, 1.0) == CEILING
    assert bandwidth.update(0.0, CEILING, 2.0) == CEILING


def test_moderate_loss_is_repaired_not_answered(bandwidth: Bandwidth) -> None:
    assert [bandwidth.update(0.06, CEILING, second) for second in range(1, 20)] == [CEILING] * 19


def test_lasting_loss_lowers_it_from_what_was_sent(bandwidth: Bandwidth) -> None:
    bandwidth.update(0.2, 1_000_000, 1.0)
    assert bandwidth.update(0.2, 1_000_000, 2.0) == 850_000
    assert bandwidth.update(0.2, 1_000_000, 3.0) == 722_500


def test_it_is_never_lowered_below_the_floor(bandwidth: Bandwidth) -> None:
    for second in range(1, 60):
        bandwidth.update(0.9, 10_000, second)
    assert bandwidth.estimate == FLOOR


def test_it_returns_to_the_ceiling_once_the_path_is_clean(bandwidth: Bandwidth) -> None:
    for second in range(1, 10):
        bandwidth.update(0.3, CEILING, second)
    lowered = bandwidth.estimate
    assert lowered < CEILING
    assert bandwidth.update(0.0, lowered, 10.0) == round(bandwidth.estimate) > lowered
    for second in range(11, 60):
        bandwidth.update(0.01, CEILING, second)
    assert bandwidth.estimate == CEILING


def test_in_between_it_stays(bandwidth: Bandwidth) -> None:
    for second in range(1, 4):
        bandwidth.update(0.3, CEILING, second)
    lowered = bandwidth.estimate
    assert [bandwidth.update(0.05, CEILING, second) for second in range(4, 10)] == [lowered] * 6


def test_a_low_ceiling_is_above_any_floor() -> None:
    assert Bandwidth(50_000, 150_000).estimate == 50_000


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1e9), st.floats(-1, 100))))
def test_it_is_always_between_floor_and_ceiling(updates: list[tuple[float, float, float]]) -> None:
    bandwidth, now = Bandwidth(CEILING, FLOOR), 0.0
    for lost, sent, passed in updates:
        now += passed
        assert FLOOR <= bandwidth.update(lost, sent, now) <= CEILING
