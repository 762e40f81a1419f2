"""The RTMP server on real sockets, with real streams and an access rule that grants all but a few names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from adapters.media.streams import Streams
from adapters.media.units import Medium
from adapters.rtmp.messages import AUDIO, VIDEO, Message
from adapters.rtmp.server import RtmpServer
from gateway.auth.access import AccessRequest, Action
from gateway.config import MediaSettings, RtmpSettings
from gateway.errors import KEY_EXPIRED, SHUTTING_DOWN, GatewayError
from gateway.quality.checkup import StreamFacts
from gateway.rooms.model import BOTH_MEDIA, Grant
from tests.support.rtmp_client import DEADLINE, RtmpClient, RtmpClosedError, RtmpRefusedError

HOST = "127.0.0.1"
VIDEO_CONFIG = bytes.fromhex("1700000000 0142c00affe10016 6742c00ada11ec044000000300400000 0302a3c489a8 01000468ce0fc8")
AUDIO_CONFIG = bytes.fromhex("af00 1188")


def picture(number: int) -> bytes:
    """A keyframe with a number in it."""
    return bytes.fromhex("1701000000 00000006 65") + number.to_bytes(5)


class OpenHouse:
    """An access rule for tests."""

    def __init__(self) -> None:
        self.grants: dict[tuple[Action, str], Grant] = {}
        self.told: list[str] = []
        self.changed = asyncio.Event()

    def admit(self, request: AccessRequest) -> Grant:
        if request.key == "expired":
            raise GatewayError(KEY_EXPIRED)
        name = request.action, request.stream
        if name not in self.grants:
            self.grants[name] = Grant(":".join(name), request.action, "1", request.stream, "u", None, BOTH_MEDIA)
        return self.grants[name]

    def publisher_joined(self, grant: Grant) -> None:
        self._tell("joined")

    def media_arrived(self, grant: Grant, media: frozenset[Medium]) -> None:
        self._tell("media")

    def examined(self, grant: Grant, facts: StreamFacts) -> None:
        self._tell("examined")

    def publisher_lost(self, grant: Grant) -> None:
        self._tell("lost")

    def publisher_left(self, grant: Grant, error: GatewayError | None) -> None:
        self._tell(f"left {error.fault.name}" if error else "left")

    def viewer_joined(self, grant: Grant) -> None:
        self._tell("viewer joined")

    def viewer_left(self, grant: Grant, error: GatewayError | None) -> None:
        self._tell("viewer left")

    def _tell(self, what: str) -> None:
        self.told.append(what)
        self.changed.set()

    async def wait(self, what: str) -> None:
        await self.until(lambda: what in self.told)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not true():
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def serving(settings: RtmpSettings | None = None, **media: float) -> AsyncIterator[tuple[RtmpServer, OpenHouse]]:
    access = OpenHouse()
    server = RtmpServer(Streams(access, MediaSettings(rtc_batch=0, **media)), settings or RtmpSettings())
    await server.start(HOST, 0)
    try:
        yield server, access
    finally:
        await server.stop(GatewayError(SHUTTING_DOWN))
        assert server.stats.connections == 0
        assert server.stats.publishers == server.stats.players == 0


async def publisher(server: RtmpServer, name: str = "cam?key=K", chunk_bytes: int = 4096) -> RtmpClient:
    client = await RtmpClient.connect(HOST, server.port, chunk_bytes=chunk_bytes)
    await client.publish(name)
    client.send_metadata({"width": 64.0})
    client.send_video(0, VIDEO_CONFIG)
    client.send_audio(0, AUDIO_CONFIG)
    return client


@pytest.mark.parametrize("chunk_bytes", [1, 128, 4096, 1_000_000])
@pytest.mark.parametrize("complex_handshake", [False, True])
async def test_media_go_through(chunk_bytes: int, complex_handshake: bool) -> None:
    async with serving() as (server, access):
        source = await publisher(server, chunk_bytes=chunk_bytes)
        await access.wait("media")
        player = await RtmpClient.connect(HOST, server.port, complex_handshake=complex_handshake)
        await player.play("cam?key=K")
        source.send_video(40, picture(1))
        source.send_audio(45, b"\xaf\x01" + bytes(300))
        found = await player.media(4)
        assert {(message.type_id, message.body) for message in found} == {
            (VIDEO, VIDEO_CONFIG),
            (AUDIO, AUDIO_CONFIG),
            (VIDEO, picture(1)),
            (AUDIO, b"\xaf\x01" + bytes(300)),
        }
        await source.close()
        await access.wait("left")
        await player.drop()
        await access.wait("viewer left")


async def test_a_lost_publisher_comes_back_and_the_player_stays() -> None:
    async with serving() as (server, access):
        source = await publisher(server)
        player = await RtmpClient.connect(HOST, server.port)
        await player.play("cam?key=K")
        source.send_video(40, picture(1))
        await player.media(3)
        await source.reset()
        await access.wait("lost")
        source = await publisher(server)
        source.send_video(0, picture(2))
        async with asyncio.timeout(DEADLINE):
            async for message in player.messages():
                if message.body == picture(2):
                    break
        await source.drop()
        await player.drop()


@pytest.mark.parametrize("way", ["publish", "play"])
async def test_refusal_reaches_a_client_that_goes_on_sending(way: str) -> None:
    async with serving() as (server, _):
        client = await RtmpClient.connect(HOST, server.port)
        await client.create_stream()
        client.send_command(way, None, "cam?key=expired")
        for _ in range(20):
            client.send(Message(VIDEO, client.msid, 0, bytes(50_000)))
        refused = await client.wait_for_refusal()
        assert "1801006 KEY_EXPIRED" in refused.description
        with pytest.raises(RtmpClosedError):
            await client.call("_checkbw", None)
        await client.drop()
        assert server.stats.refusals == {"KEY_EXPIRED": 1}


async def test_foreign_codec_is_named_to_the_client() -> None:
    async with serving() as (server, access):
        client = await RtmpClient.connect(HOST, server.port)
        await client.publish("cam?key=K")
        client.send_video(0, b"\x1c\x01\0\0\0")
        refused = await client.wait_for_refusal()
        assert "HEVC" in refused.description
        await access.wait("left CODEC_UNSUPPORTED")
        await client.drop()


async def test_second_publisher_is_refused_and_disturbs_nothing() -> None:
    async with serving(takeover_hold=5.0, takeover_silence=4.0) as (server, access):
        source = await publisher(server)
        await access.wait("media")
        second = await RtmpClient.connect(HOST, server.port)

        async def keep_sending() -> None:
            for number in range(1000):
                source.send_audio(number * 20, b"\xaf\x01a")
                await asyncio.sleep(0.1)

        sending = asyncio.create_task(keep_sending())
        with pytest.raises(RtmpRefusedError) as caught:
            await second.publish("cam?key=K")
        sending.cancel()
        assert caught.value.code == "NetStream.Publish.BadName"
        assert "1003023" in caught.value.description
        assert "lost" not in access.told
        await second.drop()
        await source.drop()


async def test_deadlines() -> None:
    """Not so short that one who is prompt might miss one, on a machine that is not."""
    settings = RtmpSettings(handshake_deadline=2.0, request_deadline=2.0, publisher_idle=2.0)
    async with serving(settings) as (server, access):
        source = await publisher(server)
        idler = await RtmpClient.connect(HOST, server.port)
        reader, writer = await asyncio.open_connection(HOST, server.port)
        writer.write(b"\x03")
        async with asyncio.timeout(DEADLINE):
            assert await reader.read() == b""
        writer.close()
        await idler.wait_closed()
        assert idler.status == ["NetConnection.Connect.Closed"]
        await idler.drop()
        await access.wait("lost")
        await source.drop()
        assert server.stats.refusals == {"handshake_timeout": 1, "request_timeout": 1, "publisher_idle": 1}


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\x06" + bytes(1536), b"\x03" + bytes(3072) + b"\xff" * 5000])
async def test_other_bytes_are_counted_and_closed(data: bytes) -> None:
    async with serving() as (server, _):
        reader, writer = await asyncio.open_connection(HOST, server.port)
        writer.write(data)
        async with asyncio.timeout(DEADLINE):
            with suppress(ConnectionResetError):  # it closes with bytes unread
                await reader.read()
        writer.close()
        assert sum(server.stats.refusals.values()) == 1


async def test_stop_tells_everyone_why() -> None:
    async with serving() as (server, access):
        source = await publisher(server)
        await access.wait("media")
        player = await RtmpClient.connect(HOST, server.port)
        await player.play("cam?key=K")
        stopping = asyncio.create_task(server.stop(GatewayError(SHUTTING_DOWN)))
        await source.wait_closed()
        await player.wait_closed()
        assert source.status[-1] == player.status[-1] == "NetConnection.Connect.AppShutdown"
        await source.drop()
        await player.drop()
        await stopping
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(HOST, server.port or 1)


async def test_a_player_that_never_reads_costs_only_itself() -> None:
    async with serving() as (server, access):
        source = await publisher(server)
        await access.wait("media")
        slow = await RtmpClient.connect(HOST, server.port)
        await slow.play("cam?key=K")
        slow.stop_reading()
        quick = await RtmpClient.connect(HOST, server.port)
        await quick.play("cam?key=K")
        body = bytes.fromhex("1701000000") + (100_000).to_bytes(4) + b"\x65" + bytes(99_999)
        for number in range(200):
            source.send_video(number * 40, body)
            await source.flush()
            (found,) = [message for message in await quick.media(3 if number == 0 else 1) if message.body == body]
            assert found.timestamp >= 0
        await slow.reset()
        await quick.drop()
        await source.drop()
