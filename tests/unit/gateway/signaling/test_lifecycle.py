"""A session from its first socket to its end: deadlines, lost sockets, resuming, being replaced, the gateway's end."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from gateway.rooms.model import BOTH_MEDIA
from gateway.signaling.close import CloseReason
from gateway.signaling.methods import connect
from gateway.signaling.session import Phase
from tests.support.talk import TOKEN_APPS, Client, House, Socket

HEARTBEAT_DEADLINE = 45
RESUME_WINDOW = 90


@pytest.fixture
def house() -> House:
    return House()


def on_air(house: House, client: Client, stream: str) -> None:
    """The client publishes, connects, and media arrive."""
    client.result("publish", streamID=stream)
    assert client.conversation.attachment is not None
    grant = client.conversation.attachment.session.publishing[stream].grant
    house.lobby.registry.media_arrived(house.lobby.connect(grant), BOTH_MEDIA)


def resumed(house: House, client: Client) -> Any:
    """The reply to ann's wish to go on with the session of a client of hers."""
    resume = {"sessionID": client.session, "lastSeq": 0}
    return house.client().ask("login", {"appID": 1, "roomID": "room", "userID": "ann", "resume": resume})


class TestDeadlines:
    def test_a_socket_that_does_not_log_in_is_closed(self, house: House) -> None:
        client = house.client()
        client.result("ping")
        house.advance(9.9)
        assert not client.closed
        client.error("login", appID=99, roomID="r", userID="u")
        house.advance(0.1)
        assert client.closed == CloseReason.LOGIN_TIMEOUT

    def test_one_that_did_is_not(self, house: House) -> None:
        client = house.client()
        house.advance(9)
        client.login("ann")
        house.advance(HEARTBEAT_DEADLINE - 1)
        assert client.closed is None

    def test_a_silent_socket_is_closed_and_its_session_stays(self, house: House) -> None:
        ann, bob = house.login("ann"), house.login("bob", userUpdate=True)
        house.advance(HEARTBEAT_DEADLINE - 1)
        bob.result("ping")
        house.advance(1)
        assert ann.closed is CloseReason.HEARTBEAT_TIMEOUT
        ann.gone()
        assert bob.events() == []
        assert house.signaling.sessions.by_id[ann.session].phase is Phase.DETACHED

    @pytest.mark.parametrize(
        "frame", ['{"jsonrpc":"2.0","method":"ping"}', '{"jsonrpc":"2.0","id":1,"method":"ping"}', "nonsense"]
    )
    def test_anything_that_comes_is_a_sign_of_life(self, house: House, frame: str) -> None:
        ann = house.login("ann")
        for _ in range(10):
            house.advance(HEARTBEAT_DEADLINE - 1)
            ann.send(frame)
        assert ann.closed is None

    def test_a_socket_that_is_gone_leaves_no_deadline(self, house: House) -> None:
        house.client().gone()
        assert house.leftovers() == {}


class TestLostSockets:
    def test_when_the_window_is_over_the_user_leaves_with_reason_2(self, house: House) -> None:
        ann, bob = house.login("ann"), house.login("bob", userUpdate=True)
        on_air(house, ann, "s")
        bob.events()
        ann.gone()
        for _ in range(RESUME_WINDOW // 30 - 1):
            house.advance(30)
            bob.result("ping")
        house.advance(29)
        assert bob.events() == []
        house.advance(1)
        assert [(name, event["type"], event["reason"]) for name, event in bob.events()] == [
            ("streams", "DELETE", {"code": 2, "name": "heartbeatTimeout"}),
            ("users", "DELETE", {"code": 2, "name": "heartbeatTimeout"}),
        ]

    def test_nothing_is_left_of_the_last_one(self, house: House) -> None:
        ann = house.login("ann")
        on_air(house, ann, "s")
        ann.gone()
        house.advance(RESUME_WINDOW)
        assert house.leftovers() == {}


class TestResuming:
    def test_the_session_goes_on_and_the_reply_restates_everything(self, house: House) -> None:
        ann, bob = house.login("ann"), house.login("bob", userUpdate=True)
        on_air(house, ann, "a")
        on_air(house, bob, "b")
        ann.result("play", streamID="b")
        bob.events()
        ann.gone()
        house.advance(40)
        bob.result("mute", streamID="b", audio=True)
        again = house.client(instead_of=ann)
        reply = again.login("ann", resume={"sessionID": ann.session, "lastSeq": 1})
        assert (reply["resumed"], reply["sessionID"], reply["publishing"], reply["playing"]) == (True, ann.session, ["a"], ["b"])
        assert reply["streams"][0]["muted"]["audio"] is True
        assert bob.events() == [], "nobody is told"
        house.advance(44)
        assert again.closed is None
        on_air(house, again, "c")
        assert [name for name, _ in bob.events()] == ["streams"]

    def test_seq_goes_on_growing(self, house: House) -> None:
        ann, bob = house.login("ann", userUpdate=True), house.login("bob")
        ann.gone()
        on_air(house, bob, "b")
        again = house.client()
        seq = again.login("ann", resume={"sessionID": ann.session})["seq"]
        bob.result("mute", streamID="b", audio=True)
        ((_, event),) = again.events()
        assert event["seq"] == seq + 1

    def test_a_half_open_socket_is_replaced_and_nobody_is_kicked(self, house: House) -> None:
        ann, bob = house.login("ann"), house.login("bob", userUpdate=True)
        again = house.client()
        assert again.login("ann", resume={"sessionID": ann.session})["resumed"] is True
        assert ann.closed is CloseReason.RESUMED_ELSEWHERE
        ann.gone()
        on_air(house, bob, "b")
        assert [name for name, _ in again.events()] == ["streams"], "the new socket stays attached"
        assert house.signaling.sessions.by_id[ann.session].phase is Phase.ATTACHED

    def test_a_socket_can_be_lost_again_and_again(self, house: House) -> None:
        client = house.login("ann")
        session = client.session
        for _ in range(5):
            client.gone()
            house.advance(RESUME_WINDOW - 1)
            client = house.client()
            assert client.login("ann", resume={"sessionID": session})["resumed"] is True
        client.gone()
        house.advance(RESUME_WINDOW)
        assert house.leftovers() == {}

    def test_an_unknown_session_is_a_fresh_login(self, house: House) -> None:
        reply = house.client().login("ann", resume={"sessionID": "never heard of", "lastSeq": 99})
        assert reply["resumed"] is False
        assert reply["sessionID"] != "never heard of"

    def test_one_that_is_too_old_as_well(self, house: House) -> None:
        ann = house.login("ann")
        ann.gone()
        house.advance(RESUME_WINDOW)
        reply = house.client().login("ann", resume={"sessionID": ann.session})
        assert (reply["resumed"], reply["sessionID"] != ann.session) == (False, True)

    def test_but_it_does_not_put_out_a_newer_session_of_the_same_user(self, house: House) -> None:
        ann = house.login("ann")
        ann.gone()
        house.advance(RESUME_WINDOW)
        newer = house.login("ann")
        reply = resumed(house, ann)
        assert (reply["error"]["code"], reply["error"]["data"]["retry"]) == (1002050, "never")
        assert newer.closed is None

    def test_after_a_logout(self, house: House) -> None:
        ann = house.login("ann")
        ann.result("logout")
        reply = resumed(house, ann)
        assert (reply["error"]["code"], reply["error"]["data"]["retry"]) == (1000002, "never")

    @pytest.mark.parametrize("params", [{"userID": "eve"}, {"roomID": "other"}, {"appID": 2}])
    def test_a_session_is_resumed_only_by_its_user_in_its_room(self, house: House, params: dict[str, str]) -> None:
        ann = house.login("ann")
        request = {"appID": 1, "roomID": "room", "userID": "ann", "resume": {"sessionID": ann.session}} | params
        assert house.client().error("login", **request) == -32602
        assert ann.closed is None

    def test_an_expired_token_does_not_hinder_it(self) -> None:
        house = House(TOKEN_APPS)
        token = house.token("ann", ttl=10)
        ann = house.login("ann", token=token)
        ann.gone()
        house.advance(80)
        again = house.client()
        assert again.login("ann", token=token, resume={"sessionID": ann.session})["resumed"] is True
        assert house.client().error("login", appID=1, roomID="room", userID="ann", token=token) == 1002078
        assert again.closed is None


class TestSameUser:
    def test_the_second_login_kicks_the_first(self, house: House) -> None:
        first, bob = house.login("ann"), house.login("bob", userUpdate=True)
        on_air(house, first, "s")
        bob.events()
        first.events()
        second = house.login("ann", userUpdate=True)
        reason, after_ms = first.socket.closed or (None, None)
        assert reason is CloseReason.KICKED_BY_SAME_USER
        assert reason.code == 4010
        assert json.loads(reason.text(after_ms)) == {"code": 1002050, "retry": "never"}
        (_, state), kicked = first.events()
        assert (state["state"], state["code"]) == ("NO_PUBLISH", 1002050)
        assert kicked == ("kicked", {
            "roomID": "room", "code": 1002050, "reason": "the same userID logged in elsewhere", "retry": "never",
        })  # fmt: skip
        assert [(name, event["type"], event.get("reason", {}).get("code")) for name, event in bob.events()] == [
            ("streams", "DELETE", 3), ("users", "DELETE", 3), ("users", "ADD", None),
        ]  # fmt: skip
        assert second.events() == [], "of itself it hears nothing"

    def test_also_in_another_room_but_not_in_another_app(self, house: House) -> None:
        first = house.login("ann", "one room")
        elsewhere = house.login("ann", appID=2)
        house.login("ann", "another room")
        assert (first.closed, elsewhere.closed) == (CloseReason.KICKED_BY_SAME_USER, None)

    def test_a_detached_session_is_ended_too(self, house: House) -> None:
        first, bob = house.login("ann"), house.login("bob", userUpdate=True)
        first.gone()
        house.login("ann")
        assert [(event["type"], event["users"][0]["userID"]) for _, event in bob.events()] == [("DELETE", "ann"), ("ADD", "ann")]

    def test_the_kicked_one_must_not_come_back_by_resuming(self, house: House) -> None:
        first = house.login("ann")
        second = house.login("ann")
        first.gone()
        reply = resumed(house, first)
        assert (reply["error"]["code"], reply["error"]["data"]["retry"]) == (1002050, "never")
        assert second.closed is None
        assert second.result("ping") == {}

    def test_the_kicked_ones_socket_is_not_heard_any_more(self, house: House) -> None:
        first, second = house.login("ann"), house.login("ann")
        assert first.send('{"jsonrpc":"2.0","id":1,"method":"login","params":{"appID":1,"roomID":"room","userID":"ann"}}') == []
        assert second.closed is None

    def test_a_login_that_is_refused_kicks_nobody(self) -> None:
        house = House(TOKEN_APPS)
        first = house.login("ann", token=house.token("ann"))
        house.client().error("login", appID=1, roomID="room", userID="ann", token=house.token("eve"))
        assert first.closed is None


class TestSocketsBeforeLogin:
    def test_an_address_may_have_so_many(self) -> None:
        house = House(sockets_before_login=2)
        waiting = [house.client("192.0.2.1"), house.client("192.0.2.1")]
        refused = Socket()
        assert connect(house.signaling, refused, "192.0.2.1") is None
        assert refused.closed is not None
        assert refused.closed[0] is CloseReason.OVERLOADED
        house.client("192.0.2.2")
        waiting[0].gone()
        house.client("192.0.2.1")

    def test_those_that_logged_in_do_not_count_until_they_log_out(self) -> None:
        house = House(sockets_before_login=1)
        ann = house.login("ann")
        bob = house.client()
        bob.login("bob")
        ann.result("logout")
        assert connect(house.signaling, Socket(), "192.0.2.1") is None
        ann.gone()
        house.client().gone()
        bob.gone()
        assert connect(house.signaling, Socket(), "192.0.2.1") is not None


class TestTheGatewaysEnd:
    def test_everyone_is_told_when_to_come_back_at_moments_spread_out(self, house: House) -> None:
        clients = [house.login(f"user {number}") for number in range(200)]
        clients.append(house.client())
        house.signaling.shut_down(5, random.Random(1))
        pauses = []
        for client in clients:
            assert client.socket.closed is not None
            reason, after_ms = client.socket.closed
            assert after_ms is not None
            assert reason is CloseReason.SHUTTING_DOWN
            assert json.loads(reason.text(after_ms)) == {"code": 1803001, "retry": "after", "afterMs": after_ms}
            pauses.append(after_ms)
        assert 1000 <= min(pauses) < 1500
        assert 5500 < max(pauses) < 6000

    def test_nobody_new_is_heard(self, house: House) -> None:
        house.signaling.shut_down(5, random.Random(1))
        late = Socket()
        assert connect(house.signaling, late, "192.0.2.1") is None
        assert late.closed is not None
        reason, after_ms = late.closed
        assert (reason, 1000 <= (after_ms or 0) <= 6000) == (CloseReason.SHUTTING_DOWN, True)

    async def test_it_is_silent_once_the_last_socket_is_gone(self, house: House) -> None:
        ann, bob = house.login("ann"), house.client()
        silent = asyncio.create_task(house.signaling.silent())
        ann.gone()
        await asyncio.sleep(0)
        assert not silent.done()
        bob.gone()
        await silent
        await house.signaling.silent()


def test_nothing_is_left_behind_after_everybody_left(house: House) -> None:
    clients = [house.login(name, room) for name in ("ann", "bob", "cat") for room in ("r", "q")]
    for number, client in enumerate(clients[1::2]):
        on_air(house, client, f"s{number}")
    clients[1].result("logout")
    for client in clients:
        client.gone()
    assert house.leftovers()
    house.advance(RESUME_WINDOW)
    assert house.leftovers() == {}
