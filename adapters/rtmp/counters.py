"""What the RTMP server counts. Numbers only; `gateway/quality/metrics.py` gives them names."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Overdue(StrEnum):
    """A deadline that a peer let pass; counted like a refusal."""

    HANDSHAKE = "handshake_timeout"
    REQUEST = "request_timeout"
    PUBLISHER = "publisher_idle"
    PLAYER = "player_idle"


TOO_MANY_CONNECTIONS: Final = "connection_limit"
"""The label under which connections beyond the limit are counted."""
UNREAD_REPLIES: Final = "unread_replies"
"""The label under which peers are counted that ask and ask and do not read the answers."""


@dataclass(slots=True)
class RtmpStats:
    """What the server has seen. The bytes that viewers get are counted by their streams."""

    bytes_in: int = 0
    bytes_out: int = 0
    """Replies."""
    connections: int = 0
    """Open now, in whatever role."""
    publishers: int = 0
    """Message streams that publish now."""
    players: int = 0
    """Message streams that play now."""
    refusals: Counter[str] = field(default_factory=Counter)
    """By fault name, violation, overdue deadline or one of the labels above."""
