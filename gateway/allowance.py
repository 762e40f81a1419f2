"""How often something may happen: so many per second on the long run, so many at once. Pure: time comes in."""

from __future__ import annotations

from collections import OrderedDict


class Allowance:
    """A token bucket: `rate` per second on the long run, `burst` at once."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._left = float(burst)
        self._at = now

    def take(self, now: float, amount: float = 1.0, before: float = 0.0) -> float:
        """0 if this much may be taken now, otherwise the seconds until it may be.

        More than the burst may be taken when there is all of a burst, and is waited for afterwards. `before`: what was taken
        just now for the same thing, which will be taken again when it is tried again.
        """
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        needed = min(amount, self._burst - before)
        if self._left >= needed:
            self._left -= amount
            return 0.0
        return (needed + before - self._left) / self._rate


class Allowances:
    """An allowance for each of many, such as addresses. It holds `most` of them: who was not heard of for longest gives way,
    and has a whole burst again when it comes back."""

    def __init__(self, rate: float, burst: float, most: int) -> None:
        self._rate = rate
        self._burst = burst
        self._most = most
        self._each: OrderedDict[object, Allowance] = OrderedDict()

    def __len__(self) -> int:
        return len(self._each)

    def take(self, whose: object, now: float, amount: float = 1.0, before: float = 0.0) -> float:
        """0 if this one may take so much now, otherwise the seconds until it may. `whose`: anything that can be a key.
        `before`: see `Allowance.take`."""
        if (allowance := self._each.get(whose)) is None:
            if len(self._each) >= self._most:
                self._each.popitem(last=False)
            allowance = self._each[whose] = Allowance(self._rate, self._burst, now)
        else:
            self._each.move_to_end(whose)
        return allowance.take(now, amount, before)
