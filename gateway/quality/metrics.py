"""Every Prometheus metric of the gateway, in one place: name, help, labels, buckets.

State is collected from the live objects when Prometheus asks; only what is an event of its own (a lag of the loop) is
counted as it happens. Labels are bounded by construction: never a room, a user, a stream or an address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

LOOP_LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


Way = tuple[str, str]
"""Direction (`in`: from publishers; `out`: to viewers) and protocol."""


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
    """The part of the packets that got lost lately: 0 to 1, mean over the tracks that are known of."""
    round_trip: Mapping[Way, float]
    """Seconds, mean over the tracks that are known of."""
    datagrams: Mapping[str, int]
    """By direction."""
    discarded: Mapping[str, int]
    """Datagrams that came or went for nothing, by what was wrong with them."""


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
    reports: Mapping[tuple[str, str], int]
    """What clients reported so far, by direction (push, pull) and event."""
    timers: int
    tasks: int
    ready: bool = field(default=True)


class _State(Collector):
    """Turns a snapshot into metrics, each time it is asked."""

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        now = self._snapshot()
        yield GaugeMetricFamily("gateway_ready", "1 if the gateway takes new sessions", value=int(now.ready))
        yield GaugeMetricFamily("gateway_rooms", "Rooms that exist", value=now.rooms)
        yield _gauge("gateway_sessions", "Sessions, by phase", ("phase",), now.sessions)
        yield GaugeMetricFamily("gateway_websockets", "Signaling sockets that are open", value=now.sockets)
        yield _gauge("gateway_streams", "Streams, by state", ("state",), now.streams)
        yield GaugeMetricFamily("gateway_grants", "Grants that are alive", value=now.grants)
        yield _gauge("gateway_viewers", "Connections that play, by protocol", ("protocol",), now.viewers)
        yield _gauge("gateway_publishers", "Connections that publish, by protocol", ("protocol",), now.publishers)
        yield _gauge(
            "gateway_media_connections", "Media connections that are open, by protocol", ("protocol",), now.connections
        )
        yield _counter("gateway_media_received_bytes", "Bytes received from media connections", ("protocol",), now.bytes_in)
        yield _counter("gateway_media_sent_bytes", "Bytes handed to media connections", ("protocol",), now.bytes_out)
        yield _gauge("gateway_bitrate", "Media in bit/s, over the last seconds", ("direction", "protocol"), now.bitrates)
        yield _counter("gateway_viewer_skips", "Slow viewers moved to the next keyframe", ("protocol",), now.skips)
        yield _counter("gateway_viewers_dropped", "Viewers let go because they stayed behind", ("protocol",), now.dropped)
        yield _counter("gateway_refusals", "Media connections refused or cut for a fault", ("protocol", "reason"), now.refusals)
        yield from _webrtc(now.webrtc)
        if now.store is not None:
            yield from _store(now.store)
        yield from _transcodes(now.transcodes)
        yield _counter("gateway_reports", "Reports of clients about their media", ("direction", "event"), now.reports)
        yield GaugeMetricFamily("gateway_timers", "Deadlines waiting", value=now.timers)
        yield GaugeMetricFamily("gateway_tasks", "Tasks of the event loop", value=now.tasks)


def _store(now: StoreSnapshot) -> Iterator[Metric]:
    yield GaugeMetricFamily("gateway_store_healthy", "1 if what happens is stored soon after", value=int(now.healthy))
    yield GaugeMetricFamily("gateway_journal_pending", "Changes that the store has not confirmed yet", value=now.pending)
    yield GaugeMetricFamily("gateway_journal_pending_bytes", "Their size", value=now.pending_bytes)
    yield GaugeMetricFamily(
        "gateway_journal_oldest_seconds", "Age of the oldest of them: what a sudden death would lose", value=now.oldest_age
    )
    yield CounterMetricFamily("gateway_journal_written", "Changes that the store has confirmed", value=now.written)
    yield CounterMetricFamily("gateway_journal_retries", "Attempts to write that failed and were made again", value=now.retries)
    yield CounterMetricFamily("gateway_journal_lost", "Changes that will never be stored", value=now.lost)


def _webrtc(now: WebRtcSnapshot) -> Iterator[Metric]:
    way = ("direction", "protocol")
    yield _gauge("gateway_peers", "WebRTC peers", (*way, "state"), now.peers)
    yield GaugeMetricFamily("gateway_peers_waiting", "WebRTC peers whose turn to connect has not come", value=now.waiting)
    yield _counter("gateway_handshakes", "WebRTC peers that connected, or did not in time", ("outcome",), now.handshakes)
    yield _counter("gateway_rtp_packets", "RTP packets", ("direction",), now.packets)
    yield _counter("gateway_rtp_lost", "RTP packets that did not come", ("direction",), now.lost)
    yield _counter("gateway_rtp_nacks", "RTP packets asked for again", ("direction",), now.nacks)
    yield _counter("gateway_rtp_rtx", "RTP packets that came or went again", ("direction",), now.rtx)
    yield _counter("gateway_rtp_plis", "Keyframes asked for", ("direction",), now.plis)
    yield _gauge("gateway_rtp_loss_ratio", "Part of the RTP packets lost lately, mean over tracks", way, now.loss)
    yield _gauge("gateway_rtp_round_trip_seconds", "Round trip to WebRTC peers, mean over tracks", way, now.round_trip)
    yield _counter("gateway_udp_datagrams", "Datagrams on the UDP port", ("direction",), now.datagrams)
    yield _counter("gateway_udp_discarded", "Datagrams that came or went for nothing", ("reason",), now.discarded)


def _transcodes(now: TranscodeSnapshot) -> Iterator[Metric]:
    yield _gauge("gateway_transcodes", "Streams whose medium is being re-encoded", ("medium",), now.running)
    yield _counter("gateway_video_transcodes", "Wishes for video to be re-encoded", ("outcome",), now.video)
    yield _counter("gateway_video_transcode_pictures", "Pictures given to video transcodes", ("result",), now.pictures)


Values = Mapping[str, float] | Mapping[tuple[str, str], float] | Mapping[tuple[str, str, str], float]
"""Numbers by the value of the label, or of each label."""


def _gauge(name: str, help: str, labels: tuple[str, ...], values: Values) -> Metric:
    family = GaugeMetricFamily(name, help, labels=labels)
    for key, value in values.items():
        family.add_metric([key] if isinstance(key, str) else list(key), value)
    return family


def _counter(name: str, help: str, labels: tuple[str, ...], values: Values) -> Metric:
    family = CounterMetricFamily(name, help, labels=labels)
    for key, value in values.items():
        family.add_metric([key] if isinstance(key, str) else list(key), value)
    return family


class LoopLag(Protocol):
    def observe(self, amount: float) -> None:
        """Takes one lag, in seconds."""


class Metrics:
    """The gateway's metrics, ready to be scraped."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_State(snapshot))
        help = "How much later than asked the event loop woke up"
        self.loop_lag: LoopLag = Histogram("gateway_loop_lag_seconds", help, buckets=LOOP_LAG_BUCKETS, registry=self._registry)

    def exposition(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)
