"""Fan-out: one unit's bytes to many viewers, in few and large writes, without holding up the event loop.

Viewers that get the same bytes (same wire form, play mode and media) form a **lane**. A lane is split into **cohorts** of
a bounded size, which are written to in one go. A cohort lets units gather for the mode's batch window, counted from the
first unit that waits, and the cohorts of a lane have windows of slightly different length, so that they do not all fall
due together. What falls due takes `turns`: between two goes the event loop does other work.

A lane numbers what is written to it; a cohort is a position in that numbering. The bytes between two positions are joined
once and shared by every cohort that stands there.

Who sits in which lane is not decided here: that is `audience`. The loop over viewers in `Cohort.flush` is the hottest of
the gateway; it allocates nothing per viewer and logs nothing.
"""

from __future__ import annotations

import itertools
from asyncio import TimerHandle
from collections.abc import Callable
from typing import NamedTuple

from adapters.media.turns import CallLater, Turns
from adapters.media.units import Medium, PlayMode, Unit, VideoConfig, Wire
from adapters.media.viewer import LaneViewer, Port, TransportStats
from gateway.config import MediaSettings

STAGGER = 0.05
"""By how much of itself a cohort's batch window is longer than the setting, at most. What it is longer is delay."""

_GOLDEN = 0.618034
"""Multiples of the golden ratio, modulo 1, spread evenly however many there are."""


class LaneKey(NamedTuple):
    """What viewers must have in common to share writes."""

    transport: str
    wire: Wire
    mode: PlayMode
    media: frozenset[Medium]


class Seat:
    """A viewer's place in a lane: in one of its cohorts or, while it is behind, beside them."""

    __slots__ = (
        "backlog", "cohort", "gated_at", "held", "lane", "missed_from", "rest", "send", "told_video", "viewer", "waiting",
    )  # fmt: skip

    def __init__(self, viewer: LaneViewer, lane: Lane) -> None:
        self.viewer = viewer
        self.send = viewer.send
        self.backlog = viewer.backlog
        self.lane = lane
        self.cohort: Cohort | None = None
        """`None` while the viewer is gated: too far behind to be written to."""
        self.gated_at = 0.0
        self.missed_from = 0
        """The position in the lane from which on a gated viewer got nothing."""
        self.rest: int | None = None
        """Gated because it lagged: it goes on when no more bytes than these are unacknowledged."""
        self.held = 0
        """How many were, when that was last of interest."""
        self.waiting = False
        """It wants video and sits in a lane without, until the next keyframe."""
        self.told_video: VideoConfig | None = None
        """The video configuration that it got outside a lane."""


class Cohort:
    """Viewers of one lane that stand at the same position and are written to in one go."""

    __slots__ = ("_armed_at", "_lane", "_members", "_stagger", "_timer", "armed", "position", "seats")

    def __init__(self, lane: Lane, stagger: float) -> None:
        self._lane = lane
        self._stagger = stagger
        self._timer: TimerHandle | None = None
        self._members: tuple[tuple[Port, Seat], ...] | None = None
        self.seats: dict[Seat, None] = {}
        self.position = lane.end
        """Everything in the lane before this was written."""
        self.armed = False
        """True from the first unit that waits until the flush."""
        self._armed_at = 0.0

    def add(self, seat: Seat) -> None:
        self.seats[seat] = None
        self._members = None
        seat.cohort = self

    def remove(self, seat: Seat) -> None:
        del self.seats[seat]
        self._members = None
        seat.cohort = None

    def arm(self) -> None:
        """Something waits: see to it that it is written in time."""
        self.armed = True
        lane = self._lane
        self._armed_at = lane.stopwatch()
        window = lane.window
        if window > 0:
            self._timer = lane.call_later(window * (1 + STAGGER * self._stagger), self._due)
        else:
            lane.turns.add(self)

    def disarm(self) -> None:
        """The cohort is given up."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        self._timer = None
        self._lane.turns.add(self)

    def flush(self) -> int:
        """Write what waits to every viewer that keeps up, and take the others out. Gives the number of viewers."""
        self.armed = False
        lane = self._lane
        position = self.position
        if position == lane.end or not self.seats:
            return 0
        data = lane.joined(position)
        self.position = lane.end
        members = self._members
        if members is None:
            members = self._members = tuple((seat.viewer.port, seat) for seat in self.seats)
        size = len(data)
        short: list[tuple[Seat, int]] = []
        for port, seat in members:
            try:
                taken = port.send(data)
            except OSError:
                taken = 0
            if taken != size:
                short.append((seat, taken))
        lane.stats.bytes_out += size * len(members)
        lane.stats.delay.observe(lane.stopwatch() - self._armed_at)
        for seat, taken in short:
            if taken or seat.backlog() <= lane.backlog_limit:
                seat.send(data[taken:])
            else:
                lane.stats.bytes_out -= size
                lane.gate(seat, position)
        lane.settle(self)
        return len(members)


class Lane:
    """The viewers of one stream that get the same bytes."""

    __slots__ = (
        "_base",
        "_clock",
        "_joined",
        "_joined_span",
        "_log",
        "_marks",
        "_phases",
        "_settings",
        "_size",
        "audio",
        "backlog_limit",
        "call_later",
        "cohorts",
        "end",
        "gated",
        "key",
        "stats",
        "stopwatch",
        "turns",
        "video",
        "wire",
    )  # fmt: skip

    def __init__(
        self,
        key: LaneKey,
        settings: MediaSettings,
        stats: TransportStats,
        clock: Callable[[], float],
        stopwatch: Callable[[], float],
        call_later: CallLater,
        turns: Turns,
    ) -> None:
        self.key = key
        self.wire = key.wire
        self.audio = Medium.AUDIO in key.media
        self.video = Medium.VIDEO in key.media
        self.stats = stats
        self.call_later = call_later
        self.turns = turns
        self.backlog_limit = settings.viewer_backlog_bytes
        self._settings = settings
        self._clock = clock
        self.stopwatch = stopwatch
        self.cohorts: list[Cohort] = []
        self.gated: dict[Seat, None] = {}
        """Viewers that are too far behind."""
        self.end = 0
        """The position after everything that was written to the lane."""
        self._log: list[bytes] = []
        self._base = 0
        """The position of the log's first entry: what stands before it was written to everyone."""
        self._joined = b""
        self._joined_span = (0, 0)
        self._marks: dict[type[Unit], int] = {}
        self._phases = itertools.count()
        self._size = 0

    @property
    def window(self) -> float:
        """Seconds for which units gather; 0 while there are too few viewers for that to pay."""
        if self._size < self._settings.batch_from_viewers:
            return 0.0
        return self._settings.rtc_batch if self.key.mode is PlayMode.RTC else self._settings.live_batch

    def append(self, data: bytes) -> None:
        """Write one unit's bytes to everyone who is not gated."""
        self.end += 1
        if not self.cohorts:
            self._base = self.end
            return
        self._log.append(data)
        for cohort in self.cohorts:
            if not cohort.armed:
                cohort.arm()

    def append_header(self, unit: Unit) -> None:
        """The same for a header, of which a viewer that is gated now has to be told later."""
        self._marks[type(unit)] = self.end
        self.append(unit.form(self.wire))

    def changed_since(self, kind: type[Unit], position: int) -> bool:
        """True if a header of this kind was written at `position` or later."""
        return self._marks.get(kind, -1) >= position

    def joined(self, position: int) -> bytes:
        """The bytes from `position` to the end; those who ask for the same span share them."""
        span = (position, self.end)
        if span != self._joined_span:
            parts = self._log[position - self._base :]
            self._joined = parts[0] if len(parts) == 1 else b"".join(parts)
            self._joined_span = span
        return self._joined

    def place(self, seat: Seat) -> None:
        """Give the viewer a place at the end of what was written: it gets what comes from now on."""
        end, room = self.end, self._settings.cohort_viewers
        for cohort in self.cohorts:
            if cohort.position == end and len(cohort.seats) < room:
                break
        else:
            cohort = Cohort(self, next(self._phases) * _GOLDEN % 1.0)
            self.cohorts.append(cohort)
        cohort.add(seat)
        seat.lane = self
        self._size += 1

    def hold(self, seat: Seat, missed_from: int) -> None:
        """Give the viewer a place among the gated ones."""
        seat.lane = self
        seat.cohort = None
        seat.missed_from = missed_from
        self.gated[seat] = None

    def take(self, seat: Seat) -> None:
        """Take the viewer out, wherever in this lane it is."""
        cohort = seat.cohort
        if cohort is None:
            self.gated.pop(seat, None)
            return
        cohort.remove(seat)
        self._size -= 1
        if not cohort.seats:
            self._give_up(cohort)

    def gate(self, seat: Seat, missed_from: int) -> None:
        """The viewer is too far behind: nothing is written to it for now."""
        self.set_aside(seat, missed_from)
        self.stats.skips += 1
        seat.viewer.feeding.skips += 1

    def set_aside(self, seat: Seat, missed_from: int, rest: int | None = None) -> None:
        """Nothing is written to the viewer for now. `rest`: it lagged, and goes on when it has no more bytes than these to
        acknowledge."""
        self.take(seat)
        self.hold(seat, missed_from)
        seat.gated_at = self._clock()
        seat.rest = rest
        seat.viewer.feeding.behind = True

    def pending(self, seat: Seat) -> bytes:
        """What waits to be written to this viewer."""
        cohort = seat.cohort
        return b"" if cohort is None or cohort.position == self.end else self.joined(cohort.position)

    def settle(self, cohort: Cohort) -> None:
        """After a flush: join small cohorts that stand at the same position, forget what everyone has."""
        room = self._settings.cohort_viewers
        if self._size <= (len(self.cohorts) - 1) * room and cohort.seats:
            for other in self.cohorts:
                if other is not cohort and other.position == cohort.position and len(other.seats) + len(cohort.seats) <= room:
                    for seat in other.seats:
                        cohort.add(seat)
                    other.seats = {}
                    self._give_up(other)
                    break
        done = min((kept.position for kept in self.cohorts), default=self.end)
        if done > self._base:
            del self._log[: done - self._base]
            self._base = done

    def close(self) -> None:
        """Nobody is left."""
        for cohort in self.cohorts:
            cohort.disarm()
        self.cohorts.clear()
        self._log.clear()

    def _give_up(self, cohort: Cohort) -> None:
        cohort.disarm()
        self.cohorts.remove(cohort)
        if not self.cohorts:
            self._log.clear()
            self._base = self.end
