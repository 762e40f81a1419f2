"""AMF0: the values in commands and metadata. Adobe "Action Message Format AMF 0", 2007.

| AMF0 | Python |
|---|---|
| number · boolean · string, long string | float · bool · str |
| null · undefined · unsupported | None · UNDEFINED · UNDEFINED |
| object · ECMA array · strict array | dict · EcmaArray (a dict) · list |
| date · XML document · typed object | Date · Xml · TypedObject (a dict) |
| reference | the value it points at |
| switch to AMF3 | what `amf3` reads |

Bytes that are no UTF-8 become U+FFFD: encoders in the field write metadata in their local encoding. Nesting and the number
of values are limited. Pure.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from adapters.rtmp import amf3
from adapters.rtmp.amf3 import UNDEFINED, Date, TypedObject, Xml
from adapters.rtmp.errors import LocalProtocolError, RemoteProtocolError, Violation

__all__ = ["MAX_DEPTH", "MAX_VALUES", "UNDEFINED", "Date", "EcmaArray", "TypedObject", "Xml", "decode", "encode"]

MAX_DEPTH: Final = 16
"""Objects and arrays inside each other."""
MAX_VALUES: Final = 4096
"""Values in one message."""

NUMBER, BOOLEAN, STRING, OBJECT, NULL, UNDEFINED_MARK, REFERENCE, ECMA_ARRAY, OBJECT_END = 0, 1, 2, 3, 5, 6, 7, 8, 9
STRICT_ARRAY, DATE, LONG_STRING, UNSUPPORTED, XML_DOCUMENT, TYPED_OBJECT, AMF3 = 10, 11, 12, 13, 15, 16, 17

_DOUBLE = struct.Struct(">d")
_DATE = struct.Struct(">dh")


class EcmaArray(dict[str, object]):
    """An object that was, or is to be, written with the ECMA array marker. The count that is written with it is only a
    hint (encoders write 0 or a wrong one), so it is not kept."""

    __slots__ = ()


def decode(data: bytes, start: int = 0) -> list[object]:
    """All values in `data` from `start` to its end. Raises RemoteProtocolError."""
    return _Decoder(data, start).values()


class _Decoder:
    """Reads values one after another. References count from the beginning of the message."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self._position = position
        self._depth = 0
        self._left = MAX_VALUES
        self._complex: list[object] = []
        """What references can point at: objects and arrays in the order in which they began."""

    def values(self) -> list[object]:
        found = []
        while self._position < len(self._data):
            found.append(self._value())
        return found

    def _take(self, count: int) -> bytes:
        start = self._position
        self._position = end = start + count
        taken = self._data[start:end]
        if len(taken) < count:
            raise RemoteProtocolError(Violation.AMF, "AMF0 data ends too early")
        return taken

    def _value(self) -> object:
        self._left -= 1
        if self._left < 0:
            raise RemoteProtocolError(Violation.AMF, f"more than {MAX_VALUES} values")
        marker = self._take(1)[0]
        read = _READERS.get(marker)
        if read is None:
            raise RemoteProtocolError(Violation.AMF, f"AMF0 marker {marker}")
        return read(self)

    def _number(self) -> float:
        value: float = _DOUBLE.unpack(self._take(8))[0]
        return value

    def _boolean(self) -> bool:
        return self._take(1) != b"\0"

    def _string(self) -> str:
        return self._take(int.from_bytes(self._take(2))).decode("utf-8", "replace")

    def _long_string(self) -> str:
        return self._take(int.from_bytes(self._take(4))).decode("utf-8", "replace")

    def _xml(self) -> Xml:
        return Xml(self._long_string())

    def _null(self) -> None:
        return None

    def _undefined(self) -> object:
        return UNDEFINED

    def _date(self) -> Date:
        milliseconds, zone = _DATE.unpack(self._take(10))
        return Date(milliseconds, zone)

    def _reference(self) -> object:
        index = int.from_bytes(self._take(2))
        if index >= len(self._complex):
            raise RemoteProtocolError(Violation.AMF, f"reference {index} points at nothing")
        return self._complex[index]

    def _object(self) -> dict[str, object]:
        return self._members({})

    def _typed_object(self) -> TypedObject:
        found = TypedObject(self._string())
        self._members(found)
        return found

    def _ecma_array(self) -> EcmaArray:
        count = int.from_bytes(self._take(4))
        found = EcmaArray()
        self._members(found, count)
        return found

    def _members(self, members: dict[str, object], count: int = 0) -> dict[str, object]:
        """Names and values up to the end marker. An ECMA array that ends the message with its count fulfilled may go
        without one."""
        self._enter(members)
        while True:
            if 0 < count <= len(members) and self._position == len(self._data):
                break
            name = self._string()
            if not name and self._data[self._position : self._position + 1] == b"\x09":
                self._position += 1
                break
            members[name] = self._value()
        self._depth -= 1
        return members

    def _strict_array(self) -> list[object]:
        count = int.from_bytes(self._take(4))
        if count > self._left:
            raise RemoteProtocolError(Violation.AMF, f"an array of {count} values")
        found: list[object] = []
        self._enter(found)
        for _ in range(count):
            found.append(self._value())
        self._depth -= 1
        return found

    def _enter(self, value: object) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise RemoteProtocolError(Violation.AMF, f"more than {MAX_DEPTH} objects inside each other")
        self._complex.append(value)

    def _amf3(self) -> object:
        value, self._position, self._left = amf3.decode(self._data, self._position, self._left, MAX_DEPTH - self._depth)
        return value


_READERS: Final[Mapping[int, Callable[[_Decoder], object]]] = {
    NUMBER: _Decoder._number,
    BOOLEAN: _Decoder._boolean,
    STRING: _Decoder._string,
    OBJECT: _Decoder._object,
    NULL: _Decoder._null,
    UNDEFINED_MARK: _Decoder._undefined,
    REFERENCE: _Decoder._reference,
    ECMA_ARRAY: _Decoder._ecma_array,
    STRICT_ARRAY: _Decoder._strict_array,
    DATE: _Decoder._date,
    LONG_STRING: _Decoder._long_string,
    UNSUPPORTED: _Decoder._undefined,
    XML_DOCUMENT: _Decoder._xml,
    TYPED_OBJECT: _Decoder._typed_object,
    AMF3: _Decoder._amf3,
}


def encode(values: Iterable[object]) -> bytes:
    """The values one after another. References are not used. Raises LocalProtocolError for what AMF0 cannot say."""
    out = bytearray()
    for value in values:
        _write(out, value, 0)
    return bytes(out)


def _write(out: bytearray, value: object, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise LocalProtocolError(f"more than {MAX_DEPTH} objects inside each other")
    if value is None:
        out.append(NULL)
    elif value is UNDEFINED:
        out.append(UNDEFINED_MARK)
    elif isinstance(value, bool):
        out += bytes((BOOLEAN, value))
    elif isinstance(value, int | float):
        out.append(NUMBER)
        out += _DOUBLE.pack(value)
    elif isinstance(value, str):
        _write_string(out, value)
    elif isinstance(value, Mapping):
        _write_object(out, value, depth)
    elif isinstance(value, list | tuple):
        out.append(STRICT_ARRAY)
        out += len(value).to_bytes(4)
        for item in value:
            _write(out, item, depth + 1)
    elif isinstance(value, Date):
        out.append(DATE)
        out += _DATE.pack(value.milliseconds, value.zone)
    else:
        raise LocalProtocolError(f"AMF0 has no form for {type(value).__name__}")


def _write_string(out: bytearray, value: str) -> None:
    data = value.encode("utf-8", "replace")
    if isinstance(value, Xml):
        out.append(XML_DOCUMENT)
        out += len(data).to_bytes(4)
    elif len(data) > 0xFFFF:
        out.append(LONG_STRING)
        out += len(data).to_bytes(4)
    else:
        out.append(STRING)
        out += len(data).to_bytes(2)
    out += data


def _write_object(out: bytearray, value: Mapping[object, object], depth: int) -> None:
    if isinstance(value, TypedObject):
        out.append(TYPED_OBJECT)
        _write_name(out, value.name)
    elif isinstance(value, EcmaArray):
        out.append(ECMA_ARRAY)
        out += len(value).to_bytes(4)
    else:
        out.append(OBJECT)
    for name, item in value.items():
        _write_name(out, str(name))
        _write(out, item, depth + 1)
    out += b"\0\0\x09"


def _write_name(out: bytearray, name: str) -> None:
    data = name.encode("utf-8", "replace")
    if len(data) > 0xFFFF:
        raise LocalProtocolError(f"a member name of {len(data)} bytes")
    out += len(data).to_bytes(2)
    out += data
