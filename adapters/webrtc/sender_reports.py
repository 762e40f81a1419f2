"""Sender reports: which moment an RTP timestamp is, told to every viewer each second (RFC 3550 section 6.4.1).

Sound and pictures of a stream are stamped from one timeline, so they need one fact: which wall time the timeline's 0 is.
It is learned from what arrives and corrected slowly, since players keep sound and pictures together by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from adapters.media.turns import CallLater, Turns
from adapters.media.units import Medium
from adapters.webrtc.lane import Lane
from adapters.webrtc.player import WebRtcPlayer
from adapters.webrtc.rtcp import SenderReport, SourceDescription, compound, ntp_middle, ntp_of
from adapters.webrtc.tracks import CLOCKS

JUMP = 1.0
"""Seconds: a greater error is not corrected but taken over; the publisher stood still, or its clock jumped."""
_EASE = 0.01
"""What part of the error one unit corrects."""
_EASE_LIMIT = 20e-6
"""Seconds that one unit corrects at most."""

_PORTION = 32
"""Viewers that are told in one turn."""


class Anchor:
    """Which wall time (Unix, seconds) is 0 on a timeline. Pure."""

    __slots__ = ("zero",)

    def __init__(self) -> None:
        self.zero: float | None = None
        """`None` until a unit was seen."""

    def see(self, timestamp: int, wall: float) -> None:
        """A unit with this time in milliseconds arrived at this wall time."""
        zero = wall - timestamp / 1000
        if self.zero is None or abs(zero - self.zero) > JUMP:
            self.zero = zero
        else:
            self.zero += max(-_EASE_LIMIT, min((zero - self.zero) * _EASE, _EASE_LIMIT))


class SenderReports:
    """The reports of one audience, sent a few in each turn."""

    __slots__ = ("_anchor", "_bases", "_call_later", "_clock", "_cname", "_due", "_turns", "_wall_clock")

    def __init__(
        self,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        call_later: CallLater,
        turns: Turns,
        cname: str,
        bases: Mapping[Medium, int],
    ) -> None:
        self._clock = clock
        self._wall_clock = wall_clock
        self._call_later = call_later
        self._turns = turns
        self._cname = cname
        self._bases = bases
        self._anchor = Anchor()
        self._due: dict[WebRtcPlayer, None] = {}

    def see(self, timestamp: int) -> None:
        """A unit arrived."""
        self._anchor.see(timestamp, self._wall_clock())

    def restart(self) -> None:
        """Units were not seen for a while."""
        self._anchor = Anchor()

    def tell(self, viewers: Iterable[WebRtcPlayer]) -> None:
        """These viewers are due; what was queued before is sent before."""
        idle = not self._due
        self._due.update(dict.fromkeys(viewers))
        if idle and self._due:
            self._turns.add(self)

    def forget(self, viewer: WebRtcPlayer) -> None:
        """It has left."""
        self._due.pop(viewer, None)

    def flush(self) -> int:
        """Tell some of them; gives their number."""
        made: dict[tuple[Lane, ...], bytes] = {}
        portion = tuple(self._due)[:_PORTION]
        now, ntp = self._clock(), ntp_of(self._wall_clock())
        for viewer in portion:
            del self._due[viewer]
            lanes = tuple(seat.cohort.lane for seat in viewer.seats.values() if seat.cohort is not None)
            if lanes not in made:
                made[lanes] = self._report(lanes, ntp)
            if made[lanes]:
                viewer.outlet.send_rtcp(made[lanes])
                viewer.told(ntp_middle(ntp), now)
        if self._due:
            self._call_later(0, self._turns.add, self)
        return len(portion)

    def _report(self, lanes: tuple[Lane, ...], ntp: int) -> bytes:
        """For the viewers of these lanes; empty if there is nothing to say."""
        zero = self._anchor.zero
        if zero is None or not lanes:
            return b""
        elapsed = self._wall_clock() - zero
        reports = [
            SenderReport(
                lane.key.ssrc,
                ntp,
                self._bases[lane.key.medium] + round(elapsed * CLOCKS[lane.key.medium]) & 0xFFFF_FFFF,
                lane.packets,
                lane.octets,
            )
            for lane in lanes
        ]
        return compound([*reports, SourceDescription(reports[0].ssrc, self._cname)])
