"""Media clients of the tests' own: a source that numbers its pictures, and viewers that note what comes and when.

The media is real: H.264 and AAC units of a clip. A picture's number is put into it as SEI user data, which decoders
ignore, so what a viewer has got can be said picture by picture, whatever became of the timestamps.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from adapters.flv.demux import Demuxer
from adapters.flv.tags import audio_body, parse_audio, parse_video, video_body
from adapters.media.h264 import user_data, with_user_data
from adapters.media.units import AudioConfig, AudioUnit, Unit, VideoConfig, VideoUnit
from adapters.rtmp.messages import AUDIO, VIDEO
from gateway.app import Gateway
from gateway.rooms.model import BOTH_MEDIA, Medium
from tests.support.gateway import DEADLINE, Client, url_of
from tests.support.rtmp_client import RtmpClient

UUID = b"numbered picture"
HOST = "127.0.0.1"
AUDIO_ONLY, VIDEO_ONLY = frozenset({Medium.AUDIO}), frozenset({Medium.VIDEO})


_Result = TypeVar("_Result")


async def until(true: Callable[[], bool], what: str = "it") -> None:
    """Waits for something that nobody announces. Raises TimeoutError that says what did not happen."""
    end = time.monotonic() + DEADLINE
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen")
        await asyncio.sleep(0.01)


async def viewers(gateway: Gateway, count: int) -> None:
    """Waits until so many connections play."""
    await until(lambda: sum(gateway.snapshot().viewers.values()) == count, f"{count} viewers")


def name_of(url: str) -> str:
    """`STREAM?key=KEY` out of an RTMP address."""
    return url.split("/live/", 1)[1]


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording, taken apart."""

    path: Path
    audio: AudioConfig
    video: VideoConfig
    frames: tuple[AudioUnit | VideoUnit, ...]
    length: int
    """Milliseconds after which it can begin anew."""

    @classmethod
    def of(cls, path: Path, length: int) -> Self:
        units = Demuxer().feed(path.read_bytes())
        (audio,) = [unit for unit in units if isinstance(unit, AudioConfig)]
        (video,) = [unit for unit in units if isinstance(unit, VideoConfig)]
        frames = tuple(unit for unit in units if isinstance(unit, AudioUnit | VideoUnit))
        return cls(path, audio, video, frames, length)

    def endless(self) -> Iterator[AudioUnit | VideoUnit]:
        """The frames over and over, on one timeline."""
        start = 0
        while True:
            for frame in self.frames:
                if frame.timestamp < self.length:
                    yield frame.at(start + frame.timestamp)
            start += self.length


class Source:
    """A publisher over RTMP that sends a clip in real time, each picture with its number."""

    def __init__(self, client: RtmpClient, clip: Clip, media: frozenset[Medium] = BOTH_MEDIA) -> None:
        self.client = client
        self.sent: list[int] = []
        """The numbers of the pictures sent so far, in order."""
        self.sent_at: list[float] = []
        """When that was; one for each picture."""
        self.sounds = 0
        self.keyframes: list[int] = []
        """Which of the pictures are keyframes."""
        self.time = 0
        """Of the newest frame, in milliseconds."""
        self._clip = clip
        self._frames = clip.endless()
        self._start = 0
        """When the present clip began, in milliseconds."""
        self._media: frozenset[Medium] = frozenset()
        """What is being sent: its configuration has been."""
        self._wanted = media

    @classmethod
    async def publish(cls, gateway: Gateway, url: str, clip: Clip, media: frozenset[Medium] = BOTH_MEDIA) -> Self:
        """A source that has leave to publish and has sent nothing yet."""
        client = await RtmpClient.connect(HOST, gateway.rtmp.port)
        await client.publish(name_of(url))
        return cls(client, clip, media)

    def switch(self, media: frozenset[Medium]) -> None:
        """Turns the camera or the microphone off or on: it begins with its configuration, pictures with a keyframe."""
        self._wanted = media

    def change(self, clip: Clip) -> None:
        """Goes on with another clip, from its beginning, as an encoder does that is set anew."""
        self._clip, self._frames = clip, clip.endless()
        self._start = self.time + 1
        self._media = frozenset()

    async def run(self, seconds: float) -> None:
        """Sends what falls into the next seconds, each frame at its time."""
        begin, end = time.monotonic() - self.time / 1000, self.time + seconds * 1000
        for frame in self._frames:
            self.time = frame.timestamp + self._start
            await asyncio.sleep(max(0.0, begin + self.time / 1000 - time.monotonic()))
            self._send(frame)
            if self.time >= end:
                break

    async def run_until(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Sends until something has come to its end, however long that takes; what it ended with."""
        working = asyncio.create_task(work)
        while not working.done():
            await self.run(0.1)
        return await working

    async def forever(self) -> None:
        """Sends until cancelled."""
        await self.run(1e9)

    def _send(self, frame: AudioUnit | VideoUnit) -> None:
        medium = Medium.VIDEO if isinstance(frame, VideoUnit) else Medium.AUDIO
        if medium not in self._wanted:
            self._media -= {medium}
            return
        if isinstance(frame, VideoUnit):
            self._send_picture(frame)
            return
        if medium not in self._media:
            self._media |= {medium}
            self.client.send_audio(self.time, audio_body(self._clip.audio))
        self.sounds += 1
        self.client.send_audio(self.time, audio_body(frame))

    def _send_picture(self, frame: VideoUnit) -> None:
        if Medium.VIDEO not in self._media:
            if not frame.keyframe:
                return
            self._media |= {Medium.VIDEO}
            self.client.send_video(self.time, video_body(self._clip.video))
        number = len(self.sent)
        numbered = VideoUnit(self.time, with_user_data(frame.payload, UUID, number.to_bytes(4)), frame.keyframe)
        self.sent.append(number)
        self.sent_at.append(time.monotonic())
        if frame.keyframe:
            self.keyframes.append(number)
        self.client.send_video(self.time, video_body(numbered))


@dataclass(slots=True)
class Received:
    """One thing that a viewer got."""

    unit: Unit
    at: float
    """When it came."""
    number: int | None = None
    """A picture's number."""


class Viewer(ABC):
    """A player: notes all that comes, until its stream ends. `_read` is what differs from protocol to protocol."""

    def __init__(self, joined: float) -> None:
        self.joined = joined
        self.received: list[Received] = []
        self.ended_at: float | None = None
        self.failure = ""
        """Why it ended, if not as streams end."""
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def play(cls, gateway: Gateway, user: Client, protocol: str, stream: str, **wish: object) -> Viewer:
        """A viewer that has just been let in."""
        result = await user.call("play", streamID=stream, **wish)
        before = gateway.snapshot().viewers.get(protocol, 0)
        viewer = _VIEWERS[protocol](time.monotonic())
        ready = asyncio.Event()
        viewer._task = asyncio.create_task(viewer._run(gateway, url_of(result, protocol), ready))
        async with asyncio.timeout(DEADLINE):
            await ready.wait()
        await until(lambda: bool(viewer.over or gateway.snapshot().viewers.get(protocol, 0) > before), f"a {protocol} viewer")
        return viewer

    @property
    def over(self) -> bool:
        return self.ended_at is not None

    @property
    def numbers(self) -> list[int]:
        """Of the pictures so far."""
        return [one.number for one in self.received if one.number is not None]

    @property
    def sounds(self) -> list[Received]:
        return [one for one in self.received if isinstance(one.unit, AudioUnit)]

    @property
    def pictures(self) -> list[Received]:
        return [one for one in self.received if isinstance(one.unit, VideoUnit)]

    async def end(self) -> None:
        """Waits until the gateway has ended it."""
        assert self._task is not None
        async with asyncio.timeout(DEADLINE):
            await self._task

    async def leave(self) -> None:
        """Goes away by itself."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self, gateway: Gateway, url: str, ready: asyncio.Event) -> None:
        try:
            await self._read(gateway, url, ready)
        except (httpx.HTTPError, ConnectionError) as error:
            self.failure = repr(error)
        finally:
            self.ended_at = time.monotonic()
            ready.set()

    @abstractmethod
    async def _read(self, gateway: Gateway, url: str, ready: asyncio.Event) -> None:
        """Plays to the end, and notes what comes."""

    def _note(self, unit: Unit | None) -> None:
        if unit is None:
            return
        stamp = user_data(unit.payload, UUID) if isinstance(unit, VideoUnit) else None
        self.received.append(Received(unit, time.monotonic(), None if stamp is None else int.from_bytes(stamp)))


class RtmpViewer(Viewer):
    """Plays over RTMP."""

    async def _read(self, gateway: Gateway, url: str, ready: asyncio.Event) -> None:
        client = await RtmpClient.connect(HOST, gateway.rtmp.port)
        try:
            await client.play(name_of(url))
            ready.set()
            async for message in client.messages(DEADLINE):
                if message.type_id == VIDEO:
                    self._note(parse_video(message.timestamp, message.body))
                elif message.type_id == AUDIO:
                    self._note(parse_audio(message.timestamp, message.body))
        finally:
            await client.drop()


class FlvViewer(Viewer):
    """Plays over HTTP-FLV."""

    promised: frozenset[Medium] | None = None
    """What the file's header promises."""

    async def _read(self, gateway: Gateway, url: str, ready: asyncio.Event) -> None:
        demuxer = Demuxer()
        async with httpx.AsyncClient(timeout=DEADLINE) as http, http.stream("GET", url) as response:
            response.raise_for_status()
            ready.set()
            async for data in response.aiter_bytes():
                for unit in demuxer.feed(data):
                    self._note(unit)
                self.promised = demuxer.promised


_VIEWERS: dict[str, type[Viewer]] = {"rtmp": RtmpViewer, "flv": FlvViewer}
PROTOCOLS = tuple(_VIEWERS)


@dataclass(slots=True)
class Call:
    """A gateway, someone who publishes, someone who plays."""

    gateway: Gateway
    alice: Client
    bob: Client
    sources: list[Source] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def source(self, clip: Clip, media: frozenset[Medium] = BOTH_MEDIA, stream: str = "cam", **wish: object) -> Source:
        """Alice's source of a stream: it has leave to publish and has sent nothing yet."""
        source = await Source.publish(self.gateway, await self.address(stream, **wish), clip, media)
        self.sources.append(source)
        return source

    async def address(self, stream: str = "cam", **wish: object) -> str:
        """Where Alice may push."""
        return url_of(await self.alice.call("publish", streamID=stream, **wish))

    async def added(self, stream: str = "cam") -> dict[str, object]:
        """What Bob hears of a stream as it appears."""
        return await self.streams("ADD", lambda one: one["streamID"] == stream)

    async def streams(self, type: str, check: Callable[[dict[str, object]], bool] = lambda one: True) -> dict[str, object]:
        """What Bob hears: the stream of the first event of this type that is like this."""
        event = await self.bob.event("streams", lambda params: params["type"] == type and check(params["streams"][0]))
        stream: dict[str, object] = event["params"]["streams"][0]
        return stream

    def background(self, source: Source) -> None:
        """Lets a source send until the call is over."""
        self.tasks.append(asyncio.create_task(source.forever()))

    async def end(self) -> None:
        """Everyone leaves."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for source in self.sources:
            await source.client.drop()
        await self.alice.close()
        await self.bob.close()
