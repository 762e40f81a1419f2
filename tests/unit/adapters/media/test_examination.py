"""What an examiner makes of the first seconds of a connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.media.aac import make_config
from adapters.media.examination import LONGEST, SHORTEST, Examiner
from adapters.media.units import AudioConfig, AudioUnit, Codec, Medium, Metadata, Unit, VideoConfig, VideoUnit
from gateway.quality.checkup import Declared, StreamFacts, examine
from gateway.rooms.model import BOTH_MEDIA
from tests.support.streams import OTHER_VIDEO_CONFIG, VIDEO_CONFIG

MAIN = bytes.fromhex("014d401effe1000a674d401eeca0a02ff95001000468ee3c80")
"""A configuration of main profile that says nothing of reordering."""
AUDIO, VIDEO = frozenset({Medium.AUDIO}), frozenset({Medium.VIDEO})
AAC_48 = make_config(48_000, 1)
SLICE, DISPOSABLE_SLICE = b"\0\0\0\2\x41\x9a", b"\0\0\0\2\x01\x9e"

Arrival = tuple[float, Unit]
"""Seconds, and what comes then."""


def headers(video: bytes = VIDEO_CONFIG, sound: bytes = AAC_48, **values: object) -> Iterator[Arrival]:
    yield 0.0, Metadata(0, b"", values)
    yield 0.0, VideoConfig(0, video)
    yield 0.0, AudioConfig(0, sound)


def pictures(
    seconds: float, fps: float = 15, gop: int = 30, size: int = 5_000, shown: Callable[[int], int] = int
) -> Iterator[Arrival]:
    """Pictures as an encoder makes them; `shown`: the composition offset by number, in milliseconds."""
    for number in range(int(seconds * fps)):
        payload = (DISPOSABLE_SLICE if shown is disposable else SLICE).ljust(size, b"\0")
        offset = 0 if shown is int else shown(number)
        yield number / fps, VideoUnit(round(1000 * number / fps), payload, number % gop == 0, offset)


def disposable(number: int) -> int:
    """Every other picture is shown before the one that came before it."""
    return 67 if number % 2 else 200


def sounds(seconds: float, rate: int = 48_000, size: int = 128) -> Iterator[Arrival]:
    for number in range(int(seconds * rate / 1024)):
        time = number * 1024 / rate
        yield time, AudioUnit(round(1000 * time), bytes(size))


def mixed(*tracks: Iterable[Arrival]) -> list[Arrival]:
    return sorted((arrival for track in tracks for arrival in track), key=lambda arrival: arrival[0])


def stamped(arrivals: Iterable[Arrival], stamp: Callable[[int], int]) -> list[Arrival]:
    """The same with other stamps."""
    return [(at, unit.at(stamp(unit.timestamp) % (1 << 32))) for at, unit in arrivals]


def arriving(arrivals: Iterable[Arrival], time: Callable[[float], float]) -> list[Arrival]:
    """The same at other times."""
    return [(time(at), unit) for at, unit in arrivals]


def look(arrivals: Iterable[Arrival], expected: frozenset[Medium] = BOTH_MEDIA, *, on_demand: bool = False) -> StreamFacts:
    """The facts; fails if there are none."""
    examiner = Examiner(expected, on_demand=on_demand)
    for at, unit in arrivals:
        if facts := examiner.see(unit, 1000.0 + at):
            return facts
    raise AssertionError("it has not seen enough")


def healthy(seconds: float = 13.0) -> list[Arrival]:
    return mixed(headers(framerate=15.0, videocodecid=7.0, audiocodecid=10.0), pictures(seconds), sounds(seconds))


def named(facts: StreamFacts) -> list[str]:
    return [finding.trouble.name for finding in examine(facts, BOTH_MEDIA)]


class TestFacts:
    def test_of_a_healthy_stream(self) -> None:
        facts = look(healthy())
        assert facts.video
        assert facts.sound
        video, sound, clock = facts.video, facts.sound, facts.clock
        assert (video.profile, video.level, video.width, video.height, video.reordered) == (66, 31, 640, 480, False)
        assert (video.keyframes, video.gop, video.gop_pictures) == (3, 2.0, 30.0)
        assert (video.fps, video.bitrate) == pytest.approx((15, 15 * 8 * 5_000), 0.01)
        assert (sound.object_type, sound.rate, sound.channels, sound.replicated) == (2, 48_000, 1, False)
        assert sound.bitrate == pytest.approx(48_000, 0.01)
        assert facts.declared == Declared(15.0, frozenset({"audio", "video"}))
        assert (clock.jumps, clock.backward, video.headless, sound.headless) == (0, 0, 0, 0)
        assert (clock.pace, clock.pace_of_samples, clock.skew) == pytest.approx((1, 1, 0), abs=0.01)
        assert named(facts) == []

    @given(st.integers(0, (1 << 32) - 1))
    def test_are_the_same_wherever_the_clock_begins(self, base: int) -> None:
        assert look(stamped(healthy(6.0), lambda stamp: stamp + base)) == look(healthy(6.0))

    def test_of_a_long_group(self) -> None:
        facts = look(mixed(headers(), pictures(13, gop=150), sounds(13)))
        assert facts.video
        assert (facts.seconds, facts.video.keyframes, facts.video.gop) == pytest.approx((10, 2, 10), abs=0.1)
        assert named(facts) == ["GOP_TOO_LONG"]

    def test_of_a_group_without_an_end(self) -> None:
        facts = look(mixed(headers(), pictures(13, gop=1000), sounds(13)))
        assert facts.video
        assert (facts.video.keyframes, facts.video.gop) == pytest.approx((1, LONGEST), abs=0.1)
        assert named(facts) == ["GOP_TOO_LONG"]

    @pytest.mark.parametrize("shown", [disposable, lambda number: (67, 267, 134, 0)[number % 4]], ids=["disposable", "needed"])
    def test_of_reordered_pictures(self, shown: Callable[[int], int]) -> None:
        assert named(look(mixed(headers(MAIN), pictures(6, shown=shown), sounds(6)))) == ["B_FRAMES"]

    def test_a_constant_offset_is_no_reordering(self) -> None:
        assert named(look(mixed(headers(MAIN), pictures(6, shown=lambda number: 80), sounds(6)))) == []

    def test_of_a_camera_that_is_off_for_a_while(self) -> None:
        """Neither its pace nor its group has become longer by that."""
        on = mixed(headers(), pictures(13, gop=45), sounds(13))
        facts = look([(at, unit) for at, unit in on if isinstance(unit, AudioUnit) or not 1.5 < at < 5.5])
        assert facts.video
        assert facts.video.fps == pytest.approx(15, 0.01)
        assert facts.video.gop is not None
        assert facts.video.gop < 3
        assert named(facts) == []

    def test_of_he_aac(self) -> None:
        """The rate is that of what is heard."""
        core_24_heard_48 = bytes.fromhex("2b098800")
        facts = look(mixed(headers(sound=core_24_heard_48), pictures(6), sounds(6, rate=24_000)))
        assert facts.sound
        assert (facts.sound.object_type, facts.sound.rate, facts.sound.replicated) == (2, 48_000, True)
        assert named(facts) == ["AAC_NOT_LC"]

    def test_of_sound_alone(self) -> None:
        facts = look(sounds(13), AUDIO)
        assert facts.video is None
        assert facts.seconds == pytest.approx(SHORTEST, abs=0.1)

    def test_of_vp8_and_opus(self) -> None:
        units = mixed(
            [(0.0, VideoConfig(0, b"", Codec.VP8)), (0.0, AudioConfig(0, b"", Codec.OPUS))],
            [(at, VideoUnit(unit.timestamp, b"vp8", unit.timestamp == 0, codec=Codec.VP8)) for at, unit in pictures(6)],
            [(number / 50, AudioUnit(20 * number, b"opus", Codec.OPUS)) for number in range(300)],
        )
        facts = look(units, on_demand=True)
        assert facts.video
        assert facts.sound
        assert (facts.video.codec, facts.video.width, facts.sound.codec, facts.sound.rate) == ("vp8", None, "opus", None)
        assert facts.clock.pace_of_samples is None
        assert named(facts) == ["VIDEO_NOT_H264"]

    @pytest.mark.parametrize(
        ("values", "declared"),
        [
            ({"framerate": 30}, Declared(30.0)),
            ({"framerate": "25.5", "videocodecid": "avc1"}, Declared(25.5, frozenset({"video"}))),
            ({"framerate": float("nan"), "audiocodecid": 0.0}, Declared()),
            ({"framerate": "fast", "videocodecid": False}, Declared()),
            ({"framerate": -1, "audiocodecid": None}, Declared()),
            ({"framerate": True, "width": 640.0}, Declared()),
            ({"framerate": 10**400}, Declared()),
            ({"framerate": ["30"]}, Declared()),
        ],
    )
    def test_of_what_is_declared(self, values: dict[str, object], declared: Declared) -> None:
        assert look(mixed([(0.0, Metadata(0, b"", values))], sounds(6)), AUDIO).declared == declared


class TestHeaders:
    def test_that_never_come(self) -> None:
        facts = look(mixed(pictures(6), sounds(6)))
        assert facts.video
        assert facts.video.headless == facts.video.pictures
        assert named(facts) == ["HEADERS_MISSING", "NO_SOUND_CONFIG"]

    def test_that_come_late(self) -> None:
        facts = look(mixed(headers(), pictures(6), sounds(6))[3:4] + mixed(headers(), pictures(6), sounds(6)))
        assert facts.video
        assert facts.video.headless == 1

    def test_that_are_repeated_are_no_change(self) -> None:
        repeated = [(float(second), VideoConfig(0, VIDEO_CONFIG)) for second in range(5)]
        facts = look(mixed(headers(), repeated, pictures(6), sounds(6)))
        assert facts.video
        assert facts.video.configurations == 1

    def test_that_change_again_and_again(self) -> None:
        changes = [(float(second), VideoConfig(0, (VIDEO_CONFIG, OTHER_VIDEO_CONFIG)[second % 2])) for second in range(5)]
        assert named(look(mixed(headers(), changes, pictures(6), sounds(6)))) == ["HEADERS_UNSTEADY"]

    def test_that_cannot_be_read(self) -> None:
        facts = look(mixed(headers(b"nonsense", b""), pictures(6), sounds(6)))
        assert facts.video
        assert facts.sound
        assert (facts.video.profile, facts.video.width, facts.sound.rate) == (None, None, None)
        assert named(facts) == []


class TestClocks:
    def test_a_jump_ahead(self) -> None:
        facts = look(stamped(healthy(), lambda stamp: stamp + (20_000 if stamp > 2_500 else 0)))
        assert (facts.clock.jumps, facts.clock.pace, facts.clock.skew) == (2, None, None)

    def test_a_jump_back(self) -> None:
        facts = look(stamped(healthy(), lambda stamp: stamp - (2_000 if stamp > 2_500 else 0)))
        assert facts.clock.jumps == 2

    def test_stamps_that_run_back(self) -> None:
        facts = look(stamped(healthy(), lambda stamp: stamp - (100 if stamp % 500 == 0 else 0)))
        assert facts.clock.backward >= 3
        assert named(facts) == ["CLOCK_JUMPS"]

    def test_a_network_that_stands_still_and_catches_up_is_no_jump(self) -> None:
        facts = look(arriving(healthy(), lambda at: max(at, 4.5) if 1.5 < at < 4.5 else at))
        assert named(facts) == []

    def test_a_network_that_stood_still_until_the_encoder_left_out_pictures_is_no_jump(self) -> None:
        held = arriving(healthy(), lambda at: max(at, 5.0) if at > 1.0 else at)
        facts = look([(at, unit) for at, unit in held if unit.timestamp < 2_000 or unit.timestamp > 4_900])
        assert facts.clock.jumps == 0

    def test_a_connection_that_begins_with_what_was_held_back_is_neither_a_jump_nor_too_fast(self) -> None:
        """Three seconds had to wait; some pictures of them were left out, and the rest comes at twice the pace."""
        held = arriving(healthy(16.0), lambda at: at / 2 if at < 6.0 else at - 3.0)
        facts = look([(at, unit) for at, unit in held if not isinstance(unit, VideoUnit) or not 500 < unit.timestamp < 2_500])
        assert (facts.clock.jumps, named(facts)) == (0, [])

    def test_a_network_that_gets_ever_slower_is_no_slow_clock(self) -> None:
        facts = look(arriving(healthy(), lambda at: at * 1.1))
        assert facts.clock.pace == pytest.approx(1 / 1.1, abs=0.02)
        assert named(facts) == []

    @pytest.mark.parametrize("pace", [0.9, 0.97, 1.03, 1.2])
    def test_a_clock_of_another_pace(self, pace: float) -> None:
        facts = look(stamped(healthy(), lambda stamp: round(stamp * pace)))
        assert (facts.clock.pace, facts.clock.pace_of_samples) == pytest.approx((pace, pace), abs=0.01)
        assert "CLOCK_SLOW_OR_FAST" in named(facts)

    def test_a_file_that_is_sent_at_full_speed(self) -> None:
        facts = look(arriving(healthy(60.0), lambda at: at / 4))
        assert facts.clock.pace == pytest.approx(4, 0.1)
        assert named(facts) == ["SENT_TOO_FAST"]

    def test_sound_of_the_same_time_that_comes_later(self) -> None:
        late = mixed(headers(), pictures(6), arriving(sounds(6), lambda at: at + 0.9))
        assert look(late).clock.skew == pytest.approx(-0.9, abs=0.05)

    def test_a_camera_that_starts_late_is_no_skew(self) -> None:
        facts = look([(at, unit) for at, unit in healthy() if not isinstance(unit, VideoUnit) or at > 1.9])
        assert facts.clock.skew == pytest.approx(0, abs=0.1)


class TestHowLong:
    """5 to 12 seconds, until a whole group and every medium that is expected came."""

    @pytest.mark.parametrize(
        ("arrivals", "expected", "on_demand", "seconds"),
        [
            (healthy(), BOTH_MEDIA, False, SHORTEST),
            (mixed(headers(), pictures(20, gop=105), sounds(20)), BOTH_MEDIA, False, 7.0),
            (mixed(headers(), pictures(20, gop=900), sounds(20)), BOTH_MEDIA, True, SHORTEST),
            (mixed(headers(), sounds(20)), BOTH_MEDIA, False, LONGEST),
            (mixed(headers(), sounds(20)), AUDIO, False, SHORTEST),
            (mixed(headers(), pictures(20)), BOTH_MEDIA, False, LONGEST),
            (mixed(headers(), pictures(20)), VIDEO, False, SHORTEST),
        ],
        ids=["healthy", "7 s", "WebRTC", "no pictures", "sound alone", "no sound", "pictures alone"],
    )
    def test_it_looks(self, arrivals: list[Arrival], expected: frozenset[Medium], on_demand: bool, seconds: float) -> None:
        assert look(arrivals, expected, on_demand=on_demand).seconds == pytest.approx(seconds, abs=0.1)

    def test_headers_alone_are_nothing_to_look_at(self) -> None:
        examiner = Examiner(BOTH_MEDIA, on_demand=False)
        assert all(examiner.see(unit, 100.0 * number) is None for number in range(5) for _, unit in headers())


STAMPS = st.integers(0, (1 << 32) - 1)
PICTURE_CODECS, SOUND_CODECS = st.sampled_from([Codec.H264, Codec.VP8]), st.sampled_from([Codec.AAC, Codec.OPUS])
CONFIGS = st.one_of(st.binary(max_size=30), st.sampled_from([VIDEO_CONFIG, MAIN, AAC_48]))
VALUES = st.one_of(st.none(), st.booleans(), st.text(), st.floats(), st.integers(), st.lists(st.text()))
UNITS = st.one_of(
    st.builds(VideoUnit, STAMPS, st.binary(max_size=12), st.booleans(), st.integers(-5000, 5000), PICTURE_CODECS),
    st.builds(AudioUnit, STAMPS, st.binary(max_size=4), SOUND_CODECS),
    st.builds(VideoConfig, STAMPS, CONFIGS, PICTURE_CODECS),
    st.builds(AudioConfig, STAMPS, CONFIGS, SOUND_CODECS),
    st.builds(
        Metadata, STAMPS, st.just(b""), st.dictionaries(st.sampled_from(["framerate", "videocodecid", "audiocodecid"]), VALUES)
    ),
)


@given(st.lists(st.tuples(st.floats(0, 3), UNITS), max_size=60), st.sampled_from([BOTH_MEDIA, AUDIO, VIDEO]), st.booleans())
def test_whatever_comes_is_looked_at_and_judged(
    steps: list[tuple[float, Unit]], expected: frozenset[Medium], on_demand: bool
) -> None:
    """Nothing is raised, and it is over in time."""
    examiner, now, began = Examiner(expected, on_demand=on_demand), 50.0, None
    for step, unit in steps:
        now += step
        facts = examiner.see(unit, now)
        media = isinstance(unit, VideoUnit | AudioUnit)
        began = now if began is None and media else began
        if facts is not None:
            assert facts.seconds >= SHORTEST
            numbers = [finding.trouble.number for finding in examine(facts, expected)]
            assert numbers == sorted(set(numbers))
            return
        assert not media or began is None or now - began < LONGEST
