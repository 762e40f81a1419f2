"""Chunks: how messages of several kinds share one connection. Adobe RTMP 1.0 section 5.3.

A message is cut into chunks; each chunk's header says as little as its predecessor on the same chunk stream allows (four
formats). The reader keeps what that needs, whole messages come out of it, in the order in which they end. It carries out
the two control messages that concern chunks themselves (set chunk size, abort) and hands on all others. The writer uses
only the full header: what it makes depends on nothing before, so the same bytes serve every player.

Every read has a limit. Pure, and the hot path of every publisher: one slice per message where it fits in one chunk.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.rtmp.errors import LocalProtocolError, RemoteProtocolError, Violation
from adapters.rtmp.messages import ABORT, AGGREGATE, AUDIO, SET_CHUNK_SIZE, VIDEO, Message, uint32_of

DEFAULT_CHUNK_BYTES = 128
MAX_CHUNK_BYTES = 0xFFFFFF
"""No message is longer (section 5.4.1)."""
EXTENDED = 0xFFFFFF
"""A timestamp field with this value says that four more bytes follow the header."""
_CLOCK_MASK = 0xFFFFFFFF
_LARGE_TYPES = frozenset((AUDIO, VIDEO, AGGREGATE))

CONTROL_CHUNK_STREAM = 2
COMMAND_CHUNK_STREAM = 3
_MEDIA_CHUNK_STREAMS = {AUDIO: 4, VIDEO: 6}
_DATA_CHUNK_STREAM = 5


@dataclass(frozen=True, slots=True)
class ChunkLimits:
    """What one peer may make the reader hold."""

    message_bytes: int
    """Largest audio, video or aggregate message."""
    command_bytes: int
    """Largest message of any other type."""
    unfinished_bytes: int
    """Bytes of messages begun and not ended, over all chunk streams."""
    chunk_streams: int
    """Chunk streams that may be used."""


class _ChunkStream:
    """What the next header on one chunk stream builds on."""

    __slots__ = ("delta", "extended", "length", "msid", "partial", "timestamp", "type_id")

    def __init__(self) -> None:
        self.timestamp = 0
        self.delta = 0
        self.extended = b""
        """The four bytes of an extended timestamp as they came; empty if the last full header had none."""
        self.length = 0
        self.type_id = 0
        self.msid = 0
        self.partial = bytearray()


class ChunkReader:
    """Bytes in, whole messages out."""

    def __init__(self, limits: ChunkLimits) -> None:
        self._limits = limits
        self._streams: dict[int, _ChunkStream] = {}
        self._chunk_bytes = DEFAULT_CHUNK_BYTES
        self._rest = b""
        """The beginning of a header: at most 17 bytes."""
        self._current: _ChunkStream | None = None
        """The chunk stream whose chunk is being read."""
        self._due = 0
        """Bytes of that chunk still to come."""
        self._unfinished = 0
        self.unfinished_limit = limits.unfinished_bytes
        """The limit in force; may be lowered for a peer that is not known yet, and raised later."""
        self.failure: RemoteProtocolError | None = None
        """What the peer did wrong; the messages before it have been handed out."""

    @property
    def chunk_bytes(self) -> int:
        """The chunk size that the peer has set."""
        return self._chunk_bytes

    @property
    def unfinished_bytes(self) -> int:
        """Bytes held of messages that are begun and not ended."""
        return self._unfinished

    def receive(self, data: bytes) -> list[Message]:
        """The messages that end in `data`. Once the peer has gone wrong, `failure` says how and nothing more is read."""
        messages: list[Message] = []
        if self.failure is None:
            try:
                self._read(self._rest + data if self._rest else data, messages)
            except RemoteProtocolError as error:
                self.failure = error
        return messages

    def _read(self, buffer: bytes, messages: list[Message]) -> None:
        position, size = 0, len(buffer)
        while position < size:
            stream = self._current
            if stream is None:
                after = self._read_header(buffer, position, size)
                stream = self._current
                if stream is None:
                    break
                position = after
            end = min(position + self._due, size)
            taken = end - position
            length = stream.length
            if taken == length:
                body = buffer[position:end]
            else:
                partial = stream.partial
                partial += buffer[position:end]
                self._unfinished += taken
                if len(partial) < length:
                    position = end
                    self._stop_short(taken)
                    continue
                self._unfinished -= length
                body = bytes(partial)
                stream.partial = bytearray()
            position = end
            self._current = None
            type_id = stream.type_id
            if type_id > ABORT:
                messages.append(Message(type_id, stream.msid, stream.timestamp, body))
            else:
                self._control(type_id, body)
        self._rest = buffer[position:]

    def _stop_short(self, taken: int) -> None:
        """A message goes on: in this chunk when more bytes come, or in another one."""
        if self._unfinished > self.unfinished_limit:
            raise RemoteProtocolError(Violation.UNFINISHED_BYTES, f"{self._unfinished} bytes of unfinished messages")
        self._due -= taken
        if not self._due:
            self._current = None

    def _read_header(self, buffer: bytes, position: int, size: int) -> int:
        """Reads one chunk header and makes its chunk stream the current one; returns where the chunk's content begins.

        With too few bytes it changes nothing and leaves the current chunk stream None.
        """
        first = buffer[position]
        position += 1
        csid = first & 0x3F
        if csid < 2:
            if size - position <= csid:
                return position
            csid_bytes = buffer[position : position + csid + 1]
            position += csid + 1
            csid = 64 + int.from_bytes(csid_bytes, "little")
        stream = self._streams.get(csid)
        if first < 0xC0:
            return self._read_full_header(buffer, position, size, first >> 6, csid, stream)
        if stream is None:
            raise RemoteProtocolError(Violation.CHUNK_HEADER, "a type 3 chunk begins a chunk stream")
        if stream.extended:
            if size - position < 4:
                return position
            # Peers that leave the extended timestamp out of type 3 chunks go on with the content.
            if buffer[position : position + 4] == stream.extended:
                position += 4
        held = len(stream.partial)
        if not held:
            stream.timestamp = (stream.timestamp + stream.delta) & _CLOCK_MASK
        left = stream.length - held
        chunk_bytes = self._chunk_bytes
        self._due = left if left < chunk_bytes else chunk_bytes
        self._current = stream
        return position

    def _read_full_header(
        self, buffer: bytes, position: int, size: int, fmt: int, csid: int, stream: _ChunkStream | None
    ) -> int:
        """The same for types 0, 1 and 2, which begin a message. Type 2 takes all but the time from its predecessor."""
        end = position + 11 - 4 * fmt
        if end > size:
            return position
        field = int.from_bytes(buffer[position : position + 3])
        extended = b""
        if field == EXTENDED:
            extended = buffer[end : end + 4]
            if len(extended) < 4:
                return position
            field = int.from_bytes(extended)
        if stream is None:
            stream = self._begin(csid, fmt)
        elif stream.partial:
            raise RemoteProtocolError(Violation.CHUNK_HEADER, "a message begins inside another on its chunk stream")
        if fmt < 2:
            stream.length = int.from_bytes(buffer[position + 3 : position + 6])
            stream.type_id = buffer[position + 6]
            self._check_length(stream)
        if fmt == 0:
            stream.msid = int.from_bytes(buffer[position + 7 : position + 11], "little")
            stream.timestamp = field
        else:
            stream.timestamp = (stream.timestamp + field) & _CLOCK_MASK
        stream.delta = field
        stream.extended = extended
        chunk_bytes = self._chunk_bytes
        self._due = stream.length if stream.length < chunk_bytes else chunk_bytes
        self._current = stream
        return end + len(extended)

    def _begin(self, csid: int, fmt: int) -> _ChunkStream:
        """A chunk stream's first chunk. librtmp begins some with type 1: they belong to message stream 0."""
        if fmt == 2:
            raise RemoteProtocolError(Violation.CHUNK_HEADER, "a type 2 chunk begins a chunk stream")
        if len(self._streams) >= self._limits.chunk_streams:
            raise RemoteProtocolError(Violation.CHUNK_STREAMS, f"more than {self._limits.chunk_streams} chunk streams")
        stream = self._streams[csid] = _ChunkStream()
        return stream

    def _check_length(self, stream: _ChunkStream) -> None:
        limits = self._limits
        limit = limits.message_bytes if stream.type_id in _LARGE_TYPES else limits.command_bytes
        if stream.length > limit:
            raise RemoteProtocolError(Violation.MESSAGE_SIZE, f"type {stream.type_id} with {stream.length} bytes")

    def _control(self, type_id: int, body: bytes) -> None:
        """Section 5.4: the control messages that the chunk layer itself obeys."""
        value = uint32_of(body)
        if type_id == SET_CHUNK_SIZE:
            if not 0 < value <= 0x7FFFFFFF:
                raise RemoteProtocolError(Violation.CONTROL_MESSAGE, f"chunk size {value}")
            self._chunk_bytes = min(value, MAX_CHUNK_BYTES)
        elif type_id == ABORT and (stream := self._streams.get(value)) is not None:
            self._unfinished -= len(stream.partial)
            stream.partial = bytearray()


def pack(csid: int, type_id: int, msid: int, timestamp: int, body: bytes, chunk_bytes: int) -> bytes:
    """One message as chunks, the first with a full header: the bytes depend on nothing that went before.

    `csid` is 2 to 63; `timestamp` is milliseconds and taken modulo 2**32.
    """
    length = len(body)
    if not 2 <= csid <= 63 or length > MAX_CHUNK_BYTES:
        raise LocalProtocolError(f"no chunk for csid {csid} with {length} bytes")
    timestamp &= _CLOCK_MASK
    extended = timestamp.to_bytes(4) if timestamp >= EXTENDED else b""
    field = EXTENDED if extended else timestamp
    head = b"%c%b%b%c%b%b" % (csid, field.to_bytes(3), length.to_bytes(3), type_id, msid.to_bytes(4, "little"), extended)
    if length <= chunk_bytes:
        return head + body
    pieces = [head, body[:chunk_bytes]]
    joint = bytes((0xC0 | csid,)) + extended
    for start in range(chunk_bytes, length, chunk_bytes):
        pieces.append(joint)
        pieces.append(body[start : start + chunk_bytes])
    return b"".join(pieces)


def media_message(type_id: int, msid: int, timestamp: int, body: bytes, chunk_bytes: int) -> bytes:
    """An audio, video or data message as bytes that every player with this message stream and chunk size can share."""
    return pack(_MEDIA_CHUNK_STREAMS.get(type_id, _DATA_CHUNK_STREAM), type_id, msid, timestamp, body, chunk_bytes)


class ChunkWriter:
    """Messages in, bytes out, with the chunk size that was announced."""

    def __init__(self) -> None:
        self._chunk_bytes = DEFAULT_CHUNK_BYTES

    @property
    def chunk_bytes(self) -> int:
        """The chunk size in use."""
        return self._chunk_bytes

    def write(self, csid: int, message: Message) -> bytes:
        """The chunks of one message. A set chunk size message takes effect behind itself."""
        data = pack(csid, message.type_id, message.msid, message.timestamp, message.body, self._chunk_bytes)
        if message.type_id == SET_CHUNK_SIZE:
            self._chunk_bytes = uint32_of(message.body)
        return data
