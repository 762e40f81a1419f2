"""Where a published stream's media come from, and where a played stream's go. Nothing here knows of rooms or gateways.

A source is a track or tracks of aiortc's, an object with such (`audio`, `video`: aiortc's MediaPlayer), or a media file, which is
read over and over. A sink is a function that is given every decoded frame, or a file for the sound.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

import av
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, MediaStreamTrack, VideoStreamTrack
from av.bitstream import BitStreamFilterContext

Frame: TypeAlias = av.AudioFrame | av.VideoFrame
MediaFrame: TypeAlias = "Frame | av.Packet[Any]"
FrameSink: TypeAlias = Callable[[str, Frame], Awaitable[None] | None]
"""Called with `audio` or `video` and the frame."""
Sink: TypeAlias = FrameSink | str | Path | None

RATE = 48_000
SAMPLES = 960
"""Of one frame of sound: 20 ms."""

_log = logging.getLogger(__name__)


class Tracks(Protocol):
    """Anything with a track of each kind, or None."""

    @property
    def audio(self) -> MediaStreamTrack | None: ...

    @property
    def video(self) -> MediaStreamTrack | None: ...


Source: TypeAlias = MediaStreamTrack | Iterable[MediaStreamTrack] | Tracks | str | Path | None


def open_source(source: Source) -> dict[str, MediaStreamTrack]:
    """The tracks of a source, by their kind. None: silence, and a plain picture. Raises OSError, ValueError."""
    if source is None:
        return {"audio": AudioStreamTrack(), "video": VideoStreamTrack()}
    if isinstance(source, str | Path):
        return open_file(Path(source))
    if isinstance(source, MediaStreamTrack):
        return {source.kind: source}
    if isinstance(source, Iterable):
        return {track.kind: track for track in source}
    return {track.kind: track for track in (source.audio, source.video) if track is not None}


# Files -----------------------------------------------------------------------------------------------------------------


def open_file(path: Path) -> dict[str, MediaStreamTrack]:
    """A track for the first sound and one for the first picture of a file, in time with each other. Raises OSError."""
    with av.open(str(path)) as file:
        length = file.duration / av.time_base if file.duration else 0.0
        kinds = [kind for kind, streams in (("audio", file.streams.audio), ("video", file.streams.video)) if streams]
    start = _Start()
    return {kind: FileTrack(path, kind, length, start) for kind in kinds}


class _Start:
    """When a file's time 0 was, for all its tracks."""

    at: float | None = None


class FileTrack(MediaStreamTrack):
    """One medium of a file, at the pace of its time, over and over.

    H.264 without B-frames is handed out as it is in the file, so that sending it costs next to nothing; everything else is
    decoded. The file is read in another thread.
    """

    def __init__(self, path: Path, kind: str, length: float, start: _Start) -> None:
        super().__init__()
        self.kind = kind
        self._start = start
        self._media = _again_and_again(path, kind, length)
        self._next: asyncio.Task[MediaFrame | None] | None = None

    async def recv(self) -> Any:
        if self.readyState != "live":
            raise MediaStreamError
        if self._next is None:
            self._next = asyncio.create_task(asyncio.to_thread(next, self._media, None))
        try:
            media = await asyncio.shield(self._next)  # whoever waits may go, and another come: the thread reads on
        except (av.FFmpegError, OSError):
            media = None
        self._next = None
        if media is None or media.pts is None or media.time_base is None:
            self.stop()
            raise MediaStreamError
        now = time.monotonic()
        if self._start.at is None:
            self._start.at = now
        await asyncio.sleep(self._start.at + float(media.pts * media.time_base) - now)
        return media


def _again_and_again(path: Path, kind: str, length: float) -> Iterator[MediaFrame]:
    """All that a file has of a kind, with the times going on when it begins anew."""
    begin = 0.0
    while True:
        end = begin
        for media in _sound(path, begin) if kind == "audio" else _pictures(path, begin):
            assert media.pts is not None
            assert media.time_base is not None
            end = float(media.pts * media.time_base)
            yield media
        if end <= begin:
            return
        begin = max(begin + length, end + 0.01)


def _sound(path: Path, begin: float) -> Iterator[MediaFrame]:
    resampler = av.AudioResampler(format="s16", layout="stereo", rate=RATE, frame_size=SAMPLES)
    position = round(begin * RATE)
    with av.open(str(path)) as file:
        for decoded in file.decode(audio=0):
            for frame in resampler.resample(decoded):
                frame.pts, frame.time_base = position, Fraction(1, RATE)
                position += frame.samples
                yield frame


def _pictures(path: Path, begin: float) -> Iterator[MediaFrame]:
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        time_base = stream.time_base
        assert time_base is not None
        context = cast(Any, stream.codec_context)
        as_it_is = context.name == "h264" and not context.has_b_frames
        first: int | None = None
        for media in _packets(file, stream) if as_it_is else file.decode(stream):
            if media.pts is None:
                continue
            first = media.pts if first is None else first
            media.pts = media.pts - first + round(begin / time_base)
            media.time_base = time_base
            yield media


def _packets(file: Any, stream: Any) -> Iterator[av.Packet[Any]]:
    """Coded pictures in the form that aiortc sends: with start codes."""
    annex_b = BitStreamFilterContext("h264_mp4toannexb", stream)
    for packet in file.demux(stream):
        if packet.size:
            yield from annex_b.filter(packet)


# What one connection sends and gets ------------------------------------------------------------------------------------


class Tap(MediaStreamTrack):
    """A source's track on its way into one connection: it can be muted, and its end is not the source's."""

    def __init__(self, source: MediaStreamTrack) -> None:
        super().__init__()
        self.kind = source.kind
        self.muted = False
        self.frames = 0
        """Frames that came out of the source."""
        self._source = source

    async def recv(self) -> Any:
        while self.readyState == "live":
            media = await self._source.recv()
            self.frames += 1
            if not self.muted:
                return media
            if isinstance(media, av.AudioFrame):
                return _silent(media)
        raise MediaStreamError


def _silent(frame: av.AudioFrame) -> av.AudioFrame:
    """A frame that says nothing, in another one's place."""
    silent = av.AudioFrame(frame.format.name, frame.layout.name, frame.samples)
    for plane in silent.planes:
        plane.update(bytes(plane.buffer_size))
    silent.pts, silent.sample_rate = frame.pts, frame.sample_rate
    if frame.time_base is not None:
        silent.time_base = frame.time_base
    return silent


class Drain:
    """Takes what comes of one played stream, over any number of connections, and gives it to its sink."""

    def __init__(self, sink: Sink) -> None:
        """Raises OSError or ValueError if the sink is a file that cannot be written."""
        self.frames = {"audio": 0, "video": 0}
        """Frames decoded so far."""
        self.muted = {"audio": False, "video": False}
        """What is not given to the sink."""
        self._file = SoundFile(sink) if isinstance(sink, str | Path) else None
        self._sink = self._file.write if self._file else cast("FrameSink | None", sink)
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self, tracks: Iterable[MediaStreamTrack]) -> None:
        """Goes on with the tracks of a new connection."""
        for task in self._tasks:
            task.cancel()
        self._tasks = [asyncio.create_task(self._read(track)) for track in tracks]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._file is not None:
            self._file.close()

    async def _read(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                if isinstance(frame, Frame):
                    await self._take(track.kind, frame)
        except MediaStreamError:
            pass

    async def _take(self, kind: str, frame: Frame) -> None:
        self.frames[kind] += 1
        if self._sink is None or self.muted[kind]:
            return
        try:
            waiting = self._sink(kind, frame)
            if waiting is not None:
                await waiting
        except Exception:
            _log.exception("the sink raised")


class SoundFile:
    """A file for the sound of a stream, in its format's usual codec. Pictures are left out."""

    def __init__(self, path: str | Path) -> None:
        self._file = av.open(str(path), "w")
        self._stream: Any = self._file.add_stream(cast(Any, self._file).default_audio_codec, rate=RATE, layout="stereo")
        self._position = 0

    def write(self, kind: str, frame: Frame) -> None:
        if isinstance(frame, av.AudioFrame):
            frame.pts, frame.time_base = self._position, Fraction(1, frame.sample_rate)
            self._position += frame.samples
            self._file.mux(self._stream.encode(frame))

    def close(self) -> None:
        self._file.mux(self._stream.encode(None))
        self._file.close()
