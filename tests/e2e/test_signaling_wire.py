"""Signaling as it is on the wire: real WebSockets, whole and broken messages, time that runs out, sessions that outlive
their sockets."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode

from gateway.app import Gateway
from gateway.auth.tokens import make_token
from tests.support.gateway import APP, DEADLINE, OTHER_APP, SECRET, Client, RemoteError, config, running, url_of
from tests.support.media_client import until
from tests.support.scrape import get
from tests.support.stamps import GOP, RtmpViewer, Source


async def opened(gateway: Gateway, **options: Any) -> ClientConnection:
    return await connect(gateway.addresses.ws, proxy=None, **options)


async def asked(socket: ClientConnection, frame: str | dict[str, Any]) -> dict[str, Any]:
    """Sends a frame as it is and returns the next message."""
    await socket.send(frame if isinstance(frame, str) else json.dumps(frame))
    async with asyncio.timeout(DEADLINE):
        reply: dict[str, Any] = json.loads(await socket.recv())
    return reply


async def reply_to(socket: ClientConnection, id: int) -> dict[str, Any]:
    """Reads on until the reply to this request, past the events."""
    async with asyncio.timeout(DEADLINE):
        while True:
            message: dict[str, Any] = json.loads(await socket.recv())
            if message.get("id") == id:
                return message


async def closing(socket: ClientConnection) -> tuple[int | None, str]:
    """Reads on until the server has closed; its code and its reason."""
    async with asyncio.timeout(DEADLINE):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code, socket.close_reason or ""


def request(method: str, id: int | str = 1, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": params}


def token(user: str, app: str = APP, ttl: float = 3600, **claims: Any) -> str:
    return make_token(SECRET if app == APP else SECRET[::-1], app, user, now=time.time(), ttl=ttl, **claims)


def login(user: str, id: int = 1, **params: Any) -> dict[str, Any]:
    return request("login", id, **{"appID": APP, "roomID": "room", "userID": user, "token": token(user)} | params)


# Frames ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("logged_in", [False, True])
@pytest.mark.parametrize(
    ("frames", "code", "reason"),
    [
        ([(Opcode.TEXT, b'{"x":"\xff"}', True)], 1007, None),
        ([(Opcode.TEXT, b"\xed\xa0\x80", True)], 1007, None),  # a surrogate
        ([(Opcode.TEXT, b"\xe4\xbd", False), (Opcode.CONT, b"a", True)], 1007, None),  # a character broken off
        ([(Opcode.BINARY, b"{}", True)], 1003, '{"code":-32600,"retry":"never"}'),
        ([(Opcode.BINARY, b"\xff\xfe", True)], 1003, '{"code":-32600,"retry":"never"}'),
        ([(Opcode.TEXT, b" " * 65_537, True)], 1009, None),
        ([(Opcode.TEXT, b" " * 40_000, False), (Opcode.CONT, b" " * 40_000, True)], 1009, None),
        ([(Opcode.CONT, b"x", True)], 1002, None),
        ([(Opcode.TEXT, b"x", False), (Opcode.TEXT, b"y", True)], 1002, None),
    ],
    ids=["not-utf8", "surrogate", "broken-off", "binary", "binary-not-utf8", "too-big", "too-big-in-parts", "stray", "nested"],
)
async def test_frames_that_are_no_messages_close_the_socket(
    frames: list[tuple[Opcode, bytes, bool]], code: int, reason: str | None, logged_in: bool
) -> None:
    async with running() as gateway:
        ws = await opened(gateway)
        if logged_in:
            await asked(ws, login("anna"))
        for opcode, data, fin in frames:
            await raw_frame(ws, opcode, data, fin)
        told = await closing(ws)
        assert told[0] == code
        assert reason is None or told[1] == reason
        anna = await Client.login(gateway, "anna")  # and the gateway goes on
        await anna.close()


async def raw_frame(ws: ClientConnection, opcode: Opcode, data: bytes, fin: bool) -> None:
    """Puts one masked frame on the wire, allowed or not."""
    size = bytes((0x80 | len(data),)) if len(data) < 126 else b"\xff" + len(data).to_bytes(8) if len(data) > 65_535 else (
        b"\xfe" + len(data).to_bytes(2)
    )  # fmt: skip
    ws.transport.write(bytes((fin << 7 | opcode,)) + size + bytes(4) + data)
    await asyncio.sleep(0)


async def test_a_character_split_over_two_frames_is_whole() -> None:
    async with running() as gateway:
        ws = await opened(gateway)
        frame = json.dumps(login("安娜"), ensure_ascii=False).encode()
        cut = frame.index("安".encode()) + 1
        await raw_frame(ws, Opcode.TEXT, frame[:cut], False)
        await raw_frame(ws, Opcode.CONT, frame[cut:], True)
        async with asyncio.timeout(DEADLINE):
            assert "result" in json.loads(await ws.recv())
        await ws.close()


async def test_the_largest_message_is_taken() -> None:
    async with running() as gateway:
        ws = await opened(gateway)
        frame = json.dumps(request("ping", pad=""))
        reply = await asked(ws, frame.replace('"pad": ""', f'"pad": "{"x" * (65_536 - len(frame))}"'))
        assert reply["result"] == {}
        await ws.close()


# Requests --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "id", "code"),
    [
        ("{", None, -32700),
        ("", None, -32700),
        ('{"x":' + "[" * 30_000, None, -32700),
        ("[" * 30_000, None, -32600),
        ("nonsense", None, -32700),
        ('[{"jsonrpc":"2.0","id":1,"method":"ping"}]', None, -32600),
        ("[]", None, -32600),
        ("1", None, -32600),
        ('"ping"', None, -32600),
        ("null", None, -32600),
        ('{"id":1,"method":"ping"}', None, -32600),
        ('{"jsonrpc":"1.0","id":1,"method":"ping"}', None, -32600),
        ('{"jsonrpc":"2.0","id":null,"method":"ping"}', None, -32600),
        ('{"jsonrpc":"2.0","id":1.5,"method":"ping"}', None, -32600),
        ('{"jsonrpc":"2.0","id":{},"method":"ping"}', None, -32600),
        ('{"jsonrpc":"2.0","id":1,"method":7}', None, -32600),
        ('{"jsonrpc":"2.0","method":"logout"}', None, -32600),
        ('{"jsonrpc":"2.0","id":"seven","method":"nothing"}', "seven", -32601),
        ('{"jsonrpc":"2.0","id":7,"method":"sendBroadcastMessage"}', 7, -32602),
        ('{"jsonrpc":"2.0","id":7,"method":"sendPigeons"}', 7, -32601),
        ('{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}', 7, -32602),
        ('{"jsonrpc":"2.0","id":7,"method":"login","params":{}}', 7, -32602),
        ('{"jsonrpc":"2.0","id":7,"method":"publish","params":{"streamID":"a"}}', 7, 1000002),
        ('{"jsonrpc":"2.0","id":7,"method":"logout"}', 7, 1000002),
    ],
)
async def test_what_is_no_good_request_is_answered_and_the_socket_stays(frame: str, id: int | str | None, code: int) -> None:
    async with running() as gateway:
        ws = await opened(gateway)
        reply = await asked(ws, frame)
        assert reply["jsonrpc"] == "2.0"
        assert reply["id"] == id
        assert reply["error"]["code"] == code
        assert set(reply["error"]) == {"code", "message", "data"}
        assert (await asked(ws, request("ping", "still there")))["result"] == {}
        await ws.close()


async def test_a_notification_is_not_answered() -> None:
    async with running() as gateway:
        ws = await opened(gateway)
        await ws.send('{"jsonrpc":"2.0","method":"ping"}')
        assert (await asked(ws, request("ping", 5)))["id"] == 5
        await ws.close()


async def test_a_repeated_request_acts_once_and_an_id_is_not_used_for_two() -> None:
    async with running() as gateway:
        ws = await opened(gateway)
        await asked(ws, login("anna"))
        publish = request("publish", 2, streamID="cam")
        first = await asked(ws, publish)
        notice = json.loads(await ws.recv())
        assert notice["method"] == "publisherState"
        assert await asked(ws, publish) == first
        await asked(ws, request("unpublish", 3, streamID="cam"))
        await ws.recv()
        assert await asked(ws, publish) == first  # answered as before; nothing is published again
        assert not gateway.registry.streams
        other = await asked(ws, request("publish", 2, streamID="dog"))
        assert other["error"]["code"] == -32600
        assert not gateway.registry.streams
        await ws.close()


async def test_a_repeat_that_comes_through_a_new_socket_acts_once_too() -> None:
    async with running() as gateway:
        ws = await opened(gateway)
        session = (await asked(ws, login("anna")))["result"]["sessionID"]
        first = await asked(ws, request("publish", 2, streamID="cam"))
        ws.transport.abort()
        ws = await opened(gateway)
        await asked(ws, login("anna", resume={"sessionID": session, "lastSeq": 0}))
        await ws.send(json.dumps(request("publish", 2, streamID="cam")))
        assert await reply_to(ws, 2) == first
        await ws.close()


async def test_too_many_requests_are_told_when_to_come_back() -> None:
    async with running(config(signaling={"requests_burst": 5, "requests_per_second": 0.5})) as gateway:
        ws = await opened(gateway)
        for id in range(9):
            await ws.send(json.dumps(request("ping", id)))
        replies = [json.loads(await ws.recv()) for _ in range(9)]
        refused = [reply for reply in replies if "error" in reply]
        assert 2 <= len(refused) <= 4  # one is taken for every two seconds that it took
        assert {reply["error"]["code"] for reply in refused} == {1002071}
        assert all(0 < reply["error"]["data"]["afterMs"] <= 2001 for reply in refused)
        await asyncio.sleep(refused[-1]["error"]["data"]["afterMs"] / 1000)
        assert "result" in await asked(ws, request("ping", 99))
        for id in range(100):  # one who does not listen to that is closed
            await ws.send(json.dumps(request("ping", id)))
        assert await closing(ws) == (4004, '{"code":1002071,"retry":"after"}')


# Tokens ----------------------------------------------------------------------------------------------------------------

TOKENS: dict[str, tuple[str, int, str]] = {
    "missing": ("", 1002067, "TOKEN_MISSING"),
    "no-jwt": ("abc", 1002033, "TOKEN_INVALID"),
    "foreign-secret": (make_token("x" * 40, APP, "anna", now=time.time(), ttl=60), 1002033, "TOKEN_INVALID"),
    "other-app": (token("anna", OTHER_APP), 1002076, "TOKEN_APP_MISMATCH"),
    "other-user": (token("bert"), 1002077, "TOKEN_USER_MISMATCH"),
    "expired": (make_token(SECRET, APP, "anna", now=time.time() - 200, ttl=60), 1002078, "TOKEN_EXPIRED"),
    "not-yet": (make_token(SECRET, APP, "anna", now=time.time() + 36_000, ttl=60), 1002033, "TOKEN_INVALID"),
    "other-room": (token("anna", room="elsewhere"), 1002033, "TOKEN_INVALID"),
    "no-login": (token("anna", may_login=False), 1002033, "TOKEN_INVALID"),
    "none-algorithm": ("eyJhbGciOiJub25lIn0.eyJpc3MiOiIxIiwic3ViIjoiYW5uYSJ9.", 1002033, "TOKEN_INVALID"),
}


@pytest.mark.parametrize("case", TOKENS)
async def test_a_bad_token_is_refused_with_its_own_number(case: str) -> None:
    text, code, name = TOKENS[case]
    async with running() as gateway:
        ws = await opened(gateway)
        reply = await asked(ws, login("anna", token=text))
        assert (reply["error"]["code"], reply["error"]["data"]["name"]) == (code, name)
        assert not text or text not in json.dumps(reply)
        assert not gateway.registry.rooms
        assert "result" in await asked(ws, login("anna"))  # the socket may try again
        await ws.close()


async def test_what_else_a_login_is_refused_for() -> None:
    async with running() as gateway:
        anna = await Client.login(gateway, "anna", maxMemberCount=1)
        for params, code in (
            ({"appID": "9"}, 1001004),
            ({}, 1002034),
            ({"roomID": ""}, 1002011),
            ({"roomID": "a\nb"}, 1002012),
            ({"roomID": "r" * 129}, 1002013),
            ({"userName": "n" * 257}, 1002010),
        ):
            ws = await opened(gateway)
            assert (await asked(ws, login("bert", **params)))["error"]["code"] == code
            await ws.close()
        for user, code in (("", 1002005), ("a\0", 1002006), ("u" * 129, 1002007)):
            ws = await opened(gateway)
            assert (await asked(ws, login("x", userID=user)))["error"]["code"] == code
            await ws.close()
        with pytest.raises(RemoteError) as refused:
            await anna.call("login", appID=APP, roomID="room", userID="anna")
        assert refused.value.code == -32600
        await anna.close()


async def test_a_token_may_forbid_to_publish() -> None:
    async with running() as gateway:
        anna = await Client.login(gateway, "anna", token=token("anna", may_publish=False))
        bert = await Client.login(gateway, "bert", token=token("bert", streams=["bert-cam"]))
        for client, stream in ((anna, "cam"), (bert, "cam")):
            with pytest.raises(RemoteError) as refused:
                await client.call("publish", streamID=stream)
            assert refused.value.code == 1003025
        await bert.call("publish", streamID="bert-cam")
        for client in (anna, bert):
            await client.close()


async def test_a_tokens_end_is_announced_and_the_session_stays() -> None:
    async with running(config(signaling={"token_warning": 5.0})) as gateway:
        anna = await Client.login(gateway, "anna", token=token("anna", ttl=6))
        told = await anna.event("tokenWillExpire")
        ends = anna.login_result["tokenExpiresAt"] / 1000
        assert set(told["params"]) == {"roomID", "seconds"}
        assert told["params"]["roomID"] == "room"
        assert round(ends - time.time()) <= told["params"]["seconds"] <= 5  # what was left when it was told
        assert ends - time.time() < 5.2
        await anna.call("publish", streamID="cam")
        await asyncio.sleep(ends - time.time() + 0.1)
        await anna.call("publish", streamID="cam", media=["audio"])  # what it has goes on, nothing more begins
        for method in ("publish", "play"):
            with pytest.raises(RemoteError) as refused:
                await anna.call(method, streamID="another", **({"wait": True} if method == "play" else {}))
            assert refused.value.code == 1002078
        await anna.call("renewToken", token=token("anna"))
        await anna.call("publish", streamID="another")
        assert len(anna.heard("tokenWillExpire")) == 1
        await anna.close()


# Time ------------------------------------------------------------------------------------------------------------------


async def test_a_socket_that_does_not_log_in_is_closed() -> None:
    async with running(config(signaling={"login_deadline": 2.0})) as gateway:
        begun = time.monotonic()
        sockets = [await opened(gateway) for _ in range(3)]
        await asked(sockets[1], request("ping"))  # that is no login
        await asked(sockets[2], login("anna", token="bad"))  # nor is that
        for ws in sockets:
            assert await closing(ws) == (4001, '{"code":1002031,"retry":"now"}')
        assert 1.9 < time.monotonic() - begun < DEADLINE


async def test_after_logout_the_next_login_has_its_own_deadline() -> None:
    async with running(config(signaling={"login_deadline": 2.0})) as gateway:
        anna = await Client.login(gateway, "anna")
        await asyncio.sleep(2.2)
        await anna.call("logout")
        with pytest.raises(RemoteError, match="1000002"):
            await anna.call("publish", streamID="cam")
        await anna.call("login", appID=APP, roomID="other", userID="anna", token=token("anna"))
        await asyncio.sleep(2.2)
        await anna.call("logout")
        assert await wait_closed(anna) == 4001


async def wait_closed(client: Client) -> int | None:
    """Waits until the server has closed; its code."""
    async with asyncio.timeout(DEADLINE):
        await client.socket.wait_closed()
    return client.socket.close_code


@asynccontextmanager
async def on_air(**signaling: float) -> AsyncIterator[tuple[Gateway, Client, Client, Source]]:
    """Anna's `cam` is on air and Bert has heard of it. Anna's own socket is left to her."""
    async with running(config(signaling=signaling)) as gateway:
        anna, bert = await Client.login(gateway, "anna"), await Client.login(gateway, "bert", userUpdate=True)
        source = await Source.push(url_of(await anna.call("publish", streamID="cam")))
        await bert.event("streams", lambda params: len(params["streams"][0]["media"]) == 2)
        yield gateway, anna, bert, source
        await source.drop()
        for client in (anna, bert):
            await client.close()


async def beating(client: Client) -> None:
    while True:
        await client.call("ping")
        await asyncio.sleep(0.2)


async def test_a_silent_socket_is_closed_and_its_session_goes_on_and_can_be_resumed() -> None:
    async with on_air(heartbeat=0.3, heartbeat_deadline=3.0, resume_window=30.0) as (gateway, anna, bert, source):
        beats = asyncio.create_task(beating(bert))
        play = await bert.call("play", streamID="cam")
        viewer = await RtmpViewer.play(url_of(play))
        assert await wait_closed(anna) == 4002
        assert anna.socket.close_reason == '{"code":1002052,"retry":"now"}'
        heard = len(bert.events)
        seen = source.number
        await viewer.sees(seen + GOP)
        assert not viewer.missing
        again = await Client.login(gateway, "anna", instead_of=anna, token="")
        result = again.login_result
        assert result["resumed"] is True
        assert result["sessionID"] == anna.login_result["sessionID"]
        assert result["publishing"] == ["cam"]
        assert [user["userID"] for user in result["users"]] == ["bert"]
        assert result["streams"] == []
        await again.call("unpublish", streamID="cam")
        gone = await bert.event("streams", since=heard)
        assert gone["params"]["type"] == "DELETE"
        told = [event["method"] for event in bert.events[heard:] if event["method"] != "quality"]
        assert told == ["streams", "playerState"]  # of the loss nobody was told
        beats.cancel()
        await viewer.close()
        await again.close()


async def test_a_session_that_nobody_resumes_ends_with_its_window() -> None:
    async with on_air(resume_window=0.5) as (gateway, anna, bert, source):
        lost = time.monotonic()
        anna.socket.transport.abort()
        gone = await bert.event("users", lambda params: params["type"] == "DELETE")
        assert 0.4 < time.monotonic() - lost < DEADLINE
        assert gone["params"]["reason"] == {"code": 2, "name": "heartbeatTimeout"}
        assert (await bert.event("streams", lambda params: params["type"] == "DELETE"))["params"]["reason"]["code"] == 2
        await asyncio.wait_for(source.cut.wait(), DEADLINE)
        late = await Client.login(gateway, "anna", instead_of=anna)
        assert late.login_result["resumed"] is False
        assert late.login_result["sessionID"] != anna.login_result["sessionID"]
        await late.close()


async def test_a_half_open_socket_is_replaced_by_the_one_that_resumes() -> None:
    async with on_air() as (gateway, anna, bert, source):
        heard = len(bert.events)
        again = await Client.login(gateway, "anna", instead_of=anna)
        assert again.login_result["resumed"] is True
        assert await wait_closed(anna) == 4005
        assert bert.events[heard:] == []
        assert not source.cut.is_set()
        await again.close()


async def test_a_later_login_of_the_same_user_ends_the_session_before() -> None:
    async with on_air() as (gateway, anna, bert, source):
        second = await Client.login(gateway, "anna", room="elsewhere")
        assert await wait_closed(anna) == 4010
        assert anna.socket.close_reason == '{"code":1002050,"retry":"never"}'
        gone = await bert.event("streams", lambda params: params["type"] == "DELETE")
        assert gone["params"]["reason"] == {"code": 3, "name": "sameUserElsewhere"}
        left = await bert.event("users", lambda params: params["type"] == "DELETE")
        assert left["params"]["reason"]["code"] == 3
        assert gone["params"]["seq"] < left["params"]["seq"]
        await asyncio.wait_for(source.cut.wait(), DEADLINE)
        ws = await opened(gateway)
        resume = {"sessionID": anna.login_result["sessionID"], "lastSeq": 0}
        refused = (await asked(ws, login("anna", resume=resume)))["error"]
        assert (refused["code"], refused["data"]["retry"]) == (1002050, "never")
        await ws.close()
        await second.close()


async def test_a_session_that_logged_out_is_not_resumed() -> None:
    async with running() as gateway:
        anna = await Client.login(gateway, "anna")
        await anna.call("logout")
        with pytest.raises(RemoteError) as refused:
            await anna.call(
                "login", appID=APP, roomID="room", userID="anna", token=token("anna"),
                resume={"sessionID": anna.login_result["sessionID"]},
            )  # fmt: skip
        assert refused.value.code == 1000002
        assert refused.value.data["retry"] == "never"
        await anna.close()


async def test_nobody_takes_another_users_session() -> None:
    async with on_air() as (gateway, anna, _, _):
        ws = await opened(gateway)
        stolen = {"sessionID": anna.login_result["sessionID"]}
        reply = await asked(ws, login("mallory", resume=stolen))
        assert reply["error"]["code"] == -32602
        assert (await anna.call("ping")) == {}
        await ws.close()


# Load ------------------------------------------------------------------------------------------------------------------


async def test_a_client_that_does_not_read_loses_its_socket_and_not_its_session() -> None:
    limits = {"outbox_messages": 16, "requests_per_second": 100_000, "requests_burst": 100_000}
    async with running(config(signaling=limits)) as gateway:
        anna, reader = await Client.login(gateway, "anna"), await Client.login(gateway, "reader")
        small = socket.socket()
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        small.setblocking(False)
        await asyncio.get_running_loop().sock_connect(small, ("127.0.0.1", gateway.http.port))
        deaf = await connect(gateway.addresses.ws, sock=small, proxy=None)
        session = (await asked(deaf, login("deaf")))["result"]["sessionID"]
        deaf.transport.pause_reading()
        source = await Source.push(url_of(await anna.call("publish", streamID="cam")))
        await reader.event("streams", lambda params: len(params["streams"][0]["media"]) == 2)
        for number in range(6000):  # more than any kernel keeps for a socket
            await anna.call("publish", streamID="cam", extraInfo=f"{number:04}" + "x" * 1000)
        await until(lambda: gateway.snapshot().sessions["detached"] == 1, "the loss of its socket")
        await reader.event("streams", lambda params: params["streams"][0]["extraInfo"].startswith(f"{number:04}"))
        seqs = [event["params"]["seq"] for event in reader.heard("streams")]
        assert seqs == sorted(set(seqs))
        deaf.transport.abort()
        back = await Client.login(gateway, "deaf", resume={"sessionID": session})
        assert back.login_result["resumed"] is True
        assert back.login_result["streams"][0]["extraInfo"].startswith(f"{number:04}")  # the snapshot says how things stand
        await source.close()
        for client in (anna, reader, back):
            await client.close()


async def test_sockets_of_one_address_that_do_not_log_in_are_bounded() -> None:
    async with running(config(signaling={"sockets_before_login": 5})) as gateway:
        anna = await Client.login(gateway, "anna")  # one who is logged in does not count
        idle = [await opened(gateway) for _ in range(5)]
        ws = await opened(gateway)
        code, reason = await closing(ws)
        told = json.loads(reason)
        assert (code, told["code"], told["retry"], 1000 <= told["afterMs"] <= 6000) == (1013, 1803002, "after", True)
        assert await anna.call("ping") == {}
        await idle.pop().close()
        bert = await Client.login(gateway, "bert")
        for one in idle:
            await one.close()
        for client in (anna, bert):
            await client.close()


# Order -----------------------------------------------------------------------------------------------------------------


def whole(stream: dict[str, Any], user: str) -> bool:
    """It is this user's stream, with sound and picture."""
    return stream["userID"] == user and stream["media"] == ["audio", "video"]


async def test_three_users_hear_of_each_other_in_one_order() -> None:
    async with running() as gateway:
        users = {name: await Client.login(gateway, name, userUpdate=True) for name in ("anna", "bert", "carl")}
        sources = {}
        for name, user in users.items():
            sources[name] = await Source.push(url_of(await user.call("publish", streamID=f"{name}-cam")))
            for other in users.keys() - {name}:
                await users[other].event("streams", lambda params, name=name: whole(params["streams"][0], name))
        await users["anna"].call("mute", streamID="anna-cam", audio=True)
        await users["bert"].call("publish", streamID="bert-cam", extraInfo="hello")
        await sources["carl"].close()
        await users["carl"].call("logout")
        for name in ("anna", "bert"):
            await users[name].event("users", lambda params: params["type"] == "DELETE")
        numbered: dict[int, Any] = {}
        for name, user in users.items():
            events = [event for event in user.events if "seq" in event["params"]]
            seqs = [event["params"]["seq"] for event in events]
            assert seqs == sorted(set(seqs))  # strictly increasing
            assert seqs[0] > user.login_result["seq"]
            for event in events:
                said = (event["method"], event["params"])
                assert numbered.setdefault(event["params"]["seq"], said) == said  # one number, one event, for everyone
                about = event["params"].get("streams") or event["params"].get("users") or [event["params"]]
                assert about[0]["userID"] != name  # nobody hears of oneself
                assert event["params"]["roomID"] == "room"
        heard = [(event["method"], event["params"].get("type")) for event in users["anna"].events if "seq" in event["params"]]
        assert heard[:2] == [("users", "ADD")] * 2
        assert heard[-3:] == [("streams", "UPDATE"), ("streams", "DELETE"), ("users", "DELETE")]
        assert users["bert"].heard("mute", streamID="anna-cam", audio=True, video=False)
        assert not users["anna"].heard("mute")
        for name in ("anna", "bert"):
            await sources[name].close()
        for user in users.values():
            await user.close()


async def test_a_reply_comes_before_the_events_that_it_causes() -> None:
    async with running() as gateway:
        ws = await opened(gateway)
        await asked(ws, login("anna"))
        assert (await asked(ws, request("publish", 2, streamID="cam")))["id"] == 2
        assert json.loads(await ws.recv())["params"]["state"] == "PUBLISH_REQUESTING"
        assert (await asked(ws, request("unpublish", 3, streamID="cam")))["id"] == 3
        assert json.loads(await ws.recv())["params"]["state"] == "NO_PUBLISH"
        await ws.close()


async def test_nothing_but_a_websocket_is_spoken_at_ws() -> None:
    async with running() as gateway:
        ws = await opened(gateway)
        ws.transport.write(b"\xff" * 10)
        assert (await closing(ws))[0] == 1002
        response = await get(f"{gateway.addresses.http}/ws")
        assert response.status_code >= 400
