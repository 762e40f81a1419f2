"""How much a publishing peer is asked to send: the estimate in our REMB messages (draft-alvestrand-rmcat-remb).

The peer measures its own path, too, and takes the lower of both. So this one only steps in when loss lasts: it starts at
the ceiling and returns to it. A single burst of loss is repaired, not answered. Pure: time comes in as `now`.
"""

from __future__ import annotations

LOSSY = 0.10
"""The fraction of lost packets above which the estimate is lowered, once it has lasted."""
CLEAN = 0.02
"""The fraction below which the estimate is raised again."""
LOWERED = 0.85
"""What is left of the estimate after a second of loss."""
RAISED = 1.08
"""What the estimate grows to in a clean second."""
SUSTAINED = 1.5
"""Seconds for which loss has to last before it is answered."""
_LONGEST = 5.0
"""Seconds; a longer time between two updates says no more than this one."""


class Bandwidth:
    """The bitrate that one peer may send, in bit/s, between `floor` and `ceiling`."""

    __slots__ = ("_ceiling", "_estimate", "_floor", "_lossy_since", "_updated")

    def __init__(self, ceiling: int, floor: int) -> None:
        self._ceiling = ceiling
        self._floor = min(floor, ceiling)
        self._estimate = float(ceiling)
        self._updated: float | None = None
        self._lossy_since: float | None = None

    @property
    def estimate(self) -> int:
        """In bit/s."""
        return round(self._estimate)

    def update(self, lost: float, sent: float, now: float) -> int:
        """What was seen since the last update: the fraction of packets lost on the way, repaired or not, and what the peer
        sent, in bit/s. Gives the new estimate.

        Lowering begins at what the peer really sent: an estimate above that would be lowered long to no effect.
        """
        elapsed = 0.0 if self._updated is None else min(max(now - self._updated, 0.0), _LONGEST)
        since = now - elapsed
        self._updated = now
        if lost <= LOSSY:
            self._lossy_since = None
            if lost < CLEAN:
                self._estimate = min(self._estimate * RAISED**elapsed, self._ceiling)
            return self.estimate
        if self._lossy_since is None:
            self._lossy_since = since
        if now - self._lossy_since >= SUSTAINED:
            self._estimate = max(min(self._estimate, sent) * LOWERED**elapsed, self._floor)
        return self.estimate
