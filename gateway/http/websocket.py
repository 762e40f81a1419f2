"""Messages come in here: the WebSocket shell around `signaling.methods.Conversation`.

Sanic does the handshake and the frames. Its own assembly of frames into messages is replaced, because it swallows a text
that is not UTF-8 (RFC 6455 section 8.1 wants the connection failed with 1007) and starts a task for each message.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from sanic import Request, Sanic, Websocket
from sanic.exceptions import WebsocketClosed
from websockets.frames import DATA_OPCODES, Frame, Opcode

from gateway.config import SignalingSettings
from gateway.http.origin import Clients
from gateway.signaling.close import CloseReason
from gateway.signaling.conversations import Signaling
from gateway.signaling.methods import connect

_log = logging.getLogger("gateway.signaling")

_NOT_UTF8 = 1007
_INBOX_HIGH = 16
"""Messages waiting to be taken; with more the socket is not read."""
_CLOSE_WAIT = 2.0
"""Seconds that a client has to answer a close frame."""
_PATIENCE = 5.0
"""Seconds after which a socket that is to be closed is cut off, whatever still waits to be read by its client."""


class _Inbox:
    """Whole messages in the order they came. Stands where Sanic's frame assembler stood."""

    def __init__(self, ws: Any) -> None:
        self._ws = ws
        self._parts: list[bytes] = []
        self._text = False
        self._messages: deque[str | bytes] = deque()
        self._ready = asyncio.Event()
        self._closed = False
        ws.assembler = self
        ws.connection_lost_waiter.add_done_callback(lambda _: self.close())

    async def put(self, frame: Frame) -> None:
        """Takes a frame; called by Sanic, one at a time. Their sizes are bounded by WEBSOCKET_MAX_SIZE.

        A ping comes here too, also between the fragments of a message (RFC 6455 section 5.4). It has been answered.
        """
        if frame.opcode not in DATA_OPCODES:
            return
        if frame.opcode is not Opcode.CONT:
            self._text = frame.opcode is Opcode.TEXT
        self._parts.append(bytes(frame.data))
        if not frame.fin:
            return
        data = b"".join(self._parts)
        self._parts.clear()
        try:
            self._messages.append(data.decode() if self._text else data)
        except UnicodeDecodeError:
            self._ws.fail_connection(_NOT_UTF8, "not UTF-8")
            self.close()
            return
        if len(self._messages) >= _INBOX_HIGH:
            self._ws.pause_frames()
        self._ready.set()

    def close(self) -> None:
        self._closed = True
        self._ready.set()

    async def get(self) -> str | bytes | None:
        """The next message; None when there will be none."""
        while not self._messages:
            if self._closed:
                return None
            self._ready.clear()
            await self._ready.wait()
        message = self._messages.popleft()
        if not self._messages:
            self._ws.resume_frames()
        return message


class _Outbox:
    """Messages on their way to one client. Full: the socket is closed, the session lives on without it."""

    def __init__(self, ws: Websocket, limit: int, pause: Callable[[], int]) -> None:
        """`pause`: milliseconds after which a client that was too slow may come back."""
        self._ws = ws
        self._limit = limit
        self._pause = pause
        self._texts: deque[str] = deque()
        self._ready = asyncio.Event()
        self._close: tuple[CloseReason, int | None] | None = None
        self._patience: asyncio.TimerHandle | None = None

    def send(self, text: str) -> None:
        if self._close is not None:
            return
        if len(self._texts) >= self._limit:
            self._texts.clear()
            slow, after_ms = CloseReason.SLOW_CLIENT, self._pause()
            self.close(slow, after_ms)
            self._ws.fail_connection(slow.code, slow.text(after_ms))
            return
        self._texts.append(text)
        self._ready.set()

    def close(self, reason: CloseReason, after_ms: int | None = None) -> None:
        if self._close is None:
            self._close = (reason, after_ms)
            self._ready.set()
            self._patience = asyncio.get_running_loop().call_later(_PATIENCE, self._cut_off)

    def gone(self) -> None:
        """The socket is no more."""
        if self._patience is not None:
            self._patience.cancel()

    def _cut_off(self) -> None:
        protocol = self._ws.io_proto
        if protocol is not None and protocol.transport is not None:
            protocol.transport.abort()

    async def run(self) -> None:
        """Sends what is queued until the socket is closed, from whichever side."""
        try:
            while True:
                await self._ready.wait()
                self._ready.clear()
                while self._texts:
                    await self._ws.send(self._texts.popleft())
                if self._close is not None:
                    reason, after_ms = self._close
                    await self._ws.close(reason.code, reason.text(after_ms))
                    await asyncio.sleep(_CLOSE_WAIT)
                    self._ws.fail_connection()
                    return
        except WebsocketClosed:
            return  # the reader sees the same end


def add_websocket(
    app: Sanic[Any, Any], signaling: Signaling, settings: SignalingSettings, clients: Clients
) -> None:
    """Serves signaling at `/ws`."""
    app.config.WEBSOCKET_MAX_SIZE = settings.message_bytes

    async def handle(request: Request[Any, Any], ws: Websocket) -> None:
        peer = clients.address(request)
        inbox = _Inbox(ws)
        outbox = _Outbox(ws, settings.outbox_messages, signaling.pause)
        writer = asyncio.create_task(outbox.run())
        conversation = connect(signaling, outbox, peer)
        try:
            while (frame := await inbox.get()) is not None:
                if conversation is not None:
                    await conversation.receive(frame)
        except Exception:
            _log.exception("conversation failed client=%s", peer)
            outbox.close(CloseReason.INTERNAL_ERROR)
            await writer
        finally:
            if conversation is not None:
                conversation.lost()
            writer.cancel()
            outbox.gone()

    app.add_websocket_route(handle, "/ws")
