"""Reordered pictures (B-frames): which pictures of an H.264 stream browsers can be given.

Browsers show pictures in the order in which they come. A picture that is to be shown before one that came earlier breaks
that; it comes late. Late pictures that no other picture refers to (nal_ref_idc is 0, ITU-T H.264 section 7.4.1) can be
left out, and what remains is in order. Where late pictures are referred to, only decoding and encoding again helps.

What tells is when pictures are shown. Encoders that stamp every picture with the same composition offset reorder nothing,
and only pictures that come late are looked into. Pure.
"""

from __future__ import annotations

from enum import IntEnum

from adapters.media import h264
from adapters.media.bits import MalformedMedia
from adapters.media.units import Codec, VideoConfig, VideoUnit

_FIRST_SLICE, _LAST_SLICE = h264.NalType.SLICE, h264.NalType.IDR
_BASELINE = 66
"""profile_idc of the profile that knows no B-frames (section A.2.1)."""


class Order(IntEnum):
    """How far the order of coding and the order of showing differ."""

    NONE = 0
    """Not at all: every picture may be given to everyone."""
    DISPOSABLE = 1
    """Late pictures come, and nothing refers to them: leaving them out is enough."""
    REENCODE = 2
    """Late pictures are referred to: the stream has to be encoded again."""


class Reordering:
    """What was seen so far of the order of one publisher's pictures, under one configuration. `state` only rises.

    A configuration that cannot be read promises nothing; one of another codec than H.264 has no reordered pictures.
    """

    __slots__ = ("_constant", "_highest", "_length_size", "_trusted", "_varies", "state")

    def __init__(self, config: VideoConfig | None = None) -> None:
        self.state = Order.NONE
        self._length_size, self._trusted = _read(config)
        """Trusted: the configuration rules reordering out."""
        self._constant: int | None = None
        """The composition offset of the first picture, in milliseconds."""
        self._varies = False
        """Not every picture had that offset."""
        self._highest = 0
        """The latest time at which a picture since the last keyframe is shown, in milliseconds."""

    @property
    def low_delay(self) -> bool:
        """True as long as leaving out pictures is enough for viewers that need them in order."""
        return self.state is not Order.REENCODE

    def see(self, unit: VideoUnit) -> bool:
        """Whether this picture may be given to viewers that need pictures in order.

        Pictures are to be seen in coding order, with their times on the stream's timeline.
        """
        if self._trusted:
            return True
        shown = unit.timestamp + unit.composition
        if unit.keyframe or shown >= self._highest or not self._has_varied(unit):
            if self._constant is None:
                self._constant = unit.composition
            self._varies |= unit.composition != self._constant
            self._highest = shown
            return self.low_delay
        if self.low_delay:
            self.state = Order.DISPOSABLE if self._is_disposable(unit) else Order.REENCODE
        return False

    def _has_varied(self, unit: VideoUnit) -> bool:
        """If it has not, a time that runs backwards is the clock's doing alone."""
        return self._constant is not None and (self._varies or unit.composition != self._constant)

    def _is_disposable(self, unit: VideoUnit) -> bool:
        """Whether no other picture refers to this one; also if it cannot be read, since nobody is given it."""
        try:
            units = h264.nal_units(unit.payload, self._length_size)
        except MalformedMedia:
            return True
        slices = (nal[0] for nal in units if _FIRST_SLICE <= nal[0] & 0x1F <= _LAST_SLICE)
        return not any(first & 0x60 for first in slices)  # nal_ref_idc


def _read(config: VideoConfig | None) -> tuple[int, bool]:
    """The bytes before each NAL unit, and whether the configuration rules reordering out."""
    if config is None:
        return 4, False
    if config.codec is not Codec.H264:
        return 4, True
    try:
        record = h264.parse_config(config.payload)
        parameters = [h264.parse_sps(unit) for unit in record.sps]
    except MalformedMedia:
        return 4, False
    return record.length_size, all(one.profile == _BASELINE or one.reorder_frames == 0 for one in parameters)
