"""The measurements of quality: what a client's report costs, and what a scrape of the metrics does."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from http.client import HTTPConnection
from urllib.parse import urlsplit

from tests.bench.load import background, run_marked
from tests.bench.measure import Record
from tests.bench.measure_signaling import per_cpu_second
from tests.bench.process import Usage, sample, usage
from tests.bench.servers import Server, ServerError
from tests.bench.talk import Talker
from tests.support.tools import ROOT

PROBED = (sys.executable, str(ROOT / "tests/bench/probed.py"))
"""The gateway, with a probe in its loop."""
SETTLE = 1.0
"""Seconds before a window."""
IDLE = 3.0
"""Seconds in which the gateway's work without scrapes is measured: it makes its rounds every second."""
ON_AIR = 60.0
"""Seconds in which all streams have to be on air."""


def reports(talker: Talker, connections: int, window: float) -> Record:
    """So many clients report over WebSockets as fast as they can: reports per CPU second."""
    options = ["-n", str(connections), "-s", str(SETTLE), "-t", str(window)]
    return _taken("reports", talker, connections, ["tests.bench.wsload", "reports", talker.reports, str(talker.lines), *options])


def uploads(talker: Talker, connections: int, batch: int, window: float) -> Record:
    """So many clients upload `batch` reports at a time over HTTP as fast as they can: reports per CPU second."""
    options = ["-n", str(connections), "-b", str(batch), "-s", str(SETTLE), "-t", str(window)]
    command = ["tests.bench.httpload", talker.uploads, str(talker.lines), *options]
    return _taken("uploads", talker, connections, command) | {"proto": batches_of(batch)}


def batches_of(batch: int) -> str:
    """How a record is told from those with other batches."""
    return f"{batch} at a time"


@contextmanager
def on_air(server: Server, streams: int) -> Iterator[None]:
    """So many streams that cost next to nothing. Raises RuntimeError if they do not come, or do not stay."""
    file = server.publish_many["rtmp"].file
    with background([sys.executable, "-m", "tests.bench.trickle", str(file), "-n", str(streams)]) as counts:
        deadline = time.monotonic() + ON_AIR
        while (there := server.total("gateway_streams", 'state="on air"')) < streams:
            if time.monotonic() > deadline:
                raise ServerError(f"{there:g} of {streams} streams are on air")
            time.sleep(0.5)
        time.sleep(SETTLE)
        yield
    if counts["alive"] != streams:
        raise RuntimeError(f"{counts['alive']} of {streams} publishers lived to the end")


def scrapes(server: Server, streams: int, count: int) -> Record:
    """So many scrapes in a row: CPU milliseconds of each, and the longest time for which the loop was held meanwhile.

    The server's usage is that of the scrapes' time; what it does without them is taken off a scrape's cost.
    """
    with closing(HTTPConnection(urlsplit(server.metrics).netloc, timeout=10)) as http:
        _ask(http, "/held")
        begun = sample([server.pid])
        time.sleep(IDLE)
        idle = usage(begun, sample([server.pid]))
        before = json.loads(_ask(http, "/held"))
        begun = sample([server.pid])
        for _ in range(count):
            size = len(_ask(http, "/metrics"))
        used = usage(begun, sample([server.pid]))
        after = json.loads(_ask(http, "/held"))
    return _record("scrapes", server.label, streams, used) | {
        "scrape_ms": cost_ms(used, idle, count),
        "held_ms": round(1000 * after["held"], 2),
        "held_idle_ms": round(1000 * before["held"], 2),
        "late_ms": round(1000 * after["late"], 2),
        "kb": round(size / 1024, 1),
    }


def cost_ms(used: Usage, idle: Usage, count: int) -> float:
    """CPU milliseconds of each of `count` operations, without what the process does anyway."""
    return round(1000 * (used.server_cpu_schedstat - idle.server_cpu_schedstat) * used.wall_s / count, 3)


def _ask(http: HTTPConnection, path: str) -> bytes:
    http.request("GET", path)
    with http.getresponse() as response:
        body = response.read()
        if response.status != 200:
            raise ServerError(f"{path} answers {response.status}")
        return body


def _taken(test: str, talker: Talker, connections: int, command: list[str]) -> Record:
    counts, marks = run_marked([sys.executable, "-m", *command], [talker.pid])
    used = usage(marks["WINDOW_START"], marks["WINDOW_END"])
    per_cpu_s = per_cpu_second(counts["reports"], used)
    return _record(test, talker.label, connections, used) | {"client": counts, "per_cpu_s": per_cpu_s}


def _record(test: str, label: str, connections: int, used: Usage) -> Record:
    return {"test": test, "label": label, "n": connections, "when": time.strftime("%H:%M:%S"), "server": asdict(used)}
