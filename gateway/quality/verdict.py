"""From what is measured and reported to a verdict that names the leg at fault. Pure: time comes in as `now`.

A call's media go over three legs: the publisher's uplink, this process, a viewer's downlink. Each is good, fair or bad;
what says so stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Level(IntEnum):
    """How a leg does."""

    GOOD = 0
    FAIR = 1
    BAD = 2

    @property
    def label(self) -> str:
        return self.name.lower()


class Leg(StrEnum):
    """A part of the way of media."""

    UPLINK = "uplink"
    SERVER = "server"
    DOWNLINK = "downlink"


class Source(StrEnum):
    """Who says so."""

    GATEWAY = "gateway"
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One measure that is not as it should be."""

    measure: str
    """A name of `MEASURES`."""
    value: float
    """The worst of late."""
    limit: float
    """What it should not exceed (or fall below)."""
    level: Level
    source: Source


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a leg does, and why that is thought."""

    level: Level = Level.GOOD
    evidence: tuple[Evidence, ...] = ()
    """The gravest first; empty while it is good."""
    since: float = 0.0
    """`now` at which the level was reached."""
