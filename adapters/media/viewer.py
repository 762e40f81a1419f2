"""A viewer, as streams see it: the seam between fan-out and the protocols that carry it out. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from adapters.media.units import Medium, PlayMode, Wire
from gateway.errors import GatewayError


class Port(Protocol):
    """A socket, as the fan-out sees it: the shortest way to the kernel."""

    @property
    def send(self) -> Callable[[bytes], int]:
        """Gives the kernel bytes and tells how many it took: none while older ones wait. Never blocks; raises OSError.

        Looked up for each write, because a socket puts another one in its place when its state changes.
        """


class Viewer(Protocol):
    """A connection that takes a stream, seen from the stream."""

    @property
    def port(self) -> Port:
        """Where its bytes go in the usual case, that nothing waits. What a port does not take goes to `send`."""

    @property
    def transport(self) -> str:
        """`rtmp`, `flv` ...: for statistics."""

    @property
    def wire(self) -> Wire:
        """What makes its bytes of a unit; viewers with the same wire share bytes."""

    mode: PlayMode
    """How it joins and how its writes are batched."""

    media: frozenset[Medium]
    """The media it wants."""

    def begin(self, arriving: frozenset[Medium]) -> None:
        """It was admitted and is about to be attached; these media arrive now. Called by the directory, not by the stream."""

    def send(self, data: bytes) -> None:
        """Hand bytes over; what the kernel does not take waits. Never blocks, never raises, never calls back into the
        stream."""

    def backlog(self) -> int:
        """Bytes handed over that the kernel has not taken yet."""

    def ended(self, error: GatewayError | None) -> None:
        """The stream is over (`None`), or the viewer was dropped. Called once; nothing follows."""


class Relay:
    """The port of a viewer whose socket belongs to someone else: everything goes through its `send`."""

    __slots__ = ("_viewer",)

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer

    def send(self, data: bytes) -> int:
        """Takes all of it, or nothing while older bytes wait."""
        viewer = self._viewer
        if viewer.backlog():
            return 0
        viewer.send(data)
        return len(data)
