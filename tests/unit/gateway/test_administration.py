"""What an app's own backend sees of the rooms, and what it does to them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.administration import Administration
from gateway.config import QualitySettings
from gateway.errors import ROOM_NOT_FOUND, STREAM_NOT_FOUND, GatewayError
from gateway.quality.calls import Calls
from gateway.quality.checkup import SoundFacts, StreamFacts
from gateway.quality.memory_history import MemoryHistory
from gateway.quality.troubles import AAC_CHANNELS, VIDEO_PROMISED_MISSING
from gateway.rooms.events import BarrageMessage, BroadcastMessage, CustomCommand
from gateway.rooms.model import Role, StreamState, User
from gateway.signaling.sessions import Sessions
from tests.support.lobby import Lobby

IDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
SERVER = User("", "", Role.BROADCASTER)


class NobodyMeasured:
    """Calls of which nothing is known but their history."""

    def overview(self, app: str, *, room_id: str = "", stream_id: str = "") -> None:
        return None


class Office:
    """A lobby, and the administration of its rooms."""

    def __init__(self) -> None:
        self.lobby = Lobby()
        sessions = Sessions(self.lobby.signaling, self.lobby.apps, self.lobby.registry, self.lobby.timers, self.lobby.clock.wall)
        calls = Calls(NobodyMeasured(), MemoryHistory(QualitySettings(), lambda: 0.0))
        self.administration = Administration(self.lobby.registry, sessions, self.lobby.talk, lambda app, stream: 3, calls)

    def rooms(self, limit: int, app: str = "1") -> list[list[str]]:
        """All pages."""
        pages: list[list[str]] = []
        after: str | None = ""
        while after is not None:
            page, after = self.administration.rooms(app, after, limit)
            pages.append([room.room_id for room in page])
        return pages

    def users(self, room: str, limit: int) -> list[list[str]]:
        pages: list[list[str]] = []
        after: str | None = ""
        while after is not None:
            detail = self.administration.room("1", room, after, limit)
            assert {stream.view.user_id for stream in detail.streams} <= {one.user.id for one in detail.members}
            pages.append([one.user.id for one in detail.members])
            after = detail.next
        return pages


@pytest.fixture
def office() -> Office:
    return Office()


def assert_pages(pages: list[list[str]], ids: set[str], limit: int) -> None:
    assert [id for page in pages for id in page] == sorted(ids)
    assert all(len(page) == limit for page in pages[:-1])
    assert len(pages[-1]) <= limit


@given(st.sets(IDS, min_size=1, max_size=20), st.integers(1, 5))
def test_pages_hold_everything_once_and_in_order(ids: set[str], limit: int) -> None:
    office = Office()
    for number, id in enumerate(ids):
        office.lobby.enter(f"user {number}", id)
        office.lobby.enter(id, "everybody's room").publish(id)
    office.lobby.enter("stranger", "their room", "2")
    assert_pages(office.rooms(limit), {*ids, "everybody's room"}, limit)
    assert_pages(office.users("everybody's room", limit), ids, limit)


def test_a_room_counts_all_users_and_the_streams_on_air(office: Office) -> None:
    bob = office.lobby.enter("bob")
    office.lobby.enter("cat", role=Role.AUDIENCE)
    bob.go_on_air("cam")
    bob.publish("screen")
    detail = office.administration.room("1", "room", "", 50)
    assert (detail.summary.users, detail.summary.streams, detail.next) == (2, 1, None)
    assert [(stream.view.stream_id, stream.state, stream.viewers) for stream in detail.streams] == [
        ("cam", StreamState.ON_AIR, 3),
        ("screen", StreamState.AWAITED, 3),
    ]


def test_what_was_found_in_a_stream_stands_beside_it(office: Office) -> None:
    grant = office.lobby.enter("bob").go_on_air("cam")
    office.lobby.registry.examined(grant, StreamFacts(12.0, sound=SoundFacts(channels=6)))
    published = office.administration.stream("1", "cam").published
    assert published is not None
    assert [finding.trouble for finding in published.findings] == [AAC_CHANNELS, VIDEO_PROMISED_MISSING]


def test_what_is_not_there_is_not_found(office: Office) -> None:
    office.lobby.enter("bob").publish("cam")
    for app, room in (("1", "other"), ("2", "room")):
        with pytest.raises(GatewayError) as refused:
            office.administration.room(app, room, "", 50)
        assert refused.value.fault is ROOM_NOT_FOUND
    with pytest.raises(GatewayError) as refused:
        office.administration.stream("2", "cam")
    assert refused.value.fault is STREAM_NOT_FOUND


def test_another_apps_rooms_are_out_of_reach(office: Office) -> None:
    office.lobby.enter("bob").go_on_air("cam")
    assert not office.administration.close_room("2", "room", "")
    assert not office.administration.kick("2", "bob", "room", "")
    office.administration.forbid_stream("2", "cam")
    status = office.administration.stream("1", "cam")
    assert (status.forbidden, status.published and status.published.room_id) == (False, "room")


def test_a_forbidden_stream_is_known_as_long_as_it_is_forbidden(office: Office) -> None:
    office.lobby.enter("bob").go_on_air("cam")
    for _ in range(2):
        status = office.administration.forbid_stream("1", "cam")
        assert (status.forbidden, status.published) == (True, None)
    assert office.administration.stream("1", "cam") == status
    for _ in range(2):
        assert not office.administration.resume_stream("1", "cam").forbidden


def test_messages_are_of_their_kind(office: Office) -> None:
    bob, cat = office.lobby.enter("bob"), office.lobby.enter("cat")
    for guest in (bob, cat):
        guest.forget()
    numbers = [
        office.administration.send("1", "room", "broadcast", "a", (), SERVER),
        office.administration.send("1", "room", "barrage", "b", (), User("host", "Host", Role.BROADCASTER)),
        office.administration.send("1", "room", "command", "c", ("cat",), SERVER),
    ]
    assert [(type(event), event.seq) for event in cat.events] == list(
        zip((BroadcastMessage, BarrageMessage, CustomCommand), numbers, strict=True)
    )
    assert [event.text for event in bob.events] == ["a", "b"]
    assert [(event.user_id, event.user_name) for event in bob.events] == [("", ""), ("host", "Host")]
