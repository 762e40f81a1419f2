"""What every room store does, whatever it keeps its state in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.rooms.store import (
    Change,
    Claim,
    ClaimAsserted,
    ClaimReleased,
    EventRecord,
    GrantEnded,
    GrantRecord,
    RoomClosed,
    RoomRecord,
    RoomStore,
    SessionEnded,
    SessionRecord,
    StaleEpochError,
    StoredRoom,
    SupersededError,
    Taken,
)
from tests.contract.conftest import NewStore

NOW = 4_000_000_000.25
"""Far ahead: nothing of these tests expires while they run."""
ROOM = RoomRecord("1", "r", 1, seq=3, max_members=4, extra_info={"topic": {"value": "音乐", "updateTime": 1.5}})
ANN = SessionRecord(
    "session-ann", "1", "r", 1, "ann", "Ann", "audience", True, False, ("a", "b"), token_expires_at=NOW
)
BOB = SessionRecord("session-bob", "1", "r", 1, "bob")
PUSH = GrantRecord(
    "grant-push", "1", "r", 1, BOB.id, "bob", "publish", "b", ("audio",), transport="webrtc", used=True, expires_at=NOW,
    announced=True, arriving=("audio",), muted=("video",), extra_info="front",
)  # fmt: skip
PULL = GrantRecord("grant-pull", "1", "r", 1, ANN.id, "ann", "play", "b", mode="live", wait=True)
FULL: list[Change] = [ROOM, ANN, BOB, PUSH, PULL]


def event(seq: int, epoch: int = 1, **payload: Any) -> EventRecord:
    return EventRecord("1", "r", epoch, seq, NOW + seq, "UserJoined", payload)


def claim(owner: str = "ann-1", id: str = "ann", kind: Any = "user", at: float = NOW) -> Claim:
    return Claim(kind, "1", id, owner, at)


def by_id(rooms: tuple[StoredRoom, ...]) -> dict[str, StoredRoom]:
    return {one.room.room_id: replace(one, sessions=sort(one.sessions), grants=sort(one.grants)) for one in rooms}


def sort(records: Any) -> Any:
    return tuple(sorted(records, key=lambda record: record.id))


def in_epoch(records: list[Any], epoch: int) -> Any:
    return sort(replace(record, epoch=epoch) for record in records)


async def started(store: RoomStore) -> tuple[RoomStore, Taken]:
    """A store whose process has taken over."""
    await store.open()
    return store, await store.take_over(NOW)


@pytest.fixture
async def store(new_store: NewStore) -> RoomStore:
    return (await started(new_store()))[0]


async def after_restart(new_store: NewStore) -> Taken:
    return (await started(new_store()))[1]


class TestTakingOver:
    async def test_an_empty_store_has_nothing_to_take(self, new_store: NewStore) -> None:
        assert await after_restart(new_store) == Taken((), 1)

    async def test_everything_comes_back_as_it_was_in_the_next_epoch(self, store: RoomStore, new_store: NewStore) -> None:
        await store.write(FULL)
        taken = await after_restart(new_store)
        assert by_id(taken.rooms) == {
            "r": StoredRoom(replace(ROOM, epoch=2), in_epoch([ANN, BOB], 2), in_epoch([PULL, PUSH], 2))
        }
        assert taken.next_epoch == 3

    async def test_each_start_is_one_more_epoch(self, store: RoomStore, new_store: NewStore) -> None:
        await store.write([ROOM, RoomRecord("1", "q", 7)])
        await after_restart(new_store)
        taken = await after_restart(new_store)
        assert {id: one.room.epoch for id, one in by_id(taken.rooms).items()} == {"r": 3, "q": 9}
        assert taken.next_epoch == 10

    async def test_what_was_replaced_or_ended_does_not_come_back(self, store: RoomStore, new_store: NewStore) -> None:
        await store.write(FULL)
        renamed = replace(BOB, user_name="Robert")
        await store.write([renamed, SessionEnded("1", "r", 1, ANN.id), GrantEnded("1", "r", 1, PULL.id), replace(ROOM, seq=9)])
        [one] = (await after_restart(new_store)).rooms
        assert one == StoredRoom(replace(ROOM, seq=9, epoch=2), in_epoch([renamed], 2), in_epoch([PUSH], 2))

    async def test_a_closed_room_takes_everything_in_it_along(self, store: RoomStore, new_store: NewStore) -> None:
        await store.write(FULL)
        await store.write([RoomClosed("1", "r", 1, NOW)])
        taken = await after_restart(new_store)
        assert taken.rooms == ()
        assert taken.next_epoch == 2, "the closed room's epoch is not used again"

    async def test_a_room_made_anew_has_nothing_of_the_closed_one(self, store: RoomStore, new_store: NewStore) -> None:
        bob = replace(BOB, id="session-bob-2", epoch=5)
        await store.write([*FULL, RoomClosed("1", "r", 1, NOW), RoomRecord("1", "r", 5), bob])
        [one] = (await after_restart(new_store)).rooms
        assert one == StoredRoom(RoomRecord("1", "r", 6), in_epoch([bob], 6))

    async def test_storing_an_event_moves_the_rooms_number(self, store: RoomStore, new_store: NewStore) -> None:
        await store.write([ROOM, event(4), event(5)])
        await store.write([event(6)])
        [one] = (await after_restart(new_store)).rooms
        assert one.room == replace(ROOM, seq=6, epoch=2)

    async def test_rooms_of_other_processes_and_other_apps_are_apart(self, store: RoomStore, new_store: NewStore) -> None:
        other, _ = await started(new_store("other"))
        await other.write([RoomRecord("2", "r", 1), SessionRecord("session-eve", "2", "r", 1, "eve")])
        await store.write(FULL)
        assert [one.room.app for one in (await after_restart(new_store)).rooms] == ["1"]
        [one] = (await started(new_store("other")))[1].rooms
        assert [session.user_id for session in one.sessions] == ["eve"]

    async def test_odd_names_and_texts_come_back(self, store: RoomStore, new_store: NewStore) -> None:
        odd = RoomRecord("1", "$r.1 %00 房间", 1, extra_info={"a.b": 1, "$set": {"$inc": [None, True]}, "": "x\0y"})
        happened = EventRecord("1", odd.room_id, 1, 1, NOW, "TextSent", {"$where": "1", "a.b": {"$x": 2**53}, "text": "😀\0"})
        await store.write([odd, happened])
        [one] = (await after_restart(new_store)).rooms
        assert one.room == replace(odd, epoch=2, seq=1)
        assert list(await store.events("1", odd.room_id)) == [happened]


class TestFencing:
    async def test_the_earlier_process_cannot_write_any_more(self, store: RoomStore, new_store: NewStore) -> None:
        await store.write(FULL)
        later, _ = await started(new_store())
        with pytest.raises(SupersededError):
            await store.write([SessionEnded("1", "r", 1, BOB.id), event(4)])
        assert await later.events("1", "r") == []
        [one] = (await after_restart(new_store)).rooms
        assert len(one.sessions) == 2

    async def test_a_room_that_another_process_has_now_is_not_written_to(self, store: RoomStore, new_store: NewStore) -> None:
        await store.write(FULL)
        other, _ = await started(new_store("other"))
        await other.write([replace(ROOM, epoch=2)])
        gone = GrantEnded("1", "r", 1, PUSH.id)
        for stale in (event(4), replace(BOB, user_name="x"), gone, ROOM, RoomClosed("1", "r", 1, NOW)):
            with pytest.raises(StaleEpochError) as refused:
                await store.write([RoomRecord("1", "q", 3), stale])
            assert (refused.value.app, refused.value.room_id, refused.value.epoch) == ("1", "r", 1)
        assert (await after_restart(new_store)).rooms == (), "nothing of a refused batch is stored"

    async def test_a_closed_rooms_epoch_is_remembered(self, store: RoomStore) -> None:
        await store.write([replace(ROOM, epoch=4), RoomClosed("1", "r", 4, NOW)])
        with pytest.raises(StaleEpochError):
            await store.write([ROOM])
        await store.write([replace(ROOM, epoch=5)])


class TestRepeating:
    async def test_a_batch_that_is_written_again_changes_nothing(self, store: RoomStore, new_store: NewStore) -> None:
        batch: list[Change] = [
            *FULL, event(4), event(5), GrantEnded("1", "r", 1, PULL.id), ClaimAsserted(claim()),
            ClaimReleased(claim("b", "bob")), RoomRecord("1", "q", 2), event(6), RoomClosed("1", "q", 2, NOW),
        ]  # fmt: skip
        for _ in range(3):
            assert list(await store.write(batch)) == []
        assert [one.seq for one in await store.events("1", "r")] == [4, 5, 6]
        [one] = (await after_restart(new_store)).rooms
        assert (one.room.seq, len(one.sessions), len(one.grants)) == (6, 2, 1)

    async def test_an_empty_batch_is_nothing(self, store: RoomStore) -> None:
        assert list(await store.write([])) == []


class TestEvents:
    async def test_come_back_in_order_and_as_they_were(self, store: RoomStore) -> None:
        happened = [event(seq, user={"userID": "ann"}, media=["audio"], at=NOW, none=None) for seq in range(1, 6)]
        await store.write([replace(ROOM, seq=0), *happened[:3]])
        await store.write(happened[3:])
        assert list(await store.events("1", "r")) == happened
        assert list(await store.events("1", "r", after=(1, 2), limit=2)) == happened[2:4]
        assert list(await store.events("1", "other")) == []
        assert list(await store.events("2", "r")) == []

    async def test_are_numbered_anew_in_each_epoch(self, store: RoomStore) -> None:
        await store.write([ROOM, event(1), event(2)])
        await store.write([replace(ROOM, epoch=2), event(1, 2), event(2, 2)])
        assert [(e.epoch, e.seq) for e in await store.events("1", "r")] == [(1, 1), (1, 2), (2, 1), (2, 2)]
        assert [(e.epoch, e.seq) for e in await store.events("1", "r", after=(1, 2))] == [(2, 1), (2, 2)]

    async def test_the_first_with_a_number_stays(self, store: RoomStore) -> None:
        await store.write([ROOM, event(4, said="first")])
        await store.write([event(4, said="second")])
        assert [one.payload for one in await store.events("1", "r")] == [{"said": "first"}]


class TestClaims:
    async def test_the_first_owner_has_it_and_others_are_told_who(self, store: RoomStore) -> None:
        granted = await store.claim(claim("ann-1"))
        assert granted == replace(claim("ann-1"), process="gateway")
        assert await store.claim(claim("ann-2", at=NOW + 1)) == granted
        assert await store.claim(claim("ann-1", at=NOW + 2)) == granted, "asking again changes nothing"

    async def test_ids_of_other_kinds_and_apps_are_others(self, store: RoomStore) -> None:
        for one in (claim(), claim("x", kind="stream"), claim("y", kind="room"), replace(claim("z"), app="2"), claim("b", "bob")):
            assert (await store.claim(one)).owner == one.owner

    async def test_one_owner_may_follow_another_whom_it_names(self, store: RoomStore) -> None:
        await store.claim(claim("ann-1"))
        assert (await store.claim(claim("ann-3"), instead_of="ann-2")).owner == "ann-1"
        assert (await store.claim(claim("ann-2"), instead_of="ann-1")).owner == "ann-2"
        assert (await store.claim(claim("ann-2"), instead_of="ann-1")).owner == "ann-2", "asking again changes nothing"
        assert (await store.claim(claim("eve-1", "eve"), instead_of="eve-0")).owner == "eve-1", "nobody has it"

    async def test_two_processes_cannot_both_have_it(self, store: RoomStore, new_store: NewStore) -> None:
        other, _ = await started(new_store("other"))
        await other.claim(claim("ann-1"))
        assert (await store.claim(claim("ann-2"))).process == "other"

    async def test_released_it_is_free(self, store: RoomStore) -> None:
        await store.claim(claim("ann-1"))
        await store.write([ClaimReleased(claim("ann-2"))])
        assert (await store.claim(claim("ann-3"))).owner == "ann-1", "only its owner can release it"
        await store.write([ClaimReleased(claim("ann-1"))])
        assert (await store.claim(claim("ann-3"))).owner == "ann-3"

    async def test_one_that_was_granted_provisionally_is_lost_to_who_came_first(self, store: RoomStore) -> None:
        await store.claim(claim("ann-1"))
        asserted = [ClaimAsserted(claim("ann-2")), ClaimAsserted(claim("bob-1", "bob"))]
        for _ in range(2):
            assert [lost.owner for lost in await store.write(asserted)] == ["ann-2"]
        assert (await store.claim(claim("bob-2", "bob"))).owner == "bob-1"

    async def test_released_and_asserted_anew_in_one_batch(self, store: RoomStore) -> None:
        await store.claim(claim("ann-1"))
        assert list(await store.write([ClaimReleased(claim("ann-1")), ClaimAsserted(claim("ann-2"))])) == []
        assert (await store.claim(claim("ann-3"))).owner == "ann-2"

    async def test_a_restart_keeps_those_of_what_was_taken_over(self, store: RoomStore, new_store: NewStore) -> None:
        other, _ = await started(new_store("other"))
        await other.claim(claim("eve-1", "eve"))
        await store.write(FULL)
        await store.claim(claim(ANN.id))
        await store.claim(claim(PUSH.id, "b", "stream"))
        await store.claim(claim("session-of-nobody", "cat"))
        again, _ = await started(new_store())
        assert (await again.claim(claim("late", "ann"))).owner == ANN.id
        assert (await again.claim(claim("late", "b", "stream"))).owner == PUSH.id
        assert (await again.claim(claim("late", "eve"))).owner == "eve-1"
        assert (await again.claim(claim("late", "cat"))).owner == "late"
