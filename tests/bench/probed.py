"""The gateway with a probe in its loop: `GET /held` tells for how long others had it, at the longest since it was last asked.

A timer of a millisecond that comes late was held up by what the loop's thread did meanwhile. How late it was is told as well
(`late`): that is what clients feel, and on a machine that has other things to do it is the machine's doing, too. Otherwise
this is `gateway serve --config FILE`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import uvloop
from sanic import HTTPResponse, Request
from sanic.response import json

from gateway.app import Gateway
from gateway.config import Config
from gateway.config.checks import for_serving
from gateway.config.sources import load
from gateway.logs import set_up_logging

TICK = 0.001
"""Seconds."""


class Probe:
    """Looks at the loop every millisecond."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._held = self._late = 0.0
        self._due = time.monotonic()
        self._cpu = time.thread_time()
        self._tick()

    def _tick(self) -> None:
        now, cpu = time.monotonic(), time.thread_time()  # the loop's own time stands still in a turn
        late = max(0.0, now - self._due)
        self._late = max(self._late, late)
        self._held = max(self._held, min(late, cpu - self._cpu))
        self._due, self._cpu = now + TICK, cpu
        self._loop.call_later(TICK, self._tick)

    async def tell(self, request: Request[Any, Any]) -> HTTPResponse:
        """Seconds, and begins anew."""
        told = {"held": self._held, "late": self._late}
        self._held = self._late = 0.0
        return json(told)


async def _serve(config: Config) -> None:
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    gateway = Gateway(config)
    gateway.http.app.add_route(Probe().tell, "/held", name="held")
    await gateway.start()
    await over.wait()
    await gateway.stop()


def main() -> None:
    """Serves until it is told to stop."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--config", type=Path, required=True)
    set_up_logging("warning", "text")
    uvloop.run(_serve(for_serving(load({}, os.environ, options.parse_args().config).config)))


if __name__ == "__main__":
    main()
