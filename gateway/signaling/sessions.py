"""The sessions of this process: who is logged in, who has lost its socket and may come back, who was put out.

A session's life follows the tables in `session.py`; what a session has in its room is the registry's. How a client speaks
is not known here: a session's client is a `Voice`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gateway.auth.tokens import JoinToken
from gateway.config import AppSettings, SignalingSettings
from gateway.errors import INVALID_PARAMS, KICKED_BY_SAME_USER, LOGIN_TIMEOUT, NOT_LOGGED_IN, Fault, GatewayError
from gateway.rooms.claims import Answer, Claims
from gateway.rooms.events import KickedNotice, RoomClosedNotice, RoomEvent, TokenNotice
from gateway.rooms.model import Session
from gateway.rooms.registry import Registry
from gateway.rooms.store import Claim
from gateway.signaling.close import CloseReason
from gateway.signaling.media import Invitations
from gateway.signaling.session import ENDINGS, NEXT_PHASE, Happening, Phase, Repeats
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
    phase: Phase = Phase.ATTACHED
    voice: Voice | None = None
    window: Timer | None = None
    token: Timer | None = None
    """What its token does next: to warn, or to end."""
    quality_update: bool = False
    """Its client wants the numbers of its streams regularly."""
    invitations: Invitations = field(default_factory=Invitations)

    def deliver(self, fact: object) -> None:
        """Tells the client, if it is there; one that comes back gets everything afresh."""
        if self.voice is not None:
            self.voice.tell(fact)


class Sessions:
    """All sessions, by their id and by their user."""

    def __init__(
        self, settings: SignalingSettings, apps: Mapping[str, AppSettings], registry: Registry, timers: Timers,
        wall_clock: Callable[[], float], claims: Claims | None = None,
    ) -> None:  # fmt: skip
        """`claims`: who has which userID and streamID in the whole app; None: this process is all there is."""
        self._settings = settings
        self._apps = apps
        self._registry = registry
        self._timers = timers
        self._wall_clock = wall_clock
        self.by_id: dict[str, Attachment] = {}
        self.by_user: dict[tuple[str, ...], Attachment] = {}
        """By app and userID, and by roomID where the app permits several rooms at once."""
        self._ended: OrderedDict[str, Fault] = OrderedDict()
        self.claims = claims
        if claims is not None:
            claims.connect(self._lose)

    # Its life ------------------------------------------------------------------------------------------------------

    async def begin(
        self, attachment: Attachment, max_members: int, resumes: str | None, wanted: Callable[[], bool] = lambda: True
    ) -> None:
        """Enters a session: an older one of the same user ends. `resumes`: the forgotten session that its client wanted to go
        on with, which gives way to no newer one. `wanted`: whether there is still someone to enter.

        Only where there are claims does this wait for anything. Raises KICKED_BY_SAME_USER, and what `check_place` raises.
        """
        self._check_place(attachment.session, resumes)
        if self.claims is None:
            self._enter(attachment, max_members)
        else:
            await self._claim_and_enter(self.claims, attachment, max_members, resumes, wanted)

    async def _claim_and_enter(
        self, claims: Claims, attachment: Attachment, max_members: int, resumes: str | None, wanted: Callable[[], bool]
    ) -> None:
        session = attachment.session
        place = self._place(session.app, session.user.id, session.room.id)
        older = self.by_user.get(place)
        try:
            answer = await claims.take(
                "user", session.app, _claimed(place), session.id, instead_of=older.session.id if older else None,
                follows=lambda stands: resumes is None or stands.owner == resumes,
            )  # fmt: skip
            if answer is Answer.TAKEN:
                raise GatewayError(KICKED_BY_SAME_USER)
            if not wanted():
                raise GatewayError(LOGIN_TIMEOUT, "the socket is being closed")
            self._check_place(session, resumes)  # much may have happened
            self._enter(attachment, max_members)
        except BaseException:
            claims.release(session.id)
            if older := self.by_user.get(place):
                claims.affirm(older.session.id)
            raise
        if answer is Answer.UNKNOWN:
            claims.affirm(session.id)

    def _check_place(self, session: Session, resumes: str | None) -> None:
        older = self.by_user.get(self._place(session.app, session.user.id, session.room.id))
        if older and resumes is not None:
            raise GatewayError(KICKED_BY_SAME_USER)
        self._registry.check_place(session, older.session if older else None)

    def _enter(self, attachment: Attachment, max_members: int) -> None:
        session = attachment.session
        place = self._place(session.app, session.user.id, session.room.id)
        if older := self.by_user.get(place):
            self.end(older, Happening.REPLACED)
        self._registry.join(session, max_members)
        self.by_id[session.id] = self.by_user[place] = attachment
        self._watch_token(attachment)

    def restore(self, attachment: Attachment, window: float) -> None:
        """Enters a session that there was before the gateway was started anew. Its client has so many seconds to come."""
        session = attachment.session
        place = self._place(session.app, session.user.id, session.room.id)
        attachment.phase = Phase.DETACHED
        self._registry.restore_session(session)
        self.by_id[session.id] = self.by_user[place] = attachment
        if self.claims is not None:
            self.claims.hold("user", session.app, _claimed(place), session.id)
        attachment.window = self._timers.after(window, lambda: self.end(attachment, Happening.NOT_RECOVERED))
        self._watch_token(attachment)

    def detach(self, attachment: Attachment) -> None:
        """Its socket is lost: the resume window opens."""
        attachment.phase = NEXT_PHASE[attachment.phase, Happening.SOCKET_LOST]
        attachment.voice = None
        attachment.window = self._timers.after(
            self._settings.resume_window, lambda: self.end(attachment, Happening.WINDOW_OVER)
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
        attachment.repeats.resumed()
        if attachment.window:
            attachment.window.cancel()
        if attachment.voice:
            attachment.voice.leave(CloseReason.RESUMED_ELSEWHERE)
        return attachment

    def missed(self, attachment: Attachment, last_seq: int) -> list[RoomEvent]:
        """The room's events after `last_seq` that the session has not heard; nothing if not all of them are kept."""
        missed = self._registry.announcements.missed(attachment.session, last_seq)
        attachment.session.recovered_at = None
        return missed

    def restate(self, attachment: Attachment) -> None:
        """Tells one who has come back what is known of its publishing, its playing and its token."""
        self._registry.restate(attachment.session)
        if self._token_left(attachment) <= self._settings.token_warning:
            self._warn(attachment)

    def end(self, attachment: Attachment, happening: Happening, detail: str = "") -> None:
        """The session is over; it is told why, and so are the others. `detail`: for the client, in its backend's words."""
        ending = ENDINGS[happening]
        attachment.phase = NEXT_PHASE[attachment.phase, happening]
        session = attachment.session
        for timer in (attachment.window, attachment.token):
            if timer:
                timer.cancel()
        del self.by_id[session.id]
        place = self._place(session.app, session.user.id, session.room.id)
        if self.by_user.get(place) is attachment:
            del self.by_user[place]
        if not ending.resumable_anew:
            self._ended[session.id] = ending.fault or NOT_LOGGED_IN
            if len(self._ended) > _TOMBSTONES:
                self._ended.popitem(last=False)
        self._registry.leave(session, ending.reason, ending.fault)
        if ending.fault and ending.close and attachment.voice:
            notice = RoomClosedNotice if happening is Happening.ROOM_CLOSED else KickedNotice
            attachment.deliver(notice(session.room.id, ending.fault, detail))
            attachment.voice.leave(ending.close)

    # What the app's own backend wants ------------------------------------------------------------------------------

    def kick(self, app: str, user_id: str, room_id: str | None = None, reason_text: str = "") -> int:
        """Puts a user out of a room (None: of every room of the app). How many sessions that ended."""
        rooms = [room_id] if room_id is not None else [id for owner, id in self._registry.rooms if owner == app]
        found = [one for one in (self._in_room(app, id, user_id) for id in rooms) if one is not None]
        for attachment in found:
            self.end(attachment, Happening.KICKED, reason_text)
        return len(found)

    def close_room(self, app: str, room_id: str, reason_text: str = "") -> int:
        """Puts everyone out of a room, which then is no more. How many sessions that ended; 0: there is no such room."""
        room = self._registry.rooms.get((app, room_id))
        if room is None:
            return 0
        room.closing = True
        members = list(room.sessions.values())
        for session in members:
            self.end(self.by_id[session.id], Happening.ROOM_CLOSED, reason_text)
        return len(members)

    # Tokens --------------------------------------------------------------------------------------------------------

    def renew(self, attachment: Attachment, token: JoinToken) -> None:
        """A newer token: its rights and its end are the session's from now on."""
        self._registry.set_rights(attachment.session, token.may_publish, token.streams, token.session_ends_at)
        self._watch_token(attachment)

    def expired(self, attachment: Attachment) -> bool:
        """Whether its token has ended: the session goes on, but begins nothing new."""
        return self._token_left(attachment) <= 0

    def _token_left(self, attachment: Attachment) -> float:
        """Seconds; infinite where no token was needed."""
        ends = attachment.session.token_expires_at
        return float("inf") if ends is None else ends - self._wall_clock()

    def _watch_token(self, attachment: Attachment) -> None:
        if attachment.token:
            attachment.token.cancel()
        if attachment.session.token_expires_at is not None:
            delay = self._token_left(attachment) - self._settings.token_warning
            attachment.token = self._timers.after(max(delay, 0), lambda: self._token_ends_soon(attachment))

    def _token_ends_soon(self, attachment: Attachment) -> None:
        self._warn(attachment)
        if self._apps[attachment.session.app].token_expiry == "kick":
            delay = max(self._token_left(attachment), 0)
            attachment.token = self._timers.after(delay, lambda: self.end(attachment, Happening.TOKEN_EXPIRED))

    def _warn(self, attachment: Attachment) -> None:
        left = max(0, round(self._token_left(attachment)))
        attachment.deliver(TokenNotice(attachment.session.room.id, left))

    # ---------------------------------------------------------------------------------------------------------------

    def _lose(self, claim: Claim) -> None:
        """An id that was granted while the store did not answer turned out to be someone else's."""
        if claim.kind == "stream":
            self._registry.lose(claim.app, claim.id, claim.owner)
        elif attachment := self.by_id.get(claim.owner):
            self.end(attachment, Happening.REPLACED)

    def _place(self, app: str, user_id: str, room_id: str) -> tuple[str, ...]:
        """What a user can hold one session of."""
        return (app, user_id, room_id) if self._apps[app].multi_room else (app, user_id)

    def _in_room(self, app: str, room_id: str, user_id: str) -> Attachment | None:
        room = self._registry.rooms.get((app, room_id))
        session = room.sessions.get(user_id) if room else None
        return self.by_id[session.id] if session else None


def _claimed(place: tuple[str, ...]) -> str:
    """How a user's place is called among the app's claims. Ids have no control characters, so no two are called alike."""
    return "\n".join(place[1:])
