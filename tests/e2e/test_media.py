"""Whatever the media of a stream do, those who play it keep playing, and the room is told what is there.

The media is real; pictures are counted by the numbers in them, so "nothing is lost" means exactly that.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

import pytest

from adapters.media.h264 import parse_config, parse_sps
from adapters.media.units import AudioConfig, AudioUnit, VideoConfig, VideoUnit
from gateway.errors import CODEC_UNSUPPORTED
from gateway.rooms.model import BOTH_MEDIA
from tests.e2e.conftest import NewCall
from tests.support.gateway import url_of
from tests.support.media_client import (
    AUDIO_ONLY,
    HOST,
    PROTOCOLS,
    VIDEO_ONLY,
    Call,
    Clip,
    FlvViewer,
    Source,
    Viewer,
    name_of,
    until,
)
from tests.support.programs import decode, run
from tests.support.rtmp_client import RtmpClient

NOTHING_HAPPENS = 0.5
"""Seconds in which nothing must happen."""
ABSENT_AFTER = 0.5
"""Seconds of silence after which a medium is no longer there, in these tests."""


async def early_viewers(call: Call, **wish: Any) -> list[Viewer]:
    """One viewer of each protocol, there before the stream is."""
    return [await Viewer.play(call.gateway, call.bob, protocol, "cam", wait=True, **wish) for protocol in PROTOCOLS]


async def joining_viewers(call: Call, **wish: Any) -> list[Viewer]:
    """One viewer of each protocol that joins now."""
    return [await Viewer.play(call.gateway, call.bob, protocol, "cam", **wish) for protocol in PROTOCOLS]


async def all_end(viewers: list[Viewer]) -> None:
    for viewer in viewers:
        await viewer.end()
        assert viewer.failure == "", type(viewer).__name__


# What is there -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("media", [AUDIO_ONLY, VIDEO_ONLY], ids=["audio", "video"])
async def test_a_stream_of_one_medium(media: frozenset[Any], new_call: NewCall, clip: Clip) -> None:
    async with new_call() as call:
        viewers = await early_viewers(call)
        source = await call.source(clip, media)
        await source.run(1.2)
        assert (await call.added())["media"] == sorted(media)
        viewers += await joining_viewers(call)
        await source.run(1.0)
        await source.client.close()
        await all_end(viewers)
        for viewer in viewers[:2]:
            assert viewer.numbers == source.sent
            assert len(viewer.sounds) == source.sounds
        for viewer in viewers:
            assert bool(viewer.pictures) == (media == VIDEO_ONLY)
            assert bool(viewer.sounds) == (media == AUDIO_ONLY)
        assert not call.bob.heard("streams", type="UPDATE")


async def test_late_video(new_call: NewCall, clip: Clip) -> None:
    async with new_call() as call:
        viewers = await early_viewers(call)
        source = await call.source(clip, AUDIO_ONLY)
        await source.run(1.2)
        assert (await call.added())["media"] == ["audio"]
        viewers += await joining_viewers(call)
        source.switch(BOTH_MEDIA)
        await source.run(2.0)
        assert (await call.streams("UPDATE"))["media"] == ["audio", "video"]
        await source.client.close()
        await all_end(viewers)
        assert len(source.sent) > 10
        for viewer in viewers:
            assert viewer.numbers == source.sent
        for viewer in viewers[:2]:
            assert len(viewer.sounds) == source.sounds


async def test_camera_off_and_on_again(new_call: NewCall, clip: Clip) -> None:
    async with new_call(media={"media_absent_after": ABSENT_AFTER}) as call:
        viewers = await early_viewers(call)
        source = await call.source(clip)
        await source.run(1.0)
        await call.streams("UPDATE", lambda one: one["media"] == ["audio", "video"])
        told = len(call.bob.events)
        source.switch(AUDIO_ONLY)
        off = await source.run_until(call.bob.event("streams", since=told))
        assert (off["params"]["type"], off["params"]["streams"][0]["media"]) == ("UPDATE", ["audio"])
        told = call.bob.events.index(off) + 1
        viewers += await joining_viewers(call)
        source.switch(BOTH_MEDIA)
        await source.run(2.0)
        on = await call.bob.event("streams", since=told)
        assert (on["params"]["type"], on["params"]["streams"][0]["media"]) == ("UPDATE", ["audio", "video"])
        await source.client.close()
        await all_end(viewers)
        for viewer in viewers[:2]:
            assert viewer.numbers == source.sent
            assert len(viewer.sounds) == source.sounds
        for viewer in viewers[2:]:
            assert viewer.numbers == source.sent[-len(viewer.numbers) :]
            assert viewer.numbers[0] in source.keyframes
        assert len(call.bob.heard("streams", type="ADD")) == 1


async def test_microphone_off_and_on_again(new_call: NewCall, clip: Clip) -> None:
    async with new_call(media={"media_absent_after": ABSENT_AFTER}) as call:
        viewers = await early_viewers(call)
        source = await call.source(clip)
        await source.run(1.0)
        await call.streams("UPDATE", lambda one: one["media"] == ["audio", "video"])
        source.switch(VIDEO_ONLY)
        await source.run_until(call.streams("UPDATE", lambda one: one["media"] == ["video"]))
        source.switch(BOTH_MEDIA)
        await source.run(1.0)
        await source.client.close()
        await all_end(viewers)
        for viewer in viewers:
            assert viewer.numbers == source.sent
            assert len(viewer.sounds) == source.sounds


async def test_the_camera_changes_its_resolution(new_call: NewCall, clip: Clip, small_clip: Clip) -> None:
    """Viewers hear of the new parameters before the first picture that needs them, and ffmpeg decodes on."""
    async with new_call(media={"viewers_per_grant": 6}) as call:
        viewers = await early_viewers(call)
        address = await call.bob.call("play", streamID="cam", wait=True)
        decoding = [asyncio.create_task(decode(url_of(address, protocol))) for protocol in PROTOCOLS]
        await until(lambda: sum(call.gateway.snapshot().viewers.values()) == 4)
        source = await call.source(clip)
        await source.run(1.5)
        first_small = len(source.sent)
        source.change(small_clip)
        await source.run(1.5)
        joiners = await joining_viewers(call)
        await source.run(0.5)
        await source.client.close()
        await all_end(viewers + joiners)
        for viewer in viewers:
            assert viewer.numbers == source.sent
            assert _widths(viewer) == {number: 320 if number < first_small else 160 for number in source.sent}
        for viewer in joiners:
            assert set(_widths(viewer).values()) == {160}
        for decoded in await asyncio.gather(*decoding):
            assert decoded.errors == ""
            assert len(decoded.video) == len(source.sent)


def _widths(viewer: Viewer) -> dict[int, int]:
    """For each picture, how wide it is by the parameters that came last before it."""
    width, widths = 0, {}
    for one in viewer.received:
        if isinstance(one.unit, VideoConfig):
            width = parse_sps(parse_config(one.unit.payload).sps[0]).width
        elif one.number is not None:
            widths[one.number] = width
    return widths


# What is not carried -----------------------------------------------------------------------------------------------------

FOREIGN = {
    "HEVC": ("video", bytes.fromhex("1c00000000 0101600000")),
    "hvc1": ("video", b"\x90hvc1" + bytes.fromhex("0101600000")),
    "av01": ("video", b"\x90av01" + bytes.fromhex("81000c00")),
    "VP6": ("video", bytes.fromhex("1400000000")),
    "MP3": ("audio", bytes.fromhex("2ffffb9064")),
    "Speex": ("audio", bytes.fromhex("b200112233")),
    "Opus": ("audio", b"\x90Opus" + b"OpusHead\x01\x02"),
}


@pytest.mark.parametrize("codec", FOREIGN)
@pytest.mark.parametrize("after_good_media", [False, True])
async def test_another_codec_is_refused_by_its_name(codec: str, after_good_media: bool, new_call: NewCall, clip: Clip) -> None:
    """Also in the middle of a stream; what was on air then goes off."""
    async with new_call() as call:
        source = await call.source(clip)
        viewers = []
        if after_good_media:
            await source.run(0.3)
            await call.added()
            viewers = await joining_viewers(call)
        medium, body = FOREIGN[codec]
        (source.client.send_video if medium == "video" else source.client.send_audio)(source.time + 1, body)
        refused = await source.client.wait_for_refusal()
        assert refused.code == "NetStream.Failed"
        assert str(CODEC_UNSUPPORTED.number) in refused.description
        assert codec in refused.description
        await source.client.wait_closed()
        state = await call.alice.event("publisherState", lambda params: params["state"] == "NO_PUBLISH")
        assert state["params"]["code"] == CODEC_UNSUPPORTED.number == 1802001
        assert codec in state["params"]["message"]
        if after_good_media:
            gone = await call.bob.event("streams", lambda params: params["type"] == "DELETE")
            assert gone["params"]["reason"] == {"code": 6, "name": "removedByServer"}
            await all_end(viewers)
        else:
            assert not call.bob.heard("streams")


async def test_ffmpeg_with_mp3_sound(new_call: NewCall, clip: Clip) -> None:
    async with new_call() as call:
        url = await call.address()
        found = await run(
            "ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i", str(clip.path),
            "-c:v", "copy", "-c:a", "libmp3lame", "-f", "flv", url,
        )  # fmt: skip
        assert found.code != 0
        state = await call.alice.event("publisherState", lambda params: params["state"] == "NO_PUBLISH")
        assert state["params"]["code"] == CODEC_UNSUPPORTED.number
        assert "MP3" in state["params"]["message"]


# How viewers begin -------------------------------------------------------------------------------------------------------


@pytest.mark.alone
@pytest.mark.parametrize("phase", [0.3, 1.9])
async def test_in_rtc_mode_a_joiner_is_near_the_live_edge_within_a_second(
    phase: float, new_call: NewCall, long_gop_clip: Clip
) -> None:
    """However much of the 2 s GOP has passed: at most 500 ms behind, for a player that honours timestamps."""
    async with new_call() as call:
        source = await call.source(long_gop_clip)
        sending = asyncio.create_task(source.run(2.0 + phase + 2.0))
        await until(lambda: source.time >= 1000 * (2.0 + phase))
        viewers = await joining_viewers(call, mode="RTC")
        await sending
        await source.client.close()
        await all_end(viewers)
        for viewer in viewers:
            assert viewer.pictures[0].number == source.keyframes[1]
            assert viewer.numbers == source.sent[source.keyframes[1] :]
            behind = _behind_live(viewer, source)
            assert len(behind) >= 8
            assert max(behind) <= 0.5, (type(viewer).__name__, behind)
            assert viewer.sounds[0].at - viewer.joined < 0.5


def _behind_live(viewer: Viewer, source: Source) -> list[float]:
    """Seconds from sending a picture to showing it, of those sent later than a second after joining.

    The player shows each frame as long after the first one as the timestamps say; one that comes too late for that makes
    it wait, and it never catches up.
    """
    delay, behind = float("-inf"), []
    for one in viewer.received:
        if isinstance(one.unit, AudioUnit | VideoUnit):
            delay = max(delay, one.at - one.unit.timestamp / 1000)
        if one.number is not None and source.sent_at[one.number] > viewer.joined + 1:
            behind.append(one.unit.timestamp / 1000 + delay - source.sent_at[one.number])
    return behind


async def test_in_live_mode_a_joiner_gets_the_whole_gop_with_its_sound(new_call: NewCall, long_gop_clip: Clip) -> None:
    async with new_call() as call:
        source = await call.source(long_gop_clip)
        await source.run(3.5)
        viewers = await joining_viewers(call, mode="live")
        for viewer in viewers:  # while nothing new comes: what it gets was there already
            await until(lambda viewer=viewer: viewer.sounds, "sound at once")  # type: ignore[misc]
        await source.run(0.5)
        await source.client.close()
        await all_end(viewers)
        for viewer in viewers:
            assert viewer.numbers == source.sent[source.keyframes[1] :]
            times = [one.unit.timestamp for one in viewer.pictures]
            assert all(60 <= later - earlier <= 75 for earlier, later in itertools.pairwise(times))
            begin, end = viewer.sounds[0].unit.timestamp, viewer.sounds[-1].unit.timestamp
            assert abs(begin - times[0]) < 50
            assert len(viewer.sounds) == pytest.approx((end - begin) / 1000 * 44_100 / 1024, abs=2)


# Choosing media ----------------------------------------------------------------------------------------------------------


async def test_a_play_of_sound_alone_gets_no_video(new_call: NewCall, clip: Clip) -> None:
    async with new_call() as call:
        source = await call.source(clip)
        await source.run(0.5)
        await call.added()
        viewers = await joining_viewers(call, media=["audio"])
        await source.run(1.5)
        await source.client.close()
        await all_end(viewers)
        for viewer in viewers:
            assert len(viewer.sounds) > 50
            assert {type(one.unit) for one in viewer.received} == {AudioConfig, AudioUnit}
            if isinstance(viewer, FlvViewer):
                assert viewer.promised == AUDIO_ONLY


async def test_a_running_play_changes_its_media(new_call: NewCall, clip: Clip) -> None:
    """Sound alone, both, picture alone, without a new connection; nothing at all is the end."""
    async with new_call() as call:
        source = await call.source(clip)
        await source.run(0.5)
        viewers = await joining_viewers(call, media=["audio"])
        unheard = source.sounds
        await source.run(0.5)
        assert not any(viewer.pictures for viewer in viewers)

        await call.bob.call("play", streamID="cam")
        asked = len(source.sent)
        await source.run(1.5)
        expected = source.sent[next(number for number in source.keyframes if number >= asked) :]
        for viewer in viewers:
            await until(lambda viewer=viewer: viewer.numbers == expected, "video from the next keyframe on")  # type: ignore[misc]
            await until(lambda viewer=viewer: len(viewer.sounds) == source.sounds - unheard, "all sound")  # type: ignore[misc]

        await call.bob.call("play", streamID="cam", media=["video"])
        sent = source.sounds
        await source.run(0.5)
        for viewer in viewers:
            await until(lambda viewer=viewer: viewer.numbers[-1] == source.sent[-1], "the picture")  # type: ignore[misc]
            assert source.sounds > sent + 10
            assert len(viewer.sounds) == sent - unheard

        await call.bob.call("stop", streamID="cam", media=["video"])
        for viewer in viewers:
            await viewer.end()


async def test_stop_ends_the_viewers_connection(new_call: NewCall, clip: Clip) -> None:
    async with new_call() as call:
        source = await call.source(clip)
        await source.run(0.3)
        await call.added()
        viewers = await joining_viewers(call)
        call.background(source)
        await call.bob.call("stop", streamID="cam")
        later = len(source.sent)
        for viewer in viewers:
            await viewer.end()
            assert all(number < later for number in viewer.numbers)
        state = await call.bob.event("playerState", lambda params: params["state"] == "NO_PLAY")
        assert state["params"]["code"] == 0
        assert len(call.gateway.streams) == 1


async def test_stop_of_one_medium_keeps_the_other(new_call: NewCall, clip: Clip) -> None:
    async with new_call() as call:
        source = await call.source(clip)
        await source.run(0.3)
        viewers = await joining_viewers(call)
        await source.run(0.3)
        for viewer in viewers:
            await until(lambda viewer=viewer: viewer.numbers[-1:] == source.sent[-1:], "the newest picture")  # type: ignore[misc]
        await call.bob.call("stop", streamID="cam", media=["video"])
        before = [(len(viewer.numbers), len(viewer.sounds)) for viewer in viewers]
        await source.run(1.2)
        await source.client.close()
        await all_end(viewers)
        for viewer, (pictures, sounds) in zip(viewers, before, strict=True):
            assert len(viewer.numbers) == pictures
            assert len(viewer.sounds) > sounds + 40


# Beginning and end -------------------------------------------------------------------------------------------------------


async def test_nobody_hears_of_a_stream_before_its_media(new_call: NewCall, clip: Clip) -> None:
    """Not when its address is issued, not when it is connected to, not by metadata; and it cannot be played yet."""
    async with new_call() as call:
        url = await call.address()
        await asyncio.sleep(NOTHING_HAPPENS)
        client = await RtmpClient.connect(HOST, call.gateway.rtmp.port)
        await client.publish(name_of(url))
        client.send_metadata({"width": 320.0, "height": 240.0, "videocodecid": 7.0})
        await client.flush()
        await asyncio.sleep(NOTHING_HAPPENS)
        assert not call.bob.heard("streams")
        assert [event["params"]["state"] for event in call.alice.heard("publisherState")] == ["PUBLISH_REQUESTING"]
        source = Source(client, clip)
        call.sources.append(source)
        await source.run(0.2)
        await call.added()
        await call.alice.event("publisherState", lambda params: params["state"] == "PUBLISHING")


@pytest.mark.alone
async def test_unpublish_is_heard_within_a_second_and_ends_every_connection(new_call: NewCall, clip: Clip) -> None:
    async with new_call() as call:
        source = await call.source(clip)
        await source.run(0.3)
        await call.added()
        viewers = await joining_viewers(call)
        call.background(source)
        asked = time.monotonic()
        await call.alice.call("unpublish", streamID="cam")
        gone = await call.bob.event("streams", lambda params: params["type"] == "DELETE")
        assert gone["at"] - asked < 1
        assert gone["params"]["streams"][0]["streamID"] == "cam"
        assert gone["params"]["reason"] == {"code": 1, "name": "stopped"}
        await all_end(viewers)
        assert all(viewer.ended_at is not None and viewer.ended_at - asked < 1 for viewer in viewers)
        await source.client.wait_closed()
        assert "NetStream.Publish.Denied" in source.client.status
        assert not call.gateway.snapshot().publishers["rtmp"]
