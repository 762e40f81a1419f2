"""FLV bodies and tags, in both directions, and what is refused by its name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.flv import tags
from adapters.media.units import AudioConfig, AudioUnit, Metadata, Unit, VideoConfig, VideoUnit
from gateway.errors import CODEC_UNSUPPORTED, MEDIA_MALFORMED, GatewayError
from tests.support.streams import AUDIO_CONFIG, VIDEO_CONFIG


def assert_body(unit: Unit, body: str) -> None:
    """This unit makes these bytes, these bytes make this unit."""
    video = isinstance(unit, VideoUnit | VideoConfig)
    assert (tags.video_body(unit) if video else tags.audio_body(unit)).hex() == body
    parsed = (tags.parse_video if video else tags.parse_audio)(unit.timestamp, bytes.fromhex(body))
    assert type(parsed) is type(unit)
    assert parsed is not None
    assert (parsed.timestamp, parsed.payload) == (unit.timestamp, unit.payload)
    if isinstance(unit, VideoUnit) and isinstance(parsed, VideoUnit):
        assert (parsed.keyframe, parsed.composition) == (unit.keyframe, unit.composition)


def test_bodies() -> None:
    assert_body(VideoUnit(7, b"\x01\x02", keyframe=True), "17010000000102")
    assert_body(VideoUnit(7, b"\x01\x02"), "27010000000102")
    assert_body(VideoUnit(7, b"\x01", composition=80), "270100005001")
    assert_body(VideoUnit(7, b"\x01", composition=-40), "2701ffffd801")
    assert_body(VideoConfig(7, VIDEO_CONFIG), "1700000000" + VIDEO_CONFIG.hex())
    assert_body(AudioUnit(7, b"\x21\x10"), "af012110")
    assert_body(AudioConfig(7, AUDIO_CONFIG), "af00" + AUDIO_CONFIG.hex())


@given(st.integers(0, (1 << 32) - 1), st.binary(min_size=1, max_size=50), st.booleans(), st.integers(-(1 << 23), (1 << 23) - 1))
def test_pictures_round_trip(timestamp: int, payload: bytes, keyframe: bool, composition: int) -> None:
    unit = VideoUnit(timestamp, payload, keyframe, composition)
    assert_body(unit, tags.video_body(unit).hex())


@pytest.mark.parametrize(
    ("timestamp", "written"),
    [(0, "00000000"), (0x123456, "12345600"), (0xFFFFFF, "ffffff00"), (0x01000000, "00000001"), (0x1_0000_0005, "00000500")],
)
def test_timestamp_with_its_upper_byte_last(timestamp: int, written: str) -> None:
    assert tags.tag_bytes(AudioUnit(timestamp, b"\x21")).hex() == "08000003" + written + "000000" + "af0121" + "0000000e"


def test_metadata_tag() -> None:
    tag = tags.tag_bytes(Metadata(5, b"", {"width": 640}))
    assert tag[0] == tags.SCRIPT
    assert tag[4:8] == bytes(4), "players take it for a header then, and for nothing else"
    assert tag[11:] == bytes.fromhex("02000a") + b"onMetaData" + bytes.fromhex(
        "080000000100057769647468004084000000000000000009" + "0000002c"
    ).replace(b"\x2c", bytes([len(tag) - 4]))


@pytest.mark.parametrize("body", ["", "57", "5700", "1701000000", "1702000000", "170200000001", "17030000000000"])
def test_video_that_is_nothing_to_carry(body: str) -> None:
    assert tags.parse_video(0, bytes.fromhex(body)) is None


@pytest.mark.parametrize("body", ["", "af00", "af01", "af02ff"])
def test_sound_that_is_nothing_to_carry(body: str) -> None:
    assert tags.parse_audio(0, bytes.fromhex(body)) is None


def test_generated_keyframe_is_a_keyframe() -> None:
    unit = tags.parse_video(0, bytes.fromhex("470100000001"))
    assert isinstance(unit, VideoUnit)
    assert unit.keyframe


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("2200", "Sorenson H.263"),
        ("1300", "Screen video"),
        ("1400", "VP6"),
        ("1500", "VP6 with alpha"),
        ("1600", "Screen video 2"),
        ("1c0000000001", "HEVC (old codec id 12)"),
        ("1d00", "AV1 (old codec id 13)"),
        ("1e00", "video codec id 14"),
        ("9068766331", "Enhanced RTMP hvc1"),
        ("9161766331", "Enhanced RTMP avc1"),
        ("9161763031", "Enhanced RTMP av01"),
        ("9376703039", "Enhanced RTMP vp09"),
        ("96006176633100", "Enhanced RTMP multitrack video"),
        ("97006176633100", "Enhanced RTMP video"),
        ("91", "Enhanced RTMP video"),
        ("9100000001", "Enhanced RTMP video"),
    ],
)
def test_video_that_is_refused(body: str, name: str) -> None:
    with pytest.raises(GatewayError) as refused:
        tags.parse_video(0, bytes.fromhex(body))
    assert refused.value.fault is CODEC_UNSUPPORTED
    assert refused.value.detail == f"{name} was sent"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("00", "Linear PCM"),
        ("1f", "ADPCM"),
        ("2fff", "MP3"),
        ("3f", "Linear PCM, little endian"),
        ("46", "Nellymoser 16 kHz"),
        ("52", "Nellymoser 8 kHz"),
        ("6a", "Nellymoser"),
        ("72", "G.711 A-law"),
        ("82", "G.711 mu-law"),
        ("b2", "Speex"),
        ("c0", "sound format 12"),
        ("d0", "Opus (old codec id 13)"),
        ("e2", "MP3 8 kHz"),
        ("f0", "device-specific sound"),
        ("904f707573", "Enhanced RTMP Opus"),
        ("916d703461", "Enhanced RTMP mp4a"),
        ("95006d703461", "Enhanced RTMP multitrack audio"),
        ("af00f88400", "MPEG-4 audio of object type 36"),
    ],
)
def test_sound_that_is_refused(body: str, name: str) -> None:
    with pytest.raises(GatewayError) as refused:
        tags.parse_audio(0, bytes.fromhex(body))
    assert refused.value.fault is CODEC_UNSUPPORTED
    assert refused.value.detail == f"{name} was sent"


@pytest.mark.parametrize("body", ["17", "17010000", "170000000001", "1700000000" + "00" * 20])
def test_broken_video(body: str) -> None:
    with pytest.raises(GatewayError) as refused:
        tags.parse_video(0, bytes.fromhex(body))
    assert refused.value.fault is MEDIA_MALFORMED


@pytest.mark.parametrize("body", ["af", "af0012", "af0017ff"])
def test_broken_sound(body: str) -> None:
    with pytest.raises(GatewayError) as refused:
        tags.parse_audio(0, bytes.fromhex(body))
    assert refused.value.fault is MEDIA_MALFORMED


@given(st.binary(max_size=60))
def test_any_body(body: bytes) -> None:
    for parse in (tags.parse_video, tags.parse_audio):
        try:
            parse(0, body)
        except GatewayError:
            pass


def test_units_of_the_other_medium_have_no_such_body() -> None:
    with pytest.raises(TypeError):
        tags.video_body(AudioUnit(0, b""))
    with pytest.raises(TypeError):
        tags.audio_body(VideoUnit(0, b""))


def test_unit_too_large_for_a_tag() -> None:
    with pytest.raises(ValueError, match="too large"):
        tags.tag_bytes(AudioUnit(0, bytes(1 << 24)))
