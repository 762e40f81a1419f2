"""How often something may happen: so many per second on the long run, so many at once. Pure: time comes in."""

from __future__ import annotations


class Allowance:
    """A token bucket: `rate` per second on the long run, `burst` at once."""

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._left = float(burst)
        self._at = now

    def take(self, now: float) -> float:
        """0 if one may be taken now, otherwise the seconds until one may be."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) / self._rate
