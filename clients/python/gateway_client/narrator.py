"""What the session tells, told on to the program: changes of the room, states and measurements, by the documented callbacks.

Here is what an engine knows of its room; what a program may ask it for stands in `engine.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import Any, cast

from .callbacks import Callbacks
from .casts import Playback, Publication
from .errors import KICKED, KICKED_BY_SAME_USER, RECONNECTING, RETRY_TIMEOUT, CallError
from .quality import Meter, play_quality, publish_quality
from .room import Change, EntriesChanged, Heard, Room, StreamsChanged, StreamUpdated, UsersChanged
from .session import Session
from .values import (
    Message,
    RemoteDeviceState,
    RoomConfig,
    RoomExtraInfo,
    RoomState,
    RoomStateChangedReason,
    Stream,
    UpdateType,
    User,
)

_log = logging.getLogger(__name__)


class Narrator(Callbacks):
    """A session's listener: it knows the room, and keeps its connections in step with the session."""

    def __init__(self) -> None:
        super().__init__()
        self.room_id = ""
        self.room_state = RoomState.DISCONNECTED
        self.room = Room()
        self.publications: dict[str, Publication] = {}
        self.playbacks: dict[str, Playback] = {}
        self._session: Session | None = None
        """Of the room that one is in, or enters; None as soon as it is not wanted any more, or over."""
        self._ending: asyncio.Future[None] | None = None
        """What has to be let go of the room before. It is not for whoever waits for it to stop it."""
        self._entered = False
        self._config = RoomConfig()
        self._ice_servers: list[dict[str, Any]] = []
        self._meters: dict[str, Meter] = {}
        self._last_words: dict[str, Any] = {}

    # What the session tells ----------------------------------------------------------------------------------------

    def last_seq(self) -> int:
        return self.room.seq

    def on_login(self, result: dict[str, Any]) -> None:
        if self._session is None:
            return  # it was left meanwhile
        reason = RoomStateChangedReason.RECONNECTED if self._entered else RoomStateChangedReason.LOGINED
        self._entered = True
        self._ice_servers[:] = result["iceServers"]
        self._now(RoomState.CONNECTED, reason)
        for change in self.room.restate(result):
            self._changed(change)
        stands = {*result["publishing"], *result["playing"]} if result["resumed"] else set()
        for link in (*self.publications.values(), *self.playbacks.values()):
            if link.stream_id not in stands:
                link.renew(CallError(0, "SESSION_RESTARTED", after=0.0))

    def on_event(self, method: str, params: dict[str, Any]) -> None:
        for change in self.room.apply(method, params):
            self._changed(change)

    def on_lost(self, error: CallError) -> None:
        self._now(RoomState.CONNECTING, RoomStateChangedReason.RECONNECTING, RECONNECTING, error.message)

    def on_end(self, error: CallError | None) -> None:
        if self._session is None:
            return  # whoever leaves it tells so
        self._session = None
        code = (error.code or (KICKED_BY_SAME_USER if error.name == "SOCKET_CLOSED" else RETRY_TIMEOUT)) if error else 0
        self._end(self._let_go(code))
        reason = RoomStateChangedReason.KICK_OUT if code in KICKED else RoomStateChangedReason.RECONNECT_FAILED
        self._now(RoomState.DISCONNECTED, reason, code, self._last_words.get("reason", ""))

    # What has changed ----------------------------------------------------------------------------------------------

    def _changed(self, change: Change) -> None:
        match change:
            case UsersChanged():
                if self._config.is_user_status_notify:
                    kind = UpdateType.ADD if change.added else UpdateType.DELETE
                    self.tell("on_room_user_update", self.room_id, kind, [_user(one) for one in change.users])
            case StreamsChanged():
                kind = UpdateType.ADD if change.added else UpdateType.DELETE
                streams = [_stream(one) for one in change.streams]
                self.tell("on_room_stream_update", self.room_id, kind, streams, _reasons(change))
            case StreamUpdated():
                self._stream_updated(change)
            case EntriesChanged():
                self.tell("on_room_extra_info_update", self.room_id, [_entry(one) for one in change.entries])
            case Heard():
                self._heard(change.method, change.params)

    def _stream_updated(self, change: StreamUpdated) -> None:
        before, now = change.before, change.now
        if before and before["extraInfo"] != now["extraInfo"]:
            self.tell("on_room_stream_extra_info_update", self.room_id, [_stream(now)])
        for medium, name in (("video", "on_remote_camera_state_update"), ("audio", "on_remote_mic_state_update")):
            state = _device(now, medium)
            if not before or state is not _device(before, medium):
                self.tell(name, now["streamID"], state)

    def _heard(self, method: str, params: Mapping[str, Any]) -> None:
        match method:
            case "publisherState":
                if publication := self.publications.get(params["streamID"]):
                    publication.heard(params["state"], params["code"], params.get("message", ""))
            case "playerState":
                if playback := self.playbacks.get(params["streamID"]):
                    playback.heard(params["state"], params["code"], params.get("message", ""))
            case "quality":
                self.background(self._quality(params))
            case "broadcastMessage":
                self.tell("on_im_recv_broadcast_message", self.room_id, [_message(params)])
            case "barrageMessage":
                self.tell("on_im_recv_barrage_message", self.room_id, [_message(params)])
            case "customCommand":
                self.tell("on_im_recv_custom_command", self.room_id, _user(params["fromUser"]), params["message"])
            case "onlineUserCount":
                self.tell("on_room_online_user_count_update", self.room_id, params["count"])
            case "tokenWillExpire":
                self.tell("on_room_token_will_expire", self.room_id, params["seconds"])
            case "kicked" | "roomClosed":
                self._last_words = dict(params)

    async def _quality(self, params: Mapping[str, Any]) -> None:
        now = asyncio.get_running_loop().time()
        for entry in params["publishing"]:
            id = entry["streamID"]
            if (publication := self.publications.get(id)) and "stats" in entry:
                quality = await publish_quality(publication, entry["stats"], self._meters.setdefault(id, Meter()), now)
                self.tell("on_publisher_quality_update", id, quality)
        for entry in params["playing"]:
            id = entry["streamID"]
            if (playback := self.playbacks.get(id)) and "stats" in entry:
                played, report = await play_quality(playback, entry["stats"], self._meters.setdefault(id, Meter()), now)
                self.tell("on_player_quality_update", id, played)
                if self._session is not None:
                    await self._session.notify("report", direction="pull", event="stats", streamID=id, data=report)

    # ---------------------------------------------------------------------------------------------------------------

    def _now(self, state: RoomState, reason: RoomStateChangedReason, code: int = 0, message: str = "") -> None:
        self.room_state = state
        if state is RoomState.DISCONNECTED:
            self._entered = False
        extended = {"message": message} if message else {}
        self.tell("on_room_state_update", self.room_id, state, code, extended)
        self.tell("on_room_state_changed", self.room_id, reason, code, extended)

    def _end(self, work: Coroutine[Any, Any, None]) -> None:
        """Begins to let go what belonged to the session."""
        self._ending = asyncio.ensure_future(work)

    async def _ended(self) -> None:
        """Waits until all of it is let go."""
        while self._ending is not None and not self._ending.done():
            await asyncio.wait([self._ending])

    async def _let_go(self, code: int = 0) -> None:
        """Ends all connections."""
        links = cast("list[Publication | Playback]", [*self.publications.values(), *self.playbacks.values()])
        self.publications.clear()
        self.playbacks.clear()
        self._meters.clear()
        for result in await asyncio.gather(*(link.stop(code) for link in links), return_exceptions=True):
            if isinstance(result, BaseException):
                _log.error("a connection did not end well", exc_info=result)


# From the wire ---------------------------------------------------------------------------------------------------------


def _user(facts: Mapping[str, Any]) -> User:
    return User(facts["userID"], facts.get("userName", ""))


def _stream(facts: Mapping[str, Any]) -> Stream:
    return Stream(_user(facts), facts["streamID"], facts["extraInfo"])


def _entry(facts: Mapping[str, Any]) -> RoomExtraInfo:
    return RoomExtraInfo(facts["key"], facts["value"], _user(facts["updateUser"]), facts["updateTime"])


def _message(facts: Mapping[str, Any]) -> Message:
    return Message(facts["message"], facts["messageID"], facts["sendTime"], _user(facts["fromUser"]))


def _reasons(change: StreamsChanged) -> dict[str, Any]:
    if change.added or not change.reason:
        return {}
    return {"stream_delete_reason": [{"streamID": one["streamID"], "code": change.reason["code"]} for one in change.streams]}


def _device(stream: Mapping[str, Any], medium: str) -> RemoteDeviceState:
    if stream["muted"][medium]:
        return RemoteDeviceState.MUTE
    return RemoteDeviceState.OPEN if medium in stream["media"] else RemoteDeviceState.DISABLE
