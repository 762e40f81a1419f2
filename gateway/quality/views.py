"""How the legs of a session, a room or a stream do, put together when somebody asks. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from gateway.quality.legs import FRESH, Downlink, Legs, Place, Uplink
from gateway.quality.overview import Overview, PlayView, PublishView
from gateway.quality.reports import MediaReport
from gateway.quality.verdict import Verdict, blame
from gateway.rooms.model import Grant, Room, Session, Stream

_View = TypeVar("_View")


class Views:
    """Legs that have never been connected are left out. Times are the loop's."""

    def __init__(
        self, streams: Mapping[Place, Stream], legs: Legs, server: Callable[[], Verdict], clock: Callable[[], float]
    ) -> None:
        self._streams = streams
        self._legs = legs
        self._server = server
        self._clock = clock

    def of_session(self, session: Session) -> Overview:
        published = [self._published(stream) for stream in session.publishing.values()]
        played = [self._played(grant) for grant in session.playing.values()]
        return Overview(self._server(), _present(published), _present(played))

    def of_room(self, room: Room) -> Overview:
        own = [self.of_session(session) for session in room.sessions.values()]
        publishing = tuple(view for one in own for view in one.publishing)
        return Overview(self._server(), publishing, tuple(view for one in own for view in one.playing))

    def of_stream(self, stream: Stream) -> Overview:
        place = (stream.grant.app, stream.id)
        legs = [*self._legs.downlinks.values(), *self._legs.strangers.values()]
        playing = [self._view(leg) for leg in legs if (leg.grant.app, leg.grant.stream_id) == place]
        return Overview(self._server(), _present([self._published(stream)]), _present(playing))

    def _published(self, stream: Stream) -> PublishView | None:
        leg = self._legs.uplinks.get(stream.grant.id)
        if leg is None or leg.measured is None:
            return None
        return PublishView(
            stream.grant.user_id, stream.id, stream.grant.transport, leg.case.verdict, leg.measured, self._told(leg),
            stream.findings, stream.muted,
        )  # fmt: skip

    def _played(self, grant: Grant) -> PlayView | None:
        leg = self._legs.downlinks.get(grant.id)
        return self._view(leg) if leg is not None else None

    def _view(self, leg: Downlink) -> PlayView | None:
        grant = leg.grant
        if not leg.begun:
            return None
        stream = self._streams.get((grant.app, grant.stream_id))
        source = self._legs.uplinks.get(stream.grant.id) if stream is not None else None
        uplink = source.case.verdict if source is not None else Verdict(since=self._clock())
        downlink = leg.case.verdict
        return PlayView(
            grant.user_id, grant.stream_id, grant.transport, grant.mode, uplink, downlink,
            blame(uplink, self._server(), downlink), leg.measured, self._told(leg),
            source.measured if source is not None else None, stream.muted if stream is not None else frozenset(),
        )  # fmt: skip

    def _told(self, leg: Uplink | Downlink) -> MediaReport | None:
        return leg.told.report if self._clock() < leg.told.at + FRESH else None


def _present(views: Iterable[_View | None]) -> tuple[_View, ...]:
    return tuple(view for view in views if view is not None)
