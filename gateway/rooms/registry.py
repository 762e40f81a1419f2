"""The rooms that this process owns, and everyone and everything in them. The single writer.

Signaling asks it for what clients want, the media plane tells it what really arrives; it decides, keeps the books, and
tells the sessions. It speaks no protocol and knows no socket.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from gateway.auth.access import AccessRequest, Action
from gateway.config import AppSettings, MediaSettings, SignalingSettings
from gateway.errors import (
    KEY_REVOKED,
    OVERLOADED,
    PLAY_INTERRUPTED,
    PUBLISH_FORBIDDEN,
    PUBLISH_INTERRUPTED,
    PUBLISH_LOST,
    ROOM_FULL,
    STREAM_ID_TAKEN,
    STREAM_NOT_FOUND,
    TOO_MANY_PLAYS,
    TOO_MANY_PUBLISHES,
    TOO_MANY_ROOMS,
    Fault,
    GatewayError,
)
from gateway.rooms.events import (
    PlayerNotice,
    PlayerState,
    PublisherNotice,
    PublisherState,
    RoomEvent,
    StreamAdded,
    StreamMuted,
    StreamRemoved,
    StreamUpdated,
    UserJoined,
    UserLeft,
)
from gateway.rooms.grants import Grants
from gateway.rooms.model import Grant, Medium, PlayMode, Reason, Role, Room, Session, Stream, StreamState, StreamView
from gateway.timers import Timer, Timers


class MediaPlane(Protocol):
    """What the registry needs of the media side."""

    def cut(self, grant: Grant, error: GatewayError) -> None:
        """Ends every connection that uses this grant, telling it why."""

    def end(self, app: str, stream_id: str, error: GatewayError | None) -> None:
        """The stream is over: its viewers are let go."""

    def update(self, grant: Grant) -> None:
        """A play grant's media or mode changed: its running connections follow."""


class Registry:
    """Rooms, sessions, streams and grants of this process."""

    def __init__(
        self, apps: Mapping[str, AppSettings], signaling: SignalingSettings, media: MediaSettings, grants: Grants,
        timers: Timers,
    ) -> None:  # fmt: skip
        self._apps = apps
        self._signaling = signaling
        self._media = media
        self.grants = grants
        self._timers = timers
        self._plane: MediaPlane | None = None
        self.rooms: dict[tuple[str, str], Room] = {}
        self.streams: dict[tuple[str, str], Stream] = {}
        self._plays: dict[tuple[str, str], set[Grant]] = {}
        self._grace: dict[Stream, Timer] = {}
        self._rooms_of_app: dict[str, int] = {}
        self._sessions_of_app: dict[str, int] = {}
        self._streams_of_app: dict[str, int] = {}

    def connect(self, plane: MediaPlane) -> None:
        """Joins the two halves; called once, while the gateway is put together."""
        self._plane = plane

    @property
    def plane(self) -> MediaPlane:
        if self._plane is None:
            raise RuntimeError("the registry is not connected to a media plane")
        return self._plane

    # Rooms ---------------------------------------------------------------------------------------------------------

    def check_place(self, session: Session, instead_of: Session | None = None) -> None:
        """Whether the session could join now, or once another one has left: raises ROOM_FULL, TOO_MANY_ROOMS, OVERLOADED."""
        app, settings = session.app, self._apps[session.app]
        room = self.rooms.get((app, session.room.id))
        leaving = int(instead_of is not None)
        if self._sessions_of_app.get(app, 0) - leaving >= settings.max_sessions:
            raise GatewayError(OVERLOADED, "sessions of this app")
        if room is None:
            closing = int(instead_of is not None and len(instead_of.room.sessions) == 1)
            if self._rooms_of_app.get(app, 0) - closing >= settings.max_rooms:
                raise GatewayError(TOO_MANY_ROOMS)
        elif room.max_members:
            leaving = int(instead_of is not None and instead_of.room is room)
            if len(room.sessions) - leaving >= room.max_members:
                raise GatewayError(ROOM_FULL, f"at most {room.max_members}")

    def join(self, session: Session, max_members: int = 0) -> None:
        """Takes a session into its room, making the room if it is the first, and tells the others.

        `session.room` names the room; the registry's own object replaces it. Raises what `check_place` raises.
        """
        self.check_place(session)
        app = session.app
        room = self.rooms.get((app, session.room.id))
        if room is None:
            room = self.rooms[app, session.room.id] = Room(app, session.room.id, max_members)
            _count(self._rooms_of_app, app, 1)
        session.room = room
        room.sessions[session.user.id] = session
        _count(self._sessions_of_app, app, 1)
        if session.user.role is not Role.AUDIENCE:
            self._tell(UserJoined(room.id, self._next(room), session.user.id, session.user), room)

    def leave(self, session: Session, reason: Reason, fault: Fault | None = None) -> None:
        """Ends everything that the session has, and tells the others. Harmless when it has left already."""
        room = session.room
        if room.sessions.get(session.user.id) is not session:
            return
        for stream in list(session.publishing.values()):
            self._end_publishing(stream, reason, fault)
        for grant in list(session.playing.values()):
            self._end_playing(grant, fault)
        del room.sessions[session.user.id]
        _count(self._sessions_of_app, session.app, -1)
        if session.user.role is not Role.AUDIENCE:
            self._tell(UserLeft(room.id, self._next(room), session.user.id, session.user, reason), room)
        if not room.sessions:
            del self.rooms[room.app, room.id]
            _count(self._rooms_of_app, room.app, -1)

    # What clients want ---------------------------------------------------------------------------------------------

    def publish(
        self, session: Session, stream_id: str, media: frozenset[Medium], extra_info: str | None, transport: str
    ) -> Grant:
        """Grants the session the right to publish; a stream of its own is updated. What publishes it over another
        transport is cut, and the stream waits for its new connection.

        Raises PUBLISH_FORBIDDEN, STREAM_ID_TAKEN, TOO_MANY_PUBLISHES, OVERLOADED.
        """
        if not session.may_publish or session.user.role is Role.AUDIENCE:
            raise GatewayError(PUBLISH_FORBIDDEN)
        if session.allowed_streams is not None and stream_id not in session.allowed_streams:
            raise GatewayError(PUBLISH_FORBIDDEN, "the token names other streams")
        stream = self.streams.get((session.app, stream_id))
        if stream is not None:
            if stream.grant.session is not session:
                raise GatewayError(STREAM_ID_TAKEN)
            if transport != stream.grant.transport:
                self._part_from_connection(stream, GatewayError(KEY_REVOKED, f"the stream is published over {transport} now"))
            self._update_stream(stream, media, extra_info, transport)
            self.grants.renew(stream.grant)
            return stream.grant
        if len(session.publishing) >= self._signaling.publishes_per_session:
            raise GatewayError(TOO_MANY_PUBLISHES, f"at most {self._signaling.publishes_per_session}")
        if self._streams_of_app.get(session.app, 0) >= self._apps[session.app].max_streams:
            raise GatewayError(OVERLOADED, "streams of this app")
        grant = self.grants.issue(session, Action.PUBLISH, stream_id, media, transport)
        stream = Stream(grant, session.room, extra_info=extra_info or "")
        session.publishing[stream_id] = stream
        self._enter(stream)
        self._notice_publisher(stream, PublisherState.REQUESTING)
        return grant

    def unpublish(self, session: Session, stream_id: str, media: frozenset[Medium]) -> None:
        """Takes media back from a stream; without any left, the stream and its grant end."""
        stream = session.publishing.get(stream_id)
        if stream is None:
            return
        left = stream.grant.media - media
        if left:
            self._update_stream(stream, left, None, stream.grant.transport)
        else:
            self._end_publishing(stream, Reason.STOPPED)

    def play(
        self, session: Session, stream_id: str, media: frozenset[Medium], mode: PlayMode, wait: bool, transport: str
    ) -> Grant:
        """Grants the session the right to play; a play of its own is updated, its running connections too.

        Raises STREAM_NOT_FOUND unless `wait`, TOO_MANY_PLAYS.
        """
        stream = self.streams.get((session.app, stream_id))
        if (stream is None or not stream.announced) and not wait:
            raise GatewayError(STREAM_NOT_FOUND)
        grant = session.playing.get(stream_id)
        if grant is not None:
            grant.media, grant.mode, grant.wait, grant.transport = media, mode, wait, transport
            self.grants.renew(grant)
            self.plane.update(grant)
            return grant
        if len(session.playing) >= self._signaling.plays_per_session:
            raise GatewayError(TOO_MANY_PLAYS, f"at most {self._signaling.plays_per_session}")
        grant = self.grants.issue(session, Action.PLAY, stream_id, media, transport, mode, wait)
        session.playing[stream_id] = grant
        self._plays.setdefault((session.app, stream_id), set()).add(grant)
        self._notice_player(grant, PlayerState.REQUESTING)
        return grant

    def stop(self, session: Session, stream_id: str, media: frozenset[Medium]) -> None:
        """Takes media back from a play; without any left, it ends."""
        grant = session.playing.get(stream_id)
        if grant is None:
            return
        left = grant.media - media
        if left:
            grant.media = left
            self.plane.update(grant)
        else:
            self._end_playing(grant)

    def mute(self, session: Session, stream_id: str, changes: Mapping[Medium, bool]) -> None:
        """Tells the others that the publisher muted or unmuted a medium. Raises STREAM_NOT_FOUND."""
        stream = session.publishing.get(stream_id)
        if stream is None:
            raise GatewayError(STREAM_NOT_FOUND)
        muted = frozenset(m for m in Medium if changes.get(m, m in stream.muted))
        if muted == stream.muted:
            return
        stream.muted = muted
        if stream.announced:
            self._tell_stream(stream, StreamMuted)

    # What the media plane sees -------------------------------------------------------------------------------------

    def admit(self, request: AccessRequest) -> Grant:
        """Answers a media connection: its grant, or a GatewayError with the reason."""
        grant = self.grants.admit(request)
        stream = self.streams.get((grant.app, grant.stream_id))
        if grant.action is Action.PUBLISH:
            if stream is not None and stream.grant is not grant:
                raise GatewayError(STREAM_ID_TAKEN)
            if stream is None and self._streams_of_app.get(grant.app, 0) >= self._apps[grant.app].max_streams:
                raise GatewayError(OVERLOADED, "streams of this app")
        elif not grant.wait and (stream is None or not stream.announced):
            raise GatewayError(STREAM_NOT_FOUND)
        return grant

    def publisher_joined(self, grant: Grant) -> None:
        """A publishing connection was accepted. Nobody is told before its media arrives."""
        self.grants.keep(grant)
        grant.connections += 1
        stream = self.streams.get((grant.app, grant.stream_id))
        if stream is None:
            self._enter(Stream(grant, None))
        elif timer := self._grace.pop(stream, None):
            timer.cancel()

    def media_arrived(self, grant: Grant, media: frozenset[Medium]) -> None:
        """The set of media that arrive has changed, or media arrive again after an interruption."""
        stream = self.streams.get((grant.app, grant.stream_id))
        if stream is None or stream.grant is not grant:
            return
        before, stream.state = stream.state, StreamState.ON_AIR
        changed, stream.media = stream.media != media, media
        if before is not StreamState.ON_AIR:
            self._notice_publisher(stream, PublisherState.PUBLISHING)
        if before is StreamState.AWAITED:
            self._tell_stream(stream, StreamAdded)
            for play in self._plays.get((grant.app, grant.stream_id), ()):
                if play.connections:
                    self._notice_player(play, PlayerState.PLAYING)
        elif changed:
            self._tell_stream(stream, StreamUpdated)

    def publisher_lost(self, grant: Grant) -> None:
        """The publisher's connection broke. Its stream waits for it; only the publisher itself is told."""
        grant.connections -= 1
        stream = self.streams.get((grant.app, grant.stream_id))
        if stream is None or stream.grant is not grant:
            return
        if not stream.announced:
            self._off_air(stream, Reason.OFFLINE, PUBLISH_INTERRUPTED)
            return
        self._interrupt(stream, PUBLISH_INTERRUPTED)

    def publisher_left(self, grant: Grant, error: GatewayError | None) -> None:
        """The publisher ended its stream, or its media was refused. The grant lives on: it may push again."""
        grant.connections -= 1
        stream = self.streams.get((grant.app, grant.stream_id))
        if stream is not None and stream.grant is grant:
            reason = Reason.STOPPED if error is None else Reason.REMOVED
            self._off_air(stream, reason, error.fault if error else None, error.detail if error else "")

    def viewer_joined(self, grant: Grant) -> None:
        """A playing connection was accepted."""
        self.grants.keep(grant)
        grant.connections += 1
        stream = self.streams.get((grant.app, grant.stream_id))
        if stream is not None and stream.announced and grant.connections == 1:
            self._notice_player(grant, PlayerState.PLAYING)

    def viewer_left(self, grant: Grant, error: GatewayError | None) -> None:
        """A playing connection went away by itself, or could not keep up."""
        grant.connections -= 1
        if grant.connections:
            return
        if grant.session is None:
            self.grants.revoke(grant)
            return
        stream = self.streams.get((grant.app, grant.stream_id))
        if self.grants.lives(grant) and stream is not None and stream.announced:
            self._notice_player(grant, PlayerState.REQUESTING, error.fault if error else PLAY_INTERRUPTED)

    # ---------------------------------------------------------------------------------------------------------------

    def _enter(self, stream: Stream) -> None:
        self.streams[stream.grant.app, stream.id] = stream
        _count(self._streams_of_app, stream.grant.app, 1)

    def _update_stream(self, stream: Stream, media: frozenset[Medium], extra_info: str | None, transport: str) -> None:
        before = stream.view()
        stream.grant.media, stream.grant.transport = media, transport
        if extra_info is not None:
            stream.extra_info = extra_info
        if stream.announced and stream.view() != before:
            self._tell_stream(stream, StreamUpdated)

    def _part_from_connection(self, stream: Stream, error: GatewayError) -> None:
        """The connection that publishes the stream, if there is one, gives way to another with the same grant."""
        grant = stream.grant
        if grant.connections:
            grant.connections -= 1
            self.plane.cut(grant, error)
            if stream.announced:
                self._interrupt(stream)

    def _interrupt(self, stream: Stream, fault: Fault | None = None) -> None:
        """The stream has no publisher for now: viewers stay, nobody else is told, and the time in which one has to come
        begins."""
        stream.state = StreamState.INTERRUPTED
        self._notice_publisher(stream, PublisherState.REQUESTING, fault)
        self._grace[stream] = self._timers.after(
            self._media.publish_grace, lambda: self._off_air(stream, Reason.OFFLINE, PUBLISH_LOST)
        )

    def _off_air(self, stream: Stream, reason: Reason, fault: Fault | None, detail: str = "") -> None:
        """The stream's media is over: others are told, viewers let go. A session's grant survives it."""
        grant = stream.grant
        if timer := self._grace.pop(stream, None):
            timer.cancel()
        self._notice_publisher(stream, PublisherState.NONE, fault, detail)
        if stream.announced:
            self._tell_stream(stream, partial(StreamRemoved, reason=reason))
            stream.state, stream.media = StreamState.AWAITED, frozenset()
            for play in self._plays.get((grant.app, grant.stream_id), ()):
                self._notice_player(play, PlayerState.NONE, STREAM_NOT_FOUND)
        self.plane.end(grant.app, grant.stream_id, None)
        if grant.session is None:
            self._forget(stream)

    def _end_publishing(self, stream: Stream, reason: Reason, fault: Fault | None = None) -> None:
        """The grant ends, and with it whatever is connected and on air."""
        self.grants.revoke(stream.grant)
        self.plane.cut(stream.grant, GatewayError(fault or KEY_REVOKED))
        self._off_air(stream, reason, fault)
        self._forget(stream)

    def _forget(self, stream: Stream) -> None:
        grant = stream.grant
        self.grants.revoke(grant)
        if self.streams.get((grant.app, grant.stream_id)) is stream:
            del self.streams[grant.app, grant.stream_id]
            _count(self._streams_of_app, grant.app, -1)
        if grant.session is not None:
            grant.session.publishing.pop(grant.stream_id, None)

    def _end_playing(self, grant: Grant, fault: Fault | None = None) -> None:
        self.grants.revoke(grant)
        self.plane.cut(grant, GatewayError(fault or KEY_REVOKED))
        if grant.session is not None:
            grant.session.playing.pop(grant.stream_id, None)
        plays = self._plays[grant.app, grant.stream_id]
        plays.discard(grant)
        if not plays:
            del self._plays[grant.app, grant.stream_id]
        self._notice_player(grant, PlayerState.NONE, fault)

    # Telling -------------------------------------------------------------------------------------------------------

    @staticmethod
    def _next(room: Room) -> int:
        room.seq += 1
        return room.seq

    @staticmethod
    def _tell(event: RoomEvent, room: Room) -> None:
        about_users = isinstance(event, UserJoined | UserLeft)
        for session in room.sessions.values():
            if session.user.id != event.actor and (session.user_update or not about_users):
                session.deliver(event)

    def _tell_stream(self, stream: Stream, event: Callable[[str, int, str, StreamView], RoomEvent]) -> None:
        if room := stream.room:
            self._tell(event(room.id, self._next(room), stream.grant.user_id, stream.view()), room)

    @staticmethod
    def _notice_publisher(stream: Stream, state: PublisherState, fault: Fault | None = None, detail: str = "") -> None:
        if session := stream.grant.session:
            session.deliver(PublisherNotice(session.room.id, stream.id, state, fault, detail))

    @staticmethod
    def _notice_player(grant: Grant, state: PlayerState, fault: Fault | None = None) -> None:
        if session := grant.session:
            session.deliver(PlayerNotice(session.room.id, grant.stream_id, state, fault))


def _count(counts: dict[str, int], key: str, by: int) -> None:
    """Adds to a tally that forgets its zeroes."""
    counts[key] = counts.get(key, 0) + by
    if not counts[key]:
        del counts[key]


