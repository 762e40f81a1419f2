"""make bench: the gateway beside nginx-rtmp and node-media-server, on loopback, in one run.

Prints a table of each measurement and a verdict for each point of the comparison; exits 0 only if all are met. The
servers take turns, so that what else happens on the machine meets all of them. Everything it starts it stops again, also
on Ctrl-C. `--quick`: one repeat and short windows, to see that all of it works; its numbers mean little.
"""

from __future__ import annotations

import argparse
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from tests.bench import bench, measure, servers
from tests.bench.acceptance import NGINX, NODE, OURS, UNBATCHED, Results, Scale, verdicts
from tests.bench.load import PACE, Pace
from tests.bench.measure import Record, Subject
from tests.bench.report import tables
from tests.bench.servers import Server
from tests.support.tools import TOOLS, clip

SPARE_PLAYERS = 16
"""Addresses made beyond the players that are planned."""
CHURN_REST = 5.0
"""Seconds after a pass of churn: longer than the gateway waits for a lost publisher here."""
DESCRIPTORS = 16_384


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    scale: Scale
    pace: Pace
    repeats: int
    cycles: int
    passes: int = 3


FULL = Plan(Scale(), PACE, repeats=3, cycles=200)
QUICK = Plan(Scale(), Pace(window=5.0, settle=2.0), repeats=1, cycles=40)


def main() -> int:
    """Runs the comparison; the process's exit status."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="one repeat, short windows")
    options.add_argument("--repeats", type=int, help="how often each measurement is made")
    options.add_argument("--out", type=Path, default=TOOLS / "bench" / "results.jsonl", help="JSON lines, appended")
    given = options.parse_args()
    plan = QUICK if given.quick else FULL
    repeats = given.repeats or plan.repeats
    signal.signal(signal.SIGTERM, _interrupt)
    _allow_descriptors()
    records: list[Record] = []
    try:
        with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder:
            for record in _everything(plan, repeats, Path(folder)):
                bench.keep(record, given.out)
                print(bench.line(record), flush=True)
                records.append(record)
                time.sleep(bench.PAUSE)
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return 130
    except (RuntimeError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(tables(records))
    judged = verdicts(Results(records, plan.scale))
    print("", *judged, "", sep="\n")
    missed = sum(not verdict.met for verdict in judged)
    print(f"bench: {len(judged) - missed} met, {missed} missed")
    return 1 if missed else 0


def _everything(plan: Plan, repeats: int, folder: Path) -> Iterator[Record]:
    with ExitStack() as running:
        compared = _compared(plan, folder, running)
        for _ in range(repeats):
            yield from _fanout(plan, compared)
            yield from _fanin(plan, compared)
        yield _fanout_of(plan, compared[OURS], "rtmp", plan.scale.crowd)
    yield from _churn(plan, folder)


def _compared(plan: Plan, folder: Path, running: ExitStack) -> dict[str, Server]:
    """The servers that are compared, by label; they end with `running`."""
    for name in ("ours", "unbatched", "nginx", "node"):
        (folder / name).mkdir()
    players = max(plan.scale.crowd, plan.scale.viewers) + SPARE_PLAYERS
    streams = plan.scale.publishers
    started = (
        servers.gateway(OURS, folder / "ours", streams=streams, players=players),
        servers.gateway(UNBATCHED, folder / "unbatched", streams=1, players=players, batched=False),
        servers.nginx_rtmp(folder / "nginx"),
        servers.node_media_server(folder / "node"),
    )
    return {server.label: server for server in map(running.enter_context, started)}


def _fanout(plan: Plan, compared: dict[str, Server]) -> Iterator[Record]:
    for server in compared.values():
        yield _fanout_of(plan, server, "rtmp", 0)
    for label, protocol in ((OURS, "rtmp"), (NGINX, "rtmp"), (UNBATCHED, "rtmp"), (OURS, "flv"), (NODE, "flv")):
        yield _fanout_of(plan, compared[label], protocol, plan.scale.viewers)


def _fanout_of(plan: Plan, server: Server, protocol: str, players: int) -> Record:
    return measure.fanout(_subject(plan, server), server.publish, server.play[protocol], players)


def _fanin(plan: Plan, compared: dict[str, Server]) -> Iterator[Record]:
    for label in (OURS, NODE):
        server = compared[label]
        yield measure.fanin(_subject(plan, server), server.publish_many, plan.scale.publishers)


def _churn(plan: Plan, folder: Path) -> Iterator[Record]:
    """Passes of churn in a gateway of their own: what earlier measurements left in memory must not hide what they add."""
    own = folder / "churn"
    own.mkdir()
    with servers.gateway(OURS, own, streams=plan.cycles, players=1) as server:
        for _ in range(plan.passes):
            record = measure.churn(_subject(plan, server), server.publish_many, server.play_many, plan.cycles, CHURN_REST)
            yield record | {"tasks": server.gauge("gateway_tasks")}


def _subject(plan: Plan, server: Server) -> Subject:
    return Subject(server.label, [server.pid], clip(), plan.pace)


def _allow_descriptors() -> None:
    """Raises the limit of open files for this process and those it starts: a thousand connections are over the usual one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
