"""A viewer, as streams see it: the seam between fan-out and the protocols that carry it out.

Only the shape lives here. Pure.
"""

from __future__ import annotations

from typing import Protocol

from adapters.media.units import Medium, PlayMode, Wire
from gateway.errors import GatewayError


class Viewer(Protocol):
    """A connection that takes a stream, seen from the stream.

    `send` and `backlog` are fetched once, when the viewer is attached, and called many times a second.
    """

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
        """Hand bytes to the socket. Never blocks, never raises, never calls back into the stream."""

    def backlog(self) -> int:
        """Bytes handed over that the kernel has not taken yet."""

    def ended(self, error: GatewayError | None) -> None:
        """The stream is over (`None`), or the viewer was dropped. Called once; nothing follows."""
