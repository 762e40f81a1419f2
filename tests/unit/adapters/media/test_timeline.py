"""The repaired clock: whatever a publisher stamps, viewers get one time that goes on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.media.timeline import FORWARD_JUMP, Timeline
from adapters.media.units import Medium

A, V = Medium.AUDIO, Medium.VIDEO
WRAP = 1 << 32


def test_starts_at_zero_wherever_the_publisher_starts() -> None:
    timeline = Timeline()
    assert timeline.repair(V, 16_780_000, 5.0) == 0
    assert timeline.repair(V, 16_780_066, 5.066) == 66
    assert timeline.edge == 66


def test_second_track_that_begins_earlier_is_clamped_at_zero_and_keeps_sync() -> None:
    timeline = Timeline()
    assert timeline.repair(V, 1000, 0.0) == 0
    assert timeline.repair(A, 980, 0.0) == 0
    assert timeline.repair(A, 1001, 0.02) == 1
    assert timeline.repair(V, 1066, 0.066) == 66


def test_late_video_keeps_its_place_beside_sound() -> None:
    timeline = Timeline()
    for step in range(500):
        timeline.repair(A, 40 + 20 * step, step * 0.02)
    assert timeline.repair(V, 40 + 9_900, 10.0) == 9_900


def test_same_stamp_twice_is_the_same_time() -> None:
    timeline = Timeline()
    assert [timeline.repair(A, raw, 0.0) for raw in (10, 10, 31)] == [0, 0, 21]


def test_small_step_back_is_clamped() -> None:
    timeline = Timeline()
    assert [timeline.repair(V, raw, 0.0) for raw in (0, 100, 60, 140)] == [0, 100, 100, 140]


@pytest.mark.parametrize("start", [WRAP - 50, WRAP - 1, (1 << 31) - 50])
def test_wrap_is_seamless(start: int) -> None:
    timeline = Timeline()
    for step in range(10):
        assert timeline.repair(V, (start + 20 * step) % WRAP, step * 0.02) == 20 * step
        assert timeline.repair(A, (start + 20 * step + 5) % WRAP, step * 0.02) == 20 * step + 5


@pytest.mark.parametrize("target", [0, 50_000, 3_000_000_000])
def test_jump_goes_on_after_the_wall_time_that_passed(target: int) -> None:
    timeline = Timeline()
    timeline.repair(V, 1_000_000, 10.0)
    assert timeline.repair(V, 1_000_040, 10.04) == 40
    assert timeline.repair(V, target, 10.1) == 100
    assert timeline.repair(V, target + 40, 10.14) == 140


def test_other_track_follows_a_jump_and_a_straggler_does_not_disturb() -> None:
    timeline = Timeline()
    for step in range(10):
        timeline.repair(V, 500_000 + 40 * step, step * 0.04)
        timeline.repair(A, 500_000 + 40 * step, step * 0.04)
    assert timeline.repair(V, 0, 0.4) == 400
    assert timeline.repair(A, 500_400, 0.4) == 400  # the old clock, still on its way
    assert timeline.repair(A, 40, 0.44) == 440
    assert timeline.repair(V, 40, 0.44) == 440
    assert timeline.repair(V, 500_480, 0.48) == 480  # one stray stamp of the old clock
    assert timeline.repair(V, 120, 0.52) == 520
    assert timeline.repair(A, 120, 0.52) == 520


def test_tracks_with_clocks_of_their_own_stay_apart() -> None:
    timeline = Timeline()
    for step in range(100):
        assert timeline.repair(V, 900_000 + 40 * step, step * 0.04) == 40 * step
        assert abs(timeline.repair(A, 40 * step, step * 0.04) - 40 * step) <= 1


def test_pause_that_the_wall_clock_confirms_is_no_jump() -> None:
    timeline = Timeline()
    timeline.repair(V, 0, 0.0)
    assert timeline.repair(V, 60_000, 59.0) == 60_000


def test_camera_off_for_long_comes_back_in_sync() -> None:
    timeline = Timeline()
    timeline.repair(V, 0, 0.0)
    for step in range(3000):
        timeline.repair(A, 20 * step, step * 0.02)
    assert timeline.repair(V, 60_000, 60.0) == 60_000


def test_faster_than_real_time_is_taken_as_it_is() -> None:
    timeline = Timeline()
    for step in range(1000):
        assert timeline.repair(V, 40 * step, step * 0.0001) == 40 * step


def test_reconnect_goes_on_by_the_wall_time_and_keeps_sync() -> None:
    timeline = Timeline()
    timeline.repair(A, 70_000, 0.0)
    timeline.repair(V, 70_010, 0.0)
    timeline.repair(A, 75_000, 5.0)
    timeline.reconnect()
    assert timeline.repair(V, 123, 15.0) == 15_000
    assert timeline.repair(A, 113, 15.0) == 14_990
    assert timeline.repair(A, 133, 15.02) == 15_010
    assert timeline.repair(V, 163, 15.04) == 15_040


def test_reconnect_before_anything_came_is_a_start() -> None:
    timeline = Timeline()
    timeline.reconnect()
    assert timeline.repair(A, 77, 3.0) == 0


def test_reconnect_at_once_still_moves_on() -> None:
    timeline = Timeline()
    timeline.repair(V, 0, 0.0)
    timeline.reconnect()
    assert timeline.repair(V, 0, 0.0) == 1


STEPS = st.lists(
    st.tuples(
        st.sampled_from([A, V]),
        st.integers(0, WRAP - 1) | st.integers(0, 5000),
        st.floats(0, 20, allow_nan=False),
        st.booleans(),
    ),
    max_size=60,
)


@given(STEPS)
def test_never_runs_back_whatever_comes(steps: list[tuple[Medium, int, float, bool]]) -> None:
    timeline = Timeline()
    now, last = 0.0, {A: 0, V: 0}
    for track, raw, passed, reconnect in steps:
        now += passed
        edge = timeline.edge
        if reconnect:
            timeline.reconnect()
        time = timeline.repair(track, raw, now)
        assert time >= last[track]
        assert time <= edge + now * 1000 + FORWARD_JUMP + 1
        last[track] = time


@given(
    st.integers(0, WRAP - 1),
    st.lists(st.tuples(st.sampled_from([A, V]), st.integers(0, 400)), min_size=1, max_size=80),
)
def test_without_jumps_every_distance_is_kept(start: int, steps: list[tuple[Medium, int]]) -> None:
    timeline = Timeline()
    elapsed = 0
    for track, step in [(A, 0), *steps]:
        elapsed += step
        assert timeline.repair(track, (start + elapsed) % WRAP, elapsed / 1000) == elapsed
