"""A whole call in one process: two users, real WebSockets, real RTMP pushes, real RTMP and HTTP-FLV pulls.

The gateway runs on free ports of loopback as `gateway serve` would run it. The users' media is encoded, pushed and
pulled by FFmpeg's libraries (PyAV), which know nothing of our code. Every picture carries its number and the moment it
was sent as SEI user data, which decoders ignore: what is counted at the end is exact.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import multiprocessing
import secrets
import statistics
import struct
import sys
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from multiprocessing.connection import Connection
from typing import Any

import av
import uvloop
from websockets.asyncio.client import ClientConnection, connect

from adapters.media.h264 import from_annex_b, to_annex_b, user_data, with_user_data
from gateway.app import Gateway
from gateway.auth.tokens import make_token
from gateway.config import AppSettings, Config, ListenSettings
from gateway.logs import set_up_logging

APP = "demo"
ROOM = "demo-room"
UUID = b"gateway-demo-sei"
STAMP = struct.Struct(">IQ")
WIDTH, HEIGHT, FPS, GOP_SECONDS = 480, 360, 15, 2
SAMPLE_RATE, SAMPLES = 48_000, 1024
WAIT = 15.0
"""Seconds that anything may take."""


_processes = multiprocessing.get_context("spawn")
"""Pushers and players are processes of their own: FFmpeg's network calls keep Python's lock while they wait."""


class Push:
    """What one user pushes, as far as this process sees it."""

    def __init__(self, url: str, tone: int) -> None:
        self._frames: Any = _processes.Value("i", 0)
        self._stop: Any = _processes.Event()
        self._process = _processes.Process(target=push, args=(url, tone, self._stop, self._frames), daemon=True)
        self._process.start()

    @property
    def frames(self) -> int:
        """Pictures pushed so far."""
        return int(self._frames.value)

    def finish(self) -> bool:
        """Ends the push as its user would; True if all went well."""
        self._stop.set()
        self._process.join(WAIT)
        return self._process.exitcode == 0


@dataclass
class Pulled:
    """What one viewer has pulled."""

    numbers: list[int] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    """Of pictures sent after the viewer was ready; those before it come out of the GOP cache."""
    first_frame_ms: float = math.nan
    audio: int = 0
    error: str = ""

    def lost(self, sent: int) -> int:
        """Pictures that should have come, from the first one that did to the last one sent."""
        return sent - self.numbers[0] - len(set(self.numbers)) if self.numbers else sent


class Pull:
    """One viewer over one protocol, as far as this process sees it."""

    def __init__(self, viewer: str, publisher: str, protocol: str, url: str) -> None:
        self.viewer = viewer
        self.publisher = publisher
        self.protocol = protocol
        self.last: Any = _processes.Value("i", -1)
        self.pulled = Pulled(error="no answer")
        self._reader, writer = _processes.Pipe(duplex=False)
        self._process = _processes.Process(target=pull, args=(url, self.last, writer), daemon=True)
        self._process.start()

    def finish(self) -> None:
        """Takes the result over, once the stream has ended."""
        if self._reader.poll(WAIT):
            self.pulled = self._reader.recv()
        self._process.join(1)
        self._process.kill()


class User:
    """One user's signaling: a few calls and the events that matter here."""

    def __init__(self, name: str, socket: ClientConnection) -> None:
        self.name = name
        self._socket = socket
        self._ids = count(1)
        self._replies: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._stream_added: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._reader = asyncio.create_task(self._read())

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The method's result; RuntimeError if it was refused."""
        id = next(self._ids)
        waiting = self._replies[id] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
        reply = await asyncio.wait_for(waiting, WAIT)
        if "error" in reply:
            raise RuntimeError(f"{self.name}: {method}: {reply['error']['message']}")
        result: dict[str, Any] = reply["result"]
        return result

    async def stream_added(self) -> str:
        """The streamID of the other user, once its media has arrived."""
        return await asyncio.wait_for(self._stream_added, WAIT)

    async def close(self) -> None:
        await self._socket.close()
        await self._reader

    async def _read(self) -> None:
        async for text in self._socket:
            message = json.loads(text)
            if message.get("method") == "streams" and message["params"]["type"] == "ADD" and not self._stream_added.done():
                self._stream_added.set_result(message["params"]["streams"][0]["streamID"])
            elif "id" in message:
                self._replies.pop(message["id"]).set_result(message)


def push(url: str, tone: int, stop: Any, frames: Any) -> None:
    """Encodes a moving picture and a tone and pushes them in real time, until it is stopped. A process of its own."""
    av.logging.set_level(av.logging.PANIC)
    try:
        with av.open(url, "w", format="flv") as out:
            options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"}
            video: Any = out.add_stream("libx264", rate=FPS, options=options)
            video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            video.gop_size, video.bit_rate = FPS * GOP_SECONDS, 400_000
            audio: Any = out.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
            begin, samples, number = time.monotonic(), 0, 0
            while not stop.is_set():
                for packet in video.encode(_picture(number)):
                    out.mux(_stamped(packet, number))
                frames.value = number = number + 1
                while samples / SAMPLE_RATE < number / FPS:
                    out.mux(audio.encode(_sound(samples, tone)))
                    samples += SAMPLES
                time.sleep(max(0.0, begin + number / FPS - time.monotonic()))
    except (av.FFmpegError, OSError) as error:
        sys.exit(f"\npushing failed: {error.strerror}")


def _picture(number: int) -> av.VideoFrame:
    """A grey ramp that moves with the picture's number."""
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    luma, *chroma = frame.planes
    ramp = bytes((x + 4 * number) & 0xFF for x in range(luma.line_size))
    luma.update(ramp * (luma.buffer_size // luma.line_size))
    for plane in chroma:
        plane.update(b"\x70" * plane.buffer_size)
    frame.pts, frame.time_base = number, Fraction(1, FPS)
    return frame


def _sound(position: int, tone: int) -> av.AudioFrame:
    frame = av.AudioFrame("fltp", "mono", SAMPLES)
    step = 2 * math.pi * tone / SAMPLE_RATE
    frame.planes[0].update(array("f", (0.2 * math.sin(step * (position + i)) for i in range(SAMPLES))).tobytes())
    frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, position, Fraction(1, SAMPLE_RATE)
    return frame


def _stamped(packet: Any, number: int) -> Any:
    """The coded picture with its number and the present moment in front, as SEI."""
    stamp = STAMP.pack(number, time.monotonic_ns())
    stamped: Any = av.Packet(to_annex_b(with_user_data(from_annex_b(bytes(packet)), UUID, stamp)))
    stamped.pts, stamped.dts, stamped.time_base = packet.pts, packet.dts, packet.time_base
    stamped.stream, stamped.is_keyframe = packet.stream, packet.is_keyframe
    return stamped


def pull(url: str, last: Any, result: Connection) -> None:
    """Pulls a stream until it ends, reading the stamps of its pictures. A process of its own."""
    av.logging.set_level(av.logging.PANIC)
    asked, pulled = time.monotonic_ns(), Pulled()
    try:
        with av.open(url, timeout=WAIT, options={"analyzeduration": "200000", "fflags": "nobuffer"}) as source:
            ready = time.monotonic_ns()
            for packet in source.demux():
                if packet.stream.type == "audio":
                    pulled.audio += 1
                elif packet.size and (stamp := user_data(bytes(packet), UUID)):
                    now, (number, sent_at) = time.monotonic_ns(), STAMP.unpack(stamp)
                    if not pulled.numbers:
                        pulled.first_frame_ms = (now - asked) / 1e6
                    pulled.numbers.append(number)
                    last.value = number
                    if sent_at > ready:
                        pulled.latencies_ms.append((now - sent_at) / 1e6)
    except (av.FFmpegError, OSError) as error:
        pulled.error = error.strerror or type(error).__name__
    result.send(pulled)


async def _call(seconds: float) -> int:
    secret = secrets.token_urlsafe(32)
    listen = ListenSettings(host="127.0.0.1", port=0, rtmp_port=0, udp_port=0, public_host="127.0.0.1")
    gateway = Gateway(Config(listen=listen, apps={APP: AppSettings(secret)}, shutdown_grace=2.0))
    await gateway.start()
    print(f"gateway on {gateway.addresses.ws} and {gateway.addresses.rtmp}")
    pushes: dict[str, Push] = {}
    pulls: list[Pull] = []
    try:
        users = [await _enter(gateway, name, secret) for name in ("alice", "bob")]
        for tone, user in zip((440, 660), users, strict=True):
            address = await user.call("publish", streamID=_stream(user.name))
            pushes[user.name] = Push(address["url"], tone)
        for user in users:
            pulls += await _start_pulls(user)
        await _watch(seconds, pushes, pulls)
        done = [await asyncio.to_thread(one.finish) for one in pushes.values()]
        for one in pulls:
            await asyncio.to_thread(one.finish)
        for user in users:
            await user.call("logout")
            await user.close()
    finally:
        await gateway.stop()
    return _report(pushes, pulls) if all(done) else 1


async def _enter(gateway: Gateway, name: str, secret: str) -> User:
    user = User(name, await connect(gateway.addresses.ws))
    token = make_token(secret, APP, name, now=time.time(), ttl=600, room=ROOM)
    await user.call("login", appID=APP, roomID=ROOM, userID=name, token=token, userUpdate=True)
    return user


def _stream(user: str) -> str:
    return f"{user}-camera"


async def _start_pulls(user: User) -> list[Pull]:
    """One pull for each protocol, of the stream that the other user has announced."""
    stream_id = await user.stream_added()
    address = await user.call("play", streamID=stream_id)
    publisher = stream_id.removesuffix("-camera")
    plain = [way for way in address["urls"] if "key" not in way]  # the demo's player speaks neither WHEP nor WebRTC
    return [Pull(user.name, publisher, way["protocol"], way["url"]) for way in plain]


async def _watch(seconds: float, pushes: dict[str, Push], pulls: list[Pull]) -> None:
    """Shows how the call goes, once everyone has joined."""
    begin = time.monotonic()
    joined = 0.0
    while not joined or time.monotonic() - joined < seconds:
        if not joined and (all(one.last.value >= 0 for one in pulls) or time.monotonic() - begin > WAIT):
            joined = time.monotonic()
        elapsed = time.monotonic() - joined if joined else 0.0
        sent, seen = sum(one.frames for one in pushes.values()), sum(one.last.value >= 0 for one in pulls)
        seers = f"{seen} of {len(pulls)} viewers see them"
        print(f"\r{elapsed:5.1f} s of {seconds:g}   {sent} frames pushed, {seers}", end="", flush=True)
        await asyncio.sleep(0.2)
    print()


def _report(pushes: dict[str, Push], pulls: list[Pull]) -> int:
    """Prints the table. Returns 0 only if nothing was lost and everyone had sound."""
    titles = ["viewer", "plays", "over", "sent", "received", "lost", "first-frame", "added-p50", "added-p99"]
    print("\n{:8} {:8} {:5} {:>5} {:>8} {:>5} {:>12} {:>10} {:>10}".format(*titles))
    perfect = True
    for one in pulls:
        sent, pulled = pushes[one.publisher], one.pulled
        lost, latencies = pulled.lost(sent.frames), sorted(pulled.latencies_ms) or [math.nan]
        p50, p99 = statistics.median(latencies), latencies[min(len(latencies) - 1, int(len(latencies) * 0.99))]
        print(
            f"{one.viewer:8} {one.publisher:8} {one.protocol:5} {sent.frames:5} {len(pulled.numbers):8} {lost:5} "
            f"{pulled.first_frame_ms:9.0f} ms {p50:7.1f} ms {p99:7.1f} ms  {pulled.error}"
        )
        perfect &= lost == 0 and pulled.audio > 0 and not pulled.error
    print("\nnothing was lost" if perfect else "\nsomething was lost")
    return 0 if perfect else 1


def main(argv: Sequence[str] = ()) -> int:
    """Runs the call. Returns the process's exit code."""
    parser = argparse.ArgumentParser(prog="gateway demo", description="Run a whole call on this machine.")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long the call lasts (default %(default)g)")
    seconds = parser.parse_args(argv).seconds
    set_up_logging("warning", "text")
    try:
        return uvloop.run(_call(seconds))
    except (RuntimeError, TimeoutError, OSError) as error:
        print(f"the call failed: {error or type(error).__name__}", file=sys.stderr)
        return 1
