"""What a client has said since it was last listened to: a few things, each with the moment at which it was said. Pure.

Over a socket one thing comes at a time; over HTTP several that were gathered come together, in any order. Each of them is one
word about another moment.
"""

from __future__ import annotations

from bisect import bisect_right

from gateway.quality.component_codes import ComponentCode
from gateway.quality.reports import MediaReport
from gateway.quality.witness import TOGETHER

REPORTS = 3
"""Reports that are kept: as many as are looked at to believe one. The oldest give way."""
TIMES = 2
"""Moments that are kept of each code, likewise."""


class Inbox:
    """One client's words about one leg."""

    __slots__ = ("_codes", "_heard_at", "_reports")

    def __init__(self) -> None:
        self._reports: list[tuple[float, MediaReport]] = []
        """With the moments at which they were made, in order."""
        self._codes: dict[int, tuple[ComponentCode, list[float]]] = {}
        """By their numbers."""
        self._heard_at = float("-inf")
        """When the newest report was made that was listened to."""

    def report(self, report: MediaReport, at: float) -> None:
        """One that is older than what was listened to already says nothing new. Of several at the same time the last counts."""
        if at < self._heard_at:
            return
        reports = self._reports
        place = bisect_right(reports, at, key=_moment)
        if place and at - reports[place - 1][0] < TOGETHER:
            reports[place - 1] = at, report
        else:
            reports.insert(place, (at, report))
            del reports[:-REPORTS]

    def code(self, code: ComponentCode, at: float) -> None:
        """A component's code."""
        _, times = self._codes.setdefault(code.number, (code, []))
        times.insert(bisect_right(times, at), at)
        del times[:-TIMES]

    def __bool__(self) -> bool:
        """Something is in it."""
        return bool(self._reports or self._codes)

    def reports(self) -> list[tuple[float, MediaReport]]:
        """Takes out the reports, in order."""
        taken, self._reports = self._reports, []
        if taken:
            self._heard_at = taken[-1][0]
        return taken

    def codes(self) -> list[tuple[float, ComponentCode]]:
        """Takes out the codes, those of one number in order."""
        taken, self._codes = self._codes, {}
        return [(at, code) for code, times in taken.values() for at in times]


def _moment(one: tuple[float, MediaReport]) -> float:
    return one[0]
