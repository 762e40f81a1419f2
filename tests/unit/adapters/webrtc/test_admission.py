"""Turns to connect: bounded, fair among addresses, and given back by whoever does not come."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.webrtc.admission import TURN, Admission, Ticket
from adapters.webrtc.counters import TOO_MANY_OF_ADDRESS, TOO_MANY_WAITING, WAITED_TOO_LONG
from gateway.config import WebRtcSettings
from gateway.errors import OVERLOADED, SHUTTING_DOWN, GatewayError
from tests.support.streams import HandMovedLoop

PLACES, LINE, PER_ADDRESS, PATIENCE = 2, 6, 4, 3.0


class Door:
    """An admission, and the story of those who came."""

    def __init__(self, line: int = LINE) -> None:
        self.loop = HandMovedLoop()
        self.refusals: Counter[str] = Counter()
        settings = WebRtcSettings(
            handshakes=PLACES, waiting=line, waiting_deadline=PATIENCE, unconnected_per_address=PER_ADDRESS
        )
        self.admission = Admission(settings, self.loop.call_later, lambda label: self.refusals.update([label]))
        self.admitted: list[str] = []
        self.refused: dict[str, GatewayError] = {}
        self._names = count(1)

    def enter(self, address: str) -> Ticket:
        """Someone comes from there: `a1` is the first of all, from `a`."""
        name = f"{address}{next(self._names)}"
        return self.admission.enter(
            address, lambda: self.admitted.append(name), lambda error: self.refused.update({name: error})
        )


def test_who_finds_a_place_is_admitted_at_once() -> None:
    door = Door()
    door.enter("a")
    door.enter("a")
    assert door.admitted == ["a1", "a2"]


def test_without_a_line_those_who_find_a_place_are_admitted_all_the_same() -> None:
    door = Door(line=0)
    door.enter("a")
    door.enter("a")
    with pytest.raises(GatewayError):
        door.enter("a")
    assert door.admitted == ["a1", "a2"]


def test_the_next_is_admitted_when_one_has_connected() -> None:
    door = Door()
    first, _, _ = door.enter("a"), door.enter("a"), door.enter("a")
    assert door.admitted == ["a1", "a2"]
    first.settle()
    assert door.admitted == ["a1", "a2", "a3"]


def test_turns_go_round_the_addresses() -> None:
    door = Door()
    tickets = {f"{address}{number}": door.enter(address) for number, address in enumerate("aaaabc", 1)}
    for name in door.admitted:  # grows while it is gone through
        tickets[name].settle()
    assert door.admitted == ["a1", "a2", "a3", "b5", "c6", "a4"]


def test_who_does_not_come_gives_its_place_back() -> None:
    door = Door()
    for address in "abc":
        door.enter(address)
    door.loop.advance(TURN)
    assert door.admitted == ["a1", "b2", "c3"]
    assert not door.refused


def test_who_waits_too_long_is_refused() -> None:
    door = Door()
    for address in "aabbccdd":
        door.enter(address)
    door.loop.advance(PATIENCE)
    assert door.admitted == ["a1", "a2", "b3", "c5", "d7", "b4"]
    assert {name: error.fault for name, error in door.refused.items()} == {"c6": OVERLOADED, "d8": OVERLOADED}
    assert door.refusals == {WAITED_TOO_LONG: 2}


def test_a_full_line_refuses() -> None:
    door = Door()
    for address in "aabbccdd":
        door.enter(address)
    with pytest.raises(GatewayError) as refusal:
        door.enter("e")
    assert refusal.value.fault is OVERLOADED
    assert refusal.value.after_ms
    assert door.refusals == {TOO_MANY_WAITING: 1}


def test_an_address_has_only_so_many_that_are_not_connected() -> None:
    door = Door()
    tickets = [door.enter("a") for _ in range(PER_ADDRESS)]
    with pytest.raises(GatewayError) as refusal:
        door.enter("a")
    assert refusal.value.fault is OVERLOADED
    assert door.refusals == {TOO_MANY_OF_ADDRESS: 1}
    tickets[0].settle()
    door.enter("a")


def test_the_end_is_told_to_those_who_wait() -> None:
    door = Door()
    for address in "abc":
        door.enter(address)
    door.admission.close(GatewayError(SHUTTING_DOWN))
    assert [error.fault for error in door.refused.values()] == [SHUTTING_DOWN]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.floats(0, 2))))
def test_places_and_lines_are_kept_whatever_happens(story: list[tuple[str, int, float]]) -> None:
    """Each step: someone comes, someone settles, time passes."""
    door = Door()
    tickets: list[Ticket] = []
    for address, settled, seconds in story:
        with suppress(GatewayError):
            tickets.append(door.enter(address))
        if settled < len(tickets):
            tickets[settled].settle()
        door.loop.advance(seconds)
        assert 0 <= door.admission.shaking <= PLACES
        assert 0 <= door.admission.waiting <= LINE
        assert not door.admission.waiting or door.admission.shaking == PLACES
    for ticket in tickets:
        ticket.settle()
    assert door.admission.shaking == door.admission.waiting == 0
    assert not door.loop.pending
    assert not door.admission._of_address
    assert door.refusals[WAITED_TOO_LONG] == len(door.refused)
