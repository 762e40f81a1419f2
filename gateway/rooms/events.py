"""What a session can hear. Room events carry the room's sequence number; notices are for one session alone.

Everything here is a frozen fact; the signaling face turns each into its message (`signaling/messages.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import Fault
from gateway.quality.checkup import Finding
from gateway.rooms.model import ExtraInfo, Reason, Session, StreamView, User

_PLAIN = 300
"""About the bytes of an event without long texts."""


@dataclass(frozen=True, slots=True)
class RoomEvent:
    """Something that happened in a room. `seq` grows by one with each event of the room."""

    room_id: str
    seq: int
    actor: str
    """The userID whose doing it was; this user is not told. Empty: the server's."""

    def concerns(self, session: Session) -> bool:
        """Whether a session in the room is to hear of it."""
        return session.user.id != self.actor

    @property
    def size(self) -> int:
        """About the bytes that it takes to keep it."""
        return _PLAIN


@dataclass(frozen=True, slots=True)
class UserEvent(RoomEvent):
    """Something about a user. Only for those who asked to hear of users."""

    user: User

    def concerns(self, session: Session) -> bool:
        return session.user_update and session.user.id != self.actor


@dataclass(frozen=True, slots=True)
class UserJoined(UserEvent):
    """A broadcaster came, or someone of the audience became one."""


@dataclass(frozen=True, slots=True)
class UserLeft(UserEvent):
    """A broadcaster went, or went over to the audience."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class RoleChanged(RoomEvent):
    """A user has another role. Only for the user itself: the others hear it come or go."""

    user: User

    def concerns(self, session: Session) -> bool:
        return session.user.id == self.actor


@dataclass(frozen=True, slots=True)
class StreamEvent(RoomEvent):
    """Something about a stream, which is as it shows here afterwards."""

    stream: StreamView

    @property
    def size(self) -> int:
        return _PLAIN + len(self.stream.extra_info)


@dataclass(frozen=True, slots=True)
class StreamAdded(StreamEvent):
    """A stream's first media has arrived."""


@dataclass(frozen=True, slots=True)
class StreamUpdated(StreamEvent):
    """A medium began or ceased to arrive, or the announced media changed."""


@dataclass(frozen=True, slots=True)
class StreamRemoved(StreamEvent):
    reason: Reason


@dataclass(frozen=True, slots=True)
class StreamMuted(StreamEvent):
    pass


@dataclass(frozen=True, slots=True)
class StreamExtraInfoChanged(StreamEvent):
    pass


@dataclass(frozen=True, slots=True)
class RoomExtraInfoChanged(RoomEvent):
    """An entry of the room's extra info was written, or taken away (an empty value)."""

    key: str
    value: ExtraInfo

    @property
    def size(self) -> int:
        return _PLAIN + len(self.key) + len(self.value.value)


@dataclass(frozen=True, slots=True)
class TextSent(RoomEvent):
    """Someone said something. Its number is the message's."""

    user_id: str
    user_name: str
    text: str
    at: float
    """Unix time."""

    @property
    def size(self) -> int:
        return _PLAIN + len(self.text)


@dataclass(frozen=True, slots=True)
class BroadcastMessage(TextSent):
    """For everyone, and everyone gets it."""


@dataclass(frozen=True, slots=True)
class BarrageMessage(TextSent):
    """For everyone; when there are too many, some are dropped before they come here."""


@dataclass(frozen=True, slots=True)
class CustomCommand(TextSent):
    """For some, or for everyone."""

    to: frozenset[str] = frozenset()
    """UserIDs; empty: everyone."""

    @property
    def size(self) -> int:
        return _PLAIN + len(self.text) + sum(map(len, self.to))

    def concerns(self, session: Session) -> bool:
        return session.user.id != self.actor and (not self.to or session.user.id in self.to)


class PublisherState(StrEnum):
    REQUESTING = "PUBLISH_REQUESTING"
    PUBLISHING = "PUBLISHING"
    NONE = "NO_PUBLISH"


class PlayerState(StrEnum):
    REQUESTING = "PLAY_REQUESTING"
    PLAYING = "PLAYING"
    NONE = "NO_PLAY"


@dataclass(frozen=True, slots=True)
class PublisherNotice:
    """How one's own publishing is doing. `fault`: why it is not, if something went wrong. `findings`: what to change."""

    room_id: str
    stream_id: str
    state: PublisherState
    fault: Fault | None = None
    detail: str = ""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class PlayerNotice:
    """How one's own playing is doing. `fault`: why it is not, if something went wrong."""

    room_id: str
    stream_id: str
    state: PlayerState
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class TokenNotice:
    """The join token ends soon."""

    room_id: str
    seconds: int
    """Seconds that are left."""


@dataclass(frozen=True, slots=True)
class CountNotice:
    """How many sessions are in the room, the audience included."""

    room_id: str
    count: int


@dataclass(frozen=True, slots=True)
class EndNotice:
    """The session was put out: nothing comes after this."""

    room_id: str
    fault: Fault
    detail: str = ""


@dataclass(frozen=True, slots=True)
class KickedNotice(EndNotice):
    """This user alone was put out."""


@dataclass(frozen=True, slots=True)
class RoomClosedNotice(EndNotice):
    """The room was closed for everyone."""
