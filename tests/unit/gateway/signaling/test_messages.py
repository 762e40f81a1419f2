"""The wire of signaling: these texts make these messages, and these messages make these texts."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth import turn
from gateway.errors import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    RATE_LIMITED,
    TOKEN_INVALID,
    Fault,
    GatewayError,
)
from gateway.rooms.model import BOTH_MEDIA, PlayMode, Role, StreamView
from gateway.signaling.messages import (
    METHODS,
    Address,
    AddressResult,
    Answer,
    DescriptionResult,
    Empty,
    IceServer,
    Login,
    LoginResult,
    Logout,
    Mute,
    Params,
    Ping,
    Play,
    Publish,
    RenewToken,
    Report,
    Resume,
    SendBarrageMessage,
    SendBroadcastMessage,
    SendCustomCommand,
    SetRole,
    SetRoomExtraInfo,
    SetStreamExtraInfo,
    Stop,
    StreamInfo,
    Unpublish,
    UserInfo,
    decode_params,
    decode_request,
    encode_error,
    encode_result,
    ice_server,
    stream_info,
    wire_name,
)
from tests.support.lobby import AUDIO, VIDEO


def decoded(method: str, params: Any) -> Params:
    text = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    return decode_params(decode_request(text))


def refusal(text: str) -> Fault:
    """Why a text is no request; fails if it is one."""
    with pytest.raises(GatewayError) as refused:
        decode_params(decode_request(text))
    return refused.value.fault


@pytest.mark.parametrize(
    ("field", "wire"),
    [
        ("app_id", "appID"), ("heartbeat_ms", "heartbeatMs"), ("ice_servers", "iceServers"), ("seq", "seq"),
        ("to_user_ids", "toUserIDs"),
    ],
)  # fmt: skip
def test_members_are_spelled_as_the_contract_spells_them(field: str, wire: str) -> None:
    assert wire_name(field) == wire


@pytest.mark.parametrize(
    ("method", "params", "message"),
    [
        ("login", {"appID": 1, "roomID": "r", "userID": "u"}, Login(1, "r", "u")),
        (
            "login",
            {
                "appID": "1", "roomID": "r", "userID": "u", "userName": "n", "token": "t", "role": "audience",
                "userUpdate": True, "maxMemberCount": 2, "resume": {"sessionID": "s", "lastSeq": 7},
            },
            Login("1", "r", "u", "n", "t", Role.AUDIENCE, True, 2, Resume("s", 7)),
        ),
        ("logout", {}, Logout()),
        ("publish", {"streamID": "s"}, Publish("s", BOTH_MEDIA, None, "rtmp")),
        (
            "publish",
            {"streamID": "s", "media": ["audio"], "extraInfo": "", "transport": "whip"},
            Publish("s", AUDIO, "", "whip"),
        ),
        ("publish", {"streamID": "s", "transport": "webrtc", "sdp": "v=0"}, Publish("s", transport="webrtc", sdp="v=0")),
        ("unpublish", {"streamID": "s", "media": ["video", "video"]}, Unpublish("s", VIDEO)),
        ("play", {"streamID": "s"}, Play("s", BOTH_MEDIA, PlayMode.RTC, False, "rtmp")),
        (
            "play",
            {"streamID": "s", "media": ["video"], "mode": "live", "wait": True, "transport": "flv"},
            Play("s", VIDEO, PlayMode.LIVE, True, "flv"),
        ),
        ("play", {"streamID": "s", "transport": "webrtc", "restart": True}, Play("s", transport="webrtc", restart=True)),
        ("answer", {"streamID": "s", "sdp": "v=0"}, Answer("s", "v=0")),
        ("stop", {"streamID": "s"}, Stop("s")),
        ("mute", {"streamID": "s", "audio": True}, Mute("s", True, None)),
        ("mute", {"streamID": "s", "audio": None, "video": False}, Mute("s", None, False)),
        ("setRole", {"role": "audience"}, SetRole(Role.AUDIENCE)),
        ("setStreamExtraInfo", {"streamID": "s", "extraInfo": "x"}, SetStreamExtraInfo("s", "x")),
        ("setStreamExtraInfo", {"streamID": "s"}, SetStreamExtraInfo("s", None)),
        ("setRoomExtraInfo", {"key": "k", "value": "v"}, SetRoomExtraInfo("k", "v")),
        ("sendBroadcastMessage", {"message": "hi"}, SendBroadcastMessage("hi")),
        ("sendBarrageMessage", {"message": "hi"}, SendBarrageMessage("hi")),
        ("sendCustomCommand", {"message": "hi"}, SendCustomCommand("hi", frozenset())),
        ("sendCustomCommand", {"message": "hi", "toUserIDs": ["b", "c"]}, SendCustomCommand("hi", frozenset({"b", "c"}))),
        ("renewToken", {"token": "t"}, RenewToken("t")),
        (
            "report", {"direction": "pull", "event": "bindnetstatus", "streamID": "s"},
            Report("pull", "bindnetstatus", "s"),
        ),
        ("ping", {}, Ping()),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, msgspec.Struct) else str(value),
)  # fmt: skip
def test_requests(method: str, params: dict[str, Any], message: Params) -> None:
    assert decoded(method, params) == message
    assert decoded(method, params | {"somethingNew": {"of": ["a", "later", "version"]}}) == message, "unknown members are ignored"


def test_every_method_has_its_message() -> None:
    assert list(METHODS) == [
        "login", "logout", "publish", "unpublish", "play", "answer", "stop", "mute", "setRole", "setStreamExtraInfo",
        "setRoomExtraInfo", "sendBroadcastMessage", "sendBarrageMessage", "sendCustomCommand", "renewToken", "report", "ping",
    ]  # fmt: skip


def test_params_may_be_left_out() -> None:
    assert decode_params(decode_request('{"jsonrpc":"2.0","id":1,"method":"ping"}')) == Ping()


@pytest.mark.parametrize("id", [0, -1, 2**53, "", "x", "ü" * 64])
def test_ids_are_numbers_and_texts(id: int | str) -> None:
    assert decode_request(json.dumps({"jsonrpc": "2.0", "id": id, "method": "ping"})).id == id


def test_a_request_without_an_id_cannot_be_answered() -> None:
    request = decode_request('{"jsonrpc":"2.0","method":"ping"}')
    assert not request.answerable


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "hello", '{"jsonrpc":"2.0"', '{"jsonrpc":"2.0","method":"ping"}}', "\ud800", '{"id":"\\ud800"}',
        '{"a":' * 100_000,
    ],
)  # fmt: skip
def test_what_is_not_json(text: str) -> None:
    assert refusal(text) is PARSE_ERROR


def test_bytes_that_are_not_utf8_are_not_json() -> None:
    with pytest.raises(GatewayError) as refused:
        decode_request(b'{"jsonrpc":"2.0","id":1,"method":"\xff"}')
    assert refused.value.fault is PARSE_ERROR


@pytest.mark.parametrize(
    "text",
    [
        "1", "null", '"text"', "{}", '{"jsonrpc":"2.0"}', '{"jsonrpc":"1.0","id":1,"method":"ping"}',
        '{"jsonrpc":2.0,"id":1,"method":"ping"}', '{"jsonrpc":"2.0","id":true,"method":"ping"}',
        '{"jsonrpc":"2.0","id":[1],"method":"ping"}', '{"jsonrpc":"2.0","id":1.5,"method":"ping"}',
        '{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}', '{"jsonrpc":"2.0","id":1,"method":7}',
        '{"jsonrpc":"2.0","id":"' + "x" * 65 + '","method":"ping"}', '{"jsonrpc":"2.0","id":1,"method":"' + "x" * 65 + '"}',
    ],
)  # fmt: skip
def test_json_that_is_no_request(text: str) -> None:
    assert refusal(text) is INVALID_REQUEST


def test_a_batch_is_refused_and_told_so() -> None:
    with pytest.raises(GatewayError, match="batches are not accepted") as refused:
        decode_request('[{"jsonrpc":"2.0","id":1,"method":"ping"}]')
    assert refused.value.fault is INVALID_REQUEST


def test_an_unknown_method() -> None:
    assert refusal('{"jsonrpc":"2.0","id":1,"method":"Ping"}') is METHOD_NOT_FOUND


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("ping", None), ("ping", []), ("ping", "{}"), ("login", {}), ("login", {"appID": 1, "roomID": "r"}),
        ("login", {"appID": True, "roomID": "r", "userID": "u"}), ("login", {"appID": 1, "roomID": "r", "userID": 7}),
        ("login", {"appID": 1, "roomID": None, "userID": "u"}), ("login", {"appID": 1.5, "roomID": "r", "userID": "u"}),
        ("login", {"appID": 1, "roomID": "r", "userID": "u", "role": "king"}),
        ("login", {"appID": 1, "roomID": "r", "userID": "u", "maxMemberCount": -1}),
        ("login", {"appID": 1, "roomID": "r", "userID": "u", "token": "x" * 8193}),
        ("login", {"appID": 1, "roomID": "r", "userID": "u", "resume": {}}),
        ("publish", {}), ("publish", {"streamID": "s", "media": []}), ("publish", {"streamID": "s", "media": ["smell"]}),
        ("publish", {"streamID": "s", "media": "audio"}), ("publish", {"streamID": "s", "transport": "flv"}),
        ("setRole", {}), ("setRole", {"role": "king"}), ("setRoomExtraInfo", {"value": "x"}), ("sendBroadcastMessage", {}),
        ("sendBarrageMessage", {"message": 1}), ("sendCustomCommand", {"message": "x", "toUserIDs": "ann"}),
        ("sendCustomCommand", {"message": "x", "toUserIDs": [1]}), ("renewToken", {}), ("renewToken", {"token": "x" * 8193}),
        ("report", {"direction": "up", "event": "stats"}), ("report", {"direction": "push", "event": "bindsomething"}),
        ("report", {"direction": "push", "event": "stats", "streamID": "x" * 257}), ("play", {"streamID": "s", "mode": "rtc"}),
        ("play", {"streamID": "s", "transport": "whip"}), ("mute", {"streamID": "s", "audio": "yes"}),
        ("publish", {"streamID": "s", "sdp": ""}), ("publish", {"streamID": "s", "sdp": "x" * 65_537}),
        ("play", {"streamID": "s", "restart": 1}), ("answer", {"streamID": "s"}), ("answer", {"streamID": "s", "sdp": None}),
        ("stop", {"streamID": ["s"]}), ("unpublish", {"streamID": "s", "media": [1]}),
    ],
    ids=str,
)  # fmt: skip
def test_parameters_that_do_not_fit(method: str, params: Any) -> None:
    assert refusal(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})) is INVALID_PARAMS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(list(METHODS)), JSON)
def test_any_json_is_a_message_or_refused_with_a_reason(method: str, params: Any) -> None:
    fault = None
    try:
        assert type(decoded(method, params)) is METHODS[method]
    except GatewayError as error:
        fault = error.fault
    assert fault in (None, INVALID_PARAMS)


@given(st.text(max_size=200))
def test_any_text_is_a_request_or_refused_with_a_reason(text: str) -> None:
    fault = None
    try:
        decode_request(text)
    except GatewayError as error:
        fault = error.fault
    assert fault in (None, PARSE_ERROR, INVALID_REQUEST)


# What the server says --------------------------------------------------------------------------------------------------

VIEW = StreamView("s", "ann", "Ann", AUDIO, BOTH_MEDIA, VIDEO, "x", "rtmp")
VIEW_ON_THE_WIRE = {
    "streamID": "s", "userID": "ann", "userName": "Ann", "media": ["audio"], "announced": ["audio", "video"],
    "muted": {"audio": False, "video": True}, "extraInfo": "x", "transport": "rtmp",
}  # fmt: skip
ANN_ON_THE_WIRE = {"userID": "ann", "userName": "Ann", "role": "broadcaster"}


def test_replies() -> None:
    assert encode_result(7, Empty()) == '{"jsonrpc":"2.0","id":7,"result":{}}'
    result = AddressResult("s", "rtmp://h", [Address("rtmp", "rtmp://h"), Address("whip", "http://h", "k")], 5)
    assert json.loads(encode_result("x", result))["result"] == {
        "streamID": "s", "url": "rtmp://h", "expiresAt": 5,
        "urls": [{"protocol": "rtmp", "url": "rtmp://h"}, {"protocol": "whip", "url": "http://h", "key": "k"}],
    }  # fmt: skip
    described = encode_result(1, DescriptionResult("s", "v=0\r\n"))
    assert json.loads(described)["result"] == {"streamID": "s", "sdp": "v=0\r\n"}


def test_ice_servers_are_as_browsers_want_them() -> None:
    servers = [turn.IceServer(("stun:h",)), turn.IceServer(("turn:h", "turns:h"), "1:ann", "c")]
    made = [ice_server(server) for server in servers]
    assert made == [IceServer(["stun:h"]), IceServer(["turn:h", "turns:h"], "1:ann", "c")]
    assert msgspec.to_builtins(made) == [
        {"urls": ["stun:h"]}, {"urls": ["turn:h", "turns:h"], "username": "1:ann", "credential": "c"},
    ]  # fmt: skip


def test_a_login_reply_has_all_its_members_even_if_they_are_empty() -> None:
    reply = LoginResult("s", 1, False, Role.AUDIENCE, 15000, 90000, None, [], [], [UserInfo("ann", "Ann", Role.BROADCASTER)],
                        [stream_info(VIEW)], [], [], {}, 2, 0)  # fmt: skip
    assert json.loads(encode_result(1, reply))["result"] == {
        "sessionID": "s", "seq": 1, "resumed": False, "role": "audience", "heartbeatMs": 15000, "resumeWindowMs": 90000,
        "tokenExpiresAt": None, "servers": [], "iceServers": [], "users": [ANN_ON_THE_WIRE], "streams": [VIEW_ON_THE_WIRE],
        "publishing": [], "playing": [], "roomExtraInfo": {}, "onlineUserCount": 2, "replayed": 0,
    }  # fmt: skip
    assert isinstance(reply.streams[0], StreamInfo)


def test_errors() -> None:
    assert json.loads(encode_error(1, GatewayError(TOKEN_INVALID))) == {
        "jsonrpc": "2.0", "id": 1,
        "error": {"code": 1002033, "message": "the token was rejected", "data": {"name": "TOKEN_INVALID", "retry": "never"}},
    }  # fmt: skip
    error = json.loads(encode_error(None, GatewayError(RATE_LIMITED, "really", after_ms=20)))
    assert error["id"] is None
    assert error["error"]["message"] == "too many requests: really"
    assert error["error"]["data"] == {"name": "RATE_LIMITED", "retry": "after", "afterMs": 20}
