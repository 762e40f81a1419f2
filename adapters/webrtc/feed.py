"""One medium on its way to one viewer: its own unbroken numbering of shared packets, and what it may have again.

A viewer gets packets that are shared by many, from one history after another: it waits for keyframes, skips, is muted,
moves. What it sees has no gap: a packet that is number `n` in its history is number `n + offset` for the viewer. As long as
the offset is 0 the viewer takes the very bytes that others take. Which history it got which numbers from is remembered
for as long as it may ask for them again (NACK, RFC 4585 section 6.2.1).

Pure: time comes in as `now`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from adapters.webrtc import rtp
from adapters.webrtc.history import History
from adapters.webrtc.tracks import OutgoingTrack, Payload

WRAP = 1 << 16
UNSAFE = 2048
"""A viewer does not begin this close before the sequence numbers wrap: were its first packets lost, it would count the
wraps wrong and could not decrypt anything (RFC 3711 section 3.3.1)."""

RESEND_GAP = 0.02
"""Seconds in which a packet is not sent to one viewer again, at least; a round trip if that is longer."""
RESEND_SHARE = 0.5
"""What a viewer may have again, relative to what it gets."""
RESEND_FLOOR = 64_000
"""Bytes per second that it may have again in any case."""
ASKING_COST = 32
"""Bytes that asking costs, whatever the answer is: asking is work, too."""
REPLAY_WINDOW = 1000
"""An older packet cannot be encrypted again as it was: the SRTP session keeps the newest 1024 apart."""
_REMEMBERED = 512
"""Answers that are remembered, so as not to be repeated too soon."""
_SPANS = 4


class Span(NamedTuple):
    """A stretch of a viewer's numbers, up to the next span, where the packets are and of what type."""

    start: int
    offset: int
    source: History
    payload: Payload


def renumbered(packets: list[bytes], offset: int) -> list[bytes]:
    """Copies of the packets with sequence numbers that are higher by `offset`, modulo 2**16."""
    first = (packets[0][2] << 8 | packets[0][3]) + offset if packets else 0
    return [
        b"%b%b%b" % (packet[:2], (number & 0xFFFF).to_bytes(2, "big"), packet[4:]) for number, packet in enumerate(packets, first)
    ]


class Feed:
    """What one viewer gets of one medium."""

    __slots__ = (
        "_live",
        "_next",
        "_resent",
        "_rtx_sequence",
        "_spans",
        "_spent",
        "_spent_at",
        "last_timestamp",
        "offset",
        "track",
    )  # fmt: skip

    def __init__(self, track: OutgoingTrack) -> None:
        self.track = track
        self.offset = 0
        """What is added to a packet's number; only its lower 16 bits matter to the viewer."""
        self.last_timestamp: int | None = None
        """RTP timestamp that nothing may go behind; `None` as long as nothing was sent."""
        self._next: int | None = None
        self._spans: deque[Span] = deque(maxlen=_SPANS)
        self._live: History | None = None
        self._rtx_sequence = 0
        self._resent: dict[int, float] = {}
        self._spent = 0.0
        self._spent_at = 0.0

    def follow(self, source: History, position: int, live: History, payload: Payload) -> None:
        """From now on it gets what is in `source` from `position` on, and `live` afterwards."""
        if self._next is None:
            self.offset = UNSAFE if position % WRAP >= WRAP - UNSAFE else 0
        else:
            self.offset = self._next - position
        self._spans.append(Span(position + self.offset, self.offset, source, payload))
        self._live = live

    def go_over(self, source: History, position: int) -> int:
        """What follows is in `source`, numbered as before. Gives the first number of that."""
        start = position + self.offset
        self._spans.append(self._spans[-1]._replace(start=start, source=source))
        return start

    def leave(self, position: int, timestamp: int | None) -> int:
        """It got everything before `position`, none of it stamped later than `timestamp`, and gets nothing more for now.
        Gives the number that what comes next will have."""
        self._next = end = position + self.offset
        if timestamp is not None:
            self.last_timestamp = timestamp
        while self._spans and self._spans[-1].start == end:
            self._spans.pop()
        self._live = None
        return end

    def forget(self, start: int) -> None:
        """What came before `start`, where one stay ended or another began, is not asked for any more."""
        self._spans = deque((span for span in self._spans if span.start >= start), _SPANS)

    def again(self, sequences: Iterable[int], position: int | None, now: float, rtt: float) -> list[bytes]:
        """The packets with these sequence numbers, ready to be encrypted: as retransmissions (RFC 4588) if the viewer
        understands them, else as they were. What is forgotten, was answered just now, or is beyond measure, is left out.

        `position`: it got everything before that of what it follows; `None` if it has left. What it did not get yet is left
        out, too: were that encrypted now, what comes before it could not be any more.
        """
        end = self._next if position is None else position + self.offset
        if end is None:
            return []
        self._refund(now)
        gap = max(RESEND_GAP, rtt)
        packets: list[bytes] = []
        for sequence in sequences:
            if self._spent > self._allowance(now):
                break
            self._spent += ASKING_COST
            number = end - 1 - (end - 1 - sequence) % WRAP
            span = next((span for span in reversed(self._spans) if number >= span.start), None)
            if span is None or now - self._resent.get(number, -gap) < gap:
                continue
            packet = span.source.get(number - span.offset)
            rtx = span.payload.rtx
            if packet is not None and (rtx is not None or number >= end - REPLAY_WINDOW):
                self._spent += len(packet)
                self._note(number, now)
                packets.append(self._wrapped(packet, number, rtx))
        return packets

    def _wrapped(self, packet: bytes, number: int, rtx: int | None) -> bytes:
        if rtx is None:
            offset = (number - (packet[2] << 8 | packet[3])) & 0xFFFF
            return renumbered([packet], offset)[0] if offset else packet
        self._rtx_sequence = (self._rtx_sequence + 1) & 0xFFFF
        return rtp.build(
            rtx,
            packet[1] >= 0x80,
            self._rtx_sequence,
            int.from_bytes(packet[4:8], "big"),
            self.track.rtx_ssrc,
            rtp.rtx_payload(number & 0xFFFF, packet[12:]),
        )

    def _note(self, number: int, now: float) -> None:
        if len(self._resent) >= _REMEMBERED:
            self._resent.clear()
        self._resent[number] = now

    def _allowance(self, now: float) -> float:
        """Bytes per second that it may have again, and as many at once."""
        return RESEND_FLOOR + RESEND_SHARE * (self._live.byte_rate(now) if self._live is not None else 0.0)

    def _refund(self, now: float) -> None:
        self._spent = max(0.0, self._spent - (now - self._spent_at) * self._allowance(now))
        self._spent_at = now
