"""What the server says by itself: one typed message for each event, made from the fact that it tells. Pure.

Room events and notices come as `rooms/events.py` has them; `docs/signaling.md` has an example of each message.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct, field

from gateway.errors import Retry
from gateway.quality.checkup import Finding
from gateway.quality.overview import QualityNotice
from gateway.rooms.events import (
    BarrageMessage,
    BroadcastMessage,
    CountNotice,
    CustomCommand,
    KickedNotice,
    PlayerNotice,
    PlayerState,
    PublisherNotice,
    PublisherState,
    RoleChanged,
    RoomClosedNotice,
    RoomExtraInfoChanged,
    StreamAdded,
    StreamExtraInfoChanged,
    StreamMuted,
    StreamRemoved,
    StreamUpdated,
    TokenNotice,
    UserJoined,
    UserLeft,
)
from gateway.rooms.model import Medium, Reason, Role
from gateway.signaling.messages import (
    AddressResult,
    Message,
    Person,
    StreamInfo,
    UserInfo,
    Whole,
    milliseconds,
    room_extra_info,
    stream_info,
    user_info,
)
from gateway.signaling.quality import QualityEvent, quality_event


class ReasonInfo(Whole, frozen=True):
    code: int
    name: str


class UsersEvent(Message, frozen=True):
    room_id: str
    seq: int
    type: Literal["ADD", "DELETE"] | None = None
    users: list[UserInfo] | None = None
    reason: ReasonInfo | None = None


class StreamsEvent(Message, frozen=True):
    room_id: str
    seq: int
    type: Literal["ADD", "UPDATE", "DELETE"] | None = None
    streams: list[StreamInfo] | None = None
    reason: ReasonInfo | None = None


class MuteEvent(Whole, frozen=True):
    room_id: str
    seq: int
    stream_id: str
    user_id: str
    audio: bool
    video: bool


class FindingInfo(Whole, frozen=True):
    """Something that the publisher of a stream should change."""

    number: int
    name: str
    message: str
    message_zh: str
    change: str
    """What to change."""
    change_zh: str
    detail: str
    """What was measured."""


class PublisherStateEvent(Message, frozen=True):
    room_id: str
    stream_id: str
    state: PublisherState
    code: int
    message: str = ""
    findings: list[FindingInfo] = field(default_factory=list)


class PlayerStateEvent(Message, frozen=True):
    room_id: str
    stream_id: str
    state: PlayerState
    code: int
    message: str = ""


class RoleEvent(Whole, frozen=True):
    room_id: str
    seq: int
    user_id: str
    role: Role


class StreamExtraInfoEvent(Whole, frozen=True):
    room_id: str
    seq: int
    stream_id: str
    user_id: str
    user_name: str
    extra_info: str


class RoomExtraInfoEvent(Whole, frozen=True):
    room_id: str
    seq: int
    key: str
    value: str
    update_user: Person
    update_time: int


class BroadcastMessageEvent(Whole, frozen=True):
    room_id: str
    seq: int
    message_id: int
    from_user: Person
    message: str
    send_time: int
    """Unix time in milliseconds."""


class BarrageMessageEvent(Whole, frozen=True):
    room_id: str
    seq: int
    message_id: str
    from_user: Person
    message: str
    send_time: int


class CustomCommandEvent(Whole, frozen=True):
    room_id: str
    seq: int
    message_id: int
    from_user: Person
    message: str
    send_time: int


class UrlsEvent(Whole, frozen=True):
    """The addresses that one has now, in place of those that one had."""

    room_id: str
    push: list[AddressResult]
    pull: list[AddressResult]


class OnlineUserCountEvent(Whole, frozen=True):
    room_id: str
    count: int


class TokenWillExpireEvent(Whole, frozen=True):
    room_id: str
    seconds: int


class KickedEvent(Whole, frozen=True):
    room_id: str
    code: int
    reason: str
    retry: Retry


class RoomClosedEvent(Whole, frozen=True):
    room_id: str
    code: int
    reason: str
    retry: Retry


Event: TypeAlias = (
    UsersEvent | StreamsEvent | MuteEvent | PublisherStateEvent | PlayerStateEvent | RoleEvent | StreamExtraInfoEvent
    | RoomExtraInfoEvent | BroadcastMessageEvent | BarrageMessageEvent | CustomCommandEvent | UrlsEvent
    | OnlineUserCountEvent | TokenWillExpireEvent | KickedEvent | RoomClosedEvent | QualityEvent
)  # fmt: skip

EVENTS: dict[str, type[Event]] = {
    "users": UsersEvent,
    "streams": StreamsEvent,
    "mute": MuteEvent,
    "role": RoleEvent,
    "streamExtraInfo": StreamExtraInfoEvent,
    "roomExtraInfo": RoomExtraInfoEvent,
    "broadcastMessage": BroadcastMessageEvent,
    "barrageMessage": BarrageMessageEvent,
    "customCommand": CustomCommandEvent,
    "publisherState": PublisherStateEvent,
    "playerState": PlayerStateEvent,
    "urls": UrlsEvent,
    "quality": QualityEvent,
    "onlineUserCount": OnlineUserCountEvent,
    "tokenWillExpire": TokenWillExpireEvent,
    "kicked": KickedEvent,
    "roomClosed": RoomClosedEvent,
}
"""Every event by its name on the wire; those of the room's sequence first."""


def _reason(reason: Reason) -> ReasonInfo:
    return ReasonInfo(reason.number, reason.label)


def _users(type: Literal["ADD", "DELETE"], event: UserJoined | UserLeft) -> UsersEvent:
    reason = _reason(event.reason) if isinstance(event, UserLeft) else None
    return UsersEvent(event.room_id, event.seq, type, [user_info(event.user)], reason)


def _streams(type: Literal["ADD", "UPDATE", "DELETE"], event: StreamAdded | StreamUpdated | StreamRemoved) -> StreamsEvent:
    reason = _reason(event.reason) if isinstance(event, StreamRemoved) else None
    return StreamsEvent(event.room_id, event.seq, type, [stream_info(event.stream)], reason)


def _mute(event: StreamMuted) -> MuteEvent:
    view = event.stream
    return MuteEvent(
        event.room_id, event.seq, view.stream_id, view.user_id, Medium.AUDIO in view.muted, Medium.VIDEO in view.muted
    )


def finding_info(finding: Finding) -> FindingInfo:
    trouble = finding.trouble
    return FindingInfo(
        trouble.number, trouble.name, trouble.en, trouble.zh, trouble.change_en, trouble.change_zh, finding.detail
    )


def _publisher(notice: PublisherNotice) -> PublisherStateEvent:
    code, text = (notice.fault.number, notice.fault.sentence(notice.detail)) if notice.fault else (0, "")
    findings = [finding_info(finding) for finding in notice.findings]
    return PublisherStateEvent(notice.room_id, notice.stream_id, notice.state, code, text, findings)


def _player(notice: PlayerNotice) -> PlayerStateEvent:
    code, text = (notice.fault.number, notice.fault.sentence()) if notice.fault else (0, "")
    return PlayerStateEvent(notice.room_id, notice.stream_id, notice.state, code, text)


def _role(event: RoleChanged) -> RoleEvent:
    return RoleEvent(event.room_id, event.seq, event.user.id, event.user.role)


def _stream_extra_info(event: StreamExtraInfoChanged) -> StreamExtraInfoEvent:
    view = event.stream
    return StreamExtraInfoEvent(event.room_id, event.seq, view.stream_id, view.user_id, view.user_name, view.extra_info)


def _room_extra_info(event: RoomExtraInfoChanged) -> RoomExtraInfoEvent:
    entry = room_extra_info(event.value)
    return RoomExtraInfoEvent(event.room_id, event.seq, event.key, entry.value, entry.update_user, entry.update_time)


def _broadcast(event: BroadcastMessage) -> BroadcastMessageEvent:
    sender, at = Person(event.user_id, event.user_name), milliseconds(event.at)
    return BroadcastMessageEvent(event.room_id, event.seq, event.seq, sender, event.text, at)


def _barrage(event: BarrageMessage) -> BarrageMessageEvent:
    sender, at = Person(event.user_id, event.user_name), milliseconds(event.at)
    return BarrageMessageEvent(event.room_id, event.seq, str(event.seq), sender, event.text, at)


def _command(event: CustomCommand) -> CustomCommandEvent:
    sender, at = Person(event.user_id, event.user_name), milliseconds(event.at)
    return CustomCommandEvent(event.room_id, event.seq, event.seq, sender, event.text, at)


def _urls(event: UrlsEvent) -> UrlsEvent:
    return event


def _count(notice: CountNotice) -> OnlineUserCountEvent:
    return OnlineUserCountEvent(notice.room_id, notice.count)


def _token(notice: TokenNotice) -> TokenWillExpireEvent:
    return TokenWillExpireEvent(notice.room_id, notice.seconds)


def _kicked(notice: KickedNotice) -> KickedEvent:
    fault = notice.fault
    return KickedEvent(notice.room_id, fault.number, notice.detail or fault.en, fault.retry)


def _room_closed(notice: RoomClosedNotice) -> RoomClosedEvent:
    fault = notice.fault
    return RoomClosedEvent(notice.room_id, fault.number, notice.detail or fault.en, fault.retry)


_EVENT_OF: dict[type, tuple[str, Callable[..., Event]]] = {
    UserJoined: ("users", partial(_users, "ADD")),
    UserLeft: ("users", partial(_users, "DELETE")),
    StreamAdded: ("streams", partial(_streams, "ADD")),
    StreamUpdated: ("streams", partial(_streams, "UPDATE")),
    StreamRemoved: ("streams", partial(_streams, "DELETE")),
    StreamMuted: ("mute", _mute),
    RoleChanged: ("role", _role),
    StreamExtraInfoChanged: ("streamExtraInfo", _stream_extra_info),
    RoomExtraInfoChanged: ("roomExtraInfo", _room_extra_info),
    BroadcastMessage: ("broadcastMessage", _broadcast),
    BarrageMessage: ("barrageMessage", _barrage),
    CustomCommand: ("customCommand", _command),
    PublisherNotice: ("publisherState", _publisher),
    PlayerNotice: ("playerState", _player),
    UrlsEvent: ("urls", _urls),
    QualityNotice: ("quality", quality_event),
    CountNotice: ("onlineUserCount", _count),
    TokenNotice: ("tokenWillExpire", _token),
    KickedNotice: ("kicked", _kicked),
    RoomClosedNotice: ("roomClosed", _room_closed),
}


class Notification(Struct, frozen=True):
    jsonrpc: Literal["2.0"]
    method: str
    params: Event


_encode = msgspec.json.Encoder().encode


def encode_event(fact: object) -> str:
    """A room event or a notice as the message that tells it."""
    name, build = _EVENT_OF[type(fact)]
    return _encode(Notification("2.0", name, build(fact))).decode()
