"""Streams and the grants to publish and to play them: what media do, what ends them, and who is told.

The lowest layer of the registry (`registry.py`). Everything a stream's publisher or player is told starts here, and so does
every cut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Protocol

from gateway.auth.access import AccessRequest, Action
from gateway.config import AppSettings, MediaSettings, SignalingSettings
from gateway.errors import (
    KEY_REVOKED,
    OVERLOADED,
    PLAY_FORBIDDEN,
    PLAY_INTERRUPTED,
    PUBLISH_FORBIDDEN,
    PUBLISH_INTERRUPTED,
    PUBLISH_LOST,
    STREAM_ID_TAKEN,
    STREAM_NOT_FOUND,
    Fault,
    GatewayError,
)
from gateway.quality.checkup import Finding, StreamFacts, examine
from gateway.rooms.announcements import Announcements
from gateway.rooms.events import (
    PlayerNotice,
    PlayerState,
    PublisherNotice,
    PublisherState,
    RoomEvent,
    StreamAdded,
    StreamRemoved,
    StreamUpdated,
)
from gateway.rooms.grants import Grants
from gateway.rooms.model import Grant, Medium, Reason, Room, Session, Stream, StreamState, StreamView
from gateway.rooms.record import GrantEnded, GrantRecord, Journal, StreamForbidden, keep_nothing
from gateway.timers import Timer, Timers

_FORBIDDEN = 10_000
"""Streams of one app that can be forbidden at once."""


class MediaPlane(Protocol):
    """What the registry needs of the media side."""

    def cut(self, grant: Grant, error: GatewayError) -> None:
        """Ends every connection that uses this grant, telling it why."""

    def end(self, app: str, stream_id: str, error: GatewayError | None) -> None:
        """The stream is over: its viewers are let go."""

    def update(self, grant: Grant) -> None:
        """A play grant's media or mode changed: its running connections follow."""


class StreamBook:
    """The streams and grants of this process."""

    def __init__(
        self, apps: Mapping[str, AppSettings], signaling: SignalingSettings, media: MediaSettings, grants: Grants,
        timers: Timers, journal: Journal = keep_nothing,
    ) -> None:  # fmt: skip
        self._apps = apps
        self._signaling = signaling
        self._media = media
        self.grants = grants
        self._timers = timers
        self._journal = journal
        self.announcements = Announcements(signaling.replay_events, signaling.replay_bytes, journal)
        self._plane: MediaPlane | None = None
        self.on_findings: Callable[[Stream, tuple[Finding, ...]], None] = _unheard
        """Called with what was found in a stream, once per connection of its publisher; not if that is nothing."""
        self.streams: dict[tuple[str, str], Stream] = {}
        self.forbidden: dict[tuple[str, str], None] = {}
        """By app and streamID: what may be neither published nor played."""
        self._plays: dict[tuple[str, str], set[Grant]] = {}
        self._grace: dict[Stream, Timer] = {}
        self._streams_of_app: dict[str, int] = {}

    def connect(self, plane: MediaPlane) -> None:
        """Joins the two halves; called once, while the gateway is put together."""
        self._plane = plane

    @property
    def plane(self) -> MediaPlane:
        if self._plane is None:
            raise RuntimeError("the registry is not connected to a media plane")
        return self._plane

    def renew(self, grant: Grant) -> None:
        """The grant's addresses are handed out once more: an unused key has its full time again."""
        self.grants.renew(grant)
        self._record(grant)

    # What the server's side wants ----------------------------------------------------------------------------------

    def forbid_stream(self, app: str, stream_id: str) -> bool:
        """From now on nobody publishes or plays the stream; who does is cut. False: it was forbidden already.

        Lives as long as the process. Raises OVERLOADED if too many streams are forbidden.
        """
        if (app, stream_id) in self.forbidden:
            return False
        if sum(owner == app for owner, _ in self.forbidden) >= _FORBIDDEN:
            raise GatewayError(OVERLOADED, "forbidden streams")
        self.forbidden[app, stream_id] = None
        self._journal(StreamForbidden(app, stream_id, True))
        for play in list(self._plays.get((app, stream_id), ())):
            self._end_playing(play, PLAY_FORBIDDEN)
        if stream := self.streams.get((app, stream_id)):
            self._end_publishing(stream, Reason.REMOVED, PUBLISH_FORBIDDEN)
        return True

    def resume_stream(self, app: str, stream_id: str) -> bool:
        """The stream may be published and played again. False: it was not forbidden."""
        if (app, stream_id) not in self.forbidden:
            return False
        del self.forbidden[app, stream_id]
        self._journal(StreamForbidden(app, stream_id, False))
        return True

    # What an earlier process left ----------------------------------------------------------------------------------

    def restore_publishing(self, grant: Grant, room: Room, media: frozenset[Medium], extra_info: str) -> Stream:
        """A stream that was published before the gateway was started anew. `media`: what arrived, if others knew of it."""
        self.grants.restore(grant)
        stream = Stream(grant, room, StreamState.ON_AIR if media else StreamState.AWAITED, media, extra_info=extra_info)
        if grant.session is not None:
            grant.session.publishing[grant.stream_id] = stream
        self._enter(stream)
        return stream

    def restore_playing(self, grant: Grant) -> None:
        """A play that there was before the gateway was started anew."""
        self.grants.restore(grant)
        if grant.session is not None:
            grant.session.playing[grant.stream_id] = grant
        self._plays.setdefault((grant.app, grant.stream_id), set()).add(grant)

    def withdraw(self, stream: Stream, reason: Reason) -> None:
        """The stream's media is over, as far as others know of it; its grant stays."""
        self._off_air(stream, reason, None)

    # What the media plane sees -------------------------------------------------------------------------------------

    def admit(self, request: AccessRequest) -> Grant:
        """Answers a media connection: its grant, or a GatewayError with the reason."""
        grant = self.grants.admit(request)
        if (grant.app, grant.stream_id) in self.forbidden:
            raise GatewayError(PUBLISH_FORBIDDEN if grant.action is Action.PUBLISH else PLAY_FORBIDDEN, "the stream is forbidden")
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
        self._keep(grant)
        stream = self.streams.get((grant.app, grant.stream_id))
        if stream is None:
            self._enter(Stream(grant, None))
            return
        stream.findings = ()
        if timer := self._grace.pop(stream, None):
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

    def examined(self, grant: Grant, facts: StreamFacts) -> None:
        """A publishing connection was looked at for some seconds. If something is wrong with it, its publisher is told."""
        stream = self.streams.get((grant.app, grant.stream_id))
        if stream is None or stream.grant is not grant:
            return
        stream.findings = findings = examine(facts, grant.media - stream.muted if grant.session else None)
        if not findings:
            return
        if grant.session and isinstance(stream.told, PublisherNotice):
            stream.told = replace(stream.told, fault=None, detail="", findings=findings)  # what was wrong before it is over
            grant.session.deliver(stream.told)
        self.on_findings(stream, findings)

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
        self._keep(grant)
        stream = self.streams.get((grant.app, grant.stream_id))
        if stream is not None and stream.announced and grant.connections == 1:
            self._notice_player(grant, PlayerState.PLAYING)

    def viewer_left(self, grant: Grant, error: GatewayError | None) -> None:
        """A playing connection went away by itself, or could not keep up."""
        grant.connections -= 1
        if grant.connections:
            return
        if grant.session is None:
            self._revoke(grant)
            return
        stream = self.streams.get((grant.app, grant.stream_id))
        if self.grants.lives(grant) and stream is not None and stream.announced:
            self._notice_player(grant, PlayerState.REQUESTING, error.fault if error else PLAY_INTERRUPTED)

    # ---------------------------------------------------------------------------------------------------------------

    def _enter(self, stream: Stream) -> None:
        self.streams[stream.grant.app, stream.id] = stream
        count(self._streams_of_app, stream.grant.app, 1)

    def _update_stream(self, stream: Stream, media: frozenset[Medium], extra_info: str | None, transport: str) -> None:
        before = stream.view()
        stream.grant.media, stream.grant.transport = media, transport
        if extra_info is not None:
            stream.extra_info = extra_info
        self._record(stream.grant)
        if stream.announced and stream.view() != before:
            self._tell_stream(stream, StreamUpdated)

    def _part_from_connection(self, stream: Stream, error: GatewayError, fault: Fault | None = None) -> None:
        """The connection that publishes the stream, if there is one, gives way to another with the same grant. `fault`: for
        the publisher."""
        grant = stream.grant
        if grant.connections:
            grant.connections -= 1
            self.plane.cut(grant, error)
            if stream.announced:
                self._interrupt(stream, fault)

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
            stream.state, stream.media, stream.findings = StreamState.AWAITED, frozenset(), ()
            for play in self._plays.get((grant.app, grant.stream_id), ()):
                self._notice_player(play, PlayerState.NONE, STREAM_NOT_FOUND)
        self.plane.end(grant.app, grant.stream_id, None)
        if grant.session is None:
            self._forget(stream)

    def _end_publishing(self, stream: Stream, reason: Reason, fault: Fault | None = None) -> None:
        """The grant ends, and with it whatever is connected and on air."""
        self._revoke(stream.grant)
        self.plane.cut(stream.grant, GatewayError(fault or KEY_REVOKED))
        self._off_air(stream, reason, fault)
        self._forget(stream)

    def _forget(self, stream: Stream) -> None:
        grant = stream.grant
        self._revoke(grant)
        if self.streams.get((grant.app, grant.stream_id)) is stream:
            del self.streams[grant.app, grant.stream_id]
            count(self._streams_of_app, grant.app, -1)
        if grant.session is not None:
            grant.session.publishing.pop(grant.stream_id, None)

    def _end_playing(self, grant: Grant, fault: Fault | None = None) -> None:
        self._revoke(grant)
        self.plane.cut(grant, GatewayError(fault or KEY_REVOKED))
        if grant.session is not None:
            grant.session.playing.pop(grant.stream_id, None)
        plays = self._plays[grant.app, grant.stream_id]
        plays.discard(grant)
        if not plays:
            del self._plays[grant.app, grant.stream_id]
        self._notice_player(grant, PlayerState.NONE, fault)

    # Keeping the books ---------------------------------------------------------------------------------------------

    def _keep(self, grant: Grant) -> None:
        """A connection with the grant's key was accepted."""
        first = not grant.used
        self.grants.keep(grant)
        grant.connections += 1
        if first:
            self._record(grant)

    def _revoke(self, grant: Grant) -> None:
        if self.grants.lives(grant):
            self.grants.revoke(grant)
            self._journal(GrantEnded(grant.app, grant.id, grant.stream_id))

    def _record(self, grant: Grant) -> None:
        stream = self.streams.get((grant.app, grant.stream_id)) if grant.action is Action.PUBLISH else None
        self._journal(GrantRecord.of(grant, stream))

    # Telling -------------------------------------------------------------------------------------------------------

    def restate(self, session: Session) -> None:
        """Tells a session once more how its publishing and its playing are doing."""
        told = [stream.told for stream in session.publishing.values()] + [grant.told for grant in session.playing.values()]
        for notice in told:
            if notice is not None:
                session.deliver(notice)

    def _tell_stream(self, stream: Stream, event: Callable[[str, int, str, StreamView], RoomEvent]) -> None:
        if room := stream.room:
            user, view = stream.grant.user_id, stream.view()
            self.announcements.tell(room, lambda room_id, seq: event(room_id, seq, user, view))

    @staticmethod
    def _notice_publisher(stream: Stream, state: PublisherState, fault: Fault | None = None, detail: str = "") -> None:
        if session := stream.grant.session:
            stream.told = PublisherNotice(session.room.id, stream.id, state, fault, detail)
            session.deliver(stream.told)

    @staticmethod
    def _notice_player(grant: Grant, state: PlayerState, fault: Fault | None = None) -> None:
        if session := grant.session:
            grant.told = PlayerNotice(session.room.id, grant.stream_id, state, fault)
            session.deliver(grant.told)


def _unheard(stream: Stream, findings: tuple[Finding, ...]) -> None:
    """Nobody else wants to know."""


def count(counts: dict[str, int], key: str, by: int) -> None:
    """Adds to a tally that forgets its zeroes."""
    counts[key] = counts.get(key, 0) + by
    if not counts[key]:
        del counts[key]
