"""The gateway is killed in the middle of a call and started again: who was there goes on, who stays away has left.

A real MongoDB keeps the state; the pushers are ffmpeg, started again with the same address whenever they end, as a
live-pusher tries again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from tests.e2e.conftest import Clip
from tests.support.gateway import APP, SECRET, Client, url_of
from tests.support.mongod import ReplicaSet, replica_set
from tests.support.ports import HOST, free_port
from tests.support.process import GatewayProcess, environment, serving
from tests.support.programs import started
from tests.support.scrape import metrics

WINDOW = 30
"""Seconds for those who were there to come back."""
SHORT_WINDOW = 6
"""The same, where it is waited for."""
USERS = ("ann", "bob", "cat", "dan")
PUSHERS = USERS[:2]


def settings(mongo: ReplicaSet, window: int) -> str:
    return f"""
shutdown_grace = 5
[listen]
host = "127.0.0.1"
public_host = "127.0.0.1"
[store]
url = "{mongo.url}"
recovery_window = {window}
[media]
publish_grace = 3
[apps.{APP}]
secret = "{SECRET}"
"""


class House:
    """A MongoDB, and the gateway's ports, which stay the same from one process to the next."""

    def __init__(self, mongo: ReplicaSet, folder: Path, window: int = WINDOW) -> None:
        self.mongo = mongo
        self._folder = folder
        self._window = window
        self._ports = [str(free_port()) for _ in range(2)]

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[GatewayProcess]:
        http, rtmp = self._ports
        words = ("--port", http, "--rtmp-port", rtmp)
        async with serving(self._folder, *words, settings=settings(self.mongo, self._window)) as gateway:
            yield gateway

    async def kill(self, gateway: GatewayProcess) -> None:
        """Ends it without a word."""
        os.kill(gateway.pid, signal.SIGKILL)
        await gateway.ended(10)

    async def events(self) -> list[dict[str, Any]]:
        """Every event in the store, in order."""
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(self.mongo.url)
        try:
            found = client["gateway"]["events"].find().sort([("epoch", 1), ("seq", 1)])
            return [event async for event in found]
        finally:
            await client.close()


@asynccontextmanager
async def pusher(clip: Clip, url: str) -> AsyncIterator[None]:
    """ffmpeg, over and over, until the block ends."""

    async def push() -> None:
        while True:
            source = ("-re", "-stream_loop", "-1", "-i", clip.path)
            async with started("ffmpeg", "-v", "quiet", "-nostdin", *source, "-c", "copy", "-f", "flv", url) as process:
                await process.wait()
            await asyncio.sleep(0.3)

    task = asyncio.create_task(push())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def stored(gateway: GatewayProcess) -> None:
    """Waits until all that happened so far is in the store."""
    async with asyncio.timeout(15):
        while (await metrics(gateway.addresses.http))["gateway_journal_pending"]:  # noqa: ASYNC110 - metrics announce nothing
            await asyncio.sleep(0.05)


async def comes_back(gateway: GatewayProcess, former: Client, user: str) -> Client:
    """The user's client goes on with its session."""
    return await Client.login(gateway, user, instead_of=former, userUpdate=True)


def added(user: str) -> Any:
    return lambda params: params["type"] == "ADD" and params["streams"][0]["streamID"] == f"{user}-camera"


async def test_a_call_of_four_goes_on_after_the_gateway_was_killed(tmp_path: Path, clip: Clip) -> None:
    async with replica_set(tmp_path) as mongo, AsyncExitStack() as pushers:
        house = House(mongo, tmp_path)
        async with house.gateway() as first:
            clients = {user: await Client.login(first, user, userUpdate=True) for user in USERS}
            for user in PUSHERS:
                url = url_of(await clients[user].call("publish", streamID=f"{user}-camera"))
                await pushers.enter_async_context(pusher(clip, url))
            for user in PUSHERS:
                await clients["dan"].event("streams", added(user))
            await clients["cat"].call("setRoomExtraInfo", key="topic", value="all of us")
            await stored(first)
            await house.kill(first)
        async with house.gateway() as second:
            back = {user: await comes_back(second, clients[user], user) for user in USERS}
            for user, client in back.items():
                assert client.login_result["resumed"], user
                assert client.login_result["sessionID"] == clients[user].login_result["sessionID"]
                assert {other["userID"] for other in client.login_result["users"]} == set(USERS) - {user}
                assert client.login_result["roomExtraInfo"]["topic"]
            for user in PUSHERS:
                await back["dan"].event("streams", added(user))
                assert back[user].login_result["publishing"] == [f"{user}-camera"]
            for client in back.values():
                assert not client.heard("users", type="DELETE")
            await pushers.aclose()
            for client in back.values():
                await client.call("logout")
            await stored(second)
            told = await metrics(second.addresses.http)
            assert (told["gateway_rooms"], told["gateway_store_healthy"], told["gateway_journal_lost_total"]) == (0, 1, 0)
        events = await house.events()
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert len({event["epoch"] for event in events}) == 2
        names = Counter(event["name"] for event in events)
        assert names["UserJoined"] == names["UserLeft"] == len(USERS)
        assert names["StreamAdded"] == names["StreamRemoved"] == 2 * len(PUSHERS)


@pytest.mark.alone
async def test_a_sudden_death_loses_the_last_moments_at_most_and_nothing_in_between(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    async with replica_set(tmp_path) as mongo:
        house = House(mongo, tmp_path)
        async with house.gateway() as first:
            ann, bob = [await Client.login(first, user, userUpdate=True) for user in PUSHERS]
            await stored(first)
            for number in range(40):
                await ann.call("sendBarrageMessage", message=f"number {number}")
                await asyncio.sleep(0.05)
            heard = max(event["params"]["seq"] for event in bob.heard("barrageMessage"))
            await house.kill(first)
        kept = [event["seq"] for event in await house.events()]
        assert kept == list(range(1, len(kept) + 1))
        lost = heard - len(kept)
        record_property("events lost by SIGKILL", lost)
        print(f"a sudden death lost {max(lost, 0)} of {heard} events")
        assert lost < 20, "one second of talk"
        async with house.gateway() as second:
            for former, user in ((ann, "ann"), (bob, "bob")):
                client = await comes_back(second, former, user)
                assert client.login_result["resumed"]
                await client.call("logout")
            await stored(second)
        names = Counter(event["name"] for event in await house.events())
        assert names["UserJoined"] == names["UserLeft"] == 2


async def test_who_stays_away_after_a_restart_has_left(tmp_path: Path, clip: Clip) -> None:
    async with replica_set(tmp_path) as mongo, AsyncExitStack() as pushers:
        house = House(mongo, tmp_path, SHORT_WINDOW)
        async with house.gateway() as first:
            ann, bob = [await Client.login(first, user, userUpdate=True) for user in PUSHERS]
            url = url_of(await ann.call("publish", streamID="ann-camera"))
            await pushers.enter_async_context(pusher(clip, url))
            await bob.event("streams", added("ann"))
            await stored(first)
            await house.kill(first)
        await pushers.aclose()
        async with house.gateway() as second:
            bob = await comes_back(second, bob, "bob")
            assert bob.login_result["resumed"]
            assert not bob.login_result["streams"]
            left = await bob.event("users", lambda params: params["type"] == "DELETE")
            assert [user["userID"] for user in left["params"]["users"]] == ["ann"]
            assert left["params"]["reason"]["name"] == "serverRestart"
            assert len(bob.heard("users", type="DELETE")) == 1
            late = await comes_back(second, ann, "ann")
            assert not late.login_result["resumed"]


async def test_what_ended_in_good_order_is_recovered_too(tmp_path: Path) -> None:
    async with replica_set(tmp_path) as mongo:
        house = House(mongo, tmp_path)
        async with house.gateway() as first:
            ann = await Client.login(first, "ann")
            first.terminate()
            assert await first.ended(15) == 0
        async with house.gateway() as second:
            ann = await comes_back(second, ann, "ann")
            assert ann.login_result["resumed"]


async def test_a_gateway_that_waits_for_its_store_can_be_told_to_end(tmp_path: Path) -> None:
    nowhere = free_port()
    file = tmp_path / "gateway.toml"
    url = f"mongodb://{HOST}:{nowhere}/?replicaSet=rs0&serverSelectionTimeoutMS=200"
    listen, store = f'[listen]\nhost = "{HOST}"\npublic_host = "{HOST}"\n', f'[store]\nurl = "{url}"\n'
    file.write_text(f'{listen}{store}[apps.{APP}]\nsecret = "{SECRET}"\n')
    ports = ("--port", "0", "--rtmp-port", "0", "--udp-port", "0")
    command = (sys.executable, "-m", "gateway", "serve", "--config", str(file), *ports)
    process = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL, stderr=PIPE, env=environment())
    try:
        assert process.stderr is not None
        async with asyncio.timeout(60):
            while b"the store does not answer" not in await process.stderr.readline():
                pass
            process.terminate()
            await process.communicate()  # up to the end of its words: an end of a pipe that is open outlives the event loop
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
