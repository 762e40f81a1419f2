"""What reports and scrapes may cost, judged from the records of one run. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench.acceptance_signaling import ECHO, at_least, most
from tests.bench.judging import OURS, Judge, Results, Verdict, all_of, none
from tests.bench.measure import Record
from tests.bench.measure_quality import batches_of

BATCHES = (1, 10)
"""Reports in an upload: as they come, and a live-pusher's of twenty seconds."""
REPORTS = 0.5
"""Reports per CPU second, as a multiple of those that a bare Sanic only parses."""
SCRAPE = 3.0
"""CPU of a scrape with many streams on air, as a multiple of one with few."""
HELD_MS = 10.0
"""Milliseconds for which the loop may be held during scrapes."""


def _reports(results: Results) -> list[Verdict]:
    count = results.scale.reporters
    ours, peer = (results.of("reports", label, count) for label in (OURS, ECHO))
    return [
        at_least("reports over WebSocket per core and second, against a bare Sanic", most(ours), most(peer), REPORTS),
        all_of("reporters that stay connected", min(record["client"]["alive"] for record in ours), count),
    ]


def _uploads(results: Results) -> list[Verdict]:
    verdicts: list[Verdict] = []
    records: list[Record] = []
    for batch in BATCHES:
        ours, peer = (results.of("uploads", label, proto=batches_of(batch)) for label in (OURS, ECHO))
        point = f"reports over HTTP, {batches_of(batch)}, per core and second, against a bare Sanic"
        verdicts.append(at_least(point, most(ours), most(peer), REPORTS))
        records += ours
    return [*verdicts, none("uploads that were refused", sum(record["client"]["refused"] for record in records))]


def _scrapes(results: Results) -> list[Verdict]:
    few, many = (results.of("scrapes", OURS, n) for n in (results.scale.few_streams, results.scale.many_streams))
    low, high = (min(record["scrape_ms"] for record in records) for records in (few, many))
    held = min(record["held_ms"] for record in many)
    idle = min(record["held_idle_ms"] for record in many)
    counts = f"{results.scale.many_streams} streams on air"
    figures = f"{high:.2f} ms against {low:.2f} ms with {results.scale.few_streams}"
    return [
        Verdict(f"CPU of a scrape with {counts}", _times(high, low, figures), f"{SCRAPE:g}x", 0 < high <= SCRAPE * low),
        Verdict(
            f"the loop during scrapes with {counts}", f"held for {held:.1f} ms; without scrapes: {idle:.1f} ms",
            f"{HELD_MS:g} ms", held <= HELD_MS,
        ),
    ]  # fmt: skip


POINTS: Sequence[Judge] = (_reports, _uploads, _scrapes)
"""In the order of the comparison."""


def _times(value: float, base: float, figures: str) -> str:
    return f"{value / base:.2f}x ({figures})" if base > 0 else figures
