"""The methods of signaling: one handler for each, in the conversation of one socket.

A `Conversation` is one socket's talk, from its first message to its end; `Signaling` is what all of them share. Both know
the socket only as something that takes texts and can be closed, so they run in a test as they run behind Sanic.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.allowance import Allowance
from gateway.auth.verifier import NO_RULES, IdRules
from gateway.errors import (
    APP_UNKNOWN,
    INVALID_PARAMS,
    INVALID_REQUEST,
    NOT_LOGGED_IN,
    OVERLOADED,
    RATE_LIMITED,
    USER_NAME_ILLEGAL,
    USER_NAME_TOO_LONG,
    GatewayError,
)
from gateway.quality.reports import Told, parse_report
from gateway.rooms.model import ROOM_ID, USER_ID, IdRule, User
from gateway.signaling import company, login, media, messages
from gateway.signaling.close import CloseReason
from gateway.signaling.conversations import Signaling, Socket
from gateway.signaling.messages import Empty, LoginResult, Request, Result, TokenResult
from gateway.signaling.session import Happening, Repeats
from gateway.signaling.sessions import Attachment

_log = logging.getLogger("gateway.signaling")

_REFUSED_LOGINS = 5
"""Logins refused in a row after which a socket is closed."""
_SLICE = 64
"""Held events sent at once, at most; then the socket's writer has its turn, so that they do not fill its queue by themselves."""
_SHOWN = 128
"""Characters of what a client calls itself that a log line shows."""
_EMPTY = Empty()
_USER_NAME = IdRule(256, USER_NAME_ILLEGAL, USER_NAME_ILLEGAL, USER_NAME_TOO_LONG)


class Conversation:
    """One socket's talk. Messages are taken one after the other; nothing precedes the reply that it follows from."""

    def __init__(self, signaling: Signaling, socket: Socket, client: str) -> None:
        self.socket = socket
        self.client = client
        self.attachment: Attachment | None = None
        self._rules: IdRules = NO_RULES
        """Those of the dialect that the login spoke."""
        self._signaling = signaling
        self._settings = signaling.settings
        now = signaling.clock()
        self._allowance = Allowance(self._settings.requests_per_second, self._settings.requests_burst, now)
        self._refused = 0
        """Requests in a row that came too fast."""
        self._refused_logins = 0
        """In a row."""
        self._heard_at = now
        self._held: deque[str] | None = None
        """Events that wait for a reply; None: none is being made."""
        self._waiting = True
        self._closing = False
        self._deadline = signaling.timers.after(self._settings.login_deadline, self._check_login)

    # The socket's side ---------------------------------------------------------------------------------------------

    async def receive(self, frame: str | bytes) -> None:
        """Takes one message and answers it; once the socket is being closed, nothing is heard any more."""
        if self._closing:
            return
        now = self._heard_at = self._signaling.clock()
        if isinstance(frame, bytes):
            self.close(CloseReason.BINARY_REFUSED)
            return
        wait = self._allowance.take(now)
        self._refused = self._refused + 1 if wait else 0
        if self._refused > self._settings.requests_burst:
            self.close(CloseReason.RATE_LIMITED)
            return
        request: Request | None = None
        self._held = deque()
        try:
            request = messages.decode_request(frame)
            if wait:
                raise GatewayError(RATE_LIMITED, after_ms=int(wait * 1000) + 1)
            reply = await self._answer(request)
        except GatewayError as error:
            reply = self._refusal(_id(request) if request else None, error)
        if reply is not None:
            self.socket.send(reply)
        if self._refused_logins >= _REFUSED_LOGINS:
            self.close(CloseReason.RATE_LIMITED)
        await self._release()

    def tell(self, fact: object) -> None:
        """Sends an event, after the reply that is being made. If too many wait for that, the socket is closed."""
        if self._closing:
            return
        text = self._signaling.text_of(fact)
        if self._held is None:
            self.socket.send(text)
        elif len(self._held) < self._settings.outbox_messages:
            self._held.append(text)
        else:
            self._held.clear()
            self.close(CloseReason.SLOW_CLIENT, self._signaling.pause())

    def lost(self) -> None:
        """The socket is gone, for whatever reason."""
        self._deadline.cancel()
        self._signaling.forget(self)
        if self._waiting:
            self._waiting = False
            self._signaling.waiting(self.client, -1)
        attachment, self.attachment = self.attachment, None
        if attachment and attachment.voice is self:
            self._signaling.sessions.detach(attachment)

    def close(self, reason: CloseReason, after_ms: int | None = None) -> None:
        """Ends the talk: what the client still sends has no effect."""
        self._closing = True
        self.socket.close(reason, after_ms)

    def leave(self, reason: CloseReason) -> None:
        """Its session is over, or another socket has taken it."""
        held, self._held = self._held, None
        for text in held or ():
            self.socket.send(text)
        if self.attachment:
            self.attachment.voice = None
            self.attachment = None
        self.close(reason)

    async def _release(self) -> None:
        """Sends the events that had to wait for a reply; those that come meanwhile go behind them."""
        sent, at_once = 0, min(_SLICE, self._settings.outbox_messages // 2)
        while self._held:
            self.socket.send(self._held.popleft())
            sent += 1
            if sent % at_once == 0 and self._held:
                await asyncio.sleep(0)
        self._held = None

    # Time ----------------------------------------------------------------------------------------------------------

    def _check_login(self) -> None:
        if self.attachment is None:
            self.close(CloseReason.LOGIN_TIMEOUT)
        else:
            self._check_heartbeat()

    def _check_heartbeat(self) -> None:
        left = self._heard_at + self._settings.heartbeat_deadline - self._signaling.clock()
        if left > 0:
            self._deadline = self._signaling.timers.after(left, self._check_heartbeat)
        else:
            self.close(CloseReason.HEARTBEAT_TIMEOUT)

    # Requests ------------------------------------------------------------------------------------------------------

    async def _answer(self, request: Request) -> str | None:
        if request.id is None:
            raise GatewayError(INVALID_REQUEST, "an id is a number or a text")
        if not request.answerable and request.method not in messages.NOTIFIABLE:
            raise GatewayError(INVALID_REQUEST, "an id is needed")
        repeats = self.attachment.repeats if self.attachment and request.method not in messages.UNREPEATABLE else None
        reply = await self._act_once(repeats, request) if repeats else (await self._act(request))[0]
        return reply if request.answerable else None

    async def _act_once(self, repeats: Repeats, request: Request) -> str:
        """The reply to a request that may be a repeat, also of one that still runs on the session's older socket."""
        running, key = self._signaling.running, (repeats, request.id, request.method, bytes(request.params))
        while key in running:
            await running[key].wait()
        if (reply := repeats.find(request)) is not None:
            return reply
        self._logged_in()  # it may have lost its session while it waited: nothing to be remembered
        life, ended = repeats.life, running.setdefault(key, asyncio.Event())
        try:
            reply, final = await self._act(request)
            if final:
                repeats.remember(request, reply, life)
        finally:
            del running[key]
            ended.set()
        return reply

    async def _act(self, request: Request) -> tuple[str, bool]:
        """The reply, and whether it is the last word: what came too fast may come again with its id."""
        try:
            params = messages.decode_params(request)
            handler = _HANDLERS[type(params)]
            return messages.encode_result(_id(request), await handler(self, params)), True
        except GatewayError as error:
            return self._refusal(_id(request), error), error.fault is not RATE_LIMITED

    def _refusal(self, id: int | str | None, error: GatewayError) -> str:
        if error.fault is OVERLOADED and error.after_ms is None:
            error = GatewayError(OVERLOADED, error.detail, after_ms=self._signaling.pause())
        return messages.encode_error(id, error)

    async def _login(self, params: messages.Login) -> LoginResult:
        try:
            return await self._log_in(params)
        except GatewayError as error:
            app, room, user = (text[:_SHOWN] for text in (str(params.app_id), params.room_id, params.user_id))
            _log.info(
                "login client=%s app=%r room=%r user=%r refused reason=%s detail=%r",
                self.client, app, room, user, error.fault.name, error.detail,
            )  # fmt: skip
            if self.attachment is None and error.fault is not OVERLOADED:  # that is no fault of the client's
                self._refused_logins += 1
            raise

    async def _log_in(self, params: messages.Login) -> LoginResult:
        if self.attachment is not None:
            raise GatewayError(INVALID_REQUEST, "log out first")
        signaling = self._signaling
        app = str(params.app_id)
        settings = signaling.apps.get(app)
        if settings is None:
            raise GatewayError(APP_UNKNOWN)
        ROOM_ID.check(params.room_id)
        USER_ID.check(params.user_id)
        self._rules = signaling.verifier.rules(params.dialect, params.token)
        self._rules.check_login(params.room_id, params.user_id, params.user_name)
        user = User(params.user_id, _USER_NAME.check(params.user_name or params.user_id), params.role)
        if params.resume:
            if params.resume.session_id in signaling.sessions.by_id:
                signaling.admit_login()
            attachment = signaling.sessions.resume(params.resume.session_id, app, params.room_id, params.user_id)
            if attachment is not None:
                attachment.quality_update = params.quality_update
                return self._go_on(attachment, params.resume.last_seq)
        place = (app, params.room_id, params.user_id)
        token = login.permission(signaling, settings, self._rules, place, params.token, params.app_sign)
        signaling.admit_login()  # not before: what all share is not for those who are refused anyway
        attachment = login.new_attachment(signaling, params, app, user, token)
        resumes = params.resume.session_id if params.resume else None
        await signaling.sessions.begin(attachment, params.max_member_count, resumes, lambda: not self._closing)
        self._attach(attachment)
        return login.snapshot(signaling, attachment)

    def _go_on(self, attachment: Attachment, last_seq: int) -> LoginResult:
        """The session's new socket: what was missed comes after the reply, and then how its streams and its token are."""
        missed = self._signaling.sessions.missed(attachment, last_seq)
        if len(missed) > self._settings.outbox_messages // 2:
            missed = []  # its socket would be taken for a slow client's, again and again
        self._attach(attachment)
        for event in missed:
            self.tell(event)
        self._signaling.sessions.restate(attachment)
        self._signaling.send_urls(attachment.session)
        if notice := self._signaling.watcher.notice(attachment.session, stats=attachment.quality_update):
            self.tell(notice)
        return login.snapshot(self._signaling, attachment, resumed=True, replayed=len(missed))

    def _attach(self, attachment: Attachment) -> None:
        self.attachment = attachment
        self._refused_logins = 0
        attachment.voice = self
        if self._waiting:
            self._waiting = False
            self._signaling.waiting(self.client, -1)
        self._deadline.cancel()
        self._check_heartbeat()

    async def _logout(self, params: messages.Logout) -> Empty:
        attachment = self._logged_in()
        self.attachment = attachment.voice = None
        self._waiting = True
        self._signaling.waiting(self.client, 1)
        self._deadline.cancel()
        self._deadline = self._signaling.timers.after(self._settings.login_deadline, self._check_login)
        self._signaling.sessions.end(attachment, Happening.LOGGED_OUT)
        return Empty()

    async def _renew_token(self, params: messages.RenewToken) -> TokenResult:
        attachment, signaling = self._logged_in(), self._signaling
        session = attachment.session
        place = (session.app, session.room.id, session.user.id)
        token = login.permission(signaling, signaling.apps[session.app], self._rules, place, params.token)
        if token is not None:
            signaling.sessions.renew(attachment, token)
        return TokenResult(login.milliseconds(session.token_expires_at))

    async def _media(self, params: messages.Params) -> Result:
        attachment = self._logged_in()
        if isinstance(params, messages.Publish):
            self._rules.check_stream(params.stream_id)
        return await media.HANDLERS[type(params)](self._asker(attachment), params)

    async def _room(self, params: messages.Params) -> Result:
        signaling = self._signaling
        return company.HANDLERS[type(params)](self._logged_in().session, signaling.registry, signaling.talk, params)

    def _asker(self, attachment: Attachment) -> media.Asker:
        signaling = self._signaling
        return media.Asker(
            attachment.session, attachment.invitations, self.client, signaling.registry, signaling.addresses, signaling.peers,
            signaling.sessions.expired(attachment), signaling.sessions.claims,
        )  # fmt: skip

    async def _report(self, params: messages.Report) -> Empty:
        session, data = self._logged_in().session, bytes(params.data)
        if len(data) > self._settings.report_bytes:
            raise GatewayError(INVALID_PARAMS, f"data has at most {self._settings.report_bytes} bytes")
        parsed = parse_report(params.direction, params.event, data)
        self._signaling.watcher.session_report(session, Told(params.direction, params.event, parsed, params.stream_id or ""))
        return _EMPTY

    async def _ping(self, params: messages.Ping) -> Empty:
        return Empty()

    def _logged_in(self) -> Attachment:
        if self.attachment is None:
            raise GatewayError(NOT_LOGGED_IN)
        return self.attachment


def connect(signaling: Signaling, socket: Socket, client: str) -> Conversation | None:
    """A new socket's conversation; None: it is not heard, and closed."""
    if not signaling.admits(socket, client):
        return None
    conversation = Conversation(signaling, socket, client)
    signaling.begun(conversation, client)
    return conversation


_HANDLERS: dict[type, Callable[[Conversation, Any], Awaitable[Result]]] = {
    messages.Login: Conversation._login,
    messages.Logout: Conversation._logout,
    messages.Ping: Conversation._ping,
    messages.RenewToken: Conversation._renew_token,
    messages.Report: Conversation._report,
    **dict.fromkeys(media.HANDLERS, Conversation._media),
    **dict.fromkeys(company.HANDLERS, Conversation._room),
}


def _id(request: Request) -> int | str | None:
    return request.id if isinstance(request.id, int | str) else None
