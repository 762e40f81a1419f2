"""AudioSpecificConfigs as encoders write them, and what must not be believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.media import aac
from adapters.media.aac import AudioFormat
from adapters.media.bits import BitWriter, MalformedMedia

CASES = {
    "1210": AudioFormat(2, 44_100, 2, output_rate=44_100),
    "1190": AudioFormat(2, 48_000, 2, output_rate=48_000),
    "1588": AudioFormat(2, 8_000, 1, output_rate=8_000),
    "121056e500": AudioFormat(2, 44_100, 2, output_rate=44_100),  # FFmpeg: says that there is no SBR
    "1214": AudioFormat(2, 44_100, 2, output_rate=44_100, frame_length=960),
    "2b11880800": AudioFormat(2, 24_000, 2, sbr=True, output_rate=48_000),  # HE-AAC, explicit
    "eb09880800": AudioFormat(2, 24_000, 1, sbr=True, ps=True, output_rate=48_000),  # HE-AAC v2, explicit
    "131056e598": AudioFormat(2, 24_000, 2, sbr=True, output_rate=48_000),  # HE-AAC, backward compatible
    "130856e59d4880": AudioFormat(2, 24_000, 1, sbr=True, ps=True, output_rate=48_000),
}


@pytest.mark.parametrize(("config", "expected"), CASES.items())
def test_known_configurations(config: str, expected: AudioFormat) -> None:
    assert aac.parse_config(bytes.fromhex(config)) == expected


@given(st.sampled_from(aac.SAMPLING_RATES) | st.integers(1, (1 << 24) - 1), st.sampled_from([1, 2, 3, 4, 5, 6, 8]))
def test_made_configurations_are_read_back(rate: int, channels: int) -> None:
    made = aac.parse_config(aac.make_config(rate, channels))
    assert (made.object_type, made.sampling_rate, made.channels, made.frame_length) == (aac.AAC_LC, rate, channels, 1024)
    assert made.frame_seconds == 1024 / rate


def test_escaped_object_type_and_low_delay() -> None:
    eld = BitWriter().bits(5, 31).bits(6, 39 - 32).bits(4, 3).bits(4, 1).bits(1, 1).bits(7, 0).to_bytes()
    assert aac.parse_config(eld) == AudioFormat(39, 48_000, 1, output_rate=48_000, frame_length=480)
    low_delay = BitWriter().bits(5, 23).bits(4, 3).bits(4, 1).bits(3, 0).to_bytes()
    assert aac.parse_config(low_delay).frame_length == 512


def test_channels_from_a_program_config_element() -> None:
    writer = BitWriter().bits(5, 2).bits(4, 4).bits(4, 0).bits(3, 0)
    writer.bits(10, 0).bits(4, 1).bits(4, 0).bits(4, 0).bits(2, 1).bits(3, 0).bits(4, 0).bits(3, 0)
    writer.bits(1, 1).bits(4, 0).bits(4, 0)  # one front pair, one low frequency channel
    writer.bits(5, 0).bits(8, 0)
    assert aac.parse_config(writer.to_bytes()).channels == 3


@pytest.mark.parametrize("config", ["", "12", "1680", "1780000000", "1250", "1784"])
def test_broken_configurations(config: str) -> None:
    with pytest.raises(MalformedMedia):
        aac.parse_config(bytes.fromhex(config))


@pytest.mark.parametrize(("channels", "object_type"), [(9, 2), (0, 2), (2, 39), (2, 34)])
def test_formats_that_cannot_be_described(channels: int, object_type: int) -> None:
    with pytest.raises(ValueError, match="cannot be described"):
        aac.make_config(48_000, channels, object_type)


@given(st.binary(max_size=40))
def test_any_bytes(data: bytes) -> None:
    try:
        aac.parse_config(data)
    except MalformedMedia:
        pass
