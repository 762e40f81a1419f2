"""Stories of calls: most have one bad leg, some only look bad. Each is played as often as wanted, all at the same time.

A throttled link carries 60 % of its stream (RTMP, HTTP-FLV: nothing gets lost, everything waits), or loses every tenth
packet (WebRTC). A loaded process is one that gets a quarter of a processor.
"""

from __future__ import annotations

import asyncio
import os
import signal
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from gateway.quality.verdict import Leg
from gateway.rooms.model import BOTH_MEDIA
from tests.support.bad_network import Direction
from tests.support.callers import Caller
from tests.support.legs import PUBLISHER, Call, Fault, Outcome, Stage
from tests.support.media_client import AUDIO_ONLY, Source

SETTLED = 8.0
"""Seconds of an undisturbed call before something happens to it."""
HEALTHY = 120.0
INTERRUPTION = 12.0
"""Seconds of a phone call: longer than anything that might be a moment of bad network."""
CAMERA_OFF = 10.0
AFTERWARDS = 16.0
"""Seconds for which a call that only looked bad goes on."""
SHARE = 0.6
"""What a throttled link carries of its stream's bitrate."""
LOSS = 0.1
"""The part of the packets that a lossy link loses."""
STOPPED, RUNNING = 0.3, 0.1
"""Seconds, in turns, for which a starved process stands still and runs."""
REPORT_EVERY = 2.0

Story = Callable[[Stage, str], Awaitable[Outcome]]
"""Played on a stage, under a name."""


# Legs that go bad ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BadUplink:
    """The publisher's network becomes bad."""

    publish: str
    play: Sequence[str]
    told: bool = False
    """The publisher and a viewer report what they see of it."""

    async def __call__(self, stage: Stage, name: str) -> Outcome:
        async with stage.call(name) as call:
            await call.publish(self.publish)
            await call.play(*self.play)
            await asyncio.sleep(SETTLED)
            publisher, [viewer, *_] = call.publisher, call.viewers
            fault = Fault(Leg.UPLINK, call.everyone)
            _worsen(publisher, "up", self.publish, SHARE * stage.footage.bitrate)
            reporting = [viewer.background(_stutters(viewer)), publisher.background(_piles_up(publisher))] if self.told else []
            return await call.suffer(fault, _ending(publisher, reporting))


@dataclass(frozen=True, slots=True)
class BadDownlink:
    """The first viewer's network becomes bad."""

    publish: str
    play: Sequence[str]
    told: bool = False
    """The viewer reports what it sees of it."""

    async def __call__(self, stage: Stage, name: str) -> Outcome:
        async with stage.call(name) as call:
            await call.publish(self.publish)
            await call.play(*self.play)
            await asyncio.sleep(SETTLED)
            viewer = call.viewers[0]
            fault = Fault(Leg.DOWNLINK, [viewer])
            _worsen(viewer, "down", self.play[0], SHARE * stage.footage.bitrate)
            reporting = [viewer.background(_stutters(viewer))] if self.told else []
            return await call.suffer(fault, _ending(viewer, reporting))


async def loaded_server(stage: Stage, name: str, runs: int) -> AsyncIterator[Outcome]:
    """The process is starved so many times, and recovers in between. Nothing else may play on its stage."""
    async with stage.call(f"{name}-rtmp") as rtmp, stage.call(f"{name}-webrtc") as webrtc:
        calls = (rtmp, webrtc)
        for call, transport in zip(calls, ("rtmp", "whip"), strict=True):
            await call.publish(transport)
            await call.play("rtmp", "flv", "whep")
        for number in range(1, runs + 1):
            await asyncio.sleep(SETTLED)
            async with starved(stage.gateway.pid) as feed:
                suffering = [call.suffer(Fault(Leg.SERVER, call.everyone), feed) for call in calls]
                one, other = await asyncio.gather(*suffering)
            took = max(one.took, other.took) if one.took is not None and other.took is not None else None
            yield replace(one, name=f"{name}-{number}", took=took, wrong=[*one.wrong, *other.wrong])


def _worsen(caller: Caller, direction: Direction, transport: str, rate: float) -> None:
    if transport in ("whip", "whep"):
        caller.network.worsen(direction, loss=LOSS)
    else:
        caller.network.worsen(direction, rate=rate)


def _ending(caller: Caller, reporting: Sequence[asyncio.Task[None]]) -> Callable[[], None]:
    """What makes a caller's network good again, of which nobody complains any longer."""

    def end() -> None:
        caller.network.heal()
        for task in reporting:
            task.cancel()

    return end


@asynccontextmanager
async def starved(pid: int) -> AsyncIterator[Callable[[], object]]:
    """A process that gets a quarter of the time, until the block ends or what it yields is called."""

    async def take_turns() -> None:
        try:
            while True:
                os.kill(pid, signal.SIGSTOP)
                await asyncio.sleep(STOPPED)
                os.kill(pid, signal.SIGCONT)
                await asyncio.sleep(RUNNING)
        finally:
            os.kill(pid, signal.SIGCONT)

    turns = asyncio.create_task(take_turns())
    try:
        yield turns.cancel
    finally:
        turns.cancel()
        await asyncio.wait([turns])


# Calls that only look bad ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Healthy:
    """Nothing happens, and everyone reports so."""

    publish: str
    play: Sequence[str]

    async def __call__(self, stage: Stage, name: str) -> Outcome:
        async with stage.call(name) as call:
            await call.publish(self.publish)
            await call.play(*self.play)
            for caller in call.everyone:
                caller.background(_reports_well(caller, "push" if caller is call.publisher else "pull"))
            await asyncio.sleep(HEALTHY)
            return call.judged()


@dataclass(frozen=True, slots=True)
class PhoneCall:
    """The publisher's phone rings, and it goes on afterwards. Viewers report that nothing comes, as they do."""

    clock_goes_on: bool
    """The publisher's timestamps count the interruption."""

    async def __call__(self, stage: Stage, name: str) -> Outcome:
        async with stage.call(name) as call:
            source = await _on_air(call)
            await source.run(SETTLED)
            await call.publisher.reports("push", "bindstatechange", code=5001, message="a phone call")
            stuttering = [viewer.background(_stutters(viewer, fps=0)) for viewer in call.viewers]
            await asyncio.sleep(INTERRUPTION)
            if self.clock_goes_on:
                source.time += round(INTERRUPTION * 1000)
            source.change(stage.footage.clip)
            for task in stuttering:
                task.cancel()
            await source.run(AFTERWARDS)
            return call.judged()


@dataclass(frozen=True, slots=True)
class CameraOffAndOn:
    """The publisher sends no pictures for a while."""

    announced: bool
    """It says so (`mute`)."""

    async def __call__(self, stage: Stage, name: str) -> Outcome:
        async with stage.call(name) as call:
            source = await _on_air(call)
            await source.run(SETTLED)
            for media, seconds in ((AUDIO_ONLY, CAMERA_OFF), (BOTH_MEDIA, AFTERWARDS)):
                if self.announced:
                    await call.publisher.client.call("mute", streamID=call.name, video=media is AUDIO_ONLY)
                source.switch(media)
                await source.run(seconds)
            return call.judged()


async def _on_air(call: Call) -> Source:
    """A call whose publisher is the tests' own."""
    publisher = await call.join(PUBLISHER)
    source = await publisher.source(call.name, call.footage)

    async def join() -> None:
        await publisher.publishes(call.name)
        await call.play("rtmp", "flv")

    joining = asyncio.create_task(join())
    while not joining.done():
        await source.run(0.2)
    await joining
    return source


# What components report ------------------------------------------------------------------------------------------------


async def _reports_well(caller: Caller, direction: str) -> None:
    """As a live-pusher and a live-player do, every two seconds."""
    cache = 0 if direction == "push" else 180
    while True:
        await caller.reports(direction, "bindnetstatus", info=_status(videoCache=cache, audioCache=cache))
        await asyncio.sleep(REPORT_EVERY)


async def _stutters(viewer: Caller, *, fps: int = 8) -> None:
    """A live-player whose cache runs dry."""
    status = _status(videoFPS=fps, netQualityLevel=5, videoCache=0, audioCache=0, netSpeed=120)
    while True:
        await viewer.reports("pull", "bindstatechange", code=2105, message="playing stutters")
        await viewer.reports("pull", "bindnetstatus", info=status)
        await asyncio.sleep(REPORT_EVERY)


async def _piles_up(publisher: Caller) -> None:
    """A live-pusher that cannot send as fast as it encodes: twelve pictures of every thirty wait."""
    await publisher.reports("push", "bindstatechange", code=1101, message="the network is busy")
    for frames in range(12, 1000, 12):
        await publisher.reports("push", "bindnetstatus", info=_status(netQualityLevel=5, videoCache=frames, netSpeed=200))
        await asyncio.sleep(REPORT_EVERY)


def _status(**rest: int) -> dict[str, int]:
    return {"videoBitrate": 300, "audioBitrate": 48, "videoFPS": 15, "netSpeed": 350, "netQualityLevel": 2, "netJitter": 9} | rest


async def attempted(stage: Stage, name: str, story: Story) -> Outcome:
    """How a story was judged. One that cannot be played to its end is wrong."""
    try:
        return await story(stage, name)
    except Exception:
        return Outcome(name, None, wrong=[traceback.format_exc()])


# The programme ---------------------------------------------------------------------------------------------------------

UPLINKS: Sequence[Story] = (
    BadUplink("rtmp", ("rtmp", "flv")),
    BadUplink("rtmp", ("flv", "whep"), told=True),
    BadUplink("rtmp", ("rtmp", "rtmp")),
    BadUplink("whip", ("whep", "rtmp")),
    BadUplink("whip", ("flv", "whep")),
)
DOWNLINKS: Sequence[Story] = (
    BadDownlink("rtmp", ("rtmp", "flv")),
    BadDownlink("rtmp", ("flv", "rtmp"), told=True),
    BadDownlink("whip", ("rtmp", "whep")),
    BadDownlink("rtmp", ("whep", "rtmp")),
    BadDownlink("whip", ("whep", "flv")),
)
INNOCENT: Mapping[str, Sequence[Story]] = {
    "healthy": (Healthy("rtmp", ("rtmp", "flv", "whep")), Healthy("whip", ("whep", "flv"))),
    "phone call": (PhoneCall(clock_goes_on=False), PhoneCall(clock_goes_on=True)),
    "camera": (CameraOffAndOn(announced=False), CameraOffAndOn(announced=True)),
}
