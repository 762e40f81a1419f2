"""Other people's programs as clients of the gateway: started, waited for with a deadline, stopped by their process id."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.tools import program

DEADLINE = 60.0
"""Seconds that a program may take at most."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended."""

    code: int
    out: bytes
    errors: str


@asynccontextmanager
async def started(name: str, *arguments: str | Path) -> AsyncIterator[Process]:
    """A program that runs for as long as the block; its output and its errors can be read."""
    process = await asyncio.create_subprocess_exec(program(name), *arguments, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def run(name: str, *arguments: str | Path, deadline: float = DEADLINE) -> Finished:
    """Runs a program to its end. Raises TimeoutError if that does not come."""
    async with started(name, *arguments) as process:
        async with asyncio.timeout(deadline):
            out, errors = await process.communicate()
        assert process.returncode is not None
        return Finished(process.returncode, out, errors.decode(errors="replace").strip())


@dataclass(slots=True)
class Decoded:
    """What ffprobe made of a file or of an address: it decodes everything."""

    errors: str
    """What it complained about."""
    audio: list[float] = field(default_factory=list)
    """Seconds at which the decoded pieces of sound begin."""
    video: list[float] = field(default_factory=list)
    """Seconds at which the decoded pictures are shown."""

    def spread(self) -> tuple[float, float]:
        """By how much picture is later than sound, in seconds: at the beginning and at the end."""
        return self.video[0] - self.audio[0], self.video[-1] - self.audio[-1]


async def decode(source: str | Path) -> Decoded:
    """Decodes a file, or a stream until it ends."""
    entries = ("-show_entries", "frame=media_type,pts_time", "-of", "csv=nokey=1:p=0")
    found = await run("ffprobe", "-v", "error", *entries, "-i", source)
    decoded = Decoded(found.errors)
    for line in found.out.decode().split():
        medium, time = line.split(",")[:2]
        (decoded.audio if medium == "audio" else decoded.video).append(float(time))
    return decoded
