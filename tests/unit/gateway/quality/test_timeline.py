"""Who comes and goes, as the history is told it."""

from __future__ import annotations

import dataclasses

import pytest

from gateway.quality.counters import QualityCounters
from gateway.quality.history import Kind
from gateway.quality.legs import Legs
from gateway.quality.timeline import SessionRecovered, Timeline
from gateway.rooms.model import BOTH_MEDIA, Grant, PlayMode, Role, Room, Session
from tests.support.lobby import AUDIO, Guest, Lobby
from tests.support.watching import Pages


class Scene:
    """A room whose journal is heard by nobody until `begin`."""

    def __init__(self) -> None:
        self.lobby = Lobby()
        self.pages, self.legs, self.counters = Pages(), Legs(), QualityCounters()
        clock = self.lobby.clock
        self.timeline = Timeline(
            self.lobby.registry.grants, self.legs, self.counters, self.pages, clock, clock.wall
        )

    def begin(self) -> None:
        self.lobby.hear = self.timeline.hear

    def told(self) -> list[tuple[Kind, str]]:
        return [(entry.kind, entry.user_id) for entry in self.pages.entries]


def test_who_comes_is_told_once_and_so_is_who_goes() -> None:
    scene = Scene()
    scene.begin()
    ann = scene.lobby.enter("ann")
    scene.lobby.registry.set_role(ann.session, Role.AUDIENCE)
    scene.lobby.registry.set_rights(ann.session, True, None, None)
    ann.leave()
    assert scene.told() == [(Kind.JOIN, "ann"), (Kind.LEAVE, "ann")]
    assert len(scene.timeline) == 0


def test_who_was_there_before_the_gateway_was_started_anew_does_not_come_again() -> None:
    scene = Scene()
    ann = scene.lobby.enter("ann")
    scene.begin()
    scene.timeline.hear(SessionRecovered.of(ann.session))
    scene.lobby.registry.set_role(ann.session, Role.AUDIENCE)
    scene.lobby.registry.set_rights(ann.session, True, None, None)
    bob = scene.lobby.enter("bob")
    for guest in (ann, bob):
        guest.leave()
    assert scene.told() == [(Kind.JOIN, "bob"), (Kind.LEAVE, "ann"), (Kind.LEAVE, "bob")]
    assert len(scene.timeline) == 0


class Restarted:
    """Two processes with one history: what Ann publishes and plays in the first, the second has from the store."""

    def __init__(self) -> None:
        self.before, self.after = Scene(), Scene()
        self.before.begin()
        self.ann = self.before.lobby.enter("ann")
        for _ in range(10):
            self.after.lobby.new_id()  # no two processes give the same

    def restart(self) -> Guest:
        """Ann, as the second process knows her."""
        lobby, gone = self.after.lobby, self.ann.session
        room = Room("1", "room")
        session = dataclasses.replace(gone, room=room, deliver=lambda fact: None, publishing={}, playing={})
        lobby.registry.restore_room(room)
        lobby.registry.restore_session(session)
        for stream in gone.publishing.values():
            lobby.registry.restore_publishing(self._again(stream.grant, session), room, frozenset(), stream.extra_info)
        for grant in gone.playing.values():
            lobby.registry.restore_playing(self._again(grant, session))
        self.after.begin()
        self.after.timeline.hear(SessionRecovered.of(session))
        return Guest(lobby, session)

    def _again(self, grant: Grant, session: Session) -> Grant:
        return dataclasses.replace(grant, session=session, connections=0, told=None)

    def told(self) -> list[Kind]:
        """The timeline of both."""
        return [kind for scene in (self.before, self.after) for kind, _ in scene.told()]


@pytest.fixture
def restarted() -> Restarted:
    return Restarted()


@pytest.mark.parametrize("used", [False, True], ids=["not used yet", "used before"])
def test_what_was_given_before_the_gateway_was_started_anew_is_not_given_again(restarted: Restarted, used: bool) -> None:
    mine, theirs = restarted.ann.publish("a"), restarted.ann.play("b", wait=True)
    if used:
        restarted.before.lobby.connect(mine)
        restarted.before.lobby.connect(theirs)
    before = restarted.told()
    ann = restarted.restart()
    ann.publish("a")
    ann.publish("a", AUDIO, "other words")
    ann.play("b", AUDIO, wait=True, mode=PlayMode.LIVE)
    assert restarted.told() == before
    ann.leave()
    assert restarted.told() == [*before, Kind.LEAVE]
    assert len(restarted.after.timeline) == 0


def test_its_first_connection_is_told_whenever_it_comes_and_no_other(restarted: Restarted) -> None:
    restarted.ann.publish("a")
    used = restarted.before.lobby.connect(restarted.ann.play("b", wait=True))
    ann = restarted.restart()
    restarted.after.lobby.advance(2)
    for grant in (ann.session.publishing["a"].grant, ann.session.playing[used.stream_id]):
        restarted.after.lobby.connect(grant)
    ann.publish("a", AUDIO)
    assert restarted.told() == [Kind.JOIN, Kind.PUBLISH, Kind.PLAY, Kind.CONNECT, Kind.CONNECT]
    assert restarted.after.pages.of(Kind.CONNECT) == [{"direction": "push", "seconds": 2.0}]


def test_what_is_given_after_it_is_told(restarted: Restarted) -> None:
    restarted.ann.publish("a")
    ann = restarted.restart()
    ann.publish("c")
    ann.play("b", wait=True)
    assert restarted.told() == [Kind.JOIN, Kind.PUBLISH, Kind.PUBLISH, Kind.PLAY]


def test_a_publisher_that_comes_back_with_its_old_address_is_known_to_be_on_air(restarted: Restarted) -> None:
    """Whoever joins then, and gets a picture, is counted; its own first media came long ago."""
    restarted.before.lobby.connect(restarted.ann.publish("a"))
    ann = restarted.restart()
    grant = restarted.after.lobby.connect(ann.session.publishing["a"].grant)
    restarted.after.lobby.registry.media_arrived(grant, BOTH_MEDIA)
    assert restarted.after.legs.uplinks[grant.id].on_air_at == restarted.after.lobby.clock()
    assert not restarted.after.counters.first_media
