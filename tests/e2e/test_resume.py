"""A socket is lost in a call with real media, for a while, for too long, or for good: pictures go on where they should,
nothing is missed, and nobody else hears more of it than there is to hear."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.auth.tokens import make_token
from gateway.config import Config
from tests.support.gateway import APP, SECRET, Client, Event, RemoteError, config, running, url_of
from tests.support.media_client import until
from tests.support.rtmp_client import RtmpRefusedError
from tests.support.stamps import DEADLINE, FPS, GOP, FlvViewer, HttpRefusedError, RtmpViewer, Source, Viewing

CUT = 4.0
"""Seconds without a socket, where it comes back in time."""
WINDOW = 60.0
"""Seconds in which it may."""
SHORT_WINDOW = 1.0
"""The same, where it does not."""
SILENCE = 0.5
"""Seconds in which nothing more may be heard."""
TOKEN_LIFE = 7.0
"""Seconds: long enough to begin the call."""


@dataclass
class Call:
    """Ann and Bob see each other; Dan is in the room and hears all of it."""

    gateway: Gateway
    ann: Client
    bob: Client
    dan: Client
    cameras: dict[str, Source]
    anns: Sequence[Viewing]
    """Who plays Ann's camera: Bob, over RTMP and over HTTP-FLV."""
    bobs: Sequence[Viewing]
    """Who plays Bob's camera: Ann."""
    urls: dict[str, str]
    """Ann's: to push her camera, and to pull Bob's over RTMP and HTTP-FLV."""

    async def cut(self) -> None:
        """Ann's socket breaks; the gateway knows."""
        self.ann.socket.transport.abort()
        await until(lambda: self.gateway.snapshot().sessions["detached"] == 1, "the loss of the socket")

    async def resume(self, **params: Any) -> Client:
        """A new socket of Ann's wants to go on with her session."""
        resume = {"sessionID": self.ann.login_result["sessionID"], "lastSeq": last_seq(self.ann)}
        return await Client.login(self.gateway, "ann", token="", userUpdate=True, resume=resume, **params)

    async def media_go_on(self) -> None:
        """Every picture of the call so far was seen, in order, and more come."""
        for camera, viewers in (("ann", self.anns), ("bob", self.bobs)):
            number = self.cameras[camera].number
            for viewer in viewers:
                await viewer.sees(number + FPS)
                assert not viewer.missing
                assert viewer.in_order
                assert viewer.steady

    async def anns_media_end(self) -> None:
        """Whatever Ann sends and plays is cut, and so is what others play of hers; her addresses open nothing any more."""
        await asyncio.wait_for(self.cameras["ann"].cut.wait(), DEADLINE)
        for viewer in (*self.anns, *self.bobs):
            await viewer.ends()
        with pytest.raises(RtmpRefusedError):
            await Source.push(self.urls["push"])
        with pytest.raises(RtmpRefusedError):
            await RtmpViewer.play(self.urls["rtmp"])
        with pytest.raises(HttpRefusedError):
            await FlvViewer.play(self.urls["flv"])

    async def one_leave(self, reason: int) -> None:
        """Everyone else heard once that Ann's camera is gone and once that she is, and nothing more."""
        for other in (self.bob, self.dan):
            await other.event("users", deleted)
        await asyncio.sleep(SILENCE)
        for other in (self.bob, self.dan):
            ends = [event for event in numbered(other) if deleted(event["params"])]
            assert [event["method"] for event in ends] == ["streams", "users"]
            assert {event["params"]["reason"]["code"] for event in ends} == {reason}
            assert [user["userID"] for user in ends[1]["params"]["users"]] == ["ann"]


def last_seq(client: Client) -> int:
    """The newest of the room's events that a client knows of."""
    newest: int = max([client.login_result["seq"], *(event["params"]["seq"] for event in numbered(client))])
    return newest


def numbered(client: Client, since: int = 0) -> list[Event]:
    """What a client heard of the room after an event's number."""
    return [event for event in client.events if event["params"].get("seq", 0) > since]


def told(events: list[Event]) -> list[tuple[str, dict[str, Any]]]:
    return [(event["method"], event["params"]) for event in events]


def deleted(params: dict[str, Any]) -> bool:
    return params.get("type") == "DELETE"


@asynccontextmanager
async def calling(settings: Config, **anns: Any) -> AsyncIterator[Call]:
    """`anns`: further parameters of Ann's login."""
    async with running(settings) as gateway:
        ann = await Client.login(gateway, "ann", userUpdate=True, **anns)
        bob, dan = [await Client.login(gateway, user, userUpdate=True) for user in ("bob", "dan")]
        push = {name: url_of(await one.call("publish", streamID=f"{name}-cam")) for name, one in (("ann", ann), ("bob", bob))}
        cameras = {name: await Source.push(url) for name, url in push.items()}
        for camera in ("ann-cam", "bob-cam"):
            await dan.event("streams", lambda params, camera=camera: params["streams"][0]["streamID"] == camera)
        anns_camera, bobs_camera = await bob.call("play", streamID="ann-cam"), await ann.call("play", streamID="bob-cam")
        pull = {protocol: url_of(bobs_camera, protocol) for protocol in ("rtmp", "flv")}
        viewers: list[RtmpViewer | FlvViewer] = [
            await RtmpViewer.play(url_of(anns_camera)), await FlvViewer.play(url_of(anns_camera, "flv")),
            await RtmpViewer.play(pull["rtmp"]),
        ]  # fmt: skip
        for viewer in viewers:
            await viewer.sees(GOP)
        try:
            yield Call(gateway, ann, bob, dan, cameras, viewers[:2], viewers[2:], {"push": push["ann"], **pull})
        finally:
            for one in (*cameras.values(), *viewers, ann, bob, dan):
                await one.close()


async def much_happens(call: Call) -> None:
    """Something of every kind, while Ann is away."""
    bob = call.bob
    await bob.call("sendBroadcastMessage", message="where is ann")
    await bob.call("setRoomExtraInfo", key="topic", value="waiting")
    await bob.call("mute", streamID="bob-cam", audio=True)
    cat = await Client.login(call.gateway, "cat", userUpdate=True)
    camera = await Source.push(url_of(await cat.call("publish", streamID="cat-cam", extraInfo="new")))
    await call.dan.event("streams", lambda params: params["streams"][0]["streamID"] == "cat-cam")
    await cat.call("sendBarrageMessage", message="hello")
    await cat.call("setStreamExtraInfo", streamID="cat-cam", extraInfo="front camera")
    await cat.call("logout")
    await call.dan.event("users", deleted)
    await camera.cut.wait()
    await camera.drop()
    await cat.close()


async def test_who_comes_back_in_time_missed_nothing_and_nobody_noticed() -> None:
    async with calling(config(signaling={"resume_window": WINDOW})) as call:
        known = last_seq(call.ann)
        back_at = time.monotonic() + CUT
        await call.cut()
        before = len(call.dan.events)
        await much_happens(call)
        await asyncio.sleep(back_at - time.monotonic())
        again = await call.resume()
        result = again.login_result
        assert (result["resumed"], result["sessionID"]) == (True, call.ann.login_result["sessionID"])
        assert (result["publishing"], result["playing"]) == (["ann-cam"], ["bob-cam"])
        assert sorted(user["userID"] for user in result["users"]) == ["bob", "dan"]
        await call.bob.call("sendBroadcastMessage", message="there you are")
        await again.event("broadcastMessage", lambda params: params["message"] == "there you are")
        heard = numbered(again)
        assert [event["params"]["seq"] for event in heard] == list(range(known + 1, result["seq"] + 2))
        assert told(heard) == told(numbered(call.dan, known))
        assert not [event for event in call.dan.events[before:] if about_ann(event["params"])]
        await call.media_go_on()
        assert again.heard("publisherState")[0]["params"]["state"] == "PUBLISHING"
        await again.close()


def about_ann(params: dict[str, Any]) -> bool:
    users = [one["userID"] for one in (*params.get("users", ()), *params.get("streams", ()))]
    return "ann" in (*users, params.get("userID"))


async def test_who_comes_back_too_late_has_left_once_and_has_nothing_any_more() -> None:
    async with calling(config(signaling={"resume_window": SHORT_WINDOW})) as call:
        await call.cut()
        await call.one_leave(reason=2)
        await call.anns_media_end()
        resume = {"sessionID": call.ann.login_result["sessionID"], "lastSeq": 0}
        late = await Client.login(call.gateway, "ann", resume=resume)
        assert late.login_result["resumed"] is False
        assert late.login_result["publishing"] == late.login_result["playing"] == []
        assert url_of(await late.call("publish", streamID="ann-cam")) != call.urls["push"]
        await late.close()


async def test_a_reloaded_page_goes_on_beside_its_half_open_socket_and_counts_anew() -> None:
    async with calling(config(signaling={"resume_window": WINDOW})) as call:
        before = len(call.dan.events)
        again = await call.resume()
        assert again.login_result["resumed"] is True
        assert await again.call("mute", streamID="ann-cam", video=True) == {}  # its id was that of the older page's `publish`
        muted = await call.dan.event("mute", since=before)
        assert (muted["params"]["streamID"], muted["params"]["video"]) == ("ann-cam", True)
        await asyncio.wait_for(call.ann.socket.wait_closed(), DEADLINE)
        assert call.ann.socket.close_code == 4005
        assert told(call.dan.events[before:]) == told([muted])
        await call.media_go_on()
        await again.close()


async def test_who_was_kicked_while_away_is_told_so_however_often_it_comes() -> None:
    async with calling(config(signaling={"resume_window": WINDOW})) as call:
        await call.cut()
        call.gateway.signaling.sessions.kick(APP, "ann")
        await call.one_leave(reason=4)
        await call.anns_media_end()
        for _ in range(2):
            assert await refusal(call) == (1002055, "never")


async def test_a_token_that_ends_meanwhile_lets_its_session_go_on() -> None:
    async with calling(config(signaling={"resume_window": WINDOW}), token=short_token()) as call:
        await call.cut()
        await asyncio.sleep(call.ann.login_result["tokenExpiresAt"] / 1000 - time.time() + 0.1)
        again = await call.resume()
        assert again.login_result["resumed"] is True
        assert (await again.event("tokenWillExpire"))["params"]["seconds"] == 0
        with pytest.raises(RemoteError, match="1002078"):
            await again.call("publish", streamID="another")
        await call.media_go_on()
        assert not [event for event in call.dan.events if deleted(event["params"])]
        await again.close()


async def test_or_puts_it_out_where_the_app_wants_that() -> None:
    settings = config(signaling={"resume_window": WINDOW})
    strict = dataclasses.replace(settings, apps={APP: dataclasses.replace(settings.apps[APP], token_expiry="kick")})
    async with calling(strict, token=short_token()) as call:
        await call.cut()
        await call.one_leave(reason=4)
        await call.anns_media_end()
        assert await refusal(call) == (1002056, "never")


async def refusal(call: Call) -> tuple[int, str]:
    """The number and the advice with which Ann is refused."""
    with pytest.raises(RemoteError) as refused:
        await call.resume()
    return refused.value.code, refused.value.data["retry"]


def short_token() -> str:
    return make_token(SECRET, APP, "ann", now=time.time(), ttl=TOKEN_LIFE)
