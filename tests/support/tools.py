"""The programs and clips that tests use: where they are, and a clear word when they are not there.

`make test` installs the programs (`tests/setup/tools.sh`); clips are made with ffmpeg on first use.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The top of the checkout."""

TOOLS = ROOT / ".tools"
"""What is made or fetched for tests; ignored by git."""

SYSTEM_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
"""PATH with the folders in which Debian keeps servers."""


class MissingProgramError(RuntimeError):
    """A program that a test runs is not installed."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not installed: tests/setup/tools.sh installs it, or says how")
        self.name = name


@cache
def program(name: str) -> str:
    """The path of an installed program, such as `ffmpeg`, `ffprobe`, `gst-launch-1.0`, `rtmpdump`, `curl`."""
    path = shutil.which(name, path=SYSTEM_PATH)
    if path is None:
        raise MissingProgramError(name)
    return path


@cache
def clip(spec: str = "640x480-15") -> Path:
    """A FLV file of 60 s named SIZE-FPS: H.264 constrained baseline, GOP 2 s, 600 kbit/s, and AAC-LC 48 kHz mono."""
    program("ffmpeg")
    path = TOOLS / "clips" / f"{spec}.flv"
    subprocess.run([ROOT / "tests/bench/clips.sh", path.parent, spec], check=True)
    return path
