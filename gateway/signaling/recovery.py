"""After a restart: rooms, sessions and grants as an earlier process of this gateway left them.

Whoever was there is taken to be on the way back. Sessions are detached, with a window in which their clients may resume
them; keys open what they opened, so that a live-pusher that tries again with its old address is let in; streams are
withdrawn at once, and announced again when their media arrives. What does not come back leaves like anyone else.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable

import msgspec

from gateway.auth.access import Action
from gateway.config import SignalingSettings
from gateway.rooms.model import ExtraInfo, Grant, Medium, PlayMode, Reason, Role, Room, Session, Stream, User
from gateway.rooms.registry import Registry
from gateway.rooms.store import GrantRecord, RoomRecord, SessionRecord, StoredRoom
from gateway.signaling.session import Repeats
from gateway.signaling.sessions import Attachment, Sessions

_log = logging.getLogger("gateway.rooms")


def recover(
    stored: Iterable[StoredRoom], apps: Collection[str], registry: Registry, sessions: Sessions, settings: SignalingSettings,
    window: float,
) -> list[RoomRecord]:  # fmt: skip
    """Enters everything; clients have `window` seconds to come back. The rooms that are not continued are returned: those
    of apps that are no more, and those that nobody is in."""
    abandoned = []
    for one in stored:
        if one.room.app in apps and one.sessions:
            _room(one, registry, sessions, settings, window)
        else:
            abandoned.append(one.room)
    return abandoned


def _room(one: StoredRoom, registry: Registry, sessions: Sessions, settings: SignalingSettings, window: float) -> None:
    extra_info = {key: msgspec.convert(info, ExtraInfo) for key, info in one.room.extra_info.items()}
    room = Room(one.room.app, one.room.room_id, one.room.max_members, one.room.seq, extra_info=extra_info)
    registry.restore_room(room)
    members: dict[str, Session] = {}
    for record in one.sessions:
        attachment = _attachment(record, room, settings)
        sessions.restore(attachment, window)
        members[record.id] = attachment.session
    on_air: list[Stream] = []
    for grant in one.grants:
        session = members.get(grant.session_id)
        if session is not None and (stream := _grant(grant, session, registry)) is not None:
            if sessions.claims is not None:
                sessions.claims.hold("stream", room.app, stream.id, stream.grant.id)
            if stream.announced:
                on_air.append(stream)
    for stream in on_air:
        registry.withdraw(stream, Reason.SERVER_RESTART)
    _log.info("room recovered app=%s room=%r sessions=%d grants=%d", room.app, room.id, len(members), len(one.grants))


def _attachment(record: SessionRecord, room: Room, settings: SignalingSettings) -> Attachment:
    user = User(record.user_id, record.user_name, Role(record.role))
    allowed = None if record.allowed_streams is None else frozenset(record.allowed_streams)
    session = Session(
        record.id, record.app, room, user, record.user_update, deliver=lambda fact: None, may_publish=record.may_publish,
        allowed_streams=allowed, token_expires_at=record.token_expires_at, recovered_at=room.seq,
    )  # fmt: skip
    attachment = Attachment(session, Repeats(settings.repeats))
    session.deliver = attachment.deliver
    return attachment


def _grant(record: GrantRecord, session: Session, registry: Registry) -> Stream | None:
    """Enters a grant; its stream if it is one to publish."""
    grant = Grant(
        record.id, Action(record.action), record.app, record.stream_id, record.user_id, session, _media(record.media),
        PlayMode(record.mode), record.wait, record.expires_at, record.used, record.transport,
    )  # fmt: skip
    if grant.action is Action.PLAY:
        grant.wait = True  # its stream is on the way back, too
        registry.restore_playing(grant)
        return None
    arriving = _media(record.arriving) if record.announced else frozenset()
    stream = registry.restore_publishing(grant, session.room, arriving, record.extra_info)
    stream.muted = _media(record.muted)
    return stream


def _media(names: Iterable[str]) -> frozenset[Medium]:
    return frozenset(map(Medium, names))
