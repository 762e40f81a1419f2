"""The networks that tests make bad, on real sockets: everything arrives that should, and who sends too fast is pushed back."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.media_client import until
from tests.support.proxy import BUFFER, HOST, UdpProxy, tcp_proxy, udp_proxy

DEADLINE = 30.0
PUSHED_BACK_BY = 16 * BUFFER
"""Bytes that vanish at most in the buffers between a sender and a link that takes nothing."""


@asynccontextmanager
async def echo() -> AsyncIterator[int]:
    """A server that says what it hears until there is no more; its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, HOST, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def exchanged(port: int, data: bytes) -> bytes:
    """What comes back, to the end."""
    reader, writer = await asyncio.open_connection(HOST, port)

    async def send() -> None:
        writer.write(data)
        await writer.drain()
        writer.write_eof()

    async with asyncio.timeout(DEADLINE):
        sending = asyncio.create_task(send())
        heard = await reader.read(-1)
        await sending
    writer.close()
    return heard


async def test_bytes_arrive_whole_in_both_directions_and_so_does_their_end() -> None:
    data = os.urandom(300_000)
    async with echo() as port, tcp_proxy(port) as proxy:
        assert await exchanged(proxy.port, data) == data
        assert (proxy.up.passed, proxy.down.passed) == (len(data), len(data))
        proxy.up.rate = proxy.down.rate = 2_000_000.0
        assert await exchanged(proxy.port, data[:100_000]) == data[:100_000]


async def test_a_stalled_link_pushes_the_sender_back_and_loses_nothing() -> None:
    data = os.urandom(1 << 20)
    async with echo() as port, tcp_proxy(port) as proxy:
        proxy.up.stall()
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, (HOST, proxy.port))
            sending = asyncio.create_task(loop.sock_sendall(client, data))
            await asyncio.wait([sending], timeout=0.5)
            assert not sending.done()
            assert proxy.up.passed == 0
            proxy.up.resume()
            heard = b""
            async with asyncio.timeout(DEADLINE):
                while len(heard) < len(data):
                    heard += await loop.sock_recv(client, 1 << 16)
                await sending
        assert heard == data


async def test_little_waits_between_a_sender_and_a_link_that_takes_nothing() -> None:
    async with echo() as port, tcp_proxy(port) as proxy:
        proxy.up.stall()
        with socket.create_connection((HOST, proxy.port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            client.setblocking(False)
            taken, refusals = 0, 0
            while refusals < 20:
                try:
                    taken += client.send(bytes(1000))
                    refusals = 0
                except BlockingIOError:
                    refusals += 1
                    await asyncio.sleep(0.01)
        assert BUFFER / 2 < taken < PUSHED_BACK_BY


async def test_the_end_of_one_side_is_the_end_of_the_other() -> None:
    async with echo() as port, tcp_proxy(port) as proxy:
        reader, writer = await asyncio.open_connection(HOST, proxy.port)
        writer.write(b"here")
        assert await reader.readexactly(4) == b"here"
    async with asyncio.timeout(DEADLINE):
        assert await reader.read() == b""
    writer.close()


class Ears(asyncio.DatagramProtocol):
    """Notes packets, and answers them with what they are."""

    def __init__(self, *, answers: bool) -> None:
        self.heard: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport
        self._answers = answers

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.put_nowait((data, addr))
        if self._answers:
            self.transport.sendto(data[::-1], addr)


@asynccontextmanager
async def ears(port: int | None = None) -> AsyncIterator[Ears]:
    """A server that answers, or a client of one."""
    loop = asyncio.get_running_loop()
    made = Ears(answers=port is None)
    if port is None:
        await loop.create_datagram_endpoint(lambda: made, (HOST, 0))
    else:
        await loop.create_datagram_endpoint(lambda: made, remote_addr=(HOST, port))
    try:
        yield made
    finally:
        made.transport.close()


@asynccontextmanager
async def answered() -> AsyncIterator[tuple[Ears, UdpProxy]]:
    """A server that answers, and a network before it."""
    async with ears() as server, udp_proxy(server.transport.get_extra_info("sockname")[1]) as proxy:
        yield server, proxy


async def test_packets_of_each_client_come_from_an_address_of_its_own_and_answers_find_back() -> None:
    async with answered() as (server, proxy), ears(proxy.port) as ann, ears(proxy.port) as bob, asyncio.timeout(DEADLINE):
        ann.transport.sendto(b"ann")
        bob.transport.sendto(b"bob")
        seen = dict([await server.heard.get(), await server.heard.get()])
        assert len(set(seen.values())) == len(seen) == 2
        assert [(await one.heard.get())[0] for one in (ann, bob)] == [b"nna", b"bob"]


async def test_each_direction_loses_packets_of_its_own() -> None:
    async with answered() as (server, proxy), ears(proxy.port) as ann, asyncio.timeout(DEADLINE):
        proxy.up.loss = 1.0
        ann.transport.sendto(b"one")
        await until(lambda: proxy.up.lost == 1)
        proxy.up.loss, proxy.down.loss, proxy.up.delay = 0.0, 1.0, 0.01
        ann.transport.sendto(b"two")
        assert (await server.heard.get())[0] == b"two"
        await until(lambda: proxy.down.lost == 1)
        proxy.down.loss = 0.0
        ann.transport.sendto(b"six")
        assert (await ann.heard.get())[0] == b"xis"
        assert (proxy.up.passed, proxy.down.passed) == (2, 1)
