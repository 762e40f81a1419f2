"""The examination of one publisher's connection: what its first seconds tell of how the stream is made.

An `Examiner` sees every unit as the publisher stamped it, before the stream repairs anything, until it has seen enough: a
whole group of pictures and `SHORTEST` seconds, or `LONGEST` seconds if something is missing. Then it gives the facts, and
is to be let go. What they mean is judged in `gateway/quality/checkup.py`.

It takes whatever comes: what cannot be read leaves its facts empty. Pure: time comes in as `now`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from adapters.media import aac, h264
from adapters.media.aac import AudioFormat
from adapters.media.bits import MalformedMedia
from adapters.media.reordering import Order, Reordering
from adapters.media.timeline import BACKWARD_JUMP
from adapters.media.units import AudioConfig, AudioUnit, Codec, Medium, Metadata, Unit, VideoConfig, VideoUnit
from gateway.quality.checkup import ClockFacts, Declared, SoundFacts, StreamFacts, VideoFacts

SHORTEST = 5.0
"""Seconds: less says little of rates and clocks."""
LONGEST = 12.0
"""Seconds: after that, what is missing is missing."""
PAUSE = 1000
"""Milliseconds between two units of a medium: more is no rhythm, but a medium that was off."""
LEAP = 5.0
"""Seconds by which a stamp that comes after a pause is ahead of all before it. No network brings what is not made yet; less may
be a connection that begins with what its publisher had to hold back, and leaves out some of it."""
STEADY = 3
"""Seconds of a medium (of arrival) that its most punctual units can be told from."""

_WRAP = 1 << 32
_HALF = 1 << 31


class _Track:
    """The stamps of one medium."""

    __slots__ = ("backward", "best", "bytes", "counted", "headless", "jumps", "last", "punctual", "span", "units")

    def __init__(self) -> None:
        self.units = 0
        self.headless = 0
        self.last: int | None = None
        """The stamp of the last unit."""
        self.counted = 0
        """Units that came in rhythm after another one,"""
        self.span = 0
        """the milliseconds from unit to unit of these, together,"""
        self.bytes = 0
        """and their payloads."""
        self.jumps = 0
        self.backward = 0
        self.best: float | None = None
        """Seconds by which the most punctual unit came late."""
        self.punctual: dict[int, float] = {}
        """The same by the second of arrival."""

    def see(self, unit: Unit, since_base: int, elapsed: float, *, headless: bool) -> None:
        """A unit that came after `elapsed` seconds, stamped `since_base` milliseconds after the connection's first."""
        late = elapsed - since_base / 1000
        self.units += 1
        self.headless += headless
        if self.last is not None:
            self._step(_signed(unit.timestamp - self.last), late, len(unit.payload))
        self.last = unit.timestamp
        self.best = late if self.best is None else min(self.best, late)
        second = int(elapsed)
        self.punctual[second] = min(self.punctual.get(second, late), late)

    def _step(self, step: int, late: float, size: int) -> None:
        """From the unit before to this one."""
        if 0 <= step <= PAUSE:
            self.counted += 1
            self.span += step
            self.bytes += size
        elif step < -BACKWARD_JUMP or (step > PAUSE and self.best is not None and late < self.best - LEAP):
            self.jumps += 1
        elif step < 0:
            self.backward += 1

    @property
    def bitrate(self) -> float | None:
        return 8000 * self.bytes / self.span if self.span else None

    @property
    def pace(self) -> float | None:
        """Seconds of media in a second of arrival, by the most punctual units of the first, the middle and the last third.

        It has to last: where both halves differ, a network is slowing down or catching up, and the steadier half counts.
        """
        seconds = sorted(self.punctual)
        size, last = len(seconds) // 3, len(seconds) - len(seconds) // 3
        if size == 0:
            return None
        starts = (0, last // 2, last)
        late = [min(self.punctual[second] for second in seconds[start : start + size]) for start in starts]
        drifts = [(late[half + 1] - late[half]) / (seconds[starts[half + 1]] - seconds[starts[half]]) for half in (0, 1)]
        return 1 - min(drifts, key=abs)


class Examiner:
    """Looks at one connection. `expected`: the media that it is to carry; `on_demand`: it speaks WebRTC."""

    __slots__ = (
        "_base", "_began", "_config", "_configurations", "_declared", "_expected", "_first_key", "_format", "_keyframes",
        "_latest_key", "_on_demand", "_pictures", "_reordered", "_reordering", "_sound", "_sound_codec", "_video_codec",
    )  # fmt: skip

    def __init__(self, expected: frozenset[Medium], *, on_demand: bool) -> None:
        self._expected = expected
        self._on_demand = on_demand
        self._began = 0.0
        """The arrival of the first unit."""
        self._base: int | None = None
        """The first stamp of all."""
        self._pictures = _Track()
        self._sound = _Track()
        self._video_codec, self._sound_codec = Codec.H264, Codec.AAC
        self._config: VideoConfig | None = None
        self._configurations = 0
        self._format: AudioConfig | None = None
        self._reordering = Reordering()
        self._reordered = False
        self._keyframes = 0
        self._first_key = self._latest_key = (0, 0)
        """Milliseconds of video and pictures before it."""
        self._declared = Declared()

    def see(self, unit: Unit, now: float) -> StreamFacts | None:
        """Looks at one unit that came at `now` (seconds), with the publisher's own stamp. The facts if that was enough."""
        if isinstance(unit, VideoUnit):
            elapsed = self._elapsed(unit, now)
            self._see_picture(unit, elapsed)
        elif isinstance(unit, AudioUnit):
            elapsed = self._elapsed(unit, now)
            self._sound_codec = unit.codec
            self._sound.see(unit, _signed(unit.timestamp - (self._base or 0)), elapsed, headless=self._format is None)
        else:
            self._see_header(unit)
            return None
        return self._facts(elapsed) if self._is_enough(elapsed) else None

    def _elapsed(self, unit: Unit, now: float) -> float:
        if self._base is None:
            self._base, self._began = unit.timestamp, now
        return now - self._began

    def _see_header(self, unit: Unit) -> None:
        if isinstance(unit, VideoConfig):
            if self._config is None or unit.payload != self._config.payload:
                self._config = unit
                self._configurations += 1
                self._reordering = Reordering(unit)
        elif isinstance(unit, AudioConfig):
            self._format = unit
        elif isinstance(unit, Metadata):
            self._declared = _declared(unit.values)

    def _see_picture(self, unit: VideoUnit, elapsed: float) -> None:
        track = self._pictures
        self._video_codec = unit.codec
        track.see(unit, _signed(unit.timestamp - (self._base or 0)), elapsed, headless=self._config is None)
        self._reordering.see(unit)
        self._reordered |= self._reordering.state is not Order.NONE
        if unit.keyframe:
            self._keyframes += 1
            self._latest_key = (track.span, track.units)
            if self._keyframes == 1:
                self._first_key = self._latest_key

    def _is_enough(self, elapsed: float) -> bool:
        if elapsed < SHORTEST or elapsed >= LONGEST:
            return elapsed >= LONGEST
        seen = {medium for medium, track in ((Medium.VIDEO, self._pictures), (Medium.AUDIO, self._sound)) if track.units}
        whole = self._keyframes > 1 or self._on_demand or Medium.VIDEO not in seen
        return whole and self._expected <= seen

    # What was seen ----------------------------------------------------------------------------------------------------

    def _facts(self, elapsed: float) -> StreamFacts:
        return StreamFacts(elapsed, self._on_demand, self._video(), self._audio(), self._declared, self._clock())

    def _video(self) -> VideoFacts | None:
        track = self._pictures
        if not track.units:
            return None
        gop, gop_pictures = self._group()
        return replace(
            _coded(self._config), codec=self._video_codec.value, pictures=track.units, headless=track.headless,
            configurations=self._configurations, reordered=self._reordered,
            fps=1000 * track.counted / track.span if track.span else None, bitrate=track.bitrate, keyframes=self._keyframes,
            gop=gop, gop_pictures=gop_pictures,
        )  # fmt: skip

    def _group(self) -> tuple[float | None, float | None]:
        """How long the groups of pictures are, in seconds and in pictures."""
        if not self._keyframes:
            return None, None
        end = self._latest_key if self._keyframes > 1 else (self._pictures.span, self._pictures.units)
        groups = max(self._keyframes - 1, 1)
        return (end[0] - self._first_key[0]) / 1000 / groups, (end[1] - self._first_key[1]) / groups

    def _audio(self) -> SoundFacts | None:
        track = self._sound
        if not track.units:
            return None
        form = self._read_format()
        facts = SoundFacts(self._sound_codec.value, track.units, track.headless, bitrate=track.bitrate)
        if form is None:
            return facts
        return replace(facts, object_type=form.object_type, rate=form.output_rate, channels=form.channels, replicated=form.sbr)

    def _read_format(self) -> AudioFormat | None:
        if self._format is None or self._format.codec is not Codec.AAC:
            return None
        try:
            return aac.parse_config(self._format.payload)
        except MalformedMedia:
            return None

    def _clock(self) -> ClockFacts:
        tracks = (self._pictures, self._sound)
        jumps, backward = sum(track.jumps for track in tracks), sum(track.backward for track in tracks)
        if jumps:
            return ClockFacts(jumps, backward)
        form = self._read_format()
        sounded = self._sound.counted * form.frame_seconds if form else 0.0
        return ClockFacts(
            jumps, backward, max(tracks, key=lambda track: track.counted).pace,
            self._sound.span / 1000 / sounded if sounded else None, self._skew(),
        )  # fmt: skip

    def _skew(self) -> float | None:
        pictures, sound = self._pictures, self._sound
        if pictures.best is None or sound.best is None or min(len(pictures.punctual), len(sound.punctual)) < STEADY:
            return None
        return pictures.best - sound.best


def _signed(difference: int) -> int:
    """The difference of two stamps that wrap at 32 bits."""
    return (difference + _HALF) % _WRAP - _HALF


def _coded(config: VideoConfig | None) -> VideoFacts:
    """What the configuration says of the pictures."""
    if config is None or config.codec is not Codec.H264:
        return VideoFacts()
    try:
        sps = h264.parse_sps(h264.parse_config(config.payload).sps[0])
    except MalformedMedia:
        return VideoFacts()
    return VideoFacts(
        profile=sps.profile, level=sps.level, width=sps.width, height=sps.height, chroma_format=sps.chroma_format,
        bits=max(sps.luma_bits, sps.chroma_bits),
    )  # fmt: skip


def _declared(values: Mapping[str, object]) -> Declared:
    """What `onMetaData` says (Adobe's "Video File Format Specification" v10.1, section E.5)."""
    media = frozenset(
        medium.value
        for medium, name in ((Medium.VIDEO, "videocodecid"), (Medium.AUDIO, "audiocodecid"))
        if values.get(name) not in (None, False, 0, "")
    )
    return Declared(_number(values.get("framerate")), media)


def _number(value: object) -> float | None:
    """A number above 0, also one that is written as a text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number > 0 else None
