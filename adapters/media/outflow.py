"""The outflow: how much a rendition gives to each of its viewers, whatever became of the publisher's bytes on the way. Pure.

It is fed each unit that a rendition's viewers are given, and asked once in a while what came since.
"""

from __future__ import annotations

from adapters.media.units import Medium

FRAMING = 16
"""Bytes that go with a unit on its way, about: of the few bytes of silence most is that."""
SMOOTHING = 0.3
"""How much the newest span counts."""
SHORTEST = 0.2
"""Seconds; a shorter span says nothing about bitrates."""


class _Rate:
    """How fast one medium goes out."""

    __slots__ = ("lately", "spans")

    def __init__(self) -> None:
        self.lately = 0.0
        """In bit/s."""
        self.spans = 0
        """Since the medium is made as it is."""

    def take(self, bitrate: float) -> None:
        """A span is over. Somewhere in the first one the medium began: the second takes its place."""
        self.spans += 1
        if self.spans == 1:
            self.lately = max(self.lately, bitrate)
        else:
            self.lately += (bitrate - self.lately) * (SMOOTHING if self.spans > 2 else 1.0)


class Outflow:
    """What goes out to a viewer of one rendition. `now`: loop time in seconds, everywhere."""

    __slots__ = ("_known", "_rates", "_since", "pictures", "sounds")

    def __init__(self) -> None:
        self._rates: dict[Medium, _Rate] = {}
        self._known: dict[frozenset[Medium], float] = {}
        """Sums of these, for all viewers that ask until the span is over."""
        self._since = 0.0
        self.pictures = self.sounds = 0
        """Bytes in this span. In the way of every unit: whoever gives units out adds to them, framing included."""

    def begin(self, now: float) -> None:
        """A connection of the publisher begins, and a span with it."""
        self._since = now
        self.pictures = self.sounds = 0

    def renew(self, medium: Medium) -> None:
        """It is made in another way from now on: what it was before soon counts no more."""
        if medium in self._rates:
            self._rates[medium].spans = 0

    def settle(self, now: float) -> None:
        """A span is over. One in which nothing came at all says nothing about what usually does."""
        span = now - self._since
        if span >= SHORTEST and (self.pictures or self.sounds):
            for medium, size in ((Medium.AUDIO, self.sounds), (Medium.VIDEO, self.pictures)):
                if size or medium in self._rates:
                    self._rates.setdefault(medium, _Rate()).take(size * 8 / span)
            self._known.clear()
        self.begin(now)

    def bitrate(self, media: frozenset[Medium]) -> float:
        """What someone who wants these media should be getting, in bit/s, by the last few spans; 0 until there is one."""
        known = self._known.get(media)
        if known is None:
            known = self._known[media] = sum(rate.lately for medium, rate in self._rates.items() if medium in media)
        return known
