"""Threads that encode pictures again: on the loop nothing waits for them, and they end when nobody wants them."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator

import pytest

from adapters.media.recall import UNIT_BYTES
from adapters.media.transcoders import GOPS, TranscoderPool
from adapters.media.units import AudioConfig, Codec, VideoConfig, VideoUnit
from gateway.errors import MEDIA_MALFORMED, TRANSCODES_EXHAUSTED, GatewayError
from tests.support.media_client import until
from tests.support.pictures import coded, seen, times_and_numbers

VP8, PICTURES = coded(Codec.VP8, 50)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("transcode-")]


class Viewer:
    """What a transcode calls, and where that happened."""

    def __init__(self) -> None:
        self.configs: list[VideoConfig] = []
        self.pictures: list[VideoUnit] = []
        self.errors: list[GatewayError] = []
        self.called_in: set[threading.Thread] = set()

    def emit(self, unit: VideoConfig | VideoUnit) -> None:
        self.called_in.add(threading.current_thread())
        if isinstance(unit, VideoConfig):
            self.configs.append(unit)
        else:
            self.pictures.append(unit)

    def failed(self, error: GatewayError) -> None:
        self.called_in.add(threading.current_thread())
        self.errors.append(error)


@pytest.fixture
async def pool() -> AsyncIterator[TranscoderPool]:
    pool = TranscoderPool(2)
    yield pool
    pool.close()
    assert not threads()


async def test_pictures_come_out_on_the_event_loop(pool: TranscoderPool) -> None:
    viewer = Viewer()
    transcode = pool.video(VP8, Codec.H264, viewer.emit, viewer.failed)
    for number, unit in enumerate(PICTURES, 1):
        transcode.feed(unit)
        await until(lambda number=number: len(viewer.pictures) == number)
    assert seen(viewer.configs[0], viewer.pictures) == times_and_numbers(PICTURES)
    assert viewer.called_in == {threading.main_thread()}
    assert (pool.running, pool.started, pool.pictures, pool.left_out) == (1, 1, 50, 0)
    assert len(threads()) == 1


async def test_a_joiner_is_shown_the_edge_of_what_waited(pool: TranscoderPool) -> None:
    """Of a whole GOP at once, only the end comes out; all of it was decoded."""
    viewer = Viewer()
    config, gop = coded(Codec.H264, 200, b_frames=2, every=250)
    transcode = pool.video(config, Codec.H264_LOW_DELAY, viewer.emit, viewer.failed)
    for unit in gop:
        transcode.feed(unit)
    await until(lambda: bool(viewer.pictures) and viewer.pictures[-1].timestamp == seen(config, gop)[-2][0])
    assert viewer.pictures[0].keyframe
    assert len(viewer.pictures) + pool.left_out == 199
    assert pool.left_out > 100
    assert set(seen(viewer.configs[0], viewer.pictures)) <= set(seen(config, gop))


async def test_a_joiners_pictures_find_room_however_many_there_are() -> None:
    """As many as a GOP can have that is kept, and small: not one is missing for those that come after them."""
    config, gop = coded(Codec.VP8, 700, every=1000)
    kept = sum(UNIT_BYTES + len(unit.payload) for unit in gop)
    pool, viewer = TranscoderPool(1, kept), Viewer()
    transcode = pool.video(config, Codec.H264, viewer.emit, viewer.failed)
    for unit in gop:
        transcode.feed(unit)
    await until(lambda: bool(viewer.pictures) and viewer.pictures[-1].timestamp == gop[-1].timestamp)
    pool.close()


async def test_a_keyframe_comes_when_it_is_wanted(pool: TranscoderPool) -> None:
    viewer = Viewer()
    transcode = pool.video(VP8, Codec.H264, viewer.emit, viewer.failed)
    transcode.feed(PICTURES[0])
    await until(lambda: bool(viewer.pictures))
    transcode.want_keyframe()
    transcode.feed(PICTURES[20])
    await until(lambda: len(viewer.pictures) == 2)
    assert viewer.pictures[1].keyframe


async def test_what_has_no_room_is_left_out_up_to_the_next_keyframe() -> None:
    pool, viewer = TranscoderPool(1, 100 * UNIT_BYTES), Viewer()
    config, units = coded(Codec.VP8, 30, size=(640, 480), every=1000)
    transcode = pool.video(config, Codec.H264, viewer.emit, viewer.failed)
    flood = [unit.at(unit.timestamp + 10_000 * turn) for turn in range(100) for unit in units[1:]]
    for unit in (units[0], *flood):
        transcode.feed(unit)
    assert pool.left_out >= len(flood) - 2 * 100 * GOPS
    fresh = [unit.at(unit.timestamp + 10_000_000) for unit in units]
    for unit in fresh[:5]:
        transcode.feed(unit)
    await until(lambda: bool(viewer.pictures) and viewer.pictures[-1].timestamp == fresh[4].timestamp)
    assert seen(viewer.configs[0], [unit for unit in viewer.pictures if unit.timestamp >= 10_000_000])
    pool.close()


async def test_there_are_as_many_as_may_be(pool: TranscoderPool) -> None:
    viewer = Viewer()
    first = pool.video(VP8, Codec.H264, viewer.emit, viewer.failed)
    pool.video(VP8, Codec.H264, viewer.emit, viewer.failed)
    with pytest.raises(GatewayError) as refusal:
        pool.video(VP8, Codec.H264, viewer.emit, viewer.failed)
    assert refusal.value.fault is TRANSCODES_EXHAUSTED
    assert (pool.running, pool.refused) == (2, 1)
    first.close()
    pool.video(VP8, Codec.H264, viewer.emit, viewer.failed)
    assert (pool.running, pool.started) == (2, 3)


async def test_nothing_comes_out_after_the_end(pool: TranscoderPool) -> None:
    viewer = Viewer()
    transcode = pool.video(VP8, Codec.H264, viewer.emit, viewer.failed)
    for unit in PICTURES:
        transcode.feed(unit)
    transcode.close()
    transcode.close()
    transcode.feed(PICTURES[0])
    transcode.want_keyframe()
    await until(lambda: not threads())
    assert (viewer.configs, viewer.pictures, viewer.errors) == ([], [], [])
    assert pool.running == 0


@pytest.mark.parametrize(
    ("config", "payload"),
    [(VideoConfig(0, b"\x01"), PICTURES[0].payload), (VP8, b"\xff" * 30)],
    ids=["configuration", "pictures"],
)
async def test_a_source_that_cannot_be_decoded_ends_it(pool: TranscoderPool, config: VideoConfig, payload: bytes) -> None:
    viewer = Viewer()
    transcode = pool.video(config, Codec.H264, viewer.emit, viewer.failed)
    for time in range(5):
        transcode.feed(VideoUnit(time, payload, True, codec=config.codec))
    await until(lambda: bool(viewer.errors))
    assert [error.fault for error in viewer.errors] == [MEDIA_MALFORMED]
    assert viewer.called_in == {threading.main_thread()}
    assert (pool.running, pool.failed) == (0, 1)


async def test_the_pool_ends_its_threads_and_starts_no_more() -> None:
    pool, viewer = TranscoderPool(2), Viewer()
    for _ in range(2):
        transcode = pool.video(VP8, Codec.VP8, viewer.emit, viewer.failed)
        for unit in PICTURES:
            transcode.feed(unit)
    pool.close()
    assert not threads()
    with pytest.raises(GatewayError):
        pool.video(VP8, Codec.H264, viewer.emit, viewer.failed)


async def test_sound_needs_no_thread(pool: TranscoderPool) -> None:
    transcoder = pool.audio(AudioConfig(0, bytes.fromhex("1190")), Codec.OPUS)
    assert transcoder.config.codec is Codec.OPUS
    assert not threads()
