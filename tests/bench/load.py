"""Runs the load programs (mload, rtcload) and samples the server inside their measuring window.

A load program prints RAMPED, WINDOW_START and WINDOW_END on lines of their own, and at its end one line of JSON.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.process import Sample, Usage, sample, usage
from tests.support.tools import TOOLS, program

MLOAD = TOOLS / "bench" / "mload"
RTCLOAD = TOOLS / "bench" / "rtcload"

PUBLISHER_START = 3.0
"""Seconds from starting a publisher to the first player, so that a GOP is there."""
STOP_DEADLINE = 5.0
"""Seconds that a load program has for ending."""

MARKS = ("RAMPED", "WINDOW_START", "WINDOW_END")
"""The moments that a load program tells of: its last connection begins; the measuring window opens, and closes."""

Counts = dict[str, Any]
"""What a load program says of itself: its line of JSON."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where connections go: one URL, in which %d stands for a connection's number, or a file with a URL per line."""

    url: str = ""
    file: Path | None = None

    def arguments(self, option: str = "--urls") -> list[str]:
        """For a load program's command line."""
        return [self.url] if self.file is None else [option, str(self.file)]

    def first(self) -> str:
        """The address of connection 0."""
        return self.url if self.file is None else self.file.read_text().split()[0]

    @property
    def scheme(self) -> str:
        """`rtmp`, `http` or `https`."""
        return self.first().partition(":")[0]


@dataclass(frozen=True, slots=True)
class Pace:
    """How a load program opens its connections and when it measures."""

    rate: float = 100.0
    """Connections opened per second."""
    settle: float = 4.0
    """Seconds from the last connection to the measuring window."""
    window: float = 20.0
    """Seconds that are measured."""

    def arguments(self, slowest: float | None = None) -> list[str]:
        """For a load program's command line; `slowest` caps the rate."""
        rate = self.rate if slowest is None else min(self.rate, slowest)
        return ["-r", str(rate), "-s", str(self.settle), "-t", str(self.window)]


PACE = Pace()
"""What is used unless something else is asked for."""


def run_window(command: Sequence[str], pids: Iterable[int]) -> tuple[Counts, Usage]:
    """Runs a load program to its end. Returns its counts and what the processes `pids` used inside its window.

    Raises RuntimeError if it ends before it has measured.
    """
    counts, marks = run_marked(command, pids)
    return counts, usage(marks["WINDOW_START"], marks["WINDOW_END"])


def run_marked(command: Sequence[str], pids: Iterable[int]) -> tuple[Counts, Mapping[str, Sample]]:
    """Runs a load program to its end. Returns its counts and what the processes `pids` were at each of MARKS.

    Raises RuntimeError if it ends before it has measured.
    """
    watched = list(pids)
    marks: dict[str, Sample] = {}
    counts: Counts = {}
    with _running(command) as process:
        assert process.stdout is not None
        for line in process.stdout:
            mark = line.split(maxsplit=1)[0] if line.strip() else ""
            if mark in MARKS:
                marks[mark] = sample(watched)
            elif line.startswith("{"):
                counts = json.loads(line)
        process.wait(STOP_DEADLINE)
    if len(marks) < len(MARKS) or not counts:
        raise RuntimeError(f"{Path(command[0]).name} ended with {process.returncode} before it had measured")
    return counts, marks


def run_once(command: Sequence[str]) -> Counts:
    """Runs a load program that has no window to its end. Returns its counts."""
    with _running(command) as process:
        output, _ = process.communicate()
    return _last_line(output)


@contextmanager
def publishing(addresses: Addresses, clip: Path, *, chunk: int = 4096, with_ffmpeg: bool = False) -> Iterator[None]:
    """One RTMP publisher in the background. Raises RuntimeError if it does not live to the end."""
    if with_ffmpeg:
        quiet = ["-hide_banner", "-loglevel", "error", "-nostdin"]
        source = ["-re", "-stream_loop", "-1", "-i", str(clip), "-c", "copy", "-f", "flv"]
        command = [program("ffmpeg"), *quiet, *source, addresses.first()]
    else:
        command = publish_command(addresses, clip, 1, ["-s", "0", "-t", "100000", "-c", str(chunk)])
    with _running(command) as process:
        time.sleep(PUBLISHER_START)
        if process.poll() is None:
            yield
        if process.poll() is not None:
            raise RuntimeError(f"the publisher has ended by itself with {process.returncode}")


@contextmanager
def background(command: Sequence[str]) -> Iterator[Counts]:
    """A load program in the background, told to end at the end of the block; its counts are there after the block."""
    counts: Counts = {}
    with _running(command) as process:
        yield counts
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=STOP_DEADLINE)
    counts.update(_last_line(output))


def publish_command(addresses: Addresses, clip: Path, connections: int, options: Sequence[str]) -> list[str]:
    """mload as so many publishers."""
    return [str(MLOAD), "publish", *addresses.arguments(), "-f", str(clip), "-n", str(connections), *options]


def play_command(addresses: Addresses, connections: int, options: Sequence[str]) -> list[str]:
    """mload as so many players."""
    return [str(MLOAD), "play", *addresses.arguments(), "-n", str(connections), *options]


def whep_command(addresses: Addresses, connections: int, bearer: str, options: Sequence[str]) -> list[str]:
    """rtcload as so many players."""
    return [str(RTCLOAD), "whep", *addresses.arguments("-urls"), "-n", str(connections), "-bearer", bearer, *options]


def whip_command(addresses: Addresses, connections: int, bearer: str, media: Sequence[Path], options: Sequence[str]) -> list[str]:
    """rtcload as so many publishers of `media` (FLV, Ogg)."""
    clip, ogg = map(str, media)
    target = [*addresses.arguments("-urls"), "-n", str(connections), "-bearer", bearer]
    return [str(RTCLOAD), "whip", *target, "-f", clip, "-o", ogg, *options]


@contextmanager
def _running(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that has ended when the block has ended, whatever happens in it."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _last_line(output: str) -> Counts:
    lines = output.strip().splitlines()
    if not lines or not lines[-1].startswith("{"):
        raise RuntimeError("a load program ended without its counts")
    counts: Counts = json.loads(lines[-1])
    return counts
