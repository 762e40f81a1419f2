"""What a room is made of, and the plain facts about each part.

App · Room · User · Session (one user in one room) · Stream · Grant (the right to publish or play one stream). Only data
and the rules that need nothing but this data live here; `registry.py` owns the objects and moves them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, StrEnum

from gateway.allowance import Allowance
from gateway.auth.access import Action
from gateway.errors import (
    INVALID_PARAMS,
    ROOM_ID_EMPTY,
    ROOM_ID_ILLEGAL,
    ROOM_ID_TOO_LONG,
    STREAM_ID_EMPTY,
    STREAM_ID_ILLEGAL,
    STREAM_ID_TOO_LONG,
    USER_ID_EMPTY,
    USER_ID_ILLEGAL,
    USER_ID_TOO_LONG,
    Fault,
    GatewayError,
)
from gateway.quality.checkup import Finding


class Medium(StrEnum):
    """What a stream may carry (`media` in the signaling contract)."""

    AUDIO = "audio"
    VIDEO = "video"


BOTH_MEDIA = frozenset(Medium)


class PlayMode(StrEnum):
    """How a viewer wants to join and be fed (the `mode` of live-player)."""

    RTC = "RTC"
    """A call: the newest GOP is played away at once, sound from now, small write batches."""
    LIVE = "live"
    """A broadcast: the GOP as it is, larger write batches."""


class Role(StrEnum):
    BROADCASTER = "broadcaster"
    AUDIENCE = "audience"


class Reason(Enum):
    """Why a stream or a user went away: ZEGO's stream-delete reasons, and a name."""

    STOPPED = (1, "stopped")
    HEARTBEAT_TIMEOUT = (2, "heartbeatTimeout")
    SAME_USER = (3, "sameUserElsewhere")
    KICKED = (4, "kicked")
    OFFLINE = (5, "offline")
    REMOVED = (6, "removedByServer")
    SERVER_RESTART = (5, "serverRestart")
    """It was there before the gateway was started anew, and did not come back."""

    def __init__(self, number: int, label: str) -> None:
        self.number = number
        self.label = label


class StreamState(Enum):
    """A publish grant's way: no media yet → on air ⇄ interrupted (grace runs) → gone."""

    AWAITED = "awaited"
    ON_AIR = "on air"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class User:
    """One person in one room."""

    id: str
    name: str
    role: Role


@dataclass(slots=True, eq=False)
class Grant:
    """The right to publish or play one stream, for as long as it lives; the stream key of its addresses names it."""

    id: str
    action: Action
    app: str
    stream_id: str
    user_id: str
    session: Session | None
    """None: made by a signed address, without a session."""
    media: frozenset[Medium]
    """Publishing: what is announced. Playing: what is wanted."""
    mode: PlayMode = PlayMode.RTC
    wait: bool = False
    """Playing: the stream may come later."""
    expires_at: float = 0.0
    """Unix time until which the first connection has to come."""
    used: bool = False
    """A connection with this grant's key was accepted once."""
    transport: str = "rtmp"
    connections: int = 0
    """Connections that use it now."""
    told: object = None
    """Playing: the last notice about it that its session was told."""
    wishes: int = 0
    """How often it was asked for: one that fails undoes only its own doing."""


@dataclass(slots=True, eq=False)
class Stream:
    """One publish grant's stream, on air or not yet."""

    grant: Grant
    room: Room | None
    """None: published with a signed address, seen by nobody's room."""
    state: StreamState = StreamState.AWAITED
    media: frozenset[Medium] = frozenset()
    """What arrives now."""
    muted: frozenset[Medium] = frozenset()
    """What the publisher says it muted."""
    extra_info: str = ""
    findings: tuple[Finding, ...] = ()
    """What its publisher should change, once its connection was looked at for some seconds."""
    told: object = None
    """The last notice about it that its session was told."""

    @property
    def id(self) -> str:
        return self.grant.stream_id

    @property
    def announced(self) -> bool:
        """Others know of it."""
        return self.state is not StreamState.AWAITED

    def view(self) -> StreamView:
        grant = self.grant
        return StreamView(
            self.id, grant.user_id, grant.session.user.name if grant.session else grant.user_id, self.media, grant.media,
            self.muted, self.extra_info, grant.transport,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class StreamView:
    """A stream as others see it, at one moment."""

    stream_id: str
    user_id: str
    user_name: str
    media: frozenset[Medium]
    announced: frozenset[Medium]
    muted: frozenset[Medium]
    extra_info: str
    transport: str


@dataclass(slots=True, eq=False)
class Session:
    """One user in one room of one app. It outlives its socket; `deliver` takes what it is to hear."""

    id: str = field(repr=False)
    app: str
    room: Room
    user: User
    user_update: bool
    """The client wants to hear of other users."""
    deliver: Callable[[object], None] = field(repr=False)
    may_publish: bool = True
    allowed_streams: frozenset[str] | None = None
    """The only streamIDs that the token permits to publish; None: any."""
    token_expires_at: float | None = None
    """Unix time at which its token ends; None: it needed none."""
    joined_at: int = 0
    """The room's sequence when it joined: what was before is no business of its."""
    recovered_at: int | None = None
    """The room's sequence when the session was recovered after a restart, until its client is back: what the client had
    heard beyond that was lost, and its numbers were given anew."""
    publishing: dict[str, Stream] = field(default_factory=dict)
    playing: dict[str, Grant] = field(default_factory=dict)
    allowances: dict[object, Allowance] = field(default_factory=dict, repr=False)
    """How much of what it may say, by the kind."""

    def may_publish_stream(self, stream_id: str) -> bool:
        """What its token says of a stream, whatever its role."""
        return self.may_publish and (self.allowed_streams is None or stream_id in self.allowed_streams)


@dataclass(frozen=True, slots=True)
class ExtraInfo:
    """One entry of a room's extra info, and who wrote it when."""

    value: str
    user_id: str
    user_name: str
    at: float
    """Unix time."""


@dataclass(slots=True, eq=False)
class Room:
    """The sessions of one room and the number of its last event."""

    app: str
    id: str
    max_members: int = 0
    """0: no limit. The first login's wish counts."""
    seq: int = 0
    sessions: dict[str, Session] = field(default_factory=dict)
    """By userID."""
    extra_info: dict[str, ExtraInfo] = field(default_factory=dict)
    allowances: dict[object, Allowance] = field(default_factory=dict, repr=False)
    """How much of what may be said in it, by the kind."""
    closing: bool = False
    """Everyone is being put out: nobody is told of the others any more."""

    def others(self, user_id: str) -> list[User]:
        """The users that this one sees: everyone else but the audience."""
        return [s.user for s in self.sessions.values() if s.user.id != user_id and s.user.role is not Role.AUDIENCE]

    def streams_for(self, user_id: str) -> list[StreamView]:
        """The streams that this user can play: everyone else's that are on air."""
        return [
            stream.view()
            for session in self.sessions.values()
            if session.user.id != user_id
            for stream in session.publishing.values()
            if stream.announced
        ]


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def check_size(text: str, limit: int, too_long: Fault, illegal: Fault = INVALID_PARAMS) -> None:
    """Raises the fault that fits if the text has more than `limit` bytes of UTF-8, or cannot be written in it."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise GatewayError(illegal, "not Unicode text") from None
    if size > limit:
        raise GatewayError(too_long, f"{size} bytes, at most {limit}")


@dataclass(frozen=True, slots=True)
class IdRule:
    """What an id may be: 1 to `limit` bytes of UTF-8 without control characters."""

    limit: int
    empty: Fault
    illegal: Fault
    too_long: Fault

    def check(self, text: str) -> str:
        """The id itself, or the fault that names what is wrong with it."""
        if not text:
            raise GatewayError(self.empty)
        check_size(text, self.limit, self.too_long, self.illegal)
        if _CONTROL.search(text):
            raise GatewayError(self.illegal)
        return text


ROOM_ID = IdRule(128, ROOM_ID_EMPTY, ROOM_ID_ILLEGAL, ROOM_ID_TOO_LONG)
USER_ID = IdRule(128, USER_ID_EMPTY, USER_ID_ILLEGAL, USER_ID_TOO_LONG)
STREAM_ID = IdRule(256, STREAM_ID_EMPTY, STREAM_ID_ILLEGAL, STREAM_ID_TOO_LONG)
