"""Fan-out of RTP packets: the same packets to many viewers, a little in each turn, without holding up the event loop.

Viewers that take a medium with the same payload type sit in one **lane**, which makes packets once, numbers them and
keeps them (`history`). A lane is split into **cohorts** of a bounded size, whose viewers stand at the same position. A
cohort sends a **run** of packets to each of its viewers in a turn of the event loop; where more is to come, as of a large
picture or to a viewer that joins, the next run follows at a bounded pace.

Who sits in which lane is not decided here: that is `audience`. The loop over viewers in `Cohort.flush` is the hottest of
the gateway's sending; it does nothing per viewer and packet but encrypt.
"""

from __future__ import annotations

from asyncio import TimerHandle
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from adapters.media.turns import CallLater, Turns
from adapters.media.units import Medium
from adapters.media.viewer import TransportStats
from adapters.webrtc.feed import Feed, renumbered
from adapters.webrtc.history import History
from adapters.webrtc.outlet import Outlet, SendingCounters
from adapters.webrtc.packing import Burst, newer, packets
from adapters.webrtc.tracks import OutgoingTrack, Payload

COHORT_VIEWERS = 12
"""Viewers that are sent to in one go."""
AT_ONCE = 48
"""So few packets, counted for each viewer, are sent where they come up, without waiting for a turn."""
KEPT = {Medium.VIDEO: 1024, Medium.AUDIO: 256}
"""Packets that are kept to be sent again, at most."""
BURST_SECONDS = 1.0
"""A joiner has the newest pictures within this, however many they are."""
BURST_KEPT = 1.0
"""Seconds for which those may be asked for again, and whatever else a viewer got before it was taken out."""
_AHEAD = 3
"""Who is behind is sent to this many times as fast as packets come up, at least."""


class Seat(Feed):
    """A viewer's place among those who get a medium."""

    __slots__ = ("cohort", "outlet", "refused")

    def __init__(self, track: OutgoingTrack, outlet: Outlet) -> None:
        super().__init__(track)
        self.outlet = outlet
        self.cohort: Cohort | None = None
        """`None` while nothing is sent."""
        self.refused = 0
        """Packets that the kernel did not take, since that was looked at."""

    @property
    def position(self) -> int | None:
        """Everything before this was sent, of what it follows; `None` while nothing is."""
        return self.cohort.position if self.cohort is not None else None


class LaneKey(NamedTuple):
    """What viewers must have in common to share packets."""

    medium: Medium
    payload: Payload
    ssrc: int


class Setting(NamedTuple):
    """What lanes need of the place where they stand."""

    clock: Callable[[], float]
    stopwatch: Callable[[], float]
    call_later: CallLater
    turns: Turns
    counters: SendingCounters
    pace: float
    """Bytes per second for a viewer that is behind, at least."""
    history: float
    """Seconds for which packets may be asked for again, at most."""


Overtaken: TypeAlias = "Callable[[Seat], None]"
"""Is told of a viewer for whom packets came too late."""
Failed: TypeAlias = "Callable[[dict[Seat, Exception]], None]"
"""Is told of viewers that could not be sent what others were, and why: they cannot go on."""


class Cohort:
    """Viewers of one lane that stand at the same position, with the same offset."""

    __slots__ = (
        "_busy", "_lane", "_members", "_timer", "_unsettled", "_waiting_since", "offset", "position", "seats", "source", "stats",
    )  # fmt: skip

    def __init__(self, lane: Lane, source: History, position: int, offset: int, stats: TransportStats) -> None:
        self._lane = lane
        self._members: tuple[tuple[Callable[[bytes], bytes], Callable[[list[bytes]], int], Seat], ...] | None = None
        self._busy = False
        self._unsettled = True
        self._timer: TimerHandle | None = None
        self._waiting_since: float | None = None
        """When what everyone gets came up that is not sent yet; `None`: all is, or it is a burst that is sent."""
        self.seats: dict[Seat, None] = {}
        self.source = source
        """Where packets are taken from: a burst's history, then the lane's."""
        self.position = position
        """Everything before this was sent."""
        self.offset = offset
        self.stats = stats

    @property
    def lane(self) -> Lane:
        return self._lane

    @property
    def idle(self) -> bool:
        """It has sent all there is."""
        return not self._busy and self.position == self._lane.history.end

    def add(self, seat: Seat) -> None:
        self.seats[seat] = None
        self._members = None
        seat.cohort = self

    def remove(self, seat: Seat) -> None:
        del self.seats[seat]
        self._members = None
        self._unsettled = True
        seat.cohort = None

    def arm(self, at_once: bool) -> None:
        """Something is to be sent."""
        if self._waiting_since is None:
            self._waiting_since = self._lane.setting.stopwatch()
        if self._busy:
            return
        if at_once:
            self.flush()
        else:
            self._queue()

    def disarm(self) -> None:
        """The cohort is given up."""
        self.seats.clear()
        self._members = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def flush(self) -> int:
        """Send a run to every viewer. Gives the number of packets sent, each viewer's counted."""
        self._busy = False
        if not self.seats:
            return 0
        run = self.source.run(self.position)
        if run is None:
            self._lane.overtaken(self)
            return 0
        plain = renumbered(run.packets, self.offset) if self.offset else run.packets
        count = len(plain)
        members = self._members
        if members is None:
            members = self._members = tuple((seat.outlet.protect, seat.outlet.send, seat) for seat in self.seats)
        failures: dict[Seat, Exception] = {}
        for protect, send, seat in members:
            try:
                taken = send([protect(packet) for packet in plain])
            except Exception as error:
                failures[seat] = error
                continue
            if taken != count:
                seat.refused += count - taken
        self.position += count
        self.stats.bytes_out += run.size * len(members)
        self._lane.count(count * len(members), run.size * len(members))
        self._go_on(run.size)
        if failures:
            self._lane.failed(failures)
        return count * len(members)

    def _go_on(self, size: int) -> None:
        """After a run of `size` bytes: take the next one when it is time, or find company."""
        lane, burst = self._lane, self.source
        live = burst is lane.history
        if not live and self.position == burst.end:
            lane.go_live(self)
            self._waiting_since = None
        if self.position < self.source.end:
            pace = lane.pace if live else max(lane.pace, burst.size / BURST_SECONDS)
            self._busy = True
            self._timer = lane.setting.call_later(size / pace, self._queue)
            return
        if self._waiting_since is not None:
            self.stats.delay.observe(lane.setting.stopwatch() - self._waiting_since)
            self._waiting_since = None
        if self._unsettled:
            self._unsettled = False
            lane.settle(self)

    def _queue(self) -> None:
        self._busy = True
        self._timer = None
        self._lane.setting.turns.add(self)


class Lane:
    """The viewers of one stream that get the same packets of one medium."""

    __slots__ = (
        "_counters",
        "_overtaken",
        "cohorts",
        "failed",
        "history",
        "key",
        "octets",
        "packets",
        "setting",
        "size",
        "timestamp",
    )  # fmt: skip

    def __init__(self, key: LaneKey, setting: Setting, first: int, overtaken: Overtaken, failed: Failed) -> None:
        self.key = key
        self.setting = setting
        self.failed = failed
        self._counters = setting.counters
        self._overtaken = overtaken
        self.history = History(first, KEPT[key.medium], setting.history)
        self.cohorts: list[Cohort] = []
        self.size = 0
        """Viewers that are fed."""
        self.timestamp: int | None = None
        """RTP timestamp of the newest packet."""
        self.packets = 0
        """Made so far."""
        self.octets = 0
        """Their payloads."""

    @property
    def pace(self) -> float:
        """Bytes per second for a viewer that is behind."""
        return max(self.setting.pace, _AHEAD * self.history.byte_rate(self.setting.clock()))

    def append(self, payloads: Sequence[bytes], timestamp: int) -> None:
        """Send one picture or piece of sound to everyone."""
        if not self.cohorts or not payloads:
            return
        key, history = self.key, self.history
        made = packets(key.payload.type, key.ssrc, history.end, timestamp, payloads, marker=key.medium is Medium.VIDEO)
        self.timestamp = timestamp & 0xFFFF_FFFF
        self.packets += len(made)
        self.octets += sum(map(len, payloads))
        history.append(made, self.setting.clock())
        at_once = len(made) * self.size <= AT_ONCE
        for cohort in tuple(self.cohorts):
            cohort.arm(at_once)

    def place(self, seat: Seat, stats: TransportStats) -> None:
        """The viewer gets what comes from now on."""
        history = self.history
        seat.follow(history, history.end, history, self.key.payload)
        offset = seat.offset & 0xFFFF
        for cohort in self.cohorts:
            if cohort.idle and cohort.offset == offset and cohort.stats is stats and len(cohort.seats) < COHORT_VIEWERS:
                break
        else:
            cohort = Cohort(self, history, history.end, offset, stats)
            self.cohorts.append(cohort)
        cohort.add(seat)
        self.size += 1

    def open(self, seat: Seat, stats: TransportStats, burst: Burst) -> None:
        """The viewer gets the newest pictures first."""
        source = burst.history
        seat.follow(source, source.first, self.history, self.key.payload)
        cohort = Cohort(self, source, source.first, seat.offset & 0xFFFF, stats)
        self.cohorts.append(cohort)
        cohort.add(seat)
        self.size += 1
        if self.timestamp is None or newer(burst.last, self.timestamp):
            self.timestamp = burst.last
        cohort.arm(at_once=False)

    def take(self, seat: Seat) -> None:
        """The viewer gets nothing more for now."""
        cohort = seat.cohort
        if cohort is None:
            return
        end = seat.leave(cohort.position, self.timestamp)
        self.setting.call_later(BURST_KEPT, seat.forget, end)
        cohort.remove(seat)
        self.size -= 1
        if not cohort.seats:
            self._give_up(cohort)

    def go_live(self, cohort: Cohort) -> None:
        """A burst is through: what follows is what everyone gets."""
        cohort.source = self.history
        for seat in cohort.seats:
            self.setting.call_later(BURST_KEPT, seat.forget, seat.go_over(self.history, cohort.position))

    def overtaken(self, cohort: Cohort) -> None:
        """What these viewers should get next is forgotten."""
        for seat in tuple(cohort.seats):
            self._overtaken(seat)

    def settle(self, cohort: Cohort) -> None:
        """Join it with another cohort that stands at the same place, if they are not too many together."""
        if not cohort.idle:
            return
        for other in self.cohorts:
            if (
                other is not cohort
                and other.idle
                and other.offset == cohort.offset
                and other.stats is cohort.stats
                and len(other.seats) + len(cohort.seats) <= COHORT_VIEWERS
            ):
                for seat in cohort.seats:
                    other.add(seat)
                self._give_up(cohort)
                return

    def count(self, sent: int, size: int) -> None:
        """So many packets and bytes were sent."""
        self._counters.packets += sent
        self._counters.bytes += size

    def _give_up(self, cohort: Cohort) -> None:
        cohort.disarm()
        self.cohorts.remove(cohort)
