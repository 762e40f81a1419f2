"""What publishers and viewers are up to: whether media have to flow now, and since when. Pure: time comes in as `now`.

A publisher that sends nothing is not always one with a bad network: its phone rings, its camera is off, it has only just
connected. And a viewer that takes nothing may be in a mini-program that WeChat has suspended. This is kept apart from how
well media flow.
"""

from __future__ import annotations

from collections.abc import Set

from gateway.quality.readings import EgressReading, IngestReading
from gateway.rooms.model import Medium

SETTLING = 3.0
"""Seconds in which a connection that has just begun is not judged: codecs start, what was gathered meanwhile comes in a
burst."""
RESUMING = 5.0
"""The same after a pause, whose length is known to be no lateness only once media have come for a while."""
PAUSE_BEGINS = 10.0
"""Seconds within which media stop after the publisher said that it pauses."""
LONGEST_PAUSE = 1800.0
"""Seconds for which a pause explains that nothing comes. People talk for so long; and who never comes back loses the stream
anyway."""
FLOWING = 1.0
"""Seconds; media whose last is no older than that flow."""
SUSPENSION_BEGINS = 60.0
"""Seconds within which a viewer stops taking media after it said that something holds it up: until then its phone goes on
filling its own buffers."""


class Presence:
    """One publisher's connection and its pauses."""

    def __init__(self) -> None:
        self.connected_at: float | None = None
        """`None`: it is not connected."""
        self.lost_at: float | None = None
        """Since when it is not, if it was before."""
        self.due_since: float | None = None
        """From when on something has to come at any time, a camera's start included; `None`: nothing has to."""
        self.blank = False
        """Pictures came over this connection, and do not now."""
        self._paused_at: float | None = None
        self._flows_since: float | None = None
        self._had: frozenset[Medium] = frozenset()

    def pause(self, now: float) -> None:
        """The publisher says that something holds it up: a phone call, another app."""
        self._paused_at = now

    def excused(self, now: float) -> bool:
        """A pause explains that nothing comes, or that it has only just begun to come again."""
        if self._paused_at is None or now - self._paused_at >= LONGEST_PAUSE:
            return False
        flows = self._flows_since is not None and now - self._flows_since >= RESUMING
        return not flows or now - self._paused_at < PAUSE_BEGINS

    def settled(self, now: float) -> bool:
        """It is connected, and not since a moment ago."""
        return self.connected_at is not None and now - self.connected_at >= SETTLING

    def look(self, reading: IngestReading, muted: Set[Medium], now: float) -> None:
        """`muted`: the media of which the publisher says that it sends none."""
        self._follow_connection(reading.connected, now)
        if reading.silence >= FLOWING:
            self._flows_since = None
        elif self._flows_since is None:
            self._flows_since = now
        self._had |= {Medium.AUDIO} if reading.audio else set()
        self._had |= {Medium.VIDEO} if reading.video else set()
        self.blank = Medium.VIDEO in self._had and not reading.video
        excused = self.excused(now)
        if not excused:
            self._paused_at = None
        if excused or not self.settled(now) or (self._had and self._had <= muted):
            self.due_since = None
        elif self.due_since is None:
            self.due_since = now + SETTLING

    def _follow_connection(self, connected: bool, now: float) -> None:
        if connected and self.connected_at is None:
            self.connected_at, self.lost_at, self._had = now, None, frozenset()
        elif not connected and self.connected_at is not None:
            self.connected_at, self.lost_at = None, now


class Suspension:
    """One viewer's pauses: nobody reads what is sent to it."""

    __slots__ = ("_paused_at", "_stopped", "_takes_since")

    def __init__(self) -> None:
        self._paused_at: float | None = None
        self._stopped = False
        """It has stopped to take media since."""
        self._takes_since: float | None = None

    def pause(self, now: float) -> None:
        """The viewer says that something holds it up: a phone call, another app."""
        self._paused_at, self._stopped = now, False

    def excused(self, now: float) -> bool:
        """A pause explains that it takes nothing, or that it has only just begun to again."""
        if self._paused_at is None or now - self._paused_at >= LONGEST_PAUSE:
            return False
        takes = self._takes_since is not None and now - self._takes_since >= RESUMING
        return not takes or not (self._stopped or now - self._paused_at >= SUSPENSION_BEGINS)

    @property
    def at_ease(self) -> bool:
        """It takes its media, and has not said that something holds it up."""
        return self._paused_at is None and self._takes_since is not None

    def look(self, reading: EgressReading | None, most: float, now: float) -> None:
        """`reading`: `None` if it is not connected. `most`: a viewer for which fewer seconds of media wait takes them."""
        if reading is None or reading.behind or (reading.backlog or 0.0) >= most:
            self._takes_since, self._stopped = None, True
        elif self._takes_since is None:
            self._takes_since = now
        if not self.excused(now):
            self._paused_at = None
