"""The peer's clock: whatever its tracks stamp and however late they come, sound and picture stay together."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.media.units import Medium
from adapters.webrtc.clock import PLAUSIBLE, STEP, PeerClock

A, V = Medium.AUDIO, Medium.VIDEO
WRAP = 1 << 32
RATE = {A: 48_000, V: 90_000}
FRAME = {A: 0.020, V: 1 / 30}
WALL = 3_900_000_000.0
"""The sender's wall clock when it begins, in seconds since 1900."""


@dataclass
class Sender:
    """A peer that captures sound and picture at the same time, and a network that brings them late."""

    base: dict[Medium, int]
    delay: dict[Medium, float]
    jitter: float = 0.0
    drift: dict[Medium, float] = field(default_factory=lambda: {A: 0.0, V: 0.0})
    """How much faster than the wall clock an RTP clock runs."""
    noise: float = 0.0
    """How wrong a sender report may be, in seconds."""
    step: tuple[float, float] = (1e9, 0.0)
    """At this time the sender's wall clock is set by this much (seconds)."""
    seed: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.clock = PeerClock()
        self.times: dict[Medium, list[tuple[float, int]]] = {A: [], V: []}
        """When each frame was captured (seconds), and where it was placed (milliseconds)."""

    def stamp(self, medium: Medium, captured: float) -> int:
        return round(self.base[medium] + captured * (1 + self.drift[medium]) * RATE[medium]) % WRAP

    def run(self, until: float, reports: dict[Medium, float], start: float = 0.0) -> None:
        events: list[tuple[float, bool, Medium, float]] = []
        for medium in Medium:
            late = start
            for index in range(int((until - start) / FRAME[medium])):
                captured = start + index * FRAME[medium]
                late = max(late, captured + self.delay[medium] + self.random.uniform(0, self.jitter))
                events.append((late, True, medium, captured))
            if medium in reports:
                sent = start + reports[medium] / 2
                while sent < until:
                    events.append((sent + 0.02, False, medium, sent))
                    sent += reports[medium]
        for arrived, is_frame, medium, at in sorted(events, key=lambda event: event[0]):
            if is_frame:
                self.times[medium].append((at, self.clock.place(medium, self.stamp(medium, at), 1000 + arrived)))
            else:
                wall = WALL + at + self.random.uniform(-self.noise, self.noise) + (self.step[1] if at >= self.step[0] else 0)
                self.clock.report(medium, int(wall * (1 << 32)) % (1 << 64), self.stamp(medium, at), 1000 + arrived)

    def offset(self) -> float:
        """By how many milliseconds pictures are shown after the sound that belongs to them, at the end."""
        (sound_at, sound), (picture_at, picture) = self.times[A][-1], self.times[V][-1]
        return (picture - picture_at * 1000) - (sound - sound_at * 1000)


def sender(**changes: object) -> Sender:
    return Sender(**({"base": {A: 1000, V: 2000}, "delay": {A: 0.03, V: 0.03}} | changes))  # type: ignore[arg-type]


def test_starts_at_zero_and_goes_on_by_the_rtp_clock() -> None:
    clock = PeerClock()
    assert [clock.place(V, 5000 + 3000 * frame, 7.0 + frame / 30) for frame in range(4)] == [0, 33, 67, 100]


def test_second_track_is_placed_by_its_arrival() -> None:
    clock = PeerClock()
    assert clock.place(A, 77, 10.0) == 0
    assert clock.place(V, 99_999, 10.25) == 250


def test_jitter_of_arrival_does_not_show() -> None:
    clock = PeerClock()
    late = (0, 0.09, 0.09, 0.09, 0.1)
    assert [clock.place(A, 960 * frame, 5.0 + late[frame]) for frame in range(5)] == [0, 20, 40, 60, 80]


@pytest.mark.parametrize("base", [WRAP - 1, WRAP - 90_000, WRAP // 2 - 45_000])
def test_wrap_is_seamless(base: int) -> None:
    clock = PeerClock()
    placed = [clock.place(V, (base + 9000 * frame) % WRAP, 3.0 + frame / 10) for frame in range(30)]
    assert placed == [100 * frame for frame in range(30)]


@pytest.mark.parametrize("target", [0, 123_456_789, WRAP - 5])
def test_encoder_that_begins_anew_goes_on_after_the_time_that_passed(target: int) -> None:
    clock = PeerClock()
    clock.place(V, 500_000_000, 1.0)
    clock.place(V, 500_003_600, 1.04)
    assert clock.place(V, target, 1.5) == 500
    assert clock.place(V, (target + 3600) % WRAP, 1.54) == 540


def test_track_that_stood_still_goes_on_at_the_present() -> None:
    clock = PeerClock()
    clock.place(A, 0, 0.0)
    clock.place(A, 960, 0.02)
    assert clock.place(A, 1920, 20.0) == 20_000


def test_queue_that_empties_after_silence_keeps_its_times() -> None:
    clock = PeerClock()
    clock.place(A, 0, 0.0)
    assert clock.place(A, 18 * 48_000, 20.0) == 18_000
    assert clock.place(A, 19 * 48_000, 20.0) == 19_000


def test_new_source_takes_the_place_of_the_old() -> None:
    clock = PeerClock()
    clock.place(A, 4800, 0.0)
    clock.place(A, 5760, 0.02)
    clock.restart(A)
    assert clock.place(A, 5760, 0.04) == 40
    assert clock.place(A, 6720, 0.06) == 60


def test_reports_bring_late_pictures_to_their_sound_step_by_step() -> None:
    peer = sender(delay={A: 0.03, V: 0.28})
    peer.run(20, {A: 5.0, V: 1.0})
    assert abs(peer.offset()) < 10
    frames = [placed for _, placed in peer.times[V]]
    assert all(abs(after - before - 1000 / 30) <= STEP + 1 for before, after in itertools.pairwise(frames))


def test_sound_is_left_alone_while_pictures_follow() -> None:
    peer = sender(delay={A: 0.03, V: 0.28})
    peer.run(20, {A: 5.0, V: 1.0})
    sound = [placed for _, placed in peer.times[A]]
    assert sound == [20 * frame for frame in range(len(sound))]


def test_large_error_is_put_right_at_once() -> None:
    peer = sender(delay={A: 0.03, V: 1.8})
    peer.run(6, {A: 2.0, V: 1.0})
    assert abs(peer.offset()) < 30


def test_clock_that_is_set_by_an_hour_changes_nothing() -> None:
    peer = sender(delay={A: 0.03, V: 0.1}, step=(10.0, 3600.0))
    peer.run(30, {A: 2.0, V: 1.0})
    frames = [placed for _, placed in peer.times[V]]
    assert abs(peer.offset()) < 30
    assert max(after - before for before, after in itertools.pairwise(frames)) <= 34 + STEP


def skews(delay: Callable[[float], float], moments: Iterator[float]) -> Iterator[tuple[float, float]]:
    """Frames of sound and picture that are captured at these moments (seconds), and come `delay` later by our clock, the
    pictures a quarter of a second after the sound; with reports for the sound every 5 s and for the pictures every second.

    Gives by how many milliseconds the two are apart, and how far the sound is from its arrival.
    """
    clock, reported = PeerClock(), {A: 0.0, V: 0.0}
    for at in moments:
        placed = {}
        for medium, slower, interval in ((A, 0.0, 5.0), (V, 0.25, 1.0)):
            arrival, stamp = 1000 + at + delay(at) + slower, round(at * RATE[medium]) % WRAP
            placed[medium] = clock.place(medium, stamp, arrival)
            if at >= reported[medium] + interval:
                reported[medium] = at
                clock.report(medium, int((WALL + at) * (1 << 32)) % (1 << 64), stamp, arrival)
        yield placed[V] - placed[A], placed[A] - (at + delay(at) - delay(0)) * 1000


@pytest.mark.parametrize("drift", [150e-6, -150e-6])
def test_a_clock_that_drifts_away_for_hours_does_not_part_sound_and_picture(drift: float) -> None:
    beyond = 1.1 * PLAUSIBLE / 1000 / abs(drift)
    sparse, dense = int(beyond * 0.85), int(beyond * 0.25)  # as many frames as in a call only around the time when it tells
    moments = itertools.chain(range(sparse), (sparse + frame / 25 for frame in range(dense * 25)))
    for number, (skew, away) in enumerate(skews(lambda at: drift * at, iter(moments))):
        if number > 300:
            assert abs(skew) < 60
            assert abs(away) < 500


def test_a_queue_of_seconds_that_empties_does_not_part_sound_and_picture() -> None:
    frames = [frame / 25 for frame in range(25 * 120)]
    together = list(skews(lambda at: 5.0 if at < 20 else max(0.0, 5.0 - (at - 20) * 0.9), iter(frames)))[25 * 15 :]
    assert max(abs(skew) for skew, _ in together) < 60


def test_nonsense_reports_change_nothing() -> None:
    clock = PeerClock()
    clock.report(V, 1 << 60, 5, 0.0)
    clock.place(V, 1000, 1.0)
    clock.place(A, 1000, 1.0)
    for ntp, timestamp in ((0, 1 << 31), ((1 << 64) - 1, 0x7FFF_0000)):
        clock.report(V, ntp, timestamp, 1.01)
        clock.report(A, ntp, timestamp, 1.01)
    assert clock.place(V, 4600, 1.04) == 40
    assert clock.place(A, 1960, 1.02) == 20


stamps = st.integers(0, WRAP - 1)
clock_drift = st.floats(-200e-6, 200e-6)


@settings(max_examples=40)
@given(
    st.builds(
        Sender,
        base=st.fixed_dictionaries({A: stamps, V: stamps}),
        delay=st.fixed_dictionaries({A: st.floats(0, 0.8), V: st.floats(0, 0.8)}),
        jitter=st.floats(0, 0.1),
        drift=st.fixed_dictionaries({A: clock_drift, V: clock_drift}),
        noise=st.floats(0, 0.004),
        seed=st.integers(0, 1 << 16),
    )
)
def test_sound_and_picture_are_together_in_the_end_and_time_never_runs_back(peer: Sender) -> None:
    peer.run(40, {A: 5.0, V: 1.0})
    assert abs(peer.offset()) < 30
    for medium in Medium:
        placed = [time for _, time in peer.times[medium]]
        assert placed == sorted(placed)


@given(st.lists(st.tuples(st.sampled_from(Medium), stamps, st.floats(0, 3), st.integers(0, (1 << 64) - 1), st.booleans())))
def test_any_stamps_give_times_that_never_run_back(events: list[tuple[Medium, int, float, int, bool]]) -> None:
    clock, now = PeerClock(), 100.0
    last = {A: 0, V: 0}
    for medium, timestamp, passed, ntp, is_report in events:
        now += passed
        if is_report:
            clock.report(medium, ntp, timestamp, now)
        else:
            placed = clock.place(medium, timestamp, now)
            assert (placed - last[medium]) % WRAP < WRAP // 2
            assert placed < (now - 100) * 1000 + 60_000 or placed > WRAP - 60_000
            last[medium] = placed
