"""What is kept of a room for those who come back, and who is told what they missed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import SignalingSettings
from gateway.rooms.announcements import History
from gateway.rooms.events import BroadcastMessage, RoomEvent
from gateway.rooms.record import EventRecord
from tests.support.lobby import Guest, Lobby


def said(seq: int, text: str = "") -> RoomEvent:
    return BroadcastMessage("r", seq, "ann", "ann", "Ann", text, 0.0)


def texts(events: list[RoomEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, BroadcastMessage)]


class TestHistory:
    def test_what_came_after(self) -> None:
        history = History(10, 100_000)
        for seq in range(5, 9):
            history.add(said(seq))
        assert [event.seq for event in history.after(6) or []] == [7, 8]
        assert [event.seq for event in history.after(4) or []] == [5, 6, 7, 8]

    @pytest.mark.parametrize("seq", [0, 3, 8, 99])
    def test_a_gap_or_nothing_to_tell(self, seq: int) -> None:
        history = History(10, 100_000)
        for number in range(5, 9):
            history.add(said(number))
        assert history.after(seq) is None

    @given(st.lists(st.integers(0, 2000), min_size=1, max_size=60), st.integers(0, 20), st.integers(0, 20_000))
    def test_it_keeps_the_newest_within_its_bounds(self, lengths: list[int], most: int, size: int) -> None:
        history = History(most, size)
        events = [said(seq, "x" * length) for seq, length in enumerate(lengths, 1)]
        for event in events:
            history.add(event)
        kept = next((kept for seq in range(len(events)) if (kept := history.after(seq)) is not None), [])
        assert kept == events[len(events) - len(kept) :]
        assert len(kept) <= most
        assert sum(event.size for event in kept) <= size
        if len(kept) < min(most, len(events)):
            assert sum(event.size for event in events[-len(kept) - 1 :]) > size, "no more was let go than had to be"


class TestMissed:
    def missed(self, guest: Guest, last_seq: int) -> list[RoomEvent]:
        return guest.lobby.registry.announcements.missed(guest.session, last_seq)

    def test_only_what_concerned_it(self) -> None:
        lobby = Lobby()
        ann, bob = lobby.enter("ann", user_update=True), lobby.enter("bob")
        begun = ann.session.room.seq
        lobby.talk.broadcast(ann.session, "my own")
        lobby.talk.broadcast(bob.session, "for all")
        lobby.talk.command(bob.session, "for cat", ["cat"])
        lobby.talk.command(bob.session, "for ann", ["ann"])
        lobby.enter("cat")
        assert self.missed(ann, begun) == ann.events[-3:]
        assert [type(event).__name__ for event in self.missed(ann, begun)] == ["BroadcastMessage", "CustomCommand", "UserJoined"]

    def test_nothing_from_before_it_came(self) -> None:
        lobby = Lobby()
        ann = lobby.enter("ann")
        lobby.talk.broadcast(ann.session, "early")
        bob = lobby.enter("bob")
        lobby.talk.broadcast(ann.session, "late")
        assert texts(self.missed(bob, 0)) == ["late"]

    @pytest.mark.parametrize("last_seq", [-1, 10_000])
    def test_a_number_that_is_none(self, last_seq: int) -> None:
        lobby = Lobby()
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        lobby.talk.broadcast(ann.session, "hi")
        assert texts(self.missed(bob, last_seq)) == (["hi"] if last_seq < 0 else [])

    def test_too_long_ago(self) -> None:
        lobby = Lobby(signaling=SignalingSettings(replay_events=2))
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        for text in ("one", "two"):
            lobby.talk.broadcast(ann.session, text)
        seq = bob.session.room.seq
        assert texts(self.missed(bob, seq - 2)) == ["one", "two"]
        lobby.advance(1)
        lobby.talk.broadcast(ann.session, "three")
        assert self.missed(bob, seq - 2) == []


def test_the_journal_gets_every_event_even_if_nobody_hears_it() -> None:
    lobby = Lobby()
    ann = lobby.enter("ann")
    lobby.talk.broadcast(ann.session, "to nobody")
    ann.leave()
    seqs = [record.event.seq for record in lobby.journal if isinstance(record, EventRecord)]
    assert seqs == [1, 2, 3]
