"""What the gateway has to reach against its peers, judged from the records of one run. Pure.

"Best of three" is the least CPU, and the least latency, that a server needed in any repeat: noise of the machine only adds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.measure import Record

OURS = "gateway"
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
CHURN_RSS_MB = 2.0
"""What the third pass may hold over the second."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How many connections the run measured with."""

    viewers: int = 500
    publishers: int = 100
    crowd: int = 1000


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
            raise LookupError(f"not measured: {test} {label} {connections} {proto}")
        return found

    def per_viewer(self, label: str, proto: str) -> float:
        """CPU milliseconds per second that one more viewer costs: best with viewers minus best with the publisher alone."""
        with_viewers = _least_cpu(self.of("fanout", label, self.scale.viewers, proto))
        alone = _least_cpu(self.of("fanout", label, 0))
        return 1000 * (with_viewers - alone) / self.scale.viewers

    def per_publisher(self, label: str) -> float:
        """CPU milliseconds per second and publisher, best repeat."""
        return 1000 * _least_cpu(self.of("fanin", label, self.scale.publishers)) / self.scale.publishers

    def spread(self, label: str, proto: str, key: str, quantile: str) -> float:
        """A quantile of the viewers' times in milliseconds, best repeat."""
        return min(float(record["client"][key][quantile]) for record in self.of("fanout", label, self.scale.viewers, proto))


def verdicts(results: Results) -> list[Verdict]:
    """Every point, in the order of the comparison; one that could not be measured is missed."""
    judged: list[Verdict] = []
    for judge in (_rtmp, _unbatched, _flv, _fanin, _first_frame, _crowd, _churn):
        try:
            judged += judge(results)
        except LookupError as error:
            judged.append(Verdict(judge.__name__.strip("_"), str(error), "to be measured", False))
    return judged


def _rtmp(results: Results) -> list[Verdict]:
    ratio = _ratio("RTMP, CPU per viewer against nginx-rtmp", results.per_viewer, (OURS, "rtmp"), (NGINX, "rtmp"), RTMP_CPU)
    p50 = results.spread(OURS, "rtmp", "latency_ms", "p50")
    return [ratio, _below("RTMP, added latency p50", p50, RTMP_P50_MS)]


def _unbatched(results: Results) -> list[Verdict]:
    point = "RTMP without batching, CPU per viewer against nginx-rtmp"
    ratio = _ratio(point, results.per_viewer, (UNBATCHED, "rtmp"), (NGINX, "rtmp"), UNBATCHED_CPU)
    p99, peer = (results.spread(label, "rtmp", "latency_ms", "p99") for label in (UNBATCHED, NGINX))
    limit = max(UNBATCHED_P99_MS, UNBATCHED_P99 * peer)
    return [ratio, Verdict("RTMP without batching, added latency p99", f"{p99:.1f} ms", f"{limit:.1f} ms", p99 <= limit)]


def _flv(results: Results) -> list[Verdict]:
    point = "HTTP-FLV, CPU per viewer against node-media-server"
    return [_ratio(point, results.per_viewer, (OURS, "http"), (NODE, "http"), FLV_CPU)]


def _fanin(results: Results) -> list[Verdict]:
    return [_ratio("fan-in, CPU per publisher against node-media-server", results.per_publisher, (OURS,), (NODE,), FANIN_CPU)]


def _first_frame(results: Results) -> list[Verdict]:
    return [_below("RTMP, first frame p99", results.spread(OURS, "rtmp", "first_video_ms", "p99"), FIRST_FRAME_P99_MS)]


def _crowd(results: Results) -> list[Verdict]:
    players = results.scale.crowd
    client = results.of("fanout", OURS, players, "rtmp")[-1]["client"]
    lost = client["frames_lost"] + client["frames_no_sei"]
    return [
        Verdict(f"{players} players stay connected", str(client["alive"]), str(players), client["alive"] == players),
        Verdict(f"{players} players, frames lost", str(lost), "0", lost == 0 and client["got_video"] == players),
        _none(f"{players} players, without audio", client["players_no_audio_in_window"] + players - client["got_video"]),
    ]


def _churn(results: Results) -> list[Verdict]:
    passes = results.of("churn", OURS)
    if len(passes) < 3:
        raise LookupError("fewer than three passes of churn")
    second, third = passes[1], passes[2]
    grown = third["rss_rested_mb"] - second["rss_rested_mb"]
    missed = sum(one["n"] - one["got_video"] for one in passes)
    return [
        Verdict("churn, memory, third pass over second", f"{grown:+.1f} MB", f"+{CHURN_RSS_MB} MB", grown <= CHURN_RSS_MB),
        _equal("churn, descriptors", second["fds_rested"], third["fds_rested"]),
        _equal("churn, tasks", second["tasks"], third["tasks"]),
        _none("churn, players without a first frame", missed),
    ]


def _ratio(point: str, measure: Callable[..., float], ours: Sequence[str], peers: Sequence[str], limit: float) -> Verdict:
    mine, theirs = measure(*ours), measure(*peers)
    if theirs <= 0:
        return Verdict(point, f"{mine:.3f} ms/s against {theirs:.3f} ms/s", "a peer that costs something", False)
    ratio = mine / theirs
    return Verdict(point, f"{ratio:.2f}x ({mine:.3f} ms/s against {theirs:.3f} ms/s)", f"{limit:.1f}x", ratio <= limit)


def _below(point: str, value: float, limit: float) -> Verdict:
    return Verdict(point, f"{value:.1f} ms", f"under {limit:.0f} ms", value < limit)


def _equal(point: str, second: Any, third: Any) -> Verdict:
    return Verdict(point, f"{second} after the second pass, {third} after the third", "equal", second == third)


def _none(point: str, count: int) -> Verdict:
    return Verdict(point, str(count), "0", count == 0)


def _least_cpu(records: Sequence[Record]) -> float:
    return float(min(record["server"]["server_cpu"] for record in records))
