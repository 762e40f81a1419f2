"""The server API on real sockets: who may ask, what clients notice of it, its documents, and the commands that use it."""

from __future__ import annotations

import asyncio
import dataclasses
import http.client
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from gateway.app import Gateway
from gateway.http import api
from gateway.http.api_operations import OPERATIONS
from gateway.http.openapi import path_of
from tests.e2e.test_ids import SPECIAL
from tests.support.gateway import APP, DEADLINE, OTHER_APP, Client, RemoteError, config, running, url_of
from tests.support.media_client import until, viewers
from tests.support.process import run, serving
from tests.support.stamps import GOP, FlvViewer, Source
from tests.support.tools import program

KEY = "the server API's key of the tests, long enough"
OTHER_KEY = KEY[::-1]
KICKED, PUBLISH_FORBIDDEN, PLAY_FORBIDDEN = 1002055, 1003025, 1004025


class Backend:
    """An app's own backend: a gateway, and an HTTP client that has the key."""

    def __init__(self, gateway: Gateway, http: httpx.AsyncClient) -> None:
        self.gateway = gateway
        self.http = http

    async def ask(self, path: str, body: Any = None, **headers: str) -> Any:
        """The reply to a GET, or with a body to a POST, which has to be 200."""
        response = await self.request(path, body, **headers)
        assert response.status_code == 200, response.text
        assert "access-control-allow-origin" not in response.headers
        return response.json()

    async def request(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request("GET" if body is None else "POST", path, json=body, headers=given)


@asynccontextmanager
async def backend(**settings: Any) -> AsyncIterator[Backend]:
    made = config(**settings)
    keys = {APP: KEY, OTHER_APP: OTHER_KEY}
    apps = {app: dataclasses.replace(one, api_key=keys[app]) for app, one in made.apps.items()}
    async with running(dataclasses.replace(made, apps=apps)) as gateway:
        base, headers = f"{gateway.addresses.http}/v1/apps/{APP}", {"authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(trust_env=False, base_url=base, headers=headers, timeout=DEADLINE) as client:
            yield Backend(gateway, client)


# Who may ask -----------------------------------------------------------------------------------------------------------


async def test_wrong_missing_and_foreign_keys_are_refused_everywhere() -> None:
    async with backend() as ann:
        for operation in OPERATIONS:
            path = path_of(operation).format(appID=APP, roomID="r", streamID="s")
            for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Bearer {OTHER_KEY}"}):
                url = f"{ann.gateway.addresses.http}{path}"
                async with httpx.AsyncClient(trust_env=False) as stranger:
                    response = await stranger.request(operation.method, url, headers=headers)
                assert (response.status_code, response.json()["name"]) == (401, "API_KEY_INVALID")
                assert response.headers["www-authenticate"] == "Bearer"


async def test_an_app_without_a_key_has_no_server_api() -> None:
    async with running() as gateway, httpx.AsyncClient(trust_env=False) as anyone:
        for headers in ({}, {"authorization": "Bearer"}, {"authorization": "Bearer x"}):
            response = await anyone.get(f"{gateway.addresses.http}/v1/apps/{APP}/rooms", headers=headers)
            assert response.status_code == 401


async def test_who_asks_too_fast_is_told_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "REQUESTS_PER_SECOND", 2.0)  # so that no machine is too slow to be too fast
    async with backend() as ann:
        replies = [await ann.request("/rooms") for _ in range(3 * api.REQUESTS_BURST)]
        (status, refused) = next((each.status_code, each) for each in replies if each.status_code != 200)
        assert (status, refused.json()["name"], refused.headers["retry-after"]) == (429, "RATE_LIMITED", "1")
        assert 0 < refused.json()["afterMs"] <= 1000


# What there is ---------------------------------------------------------------------------------------------------------


async def test_rooms_come_page_by_page() -> None:
    async with backend() as ann:
        rooms = ["a/b", "c", "d+e", "房间"]
        clients = [await Client.login(ann.gateway, f"user-{number}", room) for number, room in enumerate(rooms)]
        other = await Client.login(ann.gateway, "stranger", "their room", OTHER_APP)
        found: list[str] = []
        page = {"next": ""}
        while page["next"] is not None:
            page = await ann.ask(f"/rooms?limit=1&after={quote(page['next'], safe='')}")
            found += [room["roomID"] for room in page["rooms"]]  # type: ignore[index,attr-defined]
        assert found == sorted(rooms)
        for client in (*clients, other):
            await client.close()


async def test_a_room_with_its_users_and_its_streams() -> None:
    async with backend() as ann:
        bob, cat = await Client.login(ann.gateway, "bob"), await Client.login(ann.gateway, "cat", role="audience")
        source = await Source.push(url_of(await bob.call("publish", streamID="cam/1", extraInfo="front")))
        await source.pushed(GOP)
        await cat.event("streams")
        viewer = await FlvViewer.play(url_of(await cat.call("play", streamID="cam/1"), "flv"))
        await viewers(ann.gateway, 1)
        room = await ann.ask("/rooms/room")
        (stream,) = room.pop("streams")
        users = [
            {"userID": "bob", "userName": "bob", "role": "broadcaster", "connected": True},
            {"userID": "cat", "userName": "cat", "role": "audience", "connected": True},
        ]
        assert room == {"roomID": "room", "userCount": 2, "streamCount": 1, "users": users, "next": None}
        known = {"streamID": "cam/1", "userID": "bob", "state": "onAir", "viewers": 1, "extraInfo": "front"}
        assert stream.items() >= known.items()
        assert await ann.ask("/streams/cam%2F1") == {
            "streamID": "cam/1", "forbidden": False, "roomID": "room", "published": stream,
        }  # fmt: skip
        page = await ann.ask("/rooms/room?limit=1&after=bob")
        assert ([user["userID"] for user in page["users"]], page["streams"], page["next"]) == (["cat"], [], None)
        cat.socket.transport.abort()
        await until(lambda: ann.gateway.snapshot().sessions["detached"] == 1, "the loss")
        assert [user["connected"] for user in (await ann.ask("/rooms/room"))["users"]] == [True, False]
        await viewer.close()
        await source.close()
        await bob.close()
        assert (await ann.request("/streams/nothing")).json()["name"] == "STREAM_NOT_FOUND"
        assert (await ann.request("/rooms/nothing")).json()["name"] == "ROOM_NOT_FOUND"


async def test_every_id_is_found_by_its_encoded_name() -> None:
    """Sent as it is: clients are known to shorten `.` and `..` in a path."""
    ids = [id for id in SPECIAL if len(id.encode()) <= 128]

    def ask(port: int, id: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        path = f"/v1/apps/{APP}/rooms/{quote(id, safe='')}"
        connection.request("GET", path, headers={"authorization": f"Bearer {KEY}"})
        response = connection.getresponse()
        told = response.status, json.loads(response.read())
        connection.close()
        return told

    async with backend() as ann:
        for number, id in enumerate(ids):
            client = await Client.login(ann.gateway, f"user-{number}", id)
            status, told = await asyncio.to_thread(ask, ann.gateway.http.port, id)
            while status == 429:
                await asyncio.sleep(told["afterMs"] / 1000)
                status, told = await asyncio.to_thread(ask, ann.gateway.http.port, id)
            assert (status, told["roomID"]) == (200, id)
            await client.close()


# What is done ----------------------------------------------------------------------------------------------------------


async def test_a_user_is_kicked() -> None:
    async with backend() as ann:
        bob, cat = await Client.login(ann.gateway, "bob"), await Client.login(ann.gateway, "cat", userUpdate=True)
        assert await ann.ask("/rooms/room/kick", {"userIDs": ["bob", "dan"], "reason": "enough"}) == {"kicked": ["bob"]}
        kicked = await bob.event("kicked")
        assert (kicked["params"]["code"], kicked["params"]["reason"], kicked["params"]["retry"]) == (KICKED, "enough", "never")
        left = await cat.event("users", lambda params: params["type"] == "DELETE")
        assert (left["params"]["users"][0]["userID"], left["params"]["reason"]["name"]) == ("bob", "kicked")
        await bob.socket.wait_closed()
        assert json.loads(bob.socket.close_reason or "{}") == {"code": KICKED, "retry": "never"}
        with pytest.raises(RemoteError) as refused:
            await Client.login(ann.gateway, "bob", instead_of=bob)
        assert refused.value.code == KICKED
        assert await ann.ask("/rooms/room/kick", {"userIDs": ["bob"]}) == {"kicked": []}
        await cat.close()


async def test_a_room_is_closed_once() -> None:
    async with backend() as ann:
        bob, cat = await Client.login(ann.gateway, "bob"), await Client.login(ann.gateway, "cat")
        closing = {"reason": "over"}
        assert await ann.ask("/rooms/room/close", closing, idempotency_key="k1") == {"closed": True}
        for client in (bob, cat):
            assert (await client.event("roomClosed"))["params"]["roomID"] == "room"
            await client.socket.wait_closed()
        assert (await ann.request("/rooms/room")).status_code == 404
        again = await ann.request("/rooms/room/close", closing, idempotency_key="k1")
        assert (again.json(), again.headers["idempotency-replayed"]) == ({"closed": True}, "true")
        assert await ann.ask("/rooms/room/close", closing) == {"closed": False}
        dan = await Client.login(ann.gateway, "dan")
        assert await ann.ask("/rooms/room/close", closing, idempotency_key="k1") == {"closed": True}
        assert await dan.call("ping") == {}, "the new room was not meant"
        await dan.close()


async def test_messages_are_heard() -> None:
    async with backend() as ann:
        bob, cat = await Client.login(ann.gateway, "bob"), await Client.login(ann.gateway, "cat")
        sent = await ann.ask("/rooms/room/messages", {"kind": "broadcast", "message": "hello"})
        for client in (bob, cat):
            heard = (await client.event("broadcastMessage"))["params"]
            assert (heard["message"], heard["messageID"], heard["fromUser"]["userID"]) == ("hello", sent["messageID"], "")
        host = {"userID": "host", "userName": "The host"}
        sent = await ann.ask("/rooms/room/messages", {"kind": "barrage", "message": "66", "fromUser": host})
        heard = (await bob.event("barrageMessage"))["params"]
        assert (heard["messageID"], heard["fromUser"]) == (sent["messageID"], host)
        command = {"kind": "command", "message": "mute", "toUserIDs": ["cat"]}
        await ann.ask("/rooms/room/messages", command)
        await cat.event("customCommand")
        await bob.call("ping")
        assert not bob.heard("customCommand")
        refused = await ann.request("/rooms/nothing/messages", command)
        assert (refused.status_code, refused.json()["name"]) == (404, "ROOM_NOT_FOUND")
        too_long = await ann.request("/rooms/room/messages", {**command, "message": "x" * 1025})
        assert too_long.json()["name"] == "MESSAGE_TOO_LONG"
        await bob.close()
        await cat.close()


async def test_a_forbidden_stream_is_cut_and_may_come_back() -> None:
    async with backend() as ann:
        bob, cat = await Client.login(ann.gateway, "bob"), await Client.login(ann.gateway, "cat")
        source = await Source.push(url_of(await bob.call("publish", streamID="cam")))
        await source.pushed(GOP)
        await cat.event("streams")
        viewer = await FlvViewer.play(url_of(await cat.call("play", streamID="cam"), "flv"))
        await viewers(ann.gateway, 1)
        for _ in range(2):
            assert (await ann.ask("/streams/cam/forbid", {}))["forbidden"] is True
        await viewer.ends()
        await bob.event("publisherState", lambda params: params["code"] == PUBLISH_FORBIDDEN)
        for client, method, code in ((bob, "publish", PUBLISH_FORBIDDEN), (cat, "play", PLAY_FORBIDDEN)):
            with pytest.raises(RemoteError) as refused:
                await client.call(method, streamID="cam", **({"wait": True} if method == "play" else {}))
            assert refused.value.code == code
        status = {"streamID": "cam", "forbidden": True, "roomID": None, "published": None}
        assert await ann.ask("/streams/cam") == status
        assert await ann.ask("/streams/cam/resume", {}) == {**status, "forbidden": False}
        assert await bob.call("publish", streamID="cam")
        await source.close()
        await bob.close()
        await cat.close()


# Its documents ---------------------------------------------------------------------------------------------------------


async def test_its_documents_are_for_everyone() -> None:
    async with backend() as ann, httpx.AsyncClient(trust_env=False, base_url=ann.gateway.addresses.http) as anyone:
        for path, kind in (("/docs", "text/html; charset=utf-8"), ("/docs/openapi.json", "application/json")):
            for method in ("GET", "HEAD"):
                response = await anyone.request(method, path)
                assert (response.status_code, response.headers["content-type"]) == (200, kind)
                assert "default-src 'none'" in response.headers["content-security-policy"]
                assert KEY not in response.text
        assert (await anyone.get("/docs/openapi.json")).json()["servers"] == [{"url": ann.gateway.addresses.http}]


_FUZZING = f"""
[parameters]
"path.appID" = "{APP}"
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "404"]  # bounds are in bytes, which a schema cannot say
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "404", "405", "413", "415"]
"""


async def test_schemathesis_finds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "REQUESTS_PER_SECOND", 1e6)
    monkeypatch.setattr(api, "REQUESTS_BURST", 1_000_000)
    (tmp_path / "schemathesis.toml").write_text(_FUZZING)
    async with backend() as ann:
        clients = [await Client.login(ann.gateway, f"user-{number}", f"room-{number % 3}") for number in range(9)]
        for number, client in enumerate(clients):
            await client.call("publish", streamID=f"stream-{number}")
        process = await asyncio.create_subprocess_exec(
            schemathesis(), "--config-file", tmp_path / "schemathesis.toml", "run", "--no-color",
            f"{ann.gateway.addresses.http}/docs/openapi.json", "--header", f"Authorization: Bearer {KEY}",
            "--max-examples", "15", "--seed", "1", cwd=tmp_path, env={**os.environ, "NO_PROXY": "*"},
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        async with asyncio.timeout(300):
            out, _ = await process.communicate()
        assert process.returncode == 0, out.decode()[-4000:]
        assert f"{len(OPERATIONS)} selected / {len(OPERATIONS)} total" in out.decode()
        for client in clients:
            await client.close()


def schemathesis() -> str:
    """The program, which is installed beside Python."""
    beside = Path(sys.executable).with_name("schemathesis")
    return str(beside) if beside.exists() else program("schemathesis")


# The commands that use it ----------------------------------------------------------------------------------------------


async def test_rooms_are_listed_and_changed_from_the_command_line(tmp_path: Path) -> None:
    patient = "[signaling]\nheartbeat_deadline = 600\n"  # a command takes its time, and these clients are silent
    given = {"GATEWAY_APP_ID": "1", "GATEWAY_APP_SECRET": KEY}
    async with serving(tmp_path, "--dev", settings=patient, environ=given) as gateway:
        await until(lambda: any(line.startswith("apiKey ") for line in gateway.out), "the welcome")
        (key,) = [line.split()[1] for line in gateway.out if line.startswith("apiKey ")]
        bob, cat = await Client.login(gateway, "bob", "a/b", token=""), await Client.login(gateway, "cat", "a/b", token="")

        async def room(*words: str, key: str = key) -> tuple[int, str, str]:
            return await run("room", *words, "--url", gateway.addresses.http, "--app", "1", GATEWAY_API_KEY=key)

        assert await room("list") == (0, "a/b\t2\t0\n", "")
        assert await room("kick", "--room", "a/b", "--user", "bob", "--user", "dan") == (
            0, "bob\tkicked\ndan\tis not in the room\n", "",
        )  # fmt: skip
        await bob.event("kicked")
        assert await room("close", "--room", "a/b", "--reason", "late") == (0, "closed\n", "")
        await cat.event("roomClosed")
        assert await room("close", "--room", "a/b") == (0, "there is no such room\n", "")
        code, out, error = await room("list", key="wrong")
        assert (code, out) == (1, "")
        assert error == "gateway room: 1803012 API_KEY_INVALID: the API key was rejected\n"
        log = "\n".join(gateway.log)
        assert log.count("gateway.audit change=") == 3
        assert key not in log
        await bob.close()
        await cat.close()


async def test_the_key_goes_nowhere_else() -> None:
    """Neither where a redirect points, nor through a proxy."""
    heard: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append((await reader.readuntil(b"\r\n")).decode().strip())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        proxies = {"http_proxy": url, "HTTP_PROXY": url, "no_proxy": ""}
        told = await run("room", "list", "--url", f"{url}/base/", "--app", "a/b", GATEWAY_API_KEY=KEY, **proxies)
    assert told == (1, "", "gateway room: 307 HTTP: Temporary Redirect\n")
    assert heard == ["GET /base/v1/apps/a%2Fb/rooms?limit=200&after= HTTP/1.1"]


async def test_a_gateway_that_is_not_there_is_said_in_one_line() -> None:
    code, out, error = await run("room", "list", "--url", "http://127.0.0.1:9", "--app", "1", GATEWAY_API_KEY=KEY)
    assert (code, out, error.count("\n")) == (1, "", 1)
    assert "127.0.0.1:9" in error
    assert KEY not in error


@pytest.mark.parametrize(
    "words",
    [
        ("list",), ("close", "--app", "1"), ("kick", "--app", "1", "--room", "r"), ("list", "--app", "1", "--url", "ftp://x"),
        ("list", "--app", "1"), (),
    ],
)  # fmt: skip
async def test_a_wrong_usage_is_said_in_one_line(words: tuple[str, ...]) -> None:
    """The last but one has no key."""
    code, out, error = await run("room", *words)
    assert (code, out, error.count("\n")) == (2, "", 1)
