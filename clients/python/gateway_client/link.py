"""One WebRTC connection that stays: it is made anew, with pauses, for as long as its stream is wanted.

aiortc cannot restart ICE, so a broken connection is always replaced. What a connection carries, and how descriptions get to the
gateway and back, stands in `casts.py`.
"""

from __future__ import annotations

import asyncio
import logging
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from aiortc import RTCBundlePolicy, RTCConfiguration, RTCIceServer, RTCPeerConnection
from aiortc.exceptions import InvalidStateError
from aiortc.exceptions import OperationError as NegotiationError

from .errors import CONNECT_FAILED, PASSING, STREAM_ID_TAKEN, CallError
from .session import pause

CONNECT = 8.0
"""Seconds that a connection may take once its descriptions are there."""
LASTING = 5.0
"""A connection that ends sooner was none: the next one is made as if that had failed."""

_log = logging.getLogger(__name__)


class Link(ABC):
    """A stream's connection. `start` it, tell it what the gateway says of it, `close` it."""

    def __init__(self, stream_id: str, ice_servers: Sequence[dict[str, Any]]) -> None:
        self.stream_id = stream_id
        self.ice_servers = ice_servers
        self.connection: RTCPeerConnection | None = None
        self._broken = asyncio.Event()
        self._cause: CallError | None = None
        self._task: asyncio.Task[None] | None = None
        self._mending = True
        self._closing: set[asyncio.Task[None]] = set()

    # What kinds of connections differ in ---------------------------------------------------------------------------

    @abstractmethod
    async def negotiate(self, connection: RTCPeerConnection) -> None:
        """Prepares a new connection and exchanges descriptions. Raises CallError."""

    @abstractmethod
    async def connected(self, connection: RTCPeerConnection) -> None:
        """The connection stands."""

    @abstractmethod
    def interrupted(self, error: CallError) -> None:
        """It is being made anew."""

    @abstractmethod
    def ended(self, error: CallError) -> None:
        """It cannot be made: nothing more is tried."""

    # ---------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._task = asyncio.create_task(self._stay())

    def renew(self, cause: CallError) -> None:
        """The connection is no more, or what it belongs to is another one now."""
        self._cause = cause
        self._broken.set()

    def told(self, code: int, message: str) -> None:
        """The gateway says what is wrong with the stream. While a connection is made, that is about the one before."""
        passing = code in PASSING
        if code and not (passing and self._mending):
            self.renew(CallError(code, "TOLD", message, "now" if passing else "never"))

    async def close(self) -> None:
        """Ends it; the gateway is not told by this."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._drop()
        if self._closing:
            await asyncio.wait(self._closing)

    async def _stay(self) -> None:
        attempt = 0
        cause: CallError | None = None
        while True:
            if cause is None:
                cause, lasted = await self._once()
                attempt = 0 if lasted else attempt
            if cause.retry == "never" or cause.code == STREAM_ID_TAKEN:
                await self._drop()
                self.ended(cause)
                return
            self.interrupted(cause)
            wait = cause.after if cause.after is not None else pause(attempt, random.random())
            attempt += 1
            _log.info("connection lost stream=%r cause=%s again_in=%.1f", self.stream_id, cause, wait)
            cause = await self._rest(wait)

    async def _once(self) -> tuple[CallError, bool]:
        """One connection, from its making to its end. Returns why it ended, and whether it was there for a while."""
        self._broken.clear()
        self._cause = None
        lasted = False
        try:
            await self._connect()
            self._mending = False
            lasted = await self._lasts()
            cause = self._cause or CallError(CONNECT_FAILED, "CONNECT_FAILED")
        except CallError as error:
            cause = self._cause or error
        self._mending = True
        return cause, lasted

    async def _rest(self, seconds: float) -> CallError | None:
        """Waits before the next attempt. Returns what was heard of the stream meanwhile, at once."""
        self._cause = None
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._cause is None:
                    self._broken.clear()
                    await self._broken.wait()
        return self._cause

    async def _connect(self) -> None:
        """A connection that stands. Raises CallError."""
        servers = [RTCIceServer(**server) for server in self.ice_servers]
        connection = RTCPeerConnection(RTCConfiguration(servers, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        await self._drop()
        self.connection = connection
        changed = asyncio.Event()
        connection.on("connectionstatechange", changed.set)
        try:
            await self.negotiate(connection)
            async with asyncio.timeout(CONNECT):
                while connection.connectionState != "connected":
                    if connection.connectionState in ("failed", "closed"):
                        raise CallError(CONNECT_FAILED, "CONNECT_FAILED")
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            raise CallError(CONNECT_FAILED, "CONNECT_FAILED", "in time") from None
        except (InvalidStateError, NegotiationError, ValueError) as error:
            raise CallError(CONNECT_FAILED, "CONNECT_FAILED", str(error)) from error
        connection.on("connectionstatechange", lambda: self._watch(connection))
        await self.connected(connection)

    def _watch(self, connection: RTCPeerConnection) -> None:
        if connection is self.connection and connection.connectionState in ("failed", "closed"):
            self._broken.set()

    async def _lasts(self) -> bool:
        """Waits for the connection's end. Returns whether it was there for a while."""
        try:
            async with asyncio.timeout(LASTING):
                await self._broken.wait()
            return False
        except TimeoutError:
            await self._broken.wait()
            return True

    async def _drop(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            closing = asyncio.create_task(connection.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            await asyncio.shield(closing)  # aiortc must not be cancelled in the middle of it
