"""Whose mistake it was, and one stable word for it.

The words are labels of a metric: the set is closed and small. Only the protocol core's errors live here; what the gateway
refuses (keys, codecs, limits of the product) is a `gateway.errors.GatewayError`.
"""

from __future__ import annotations

from enum import StrEnum


class Violation(StrEnum):
    """What a peer did that ends its connection."""

    HANDSHAKE_VERSION = "handshake_version"
    """The first byte asks for something else than plain RTMP (6 and 8 are RTMPE)."""
    CHUNK_HEADER = "chunk_header"
    """A chunk header that builds on nothing, or that starts a message inside another."""
    CHUNK_STREAMS = "chunk_streams"
    """More chunk streams than are allowed."""
    MESSAGE_SIZE = "message_size"
    """A message that is announced larger than is allowed."""
    UNFINISHED_BYTES = "unfinished_bytes"
    """Too many bytes of messages that are begun and not ended."""
    HELD_BYTES = "held_bytes"
    """Too much was sent behind a publish or play that is not answered yet."""
    CONTROL_MESSAGE = "control_message"
    """A protocol control message with an impossible content."""
    AMF = "amf"
    """AMF data that cannot be read."""
    AGGREGATE = "aggregate"
    """An aggregate message whose parts do not add up."""
    COMMAND = "command"
    """A command without what it needs, or one that has no place in the connection's state."""


class ProtocolError(Exception):
    """RTMP was not followed."""


class LocalProtocolError(ProtocolError):
    """We tried something that the connection's state does not allow: a mistake in the gateway."""


class RemoteProtocolError(ProtocolError):
    """The peer sent something that RTMP, or a limit of ours, does not allow. Its connection has to be closed."""

    def __init__(self, violation: Violation, detail: str) -> None:
        super().__init__(violation, detail)
        self.violation = violation
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.violation}: {self.detail}"
