"""How the legs of a session, a room or a stream do, put together when somebody asks. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from gateway.quality.legs import FRESH, Downlink, Legs, Place, Uplink
from gateway.quality.overview import Overview, PlayView, PublishView
from gateway.quality.pages import Page, cut
from gateway.quality.reports import MediaReport
from gateway.quality.verdict import Level, Verdict, blame
from gateway.rooms.model import Grant, Room, Session, Stream

_Published: TypeAlias = tuple[Stream, Uplink]
_Played: TypeAlias = tuple[Downlink, Stream | None, Uplink | None]
"""A viewer's leg, what it plays, and the leg of who publishes that."""


class Gathered:
    """Legs that were asked for, as they are at this moment. Most who ask want no more than the levels, and look no further."""

    __slots__ = ("_now", "_played", "_published", "_server", "levels")

    def __init__(
        self, server: Verdict, published: list[_Published], played: list[_Played], levels: list[object], now: float
    ) -> None:
        self._server = server
        self._published = published
        self._played = played
        self._now = now
        self.levels = levels
        """The server's, and of each stream its id and its legs', in the overview's order. Where they are equal the overviews
        name the same legs, levels and blame, which follows from the levels."""

    @property
    def flows(self) -> bool:
        """Something is connected."""
        return bool(self._published) or any(leg.measured is not None for leg, _, _ in self._played)

    def overview(self) -> Overview:
        """All there is to tell of them."""
        publishing = tuple(self._publish_view(*one) for one in self._published)
        return Overview(self._server, publishing, tuple(self._play_view(*one) for one in self._played))

    def part(self, page: Page) -> Overview:
        """The same of those on the page: publishers before viewers, by the order of userIDs. Raises INVALID_PARAMS."""
        ranks = [(False, stream.grant.user_id) for stream, _ in self._published]
        publishers = len(ranks)
        ranks += [(True, leg.grant.user_id) for leg, _, _ in self._played]
        members, following = cut(ranks, page)
        publishing = tuple(self._publish_view(*self._published[one]) for one in members if one < publishers)
        playing = tuple(self._play_view(*self._played[one - publishers]) for one in members if one >= publishers)
        return Overview(self._server, publishing, playing, following)

    def first_published(self, limit: int) -> Overview:
        """So many of those who publish. The next page of them begins after the last one's streamID."""
        first = self._published[:limit]
        publishing = tuple(self._publish_view(*one) for one in first)
        return Overview(self._server, publishing, (), first[-1][0].id if first and len(self._published) > limit else None)

    def _publish_view(self, stream: Stream, leg: Uplink) -> PublishView:
        grant = stream.grant
        return PublishView(
            grant.user_id, grant.stream_id, grant.transport, leg.case.verdict, leg.measured, self._told(leg), stream.findings,
            stream.muted,
        )  # fmt: skip

    def _play_view(self, leg: Downlink, stream: Stream | None, source: Uplink | None) -> PlayView:
        grant, downlink = leg.grant, leg.case.verdict
        uplink = source.case.verdict if source is not None else Verdict(since=self._now)
        return PlayView(
            grant.user_id, grant.stream_id, grant.transport, grant.mode, uplink, downlink,
            blame(uplink, self._server, downlink), leg.measured, self._told(leg),
            source.measured if source is not None else None, stream.muted if stream is not None else frozenset(),
        )  # fmt: skip

    def _told(self, leg: Uplink | Downlink) -> MediaReport | None:
        return leg.told.report if self._now < leg.told.at + FRESH else None


class Views:
    """Legs that have never been connected are left out. Times are the loop's."""

    def __init__(
        self, streams: Mapping[Place, Stream], legs: Legs, server: Callable[[], Verdict], clock: Callable[[], float]
    ) -> None:
        self._streams = streams
        self._legs = legs
        self._server = server
        self._clock = clock

    def of_session(self, session: Session) -> Gathered:
        """What it publishes and plays itself. Asked for every session every second."""
        return self._gather(session.publishing.values(), self._own(session.playing.values()))

    def of_room(self, room: Room, page: Page) -> Overview:
        """Raises INVALID_PARAMS."""
        sessions = room.sessions.values()
        publishing = [stream for session in sessions for stream in session.publishing.values()]
        playing = [grant for session in sessions for grant in session.playing.values()]
        return self._gather(publishing, self._own(playing)).part(page)

    def of_stream(self, stream: Stream, page: Page) -> Overview:
        """Raises INVALID_PARAMS."""
        place = (stream.grant.app, stream.id)
        legs = [*self._legs.downlinks.values(), *self._legs.strangers.values()]
        playing = [leg for leg in legs if (leg.grant.app, leg.grant.stream_id) == place]
        return self._gather([stream], playing).part(page)

    def outside(self, app: str, page: Page) -> Overview:
        """What is published in no room, by the order of the streamIDs, without viewers. A page may begin after any streamID."""
        own = (stream for (owner, _), stream in self._streams.items() if owner == app and stream.room is None)
        streams = sorted((stream for stream in own if stream.id > page.after), key=lambda stream: stream.id)
        return self._gather(streams, ()).first_published(page.limit)

    def _own(self, grants: Iterable[Grant]) -> list[Downlink]:
        downlinks = self._legs.downlinks
        return [leg for grant in grants if (leg := downlinks.get(grant.id)) is not None]

    def _gather(self, publishing: Iterable[Stream], playing: Iterable[Downlink]) -> Gathered:
        uplinks, streams, server = self._legs.uplinks, self._streams, self._server()
        published: list[_Published] = []
        played: list[_Played] = []
        levels: list[object] = [server.level]
        for stream in publishing:
            leg = uplinks.get(stream.grant.id)
            if leg is not None and leg.measured is not None:
                published.append((stream, leg))
                levels += (stream.grant.stream_id, leg.case.verdict.level)
        for viewer in playing:
            if viewer.begun:
                grant = viewer.grant
                source = streams.get((grant.app, grant.stream_id))
                leg = uplinks.get(source.grant.id) if source is not None else None
                played.append((viewer, source, leg))
                uplink = leg.case.verdict.level if leg is not None else Level.GOOD
                levels += (grant.stream_id, uplink, viewer.case.verdict.level)
        return Gathered(server, published, played, levels, self._clock())
