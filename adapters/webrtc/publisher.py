"""Publishing over WebRTC: a peer's RTP becomes units of a stream, and the peer hears how it arrives.

A `Source` per track does the work; here is what they share: which packet is whose, one clock for all tracks, and one timer
for everything that the peer is told in time: what is missing, that a keyframe is wanted, reports, how much it may send.
"""

from __future__ import annotations

from asyncio import TimerHandle
from collections.abc import Callable, Iterable
from typing import Protocol

from adapters.media.turns import CallLater
from adapters.media.units import Medium, Unit
from adapters.webrtc import rtcp
from adapters.webrtc.bandwidth import Bandwidth
from adapters.webrtc.clock import PeerClock
from adapters.webrtc.pictures import PictureSource
from adapters.webrtc.rtcp import Goodbye, MalformedRtcp, Nack, PictureLoss, ReceiverReport, Remb, RtcpPacket, SenderReport
from adapters.webrtc.rtp import MalformedRtp, parse
from adapters.webrtc.source import Counters, SoundSource, Source, TrackStats
from adapters.webrtc.tracks import IncomingTrack
from gateway.config import WebRtcSettings
from gateway.errors import GatewayError
from gateway.quality.readings import PathReading

OUR_SSRC = 1
"""Who speaks in our feedback: we send no media, so this stands for nothing else."""
CNAME = "gateway"
FIRST_REPORT = 0.2
"""Seconds from the beginning to the first report: it carries the bitrate that the peer starts with."""
REPORT_INTERVAL = 1.0
"""Seconds between reports."""
_SOONEST = 0.001
"""Seconds; a timer is never set for less, whatever is overdue."""

_FEEDBACK_HEAD = rtcp.compound((ReceiverReport(OUR_SSRC), rtcp.SourceDescription(OUR_SSRC, CNAME)))
"""What stands before feedback that goes by itself (RFC 4585 section 3.1)."""


class Ingest(Protocol):
    """A publisher's way into its stream."""

    def write(self, unit: Unit) -> None: ...

    def close(self, *, deliberate: bool, error: GatewayError | None = None) -> None: ...


class WebRtcPublisher:
    """One publishing peer.

    `send_rtcp` protects a compound and sends it, `clock` and `call_later` are the event loop's. `on_cut` is called once if
    the gateway ends the publishing: the peer is then to be closed.
    """

    def __init__(
        self,
        tracks: Iterable[IncomingTrack],
        send_rtcp: Callable[[bytes], None],
        clock: Callable[[], float],
        call_later: CallLater,
        settings: WebRtcSettings,
        on_cut: Callable[[GatewayError], None],
        counters: Counters,
    ) -> None:
        self._send_rtcp = send_rtcp
        self._now = clock
        self._call_later = call_later
        self._settings = settings
        self._on_cut = on_cut
        self._counters = counters
        self._clock = PeerClock()
        self._bandwidth = Bandwidth(settings.max_bitrate, settings.min_bitrate)
        self._ingest: Ingest | None = None
        self._heard = clock()
        self._report_at = 0.0
        self._repeats = 0
        """Packets that were asked for again."""
        self._timer: TimerHandle | None = None
        self._timer_at = 0.0
        self._sources: tuple[Source, ...] = ()
        self._by_type: dict[int, Source] = {}
        self.retrack(tracks)

    # What the media core asks -----------------------------------------------------------------------------------------

    def last_heard(self) -> float:
        """Loop time at which the peer's last media or report came; before, that of the publisher's making."""
        return self._heard

    def request_keyframe(self) -> None:
        """A viewer needs a keyframe. May be called as often as one likes."""
        now = self._now()
        for source in self._sources:
            if isinstance(source, PictureSource):
                source.request_keyframe()
                self._ask(source, now)

    def measure_path(self) -> PathReading:
        """What is known of the network between there and here, by the last reports: of the track that fares worst."""
        now = self._now()
        paths = [source.path(now) for source in self._sources if source.codec is not None]
        return PathReading(
            max((path.round_trip for path in paths if path.round_trip is not None), default=None),
            max((path.loss for path in paths if path.loss is not None), default=None),
            max((path.jitter for path in paths if path.jitter is not None), default=None),
            None,
            self._repeats,
        )

    def cut(self, error: GatewayError) -> None:
        """The gateway ends it."""
        self._stop()
        self._on_cut(error)

    # What the peer brings ---------------------------------------------------------------------------------------------

    def begin(self, ingest: Ingest) -> None:
        """Leave is given, and the peer is connected: what comes from now on goes there."""
        self._ingest = ingest
        self._report_at = self._now() + FIRST_REPORT
        self._arm(self._report_at)

    def retrack(self, tracks: Iterable[IncomingTrack]) -> None:
        """The tracks were agreed on, or agreed on anew: those that there are already go on without a break."""
        former = {source.medium: source for source in self._sources}
        sources = []
        for track in tracks:
            source = former.pop(track.medium, None)
            if source is None:
                source = self._source(track)
            else:
                source.retrack(track)
            sources.append(source)
        for source in former.values():
            source.end()
        self._sources = tuple(sources)
        self._by_type = {payload_type: source for source in sources for payload_type in source.payload_types}

    def rtp(self, data: bytes, now: float) -> None:
        """A packet came. What cannot be used is counted and dropped."""
        self._heard = now
        if self._ingest is None:
            return
        counters = self._counters
        counters.packets += 1
        counters.bytes += len(data)
        try:
            packet = parse(data)
        except MalformedRtp:
            counters.malformed += 1
            return
        source = self._by_type.get(packet.payload_type)
        if source is None:
            counters.unknown += 1
            return
        units = source.receive(packet, now)
        if units:
            self._write(units)
        if source.deadline is not None:
            self._ask(source, now)

    def rtcp(self, data: bytes, now: float) -> None:
        """A compound came. What does not concern us is left alone.

        A goodbye ends a source, not the publishing: browsers send one, too, when a track is only switched off for a while.
        That the peer itself is gone, DTLS or silence tells.
        """
        self._heard = now
        try:
            packets = rtcp.parse(data)
        except MalformedRtcp:
            self._counters.malformed += 1
            return
        for packet in packets:
            if isinstance(packet, SenderReport):
                for source in self._sources:
                    source.sender_report(packet, now)
            elif isinstance(packet, Goodbye):
                for source in self._sources:
                    if source.ssrc in packet.ssrcs:
                        source.end()

    def close(self, *, deliberate: bool, error: GatewayError | None = None) -> None:
        """Nothing more comes. Harmless when repeated."""
        ingest = self._stop()
        if ingest is not None:
            ingest.close(deliberate=deliberate, error=error)

    def stats(self) -> tuple[TrackStats, ...]:
        """How the tracks arrive."""
        return tuple(source.stats for source in self._sources)

    # ------------------------------------------------------------------------------------------------------------------

    def _source(self, track: IncomingTrack) -> Source:
        if track.medium is Medium.VIDEO:
            return PictureSource(track, self._clock, self._settings.nack_hold, self._counters)
        return SoundSource(track, self._clock, self._settings.audio_hold, self._counters)

    def _stop(self) -> Ingest | None:
        ingest, self._ingest = self._ingest, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for source in self._sources:
            source.settle()
        return ingest

    def _write(self, units: Iterable[Unit]) -> None:
        """Passes units on. A stream that cannot carry them has no use for the peer."""
        try:
            for unit in units:
                if self._ingest is not None:  # what is written may end it
                    self._ingest.write(unit)
        except GatewayError as error:
            self.close(deliberate=False, error=error)
            self._on_cut(error)

    def _ask(self, source: Source, now: float) -> None:
        """Asks the peer for what the source needs now, and sees to it that it is asked in time for the rest."""
        if self._ingest is None:
            return
        ssrc = source.ssrc
        if ssrc is not None:
            if asked := source.requests(now):
                self._counters.nacks += len(asked)
                self._repeats += len(asked)
                self._feed_back(Nack(OUR_SSRC, ssrc, tuple(asked)))
            if source.wants_keyframe(now):
                self._counters.plis += 1
                self._feed_back(PictureLoss(OUR_SSRC, ssrc))
        deadline = source.deadline
        if deadline is not None:
            self._arm(deadline)

    def _feed_back(self, packet: RtcpPacket) -> None:
        self._send_rtcp(_FEEDBACK_HEAD + packet.to_bytes())

    def _arm(self, deadline: float) -> None:
        """Sees to it that `_tick` comes by then."""
        if self._timer is not None:
            if self._timer_at <= deadline:
                return
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self._call_later(max(deadline - self._now(), _SOONEST), self._tick)

    def _tick(self) -> None:
        """Does whatever is due."""
        self._timer = None
        now = self._now()
        for source in self._sources:
            self._write(source.expire(now))
            self._ask(source, now)
        if self._ingest is None:
            return
        if now >= self._report_at:
            self._report(now)
        self._arm(self._report_at)

    def _report(self, now: float) -> None:
        """Tells the peer how its media arrive, and how much it may send."""
        self._report_at = now + REPORT_INTERVAL
        blocks = [block for source in self._sources if (block := source.report(now)) is not None]
        packets: list[RtcpPacket] = [ReceiverReport(OUR_SSRC, tuple(blocks)), rtcp.SourceDescription(OUR_SSRC, CNAME)]
        for source in self._sources:
            source.settle()
            if source.medium is Medium.VIDEO and source.ssrc is not None:
                sent = source.bitrate / (1 - min(source.fraction_lost, 0.99))
                estimate = self._bandwidth.update(source.fraction_lost, sent, now)
                if source.track.remb:
                    packets.append(Remb(OUR_SSRC, estimate, (source.ssrc,)))
        self._send_rtcp(rtcp.compound(packets))
