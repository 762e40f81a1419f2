"""The newest packets of one numbering: what is still to be sent, and what may be asked for again.

Packets are numbered with integers that never wrap; a packet's sequence number is its number modulo 2**16. Everyone who
gets the same packets reads them from one history, each at a position of its own. Pure: time comes in as `now`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

RUN = 24
"""Packets that one viewer gets back to back before others have their turn."""

SETTLED_SECONDS = 0.5
"""Younger packets are kept beyond `most`: a picture of any size has to reach everyone."""
MOST = 8192
"""Packets kept in any case at most."""
_SLACK = 128
"""Packets that may be too many before they are taken away, all at once: that is cheaper."""


class Run(NamedTuple):
    """Consecutive packets that are sent back to back."""

    packets: list[bytes]
    size: int
    """Their bytes."""


class History:
    """Packets by number: `first` is the oldest that is kept, `end` the next to come.

    Kept are `most` packets that are not older than `seconds`, roughly.
    """

    __slots__ = ("_first", "_most", "_packets", "_run", "_run_span", "_seconds", "_size", "_written", "end")

    def __init__(self, first: int, most: int, seconds: float, packets: Iterable[bytes] = ()) -> None:
        self._first = first
        self._most = most
        self._seconds = seconds
        self._packets = list(packets)
        self._size = sum(map(len, self._packets))
        self._written: deque[tuple[float, int, int]] = deque()
        """For each writing: when, `end` after it, its bytes."""
        self.end = first + len(self._packets)
        self._run = Run([], 0)
        self._run_span = (first, first)

    @property
    def first(self) -> int:
        """The oldest number that is kept."""
        return self._first

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return self._size

    def append(self, packets: list[bytes], now: float) -> None:
        """Keep more packets, and forget what is too old or too much."""
        size = sum(map(len, packets))
        self._packets += packets
        self.end += len(packets)
        self._size += size
        self._written.append((now, self.end, size))
        self._forget(now)

    def get(self, number: int) -> bytes | None:
        """One packet, if it is (still) here."""
        index = number - self._first
        return self._packets[index] if 0 <= index < len(self._packets) else None

    def run(self, position: int) -> Run | None:
        """The next packets from `position` on, at most `RUN`; `None` if they are forgotten. Who stands there shares it."""
        span = (position, self.end)
        if span != self._run_span:
            index = position - self._first
            if index < 0:
                return None
            packets = self._packets[index : index + RUN]
            self._run = Run(packets, sum(map(len, packets)))
            self._run_span = span
        return self._run

    def byte_rate(self, now: float) -> float:
        """Bytes per second, lately."""
        return self._size / max(now - self._written[0][0], SETTLED_SECONDS) if self._written else 0.0

    def _forget(self, now: float) -> None:
        written = self._written
        too_old, settled, enough = now - self._seconds, now - SETTLED_SECONDS, self.end - self._most
        first = self._first
        while len(written) > 1:
            at, end, size = written[0]
            if at > too_old and not (end <= enough and at <= settled) and self.end - first <= MOST:
                break
            written.popleft()
            self._size -= size
            first = end
        if first - self._first > _SLACK or self.end - self._first > MOST:
            del self._packets[: first - self._first]
            self._first = first
