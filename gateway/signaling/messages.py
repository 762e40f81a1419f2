"""The wire of signaling: one typed message for each method and each reply, JSON-RPC 2.0 around them. Events: `events.py`.

Decoding and encoding only; pure. What a message makes happen stands in `methods.py`. One example of each message is in
`docs/signaling.md`, which a test keeps equal to this module. Unknown members are ignored, as the contract says.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from gateway.auth import turn
from gateway.errors import INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR, GatewayError
from gateway.rooms.model import BOTH_MEDIA, ExtraInfo, Medium, PlayMode, Role, StreamView, User


def wire_name(field: str) -> str:
    """`room_id` → `roomID`, `heartbeat_ms` → `heartbeatMs`: the contract's spelling of a member."""
    head, *rest = field.split("_")
    return head + "".join({"id": "ID", "ids": "IDs", "sdp": "SDP", "fps": "FPS"}.get(word, word.capitalize()) for word in rest)


class Message(Struct, frozen=True, rename=wire_name, omit_defaults=True):
    """A part of the wire. Members that hold their default are left out."""


class Whole(Struct, frozen=True, rename=wire_name):
    """A part of the wire whose members are always there."""


# Requests --------------------------------------------------------------------------------------------------------------

RequestID: TypeAlias = Annotated[int, Meta(ge=-(2**53), le=2**53)] | Annotated[str, Meta(max_length=64)]
Media: TypeAlias = Annotated[frozenset[Medium], Meta(min_length=1)]
Description: TypeAlias = Annotated[str, Meta(min_length=1, max_length=65_536)]
"""A session description (SDP)."""


class Request(Struct, frozen=True):
    """One request, its parameters not yet looked into."""

    jsonrpc: Literal["2.0"]
    method: Annotated[str, Meta(max_length=64)]
    id: RequestID | UnsetType | None = UNSET
    params: Raw = Raw(b"{}")

    @property
    def answerable(self) -> bool:
        return self.id is not UNSET


class Resume(Message, frozen=True):
    session_id: Annotated[str, Meta(max_length=64)]
    last_seq: int = 0


class Login(Message, frozen=True):
    app_id: int | Annotated[str, Meta(max_length=256)]
    room_id: str
    user_id: str
    user_name: str = ""
    token: Annotated[str, Meta(max_length=8192)] = ""
    role: Role = Role.BROADCASTER
    user_update: bool = False
    max_member_count: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    resume: Resume | None = None
    quality_update: bool = False
    """The client wants to hear the numbers of its own streams regularly."""
    app_sign: Annotated[str, Meta(max_length=256)] = ""
    """What programs of the app have instead of a token."""
    dialect: Literal["", "zego", "nertc"] = ""
    """The vendor whose rules for ids and tokens the program keeps to; empty: told by the token's form."""


class Logout(Message, frozen=True):
    pass


class Publish(Message, frozen=True):
    stream_id: str
    media: Media = BOTH_MEDIA
    extra_info: str | None = None
    transport: Literal["rtmp", "webrtc", "whip"] = "rtmp"
    sdp: Description | None = None
    """The client's offer; with the transport `webrtc` alone."""


class Unpublish(Message, frozen=True):
    stream_id: str
    media: Media = BOTH_MEDIA


class Play(Message, frozen=True):
    stream_id: str
    media: Media = BOTH_MEDIA
    mode: PlayMode = PlayMode.RTC
    wait: bool = False
    transport: Literal["rtmp", "flv", "webrtc", "whep"] = "rtmp"
    restart: bool = False
    """With the transport `webrtc`: the offer is for the connection that there is, with new ICE credentials."""


class Answer(Message, frozen=True):
    stream_id: str
    sdp: Description


class Stop(Message, frozen=True):
    stream_id: str
    media: Media = BOTH_MEDIA


class Mute(Message, frozen=True):
    stream_id: str
    audio: bool | None = None
    video: bool | None = None


class SetRole(Message, frozen=True):
    role: Role


class SetStreamExtraInfo(Message, frozen=True):
    stream_id: str
    extra_info: str | None = None


class SetRoomExtraInfo(Message, frozen=True):
    key: str
    value: str = ""
    """Empty: the entry is taken away."""


class SendBroadcastMessage(Message, frozen=True):
    message: str


class SendBarrageMessage(Message, frozen=True):
    message: str


class SendCustomCommand(Message, frozen=True):
    message: str
    to_user_ids: frozenset[str] = frozenset()
    """Empty: everyone."""


class RenewToken(Message, frozen=True):
    token: Annotated[str, Meta(max_length=8192)]


class Report(Message, frozen=True):
    """What a client's component said, or what the client measured; the gateway counts it."""

    direction: Literal["push", "pull"]
    event: Literal["bindstatechange", "bindnetstatus", "binderror", "stats"]
    stream_id: Annotated[str, Meta(max_length=256)] | None = None
    data: Raw = Raw(b"{}")


class Ping(Message, frozen=True):
    pass


Params: TypeAlias = (
    Login | Logout | Publish | Unpublish | Play | Answer | Stop | Mute | SetRole | SetStreamExtraInfo | SetRoomExtraInfo
    | SendBroadcastMessage | SendBarrageMessage | SendCustomCommand | RenewToken | Report | Ping
)  # fmt: skip

METHODS: dict[str, type[Params]] = {
    "login": Login,
    "logout": Logout,
    "publish": Publish,
    "unpublish": Unpublish,
    "play": Play,
    "answer": Answer,
    "stop": Stop,
    "mute": Mute,
    "setRole": SetRole,
    "setStreamExtraInfo": SetStreamExtraInfo,
    "setRoomExtraInfo": SetRoomExtraInfo,
    "sendBroadcastMessage": SendBroadcastMessage,
    "sendBarrageMessage": SendBarrageMessage,
    "sendCustomCommand": SendCustomCommand,
    "renewToken": RenewToken,
    "report": Report,
    "ping": Ping,
}
"""Every method by its name on the wire."""

UNREPEATABLE = frozenset({"login", "ping", "answer", "report"})
"""Methods that act anew each time, whatever their id."""

NOTIFIABLE = frozenset({"ping", "report"})
"""Methods that may come without an id, and are then not answered."""

_decode_request = msgspec.json.Decoder(Request).decode
_decoders = {name: msgspec.json.Decoder(kind).decode for name, kind in METHODS.items()}


def decode_request(frame: str | bytes) -> Request:
    """One text frame's request. Raises PARSE_ERROR or INVALID_REQUEST."""
    try:
        return _decode_request(frame)
    except msgspec.ValidationError as error:
        detail = "batches are not accepted" if frame[:1] in ("[", b"[") else str(error)
        raise GatewayError(INVALID_REQUEST, detail) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise GatewayError(PARSE_ERROR, str(error)) from None


def decode_params(request: Request) -> Params:
    """The request's parameters by its method. Raises METHOD_NOT_FOUND or INVALID_PARAMS."""
    decode = _decoders.get(request.method)
    if decode is None:
        raise GatewayError(METHOD_NOT_FOUND, repr(request.method))
    try:
        return decode(request.params)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise GatewayError(INVALID_PARAMS, str(error)) from None


# Results ---------------------------------------------------------------------------------------------------------------


class UserInfo(Whole, frozen=True):
    user_id: str
    user_name: str
    role: Role


class Muted(Whole, frozen=True):
    audio: bool
    video: bool


class StreamInfo(Whole, frozen=True):
    stream_id: str
    user_id: str
    user_name: str
    media: list[Medium]
    announced: list[Medium]
    muted: Muted
    extra_info: str
    transport: str


class Address(Message, frozen=True):
    """One address of a stream. `key` stands apart where the protocol carries it outside the URL."""

    protocol: str
    url: str
    key: str | None = None


class IceServer(Message, frozen=True):
    """A STUN or TURN server, in the form of the browsers' `RTCIceServer`."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


class Person(Whole, frozen=True):
    """Who said or wrote something."""

    user_id: str
    user_name: str


class RoomExtraInfo(Whole, frozen=True):
    """One entry of what the room keeps."""

    value: str
    update_user: Person
    update_time: int
    """Unix time in milliseconds."""


class LoginResult(Whole, frozen=True):
    session_id: str
    seq: int
    resumed: bool
    role: Role
    heartbeat_ms: int
    resume_window_ms: int
    token_expires_at: int | None
    servers: list[str]
    ice_servers: list[IceServer]
    users: list[UserInfo]
    streams: list[StreamInfo]
    publishing: list[str]
    playing: list[str]
    room_extra_info: dict[str, RoomExtraInfo]
    online_user_count: int
    replayed: int
    """Events of the room that follow, because they came while there was no socket."""


class AddressResult(Whole, frozen=True):
    """The reply to `publish` and `play` where media have an address."""

    stream_id: str
    url: str
    urls: list[Address]
    expires_at: int


class DescriptionResult(Whole, frozen=True):
    """The reply to `publish` (the answer) and `play` (an offer) where media go over WebRTC."""

    stream_id: str
    sdp: str


class MessageResult(Message, frozen=True):
    """The reply to what sends something to others."""

    message_id: int


class BarrageResult(Message, frozen=True):
    message_id: str
    """Empty if it was dropped."""
    dropped: bool = False
    """Nobody got it: there were too many."""


class TokenResult(Whole, frozen=True):
    token_expires_at: int | None
    """Unix time in milliseconds."""


class Empty(Whole, frozen=True):
    pass


Result: TypeAlias = LoginResult | AddressResult | DescriptionResult | MessageResult | BarrageResult | TokenResult | Empty


def user_info(user: User) -> UserInfo:
    return UserInfo(user.id, user.name, user.role)


def ice_server(server: turn.IceServer) -> IceServer:
    return IceServer(list(server.urls), server.username or None, server.credential or None)


def stream_info(view: StreamView) -> StreamInfo:
    return StreamInfo(
        view.stream_id, view.user_id, view.user_name, sorted(view.media), sorted(view.announced),
        Muted(Medium.AUDIO in view.muted, Medium.VIDEO in view.muted), view.extra_info, view.transport,
    )  # fmt: skip


def room_extra_info(info: ExtraInfo) -> RoomExtraInfo:
    return RoomExtraInfo(info.value, Person(info.user_id, info.user_name), milliseconds(info.at))


def milliseconds(at: float) -> int:
    return int(at * 1000)


# Encoding --------------------------------------------------------------------------------------------------------------


class Reply(Struct, frozen=True):
    jsonrpc: Literal["2.0"]
    id: RequestID | None
    result: Result


class ErrorData(Message, frozen=True):
    name: str
    retry: str
    after_ms: int | None = None


class ErrorBody(Struct, frozen=True):
    code: int
    message: str
    data: ErrorData


class ErrorReply(Struct, frozen=True):
    jsonrpc: Literal["2.0"]
    id: RequestID | None
    error: ErrorBody


_encode = msgspec.json.Encoder().encode


def encode_result(id: RequestID | None, result: Result) -> str:
    return _encode(Reply("2.0", id, result)).decode()


def encode_error(id: RequestID | None, error: GatewayError) -> str:
    fault = error.fault
    data = ErrorData(fault.name, fault.retry, error.after_ms)
    return _encode(ErrorReply("2.0", id, ErrorBody(fault.number, fault.sentence(error.detail), data))).decode()
