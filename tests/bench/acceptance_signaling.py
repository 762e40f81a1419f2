"""What signaling has to reach beside a bare Sanic WebSocket echo, judged from the records of one run. Pure.

The one value without a limit, the memory of a session that does nothing, is only told.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench.judging import OURS, Judge, Results, Verdict, all_of, none
from tests.bench.measure import Record

ECHO = "sanic echo"

LOGINS = 0.35
"""Logins per CPU second, as a multiple of the echo's connections that say one thing each."""
BROADCAST = 0.5
"""Messages that arrive per CPU second, as a multiple of those of an echo to a room of as many."""


def _logins(results: Results) -> list[Verdict]:
    ours, peer = (results.of("logins", label, results.scale.sessions) for label in (OURS, ECHO))
    held, bare = (min(record["session_kb"] for record in records) for records in (ours, peer))
    return [
        at_least("logins per core and second, against connecting to a bare echo", most(ours), most(peer), LOGINS),
        all_of("logins that succeed", min(record["client"]["inside"] for record in ours), results.scale.sessions),
        Verdict("memory per idle session", f"{held:.1f} kB; a bare echo's socket: {bare:.1f} kB", "only told", True),
    ]


def _broadcast(results: Results) -> list[Verdict]:
    ours, peer = (results.of("broadcast", label, results.scale.talkers) for label in (OURS, ECHO))
    alone = most(results.of("echo", ECHO, results.scale.talkers))
    point = "messages delivered per core and second, against an echo to a room"
    judged = at_least(point, most(ours), most(peer), BROADCAST)
    return [
        Verdict(judged.point, f"{judged.measured}; a bare echo to the sender: {alone:,.0f}/s", judged.limit, judged.met),
        all_of("talkers that stay connected", min(record["client"]["alive"] for record in ours), results.scale.talkers),
        none("messages that were refused", sum(record["client"]["refused"] for record in ours)),
    ]


POINTS: Sequence[Judge] = (_logins, _broadcast)
"""In the order of the comparison."""


def most(records: Sequence[Record]) -> float:
    """Operations per CPU second of the best repeat: noise of the machine only takes away."""
    return float(max(record["per_cpu_s"] for record in records))


def at_least(point: str, ours: float, peer: float, limit: float) -> Verdict:
    """What we do, as a multiple of what a peer does."""
    figures = f"{ours:,.0f}/s against {peer:,.0f}/s"
    if peer <= 0:
        return Verdict(point, figures, "a peer that does something", False)
    return Verdict(point, f"{ours / peer:.2f}x ({figures})", f"at least {limit}x", ours / peer >= limit)
