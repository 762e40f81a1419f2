"""The live stream: what joiners get, what viewers keep getting, what is told of its media."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.media.fanout import STAGGER
from adapters.media.stream import REST_BYTES, LiveStream
from adapters.media.units import AudioConfig, Medium, Metadata, PlayMode, VideoConfig, VideoUnit
from gateway.config import MediaSettings
from gateway.errors import SHUTTING_DOWN, VIEWER_TOO_SLOW, GatewayError
from gateway.quality.readings import IngestReading, PathReading
from tests.support.streams import (
    AUDIO_CONFIG,
    OTHER_AUDIO_CONFIG,
    OTHER_VIDEO_CONFIG,
    VIDEO_CONFIG,
    HandMovedLoop,
    RecordingViewer,
    audio,
    picture,
)

A, V = frozenset({Medium.AUDIO}), frozenset({Medium.VIDEO})
UNBATCHED = replace(MediaSettings(), rtc_batch=0, live_batch=0)


class Stage:
    """A stream, its loop, and a publisher whose units number themselves; one call of `play` is 40 ms."""

    def __init__(self, settings: MediaSettings = UNBATCHED, *, start: int = 5000) -> None:
        self.loop = HandMovedLoop()
        self.stream = LiveStream(settings, self.loop.clock, self.loop.call_later)
        self.told: list[frozenset[Medium]] = []
        self.stream.on_media = self.told.append
        self.raw = start
        self.number = 0
        self.stream.open()

    def headers(self, video: bytes = VIDEO_CONFIG, sound: bytes = AUDIO_CONFIG) -> None:
        if video:
            self.stream.write(VideoConfig(0, video))
        if sound:
            self.stream.write(AudioConfig(0, sound))

    def play(self, what: str) -> None:
        """Letters: K keyframe, V picture, A sound, . nothing; each takes 40 ms."""
        for letter in what:
            self.number += 1
            if letter == "A":
                self.stream.write(audio(self.number, self.raw))
            elif letter in "KV":
                self.stream.write(picture(self.number, self.raw, key=letter == "K"))
            self.loop.advance(0.04)
            self.raw += 40

    def join(self, mode: PlayMode = PlayMode.RTC, media: frozenset[Medium] = A | V) -> RecordingViewer:
        viewer = RecordingViewer(mode, media)
        self.stream.attach(viewer)
        return viewer


def test_viewer_before_any_media_gets_everything_from_the_first_keyframe_on() -> None:
    stage = Stage()
    viewer = stage.join()
    assert viewer.writes == []
    stage.stream.write(Metadata(0, b"", {"a": 1.0}))
    stage.headers()
    stage.play("KAVA")
    assert viewer.story == ["m@0", "a@0", "v@0", "K1@0", "A2@40", "V3@80", "A4@120"]


def test_sound_flows_before_the_first_picture() -> None:
    stage = Stage()
    viewer = stage.join()
    stage.headers()
    stage.play("AAVKV")
    assert viewer.story == ["a@0", "A1@0", "A2@40", "v@120", "K4@120", "V5@160"]
    assert stage.stream.stats.units_dropped == 1


def test_frames_before_any_header_are_dropped_and_counted() -> None:
    stage = Stage()
    viewer = stage.join()
    stage.play("KVA")
    assert viewer.writes == []
    assert (stage.stream.stats.units_in, stage.stream.stats.units_dropped) == (3, 3)
    assert stage.told == []


def test_rtc_joiner_is_at_the_live_edge_and_hears_from_now_on() -> None:
    stage = Stage()
    stage.headers()
    stage.play("KAVAVA")
    viewer = stage.join()
    assert viewer.story == ["v@158", "a@158", "K1@158", "V3@159", "V5@160"]
    stage.play("VA")
    assert viewer.story[5:] == ["V7@240", "A8@280"]


def test_live_joiner_gets_the_group_as_it_was() -> None:
    stage = Stage()
    stage.headers()
    stage.play("KVAKAV")
    viewer = stage.join(PlayMode.LIVE)
    stage.play("A")
    assert viewer.story == ["v@120", "a@120", "K4@120", "A5@160", "V6@200", "A7@240"]


def test_viewers_of_one_medium() -> None:
    stage = Stage()
    stage.headers()
    stage.play("KA")
    hears, sees, neither = stage.join(media=A), stage.join(media=V), stage.join(media=frozenset())
    stage.play("VA")
    assert hears.story == ["a@40", "A4@120"]
    assert sees.story == ["v@0", "K1@0", "V3@80"]
    assert neither.story == []


def test_sound_only_stream() -> None:
    stage = Stage()
    stage.headers(video=b"")
    stage.play("AA")
    viewer = stage.join()
    stage.play("AA")
    assert viewer.story == ["a@40", "A3@80", "A4@120"]
    assert stage.told == [A]


def test_video_only_and_late_sound() -> None:
    stage = Stage()
    stage.headers(sound=b"")
    viewer = stage.join()
    stage.play("KV")
    stage.stream.write(AudioConfig(0, AUDIO_CONFIG))
    stage.play("AV")
    assert viewer.story == ["v@0", "K1@0", "V2@40", "a@40", "A3@80", "V4@120"]
    assert stage.told == [V, A | V]


def test_late_video_reaches_a_viewer_that_was_there_before() -> None:
    stage = Stage()
    stage.headers(video=b"")
    viewer = stage.join()
    stage.play("AA")
    stage.stream.write(VideoConfig(0, VIDEO_CONFIG))
    stage.play("KA")
    assert viewer.story == ["a@0", "A1@0", "A2@40", "v@80", "K3@80", "A4@120"]


def test_group_too_large_makes_joiners_wait_for_the_next_keyframe_but_not_for_sound() -> None:
    stage = Stage(replace(UNBATCHED, gop_seconds=0.1))
    stage.headers()
    stage.play("KVVVV")
    viewer = stage.join()
    assert viewer.story == ["v@160", "a@160"]
    stage.play("VAKV")
    assert viewer.story[2:] == ["A7@240", "K8@280", "V9@320"]


def test_changed_header_reaches_everyone_once_and_before_the_next_frame() -> None:
    stage = Stage()
    stage.headers()
    stage.play("KA")
    viewer, hears = stage.join(), stage.join(media=A)
    viewer.forget()
    hears.forget()
    stage.headers()
    stage.headers(OTHER_VIDEO_CONFIG, OTHER_AUDIO_CONFIG)
    stage.headers(OTHER_VIDEO_CONFIG, OTHER_AUDIO_CONFIG)
    stage.play("VKA")
    assert viewer.story == ["v'@40", "a'@40", "K4@120", "A5@160"]
    assert hears.story == ["a'@40", "A5@160"]


def test_viewer_waiting_for_video_gets_the_header_that_changed_meanwhile() -> None:
    stage = Stage(replace(UNBATCHED, gop_seconds=0.01))
    stage.headers()
    stage.play("KV")
    viewer = stage.join()
    stage.headers(OTHER_VIDEO_CONFIG)
    stage.play("K")
    assert viewer.story == ["v@40", "a@40", "v'@80", "K3@80"]


def test_joining_twice_and_leaving_twice() -> None:
    stage = Stage()
    stage.headers()
    stage.play("K")
    viewer = stage.join()
    stage.stream.attach(viewer)
    stage.play("V")
    assert viewer.story == ["v@0", "a@0", "K1@0", "V2@40"]
    stage.stream.detach(viewer)
    stage.stream.detach(viewer)
    stage.play("VKA")
    assert len(viewer.story) == 4
    assert stage.stream.viewers == 0
    assert stage.stream.stats.transports["flv"].viewers == 0
    assert viewer.endings == []


def test_lost_publisher_comes_back_with_another_clock() -> None:
    stage = Stage()
    stage.headers()
    stage.play("KAV")
    viewer = stage.join()
    viewer.forget()
    stage.stream.interrupt()
    stage.loop.advance(10)
    joined_meanwhile = stage.join()
    assert joined_meanwhile.story == ["v@79", "a@79", "K1@79", "V3@80"]
    stage.stream.open()
    stage.raw = 77
    stage.headers()
    stage.play("VKAV")
    assert viewer.story == ["K5@10160", "A6@10200", "V7@10240"]
    assert joined_meanwhile.story[4:] == viewer.story
    assert stage.told == [V, A | V, A | V], "once more, because they arrive again"
    assert viewer.endings == []


def test_camera_off_and_on_again() -> None:
    stage = Stage()
    stage.headers()
    stage.play("KAVA")
    viewer = stage.join()
    stage.play("A" * 80)
    assert stage.told[-1] == A
    joined_meanwhile = stage.join()
    assert joined_meanwhile.story == ["v@3320", "a@3320"]
    viewer.forget()
    joined_meanwhile.forget()
    stage.play("AKVA")
    assert stage.told[-1] == A | V
    assert viewer.story == joined_meanwhile.story == ["A85@3360", "K86@3400", "V87@3440", "A88@3480"]


def test_standstill_of_the_whole_stream_says_nothing_about_its_media() -> None:
    stage = Stage()
    stage.headers()
    stage.play("KAV")
    stage.play("." * 200)
    stage.play("AVAV")
    assert stage.told == [V, A | V]


def test_end_gives_what_waits_and_tells_everyone_once() -> None:
    stage = Stage(replace(MediaSettings(), batch_from_viewers=1))
    stage.headers()
    viewer = stage.join()
    stage.stream.write(picture(1, 0, key=True))
    error = GatewayError(SHUTTING_DOWN)
    stage.stream.end(error)
    stage.stream.end(None)
    assert viewer.story[-1] == "K1@0"
    assert viewer.endings == [error]
    stage.play("KA")
    stage.loop.advance(1)
    assert viewer.late_writes == 0
    assert stage.loop.pending == 0
    late = stage.join()
    assert late.endings == [None]


def test_statistics() -> None:
    stage = Stage()
    stage.headers()
    stage.play("KA")
    viewer = stage.join()
    stage.play("VA")
    stats = stage.stream.stats
    assert (stats.units_in, stats.bytes_in, stats.units_dropped) == (4, 16, 0)
    assert stats.transports["flv"].viewers == stage.stream.viewers == 1
    assert stats.transports["flv"].bytes_out == sum(map(len, viewer.writes))


# Falling behind -------------------------------------------------------------------------------------------------------


def test_viewer_that_falls_behind_goes_on_at_a_keyframe() -> None:
    stage = Stage()
    stage.headers()
    stage.play("KA")
    viewer, other = stage.join(), stage.join()
    viewer.forget()
    other.forget()
    viewer.waiting_bytes = UNBATCHED.viewer_backlog_bytes + 1
    stage.play("VA")
    viewer.waiting_bytes = UNBATCHED.viewer_backlog_bytes // 2 + 1
    stage.play("K")
    viewer.waiting_bytes = 0
    stage.play("AVKVA")
    assert viewer.story == ["K8@280", "V9@320", "A10@360"]
    assert other.story == [f"{kind}{n}@{40 * (n - 1)}" for n, kind in enumerate("VAKAVKVA", 3)]
    assert stage.stream.stats.transports["flv"].skips == 1


def test_headers_that_changed_while_behind_come_first() -> None:
    stage = Stage()
    stage.headers()
    stage.play("KA")
    viewer = stage.join()
    viewer.forget()
    viewer.waiting_bytes = UNBATCHED.viewer_backlog_bytes + 1
    stage.play("V")
    stage.stream.write(Metadata(0, b"", {"b": 2.0}))
    stage.headers(OTHER_VIDEO_CONFIG, OTHER_AUDIO_CONFIG)
    stage.play("K")
    viewer.waiting_bytes = 0
    stage.play("K")
    assert viewer.story == ["m@0", "v'@160", "a'@160", "K5@160"]


def test_header_lost_in_the_very_write_that_was_too_much() -> None:
    stage = Stage(replace(MediaSettings(), batch_from_viewers=1, rtc_batch=0.025))
    stage.headers()
    stage.play("KA")
    viewer = stage.join()
    viewer.forget()
    viewer.waiting_bytes = UNBATCHED.viewer_backlog_bytes + 1
    stage.headers(OTHER_VIDEO_CONFIG)
    stage.play("K")
    viewer.waiting_bytes = 0
    stage.play("K.")
    assert viewer.story == ["v'@120", "K4@120"]


def test_sound_goes_on_as_soon_as_there_is_room() -> None:
    stage = Stage()
    stage.headers()
    stage.play("KA")
    viewer = stage.join(media=A)
    viewer.forget()
    viewer.waiting_bytes = UNBATCHED.viewer_backlog_bytes + 1
    stage.play("AAV")
    viewer.waiting_bytes = 0
    stage.play("VAA")
    assert viewer.story == ["A7@240", "A8@280"]


def test_behind_while_the_camera_is_off() -> None:
    stage = Stage()
    stage.headers()
    stage.play("KA")
    viewer = stage.join()
    stage.play("A" * 90)
    viewer.forget()
    viewer.waiting_bytes = UNBATCHED.viewer_backlog_bytes + 1
    stage.play("A")
    viewer.waiting_bytes = 0
    stage.play("AAVKV")
    assert viewer.story == ["A95@3760", "K97@3840", "V98@3880"]


def test_behind_while_waiting_for_a_keyframe() -> None:
    stage = Stage(replace(UNBATCHED, gop_seconds=0.01))
    stage.headers()
    stage.play("KV")
    viewer = stage.join()
    viewer.forget()
    viewer.waiting_bytes = UNBATCHED.viewer_backlog_bytes + 1
    stage.play("AK")
    viewer.waiting_bytes = 0
    stage.play("KA")
    assert viewer.story == ["K5@160", "A6@200"]


def test_viewer_that_stays_behind_is_dropped() -> None:
    stage = Stage()
    stage.headers()
    stage.play("KA")
    viewer, other = stage.join(), stage.join()
    viewer.waiting_bytes = 2 * UNBATCHED.viewer_backlog_bytes
    stage.play("VA" * 130)
    assert [error.fault for error in viewer.endings if error] == [VIEWER_TOO_SLOW]
    assert stage.stream.viewers == 1
    assert stage.stream.stats.transports["flv"].dropped == 1
    assert other.endings == []
    assert len(other.story) == 2 + 1 + 260


def test_drained_viewer_is_not_dropped_for_want_of_a_keyframe() -> None:
    stage = Stage()
    stage.headers()
    stage.play("KA")
    viewer = stage.join()
    viewer.waiting_bytes = 2 * UNBATCHED.viewer_backlog_bytes
    stage.play("V")
    viewer.waiting_bytes = 0
    stage.play("VA" * 200)
    assert viewer.endings == []
    viewer.forget()
    stage.play("K")
    assert viewer.story == ["K404@16120"]


def test_viewer_that_joins_anew_without_reading_is_given_nothing_more() -> None:
    stage = Stage()
    stage.headers()
    stage.play("KA")
    viewer = stage.join()
    viewer.waiting_bytes = 2 * UNBATCHED.viewer_backlog_bytes
    viewer.forget()
    for _ in range(3):
        stage.stream.detach(viewer)
        stage.stream.attach(viewer)
        stage.play("VA")
    assert viewer.writes == []
    viewer.waiting_bytes = 0
    stage.play("AKV")
    assert viewer.story == ["v@360", "a@360", "K10@360", "V11@400"]
    stage.stream.detach(viewer)
    assert stage.stream.stats.transports["flv"].viewers == 0


def test_full_viewer_that_waits_for_a_keyframe_gets_its_header_first() -> None:
    stage = Stage(replace(UNBATCHED, gop_seconds=0.1))
    stage.headers()
    stage.play("KVVVV")
    viewer = RecordingViewer()
    viewer.waiting_bytes = 2 * UNBATCHED.viewer_backlog_bytes
    stage.stream.attach(viewer)
    stage.play("A")
    viewer.waiting_bytes = 0
    stage.play("AAKV")
    assert viewer.story == ["a@240", "A7@240", "A8@280", "v@320", "K9@320", "V10@360"]



# Lagging --------------------------------------------------------------------------------------------------------------


def lagging(settings: MediaSettings = UNBATCHED, *, seconds: int = 0) -> tuple[Stage, RecordingViewer]:
    """A viewer whose kernel holds much. What it should be getting was measured after so many seconds, if any."""
    stage = Stage(settings)
    stage.headers()
    stage.play("KA")
    viewer = stage.join()
    if seconds:
        for _ in range(25 * seconds):
            stage.stream.write(VideoUnit(stage.raw, bytes(5_000)))
            stage.play(".")
        measured(stage.stream)
    viewer.forget()
    viewer.held_bytes = 10 * REST_BYTES
    return stage, viewer


def measured(stream: LiveStream) -> IngestReading:
    return stream.measure("rtmp", connected=True, path=PathReading())


def test_a_lagging_viewer_goes_on_with_a_keyframe_once_all_is_through() -> None:
    stage, viewer = lagging()
    stage.play("V")
    assert stage.stream.catch_up(viewer)
    stage.play("VAK")
    viewer.held_bytes = 1
    stage.play("VK")
    viewer.held_bytes = 0
    stage.play("VAKVA")
    assert viewer.story == ["V3@80", "K11@400", "V12@440", "A13@480"]
    assert not viewer.feeding.behind


def test_who_is_moved_on_because_it_was_asked_for_has_not_skipped() -> None:
    stage, viewer = lagging()
    assert stage.stream.catch_up(viewer)
    assert viewer.feeding.behind
    viewer.held_bytes = 0
    stage.play("VKA")
    assert (viewer.feeding.skips, stage.stream.stats.transports["flv"].skips) == (0, 0)
    viewer.waiting_bytes = LIMIT + 1
    stage.play("VA")
    assert (viewer.feeding.skips, stage.stream.stats.transports["flv"].skips) == (1, 1)


@pytest.mark.parametrize(
    ("round_trip", "seconds", "moved"), [(None, 0.45, False), (None, 0.55, True), (0.3, 1.05, False), (0.3, 1.15, True)]
)
def test_what_is_on_its_way_waits_for_nobody(round_trip: float | None, seconds: float, moved: bool) -> None:
    stage, viewer = lagging(seconds=3)
    viewer.held_bytes = int(stage.stream.wanted(viewer) * seconds / 8)
    assert viewer.held_bytes > REST_BYTES
    path = PathReading(round_trip=round_trip, queued=viewer.held_bytes)
    assert stage.stream.catch_up(viewer, path) is moved
    assert viewer.feeding.behind is moved


def test_next_to_nothing_may_be_left_which_is_a_fifth_of_a_second() -> None:
    stage, viewer = lagging(seconds=3)
    assert stage.stream.wanted(viewer) == pytest.approx(1e6, rel=0.05)
    assert stage.stream.catch_up(viewer)
    viewer.held_bytes = 26_000
    stage.play("K")
    viewer.held_bytes = 24_000
    stage.play("KA")
    assert [name[0] for name in viewer.story] == ["K", "A"]


@pytest.mark.parametrize("held", [0, 24_000])
def test_where_next_to_nothing_waits_nothing_is_left_out(held: int) -> None:
    stage, viewer = lagging(seconds=3)
    viewer.held_bytes = held
    assert not stage.stream.catch_up(viewer)
    stage.play("VA")
    assert len(viewer.story) == 2
    assert viewer.feeding.skips == 0


def test_what_waits_here_counts_like_what_the_kernel_holds() -> None:
    stage, viewer = lagging()
    viewer.held_bytes, viewer.waiting_bytes = 0, 10
    assert stage.stream.catch_up(viewer)


def test_only_one_that_is_there_and_not_behind_can_be_moved() -> None:
    stage, viewer = lagging()
    assert stage.stream.catch_up(viewer)
    assert not stage.stream.catch_up(viewer)
    stage.stream.detach(viewer)
    assert not stage.stream.catch_up(viewer)
    assert not viewer.feeding.behind


def test_units_that_wait_for_their_window_are_left_out_too_but_headers_are_not() -> None:
    stage, viewer = lagging(replace(MediaSettings(), batch_from_viewers=1))
    stage.play(".....")
    viewer.forget()
    stage.stream.write(audio(99, stage.raw))
    stage.headers(OTHER_VIDEO_CONFIG, b"")
    assert stage.stream.catch_up(viewer)
    viewer.held_bytes = 0
    stage.play("K....")
    assert [name.split("@")[0] for name in viewer.story] == ["v'", "K8"]


def test_a_lagging_viewer_hears_on_at_once_where_no_pictures_come() -> None:
    stage = Stage()
    stage.headers(video=b"")
    stage.play("AA")
    viewer = stage.join()
    viewer.forget()
    viewer.held_bytes = 10 * REST_BYTES
    assert stage.stream.catch_up(viewer)
    stage.play("A")
    viewer.held_bytes = 0
    stage.play("AA")
    assert viewer.story == ["A4@120", "A5@160"]


def test_a_lagging_viewer_that_waits_for_pictures_gets_them_when_all_is_through() -> None:
    stage = Stage(replace(UNBATCHED, gop_seconds=0.01))
    stage.headers()
    stage.play("KV")
    viewer = stage.join()
    viewer.forget()
    viewer.held_bytes = 10 * REST_BYTES
    assert stage.stream.catch_up(viewer)
    stage.play("AK")
    viewer.held_bytes = 0
    stage.play("KA")
    assert viewer.story == ["K5@160", "A6@200"]


def test_a_lagging_viewer_may_take_its_time_as_long_as_it_takes_anything() -> None:
    stage, viewer = lagging()
    assert stage.stream.catch_up(viewer)
    for _ in range(4):
        viewer.held_bytes -= 1
        stage.play("VA" * 130)
    assert viewer.endings == []
    stage.play("VA" * 260)
    assert [error.fault for error in viewer.endings if error] == [VIEWER_TOO_SLOW]


# What is measured -----------------------------------------------------------------------------------------------------


def test_a_stream_is_measured_as_its_publisher_stamped_it() -> None:
    stage = Stage(start=4_000_000_000)
    stage.headers()
    stage.play("KAVA" * 25)
    reading = measured(stage.stream)
    assert (reading.protocol, reading.connected, reading.audio, reading.video) == ("rtmp", True, True, True)
    assert (reading.width, reading.height) == (640, 480)
    assert (reading.span, reading.fps, reading.gop) == (pytest.approx(4), pytest.approx(12.5), pytest.approx(0.16))
    assert reading.audio_bitrate == pytest.approx(50 * 4 * 8 / 4)
    assert (reading.jumps, reading.late) == (0, pytest.approx(0, abs=0.01))
    stage.raw += 100_000
    stage.play("VA")
    assert measured(stage.stream).jumps == 1


def test_units_that_nobody_can_decode_have_come_all_the_same() -> None:
    stage = Stage()
    stage.play("AV" * 5)
    reading = measured(stage.stream)
    assert (reading.audio, reading.video, reading.width) == (False, False, 0)
    assert min(reading.audio_bitrate, reading.video_bitrate) > 0


def test_a_viewers_first_picture_is_that_of_its_opening_or_the_next_keyframe() -> None:
    stage = Stage()
    stage.headers()
    stage.play("V")
    early, hearer = stage.join(), stage.join(media=A)
    stage.play("VA")
    assert early.feeding.first_picture_at is None
    at = stage.loop.now
    stage.play("KVK")
    assert early.feeding.first_picture_at == pytest.approx(at)
    assert stage.join().feeding.first_picture_at == pytest.approx(stage.loop.now)
    assert hearer.feeding.first_picture_at is None


def test_what_units_wait_for_their_window_is_counted_as_delay() -> None:
    stage = Stage(replace(MediaSettings(), batch_from_viewers=1, rtc_batch=0.03))
    stage.headers()
    stage.play("K")
    stage.join()
    stage.play("AVA..")
    delay = stage.stream.stats.transports["flv"].delay
    counted = dict(zip((*delay.bounds, None), delay.counts, strict=True))
    assert counted.pop(0.05) == 3
    assert set(counted.values()) == {0}
    assert 3 * 0.03 <= delay.total <= 3 * 0.03 * (1 + STAGGER)


def test_delay_is_measured_even_where_the_loops_clock_stands_still() -> None:
    loop = HandMovedLoop()
    ticks = count()
    stream = LiveStream(UNBATCHED, loop.clock, loop.call_later, stopwatch=lambda: next(ticks) / 100)
    stream.write(AudioConfig(0, AUDIO_CONFIG))
    stream.attach(RecordingViewer())
    stream.write(audio(1, 0))
    loop.settle()
    assert stream.stats.transports["flv"].delay.total == pytest.approx(0.01)


# Changing what one wants ----------------------------------------------------------------------------------------------


def change(stage: Stage, viewer: RecordingViewer, media: frozenset[Medium], mode: PlayMode = PlayMode.RTC) -> None:
    viewer.media, viewer.mode = media, mode
    stage.stream.update(viewer)


def test_video_off_and_on() -> None:
    stage = Stage()
    stage.headers()
    stage.play("KA")
    viewer = stage.join()
    viewer.forget()
    change(stage, viewer, A)
    stage.play("VA")
    change(stage, viewer, A | V)
    change(stage, viewer, A | V)
    stage.play("VAKV")
    assert viewer.story == ["A4@120", "A6@200", "K7@240", "V8@280"]


def test_sound_added() -> None:
    stage = Stage()
    stage.headers()
    stage.play("KA")
    viewer = stage.join(media=V)
    viewer.forget()
    change(stage, viewer, A | V)
    stage.play("VA")
    assert viewer.story == ["a@40", "V3@80", "A4@120"]


def test_change_of_mode_loses_nothing_that_waits() -> None:
    stage = Stage(replace(MediaSettings(), batch_from_viewers=1))
    stage.headers()
    stage.play("K")
    viewer = stage.join()
    viewer.forget()
    stage.stream.write(audio(2, stage.raw))
    change(stage, viewer, A | V, PlayMode.LIVE)
    assert viewer.story == ["A2@40"]
    stage.stream.write(audio(3, stage.raw + 20))
    stage.loop.advance(0.1)
    assert viewer.story == ["A2@40", "A3@60"]


def test_change_while_behind() -> None:
    stage = Stage()
    stage.headers()
    stage.play("KA")
    viewer = stage.join()
    viewer.forget()
    viewer.waiting_bytes = UNBATCHED.viewer_backlog_bytes + 1
    stage.play("V")
    change(stage, viewer, A)
    stage.play("A")
    viewer.waiting_bytes = 0
    stage.play("A")
    assert viewer.story == ["a@160", "A5@160"]


def test_change_of_a_viewer_that_is_not_there() -> None:
    stage = Stage()
    viewer = RecordingViewer()
    stage.stream.update(viewer)
    assert viewer.writes == []


# Whatever happens -----------------------------------------------------------------------------------------------------

LIMIT = UNBATCHED.viewer_backlog_bytes
OPERATIONS = st.lists(
    st.sampled_from(["A", "V", "A", "V", "K", ".", "config", "camera", "reconnect"])
    | st.tuples(st.sampled_from(["join", "leave", "slow", "fast", "change", "lag", "catch up"]), st.integers(0, 5)),
    min_size=12,
    max_size=80,
)


def check(viewer: RecordingViewer) -> None:
    """No frame twice, none missing within what it follows, time never backwards, pictures only after a keyframe."""
    times = {"A": -1, "V": -1}
    seen: set[str] = set()
    last_picture = -1
    for entry in viewer.story:
        name, time = entry.split("@")
        kind = "A" if name[0] in "Aa" else "V"
        if name[0] in "mva":
            continue
        assert name not in seen
        seen.add(name)
        assert int(time) >= times[kind]
        times[kind] = int(time)
        number = int(name[1:])
        if name[0] == "V":
            assert number == last_picture + 1, viewer.story
        if kind == "V":
            last_picture = number
    assert viewer.late_writes == 0


class Chances:
    """A stage on which anything may happen. It knows which viewers followed the sound undisturbed, and since when."""

    def __init__(self, settings: MediaSettings) -> None:
        self.stage = Stage(settings)
        self.stage.headers()
        self.pictures = self.sounds = self.changes = 0
        self.viewers: dict[int, RecordingViewer] = {}
        self.everyone: list[RecordingViewer] = []
        self.steady: dict[RecordingViewer, int] = {}

    def publish(self, operation: str) -> None:
        stage = self.stage
        match operation:
            case "A":
                self.sound(0)
            case "V" | "K":  # the stream drops pictures before the first keyframe: only those it takes are numbered
                before = stage.stream.stats.units_dropped
                stage.stream.write(picture(self.pictures + 1, stage.raw, key=operation == "K"))
                self.pictures += stage.stream.stats.units_dropped == before
            case "config":
                self.changes += 1
                stage.headers(OTHER_VIDEO_CONFIG if self.changes % 2 else VIDEO_CONFIG, b"")
            case "camera":
                for _ in range(40):
                    self.sound(0.1)
            case "reconnect":
                stage.stream.interrupt()
                stage.stream.open()
                stage.raw = 17 * self.changes
        stage.raw += 7
        stage.loop.advance(0.007)

    def sound(self, seconds: float) -> None:
        self.sounds += 1
        self.stage.stream.write(audio(self.sounds, self.stage.raw))
        self.stage.raw += round(seconds * 1000)
        self.stage.loop.advance(seconds)

    def watch(self, operation: str, index: int) -> None:
        viewer = self.viewers.get(index)
        if operation == "join" and viewer is None:
            viewer = self.viewers[index] = self.stage.join(PlayMode.RTC if index % 2 else PlayMode.LIVE)
            self.everyone.append(viewer)
            self.steady[viewer] = self.sounds
        elif operation == "leave" and viewer is not None:
            self.stage.stream.detach(self.viewers.pop(index))
            self.steady.pop(viewer, None)
        elif operation == "slow" and viewer is not None:
            viewer.waiting_bytes = LIMIT + 1
            self.steady.pop(viewer, None)
        elif operation == "fast" and viewer is not None:
            viewer.waiting_bytes = viewer.held_bytes = 0
        elif operation == "lag" and viewer is not None:
            viewer.held_bytes = 2 * REST_BYTES
        elif operation == "catch up" and viewer is not None:
            skips = viewer.feeding.skips
            if self.stage.stream.catch_up(viewer):
                self.steady.pop(viewer, None)
                assert (viewer.feeding.behind, viewer.feeding.skips) == (True, skips)
                assert not self.stage.stream.catch_up(viewer)
        elif operation == "change" and viewer is not None:
            change(self.stage, viewer, A if Medium.VIDEO in viewer.media else A | V, viewer.mode)


@settings(deadline=None, max_examples=200)
@given(OPERATIONS, st.integers(1, 4), st.booleans())
def test_every_viewer_gets_a_decodable_stream(operations: list[str | tuple[str, int]], cohort: int, batched: bool) -> None:
    chances = Chances(replace(MediaSettings(), cohort_viewers=cohort, batch_from_viewers=1 if batched else 1000))
    for operation in operations:
        if isinstance(operation, str):
            chances.publish(operation)
        else:
            chances.watch(*operation)
    chances.stage.loop.advance(1)
    for viewer in chances.everyone:
        check(viewer)
    for viewer, since in chances.steady.items():
        assert not viewer.feeding.behind
        heard = [int(entry[1:].split("@")[0]) for entry in viewer.story if entry[0] == "A"]
        assert [number for number in heard if number > since] == list(range(since + 1, chances.sounds + 1))
    chances.stage.stream.end(None)
    assert chances.stage.stream.viewers == 0
    assert all(len(viewer.endings) <= 1 for viewer in chances.everyone)
