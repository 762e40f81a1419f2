"""Networks on loopback that can be made bad while they are in use: proxies for TCP and for UDP.

Each direction is a link of its own. A link over TCP takes bytes at a rate and holds next to nothing: its sockets have small
buffers, so that whoever sends too fast is pushed back as by a real network, and what waits, waits at the sender's. A link
over UDP loses, delays and queues packets. What is random comes from a seed.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

HOST = "127.0.0.1"
SEGMENT = 1460
"""Bytes that a TCP connection through a proxy sends at once, as over Ethernet."""
BUFFER = 16 << 10
"""Bytes asked for as a socket's buffer. Linux takes it twofold, and uses about half of that for data."""
QUEUE = 0.2
"""Seconds of packets that a link over UDP holds while it is too slow; the others are dropped."""

_LARGEST = 1 << 16

Address = tuple[str, int]


class TcpLink:
    """One direction of a TCP proxy. All connections through it share its rate."""

    def __init__(self) -> None:
        self.rate: float | None = None
        """bit/s; `None`: without a limit."""
        self.passed = 0
        """Bytes that came through."""
        self._free_at = 0.0
        self._open = asyncio.Event()
        self._open.set()

    def stall(self) -> None:
        """Lets nothing through until `resume`. Nothing gets lost."""
        self._open.clear()

    def resume(self) -> None:
        self._open.set()

    def ready_at(self, size: int, now: float) -> float:
        """When so many bytes, which are there now, are through."""
        if self.rate is None:
            return now
        self._free_at = max(self._free_at, now) + size * 8 / self.rate
        return self._free_at

    async def carry(self, source: socket.socket, target: socket.socket) -> None:
        """Carries what comes until it ends, and says so to the other side."""
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(source, SEGMENT):
            await asyncio.sleep(self.ready_at(len(data), loop.time()) - loop.time())
            await self._open.wait()
            await loop.sock_sendall(target, data)
            self.passed += len(data)
        target.shutdown(socket.SHUT_WR)


class TcpProxy:
    """Passes connections on to a server of this machine."""

    def __init__(self, listener: socket.socket, target: int) -> None:
        self.port: int = listener.getsockname()[1]
        self.up = TcpLink()
        """From clients to the server."""
        self.down = TcpLink()
        self._listener = listener
        self._target = target
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Takes connections until cancelled; ends them then."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                client, _ = await loop.sock_accept(self._listener)
                task = asyncio.create_task(self._pass_on(client))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pass_on(self, client: socket.socket) -> None:
        with client, _tcp_socket() as server:
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with suppress(ConnectionError):
                await asyncio.get_running_loop().sock_connect(server, (HOST, self._target))
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._one_way(self.up, client, server))
                    both.create_task(self._one_way(self.down, server, client))

    async def _one_way(self, link: TcpLink, source: socket.socket, target: socket.socket) -> None:
        try:
            await link.carry(source, target)
        except OSError:  # one side is gone: so must be the other
            for each in (source, target):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)


class UdpLink:
    """One direction of a UDP proxy."""

    def __init__(self, seed: int) -> None:
        self.loss = 0.0
        """The part of the packets that get lost."""
        self.rate: float | None = None
        """bit/s; `None`: without a limit."""
        self.delay = 0.0
        """Seconds that each packet is under way at least."""
        self.jitter = 0.0
        """Seconds that it may take longer: they may overtake each other."""
        self.passed = self.lost = self.dropped = 0
        """Packets: that came through; that got lost by chance; for which there was no room in the queue."""
        self._free_at = 0.0
        self._random = random.Random(seed)

    def due_at(self, size: int, now: float) -> float | None:
        """When a packet that is sent now is there; `None`: never."""
        if self._random.random() < self.loss:
            self.lost += 1
            return None
        if self.rate is not None:
            if self._free_at - now > QUEUE:
                self.dropped += 1
                return None
            now = self._free_at = max(self._free_at, now) + size * 8 / self.rate
        self.passed += 1
        return now + self.delay + self._random.random() * self.jitter


class UdpProxy:
    """Passes packets on to a server of this machine; each client has an address of its own there."""

    def __init__(self, listener: socket.socket, target: int, seed: int) -> None:
        self.port: int = listener.getsockname()[1]
        self.up = UdpLink(seed)
        """From clients to the server."""
        self.down = UdpLink(seed + 1)
        self._listener = listener
        self._target = target
        self._clients: dict[Address, socket.socket] = {}
        asyncio.get_running_loop().add_reader(listener, self._hear)

    def close(self) -> None:
        """Passes nothing on any more."""
        for sock in (self._listener, *self._clients.values()):
            asyncio.get_running_loop().remove_reader(sock)
            sock.close()

    def _hear(self) -> None:
        with suppress(OSError):  # nothing more for now
            while True:
                data, addr = self._listener.recvfrom(_LARGEST)
                client = self._clients.get(addr) or self._connect(addr)
                _send_later(self.up, client.send, data)

    def _connect(self, addr: Address) -> socket.socket:
        """The proxy's side towards the server, for one client."""
        client = self._clients[addr] = _udp_socket()
        client.connect((HOST, self._target))
        asyncio.get_running_loop().add_reader(client, self._answer, client, lambda data: self._listener.sendto(data, addr))
        return client

    def _answer(self, client: socket.socket, send: Callable[[bytes], object]) -> None:
        with suppress(OSError):
            while True:
                _send_later(self.down, send, client.recv(_LARGEST))


@asynccontextmanager
async def tcp_proxy(port: int) -> AsyncIterator[TcpProxy]:
    """A healthy network before a TCP port of this machine, for as long as the block runs."""
    with _tcp_socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        proxy = TcpProxy(listener, port)
        serving = asyncio.create_task(proxy.serve())
        try:
            yield proxy
        finally:
            serving.cancel()
            await asyncio.wait([serving])


@asynccontextmanager
async def udp_proxy(port: int, seed: int = 1) -> AsyncIterator[UdpProxy]:
    """A healthy network before a UDP port of this machine, for as long as the block runs."""
    listener = _udp_socket()
    listener.bind((HOST, 0))
    proxy = UdpProxy(listener, port, seed)
    try:
        yield proxy
    finally:
        proxy.close()


def _udp_socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made


def _tcp_socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setblocking(False)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):  # accepted connections inherit them
        made.setsockopt(socket.SOL_SOCKET, option, BUFFER)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _send_later(link: UdpLink, send: Callable[[bytes], object], data: bytes) -> None:
    """Sends a packet when the link has it through, if ever."""
    loop = asyncio.get_running_loop()
    due = link.due_at(len(data), loop.time())
    if due is None:
        return
    if due <= loop.time():
        _send(send, data)
    else:
        loop.call_at(due, _send, send, data)


def _send(send: Callable[[bytes], object], data: bytes) -> None:
    with suppress(OSError):  # nobody is there any more
        send(data)
