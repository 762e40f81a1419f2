"""The one question that every media entry point asks: may this connection publish or play that stream?

RTMP, HTTP-FLV, WHIP and WHEP all put the same question in the same words, and get a grant or a `GatewayError` whose
reason they tell in their own protocol's way. Nothing that names a protocol's details may be put in here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Action(StrEnum):
    """What a key permits."""

    PUBLISH = "publish"
    PLAY = "play"


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A connection's wish, as it arrived."""

    action: Action
    transport: str
    """`rtmp`, `flv`, `whip` or `whep`."""
    stream: str
    """The stream's name as it arrived, percent-encoding untouched, without the query."""
    key: str = field(repr=False)
    """The stream key, or an empty text if none was given. A secret: never printed."""
    client: str
    """The peer's address, for the log."""
