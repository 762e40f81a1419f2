"""What is known of a call: now, before, or not at all."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import pytest

from gateway.config import QualitySettings
from gateway.errors import ROOM_NOT_FOUND, STORE_UNAVAILABLE, STREAM_NOT_FOUND, Fault, GatewayError
from gateway.quality.calls import Call, Calls, Span
from gateway.quality.history import Entry, Kind, Numbered
from gateway.quality.memory_history import MemoryHistory
from gateway.quality.overview import FIRST, Overview
from gateway.quality.pages import Page
from gateway.quality.verdict import Verdict
from gateway.rooms.store import StoreUnavailableError

T = TypeVar("T")
NOW = 1_800_000_000.0
LIVE = Overview(Verdict())
OUTSIDE = Overview(Verdict())


def told(answer: Coroutine[Any, Any, T]) -> T:
    """What a coroutine that never waits returns."""
    try:
        answer.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    raise AssertionError("it waits")


def refused_with(answer: Coroutine[Any, Any, Call]) -> GatewayError:
    with pytest.raises(GatewayError) as refused:
        told(answer)
    return refused.value


def refusal(answer: Coroutine[Any, Any, Call]) -> Fault:
    return refused_with(answer).fault


class Scene:
    """Room `r` with stream `cam` in app 1, of which it can be said that it goes on."""

    def __init__(self) -> None:
        self.live = False
        self.asked: list[Page] = []
        self.history = MemoryHistory(QualitySettings(), lambda: 0.0)
        self.calls = Calls(self, self.history)

    def overview(self, app: str, page: Page = FIRST, *, room_id: str = "", stream_id: str = "") -> Overview | None:
        self.asked.append(page)
        return LIVE if self.live and (app, room_id, stream_id) in (("1", "r", ""), ("1", "", "cam")) else None

    def outside(self, app: str, page: Page) -> Overview:
        return OUTSIDE

    def happened(self, entries: int) -> None:
        for at in range(entries):
            self.history.record(Entry("1", "r", NOW + at, Kind.MEASURE, "ann", "cam"))

    def room(self, since: float = 0, after: str = "", limit: int = 100) -> Call:
        return told(self.calls.room("1", "r", Span(since, after, limit)))


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_of_what_neither_is_nor_was_nothing_is_known(scene: Scene) -> None:
    assert refusal(scene.calls.room("1", "r", Span())) is ROOM_NOT_FOUND
    assert refusal(scene.calls.stream("1", "cam", Span())) is STREAM_NOT_FOUND
    scene.live = True
    scene.happened(1)
    assert refusal(scene.calls.room("2", "r", Span())) is ROOM_NOT_FOUND
    assert refusal(scene.calls.room("1", "cam", Span())) is ROOM_NOT_FOUND
    assert refusal(scene.calls.stream("1", "r", Span())) is STREAM_NOT_FOUND


def test_what_is_needs_no_past(scene: Scene) -> None:
    scene.live = True
    assert scene.room() == told(scene.calls.stream("1", "cam", Span())) == Call(LIVE, [], None)


def test_what_was_needs_no_presence(scene: Scene) -> None:
    scene.happened(2)
    for call in (scene.room(), told(scene.calls.stream("1", "cam", Span()))):
        assert (call.overview, [one.entry.at for one in call.timeline], call.next_after) == (None, [NOW, NOW + 1], None)


def test_what_was_is_known_though_nothing_has_happened_since(scene: Scene) -> None:
    scene.happened(2)
    newest = scene.room().timeline[-1].number
    assert scene.room(after=newest) == scene.room(since=NOW + 2) == Call(None, [], None)


@pytest.mark.parametrize("entries", [1, 5, 6, 7, 12])
def test_pages_follow_each_other_to_the_last(scene: Scene, entries: int) -> None:
    scene.happened(entries)
    found: list[float] = []
    after: str | None = ""
    while after is not None:
        page = scene.room(after=after, limit=6)
        assert 1 <= len(page.timeline) <= 6
        found += [one.entry.at for one in page.timeline]
        after = page.next_after
    assert found == [NOW + at for at in range(entries)]


def test_a_store_that_is_away_is_said_to_be() -> None:
    class Away:
        lost = 0

        def record(self, entry: Entry) -> None: ...

        async def timeline(self, app: str, **wanted: Any) -> Sequence[Numbered]:
            raise StoreUnavailableError

    scene = Scene()
    calls = Calls(scene, Away())
    for span in (Span(), Span(limit=0)):
        refused = refused_with(calls.room("1", "r", span))
        assert (refused.fault, refused.detail) == (STORE_UNAVAILABLE, ""), "it may have been there"
    scene.live = True
    refused = refused_with(calls.room("1", "r", Span()))
    assert refused.fault is STORE_UNAVAILABLE
    assert "limit=0" in refused.detail, "the way out is named"
    assert told(calls.room("1", "r", Span(limit=0))) == Call(LIVE, (), None), "this needs no store"


def test_of_what_was_nothing_need_be_told(scene: Scene) -> None:
    scene.happened(2)
    assert scene.room(limit=0) == Call(None, [], None)
    scene.live = True
    assert scene.room(limit=0) == Call(LIVE, (), None)


@pytest.mark.parametrize(
    ("span", "questions"),
    [(Span(), 1), (Span(limit=0), 1), (Span(since=NOW, limit=0), 1), (Span(since=NOW), 2), (Span(after="1"), 2)],
)
def test_the_history_is_asked_no_more_than_it_takes(scene: Scene, span: Span, questions: int) -> None:
    asked = []

    class Counted(MemoryHistory):
        async def timeline(self, app: str, **wanted: Any) -> Sequence[Numbered]:
            asked.append(wanted)
            return await super().timeline(app, **wanted)

    calls = Calls(scene, Counted(QualitySettings(), lambda: 0.0))
    assert refusal(calls.room("1", "r", span)) is ROOM_NOT_FOUND
    assert len(asked) == questions
    scene.live = True
    told(calls.room("1", "r", span))
    assert len(asked) == questions + (span.limit > 0), "of who is there nothing else has to be known"


def test_of_what_was_long_ago_nothing_need_be_told_either(scene: Scene) -> None:
    scene.happened(2)
    assert scene.room(since=NOW + 60, limit=0) == Call(None, [], None)


def test_of_those_there_the_wanted_are_told(scene: Scene) -> None:
    scene.live = True
    some = Page(3, "1.1.bob")
    for limit in (0, 10):
        told(scene.calls.room("1", "r", Span(limit=limit, legs=some)))
        told(scene.calls.stream("1", "cam", Span(limit=limit, legs=some)))
    assert scene.asked == [some] * 4
    assert scene.calls.outside("1", some) is OUTSIDE
