"""Messages, commands and the room's extra info: who gets them, how long and how fast they may be."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from gateway.config import SignalingSettings
from gateway.errors import (
    EXTRA_INFO_KEY_EMPTY,
    EXTRA_INFO_KEY_TOO_LONG,
    EXTRA_INFO_TOO_MANY_KEYS,
    EXTRA_INFO_VALUE_TOO_LONG,
    INVALID_PARAMS,
    MESSAGE_EMPTY,
    MESSAGE_RATE,
    MESSAGE_TOO_LONG,
    RATE_LIMITED,
    ROOM_NOT_FOUND,
    USER_ID_TOO_LONG,
    Fault,
    GatewayError,
)
from gateway.rooms.events import BarrageMessage, BroadcastMessage, CustomCommand, RoomExtraInfoChanged, TextSent
from gateway.rooms.model import Medium, Role, User
from gateway.rooms.record import RoomRecord
from tests.support.lobby import Guest, Lobby


@pytest.fixture
def lobby() -> Lobby:
    return Lobby()


def refused(fault: Fault) -> Any:
    return pytest.raises(GatewayError, match=f"^{fault.number} ")


def got(guest: Guest, kind: type[TextSent] = TextSent) -> list[str]:
    return [event.text for event in guest.events if isinstance(event, kind)]


class TestBroadcast:
    def test_everyone_else_gets_it_with_its_number_and_its_time(self, lobby: Lobby) -> None:
        ann, bob, cat = lobby.enter("ann"), lobby.enter("bob", role=Role.AUDIENCE), lobby.enter("cat", room="another")
        number = lobby.talk.broadcast(ann.session, "hello")
        (message,) = bob.events
        assert message == BroadcastMessage("room", number, "ann", "ann", "ann's name", "hello", lobby.clock.wall())
        assert (got(ann), got(cat)) == ([], [])

    def test_the_audience_may_speak(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob", role=Role.AUDIENCE)
        lobby.talk.broadcast(bob.session, "hello")
        assert got(ann) == ["hello"]

    @pytest.mark.parametrize("say", ["broadcast", "barrage"])
    def test_lengths(self, lobby: Lobby, say: str) -> None:
        speak, ann = getattr(lobby.talk, say), lobby.enter("ann").session
        with refused(MESSAGE_EMPTY):
            speak(ann, "")
        with refused(MESSAGE_TOO_LONG):
            speak(ann, "ü" * 512 + "x")
        with refused(INVALID_PARAMS):
            speak(ann, "\ud800")
        speak(ann, "ü" * 512)

    def test_a_user_has_two_per_second(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann").session, lobby.enter("bob").session
        lobby.talk.broadcast(ann, "one")
        lobby.talk.broadcast(ann, "two")
        with refused(MESSAGE_RATE) as told:
            lobby.talk.broadcast(ann, "three")
        assert 500 <= (told.value.after_ms or 0) <= 501
        lobby.talk.broadcast(bob, "one")
        lobby.advance(0.5)
        lobby.talk.broadcast(ann, "three")

    def test_a_room_has_ten_per_second_and_one_who_is_too_fast_takes_none_of_them(self, lobby: Lobby) -> None:
        ann, *others = [lobby.enter(f"user {number}").session for number in range(6)]
        for _ in range(50):
            try:
                lobby.talk.broadcast(ann, "again")
            except GatewayError:
                continue
        for other in others[:4]:
            lobby.talk.broadcast(other, "one")
            lobby.talk.broadcast(other, "two")
        with refused(MESSAGE_RATE):
            lobby.talk.broadcast(others[4], "one")
        lobby.talk.broadcast(lobby.enter("elsewhere", room="another").session, "one")

    def test_a_new_login_brings_no_more(self, lobby: Lobby) -> None:
        lobby.enter("bob")
        for _ in range(2):
            ann = lobby.enter("ann")
            lobby.talk.broadcast(ann.session, "hi")
            ann.leave()
        with refused(MESSAGE_RATE):
            lobby.talk.broadcast(lobby.enter("ann").session, "hi")

    def test_what_the_room_refuses_takes_nothing_of_the_users(self) -> None:
        lobby = Lobby(signaling=SignalingSettings(broadcasts_per_room=2, broadcasts_per_user=1))
        ann, *others = [lobby.enter(name).session for name in ("ann", "bob", "cat")]
        for other in others:
            lobby.talk.broadcast(other, "hi")
        with refused(MESSAGE_RATE):
            lobby.talk.broadcast(ann, "hi")
        lobby.advance(0.5)
        lobby.talk.broadcast(ann, "hi")

    def test_of_those_who_spoke_only_the_last_are_remembered(self) -> None:
        lobby = Lobby(signaling=SignalingSettings(broadcasts_per_room=10, broadcasts_per_user=0.5))
        room = lobby.enter("host").session.room
        last_spoken: dict[str, float] = {}
        for number in range(300):
            lobby.advance(0.1)
            guest = lobby.enter(f"user {number * number % 101}")
            try:
                lobby.talk.broadcast(guest.session, "hi")
            except GatewayError:
                assert lobby.clock.now - last_spoken[guest.session.user.id] < 2
            else:
                assert lobby.clock.now - last_spoken.get(guest.session.user.id, -2) > 1.99, "not forgotten too early"
                last_spoken[guest.session.user.id] = lobby.clock.now
            guest.leave()
        assert len(room.allowances) <= 10 + 10 * 2 + 1


class TestBarrage:
    def test_what_is_too_much_is_dropped(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        numbers = [lobby.talk.barrage(ann.session, f"{number}") for number in range(25)]
        assert (numbers.count(None), len(got(bob, BarrageMessage))) == (5, 20)
        lobby.advance(1)
        assert lobby.talk.barrage(ann.session, "later") is not None


class TestCommands:
    def test_those_who_are_named_get_it(self, lobby: Lobby) -> None:
        ann, bob, cat = (lobby.enter(name) for name in ("ann", "bob", "cat"))
        lobby.talk.command(ann.session, "for bob", ["bob", "nobody"])
        lobby.talk.command(ann.session, "for all", [])
        lobby.talk.command(ann.session, "for myself", ["ann"])
        assert (got(ann), got(bob), got(cat)) == ([], ["for bob", "for all"], ["for all"])

    def test_who_is_named_has_to_be_an_id(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann").session
        with refused(USER_ID_TOO_LONG):
            lobby.talk.command(ann, "x", ["x" * 60_000])

    def test_ten_to_several_and_two_hundred_to_one(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann").session
        for _ in range(10):
            lobby.talk.command(ann, "x", [])
        with refused(MESSAGE_RATE):
            lobby.talk.command(ann, "x", ["bob", "cat"])
        for _ in range(200):
            lobby.talk.command(ann, "x", ["bob"])
        with refused(MESSAGE_RATE):
            lobby.talk.command(ann, "x", ["cat"])

    def test_it_names_so_many(self, lobby: Lobby) -> None:
        with refused(INVALID_PARAMS):
            lobby.talk.command(lobby.enter("ann").session, "x", [f"user {number}" for number in range(501)])


class TestTheServersWord:
    def test_everyone_hears_it_also_the_one_in_whose_name_it_is(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        teacher = User("ann", "The teacher", Role.BROADCASTER)
        for kind in (BroadcastMessage, BarrageMessage, CustomCommand):
            lobby.talk.say("1", "room", kind, teacher, kind.__name__)
        lobby.talk.say("1", "room", CustomCommand, teacher, "for bob", ["bob"])
        assert got(ann) == ["BroadcastMessage", "BarrageMessage", "CustomCommand"]
        assert got(bob) == [*got(ann), "for bob"]
        assert bob.events[0].user_name == "The teacher"

    def test_what_is_refused(self, lobby: Lobby) -> None:
        lobby.enter("ann")
        teacher = User("", "", Role.BROADCASTER)
        wrong = [("room", "", MESSAGE_EMPTY), ("room", "x" * 1025, MESSAGE_TOO_LONG), ("another", "x", ROOM_NOT_FOUND)]
        for room, text, fault in wrong:
            with refused(fault):
                lobby.talk.say("1", room, BroadcastMessage, teacher, text)
        with refused(ROOM_NOT_FOUND):
            lobby.talk.say("2", "room", BroadcastMessage, teacher, "x")


class TestRoomExtraInfo:
    def test_it_is_told_and_kept_until_it_is_taken_away(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        lobby.talk.set_room_extra_info(ann.session, "topic", "tea")
        lobby.talk.set_room_extra_info(bob.session, "topic", "milk")
        room = ann.session.room
        assert [(key, info.value, info.user_id) for key, info in room.extra_info.items()] == [("topic", "milk", "bob")]
        lobby.talk.set_room_extra_info(ann.session, "topic", "")
        lobby.talk.set_room_extra_info(ann.session, "topic", "")
        assert room.extra_info == {}
        told = [event for event in bob.events if isinstance(event, RoomExtraInfoChanged)]
        assert [(event.key, event.value.value, event.value.user_name) for event in told] == [
            ("topic", "tea", "ann's name"), ("topic", "", "ann's name"),
        ]  # fmt: skip
        kept = [record.extra_info for record in lobby.journal if isinstance(record, RoomRecord)]
        assert [{key: info.value for key, info in one.items()} for one in kept] == [{}, {"topic": "tea"}, {"topic": "milk"}, {}]

    @pytest.mark.parametrize(
        ("key", "value", "fault"),
        [
            ("", "x", EXTRA_INFO_KEY_EMPTY), ("ü" * 5 + "x", "x", EXTRA_INFO_KEY_TOO_LONG),
            ("a\0b", "x", INVALID_PARAMS),
            ("k", "ü" * 50 + "x", EXTRA_INFO_VALUE_TOO_LONG), ("eleventh", "x", EXTRA_INFO_TOO_MANY_KEYS),
        ],
        ids=lambda value: value.name if isinstance(value, Fault) else "",
    )  # fmt: skip
    def test_what_is_refused(self, lobby: Lobby, key: str, value: str, fault: Fault) -> None:
        ann = lobby.enter("ann").session
        for number in range(10):
            lobby.talk.set_room_extra_info(ann, f"key {number}", "x" * 100)
        lobby.talk.set_room_extra_info(ann, "key 3", "another")
        with refused(fault):
            lobby.talk.set_room_extra_info(ann, key, value)

    def test_a_new_room_of_the_same_id_begins_empty(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann")
        lobby.talk.set_room_extra_info(ann.session, "topic", "tea")
        ann.leave()
        assert lobby.enter("ann").session.room.extra_info == {}

    def test_what_its_author_wrote_already_changes_nothing(self, lobby: Lobby) -> None:
        ann, bob, cat = (lobby.enter(name) for name in ("ann", "bob", "cat"))
        for session in (ann.session, ann.session, bob.session, ann.session):
            lobby.talk.set_room_extra_info(session, "topic", "tea")
        assert [event.value.user_id for event in cat.events] == ["ann", "bob", "ann"]


class TestChanges:
    """What a session changes for all to see: its role, what it mutes, extra infos."""

    def test_all_kinds_share_a_sessions_allowance(self, lobby: Lobby) -> None:
        ann, bob, registry = lobby.enter("ann"), lobby.enter("bob"), lobby.registry
        ann.go_on_air("s")
        changes: list[Callable[[int], None]] = [
            lambda turn: registry.mute(ann.session, "s", {Medium.AUDIO: turn % 2 == 0}, permit),
            lambda turn: registry.set_stream_extra_info(ann.session, "s", f"{turn}", permit),
            lambda turn: lobby.talk.set_room_extra_info(ann.session, "k", f"{turn}"),
        ]

        def permit() -> None:
            lobby.talk.permit_change(ann.session)

        for turn in range(6):
            for change in changes:
                change(turn)
        registry.set_role(ann.session, Role.AUDIENCE, permit)
        registry.set_role(ann.session, Role.BROADCASTER, permit)
        ann.publish("s")
        bob.forget()
        for change in (*changes, lambda turn: registry.set_role(ann.session, Role.AUDIENCE, permit)):
            with refused(RATE_LIMITED) as told:
                change(8)
            assert 500 <= (told.value.after_ms or 0) <= 501
        assert (bob.events, ann.session.user.role) == ([], Role.BROADCASTER)
        lobby.talk.set_room_extra_info(bob.session, "k", "bob's")
        lobby.advance(0.5)
        registry.set_role(ann.session, Role.AUDIENCE, permit)

    def test_one_that_changes_nothing_takes_nothing(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann").session
        for _ in range(50):
            lobby.talk.set_room_extra_info(ann, "k", "same")
            lobby.registry.set_role(ann, Role.BROADCASTER, lambda: lobby.talk.permit_change(ann))
        for turn in range(19):
            lobby.talk.set_room_extra_info(ann, "k", f"{turn}")
        with refused(RATE_LIMITED):
            lobby.talk.set_room_extra_info(ann, "k", "one more")

    def test_one_who_is_restless_does_not_take_what_others_missed(self, lobby: Lobby) -> None:
        ann, bob, cat = (lobby.enter(name) for name in ("ann", "bob", "cat"))
        since = bob.session.room.seq
        lobby.talk.broadcast(cat.session, "hello")
        for turn in range(260):
            role = Role.BROADCASTER if turn % 2 else Role.AUDIENCE
            with suppress(GatewayError):
                lobby.registry.set_role(ann.session, role, lambda: lobby.talk.permit_change(ann.session))
        missed = lobby.registry.announcements.missed(bob.session, since)
        assert [event.text for event in missed if isinstance(event, TextSent)] == ["hello"]
