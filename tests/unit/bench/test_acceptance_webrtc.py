"""The verdicts on WebRTC: each limit is the stated one, and nothing passes that was not served or not measured."""

from __future__ import annotations

import pytest

from tests.bench.acceptance_webrtc import AIORTC, POINTS
from tests.bench.judging import OURS, Results, Scale, judged
from tests.bench.measure import Record

GOOD = {
    "alive": 60,
    "got_video": 60,
    "frames_lost": 0,
    "frames_no_sei": 0,
    "players_no_audio_in_window": 0,
    "first_picture_ms": {"p50": 210.0, "p99": 400.0},
    "latency_ms": {"p50": 2.0, "p99": 12.0},
}


def _whep(label: str, n: int, cpu: float, **client: object) -> Record:
    record: Record = {"test": "whep", "label": label, "n": n, "server": {"server_cpu": cpu}}
    return record | ({"client": GOOD | client} if n else {})


def _whip(alone: float = 0.11, connected: int = 10, **client: object) -> Record:
    served = {"alive": 10, "got_video": 10} | client
    cpu = {"server": {"server_cpu": 0.2}, "server_no_player": {"server_cpu": alone}}
    return {"test": "whip", "label": OURS, "n": 10, "client": GOOD | served, "publishers": {"alive": connected}, **cpu}


def _join(cost: float = 4.0, **client: object) -> Record:
    served = {"alive": 100, "got_video": 100} | client
    return {"test": "join", "label": OURS, "n": 100, "join_ms": cost, "client": GOOD | served}


def _relay(way: str, streams: int, pictures: int | None = None, silent: int = 0) -> Record:
    client = {"pictures": streams if pictures is None else pictures, "silent": silent}
    return {"test": "relay", "label": OURS, "n": streams, "proto": way, "client": client}


def _pass(rss: float = 90.0, peers: float = 0.0, got: int = 100) -> Record:
    rested = {"rss_rested_mb": rss, "fds_rested": 16, "tasks": 3.0, "peers": peers}
    return {"test": "churn", "label": OURS, "n": 100, "proto": "webrtc", "got_video": got, **rested}


def _good_run() -> list[Record]:
    """CPU per viewer in ms/s: ours 1.0, aiortc's 3.0."""
    whep = [_whep(OURS, 0, 0.02), _whep(OURS, 60, 0.08), _whep(AIORTC, 0, 0.01), _whep(AIORTC, 60, 0.19)]
    relays = [_relay("whip to rtmp", 50), _relay("rtmp to whep", 200)]
    return [*whep, _whip(), _join(), *relays, _pass(88.0), _pass(90.0), _pass(92.0)]


def _missed(records: list[Record]) -> list[str]:
    return [verdict.point for verdict in judged(Results(records, Scale()), POINTS) if not verdict.met]


def _instead(worse: Record) -> list[Record]:
    key = ("test", "label", "n", "proto")
    return [record for record in _good_run() if any(record.get(name) != worse.get(name) for name in key)] + [worse]


def test_a_good_run_meets_every_point() -> None:
    verdicts = judged(Results(_good_run(), Scale()), POINTS)
    assert len(verdicts) == 29
    assert not [str(verdict) for verdict in verdicts if not verdict.met]


def test_cost_per_viewer_is_told_beside_that_of_srs() -> None:
    [verdict, *_] = judged(Results(_good_run(), Scale()), POINTS)
    assert verdict.measured == "0.33x (1.000 ms/s against 3.000 ms/s); SRS 7.0.18: 1.15 to 1.4 ms/s"
    assert verdict.limit == "0.4x"


@pytest.mark.parametrize(
    ("worse", "point"),
    [
        (_whep(OURS, 60, 0.0933), "RTMP to WHEP, CPU per viewer against aiortc's own sender"),
        (_whep(OURS, 60, 0.08, alive=59), "RTMP to WHEP, players that stay connected"),
        (_whep(OURS, 60, 0.08, frames_no_sei=1), "RTMP to WHEP, frames lost"),
        (_whep(OURS, 60, 0.08, players_no_audio_in_window=1), "RTMP to WHEP, players without audio"),
        (_whep(OURS, 60, 0.08, latency_ms={"p99": 60.0}), "RTMP to WHEP, added latency p99"),
        (_whep(OURS, 60, 0.08, first_picture_ms={"p50": 350.0, "p99": 400.0}), "WHEP, first picture p50"),
        (_whep(OURS, 60, 0.08, first_picture_ms={"p50": 210.0, "p99": 600.0}), "WHEP, first picture p99"),
        (_whip(alone=0.1201), "WHIP, CPU per publisher"),
        (_whip(connected=9), "WHIP, publishers that stay connected"),
        (_whip(got_video=9), "WHIP to RTMP, players that got video"),
        (_whip(latency_ms={"p99": 60.0}), "WHIP to RTMP, added latency p99"),
        (_join(cost=6.01), "WHEP, CPU per join"),
        (_join(got_video=99), "WHEP, joining, players that got video"),
        (_relay("whip to rtmp", 50, silent=1), "whip to rtmp, streams that have sound"),
        (_relay("rtmp to whep", 200, silent=1), "rtmp to whep, streams that have sound"),
    ],
)
def test_a_worse_measurement_misses_its_point_alone(worse: Record, point: str) -> None:
    assert _missed(_instead(worse)) == [point]


def test_a_stream_without_a_picture_is_one_too_many_in_any_repeat() -> None:
    missed = _missed([*_good_run(), _relay("rtmp to whep", 200, pictures=199)])
    assert missed == ["rtmp to whep, streams that show a picture", "rtmp to whep, streams that have sound"]


@pytest.mark.parametrize(
    ("third", "point"),
    [
        (_pass(92.1), "WebRTC churn, memory, third pass over second"),
        (_pass(peers=1.0), "WebRTC churn, peers that are still there"),
        (_pass(got=99), "WebRTC churn, players that were shown nothing"),
    ],
)
def test_what_a_pass_of_churn_leaves_behind_is_missed(third: Record, point: str) -> None:
    assert _missed([*_good_run()[:-1], third]) == [point]


@pytest.mark.parametrize("label", [OURS, AIORTC])
@pytest.mark.parametrize("fault", [{"got_video": 59}, {"frames_lost": 1}])
def test_who_does_not_serve_every_viewer_is_not_compared(label: str, fault: dict[str, int]) -> None:
    assert "whep" in _missed(_instead(_whep(label, 60, 0.08, **fault)))


def test_nobody_who_saw_a_picture_is_no_pass() -> None:
    assert "first_picture" in _missed(_instead(_whep(OURS, 60, 0.08, first_picture_ms=None)))


def test_what_was_not_measured_is_missed() -> None:
    assert _missed([]) == ["whep", "first_picture", "whip", "join", "relay", "churn"]
