"""The sound that WebRTC publishers of the bench send."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

from tests.support.tools import ROOT, TOOLS, program


@cache
def opus() -> Path:
    """An Ogg file of 60 s: Opus 48 kHz stereo 64 kbit/s, one packet of 20 ms per page. Made with ffmpeg on first use."""
    program("ffmpeg")
    path = TOOLS / "clips" / "opus.ogg"
    subprocess.run([ROOT / "tests/bench/clips.sh", path.parent, "opus"], check=True)
    return path
