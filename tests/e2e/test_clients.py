"""Programs that other people wrote push to the gateway and play from it, and lose nothing on the way.

Each push is played, over RTMP and over HTTP-FLV, by viewers that were there before it began: they have to get every frame
of the clip, decodable, with sound and picture as far apart as in the clip.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.flv.tags import audio_body, video_body
from adapters.media.units import AudioUnit, VideoUnit
from adapters.rtmp.messages import AMF0_COMMAND, AMF3_COMMAND, Message
from gateway.errors import (
    KEY_BROKEN,
    KEY_FOREIGN,
    KEY_MISSING,
    KEY_REVOKED,
    KEY_WRONG_ACTION,
    KEY_WRONG_STREAM,
    STREAM_NOT_FOUND,
    Fault,
)
from tests.e2e.conftest import NewCall
from tests.support.gateway import DEADLINE, url_of
from tests.support.media_client import HOST, PROTOCOLS, Call, Clip, name_of, until, viewers
from tests.support.programs import Decoded, decode, run, started
from tests.support.rtmp_client import RtmpClient

SYNC = 0.1
"""Seconds by which sound and picture may shift against each other."""

Arguments = list[str | Path]


# Pushing -----------------------------------------------------------------------------------------------------------------


def ffmpeg(url: str, clip: Path, *more: str) -> Arguments:
    return ["ffmpeg", "-v", "error", "-re", "-i", clip, "-c", "copy", *more, "-f", "flv", url]


def gstreamer(sink: str, clip: Path) -> Arguments:
    """The clip in real time through GStreamer's muxer."""
    sound = "d.audio ! queue ! aacparse ! identity sync=true ! m."
    picture = "d.video ! queue ! h264parse ! identity sync=true ! m."
    muxer = f"flvmux name=m streamable=true ! {sink}"
    return ["gst-launch-1.0", "-q", *f"filesrc location={clip} ! flvdemux name=d {sound} {picture} {muxer}".split()]


_CONNECT_ARGUMENTS = ("B:1", "S:x", "O:1", "NN:code:1.23", "NS:f:ok", "O:0")

PUSHERS: dict[str, Callable[[str, Path], Arguments]] = {
    "ffmpeg": ffmpeg,
    "ffmpeg whose time starts at 16780 s": lambda url, clip: ffmpeg(url, clip, "-output_ts_offset", "16780"),
    "ffmpeg with arguments to connect": lambda url, clip: ffmpeg(
        url, clip, "-rtmp_conn", " ".join(_CONNECT_ARGUMENTS), "-rtmp_flashver", "FMLE/3.0 (compatible; a test)",
        "-rtmp_tcurl", "rtmp://elsewhere.example/live", "-rtmp_swfurl", "http://elsewhere.example/a.swf",
    ),
    "rtmp2sink": lambda url, clip: gstreamer(f"rtmp2sink location={url}", clip),
    "rtmp2sink, chunks of 100": lambda url, clip: gstreamer(f"rtmp2sink chunk-size=100 location={url}", clip),
    "rtmpsink": lambda url, clip: gstreamer(f"rtmpsink location={url}", clip),
}  # fmt: skip


async def whole_pulls(call: Call) -> dict[str, asyncio.Task[Decoded]]:
    """Players that are there before the stream is, and decode it to its end."""
    address = await call.bob.call("play", streamID="cam", wait=True)
    pulls = {protocol: asyncio.create_task(decode(url_of(address, protocol))) for protocol in PROTOCOLS}
    await viewers(call.gateway, len(pulls))
    return pulls


async def assert_whole(pulls: dict[str, asyncio.Task[Decoded]], clip: Clip) -> None:
    """Every player decoded all of the clip."""
    original = await decode(clip.path)
    assert len(original.video) == clip.length * 15 // 1000
    for protocol, pull in pulls.items():
        decoded = await pull
        assert decoded.errors == "", protocol
        assert (len(decoded.video), len(decoded.audio)) == (len(original.video), len(original.audio)), protocol
        assert decoded.spread() == pytest.approx(original.spread(), abs=SYNC), protocol


@pytest.mark.parametrize("pusher", PUSHERS)
async def test_what_a_program_pushes_is_played_whole(pusher: str, new_call: NewCall, clip: Clip) -> None:
    async with new_call() as call:
        url = await call.address()
        pulls = await whole_pulls(call)
        pushed = await run(*map(str, PUSHERS[pusher](url, clip.path)))
        assert pushed.code == 0, pushed.errors
        assert (await call.added())["userID"] == "alice"
        await assert_whole(pulls, clip)


class Unusual(RtmpClient):
    """A client with AMF3 commands, or chunk streams whose number takes two or three bytes, or both."""

    amf3 = False
    chunk_stream_offset = 0

    def send(self, message: Message, csid: int | None = None) -> None:
        if self.amf3 and message.type_id == AMF0_COMMAND:
            message = Message(AMF3_COMMAND, message.msid, message.timestamp, b"\0" + message.body)
        control = message.type_id < 7
        super().send(message, None if control else self.chunk_stream_offset + message.type_id)


class Amf3(Unusual):
    amf3 = True
    chunk_stream_offset = 3


class TwoBytes(Unusual):
    chunk_stream_offset = 64


class ThreeBytes(Unusual):
    chunk_stream_offset = 60_000


@pytest.mark.parametrize("kind", [RtmpClient, Amf3, TwoBytes, ThreeBytes])
@pytest.mark.parametrize("chunk_bytes", [128, 777])
async def test_what_an_unusual_client_pushes_is_played_whole(
    kind: type[RtmpClient], chunk_bytes: int, new_call: NewCall, clip: Clip
) -> None:
    """A chunk size other than 128 is announced before `connect`."""
    async with new_call() as call:
        url = await call.address()
        pulls = await whole_pulls(call)
        client = await kind.connect(HOST, call.gateway.rtmp.port, chunk_bytes=chunk_bytes)
        await client.publish(name_of(url))
        client.send_video(0, video_body(clip.video))
        client.send_audio(0, audio_body(clip.audio))
        for unit in clip.frames:
            if isinstance(unit, VideoUnit):
                client.send_video(unit.timestamp, video_body(unit))
            elif isinstance(unit, AudioUnit):
                client.send_audio(unit.timestamp, audio_body(unit))
        await client.flush()
        await call.added()
        await client.close()
        await assert_whole(pulls, clip)


# Playing -----------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def on_air(new_call: NewCall, clip: Clip) -> AsyncIterator[Call]:
    """A call in which Alice's stream `cam` runs."""
    async with new_call() as call:
        source = await call.source(clip)
        call.background(source)
        await call.added()
        yield call


@pytest.mark.parametrize("mode", ["RTC", "live"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_ffmpeg_joins_and_decodes(protocol: str, mode: str, new_call: NewCall, clip: Clip) -> None:
    async with on_air(new_call, clip) as call:
        url = url_of(await call.bob.call("play", streamID="cam", mode=mode), protocol)
        found = await run("ffmpeg", "-v", "error", "-xerror", "-i", url, "-t", "1.5", "-f", "null", "-")
        assert (found.code, found.errors) == (0, "")


@pytest.mark.parametrize(
    "player",
    [
        ["rtmpdump", "-q", "--live", "-r", "URL", "--stop", "2", "-o", "OUT"],
        ["gst-launch-1.0", "-q", "-e", "rtmp2src", "location=URL", "!", "filesink", "location=OUT"],
        ["gst-launch-1.0", "-q", "-e", "rtmpsrc", "location=URL live=1", "!", "filesink", "location=OUT"],
    ],
    ids=lambda arguments: " ".join(arguments[:1] + arguments[3:4]),
)
async def test_other_rtmp_players(player: list[str], new_call: NewCall, clip: Clip, tmp_path: Path) -> None:
    """What they write down while the stream runs and then ends can be decoded, sound and picture."""
    async with new_call() as call:
        source = await call.source(clip)
        await source.run(0.5)
        url, out = url_of(await call.bob.call("play", streamID="cam")), tmp_path / "out.flv"
        async with started(*(part.replace("URL", url).replace("OUT", str(out)) for part in player)) as process:
            await viewers(call.gateway, 1)
            await source.run(2.5)
            await source.client.close()
            async with asyncio.timeout(DEADLINE):
                await process.wait()
        decoded = await decode(out)
        assert decoded.errors == ""
        assert len(decoded.video) >= 30
        assert len(decoded.audio) >= 80


async def test_rtmpe_is_refused_and_counted(new_call: NewCall, clip: Clip, tmp_path: Path) -> None:
    async with on_air(new_call, clip) as call:
        url = url_of(await call.bob.call("play", streamID="cam")).replace("rtmp://", "rtmpe://")
        found = await run("rtmpdump", "--live", "-m", "2", "-r", url, "-o", tmp_path / "out.flv")
        assert found.code != 0
        assert (tmp_path / "out.flv").stat().st_size == 0
        metrics = (await run("curl", "-s", f"{call.gateway.addresses.http}/metrics")).out.decode()
        assert re.search(r'^gateway_refusals_total\{protocol="rtmp",reason="handshake_version"\} [1-9]', metrics, re.MULTILINE)


# Signaling ---------------------------------------------------------------------------------------------------------------


async def test_a_client_may_ping_by_itself(new_call: NewCall) -> None:
    """Many WebSocket libraries do, also between the fragments of a message (RFC 6455 section 5.4)."""
    async with new_call() as call:
        async with asyncio.timeout(DEADLINE):
            await (await call.bob.socket.ping(b"are you there"))

        async def fragments() -> AsyncIterator[str]:
            yield '{"jsonrpc":"2.0","id":1000,'
            await (await call.bob.socket.ping())
            yield '"method":"unknown"}'

        await call.bob.socket.send(fragments())
        assert await call.bob.call("ping") == {}


# HTTP-FLV ----------------------------------------------------------------------------------------------------------------


async def curl(*arguments: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body."""
    found = await run("curl", "-s", "-i", "--max-time", f"{DEADLINE:g}", *arguments)
    head, _, body = found.out.partition(b"\r\n\r\n")
    return *read_head(head.decode()), body


def read_head(text: str) -> tuple[int, dict[str, str]]:
    """Status and headers."""
    status, *lines = text.split("\r\n")
    return int(status.split()[1]), {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


async def test_flv_response(new_call: NewCall, clip: Clip) -> None:
    async with on_air(new_call, clip) as call:
        url = url_of(await call.bob.call("play", streamID="cam"), "flv")
        async with (
            started("curl", "-s", "-i", "-N", "-H", "Origin: https://page.example", url) as process, asyncio.timeout(DEADLINE),
        ):  # fmt: skip
            assert process.stdout is not None
            head = await process.stdout.readuntil(b"\r\n\r\n")
            body = await process.stdout.readexactly(5)
        status, headers = read_head(head.decode().rstrip())
        assert status == 200
        assert headers["content-type"] == "video/x-flv"
        assert headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in headers
        assert headers["cache-control"] == "no-store"
        assert body == b"FLV\x01\x05"
        await until(lambda: not call.gateway.snapshot().viewers["flv"], "the end of the viewer")


async def test_flv_preflight(new_call: NewCall) -> None:
    async with new_call() as call:
        asked = ("-H", "Origin: https://page.example", "-H", "Access-Control-Request-Method: GET", "-X", "OPTIONS")
        status, headers, body = await curl(*asked, f"{call.gateway.addresses.http}/live/cam.flv?key=any")
        assert (status, body) == (204, b"")
        assert headers["access-control-allow-origin"] == "*"
        assert "GET" in headers["access-control-allow-methods"]
        assert headers["access-control-allow-headers"] == "*"


async def assert_refused(url: str, fault: Fault) -> None:
    status, headers, body = await curl(url)
    told = json.loads(body)
    message = told.pop("message")
    assert (status, told) == (fault.status, {"code": fault.number, "name": fault.name, "retry": fault.retry})
    assert message.startswith(fault.en)
    assert headers["content-type"] == "application/json"
    assert headers["access-control-allow-origin"] == "*"


async def test_flv_refusals(new_call: NewCall, clip: Clip) -> None:
    """Each with its own number and status."""
    async with on_air(new_call, clip) as call:
        good = url_of(await call.bob.call("play", streamID="cam"), "flv")
        address, _, key = good.partition("?key=")
        push_key = (await call.address("other")).partition("?key=")[2]
        app, body, mac = key.split(".")
        other_mac = ("A" if mac[0] != "A" else "B") + mac[1:]
        await assert_refused(address, KEY_MISSING)
        await assert_refused(f"{address}?key=", KEY_MISSING)
        await assert_refused(f"{address}?key=nonsense", KEY_BROKEN)
        await assert_refused(f"{address}?key={app}.{body}.{other_mac}", KEY_FOREIGN)
        await assert_refused(good.replace("cam.flv", "other.flv"), KEY_WRONG_STREAM)
        await assert_refused(f"{address.replace('cam.flv', 'other.flv')}?key={push_key}", KEY_WRONG_ACTION)
        await assert_refused(good.replace(".flv", ".m3u8"), STREAM_NOT_FOUND)
        await call.bob.call("stop", streamID="cam")
        await assert_refused(good, KEY_REVOKED)


async def test_flv_of_a_stream_that_is_not_there(new_call: NewCall, clip: Clip) -> None:
    async with new_call() as call:
        source = await call.source(clip)
        await source.run(0.3)
        await call.added()
        url = url_of(await call.bob.call("play", streamID="cam"), "flv")
        await source.client.close()
        await call.streams("DELETE")
        await assert_refused(url, STREAM_NOT_FOUND)


async def test_flv_is_for_get_only(new_call: NewCall) -> None:
    async with new_call() as call:
        status, headers, body = await curl("-X", "POST", "-d", "x", f"{call.gateway.addresses.http}/live/cam.flv?key=any")
        assert (status, json.loads(body)["code"]) == (405, 405)
        assert headers["access-control-allow-origin"] == "*"
        assert "GET" in headers["allow"]
