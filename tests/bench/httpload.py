"""Many HTTP clients in one process that upload reports, made to cost little: requests are bytes, made once.

  httpload.py URL FILE -n 50 -b 20     50 connections, each of which uploads 20 reports again and again

A line of FILE for each says who it is, as a login does (`wsload.py`). Who has an answer uploads again at once. Prints RAMPED
when all are connected, WINDOW_START and WINDOW_END around what is measured, and then a line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop

from tests.bench.wsload import LINGER, report

_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


def upload(host: str, path: str, login: bytes, stream: int, reports: int) -> bytes:
    """The request of one whose login this would be."""
    who = json.loads(login)["params"]
    head = json.dumps({name: who[name] for name in ("appID", "roomID", "userID")}).encode()
    body = head[:-1] + b',"reports":[' + b",".join([report(stream)] * reports) + b"]}"
    lines = (
        f"POST {path} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {who['token']}", "Content-Type: application/json",
        f"Content-Length: {len(body)}", "", "",
    )  # fmt: skip
    return "\r\n".join(lines).encode() + body


def answer_end(data: bytes | bytearray) -> int:
    """Where the first answer ends; 0: it has not come whole."""
    head = data.find(_END)
    if head < 0:
        return 0
    at = data.lower().find(_LENGTH, 0, head)
    size = int(data[at + len(_LENGTH) : data.find(b"\r", at)]) if at >= 0 else 0
    end = head + len(_END) + size
    return end if end <= len(data) else 0


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, request: bytes, counts: Counter[str]) -> None:
        self._request = request
        self._counts = counts
        self._data = bytearray()
        self._transport: asyncio.Transport | None = None

    @property
    def alive(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def begin(self) -> None:
        """Uploads from now on."""
        if self._transport:
            self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        if end := answer_end(self._data):
            self._counts["answered" if self._data.startswith(b"HTTP/1.1 200 ") else "refused"] += 1
            del self._data[:end]
            self.begin()


async def run(given: argparse.Namespace) -> dict[str, float]:
    """Makes the measurement; what was counted in the window."""
    parts, counts = urlsplit(given.url), Counter[str]()
    clients: list[Client] = []
    for number, login in enumerate(given.file.read_bytes().splitlines()[: given.n]):
        client = Client(upload(parts.netloc, parts.path, login, number, given.b), counts)
        await asyncio.get_running_loop().create_connection(lambda made=client: made, parts.hostname, parts.port)  # type: ignore[misc]
        clients.append(client)
    print("RAMPED", flush=True)
    for client in clients:
        client.begin()
    await asyncio.sleep(given.settle)
    counts.clear()
    print("WINDOW_START", flush=True)
    cpu, wall = time.process_time(), time.monotonic()
    await asyncio.sleep(given.window)
    seen, cpu, wall = dict(counts), time.process_time() - cpu, time.monotonic() - wall
    print("WINDOW_END", flush=True)
    await asyncio.sleep(LINGER)
    return {
        "alive": sum(client.alive for client in clients),
        "answered": seen.get("answered", 0),
        "refused": seen.get("refused", 0),
        "reports": seen.get("answered", 0) * given.b,
        "client_cpu_s_per_s": round(cpu / wall, 3),
    }


def main() -> None:
    """Runs what the command line asks for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("url")
    options.add_argument("file", type=Path, help="who each connection is, a line each")
    options.add_argument("-n", type=int, required=True, help="connections")
    options.add_argument("-b", type=int, default=1, help="reports in an upload")
    options.add_argument("-s", dest="settle", type=float, default=1.0, help="seconds before the window")
    options.add_argument("-t", dest="window", type=float, default=5.0, help="seconds that are measured")
    print(json.dumps(uvloop.run(run(options.parse_args()))))


if __name__ == "__main__":
    main()
