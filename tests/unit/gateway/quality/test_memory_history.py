"""The history in memory: what it keeps, what gives way, and that a timeline tells each entry once and in order."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from itertools import chain
from operator import itemgetter
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import KIB, QualitySettings
from gateway.quality import memory_history
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


NUMBERS = (Kind.MEASURE, Kind.REPORT)


def entry(
    room: str = "r", stream: str = "", at: float = NOW, app: str = "1", kind: Kind = Kind.CODE, **data: Any
) -> Entry:
    return Entry(app, room, at, kind, "ann", stream, data)


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
        lambda app, room, stream, at, kind: Entry(app, room, at, kind, "ann", stream, {"at": at}),
        st.sampled_from(["1", "2"]), NAMES, NAMES, st.floats(NOW, NOW + 10) | st.sampled_from([NOW, NOW + 5]),
        st.sampled_from([Kind.CODE, Kind.JOIN, *NUMBERS]),
    ),
    max_size=40,
)  # fmt: skip


@given(RECORDED, st.integers(1, 7), st.integers(1, 8), st.floats(NOW - 1, NOW + 11))
def test_timelines_are_in_order_and_tell_each_entry_once(recorded: list[Entry], limit: int, most: int, since: float) -> None:
    scene = Scene(replace(PLENTY, history_entries=most))
    rings: dict[tuple[str, str, str, bool], deque[tuple[int, Entry]]] = defaultdict(lambda: deque(maxlen=most))
    for order, one in enumerate(recorded):
        scene.record(one)
        place = (one.app, one.room_id, one.stream_id if not one.room_id else "")
        rings[*place, one.kind in NUMBERS].append((order, one))
    kept_at_all = [one for _, one in sorted(chain(*rings.values()), key=itemgetter(0))]
    for app in ("1", "2"):
        for name in ("a", "b"):
            of_room = [one for one in kept_at_all if (one.app, one.room_id) == (app, name)]
            assert entries(scene.pages(limit, app, room_id=name)) == of_room
            assert entries(scene.timeline(app, room_id=name, since=since)) == [one for one in of_room if one.at >= since]
            of_stream = [one for one in kept_at_all if (one.app, one.stream_id) == (app, name)]
            found = scene.pages(limit, app, stream_id=name)
            assert [one.number for one in found] == sorted({one.number for one in found})
            assert entries(found) == of_stream
            assert entries(scene.pages(limit, app, stream_id=name, room_id="a")) == [
                one for one in of_stream if one.room_id == "a"
            ]


@given(st.lists(st.tuples(NAMES, NAMES, st.integers(0, 3_000), st.sampled_from([Kind.CODE, *NUMBERS])), max_size=150))
def test_it_never_holds_more_than_it_may(recorded: list[tuple[str, str, int, Kind]]) -> None:
    scene = Scene(replace(PLENTY, history_bytes=20_000, history_entries=8))
    for room, stream, size, kind in recorded:
        scene.record(entry(room, stream, kind=kind, text="x" * size))
        assert scene.history.size <= 20_000
    for rings in (scene.history._happened, scene.history._numbers):
        kept = [one for ring in rings._rings.values() for one in ring]
        assert rings.size == sum(one.size for one in kept) + memory_history._RING * len(rings._rings)
        streams = {(one.place[0], one.stream_id) for one in kept if one.stream_id}
        assert set(rings._streams) == streams, "nothing is left of what went"


def test_a_busy_room_pushes_no_other_out() -> None:
    scene = Scene(replace(PLENTY, history_entries=10))
    scene.record(entry("quiet"), *(entry("busy", at=NOW + at) for at in range(100)))
    assert len(scene.timeline(room_id="quiet")) == 1
    assert [one.entry.at for one in scene.timeline(room_id="busy")] == [NOW + at for at in range(90, 100)]


def test_numbers_push_nothing_out_that_happened() -> None:
    scene = Scene(replace(PLENTY, history_entries=10))
    happened = [entry(stream="cam", at=NOW, kind=Kind.JOIN), entry(stream="cam", at=NOW + 500, kind=Kind.VERDICT)]
    numbers = [entry(stream="cam", at=NOW + at, kind=NUMBERS[at % 2], measured=at) for at in range(1_000)]
    for at, one in enumerate(numbers):
        scene.record(*(what for what in happened if what.at == NOW + at), one)
    for wanted in ({"room_id": "r"}, {"stream_id": "cam"}):
        assert entries(scene.timeline(**wanted)) == [*happened, *numbers[-10:]]


def test_when_memory_runs_short_numbers_give_way_first() -> None:
    scene = Scene(replace(PLENTY, history_bytes=128 * KIB))
    scene.record(*(entry("over", at=NOW + at, kind=Kind.JOIN, text=TEXT) for at in range(20)))
    scene.record(*(entry("goes on", at=NOW + at, kind=Kind.MEASURE, text=TEXT) for at in range(1_000)))
    assert len(scene.timeline(room_id="over")) == 20, "idle for longest, and kept"
    assert scene.timeline(room_id="goes on", limit=1_000)[-1].entry.at == NOW + 999


def test_numbers_are_left_some_memory_however_much_happens() -> None:
    scene = Scene(replace(PLENTY, history_bytes=128 * KIB))
    for at in range(1_000):
        scene.record(entry("goes on", at=NOW + at, kind=Kind.MEASURE, text=TEXT))
        scene.record(*(entry(f"room {at} {number}", at=NOW + at, kind=Kind.JOIN, text=TEXT) for number in range(3)))
    kept = [one.entry.at for one in scene.timeline(room_id="goes on")]
    assert kept == [NOW + 1_000 - at for at in range(len(kept), 0, -1)]
    assert 10 < len(kept) < 40, "a quarter of it"
    assert scene.timeline(room_id="room 999 2")


def test_a_call_of_which_there_are_only_numbers_is_not_idle() -> None:
    scene = Scene(replace(PLENTY, history_bytes=64 * KIB))
    scene.record(entry("goes on", kind=Kind.JOIN))
    for at in range(1_000):
        scene.record(entry("goes on", kind=Kind.MEASURE), entry(f"room {at}", kind=Kind.JOIN, text=TEXT))
    assert scene.timeline(room_id="goes on")[0].entry.kind is Kind.JOIN
    assert not scene.timeline(room_id="room 0")


@pytest.mark.parametrize("kind", [Kind.JOIN, Kind.MEASURE])
def test_the_room_in_which_nothing_was_recorded_for_longest_gives_way_first(kind: Kind) -> None:
    scene = Scene(replace(PLENTY, history_bytes=128 * KIB))
    scene.record(entry("over", kind=kind, text=TEXT), entry("goes on", kind=kind, text=TEXT))
    at = 0
    while scene.timeline(room_id="over"):
        at += 1
        scene.record(entry(f"room {at}", kind=kind, text=TEXT), entry("goes on", kind=kind, text=TEXT))
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

    @pytest.mark.parametrize("ahead", [-3600.0, 0.0, 3600.0, 1e9])
    def test_go_on_after_those_of_an_earlier_process_whatever_its_clock_said(self, ahead: float) -> None:
        earlier = Numbering("ff")
        newest = [earlier.next(NOW + ahead) for _ in range(3)][-1]
        numbering = Numbering("aa")
        numbering.go_on_after(newest)
        numbers = [numbering.next(NOW + at) for at in range(3)]
        assert [newest, *numbers] == sorted({newest, *numbers})
        assert {len(number) for number in numbers} == {len(newest)}
        assert numbers[0] >= first_number(NOW), "those since a moment begin where they did"

    @pytest.mark.parametrize("number", ["", "abc", "of someone else's", "f" * 20, "-" + "1" * 15, "65a0bc" * 2])
    def test_go_on_after_nothing_that_is_no_number(self, number: str) -> None:
        numbering = Numbering("a")
        with pytest.raises(ValueError, match=r"number|literal"):
            numbering.go_on_after(number)
        assert numbering.next(NOW) == Numbering("a").next(NOW)

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
