"""What a session may do towards the others in its room, apart from media: its role, what it says (also of its streams),
what the room keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.errors import STREAM_EXTRA_INFO_EMPTY, GatewayError
from gateway.rooms.model import Medium, Session
from gateway.rooms.registry import Registry
from gateway.rooms.talk import Talk
from gateway.signaling import messages
from gateway.signaling.messages import BarrageResult, Empty, MessageResult, Result


def _set_role(session: Session, registry: Registry, talk: Talk, params: messages.SetRole) -> Empty:
    registry.set_role(session, params.role, lambda: talk.permit_change(session))
    return Empty()


def _mute(session: Session, registry: Registry, talk: Talk, params: messages.Mute) -> Empty:
    wished = {Medium.AUDIO: params.audio, Medium.VIDEO: params.video}
    changes = {medium: muted for medium, muted in wished.items() if muted is not None}
    registry.mute(session, params.stream_id, changes, lambda: talk.permit_change(session))
    return Empty()


def _set_stream_extra_info(session: Session, registry: Registry, talk: Talk, params: messages.SetStreamExtraInfo) -> Empty:
    if params.extra_info is None:
        raise GatewayError(STREAM_EXTRA_INFO_EMPTY)
    registry.set_stream_extra_info(session, params.stream_id, params.extra_info, lambda: talk.permit_change(session))
    return Empty()


def _set_room_extra_info(session: Session, registry: Registry, talk: Talk, params: messages.SetRoomExtraInfo) -> Empty:
    talk.set_room_extra_info(session, params.key, params.value)
    return Empty()


def _broadcast(session: Session, registry: Registry, talk: Talk, params: messages.SendBroadcastMessage) -> MessageResult:
    return MessageResult(talk.broadcast(session, params.message))


def _barrage(session: Session, registry: Registry, talk: Talk, params: messages.SendBarrageMessage) -> BarrageResult:
    number = talk.barrage(session, params.message)
    return BarrageResult("", dropped=True) if number is None else BarrageResult(str(number))


def _command(session: Session, registry: Registry, talk: Talk, params: messages.SendCustomCommand) -> MessageResult:
    return MessageResult(talk.command(session, params.message, params.to_user_ids))


HANDLERS: dict[type, Callable[[Session, Registry, Talk, Any], Result]] = {
    messages.SetRole: _set_role,
    messages.Mute: _mute,
    messages.SetStreamExtraInfo: _set_stream_extra_info,
    messages.SetRoomExtraInfo: _set_room_extra_info,
    messages.SendBroadcastMessage: _broadcast,
    messages.SendBarrageMessage: _barrage,
    messages.SendCustomCommand: _command,
}
"""One handler for each method, by the type of its parameters. All raise GatewayError."""
