"""What a meter says of streams whose story is known: who is late, who only paused, whose clock jumped."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.media.meter import STEADY, TRIAL, IngestMeter
from adapters.media.units import Medium
from gateway.quality.readings import IngestReading, PathReading
from gateway.rooms.model import BOTH_MEDIA

SOUND, PICTURE = 0.021, 1 / 15
BEGIN = 50_000.0
"""Loop time at which the stories begin."""
SWEEP = 1.0


@dataclass(frozen=True)
class Sent:
    """A unit as it leaves the publisher."""

    time: float
    """Seconds of media since the beginning."""
    medium: Medium
    keyframe: bool = False


def call(seconds: float) -> list[Sent]:
    """Sound and 15 pictures per second, of which every 30th is a keyframe."""
    sounds = [Sent(number * SOUND, Medium.AUDIO) for number in range(int(seconds / SOUND))]
    pictures = [Sent(number * PICTURE, Medium.VIDEO, number % 30 == 0) for number in range(int(seconds / PICTURE))]
    return sorted(sounds + pictures, key=lambda sent: sent.time)


def on_time(sent: Sent) -> float:
    return sent.time


def story(
    sent: Iterable[Sent], arrival: Callable[[Sent], float], stamp: Callable[[Sent], int] | None = None
) -> list[IngestReading]:
    """What is read every second, until the last unit has come. Both functions take a unit; `arrival` counts from the
    beginning."""
    meter = IngestMeter(BEGIN)
    meter.open(BEGIN)
    readings = []
    due = SWEEP
    for at, _, unit in sorted((arrival(unit), number, unit) for number, unit in enumerate(sent)):
        while due <= at:
            readings.append(read(meter, BEGIN + due))
            due += SWEEP
        feed(meter, unit, BEGIN + at, stamp(unit) if stamp else round(unit.time * 1000))
    return [*readings, read(meter, BEGIN + due)]


def feed(meter: IngestMeter, unit: Sent, now: float, stamp: int) -> None:
    if unit.medium is Medium.AUDIO:
        meter.sound(stamp % (1 << 32), 250, now)
    else:
        meter.picture(stamp % (1 << 32), 4000, unit.keyframe, now)


def read(meter: IngestMeter, now: float, *, connected: bool = True) -> IngestReading:
    return meter.read(now, protocol="rtmp", connected=connected, media=BOTH_MEDIA, size=(640, 360), path=PathReading())


class TestASteadyStream:
    def test_is_read_as_it_is(self) -> None:
        first, *_, last, _ = story(call(10), on_time)
        assert (last.protocol, last.connected, last.audio, last.video, last.width, last.height) == (
            "rtmp", True, True, True, 640, 360,
        )  # fmt: skip
        assert last.span == pytest.approx(SWEEP)
        assert last.audio_bitrate == pytest.approx(250 * 8 / SOUND, rel=0.03)
        assert last.video_bitrate == pytest.approx(4000 * 8 / PICTURE, rel=0.08)
        assert last.fps == pytest.approx(15, abs=1)
        assert (first.gop, last.gop) == (None, 2.0)
        assert 0 <= last.late <= last.late_peak < 0.002
        assert last.drift == pytest.approx(0, abs=0.002)
        assert (last.jumps, last.gap) == (0, pytest.approx(SOUND, abs=0.001))
        assert last.silence < SOUND + 0.001

    @given(
        start=st.integers(0, (1 << 32) - 1),
        behind=st.floats(-0.5, 0.5),
        delays=st.lists(st.floats(0, 0.3), min_size=3, max_size=20),
        slow=st.floats(-0.0004, 0.0004),
    )
    def test_is_punctual_whatever_its_clock_shows_and_however_its_media_are_interleaved(
        self, start: int, behind: float, delays: list[float], slow: float
    ) -> None:
        sent = call(8)
        jitter = {unit: delays[number % len(delays)] for number, unit in enumerate(sent)}

        def arrival(unit: Sent) -> float:
            return 1 + unit.time * (1 + slow) + jitter[unit] + (behind if unit.medium is Medium.VIDEO else 0)

        readings = story(sent, arrival, lambda unit: start + round(unit.time * 1000))
        assert max(reading.late for reading in readings) <= 0.3
        assert max(reading.late_peak for reading in readings) <= 0.31
        assert readings[-2].jumps == 0
        assert readings[-2].drift == pytest.approx(behind, abs=0.31)

    def test_may_have_a_clock_that_is_a_little_slow_for_hours(self) -> None:
        meter = IngestMeter(BEGIN)
        meter.open(BEGIN)
        for second in range(4 * 3600):
            meter.sound(second * 1000, 250, BEGIN + second * 1.0004)
        assert read(meter, BEGIN + 4 * 3600).late < 0.001


class TestASlowWay:
    @given(rate=st.floats(0.4, 0.95))
    def test_makes_units_later_and_later(self, rate: float) -> None:
        readings = story(call(20), lambda unit: unit.time / rate)
        lates = [reading.late for reading in readings]
        assert lates == sorted(lates)
        assert readings[-2].late_peak == pytest.approx(20 / rate - 20, abs=SWEEP)
        assert readings[-1].jumps == 0

    @given(rate=st.floats(0.4, 1 - STEADY / TRIAL - 0.01), stall=st.floats(2.5, 8))  # less is as steady as makes no difference
    def test_is_not_taken_for_a_pause_after_a_stall(self, rate: float, stall: float) -> None:
        def arrival(unit: Sent) -> float:
            return unit.time if unit.time < 5 else 5 + stall + (unit.time - 5) / rate

        assert story(call(15), arrival)[-1].late_peak > stall


class TestAStall:
    @given(stall=st.floats(0.3, 20), pace=st.floats(2, 50))
    def test_is_over_once_what_was_held_up_has_come(self, stall: float, pace: float) -> None:
        resumed = 5 + stall

        def arrival(unit: Sent) -> float:
            return unit.time if unit.time < 5 else max(unit.time, resumed + (unit.time - 5) / pace)

        readings = story(call(60), arrival)
        assert max(reading.late_peak for reading in readings) == pytest.approx(stall, abs=0.1)
        assert max(reading.gap for reading in readings) == pytest.approx(stall, abs=0.1)
        assert readings[-2].late < 0.01

    def test_that_is_made_up_for_slowly_is_told_meanwhile(self) -> None:
        def arrival(unit: Sent) -> float:
            return unit.time if unit.time < 5 else max(unit.time, 11 + (unit.time - 5) / 1.25)

        lates = [reading.late for reading in story(call(50), arrival)]
        assert lates[:12] == pytest.approx([0] * 12, abs=0.01)
        assert lates[14] == pytest.approx(5, abs=0.1)
        assert lates[14:40] == sorted(lates[14:40], reverse=True)
        assert lates[-2] < 0.01


class TestAPause:
    @given(length=st.floats(2.2, 120), delays=st.lists(st.floats(0, 0.05), min_size=20, max_size=60))
    def test_makes_nobody_late_if_the_clock_stood_still(self, length: float, delays: list[float]) -> None:
        sent = call(15)
        jitter = {unit: delays[number % len(delays)] for number, unit in enumerate(sent)}
        readings = story(sent, lambda unit: unit.time + jitter[unit] + (length if unit.time >= 5 else 0))
        assert max(reading.late_peak for reading in readings) <= 0.06
        assert max(reading.gap for reading in readings) == pytest.approx(length, abs=0.1)
        assert readings[-1].jumps == 0

    @given(length=st.floats(2.2, 120))
    def test_makes_nobody_late_if_the_clock_went_on(self, length: float) -> None:
        readings = story([unit for unit in call(15 + length) if not 5 <= unit.time < 5 + length], on_time)
        assert max(reading.late_peak for reading in readings) < 0.01
        assert readings[-1].jumps == 0

    def test_may_begin_with_a_keyframe_that_takes_long(self) -> None:
        def arrival(unit: Sent) -> float:
            held_up = max(0.0, 0.7 - (unit.time - 5) / 3) if 5 <= unit.time < 8 else 0
            return unit.time + held_up + (8 if unit.time >= 5 else 0)

        assert max(reading.late for reading in story(call(25), arrival)[:8] + story(call(25), arrival)[-8:]) < 0.01

    def test_of_one_medium_is_none_of_the_other(self) -> None:
        sent = [unit for unit in call(20) if unit.medium is Medium.AUDIO or not 5 <= unit.time < 12]
        readings = story(sent, on_time)
        assert max(reading.late_peak for reading in readings) < 0.01
        assert max(reading.gap for reading in readings) < 0.03
        assert [reading.fps for reading in readings[6:11]] == [0] * 5
        assert [reading.drift for reading in readings[6:11]] == [None] * 5

    def test_after_another_before_it_was_known_what_that_was(self) -> None:
        def arrival(unit: Sent) -> float:
            return unit.time + (5 if unit.time >= 5 else 0) + (4 if unit.time >= 6 else 0)

        assert max(reading.late_peak for reading in story(call(20), arrival)) < 0.01


class TestAClock:
    @given(leap=st.one_of(st.integers(4_000, 1 << 30), st.integers(-(1 << 30), -1_000)), at=st.floats(2, 8))
    def test_that_jumps_is_counted_and_nobody_is_late(self, leap: int, at: float) -> None:
        readings = story(call(12), on_time, lambda unit: round(unit.time * 1000) + (leap if unit.time >= at else 0))
        assert readings[-1].jumps == 1
        assert max(reading.late_peak for reading in readings) < 0.01
        assert readings[-2].drift == pytest.approx(0, abs=0.01)
        assert readings[-2].gop == 2.0

    def test_that_jumps_between_two_keyframes_makes_no_gop(self) -> None:
        readings = story(call(5), on_time, lambda unit: round(unit.time * 1000) + (9_000 if unit.time >= 3 else 0))
        assert [reading.gop for reading in readings] == [None, None, 2.0, 2.0, None]

    def test_may_begin_anew_with_a_connection(self) -> None:
        meter = IngestMeter(BEGIN)
        meter.open(BEGIN)
        for unit in call(3):
            feed(meter, unit, BEGIN + unit.time, 70_000 + round(unit.time * 1000))
        lost = read(meter, BEGIN + 10, connected=False)
        assert (lost.connected, lost.audio, lost.video, lost.silence) == (False, False, False, pytest.approx(7, abs=0.1))
        meter.open(BEGIN + 13)
        for unit in call(3):
            feed(meter, unit, BEGIN + 13 + unit.time, round(unit.time * 1000))
        again = read(meter, BEGIN + 16)
        assert (again.span, again.jumps) == (pytest.approx(3), 0)
        assert again.fps == pytest.approx(15, abs=1)
        assert max(again.late_peak, again.gap) < 0.05

    @given(behind=st.floats(0.1, 2.5))
    def test_whose_pictures_fall_behind_their_sound(self, behind: float) -> None:
        def arrival(unit: Sent) -> float:
            return unit.time + (behind * min(1, unit.time / 10) if unit.medium is Medium.VIDEO else 0)

        last = story(call(15), arrival)[-4]
        assert last.drift == pytest.approx(behind, abs=0.02)
        assert last.late < 0.01, "sound is punctual"

    def test_of_its_own_for_each_medium_says_nothing_of_drift_but_what_comes_later(self) -> None:
        def stamp(unit: Sent) -> int:
            return round(unit.time * 1000) + (1_000_000 if unit.medium is Medium.VIDEO else 0)

        assert story(call(5), on_time, stamp)[-2].drift == pytest.approx(0, abs=0.01)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 30), st.integers(0, (1 << 32) - 1), st.integers(0, 1 << 20), st.sampled_from(["a", "v", "k", "r", "o"])
        ),
        max_size=60,
    )
)
def test_whatever_comes_makes_numbers_that_make_sense(events: list[tuple[float, int, int, str]]) -> None:
    meter = IngestMeter(BEGIN)
    times = accumulate((event[0] for event in events), initial=BEGIN)
    for now, (_, stamp, size, kind) in zip(times, events, strict=False):
        match kind:
            case "a":
                meter.sound(stamp, size, now)
            case "v" | "k":
                meter.picture(stamp, size, kind == "k", now)
            case "o":
                meter.open(now)
            case _:
                sane(read(meter, now))
    sane(read(meter, BEGIN + 10_000))


def sane(reading: IngestReading) -> None:
    numbers = (reading.span, reading.audio_bitrate, reading.video_bitrate, reading.fps, reading.silence, reading.jumps)
    assert all(math.isfinite(number) and number >= 0 for number in numbers)
    assert 0 <= reading.late <= reading.late_peak < math.inf
    assert reading.gap >= reading.silence
    assert reading.gop is None or reading.gop > 0
    assert reading.drift is None or math.isfinite(reading.drift)
