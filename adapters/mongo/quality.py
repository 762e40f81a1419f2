"""The history of calls in MongoDB: gathered for a moment, written in batches, expired by the database.

It may have gaps, unlike rooms and their events: nobody waits for it, and while the store is away only so much of it waits to
be written; the oldest gives way.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any, NamedTuple

import bson
import msgspec
import pymongo
from bson.raw_bson import RawBSONDocument
from pymongo.errors import BulkWriteError, PyMongoError

from adapters.mongo.schema import Client, Database, Document, date
from gateway.config import MIB, SECONDS, QualitySettings
from gateway.quality.entrance import Entrance
from gateway.quality.history import ENTRY_BYTES, Entry, Kind, Numbered, Numbering, first_number
from gateway.rooms.store import StoreUnavailableError

_log = logging.getLogger("gateway.mongo")

FLUSH = 1 * SECONDS
"""How long an entry waits for others to be written with it."""
BATCH = 1000
"""Entries written at once, at most."""
PENDING_BYTES = 8 * MIB
"""Entries that wait while the store is slow or away; beyond, the oldest of them are left out."""
_OVERHEAD = 300
"""Bytes that a waiting entry takes beside its document."""
_READERS = 2
"""Questions that are put to the store at once: each occupies one of the driver's threads, of which claims need some."""
_READING = 3 * SECONDS
_WRITING = 5 * SECONDS
"""What the store gets for an answer."""
_LOOKING = 1 * SECONDS
"""What the store gets to say which number is the newest: the start waits for it."""
_REST = 1 * SECONDS
"""After a question without an answer none is put for this long."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
"""Seconds between attempts to write: doubled from one to the next."""
_DUPLICATE_KEY = 11000
_KINDS = [kind.value for kind in Kind]


class _Pending(NamedTuple):
    """An entry that the database has not confirmed yet."""

    number: str
    app: str
    room_id: str
    stream_id: str
    at: float
    document: bytes
    """BSON: what cannot be stored is found out when it is recorded, and keeps nothing else from being stored."""

    @property
    def size(self) -> int:
        return len(self.document) + _OVERHEAD


class MongoHistory:
    """What one process adds to the history, and what the database has of it.

    The room store's start makes the collection's indexes. `origin`: hexadecimal digits that no other process has, chosen
    anew at every start. `clock`: seconds, monotonic.
    """

    def __init__(
        self, client: Client, database: str, settings: QualitySettings, clock: Callable[[], float], *, origin: str
    ) -> None:  # fmt: skip
        self._database = Database(client, database)
        self._clock = clock
        self._ttl = settings.history_ttl
        self._entrance = Entrance(settings.history_rate, self._encoded, clock)
        self._numbering = Numbering(origin)
        self._pending: deque[_Pending] = deque()
        self._writing: list[_Pending] = []
        """The batch that is on its way."""
        self._some = asyncio.Event()
        self._hurry = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._readers = asyncio.Semaphore(_READERS)
        self._resting_until = 0.0
        self._task: asyncio.Task[None] | None = None
        self._failing = False
        self._given_up = 0
        """Entries that were taken, and that the database will never have."""
        self.written = 0
        """Entries that the database has confirmed."""
        self.pending_bytes = 0
        """What waits to be written, the batch on its way included."""

    @property
    def lost(self) -> int:
        """Entries left out so far."""
        return self._entrance.lost + self._given_up

    @property
    def pending(self) -> int:
        """Entries that the database has not confirmed yet."""
        return len(self._pending) + len(self._writing)

    def record(self, entry: Entry) -> None:
        """Takes an entry; the database has it soon after. Never raises."""
        pending = self._entrance.take(entry)
        if pending is None:
            return
        self._pending.append(pending)
        self.pending_bytes += pending.size
        self._make_room()
        self._some.set()
        self._idle.clear()

    async def timeline(
        self, app: str, *, room_id: str = "", stream_id: str = "", since: float = 0.0, after: str = "", limit: int = 100
    ) -> Sequence[Numbered]:
        """A room's or a stream's entries, as `History` has it: those in the database, and those on their way to it."""
        if not (room_id or stream_id):
            return []
        place = {"room_id": room_id, "stream_id": stream_id}
        wanted = {"app": app} | {name: id for name, id in place.items() if id}
        later = {"_id": {"$gt": after, "$gte": first_number(since)}, "at": {"$gte": since}, "kind": {"$in": _KINDS}}
        async with self._readers:
            # Looked at before the question is put: what is written meanwhile is in both then, not in neither.
            waiting = list(islice(self._waiting(wanted, since, after), limit))
            with self._asking(), pymongo.timeout(_READING):
                cursor = self._database.history.find(wanted | later).sort("_id", pymongo.ASCENDING).limit(limit)
                stored = await cursor.to_list(None)
        found = {document["_id"]: document for document in stored}
        found |= {one.number: bson.decode(one.document) for one in waiting if one.number not in found}
        return [_numbered(found[number]) for number in sorted(found)[:limit]]

    async def begin(self) -> None:
        """Begins to write, with numbers beyond those in the database: who asked an earlier process asks for what comes after one
        of them, and this process's clock may be behind. Never raises; a store that is away is not waited for. Entries may be
        recorded before, with numbers as the clock has it."""
        try:
            with pymongo.timeout(_LOOKING):
                newest = await self._database.history.find({}, {"_id": 1}).sort("_id", pymongo.DESCENDING).limit(1).to_list(None)
            for document in newest:
                self._numbering.go_on_after(str(document["_id"]))
        except (PyMongoError, ValueError) as error:
            _log.warning("history does not know the newest number error=%s", type(error).__name__)
        self._task = asyncio.create_task(self._run(), name="history")

    async def end(self, deadline: float) -> None:
        """Writes what is pending, for `deadline` seconds at most, and closes the connections."""
        self._hurry.set()
        try:
            async with asyncio.timeout(deadline if self._task else 0):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("history was not stored entries=%d", self.pending)
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._database.close()

    # -----------------------------------------------------------------------------------------------------------------

    def _encoded(self, entry: Entry) -> _Pending:
        data = msgspec.to_builtins(entry.data)
        number = self._numbering.next(entry.at)
        document = bson.encode({
            "_id": number, "app": entry.app, "room_id": entry.room_id, "stream_id": entry.stream_id, "user_id": entry.user_id,
            "at": entry.at, "kind": entry.kind.value, "data": data, "expires_at": date(entry.at + self._ttl),
        })  # fmt: skip
        if len(document) > ENTRY_BYTES:
            raise ValueError(f"{len(document)} bytes are too much for an entry")
        return _Pending(number, entry.app, entry.room_id, entry.stream_id, entry.at, document)

    def _make_room(self) -> None:
        while self.pending_bytes > PENDING_BYTES and self._pending:
            self.pending_bytes -= self._pending.popleft().size
            self._given_up += 1

    def _waiting(self, wanted: Document, since: float, after: str) -> Iterator[_Pending]:
        """Entries on their way that are asked for."""
        for one in chain(self._writing, self._pending):
            if one.number > after and one.at >= since and all(getattr(one, name) == id for name, id in wanted.items()):
                yield one

    async def _run(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            if not self._pending:
                self._some.clear()
                self._idle.set()
            await self._some.wait()
            await self._gather()
            for _ in range(-(-len(self._pending) // BATCH)):  # what came until now: what comes meanwhile is gathered, too
                if await self._write():
                    pause = _FIRST_PAUSE
                else:
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
                    break

    async def _gather(self) -> None:
        try:
            async with asyncio.timeout(FLUSH):
                await self._hurry.wait()
        except TimeoutError:
            pass

    async def _write(self) -> bool:
        """Writes one batch. Whether the store took it; what it did not take waits again."""
        self._writing = [self._pending.popleft() for _ in range(min(BATCH, len(self._pending)))]
        try:
            refused = await self._insert([RawBSONDocument(one.document) for one in self._writing])
        except Exception as error:  # whatever ails the store, the calls go on
            if not self._failing:
                _log.warning("store does not take the history error=%s", type(error).__name__)
            self._failing = True
            self._pending.extendleft(reversed(self._writing))
            self._writing = []
            self._make_room()
            return False
        self._failing = False
        self.pending_bytes -= sum(one.size for one in self._writing)
        self.written += len(self._writing) - refused
        self._given_up += refused
        self._writing = []
        return True

    async def _insert(self, documents: Sequence[RawBSONDocument]) -> int:
        """How many of them the store will never take. Those that it has already are from an attempt whose answer was lost."""
        try:
            with pymongo.timeout(_WRITING):
                await self._database.history.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            if error.details.get("writeConcernErrors"):
                raise
            failures = [one for one in error.details.get("writeErrors", ()) if one["code"] != _DUPLICATE_KEY]
            if failures:
                _log.warning("store refuses entries of the history count=%d code=%s", len(failures), failures[0]["code"])
            return len(failures)
        return 0

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Translates the driver's errors, and spares a store that does not answer."""
        if self._clock() < self._resting_until:
            raise StoreUnavailableError("the store did not answer a moment ago")
        try:
            yield
        except PyMongoError as error:
            self._resting_until = self._clock() + _REST
            raise StoreUnavailableError(f"the history cannot be read: {type(error).__name__}") from error


def _numbered(document: Document) -> Numbered:
    one: dict[str, Any] = document
    kind = Kind(one["kind"])
    entry = Entry(one["app"], one["room_id"], one["at"], kind, one["user_id"], one["stream_id"], one["data"])
    return Numbered(one["_id"], entry)
