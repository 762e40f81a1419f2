"""One user, one session; one streamID, one publisher: over the processes of an app, whatever the store does meanwhile."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.addresses import Addresses
from gateway.auth.stream_keys import KeySigner
from gateway.config import AppSettings, MediaSettings, SignalingSettings, StoreSettings
from gateway.rooms.durability import Durability
from gateway.rooms.grants import Grants
from gateway.rooms.memory_store import MemoryRoomStore, MemoryState
from gateway.rooms.registry import Registry
from gateway.rooms.store import Claim, ClaimKind, RoomStore, StoreUnavailableError
from gateway.signaling.close import CloseReason
from gateway.signaling.conversations import Signaling
from gateway.signaling.methods import connect
from gateway.signaling.recovery import recover
from gateway.timers import Timers
from tests.contract.conftest import NewStore
from tests.support.lobby import SECRET, Lobby, Plane
from tests.support.talk import Peers, Socket

DEADLINE = 10.0
APPS = {"1": AppSettings(SECRET, debug=True), "2": AppSettings(SECRET, debug=True, multi_room=True)}
_ids = count()


class Process:
    """One process of the app, without sockets and media."""

    def __init__(self, store: RoomStore, name: str = "gateway", timeout: float = DEADLINE) -> None:
        clock = asyncio.get_running_loop().time
        self.room = f"room of {name}"
        """Rooms are not shared by processes."""
        self.durability = Durability(store, StoreSettings(journal_batch=0, claim_timeout=timeout), clock, time.time, name)
        self.settings = SignalingSettings(logins_per_second=1e5, logins_burst=100_000, requests_per_second=1e5)
        self.timers = Timers(clock)
        signers = {app: KeySigner(app_settings.secret) for app, app_settings in APPS.items()}
        grants = Grants(signers, 300, time.time, lambda: f"id-{next(_ids)}")
        self.registry = Registry(APPS, self.settings, MediaSettings(), grants, self.timers, self.durability.record)
        self.plane = Plane()
        self.registry.connect(self.plane)
        self.signaling = Signaling(
            self.settings, APPS, self.registry, Addresses("ws://h/ws", "http://h", "rtmp://h"), Peers(cast(Lobby, self)),
            lambda user: (), self.timers, clock, time.time, lambda: f"id-{next(_ids)}", random.Random(1),
            self.durability.claims,
        )  # fmt: skip

    async def start(self) -> None:
        taken = await self.durability.begin()
        for room in recover(taken.rooms, APPS, self.registry, self.signaling.sessions, self.settings, 60):
            self.durability.give_up(room.app, room.room_id)

    async def die(self) -> None:
        """Ends without a word to its clients. A transaction left half done would hold its documents for a minute."""
        await self.written()
        await self.durability.journal.stop()
        await self.durability.claims.close()

    async def written(self) -> None:
        assert await self.durability.flush(DEADLINE)

    async def settled(self) -> None:
        """All is written, and what follows from it has happened."""
        for _ in range(20):
            await self.written()
            await asyncio.gather(*self.durability.claims._tasks, return_exceptions=True)
            await asyncio.sleep(0)

    @property
    def users(self) -> list[str]:
        return sorted(one.session.user.id for one in self.signaling.sessions.by_id.values())

    def client(self) -> Client:
        return Client(self)

    async def login(self, user: str, room: str = "", **params: Any) -> Client:
        client = self.client()
        await client.login(user, room or self.room, **params)
        return client


class Client:
    """One client on one socket."""

    def __init__(self, process: Process) -> None:
        self.socket = Socket()
        conversation = connect(process.signaling, self.socket, f"192.0.2.{next(_ids)}")
        assert conversation is not None
        self.conversation = conversation
        self.session = ""
        self._number = count(1)

    async def ask(self, method: str, **params: Any) -> Any:
        """The reply; None: the socket is closed."""
        id = next(self._number)
        await self.conversation.receive(json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
        replies = [message for message in map(json.loads, self.socket.texts) if message.get("id") == id]
        assert len(replies) == 1 or self.closed
        return replies[0] if replies else None

    async def result(self, method: str, **params: Any) -> Any:
        reply = await self.ask(method, **params)
        assert "error" not in reply, reply
        return reply["result"]

    async def error(self, method: str, **params: Any) -> int:
        reply = await self.ask(method, **params)
        assert "result" not in reply, reply
        number: int = reply["error"]["code"]
        return number

    async def login(self, user: str, room: str, **params: Any) -> None:
        result = await self.result("login", **{"appID": "1", "roomID": room, "userID": user} | params)
        self.session = result["sessionID"]

    def heard(self, method: str) -> list[Any]:
        return [message["params"] for message in map(json.loads, self.socket.texts) if message.get("method") == method]

    @property
    def closed(self) -> CloseReason | None:
        return self.socket.closed[0] if self.socket.closed else None


@asynccontextmanager
async def processes(*stores: tuple[RoomStore, str], patience: float = DEADLINE) -> AsyncIterator[Sequence[Process]]:
    made = [Process(store, name, patience) for store, name in stores]
    for process in made:
        await process.start()
    try:
        yield made
    finally:
        for process in made:
            await process.die()


async def owner(store: RoomStore, id: str, kind: ClaimKind = "user", app: str = "1") -> str:
    """Who has an id; looking takes it if nobody has."""
    return (await store.claim(Claim(kind, app, id, "nobody", 0.0))).owner


class TestTwoProcesses:
    """They share a store, and nothing else."""

    @pytest.fixture
    async def pair(self, new_store: NewStore) -> AsyncIterator[Sequence[Process]]:
        async with processes((new_store("a"), "a"), (new_store("b"), "b")) as both:
            yield both

    @pytest.fixture
    def store(self, new_store: NewStore) -> RoomStore:
        """Another look at what both share."""
        return new_store("observer")

    async def test_a_login_takes_the_user_over(self, pair: Sequence[Process], store: RoomStore) -> None:
        a, b = pair
        first = await a.login("ann")
        assert await owner(store, "ann") == first.session
        second = await b.login("ann")
        assert await owner(store, "ann") == second.session
        await first.result("logout")
        await a.written()
        assert await owner(store, "ann") == second.session, "only its owner releases it"

    async def test_who_comes_back_to_a_forgotten_session_is_older_than_one_elsewhere(self, pair: Sequence[Process]) -> None:
        a, b = pair
        first = await a.login("ann")
        again = {"resume": {"sessionID": first.session, "lastSeq": 0}, "appID": "1", "roomID": "moved", "userID": "ann"}
        late = {**again, "roomID": a.room, "resume": {"sessionID": "forgotten", "lastSeq": 0}}
        assert (await b.client().result("login", **again))["resumed"] is False, "nothing newer than its own session"
        assert await a.client().error("login", **late) == 1002050
        await first.result("logout")
        assert await a.client().error("login", **late) == 1002050
        assert (a.users, b.users) == ([], ["ann"])

    async def test_a_users_rooms_are_apart_where_the_app_permits_several(
        self, pair: Sequence[Process], store: RoomStore
    ) -> None:
        a, b = pair
        first = await a.login("ann", "r", appID="2")
        second = await b.login("ann", "q", appID="2")
        assert await owner(store, "ann\nr", app="2") == first.session
        assert await owner(store, "ann\nq", app="2") == second.session

    async def test_a_stream_that_is_published_elsewhere_is_refused_and_nothing_stays_of_it(
        self, pair: Sequence[Process]
    ) -> None:
        a, b = pair
        ann, bob = await a.login("ann"), await b.login("bob")
        await ann.result("publish", streamID="cam")
        assert await bob.error("publish", streamID="cam") == 1003028
        assert await bob.error("publish", streamID="cam", transport="webrtc", sdp="sdp") == 1003028
        assert (len(b.registry.grants), b.registry.streams) == (0, {})
        assert cast(Any, b.signaling.peers).asked == []
        await bob.result("publish", streamID="other")
        await ann.result("publish", streamID="cam", extraInfo="an update asks nobody")
        await ann.result("unpublish", streamID="cam")
        await a.written()
        await bob.result("publish", streamID="cam")
        assert await ann.error("publish", streamID="cam") == 1003028

    async def test_a_lost_claim_ends_the_session_or_the_stream(self, pair: Sequence[Process], store: RoomStore) -> None:
        a, b = pair
        ann, bob, eve = await a.login("ann"), await a.login("bob"), await b.login("eve")
        await bob.result("publish", streamID="cam")
        grant = a.registry.streams["1", "cam"].grant
        claims = a.durability.claims
        await store.claim(Claim("user", "1", "ann", "elsewhere", 0.0), instead_of=ann.session)
        await store.claim(Claim("stream", "1", "cam", "elsewhere", 0.0), instead_of=grant.id)
        claims.affirm(ann.session)
        claims.affirm(grant.id)
        await a.settled()
        assert (a.users, b.users) == (["bob"], ["eve"])
        assert ann.closed is CloseReason.KICKED_BY_SAME_USER
        assert ann.heard("kicked")[0]["code"] == 1002050
        assert [(one["state"], one["code"]) for one in bob.heard("publisherState")] == [
            ("PUBLISH_REQUESTING", 0), ("NO_PUBLISH", 1003028),
        ]  # fmt: skip
        assert a.plane.cut_with(grant).number == 1003028
        assert (len(a.registry.grants), a.registry.streams, bob.closed, eve.closed) == (0, {}, None, None)
        assert await owner(store, "ann") == await owner(store, "cam", "stream") == "elsewhere"

    async def test_a_full_room_gives_the_id_back(self, pair: Sequence[Process], store: RoomStore) -> None:
        """The last place was taken while the store was asked."""
        a, _ = pair
        await a.login("bob", "full", maxMemberCount=2)
        ann = await a.login("ann", "r")
        ask = a.durability.claims.take

        async def meanwhile(*args: Any, **kwargs: Any) -> Any:
            a.durability.claims.take = ask  # type: ignore[method-assign]
            answer = await ask(*args, **kwargs)
            await a.login("cat", "full")
            return answer

        a.durability.claims.take = meanwhile  # type: ignore[method-assign]
        assert await a.client().error("login", appID="1", roomID="full", userID="ann") == 1002034
        assert a.users == ["ann", "bob", "cat"]
        await a.settled()
        assert await owner(store, "ann") == ann.session
        assert ann.closed is None

    async def test_what_is_left_is_released(self, pair: Sequence[Process], store: RoomStore) -> None:
        a, _ = pair
        ann, bob = await a.login("ann"), await a.login("bob")
        await ann.result("publish", streamID="cam")
        await bob.result("publish", streamID="mic")
        await ann.result("logout")
        a.signaling.sessions.kick("1", "bob")
        await a.written()
        assert [await owner(store, id) for id in ("ann", "bob")] == ["nobody"] * 2
        assert [await owner(store, id, "stream") for id in ("cam", "mic")] == ["nobody"] * 2
        assert len(a.durability.claims) == 0


class TestRestart:
    async def test_ids_of_what_was_taken_over_stay_taken(self, new_store: NewStore) -> None:
        async with processes((new_store("a"), "a"), (new_store("b"), "b")) as (a, b):
            ann = await a.login("ann")
            await ann.result("publish", streamID="cam")
            await a.die()
            async with processes((new_store("a"), "a")) as (again,):
                await again.settled()
                assert again.users == ["ann"]
                bob = await b.login("bob")
                assert await bob.error("publish", streamID="cam") == 1003028
                assert await owner(new_store("observer"), "ann") == ann.session
                again.signaling.sessions.kick("1", "ann")
                await again.written()
                await bob.result("publish", streamID="cam")

    async def test_who_was_taken_over_elsewhere_meanwhile_has_lost_it(self, new_store: NewStore) -> None:
        async with processes((new_store("a"), "a"), (new_store("b"), "b")) as (a, b):
            await a.login("ann")
            await a.login("bob")
            await a.die()
            ann = await b.login("ann")
            async with processes((new_store("a"), "a")) as (again,):
                await again.settled()
                assert again.users == ["bob"]
                assert (b.users, ann.closed) == (["ann"], None)


class Wayward(MemoryRoomStore):
    """A store whose claims meet their fates, one after the other, and then go well."""

    def __init__(self, state: MemoryState | None = None, process: str = "gateway", fates: Sequence[str] = ()) -> None:
        super().__init__(state, process)
        self.fates: Iterator[str] = iter([*fates])
        self.gate = asyncio.Event()
        """Opened, those that hang go on."""
        self.asked = 0

    async def claim(self, claim: Claim, instead_of: str | None = None) -> Claim:
        self.asked += 1
        fate = next(self.fates, "well")
        if fate == "fails":
            raise StoreUnavailableError
        if fate == "late":
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        if fate == "hangs":
            await self.gate.wait()
        stands = await super().claim(claim, instead_of)
        if fate == "dawdles":
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        if fate == "answers too late":
            await self.gate.wait()
        if fate == "reply lost":
            raise StoreUnavailableError
        return stands


SHORT = 0.02
"""Seconds that an answer is waited for where none comes."""


class TestNoAnswer:
    """Nobody is refused because the store is silent."""

    @pytest.mark.parametrize("fate", ["fails", "hangs", "reply lost", "answers too late"])
    async def test_ids_are_granted_and_asserted_later(self, fate: str) -> None:
        store = Wayward(fates=[fate] * 3)
        async with processes((store, "a"), patience=SHORT) as (a,):
            ann = await a.login("ann")
            await ann.result("publish", streamID="cam")
            await ann.result("publish", streamID="mic", transport="webrtc", sdp="sdp")
            await a.written()
            kept = {claim.id: claim.owner for claim in store.state.claims.values()}
            grants = {id: a.registry.streams["1", id].grant.id for id in ("cam", "mic")}
            assert kept == {"ann": ann.session} | grants
            assert store.asked == 3
            store.gate.set()
            await a.settled()
            assert a.users == ["ann"]
            assert ann.closed is None

    async def test_who_came_later_loses(self) -> None:
        state = MemoryState()
        slow = Wayward(state, "b", ["fails"] * 2)
        async with processes((MemoryRoomStore(state, "a"), "a"), (slow, "b"), patience=SHORT) as (a, b):
            first = await a.login("ann")
            publisher = await a.login("bob")
            await publisher.result("publish", streamID="cam")
            second = await b.login("ann")
            await b.settled()
            assert (first.closed, second.closed) == (None, CloseReason.KICKED_BY_SAME_USER)
            third = await b.login("eve")
            slow.fates = iter(["hangs"])
            await third.result("publish", streamID="cam")
            await b.settled()
            assert third.heard("publisherState")[-1]["code"] == 1003028
            assert (a.users, b.users) == (["ann", "bob"], ["eve"])

    async def test_one_who_follows_its_own_session_loses_nothing(self) -> None:
        store = Wayward()
        async with processes((store, "a"), patience=SHORT) as (a,):
            first = await a.login("ann")
            store.fates = iter(["fails"])
            second = await a.login("ann")
            await a.settled()
            assert (first.closed, second.closed) == (CloseReason.KICKED_BY_SAME_USER, None)
            assert store.state.claims["user", "1", "ann"].owner == second.session

    @pytest.mark.parametrize("fate", ["hangs", "answers too late", "reply lost"])
    async def test_a_login_that_is_broken_off_takes_nothing_from_the_one_who_is_there(self, fate: str) -> None:
        store = Wayward()
        async with processes((store, "a")) as (a,):
            first = await a.login("ann")
            store.fates = iter([fate])
            broken = asyncio.create_task(a.client().login("ann", a.room))
            while store.asked < 2:  # noqa: ASYNC110 - it lasts a few turns of the loop
                await asyncio.sleep(0)
            broken.cancel()
            await asyncio.wait([broken])
            store.gate.set()
            await a.settled()
            assert first.closed is None
            assert store.state.claims["user", "1", "ann"].owner == first.session

    @pytest.mark.parametrize("fate", ["hangs", "answers too late"])
    async def test_a_late_answer_gives_nothing_to_one_that_has_ended(self, fate: str) -> None:
        store = Wayward(fates=[fate] * 2)
        async with processes((store, "a"), patience=SHORT) as (a,):
            ann = await a.login("ann")
            await ann.result("publish", streamID="cam")
            await ann.result("logout")
            await a.written()
            store.gate.set()
            await a.settled()
            assert (store.state.claims, len(a.durability.claims)) == ({}, 0)

    async def test_an_id_left_by_an_owner_that_is_no_more_is_no_ones(self) -> None:
        """Its release got lost, and the store did not answer the one who follows."""
        store = Wayward(fates=["fails"])
        store.state.claims["user", "1", "ann"] = Claim("user", "1", "ann", "long gone", 0.0, "a")
        async with processes((store, "a"), patience=SHORT) as (a,):
            store.state.claims["user", "1", "ann"] = Claim("user", "1", "ann", "long gone", 0.0, "a")
            ann = await a.login("ann")
            await a.settled()
            assert (ann.closed, store.state.claims["user", "1", "ann"].owner) == (None, ann.session)


class TestMeanwhile:
    """What happens while the store is asked."""

    @asynccontextmanager
    async def asking(self, wish: Callable[[Process], Any], before: str = "hangs") -> AsyncIterator[Any]:
        store = Wayward(fates=[before])
        async with processes((store, "a")) as (a,):
            task = asyncio.create_task(wish(a))
            while not store.asked:  # noqa: ASYNC110
                await asyncio.sleep(0)
            yield a, store, task
            assert len(a.durability.claims) == len(store.state.claims)

    async def test_a_socket_that_is_being_closed_gets_no_session(self) -> None:
        clients: list[Client] = []

        async def wish(process: Process) -> None:
            clients.append(process.client())
            await clients[0].ask("login", appID="1", roomID="room", userID="ann")

        async with self.asking(wish) as (a, store, task):
            clients[0].conversation.close(CloseReason.SHUTTING_DOWN)
            store.gate.set()
            await task
            await a.settled()
            assert (a.users, store.state.claims) == ([], {})

    async def test_a_socket_that_breaks_leaves_nothing(self) -> None:
        async with self.asking(lambda process: process.login("ann")) as (a, store, task):
            task.cancel()
            await asyncio.wait([task])
            store.gate.set()
            await a.settled()
            assert (a.users, store.state.claims) == ([], {})

    async def test_a_session_that_is_put_out_publishes_nothing(self) -> None:
        store = Wayward(fates=["well", "hangs"])
        async with processes((store, "a")) as (a,):
            ann = await a.login("ann")
            publishing = asyncio.create_task(ann.ask("publish", streamID="cam"))
            while store.asked < 2:  # noqa: ASYNC110
                await asyncio.sleep(0)
            assert await (await a.login("bob")).error("publish", streamID="cam") == 1003028, "it is being published"
            a.signaling.sessions.kick("1", "ann")
            store.gate.set()
            await asyncio.wait([publishing])
            await a.settled()
            assert ann.closed is CloseReason.KICKED
            assert a.registry.streams == {}
            assert set(store.state.claims) == {("user", "1", "bob")}

    async def test_the_last_of_two_logins_at_once_stays(self) -> None:
        async with self.asking(lambda process: process.login("ann"), "answers too late") as (a, store, task):
            second = await a.login("ann")
            store.gate.set()
            await asyncio.wait([task])
            assert "1002050" in str(task.exception())
            await a.settled()
            assert (a.users, second.closed) == (["ann"], None)
            assert store.state.claims["user", "1", "ann"].owner == second.session


FATES = ["well", "late", "dawdles", "fails", "reply lost"]
_plans = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(["login", "again", "logout", "publish", "unpublish"]), st.integers(0, 4)),
    max_size=30,
)


@settings(max_examples=300, deadline=None)
@given(plan=_plans, fates=st.lists(st.sampled_from(FATES), max_size=40))
def test_in_the_end_each_id_is_had_once_or_not_at_all(plan: list[tuple[int, str, int]], fates: list[str]) -> None:
    """One user and one stream in two processes, at once and with a store that does what it likes."""
    asyncio.run(_play(plan, fates))


async def _play(plan: list[tuple[int, str, int]], fates: list[str]) -> None:
    state = MemoryState()
    stores = [Wayward(state, name, fates[at::2]) for at, name in enumerate("ab")]
    async with processes((stores[0], "a"), (stores[1], "b")) as both:
        clients: list[list[Client]] = [[both[0].client()], [both[1].client()]]
        doing: list[asyncio.Task[Any]] = []
        busy: set[Client] = set()

        async def act(client: Client, method: str, params: dict[str, Any]) -> None:
            await client.ask(method, **params)
            busy.discard(client)

        for at, wish, pause in plan:
            if wish == "again":
                clients[at].append(both[at].client())
            free = [client for client in clients[at] if client not in busy and client.closed is None]
            if free:
                method = "login" if wish == "again" else wish
                params = {"appID": "1", "roomID": both[at].room, "userID": "ann"} if method == "login" else {"streamID": "cam"}
                busy.add(free[-1])
                doing.append(asyncio.create_task(act(free[-1], method, params)))
            for _ in range(pause):
                await asyncio.sleep(0)
        await asyncio.gather(*doing)
        for process in (*both, *both):
            await process.settled()
        _check(state, both)
        for process in both:
            process.signaling.sessions.kick("1", "ann")
            await process.settled()
        assert state.claims == {}, "nothing is left"
        assert [len(process.durability.claims) for process in both] == [0, 0]


def _check(state: MemoryState, both: Sequence[Process]) -> None:
    owners = {claim.owner for claim in state.claims.values()}
    sessions = [set(process.signaling.sessions.by_id) for process in both]
    streams = [stream.grant.id for process in both for stream in process.registry.streams.values()]
    assert all(len(ids) <= 1 for ids in sessions)
    assert all(stream in owners for stream in streams), "a streamID has one publisher"
    assert len(streams) <= 1
    stands = state.claims.get(("user", "1", "ann"))
    there = set().union(*sessions)
    assert stands is None or stands.owner in there
