"""What an app's own backend may see and do: its rooms, their users and streams, without a session of its own.

The server API is its face. The facts come from the registry and from the sessions, and so do the deeds; this module puts
the two together, and knows of nothing outside the app that asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Literal, TypeAlias

from gateway.errors import ROOM_NOT_FOUND, STREAM_NOT_FOUND, GatewayError
from gateway.quality.calls import Call, Calls, Span
from gateway.quality.checkup import Finding
from gateway.quality.overview import Overview
from gateway.quality.pages import Page
from gateway.rooms.events import BarrageMessage, BroadcastMessage, CustomCommand, TextSent
from gateway.rooms.model import Room, Session, Stream, StreamState, StreamView, User
from gateway.rooms.registry import Registry
from gateway.rooms.talk import Talk
from gateway.signaling.session import Phase
from gateway.signaling.sessions import Sessions

Kind: TypeAlias = Literal["broadcast", "barrage", "command"]
"""What a message is."""
_KINDS: Mapping[Kind, type[TextSent]] = {
    "broadcast": BroadcastMessage, "barrage": BarrageMessage, "command": CustomCommand,
}  # fmt: skip


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
    findings: Sequence[Finding] = ()
    """What its publisher should change."""


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

    def __init__(
        self, registry: Registry, sessions: Sessions, talk: Talk, viewers: Callable[[str, str], int],
        calls: Calls,
    ) -> None:  # fmt: skip
        self._registry = registry
        self._sessions = sessions
        self._talk = talk
        self._viewers = viewers
        self._calls = calls

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

    def stream(self, app: str, stream_id: str) -> StreamStatus:
        """What there is to a streamID. Raises STREAM_NOT_FOUND if it is neither published nor forbidden."""
        status = self._status(app, stream_id)
        if status.published is None and not status.forbidden:
            raise GatewayError(STREAM_NOT_FOUND)
        return status

    async def room_calls(self, app: str, room_id: str, span: Span) -> Call:
        """What is known of a room's calls, now and before. Raises ROOM_NOT_FOUND and STORE_UNAVAILABLE."""
        return await self._calls.room(app, room_id, span)

    def outside(self, app: str, page: Page) -> Overview:
        """How what is published in no room comes in now, by the order of the streamIDs; a page may begin after any."""
        return self._calls.outside(app, page)

    async def stream_calls(self, app: str, stream_id: str, span: Span) -> Call:
        """What is known of a stream's calls, now and before. Raises STREAM_NOT_FOUND and STORE_UNAVAILABLE."""
        return await self._calls.stream(app, stream_id, span)

    # What is to be done --------------------------------------------------------------------------------------------

    def close_room(self, app: str, room_id: str, reason: str) -> bool:
        """Puts everybody out. Whether there was such a room."""
        return self._sessions.close_room(app, room_id, reason) > 0

    def kick(self, app: str, user_id: str, room_id: str, reason: str) -> bool:
        """Puts a user out of a room. Whether the user was in it."""
        return self._sessions.kick(app, user_id, room_id, reason) > 0

    def send(self, app: str, room_id: str, kind: Kind, message: str, to: Sequence[str], sender: User) -> int:
        """Tells those in the room; a command tells those whom it names. The message's number.

        Raises ROOM_NOT_FOUND, MESSAGE_EMPTY, MESSAGE_TOO_LONG, INVALID_PARAMS (too many are named).
        """
        return self._talk.say(app, room_id, _KINDS[kind], sender, message, to)

    def forbid_stream(self, app: str, stream_id: str) -> StreamStatus:
        """Nobody may publish or play it any more; what does is cut. Raises OVERLOADED: too many are forbidden."""
        self._registry.forbid_stream(app, stream_id)
        return self._status(app, stream_id)

    def resume_stream(self, app: str, stream_id: str) -> StreamStatus:
        """It may be published and played again."""
        self._registry.resume_stream(app, stream_id)
        return self._status(app, stream_id)

    # ---------------------------------------------------------------------------------------------------------------

    def _status(self, app: str, stream_id: str) -> StreamStatus:
        stream = self._registry.streams.get((app, stream_id))
        forbidden = (app, stream_id) in self._registry.forbidden
        return StreamStatus(stream_id, forbidden, self._published(stream) if stream else None)

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
        room_id = stream.room.id if stream.room else None
        return PublishedStream(stream.view(), room_id, stream.state, viewers, stream.findings)


def _summary(room: Room) -> RoomSummary:
    on_air = sum(stream.announced for session in room.sessions.values() for stream in session.publishing.values())
    return RoomSummary(room.id, len(room.sessions), on_air)


def _page(ids: Iterable[str], after: str, limit: int) -> tuple[Sequence[str], str | None]:
    """The first `limit` of the ids that come after `after`, in order; the last of them if more follow."""
    found = nsmallest(limit + 1, (one for one in ids if one > after))
    return found[:limit], found[limit - 1] if len(found) > limit else None
