"""What the journal is told: every change of a room's state that has to survive the process, as a frozen fact.

The registry tells it, synchronously and in the order in which things happen (`Registry` takes the journal). An event
follows the records of what it is about; a record of the same id replaces the older one. Nothing here is mutable or
refers to what is, so a journal may keep it, and write it when it likes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from gateway.auth.access import Action
from gateway.errors import Fault
from gateway.rooms.events import RoomEvent
from gateway.rooms.model import ExtraInfo, Grant, Medium, PlayMode, Reason, Room, Session, Stream, User


@dataclass(frozen=True, slots=True)
class RoomRecord:
    """A room was made, or what it keeps has changed."""

    app: str
    room_id: str
    max_members: int
    extra_info: Mapping[str, ExtraInfo]

    @classmethod
    def of(cls, room: Room) -> RoomRecord:
        return cls(room.app, room.id, room.max_members, dict(room.extra_info))


@dataclass(frozen=True, slots=True)
class RoomEnded:
    """The last session has left. A later room of the same id begins anew, with `seq` 1."""

    app: str
    room_id: str
    seq: int
    """The number of its last event."""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """Something happened in a room. Numbered without a gap, within the life of the room."""

    app: str
    event: RoomEvent


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session began, or its role or its rights have changed."""

    app: str
    room_id: str
    id: str = field(repr=False)
    user: User
    user_update: bool
    may_publish: bool
    allowed_streams: frozenset[str] | None
    token_expires_at: float | None
    joined_at: int

    @classmethod
    def of(cls, session: Session) -> SessionRecord:
        return cls(
            session.app, session.room.id, session.id, session.user, session.user_update, session.may_publish,
            session.allowed_streams, session.token_expires_at, session.joined_at,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """A session is over for good. `fault`: what one who tries to resume it is answered; None: it left by itself."""

    app: str
    room_id: str
    id: str = field(repr=False)
    user_id: str
    reason: Reason
    fault: Fault | None


@dataclass(frozen=True, slots=True)
class GrantRecord:
    """A grant was given, first used, or changed. `session_id` None: it was made by a signed address."""

    app: str
    id: str
    action: Action
    stream_id: str
    user_id: str
    session_id: str | None = field(repr=False)
    media: frozenset[Medium]
    mode: PlayMode
    wait: bool
    transport: str
    expires_at: float
    used: bool
    extra_info: str
    """Publishing: the stream's."""
    muted: frozenset[Medium]
    """Publishing: what is muted of the stream."""

    @classmethod
    def of(cls, grant: Grant, stream: Stream | None = None) -> GrantRecord:
        return cls(
            grant.app, grant.id, grant.action, grant.stream_id, grant.user_id, grant.session.id if grant.session else None,
            grant.media, grant.mode, grant.wait, grant.transport, grant.expires_at, grant.used,
            stream.extra_info if stream else "", stream.muted if stream else frozenset(),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class GrantEnded:
    """A grant's key opens nothing any more."""

    app: str
    id: str
    stream_id: str


@dataclass(frozen=True, slots=True)
class StreamForbidden:
    """A streamID may not be published or played any more (`forbidden`), or may again."""

    app: str
    stream_id: str
    forbidden: bool


Record: TypeAlias = (
    RoomRecord | RoomEnded | EventRecord | SessionRecord | SessionEnded | GrantRecord | GrantEnded | StreamForbidden
)
Journal: TypeAlias = Callable[[Record], None]
"""Takes a record at once and never raises; what it does with it, it does later."""


def keep_nothing(record: Record) -> None:
    """The journal of a gateway whose state lives no longer than its process."""
