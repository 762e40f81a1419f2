"""What a stream keeps for joiners, and how joiners get it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.media.recall import BURST_SPREAD, UNIT_BYTES, Recall
from adapters.media.units import AudioConfig, AudioUnit, Medium, Metadata, PlayMode, VideoConfig, VideoUnit
from gateway.config import MediaSettings
from gateway.rooms.model import BOTH_MEDIA
from tests.support.streams import AUDIO_CONFIG, OTHER_AUDIO_CONFIG, OTHER_VIDEO_CONFIG, VIDEO_CONFIG, audio, picture, told


def remembering(settings: MediaSettings | None = None) -> Recall:
    """A memory with headers, a keyframe at 1000 and frames up to 1120."""
    recall = Recall(settings or MediaSettings())
    recall.remember_header(Metadata(0, b"", {"width": 640.0}))
    recall.remember_header(VideoConfig(0, VIDEO_CONFIG))
    recall.remember_header(AudioConfig(0, AUDIO_CONFIG))
    recall.remember(audio(1, 990))
    recall.remember(picture(1, 1000, key=True))
    for number, time in ((2, 1040), (3, 1080), (4, 1120)):
        recall.remember(audio(number, time - 1))
        recall.remember(picture(number, time))
    return recall


def opening(recall: Recall, mode: PlayMode, media: frozenset[Medium] = BOTH_MEDIA, edge: int = 1125) -> list[str]:
    return [told(unit) for unit in recall.opening(media, mode, edge)]


def test_live_joiner_gets_the_group_as_it_is() -> None:
    expected = ["m@1000", "v@1000", "a@1000", "K1@1000", "A2@1039", "V2@1040", "A3@1079", "V3@1080", "A4@1119", "V4@1120"]
    assert opening(remembering(), PlayMode.LIVE) == expected


def test_live_joiner_without_sound() -> None:
    expected = ["m@1000", "v@1000", "K1@1000", "V2@1040", "V3@1080", "V4@1120"]
    assert opening(remembering(), PlayMode.LIVE, frozenset({Medium.VIDEO})) == expected


def test_rtc_joiner_gets_the_pictures_at_the_live_edge() -> None:
    expected = ["m@1117", "v@1117", "a@1117", "K1@1117", "V2@1118", "V3@1119", "V4@1120"]
    assert opening(remembering(), PlayMode.RTC) == expected


def test_joiner_for_sound_gets_headers_only() -> None:
    assert opening(remembering(), PlayMode.RTC, frozenset({Medium.AUDIO})) == ["m@1125", "a@1125"]


def test_long_group_is_spread_over_no_more_than_the_bound() -> None:
    recall = remembering(replace(MediaSettings(), gop_seconds=100))
    for number in range(5, 600):
        recall.remember(picture(number, 1000 + 40 * number))
    times = [unit.timestamp for unit in recall.opening(BOTH_MEDIA, PlayMode.RTC, 0) if isinstance(unit, VideoUnit)]
    assert len(times) == 599
    assert times == sorted(times)
    assert times[-1] == 1000 + 40 * 599
    assert times[-1] - times[0] == BURST_SPREAD


def test_pictures_that_are_shown_later_still_are() -> None:
    recall = remembering()
    unit = replace(picture(5, 1160), composition=80)
    recall.remember(unit)
    pictures = [unit for unit in recall.opening(BOTH_MEDIA, PlayMode.RTC, 0) if isinstance(unit, VideoUnit)]
    shown = [unit.timestamp + unit.composition for unit in pictures]
    assert shown == [1156, 1157, 1158, 1159, 1240]


def test_single_keyframe_near_the_start() -> None:
    recall = Recall(MediaSettings())
    recall.remember(picture(1, 0, key=True))
    recall.remember(picture(2, 0))
    assert opening(recall, PlayMode.RTC) == ["K1@0", "V2@0"]


@pytest.mark.parametrize("bound", [{"gop_bytes": 2000}, {"gop_seconds": 0.1}])
def test_group_beyond_its_bounds_is_forgotten_until_the_next_keyframe(bound: dict[str, float]) -> None:
    recall = remembering(replace(MediaSettings(), **bound))  # type: ignore[arg-type]
    assert not recall.has_pictures
    recall.remember(picture(5, 1160))
    assert opening(recall, PlayMode.RTC) == ["m@1125", "v@1125", "a@1125"]
    recall.remember(picture(6, 1200, key=True))
    assert recall.has_pictures


def test_units_without_content_count_too() -> None:
    """A publisher that repeats one time stamp on frames of one byte outgrows no other bound."""
    recall = remembering(replace(MediaSettings(), gop_bytes=100 * UNIT_BYTES))
    for _ in range(93):
        assert recall.has_pictures
        recall.remember(AudioUnit(1120, b"x"))
    assert not recall.has_pictures


def test_header_that_says_nothing_new() -> None:
    recall = remembering()
    assert not recall.remember_header(Metadata(9, b"", {"width": 640.0}))
    assert not recall.remember_header(VideoConfig(9, VIDEO_CONFIG))
    assert not recall.remember_header(AudioConfig(9, AUDIO_CONFIG))
    assert recall.has_pictures


def test_changed_video_header_forgets_pictures() -> None:
    recall = remembering()
    assert recall.remember_header(VideoConfig(9, OTHER_VIDEO_CONFIG))
    assert not recall.has_pictures


def test_changed_audio_header_forgets_sound() -> None:
    recall = remembering()
    assert recall.remember_header(AudioConfig(9, OTHER_AUDIO_CONFIG))
    assert opening(recall, PlayMode.LIVE) == ["m@1000", "v@1000", "a'@1000", "K1@1000", "V2@1040", "V3@1080", "V4@1120"]
