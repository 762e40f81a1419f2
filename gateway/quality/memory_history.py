"""History in the process's own memory: the newest entries of each room, and of all rooms what fits.

Without a store this is all there is. A room's entries are in a ring of its own, so a busy room cannot push a quiet one
out; when all of them together are too large, the room in which nothing has happened for longest gives way first.
"""

from __future__ import annotations

import logging
from bisect import bisect_left, bisect_right
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from sys import getsizeof
from typing import NamedTuple, TypeAlias

import msgspec

from gateway.config import QualitySettings
from gateway.quality.entrance import Entrance
from gateway.quality.history import ENTRY_BYTES, Entry, Kind, Numbered, Numbering, first_number

_log = logging.getLogger("gateway.quality")

_Place: TypeAlias = tuple[str, str, str]
"""What has a ring of its own: app and roomID, and, of a stream in no room, its streamID."""
_ENTRY = 450
"""Bytes that an entry takes beside its texts and its data: the objects, its places in the ring and in the index."""
_RING = 2_000
"""Bytes that a room takes before it has an entry."""


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


class MemoryHistory:
    """The newest entries, by room and by stream. `clock`: seconds, monotonic."""

    def __init__(self, settings: QualitySettings, clock: Callable[[], float]) -> None:
        self._entries = settings.history_entries
        self._limit = settings.history_bytes
        self._entrance = Entrance(settings.history_rate, self._kept, clock)
        self._numbering = Numbering()
        self._rings: OrderedDict[_Place, deque[_Kept]] = OrderedDict()
        """Those in which something happened last are last."""
        self._streams: dict[tuple[str, str], dict[str, _Kept]] = {}
        """The same entries by app and streamID, in order; by their numbers, because they may go in any order."""
        self.size = 0
        """Bytes of memory that is used, about."""

    @property
    def lost(self) -> int:
        """Entries left out so far."""
        return self._entrance.lost

    def record(self, entry: Entry) -> None:
        """Takes an entry, and lets go of older ones if it has to. Never raises."""
        kept = self._entrance.take(entry)
        if kept is None:
            return
        self._add(kept)
        while self.size > self._limit:
            self._drop(next(iter(self._rings)))

    async def timeline(
        self, app: str, *, room_id: str = "", stream_id: str = "", since: float = 0.0, after: str = "", limit: int = 100
    ) -> Sequence[Numbered]:
        """A room's or a stream's entries, as `History` has it."""
        if stream_id:
            found = self._streams.get((app, stream_id), {})
            later: Iterable[_Kept] = (kept for number, kept in found.items() if number > after)
        else:
            ring = self._rings.get((app, room_id, ""), deque()) if room_id else deque()
            start = max(bisect_right(ring, after, key=_number), bisect_left(ring, first_number(since), key=_number))
            later = islice(ring, start, None)
        wanted = (kept for kept in later if kept.at >= since and room_id in ("", kept.place[1]))
        return [kept.told() for kept in islice(wanted, limit)]

    def _kept(self, entry: Entry) -> _Kept:
        data = msgspec.json.encode(entry.data)
        if len(data) > ENTRY_BYTES:
            raise ValueError(f"{len(data)} bytes of data are too much for an entry")
        number = self._numbering.next(entry.at)
        place = (entry.app, entry.room_id, "" if entry.room_id else entry.stream_id)
        size = _ENTRY + getsizeof(data) + getsizeof(entry.user_id) + getsizeof(entry.stream_id)
        return _Kept(number, place, entry.at, entry.kind, entry.user_id, entry.stream_id, data, size)

    def _add(self, kept: _Kept) -> None:
        ring = self._rings.get(kept.place)
        if ring is None:
            ring = self._rings[kept.place] = deque()
            self.size += _RING
        self._rings.move_to_end(kept.place)
        if len(ring) >= self._entries:
            self._forget(ring.popleft())
        ring.append(kept)
        self.size += kept.size
        if kept.stream_id:
            self._streams.setdefault((kept.place[0], kept.stream_id), {})[kept.number] = kept

    def _drop(self, place: _Place) -> None:
        """Lets a ring's oldest entry go, and the ring with its last one."""
        ring = self._rings[place]
        self._forget(ring.popleft())
        if not ring:
            del self._rings[place]
            self.size -= _RING

    def _forget(self, kept: _Kept) -> None:
        self.size -= kept.size
        if kept.stream_id:
            of_stream = self._streams[kept.place[0], kept.stream_id]
            del of_stream[kept.number]
            if not of_stream:
                del self._streams[kept.place[0], kept.stream_id]


def _number(kept: _Kept) -> str:
    return kept.number
