"""Pictures out of RTP payloads: whole or not at all, whatever is lost on the way or sent on purpose."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.media.h264 import join_units, nal_units
from adapters.media.units import Codec
from adapters.webrtc.depacketizer import Depacketizer, Frame, H264Depacketizer, Vp8Depacketizer, opus_duration
from adapters.webrtc.packetizer import MAX_PAYLOAD, h264_payloads, vp8_payloads
from adapters.webrtc.rtp import RtpPacket

SPS = bytes.fromhex("6742c01f8c8d40")
PPS = bytes.fromhex("68ce3c80")
IDR = b"\x65\x88\x84"
SLICE = b"\x41\x9a\x01"
LATER_SLICE = b"\x41\x4a\x01"  # not the first one of its picture
SEI = b"\x06\x05\x01"
LARGE = b"\x41\x9a" + bytes(3 * MAX_PAYLOAD)
LARGE_PARTS = h264_payloads(join_units([LARGE]))


def packets(payloads: Iterable[bytes], timestamp: int = 0, *, marked: bool = True) -> list[RtpPacket]:
    """One picture's packets; without numbers, which nobody looks at here."""
    found = [RtpPacket(96, False, 0, timestamp, 1, payload) for payload in payloads]
    if marked and found:
        found[-1].marker = True
    return found


def pushed(depacketizer: Depacketizer, *pictures: list[RtpPacket]) -> list[Frame]:
    return [frame for picture in pictures for packet in picture for frame in depacketizer.push(packet)]


def h264_frame(*units: bytes, timestamp: int = 0, keyframe: bool = False, continuous: bool = True) -> Frame:
    return Frame(Codec.H264, timestamp, join_units(units), keyframe, continuous)


UNITS = st.builds(
    lambda kind, body: bytes((0x40 | kind,)) + body,
    st.sampled_from([1, 2, 3, 4, 5, 6, 13, 14, 20, 23]),
    st.one_of(st.binary(max_size=40), st.integers(0, 5 * MAX_PAYLOAD).map(bytes)),
)


@given(st.lists(UNITS, min_size=1, max_size=12))
def test_h264_comes_back_as_it_went(units: list[bytes]) -> None:
    frames = pushed(H264Depacketizer(), packets(h264_payloads(join_units(units))))
    if any(unit[0] & 0x1F <= 5 for unit in units):
        assert [nal_units(frame.payload) for frame in frames] == [units]
        assert frames[0].keyframe == any(unit[0] & 0x1F == 5 for unit in units)
    else:
        assert frames == []


@given(st.integers(1, 5000).map(bytes), st.integers(0, 0x7FFF))
def test_vp8_comes_back_as_it_went(coded: bytes, picture_id: int) -> None:
    (frame,) = pushed(Vp8Depacketizer(), packets(vp8_payloads(coded, picture_id)))
    assert frame == Frame(Codec.VP8, 0, coded, False, True)


def test_parameter_sets_come_beside_the_picture() -> None:
    payloads = h264_payloads(join_units([b"\x09\xf0", SEI, IDR]), 4, (SPS, PPS))
    (frame,) = pushed(H264Depacketizer(), packets(payloads, 7))
    assert frame == Frame(Codec.H264, 7, join_units([SEI, IDR]), True, True, (SPS, PPS))


def test_parameter_sets_by_themselves_belong_to_the_next_picture() -> None:
    depacketizer = H264Depacketizer()
    assert pushed(depacketizer, packets([SPS], 1), packets([PPS], 1)) == []
    (frame,) = pushed(depacketizer, packets([IDR], 1))
    assert (frame.keyframe, frame.parameter_sets) == (True, (SPS, PPS))


def test_the_newest_parameter_set_of_a_number_counts() -> None:
    depacketizer = H264Depacketizer()
    newer, second = SPS[:-1] + b"\x50", b"\x68\x5e\x3c\x80"
    pushed(depacketizer, packets([SPS, PPS, second]))
    (frame,) = pushed(depacketizer, packets([newer, PPS, IDR]))
    assert frame.parameter_sets == (second, newer, PPS)


def test_parameter_sets_before_other_slices_make_no_keyframe() -> None:
    frames = pushed(H264Depacketizer(), packets([SPS, PPS, IDR], 1), packets([SPS, PPS, SLICE], 2))
    assert [frame.keyframe for frame in frames] == [True, False]


def test_a_picture_ends_with_its_marker_at_once() -> None:
    depacketizer = H264Depacketizer()
    first, last = packets([SLICE, LATER_SLICE])
    assert depacketizer.push(first) == []
    assert depacketizer.push(last) == [h264_frame(SLICE, LATER_SLICE)]


def test_a_picture_without_marker_ends_with_the_next_timestamp() -> None:
    depacketizer = H264Depacketizer()
    frames = pushed(depacketizer, packets([SLICE], 1, marked=False), packets([IDR], 2))
    assert frames == [h264_frame(SLICE, timestamp=1), h264_frame(IDR, timestamp=2, keyframe=True)]


def test_packets_without_payload_tell_nothing() -> None:
    depacketizer = H264Depacketizer()
    frames = pushed(depacketizer, packets([SLICE], 1, marked=False), packets([b""], 2), packets([LATER_SLICE], 1))
    assert frames == [h264_frame(SLICE, LATER_SLICE, timestamp=1)]


@pytest.mark.parametrize("lost", range(len(LARGE_PARTS)))
def test_a_picture_with_a_hole_is_given_up_and_the_next_says_so(lost: int) -> None:
    depacketizer = H264Depacketizer()
    hole = packets(LARGE_PARTS, 1)
    assert pushed(depacketizer, hole[:lost]) == []
    depacketizer.lose()
    assert pushed(depacketizer, hole[lost + 1 :]) == []
    frames = pushed(depacketizer, packets([SLICE], 2), packets([SLICE], 3))
    assert frames == [h264_frame(SLICE, timestamp=2, continuous=False), h264_frame(SLICE, timestamp=3)]
    assert depacketizer.given_up == 1


def test_a_picture_whose_first_slice_is_lost_is_given_up() -> None:
    depacketizer = H264Depacketizer()
    depacketizer.lose()
    assert pushed(depacketizer, packets([SEI, LATER_SLICE])) == []
    assert depacketizer.given_up == 1


def test_a_hole_within_a_picture_does_not_cost_the_next() -> None:
    depacketizer = H264Depacketizer()
    pushed(depacketizer, packets([SLICE], 1, marked=False))
    depacketizer.lose()
    frames = pushed(depacketizer, packets([LATER_SLICE], 1), packets([LATER_SLICE], 2))
    assert frames == [h264_frame(LATER_SLICE, timestamp=2, continuous=False)]


def test_a_whole_picture_lost_is_told_by_the_next() -> None:
    depacketizer = H264Depacketizer()
    pushed(depacketizer, packets([SLICE], 1))
    depacketizer.lose()
    assert pushed(depacketizer, packets([SLICE], 3)) == [h264_frame(SLICE, timestamp=3, continuous=False)]
    assert depacketizer.given_up == 0


def test_a_keyframe_is_given_up_if_its_parameter_sets_were_lost() -> None:
    depacketizer = H264Depacketizer()
    pushed(depacketizer, packets([SPS, PPS, IDR], 1))
    depacketizer.lose()
    assert pushed(depacketizer, packets([PPS, IDR], 2)) == []
    assert [frame.keyframe for frame in pushed(depacketizer, packets([SPS, PPS, IDR], 3))] == [True]


def test_a_keyframe_needs_no_parameter_sets_where_none_are_repeated() -> None:
    depacketizer = H264Depacketizer()
    pushed(depacketizer, packets([IDR], 1))
    depacketizer.lose()
    assert pushed(depacketizer, packets([IDR], 2)) == [h264_frame(IDR, timestamp=2, keyframe=True, continuous=False)]


@pytest.mark.parametrize(
    "payloads",
    [
        [b"\x19\x00\x00\x00\x03" + SLICE],  # STAP-B
        [b"\x1a" + bytes(10)],  # MTAP16
        [b"\x1d\x81\x00\x00\x9a"],  # FU-B
        [b"\x60\x01"],
        [b"\x7e\x01"],
        [b"\x78\x00\x00"],  # an empty unit
        [b"\x78\x00\x04" + SLICE],  # longer than the payload
        [b"\x78\x00"],
        [b"\x78\x00\x03\x78\x00\x00"],  # several in one of several
        [b"\x5c"],
        [LARGE_PARTS[1]],  # a part without its beginning
        [LARGE_PARTS[0], LARGE_PARTS[0]],
        [LARGE_PARTS[0], SLICE],
        [LARGE_PARTS[0]],
        [LARGE_PARTS[0], b"\x5c\x45\x00"],  # a part of something else
        [b"\x67\x42\xc0"],  # a parameter set without its number
        [b"\x68\x00\x40\x40"],  # a number that no parameter set has
        [b"\x67\x42\xc0\x1f\x80" + bytes(5000)],
    ],
)
def test_what_breaks_the_rules_costs_its_picture_only(payloads: list[bytes]) -> None:
    depacketizer = H264Depacketizer()
    assert pushed(depacketizer, packets([SLICE, *payloads], 1)) == []
    assert depacketizer.given_up == 1
    assert pushed(depacketizer, packets([SLICE], 2)) == [h264_frame(SLICE, timestamp=2, continuous=False)]


def test_a_picture_beyond_the_limit_is_given_up() -> None:
    for depacketizer, payloads in (
        (H264Depacketizer(1500), LARGE_PARTS),
        (H264Depacketizer(2000), [SLICE + bytes(1000)] * 2),
        (Vp8Depacketizer(1500), vp8_payloads(bytes(2000), 1)),
    ):
        assert pushed(depacketizer, packets(payloads[:2], marked=False)) == []
        assert depacketizer.given_up == 1  # before it has ended
        assert pushed(depacketizer, packets(payloads[2:])) == []


CODED = b"\x11" + bytes(1500)


def _vp8(descriptor: str, coded: bytes = CODED) -> bytes:
    return bytes.fromhex(descriptor) + coded


@pytest.mark.parametrize(
    "descriptor",
    ["10", "30", "90 00", "90 80 05", "90 80 8005", "90 40 01", "90 20 40", "90 10 01", "90 30 41", "90 f0 8005 01 41"],
)
def test_every_field_of_the_vp8_descriptor(descriptor: str) -> None:
    (frame,) = pushed(Vp8Depacketizer(), packets([_vp8(descriptor)]))
    assert frame.payload == CODED


def test_vp8_partitions_follow_each_other() -> None:
    (frame,) = pushed(Vp8Depacketizer(), packets([_vp8("10", b"\x11a"), _vp8("00", b"b"), _vp8("11", b"c"), _vp8("01", b"d")]))
    assert frame.payload == b"\x11abcd"


@pytest.mark.parametrize(
    "payloads",
    [
        [b"\x10"],
        [b"\x90"],
        [b"\x90\x80"],
        [b"\x90\x80\x80"],
        [b"\x90\x80\x80\x01"],
        [b"\x90\xf0\x05\x01\x01"],
        [_vp8("00")],  # a frame without its beginning
        [_vp8("11")],  # one that begins with its second partition
        [_vp8("10"), _vp8("10")],
    ],
)
def test_what_breaks_vp8s_rules_costs_its_frame_only(payloads: list[bytes]) -> None:
    depacketizer = Vp8Depacketizer()
    assert pushed(depacketizer, packets(payloads, 1)) == []
    assert pushed(depacketizer, packets([_vp8("10")], 2)) == [Frame(Codec.VP8, 2, CODED, False, False)]


def test_lost_packets_between_vp8_frames_that_were_no_part_of_any() -> None:
    depacketizer = Vp8Depacketizer()
    pushed(depacketizer, packets(vp8_payloads(CODED, 0x7FFF), 1))
    depacketizer.lose()
    frames = pushed(depacketizer, packets(vp8_payloads(CODED, 0), 2))
    depacketizer.lose()
    frames += pushed(depacketizer, packets(vp8_payloads(CODED, 2), 3))
    assert [frame.continuous for frame in frames] == [True, False]


def test_vp8_numbers_that_come_round_soon_prove_nothing() -> None:
    depacketizer = Vp8Depacketizer()
    pushed(depacketizer, packets([_vp8("90 80 05")], 1))
    depacketizer.lose()
    assert [frame.continuous for frame in pushed(depacketizer, packets([_vp8("90 80 06")], 2))] == [False]


PICTURES = st.lists(st.lists(UNITS, min_size=1, max_size=4), min_size=1, max_size=6)
LOSSES = st.lists(st.booleans(), min_size=60, max_size=60)


@given(PICTURES, LOSSES)
def test_whatever_is_lost_of_h264_only_whole_pictures_come_out(pictures: list[list[bytes]], losses: list[bool]) -> None:
    # Each picture begins with a slice that says so, as encoders' do, and has no other that does
    wholes = [
        [IDR, *(unit[:1] + b"\x00" + unit[1:] if unit[0] & 0x1F <= 5 else unit for unit in units)] for units in pictures
    ]
    sent = [packets(h264_payloads(join_units(units)), timestamp) for timestamp, units in enumerate(wholes)]
    _check_losses(H264Depacketizer(), sent, [join_units(units) for units in wholes], losses)


@given(st.lists(st.integers(1, 4000).map(bytes), min_size=1, max_size=6), LOSSES)
def test_whatever_is_lost_of_vp8_only_whole_frames_come_out(wholes: list[bytes], losses: list[bool]) -> None:
    sent = [packets(vp8_payloads(coded, timestamp), timestamp) for timestamp, coded in enumerate(wholes)]
    _check_losses(Vp8Depacketizer(), sent, wholes, losses)


def _check_losses(depacketizer: Depacketizer, sent: list[list[RtpPacket]], wholes: list[bytes], losses: list[bool]) -> None:
    lost = iter(losses)
    kept = []
    frames = []
    for timestamp, picture in enumerate(sent):
        whole = True
        for packet in picture:
            if next(lost, False):
                whole = False
                depacketizer.lose()
            else:
                frames += depacketizer.push(packet)
        if whole:
            kept.append(timestamp)
    assert [frame.timestamp for frame in frames] == kept
    assert all(frame.payload == wholes[frame.timestamp] for frame in frames)
    before = -1
    for frame in frames:
        assert frame.continuous == (frame.timestamp == before + 1)
        before = frame.timestamp


ANY_PACKET = st.builds(
    lambda marker, timestamp, payload: RtpPacket(96, marker, 0, timestamp, 1, payload),
    st.booleans(),
    st.integers(0, 2),
    st.binary(max_size=30),
)
ANY_PACKETS = st.lists(st.none() | ANY_PACKET, max_size=30)


@given(ANY_PACKETS)
def test_any_packets_make_frames_or_nothing(arriving: list[RtpPacket | None]) -> None:
    for depacketizer in (H264Depacketizer(100), Vp8Depacketizer(100)):
        for packet in arriving:
            if packet is None:
                depacketizer.lose()
            else:
                assert all(0 < len(frame.payload) <= 100 for frame in depacketizer.push(packet))


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        ("", 0),
        ("78", 960),  # CELT, 20 ms, one frame that was left out
        ("f8fffe", 960),
        ("00ff", 480),  # SILK, 10 ms
        ("18ff", 2880),
        ("60ff", 480),  # hybrid
        ("80ff", 120),  # CELT, 2.5 ms
        ("f9ffff", 1920),
        ("f9ff", 0),  # two frames of equal size in an odd number of bytes
        ("fa01ff00", 1920),
        ("fa03ff00", 0),
        ("fa", 0),
        ("fafc", 0),
        ("fafc00" + 252 * "00", 1920),
        ("fafc00" + 251 * "00", 0),
        ("fb", 0),
        ("fb00", 0),
        ("fb03ffffff", 2880),
        ("1b02", 5760),
        ("1b03", 0),  # longer than 120 ms
    ],
)
def test_how_long_opus_is(packet: str, samples: int) -> None:
    assert opus_duration(bytes.fromhex(packet)) == samples


@given(st.binary(max_size=20))
def test_any_opus_is_a_multiple_of_its_shortest_frame_or_malformed(packet: bytes) -> None:
    assert opus_duration(packet) in range(0, 5761, 120)
