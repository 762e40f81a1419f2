"""Bit fields, in both directions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.media.bits import BitReader, BitWriter, MalformedMedia

FIELD = st.integers(1, 40).flatmap(lambda width: st.tuples(st.just(width), st.integers(0, (1 << width) - 1)))
FIELDS = st.lists(FIELD, max_size=20)


@given(FIELDS)
def test_what_is_written_is_read(fields: list[tuple[int, int]]) -> None:
    writer = BitWriter()
    for width, value in fields:
        writer.bits(width, value)
    reader = BitReader(writer.to_bytes())
    assert [(width, reader.bits(width)) for width, _ in fields] == fields
    assert reader.left < 8


@pytest.mark.parametrize(
    ("bits", "unsigned", "signed"),
    [("1", 0, 0), ("010", 1, 1), ("011", 2, -1), ("00100", 3, 2), ("0001000", 7, 4)],
)
def test_exponential_golomb(bits: str, unsigned: int, signed: int) -> None:
    data = int(bits.ljust(8, "0"), 2).to_bytes(1, "big")
    assert BitReader(data).ue() == unsigned
    assert BitReader(data).se() == signed


def test_beyond_the_end() -> None:
    reader = BitReader(b"\x80")
    for read in (lambda: reader.bits(9), lambda: reader.skip(9), lambda: BitReader(bytes(9)).ue(), lambda: BitReader(b"").flag()):
        with pytest.raises(MalformedMedia):
            read()


def test_value_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        BitWriter().bits(3, 8)
