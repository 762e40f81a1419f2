"""From what is measured and reported to a verdict that names the leg at fault. Pure: time comes in as `now`.

A call's media go over three legs: the publisher's uplink, this process, a viewer's downlink. Each is good, fair or bad;
what says so stands beside it. `measures.py` says what is looked at, `witness.py` when it is believed, `cases.py` which leg
it is held against; here is what comes of it.
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
        return _LABELS[self]


_LABELS = [level.name.lower() for level in Level]


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
    """A name of `measures.MEASURES`."""
    value: float
    """The worst of late; of the measure `code`: the component's code."""
    limit: float
    """From where on it has this level; 0 of the measure `code`."""
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


def blame(uplink: Verdict, server: Verdict, downlink: Verdict) -> Leg | None:
    """The leg at fault for what a viewer gets; `None`: all is well.

    The worst one is. Of equally bad ones it is the server, which takes both others down with it, and the uplink rather than
    the downlink, because what comes badly goes on badly.
    """
    legs = ((Leg.SERVER, server), (Leg.UPLINK, uplink), (Leg.DOWNLINK, downlink))
    leg, worst = max(legs, key=lambda one: one[1].level)
    return leg if worst.level > Level.GOOD else None
