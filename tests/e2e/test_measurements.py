"""What is measured on real connections: a viewer that takes nothing fills the kernel's buffer, and is moved past it.

A connection over loopback whose client does not read stands for a downlink that carries nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from gateway.config import QualitySettings
from tests.e2e.conftest import NewCall
from tests.support.gateway import DEADLINE, url_of
from tests.support.media_client import HOST, PROTOCOLS, Call, name_of, until
from tests.support.rtmp_client import RtmpClient

VIDEO_CONFIG = bytes.fromhex("1700000000 0142c00affe10016 6742c00ada11ec044000000300400000 0302a3c489a8 01000468ce0fc8")
NOBODY_ELSE_ASKS = QualitySettings(sweep=1000.0)
PICTURE_BYTES = 20_000


def mark(number: int) -> bytes:
    return b"\x65picture %05d" % number


def keyframe(number: int) -> bytes:
    """A large picture with a number in it, as the body of an FLV tag."""
    unit = mark(number) + bytes(PICTURE_BYTES)
    return bytes.fromhex("1701000000") + len(unit).to_bytes(4) + unit


class Stalled:
    """A viewer that reads nothing until it is told to."""

    def __init__(self, data: AsyncIterator[bytes]) -> None:
        self._data = data
        self.got = bytearray()

    @classmethod
    async def play(cls, call: Call, protocol: str) -> Stalled:
        url = url_of(await call.bob.call("play", streamID="cam", transport=protocol), protocol)
        if protocol == "rtmp":
            client = await RtmpClient.connect(HOST, call.gateway.rtmp.port)
            await client.play(name_of(url))
            return cls(_bodies(client))
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(HOST, address.port)
        writer.write(f"GET {address.path}?{address.query} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
        return cls(_reads(reader, writer))

    async def read_until(self, number: int) -> None:
        """Reads until this picture has come."""
        async with asyncio.timeout(DEADLINE):
            async for data in self._data:
                self.got += data
                if mark(number) in self.got:
                    return


async def _bodies(client: RtmpClient) -> AsyncIterator[bytes]:
    async for message in client.messages(DEADLINE):
        yield message.body


async def _reads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncIterator[bytes]:
    try:
        while data := await reader.read(1 << 16):
            yield data
    finally:
        writer.close()


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_viewer_that_takes_nothing_is_known_before_anything_waits_here_and_moved_past_it(
    protocol: str, new_call: NewCall
) -> None:
    async with new_call(quality=NOBODY_ELSE_ASKS) as call:
        source = await RtmpClient.connect(HOST, call.gateway.rtmp.port)
        await source.publish(name_of(await call.address()))
        source.send_video(0, VIDEO_CONFIG)
        source.send_video(0, keyframe(0))
        await call.added()
        viewer = await Stalled.play(call, protocol)
        (meter,) = call.gateway.streams.meters()
        await until(lambda: any(one.measure().first_picture_at for one in meter.viewers), "a picture")
        (viewing,) = meter.viewers

        number = 0
        round_trips = []
        while ((path := viewing.measure().path).queued or 0) < 10 * PICTURE_BYTES:
            round_trips.append(path.round_trip)
            number += 1
            assert number < 500, "the kernel takes it all"
            source.send_video(40 * number, keyframe(number))
            await asyncio.sleep(0.01)
        reading = viewing.measure()
        assert (reading.behind, reading.skips) == (False, 0)
        assert any(round_trips)
        before, missed, after = number, number + 1, number + 2

        assert viewing.catch_up()
        assert not viewing.catch_up()
        source.send_video(40 * missed, keyframe(missed))
        arrived = meter.measure()
        await until(lambda: meter.measure().fps > 0, "the next picture")
        assert (viewing.measure().behind, viewing.measure().skips) == (True, 0)
        await viewer.read_until(before)
        await until(lambda: viewing.measure().path.queued == 0, "the acknowledgement")
        source.send_video(40 * after, keyframe(after))
        await viewer.read_until(after)
        assert not viewing.measure().behind
        assert mark(missed) not in viewer.got
        assert (arrived.connected, arrived.protocol, arrived.jumps) == (True, "rtmp", 0)
        assert arrived.path.round_trip is not None
        await source.drop()
