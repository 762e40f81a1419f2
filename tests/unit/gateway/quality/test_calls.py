"""What is known of a call: now, before, or not at all."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.access import Action
from gateway.config import QualitySettings
from gateway.errors import INVALID_PARAMS, ROOM_NOT_FOUND, STORE_UNAVAILABLE, STREAM_NOT_FOUND, Fault, GatewayError
from gateway.quality.calls import LEGS, Call, Calls, Span
from gateway.quality.history import Entry, Kind, Numbered
from gateway.quality.legs import Legs
from gateway.quality.memory_history import MemoryHistory
from gateway.quality.overview import Overview, PlayView, PublishView
from gateway.quality.verdict import Verdict
from gateway.rooms.model import BOTH_MEDIA, Grant, PlayMode, Session
from gateway.rooms.store import StoreUnavailableError

T = TypeVar("T")
NOW = 1_800_000_000.0
LIVE = Overview(Verdict())
PUBLISHES = PublishView("", "cam", "rtmp", Verdict())
PLAYS = PlayView("", "cam", "flv", PlayMode.RTC, Verdict(), Verdict(), None)
USERS = st.lists(st.sampled_from(["ann", "bob", "bob.1", "1.bob", "线\n", ""]), max_size=12)


def told(answer: Coroutine[Any, Any, T]) -> T:
    """What a coroutine that never waits returns."""
    try:
        answer.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    raise AssertionError("it waits")


def told_in_turns(answer: Coroutine[Any, Any, T]) -> tuple[T, int]:
    """What a coroutine that waits for nothing returns, and how often it lets others have their turn."""
    turns = 0
    while True:
        try:
            assert answer.send(None) is None
        except StopIteration as done:
            return done.value, turns
        turns += 1


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
        self.now = LIVE
        self.book = Legs()
        self.history = MemoryHistory(QualitySettings(), lambda: 0.0)
        self.calls = Calls(self, self.history)

    def overview(self, app: str, *, room_id: str = "", stream_id: str = "") -> Overview | None:
        return self.now if self.live and (app, room_id, stream_id) in (("1", "r", ""), ("1", "", "cam")) else None

    def happened(self, entries: int) -> None:
        for at in range(entries):
            self.history.record(Entry("1", "r", NOW + at, Kind.MEASURE, "ann", "cam"))

    def room(self, since: float = 0, after: str = "", limit: int = 100) -> Call:
        return told(self.calls.room("1", "r", Span(since, after, limit)))

    def goes_on(self, publishers: Iterable[str], viewers: Iterable[str]) -> None:
        """These publish and play in the room."""
        self.live = True
        self.now = Overview(
            Verdict(),
            tuple(replace(PUBLISHES, user_id=user, stream_id=str(at)) for at, user in enumerate(publishers)),
            tuple(replace(PLAYS, user_id=user, stream_id=str(at)) for at, user in enumerate(viewers)),
        )

    def legs(self, legs: int, after: str = "", limit: int = 0) -> Call:
        return told(self.calls.room("1", "r", Span(limit=limit, legs=legs, after_leg=after)))


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


def test_a_room_that_one_page_holds_is_told_as_it_is(scene: Scene) -> None:
    scene.goes_on(["zoe", "ann"], ["eve", "bob"] * (LEGS // 2 - 1))
    assert scene.room() == Call(scene.now, [], None, None)
    scene.goes_on(["zoe", "ann"], ["eve"] * (LEGS - 1))
    part = scene.room()
    assert part.overview is not None
    assert (len(part.overview.publishing), len(part.overview.playing)) == (2, LEGS - 2)
    assert part.next_leg is not None


@given(USERS, USERS, st.integers(1, 5))
def test_pages_of_legs_hold_each_once_publishers_first_by_the_order_of_userids(
    publishers: list[str], viewers: list[str], legs: int
) -> None:
    scene = Scene()
    scene.goes_on(publishers, viewers)
    publishing: list[PublishView] = []
    playing: list[PlayView] = []
    after: str | None = ""
    while after is not None:
        page = scene.legs(legs, after)
        assert page.overview is not None
        found = len(page.overview.publishing) + len(page.overview.playing)
        assert found == legs or page.next_leg is None
        assert not (playing and page.overview.publishing)
        publishing += page.overview.publishing
        playing += page.overview.playing
        after = page.next_leg
    assert sorted(publishing, key=lambda view: view.stream_id) == sorted(scene.now.publishing, key=lambda view: view.stream_id)
    assert sorted(playing, key=lambda view: view.stream_id) == sorted(scene.now.playing, key=lambda view: view.stream_id)
    if len(publishers) + len(viewers) > legs:
        assert [view.user_id for view in publishing] == sorted(publishers)
        assert [view.user_id for view in playing] == sorted(viewers)


def test_who_comes_and_goes_between_two_pages_moves_nobody_else(scene: Scene) -> None:
    scene.goes_on([], ["bob", "bob", "cat", "dan"])
    after = scene.legs(2).next_leg
    assert after is not None
    scene.goes_on(["zoe"], ["ann", "bob", "cat", "dan"])
    assert (now := scene.legs(9, after).overview) is not None
    assert [view.user_id for view in (*now.publishing, *now.playing)] == ["cat", "dan"]


def test_a_timeline_does_without_legs(scene: Scene) -> None:
    scene.goes_on(["ann"], ["bob"])
    scene.happened(1)
    page = scene.legs(0, limit=10)
    assert (page.overview, len(page.timeline), page.next_leg) == (LIVE, 1, None)


@pytest.mark.parametrize("place", ["bob", "2.1.bob", "1.x.bob", "1.-1.bob", "1.1", ".1.bob"])
def test_a_place_that_no_page_has_named(scene: Scene, place: str) -> None:
    scene.goes_on(["ann"], ["bob"])
    assert refusal(scene.calls.room("1", "r", Span(limit=0, after_leg=place))) is INVALID_PARAMS


class Studios:
    """Streams of app 1 in no room; beside them one in a room, and one of another app."""

    def __init__(self, *streams: str) -> None:
        self.streams = streams
        self.book = Legs()
        session = Session("s", "1", None, None, False, lambda event: None)  # type: ignore[arg-type]
        for app, stream, whose in [*(("1", one, None) for one in streams), ("1", "a cam", session), ("2", "b cam", None)]:
            self.book.uplink(Grant(f"{app} {stream}", Action.PUBLISH, app, stream, "studio", whose, BOTH_MEDIA))

    def overview(self, app: str, *, room_id: str = "", stream_id: str = "") -> Overview | None:
        if stream_id not in self.streams:
            return None
        return Overview(Verdict(), (replace(PUBLISHES, stream_id=stream_id),), (PLAYS,) * 3)

    def page(self, legs: int, after: str = "") -> tuple[list[str], str | None]:
        calls = Calls(self, MemoryHistory(QualitySettings(), lambda: 0.0))
        call, turns = told_in_turns(calls.room("1", "", Span(limit=0, legs=legs, after_leg=after)))
        assert turns >= (len(call.overview.publishing) if call.overview else 0), "others have their turn"
        assert call.overview is None or not call.overview.playing
        return [view.stream_id for view in call.overview.publishing] if call.overview else [], call.next_leg


def test_streams_in_no_room_are_told_by_their_ids_page_by_page() -> None:
    studios = Studios("c", "a", "b")
    assert studios.page(50) == (["a", "b", "c"], None)
    assert studios.page(2) == (["a", "b"], "b")
    assert studios.page(2, "b") == (["c"], None)
    assert Studios().page(50) == ([], None)


def test_a_stream_that_has_just_ended_does_not_end_the_list() -> None:
    studios = Studios("a", "b")
    studios.streams = ("b",)
    assert studios.page(1) == ([], "a")
    assert studios.page(1, "a") == (["b"], None)
