"""What each method does for the one who asks, and what it makes the others hear."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from gateway.auth.access import AccessRequest
from gateway.config import AppSettings, WebRtcSettings
from gateway.errors import KICKED
from gateway.rooms.events import KickedNotice
from gateway.rooms.model import BOTH_MEDIA, Grant
from gateway.signaling.close import CloseReason
from gateway.signaling.session import Phase
from tests.support.lobby import AUDIO, SECRET
from tests.support.talk import TOKEN_APPS, Client, Description, House, Peers

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602


@pytest.fixture
def house() -> House:
    return House()


def names(client: Client) -> list[str]:
    return [name for name, _ in client.events()]


def grant_of(house: House, user: str, stream: str) -> Grant:
    """The grant with which a user publishes or plays a stream."""
    (session,) = [a.session for a in house.signaling.sessions.by_id.values() if a.session.user.id == user]
    return session.publishing[stream].grant if stream in session.publishing else session.playing[stream]


def media_arrive(house: House, user: str, stream: str) -> None:
    """The user's publishing connection is made, and media come."""
    house.lobby.registry.media_arrived(house.lobby.connect(grant_of(house, user, stream)), BOTH_MEDIA)


class TestLogin:
    def test_the_reply_restates_everything(self, house: House) -> None:
        ann = house.login("ann", userName="Ann")
        ann.result("publish", streamID="a")
        media_arrive(house, "ann", "a")
        result = house.login("eve", "elsewhere").conversation
        assert result is not None
        reply = house.client().login("bob")
        assert reply | {"sessionID": ""} == {
            "sessionID": "", "seq": 3, "resumed": False, "role": "broadcaster", "heartbeatMs": 15000,
            "resumeWindowMs": 90000, "tokenExpiresAt": None, "servers": ["ws://h/ws"], "iceServers": [],
            "users": [{"userID": "ann", "userName": "Ann", "role": "broadcaster"}],
            "streams": [{
                "streamID": "a", "userID": "ann", "userName": "Ann", "media": ["audio", "video"],
                "announced": ["audio", "video"], "muted": {"audio": False, "video": False}, "extraInfo": "",
                "transport": "rtmp",
            }],
            "publishing": [], "playing": [], "roomExtraInfo": {}, "onlineUserCount": 2, "replayed": 0,
        }  # fmt: skip

    def test_it_tells_of_ice_servers_with_credentials_that_are_made_for_the_user(self) -> None:
        webrtc = WebRtcSettings(stun_urls=("stun:h",), turn_urls=("turn:h:3478",), turn_secret="north", turn_ttl=60)
        house = House(webrtc=webrtc)
        stun, turn = house.client().login("ann")["iceServers"]
        assert stun == {"urls": ["stun:h"]}
        assert (turn["urls"], turn["username"]) == (["turn:h:3478"], f"{int(house.clock.wall()) + 60}:ann")
        assert turn["credential"]

    def test_the_user_name_is_the_userid_if_none_is_given(self, house: House) -> None:
        house.login("ann")
        assert house.client().login("bob")["users"][0]["userName"] == "ann"

    @pytest.mark.parametrize("app", [1, "1"])
    def test_an_appid_may_be_a_number_or_a_text(self, house: House, app: int | str) -> None:
        house.client().login("ann", appID=app)

    def test_user_updates_come_to_those_who_ask(self, house: House) -> None:
        ann, bob = house.login("ann", userUpdate=True), house.login("bob")
        house.login("cat").result("logout")
        assert [(name, event["type"], event["users"][0]["userID"]) for name, event in ann.events()] == [
            ("users", "ADD", "bob"), ("users", "ADD", "cat"), ("users", "DELETE", "cat"),
        ]  # fmt: skip
        assert bob.events() == []

    @pytest.mark.parametrize(
        ("params", "number"),
        [
            ({"appID": 3}, 1001004), ({"roomID": ""}, 1002011), ({"roomID": "\n"}, 1002012), ({"roomID": "x" * 129}, 1002013),
            ({"userID": ""}, 1002005), ({"userID": "\u0085"}, 1002006), ({"userID": "ü" * 65}, 1002007),
            ({"userName": "a\0"}, 1002009), ({"userName": "x" * 257}, 1002010), ({"role": "king"}, INVALID_PARAMS),
        ],
        ids=str,
    )  # fmt: skip
    def test_who_is_refused(self, house: House, params: dict[str, Any], number: int) -> None:
        client = house.client()
        assert client.error("login", **{"appID": 1, "roomID": "r", "userID": "u"} | params) == number
        client.login("ann")

    def test_a_full_room(self, house: House) -> None:
        house.login("ann", maxMemberCount=1)
        reply = house.client().ask("login", {"appID": 1, "roomID": "room", "userID": "bob"})
        assert (reply["error"]["code"], reply["error"]["data"]["retry"]) == (1002034, "after")

    def test_a_refused_login_leaves_the_users_older_session_alone(self, house: House) -> None:
        house.login("ann", maxMemberCount=1)
        bob = house.login("bob", room="elsewhere")
        assert house.client().ask("login", {"appID": 1, "roomID": "room", "userID": "bob"})["error"]["code"] == 1002034
        assert bob.result("ping") == {}
        assert bob.socket.closed is None

    def test_a_user_that_comes_back_fits_into_a_full_room(self, house: House) -> None:
        house.login("ann", maxMemberCount=1)
        assert house.login("ann").result("ping") == {}

    def test_one_socket_has_one_session(self, house: House) -> None:
        assert house.login("ann").error("login", appID=1, roomID="r", userID="ann") == INVALID_REQUEST

    @pytest.mark.parametrize("method", ["logout", "publish", "unpublish", "play", "answer", "stop", "mute"])
    def test_login_comes_first(self, house: House, method: str) -> None:
        assert house.client().error(method, streamID="s", sdp="sdp") == 1000002

    def test_a_ping_may_come_before(self, house: House) -> None:
        assert house.client().result("ping") == {}


class TestTokens:
    @pytest.fixture
    def house(self) -> House:
        return House(TOKEN_APPS)

    def login_error(self, house: House, token: str, user: str = "ann") -> int:
        return house.client().error("login", appID=1, roomID="room", userID=user, token=token)

    def test_a_good_token(self, house: House) -> None:
        reply = house.client().login("ann", token=house.token("ann", ttl=3600))
        assert reply["tokenExpiresAt"] == int(house.clock.wall() + 3600) * 1000

    def test_none(self, house: House) -> None:
        assert self.login_error(house, "") == 1002067

    @pytest.mark.parametrize("token", ["x", "a.b.c", "é"])
    def test_what_is_none(self, house: House, token: str) -> None:
        assert self.login_error(house, token) == 1002033

    def test_another_apps(self, house: House) -> None:
        assert self.login_error(house, house.token("ann", app="2")) == 1002076

    def test_a_refusal_is_logged_without_the_token(self, house: House, caplog: pytest.LogCaptureFixture) -> None:
        token = house.token("ann")
        with caplog.at_level(logging.INFO):
            assert self.login_error(house, token, user="bob reason=none") == 1002077
            assert self.login_error(house, token, user="b" * 50_000) == 1002007
        who = "login client=192.0.2.1 app='1' room='room'"
        assert caplog.messages[0] == f"{who} user='bob reason=none' refused reason=TOKEN_USER_MISMATCH detail=''"
        assert caplog.messages[1].startswith(f"{who} user='{'b' * 128}' refused reason=USER_ID_TOO_LONG ")
        assert not any(part in line for part in token.split(".") for line in caplog.messages)

    def test_another_users(self, house: House) -> None:
        assert self.login_error(house, house.token("ann"), user="bob") == 1002077

    def test_another_rooms(self, house: House) -> None:
        assert self.login_error(house, house.token("ann", room="other")) == 1002033
        house.client().login("ann", token=house.token("ann", room="room"))

    def test_one_that_has_expired(self, house: House) -> None:
        token = house.token("ann", ttl=60)
        house.advance(60 + 30)
        assert self.login_error(house, token) == 1002078

    def test_one_that_permits_no_login(self, house: House) -> None:
        assert self.login_error(house, house.token("ann", may_login=False)) == 1002033

    def test_one_that_permits_no_publishing(self, house: House) -> None:
        ann = house.login("ann", token=house.token("ann", may_publish=False))
        assert ann.error("publish", streamID="s") == 1003025
        ann.result("play", streamID="s", wait=True)

    def test_one_that_names_the_streams(self, house: House) -> None:
        ann = house.login("ann", token=house.token("ann", streams=["s"]))
        assert ann.error("publish", streamID="t") == 1003025
        ann.result("publish", streamID="s")

    def test_a_debug_app_needs_none_and_checks_none(self) -> None:
        house = House({"1": AppSettings(SECRET, debug=True)})
        assert house.client().login("ann", token="nonsense")["tokenExpiresAt"] is None

    def test_who_has_none_takes_nothing_from_the_logins_of_all(self) -> None:
        house = House(TOKEN_APPS, logins_per_second=1, logins_burst=1)
        for _ in range(10):
            assert self.login_error(house, "") == 1002067
        house.login("ann", token=house.token("ann"))

    def test_who_names_no_living_session_takes_nothing_either(self) -> None:
        house = House(TOKEN_APPS, logins_per_second=1, logins_burst=2)
        ann = house.login("ann", token=house.token("ann"))
        ann.result("logout")
        for session, number in ((ann.session, 1000002), ("never heard of", 1002067)) * 5:
            resume = {"sessionID": session}
            assert house.client().error("login", appID=1, roomID="room", userID="ann", resume=resume) == number
        house.login("bob", token=house.token("bob"))

    def test_a_socket_that_is_refused_again_and_again_is_closed(self, house: House) -> None:
        ann = house.client()
        for _ in range(5):
            assert ann.closed is None
            assert ann.error("login", appID=1, roomID="room", userID="ann") == 1002067
        assert ann.closed is CloseReason.RATE_LIMITED

    def test_a_login_that_succeeds_forgives_those_before(self, house: House) -> None:
        ann = house.client()
        for _ in range(2):
            for _ in range(4):
                ann.error("login", appID=1, roomID="room", userID="ann")
            ann.login("ann", token=house.token("ann"))
            ann.result("logout")
        assert ann.closed is None

    def test_an_overload_is_not_held_against_anyone(self) -> None:
        house = House(logins_per_second=1, logins_burst=1)
        house.login("ann")
        bob = house.client()
        for _ in range(10):
            assert bob.error("login", appID=1, roomID="room", userID="bob") == 1803002
        house.advance(1)
        bob.login("bob")

    def test_a_session_is_resumed_at_the_cost_of_a_login(self) -> None:
        house = House(logins_per_second=1, logins_burst=1)
        ann = house.login("ann")
        resume = {"sessionID": ann.session}
        assert house.client().error("login", appID=1, roomID="room", userID="ann", resume=resume) == 1803002
        assert ann.closed is None, "and nothing happens where there is no room for it"

    def test_no_reply_shows_the_token(self, house: House) -> None:
        token = house.token("ann")
        client = house.client()
        client.error("login", appID=1, roomID="room", userID="bob", token=token)
        assert token not in "".join(client.socket.texts)


class TestTokenWillExpire:
    def test_its_owner_is_warned_once_shortly_before(self) -> None:
        house = House(TOKEN_APPS)
        ann = house.login("ann", token=house.token("ann", ttl=60))
        house.advance(29)
        assert ann.events() == []
        house.advance(1)
        assert ann.events() == [("tokenWillExpire", {"roomID": "room", "seconds": 30})]
        house.advance(10)
        assert ann.events() == []

    def test_one_who_comes_with_less_is_warned_at_once(self) -> None:
        house = House(TOKEN_APPS)
        ann = house.login("ann", token=house.token("ann", ttl=12))
        house.advance(0)
        assert ann.events() == [("tokenWillExpire", {"roomID": "room", "seconds": 12})]

    def test_one_who_left_is_not(self) -> None:
        house = House(TOKEN_APPS)
        ann = house.login("ann", token=house.token("ann", ttl=60))
        ann.result("logout")
        house.advance(5)
        assert (ann.events(), house.lobby.leftovers()) == ([], {"timers": 1})


class TestPublish:
    def test_the_address_is_ready_for_use(self, house: House) -> None:
        result = house.login("ann").result("publish", streamID="s/1")
        key = house.lobby.grants.key(grant_of(house, "ann", "s/1")).reveal()
        url = f"rtmp://h/live/s%2F1?key={key}"
        assert result == {
            "streamID": "s/1", "url": url,
            "urls": [{"protocol": "rtmp", "url": url}, {"protocol": "whip", "url": "http://h/whip/s%2F1", "key": key}],
            "expiresAt": int((house.clock.wall() + 300) * 1000),
        }  # fmt: skip

    def test_again_gives_the_same_address_for_its_full_time(self, house: House) -> None:
        ann = house.login("ann")
        first = ann.result("publish", streamID="s")
        house.advance(20)
        again = ann.result("publish", streamID="s", media=["audio"])
        assert again == first | {"expiresAt": first["expiresAt"] + 20_000}

    def test_it_goes_through_its_states(self, house: House) -> None:
        ann = house.login("ann")
        ann.result("publish", streamID="s")
        assert ann.events() == [("publisherState", {"roomID": "room", "streamID": "s", "state": "PUBLISH_REQUESTING", "code": 0})]
        media_arrive(house, "ann", "s")
        assert ann.events() == [("publisherState", {"roomID": "room", "streamID": "s", "state": "PUBLISHING", "code": 0})]

    def test_others_hear_of_it_when_media_arrive_and_of_its_end(self, house: House) -> None:
        ann, bob = house.login("ann"), house.login("bob")
        ann.result("publish", streamID="s", extraInfo="x")
        assert bob.events() == []
        media_arrive(house, "ann", "s")
        ((name, added),) = bob.events()
        assert (name, added["type"], added["streams"][0]["extraInfo"]) == ("streams", "ADD", "x")
        ann.result("unpublish", streamID="s")
        ((name, removed),) = bob.events()
        assert (name, removed["type"], removed["reason"]) == ("streams", "DELETE", {"code": 1, "name": "stopped"})
        assert removed["seq"] > added["seq"]

    @pytest.mark.parametrize(
        ("params", "number"),
        [
            ({"streamID": ""}, 1000015), ({"streamID": "a\tb"}, 1000016), ({"streamID": "x" * 257}, 1000014),
            ({"streamID": "s", "transport": "flv"}, INVALID_PARAMS),
            ({"streamID": "s", "media": []}, INVALID_PARAMS), ({}, INVALID_PARAMS),
            ({"streamID": "s", "extraInfo": "ü" * 513}, 1003051),
        ],
        ids=str,
    )  # fmt: skip
    def test_what_is_refused(self, house: House, params: dict[str, Any], number: int) -> None:
        assert house.login("ann").error("publish", **params) == number

    def test_a_streamid_that_another_has(self, house: House) -> None:
        house.login("ann").result("publish", streamID="s")
        assert house.login("bob", "other").error("publish", streamID="s") == 1003028

    def test_the_audience_does_not_publish(self, house: House) -> None:
        assert house.login("ann", role="audience").error("publish", streamID="s") == 1003025

    def test_unpublishing_nothing_is_fine(self, house: House) -> None:
        assert house.login("ann").result("unpublish", streamID="never heard of") == {}


class TestPlay:
    def test_addresses_come_best_first(self, house: House) -> None:
        house.login("ann").result("publish", streamID="s")
        media_arrive(house, "ann", "s")
        bob = house.login("bob")
        orders = {"rtmp": ["rtmp", "flv", "whep"], "flv": ["flv", "rtmp", "whep"], "whep": ["whep", "rtmp", "flv"]}
        for transport, order in orders.items():
            result = bob.result("play", streamID="s", transport=transport)
            assert [url["protocol"] for url in result["urls"]] == order
            assert result["url"] == result["urls"][0]["url"]
        key = house.lobby.grants.key(grant_of(house, "bob", "s")).reveal()
        assert [(url["url"], url.get("key")) for url in result["urls"]] == [
            ("http://h/whep/s", key), (f"rtmp://h/live/s?key={key}", None), (f"http://h/live/s.flv?key={key}", None),
        ]  # fmt: skip

    def test_an_unknown_stream_unless_one_waits(self, house: House) -> None:
        bob = house.login("bob")
        assert bob.error("play", streamID="s") == 1004002
        bob.result("play", streamID="s", wait=True)

    def test_it_goes_through_its_states(self, house: House) -> None:
        bob = house.login("bob")
        bob.result("play", streamID="s", wait=True)
        house.lobby.connect(grant_of(house, "bob", "s"))
        house.login("ann").result("publish", streamID="s")
        media_arrive(house, "ann", "s")
        bob.result("stop", streamID="s")
        assert [event["state"] for name, event in bob.events() if name == "playerState"] == [
            "PLAY_REQUESTING", "PLAYING", "NO_PLAY",
        ]  # fmt: skip

    def test_ones_own_stream_is_not_played(self, house: House) -> None:
        ann = house.login("ann")
        ann.result("publish", streamID="s")
        assert ann.error("play", streamID="s") == INVALID_PARAMS

    def test_playing_again_and_stopping_one_medium_update_what_runs(self, house: House) -> None:
        bob = house.login("bob")
        bob.result("play", streamID="s", wait=True)
        bob.result("play", streamID="s", wait=True, mode="live")
        bob.result("stop", streamID="s", media=["video"])
        grant = grant_of(house, "bob", "s")
        assert (grant.mode, grant.media, house.lobby.plane.updates) == ("live", AUDIO, [grant, grant])

    def test_stopping_nothing_is_fine(self, house: House) -> None:
        assert house.login("bob").result("stop", streamID="never heard of") == {}


class TestMute:
    def test_others_are_told(self, house: House) -> None:
        ann, bob = house.login("ann"), house.login("bob")
        ann.result("publish", streamID="s")
        media_arrive(house, "ann", "s")
        bob.events()
        ann.result("mute", streamID="s", audio=True)
        ann.result("mute", streamID="s", audio=True)
        ann.result("mute", streamID="s")
        ((name, event),) = bob.events()
        assert (name, event | {"seq": 0}) == (
            "mute", {"roomID": "room", "seq": 0, "streamID": "s", "userID": "ann", "audio": True, "video": False},
        )  # fmt: skip
        assert house.client().login("cat")["streams"][0]["muted"] == {"audio": True, "video": False}

    def test_of_a_stream_that_is_not_ones_own(self, house: House) -> None:
        assert house.login("ann").error("mute", streamID="s", audio=True) == 1004002


class TestLogout:
    def test_everything_ends_for_the_others_and_the_socket_stays_for_another_login(self, house: House) -> None:
        ann, bob = house.login("ann"), house.login("bob", userUpdate=True)
        ann.result("publish", streamID="s")
        media_arrive(house, "ann", "s")
        bob.events()
        ann.events()
        assert ann.result("logout") == {}
        assert [(name, event["type"], event["reason"]["code"]) for name, event in bob.events()] == [
            ("streams", "DELETE", 1), ("users", "DELETE", 1),
        ]  # fmt: skip
        assert (ann.events(), ann.closed) == ([], None)
        assert ann.error("publish", streamID="s") == 1000002
        assert ann.error("logout") == 1000002
        ann.login("ann", "another room")

    def test_the_login_deadline_runs_anew(self, house: House) -> None:
        ann = house.login("ann")
        house.advance(30)
        ann.result("logout")
        house.advance(9)
        assert ann.closed is None
        house.advance(1)
        assert ann.closed is CloseReason.LOGIN_TIMEOUT


class TestRequests:
    """What holds for every request, whatever its method."""

    def test_the_reply_comes_before_the_events_that_it_causes(self, house: House) -> None:
        ann = house.login("ann")
        for method in ("publish", "unpublish"):
            reply, *events = ann.send(json.dumps({"jsonrpc": "2.0", "id": method, "method": method, "params": {"streamID": "s"}}))
            assert "result" in reply
            assert [event["method"] for event in events] == ["publisherState"]

    @pytest.mark.parametrize(
        ("frame", "number"),
        [
            ("", PARSE_ERROR), ("nonsense", PARSE_ERROR), ("{", PARSE_ERROR), ("\ud800", PARSE_ERROR),
            ("[" * 60_000, INVALID_REQUEST), ("[]", INVALID_REQUEST), ("7", INVALID_REQUEST),
            ('[{"jsonrpc":"2.0","id":1,"method":"ping"}]', INVALID_REQUEST),
            ('{"jsonrpc":"2.0","id":null,"method":"ping"}', INVALID_REQUEST),
            ('{"jsonrpc":"2.0","method":"logout"}', INVALID_REQUEST),
        ],
    )  # fmt: skip
    def test_what_cannot_be_answered_by_id_is_answered_without(self, house: House, frame: str, number: int) -> None:
        ann = house.login("ann")
        (reply,) = ann.send(frame)
        assert (reply["id"], reply["error"]["code"]) == (None, number)
        assert ann.result("ping") == {}, "and the talk goes on"

    def test_an_unknown_method(self, house: House) -> None:
        error = house.login("ann").ask("sing", {"song": "x"})["error"]
        assert (error["code"], error["data"]) == (METHOD_NOT_FOUND, {"name": "METHOD_NOT_FOUND", "retry": "never"})

    def test_a_ping_without_an_id_is_heard_and_not_answered(self, house: House) -> None:
        ann = house.login("ann")
        assert ann.send('{"jsonrpc":"2.0","method":"ping"}') == []
        assert ann.send('{"jsonrpc":"2.0","method":"ping","params":7}') == []

    def test_a_binary_frame_closes_the_socket(self, house: House) -> None:
        ann = house.login("ann")
        assert ann.send(b'{"jsonrpc":"2.0","id":1,"method":"ping"}') == []
        assert (ann.closed, CloseReason.BINARY_REFUSED.code) == (CloseReason.BINARY_REFUSED, 1003)

    def test_nothing_is_heard_from_a_socket_that_is_being_closed(self, house: House) -> None:
        ann, bob = house.login("ann"), house.login("bob", userUpdate=True)
        ann.send(b"")
        assert ann.send('{"jsonrpc":"2.0","id":1,"method":"logout"}') == []
        assert bob.events() == []


class TestRepeats:
    def test_a_repeated_request_acts_once_and_gets_the_same_reply(self, house: House) -> None:
        ann = house.login("ann")
        first = ann.ask("publish", {"streamID": "s"}, id=7)
        ann.result("unpublish", streamID="s")
        ann.events()
        assert ann.ask("publish", {"streamID": "s"}, id=7) == first
        assert ann.events() == []
        assert ann.conversation.attachment is not None
        assert ann.conversation.attachment.session.publishing == {}

    def test_so_does_one_that_was_refused(self, house: House) -> None:
        bob = house.login("bob")
        refused = bob.ask("play", {"streamID": "s"}, id=7)
        house.login("ann").result("publish", streamID="s")
        media_arrive(house, "ann", "s")
        assert bob.ask("play", {"streamID": "s"}, id=7) == refused
        assert "result" in bob.ask("play", {"streamID": "s"}, id=8)

    def test_but_not_one_that_came_too_fast(self, house: House) -> None:
        ann = house.login("ann")
        roles = ["audience", "broadcaster"] * 11
        replies = [ann.ask("setRole", {"role": role}, id=f"role {number}") for number, role in enumerate(roles)]
        at, refused = next((at, reply) for at, reply in enumerate(replies) if "error" in reply)
        assert refused["error"]["code"] == 1002071
        house.lobby.advance(refused["error"]["data"]["afterMs"] / 1000)
        assert "result" in ann.ask("setRole", {"role": roles[at]}, id=f"role {at}")

    def test_it_also_works_on_the_next_socket_of_the_session(self, house: House) -> None:
        ann = house.login("ann")
        first = ann.ask("publish", {"streamID": "s"}, id="x")
        ann.gone()
        again = house.client()
        again.login("ann", resume={"sessionID": ann.session})
        assert again.ask("publish", {"streamID": "s"}, id="x") == first

    @pytest.mark.parametrize("other", [("publish", {"streamID": "t"}), ("unpublish", {"streamID": "s"})])
    def test_an_id_with_other_content_is_refused(self, house: House, other: tuple[str, dict[str, Any]]) -> None:
        ann = house.login("ann")
        ann.ask("publish", {"streamID": "s"}, id=7)
        assert ann.ask(*other, id=7)["error"]["code"] == INVALID_REQUEST

    def test_login_and_ping_act_each_time(self, house: House) -> None:
        ann = house.client()
        assert "error" in ann.ask("login", {"appID": 1, "roomID": "", "userID": "ann"}, id=1)
        assert "result" in ann.ask("login", {"appID": 1, "roomID": "r", "userID": "ann"}, id=1)
        assert ann.ask("ping", id=1)["result"] == {}
        assert ann.ask("ping", {"more": 1}, id=1)["result"] == {}
        assert "result" in ann.ask("publish", {"streamID": "s"}, id=1)

    def test_only_the_last_ones_are_remembered(self) -> None:
        ann = House(repeats=2).login("ann")
        for id in (1, 2, 3):
            ann.ask("stop", {"streamID": f"s{id}"}, id=id)
        assert "result" in ann.ask("stop", {"streamID": "other"}, id=1)
        assert "error" in ann.ask("stop", {"streamID": "other"}, id=3)


class TestRate:
    def test_too_many_requests_are_told_when_to_come_again(self) -> None:
        house = House(requests_per_second=10, requests_burst=3)
        ann = house.login("ann")
        ann.result("ping")
        ann.result("ping")
        error = ann.ask("publish", {"streamID": "s"}, id="late")["error"]
        assert (error["code"], error["data"]) == (1002071, {"name": "RATE_LIMITED", "retry": "after", "afterMs": 101})
        house.advance(error["data"]["afterMs"] / 1000)
        assert "result" in ann.ask("publish", {"streamID": "s"}, id="late"), "a refused request may come again with its id"

    def test_one_that_never_slows_down_is_closed(self) -> None:
        house = House(requests_per_second=1, requests_burst=3)
        ann = house.client()
        for _ in range(3 + 4):
            ann.send("not even JSON")
        assert ann.socket.closed == (CloseReason.RATE_LIMITED, None)
        assert len(ann.socket.texts) == 3 + 3, "what is too fast is answered for a while"

    def test_each_socket_has_its_own_allowance(self) -> None:
        house = House(requests_per_second=10, requests_burst=1)
        house.login("ann")
        house.login("bob")


def offer(stream: str, id: int = 1) -> str:
    """The request to publish by WebRTC."""
    params = {"streamID": stream, "transport": "webrtc", "sdp": "sdp"}
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": "publish", "params": params})


class SlowPeers(Peers):
    """Makes descriptions only once it is told to go on."""

    def __init__(self, house: House) -> None:
        super().__init__(house.lobby)
        self.go_on = asyncio.Event()
        house.signaling.peers = self

    async def publish(self, request: AccessRequest, offer: str) -> Description:
        await self.go_on.wait()
        return await super().publish(request, offer)


async def settle() -> None:
    """Lets every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


class TestRequestsThatWait:
    """What happens while a handler waits for the media."""

    async def test_a_new_page_may_use_the_id_of_a_request_that_its_older_one_still_waits_for(self, house: House) -> None:
        peers, ann = SlowPeers(house), house.login("ann")
        waiting = asyncio.create_task(ann.conversation.receive(offer("a")))
        await settle()
        reloaded = house.client()
        reloaded.login("ann", resume={"sessionID": ann.session})
        peers.go_on.set()
        await waiting
        assert "result" in reloaded.ask("stop", {"streamID": "other"}, id=1)

    async def test_a_repeat_on_the_next_socket_waits_for_the_reply_of_the_first(self, house: House) -> None:
        peers, ann = SlowPeers(house), house.login("ann")
        first = asyncio.create_task(ann.conversation.receive(offer("a", 7)))
        await settle()
        again = house.client()
        again.login("ann", resume={"sessionID": ann.session})
        repeat = asyncio.create_task(again.conversation.receive(offer("a", 7)))
        await settle()
        peers.go_on.set()
        await asyncio.gather(first, repeat)
        replies = [message for message in map(json.loads, again.socket.texts) if message.get("id") == 7]
        assert [reply["result"]["sdp"] for reply in replies] == ["answer 1 to sdp"]
        assert (len(peers.asked), house.signaling.running) == (1, {})

    async def test_if_the_first_is_broken_off_the_repeat_acts(self, house: House) -> None:
        peers, ann = SlowPeers(house), house.login("ann")
        first = asyncio.create_task(ann.conversation.receive(offer("a", 7)))
        await settle()
        again = house.client()
        again.login("ann", resume={"sessionID": ann.session})
        repeat = asyncio.create_task(again.conversation.receive(offer("a", 7)))
        await settle()
        first.cancel()
        await settle()
        peers.go_on.set()
        await repeat
        assert "answer 1 to sdp" in "".join(again.socket.texts)
        assert (len(peers.asked), house.signaling.running) == (1, {})

    async def test_a_repeat_that_loses_its_session_as_it_waits_is_not_remembered(self, house: House) -> None:
        peers, ann = SlowPeers(house), house.login("ann")
        first = asyncio.create_task(ann.conversation.receive(offer("a", 7)))
        await settle()
        second, third = house.client(), house.client()
        second.login("ann", resume={"sessionID": ann.session})
        repeat = asyncio.create_task(second.conversation.receive(offer("a", 7)))
        await settle()
        third.login("ann", resume={"sessionID": ann.session})
        first.cancel()
        await repeat
        peers.go_on.set()
        await third.conversation.receive(offer("a", 7))
        assert "answer 1 to sdp" in "".join(third.socket.texts)

    async def test_events_come_after_the_reply_in_their_order_and_not_all_at_once(self, house: House) -> None:
        peers, ann = SlowPeers(house), house.login("ann")
        waiting = asyncio.create_task(ann.conversation.receive(offer("a")))
        await settle()
        before = len(ann.socket.texts)
        for number in range(300):
            ann.conversation.tell(KickedNotice("room", KICKED, str(number)))
        peers.go_on.set()
        await asyncio.sleep(0)
        assert len(ann.socket.texts) - before == 1 + 64, "the writer has its turn"
        ann.conversation.tell(KickedNotice("room", KICKED, "300"))
        await waiting
        ann.conversation.tell(KickedNotice("room", KICKED, "301"))
        reply, *events = [json.loads(text) for text in ann.socket.texts[before:]]
        assert "result" in reply
        assert [event["params"]["reason"] for event in events if event["method"] == "kicked"] == [str(n) for n in range(302)]

    async def test_no_more_wait_for_a_reply_than_for_a_slow_client(self) -> None:
        house = House(outbox_messages=16)
        peers, ann = SlowPeers(house), house.login("ann")
        waiting = asyncio.create_task(ann.conversation.receive(offer("a")))
        await settle()
        for number in range(15):  # the first is that of the publishing itself
            ann.conversation.tell(KickedNotice("room", KICKED, str(number)))
        assert ann.closed is None
        ann.conversation.tell(KickedNotice("room", KICKED, "one more"))
        assert ann.closed is CloseReason.SLOW_CLIENT
        assert house.signaling.sessions.by_id[ann.session].phase is Phase.ATTACHED, "the session outlives its socket"
        peers.go_on.set()
        await waiting
