"""Real browsers as clients of the gateway: started, told what to do, and ended with everything that belongs to them.

A browser's camera shows a moving test picture and its microphone hears beeps; nobody is asked for permission.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.tools import ROOT, TOOLS, MissingProgramError, program

START = 45.0
"""Seconds that a browser may take to start on a busy machine."""
DEADLINE = 30.0
"""Seconds that an order may take at most."""
_LINE = 8 << 20
"""Bytes that one answer may have."""
_UNTIL = """(async () => {
  for (const end = performance.now() + %d; performance.now() < end; await new Promise((done) => setTimeout(done, 50))) {
    const value = await (%s);
    if (value) return value;
  }
})()"""
_EXECUTABLES = {"chromium": "chromium", "firefox": "firefox-esr"}
_PACKAGES = TOOLS / "npm" / "test"


class PageError(Exception):
    """The page, or the browser, failed at an order."""


class Page:
    """One tab, which shares nothing with the others."""

    def __init__(self, browser: Browser, number: int) -> None:
        self._browser = browser
        self._number = number
        self.said: list[str] = []
        """What it wrote to its console, or failed with, so far."""

    async def evaluate(self, expression: str, deadline: float = DEADLINE) -> Any:
        """The value of a JavaScript expression; a promise's value if it is one. Raises PageError, TimeoutError."""
        return await self._browser.order("evaluate", deadline, page=self._number, expression=expression)

    async def until(self, expression: str, deadline: float = DEADLINE) -> Any:
        """Waits until an expression has a value that is not false, null, 0 or ""; that value. Raises AssertionError."""
        try:
            value = await self.evaluate(_UNTIL % (1000 * deadline, expression), deadline + DEADLINE)
        except PageError as error:
            raise AssertionError("\n".join((f"until {expression}: {error}", *self.said[-20:]))) from None
        if not value:
            raise AssertionError("\n".join((f"not in {deadline:g} s: {expression}", *self.said[-20:])))
        return value

    async def press(self, key: str) -> None:
        """Presses a key, by its name in JavaScript: `Tab`, `Enter`, `a`."""
        await self._browser.order("press", page=self._number, key=key)

    async def resize(self, width: int, height: int) -> None:
        """Gives the tab another size, in CSS pixels."""
        await self._browser.order("resize", page=self._number, width=width, height=height)

    async def picture(self, path: Path) -> None:
        """Writes what it shows to a PNG file."""
        await self._browser.order("picture", page=self._number, path=str(path))

    async def close(self) -> None:
        """Closes the tab, as a user does."""
        await self._browser.order("close", page=self._number)


class Browser:
    """A browser that runs."""

    def __init__(self, driver: Process) -> None:
        self._driver = driver
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {0: asyncio.get_running_loop().create_future()}
        self._pages: dict[int, Page] = {}
        self._reader = asyncio.create_task(self._read())
        self.pid = 0
        self.version = ""

    async def ready(self) -> None:
        """Waits until it has started. Raises PageError with what it says if it does not."""
        async with asyncio.timeout(START):
            about = await self._answers[0]
        self.pid, self.version = about["pid"], about["version"]

    async def open(self, url: str, before: str = "") -> Page:
        """Opens an address in a new tab; `before` is a script that runs ahead of the page's own."""
        number = next(self._numbers)
        page = self._pages[number] = Page(self, number)
        await self.order("open", page=number, url=url, before=before)
        return page

    async def order(self, do: str, deadline: float = DEADLINE, **rest: Any) -> Any:
        """Has the driver do something. Raises PageError, TimeoutError."""
        assert self._driver.stdin is not None
        id = next(self._numbers)
        answer = self._answers[id] = asyncio.get_running_loop().create_future()
        self._driver.stdin.write(json.dumps({"id": id, "do": do, **rest}).encode() + b"\n")
        try:
            async with asyncio.timeout(deadline):
                return await answer
        finally:
            self._answers.pop(id, None)

    def kill(self) -> None:
        """Ends it from one moment to the next, as a crash does."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    async def end(self) -> None:
        """Ends it and its driver, and all their processes."""
        self.kill()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._driver.pid, signal.SIGKILL)
        await self._driver.wait()
        await self._reader

    async def _read(self) -> None:
        assert self._driver.stdout is not None
        async for line in self._driver.stdout:
            message = json.loads(line)
            if "said" in message:
                self._pages[message["page"]].said.append(message["said"])
            elif (answer := self._answers.get(message["id"])) is not None and not answer.done():
                if "error" in message:
                    answer.set_exception(PageError(message["error"]))
                else:
                    answer.set_result(message["result"])
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(PageError("the browser's driver has ended"))


@asynccontextmanager
async def browsing(name: str, *flags: str) -> AsyncIterator[Browser]:
    """A `chromium` or a `firefox` that runs for as long as the block. `flags` are further ones of its command line."""
    try:
        executable = program(_EXECUTABLES[name])
    except MissingProgramError as error:
        if sys.platform == "darwin":
            pytest.skip(str(error))
        raise
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as folder:
        # Profiles, caches and sockets go where they are removed whatever happens.
        environment = os.environ | dict.fromkeys(("TMPDIR", "HOME", "XDG_RUNTIME_DIR"), folder) | {"LANG": "C.UTF-8"}
        driver = await asyncio.create_subprocess_exec(
            program("node"), ROOT / "tests/support/browser.mjs", _PACKAGES, name, executable, *flags,
            stdin=PIPE, stdout=PIPE, env=environment, limit=_LINE, start_new_session=True,
        )  # fmt: skip
        browser = Browser(driver)
        try:
            await browser.ready()
            yield browser
        finally:
            await browser.end()
