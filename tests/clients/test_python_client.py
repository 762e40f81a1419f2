"""The Python client on a real gateway, with real media: the mobile guide from beginning to end, and what may happen meanwhile."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
import math
import re
import time
from array import array
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import aioice.ice
import av
import pytest
from aiortc import RTCPeerConnection
from websockets.asyncio.server import ServerConnection, serve

from clients.python.gateway_client import (
    Engine,
    EngineProfile,
    PlayerState,
    PublisherState,
    RemoteDeviceState,
    RoomConfig,
    RoomState,
    RoomStateChangedReason,
    Scenario,
    Stream,
    UpdateType,
    User,
    create_engine,
    destroy_engine,
)
from clients.python.gateway_client.callbacks import Callbacks
from clients.python.gateway_client.errors import CallError
from clients.python.gateway_client.link import Link
from clients.python.gateway_client.room import EntriesChanged, Heard, Room, StreamsChanged, StreamUpdated, UsersChanged
from clients.python.gateway_client.session import LONGEST_PAUSE, pause
from gateway.app import Gateway
from gateway.auth.tokens import make_token
from gateway.config import AppSettings
from tests.support.gateway import APP, DEADLINE, SECRET, config, running

TONE = 1000
"""Hz of what is published, and heard."""
SECONDS = 4
RATE = 48_000
LOUD = 0.05


@pytest.fixture(autouse=True)
def _on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiortc leaves out the only address that the gateway of the tests has."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"] if use_ipv4 else [])


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tone and moving pictures: H.264 without B-frames and AAC, as in most files."""
    path = tmp_path_factory.mktemp("media") / "clip.mp4"
    with av.open(str(path), "w") as out:
        pictures: Any = out.add_stream("libx264", rate=15, options={"preset": "ultrafast", "bf": "0", "g": "15"})
        pictures.width, pictures.height, pictures.pix_fmt = 160, 120, "yuv420p"
        sound: Any = out.add_stream("aac", rate=RATE, layout="mono")
        for number in range(15 * SECONDS):
            out.mux(pictures.encode(_picture(number)))
        for position in range(0, RATE * SECONDS, 1024):
            out.mux(sound.encode(_sound(position)))
        for stream in (pictures, sound):
            out.mux(stream.encode())
    return path


def _picture(number: int) -> av.VideoFrame:
    frame = av.VideoFrame(160, 120, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes([16 + 3 * number % 200]) * plane.buffer_size)
    frame.pts, frame.time_base = number, Fraction(1, 15)
    return frame


def _sound(position: int) -> av.AudioFrame:
    frame = av.AudioFrame("fltp", "mono", 1024)
    step = 2 * math.pi * TONE / RATE
    frame.planes[0].update(array("f", (0.5 * math.sin(step * (position + i)) for i in range(1024))).tobytes())
    frame.sample_rate, frame.pts, frame.time_base = RATE, position, Fraction(1, RATE)
    return frame


class Diary:
    """Everything that an engine told, in order, and what its sink was given."""

    def __init__(self, engine: Engine) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.loud = 0
        """Frames in which the tone was heard."""
        self.frames = {"audio": 0, "video": 0}
        self._news = asyncio.Event()
        for name in [name for name in vars(engine) if name.startswith("on_")]:
            setattr(engine, name, self._keeper(name))

    def _keeper(self, name: str) -> Callable[..., None]:
        def keep(*arguments: Any) -> None:
            self.told.append((name, *arguments))
            self._news.set()

        return keep

    def sink(self, kind: str, frame: av.AudioFrame | av.VideoFrame) -> None:
        self.frames[kind] += 1
        if isinstance(frame, av.AudioFrame):
            self.loud += tone_in(frame)
        self._news.set()

    def of(self, name: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """What was told by one callback, beginning with these arguments, without its name."""
        return [entry[1:] for entry in self.told if entry[0] == name and entry[1 : 1 + len(arguments)] == arguments]

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not true():
                self._news.clear()
                await self._news.wait()

    async def hears(self, name: str, *arguments: Any) -> tuple[Any, ...]:
        """The first that was told like this, once it was."""
        await self.until(lambda: self.of(name, *arguments))
        return self.of(name, *arguments)[0]

    async def until_frames(self, engine: Engine, frames: int) -> None:
        """Waits for sound that no sink of ours is given."""
        async with asyncio.timeout(DEADLINE):
            while sum(one.drain.frames["audio"] for one in engine.playbacks.values()) < frames:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def hears_the_tone(self, frames: int = 25) -> None:
        """More of it than has come so far."""
        enough = self.loud + frames
        await self.until(lambda: self.loud >= enough)


def tone_in(frame: av.AudioFrame) -> bool:
    """Whether a frame is loud, and at the right pitch."""
    channels = 1 if frame.format.is_planar else frame.layout.nb_channels
    samples = list(array("h", bytes(frame.planes[0])[: 2 * channels * frame.samples])[::channels])
    if max(map(abs, samples)) < LOUD * 32768:
        return False
    crossings = sum(a < 0 <= b for a, b in pairwise(samples))
    return abs(crossings * frame.sample_rate / frame.samples - TONE) < TONE / 5


def token(user: str, **claims: Any) -> str:
    return make_token(SECRET, APP, user, now=time.time(), ttl=3600, **claims)


@asynccontextmanager
async def user(gateway: Gateway, name: str, room: str = "room") -> AsyncIterator[tuple[Engine, Diary]]:
    """Somebody in a room, without a camera."""
    engine = create_engine(EngineProfile(APP, Scenario.STANDARD_CHATROOM), gateway.addresses.ws)
    diary = Diary(engine)
    try:
        result = await engine.login_room(room, User.id(name), RoomConfig(is_user_status_notify=True, token=token(name)))
        assert result.error_code == 0
        yield engine, diary
    finally:
        await destroy_engine(engine)


def cut(engine: Engine) -> None:
    """The engine's socket is lost."""
    session = engine._session
    assert session is not None
    assert session._socket is not None
    session._socket.transport.abort()


def left_over() -> list[str]:
    """What the client's modules still do."""
    coroutines = [task.get_coro() for task in asyncio.all_tasks()]
    return [one.__qualname__ for one in coroutines if inspect.iscoroutine(one) and "gateway_client" in one.cr_code.co_filename]


class SlowGateway:
    """Answers no login until it is told to."""

    url = ""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answers = asyncio.Event()
        self._said: list[str] = []
        self._gone = asyncio.Event()

    async def attend(self, socket: ServerConnection) -> None:
        async for text in socket:
            message = json.loads(text)
            self._said.append(message["method"])
            self.asked.set()
            if message["method"] == "login" and self.answers.is_set():
                result = {
                    **reply(0, resumed=False), "sessionID": "s", "heartbeatMs": 15_000, "iceServers": [], "publishing": [],
                    "playing": [],
                }  # fmt: skip
                await socket.send(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}))
        self._gone.set()

    async def until_gone(self) -> list[str]:
        """What was said on the first socket, once it is closed."""
        await asyncio.wait_for(self._gone.wait(), DEADLINE)
        return self._said


@asynccontextmanager
async def slow_gateway() -> AsyncIterator[SlowGateway]:
    slow = SlowGateway()
    async with serve(slow.attend, "127.0.0.1", 0) as server:
        slow.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
        yield slow


class Guide:
    """The guide's own program: what it keeps of what its callbacks are told, which take what the guide prints."""

    def __init__(self, engine: Engine) -> None:
        self.told: list[tuple[Any, ...]] = []
        self._news = asyncio.Event()

        def room_state(room_id: str, state: int, error_code: int, extended_data: dict[str, Any]) -> None:
            self._keep("room", room_id, state, error_code, extended_data)

        def users(room_id: str, update_type: int, user_list: list[User]) -> None:
            self._keep("users", room_id, update_type, user_list)

        def streams(room_id: str, update_type: int, stream_list: list[Stream]) -> None:
            self._keep("streams", room_id, update_type, stream_list)

        def publisher_state(stream_id: str, state: int, error_code: int, extended_data: dict[str, Any]) -> None:
            self._keep("publisher", stream_id, state, error_code, extended_data)

        def player_state(stream_id: str, state: int, error_code: int, extended_data: dict[str, Any]) -> None:
            self._keep("player", stream_id, state, error_code, extended_data)

        engine.on_room_state_update = room_state
        engine.on_room_user_update = users
        engine.on_room_stream_update = streams
        engine.on_publisher_state_update = publisher_state
        engine.on_player_state_update = player_state

    def _keep(self, *what: Any) -> None:
        self.told.append(what)
        self._news.set()

    async def comes(self, *what: Any) -> None:
        async with asyncio.timeout(DEADLINE):
            while what not in self.told:
                self._news.clear()
                await self._news.wait()


SIGN = "0123456789abcdef" * 4


@pytest.mark.parametrize("way", ["appSign", "token"])
async def test_002_59f7f2034d3e250f(clip: Path, way: str) -> None:
    """The guide for mobile apps, step by step as it is written, with the names of Python; by both ways to log in."""
    settings = config()
    settings = dataclasses.replace(settings, apps=settings.apps | {APP: AppSettings(SECRET, app_sign=SIGN)})
    async with running(settings) as gateway, user(gateway, "user2", "room1") as (other, heard):
        # 2 to 4: create the engine, turn the camera off, set the callbacks
        profile = EngineProfile(int(APP), Scenario.GENERAL, app_sign=SIGN if way == "appSign" else None)
        engine = create_engine(profile, gateway.addresses.ws)
        await engine.enable_camera(False)
        guide = Guide(engine)
        # log in
        room_config = RoomConfig.default_config()
        room_config.is_user_status_notify = True
        if way == "token":
            room_config.token = token("user1")
        result = await engine.login_room("room1", User.id("user1"), room_config)
        assert result.error_code == 0
        assert guide.told[:2] == [("room", "room1", 1, 0, {}), ("room", "room1", 2, 0, {})]
        await guide.comes("users", "room1", 0, [User("user2", "user2")])
        await heard.hears("on_room_user_update", "room1", UpdateType.ADD, [User("user1", "user1")])
        # publish
        await engine.start_publishing_stream("streamID", source=clip)
        await guide.comes("publisher", "streamID", 1, 0, {})
        await guide.comes("publisher", "streamID", 2, 0, {})
        told = await heard.hears("on_room_stream_update", "room1", UpdateType.ADD)
        assert told[2:] == ([stream_of("streamID", "user1")], {})
        assert heard.of("on_remote_camera_state_update", "streamID") == [("streamID", RemoteDeviceState.DISABLE)]
        # play, and the other way round
        await other.start_playing_stream("streamID", sink=heard.sink)
        await heard.hears("on_player_state_update", "streamID", PlayerState.PLAYING, 0)
        await heard.hears_the_tone()
        assert heard.frames["video"] == 0, "the camera is off"
        await other.start_publishing_stream("other", source=clip)
        await guide.comes("streams", "room1", 0, [stream_of("other", "user2")])
        await engine.start_playing_stream("other")
        await guide.comes("player", "other", 1, 0, {})
        await guide.comes("player", "other", 2, 0, {})
        # stop publishing and playing
        await engine.stop_publishing_stream()
        assert guide.told[-1] == ("publisher", "streamID", 0, 0, {})
        told = await heard.hears("on_room_stream_update", "room1", UpdateType.DELETE)
        assert told[3] == {"stream_delete_reason": [{"streamID": "streamID", "code": 1}]}
        await other.stop_playing_stream("streamID")
        await engine.stop_playing_stream("other")
        assert guide.told[-1] == ("player", "other", 0, 0, {})
        # leave, and destroy the engine
        await engine.logout_room("room1")
        assert guide.told[-1] == ("room", "room1", 0, 0, {})
        await heard.hears("on_room_user_update", "room1", UpdateType.DELETE, [User("user1", "user1")])
        await destroy_engine(engine)
        assert [state for name, _, state, *_ in guide.told if name == "publisher"] == [1, 2, 0]
        assert [state for name, _, state, *_ in guide.told if name == "player"] == [1, 2, 0]
        assert gateway.snapshot().publishers["webrtc"] == 1


def stream_of(stream_id: str, user_id: str) -> Stream:
    return Stream(User(user_id, user_id), stream_id)


@asynccontextmanager
async def call(gateway: Gateway, clip: Path) -> AsyncIterator[tuple[Engine, Diary, Engine, Diary]]:
    """Anna publishes `voice`, and Bert hears it."""
    async with user(gateway, "anna") as (anna, annas), user(gateway, "bert") as (bert, berts):
        await anna.start_publishing_stream("voice", source=clip)
        await bert.start_playing_stream("voice", sink=berts.sink)
        await annas.hears("on_publisher_state_update", "voice", PublisherState.PUBLISHING)
        await berts.hears("on_player_state_update", "voice", PlayerState.PLAYING)
        await berts.hears_the_tone()
        yield anna, annas, bert, berts


class TestLosses:
    async def test_a_lost_socket_is_resumed_and_media_go_on(self, clip: Path) -> None:
        async with running() as gateway, call(gateway, clip) as (anna, annas, bert, berts):
            before = len(annas.told), len(berts.told)
            cut(bert)
            await berts.hears("on_room_state_update", "room", RoomState.CONNECTING, 1002051)
            missed = asyncio.create_task(anna.send_broadcast_message("room", "hello"))
            await berts.hears("on_room_state_changed", "room", RoomStateChangedReason.RECONNECTED, 0)
            assert (await missed).error_code == 0
            (message,) = (await berts.hears("on_im_recv_broadcast_message", "room"))[1]
            assert (message.message, message.from_user) == ("hello", User("anna", "anna"))
            await berts.hears_the_tone()
            names = {entry[0] for entry in annas.told[before[0] :] + berts.told[before[1] :]}
            assert "on_player_state_update" not in names
            assert "on_room_user_update" not in names
            assert "on_room_stream_update" not in names

    async def test_a_request_of_a_lost_socket_is_answered_after_it(self, clip: Path) -> None:
        async with running() as gateway, user(gateway, "anna") as (anna, _), user(gateway, "bert") as (_, berts):
            cut(anna)
            assert (await anna.send_barrage_message("room", "bravo")).error_code == 0
            ((_, [message]),) = berts.of("on_im_recv_barrage_message") or [await berts.hears("on_im_recv_barrage_message")]
            assert message.message == "bravo"

    async def test_a_socket_that_has_fallen_silent_is_replaced(self) -> None:
        async with running(config(signaling={"heartbeat": 0.3})) as gateway, user(gateway, "anna") as (anna, annas):
            assert anna._session is not None
            assert anna._session._socket is not None
            anna._session._socket.transport.pause_reading()
            await annas.hears("on_room_state_changed", "room", RoomStateChangedReason.RECONNECTED)
            assert (await anna.send_broadcast_message("room", "hello")).error_code == 0

    async def test_one_is_replaced_even_while_the_program_keeps_talking(self) -> None:
        async with running(config(signaling={"heartbeat": 0.3})) as gateway, user(gateway, "anna") as (anna, annas):
            session = anna._session
            assert session is not None
            assert session._socket is not None
            session._socket.transport.pause_reading()

            async def talk() -> None:
                while True:
                    await session.notify("report", direction="pull", event="stats", streamID="x", data={})
                    await asyncio.sleep(0.02)

            talking = asyncio.create_task(talk())
            try:
                await annas.hears("on_room_state_changed", "room", RoomStateChangedReason.RECONNECTED)
            finally:
                talking.cancel()

    async def test_a_session_that_is_lost_begins_anew_with_all_it_had(self, clip: Path) -> None:
        forgetful = config(signaling={"resume_window": 0.1})
        async with running(forgetful) as gateway, call(gateway, clip) as (anna, annas, _bert, berts):
            cut(anna)
            await annas.hears("on_room_state_changed", "room", RoomStateChangedReason.RECONNECTED)
            await annas.until(lambda: len(annas.of("on_publisher_state_update", "voice", PublisherState.PUBLISHING)) == 2)
            await berts.until(lambda: len(berts.of("on_room_stream_update", "room", UpdateType.ADD)) == 2)
            await berts.until(lambda: len(berts.of("on_player_state_update", "voice", PlayerState.PLAYING)) == 2)
            await berts.hears_the_tone()

    @pytest.mark.parametrize("whose", ["publisher", "player"])
    async def test_a_lost_media_connection_is_made_again(self, clip: Path, whose: str) -> None:
        async with running() as gateway, call(gateway, clip) as (anna, annas, bert, berts):
            link, diary = (anna.publications, annas) if whose == "publisher" else (bert.playbacks, berts)
            connection = link["voice"].connection
            assert connection is not None
            await connection.close()
            name, code = ("on_publisher_state_update", 1003020) if whose == "publisher" else ("on_player_state_update", 1004020)
            await diary.until(lambda: [entry[1:3] for entry in diary.of(name)] == [(1, 0), (2, 0), (1, code), (2, 0)])
            await berts.hears_the_tone()
            assert len(berts.of("on_room_stream_update")) == 1

    async def test_a_stream_that_ends_is_waited_for(self, clip: Path) -> None:
        async with running() as gateway, call(gateway, clip) as (anna, _, _bert, berts):
            await anna.stop_publishing_stream("voice")
            await berts.hears("on_player_state_update", "voice", PlayerState.PLAY_REQUESTING, 1004002)
            await anna.start_publishing_stream("voice", source=clip)
            await berts.until(lambda: len(berts.of("on_player_state_update", "voice", PlayerState.PLAYING)) == 2)
            await berts.hears_the_tone()


class TestEnds:
    async def test_a_wrong_token(self) -> None:
        async with running() as gateway:
            engine = create_engine(EngineProfile(APP), gateway.addresses.ws)
            diary = Diary(engine)
            result = await engine.login_room("room", User.id("anna"), RoomConfig(token=token("bert")))
            assert result.error_code == 1002077
            assert [entry[1:3] for entry in diary.of("on_room_state_update")] == [(1, 0), (0, 1002077)]
            assert [entry[1] for entry in diary.of("on_room_state_changed")] == [0, 2]
            await engine.start_publishing_stream("voice")
            assert diary.told[-1] == ("on_publisher_state_update", "voice", 0, 1000002, {"message": "log in first"})
            await destroy_engine(engine)

    async def test_the_same_user_elsewhere(self, clip: Path) -> None:
        async with running() as gateway, call(gateway, clip) as (_, annas, _, _), user(gateway, "anna"):
            await annas.hears("on_room_state_update", "room", RoomState.DISCONNECTED, 1002050)
            assert annas.of("on_room_state_changed")[-1][1:3] == (RoomStateChangedReason.KICK_OUT, 1002050)
            await annas.hears("on_publisher_state_update", "voice", PublisherState.NO_PUBLISH, 1002050)

    async def test_a_stream_of_somebody_else(self, clip: Path) -> None:
        async with running() as gateway, call(gateway, clip) as (_, _, bert, berts):
            await bert.start_publishing_stream("voice", source=clip)
            await berts.hears("on_publisher_state_update", "voice", PublisherState.NO_PUBLISH, 1003028)

    async def test_a_gateway_that_is_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("clients.python.gateway_client.engine.LOGIN", 0.2)
        engine = create_engine(EngineProfile(APP), "ws://127.0.0.1:9/ws")
        assert (await engine.login_room("room", User.id("anna"))).error_code == 1002031
        await destroy_engine(engine)

    @pytest.mark.parametrize("how", ["destroy", "drop"])
    async def test_an_engine_that_goes_as_its_session_ends_leaves_nothing(self, clip: Path, how: str) -> None:
        async with running() as gateway, call(gateway, clip) as (anna, _, bert, _):
            connections = [anna.publications["voice"].connection, bert.playbacks["voice"].connection]
            tracks = anna.publications["voice"].tracks.values()
            for engine in (anna, bert):
                assert engine._session is not None
                await engine._session.close()
                engine.on_end(CallError(0, "SOCKET_LOST", retry="never"))
                await getattr(engine, how)()
            assert [connection and connection.connectionState for connection in connections] == ["closed", "closed"]
            assert {track.readyState for track in tracks} == {"ended"}
            assert left_over() == []

    async def test_a_logout_that_nobody_waits_for_is_finished_before_the_next_login(self, clip: Path) -> None:
        async with running() as gateway, call(gateway, clip) as (anna, annas, _, _):
            leaving = asyncio.create_task(anna.logout_room())
            await asyncio.sleep(0)
            leaving.cancel()
            result = await anna.login_room("room2", User.id("anna"), RoomConfig(token=token("anna")))
            assert result.error_code == 0
            told = [(room, reason) for room, reason, *_ in annas.of("on_room_state_changed")][2:]
            assert told == [
                ("room", RoomStateChangedReason.LOGOUT), ("room2", RoomStateChangedReason.LOGINING),
                ("room2", RoomStateChangedReason.LOGINED),
            ]  # fmt: skip

    async def test_a_login_that_is_not_wanted_any_more(self) -> None:
        async with slow_gateway() as slow:
            engine = create_engine(EngineProfile(APP), slow.url)
            diary = Diary(engine)
            entering = asyncio.create_task(engine.login_room("room", User.id("anna")))
            await slow.asked.wait()
            assert (await engine.logout_room()).error_code == 0
            slow.answers.set()
            assert (await entering).error_code == 1000002
            assert await slow.until_gone() == ["login", "logout"]
            assert [state for _, state, *_ in diary.of("on_room_state_update")] == [RoomState.CONNECTING, RoomState.DISCONNECTED]
            await destroy_engine(engine)

    async def test_a_login_that_nobody_waits_for(self) -> None:
        async with slow_gateway() as slow:
            engine = create_engine(EngineProfile(APP), slow.url)
            entering = asyncio.create_task(engine.login_room("room", User.id("anna")))
            await slow.asked.wait()
            entering.cancel()
            with pytest.raises(asyncio.CancelledError):
                await entering
            assert engine.room_state is RoomState.DISCONNECTED
            assert await slow.until_gone() == ["login", "logout"]
            slow.answers.set()
            assert (await engine.login_room("room", User.id("anna"))).error_code == 0
            await engine.drop()
            assert left_over() == []

    async def test_starts_of_one_stream_at_once_leave_one_connection(self, clip: Path) -> None:
        async with running() as gateway, call(gateway, clip) as (anna, _, bert, berts):
            await asyncio.gather(*(bert.start_playing_stream("voice", sink=berts.sink) for _ in range(3)))
            await asyncio.gather(*(anna.start_publishing_stream("voice", source=clip) for _ in range(3)))
            assert left_over().count("Link._stay") == 2
            await berts.hears_the_tone()

    async def test_a_stream_that_begins_as_the_session_ends_does_not(self, clip: Path) -> None:
        async with running() as gateway, call(gateway, clip) as (anna, annas, bert, berts):
            starts = [
                asyncio.create_task(anna.start_publishing_stream("voice", source=clip)),
                asyncio.create_task(bert.start_playing_stream("voice")),
            ]
            await asyncio.sleep(0)
            await asyncio.gather(anna.logout_room(), bert.logout_room(), *starts)
            assert annas.of("on_publisher_state_update")[-1][1:3] == (PublisherState.NO_PUBLISH, 1000002)
            assert berts.of("on_player_state_update")[-1][1:3] == (PlayerState.NO_PLAY, 1000002)
            assert (anna.publications, bert.playbacks) == ({}, {})

    async def test_nothing_is_left_behind(self, clip: Path) -> None:
        async with running() as gateway:
            async with call(gateway, clip):
                pass
            left = gateway.snapshot()
            assert (left.sessions, left.streams, left.grants) == ({}, {}, 0)
            assert left_over() == []


class Refused(Link):
    """A connection that never comes to be, and of which the gateway has its last word while the next one is waited for."""

    def __init__(self) -> None:
        super().__init__("voice", [])
        self.attempts = 0
        self.end: asyncio.Future[CallError] = asyncio.get_running_loop().create_future()

    async def negotiate(self, connection: RTCPeerConnection) -> None:
        self.attempts += 1
        raise CallError(0, "TIMEOUT", after=60.0)

    async def connected(self, connection: RTCPeerConnection) -> None:
        raise AssertionError

    def interrupted(self, error: CallError) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.01, self._watch, self.connection)  # says nothing new
        loop.call_later(0.02, self.told, 1003020, "about the one before")
        loop.call_later(0.03, self.told, 1003025, "forbidden")

    def ended(self, error: CallError) -> None:
        self.end.set_result(error)


async def test_a_last_word_is_heard_while_the_next_attempt_is_waited_for() -> None:
    link = Refused()
    link.start()
    try:
        error = await asyncio.wait_for(link.end, DEADLINE)
    finally:
        await link.close()
    assert (error.code, link.attempts) == (1003025, 1)


class TestMedia:
    async def test_the_camera_may_be_turned_on_and_off(self, clip: Path) -> None:
        async with running() as gateway, call(gateway, clip) as (anna, annas, _bert, berts):
            assert berts.frames["video"] == 0
            await anna.enable_camera(True)
            await berts.hears("on_remote_camera_state_update", "voice", RemoteDeviceState.OPEN)
            await berts.until(lambda: berts.frames["video"] > 5)
            await anna.enable_camera(False)
            await berts.hears("on_remote_camera_state_update", "voice", RemoteDeviceState.MUTE)
            await anna.mute_microphone(True)
            await berts.hears("on_remote_mic_state_update", "voice", RemoteDeviceState.MUTE)
            await anna.mute_microphone(False)
            await berts.until(lambda: len(berts.of("on_remote_mic_state_update", "voice", RemoteDeviceState.OPEN)) == 2)
            await berts.hears_the_tone()
            assert [entry[1] for entry in annas.of("on_publisher_state_update")] == [1, 2], "nobody has to know"

    async def test_what_is_played_may_go_to_a_file(self, clip: Path, tmp_path: Path) -> None:
        async with running() as gateway, user(gateway, "anna") as (anna, _), user(gateway, "bert") as (bert, berts):
            await anna.start_publishing_stream("voice", source=clip)
            await bert.start_playing_stream("voice", sink=tmp_path / "heard.wav")
            await berts.hears("on_player_state_update", "voice", PlayerState.PLAYING)
            await berts.until_frames(bert, 50)
            await bert.stop_playing_stream("voice")
        with av.open(str(tmp_path / "heard.wav")) as file:
            assert sum(frame.samples for frame in file.decode(audio=0) if tone_in(frame)) > RATE / 2

    async def test_without_a_source_there_is_silence(self) -> None:
        async with running() as gateway, user(gateway, "anna") as (anna, _), user(gateway, "bert") as (bert, berts):
            await anna.start_publishing_stream("voice")
            await bert.start_playing_stream("voice", sink=berts.sink)
            await berts.until(lambda: berts.frames["audio"] > 25)
            assert berts.loud == 0

    async def test_quality_is_told_in_documented_numbers(self, clip: Path) -> None:
        async with running() as gateway, call(gateway, clip) as (_, annas, _, berts):
            await annas.until(lambda: any(one.audio_capture_fps for _, one in annas.of("on_publisher_quality_update")))
            sent = annas.of("on_publisher_quality_update")[-1][1]
            assert 40 < sent.audio_capture_fps < 60
            assert 5 < sent.audio_kbps < 200
            assert sent.total_send_bytes == sent.audio_send_bytes > 1000
            assert 0 <= sent.level <= 2
            await berts.until(lambda: any(one.audio_decode_fps for _, one in berts.of("on_player_quality_update")))
            played = berts.of("on_player_quality_update")[-1][1]
            assert 40 < played.audio_decode_fps < 60
            assert (played.packet_lost_rate, played.total_recv_bytes > 1000) == (0.0, True)


class TestTalk:
    async def test_messages_and_extra_info(self, clip: Path) -> None:
        async with running() as gateway, call(gateway, clip) as (anna, annas, bert, berts):
            sent = await anna.send_custom_command("room", "lights on", [User.id("bert")])
            assert sent.error_code == 0
            await berts.hears("on_im_recv_custom_command", "room", User("anna", "anna"), "lights on")
            assert (await anna.set_stream_extra_info("back camera")).error_code == 0
            told = await berts.hears("on_room_stream_extra_info_update", "room")
            assert told[1] == [Stream(User("anna", "anna"), "voice", "back camera")]
            assert (await bert.set_room_extra_info("room", "topic", "tea")).error_code == 0
            (entry,) = (await annas.hears("on_room_extra_info_update", "room"))[1]
            assert (entry.key, entry.value, entry.update_user.user_id) == ("topic", "tea", "bert")
            assert (await anna.send_broadcast_message("room", "")).error_code == 1009001
            assert (await anna.send_broadcast_message("elsewhere", "hello")).error_code == 1000002

    async def test_a_token_may_be_renewed(self) -> None:
        async with running() as gateway, user(gateway, "anna") as (anna, _):
            assert await anna.renew_token("room", token("anna")) == 0
            assert await anna.renew_token("room", token("bert")) == 1002077


async def test_a_callback_is_given_what_it_takes_and_what_it_raises_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as gateway:
        engine = create_engine(EngineProfile(APP), gateway.addresses.ws)
        told: list[Any] = []
        done = asyncio.Event()

        def fails(room_id: str) -> None:
            raise ValueError(room_id)

        async def waits(room_id: str, reason: RoomStateChangedReason) -> None:
            told.append(reason)
            if reason is RoomStateChangedReason.LOGINED:
                done.set()

        engine.on_room_state_update = fails
        engine.on_room_state_changed = waits
        assert (await engine.login_room("room", User.id("anna"), RoomConfig(token=token("anna")))).error_code == 0
        await asyncio.wait_for(done.wait(), DEADLINE)
        assert told == [RoomStateChangedReason.LOGINING, RoomStateChangedReason.LOGINED]
        assert "on_room_state_update raised" in caplog.text
        await destroy_engine(engine)


STREAM = {
    "streamID": "cam", "userID": "bob", "userName": "Bob", "media": ["audio"], "announced": ["audio"],
    "muted": {"audio": False, "video": False}, "extraInfo": "", "transport": "rtmp",
}  # fmt: skip
BOB = {"userID": "bob", "userName": "Bob", "role": "broadcaster"}


def reply(seq: int, *, resumed: bool = True, users: Any = (), streams: Any = (), info: Any = None) -> dict[str, Any]:
    return {"resumed": resumed, "seq": seq, "users": list(users), "streams": list(streams), "roomExtraInfo": info or {}}


class TestRoom:
    """What follows a lost socket: nothing is told twice, and nothing is left out."""

    def test_the_first_reply_tells_all_there_is(self) -> None:
        room = Room()
        changes = list(room.restate(reply(5, resumed=False, users=[BOB], streams=[STREAM])))
        assert changes == [UsersChanged(True, [BOB]), StreamsChanged(True, [STREAM]), StreamUpdated({}, STREAM)]
        assert room.seq == 5

    def test_events_are_told_once(self) -> None:
        room = Room()
        list(room.restate(reply(5, resumed=False)))
        came = {"seq": 6, "type": "ADD", "streams": [STREAM]}
        assert list(room.apply("streams", came)) == [StreamsChanged(True, [STREAM]), StreamUpdated({}, STREAM)]
        assert list(room.apply("streams", came)) == []

    def test_a_resumed_reply_tells_what_is_different_and_the_replay_only_what_was_said(self) -> None:
        room = Room()
        list(room.restate(reply(5, resumed=False, users=[BOB], streams=[STREAM])))
        muted = {**STREAM, "muted": {"audio": True, "video": False}}
        assert list(room.restate(reply(8, users=[BOB], streams=[muted]))) == [StreamUpdated(STREAM, muted)]
        mute = {"seq": 6, "streamID": "cam", "userID": "bob", "audio": True, "video": False}
        assert list(room.apply("mute", mute)) == []
        said = {"seq": 7, "message": "hello"}
        assert list(room.apply("broadcastMessage", said)) == [Heard("broadcastMessage", said)]
        gone = {"seq": 9, "type": "DELETE", "streams": [STREAM], "reason": {"code": 1, "name": "stopped"}}
        assert list(room.apply("streams", gone)) == [StreamsChanged(False, [STREAM], gone["reason"])]

    def test_what_vanished_meanwhile_is_told(self) -> None:
        room = Room()
        entry = {"value": "tea", "updateUser": BOB, "updateTime": 1}
        list(room.restate(reply(5, resumed=False, users=[BOB], streams=[STREAM], info={"topic": entry})))
        streams, users, entries = room.restate(reply(3, resumed=False))
        assert isinstance(streams, StreamsChanged)
        assert isinstance(users, UsersChanged)
        assert (streams.added, users.added) == (False, False)
        assert entries == EntriesChanged([{"key": "topic", **entry, "value": ""}])
        assert room.seq == 3, "another room's counter"

    def test_an_event_about_an_unknown_stream_changes_nothing(self) -> None:
        room = Room()
        assert list(room.apply("streamExtraInfo", {"seq": 1, "streamID": "cam", "extraInfo": "x"})) == []
        assert room.streams == {}


def test_pauses_grow_and_are_bounded() -> None:
    assert [pause(attempt, 1.0) for attempt in range(6)] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert pause(1000, 0.0) == LONGEST_PAUSE / 2


def test_the_guide_to_the_wire_has_every_call_and_every_callback() -> None:
    text = (Path(__file__).parents[2] / "docs" / "flutter.md").read_text("utf-8")
    named = set(re.findall(r"`(\w+)", text))
    heard = {name for name in vars(Callbacks()) if name.startswith("on_")}
    listens = {"on_login", "on_event", "on_lost", "on_end", "last_seq", "tell", "background", "settle", "drop", "destroy"}
    calls = {name for name, _ in inspect.getmembers(Engine, inspect.isfunction) if not name.startswith("_")} - listens
    assert heard | calls <= named, sorted((heard | calls) - named)
