"""One incoming RTP source: its packets in order, what is asked for again, and what the sender is told of them.

A gap is held open for a bounded time, in which the missing packets may come late or be sent again; then it is given up.
While it is open, they are asked for (RFC 4585 section 6.2.1) by a timer of our own, as a request or its answer may be lost,
too. What has to be told in receiver reports is counted as RFC 3550 appendices A.3 and A.8 say.

Everything is bounded: packets that are missing, packets that wait for them, how often one is asked for. A jump of the
sequence numbers that the next packet confirms is a sender that began anew. Pure: time comes in as `now`, in seconds.
"""

from __future__ import annotations

from typing import TypeAlias

from adapters.webrtc.rtcp import ReportBlock, ntp_middle
from adapters.webrtc.rtp import RtpPacket, sequence_distance, timestamp_distance

Ready: TypeAlias = list[RtpPacket | None]
"""Packets in their order; `None` where some are lost for good."""

REORDERED = 0.010
"""Seconds for which a missing packet may just have been overtaken by others."""
SHORTEST_WAIT = 0.020
"""Seconds between two requests for a packet at least ..."""
ROUND_TRIPS = 1.5
"""... or this many round trips."""
USUAL_ROUND_TRIP = 0.050
"""Seconds; what a round trip is taken for until one was measured."""
PATIENCE = 3.0
"""Round trips for which a packet that can be asked for is waited for at least: an answer may be lost once. This prolongs the
time that is set, but no more than doubles it."""
SLOWED = 1.25
"""What a round trip is thought to be longer by when an answer may have been that to an earlier request."""
MAX_REQUESTS = 10
"""How often a packet is asked for."""
MAX_SEQUENCES = 100
"""Packets asked for in one go; the others follow in the next."""
MAX_MISSING = 250
"""Packets that may be missing at once; beyond, the oldest are given up. A longer gap is an outage: nobody fills it."""
MAX_HELD = 1024
"""Packets that may wait for missing ones."""
MAX_JUMP = 1000
"""Sequence numbers; a packet further away from the latest one belongs to a sender that began anew, or to nobody."""

_NEVER = float("inf")
_LARGEST = (1 << 32) - 1
_IMPLAUSIBLE = 10.0
"""Seconds; a timestamp that is off by more than this says nothing about the path."""


class _Missing:
    """A packet that has not come."""

    __slots__ = ("asked_at", "due", "requests", "until")

    def __init__(self, due: float, until: float) -> None:
        self.due = due
        """When it is to be asked for next."""
        self.until = until
        """When it is given up."""
        self.requests = 0
        self.asked_at = 0.0
        """When it was asked for last."""


class Reception:
    """What comes from one SSRC.

    `clock_rate` is that of its RTP timestamps in Hz, `hold` the seconds for which a gap stays open on a path that is not
    slow; `nack`: missing packets can be asked for.
    """

    def __init__(self, ssrc: int, clock_rate: int, hold: float, *, nack: bool) -> None:
        self.ssrc = ssrc
        self.hold = hold
        self.nack = nack
        self.octets = 0
        """Payload bytes, what was sent again left out."""
        self.lost = 0
        """Packets given up."""
        self.late = 0
        """Packets that came twice, or after they had been given up."""
        self.recovered = 0
        """Packets that came because they were asked for."""
        self.round_trip: float | None = None
        """Seconds from a request to its answer, smoothed; `None` until there was one."""
        self.round_trip_at = float("-inf")
        """When that was measured last."""
        self.fraction_lost = 0.0
        """The part of the packets that was lost on the way between the last two reports, those sent again not considered."""
        self._guess = USUAL_ROUND_TRIP
        self._rate = clock_rate
        self._jitter = 0.0
        self._highest: int | None = None
        """The latest sequence number, extended by the number of its cycles; `None` before the first."""
        self._next = 0
        """The extended sequence number that is handed on next."""
        self._missing: dict[int, _Missing] = {}
        """By extended sequence number, ascending. The first one is `_next`."""
        self._held: dict[int, RtpPacket] = {}
        self._due = _NEVER
        """No packet is to be asked for before this."""
        self._suspect: RtpPacket | None = None
        """A packet from far away: the first of a sender that began anew if the next one follows it."""
        self._timestamp = 0
        self._timestamp_at: float | None = None
        """When the first packet with this timestamp came."""
        self._base = self._received = self._expected_before = self._received_before = 0
        self._sender_report: tuple[int, float] | None = None

    @property
    def jitter(self) -> float:
        """How unevenly packets come, in seconds (RFC 3550 section 6.4.1)."""
        return self._jitter / self._rate

    @property
    def deadline(self) -> float | None:
        """When `expire` and `requests` should be asked next, whatever comes before; `None`: no need to."""
        if not self._missing:
            return None
        return min(next(iter(self._missing.values())).until, self._due)

    @property
    def _patience(self) -> float:
        """Seconds for which a packet that is missing from now on is waited for."""
        if not self.nack or self.round_trip is None:
            return self.hold
        return min(max(self.hold, self.round_trip * PATIENCE), self.hold * 2)

    def receive(self, packet: RtpPacket, now: float, *, again: bool = False) -> Ready:
        """Takes a packet and gives what can be handed on. `again`: it came as a retransmission (RFC 4588)."""
        highest = self._highest
        if highest is None:
            if again:
                return []
            highest = self._begin(packet.sequence)
        distance = sequence_distance(packet.sequence, highest)
        if again:
            if distance > 0:  # nothing is sent again before it was sent
                return []
        elif -MAX_JUMP <= distance <= MAX_JUMP:
            self._count(packet, distance, now)
            if distance == 1 and not self._missing:
                self._highest = highest + 1
                self._next = highest + 2
                return [packet]
        else:
            return self._jump(packet, now)
        ready: Ready = []
        if distance > 0:
            self._extend(packet, highest, highest + distance, now, ready)
        else:
            self._fill(packet, highest + distance, now)
        self._hand_on(ready)
        self._give_up(now, ready)
        return ready

    def expire(self, now: float) -> Ready:
        """What can be handed on because packets before it are given up."""
        ready: Ready = []
        self._give_up(now, ready)
        return ready

    def requests(self, now: float) -> list[int]:
        """The sequence numbers that are to be asked for now."""
        if not self.nack or now < self._due:
            return []
        wait = max(ROUND_TRIPS * (self.round_trip or self._guess), SHORTEST_WAIT)
        asked: list[int] = []
        due = _NEVER
        for extended, missing in self._missing.items():
            if missing.requests == MAX_REQUESTS:
                continue
            if missing.due <= now and len(asked) < MAX_SEQUENCES:
                asked.append(extended & 0xFFFF)
                missing.asked_at = now
                missing.requests += 1
                missing.due = now + wait
            if missing.requests < MAX_REQUESTS:
                due = min(due, missing.due)
        self._due = due
        return asked

    def sender_report(self, ntp: int, now: float) -> None:
        """The source's sender report came: the next receiver report says how long ago that was."""
        self._sender_report = (ntp_middle(ntp), now)

    def report(self, now: float) -> ReportBlock | None:
        """The report block that is due now; the next one counts from here. `None` before the first packet."""
        if self._highest is None:
            return None
        expected = self._highest - self._base + 1
        expected_now, received_now = expected - self._expected_before, self._received - self._received_before
        self._expected_before, self._received_before = expected, self._received
        lost_now = max(expected_now - received_now, 0)
        self.fraction_lost = lost_now / expected_now if expected_now > 0 else 0.0
        lsr, came = self._sender_report or (0, now)
        return ReportBlock(
            ssrc=self.ssrc,
            fraction_lost=min(int(self.fraction_lost * 256), 255),
            lost=expected - self._received,
            highest=self._highest & _LARGEST,
            jitter=min(int(self._jitter), _LARGEST),
            lsr=lsr,
            dlsr=min(max(int((now - came) * 65536), 0), _LARGEST),
        )

    def _begin(self, sequence: int) -> int:
        """The sender begins, or begins anew, with this sequence number; the one before it counts as the latest."""
        self._highest = sequence - 1
        self._next = self._base = sequence
        self._received = self._expected_before = self._received_before = 0
        self._timestamp_at = None
        self._suspect = None
        return sequence - 1

    def _jump(self, packet: RtpPacket, now: float) -> Ready:
        """A packet from far away. It is believed with the second one, which follows it (RFC 3550 appendix A.1)."""
        suspect = self._suspect
        if suspect is None or packet.sequence != (suspect.sequence + 1) & 0xFFFF:
            self._suspect = packet
            return []
        ready: Ready = []
        self._give_up(_NEVER, ready)
        self._begin(suspect.sequence)
        return [*ready, None, *self.receive(suspect, now), *self.receive(packet, now)]

    def _count(self, packet: RtpPacket, distance: int, now: float) -> None:
        """Note a packet's coming. How even that is, the first packet of each frame tells: the others wait for it."""
        self._received += 1
        self.octets += len(packet.payload)
        if distance > 0 and packet.timestamp != self._timestamp:
            if self._timestamp_at is not None:
                transit = abs((now - self._timestamp_at) * self._rate - timestamp_distance(packet.timestamp, self._timestamp))
                if transit < _IMPLAUSIBLE * self._rate:
                    self._jitter += (transit - self._jitter) / 16
            self._timestamp = packet.timestamp
            self._timestamp_at = now

    def _extend(self, packet: RtpPacket, highest: int, extended: int, now: float, ready: Ready) -> None:
        """A packet beyond the latest: what lies between is missing, or lost already if that is too much."""
        gap = extended - highest - 1
        if len(self._missing) + gap > MAX_MISSING:
            self._give_up(_NEVER, ready)
        if gap > MAX_MISSING:
            self.lost += gap
            self._next = extended
            ready.append(None)
        elif gap:
            due, until = now + REORDERED, now + self._patience
            if self.nack:
                self._due = min(self._due, due) if self._missing else due
            for number in range(highest + 1, extended):
                self._missing[number] = _Missing(due, until)
        self._held[extended] = packet
        self._highest = extended

    def _fill(self, packet: RtpPacket, extended: int, now: float) -> None:
        """A packet from before the latest."""
        missing = self._missing.pop(extended, None)
        if missing is None:
            self.late += 1
            return
        self._held[extended] = packet
        if missing.requests:
            self.recovered += 1
            self._measure(missing, now)

    def _measure(self, missing: _Missing, now: float) -> None:
        """A packet came that was asked for. If it was so more than once, nobody knows which request is answered: perhaps they
        came too fast, so they slow down until one is answered before it is repeated (Karn's algorithm)."""
        if missing.requests == 1:
            took, before = now - missing.asked_at, self.round_trip
            self.round_trip = took if before is None else before + (took - before) / 4
            self.round_trip_at = now
        elif self.round_trip is None:
            self._guess = min(self._guess * SLOWED, self.hold)
        else:
            self.round_trip = min(self.round_trip * SLOWED, self.hold)

    def _hand_on(self, ready: Ready) -> None:
        """What is next, as far as it is here."""
        while (packet := self._held.pop(self._next, None)) is not None:
            ready.append(packet)
            self._next += 1

    def _give_up(self, now: float, ready: Ready) -> None:
        """What has been missing for too long is lost; what waited for it is next."""
        while self._missing:
            if next(iter(self._missing.values())).until > now and len(self._held) <= MAX_HELD:
                return
            del self._missing[self._next]
            self._next += 1
            self.lost += 1
            if not ready or ready[-1] is not None:
                ready.append(None)
            self._hand_on(ready)
