"""What is had of a session's legs at a glance, against what is told of them at length."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.access import Action
from gateway.quality.legs import Legs, Told, Uplink
from gateway.quality.overview import Overview, PlayView, PublishView
from gateway.quality.pages import Page
from gateway.quality.readings import EgressReading
from gateway.quality.verdict import Evidence, Level, Source, Verdict
from gateway.quality.views import Gathered, Views
from gateway.rooms.model import BOTH_MEDIA, Grant, PlayMode, Role, Room, Session, Stream, User
from tests.support.lobby import Clock
from tests.support.watching import WELL

PLAYED = EgressReading("rtmp", 448_000.0, False, 0, 1.0, 1.2)
OWN, OTHERS = ("a", "b"), ("c", "d")
"""StreamIDs that Ann publishes, and that Bob does. She may play all of them."""


@dataclass
class Case:
    """One that is judged by hand."""

    verdict: Verdict


@dataclass(frozen=True)
class Published:
    """How a stream is said to do. `measured` False: it has never been connected."""

    level: Level = Level.GOOD
    measured: bool = True


@dataclass(frozen=True)
class Played:
    """How a viewer's leg is said to do."""

    level: Level = Level.GOOD
    begun: bool = True
    measured: bool = True


@dataclass(frozen=True)
class Moment:
    """One moment of a session that publishes and plays."""

    server: Level = Level.GOOD
    publishing: dict[str, Published] = field(default_factory=dict)
    playing: dict[str, Played] = field(default_factory=dict)
    others: dict[str, Published] = field(default_factory=dict)
    """What others publish, which is what it plays."""


def verdict(level: Level, value: float = 1.0) -> Verdict:
    evidence = (Evidence("gap", value, 0.5, level, Source.GATEWAY),) if level > Level.GOOD else ()
    return Verdict(level, evidence)


def views_of(moment: Moment, value: float = 1.0) -> tuple[Views, Session]:
    """Ann, and the legs of all at that moment. `value`: what was measured, which is told with the numbers alone."""
    clock, legs, streams, room = Clock(), Legs(), {}, Room("1", "room")
    ann, bob = (Session(name, "1", room, User(name, name, Role.BROADCASTER), False, print) for name in ("ann", "bob"))

    def grant(session: Session, action: Action, stream_id: str) -> Grant:
        return Grant(f"{action} {stream_id}", action, "1", stream_id, session.id, session, BOTH_MEDIA, PlayMode.RTC)

    for session, published in ((ann, moment.publishing), (bob, moment.others)):
        for stream_id, one in published.items():
            stream = Stream(grant(session, Action.PUBLISH, stream_id), room)
            session.publishing[stream_id] = streams["1", stream_id] = stream
            case: Any = Case(verdict(one.level, value))
            legs.uplinks[stream.grant.id] = Uplink(stream.grant, case, Told(), WELL if one.measured else None)
    for stream_id, play in moment.playing.items():
        ann.playing[stream_id] = right = grant(ann, Action.PLAY, stream_id)
        leg = legs.downlink(right)
        leg.case = Case(verdict(play.level, value))
        leg.begun, leg.measured = play.begun, PLAYED if play.begun and play.measured else None
    room.sessions.update({one.id: one for one in (ann, bob)})
    return Views(streams, legs, lambda: verdict(moment.server, value), clock), ann


def gathered(moment: Moment, value: float = 1.0) -> Gathered:
    """What Ann's own legs are like then."""
    views, ann = views_of(moment, value)
    return views.of_session(ann)


def told(overview: Overview) -> object:
    """What a session is told without numbers, but for the times and the evidence."""
    return (
        overview.server.level,
        [(view.stream_id, view.uplink.level) for view in overview.publishing],
        [(view.stream_id, view.uplink.level, view.downlink.level, view.blame) for view in overview.playing],
    )


levels = st.sampled_from(Level)
published = st.builds(Published, levels, st.booleans())
played = st.builds(Played, levels, st.booleans(), st.booleans())
parts = {
    "server": levels,
    "publishing": st.dictionaries(st.sampled_from(OWN), published),
    "playing": st.dictionaries(st.sampled_from(OWN + OTHERS), played),
    "others": st.dictionaries(st.sampled_from(OTHERS), published),
}
moments = st.builds(Moment, **parts)


def changed(moment: Moment, part: str, new: Any) -> Moment:
    """The same moment, but for this."""
    return replace(moment, **{part: getattr(moment, part) | new if isinstance(new, dict) else new})


@given(moments)
def test_something_flows_where_a_view_has_numbers(moment: Moment) -> None:
    own = gathered(moment)
    overview = own.overview()
    assert own.flows == any(view.measured is not None for view in (*overview.publishing, *overview.playing))


def agree(one: Moment, other: Moment) -> bool:
    """A glance finds the two moments to differ if, and only if, their views do."""
    before, after = gathered(one), gathered(other)
    return (before.levels == after.levels) == (told(before.overview()) == told(after.overview()))


@given(moments, moments)
def test_a_glance_and_the_views_tell_any_two_moments_apart_alike(one: Moment, other: Moment) -> None:
    assert agree(one, other)


@given(moments, st.one_of(st.tuples(st.just(part), new) for part, new in parts.items()))
def test_a_glance_and_the_views_see_the_same_small_changes(moment: Moment, change: tuple[str, Any]) -> None:
    """Moments that have nearly everything in common, unlike two that are drawn at random."""
    assert agree(moment, changed(moment, *change))


@given(moments)
def test_numbers_alone_are_no_change(moment: Moment) -> None:
    before, after = gathered(moment, 1.0), gathered(moment, 3.0)
    assert before.levels == after.levels


def test_legs_that_have_never_been_connected_are_left_out_and_viewers_that_went_away_stay() -> None:
    moment = Moment(
        publishing={"a": Published(), "b": Published(measured=False)},
        playing={"a": Played(), "c": Played(measured=False), "d": Played(begun=False)},
    )
    overview = gathered(moment).overview()
    assert [view.stream_id for view in overview.publishing] == ["a"]
    assert [(view.stream_id, view.measured) for view in overview.playing] == [("a", PLAYED), ("c", None)]


@given(moments, st.integers(1, 4))
def test_the_pages_of_a_room_hold_what_its_users_have(moment: Moment, limit: int) -> None:
    views, ann = views_of(moment)
    publishing: list[PublishView] = []
    playing: list[PlayView] = []
    after: str | None = ""
    while after is not None:
        part = views.of_room(ann.room, Page(limit, after))
        assert len(part.publishing) + len(part.playing) == limit or part.next_leg is None
        assert not (playing and part.publishing), "publishers come first"
        publishing += part.publishing
        playing += part.playing
        after = part.next_leg
    own = [views.of_session(session).overview() for session in ann.room.sessions.values()]
    assert sorted(publishing, key=_named) == sorted((view for each in own for view in each.publishing), key=_named)
    assert sorted(playing, key=_named) == sorted((view for each in own for view in each.playing), key=_named)


def _named(view: PublishView | PlayView) -> tuple[str, str]:
    return view.user_id, view.stream_id


def test_streams_in_no_room_are_told_by_the_order_of_their_ids_without_viewers() -> None:
    views, _ = views_of(Moment(publishing={"a": Published()}))
    for app, name, measured in [("1", "d", True), ("1", "c", True), ("1", "b", False), ("2", "e", True)]:
        stream = Stream(Grant(name, Action.PUBLISH, app, name, "studio", None, BOTH_MEDIA, PlayMode.RTC), None)
        views._streams[app, name] = stream  # type: ignore[index]
        views._legs.uplinks[name] = Uplink(stream.grant, Case(Verdict()), Told(), WELL if measured else None)  # type: ignore[arg-type]
    first = views.outside("1", Page(1))
    assert ([view.stream_id for view in first.publishing], first.playing) == (["c"], ())
    assert first.next_leg == "c"
    rest = views.outside("1", Page(5, "bz"))
    assert [view.stream_id for view in rest.publishing] == ["c", "d"], "what a search begins with need not be there"
    rest = views.outside("1", Page(5, first.next_leg))
    assert ([view.stream_id for view in rest.publishing], rest.next_leg) == (["d"], None)
    assert [view.stream_id for view in views.outside("1", Page(5)).publishing] == ["c", "d"]
