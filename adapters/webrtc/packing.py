"""Units become RTP payloads and times: once for everyone who takes the stream's codecs.

Pure.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from adapters.media.bits import MalformedMedia
from adapters.media.h264 import parse_config
from adapters.media.units import AudioUnit, Codec, Unit, VideoConfig, VideoUnit
from adapters.webrtc import rtp
from adapters.webrtc.depacketizer import opus_duration
from adapters.webrtc.history import History
from adapters.webrtc.packetizer import h264_payloads, vp8_payloads
from adapters.webrtc.tracks import OPUS_CLOCK, VIDEO_CLOCK

VIDEO_TICKS = VIDEO_CLOCK // 1000
"""RTP clock ticks of a millisecond of video."""
AUDIO_TICKS = OPUS_CLOCK // 1000
"""RTP clock ticks of a millisecond of sound."""

SOUND_BYTES = 1400
"""A larger piece of sound does not fit a datagram and is left out. Opus at its best, in pieces of 20 ms, has 1275 bytes."""

Pack = Callable[[Unit], "list[bytes]"]
"""Gives a picture's RTP payloads; none if it cannot be read. A form of a unit: made once, shared."""


def packer(config: VideoConfig | None) -> Pack:
    """What packs pictures that need this configuration (`None`: none is known, nothing can be packed)."""
    if config is None:
        return _nothing
    if config.codec is Codec.VP8:
        return _vp8_packer(itertools.count())
    try:
        record = parse_config(config.payload)
    except MalformedMedia:
        return _nothing
    parameter_sets = (*record.sps, *record.pps)

    def h264(unit: Unit) -> list[bytes]:
        keyframe = isinstance(unit, VideoUnit) and unit.keyframe
        try:
            return h264_payloads(unit.payload, record.length_size, parameter_sets if keyframe else ())
        except MalformedMedia:
            return []

    return h264


def _vp8_packer(picture_ids: Iterator[int]) -> Pack:
    def vp8(unit: Unit) -> list[bytes]:
        return vp8_payloads(unit.payload, next(picture_ids) & 0x7FFF)

    return vp8


def _nothing(unit: Unit) -> list[bytes]:
    return []


class SoundClock:
    """RTP times of pieces of sound, in ticks, before the stream's base is added.

    A unit's time is rounded to milliseconds and follows the publisher's clock by small steps; players take each step for
    a hole in the sound, or for too much of it. So pieces follow each other without a gap as long as that is true to `STEP`.
    """

    STEP = 8 * AUDIO_TICKS
    """Ticks that a piece's time may be off: less than any usual piece is long, so that a lost one leaves its hole."""

    __slots__ = ("_last", "_next")

    def __init__(self) -> None:
        self._last = 0
        self._next: int | None = None

    def time(self, unit: AudioUnit) -> int:
        """When this piece begins; never before the one before."""
        time = unit.timestamp * AUDIO_TICKS
        if self._next is not None and abs(time - self._next) <= self.STEP:
            time = self._next
        self._last = time = max(time, self._last)
        self._next = time + opus_duration(unit.payload)
        return time


def packets(payload_type: int, ssrc: int, number: int, timestamp: int, payloads: Sequence[bytes], *, marker: bool) -> list[bytes]:
    """The packets of one picture or piece of sound, the first with number `number`. `marker`: the last one bears it, as a
    picture's does (RFC 6184 section 5.1, RFC 7741 section 4.1), but not that of a piece of sound (RFC 7587 section 4.2)."""
    timestamp &= 0xFFFF_FFFF
    last = number + len(payloads) - 1 if marker else None
    return [
        rtp.build(payload_type, n == last, n & 0xFFFF, timestamp, ssrc, payload) for n, payload in enumerate(payloads, number)
    ]


class Burst(NamedTuple):
    """The newest pictures for a viewer that joins: numbered up to where its lane goes on."""

    history: History
    timestamp: int
    """RTP timestamp of the first one."""
    last: int
    """That of the last one."""


SPREAD = 200 * VIDEO_TICKS
"""Ticks that a burst's pictures cover at most."""
BEHIND_SPREAD = 8 * VIDEO_TICKS
"""Ticks that they cover at most behind the last picture: the next one comes later than that."""


def make_burst(
    pictures: Sequence[VideoUnit], pack: Pack, payload_type: int, ssrc: int, base: int, end: int, *, behind: bool
) -> Burst | None:
    """The pictures as packets that end at number `end`; `None` if there are none, or too many. `base` is the RTP timestamp
    of the stream's time 0.

    They are stamped so close together that a player is through with them at once: at most 1 ms apart, the last one with
    its own time; or, `behind`, all of them just behind that, for a viewer that may have been shown the last one's time.
    """
    packed = [payloads for unit in pictures if (payloads := unit.form(pack))]
    if not packed or len(packed) > BEHIND_SPREAD:
        return None
    step = min(VIDEO_TICKS, (BEHIND_SPREAD if behind else SPREAD) // len(packed))
    start = base + (pictures[-1].timestamp + pictures[-1].composition) * VIDEO_TICKS
    start += step if behind else -step * (len(packed) - 1)
    number = first = end - sum(map(len, packed))
    made: list[bytes] = []
    for index, payloads in enumerate(packed):
        made += packets(payload_type, ssrc, number, start + index * step, payloads, marker=True)
        number += len(payloads)
    last = start + step * (len(packed) - 1)
    return Burst(History(first, len(made), 0.0, made), start & 0xFFFF_FFFF, last & 0xFFFF_FFFF)


def newer(timestamp: int, than: int) -> bool:
    """True if an RTP timestamp is behind another one in time, whichever way they wrapped."""
    return rtp.timestamp_distance(timestamp, than) > 0
