"""What is measured of media on their way, on one scale for all protocols; and who can be asked for it. Pure.

The media side measures, `watch.py` asks for it every now and then, `verdict.py` judges. Bits per second, seconds, and
parts of one, here as everywhere in `gateway/quality`. Readings are structs: each viewer's are made anew every second, and a
frozen dataclass takes several times as long.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from msgspec import Struct

from gateway.rooms.model import Grant

STALE_AFTER = 6.0
"""Seconds after which what a network path was like says nothing of it any more: if nothing is sent, nothing is measured."""
LEAST_BITRATE = 16_000.0
"""bit/s; what waits for a viewer is measured as if its stream had this much: what is wrapped around the few bytes of silence is
several times as large, and the last packet of a stream that fell silent is not minutes of media."""


class PathReading(Struct, frozen=True, gc=False):
    """What a connection's transport knows of its network path. `None`: it cannot know, or does not yet."""

    round_trip: float | None = None
    """Seconds, smoothed."""
    loss: float | None = None
    """The part of the packets that got lost lately, repaired or not: RTP both ways; TCP (segments sent again) to viewers
    only."""
    jitter: float | None = None
    """Seconds (RFC 3550 section 6.4.1)."""
    queued: int | None = None
    """To viewers over TCP: bytes handed over that the peer has not acknowledged, ours and the kernel's."""
    repeats: int = 0
    """Packets that were asked for again or sent again, since the connection began."""


class IngestReading(Struct, frozen=True, gc=False):
    """How one stream arrived in the span that ends now."""

    protocol: str
    span: float
    """Seconds."""
    connected: bool
    """A publisher is there."""
    audio_bitrate: float
    """Payload, in bit/s."""
    video_bitrate: float
    fps: float
    """Pictures per second; 0 without video."""
    gop: float | None
    """Seconds between the last two keyframes."""
    silence: float
    """Seconds since anything came."""
    gap: float
    """The longest time within the span in which nothing came, the one that still runs included, in seconds."""
    late: float
    """By how many seconds the most punctual unit of the span came later than the stream's best ever: what has piled up
    before us and does not go away."""
    late_peak: float
    """The same of the least punctual unit: what stalls and catches up."""
    drift: float | None
    """By how many seconds video came behind the audio of the same time; below 0: before it. `None`: not both came."""
    jumps: int
    """Times that the publisher's clock jumped, since the stream began."""
    width: int = 0
    height: int = 0
    audio: bool = False
    """Sound arrives at present."""
    video: bool = False
    path: PathReading = PathReading()


class EgressReading(Struct, frozen=True, gc=False):
    """How one viewer is fed."""

    protocol: str
    bitrate: float
    """What it should be getting, in bit/s, lately."""
    behind: bool
    """It gets nothing for now, because it has fallen behind."""
    skips: int
    """Times that it fell behind and was moved to a later keyframe, since it joined; where that was asked for (`catch_up`) it is
    not counted."""
    joined_at: float
    """Loop time; of one that had paused, when it went on."""
    first_picture_at: float | None
    """Loop time at which the first picture since then was handed over; `None`: none yet."""
    path: PathReading = PathReading()

    @property
    def backlog(self) -> float | None:
        """Seconds of media that wait on our side of the network; `None`: cannot be known. 0 if it should be getting nothing,
        or it is not known yet how much."""
        if self.path.queued is None:
            return None
        return self.path.queued * 8 / max(self.bitrate, LEAST_BITRATE) if self.bitrate > 0 else 0.0


class ServerReading(Struct, frozen=True, gc=False):
    """How the process itself did in the span that ends now."""

    span: float
    """Seconds."""
    lag: float
    """Seconds by which the event loop woke up late, at the 95th percentile."""
    lag_peak: float
    cpu: float
    """The part of one core that the process used."""
    drops: int
    """Datagrams that the kernel threw away in the span because nobody fetched them."""


class ViewerMeter(Protocol):
    """One connection that plays."""

    @property
    def grant(self) -> Grant: ...

    def measure(self) -> EgressReading:
        """How it is fed now."""

    def catch_up(self) -> bool:
        """It lags too far: it is given nothing until what waits is through, and goes on with the newest keyframe.
        False: there is nothing here that could be left out."""


class StreamMeter(Protocol):
    """One stream and those who play it."""

    @property
    def app(self) -> str: ...

    @property
    def stream_id(self) -> str: ...

    @property
    def grant(self) -> Grant | None:
        """Its publisher's; `None`: nobody publishes."""

    def measure(self) -> IngestReading:
        """How it arrived since this was last asked: there is one who asks."""

    @property
    def viewers(self) -> Iterable[ViewerMeter]: ...


class Instruments(Protocol):
    """The media side, as far as it measures."""

    def meters(self) -> list[StreamMeter]:
        """Every stream of this process."""
