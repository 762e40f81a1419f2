"""What clients say of their media, brought onto one scale. Pure.

A mini-program's components speak in `bindstatechange`, `bindnetstatus` and `binderror`, browsers and apps in `stats`. The
shape is taken as it comes - numbers as texts, members missing or unknown -, sizes and ranges are not: what cannot be is
left out, and it is counted why.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

Direction: TypeAlias = Literal["push", "pull"]
Event: TypeAlias = Literal["bindstatechange", "bindnetstatus", "binderror", "stats"]


class Dropped(StrEnum):
    """Why a report, or a member of one, was left out."""

    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    UNKNOWN_EVENT = "unknown_event"
    """In a batch: its direction or its event is none that there is."""
    TOO_LARGE = "too_large"
    NO_CODE = "no_code"
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_RANGE = "out_of_range"


@dataclass(frozen=True, slots=True)
class CodeReport:
    """A component's state changed, or it failed (`error`)."""

    direction: Direction
    code: int
    message: str = ""
    """At most 256 characters, without control characters."""
    error: bool = False


@dataclass(frozen=True, slots=True)
class MediaReport:
    """How a client's media do, in numbers. `None`: it did not say."""

    direction: Direction
    audio_bitrate: float | None = None
    """bit/s."""
    video_bitrate: float | None = None
    fps: float | None = None
    gop: float | None = None
    """Seconds."""
    speed: float | None = None
    """What goes over the network, in bit/s (`netSpeed`)."""
    width: int | None = None
    height: int | None = None
    level: int | None = None
    """`netQualityLevel`: 1 best, 2 good, 3 normal, 4 bad, 5 very bad, 6 unusable; 0 (undefined) becomes `None`."""
    round_trip: float | None = None
    """Seconds."""
    loss: float | None = None
    """Part of the packets, 0 to 1, since the report before."""
    jitter: float | None = None
    """Seconds."""
    buffer: float | None = None
    """Pulling: seconds of media that wait to be played."""
    backlog: float | None = None
    """Pushing: seconds of media that wait to be sent: frames queued, by the pace at which they come."""
    skew: float | None = None
    """Pulling: by how many seconds video and audio are apart when played."""
    freezes: float | None = None
    """Pulling: the part of the time since the report before in which the picture stood still."""
    dropped: float | None = None
    """Pulling: the part of the pictures that could not be shown."""
    hardware: bool | None = None
    """The encoder or decoder is in hardware."""


Report: TypeAlias = CodeReport | MediaReport


@dataclass(frozen=True, slots=True)
class Parsed:
    """A report, and what of it had to be left out."""

    report: Report | None
    dropped: tuple[Dropped, ...] = ()


def parse_report(direction: Direction, event: Event, data: bytes) -> Parsed:
    """Reads one report's `data` (JSON). Raises nothing: what cannot be read is dropped."""
    raise NotImplementedError
