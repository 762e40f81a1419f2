"""A real Prometheus and a real Alertmanager on loopback, with the rules that are delivered, and who hears of alerts.

Only times are shortened: a look each half second, no waiting before an alert fires or before it is told.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import shutil
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.support.ports import HOST, free_port
from tests.support.programs import started
from tests.support.tools import ROOT, program

MONITORING = ROOT / "monitoring"
DEADLINE = 60.0
"""Seconds that anything may take at most."""
_LOOK = "500ms"
_PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class Sample:
    """One series of an answer."""

    labels: dict[str, str]
    value: float


class Prometheus:
    """A server that scrapes and judges."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def query(self, expr: str) -> list[Sample]:
        """What an expression is now. Raises AssertionError with what Prometheus says if it cannot be evaluated."""
        response = await self._http.get("/api/v1/query", params={"query": expr})
        assert response.status_code == 200, (expr, response.text)
        result = response.json()["data"]["result"]
        return [Sample(one["metric"], float(one["value"][1])) for one in result]

    async def until(self, expr: str, true: Callable[[list[Sample]], bool] = bool) -> list[Sample]:
        """Waits until the answer is like this. Raises TimeoutError that names the expression and the last answer."""
        found: list[Sample] = []
        try:
            async with asyncio.timeout(DEADLINE):
                while not true(found := await self.query(expr)):  # noqa: ASYNC110 - Prometheus announces nothing
                    await asyncio.sleep(_PAUSE)
        except TimeoutError:
            raise TimeoutError(f"{expr} is {found}") from None
        return found

    async def numbers(self, expr: str) -> list[Sample]:
        """Waits until the answer holds numbers, and returns these."""
        found = await self.until(expr, lambda found: any(not math.isnan(one.value) for one in found))
        return [one for one in found if not math.isnan(one.value)]


@dataclass
class Inbox:
    """Somebody who is told of alerts: Alertmanager's webhook."""

    alerts: list[dict[str, Any]] = field(default_factory=list)
    """Every alert of every notification, with the receiver's name, in order."""
    port: int = 0
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def hears(self, name: str, status: str) -> dict[str, Any]:
        """Waits for an alert that is `firing` or `resolved`."""
        async with asyncio.timeout(DEADLINE), self._news:
            while True:
                for alert in self.alerts:
                    if (alert["labels"]["alertname"], alert["status"]) == (name, status):
                        return alert
                await self._news.wait()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one connection's requests."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                told = json.loads(await reader.readexactly(int(lengths[0].split(b":")[1])))
                async with self._news:
                    self.alerts += [alert | {"receiver": told["receiver"]} for alert in told["alerts"]]
                    self._news.notify_all()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def watching(folder: Path, target: str) -> AsyncIterator[tuple[Prometheus, Inbox]]:
    """Prometheus scrapes `target` (HOST:PORT), Alertmanager tells the inbox."""
    inbox = Inbox()
    server = await asyncio.start_server(inbox.take, HOST, 0)
    inbox.port = server.sockets[0].getsockname()[1]
    own, alerts = free_port(), free_port()
    settings = _prepared(folder, target, alerts, inbox.port)
    prometheus = (
        f"--config.file={settings / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={HOST}:{own}", "--log.level=warn",
    )  # fmt: skip
    alertmanager = (
        f"--config.file={settings / 'alertmanager.yml'}", f"--storage.path={folder / 'alerts'}",
        f"--web.listen-address={HOST}:{alerts}", "--cluster.listen-address=", "--log.level=warn",
    )  # fmt: skip
    http = httpx.AsyncClient(trust_env=False, base_url=f"http://{HOST}:{own}", timeout=10)
    async with server, started("prometheus", *prometheus), started("prometheus-alertmanager", *alertmanager), http:
        for port in (own, alerts):
            await _ready(http, f"http://{HOST}:{port}/-/ready")
        yield Prometheus(http), inbox


async def ask(name: str, *words: str | Path, stdin: bytes = b"") -> tuple[int, str]:
    """Runs `promtool` or `amtool` to its end: exit code, and all that it says."""
    process = await asyncio.create_subprocess_exec(program(name), *words, stdin=PIPE, stdout=PIPE, stderr=STDOUT)
    try:
        async with asyncio.timeout(DEADLINE):
            said, _ = await process.communicate(stdin)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, said.decode()


def _prepared(folder: Path, target: str, alertmanager: int, webhook: int) -> Path:
    """A copy of what is delivered, with other times and addresses."""
    copy = folder / "monitoring"
    shutil.copytree(MONITORING / "rules", copy / "rules")
    alerts = copy / "rules" / "alerts.yml"
    alerts.write_text(re.sub(r"\bfor: \w+", "for: 1s", alerts.read_text("utf-8")), "utf-8")
    settings = yaml.safe_load((MONITORING / "prometheus.yml").read_text("utf-8"))
    settings["global"] = {"scrape_interval": _LOOK, "scrape_timeout": _LOOK, "evaluation_interval": _LOOK}
    settings["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    settings["alerting"]["alertmanagers"][0]["static_configs"] = [{"targets": [f"{HOST}:{alertmanager}"]}]
    (copy / "prometheus.yml").write_text(yaml.safe_dump(settings), "utf-8")
    routing = yaml.safe_load((MONITORING / "alertmanager.yml").read_text("utf-8"))
    routing["route"] |= {"group_wait": "50ms", "group_interval": "200ms"}
    for receiver in routing["receivers"]:
        receiver["webhook_configs"] = [{"url": f"http://{HOST}:{webhook}/{receiver['name']}"}]
    (copy / "alertmanager.yml").write_text(yaml.safe_dump(routing), "utf-8")
    return copy


async def _ready(http: httpx.AsyncClient, url: str) -> None:
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                if (await http.get(url)).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(_PAUSE)
