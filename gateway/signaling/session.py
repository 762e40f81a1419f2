"""A session's life, and what bounds the one who speaks in it. Pure: time comes in, answers come out.

The life is a table: phase and happening give the next phase, and what is not in the table cannot happen.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from enum import Enum, auto

from gateway.errors import INVALID_REQUEST, GatewayError
from gateway.signaling.messages import Request, RequestID


class Phase(Enum):
    """Where a session is in its life."""

    ATTACHED = auto()
    """A socket speaks for it."""
    DETACHED = auto()
    """Its socket is lost; media goes on, the resume window runs."""
    ENDED = auto()
    """Over for good."""


class Happening(Enum):
    """What can happen to a session."""

    SOCKET_LOST = auto()
    RESUMED = auto()
    LOGGED_OUT = auto()
    REPLACED = auto()
    """The same user logged in anew."""
    WINDOW_OVER = auto()
    """The resume window ran out."""


NEXT_PHASE: dict[tuple[Phase, Happening], Phase] = {
    (Phase.ATTACHED, Happening.SOCKET_LOST): Phase.DETACHED,
    (Phase.ATTACHED, Happening.RESUMED): Phase.ATTACHED,  # the old socket was half open: it is replaced
    (Phase.ATTACHED, Happening.LOGGED_OUT): Phase.ENDED,
    (Phase.ATTACHED, Happening.REPLACED): Phase.ENDED,
    (Phase.DETACHED, Happening.RESUMED): Phase.ATTACHED,
    (Phase.DETACHED, Happening.REPLACED): Phase.ENDED,
    (Phase.DETACHED, Happening.WINDOW_OVER): Phase.ENDED,
}


class Repeats:
    """The last replies of a session, so that a request repeated after a lost reply acts once.

    A request is the same if its id, method and parameters are. The same id with other content is an error.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._replies: OrderedDict[RequestID, tuple[bytes, str]] = OrderedDict()

    def find(self, request: Request) -> str | None:
        """The reply already given to this request. Raises INVALID_REQUEST for a used id with other content."""
        known = self._replies.get(request.id) if isinstance(request.id, int | str) else None
        if known is None:
            return None
        content, reply = known
        if content != _content(request):
            raise GatewayError(INVALID_REQUEST, "this id was used for another request")
        return reply

    def remember(self, request: Request, reply: str) -> None:
        if isinstance(request.id, int | str):
            self._replies[request.id] = (_content(request), reply)
            if len(self._replies) > self._limit:
                self._replies.popitem(last=False)


def _content(request: Request) -> bytes:
    """What tells a request from another one, in a few bytes: a description alone may have 64 kB."""
    return hashlib.sha256(request.method.encode() + b"\0" + bytes(request.params)).digest()


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
