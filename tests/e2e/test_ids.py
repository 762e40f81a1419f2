"""Every id that either vendor allows makes the round trip through signaling, RTMP and HTTP-FLV.

ZEGO allows letters, digits and ``~ ! @ # $ % ^ & * ( ) _ + = - ` ; ' , . < > /``, NERTC also the space and ``: ? [ ] { | } "``.
Programs treat an address each in its own way: GStreamer decodes it before it sends it, ffmpeg and librtmp send it as it
is, but put `mp4:` in front of a name because of its ending, or cut the ending off. Streams have to be found all the same.
"""

from __future__ import annotations

import asyncio
import string
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from adapters.flv.tags import audio_body, video_body
from tests.e2e.conftest import NewCall
from tests.support.gateway import DEADLINE, Client, config, running, url_of
from tests.support.media_client import HOST, Call, Clip, name_of
from tests.support.programs import run, started
from tests.support.rtmp_client import RtmpClient

ALPHANUMERIC = string.ascii_letters + string.digits
ZEGO = set("~!@#$%^&*()_+=-`;',.<>/") | set(ALPHANUMERIC)
NERTC = set(" !#$%&()+-:;<=.,>?@[]^_{|}~\"") | set(ALPHANUMERIC)
CHARACTERS = sorted(ZEGO | NERTC)
MARKS = [character for character in CHARACTERS if character not in ALPHANUMERIC]

GROUPS = ["".join(MARKS[start : start + 6]) for start in range(0, len(MARKS), 6)]
"""A few marks each: every mark stands at the beginning, in the middle or at the end of an id, forwards or backwards."""

SPECIAL = [
    "A", "%41", "%2541", "%2F", "a%2Fb", "a/b/c", "/a", "a/", ".", "..", "a/../b", "a+b", "a b", " a ", "+", "100%", "%", "%zz",
    "cam.flv", "cam.mp4", "cam.f4v", "cam.mp3", "cam.flv.flv", ".flv", ".mp4", "mp4:cam", "flv:cam", "mp3:cam", "mp4:cam.mp4",
    "a?key=b", "a&key=b", "?key=", "a?b=c&d", "key=a", "live", "live/cam", "http://host/live/cam?key=x", "a=b&c=d",
    "房间-流", "émission", "ÿ", "😀", "a\u00a0b", "\u202eabc", "x" * 256, "流" * 85, "".join(CHARACTERS),
]  # fmt: skip

PARALLEL = 4
"""Ids that are tried at the same time."""


def batches(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + PARALLEL] for start in range(0, len(ids), PARALLEL)]


@asynccontextmanager
async def roomy(new_call: NewCall) -> AsyncIterator[Call]:
    """A call whose limits are not in the way."""
    limits = {"publishes_per_session": 1000, "plays_per_session": 1000, "requests_per_second": 1e6, "requests_burst": 10_000}
    async with new_call(signaling=limits, rtmp={"publisher_idle": 600.0}) as call:
        yield call


async def play_over_both(call: Call, stream: str, play_rtmp: Callable[[str], Coroutine[None, None, None]]) -> None:
    """Bob is told of exactly this stream, and plays it."""
    added = await call.added(stream)
    assert (added["streamID"], added["userID"]) == (stream, "alice")
    result = await call.bob.call("play", streamID=stream)
    assert result["streamID"] == stream
    await play_rtmp(url_of(result))
    head = await curl_head(url_of(result, "flv"))
    assert head == b"FLV\x01", stream
    await call.bob.call("stop", streamID=stream)
    await call.alice.call("unpublish", streamID=stream)
    await call.streams("DELETE", lambda one: one["streamID"] == stream)


async def curl_head(url: str) -> bytes:
    """The first bytes that curl gets."""
    async with started("curl", "-s", "-N", "-f", url) as process, asyncio.timeout(DEADLINE):
        assert process.stdout is not None
        return await process.stdout.read(4)


async def play_with_our_client(url: str) -> None:
    port = int(url.split("/")[2].rpartition(":")[2])
    client = await RtmpClient.connect(HOST, port)
    await client.play(name_of(url))
    await client.media(2)
    await client.drop()


async def play_with_ffmpeg(url: str) -> None:
    one_picture = ("-an", "-frames:v", "1", "-f", "null", "-")
    found = await run("ffmpeg", "-v", "error", "-analyzeduration", "200000", "-i", url, *one_picture)
    assert (found.code, found.errors) == (0, ""), url


async def play_with(url: str, name: str, *arguments: str) -> None:
    """Until the program has written a file's beginning."""
    async with started(name, *arguments) as process, asyncio.timeout(DEADLINE):
        assert process.stdout is not None
        assert await process.stdout.read(3) == b"FLV", url


async def play_with_rtmpdump(url: str) -> None:
    await play_with(url, "rtmpdump", "-q", "--live", "-r", url, "-o", "-")


async def play_with_gstreamer(url: str) -> None:
    await play_with(url, "gst-launch-1.0", "-q", "rtmp2src", f"location={_quoted(url)}", "!", "fdsink")


def _quoted(url: str) -> str:
    return '"' + url.replace("\\", "\\\\").replace('"', '\\"') + '"'


# Each client ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ids", [CHARACTERS, [f"a{mark}b" for mark in MARKS], SPECIAL], ids=["alone", "within", "special"])
async def test_ids_with_our_own_client(ids: list[str], new_call: NewCall, clip: Clip) -> None:
    """All at the same time, so that ids that are nearly alike would get into each other's way."""
    async with roomy(new_call) as call:
        clients = []
        for stream in ids:
            client = await RtmpClient.connect(HOST, call.gateway.rtmp.port)
            await client.publish(name_of(await call.address(stream)))
            client.send_audio(0, audio_body(clip.audio))
            client.send_video(0, video_body(clip.video))
            clients.append(client)
        for batch in batches(ids):
            await asyncio.gather(*(play_over_both(call, stream, play_with_our_client) for stream in batch))
        for client in clients:
            await client.wait_closed()
            await client.drop()
        assert len(call.bob.heard("streams", type="ADD")) == len(ids)


Push = Callable[[str, Path], AbstractAsyncContextManager[object]]


def ffmpeg(url: str, clip: Path) -> AbstractAsyncContextManager[object]:
    return started("ffmpeg", "-v", "error", "-re", "-i", clip, "-c", "copy", "-f", "flv", url)


def gstreamer(sink: str) -> Push:
    def push(url: str, clip: Path) -> AbstractAsyncContextManager[object]:
        pipeline = f"filesrc location={clip} ! flvdemux name=d d.video ! h264parse ! identity sync=true ! flvmux streamable=true"
        return started("gst-launch-1.0", "-q", *pipeline.split(), "!", sink, f"location={_quoted(url)}")

    return push


REAL_IDS = [*GROUPS, *(group[::-1] for group in GROUPS), *SPECIAL]


@pytest.mark.parametrize(
    ("push", "play", "ids"),
    [
        (ffmpeg, play_with_ffmpeg, REAL_IDS),
        (gstreamer("rtmp2sink"), play_with_gstreamer, REAL_IDS),
        (gstreamer("rtmpsink"), play_with_rtmpdump, REAL_IDS),
    ],
    ids=["ffmpeg", "rtmp2sink and rtmp2src", "rtmpsink and rtmpdump"],
)
async def test_ids_with_real_programs(
    push: Push, play: Callable[[str], Coroutine[None, None, None]], ids: list[str], new_call: NewCall, minute: Path
) -> None:
    failed: dict[str, str] = {}
    async with roomy(new_call) as call:

        async def round_trip(stream: str) -> None:
            try:
                async with push(await call.address(stream), minute):
                    await play_over_both(call, stream, play)
            except (AssertionError, TimeoutError) as error:
                failed[stream] = repr(error)

        for batch in batches(ids):
            await asyncio.gather(*(round_trip(stream) for stream in batch))
    assert not failed, "\n".join(f"{stream!r}: {error}" for stream, error in failed.items())


async def test_two_streams_that_differ_only_in_their_spelling_are_kept_apart(new_call: NewCall, clip: Clip) -> None:
    async with roomy(new_call) as call:
        for stream, body in (("A", audio_body(clip.audio)), ("%41", video_body(clip.video))):
            client = await RtmpClient.connect(HOST, call.gateway.rtmp.port)
            await client.publish(name_of(await call.address(stream)))
            (client.send_audio if stream == "A" else client.send_video)(0, body)
            medium = (await call.added(stream))["media"]
            assert medium == (["audio"] if stream == "A" else ["video"])
            call.tasks.append(asyncio.create_task(client.wait_closed(60)))


# Rooms and users ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", ["".join(CHARACTERS), *GROUPS, "房间", "😀", " ", "%41", "a/b", "x" * 128], ids=repr)
async def test_room_and_user_ids(id: str, clip: Clip) -> None:
    async with running(config()) as gateway:
        alice = await Client.login(gateway, id, room=id, userUpdate=True)
        bob = await Client.login(gateway, "bob", room=id, userUpdate=True)
        assert [user["userID"] for user in bob.login_result["users"]] == [id]
        joined = await alice.event("users")
        assert joined["params"]["roomID"] == id
        client = await RtmpClient.connect(HOST, gateway.rtmp.port)
        await client.publish(name_of(url_of(await alice.call("publish", streamID=id))))
        client.send_audio(0, audio_body(clip.audio))
        added = await bob.event("streams")
        stream = added["params"]["streams"][0]
        assert (added["params"]["roomID"], stream["streamID"], stream["userID"]) == (id, id, id)
        await client.drop()
        await alice.close()
        await bob.close()
