"""Events: what a connection's peer did, as far as it concerns anyone outside the protocol.

Only facts that need a decision or carry media; everything that RTMP answers by itself stays in the core (`connection.py`,
`conversation.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from gateway.rooms.model import Medium


@dataclass(frozen=True, slots=True)
class PublishAsked:
    """The peer wants to publish. Nothing more is read of it until `accept_publish` or `refuse` is called."""

    msid: int
    address: str = field(repr=False)
    """Application, a slash, stream name, as they came: `live/STREAM?key=KEY`. Holds a secret: never printed."""


@dataclass(frozen=True, slots=True)
class PlayAsked:
    """The peer wants to play. Nothing more is read of it until `accept_play` or `refuse` is called."""

    msid: int
    address: str = field(repr=False)
    """As in PublishAsked."""


@dataclass(frozen=True, slots=True)
class AudioReceived:
    """An audio message on a stream that is being published."""

    msid: int
    timestamp: int
    """Milliseconds, 0 to 2**32 − 1, on the peer's clock."""
    body: bytes
    """As in an FLV audio tag."""


@dataclass(frozen=True, slots=True)
class VideoReceived:
    """A video message on a stream that is being published."""

    msid: int
    timestamp: int
    """As in AudioReceived."""
    body: bytes
    """As in an FLV video tag."""


@dataclass(frozen=True, slots=True)
class MetadataReceived:
    """What the publisher says of its stream (`onMetaData`)."""

    msid: int
    timestamp: int
    """As in AudioReceived."""
    values: Mapping[str, object]
    """Numbers, texts and booleans; anything else is left out."""


@dataclass(frozen=True, slots=True)
class PublishEnded:
    """The peer says that it publishes no more on this message stream (FCUnpublish, closeStream, deleteStream)."""

    msid: int


@dataclass(frozen=True, slots=True)
class PlayEnded:
    """The peer says that it plays no more on this message stream."""

    msid: int


@dataclass(frozen=True, slots=True)
class PauseChanged:
    """A player pauses or goes on; it has been told so."""

    msid: int
    paused: bool


@dataclass(frozen=True, slots=True)
class MediumWanted:
    """A player switches one medium off or on (receiveAudio, receiveVideo)."""

    msid: int
    medium: Medium
    wanted: bool


Event: TypeAlias = (
    PublishAsked
    | PlayAsked
    | AudioReceived
    | VideoReceived
    | MetadataReceived
    | PublishEnded
    | PlayEnded
    | PauseChanged
    | MediumWanted
)
