"""What a check-up found: who hears of it, and for how long it stands."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.auth.access import Action
from gateway.errors import PUBLISH_INTERRUPTED
from gateway.quality.checkup import SoundFacts, StreamFacts, VideoFacts
from gateway.rooms.events import PublisherNotice, PublisherState
from gateway.rooms.model import BOTH_MEDIA, Medium
from tests.support.lobby import AUDIO, Guest, Lobby

CLEAN = StreamFacts(5.0, video=VideoFacts(), sound=SoundFacts())
REORDERED = StreamFacts(5.0, video=VideoFacts(reordered=True), sound=SoundFacts())
SILENT = StreamFacts(12.0, video=VideoFacts())


@pytest.fixture
def lobby() -> Lobby:
    return Lobby()


def notices(guest: Guest) -> list[tuple[PublisherState, list[str]]]:
    """How publishing goes: the states, each with the names of the findings."""
    told = [fact for fact in guest.heard if isinstance(fact, PublisherNotice)]
    return [(notice.state, [finding.trouble.name for finding in notice.findings]) for notice in told]


def test_its_publisher_alone_is_told_and_the_state_stays_as_it_is(lobby: Lobby) -> None:
    ann, bob = lobby.enter("ann"), lobby.enter("bob")
    grant = ann.go_on_air("s")
    ann.forget()
    bob.forget()
    lobby.registry.examined(grant, REORDERED)
    assert notices(ann) == [(PublisherState.PUBLISHING, ["B_FRAMES"])]
    assert bob.heard == []


def test_nobody_is_told_that_nothing_was_found(lobby: Lobby) -> None:
    found: list[Any] = []
    lobby.registry.on_findings = lambda stream, findings: found.append(findings)
    ann = lobby.enter("ann")
    grant = ann.go_on_air("s")
    ann.forget()
    lobby.registry.examined(grant, CLEAN)
    assert (ann.heard, found) == ([], [])


def test_a_stream_that_nobody_could_decode_is_still_awaited(lobby: Lobby) -> None:
    ann = lobby.enter("ann")
    grant = lobby.connect(ann.publish("s"))
    lobby.registry.examined(grant, StreamFacts(12.0, video=VideoFacts(pictures=9, headless=9, keyframes=1), sound=SoundFacts()))
    assert notices(ann)[-1] == (PublisherState.REQUESTING, ["HEADERS_MISSING"])


def test_why_the_connection_before_was_lost_is_not_told_again(lobby: Lobby) -> None:
    ann = lobby.enter("ann")
    grant = ann.go_on_air("s")
    lobby.registry.publisher_lost(grant)
    lobby.connect(grant)
    lobby.registry.examined(grant, REORDERED)
    assert ann.states("s")[-2:] == [("PUBLISH_REQUESTING", PUBLISH_INTERRUPTED.number), ("PUBLISH_REQUESTING", 0)]
    assert notices(ann)[-1] == (PublisherState.REQUESTING, ["B_FRAMES"])


def test_who_counts_is_told(lobby: Lobby) -> None:
    found: list[tuple[str, list[str]]] = []
    lobby.registry.on_findings = lambda stream, findings: found.append((stream.id, [one.trouble.name for one in findings]))
    lobby.registry.examined(lobby.enter("ann").go_on_air("s"), REORDERED)
    assert found == [("s", ["B_FRAMES"])]


def test_a_resumed_session_hears_it_again(lobby: Lobby) -> None:
    ann = lobby.enter("ann")
    lobby.registry.examined(ann.go_on_air("s"), REORDERED)
    ann.forget()
    lobby.registry.restate(ann.session)
    assert notices(ann) == [(PublisherState.PUBLISHING, ["B_FRAMES"])]


def test_the_next_connection_is_looked_at_anew(lobby: Lobby) -> None:
    ann = lobby.enter("ann")
    grant = ann.go_on_air("s")
    lobby.registry.examined(grant, REORDERED)
    lobby.registry.publisher_lost(grant)
    lobby.connect(grant)
    lobby.registry.media_arrived(grant, BOTH_MEDIA)
    assert notices(ann)[-1] == (PublisherState.PUBLISHING, [])
    assert ann.session.publishing["s"].findings == ()


def test_what_is_over_has_no_findings(lobby: Lobby) -> None:
    ann = lobby.enter("ann")
    grant = ann.go_on_air("s")
    lobby.registry.examined(grant, REORDERED)
    lobby.registry.publisher_left(grant, None)
    assert ann.session.publishing["s"].findings == ()
    assert notices(ann)[-1] == (PublisherState.NONE, [])


def test_a_connection_whose_stream_is_gone_changes_nothing(lobby: Lobby) -> None:
    ann = lobby.enter("ann")
    grant = ann.go_on_air("s")
    ann.leave()
    ann.forget()
    lobby.registry.examined(grant, REORDERED)
    assert ann.heard == []


class TestPromises:
    def test_what_was_announced_is_missed(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann")
        lobby.registry.examined(ann.go_on_air("s"), SILENT)
        assert notices(ann)[-1][1] == ["AUDIO_PROMISED_MISSING"]

    def test_what_was_not_announced_or_is_muted_is_not(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann")
        for stream_id, media in (("only video", BOTH_MEDIA - AUDIO), ("muted", BOTH_MEDIA)):
            grant = lobby.connect(ann.publish(stream_id, media))
            ann.session.publishing["muted" if media is BOTH_MEDIA else stream_id].muted = frozenset({Medium.AUDIO})
            lobby.registry.examined(grant, SILENT)
            assert ann.session.publishing[stream_id].findings == ()

    def test_a_signed_address_promises_nothing(self, lobby: Lobby) -> None:
        grant = lobby.registry.admit(lobby.address(Action.PUBLISH, "tv"))
        lobby.registry.publisher_joined(grant)
        lobby.registry.examined(grant, SILENT)
        assert lobby.registry.streams["1", "tv"].findings == ()
        lobby.registry.examined(grant, REORDERED)
        assert len(lobby.registry.streams["1", "tv"].findings) == 1
