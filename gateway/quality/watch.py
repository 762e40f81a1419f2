"""The watch over all calls: it takes reports in, makes its rounds, and tells how every leg does.

Clients' reports come in at any time (`report`); every `quality.sweep` seconds a round measures and judges each leg
(`sweeps.py`), and tells sessions what has changed (`notices.py`). The registry's journal is heard for what happens in calls
(`timeline.py`); `effects.py` acts. What is told, counted and written down stays the same however often clients report.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from statistics import fmean
from typing import Any, Protocol

from gateway.allowance import Allowance
from gateway.config import QualitySettings
from gateway.quality import component_codes, entries
from gateway.quality.cases import pauses
from gateway.quality.checkup import Finding
from gateway.quality.counters import QualityCounters, Way
from gateway.quality.effects import Effects, Rooms, SendUrls
from gateway.quality.history import Entry, History, Kind
from gateway.quality.legs import Legs, Place
from gateway.quality.notices import Listener, Notices
from gateway.quality.overview import FIRST, Overview, QualityNotice, dated
from gateway.quality.pages import Page
from gateway.quality.readings import Instruments
from gateway.quality.reports import CodeReport, Direction, MediaReport, Told
from gateway.quality.sweeps import LegCount, Probe, Sweeps
from gateway.quality.timeline import GrantBook, Timeline
from gateway.quality.views import Views
from gateway.rooms.model import Grant, Room, Session, Stream
from gateway.rooms.record import Record, SessionEnded

_log = logging.getLogger("gateway.quality")

_SHARE = 4.0
"""After each step of a round the loop is others' for so many times as long as the step took: a round takes at most a fifth of
it, and with too much to look at it simply takes longer."""
LATE = 15.0
"""Seconds after which a report says nothing of how a call does now: it is counted, and no more."""
_FAILURES_EVERY = 60.0
"""Seconds between two lines in the log about legs that cannot be looked at."""
_CODES_PER_SECOND, _CODES_AT_ONCE = 1.0, 30
"""Codes of one session that go into the history."""


class Registry(Rooms, Protocol):
    """What is asked of the registry."""

    @property
    def grants(self) -> GrantBook: ...

    @property
    def streams(self) -> Mapping[Place, Stream]: ...

    @property
    def rooms(self) -> Mapping[Place, Room]: ...


class Watch:
    """All calls of this process."""

    def __init__(
        self, settings: QualitySettings, instruments: Instruments, registry: Registry,
        listeners: Callable[[], Iterable[Listener]], send_urls: SendUrls, probe: Probe, history: History,
        clock: Callable[[], float], wall_clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self._settings = settings
        self._registry = registry
        self._history = history
        self._clock = clock
        self._wall_clock = wall_clock
        self.counters = counters = QualityCounters()
        self.book = Legs()
        self._effects = Effects(registry, send_urls, counters, history, wall_clock)
        self._timeline = Timeline(registry.grants, self.book, counters, history, clock, wall_clock)
        self._sweeps = Sweeps(
            settings, instruments, registry.streams, probe, self.book, self._effects, counters, history, clock, wall_clock,
            self._failed,
        )  # fmt: skip
        self._views = Views(registry.streams, self.book, lambda: self._sweeps.server, clock)
        self._notices = Notices(listeners, self._views.of_session, self._dated, settings.notice, clock)
        self._running: asyncio.Task[None] | None = None
        self._failed_at = float("-inf")

    # Rounds --------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begins to make rounds."""
        self._running = asyncio.create_task(self._run())

    def stop(self) -> None:
        """Makes no more rounds. Harmless when it makes none."""
        if self._running is not None:
            self._running.cancel()
            self._running = None

    async def _run(self) -> None:
        while True:
            due = self._clock() + self._settings.sweep
            try:
                await self._take_time(self.round())
            except Exception:  # a round that fails must not be the last one
                _log.exception("a round over all calls failed")
            await asyncio.sleep(max(due - self._clock(), self._settings.sweep / 2))

    def _failed(self, error: Exception) -> None:
        """A leg could not be looked at. It is said now and then, not every second for every leg."""
        now = self._clock()
        if now >= self._failed_at + _FAILURES_EVERY:
            self._failed_at = now
            _log.error("a leg could not be looked at", exc_info=error)

    async def _take_time(self, steps: Iterator[None]) -> None:
        began = self._clock()
        for _ in steps:
            await asyncio.sleep(_SHARE * (self._clock() - began))
            began = self._clock()

    def round(self) -> Iterator[None]:
        """Everything once, in steps."""
        yield from self._sweeps.round()
        yield from self._notices.round()

    # What comes in -------------------------------------------------------------------------------------------------

    def hear(self, fact: Record) -> None:
        """Something happened in a room."""
        self._timeline.hear(fact)
        if isinstance(fact, SessionEnded):
            self._notices.forget(fact.id)

    def found(self, stream: Stream, findings: tuple[Finding, ...]) -> None:
        """The check-up of a stream found something."""
        grant = stream.grant
        room_id = stream.room.id if stream.room is not None else ""
        for finding in findings:
            self.counters.findings[finding.trouble.name] += 1
            data = {"number": finding.trouble.number, "name": finding.trouble.name}
            self._history.record(
                Entry(grant.app, room_id, self._wall_clock(), Kind.FINDING, grant.user_id, stream.id, data)
            )

    def reports(self, app: str, room_id: str, user_id: str, told: Iterable[Told]) -> None:
        """Reports that came over HTTP, of a user who need not be there any more."""
        room = self._registry.rooms.get((app, room_id))
        session = room.sessions.get(user_id) if room is not None else None
        for one in told:
            self._take("http", session if one.age <= LATE else None, one)

    def session_report(self, session: Session, told: Told) -> None:
        """A report that came over the session's own socket."""
        self._take("ws", session, told)

    def _take(self, door: str, session: Session | None, told: Told) -> None:
        """`session`: whose call it is about; `None`: no call that is going on."""
        counters, parsed, direction = self.counters, told.parsed, told.direction
        counters.reports[door, direction, told.event] += 1
        for reason in parsed.dropped:
            counters.dropped[reason.value] += 1
        report = parsed.report
        if isinstance(report, MediaReport):
            if report.level is not None:
                counters.told_level[direction, str(report.level)] += 1
            if session is not None and (grant := _grant_of(session, direction, told.stream_id)) is not None:
                self._media(session, grant, report, told.age)
        elif report is not None:
            counters.codes[direction, component_codes.label(direction, report.code)] += 1
            if session is not None:
                self._code(session, _grant_of(session, direction, told.stream_id), report, told.age)

    def _code(self, session: Session, grant: Grant | None, report: CodeReport, age: float) -> None:
        now = self._clock()
        made = now - age
        allowance = session.allowances.get(CodeReport)
        if allowance is None:
            allowance = session.allowances[CodeReport] = Allowance(_CODES_PER_SECOND, _CODES_AT_ONCE, now)
        if not allowance.take(now):
            known = component_codes.lookup(report.direction, report.code)
            self._note(grant, session, Kind.CODE, entries.code(report, known.name if known else ""))
        if report.direction == "push" and pauses(report):
            self._suspend(session, made)
        if grant is None:
            return
        leg = self.book.leg(grant)
        leg.case.coded(report, made)
        self._effects.coded(leg, session, report, made, now)

    def _suspend(self, session: Session, at: float) -> None:
        """A phone whose pusher is held up plays nothing either, and live-player does not say so of every interruption."""
        for grant in session.playing.values():
            leg = self.book.downlinks.get(grant.id)
            if leg is not None:
                leg.case.pause(at)

    def _media(self, session: Session, grant: Grant, report: MediaReport, age: float) -> None:
        now, counters, leg = self._clock(), self.counters, self.book.leg(grant)
        made = now - age
        if leg.told.report is None or made >= leg.told.at:
            leg.told.report, leg.told.at = report, made
        leg.case.told(report, made)
        way = ("in" if report.direction == "push" else "out", grant.transport)
        if report.buffer is not None:
            counters.told_buffer[way].observe(report.buffer)
        if report.fps is not None:
            counters.told_fps[way].observe(report.fps)
        if report.freezes is not None:
            counters.told_freezes[way].observe(report.freezes)
        if now >= leg.told.noted_at + self._settings.measure_every:
            leg.told.noted_at = now
            self._note(grant, session, Kind.REPORT, entries.told(report))

    # What is told --------------------------------------------------------------------------------------------------

    def legs(self) -> Mapping[LegCount, int]:
        """How many legs are at which level, by leg, level and protocol, as the last round found them."""
        return self._sweeps.found.counts

    def losses(self) -> Mapping[Way, float]:
        """The mean part of the packets that got lost lately, by direction and protocol, as the last round found it."""
        return {way: fmean(values) for way, values in self._sweeps.found.losses.items()}

    def round_trips(self) -> Mapping[Way, float]:
        """The mean round trip in seconds, likewise."""
        return {way: fmean(values) for way, values in self._sweeps.found.round_trips.items()}

    def notice(self, session: Session, *, stats: bool) -> QualityNotice | None:
        """What a session that has come back is to hear; None: nothing."""
        return self._notices.now(session, stats=stats)

    def overview(self, app: str, page: Page = FIRST, *, room_id: str = "", stream_id: str = "") -> Overview | None:
        """How a room's or a stream's legs do now, in Unix time; None: there is no such room, or no such stream.

        Raises INVALID_PARAMS for a page that follows none.
        """
        if room_id:
            room = self._registry.rooms.get((app, room_id))
            return self._dated(self._views.of_room(room, page)) if room is not None else None
        stream = self._registry.streams.get((app, stream_id))
        return self._dated(self._views.of_stream(stream, page)) if stream is not None else None

    def outside(self, app: str, page: Page) -> Overview:
        """How what is published in no room comes in, by the order of streamIDs, without viewers; a page may begin after any."""
        return self._dated(self._views.outside(app, page))

    # ---------------------------------------------------------------------------------------------------------------

    def _dated(self, overview: Overview) -> Overview:
        return dated(overview, self._wall_clock() - self._clock())

    def _note(self, grant: Grant | None, session: Session, kind: Kind, data: dict[str, Any]) -> None:
        stream_id = grant.stream_id if grant is not None else ""
        self._history.record(
            Entry(session.app, session.room.id, self._wall_clock(), kind, session.user.id, stream_id, data)
        )


def _grant_of(session: Session, direction: Direction, stream_id: str) -> Grant | None:
    """What a report of a session's is about: the stream that it names, or the only one that it publishes or plays."""
    if direction == "push":
        streams = session.publishing
        stream = streams.get(stream_id) if stream_id else next(iter(streams.values())) if len(streams) == 1 else None
        return stream.grant if stream is not None else None
    plays = session.playing
    return plays.get(stream_id) if stream_id else next(iter(plays.values())) if len(plays) == 1 else None
