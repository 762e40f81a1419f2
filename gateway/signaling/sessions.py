"""The sessions of this process: who is logged in, who has lost its socket and may come back, who was put out.

A session's life follows the table in `session.py`; what a session has in its room is the registry's. How a client speaks
is not known here: a session's client is a `Voice`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from gateway.config import SignalingSettings
from gateway.errors import INVALID_PARAMS, KICKED_BY_SAME_USER, NOT_LOGGED_IN, Fault, GatewayError
from gateway.rooms.events import TokenNotice
from gateway.rooms.model import Reason, Session
from gateway.rooms.registry import Registry
from gateway.signaling.close import CloseReason
from gateway.signaling.media import Invitations
from gateway.signaling.session import NEXT_PHASE, Happening, Phase, Repeats
from gateway.timers import Timer, Timers

_TOMBSTONES = 10_000
"""Ended sessions whose end is remembered, for those who try to resume them."""


class Voice(Protocol):
    """The client of a session, while it is there."""

    def tell(self, fact: object) -> None:
        """Lets it hear a room event or a notice."""

    def leave(self, reason: CloseReason) -> None:
        """Its session is someone else's now, or over."""


@dataclass(slots=True, eq=False)
class Attachment:
    """A session and what signaling keeps beside it."""

    session: Session
    repeats: Repeats
    token_expires_at: float | None
    phase: Phase = Phase.ATTACHED
    voice: Voice | None = None
    window: Timer | None = None
    warning: Timer | None = None
    invitations: Invitations = field(default_factory=Invitations)

    def deliver(self, fact: object) -> None:
        """Tells the client, if it is there; one that comes back gets everything afresh."""
        if self.voice is not None:
            self.voice.tell(fact)


class Sessions:
    """All sessions, by their id and by their user."""

    def __init__(
        self, settings: SignalingSettings, registry: Registry, timers: Timers, wall_clock: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._timers = timers
        self._wall_clock = wall_clock
        self.by_id: dict[str, Attachment] = {}
        self.by_user: dict[tuple[str, str], Attachment] = {}
        self._ended: OrderedDict[str, Fault] = OrderedDict()

    def begin(self, attachment: Attachment, max_members: int) -> None:
        """Enters a session: an older one of the same user ends."""
        session = attachment.session
        older = self.by_user.get((session.app, session.user.id))
        self._registry.check_place(session, older.session if older else None)
        if older:
            self.end(older, Happening.REPLACED, Reason.SAME_USER, KICKED_BY_SAME_USER)
        self._registry.join(session, max_members)
        self.by_id[session.id] = self.by_user[session.app, session.user.id] = attachment
        if attachment.token_expires_at is not None:
            delay = attachment.token_expires_at - self._settings.token_warning - self._wall_clock()
            attachment.warning = self._timers.after(max(delay, 0), lambda: self._warn(attachment))

    def detach(self, attachment: Attachment) -> None:
        """Its socket is lost: the resume window opens."""
        attachment.phase = NEXT_PHASE[attachment.phase, Happening.SOCKET_LOST]
        attachment.voice = None
        attachment.window = self._timers.after(
            self._settings.resume_window, lambda: self.end(attachment, Happening.WINDOW_OVER, Reason.HEARTBEAT_TIMEOUT)
        )

    def resume(self, session_id: str, app: str, room_id: str, user_id: str) -> Attachment | None:
        """The session to go on with; None: unknown or too old. Raises the reason with which it was ended."""
        attachment = self.by_id.get(session_id)
        if attachment is None:
            if fault := self._ended.get(session_id):
                raise GatewayError(fault)
            return None
        session = attachment.session
        if (session.app, session.room.id, session.user.id) != (app, room_id, user_id):
            raise GatewayError(INVALID_PARAMS, "the session is not this user's in this room")
        attachment.phase = NEXT_PHASE[attachment.phase, Happening.RESUMED]
        if attachment.window:
            attachment.window.cancel()
        if attachment.voice:
            attachment.voice.leave(CloseReason.RESUMED_ELSEWHERE)
        return attachment

    def present(self, app: str, user_id: str) -> bool:
        """Whether the user has a session: one who wants to go on with a forgotten session is older than that."""
        return (app, user_id) in self.by_user

    def end(self, attachment: Attachment, happening: Happening, reason: Reason, fault: Fault | None = None) -> None:
        """The session is over; the others are told."""
        attachment.phase = NEXT_PHASE[attachment.phase, happening]
        session = attachment.session
        for timer in (attachment.window, attachment.warning):
            if timer:
                timer.cancel()
        del self.by_id[session.id]
        if self.by_user.get((session.app, session.user.id)) is attachment:
            del self.by_user[session.app, session.user.id]
        if happening is not Happening.WINDOW_OVER:
            self._ended[session.id] = fault or NOT_LOGGED_IN
            if len(self._ended) > _TOMBSTONES:
                self._ended.popitem(last=False)
        self._registry.leave(session, reason, fault)
        if happening is Happening.REPLACED and attachment.voice:
            attachment.voice.leave(CloseReason.KICKED_BY_SAME_USER)

    def _warn(self, attachment: Attachment) -> None:
        left = (attachment.token_expires_at or 0) - self._wall_clock()
        attachment.deliver(TokenNotice(attachment.session.room.id, max(0, round(left))))
