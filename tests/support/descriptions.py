"""Session descriptions for tests: what real programs sent, and our side of a connection."""

from __future__ import annotations

from pathlib import Path

from adapters.media.units import Medium
from adapters.webrtc.aiortc_internals import Fingerprint
from adapters.webrtc.writing import Local, Sources

SDP = Path(__file__).parent.parent / "data" / "sdp"
CAPTURED = tuple(sorted(path.stem for path in SDP.glob("*.sdp")))
"""Program and occasion: the program offers to publish or to play, or answers our offer."""
LOCAL = Local(
    "our+ufrag/0123456", "p" * 24, Fingerprint("sha-256", ":".join(["AB"] * 32)),
    (("192.0.2.1", 8189), ("2001:db8::1", 8189)), 7, 1,
)  # fmt: skip
SOURCES = Sources({Medium.AUDIO: (11, 12), Medium.VIDEO: (13, 14)}, "our-cname")


def captured(name: str) -> str:
    """A description as the program sent it."""
    return (SDP / f"{name}.sdp").read_bytes().decode()


def lines(text: str, start: str) -> list[str]:
    """The lines that begin like this, in order."""
    return [line for line in text.split("\r\n") if line.startswith(start)]


def section(text: str, number: int) -> str:
    """A media section, from its m-line on."""
    return "m=" + text.split("\r\nm=")[number + 1]
