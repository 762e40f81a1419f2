"""What waits for the store: order, bounds, and what gives way."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rooms.backlog import BATCH_CHANGES, Backlog
from gateway.rooms.store import Change, EventRecord, RoomClosed, RoomRecord, SessionEnded, SessionRecord, key_of

ROOMY = 1 << 30


def event(seq: int, room: str = "r", text: str = "") -> EventRecord:
    return EventRecord("1", room, 1, seq, 0.0, "TextSent", {"text": text})


def session(user: str, name: str = "") -> SessionRecord:
    return SessionRecord(f"session-{user}", "1", "r", 1, user, name)


def drained(backlog: Backlog) -> list[Change]:
    """Everything that waits, batch by batch."""
    found: list[Change] = []
    while batch := backlog.take():
        found += batch
        backlog.confirm()
    return found


class TestBatches:
    def test_go_out_in_order(self) -> None:
        backlog = Backlog(ROOMY)
        changes = [event(seq) for seq in range(BATCH_CHANGES + 5)]
        for change in changes:
            backlog.append(0.0, change)
        assert len(backlog.take()) == BATCH_CHANGES
        assert (len(backlog), backlog.waiting) == (BATCH_CHANGES + 5, 5)
        backlog.confirm()
        assert drained(backlog) == changes[BATCH_CHANGES:]
        assert (len(backlog), backlog.size, backlog.oldest) == (0, 0, None)

    def test_are_bounded_in_bytes_but_never_empty(self) -> None:
        backlog = Backlog(ROOMY)
        for seq in range(3):
            backlog.append(0.0, event(seq, text="x" * 3_000_000))
        assert [len(backlog.take()), backlog.waiting] == [1, 2]

    def test_stay_as_they_are_until_confirmed(self) -> None:
        backlog = Backlog(ROOMY)
        backlog.append(1.0, event(1))
        first = backlog.take()
        backlog.append(2.0, event(2))
        assert first == [event(1)]
        assert backlog.oldest == 1.0
        backlog.confirm()
        assert backlog.oldest == 2.0

    def test_put_back_they_come_again_before_what_came_later(self) -> None:
        backlog = Backlog(ROOMY)
        for seq in (1, 2):
            backlog.append(0.0, event(seq))
        backlog.take()
        backlog.append(0.0, event(3))
        backlog.put_back()
        assert list(backlog.take(alone=True)) == [event(1)]
        backlog.confirm()
        assert drained(backlog) == [event(2), event(3)]

    def test_what_belongs_together_is_not_parted(self) -> None:
        backlog = Backlog(ROOMY)
        for seq in range(BATCH_CHANGES - 1):
            backlog.append(0.0, event(seq))
        together: list[Change] = [session("ann"), event(BATCH_CHANGES), event(BATCH_CHANGES + 1)]
        backlog.append(0.0, *together)
        backlog.append(0.0, event(BATCH_CHANGES + 2))
        assert backlog.take()[-3:] == together
        backlog.put_back()
        backlog.give_up(lambda change: isinstance(change, EventRecord) and change.seq < BATCH_CHANGES)
        assert list(backlog.take(alone=True)) == together[:1], "but alone"

    def test_what_cannot_be_written_down_is_refused_at_once(self) -> None:
        backlog = Backlog(ROOMY)
        with pytest.raises(TypeError):
            backlog.append(0.0, event(1), EventRecord("1", "r", 1, 2, 0.0, "x", {"what": object()}))
        assert (len(backlog), backlog.size) == (0, 0)


class TestOverflow:
    def test_of_each_record_the_newest_stays_in_the_place_of_the_oldest(self) -> None:
        backlog = Backlog(4000)
        backlog.append(1.0, RoomRecord("1", "r", 1))
        for at in range(100):
            backlog.append(2.0, session("ann", f"name {at}"))
        backlog.append(3.0, RoomRecord("1", "r", 1, seq=9))
        waiting = drained(backlog)
        assert isinstance(waiting[0], RoomRecord)
        assert [change for change in waiting if isinstance(change, SessionRecord)][-1] == session("ann", "name 99")
        assert len(waiting) < 40
        assert backlog.lost == 0

    def test_then_the_oldest_events_are_given_up_and_counted(self) -> None:
        backlog = Backlog(10_000)
        backlog.append(0.0, session("ann"))
        for seq in range(1, 201):
            backlog.append(0.0, event(seq))
            assert backlog.size <= 10_000
        waiting = drained(backlog)
        kept = [change.seq for change in waiting if isinstance(change, EventRecord)]
        assert waiting[0] == session("ann")
        assert kept == list(range(201 - len(kept), 201))
        assert backlog.lost == 200 - len(kept)

    def test_rooms_and_sessions_never_are(self) -> None:
        backlog = Backlog(1000)
        for at in range(100):
            backlog.append(0.0, session(f"user {at}"))
            backlog.append(0.0, event(at))
        assert [c.user_id for c in drained(backlog) if isinstance(c, SessionRecord)] == [f"user {at}" for at in range(100)]

    def test_what_is_under_way_is_not_touched(self) -> None:
        backlog = Backlog(2000)
        backlog.append(0.0, event(1))
        batch = backlog.take()
        for seq in range(2, 100):
            backlog.append(0.0, event(seq))
        backlog.put_back()
        assert list(backlog.take(alone=True)) == list(batch)

    def test_what_one_gives_up_oneself_is_counted_too(self) -> None:
        backlog = Backlog(ROOMY)
        backlog.append(0.0, event(1))
        backlog.append(0.0, event(1, "q"))
        assert backlog.give_up(lambda change: isinstance(change, EventRecord) and change.room_id == "r") == 1
        assert (backlog.lost, drained(backlog)) == (1, [event(1, "q")])


CHANGES = st.one_of(
    st.builds(event, st.integers(1, 5), st.sampled_from("rq"), st.text(max_size=20)),
    st.builds(session, st.sampled_from(["ann", "bob"]), st.text(max_size=20)),
    st.builds(lambda user: SessionEnded("1", "r", 1, f"session-{user}"), st.sampled_from(["ann", "bob"])),
    st.builds(lambda seq: RoomRecord("1", "r", 1, seq), st.integers(0, 5)),
    st.just(RoomClosed("1", "r", 1, 0.0)),
)
STEPS = st.lists(st.one_of(CHANGES, st.sampled_from(["take", "confirm", "put back"])))


class Stored:
    """A store in small: what is there of each record, and the events in the order in which they came."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self.records = {key: change for change in changes if (key := key_of(change)) is not None}
        self.events = [change for change in changes if isinstance(change, EventRecord)]


def carried(steps: Sequence[Change | str], limit: int) -> tuple[Stored, Stored, Backlog]:
    """What was appended, and what has arrived in the end."""
    backlog = Backlog(limit)
    appended: list[Change] = []
    arrived: list[Change] = []
    for step in steps:
        match step:
            case "take":
                under_way = backlog.take()
                assert backlog.take() == under_way
            case "confirm":
                arrived += backlog.take()
                backlog.confirm()
            case "put back":
                backlog.put_back()
            case str():
                raise AssertionError(step)
            case change:
                backlog.append(0.0, change)
                appended.append(change)
    arrived += drained(backlog)
    assert backlog.size == 0
    return Stored(appended), Stored(arrived), backlog


@given(STEPS)
def test_nothing_is_lost_or_reordered_while_there_is_room(steps: list[Change | str]) -> None:
    appended, arrived, backlog = carried(steps, ROOMY)
    assert (arrived.events, arrived.records, backlog.lost) == (appended.events, appended.records, 0)


@given(STEPS, st.integers(1, 2000))
def test_without_room_only_events_are_lost_and_each_is_counted(steps: list[Change | str], limit: int) -> None:
    appended, arrived, backlog = carried(steps, limit)
    assert arrived.records == appended.records
    left = iter(appended.events)
    assert all(any(event is one for one in left) for event in arrived.events), "in order"
    assert len(appended.events) - len(arrived.events) == backlog.lost
