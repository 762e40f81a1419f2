"""What facts of a stream are findings, and which are none."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import replace
from typing import Any

import pytest

from gateway.errors import FAULTS
from gateway.quality.checkup import ClockFacts, Declared, SoundFacts, StreamFacts, VideoFacts, examine
from gateway.quality.troubles import TROUBLES

BOTH = frozenset({"audio", "video"})
NOBODY_SAID = None

VIDEO = VideoFacts(
    pictures=90, profile=77, level=30, width=360, height=640, fps=15.0, bitrate=600e3, keyframes=3, gop=2.0, gop_pictures=30.0
)
SOUND = SoundFacts(units=290, object_type=2, rate=48_000, channels=1, bitrate=48e3)
CLOCK = ClockFacts(pace=1.001, pace_of_samples=1.0, skew=0.03)
PHONE = StreamFacts(6.0, video=VIDEO, sound=SOUND, declared=Declared(15.0, BOTH), clock=CLOCK)
"""What a live-pusher sends."""
BROWSER = StreamFacts(
    5.1, on_demand=True, video=replace(VIDEO, keyframes=1, gop=5.0, gop_pictures=150.0), sound=SoundFacts("opus", 250),
)  # fmt: skip


def found(facts: StreamFacts, announced: Set[str] | None = BOTH) -> dict[str, str]:
    """The names of the findings, each with its detail."""
    return {finding.trouble.name: finding.detail for finding in examine(facts, announced)}


def video(**facts: Any) -> StreamFacts:
    return replace(PHONE, video=replace(VIDEO, **facts))


def sound(**facts: Any) -> StreamFacts:
    return replace(PHONE, sound=replace(SOUND, **facts))


def clock(**facts: Any) -> StreamFacts:
    return replace(PHONE, clock=replace(CLOCK, **facts))


def declared(fps: float | None) -> StreamFacts:
    return replace(PHONE, declared=Declared(fps))


HEALTHY = {
    "a phone": PHONE,
    "constrained baseline": video(profile=66, gop=3.0),
    "high profile": video(profile=100, level=41, width=1080, height=1920),
    "16 kHz": sound(rate=16_000),
    "stereo at 44.1 kHz": sound(rate=44_100, channels=2),
    "channels that only the stream tells": sound(channels=0),
    "nothing declared": declared(None),
    "12 of 15 pictures": video(fps=12.0),
    "a configuration that cannot be read": video(profile=None, level=None, width=None, height=None),
    "turned and turned back": video(configurations=3),
    "a network that slows down": clock(pace=0.8),
    "a network that catches up": clock(pace=1.2),
    "sound that was left out": clock(pace=0.9, pace_of_samples=1.1),
    "rounded stamps": clock(backward=2),
    "too short to say": replace(PHONE, video=replace(VIDEO, fps=None, bitrate=None, gop=None, keyframes=1), clock=ClockFacts()),
    "a browser": BROWSER,
    "a browser's shared screen that stands still": replace(BROWSER, video=replace(VIDEO, fps=0.5, gop=60.0, keyframes=1)),
}


@pytest.mark.parametrize("facts", HEALTHY.values(), ids=HEALTHY)
def test_a_healthy_stream_has_no_findings(facts: StreamFacts) -> None:
    assert found(facts) == {}


TROUBLED: dict[str, tuple[StreamFacts, dict[str, str]]] = {
    "B-frames": (video(reordered=True), {"B_FRAMES": ""}),
    "a long GOP": (video(gop=10.24, keyframes=2), {"GOP_TOO_LONG": "GOP 10.2 s"}),
    "a GOP without an end": (video(gop=11.6, keyframes=1), {"GOP_TOO_LONG": "GOP over 11.6 s"}),
    "no keyframe at all": (video(gop=None, keyframes=0), {"GOP_TOO_LONG": "no keyframe among 90 pictures"}),
    "keyframes alone": (video(gop=0.067), {"GOP_TOO_SHORT": "GOP 0.07 s"}),
    "extended profile": (video(profile=88), {"PROFILE_UNUSUAL": "profile 88, 4:2:0, 8 bit"}),
    "4:2:2, 10 bit": (video(profile=122, chroma_format=2, bits=10), {"PROFILE_UNUSUAL": "profile 122, 4:2:2, 10 bit"}),
    "10 bit": (video(profile=110, bits=10), {"PROFILE_UNUSUAL": "profile 110, 4:2:0, 10 bit"}),
    "level 5.1": (video(level=51), {"LEVEL_TOO_HIGH": "level 5.1"}),
    "4K": (video(width=3840, height=2160), {"PICTURE_TOO_LARGE": "3840x2160"}),
    "5 Mbit/s": (video(bitrate=5.04e6), {"BITRATE_HIGH": "5.0 Mbit/s"}),
    "few pictures": (replace(video(fps=6.0), declared=Declared()), {"FPS_LOW": "6.0 per second"}),
    "half of what was declared": (declared(30.0), {"FPS_LOW": "15.0 per second, 30 declared"}),
    "more than declared": (declared(10.0), {"FPS_DECLARED_WRONG": "15.0 per second, 10 declared"}),
    "a time base for a rate": (declared(1000.0), {"FPS_DECLARED_WRONG": "15.0 per second, 1000 declared"}),
    "HE-AAC": (sound(replicated=True), {"AAC_NOT_LC": "HE-AAC"}),
    "AAC main": (sound(object_type=1), {"AAC_NOT_LC": "object type 1"}),
    "22.05 kHz": (sound(rate=22_050), {"AAC_RATE_UNUSUAL": "22050 Hz"}),
    "5.1": (sound(channels=6), {"AAC_CHANNELS": "6 channels"}),
    "late headers": (video(headless=4), {"HEADERS_MISSING": "4 of 90 pictures"}),
    "sound without a header": (sound(headless=290), {"NO_SOUND_CONFIG": "290 of 290 units"}),
    "ever new parameters": (video(configurations=9), {"HEADERS_UNSTEADY": "9 configurations in 6 s"}),
    "a jump": (clock(jumps=1, pace=None, pace_of_samples=None, skew=None), {"CLOCK_JUMPS": "1 jumps, 0 steps back"}),
    "stamps that run back": (clock(backward=3), {"CLOCK_JUMPS": "0 jumps, 3 steps back"}),
    "a slow clock": (clock(pace=0.95, pace_of_samples=0.951), {"CLOCK_SLOW_OR_FAST": "0.95 s in a second"}),
    "a fast clock": (clock(pace=1.035, pace_of_samples=1.03), {"CLOCK_SLOW_OR_FAST": "1.03 s in a second"}),
    "a file at full speed": (clock(pace=2.2), {"SENT_TOO_FAST": "2.2 s in a second"}),
    "late pictures": (clock(skew=0.8), {"AV_OFFSET": "pictures 0.8 s after the sound"}),
    "late sound": (clock(skew=-2.0), {"AV_OFFSET": "sound 2.0 s after the pictures"}),
    "no pictures": (replace(PHONE, seconds=12.0, video=None), {"VIDEO_PROMISED_MISSING": "none in 12 s"}),
    "no sound": (replace(PHONE, seconds=12.0, sound=None), {"AUDIO_PROMISED_MISSING": "none in 12 s"}),
    "VP8": (replace(BROWSER, video=VideoFacts("vp8", 90, fps=15.0, keyframes=1)), {"VIDEO_NOT_H264": "VP8"}),
}  # fmt: skip


@pytest.mark.parametrize(("facts", "findings"), TROUBLED.values(), ids=TROUBLED)
def test_a_stream_with_a_trouble(facts: StreamFacts, findings: dict[str, str]) -> None:
    assert found(facts) == findings


def test_every_trouble_can_be_found() -> None:
    assert {name for _, findings in TROUBLED.values() for name in findings} == {trouble.name for trouble in TROUBLES}


def test_findings_come_by_number() -> None:
    facts = replace(PHONE, video=replace(VIDEO, reordered=True, gop=10.0), sound=replace(SOUND, rate=8_000), clock=ClockFacts(1))
    numbers = [finding.trouble.number for finding in examine(facts, BOTH)]
    assert numbers == [1804101, 1804102, 1804111, 1804116]


class TestWhatWasPromised:
    SILENT = replace(PHONE, sound=None)
    BLIND = replace(PHONE, video=None)

    def test_what_is_announced_counts(self) -> None:
        assert "AUDIO_PROMISED_MISSING" in found(self.SILENT, {"audio"})
        assert found(self.SILENT, {"video"}) == {}
        assert found(self.BLIND, {"audio"}) == {}

    def test_if_nobody_announced_what_the_stream_declares_counts(self) -> None:
        assert list(found(self.BLIND, NOBODY_SAID)) == ["VIDEO_PROMISED_MISSING"]
        assert found(replace(self.BLIND, declared=Declared(media=frozenset({"audio"}))), NOBODY_SAID) == {}


class TestTable:
    def test_numbers_and_names_are_given_once_and_in_order(self) -> None:
        assert [trouble.number for trouble in TROUBLES] == list(range(1804101, 1804101 + len(TROUBLES)))
        assert len({trouble.name for trouble in TROUBLES}) == len(TROUBLES)
        assert {trouble.number for trouble in TROUBLES}.isdisjoint(fault.number for fault in FAULTS)

    @pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
    def test_each_says_what_to_change_in_both_languages(self, trouble: Any) -> None:
        assert trouble.en
        assert trouble.change_en.endswith(".")
        assert "|" not in trouble.en + trouble.zh + trouble.change_en + trouble.change_zh
        assert all(re.search("[\u4e00-\u9fff]", text) for text in (trouble.zh, trouble.change_zh))
