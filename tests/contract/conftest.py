"""Every kind of store that there is: the same tests run over each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from itertools import count
from time import monotonic
from typing import Any

import pytest
import pytest_asyncio
from pymongo import AsyncMongoClient, MongoClient

from adapters.mongo.rooms import MongoRoomStore
from adapters.mongo.schema import OPTIONS, Client, connect
from gateway.rooms.memory_store import MemoryRoomStore, MemoryState
from gateway.rooms.store import RoomStore
from tests.support.mongod import ReplicaSet, replica_set

NewStore = Callable[..., RoomStore]
TTL = 3600.0
"""Seconds that events are kept."""
_names = count()


def pymongo_client(url: str) -> Any:
    """PyMongo's own asynchronous client, in motor's place."""
    return AsyncMongoClient(url, **OPTIONS)


CLIENTS: dict[str, Callable[[str], Client]] = {"motor": connect, "pymongo": pymongo_client}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mongo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ReplicaSet]:
    """A real MongoDB of one member, for all tests of a run."""
    async with replica_set(tmp_path_factory.mktemp("mongo")) as found:
        yield found


@pytest.fixture
def database(mongo: ReplicaSet) -> Any:
    """A database of the test's own, looked at from outside."""
    client: MongoClient[dict[str, Any]] = MongoClient(mongo.url)
    name = f"test-{next(_names)}"
    yield client[name]
    client.drop_database(name)
    client.close()


@pytest.fixture(params=["memory", *CLIENTS])
async def new_store(request: pytest.FixtureRequest, mongo: ReplicaSet, database: Any) -> AsyncIterator[NewStore]:
    """Makes stores over the same state, as several processes have them. Takes the `process`'s name."""
    stores: list[RoomStore] = []
    state = MemoryState()

    def make(process: str = "gateway") -> RoomStore:
        if request.param == "memory":
            store: RoomStore = MemoryRoomStore(state, process)
        else:
            client = CLIENTS[request.param](mongo.url)
            store = MongoRoomStore(client, database.name, monotonic, process=process, events_ttl=TTL, claim_timeout=5)
        stores.append(store)
        return store

    yield make
    for store in stores:
        await store.close()
