"""One heap of deadlines for the whole process: sessions, grants and keys all wait here.

Pure: `now` comes in, callbacks go out. The event loop arms one timer for `next_deadline` (see `app.py`).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count


class Timer:
    """One deadline. Cancelling it is cheap; the heap forgets it when its time comes or when too many are cancelled."""

    __slots__ = ("_callback", "_timers", "at")

    def __init__(self, timers: Timers, at: float, callback: Callable[[], None]) -> None:
        self.at = at
        self._timers = timers
        self._callback: Callable[[], None] | None = callback

    @property
    def pending(self) -> bool:
        return self._callback is not None

    def cancel(self) -> None:
        if self._callback is not None:
            self._callback = None
            self._timers._cancelled += 1

    def _fire(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Timers:
    """Deadlines in order. `on_earlier` is called when a new deadline comes before all others."""

    def __init__(self, clock: Callable[[], float], on_earlier: Callable[[float], None] = lambda at: None) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()
        self._cancelled = 0
        self.on_earlier = on_earlier

    def __len__(self) -> int:
        """Deadlines that will still fire."""
        return len(self._heap) - self._cancelled

    @property
    def next_deadline(self) -> float | None:
        return self._heap[0][0] if self._heap else None

    def after(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Calls `callback` once, `delay` seconds from now."""
        at = self._clock() + delay
        timer = Timer(self, at, callback)
        earliest = self.next_deadline
        heapq.heappush(self._heap, (at, next(self._order), timer))
        self._compact()
        if earliest is None or at < earliest:
            self.on_earlier(at)
        return timer

    def run_due(self, now: float) -> None:
        """Fires everything that is due, in order."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            timer = heapq.heappop(heap)[2]
            if timer.pending:
                timer._fire()
            else:
                self._cancelled -= 1

    def _compact(self) -> None:
        """Drops cancelled deadlines once they outnumber the others, so that a heap of long waits stays small.

        In place: it can happen while `run_due` fires.
        """
        if self._cancelled > 64 and self._cancelled * 2 > len(self._heap):
            self._heap[:] = [entry for entry in self._heap if entry[2].pending]
            heapq.heapify(self._heap)
            self._cancelled = 0
