"""The verdicts of the bench: best of the repeats, marginal cost, and nothing passes that was not measured."""

from __future__ import annotations

import pytest

from tests.bench.acceptance import NGINX, NODE, POINTS, UNBATCHED
from tests.bench.judging import OURS, Results, Scale, Verdict, judged
from tests.bench.measure import Record
from tests.bench.report import spread, tables

CROWD = 1000


def _fanout(label: str, n: int, cpu: float, proto: str = "rtmp", **client: object) -> Record:
    spreads = {"latency_ms": {"p50": 20.0, "p99": 30.0}, "first_video_ms": {"p50": 2.0, "p99": 50.0}}
    counts = {"alive": n, "got_video": n, "frames_lost": 0, "frames_no_sei": 0, "players_no_audio_in_window": 0}
    record: Record = {"test": "fanout", "label": label, "n": n, "proto": proto, "server": {"server_cpu": cpu, "rss_mb": 50.0}}
    return record | ({"client": spreads | counts | client} if n else {})


def _fanin(label: str, cpu: float) -> Record:
    server = {"server_cpu": cpu, "rss_mb": 50.0}
    return {"test": "fanin", "label": label, "n": 100, "server": server, "client": {"publishing": 100}}


def _pass(rss: float, fds: int = 20, tasks: float = 7.0, got: int = 200) -> Record:
    rested = {"rss_rested_mb": rss, "fds_rested": fds, "tasks": tasks}
    return {"test": "churn", "label": OURS, "n": 200, "proto": "rtmp", "got_video": got, **rested}


def _good_run() -> list[Record]:
    """CPU per viewer in ms/s: ours 0.10, unbatched 0.30, nginx 0.30, our FLV 0.16, node's 0.60."""
    alone = [_fanout(label, 0, 0.01) for label in (OURS, UNBATCHED, NGINX, NODE)]
    viewers = [
        _fanout(OURS, 500, 0.06),
        _fanout(UNBATCHED, 500, 0.16),
        _fanout(NGINX, 500, 0.16),
        _fanout(OURS, 500, 0.09, "http"),
        _fanout(NODE, 500, 0.31, "http"),
    ]
    rest = [_fanin(OURS, 0.2), _fanin(NODE, 0.18), _fanout(OURS, CROWD, 0.12), _pass(60.0), _pass(61.0), _pass(62.5)]
    return alone + viewers + rest


def _missed(records: list[Record]) -> list[str]:
    return [verdict.point for verdict in judged(Results(records, Scale()), POINTS) if not verdict.met]


def test_a_good_run_meets_every_point() -> None:
    verdicts = judged(Results(_good_run(), Scale()), POINTS)
    assert len(verdicts) == 14
    assert not [str(verdict) for verdict in verdicts if not verdict.met]


def test_cost_per_viewer_is_the_best_repeat_without_what_the_publisher_costs() -> None:
    noisy = [*_good_run(), _fanout(OURS, 500, 0.5), _fanout(OURS, 0, 0.4)]
    [verdict, *_] = judged(Results(noisy, Scale()), POINTS)
    assert verdict.measured == "0.33x (0.100 ms/s against 0.300 ms/s)"


@pytest.mark.parametrize(
    ("worse", "point"),
    [
        (_fanout(OURS, 500, 0.08), "RTMP, CPU per viewer against nginx-rtmp"),
        (_fanout(UNBATCHED, 500, 0.17), "RTMP without batching, CPU per viewer against nginx-rtmp"),
        (_fanout(OURS, 500, 0.12, "http"), "HTTP-FLV, CPU per viewer against node-media-server"),
        (_fanin(OURS, 0.25), "fan-in, CPU per publisher against node-media-server"),
        (_fanout(OURS, 500, 0.06, latency_ms={"p50": 45.0, "p99": 60.0}), "RTMP, added latency p50"),
        (_fanout(UNBATCHED, 500, 0.16, latency_ms={"p50": 9.0, "p99": 45.1}), "RTMP without batching, added latency p99"),
        (_fanout(OURS, 500, 0.06, first_video_ms={"p50": 2.0, "p99": 100.0}), "RTMP, first frame p99"),
        (_fanout(OURS, CROWD, 0.12, alive=999), "1000 players stay connected"),
        (_fanout(OURS, CROWD, 0.12, frames_lost=1), "1000 players, frames lost"),
        (_fanout(OURS, CROWD, 0.12, frames_no_sei=1), "1000 players, frames lost"),
        (_fanout(OURS, CROWD, 0.12, players_no_audio_in_window=1), "1000 players, without audio"),
    ],
)
def test_a_worse_measurement_misses_its_point_alone(worse: Record, point: str) -> None:
    key = ("test", "label", "n", "proto")
    others = [record for record in _good_run() if any(record.get(name) != worse.get(name) for name in key)]
    assert _missed([*others, worse]) == [point]


@pytest.mark.parametrize(
    ("third", "point"),
    [
        (_pass(63.1), "churn, memory, third pass over second"),
        (_pass(61.0, fds=21), "churn, descriptors"),
        (_pass(61.0, tasks=8.0), "churn, tasks"),
        (_pass(61.0, got=199), "churn, players that were shown nothing"),
    ],
)
def test_what_a_pass_of_churn_leaves_behind_is_missed(third: Record, point: str) -> None:
    assert _missed([*_good_run()[:-1], third]) == [point]


def test_what_was_not_measured_is_missed() -> None:
    assert _missed([]) == ["rtmp", "unbatched", "flv", "fanin", "first_frame", "crowd", "churn"]


def test_a_repeat_without_what_is_judged_counts_as_not_measured() -> None:
    assert _missed([*_good_run(), _fanout(OURS, 500, 0.06, latency_ms=None)]) == ["rtmp"]


def test_a_peer_without_measurable_cost_is_no_pass() -> None:
    free = [record for record in _good_run() if record["label"] != NODE]
    free += [_fanout(NODE, 0, 0.01), _fanout(NODE, 500, 0.01, "http"), _fanin(NODE, 0.18)]
    assert _missed(free) == ["HTTP-FLV, CPU per viewer against node-media-server"]


def test_a_verdict_reads_as_a_line() -> None:
    assert str(Verdict("point", "3", "2", False)) == "MISSED point: 3 (limit: 2)"


def test_tables_show_least_median_and_most_of_the_repeats() -> None:
    text = tables([_fanout(OURS, 500, cpu) for cpu in (0.3, 0.1, 0.2)])
    assert "| gateway rtmp | 500 | 0.100 / 0.200 / 0.300 |" in text
    assert spread([None], 1) == "-"
