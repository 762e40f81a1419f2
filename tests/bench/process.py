"""What a server costs: CPU time, memory and descriptors of a process tree, read from /proc (Linux)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
NANOSECONDS = 1e9


@dataclass(frozen=True, slots=True)
class Sample:
    """A process tree at one moment."""

    at: float
    """time.monotonic()."""
    cpu: Mapping[int, float]
    """User and system seconds so far, by process id."""
    scheduled: Mapping[int, float]
    """Seconds on a CPU so far as the scheduler counts them (finer than `cpu`), by process id."""
    rss_kb: int
    pss_kb: int
    fds: int
    threads: int
    busy: float
    """Seconds that all CPUs of the machine have been busy so far."""
    stolen: float
    """Seconds that the hypervisor has taken so far."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process tree used between two samples, and what it held at the second one."""

    wall_s: float
    server_cpu: float
    """CPU seconds per second: 0.117 is 11.7 % of one core."""
    server_cpu_schedstat: float
    """The same, as the scheduler counts it."""
    rss_mb: float
    pss_mb: float
    fds: int
    threads: int
    procs: int
    machine_busy_cores: float
    machine_steal: float


def sample(pids: Iterable[int]) -> Sample:
    """`pids` and all their descendants, now. A process that ends meanwhile is left out."""
    cpu: dict[int, float] = {}
    scheduled: dict[int, float] = {}
    sums = {"VmRSS:": 0, "Pss:": 0, "Threads:": 0}
    fds = 0
    for pid in _tree(pids):
        folder = PROC / str(pid)
        try:
            fields = _stat(folder)
            for name in ("status", "smaps_rollup"):
                _add(sums, folder / name)
            fds += len(os.listdir(folder / "fd"))
            scheduled[pid] = sum(_scheduled(task) for task in (folder / "task").iterdir())
        except OSError:
            scheduled.pop(pid, None)
            continue
        cpu[pid] = (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND
    with open(PROC / "stat") as stat:
        ticks = [int(word) for word in stat.readline().split()[1:9]]
    busy = (sum(ticks) - ticks[3] - ticks[4]) / TICKS_PER_SECOND
    return Sample(
        time.monotonic(), cpu, scheduled, sums["VmRSS:"], sums["Pss:"], fds, sums["Threads:"], busy, ticks[7] / TICKS_PER_SECOND
    )


def usage(before: Sample, after: Sample) -> Usage:
    """What happened between two samples of the same processes."""
    seconds = after.at - before.at
    return Usage(
        wall_s=round(seconds, 3),
        server_cpu=round(_difference(before.cpu, after.cpu) / seconds, 4),
        server_cpu_schedstat=round(_difference(before.scheduled, after.scheduled) / seconds, 4),
        rss_mb=round(after.rss_kb / 1024, 1),
        pss_mb=round(after.pss_kb / 1024, 1),
        fds=after.fds,
        threads=after.threads,
        procs=len(after.cpu),
        machine_busy_cores=round((after.busy - before.busy) / seconds, 3),
        machine_steal=round((after.stolen - before.stolen) / seconds, 3),
    )


def _difference(before: Mapping[int, float], after: Mapping[int, float]) -> float:
    return sum(value - before.get(pid, 0.0) for pid, value in after.items())


def _tree(pids: Iterable[int]) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                children.setdefault(int(_stat(entry)[1]), []).append(int(entry.name))
            except OSError:
                continue
    found: list[int] = []
    waiting = list(pids)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.append(pid)
            waiting += children.get(pid, [])
    return found


def _stat(folder: Path) -> list[str]:
    """The fields of /proc/PID/stat that follow the command's name (proc(5), from field 3 on)."""
    text = (folder / "stat").read_text()
    return text[text.rindex(")") + 2 :].split()


def _add(sums: dict[str, int], file: Path) -> None:
    for line in file.read_text().splitlines():
        name, _, rest = line.partition(":")
        if f"{name}:" in sums:
            sums[f"{name}:"] += int(rest.split()[0])


def _scheduled(task: Path) -> float:
    try:
        return int((task / "schedstat").read_text().split()[0]) / NANOSECONDS
    except OSError:
        return 0.0  # the thread has ended
