"""What the gateway does about a bad leg: addresses handed out anew, viewers that lag moved on. Pure.

Components that give up are told where to begin again, and the state of their stream follows what they say. However often
they say it, a stream's addresses go out at most every few seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from gateway.quality import component_codes
from gateway.quality.counters import QualityCounters
from gateway.quality.history import Entry, History, Kind
from gateway.quality.keeper import Move
from gateway.quality.legs import Downlink, Uplink
from gateway.quality.readings import ViewerMeter
from gateway.quality.reports import CodeReport, Direction
from gateway.rooms.model import Grant, Session

PAUSE = 5.0
"""Seconds between two times that the addresses of one stream are sent because a component gave up."""
GAVE_UP: Mapping[Direction, frozenset[int]] = {"push": frozenset((-1307, 3004)), "pull": frozenset((-2301,))}
"""Codes with which a component says that it has lost its connection and does not try again."""
_WITHOUT_ADDRESS = frozenset(("webrtc",))
_FLOWING = 1.0
"""Seconds of silence with which media still count as coming."""
_SENT_LATE = 5.0
"""Seconds that a report may have waited in its client's send queue, behind a network that was away: a player that connected
within that time may be the one that was started because of it."""


class Rooms(Protocol):
    """What the registry does about components that gave up."""

    def publisher_gave_up(self, session: Session, stream_id: str) -> None: ...

    def player_gave_up(self, session: Session, stream_id: str) -> None: ...


SendUrls = Callable[[Session, Grant], bool]
"""Sends a session the addresses of one of its grants once more (`urls`). False: there are none."""


class Effects:
    """Acts, counts what was done, and says so in the history."""

    def __init__(
        self, rooms: Rooms, send_urls: SendUrls, counters: QualityCounters, history: History, wall_clock: Callable[[], float]
    ) -> None:
        self._rooms = rooms
        self._send_urls = send_urls
        self._counters = counters
        self._history = history
        self._wall_clock = wall_clock

    def coded(self, leg: Uplink | Downlink, session: Session, report: CodeReport, made: float, now: float) -> None:
        """A component's code came. It may be older still than it says (`made`), through either door: its client may have begun
        anew since. So it says nothing against media that flow."""
        grant = leg.grant
        given_up = report.code in GAVE_UP[report.direction] and grant.transport not in _WITHOUT_ADDRESS
        if not given_up or now < leg.sent_at + PAUSE:
            return
        leg.sent_at = now
        if isinstance(leg, Uplink):
            if not _arrives(leg):
                self._rooms.publisher_gave_up(session, grant.stream_id)
        elif not _is_young(leg, made):
            self._rooms.player_gave_up(session, grant.stream_id)
        label = component_codes.label(report.direction, report.code)
        if self._send_urls(session, grant):
            self._counters.urls[label] += 1
            self._note(grant, "sent_urls", label)

    def move(self, leg: Downlink, meter: ViewerMeter, protocol: str, move: Move) -> None:
        """The latency keeper has decided about a viewer."""
        if move is Move.CATCH_UP:
            if not meter.catch_up():
                leg.keeper.in_vain()
                return
            self._counters.caught_up[protocol] += 1
            self._note(leg.grant, "caught_up", "lag")
        elif move is Move.PULL_AGAIN and leg.grant.session is not None and leg.grant.transport not in _WITHOUT_ADDRESS:
            self._tell_to_pull_again(leg.grant, leg.grant.session, protocol)

    def _tell_to_pull_again(self, grant: Grant, session: Session, protocol: str) -> None:
        if self._send_urls(session, grant):
            self._counters.pulled_again[protocol] += 1
            self._note(grant, "sent_urls", "lag")

    def _note(self, grant: Grant, action: str, reason: str) -> None:
        room_id = grant.session.room.id if grant.session else ""
        data = {"action": action, "reason": reason}
        self._history.record(
            Entry(grant.app, room_id, self._wall_clock(), Kind.ACTION, grant.user_id, grant.stream_id, data)
        )


def _arrives(leg: Uplink) -> bool:
    """Media came just now. A connection that was not there at the last look is new, and has its time."""
    if leg.measured is None or not leg.measured.connected:
        return leg.grant.connections > 0
    return leg.measured.silence < _FLOWING


def _is_young(leg: Downlink, made: float) -> bool:
    """It had only just connected when that was said, or has since. Whether media reach a viewer that is older cannot be seen
    from here: they go into a queue."""
    if leg.measured is None:
        return leg.grant.connections > 0
    return made - leg.measured.joined_at < _SENT_LATE
