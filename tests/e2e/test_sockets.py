"""Our own transport keeps the promises of a transport: everything in order, what waits is counted, the end is told once."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from adapters.rtmp.sockets import Listener, SocketTransport

DEADLINE = 10.0


class Receiver:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.transport: SocketTransport | None = None
        self.data = bytearray()
        self.lost: list[Exception | None] = []
        self.news = asyncio.Event()

    def connection_made(self, transport: SocketTransport) -> None:
        self.transport = transport
        self.news.set()

    def data_received(self, data: bytes) -> None:
        self.data += data
        self.news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.append(exc)
        self.news.set()


class Pair:
    """A transport and the other end of its socket."""

    def __init__(self) -> None:
        ours, self.theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        ours.setblocking(False)
        self.theirs.setblocking(False)
        self.receiver = Receiver()
        self.transport = SocketTransport(asyncio.get_running_loop(), ours, "peer")
        self.transport.begin(self.receiver)

    async def read(self, size: int) -> bytes:
        """Reads so many bytes, or up to the end."""
        loop, found = asyncio.get_running_loop(), bytearray()
        async with asyncio.timeout(DEADLINE):
            while len(found) < size and (part := await loop.sock_recv(self.theirs, 65_536)):
                found += part
        return bytes(found)

    async def told(self) -> None:
        """Waits until the receiver has heard of the end."""
        async with asyncio.timeout(DEADLINE):
            while not self.receiver.lost:
                self.receiver.news.clear()
                await self.receiver.news.wait()


@pytest.fixture
async def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.transport.abort()
    await made.told()
    made.theirs.close()


async def test_what_the_kernel_does_not_take_waits_is_counted_and_arrives_in_order(pair: Pair) -> None:
    parts = [bytes([number]) * 40_000 for number in range(10)]
    for part in parts:
        pair.transport.write(part)
    assert 0 < pair.transport.get_write_buffer_size() <= 400_000
    assert await pair.read(400_000) == b"".join(parts)
    assert pair.transport.get_write_buffer_size() == 0


async def test_a_port_takes_nothing_while_older_bytes_wait_and_everything_again_afterwards(pair: Pair) -> None:
    assert pair.transport.send(b"first") == 5
    pair.transport.write(bytes(400_000))
    assert pair.transport.send(b"too early") == 0
    assert len(await pair.read(400_005)) == 400_005
    await asyncio.sleep(0)
    assert pair.transport.send(b"again") == 5


async def test_the_end_of_our_half_comes_after_what_waits(pair: Pair) -> None:
    pair.transport.write(bytes(400_000))
    pair.transport.write_eof()
    pair.transport.write(b"too late")
    assert pair.transport.send(b"too late") == 0
    assert len(await pair.read(1_000_000)) == 400_000
    assert not pair.receiver.lost, "the other half is still open"


async def test_the_peers_end_is_told_once_and_closes_the_socket(pair: Pair) -> None:
    pair.theirs.close()
    await pair.told()
    pair.transport.abort()
    await asyncio.sleep(0)
    assert pair.receiver.lost == [None]
    assert pair.transport.is_closing()


async def test_a_receiver_that_fails_loses_its_connection(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    def fail(data: bytes) -> None:
        raise ZeroDivisionError

    pair.receiver.data_received = fail  # type: ignore[method-assign]
    pair.theirs.send(b"x")
    await pair.told()
    assert isinstance(pair.receiver.lost[0], ZeroDivisionError)
    assert "receiving failed" in caplog.text


async def test_a_reset_is_told_with_its_error() -> None:
    server, client = await connected()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    async with asyncio.timeout(DEADLINE):
        while not server.lost:
            server.news.clear()
            await server.news.wait()
    assert isinstance(server.lost[0], ConnectionResetError)


async def test_writing_to_a_connection_that_broke_raises_nothing() -> None:
    server, client = await connected()
    assert server.transport
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    server.transport.write(b"x" * 10)
    server.transport.write_eof()
    async with asyncio.timeout(DEADLINE):
        while not server.lost:
            server.news.clear()
            await server.news.wait()
    assert len(server.lost) == 1


async def connected() -> tuple[Receiver, socket.socket]:
    """A receiver on an accepted connection, and the client's socket."""
    receiver = Receiver()
    listener = Listener(lambda: receiver)
    listener.open("127.0.0.1", 0)
    client = socket.create_connection(("127.0.0.1", listener.port))
    async with asyncio.timeout(DEADLINE):
        await receiver.news.wait()
    listener.close()
    listener.close()
    return receiver, client


async def test_a_taken_address_is_an_error_and_leaves_nothing_open() -> None:
    first, second = Listener(Receiver), Listener(Receiver)
    first.open("127.0.0.1", 0)
    with pytest.raises(OSError, match="in use"):
        second.open("127.0.0.1", first.port)
    assert second.port == 0
    first.close()
