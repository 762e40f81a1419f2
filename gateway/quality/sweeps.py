"""The watch's round: every leg is measured, judged and counted, a few at a time. Pure.

One round visits every stream and every viewer. It comes in steps, so that whoever drives it can let others have the loop
between two of them; it knows no more of time than the clock that it is given.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol

from gateway.config import QualitySettings
from gateway.quality import entries
from gateway.quality.cases import ServerCase
from gateway.quality.counters import QualityCounters, Way
from gateway.quality.effects import Effects
from gateway.quality.history import Entry, History, Kind
from gateway.quality.legs import FRESH, Downlink, Legs, Place, Uplink, viewers
from gateway.quality.measures import TOLD_BUFFER
from gateway.quality.readings import (
    EgressReading,
    IngestReading,
    Instruments,
    PathReading,
    ServerReading,
    StreamMeter,
    ViewerMeter,
)
from gateway.quality.verdict import Leg, Verdict
from gateway.rooms.model import Grant, PlayMode, Stream

AT_ONCE = 40
"""Legs that are visited in one step: about a millisecond."""
_UNSURE = 1.0
"""Seconds before the look that found pictures in which they may have begun to come."""
LegCount = tuple[str, str, str]
"""Leg, level, protocol; the server's has none."""


def _lists() -> defaultdict[Way, list[float]]:
    return defaultdict(list)


@dataclass(slots=True)
class Tally:
    """What one round finds out about the whole."""

    counts: Counter[LegCount] = field(default_factory=Counter)
    """How many legs are at which level."""
    losses: defaultdict[Way, list[float]] = field(default_factory=_lists)
    """The parts of connections' packets that got lost lately."""
    round_trips: defaultdict[Way, list[float]] = field(default_factory=_lists)
    """Seconds."""


class Probe(Protocol):
    """How the process itself does."""

    def reading(self, now: float) -> ServerReading: ...


class Sweeps:
    """Makes the rounds, and keeps what they found out about the whole."""

    def __init__(
        self, settings: QualitySettings, instruments: Instruments, streams: Mapping[Place, Stream], probe: Probe, legs: Legs,
        effects: Effects, counters: QualityCounters, history: History, clock: Callable[[], float],
        wall_clock: Callable[[], float], on_failure: Callable[[Exception], None],
    ) -> None:  # fmt: skip
        """`streams`: the registry's, by app and streamID. `on_failure`: hears why a leg could not be looked at."""
        self._settings = settings
        self._instruments = instruments
        self._streams = streams
        self._probe = probe
        self._legs = legs
        self._effects = effects
        self._counters = counters
        self._history = history
        self._clock = clock
        self._wall_clock = wall_clock
        self._on_failure = on_failure
        self._case = ServerCase()
        self.server = self._case.verdict
        """How the process does."""
        self._lags = (0.0, 0.0)
        """The largest lags of the spans before and now: what was late lately."""
        self._lag = 0.0
        """The larger of these."""
        self._number = 0
        self.found = Tally()
        """By the last round."""

    def round(self) -> Iterator[None]:
        """One round over everything. Stops after each step for as long as it pleases whoever drives it."""
        self._number += 1
        found = Tally()
        changed = self._look_at_server(self._clock(), found)
        for visited, _ in enumerate(chain(self._tell_rooms() if changed else (), self._visits(found)), 1):
            if visited % AT_ONCE == 0:
                yield
        self.found = found

    def _visits(self, found: Tally) -> Iterator[None]:
        """Looks at one leg after the other. One that cannot be looked at keeps nobody from looking at the others."""
        for meter in self._instruments.meters():
            uplink = None
            try:
                uplink = self._look_at_stream(meter, self._clock(), found)
            except Exception as error:
                self._on_failure(error)
            yield
            for viewer in viewers(meter):
                try:
                    self._look_at_viewer(viewer, uplink, self._clock(), found)
                except Exception as error:
                    self._on_failure(error)
                yield
        for leg in self._legs.disconnected(self._number):
            leg.measured = None
            self._judge_viewer(leg, self._source(leg.grant), self._clock())
            yield

    # The three kinds of legs ---------------------------------------------------------------------------------------

    def _look_at_server(self, now: float, found: Tally) -> bool:
        """Whether its level has changed."""
        reading = self._probe.reading(now)
        self._lags = (self._lags[1], reading.lag_peak)
        self._lag = max(self._lags)
        before, verdict = self.server.level, self._case.measured(reading, now)
        self.server = verdict
        found.counts[Leg.SERVER.value, verdict.level.label, ""] += 1
        if verdict.level is before:
            return False
        self._counters.changes[Leg.SERVER.value, verdict.level.label] += 1
        return True

    def _look_at_stream(self, meter: StreamMeter, now: float, found: Tally) -> Uplink | None:
        """The publisher's leg; None: nobody has published the stream yet."""
        reading, stream = meter.measure(), self._streams.get((meter.app, meter.stream_id))
        grant = meter.grant or (stream.grant if stream is not None and stream.announced else None)
        if grant is None or stream is None or stream.grant is not grant:
            return None
        leg = self._legs.uplink(grant)
        if leg.measured is None and not reading.connected:
            return None
        before = leg.measured
        verdict = leg.case.measured(reading, self.server, self._lag, now, stream.muted)
        leg.measured, leg.seen_in = reading, self._number
        if not reading.video:
            leg.pictures_since = None
        elif leg.pictures_since is None:  # they began since the look before
            leg.pictures_since = now - min(reading.span, _UNSURE)
        found.counts[Leg.UPLINK.value, verdict.level.label, grant.transport] += 1
        if reading.connected:
            self._observe_arrival(grant.transport, reading, found)
        changed = verdict.level is not leg.level
        if changed:
            leg.level = verdict.level
            self._tell_level(Leg.UPLINK, grant, verdict)
        if changed or before is None or now >= leg.noted_at + self._settings.measure_every:
            leg.noted_at = now
            self._note(grant, Kind.MEASURE, entries.measured(reading))
        return leg

    def _look_at_viewer(self, meter: ViewerMeter, uplink: Uplink | None, now: float, found: Tally) -> None:
        grant, reading = meter.grant, meter.measure()
        if grant.session is not None and grant.session.playing.get(grant.stream_id) is not grant:
            return  # it ended while this round was waiting for its next step
        leg = self._legs.downlink(grant, meter)
        before, leg.measured = leg.measured, reading
        leg.seen_in, leg.begun = self._number, True
        verdict, changed = self._judge_viewer(leg, uplink, now)
        found.counts[Leg.DOWNLINK.value, verdict.level.label, reading.protocol] += 1
        self._observe_viewer(leg, reading, uplink, found)
        if changed or before is None or now >= leg.noted_at + self._settings.measure_every:
            leg.noted_at = now
            self._note(grant, Kind.MEASURE, entries.measured(reading))
        self._keep_up(leg, meter, reading, now)

    def _judge_viewer(self, leg: Downlink, uplink: Uplink | None, now: float) -> tuple[Verdict, bool]:
        """Its verdict, and whether that has changed."""
        source = uplink.case if uplink is not None else None
        verdict = leg.case.measured(leg.measured, leg.grant.mode, source, self.server, self._lag, now)
        changed = verdict.level is not leg.level
        if changed:
            leg.level = verdict.level
            self._tell_level(Leg.DOWNLINK, leg.grant, verdict)
        return verdict, changed

    def _source(self, grant: Grant) -> Uplink | None:
        """The leg of the publisher of what a grant plays."""
        stream = self._streams.get((grant.app, grant.stream_id))
        return self._legs.uplinks.get(stream.grant.id) if stream is not None else None

    def _keep_up(self, leg: Downlink, meter: ViewerMeter, reading: EgressReading, now: float) -> None:
        """A viewer that lags is moved on; not one that is suspended: what waits for it then would wait again at once."""
        if leg.case.excused(now):
            leg.keeper.look(None, None, 0.0, 0.0, reading.joined_at, now)
            return
        told, settings, mode = leg.told, self._settings, leg.grant.mode
        limit = settings.rtc_lag if mode is PlayMode.RTC else settings.live_lag
        buffer = told.report.buffer if told.report is not None and now < told.at + FRESH else None
        move = leg.keeper.look(
            reading.backlog, buffer, limit, TOLD_BUFFER.limits_in(mode).fair, reading.joined_at, now
        )  # fmt: skip
        self._effects.move(leg, meter, reading.protocol, move)

    # Counting ------------------------------------------------------------------------------------------------------

    def _observe_arrival(self, protocol: str, reading: IngestReading, found: Tally) -> None:
        counters, way = self._counters, ("in", protocol)
        counters.arrival_bitrate[way].observe(reading.audio_bitrate + reading.video_bitrate)
        if reading.video:
            counters.arrival_fps[way].observe(reading.fps)
        if reading.gop is not None:
            counters.arrival_gop[way].observe(reading.gop)
        counters.arrival_gap[way].observe(reading.gap)
        counters.arrival_late[way].observe(max(0.0, reading.late))
        if reading.drift is not None:
            counters.arrival_drift[way].observe(abs(reading.drift))
        self._observe_path(way, reading.path, found)

    def _observe_viewer(self, leg: Downlink, reading: EgressReading, uplink: Uplink | None, found: Tally) -> None:
        way = ("out", reading.protocol)
        if (backlog := reading.backlog) is not None:
            self._counters.backlog[way].observe(backlog)
        self._observe_path(way, reading.path, found)
        if reading.first_picture_at is not None and leg.pictured != reading.joined_at:
            leg.pictured = reading.joined_at
            if uplink is not None and _had_pictures(uplink, reading.joined_at):
                self._counters.first_media[way].observe(reading.first_picture_at - reading.joined_at)

    def _observe_path(self, way: Way, path: PathReading, found: Tally) -> None:
        counters = self._counters
        if path.round_trip is not None:
            counters.round_trip[way].observe(path.round_trip)
            found.round_trips[way].append(path.round_trip)
        if path.loss is not None:
            counters.loss[way].observe(path.loss)
            found.losses[way].append(path.loss)
        if path.jitter is not None:
            counters.jitter[way].observe(path.jitter)

    # Writing down --------------------------------------------------------------------------------------------------

    def _tell_level(self, leg: Leg, grant: Grant, verdict: Verdict) -> None:
        self._counters.changes[leg.value, verdict.level.label] += 1
        self._note(grant, Kind.VERDICT, entries.verdict(leg, verdict))

    def _tell_rooms(self) -> Iterator[None]:
        """The process' level has changed: that is part of every call that goes on."""
        at, data = self._wall_clock(), entries.verdict(Leg.SERVER, self.server)
        for app, room_id in self._legs.rooms():
            self._history.record(Entry(app, room_id, at, Kind.VERDICT, "", data=data))
            yield

    def _note(self, grant: Grant, kind: Kind, data: dict[str, Any]) -> None:
        room_id = grant.session.room.id if grant.session is not None else ""
        self._history.record(Entry(grant.app, room_id, self._wall_clock(), kind, grant.user_id, grant.stream_id, data))


def _had_pictures(uplink: Uplink, at: float) -> bool:
    """Pictures were coming at that time: who joined then waited neither for the publisher nor for the camera."""
    on_air_at, since = uplink.on_air_at, uplink.pictures_since
    return on_air_at is not None and since is not None and max(on_air_at, since) <= at
