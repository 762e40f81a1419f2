"""Those who take part in a call with one bad leg: each with signaling of its own, and media over a network of its own.

Pushers over RTMP are ffmpeg, or the tests' own source where a phone call or a camera is part of the story. Whoever speaks
WebRTC is aiortc, which sends the clip's coded pictures as they are.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aioice.ice
import httpx
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from tests.bench.stock import Clip as CodedClip
from tests.bench.stock import Source as CodedTrack
from tests.bench.stock import pictures, sound
from tests.support.bad_network import Network
from tests.support.gateway import Client, Reachable, url_of
from tests.support.media_client import Clip, Source
from tests.support.programs import started
from tests.support.rtc_peer import RtcPeer, rtc_peer
from tests.support.rtmp_client import RtmpClient
from tests.support.stamps import take_apart
from tests.support.tools import program

HOST = "127.0.0.1"
CONNECT = 30.0
"""Seconds that a connection may take."""
CLIP_SECONDS = 10
_PICTURES = (
    "-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p",
    "-bf", "0", "-g", "30", "-keyint_min", "30", "-sc_threshold", "0", "-b:v", "300k", "-maxrate", "300k", "-bufsize", "300k",
    "-x264-params", "nal-hrd=cbr:threads=1",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Footage:
    """What everyone sends: 320x180 pixels at 15 pictures per second, a keyframe every 2 s, and sound."""

    clip: Clip
    """For RTMP."""
    pictures: CodedClip
    sound: CodedClip
    bitrate: float
    """Of both together as RTMP sends them, in bit/s."""

    @classmethod
    def make(cls, folder: Path) -> Self:
        flv, ogg = folder / "footage.flv", folder / "footage.ogg"
        sources = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=15", "-f", "lavfi", "-i", "sine=f=440:r=48000")
        quiet = (program("ffmpeg"), "-v", "error", "-nostdin", *sources, "-t", str(CLIP_SECONDS))
        subprocess.run([*quiet, *_PICTURES, "-c:a", "aac", "-b:a", "48k", "-ac", "1", flv], check=True)
        subprocess.run([*quiet, "-map", "1:a", "-c:a", "libopus", "-b:a", "48k", "-page_duration", "20000", ogg], check=True)
        bitrate = flv.stat().st_size * 8 / CLIP_SECONDS
        return cls(Clip.of(flv, CLIP_SECONDS * 1000), pictures(flv), sound(ogg), bitrate)


class Caller:
    """One user in one room. What it does goes on until the call's end, `exits`."""

    def __init__(self, user: str, client: Client, network: Network, exits: AsyncExitStack) -> None:
        self.user = user
        self.client = client
        self.network = network
        self.exits = exits

    @classmethod
    async def join(cls, gateway: Reachable, room: str, user: str, exits: AsyncExitStack, seed: int) -> Self:
        client = await Client.login(gateway, user, room)
        exits.push_async_callback(client.close)
        caller = cls(user, client, Network(exits, seed), exits)
        caller.background(caller._stay())
        return caller

    def background(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Does something until the call's end, or until the task is cancelled."""
        task = asyncio.create_task(work)

        async def stop() -> None:
            while not task.done():  # asyncio.wait_for of Python 3.11 forgets a cancellation that comes with the data
                task.cancel()
                await asyncio.wait([task], timeout=0.1)

        self.exits.push_async_callback(stop)
        return task

    # Publishing ----------------------------------------------------------------------------------------------------

    async def push(self, stream: str, footage: Footage) -> None:
        """Publishes with ffmpeg."""
        url = await self.network.url(await self._push_address(stream))
        loop = ("-re", "-stream_loop", "-1", "-i", footage.clip.path, "-c", "copy", "-f", "flv", url)
        await self.exits.enter_async_context(started("ffmpeg", "-v", "quiet", "-nostdin", *loop))
        await self.publishes(stream)

    async def source(self, stream: str, footage: Footage) -> Source:
        """Has leave to publish over RTMP, and has sent nothing yet."""
        client = await self._rtmp(await self._push_address(stream))
        await client.publish(client.name)
        self.background(_read(client))
        return Source(client, footage.clip)

    async def whip(self, stream: str, footage: Footage) -> None:
        """Publishes with aiortc."""
        peer = await self._peer()
        for medium, clip, rate in (("audio", footage.sound, 48_000), ("video", footage.pictures, 90_000)):
            track = CodedTrack(medium, clip, rate)
            peer.connection.addTransceiver(track, "sendonly")
        await self._connect(peer, await self.client.call("publish", streamID=stream, transport="whip"))
        await self.publishes(stream)

    async def publishes(self, stream: str) -> None:
        """Waits until its media have arrived."""
        await self.client.event("publisherState", lambda told: told["streamID"] == stream and told["state"] == "PUBLISHING")

    # Playing -------------------------------------------------------------------------------------------------------

    async def play(self, stream: str, transport: str) -> None:
        """Plays over `rtmp`, `flv` or `whep`, and looks at nothing of it."""
        result = await self.client.call("play", streamID=stream, transport=transport)
        match transport:
            case "rtmp":
                client = await self._rtmp(url_of(result))
                await client.play(client.name)
                self.background(_read(client))
            case "flv":
                self.background(_download(await self.network.url(url_of(result, "flv"))))
            case _:
                await self._watch(await self._peer(), result)
        await self.client.event("playerState", lambda told: told["streamID"] == stream and told["state"] == "PLAYING")

    async def _watch(self, peer: RtcPeer, result: dict[str, Any]) -> None:
        peer.connection.on("track", lambda track: self.background(_drain(track)))
        for medium in ("audio", "video"):
            peer.connection.addTransceiver(medium, direction="recvonly")
        await self._connect(peer, result)

    # Reporting -----------------------------------------------------------------------------------------------------

    async def reports(self, direction: str, event: str, **data: object) -> None:
        """Says what a component of its would say."""
        await self.client.call("report", direction=direction, event=event, data={"detail": data})

    # ---------------------------------------------------------------------------------------------------------------

    async def _stay(self) -> None:
        """Sends a sign of life before the gateway misses one."""
        while True:
            await asyncio.sleep(self.client.login_result["heartbeatMs"] / 2000)
            await self.client.call("ping")

    async def _push_address(self, stream: str) -> str:
        return url_of(await self.client.call("publish", streamID=stream, transport="rtmp"))

    async def _rtmp(self, url: str) -> RtmpClient:
        host, port, application, name = take_apart(await self.network.url(url))
        client = await RtmpClient.connect(host, port, application)
        client.name = name
        self.exits.push_async_callback(client.drop)
        return client

    async def _peer(self) -> RtcPeer:
        return await self.exits.enter_async_context(rtc_peer())

    async def _connect(self, peer: RtcPeer, result: dict[str, Any]) -> None:
        """Connects over WHIP or WHEP."""
        first = result["urls"][0]
        await peer.connection.setLocalDescription(await peer.connection.createOffer())
        headers = {"authorization": f"Bearer {first['key']}", "content-type": "application/sdp"}
        async with httpx.AsyncClient(trust_env=False, timeout=CONNECT) as http:
            response = await http.post(first["url"], content=peer.connection.localDescription.sdp, headers=headers)
        assert response.status_code == 201, response.text
        await peer.accept(await self.network.sdp(response.text))
        await peer.reaches("connected")


def stay_on_loopback() -> None:
    """Lets aiortc's peers of this process have 127.0.0.1 as their address, which they leave out otherwise."""
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [HOST] if use_ipv4 else []


async def _read(client: RtmpClient) -> None:
    async for _ in client.messages(float("inf")):
        pass


async def _download(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=None) as http, http.stream("GET", url) as response:
        async for _ in response.aiter_raw():
            pass


async def _drain(track: MediaStreamTrack) -> None:
    try:
        while True:
            await track.recv()
    except MediaStreamError:
        pass
