"""What sessions want of streams: to publish and to play them, to take that back, and to say something about their own.

A layer of the registry above `streams.py`, which keeps the books; whether a session may is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.auth.access import Action
from gateway.errors import (
    KEY_REVOKED,
    OVERLOADED,
    PLAY_FORBIDDEN,
    PLAY_INTERRUPTED,
    PUBLISH_FORBIDDEN,
    PUBLISH_INTERRUPTED,
    STREAM_EXTRA_INFO_TOO_LONG,
    STREAM_ID_TAKEN,
    STREAM_NOT_FOUND,
    TOO_MANY_PLAYS,
    TOO_MANY_PUBLISHES,
    Fault,
    GatewayError,
)
from gateway.rooms.events import PlayerNotice, PlayerState, PublisherNotice, PublisherState, StreamExtraInfoChanged, StreamMuted
from gateway.rooms.model import Grant, Medium, PlayMode, Reason, Role, Session, Stream, StreamState, check_size
from gateway.rooms.streams import StreamBook

Permit = Callable[[], None]
"""Asked before something really changes for all to see; what it raises prevents the change."""


def freely() -> None:
    """Permits every change."""


class Casting(StreamBook):
    """Publishing and playing, as sessions may ask for it."""

    def publish(
        self, session: Session, stream_id: str, media: frozenset[Medium], extra_info: str | None, transport: str
    ) -> Grant:
        """Grants the session the right to publish; a stream of its own is updated. What publishes it over another
        transport is cut, and the stream waits for its new connection.

        Raises PUBLISH_FORBIDDEN, STREAM_ID_TAKEN, TOO_MANY_PUBLISHES, OVERLOADED, STREAM_EXTRA_INFO_TOO_LONG.
        """
        check_size(extra_info or "", self._signaling.stream_extra_bytes, STREAM_EXTRA_INFO_TOO_LONG)
        if session.user.role is Role.AUDIENCE:
            raise GatewayError(PUBLISH_FORBIDDEN, "the audience does not publish")
        if not session.may_publish_stream(stream_id):
            raise GatewayError(PUBLISH_FORBIDDEN, "the token names other streams" if session.may_publish else "")
        if (session.app, stream_id) in self.forbidden:
            raise GatewayError(PUBLISH_FORBIDDEN, "the stream is forbidden")
        stream = self.streams.get((session.app, stream_id))
        if stream is not None:
            if stream.grant.session is not session:
                raise GatewayError(STREAM_ID_TAKEN)
            if transport != stream.grant.transport:
                self._part_from_connection(stream, GatewayError(KEY_REVOKED, f"the stream is published over {transport} now"))
            self._update_stream(stream, media, extra_info, transport)
            self.renew(stream.grant)
            return stream.grant
        if len(session.publishing) >= self._signaling.publishes_per_session:
            raise GatewayError(TOO_MANY_PUBLISHES, f"at most {self._signaling.publishes_per_session}")
        if self._streams_of_app.get(session.app, 0) >= self._apps[session.app].max_streams:
            raise GatewayError(OVERLOADED, "streams of this app")
        grant = self.grants.issue(session, Action.PUBLISH, stream_id, media, transport)
        stream = Stream(grant, session.room, extra_info=extra_info or "")
        session.publishing[stream_id] = stream
        self._enter(stream)
        self._record(grant)
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

    def lose(self, app: str, stream_id: str, grant_id: str) -> None:
        """The streamID turned out to be another publisher's: the stream of this grant ends. Harmless if it has ended."""
        stream = self.streams.get((app, stream_id))
        if stream is not None and stream.grant.id == grant_id:
            self._end_publishing(stream, Reason.REMOVED, STREAM_ID_TAKEN)

    def play(
        self, session: Session, stream_id: str, media: frozenset[Medium], mode: PlayMode, wait: bool, transport: str
    ) -> Grant:
        """Grants the session the right to play; a play of its own is updated, its running connections too.

        Raises PLAY_FORBIDDEN, STREAM_NOT_FOUND unless `wait`, TOO_MANY_PLAYS.
        """
        if (session.app, stream_id) in self.forbidden:
            raise GatewayError(PLAY_FORBIDDEN, "the stream is forbidden")
        stream = self.streams.get((session.app, stream_id))
        if (stream is None or not stream.announced) and not wait:
            raise GatewayError(STREAM_NOT_FOUND)
        grant = session.playing.get(stream_id)
        if grant is not None:
            grant.media, grant.mode, grant.wait, grant.transport = media, mode, wait, transport
            self.renew(grant)
            self.plane.update(grant)
            return grant
        if len(session.playing) >= self._signaling.plays_per_session:
            raise GatewayError(TOO_MANY_PLAYS, f"at most {self._signaling.plays_per_session}")
        grant = self.grants.issue(session, Action.PLAY, stream_id, media, transport, mode, wait)
        session.playing[stream_id] = grant
        self._plays.setdefault((session.app, stream_id), set()).add(grant)
        self._record(grant)
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
            self._record(grant)
            self.plane.update(grant)
        else:
            self._end_playing(grant)

    def publisher_gave_up(self, session: Session, stream_id: str) -> None:
        """The component that publishes a stream of the session's says that it has lost its connection and does not try
        again: a connection that looks alive is half open. The stream waits for the next one."""
        stream = session.publishing.get(stream_id)
        if stream is None:
            return
        self._part_from_connection(stream, GatewayError(PUBLISH_INTERRUPTED), PUBLISH_INTERRUPTED)
        if stream.state is not StreamState.ON_AIR and not _says(stream.told, PublisherState.REQUESTING, PUBLISH_INTERRUPTED):
            self._notice_publisher(stream, PublisherState.REQUESTING, PUBLISH_INTERRUPTED)

    def player_gave_up(self, session: Session, stream_id: str) -> None:
        """The same of the component that plays a stream. Nothing is said of a stream that is not on air."""
        grant = session.playing.get(stream_id)
        if grant is None:
            return
        if grant.connections:
            self.plane.cut(grant, GatewayError(PLAY_INTERRUPTED))
        stream = self.streams.get((grant.app, stream_id))
        on_air = stream is not None and stream.announced
        if on_air and not _says(grant.told, PlayerState.REQUESTING, PLAY_INTERRUPTED):
            self._notice_player(grant, PlayerState.REQUESTING, PLAY_INTERRUPTED)

    def mute(self, session: Session, stream_id: str, changes: Mapping[Medium, bool], permit: Permit = freely) -> None:
        """Tells the others that the publisher muted or unmuted a medium. Raises STREAM_NOT_FOUND, and what `permit` does."""
        stream = session.publishing.get(stream_id)
        if stream is None:
            raise GatewayError(STREAM_NOT_FOUND)
        muted = frozenset(m for m in Medium if changes.get(m, m in stream.muted))
        if muted == stream.muted:
            return
        permit()
        stream.muted = muted
        self._record(stream.grant)
        if stream.announced:
            self._tell_stream(stream, StreamMuted)

    def set_stream_extra_info(self, session: Session, stream_id: str, extra_info: str, permit: Permit = freely) -> None:
        """Tells the others what the publisher says about its stream.

        Raises STREAM_NOT_FOUND, STREAM_EXTRA_INFO_TOO_LONG, and what `permit` does.
        """
        check_size(extra_info, self._signaling.stream_extra_bytes, STREAM_EXTRA_INFO_TOO_LONG)
        stream = session.publishing.get(stream_id)
        if stream is None:
            raise GatewayError(STREAM_NOT_FOUND)
        if extra_info == stream.extra_info:
            return
        permit()
        stream.extra_info = extra_info
        self._record(stream.grant)
        if stream.announced:
            self._tell_stream(stream, StreamExtraInfoChanged)


def _says(told: object, state: PublisherState | PlayerState, fault: Fault) -> bool:
    """Whether the last notice was this one."""
    return isinstance(told, PublisherNotice | PlayerNotice) and told.state is state and told.fault is fault
