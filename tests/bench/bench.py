"""One measurement against any RTMP, HTTP-FLV, WHIP or WHEP server that runs already.

  P=<server pid>; O="--label ours --pid $P --out ours.jsonl"; B="python -m tests.bench.bench"
  $B idle    $O
  $B fanout  $O --pub rtmp://H:P/live/s --play rtmp://H:P/live/s -n 0 1 50 1000
  $B fanout  $O --pub rtmp://H:P/live/s --play http://H:P/live/s.flv -n 200 500 --repeat 3
  $B fanin   $O --pub rtmp://H:P/live/f%d -n 50 100 200
  $B churn   $O --pub rtmp://H:P/live/c%d --play rtmp://H:P/live/c%d --cycles 200
  $B whep    $O --pub rtmp://H:P/live/s --play WHEP-URL -n 1 10 30
  $B whip    $O --pub WHIP-URL-with-%d --play rtmp://H:P/live/w%d -n 1 10 30
  $B rtc2rtc $O --pub WHIP-URL --play WHEP-URL -n 1 30

%d is a connection's number. --pub-urls and --play-urls FILE stand for --pub and --play where each connection needs an
address of its own: one URL per line and, after a blank, a bearer. One JSON line per measurement goes into --out.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench import measure, measure_webrtc
from tests.bench.load import PACE, Addresses, Pace
from tests.bench.measure import Record, Subject
from tests.support.tools import TOOLS, clip

_SPREADS = (("first", "first_video_ms"), ("picture", "first_picture_ms"), ("latency", "latency_ms"))
"""What a line shows as p50/p99, where it was measured."""
PAUSE = 1.5
"""Seconds between two measurements, for the server to settle."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("test", choices=["fanout", "fanin", "churn", "idle", "whep", "whip", "rtc2rtc"])
    options.add_argument("--label", required=True, help="the server's name in the tables")
    options.add_argument("--pid", type=int, action="append", required=True, help="repeatable; descendants are counted too")
    options.add_argument("--pub", default="", help="URL to publish to")
    options.add_argument("--play", default="", help="URL to play")
    options.add_argument("--pub-urls", type=Path, help="file of URLs to publish to")
    options.add_argument("--play-urls", type=Path, help="file of URLs to play")
    options.add_argument("-n", type=int, nargs="+", default=[1], help="connections; several: one measurement each")
    options.add_argument("--repeat", type=int, default=1)
    options.add_argument("--window", type=float, default=PACE.window, help="seconds measured")
    options.add_argument("--settle", type=float, default=PACE.settle, help="seconds before the window")
    options.add_argument("--rate", type=float, default=PACE.rate, help="connections opened per second")
    options.add_argument("--publisher", choices=["mload", "ffmpeg"], default="mload")
    options.add_argument("--no-pub", action="store_true", help="something else publishes already")
    options.add_argument("--clip", type=Path, help="FLV file; without: the 640x480-15 one, made when missing")
    options.add_argument("--ogg", type=Path, default=Path(), help="Ogg Opus file for WHIP publishers")
    options.add_argument("--chunk", type=int, default=4096, help="publishers' RTMP chunk size")
    options.add_argument("--cycles", type=int, default=200, help="of churn")
    options.add_argument("--bearer", default="", help="for WHIP and WHEP")
    options.add_argument("--out", type=Path, default=TOOLS / "bench" / "results.jsonl")
    return options


def main() -> None:
    """Runs what the command line asks for; prints a line per measurement."""
    given = parser().parse_args()
    subject = Subject(
        label=given.label,
        pids=given.pid,
        clip=given.clip or clip(),
        pace=Pace(given.rate, given.settle, given.window),
        chunk=given.chunk,
        ffmpeg=given.publisher == "ffmpeg",
        foreign_publisher=given.no_pub,
        bearer=given.bearer,
        ogg=given.ogg,
    )
    publish, play = Addresses(given.pub, given.pub_urls), Addresses(given.play, given.play_urls)
    measurements: dict[str, Callable[[int], Record]] = {
        "idle": lambda _: measure.idle(subject),
        "fanout": lambda n: measure.fanout(subject, publish, play, n),
        "fanin": lambda n: measure.fanin(subject, publish, n),
        "churn": lambda _: measure.churn(subject, publish, play, given.cycles),
        "whep": lambda n: measure_webrtc.whep(subject, publish, play, n),
        "whip": lambda n: measure_webrtc.whip(subject, publish, play, n),
        "rtc2rtc": lambda n: measure_webrtc.rtc2rtc(subject, publish, play, n),
    }
    for connections in given.n:
        for _ in range(given.repeat):
            record = measurements[given.test](connections)
            keep(record, given.out)
            print(line(record), flush=True)
            time.sleep(PAUSE)


def keep(record: Record, file: Path) -> None:
    """Appends a record to a file of JSON lines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as out:
        out.write(json.dumps(record) + "\n")


def line(record: Record) -> str:
    """A record in one line, for the one who waits."""
    head = f"{record['test']:7} {record['label']:20} n={record['n']}"
    if record["test"] == "churn":
        memory = f"{record['rss_before_mb']} -> {record['rss_rested_mb']} MB"
        descriptors = f"{record['fds_before']} -> {record['fds_rested']}"
        return f"{head} got={record['got_video']} cpu={record['cpu_s']}s rss={memory} fds={descriptors}"
    server, client = record["server"], record.get("client") or {}
    parts = [head, f"cpu={server['server_cpu']:.4f} rss={server['rss_mb']}MB fds={server['fds']}"]
    if client:
        parts.append(f"alive={client.get('alive')}")
    if "pictures" in client:
        parts.append(f"pictures={client['pictures']} silent={client['silent']} first_worst={client['first_worst_ms']}ms")
    if "join_ms" in record:
        parts.append(f"join={record['join_ms']}ms")
    if "scrape_ms" in record:
        parts.append(f"scrape={record['scrape_ms']}ms held={record['held_ms']}ms size={record['kb']}kB")
    if "per_cpu_s" in record:
        parts.append(f"per_cpu_s={record['per_cpu_s']} client_cpu={client['client_cpu_s_per_s']}")
    if "latency_ms" in client:
        parts.append(f"lost={client['frames_lost']} silent={client.get('players_no_audio_in_window')}")
        parts += [f"{name}={_pair(client, key)}" for name, key in _SPREADS if key in client]
    if client.get("errors"):
        parts.append(f"errors={client['errors']}")
    return " ".join([*parts, f"machine={server['machine_busy_cores']}"])


def _pair(client: Record, key: str) -> str:
    spread = client.get(key)
    return f"{spread['p50']:.1f}/{spread['p99']:.1f}ms" if spread else "-"


if __name__ == "__main__":
    main()
