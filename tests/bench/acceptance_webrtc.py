"""What the gateway has to reach over WebRTC, judged from the records of one run. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench.judging import OURS, Judge, Results, Verdict, against, all_of, below, least, least_cpu, left_behind, none
from tests.bench.measure import Record

AIORTC = "aiortc"

WHEP_CPU = 0.40
"""CPU per WHEP viewer of an RTMP stream, as a multiple of that of aiortc's own sender."""
SRS_WHEP = "SRS 7.0.18: 1.15 to 1.4 ms/s"
"""CPU per WHEP viewer of an RTMP stream, from peers.md: not of the same run."""
FIRST_PICTURE_P50_MS = 350.0
FIRST_PICTURE_P99_MS = 600.0
WHIP_CPU_MS = 12.0
"""CPU milliseconds per second and WHIP publisher that nobody plays."""
JOIN_CPU_MS = 6.0
"""CPU milliseconds per WHEP viewer that joins, beside what viewers cost that are there."""
LATENCY_P99_MS = 60.0
"""What the gateway adds between the protocols, either way."""


def _whep(results: Results) -> list[Verdict]:
    ours, peer = _per_viewer(results, OURS), _per_viewer(results, AIORTC)
    ratio = against("RTMP to WHEP, CPU per viewer against aiortc's own sender", ours, peer, WHEP_CPU)
    with_viewers = results.of("whep", OURS, results.scale.rtc_viewers)
    latency = least(with_viewers, "latency_ms", "p99")
    return [
        Verdict(ratio.point, f"{ratio.measured}; {SRS_WHEP}", ratio.limit, ratio.met),
        *_delivered("RTMP to WHEP", with_viewers),
        below("RTMP to WHEP, added latency p99", latency, LATENCY_P99_MS),
    ]


def _first_picture(results: Results) -> list[Verdict]:
    records = results.of("whep", OURS, results.scale.rtc_viewers)
    limits = (("p50", FIRST_PICTURE_P50_MS), ("p99", FIRST_PICTURE_P99_MS))
    return [below(f"WHEP, first picture {name}", least(records, "first_picture_ms", name), limit) for name, limit in limits]


def _whip(results: Results) -> list[Verdict]:
    publishers = results.scale.rtc_publishers
    records = results.of("whip", OURS, publishers)
    cpu = 1000 * min(record["server_no_player"]["server_cpu"] for record in records) / publishers
    connected = min(record["publishers"]["alive"] for record in records)
    return [
        Verdict("WHIP, CPU per publisher", f"{cpu:.2f} ms/s", f"{WHIP_CPU_MS:g} ms/s", cpu <= WHIP_CPU_MS),
        all_of("WHIP, publishers that stay connected", connected, publishers),
        *_delivered("WHIP to RTMP", records),
        below("WHIP to RTMP, added latency p99", least(records, "latency_ms", "p99"), LATENCY_P99_MS),
    ]


def _join(results: Results) -> list[Verdict]:
    records = results.of("join", OURS)
    cpu = min(record["join_ms"] for record in records)
    return [
        Verdict("WHEP, CPU per join", f"{cpu:.2f} ms", f"{JOIN_CPU_MS:g} ms", cpu <= JOIN_CPU_MS),
        *_delivered("WHEP, joining", records),
    ]


def _relay(results: Results) -> list[Verdict]:
    return _relayed(results, "whip to rtmp") + _relayed(results, "rtmp to whep")


def _churn(results: Results) -> list[Verdict]:
    passes = results.of("churn", OURS, proto="webrtc")
    peers = passes[-1]["peers"]
    return [*left_behind("WebRTC churn", passes), none("WebRTC churn, peers that are still there", peers)]


POINTS: Sequence[Judge] = (_whep, _first_picture, _whip, _join, _relay, _churn)
"""In the order of the comparison."""


def _relayed(results: Results, way: str) -> list[Verdict]:
    """The worst of the repeats: here one failure is one too many."""
    records = results.of("relay", OURS, proto=way)
    streams = records[0]["n"]
    pictures = min(record["client"]["pictures"] for record in records)
    silent = max(record["client"]["silent"] for record in records)
    return [
        all_of(f"{way}, streams that show a picture", pictures, streams),
        all_of(f"{way}, streams that have sound", pictures - silent, streams),
    ]


def _per_viewer(results: Results, label: str) -> float:
    """CPU milliseconds per second that one more viewer costs. Raises LookupError if not every viewer was served."""
    viewers = results.scale.rtc_viewers
    records = results.of("whep", label, viewers)
    if any(record["client"]["got_video"] != viewers or record["client"]["frames_lost"] for record in records):
        raise LookupError(f"{label} has not served every viewer")
    return 1000 * (least_cpu(records) - least_cpu(results.of("whep", label, 0))) / viewers


def _delivered(name: str, records: Sequence[Record]) -> list[Verdict]:
    """Whether every player got every picture, and sound, in every repeat."""
    clients = [record["client"] for record in records]
    expected = sum(record["n"] for record in records)
    return [
        all_of(f"{name}, players that got video", sum(client["got_video"] for client in clients), expected),
        all_of(f"{name}, players that stay connected", sum(client["alive"] for client in clients), expected),
        none(f"{name}, frames lost", sum(client["frames_lost"] + client["frames_no_sei"] for client in clients)),
        none(f"{name}, players without audio", sum(client["players_no_audio_in_window"] for client in clients)),
    ]
