"""Keeps viewers close to the present: decides when one that lags is moved on. Pure: time comes in as `now`.

A viewer's lag is what waits for it here and what its player holds. Being moved to the newest keyframe cures the former alone:
where it is the player that holds too much, or where being moved on did not help, the cure is to pull again. Players hold one to
three seconds by themselves (`min-cache`, `max-cache`), in calls too, if nobody sets them otherwise: that is no lag.
"""

from __future__ import annotations

from enum import Enum

JOINING = 5.0
"""Seconds after its joining in which a viewer is left alone: it has been given a group of pictures to begin with."""
LOOKS = 2
"""Looks in a row that find a viewer too far behind until something is done."""
PATIENCE = 8.0
"""Seconds within which being moved on has to have helped, and a player has to have played what it holds too much."""
BETWEEN = 10.0
"""Seconds from one move to the next at least."""
RECOVERED = 30.0
"""Seconds within the limit after which something may be done again for a viewer that was told to pull again."""
LEAST = 0.5
"""Seconds of media that have to wait here until a viewer is moved on: less is on its way."""
SHARE = 0.5
"""The part of what a viewer lags too much that has to wait here until it is moved on."""


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
        self._beyond_since = 0.0
        self._within_since: float | None = None
        self._moved_at = float("-inf")
        self._tried = False
        """It was moved on and has not been within the limit since."""
        self._told = False
        """It was told to pull again and has not recovered since."""

    def look(
        self, backlog: float | None, buffer: float | None, limit: float, holds: float, joined_at: float, now: float
    ) -> Move:
        """What to do, seeing what waits for the viewer here and what its player said lately that it holds (seconds; `None`: not
        known), by how much it may lag, and what its player may hold if nothing waits here. `joined_at`: when its connection
        began."""
        if joined_at != self._joined_at:
            self._joined_at, self._beyond, self._within_since, self._tried = joined_at, 0, None, False
        if now - joined_at < JOINING or (backlog is None and buffer is None):
            self._beyond, self._within_since = 0, None
            return Move.NONE
        lag, waits = (backlog or 0.0) + (buffer or 0.0), backlog or 0.0
        ours = waits >= min(LEAST, limit) and waits >= SHARE * (lag - limit)
        if lag <= (limit if ours else max(limit, holds)):
            self._rest(now)
            return Move.NONE
        if not self._beyond:
            self._beyond_since = now
        self._within_since, self._beyond = None, self._beyond + 1
        return self._move(ours, now)

    def in_vain(self) -> None:
        """The viewer could not be moved on: nothing of what waits for it could be left out."""
        self._tried = False

    def _rest(self, now: float) -> None:
        self._beyond, self._tried = 0, False
        if self._within_since is None:
            self._within_since = now
        if now - self._within_since >= RECOVERED:
            self._told = False

    def _move(self, ours: bool, now: float) -> Move:
        if self._told or self._beyond < LOOKS:
            return Move.NONE
        since = self._moved_at if self._tried else max(self._moved_at, self._beyond_since)
        if (self._tried or not ours) and now - since >= PATIENCE:
            self._moved_at, self._told = now, True
            return Move.PULL_AGAIN
        if ours and now - self._moved_at >= BETWEEN:
            self._moved_at, self._tried = now, True
            return Move.CATCH_UP
        return Move.NONE
