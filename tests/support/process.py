"""The gateway as operators run it: `gateway serve` as a process of its own, and what can be seen of it from outside."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from gateway.addresses import Addresses
from gateway.config import AppSettings, Config, ListenSettings
from tests.support.gateway import APP, OTHER_APP, SECRET

START = 45.0
"""Seconds that a process may take to listen on a busy machine."""
_PORTS = re.compile(r"started http=\S*:(\d+) rtmp=\S*:(\d+)")
_COMMAND = (sys.executable, "-m", "gateway")
_SETTINGS = f"""
shutdown_grace = 5
shutdown_spread = 1
[listen]
host = "127.0.0.1"
public_host = "127.0.0.1"
[apps.{APP}]
secret = "{SECRET}"
[apps.{OTHER_APP}]
secret = "{SECRET[::-1]}"
"""


def environment(**more: str) -> dict[str, str]:
    """This process's environment without settings of the gateway that may be in it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")} | more


class GatewayProcess:
    """A gateway that has started."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.pid = process.pid
        self.out: list[str] = []
        """Lines on standard output so far."""
        self.log: list[str] = []
        """Lines on standard error so far."""
        self.http_port = self.rtmp_port = 0
        self._started = asyncio.Event()
        self._readers = [
            asyncio.create_task(self._read(process.stdout, self.out)), asyncio.create_task(self._read(process.stderr, self.log)),
        ]  # fmt: skip
        listen = ListenSettings(host="127.0.0.1", port=0, rtmp_port=0, public_host="127.0.0.1")
        self.config = Config(listen=listen, apps={APP: AppSettings(SECRET), OTHER_APP: AppSettings(SECRET[::-1])})

    @property
    def addresses(self) -> Addresses:
        """The addresses that its clients are given."""
        return Addresses.of(self.config.listen, self.http_port, self.rtmp_port)

    def use_tls(self, certificate: Path) -> None:
        """It serves HTTPS: its addresses say so."""
        self.config = replace(self.config, listen=replace(self.config.listen, tls_cert=certificate))

    async def started(self) -> None:
        """Waits until it listens. Raises RuntimeError with its log if it ended instead."""
        ended = asyncio.create_task(self._process.wait())
        waiting = asyncio.create_task(self._started.wait())
        async with asyncio.timeout(START):
            await asyncio.wait([ended, waiting], return_when=asyncio.FIRST_COMPLETED)
        if not self._started.is_set():
            await asyncio.gather(*self._readers)
            raise RuntimeError("\n".join(self.log))
        ended.cancel()

    @property
    def memory(self) -> int:
        """Bytes of physical memory in use (Linux)."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("the process has ended")

    @property
    def descriptors(self) -> int:
        """Open files and sockets (Linux)."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    def terminate(self) -> None:
        """Asks it to end."""
        self._process.send_signal(signal.SIGTERM)

    async def ended(self, deadline: float) -> int:
        """Waits for its end; its exit code."""
        async with asyncio.timeout(deadline):
            code = await self._process.wait()
        await asyncio.gather(*self._readers)
        return code

    async def stop(self) -> None:
        """Ends it, by force if need be."""
        if self.running:
            self.terminate()
            try:
                await self.ended(10)
            except TimeoutError:
                self._process.kill()
        await self._process.wait()
        await asyncio.gather(*self._readers)

    async def _read(self, stream: asyncio.StreamReader | None, lines: list[str]) -> None:
        assert stream is not None
        async for line in stream:
            lines.append(line.decode().rstrip("\n"))
            if lines is self.log and (match := _PORTS.search(lines[-1])):
                self.http_port, self.rtmp_port = int(match[1]), int(match[2])
                self._started.set()


@asynccontextmanager
async def serving(
    folder: Path, *words: str, settings: str = _SETTINGS, environ: Mapping[str, str] | None = None
) -> AsyncIterator[GatewayProcess]:
    """`gateway serve` on free ports with a settings file (what two tests' apps and loopback need, unless another is given)."""
    file = folder / "gateway.toml"
    file.write_text(settings)
    ports = ("--port", "0", "--rtmp-port", "0", "--udp-port", "0")
    process = await asyncio.create_subprocess_exec(
        *_COMMAND, "serve", "--config", file, *ports, *words,
        stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=environment(**environ or {}), limit=1 << 20,
    )  # fmt: skip
    gateway = GatewayProcess(process)
    try:
        await gateway.started()
        yield gateway
    finally:
        await gateway.stop()


async def run(*words: str, deadline: float = 60, **environ: str) -> tuple[int, str, str]:
    """Runs a command of the gateway to its end: exit code, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        *_COMMAND, *words, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=environment(**environ)
    )
    try:
        async with asyncio.timeout(deadline):
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, out.decode(), errors.decode()
