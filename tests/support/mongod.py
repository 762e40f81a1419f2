"""A real MongoDB on loopback: a replica set of one member or three, that can be killed and started again."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import ConnectionFailure, OperationFailure

from tests.support.ports import HOST, free_port
from tests.support.tools import SYSTEM_PATH, TOOLS, MissingProgramError

SET = "rs0"
_START = 60.0
"""Seconds that members may take to listen, and to elect."""
_ATTEMPTS = 5
"""Ports that are tried: another program may take one between its choice and the server's start."""


@cache
def mongod() -> str:
    """The path of the server. Raises MissingProgramError."""
    unpacked = TOOLS / "mongod" / "fiftyone" / "db" / "bin" / "mongod"
    path = str(unpacked) if unpacked.exists() else shutil.which("mongod", path=SYSTEM_PATH)
    if path is None:
        raise MissingProgramError("mongod")
    return path


class Member:
    """One server of the set, with its own data. It belongs to no event loop: tests that have one each may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = 0
        self._process: Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Starts it; again with the same port and data."""
        self._folder.mkdir(exist_ok=True)
        for _ in range(1 if self.port else _ATTEMPTS):
            port = self.port or free_port()
            command = [mongod(), *self._arguments(port)]
            self._process = Popen(command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)  # noqa: ASYNC220
            if await self._listens(port):
                self.port = port
                return
        raise RuntimeError(f"mongod does not start: {self._log.read_text()[-2000:]}")

    async def kill(self) -> None:
        """Ends it in the middle of whatever it does."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            await asyncio.to_thread(self._process.wait)

    def freeze(self) -> None:
        """It keeps its sockets and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    @property
    def _log(self) -> Path:
        return self._folder / "mongod.log"

    def _arguments(self, port: int) -> list[str]:
        return [
            "--port", str(port), "--bind_ip", HOST, "--dbpath", str(self._folder), "--replSet", SET,
            "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "50", "--quiet", "--nounixsocket",
            "--logpath", str(self._log), "--logappend",
            "--setParameter", "diagnosticDataCollectionEnabled=false", "--setParameter", "ttlMonitorSleepSecs=1",
        ]  # fmt: skip

    async def _listens(self, port: int) -> bool:
        """Waits until it takes connections; False if it ended instead."""
        async with asyncio.timeout(_START):
            while self.running:
                try:
                    _, writer = await asyncio.open_connection(HOST, port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    return True
        return False

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self.running:
            self._process.send_signal(number)


class ReplicaSet:
    """Members that hold the same data."""

    def __init__(self, members: list[Member]) -> None:
        self.members = members

    @property
    def url(self) -> str:
        """The connection string for clients of the whole set."""
        return f"mongodb://{','.join(member.address for member in self.members)}/?replicaSet={SET}"

    async def initiate(self) -> None:
        """Makes one set of them, with short elections, and waits until it has a primary."""
        members = [{"_id": at, "host": member.address} for at, member in enumerate(self.members)]
        settings = {"electionTimeoutMillis": 1000, "heartbeatIntervalMillis": 200}
        await _ask(self.members[0], {"replSetInitiate": {"_id": SET, "members": members, "settings": settings}}, _START)
        await self.primary()

    async def primary(self) -> Member:
        """Waits until a running member takes writes; it is returned."""
        async with asyncio.timeout(_START):
            while True:
                for member in self.members:
                    if await _is_primary(member):
                        return member
                await asyncio.sleep(0.05)

    async def step_down(self) -> None:
        """The primary hands its office over, as soon as another one can take it."""
        async with asyncio.timeout(_START):
            while True:
                try:
                    await _ask(await self.primary(), {"replSetStepDown": 20, "secondaryCatchUpPeriodSecs": 5}, _START)
                except OperationFailure:  # nobody has caught up yet, or it is primary no more
                    await asyncio.sleep(0.05)
                else:
                    return


async def _is_primary(member: Member) -> bool:
    try:
        return member.running and bool((await _ask(member, {"hello": 1}))["isWritablePrimary"])
    except ConnectionFailure:
        return False


async def _ask(member: Member, command: dict[str, Any], patience: float = 2.0) -> dict[str, Any]:
    """Gives one member a command of an administrator's. `patience`: seconds to reach it."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        HOST, member.port, directConnection=True, serverSelectionTimeoutMS=round(1000 * patience)
    )
    try:
        return await client.admin.command(command)
    finally:
        await client.close()


@asynccontextmanager
async def replica_set(folder: Path, members: int = 1) -> AsyncIterator[ReplicaSet]:
    """A set that has elected its primary. Its data are kept in `folder`."""
    found = ReplicaSet([Member(folder / f"member-{at}") for at in range(members)])
    try:
        async with asyncio.TaskGroup() as starting:
            for member in found.members:
                starting.create_task(member.start())
        await found.initiate()
        yield found
    finally:
        for member in found.members:
            member.thaw()
            await member.kill()
