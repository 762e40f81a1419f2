"""One call of everything that there is: a page in NERTC's shape, one in ZEGO's, a web page in Chromium, and the mobile client.

Each publishes one stream and plays all others, as the vendors' guides have it. Pictures and sound are counted where
they arrive: in the native components' place (ffmpeg), in the browser, and in the mobile client.

Meanwhile another program of both shapes is in the background for a minute: `mixed_call_background.mjs`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import subprocess
import time
from array import array
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import aioice.ice
import av
import httpx
import pytest

from clients.python.gateway_client import (
    Engine,
    EngineProfile,
    RoomConfig,
    RoomState,
    RoomStateChangedReason,
    Scenario,
    UpdateType,
    User,
    create_engine,
    destroy_engine,
)
from gateway.auth.tokens import make_token
from tests.support.browser import Browser, Page, browsing
from tests.support.gateway import APP, SECRET
from tests.support.process import GatewayProcess
from tests.support.process import serving as gateway_serving
from tests.support.tools import ROOT, clip, program
from tests.support.web_pages import MODULE, RECORDER
from tests.support.web_pages import serving as page_serving

ROOM = "mixed"
API_KEY = "an api key of the tests, long enough for them"
SETTINGS = f"""
shutdown_grace = 2
shutdown_spread = 1
[listen]
host = "127.0.0.1"
public_host = "127.0.0.1"
[apps.{APP}]
secret = "{SECRET}"
api_key = "{API_KEY}"
token_formats = ["jwt", "nertc"]
nertc_secret = "{SECRET}"
"""
DEADLINE = 30.0
"""Seconds that anything may take at most."""
MINUTE = 180
"""Seconds that the minute in the background may take, with all that belongs to it."""
PICTURES = 20
"""That have to arrive of a stream before it is said to flow."""
LOUD = 500
"""Of 32767: what is louder is no silence."""
KICKED = 1002055
FLOWING = 2
"""PublisherState.PUBLISHING, and PlayerState.PLAYING."""

# NERTC's users are numbers, so everyone is.
NERTC, ZEGO, WEB, MOBILE = "101", "102", "103", "104"
STREAMS = {NERTC: f"nertc_{ROOM}_{NERTC}", ZEGO: f"{ZEGO}-camera", WEB: f"{WEB}-camera", MOBILE: f"{MOBILE}-camera"}

Told = list[list[Any]]
"""Events so far: the name and what came with it."""
Flow = dict[str, int]
"""How many of something have come with each stream."""


class Member(Protocol):
    """Somebody in the call, whatever program it is."""

    user: str

    async def enter(self, room: str) -> None:
        """Logs in, and begins to publish."""

    async def told(self) -> Told: ...

    async def flow(self) -> Flow:
        """How many pictures of each stream have come so far."""

    async def hears(self, streams: Collection[str]) -> None:
        """Waits until sound has come with each of these streams."""

    async def begun(self) -> Flow:
        """How many times each stream has begun to be published or played."""


class Pages:
    """The process that has the pages of mini-programs."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._reader = asyncio.create_task(self._read())

    async def order(self, do: str, **rest: Any) -> Any:
        """Has a page do something; what came of it. Raises RuntimeError, TimeoutError."""
        assert self._process.stdin is not None
        id = next(self._ids)
        answer = self._answers[id] = asyncio.get_running_loop().create_future()
        self._process.stdin.write(json.dumps({"id": id, "do": do, **rest}).encode() + b"\n")
        async with asyncio.timeout(DEADLINE):
            return await answer

    async def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(DEADLINE):
                await self._process.wait()
        finally:
            if self._process.returncode is None:
                self._process.kill()
        await self._reader

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if not line.startswith(b"{"):  # what a program writes to its console
                continue
            message = json.loads(line)
            answer = self._answers.pop(message["id"])
            if answer.done():
                continue
            if "error" in message:
                answer.set_exception(RuntimeError(message["error"]))
            else:
                answer.set_result(message["result"])
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(RuntimeError("the pages' process has ended"))


class MiniProgram:
    """A page of a mini-program."""

    def __init__(self, pages: Pages, shape: str, user: str) -> None:
        self._pages, self._shape, self.user = pages, shape, user

    async def enter(self, room: str) -> None:
        await self._pages.order("enter", who=self._shape, room=room)

    async def told(self) -> Told:
        told: Told = await self._pages.order("heard", who=self._shape)
        return told

    async def flow(self) -> Flow:
        flow = await self._pages.order("flow", who=self._shape)
        return {stream: one["pictures"] for stream, one in flow["playing"].items()}

    async def hears(self, streams: Collection[str]) -> None:
        playing: dict[str, Any] = {}

        async def loud() -> bool:
            playing.update((await self._pages.order("flow", who=self._shape))["playing"])
            return all(playing[stream]["sounds"] > 2 for stream in streams)

        await until(loud, lambda: f"{self.user} hears {playing}")

    async def begun(self) -> Flow:
        flow = await self._pages.order("flow", who=self._shape)
        return {stream: one["starts"] for stream, one in (flow["pushing"] | flow["playing"]).items()}

    async def cut(self) -> None:
        """Its socket is lost, without a word."""
        await self._pages.order("cut")

    async def problems(self) -> list[str]:
        problems: list[str] = await self._pages.order("problems", who=self._shape)
        return problems


PROGRAM = """
window.zg = recorded(new ZegoExpressEngine(%(app)s, %(server)s));
zg.on("roomStreamUpdate", async (roomID, updateType, streamList) => {
  for (const { streamID } of streamList) {
    if (updateType == "ADD") {
      const remoteStream = await zg.startPlayingStream(streamID);
      const place = Object.assign(document.createElement("div"), { id: streamID });
      document.getElementById(streamID)?.remove();
      document.body.append(place);
      zg.createRemoteStreamView(remoteStream).play(streamID);
    } else if (updateType == "DELETE") {
      zg.stopPlayingStream(streamID);
      document.getElementById(streamID)?.remove();
    }
  }
});
window.enter = async (roomID) => {
  await zg.loginRoom(roomID, %(token)s, { userID: %(user)s, userName: %(user)s }, { userUpdate: true });
  window.localStream ??= await zg.createZegoStream({ camera: { video: { quality: 1 } } });
  zg.startPublishingStream(`${%(user)s}-camera`, localStream);
};
window.flow = () => Object.fromEntries([...document.querySelectorAll("body > div video")].map((video) => [
  video.closest("body > div").id, video.getVideoPlaybackQuality().totalVideoFrames,
]));
window.begun = () => {
  const begun = {};
  for (const [name, one] of heard) {
    if (/^(player|publisher)StateUpdate$/.test(name) && /ING$/.test(one.state) && !/REQ/.test(one.state)) {
      begun[one.streamID] = (begun[one.streamID] ?? 0) + 1;
    }
  }
  return begun;
};
"""
"""The web guide's program, for every stream that there is."""


class WebPage:
    """A page with the web SDK in Chromium."""

    def __init__(self, page: Page, user: str) -> None:
        self.page, self.user = page, user

    @classmethod
    async def open(cls, browser: Browser, url: str, server: str, user: str) -> WebPage:
        page = await browser.open(url, before=RECORDER)
        await page.until("Boolean(window.ZegoExpressEngine)")
        words = {"app": APP, "server": json.dumps(server), "token": json.dumps(token(user)), "user": json.dumps(user)}
        await page.evaluate(f"(() => {{ {PROGRAM % words} }})()")
        return cls(page, user)

    async def enter(self, room: str) -> None:
        await self.page.evaluate(f"enter({json.dumps(room)})")

    async def told(self) -> Told:
        told: Told = await self.page.evaluate("heard")
        return told

    async def flow(self) -> Flow:
        flow: Flow = await self.page.evaluate("flow()")
        return flow

    async def begun(self) -> Flow:
        begun: Flow = await self.page.evaluate("begun()")
        return begun

    async def hears(self, streams: Collection[str]) -> None:
        for stream in streams:
            sound = f"(id, {{ audio }}) => id === {json.dumps(stream)} && audio.audioBitrate > 0 && audio.audioLevel > 0"
            await self.page.until(f"last('playQualityUpdate', {sound})")


class MobileApp:
    """The mobile client."""

    def __init__(self, server: str, user: str, source: Path) -> None:
        self.user = user
        self.engine: Engine = create_engine(EngineProfile(int(APP), Scenario.GENERAL), server)
        self._loud: Flow = {}
        """How many pieces of sound of each stream were no silence."""
        self._source = source
        self._flow: Flow = {}
        self._told: Told = []
        for name in [name for name in vars(self.engine) if name.startswith("on_")]:
            setattr(self.engine, name, self._recorder(name))
        record = self._recorder("on_room_stream_update")

        async def streams(room_id: str, update_type: UpdateType, stream_list: list[Any], extended_data: dict[str, Any]) -> None:
            record(room_id, update_type, stream_list, extended_data)
            for stream in stream_list:
                if update_type == UpdateType.ADD:
                    await self.engine.start_playing_stream(stream.stream_id, sink=self._sink(stream.stream_id))
                else:
                    await self.engine.stop_playing_stream(stream.stream_id)
                    self._flow.pop(stream.stream_id, None)

        self.engine.on_room_stream_update = streams

    async def enter(self, room: str) -> None:
        config = RoomConfig(is_user_status_notify=True, token=token(self.user))
        result = await self.engine.login_room(room, User.id(self.user), config)
        assert result.error_code == 0, result
        await self.engine.start_publishing_stream(STREAMS[self.user], source=self._source)

    async def told(self) -> Told:
        return self._told

    async def flow(self) -> Flow:
        return dict(self._flow)

    async def begun(self) -> Flow:
        begun: Flow = {}
        for name, *values in self._told:
            if name in ("on_player_state_update", "on_publisher_state_update") and values[1] == FLOWING:
                begun[values[0]] = begun.get(values[0], 0) + 1
        return begun

    async def hears(self, streams: Collection[str]) -> None:
        async def loud() -> bool:
            return all(self._loud.get(stream, 0) > 2 for stream in streams)

        await until(loud, lambda: f"{self._loud}")

    def _recorder(self, name: str) -> Callable[..., None]:
        def record(*values: Any) -> None:
            self._told.append([name, *values])

        return record

    def _sink(self, stream: str) -> Callable[[str, Any], None]:
        def sink(kind: str, frame: av.AudioFrame | av.VideoFrame) -> None:
            if isinstance(frame, av.VideoFrame):
                self._flow[stream] = self._flow.get(stream, 0) + 1
            else:
                samples = array("h", bytes(frame.planes[0])[: 2 * frame.samples])
                self._loud[stream] = self._loud.get(stream, 0) + (max(map(abs, samples)) > LOUD)

        return sink


def token(user: str) -> str:
    return make_token(SECRET, APP, user, now=time.time(), ttl=3600)


class Call:
    """Everyone, and the app's own backend."""

    def __init__(self, gateway: GatewayProcess, pages: Pages, web: WebPage, mobile: MobileApp) -> None:
        self.nertc = MiniProgram(pages, "nertc", NERTC)
        self.zego = MiniProgram(pages, "zego", ZEGO)
        self.web, self.mobile = web, mobile
        self.everyone: list[Member] = [self.nertc, self.zego, web, mobile]
        headers = {"authorization": f"Bearer {API_KEY}"}
        self.api = httpx.AsyncClient(base_url=f"{gateway.addresses.http}/v1/apps/{APP}/", headers=headers)

    async def order(self, path: str, **body: Any) -> None:
        """The backend orders something of the gateway."""
        answer = await self.api.post(path, json=body)
        assert answer.is_success, answer.text

    def others(self, member: Member, members: list[Member] | None = None) -> set[str]:
        """The streams of all the others."""
        return {STREAMS[one.user] for one in members or self.everyone if one is not member}

    async def flows(self, members: list[Member]) -> None:
        """Waits until each of these gets more pictures of every other one than so far, and of nobody else."""
        before = {member.user: await member.flow() for member in members}
        wanted = {member.user: self.others(member, members) for member in members}
        now: dict[str, Flow] = {}

        async def enough() -> bool:
            now.update({member.user: await member.flow() for member in members})
            return all(
                set(now[user]) == streams
                and all(now[user][stream] >= before[user].get(stream, 0) + PICTURES for stream in streams)
                for user, streams in wanted.items()
            )

        await until(enough, lambda: f"{before} became {now}")


@asynccontextmanager
async def calling(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Call]:
    """All four, not in a room yet."""
    # aiortc leaves out the only address that the gateway of the tests has.
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"] if use_ipv4 else [])
    async with (
        gateway_serving(folder, settings=SETTINGS) as gateway,
        browsing("chromium") as browser,
        page_serving(f"{gateway.addresses.http}/sdk", MODULE) as url,
        mini_programs(gateway) as pages,
    ):
        web = await WebPage.open(browser, url, gateway.addresses.ws, WEB)
        mobile = MobileApp(gateway.addresses.ws, MOBILE, clip("360x640-15"))
        call = Call(gateway, pages, web, mobile)
        try:
            async with call.api:
                yield call
        finally:
            await destroy_engine(mobile.engine)


@asynccontextmanager
async def mini_programs(gateway: GatewayProcess) -> AsyncIterator[Pages]:
    about = {"ws": gateway.addresses.ws, "http": gateway.addresses.http, "nertc": NERTC, "zego": ZEGO}
    script = Path(__file__).with_name("mixed_call.mjs")
    process = await asyncio.create_subprocess_exec(
        program("node"), script, json.dumps(about), stdin=PIPE, stdout=PIPE, limit=1 << 22
    )
    pages = Pages(process)
    try:
        yield pages
    finally:
        await pages.end()


async def until(true: Callable[[], Awaitable[object]], what: Callable[[], str]) -> None:
    end = time.monotonic() + DEADLINE
    while not await true():
        assert time.monotonic() < end, what()
        await asyncio.sleep(0.1)


async def hears(member: Member, name: str, *values: Any, since: int = 0) -> list[Any]:
    """The first event by this name that began with these values, once it was told: what came with it."""
    found: Told = []

    async def there() -> bool:
        found[:] = [one[1:] for one in (await member.told())[since:] if one[0] == name and one[1 : 1 + len(values)] == [*values]]
        return bool(found)

    told = await member.told()
    await until(there, lambda: f"{member.user} never heard {name} {values}: {told[-10:]}")
    return found[0]


@pytest.fixture(scope="module")
def asleep() -> Iterator[subprocess.Popen[str]]:
    """The tests of a minute in the background, which hardly do anything: they run while others do."""
    script = Path(__file__).with_name("mixed_call_background.mjs")
    words = [program("node"), "--test", "--test-force-exit", f"--test-timeout={1000 * MINUTE}", script]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT) as running:
        yield running
        running.terminate()


@pytest.mark.usefixtures("asleep")
async def test_everyone_plays_everyone_whatever_they_speak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with calling(tmp_path, monkeypatch) as call:
        await asyncio.gather(*(member.enter(ROOM) for member in call.everyone))
        await call.flows(call.everyone)
        await asyncio.gather(*(member.hears(call.others(member)) for member in call.everyone))

        await _a_socket_is_cut(call)
        await _one_is_kicked_and_comes_back(call)
        await _the_room_is_closed(call)
        assert [*await call.nertc.problems(), *await call.zego.problems()] == []
        await _all_are_kicked(call)


async def _a_socket_is_cut(call: Call) -> None:
    begun = [await member.begun() for member in call.everyone]
    await call.nertc.cut()
    await hears(call.nertc, "willreconnect")
    await hears(call.nertc, "reconnected")
    await call.flows(call.everyone)
    assert [await member.begun() for member in call.everyone] == begun, "media know nothing of it"
    assert "disconnect" not in [name for name, *_ in await call.nertc.told()]


async def _one_is_kicked_and_comes_back(call: Call) -> None:
    marks = [len(await member.told()) for member in call.everyone]
    await call.order(f"rooms/{ROOM}/kick", userIDs=[ZEGO], reason="spam")
    await hears(call.zego, "roomStateChanged", ROOM, "KICKOUT", KICKED)
    await hears(call.zego, "roomStateUpdate", ROOM, "DISCONNECTED", KICKED)
    await _falls_silent(call.zego)
    about = {"uid": int(ZEGO), "isBigNumber": False}
    for medium in ("audio", "video"):
        await hears(call.nertc, "stream-removed", about | {"mediaType": medium})
    await hears(call.nertc, "clientLeave", about)
    await hears(call.web, "roomUserUpdate", ROOM, "DELETE", since=marks[2])
    *_, streams, more = await hears(call.web, "roomStreamUpdate", ROOM, "DELETE")
    assert ([one["streamID"] for one in streams], json.loads(more)["stream_delete_reason"][0]["code"]) == ([STREAMS[ZEGO]], 4)
    await hears(call.mobile, "on_room_user_update", ROOM, UpdateType.DELETE)
    *_, streams, more = await hears(call.mobile, "on_room_stream_update", ROOM, UpdateType.DELETE)
    assert ([one.stream_id for one in streams], more["stream_delete_reason"][0]["code"]) == ([STREAMS[ZEGO]], 4)
    await call.flows([member for member in call.everyone if member.user != ZEGO])
    await call.zego.enter(ROOM)
    await call.flows(call.everyone)


async def _the_room_is_closed(call: Call) -> None:
    marks = [len(await member.told()) for member in call.everyone]
    await call.order(f"rooms/{ROOM}/close", reason="the lesson is over")
    (why,) = await hears(call.nertc, "liveRoomClose", since=marks[0])
    assert why["code"] == 30207
    for member, mark in ((call.zego, marks[1]), (call.web, marks[2])):
        await hears(member, "roomStateChanged", ROOM, "KICKOUT", KICKED, since=mark)
        await hears(member, "roomStateUpdate", ROOM, "DISCONNECTED", KICKED, since=mark)
    await hears(call.mobile, "on_room_state_changed", ROOM, RoomStateChangedReason.KICK_OUT, KICKED, since=marks[3])
    await hears(call.mobile, "on_room_state_update", ROOM, RoomState.DISCONNECTED, KICKED, since=marks[3])
    for member in (call.nertc, call.zego):
        await _falls_silent(member)


async def _all_are_kicked(call: Call) -> None:
    marks = [len(await member.told()) for member in call.everyone]
    await asyncio.gather(*(member.enter("after") for member in call.everyone))
    await call.order("rooms/after/kick", userIDs=[member.user for member in call.everyone])
    (why,) = await hears(call.nertc, "kicked", since=marks[0])
    assert why["code"] == 30206
    for member, mark in ((call.zego, marks[1]), (call.web, marks[2])):
        await hears(member, "roomStateChanged", "after", "KICKOUT", KICKED, since=mark)
    await hears(call.mobile, "on_room_state_changed", "after", RoomStateChangedReason.KICK_OUT, KICKED, since=marks[3])


async def _falls_silent(member: Member) -> None:
    """Its components are gone."""

    async def silent() -> bool:
        return not await member.begun()

    await until(silent, lambda: f"{member.user} goes on")


def test_a_minute_in_the_background_costs_no_new_login(asleep: subprocess.Popen[str]) -> None:
    out, _ = asleep.communicate(timeout=MINUTE)
    assert asleep.returncode == 0, out
    passed = re.search(r"^# pass (\d+)$", out, re.MULTILINE)
    assert passed, out
    assert int(passed[1]) > 0, out
