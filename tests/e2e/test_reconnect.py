"""A publisher's network may break: viewers stay, nobody is told before the grace is over, playing goes on.

And nobody can break a stream that is alive: a second pusher is refused and disturbs nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.app import Gateway
from tests.support.gateway import Client, RemoteError, config, running, url_of
from tests.support.media_client import until
from tests.support.rtmp_client import RtmpRefusedError
from tests.support.stamps import DEADLINE, FPS, GOP, FlvViewer, RtmpViewer, Source, Viewing

AWAY = 1.5
"""Seconds for which a publisher's network is broken, where that passes before the grace does."""
LONG = 60.0
"""Seconds: more than any test waits for anything, so that what happens did not happen because these were over."""


class Call:
    """Anna publishes `cam`; Bert plays it over RTMP and over HTTP-FLV."""

    def __init__(self, anna: Client, bert: Client, push: str, source: Source, viewers: list[Viewing]) -> None:
        self.anna, self.bert = anna, bert
        self.push = push
        self.source = source
        self.viewers = viewers
        self._before = len(bert.events)

    async def all_see(self, number: int) -> None:
        for viewer in self.viewers:
            await viewer.sees(number)

    def heard(self) -> list[str]:
        """What Bert heard of streams since all this was set up."""
        return [event["params"]["type"] for event in self.bert.events[self._before :] if event["method"] == "streams"]


@asynccontextmanager
async def calling(**media: float) -> AsyncIterator[tuple[Gateway, Call]]:
    async with running(config(media=media)) as gateway:
        anna, bert = await Client.login(gateway, "anna"), await Client.login(gateway, "bert")
        push = url_of(await anna.call("publish", streamID="cam"))
        source = await Source.push(push)
        await bert.event("streams", lambda params: params["streams"][0]["media"] == ["audio", "video"])
        play = await bert.call("play", streamID="cam")
        viewers = [await RtmpViewer.play(url_of(play)), await FlvViewer.play(url_of(play, "flv"))]
        call = Call(anna, bert, push, source, viewers)
        await call.all_see(GOP)
        yield gateway, call
        for viewer in viewers:
            await viewer.close()
        for client in (anna, bert):
            await client.close()


def expire_keys(gateway: Gateway) -> None:
    """All keys so far are too old for a first connection: the gateway's calendar goes forward by what they last."""
    gateway.grants._now = lambda: time.time() + gateway.config.media.key_ttl + 1


@pytest.mark.parametrize("way", ["reset", "drop", "silent"])
async def test_a_publisher_that_comes_back_with_the_same_address_goes_on_as_if_nothing_had_been(way: str) -> None:
    begun = time.monotonic()
    async with calling() as (gateway, call):
        lost = call.source
        if way == "reset":
            await lost.reset()
        elif way == "drop":
            await lost.drop()
        else:
            lost.freeze()
        expire_keys(gateway)
        await asyncio.sleep(AWAY)
        source = await Source.push(call.push, first=1000)
        await call.all_see(1000 + 2 * GOP)
        for viewer in call.viewers:
            old = [number for number in viewer.numbers if number < 1000]
            new = [number for number in viewer.numbers if number >= 1000]
            assert old == list(range(old[0], old[-1] + 1))
            assert lost.number - old[-1] <= 2  # what was on its way when the network broke
            assert new == list(range(1000, new[-1] + 1))
            assert viewer.steady
            gap = viewer.picture_times[len(old)] - viewer.picture_times[len(old) - 1]
            assert 1000 * (AWAY - 0.5) < gap < 1000 * (time.monotonic() - begun)  # the time that has passed
        assert call.heard() == []
        assert [event["params"]["state"] for event in call.bert.heard("playerState")] == ["PLAY_REQUESTING", "PLAYING"]
        told = [(event["params"]["state"], event["params"]["code"]) for event in call.anna.heard("publisherState")]
        assert told == [
            ("PUBLISH_REQUESTING", 0), ("PUBLISHING", 0), ("PUBLISH_REQUESTING", 1003020), ("PUBLISHING", 0),
        ]  # fmt: skip
        if way == "silent":
            await lost.client.reset()
        await source.close()


async def test_after_the_grace_everyone_is_told_once_and_let_go_and_the_address_still_works() -> None:
    async with calling(publish_grace=0.6) as (gateway, call):
        await call.source.reset()
        gone = await call.bert.event("streams", lambda params: params["type"] == "DELETE")
        assert gone["params"]["reason"] == {"code": 5, "name": "offline"}
        for viewer in call.viewers:
            await viewer.ends()
        assert isinstance(call.viewers[1], FlvViewer)
        assert call.viewers[1].complete
        await call.anna.event("publisherState", lambda params: params["code"] == 1003021)
        await call.bert.event("playerState", lambda params: params["state"] == "NO_PLAY")
        await asyncio.sleep(1)  # nothing more is heard
        assert call.heard() == ["DELETE"]
        expire_keys(gateway)
        source = await Source.push(call.push, first=500)
        heard = len(call.bert.events)
        await call.bert.event("streams", lambda params: params["type"] == "ADD", since=heard - 1)
        play = await call.bert.call("play", streamID="cam")
        viewer = await RtmpViewer.play(url_of(play))
        await viewer.sees(500 + GOP)
        assert call.heard()[:2] == ["DELETE", "ADD"]
        assert call.heard().count("ADD") == 1
        await viewer.close()
        await source.close()


async def test_a_second_pusher_of_a_live_address_is_refused_and_disturbs_nothing() -> None:
    """Both times are longer than usual: no machine is so slow that a publisher on it would be silent for so long."""
    async with calling(takeover_hold=5.0, takeover_silence=4.0) as (_, call):
        begun = asyncio.get_running_loop().time()
        with pytest.raises(RtmpRefusedError) as refused:
            await Source.push(call.push, first=9000)
        waited = asyncio.get_running_loop().time() - begun
        assert refused.value.code == "NetStream.Publish.BadName"
        assert "1003023 ALREADY_PUBLISHING" in refused.value.description
        assert 4.5 < waited < DEADLINE
        await call.all_see(call.source.number + GOP)
        for viewer in call.viewers:
            assert not viewer.missing
            assert viewer.in_order
            assert viewer.steady
            assert max(viewer.numbers) < 9000
        assert call.heard() == []
        assert not call.source.cut.is_set()
        await call.source.close()


async def test_a_third_pusher_does_not_wait_in_line() -> None:
    async with calling(takeover_hold=LONG, takeover_silence=LONG) as (gateway, call):
        second = asyncio.create_task(Source.push(call.push))
        await until(lambda: bool(gateway.streams._takers), "somebody in line")
        with pytest.raises(RtmpRefusedError, match="1003023"):
            await Source.push(call.push)
        assert not second.done(), "the one in line goes on waiting"
        await call.source.reset()
        await (await second).close()


async def test_a_silent_publisher_gives_way_after_two_seconds() -> None:
    async with calling(takeover_hold=LONG) as (_, call):
        call.source.freeze()
        begun = asyncio.get_running_loop().time()
        source = await Source.push(call.push, first=1000)
        assert 1.5 < asyncio.get_running_loop().time() - begun < DEADLINE
        await call.all_see(1000 + GOP)
        assert all(viewer.steady and viewer.in_order for viewer in call.viewers)
        assert call.heard() == []
        refused = await call.source.client.wait_for_refusal()  # when it wakes up, it is told why
        assert "1003023" in refused.description
        await call.source.drop()
        await source.close()


async def test_a_waiting_pusher_gets_its_turn_when_the_first_one_ends() -> None:
    async with calling(takeover_hold=LONG, takeover_silence=LONG) as (gateway, call):
        second = asyncio.create_task(Source.push(call.push, first=1000))
        await until(lambda: bool(gateway.streams._takers), "somebody in line")
        await call.source.reset()
        source = await asyncio.wait_for(second, DEADLINE)
        await call.all_see(1000 + GOP)
        assert call.heard() == []
        await source.close()


async def test_the_same_streamid_from_another_room_is_refused_and_from_another_app_is_fine() -> None:
    async with calling() as (gateway, call):
        carl = await Client.login(gateway, "carl", room="elsewhere")
        with pytest.raises(RemoteError) as refused:
            await carl.call("publish", streamID="cam")
        assert refused.value.code == 1003028
        assert refused.value.data["name"] == "STREAM_ID_TAKEN"
        dora = await Client.login(gateway, "dora", app="2")
        source = await Source.push(url_of(await dora.call("publish", streamID="cam")), first=7000)
        await dora.event("publisherState", lambda params: params["state"] == "PUBLISHING")
        seen = call.source.number
        await call.all_see(seen + FPS)
        assert all(max(viewer.numbers) < 7000 and not viewer.missing for viewer in call.viewers)
        await source.close()
        await call.source.close()
        for client in (carl, dora):
            await client.close()


@pytest.mark.parametrize("goodbye", ["FCUnpublish", "deleteStream", "closeStream"])
async def test_a_goodbye_withdraws_the_stream_at_once(goodbye: str) -> None:
    async with calling(publish_grace=LONG) as (_, call):
        heard = len(call.bert.events)
        client = call.source.client
        if goodbye == "FCUnpublish":
            client.send_command("FCUnpublish", None, client.name, msid=0)
        elif goodbye == "deleteStream":
            client.send_command("deleteStream", None, float(client.msid), msid=0)
        else:
            client.send_command("closeStream", None)
        gone = await call.bert.event("streams", lambda params: params["type"] == "DELETE", since=heard)
        assert gone["params"]["reason"] == {"code": 1, "name": "stopped"}
        for viewer in call.viewers:
            await viewer.ends()
        await call.source.drop()


async def test_unpublish_withdraws_the_stream_at_once_and_cuts_the_publisher() -> None:
    async with calling(publish_grace=LONG) as (_, call):
        await call.anna.call("unpublish", streamID="cam")
        gone = await call.bert.event("streams", lambda params: params["type"] == "DELETE")
        assert gone["params"]["reason"]["code"] == 1
        await asyncio.wait_for(call.source.cut.wait(), DEADLINE)
        assert "NetStream.Publish.Denied" in call.source.client.status
        for viewer in call.viewers:
            await viewer.ends()
        await call.source.drop()
