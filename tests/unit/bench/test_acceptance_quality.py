"""The verdicts on reports and scrapes: each limit is the stated one, and nothing passes that was refused or not measured."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bench.acceptance_quality import POINTS
from tests.bench.acceptance_signaling import ECHO
from tests.bench.judging import OURS, Results, Scale, judged
from tests.bench.measure import Record
from tests.bench.measure_quality import batches_of

OVER_SOCKET = "reports over WebSocket per core and second, against a bare Sanic"
ALONE = "reports over HTTP, 1 at a time, per core and second, against a bare Sanic"
BATCHED = "reports over HTTP, 10 at a time, per core and second, against a bare Sanic"
COST = "CPU of a scrape with 1000 streams on air"
HELD = "the loop during scrapes with 1000 streams on air"


def _reports(label: str, per_cpu_s: float, alive: int = 50) -> Record:
    return {"test": "reports", "label": label, "n": 50, "per_cpu_s": per_cpu_s, "client": {"alive": alive}}


def _uploads(label: str, batch: int, per_cpu_s: float, refused: int = 0) -> Record:
    counts = {"alive": 50, "refused": refused}
    return {
        "test": "uploads", "label": label, "n": 50, "proto": batches_of(batch), "per_cpu_s": per_cpu_s, "client": counts,
    }  # fmt: skip


def _scrapes(streams: int, cost: float, held: float = 5.0) -> Record:
    return {"test": "scrapes", "label": OURS, "n": streams, "scrape_ms": cost, "held_ms": held, "held_idle_ms": 1.0}


def _good_run() -> list[Record]:
    return [
        _reports(OURS, 20_000), _reports(ECHO, 30_000), _uploads(OURS, 1, 3000), _uploads(ECHO, 1, 5000),
        _uploads(OURS, 10, 30_000), _uploads(ECHO, 10, 40_000), _scrapes(100, 4.0), _scrapes(1000, 6.0),
    ]  # fmt: skip


def _instead(worse: Record) -> list[Record]:
    keys = ("test", "label", "n", "proto")
    return [record for record in _good_run() if any(record.get(name) != worse.get(name) for name in keys)] + [worse]


def _missed(records: list[Record]) -> list[str]:
    return [verdict.point for verdict in judged(Results(records, Scale()), POINTS) if not verdict.met]


def test_a_good_run_meets_every_point() -> None:
    verdicts = judged(Results(_good_run(), Scale()), POINTS)
    assert not [str(verdict) for verdict in verdicts if not verdict.met]
    assert [verdict.measured for verdict in verdicts if verdict.point in (COST, HELD)] == [
        "1.50x (6.00 ms against 4.00 ms with 100)", "held for 5.0 ms; without scrapes: 1.0 ms",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("worse", "point"),
    [
        (_reports(OURS, 14_999), OVER_SOCKET),
        (_reports(OURS, 20_000, alive=49), "reporters that stay connected"),
        (_uploads(OURS, 1, 2_499), ALONE),
        (_uploads(OURS, 10, 19_999), BATCHED),
        (_uploads(OURS, 10, 30_000, refused=1), "uploads that were refused"),
        (_uploads(ECHO, 1, 0), ALONE),
        (_scrapes(1000, 12.01), COST),
        (_scrapes(1000, 0.0), COST),
        (_scrapes(1000, 6.0, held=10.01), HELD),
    ],
)
def test_a_worse_measurement_misses_its_point_alone(worse: Record, point: str) -> None:
    assert _missed(_instead(worse)) == [point]


@pytest.mark.parametrize("test", ["reports", "uploads", "scrapes"])
def test_what_was_not_measured_is_missed(test: str) -> None:
    left: list[dict[str, Any]] = [record for record in _good_run() if record["test"] != test]
    assert _missed(left) == [test]


def test_the_best_repeat_counts() -> None:
    assert not _missed([*_good_run(), _scrapes(1000, 30.0, held=80.0), _reports(OURS, 1)])
