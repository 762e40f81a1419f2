"""An asyncio client of the gateway in the shape of ZEGO's Flutter SDK: rooms by signaling, media over WebRTC.

`create_engine` is where to begin; the README has a whole program.
"""

from .engine import Engine, create_engine, destroy_engine
from .errors import CallError
from .media import Sink, Source, open_file
from .session import Session
from .values import (
    EngineProfile,
    Message,
    PlayerState,
    PlayStreamQuality,
    PublisherState,
    PublishStreamQuality,
    RemoteDeviceState,
    RoomConfig,
    RoomExtraInfo,
    RoomLoginResult,
    RoomLogoutResult,
    RoomState,
    RoomStateChangedReason,
    Scenario,
    SendResult,
    Stream,
    StreamQualityLevel,
    UpdateType,
    User,
)

__all__ = [
    "CallError",
    "Engine",
    "EngineProfile",
    "Message",
    "PlayStreamQuality",
    "PlayerState",
    "PublishStreamQuality",
    "PublisherState",
    "RemoteDeviceState",
    "RoomConfig",
    "RoomExtraInfo",
    "RoomLoginResult",
    "RoomLogoutResult",
    "RoomState",
    "RoomStateChangedReason",
    "Scenario",
    "SendResult",
    "Session",
    "Sink",
    "Source",
    "Stream",
    "StreamQualityLevel",
    "UpdateType",
    "User",
    "create_engine",
    "destroy_engine",
    "open_file",
]
