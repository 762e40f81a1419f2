"""The room store in MongoDB.

A batch is one transaction, and each begins with a write to the document of this process: so no two can come into force at
once, an attempt that was believed lost cannot do so after a later one, and a process that was superseded is stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pymongo
from bson.errors import BSONError
from pymongo import ReturnDocument
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, PyMongoError

from adapters.mongo.operations import Life, Operation, Operations, claim_id, claimed
from adapters.mongo.schema import Client, Collection, Database, Document, Session, name_of, record
from gateway.rooms.store import (
    Change,
    Claim,
    EventRecord,
    GrantRecord,
    RoomRecord,
    SessionRecord,
    StaleEpochError,
    StoredRoom,
    StoreUnavailableError,
    SupersededError,
    Taken,
    UnstorableError,
)

_log = logging.getLogger("gateway.mongo")

_DUPLICATE_KEY = 11000
_UNSTORABLE = frozenset((2, 52, 56, 57, 10334, 17419, 17420))
"""MongoDB's codes for documents that it will never take: bad values, bad names, too large."""
_CONFLICTS = 3
"""Attempts at a transaction that met another write."""
_CHUNK = 1000
"""Documents deleted at once."""
_REST = 1.0
"""Seconds for which claims are not tried after one that the store did not answer, so that they do not pile up."""


class MongoRoomStore:
    """The store of one process. `process` is its name, and stays its name over restarts; `clock` counts seconds."""

    def __init__(
        self, client: Client, database: str, clock: Callable[[], float], *, process: str = "gateway",
        events_ttl: float, claim_timeout: float,
    ) -> None:  # fmt: skip
        self._database = Database(client, database)
        self._clock = clock
        self._process = process
        self._events_ttl = events_ttl
        self._claim_timeout = claim_timeout
        self._resting_until = 0.0
        self._run = 0
        self._session: Session | None = None
        self.healthy = True
        """Whether the last call was answered."""

    async def open(self) -> None:
        with self._asking():
            await self._database.prepare()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.end_session()
            self._session = None
        await self._database.close()

    async def take_over(self, now: float) -> Taken:
        with self._asking():
            await self._supersede(now)
            mine = {"process": self._process}
            rooms = self._database.rooms
            await rooms.update_many(mine | {"open": True}, {"$inc": {"epoch": 1}})
            taken = _assembled(
                await rooms.find(mine | {"open": True}).to_list(None),
                await self._database.sessions.find(mine).to_list(None),
                await self._database.grants.find(mine).to_list(None),
            )
            await self._sweep(taken)
            highest = await rooms.find_one({}, sort=[("epoch", pymongo.DESCENDING)])
        return Taken(taken, highest["epoch"] + 1 if highest else 1)

    async def write(self, batch: Sequence[Change]) -> Sequence[Claim]:
        operations = Operations(batch, self._process, self._events_ttl)
        with self._asking():
            for attempt in range(1, _CONFLICTS + 1):
                try:
                    await self._transact(operations)
                    break
                except OperationFailure as error:
                    if attempt == _CONFLICTS or not error.has_error_label("TransientTransactionError"):
                        raise
            return await self._foreign(operations.asserted)

    async def claim(self, claim: Claim, instead_of: str | None = None) -> Claim:
        if self._clock() < self._resting_until:
            raise StoreUnavailableError("the store did not answer a moment ago")
        claims, key = self._database.claims, claim_id(claim)
        mine = claimed(claim, self._process)
        # The driver's calls occupy a thread each until they end: the caller's own timeout alone would not free it.
        with self._asking(), pymongo.timeout(self._claim_timeout):
            if instead_of is not None:
                changed = await claims.update_one(key | {"owner": instead_of}, {"$set": mine})
                if changed.matched_count:
                    return replace(claim, process=self._process)
            stands = await self._claimed_or_found(claims, key, mine)
        return replace(claim, owner=stands["owner"], at=stands["at"], process=stands["process"])

    async def events(self, app: str, room_id: str, after: tuple[int, int] = (0, 0), limit: int = 1000) -> Sequence[EventRecord]:
        epoch, seq = after
        later = {"$or": [{"epoch": epoch, "seq": {"$gt": seq}}, {"epoch": {"$gt": epoch}}]}
        order = [("epoch", pymongo.ASCENDING), ("seq", pymongo.ASCENDING)]
        with self._asking():
            found = self._database.events.find({"app": app, "room_id": room_id} | later).sort(order).limit(limit)
            return [record(document, EventRecord) for document in await found.to_list(None)]

    async def _supersede(self, now: float) -> None:
        """Stops whoever wrote under this name before. What it had half done would stand in the way for a minute."""
        processes, me = self._database.processes, {"_id": self._process}
        session_id = name_of(await self._writing())
        before = await processes.find_one(me)
        if before and before["session"] != session_id:
            try:
                await self._database.kill_session(before["session"])
            except OperationFailure as error:
                _log.warning("the earlier process's session stays until it expires code=%s", error.code)
        renewed = {"$inc": {"run": 1}, "$set": {"session": session_id, "taken_over_at": now}}
        after = await processes.find_one_and_update(me, renewed, upsert=True, return_document=ReturnDocument.AFTER)
        self._run = after["run"]

    async def _sweep(self, taken: Sequence[StoredRoom]) -> None:
        """Deletes what belongs to nothing that is there."""
        sessions = {session.id for one in taken for session in one.sessions}
        grants = {grant.id for one in taken for grant in one.grants}
        mine = {"process": self._process}
        for collection, wanted, by in (
            (self._database.sessions, sessions, "_id"),
            (self._database.grants, grants, "_id"),
            (self._database.claims, sessions | grants, "owner"),
        ):
            found = await collection.find(mine, {by: 1}).to_list(None)
            doomed = [document["_id"] for document in found if document[by] not in wanted]
            for at in range(0, len(doomed), _CHUNK):
                await collection.delete_many({"_id": {"$in": doomed[at : at + _CHUNK]}})

    async def _writing(self) -> Session:
        """The one session of all batches: a new transaction in it ends the one before, wherever that got stuck."""
        if self._session is None:
            self._session = await self._database.start_session()
        return self._session

    async def _transact(self, operations: Operations) -> None:
        session = await self._writing()
        await self._database.begin(session)
        try:
            await self._carry_out(operations, session)
        except Exception:
            await session.abort_transaction()
            raise
        await session.commit_transaction()

    async def _carry_out(self, operations: Operations, session: Session) -> None:
        database = self._database
        me = {"_id": self._process, "run": self._run}
        fence = await database.processes.update_one(me, {"$inc": {"batches": 1}}, session=session)
        if not fence.matched_count:
            raise SupersededError(self._process)
        try:
            await _bulk(database.rooms, operations.rooms, session)
        except BulkWriteError as error:
            raise _stale(error, operations.lives) or error from None
        await _bulk(database.sessions, operations.sessions, session)
        await _bulk(database.grants, operations.grants, session)
        await _bulk(database.events, operations.events, session)
        await _bulk(database.claims, operations.claims, session)

    async def _foreign(self, asserted: Sequence[Claim]) -> list[Claim]:
        """Those that another owner has. After a restart there is one for each session: they are looked up together."""
        if not asserted:
            return []
        ids = [claim_id(claim)["_id"] for claim in asserted]
        found = await self._database.claims.find({"_id": {"$in": ids}}).to_list(None)
        owners = {(one["_id"]["kind"], one["_id"]["app"], one["_id"]["id"]): one["owner"] for one in found}
        return [claim for claim in asserted if owners.get((claim.kind, claim.app, claim.id), claim.owner) != claim.owner]

    @staticmethod
    async def _claimed_or_found(claims: Collection, key: Document, mine: Document) -> Document:
        """The document of an id, made if there is none. Two who make it at once collide; the second then finds it."""
        for last in (False, True):
            try:
                return await claims.find_one_and_update(
                    key, {"$setOnInsert": mine}, upsert=True, return_document=ReturnDocument.AFTER
                )
            except DuplicateKeyError:
                if last:
                    raise
        raise AssertionError

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Translates the driver's errors, and keeps the books about whether the store answers."""
        try:
            yield
        except (BSONError, OverflowError, UnicodeError) as error:
            raise UnstorableError(f"{type(error).__name__}: {error}") from error
        except PyMongoError as error:
            code, text = _told(error)
            if code in _UNSTORABLE:
                raise UnstorableError(text) from error
            self.healthy = False
            self._resting_until = self._clock() + _REST
            raise StoreUnavailableError(f"{type(error).__name__}: {text}") from error
        self.healthy = True
        self._resting_until = 0.0


def _told(error: PyMongoError) -> tuple[int | None, str]:
    """The server's number and words. What was written is left out: it holds session ids, which are secret."""
    if isinstance(error, BulkWriteError):
        failures = error.details.get("writeErrors") or error.details.get("writeConcernErrors") or [{}]
        return failures[0].get("code"), str(failures[0].get("errmsg", ""))
    return (error.code if isinstance(error, OperationFailure) else None), str(error)


async def _bulk(collection: Collection, operations: Sequence[Operation], session: Session) -> None:
    if operations:
        await collection.bulk_write(operations, ordered=True, session=session)


def _stale(error: BulkWriteError, lives: Sequence[Life]) -> StaleEpochError | None:
    """The room whose document has a newer epoch, if that is what went wrong."""
    for failure in error.details["writeErrors"]:
        if failure["code"] == _DUPLICATE_KEY:
            return StaleEpochError(*lives[failure["index"]])
    return None


def _assembled(
    rooms: Sequence[Document], sessions: Sequence[Document], grants: Sequence[Document]
) -> tuple[StoredRoom, ...]:
    """Rooms with what is in them. What belongs to no open room is left out."""
    found: dict[tuple[Any, Any], tuple[RoomRecord, list[SessionRecord], list[GrantRecord]]] = {}
    for room in rooms:
        app, room_id = room["_id"]["app"], room["_id"]["room"]
        found[app, room_id] = record(room, RoomRecord, app=app, room_id=room_id), [], []
    for document in sessions:
        if place := found.get((document["app"], document["room_id"])):
            place[1].append(record(document, SessionRecord, epoch=place[0].epoch))
    for document in grants:
        if place := found.get((document["app"], document["room_id"])):
            place[2].append(record(document, GrantRecord, epoch=place[0].epoch))
    return tuple(StoredRoom(room, tuple(sessions), tuple(grants)) for room, sessions, grants in found.values())
