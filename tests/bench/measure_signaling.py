"""The measurements of signaling: what a login, a message and an idle session cost a server.

What counts is operations per CPU second of the server's process: on a shared machine that is what one core would do, and the
load program, which runs beside it, has no part in it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict

from tests.bench.load import run_marked
from tests.bench.measure import Record
from tests.bench.process import Usage, usage
from tests.bench.talk import ROOM, Talker
from tests.support.tools import ROOT

SETTLE = 1.0
"""Seconds between the last login and the window, or the look at the memory."""
WARM = 500
"""Logins before those that are measured: what a process makes once, and memory that it had to spare, count for nobody."""
SENDERS = 2
"""In each room."""


def logins(talker: Talker, connections: int) -> Record:
    """So many connect, log in and stay: logins per CPU second, and what a session that does nothing holds (`session_kb`).

    The peer's connections are opened as well, and what they send first is answered with itself.
    """
    command = _wsload("logins", talker, talker.alone, connections, ["-w", str(WARM), "-s", str(SETTLE)])
    counts, marks = run_marked(command, [talker.pid])
    used = usage(marks["WINDOW_START"], marks["RAMPED"])
    grown = marks["WINDOW_END"].rss_kb - marks["WINDOW_START"].rss_kb
    return _record(
        "logins", talker, connections, used, counts, per_cpu_s=per_cpu_second(counts["inside"], used),
        session_kb=round(grown / connections, 2),
    )  # fmt: skip


def broadcast(talker: Talker, connections: int, window: float) -> Record:
    """Rooms of ROOM in which two send message after message: messages that arrive, per CPU second.

    Each comes to everybody in the room, and an answer, or itself, to the sender.
    """
    options = ["-m", str(ROOM), "-k", str(SENDERS), "-s", str(SETTLE), "-t", str(window)]
    return _messages("broadcast", talker, talker.rooms, connections, options)


def echo(talker: Talker, connections: int, window: float) -> Record:
    """As many connections send message after message and hear nothing but themselves."""
    options = ["-m", "1", "-k", "1", "-s", str(SETTLE), "-t", str(window)]
    return _messages("echo", talker, talker.alone, connections, options)


def per_cpu_second(operations: int, used: Usage) -> float:
    """How many of them a core does in a second."""
    return round(operations / (used.server_cpu_schedstat * used.wall_s), 1)


def _messages(test: str, talker: Talker, url: str, connections: int, options: Sequence[str]) -> Record:
    counts, marks = run_marked(_wsload("rooms", talker, url, connections, options), [talker.pid])
    used = usage(marks["WINDOW_START"], marks["WINDOW_END"])
    return _record(test, talker, connections, used, counts, per_cpu_s=per_cpu_second(counts["received"], used))


def _record(test: str, talker: Talker, connections: int, used: Usage, client: Record, **values: float) -> Record:
    now = time.strftime("%H:%M:%S")
    record: Record = {"test": test, "label": talker.label, "n": connections, "when": now, "server": asdict(used)}
    return record | {"client": client, **values}


def _wsload(test: str, talker: Talker, url: str, connections: int, options: Sequence[str]) -> list[str]:
    return [sys.executable, str(ROOT / "tests/bench/wsload.py"), test, url, str(talker.lines), "-n", str(connections), *options]
