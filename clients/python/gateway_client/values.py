"""What programs give to the client and get from it: profiles, users, streams, states and measurements.

Names and numbers are those that mobile programs know from ZEGO's Flutter SDK, in Python's spelling: enums can be compared
with the documented numbers as they are. Nothing here does anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TypeAlias

ExtendedData: TypeAlias = dict[str, Any]
"""What a callback has to say beside its documented parameters."""


class Scenario(IntEnum):
    """What the app is for. The gateway serves all of them alike; in the voice scenarios the camera starts off."""

    GENERAL = 0
    COMMUNICATION = 1
    LIVE = 2
    DEFAULT = 3
    STANDARD_VIDEO_CALL = 4
    HIGH_QUALITY_VIDEO_CALL = 5
    STANDARD_CHATROOM = 6
    HIGH_QUALITY_CHATROOM = 7
    BROADCAST = 8
    KARAOKE = 9
    STANDARD_VOICE_CALL = 10


VOICE_SCENARIOS = frozenset([Scenario.STANDARD_CHATROOM, Scenario.HIGH_QUALITY_CHATROOM, Scenario.STANDARD_VOICE_CALL])


class RoomState(IntEnum):
    """How the connection to the room is."""

    DISCONNECTED = 0
    CONNECTING = 1
    CONNECTED = 2


class RoomStateChangedReason(IntEnum):
    """Why the connection to the room is as it is now."""

    LOGINING = 0
    LOGINED = 1
    LOGIN_FAILED = 2
    RECONNECTING = 3
    RECONNECTED = 4
    RECONNECT_FAILED = 5
    KICK_OUT = 6
    LOGOUT = 7
    LOGOUT_FAILED = 8


class UpdateType(IntEnum):
    """Whether users or streams came or went."""

    ADD = 0
    DELETE = 1


class PublisherState(IntEnum):
    """How publishing a stream goes."""

    NO_PUBLISH = 0
    PUBLISH_REQUESTING = 1
    PUBLISHING = 2


class PlayerState(IntEnum):
    """How playing a stream goes."""

    NO_PLAY = 0
    PLAY_REQUESTING = 1
    PLAYING = 2


class RemoteDeviceState(IntEnum):
    """Whether a remote camera or microphone sends. Of the documented states, the gateway can tell these."""

    OPEN = 0
    DISABLE = 9
    """The stream has no such medium."""
    MUTE = 10
    """Its publisher muted it."""


class StreamQualityLevel(IntEnum):
    """How good a stream is."""

    EXCELLENT = 0
    GOOD = 1
    MEDIUM = 2
    BAD = 3
    DIE = 4
    UNKNOWN = 5


@dataclass(frozen=True, slots=True)
class EngineProfile:
    """For which app an engine works."""

    app_id: int | str
    scenario: Scenario = Scenario.DEFAULT
    app_sign: str | None = field(default=None, repr=False)
    """The app's sign (64 hexadecimal digits), where the gateway permits to log in with it instead of a token."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody in a room."""

    user_id: str
    user_name: str = ""

    @classmethod
    def id(cls, user_id: str) -> User:
        """A user who is named as the userID is."""
        return cls(user_id, user_id)


@dataclass(slots=True)
class RoomConfig:
    """How to log in to a room."""

    max_member_count: int = 0
    """Users that the room may have; 0: any number. The first login decides."""
    is_user_status_notify: bool = False
    """`on_room_user_update` is wanted."""
    token: str = field(default="", repr=False)
    """Made by the app's backend; not needed with an app sign, nor in an app in debug mode."""

    @classmethod
    def default_config(cls) -> RoomConfig:
        return cls()


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream that somebody else publishes."""

    user: User
    stream_id: str
    extra_info: str = ""


@dataclass(frozen=True, slots=True)
class RoomExtraInfo:
    """An entry of what the room keeps for everyone."""

    key: str
    value: str
    update_user: User
    update_time: int
    """Unix time in milliseconds."""


@dataclass(frozen=True, slots=True)
class Message:
    """A broadcast message or a barrage message."""

    message: str
    message_id: int | str
    """A number of a broadcast message, a text of a barrage message."""
    send_time: int
    """Unix time in milliseconds."""
    from_user: User


@dataclass(frozen=True, slots=True)
class RoomLoginResult:
    """What became of a login."""

    error_code: int
    extended_data: ExtendedData


@dataclass(frozen=True, slots=True)
class RoomLogoutResult:
    """What became of a logout."""

    error_code: int
    extended_data: ExtendedData


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of a message, a command or an extra info."""

    error_code: int
    message_id: int | str = ""
    """Of broadcast and barrage messages. Empty: it was refused, or dropped in a crowd."""


@dataclass(frozen=True, slots=True)
class PublishStreamQuality:
    """How a stream of one's own has done in the last seconds. Rates in frames/s and kbit/s, what is not known is 0."""

    video_capture_fps: float = 0.0
    video_send_fps: float = 0.0
    """As the gateway receives them."""
    video_kbps: float = 0.0
    audio_capture_fps: float = 0.0
    audio_kbps: float = 0.0
    rtt: float = 0.0
    """Milliseconds."""
    packet_lost_rate: float = 0.0
    """From 0 to 1."""
    level: StreamQualityLevel = StreamQualityLevel.UNKNOWN
    total_send_bytes: int = 0
    audio_send_bytes: int = 0
    video_send_bytes: int = 0


@dataclass(frozen=True, slots=True)
class PlayStreamQuality:
    """How a played stream has done in the last seconds. Rates in frames/s and kbit/s, what is not known is 0."""

    video_recv_fps: float = 0.0
    """As the gateway sends them."""
    video_decode_fps: float = 0.0
    video_kbps: float = 0.0
    audio_decode_fps: float = 0.0
    audio_kbps: float = 0.0
    rtt: float = 0.0
    """Milliseconds."""
    packet_lost_rate: float = 0.0
    """From 0 to 1."""
    peer_to_peer_packet_lost_rate: float = 0.0
    """The publisher's part included, from 0 to 1."""
    level: StreamQualityLevel = StreamQualityLevel.UNKNOWN
    total_recv_bytes: int = 0
