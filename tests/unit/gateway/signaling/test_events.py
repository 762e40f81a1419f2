"""What the server says by itself: these facts make these messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.errors import CODEC_UNSUPPORTED, KICKED, STREAM_NOT_FOUND
from gateway.quality.checkup import Finding
from gateway.quality.troubles import GOP_TOO_LONG
from gateway.rooms.events import (
    BarrageMessage,
    BroadcastMessage,
    CountNotice,
    CustomCommand,
    KickedNotice,
    PlayerNotice,
    PlayerState,
    PublisherNotice,
    PublisherState,
    RoleChanged,
    RoomClosedNotice,
    RoomExtraInfoChanged,
    StreamAdded,
    StreamExtraInfoChanged,
    StreamMuted,
    StreamRemoved,
    StreamUpdated,
    TokenNotice,
    UserJoined,
    UserLeft,
)
from gateway.rooms.model import BOTH_MEDIA, ExtraInfo, Reason, Role, StreamView, User
from gateway.signaling.events import EVENTS, UrlsEvent, encode_event
from gateway.signaling.messages import Address, AddressResult
from tests.support.lobby import AUDIO, VIDEO

VIEW = StreamView("s", "ann", "Ann", AUDIO, BOTH_MEDIA, VIDEO, "x", "rtmp")
VIEW_ON_THE_WIRE = {
    "streamID": "s", "userID": "ann", "userName": "Ann", "media": ["audio"], "announced": ["audio", "video"],
    "muted": {"audio": False, "video": True}, "extraInfo": "x", "transport": "rtmp",
}  # fmt: skip
ANN = User("ann", "Ann", Role.BROADCASTER)
PERSON = {"userID": "ann", "userName": "Ann"}
ANN_ON_THE_WIRE = {"userID": "ann", "userName": "Ann", "role": "broadcaster"}


@pytest.mark.parametrize(
    ("fact", "method", "params"),
    [
        (UserJoined("r", 3, "ann", ANN), "users", {"roomID": "r", "seq": 3, "type": "ADD", "users": [ANN_ON_THE_WIRE]}),
        (
            UserLeft("r", 4, "ann", ANN, Reason.HEARTBEAT_TIMEOUT), "users",
            {"roomID": "r", "seq": 4, "type": "DELETE", "users": [ANN_ON_THE_WIRE],
             "reason": {"code": 2, "name": "heartbeatTimeout"}},
        ),
        (StreamAdded("r", 5, "ann", VIEW), "streams", {"roomID": "r", "seq": 5, "type": "ADD", "streams": [VIEW_ON_THE_WIRE]}),
        (
            StreamUpdated("r", 6, "ann", VIEW), "streams",
            {"roomID": "r", "seq": 6, "type": "UPDATE", "streams": [VIEW_ON_THE_WIRE]},
        ),
        (
            StreamRemoved("r", 7, "ann", VIEW, Reason.OFFLINE), "streams",
            {"roomID": "r", "seq": 7, "type": "DELETE", "streams": [VIEW_ON_THE_WIRE], "reason": {"code": 5, "name": "offline"}},
        ),
        (
            StreamMuted("r", 8, "ann", VIEW), "mute",
            {"roomID": "r", "seq": 8, "streamID": "s", "userID": "ann", "audio": False, "video": True},
        ),
        (
            PublisherNotice("r", "s", PublisherState.PUBLISHING), "publisherState",
            {"roomID": "r", "streamID": "s", "state": "PUBLISHING", "code": 0},
        ),
        (
            PublisherNotice("r", "s", PublisherState.PUBLISHING, findings=(Finding(GOP_TOO_LONG, "GOP 10.2 s"),)),
            "publisherState",
            {"roomID": "r", "streamID": "s", "state": "PUBLISHING", "code": 0, "findings": [{
                "number": 1804102, "name": "GOP_TOO_LONG", "message": GOP_TOO_LONG.en, "messageZh": GOP_TOO_LONG.zh,
                "change": GOP_TOO_LONG.change_en, "changeZh": GOP_TOO_LONG.change_zh, "detail": "GOP 10.2 s",
            }]},
        ),
        (
            PublisherNotice("r", "s", PublisherState.NONE, CODEC_UNSUPPORTED, "HEVC"), "publisherState",
            {"roomID": "r", "streamID": "s", "state": "NO_PUBLISH", "code": 1802001,
             "message": "only H.264 and VP8 video, AAC and Opus audio are carried: HEVC"},
        ),
        (
            PlayerNotice("r", "s", PlayerState.NONE, STREAM_NOT_FOUND), "playerState",
            {"roomID": "r", "streamID": "s", "state": "NO_PLAY", "code": 1004002, "message": "there is no such stream"},
        ),
        (TokenNotice("r", 30), "tokenWillExpire", {"roomID": "r", "seconds": 30}),
        (RoleChanged("r", 9, "ann", ANN), "role", {"roomID": "r", "seq": 9, "userID": "ann", "role": "broadcaster"}),
        (
            StreamExtraInfoChanged("r", 10, "ann", VIEW), "streamExtraInfo",
            {"roomID": "r", "seq": 10, "streamID": "s", "userID": "ann", "userName": "Ann", "extraInfo": "x"},
        ),
        (
            RoomExtraInfoChanged("r", 11, "ann", "topic", ExtraInfo("tea", "ann", "Ann", 5.25)), "roomExtraInfo",
            {"roomID": "r", "seq": 11, "key": "topic", "value": "tea", "updateUser": PERSON, "updateTime": 5250},
        ),
        (
            BroadcastMessage("r", 12, "ann", "ann", "Ann", "hi", 5.0), "broadcastMessage",
            {"roomID": "r", "seq": 12, "messageID": 12, "fromUser": PERSON, "message": "hi", "sendTime": 5000},
        ),
        (
            BarrageMessage("r", 13, "ann", "ann", "Ann", "hi", 5.0), "barrageMessage",
            {"roomID": "r", "seq": 13, "messageID": "13", "fromUser": PERSON, "message": "hi", "sendTime": 5000},
        ),
        (
            CustomCommand("r", 14, "ann", "ann", "Ann", "hi", 5.0, frozenset({"bob"})), "customCommand",
            {"roomID": "r", "seq": 14, "messageID": 14, "fromUser": PERSON, "message": "hi", "sendTime": 5000},
        ),
        (
            UrlsEvent("r", [AddressResult("s", "rtmp://h", [Address("rtmp", "rtmp://h")], 5)], []), "urls",
            {"roomID": "r", "pull": [],
             "push": [{"streamID": "s", "url": "rtmp://h", "urls": [{"protocol": "rtmp", "url": "rtmp://h"}], "expiresAt": 5}]},
        ),
        (CountNotice("r", 3), "onlineUserCount", {"roomID": "r", "count": 3}),
        (
            KickedNotice("r", KICKED), "kicked",
            {"roomID": "r", "code": 1002055, "reason": "removed by the server", "retry": "never"},
        ),
        (
            RoomClosedNotice("r", KICKED, "good night"), "roomClosed",
            {"roomID": "r", "code": 1002055, "reason": "good night", "retry": "never"},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)  # fmt: skip
def test_events(fact: object, method: str, params: dict[str, Any]) -> None:
    assert json.loads(encode_event(fact)) == {"jsonrpc": "2.0", "method": method, "params": params}
    assert method in EVENTS
