"""Keeps viewers close to the present: decides when one that lags is moved on. Pure: time comes in as `now`.

A viewer's lag is what waits for it here and what its player holds. It is moved to the newest keyframe first; if it lags
nevertheless, it is its player that holds too much, and pulling again is the only cure.
"""

from __future__ import annotations

from enum import Enum

JOINING = 5.0
"""Seconds after its joining in which a viewer is left alone: it has been given a group of pictures to begin with."""
LOOKS = 2
"""Looks in a row that find a viewer too far behind until something is done."""
PATIENCE = 8.0
"""Seconds within which being moved on has to have helped."""
BETWEEN = 10.0
"""Seconds from one move to the next at least."""
RECOVERED = 30.0
"""Seconds within the limit after which a viewer may be told to pull again once more."""


class Move(Enum):
    """What to do with a viewer."""

    NONE = "none"
    CATCH_UP = "catch_up"
    """Go on with the newest keyframe."""
    PULL_AGAIN = "pull_again"
    """Tell the client to pull anew."""


class Keeper:
    """One viewer's lag, over all its connections."""

    def __init__(self) -> None:
        self._joined_at: float | None = None
        self._beyond = 0
        """Looks in a row."""
        self._within_since: float | None = None
        self._moved_at = float("-inf")
        self._tried = False
        """It was moved on and has not been within the limit since."""
        self._told = False
        """It was told to pull again and has not recovered since."""

    def look(self, backlog: float | None, told_buffer: float | None, limit: float, joined_at: float, now: float) -> Move:
        """What to do, seeing what waits for the viewer here and what its player held lately (seconds; `None`: not known),
        and by how much it may lag. `joined_at`: when its connection began."""
        if joined_at != self._joined_at:
            self._joined_at, self._beyond, self._within_since, self._tried = joined_at, 0, None, False
        if now - joined_at < JOINING or (backlog is None and told_buffer is None):
            self._beyond, self._within_since = 0, None
            return Move.NONE
        if (backlog or 0.0) + (told_buffer or 0.0) <= limit:
            self._rest(now)
            return Move.NONE
        self._within_since = None
        self._beyond += 1
        return self._move(now) if self._beyond >= LOOKS else Move.NONE

    def _rest(self, now: float) -> None:
        self._beyond, self._tried = 0, False
        if self._within_since is None:
            self._within_since = now
        if now - self._within_since >= RECOVERED:
            self._told = False

    def _move(self, now: float) -> Move:
        if self._tried and not self._told and now - self._moved_at >= PATIENCE:
            self._moved_at, self._told = now, True
            return Move.PULL_AGAIN
        if now - self._moved_at >= BETWEEN:
            self._moved_at, self._tried = now, True
            return Move.CATCH_UP
        return Move.NONE
