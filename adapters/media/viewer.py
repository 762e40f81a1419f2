"""A viewer, as streams see it: the seam between fan-out and the protocols that carry it out. Pure.

A stream knows two kinds of things here. A `Viewer` wants certain media in certain codecs; its `Manner` says how viewers
of its family are fed, by making the `Audience` in which they sit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from adapters.media.recall import Recall
from adapters.media.turns import CallLater, Turns
from adapters.media.units import AudioUnit, Codec, Header, Medium, PlayMode, VideoUnit, Wire
from gateway.config import MediaSettings
from gateway.errors import GatewayError
from gateway.quality.buckets import Buckets
from gateway.quality.readings import PathReading

DELAYS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds that media spend in the gateway."""


@dataclass(slots=True)
class TransportStats:
    """What was done for the viewers of one transport: of one stream, or of all that share it."""

    viewers: int = 0
    """Attached now."""
    bytes_out: int = 0
    """Handed to their sockets."""
    skips: int = 0
    """Times that a viewer fell behind and was taken out until it had caught up; where that was asked for, it is not counted."""
    dropped: int = 0
    """Viewers that stayed behind for too long and were let go."""
    delay: Buckets = field(default_factory=lambda: Buckets(DELAYS))
    """Seconds from a unit's arrival until the last of those who are written to together had it handed to the kernel."""


@dataclass(slots=True)
class Feeding:
    """How one viewer has been fed since it joined, wherever it has sat. Its audience writes it."""

    behind: bool = False
    """It gets nothing for now, because it has fallen behind."""
    skips: int = 0
    """Times that it was taken out, unasked, until it had caught up."""
    first_picture_at: float | None = None
    """Loop time at which pictures were first handed over since it joined, or joined anew after a pause; `None`: none were."""

    def shown(self, now: float) -> None:
        """Pictures are handed over now."""
        if self.first_picture_at is None:
            self.first_picture_at = now


class Viewer(Protocol):
    """A connection that takes a stream, seen from the stream."""

    @property
    def transport(self) -> str:
        """`rtmp`, `flv` ...: for statistics."""

    @property
    def manner(self) -> Manner:
        """How it is fed."""

    @property
    def accepts(self) -> tuple[Codec, ...]:
        """The video codecs that it can take, the best first."""

    mode: PlayMode
    """How it joins and how its writes are batched."""

    @property
    def media(self) -> frozenset[Medium]:
        """The media it wants."""

    @media.setter
    def media(self, media: frozenset[Medium]) -> None: ...

    @property
    def feeding(self) -> Feeding:
        """What its audience notes about it."""

    def measure_path(self) -> PathReading:
        """What is known of the network between here and there."""

    def begin(self, arriving: frozenset[Medium]) -> None:
        """It was admitted and is about to be attached; these media arrive now. Called by the directory, not by the stream."""

    def ended(self, error: GatewayError | None) -> None:
        """The stream is over (`None`), or the viewer was dropped. Called once; nothing follows."""


class Audience(Protocol):
    """Viewers of one stream that are fed the same codecs in the same manner."""

    def attach(self, viewer: Any, edge: int) -> None:
        """A viewer of this manner joins. `edge` is the stream's latest time in milliseconds."""

    def update(self, viewer: Any, edge: int) -> None:
        """The viewer's mode or media changed. Video that it did not want before comes from the next keyframe on."""

    def detach(self, viewer: Any) -> None:
        """The viewer leaves. Harmless when repeated."""

    def catch_up(self, viewer: Any, rest: int) -> bool:
        """The viewer lags: it is given nothing until no more than `rest` bytes wait for it, and goes on with a keyframe.
        False if nothing is in its way that could be left out."""

    def write_header(self, unit: Header) -> None:
        """A header is new or has changed: everyone it concerns gets it before what comes next."""

    def write(self, unit: AudioUnit | VideoUnit, *, video: bool, keyframe: bool, video_comes: bool) -> None:
        """A frame for everyone who wants its medium. `video`: it is a picture; `video_comes`: the stream has video now."""

    def end(self, error: GatewayError | None) -> None:
        """The stream is over: everyone gets what still waits, and is let go."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a stream gives to an audience."""

    settings: MediaSettings
    clock: Callable[[], float]
    """Seconds, as the event loop counts them."""
    stopwatch: Callable[[], float]
    """Seconds that pass while the event loop's stand still, as they may within one iteration: for what takes little time."""
    call_later: CallLater
    turns: Turns
    """Shared by all streams of a loop: writes to viewers, counted in viewers."""
    recall: Recall
    """What joiners can be given."""
    stats: Callable[[str], TransportStats]
    """The stream's statistics of a transport."""
    want_keyframe: Callable[[], None]
    """Someone waits for a keyframe. May be called for each unit that comes: whoever makes keyframes keeps the measure."""
    drop: Callable[[Viewer, GatewayError], None]
    """Lets a viewer of this audience go: it is detached, and told why."""


class Manner(Protocol):
    """How a family of protocols feeds its viewers. Its identity is what viewers have in common."""

    @property
    def audio(self) -> Codec:
        """The audio codec that its viewers take."""

    def gather(self, place: Place) -> Audience:
        """A new, empty audience."""


class Port(Protocol):
    """A socket, as the fan-out sees it: the shortest way to the kernel."""

    @property
    def send(self) -> Callable[[bytes], int]:
        """Gives the kernel bytes and tells how many it took: none while older ones wait. Never blocks; raises OSError.

        Looked up for each write, because a socket puts another one in its place when its state changes.
        """


class LaneViewer(Viewer, Protocol):
    """A viewer that takes a stream as bytes of one wire form: those of lanes (`audience`, `fanout`)."""

    @property
    def port(self) -> Port:
        """Where its bytes go in the usual case, that nothing waits. What a port does not take goes to `send`."""

    @property
    def wire(self) -> Wire:
        """What makes its bytes of a unit; viewers with the same wire share bytes."""

    def send(self, data: bytes) -> None:
        """Hand bytes over; what the kernel does not take waits. Never blocks, never raises, never calls back into the
        stream."""

    def backlog(self) -> int:
        """Bytes handed over that the kernel has not taken yet."""

    def unacknowledged(self) -> int:
        """Bytes handed over that the peer has not acknowledged yet: those of `backlog`, and what the kernel holds. Dearer."""


class Relay:
    """The port of a viewer whose socket belongs to someone else: everything goes through its `send`."""

    __slots__ = ("_viewer",)

    def __init__(self, viewer: LaneViewer) -> None:
        self._viewer = viewer

    def send(self, data: bytes) -> int:
        """Takes all of it, or nothing while older bytes wait."""
        viewer = self._viewer
        if viewer.backlog():
            return 0
        viewer.send(data)
        return len(data)
