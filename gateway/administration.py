"""What an app's own backend may see and do: its rooms, their users and streams, without a session of its own.

The server API is its face. The facts come from the registry and from the sessions, and so do the deeds; this module puts
the two together, and knows of nothing outside the app that asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import nsmallest

from gateway.errors import ROOM_NOT_FOUND, GatewayError
from gateway.rooms.model import Room, Session, Stream, StreamState, StreamView, User
from gateway.rooms.registry import Registry
from gateway.signaling.session import Phase
from gateway.signaling.sessions import Sessions


@dataclass(frozen=True, slots=True)
class RoomSummary:
    """A room in a few words."""

    room_id: str
    users: int
    """Users in it, the audience and those who lost their socket included."""
    streams: int
    """Streams on air."""


@dataclass(frozen=True, slots=True)
class Member:
    """A user in a room."""

    user: User
    connected: bool
    """False: the socket is lost, and may come back."""


@dataclass(frozen=True, slots=True)
class PublishedStream:
    """A publish grant's stream, on air or not."""

    view: StreamView
    room_id: str | None
    """None: published with a signed address."""
    state: StreamState
    viewers: int
    """Connections that play it."""


@dataclass(frozen=True, slots=True)
class RoomDetail:
    """A room, a page of its users by the order of their userIDs, and the streams of these users."""

    summary: RoomSummary
    members: Sequence[Member]
    streams: Sequence[PublishedStream]
    next: str | None
    """What the next page comes after; None: this is the last one."""


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """What there is to a streamID."""

    stream_id: str
    forbidden: bool
    published: PublishedStream | None


class Administration:
    """All apps' rooms, as their backends see them. `viewers`: the connections that play a stream (appID, streamID)."""

    def __init__(self, registry: Registry, sessions: Sessions, viewers: Callable[[str, str], int]) -> None:
        self._registry = registry
        self._sessions = sessions
        self._viewers = viewers

    # What there is -------------------------------------------------------------------------------------------------

    def rooms(self, app: str, after: str, limit: int) -> tuple[Sequence[RoomSummary], str | None]:
        """A page of the app's rooms by the order of their ids, and what the next page comes after."""
        ids = (room_id for room_app, room_id in self._registry.rooms if room_app == app)
        page, next_after = _page(ids, after, limit)
        return [_summary(self._registry.rooms[app, room_id]) for room_id in page], next_after

    def room(self, app: str, room_id: str, after: str, limit: int) -> RoomDetail:
        """A room with a page of its users. Raises ROOM_NOT_FOUND."""
        room = self._room(app, room_id)
        page, next_after = _page(room.sessions, after, limit)
        sessions = [room.sessions[user_id] for user_id in page]
        streams = [self._published(stream) for session in sessions for stream in session.publishing.values()]
        return RoomDetail(_summary(room), [self._member(session) for session in sessions], streams, next_after)

    def _room(self, app: str, room_id: str) -> Room:
        room = self._registry.rooms.get((app, room_id))
        if room is None:
            raise GatewayError(ROOM_NOT_FOUND)
        return room

    def _member(self, session: Session) -> Member:
        attachment = self._sessions.by_id.get(session.id)
        return Member(session.user, attachment is not None and attachment.phase is Phase.ATTACHED)

    def _published(self, stream: Stream) -> PublishedStream:
        viewers = self._viewers(stream.grant.app, stream.id)
        return PublishedStream(stream.view(), stream.room.id if stream.room else None, stream.state, viewers)


def _summary(room: Room) -> RoomSummary:
    on_air = sum(stream.announced for session in room.sessions.values() for stream in session.publishing.values())
    return RoomSummary(room.id, len(room.sessions), on_air)


def _page(ids: Iterable[str], after: str, limit: int) -> tuple[Sequence[str], str | None]:
    """The first `limit` of the ids that come after `after`, in order; the last of them if more follow."""
    found = nsmallest(limit + 1, (one for one in ids if one > after))
    return found[:limit], found[limit - 1] if len(found) > limit else None
