"""The case against each leg: which of what is measured and reported is held against it, and what is somebody else's fault.

Everything that goes wrong shows on the legs behind it: with a slow process all media are late, with a slow publisher every
viewer's picture stands still. So a case leaves out what the server or the stream itself explains. Pure: time comes in as
`now`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Set
from typing import TypeAlias

from gateway.quality import measures
from gateway.quality.component_codes import Kind, lookup
from gateway.quality.inbox import Inbox
from gateway.quality.measures import Measure
from gateway.quality.presence import FLOWING, Presence, Suspension
from gateway.quality.readings import EgressReading, IngestReading, PathReading, ServerReading
from gateway.quality.reports import CodeReport, Direction, MediaReport
from gateway.quality.verdict import Leg, Level, Verdict
from gateway.quality.witness import Bench
from gateway.rooms.model import Medium, PlayMode

NEWCOMER = 3.0
"""Seconds in which a viewer that has just come is not judged: the newest group of pictures goes to it in a burst."""
SERVER_AFTERMATH = 5.0
"""Seconds for which a process that was overloaded still explains what its legs look like: it is catching up."""
STREAM_AFTERMATH = 3.0
"""Seconds for which a viewer's report may still speak of what the stream was like before."""
STANDSTILL = 0.5
"""Seconds; a process that was late by that much saw everything late."""
SKIPS_WITHIN = 20.0
"""Seconds over which a viewer's skips are added up."""
TCP = frozenset(("rtmp", "flv"))
"""Protocols whose loss is segments sent again."""

_LEAST_LOSS = min(measures.LOSS.limits.fair, measures.RESENT.limits.fair)

Seen: TypeAlias = tuple[Measure, float | None]
"""A measure and its value; `None`: not known, or without meaning now."""
_LONG_AGO = float("-inf")
_DIRECTIONS: tuple[Direction, ...] = ("push", "pull")


class ServerCase:
    """This process."""

    def __init__(self) -> None:
        self._bench = Bench()

    @property
    def verdict(self) -> Verdict:
        return self._bench.verdict

    def measured(self, reading: ServerReading, now: float) -> Verdict:
        late = reading.lag >= measures.LAG.limits.fair / 2
        self._bench.look(measures.LAG, reading.lag, now)
        self._bench.look(measures.LAG_PEAK, reading.lag_peak, now)
        self._bench.look(measures.CPU, reading.cpu if late else None, now)
        self._bench.look(measures.DROPS, reading.drops / reading.span if reading.span > 0 else None, now)
        return self._bench.judge(now)


class _ClientCase(ABC):
    """What the legs of clients have in common: the process' own trouble hides theirs, and at their other end one speaks."""

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._bench = Bench()
        self._inbox = Inbox()
        self._excused_at = _LONG_AGO
        """When it had an excuse last."""
        self._lag = 0.0
        self._overloaded_at = _LONG_AGO
        self._dropping_at = _LONG_AGO

    @property
    def verdict(self) -> Verdict:
        """How the leg does. The same object until there is something new to tell; `since` changes with the level alone."""
        return self._bench.verdict

    def told(self, report: MediaReport, at: float) -> None:
        """The client of this leg said how its media did at that time, which may be some seconds ago. It is weighed at the next
        `measured`: of several reports the newest few."""
        self._inbox.report(report, at)

    def coded(self, report: CodeReport, at: float) -> None:
        """The client's component said something at that time, likewise."""
        code = lookup(report.direction, report.code)
        if code is not None and code.leg is self._leg and code.level > Level.GOOD:
            self._inbox.code(code, at)

    def _overshadow(self, server: Verdict, lag: float, now: float) -> None:
        """Takes down how the process does: `lag` is the longest of lately, in seconds."""
        self._lag = lag
        for one in server.evidence:
            if one.measure == measures.DROPS.name:
                self._dropping_at = now
            elif one.level is Level.BAD:
                self._overloaded_at = now

    def _hidden(self, measure: Measure, now: float) -> bool:
        """Whether the process' own trouble explains what a measure says."""
        if measure.certain:
            return False
        if now - self._dropping_at < SERVER_AFTERMATH:
            lost_here = self._leg is Leg.UPLINK and measure in (measures.LOSS, measures.TOLD_LOSS)
            if lost_here or measure.symptom:
                return True
        return self._lag >= STANDSTILL or now - self._overloaded_at < SERVER_AFTERMATH

    def _look(self, seen: Iterable[Seen], mode: PlayMode, now: float) -> bool:
        """Takes down what was measured here. Whether any of it is beyond its limits."""
        beyond = False
        for measure, value in seen:
            if value is not None:
                value = None if self._hidden(measure, now) else value - self._lag if measure.timed else value
            beyond |= self._bench.look(measure, value, now, measure.limits_in(mode))
        return beyond

    def _listen(self, mode: PlayMode) -> bool:
        """Takes down what was told, unless something else explains it. Whether any of it is beyond its limits."""
        beyond = False
        for at, code in self._inbox.codes():
            if self._counts(measures.CODE, at) and (code.kind is Kind.FAULT or self._settled(at)):
                beyond = True
                self._bench.hear(code, at)
        for at, report in self._inbox.reports():
            for measure, value in self._members(report) if self._settled(at) else ():
                if value is not None and self._counts(measure, at):
                    beyond |= self._look(((measure, value),), mode, at)
        return beyond

    def _counts(self, measure: Measure, at: float) -> bool:
        """Whether what the client said then is held against its leg. What was otherwise since may be what it speaks of."""
        return at > self._excused_at and not self._hidden(measure, at)

    @abstractmethod
    def _settled(self, now: float) -> bool:
        """Whether its connection is older than a moment: only a fault that parted the one before counts earlier."""

    def _members(self, report: MediaReport) -> Iterator[Seen]:
        yield measures.TOLD_LEVEL, report.level
        yield measures.TOLD_LOSS, report.loss
        yield measures.TOLD_ROUND_TRIP, report.round_trip


class UplinkCase(_ClientCase):
    """One publisher's leg, with all its connections."""

    def __init__(self) -> None:
        super().__init__(Leg.UPLINK)
        self._presence = Presence()
        self._least_late: float | None = None
        self._disturbed_at = _LONG_AGO
        self._blank_at = _LONG_AGO

    def coded(self, report: CodeReport, at: float) -> None:
        super().coded(report, at)
        if report.direction == "push" and pauses(report):
            self._presence.pause(at)

    def excused(self, now: float) -> bool:
        """The publisher said why nothing comes: a phone call, another app."""
        return self._presence.excused(now)

    def explains(self, measure: Measure, at: float) -> bool:
        """Whether the stream itself was then, or a moment before, or may have been, such that viewers see this on a perfect
        downlink."""
        if measure.pictorial and at - self._blank_at < STREAM_AFTERMATH:
            return True
        return measure.symptom and at - self._disturbed_at < STREAM_AFTERMATH

    def measured(
        self, reading: IngestReading, server: Verdict, lag: float, now: float, muted: Set[Medium] = frozenset()
    ) -> Verdict:  # fmt: skip
        """Judges after a look at the stream. `lag`: seconds, the longest of the event loop lately; `muted`: the media of
        which the publisher says that it sends none."""
        presence = self._presence
        self._overshadow(server, lag, now)
        presence.look(reading, muted, now)
        if presence.excused(now):
            self._excused_at = now
        beyond = self._look(self._seen(reading, now), PlayMode.RTC, now)
        beyond |= self._listen(PlayMode.RTC)
        verdict = self._bench.judge(now)
        steady = presence.settled(now) and not presence.excused(now) and reading.silence < FLOWING
        if beyond or verdict.level > Level.GOOD or not steady:
            self._disturbed_at = now
        if presence.blank:
            self._blank_at = now
        return verdict

    def _seen(self, reading: IngestReading, now: float) -> Iterator[Seen]:
        presence = self._presence
        excused = presence.excused(now)
        judged = presence.settled(now) and not excused
        path = reading.path if judged else PathReading()
        due = now - presence.due_since if presence.due_since is not None else None
        late = self._grown(reading, judged)
        steady = late is not None and now - self._blank_at >= STREAM_AFTERMATH
        yield measures.INTERRUPTED, now - presence.lost_at if presence.lost_at is not None and not excused else None
        yield measures.SILENCE, min(reading.silence, due) if due is not None else None
        yield measures.GAP, min(reading.gap, due) if due is not None else None
        yield measures.LATE, reading.late - late if late is not None else None
        yield measures.LATE_PEAK, reading.late_peak - late if late is not None else None
        yield measures.DRIFT, abs(reading.drift) if reading.drift is not None and steady else None
        yield measures.LOSS, path.loss
        yield measures.ROUND_TRIP, path.round_trip
        yield measures.JITTER, path.jitter

    def _grown(self, reading: IngestReading, judged: bool) -> float | None:
        """By how much media were late at their best; `None`: that says nothing now. What was so since the publisher settled is
        its own way of sending (an encoder that begins with a burst is late for ever after), and no network's."""
        if not reading.connected:
            self._least_late = None
        if not judged or reading.silence >= reading.span:
            return None
        self._least_late = reading.late if self._least_late is None else min(self._least_late, reading.late)
        return self._least_late

    def _settled(self, now: float) -> bool:
        return self._presence.settled(now)

    def _members(self, report: MediaReport) -> Iterator[Seen]:
        yield from super()._members(report)
        yield measures.TOLD_BACKLOG, report.backlog


class DownlinkCase(_ClientCase):
    """One viewer's leg, with all its connections."""

    def __init__(self) -> None:
        super().__init__(Leg.DOWNLINK)
        self._suspension = Suspension()
        self._source: UplinkCase | None = None
        self._joined_at = _LONG_AGO
        self._skips = 0
        self._skipped: deque[tuple[float, int]] = deque()
        self._behind_since: float | None = None

    def coded(self, report: CodeReport, at: float) -> None:
        super().coded(report, at)
        if pauses(report):
            self.pause(at)

    def pause(self, at: float) -> None:
        """The viewer says that something holds it up: a phone call, another app."""
        self._suspension.pause(at)

    def excused(self, now: float) -> bool:
        """The viewer said why it takes nothing."""
        return self._suspension.excused(now)

    def measured(
        self, reading: EgressReading | None, mode: PlayMode, uplink: UplinkCase | None, server: Verdict, lag: float, now: float
    ) -> Verdict:
        """Judges after a look at the viewer (`None`: it is not connected at present). `uplink`: its publisher's, judged
        before; `None`: nobody publishes. `lag`: seconds, the longest of the event loop lately."""
        self._source = uplink
        if reading is not None and not server.evidence and self._at_ease(reading, mode):
            return self._bench.verdict
        self._overshadow(server, lag, now)
        self._suspension.look(reading, measures.BACKLOG.limits_in(mode).fair, now)
        if self.excused(now):
            self._excused_at = now
        self._look(self._seen(reading, now), mode, now)
        self._listen(mode)
        return self._bench.judge(now)

    def _at_ease(self, reading: EgressReading, mode: PlayMode) -> bool:
        """Nothing is the matter, and nothing is remembered that could be: there is nothing to weigh. So it is with nearly all
        viewers at nearly every look."""
        path = reading.path
        return (
            self._bench.at_ease
            and not self._inbox
            and self._suspension.at_ease
            and reading.joined_at == self._joined_at
            and reading.skips == self._skips
            and not (self._skipped or reading.behind)
            and self._behind_since is None
            and (reading.backlog or 0.0) < measures.BACKLOG.limits_in(mode).fair
            and (path.loss or 0.0) < _LEAST_LOSS
            and (path.round_trip or 0.0) < measures.ROUND_TRIP.limits.fair
            and (path.jitter or 0.0) < measures.JITTER.limits.fair
        )

    def _seen(self, reading: EgressReading | None, now: float) -> Iterator[Seen]:
        if reading is None:
            return
        excused = self.excused(now)
        self._follow(reading, excused, now)
        judged = self._settled(now) and not excused
        path = reading.path if judged else PathReading()
        yield measures.BACKLOG, reading.backlog if judged else None
        yield measures.BEHIND, self._behind(reading, now) if judged else None
        yield measures.SKIPS, sum(count for _, count in self._skipped) if judged else None
        yield measures.RESENT if reading.protocol in TCP else measures.LOSS, path.loss
        yield measures.ROUND_TRIP, path.round_trip
        yield measures.JITTER, path.jitter

    def _behind(self, reading: EgressReading, now: float) -> float | None:
        if not reading.behind:
            self._behind_since = None
            return None
        if self._behind_since is None:
            self._behind_since = now
        return now - self._behind_since

    def _follow(self, reading: EgressReading, excused: bool, now: float) -> None:
        """Notices a new connection, which begins to count anew, and that the viewer skips."""
        if reading.joined_at != self._joined_at:
            self._joined_at, self._skips, self._behind_since = reading.joined_at, reading.skips, None
        more, self._skips = reading.skips - self._skips, reading.skips
        if more > 0 and not excused and not self._hidden(measures.SKIPS, now):
            self._skipped.append((now, more))
        while self._skipped and now - self._skipped[0][0] >= SKIPS_WITHIN:
            self._skipped.popleft()

    def _counts(self, measure: Measure, at: float) -> bool:
        explained = self._source.explains(measure, at) if self._source is not None else measure.symptom
        return super()._counts(measure, at) and not explained

    def _settled(self, now: float) -> bool:
        return now - self._joined_at >= NEWCOMER

    def _members(self, report: MediaReport) -> Iterator[Seen]:
        yield from super()._members(report)
        yield measures.TOLD_FREEZES, report.freezes
        yield measures.TOLD_BUFFER, report.buffer


def pauses(report: CodeReport) -> bool:
    """Something outside the call holds the client up. Tables list phone calls for live-pusher alone; whatever component
    says so means the same."""
    codes = (lookup(direction, report.code) for direction in _DIRECTIONS)
    return any(code is not None and code.kind is Kind.PAUSE for code in codes)
