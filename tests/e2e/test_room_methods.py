"""The whole table of methods and events over real sockets, as it should be and as it should not: a call that has roles,
says things, renews its tokens, loses sockets, and is put out."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.auth.tokens import make_token
from gateway.config import Config
from gateway.signaling.events import EVENTS
from gateway.signaling.messages import METHODS
from tests.support.gateway import APP, DEADLINE, SECRET, Client, RemoteError, config, running, url_of
from tests.support.media_client import until
from tests.support.stamps import RtmpViewer, Source


def token(user: str, ttl: float = 3600, **claims: Any) -> str:
    return make_token(SECRET, APP, user, now=time.time(), ttl=ttl, **claims)


def with_app(settings: Config, **changes: Any) -> Config:
    return dataclasses.replace(settings, apps={APP: dataclasses.replace(settings.apps[APP], **changes)})


async def error(client: Client, method: str, **params: Any) -> tuple[int, str]:
    """The number and the advice with which a request is refused."""
    with pytest.raises(RemoteError) as refused:
        await client.call(method, **params)
    return refused.value.code, refused.value.data["retry"]


async def error_in_the_end(client: Client, method: str, **params: Any) -> tuple[int, str]:
    """The same of a request that is made over and over."""
    for _ in range(500):
        try:
            await client.call(method, **params)
        except RemoteError as refused:
            return refused.code, refused.data["retry"]
    raise AssertionError("it is never refused")


async def closed(client: Client) -> tuple[int | None, str | None]:
    """Waits for the server to close; its code and its reason."""
    await asyncio.wait_for(client.socket.wait_closed(), DEADLINE)
    return client.socket.close_code, client.socket.close_reason


@asynccontextmanager
async def call(**signaling: Any) -> AsyncIterator[tuple[Gateway, Client, Client, Source]]:
    """Ann on air, and Bob in the room with her."""
    async with running(config(signaling=signaling)) as gateway:
        ann = await Client.login(gateway, "ann", userUpdate=True)
        bob = await Client.login(gateway, "bob", userUpdate=True)
        source = await Source.push(url_of(await ann.call("publish", streamID="cam")))
        await bob.event("streams", lambda params: params["type"] == "ADD")
        try:
            yield gateway, ann, bob, source
        finally:
            await source.close()
            for client in (ann, bob):
                await client.close()


async def test_what_one_says_the_others_hear() -> None:
    async with call() as (gateway, ann, bob, _):
        cat = await Client.login(gateway, "cat", role="audience")
        number = (await ann.call("sendBroadcastMessage", message="hello"))["messageID"]
        heard = (await bob.event("broadcastMessage"))["params"]
        assert (heard["messageID"], heard["seq"], heard["message"]) == (number, number, "hello")
        assert heard["fromUser"] == {"userID": "ann", "userName": "ann"}
        assert abs(heard["sendTime"] / 1000 - time.time()) < 10
        text = (await cat.call("sendBarrageMessage", message="bravo"))["messageID"]
        assert (await ann.event("barrageMessage"))["params"]["messageID"] == text
        await ann.call("sendCustomCommand", message="lights on", toUserIDs=["bob"])
        await ann.call("sendCustomCommand", message="for all")
        await cat.event("customCommand", lambda params: params["message"] == "for all")
        assert [event["params"]["message"] for event in cat.heard("customCommand")] == ["for all"]
        assert len(bob.heard("customCommand")) == 2
        assert not ann.heard("broadcastMessage") + ann.heard("customCommand") + cat.heard("barrageMessage"), "nobody hears itself"
        for method in ("sendBroadcastMessage", "sendBarrageMessage", "sendCustomCommand"):
            assert await error(bob, method, message="") == (1009001, "never")
            assert await error(bob, method, message="x" * 1025) == (1009002, "never")
        assert await error_in_the_end(bob, "sendBroadcastMessage", message="more") == (1009015, "after")
        await cat.close()


async def test_what_is_kept_of_a_room_and_of_a_stream() -> None:
    async with call() as (gateway, ann, bob, _):
        await ann.call("setRoomExtraInfo", key="topic", value="tea")
        told = (await bob.event("roomExtraInfo"))["params"]
        assert (told["key"], told["value"], told["updateUser"]["userID"]) == ("topic", "tea", "ann")
        await ann.call("setStreamExtraInfo", streamID="cam", extraInfo="back camera")
        assert (await bob.event("streamExtraInfo"))["params"]["extraInfo"] == "back camera"
        cat = await Client.login(gateway, "cat")
        assert cat.login_result["roomExtraInfo"]["topic"]["value"] == "tea"
        assert cat.login_result["streams"][0]["extraInfo"] == "back camera"
        assert cat.login_result["onlineUserCount"] == 3
        refusals = {1002014: {"key": ""}, 1002015: {"key": "x" * 11}, 1002016: {"key": "x", "value": "x" * 101}}
        for code, params in refusals.items():
            assert await error(cat, "setRoomExtraInfo", **params) == (code, "never")
        assert await error(cat, "setStreamExtraInfo", streamID="cam", extraInfo="x") == (1004002, "after")
        assert await error(ann, "setStreamExtraInfo", streamID="cam", extraInfo="x" * 1025) == (1003051, "never")
        assert await error(ann, "setStreamExtraInfo", streamID="cam") == (1003050, "never")
        await cat.close()


async def test_a_broadcaster_who_joins_the_audience_is_cut_at_once_and_may_come_back() -> None:
    async with call() as (_, ann, bob, source):
        await ann.call("setRole", role="audience")
        await asyncio.wait_for(source.cut.wait(), DEADLINE)
        assert (await ann.event("role"))["params"]["role"] == "audience"
        gone = await bob.event("streams", lambda params: params["type"] == "DELETE")
        left = await bob.event("users", lambda params: params["type"] == "DELETE")
        assert gone["params"]["seq"] < left["params"]["seq"]
        assert await error(ann, "publish", streamID="cam") == (1003025, "never")
        heard = len(bob.events)
        await ann.call("setRole", role="broadcaster")
        joined = await bob.event("users", since=heard)
        assert (joined["params"]["type"], joined["params"]["users"][0]["userID"]) == ("ADD", "ann")
        again = await Source.push(url_of(await ann.call("publish", streamID="cam")))
        await bob.event("streams", lambda params: params["type"] == "ADD", since=heard)
        await again.close()


async def test_everyone_is_told_how_many_they_are() -> None:
    async with call(user_count_interval=0.3) as (gateway, ann, bob, _):
        cat = await Client.login(gateway, "cat", role="audience")
        for client in (ann, bob, cat):
            assert (await client.event("onlineUserCount", lambda params: params["count"] == 3))["params"]["roomID"] == "room"
        await cat.close()


async def test_a_kicked_user_is_cut_and_stays_away_and_so_is_a_closed_room() -> None:
    async with call() as (gateway, ann, bob, source):
        viewer = await RtmpViewer.play(url_of(await bob.call("play", streamID="cam")))
        sessions = gateway.signaling.sessions
        sessions.kick(APP, "ann", "room", "too loud")
        told = (await ann.event("kicked"))["params"]
        assert told == {"roomID": "room", "code": 1002055, "reason": "too loud", "retry": "never"}
        assert await closed(ann) == (4011, '{"code":1002055,"retry":"never"}')
        await asyncio.wait_for(source.cut.wait(), DEADLINE)
        await viewer.ends()
        left = await bob.event("users", lambda params: params["type"] == "DELETE")
        assert left["params"]["reason"] == {"code": 4, "name": "kicked"}
        with pytest.raises(RemoteError, match="1002055"):
            await Client.login(gateway, "ann", instead_of=ann)
        sessions.close_room(APP, "room", "good night")
        assert (await bob.event("roomClosed"))["params"]["reason"] == "good night"
        assert await closed(bob) == (4013, '{"code":1002055,"retry":"never"}')
        await until(lambda: gateway.snapshot().rooms == 0, "the room's end")
        await viewer.close()


async def test_a_forbidden_stream_is_cut_and_refused_until_it_is_permitted_again() -> None:
    async with call() as (gateway, ann, bob, source):
        viewer = await RtmpViewer.play(url_of(await bob.call("play", streamID="cam")))
        gateway.registry.forbid_stream(APP, "cam")
        await asyncio.wait_for(source.cut.wait(), DEADLINE)
        await viewer.ends()
        assert (await ann.event("publisherState", lambda params: params["code"]))["params"]["code"] == 1003025
        assert (await bob.event("playerState", lambda params: params["code"]))["params"]["code"] == 1004025
        assert await error(ann, "publish", streamID="cam") == (1003025, "never")
        assert await error(bob, "play", streamID="cam", wait=True) == (1004025, "never")
        gateway.registry.resume_stream(APP, "cam")
        heard = len(bob.events)
        again = await Source.push(url_of(await ann.call("publish", streamID="cam")))
        await bob.event("streams", lambda params: params["type"] == "ADD", since=heard)
        await again.close()
        await viewer.close()


async def test_a_token_is_renewed_in_time_or_its_session_is_put_out() -> None:
    settings = with_app(config(signaling={"token_warning": 9.0}), token_expiry="kick")
    async with running(settings) as gateway:
        ann = await Client.login(gateway, "ann", token=token("ann", ttl=3))
        bob = await Client.login(gateway, "bob", token=token("bob", ttl=10))
        await asyncio.gather(*(client.event("tokenWillExpire") for client in (ann, bob)))
        renewed = await bob.call("renewToken", token=token("bob"))
        assert renewed["tokenExpiresAt"] / 1000 > time.time() + 3000
        assert await error(bob, "renewToken", token=token("ann")) == (1002077, "never")
        assert (await ann.event("kicked"))["params"]["code"] == 1002056
        assert await closed(ann) == (4012, '{"code":1002056,"retry":"never"}')
        with pytest.raises(RemoteError, match="1002056"):
            await Client.login(gateway, "ann", instead_of=ann)
        assert await bob.call("ping") == {}
        assert not bob.heard("kicked")
        await bob.close()


async def test_what_was_missed_while_the_socket_was_lost_comes_after_it_is_found_again() -> None:
    async with call() as (gateway, ann, bob, source):
        await bob.call("sendBroadcastMessage", message="heard")
        last_seq = (await ann.event("broadcastMessage"))["params"]["seq"]
        seen = source.number
        ann.socket.transport.abort()
        await until(lambda: gateway.snapshot().sessions["detached"] == 1, "the loss of the socket")
        await bob.call("sendBroadcastMessage", message="missed")
        await bob.call("setRoomExtraInfo", key="topic", value="tea")
        cat = await Client.login(gateway, "cat")
        resume = {"sessionID": ann.login_result["sessionID"], "lastSeq": last_seq}
        again = await Client.login(gateway, "ann", token="", resume=resume, userUpdate=True)
        result = again.login_result
        assert (result["resumed"], result["replayed"], result["publishing"]) == (True, 3, ["cam"])
        urls = await again.event("urls")
        events = [event for event in again.events if event["method"] != "quality"]
        assert [event["method"] for event in events] == [
            "broadcastMessage", "roomExtraInfo", "users", "publisherState", "urls",
        ]  # fmt: skip
        assert [event["params"]["seq"] for event in events[:3]] == [last_seq + 1, last_seq + 2, last_seq + 3]
        assert (events[0]["params"]["message"], events[3]["params"]["state"]) == ("missed", "PUBLISHING")
        assert urls["params"]["push"][0]["streamID"] == "cam"
        await until(lambda: source.number > seen and not source.cut.is_set(), "media that go on")
        assert not bob.heard("users", type="DELETE") + bob.heard("streams", type="DELETE")
        for client in (again, cat):
            await client.close()


async def test_a_user_in_several_rooms() -> None:
    async with running(with_app(config(), multi_room=True)) as gateway:
        one, other = [await Client.login(gateway, "ann", room=room) for room in ("one", "other")]
        again = await Client.login(gateway, "ann", room="one")
        assert (await closed(one))[0] == 4010
        assert (await one.event("kicked"))["params"]["code"] == 1002050
        assert await other.call("ping") == await again.call("ping") == {}
        for client in (other, again):
            await client.close()


async def test_reports_are_counted_with_and_without_an_answer() -> None:
    async with running() as gateway:
        ann = await Client.login(gateway, "ann")
        assert await ann.call("report", direction="push", event="bindnetstatus", data={"info": {"videoBitrate": 400}}) == {}
        await ann.socket.send('{"jsonrpc":"2.0","method":"report","params":{"direction":"pull","event":"stats","data":{}}}')
        assert await ann.call("ping") == {}
        assert gateway.watch.counters.reports == {("ws", "push", "bindnetstatus"): 1, ("ws", "pull", "stats"): 1}
        assert (await error(ann, "report", direction="push", event="stats", data={"x": "y" * 20_000}))[0] == -32602
        await ann.close()


@pytest.mark.parametrize("method", [name for name in METHODS if name not in ("login", "ping")])
async def test_before_login_nothing_is_done(method: str) -> None:
    params = {
        "streamID": "s", "sdp": "x", "role": "audience", "key": "k", "message": "x", "token": "t", "direction": "push",
        "event": "stats",
    }  # fmt: skip
    async with running() as gateway:
        ann = await Client.login(gateway, "ann")
        await ann.call("logout")
        assert await error(ann, method, **params) == (1000002, "never")
        await ann.close()


def test_every_event_is_tried_here_or_with_the_media() -> None:
    """So that one that is added is not forgotten."""
    elsewhere = {"mute", "publisherState", "playerState", "users", "streams", "quality"}
    here = {
        "role", "streamExtraInfo", "roomExtraInfo", "broadcastMessage", "barrageMessage", "customCommand", "urls",
        "onlineUserCount", "tokenWillExpire", "kicked", "roomClosed",
    }  # fmt: skip
    assert set(EVENTS) == elsewhere | here
