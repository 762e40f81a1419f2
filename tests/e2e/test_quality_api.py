"""How calls do and did, asked for over HTTP: of a gateway with a call in it, after the call, and out of MongoDB."""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from gateway.app import Gateway
from gateway.auth.access import Action
from gateway.auth.stream_keys import NONCE_BYTES, KeySigner, push_url
from gateway.config import QualitySettings, StoreSettings
from gateway.quality.readings import STALE_AFTER
from tests.support.gateway import APP, DEADLINE, OTHER_APP, SECRET, Client, config, running, url_of
from tests.support.media_client import until, viewers
from tests.support.mongod import replica_set
from tests.support.stamps import GOP, FlvViewer, Source

KEY = "the server API's key of the tests, long enough"
SWIFT = QualitySettings(sweep=0.1, measure_every=0.3)
Told = dict[str, Any]


class Backend:
    """An app's own backend, which looks into its calls."""

    def __init__(self, gateway: Gateway, http: httpx.AsyncClient) -> None:
        self.gateway = gateway
        self.http = http

    async def ask(self, path: str, app: str = APP) -> httpx.Response:
        return await self.http.get(f"{app}/{path}/quality")

    async def look(self, path: str, until: Callable[[Told], bool] = lambda told: True) -> Told:
        """The quality of a room or a stream, once it is like this."""
        async with asyncio.timeout(DEADLINE):
            while True:
                response = await self.http.get(f"{APP}/{path}")
                assert response.status_code == 200, response.text
                told: Told = response.json()
                if until(told):
                    return told
                await asyncio.sleep(0.1)


@asynccontextmanager
async def backend(**settings: Any) -> AsyncIterator[Backend]:
    made = config(**{"quality": SWIFT, **settings})
    apps = {app: dataclasses.replace(one, api_key=KEY) for app, one in made.apps.items()}
    async with running(dataclasses.replace(made, apps=apps)) as gateway:
        base, headers = f"{gateway.addresses.http}/v1/apps/", {"authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(trust_env=False, base_url=base, headers=headers, timeout=DEADLINE) as client:
            yield Backend(gateway, client)


class Talk:
    """Bob publishes `cam` in the room, Cat plays it."""

    def __init__(self, bob: Client, cat: Client, source: Source, viewer: FlvViewer) -> None:
        self.bob = bob
        self.cat = cat
        self.source = source
        self.viewer = viewer

    @classmethod
    async def begin(cls, gateway: Gateway) -> Talk:
        bob, cat = await Client.login(gateway, "bob"), await Client.login(gateway, "cat")
        source = await Source.push(url_of(await bob.call("publish", streamID="cam")))
        await source.pushed(GOP)
        await cat.event("streams")
        viewer = await FlvViewer.play(url_of(await cat.call("play", streamID="cam", transport="flv"), "flv"))
        await viewers(gateway, 1)
        return cls(bob, cat, source, viewer)

    async def end(self) -> None:
        await self.viewer.close()
        await self.source.close()
        for client in (self.bob, self.cat):
            await client.call("logout")
            await client.close()


def kinds(told: Told) -> set[str]:
    return {entry["kind"] for entry in told["timeline"]}


async def test_a_call_while_it_goes_on_and_after_it_is_over() -> None:
    async with backend() as ann:
        began = time.time()
        talk = await Talk.begin(ann.gateway)
        room = await ann.look("rooms/room/quality", lambda told: bool(told["publishing"] and told["playing"]))
        assert (room["roomID"], room["live"], room["server"]["level"]) == ("room", True, "good")
        (published,), (played,) = room["publishing"], room["playing"]
        assert (published["userID"], published["streamID"], published["transport"]) == ("bob", "cam", "rtmp")
        assert (published["measured"]["protocol"], published["measured"]["connected"]) == ("rtmp", True)
        assert (played["userID"], played["streamID"], played["transport"], played["mode"]) == ("cat", "cam", "flv", "RTC")
        for verdict in (published["uplink"], played["uplink"], played["downlink"]):
            assert verdict["level"] in ("good", "fair", "bad")
            assert began - 1 < verdict["since"] / 1000 < time.time() + 1
        stream = await ann.look("streams/cam/quality", lambda told: "measure" in kinds(told))
        assert (stream["streamID"], stream["live"], len(stream["playing"])) == ("cam", True, 1)
        assert kinds(stream) >= {"publish", "play", "connect", "stream", "measure"}
        assert {entry["streamID"] for entry in stream["timeline"]} == {"cam"}
        await talk.end()
        await until(lambda: not ann.gateway.registry.rooms, "the end of the room")
        room = await ann.look("rooms/room/quality")
        assert (room["live"], room["server"], room["publishing"], room["playing"]) == (False, None, [], [])
        assert kinds(room) >= {"join", "publish", "play", "connect", "stream", "measure", "leave"}
        first, last = room["timeline"][0], room["timeline"][-1]
        assert (first["kind"], first["userID"], last["kind"]) == ("join", "bob", "leave")
        times = [entry["at"] for entry in room["timeline"]]
        assert times == sorted(times)
        assert began - 1 < times[0] < times[-1] < time.time() + 1


async def test_how_far_away_an_rtmp_publisher_is_stays_known() -> None:
    async with backend() as ann:
        talk = await Talk.begin(ann.gateway)
        await ann.look("streams/cam/quality?limit=0", how_far)
        since = time.monotonic()
        while time.monotonic() - since < STALE_AFTER + 2:
            told = await ann.look("streams/cam/quality?limit=0")
            assert how_far(told), told["publishing"]
            await asyncio.sleep(0.2)
        await talk.end()


def how_far(told: Told) -> bool:
    """Whether a publisher's round trip is known."""
    return any("roundTrip" in (one["measured"] or {}) for one in told["publishing"])


async def test_a_timeline_page_by_page_and_from_a_moment_on() -> None:
    async with backend() as ann:
        clients = [await Client.login(ann.gateway, f"user {number}") for number in range(7)]
        whole = (await ann.look("rooms/room/quality"))["timeline"]
        assert [entry["userID"] for entry in whole if entry["kind"] == "join"] == [f"user {number}" for number in range(7)]
        found: list[Told] = []
        page: Told = {"nextAfter": ""}
        while page["nextAfter"] is not None:
            page = await ann.look(f"rooms/room/quality?limit=3&after={page['nextAfter']}")
            found += page["timeline"]
        assert found == whole
        middle = whole[3]["at"]
        later = (await ann.look(f"rooms/room/quality?since={middle!r}"))["timeline"]
        assert later == [entry for entry in whole if entry["at"] >= middle]
        newest = whole[-1]["number"]
        assert (await ann.look(f"rooms/room/quality?after={newest}"))["timeline"] == []
        clients.append(await Client.login(ann.gateway, "late"))
        (late,) = (await ann.look(f"rooms/room/quality?after={newest}"))["timeline"]
        assert (late["kind"], late["userID"]) == ("join", "late")
        for client in clients:
            await client.close()


async def test_those_who_publish_and_play_page_by_page() -> None:
    async with backend() as ann:
        talk = await Talk.begin(ann.gateway)
        whole = await ann.look("rooms/room/quality?limit=0", lambda told: bool(told["publishing"] and told["playing"]))
        assert whole["nextLeg"] is None
        first = await ann.look("rooms/room/quality?limit=0&legs=1")
        assert ([one["userID"] for one in first["publishing"]], first["playing"]) == (["bob"], [])
        rest = await ann.look(f"rooms/room/quality?limit=0&legs=1&afterLeg={first['nextLeg']}")
        assert (rest["publishing"], [one["userID"] for one in rest["playing"]], rest["nextLeg"]) == ([], ["cat"], None)
        history = await ann.look("rooms/room/quality?legs=0")
        assert (history["live"], history["publishing"], history["playing"]) == (True, [], [])
        assert "join" in kinds(history)
        response = await ann.http.get(f"{APP}/rooms/room/quality?afterLeg=cat")
        assert (response.status_code, response.json()["name"]) == (400, "INVALID_PARAMS")
        await talk.end()


def studio(gateway: Gateway, stream: str) -> str:
    """An address to publish a stream in no room, as `gateway url` makes it."""
    nonce, until = secrets.token_bytes(NONCE_BYTES), time.time() + 60
    key = KeySigner(SECRET).sign(APP, Action.PUBLISH, stream, grant_id=None, user="ed", expires_at=until, nonce=nonce)
    return push_url(gateway.addresses.rtmp, stream, key)


async def test_streams_in_no_room_are_listed_and_those_in_a_room_are_not() -> None:
    async with backend(media={"publish_grace": 0.5}) as ann:
        assert await ann.look("streams") == {"streams": [], "next": None}
        talk = await Talk.begin(ann.gateway)
        sources = [await Source.push(studio(ann.gateway, name)) for name in ("studio 2", "studio 1")]
        for source in sources:
            await source.pushed(GOP)
        told = await ann.look("streams", lambda told: len(told["streams"]) == 2)
        assert [(one["streamID"], one["userID"]) for one in told["streams"]] == [("studio 1", "ed"), ("studio 2", "ed")]
        assert {one["uplink"]["level"] for one in told["streams"]} <= {"good", "fair", "bad"}
        page = await ann.look("streams?limit=1")
        assert ([one["streamID"] for one in page["streams"]], page["next"]) == (["studio 1"], "studio 1")
        page = await ann.look("streams?limit=1&after=studio%201")
        assert ([one["streamID"] for one in page["streams"]], page["next"]) == (["studio 2"], None)
        assert (await ann.http.get(f"{OTHER_APP}/streams")).json() == {"streams": [], "next": None}
        for source in sources:
            await source.close()
        await ann.look("streams", lambda told: told["streams"] == [])
        await talk.end()


async def test_what_was_never_there_is_not_found_and_neither_is_another_apps() -> None:
    async with backend() as ann:
        bob = await Client.login(ann.gateway, "bob")
        await bob.call("publish", streamID="cam")
        for path, app, name in (
            ("rooms/nothing", APP, "ROOM_NOT_FOUND"), ("streams/nothing", APP, "STREAM_NOT_FOUND"),
            ("rooms/room", OTHER_APP, "ROOM_NOT_FOUND"), ("streams/cam", OTHER_APP, "STREAM_NOT_FOUND"),
        ):  # fmt: skip
            response = await ann.ask(path, app)
            assert (response.status_code, response.json()["name"]) == (404, name)
        assert (await ann.ask("streams/cam")).json()["live"] is True
        await bob.close()


async def test_history_in_mongodb_is_there_after_a_restart(tmp_path: Path) -> None:
    async with replica_set(tmp_path) as mongo:
        store = StoreSettings(url=mongo.url)
        async with backend(store=store) as ann:
            talk = await Talk.begin(ann.gateway)
            before = await ann.look("rooms/room/quality", lambda told: kinds(told) >= {"join", "play", "stream", "measure"})
            await talk.end()
        async with backend(store=store) as again:
            after = await again.look("rooms/room/quality?limit=1000")
        assert after["timeline"][: len(before["timeline"])] == before["timeline"]
        assert (after["live"], after["timeline"][-1]["kind"]) == (False, "leave")


async def test_who_comes_back_after_a_restart_has_joined_once(tmp_path: Path) -> None:
    async with replica_set(tmp_path) as mongo:
        store = StoreSettings(url=mongo.url)
        async with backend(store=store) as ann:
            bob = await Client.login(ann.gateway, "bob")
        async with backend(store=store) as again:
            back = await Client.login(again.gateway, "bob", instead_of=bob)
            assert back.login_result["resumed"]
            await back.call("setRole", role="audience")
            await back.call("logout")
            told = await again.look("rooms/room/quality", lambda told: "leave" in kinds(told))
            assert [entry["kind"] for entry in told["timeline"]] == ["join", "leave"]
            await back.close()
        await bob.close()


async def test_while_mongodb_is_away_the_past_is_refused_and_the_call_goes_on(tmp_path: Path) -> None:
    async with replica_set(tmp_path) as mongo, backend(store=StoreSettings(url=mongo.url)) as ann:
        bob = await Client.login(ann.gateway, "bob")
        [member] = mongo.members
        await member.kill()
        for path in ("rooms/room", "streams/cam"):
            response = await ann.ask(path)
            assert (response.status_code, response.json()["name"]) == (503, "STORE_UNAVAILABLE")
            assert ("limit=0" in response.json()["message"]) == (path == "rooms/room"), "of the room that is there it helps"
            assert "retry-after" in response.headers
        assert (await ann.look("rooms/room/quality?limit=0"))["live"] is True
        cat = await Client.login(ann.gateway, "cat")
        await member.start()
        await mongo.primary()
        async with asyncio.timeout(DEADLINE):
            while (response := await ann.ask("rooms/room")).status_code == 503:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        joined = [entry["userID"] for entry in response.json()["timeline"] if entry["kind"] == "join"]
        assert joined == ["bob", "cat"]
        await bob.close()
        await cat.close()
