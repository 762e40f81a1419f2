"""The recorder: what the registry tells, in the store's words."""

from __future__ import annotations

from typing import Any

from gateway.auth.access import Action
from gateway.rooms.backlog import Backlog
from gateway.rooms.recorder import Recorder
from gateway.rooms.store import Change, EventRecord, GrantRecord, RoomClosed, RoomRecord, Taken
from tests.support.lobby import Lobby


class Book:
    """A lobby, and what its registry told in the store's words."""

    def __init__(self, taken: Taken | None = None) -> None:
        self.lobby = Lobby()
        self._changes: list[Change] = []
        self.recorder = Recorder(self._changes.append, self.lobby.clock.wall)
        self.recorder.take_over(taken or Taken())

    @property
    def changes(self) -> list[Change]:
        facts, self.lobby.journal[:] = list(self.lobby.journal), []
        for fact in facts:
            self.recorder(fact)
        return self._changes

    def of(self, kind: type[Any]) -> list[Any]:
        return [change for change in self.changes if isinstance(change, kind)]


def test_a_room_comes_before_everything_in_it_and_is_closed_after_it() -> None:
    book = Book()
    ann = book.lobby.enter("ann")
    ann.go_on_air("cam")
    ann.leave()
    assert isinstance(book.changes[0], RoomRecord)
    assert isinstance(book.changes[-1], RoomClosed)
    assert len(book.recorder) == 0


def test_rooms_have_epochs_greater_than_all_that_were() -> None:
    book = Book(Taken(next_epoch=7))
    book.lobby.enter("ann").leave()
    book.lobby.enter("ann")
    assert [room.epoch for room in book.of(RoomRecord)] == [7, 8]


def test_a_grant_says_whether_others_know_of_its_stream() -> None:
    book = Book()
    ann = book.lobby.enter("ann")
    grant = ann.publish("cam")
    assert not book.of(GrantRecord)[-1].announced
    book.lobby.connect(grant)
    book.lobby.registry.media_arrived(grant, grant.media)
    assert book.of(GrantRecord)[-1].announced
    assert book.of(GrantRecord)[-1].arriving == ("audio", "video")
    book.lobby.registry.publisher_left(grant, None)
    assert not book.of(GrantRecord)[-1].announced


def test_events_are_numbered_without_a_gap_and_all_is_made_of_json_values() -> None:
    book = Book()
    ann, bob = book.lobby.enter("ann"), book.lobby.enter("bob")
    ann.go_on_air("cam")
    bob.play("cam")
    ann.leave()
    events = book.of(EventRecord)
    assert [event.seq for event in events] == list(range(1, bob.session.room.seq + 1))
    backlog = Backlog(1 << 20)
    for change in book.changes:
        backlog.append(0, change)


def test_the_grant_of_a_signed_address_is_not_stored() -> None:
    book = Book()
    request = book.lobby.address(Action.PUBLISH, "studio")
    book.lobby.registry.publisher_joined(book.lobby.registry.admit(request))
    assert not book.of(GrantRecord)
