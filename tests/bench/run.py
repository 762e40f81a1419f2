"""make bench: the gateway beside its peers, on loopback, in one run.

Prints a table of each measurement and a verdict for each point of the comparison; exits 0 only if all are met. The
servers take turns, so that what else happens on the machine meets all of them. Everything it starts it stops again, also
on Ctrl-C. `--quick`: one repeat and short windows, to see that all of it works; its numbers mean little.
`--only rtmp`: RTMP and HTTP-FLV beside nginx-rtmp and node-media-server; `--only webrtc`: WebRTC beside aiortc;
`--only signaling`: logins and messages beside a bare Sanic WebSocket echo; `--only quality`: reports beside a bare Sanic that
parses them, and scrapes of metrics.
"""

from __future__ import annotations

import argparse
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

from tests.bench import (
    acceptance,
    acceptance_quality,
    acceptance_signaling,
    acceptance_webrtc,
    bench,
    measure,
    measure_quality,
    measure_signaling,
    measure_webrtc,
    servers,
    talk,
)
from tests.bench.acceptance import NGINX, NODE, UNBATCHED
from tests.bench.clips import opus
from tests.bench.judging import OURS, Judge, Results, Scale, Verdict, judged
from tests.bench.load import PACE, Pace
from tests.bench.measure import Record, Subject
from tests.bench.report import tables
from tests.bench.servers import Server
from tests.support.tools import TOOLS, clip

SPARE_PLAYERS = 16
"""Addresses made beyond the players that are planned."""
CHURN_REST = 5.0
"""Seconds after a pass of churn: longer than the gateway waits for a lost publisher here."""
CONSENT_TIMEOUT = 6.0
"""Seconds after which the gateway lets a WebRTC peer go that has vanished, in churn."""
WEBRTC_REST = CONSENT_TIMEOUT + CHURN_REST + 2.0
"""The same after a pass of WebRTC churn, in which the last batch vanishes."""
DESCRIPTORS = 16_384


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    scale: Scale
    pace: Pace
    repeats: int
    cycles: int
    """Publishers and players that come and go in a pass of churn."""
    rtc_cycles: int = 100
    """The same over WebRTC, where both are joins."""
    joins: int = 100
    """WebRTC players whose joining is measured."""
    whip_relays: int = 50
    """Streams published over WebRTC and played over RTMP, one after the other."""
    rtmp_relays: int = 200
    """Streams published over RTMP and played over WebRTC, one after the other."""
    passes: int = 3
    talk: float = 5.0
    """Seconds of messages that are measured."""
    scrapes: int = 60
    """Scrapes of metrics, one after the other."""


FULL = Plan(Scale(), PACE, repeats=3, cycles=200)
QUICK = Plan(
    Scale(), Pace(window=5.0, settle=2.0), repeats=1, cycles=40, rtc_cycles=20, joins=40, whip_relays=20, rtmp_relays=20,
    talk=2.0, scrapes=20,
)  # fmt: skip

Step = Callable[[], Record]
"""One measurement, to be made."""
Steps = Callable[[Plan, int, Path], Generator[Step, None, None]]
"""The measurements of a group: how much, how often, and a folder for what its servers write."""
FAILURES = (RuntimeError, OSError, subprocess.SubprocessError)
"""What a measurement fails with when a server or a load program does not do its part."""


def main() -> int:
    """Runs the comparison; the process's exit status."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="one repeat, short windows")
    options.add_argument("--only", choices=list(GROUPS), help="one group of measurements")
    options.add_argument("--repeats", type=int, help="how often each measurement is made")
    options.add_argument("--out", type=Path, default=TOOLS / "bench" / "results.jsonl", help="JSON lines, appended")
    given = options.parse_args()
    plan = QUICK if given.quick else FULL
    signal.signal(signal.SIGTERM, _interrupt)
    _allow_descriptors()
    records: list[Record] = []
    verdicts: list[Verdict] = []
    try:
        for name in [given.only] if given.only else GROUPS:
            steps, points = GROUPS[name]
            measured, failed = _measured(steps, plan, given.repeats or plan.repeats, given.out)
            records += measured
            verdicts += [*judged(Results(measured, plan.scale), points), *failed]
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return 130
    print(tables(records))
    print("", *verdicts, "", sep="\n")
    missed = sum(not verdict.met for verdict in verdicts)
    print(f"bench: {len(verdicts) - missed} met, {missed} missed")
    return 1 if missed else 0


def _measured(steps: Steps, plan: Plan, repeats: int, out: Path) -> tuple[list[Record], list[Verdict]]:
    """Makes the measurements of a group, and keeps them. What fails is missed, whatever else was measured."""
    records: list[Record] = []
    failed: list[Verdict] = []
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder:
        try:
            with closing(steps(plan, repeats, Path(folder))) as measurements:
                for step in measurements:
                    try:
                        record = step()
                    except FAILURES as error:
                        failed.append(_failure(error))
                        continue
                    bench.keep(record, out)
                    print(bench.line(record), flush=True)
                    records.append(record)
                    time.sleep(bench.PAUSE)
        except FAILURES as error:  # a server that did not start, or did not stop
            failed.append(_failure(error))
    return records, failed


def _failure(error: Exception) -> Verdict:
    print(f"bench: {error}", file=sys.stderr)
    return Verdict("a measurement failed", str(error).partition("\n")[0], "none fails", False)


def _rtmp(plan: Plan, repeats: int, folder: Path) -> Generator[Step, None, None]:
    with ExitStack() as running:
        compared = _compared(plan, folder, running)
        for _ in range(repeats):
            yield from _fanout(plan, compared)
            yield from _fanin(plan, compared)
        yield _fanout_of(plan, compared[OURS], "rtmp", plan.scale.crowd)
    yield from _churn(plan, folder)


def _compared(plan: Plan, folder: Path, running: ExitStack) -> dict[str, Server]:
    """The servers that are compared, by label; they end with `running`."""
    players = max(plan.scale.crowd, plan.scale.viewers) + SPARE_PLAYERS
    streams = plan.scale.publishers
    started = (
        servers.gateway(OURS, _made(folder / "ours"), streams=streams, players=players),
        servers.gateway(UNBATCHED, _made(folder / "unbatched"), streams=1, players=players, batched=False),
        servers.nginx_rtmp(_made(folder / "nginx")),
        servers.node_media_server(_made(folder / "node")),
    )
    return {server.label: server for server in map(running.enter_context, started)}


def _fanout(plan: Plan, compared: dict[str, Server]) -> Iterator[Step]:
    for server in compared.values():
        yield _fanout_of(plan, server, "rtmp", 0)
    for label, protocol in ((OURS, "rtmp"), (NGINX, "rtmp"), (UNBATCHED, "rtmp"), (OURS, "flv"), (NODE, "flv")):
        yield _fanout_of(plan, compared[label], protocol, plan.scale.viewers)


def _fanout_of(plan: Plan, server: Server, protocol: str, players: int) -> Step:
    return partial(measure.fanout, _subject(plan, server), server.publish, server.play[protocol], players)


def _fanin(plan: Plan, compared: dict[str, Server]) -> Iterator[Step]:
    for label in (OURS, NODE):
        server = compared[label]
        yield partial(measure.fanin, _subject(plan, server), server.publish_many["rtmp"], plan.scale.publishers)


def _churn(plan: Plan, folder: Path) -> Iterator[Step]:
    """Passes of churn in a gateway of their own: what earlier measurements left in memory must not hide what they add."""
    with servers.gateway(OURS, _made(folder / "churn"), streams=plan.cycles, players=1) as server:

        def one_pass() -> Record:
            publish, play = server.publish_many["rtmp"], server.play_many["rtmp"]
            record = measure.churn(_subject(plan, server), publish, play, plan.cycles, CHURN_REST)
            return record | {"tasks": server.gauge("gateway_tasks")}

        yield from [one_pass] * plan.passes


def _webrtc(plan: Plan, repeats: int, folder: Path) -> Generator[Step, None, None]:
    streams = max(plan.scale.rtc_publishers, plan.whip_relays, plan.rtmp_relays)
    players = max(plan.scale.rtc_viewers, plan.joins) + SPARE_PLAYERS
    with (
        servers.gateway(OURS, _made(folder / "webrtc"), streams=streams, players=players) as ours,
        servers.aiortc_stock(_made(folder / "aiortc")) as stock,
    ):
        for _ in range(repeats):
            for viewers in (0, plan.scale.rtc_viewers):
                for server in (ours, stock):
                    subject = _subject(plan, server, foreign_publisher=server is stock)
                    yield partial(measure_webrtc.whep, subject, server.publish, server.play["whep"], viewers)
            subject = _subject(plan, ours)
            publish, play = ours.publish_many["whip"], ours.play_many["rtmp"]
            yield partial(measure_webrtc.whip, subject, publish, play, plan.scale.rtc_publishers)
            yield partial(measure_webrtc.join, subject, ours.publish, ours.play["whep"], plan.joins)
        subject, on_air = _subject(plan, ours), partial(ours.total, "gateway_streams", 'state="on air"')
        publish, play = ours.publish_many["whip"], ours.play_many["rtmp"]
        yield partial(measure_webrtc.whip_to_rtmp, subject, publish, play, plan.whip_relays, on_air)
        publish, play = ours.publish_many["rtmp"], ours.play_many["whep"]
        yield partial(measure_webrtc.rtmp_to_whep, subject, publish, play, plan.rtmp_relays, on_air)
    yield from _webrtc_churn(plan, folder)


def _webrtc_churn(plan: Plan, folder: Path) -> Iterator[Step]:
    own = _made(folder / "webrtc-churn")
    with servers.gateway(OURS, own, streams=plan.rtc_cycles, players=1, consent_timeout=CONSENT_TIMEOUT) as server:
        on_air = partial(server.total, "gateway_streams", 'state="on air"')

        def one_pass() -> Record:
            publish, play = server.publish_many["whip"], server.play_many["whep"]
            record = measure_webrtc.churn(_subject(plan, server), publish, play, plan.rtc_cycles, on_air, WEBRTC_REST)
            return record | {"tasks": server.gauge("gateway_tasks"), "peers": server.total("gateway_peers")}

        yield from [one_pass] * plan.passes


def _signaling(plan: Plan, repeats: int, folder: Path) -> Generator[Step, None, None]:
    """Every measurement has a process of its own: what a session holds shows only where nothing was freed before."""
    scale = plan.scale
    for repeat in range(repeats):
        for number, server in enumerate((talk.gateway, talk.echo)):
            connections = scale.sessions + measure_signaling.WARM
            with server(_made(folder / f"logins-{repeat}-{number}"), connections) as talker:
                yield partial(measure_signaling.logins, talker, scale.sessions)
        for number, server in enumerate((talk.gateway, talk.echo)):
            with server(_made(folder / f"talk-{repeat}-{number}"), scale.talkers) as talker:
                yield partial(measure_signaling.broadcast, talker, scale.talkers, plan.talk)
                if server is talk.echo:
                    yield partial(measure_signaling.echo, talker, scale.talkers, plan.talk)


def _quality(plan: Plan, repeats: int, folder: Path) -> Generator[Step, None, None]:
    scale = plan.scale
    for repeat in range(repeats):
        for number, start in enumerate((talk.gateway, talk.echo)):
            with start(_made(folder / f"reports-{repeat}-{number}"), scale.reporters) as talker:
                yield partial(measure_quality.reports, talker, scale.reporters, plan.talk)
                for batch in acceptance_quality.BATCHES:
                    yield partial(measure_quality.uploads, talker, scale.reporters, batch, plan.talk)
    for streams in (scale.few_streams, scale.many_streams):
        own = _made(folder / f"scrapes-{streams}")
        with (
            servers.gateway(OURS, own, streams=streams, players=1, serve=measure_quality.PROBED) as server,
            measure_quality.on_air(server, streams),
        ):
            for _ in range(repeats):
                yield partial(measure_quality.scrapes, server, streams, plan.scrapes)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


GROUPS: Mapping[str, tuple[Steps, Sequence[Judge]]] = {
    "rtmp": (_rtmp, acceptance.POINTS),
    "webrtc": (_webrtc, acceptance_webrtc.POINTS),
    "signaling": (_signaling, acceptance_signaling.POINTS),
    "quality": (_quality, acceptance_quality.POINTS),
}
"""What is measured and judged together."""


def _subject(plan: Plan, server: Server, *, foreign_publisher: bool = False) -> Subject:
    return Subject(server.label, [server.pid], clip(), plan.pace, foreign_publisher=foreign_publisher, ogg=opus())


def _allow_descriptors() -> None:
    """Raises the limit of open files for this process and those it starts: a thousand connections are over the usual one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
