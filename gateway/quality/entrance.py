"""How entries come into a history: so many per second at most, and only those that can be kept."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

from gateway.allowance import Allowance
from gateway.quality.history import Entry

_log = logging.getLogger("gateway.quality")

Kept = TypeVar("Kept")


class Entrance(Generic[Kept]):
    """The door of one history. `rate`: entries per second; `keep`: what is kept of an entry; `clock`: seconds, monotonic."""

    def __init__(self, rate: float, keep: Callable[[Entry], Kept], clock: Callable[[], float]) -> None:
        self._keep = keep
        self._clock = clock
        self._allowance = Allowance(rate, max(1, int(rate)), clock())
        self._told_why = False
        self.lost = 0
        """Entries left out so far."""

    def take(self, entry: Entry) -> Kept | None:
        """What is kept of it; `None`: it is left out. Never raises."""
        if self._allowance.take(self._clock()):
            self.lost += 1
            return None
        try:
            return self._keep(entry)
        except Exception as error:  # whatever is wrong with an entry is not the affair of the call that it tells of
            self.lost += 1
            if not self._told_why:
                _log.warning("history leaves out what it cannot keep kind=%s", entry.kind, exc_info=error)
            self._told_why = True
            return None
