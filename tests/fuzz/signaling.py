"""Signaling: any text that a logged-in client sends is answered with JSON-RPC, and nothing else gets out.

The input is read as lines: a line is sent as it is, and, laid over a valid message from an offset that its first bytes
choose, as a message that is nearly right.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from gateway.config import SignalingSettings
from gateway.signaling.close import CloseReason
from gateway.signaling.messages import METHODS, NOTIFIABLE
from tests.fuzz import run
from tests.support.talk import Client, House

_OTHER = "other"
_STREAM = '{"streamID":"s"}'
_PARAMS = {
    "login": '{"appID":1,"roomID":"r","userID":"u","resume":{"sessionID":"id-1","lastSeq":1}}',
    "publish": '{"streamID":"s","media":["audio"],"extraInfo":"x","transport":"webrtc","sdp":"sdp"}',
    "play": '{"streamID":"t","media":["video"],"mode":"live","wait":true,"transport":"webrtc","restart":false}',
    "answer": '{"streamID":"t","sdp":"sdp"}',
    "mute": '{"streamID":"s","audio":true,"video":false}',
    "setRole": '{"role":"audience"}',
    "setStreamExtraInfo": '{"streamID":"s","extraInfo":"x"}',
    "setRoomExtraInfo": '{"key":"k","value":"v"}',
    "sendBroadcastMessage": '{"message":"x"}',
    "sendBarrageMessage": '{"message":"x"}',
    "sendCustomCommand": '{"message":"x","toUserIDs":["other"]}',
    "renewToken": '{"token":"x"}',
    "report": '{"direction":"push","event":"stats","streamID":"s","data":{"x":[1]}}',
}
_VALID = [
    f'{{"jsonrpc":"2.0","id":{number},"method":"{method}","params":{_PARAMS.get(method, _STREAM)}}}'.encode()
    for number, method in enumerate(METHODS)
]
_MOST_LINES = 20
_BOUNDS = SignalingSettings()


def one_input(data: bytes) -> None:
    """Sends what the input holds to a conversation, and lets everyone go afterwards."""
    house = House()
    other = house.login(_OTHER, userUpdate=True)
    client = house.login("u", "r")
    for line in data.split(b"\n")[:_MOST_LINES]:
        for frame in _frames(line):
            if client.closed:
                client.gone()
                client = house.login("u", "r")
            _check(client, frame)
    assert other.closed is None, "what one client sends does not close another's socket"
    client.gone()
    other.gone()
    house.advance(_BOUNDS.resume_window + _BOUNDS.login_deadline)
    assert house.leftovers() == {}


def _frames(line: bytes) -> Iterator[str]:
    """The line itself, and laid over a valid message. Half characters stay in, as no socket would let them."""
    yield line.decode(errors="surrogateescape")
    yield line.decode(errors="replace")
    if len(line) > 2:
        valid = _VALID[line[0] % len(_VALID)]
        at = line[1] % len(valid)
        yield (valid[:at] + line[2:] + valid[at + len(line) - 2 :]).decode(errors="replace")
        yield (valid[:at] + line[2:] + valid[at:]).decode(errors="replace")


def _check(client: Client, frame: str) -> None:
    if client.closed:
        return
    messages = client.send(frame)
    replies = [message for message in messages if "method" not in message]
    assert len(replies) <= 1
    assert messages[: len(replies)] == replies, "the reply comes first"
    assert replies or _is_silent(frame), "every request is answered"
    for message in messages:
        assert message["jsonrpc"] == "2.0"
        json.dumps(message).encode()
    for reply in replies:
        assert set(reply) in ({"jsonrpc", "id", "result"}, {"jsonrpc", "id", "error"})
        if "error" in reply:
            error = reply["error"]
            assert isinstance(error["code"], int)
            assert error["message"]
            assert error["data"]["name"]
            assert error["data"]["retry"] in ("never", "now", "after")
    assert client.closed in (None, CloseReason.RESUMED_ELSEWHERE, CloseReason.KICKED_BY_SAME_USER)


def _is_silent(frame: str) -> bool:
    """A message without an id, of the methods that may come without: the only ones that get no reply."""
    message = json.loads(frame)
    return isinstance(message, dict) and message.get("method") in NOTIFIABLE and "id" not in message


if __name__ == "__main__":
    run(one_input)
