"""What is known of a call when somebody asks: how it does now, if it goes on, and what became of it so far."""

from __future__ import annotations

import asyncio
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from typing import Protocol, TypeAlias

from gateway.errors import INVALID_PARAMS, ROOM_NOT_FOUND, STORE_UNAVAILABLE, STREAM_NOT_FOUND, GatewayError
from gateway.quality.history import History, Numbered
from gateway.quality.legs import Legs
from gateway.quality.overview import Overview, PlayView, PublishView
from gateway.rooms.store import StoreUnavailableError

LEGS = 1000
"""Ways of media in one answer at most: more than a full call of thirty has, and less than a megabyte of words."""

_WAY_OUT = "limit=0 tells how it does now"
"""For those who ask about a call that goes on while the store is away."""
_View: TypeAlias = PublishView | PlayView
_PLACE = re.compile(r"([01])\.([0-9]{1,9})\.(.*)", re.DOTALL)
"""What a page of legs comes after: publishers or viewers, how many of a user's were told, and whose."""


class Overviews(Protocol):
    """The calls that go on."""

    @property
    def book(self) -> Legs:
        """Every leg that is watched."""

    def overview(self, app: str, *, room_id: str = "", stream_id: str = "") -> Overview | None:
        """How a room's or a stream's legs do now, in Unix time; None: there is no such room, or no such stream."""


@dataclass(frozen=True, slots=True)
class Call:
    """A room's or a stream's calls, now and before."""

    overview: Overview | None
    """None: nobody is there now."""
    timeline: Sequence[Numbered]
    """A page of what happened, in order of time."""
    next_after: str | None
    """What the next page comes after; None: nothing has happened since, or nothing of it was wanted."""
    next_leg: str | None = None
    """What the next page of legs comes after; None: the overview has all the others, or none were wanted."""


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of a timeline is wanted."""

    since: float = 0.0
    """Unix time in seconds."""
    after: str = ""
    """The number of the entry that it follows; empty: it begins with the first."""
    limit: int = 100
    """0: none of it. What is there now is told then even if the store is away."""
    legs: int = LEGS
    """How many ways of media the overview has at most; 0: none."""
    after_leg: str = ""
    """The `next_leg` of the page before; empty: they begin with the first."""

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
        """What is known of a room. Raises ROOM_NOT_FOUND if nothing is, and STORE_UNAVAILABLE.

        Of an empty `room_id`: what is published in no room, by the order of the streamIDs, which `after_leg` and `next_leg`
        are then. It has no viewers and no timeline: `stream` has them.
        """
        if not room_id:
            return await self._outside(app, span)
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

    async def _call(self, app: str, span: Span, *, room_id: str = "", stream_id: str = "") -> Call | None:
        wanted = {"room_id": room_id, "stream_id": stream_id}
        if span.limit == 0:
            if (overview := self._overviews.overview(app, **wanted)) is not None:
                return _part(overview, span, (), None)
            span = replace(span, since=0.0, after="")  # all there is to know is whether anything ever was
        found = await self._timeline(app, span, **wanted)
        overview = self._overviews.overview(app, **wanted)
        if overview is None and not found and (span.whole or not await self._timeline(app, Span(limit=0), **wanted)):
            return None
        page = found[: span.limit]
        next_after = page[-1].number if page and len(found) > len(page) else None
        return _part(overview, span, page, next_after) if overview is not None else Call(None, page, next_after)

    async def _outside(self, app: str, span: Span) -> Call:
        """The publishers of streams in no room."""
        grants = (leg.grant for leg in self._overviews.book.uplinks.values())
        ids = {grant.stream_id for grant in grants if grant.app == app and grant.session is None}
        page = nsmallest(span.legs + 1, (one for one in ids if one > span.after_leg))
        found: list[Overview] = []
        for stream_id in page[: span.legs]:
            if (overview := self._overviews.overview(app, stream_id=stream_id)) is not None:
                found.append(overview)
            await asyncio.sleep(0)  # each is looked for among all who play
        publishing = tuple(view for one in found for view in one.publishing)
        overview = replace(found[-1], publishing=publishing, playing=()) if found else None
        return Call(overview, (), None, page[-2] if len(page) > span.legs else None)

    async def _timeline(self, app: str, span: Span, room_id: str, stream_id: str) -> Sequence[Numbered]:
        """A page, and the entry after it if there is one."""
        try:
            return await self._history.timeline(
                app, room_id=room_id, stream_id=stream_id, since=span.since, after=span.after, limit=span.limit + 1
            )
        except StoreUnavailableError as error:
            live = self._overviews.overview(app, room_id=room_id, stream_id=stream_id) is not None
            raise GatewayError(STORE_UNAVAILABLE, _WAY_OUT if live else "") from error


def _part(overview: Overview, span: Span, timeline: Sequence[Numbered], next_after: str | None) -> Call:
    """A call with those of its legs that are wanted: publishers before viewers, each by the order of their userIDs; as they
    come where one page holds them all. Raises INVALID_PARAMS."""
    legs: list[_View] = [*overview.publishing, *overview.playing]
    if not span.after_leg and len(legs) <= span.legs:
        return Call(overview, timeline, next_after)
    legs.sort(key=_order)
    start = _after(legs, span.after_leg) if span.after_leg else 0
    end = start + span.legs
    page = legs[start:end]
    part = replace(
        overview,
        publishing=tuple(one for one in page if isinstance(one, PublishView)),
        playing=tuple(one for one in page if isinstance(one, PlayView)),
    )
    return Call(part, timeline, next_after, _place(legs, end) if page and end < len(legs) else None)


def _order(view: _View) -> tuple[bool, str]:
    return isinstance(view, PlayView), view.user_id


def _place(legs: Sequence[_View], end: int) -> str:
    """Names the place behind the legs that were told. By the user, as others come and go; and by how many of the user's
    legs were told, as any number of viewers may share a signed address."""
    last = _order(legs[end - 1])
    return f"{last[0]:d}.{end - bisect_left(legs, last, key=_order)}.{last[1]}"


def _after(legs: Sequence[_View], place: str) -> int:
    """Where the legs behind this place begin. Raises INVALID_PARAMS."""
    found = _PLACE.fullmatch(place)
    if found is None:
        raise GatewayError(INVALID_PARAMS, "afterLeg takes the nextLeg of the page before")
    last = found[1] == "1", found[3]
    return min(bisect_left(legs, last, key=_order) + int(found[2]), bisect_right(legs, last, key=_order))
