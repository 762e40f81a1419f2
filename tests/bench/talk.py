"""The servers of signaling's comparison: the gateway with its rates raised, and a bare echo. Each yields a `Talker`."""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.auth.tokens import make_token
from tests.bench.acceptance_signaling import ECHO
from tests.bench.judging import OURS
from tests.bench.servers import APP, HOST, KEY_LIFE, free_ports, started
from tests.support.tools import ROOT

ROOM = 50
"""Connections in a room."""
_MOST = 100_000
"""More than there ever is: what is measured is the work, not the limits."""
_RATES = (
    "logins_per_second", "logins_burst", "sockets_before_login", "requests_per_second", "requests_burst",
    "broadcasts_per_user", "broadcasts_per_room",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Talker:
    """A server that runs and talks over WebSockets."""

    label: str
    pid: int
    alone: str
    """Address for those who log in, or hear only themselves."""
    rooms: str
    """The same for those who are in rooms of ROOM; %d stands for the room's number."""
    reports: str
    """Address of a WebSocket that takes reports."""
    uploads: str
    """The same of HTTP."""
    lines: Path
    """What each connection says first: a login of its own, a line each."""


@contextmanager
def gateway(folder: Path, connections: int) -> Iterator[Talker]:
    """The gateway of this checkout, and logins with tokens for so many users."""
    http, rtmp, udp = free_ports(3)
    secret = secrets.token_urlsafe(48)
    config = folder / "gateway.toml"
    rates = "\n".join(f"{name} = {_MOST}" for name in _RATES)
    config.write_text(
        f'[listen]\nhost = "{HOST}"\nport = {http}\nrtmp_port = {rtmp}\nudp_port = {udp}\npublic_host = "{HOST}"\n'
        f"[signaling]\n{rates}\n[quality]\nreports_per_second = {_MOST}\nreports_burst = {_MOST}\n"
        f'[apps.{APP}]\nsecret = "{secret}"\n'
    )
    config.chmod(0o600)
    command = [str(ROOT / ".venv/bin/gateway"), "serve", "--config", str(config)]
    with started(OURS, command, folder, (http, rtmp)) as pid:
        url = f"ws://{HOST}:{http}/ws"
        yield Talker(OURS, pid, url, url, url, f"http://{HOST}:{http}/v1/reports", _logins(folder, secret, connections))


@contextmanager
def echo(folder: Path, connections: int) -> Iterator[Talker]:
    """Sanic alone (`echo.py`), which is told the same as the gateway."""
    [http] = free_ports(1)
    command = [sys.executable, str(ROOT / "tests/bench/echo.py"), str(http)]
    with started(ECHO, command, folder, (http,)) as pid:
        base, lines = f"{HOST}:{http}", _logins(folder, secrets.token_urlsafe(48), connections)
        uploads = f"http://{base}/upload"
        yield Talker(ECHO, pid, f"ws://{base}/ws", f"ws://{base}/room/%d", f"ws://{base}/parse", uploads, lines)


def _logins(folder: Path, secret: str, connections: int) -> Path:
    file = folder / "logins"
    now = time.time()
    with file.open("w") as out:
        for number in range(connections):
            user = f"user-{number}"
            token = make_token(secret, APP, user, now=now, ttl=KEY_LIFE)
            params = {"appID": APP, "roomID": f"room-{number // ROOM}", "userID": user, "token": token}
            out.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "login", "params": params}) + "\n")
    file.chmod(0o600)
    return file
