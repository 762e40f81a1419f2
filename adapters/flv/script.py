"""Script data: the small part of AMF0 that FLV's `onMetaData` needs (FLV specification v10.1, section E.4.4).

Only plain values live here: numbers, booleans, texts, nothing, lists and mappings of them. RTMP's commands need more of
AMF0 and have their own reader and writer. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from struct import Struct

from adapters.media.bits import MalformedMedia

ON_METADATA = "onMetaData"

# Script data types (section E.4.4.2)
NUMBER = 0
BOOLEAN = 1
STRING = 2
OBJECT = 3
NULL = 5
UNDEFINED = 6
ECMA_ARRAY = 8
OBJECT_END = 9
STRICT_ARRAY = 10
DATE = 11
LONG_STRING = 12

MAX_DEPTH = 8
"""Nesting that is followed, in both directions."""

MAX_VALUES = 4096
"""Values that one script tag may hold."""

_DOUBLE = Struct(">d")
_SHORT = Struct(">H")
_LONG = Struct(">I")
_END = b"\x00\x00\x09"


def script_body(name: str, values: Mapping[str, object]) -> bytes:
    """The body of a script tag that says `name(values)`. A value that FLV has no plain form for is left out."""
    out = bytearray()
    _write_text(out, name)
    _write_mapping(out, values, ECMA_ARRAY, 0)
    return bytes(out)


def read_script(body: bytes) -> tuple[str, dict[str, object]]:
    """The name and the values of a script tag's body.

    A second value that is not a mapping gives no values. Raises `MalformedMedia` on bytes that are not script data.
    """
    reader = _Reader(body)
    name = reader.value(0)
    if not isinstance(name, str):
        raise MalformedMedia("script data does not begin with a name")
    values = reader.value(0) if reader.position < len(body) else None
    return name, values if isinstance(values, dict) else {}


def _write_text(out: bytearray, text: str) -> None:
    encoded = text.encode("utf-8", "replace")
    if len(encoded) > 0xFFFF:
        out.append(LONG_STRING)
        out += _LONG.pack(len(encoded))
    else:
        out.append(STRING)
        out += _SHORT.pack(len(encoded))
    out += encoded


def _write_mapping(out: bytearray, values: Mapping[str, object], kind: int, depth: int) -> None:
    members = [(key.encode("utf-8", "replace"), value) for key, value in values.items() if _is_plain(value, depth + 1)]
    members = [(key, value) for key, value in members if 0 < len(key) <= 0xFFFF]
    out.append(kind)
    if kind == ECMA_ARRAY:
        out += _LONG.pack(len(members))
    for key, value in members:
        out += _SHORT.pack(len(key))
        out += key
        _write_value(out, value, depth + 1)
    out += _END


def _write_value(out: bytearray, value: object, depth: int) -> None:
    match value:
        case bool():
            out += bytes((BOOLEAN, value))
        case int() | float():
            out.append(NUMBER)
            out += _DOUBLE.pack(value)
        case str():
            _write_text(out, value)
        case Mapping():
            _write_mapping(out, value, OBJECT, depth)
        case Sequence():
            members = [member for member in value if _is_plain(member, depth + 1)]
            out.append(STRICT_ARRAY)
            out += _LONG.pack(len(members))
            for member in members:
                _write_value(out, member, depth + 1)
        case _:
            out.append(NULL)


def _is_plain(value: object, depth: int) -> bool:
    if isinstance(value, int):
        return abs(value) < 1 << 1023
    if value is None or isinstance(value, float | str):
        return True
    return depth < MAX_DEPTH and isinstance(value, Mapping | Sequence) and not isinstance(value, bytes | bytearray | memoryview)


class _Reader:
    """Reads script data values from the beginning of `data` on, within bounds."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0
        self._values = 0

    def value(self, depth: int) -> object:
        self._values += 1
        if depth > MAX_DEPTH or self._values > MAX_VALUES:
            raise MalformedMedia("script data is nested too deeply or holds too much")
        kind = self._take(1)[0]
        match kind:
            case 0:
                number: float = _DOUBLE.unpack(self._take(8))[0]
                return number
            case 1:
                return self._take(1)[0] != 0
            case 2:
                return self._text(_SHORT)
            case 12:
                return self._text(_LONG)
            case 3:
                return self._members(depth)
            case 8:
                self._take(4)  # an approximate count (section E.4.4.6)
                return self._members(depth)
            case 10:
                count: int = _LONG.unpack(self._take(4))[0]
                return [self.value(depth + 1) for _ in range(min(count, MAX_VALUES + 1))]
            case 11:
                date: float = _DOUBLE.unpack(self._take(10)[:8])[0]
                return date
            case 5 | 6:
                return None
            case _:
                raise MalformedMedia(f"script data type {kind} is not known")

    def _members(self, depth: int) -> dict[str, object]:
        members: dict[str, object] = {}
        data = self._data
        while self.position < len(data):
            if data[self.position : self.position + 3] == _END:
                self.position += 3
                break
            key = self._text(_SHORT)
            members[key] = self.value(depth + 1)
        return members

    def _text(self, length: Struct) -> str:
        size: int = length.unpack(self._take(length.size))[0]
        return self._take(size).decode("utf-8", "replace")

    def _take(self, count: int) -> bytes:
        taken = self._data[self.position : self.position + count]
        if len(taken) != count:
            raise MalformedMedia("script data ends early")
        self.position += count
        return taken
