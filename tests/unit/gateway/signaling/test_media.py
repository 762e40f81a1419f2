"""Publishing and playing over WebRTC by signaling: descriptions go through it, and a failure leaves nothing behind."""

from __future__ import annotations

from typing import Any, cast

import pytest

from gateway.addresses import Addresses
from gateway.errors import OVERLOADED, GatewayError
from gateway.rooms.model import BOTH_MEDIA, Grant
from gateway.signaling import messages
from gateway.signaling.media import HANDLERS, Asker, Invitations
from tests.support.lobby import AUDIO
from tests.support.talk import UNREADABLE, Client, Description, House

INVALID_PARAMS, STREAM_NOT_FOUND, SDP_INVALID, PEER_NOT_FOUND = -32602, 1004002, 1802005, 1802009


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def ann(house: House) -> Client:
    return house.login("ann")


@pytest.fixture
def bob(house: House) -> Client:
    return house.login("bob")


def publish(client: Client, stream: str = "s", sdp: str = "sdp", **params: Any) -> Any:
    return client.result("publish", streamID=stream, transport="webrtc", sdp=sdp, **params)


def play(client: Client, stream: str = "s", **params: Any) -> Any:
    return client.result("play", streamID=stream, transport="webrtc", wait=True, **params)


def published(house: House, stream: str = "s") -> Grant:
    return house.lobby.registry.streams["1", stream].grant


def states(client: Client) -> list[tuple[str, str]]:
    """How one's own streams went: event and state."""
    return [(name, event["state"]) for name, event in client.events() if "state" in event]


class TestPublish:
    def test_an_offer_is_answered(self, house: House, ann: Client) -> None:
        assert publish(ann, "s/1", "sdp offer") == {"streamID": "s/1", "sdp": "answer 1 to sdp offer"}
        ((wish, request),) = house.peers.asked
        assert (wish, request.action, request.transport, request.stream) == ("publish", "publish", "webrtc", "s%2F1")
        assert request.client == "192.0.2.1"
        assert house.lobby.registry.admit(request) is published(house, "s/1")

    def test_an_offer_that_cannot_be_read_takes_nothing_from_what_publishes_now(self, house: House, ann: Client) -> None:
        ann.result("publish", streamID="s")
        grant = house.lobby.connect(published(house))
        house.lobby.registry.media_arrived(grant, BOTH_MEDIA)
        assert ann.error("publish", streamID="s", transport="webrtc", sdp=UNREADABLE) == SDP_INVALID
        assert not house.lobby.plane.cuts
        assert (grant.transport, grant.connections) == ("rtmp", 1)

    def test_others_see_what_it_came_over(self, house: House, ann: Client, bob: Client) -> None:
        publish(ann)
        house.lobby.registry.media_arrived(house.lobby.connect(published(house)), BOTH_MEDIA)
        ((_, event),) = bob.events()
        assert event["streams"][0]["transport"] == "webrtc"

    @pytest.mark.parametrize("params", [{"transport": "webrtc"}, {"sdp": "sdp"}, {"sdp": "sdp", "transport": "whip"}], ids=str)
    def test_an_offer_and_the_transport_go_together(self, house: House, ann: Client, params: dict[str, Any]) -> None:
        assert ann.error("publish", streamID="s", **params) == INVALID_PARAMS
        assert house.lobby.registry.streams == {}

    def test_an_offer_that_cannot_be_used_leaves_no_grant_behind(self, house: House, ann: Client, bob: Client) -> None:
        assert ann.error("publish", streamID="s", transport="webrtc", sdp="nonsense") == SDP_INVALID
        assert (house.lobby.registry.streams, len(house.lobby.grants)) == ({}, 0)
        assert states(ann) == [("publisherState", "PUBLISH_REQUESTING"), ("publisherState", "NO_PUBLISH")]
        publish(bob)

    def test_nor_does_one_that_is_refused_for_want_of_room(self, house: House, ann: Client) -> None:
        async def refuse(*_: object) -> Any:
            raise GatewayError(OVERLOADED, after_ms=700)

        house.peers.publish = refuse  # type: ignore[method-assign]
        error = ann.ask("publish", {"streamID": "s", "transport": "webrtc", "sdp": "sdp"})["error"]
        assert (error["code"], error["data"]["retry"], error["data"]["afterMs"]) == (OVERLOADED.number, "after", 700)
        assert house.lobby.registry.streams == {}

    def test_again_is_an_update_of_the_same_grant(self, house: House, ann: Client) -> None:
        publish(ann)
        grant = house.lobby.connect(published(house))
        publish(ann, sdp="sdp again", media=["audio"], extraInfo="x")
        assert (published(house), grant.media, house.lobby.plane.cuts) == (grant, AUDIO, [])
        assert house.peers.asked[0][1].key == house.peers.asked[1][1].key

    def test_an_update_that_fails_changes_nothing(self, house: House, ann: Client) -> None:
        publish(ann, extraInfo="x")
        grant = house.lobby.connect(published(house))
        failing = {"streamID": "s", "transport": "webrtc", "sdp": "nonsense", "media": ["audio"], "extraInfo": "y"}
        assert ann.error("publish", **failing) == SDP_INVALID
        stream = house.lobby.registry.streams["1", "s"]
        assert (stream.grant, grant.media, stream.extra_info, grant.connections) == (grant, BOTH_MEDIA, "x", 1)

    def test_it_takes_the_place_of_an_rtmp_connection(self, house: House, ann: Client) -> None:
        ann.result("publish", streamID="s")
        grant = house.lobby.connect(published(house))
        publish(ann)
        assert (published(house), grant.transport, [cut for cut, _ in house.lobby.plane.cuts]) == (grant, "webrtc", [grant])

    def test_a_stream_that_ended_while_its_offer_was_looked_at_is_left_alone(self, house: House, ann: Client) -> None:
        session = ann.conversation.attachment.session  # type: ignore[union-attr]

        async def meanwhile(*_: object) -> Any:
            house.lobby.registry.unpublish(session, "s", BOTH_MEDIA)
            house.lobby.registry.publish(session, "s", AUDIO, None, "rtmp")
            raise GatewayError(OVERLOADED)

        house.peers.publish = meanwhile  # type: ignore[method-assign]
        assert ann.error("publish", streamID="s", transport="webrtc", sdp="sdp") == OVERLOADED.number
        assert (published(house).transport, published(house).media) == ("rtmp", AUDIO)


class TestPlay:
    def test_the_server_offers_and_the_client_answers(self, house: House, bob: Client) -> None:
        assert play(bob, "s/1") == {"streamID": "s/1", "sdp": "offer 1 of peer-1"}
        ((wish, request),) = house.peers.asked
        assert (wish, request.action, request.transport, request.stream) == ("invite", "play", "webrtc", "s%2F1")
        assert bob.result("answer", streamID="s/1", sdp="sdp answer") == {}
        assert house.peers.accepted == [("peer-1", "sdp answer")]

    def test_an_unknown_stream_unless_one_waits(self, house: House, bob: Client) -> None:
        assert bob.error("play", streamID="s", transport="webrtc") == STREAM_NOT_FOUND
        assert house.peers.asked == []

    def test_the_answer_is_to_the_newest_offer(self, house: House, bob: Client) -> None:
        play(bob)
        play(bob)
        bob.result("answer", streamID="s", sdp="sdp")
        assert house.peers.accepted == [("peer-2", "sdp")]

    def test_an_answer_acts_each_time(self, house: House, bob: Client) -> None:
        play(bob)
        for _ in range(2):
            assert bob.ask("answer", {"streamID": "s", "sdp": "sdp"}, id="same")["result"] == {}
        assert len(house.peers.accepted) == 2

    def test_an_answer_that_cannot_be_used_may_be_mended(self, bob: Client) -> None:
        play(bob)
        assert bob.error("answer", streamID="s", sdp="nonsense") == SDP_INVALID
        bob.result("answer", streamID="s", sdp="sdp")

    def test_an_answer_to_nothing(self, bob: Client) -> None:
        assert bob.error("answer", streamID="s", sdp="sdp") == PEER_NOT_FOUND
        bob.result("play", streamID="s", wait=True)
        assert bob.error("answer", streamID="s", sdp="sdp") == PEER_NOT_FOUND

    def test_an_answer_after_stop_or_from_another_session(self, house: House, ann: Client, bob: Client) -> None:
        play(bob)
        assert ann.error("answer", streamID="s", sdp="sdp") == PEER_NOT_FOUND
        bob.result("stop", streamID="s")
        assert bob.error("answer", streamID="s", sdp="sdp") == PEER_NOT_FOUND
        bob.result("play", streamID="s", wait=True)
        assert bob.error("answer", streamID="s", sdp="sdp") == PEER_NOT_FOUND

    def test_a_restart_is_an_offer_for_the_same_connection(self, house: House, bob: Client) -> None:
        play(bob)
        assert play(bob, restart=True)["sdp"] == "offer 2 of peer-1"
        assert [wish for wish, _ in house.peers.asked] == ["invite"]
        bob.result("answer", streamID="s", sdp="sdp")
        assert house.peers.accepted == [("peer-1", "sdp")]

    def test_a_restart_goes_through_the_next_socket_of_the_session_too(self, house: House, bob: Client) -> None:
        play(bob)
        bob.gone()
        again = house.client(instead_of=bob)
        again.login("bob", resume={"sessionID": bob.session})
        assert play(again, restart=True)["sdp"] == "offer 2 of peer-1"

    def test_a_restart_of_what_is_gone_is_refused_and_the_grant_stays(self, house: House, bob: Client) -> None:
        restart = {"streamID": "s", "transport": "webrtc", "wait": True, "restart": True}
        assert bob.error("play", **restart) == PEER_NOT_FOUND
        assert house.lobby.leftovers().get("grants") is None
        play(bob)
        house.peers.gone("peer-1")
        assert bob.error("play", **restart) == PEER_NOT_FOUND
        assert play(bob)["sdp"] == "offer 1 of peer-2"

    def test_only_webrtc_knows_restarts(self, bob: Client) -> None:
        assert bob.error("play", streamID="s", wait=True, restart=True) == INVALID_PARAMS

    def test_a_play_that_is_refused_leaves_no_grant_behind(self, house: House, bob: Client) -> None:
        async def refuse(*_: object) -> Any:
            raise GatewayError(OVERLOADED)

        house.peers.invite = refuse  # type: ignore[method-assign]
        assert bob.error("play", streamID="s", transport="webrtc", wait=True) == OVERLOADED.number
        assert len(house.lobby.grants) == 0

    def test_what_is_remembered_of_ended_plays_does_not_grow(self, bob: Client) -> None:
        for number in range(30):
            play(bob, f"s{number}")
            bob.result("stop", streamID=f"s{number}")
        assert len(bob.conversation.attachment.invitations._ids) == 1  # type: ignore[union-attr]


class _OneLoopTurn:
    """Waited for, it lets others act once."""

    def __await__(self) -> Any:
        yield


class SlowPeers:
    """Keeps the first offer waiting and refuses it then; answers every other one at once."""

    def __init__(self) -> None:
        self.asked = 0

    def check(self, offer: str) -> None: ...

    async def publish(self, request: Any, offer: str) -> Any:
        self.asked += 1
        if self.asked == 1:
            await _OneLoopTurn()
            raise GatewayError(OVERLOADED)
        return Description("id", f"answer to {offer}")


def test_a_wish_that_fails_late_undoes_nothing_of_a_newer_one(house: House, ann: Client) -> None:
    assert ann.conversation.attachment is not None
    session, registry = ann.conversation.attachment.session, house.lobby.registry
    addresses = Addresses("ws://h/ws", "http://h", "rtmp://h")
    asker = Asker(session, Invitations(), "192.0.2.1", registry, addresses, cast(Any, SlowPeers()))
    wish = messages.Publish("s", transport="webrtc", sdp="offer")
    older = cast(Any, HANDLERS[messages.Publish](asker, wish))
    older.send(None)
    with pytest.raises(StopIteration) as newer:
        cast(Any, HANDLERS[messages.Publish](asker, wish)).send(None)
    assert newer.value.value.sdp == "answer to offer"
    with pytest.raises(GatewayError):
        older.send(None)
    assert list(session.publishing) == ["s"]
    assert house.lobby.grants.lives(session.publishing["s"].grant)
