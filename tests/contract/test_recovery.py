"""From one process to the next: what a registry told comes out of the store, and is there again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import SignalingSettings
from gateway.errors import GatewayError
from gateway.rooms.events import UserLeft
from gateway.rooms.memory_store import MemoryRoomStore
from gateway.rooms.model import Reason
from gateway.rooms.recorder import Recorder
from gateway.rooms.store import Change, Taken
from gateway.rooms.talk import Talk
from gateway.signaling.recovery import recover
from gateway.signaling.sessions import Sessions
from tests.support.lobby import A_DAY, Guest, Lobby

WINDOW = 60.0


class Generation:
    """One process: a lobby that begins with what was taken over."""

    def __init__(self, taken: Taken) -> None:
        self.lobby = lobby = Lobby()
        self.changes: list[Change] = []
        recorder = Recorder(self.changes.append, lobby.clock.wall)
        recorder.take_over(taken)
        settings = SignalingSettings(user_count_interval=A_DAY)
        self.sessions = Sessions(settings, lobby.apps, lobby.registry, lobby.timers, lobby.clock.wall)
        self.abandoned = recover(taken.rooms, lobby.apps, lobby.registry, self.sessions, settings, WINDOW)
        self._recorder = recorder

    def told(self) -> list[Change]:
        """All changes since this was asked last."""
        for fact in self.lobby.journal:
            self._recorder(fact)
        self.lobby.journal.clear()
        changes, self.changes[:] = list(self.changes), []
        return changes


Steps = list[tuple[str, int]]
_WHAT = st.sampled_from(["enter", "leave", "publish", "air", "unpublish", "play"])
steps = st.lists(st.tuples(_WHAT, st.integers(0, 3)), max_size=40)


def live(lobby: Lobby, history: Steps) -> dict[int, Guest]:
    """Lets users do these things; those who are there at the end."""
    inside: dict[int, Guest] = {}
    for step, number in history:
        guest = inside.get(number)
        if guest is None:
            if step == "enter":
                inside[number] = lobby.enter(f"user{number}")
        elif step == "leave":
            inside.pop(number).leave()
        elif step == "publish":
            guest.publish(f"cam{number}")
        elif step == "air" and f"cam{number}" not in guest.session.publishing:
            guest.go_on_air(f"cam{number}")
        elif step == "unpublish" and (stream := guest.session.publishing.get(f"cam{number}")):
            lobby.registry.unpublish(guest.session, stream.id, stream.grant.media)
        elif step == "play":
            guest.play(f"cam{(number + 1) % 4}", wait=True)
    return inside


async def handed_over(history: Steps) -> tuple[dict[int, Guest], Generation, Generation, MemoryRoomStore]:
    store = MemoryRoomStore()
    first = Generation(await store.take_over(0))
    inside = live(first.lobby, history)
    await store.write(first.told())
    return inside, first, Generation(await store.take_over(1)), store


@pytest.mark.parametrize("way", ["all stay away", "all come back"])
@given(history=steps)
async def test_users_and_keys_are_what_they_were_and_every_join_has_one_leave(way: str, history: Steps) -> None:
    inside, first, second, store = await handed_over(history)
    lobby = second.lobby
    assert set(second.sessions.by_id) == {guest.session.id for guest in inside.values()}
    for guest in inside.values():
        grants = [stream.grant for stream in guest.session.publishing.values()]
        for grant in (*grants, *guest.session.playing.values()):
            restored = lobby.registry.admit(first.lobby.request(grant))
            assert (restored.id, restored.stream_id, restored.user_id) == (grant.id, grant.stream_id, grant.user_id)
    assert not any(stream.announced for stream in lobby.registry.streams.values())
    for attachment in list(second.sessions.by_id.values()):
        if way == "all come back":
            session = attachment.session
            assert second.sessions.resume(session.id, session.app, session.room.id, session.user.id) is attachment
            lobby.registry.leave(session, Reason.STOPPED)
            second.sessions.by_id.pop(session.id)
    lobby.advance(WINDOW + 1)
    assert lobby.leftovers() == {}
    await store.write(second.told())
    for app, room in {("1", "room")}:
        events = await store.events(app, room)
        names = [event.name for event in events]
        assert names.count("UserJoined") == names.count("UserLeft")
        assert names.count("StreamAdded") == names.count("StreamRemoved")
    assert (await store.take_over(2)).rooms == ()


async def test_who_stays_away_is_said_to_have_left_for_the_restart() -> None:
    _, _, second, _ = await handed_over([("enter", 0), ("enter", 1)])
    heard: list[Any] = []
    stays, leaves = list(second.sessions.by_id.values())
    session = stays.session
    session.user_update, session.deliver = True, heard.append
    assert second.sessions.resume(session.id, "1", "room", session.user.id)
    second.lobby.advance(WINDOW + 1)
    [left] = [fact for fact in heard if isinstance(fact, UserLeft)]
    assert (left.user.id, left.reason) == (leaves.session.user.id, Reason.SERVER_RESTART)
    assert second.sessions.resume(leaves.session.id, "1", "room", leaves.session.user.id) is None, "it logs in afresh"


async def test_a_client_that_heard_more_than_was_stored_misses_nothing_of_the_new_life() -> None:
    _, _, second, _ = await handed_over([("enter", 0), ("enter", 1)])
    back, other = list(second.sessions.by_id.values())
    stored = back.session.room.seq
    talk = Talk(second.lobby.signaling, second.lobby.registry, second.lobby.clock, second.lobby.clock.wall)
    said = [talk.barrage(other.session, f"number {number}") for number in range(3)]
    heard = second.sessions.missed(back, stored + 2)  # two events of the former life were never stored
    assert [event.seq for event in heard] == said
    assert second.sessions.missed(back, stored + 2)[0].seq == stored + 3, "from now on numbers mean what they say"


async def test_rooms_of_an_app_that_is_no_more_are_given_up() -> None:
    inside, first, _, store = await handed_over([("enter", 0), ("publish", 0)])
    [guest] = inside.values()
    grant = guest.session.publishing["cam0"].grant
    lobby = Lobby(apps={"2": Lobby().apps["2"]})
    sessions = Sessions(lobby.signaling, lobby.apps, lobby.registry, lobby.timers, lobby.clock.wall)
    taken = await store.take_over(3)
    abandoned = recover(taken.rooms, lobby.apps, lobby.registry, sessions, lobby.signaling, WINDOW)
    assert [(room.app, room.room_id) for room in abandoned] == [("1", "room")]
    with pytest.raises(GatewayError):
        lobby.registry.admit(first.lobby.request(grant))
