"""Real browsers and mini-programs' protocols in one room: everyone sees and hears everyone, whatever the network does.

What a browser got is what its own getStats says; what the others got of it is decoded with ffmpeg. Pictures are small and
few per second: the browsers encode and decode them on the machine that also runs the gateway.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.webrtc.udp import UdpPort
from gateway.app import Gateway
from gateway.config import WebRtcSettings
from tests.support.browser import browsing
from tests.support.browser_guest import SMALLER, Guest, connection, since
from tests.support.gateway import Client, config, running, url_of
from tests.support.media_client import until
from tests.support.programs import decode, run, started
from tests.support.recording import spread
from tests.support.tools import clip
from tests.support.turn import turn_server

pytestmark = pytest.mark.alone

FPS = 15
"""Of the clip that phones publish."""
PHONE = "phone-camera"
SIGNALS = """
navigator.mediaDevices.getUserMedia = async (wish) => {
  // The camera is bright and the microphone loud for the first fifth of each second.
  const audio = new AudioContext();
  const [tone, volume, out] = [audio.createOscillator(), audio.createGain(), audio.createMediaStreamDestination()];
  tone.connect(volume).connect(out);
  volume.gain.value = 0;
  tone.start();
  for (let second = 1; second < 120; second++) {
    volume.gain.setValueAtTime(0.8, second);
    volume.gain.setValueAtTime(0, second + 0.2);
  }
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
  const pen = canvas.getContext("2d");
  setInterval(() => {
    const { currentTime } = audio;
    pen.fillStyle = currentTime >= 1 && currentTime % 1 < 0.2 ? "white" : "black";
    pen.fillRect(0, 0, 320, 240);
    pen.fillStyle = "gray";
    pen.fillRect(0, 0, 100 * currentTime % 320, 8);
  }, 15);
  return new MediaStream([...canvas.captureStream(30).getVideoTracks(), ...out.stream.getAudioTracks()]);
};
"""

NO_SOUND_BEFORE_A_KEY = """
{
  // What is evaluated counts as a user's doing in a driven browser, so its own rule never applies.
  const { play } = HTMLMediaElement.prototype;
  let pressed = false;
  addEventListener("keydown", () => (pressed = true), true);
  Object.defineProperty(HTMLMediaElement.prototype, "autoplay", { set() {} });
  HTMLMediaElement.prototype.play = function () {
    return this.muted || pressed ? play.call(this) : Promise.reject(new DOMException("no gesture", "NotAllowedError"));
  };
}
"""


@asynccontextmanager
async def phone(gateway: Gateway, user: str = "phone", **settings: Any) -> AsyncIterator[Client]:
    """Someone who publishes a clip over RTMP with ffmpeg, as a live-pusher does, over and over."""
    client = await Client.login(gateway, user)
    url = url_of(await client.call("publish", streamID=f"{user}-camera"))
    source = ("-re", "-stream_loop", "-1", "-i", clip(**settings))
    async with started("ffmpeg", "-v", "error", "-nostdin", *source, "-c", "copy", "-f", "flv", url):
        try:
            yield client
        finally:
            await client.close()


async def pulled(client: Client, stream: str, protocol: str, into: Path, seconds: float) -> Path:
    """Plays a stream as a live-player does, and keeps what came. What ffmpeg complains about fails the test."""
    url = url_of(await client.call("play", streamID=stream, transport=protocol), protocol)
    path = into / f"{stream}-{protocol}.flv"
    done = await run("ffmpeg", "-v", "error", "-nostdin", "-i", url, "-t", str(seconds), "-c", "copy", path)
    assert (done.code, done.errors) == (0, "")
    return path


def port_of(gateway: Gateway) -> UdpPort:
    """The one UDP port of a gateway."""
    return gateway.webrtc.udp


def present(gateway: Gateway) -> set[str]:
    """Who is in a room."""
    return {session.user.id for room in gateway.registry.rooms.values() for session in room.sessions.values()}


def transcoding() -> list[str]:
    """Threads that decode and encode pictures."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("transcode")]


async def on_air(client: Client, stream: str) -> dict[str, Any]:
    """Waits until others are told of a stream."""

    def named(params: dict[str, Any]) -> bool:
        return (params["type"], params["streams"][0]["streamID"]) == ("ADD", stream)

    found: dict[str, Any] = (await client.event("streams", named))["params"]["streams"][0]
    return found


async def test_a_phone_and_a_browser_in_one_room(tmp_path: Path) -> None:
    async with running() as gateway, browsing("chromium") as browser, phone(gateway) as caller:
        await until(lambda: any(stream.announced for stream in gateway.registry.streams.values()), "the phone on air")
        guest = await Guest.join(browser, gateway, "ann", before=SIGNALS)
        await guest.sees(PHONE)
        assert await guest.first_picture_ms(PHONE) < 1000
        await guest.decodes(PHONE, FPS)

        before = await guest.incoming(PHONE)
        await on_air(caller, guest.stream)
        pulls = asyncio.gather(*(pulled(caller, guest.stream, protocol, tmp_path, 8) for protocol in ("rtmp", "flv")))
        await guest.decodes(PHONE, 20 * FPS)
        after = await guest.incoming(PHONE)
        assert transcoding() == []

        video, audio = (before["video"], after["video"]), (before["audio"], after["audio"])
        seconds = since(*video, "timestamp") / 1000
        assert since(*video, "framesDecoded") / seconds > 0.97 * FPS
        assert since(*video, "freezeCount") == 0
        assert since(*video, "framesDropped") < 0.01 * since(*video, "framesDecoded")
        assert since(*audio, "concealedSamples") < 0.01 * since(*audio, "totalSamplesReceived")
        assert since(*audio, "totalAudioEnergy") > 0

        for path in await pulls:
            decoded = await decode(path)
            assert decoded.errors == ""
            assert len(decoded.video) > 8 * 20
            assert abs(spread(path)) < 0.1
        sent = await guest.outgoing()
        assert sent["video"]["framesEncoded"] > 0


async def test_three_browsers_and_two_phones_see_each_other(tmp_path: Path) -> None:
    users = ("ann", "bob", "eve")
    async with running() as gateway, browsing("chromium") as browser, AsyncExitStack() as phones:
        callers = [await phones.enter_async_context(phone(gateway, user, spec="360x640-15")) for user in ("phone", "other")]
        guests = [await Guest.join(browser, gateway, user, before=SMALLER) for user in users]
        everyone = {guest.stream for guest in guests} | {PHONE, "other-camera"}
        for guest in guests:
            for stream in everyone - {guest.stream}:
                await guest.sees(stream)
        for caller, own in zip(callers, (PHONE, "other-camera"), strict=True):
            for stream in everyone - {own}:
                if stream.split("-")[0] in users:
                    await on_air(caller, stream)
            recorded = await asyncio.gather(
                *(pulled(caller, stream, "rtmp", tmp_path, 2) for stream in sorted(everyone - {own}))
            )
            for path in recorded:
                decoded = await decode(path)
                assert decoded.errors == ""
                assert decoded.video
                assert decoded.audio
                path.unlink()
        assert transcoding() == []
        # All of it at once goes on.
        for guest in guests:
            for stream in everyone - {guest.stream}:
                await guest.decodes(stream, 10)


async def test_one_packet_in_twenty_lost_each_way_freezes_nothing() -> None:
    chance = random.Random(7)
    async with running() as gateway, browsing("chromium") as browser, phone(gateway):
        ann = await Guest.join(browser, gateway, "ann", before=SMALLER)
        bob = await Guest.join(browser, gateway, "bob", "none")
        for stream in (PHONE, ann.stream):
            await bob.sees(stream)
            await bob.decodes(stream, 2 * FPS)
        port_of(gateway).impair = lambda data, address, out: chance.random() < 0.05
        for stream in (PHONE, ann.stream):
            await bob.watch_gaps(stream)
        before = await bob.incoming(PHONE)
        await bob.decodes(PHONE, 15 * FPS)
        after = await bob.incoming(PHONE)
        assert await bob.longest_gap_ms(PHONE) < 500
        assert await bob.longest_gap_ms(ann.stream) < 500
        assert since(before["video"], after["video"], "nackCount") > 0
        assert since(before["video"], after["video"], "retransmittedPacketsReceived") > 0
        assert (await ann.outgoing())["video"]["retransmittedPacketsSent"] > 0


async def test_after_twenty_seconds_without_a_packet_the_call_goes_on() -> None:
    async with running() as gateway, browsing("chromium") as browser, phone(gateway) as caller:
        ann = await Guest.join(browser, gateway, "ann", before=SMALLER)
        bob = await Guest.join(browser, gateway, "bob", "none")
        for stream in (PHONE, ann.stream):
            await bob.sees(stream)
        session = "gatewayCall.session.loginResult.sessionID"
        sessions = [await guest.page.evaluate(session) for guest in (ann, bob)]
        await bob.page.evaluate(f"window.before = {connection(PHONE)}")

        port_of(gateway).impair = lambda data, address, out: True
        await asyncio.sleep(20)
        port_of(gateway).impair = None

        for stream in (PHONE, ann.stream):
            await bob.decodes(stream, 2 * FPS)
        assert await bob.page.evaluate(f"{connection(PHONE)} === before"), "the same connection"
        assert [await guest.page.evaluate(session) for guest in (ann, bob)] == sessions
        assert not caller.heard("streams", type="DELETE")


async def test_a_browser_without_h264_takes_part_by_transcoding(tmp_path: Path) -> None:
    async with running() as gateway, browsing("firefox") as firefox, browsing("chromium") as chromium, phone(gateway) as caller:
        fox = await Guest.join(firefox, gateway, "fox")
        await fox.decodes(PHONE, FPS)
        assert len(transcoding()) == 1, "the phone's pictures, for the fox"
        codecs = [one["mimeType"] for one in await fox.reports(PHONE) if one["type"] == "codec"]
        assert "video/VP8" in codecs
        guest = await Guest.join(chromium, gateway, "ann", "none")
        await guest.sees(fox.stream)
        assert len(transcoding()) == 1, "Chromium takes VP8 as it is"
        await on_air(caller, fox.stream)
        decoded = await decode(await pulled(caller, fox.stream, "rtmp", tmp_path, 3))
        assert decoded.errors == ""
        assert len(decoded.video) > 20
        assert decoded.audio
        await fox.click("leave-button")
        await until(lambda: not transcoding(), "nobody needs it any more")


async def test_b_frames_that_others_refer_to_are_made_anew_for_a_browser_and_shown_in_order(tmp_path: Path) -> None:
    clip_with_b = tmp_path / "b-frames.flv"
    picture = ("-f", "lavfi", "-i", f"testsrc=size=320x240:rate={FPS}", "-f", "lavfi", "-i", "sine=sample_rate=44100")
    coding = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-b_strategy", "0", "-x264-params", "b-pyramid=normal")
    form = ("-g", "30", "-pix_fmt", "yuv420p", "-c:a", "aac")
    made = await run("ffmpeg", "-v", "error", *picture, "-t", "10", *coding, *form, clip_with_b)
    assert (made.code, made.errors) == (0, "")
    async with running() as gateway, browsing("chromium") as browser:
        client = await Client.login(gateway, "phone")
        url = url_of(await client.call("publish", streamID=PHONE))
        source = ("-re", "-stream_loop", "-1", "-i", clip_with_b)
        async with started("ffmpeg", "-v", "error", "-nostdin", *source, "-c", "copy", "-f", "flv", url):
            await until(lambda: any(stream.announced for stream in gateway.registry.streams.values()), "the phone on air")
            guest = await Guest.join(browser, gateway, "ann", "none")
            await guest.sees(PHONE)
            await guest.decodes(PHONE, 2 * FPS)
            assert len(transcoding()) == 1
            before = (await guest.incoming(PHONE))["video"]
            await guest.decodes(PHONE, 5 * FPS)
            after = (await guest.incoming(PHONE))["video"]
            seconds = since(before, after, "timestamp") / 1000
            assert since(before, after, "framesDecoded") / seconds > 0.9 * FPS
            assert since(before, after, "freezeCount") == 0
            await guest.click("leave-button")
            await until(lambda: not transcoding(), "nobody needs it any more")
        await client.close()


async def test_tabs_that_are_closed_and_browsers_that_die_leave_nothing_behind() -> None:
    settings = config(
        signaling={"resume_window": 2.0, "heartbeat_deadline": 5.0}, media={"publish_grace": 1.0},
        webrtc=WebRtcSettings(consent_timeout=3.0),
    )  # fmt: skip
    async with running(settings) as gateway:
        async with browsing("chromium") as browser:
            ann, bob = [await Guest.join(browser, gateway, user, before=SMALLER) for user in ("ann", "bob")]
            await ann.sees(bob.stream)
            await bob.sees(ann.stream)
            assert len(port_of(gateway)) == 4
            await ann.page.close()
            await until(lambda: len(port_of(gateway)) == 1, "the tab's peers are gone")
            await until(lambda: present(gateway) == {"bob"}, "the tab's user is gone")
            browser.kill()
        await until(lambda: not len(port_of(gateway)), "the browser's peers are gone")
        await until(lambda: not gateway.registry.rooms, "and its user")
        assert not gateway.registry.streams
        assert not list(gateway.streams.ingests())


async def test_a_browser_behind_a_relay(tmp_path: Path) -> None:
    secret = "shared with the relay"
    only = "{ const Real = RTCPeerConnection; window.RTCPeerConnection = class extends Real {" \
        " constructor(wish) { super({...wish, iceTransportPolicy: 'relay'}); } }; }"
    async with turn_server(secret, tmp_path) as port, AsyncExitStack() as call:
        settings = config(webrtc=WebRtcSettings(turn_urls=(f"turn:127.0.0.1:{port}?transport=udp",), turn_secret=secret))
        gateway = await call.enter_async_context(running(settings))
        browser = await call.enter_async_context(browsing("chromium"))
        await call.enter_async_context(phone(gateway))
        guest = await Guest.join(browser, gateway, "ann", before=SMALLER + only)
        await guest.connected(guest.stream)
        await guest.sees(PHONE)
        for stream in (guest.stream, PHONE):
            reports = {one["id"]: one for one in await guest.reports(stream)}
            transport = next(one for one in reports.values() if one["type"] == "transport")
            pair = reports[transport["selectedCandidatePairId"]]
            assert reports[pair["localCandidateId"]]["candidateType"] == "relay"


async def test_a_browser_that_holds_sound_back_offers_a_tap() -> None:
    async with running() as gateway, phone(gateway), browsing("chromium") as browser:
        guest = await Guest.join(browser, gateway, "ann", "none", before=NO_SOUND_BEFORE_A_KEY)
        await guest.sees(PHONE)
        tile = f"gatewayRoom.tiles.get('{PHONE}')"
        await guest.page.until(f"!{tile}.unblock.hidden")
        assert await guest.page.evaluate(f"{tile}.video.muted && !{tile}.video.paused")
        await guest.page.evaluate(f"{tile}.unblock.focus()")
        await guest.page.press("Enter")
        await guest.page.until(f"{tile}.unblock.hidden && !{tile}.video.muted && !{tile}.video.paused")


async def test_a_camera_that_is_turned_on_later_is_seen_by_those_who_listen_already(tmp_path: Path) -> None:
    async with running() as gateway, browsing("chromium") as browser:
        caller = await Client.login(gateway, "caller")
        ann = await Guest.join(browser, gateway, "ann", "audio", before=SMALLER)
        bob = await Guest.join(browser, gateway, "bob", "none")
        await bob.connected(ann.stream)
        assert (await on_air(caller, ann.stream))["media"] == ["audio"]
        await ann.click("toggle-camera")
        await bob.sees(ann.stream)
        decoded = await decode(await pulled(caller, ann.stream, "flv", tmp_path, 2))
        assert decoded.errors == ""
        assert decoded.video
        assert not caller.heard("streams", type="DELETE")
        await caller.close()


async def test_another_camera_takes_over_without_a_break() -> None:
    cameras = "--use-fake-device-for-media-stream=device-count=3"  # the second one is for depth, which nobody encodes
    async with running() as gateway, browsing("chromium", cameras) as browser:
        ann = await Guest.join(browser, gateway, "ann")
        bob = await Guest.join(browser, gateway, "bob", "none")
        await bob.sees(ann.stream)
        await ann.click("open-devices")
        choice = "document.querySelector('#devices-dialog select[data-kind=video]')"
        await ann.page.until(f"{choice}?.options.length === 3")
        chosen = "gatewayRoom.publication.media.getVideoTracks()[0].getSettings().deviceId"
        before = await ann.page.evaluate(chosen)
        await ann.page.evaluate(
            f"{choice}.value = [...{choice}.options].find((one) => one.text.endsWith('2')).value,"
            f"{choice}.dispatchEvent(new Event('change'))"
        )
        await ann.page.until(f"{chosen} !== {before!r}")
        await bob.decodes(ann.stream, 20)
        assert await ann.text("#devices-error") == ""


async def test_the_page_shows_how_each_stream_fares() -> None:
    async with running() as gateway, browsing("chromium") as browser, phone(gateway):
        guest = await Guest.join(browser, gateway, "ann", before=SMALLER)
        await guest.sees(PHONE)
        for stream in (PHONE, guest.stream):
            figures = f"[...document.querySelectorAll('[data-stream=\"{stream}\"] dd')].map((one) => one.innerText)"
            await guest.page.until(f"{figures}.every((one) => one && one !== '–')")
            bitrate, fps, loss, rtt = await guest.page.evaluate(figures)
            assert bitrate.endswith("bit/s")
            assert int(fps) > 0
            assert loss == "0 %"
            assert rtt.endswith(" ms")
