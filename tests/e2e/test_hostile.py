"""Hostile input costs only the one who sends it: the gateway stays up, bounded and quick, and a call beside it loses nothing.

The gateway is a process of its own here, so that its memory can be seen, and what kills it is seen, too. The call beside is
checked picture by picture. What is random comes from fixed seeds.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from adapters.flv.tags import audio_body, video_body
from adapters.media.units import AudioConfig, VideoConfig
from adapters.rtmp import amf0
from adapters.rtmp.commands import command
from adapters.rtmp.handshake import PACKET_SIZE
from adapters.rtmp.messages import AMF0_DATA, AUDIO, VIDEO, Message, set_chunk_size
from gateway.auth.access import Action
from gateway.auth.stream_keys import NONCE_BYTES, KeySigner, push_url
from tests.support.gateway import APP, DEADLINE, SECRET, Client, url_of
from tests.support.media_client import until
from tests.support.process import GatewayProcess, serving
from tests.support.rtmp_client import ClientConnection, RtmpClient
from tests.support.scrape import get, metrics
from tests.support.stamps import GOP, FlvViewer, RtmpViewer, Source, numbered, take_apart
from tests.support.streams import AUDIO_CONFIG, VIDEO_CONFIG

pytestmark = pytest.mark.alone

MIB = 1024 * 1024
GROWTH = 24 * MIB
"""Bytes by which the gateway's memory may grow during one kind of attack."""
AT_ONCE = 40
"""Hostile connections at one time."""
HANDSHAKE = 1.5
STARVED = 0.5
"""Seconds by which this process wakes up late when nothing but the machine can have held it up."""
MAX_CONNECTIONS = 400
SETTINGS = f"""
log_level = "warning"
shutdown_spread = 0
[listen]
host = "127.0.0.1"
public_host = "127.0.0.1"
[media]
publish_grace = 0.5
viewer_backlog_bytes = 262_144
viewer_stall = 1.5
[rtmp]
connections = {MAX_CONNECTIONS}
handshake_deadline = {HANDSHAKE}
request_deadline = {HANDSHAKE}
[signaling]
requests_per_second = 100_000
requests_burst = 100_000
heartbeat_deadline = 600
[apps.{APP}]
secret = "{SECRET}"
"""
LOUD = SETTINGS.replace('log_level = "warning"', 'log_level = "info"')


class Call:
    """Anna's numbered pictures, and two who watch them."""

    def __init__(self, gateway: GatewayProcess, anna: Client, source: Source, viewers: list[RtmpViewer | FlvViewer]) -> None:
        self.gateway = gateway
        self.anna = anna
        self.source = source
        self.viewers = viewers
        self.memory = gateway.memory
        self.starved = 0
        """Times that this process, too, got no processor for a while."""

    @property
    def http(self) -> str:
        return self.gateway.addresses.http

    async def is_unharmed(self) -> None:
        """The gateway runs, answers at once, has not grown; nobody has missed a picture."""
        assert self.gateway.running, "\n".join(self.gateway.log[-20:])
        assert min([await self.answered() for _ in range(3)]) < 1
        last = self.source.number
        for viewer in self.viewers:
            await viewer.sees(last + 1)
            assert viewer.missing == set()
            assert viewer.in_order
        assert self.gateway.memory - self.memory < GROWTH, f"{(self.gateway.memory - self.memory) / MIB:.1f} MiB more"
        numbers = await metrics(self.http)
        slow = numbers["gateway_loop_lag_seconds_count"] - numbers['gateway_loop_lag_seconds_bucket{le="1.0"}']
        assert slow <= self.starved, "the loop stood still"
        assert [line for line in self.gateway.log if "ERROR" in line or "Traceback" in line] == []


    async def answered(self) -> float:
        """Seconds that its answers take."""
        begun = time.monotonic()
        assert (await get(f"{self.http}/readyz")).status_code == 200
        assert await self.anna.call("ping") == {}
        return time.monotonic() - begun

    async def watch(self) -> None:
        """Counts the moments' rest that became long ones: what holds up this process is not the gateway's fault."""
        while True:
            begun = time.monotonic()
            await asyncio.sleep(0.05)
            self.starved += time.monotonic() - begun > STARVED


@asynccontextmanager
async def beside_a_call(folder: Path, settings: str = LOUD, **stream: int) -> AsyncIterator[Call]:
    async with serving(folder, settings=settings) as gateway:
        anna, bert = await Client.login(gateway, "anna"), await Client.login(gateway, "bert")
        source = await Source.push(url_of(await anna.call("publish", streamID="cam")), **stream)
        await bert.event("streams")
        play = await bert.call("play", streamID="cam")
        viewers = [await RtmpViewer.play(url_of(play)), await FlvViewer.play(url_of(play, "flv"))]
        for viewer in viewers:
            await viewer.sees(GOP)
        call = Call(gateway, anna, source, viewers)
        watching = asyncio.create_task(call.watch())
        try:
            yield call
            await call.is_unharmed()
        finally:
            watching.cancel()
        await source.close()
        for viewer in viewers:
            await viewer.ends()
            await viewer.close()
        for client in (anna, bert):
            await client.close()


async def send_and_wait(port: int, data: bytes) -> None:
    """One connection that sends this and no more, and has to be let go by the gateway."""
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setblocking(False)
    try:
        async with asyncio.timeout(DEADLINE):
            await loop.sock_connect(sock, ("127.0.0.1", port))
            await loop.sock_sendall(sock, data)
            sock.shutdown(socket.SHUT_WR)
            while await loop.sock_recv(sock, 65_536):
                pass
    except TimeoutError:  # an OSError, too
        raise
    except OSError:
        pass  # broken off by the gateway: as good as closed
    finally:
        sock.close()


async def each(inputs: Iterable[bytes], send: Callable[[bytes], object]) -> int:
    """Sends every input, some at a time. Returns their number."""
    source, count = iter(inputs), 0

    async def work() -> None:
        nonlocal count
        for data in source:
            await send(data)  # type: ignore[misc]
            count += 1

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return count


# What is sent ----------------------------------------------------------------------------------------------------------


def publishing(name: str) -> bytes:
    """A whole session of a well-behaved publisher, from its first byte to its goodbye."""
    core = ClientConnection()
    messages = [
        command(0, "connect", 1.0, {"app": "live", "tcUrl": "rtmp://127.0.0.1/live"}),
        command(0, "releaseStream", 2.0, None, name),
        command(0, "createStream", 3.0, None),
        command(1, "publish", 4.0, None, name, "live"),
        Message(AMF0_DATA, 1, 0, amf0.encode(("@setDataFrame", "onMetaData", amf0.EcmaArray({"width": 640.0})))),
        Message(VIDEO, 1, 0, video_body(VideoConfig(0, VIDEO_CONFIG))),
        Message(AUDIO, 1, 0, audio_body(AudioConfig(0, AUDIO_CONFIG))),
        *(Message(VIDEO, 1, 40 * n, video_body(numbered(n, 40 * n, keyframe=n == 0, size=300))) for n in range(4)),
        Message(AUDIO, 1, 160, b"\xaf\x01\x21\x10\x04"),
        command(0, "FCUnpublish", 5.0, None, name),
        command(0, "deleteStream", 6.0, None, 1.0),
    ]
    data = core.start() + bytes(PACKET_SIZE) + core.writer.write(set_chunk_size(4096))
    return data + b"".join(core.writer.write(message) for message in messages)


def mutated(data: bytes, rng: random.Random, begin: int = 0) -> bytes:
    """The same with a few things wrong after `begin`."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        at = rng.randrange(begin, len(out))
        match rng.randrange(6):
            case 0:
                out[at] ^= 1 << rng.randrange(8)
            case 1:
                out[at : at + rng.randrange(1, 5)] = rng.randbytes(rng.randrange(1, 5))
            case 2:
                del out[at : at + rng.randrange(1, 40)]
            case 3:
                out[at:at] = rng.randbytes(rng.randrange(1, 40))
            case 4:
                out[at:at] = out[begin : begin + rng.randrange(1, 400)]
            case 5:
                out[at : at + 3] = rng.choice((b"\xff\xff\xff", b"\0\0\0", b"\x7f\xff\xff"))
        if len(out) <= begin + 1:
            break
    return bytes(out[: rng.randrange(begin + 1, len(out) + 1)] if rng.random() < 0.1 else out)


def hostile_rtmp(count: int, seed: int) -> Iterable[bytes]:
    """Random bytes, random bytes behind a handshake, and good sessions with mistakes in them, each with a good key."""
    rng, signer = random.Random(seed), KeySigner(SECRET)
    shaken = ClientConnection().start() + bytes(PACKET_SIZE)
    for number in range(count):
        kind = number % 4
        if kind == 0:
            yield rng.randbytes(rng.randrange(1, 5000)) if number % 8 else b"\x03" + rng.randbytes(rng.randrange(1, 6000))
        elif kind == 1:
            yield shaken + rng.randbytes(rng.randrange(1, 2000))
        else:
            key = signer.sign(
                APP, Action.PUBLISH, f"fuzz-{number}", grant_id=None, user="mallory", expires_at=time.time() + 600,
                nonce=secrets.token_bytes(NONCE_BYTES),
            )  # fmt: skip
            session = publishing(take_apart(push_url("rtmp://h", f"fuzz-{number}", key))[3])
            yield mutated(session, rng, begin=0 if kind == 2 else len(shaken))


def hostile_messages(count: int, seed: int) -> Iterable[str | bytes]:
    """Random texts, random bytes, and good requests with mistakes in them."""
    rng = random.Random(seed)
    good = [
        {"appID": APP, "roomID": "r", "userID": "u", "token": "t", "resume": {"sessionID": "s", "lastSeq": 1}},
        {"streamID": "s", "media": ["audio"], "mode": "RTC", "transport": "rtmp", "extraInfo": "x", "wait": True},
    ]
    methods = ("login", "publish", "play", "mute", "stop", "unpublish", "logout", "ping")
    for number in range(count):
        kind = number % 8
        frame = json.dumps({"jsonrpc": "2.0", "id": number, "method": methods[number % 7], "params": good[number % 2]})
        if kind == 0:
            yield "".join(rng.choice(" {}[]\":,\\0aé房间") for _ in range(rng.randrange(200)))
        elif kind == 1:
            yield rng.choice(('{"a":' * 5000, "[" * 60_000, "1" * 5000, '"' + "\\ud800" * 9, '{"id":1e999}', "{}" * 50, "\0", ""))
        elif number % 97 == 2:
            yield rng.randbytes(rng.randrange(300))
        else:
            yield mutated(frame.encode(), rng).decode(errors="replace")


# Attacks ---------------------------------------------------------------------------------------------------------------


async def test_thousands_of_hostile_rtmp_connections(tmp_path: Path) -> None:
    async with beside_a_call(tmp_path) as call:
        port = call.gateway.rtmp_port
        await each(hostile_rtmp(1000, seed=1), lambda data: send_and_wait(port, data))
        call.memory = call.gateway.memory  # what is needed once is not counted
        assert await each(hostile_rtmp(9000, seed=2), lambda data: send_and_wait(port, data)) == 9000
        numbers = await metrics(call.http)
        reasons = {name for name in numbers if name.startswith('gateway_refusals_total{protocol="rtmp"')}
        assert len(reasons) > 5  # the inputs got deep
        await until(lambda: call.gateway.descriptors < 40, "the closing of all hostile connections")


async def test_thousands_of_hostile_messages(tmp_path: Path) -> None:
    async with beside_a_call(tmp_path) as call:
        frames = iter(hostile_messages(10_000, seed=3))
        answered = 0
        closed: Counter[int | None] = Counter()

        async def talk() -> None:
            nonlocal answered
            for frame in frames:
                async with connect(call.gateway.addresses.ws, proxy=None) as ws:
                    try:
                        await ws.send(frame)
                        for more in frames:
                            reply = json.loads(await asyncio.wait_for(ws.recv(), DEADLINE))
                            answered += "error" in reply
                            await ws.send(more)
                    except ConnectionClosed:
                        closed[ws.close_code] += 1

        await asyncio.gather(*(talk() for _ in range(10)))
        assert answered > 4500
        assert set(closed) == {1003}  # what is binary


async def test_mutated_http_requests(tmp_path: Path) -> None:
    async with beside_a_call(tmp_path) as call:
        rng = random.Random(4)
        lines = ("GET /live/cam.flv?key=a.b.c HTTP/1.1", f"Host: {urlsplit(call.http).netloc}", "Connection: close", "", "")
        pull = "\r\n".join(lines).encode()
        upgrade = pull.replace(b"Connection: close", b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13")
        inputs = [mutated(rng.choice((pull, upgrade)), rng) for _ in range(700)] + [rng.randbytes(200) for _ in range(300)]
        assert await each(inputs, lambda data: send_and_wait(call.gateway.http_port, data)) == 1000


async def test_slow_handshakes_are_cut_off(tmp_path: Path) -> None:
    async with beside_a_call(tmp_path) as call:
        begun = time.monotonic()
        slow = [await asyncio.open_connection("127.0.0.1", call.gateway.rtmp_port) for _ in range(120)]
        others = [await asyncio.open_connection("127.0.0.1", call.gateway.http_port) for _ in range(60)]
        hello = ClientConnection().start()

        async def drip(number: int, writer: asyncio.StreamWriter) -> None:
            """Every third never sends, the others send byte by byte."""
            for byte in hello if number % 3 else b"":
                writer.write(bytes((byte,)))
                await asyncio.sleep(0.05)

        drips = [asyncio.create_task(drip(number, writer)) for number, (_, writer) in enumerate(slow)]
        async with asyncio.timeout(HANDSHAKE + DEADLINE):
            for reader, _ in slow:
                with suppress(ConnectionError):  # who goes on sending after the end is broken off
                    assert await reader.read() == b""
        assert time.monotonic() - begun >= HANDSHAKE
        numbers = await metrics(call.http)
        assert numbers['gateway_refusals_total{protocol="rtmp",reason="handshake_timeout"}'] == 120
        for task in drips:
            task.cancel()
        for _, writer in slow + others:
            writer.close()


async def test_players_that_never_read_are_let_go_and_nobody_else_notices(tmp_path: Path) -> None:
    async with beside_a_call(tmp_path, picture_bytes=100_000) as call:
        carl = await Client.login(call.gateway, "carl")
        play = await carl.call("play", streamID="cam")
        deaf = [await RtmpViewer.play(url_of(play)), await FlvViewer.play(url_of(play, "flv"))]
        assert isinstance(deaf[0], RtmpViewer)
        assert isinstance(deaf[1], FlvViewer)
        deaf[0].client.stop_reading()
        deaf[1].stop_reading()

        async def dropped() -> float:
            return sum(value for name, value in (await metrics(call.http)).items() if name.startswith("gateway_viewers_dropped"))

        async with asyncio.timeout(DEADLINE):
            while await dropped() < 2:
                await call.viewers[0].sees(call.source.number + 5)
        numbers = await metrics(call.http)
        for protocol in ("rtmp", "flv"):
            assert numbers[f'gateway_viewers{{protocol="{protocol}"}}'] == 1
            assert numbers[f'gateway_viewers_dropped_total{{protocol="{protocol}"}}'] == 1
            assert numbers[f'gateway_viewer_skips_total{{protocol="{protocol}"}}'] == 1
        for viewer in deaf:
            await viewer.close()
        await carl.close()


async def test_a_flood_of_connections_meets_the_limit_and_ebbs_away(tmp_path: Path) -> None:
    patient = LOUD.replace(f"_deadline = {HANDSHAKE}", "_deadline = 60")  # nobody makes room before the last one has come
    async with beside_a_call(tmp_path, patient) as call:
        port = call.gateway.rtmp_port
        before = call.gateway.descriptors
        flood = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MAX_CONNECTIONS + 300)]
        numbers = await metrics(call.http)
        assert numbers['gateway_media_connections{protocol="rtmp"}'] <= MAX_CONNECTIONS
        assert numbers['gateway_refusals_total{protocol="rtmp",reason="connection_limit"}'] >= 300
        await call.is_unharmed()
        for _, writer in flood:
            writer.transport.abort()
        await until(lambda: call.gateway.descriptors <= before + 2, "the closing of the flood")
        client = await RtmpClient.connect("127.0.0.1", port)
        await client.drop()


@pytest.mark.parametrize("port", ["rtmp_port", "http_port"])
async def test_connections_that_come_and_go_leave_nothing_behind(tmp_path: Path, port: str) -> None:
    async with beside_a_call(tmp_path) as call:
        before = call.gateway.descriptors
        where = getattr(call.gateway, port)
        for _ in range(20):
            sockets = [socket.create_connection(("127.0.0.1", where)) for _ in range(50)]
            await asyncio.sleep(0)
            for number, sock in enumerate(sockets):
                if number % 2:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                sock.close()
            await asyncio.sleep(0.01)
        await until(lambda: call.gateway.descriptors <= before + 2, "the closing of all connections")
