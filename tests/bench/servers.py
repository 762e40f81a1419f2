"""The servers of a comparison: the gateway and its peers, each on free loopback ports and stopped by its process id."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway.auth.access import Action
from gateway.auth.stream_keys import NONCE_BYTES, KeySigner, StreamKey, encode_stream_id, pull_url, push_url
from tests.bench.clips import opus
from tests.bench.load import Addresses
from tests.bench.process import PROC
from tests.support.tools import ROOT, TOOLS, clip, program

HOST = "127.0.0.1"
APP = "bench"
START_DEADLINE = 20.0
STOP_DEADLINE = 15.0
KEY_LIFE = 6 * 3600.0
PUBLISH_GRACE = 2.0
"""Seconds that the gateway waits for a lost publisher here: shorter than churn's rest, so that all is over by then."""


class ServerError(RuntimeError):
    """A server does not start, or listens where it must not."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs."""

    label: str
    pid: int
    publish: Addresses
    """For one publisher."""
    play: Mapping[str, Addresses]
    """For players of that publisher's stream, by `rtmp`, `flv` or `whep`."""
    publish_many: Mapping[str, Addresses] = field(default_factory=dict)
    """For publishers of a stream each, by `rtmp` or `whip`: of the same streams, so not both at once."""
    play_many: Mapping[str, Addresses] = field(default_factory=dict)
    """For one player of each of those streams, by `rtmp` or `whep`."""
    metrics: str = ""
    """Where its Prometheus metrics are, if it has any."""

    def gauge(self, name: str) -> float:
        """The value of a gauge without labels. Raises ServerError if there is none."""
        for line in self._samples():
            if line.startswith(f"{name} "):
                return float(line.split()[1])
        raise ServerError(f"{self.label} has no metric {name}")

    def total(self, name: str, label: str = "") -> float:
        """The sum of a gauge over its labels, or over those samples that have `label`, such as `state="on_air"`.

        Nothing of what it counts: 0. Raises ServerError if there is no such gauge.
        """
        lines = self._samples()
        if f"# TYPE {name} gauge" not in lines:
            raise ServerError(f"{self.label} has no metric {name}")
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name}{{") and label in line)

    def _samples(self) -> Sequence[str]:
        with urllib.request.urlopen(self.metrics, timeout=5) as response:
            text: str = response.read().decode()
        return text.splitlines()


@contextmanager
def gateway(
    label: str, folder: Path, *, streams: int, players: int, batched: bool = True, consent_timeout: float = 45.0,
    serve: Sequence[str] = (str(ROOT / ".venv/bin/gateway"), "serve"),
) -> Iterator[Server]:  # fmt: skip
    """The gateway of this checkout, with keys for so many streams and players.

    `consent_timeout`: seconds without a sign of life after which it lets a WebRTC peer go; `serve`: a command with `--config`.
    """
    http, rtmp, udp = free_ports(3)
    secret = secrets.token_urlsafe(48)
    config = folder / "gateway.toml"
    batches = "" if batched else "rtc_batch = 0.0\nlive_batch = 0.0\n"
    config.write_text(
        f'[listen]\nhost = "{HOST}"\nport = {http}\nrtmp_port = {rtmp}\nudp_port = {udp}\npublic_host = "{HOST}"\n'
        f"[media]\npublish_grace = {PUBLISH_GRACE}\n{batches}"
        f"[webrtc]\nconsent_timeout = {consent_timeout}\n"
        f'[apps.{APP}]\nsecret = "{secret}"\n'
    )
    config.chmod(0o600)
    keys = _Keys(secret, f"rtmp://{HOST}:{rtmp}", f"http://{HOST}:{http}")
    many = [f"many{number}" for number in range(streams)]
    command = [*serve, "--config", str(config)]
    with started(label, command, folder, (http, rtmp)) as pid:
        yield Server(
            label,
            pid,
            _file(folder / "publish", [keys.push("rtmp", "fan")]),
            {kind: _file(folder / kind, [keys.pull(kind, "fan") for _ in range(players)]) for kind in ("rtmp", "flv", "whep")},
            {kind: _file(folder / f"many-{kind}", [keys.push(kind, stream) for stream in many]) for kind in ("rtmp", "whip")},
            {kind: _file(folder / f"each-{kind}", [keys.pull(kind, stream) for stream in many]) for kind in ("rtmp", "whep")},
            f"http://{HOST}:{http}/metrics",
        )


@contextmanager
def nginx_rtmp(folder: Path) -> Iterator[Server]:
    """Debian's nginx with its RTMP module, one worker, stock settings."""
    [rtmp] = free_ports(1)
    prefix = TOOLS / "nginx"
    config = folder / "nginx.conf"
    config.write_text(
        f"load_module {prefix}/usr/lib/nginx/modules/ngx_rtmp_module.so;\n"
        f"{'user root;' if os.geteuid() == 0 else ''} daemon off; worker_processes 1; worker_rlimit_nofile 16384;\n"
        f"pid {folder}/nginx.pid; error_log {folder}/nginx.log; events {{ worker_connections 8192; }}\n"
        f"rtmp {{ access_log off; server {{ listen {HOST}:{rtmp}; application live {{ live on; }} }} }}\n"
    )
    command = [str(prefix / "usr/sbin/nginx"), "-e", str(folder / "nginx.log"), "-p", str(folder), "-c", str(config)]
    with started("nginx-rtmp", command, folder, (rtmp,)) as pid:
        yield _plain("nginx-rtmp", pid, f"rtmp://{HOST}:{rtmp}", "")


@contextmanager
def node_media_server(folder: Path) -> Iterator[Server]:
    """node-media-server from npm, its web administration off."""
    rtmp, http = free_ports(2)
    settings = {
        "bind": HOST,
        "store": {"path": str(folder / "store")},
        "auth": {"play": False, "publish": False, "secret": secrets.token_hex()},
        "rtmp": {"port": rtmp},
        "http": {"port": http},
        "webadmin": {"enable": False},
        "record": {"auto": False, "path": str(folder / "record")},
    }
    config = folder / "node-media-server.json"
    config.write_text(json.dumps(settings))
    start = TOOLS / "npm/bench/node_modules/node-media-server/bin/app.js"
    command = [program("node"), str(start), "--config", str(config), "--no-admin"]
    with started("node-media-server", command, folder, (rtmp, http), {"NODE_ENV": "production"}) as pid:
        yield _plain("node-media-server", pid, f"rtmp://{HOST}:{rtmp}", f"http://{HOST}:{http}")


@contextmanager
def aiortc_stock(folder: Path) -> Iterator[Server]:
    """A WHEP server made of aiortc as it comes; it publishes the clip to itself, always."""
    [http] = free_ports(1)
    command = [sys.executable, str(ROOT / "tests/bench/stock.py"), str(http), str(clip()), str(opus())]
    with started("aiortc", command, folder, (http,), {"PYTHONPATH": str(ROOT)}) as pid:
        yield Server("aiortc", pid, Addresses(), {"whep": Addresses(f"http://{HOST}:{http}/whep")})


class _Keys:
    """Addresses that are valid without a session, each with a key of its own."""

    def __init__(self, secret: str, rtmp: str, http: str) -> None:
        self._signer = KeySigner(secret)
        self._bases = {"rtmp": rtmp, "flv": http, "whip": http, "whep": http}
        self._expires_at = time.time() + KEY_LIFE

    def push(self, protocol: str, stream: str) -> str:
        key = self._sign(Action.PUBLISH, stream)
        return self._bearer(protocol, stream, key) if protocol == "whip" else push_url(self._bases[protocol], stream, key)

    def pull(self, protocol: str, stream: str) -> str:
        key = self._sign(Action.PLAY, stream)
        if protocol == "whep":
            return self._bearer(protocol, stream, key)
        return pull_url(protocol, self._bases[protocol], stream, key)

    def _bearer(self, protocol: str, stream: str, key: StreamKey) -> str:
        """As a file of addresses has it: URL, blank, bearer."""
        return f"{self._bases[protocol]}/{protocol}/{encode_stream_id(stream)} {key.reveal()}"

    def _sign(self, action: Action, stream: str) -> StreamKey:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return self._signer.sign(APP, action, stream, grant_id=None, user="bench", expires_at=self._expires_at, nonce=nonce)


def _plain(label: str, pid: int, rtmp: str, http: str) -> Server:
    """A server that wants no keys."""
    one, many = Addresses(f"{rtmp}/live/fan"), {"rtmp": Addresses(f"{rtmp}/live/many%d")}
    return Server(label, pid, one, {"rtmp": one, "flv": Addresses(f"{http}/live/fan.flv")}, many, many)


def _file(file: Path, urls: Sequence[str]) -> Addresses:
    file.write_text("\n".join(urls) + "\n")
    file.chmod(0o600)
    return Addresses(file=file)


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind((HOST, 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@contextmanager
def started(
    label: str, command: Sequence[str], folder: Path, ports: Sequence[int], environment: Mapping[str, str] | None = None
) -> Iterator[int]:
    """A server process; its id once all `ports` accept connections. Raises ServerError."""
    log = folder / f"{label.replace(' ', '-')}.log"
    env = {**os.environ, **(environment or {})}
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True, cwd=folder, env=env)
    try:
        _await_ports(label, process, log, ports)
        _check_loopback(label, process.pid)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_ports(label: str, process: subprocess.Popen[bytes], log: Path, ports: Sequence[int]) -> None:
    deadline = time.monotonic() + START_DEADLINE
    for port in ports:
        while True:
            try:
                socket.create_connection((HOST, port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise ServerError(f"{label} does not start:\n{log.read_text()[-2000:]}") from None
                time.sleep(0.05)


def _target(link: Path) -> str:
    """What a descriptor is, or nothing if it has been closed meanwhile."""
    try:
        return os.readlink(link)
    except FileNotFoundError:
        return ""


def _check_loopback(label: str, pid: int) -> None:
    """Raises ServerError if the process listens on another interface than loopback (/proc/net/tcp, addresses in hex)."""
    own = {_target(link) for link in (PROC / str(pid) / "fd").iterdir()}
    for table, loopback in (("tcp", "0100007F"), ("tcp6", "00000000000000000000000001000000")):
        for row in (PROC / "net" / table).read_text().splitlines()[1:]:
            fields = row.split()
            address, _, port = fields[1].partition(":")
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in own and address != loopback:
                raise ServerError(f"{label} listens on port {int(port, 16)} beyond loopback")
