"""What the operating system says of this process: processor time, memory, descriptors.

`prometheus_client` has a collector for this, which lists every descriptor: at 10 000 connections that holds the event loop
for 7 ms. Where the kernel tells their number, it is asked for that alone.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_DESCRIPTORS = Path("/dev/fd")
"""On Linux a link to `/proc/self/fd`."""
_MEMORY = Path("/proc/self/statm")
_STARTED = time.time()
"""When this was imported: the process began a moment before."""


@dataclass(frozen=True, slots=True)
class ProcessReading:
    """This process at one moment."""

    cpu: float
    """Seconds of processor time so far, all threads."""
    resident: int | None
    """Bytes of physical memory; `None`: cannot be known here."""
    descriptors: int
    """Open files and sockets."""
    descriptor_limit: int
    """How many there may be."""
    started: float = _STARTED
    """Unix time."""


def read_process() -> ProcessReading:
    """Asks the operating system. Costs some 20 µs on Linux 6.2 or newer, however many connections there are."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return ProcessReading(
        cpu=used.ru_utime + used.ru_stime,
        resident=_resident(),
        descriptors=_descriptors(),
        descriptor_limit=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    )


def _descriptors() -> int:
    """Linux tells their number as the folder's size, since 6.2; before that it says 0, and they are listed."""
    told = _DESCRIPTORS.stat().st_size if sys.platform == "linux" else 0
    return told or len(os.listdir(_DESCRIPTORS))


def _resident() -> int | None:
    try:
        return int(_MEMORY.read_text("ascii").split()[1]) * resource.getpagesize()
    except OSError:
        return None
