"""Turns: work that is due, a little of it in each iteration of the event loop.

Writing to many viewers takes longer than anyone else on the loop should have to wait. What is due queues here; one
iteration does as much as the budget allows, and the loop is given back before the next.
"""

from __future__ import annotations

from asyncio import TimerHandle
from collections import deque
from collections.abc import Callable
from typing import Protocol, TypeAlias

CallLater: TypeAlias = Callable[..., TimerHandle]
"""`loop.call_later`."""


class Due(Protocol):
    """Something that is to be done in its turn."""

    def flush(self) -> int:
        """Does it, or a part after which it has queued again; gives what it cost, in the unit of the budget."""


class Turns:
    """The queue of what is due. One event loop iteration spends `budget`, hardly more."""

    __slots__ = ("_budget", "_call_later", "_due", "_scheduled")

    def __init__(self, call_later: CallLater, budget: int) -> None:
        self._call_later = call_later
        self._budget = budget
        self._due: deque[Due] = deque()
        self._scheduled = False

    def add(self, due: Due) -> None:
        """`due` gets its turn in the next iteration, or after those that wait already."""
        self._due.append(due)
        self._schedule()

    def _take(self) -> None:
        self._scheduled = False
        due = self._due
        last = len(due)  # what queues again while it is served waits for the next iteration
        spent = 0
        try:
            while last and spent < self._budget:
                last -= 1
                spent += due.popleft().flush()
        finally:
            if due:
                self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._call_later(0, self._take)
