"""How much goes out to viewers: what came lately, and not what came in a moment or never."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.media.outflow import Outflow
from adapters.media.units import Medium
from gateway.rooms.model import BOTH_MEDIA

BEGIN = 50_000.0
SOUND, PICTURES = frozenset({Medium.AUDIO}), frozenset({Medium.VIDEO})


class Flow:
    """An outflow that is looked at every second."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.outflow = Outflow()
        self.outflow.begin(self.now)

    def goes(self, seconds: int, sounds: int = 0, pictures: int = 0) -> None:
        """So many seconds, with so many bytes in each."""
        for _ in range(seconds):
            self.outflow.sounds += sounds
            self.outflow.pictures += pictures
            self.now += 1
            self.outflow.settle(self.now)


@pytest.fixture
def flow() -> Flow:
    return Flow()


def test_it_is_what_came_lately_of_what_is_wanted(flow: Flow) -> None:
    assert flow.outflow.bitrate(BOTH_MEDIA) == 0
    flow.goes(3, 6_000, 50_000)
    assert flow.outflow.bitrate(SOUND) == 48_000
    assert flow.outflow.bitrate(BOTH_MEDIA) == 448_000
    assert flow.outflow.bitrate(frozenset()) == 0


def test_it_stays_while_nothing_comes_at_all_and_goes_with_a_medium_that_is_off(flow: Flow) -> None:
    flow.goes(3, 6_000, 50_000)
    flow.goes(60)
    assert flow.outflow.bitrate(BOTH_MEDIA) == 448_000
    flow.goes(15, 6_000)
    assert flow.outflow.bitrate(BOTH_MEDIA) == pytest.approx(48_000, rel=0.1)


def test_pictures_that_come_now_and_then_are_evened_out(flow: Flow) -> None:
    for _ in range(20):
        flow.goes(1, 6_000, 30_000)
        flow.goes(1, 6_000, 0)
    assert 90_000 < flow.outflow.bitrate(PICTURES) < 150_000


def test_a_medium_that_began_at_the_end_of_a_span_is_known_by_the_next(flow: Flow) -> None:
    flow.goes(5, 6_000)
    flow.goes(1, 6_000, 100)
    flow.goes(1, 6_000, 50_000)
    assert flow.outflow.bitrate(PICTURES) == 400_000


def test_what_is_made_anew_is_known_by_the_next_span_and_until_then_is_no_less_than_before(flow: Flow) -> None:
    flow.goes(5, 6_000, 50_000)
    flow.outflow.renew(Medium.VIDEO)
    flow.goes(1, 6_000, 100)
    assert flow.outflow.bitrate(BOTH_MEDIA) == 448_000
    flow.goes(1, 6_000, 10_000)
    assert flow.outflow.bitrate(BOTH_MEDIA) == 128_000


def test_nothing_is_learned_from_a_moment(flow: Flow) -> None:
    flow.outflow.sounds += 250
    flow.outflow.settle(BEGIN + 0.001)
    assert flow.outflow.bitrate(BOTH_MEDIA) == 0


def test_a_new_connection_of_the_publisher_begins_a_span(flow: Flow) -> None:
    flow.outflow.begin(BEGIN + 100)
    flow.outflow.sounds += 3_000
    flow.outflow.settle(BEGIN + 100.5)
    assert flow.outflow.bitrate(SOUND) == 48_000


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(0, 1 << 20), st.integers(0, 1 << 20)), max_size=30))
def test_it_is_never_more_than_the_fullest_span_had(spans: list[tuple[float, int, int]]) -> None:
    outflow, now, fullest = Outflow(), BEGIN, 0.0
    outflow.begin(now)
    for seconds, sounds, pictures in spans:
        outflow.sounds += sounds
        outflow.pictures += pictures
        now += seconds
        outflow.settle(now)
        if seconds:
            fullest = max(fullest, sounds * 8 / seconds)
        assert 0 <= outflow.bitrate(SOUND) <= fullest * 1.001
