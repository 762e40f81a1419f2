"""The journal in front of a store that fails, dawdles, and does what it says it did not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.rooms.journal import Journal
from gateway.rooms.memory_store import MemoryRoomStore
from gateway.rooms.store import (
    Change,
    Claim,
    ClaimAsserted,
    EventRecord,
    RoomRecord,
    SessionRecord,
    StoreUnavailableError,
    UnstorableError,
)

DEADLINE = 20.0
FATES = ["well", "late", "fails", "reply lost"]


class Fickle(MemoryRoomStore):
    """A store whose writes meet their fates, one after the other, and then go well. Nobody else may write meanwhile."""

    def __init__(self, fates: Sequence[str] = ()) -> None:
        super().__init__()
        self.fates: Iterator[str] = iter([*fates])
        self.unstorable: Callable[[Change], bool] = lambda change: False
        self.batches: list[list[Change]] = []
        self.writing = False
        self.wrote = asyncio.Event()

    async def write(self, batch: Sequence[Change]) -> Sequence[Claim]:
        assert not self.writing, "one write at a time"
        self.writing = True
        try:
            return await self._write(batch, next(self.fates, "well"))
        finally:
            self.writing = False

    async def _write(self, batch: Sequence[Change], fate: str) -> Sequence[Claim]:
        if any(map(self.unstorable, batch)):
            raise UnstorableError
        if fate == "fails":
            raise StoreUnavailableError
        if fate == "late":
            for _ in range(5):
                await asyncio.sleep(0)
        lost = await super().write(batch)
        self.batches.append([*batch])
        self.wrote.set()
        if fate == "reply lost":
            raise StoreUnavailableError
        return lost


class Heard:
    """What the journal's owner is told."""

    def __init__(self) -> None:
        self.stale: list[tuple[str, str]] = []
        self.superseded = 0
        self.lost: list[Claim] = []

    def journal(self, store: MemoryRoomStore, window: float = 0.0, limit: int = 1 << 26) -> Journal:
        def superseded() -> None:
            self.superseded += 1

        return Journal(
            store, window, limit, asyncio.get_running_loop().time, on_stale=lambda *room: self.stale.append(room),
            on_superseded=superseded, on_claim_lost=self.lost.append, jitter=lambda: -1.0,
        )  # fmt: skip


def event(seq: int, room: str = "r", epoch: int = 1) -> EventRecord:
    return EventRecord("1", room, epoch, seq, 0.0, "UserJoined", {})


async def numbers(store: MemoryRoomStore, room: str = "r") -> list[int]:
    return [one.seq for one in await store.events("1", room)]


async def begun(store: MemoryRoomStore, **options: Any) -> tuple[Journal, Heard]:
    """A running journal, whose pauses between attempts are none."""
    await store.take_over(0.0)
    heard = Heard()
    journal = heard.journal(store, **options)
    journal.start()
    return journal, heard


@settings(max_examples=200)
@given(st.lists(st.sampled_from(FATES), max_size=30), st.lists(st.integers(0, 4), min_size=1, max_size=40))
def test_nothing_is_lost_or_reordered(fates: list[str], gaps: list[int]) -> None:
    """Changes come while writes go wrong in every way; in the end all are there, each room's in their order."""

    async def play() -> None:
        store = Fickle(fates)
        journal, _ = await begun(store)
        changes: list[Change] = [RoomRecord("1", room, 1) for room in "rq"]
        changes += [event(at // 2 + 1, "rq"[at % 2]) for at in range(len(gaps))]
        for change, gap in zip(changes, [0, 0, *gaps], strict=True):
            journal.append(change)
            for _ in range(gap):
                await asyncio.sleep(0)
        assert await journal.flush(DEADLINE)
        assert await numbers(store, "r") == list(range(1, (len(gaps) + 1) // 2 + 1))
        assert await numbers(store, "q") == list(range(1, len(gaps) // 2 + 1))
        confirmed = [change for at, batch in enumerate(store.batches) if batch not in store.batches[:at] for change in batch]
        assert confirmed == changes, "in order, and a repeated batch is the same batch"
        assert (journal.pending, journal.pending_bytes, journal.lost) == (0, 0, 0)
        assert (journal.written, journal.healthy) == (len(changes), True)
        await journal.stop()

    asyncio.run(play())


async def test_changes_that_come_together_are_written_together() -> None:
    store = Fickle()
    journal, _ = await begun(store, window=2.0)
    for change in (RoomRecord("1", "r", 1), event(1), event(2)):
        journal.append(change)
        await asyncio.sleep(0)
    assert (journal.pending, store.batches) == (3, [])
    async with asyncio.timeout(DEADLINE):
        await store.wrote.wait()
    assert [len(batch) for batch in store.batches] == [3]
    await journal.stop()


async def test_a_full_batch_does_not_wait() -> None:
    store = Fickle()
    journal, _ = await begun(store, window=1000.0)
    journal.append(RoomRecord("1", "r", 1))
    for seq in range(1, 1000):
        journal.append(event(seq))
    async with asyncio.timeout(DEADLINE):
        await store.wrote.wait()
    assert len(store.batches[0]) == 1000
    await journal.stop()


async def test_a_flush_does_not_wait_and_gives_up_at_its_deadline() -> None:
    store = Fickle()
    journal, _ = await begun(store, window=1000.0)
    journal.append(RoomRecord("1", "r", 1))
    assert await journal.flush(DEADLINE)
    store.fates = repeat("fails")
    journal.append(event(1))
    assert not await journal.flush(0.2)
    assert (journal.pending, journal.healthy) == (1, False)
    assert journal.retries > 0
    store.fates = iter([])
    assert await journal.flush(DEADLINE)
    assert journal.healthy
    await journal.stop()


async def test_a_room_that_was_taken_over_is_dropped_and_the_others_go_on() -> None:
    store = Fickle()
    journal, heard = await begun(store)
    journal.append(RoomRecord("1", "r", 1))
    journal.append(RoomRecord("1", "q", 1))
    assert await journal.flush(DEADLINE)
    other = MemoryRoomStore(store.state, "other")
    await other.take_over(0.0)
    await other.write([RoomRecord("1", "r", 2)])
    for change in (event(1, "q"), event(1), event(2), SessionRecord("s", "1", "r", 1, "ann"), event(2, "q")):
        journal.append(change)
    assert await journal.flush(DEADLINE)
    assert (heard.stale, journal.lost) == ([("1", "r")], 3)
    assert (await numbers(store, "r"), await numbers(store, "q")) == ([], [1, 2])
    await journal.stop()


async def test_a_superseded_process_writes_no_more() -> None:
    store = Fickle()
    journal, heard = await begun(store)
    await MemoryRoomStore(store.state).take_over(0.0)
    journal.append(RoomRecord("1", "r", 1))
    await journal.flush(DEADLINE)
    journal.append(event(1))
    assert (heard.superseded, journal.superseded, journal.healthy) == (1, True, False)
    assert (journal.pending, store.batches) == (0, [])
    await journal.stop()


async def test_what_cannot_be_stored_is_given_up_alone() -> None:
    store = Fickle()
    store.unstorable = lambda change: isinstance(change, EventRecord) and change.seq in (3, 7)
    journal, _ = await begun(store)
    journal.append(RoomRecord("1", "r", 1))
    for seq in range(1, 10):
        journal.append(event(seq))
    assert await journal.flush(DEADLINE)
    assert await numbers(store) == [1, 2, 4, 5, 6, 8, 9]
    assert (journal.lost, journal.healthy) == (2, True)
    await journal.stop()


async def test_a_claim_that_another_one_has_is_told() -> None:
    store = Fickle(["reply lost"])
    journal, heard = await begun(store)
    await store.claim(Claim("user", "1", "ann", "ann-1", 0.0))
    late = Claim("user", "1", "ann", "ann-2", 1.0)
    journal.append(ClaimAsserted(late))
    assert await journal.flush(DEADLINE)
    assert heard.lost == [late]
    await journal.stop()


async def test_a_store_that_breaks_in_an_unknown_way_is_tried_again() -> None:
    class Broken(Fickle):
        async def _write(self, batch: Sequence[Change], fate: str) -> Sequence[Claim]:
            if fate == "breaks":
                raise ZeroDivisionError
            return await super()._write(batch, fate)

    store = Broken(["breaks", "breaks"])
    journal, _ = await begun(store)
    journal.append(RoomRecord("1", "r", 1))
    assert await journal.flush(DEADLINE)
    assert journal.retries == 2
    await journal.stop()


