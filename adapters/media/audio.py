"""Sound from AAC to Opus and back: one direction of one stream, on the event loop.

What comes out lies on the stream's own timeline, sample by sample from an anchor: the time of the first unit that goes in.
The anchor holds as long as the sound that came fits the times it came with. Where it does not fit any more:

- sound is missing (loss, mute): a short gap is filled, with the decoder's own concealment (Opus) and with silence; after a
  long one the anchor moves forward, and time with it. What is filled is never more than the sound that really came: stamps
  cost a publisher nothing, and would be answered with packets;
- there is more sound than time: units are left out until it fits.

Units that come much faster than they can be heard are left out as well, whatever they are stamped with.

So time never runs backwards, and sound is never further from the pictures than the tolerance. What the codecs delay is
accounted for, but for the 2.5 ms that Opus looks ahead.

One second of sound costs about 4 ms on its way to Opus and 8 ms to AAC; a unit costs well under one, a filled gap a few.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import av

from adapters.media import aac
from adapters.media.bits import MalformedMedia
from adapters.media.units import AudioConfig, AudioUnit, Codec
from gateway.errors import MEDIA_MALFORMED, GatewayError

RATE = 48_000
"""Sampling rate of everything that comes out, in Hz."""

OPUS_FRAME, AAC_FRAME = 960, 1024
"""Samples per channel of one packet that comes out: 20 ms of Opus, one access unit of AAC."""

OPUS_STEREO_BITRATE, OPUS_MONO_BITRATE, AAC_BITRATE = 80_000, 48_000, 128_000
"""Bits per second."""

AAC_TOLERANCE = 60
"""Milliseconds; RTMP publishers stamp sound with when they had it, and that trembles."""
OPUS_TOLERANCE = 15
"""Milliseconds; RTP times are exact, and a single lost packet shall be heard of at once."""

LONGEST_FILL = 500
"""Milliseconds; a longer gap moves the anchor."""
MOST_CREDIT = 1000.0
"""Milliseconds that may be filled at most before more sound has come: one for each that was heard."""
FASTEST, MOST_AT_ONCE = 2.0, 5000.0
"""Seconds of sound taken in a second on the long run, and milliseconds at once: what a network held back comes in a burst."""
LEAST_COUNTED = 2.5
"""Milliseconds of sound that a unit is taken for at least: to find that it cannot be decoded costs time too."""
MOST_CONCEALED = 5
"""Packets in a row that the decoder is asked to invent; then there is silence."""

MOST_BYTES = 8192
"""A unit with more is broken: AAC has at most 6144 bits for each of 8 channels, Opus less."""
MOST_FRAMES = 8
"""A unit is one frame. A publisher that packs more than so many into one is after our time, and is not listened to any more."""
_SLOWEST, _FASTEST = 7_350, 96_000
"""Sampling rates that AAC has, in Hz. Others would only cost time to convert."""


class AudioTranscoder:
    """One stream's sound on its way from `source`'s codec to `target`.

    `clock` gives seconds, monotonic: when units come. Raises GatewayError (MEDIA_MALFORMED) if the source's configuration
    cannot be used; nothing else ever raises.
    """

    def __init__(self, source: AudioConfig, target: Codec, clock: Callable[[], float] = time.monotonic) -> None:
        if {source.codec, target} != {Codec.AAC, Codec.OPUS}:
            raise ValueError(f"there is no way from {source.codec} to {target}")
        self._target = target
        self._frame = OPUS_FRAME if target is Codec.OPUS else AAC_FRAME
        try:
            self._mono = target is Codec.OPUS and _is_mono(source.payload)
            self._decoder: av.AudioCodecContext | None = _decoder(source)
            self._encoder = self._new_encoder()
        except (MalformedMedia, av.FFmpegError) as error:
            raise GatewayError(MEDIA_MALFORMED, "the audio configuration cannot be used") from error
        self.config = AudioConfig(source.timestamp, _config(self._encoder, target), codec=target)
        """What decoders of the result need."""
        self._origin = 0
        """The time of sample 0, in milliseconds."""
        self._heard = 0.0
        """Samples that went into the encoder since `_origin`, at `RATE`."""
        self._packets = 0
        """Packets that came out of it."""
        self._shape: tuple[str, str, int] | None = None
        """Format, layout and sampling rate of what the decoder gives; `None` before the first sound."""
        self._last: av.AudioFrame | None = None
        """What it gave last."""
        self._toc = 0
        """The first byte of the last packet (Opus: how it is coded, RFC 6716 section 3.1)."""
        self._credit = MOST_CREDIT
        """Milliseconds that may be filled now."""
        self._clock = clock
        self._room = MOST_AT_ONCE
        """Milliseconds of sound that are taken now, however fast they come."""
        self._room_at = clock()
        self._behind = False
        """Units are being left out, until what comes fits as well as it can."""
        self.errors = 0
        """Units that could not be decoded."""
        self.left_out = 0
        """Units for which there was no time."""
        self.gaps = 0
        """Times that sound was missing."""

    def feed(self, unit: AudioUnit) -> list[AudioUnit]:
        """What comes out when this goes in. It may be nothing, and after a gap it may be much."""
        if self._decoder is None:
            return []
        if not self._in_time():
            self.left_out += 1
            return []
        if self._shape is None:
            self._origin = unit.timestamp
        ahead = unit.timestamp - self._origin - self._heard * 1000 / RATE
        self._behind = ahead <= -(self._last_ms / 2 if self._behind else self._tolerance)
        if self._behind:
            self.left_out += 1
            return []
        made = self._bridge(ahead) if ahead >= self._tolerance else []
        frame = self._decode(unit.payload)
        self._room -= max(LEAST_COUNTED, _milliseconds(frame))
        if frame is None or self._decoder is None:
            self.errors += 1
            return made + (self._fill(self._last_ms) if self._last_ms <= self._credit else [])
        self._last = frame
        self._toc = unit.payload[0]
        self._credit = min(MOST_CREDIT, self._credit + self._last_ms)
        return made + self._encode(frame)

    def close(self) -> None:
        """Nothing comes out any more. Harmless when repeated."""
        self._decoder = self._last = None

    @property
    def _last_ms(self) -> float:
        return _milliseconds(self._last)

    @property
    def _tolerance(self) -> float:
        return AAC_TOLERANCE if self._target is Codec.OPUS else max(OPUS_TOLERANCE, 0.75 * self._last_ms)

    def _in_time(self) -> bool:
        """Whether there is room for one more unit now."""
        now = self._clock()
        self._room = min(MOST_AT_ONCE, self._room + (now - self._room_at) * 1000 * FASTEST)
        self._room_at = now
        return self._room > 0

    def _bridge(self, gap: float) -> list[AudioUnit]:
        """Fill a gap of so many milliseconds, or move the anchor over it."""
        self.gaps += 1
        if gap < LONGEST_FILL and gap <= self._credit:
            return self._fill(gap)
        self._origin += round(gap)
        return []

    def _fill(self, gap: float) -> list[AudioUnit]:
        """What stands for sound that is missing: concealment first if there is any, then silence."""
        made: list[AudioUnit] = []
        self._credit -= gap
        if self._target is Codec.AAC:
            lost = bytes((self._toc & 0xFC,))  # one frame of which nothing came
            for _ in range(MOST_CONCEALED):
                if gap < self._last_ms / 2 or (frame := self._decode(lost)) is None:
                    break
                gap -= _milliseconds(frame)
                made += self._encode(frame)
            if gap < self._last_ms / 2:
                return made
        if self._last is not None and (samples := round(gap * self._last.sample_rate / 1000)) > 0:
            made += self._encode(_silence(self._last, samples))
        return made

    def _decode(self, payload: bytes) -> av.AudioFrame | None:
        """The sound of a unit; `None` if it cannot be decoded."""
        if not 0 < len(payload) <= MOST_BYTES or self._decoder is None:
            return None
        try:
            frames = self._decoder.decode(av.Packet(payload))
        except (av.FFmpegError, ValueError):
            return None
        if len(frames) > MOST_FRAMES:
            self.close()
        return frames[0] if frames and _SLOWEST <= frames[0].sample_rate <= _FASTEST else None

    def _encode(self, frame: av.AudioFrame) -> list[AudioUnit]:
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:
            self._adapt(shape)
        self._heard += frame.samples * RATE / frame.sample_rate
        made = []
        try:
            packets = self._encoder.encode(frame)
        except (av.FFmpegError, ValueError):
            self.errors += 1
            packets = []
        for packet in packets:
            number = self._packets - (self._target is Codec.AAC)  # the first one of AAC only begins what overlaps
            self._packets += 1
            if number >= 0:
                timestamp = self._origin + (number * self._frame * 1000 + RATE // 2) // RATE
                made.append(AudioUnit(timestamp, bytes(packet), codec=self._target))
        return made

    def _adapt(self, shape: tuple[str, str, int]) -> None:
        """The decoder gives something else now (HE-AAC does after its first unit): a new encoder takes it, anchored here."""
        if self._shape is not None:
            self._encoder = self._new_encoder()
            self._origin = self._origin + round(self._heard * 1000 / RATE)
            self._heard = 0.0
            self._packets = 0
        self._shape = shape

    def _new_encoder(self) -> av.AudioCodecContext:
        encoder = av.CodecContext.create("libopus" if self._target is Codec.OPUS else "aac", "w")
        encoder.sample_rate = RATE
        encoder.thread_count = 1
        if self._target is Codec.OPUS:
            encoder.format, encoder.layout = "flt", "mono" if self._mono else "stereo"
            encoder.bit_rate = OPUS_MONO_BITRATE if self._mono else OPUS_STEREO_BITRATE
            encoder.options = {"application": "lowdelay", "frame_duration": "20", "compression_level": "5"}
        else:
            encoder.format, encoder.layout, encoder.bit_rate = "fltp", "stereo", AAC_BITRATE
            encoder.options = {"aac_coder": "fast"}
        encoder.open()
        return encoder


def _is_mono(config: bytes) -> bool:
    """Whether an AudioSpecificConfig is of sound with one channel. Raises `MalformedMedia` if it makes no sense."""
    parsed = aac.parse_config(config)
    if not all(_SLOWEST <= rate <= _FASTEST for rate in (parsed.sampling_rate, parsed.output_rate)):
        raise MalformedMedia(f"AAC has no sampling rate of {parsed.sampling_rate} Hz")
    return parsed.channels == 1 and not parsed.ps


def _decoder(source: AudioConfig) -> av.AudioCodecContext:
    decoder = av.CodecContext.create("aac" if source.codec is Codec.AAC else "libopus", "r")
    decoder.thread_count = 1
    if source.codec is Codec.AAC:
        decoder.extradata = source.payload
    else:
        decoder.sample_rate, decoder.layout = RATE, "stereo"
    decoder.open()
    return decoder


def _config(encoder: av.AudioCodecContext, target: Codec) -> bytes:
    return encoder.extradata or b"" if target is Codec.AAC else b""


def _milliseconds(frame: av.AudioFrame | None) -> float:
    return frame.samples * 1000 / frame.sample_rate if frame else 0.0


def _silence(like: av.AudioFrame, samples: int) -> av.AudioFrame:
    frame = av.AudioFrame(like.format, like.layout, samples)
    frame.sample_rate = like.sample_rate
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    return frame
