"""Pictures decoded and encoded again, for viewers that cannot take what is published: one stream, synchronously.

H.264 with B-frames becomes H.264 without, H.264 becomes VP8, VP8 becomes H.264. It takes milliseconds per picture: threads
do it, see `transcoders`. Pictures keep the time at which they are shown, and come out in that order, in one packet each.

At 640 by 480 pixels a second of 15 pictures costs about 33 ms to H.264 and 50 ms to VP8, one of 30 about 70 and 85 ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.codec.context import Flags
from av.video.frame import PictureType

from adapters.media import h264
from adapters.media.bits import MalformedMedia
from adapters.media.units import Codec, VideoConfig, VideoUnit
from gateway.errors import INTERNAL_ERROR, MEDIA_MALFORMED, GatewayError

KEYFRAME_EVERY = 2000
"""Milliseconds from one keyframe to the next."""
KEYFRAMES_APART = 500
"""Milliseconds from one keyframe to the next at least, however often one is wanted: each costs everybody some sharpness."""

MOST_PIXELS = 2560 * 1440
"""A larger picture is not decoded: it would cost more than a core has."""
SMALLEST = 16
"""Pixels; encoders want this much of each side."""

BITS_PER_PIXEL = 2.5
"""Bits per second and pixel of a source whose own rate is not known yet."""
OVERHEAD = 1.25
"""How many bits of ours one of the source is worth: speed and low delay cost bits."""
LEAST_BITRATE, MOST_BITRATE = 150_000, 4_000_000
"""Bits per second."""
FRAME_RATE, MOST_FRAME_RATE = 30, 60
"""Pictures per second of a source whose rate is not known yet, and what none is believed to exceed."""
MEASURED_OVER = 1000
"""Milliseconds that a source's rate is measured over at least."""
DEPARTURE = 1.5
"""By what factor a source's rate must depart from the encoder's until a new encoder is made, at the next keyframe."""

HOPELESS = 3
"""Keyframes in a row that cannot be decoded until the source is given up."""

_MILLISECOND = Fraction(1, 1000)
_X264 = {
    "preset": "superfast", "tune": "zerolatency", "profile": "baseline", "forced-idr": "1", "sc_threshold": "0",
}  # fmt: skip
_VPX = {
    "deadline": "realtime", "cpu-used": "-8", "lag-in-frames": "0", "auto-alt-ref": "0", "error-resilient": "default",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pace:
    """How much comes in a second."""

    bits: int
    pictures: int

    def fits(self, other: Pace) -> bool:
        """Whether an encoder that was made for the one does for the other."""
        pairs = ((self.bits, other.bits), (self.pictures, other.pictures))
        return all(max(pair) <= DEPARTURE * min(pair) for pair in pairs)


class Meter:
    """Measures the pace of a source from its units' own times."""

    def __init__(self) -> None:
        self._since: int | None = None
        self._bytes = 0
        self._pictures = 0

    def add(self, unit: VideoUnit) -> None:
        if self._since is None:
            self._since = unit.timestamp
        self._bytes += len(unit.payload)
        self._pictures += 1

    def read(self, now: int) -> Pace | None:
        """The pace since the last reading, bounded; `None` if that is not long enough ago. `now` in milliseconds."""
        elapsed = now - self._since if self._since is not None else 0
        if elapsed < MEASURED_OVER:
            return None
        pace = bounded(self._bytes * 8000 / elapsed * OVERHEAD, self._pictures * 1000 / elapsed)
        self._since, self._bytes, self._pictures = now, 0, 0
        return pace


def bounded(bits: float, pictures: float) -> Pace:
    """The pace nearest to this that an encoder is made for."""
    return Pace(min(max(round(bits), LEAST_BITRATE), MOST_BITRATE), min(max(round(pictures), 1), MOST_FRAME_RATE))


class VideoTranscoder:
    """One stream's pictures on their way from `source`'s codec to `target`.

    Raises GatewayError (MEDIA_MALFORMED) if the source's configuration cannot be used.
    """

    def __init__(self, source: VideoConfig, target: Codec) -> None:
        self._codec = Codec.VP8 if target is Codec.VP8 else Codec.H264
        try:
            self._decoder = _decoder(source)
        except (av.FFmpegError, ValueError) as error:
            raise GatewayError(MEDIA_MALFORMED, "the video configuration cannot be used") from error
        self._encoder: av.VideoCodecContext | None = None
        self._size = (0, 0)
        self._pace = Pace(0, 0)
        """What the encoder was made for."""
        self._meter = Meter()
        self._config: bytes | None = None
        self._decodable = False
        """A keyframe was decoded, and nothing broken came since."""
        self._failures = 0
        """Keyframes in a row that could not be decoded."""
        self._keyframe_wanted = True
        self._keyframe_at = 0
        """When the newest keyframe that came out is shown, in milliseconds."""
        self._shown = -1
        """When the newest picture that came out is shown."""
        self.encoders = 0
        """Encoders made so far."""
        self.errors = 0
        """Pictures that could not be decoded."""
        self.left_out = 0
        """Pictures that came in and do not come out."""

    def want_keyframe(self) -> None:
        """The next picture that comes out is a keyframe, or the first that is far enough from the last one."""
        self._keyframe_wanted = True

    def feed(self, unit: VideoUnit, *, show: bool = True) -> list[VideoConfig | VideoUnit]:
        """What comes out when this goes in; a configuration comes before what needs it.

        With `show=False` it is only decoded, so that later ones can be: for one who is behind. Raises GatewayError if the
        source cannot be decoded at all, or the result not be encoded.
        """
        if not unit.payload or not (self._decodable or unit.keyframe):
            self.left_out += 1
            return []
        self._meter.add(unit)
        try:
            frames = self._decoder.decode(_packet(unit))
        except (av.FFmpegError, ValueError):
            self._broken(unit)
            return []
        self._decodable = True
        if unit.keyframe:
            self._failures = 0
        if not show:
            self.left_out += len(frames)
            return []
        return [made for frame in frames for made in self._encode(frame)]

    def _broken(self, unit: VideoUnit) -> None:
        self.errors += 1
        self.left_out += 1
        self._decodable = False
        self._decoder.flush_buffers()
        self._failures += unit.keyframe
        if self._failures >= HOPELESS:
            raise GatewayError(MEDIA_MALFORMED, "the pictures cannot be decoded")

    def _encode(self, frame: av.VideoFrame) -> list[VideoConfig | VideoUnit]:
        shown = frame.pts
        if shown is None or shown <= self._shown:
            self.left_out += 1
            return []
        self._shown = shown
        made: list[VideoConfig | VideoUnit] = []
        try:
            encoder = self._prepared(frame, shown)
            if encoder is not self._encoder:
                self._encoder = encoder
                made += self._announce(encoder, shown)
            due = self._keyframe_wanted and shown - self._keyframe_at >= KEYFRAMES_APART
            frame.pict_type = PictureType.I if due else PictureType.NONE  # an encoder's first picture is one in any case
            frame.time_base = _MILLISECOND
            for packet in encoder.encode(frame):
                made.append(self._unit(packet, shown))
        except (av.FFmpegError, ValueError) as error:
            raise GatewayError(INTERNAL_ERROR, "the pictures cannot be encoded") from error
        return made

    def _prepared(self, frame: av.VideoFrame, shown: int) -> av.VideoCodecContext:
        """The encoder for this picture: a new one if the size is another, or the pace when a keyframe is due."""
        size = (_even(frame.width), _even(frame.height))
        encoder = self._encoder
        if encoder is None or size != self._size:
            estimate = bounded(BITS_PER_PIXEL * frame.width * frame.height, FRAME_RATE)
            self._pace = self._meter.read(shown) or estimate
        elif shown - self._keyframe_at < KEYFRAME_EVERY:
            return encoder
        else:
            self._keyframe_wanted = True
            measured = self._meter.read(shown)
            if measured is None or measured.fits(self._pace):
                return encoder
            self._pace = measured
        self._size = size
        self._keyframe_wanted = True
        self.encoders += 1
        return _encoder(self._codec, size, self._pace)

    def _announce(self, encoder: av.VideoCodecContext, shown: int) -> list[VideoConfig | VideoUnit]:
        config = _config(encoder) if self._codec is Codec.H264 else b""
        if config == self._config:
            return []
        self._config = config
        return [VideoConfig(shown, config, codec=self._codec)]

    def _unit(self, packet: av.Packet[Any], shown: int) -> VideoUnit:
        if packet.is_keyframe:
            self._keyframe_at = shown
            self._keyframe_wanted = False
        payload = bytes(packet)
        if self._codec is Codec.H264:
            payload = h264.from_annex_b(payload)
        return VideoUnit(shown, payload, packet.is_keyframe, codec=self._codec)


def _packet(unit: VideoUnit) -> av.Packet[Any]:
    packet: av.Packet[Any] = av.Packet(unit.payload)
    packet.pts, packet.dts, packet.time_base = unit.timestamp + unit.composition, unit.timestamp, _MILLISECOND
    packet.is_keyframe = unit.keyframe
    return packet


def _even(pixels: int) -> int:
    return max(pixels & ~1, SMALLEST)


def _decoder(source: VideoConfig) -> av.VideoCodecContext:
    decoder = av.CodecContext.create("vp8" if source.codec is Codec.VP8 else "h264", "r")
    if source.codec is Codec.H264:
        h264.parse_config(source.payload)
        decoder.extradata = source.payload
    decoder.thread_count = 1
    decoder.options = {"max_pixels": str(MOST_PIXELS)}
    decoder.open()
    return decoder


def _encoder(codec: Codec, size: tuple[int, int], pace: Pace) -> av.VideoCodecContext:
    """One picture in, one packet out. Its rate may be exceeded by a second's worth, as keyframes do."""
    encoder = av.CodecContext.create("libvpx" if codec is Codec.VP8 else "libx264", "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt = "yuv420p"
    encoder.time_base, encoder.framerate = _MILLISECOND, Fraction(pace.pictures)
    encoder.bit_rate = pace.bits
    encoder.gop_size = 100 * MOST_FRAME_RATE  # keyframes come when asked for
    encoder.thread_count = 1
    limits = {"maxrate": str(pace.bits), "bufsize": str(pace.bits)}
    if codec is Codec.VP8:
        encoder.options = {**_VPX, **limits, "minrate": str(pace.bits)}
    else:
        encoder.options = {**_X264, **limits}
        encoder.flags |= Flags.global_header
    encoder.open()
    return encoder


def _config(encoder: av.VideoCodecContext) -> bytes:
    """The configuration record of what an H.264 encoder makes."""
    units = h264.split_annex_b(encoder.extradata or b"")
    sets = [[unit for unit in units if unit[0] & 0x1F == kind] for kind in (h264.NalType.SPS, h264.NalType.PPS)]
    if not all(sets):
        raise MalformedMedia("the encoder gave no parameter sets")
    return h264.make_config(*sets).to_bytes()
