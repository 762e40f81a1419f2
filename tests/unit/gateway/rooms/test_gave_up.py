"""Components that say that they have given up: what becomes of their streams, and who hears of it."""

from __future__ import annotations

import pytest

from gateway.errors import PLAY_INTERRUPTED, PUBLISH_INTERRUPTED
from gateway.rooms.model import StreamState
from tests.support.lobby import Lobby

WAITS = ("PUBLISH_REQUESTING", 1003020)


@pytest.fixture
def lobby() -> Lobby:
    return Lobby()


def test_a_connection_that_looks_alive_is_cut_and_the_stream_waits(lobby: Lobby) -> None:
    ann, bob = lobby.enter("ann"), lobby.enter("bob")
    grant = ann.go_on_air("a")
    for guest in (ann, bob):
        guest.forget()
    lobby.registry.publisher_gave_up(ann.session, "a")
    assert lobby.plane.cut_with(grant) is PUBLISH_INTERRUPTED
    assert (ann.states("a"), bob.events) == ([WAITS], [])
    assert (lobby.registry.streams["1", "a"].state, grant.connections) == (StreamState.INTERRUPTED, 0)


def test_the_same_key_opens_and_nobody_else_has_heard_of_it(lobby: Lobby) -> None:
    ann, bob = lobby.enter("ann"), lobby.enter("bob")
    grant = ann.go_on_air("a")
    bob.forget()
    lobby.registry.publisher_gave_up(ann.session, "a")
    lobby.registry.media_arrived(lobby.connect(grant), grant.media)
    lobby.advance(60)
    assert bob.events == []
    assert ann.states("a")[-1] == ("PUBLISHING", 0)


def test_if_it_does_not_come_back_the_stream_is_withdrawn(lobby: Lobby) -> None:
    ann, bob = lobby.enter("ann"), lobby.enter("bob")
    ann.go_on_air("a")
    lobby.registry.publisher_gave_up(ann.session, "a")
    bob.forget()
    lobby.advance(16)
    assert len(bob.events) == 1


def test_one_whose_connection_is_lost_already_is_told_once(lobby: Lobby) -> None:
    ann = lobby.enter("ann")
    lobby.registry.publisher_lost(ann.go_on_air("a"))
    ann.forget()
    lobby.registry.publisher_gave_up(ann.session, "a")
    assert (ann.states("a"), lobby.plane.cuts) == ([], [])


def test_one_that_never_came_through_is_told_too(lobby: Lobby) -> None:
    ann = lobby.enter("ann")
    ann.publish("a")
    ann.forget()
    lobby.registry.publisher_gave_up(ann.session, "a")
    assert ann.states("a") == [WAITS]
    assert lobby.registry.streams["1", "a"].state is StreamState.AWAITED


def test_a_players_connections_are_cut_and_it_is_told(lobby: Lobby) -> None:
    ann, bob = lobby.enter("ann"), lobby.enter("bob")
    ann.go_on_air("a")
    grant = lobby.connect(bob.play("a"))
    bob.forget()
    lobby.registry.player_gave_up(bob.session, "a")
    assert lobby.plane.cut_with(grant) is PLAY_INTERRUPTED
    assert bob.states("a") == [("PLAY_REQUESTING", 1004020)]


def test_a_player_of_what_is_not_on_air_is_told_nothing_new(lobby: Lobby) -> None:
    bob = lobby.enter("bob")
    bob.play("a", wait=True)
    bob.forget()
    lobby.registry.player_gave_up(bob.session, "a")
    assert bob.heard == []


def test_what_one_does_not_have_cannot_be_given_up(lobby: Lobby) -> None:
    ann, bob = lobby.enter("ann"), lobby.enter("bob")
    ann.go_on_air("a")
    bob.forget()
    lobby.registry.publisher_gave_up(bob.session, "a")
    lobby.registry.player_gave_up(bob.session, "a")
    assert (bob.heard, lobby.plane.cuts) == ([], [])
