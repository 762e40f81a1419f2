"""What the server API offers, one entry each: its path, what it takes and gives, how it can fail, what it does.

This table is all there is: requests are matched against it, and the OpenAPI document is written from it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from msgspec import Struct

from gateway.administration import Kind, RoomDetail, RoomSummary, StreamStatus
from gateway.errors import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    MESSAGE_EMPTY,
    MESSAGE_TOO_LONG,
    OVERLOADED,
    PARSE_ERROR,
    ROOM_NOT_FOUND,
    STORE_UNAVAILABLE,
    STREAM_NOT_FOUND,
    Fault,
    GatewayError,
)
from gateway.http import api_messages as messages
from gateway.http import api_quality as quality
from gateway.http.api_messages import Close, Kick, Nothing, Page, Send
from gateway.http.api_quality import OutsideList, OutsidePage, Part, RoomQuality, StreamQuality
from gateway.quality import pages
from gateway.quality.calls import Call, Span
from gateway.quality.overview import Overview
from gateway.rooms.model import ROOM_ID, STREAM_ID, USER_ID, IdRule, User


class Rooms(Protocol):
    """The rooms of all apps, as the server API needs them. Everything here may raise GatewayError."""

    def rooms(self, app: str, after: str, limit: int) -> tuple[Sequence[RoomSummary], str | None]:
        """A page of the app's rooms by the order of their ids, and what the next page comes after."""

    def room(self, app: str, room_id: str, after: str, limit: int) -> RoomDetail:
        """A room with a page of its users. Raises ROOM_NOT_FOUND."""

    def close_room(self, app: str, room_id: str, reason: str) -> bool:
        """Puts everybody out. Whether there was such a room."""

    def kick(self, app: str, user_id: str, room_id: str, reason: str) -> bool:
        """Puts a user out of a room. Whether the user was in it."""

    def send(self, app: str, room_id: str, kind: Kind, message: str, to: Sequence[str], sender: User) -> int:
        """Tells those in the room. The message's number. Raises ROOM_NOT_FOUND, MESSAGE_EMPTY, MESSAGE_TOO_LONG."""

    def stream(self, app: str, stream_id: str) -> StreamStatus:
        """What there is to a streamID. Raises STREAM_NOT_FOUND if it is neither published nor forbidden."""

    def forbid_stream(self, app: str, stream_id: str) -> StreamStatus:
        """Nobody may publish or play it any more; what does is cut. Raises OVERLOADED: too many are forbidden."""

    def resume_stream(self, app: str, stream_id: str) -> StreamStatus:
        """It may be published and played again."""

    async def room_calls(self, app: str, room_id: str, span: Span) -> Call:
        """What is known of a room's calls. Raises ROOM_NOT_FOUND and STORE_UNAVAILABLE."""

    def outside(self, app: str, page: pages.Page) -> Overview:
        """How what is published in no room comes in, by the order of the streamIDs; a page may begin after any."""

    async def stream_calls(self, app: str, stream_id: str, span: Span) -> Call:
        """What is known of a stream's. Raises STREAM_NOT_FOUND and STORE_UNAVAILABLE."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked of the server API."""

    name: str
    """Its operationId, and what the audit log calls it."""
    method: Literal["GET", "POST"]
    path: tuple[str, ...]
    """Its segments below `/v1/apps/{appID}/`."""
    summary: str
    text: str
    takes: type[Struct]
    """What it is asked with: a GET's query, a POST's body."""
    gives: type[Struct]
    perform: Callable[[Rooms, str, str, Any], Struct | Awaitable[Struct]]
    """Does it, for an appID and the id in the path. Raises GatewayError. A look may take its time; a change is made in one
    step, so that the same one, asked for again meanwhile, finds it made."""
    faults: tuple[Fault, ...] = ()
    """How it can fail, apart from what every operation can be refused with."""

    @property
    def changes(self) -> bool:
        """Whether it is more than a look."""
        return self.method == "POST"

    @property
    def all_faults(self) -> tuple[Fault, ...]:
        """Every fault that it may be refused with once it is known who asks."""
        rules = [ID_RULES[part] for part in self.path if part in ID_RULES]
        ids = [fault for rule in rules for fault in (rule.empty, rule.illegal, rule.too_long)]
        body = (PARSE_ERROR,) if self.changes else ()
        return (*body, INVALID_PARAMS, *ids, *self.faults, INTERNAL_ERROR)


ID_RULES = {"{roomID}": ROOM_ID, "{streamID}": STREAM_ID}
"""What the ids in a path may be, by the name of their segment."""


def _list_rooms(rooms: Rooms, app: str, id: str, page: Page) -> Struct:
    found, next_after = rooms.rooms(app, page.after, page.limit)
    return messages.RoomList([messages.room_in_list(one) for one in found], next_after)


def _get_room(rooms: Rooms, app: str, id: str, page: Page) -> Struct:
    return messages.room(rooms.room(app, id, page.after, page.limit))


def _close_room(rooms: Rooms, app: str, id: str, body: Close) -> Struct:
    return messages.Closed(rooms.close_room(app, id, body.reason))


def _kick_users(rooms: Rooms, app: str, id: str, body: Kick) -> Struct:
    users = [USER_ID.check(user) for user in dict.fromkeys(body.user_ids)]
    return messages.Kicked([user for user in users if rooms.kick(app, user, id, body.reason)])


def _send_message(rooms: Rooms, app: str, id: str, body: Send) -> Struct:
    if body.to_user_ids and body.kind != "command":
        raise GatewayError(INVALID_PARAMS, "only a command has toUserIDs")
    to = [USER_ID.check(user) for user in dict.fromkeys(body.to_user_ids)]
    number = rooms.send(app, id, body.kind, body.message, to, messages.sender(body.from_user))
    return messages.Sent(str(number) if body.kind == "barrage" else number)


async def _list_streams(rooms: Rooms, app: str, id: str, page: OutsidePage) -> Struct:
    return await quality.outside(rooms.outside(app, page.page))


def _get_stream(rooms: Rooms, app: str, id: str, query: Nothing) -> Struct:
    return messages.stream(rooms.stream(app, id))


def _forbid_stream(rooms: Rooms, app: str, id: str, body: Nothing) -> Struct:
    return messages.stream(rooms.forbid_stream(app, id))


def _resume_stream(rooms: Rooms, app: str, id: str, body: Nothing) -> Struct:
    return messages.stream(rooms.resume_stream(app, id))


async def _get_room_quality(rooms: Rooms, app: str, id: str, part: Part) -> Struct:
    return RoomQuality(room_id=id, **await quality.members(await rooms.room_calls(app, id, part.span)))


async def _get_stream_quality(rooms: Rooms, app: str, id: str, part: Part) -> Struct:
    return StreamQuality(stream_id=id, **await quality.members(await rooms.stream_calls(app, id, part.span)))


OPERATIONS = (
    Operation(
        "listRooms", "GET", ("rooms",), "List the rooms",
        "A room is there while somebody is in it.",
        Page, messages.RoomList, _list_rooms,
    ),
    Operation(
        "getRoom", "GET", ("rooms", "{roomID}"), "See who and what is in a room",
        "Large rooms come in pages: each has some of the users, and the streams of these.",
        Page, messages.Room, _get_room, (ROOM_NOT_FOUND,),
    ),
    Operation(
        "getRoomQuality", "GET", ("rooms", "{roomID}", "quality"), "See how a room's calls do and did",
        "How each leg does now, while somebody is in the room, and what happened in it, page by page: also after it is over. "
        "Of a large room the legs come in pages, too: those who publish, then those who play.",
        Part, RoomQuality, _get_room_quality, (ROOM_NOT_FOUND, STORE_UNAVAILABLE),
    ),
    Operation(
        "closeRoom", "POST", ("rooms", "{roomID}", "close"), "Close a room",
        "Everybody in it is told `roomClosed` and put out, and cannot resume. Whoever has a good token may come again, and "
        "makes a new room.",
        Close, messages.Closed, _close_room,
    ),
    Operation(
        "kickUsers", "POST", ("rooms", "{roomID}", "kick"), "Put users out of a room",
        "They are told `kicked`, their streams end, and they cannot resume. Whoever has a good token may come again.",
        Kick, messages.Kicked, _kick_users, (USER_ID.empty, USER_ID.illegal, USER_ID.too_long),
    ),
    Operation(
        "sendMessage", "POST", ("rooms", "{roomID}", "messages"), "Send a message to those in a room",
        "Everybody in the room gets it, or those whom a command names. The rates of users' messages are not for the server.",
        Send, messages.Sent, _send_message,
        (USER_ID.empty, USER_ID.illegal, USER_ID.too_long, ROOM_NOT_FOUND, MESSAGE_EMPTY, MESSAGE_TOO_LONG),
    ),
    Operation(
        "listStreams", "GET", ("streams",), "List the streams in no room",
        "Those that are published with a signed address, and how each comes in. What is published in a room stands there.",
        OutsidePage, OutsideList, _list_streams,
    ),
    Operation(
        "getStream", "GET", ("streams", "{streamID}"), "See what there is to a stream",
        "A stream that is neither published nor forbidden is not found.",
        Nothing, messages.Stream, _get_stream, (STREAM_NOT_FOUND,),
    ),
    Operation(
        "getStreamQuality", "GET", ("streams", "{streamID}", "quality"), "See how a stream does and did",
        "How it comes in and how each of its viewers gets it, while it is published, and what happened to it, page by page. "
        "Many viewers come in pages, too.",
        Part, StreamQuality, _get_stream_quality, (STREAM_NOT_FOUND, STORE_UNAVAILABLE),
    ),
    Operation(
        "forbidStream", "POST", ("streams", "{streamID}", "forbid"), "Forbid a stream",
        "From now on nobody may publish or play it; what does is cut at once. It need not be published now.",
        Nothing, messages.Stream, _forbid_stream, (OVERLOADED,),
    ),
    Operation(
        "resumeStream", "POST", ("streams", "{streamID}", "resume"), "Permit a forbidden stream again",
        "Its publisher may publish it again, and has to ask for it.",
        Nothing, messages.Stream, _resume_stream,
    ),
)  # fmt: skip


def find(segments: Sequence[str]) -> dict[str, Operation]:
    """The operations at the path with these segments, by their method. An id may be anything, and nothing."""
    return {one.method: one for one in OPERATIONS if len(one.path) == len(segments) and all(map(_fits, one.path, segments))}


def id_in(operation: Operation, segments: Sequence[str]) -> tuple[IdRule, str] | None:
    """The one id in the path, undecoded, and what it may be; None where the path has none."""
    for part, segment in zip(operation.path, segments, strict=True):
        if part in ID_RULES:
            return ID_RULES[part], segment
    return None


def _fits(part: str, segment: str) -> bool:
    return part in ID_RULES or part == segment
