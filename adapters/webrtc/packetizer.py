"""Coded pictures become RTP payloads: H.264 (RFC 6184, packetization mode 1) and VP8 (RFC 7741).

What must be cut is cut into parts of one size, of which only the last may be smaller: a run of them leaves the machine with
one system call (UDP segmentation offload), and the parts of a picture are as few as they can be either way. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from adapters.media.h264 import NalType, nal_units
from adapters.webrtc import rtp

MAX_DATAGRAM = 1200
"""Bytes of the largest datagram. IPv6 carries 1280 everywhere (RFC 8200 section 5); its header and that of UDP take 48, and
the 32 that are left are for what a relay or a tunnel puts before it. Browsers settle on the same number."""
_SRTP_TAG_BYTES = 16
"""The longest authentication tag in use: that of AES-GCM (RFC 7714 section 13); HMAC-SHA1-80 takes 10."""
MAX_PAYLOAD = MAX_DATAGRAM - rtp.HEADER_BYTES - _SRTP_TAG_BYTES - rtp.RTX_BYTES
"""Bytes of the largest payload: the datagram keeps its limit when it is encrypted, and also when it is sent again."""

# NAL unit types of RTP's own (RFC 6184 table 1); the rest of 1 to 23 are the codec's
STAP_A = 24
FU_A = 28
LAST_NAL_TYPE = 23

SUPERFLUOUS = frozenset({NalType.DELIMITER, NalType.END_OF_SEQUENCE, NalType.END_OF_STREAM, NalType.FILLER})
"""NAL units that tell a decoder nothing which RTP or a container does not tell anyway."""

TYPE_MASK = 0x1F
REFERENCE_MASK = 0x60
FORBIDDEN_BIT = 0x80
FU_START = 0x80
FU_END = 0x40

# The payload descriptor's first byte (RFC 7741 section 4.2), and the start code of keyframes (RFC 6386 section 9.1)
VP8_EXTENDED = 0x80
VP8_START = 0x10
VP8_PICTURE_ID = 0x80
_VP8_DESCRIPTOR_BYTES = 4
_VP8_START_CODE = b"\x9d\x01\x2a"
_VP8_KEYFRAME_BYTES = 10


def h264_payloads(payload: bytes, length_size: int = 4, parameter_sets: tuple[bytes, ...] = ()) -> list[bytes]:
    """The RTP payloads of one picture (RFC 6184 section 5): none if it has nothing that a decoder needs.

    `payload` holds NAL units, each after its length of `length_size` bytes. `parameter_sets` are put first unless the
    picture brings its own of that kind: pass them with every keyframe. Small units travel together (STAP-A), large ones
    in parts (FU-A). Raises `MalformedMedia` if a unit is longer than what holds it.
    """
    units = [unit for unit in nal_units(payload, length_size) if _travels(unit[0] & TYPE_MASK)]
    if parameter_sets:
        units = _with_parameter_sets(units, parameter_sets)
    payloads: list[bytes] = []
    together: list[bytes] = []
    size = 1
    for unit in units:
        length = len(unit) + 2
        if size + length > MAX_PAYLOAD:
            _flush(together, payloads)
            together, size = [], 1
        if length < MAX_PAYLOAD:
            together.append(unit)
            size += length
        elif len(unit) <= MAX_PAYLOAD:
            payloads.append(unit)
        else:
            payloads += _fragments(unit)
    _flush(together, payloads)
    return payloads


def vp8_payloads(frame: bytes, picture_id: int) -> list[bytes]:
    """The RTP payloads of one coded frame: none if it is empty, as encoders mark one that they left out.

    `picture_id` counts frames modulo 2**15 (RFC 7741 section 4.2).
    """
    extension = bytes((VP8_PICTURE_ID, 0x80 | picture_id >> 8 & 0x7F, picture_id & 0xFF))
    first, other = bytes((VP8_EXTENDED | VP8_START,)) + extension, bytes((VP8_EXTENDED,)) + extension
    return [(other if at else first) + part for at, part in _equal_parts(frame, 0, MAX_PAYLOAD - _VP8_DESCRIPTOR_BYTES)]


def is_vp8_keyframe(frame: bytes) -> bool:
    """True if decoding may start with this coded frame (RFC 6386 section 9.1)."""
    return len(frame) >= _VP8_KEYFRAME_BYTES and not frame[0] & 1 and frame[3:6] == _VP8_START_CODE


def _travels(kind: int) -> bool:
    """Types that are not the codec's would mean something else on the way: they stay behind, as what nobody needs does."""
    return 0 < kind <= LAST_NAL_TYPE and kind not in SUPERFLUOUS


def _with_parameter_sets(units: list[bytes], parameter_sets: tuple[bytes, ...]) -> list[bytes]:
    """Sequence before picture parameter sets before all else; the picture's own count, where it has some."""
    ordered: list[bytes] = []
    for kind in (NalType.SPS, NalType.PPS):
        own = [unit for unit in units if unit[0] & TYPE_MASK == kind]
        ordered += own or [unit for unit in parameter_sets if unit and unit[0] & TYPE_MASK == kind]
    return ordered + [unit for unit in units if unit[0] & TYPE_MASK not in (NalType.SPS, NalType.PPS)]


def _flush(units: list[bytes], payloads: list[bytes]) -> None:
    """One payload of these units, if there are any (RFC 6184 section 5.7.1); a single one travels as it is."""
    if len(units) < 2:
        payloads += units
        return
    header = STAP_A | max(unit[0] & REFERENCE_MASK for unit in units)
    for unit in units:
        header |= unit[0] & FORBIDDEN_BIT
    payloads.append(bytes((header,)) + b"".join([part for unit in units for part in (len(unit).to_bytes(2, "big"), unit)]))


def _fragments(unit: bytes) -> list[bytes]:
    """The parts of one unit, whose own first byte is in the two that are put before each (RFC 6184 section 5.8)."""
    indicator, kind = unit[0] & ~TYPE_MASK | FU_A, unit[0] & TYPE_MASK
    middle = bytes((indicator, kind))
    payloads = [middle + part for _, part in _equal_parts(unit, 1, MAX_PAYLOAD - len(middle))]
    payloads[0] = bytes((indicator, kind | FU_START)) + payloads[0][2:]
    payloads[-1] = bytes((indicator, kind | FU_END)) + payloads[-1][2:]
    return payloads


def _equal_parts(data: bytes, start: int, room: int) -> Iterator[tuple[int, bytes]]:
    """`data` from `start` on, in the fewest parts that have `room`: all of one size but the last. Each with its place."""
    length = len(data) - start
    if length <= 0:
        return
    size = -(-length // -(-length // room))
    for at in range(start, len(data), size):
        yield at, data[at : at + size]
