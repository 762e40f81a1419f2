"""The engine: rooms, publishing and playing as mobile programs know them, told by callbacks.

Nothing here raises because of the network: what a request comes to is in its result or told by a callback, with the documented
number. Names follow ZEGO's Flutter SDK; `docs/flutter.md` maps them to the wire.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any
from weakref import WeakValueDictionary

from .callbacks import Callbacks
from .casts import MEDIA, Playback, Publication
from .errors import NOT_LOGGED_IN, CallError
from .media import Sink, Source
from .narrator import Narrator
from .room import Room
from .session import Session
from .values import (
    VOICE_SCENARIOS,
    EngineProfile,
    PlayerState,
    PublisherState,
    RoomConfig,
    RoomLoginResult,
    RoomLogoutResult,
    RoomState,
    RoomStateChangedReason,
    SendResult,
    User,
)

ALREADY_IN_A_ROOM = 1002001
"""One engine is in one room at a time."""
LOGIN = 15.0
"""Seconds for which a login is tried while the gateway cannot be reached."""
UNKNOWN = 1000017
"""What the documented tables have no number for."""


def create_engine(profile: EngineProfile, server: str) -> Engine:
    """An engine that works with a gateway. `server`: its signaling address, as `wss://call.example.com/ws`."""
    return Engine(profile, server)


async def destroy_engine(engine: Engine) -> None:
    """Leaves the room and lets everything go. The engine cannot be used any more."""
    await engine.destroy()


class Engine(Narrator):
    """One user of one app. Set its callbacks, log in to a room, publish and play."""

    def __init__(self, profile: EngineProfile, server: str) -> None:
        super().__init__()
        self.profile = profile
        self._server = server
        self._camera = profile.scenario not in VOICE_SCENARIOS
        self._microphone_muted = False
        self._muted = dict.fromkeys(MEDIA, False)
        self._orders: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        """Starting and stopping one stream goes one after the other; there while somebody does, or waits to."""

    # Rooms ---------------------------------------------------------------------------------------------------------

    async def login_room(self, room_id: str, user: User, config: RoomConfig | None = None) -> RoomLoginResult:
        """Logs in to a room; it begins to be with its first user."""
        await self._ended()
        if self._session is not None:
            return RoomLoginResult(ALREADY_IN_A_ROOM, {"message": "log out first"})
        self._config = config or RoomConfig()
        self.room_id, self.room, self._last_words = room_id, Room(), {}
        session = self._session = Session(self._server, self)
        self._now(RoomState.CONNECTING, RoomStateChangedReason.LOGINING)
        try:
            await session.login(LOGIN, **self._login_params(room_id, user))
        except BaseException as raised:  # whoever waits may have been cancelled
            error = raised if isinstance(raised, CallError) else CallError(0, "LOGIN_ABANDONED", "the login was abandoned")
            if wanted := self._session is session:
                self._session = None
                self._end(self._leave(session))
                self._now(RoomState.DISCONNECTED, RoomStateChangedReason.LOGIN_FAILED, error.code or UNKNOWN, error.message)
            if error is not raised:
                raise
            if wanted:
                return RoomLoginResult(error.code or UNKNOWN, _words(error))
        if self._session is not session:
            return RoomLoginResult(NOT_LOGGED_IN, {"message": "logged out meanwhile"})
        return RoomLoginResult(0, {})

    async def logout_room(self, room_id: str | None = None) -> RoomLogoutResult:
        """Leaves the room; publishing and playing end."""
        session = self._session
        if session is None or room_id not in (None, self.room_id):
            return RoomLogoutResult(NOT_LOGGED_IN, {})
        self._session = None
        self._end(self._log_out(session))
        await self._ended()
        return RoomLogoutResult(0, {})

    async def renew_token(self, room_id: str, token: str) -> int:
        """Gives the session a newer token. Returns 0 or the error's number."""
        result = await self._send("renewToken", room_id, token=token)
        if self._session is not None and not result.error_code:
            self._session.renew_token(token)
        return result.error_code

    async def set_room_extra_info(self, room_id: str, key: str, value: str) -> SendResult:
        return await self._send("setRoomExtraInfo", room_id, key=key, value=value)

    async def send_broadcast_message(self, room_id: str, message: str) -> SendResult:
        return await self._send("sendBroadcastMessage", room_id, message=message)

    async def send_barrage_message(self, room_id: str, message: str) -> SendResult:
        return await self._send("sendBarrageMessage", room_id, message=message)

    async def send_custom_command(self, room_id: str, command: str, to_user_list: Iterable[User] = ()) -> SendResult:
        """To these users, or to everyone else."""
        users = [user.user_id for user in to_user_list]
        return await self._send("sendCustomCommand", room_id, message=command, **({"toUserIDs": users} if users else {}))

    async def destroy(self) -> None:
        """Leaves the room and lets everything go. No callback is called after this."""
        await self.logout_room()
        await self._ended()
        for name in vars(Callbacks()):
            if name.startswith("on_"):
                setattr(self, name, None)
        await self.settle()

    async def drop(self) -> None:
        """Vanishes without a word, as a program that was killed; for tests and load."""
        session, self._session = self._session, None
        if session is not None:
            self._end(self._vanish(session))
        await self._ended()
        await self.settle()

    # Publishing ----------------------------------------------------------------------------------------------------

    async def start_publishing_stream(self, stream_id: str, source: Source = None, extra_info: str | None = None) -> None:
        """Publishes a stream, and goes on until it is stopped; `on_publisher_state_update` tells how that goes.

        `source`: tracks or a media file; silence and a plain picture unless given. Without a camera only sound is sent.
        Raises OSError or ValueError if the source cannot be opened.
        """
        session = self._session
        async with self._order("publish", stream_id):
            if session is not None:
                await self._unpublish(stream_id)
            if session is None or self._session is not session:
                self._publisher_state(stream_id, PublisherState.NO_PUBLISH, NOT_LOGGED_IN, "log in first")
                return
            publication = self.publications[stream_id] = Publication(
                stream_id, source, self._call, self._ice_servers,
                lambda state, code, message: self._publisher_state(stream_id, PublisherState(state), code, message),
                self._sends(), extra_info,
            )  # fmt: skip
            publication.begin()

    async def stop_publishing_stream(self, stream_id: str | None = None) -> None:
        """Stops a stream, or all of one's own."""
        for id in [stream_id] if stream_id is not None else list(self.publications):
            async with self._order("publish", id):
                await self._unpublish(id)

    async def set_stream_extra_info(self, extra_info: str, stream_id: str | None = None) -> SendResult:
        """Says something about a stream, or about all of one's own."""
        result = SendResult(0)
        for id in [stream_id] if stream_id is not None else list(self.publications):
            result = await self._send("setStreamExtraInfo", None, streamID=id, extraInfo=extra_info)
            if id in self.publications and not result.error_code:
                self.publications[id].extra_info = extra_info
        return result

    async def enable_camera(self, enable: bool) -> None:
        """With the camera off, streams that begin have no video, and those that run send none."""
        self._camera = enable
        await self._follow()

    async def mute_microphone(self, mute: bool) -> None:
        self._microphone_muted = mute
        await self._follow()

    async def mute_publish_stream_audio(self, mute: bool) -> None:
        self._muted["audio"] = mute
        await self._follow()

    async def mute_publish_stream_video(self, mute: bool) -> None:
        self._muted["video"] = mute
        await self._follow()

    # Playing -------------------------------------------------------------------------------------------------------

    async def start_playing_stream(self, stream_id: str, sink: Sink = None, media: Iterable[str] = MEDIA) -> None:
        """Plays a stream, and goes on until it is stopped; `on_player_state_update` tells how that goes.

        `sink`: a function that is called with `audio` or `video` and each decoded frame, or a file for the sound (`.wav`,
        `.mp3` …); what comes is dropped unless given. A stream that is not there yet, or went away, is waited for.
        Raises OSError or ValueError if the file cannot be written.
        """
        session = self._session
        async with self._order("play", stream_id):
            if session is not None:
                await self._unplay(stream_id)
            if session is None or self._session is not session:
                self._player_state(stream_id, PlayerState.NO_PLAY, NOT_LOGGED_IN, "log in first")
                return
            playback = self.playbacks[stream_id] = Playback(
                stream_id, sink, self._call, self._ice_servers,
                lambda state, code, message: self._player_state(stream_id, PlayerState(state), code, message), tuple(media),
            )  # fmt: skip
            playback.begin()

    async def stop_playing_stream(self, stream_id: str) -> None:
        async with self._order("play", stream_id):
            await self._unplay(stream_id)

    def mute_play_stream_audio(self, stream_id: str, mute: bool) -> None:
        """What is muted is not given to the sink."""
        if stream_id in self.playbacks:
            self.playbacks[stream_id].drain.muted["audio"] = mute

    def mute_play_stream_video(self, stream_id: str, mute: bool) -> None:
        if stream_id in self.playbacks:
            self.playbacks[stream_id].drain.muted["video"] = mute

    # ---------------------------------------------------------------------------------------------------------------

    async def _leave(self, session: Session) -> None:
        """Ends the connections, and then the session."""
        await self._let_go()
        await session.logout()

    async def _log_out(self, session: Session) -> None:
        await self._leave(session)
        self._now(RoomState.DISCONNECTED, RoomStateChangedReason.LOGOUT)

    async def _vanish(self, session: Session) -> None:
        await session.close()
        await self._let_go()

    def _order(self, what: str, stream_id: str) -> asyncio.Lock:
        """Who holds this starts or stops the stream."""
        return self._orders.setdefault((what, stream_id), asyncio.Lock())

    async def _unpublish(self, stream_id: str) -> None:
        if publication := self.publications.pop(stream_id, None):
            await publication.stop()
            await self._take_back("unpublish", stream_id)

    async def _unplay(self, stream_id: str) -> None:
        if playback := self.playbacks.pop(stream_id, None):
            await playback.stop()
            await self._take_back("stop", stream_id)

    def _publisher_state(self, stream_id: str, state: PublisherState, code: int, message: str) -> None:
        self.tell("on_publisher_state_update", stream_id, state, code, {"message": message} if message else {})

    def _player_state(self, stream_id: str, state: PlayerState, code: int, message: str) -> None:
        self.tell("on_player_state_update", stream_id, state, code, {"message": message} if message else {})

    def _login_params(self, room_id: str, user: User) -> dict[str, Any]:
        config = self._config
        params: dict[str, Any] = {
            "appID": self.profile.app_id, "roomID": room_id, "userID": user.user_id, "userUpdate": config.is_user_status_notify,
            "qualityUpdate": True,
        }  # fmt: skip
        optional = {
            "userName": user.user_name, "token": config.token, "maxMemberCount": config.max_member_count,
            "appSign": self.profile.app_sign,
        }  # fmt: skip
        return params | {name: value for name, value in optional.items() if value}

    def _sends(self) -> dict[str, bool]:
        return {
            "audio": not (self._microphone_muted or self._muted["audio"]),
            "video": self._camera and not self._muted["video"],
        }

    async def _follow(self) -> None:
        for publication in list(self.publications.values()):
            await publication.set_sends(self._sends())

    async def _call(self, method: str, **params: Any) -> dict[str, Any]:
        if self._session is None:
            raise CallError(NOT_LOGGED_IN, "NOT_LOGGED_IN", retry="never")
        return await self._session.call(method, **params)

    async def _send(self, method: str, room_id: str | None, **params: Any) -> SendResult:
        """A request whose refusal is a number."""
        if room_id not in (None, self.room_id):
            return SendResult(NOT_LOGGED_IN)
        try:
            result = await self._call(method, **params)
        except CallError as error:
            return SendResult(error.code or UNKNOWN)
        return SendResult(0, result.get("messageID", ""))

    async def _take_back(self, method: str, stream_id: str) -> None:
        """Tells the gateway that a stream is not wanted any more; a session that ends takes everything back anyway."""
        if self.room_state is RoomState.CONNECTED:
            await self._send(method, None, streamID=stream_id)
        elif self._session is not None:
            self.background(self._send(method, None, streamID=stream_id))


def _words(error: CallError) -> dict[str, Any]:
    return {"name": error.name, "message": error.message, "retry": error.retry}
