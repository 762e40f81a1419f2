"""What MongoDB alone has to do for the room store: indexes, expiry, schema, and what it refuses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any

import pytest
from pymongo.errors import BulkWriteError

from adapters.mongo import rooms
from adapters.mongo.rooms import MongoRoomStore, _told
from adapters.mongo.schema import VERSION
from gateway.rooms.store import (
    Claim,
    EventRecord,
    GrantRecord,
    RoomClosed,
    RoomRecord,
    SchemaError,
    SessionRecord,
    StoreUnavailableError,
    UnstorableError,
)
from tests.contract.conftest import CLIENTS, TTL
from tests.support.mongod import ReplicaSet

DEADLINE = 20.0
NOW = 4_000_000_000.0
"""Far ahead: what is stored with it does not expire."""


@pytest.fixture(params=CLIENTS)
async def store(request: pytest.FixtureRequest, mongo: ReplicaSet, database: Any) -> AsyncIterator[MongoRoomStore]:
    """A store whose process has taken over."""
    found = MongoRoomStore(
        CLIENTS[request.param](mongo.url), database.name, monotonic, events_ttl=TTL, claim_timeout=5
    )
    await found.open()
    await found.take_over(NOW)
    yield found
    await found.close()


async def test_indexes_are_made_at_the_start_and_starting_again_is_harmless(store: MongoRoomStore, database: Any) -> None:
    await store.open()
    unique = [index["key"] for index in database.events.list_indexes() if index.get("unique")]
    assert [[*key] for key in unique] == [["app", "room_id", "epoch", "seq"]]
    for name in ("events", "rooms"):
        expiring = [[*index["key"]] for index in database[name].list_indexes() if index.get("expireAfterSeconds") == 0]
        assert expiring == [["expires_at"]]
    assert database.meta.find_one({"_id": "schema"}) == {"_id": "schema", "version": VERSION}


async def test_a_newer_schema_is_refused(store: MongoRoomStore, database: Any) -> None:
    database.meta.update_one({"_id": "schema"}, {"$set": {"version": VERSION + 1}})
    with pytest.raises(SchemaError, match=f"schema {VERSION + 1}, this gateway knows {VERSION}"):
        await store.open()


async def test_events_and_closed_rooms_expire_and_open_rooms_do_not(store: MongoRoomStore, database: Any) -> None:
    old = time.time() - TTL - 1
    closed = RoomClosed("1", "closed", 2, old - 86_400)
    await store.write([RoomRecord("1", "r", 1), RoomRecord("1", "closed", 2), closed])
    await store.write([EventRecord("1", "r", 1, 1, old, "x"), EventRecord("1", "r", 1, 2, time.time(), "x")])
    async with asyncio.timeout(DEADLINE):
        while len(await store.events("1", "r")) > 1 or database.rooms.count_documents({}) > 1:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert [one.seq for one in await store.events("1", "r")] == [2]
    assert database.rooms.find_one()["_id"] == {"app": "1", "room": "r"}


async def test_nothing_is_left_of_a_closed_room_but_its_epoch_and_its_events(store: MongoRoomStore, database: Any) -> None:
    session, grant = SessionRecord("s", "1", "r", 1, "ann"), GrantRecord("g", "1", "r", 1, "s", "ann", "play", "b")
    await store.write([RoomRecord("1", "r", 1), session, grant, EventRecord("1", "r", 1, 1, time.time(), "x")])
    await store.write([RoomClosed("1", "r", 1, time.time())])
    counts = {name: database[name].count_documents({}) for name in ("rooms", "sessions", "grants", "events")}
    assert counts == {"rooms": 1, "sessions": 0, "grants": 0, "events": 1}


@pytest.mark.parametrize(
    "payload", [{"number": 2**70}, {"nul\0": 1}, {"text": "x" * 17_000_000}], ids=["number", "name", "size"]
)
async def test_what_it_cannot_hold_is_refused_for_good_and_nothing_of_its_batch_is_stored(
    store: MongoRoomStore, payload: dict[str, Any]
) -> None:
    room, bad = RoomRecord("1", "r", 1), EventRecord("1", "r", 1, 2, NOW, "x", payload)
    with pytest.raises(UnstorableError):
        await store.write([room, EventRecord("1", "r", 1, 1, NOW, "x"), bad])
    assert await store.events("1", "r") == []
    await store.write([room, EventRecord("1", "r", 1, 1, NOW, "x")])
    assert len(await store.events("1", "r")) == 1
    assert store.healthy


async def test_many_who_want_the_same_id_at_once_agree_on_one(store: MongoRoomStore) -> None:
    wanted = [Claim("user", "1", "ann", f"ann-{at}", NOW) for at in range(20)]
    assert len({stands.owner for stands in await asyncio.gather(*map(store.claim, wanted))}) == 1


@pytest.mark.parametrize("kind", CLIENTS)
async def test_a_store_that_is_not_there_says_so_and_claims_do_not_pile_up(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "_REST", 60.0)
    client = CLIENTS[kind]("mongodb://127.0.0.1:1/?replicaSet=rs0")
    store = MongoRoomStore(client, "none", monotonic, events_ttl=TTL, claim_timeout=0.2)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            await store.claim(Claim("user", "1", "ann", "ann-1", NOW))
    with pytest.raises(StoreUnavailableError, match="a moment ago"):
        await store.claim(Claim("user", "1", "ann", "ann-1", NOW))
    assert not store.healthy
    await store.close()


async def test_what_a_killed_process_had_half_written_does_not_stand_in_the_way(
    store: MongoRoomStore, mongo: ReplicaSet, database: Any
) -> None:
    """A transaction without an end holds its documents for a minute, unless the next process ends it."""
    session = await store._writing()
    await store._database.begin(session)
    await store._database.processes.update_one({"_id": "gateway"}, {"$inc": {"batches": 1}}, session=session)
    after = MongoRoomStore(CLIENTS["motor"](mongo.url), database.name, monotonic, events_ttl=TTL, claim_timeout=5)
    async with asyncio.timeout(DEADLINE):
        await after.take_over(NOW)
    await after.write([RoomRecord("1", "r", 1)])
    await after.close()


def test_what_failed_is_told_without_what_was_to_be_written() -> None:
    failure = {"index": 0, "code": 2, "errmsg": "bad value", "op": {"_id": "a session's id, which is secret"}}
    code, text = _told(BulkWriteError({"writeErrors": [failure]}))
    assert (code, text) == (2, "bad value")
