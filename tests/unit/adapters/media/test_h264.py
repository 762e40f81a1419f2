"""H.264 records as encoders write them, and what must not be believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.media import h264
from adapters.media.bits import MalformedMedia

# Written by x264 through FFmpeg
HIGH444_1080P_25 = bytes.fromhex(
    "01f40028ffe1001a67f40028919b280f0044fc4c20000003002000000641e30632c001000668ef8f192190fff8f800"
)
UUID = bytes(range(16))


def test_record_round_trip() -> None:
    config = h264.parse_config(HIGH444_1080P_25)
    assert (config.profile, config.compatibility, config.level, config.length_size) == (244, 0, 40, 4)
    assert config.to_bytes() == HIGH444_1080P_25
    assert h264.make_config(config.sps, config.pps) == config


def test_parameters_of_high_444() -> None:
    parameters = h264.parse_sps(h264.parse_config(HIGH444_1080P_25).sps[0])
    assert (parameters.width, parameters.height) == (1920, 1080)
    assert parameters.frames_per_second == 25.0
    assert parameters.reorder_frames == 2
    assert parameters.chroma_format == 3


@pytest.mark.parametrize(
    "record",
    [
        b"",
        bytes(7),
        HIGH444_1080P_25[:6],
        HIGH444_1080P_25[:20],
        HIGH444_1080P_25[:34],
        b"\x02" + HIGH444_1080P_25[1:],
        bytes.fromhex("0142c01fffe0000000"),
        bytes.fromhex("0142c01fffe1000168"),
    ],
)
def test_broken_records(record: bytes) -> None:
    with pytest.raises(MalformedMedia):
        h264.parse_config(record)


@given(st.binary(max_size=80))
def test_any_bytes_as_record_or_parameters(data: bytes) -> None:
    for read in (h264.parse_config, h264.parse_sps, h264.nal_units, h264.split_annex_b):
        try:
            read(data)
        except MalformedMedia:
            pass


@pytest.mark.parametrize(
    ("sps", "pps"),
    [((), ()), ((b"\x67\x42",), ()), ((b"\x67" + bytes(70_000),), ()), ((bytes(4),) * 32, ())],
)
def test_parameter_sets_that_fit_no_record(sps: tuple[bytes, ...], pps: tuple[bytes, ...]) -> None:
    with pytest.raises(MalformedMedia):
        h264.make_config(sps, pps)


UNITS = st.lists(st.binary(min_size=1, max_size=40), max_size=6)


@given(UNITS, st.sampled_from([1, 2, 3, 4]))
def test_lengths_round_trip(units: list[bytes], length_size: int) -> None:
    assert h264.nal_units(h264.join_units(units, length_size), length_size) == units


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_byte_stream_round_trip(contents: list[bytes]) -> None:
    payload = h264.join_units([b"\x41" + h264.escape(content + b"\x80") for content in contents])
    assert h264.from_annex_b(h264.to_annex_b(payload)) == payload


def test_byte_stream_with_both_start_codes() -> None:
    assert h264.split_annex_b(bytes.fromhex("0000000109f0000001674200000000000168ce")) == [b"\x09\xf0", b"\x67\x42", b"\x68\xce"]
    with pytest.raises(MalformedMedia):
        h264.split_annex_b(b"\x01\x00\x00\x01\x09")


@pytest.mark.parametrize("payload", [b"\x00", b"\x00\x00\x00\x05abcd", b"\xff\xff\xff\xff", b"\x00\x00\x00\x01a\x00"])
def test_lengths_beyond_the_end(payload: bytes) -> None:
    with pytest.raises(MalformedMedia):
        h264.nal_units(payload)


def test_unit_too_long_for_its_length() -> None:
    with pytest.raises(MalformedMedia):
        h264.join_units([bytes(256)], 1)


@given(st.binary(max_size=60))
def test_escape_round_trip(data: bytes) -> None:
    escaped = h264.escape(data + b"\x80")
    assert h264.unescape(escaped) == data + b"\x80"
    assert not any(code in escaped for code in (b"\x00\x00\x00", b"\x00\x00\x01", b"\x00\x00\x02"))


@given(st.binary(max_size=700), st.sampled_from([2, 4]))
def test_user_data_round_trip(data: bytes, length_size: int) -> None:
    payload = h264.join_units([b"\x09\xf0", b"\x65picture"], length_size)
    marked = h264.with_user_data(payload, UUID, data, length_size)
    assert h264.user_data(marked, UUID, length_size) == data
    assert h264.user_data(marked, bytes(16), length_size) is None
    kinds = [unit[0] & 0x1F for unit in h264.nal_units(marked, length_size)]
    assert kinds == [h264.NalType.DELIMITER, h264.NalType.SEI, h264.NalType.IDR]


def test_user_data_needs_a_whole_uuid() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        h264.with_user_data(b"", b"short", b"")


def test_supplemental_information_that_ends_early() -> None:
    with pytest.raises(MalformedMedia):
        list(h264.sei_messages(b"\x06\x05\x20abc"))
    with pytest.raises(MalformedMedia):
        list(h264.sei_messages(b"\x06\xff\xff"))
