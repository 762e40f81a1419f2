"""How the store's state lies in MongoDB: the driver and its options, the collections with their indexes, the documents.

The one module that imports motor. What the store does with a client is the same in PyMongo's own asynchronous client, but for
three calls that are a coroutine in one of the two and a plain function in the other: `Database` tells them apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from inspect import isawaitable, iscoroutinefunction
from typing import Any, TypeAlias, TypeVar

import msgspec
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorClientSession, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import ASCENDING, DESCENDING
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from gateway.rooms.store import EventRecord, Record, SchemaError

Document: TypeAlias = dict[str, Any]
Client: TypeAlias = AsyncIOMotorClient[Document]
Session: TypeAlias = AsyncIOMotorClientSession
Collection: TypeAlias = AsyncIOMotorCollection[Document]

_Kept = TypeVar("_Kept", bound=Record | EventRecord)

VERSION = 1
"""Of the schema. A newer one in the database is refused; an older one would be brought forward in `prepare`."""

DURABLE = WriteConcern("majority", j=True)
"""A write that was acknowledged survives the loss of any one member, and of the power."""
SETTLED = ReadConcern("majority")
"""What is read cannot be rolled back."""

OPTIONS: Mapping[str, Any] = {
    "appname": "gateway",
    "retryWrites": True,
    "connectTimeoutMS": 2_000,
    "serverSelectionTimeoutMS": 2_000,
    "socketTimeoutMS": 10_000,
}
"""Of the client. The timeouts end an attempt, nothing else may: the journal makes the next one."""

_INDEXES: tuple[tuple[str, list[tuple[str, int]], Mapping[str, Any]], ...] = (
    ("rooms", [("process", ASCENDING), ("open", ASCENDING)], {}),
    ("rooms", [("epoch", DESCENDING)], {}),
    ("rooms", [("expires_at", ASCENDING)], {"expireAfterSeconds": 0}),
    ("sessions", [("process", ASCENDING)], {}),
    ("sessions", [("app", ASCENDING), ("room_id", ASCENDING)], {}),
    ("grants", [("process", ASCENDING)], {}),
    ("grants", [("app", ASCENDING), ("room_id", ASCENDING)], {}),
    ("claims", [("process", ASCENDING)], {}),
    (
        "events",
        [("app", ASCENDING), ("room_id", ASCENDING), ("epoch", ASCENDING), ("seq", ASCENDING)],
        {"unique": True},
    ),
    ("events", [("expires_at", ASCENDING)], {"expireAfterSeconds": 0}),
    ("history", [("app", ASCENDING), ("room_id", ASCENDING), ("_id", ASCENDING)], {}),
    ("history", [("app", ASCENDING), ("stream_id", ASCENDING), ("_id", ASCENDING)], {}),
    ("history", [("expires_at", ASCENDING)], {"expireAfterSeconds": 0}),
)


def connect(url: str) -> Client:
    """A client for a connection string. It connects when it is first used."""
    return AsyncIOMotorClient(url, **OPTIONS)


class Database:
    """The collections, read and written with what durability needs."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._database: AsyncIOMotorDatabase[Document] = client.get_database(
            name, write_concern=DURABLE, read_concern=SETTLED
        )
        self.meta = self._database["meta"]
        self.processes = self._database["processes"]
        self.rooms = self._database["rooms"]
        self.sessions = self._database["sessions"]
        self.grants = self._database["grants"]
        self.claims = self._database["claims"]
        self.events = self._database["events"]
        self.history = self._database["history"]

    async def start_session(self) -> Session:
        """A session of the server's: its transactions follow each other."""
        session: Session = await _settled(self._client.start_session())
        return session

    async def begin(self, session: Session) -> None:
        """Starts a transaction; the session's earlier one ends with it on the server, wherever it got stuck."""
        await _settled(session.start_transaction(read_concern=SETTLED, write_concern=DURABLE))

    async def kill_session(self, session_id: Mapping[str, Any]) -> None:
        """Ends another's session with whatever it has under way."""
        await self._client["admin"].command("killSessions", [session_id])

    async def close(self) -> None:
        """Ends all sessions and connections. motor would have the event loop wait for the server's farewell."""
        close: Callable[[], Any] = self._client.close
        await (close() if iscoroutinefunction(close) else asyncio.to_thread(close))

    async def prepare(self) -> None:
        """Makes indexes, checks server and schema. Harmless when all of it is there. Raises SchemaError."""
        hello = await self._database.command("hello")
        if "setName" not in hello and hello.get("msg") != "isdbgrid":
            raise SchemaError("MongoDB has to run as a replica set (of one member at least): batches are transactions")
        await self.meta.update_one({"_id": "schema"}, {"$setOnInsert": {"version": VERSION}}, upsert=True)
        found = await self.meta.find_one({"_id": "schema"})
        if found is None or found["version"] > VERSION:
            raise SchemaError(f"the database has schema {found and found['version']}, this gateway knows {VERSION}")
        for collection, keys, options in _INDEXES:
            await self._database[collection].create_index(keys, **options)


def name_of(session: Session) -> Document:
    """How the server calls a session."""
    name: Any = session.session_id  # a property, whatever motor's stubs say
    return dict(name)


async def _settled(value: Any) -> Any:
    return await value if isawaitable(value) else value


def date(at: float) -> datetime:
    """A Unix time as MongoDB wants it where it has to expire something."""
    return datetime.fromtimestamp(at, UTC)


def fields(record: Record | EventRecord) -> Document:
    """A record's fields as they are stored; the id of a session or a grant is the document's."""
    document: Document = msgspec.to_builtins(record)
    if "id" in document:
        document = {"_id": document.pop("id")} | document
    return document


def record(document: Document, kind: type[_Kept], **instead: Any) -> _Kept:
    """The record that a document holds. Fields it does not have get their defaults, others are not looked at."""
    if not isinstance(document["_id"], dict):
        instead["id"] = document["_id"]
    return msgspec.convert(document | instead, kind)
