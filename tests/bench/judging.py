"""A point of the comparison, the records that it is judged from, and the ways of judging. Pure.

A value is the best of the repeats, the least CPU or latency that a server needed in any: noise of the machine only adds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tests.bench.measure import Record

OURS = "gateway"
CHURN_RSS_MB = 2.0
"""What the third pass of churn may hold over the second."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How many connections the run measured with."""

    viewers: int = 500
    publishers: int = 100
    crowd: int = 1000
    rtc_viewers: int = 60
    """WebRTC players."""
    rtc_publishers: int = 10
    """WebRTC publishers."""
    sessions: int = 2000
    """Clients that log in and stay."""
    talkers: int = 200
    """Clients in rooms where messages are sent."""
    reporters: int = 50
    """Clients that report as fast as they can."""
    few_streams: int = 100
    many_streams: int = 1000
    """Streams on air while metrics are scraped."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One point, and whether it is met."""

    point: str
    measured: str
    limit: str
    met: bool

    def __str__(self) -> str:
        return f"{'ok    ' if self.met else 'MISSED'} {self.point}: {self.measured} (limit: {self.limit})"


class Results:
    """The records of one run, asked for by server."""

    def __init__(self, records: Iterable[Record], scale: Scale) -> None:
        self._records = list(records)
        self.scale = scale

    def of(self, test: str, label: str, connections: int | None = None, proto: str | None = None) -> list[Record]:
        """The repeats of one measurement. Raises LookupError if there is none."""
        found = [
            record
            for record in self._records
            if (record["test"], record["label"]) == (test, label)
            and connections in (None, record["n"])
            and proto in (None, record.get("proto"))
        ]
        if not found:
            named = [str(part) for part in (test, label, connections, proto) if part is not None]
            raise LookupError(f"not measured: {' '.join(named)}")
        return found


Judge = Callable[[Results], list[Verdict]]
"""Judges a point or several. Raises LookupError if something was not measured."""


def judged(results: Results, judges: Iterable[Judge]) -> list[Verdict]:
    """Every point of these, in their order; one that could not be measured is missed."""
    verdicts: list[Verdict] = []
    for judge in judges:
        try:
            verdicts += judge(results)
        except LookupError as error:
            verdicts.append(Verdict(judge.__name__.strip("_"), str(error), "to be measured", False))
    return verdicts


def least_cpu(records: Sequence[Record]) -> float:
    """CPU seconds per second of the repeat that took least."""
    return float(min(record["server"]["server_cpu"] for record in records))


def least(records: Sequence[Record], key: str, quantile: str) -> float:
    """A quantile of the clients' times in milliseconds, best repeat. Raises LookupError if a repeat has none."""
    spreads = [record["client"][key] for record in records]
    if not all(spreads):
        raise LookupError(f"not measured: {key} of {records[0]['test']} {records[0]['label']}")
    return float(min(spread[quantile] for spread in spreads))


def against(point: str, ours: float, peer: float, limit: float) -> Verdict:
    """CPU of ours, in milliseconds per second, as a multiple of a peer's."""
    figures = f"{ours:.3f} ms/s against {peer:.3f} ms/s"
    if peer <= 0:
        return Verdict(point, figures, "a peer that costs something", False)
    return Verdict(point, f"{ours / peer:.2f}x ({figures})", f"{limit}x", ours / peer <= limit)


def below(point: str, milliseconds: float, limit: float) -> Verdict:
    """Less than a limit."""
    return Verdict(point, f"{milliseconds:.1f} ms", f"under {limit:.0f} ms", milliseconds < limit)


def all_of(point: str, count: int, expected: int) -> Verdict:
    """As many as there are."""
    return Verdict(point, str(count), str(expected), count == expected)


def none(point: str, count: float) -> Verdict:
    """Nothing of what is counted."""
    return Verdict(point, f"{count:g}", "0", count == 0)


def left_behind(name: str, passes: Sequence[Record]) -> list[Verdict]:
    """What the third pass of churn left in the server over the second, and who did not get what it came for."""
    if len(passes) < 3:
        raise LookupError(f"fewer than three passes of {name}")
    second, third = passes[1], passes[2]
    grown = third["rss_rested_mb"] - second["rss_rested_mb"]
    missed = sum(one["n"] - one["got_video"] for one in passes)
    return [
        Verdict(f"{name}, memory, third pass over second", f"{grown:+.1f} MB", f"+{CHURN_RSS_MB} MB", grown <= CHURN_RSS_MB),
        _equal(f"{name}, descriptors", second["fds_rested"], third["fds_rested"]),
        _equal(f"{name}, tasks", second["tasks"], third["tasks"]),
        none(f"{name}, players that were shown nothing", missed),
    ]


def _equal(point: str, second: float, third: float) -> Verdict:
    return Verdict(point, f"{second:g} after the second pass, {third:g} after the third", "equal", second == third)
