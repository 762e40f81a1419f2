"""Histograms that cost next to nothing to feed, for what is measured too often for a library's. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator


class Buckets:
    """How often a number was how large. `bounds`: upper ends, ascending; what is larger than the last is counted too."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0
        """Sum of all that was observed."""

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def cumulative(self) -> Iterator[tuple[str, int]]:
        """Upper end and count of what is not larger, as Prometheus has them; the last end is `+Inf`."""
        count = 0
        for bound, here in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            count += here
            yield bound, count

    def scaled(self, factor: float) -> Buckets:
        """The same in another unit."""
        other = Buckets(tuple(bound * factor for bound in self.bounds))
        other.counts, other.total = self.counts, self.total * factor
        return other
