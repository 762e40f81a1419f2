"""The legs that are watched: a publisher's uplink for each publish grant, a downlink for each one who plays.

What is remembered of a leg lives as long as the right to use it. Connections come and go: a player that connects again with
its grant is the same leg. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from gateway.auth.access import Action
from gateway.quality.cases import DownlinkCase, UplinkCase
from gateway.quality.keeper import Keeper
from gateway.quality.readings import EgressReading, IngestReading, StreamMeter, ViewerMeter
from gateway.quality.reports import MediaReport
from gateway.quality.verdict import Level
from gateway.rooms.model import Grant

Place = tuple[str, str]
"""App and streamID, or app and roomID."""
FRESH = 6.0
"""Seconds for which what a client said holds."""


@dataclass(slots=True, eq=False)
class Told:
    """What a client said of its media lately."""

    report: MediaReport | None = None
    at: float = 0.0
    noted_at: float = float("-inf")
    """`now` at which a report went into the history."""


@dataclass(slots=True, eq=False)
class Uplink:
    """One publisher's leg."""

    grant: Grant
    case: UplinkCase
    told: Told
    measured: IngestReading | None = None
    """None: it has never been connected."""
    level: Level = Level.GOOD
    """As last told."""
    noted_at: float = float("-inf")
    """`now` at which what was measured went into the history."""
    on_air_at: float | None = None
    """`now` at which its first media came."""
    pictures_since: float | None = None
    """`now` since which pictures have been coming, as far as one look after the other can tell; None: none come."""
    seen_in: int = 0
    """The sweep that measured it last."""
    sent_at: float = float("-inf")
    """`now` at which its client was last sent addresses because its component had given up."""


@dataclass(slots=True, eq=False)
class Downlink:
    """One viewer's leg. Connections with a session's grant are one viewer's, of which the newest counts."""

    grant: Grant
    case: DownlinkCase
    keeper: Keeper
    told: Told
    measured: EgressReading | None = None
    """None: it is not connected at present, or has never been."""
    begun: bool = False
    """It has been connected."""
    level: Level = Level.GOOD
    noted_at: float = float("-inf")
    seen_in: int = 0
    sent_at: float = float("-inf")
    pictured: float | None = None
    """`joined_at` of the connection whose first picture was observed last."""


class Legs:
    """All of them."""

    def __init__(self) -> None:
        self.uplinks: dict[str, Uplink] = {}
        """By the id of their grant."""
        self.downlinks: dict[str, Downlink] = {}
        """Of sessions, by the id of their grant."""
        self.strangers: dict[ViewerMeter, Downlink] = {}
        """Of signed addresses, which any number of viewers may share: by their connection."""

    def __len__(self) -> int:
        return len(self.uplinks) + len(self.downlinks) + len(self.strangers)

    def uplink(self, grant: Grant) -> Uplink:
        """A publish grant's leg, from the first time it is asked for."""
        leg = self.uplinks.get(grant.id)
        if leg is None:
            leg = self.uplinks[grant.id] = Uplink(grant, UplinkCase(), Told())
        return leg

    def downlink(self, grant: Grant, meter: ViewerMeter | None = None) -> Downlink:
        """The leg of one who plays with this grant. `meter`: its connection, which tells viewers without a session apart."""
        if grant.session is None and meter is not None:
            leg = self.strangers.get(meter)
            if leg is None:
                leg = self.strangers[meter] = _downlink(grant)
            return leg
        leg = self.downlinks.get(grant.id)
        if leg is None:
            leg = self.downlinks[grant.id] = _downlink(grant)
        return leg

    def leg(self, grant: Grant) -> Uplink | Downlink:
        """The leg that a session's grant is about."""
        return self.uplink(grant) if grant.action is Action.PUBLISH else self.downlink(grant)

    def rooms(self) -> list[Place]:
        """Every room in which somebody publishes or plays, by app and roomID."""
        legs: Iterable[Uplink | Downlink] = chain(self.uplinks.values(), self.downlinks.values())
        sessions = (leg.grant.session for leg in legs)
        return list(dict.fromkeys((session.app, session.room.id) for session in sessions if session is not None))

    def forget(self, grant_id: str) -> None:
        """The grant has ended."""
        self.uplinks.pop(grant_id, None)
        self.downlinks.pop(grant_id, None)

    def disconnected(self, sweep: int) -> list[Downlink]:
        """Viewers of sessions that have been there, but that this sweep has not seen. Other legs that it has not seen are
        over: a stream that comes again is judged afresh."""
        for uplink in self.uplinks.values():
            if uplink.seen_in != sweep and uplink.measured is not None:
                uplink.measured, uplink.case, uplink.level = None, UplinkCase(), Level.GOOD
        for meter in [meter for meter, leg in self.strangers.items() if leg.seen_in != sweep]:
            del self.strangers[meter]
        return [leg for leg in self.downlinks.values() if leg.begun and leg.seen_in != sweep]


def viewers(meter: StreamMeter) -> Iterable[ViewerMeter]:
    """Those who play a stream; of several connections with a session's grant the newest."""
    return {one.grant if one.grant.session is not None else one: one for one in meter.viewers}.values()


def _downlink(grant: Grant) -> Downlink:
    return Downlink(grant, DownlinkCase(), Keeper(), Told())
