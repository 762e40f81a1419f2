"""Pages of a list whose members come and go between one page and the next. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from gateway.errors import INVALID_PARAMS, GatewayError

Rank: TypeAlias = tuple[bool, str]
"""What members are ordered by: whether they are of the second kind, and a name, which several may share."""
_PLACE = re.compile(r"([01])\.([0-9]{1,9})\.(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted."""

    limit: int
    """How many at most; 0: none."""
    after: str = ""
    """The place that the page before named; empty: it begins with the first."""


def cut(ranks: Sequence[Rank], page: Page) -> tuple[Sequence[int], str | None]:
    """Which members are on the page, and the place where the next begins; None: no more follow, or none were wanted.

    They are in order, or as they come where one page holds them all. Raises INVALID_PARAMS for a place that no page named.
    """
    if not page.after and len(ranks) <= page.limit:
        return range(len(ranks)), None
    order = sorted(range(len(ranks)), key=ranks.__getitem__)
    start = _after(order, ranks, page.after) if page.after else 0
    end = start + page.limit
    members = order[start:end]
    return members, _place(order, ranks, end) if members and end < len(order) else None


def _place(order: Sequence[int], ranks: Sequence[Rank], end: int) -> str:
    """Names the place before `end`. By the member before it, as others come and go; and by how many of its name were on this
    page or an earlier one."""
    second, name = last = ranks[order[end - 1]]
    return f"{second:d}.{end - bisect_left(order, last, key=ranks.__getitem__)}.{name}"


def _after(order: Sequence[int], ranks: Sequence[Rank], place: str) -> int:
    found = _PLACE.fullmatch(place)
    if found is None:
        raise GatewayError(INVALID_PARAMS, "a page comes after what the page before has named")
    last = found[1] == "1", found[3]
    return min(bisect_left(order, last, key=ranks.__getitem__) + int(found[2]), bisect_right(order, last, key=ranks.__getitem__))
