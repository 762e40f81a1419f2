"""The peer of the WebRTC comparison sends what the gateway's publisher sends."""

from __future__ import annotations

from itertools import islice

from tests.bench import stock
from tests.bench.stock import Clip, Coded


def test_a_stamp_is_an_sei_with_the_time_in_microseconds_and_the_number() -> None:
    told = b"H2BENCHLATENCY01" + b"00000000000f4240" + b"00000002"
    assert stock.stamp(1.0, 2) == b"\x00\x00\x00\x01\x06\x05\x28" + told + b"\x80"


def test_a_clip_begins_again_when_it_ends() -> None:
    clip = Clip([Coded(0.0, b"a"), Coded(0.1, b"b")], 0.2)
    assert [(round(at, 3), coded.payload) for at, coded in islice(stock._looped(clip), 5)] == [
        (0.0, b"a"), (0.1, b"b"), (0.2, b"a"), (0.3, b"b"), (0.4, b"a"),
    ]  # fmt: skip
