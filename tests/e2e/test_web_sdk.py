"""The web SDK in a real browser: ZEGO's guides for the web as programs, and what becomes of them when something breaks."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from gateway.app import Gateway
from gateway.auth.tokens import make_token
from tests.support.browser import Browser, Page, browsing
from tests.support.gateway import APP, SECRET, Client, config, running
from tests.support.web_pages import GLOBAL, MODULE, RECORDER, serving

SOCKETS = """
window.sockets = [];
window.offline = false;
{
  const Real = WebSocket;
  window.WebSocket = class extends Real {
    constructor(url) {
      super(window.offline ? "ws://127.0.0.1:9/" : url);
      sockets.push(this);
    }
  };
}
"""
"""Lets a test cut a page's sockets, and take its network away."""
REFUSES = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('denied', 'NotAllowedError'); };"
BLOCKS = """
{
  const real = HTMLMediaElement.prototype.play;
  document.addEventListener("click", () => { window.tapped = true; }, { capture: true });
  HTMLMediaElement.prototype.play = function () {
    return window.tapped || this.muted ? real.call(this) : Promise.reject(new DOMException("tap first", "NotAllowedError"));
  };
}
"""
"""As a browser that plays sound only after a tap."""
OWN_TRACK = """
window.ownTrack = (width) => {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = width / 2;
  const paper = canvas.getContext("2d");
  setInterval(() => { paper.fillStyle = `hsl(${performance.now() % 360} 50% 50%)`; paper.fillRect(0, 0, width, width); }, 50);
  return canvas.captureStream(20).getVideoTracks()[0];
};
"""
WIDTH = "document.querySelector('#remote-video video')?.videoWidth"


def token(user: str, **claims: Any) -> str:
    return make_token(SECRET, APP, user, now=time.time(), ttl=3600, **claims)


class User:
    """A page with the SDK."""

    def __init__(self, gateway: Gateway, page: Page, name: str) -> None:
        self.gateway, self.page, self.name = gateway, page, name

    async def login(self, server: str | None = None) -> None:
        """Makes an engine, `zg`, and logs in to the room."""
        server = self.gateway.addresses.ws if server is None else server
        user = json.dumps({"userID": self.name, "userName": self.name.title()})
        assert await self.do(
            f"window.zg = recorded(new ZegoExpressEngine({APP}, {server!r}));"
            f"return zg.loginRoom('room', {token(self.name)!r}, {user}, {{ userUpdate: true }})"
        ) is True  # fmt: skip

    async def do(self, statements: str) -> Any:
        """Runs statements; what they return."""
        return await self.page.evaluate(f"(async () => {{ {statements} }})()")

    async def heard(self, event: str, check: str = "() => true") -> list[Any]:
        """The last time that an event was told like this, waited for."""
        found: list[Any] = await self.page.until(f"last({event!r}, {check})")
        return found[1:]

    async def state(self, event: str, state: str, code: int | None = None) -> dict[str, Any]:
        """The last `publisherStateUpdate` or `playerStateUpdate` of a state."""
        wanted = "" if code is None else f" && one.errorCode === {code}"
        found: dict[str, Any] = (await self.heard(event, f"(one) => one.state === {state!r}{wanted}"))[0]
        return found

    async def reason(self, reason: str) -> list[Any]:
        return await self.heard("roomStateChanged", f"(room, reason) => reason === {reason!r}")

    async def publish(self, stream: str, options: str = "") -> None:
        """Publishes the camera and the microphone as `local`."""
        await self.do(f"window.local = await zg.createZegoStream({options}); return zg.startPublishingStream({stream!r}, local)")
        await self.state("publisherStateUpdate", "PUBLISHING")

    async def play(self, stream: str) -> None:
        """Plays a stream as `remote`, in `#remote-video`."""
        await self.heard("roomStreamUpdate", f"(room, type, list) => list.some((one) => one.streamID === {stream!r})")
        await self.do(
            f"window.remote = await zg.startPlayingStream({stream!r});"
            "zg.createRemoteStreamView(remote).play('remote-video')"
        )

    async def sees(self, width: int) -> None:
        await self.page.until(f"{WIDTH} === {width}")

    async def sees_more(self) -> None:
        """Waits until a second more was shown than so far."""
        video = "document.querySelector('#remote-video video')"
        await self.page.evaluate(f"window.shown = {video}.getVideoPlaybackQuality().totalVideoFrames")
        await self.page.until(f"{video}.getVideoPlaybackQuality().totalVideoFrames > shown + 10")


class Scene:
    """A gateway, a browser, and a site that uses the SDK."""

    def __init__(self, gateway: Gateway, browser: Browser, url: str) -> None:
        self.gateway, self.browser, self.url = gateway, browser, url

    async def open(self, name: str, before: str = "") -> User:
        return User(self.gateway, await self.browser.open(self.url, before=RECORDER + before), name)

    async def join(self, name: str, before: str = "") -> User:
        user = await self.open(name, before)
        await user.login()
        return user


@asynccontextmanager
async def scene(head: str = GLOBAL, **settings: Any) -> AsyncIterator[Scene]:
    async with (
        running(config(**settings)) as gateway,
        browsing("chromium") as browser,
        serving(f"{gateway.addresses.http}/sdk", head) as url,
    ):
        yield Scene(gateway, browser, url)


# The guides ------------------------------------------------------------------------------------------------------------


async def test_003_6ebde0d6a834566d_a_voice_call_from_engine_to_destruction() -> None:
    async with scene() as here:
        ann, bob = await here.open("ann"), await here.open("bob")
        for user in (ann, bob):
            await user.do(
                f"window.zg = recorded(new ZegoExpressEngine({APP}, {here.gateway.addresses.ws!r}));"
                "window.result = await zg.checkSystemRequirements();"
            )
            result = await user.page.evaluate("result")
            assert result | {"videoCodec": None} == {
                "webRTC": True, "customCapture": True, "camera": True, "microphone": True, "videoCodec": None,
                "screenSharing": True, "errInfo": {},
            }  # fmt: skip
            assert set(result["videoCodec"]) == {"H264", "H265", "VP8", "VP9"}
            assert result["videoCodec"]["VP8"] is True
            joined = await user.do(
                f"const [token, userID, userName] = [{token(user.name)!r}, {user.name!r}, {user.name.title()!r}];"
                "return await zg.loginRoom('room', token, { userID: userID, userName: userName}, {userUpdate: true});"
            )
            assert joined is True
            assert await user.reason("LOGINING") == ["room", "LOGINING", 0, ""]
            assert await user.reason("LOGINED") == ["room", "LOGINED", 0, ""]
        assert await bob.heard("roomUserUpdate") == ["room", "ADD", [{"userID": "ann", "userName": "Ann"}]]
        assert await ann.heard("roomUserUpdate") == ["room", "ADD", [{"userID": "bob", "userName": "Bob"}]]

        assert await ann.do(
            "window.localStream = await zg.createZegoStream({camera :{audio:true,video:false}});"
            "localStream.playAudio();"
            "return zg.startPublishingStream('ann-voice', localStream)"
        )
        assert await ann.state("publisherStateUpdate", "PUBLISH_REQUESTING") == {
            "streamID": "ann-voice", "state": "PUBLISH_REQUESTING", "errorCode": 0, "extendedData": "",
        }  # fmt: skip
        await ann.state("publisherStateUpdate", "PUBLISHING", 0)
        room, kind, streams, _ = await bob.heard("roomStreamUpdate")
        assert (room, kind, streams[0]["streamID"]) == ("room", "ADD", "ann-voice")
        assert streams[0]["user"] == {"userID": "ann", "userName": "Ann"}

        assert await bob.do(
            "window.remoteStream = await zg.startPlayingStream('ann-voice');"
            "document.getElementById('remote-audio').srcObject = remoteStream;"
            "return remoteStream instanceof MediaStream && remoteStream.getTracks().map((track) => track.kind).join()"
        ) == "audio"  # fmt: skip
        await bob.state("playerStateUpdate", "PLAYING", 0)
        await bob.page.until("document.getElementById('remote-audio').currentTime > 1")
        stream, stats = await ann.heard("publishQualityUpdate", "(id, stats) => stats.audio.audioBitrate > 0")
        assert (stream, stats["audio"]["audioCodec"], stats["audio"]["muteState"]) == ("ann-voice", "opus", "0")
        excellent = "stats.audio.audioBitrate > 0 && stats.audio.audioQuality === 0 && stats.peerToPeerPacketLostRate < 1"
        stream, stats = await bob.heard("playQualityUpdate", f"(id, stats) => {excellent}")
        assert (stream, stats["audio"]["audioSamplingRate"]) == ("ann-voice", 48000)

        assert await ann.do(
            "const done = zg.stopPublishingStream('ann-voice'); zg.destroyStream(localStream);"
            "return done && localStream.stream.getTracks().every((track) => track.readyState === 'ended')"
        )
        await ann.state("publisherStateUpdate", "NO_PUBLISH", 0)
        _, _, streams, more = await bob.heard("roomStreamUpdate", "(room, type) => type === 'DELETE'")
        assert streams[0]["streamID"] == "ann-voice"
        assert json.loads(more)["stream_delete_reason"][0]["code"] == 1
        await bob.state("playerStateUpdate", "NO_PLAY")
        await bob.do("zg.stopPlayingStream('ann-voice')")
        await ann.do("zg.logoutRoom('room'); zg.destroyEngine(); zg = null")
        assert await ann.reason("LOGOUT") == ["room", "LOGOUT", 0, ""]
        assert await bob.heard("roomUserUpdate", "(room, type) => type === 'DELETE'") == [
            "room", "DELETE", [{"userID": "ann", "userName": "Ann"}],
        ]  # fmt: skip
        assert ann.page.said == bob.page.said == []


VUE = """
window.Vue = class { constructor({ data, methods }) { Object.assign(this, data, methods); window.app = this; } };
"""
"""As much of the library as the guide's samples need."""


async def test_004_c4cc36456f54f0d9_a_video_call_in_vue() -> None:
    async with scene() as here:
        users = [await here.open("ann", VUE), await here.open("bob", VUE)]
        for user in users:
            server = here.gateway.addresses.ws
            await user.do(
                f"""
                const [appID, server] = [{APP}, {server!r}];
                new Vue({{
                  el: "#page-wrapper", data: {{ zg: null }},
                  methods: {{
                    createZegoExpressEngine() {{ this.zg = recorded(new ZegoExpressEngine(appID, server)); }},
                    listen() {{
                      window.reasons = [];
                      const names = Object.entries(ZegoRoomStateChangedReason);
                      this.zg.on('roomStateChanged', (roomID, reason, errorCode, extendData) => {{
                        reasons.push(names.find(([, value]) => value == reason)[0]);
                      }});
                      this.zg.on('roomStreamUpdate', async (roomID, updateType, streamList) => {{
                        if (updateType != 'ADD') return this.zg.stopPlayingStream(streamList[0].streamID);
                        const remoteStream = await this.zg.startPlayingStream(streamList[0].streamID);
                        const remoteView = this.zg.createRemoteStreamView(remoteStream);
                        remoteView.play("remote-video", {{enableAutoplayDialog:true}});
                      }});
                    }},
                    async join(roomID, token, userID, userName) {{
                      return await this.zg.loginRoom(roomID, token, {{userID, userName}}, {{userUpdate: true}});
                    }},
                    async publish(streamID) {{
                      const localStream = await this.zg.createStream();
                      window.localStream = localStream;
                      const localView = this.zg.createLocalStreamView(localStream);
                      localView.play("local-video", {{enableAutoplayDialog:true}});
                      return this.zg.startPublishingStream(streamID, localStream);
                    }},
                  }},
                }});
                app.createZegoExpressEngine();
                app.listen();
                """
            )
            assert await user.do(f"return app.join('room', {token(user.name)!r}, {user.name!r}, {user.name.title()!r})") is True
            assert await user.page.evaluate("reasons.join()") == "Logining,Logined"
            assert (await user.do("return await app.zg.checkSystemRequirements()"))["webRTC"] is True
        ann, bob = users
        for user in users:
            assert await user.do(f"return app.publish('{user.name}-video')") is True
            assert await user.page.evaluate("localStream instanceof MediaStream") is True
            await user.page.until("document.querySelector('#local-video video').videoWidth === 640")
        for user in users:
            await user.sees(640)
            await user.sees_more()
            await user.state("publisherStateUpdate", "PUBLISHING", 0)
            await user.state("playerStateUpdate", "PLAYING", 0)
            whole = "stats.video.videoBitrate > 0 && stats.video.frameWidth === 640"  # a browser without time sends smaller ones
            _, stats = await user.heard("publishQualityUpdate", f"(id, stats) => {whole}")
            assert stats["video"]["googCodecName"] == "H264", "a mini-program has to be able to watch"
            assert stats["video"]["frameHeight"] == 480
            _, stats = await user.heard("playQualityUpdate", "(id, stats) => stats.video.videoBitrate > 0")
            numbers = [value for part in ("video", "audio") for key, value in stats[part].items() if key not in NO_NUMBERS]
            assert all(isinstance(value, int | float) for value in numbers)

        await ann.do("app.zg.stopPublishingStream('ann-video'); app.zg.destroyStream(localStream);")
        await bob.page.until("document.querySelector('#remote-video video') === null")
        assert await ann.page.evaluate("document.querySelector('#local-video video')") is None
        await ann.do("app.zg.stopPlayingStream('bob-video'); app.zg.logoutRoom('room')")
        assert await ann.page.until("reasons.at(-1) === 'Logout'")
        assert ann.page.said == bob.page.said == []


NO_NUMBERS = {"muteState", "googCodecName", "audioCodec", "isHardwareEncode"}


# What is handed out ----------------------------------------------------------------------------------------------------


async def test_the_sdk_is_served_to_pages_of_any_origin_and_asked_for_again_only_if_it_changed() -> None:
    async with running() as gateway, httpx.AsyncClient(base_url=gateway.addresses.http) as http:
        for name in ("zego.mjs", "zego.global.js", "zego.js", "nertc.js"):
            file = await http.get(f"/sdk/{name}")
            assert file.status_code == 200
            assert file.headers["content-type"] == "text/javascript; charset=utf-8"
            assert file.headers["access-control-allow-origin"] == "*"
            assert file.headers["x-content-type-options"] == "nosniff"
            again = await http.get(f"/sdk/{name}", headers={"if-none-match": file.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
            assert (await http.head(f"/sdk/{name}")).content == b""
        assert (await http.get("/sdk/package.json")).status_code == 404


@pytest.mark.parametrize("head", [GLOBAL, MODULE])
async def test_a_page_needs_no_address_where_the_sdk_comes_from_the_gateway(head: str) -> None:
    async with scene(head) as here:
        ann = await here.open("ann")
        await ann.page.until("typeof ZegoExpressEngine === 'function'")
        await ann.login("anything at all")
        assert await ann.page.evaluate("zg.getVersion()")


# When something breaks -------------------------------------------------------------------------------------------------


async def test_a_lost_socket_is_told_and_media_go_on() -> None:
    async with scene() as here:
        ann, bob = await here.join("ann", SOCKETS), await here.join("bob")
        await ann.publish("ann-camera")
        await bob.play("ann-camera")
        await ann.do("offline = true; sockets.at(-1).close()")
        assert (await ann.reason("RECONNECTING"))[2] == 1002051
        await bob.sees_more()
        await ann.do("offline = false")
        await ann.reason("RECONNECTED")
        states = await ann.page.evaluate("heard.filter(([name]) => name === 'roomStateUpdate').map(([, , state]) => state)")
        assert states == ["CONNECTING", "CONNECTED", "CONNECTING", "CONNECTED"]
        await bob.sees_more()
        assert not await bob.page.evaluate("last('playerStateUpdate', ({ errorCode }) => errorCode)")


async def test_a_lost_session_publishes_and_plays_anew() -> None:
    async with scene(signaling={"resume_window": 0.5}) as here:
        ann, bob = await here.join("ann", SOCKETS), await here.join("bob", SOCKETS)
        await ann.publish("ann-camera")
        await bob.play("ann-camera")
        await bob.sees_more()
        await bob.do("heard.length = 0; offline = true; sockets.at(-1).close()")
        await ann.heard("roomUserUpdate", "(room, type) => type === 'DELETE'")
        await bob.do("offline = false")
        await bob.state("playerStateUpdate", "PLAY_REQUESTING", 1004020)
        await bob.state("playerStateUpdate", "PLAYING", 0)
        await bob.sees_more()
        await ann.do("heard.length = 0; offline = true; sockets.at(-1).close()")
        await bob.heard("roomStreamUpdate", "(room, type) => type === 'DELETE'")
        await ann.do("offline = false")
        await ann.state("publisherStateUpdate", "PUBLISH_REQUESTING", 1003020)
        await ann.state("publisherStateUpdate", "PUBLISHING", 0)
        await bob.play("ann-camera")
        await bob.sees_more()


async def test_a_media_connection_that_the_gateway_gave_up_is_made_again() -> None:
    async with scene() as here:
        ann, bob = await here.join("ann"), await here.join("bob")
        await ann.publish("ann-camera")
        await bob.play("ann-camera")
        sessions = {one.session.user.id: one.session for one in here.gateway.signaling.sessions.by_id.values()}
        await ann.do("heard.length = 0")
        here.gateway.registry.publisher_gave_up(sessions["ann"], "ann-camera")
        await ann.state("publisherStateUpdate", "PUBLISH_REQUESTING", 1003020)
        await ann.state("publisherStateUpdate", "PUBLISHING", 0)
        await bob.sees_more()
        await bob.do("heard.length = 0")
        here.gateway.registry.player_gave_up(sessions["bob"], "ann-camera")
        await bob.state("playerStateUpdate", "PLAY_REQUESTING", 1004020)
        await bob.state("playerStateUpdate", "PLAYING", 0)
        await bob.sees_more()


async def test_a_network_that_carries_no_media_for_a_while_is_told_and_mended() -> None:
    async with scene() as here:
        ann, bob = await here.join("ann"), await here.join("bob")
        await ann.publish("ann-camera")
        await bob.play("ann-camera")
        await bob.do("window.before = remote; heard.length = 0")
        here.gateway.webrtc.udp.impair = lambda data, address, out: True
        await ann.state("publisherStateUpdate", "PUBLISH_REQUESTING", 1003020)
        await bob.state("playerStateUpdate", "PLAY_REQUESTING", 1004020)
        here.gateway.webrtc.udp.impair = None
        await bob.do("heard.length = 0")
        await bob.state("playerStateUpdate", "PLAYING", 0)
        await bob.sees_more()
        assert await bob.page.evaluate("remote === before && remote.getTracks().length === 2")
        assert not await bob.page.evaluate("last('roomStreamUpdate')")


async def test_who_logs_in_elsewhere_is_put_out_here_with_all_streams() -> None:
    async with scene() as here:
        ann = await here.join("ann")
        await ann.publish("ann-camera")
        elsewhere = await Client.login(here.gateway, "ann")
        assert (await ann.reason("KICKOUT"))[:3] == ["room", "KICKOUT", 1002050]
        await ann.state("publisherStateUpdate", "NO_PUBLISH", 1002050)
        await elsewhere.close()
        await ann.do("heard.length = 0; zg.logoutRoom('room')")
        assert (await ann.reason("LOGOUT_FAILED"))[2] == 1002002
        await ann.login()


async def test_what_is_refused_has_zegos_numbers() -> None:
    async with scene() as here:
        ann = await here.open("ann", REFUSES)
        failing = "try {{ await {}; }} catch (error) {{ return [error.code, typeof error.msg]; }}"
        await ann.do(f"window.zg = recorded(new ZegoExpressEngine({APP}, {here.gateway.addresses.ws!r}))")
        assert await ann.do(failing.format("zg.loginRoom('room', 'nonsense', { userID: 'ann' })")) == [1002033, "string"]
        assert (await ann.reason("LOGIN_FAILED"))[2] == 1002033
        assert await ann.do(failing.format("zg.createStream()")) == [1103064, "string"]
        assert await ann.do(failing.format("zg.createZegoStream({ camera: { video: false } })")) == [1103064, "string"]
        assert await ann.do(failing.format("zg.startPlayingStream('x')")) == [1000002, "string"]
        assert (await ann.do("return zg.checkSystemRequirements()"))["errInfo"]["camera"]["name"] == "NotAllowedError"
        await ann.login()
        assert await ann.do(failing.format("zg.startPlayingStream('nobodys')")) == [1004002, "string"]
        await ann.state("playerStateUpdate", "NO_PLAY", 1004002)
        assert await ann.do("return zg.startPublishingStream('', new MediaStream())") is False
        assert (await ann.do("return zg.sendBroadcastMessage('room', '')"))["errorCode"] == 1009001


async def test_a_browser_that_wants_a_tap_first_is_given_one_to_be_tapped() -> None:
    async with scene() as here:
        ann, bob = await here.join("ann"), await here.join("bob", BLOCKS)
        await ann.publish("ann-camera")
        await bob.play("ann-camera")
        dialog = "document.querySelector('.zego-autoplay-dialog')"
        assert await bob.page.until(f"{dialog}?.textContent") in ("Tap here to play", "点击此处开始播放")
        await bob.do(f"{dialog}.click()")
        await bob.page.until(f"{dialog} === null && !document.querySelector('#remote-video video').paused")
        await bob.sees_more()
        await bob.do(
            "tapped = false; window.failed = 0; const view = zg.createRemoteStreamView(remote);"
            "view.on('autoplayFailed', () => failed += 1); view.play('remote-video', { enableAutoplayDialog: false })"
        )
        await bob.page.until("failed === 1")
        assert await bob.page.evaluate(dialog) is None


# Streams ---------------------------------------------------------------------------------------------------------------


async def test_tracks_are_muted_replaced_and_reconfigured_while_they_are_published() -> None:
    async with scene() as here:
        ann, bob = await here.join("ann", OWN_TRACK), await here.join("bob")
        await ann.publish("ann-camera")
        await bob.play("ann-camera")
        await bob.sees(640)
        assert await ann.do("return zg.mutePublishStreamVideo(local, true) && zg.mutePublishStreamAudio(local, true)")
        await bob.heard("remoteCameraStatusUpdate", "(id, status) => status === 'MUTE'")
        assert await bob.heard("remoteMicStatusUpdate", "(id, status) => status === 'MUTE'") == ["ann-camera", "MUTE"]
        await ann.do("zg.mutePublishStreamVideo(local, false); zg.mutePublishStreamAudio(local, false)")
        await bob.heard("remoteCameraStatusUpdate", "(id, status) => status === 'OPEN'")
        await ann.do("zg.muteMicrophone(true)")
        assert await ann.page.evaluate("zg.isMicrophoneMuted() && !local.getAudioTracks()[0].enabled")
        await ann.do("zg.muteMicrophone(false)")
        wish = "{ width: 320, height: 240, frameRate: 10, maxBitrate: 200 }"
        assert (await ann.do(f"return zg.setVideoConfig(local, {wish})"))["errorCode"] == 0
        await bob.sees(320)
        assert (await ann.do("return zg.replaceTrack(local, ownTrack(200))"))["errorCode"] == 0
        await bob.sees(200)
        await ann.do("zg.mutePublishStreamVideo(local, true, true)")
        assert await ann.page.evaluate("local.getVideoTracks()[0].enabled"), "the picture goes on being seen here"
        await ann.do("zg.mutePublishStreamVideo(local, false)")
        devices = await ann.do("return zg.enumDevices()")
        assert devices["cameras"]
        assert devices["microphones"]
        assert await ann.do("return (await zg.getSpeakers()).length") == len(devices["speakers"])
        await ann.do(f"await zg.useVideoDevice(local, {devices['cameras'][0]['deviceID']!r})")
        await ann.do(f"await zg.useAudioDevice(local, {devices['microphones'][-1]['deviceID']!r})")
        await ann.do("await zg.setVideoConfig(local, { maxBitrate: 1500 })")
        await bob.sees(640)
        await bob.sees_more()


async def test_a_camera_may_come_later_and_go_again() -> None:
    async with scene() as here:
        ann, bob = await here.join("ann"), await here.join("bob")
        await ann.publish("ann-stream", "{ camera: { video: false, audio: true } }")
        await bob.play("ann-stream")
        assert await bob.page.evaluate("remote.getVideoTracks().length") == 0
        await ann.do("await local.startCaptureCamera({ quality: 1 }); local.playVideo(document.getElementById('local-video'))")
        await ann.page.until("document.querySelector('#local-video video').videoWidth === 320")
        await bob.sees(320)
        assert await bob.page.evaluate("remote.getVideoTracks().length") == 1
        await ann.do("await local.stopCaptureVideo()")
        assert await ann.page.evaluate("document.querySelector('#local-video video')") is None
        assert await ann.page.evaluate("local.getVideoTracks().length") == 0


async def test_what_is_played_can_be_paused_and_one_medium_alone_be_played() -> None:
    async with scene() as here:
        ann, bob = await here.join("ann"), await here.join("bob")
        await ann.publish("ann-camera")
        await bob.play("ann-camera")
        await bob.sees_more()
        frames = (
            "const figures = [...(await zg._legs.get('ann-camera').pc.getStats()).values()];"
            "const frames = figures.find((one) => one.type === 'inbound-rtp' && one.kind === 'video').framesReceived;"
        )
        assert await bob.do("return zg.mutePlayStreamVideo('ann-camera', true)")
        still = f"(async () => {{ {frames} const same = frames === window.before; window.before = frames; return same; }})()"
        await bob.page.until(f"new Promise((done) => setTimeout(done, 300)).then(() => {still})")
        assert await bob.do("return zg.mutePlayStreamVideo('ann-camera', false)")
        await bob.sees_more()
        assert await bob.do("return zg.mutePlayStreamVideo('nobodys', true)") is False
        await bob.do("zg.stopPlayingStream('ann-camera')")
        assert await bob.do(
            "return (await zg.startPlayingStream('ann-camera', { video: false })).getTracks().map(({ kind }) => kind).join()"
        ) == "audio"  # fmt: skip


async def test_several_streams_of_ones_own_sources_and_how_loud_they_are() -> None:
    async with scene() as here:
        ann, bob = await here.join("ann", OWN_TRACK), await here.join("bob")
        await ann.do("zg.setSoundLevelDelegate(true, 500)")
        await ann.publish("ann-camera")
        assert await ann.do(
            "window.screen2 = await zg.createStream({ custom: { source: new MediaStream([ownTrack(160)]), bitrate: 300 } });"
            "return zg.startPublishingStream('ann-canvas', screen2, { extraInfo: 'canvas' })"
        )
        await bob.play("ann-canvas")
        await bob.sees(160)
        _, _, added, _ = await bob.heard("roomStreamUpdate", "(room, type, list) => list[0].streamID === 'ann-canvas'")
        assert added[0]["extraInfo"] == "canvas"
        assert await ann.do("return zg.startPublishingStream('ann-canvas', screen2)") is True, "it is published already"
        assert await ann.do("return zg.startPublishingStream('ann-canvas', local)") is False
        levels, = await ann.heard("soundLevelUpdate", "(list) => list.some(({ soundLevel }) => soundLevel > 1)")
        assert {"streamID": "ann-camera", "type": "push"}.items() <= levels[0].items()
        assert 1 < (await ann.heard("capturedSoundLevelUpdate", "(level) => level > 1"))[0] <= 100


async def test_messages_and_extra_information_reach_the_others() -> None:
    async with scene() as here:
        ann, bob = await here.join("ann"), await here.join("bob")
        await ann.publish("ann-camera")
        sent = await ann.do(
            "return [await zg.sendBroadcastMessage('room', 'hello'), await zg.sendBarrageMessage('room', 'bravo'),"
            "await zg.sendCustomCommand('room', 'lights on', ['bob']), await zg.setRoomExtraInfo('room', 'topic', 'tea'),"
            "await zg.setStreamExtraInfo('ann-camera', 'back camera')]"
        )
        assert [one["errorCode"] for one in sent] == [0] * 5
        ann_user = {"userID": "ann", "userName": "Ann"}
        room, (message,) = await bob.heard("IMRecvBroadcastMessage")
        assert (room, message["fromUser"], message["message"]) == ("room", ann_user, "hello")
        assert (await bob.heard("IMRecvBarrageMessage"))[1][0]["message"] == "bravo"
        assert await bob.heard("IMRecvCustomCommand") == ["room", ann_user, "lights on"]
        assert (await bob.heard("roomExtraInfoUpdate"))[1][0]["value"] == "tea"
        changed = await bob.heard("streamExtraInfoUpdate")
        assert changed == ["room", [{"streamID": "ann-camera", "user": ann_user, "extraInfo": "back camera"}]]


async def test_all_that_is_played_is_muted_at_once_also_what_is_played_later() -> None:
    async with scene() as here:
        ann, bob = await here.join("ann", OWN_TRACK), await here.join("bob")
        await ann.publish("ann-camera")
        await bob.play("ann-camera")
        await bob.sees_more()
        assert await bob.do("return zg.muteAllPlayAudioStreams(true)") is True
        assert await bob.page.evaluate("remote.getAudioTracks()[0].enabled") is False
        await bob.do("zg.stopPlayingStream('ann-camera')")
        await bob.play("ann-camera")
        await bob.sees_more()
        assert await bob.page.evaluate("remote.getAudioTracks().every(({ enabled }) => !enabled)")
        assert await bob.do("return zg.muteAllPlayAudioStreams(false)") is True
        await bob.page.until("remote.getAudioTracks().length === 1 && remote.getAudioTracks()[0].enabled")
        await bob.sees_more()
        await bob.page.until(
            "zg._legs.get('ann-camera').pc.getStats().then((all) => [...all.values()].some("
            "({ type, kind, packetsReceived }) => type === 'inbound-rtp' && kind === 'audio' && packetsReceived > 10))"
        )


async def test_rooms_are_switched_and_figures_are_there_to_be_asked_for() -> None:
    async with scene() as here:
        ann = await here.join("ann")
        servers = "[{ url: 'turn:127.0.0.1:9', username: 'u', credential: 'c' }]"
        assert await ann.do("return await zg.getPublishingStreamQuality('ann-camera')") is None
        await ann.do(f"zg.setTurnServer({servers})")
        await ann.publish("ann-camera")
        used = await ann.page.evaluate("zg._legs.get('ann-camera').pc.getConfiguration().iceServers")
        assert [one["urls"] for one in used] in (["turn:127.0.0.1:9"], [["turn:127.0.0.1:9"]])
        await ann.page.until("(await zg.getPublishingStreamQuality('ann-camera'))?.video.videoBitrate > 0")
        failing = "try {{ await {}; }} catch (error) {{ return error.code; }}"
        assert await ann.do(failing.format("zg.switchRoom('elsewhere', 'other', { token: '' })")) == 1002002
        settings = f"{{ token: {token('ann')!r}, isUserStatusNotify: true }}"
        assert await ann.do(f"return zg.switchRoom('room', 'other', {settings})") is True
        await ann.state("publisherStateUpdate", "NO_PUBLISH", 0)
        reasons = await ann.page.evaluate(
            "heard.filter(([name]) => name === 'roomStateChanged').map(([, room, reason]) => `${room} ${reason}`).slice(-3)"
        )
        assert reasons == ["room LOGOUT", "other LOGINING", "other LOGINED"]
        assert await ann.do(failing.format("zg.startMixerTask({ taskID: 'mix' })")) == -32601
