"""When a session is told of its quality, and what that costs while there is nothing to tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.quality.notices import AT_ONCE, Notices
from gateway.quality.overview import Overview, PublishView, QualityNotice, dated
from gateway.quality.verdict import Verdict
from gateway.rooms.model import Role, Room, Session, User
from tests.support.lobby import UNIX_START, Clock

INTERVAL = 3.0
OVERVIEW = Overview(Verdict(since=5.0), (PublishView("ann", "a", "rtmp", Verdict()),))


@dataclass
class Legs:
    """A session's, which do as they are told."""

    levels: object = "good"
    flows: bool = True
    written_out: int = 0

    def overview(self) -> Overview:
        self.written_out += 1
        return OVERVIEW


@dataclass
class Listener:
    session: Session
    quality_update: bool = False
    heard: list[Any] = field(default_factory=list)
    legs: Legs = field(default_factory=Legs)

    def deliver(self, fact: object) -> None:
        self.heard.append(fact)


def listener(name: str = "ann", *, regularly: bool = False) -> Listener:
    session = Session(name, "1", Room("1", "room"), User(name, name, Role.BROADCASTER), False, print)
    session.publishing["a"] = None
    return Listener(session, regularly)


class Scene:
    """Listeners, and rounds over them."""

    def __init__(self, *listeners: Listener) -> None:
        self.listeners = {one.session.id: one for one in listeners}
        self.clock = Clock()
        self.notices = Notices(
            self.listeners.values, lambda session: self.listeners[session.id].legs, lambda one: dated(one, UNIX_START), INTERVAL,
            self.clock,
        )  # fmt: skip

    def live(self, seconds: int) -> None:
        """A round each second."""
        for _ in range(seconds):
            self.clock.now += 1
            for _ in self.notices.round():
                pass


def test_what_stays_as_it_is_is_told_once_and_written_out_once() -> None:
    ann = listener()
    Scene(ann).live(60)
    assert (len(ann.heard), ann.legs.written_out) == (1, 1)


def test_while_nothing_has_flowed_yet_nothing_is_told_nor_written_out() -> None:
    ann = listener(regularly=True)
    ann.legs.flows = False
    Scene(ann).live(60)
    assert (ann.heard, ann.legs.written_out) == ([], 0)


def test_a_change_is_told_in_the_next_round_but_no_sooner_than_the_interval_allows() -> None:
    ann = listener()
    scene = Scene(ann)
    scene.live(10)
    for level, heard in (("bad", 2), ("good", 2), ("bad, and no better", 2), ("bad, and no better", 3)):
        ann.legs.levels = level
        scene.live(1)
        assert len(ann.heard) == heard
    assert ann.legs.written_out == 3


def test_a_change_back_before_it_could_be_told_is_none() -> None:
    ann = listener()
    scene = Scene(ann)
    scene.live(1)
    ann.legs.levels = "bad"
    scene.live(1)
    ann.legs.levels = "good"
    scene.live(10)
    assert len(ann.heard) == 1


def test_what_stops_flowing_is_told_as_the_change_that_it_is() -> None:
    ann = listener()
    scene = Scene(ann)
    scene.live(10)
    ann.legs.levels, ann.legs.flows = "nothing", False
    scene.live(10)
    assert len(ann.heard) == 2


@pytest.mark.parametrize(("flows", "heard"), [(True, 21), (False, 1)])
def test_one_who_wants_numbers_gets_them_every_interval_as_long_as_there_are_any(flows: bool, heard: int) -> None:
    ann = listener(regularly=True)
    scene = Scene(ann)
    scene.live(1)
    ann.legs.flows = flows
    scene.live(60)
    assert (len(ann.heard), ann.legs.written_out) == (heard, heard)
    assert {notice.stats for notice in ann.heard} == {True}


def test_it_is_told_in_unix_time() -> None:
    ann = listener()
    Scene(ann).live(1)
    assert ann.heard == [QualityNotice("room", dated(OVERVIEW, UNIX_START), False)]


def test_one_who_has_come_back_is_told_at_once_and_not_again() -> None:
    ann = listener()
    scene = Scene(ann)
    scene.live(10)
    assert scene.notices.now(ann.session, stats=True) == QualityNotice("room", dated(OVERVIEW, UNIX_START), True)
    scene.live(10)
    assert len(ann.heard) == 1


def test_one_that_has_nothing_any_more_is_forgotten() -> None:
    ann = listener()
    scene = Scene(ann)
    scene.live(1)
    assert len(scene.notices) == 1
    ann.session.publishing.clear()
    scene.live(1)
    assert len(scene.notices) == 0


def test_a_round_over_many_is_made_in_steps() -> None:
    scene = Scene(*(listener(f"user{number}") for number in range(3 * AT_ONCE)))
    assert sum(1 for _ in scene.notices.round()) == 3
