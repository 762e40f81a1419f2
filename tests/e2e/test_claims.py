"""A gateway and a real MongoDB, in which someone else has an id already: another process of the same app would.

What the other process does is done by a store of that process's name; the gateway's own name cannot be set.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic, time

import pytest

from adapters.mongo.rooms import MongoRoomStore
from adapters.mongo.schema import connect
from gateway.rooms.store import Claim, ClaimKind
from tests.support.gateway import APP, SECRET, Client, RemoteError
from tests.support.mongod import ReplicaSet, replica_set
from tests.support.process import GatewayProcess, serving
from tests.support.scrape import metrics

DEADLINE = 30.0
CLAIM = 4.0
"""Seconds that the gateway waits for the store here: one that is there answers, however busy the machine is."""


def settings(mongo: ReplicaSet) -> str:
    return f"""
shutdown_grace = 5
[listen]
host = "127.0.0.1"
public_host = "127.0.0.1"
[store]
url = "{mongo.url}"
claim_timeout = {CLAIM}
[apps.{APP}]
secret = "{SECRET}"
"""


@asynccontextmanager
async def elsewhere(mongo: ReplicaSet) -> AsyncIterator[MongoRoomStore]:
    """The store as another process has it."""
    store = MongoRoomStore(connect(mongo.url), "gateway", monotonic, process="elsewhere", events_ttl=3600, claim_timeout=5)
    await store.open()
    await store.take_over(time())
    try:
        yield store
    finally:
        await store.close()


def claim(id: str, kind: ClaimKind, owner: str = "other") -> Claim:
    return Claim(kind, APP, id, owner, time())


async def stored(gateway: GatewayProcess) -> None:
    """Waits until all that happened so far is in the store."""
    async with asyncio.timeout(DEADLINE):
        while (await metrics(gateway.addresses.http))["gateway_journal_pending"]:  # noqa: ASYNC110 - metrics announce nothing
            await asyncio.sleep(0.05)


async def test_ids_are_had_once_over_all_processes(tmp_path: Path) -> None:
    async with (
        replica_set(tmp_path) as mongo, elsewhere(mongo) as other, serving(tmp_path, settings=settings(mongo)) as gateway
    ):  # fmt: skip
        await other.claim(claim("ann", "user"))
        await other.claim(claim("camera", "stream"))
        ann = await Client.login(gateway, "ann")
        assert (await other.claim(claim("ann", "user"))).owner == ann.login_result["sessionID"], "a login takes the user over"
        with pytest.raises(RemoteError) as refused:
            await ann.call("publish", streamID="camera")
        assert refused.value.code == 1003028
        await ann.call("publish", streamID="own")
        stands = await other.claim(claim("own", "stream"))
        assert stands.process == "gateway"
        await ann.call("logout")
        await stored(gateway)
        for id, kind in (("ann", "user"), ("own", "stream")):
            assert (await other.claim(claim(id, kind))).owner == "other", "what is left is released"  # type: ignore[arg-type]
        await ann.close()


async def test_a_dead_store_refuses_nobody_and_the_later_one_loses_afterwards(tmp_path: Path) -> None:
    async with replica_set(tmp_path) as mongo, serving(tmp_path, settings=settings(mongo)) as gateway:
        async with elsewhere(mongo) as other:
            await other.claim(claim("ann", "user"))
            await other.claim(claim("camera", "stream"))
        [member] = mongo.members
        await member.kill()
        ann, bob = await Client.login(gateway, "ann"), await Client.login(gateway, "bob")
        await bob.call("publish", streamID="camera")
        await bob.call("publish", streamID="own")
        await member.start()
        kicked = await ann.event("kicked")
        assert kicked["params"]["code"] == 1002050
        async with asyncio.timeout(DEADLINE):
            await ann.socket.wait_closed()
        assert ann.socket.close_code == 4010
        await bob.event("publisherState", lambda told: (told["streamID"], told["code"]) == ("camera", 1003028))
        with pytest.raises(RemoteError) as refused:
            await bob.call("publish", streamID="camera")
        assert refused.value.code == 1003028
        await stored(gateway)
        async with elsewhere(mongo) as other:
            assert (await other.claim(claim("bob", "user"))).owner == bob.login_result["sessionID"]
            assert (await other.claim(claim("own", "stream"))).process == "gateway"
            assert (await other.claim(claim("ann", "user"))).owner == "other"
        await bob.close()
