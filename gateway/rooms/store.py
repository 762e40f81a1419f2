"""What survives the process: rooms, sessions, grants, the events of each room, and who holds which id.

`RoomStore` is the port. The process that owns a room is its only writer: it answers from memory, and what changed goes
to the store afterwards, through the journal, in batches. A batch is stored as a whole or not at all, in order, and
storing it again changes nothing; so what a process leaves behind when it is killed is all that happened up to a moment.

Only the port and the plain records that go through it live here. `memory_store.py` keeps them in the process, the MongoDB
adapter in a database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

ClaimKind = Literal["user", "stream", "room"]


class StoreError(Exception):
    """The store did not do what it was asked to."""


class StoreUnavailableError(StoreError):
    """The store did not answer, or cannot write now. What was asked may have been done; asking again does no harm."""


class SchemaError(StoreError):
    """What the store holds was made by a newer gateway, or the server cannot do what is needed of it."""


class SupersededError(StoreError):
    """Another process of the same name has taken over all rooms: this one may not write any more."""


class UnstorableError(StoreError):
    """Something in the batch can never be stored (it does not fit the store's format). Nothing of the batch was stored."""


class StaleEpochError(StoreError):
    """The room has been taken over: its epoch in the store is newer. Nothing of the batch was stored."""

    def __init__(self, app: str, room_id: str, epoch: int) -> None:
        super().__init__(f"app={app} room={room_id} epoch={epoch}")
        self.app = app
        self.room_id = room_id
        self.epoch = epoch
        """The epoch that was refused."""


# What is kept. A record in a batch replaces what the store had under its id. ---------------------------------------


@dataclass(frozen=True, slots=True)
class RoomRecord:
    """A room. It has to come before anything else of the room and its epoch."""

    app: str
    room_id: str
    epoch: int
    """Which of the room's lives this is: greater with each takeover, and when the room is made anew."""
    seq: int = 0
    """Number of the room's last event. Storing an event moves it, too."""
    max_members: int = 0
    extra_info: Mapping[str, Any] = field(default_factory=dict)
    """JSON values; no NUL in a key."""


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One user's session in one room. All times are Unix seconds."""

    id: str = field(repr=False)
    app: str
    room_id: str
    epoch: int
    user_id: str
    user_name: str = ""
    role: str = "broadcaster"
    user_update: bool = False
    may_publish: bool = True
    allowed_streams: tuple[str, ...] | None = None
    token_expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class GrantRecord:
    """A session's right to publish or play one stream, and what is known of its stream."""

    id: str
    app: str
    room_id: str
    epoch: int
    session_id: str = field(repr=False)
    user_id: str
    action: str
    """`publish` or `play`, as in the key."""
    stream_id: str
    media: tuple[str, ...] = ("audio", "video")
    mode: str = "RTC"
    wait: bool = False
    transport: str = "rtmp"
    used: bool = False
    """A connection with this grant's key was accepted once: it may come again."""
    expires_at: float = 0.0
    """Unix time until which the first connection has to come."""
    announced: bool = False
    """Publishing: the others have been told of the stream."""
    arriving: tuple[str, ...] = ()
    """Publishing: the media that arrived last."""
    muted: tuple[str, ...] = ()
    extra_info: str = ""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """Something that happened in a room. (app, room, epoch, seq) is unique: the first one stored stays."""

    app: str
    room_id: str
    epoch: int
    seq: int
    at: float
    """Unix time in seconds."""
    name: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    """JSON values; no NUL in a key."""


@dataclass(frozen=True, slots=True)
class Claim:
    """That one owner, and nobody else in the app, has an id."""

    kind: ClaimKind
    app: str
    id: str
    owner: str = field(repr=False)
    """Who has it: a session's id, or a grant's."""
    at: float
    """Unix time in seconds."""
    process: str = ""
    """Name of the owner's process; the store fills it in."""


# What ends ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RoomClosed:
    """The room is over, and whatever it still has, too. Its epoch is remembered for as long as its events are."""

    app: str
    room_id: str
    epoch: int
    at: float
    """Unix time in seconds."""


@dataclass(frozen=True, slots=True)
class SessionEnded:
    app: str
    room_id: str
    epoch: int
    id: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class GrantEnded:
    app: str
    room_id: str
    epoch: int
    id: str


@dataclass(frozen=True, slots=True)
class ClaimAsserted:
    """A claim that was granted while the store did not answer. It is lost if another owner has the id by now."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class ClaimReleased:
    """The owner needs the id no more. Nothing happens if another one has it."""

    claim: Claim


Record = RoomRecord | SessionRecord | GrantRecord
RoomChange = Record | RoomClosed | SessionEnded | GrantEnded | EventRecord
"""Changes that belong to one life of one room, and are refused when that is past."""
Change = RoomChange | ClaimAsserted | ClaimReleased


@dataclass(frozen=True, slots=True)
class StoredRoom:
    """A room with everything in it, as it was left. All records have the room's new epoch."""

    room: RoomRecord
    sessions: tuple[SessionRecord, ...] = ()
    grants: tuple[GrantRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """What a starting process takes over."""

    rooms: tuple[StoredRoom, ...] = ()
    next_epoch: int = 1
    """Greater than every epoch in the store: for the next room that is made, and one more for each after it."""


class RoomStore(Protocol):
    """Where state is kept. Every call may raise StoreUnavailableError; all but `claim` are made by one task at a time."""

    @property
    def healthy(self) -> bool:
        """Whether the last call that the store should have answered was answered."""

    async def open(self) -> None:
        """Makes or checks what the store needs (indexes, schema). Raises SchemaError."""

    async def close(self) -> None:
        """Lets go of connections. The store cannot be used afterwards."""

    async def take_over(self, now: float) -> Taken:
        """Takes all open rooms of this process's name, each with its epoch + 1. Whoever wrote under that name before may not
        write any more. Claims that belong to nothing that was taken are dropped. To be called once before any `write`."""

    async def write(self, batch: Sequence[Change]) -> Sequence[Claim]:
        """Stores a batch durably. The claims among its `ClaimAsserted` that another owner has are returned.

        Raises StaleEpochError, SupersededError, UnstorableError; then nothing of the batch is stored.
        """

    async def claim(self, claim: Claim, instead_of: str | None = None) -> Claim:
        """Takes an id for its owner if nobody has it, or if `instead_of` has it. The claim that stands now is returned: it
        was granted if its owner is the one who asked. Asking again gives the same answer; the caller bounds the wait."""

    async def events(self, app: str, room_id: str, after: tuple[int, int] = (0, 0), limit: int = 1000) -> Sequence[EventRecord]:
        """The room's events after (epoch, seq), in order."""


def key_of(change: Change) -> tuple[object, ...] | None:
    """What a change is about: of several changes with the same key, only the newest counts. None: each one counts."""
    match change:
        case RoomRecord() | RoomClosed():
            return "room", change.app, change.room_id, change.epoch
        case SessionRecord() | SessionEnded():
            return "session", change.id
        case GrantRecord() | GrantEnded():
            return "grant", change.id
        case ClaimAsserted(claim) | ClaimReleased(claim):
            return claim.kind, claim.app, claim.id, claim.owner
        case _:
            return None
