"""Units: the neutral middle that every protocol meets in.

A publisher of any protocol yields units; viewers of any protocol take them. A unit knows its time and its payload and
nothing of any wire: a protocol gives a unit its wire form with a plain function (`unit.form(flv.tags.tag_bytes)`), and
the unit remembers the bytes, so that a thousand viewers cost one serialisation.

Nothing that names a protocol may be put in here. Pure: no clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self, TypeAlias, TypeVar

from gateway.rooms.model import Medium, PlayMode

__all__ = [
    "AudioConfig", "AudioUnit", "Codec", "Header", "Medium", "Metadata", "PlayMode", "Unit", "VideoConfig", "VideoUnit", "Wire",
]  # fmt: skip

T = TypeVar("T")


class Codec(StrEnum):
    """How a medium is coded."""

    H264 = "h264"
    """H.264 as the publisher made it, reordered pictures (B-frames) included."""
    H264_LOW_DELAY = "h264-low-delay"
    """H.264 whose pictures are shown in the order in which they are coded: all that browsers take. Publishers never send
    it under this name; it is what a viewer asks for."""
    VP8 = "vp8"
    AAC = "aac"
    OPUS = "opus"


Wire: TypeAlias = Callable[["Unit"], bytes]
"""A pure function that makes one wire form of a unit. Its identity is the name of the form."""


@dataclass(slots=True, eq=False)
class Unit:
    """One thing on a stream's timeline. Treat it as frozen once it is written to a stream."""

    timestamp: int
    """Decoding time in milliseconds on the stream's own timeline: starts near 0, never wraps, never runs backwards."""

    payload: bytes
    """The bytes of this unit in its codec's own packaging; each subclass says which."""

    _forms: dict[Callable[[Any], Any], Any] = field(default_factory=dict, init=False, repr=False)

    def form(self, make: Callable[[Self], T]) -> T:
        """This unit in the form that `make` makes (a `Wire`: bytes): computed on first use, then shared."""
        forms = self._forms
        made: T | None = forms.get(make)
        if made is None:
            made = forms[make] = make(self)
        return made

    def at(self, timestamp: int) -> Self:
        """The same unit at another time (its wire forms are not taken along)."""
        return replace(self, timestamp=timestamp)


@dataclass(slots=True, eq=False)
class VideoUnit(Unit):
    """One coded picture. `payload`, H.264: NAL units, each after its length (AVCC), without parameter sets of its own
    unless the publisher repeats them in-band (ISO/IEC 14496-15 section 5.3); VP8: one frame (RFC 6386)."""

    keyframe: bool = False
    """True if decoding may start here (IDR)."""

    composition: int = 0
    """Composition time offset in milliseconds (presentation − decoding time); not 0 means B-frames."""

    codec: Codec = Codec.H264


@dataclass(slots=True, eq=False)
class AudioUnit(Unit):
    """One coded piece of sound. `payload`, AAC: a raw_data_block, no ADTS header (ISO/IEC 14496-3); Opus: one packet
    (RFC 6716 section 3)."""

    codec: Codec = Codec.AAC


@dataclass(slots=True, eq=False)
class VideoConfig(Unit):
    """The decoder configuration that the following pictures need. `payload`, H.264: AVCDecoderConfigurationRecord
    (ISO/IEC 14496-15 section 5.3.3.1); VP8 needs none: empty."""

    codec: Codec = Codec.H264


@dataclass(slots=True, eq=False)
class AudioConfig(Unit):
    """The decoder configuration that the following sound needs. `payload`, AAC: AudioSpecificConfig (ISO/IEC 14496-3
    section 1.6.2.1); Opus, which is 48 kHz and two channels here, needs none: empty."""

    codec: Codec = Codec.AAC


@dataclass(slots=True, eq=False)
class Metadata(Unit):
    """What the publisher says of its stream (`onMetaData`). `payload` is empty; `values` are the plain values."""

    values: Mapping[str, object] = field(default_factory=dict)


Header: TypeAlias = Metadata | AudioConfig | VideoConfig
"""What decoders have to know before what comes next."""
