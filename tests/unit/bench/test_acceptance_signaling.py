"""The verdicts on signaling: each limit is the stated one, and nothing passes that was refused or not measured."""

from __future__ import annotations

import pytest

from tests.bench.acceptance_signaling import ECHO, POINTS
from tests.bench.judging import OURS, Results, Scale, judged
from tests.bench.measure import Record


def _record(test: str, label: str, n: int, per_cpu_s: float, kb: float = 0.0, **client: int) -> Record:
    counts = {"alive": n, "inside": n, "refused": 0} | client
    return {"test": test, "label": label, "n": n, "per_cpu_s": per_cpu_s, "session_kb": kb, "client": counts}


def _good_run() -> list[Record]:
    return [
        _record("logins", OURS, 2000, 1000, 30.0), _record("logins", ECHO, 2000, 2000, 25.0),
        _record("broadcast", OURS, 200, 80_000), _record("broadcast", ECHO, 200, 100_000),
        _record("echo", ECHO, 200, 20_000),
    ]  # fmt: skip


def _instead(worse: Record) -> list[Record]:
    key = ("test", "label")
    return [record for record in _good_run() if any(record[name] != worse[name] for name in key)] + [worse]


def _missed(records: list[Record]) -> list[str]:
    return [verdict.point for verdict in judged(Results(records, Scale()), POINTS) if not verdict.met]


def test_a_good_run_meets_every_point_and_tells_the_memory() -> None:
    verdicts = judged(Results(_good_run(), Scale()), POINTS)
    assert not [str(verdict) for verdict in verdicts if not verdict.met]
    assert verdicts[0].measured == "0.50x (1,000/s against 2,000/s)"
    assert verdicts[2].measured == "30.0 kB; a bare echo's socket: 25.0 kB"
    assert verdicts[3].measured == "0.80x (80,000/s against 100,000/s); a bare echo to the sender: 20,000/s"


@pytest.mark.parametrize(
    ("worse", "point"),
    [
        (_record("logins", OURS, 2000, 699), "logins per core and second, against connecting to a bare echo"),
        (_record("logins", OURS, 2000, 1000, inside=1999), "logins that succeed"),
        (_record("broadcast", OURS, 200, 49_999), "messages delivered per core and second, against an echo to a room"),
        (_record("broadcast", OURS, 200, 80_000, alive=199), "talkers that stay connected"),
        (_record("broadcast", OURS, 200, 80_000, refused=1), "messages that were refused"),
        (_record("broadcast", ECHO, 200, 0), "messages delivered per core and second, against an echo to a room"),
    ],
)
def test_a_worse_measurement_misses_its_point_alone(worse: Record, point: str) -> None:
    assert _missed(_instead(worse)) == [point]


def test_the_best_repeat_counts_for_both() -> None:
    assert not _missed([*_good_run(), _record("logins", OURS, 2000, 100, 30.0)])
    assert _missed([*_good_run(), _record("logins", ECHO, 2000, 4000, 25.0)])


def test_what_was_not_measured_is_missed() -> None:
    assert _missed([]) == ["logins", "broadcast"]
