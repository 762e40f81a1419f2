"""Keys at the door: which connection a grant lets in, and with which reason another stays outside."""

from __future__ import annotations

import dataclasses

import pytest

from gateway.auth.access import AccessRequest, Action
from gateway.errors import (
    KEY_BROKEN,
    KEY_EXPIRED,
    KEY_FOREIGN,
    KEY_MISSING,
    KEY_REVOKED,
    KEY_WRONG_ACTION,
    KEY_WRONG_STREAM,
    STREAM_ID_TAKEN,
    STREAM_NOT_FOUND,
    Fault,
    GatewayError,
)
from gateway.rooms.model import BOTH_MEDIA, Reason
from tests.support.lobby import Lobby

TTL = 300


@pytest.fixture
def lobby() -> Lobby:
    return Lobby()


def reason(lobby: Lobby, request: AccessRequest) -> Fault | None:
    """Why the request is refused; None: it is not."""
    try:
        lobby.registry.admit(request)
    except GatewayError as error:
        return error.fault
    return None


class TestExpiry:
    def test_a_key_that_was_not_used_in_time_is_refused(self, lobby: Lobby) -> None:
        request = lobby.request(lobby.enter("ann").publish("s"))
        lobby.advance(TTL)
        assert reason(lobby, request) is None
        lobby.advance(1)
        assert reason(lobby, request) is KEY_EXPIRED

    def test_it_limits_the_first_connection_only(self, lobby: Lobby) -> None:
        grant = lobby.enter("ann").go_on_air("s")
        lobby.advance(100 * TTL)
        lobby.registry.publisher_lost(grant)
        assert reason(lobby, lobby.request(grant)) is None

    def test_handing_the_address_out_again_gives_it_its_full_time_and_the_same_text(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann")
        request = lobby.request(ann.publish("s"))
        lobby.advance(2 * TTL)
        assert reason(lobby, request) is KEY_EXPIRED
        again = ann.publish("s")
        assert again.expires_at == lobby.clock.wall() + TTL
        assert lobby.request(again) == request
        assert reason(lobby, request) is None

    def test_a_play_key_expires_likewise(self, lobby: Lobby) -> None:
        lobby.enter("ann").go_on_air("s")
        bob = lobby.enter("bob")
        request = lobby.request(bob.play("s"))
        lobby.advance(TTL + 1)
        assert reason(lobby, request) is KEY_EXPIRED
        bob.play("s")
        assert reason(lobby, request) is None


class TestReasons:
    def test_no_key(self, lobby: Lobby) -> None:
        request = lobby.request(lobby.enter("ann").publish("s"))
        assert reason(lobby, dataclasses.replace(request, key="")) is KEY_MISSING

    @pytest.mark.parametrize("key", ["x", "a.b.c", "...", "a.b", "é.é.é", "x" * 10_000])
    def test_a_key_that_is_none(self, lobby: Lobby, key: str) -> None:
        request = lobby.request(lobby.enter("ann").publish("s"))
        assert reason(lobby, dataclasses.replace(request, key=key)) is KEY_BROKEN

    def test_a_key_with_one_character_changed(self, lobby: Lobby) -> None:
        request = lobby.request(lobby.enter("ann").publish("s"))
        for position, character in enumerate(request.key):
            other = "B" if character == "A" else "A"
            key = request.key[:position] + other + request.key[position + 1 :]
            assert reason(lobby, dataclasses.replace(request, key=key)) in (KEY_FOREIGN, KEY_BROKEN)

    def test_a_key_of_another_gateway_and_of_an_app_that_is_not_known_here(self, lobby: Lobby) -> None:
        elsewhere = Lobby({"1": dataclasses.replace(lobby.apps["1"], secret="quite another secret of enough bytes"),
                           "9": lobby.apps["1"]})  # fmt: skip
        lobby.enter("ann").publish("s")
        assert reason(lobby, elsewhere.request(elsewhere.enter("ann").publish("s"))) is KEY_FOREIGN
        assert reason(lobby, elsewhere.request(elsewhere.enter("ann", app="9").publish("s"))) is KEY_FOREIGN

    def test_a_key_for_another_stream(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann")
        request = lobby.request(ann.publish("s"))
        ann.publish("t")
        assert reason(lobby, dataclasses.replace(request, stream="t")) is KEY_WRONG_STREAM

    def test_a_key_for_the_other_direction(self, lobby: Lobby) -> None:
        push = lobby.request(lobby.enter("ann").go_on_air("s"))
        pull = lobby.request(lobby.enter("bob").play("s"))
        assert reason(lobby, dataclasses.replace(push, action=Action.PLAY)) is KEY_WRONG_ACTION
        assert reason(lobby, dataclasses.replace(pull, action=Action.PUBLISH)) is KEY_WRONG_ACTION

    def test_a_revoked_key_whatever_ended_its_grant(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        ended = []
        ended.append(lobby.request(ann.go_on_air("s")))
        ended.append(lobby.request(bob.play("s")))
        lobby.registry.stop(bob.session, "s", BOTH_MEDIA)
        lobby.registry.unpublish(ann.session, "s", BOTH_MEDIA)
        ended.append(lobby.request(ann.publish("t")))
        ended.append(lobby.request(bob.play("t", wait=True)))
        ann.leave()
        bob.leave(Reason.KICKED)
        assert [reason(lobby, request) for request in ended] == [KEY_REVOKED] * 4

    def test_the_key_of_an_ended_grant_does_not_open_the_next_grant_of_the_same_stream(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann")
        old = lobby.request(ann.publish("s"))
        lobby.registry.unpublish(ann.session, "s", BOTH_MEDIA)
        new = lobby.request(ann.publish("s"))
        assert (reason(lobby, old), reason(lobby, new)) == (KEY_REVOKED, None)

    def test_no_reason_shows_the_key(self, lobby: Lobby) -> None:
        request = lobby.request(lobby.enter("ann").publish("s"))
        with pytest.raises(GatewayError) as refused:
            lobby.registry.admit(dataclasses.replace(request, stream="t"))
        assert request.key not in str(refused.value)
        assert request.key not in repr(request)


class TestSignedAddresses:
    """Addresses that are good without a session (`gateway url`)."""

    def test_one_may_publish_and_others_play_it(self, lobby: Lobby) -> None:
        studio = lobby.registry.admit(lobby.address(Action.PUBLISH, "s"))
        lobby.registry.publisher_joined(studio)
        lobby.registry.media_arrived(studio, BOTH_MEDIA)
        assert lobby.connect(lobby.enter("bob").play("s")).connections == 1
        viewer = lobby.registry.admit(lobby.address(Action.PLAY, "s"))
        assert (viewer.action, viewer.session, viewer.user_id, viewer.stream_id) == (Action.PLAY, None, "studio", "s")

    def test_it_expires_before_its_first_use_and_not_after(self, lobby: Lobby) -> None:
        request = lobby.address(Action.PUBLISH, "s", ttl=60)
        grant = lobby.registry.admit(request)
        lobby.registry.publisher_joined(grant)
        lobby.registry.media_arrived(grant, BOTH_MEDIA)
        lobby.advance(60)
        lobby.registry.publisher_lost(grant)
        lobby.advance(10)
        assert lobby.registry.admit(request) is grant
        lobby.advance(60)
        assert reason(lobby, request) is KEY_EXPIRED

    def test_asking_alone_leaves_nothing_behind(self, lobby: Lobby) -> None:
        lobby.registry.admit(lobby.address(Action.PUBLISH, "s"))
        assert lobby.leftovers() == {}

    def test_a_streamid_that_another_publishes_is_taken(self, lobby: Lobby) -> None:
        lobby.enter("ann").publish("s")
        assert reason(lobby, lobby.address(Action.PUBLISH, "s")) is STREAM_ID_TAKEN
        studio = lobby.registry.admit(lobby.address(Action.PUBLISH, "t"))
        lobby.registry.publisher_joined(studio)
        assert reason(lobby, lobby.address(Action.PUBLISH, "t")) is None
        assert reason(lobby, lobby.address(Action.PUBLISH, "t", nonce=1)) is STREAM_ID_TAKEN
        with pytest.raises(GatewayError) as refused:
            lobby.enter("bob").publish("t")
        assert refused.value.fault is STREAM_ID_TAKEN

    def test_playing_what_is_not_there_is_refused(self, lobby: Lobby) -> None:
        assert reason(lobby, lobby.address(Action.PLAY, "s")) is STREAM_NOT_FOUND

    def test_its_stream_and_grant_go_with_its_connection(self, lobby: Lobby) -> None:
        request = lobby.address(Action.PUBLISH, "s")
        studio = lobby.registry.admit(request)
        lobby.registry.publisher_joined(studio)
        lobby.registry.media_arrived(studio, BOTH_MEDIA)
        viewer = lobby.registry.admit(lobby.address(Action.PLAY, "s"))
        lobby.registry.viewer_joined(viewer)
        lobby.registry.publisher_lost(studio)
        assert set(lobby.leftovers()) >= {"streams", "grants", "timers"}
        lobby.advance(15)
        lobby.registry.viewer_left(viewer, None)
        assert lobby.leftovers() == {}
