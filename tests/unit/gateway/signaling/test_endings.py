"""How sessions end by another's hand, what a token's end does, and what one who comes back is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.config import AppSettings
from gateway.errors import KICKED, KICKED_TOKEN_EXPIRED
from gateway.rooms.model import BOTH_MEDIA, Grant
from gateway.signaling.close import CloseReason
from gateway.signaling.methods import connect
from gateway.signaling.session import Phase
from tests.support.lobby import SECRET
from tests.support.talk import TOKEN_APPS, Client, Description, House, Socket
from tests.support.watching import WatchedHouse

KICKING_APPS = {"1": AppSettings(SECRET, token_expiry="kick")}
MULTI_ROOM_APPS = {"1": AppSettings(SECRET, debug=True, multi_room=True)}


@pytest.fixture
def house() -> House:
    return House()


def on_air(house: House, client: Client, stream: str) -> Grant:
    """The client publishes, connects, and media arrive."""
    client.result("publish", streamID=stream)
    assert client.conversation.attachment is not None
    grant = house.lobby.connect(client.conversation.attachment.session.publishing[stream].grant)
    house.lobby.registry.media_arrived(grant, BOTH_MEDIA)
    return grant


def back(house: House, client: Client, last_seq: int = 0, **params: Any) -> tuple[Client, Any, list[tuple[str, Any]]]:
    """Ann goes on with a client's session: the new client, the reply, and the events right after it."""
    again = house.client(instead_of=client)
    resume = {"sessionID": client.session, "lastSeq": last_seq}
    reply = again.ask("login", {"appID": 1, "roomID": "room", "userID": "ann", "resume": resume} | params)
    again.session = client.session
    return again, reply, again.events()


def refusal(house: House, client: Client) -> tuple[int, str]:
    """What ann is answered who wants to go on with a session that was ended: the number and the advice."""
    _, reply, _ = back(house, client)
    return reply["error"]["code"], reply["error"]["data"]["retry"]


class TestKicking:
    def test_it_hears_why_its_media_is_cut_and_it_never_comes_back(self, house: House) -> None:
        ann, bob = house.login("ann"), house.login("bob", userUpdate=True)
        grant = on_air(house, ann, "s")
        ann.events()
        bob.events()
        assert house.signaling.sessions.kick("1", "ann", "room", "too loud") == 1
        (_, state), kicked = ann.events()
        assert (state["state"], state["code"]) == ("NO_PUBLISH", 1002055)
        assert kicked == ("kicked", {"roomID": "room", "code": 1002055, "reason": "too loud", "retry": "never"})
        assert house.lobby.plane.cut_with(grant) is KICKED
        assert ann.closed is CloseReason.KICKED
        assert [(name, event["type"], event["reason"]["code"]) for name, event in bob.events()] == [
            ("streams", "DELETE", 4), ("users", "DELETE", 4),
        ]  # fmt: skip
        ann.gone()
        assert refusal(house, ann) == (1002055, "never")
        house.login("ann")

    def test_one_without_a_socket_is_told_when_it_wants_to_go_on(self, house: House) -> None:
        ann = house.login("ann")
        ann.gone()
        assert house.signaling.sessions.kick("1", "ann") == 1
        assert refusal(house, ann) == (1002055, "never")

    @pytest.mark.parametrize(("app", "user", "room"), [("2", "ann", None), ("1", "bob", None), ("1", "ann", "another")])
    def test_who_is_not_there_is_not_kicked(self, house: House, app: str, user: str, room: str | None) -> None:
        ann = house.login("ann")
        assert house.signaling.sessions.kick(app, user, room) == 0
        assert ann.closed is None

    def test_in_the_middle_of_a_request_the_last_word_still_comes(self, house: House) -> None:
        ann = house.login("ann")

        async def meanwhile(*_: object) -> Description:
            house.signaling.sessions.kick("1", "ann")
            return Description("peer", "sdp")

        house.peers.publish = meanwhile  # type: ignore[method-assign,assignment]
        frame = {"jsonrpc": "2.0", "id": 1, "method": "publish", "params": {"streamID": "s", "transport": "webrtc", "sdp": "sdp"}}
        ann.send(json.dumps(frame))
        assert [name for name, _ in ann.events()][-1] == "kicked"
        ann.gone()
        house.advance(1)
        assert house.leftovers() == {}


class TestClosingARoom:
    def test_everyone_is_put_out_at_once_and_hears_nothing_of_the_others(self, house: House) -> None:
        clients = [house.login(name, userUpdate=True) for name in ("ann", "bob", "cat")]
        elsewhere = house.login("dan", "another")
        on_air(house, clients[1], "s")
        clients[2].gone()
        for client in clients:
            client.events()
        assert house.signaling.sessions.close_room("1", "room", "good night") == 3
        assert clients[0].events() == [
            ("roomClosed", {"roomID": "room", "code": 1002055, "reason": "good night", "retry": "never"})
        ]
        assert [client.closed for client in clients] == [CloseReason.ROOM_CLOSED, CloseReason.ROOM_CLOSED, None]
        assert refusal(house, clients[0]) == (1002055, "never")
        assert (elsewhere.closed, len(house.lobby.registry.rooms), house.lobby.registry.streams) == (None, 1, {})
        assert house.login("ann").result("ping") == {}

    def test_there_is_none(self, house: House) -> None:
        assert house.signaling.sessions.close_room("1", "room") == 0


class TestSeveralRooms:
    def test_a_user_may_be_in_each_of_them_once(self) -> None:
        house = House(MULTI_ROOM_APPS)
        one, other = house.login("ann", "one"), house.login("ann", "other")
        again = house.login("ann", "one")
        assert (one.closed, other.closed, again.closed) == (CloseReason.KICKED_BY_SAME_USER, None, None)
        assert house.signaling.sessions.kick("1", "ann") == 2
        assert (other.closed, again.closed) == (CloseReason.KICKED, CloseReason.KICKED)
        house.client().login("ann", "one", resume={"sessionID": "forgotten"})
        house.client().login("ann", "other", resume={"sessionID": "forgotten"})
        assert house.client().error("login", appID=1, roomID="one", userID="ann", resume={"sessionID": "forgotten"}) == 1002050


class TestTokensThatEnd:
    def test_a_session_stays_but_begins_nothing_new(self) -> None:
        house = House(TOKEN_APPS)
        ann = house.login("ann", token=house.token("ann", ttl=40))
        ann.result("publish", streamID="a")
        ann.result("play", streamID="b", wait=True)
        house.advance(40)
        assert ann.error("publish", streamID="c") == 1002078
        assert ann.error("play", streamID="d", wait=True) == 1002078
        ann.result("publish", streamID="a", media=["audio"])
        ann.result("play", streamID="b", wait=True, mode="live")
        assert ann.closed is None

    def test_or_is_put_out_where_the_app_wants_it(self) -> None:
        house = House(KICKING_APPS)
        ann = house.login("ann", token=house.token("ann", ttl=40))
        grant = on_air(house, ann, "s")
        house.advance(39)
        ann.result("ping")
        house.advance(1)
        assert [name for name, _ in ann.events()][-2:] == ["publisherState", "kicked"]
        assert (ann.closed, house.lobby.plane.cut_with(grant)) == (CloseReason.KICKED_TOKEN_EXPIRED, KICKED_TOKEN_EXPIRED)
        ann.gone()
        assert refusal(house, ann) == (1002056, "never")

    def test_also_without_its_socket(self) -> None:
        house = House(KICKING_APPS)
        ann = house.login("ann", token=house.token("ann", ttl=40))
        ann.gone()
        house.advance(40)
        assert refusal(house, ann) == (1002056, "never")
        assert house.leftovers() == {"sockets": 1, "waiting": 1, "timers": 1}

    def test_where_it_is_put_out_clocks_have_no_leeway_for_a_login(self) -> None:
        house = House(KICKING_APPS)
        token = house.token("ann", ttl=10)
        house.advance(10)
        assert house.client().error("login", appID=1, roomID="room", userID="ann", token=token) == 1002078

    def test_one_who_comes_back_is_warned_once_more(self) -> None:
        house = House(TOKEN_APPS)
        ann = house.login("ann", token=house.token("ann", ttl=60))
        ann.gone()
        house.advance(50)
        _, _, events = back(house, ann)
        assert events == [("tokenWillExpire", {"roomID": "room", "seconds": 10})]


class TestRenewing:
    def test_the_newer_token_decides_from_now_on(self) -> None:
        house = House(KICKING_APPS)
        ann = house.login("ann", token=house.token("ann", ttl=40))
        house.advance(20)
        ann.events()
        result = ann.result("renewToken", token=house.token("ann", ttl=100))
        assert result == {"tokenExpiresAt": int(house.clock.wall() + 100) * 1000}
        for seconds in (30, 39):
            house.advance(seconds)
            ann.result("ping")
        assert ann.events() == []
        house.advance(1)
        assert ann.events() == [("tokenWillExpire", {"roomID": "room", "seconds": 30})]
        ann.result("ping")
        house.advance(30)
        assert ann.closed is CloseReason.KICKED_TOKEN_EXPIRED

    def test_after_the_end_it_lets_begin_anew(self) -> None:
        house = House(TOKEN_APPS)
        ann = house.login("ann", token=house.token("ann", ttl=10))
        house.advance(11)
        assert ann.error("publish", streamID="s") == 1002078
        ann.result("renewToken", token=house.token("ann"))
        ann.result("publish", streamID="s")

    def test_one_that_permits_less_ends_what_it_does_not_permit(self) -> None:
        house = House(TOKEN_APPS)
        ann = house.login("ann", token=house.token("ann"))
        on_air(house, ann, "s")
        ann.events()
        ann.result("renewToken", token=house.token("ann", may_publish=False))
        ((_, state),) = ann.events()
        assert (state["state"], state["code"]) == ("NO_PUBLISH", 1002082)
        assert ann.error("publish", streamID="s") == 1003025

    @pytest.mark.parametrize(
        ("claims", "number"),
        [({"user": "bob"}, 1002077), ({"app": "2"}, 1002076), ({"room": "another"}, 1002033), ({"may_login": False}, 1002033)],
    )
    def test_what_is_refused_changes_nothing(self, claims: dict[str, Any], number: int) -> None:
        house = House(TOKEN_APPS)
        ann = house.login("ann", token=house.token("ann", ttl=60))
        assert ann.error("renewToken", token=house.token(**{"user": "ann"} | claims)) == number
        assert ann.error("renewToken", token="") == 1002067
        house.advance(30)
        assert ann.events() == [("tokenWillExpire", {"roomID": "room", "seconds": 30})]

    def test_a_debug_app_has_no_tokens(self, house: House) -> None:
        assert house.login("ann").result("renewToken", token="x") == {"tokenExpiresAt": None}


class TestComingBack:
    def test_what_was_missed_comes_after_the_reply_and_then_how_things_are(self, house: House) -> None:
        ann, bob = house.login("ann", userUpdate=True), house.login("bob")
        on_air(house, ann, "a")
        seq = house.lobby.registry.rooms["1", "room"].seq
        bob.result("sendBroadcastMessage", message="heard")
        assert ann.events()[-1][0] == "broadcastMessage"
        ann.gone()
        bob.result("sendBroadcastMessage", message="missed")
        bob.result("sendCustomCommand", message="not for ann", toUserIDs=["cat"])
        house.login("cat")
        on_air(house, bob, "b")
        again, reply, events = back(house, ann, seq + 1)
        result = reply["result"]
        assert (result["resumed"], result["replayed"], result["onlineUserCount"]) == (True, 3, 3)
        assert [name for name, _ in events] == ["broadcastMessage", "users", "streams", "publisherState", "urls"]
        assert events[0][1]["message"] == "missed"
        seqs = [event["seq"] for _, event in events[:3]]
        assert seqs == sorted(seqs)
        assert (seqs[0], seqs[-1]) == (seq + 2, result["seq"])
        assert events[3][1]["state"] == "PUBLISHING"
        key = house.lobby.grants.key(house.lobby.registry.streams["1", "a"].grant).reveal()
        (push,) = events[4][1]["push"]
        assert (push["streamID"], push["url"], events[4][1]["pull"]) == ("a", f"rtmp://h/live/a?key={key}", [])
        bob.result("mute", streamID="b", audio=True)
        ((_, muted),) = again.events()
        assert muted["seq"] == result["seq"] + 1

    def test_its_playing_is_restated_too(self, house: House) -> None:
        ann, bob = house.login("ann"), house.login("bob")
        on_air(house, bob, "b")
        ann.result("play", streamID="b")
        ann.gone()
        bob.result("unpublish", streamID="b")
        _, reply, events = back(house, ann, house.lobby.registry.rooms["1", "room"].seq)
        assert reply["result"]["replayed"] == 0
        assert [(name, event.get("state")) for name, event in events] == [("playerState", "NO_PLAY"), ("urls", None)]
        assert events[1][1]["pull"][0]["streamID"] == "b"

    def test_what_was_too_long_ago_is_not_replayed(self) -> None:
        house = House(replay_events=2)
        ann, bob = house.login("ann"), house.login("bob")
        ann.gone()
        for number in range(3):
            bob.result("setRoomExtraInfo", key="k", value=f"{number}")
        _, reply, events = back(house, ann, 2)
        assert (reply["result"]["replayed"], events) == (0, [])
        assert reply["result"]["roomExtraInfo"]["k"]["value"] == "2"

    def test_nor_is_what_its_socket_could_not_take_at_once(self) -> None:
        house = House(outbox_messages=16)
        ann, bob = house.login("ann"), house.login("bob")
        ann.gone()
        for number in range(9):
            bob.result("setRoomExtraInfo", key="k", value=f"{number}")
        _, reply, events = back(house, ann, 2)
        assert (reply["result"]["replayed"], events) == (0, [])
        _, reply, events = back(house, ann, 3)
        assert (reply["result"]["replayed"], len(events)) == (8, 8)

    def test_a_page_that_was_reloaded_counts_from_the_beginning(self, house: House) -> None:
        ann = house.login("ann")
        first = ann.result("publish", streamID="a")
        ann.gone()
        reloaded = house.client()
        reloaded.login("ann", resume={"sessionID": ann.session, "lastSeq": 0})
        reloaded.result("publish", streamID="b")
        assert ann.conversation.attachment is None
        assert reloaded.conversation.attachment is not None
        assert set(reloaded.conversation.attachment.session.publishing) == {"a", "b"}
        assert first["streamID"] == "a"

    def test_a_half_open_socket_hears_nothing_more(self, house: House) -> None:
        ann, bob = house.login("ann"), house.login("bob")
        again, reply, _ = back(house, ann, 1)
        assert (reply["result"]["resumed"], ann.closed) == (True, CloseReason.RESUMED_ELSEWHERE)
        bob.result("sendBroadcastMessage", message="hi")
        assert ([name for name, _ in again.events()], ann.events()) == (["broadcastMessage"], [])
        ann.gone()
        assert house.signaling.sessions.by_id[ann.session].phase is Phase.ATTACHED


class TestTooMuch:
    def test_logins_that_come_too_fast_are_told_when_to_come_again_each_at_another_moment(self) -> None:
        house = House(logins_per_second=1, logins_burst=2)
        house.login("ann")
        house.login("bob")
        errors = [
            house.client(f"192.0.2.{number}").ask("login", {"appID": 1, "roomID": "room", "userID": f"{number}"})["error"]
            for number in range(40)
        ]
        assert {(error["code"], error["data"]["retry"]) for error in errors} == {(1803002, "after")}
        pauses = [error["data"]["afterMs"] for error in errors]
        assert (2000 <= min(pauses) < 3000, 6000 < max(pauses) <= 7001) == (True, True)
        house.advance(1)
        house.login("cat")

    def test_whatever_is_refused_for_want_of_room_is_told_so_too(self) -> None:
        house = House({"1": AppSettings(SECRET, debug=True, max_sessions=1)})
        house.login("ann")
        error = house.client().ask("login", {"appID": 1, "roomID": "room", "userID": "bob"})["error"]
        assert (error["code"], 1000 <= error["data"]["afterMs"] <= 6000) == (1803002, True)

    def test_so_is_a_socket(self) -> None:
        house = House(sockets_before_login=1)
        house.client()
        refused = Socket()
        connect(house.signaling, refused, "192.0.2.1")
        assert refused.closed is not None
        assert 1000 <= (refused.closed[1] or 0) <= 6000


class TestReports:
    def test_they_are_taken_with_and_without_an_answer(self) -> None:
        house = WatchedHouse()
        ann = house.login("ann")
        for _ in range(3):
            assert ann.result("report", direction="push", event="bindstatechange", data={"code": 1002}) == {}
        frame = '{"jsonrpc":"2.0","method":"report","params":{"direction":"pull","event":"stats","streamID":"s","data":{}}}'
        assert ann.send(frame) == []
        assert house.watch.counters.reports == {("ws", "push", "bindstatechange"): 3, ("ws", "pull", "stats"): 1}

    def test_what_is_refused(self) -> None:
        house = WatchedHouse()
        ann = house.login("ann")
        assert ann.error("report", direction="push", event="stats", data={"x": "y" * 17_000}) == -32602
        assert house.client().error("report", direction="push", event="stats") == 1000002
        assert house.watch.counters.reports == {}
