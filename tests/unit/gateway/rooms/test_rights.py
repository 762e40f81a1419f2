"""Roles, a token's rights, forbidden streams: what they end, and who is told."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.auth.access import Action
from gateway.config import SignalingSettings
from gateway.errors import (
    KEY_REVOKED,
    PLAY_FORBIDDEN,
    PUBLISH_FORBIDDEN,
    STREAM_EXTRA_INFO_TOO_LONG,
    STREAM_NOT_FOUND,
    TOKEN_WITHOUT_PUBLISH,
    Fault,
    GatewayError,
)
from gateway.rooms.events import (
    CountNotice,
    RoleChanged,
    StreamExtraInfoChanged,
    StreamRemoved,
    UserJoined,
    UserLeft,
)
from gateway.rooms.model import Reason, Role
from gateway.rooms.record import GrantEnded, GrantRecord, SessionEnded, SessionRecord, StreamForbidden
from tests.support.lobby import Guest, Lobby


@pytest.fixture
def lobby() -> Lobby:
    return Lobby()


def refused(fault: Fault) -> Any:
    return pytest.raises(GatewayError, match=f"^{fault.number} ")


def kinds(guest: Guest) -> list[str]:
    return [type(event).__name__ for event in guest.events]


class TestRoles:
    def test_who_goes_over_to_the_audience_loses_its_key_its_media_and_is_not_seen(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob", user_update=True)
        grant = ann.go_on_air("s")
        bob.forget()
        lobby.registry.set_role(ann.session, Role.AUDIENCE)
        removed, left = bob.events
        assert isinstance(removed, StreamRemoved)
        assert isinstance(left, UserLeft)
        assert (removed.reason, left.reason) == (Reason.STOPPED, Reason.STOPPED)
        assert (left.user.id, left.user.role) == ("ann", Role.AUDIENCE)
        assert lobby.plane.cut_with(grant) is KEY_REVOKED
        assert ann.states("s")[-1] == ("NO_PUBLISH", 0)
        assert bob.session.room.others("bob") == []
        assert [event.user.role for event in ann.events if isinstance(event, RoleChanged)] == [Role.AUDIENCE]
        with refused(PUBLISH_FORBIDDEN):
            ann.publish("s")

    def test_and_back(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann", role=Role.AUDIENCE), lobby.enter("bob", user_update=True)
        lobby.registry.set_role(ann.session, Role.BROADCASTER)
        (joined,) = bob.events
        assert isinstance(joined, UserJoined)
        assert (joined.user.id, joined.user.role) == ("ann", Role.BROADCASTER)
        ann.publish("s")
        ann.leave()
        assert kinds(bob) == ["UserJoined", "UserLeft"]

    def test_the_role_that_one_has_changes_nothing(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob", user_update=True)
        ann.publish("s")
        lobby.registry.set_role(ann.session, Role.BROADCASTER)
        assert (kinds(ann), kinds(bob), list(ann.session.publishing)) == ([], [], ["s"])

    def test_what_it_plays_goes_on(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        bob.go_on_air("s")
        grant = lobby.connect(ann.play("s"))
        lobby.registry.set_role(ann.session, Role.AUDIENCE)
        assert (list(ann.session.playing), lobby.grants.lives(grant)) == (["s"], True)

    def test_the_journal_knows(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann")
        lobby.registry.set_role(ann.session, Role.AUDIENCE)
        assert [record.user.role for record in lobby.journal if isinstance(record, SessionRecord)] == [
            Role.BROADCASTER, Role.AUDIENCE,
        ]  # fmt: skip


class TestTokensRights:
    def test_what_a_newer_token_does_not_permit_ends(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        kept, lost = ann.go_on_air("kept"), ann.go_on_air("lost")
        bob.forget()
        lobby.registry.set_rights(ann.session, True, frozenset({"kept"}), 5.0)
        assert (lobby.grants.lives(kept), lobby.plane.cut_with(lost)) == (True, TOKEN_WITHOUT_PUBLISH)
        assert ann.states("lost")[-1] == ("NO_PUBLISH", 1002082)
        (removed,) = bob.events
        assert isinstance(removed, StreamRemoved)
        assert removed.reason is Reason.REMOVED
        lobby.registry.set_rights(ann.session, False, None, 5.0)
        assert ann.session.publishing == {}

    def test_a_wider_one_permits_more(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann", may_publish=False)
        with refused(PUBLISH_FORBIDDEN):
            ann.publish("s")
        lobby.registry.set_rights(ann.session, True, None, None)
        ann.publish("s")


class TestForbiddenStreams:
    def test_who_publishes_and_plays_it_is_cut_at_once_and_refused(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        published, played = ann.go_on_air("s"), lobby.connect(bob.play("s"))
        requests = [lobby.request(published), lobby.address(Action.PUBLISH, "s"), lobby.address(Action.PLAY, "s")]
        assert lobby.registry.forbid_stream("1", "s") is True
        assert (lobby.plane.cut_with(published), lobby.plane.cut_with(played)) == (PUBLISH_FORBIDDEN, PLAY_FORBIDDEN)
        assert (ann.states("s")[-1], bob.states("s")[-1]) == (("NO_PUBLISH", 1003025), ("NO_PLAY", 1004025))
        assert [event.reason for event in bob.events if isinstance(event, StreamRemoved)] == [Reason.REMOVED]
        with refused(PUBLISH_FORBIDDEN):
            ann.publish("s")
        with refused(PLAY_FORBIDDEN):
            bob.play("s", wait=True)
        for request in requests:
            with pytest.raises(GatewayError):
                lobby.registry.admit(request)

    def test_until_it_is_resumed(self, lobby: Lobby) -> None:
        assert [lobby.registry.forbid_stream("1", "s") for _ in range(2)] == [True, False]
        assert [lobby.registry.resume_stream("1", "s") for _ in range(2)] == [True, False]
        lobby.enter("ann").go_on_air("s")
        assert [record.forbidden for record in lobby.journal if isinstance(record, StreamForbidden)] == [True, False]

    def test_another_apps_stream_of_that_name_is_not_concerned(self, lobby: Lobby) -> None:
        lobby.registry.forbid_stream("1", "s")
        lobby.enter("ann", app="2").go_on_air("s")

    def test_one_that_is_published_with_a_signed_address(self, lobby: Lobby) -> None:
        request = lobby.address(Action.PUBLISH, "s")
        grant = lobby.registry.admit(request)
        lobby.registry.publisher_joined(grant)
        lobby.registry.forbid_stream("1", "s")
        assert (lobby.plane.cut_with(grant), lobby.registry.streams) == (PUBLISH_FORBIDDEN, {})
        with refused(PUBLISH_FORBIDDEN):
            lobby.registry.admit(request)
        lobby.registry.resume_stream("1", "s")
        assert lobby.leftovers() == {}


class TestStreamExtraInfo:
    def test_others_are_told_once_it_is_on_air(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        ann.publish("s")
        lobby.registry.set_stream_extra_info(ann.session, "s", "early")
        ann.go_on_air("s")
        for text in ("late", "late", ""):
            lobby.registry.set_stream_extra_info(ann.session, "s", text)
        told = [event.stream.extra_info for event in bob.events if isinstance(event, StreamExtraInfoChanged)]
        assert told == ["late", ""]

    def test_what_is_refused(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann")
        with refused(STREAM_NOT_FOUND):
            lobby.registry.set_stream_extra_info(ann.session, "s", "x")
        ann.publish("s")
        for text in ("ü" * 512 + "x", "x" * 1025):
            with refused(STREAM_EXTRA_INFO_TOO_LONG):
                lobby.registry.set_stream_extra_info(ann.session, "s", text)
            with refused(STREAM_EXTRA_INFO_TOO_LONG):
                ann.publish("s", extra_info=text)


class TestCounting:
    def test_everyone_is_told_how_many_they_are_while_there_is_a_room(self) -> None:
        lobby = Lobby(signaling=SignalingSettings())
        ann, bob = lobby.enter("ann"), lobby.enter("bob", role=Role.AUDIENCE)
        lobby.advance(30)
        ann.leave()
        lobby.advance(30)
        counts = [[fact.count for fact in guest.heard if isinstance(fact, CountNotice)] for guest in (ann, bob)]
        assert counts == [[2], [2, 1]]
        bob.leave()
        assert lobby.leftovers() == {}


class TestTheJournal:
    def test_every_session_and_every_grant_that_began_has_ended(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        ann.go_on_air("s")
        lobby.connect(bob.play("s"))
        ann.leave(Reason.KICKED)
        bob.leave()
        began = {record.id for record in lobby.journal if isinstance(record, SessionRecord | GrantRecord)}
        ended = {record.id for record in lobby.journal if isinstance(record, SessionEnded | GrantEnded)}
        assert began == ended
        assert len(began) == 4

    def test_a_grant_is_told_as_it_is_now(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann")
        grant = ann.publish("s", extra_info="x")
        lobby.connect(grant)
        lobby.advance(5)
        ann.publish("s", extra_info="y", transport="whip")
        *_, last = [record for record in lobby.journal if isinstance(record, GrantRecord)]
        assert (last.id, last.session_id, last.used, last.transport, last.extra_info, last.expires_at) == (
            grant.id, ann.session.id, True, "whip", "y", grant.expires_at,
        )  # fmt: skip

    def test_no_secret_shows(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann")
        ann.publish("s")
        assert ann.session.id not in repr(lobby.journal)
