"""Messages: their types, the ones that steer the connection, and aggregates. Adobe RTMP 1.0 sections 5.4, 6.2 and 7.1.

A message is a type, a message stream, a time and a body. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from adapters.rtmp.errors import RemoteProtocolError, Violation

SET_CHUNK_SIZE = 1
ABORT = 2
ACKNOWLEDGEMENT = 3
USER_CONTROL = 4
WINDOW_ACKNOWLEDGEMENT_SIZE = 5
SET_PEER_BANDWIDTH = 6
AUDIO = 8
VIDEO = 9
AMF3_DATA = 15
AMF3_COMMAND = 17
AMF0_DATA = 18
AMF0_COMMAND = 20
AGGREGATE = 22

CONTROL_TYPES = frozenset((ACKNOWLEDGEMENT, USER_CONTROL, WINDOW_ACKNOWLEDGEMENT_SIZE, SET_PEER_BANDWIDTH))

MAX_PARTS = 4096
"""Messages in one aggregate: it could hold hundreds of thousands without content."""
_DYNAMIC_LIMIT = 2
_TAG_HEADER_BYTES = 11
_TAG_TRAILER_BYTES = 4


class UserControl(IntEnum):
    """Section 7.1.7."""

    STREAM_BEGIN = 0
    STREAM_EOF = 1
    STREAM_DRY = 2
    SET_BUFFER_LENGTH = 3
    STREAM_IS_RECORDED = 4
    PING_REQUEST = 6
    PING_RESPONSE = 7


class Message(NamedTuple):
    """One whole message."""

    type_id: int
    msid: int
    """Message stream: 0 is the connection itself, the others come from createStream."""
    timestamp: int
    """Milliseconds, 0 to 2**32 − 1, on the sender's clock."""
    body: bytes


def uint32_of(body: bytes) -> int:
    """The number at the beginning of a control message."""
    if len(body) < 4:
        raise RemoteProtocolError(Violation.CONTROL_MESSAGE, f"a control message of {len(body)} bytes")
    return int.from_bytes(body[:4])


def set_chunk_size(size: int) -> Message:
    """From now on chunks hold up to `size` bytes."""
    return Message(SET_CHUNK_SIZE, 0, 0, size.to_bytes(4))


def acknowledgement(received: int) -> Message:
    """So many bytes have come so far (modulo 2**32)."""
    return Message(ACKNOWLEDGEMENT, 0, 0, (received & 0xFFFFFFFF).to_bytes(4))


def window_acknowledgement_size(size: int) -> Message:
    """Acknowledge whenever so many bytes have come."""
    return Message(WINDOW_ACKNOWLEDGEMENT_SIZE, 0, 0, size.to_bytes(4))


def set_peer_bandwidth(size: int) -> Message:
    """Have no more than so many bytes on their way unacknowledged."""
    return Message(SET_PEER_BANDWIDTH, 0, 0, size.to_bytes(4) + bytes((_DYNAMIC_LIMIT,)))


def user_control(event: UserControl, value: int | bytes) -> Message:
    """A user control message: `value` is a message stream, a time in milliseconds or the bytes to give back."""
    content = value if isinstance(value, bytes) else (value & 0xFFFFFFFF).to_bytes(4)
    return Message(USER_CONTROL, 0, 0, event.to_bytes(2) + content)


def parts_of(aggregate: Message) -> Iterator[Message]:
    """The messages inside an aggregate, their times moved so that the first has the aggregate's own (section 7.1.6)."""
    body = aggregate.body
    position, offset, parts = 0, None, 0
    while position < len(body):
        parts += 1
        if parts > MAX_PARTS:
            raise RemoteProtocolError(Violation.AGGREGATE, f"more than {MAX_PARTS} parts")
        start = position + _TAG_HEADER_BYTES
        header = body[position:start]
        end = start + int.from_bytes(header[1:4])
        if len(header) < _TAG_HEADER_BYTES or end > len(body):
            raise RemoteProtocolError(Violation.AGGREGATE, "a part is longer than the message")
        stamp = int.from_bytes(header[7:8] + header[4:7])
        if offset is None:
            offset = aggregate.timestamp - stamp
        yield Message(header[0], aggregate.msid, (stamp + offset) & 0xFFFFFFFF, body[start:end])
        position = end + _TAG_TRAILER_BYTES
