"""Numbered pictures through a real gateway: a source that counts what it pushes, and viewers that read the numbers.

Picture and sound are made up, not encoded: what counts is which of them arrive, once and in order. Each picture has its
number as SEI user data, as a real encoder's would have it, so nothing between source and viewer can tell the difference.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

from adapters.flv.demux import Demuxer
from adapters.flv.tags import audio_body, parse_audio, parse_video, video_body
from adapters.media.h264 import join_units, user_data, with_user_data
from adapters.media.units import AudioConfig, AudioUnit, Unit, VideoConfig, VideoUnit
from adapters.rtmp.messages import AUDIO, VIDEO
from tests.support.rtmp_client import RtmpClient, RtmpClosedError, RtmpRefusedError
from tests.support.streams import AUDIO_CONFIG, VIDEO_CONFIG

DEADLINE = 30.0
"""Seconds that anything may take at most."""
FPS = 25
GOP = 12
"""Pictures from one keyframe to the next."""
PICTURE_BYTES = 800
_UUID = b"numbered picture"
_SOUND_MS = 1024 / 48


def numbered(number: int, timestamp: int, *, keyframe: bool, size: int = PICTURE_BYTES) -> VideoUnit:
    """A picture with a number in it."""
    slice_ = bytes((0x65 if keyframe else 0x41,)) + bytes((0x88,)) * (size - 1)
    payload = with_user_data(join_units([slice_]), _UUID, number.to_bytes(4, "big"))
    return VideoUnit(timestamp, payload, keyframe)


def number_of(unit: VideoUnit) -> int:
    """The picture's number."""
    data = user_data(unit.payload, _UUID)
    assert data is not None, "a picture without a number"
    return int.from_bytes(data, "big")


def take_apart(url: str) -> tuple[str, int, str, str]:
    """An RTMP address as a client takes it: host, port, application, stream name with its query."""
    parts = urlsplit(url)
    application, _, name = parts.path.removeprefix("/").partition("/")
    return parts.hostname or "", parts.port or 1935, application, f"{name}?{parts.query}" if parts.query else name


class Source:
    """A publisher that pushes numbered pictures and sound in real time until it is stopped, one way or another."""

    def __init__(self, client: RtmpClient, first: int, picture_bytes: int) -> None:
        self.client = client
        self.number = first
        """The next picture's number."""
        self.cut = asyncio.Event()
        """Set when the server has closed the connection."""
        self._news = asyncio.Event()
        self._first = first
        self._size = picture_bytes
        self._tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._listen())]

    @classmethod
    async def push(cls, url: str, *, first: int = 0, picture_bytes: int = PICTURE_BYTES) -> Source:
        """Connects to a push address and begins. Raises RtmpRefusedError."""
        host, port, application, name = take_apart(url)
        client = await RtmpClient.connect(host, port, application)
        try:
            await client.publish(name)
        except RtmpRefusedError:
            await client.drop()
            raise
        return cls(client, first, picture_bytes)

    async def pushed(self, number: int) -> None:
        """Waits until picture `number` has been pushed."""
        async with asyncio.timeout(DEADLINE):
            while self.number <= number:
                self._news.clear()
                await self._news.wait()

    def freeze(self) -> None:
        """From now on it sends nothing and hears nothing, and its connection stays: as if its network were gone."""
        for task in self._tasks:
            task.cancel()

    async def reset(self) -> None:
        """Breaks the connection off (RST)."""
        self.freeze()
        await self.client.reset()

    async def drop(self) -> None:
        """Ends the connection without a word (FIN)."""
        self.freeze()
        await self.client.drop()

    async def close(self) -> None:
        """Says goodbye as clients do."""
        self.freeze()
        await self.client.close()

    async def _send(self) -> None:
        client, sound = self.client, 0.0
        client.send_metadata({"width": 640.0, "height": 480.0})
        client.send_video(0, video_body(VideoConfig(0, VIDEO_CONFIG)))
        client.send_audio(0, audio_body(AudioConfig(0, AUDIO_CONFIG)))
        begin = asyncio.get_running_loop().time()
        while True:
            index = self.number - self._first
            at = index * 1000 // FPS
            await asyncio.sleep(begin + at / 1000 - asyncio.get_running_loop().time())
            while sound <= at:
                client.send_audio(round(sound), audio_body(AudioUnit(0, b"\x21\x10" + self.number.to_bytes(4, "big"))))
                sound += _SOUND_MS
            client.send_video(at, video_body(numbered(self.number, at, keyframe=index % GOP == 0, size=self._size)))
            self.number += 1
            self._news.set()

    async def _listen(self) -> None:
        try:
            async for _ in self.client.messages(deadline=float("inf")):
                pass
        except RtmpClosedError:
            pass
        self._tasks[0].cancel()
        self.cut.set()


class Viewing:
    """What a viewer has got so far."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        """Of the pictures, in the order in which they came."""
        self.picture_times: list[int] = []
        self.sound_times: list[int] = []
        self.over = asyncio.Event()
        """Set when the server has ended the connection."""
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def until(self, true: Callable[[], bool]) -> None:
        """Waits until something is true of what came."""
        async with asyncio.timeout(DEADLINE):
            while not true():
                assert not self.over.is_set(), f"ended after pictures {self.numbers[:1]} to {self.numbers[-1:]}"
                self._news.clear()
                await self._news.wait()

    async def sees(self, number: int) -> None:
        """Waits until picture `number` or a later one came."""
        await self.until(lambda: bool(self.numbers) and self.numbers[-1] >= number)

    async def ends(self) -> None:
        """Waits until the server has ended the connection."""
        async with asyncio.timeout(DEADLINE):
            await self.over.wait()

    @property
    def missing(self) -> set[int]:
        """Pictures between the first and the last one that did not come."""
        return set(range(self.numbers[0], self.numbers[-1])) - set(self.numbers)

    @property
    def in_order(self) -> bool:
        """Every picture came once, after those before it."""
        return all(one < next_ for one, next_ in zip(self.numbers, self.numbers[1:], strict=False))

    @property
    def steady(self) -> bool:
        """No track's time ever ran back."""
        return all(times == sorted(times) for times in (self.picture_times, self.sound_times))

    def take(self, unit: Unit | None) -> None:
        if isinstance(unit, VideoUnit):
            self.numbers.append(number_of(unit))
            self.picture_times.append(unit.timestamp)
        elif isinstance(unit, AudioUnit):
            self.sound_times.append(unit.timestamp)
        self._news.set()

    def finish(self) -> None:
        self.over.set()
        self._news.set()


class RtmpViewer(Viewing):
    """A viewer over RTMP."""

    def __init__(self, client: RtmpClient) -> None:
        super().__init__()
        self.client = client
        self._task = asyncio.create_task(self._read())

    @classmethod
    async def play(cls, url: str) -> RtmpViewer:
        """Connects to a pull address. Raises RtmpRefusedError."""
        host, port, application, name = take_apart(url)
        client = await RtmpClient.connect(host, port, application)
        try:
            await client.play(name)
        except RtmpRefusedError:
            await client.drop()
            raise
        return cls(client)

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
        await self.client.drop()

    async def _read(self) -> None:
        try:
            async for message in self.client.messages(deadline=float("inf")):
                if message.type_id == VIDEO:
                    self.take(parse_video(message.timestamp, message.body))
                elif message.type_id == AUDIO:
                    self.take(parse_audio(message.timestamp, message.body))
        finally:
            self.finish()


class HttpRefusedError(Exception):
    """The server answered with something else than 200."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


class FlvViewer(Viewing):
    """A viewer over HTTP-FLV."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: dict[str, str]) -> None:
        super().__init__()
        self.headers = headers
        self.complete = False
        """The response came to its proper end."""
        self.transport = writer.transport
        self._reader = reader
        self._writer = writer
        self._task = asyncio.create_task(self._read())

    @classmethod
    async def play(cls, url: str, tls: ssl.SSLContext | None = None) -> FlvViewer:
        """Connects to a pull address. Raises HttpRefusedError."""
        parts = urlsplit(url)
        port = parts.port or (443 if tls else 80)
        async with asyncio.timeout(DEADLINE):
            reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=tls, limit=1 << 20)
            writer.write(f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            status = int(first.split()[1])
            if status != 200:
                body = await reader.readexactly(int(headers["content-length"]))
                writer.close()
                raise HttpRefusedError(status, body)
        assert headers["transfer-encoding"] == "chunked"
        return cls(reader, writer, headers)

    def stop_reading(self) -> None:
        """From now on it takes nothing more: its socket fills up."""
        if self._task:
            self._task.cancel()
        assert isinstance(self.transport, asyncio.ReadTransport)
        self.transport.pause_reading()

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
        self._writer.transport.abort()

    async def _read(self) -> None:
        demuxer = Demuxer()
        try:
            while size := int(await self._reader.readuntil(b"\r\n"), 16):
                for unit in demuxer.feed((await self._reader.readexactly(size + 2))[:-2]):
                    self.take(unit)
            self.complete = True
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.finish()
