"""Renditions: who takes which codecs, and when something has to be transcoded for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.media.outflow import FRAMING
from adapters.media.stream import LiveStream
from adapters.media.units import AudioConfig, AudioUnit, Codec, Header, Medium, PlayMode, VideoConfig, VideoUnit
from adapters.media.viewer import Feeding, Place
from gateway.config import MediaSettings
from gateway.errors import MEDIA_MALFORMED, OVERLOADED, VIEWER_TOO_SLOW, GatewayError
from gateway.quality.readings import PathReading
from gateway.rooms.model import BOTH_MEDIA
from tests.support.streams import AUDIO_CONFIG, OTHER_AUDIO_CONFIG, VIDEO_CONFIG, HandMovedLoop

H264 = VideoConfig(0, VIDEO_CONFIG)
MAIN = VideoConfig(0, VIDEO_CONFIG.replace(b"\x42\xc0", b"\x4d\x40"))
"""A profile that allows B-frames."""
VP8 = VideoConfig(0, b"", codec=Codec.VP8)
AAC, OTHER_AAC = AudioConfig(0, AUDIO_CONFIG), AudioConfig(0, OTHER_AUDIO_CONFIG)
OPUS = AudioConfig(0, b"", codec=Codec.OPUS)
FLASH, BROWSER, FIREFOX = (Codec.H264,), (Codec.H264_LOW_DELAY, Codec.VP8), (Codec.VP8,)
SLICE = b"\x00\x00\x00\x02\x41\x9a"
"""A slice that others refer to (nal_ref_idc 2)."""
DISPOSABLE = b"\x00\x00\x00\x02\x01\x9a"
"""A slice that none refers to."""


@dataclass
class Manner:
    audio: Codec
    gathered: list[Listeners] = field(default_factory=list)

    def gather(self, place: Place) -> Listeners:
        self.gathered.append(Listeners(place))
        return self.gathered[-1]

    def __hash__(self) -> int:
        return id(self)


class Listeners:
    """An audience that gives everyone everything at once, or lets everyone go for being slow."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.stalled = False
        self.viewers: list[Listener] = []

    def attach(self, viewer: Listener, edge: int) -> None:
        self.viewers.append(viewer)

    def update(self, viewer: Listener, edge: int) -> None: ...

    def detach(self, viewer: Listener) -> None:
        if viewer in self.viewers:
            self.viewers.remove(viewer)

    def catch_up(self, viewer: Listener, rest: int) -> bool:
        return self.stalled

    def write_header(self, unit: Header) -> None:
        for viewer in self.viewers:
            viewer.got.append(unit)

    def write(self, unit: AudioUnit | VideoUnit, *, video: bool, keyframe: bool, video_comes: bool) -> None:
        for viewer in tuple(self.viewers):
            viewer.got.append(unit)
            if self.stalled and not video:
                self.place.drop(viewer, GatewayError(VIEWER_TOO_SLOW))

    def end(self, error: GatewayError | None) -> None:
        for viewer in self.viewers:
            viewer.ended(error)


class Listener:
    transport = "test"
    mode = PlayMode.RTC

    def __init__(self, manner: Manner, accepts: tuple[Codec, ...], media: frozenset[Medium] = BOTH_MEDIA) -> None:
        self.manner = manner
        self.accepts = accepts
        self.media = media
        self.feeding = Feeding()
        self.got: list[object] = []
        self.endings: list[GatewayError | None] = []

    def measure_path(self) -> PathReading:
        return PathReading()

    def begin(self, arriving: frozenset[Medium]) -> None: ...

    def ended(self, error: GatewayError | None) -> None:
        self.endings.append(error)

    @property
    def codecs(self) -> set[Codec]:
        return {unit.codec for unit in self.got if isinstance(unit, AudioUnit | VideoUnit)}


class FakeAudio:
    def __init__(self, source: AudioConfig, target: Codec, growth: int = 1) -> None:
        self.growth = growth
        self.config = AudioConfig(0, b"", codec=target)
        self.source, self.target = source.codec, target
        self.closed = False

    def feed(self, unit: AudioUnit) -> list[AudioUnit]:
        assert unit.codec is self.source
        assert not self.closed
        return [AudioUnit(unit.timestamp, unit.payload * self.growth, codec=self.target)]

    def close(self) -> None:
        assert not self.closed
        self.closed = True


class FakeVideo:
    def __init__(self, source: VideoConfig, target: Codec, emit: Callable[[VideoConfig | VideoUnit], None]) -> None:
        self.source, self.target, self.emit = source.codec, target, emit
        self.closed = False
        self.keyframes_wanted = 0

    def feed(self, unit: VideoUnit) -> None:
        assert unit.codec is self.source
        assert not self.closed
        self.emit(VideoUnit(unit.timestamp, unit.payload, unit.keyframe, codec=self.target))

    def want_keyframe(self) -> None:
        self.keyframes_wanted += 1

    def close(self) -> None:
        assert not self.closed
        self.closed = True


class Transcoders:
    inaudible = False
    growth = 1
    """So many times as much sound comes out as goes in."""

    def __init__(self, videos: int = 9) -> None:
        self.audios: list[FakeAudio] = []
        self.videos: list[FakeVideo] = []
        self.failures: list[Callable[[GatewayError], None]] = []
        self._room = videos

    def audio(self, source: AudioConfig, target: Codec) -> FakeAudio:
        if self.inaudible:
            raise GatewayError(MEDIA_MALFORMED)
        self.audios.append(FakeAudio(source, target, self.growth))
        return self.audios[-1]

    def video(
        self, source: VideoConfig, target: Codec, emit: Callable[[VideoConfig | VideoUnit], None],
        failed: Callable[[GatewayError], None],
    ) -> FakeVideo:  # fmt: skip
        if len(self.running_videos) >= self._room:
            raise GatewayError(OVERLOADED)
        self.videos.append(FakeVideo(source, target, emit))
        self.failures.append(failed)
        return self.videos[-1]

    @property
    def running_audios(self) -> set[Codec]:
        return {transcode.target for transcode in self.audios if not transcode.closed}

    @property
    def running_videos(self) -> set[Codec]:
        return {transcode.target for transcode in self.videos if not transcode.closed}


class Stage:
    """A stream with transcoders that can be watched, and viewers of both manners."""

    def __init__(self, videos: int = 9) -> None:
        loop = HandMovedLoop()
        self.loop = loop
        self.transcoders = Transcoders(videos)
        self.stream = LiveStream(MediaSettings(), loop.clock, loop.call_later, transcoders=self.transcoders)
        self.keyframes_wanted = 0
        self.stream.on_keyframe_wanted = self._want_keyframe
        self.bytes_manner, self.rtp_manner = Manner(Codec.AAC), Manner(Codec.OPUS)
        self.time = 0

    def _want_keyframe(self) -> None:
        self.keyframes_wanted += 1

    def publish(self, video: VideoConfig, audio: AudioConfig) -> None:
        self.video, self.audio = video.codec, audio.codec
        self.stream.open()
        self.stream.write(VideoConfig(self.time, video.payload, codec=video.codec))
        self.stream.write(AudioConfig(self.time, audio.payload, codec=audio.codec))

    def play(self, *, keyframe: bool = False, composition: int = 0, payload: bytes = SLICE) -> None:
        """One picture and one piece of sound."""
        self.time += 40
        self.loop.advance(0.04)
        self.stream.write(VideoUnit(self.time, payload, keyframe, composition, codec=self.video))
        self.stream.write(AudioUnit(self.time, b"sound", codec=self.audio))

    def join(self, accepts: tuple[Codec, ...], media: frozenset[Medium] = BOTH_MEDIA) -> Listener:
        viewer = Listener(self.bytes_manner if accepts is FLASH else self.rtp_manner, accepts, media)
        self.stream.attach(viewer)
        return viewer


def test_video_is_never_transcoded_between_a_live_pusher_and_a_browser() -> None:
    stage = Stage()
    stage.publish(H264, AAC)
    flash, browser = stage.join(FLASH), stage.join(BROWSER)
    stage.play(keyframe=True)
    assert flash.codecs == {Codec.H264, Codec.AAC}
    assert browser.codecs == {Codec.H264, Codec.OPUS}
    assert not stage.transcoders.videos


def test_sound_is_transcoded_once_however_many_take_it_and_only_as_long_as_someone_does() -> None:
    stage = Stage()
    stage.publish(H264, AAC)
    stage.play(keyframe=True)
    assert not stage.transcoders.audios
    viewers = [stage.join(BROWSER), stage.join(FIREFOX), stage.join(BROWSER)]
    assert stage.transcoders.running_audios == {Codec.OPUS}
    assert len(stage.transcoders.audios) == 1
    assert stage.stream.transcoding == 1
    for viewer in viewers:
        stage.stream.detach(viewer)
    assert stage.transcoders.running_audios == set()
    assert stage.stream.transcoding == 0


def test_one_who_wants_no_sound_costs_no_transcoding_of_sound() -> None:
    stage = Stage()
    stage.publish(H264, AAC)
    viewer = stage.join(BROWSER, frozenset({Medium.VIDEO}))
    assert not stage.transcoders.audios
    viewer.media = BOTH_MEDIA
    stage.stream.update(viewer)
    assert stage.transcoders.running_audios == {Codec.OPUS}


def test_a_viewer_that_takes_the_publishers_codec_gets_it_as_it_is() -> None:
    stage = Stage()
    stage.publish(VP8, OPUS)
    browser, firefox = stage.join(BROWSER), stage.join(FIREFOX)
    stage.play(keyframe=True)
    assert browser.codecs == firefox.codecs == {Codec.VP8, Codec.OPUS}
    assert not stage.transcoders.videos
    assert not stage.transcoders.audios


def test_a_player_that_knows_no_vp8_has_it_transcoded_while_it_plays() -> None:
    stage = Stage()
    stage.publish(VP8, OPUS)
    stage.play(keyframe=True)
    flash = stage.join(FLASH)
    stage.play()
    assert flash.codecs == {Codec.H264, Codec.AAC}
    assert stage.keyframes_wanted
    stage.stream.detach(flash)
    assert not stage.transcoders.running_videos
    assert not stage.transcoders.running_audios


def test_what_cannot_be_transcoded_is_refused_and_disturbs_nobody() -> None:
    stage = Stage(videos=0)
    stage.publish(VP8, OPUS)
    browser = stage.join(BROWSER)
    with pytest.raises(GatewayError):
        stage.join(FLASH)
    stage.play(keyframe=True)
    assert browser.codecs == {Codec.VP8, Codec.OPUS}
    assert not browser.endings
    assert stage.stream.viewers == 1
    assert not stage.transcoders.running_audios


def test_one_who_wants_sound_alone_is_served_though_pictures_cannot_be_made() -> None:
    stage = Stage(videos=0)
    stage.publish(VP8, OPUS)
    stage.play(keyframe=True)
    listener = stage.join(FLASH, frozenset({Medium.AUDIO}))
    with pytest.raises(GatewayError):
        stage.join(FLASH)
    stage.play()
    assert not listener.endings
    assert Codec.AAC in listener.codecs


def test_sound_that_cannot_be_decoded_costs_nobody_the_picture() -> None:
    stage = Stage()
    stage.transcoders.inaudible = True
    stage.publish(H264, AAC)
    browser = stage.join(BROWSER)
    stage.play(keyframe=True)
    assert browser.codecs == {Codec.H264}
    stage.transcoders.inaudible = False
    stage.publish(H264, OTHER_AAC)
    stage.play(keyframe=True)
    assert browser.codecs == {Codec.H264, Codec.OPUS}


def test_a_viewer_that_is_let_go_while_sound_is_given_out_stops_nobody_elses() -> None:
    stage = Stage()
    stage.publish(VP8, OPUS)
    flash, browser = stage.join(FLASH), stage.join(BROWSER)
    stage.play(keyframe=True)
    [audience] = stage.bytes_manner.gathered
    audience.stalled = True
    stage.play()
    stage.play()
    assert [error and error.fault for error in flash.endings] == [VIEWER_TOO_SLOW]
    assert not stage.transcoders.running_audios
    assert len([unit for unit in browser.got if isinstance(unit, AudioUnit)]) == 3


def sends(stage: Stage, seconds: int) -> None:
    """Sound of 32 kbit/s in 50 pieces a second, and looks at how it arrives."""
    for _ in range(seconds):
        for _ in range(50):
            stage.time += 20
            stage.stream.write(AudioUnit(stage.time, bytes(80), codec=stage.audio))
            stage.loop.advance(0.02)
        stage.stream.measure("whip", connected=True, path=PathReading())


def test_viewers_should_be_getting_what_is_made_for_them_and_not_what_the_publisher_sends() -> None:
    stage = Stage()
    stage.transcoders.growth = 4
    stage.publish(VP8, OPUS)
    flash, browser = stage.join(FLASH), stage.join(BROWSER)
    assert stage.stream.wanted(flash) == 0
    sends(stage, 3)
    framing = 50 * 8 * FRAMING
    assert stage.stream.wanted(flash) == pytest.approx(128_000 + framing, rel=0.03)
    assert stage.stream.wanted(browser) == pytest.approx(32_000 + framing, rel=0.03)
    stage.stream.detach(flash)
    assert stage.stream.wanted(flash) == 0


def test_what_is_made_anew_after_a_long_time_is_known_after_two_looks() -> None:
    stage = Stage()
    stage.publish(H264, OPUS)
    browser, flash = stage.join(BROWSER), stage.join(FLASH)
    sends(stage, 3)
    before = stage.stream.wanted(flash)
    stage.stream.detach(flash)
    for _ in range(60):
        stage.play(keyframe=True)
        sends(stage, 1)
    flash = stage.join(FLASH, frozenset({Medium.AUDIO}))
    assert stage.stream.wanted(flash) < before / 100
    sends(stage, 2)
    assert stage.stream.wanted(flash) == pytest.approx(before, rel=0.03)
    assert not browser.endings


def test_pictures_that_have_to_be_made_from_now_on_are_known_after_two_looks() -> None:
    stage = Stage()
    stage.publish(H264, OPUS)
    flash = stage.join(FLASH, frozenset({Medium.VIDEO}))
    wanted = []
    for video, size in ((H264, 5_000), (VP8, 500)):
        stage.publish(video, OPUS)
        for number in range(5 * 25):
            stage.play(keyframe=number == 0, payload=SLICE + bytes(size))
            if number % 25 == 24:
                stage.stream.measure("whip", connected=True, path=PathReading())
                wanted.append(stage.stream.wanted(flash))
    assert wanted[4] == pytest.approx(25 * 8 * (5_000 + FRAMING), rel=0.03)
    assert wanted[5] == pytest.approx(wanted[4])
    assert wanted[6:] == pytest.approx([25 * 8 * (500 + FRAMING)] * 4, rel=0.05)


def test_a_transcoders_header_is_stamped_with_the_streams_time() -> None:
    stage = Stage()
    stage.publish(VP8, OPUS)
    flash = stage.join(FLASH, frozenset({Medium.VIDEO}))
    for _ in range(5):
        stage.play(keyframe=True)
    flash.media = BOTH_MEDIA
    stage.stream.update(flash)
    [header] = [unit for unit in flash.got if isinstance(unit, AudioConfig)]
    assert header.timestamp == 160


def test_moving_to_another_codec_begins_nothing_for_nobody() -> None:
    stage = Stage(videos=0)
    stage.publish(VP8, OPUS)
    viewers = [stage.join(BROWSER) for _ in range(3)]
    stage.publish(H264, AAC)
    stage.play(keyframe=True)
    assert all(viewer.codecs == {Codec.H264, Codec.OPUS} for viewer in viewers)
    assert not stage.transcoders.videos


def test_when_a_transcoder_fails_its_viewers_are_told_and_the_others_go_on() -> None:
    stage = Stage()
    stage.publish(VP8, OPUS)
    flash, browser = stage.join(FLASH), stage.join(BROWSER)
    stage.transcoders.failures[0](GatewayError(OVERLOADED))
    assert [error and error.fault for error in flash.endings] == [OVERLOADED]
    assert not browser.endings
    assert stage.stream.viewers == 1
    assert not stage.transcoders.running_videos
    assert not stage.transcoders.running_audios


def test_viewers_move_when_the_publisher_comes_back_with_another_codec() -> None:
    stage = Stage()
    stage.publish(VP8, OPUS)
    browser, flash = stage.join(BROWSER), stage.join(FLASH)
    stage.play(keyframe=True)
    stage.publish(H264, AAC)
    browser.got.clear()
    flash.got.clear()
    stage.play(keyframe=True)
    assert browser.codecs == {Codec.H264, Codec.OPUS}
    assert flash.codecs == {Codec.H264, Codec.AAC}
    assert not stage.transcoders.running_videos
    assert stage.transcoders.running_audios == {Codec.OPUS}


def test_one_who_came_before_the_publisher_is_seated_when_it_is_known_what_comes() -> None:
    stage = Stage()
    browser = stage.join(BROWSER)
    stage.publish(VP8, OPUS)
    stage.play(keyframe=True)
    assert browser.codecs == {Codec.VP8, Codec.OPUS}
    assert not stage.transcoders.videos


def test_reordered_pictures_that_others_refer_to_are_made_anew_for_browsers_alone() -> None:
    stage = Stage()
    stage.publish(MAIN, AAC)
    flash, browser = stage.join(FLASH), stage.join(BROWSER)
    stage.play(keyframe=True, composition=80)
    for composition in (160, 40, 0):
        stage.play(composition=composition)
    assert stage.transcoders.running_videos == {Codec.H264_LOW_DELAY}
    assert len([unit for unit in flash.got if isinstance(unit, VideoUnit)]) == 4
    browser.got.clear()
    stage.play(keyframe=True, composition=80)
    assert Codec.H264_LOW_DELAY in browser.codecs
    assert Codec.H264 not in browser.codecs


def test_reordered_pictures_that_none_refers_to_are_left_out_for_browsers() -> None:
    stage = Stage()
    stage.publish(MAIN, AAC)
    flash, browser = stage.join(FLASH), stage.join(BROWSER)
    stage.play(keyframe=True, composition=80)
    for composition, payload in ((160, SLICE), (40, DISPOSABLE), (0, DISPOSABLE)):
        stage.play(composition=composition, payload=payload)
    assert len([unit for unit in flash.got if isinstance(unit, VideoUnit)]) == 4
    assert len([unit for unit in browser.got if isinstance(unit, VideoUnit)]) == 2
    assert not stage.transcoders.videos


def test_an_ended_stream_leaves_no_transcoder_and_lets_everyone_go_once() -> None:
    stage = Stage()
    stage.publish(VP8, OPUS)
    viewers = [stage.join(FLASH), stage.join(BROWSER)]
    stage.stream.end(None)
    assert [viewer.endings for viewer in viewers] == [[None], [None]]
    assert not stage.transcoders.running_videos
    assert not stage.transcoders.running_audios


@given(
    st.lists(
        st.one_of(
            st.sampled_from([FLASH, BROWSER, FIREFOX]),
            st.sampled_from([H264, VP8]),
            st.integers(0, 9),
        ),
        max_size=25,
    )
)
def test_a_transcoder_runs_exactly_while_someone_needs_it(
    happenings: list[tuple[Codec, ...] | VideoConfig | int],
) -> None:
    stage = Stage()
    viewers: list[Listener] = []
    stage.publish(H264, AAC)
    for happening in happenings:
        if isinstance(happening, tuple):
            viewers.append(stage.join(happening))
        elif isinstance(happening, VideoConfig):
            stage.publish(happening, AAC if happening is H264 else OPUS)
            stage.play(keyframe=True)
        elif viewers:
            stage.stream.detach(viewers.pop(happening % len(viewers)))
        stage.play()
        flash = any(viewer.manner is stage.bytes_manner for viewer in viewers)
        browsers = any(viewer.manner is stage.rtp_manner for viewer in viewers)
        firefox = any(viewer.accepts is FIREFOX for viewer in viewers)
        if stage.video is Codec.H264:
            assert stage.transcoders.running_audios == ({Codec.OPUS} if browsers else set())
            assert stage.transcoders.running_videos == ({Codec.VP8} if firefox else set())
        else:
            assert stage.transcoders.running_audios == ({Codec.AAC} if flash else set())
            assert stage.transcoders.running_videos == ({Codec.H264} if flash else set())
        assert stage.stream.viewers == len(viewers)
        assert not any(viewer.endings for viewer in viewers)
