"""Reading and writing bit fields, as the codecs' configuration records need them.

Nothing that knows a codec may be put in here. Pure.
"""

from __future__ import annotations


class MalformedMedia(ValueError):  # noqa: N818
    """Bytes that do not follow the codec's or the container's own rules. The text says what was wrong with them."""


class BitReader:
    """Reads fields of any width, most significant bit first. Reading past the end raises `MalformedMedia`."""

    __slots__ = ("_data", "_end", "position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._end = 8 * len(data)
        self.position = 0
        """Bits read so far."""

    @property
    def left(self) -> int:
        """Bits that were not read yet."""
        return self._end - self.position

    def bits(self, width: int) -> int:
        """The next `width` bits as an unsigned number."""
        start = self.position
        end = start + width
        if end > self._end:
            raise MalformedMedia("a field lies beyond the end")
        self.position = end
        covering = int.from_bytes(self._data[start >> 3 : (end + 7) >> 3], "big")
        return (covering >> (-end & 7)) & ((1 << width) - 1)

    def flag(self) -> bool:
        """The next bit."""
        return self.bits(1) == 1

    def skip(self, width: int) -> None:
        """Leave out the next `width` bits."""
        if width > self.left:
            raise MalformedMedia("a field lies beyond the end")
        self.position += width

    def ue(self) -> int:
        """An unsigned Exp-Golomb number (ITU-T H.264 section 9.1), at most 2**32 - 2."""
        zeros = 0
        while not self.flag():
            zeros += 1
            if zeros > 31:
                raise MalformedMedia("an Exp-Golomb number is too long")
        return (1 << zeros) - 1 + self.bits(zeros)

    def se(self) -> int:
        """A signed Exp-Golomb number (ITU-T H.264 section 9.1.1)."""
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)


class BitWriter:
    """Writes fields of any width, most significant bit first."""

    __slots__ = ("_value", "_width")

    def __init__(self) -> None:
        self._value = 0
        self._width = 0

    def bits(self, width: int, value: int) -> BitWriter:
        """Append `value` in `width` bits. Raises `ValueError` if it does not fit."""
        if value < 0 or value >> width:
            raise ValueError(f"{value} does not fit into {width} bits")
        self._value = self._value << width | value
        self._width += width
        return self

    def to_bytes(self) -> bytes:
        """All fields, filled up with zero bits to whole bytes."""
        padding = -self._width & 7
        return (self._value << padding).to_bytes((self._width + padding) // 8, "big")
