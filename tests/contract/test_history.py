"""What every history promises, and what MongoDB's has to do on top: batches, expiry, a store that is away."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from adapters.mongo import quality, schema
from adapters.mongo.quality import MongoHistory
from adapters.mongo.schema import Database, connect
from gateway.config import QualitySettings
from gateway.quality.history import ENTRY_BYTES, Entry, Kind, Numbered
from gateway.quality.memory_history import MemoryHistory
from gateway.rooms.store import StoreUnavailableError
from tests.contract.conftest import CLIENTS
from tests.support.mongod import ReplicaSet, replica_set

AnyHistory = MemoryHistory | MongoHistory
NewHistory = Callable[..., Awaitable[AnyHistory]]
DEADLINE = 20.0
NOW = 4_000_000_000.0
"""Far ahead: what is stored with it does not expire."""
SETTINGS = QualitySettings()


def entry(at: float = NOW, room: str = "r", user: str = "ann", stream: str = "", app: str = "1", **data: Any) -> Entry:
    return Entry(app, room, at, Kind.REPORT, user, stream, data)


def entries(found: Sequence[Numbered]) -> list[Entry]:
    return [one.entry for one in found]


async def pages(history: AnyHistory, limit: int, **wanted: Any) -> list[Numbered]:
    """The whole of a timeline, page by page."""
    found: list[Numbered] = []
    after = ""
    while page := await history.timeline("1", after=after, limit=limit, **wanted):
        assert len(page) <= limit
        found += page
        after = page[-1].number
    return found


async def written(history: MongoHistory) -> None:
    async with asyncio.timeout(DEADLINE):
        while history.pending:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.fixture(params=["memory", *CLIENTS])
async def new_history(request: pytest.FixtureRequest, mongo: ReplicaSet, database: Any) -> AsyncIterator[NewHistory]:
    """Makes histories, all but those in memory over the same database. Takes settings."""
    made: list[MongoHistory] = []
    origins = count(0xA)

    async def make(**settings: Any) -> AnyHistory:
        told = replace(SETTINGS, **settings)
        if request.param == "memory":
            return MemoryHistory(told, monotonic)
        client = CLIENTS[request.param](mongo.url)
        history = MongoHistory(client, database.name, told, monotonic, origin=f"{next(origins):x}")
        await history.begin()
        made.append(history)
        return history

    await Database(connect(mongo.url), database.name).prepare()
    yield make
    for history in made:
        await history.end(DEADLINE)


@pytest.fixture
async def history(new_history: NewHistory) -> AnyHistory:
    return await new_history()


class TestPromises:
    async def test_what_was_recorded_is_there_at_once_as_it_was_and_in_order(self, history: AnyHistory) -> None:
        kinds = [Entry("1", "r", NOW + at, kind, f"user {at}", "cam") for at, kind in enumerate(Kind)]
        deep = entry(NOW + 99, evidence=[{"measure": "late", "value": 2.1, "none": None}], on=True, text="房间 😀", big=2**53)
        for one in (*kinds, deep):
            history.record(one)
        found = await history.timeline("1", room_id="r")
        assert entries(found) == [*kinds, deep]
        numbers = [one.number for one in found]
        assert numbers == sorted(set(numbers))
        assert all(1 <= len(number) <= 64 for number in numbers)

    async def test_rooms_and_apps_are_apart(self, history: AnyHistory) -> None:
        mine = entry()
        for one in (mine, entry(room="s"), entry(app="2"), entry(room="")):
            history.record(one)
        assert entries(await history.timeline("1", room_id="r")) == [mine]
        assert await history.timeline("3", room_id="r") == await history.timeline("1", room_id="t") == []
        assert await history.timeline("1") == [], "neither a room nor a stream is asked for"

    async def test_a_stream_is_found_in_every_room_and_in_none(self, history: AnyHistory) -> None:
        of_cam = [entry(NOW + at, room=room, stream="cam") for at, room in enumerate(("r", "s", "", "r"))]
        for one in (*of_cam, entry(stream="screen"), entry(), replace(of_cam[0], app="2")):
            history.record(one)
        assert entries(await history.timeline("1", stream_id="cam")) == of_cam
        assert entries(await history.timeline("1", stream_id="cam", room_id="r")) == [of_cam[0], of_cam[3]]

    @pytest.mark.parametrize("wanted", [{"room_id": "r"}, {"stream_id": "cam"}])
    @pytest.mark.parametrize("limit", [1, 3, 100])
    async def test_pages_hold_each_entry_once(self, history: AnyHistory, wanted: dict[str, str], limit: int) -> None:
        recorded = [entry(NOW + at // 3, stream="cam", number=at) for at in range(10)]
        for at, one in enumerate(recorded):
            history.record(one)
            history.record(entry(room="other", number=at))
        assert entries(await pages(history, limit, **wanted)) == recorded
        if isinstance(history, MongoHistory):
            await written(history)
            assert entries(await pages(history, limit, **wanted)) == recorded

    async def test_those_since_a_moment(self, history: AnyHistory) -> None:
        for at in (0.0, 0.9996, 1.0, 1.0004, 2.5):
            history.record(entry(NOW + at, stream="cam", number=at))
        asked: list[dict[str, Any]] = [{"room_id": "r"}, {"stream_id": "cam"}]
        for wanted in asked:
            found = [one.entry.data["number"] for one in await history.timeline("1", since=NOW + 1, **wanted)]
            assert found == [1.0, 1.0004, 2.5]
            assert await history.timeline("1", since=NOW + 3, **wanted) == []
            assert len(await history.timeline("1", since=0, **wanted)) == 5

    async def test_a_clock_that_goes_back_puts_nothing_before_what_was_told(self, history: AnyHistory) -> None:
        recorded = [entry(NOW + at) for at in (5, 0, 6)]
        for one in recorded:
            history.record(one)
        assert entries(await history.timeline("1", room_id="r")) == recorded
        assert entries(await history.timeline("1", room_id="r", since=NOW + 1)) == [recorded[0], recorded[2]]

    async def test_numbers_push_out_nothing_that_happened(self, new_history: NewHistory) -> None:
        history = await new_history(history_entries=10)
        joined = replace(entry(stream="cam"), kind=Kind.JOIN)
        history.record(joined)
        for at in range(100):
            history.record(replace(entry(NOW + at, stream="cam"), kind=(Kind.MEASURE, Kind.REPORT)[at % 2]))
        asked: list[dict[str, Any]] = [{"room_id": "r"}, {"stream_id": "cam"}]
        for wanted in asked:
            found = await history.timeline("1", limit=1000, **wanted)
            assert found[0].entry == joined
            assert found[-1].entry.at == NOW + 99

    async def test_what_comes_too_fast_is_left_out_and_counted(self, new_history: NewHistory) -> None:
        history = await new_history(history_rate=10)
        for at in range(100):
            history.record(entry(NOW + at))
        kept = await history.timeline("1", room_id="r")
        assert [one.entry.at for one in kept[:10]] == [NOW + at for at in range(10)]
        assert history.lost == 100 - len(kept) > 50, "ten more for each second that it took"

    @pytest.mark.parametrize(
        "bad",
        [
            entry(what=object()), entry(at=float("nan")), entry(at=float("inf")), entry(text="x" * ENTRY_BYTES),
            entry(text="\ud800"),
        ],
        ids=["object", "no time", "endless", "size", "text"],
    )  # fmt: skip
    async def test_what_cannot_be_kept_is_left_out_alone(
        self, history: AnyHistory, bad: Entry, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.WARNING)
        history.record(entry(NOW, number=1))
        history.record(bad)
        history.record(bad)
        history.record(entry(NOW, number=2))
        assert history.lost == 2
        assert [one.entry.data["number"] for one in await history.timeline("1", room_id="r")] == [1, 2]
        assert [record.name for record in caplog.records].count("gateway.quality") == 1, "it is said once"

    async def test_what_is_changed_afterwards_is_not_changed_in_it(self, history: AnyHistory) -> None:
        data = {"level": "good"}
        history.record(Entry("1", "r", NOW, Kind.VERDICT, "ann", data=data))
        data["level"] = "bad"
        [found] = await history.timeline("1", room_id="r")
        assert found.entry.data == {"level": "good"}


@pytest.fixture(params=CLIENTS)
async def stored(request: pytest.FixtureRequest, mongo: ReplicaSet, database: Any) -> AsyncIterator[MongoHistory]:
    """A history in a database that is ready for it."""
    await Database(connect(mongo.url), database.name).prepare()
    history = MongoHistory(CLIENTS[request.param](mongo.url), database.name, SETTINGS, monotonic, origin="a")
    await history.begin()
    yield history
    await history.end(DEADLINE)


class TestMongo:
    async def test_it_survives_the_process(self, stored: MongoHistory, mongo: ReplicaSet, database: Any) -> None:
        stored.record(entry(at=NOW, stream="cam", number=1))
        await stored.end(DEADLINE)
        assert (stored.pending, stored.written, stored.pending_bytes) == (0, 1, 0)
        again = MongoHistory(connect(mongo.url), database.name, SETTINGS, monotonic, origin="b")
        again.record(entry(at=NOW, stream="cam", number=2))
        found = await again.timeline("1", stream_id="cam")
        assert [one.entry.data["number"] for one in found] == [1, 2], "the same time, and a number of its own"
        await again.end(0)

    @pytest.mark.parametrize("ahead", [3600.0, 50 * 365 * 86400.0])
    async def test_who_asks_for_what_is_new_misses_nothing_though_the_clock_was_set_back(
        self, stored: MongoHistory, mongo: ReplicaSet, database: Any, ahead: float
    ) -> None:
        stored.record(entry(NOW + ahead, stream="cam"))
        await stored.end(DEADLINE)
        again = MongoHistory(connect(mongo.url), database.name, SETTINGS, monotonic, origin="b")
        await again.begin()
        [newest] = await again.timeline("1", room_id="r")
        recorded = [entry(NOW + at, stream="cam", number=at) for at in range(3)]
        for one in recorded:
            again.record(one)
        asked: list[dict[str, Any]] = [{"room_id": "r"}, {"stream_id": "cam"}]
        for _ in range(2):
            for wanted in asked:
                assert entries(await again.timeline("1", after=newest.number, **wanted)) == recorded
                assert entries(await again.timeline("1", since=NOW + 1, **wanted)) == [newest.entry, *recorded[1:]]
            await written(again)
        await again.end(DEADLINE)

    async def test_what_is_no_number_in_the_database_stops_nobody(
        self, mongo: ReplicaSet, database: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        database.history.insert_one({"_id": "somebody else's"})
        history = MongoHistory(connect(mongo.url), database.name, SETTINGS, monotonic, origin="a")
        await history.begin()
        assert "newest number" in caplog.text
        history.record(entry())
        assert entries(await history.timeline("1", room_id="r")) == [entry()]
        await history.end(DEADLINE)

    async def test_many_go_in_batches(self, stored: MongoHistory, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(quality, "BATCH", 10)
        recorded = [entry(NOW + at) for at in range(35)]
        for one in recorded:
            stored.record(one)
        assert entries(await stored.timeline("1", room_id="r")) == recorded
        await written(stored)
        assert (stored.written, stored.lost, stored.pending_bytes) == (35, 0, 0)
        assert entries(await stored.timeline("1", room_id="r")) == recorded

    async def test_who_looks_while_it_is_written_misses_nothing(
        self, stored: MongoHistory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(quality, "FLUSH", 0)
        monkeypatch.setattr(quality, "BATCH", 3)
        recorded: list[Entry] = []
        while len(recorded) < 300 or stored.pending:
            if len(recorded) < 300:
                recorded.append(entry(NOW + len(recorded)))
                stored.record(recorded[-1])
            if len(recorded) % 7 == 0:
                assert entries(await stored.timeline("1", room_id="r", limit=1000)) == recorded
            await asyncio.sleep(0)
        assert stored.written == 300

    async def test_what_only_it_cannot_hold_keeps_nothing_else_from_being_stored(self, stored: MongoHistory) -> None:
        for bad in (entry(number=2**70), replace(entry(), data={"nul\0": 1})):
            stored.record(bad)
        stored.record(entry())
        await written(stored)
        assert (stored.written, stored.lost) == (1, 2)

    async def test_questions_are_answered_from_indexes(self, stored: MongoHistory, database: Any) -> None:
        indexes = [[*index["key"]] for index in database.history.list_indexes()]
        assert indexes == [["_id"], ["app", "room_id", "_id"], ["app", "stream_id", "_id"], ["expires_at"]]

    async def test_it_expires(self, stored: MongoHistory) -> None:
        old, new = entry(time.time() - SETTINGS.history_ttl - 1), entry(time.time() + 60)
        stored.record(old)
        stored.record(new)
        await written(stored)
        async with asyncio.timeout(DEADLINE):
            while entries(await stored.timeline("1", room_id="r")) != [new]:  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    async def test_what_was_written_though_it_seemed_not_to_be_is_written_once(
        self, stored: MongoHistory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        taken = stored._database.history.insert_many

        async def lose_the_answer(*args: Any, **options: Any) -> None:
            await taken(*args, **options)
            monkeypatch.undo()
            raise ConnectionError

        monkeypatch.setattr(stored._database, "history", _Replaced(stored._database.history, lose_the_answer))
        recorded = [entry(NOW + at) for at in range(3)]
        for one in recorded:
            stored.record(one)
        await written(stored)
        assert entries(await stored.timeline("1", room_id="r")) == recorded
        assert (stored.written, stored.lost) == (3, 0)

    @pytest.mark.parametrize("kind", CLIENTS)
    async def test_a_store_that_is_away_is_said_to_be_and_recording_goes_on(
        self, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(quality, "PENDING_BYTES", 10_000)
        monkeypatch.setattr(quality, "_READING", 0.2)
        monkeypatch.setattr(quality, "_LOOKING", 0.2)
        monkeypatch.setattr(quality, "_REST", 60.0)
        monkeypatch.setitem(schema.OPTIONS, "serverSelectionTimeoutMS", 60_000)
        client = CLIENTS[kind]("mongodb://127.0.0.1:1/?replicaSet=rs0")
        history = MongoHistory(client, "none", SETTINGS, monotonic, origin="a")
        async with asyncio.timeout(DEADLINE):  # less than the driver would look for a server
            await history.begin()
        for at in range(100):
            history.record(entry(NOW + at))
        assert 0 < history.lost == 100 - history.pending
        assert history.pending_bytes <= 10_000
        for _ in range(2):
            with pytest.raises(StoreUnavailableError):
                await history.timeline("1", room_id="r")
        with pytest.raises(StoreUnavailableError, match="a moment ago"):
            await history.timeline("1", room_id="r")
        await history.end(0)


class _Replaced:
    """A collection with another way of inserting."""

    def __init__(self, collection: Any, insert_many: Any) -> None:
        self._collection = collection
        self.insert_many = insert_many

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)


async def rested(history: MongoHistory) -> list[Numbered]:
    """The whole timeline, when the store is asked again after it did not answer."""
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                return await pages(history, 100, room_id="r")
            except StoreUnavailableError:
                await asyncio.sleep(0.1)


async def test_what_was_recorded_while_the_store_was_away_is_stored_when_it_is_back(tmp_path: Path) -> None:
    async with replica_set(tmp_path) as mongo:
        await Database(connect(mongo.url), "test").prepare()
        history = MongoHistory(connect(mongo.url), "test", SETTINGS, monotonic, origin="a")
        await history.begin()
        history.record(entry(NOW))
        await written(history)
        [member] = mongo.members
        await member.kill()
        history.record(entry(NOW + 1))
        with pytest.raises(StoreUnavailableError):
            await history.timeline("1", room_id="r")
        await member.start()
        await mongo.primary()
        await written(history)
        assert [one.entry.at for one in await rested(history)] == [NOW, NOW + 1]
        assert history.lost == 0
        await history.end(DEADLINE)
