"""A real MongoDB that dies, loses its primary, hangs, or cannot be reached, under the journal's load.

In the end the database has each room's full sequence, and meanwhile nobody had to wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, time

import pytest
import pytest_asyncio

from adapters.mongo.rooms import MongoRoomStore
from adapters.mongo.schema import connect
from gateway.rooms.journal import Journal
from gateway.rooms.store import Claim, EventRecord, RoomRecord, SessionRecord, StoreUnavailableError
from tests.support.mongod import HOST, ReplicaSet, replica_set

ROOMS = 40
USERS = 5
"""In each room."""
TICK = 0.02
"""Seconds between two bursts of events."""
DEADLINE = 60.0
CLAIM = 0.3
OUTAGE = 2.0
"""Seconds for which the database is away."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def one(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ReplicaSet]:
    """A set of one member, which each test leaves running."""
    async with replica_set(tmp_path_factory.mktemp("one")) as found:
        yield found


@dataclass
class Load:
    """Rooms in which something happens all the time."""

    journal: Journal
    store: MongoRoomStore
    seq: dict[str, int] = field(default_factory=lambda: {f"room {at}": 0 for at in range(ROOMS)})

    def begin(self) -> None:
        for room_id in self.seq:
            self.journal.append(RoomRecord("1", room_id, 1))
            for at in range(USERS):
                self.journal.append(SessionRecord(f"{room_id}/{at}", "1", room_id, 1, f"user {at}"))

    async def go_on(self) -> None:
        """Appends until it is cancelled."""
        while True:
            for room_id, seq in self.seq.items():
                self.seq[room_id] = seq + 1
                self.journal.append(EventRecord("1", room_id, 1, seq + 1, time(), "TextSent", {"text": "x" * 50}))
            await asyncio.sleep(TICK)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def until_written(self, more: int) -> None:
        """Waits until the store has taken so many changes more."""
        target = self.journal.written + more
        await self.until(lambda: self.journal.written >= target)

    async def check(self) -> None:
        """All that happened is in the database, once and in order; so are the sessions."""
        assert await self.journal.flush(DEADLINE)
        assert (self.journal.lost, self.journal.pending, self.journal.healthy) == (0, 0, True)
        for room_id, seq in self.seq.items():
            stored = await self.store.events("1", room_id, limit=seq + 1)
            assert [event.seq for event in stored] == list(range(1, seq + 1)), room_id
        taken = await self.store.take_over(time())
        assert {stored.room.room_id: stored.room.seq for stored in taken.rooms} == self.seq
        assert {len(stored.sessions) for stored in taken.rooms} == {USERS}


@asynccontextmanager
async def under_load(url: str, database: str) -> AsyncIterator[Load]:
    """A journal to that database, whose load goes on for as long as the block and is checked at its end."""
    store = MongoRoomStore(connect(url), database, monotonic, events_ttl=3600, claim_timeout=CLAIM)
    await store.open()
    await store.take_over(time())
    journal = Journal(
        store, 0.2, 64 << 20, monotonic, on_stale=unexpected, on_superseded=unexpected, on_claim_lost=unexpected
    )
    journal.start()
    load = Load(journal, store)
    load.begin()
    working = asyncio.create_task(load.go_on())
    try:
        await load.until_written(2 * ROOMS)
        yield load
        await load.until_written(2 * ROOMS)
        working.cancel()
        await asyncio.wait([working])
        await load.check()
    finally:
        working.cancel()
        await journal.stop()
        await store.close()


def unexpected(*what: object) -> None:
    raise AssertionError(what)


async def away(load: Load) -> None:
    """Waits until the journal has noticed that the store is away, and a while longer."""
    await load.until(lambda: not load.journal.healthy)
    await asyncio.sleep(OUTAGE)
    assert load.journal.pending > ROOMS
    assert load.journal.oldest_age > OUTAGE / 2


async def refused_quickly(store: MongoRoomStore) -> None:
    """Claims are not waited for while the store is away."""
    for at in range(20):
        with pytest.raises((StoreUnavailableError, TimeoutError)):
            async with asyncio.timeout(2 * CLAIM):
                await store.claim(Claim("user", "1", f"user {at}", "x", time()))


async def claimed(store: MongoRoomStore, claim: Claim) -> Claim:
    """What stands in the end. A store that is back has much to catch up with, and not every answer comes in time."""
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                return await store.claim(claim)
            except StoreUnavailableError:
                await asyncio.sleep(CLAIM)


async def test_killed_and_started_again(one: ReplicaSet) -> None:
    async with under_load(one.url, "killed") as load:
        await one.members[0].kill()
        await away(load)
        await refused_quickly(load.store)
        await one.members[0].start()
        await load.until(lambda: load.journal.healthy)
        assert (await claimed(load.store, Claim("user", "1", "ann", "ann-1", time()))).owner == "ann-1"


async def test_killed_again_and_again(one: ReplicaSet) -> None:
    async with under_load(one.url, "restless") as load:
        for _ in range(3):
            await one.members[0].kill()
            await one.members[0].start()
            await load.until_written(10)


async def test_hanging_and_waking_up(one: ReplicaSet) -> None:
    """What it was sent before it hung comes into force when it wakes up, beside the repetition of it."""
    async with under_load(one.url, "hanging") as load:
        for _ in range(2):
            one.members[0].freeze()
            try:
                await load.until(lambda: load.journal.oldest_age > OUTAGE)
                await refused_quickly(load.store)
            finally:
                one.members[0].thaw()
            await load.until(lambda: load.journal.oldest_age < OUTAGE)


async def test_three_members_lose_their_primary_and_another_one_steps_down(tmp_path: Path) -> None:
    async with replica_set(tmp_path, 3) as three, under_load(three.url, "three") as load:
        lost = await three.primary()
        await lost.kill()
        assert await three.primary() is not lost
        await load.until_written(2 * ROOMS)
        await lost.start()
        await three.step_down()
        await load.until_written(2 * ROOMS)


class Cut:
    """A way to the database that lets connections through, breaks them, or refuses them."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.Task[None]] = set()
        self.port = 0
        self.answers = True
        """False: what the database says does not arrive."""

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """From now on connections are refused, and those that there are break."""
        if self._server:
            self._server.close()
        for line in self._lines:
            line.cancel()
        if self._lines:
            await asyncio.wait(self._lines)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(HOST, self._target)
        except OSError:  # the database does not listen now
            writer.transport.abort()
            return
        lines = [
            asyncio.create_task(self._carry(reader, inner_writer, lambda: True)),
            asyncio.create_task(self._carry(inner_reader, writer, lambda: self.answers)),
        ]
        self._lines.update(lines)
        await asyncio.wait(lines, return_when=asyncio.FIRST_COMPLETED)
        for line in lines:
            line.cancel()
            self._lines.discard(line)
        for end in (writer, inner_writer):
            end.transport.abort()

    @staticmethod
    async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, may: Callable[[], bool]) -> None:
        while (data := await reader.read(65536)) and may():
            writer.write(data)


@pytest.fixture
async def cut(one: ReplicaSet) -> AsyncIterator[Cut]:
    found = Cut(one.members[0].port)
    await found.open()
    yield found
    await found.close()


async def test_connections_refused_and_broken(cut: Cut) -> None:
    async with under_load(f"mongodb://{HOST}:{cut.port}/?directConnection=true", "cut") as load:
        await cut.close()
        await away(load)
        await refused_quickly(load.store)
        await cut.open()
        await load.until(lambda: load.journal.healthy)
        for _ in range(3):
            await cut.close()
            await cut.open()
            await load.until_written(ROOMS)


async def test_replies_that_are_lost(cut: Cut) -> None:
    """Writes arrive, the word that they did does not: each is repeated, and is there once."""
    async with under_load(f"mongodb://{HOST}:{cut.port}/?directConnection=true", "replies") as load:
        for _ in range(3):
            cut.answers = False
            await load.until(lambda: not load.journal.healthy)
            cut.answers = True
            await load.until_written(ROOMS)
