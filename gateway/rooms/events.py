"""What a session can hear. Room events carry the room's sequence number; notices are for one session alone.

Everything here is a frozen fact; the signaling face turns each into its message (`signaling/messages.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import Fault
from gateway.rooms.model import Reason, StreamView, User


@dataclass(frozen=True, slots=True)
class RoomEvent:
    """Something that happened in a room. `seq` grows by one with each event of the room."""

    room_id: str
    seq: int
    actor: str
    """The userID whose doing it was; this user is not told."""


@dataclass(frozen=True, slots=True)
class UserJoined(RoomEvent):
    user: User


@dataclass(frozen=True, slots=True)
class UserLeft(RoomEvent):
    user: User
    reason: Reason


@dataclass(frozen=True, slots=True)
class StreamAdded(RoomEvent):
    """A stream's first media has arrived."""

    stream: StreamView


@dataclass(frozen=True, slots=True)
class StreamUpdated(RoomEvent):
    """A medium began or ceased to arrive, or the announced media changed."""

    stream: StreamView


@dataclass(frozen=True, slots=True)
class StreamRemoved(RoomEvent):
    stream: StreamView
    reason: Reason


@dataclass(frozen=True, slots=True)
class StreamMuted(RoomEvent):
    stream: StreamView


class PublisherState(StrEnum):
    REQUESTING = "PUBLISH_REQUESTING"
    PUBLISHING = "PUBLISHING"
    NONE = "NO_PUBLISH"


class PlayerState(StrEnum):
    REQUESTING = "PLAY_REQUESTING"
    PLAYING = "PLAYING"
    NONE = "NO_PLAY"


@dataclass(frozen=True, slots=True)
class PublisherNotice:
    """How one's own publishing is doing. `fault`: why it is not, if something went wrong."""

    room_id: str
    stream_id: str
    state: PublisherState
    fault: Fault | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PlayerNotice:
    """How one's own playing is doing. `fault`: why it is not, if something went wrong."""

    room_id: str
    stream_id: str
    state: PlayerState
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class TokenNotice:
    """The join token ends soon."""

    room_id: str
    seconds: int
    """Seconds that are left."""
