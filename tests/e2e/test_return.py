"""Many clients at once: they return after a restart without a crush, and a database that dies under them costs nobody
anything.

A real MongoDB and `gateway serve` as a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from gateway.auth.tokens import make_token
from tests.e2e.test_restart import House, stored
from tests.support.gateway import APP, SECRET, Client
from tests.support.mongod import ReplicaSet, replica_set
from tests.support.ports import free_port
from tests.support.process import GatewayProcess, serving
from tests.support.scrape import metrics

CLIENTS = 150
ROOM = 10
"""Clients in a room."""
SPREAD = 4.0
"""Seconds over which those who are told to come back are spread."""
SLACK = 15.0
"""Seconds beyond the advice in which the last one has to be back: a process starts, and refuses who comes too fast."""
PATIENCE = 2.0
"""A client that finds nobody there tries again within so many seconds."""
TALKERS = 40
COMPANY = 5
"""Talkers in a room."""
OUTAGE = 5.0
"""Seconds for which the database is dead."""
DEADLINE = 60.0


def settings(mongo: ReplicaSet, **signaling: float) -> str:
    bounds = {"sockets_before_login": 10 * CLIENTS, "overload_spread": SPREAD, **signaling}
    lines = "\n".join(f"{name} = {value}" for name, value in bounds.items())
    return f"""
shutdown_grace = 10
shutdown_spread = {SPREAD}
[listen]
host = "127.0.0.1"
public_host = "127.0.0.1"
[store]
url = "{mongo.url}"
[signaling]
{lines}
[apps.{APP}]
secret = "{SECRET}"
"""


@asynccontextmanager
async def gateway(folder: Path, ports: list[int], text: str) -> AsyncIterator[GatewayProcess]:
    words = ("--port", str(ports[0]), "--rtmp-port", str(ports[1]))
    async with serving(folder, *words, settings=text) as process:
        yield process


# Those who return -----------------------------------------------------------------------------------------------------


@dataclass
class Guest:
    """A client that wants to stay in its room, whatever happens to its socket, and comes when it is told to."""

    address: str
    number: int
    session: str = ""
    logins: list[tuple[float, float]] = field(default_factory=list)
    """When it asked to be let in, and when it was."""
    resumed: list[bool] = field(default_factory=list)
    told: float = 0.0
    """The moment at which it was told to come back as its socket was closed."""
    put_off: int = 0
    """How often it was refused after it had been let in."""

    async def stay(self) -> None:
        while True:
            try:
                async with connect(self.address, proxy=None, compression=None) as ws:
                    advised = await self._visit(ws)
            except (OSError, InvalidHandshake, ConnectionClosed):
                advised = None
            if advised is None:
                await asyncio.sleep(PATIENCE * random.random())
            else:
                await asyncio.sleep(advised)

    async def _visit(self, ws: ClientConnection) -> float | None:
        """Logs in and stays to the socket's end. Seconds after which to come again; None: nothing was said."""
        try:
            asked = time.monotonic()
            await ws.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "login", "params": self._login()}))
            reply = json.loads(await ws.recv())
            if "error" in reply:
                self.put_off += bool(self.logins)
                return float(reply["error"]["data"]["afterMs"]) / 1000
            self.logins.append((asked, time.monotonic()))
            self.session = reply["result"]["sessionID"]
            self.resumed.append(reply["result"]["resumed"])
            while True:
                await ws.recv()
        except ConnectionClosed:
            advice = json.loads(ws.close_reason or "{}")
            if "afterMs" not in advice:
                return None
            self.told = time.monotonic() + advice["afterMs"] / 1000
            return float(advice["afterMs"]) / 1000

    def _login(self) -> dict[str, Any]:
        user = f"guest {self.number}"
        place = {"appID": APP, "roomID": f"room {self.number // ROOM}", "userID": user}
        if self.session:
            return place | {"resume": {"sessionID": self.session, "lastSeq": 0}}
        return place | {"token": make_token(SECRET, APP, user, now=time.time(), ttl=3600)}


class Crowd:
    """All the guests."""

    def __init__(self, address: str) -> None:
        self.guests = [Guest(address, number) for number in range(CLIENTS)]
        self._tasks = [asyncio.create_task(guest.stay()) for guest in self.guests]

    async def inside(self, times: int) -> None:
        """Waits until each was let in so many times."""
        async with asyncio.timeout(DEADLINE):
            while not all(len(guest.logins) == times for guest in self.guests):
                failed = [task for task in self._tasks if task.done()]
                assert not failed, failed[0]
                await asyncio.sleep(0.05)

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    def returns(self) -> list[tuple[float, float]]:
        """When each asked to be let in again, and when it was, in order."""
        return sorted(guest.logins[1] for guest in self.guests)


def peak(spans: list[tuple[float, float]]) -> int:
    """The most of what began and ended within any one second: what happened in between for certain."""
    return max(sum(start <= begin and end <= start + 1 for begin, end in spans) for start, _ in spans)


@asynccontextmanager
async def crowd(address: str) -> AsyncIterator[Crowd]:
    found = Crowd(address)
    try:
        await found.inside(1)
        yield found
    finally:
        await found.leave()


def report(what: str, found: Crowd, since: float) -> None:
    returns = found.returns()
    put_off = sum(guest.put_off for guest in found.guests)
    took = f"the first after {min(returns)[1] - since:.1f} s, the last after {max(returns)[1] - since:.1f} s"
    print(f"\n{what}: {len(returns)} back, {took}, at most {peak(returns)} in a second, {put_off} logins put off")


async def test_clients_return_spread_out_after_a_restart(tmp_path: Path) -> None:
    ceiling = round(2 * CLIENTS / SPREAD)
    burst = ceiling // 4
    async with replica_set(tmp_path) as mongo:
        ports = [free_port(), free_port()]
        text = settings(mongo, logins_per_second=ceiling, logins_burst=burst)
        async with gateway(tmp_path, ports, text) as first, crowd(first.addresses.ws) as guests:
            since = time.monotonic()
            first.terminate()
            assert await first.ended(20) == 0
            async with gateway(tmp_path, ports, text) as second:
                await guests.inside(2)
                report("told to come back", guests, since)
                assert all(guest.resumed == [False, True] for guest in guests.guests)
                told_to = [guest.told for guest in guests.guests]
                assert since + 1 <= min(told_to) < max(told_to) < since + 1 + SPREAD + SLACK
                assert peak([(at, at) for at in told_to]) <= ceiling
                assert peak(guests.returns()) <= ceiling + burst
                assert all(guest.told <= guest.logins[1][0] for guest in guests.guests)
                assert max(guests.returns())[1] < since + 1 + SPREAD + SLACK
                told = await metrics(second.addresses.http)
                assert told['gateway_sessions{phase="attached"}'] == CLIENTS
                assert told.get('gateway_sessions{phase="detached"}', 0) == 0


async def test_clients_that_all_come_at_once_are_let_in_as_fast_as_is_permitted(tmp_path: Path) -> None:
    """The process was killed, so nobody was told when to come."""
    rate, burst = round(CLIENTS / 3), round(CLIENTS / 6)
    async with replica_set(tmp_path) as mongo:
        ports = [free_port(), free_port()]
        text = settings(mongo, logins_per_second=rate, logins_burst=burst)
        async with gateway(tmp_path, ports, text) as first, crowd(first.addresses.ws) as guests:
            await stored(first)
            since = time.monotonic()
            os.kill(first.pid, signal.SIGKILL)
            await first.ended(10)
            async with gateway(tmp_path, ports, text):
                await guests.inside(2)
                report("not told anything", guests, since)
                assert all(guest.resumed == [False, True] for guest in guests.guests)
                assert peak(guests.returns()) <= rate + burst
                assert max(guests.returns())[1] < since + CLIENTS / rate + SPREAD + SLACK


# Those who talk while the database is dead ----------------------------------------------------------------------------


@dataclass
class Talker:
    """A client that does something all the time."""

    gateway: GatewayProcess
    number: int
    said: list[int] = field(default_factory=list)
    """The numbers of its messages, as they were acknowledged."""
    requests: int = 0

    @property
    def room(self) -> str:
        return f"room {self.number // COMPANY}"

    async def talk(self, over: asyncio.Event) -> None:
        """Comes and goes, says and publishes, until it is over. Raises RemoteError if anything is refused."""
        turn = 0
        while not over.is_set():
            turn += 1
            client = await Client.login(self.gateway, f"talker {self.number}", self.room, userUpdate=True)
            try:
                for step in self._visit(client, turn):
                    self.requests += 1
                    reply = await step
                    if "messageID" in reply:
                        self.said.append(reply["messageID"])
                    await asyncio.sleep(0.5 + 0.2 * random.random())
                    if over.is_set():
                        break
                await client.call("logout")
                self.requests += 2
            finally:
                await client.close()

    def _visit(self, client: Client, turn: int) -> Iterator[Any]:
        stream, neighbour = f"talker-{self.number}", self.number // COMPANY * COMPANY + (self.number + 1) % COMPANY
        for time_ in range(3):
            yield client.call("sendBroadcastMessage", message=f"{turn}.{time_} of {self.number}")
            yield client.call("publish", streamID=stream, extraInfo=f"{turn}.{time_}")
            yield client.call("setRoomExtraInfo", key="topic", value=f"{turn}.{time_}")
            yield client.call("play", streamID=f"talker-{neighbour}", wait=True)
            yield client.call("sendCustomCommand", message="look here")
        yield client.call("unpublish", streamID=stream)


def by_room(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        found[event["room_id"]].append(event)
    return found


async def test_a_dead_database_fails_no_request_and_loses_no_event(tmp_path: Path) -> None:
    async with replica_set(tmp_path) as mongo:
        text = settings(mongo, commands_to_several=100, broadcasts_per_room=100)
        async with gateway(tmp_path, [free_port(), free_port()], text) as process:
            watchers = [await Client.login(process, f"watcher {at}", f"room {at}") for at in range(TALKERS // COMPANY)]
            over = asyncio.Event()
            talkers = [Talker(process, number) for number in range(TALKERS)]
            async with asyncio.TaskGroup() as talking:  # whatever is refused ends it at once
                for talker in talkers:
                    talking.create_task(talker.talk(over))
                await asyncio.sleep(2)
                await mongo.members[0].kill()
                before = sum(talker.requests for talker in talkers)
                await asyncio.sleep(OUTAGE)
                told = await metrics(process.addresses.http)
                assert told["gateway_store_healthy"] == 0
                assert told["gateway_journal_pending"] > TALKERS
                meanwhile = sum(talker.requests for talker in talkers) - before
                assert meanwhile > TALKERS * OUTAGE / 2
                await mongo.members[0].start()
                await asyncio.sleep(2)
                over.set()
            for watcher in watchers:
                await watcher.call("logout")
                await watcher.close()
            await stored(process)
            told = await metrics(process.addresses.http)
            assert (told["gateway_rooms"], told["gateway_store_healthy"], told["gateway_journal_lost_total"]) == (0, 1, 0)
        rooms = by_room(await House(mongo, tmp_path).events())
        print(f"\n{meanwhile} requests while the database was dead; {sum(map(len, rooms.values()))} events of {len(rooms)} rooms")
        assert len(rooms) == TALKERS // COMPANY
        for name, events in rooms.items():
            assert [event["seq"] for event in events] == list(range(1, len(events) + 1)), name
            names = [event["name"] for event in events]
            assert names.count("UserJoined") == names.count("UserLeft") > COMPANY
            said = sorted(number for talker in talkers if talker.room == name for number in talker.said)
            assert said
            assert set(said) <= {event["seq"] for event in events}
