"""RTP packets in both directions, and numbers that wrap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.webrtc import rtp
from adapters.webrtc.rtp import MalformedRtp, RtpPacket

WORDS = st.integers(0, 0xFFFF)
LONG_WORDS = st.integers(0, 0xFFFF_FFFF)
PACKETS = st.builds(RtpPacket, st.integers(0, 127), st.booleans(), WORDS, LONG_WORDS, LONG_WORDS, st.binary(max_size=40))

OPUS = bytes.fromhex("806f 0102 00000960 cafebabe f8fffe")


def _bytes(packet: RtpPacket) -> bytes:
    return rtp.build(packet.payload_type, packet.marker, packet.sequence, packet.timestamp, packet.ssrc, packet.payload)


def test_a_packet_and_its_bytes() -> None:
    packet = RtpPacket(111, False, 0x0102, 960 * 2 + 480, 0xCAFEBABE, b"\xf8\xff\xfe")
    assert rtp.parse(OPUS) == packet
    assert _bytes(packet) == OPUS


@given(PACKETS)
def test_what_is_built_is_read(packet: RtpPacket) -> None:
    assert rtp.parse(_bytes(packet)) == packet


@given(PACKETS, st.lists(LONG_WORDS, max_size=15), st.none() | st.lists(LONG_WORDS, max_size=5), st.integers(0, 255))
def test_what_nobody_reads_is_left_out(packet: RtpPacket, sources: list[int], extension: list[int] | None, padding: int) -> None:
    plain = _bytes(packet)
    parts = [bytes((0x80 | len(sources) | (0 if extension is None else 0x10) | (0x20 if padding else 0),)), plain[1:12]]
    parts += [source.to_bytes(4, "big") for source in sources]
    if extension is not None:
        parts += [b"\xbe\xde", len(extension).to_bytes(2, "big"), *(word.to_bytes(4, "big") for word in extension)]
    parts.append(packet.payload)
    if padding:
        parts.append(bytes(padding - 1) + bytes((padding,)))
    assert rtp.parse(b"".join(parts)) == packet


@pytest.mark.parametrize(
    "data",
    [
        b"",
        OPUS[:11],
        b"\x40" + OPUS[1:],  # version 1
        b"\x81" + OPUS[1:],  # a contributing source of 4 bytes in 3
        b"\x90" + OPUS[1:],  # an extension without its length
        b"\x90" + OPUS[1:12] + b"\xbe\xde\x00\x02" + bytes(7),
        b"\xa0" + OPUS[1:12] + b"\x00",  # padding of nothing
        b"\xa0" + OPUS[1:12] + b"\x02",  # padding that reaches into the header
        b"\xb0" + OPUS[1:12] + b"\xbe\xde\x00\x00\x01\x06",  # ... into the extension
    ],
)
def test_parts_that_do_not_fit(data: bytes) -> None:
    with pytest.raises(MalformedRtp):
        rtp.parse(data)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_packet_or_malformed(data: bytes) -> None:
    try:
        assert len(rtp.parse(data).payload) <= max(0, len(data) - rtp.HEADER_BYTES)
    except MalformedRtp:
        pass


@pytest.mark.parametrize(("data", "expected"), [("80c8", True), ("80df", True), ("80e0", False), ("80bf", False), ("80", False)])
def test_rtcp_is_told_by_its_packet_types(data: str, expected: bool) -> None:
    assert rtp.is_rtcp(bytes.fromhex(data)) is expected


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [(5, 3, 2), (3, 5, -2), (7, 7, 0), (1, 0xFFFF, 2), (0xFFFF, 1, -2), (0x7FFF, 0, 0x7FFF), (0x8000, 0, -0x8000)],
)
def test_sequence_numbers_wrap(a: int, b: int, distance: int) -> None:
    assert rtp.sequence_distance(a, b) == distance


@given(LONG_WORDS, st.integers(-0x8000_0000, 0x7FFF_FFFF))
def test_timestamps_wrap(start: int, distance: int) -> None:
    assert rtp.timestamp_distance(start + distance & 0xFFFF_FFFF, start) == distance


@given(PACKETS)
def test_a_retransmission_gives_back_the_packet(packet: RtpPacket) -> None:
    again = RtpPacket(97, packet.marker, 500, packet.timestamp, 9, rtp.rtx_payload(packet.sequence, packet.payload))
    assert rtp.rtx_unwrap(again, packet.payload_type, packet.ssrc) == packet


@pytest.mark.parametrize("payload", [b"", b"\x01"])
def test_a_retransmission_of_nothing(payload: bytes) -> None:
    assert rtp.rtx_unwrap(RtpPacket(97, False, 1, 2, 3, payload), 96, 4) is None
