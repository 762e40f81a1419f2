"""Writing to many: how few writes, in which portions, and that the bytes are shared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.flv.tags import tag_bytes
from adapters.media.fanout import STAGGER
from adapters.media.stream import LiveStream
from adapters.media.turns import Turns
from adapters.media.units import AudioConfig, PlayMode, Unit, VideoConfig
from gateway.config import MediaSettings
from tests.support.streams import AUDIO_CONFIG, VIDEO_CONFIG, HandMovedLoop, RecordingViewer, audio, picture

WINDOW = 0.025
BATCHED = replace(MediaSettings(), rtc_batch=WINDOW, live_batch=0.1, batch_from_viewers=8, cohort_viewers=10)


def stage(
    viewers: int, settings: MediaSettings = BATCHED, mode: PlayMode = PlayMode.RTC
) -> tuple[HandMovedLoop, LiveStream, list[RecordingViewer]]:
    """A stream with a keyframe behind it and viewers that have got it."""
    loop = HandMovedLoop()
    stream = LiveStream(settings, loop.clock, loop.call_later)
    stream.write(VideoConfig(0, VIDEO_CONFIG))
    stream.write(AudioConfig(0, AUDIO_CONFIG))
    stream.write(picture(0, 0, key=True))
    audience = [RecordingViewer(mode) for _ in range(viewers)]
    for viewer in audience:
        stream.attach(viewer)
    loop.advance(1)
    for viewer in audience:
        viewer.forget()
    return loop, stream, audience


def test_few_viewers_get_every_unit_at_once() -> None:
    loop, stream, audience = stage(7)
    stream.write(audio(1, 20))
    loop.settle()
    assert [viewer.story for viewer in audience] == [["A1@20"]] * 7


def test_units_of_one_read_are_one_write_even_then() -> None:
    loop, stream, (viewer,) = stage(1)
    stream.write(audio(1, 20))
    stream.write(picture(1, 20))
    loop.settle()
    assert len(viewer.writes) == 1
    assert viewer.story == ["A1@20", "V1@20"]


@pytest.mark.parametrize(("mode", "window"), [(PlayMode.RTC, WINDOW), (PlayMode.LIVE, 0.1)])
def test_many_viewers_get_units_gathered_over_the_window(mode: PlayMode, window: float) -> None:
    loop, stream, audience = stage(10, mode=mode)
    stream.write(audio(1, 20))
    loop.advance(window * 0.9)
    assert all(viewer.writes == [] for viewer in audience)
    stream.write(audio(2, 41))
    loop.advance(window * (0.11 + STAGGER))
    assert all(len(viewer.writes) == 1 and viewer.story == ["A1@20", "A2@41"] for viewer in audience)


def test_a_window_of_zero_writes_at_once() -> None:
    loop, stream, audience = stage(20, replace(BATCHED, rtc_batch=0))
    stream.write(audio(1, 20))
    loop.settle()
    assert all(viewer.story == ["A1@20"] for viewer in audience)


def test_one_cohort_per_turn() -> None:
    loop, stream, audience = stage(50, replace(BATCHED, rtc_batch=0))
    stream.write(audio(1, 20))
    portions = []
    served = 0
    while loop.step():
        now = sum(bool(viewer.writes) for viewer in audience)
        portions.append(now - served)
        served = now
    assert portions == [10] * 5


def test_turns_are_shared_between_streams() -> None:
    loop = HandMovedLoop()
    turns = Turns(loop.call_later, 10)
    audience = [RecordingViewer() for _ in range(20)]
    for first in (0, 10):
        stream = LiveStream(replace(BATCHED, rtc_batch=0), loop.clock, loop.call_later, turns)
        stream.write(AudioConfig(0, AUDIO_CONFIG))
        for viewer in audience[first : first + 10]:
            stream.attach(viewer)
            viewer.forget()
        stream.write(audio(1, 20))
    loop.step()
    assert sum(bool(viewer.writes) for viewer in audience) == 10
    loop.settle()
    assert sum(bool(viewer.writes) for viewer in audience) == 20


def test_cohorts_fall_due_apart() -> None:
    loop, stream, audience = stage(50)
    stream.write(audio(1, 20))
    loop.advance(WINDOW * 0.99)
    served, moments = 0, 0
    for _ in range(40):
        loop.advance(WINDOW * STAGGER / 10)
        now = sum(bool(viewer.writes) for viewer in audience)
        moments += now > served
        served = now
    assert served == 50
    assert moments == 5


def test_bytes_are_made_once_and_shared() -> None:
    made: list[Unit] = []

    def wire(unit: Unit) -> bytes:
        made.append(unit)
        return tag_bytes(unit)

    loop = HandMovedLoop()
    stream = LiveStream(BATCHED, loop.clock, loop.call_later)
    stream.write(AudioConfig(0, AUDIO_CONFIG))
    audience = [RecordingViewer(wire=wire) for _ in range(30)]
    for viewer in audience:
        stream.attach(viewer)
    made.clear()
    stream.write(audio(1, 20))
    stream.write(audio(2, 41))
    loop.advance(0.1)
    assert len(made) == 2
    assert len({id(viewer.writes[-1]) for viewer in audience}) == 1


def test_joiners_between_two_units_share_their_opening() -> None:
    loop, stream, _ = stage(0)
    first, second = RecordingViewer(), RecordingViewer()
    stream.attach(first)
    stream.attach(second)
    assert first.writes[0] is second.writes[0]
    loop.settle()


def test_joiner_in_the_middle_of_a_window_gets_nothing_twice() -> None:
    loop, stream, audience = stage(10)
    stream.write(audio(1, 20))
    stream.write(picture(1, 20))
    loop.advance(0.01)
    joiner = RecordingViewer()
    stream.attach(joiner)
    stream.write(audio(2, 41))
    loop.advance(0.1)
    assert joiner.story[2:] == ["K0@19", "V1@20", "A2@41"]
    assert audience[0].story == ["A1@20", "V1@20", "A2@41"]


def test_small_cohorts_grow_together() -> None:
    loop, stream, audience = stage(0)
    for number in range(40):
        viewer = RecordingViewer()
        stream.write(audio(number + 1, 21 * number))
        stream.attach(viewer)
        audience.append(viewer)
        loop.advance(0.001)
    loop.advance(0.1)
    stream.write(audio(99, 2000))
    turns_before = loop.turns
    loop.advance(0.1)
    assert loop.turns - turns_before <= 2 * 5  # a timer and a turn for each of four or five cohorts
    assert all(viewer.story[-1].startswith("A99@") for viewer in audience)


def test_leaving_leaves_nothing_behind() -> None:
    loop, stream, audience = stage(30)
    stream.write(audio(1, 20))
    for viewer in audience:
        stream.detach(viewer)
    assert loop.pending == 0
    stream.write(audio(2, 41))
    assert loop.pending == 0
    assert all(viewer.writes == [] for viewer in audience)


def test_all_but_one_leave_with_units_waiting() -> None:
    loop, stream, audience = stage(30)
    stream.write(audio(1, 20))
    for viewer in audience[:-1]:
        stream.detach(viewer)
    stream.write(audio(2, 41))
    loop.advance(0.1)
    assert audience[-1].story == ["A1@20", "A2@41"]


def test_every_write_counts_for_its_transport() -> None:
    loop, stream, audience = stage(10)
    over_rtmp = RecordingViewer(transport="rtmp")
    stream.attach(over_rtmp)
    before = stream.stats.transports["flv"].bytes_out
    stream.write(audio(1, 20))
    loop.advance(0.1)
    assert stream.stats.transports["flv"].bytes_out - before == sum(len(data) for viewer in audience for data in viewer.writes)
    assert stream.stats.transports["rtmp"].viewers == 1
