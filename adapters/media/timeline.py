"""Clock repair: a publisher's timestamps, whatever they do, become one timeline that never runs backwards.

Publishers' clocks start anywhere, wrap at 32 bits, jump when an encoder restarts, run back a little when frames are
reordered, and start anew with each connection. Viewers get a timeline that starts at 0 and goes on.

A timeline is raw stamp minus offset. An offset is kept for as long as it gives sensible times; when it does not, the
clock has jumped, and a new offset is chosen so that playing goes on after the wall time that passed. The offset is shared:
when the other track jumps too, it takes the same one, so that sound and picture stay together, and a straggler of the old
clock is placed with the old offset. All arithmetic is modulo 2**32, which makes the wrap invisible.

Nothing that knows a codec or a protocol may be put in here. Pure: time comes in as `now`.
"""

from __future__ import annotations

from adapters.media.units import Medium

FORWARD_JUMP = 3000
"""Milliseconds; a stamp that is further ahead of where it should be by the wall clock is a jump."""

BACKWARD_JUMP = 500
"""Milliseconds; a stamp that is further behind its predecessor is a jump, less is jitter."""

RECENT = 3.0
"""Seconds; a track heard within them is continued from its own last stamp after a jump, otherwise from the other's."""

_WRAP = 1 << 32
_HALF = 1 << 31


class _Track:
    """What is known of one track."""

    __slots__ = ("heard", "last", "offset")

    def __init__(self) -> None:
        self.last: int | None = None
        """The last time given, in milliseconds."""
        self.heard = 0.0
        """The wall time of that, in seconds."""
        self.offset: int | None = None
        """The offset in use; `None` until the track's first stamp on this connection."""


class Timeline:
    """The repaired clock of one stream."""

    __slots__ = ("_former", "_latest", "_offset", "_tracks")

    def __init__(self) -> None:
        self._tracks = {medium: _Track() for medium in Medium}
        self._latest: _Track | None = None
        self._offset: int | None = None
        self._former: int | None = None

    @property
    def edge(self) -> int:
        """The latest time on any track, in milliseconds; 0 before the first."""
        return max(track.last or 0 for track in self._tracks.values())

    def repair(self, track: Medium, raw: int, now: float) -> int:
        """Where on the timeline a unit with the publisher's stamp `raw` (milliseconds modulo 2**32) belongs.

        `now` is the wall clock in seconds. Never less than the time given before for the same track, never negative.
        """
        own = self._tracks[track]
        last = own.last
        if own.offset is not None and last is not None:
            ahead = (raw - own.offset - last + _HALF) % _WRAP - _HALF
            if -BACKWARD_JUMP <= ahead <= FORWARD_JUMP:
                time = last + ahead if ahead > 0 else last
                own.last = time
                own.heard = now
                self._latest = own
                return time
        time = max(self._place(own, raw, now), last or 0)
        own.last = time
        own.heard = now
        self._latest = own
        return time

    def reconnect(self) -> None:
        """The publisher connects anew: its clock may be any, and goes on after the wall time that has passed by then."""
        self._offset = self._former = None
        for track in self._tracks.values():
            track.offset = None

    def _place(self, own: _Track, raw: int, now: float) -> int:
        """The time by the first known offset that makes sense; if none does, by a new one."""
        latest = self._latest
        if latest is None:
            self._offset = own.offset = raw
            return 0
        expected = self._expected(own, latest, now)
        if self._offset is not None:
            highest = FORWARD_JUMP + max(_elapsed(track, now) for track in self._tracks.values() if track.last is not None)
            lowest = self.edge - FORWARD_JUMP if own.offset is None else (own.last or 0) - BACKWARD_JUMP
            for offset in (own.offset, self._offset, self._former):
                if offset is not None:
                    time = expected + (raw - offset - expected + _HALF) % _WRAP - _HALF
                    if lowest <= time <= highest:
                        own.offset = offset
                        return time
        self._former = self._offset
        self._offset = own.offset = (raw - expected) % _WRAP
        return expected

    def _expected(self, own: _Track, latest: _Track, now: float) -> int:
        """Where the wall clock says that a unit of this track belongs now: at least 1 ms after what went before."""
        if own.offset is None and self._offset is None:  # the first unit of a new connection: after everything
            return max(self.edge + 1, _elapsed(latest, now))
        recent = own.last is not None and now - own.heard < RECENT
        return max((own.last or 0) + 1, _elapsed(own if recent else latest, now))


def _elapsed(track: _Track, now: float) -> int:
    """The track's last time carried on by the wall time since, in milliseconds."""
    return (track.last or 0) + max(0, round((now - track.heard) * 1000))
