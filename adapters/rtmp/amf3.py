"""AMF3: read where an AMF0 message switches to it, never written. Adobe "Action Message Format AMF 3", 2013.

What Flash clients put into commands is read: plain values, strings, objects, arrays, dates, XML, byte arrays, and references
to them. Externalizable classes, vectors and dictionaries are refused: without their code their length is not known.
Pure.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from adapters.rtmp.errors import RemoteProtocolError, Violation

_Entry = TypeVar("_Entry")


class Undefined:
    """The type of UNDEFINED."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNDEFINED"


UNDEFINED: Final = Undefined()
"""ActionScript's `undefined`, which is not null."""


@dataclass(frozen=True, slots=True)
class Date:
    """A moment."""

    milliseconds: float
    """Since 1970 in UTC."""
    zone: int = 0
    """AMF0's time zone field, which should be 0."""


class Xml(str):
    """An XML document, not looked into."""

    __slots__ = ()


class TypedObject(dict[str, object]):
    """An object of a named class."""

    __slots__ = ("name",)

    def __init__(self, name: str, members: Mapping[str, object] | None = None) -> None:
        super().__init__(members or {})
        self.name = name


@dataclass(frozen=True, slots=True)
class _Traits:
    """What objects of one class have in common."""

    name: str
    members: tuple[str, ...]
    dynamic: bool


def decode(data: bytes, position: int, left: int, depth: int) -> tuple[object, int, int]:
    """One AMF3 value at `position`: the value, the position behind it, and how many of `left` values remain.

    `depth` is how many objects may be inside each other. Raises RemoteProtocolError.
    """
    decoder = _Decoder(data, position, left, depth)
    value = decoder.value()
    return value, decoder.position, decoder.left


class _Decoder:
    """Reads one value with its own reference tables."""

    def __init__(self, data: bytes, position: int, left: int, depth: int) -> None:
        self._data = data
        self.position = position
        self.left = left
        self._depth = depth
        self._strings: list[str] = []
        self._objects: list[object] = []
        self._traits: list[_Traits] = []

    def _take(self, count: int) -> bytes:
        start = self.position
        self.position = end = start + count
        taken = self._data[start:end]
        if len(taken) < count:
            raise RemoteProtocolError(Violation.AMF, "AMF3 data ends too early")
        return taken

    def value(self) -> object:
        """The next value."""
        self.left -= 1
        if self.left < 0:
            raise RemoteProtocolError(Violation.AMF, "too many values")
        marker = self._take(1)[0]
        read = _READERS.get(marker)
        if read is None:
            raise RemoteProtocolError(Violation.AMF, f"AMF3 marker {marker}")
        return read(self)

    def _u29(self) -> int:
        """Section 1.3.1: seven bits in each of three bytes, eight in a fourth."""
        value = 0
        for _ in range(3):
            byte = self._take(1)[0]
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value
        return value << 8 | self._take(1)[0]

    def _integer(self) -> float:
        value = self._u29()
        return float(value - (1 << 29) if value >= 1 << 28 else value)

    def _double(self) -> float:
        value: float = struct.unpack(">d", self._take(8))[0]
        return value

    def _text(self) -> str:
        head = self._u29()
        if not head & 1:
            return self._at(self._strings, head >> 1)
        text = self._take(head >> 1).decode("utf-8", "replace")
        if text:
            self._strings.append(text)
        return text

    def _reference_or_head(self) -> tuple[object | None, int]:
        """An object seen before, or None and what its head says of a new one."""
        head = self._u29()
        if head & 1:
            return None, head >> 1
        return self._at(self._objects, head >> 1), 0

    def _at(self, table: list[_Entry], index: int) -> _Entry:
        if index >= len(table):
            raise RemoteProtocolError(Violation.AMF, f"reference {index} points at nothing")
        return table[index]

    def _date(self) -> object:
        known, _ = self._reference_or_head()
        if known is not None:
            return known
        found = Date(self._double())
        self._objects.append(found)
        return found

    def _xml(self) -> object:
        known, length = self._reference_or_head()
        if known is not None:
            return known
        found = Xml(self._take(length).decode("utf-8", "replace"))
        self._objects.append(found)
        return found

    def _byte_array(self) -> object:
        known, length = self._reference_or_head()
        if known is not None:
            return known
        found = self._take(length)
        self._objects.append(found)
        return found

    def _enter(self, value: object) -> None:
        self._depth -= 1
        if self._depth < 0:
            raise RemoteProtocolError(Violation.AMF, "too many objects inside each other")
        self._objects.append(value)

    def _array(self) -> object:
        """A list if the array has no named members, otherwise a dict with the others under their numbers."""
        known, count = self._reference_or_head()
        if known is not None:
            return known
        if count > self.left:
            raise RemoteProtocolError(Violation.AMF, f"an array of {count} values")
        name = self._text()
        if not name:
            items: list[object] = []
            self._enter(items)
            for _ in range(count):
                items.append(self.value())
            self._depth += 1
            return items
        members: dict[str, object] = {}
        self._enter(members)
        while name:
            members[name] = self.value()
            name = self._text()
        for index in range(count):
            members[str(index)] = self.value()
        self._depth += 1
        return members

    def _object(self) -> object:
        known, head = self._reference_or_head()
        if known is not None:
            return known
        traits = self._traits_of(head)
        found: dict[str, object] = TypedObject(traits.name) if traits.name else {}
        self._enter(found)
        for name in traits.members:
            found[name] = self.value()
        while traits.dynamic and (name := self._text()):
            found[name] = self.value()
        self._depth += 1
        return found

    def _traits_of(self, head: int) -> _Traits:
        """Section 3.12: the bits of an object's head are reference, externalizable, dynamic, number of members."""
        if not head & 1:
            return self._at(self._traits, head >> 1)
        if head & 2:
            raise RemoteProtocolError(Violation.AMF, "an externalizable AMF3 object")
        count = head >> 3
        if count > self.left:
            raise RemoteProtocolError(Violation.AMF, f"an object of {count} members")
        name = self._text()
        traits = _Traits(name, tuple(self._text() for _ in range(count)), bool(head & 4))
        self._traits.append(traits)
        return traits


_READERS: Final[Mapping[int, Callable[[_Decoder], object]]] = {
    0: lambda decoder: UNDEFINED,
    1: lambda decoder: None,
    2: lambda decoder: False,
    3: lambda decoder: True,
    4: _Decoder._integer,
    5: _Decoder._double,
    6: _Decoder._text,
    7: _Decoder._xml,
    8: _Decoder._date,
    9: _Decoder._array,
    10: _Decoder._object,
    11: _Decoder._xml,
    12: _Decoder._byte_array,
}
"""By marker, in the order of section 3.1."""
