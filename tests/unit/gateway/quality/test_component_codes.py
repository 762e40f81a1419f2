"""Every code of live-pusher and live-player: what it says of which leg, and what never blames the network."""

from __future__ import annotations

import re

import pytest

from gateway.quality.component_codes import CODES, OTHER, Advice, ComponentCode, Kind, label, lookup
from gateway.quality.reports import Direction
from gateway.quality.verdict import Leg, Level

PUSHER = {
    0, *range(1001, 1009), *range(1018, 1023), *range(1031, 1035), *range(1101, 1107), *range(3001, 3006), 4998, 4999, 5000, 5001,
    *range(10001, 10005), *range(-1312, -1300), -3301, 2026, 2027, 2029, 6000, 10005, 10012, 10014,
}  # fmt: skip
PLAYER = {
    *range(2001, 2010), 2030, 2032, *range(2101, 2109), 3001, 3002, 3003, 3005, -2301, -2302, 5000, 2026, 2027, 2029, 6000,
}  # fmt: skip

NETWORK: dict[tuple[Direction, int], tuple[Kind, Level, Advice]] = {
    ("push", 1101): (Kind.WARNING, Level.FAIR, Advice.WAIT),
    ("push", 1102): (Kind.FAULT, Level.BAD, Advice.WAIT),
    ("push", 3001): (Kind.FAULT, Level.BAD, Advice.WAIT),
    ("push", 3002): (Kind.FAULT, Level.BAD, Advice.WAIT),
    ("push", 3003): (Kind.FAULT, Level.BAD, Advice.WAIT),
    ("push", 3005): (Kind.FAULT, Level.BAD, Advice.WAIT),
    ("push", -1307): (Kind.FAULT, Level.BAD, Advice.RESTART),
    ("pull", 2103): (Kind.FAULT, Level.BAD, Advice.WAIT),
    ("pull", 2104): (Kind.WARNING, Level.FAIR, Advice.WAIT),
    ("pull", 2105): (Kind.WARNING, Level.FAIR, Advice.WAIT),
    ("pull", 2107): (Kind.WARNING, Level.FAIR, Advice.WAIT),
    ("pull", 3001): (Kind.FAULT, Level.BAD, Advice.WAIT),
    ("pull", 3002): (Kind.FAULT, Level.BAD, Advice.WAIT),
    ("pull", 3003): (Kind.FAULT, Level.BAD, Advice.WAIT),
    ("pull", 3005): (Kind.FAULT, Level.BAD, Advice.WAIT),
    ("pull", -2301): (Kind.FAULT, Level.BAD, Advice.RESTART),
}
"""All that speak of a network."""


def code(direction: Direction, number: int) -> ComponentCode:
    found = lookup(direction, number)
    assert found is not None
    return found


def test_the_table_has_every_code_and_no_other() -> None:
    assert {number for direction, number in CODES if direction == "push"} == PUSHER
    assert {number for direction, number in CODES if direction == "pull"} == PLAYER


@pytest.mark.parametrize(("key", "expected"), NETWORK.items(), ids=str)
def test_what_speaks_of_the_network(key: tuple[Direction, int], expected: tuple[Kind, Level, Advice]) -> None:
    found = code(*key)
    assert (found.kind, found.level, found.advice) == expected
    assert found.leg is (Leg.UPLINK if key[0] == "push" else Leg.DOWNLINK)


def test_nothing_else_blames_a_leg() -> None:
    rest = [found for key, found in CODES.items() if key not in NETWORK]
    assert rest
    assert all((found.leg, found.level) == (None, Level.GOOD) for found in rest)


def test_a_phone_call_and_the_background_are_pauses() -> None:
    pauses = {key for key, found in CODES.items() if found.kind is Kind.PAUSE}
    assert pauses == {("push", 5000), ("push", 5001), ("pull", 5000)}
    assert {CODES[key].advice for key in pauses} == {Advice.WAIT}


def test_a_closed_connection_asks_for_another_address() -> None:
    closed = code("push", 3004)
    assert (closed.kind, closed.advice, closed.leg) == (Kind.FAULT, Advice.FRESH_URL, None)


@pytest.mark.parametrize("number", [10001, 10002, -1301, -1302, -1308, -1311])
def test_what_only_the_person_can_help(number: int) -> None:
    assert (code("push", number).kind, code("push", number).advice) == (Kind.FAULT, Advice.ASK_USER)


@pytest.mark.parametrize("found", CODES.values(), ids=lambda found: f"{found.direction} {found.number}")
def test_each_is_complete(found: ComponentCode) -> None:
    assert CODES[found.direction, found.number] is found
    assert re.fullmatch(r"[A-Z][A-Z0-9_]+", found.name)
    assert re.search("[a-z]", found.en), "an English sentence"
    assert re.search("[\u4e00-\u9fff]", found.zh), "a Chinese sentence"
    assert "|" not in found.en + found.zh
    if found.kind is Kind.LIFE:
        assert found.advice is Advice.NONE


@pytest.mark.parametrize("direction", ["push", "pull"])
def test_names_are_given_once(direction: Direction) -> None:
    names = [found.name for found in CODES.values() if found.direction == direction]
    assert len(set(names)) == len(names)


def test_what_nobody_explains_says_so() -> None:
    unknown = [found for found in CODES.values() if "UNKNOWN" in found.name]
    assert {found.number for found in unknown} == {2026, 2027, 2029, 6000, 10005, 10012, 10014}
    assert all(found.name == f"UNKNOWN_{found.number}" and "unknown" in found.en and found.kind is Kind.LIFE for found in unknown)


def test_a_code_of_the_other_component_is_not_known() -> None:
    assert lookup("push", 2103) is None
    assert lookup("pull", 1101) is None
    assert lookup("pull", 3004) is None


def test_labels_are_of_the_table_or_other() -> None:
    assert (label("push", -1307), label("pull", -1307), label("pull", 2103)) == ("-1307", OTHER, "2103")
    labels = {label(direction, number) for direction in ("push", "pull") for number in range(-20_000, 20_000)}
    assert labels == {str(number) for number in PUSHER | PLAYER} | {OTHER}
