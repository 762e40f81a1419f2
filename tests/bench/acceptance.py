"""What the gateway has to reach over RTMP and HTTP-FLV against its peers, judged from the records of one run. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench.judging import OURS, Judge, Results, Verdict, against, all_of, below, least, least_cpu, left_behind, none

UNBATCHED = "gateway unbatched"
NGINX = "nginx-rtmp"
NODE = "node-media-server"

RTMP_CPU = 0.4
"""CPU per RTMP viewer, as a multiple of nginx-rtmp's; settings as they come."""
RTMP_P50_MS = 45.0
UNBATCHED_CPU = 1.0
"""The same without write batching."""
UNBATCHED_P99_MS = 20.0
UNBATCHED_P99 = 1.5
"""p99 may be the larger of the two: milliseconds, multiple of nginx-rtmp's."""
FLV_CPU = 0.3
"""CPU per HTTP-FLV viewer, as a multiple of node-media-server's."""
FANIN_CPU = 1.3
"""CPU per publisher, as a multiple of node-media-server's."""
FIRST_FRAME_P99_MS = 100.0


def _rtmp(results: Results) -> list[Verdict]:
    ours, peer = (_per_viewer(results, label, "rtmp") for label in (OURS, NGINX))
    return [
        against("RTMP, CPU per viewer against nginx-rtmp", ours, peer, RTMP_CPU),
        below("RTMP, added latency p50", _least(results, OURS, "latency_ms", "p50"), RTMP_P50_MS),
    ]


def _unbatched(results: Results) -> list[Verdict]:
    ours, peer = (_per_viewer(results, label, "rtmp") for label in (UNBATCHED, NGINX))
    p99, peer_p99 = (_least(results, label, "latency_ms", "p99") for label in (UNBATCHED, NGINX))
    limit = max(UNBATCHED_P99_MS, UNBATCHED_P99 * peer_p99)
    return [
        against("RTMP without batching, CPU per viewer against nginx-rtmp", ours, peer, UNBATCHED_CPU),
        Verdict("RTMP without batching, added latency p99", f"{p99:.1f} ms", f"{limit:.1f} ms", p99 <= limit),
    ]


def _flv(results: Results) -> list[Verdict]:
    ours, peer = (_per_viewer(results, label, "http") for label in (OURS, NODE))
    return [against("HTTP-FLV, CPU per viewer against node-media-server", ours, peer, FLV_CPU)]


def _fanin(results: Results) -> list[Verdict]:
    publishers = results.scale.publishers
    ours, peer = (1000 * least_cpu(results.of("fanin", label, publishers)) / publishers for label in (OURS, NODE))
    return [against("fan-in, CPU per publisher against node-media-server", ours, peer, FANIN_CPU)]


def _first_frame(results: Results) -> list[Verdict]:
    return [below("RTMP, first frame p99", _least(results, OURS, "first_video_ms", "p99"), FIRST_FRAME_P99_MS)]


def _crowd(results: Results) -> list[Verdict]:
    players = results.scale.crowd
    client = results.of("fanout", OURS, players, "rtmp")[-1]["client"]
    lost = client["frames_lost"] + client["frames_no_sei"]
    return [
        all_of(f"{players} players stay connected", client["alive"], players),
        Verdict(f"{players} players, frames lost", str(lost), "0", lost == 0 and client["got_video"] == players),
        none(f"{players} players, without audio", client["players_no_audio_in_window"] + players - client["got_video"]),
    ]


def _churn(results: Results) -> list[Verdict]:
    return left_behind("churn", results.of("churn", OURS, proto="rtmp"))


POINTS: Sequence[Judge] = (_rtmp, _unbatched, _flv, _fanin, _first_frame, _crowd, _churn)
"""In the order of the comparison."""


def _per_viewer(results: Results, label: str, proto: str) -> float:
    """CPU milliseconds per second that one more viewer costs: best with viewers minus best with the publisher alone."""
    viewers = results.scale.viewers
    with_viewers, alone = least_cpu(results.of("fanout", label, viewers, proto)), least_cpu(results.of("fanout", label, 0))
    return 1000 * (with_viewers - alone) / viewers


def _least(results: Results, label: str, key: str, quantile: str) -> float:
    return least(results.of("fanout", label, results.scale.viewers, "rtmp"), key, quantile)
