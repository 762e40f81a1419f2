"""RTP payloads become coded pictures: H.264 (RFC 6184) and VP8 (RFC 7741). A piece of Opus is one payload as it is.

Packets come in order; where some are missing, `lose()` says so in their place. A picture ends with the packet that has the
marker bit, at once, or at the latest when the next one begins with another timestamp. It comes out whole or not at all:
one that is incomplete, breaks the rules or grows beyond the limit is given up, and the next one says that it does not
follow. Nothing is raised for what a peer sends. Pure.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from adapters.media.bits import BitReader, MalformedMedia
from adapters.media.h264 import NalType, unescape
from adapters.media.units import Codec
from adapters.webrtc.packetizer import (
    FU_A,
    FU_END,
    FU_START,
    LAST_NAL_TYPE,
    STAP_A,
    SUPERFLUOUS,
    TYPE_MASK,
    VP8_EXTENDED,
    VP8_PICTURE_ID,
    VP8_START,
    is_vp8_keyframe,
)
from adapters.webrtc.rtp import MalformedRtp, RtpPacket

MAX_FRAME_BYTES = 4 << 20
"""A larger picture is given up."""
MAX_PARAMETER_SET_BYTES = 4096
"""A picture with a larger parameter set is given up."""

_FIRST_MACROBLOCK = 0x80
"""In a slice's second byte: first_mb_in_slice is 0, the slice begins its picture (ITU-T H.264 section 7.3.3)."""

# How many numbers parameter sets go by, and the bits before that of a sequence's (sections 7.3.2.1.1, 7.4.2.1.1, 7.4.2.2)
_SET_LIMITS = {NalType.SPS: 32, NalType.PPS: 256}
_SPS_NUMBER_AT = 24

_VP8_PARTITION_MASK = 0x07
_VP8_LAYER_INDEX = 0x40
_VP8_LAYER_OR_KEY = 0x30
_VP8_PICTURE_IDS = 0x7FFF


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture, whole."""

    codec: Codec
    timestamp: int
    """RTP timestamp: 32 bits, 90 kHz."""
    payload: bytes
    """H.264: NAL units, each after a length of 4 bytes; VP8: the coded frame."""
    keyframe: bool
    """Decoding may start here: H.264: it is an IDR picture."""
    continuous: bool
    """False if something may be missing since the picture that came out before: unless this is a keyframe, it shows errors."""
    parameter_sets: tuple[bytes, ...] = ()
    """H.264: the parameter sets that came with it or just before, in their order; they are not in `payload`."""


class Depacketizer(ABC):
    """Puts the pictures of one stream together. `limit`: bytes of the largest one."""

    def __init__(self, limit: int = MAX_FRAME_BYTES) -> None:
        self.given_up = 0
        """Pictures of which something came and that did not come out."""
        self._limit = limit
        self._buffer = bytearray()
        self._timestamp: int | None = None
        """Of the picture under way; `None` between two pictures."""
        self._broken = False
        """The picture under way is given up: what still comes of it is not looked at."""
        self._missing = False
        """Packets are missing since the last one."""
        self._after_loss = False
        """Packets were missing where the picture under way begins."""
        self._continuous = True

    def push(self, packet: RtpPacket) -> list[Frame]:
        """Take the next packet; returns the pictures that it ends, two at most. One without payload tells nothing."""
        if not packet.payload:
            return []
        frames: list[Frame] = []
        if self._timestamp is not None and packet.timestamp != self._timestamp:
            self._finish(frames)
        if self._timestamp is None:
            self._timestamp = packet.timestamp
            self._after_loss = self._missing
        self._missing = False
        if not self._broken:
            try:
                self._take(packet.payload)
            except MalformedRtp:
                self._give_up()
        if packet.marker:
            self._finish(frames)
        return frames

    def lose(self) -> None:
        """Packets are missing here: the picture under way is given up."""
        self._missing = True
        self._continuous = False
        if self._timestamp is not None:
            self._give_up()

    @abstractmethod
    def _take(self, payload: bytes) -> None:
        """Add to the picture under way. Raises `MalformedRtp` if it has to be given up for that."""

    @abstractmethod
    def _frame(self, timestamp: int) -> Frame | None:
        """The picture under way, which has ended; `None` if there is none in what came. Raises like `_take`."""

    def _clear(self) -> None:
        """Forget what is under way."""
        self._buffer = bytearray()

    def _grow(self, *parts: bytes) -> None:
        if len(self._buffer) + sum(map(len, parts)) > self._limit:
            raise MalformedRtp(f"a picture has more than {self._limit} bytes")
        for part in parts:
            self._buffer += part

    def _give_up(self) -> None:
        if not self._broken:
            self._broken = True
            self._continuous = False
            self.given_up += 1
            self._clear()

    def _finish(self, frames: list[Frame]) -> None:
        timestamp, self._timestamp = self._timestamp, None
        if timestamp is not None and not self._broken:
            try:
                frame = self._frame(timestamp)
            except MalformedRtp:
                self._give_up()
            else:
                if frame is not None:
                    frames.append(frame)
                    self._continuous = True
        self._broken = False
        self._clear()


class H264Depacketizer(Depacketizer):
    """Puts H.264 pictures together: single NAL units, STAP-A and FU-A (RFC 6184 sections 5.6 to 5.8), all that mode 1 has."""

    def __init__(self, limit: int = MAX_FRAME_BYTES) -> None:
        super().__init__(limit)
        self._fragment = bytearray()
        """The NAL unit under way, its first byte included; empty: none is."""
        self._parameter_sets: dict[tuple[int, int], bytes] = {}
        """Those that no picture came out with yet, by type and number."""
        self._slices = False
        self._keyframe = False
        self._repeats_sets = False
        """The last keyframe came with a sequence parameter set."""

    def _take(self, payload: bytes) -> None:
        kind = payload[0] & TYPE_MASK
        if kind == FU_A:
            self._take_fragment(payload)
        elif self._fragment:
            raise MalformedRtp("a NAL unit in parts does not end")
        elif kind == STAP_A:
            self._take_several(payload)
        else:
            self._add(payload)

    def _take_several(self, payload: bytes) -> None:
        position, end = 1, len(payload)
        while position < end:
            start = position + 2
            position = start + int.from_bytes(payload[position:start], "big")
            if position > end or position == start:
                raise MalformedRtp("a NAL unit is empty or longer than the payload that holds it")
            self._add(payload[start:position])

    def _take_fragment(self, payload: bytes) -> None:
        if len(payload) < 2:
            raise MalformedRtp("a part of a NAL unit has at least 2 bytes")
        fragment, head = self._fragment, payload[1]
        first = payload[0] & ~TYPE_MASK | head & TYPE_MASK
        if head & FU_START:
            if fragment:
                raise MalformedRtp("a NAL unit in parts does not end")
            fragment.append(first)
        elif not fragment or fragment[0] != first:
            raise MalformedRtp("a part belongs to no NAL unit")
        fragment += payload[2:]
        if len(self._buffer) + len(fragment) > self._limit:
            raise MalformedRtp(f"a picture has more than {self._limit} bytes")
        if head & FU_END:
            self._fragment = bytearray()
            self._add(bytes(fragment))

    def _add(self, unit: bytes) -> None:
        """One whole NAL unit."""
        kind = unit[0] & TYPE_MASK
        if not 0 < kind <= LAST_NAL_TYPE:
            raise MalformedRtp(f"NAL units of type {kind} are not understood here")
        if kind in (NalType.SPS, NalType.PPS):
            key = kind, _parameter_set_number(unit, kind)
            self._parameter_sets.pop(key, None)  # the newest goes to the end
            self._parameter_sets[key] = unit
        elif kind not in SUPERFLUOUS:
            if NalType.SLICE <= kind <= NalType.IDR:
                self._add_slice(unit, kind)
            self._grow(len(unit).to_bytes(4, "big"), unit)

    def _add_slice(self, unit: bytes, kind: int) -> None:
        # Whether the beginning of a picture is missing can be seen at its first slice only.
        if not self._slices and self._after_loss and not (len(unit) > 1 and unit[1] & _FIRST_MACROBLOCK):
            raise MalformedRtp("the beginning of a picture is missing")
        self._slices = True
        self._keyframe = self._keyframe or kind == NalType.IDR

    def _frame(self, timestamp: int) -> Frame | None:
        """Parameter sets that come by themselves belong to the next picture."""
        if self._fragment:
            raise MalformedRtp("a NAL unit in parts does not end")
        if not self._slices:
            return None
        if self._keyframe:
            repeats = any(kind == NalType.SPS for kind, _ in self._parameter_sets)
            if self._after_loss and self._repeats_sets and not repeats:
                raise MalformedRtp("the parameter sets of a keyframe are missing")  # new ones, perhaps: of another size
            self._repeats_sets = repeats
        sets = tuple(self._parameter_sets.values())
        self._parameter_sets = {}
        return Frame(Codec.H264, timestamp, bytes(self._buffer), self._keyframe, self._continuous, sets)

    def _clear(self) -> None:
        super()._clear()
        self._fragment = bytearray()
        self._slices = self._keyframe = False


def _parameter_set_number(unit: bytes, kind: int) -> int:
    """seq_parameter_set_id or pic_parameter_set_id: a later set with the same one takes the place of an earlier."""
    if len(unit) > MAX_PARAMETER_SET_BYTES:
        raise MalformedRtp(f"a parameter set has more than {MAX_PARAMETER_SET_BYTES} bytes")
    try:
        reader = BitReader(unescape(unit[1:12]))
        if kind == NalType.SPS:
            reader.skip(_SPS_NUMBER_AT)
        number = reader.ue()
    except MalformedMedia as error:
        raise MalformedRtp(str(error)) from error
    if number >= _SET_LIMITS[NalType(kind)]:
        raise MalformedRtp(f"a parameter set has the number {number}")
    return number


class Vp8Depacketizer(Depacketizer):
    """Puts VP8 frames together (RFC 7741 section 4)."""

    def __init__(self, limit: int = MAX_FRAME_BYTES) -> None:
        super().__init__(limit)
        self._picture_id: int | None = None
        """Of the frame under way."""
        self._last_picture_id: int | None = None

    def _take(self, payload: bytes) -> None:
        begins, picture_id, start = _vp8_descriptor(payload)
        if begins != (not self._buffer):
            raise MalformedRtp("a frame begins inside another, or its beginning is missing")
        if begins:
            self._picture_id = picture_id
        self._grow(payload[start:])

    def _frame(self, timestamp: int) -> Frame | None:
        payload = bytes(self._buffer)
        last, now = self._last_picture_id, self._picture_id
        # Lost packets were no part of any frame if the frames' numbers leave none out: they probed the bandwidth.
        follows = last is not None and now == (last + 1) & _VP8_PICTURE_IDS
        self._last_picture_id = now
        return Frame(Codec.VP8, timestamp, payload, is_vp8_keyframe(payload), self._continuous or follows)


def _vp8_descriptor(payload: bytes) -> tuple[bool, int | None, int]:
    """Whether a frame begins here, its picture ID, and where the frame's own bytes begin.

    All fields of the descriptor (RFC 7741 section 4.2) are understood; those on layers are read over, and so is a picture
    ID of 7 bits, which comes round too soon to prove anything.
    """
    first = payload[0]
    picture_id: int | None = None
    start = 1
    if first & VP8_EXTENDED:
        fields, start = (payload[1] if len(payload) > 1 else 0), 2
        if fields & VP8_PICTURE_ID:
            if len(payload) > start and payload[start] & 0x80:
                picture_id = int.from_bytes(payload[start : start + 2], "big") & _VP8_PICTURE_IDS
                start += 1
            start += 1
        start += (1 if fields & _VP8_LAYER_INDEX else 0) + (1 if fields & _VP8_LAYER_OR_KEY else 0)
    if start >= len(payload):
        raise MalformedRtp("a VP8 payload ends within its descriptor")
    return bool(first & VP8_START) and not first & _VP8_PARTITION_MASK, picture_id, start


_OPUS_SILK = (480, 960, 1920, 2880)
_OPUS_HYBRID = (480, 960)
_OPUS_CELT = (120, 240, 480, 960)
_OPUS_LONGEST = 5760


def opus_duration(packet: bytes) -> int:
    """Samples at 48 kHz that an Opus packet is long (RFC 6716 section 3.1): 120 to 5760; 0 if it is malformed."""
    if not packet:
        return 0
    configuration, code, size = packet[0] >> 3, packet[0] & 3, len(packet)
    if configuration < 12:
        frame = _OPUS_SILK[configuration & 3]
    elif configuration < 16:
        frame = _OPUS_HYBRID[configuration & 1]
    else:
        frame = _OPUS_CELT[configuration & 3]
    if code == 0:
        return frame
    if code == 1:  # two frames of equal size
        return 2 * frame if size % 2 else 0
    if size < 2:
        return 0
    if code == 2:  # two frames, the first one's size before them (section 3.2.1)
        first = packet[1]
        header = 2 if first < 252 else 3
        if first >= 252:
            first += 4 * packet[2] if size > 2 else size
        return 2 * frame if header + first <= size else 0
    duration = frame * (packet[1] & 0x3F)
    return duration if duration <= _OPUS_LONGEST else 0
