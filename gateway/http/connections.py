"""How an HTTP connection ends: what was said last is heard also by one who was still sending (RFC 9112 section 9.6).

A socket that is closed while bytes wait in it answers with a reset, and a reset takes the answer away from a sender that has
not read it. So this side says no more, and reads on for a little while.
"""

from __future__ import annotations

import asyncio
from typing import Any

from sanic.server.protocols.websocket_protocol import WebSocketProtocol

from gateway.config import MIB

_PATIENCE = 2.0
"""Seconds that the other side has to read the answer and close."""
_DISCARDED = 1 * MIB
"""Bytes that are read in this time, and thrown away."""


class Connection(WebSocketProtocol):
    """One connection of Sanic's. WebSockets end by their own rules, and TLS has no half-closed connections here."""

    __slots__ = ("_discarded", "_end")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._discarded = 0
        self._end: asyncio.TimerHandle | None = None

    def close(self, timeout: float | None = None) -> None:
        transport = self.transport
        if self._end is not None or transport is None or transport.is_closing():
            return
        if self.websocket is not None or not transport.can_write_eof():
            super().close(timeout)
            return
        try:
            transport.write_eof()
        except OSError:  # the other side has gone, which is not told here before it is noticed
            super().close(timeout)
            return
        self._end = self.loop.call_later(_PATIENCE, self._over)
        transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self._end is None:
            super().data_received(data)  # type: ignore[no-untyped-call]
            return
        self._discarded += len(data)
        if self._discarded > _DISCARDED:
            self._over()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(exc)  # type: ignore[no-untyped-call]

    def _over(self) -> None:
        super().close()
