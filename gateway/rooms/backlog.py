"""Changes that wait for the store: which go first, and which give way when there are too many. Pure: `now` comes in."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import msgspec

from gateway.rooms.store import Change, EventRecord, key_of

BATCH_CHANGES = 1000
_BATCH_BYTES = 2 * 1024 * 1024
"""What a batch may hold. The first change is taken whatever its size."""
_ENTRY_BYTES = 64
"""What a waiting change costs beside its content, about."""
_TRIMMED_TO = 0.9
"""A backlog that overflows is brought down to this part of its bound, so that trimming is rare."""


@dataclass(frozen=True, slots=True)
class _Entry:
    change: Change
    size: int
    at: float
    """The clock's time at which it was appended."""
    goes_on: bool
    """The next one is stored together with it."""


class Backlog:
    """Changes on their way to the store, oldest first, bounded in bytes.

    When it overflows, first only the newest change of each record is kept, in the place of the oldest; the store does not
    miss the ones between. Then the oldest events are given up, and counted. Rooms, sessions, grants and claims never are.
    The batch that is under way is not touched.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = self._trim_at = limit_bytes
        self._waiting: deque[_Entry] = deque()
        self._under_way: list[_Entry] = []
        self.size = 0
        """Bytes, with those under way."""
        self.lost = 0
        """Changes given up so far."""

    def __len__(self) -> int:
        return len(self._waiting) + len(self._under_way)

    @property
    def waiting(self) -> int:
        """Changes that are not under way."""
        return len(self._waiting)

    @property
    def oldest(self) -> float | None:
        """When the oldest change was appended."""
        entries = self._under_way or self._waiting
        return entries[0].at if entries else None

    def append(self, now: float, *changes: Change) -> None:
        """Takes in changes that are to be stored together. Raises TypeError or ValueError, and takes in none of them, if one is
        not made of JSON values."""
        sizes = [len(msgspec.json.encode(change)) + _ENTRY_BYTES for change in changes]
        last = len(changes) - 1
        for at, (change, size) in enumerate(zip(changes, sizes, strict=True)):
            self._waiting.append(_Entry(change, size, now, at < last))
        self.size += sum(sizes)
        if self.size > self._trim_at:
            self._trim()

    def take(self, *, alone: bool = False) -> Sequence[Change]:
        """The next batch, or the next change `alone`. It is under way, and stays the next one, until it is confirmed or put
        back. What is to be stored together is not parted, even if the batch gets larger than it should."""
        under_way, size = self._under_way, 0
        if under_way:
            return [entry.change for entry in under_way]
        while self._waiting:
            size += self._waiting[0].size
            full = len(under_way) >= BATCH_CHANGES or size > _BATCH_BYTES
            if under_way and (alone or (full and not under_way[-1].goes_on)):
                break
            under_way.append(self._waiting.popleft())
        return [entry.change for entry in under_way]

    def confirm(self) -> None:
        """The store has the batch."""
        self.size -= sum(entry.size for entry in self._under_way)
        self._under_way = []
        self._trim_at = max(self._limit, int(self.size / _TRIMMED_TO))

    def put_back(self) -> None:
        """The store refused the batch for good: what is in it waits again, in its place."""
        self._waiting.extendleft(reversed(self._under_way))
        self._under_way = []

    def give_up(self, doomed: Callable[[Change], bool]) -> int:
        """Forgets waiting changes, and counts them as lost."""
        return self._keep([entry for entry in self._waiting if not doomed(entry.change)], lost=True)

    def _trim(self) -> None:
        self._keep(_coalesced(self._waiting), lost=False)
        if self.size > self._limit:
            excess = self.size - int(self._limit * _TRIMMED_TO)
            kept = []
            for entry in self._waiting:
                if excess > 0 and isinstance(entry.change, EventRecord):
                    excess -= entry.size
                else:
                    kept.append(entry)
            self._keep(kept, lost=True)
        self._trim_at = max(self._limit, int(self.size / _TRIMMED_TO))

    def _keep(self, entries: list[_Entry], *, lost: bool) -> int:
        gone = len(self._waiting) - len(entries)
        self._waiting = deque(entries)
        self.size = sum(entry.size for entry in entries) + sum(entry.size for entry in self._under_way)
        self.lost += gone if lost else 0
        return gone


def _coalesced(entries: Iterable[_Entry]) -> list[_Entry]:
    """The newest change of each record, where the oldest one stood: a room stays before what is in it."""
    kept: dict[object, _Entry] = {}
    for at, entry in enumerate(entries):
        key = key_of(entry.change) or at
        first = kept.get(key)
        kept[key] = replace(entry, at=first.at) if first else entry
    return list(kept.values())
