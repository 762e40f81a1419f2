"""How calls do at this moment, as it is told to clients, to the server API and to the console. Only data. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.quality.checkup import Finding
from gateway.quality.readings import EgressReading, IngestReading
from gateway.quality.reports import MediaReport
from gateway.quality.verdict import Leg, Verdict
from gateway.rooms.model import PlayMode


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


@dataclass(frozen=True, slots=True)
class Overview:
    """A room's or a stream's streams and viewers."""

    server: Verdict
    publishing: tuple[PublishView, ...] = ()
    playing: tuple[PlayView, ...] = ()


@dataclass(frozen=True, slots=True)
class QualityNotice:
    """What one session hears of its own publishing and playing."""

    room_id: str
    overview: Overview
    stats: bool
    """With the numbers, not the verdicts alone."""
