"""Quality end to end: real media are measured, real clients report, and whoever is concerned hears of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.config import QualitySettings
from tests.e2e.conftest import FPS, NewCall
from tests.support.gateway import Client, config, running, url_of
from tests.support.media_client import Clip, Source, Viewer, until
from tests.support.programs import started

LIVELY = QualitySettings(sweep=0.5, notice=1.0)
"""So that tests need not wait for long."""
PLAYER = {"videoBitrate": 190, "audioBitrate": "47", "videoFPS": "14", "netSpeed": 240, "netQualityLevel": 1, "videoCache": 350}
"""What a live-player says, some of it as texts."""
STARVED = 0.25
"""Seconds without a processor, after which nobody can say what a call would have been judged to be with one."""
ATTEMPTS = 3


async def undisturbed(story: Callable[[], Awaitable[None]]) -> None:
    """Plays a story. A wrong end of it counts unless the machine let this process starve on the way: then it is played anew."""
    for attempt in range(1, ATTEMPTS + 1):
        pauses = [0.0]
        watching = asyncio.create_task(notice(pauses))
        try:
            await story()
            return
        except (AssertionError, TimeoutError):
            await asyncio.sleep(0.1)  # a pause that is ending now is noticed too
            if max(pauses) < STARVED or attempt == ATTEMPTS:
                raise
        finally:
            watching.cancel()


async def notice(pauses: list[float]) -> None:
    """By how many seconds this process comes too late, each time that it wants to do something; what it did itself in this time
    is its own fault."""
    while True:
        due, done = time.monotonic() + 0.02, time.process_time()
        await asyncio.sleep(0.02)
        pauses.append(time.monotonic() - due - (time.process_time() - done))


def verdicts(client: Client, leg: str) -> set[str]:
    """Every level of a leg that a client heard of."""
    told = [event["params"] for event in client.heard("quality")]
    if leg == "server":
        return {one["server"]["level"] for one in told}
    return {stream[leg]["level"] for one in told for stream in (*one["publishing"], *one["playing"]) if leg in stream}


async def report(client: Client, direction: str, event: str, **data: Any) -> None:
    await client.call("report", direction=direction, event=event, data=data)


@pytest.mark.alone
async def test_a_healthy_call_is_told_to_be_one_with_plausible_numbers(minute: Path) -> None:
    await undisturbed(lambda: healthy_call(minute))


async def healthy_call(minute: Path) -> None:
    async with running(config(quality=LIVELY)) as gateway:
        alice = await Client.login(gateway, "alice", qualityUpdate=True)
        bob = await Client.login(gateway, "bob", qualityUpdate=True)
        url = url_of(await alice.call("publish", streamID="cam"))
        async with started("ffmpeg", "-v", "error", "-re", "-i", minute, "-c", "copy", "-f", "flv", url):
            await alice.event("publisherState", lambda params: params["state"] == "PUBLISHING")
            viewer = await Viewer.play(gateway, bob, "rtmp", "cam")
            for _ in range(6):
                await report(bob, "pull", "bindnetstatus", info=PLAYER)
                await asyncio.sleep(1)
            published = (await alice.event("quality", lambda one: len(one["publishing"]) == 1, 3))["params"]["publishing"][0]
            seen = bob.heard("quality")[-1]["params"]["playing"][0]
            await viewer.leave()
        for client in (alice, bob):
            assert {*verdicts(client, "uplink"), *verdicts(client, "downlink"), *verdicts(client, "server")} == {"good"}
        sent, got = alice.heard("quality")[-1]["params"]["publishing"][0]["stats"], seen["stats"]
        assert published["streamID"] == seen["streamID"] == "cam"
        assert seen["blame"] is None
        assert (sent["video"]["frameWidth"], sent["video"]["frameHeight"]) == (320, 240)
        assert FPS - 3 <= sent["video"]["videoTransferFPS"] <= FPS + 3
        assert 60 <= sent["video"]["videoBitrate"] <= 600
        assert 30 <= sent["audio"]["audioBitrate"] <= 70
        assert (got["video"]["videoRenderFPS"], got["video"]["videoBitrate"], got["audio"]["audioBitrate"]) == (14, 190, 47)
        assert 0 <= sent["rtt"] < 100
        assert sent["video"]["videoQuality"] == got["video"]["videoQuality"] == 0
        for client in (alice, bob):
            await client.close()


async def test_a_publisher_that_falls_silent_is_blamed_and_forgiven(new_call: NewCall, clip: Clip) -> None:
    await undisturbed(lambda: blamed_and_forgiven(new_call, clip))


async def blamed_and_forgiven(new_call: NewCall, clip: Clip) -> None:
    async with new_call(quality=LIVELY) as call:
        source = await call.source(clip)
        sending = asyncio.create_task(source.forever())
        await call.added()
        viewer = await Viewer.play(call.gateway, call.bob, "flv", "cam")
        first = await call.bob.event("quality", lambda one: bool(one["playing"]))
        assert first["params"]["playing"][0]["blame"] is None
        await asyncio.sleep(4)  # a publisher that is new is not judged
        sending.cancel()
        await asyncio.wait([sending])
        blamed = await call.bob.event("quality", lambda one: one["playing"][0]["blame"] is not None)
        assert blamed["params"]["playing"][0]["blame"] == "uplink"
        evidence = (await call.alice.event("quality", lambda one: one["publishing"][0]["uplink"]["level"] == "bad"))["params"]
        assert {one["measure"] for one in evidence["publishing"][0]["uplink"]["evidence"]} & {"silence", "gap"}
        heard = len(call.bob.events)
        call.background(source)
        await call.bob.event("quality", lambda one: bool(one["playing"]) and one["playing"][0]["blame"] is None, heard)
        assert verdicts(call.bob, "downlink") == {"good"}
        await viewer.leave()


async def test_a_pusher_that_gave_up_begins_again_with_the_addresses_it_is_sent(new_call: NewCall, clip: Clip) -> None:
    async with new_call() as call:
        old = await call.address()
        source = await Source.publish(call.gateway, old, clip)
        sending = asyncio.create_task(source.forever())
        await call.added()
        viewer = await Viewer.play(call.gateway, call.bob, "rtmp", "cam")
        sending.cancel()
        await asyncio.wait([sending])
        legs = call.gateway.watch.book.uplinks.values()
        await until(lambda: any(leg.measured and leg.measured.silence >= 1 for leg in legs), "a half-open connection")
        await report(call.alice, "push", "bindstatechange", code=-1307, message="net disconnected")
        state = await call.alice.event("publisherState", lambda one: one["code"] == 1003020)
        assert state["params"]["state"] == "PUBLISH_REQUESTING"
        urls = (await call.alice.event("urls"))["params"]
        assert urls["pull"] == []
        new = url_of(urls["push"][0])
        for address in (new, old):
            seen, heard = len(viewer.pictures), len(call.alice.events)
            again = await Source.publish(call.gateway, address, clip)
            sending = asyncio.create_task(again.forever())
            await call.alice.event("publisherState", lambda one: one["state"] == "PUBLISHING", heard)
            await until(lambda seen=seen: len(viewer.pictures) > seen, "more pictures")  # type: ignore[misc]
            sending.cancel()
            await asyncio.wait([sending])
            await again.client.drop()
        assert call.bob.heard("streams", type="DELETE") == []
        assert call.gateway.watch.counters.urls == {"-1307": 1}
        await source.client.drop()
        await viewer.leave()


async def test_a_pusher_that_was_started_anew_before_its_report_came_through_goes_on(new_call: NewCall, clip: Clip) -> None:
    """What is reported while the network is away comes when it is back, behind whatever was done about it meanwhile."""
    await undisturbed(lambda: reported_late(new_call, clip))


async def reported_late(new_call: NewCall, clip: Clip) -> None:
    async with new_call() as call:
        call.background(await call.source(clip))
        await call.added()
        viewer = await Viewer.play(call.gateway, call.bob, "rtmp", "cam")
        await call.alice.event("quality")
        await report(call.alice, "push", "bindstatechange", code=-1307, message="net disconnected")
        await call.alice.event("urls")
        seen = len(viewer.pictures)
        await until(lambda: len(viewer.pictures) > seen + FPS, "a second's pictures")
        assert not [one for one in call.alice.heard("publisherState") if one["params"]["code"]]
        await viewer.leave()


async def test_a_player_that_gave_up_pulls_again(new_call: NewCall, clip: Clip) -> None:
    async with new_call() as call:
        call.background(await call.source(clip))
        await call.added()
        viewer = await Viewer.play(call.gateway, call.bob, "flv", "cam")
        legs, clock = call.gateway.watch.book.downlinks.values(), asyncio.get_running_loop().time
        await until(lambda: any(leg.measured and clock() - leg.measured.joined_at >= 5 for leg in legs), "a while's playing")
        await report(call.bob, "pull", "bindstatechange", code=-2301)
        await call.bob.event("playerState", lambda one: (one["state"], one["code"]) == ("PLAY_REQUESTING", 1004020))
        await viewer.end()
        urls = (await call.bob.event("urls"))["params"]
        assert [one["streamID"] for one in urls["pull"]] == ["cam"]
        again = await Viewer.play(call.gateway, call.bob, "flv", "cam")
        await until(lambda: len(again.pictures) > 3, "pictures")
        await again.leave()


async def test_after_a_resume_quality_is_told_again(new_call: NewCall, clip: Clip) -> None:
    await undisturbed(lambda: resumed(new_call, clip))


async def resumed(new_call: NewCall, clip: Clip) -> None:
    async with new_call(quality=LIVELY) as call:
        call.background(await call.source(clip))
        await call.added()
        await call.alice.event("quality")
        await call.alice.close()
        call.alice = await Client.login(call.gateway, "alice", instead_of=call.alice)
        (told,) = (await call.alice.event("quality"))["params"]["publishing"]
        assert (told["streamID"], told["uplink"]["level"]) == ("cam", "good")


async def test_what_became_of_a_call_is_kept(new_call: NewCall, clip: Clip) -> None:
    async with new_call(quality=LIVELY) as call:
        call.background(await call.source(clip))
        await call.added()
        viewer = await Viewer.play(call.gateway, call.bob, "rtmp", "cam")
        await call.bob.event("quality", lambda one: bool(one["playing"]))
        await report(call.alice, "push", "bindstatechange", code=1101)
        await report(call.bob, "pull", "bindnetstatus", info=PLAYER)
        kept = [one.entry for one in await call.gateway.history.timeline("1", room_id="room")]
        assert [one.at for one in kept] == sorted(one.at for one in kept)
        assert {(one.kind.value, one.user_id) for one in kept} >= {
            ("join", "alice"), ("join", "bob"), ("publish", "alice"), ("connect", "alice"), ("stream", "alice"),
            ("play", "bob"), ("connect", "bob"), ("measure", "alice"), ("measure", "bob"), ("code", "alice"), ("report", "bob"),
        }  # fmt: skip
        await viewer.leave()
