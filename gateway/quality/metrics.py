"""Every Prometheus metric of the gateway, in one place: name, help, labels, buckets.

What is asked for is made from a `Snapshot` when Prometheus asks, family by family, so that the event loop can be given a
turn between any two. Labels are bounded by construction: never a room, a user, a stream or an address. Values that are known
beforehand are there from the start, at 0, so that `rate()` sees the first of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import TypeVar, get_args

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.errors import FAULTS
from gateway.quality.buckets import Buckets
from gateway.quality.component_codes import CODES
from gateway.quality.counters import GROUP, PACE, PART, RATE, SHORT, START, QualityCounters, Way
from gateway.quality.process import ProcessReading, read_process
from gateway.quality.reports import Direction, Dropped, Event
from gateway.quality.snapshot import Snapshot, StoreSnapshot, TranscodeSnapshot, WebRtcSnapshot
from gateway.quality.troubles import TROUBLES
from gateway.quality.verdict import Leg, Level

__all__ = ["Metrics", "Snapshot", "StoreSnapshot", "TranscodeSnapshot", "Way", "WebRtcSnapshot"]

LOOP_LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)
"""Seconds; among them the limits by which the lag is judged."""
DELAY = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds within the gateway."""

_PUBLISHERS = ("rtmp", "webrtc", "whip")
_VIEWERS = ("rtmp", "flv", "webrtc", "whep")
_IN: Sequence[Way] = tuple(product(("in",), _PUBLISHERS))
_OUT: Sequence[Way] = tuple(product(("out",), _VIEWERS))
_TCP_OUT: Sequence[Way] = (("out", "rtmp"), ("out", "flv"))
_RTP: Sequence[Way] = (("in", "webrtc"), ("in", "whip"), ("out", "webrtc"), ("out", "whep"))
_BOTH = (*_IN, *_OUT)
_WAY = ("direction", "protocol")
_LEVELS = tuple(level.label for level in Level)
_LEGS = tuple(
    (leg.value, level, protocol)
    for leg, protocols in ((Leg.UPLINK, _PUBLISHERS), (Leg.SERVER, ("",)), (Leg.DOWNLINK, _VIEWERS))
    for protocol in protocols
    for level in _LEVELS
)
_CODES = (*((direction, str(code)) for direction, code in CODES), *((direction, "other") for direction in get_args(Direction)))
_FINDINGS = tuple(trouble.name for trouble in TROUBLES)
_WHO = ("ROOM_ID_", "USER_ID_", "TOKEN_", "PERMISSION_KEY_")
_REPORTS_REFUSED = (
    "PARSE_ERROR", "INVALID_PARAMS", "INVALID_REQUEST", "BadRequest", "PayloadTooLarge", "RequestTimeout", "UnsupportedCoding",
    "RATE_LIMITED", "OVERLOADED", "APP_UNKNOWN", *(fault.name for fault in FAULTS if fault.name.startswith(_WHO)),
)  # fmt: skip
_GAVE_UP = ("-1307", "3004", "-2301")
"""Codes that are answered with addresses."""

Labels = tuple[str, ...]
Key = TypeVar("Key", bound=str | tuple[str, ...])
"""The value of the label, or of each label."""


class Metrics:
    """The gateway's metrics, ready to be scraped."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(
        self, snapshot: Callable[[], Snapshot], version: str = "", process: Callable[[], ProcessReading] = read_process
    ) -> None:
        self._snapshot = snapshot
        self._version = version
        self._process = process
        self.loop_lag = Buckets(LOOP_LAG_BUCKETS)
        """How much later than asked the event loop woke up, in seconds."""

    def exposition(self) -> bytes:
        """Everything in Prometheus' text format."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """The same, one family after the other: all of one moment, rendered piece by piece (well below 1 ms each)."""
        for family in self.families():
            yield generate_latest(_Only(family))

    def families(self) -> Iterator[Metric]:
        """Every metric, of the moment at which the first is asked for."""
        now = self._snapshot()
        yield InfoMetricFamily("gateway", "The program that runs", value={"version": self._version})
        yield from _process(self._process())
        yield from _rooms(now)
        yield from _media(now)
        yield from _webrtc(now.webrtc)
        if now.store is not None:
            yield from _store(now.store)
        yield from _transcodes(now.transcodes)
        yield from _told(now)
        yield from _verdicts(now)
        yield from _measured(now.quality)
        lag = "How much later than asked the event loop woke up"
        yield _histogram("gateway_loop_lag_seconds", lag, (), {(): self.loop_lag}, self.loop_lag.bounds)
        yield _gauge("gateway_timers", "Deadlines waiting", now.timers)
        yield _gauge("gateway_tasks", "Tasks of the event loop", now.tasks)


class _Only(Collector):
    """One family as the library wants it to render."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        return (self._family,)


def _process(now: ProcessReading) -> Iterator[Metric]:
    yield _counter("gateway_process_cpu_seconds", "Processor time of all threads", (), {(): now.cpu})
    resident = {} if now.resident is None else {(): now.resident}
    yield _gauges("gateway_process_resident_memory_bytes", "Physical memory in use", (), resident)
    yield _gauge("gateway_process_open_fds", "Open files and sockets", now.descriptors)
    yield _gauge("gateway_process_max_fds", "How many there may be", now.descriptor_limit)
    yield _gauge("gateway_process_start_time_seconds", "When the process began, in Unix time", now.started)


def _rooms(now: Snapshot) -> Iterator[Metric]:
    yield _gauge("gateway_ready", "1 if the gateway takes new sessions", int(now.ready))
    yield _gauge("gateway_rooms", "Rooms that exist", now.rooms)
    yield _gauges("gateway_sessions", "Sessions, by phase", ("phase",), now.sessions, ("attached", "detached"))
    yield _gauge("gateway_websockets", "Signaling sockets that are open", now.sockets)
    states = ("awaited", "on air", "interrupted")
    yield _gauges("gateway_streams", "Streams, by state", ("state",), now.streams, states)
    yield _gauge("gateway_grants", "Grants that are alive", now.grants)


def _media(now: Snapshot) -> Iterator[Metric]:
    label = ("protocol",)
    sockets = ("rtmp", "webrtc", "whip", "whep")
    yield _gauges("gateway_viewers", "Connections that play, by protocol", label, now.viewers, _VIEWERS)
    yield _gauges("gateway_publishers", "Connections that publish, by protocol", label, now.publishers, _PUBLISHERS)
    yield _gauges("gateway_media_connections", "Media connections that are open, by protocol", label, now.connections, sockets)
    yield _counter("gateway_media_received_bytes", "Bytes received from media connections", label, now.bytes_in, _PUBLISHERS)
    yield _counter("gateway_media_sent_bytes", "Bytes handed to media connections", label, now.bytes_out, _VIEWERS)
    yield _gauges("gateway_bitrate", "Media in bit/s, over the last seconds", _WAY, now.bitrates)
    yield _counter("gateway_viewer_skips", "Slow viewers moved to the next keyframe", label, now.skips, _VIEWERS)
    yield _counter("gateway_viewers_dropped", "Viewers let go because they stayed behind", label, now.dropped, _VIEWERS)
    yield _counter("gateway_refusals", "Media connections refused or cut for a fault", ("protocol", "reason"), now.refusals)
    waits = "How long media waits in the gateway on its way to viewers"
    yield _histogram("gateway_media_delay_seconds", waits, label, now.delay, DELAY, _VIEWERS)


def _store(now: StoreSnapshot) -> Iterator[Metric]:
    yield _gauge("gateway_store_healthy", "1 if what happens is stored soon after", int(now.healthy))
    yield _gauge("gateway_journal_pending", "Changes that the store has not confirmed yet", now.pending)
    yield _gauge("gateway_journal_pending_bytes", "Their size", now.pending_bytes)
    yield _gauge("gateway_journal_oldest_seconds", "Age of the oldest of them: what a sudden death would lose", now.oldest_age)
    yield _counter("gateway_journal_written", "Changes that the store has confirmed", (), {(): now.written})
    yield _counter("gateway_journal_retries", "Attempts to write that failed and were made again", (), {(): now.retries})
    yield _counter("gateway_journal_lost", "Changes that will never be stored", (), {(): now.lost})


def _webrtc(now: WebRtcSnapshot) -> Iterator[Metric]:
    label = ("direction",)
    yield _gauges("gateway_peers", "WebRTC peers", (*_WAY, "state"), now.peers)
    yield _gauge("gateway_peers_waiting", "WebRTC peers whose turn to connect has not come", now.waiting)
    yield _counter("gateway_handshakes", "WebRTC peers that connected, or did not in time", ("outcome",), now.handshakes)
    yield _counter("gateway_rtp_packets", "RTP packets", label, now.packets)
    yield _counter("gateway_rtp_lost", "RTP packets that did not come", label, now.lost)
    yield _counter("gateway_rtp_nacks", "RTP packets asked for again", label, now.nacks)
    yield _counter("gateway_rtp_rtx", "RTP packets that came or went again", label, now.rtx)
    yield _counter("gateway_rtp_plis", "Keyframes asked for", label, now.plis)
    yield _gauges("gateway_rtp_loss_ratio", "Part of the RTP packets lost lately, mean over connections", _WAY, now.loss)
    yield _gauges("gateway_rtp_round_trip_seconds", "Round trip to WebRTC peers, mean over connections", _WAY, now.round_trip)
    yield _counter("gateway_udp_datagrams", "Datagrams on the UDP port", label, now.datagrams)
    yield _counter("gateway_udp_discarded", "Datagrams that came or went for nothing", ("reason",), now.discarded)
    yield _counter("gateway_udp_drops", "Datagrams that the kernel threw away, unfetched", (), {(): now.drops})


def _transcodes(now: TranscodeSnapshot) -> Iterator[Metric]:
    yield _gauges("gateway_transcodes", "Streams whose medium is being re-encoded", ("medium",), now.running)
    yield _counter("gateway_video_transcodes", "Wishes for video to be re-encoded", ("outcome",), now.video)
    yield _counter("gateway_video_transcode_pictures", "Pictures given to video transcodes", ("result",), now.pictures)


def _told(now: Snapshot) -> Iterator[Metric]:
    """What clients sent."""
    told = now.quality
    directions = get_args(Direction)
    labels, known = ("door", "direction", "event"), tuple(product(("ws", "http"), directions, get_args(Event)))
    yield _counter("gateway_reports", "Reports of clients about their media", labels, told.reports, known)
    reasons = tuple(reason.value for reason in Dropped)
    yield _counter("gateway_reports_dropped", "Reports, and parts of them, left out", ("reason",), told.dropped, reasons)
    refused = "Requests with reports that were refused as a whole"
    yield _counter("gateway_reports_refused", refused, ("reason",), now.reports_refused, _REPORTS_REFUSED)
    codes = "Codes that components reported; one that the table does not have is `other`"
    yield _counter("gateway_component_codes", codes, ("direction", "code"), told.codes, _CODES)
    levels = tuple(product(directions, map(str, range(1, 7))))
    quality = "Network levels that components reported: 1 is best, 6 unusable"
    yield _counter("gateway_client_network_level", quality, ("direction", "level"), told.told_level, levels)
    outcomes = ("taken", "limited", "refused")
    yield _counter("gateway_client_logs", "Uploads of client logs", ("outcome",), told.logs, outcomes)
    yield _counter("gateway_history_lost", "Entries of the calls' history left out", (), {(): now.history_lost})


def _verdicts(now: Snapshot) -> Iterator[Metric]:
    """What is thought of it, and done about it."""
    told = now.quality
    yield _gauges("gateway_quality_legs", "Legs of calls, by how they do", ("leg", "level", "protocol"), now.legs, _LEGS)
    changes = tuple(product(map(str, Leg), _LEVELS))
    yield _counter("gateway_quality_changes", "Legs that came to a level", ("leg", "level"), told.changes, changes)
    yield _counter("gateway_publish_findings", "What check-ups found in streams", ("finding",), told.findings, _FINDINGS)
    label, again = ("protocol",), "Viewers told to pull again because they went on lagging"
    yield _counter("gateway_viewers_caught_up", "Lagging viewers moved to the newest keyframe", label, told.caught_up, _VIEWERS)
    yield _counter("gateway_viewers_pulled_again", again, label, told.pulled_again, _VIEWERS)
    yield _counter("gateway_urls_renewed", "Addresses sent because a component gave up", ("code",), told.urls, _GAVE_UP)


def _measured(told: QualityCounters) -> Iterator[Metric]:
    """What the gateway and clients measure, once per stream or viewer and sweep, or report."""

    def by_way(name: str, help: str, values: Mapping[Way, Buckets], bounds: tuple[float, ...], ways: Sequence[Way]) -> Metric:
        return _histogram(f"gateway_{name}", help, _WAY, values, bounds, ways)

    bytes_per_second = {way: rates.scaled(1 / 8) for way, rates in told.arrival_bitrate.items()}
    bounds = Buckets(RATE).scaled(1 / 8).bounds
    yield by_way("arrival_bytes_per_second", "How fast streams arrive", bytes_per_second, bounds, _IN)
    yield by_way("arrival_frames_per_second", "Pictures per second as they arrive", told.arrival_fps, PACE, _IN)
    yield by_way("arrival_gop_seconds", "Time between keyframes", told.arrival_gop, GROUP, _IN)
    yield by_way("arrival_gap_seconds", "Longest pause between units", told.arrival_gap, SHORT, _IN)
    yield by_way("arrival_late_seconds", "How much later than at best streams arrive", told.arrival_late, SHORT, _IN)
    yield by_way("arrival_drift_seconds", "How far sound and picture arrive apart", told.arrival_drift, SHORT, _IN)
    yield by_way("path_round_trip_seconds", "Round trip to media connections", told.round_trip, SHORT, _BOTH)
    yield by_way("path_loss_ratio", "Part of the packets lost", told.loss, PART, (*_RTP, *_TCP_OUT))
    yield by_way("path_jitter_seconds", "How unevenly packets arrive", told.jitter, SHORT, _RTP)
    yield by_way("viewer_backlog_seconds", "Media that waits for a viewer's network", told.backlog, SHORT, _TCP_OUT)
    yield by_way("client_buffer_seconds", "Media that players say they hold", told.told_buffer, SHORT, _OUT)
    yield by_way("client_frames_per_second", "Pictures per second as clients report", told.told_fps, PACE, _BOTH)
    yield by_way("client_freezes_ratio", "Part of the time that pictures stood still", told.told_freezes, PART, _OUT)
    yield by_way("connect_seconds", "From the right to publish or play to its connection", told.connect, START, _BOTH)
    yield by_way("first_media_seconds", "From that connection to the first media, or picture", told.first_media, START, _BOTH)


def _gauge(name: str, help: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help, value=value)


def _gauges(name: str, help: str, labels: Labels, values: Mapping[Key, float], known: Iterable[Key] = ()) -> Metric:
    family = GaugeMetricFamily(name, help, labels=labels)
    for key, value in (dict.fromkeys(known, 0.0) | {**values}).items():
        family.add_metric(_labels(key), value)
    return family


def _counter(name: str, help: str, labels: Labels, values: Mapping[Key, float], known: Iterable[Key] = ()) -> Metric:
    family = CounterMetricFamily(name, help, labels=labels)
    for key, value in (dict.fromkeys(known, 0.0) | {**values}).items():
        family.add_metric(_labels(key), value)
    return family


def _histogram(
    name: str, help: str, labels: Labels, values: Mapping[Key, Buckets], bounds: tuple[float, ...], known: Iterable[Key] = ()
) -> Metric:
    """`bounds`: those of what is known and has not been observed yet."""
    family = HistogramMetricFamily(name, help, labels=labels)
    for key, observed in (dict.fromkeys(known, Buckets(bounds)) | {**values}).items():
        family.add_metric(_labels(key), list(observed.cumulative()), observed.total)
    return family


def _labels(key: str | tuple[str, ...]) -> Sequence[str]:
    return (key,) if isinstance(key, str) else key
