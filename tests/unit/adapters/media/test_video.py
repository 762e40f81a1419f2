"""Pictures that are decoded and encoded again are the same pictures at the same time, in an order that browsers can take.

Each picture of the source tells its number by its grey.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.media import h264, video
from adapters.media.units import Codec, VideoConfig, VideoUnit
from adapters.media.video import Meter, Pace, VideoTranscoder
from gateway.errors import MEDIA_MALFORMED, GatewayError
from tests.support.pictures import coded, seen, times_and_numbers

PICTURES = 75
SOURCES = {
    "H.264": coded(Codec.H264, PICTURES),
    "H.264 with B-frames": coded(Codec.H264, PICTURES, b_frames=2),
    "H.264 with a pyramid": coded(Codec.H264, PICTURES, b_frames=3, pyramid=True),
    "VP8": coded(Codec.VP8, PICTURES),
}
HELD_BACK = {"H.264 with B-frames": 1, "H.264 with a pyramid": 2}
"""Pictures that a decoder needs in hand to have them in order."""
WAYS = [
    ("H.264 with B-frames", Codec.H264_LOW_DELAY), ("H.264 with a pyramid", Codec.H264_LOW_DELAY), ("H.264", Codec.VP8),
    ("H.264 with a pyramid", Codec.VP8), ("VP8", Codec.H264), ("VP8", Codec.H264_LOW_DELAY),
]  # fmt: skip
ALL_WAYS = pytest.mark.parametrize(("name", "target"), WAYS, ids=[f"{name} to {target}" for name, target in WAYS])


def feed(transcoder: VideoTranscoder, units: Iterable[VideoUnit]) -> tuple[list[VideoConfig], list[VideoUnit]]:
    made = [one for unit in units for one in transcoder.feed(unit)]
    return [one for one in made if isinstance(one, VideoConfig)], [one for one in made if isinstance(one, VideoUnit)]


def keyframes(units: Iterable[VideoUnit]) -> list[int]:
    return [unit.timestamp for unit in units if unit.keyframe]


def assert_increasing(units: Sequence[VideoUnit]) -> None:
    times = [unit.timestamp for unit in units]
    assert all(before < after for before, after in pairwise(times))


@ALL_WAYS
def test_pictures_stay_what_and_when_they_were(name: str, target: Codec) -> None:
    config, units = SOURCES[name]
    (made_config,), made = feed(VideoTranscoder(config, target), units)
    held_back = HELD_BACK.get(name, 0)
    assert seen(made_config, made) == seen(config, units)[: PICTURES - held_back]
    assert {(unit.composition, unit.codec) for unit in made} == {(0, Codec.VP8 if target is Codec.VP8 else Codec.H264)}
    assert_increasing(made)


@ALL_WAYS
def test_each_picture_comes_out_at_once(name: str, target: Codec) -> None:
    config, units = SOURCES[name]
    transcoder = VideoTranscoder(config, target)
    for number, unit in enumerate(units, 1):
        _, made = feed(transcoder, [unit])
        assert len(made) == (number > HELD_BACK.get(name, 0))


def test_the_h264_that_comes_out_is_what_every_browser_takes() -> None:
    (config,), made = feed(VideoTranscoder(SOURCES["VP8"][0], Codec.H264_LOW_DELAY), SOURCES["VP8"][1])
    record = h264.parse_config(config.payload)
    parameters = h264.parse_sps(record.sps[0])
    assert (record.profile, record.compatibility & 0x40, parameters.reorder_frames) == (66, 0x40, 0)
    kinds = {nal[0] & 0x1F for unit in made for nal in h264.nal_units(unit.payload)}
    assert kinds <= {h264.NalType.SLICE, h264.NalType.IDR, h264.NalType.SEI}


@ALL_WAYS
def test_keyframes_come_every_two_seconds(name: str, target: Codec) -> None:
    config, units = SOURCES[name]
    _, made = feed(VideoTranscoder(config, target), units)
    first = made[0].timestamp
    assert keyframes(made) == [first, first + video.KEYFRAME_EVERY]


@ALL_WAYS
def test_a_keyframe_comes_when_it_is_wanted(name: str, target: Codec) -> None:
    config, units = SOURCES[name]
    transcoder = VideoTranscoder(config, target)
    feed(transcoder, units[:20])
    transcoder.want_keyframe()
    _, made = feed(transcoder, units[20:30])
    assert keyframes(made) == [made[0].timestamp]


@ALL_WAYS
def test_keyframes_that_are_wanted_all_the_time_come_twice_a_second(name: str, target: Codec) -> None:
    config, units = SOURCES[name]
    transcoder, made = VideoTranscoder(config, target), []
    for unit in units:
        transcoder.want_keyframe()
        made += feed(transcoder, [unit])[1]
    first = made[0].timestamp
    apart = next(unit.timestamp - first for unit in made if unit.timestamp - first >= video.KEYFRAMES_APART)
    assert keyframes(made) == list(range(first, made[-1].timestamp + 1, apart))


def test_a_wish_for_a_keyframe_is_kept_until_one_is_due() -> None:
    config, units = SOURCES["VP8"]
    transcoder = VideoTranscoder(config, Codec.H264)
    feed(transcoder, units[:1])
    transcoder.want_keyframe()
    _, made = feed(transcoder, units[1:40])
    assert len(keyframes(made)) == 1
    assert keyframes(made)[0] >= video.KEYFRAMES_APART


@pytest.mark.parametrize("name", SOURCES)
def test_nothing_comes_before_a_keyframe(name: str) -> None:
    config, units = SOURCES[name]
    transcoder = VideoTranscoder(config, Codec.VP8)
    assert feed(transcoder, units[1:25]) == ([], [])
    assert transcoder.left_out == 24
    _, made = feed(transcoder, units[25:])
    assert keyframes(made)


@pytest.mark.parametrize("target", [Codec.VP8, Codec.H264])
def test_a_change_of_size_is_followed(target: Codec) -> None:
    config, units = coded(Codec.VP8, 20, size=(64, 48))
    _, larger = coded(Codec.VP8, 20, size=(96, 80), first=20)
    transcoder = VideoTranscoder(config, target)
    configs, made = feed(transcoder, [*units, *larger])
    assert keyframes(made) == [0, 800]
    if target is Codec.H264:
        sizes = [h264.parse_sps(h264.parse_config(one.payload).sps[0]) for one in configs]
        assert [(one.width, one.height) for one in sizes] == [(64, 48), (96, 80)]
    else:
        assert len(configs) == 1
    assert seen(configs[0], made[:20]) == times_and_numbers(units)
    assert seen(configs[-1], made[20:]) == times_and_numbers(larger)


@pytest.mark.parametrize("target", [Codec.VP8, Codec.H264])
def test_odd_sizes_become_even(target: Codec) -> None:
    config, units = coded(Codec.VP8, 5, size=(65, 49))
    configs, made = feed(VideoTranscoder(config, target), units)
    assert seen(configs[0], made) == times_and_numbers(units)


@pytest.mark.parametrize("name", SOURCES)
def test_after_a_broken_picture_it_goes_on_with_the_next_keyframe(name: str) -> None:
    config, units = SOURCES[name]
    broken = [VideoUnit(unit.timestamp, b"\xff" * 20, unit.keyframe, unit.composition, unit.codec) for unit in units[10:12]]
    transcoder = VideoTranscoder(config, Codec.VP8)
    configs, made = feed(transcoder, [*units[:10], *broken, *units[12:]])
    assert transcoder.errors == 1
    assert made[-1].timestamp >= units[-4].timestamp
    assert_increasing(made)
    assert len(seen(configs[0], made)) == len(made)


def test_what_nobody_waits_for_is_decoded_only() -> None:
    config, units = SOURCES["H.264"]
    transcoder = VideoTranscoder(config, Codec.VP8)
    behind = [transcoder.feed(unit, show=False) for unit in units[:20]]
    assert behind == [[]] * 20
    assert transcoder.left_out == 20
    configs, made = feed(transcoder, units[20:])
    assert made[0].keyframe
    assert seen(configs[0], made) == times_and_numbers(units[20:])


def test_a_source_that_can_never_be_decoded_is_given_up() -> None:
    transcoder = VideoTranscoder(SOURCES["VP8"][0], Codec.H264)
    broken = VideoUnit(0, b"\xff" * 20, True, codec=Codec.VP8)
    for _ in range(video.HOPELESS - 1):
        assert transcoder.feed(broken) == []
    with pytest.raises(GatewayError) as failure:
        transcoder.feed(broken)
    assert failure.value.fault is MEDIA_MALFORMED


def test_pictures_too_large_to_encode_in_time_are_not_decoded() -> None:
    config, units = coded(Codec.VP8, 1, size=(4096, 2160))
    transcoder = VideoTranscoder(config, Codec.H264)
    assert transcoder.feed(units[0]) == []
    assert transcoder.errors == 1


@pytest.mark.parametrize("payload", [b"", b"\x01\x42\xc0", b"\x01" + b"\xff" * 40])
def test_a_configuration_that_makes_no_sense_is_refused(payload: bytes) -> None:
    with pytest.raises(GatewayError) as refusal:
        VideoTranscoder(VideoConfig(0, payload), Codec.VP8)
    assert refusal.value.fault is MEDIA_MALFORMED


def test_a_source_that_sends_much_more_gets_another_encoder_at_the_next_keyframe() -> None:
    config, units = coded(Codec.VP8, 125, size=(320, 240))
    heavier = [VideoUnit(unit.timestamp, unit.payload, unit.keyframe, codec=Codec.VP8) for unit in units]
    for unit in heavier[25:]:
        unit.payload += bytes(5000)  # what stands behind the last partition is not looked at
    transcoder = VideoTranscoder(config, Codec.H264)
    configs, made = feed(transcoder, heavier)
    assert keyframes(made) == [0, 2000, 4000]
    assert transcoder.encoders > 1
    assert seen(configs[-1], made[100:])[-1] == times_and_numbers(units)[-1]


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 100_000)), max_size=60))
def test_the_pace_of_a_source_has_bounds(pictures: list[tuple[int, int]]) -> None:
    meter, now = Meter(), 0
    for step, size in pictures:
        now += step
        meter.add(VideoUnit(now, bytes(size)))
        pace = meter.read(now)
        if pace is not None:
            assert video.LEAST_BITRATE <= pace.bits <= video.MOST_BITRATE
            assert 1 <= pace.pictures <= video.MOST_FRAME_RATE


def test_a_steady_source_is_measured_exactly() -> None:
    meter = Meter()
    for number in range(30):
        meter.add(VideoUnit(number * 40, bytes(2000)))
    assert meter.read(video.MEASURED_OVER - 1) is None
    assert meter.read(1200) == video.bounded(2000 * 30 * 8 / 1.2 * video.OVERHEAD, 25)


@pytest.mark.parametrize(("other", "fits"), [(Pace(1400, 30), True), (Pace(700, 30), True), (Pace(1600, 30), False)])
def test_an_encoder_does_for_a_similar_pace(other: Pace, fits: bool) -> None:
    assert Pace(1000, video.FRAME_RATE).fits(other) is fits
    assert other.fits(Pace(1000, video.FRAME_RATE)) is fits


@settings(max_examples=30, deadline=None)
@given(
    name=st.sampled_from(sorted(SOURCES)),
    changes=st.dictionaries(st.integers(0, 49), st.one_of(st.none(), st.binary(max_size=80)), max_size=6),
)
def test_hostile_pictures_cost_themselves_alone(name: str, changes: dict[int, bytes | None]) -> None:
    """Pictures are missing, or are anything at all: nothing is raised but what says so, and time goes forward."""
    config, units = SOURCES[name]
    transcoder, made = VideoTranscoder(config, Codec.VP8), []
    for number, unit in enumerate(units):
        payload = changes.get(number, unit.payload)
        if payload is not None:
            changed = VideoUnit(unit.timestamp, payload, unit.keyframe, unit.composition, unit.codec)
            made += [one for one in transcoder.feed(changed) if isinstance(one, VideoUnit)]
    assert_increasing(made)
    assert transcoder.errors <= len(changes)
