"""What counts as a right verdict: the leg at fault, to everyone concerned, and never another one or too early."""

from __future__ import annotations

import itertools
from contextlib import AsyncExitStack
from typing import Any, cast

from gateway.quality.verdict import Leg
from tests.support.bad_network import Network
from tests.support.callers import Caller, Footage
from tests.support.gateway import Client
from tests.support.legs import PUBLISHER, Call, Fault, Outcome, Pulse
from tests.support.process import GatewayProcess

BEGAN, FAULT = 100.0, 110.0
GOOD = {"level": "good", "since": 0, "evidence": []}
BAD = {"level": "bad", "since": 0, "evidence": [{"measure": "late", "value": 2.13, "limit": 1.0, "source": "gateway"}]}


class Ear:
    """A client that has heard what the test says."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def heard(self, method: str) -> list[dict[str, Any]]:
        assert method == "quality"
        return self.events


class Room:
    """A call of one publisher and two viewers."""

    def __init__(self) -> None:
        exits = AsyncExitStack()
        self.ears = {user: Ear() for user in (PUBLISHER, "ann", "bob")}
        callers = {user: Caller(user, cast(Client, ear), Network(exits), exits) for user, ear in self.ears.items()}
        self.call = Call(cast(GatewayProcess, None), cast(Footage, None), "room", 1, exits, Pulse(), callers, BEGAN)

    def fault(self, leg: Leg, *users: str) -> Fault:
        return Fault(leg, [self.call.callers[user] for user in users], FAULT)

    def hears(self, user: str, at: float, blame: Leg | None, *bad: Leg) -> None:
        """At a time a user hears who is to blame, and which legs are bad."""
        verdicts = {leg.value: BAD if leg in bad else GOOD for leg in Leg}
        server, entry = verdicts.pop("server"), {"streamID": "room", **verdicts}
        if user == PUBLISHER:
            told: dict[str, Any] = {"publishing": [{"streamID": "room", "uplink": entry["uplink"]}], "playing": []}
        else:
            told = {"publishing": [], "playing": [{**entry, "blame": blame}]}
        self.ears[user].events.append({"at": at, "params": {"roomID": "room", "server": server, **told}})

    def everyone_hears(self, at: float, blame: Leg | None, *bad: Leg) -> None:
        for user, delay in zip(self.ears, itertools.count(), strict=False):
            self.hears(user, at + delay, blame, *bad)


def judged(room: Room, fault: Fault | None = None) -> Outcome:
    return room.call.judged(fault)


def test_a_bad_uplink_concerns_everyone() -> None:
    room = Room()
    room.everyone_hears(101, None)
    room.everyone_hears(113, Leg.UPLINK, Leg.UPLINK)
    outcome = judged(room, room.fault(Leg.UPLINK, *room.ears))
    assert outcome.right
    assert outcome.took == 5.0, "the last of three"


def test_a_bad_downlink_concerns_one_viewer() -> None:
    room = Room()
    room.everyone_hears(101, None)
    room.hears("ann", 114, Leg.DOWNLINK, Leg.DOWNLINK)
    assert judged(room, room.fault(Leg.DOWNLINK, "ann")).right


def test_somebody_else_is_blamed_as_well() -> None:
    room = Room()
    room.hears("ann", 114, Leg.DOWNLINK, Leg.DOWNLINK)
    room.hears("bob", 115, Leg.DOWNLINK, Leg.DOWNLINK)
    outcome = judged(room, room.fault(Leg.DOWNLINK, "ann"))
    assert not outcome.right
    assert outcome.wrong == ["+5.0 s: bob: downlink bad: late=2.13 (gateway)"]


def test_another_leg_is_held_to_be_bad_as_well() -> None:
    room = Room()
    room.everyone_hears(113, Leg.UPLINK, Leg.UPLINK)
    room.hears("bob", 116, Leg.UPLINK, Leg.UPLINK, Leg.DOWNLINK)
    assert not judged(room, room.fault(Leg.UPLINK, *room.ears)).right


def test_blame_before_the_fault() -> None:
    room = Room()
    room.hears("ann", 109, Leg.DOWNLINK, Leg.DOWNLINK)
    assert not judged(room, room.fault(Leg.DOWNLINK, "ann")).right


def test_blame_that_comes_too_late_or_not_to_all() -> None:
    room = Room()
    room.hears("ann", 126, Leg.DOWNLINK, Leg.DOWNLINK)
    assert not judged(room, room.fault(Leg.DOWNLINK, "ann")).right
    room = Room()
    room.hears("ann", 113, Leg.SERVER, Leg.SERVER)
    outcome = judged(room, room.fault(Leg.SERVER, "ann", "bob"))
    assert not outcome.right
    assert outcome.wrong == ["bob: heard nothing"]


def test_a_leg_that_is_bad_and_not_blamed() -> None:
    room = Room()
    room.hears("ann", 113, None, Leg.DOWNLINK)
    assert not judged(room, room.fault(Leg.DOWNLINK, "ann")).right


def test_without_a_fault_nothing_may_be_bad() -> None:
    room = Room()
    room.everyone_hears(101, None)
    assert judged(room).right
    room = Room()
    room.hears(PUBLISHER, 102, None, Leg.SERVER)
    assert judged(room).wrong == ["+2.0 s: publisher: server bad: late=2.13 (gateway)"]


def test_what_was_judged_does_not_count_again() -> None:
    room = Room()
    room.hears("ann", 102, Leg.UPLINK, Leg.UPLINK)
    assert not judged(room).right
    assert judged(room).right
