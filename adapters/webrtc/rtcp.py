"""RTCP: what two ends tell each other about the RTP between them.

Reports, source descriptions and goodbyes are those of RFC 3550 section 6, feedback on lost packets and pictures those of
RFC 4585 section 6 and RFC 5104 section 4.3.1, the bandwidth estimate that of draft-alvestrand-rmcat-remb-03. A datagram
holds several of them; kinds that are not known are read over, as every section asks. Compounds of any order and reduced
ones (RFC 5506) are read. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from math import floor
from struct import Struct
from typing import TypeAlias


class PacketType(IntEnum):
    """Those that are read here (RFC 3550 section 12.1, RFC 4585 section 6.1)."""

    SENDER_REPORT = 200
    RECEIVER_REPORT = 201
    SOURCE_DESCRIPTION = 202
    GOODBYE = 203
    TRANSPORT_FEEDBACK = 205
    PAYLOAD_FEEDBACK = 206


# Formats of feedback, which stand where other packets have a count
_NACK = 1
_PICTURE_LOSS = 1
_FULL_INTRA = 4
_APPLICATION = 15

_HEADER = Struct("!BBH")
_VERSION = 0x80
_VERSION_MASK = 0xC0
_PADDING = 0x20
_COUNT_MASK = 0x1F

_SENDER = Struct("!IQIII")
_BLOCK = Struct("!IIIIII")
_FEEDBACK = Struct("!II")
_LOST_ONES = Struct("!HH")
_REQUEST = Struct("!IBxxx")
_ESTIMATE = Struct("!4sBBH")

_CNAME = 1
_REMB = b"REMB"
_MANTISSA_BITS = 18
_LOST_LIMIT = 1 << 23

_NTP_EPOCH = 2_208_988_800
"""Seconds from the beginning of NTP's time (1900) to that of Unix (1970)."""


class MalformedRtcp(ValueError):  # noqa: N818
    """Bytes that are no RTCP. The text says what was wrong with them."""


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """How one stream arrives (RFC 3550 section 6.4.1)."""

    ssrc: int
    """Whose packets these are."""
    fraction_lost: int
    """Of the packets since the report before, in 256ths: 0 to 255."""
    lost: int
    """Packets lost since the beginning; negative with duplicates. 24 bits signed: written as the nearest that fits."""
    highest: int
    """The highest sequence number, with the number of wraps above its 16 bits."""
    jitter: int
    """In units of the payload's clock."""
    lsr: int
    """`ntp_middle` of the last sender report; 0: none came."""
    dlsr: int
    """Time from its arrival to this report, in 65536ths of a second."""

    def to_bytes(self) -> bytes:
        """The block as it is written."""
        lost = max(-_LOST_LIMIT, min(self.lost, _LOST_LIMIT - 1)) & 0xFFFFFF
        return _BLOCK.pack(self.ssrc, self.fraction_lost << 24 | lost, self.highest, self.jitter, self.lsr, self.dlsr)


@dataclass(frozen=True, slots=True)
class SenderReport:
    """Which moment an RTP timestamp is, how much was sent, and how the other side's streams arrive (section 6.4.1)."""

    ssrc: int
    ntp: int
    """The sender's wall clock: 64 bits, in 2**-32 seconds since 1900."""
    rtp_timestamp: int
    """The same moment on the stream's RTP clock."""
    packets: int
    octets: int
    """Of payload only."""
    reports: tuple[ReportBlock, ...] = ()

    def to_bytes(self) -> bytes:
        """The packet as it is written."""
        body = _SENDER.pack(self.ssrc, self.ntp, self.rtp_timestamp, self.packets & 0xFFFFFFFF, self.octets & 0xFFFFFFFF)
        return _packet(PacketType.SENDER_REPORT, len(self.reports), body + _joined(self.reports))


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """How the other side's streams arrive, from one that sends none (section 6.4.2)."""

    ssrc: int
    reports: tuple[ReportBlock, ...] = ()

    def to_bytes(self) -> bytes:
        """The packet as it is written."""
        return _packet(PacketType.RECEIVER_REPORT, len(self.reports), self.ssrc.to_bytes(4, "big") + _joined(self.reports))


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """Whose stream it is: sources with equal names are one participant, to be played in time with each other (section 6.5)."""

    ssrc: int
    cname: str
    """At most 255 bytes as UTF-8."""

    def to_bytes(self) -> bytes:
        """The packet as it is written."""
        name = self.cname.encode()
        if len(name) > 255:
            raise ValueError("a canonical name has at most 255 bytes")
        chunk = self.ssrc.to_bytes(4, "big") + bytes((_CNAME, len(name))) + name
        return _packet(PacketType.SOURCE_DESCRIPTION, 1, chunk + bytes(4 - len(chunk) % 4))  # one zero byte at least ends it


@dataclass(frozen=True, slots=True)
class Goodbye:
    """These streams have ended (section 6.6). A reason that is given is not kept."""

    ssrcs: tuple[int, ...]

    def to_bytes(self) -> bytes:
        """The packet as it is written."""
        return _packet(PacketType.GOODBYE, len(self.ssrcs), _numbers(self.ssrcs))


@dataclass(frozen=True, slots=True)
class Nack:
    """These packets did not arrive (RFC 4585 section 6.2.1)."""

    sender: int
    media: int
    """SSRC of the stream that they belong to."""
    sequences: tuple[int, ...]
    """16 bits each. Ascending (modulo 2**16) they take the least room: 17 in a row are one entry of 4 bytes."""

    def to_bytes(self) -> bytes:
        """The packet as it is written."""
        entries: list[tuple[int, int]] = []
        first, others = -1, 0
        for sequence in self.sequences:
            place = sequence - first - 1 & 0xFFFF
            if first >= 0 and place < 16:
                others |= 1 << place
                entries[-1] = first, others
            else:
                first, others = sequence, 0
                entries.append((first, others))
        entries_bytes = b"".join([_LOST_ONES.pack(*entry) for entry in entries])
        return _packet(PacketType.TRANSPORT_FEEDBACK, _NACK, _FEEDBACK.pack(self.sender, self.media) + entries_bytes)


@dataclass(frozen=True, slots=True)
class PictureLoss:
    """The receiver cannot go on with the pictures: it wants a keyframe (RFC 4585 section 6.3.1)."""

    sender: int
    media: int

    def to_bytes(self) -> bytes:
        """The packet as it is written."""
        return _packet(PacketType.PAYLOAD_FEEDBACK, _PICTURE_LOSS, _FEEDBACK.pack(self.sender, self.media))


@dataclass(frozen=True, slots=True)
class FullIntra:
    """A keyframe is wanted of these streams (RFC 5104 section 4.3.1)."""

    sender: int
    requests: tuple[tuple[int, int], ...]
    """SSRC and number of the request (8 bits): one with the same number is a repetition."""

    def to_bytes(self) -> bytes:
        """The packet as it is written."""
        body = _FEEDBACK.pack(self.sender, 0) + b"".join([_REQUEST.pack(*request) for request in self.requests])
        return _packet(PacketType.PAYLOAD_FEEDBACK, _FULL_INTRA, body)


@dataclass(frozen=True, slots=True)
class Remb:
    """How much the receiver thinks that it can take of these streams together (draft-alvestrand-rmcat-remb-03)."""

    sender: int
    bitrate: int
    """Bits per second; written with 18 significant bits, rounded down."""
    ssrcs: tuple[int, ...]

    def to_bytes(self) -> bytes:
        """The packet as it is written."""
        exponent = max(0, self.bitrate.bit_length() - _MANTISSA_BITS)
        mantissa = self.bitrate >> exponent
        estimate = _ESTIMATE.pack(_REMB, len(self.ssrcs), exponent << 2 | mantissa >> 16, mantissa & 0xFFFF)
        body = _FEEDBACK.pack(self.sender, 0) + estimate + _numbers(self.ssrcs)
        return _packet(PacketType.PAYLOAD_FEEDBACK, _APPLICATION, body)


RtcpPacket: TypeAlias = SenderReport | ReceiverReport | SourceDescription | Goodbye | Nack | PictureLoss | FullIntra | Remb


def compound(packets: Iterable[RtcpPacket]) -> bytes:
    """These packets as one datagram. A report belongs first (RFC 3550 section 6.1) unless reduced size was agreed on."""
    return b"".join([packet.to_bytes() for packet in packets])


def parse(data: bytes) -> list[RtcpPacket]:
    """Read the packets of a datagram; kinds that are not known are left out.

    Raises `MalformedRtcp` if any packet is of another version or a part of it lies beyond its end. What comes back is
    bounded by the datagram: one entry of 4 bytes names 17 lost packets at most.
    """
    found: list[RtcpPacket] = []
    position, size = 0, len(data)
    while position < size:
        if size - position < _HEADER.size:
            raise MalformedRtcp("an RTCP packet has at least 4 bytes")
        first, kind, words = _HEADER.unpack_from(data, position)
        if first & _VERSION_MASK != _VERSION:
            raise MalformedRtcp(f"RTCP version {first >> 6} is not known")
        start, position = position + 4, position + 4 + 4 * words
        if position > size:
            raise MalformedRtcp("an RTCP packet is longer than what holds it")
        reader = _READERS.get(kind)
        if reader is not None:
            body = data[start:position]
            found += reader(first & _COUNT_MASK, _unpadded(body) if first & _PADDING else body)
    return found


def ntp_of(unix_seconds: float) -> int:
    """The 64-bit NTP time of a Unix time (RFC 3550 section 4). It wraps in 2036, as all such clocks do."""
    seconds = floor(unix_seconds)
    return (seconds + _NTP_EPOCH << 32 | int((unix_seconds - seconds) * (1 << 32))) & 0xFFFF_FFFF_FFFF_FFFF


def ntp_middle(ntp: int) -> int:
    """The middle 32 bits of an NTP time, in 65536ths of a second: what report blocks calculate with."""
    return ntp >> 16 & 0xFFFF_FFFF


def _packet(kind: PacketType, count: int, body: bytes) -> bytes:
    if count > _COUNT_MASK:
        raise ValueError("an RTCP packet counts up to 31")
    return _HEADER.pack(_VERSION | count, kind, len(body) // 4) + body


def _joined(reports: tuple[ReportBlock, ...]) -> bytes:
    return b"".join([report.to_bytes() for report in reports])


def _numbers(values: tuple[int, ...]) -> bytes:
    return b"".join([value.to_bytes(4, "big") for value in values])


def _unpadded(body: bytes) -> bytes:
    padding = body[-1] if body else 0
    if not padding or padding > len(body):
        raise MalformedRtcp("padding of an RTCP packet counts itself and lies within the packet")
    return body[:-padding]


def _require(body: bytes, size: int) -> None:
    if len(body) < size:
        raise MalformedRtcp("the parts of an RTCP packet are longer than the packet")


def _report_blocks(count: int, body: bytes, position: int) -> tuple[ReportBlock, ...]:
    """What follows them, an extension of some profile, is read over."""
    _require(body, position + count * _BLOCK.size)
    blocks = []
    for _ in range(count):
        ssrc, lost, highest, jitter, lsr, dlsr = _BLOCK.unpack_from(body, position)
        position += _BLOCK.size
        signed = ((lost & 0xFFFFFF) ^ _LOST_LIMIT) - _LOST_LIMIT
        blocks.append(ReportBlock(ssrc, lost >> 24, signed, highest, jitter, lsr, dlsr))
    return tuple(blocks)


def _sender_report(count: int, body: bytes) -> list[RtcpPacket]:
    _require(body, _SENDER.size)
    ssrc, ntp, rtp_timestamp, packets, octets = _SENDER.unpack_from(body)
    return [SenderReport(ssrc, ntp, rtp_timestamp, packets, octets, _report_blocks(count, body, _SENDER.size))]


def _receiver_report(count: int, body: bytes) -> list[RtcpPacket]:
    _require(body, 4)
    return [ReceiverReport(int.from_bytes(body[:4], "big"), _report_blocks(count, body, 4))]


def _source_descriptions(count: int, body: bytes) -> list[RtcpPacket]:
    """One for each chunk that has a canonical name; other items are read over."""
    found: list[RtcpPacket] = []
    position = 0
    for _ in range(count):
        ssrc = int.from_bytes(body[position : position + 4], "big")
        position += 4
        name: bytes | None = None
        _require(body, position + 1)
        while item := body[position]:
            _require(body, position + 2)
            start, position = position + 2, position + 2 + body[position + 1]
            _require(body, position + 1)
            if item == _CNAME:
                name = body[start:position]
        if name is not None:
            found.append(SourceDescription(ssrc, name.decode(errors="replace")))
        position += 4 - position % 4
    return found


def _goodbye(count: int, body: bytes) -> list[RtcpPacket]:
    return [Goodbye(_read_numbers(body, 0, count))]


def _read_numbers(body: bytes, position: int, count: int) -> tuple[int, ...]:
    _require(body, position + 4 * count)
    return tuple([int.from_bytes(body[start : start + 4], "big") for start in range(position, position + 4 * count, 4)])


def _transport_feedback(kind: int, body: bytes) -> list[RtcpPacket]:
    if kind != _NACK:
        return []
    sender, media = _feedback(body, _LOST_ONES.size)
    sequences: list[int] = []
    for first, others in _LOST_ONES.iter_unpack(body[_FEEDBACK.size :]):
        sequences.append(first)
        if others:
            sequences += [first + place + 1 & 0xFFFF for place in range(16) if others >> place & 1]
    return [Nack(sender, media, tuple(sequences))]


def _payload_feedback(kind: int, body: bytes) -> list[RtcpPacket]:
    if kind == _PICTURE_LOSS:
        return [PictureLoss(*_feedback(body, 1))]
    if kind == _FULL_INTRA:
        sender, _ = _feedback(body, _REQUEST.size)
        return [FullIntra(sender, tuple(_REQUEST.iter_unpack(body[_FEEDBACK.size :])))]
    if kind == _APPLICATION and body[8:12] == _REMB:
        return [_bandwidth_estimate(body)]
    return []


def _feedback(body: bytes, entry_size: int) -> tuple[int, int]:
    """Who says it and of which stream (RFC 4585 section 6.1); entries of this size follow."""
    _require(body, _FEEDBACK.size)
    if (len(body) - _FEEDBACK.size) % entry_size:
        raise MalformedRtcp("feedback ends within an entry")
    sender, media = _FEEDBACK.unpack_from(body)
    return sender, media


def _bandwidth_estimate(body: bytes) -> Remb:
    _require(body, _FEEDBACK.size + _ESTIMATE.size)
    sender, _ = _FEEDBACK.unpack_from(body)
    _, count, high, low = _ESTIMATE.unpack_from(body, _FEEDBACK.size)
    bitrate = ((high & 3) << 16 | low) << (high >> 2)
    return Remb(sender, bitrate, _read_numbers(body, _FEEDBACK.size + _ESTIMATE.size, count))


_READERS: dict[int, Callable[[int, bytes], list[RtcpPacket]]] = {
    PacketType.SENDER_REPORT: _sender_report,
    PacketType.RECEIVER_REPORT: _receiver_report,
    PacketType.SOURCE_DESCRIPTION: _source_descriptions,
    PacketType.GOODBYE: _goodbye,
    PacketType.TRANSPORT_FEEDBACK: _transport_feedback,
    PacketType.PAYLOAD_FEEDBACK: _payload_feedback,
}
