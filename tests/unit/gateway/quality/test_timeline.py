"""Who comes and goes, as the history is told it."""

from __future__ import annotations

from gateway.quality.counters import QualityCounters
from gateway.quality.history import Kind
from gateway.quality.legs import Legs
from gateway.quality.timeline import SessionRecovered, Timeline
from gateway.rooms.model import Role
from tests.support.lobby import Lobby
from tests.support.watching import Pages


class Scene:
    """A room whose journal is heard by nobody until `begin`."""

    def __init__(self) -> None:
        self.lobby = Lobby()
        self.pages = Pages()
        clock = self.lobby.clock
        self.timeline = Timeline(
            self.lobby.registry.grants, Legs(), QualityCounters(), self.pages, clock, clock.wall
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
