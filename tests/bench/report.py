"""Tables in Markdown from the records of measurements: python -m tests.bench.report results.jsonl ..."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tests.bench.measure import Record

Column = tuple[str, Callable[[Sequence[Record]], str]]
"""A heading, and what stands below it for the repeats of one measurement."""


def tables(records: Iterable[Record]) -> str:
    """All tables for which there is a record, each with its heading. Three values: least / median / most of the repeats."""
    every = list(records)
    parts = [_table(title, columns, [record for record in every if record["test"] == test]) for test, title, columns in _TABLES]
    return "\n".join(part for part in parts if part)


def spread(values: Iterable[float | None], digits: int) -> str:
    """One value, or least / median / most of several; a dash if there is none."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return "-"
    shown = known if len(known) == 1 else [known[0], known[len(known) // 2], known[-1]]
    return " / ".join(f"{value:.{digits}f}" for value in shown)


def _table(title: str, columns: Sequence[Column], records: Sequence[Record]) -> str:
    groups: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        alone = id(record) if record["test"] == "churn" else None  # its passes are steps of one story, not repeats
        groups.setdefault((record["label"], record.get("proto"), record["n"], alone), []).append(record)
    if not groups:
        return ""
    rows = [[cell(repeats) for _, cell in columns] for repeats in groups.values()]
    head = [[name for name, _ in columns], ["---"] * len(columns)]
    return f"\n### {title}\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in [*head, *rows])


def _name(repeats: Sequence[Record]) -> str:
    first = repeats[0]
    return " ".join(filter(None, [first["label"], first.get("proto")]))


def _connections(repeats: Sequence[Record]) -> str:
    return str(repeats[0]["n"])


def _server(key: str, digits: int, of: str = "server") -> Callable[[Sequence[Record]], str]:
    return lambda repeats: spread((record[of][key] for record in repeats), digits)


def _client(key: str, digits: int) -> Callable[[Sequence[Record]], str]:
    return lambda repeats: spread(((record.get("client") or {}).get(key) for record in repeats), digits)


def _quantiles(key: str, digits: int, of: str = "client") -> Callable[[Sequence[Record]], str]:
    def one(repeats: Sequence[Record], quantile: str) -> str:
        return spread((((record.get(of) or {}).get(key) or {}).get(quantile) for record in repeats), digits)

    return lambda repeats: f"{one(repeats, 'p50')} ; {one(repeats, 'p99')}"


def _longest_gap(repeats: Sequence[Record]) -> str:
    return spread((((record.get("client") or {}).get("max_video_gap_ms") or {}).get("max") for record in repeats), 0)


def _each(repeats: Sequence[Record]) -> str:
    """CPU milliseconds per second and connection."""
    return spread((1000 * record["server"]["server_cpu"] / record["n"] for record in repeats if record["n"]), 2)


def _number(key: str, digits: int) -> Callable[[Sequence[Record]], str]:
    return lambda repeats: spread((record[key] for record in repeats), digits)


def _field(*keys: str) -> Callable[[Sequence[Record]], str]:
    return lambda repeats: " / ".join(str(repeats[0].get(key, "-")) for key in keys)


_START: Sequence[Column] = (("server", _name), ("N", _connections), ("server CPU s/s", _server("server_cpu", 3)))
_MEMORY: Column = ("RSS MB", _server("rss_mb", 0))
_DELIVERY: Sequence[Column] = (
    ("got video", _client("got_video", 0)),
    ("frames lost", _client("frames_lost", 0)),
    ("first video ms p50 ; p99", _quantiles("first_video_ms", 0)),
    ("latency ms p50 ; p99", _quantiles("latency_ms", 1)),
    ("longest gap ms", _longest_gap),
    ("client CPU", _client("client_cpu_s_per_s", 3)),
)
_WEBRTC: Sequence[Column] = (
    *_START,
    _MEMORY,
    ("connect ms p50 ; p99", _quantiles("connect_ms", 0)),
    ("first picture ms p50 ; p99", _quantiles("first_picture_ms", 0)),
    *_DELIVERY,
)

_PER_CPU: Column = ("per CPU second", _number("per_cpu_s", 0))
_CLIENT_CPU: Column = ("client CPU", _client("client_cpu_s_per_s", 3))
_TALK: Sequence[Column] = (
    *_START,
    _MEMORY,
    _PER_CPU,
    ("messages delivered", _client("received", 0)),
    ("of them answers", _client("answered", 0)),
    _CLIENT_CPU,
)
_REPORTS: Sequence[Column] = (*_START, _MEMORY, _PER_CPU, ("reports", _client("reports", 0)), _CLIENT_CPU)

_TABLES: Sequence[tuple[str, str, Sequence[Column]]] = (
    (
        "fanout",
        "Fan-out: 1 publisher, N players",
        (
            *_START,
            _MEMORY,
            ("alive", _client("alive", 0)),
            ("players without audio", _client("players_no_audio_in_window", 0)),
            *_DELIVERY,
        ),
    ),
    (
        "fanin",
        "Fan-in: N publishers, no players",
        (
            *_START,
            ("CPU ms/s each", _each),
            _MEMORY,
            ("publishing", _client("publishing", 0)),
            ("alive", _client("alive", 0)),
            ("start ms p50 ; p99", _quantiles("publish_start_ms", 0)),
        ),
    ),
    ("whep", "RTMP publisher, N WebRTC players", _WEBRTC),
    (
        "whip",
        "N WebRTC publishers, one RTMP or HTTP-FLV player each",
        (
            *_START,
            ("server CPU s/s without players", _server("server_cpu", 3, "server_no_player")),
            _MEMORY,
            *_DELIVERY,
            ("publishers' connect ms p50 ; p99", _quantiles("connect_ms", 0, "publishers")),
        ),
    ),
    ("rtc2rtc", "1 WebRTC publisher, N WebRTC players", _WEBRTC),
    (
        "join",
        "N WebRTC players join",
        (*_WEBRTC, ("CPU ms per join", lambda repeats: spread((record["join_ms"] for record in repeats), 2))),
    ),
    (
        "relay",
        "N streams in a row, each played over the other protocol",
        (
            *_START,
            _MEMORY,
            ("pictures", _client("pictures", 0)),
            ("without sound", _client("silent", 0)),
            ("frames lost", _client("frames_lost", 0)),
            ("slowest picture ms", _client("first_worst_ms", 0)),
        ),
    ),
    (
        "churn",
        "Churn: the passes in order, in one process",
        (
            ("server", _name),
            ("cycles", _connections),
            ("got first frame", _field("got_video")),
            ("seconds", _field("secs")),
            ("server CPU s", _field("cpu_s")),
            ("descriptors before / after / rested", _field("fds_before", "fds_after", "fds_rested")),
            ("RSS MB before / after / rested", _field("rss_before_mb", "rss_after_mb", "rss_rested_mb")),
            ("tasks rested", _field("tasks")),
            ("peers rested", _field("peers")),
        ),
    ),
    ("idle", "Idle", (*_START, _MEMORY)),
    (
        "logins",
        "N clients connect, log in and stay",
        (*_START, _MEMORY, _PER_CPU, ("kB per session", _number("session_kb", 1)), ("inside", _client("inside", 0)), _CLIENT_CPU),
    ),
    ("broadcast", "N clients in rooms of 50, in each of which two send", _TALK),
    ("echo", "N clients that hear only themselves", _TALK),
    ("reports", "N clients that report over WebSockets", _REPORTS),
    ("uploads", "N clients that upload reports over HTTP", _REPORTS),
    (
        "scrapes",
        "Scrapes of metrics with N streams on air",
        (
            *_START,
            ("CPU ms per scrape", _number("scrape_ms", 2)),
            ("loop held for ms", _number("held_ms", 1)),
            ("the same without scrapes", _number("held_idle_ms", 1)),
            ("loop late by ms", _number("late_ms", 1)),
            ("kB", _number("kb", 0)),
        ),
    ),
)


def main() -> None:
    """Prints the tables of the files named on the command line."""
    print(tables(json.loads(line) for file in sys.argv[1:] for line in Path(file).read_text().splitlines()))


if __name__ == "__main__":
    main()
