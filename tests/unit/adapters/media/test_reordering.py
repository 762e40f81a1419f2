"""B-frames are found by what they do: pictures that are shown before ones that came earlier."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.media import h264
from adapters.media.reordering import Order, Reordering
from adapters.media.units import Codec, VideoConfig, VideoUnit

FRAME = 40
IDR, REFERENCE, DISPOSABLE = b"\x65\x88", b"\x41\x9a", b"\x01\x9e"
SEI = b"\x06\x05"
BASELINE = VideoConfig(0, bytes.fromhex("0142c01fffe1000e6742c01fda0280f684000003000401000468ce3c80"))
HIGH_THAT_REORDERS = VideoConfig(
    0, bytes.fromhex("01f40028ffe1001a67f40028919b280f0044fc4c20000003002000000641e30632c001000668ef8f192190fff8f800")
)


def picture(decoded: int, shown: int, nal: bytes = REFERENCE, length_size: int = 4) -> VideoUnit:
    """The `decoded`-th picture in coding order, shown as the `shown`-th."""
    payload = h264.join_units([SEI, nal], length_size)
    return VideoUnit(decoded * FRAME, payload, nal is IDR, (shown - decoded) * FRAME)


def see_all(pictures: Iterable[VideoUnit], config: VideoConfig | None = HIGH_THAT_REORDERS) -> tuple[Reordering, list[bool]]:
    reordering = Reordering(config)
    return reordering, [reordering.see(unit) for unit in pictures]


def test_pictures_in_order_are_for_everyone() -> None:
    reordering, seen = see_all([picture(0, 0, IDR), *(picture(n, n) for n in range(1, 50))])
    assert all(seen)
    assert reordering.state is Order.NONE


def test_one_offset_for_all_pictures_is_no_reordering() -> None:
    reordering, seen = see_all([picture(0, 3, IDR), *(picture(n, n + 3) for n in range(1, 50))])
    assert all(seen)
    assert reordering.state is Order.NONE


def test_an_offset_that_rounding_makes_tremble_is_no_reordering() -> None:
    times = [round(n * 1000 / 30) for n in range(60)]
    units = [VideoUnit(at, b"", n == 0, times[n + 2] - at) for n, at in enumerate(times[:-2])]
    reordering, seen = see_all(units)
    assert all(seen)
    assert reordering.state is Order.NONE


def test_a_clock_that_runs_backwards_is_no_reordering() -> None:
    units = [VideoUnit(at, b"", at == 0, 80) for at in (0, 40, 80, 60, 100)]
    reordering, seen = see_all(units)
    assert all(seen)
    assert reordering.state is Order.NONE


def test_b_frames_that_nothing_refers_to_are_left_out() -> None:
    """I P b b P b b: shown 0 3 1 2 6 4 5, all one frame later."""
    kinds = [IDR, REFERENCE, DISPOSABLE, DISPOSABLE, REFERENCE, DISPOSABLE, DISPOSABLE]
    shown = [0, 3, 1, 2, 6, 4, 5]
    reordering, seen = see_all(picture(n, at + 1, kind) for n, (at, kind) in enumerate(zip(shown, kinds, strict=True)))
    assert seen == [True, True, False, False, True, False, False]
    assert reordering.state is Order.DISPOSABLE
    assert reordering.low_delay


def test_b_frames_that_others_refer_to_need_encoding_again() -> None:
    """A pyramid, I P B b b, shown 0 4 2 1 3 and two frames later: its B has the offset of the I, by chance."""
    kinds = [IDR, REFERENCE, REFERENCE, DISPOSABLE, DISPOSABLE]
    shown = [0, 4, 2, 1, 3]
    reordering, seen = see_all(picture(n, at + 2, kind) for n, (at, kind) in enumerate(zip(shown, kinds, strict=True)))
    assert seen == [True, True, False, False, False]
    assert reordering.state is Order.REENCODE
    assert not reordering.low_delay


def test_no_picture_is_given_once_encoding_is_needed() -> None:
    reordering, _ = see_all([picture(0, 0, IDR), picture(1, 3), picture(2, 1)])
    assert not reordering.see(picture(3, 4))
    assert not reordering.see(picture(4, 5, IDR))
    assert reordering.state is Order.REENCODE


def test_leading_pictures_of_an_open_gop_are_late() -> None:
    _, seen = see_all([picture(0, 1, IDR), picture(1, 2), picture(2, 5, IDR), picture(3, 4, DISPOSABLE)])
    assert seen == [True, True, True, False]


def test_a_late_picture_that_cannot_be_read_is_given_to_nobody_and_decides_nothing() -> None:
    broken = VideoUnit(2 * FRAME, b"\x00\x00\xff\xff\x41", False, -FRAME)
    reordering, seen = see_all([picture(0, 0, IDR), picture(1, 3), broken])
    assert seen == [True, True, False]
    assert reordering.low_delay


@pytest.mark.parametrize("config", [BASELINE, VideoConfig(0, b"", Codec.VP8)], ids=["baseline", "VP8"])
def test_what_rules_b_frames_out_is_believed(config: VideoConfig) -> None:
    reordering, seen = see_all([picture(0, 0, IDR), picture(1, 3), picture(2, 1)], config)
    assert all(seen)
    assert reordering.state is Order.NONE


def test_a_configuration_that_cannot_be_read_promises_nothing() -> None:
    reordering, _ = see_all([picture(0, 0, IDR), picture(1, 3), picture(2, 1)], VideoConfig(0, b"\x01\x42"))
    assert reordering.state is Order.REENCODE


def test_lengths_are_read_as_the_configuration_has_them() -> None:
    short = bytearray(HIGH_THAT_REORDERS.payload)
    short[4] = 0xFC | 1
    pictures = [picture(0, 0, IDR, 2), picture(1, 3, REFERENCE, 2), picture(2, 1, DISPOSABLE, 2)]
    reordering, _ = see_all(pictures, VideoConfig(0, bytes(short)))
    assert reordering.state is Order.DISPOSABLE


offsets = st.integers(0, 5)
kinds = st.sampled_from([REFERENCE, REFERENCE, DISPOSABLE, IDR])


@given(st.lists(st.tuples(offsets, kinds), max_size=40))
def test_what_is_given_is_in_order_and_lacks_nothing_that_is_referred_to(stream: list[tuple[int, bytes]]) -> None:
    pictures = [picture(0, 0, IDR), *(picture(n, n + offset, kind) for n, (offset, kind) in enumerate(stream, 1))]
    reordering, highest, state = Reordering(), -1, Order.NONE
    for unit in pictures:
        given_out = reordering.see(unit)
        assert reordering.state >= state
        state = reordering.state
        shown = unit.timestamp + unit.composition
        if given_out:
            assert unit.keyframe or shown >= highest
            highest = shown
        elif state is not Order.REENCODE:
            assert DISPOSABLE in unit.payload


@given(st.binary(max_size=40), st.integers(-100, 100))
def test_any_payload_is_survived(payload: bytes, composition: int) -> None:
    reordering = Reordering()
    reordering.see(VideoUnit(0, b"", True, 200))
    reordering.see(VideoUnit(40, payload, False, composition))
