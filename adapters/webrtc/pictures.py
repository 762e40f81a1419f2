"""Pictures of a publishing peer: RTP of H.264 or VP8 becomes units that can be decoded.

After a loss that cannot be repaired, and where the codec changes, pictures are left out until the next keyframe, and that
is asked for (RFC 4585 section 6.3.1): at once, again while it does not come, and never faster than an encoder could follow.
Pure: time comes in as `now`, in seconds of the event loop.
"""

from __future__ import annotations

from adapters.media.bits import MalformedMedia
from adapters.media.h264 import NalType, make_config
from adapters.media.units import Codec, Medium, Unit, VideoConfig, VideoUnit
from adapters.webrtc.clock import PeerClock
from adapters.webrtc.depacketizer import Depacketizer, Frame, H264Depacketizer, Vp8Depacketizer
from adapters.webrtc.reception import Reception
from adapters.webrtc.rtp import RtpPacket
from adapters.webrtc.source import Counters, Source
from adapters.webrtc.tracks import IncomingTrack

APART = 0.3
"""Seconds between two requests for a keyframe at least."""
REPEATED = 0.4
"""Seconds after which a keyframe that is still wanted is asked for again."""
CEASED = 1.0
"""Seconds; nothing is asked of a source that has been silent for this long."""
MAX_PICTURE_SETS = 32
"""Picture parameter sets that are remembered."""


class PictureSource(Source):
    """A track of H.264 or VP8; its sender may change between them with any keyframe."""

    medium = Medium.VIDEO

    def __init__(self, track: IncomingTrack, clock: PeerClock, hold: float, counters: Counters) -> None:
        super().__init__(track, clock, hold, counters)
        self._depacketizers: dict[Codec, Depacketizer] = {Codec.H264: H264Depacketizer(), Codec.VP8: Vp8Depacketizer()}
        self._coming: Codec | None = None
        """The codec of the last packet."""
        self._undecodable = True
        """Pictures are left out until the next keyframe."""
        self._wanted = False
        """A keyframe is wanted."""
        self._asked_at = float("-inf")
        self._due = 0.0
        """When it is asked for next, if it is wanted."""
        self._stamp: int | None = None
        self._came = self._came_before = 0.0
        """When the first packets of the picture under way, and of the one before it, were handed on."""
        self._sps: tuple[bytes, ...] = ()
        self._pps: tuple[bytes, ...] = ()
        self._sets: tuple[bytes, ...] = ()
        self._record = b""
        """The configuration that the parameter sets make; empty until there are some."""
        self._announced: bytes | None = None

    @property
    def deadline(self) -> float | None:
        deadline = super().deadline
        if not self._wanted or self._reception is None or not self.track.pli or self._due > self._heard + CEASED:
            return deadline
        return self._due if deadline is None else min(deadline, self._due)

    def request_keyframe(self) -> None:
        """Somebody needs a keyframe. Harmless when repeated: requests have their own measure. Senders begin with one."""
        if not self._wanted and self._reception is not None:
            self._wanted = True
            self._due = self._asked_at + APART

    def wants_keyframe(self, now: float) -> bool:
        if not self._wanted or now < self._due or self._reception is None or not self.track.pli:
            return False
        if now > self._heard + CEASED:  # nobody is there to answer: asked again with the next packet
            self._due = now
            return False
        self._asked_at = now
        self._due = now + REPEATED
        return True

    def end(self) -> None:
        super().end()
        self._wanted = False

    def _begin(self, ssrc: int) -> Reception:
        for depacketizer in self._depacketizers.values():
            depacketizer.lose()
        self._stamp = None
        self._undecodable = True
        return super()._begin(ssrc)

    def _lose(self) -> None:
        if self._coming is not None:
            self._depacketizers[self._coming].lose()
        if self._coming is not Codec.VP8:  # whose next frame tells whether any picture is missing
            self.request_keyframe()

    def _take(self, packet: RtpPacket, now: float, units: list[Unit]) -> None:
        codec = self._codecs.get(packet.payload_type)
        if codec is None:
            self._counters.malformed += 1
            return
        if codec is not self._coming:
            self._coming = codec
            self._depacketizers[codec].lose()
        if packet.timestamp != self._stamp:
            self._stamp = packet.timestamp
            self._came_before, self._came = self._came, now
        for frame in self._depacketizers[codec].push(packet):
            self._picture(frame, self._came if frame.timestamp == self._stamp else self._came_before, units)

    def _picture(self, frame: Frame, came: float, units: list[Unit]) -> None:
        timestamp = self._clock.place(Medium.VIDEO, frame.timestamp, came)
        announced = self._configure(frame)
        if frame.keyframe and announced is not None:
            self._undecodable = self._wanted = False
            self.codec = frame.codec
            if announced != self._announced:
                self._announced = announced
                units.append(VideoConfig(timestamp, announced, frame.codec))
        elif self._undecodable or not frame.continuous or announced != self._announced:
            self._undecodable = True
            self.request_keyframe()
            return
        units.append(VideoUnit(timestamp, frame.payload, keyframe=frame.keyframe, codec=frame.codec))

    def _configure(self, frame: Frame) -> bytes | None:
        """The configuration that this picture is decoded with; `None` if none is known."""
        if frame.codec is Codec.VP8:
            return b""
        sets = frame.parameter_sets
        if sets and sets != self._sets:
            self._sets = sets
            sps = tuple(one for one in sets if one[0] & 0x1F == NalType.SPS)
            pps = tuple(one for one in sets if one[0] & 0x1F == NalType.PPS)
            if not sps:  # some are added to those that there are, or take their place
                pps = (*(one for one in self._pps if one not in pps), *pps)[-MAX_PICTURE_SETS:]
            self._sps, self._pps = sps or self._sps, pps or self._pps
            try:
                self._record = make_config(self._sps, self._pps).to_bytes() if self._sps and self._pps else b""
            except MalformedMedia:
                self._counters.malformed += 1
                self._record = b""
        return self._record or None
