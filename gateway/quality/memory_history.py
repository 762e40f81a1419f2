"""History in the process's own memory: the newest entries of each room, and of all rooms what fits.

Without a store this is all there is. A room's entries are in rings of its own, so a busy room cannot push a quiet one out: one
of what happened, one of the numbers, which come all the time and would soon have pushed the former out. When everything
together is too large, numbers give way before what happened, and first those of the room in which nothing was recorded for
longest.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from heapq import merge
from itertools import islice
from sys import getsizeof
from typing import NamedTuple, TypeAlias

import msgspec

from gateway.config import QualitySettings
from gateway.quality.entrance import Entrance
from gateway.quality.history import ENTRY_BYTES, Entry, Kind, Numbered, Numbering, first_number

_Place: TypeAlias = tuple[str, str, str]
"""What has rings of its own: app and roomID, and, of a stream in no room, its streamID."""
_NUMBERS = frozenset((Kind.MEASURE, Kind.REPORT))
"""What comes every `quality.measure_every` of each leg, as long as a call goes on."""
_SHARE = 0.25
"""The part of the memory that is left to the numbers, however much happened."""
_ENTRY = 450
"""Bytes that an entry takes beside its texts and its data: the objects, its places in the ring and in the index."""
_RING = 2_000
"""Bytes that a ring takes before it has an entry."""


class _Kept(NamedTuple):
    """An entry as it is kept: with its data as JSON, which takes a fraction of the memory."""

    number: str
    place: _Place
    at: float
    kind: Kind
    user_id: str
    stream_id: str
    data: bytes
    size: int
    """Bytes of memory, about."""

    def told(self) -> Numbered:
        app, room_id, _ = self.place
        data = msgspec.json.decode(self.data)
        return Numbered(self.number, Entry(app, room_id, self.at, self.kind, self.user_id, self.stream_id, data))


class _Rings:
    """Entries of one sort, in a ring for each place, and once more by stream."""

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._rings: OrderedDict[_Place, deque[_Kept]] = OrderedDict()
        """Those of places in which something was recorded last are last."""
        self._streams: dict[tuple[str, str], dict[str, _Kept]] = {}
        """The same entries by app and streamID, in order; by their numbers, because they may go in any order."""
        self.size = 0
        """Bytes of memory that is used, about."""

    def add(self, kept: _Kept) -> None:
        """Takes an entry; a full ring's oldest gives way."""
        ring = self._rings.get(kept.place)
        if ring is None:
            ring = self._rings[kept.place] = deque()
            self.size += _RING
        elif len(ring) >= self._entries:
            self._forget(ring.popleft())
        ring.append(kept)
        self.size += kept.size
        if kept.stream_id:
            self._streams.setdefault((kept.place[0], kept.stream_id), {})[kept.number] = kept

    def touch(self, place: _Place) -> None:
        """Something was recorded in this place, of this sort or another."""
        if place in self._rings:
            self._rings.move_to_end(place)

    def drop(self) -> None:
        """Lets the oldest entry go of the place in which nothing was recorded for longest, and the ring with its last one."""
        place, ring = next(iter(self._rings.items()))
        self._forget(ring.popleft())
        if not ring:
            del self._rings[place]
            self.size -= _RING

    def of_room(self, app: str, room_id: str, since: float, after: str) -> Iterable[_Kept]:
        """A room's entries beyond this number, in order; of those before `since` hardly any."""
        ring = self._rings.get((app, room_id, ""), deque()) if room_id else deque()
        start = max(bisect_right(ring, after, key=_number), bisect_left(ring, first_number(since), key=_number))
        return islice(ring, start, None)

    def of_stream(self, app: str, stream_id: str, after: str) -> Iterable[_Kept]:
        """A stream's entries beyond this number, in order."""
        return (kept for number, kept in self._streams.get((app, stream_id), {}).items() if number > after)

    def _forget(self, kept: _Kept) -> None:
        self.size -= kept.size
        if kept.stream_id:
            of_stream = self._streams[kept.place[0], kept.stream_id]
            del of_stream[kept.number]
            if not of_stream:
                del self._streams[kept.place[0], kept.stream_id]


class MemoryHistory:
    """The newest entries, by room and by stream. `clock`: seconds, monotonic."""

    def __init__(self, settings: QualitySettings, clock: Callable[[], float]) -> None:
        self._limit = settings.history_bytes
        self._entrance = Entrance(settings.history_rate, self._kept, clock)
        self._numbering = Numbering()
        self._happened = _Rings(settings.history_entries)
        self._numbers = _Rings(settings.history_entries)

    @property
    def lost(self) -> int:
        """Entries left out so far."""
        return self._entrance.lost

    @property
    def size(self) -> int:
        """Bytes of memory that is used, about."""
        return self._happened.size + self._numbers.size

    def record(self, entry: Entry) -> None:
        """Takes an entry, and lets go of older ones if it has to. Never raises."""
        kept = self._entrance.take(entry)
        if kept is None:
            return
        (self._numbers if kept.kind in _NUMBERS else self._happened).add(kept)
        for rings in (self._happened, self._numbers):
            rings.touch(kept.place)
        while self.size > self._limit:
            (self._numbers if self._numbers.size > self._limit * _SHARE else self._happened).drop()

    async def timeline(
        self, app: str, *, room_id: str = "", stream_id: str = "", since: float = 0.0, after: str = "", limit: int = 100
    ) -> Sequence[Numbered]:
        """A room's or a stream's entries, as `History` has it."""
        both = (self._happened, self._numbers)
        if stream_id:
            later = [rings.of_stream(app, stream_id, after) for rings in both]
        else:
            later = [rings.of_room(app, room_id, since, after) for rings in both]
        wanted = (kept for kept in merge(*later, key=_number) if kept.at >= since and room_id in ("", kept.place[1]))
        return [kept.told() for kept in islice(wanted, limit)]

    def _kept(self, entry: Entry) -> _Kept:
        data = msgspec.json.encode(entry.data)
        if len(data) > ENTRY_BYTES:
            raise ValueError(f"{len(data)} bytes of data are too much for an entry")
        number = self._numbering.next(entry.at)
        place = (entry.app, entry.room_id, "" if entry.room_id else entry.stream_id)
        size = _ENTRY + getsizeof(data) + getsizeof(entry.user_id) + getsizeof(entry.stream_id)
        return _Kept(number, place, entry.at, entry.kind, entry.user_id, entry.stream_id, data, size)


def _number(kept: _Kept) -> str:
    return kept.number
