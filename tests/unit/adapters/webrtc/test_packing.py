"""Times of packets, and the newest pictures for a joiner."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.media.units import AudioUnit, Codec, Unit, VideoConfig, VideoUnit
from adapters.webrtc.packing import BEHIND_SPREAD, SPREAD, VIDEO_TICKS, SoundClock, make_burst, newer, packer, packets
from adapters.webrtc.rtp import RtpPacket, parse
from tests.support.rtp_viewers import SOUND, video_payload
from tests.support.streams import VIDEO_CONFIG

BASE = (1 << 32) - 1000


def times(stamps: list[int], payload: bytes = SOUND + b"x") -> list[int]:
    clock = SoundClock()
    return [clock.time(AudioUnit(stamp, payload, Codec.OPUS)) for stamp in stamps]


def test_sound_whose_time_was_rounded_has_no_gaps() -> None:
    assert times([0, 20, 41, 60, 79, 100]) == [960 * n for n in range(6)]


def test_a_lost_piece_of_sound_leaves_its_hole() -> None:
    assert times([0, 20, 60, 80]) == [0, 960, 2880, 3840]


def test_sound_of_a_drifting_clock_stays_near_its_time() -> None:
    stamps = [round(number * 20.01) for number in range(5000)]
    off = [abs(time - stamp * 48) for time, stamp in zip(times(stamps), stamps, strict=True)]
    assert max(off) <= SoundClock.STEP


def test_sound_that_cannot_be_read_has_its_own_time() -> None:
    assert times([0, 20, 40], b"") == [0, 960, 1920]


@given(st.integers(0, 1 << 40), st.integers(0, 1 << 40), st.lists(st.binary(max_size=3), min_size=1), st.booleans())
def test_packets_of_one_picture(number: int, timestamp: int, payloads: list[bytes], marker: bool) -> None:
    made = [parse(data) for data in packets(96, 5, number, timestamp, payloads, marker=marker)]
    assert made == [
        RtpPacket(96, marker and place == len(payloads) - 1, (number + place) % (1 << 16), timestamp % (1 << 32), 5, payload)
        for place, payload in enumerate(payloads)
    ]


def pictures(count: int, interval: int = 33, size: int = 2500) -> list[VideoUnit]:
    return [VideoUnit(1000 + n * interval, video_payload(n, size, n == 0), n == 0) for n in range(count)]


@pytest.mark.parametrize("behind", [False, True])
@given(count=st.integers(1, 700), interval=st.integers(9, 100))
def test_a_bursts_pictures_are_close_together_and_in_order(behind: bool, count: int, interval: int) -> None:
    units = pictures(count, interval, 20)
    last = units[-1].timestamp * VIDEO_TICKS
    burst = make_burst(units, packer(VideoConfig(0, VIDEO_CONFIG)), 102, 5, BASE, 9000, behind=behind)
    assert burst is not None
    made = [parse(burst.history.get(number) or b"") for number in range(burst.history.first, 9000)]
    stamps = sorted({(packet.timestamp - BASE - last + (1 << 31)) % (1 << 32) - (1 << 31) for packet in made})
    assert len(stamps) == count
    assert all(newer(b.timestamp, a.timestamp) or b.timestamp == a.timestamp for a, b in pairwise(made))
    assert burst.timestamp == made[0].timestamp
    assert burst.last == made[-1].timestamp
    if behind:
        assert stamps[0] > 0
        assert stamps[-1] <= BEHIND_SPREAD < interval * VIDEO_TICKS
    else:
        assert stamps[0] >= -SPREAD
        assert stamps[-1] == 0
    assert [packet.marker for packet in made].count(True) == count


def test_there_is_no_burst_of_nothing() -> None:
    assert make_burst([], packer(VideoConfig(0, VIDEO_CONFIG)), 102, 5, BASE, 0, behind=False) is None


def test_pictures_are_packed_once() -> None:
    pack = packer(VideoConfig(0, VIDEO_CONFIG))
    (unit,) = pictures(1)
    assert unit.form(pack) is unit.form(pack)


@pytest.mark.parametrize("config", [None, VideoConfig(0, b""), VideoConfig(0, b"\x01nonsense")])
def test_pictures_of_an_unreadable_configuration_are_left_out(config: VideoConfig | None) -> None:
    assert packer(config)(pictures(1)[0]) == []


@pytest.mark.parametrize("payload", [b"\xff\xff\xff\xff", b"\0\0"])
def test_an_unreadable_picture_is_left_out(payload: bytes) -> None:
    assert packer(VideoConfig(0, VIDEO_CONFIG))(VideoUnit(0, payload)) == []


def test_vp8_pictures_are_numbered() -> None:
    pack = packer(VideoConfig(0, b"", Codec.VP8))
    unit: Unit = VideoUnit(0, b"\x10\x02\0\x9d\x01\x2a", True, codec=Codec.VP8)
    first, second = pack(unit), pack(unit)
    assert len(first) == len(second) == 1
    assert first != second
