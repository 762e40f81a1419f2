"""RTP packets: reading, writing, and counting with numbers that wrap (RFC 3550 section 5.1).

Header extensions and contributing sources are read over: nothing here needs them, and what we send has none. Numbers in
headers are compared modulo their width, as nearest neighbours. Retransmissions (RFC 4588) are packets whose payload begins
with the sequence number of the packet that they repeat. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

HEADER_BYTES = 12
"""Length of the header of every packet that we send."""
RTX_BYTES = 2
"""What a retransmission adds to the payload: the original sequence number (RFC 4588 section 4)."""

_HEADER = Struct("!BBHII")
_unpack_header = _HEADER.unpack_from
_pack_header = _HEADER.pack

_VERSION = 0x80
_VERSION_MASK = 0xC0
_PADDING = 0x20
_EXTENSION = 0x10
_SOURCES_MASK = 0x0F
_MARKER = 0x80
_TYPE_MASK = 0x7F

# RFC 5761 section 4: RTCP packet types lie where RTP would have its marker and payload types 64 to 95
_FIRST_RTCP = 192
_LAST_RTCP = 223


class MalformedRtp(ValueError):  # noqa: N818
    """Bytes that are no RTP packet. The text says what was wrong with them."""


@dataclass(slots=True)
class RtpPacket:
    """One RTP packet without what nobody here reads. Treat it as frozen: it is not, because that makes it slower."""

    payload_type: int
    marker: bool
    """On video: this is the last packet of its picture."""
    sequence: int
    """16 bits."""
    timestamp: int
    """32 bits, in units of the payload's clock, from a random beginning."""
    ssrc: int
    """32 bits."""
    payload: bytes
    """Without padding; empty if the packet was nothing else, as senders probe the bandwidth with."""


def parse(data: bytes) -> RtpPacket:
    """Read one packet. Raises `MalformedRtp` if it is of another version or a part of it lies beyond the end."""
    size = len(data)
    if size < HEADER_BYTES:
        raise MalformedRtp("an RTP packet has at least 12 bytes")
    first, second, sequence, timestamp, ssrc = _unpack_header(data)
    if first == _VERSION:
        return RtpPacket(second & _TYPE_MASK, second >= _MARKER, sequence, timestamp, ssrc, data[HEADER_BYTES:])
    if first & _VERSION_MASK != _VERSION:
        raise MalformedRtp(f"RTP version {first >> 6} is not known")
    start, end = HEADER_BYTES + 4 * (first & _SOURCES_MASK), size
    if first & _EXTENSION:
        # The length does not count the extension's own header (section 5.3.1). One that is cut short yields too small a
        # number, which does not matter: the start then lies beyond the end in any case.
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if first & _PADDING:
        padding = data[-1]
        if not padding:
            raise MalformedRtp("padding of an RTP packet counts itself")
        end -= padding
    if start > end:
        raise MalformedRtp("the parts of an RTP packet are longer than the packet")
    return RtpPacket(second & _TYPE_MASK, second >= _MARKER, sequence, timestamp, ssrc, data[start:end])


def build(payload_type: int, marker: bool, sequence: int, timestamp: int, ssrc: int, payload: bytes) -> bytes:
    """One packet as it is written. Numbers must fit their fields: `struct.error` is raised if they do not."""
    return _pack_header(_VERSION, payload_type | _MARKER if marker else payload_type, sequence, timestamp, ssrc) + payload


def is_rtcp(data: bytes) -> bool:
    """Tell RTCP from RTP on a port that carries both (RFC 5761 section 4)."""
    return len(data) > 1 and _FIRST_RTCP <= data[1] <= _LAST_RTCP


def sequence_distance(a: int, b: int) -> int:
    """How far `a` is ahead of `b`, modulo 2**16: -32768 to 32767, negative if it is behind."""
    return (a - b + 0x8000 & 0xFFFF) - 0x8000


def timestamp_distance(a: int, b: int) -> int:
    """How far `a` is ahead of `b`, modulo 2**32: negative if it is behind."""
    return (a - b + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000


def rtx_payload(sequence: int, payload: bytes) -> bytes:
    """The payload of a packet that repeats the one with this sequence number (RFC 4588 section 4)."""
    return sequence.to_bytes(2, "big") + payload


def rtx_unwrap(packet: RtpPacket, payload_type: int, ssrc: int) -> RtpPacket | None:
    """The packet that a retransmission repeats, with the payload type and SSRC that it had (RFC 4588 section 4).

    `None` if there is none in it: senders probe the bandwidth with retransmissions of nothing.
    """
    payload = packet.payload
    if len(payload) < RTX_BYTES:
        return None
    sequence = payload[0] << 8 | payload[1]
    return RtpPacket(payload_type, packet.marker, sequence, packet.timestamp, ssrc, payload[RTX_BYTES:])
