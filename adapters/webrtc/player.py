"""A viewer over WebRTC: what it takes, and what it says of how that arrives.

What is sent to it is its audience's affair (`audience`). Here its RTCP is read: lost packets are sent again from what is
remembered, a wish for a keyframe is passed on, reports are kept for whoever wants to know.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from adapters.media.units import Codec, Medium, PlayMode
from adapters.media.viewer import Feeding, Manner, TransportStats
from adapters.webrtc.lane import Seat
from adapters.webrtc.outlet import Outlet, SendingCounters
from adapters.webrtc.rtcp import FullIntra, MalformedRtcp, Nack, PictureLoss, ReceiverReport, ReportBlock, SenderReport, parse
from adapters.webrtc.tracks import CLOCKS, OutgoingTrack
from gateway.errors import GatewayError
from gateway.quality.readings import STALE_AFTER, PathReading

STRUGGLE_LOSS = 0.3
"""A viewer that loses more of its video than this ..."""
STRUGGLE_STRIKES = 3
"""... each time that is looked at, so many times in a row, is better off with less."""

_RTT_WEIGHT = 0.125
_RTT_LIMIT = 10.0
"""Seconds; a longer round trip is a mistake of the peer's."""
_REPORTS = 8
"""Sender reports that an answer may refer to."""


class Host(Protocol):
    """The audience in which a player sits."""

    def keyframe_wanted(self, viewer: WebRtcPlayer) -> None:
        """The viewer cannot go on without a keyframe."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a medium arrives at the viewer, in its own words."""

    loss: float
    """The part of the packets that got lost since the report before: 0 to 1."""
    lost: int
    """Packets lost since the beginning."""
    jitter: float
    """Seconds."""
    highest: int
    """The extended number of the latest packet: while that stays, nothing comes of which a report could tell."""
    at: float
    """Loop time of the first report that told this."""


@dataclass(frozen=True, slots=True)
class PlayerStats:
    """How it goes with one viewer."""

    rtt: float | None
    """Round trip in seconds, smoothed; `None` if it is not known yet."""
    arrivals: dict[Medium, Arrival]
    """By medium; those that were reported on."""


class WebRtcPlayer:
    """One peer that plays a stream.

    `clock` is the event loop's. `on_ended` is called once, when the stream is over or the viewer was let go.
    """

    def __init__(
        self,
        outlet: Outlet,
        tracks: tuple[OutgoingTrack, ...],
        manner: Manner,
        transport: str,
        clock: Callable[[], float],
        on_ended: Callable[[GatewayError | None], None],
        counters: SendingCounters,
    ) -> None:
        self.outlet = outlet
        self.manner = manner
        self.transport = transport
        self.mode = PlayMode.RTC
        self.seats = {track.medium: Seat(track, outlet) for track in tracks}
        self._media = frozenset(self.seats)
        self.host: Host | None = None
        """Set while it sits in an audience."""
        self.stats: TransportStats | None = None
        """The stream's, of this transport; set by its audience."""
        self.feeding = Feeding()
        self.rtt: float | None = None
        """Seconds, smoothed; `None` if it is not known yet."""
        self._rtt_at = 0.0
        """When it was measured last."""
        self.repeats = 0
        """Packets that it asked for again."""
        self._clock = clock
        self._on_ended = on_ended
        self._counters = counters
        self._by_ssrc = {track.ssrc: track.medium for track in tracks}
        self._arrivals: dict[Medium, Arrival] = {}
        self._told: deque[tuple[int, float]] = deque(maxlen=_REPORTS)
        self._video_loss: float | None = None
        """Said since it was looked at; `None`: nothing."""
        self._strikes = 0

    @property
    def media(self) -> frozenset[Medium]:
        """The media it wants: of those that it may have, the ones that were negotiated."""
        return self._media

    @media.setter
    def media(self, media: frozenset[Medium]) -> None:
        self._media = media.intersection(self.seats)
        for medium in self._arrivals.keys() - self._media:
            del self._arrivals[medium]

    @property
    def accepts(self) -> tuple[Codec, ...]:
        """Video codecs, the best first; none if it takes no video."""
        seat = self.seats.get(Medium.VIDEO)
        return tuple(seat.track.payloads) if seat is not None else ()

    def begin(self, arriving: frozenset[Medium]) -> None:
        """Nothing is to be said before the media."""

    def ended(self, error: GatewayError | None) -> None:
        """The stream is over (`None`), or the viewer was let go."""
        self._on_ended(error)

    def snapshot(self) -> PlayerStats:
        """How it goes now."""
        return PlayerStats(self.rtt, dict(self._arrivals))

    def measure_path(self) -> PathReading:
        """What it said lately of the network between here and there: of the medium that fares worst."""
        since = self._clock() - STALE_AFTER
        arrivals = [arrival for arrival in self._arrivals.values() if arrival.at >= since]
        rtt = self.rtt if self._rtt_at >= since else None
        loss = max((arrival.loss for arrival in arrivals), default=None)
        jitter = max((arrival.jitter for arrival in arrivals), default=None)
        return PathReading(rtt, loss, jitter, None, self.repeats)

    def told(self, ntp: int, now: float) -> None:
        """A sender report with these middle bits of its NTP time was sent."""
        self._told.append((ntp, now))

    def rtcp(self, data: bytes, now: float) -> None:
        """Takes a decrypted RTCP packet of the peer's. What cannot be read, or is about something else, has no effect."""
        try:
            packets = parse(data)
        except MalformedRtcp:
            return
        wanted = False
        for packet in packets:
            match packet:
                case ReceiverReport(reports=blocks) | SenderReport(reports=blocks):
                    for block in blocks:
                        self._reported(block, now)
                case Nack(media=ssrc, sequences=sequences):
                    self._missed(ssrc, sequences, now)
                case PictureLoss(media=ssrc):
                    wanted |= self._by_ssrc.get(ssrc) is Medium.VIDEO
                case FullIntra(requests=requests):
                    wanted |= any(self._by_ssrc.get(ssrc) is Medium.VIDEO for ssrc, _ in requests)
        if wanted:
            self._counters.plis += 1
            if self.host is not None:
                self.host.keyframe_wanted(self)

    def struggles(self, sent: int) -> bool:
        """Looked at every second: True if it has lost too much of its video for too long. `sent`: video packets since the
        last time."""
        seat = self.seats.get(Medium.VIDEO)
        refused = seat.refused if seat is not None else 0
        heard, self._video_loss = self._video_loss, None
        if seat is None or (heard is None and not refused):
            return False
        seat.refused = 0
        loss = max(heard or 0.0, refused / max(sent, refused, 1))
        self._strikes = self._strikes + 1 if loss > STRUGGLE_LOSS else 0
        if self._strikes < STRUGGLE_STRIKES:
            return False
        self._strikes = 0
        return True

    def _missed(self, ssrc: int, sequences: tuple[int, ...], now: float) -> None:
        medium = self._by_ssrc.get(ssrc)
        if medium is None or not self.seats[medium].track.nack:
            return
        self._counters.nacks += len(sequences)
        self.repeats += len(sequences)
        seat = self.seats[medium]
        packets = seat.again(sequences, seat.position, now, self.rtt or 0.0)
        if not packets:
            return
        protect = self.outlet.protect
        self.outlet.send([protect(packet) for packet in packets])
        size = sum(map(len, packets))
        self._counters.rtx += len(packets)
        self._counters.packets += len(packets)
        self._counters.bytes += size
        if self.stats is not None:
            self.stats.bytes_out += size

    def _reported(self, block: ReportBlock, now: float) -> None:
        medium = self._by_ssrc.get(block.ssrc)
        if medium is None:
            return
        loss = block.fraction_lost / 256
        before = self._arrivals.get(medium)
        if medium in self._media and (before is None or before.highest != block.highest):
            self._arrivals[medium] = Arrival(loss, block.lost, block.jitter / CLOCKS[medium], block.highest, now)
        if medium is Medium.VIDEO:
            self._video_loss = max(loss, self._video_loss or 0.0)
        for ntp, at in self._told:
            if ntp == block.lsr:
                self._measured(now - at - block.dlsr / 65536, now)

    def _measured(self, rtt: float, now: float) -> None:
        """One round trip; the peer's clock is coarse, so that it may seem to take less than no time."""
        if rtt < _RTT_LIMIT:
            rtt = max(0.0, rtt)
            self.rtt = rtt if self.rtt is None else self.rtt + (rtt - self.rtt) * _RTT_WEIGHT
            self._rtt_at = now
