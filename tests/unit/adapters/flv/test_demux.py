"""FLV files in any slices, and what is not FLV."""

from __future__ import annotations

import itertools
from collections.abc import Set as AbstractSet

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.flv.demux import Demuxer
from adapters.flv.mux import file_header
from adapters.flv.tags import tag_bytes
from adapters.media.bits import MalformedMedia
from adapters.media.units import AudioConfig, Medium, Metadata, Unit, VideoConfig
from gateway.errors import GatewayError
from gateway.rooms.model import BOTH_MEDIA
from tests.support.streams import AUDIO_CONFIG, VIDEO_CONFIG, audio, picture, told

HEADER = file_header(BOTH_MEDIA)
UNITS: list[Unit] = [
    Metadata(0, b"", {"width": 640.0, "encoder": "none"}),
    VideoConfig(0, VIDEO_CONFIG),
    AudioConfig(0, AUDIO_CONFIG),
    picture(1, 0, key=True),
    audio(1, 3),
    picture(2, 0x1234567),
    audio(2, 0xFFFFFFFF),
]
FILE = HEADER + b"".join(map(tag_bytes, UNITS))


@pytest.mark.parametrize(("media", "flags"), [(BOTH_MEDIA, "05"), ({Medium.AUDIO}, "04"), ({Medium.VIDEO}, "01"), (set(), "00")])
def test_file_header(media: AbstractSet[Medium], flags: str) -> None:
    header = file_header(media)
    assert header.hex() == "464c5601" + flags + "00000009" + "00000000"
    demuxer = Demuxer()
    assert demuxer.feed(header) == []
    assert demuxer.promised == frozenset(media)


@given(st.lists(st.integers(0, len(FILE)), max_size=12))
def test_any_slicing_gives_the_same_units(cuts: list[int]) -> None:
    demuxer = Demuxer()
    edges = [0, *sorted(cuts), len(FILE)]
    units = [unit for start, end in itertools.pairwise(edges) for unit in demuxer.feed(FILE[start:end])]
    assert [told(unit) for unit in units] == [told(unit) for unit in UNITS]
    assert [unit.payload for unit in units] == [unit.payload for unit in UNITS]
    metadata = units[0]
    assert isinstance(metadata, Metadata)
    assert metadata.values == {"width": 640.0, "encoder": "none"}


def test_tags_that_hold_nothing_to_carry_are_read_over() -> None:
    demuxer = Demuxer()
    empty = bytes.fromhex("0800000000000000000000" + "0000000b")
    other_script = bytes.fromhex("1200000400000000000000" + "02000178" + "0000000f")
    unknown = bytes.fromhex("0f00000100000000000000" + "00" + "0000000c")
    assert demuxer.feed(HEADER + empty + other_script + unknown) == []
    assert [told(unit) for unit in demuxer.feed(tag_bytes(audio(1, 5)))] == ["A1@5"]


def test_longer_header_of_a_later_version() -> None:
    demuxer = Demuxer()
    assert demuxer.feed(bytes.fromhex("464c5601050000000b0000" + "00000000")) == []
    assert demuxer.promised == BOTH_MEDIA


@pytest.mark.parametrize(
    "data",
    [
        b"G",
        b"FLX",
        b"FLV\x02" + HEADER[4:],
        b"FLV\x01\x05\x00\x00\x00\x08",
        b"FLV\x01\x05\x7f\xff\xff\xff",
        HEADER + b"\x09\xff\xff\xff" + bytes(7),
        HEADER + tag_bytes(audio(1, 0))[:-1] + b"\xff",
        HEADER + bytes.fromhex("1200000100000000000000" + "00" + "0000000c"),
    ],
)
def test_broken_files(data: bytes) -> None:
    with pytest.raises(MalformedMedia):
        Demuxer().feed(data)


def test_tag_within_the_limit_of_its_reader() -> None:
    assert len(Demuxer(tag_limit=6).feed(HEADER + tag_bytes(audio(1, 0)))) == 1
    with pytest.raises(MalformedMedia):
        Demuxer(tag_limit=5).feed(HEADER + tag_bytes(audio(1, 0)))


@given(st.binary(max_size=100), st.booleans())
def test_any_bytes(data: bytes, with_header: bool) -> None:
    try:
        Demuxer().feed(HEADER + data if with_header else data)
    except (MalformedMedia, GatewayError):
        pass
