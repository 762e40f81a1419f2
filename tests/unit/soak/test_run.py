"""The soak's bookkeeping: what is played, and the table at the end."""

from __future__ import annotations

from gateway.quality.verdict import Leg
from tests.soak.run import KINDS, kind_of, programme, table
from tests.support.legs import LIMIT, Outcome


def test_every_kind_is_played_as_often_as_wanted_and_every_story_of_it() -> None:
    runs = 13
    played = dict(programme([*KINDS], runs))
    for kind, stories in KINDS.items():
        mine = [story for name, story in played.items() if kind_of(name) == kind]
        assert len(mine) == runs
        assert {id(story) for story in mine} == {id(story) for story in stories}


def test_the_kinds_take_turns() -> None:
    names = [name for name, _ in programme(["uplink", "phone call"], 2)]
    assert names == ["uplink-1", "phone-call-1", "uplink-2", "phone-call-2"]


def test_a_run_tells_its_kind() -> None:
    assert [kind_of(name) for name in ("uplink-7", "phone-call-100", "server-20-3")] == ["uplink", "phone call", "server"]


def test_what_is_right() -> None:
    assert Outcome("a", Leg.UPLINK, LIMIT).right
    assert not Outcome("a", Leg.UPLINK, LIMIT + 0.1).right
    assert not Outcome("a", Leg.UPLINK).right
    assert not Outcome("a", Leg.UPLINK, 3.0, ["something"]).right
    assert Outcome("a", None).right
    assert not Outcome("a", None, wrong=["something"]).right


def test_the_table() -> None:
    bad = [Outcome("uplink-1", Leg.UPLINK, 3.0), Outcome("uplink-2", Leg.UPLINK, 5.0), Outcome("uplink-3", Leg.UPLINK)]
    assert table({"uplink": bad, "healthy": [Outcome("healthy-1", None)]}).splitlines()[1:] == [
        "uplink           3      2      1   4.0 s, 5.0 s",
        "healthy          1      1      0   -",
    ]
