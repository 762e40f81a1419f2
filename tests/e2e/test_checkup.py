"""ffmpeg pushes streams that trouble viewers, and one that does not: what their publishers are told."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass

from gateway.app import Gateway
from gateway.quality.checkup import StreamFacts
from gateway.rooms.model import Grant
from tests.support.gateway import Client, Event, running, url_of
from tests.support.programs import started

SECONDS = 9
"""How long each pushes: a group of pictures of `LONG` seconds and some more."""
LONG = 6
FPS = 15


@dataclass(frozen=True)
class Push:
    """What ffmpeg is told, and what is to be found."""

    arguments: str
    findings: dict[str, str]


BASELINE = "-c:v libx264 -preset ultrafast -tune zerolatency -profile:v baseline -pix_fmt yuv420p -threads 1 -b:v 300k"
MONO = "-c:a aac -ac 1 -ar 48000 -b:a 48k"
PUSHES = {
    "clean": Push(f"{BASELINE} -g {2 * FPS} {MONO}", {}),
    "film": Push(
        f"-c:v libx264 -preset veryfast -profile:v high -pix_fmt yuv420p -threads 1 -bf 2 -b_strategy 0 "
        f"-rc-lookahead 0 -b:v 300k -g {LONG * FPS} -sc_threshold 0 {MONO}",
        {"B_FRAMES": "", "GOP_TOO_LONG": f"GOP {LONG:.1f} s"},
    ),
    "telephone": Push(f"{BASELINE} -g {2 * FPS} -c:a aac -ac 1 -ar 8000", {"AAC_RATE_UNUSUAL": "8000 Hz"}),
    "colourful": Push(
        f"-c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv444p -threads 1 -g {2 * FPS} {MONO}",
        {"PROFILE_UNUSUAL": "profile 244, 4:4:4, 8 bit"},
    ),
}


async def push(gateway: Gateway, name: str, call: AsyncExitStack) -> Client:
    """A user whose ffmpeg pushes in real time until it has pushed enough."""
    client = await Client.login(gateway, name)
    call.push_async_callback(client.close)
    url = url_of(await client.call("publish", streamID=name))
    sources = f"-re -f lavfi -i testsrc2=s=360x640:r={FPS} -re -f lavfi -i sine=f=440:r=48000"
    arguments = f"-v error -nostdin {sources} -t {SECONDS} {PUSHES[name].arguments} -f flv".split()
    ffmpeg = await call.enter_async_context(started("ffmpeg", *arguments, url))
    call.push_async_callback(_quiet, ffmpeg)
    return client


async def _quiet(process: asyncio.subprocess.Process) -> None:
    _, errors = await process.communicate()
    assert errors == b""


def found(events: list[Event]) -> list[dict[str, str]]:
    """Each time that a publisher was told of findings: their names, each with its detail."""
    told = [event["params"]["findings"] for event in events if event["params"].get("findings")]
    return [{finding["name"]: finding["detail"] for finding in findings} for findings in told]


async def test_publishers_are_told_what_to_change_and_only_that() -> None:
    async with running() as gateway, AsyncExitStack() as call:
        examined: list[str] = []
        judge = gateway.registry.examined

        def noted(grant: Grant, facts: StreamFacts) -> None:
            examined.append(grant.stream_id)
            judge(grant, facts)

        gateway.registry.examined = noted  # type: ignore[method-assign]
        clients = await asyncio.gather(*(push(gateway, name, call) for name in PUSHES))
        for client, push_made in zip(clients, PUSHES.values(), strict=True):
            await client.event("publisherState", lambda params: params["state"] == "NO_PUBLISH")
            expected = [push_made.findings] if push_made.findings else []
            assert found(client.heard("publisherState")) == expected
        assert sorted(examined) == sorted(PUSHES)
