"""What the kernel knows of the network path of a TCP connection: how far away the peer is, what it has not acknowledged.

A viewer whose network is too slow fills megabytes of the kernel's send buffer before anything of ours waits. How far it
lags is therefore asked of the kernel. Linux tells; elsewhere, and of a socket that is closed, only what waits on our side is
known.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
import termios
from typing import Protocol

from gateway.quality.readings import STALE_AFTER, PathReading

_TCP_INFO = 11
_INFO = struct.Struct("=44xI20xI28xI52xI")
"""Of `struct tcp_info` (linux/tcp.h): tcpi_last_data_sent in ms before now, tcpi_rtt in µs, tcpi_total_retrans,
tcpi_data_segs_out."""
_LINUX = sys.platform == "linux"
_NOTHING = bytes(4)
_FADING = 0.75
"""What segments count for at each later look: loss is that of the last few looks."""
_UNKNOWN = PathReading()


class Socket(Protocol):
    """As much of a socket as is needed here."""

    def fileno(self) -> int: ...

    def getsockopt(self, level: int, name: int, size: int, /) -> bytes: ...


class TcpPath:
    """The path of one connection."""

    __slots__ = ("_again", "_again_lately", "_sent", "_sent_lately", "_sock")

    def __init__(self, sock: Socket) -> None:
        self._sock = sock
        self._sent = self._again = 0
        self._sent_lately = self._again_lately = 0.0

    def queued(self) -> int:
        """Bytes that the kernel holds because the peer has not acknowledged them (SIOCOUTQ), sent ones included."""
        if not _LINUX:
            return 0
        try:
            held = fcntl.ioctl(self._sock.fileno(), termios.TIOCOUTQ, _NOTHING)
        except (OSError, ValueError):  # no TCP, or closed
            return 0
        return int.from_bytes(held, sys.byteorder)

    def to_viewer(self, waiting: int) -> PathReading:
        """How far it is to the peer, and what gets lost on the way, if anything was sent since this was last asked: there is
        one who asks. `waiting`: bytes that the kernel has not taken."""
        info = self._info()
        if info is None:
            return PathReading(queued=waiting + self.queued())
        _, round_trip, again, sent = info
        if not self._count(again, sent):
            return PathReading(queued=waiting + self.queued(), repeats=again)
        loss = min(1.0, self._again_lately / self._sent_lately)
        return PathReading(round_trip / 1e6 or None, loss, None, waiting + self.queued(), again)

    def from_publisher(self) -> PathReading:
        """How far it is to a peer that sends. What it loses it sends again unseen.

        The round trip is that of our own few segments, as long as the last one is not long ago: what the kernel derives from
        the peer's (tcpi_rcv_rtt) counts the peer's pauses too.
        """
        info = self._info()
        if info is None or info[0] > STALE_AFTER * 1000:
            return _UNKNOWN
        return PathReading(round_trip=info[1] / 1e6 or None)

    def _info(self) -> tuple[int, int, int, int] | None:
        if not _LINUX:
            return None
        try:
            info = self._sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _INFO.size)
        except OSError:
            return None
        return _INFO.unpack(info) if len(info) == _INFO.size else None

    def _count(self, again: int, sent: int) -> int:
        """How many segments were sent since the last look. Older ones count less with each. The kernel's counts wrap at 32
        bits."""
        sent_now = (sent - self._sent) & 0xFFFF_FFFF
        again_now = (again - self._again) & 0xFFFF_FFFF
        self._sent, self._again = sent, again
        self._sent_lately = self._sent_lately * _FADING + sent_now
        self._again_lately = self._again_lately * _FADING + again_now
        return sent_now
