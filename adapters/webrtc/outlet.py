"""What sending needs of the world: the way to a peer, and someone who counts. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Outlet(Protocol):
    """The way to one peer. Never blocks, never calls back."""

    @property
    def protect(self) -> Callable[[bytes], bytes]:
        """Makes SRTP of an RTP packet. Raises for one that is far older than the newest: that is this peer's affair alone."""

    @property
    def send(self) -> Callable[[list[bytes]], int]:
        """Gives the kernel encrypted datagrams, in order; tells how many it took."""

    def send_rtcp(self, packet: bytes) -> None:
        """Encrypts and sends a compound RTCP packet."""


class SendingCounters(Protocol):
    """What is counted over all viewers."""

    packets: int
    bytes: int
    """Those of RTP packets, before they are encrypted."""
    nacks: int
    """Packets that viewers asked for again."""
    rtx: int
    """Packets that were sent again."""
    plis: int
    """Keyframes that viewers asked for."""
