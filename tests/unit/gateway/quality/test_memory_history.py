"""The history in memory: what it keeps, what gives way, and that a timeline tells each entry once and in order."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import KIB, QualitySettings
from gateway.quality.history import Entry, Kind, Numbered, Numbering, first_number
from gateway.quality.memory_history import MemoryHistory

T = TypeVar("T")
NOW = 1_800_000_000.0
PLENTY = replace(QualitySettings(), history_rate=1e6)
TEXT = "x" * 1_000


def told(answer: Coroutine[Any, Any, T]) -> T:
    """What a coroutine that never waits returns."""
    with pytest.raises(StopIteration) as done:
        answer.send(None)
    value: T = done.value.value
    return value


def entry(room: str = "r", stream: str = "", at: float = NOW, app: str = "1", **data: Any) -> Entry:
    return Entry(app, room, at, Kind.REPORT, "ann", stream, data)


def entries(found: Sequence[Numbered]) -> list[Entry]:
    return [one.entry for one in found]


class Scene:
    def __init__(self, settings: QualitySettings = PLENTY) -> None:
        self.now = 0.0
        self.history = MemoryHistory(settings, lambda: self.now)

    def record(self, *recorded: Entry) -> None:
        for one in recorded:
            self.history.record(one)

    def timeline(self, app: str = "1", **wanted: Any) -> list[Numbered]:
        return list(told(self.history.timeline(app, **wanted)))

    def pages(self, limit: int, app: str = "1", **wanted: Any) -> list[Numbered]:
        found: list[Numbered] = []
        while page := self.timeline(app, limit=limit, after=found[-1].number if found else "", **wanted):
            assert len(page) <= limit
            found += page
        return found


NAMES = st.sampled_from(["a", "b", ""])
RECORDED = st.lists(
    st.builds(
        lambda app, room, stream, at: Entry(app, room, at, Kind.CODE, "ann", stream, {"at": at}),
        st.sampled_from(["1", "2"]), NAMES, NAMES, st.floats(NOW, NOW + 10) | st.sampled_from([NOW, NOW + 5]),
    ),
    max_size=40,
)  # fmt: skip


@given(RECORDED, st.integers(1, 7), st.integers(1, 8), st.floats(NOW - 1, NOW + 11))
def test_timelines_are_in_order_and_tell_each_entry_once(recorded: list[Entry], limit: int, most: int, since: float) -> None:
    scene = Scene(replace(PLENTY, history_entries=most))
    rings: dict[tuple[str, str, str], deque[Entry]] = defaultdict(lambda: deque(maxlen=most))
    for one in recorded:
        scene.record(one)
        rings[one.app, one.room_id, one.stream_id if not one.room_id else ""].append(one)
    for app in ("1", "2"):
        for name in ("a", "b"):
            of_room = list(rings[app, name, ""])
            assert entries(scene.pages(limit, app, room_id=name)) == of_room
            assert entries(scene.timeline(app, room_id=name, since=since)) == [one for one in of_room if one.at >= since]
            of_stream = [kept for (of, *_), ring in rings.items() if of == app for kept in ring if kept.stream_id == name]
            found = scene.pages(limit, app, stream_id=name)
            assert [one.number for one in found] == sorted({one.number for one in found})
            assert sorted(map(id_of, entries(found))) == sorted(map(id_of, of_stream))
            assert entries(scene.pages(limit, app, stream_id=name, room_id="a")) == [
                one for one in rings[app, "a", ""] if one.stream_id == name
            ]


def id_of(one: Entry) -> tuple[str, str, float]:
    return one.app, one.room_id, one.at


@given(st.lists(st.tuples(NAMES, NAMES, st.integers(0, 3_000)), max_size=150))
def test_it_never_holds_more_than_it_may(recorded: list[tuple[str, str, int]]) -> None:
    scene = Scene(replace(PLENTY, history_bytes=20_000, history_entries=8))
    for room, stream, size in recorded:
        scene.record(entry(room, stream, text="x" * size))
        assert scene.history.size <= 20_000
    streams = {(one.place[0], one.stream_id) for ring in scene.history._rings.values() for one in ring if one.stream_id}
    assert set(scene.history._streams) == streams, "nothing is left of what went"


def test_a_busy_room_pushes_no_other_out() -> None:
    scene = Scene(replace(PLENTY, history_entries=10))
    scene.record(entry("quiet"), *(entry("busy", at=NOW + at) for at in range(100)))
    assert len(scene.timeline(room_id="quiet")) == 1
    assert [one.entry.at for one in scene.timeline(room_id="busy")] == [NOW + at for at in range(90, 100)]


def test_the_room_in_which_nothing_happened_for_longest_gives_way_first() -> None:
    scene = Scene(replace(PLENTY, history_bytes=128 * KIB))
    scene.record(entry("over", text=TEXT), entry("goes on", text=TEXT))
    at = 0
    while scene.timeline(room_id="over"):
        at += 1
        scene.record(entry(f"room {at}", text=TEXT), entry("goes on", text=TEXT))
    assert 10 < at < 128, "only when there is no more room"
    assert len(scene.timeline(room_id="goes on")) == at + 1
    assert scene.timeline(room_id="room 1")
    assert scene.history.lost == 0, "what was kept for its time is not lost"


def test_when_there_is_one_room_its_oldest_entries_give_way() -> None:
    scene = Scene(replace(PLENTY, history_bytes=64 * KIB))
    scene.record(*(entry(at=NOW + at, text=TEXT) for at in range(100)))
    kept = [one.entry.at for one in scene.timeline(room_id="r")]
    assert 30 < len(kept) < 64
    assert kept == [NOW + 100 - at for at in range(len(kept), 0, -1)]


def test_the_rate_comes_back_with_time() -> None:
    scene = Scene(replace(PLENTY, history_rate=2))
    scene.record(*[entry()] * 5)
    assert (len(scene.timeline(room_id="r")), scene.history.lost) == (2, 3)
    scene.now = 1.0
    scene.record(*[entry()] * 3)
    assert (len(scene.timeline(room_id="r")), scene.history.lost) == (4, 4)


class TestNumbers:
    @given(st.lists(st.floats(0, 1e10), min_size=1))
    def test_sort_as_they_were_given(self, times: list[float]) -> None:
        numbering = Numbering("ab12")
        numbers = [numbering.next(at) for at in times]
        assert numbers == sorted(set(numbers))
        assert {len(number) for number in numbers} == {20}

    @given(st.floats(0, 1e10), st.floats(0, 1e10))
    def test_say_whether_an_entry_can_be_of_a_moment_or_later(self, at: float, since: float) -> None:
        if at >= since:
            assert Numbering("a").next(at) >= first_number(since)
        elif int(at * 1000) < int(since * 1000):
            assert Numbering("f").next(at) < first_number(since)

    def test_of_two_processes_are_never_the_same(self) -> None:
        assert Numbering("a").next(NOW) != Numbering("b").next(NOW)

    @pytest.mark.parametrize("at", [-1e300, -1.0, 1e300])
    def test_times_that_cannot_be_have_the_nearest(self, at: float) -> None:
        assert Numbering().next(at)[:11] == ("0" * 11 if at < 0 else "f" * 11)
