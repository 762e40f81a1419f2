"""Pictures as RTP payloads: few, equal, and nothing in them that means something else on the way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.media.bits import MalformedMedia
from adapters.media.h264 import join_units
from adapters.webrtc.packetizer import MAX_DATAGRAM, MAX_PAYLOAD, h264_payloads, is_vp8_keyframe, vp8_payloads

SPS = bytes.fromhex("6742c01f8c8d40")
PPS = bytes.fromhex("68ce3c80")
IDR = b"\x65\x88"
SLICE = b"\x41\x9a"
VP8_KEYFRAME = bytes.fromhex("108500 9d012a 8002e001 00")


def test_a_small_unit_travels_as_it_is() -> None:
    assert h264_payloads(join_units([SLICE])) == [SLICE]


def test_small_units_travel_together() -> None:
    assert h264_payloads(join_units([b"\x06\x05", b"\xc1\x9a"])) == [bytes.fromhex("d8 0002 0605 0002 c19a")]


def test_a_large_unit_travels_in_parts_of_one_size() -> None:
    unit = b"\x65" + bytes(range(1, 250)) * 10
    payloads = h264_payloads(join_units([unit]))
    assert [payload[:2] for payload in payloads] == [b"\x7c\x85", b"\x7c\x05", b"\x7c\x45"]
    assert [len(payload) for payload in payloads] == [832, 832, 832]
    assert b"\x65" + b"".join(payload[2:] for payload in payloads) == unit


def test_order_is_kept_between_small_and_large_units() -> None:
    large = b"\x65" + bytes(MAX_PAYLOAD)
    kinds = [payload[0] & 0x1F for payload in h264_payloads(join_units([b"\x06\x01", IDR, large, IDR, IDR]))]
    assert kinds == [24, 28, 28, 24]


@given(st.integers(2, 4000))
def test_the_parts_are_few_and_equal_but_the_last(size: int) -> None:
    for payloads, room in (
        (h264_payloads(join_units([b"\x41" + bytes(size)])), MAX_PAYLOAD - 2),
        (vp8_payloads(bytes(size), 0), MAX_PAYLOAD - 4),
    ):
        sizes = [len(payload) for payload in payloads]
        assert len(payloads) <= -(-size // room)
        assert len(set(sizes[:-1])) <= 1
        assert 0 < sizes[-1] <= sizes[0] <= MAX_PAYLOAD


@pytest.mark.parametrize("edge", range(-4, 5))
def test_payloads_fit_and_are_used_to_the_full(edge: int) -> None:
    size = MAX_PAYLOAD + edge
    assert len(h264_payloads(join_units([b"\x41" + bytes(size - 1)]))) == (1 if edge <= 0 else 2)
    for before in ([], [b"\x41" + bytes(MAX_PAYLOAD)]):
        pair = h264_payloads(join_units([*before, SLICE, b"\x41" + bytes(size - 8)]))[2 * len(before) :]
        assert len(pair) == (1 if edge <= 0 else 2)
        assert max(map(len, pair)) <= MAX_PAYLOAD


@given(st.lists(st.integers(2, 2 * MAX_PAYLOAD), max_size=12))
def test_payloads_fit_whatever_they_are_made_of(sizes: list[int]) -> None:
    payloads = h264_payloads(join_units([b"\x41" + bytes(size - 1) for size in sizes]))
    assert all(len(payload) <= MAX_PAYLOAD for payload in payloads)


def test_a_datagram_keeps_its_limit_when_it_is_encrypted_and_sent_again() -> None:
    assert 12 + 2 + MAX_PAYLOAD + 16 == MAX_DATAGRAM


def test_what_no_decoder_needs_stays_behind() -> None:
    assert h264_payloads(join_units([b"\x09\xf0", SLICE, b"\x0c\xff\x80", b"\x0a", b"\x0b"])) == [SLICE]
    assert h264_payloads(join_units([b"\x09\xf0"])) == []
    assert h264_payloads(b"") == []


@pytest.mark.parametrize("kind", [0, 24, 25, 28, 31])
def test_what_would_mean_something_else_on_the_way_stays_behind(kind: int) -> None:
    assert h264_payloads(join_units([bytes((0x60 | kind, 1, 2)), SLICE])) == [SLICE]


def test_parameter_sets_go_before_a_keyframe() -> None:
    sei = b"\x06\x05"
    (payload,) = h264_payloads(join_units([b"\x09\xf0", sei, IDR]), 4, (SPS, PPS))
    assert payload == b"\x78\x00\x07" + SPS + b"\x00\x04" + PPS + b"\x00\x02" + sei + b"\x00\x02" + IDR


def test_a_picture_keeps_the_parameter_sets_that_it_brings() -> None:
    own = b"\x67\x64\x00\x0b\xac"
    (payload,) = h264_payloads(join_units([own, IDR]), 4, (SPS, PPS))
    assert payload == b"\x78\x00\x05" + own + b"\x00\x04" + PPS + b"\x00\x02" + IDR


def test_lengths_of_any_size_are_read() -> None:
    for length_size in (1, 2, 3, 4):
        assert h264_payloads(join_units([SLICE, IDR], length_size), length_size) == [b"\x78\x00\x02" + SLICE + b"\x00\x02" + IDR]


@given(st.binary(max_size=60), st.sampled_from([1, 2, 4]))
def test_any_bytes_are_a_picture_or_malformed(data: bytes, length_size: int) -> None:
    try:
        assert all(h264_payloads(data, length_size, (SPS, PPS)))
    except MalformedMedia:
        pass


def test_a_unit_that_is_longer_than_its_picture() -> None:
    with pytest.raises(MalformedMedia):
        h264_payloads(b"\x00\x00\x00\x05\x41")


def test_a_vp8_frame_and_its_descriptor() -> None:
    first, second = vp8_payloads(bytes(2000), 0x1234)
    assert (first[:4], second[:4]) == (bytes.fromhex("90 80 9234"), bytes.fromhex("80 80 9234"))
    assert (len(first), len(second)) == (1004, 1004)
    assert vp8_payloads(b"", 1) == []


def test_a_vp8_keyframe_is_known_by_its_start_code() -> None:
    assert is_vp8_keyframe(VP8_KEYFRAME)


@pytest.mark.parametrize("frame", [b"", VP8_KEYFRAME[:9], b"\x11" + VP8_KEYFRAME[1:], VP8_KEYFRAME[:4] + bytes(6)])
def test_other_vp8_frames_are_none(frame: bytes) -> None:
    assert not is_vp8_keyframe(frame)
