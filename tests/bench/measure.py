"""The measurements, the same against any server. Each returns a record: plain values that go into a JSON line."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.bench.load import (
    PACE,
    Addresses,
    Counts,
    Pace,
    background,
    play_command,
    publish_command,
    publishing,
    run_once,
    run_window,
)
from tests.bench.process import sample, usage

Record = dict[str, Any]

FANIN_RATE = 50.0
"""Publishers that start per second at most."""
CHURN_BATCH = 10
"""Publishers and players that come and go together."""
CHURN_REST = 10.0
"""Seconds after the last cycle until the server is sampled once more."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The server that is measured, and how."""

    label: str
    pids: Sequence[int]
    """Its processes; their descendants are counted too."""
    clip: Path
    pace: Pace = PACE
    chunk: int = 4096
    """Chunk size of the RTMP publishers, in bytes."""
    ffmpeg: bool = False
    """True: ffmpeg publishes instead of mload (no latency then)."""
    foreign_publisher: bool = False
    """True: something else publishes already."""
    bearer: str = ""
    """For WHIP and WHEP."""
    ogg: Path = Path()
    """What WHIP publishers send as audio: Ogg Opus, one packet of 20 ms per page."""

    def record(self, test: str, connections: int, **values: object) -> Record:
        """A record with what all of them hold."""
        now = time.strftime("%H:%M:%S")
        return {"test": test, "label": self.label, "n": connections, "clip": self.clip.name, "when": now, **values}

    def publisher(self, publish: Addresses) -> AbstractContextManager[None]:
        """One RTMP publisher while the block lasts."""
        if self.foreign_publisher:
            return nullcontext()
        return publishing(publish, self.clip, chunk=self.chunk, with_ffmpeg=self.ffmpeg)


def idle(subject: Subject) -> Record:
    """What the server uses while nothing happens."""
    before = sample(subject.pids)
    time.sleep(subject.pace.window)
    return subject.record("idle", 0, server=asdict(usage(before, sample(subject.pids))))


def fanout(subject: Subject, publish: Addresses, play: Addresses, players: int) -> Record:
    """One publisher and so many players of its stream; 0 players: what the publisher alone costs."""
    with subject.publisher(publish):
        if players == 0:
            return idle(subject) | {"test": "fanout", "proto": play.scheme}
        counts, used = run_window(play_command(play, players, subject.pace.arguments()), subject.pids)
    return subject.record("fanout", players, proto=play.scheme, server=asdict(used), client=counts)


def fanin(subject: Subject, publish: Addresses, publishers: int) -> Record:
    """So many publishers, each of its own stream, and no players."""
    options = [*subject.pace.arguments(FANIN_RATE), "-c", str(subject.chunk)]
    counts, used = run_window(publish_command(publish, subject.clip, publishers, options), subject.pids)
    return subject.record("fanin", publishers, server=asdict(used), client=counts)


def churn(subject: Subject, publish: Addresses, play: Addresses, cycles: int, rest: float = CHURN_REST) -> Record:
    """So many times: publish, a player joins and gets its first frame, both leave; every other batch by TCP reset."""
    return churned(subject, play.scheme, cycles, lambda base, size: _batch(subject, publish, play, base, size), rest)


def churned(subject: Subject, protocol: str, cycles: int, batch: Callable[[int, int], Counts], rest: float) -> Record:
    """A pass of churn, whatever comes and goes. `batch`: the first one's number, how many; returns the players' counts."""
    began, before = time.monotonic(), sample(subject.pids)
    series: list[tuple[int, int, float]] = []
    batches: list[Counts] = []
    for base in range(0, cycles, CHURN_BATCH):
        batches.append(batch(base, min(CHURN_BATCH, cycles - base)))
        now = sample(subject.pids)
        series.append((base, now.fds, round(now.rss_kb / 1024, 1)))
    after, seconds = sample(subject.pids), time.monotonic() - began
    time.sleep(rest)
    rested = sample(subject.pids)
    used = usage(before, after)
    firsts = [batch["first_video_ms"]["p50"] for batch in batches if batch["first_video_ms"]]
    return subject.record(
        "churn",
        cycles,
        proto=protocol,
        got_video=sum(batch["got_video"] for batch in batches),
        secs=round(seconds, 1),
        cpu_s=round(used.server_cpu * used.wall_s, 2),
        fds_before=before.fds,
        fds_after=after.fds,
        fds_rested=rested.fds,
        rss_before_mb=round(before.rss_kb / 1024, 1),
        rss_after_mb=used.rss_mb,
        rss_rested_mb=round(rested.rss_kb / 1024, 1),
        first_p50_median=statistics.median(firsts) if firsts else None,
        series=series,
    )


def _batch(subject: Subject, publish: Addresses, play: Addresses, base: int, size: int) -> Counts:
    leave = ["-R"] if base // CHURN_BATCH % 2 else []
    numbered = ["-b", str(base), "-r", "200", *leave]
    with background(publish_command(publish, subject.clip, size, [*numbered, "-s", "0.2", "-t", "3.2"])):
        time.sleep(0.6)
        return run_once(play_command(play, size, [*numbered, "-1", "-t", "3"]))
