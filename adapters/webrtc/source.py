"""Sources: one track of a publishing peer each, whose packets become units of a stream.

A source knows which packets are its own, hands them to its `Reception`, and makes units of what comes out: here of sound,
which takes a gap as it is; `pictures` is harder. Nothing is raised for what a peer sends. Pure: time comes in as `now`, in
seconds of the event loop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

from adapters.media.units import AudioConfig, AudioUnit, Codec, Medium, Unit
from adapters.webrtc.clock import PeerClock
from adapters.webrtc.depacketizer import opus_duration
from adapters.webrtc.reception import Ready, Reception
from adapters.webrtc.rtcp import ReportBlock, SenderReport
from adapters.webrtc.rtp import RtpPacket, rtx_unwrap
from adapters.webrtc.tracks import CLOCKS, IncomingTrack
from gateway.quality.readings import STALE_AFTER, PathReading

SILENT = 1.5
"""Seconds; another SSRC takes the place of one that has been silent for this long, unless the description named it."""


class Counters(Protocol):
    """What is counted of what publishers send, over all of them. Only ever raised."""

    packets: int
    """RTP packets that came, retransmissions included."""
    bytes: int
    """In them, headers included."""
    lost: int
    """Packets given up."""
    late: int
    """Packets that came twice, or after they had been given up."""
    recovered: int
    """Packets that came because they were asked for."""
    nacks: int
    """Packets asked for."""
    plis: int
    """Keyframes asked for."""
    unknown: int
    """Packets of no track that was agreed on."""
    malformed: int
    """Packets and pictures that could not be read."""


@dataclass(frozen=True, slots=True)
class TrackStats:
    """How one track arrives, by the last whole second."""

    medium: Medium
    codec: Codec | None
    """`None` until something could be read."""
    bitrate: int
    """Payload, in bit/s."""
    lost: float
    """The fraction of packets that was lost on the way, repaired or not."""
    jitter: float
    """Milliseconds."""
    round_trip: float | None
    """Milliseconds from a request for a packet to its answer; `None`: nothing was asked for yet."""


class Source(ABC):
    """One track. `hold`: seconds for which missing packets are waited for."""

    medium: Medium

    def __init__(self, track: IncomingTrack, clock: PeerClock, hold: float, counters: Counters) -> None:
        self.track = track
        self.codec: Codec | None = None
        """What is sent now; `None` until something could be read."""
        self.bitrate = 0
        """Payload, in bit/s, between the last two reports."""
        self._clock = clock
        self._hold = hold
        self._counters = counters
        self._reception: Reception | None = None
        self._heard = 0.0
        self._last_ssrc: int | None = None
        self._reported_at: float | None = None
        self._octets = 0
        self.retrack(track)

    def retrack(self, track: IncomingTrack) -> None:
        """The track was agreed on anew."""
        self.track = track
        self._codecs = {payload.type: codec for codec, payload in track.payloads.items()}
        self._repairs = {payload.rtx: payload.type for payload in track.payloads.values() if payload.rtx is not None}
        if self._reception is not None:
            self._reception.nack = track.nack

    @property
    def payload_types(self) -> tuple[int, ...]:
        """Those of its packets, retransmissions included."""
        return (*self._codecs, *self._repairs)

    @property
    def ssrc(self) -> int | None:
        """Who sends it, as far as is known."""
        return self.track.ssrc if self._reception is None else self._reception.ssrc

    @property
    def deadline(self) -> float | None:
        """When `expire`, `requests` and `wants_keyframe` should be asked next; `None`: no need to."""
        return None if self._reception is None else self._reception.deadline

    def receive(self, packet: RtpPacket, now: float) -> list[Unit]:
        """Takes a packet with one of its payload types, and gives the units that are complete with it."""
        reception = self._reception
        repaired_type = self._repairs.get(packet.payload_type)
        if repaired_type is not None:
            return self._repair(packet, repaired_type, now)
        if reception is None or packet.ssrc != reception.ssrc:
            if reception is not None and packet.ssrc != self.track.ssrc and now - self._heard < SILENT:
                self._counters.unknown += 1
                return []
            reception = self._begin(packet.ssrc)
        self._heard = now
        return self._units(reception.receive(packet, now), now)

    def expire(self, now: float) -> list[Unit]:
        """The units that need not wait any longer for what is missing."""
        return [] if self._reception is None else self._units(self._reception.expire(now), now)

    def requests(self, now: float) -> list[int]:
        """The sequence numbers that are to be asked for now."""
        return [] if self._reception is None else self._reception.requests(now)

    def wants_keyframe(self, now: float) -> bool:
        """A keyframe is to be asked for now: counts as done."""
        return False

    def sender_report(self, report: SenderReport, now: float) -> None:
        """A sender report came; one of somebody else is left alone."""
        if self._reception is not None and report.ssrc == self._reception.ssrc:
            self._reception.sender_report(report.ntp, now)
            self._clock.report(self.medium, report.ntp, report.rtp_timestamp, now)

    def end(self) -> None:
        """Its sender said goodbye. Whatever comes next begins anew, from the same sender or another."""
        self._forget()

    def report(self, now: float) -> ReportBlock | None:
        """What its sender is told now; `None` before the first packet."""
        reception = self._reception
        if reception is None:
            self.bitrate = 0
            return None
        passed = now - self._reported_at if self._reported_at is not None else 0.0
        self.bitrate = round((reception.octets - self._octets) * 8 / passed) if passed > 0 else 0
        self._reported_at, self._octets = now, reception.octets
        return reception.report(now)

    @property
    def fraction_lost(self) -> float:
        """The part of the packets that was lost on the way between the last two reports, repaired or not."""
        return 0.0 if self._reception is None else self._reception.fraction_lost

    @property
    def stats(self) -> TrackStats:
        """How it arrives, by the last report."""
        reception = self._reception
        if reception is None:
            return TrackStats(self.medium, self.codec, 0, 0.0, 0.0, None)
        round_trip = None if reception.round_trip is None else reception.round_trip * 1000
        return TrackStats(
            self.medium, self.codec, self.bitrate, reception.fraction_lost, reception.jitter * 1000, round_trip
        )

    def path(self, now: float) -> PathReading:
        """What its packets tell of the network that they come over, by the last report; nothing if none came lately."""
        reception = self._reception
        if reception is None or now - self._heard > STALE_AFTER:
            return PathReading()
        round_trip = reception.round_trip if now - reception.round_trip_at <= STALE_AFTER else None
        return PathReading(round_trip, reception.fraction_lost, reception.jitter)

    def _repair(self, packet: RtpPacket, payload_type: int, now: float) -> list[Unit]:
        reception = self._reception
        if reception is None or self.track.rtx_ssrc not in (None, packet.ssrc):
            self._counters.unknown += 1
            return []
        original = rtx_unwrap(packet, payload_type, reception.ssrc)
        return [] if original is None else self._units(reception.receive(original, now, again=True), now)

    def _begin(self, ssrc: int) -> Reception:
        self._forget()
        if self._last_ssrc not in (None, ssrc):
            self._clock.restart(self.medium)
        self._last_ssrc = ssrc
        self._reception = Reception(ssrc, CLOCKS[self.medium], self._hold, nack=self.track.nack)
        return self._reception

    def _forget(self) -> None:
        self.settle()
        self._reception = None
        self._octets = 0
        self._reported_at = None

    def settle(self) -> None:
        """Brings what was counted to the counters of all."""
        reception, counters = self._reception, self._counters
        if reception is not None:
            counters.lost += reception.lost
            counters.late += reception.late
            counters.recovered += reception.recovered
            reception.lost = reception.late = reception.recovered = 0

    def _units(self, ready: Ready, now: float) -> list[Unit]:
        units: list[Unit] = []
        for packet in ready:
            if packet is None:
                self._lose()
            elif packet.payload:  # without, it only probed the bandwidth
                self._take(packet, now, units)
        return units

    @abstractmethod
    def _lose(self) -> None:
        """Packets are lost for good here."""

    @abstractmethod
    def _take(self, packet: RtpPacket, now: float, units: list[Unit]) -> None:
        """Adds what the next packet completes."""


class SoundSource(Source):
    """A track of Opus, of which each packet is a unit."""

    medium = Medium.AUDIO

    def _lose(self) -> None:
        pass

    def _take(self, packet: RtpPacket, now: float, units: list[Unit]) -> None:
        if packet.payload_type not in self._codecs or not opus_duration(packet.payload):
            self._counters.malformed += 1
            return
        timestamp = self._clock.place(Medium.AUDIO, packet.timestamp, now)
        if self.codec is None:
            self.codec = Codec.OPUS
            units.append(AudioConfig(timestamp, b"", Codec.OPUS))
        units.append(AudioUnit(timestamp, packet.payload, Codec.OPUS))
