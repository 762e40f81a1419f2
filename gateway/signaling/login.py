"""What a login is made of: what its token permits, the session that begins, and the state that its reply tells."""

from __future__ import annotations

from gateway.auth.tokens import JoinToken
from gateway.auth.verifier import IdRules
from gateway.config import AppSettings
from gateway.errors import TOKEN_EXPIRED, TOKEN_IN_DEBUG, TOKEN_INVALID, TOKEN_MISSING, GatewayError
from gateway.rooms.model import Room, Session, User
from gateway.signaling import messages
from gateway.signaling.conversations import Signaling
from gateway.signaling.messages import LoginResult
from gateway.signaling.session import Repeats
from gateway.signaling.sessions import Attachment


def permission(
    signaling: Signaling, settings: AppSettings, rules: IdRules, place: tuple[str, str, str], text: str, app_sign: str = ""
) -> JoinToken | None:  # fmt: skip
    """What the token permits, or the sign of the app where there is no token; None where the app needs none. `place`: app,
    roomID and userID. Raises GatewayError."""
    if settings.debug:
        if text and rules.dialect == "nertc":  # as its SDK's users know it
            raise GatewayError(TOKEN_IN_DEBUG)
        return None
    app, room_id, user_id = place
    verifier, now = signaling.verifier, signaling.wall_clock()
    if not text and app_sign:
        return verifier.verify_app_sign(app_sign, app=app, user=user_id)
    if not text:
        raise GatewayError(TOKEN_MISSING)
    token = verifier.verify(text, app=app, user=user_id, room=room_id, now=now)
    if not token.may_login:
        raise GatewayError(TOKEN_INVALID, "it does not permit to log in")
    if settings.token_expiry == "kick" and not token.door_only and token.expires_at <= now:
        raise GatewayError(TOKEN_EXPIRED)
    return token


def new_attachment(
    signaling: Signaling, params: messages.Login, app: str, user: User, token: JoinToken | None
) -> Attachment:
    """A session that nobody knows of yet, and what hears its events."""
    session = Session(
        signaling.new_id(), app, Room(app, params.room_id), user, params.user_update, deliver=lambda fact: None,
        may_publish=token is None or token.may_publish, allowed_streams=token.streams if token else None,
        token_expires_at=token.session_ends_at if token else None,
    )  # fmt: skip
    attachment = Attachment(session, Repeats(signaling.settings.repeats), quality_update=params.quality_update)
    session.deliver = attachment.deliver
    return attachment


def snapshot(signaling: Signaling, attachment: Attachment, *, resumed: bool = False, replayed: int = 0) -> LoginResult:
    """The room as the session finds it. `replayed`: events that follow, because they were missed."""
    session, settings = attachment.session, signaling.settings
    room = session.room
    return LoginResult(
        session_id=session.id,
        seq=room.seq,
        resumed=resumed,
        role=session.user.role,
        heartbeat_ms=int(settings.heartbeat * 1000),
        resume_window_ms=int(settings.resume_window * 1000),
        token_expires_at=milliseconds(session.token_expires_at),
        servers=[signaling.addresses.ws],
        ice_servers=[messages.ice_server(server) for server in signaling.ice_servers(session.user.id)],
        users=[messages.user_info(user) for user in room.others(session.user.id)],
        streams=[messages.stream_info(view) for view in room.streams_for(session.user.id)],
        publishing=list(session.publishing),
        playing=list(session.playing),
        room_extra_info={key: messages.room_extra_info(info) for key, info in room.extra_info.items()},
        online_user_count=len(room.sessions),
        replayed=replayed,
    )


def milliseconds(at: float | None) -> int | None:
    """Unix time as the wire has it."""
    return None if at is None else int(at * 1000)
