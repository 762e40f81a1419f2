"""The meter: how a publisher's units arrive, from their own timestamps and the time that it is here. Pure.

It is fed each unit as the publisher stamped it, before the timeline is repaired, and asked once in a while what came since.

**Lateness.** Arrival minus timestamp is constant as long as nothing piles up on the way, whatever the constant. The least
that was ever seen is how it is at best (that may rise by `CREEP`, since two clocks drift apart); what a unit is above it,
it is late by. Each medium has a best of its own, so that pictures may come a constant time behind their sound.

- A clock that jumps, or a connection that begins, says nothing of the way: the next unit is as punctual as can be.
- After a **pause** units are late by its length, if the publisher's clock stood still meanwhile: as after a stall of the
  network. What follows tells which it was. After a stall, what was held up comes faster than it plays, and lateness falls;
  or the way is too slow, and it rises. After a pause everything goes on at its usual pace, and lateness stays: it is
  then taken for the new best. Until that is known nothing is said of it.

It is in the way of every unit: no objects are made, and what comes seldom stands in methods of its own.
"""

from __future__ import annotations

from adapters.media.timeline import BACKWARD_JUMP, FORWARD_JUMP
from adapters.media.units import Medium
from gateway.quality.readings import IngestReading, PathReading

CREEP = 0.0005
"""Seconds per second by which a publisher's clock may be slow without its units being late."""
PAUSE = 2.0
"""Seconds; a medium that was silent for so long may have been paused."""
TRIAL = 1.0
"""Seconds; after a pause the most punctual units of such spans are compared."""
UNDECIDED = 2
"""Spans in which nothing is said of lateness, because it may have been a pause."""
TRIALS = 10
"""Spans after which it is settled that it was none."""
STEADY = 0.1
"""Seconds; a publisher whose lateness changes less from span to span keeps its pace."""
SEPARATE = 3.0
"""Seconds; media that were further apart at best have clocks that have nothing to do with each other."""

_WRAP = 1 << 32
_HALF = 1 << 31
_PACE = 1 - CREEP
_NEVER = float("inf")


class _Track:
    """One medium of a publisher. Its own times are in milliseconds, the rest in seconds."""

    __slots__ = (
        "_best", "_fresh", "_heard", "_least", "_rise", "_stamp", "_top", "_trial", "_trial_before", "_trial_ends", "_wary",
        "bytes", "jumps", "late", "late_peak", "time", "units",
    )  # fmt: skip

    def __init__(self) -> None:
        self.time = 0
        """What the latest timestamp says, unrolled."""
        self.jumps = 0
        self._stamp = 0
        self._heard = 0.0
        self._best = 0.0
        """Arrival minus time, at best."""
        self._fresh = self._wary = True
        """Fresh: the next unit says where the clock begins. Wary: it has to be looked at more closely."""
        self._trial = 0
        """The number of the span that is looked at after a pause; 0: there is none, or it is settled."""
        self._trial_ends = 0.0
        self._trial_before = 0.0
        """Lateness of the most punctual unit in the span before."""
        self._least = 0.0
        """The same in this one."""
        self._top = self._rise = 0.0
        """Lateness right after the pause, and by how much it had risen."""
        self.restart()

    @property
    def best(self) -> float:
        return self._best

    def restart(self) -> None:
        """A span begins."""
        self.bytes = self.units = 0
        self.late = _NEVER
        """Of its most punctual unit; infinite if nothing can be said."""
        self.late_peak = 0.0
        """Of its least punctual one."""

    def open(self) -> None:
        """The publisher connects anew: its clock may be any."""
        self._fresh = self._wary = True
        self._trial = 0

    def take(self, stamp: int, size: int, now: float) -> None:
        """A unit of so many bytes came, with this timestamp (milliseconds modulo 2**32)."""
        step = (stamp - self._stamp + _HALF) % _WRAP - _HALF
        elapsed = now - self._heard
        self._stamp = stamp
        self._heard = now
        self.bytes += size
        self.units += 1
        self.time = time = self.time + step
        late = now * _PACE - time * 0.001 - self._best
        if self._wary or elapsed >= PAUSE or step < -BACKWARD_JUMP or step - elapsed * 1000 > FORWARD_JUMP:
            if self._withheld(step, elapsed, late, now):
                return
            late = now * _PACE - time * 0.001 - self._best
        if late < 0.0:
            self._best += late
            late = 0.0
        if late < self.late:  # noqa: PLR1730 -- calls of min and max would double what a unit costs
            self.late = late
        if late > self.late_peak:  # noqa: PLR1730
            self.late_peak = late

    def _withheld(self, step: int, elapsed: float, late: float, now: float) -> bool:
        """Looks closely at a unit after something unusual. True if nothing is to be said of its lateness."""
        if self._fresh or step < -BACKWARD_JUMP or step - elapsed * 1000 > FORWARD_JUMP:
            self.jumps += not self._fresh
            self._best += late
            self._fresh = self._wary = False
            self._trial = 0
            return False
        stood = elapsed - step * 0.001
        if elapsed >= PAUSE and stood > STEADY:
            self._rise = stood + (self._rise if self._trial else 0.0)
            self._top = self._least = late
            self._trial, self._trial_ends, self._wary = 1, now + TRIAL, True
            return True
        return bool(self._trial) and self._tried(late, now)

    def _tried(self, late: float, now: float) -> bool:
        """Looks at a unit after a pause, or what seems to be one. True as long as it may have been one."""
        if late < self._top - self._rise / 2:
            self.late_peak = max(self.late_peak, self._top)
            self._settle()
            return False
        self._least = min(self._least, late)
        if now >= self._trial_ends:
            if self._trial > 1 and abs(self._least - self._trial_before) <= STEADY:
                self._best += self._least
                self._settle()
                return False
            self._trial_before, self._least = self._least, late
            self._trial, self._trial_ends = self._trial + 1, now + TRIAL
            if self._trial > TRIALS:
                self._settle()
        return 0 < self._trial <= UNDECIDED

    def _settle(self) -> None:
        self._trial, self._wary = 0, False


class IngestMeter:
    """How one stream arrives, whoever publishes it. `now`: loop time in seconds, everywhere."""

    __slots__ = ("_audio", "_gap", "_gop", "_heard", "_keyframe", "_late", "_since", "_video")

    def __init__(self, now: float) -> None:
        self._audio = _Track()
        self._video = _Track()
        self._since = self._heard = now
        self._gap = 0.0
        self._gop: float | None = None
        self._keyframe: tuple[int, int] | None = None
        """The newest one's time, and the jumps of the clock before it."""
        self._late = 0.0

    def open(self, now: float) -> None:
        """A connection of the publisher begins, and a span with it."""
        for track in (self._audio, self._video):
            track.open()
            track.restart()
        self._since = self._heard = now
        self._gap = self._late = 0.0
        self._keyframe = None

    def sound(self, stamp: int, size: int, now: float) -> None:
        """A piece of sound of so many bytes came, stamped in milliseconds modulo 2**32."""
        gap = now - self._heard
        self._heard = now
        if gap > self._gap:  # noqa: PLR1730
            self._gap = gap
        self._audio.take(stamp, size, now)

    def picture(self, stamp: int, size: int, keyframe: bool, now: float) -> None:
        """A picture came, stamped with its decoding time."""
        gap = now - self._heard
        self._heard = now
        if gap > self._gap:  # noqa: PLR1730
            self._gap = gap
        self._video.take(stamp, size, now)
        if keyframe:
            self._note_keyframe()

    def read(
        self, now: float, *, protocol: str, connected: bool, media: frozenset[Medium], size: tuple[int, int], path: PathReading
    ) -> IngestReading:
        """The span up to now; the next one begins. `media` arrive, pictures have so many pixels (`size`)."""
        audio, video = self._audio, self._video
        span = max(now - self._since, 0.0)
        silence = max(now - self._heard, 0.0)
        late = min(audio.late, video.late)
        if late < _NEVER:
            self._late = late
        reading = IngestReading(
            protocol=protocol, span=span, connected=connected,
            audio_bitrate=audio.bytes * 8 / span if span else 0.0, video_bitrate=video.bytes * 8 / span if span else 0.0,
            fps=video.units / span if span else 0.0, gop=self._gop, silence=silence, gap=max(self._gap, silence),
            late=self._late, late_peak=max(self._late, audio.late_peak, video.late_peak),
            drift=_drift(audio, video), jumps=max(audio.jumps, video.jumps), width=size[0], height=size[1],
            audio=connected and Medium.AUDIO in media, video=connected and Medium.VIDEO in media, path=path,
        )  # fmt: skip
        self._since = now
        self._gap = 0.0
        audio.restart()
        video.restart()
        return reading

    def _note_keyframe(self) -> None:
        video, before = self._video, self._keyframe
        self._keyframe = (video.time, video.jumps)
        if before is not None:
            apart = video.time - before[0]
            self._gop = apart / 1000 if before[1] == video.jumps and apart > 0 else None


def _drift(audio: _Track, video: _Track) -> float | None:
    """How much later the most punctual picture of the span came than the most punctual sound of the same time.

    Media whose clocks have nothing to do with each other are measured against how far they were apart at best.
    """
    if _NEVER in (audio.late, video.late):
        return None
    apart = (video.best - audio.best + _HALF / 1000) % (_WRAP / 1000) - _HALF / 1000
    return video.late - audio.late + (apart if abs(apart) <= SEPARATE else 0.0)
