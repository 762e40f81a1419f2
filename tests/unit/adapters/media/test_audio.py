"""Sound goes from AAC to Opus and back at its own time, whatever the publisher's units and times do.

Bursts of a tone stand in the source at known times. What a decoder hears of the result, each unit played at its time, has
to be there too.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.media import aac, audio
from adapters.media.audio import AudioTranscoder
from adapters.media.units import AudioConfig, AudioUnit, Codec
from gateway.errors import MEDIA_MALFORMED, GatewayError
from tests.support.sounds import coded, heard

AT_ONCE = 20
"""Milliseconds that sound may be away from where it belongs."""
OTHER = {Codec.AAC: Codec.OPUS, Codec.OPUS: Codec.AAC}
BURSTS = [(200, 300), (800, 1000)]
SOURCES = {codec: coded(codec, BURSTS, 1300) for codec in OTHER}
BOTH_WAYS = pytest.mark.parametrize("source", [Codec.AAC, Codec.OPUS], ids=["AAC to Opus", "Opus to AAC"])


class Clock:
    """The wall's, which a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def run(config: AudioConfig, units: list[AudioUnit]) -> tuple[AudioTranscoder, list[AudioUnit]]:
    """Each unit comes when its sound was made."""
    clock, made = Clock(), []
    transcoder = AudioTranscoder(config, OTHER[config.codec], clock)
    for number, unit in enumerate(units):
        clock.now = number / 50
        made += transcoder.feed(unit)
    return transcoder, made


def endless(codec: Codec, count: int, step: float) -> tuple[AudioConfig, list[AudioUnit]]:
    """So many units of 20 or 21 ms, so many milliseconds apart by their stamps."""
    config, units = SOURCES[codec]
    return config, [units[number % len(units)].at(round(number * step)) for number in range(count)]


def milliseconds(made: list[AudioUnit]) -> float:
    return len(made) * (20 if made[0].codec is Codec.OPUS else 1024 / 48) if made else 0.0


def fresh(codec: Codec) -> tuple[AudioConfig, list[AudioUnit]]:
    config, units = SOURCES[codec]
    return config, [unit.at(unit.timestamp) for unit in units]


def shifted(units: list[AudioUnit], since: int, by: int) -> list[AudioUnit]:
    return [unit.at(unit.timestamp + by * (unit.timestamp >= since)) for unit in units]


def without(units: list[AudioUnit], begin: int, end: int) -> list[AudioUnit]:
    return [unit for unit in units if not begin <= unit.timestamp < end]


def assert_near(found: list[tuple[int, int]], expected: list[tuple[int, int]]) -> None:
    assert len(found) == len(expected), (found, expected)
    for one, other in zip(found, expected, strict=True):
        assert abs(one[0] - other[0]) < AT_ONCE, (found, expected)
        assert abs(one[1] - other[1]) < AT_ONCE, (found, expected)


def assert_continuous(units: list[AudioUnit]) -> None:
    """Opus comes every 20 ms exactly; AAC every 1024 samples, to the nearest millisecond."""
    first = units[0].timestamp
    step = 20 if units[0].codec is Codec.OPUS else 1024 / 48
    assert [unit.timestamp for unit in units] == [first + int(n * step + 0.5) for n in range(len(units))]


@BOTH_WAYS
def test_sound_stays_at_its_time(source: Codec) -> None:
    config, units = fresh(source)
    transcoder, made = run(config, units)
    assert_near(heard(transcoder.config, made), BURSTS)
    assert_continuous(made)
    assert {unit.codec for unit in made} == {OTHER[source]}
    assert (transcoder.errors, transcoder.gaps, transcoder.left_out) == (0, 0, 0)


@pytest.mark.parametrize(
    ("rate", "layout"),
    [(44_100, "stereo"), (8_000, "mono"), (16_000, "mono"), (22_050, "stereo"), (96_000, "stereo"), (48_000, "5.1")],
)
def test_any_aac_becomes_opus(rate: int, layout: str) -> None:
    config, units = coded(Codec.AAC, BURSTS, 1500, rate=rate, layout=layout)
    transcoder, made = run(config, units)
    assert_near(heard(transcoder.config, made), BURSTS)
    assert_continuous(made)


def test_sound_that_becomes_stereo_on_the_way_stays_at_its_time() -> None:
    config, mono = coded(Codec.AAC, [(200, 300)], 700, layout="mono")
    _, stereo = coded(Codec.AAC, [(800, 900)], 1300)
    transcoder, made = run(config, [*without(mono, 600, 700), *without(stereo, 0, 600)])
    assert transcoder.errors == 0
    assert_near(heard(transcoder.config, made), [(200, 300), (800, 900)])


@BOTH_WAYS
def test_time_begins_with_the_first_unit(source: Codec) -> None:
    config, units = coded(source, [(100, 200)], 400, start=987_654)
    transcoder, made = run(config, units)
    assert made[0].timestamp == 987_654
    assert_near(heard(transcoder.config, made), [(987_754, 987_854)])


def test_what_decoders_of_the_result_need() -> None:
    opus, _ = run(*fresh(Codec.AAC))
    assert (opus.config.codec, opus.config.payload) == (Codec.OPUS, b"")
    made, _ = run(*fresh(Codec.OPUS))
    form = aac.parse_config(made.config.payload)
    assert (made.config.codec, form.object_type, form.sampling_rate, form.channels) == (Codec.AAC, aac.AAC_LC, 48_000, 2)


@BOTH_WAYS
def test_the_first_sound_comes_at_once(source: Codec) -> None:
    """Opus for the first unit of AAC; AAC, which looks a frame ahead and begins with a frame of overlap, within 80 ms."""
    config, units = fresh(source)
    _, made = run(config, units[:1] if source is Codec.AAC else units[:4])
    assert made


@BOTH_WAYS
@pytest.mark.parametrize("gap", [100, 300, 450])
def test_a_short_gap_is_filled(source: Codec, gap: int) -> None:
    config, units = fresh(source)
    transcoder, made = run(config, without(units, 310, 310 + gap))
    assert_continuous(made)
    assert transcoder.gaps == 1
    assert_near(heard(transcoder.config, made), BURSTS)


@pytest.mark.parametrize("lost", [[20], [20, 21, 22], [20, 22, 24, 26, 28]], ids=["one", "three", "every other"])
def test_lost_opus_packets_are_concealed(lost: list[int]) -> None:
    config, units = fresh(Codec.OPUS)
    transcoder, made = run(config, [unit for number, unit in enumerate(units) if number not in lost])
    assert_continuous(made)
    assert_near(heard(transcoder.config, made), BURSTS)


def test_a_lost_packet_of_a_tone_is_not_heard_as_a_hole() -> None:
    config, units = fresh(Codec.OPUS)
    transcoder, made = run(config, without(units, 900, 920))
    assert_near(heard(transcoder.config, made), BURSTS)


@BOTH_WAYS
def test_time_jumps_over_a_long_gap(source: Codec) -> None:
    config, units = fresh(source)
    transcoder, made = run(config, shifted(units, 500, 3000))
    assert_near(heard(transcoder.config, made), [BURSTS[0], (3800, 4000)])
    times = [unit.timestamp for unit in made]
    assert times == sorted(times)
    assert len(made) < 1400 / 20


@BOTH_WAYS
def test_sound_for_which_there_is_no_time_is_left_out(source: Codec) -> None:
    """The publisher's clock stands still for 200 ms of sound."""
    config, units = fresh(source)
    behind = [unit.at(unit.timestamp - min(max(unit.timestamp - 320, 0), 200)) for unit in units]
    transcoder, made = run(config, behind)
    assert transcoder.left_out
    assert_continuous(made)
    assert_near(heard(transcoder.config, made), [BURSTS[0], (600, 800)])


def test_stamps_that_tremble_change_nothing() -> None:
    config, units = fresh(Codec.AAC)
    trembling = [unit.at(unit.timestamp + (0, 35, 20, 50)[number % 4]) for number, unit in enumerate(units)]
    transcoder, made = run(config, trembling)
    assert_continuous(made)
    assert (transcoder.gaps, transcoder.left_out) == (0, 0)


def test_a_clock_that_drifts_is_followed() -> None:
    """The publisher's sound is 2 % longer than the time it is stamped with, then 2 % shorter."""
    for rate in (0.98, 1.02):
        config, units = coded(Codec.AAC, [(4800, 4900)], 5000)
        transcoder, made = run(config, [unit.at(round(unit.timestamp * rate)) for unit in units])
        ((begin, _),) = heard(transcoder.config, made)
        assert abs(begin - 4800 * rate) <= 60
        assert_continuous(made)


@BOTH_WAYS
@pytest.mark.parametrize("broken", [b"", b"\xff\xff\xff", bytes(9000)], ids=["empty", "nonsense", "too long"])
def test_a_broken_unit_costs_itself_alone(source: Codec, broken: bytes) -> None:
    config, units = fresh(source)
    units[18].payload = broken
    transcoder, made = run(config, units)
    assert transcoder.errors == 1
    assert_continuous(made)
    assert_near(heard(transcoder.config, made)[-2:], BURSTS)


@pytest.mark.parametrize("config", [b"", b"\x11", b"\xff\xff\xff\xff", b"\x17\x80\x00\x00\x80\x00", aac.make_config(1, 2)])
def test_a_configuration_that_makes_no_sense_is_refused(config: bytes) -> None:
    with pytest.raises(GatewayError) as refusal:
        AudioTranscoder(AudioConfig(0, config), Codec.OPUS)
    assert refusal.value.fault is MEDIA_MALFORMED


def test_there_is_no_way_from_a_codec_to_itself() -> None:
    with pytest.raises(ValueError, match="no way"):
        AudioTranscoder(AudioConfig(0, b"", codec=Codec.OPUS), Codec.OPUS)


@BOTH_WAYS
def test_nothing_comes_out_after_the_end(source: Codec) -> None:
    config, units = fresh(source)
    transcoder, _ = run(config, units[:10])
    transcoder.close()
    transcoder.close()
    assert all(transcoder.feed(unit) == [] for unit in units[10:])


def test_a_publisher_that_packs_a_unit_full_is_not_listened_to_any_more() -> None:
    config, units = fresh(Codec.AAC)
    packed = min(units[5:30], key=lambda unit: len(unit.payload))
    packed.payload *= 100
    transcoder, made = run(config, units)
    assert transcoder.errors == 1
    assert made[-1].timestamp <= packed.timestamp


@BOTH_WAYS
def test_stamps_alone_make_no_sound(source: Codec) -> None:
    """Each unit claims that half a second is missing before it: what is filled was heard before, but for one credit."""
    config, units = endless(source, 400, audio.LONGEST_FILL - 1)
    transcoder, made = run(config, units)
    assert milliseconds(made) <= 2 * 400 * 22 + audio.MOST_CREDIT
    assert made[-1].timestamp == pytest.approx(units[-1].timestamp, abs=audio.LONGEST_FILL)
    assert transcoder.left_out == 0


@BOTH_WAYS
def test_what_cannot_be_decoded_makes_no_sound_for_ever(source: Codec) -> None:
    config, units = endless(source, 400, audio.LONGEST_FILL - 1)
    for unit in units[20:]:
        unit.payload = b""
    transcoder, made = run(config, units)
    assert transcoder.errors == 380
    assert milliseconds(made) <= 2 * 20 * 22 + audio.MOST_CREDIT


@BOTH_WAYS
def test_half_of_all_packets_may_be_lost_for_long(source: Codec) -> None:
    config, units = endless(source, 400, 20 if source is Codec.OPUS else 1024 / 48)
    transcoder, made = run(config, units[::2])
    assert_continuous(made)
    assert transcoder.left_out == 0


@BOTH_WAYS
def test_what_comes_much_faster_than_it_can_be_heard_is_left_out(source: Codec) -> None:
    config, units = endless(source, 1000, 20 if source is Codec.OPUS else 1024 / 48)
    clock = Clock()
    transcoder = AudioTranscoder(config, OTHER[source], clock)
    flood = [made for unit in units[:500] for made in transcoder.feed(unit)]
    assert audio.MOST_AT_ONCE - 100 <= milliseconds(flood) <= audio.MOST_AT_ONCE + 100
    assert transcoder.left_out
    clock.now = 1.0
    more = [made for unit in units[500:] for made in transcoder.feed(unit)]
    assert 0 < milliseconds(more) <= 2 * audio.FASTEST * 1000 + audio.MOST_CREDIT


def test_what_cannot_be_decoded_is_left_out_too_when_it_comes_too_fast() -> None:
    transcoder = AudioTranscoder(SOURCES[Codec.AAC][0], Codec.OPUS, Clock())
    for time in range(10_000):
        transcoder.feed(AudioUnit(time, b"\xff"))
    assert transcoder.errors == audio.MOST_AT_ONCE / audio.LEAST_COUNTED
    assert transcoder.errors + transcoder.left_out == 10_000


steps = st.one_of(st.integers(0, 60), st.integers(0, 5000))
payloads = st.one_of(st.none(), st.none(), st.binary(max_size=60))
gaps = st.one_of(st.integers(0, 60), st.integers(300, 499), st.integers(0, 3000))


@BOTH_WAYS
@settings(max_examples=40, deadline=None)
@given(stream=st.lists(st.tuples(steps, payloads), max_size=30))
def test_time_never_runs_backwards_and_nothing_raises(source: Codec, stream: list[tuple[int, bytes | None]]) -> None:
    config, units = SOURCES[source]
    transcoder, time, last = AudioTranscoder(config, OTHER[source], Clock()), 0, -1
    for (step, payload), unit in zip(stream, units, strict=False):
        time += step
        for made in transcoder.feed(AudioUnit(time, unit.payload if payload is None else payload, codec=source)):
            assert made.timestamp > last
            assert made.timestamp < time + 600
            last = made.timestamp

@BOTH_WAYS
@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(gaps, st.sampled_from((True, True, False))), min_size=1, max_size=12), st.integers(1, 30))
def test_what_is_made_is_bounded_by_what_came(source: Codec, pattern: list[tuple[int, bool]], turns: int) -> None:
    config, units = SOURCES[source]
    transcoder, stamp, made = AudioTranscoder(config, OTHER[source], Clock()), 0, []
    fed = pattern * turns
    for number, (step, whole) in enumerate(fed):
        stamp += step
        made += transcoder.feed(AudioUnit(stamp, units[number % len(units)].payload if whole else b"", codec=source))
    assert milliseconds(made) <= 2 * len(fed) * 22 + audio.MOST_CREDIT
