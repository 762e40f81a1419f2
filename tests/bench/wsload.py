"""Many WebSocket clients in one process, made to cost little: frames are built and counted as bytes.

  wsload.py logins URL FILE -n 2000             connect and send a line of FILE each, several at a time, and stay
  wsload.py rooms  URL FILE -n 200 -m 50 -k 2   the same, and then 2 in each room of 50 send message after message
  wsload.py reports URL FILE -n 50              the same, and then all of them publish a stream each and report on it

%d in URL is the number of a connection's room. The first message that comes back answers the line that was sent. As soon as
all are in, a sender waits for the answer to a message (the one with its id) before it sends the next; everything that comes
to anybody in the window is counted. Prints RAMPED when all are in, WINDOW_START and WINDOW_END around what is measured
(of logins: from before the first to `-s` seconds after the last), and then a line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop

TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A
"""First bytes of frames that are whole messages (RFC 6455 section 5.2)."""
AT_ONCE = 16
"""Logins on their way."""
LINGER = 0.5
"""Seconds from the window's end to that of the connections, in which the server is looked at."""
DEADLINE = 20.0
"""Seconds that a login may take."""
MESSAGE = "x" * 100
"""What is said."""
REPORTS_AT_ONCE = 19
"""Reports that nobody answers, before a ping that is answered: then they have been taken."""
STATUS = (
    b'{"videoBitrate":812,"audioBitrate":48,"videoFPS":"15","videoGOP":2,"netSpeed":871,"netJitter":12,"netQualityLevel":2,'
    b'"videoWidth":360,"videoHeight":640,"videoCache":1,"audioCache":2}'
)
"""What a live-pusher says of itself every other second."""
IDS_OF_A_SENDER = 1_000_000_000
"""Ids of two senders never meet."""


def frame(payload: bytes, first: int = TEXT) -> bytes:
    """A client's frame. Its mask is zero, which a server has to apply like any other."""
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes((first,)) + length + b"\0\0\0\0" + payload


def frames(data: bytes | bytearray) -> Iterator[tuple[int, int, int]]:
    """The whole frames at the beginning of what a server sent: first byte, begin and end of the payload."""
    at, end = 0, len(data)
    while at + 2 <= end:
        size, begin = data[at + 1], at + 2
        if size == 126:
            size, begin = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        elif size == 127:
            size, begin = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
        if begin > end or begin + size > end:
            return
        yield data[at], begin, begin + size
        at = begin + size


def request(id: int) -> bytes:
    """A broadcast message."""
    return beginning(id) + b'"method":"sendBroadcastMessage","params":{"message":"%s"}}' % MESSAGE.encode()


def report(stream: int) -> bytes:
    """What a live-pusher's program reports of its stream, as `params`."""
    return b'{"direction":"push","event":"bindnetstatus","streamID":"%d","data":%s}' % (stream, STATUS)


def beginning(id: int) -> bytes:
    """How a request begins, and the answer to it, at the gateway as at an echo."""
    return b'{"jsonrpc":"2.0","id":%d,' % id


def upgrade(host: str, path: str) -> bytes:
    """The request that makes a WebSocket of a connection (RFC 6455 section 4.1)."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (
        f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13", "", "",
    )  # fmt: skip
    return "\r\n".join(lines).encode()


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, path: str, host: str, first: bytes, said: Callable[[int], bytes], counts: Counter[str]) -> None:
        self._path = path
        self._said = said
        self._host = host
        self._first = first
        self._counts = counts
        self._data = bytearray()
        self._open = False
        self.inside: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """Whether what was sent first was answered well."""
        self.transport: asyncio.Transport | None = None
        self.alive = False
        self._id = 0
        self._answer = b""
        """How the answer that is waited for begins; nothing: none is."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.alive = cast(asyncio.Transport, transport), True
        self.transport.write(upgrade(self._host, self._path))

    def talk(self, first_id: int) -> None:
        """Sends message after message from now on."""
        self._id = first_id
        self._say()

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._open:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self._data.startswith(b"HTTP/1.1 101"):
                self._in(False)
                return
            del self._data[: end + 4]
            self._open = True
            self._write(frame(self._first))
        done = 0
        for first, begin, end in frames(self._data):
            done = end
            if first == TEXT:
                self._text(begin, end)
            elif first == PING:
                self._write(frame(bytes(self._data[begin:end]), PONG))
            elif first == CLOSE and self.transport:
                self.transport.close()
        del self._data[:done]

    def connection_lost(self, exc: Exception | None) -> None:
        self.alive = False
        self._in(False)

    def _text(self, begin: int, end: int) -> None:
        if not self.inside.done():
            self._in(b'"error":{' not in self._data[begin:end])
            return
        self._counts["received"] += 1
        if self._answer and self._data.startswith(self._answer, begin):
            self._counts["answered"] += 1
            if b'"error":{' in self._data[begin:end]:
                self._counts["refused"] += 1
            self._say()

    def _say(self) -> None:
        self._id += 1
        self._answer = beginning(self._id)
        self._write(self._said(self._id))

    def _write(self, data: bytes) -> None:
        if self.transport:
            self.transport.write(data)

    def _in(self, well: bool) -> None:
        if not self.inside.done():
            self.inside.set_result(well)


class Load:
    """All connections."""

    def __init__(self, given: argparse.Namespace) -> None:
        self._given = given
        self._lines = given.file.read_bytes().splitlines()
        self._counts: Counter[str] = Counter()
        self._clients: dict[int, Client] = {}
        self._cpu = self._wall = 0.0

    async def run(self) -> dict[str, float]:
        """Makes the measurement that was asked for; what it counted."""
        given = self._given
        if given.test == "logins":
            await self._log_in(range(given.n, given.n + given.warm))
            self._mark("WINDOW_START")
            await self._log_in(range(given.n))
            self._mark("RAMPED")
            await asyncio.sleep(given.settle)
        else:
            await self._log_in(range(given.n))
            self._mark("RAMPED")
            self._talk()
            await asyncio.sleep(given.settle)
            self._counts.clear()
            self._mark("WINDOW_START")
            await asyncio.sleep(given.window)
        counts = dict(self._counts)
        self._mark("WINDOW_END")
        await asyncio.sleep(LINGER)
        return {
            "alive": sum(client.alive for number, client in self._clients.items() if number < given.n),
            "inside": sum(client.inside.result() for number, client in self._clients.items() if number < given.n),
            "received": counts.get("received", 0),
            "answered": counts.get("answered", 0),
            "reports": counts.get("answered", 0) * REPORTS_AT_ONCE,
            "refused": counts.get("refused", 0),
            "client_cpu_s_per_s": round(self._cpu / self._wall, 3),
        }

    async def _log_in(self, whose: Iterable[int]) -> None:
        numbers = iter(whose)

        async def next_ones() -> None:
            for number in numbers:
                client = await self._connect(number)
                async with asyncio.timeout(DEADLINE):
                    await client.inside

        await asyncio.gather(*(next_ones() for _ in range(AT_ONCE)))

    async def _connect(self, number: int) -> Client:
        url = self._given.url.replace("%d", str(number // self._given.m))
        parts = urlsplit(url)
        said = _reporting(number) if self._given.test == "reports" else _saying

        def new() -> Client:
            return Client(parts.path, parts.netloc, self._lines[number], said, self._counts)

        _, client = await asyncio.get_running_loop().create_connection(new, parts.hostname, parts.port)
        self._clients[number] = client
        return client

    def _talk(self) -> None:
        """As many of each room as are to send begin."""
        for number, client in self._clients.items():
            if self._given.test == "reports" or number % self._given.m < self._given.k:
                client.talk(number * IDS_OF_A_SENDER)

    def _mark(self, mark: str) -> None:
        print(mark, flush=True)
        if mark == "WINDOW_START":
            self._cpu, self._wall = -time.process_time(), -time.monotonic()
        elif mark == "WINDOW_END":
            self._cpu += time.process_time()
            self._wall += time.monotonic()


def _saying(id: int) -> bytes:
    return frame(request(id))


def _reporting(number: int) -> Callable[[int], bytes]:
    """What one who reports sends: the wish to publish the first time, then reports and the ping."""
    publish = beginning(0) + b'"method":"publish","params":{"streamID":"%d"}}' % number
    reports = frame(b'{"jsonrpc":"2.0","method":"report","params":%s}' % report(number)) * REPORTS_AT_ONCE
    first = number * IDS_OF_A_SENDER + 1

    def said(id: int) -> bytes:
        return (frame(publish) if id == first else b"") + reports + frame(beginning(id) + b'"method":"ping","params":{}}')

    return said


def main() -> None:
    """Runs what the command line asks for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("test", choices=["logins", "rooms", "reports"])
    options.add_argument("url")
    options.add_argument("file", type=Path, help="what each connection sends first, a line each")
    options.add_argument("-n", type=int, required=True, help="connections")
    options.add_argument("-m", type=int, default=50, help="connections in a room")
    options.add_argument("-k", type=int, default=1, help="senders in each room")
    options.add_argument("-w", dest="warm", type=int, default=0, help="logins before the window, which are not counted")
    options.add_argument("-s", dest="settle", type=float, default=1.0, help="seconds before the window; after the last login")
    options.add_argument("-t", dest="window", type=float, default=5.0, help="seconds that are measured")
    print(json.dumps(uvloop.run(Load(options.parse_args()).run())))


if __name__ == "__main__":
    main()
