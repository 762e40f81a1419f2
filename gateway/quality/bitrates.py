"""How fast bytes go by, from counters that only grow. Pure: the time comes in."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

SPAN = 5.0
"""Seconds that a bitrate is taken over at least, however often it is asked for."""


class Bitrates(Generic[Key]):
    """Bits per second by key, over the time since they were last asked for, or the time before that."""

    def __init__(self, now: float) -> None:
        self._since = now
        self._totals: Mapping[Key, int] = {}
        self._rates: dict[Key, float] = {}

    def at(self, now: float, totals: Mapping[Key, int]) -> Mapping[Key, float]:
        """The bitrates, given all bytes so far."""
        seconds = now - self._since
        if seconds >= SPAN or not self._rates:
            self._rates = {key: 8 * (total - self._totals.get(key, 0)) / max(seconds, 1.0) for key, total in totals.items()}
        if seconds >= SPAN:
            self._since, self._totals = now, dict(totals)
        return self._rates
