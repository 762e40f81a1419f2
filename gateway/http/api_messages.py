"""The bodies of the server API: what its requests hold, and what they are answered with.

Members are spelled as in signaling, and mean the same. Unknown members are ignored. The OpenAPI document is made from
these types, so what stands here is what is documented.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from gateway.administration import Kind, Member, PublishedStream, RoomDetail, RoomSummary, StreamStatus
from gateway.rooms.model import USER_ID, Medium, Role, StreamState, User
from gateway.signaling.events import FindingInfo, finding_info
from gateway.signaling.messages import Muted, wire_name

CHARACTERS: Mapping[str, str] = {"pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]+$"}
"""What the document says of the characters of an id; whether it keeps to it is for the id's own rule to find."""
UserID: TypeAlias = Annotated[str, Meta(min_length=1, max_length=128, extra_json_schema=dict(CHARACTERS))]
State: TypeAlias = Literal["awaited", "onAir", "interrupted"]
Count: TypeAlias = Annotated[int, Meta(ge=0)]
Why: TypeAlias = Annotated[str, Meta(max_length=256, description="Told to those who have to go, as the event's `reason`.")]

_SERVER = User("", "", Role.BROADCASTER)
_STATES: Mapping[StreamState, State] = {
    StreamState.AWAITED: "awaited", StreamState.ON_AIR: "onAir", StreamState.INTERRUPTED: "interrupted",
}  # fmt: skip


class Asked(Struct, frozen=True, rename=wire_name):
    """What a request holds. Members with a default may be left out."""


class Told(Struct, frozen=True, rename=wire_name):
    """What a request is answered with. Its members are always there."""


class Nothing(Asked, frozen=True):
    """No members are needed."""


class Page(Asked, frozen=True):
    """Which part of a list is wanted."""

    limit: Annotated[int, Meta(ge=1, le=200, description="How many at most.")] = 50
    after: Annotated[str, Meta(max_length=128, description="The `next` of the page before.")] = ""


class Close(Asked, frozen=True):
    """Everybody has to go."""

    reason: Why = ""


class Kick(Asked, frozen=True):
    """Who has to go."""

    user_ids: Annotated[list[UserID], Meta(min_length=1, max_length=10, description="Who has to go.")]
    reason: Why = ""


class From(Asked, frozen=True):
    """In whose name a message is sent. It need not be a user of the room."""

    user_id: UserID
    user_name: Annotated[str, Meta(max_length=256, description="Empty: the userID.")] = ""


class Send(Asked, frozen=True):
    """A message to those in the room."""

    kind: Annotated[
        Kind, Meta(description="Which event tells it: `broadcastMessage`, `barrageMessage` (may be dropped), `customCommand`."),
    ]
    message: Annotated[str, Meta(min_length=1, max_length=65_536, description="At most 1024 bytes, unless set otherwise.")]
    to_user_ids: Annotated[
        list[UserID], Meta(max_length=500, description="Of a command: who gets it. Empty: everybody in the room.")
    ] = []
    from_user: Annotated[From | None, Meta(description="Null: the server, whose userID is empty.")] = None


class RoomInList(Told, frozen=True):
    """A room."""

    room_id: str
    user_count: Annotated[int, Meta(ge=0, description="Users in it, the audience and those who lost their socket included.")]
    stream_count: Annotated[int, Meta(ge=0, description="Streams on air.")]


class RoomList(Told, frozen=True):
    """A page of the app's rooms, by the order of their roomIDs."""

    rooms: list[RoomInList]
    next: Annotated[str | None, Meta(description="The `after` of the next page; null: this is the last one.")]


class UserInRoom(Told, frozen=True):
    """A user in a room."""

    user_id: str
    user_name: str
    role: Role
    connected: Annotated[bool, Meta(description="False: the socket is lost, and may come back.")]


class StreamInRoom(Told, frozen=True):
    """A stream that is published, or is about to be."""

    stream_id: str
    user_id: str
    user_name: str
    state: Annotated[
        State, Meta(description="`awaited`: nothing has come yet; `interrupted`: its publisher is lost, and may come back.")
    ]
    media: Annotated[list[Medium], Meta(description="What arrives now.")]
    announced: Annotated[list[Medium], Meta(description="What was promised.")]
    muted: Muted
    extra_info: str
    transport: Annotated[str, Meta(description="How it is published: `rtmp`, `webrtc` or `whip`.")]
    viewers: Annotated[int, Meta(ge=0, description="Connections that play it.")]
    findings: Annotated[
        list[FindingInfo], Meta(description="What its publisher should change, found in the first seconds of its connection.")
    ]


class Room(Told, frozen=True):
    """A room, a page of its users by the order of their userIDs, and the streams of these users."""

    room_id: str
    user_count: Count
    stream_count: Count
    users: list[UserInRoom]
    streams: list[StreamInRoom]
    next: Annotated[str | None, Meta(description="The `after` of the next page of users; null: this is the last one.")]


class Closed(Told, frozen=True):
    """The room is not there any more."""

    closed: Annotated[bool, Meta(description="False: it was not there before, either.")]


class Kicked(Told, frozen=True):
    """The users are not in the room any more."""

    kicked: Annotated[list[str], Meta(description="Those of them who were in it.")]


class Sent(Told, frozen=True):
    """The message is on its way."""

    message_id: Annotated[int | str, Meta(description="As in the event: a number, of a barrage message a text.")]


class Stream(Told, frozen=True):
    """What there is to a streamID."""

    stream_id: str
    forbidden: Annotated[bool, Meta(description="True: nobody may publish or play it.")]
    room_id: Annotated[str | None, Meta(description="Its publisher's room; null: published without a session, or not at all.")]
    published: Annotated[StreamInRoom | None, Meta(description="Null: it is not published.")]


class Failure(Struct, frozen=True, rename=wire_name, omit_defaults=True):
    """Why a request was refused: an entry of the error catalogue, or what HTTP itself refuses, with the status as its code."""

    code: int
    name: str
    message: str
    retry: Literal["never", "now", "after"]
    after_ms: Annotated[int | None, Meta(description="Milliseconds to wait before it is tried again.")] = None


def room_in_list(room: RoomSummary) -> RoomInList:
    return RoomInList(room.room_id, room.users, room.streams)


def user_in_room(member: Member) -> UserInRoom:
    return UserInRoom(member.user.id, member.user.name, member.user.role, member.connected)


def stream_in_room(stream: PublishedStream) -> StreamInRoom:
    view = stream.view
    return StreamInRoom(
        view.stream_id, view.user_id, view.user_name, _STATES[stream.state], sorted(view.media), sorted(view.announced),
        Muted(Medium.AUDIO in view.muted, Medium.VIDEO in view.muted), view.extra_info, view.transport, stream.viewers,
        [finding_info(finding) for finding in stream.findings],
    )  # fmt: skip


def room(detail: RoomDetail) -> Room:
    return Room(
        detail.summary.room_id, detail.summary.users, detail.summary.streams, [user_in_room(one) for one in detail.members],
        [stream_in_room(one) for one in detail.streams], detail.next,
    )  # fmt: skip


def stream(status: StreamStatus) -> Stream:
    published = status.published
    return Stream(
        status.stream_id, status.forbidden, published.room_id if published else None,
        stream_in_room(published) if published else None,
    )  # fmt: skip


def sender(given: From | None) -> User:
    """In whose name a message is sent. Raises GatewayError for a userID that cannot be one."""
    if given is None:
        return _SERVER
    return User(USER_ID.check(given.user_id), given.user_name or given.user_id, Role.BROADCASTER)
