"""What is known of a call when somebody asks: how it does now, if it goes on, and what became of it so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from gateway.errors import ROOM_NOT_FOUND, STORE_UNAVAILABLE, STREAM_NOT_FOUND, GatewayError
from gateway.quality.history import History, Numbered
from gateway.quality.overview import FIRST, Overview
from gateway.quality.pages import Page
from gateway.rooms.store import StoreUnavailableError

_WAY_OUT = "limit=0 tells how it does now"
"""For those who ask about a call that goes on while the store is away."""


class Overviews(Protocol):
    """The calls that go on."""

    def overview(self, app: str, page: Page = FIRST, *, room_id: str = "", stream_id: str = "") -> Overview | None:
        """How a room's or a stream's legs do now, in Unix time; None: there is no such room, or no such stream.

        Raises INVALID_PARAMS for a page that follows none.
        """

    def outside(self, app: str, page: Page) -> Overview:
        """How what is published in no room comes in, by the order of streamIDs, without viewers; a page may begin after any."""


@dataclass(frozen=True, slots=True)
class Call:
    """A room's or a stream's calls, now and before."""

    overview: Overview | None
    """None: nobody is there now."""
    timeline: Sequence[Numbered]
    """A page of what happened, in order of time."""
    next_after: str | None
    """What the next page comes after; None: nothing has happened since, or nothing of it was wanted."""


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of a timeline is wanted."""

    since: float = 0.0
    """Unix time in seconds."""
    after: str = ""
    """The number of the entry that it follows; empty: it begins with the first."""
    limit: int = 100
    """0: none of it. What is there now is told then even if the store is away."""
    legs: Page = FIRST
    """Which of those who publish and play now."""

    @property
    def whole(self) -> bool:
        """It begins where the timeline begins."""
        return self.since <= 0 and not self.after


class Calls:
    """All calls of this process, and what the history has of others."""

    def __init__(self, overviews: Overviews, history: History) -> None:
        self._overviews = overviews
        self._history = history

    async def room(self, app: str, room_id: str, span: Span) -> Call:
        """What is known of a room. Raises ROOM_NOT_FOUND if nothing is, and STORE_UNAVAILABLE."""
        call = await self._call(app, span, room_id=room_id)
        if call is None:
            raise GatewayError(ROOM_NOT_FOUND)
        return call

    async def stream(self, app: str, stream_id: str, span: Span) -> Call:
        """What is known of a stream. Raises STREAM_NOT_FOUND if nothing is, and STORE_UNAVAILABLE."""
        call = await self._call(app, span, stream_id=stream_id)
        if call is None:
            raise GatewayError(STREAM_NOT_FOUND)
        return call

    def outside(self, app: str, page: Page) -> Overview:
        """How what is published in no room comes in now, by the order of the streamIDs; what `stream` tells of each has its
        viewers and timeline. A page may begin after any streamID."""
        return self._overviews.outside(app, page)

    async def _call(self, app: str, span: Span, *, room_id: str = "", stream_id: str = "") -> Call | None:
        wanted = {"room_id": room_id, "stream_id": stream_id}
        if span.limit == 0:
            if (overview := self._overviews.overview(app, span.legs, **wanted)) is not None:
                return Call(overview, (), None)
            span = replace(span, since=0.0, after="")  # all there is to know is whether anything ever was
        found = await self._timeline(app, span, **wanted)
        overview = self._overviews.overview(app, span.legs, **wanted)
        if overview is None and not found and (span.whole or not await self._timeline(app, Span(limit=0), **wanted)):
            return None
        page = found[: span.limit]
        return Call(overview, page, page[-1].number if page and len(found) > len(page) else None)

    async def _timeline(self, app: str, span: Span, room_id: str, stream_id: str) -> Sequence[Numbered]:
        """A page, and the entry after it if there is one."""
        try:
            return await self._history.timeline(
                app, room_id=room_id, stream_id=stream_id, since=span.since, after=span.after, limit=span.limit + 1
            )
        except StoreUnavailableError as error:
            live = self._overviews.overview(app, room_id=room_id, stream_id=stream_id) is not None
            raise GatewayError(STORE_UNAVAILABLE, _WAY_OUT if live else "") from error
