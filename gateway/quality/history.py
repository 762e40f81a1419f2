"""What became of calls, for those who ask afterwards: joins, addresses, codes, measurements, verdicts, in order of time.

History is for people who look into a call. It may have gaps: it never delays anything, and when there is too much of it
the rest is left out, and counted. Only the port and what all who keep one share live here: `memory_history.py` keeps it in
the process, `adapters/mongo/quality.py` in a database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

_SUBMILLI = 20
"""Bits of a number below the milliseconds: a million entries may fall into one."""
_DIGITS = 16
_LAST = (1 << 4 * _DIGITS - _SUBMILLI) - 1
"""The last millisecond that has numbers, in the year 2527."""

ENTRY_BYTES = 16 * 1024
"""A larger entry is left out."""


class Kind(StrEnum):
    """What an entry tells."""

    JOIN = "join"
    """A user came into the room. Data: role, platform."""
    LEAVE = "leave"
    """A user left. Data: reason."""
    PUBLISH = "publish"
    """The right to publish a stream was given: an address was handed out, or a description answered. Data: transport, media."""
    PLAY = "play"
    """The same to play. Data: transport, media, mode."""
    CONNECT = "connect"
    """The first connection with that right came. Data: direction, seconds since the right was given, or since
    the gateway was started anew."""
    STREAM = "stream"
    """A stream went on air, changed or went off. Data: change (ADD, UPDATE, DELETE), media, reason."""
    CODE = "code"
    """A component's code. Data: direction, code, meaning."""
    REPORT = "report"
    """What a client measured, by a `MediaReport`'s members. Data: direction and these."""
    MEASURE = "measure"
    """What the gateway measured, by a reading's members. Data: direction and these."""
    VERDICT = "verdict"
    """A leg's level changed. Data: leg, level, evidence."""
    FINDING = "finding"
    """What the check-up of a stream found. Data: number, name."""
    ACTION = "action"
    """What the gateway did: caught_up, sent_urls. Data: action, reason."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened in a call."""

    app: str
    room_id: str
    """Empty: a stream published with a signed address, in no room."""
    at: float
    """Unix time in seconds."""
    kind: Kind
    user_id: str
    """Whose doing or whose leg it is; empty: the gateway's."""
    stream_id: str = ""
    """Empty: it is about no stream."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """JSON values, few and small."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """An entry and its place in the order of time."""

    number: str
    """For `after`: opaque, of 1 to 64 characters, sorting as time does."""
    entry: Entry


class History(Protocol):
    """Where entries go, and where they are asked for."""

    def record(self, entry: Entry) -> None:
        """Takes an entry at once. Never raises, never waits; may leave it out."""

    async def timeline(
        self, app: str, *, room_id: str = "", stream_id: str = "", since: float = 0.0, after: str = "", limit: int = 100
    ) -> Sequence[Numbered]:
        """A room's or a stream's entries in order of time: those at `since` (Unix time) or later that come after the one
        numbered `after`, at most `limit`. Raises StoreUnavailableError."""

    @property
    def lost(self) -> int:
        """Entries left out so far."""


class Numbering:
    """Gives entries their numbers, which sort as the entries came: the time, then what tells those of a millisecond apart.

    They never go back, even if the clock does; nor behind those of an earlier process, if the newest of them is told
    (`go_on_after`). `origin` is appended to each: hexadecimal digits that no other process has where several, or one before and
    after a restart, number what is kept together.
    """

    def __init__(self, origin: str = "") -> None:
        self._origin = origin
        self._last = -1

    def next(self, at: float) -> str:
        """The number of what happened at this Unix time. Raises ValueError or OverflowError for what is no time."""
        self._last = max(_milliseconds(at) << _SUBMILLI, self._last + 1)
        return f"{self._last:0{_DIGITS}x}{self._origin}"

    def go_on_after(self, number: str) -> None:
        """From now on numbers are higher than this one, and be it of a clock that was years ahead. Raises ValueError for what is
        none, and for one so high that there are hardly any beyond it."""
        last = int(number[:_DIGITS], 16)
        if len(number) < _DIGITS or not 0 <= last < _LAST << _SUBMILLI:
            raise ValueError(f"no number to go on after: {number!r}")
        self._last = max(self._last, last)


def first_number(since: float) -> str:
    """No entry of this Unix time or a later one has a lower number."""
    return f"{_milliseconds(since) << _SUBMILLI:0{_DIGITS}x}"


def _milliseconds(at: float) -> int:
    return min(max(0, int(at * 1000)), _LAST)
