"""A session's life, and the memory that makes repeated requests act once. Pure.

The life is a table: phase and happening give the next phase, and what is not in the table cannot happen.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum, auto

from gateway.errors import INVALID_REQUEST, KICKED, KICKED_BY_SAME_USER, KICKED_TOKEN_EXPIRED, Fault, GatewayError
from gateway.rooms.model import Reason
from gateway.signaling.close import CloseReason
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
    KICKED = auto()
    """The app's backend put the user out."""
    ROOM_CLOSED = auto()
    """The app's backend closed the room."""
    NOT_RECOVERED = auto()
    """It was there before the gateway was started anew, and its client did not come back."""
    TOKEN_EXPIRED = auto()
    """Its token has ended, in an app that puts such sessions out."""


NEXT_PHASE: dict[tuple[Phase, Happening], Phase] = {
    (Phase.ATTACHED, Happening.SOCKET_LOST): Phase.DETACHED,
    (Phase.ATTACHED, Happening.RESUMED): Phase.ATTACHED,  # the old socket was half open: it is replaced
    (Phase.ATTACHED, Happening.LOGGED_OUT): Phase.ENDED,
    (Phase.ATTACHED, Happening.REPLACED): Phase.ENDED,
    (Phase.ATTACHED, Happening.KICKED): Phase.ENDED,
    (Phase.ATTACHED, Happening.ROOM_CLOSED): Phase.ENDED,
    (Phase.ATTACHED, Happening.TOKEN_EXPIRED): Phase.ENDED,
    (Phase.DETACHED, Happening.RESUMED): Phase.ATTACHED,
    (Phase.DETACHED, Happening.REPLACED): Phase.ENDED,
    (Phase.DETACHED, Happening.WINDOW_OVER): Phase.ENDED,
    (Phase.DETACHED, Happening.NOT_RECOVERED): Phase.ENDED,
    (Phase.DETACHED, Happening.KICKED): Phase.ENDED,
    (Phase.DETACHED, Happening.ROOM_CLOSED): Phase.ENDED,
    (Phase.DETACHED, Happening.TOKEN_EXPIRED): Phase.ENDED,
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a session's end is told."""

    reason: Reason
    """To the others in the room."""
    fault: Fault | None = None
    """To its media, and to its client if that is put out."""
    close: CloseReason | None = None
    """To its socket; None: the socket stays, or is gone already."""
    resumable_anew: bool = False
    """One who tries to resume it may log in afresh; otherwise it is answered the fault (none: NOT_LOGGED_IN)."""


ENDINGS: dict[Happening, Ending] = {
    Happening.LOGGED_OUT: Ending(Reason.STOPPED),
    Happening.WINDOW_OVER: Ending(Reason.HEARTBEAT_TIMEOUT, resumable_anew=True),
    Happening.NOT_RECOVERED: Ending(Reason.SERVER_RESTART, resumable_anew=True),
    Happening.REPLACED: Ending(Reason.SAME_USER, KICKED_BY_SAME_USER, CloseReason.KICKED_BY_SAME_USER),
    Happening.KICKED: Ending(Reason.KICKED, KICKED, CloseReason.KICKED),
    Happening.ROOM_CLOSED: Ending(Reason.KICKED, KICKED, CloseReason.ROOM_CLOSED),
    Happening.TOKEN_EXPIRED: Ending(Reason.KICKED, KICKED_TOKEN_EXPIRED, CloseReason.KICKED_TOKEN_EXPIRED),
}
"""Each way in which a session ends."""


class Repeats:
    """The last replies of a session, so that a request repeated after a lost reply acts once.

    A request is the same if its id, method and parameters are. The same id with other content is an error, unless the
    session was resumed in between: then the client may have begun anew, and its ids with it.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._replies: OrderedDict[RequestID, tuple[bytes, str, int]] = OrderedDict()
        self.life = 0
        """How often the session was resumed."""

    def resumed(self) -> None:
        """The client may count its requests from the beginning."""
        self.life += 1

    def find(self, request: Request) -> str | None:
        """The reply already given to this request. Raises INVALID_REQUEST for an id used for another one."""
        known = self._replies.get(request.id) if isinstance(request.id, int | str) else None
        if known is None:
            return None
        content, reply, life = known
        if content == _content(request):
            return reply
        if life == self.life:
            raise GatewayError(INVALID_REQUEST, "this id was used for another request")
        return None

    def remember(self, request: Request, reply: str, life: int) -> None:
        """Keeps a reply. `life`: that in which the request began; a later life's reply to the same id stays."""
        if not isinstance(request.id, int | str):
            return
        known = self._replies.get(request.id)
        if known is not None and known[2] > life:
            return
        self._replies[request.id] = (_content(request), reply, life)
        self._replies.move_to_end(request.id)
        if len(self._replies) > self._limit:
            self._replies.popitem(last=False)


def _content(request: Request) -> bytes:
    """What tells a request from another one, in a few bytes: a description alone may have 64 kB."""
    return hashlib.sha256(request.method.encode() + b"\0" + bytes(request.params)).digest()
