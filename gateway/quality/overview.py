"""How calls do at this moment, as it is told to clients, to the server API and to the console. Only data. Pure.

What is told outside the process has its times in Unix time: `since` of these verdicts is in seconds since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.quality.checkup import Finding
from gateway.quality.pages import Page
from gateway.quality.readings import EgressReading, IngestReading
from gateway.quality.reports import MediaReport
from gateway.quality.verdict import Leg, Verdict
from gateway.rooms.model import Medium, PlayMode

LEGS = 1000
"""Ways of media in one answer at most: more than a full call of thirty has, and less than a megabyte of words."""
FIRST = Page(LEGS)


@dataclass(frozen=True, slots=True)
class PublishView:
    """One stream, from its publisher to here."""

    user_id: str
    stream_id: str
    transport: str
    uplink: Verdict
    measured: IngestReading | None = None
    """By the gateway, lately."""
    told: MediaReport | None = None
    """By the client, lately."""
    findings: tuple[Finding, ...] = ()
    muted: frozenset[Medium] = frozenset()
    """What the publisher says it muted."""


@dataclass(frozen=True, slots=True)
class PlayView:
    """One viewer's stream, from its publisher to the viewer."""

    user_id: str
    """The viewer's."""
    stream_id: str
    transport: str
    mode: PlayMode
    uplink: Verdict
    """The publisher's."""
    downlink: Verdict
    blame: Leg | None
    """The leg at fault; `None`: all is well."""
    measured: EgressReading | None = None
    told: MediaReport | None = None
    source: IngestReading | None = None
    """How the stream arrived here."""
    muted: frozenset[Medium] = frozenset()


@dataclass(frozen=True, slots=True)
class Overview:
    """A room's or a stream's streams and viewers."""

    server: Verdict
    publishing: tuple[PublishView, ...] = ()
    playing: tuple[PlayView, ...] = ()
    next_leg: str | None = None
    """What the next page of them comes after; None: these are the last, or none were wanted."""


def dated(overview: Overview, offset: float) -> Overview:
    """The same in another time, `offset` seconds ahead."""

    def moved(verdict: Verdict) -> Verdict:
        return replace(verdict, since=verdict.since + offset)

    return replace(
        overview,
        server=moved(overview.server),
        publishing=tuple(replace(view, uplink=moved(view.uplink)) for view in overview.publishing),
        playing=tuple(replace(view, uplink=moved(view.uplink), downlink=moved(view.downlink)) for view in overview.playing),
    )


@dataclass(frozen=True, slots=True)
class QualityNotice:
    """What one session hears of its own publishing and playing."""

    room_id: str
    overview: Overview
    stats: bool
    """With the numbers, not the verdicts alone."""
