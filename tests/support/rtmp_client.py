"""An RTMP client for tests: a core without I/O, and an asyncio shell that publishes, plays and misbehaves.

It shares the chunk reader and AMF with the server; that both are right is settled by tests with literal bytes and with
other people's clients. Its chunk writer is its own, because it has to use all four header formats.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from adapters.rtmp import amf0
from adapters.rtmp.chunks import DEFAULT_CHUNK_BYTES, ChunkLimits, ChunkReader
from adapters.rtmp.commands import Command, command, command_of
from adapters.rtmp.handshake import CLIENT_KEY, PACKET_SIZE, sign
from adapters.rtmp.messages import (
    AMF0_COMMAND,
    AMF0_DATA,
    AUDIO,
    SET_CHUNK_SIZE,
    USER_CONTROL,
    VIDEO,
    Message,
    UserControl,
    set_chunk_size,
    user_control,
)

DEADLINE = 20.0
"""Seconds for which a client waits for anything. A server may hold a publisher back for some before it answers."""
_LIMITS = ChunkLimits(1 << 24, 1 << 20, 1 << 25, 64)
_CHUNK_STREAMS = {AUDIO: 4, VIDEO: 6, AMF0_DATA: 5, AMF0_COMMAND: 3}


class RtmpRefusedError(Exception):
    """The server answered with an error."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(code, description)
        self.code = code
        self.description = description


class RtmpClosedError(Exception):
    """The server closed the connection."""


class CompactWriter:
    """Messages in, chunks out, each header as short as its predecessor allows."""

    def __init__(self) -> None:
        self.chunk_bytes = DEFAULT_CHUNK_BYTES
        self._last: dict[int, tuple[Message, int]] = {}
        """By chunk stream: the message before, and its delta as a type 3 chunk would repeat it."""

    def chunks(self, message: Message, csid: int | None = None) -> list[bytes]:
        """The chunks of one message; chunks of other messages may be put between them."""
        if csid is None:
            csid = _CHUNK_STREAMS.get(message.type_id, 2)
        head = self._header(csid, message)
        body, size = message.body, self.chunk_bytes
        pieces = [head + body[:size]]
        joint = _basic(3, csid) + (head[-4:] if self._extended(csid) else b"")
        pieces += [joint + body[start : start + size] for start in range(size, len(body), size)]
        if message.type_id == SET_CHUNK_SIZE:
            self.chunk_bytes = int.from_bytes(body[:4])
        return pieces

    def write(self, message: Message, csid: int | None = None) -> bytes:
        """All chunks of one message."""
        return b"".join(self.chunks(message, csid))

    def _extended(self, csid: int) -> bool:
        return self._last[csid][1] >= 0xFFFFFF

    def _header(self, csid: int, message: Message) -> bytes:
        type_id, msid, timestamp, body = message
        last, repeated = self._last.get(csid, (None, 0))
        same = last is not None and last.msid == msid and timestamp >= last.timestamp
        field = timestamp - last.timestamp if same and last else timestamp
        fmt = 0
        if same and last is not None:
            alike = last.type_id == type_id and len(last.body) == len(body)
            fmt = 1 if not alike else 2 if field != repeated else 3
        self._last[csid] = message, field
        extended = field.to_bytes(4) if field >= 0xFFFFFF else b""
        parts = [min(field, 0xFFFFFF).to_bytes(3), len(body).to_bytes(3) + bytes((type_id,)), msid.to_bytes(4, "little")]
        return _basic(fmt, csid) + b"".join(parts[: 3 - fmt]) + extended


def _basic(fmt: int, csid: int) -> bytes:
    """Basic header, in one, two or three bytes (section 5.3.1.1)."""
    if csid < 64:
        return bytes((fmt << 6 | csid,))
    if csid < 320:
        return bytes((fmt << 6, csid - 64))
    return bytes((fmt << 6 | 1,)) + (csid - 64).to_bytes(2, "little")


@dataclass(slots=True)
class ClientConnection:
    """The client's side of one connection, without I/O."""

    complex_handshake: bool = False
    writer: CompactWriter = field(default_factory=CompactWriter)
    reader: ChunkReader = field(default_factory=lambda: ChunkReader(_LIMITS))
    answers_pings: bool = True
    _greeting: bytes = b""
    _shaken: bool = False
    _out: list[bytes] = field(default_factory=list)

    def start(self) -> bytes:
        """C0 and C1."""
        c1 = bytes(8) + bytes(number % 251 for number in range(PACKET_SIZE - 8))
        if self.complex_handshake:
            c1 = sign(c1[:4] + bytes((9, 0, 124, 2)) + c1[8:], 0, CLIENT_KEY)
        return b"\x03" + c1

    def receive(self, data: bytes) -> list[Message]:
        """The messages in what the server sent; `take` has what must be sent back (C2, ping replies)."""
        if not self._shaken:
            self._greeting += data
            if len(self._greeting) < 1 + 2 * PACKET_SIZE:
                return []
            self._out.append(self._greeting[1 : 1 + PACKET_SIZE])
            self._shaken = True
            data, self._greeting = self._greeting[1 + 2 * PACKET_SIZE :], b""
        messages = self.reader.receive(data)
        for message in messages:
            asks = message.type_id == USER_CONTROL and message.body[:2] == UserControl.PING_REQUEST.to_bytes(2)
            if asks and self.answers_pings:
                self._out.append(self.writer.write(user_control(UserControl.PING_RESPONSE, message.body[2:6])))
        return messages

    @property
    def shaken(self) -> bool:
        """True once the handshake is over."""
        return self._shaken

    def take(self) -> bytes:
        """What has to be sent now."""
        out, self._out = b"".join(self._out), []
        return out


class RtmpClient:
    """One RTMP connection to a server under test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, core: ClientConnection) -> None:
        self._reader = reader
        self._socket = writer
        self.core = core
        self.msid = 0
        self.name = ""
        self.status: list[str] = []
        """The codes of all onStatus messages so far, in order."""
        self.received: list[Message] = []
        """Messages that came and were not asked for yet."""
        self._transaction = 1

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        app: str = "live",
        *,
        chunk_bytes: int = 4096,
        complex_handshake: bool = False,
        object_encoding: float = 0.0,
    ) -> RtmpClient:
        """Opens a connection, shakes hands and sends `connect`. `chunk_bytes` is announced before it."""
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), DEADLINE)
        client = cls(reader, writer, ClientConnection(complex_handshake))
        writer.write(client.core.start())
        while not client.core.shaken:
            await client._pump()
        if chunk_bytes != DEFAULT_CHUNK_BYTES:
            client.send(set_chunk_size(chunk_bytes))
        members = {"app": app, "tcUrl": f"rtmp://{host}:{port}/{app}", "objectEncoding": object_encoding}
        await client.call("connect", members)
        return client

    # Talking --------------------------------------------------------------------------------------------------------

    def send(self, message: Message, csid: int | None = None) -> None:
        """Sends any message."""
        self._socket.write(self.core.writer.write(message, csid))

    def send_bytes(self, data: bytes) -> None:
        """Sends any bytes, chunks or not."""
        self._socket.write(data)

    def send_command(self, name: str, *values: object, transaction: float = 0.0, msid: int | None = None) -> None:
        """Sends a command without waiting for an answer; values begin with the command object."""
        self.send(command(self.msid if msid is None else msid, name, transaction, *values))

    async def call(self, name: str, *values: object, msid: int = 0) -> list[object]:
        """Sends a command and returns the values of its `_result`. Raises RtmpRefusedError for an `_error`."""
        self._transaction += 1
        transaction = float(self._transaction)
        self.send_command(name, *values, transaction=transaction, msid=msid)
        while True:
            found = await self._next_command()
            if found.transaction == transaction and found.name in ("_result", "_error"):
                if found.name == "_error":
                    raise _refusal(found)
                return found.values

    async def create_stream(self) -> int:
        """Makes a message stream and uses it from now on."""
        number = (await self.call("createStream", None))[1]
        assert isinstance(number, float)
        self.msid = int(number)
        return self.msid

    async def publish(self, name: str) -> None:
        """Publishes `STREAM?key=KEY`. Raises RtmpRefusedError."""
        self.name = name
        self.send_command("releaseStream", None, name, msid=0)
        self.send_command("FCPublish", None, name, msid=0)
        await self.create_stream()
        self.send_command("publish", None, name, "live")
        await self.wait_for_status("NetStream.Publish.Start")

    async def play(self, name: str) -> None:
        """Plays `STREAM?key=KEY`. Raises RtmpRefusedError."""
        self.name = name
        await self.create_stream()
        self.send_command("play", None, name, -2000.0)
        await self.wait_for_status("NetStream.Play.Start")

    async def wait_for_status(self, code: str) -> None:
        """Waits until the server says `code`. Raises RtmpRefusedError if it says an error."""
        while True:
            found = await self._next_command()
            if found.name == "onStatus":
                information = _information(found)
                if information.get("level") == "error":
                    raise _refusal(found)
                if information.get("code") == code:
                    return

    async def wait_for_refusal(self) -> RtmpRefusedError:
        """Waits until the server says an error, and returns it."""
        while True:
            found = await self._next_command()
            if _information(found).get("level") == "error":
                return _refusal(found)

    def send_audio(self, timestamp: int, body: bytes) -> None:
        """Sends the body of an FLV audio tag."""
        self.send(Message(AUDIO, self.msid, timestamp & 0xFFFFFFFF, body))

    def send_video(self, timestamp: int, body: bytes) -> None:
        """Sends the body of an FLV video tag."""
        self.send(Message(VIDEO, self.msid, timestamp & 0xFFFFFFFF, body))

    def send_metadata(self, values: dict[str, object]) -> None:
        """Sends `onMetaData` as encoders do."""
        body = amf0.encode(("@setDataFrame", "onMetaData", amf0.EcmaArray(values)))
        self.send(Message(AMF0_DATA, self.msid, 0, body))

    # Hearing --------------------------------------------------------------------------------------------------------

    async def messages(self, deadline: float = DEADLINE) -> AsyncIterator[Message]:
        """All messages as they come, until the server closes. Raises TimeoutError when none came for `deadline` s."""
        while True:
            while self.received:
                message = self.received.pop(0)
                self._note(message)
                yield message
            try:
                await self._pump(deadline)
            except RtmpClosedError:
                return

    async def media(self, count: int, deadline: float = DEADLINE) -> list[Message]:
        """The next `count` audio and video messages."""
        found: list[Message] = []
        async for message in self.messages(deadline):
            if message.type_id in (AUDIO, VIDEO):
                found.append(message)
                if len(found) == count:
                    return found
        raise RtmpClosedError(f"closed after {len(found)} of {count} media messages")

    async def wait_closed(self, deadline: float = DEADLINE) -> None:
        """Reads on until the server has closed; codes go to `status`."""
        async with asyncio.timeout(deadline):
            async for _ in self.messages(deadline):
                pass

    async def flush(self) -> None:
        """Waits until the kernel has taken what was sent."""
        await self._socket.drain()

    # Leaving --------------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Says goodbye properly, then closes."""
        self.send_command("FCUnpublish", None, self.name, msid=0)
        self.send_command("deleteStream", None, float(self.msid), msid=0)
        await self.drop()

    async def drop(self) -> None:
        """Closes without a word (FIN)."""
        self._socket.close()
        try:
            await self._socket.wait_closed()
        except ConnectionError:
            pass

    async def reset(self) -> None:
        """Breaks the connection off (RST)."""
        sock = self._socket.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.transport.abort()
        await asyncio.sleep(0)

    def stop_reading(self) -> None:
        """From now on the client takes nothing more: its socket fills up."""
        transport = self._socket.transport
        assert isinstance(transport, asyncio.ReadTransport)
        transport.pause_reading()

    # ----------------------------------------------------------------------------------------------------------------

    async def _pump(self, deadline: float = DEADLINE) -> None:
        """Reads once."""
        try:
            data = await asyncio.wait_for(self._reader.read(1 << 16), deadline)
        except ConnectionError as error:
            data = bytes(self._reader._buffer)  # type: ignore[attr-defined]  # a reset takes nothing back that came before it
            self._reader._buffer.clear()  # type: ignore[attr-defined]
            if not data:
                raise RtmpClosedError("reset") from error
        if not data:
            raise RtmpClosedError("closed")
        self.received += self.core.receive(data)
        if out := self.core.take():
            self._socket.write(out)

    async def _next_command(self) -> Command:
        """The next command; media before it is kept."""
        index = 0
        while True:
            while index < len(self.received):
                message = self.received[index]
                if message.type_id == AMF0_COMMAND:
                    del self.received[index]
                    self._note(message)
                    return command_of(message)
                index += 1
            await self._pump()

    def _note(self, message: Message) -> None:
        if message.type_id == AMF0_COMMAND:
            found = command_of(message)
            if found.name == "onStatus":
                self.status.append(str(_information(found).get("code")))


def _information(found: Command) -> dict[str, object]:
    value = found.values[1] if len(found.values) > 1 else None
    return value if isinstance(value, dict) else {}


def _refusal(found: Command) -> RtmpRefusedError:
    information = _information(found)
    return RtmpRefusedError(str(information.get("code")), str(information.get("description")))
