"""The gateway's state at one moment, as numbers: what Prometheus is told. Only data. Pure.

`app.py` fills it when Prometheus asks; `metrics.py` gives the numbers their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.quality.buckets import Buckets
from gateway.quality.counters import QualityCounters, Way


@dataclass(frozen=True, slots=True)
class WebRtcSnapshot:
    """What WebRTC does at one moment, as numbers."""

    peers: Mapping[tuple[str, str, str], int]
    """By direction, protocol and state: connecting, connected."""
    waiting: int
    """Newcomers whose turn to connect has not come."""
    handshakes: Mapping[str, int]
    """By outcome: connected, failed."""
    packets: Mapping[str, int]
    """RTP packets so far, by direction."""
    lost: Mapping[str, int]
    """RTP packets that did not come, by direction."""
    nacks: Mapping[str, int]
    """RTP packets asked for again, by direction of the media."""
    rtx: Mapping[str, int]
    """RTP packets that came or went again, by direction."""
    plis: Mapping[str, int]
    """Keyframes asked for, by direction of the media."""
    loss: Mapping[Way, float]
    """The part of the packets that got lost lately: 0 to 1, mean over the connections that are known of."""
    round_trip: Mapping[Way, float]
    """Seconds, mean over the connections that are known of."""
    datagrams: Mapping[str, int]
    """By direction."""
    discarded: Mapping[str, int]
    """Datagrams that came or went for nothing, by what was wrong with them."""
    drops: int = 0
    """Datagrams that the kernel threw away because nobody fetched them in time."""


@dataclass(frozen=True, slots=True)
class TranscodeSnapshot:
    """What is re-encoded at one moment, as numbers."""

    running: Mapping[str, int]
    """By medium."""
    video: Mapping[str, int]
    """Video transcodes so far, by what became of the wish: started, refused, failed."""
    pictures: Mapping[str, int]
    """By result: made, left out."""


@dataclass(frozen=True, slots=True)
class StoreSnapshot:
    """The way of state into the store, as numbers."""

    healthy: bool
    pending: int
    pending_bytes: int
    oldest_age: float
    """Seconds for which the oldest change has been waiting."""
    written: int
    retries: int
    lost: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The gateway's state at one moment, as numbers."""

    rooms: int
    sessions: Mapping[str, int]
    """By phase: attached, detached."""
    sockets: int
    streams: Mapping[str, int]
    """By state: awaited, on air, interrupted."""
    grants: int
    viewers: Mapping[str, int]
    """By protocol."""
    publishers: Mapping[str, int]
    """By protocol."""
    connections: Mapping[str, int]
    """By protocol."""
    bytes_in: Mapping[str, int]
    """Media received so far, by protocol."""
    bytes_out: Mapping[str, int]
    """Media sent so far, by protocol."""
    skips: Mapping[str, int]
    """Times that a slow viewer was moved to the next keyframe, by protocol."""
    dropped: Mapping[str, int]
    """Viewers that stayed behind for too long and were let go, by protocol."""
    refusals: Mapping[tuple[str, str], int]
    """Connections refused or cut for a fault, by protocol and reason."""
    bitrates: Mapping[Way, float]
    """Media, in bit/s."""
    webrtc: WebRtcSnapshot
    transcodes: TranscodeSnapshot
    store: StoreSnapshot | None
    """None: there is none."""
    timers: int
    tasks: int
    ready: bool = True
    quality: QualityCounters = field(default_factory=QualityCounters)
    """What the intake, the watch and the latency keeper counted."""
    legs: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    """How many legs do how, by leg, level and protocol; the server's has no protocol."""
    delay: Mapping[str, Buckets] = field(default_factory=dict)
    """Seconds that media spent in here on their way to viewers, by protocol."""
    reports_refused: Mapping[str, int] = field(default_factory=dict)
    """Requests with reports that were refused as a whole, by reason."""
    history_lost: int = 0
    """Entries of the history that were left out."""
