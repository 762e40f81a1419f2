"""Reads JSON whose shape cannot be relied on into typed members. Pure.

Usual reports are decoded in one step. Only one that does not fit is taken apart member by member, so that what is wrong
costs its own member and nothing else. Members are looked at as they are written: of what is not asked for nothing is made,
however much there is of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import Raw, Struct, inspect

_NOT_SAID = Raw(b"null")
_FLAGS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
_decode_string = msgspec.json.Decoder(str).decode


class Dropped(StrEnum):
    """Why a report, or a member of one, was left out."""

    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    UNKNOWN_EVENT = "unknown_event"
    """In a batch: its direction or its event is none that there is."""
    TOO_LARGE = "too_large"
    NO_CODE = "no_code"
    NOT_A_NUMBER = "not_a_number"
    """Nor a yes or no, where that is asked for."""
    OUT_OF_RANGE = "out_of_range"
    EMPTY = "empty"
    """It says nothing that is known here."""


_Read: TypeAlias = Callable[[bytes, list[Dropped]], Any]
"""From a member as it is written to its value; `None`: not said. What is left out is added to the list."""
Shape = TypeVar("Shape", bound=Struct)


class LenientDecoder(Generic[Shape]):
    """Decodes one kind of object, all of whose members are optional numbers (`Annotated` with their range), booleans,
    texts, or such objects. Its members' types are all there is to say of what is accepted.

    Numbers and booleans may be texts; an empty text and `"null"` say nothing, like `null` and a missing member.
    """

    def __init__(self, kind: type[Shape]) -> None:
        self._at_once = msgspec.json.Decoder(kind, strict=False).decode
        self._by_member = _object_reader(kind)

    def decode(self, data: bytes) -> tuple[Shape | None, tuple[Dropped, ...]]:
        """The object, and why what is missing was left out. `None`: nothing could be read. Raises nothing."""
        try:
            return self._at_once(data), ()
        except (ValueError, RecursionError):
            pass  # most often one member only; the careful way tells
        dropped: list[Dropped] = []
        try:
            return self._by_member(data, dropped), tuple(dropped)
        except msgspec.ValidationError:
            return None, (Dropped.NOT_AN_OBJECT,)
        except (ValueError, RecursionError):
            return None, (Dropped.NOT_JSON,)


def _reader(kind: inspect.Type) -> _Read:
    match kind:
        case inspect.UnionType():
            (said,) = (one for one in kind.types if not isinstance(one, inspect.NoneType))
            return _reader(said)
        case inspect.StructType():
            return partial(_inner, _object_reader(kind.cls))
        case inspect.FloatType(ge=low, le=high) if low is not None and high is not None:
            return partial(_number, low, high)
        case inspect.BoolType():
            return _flag
        case inspect.StrType():
            return _text
    raise TypeError(f"cannot be read leniently: {kind}")


def _object_reader(kind: type[Struct]) -> _Read:
    """Raises msgspec.ValidationError of what is no object, ValueError of what is no JSON."""
    shape = inspect.type_info(kind)
    assert isinstance(shape, inspect.StructType)
    readers = {one.name: _reader(one.type) for one in shape.fields}
    raws = [(one.name, Raw, msgspec.field(default=_NOT_SAID, name=one.encode_name)) for one in shape.fields]
    decode = msgspec.json.Decoder(msgspec.defstruct(f"Raw{kind.__name__}", raws)).decode

    def read(data: bytes, dropped: list[Dropped]) -> Struct:
        written = decode(data)
        return kind(**{name: read(bytes(getattr(written, name)), dropped) for name, read in readers.items()})

    return read


def _inner(read: _Read, written: bytes, dropped: list[Dropped]) -> Any:
    if written.startswith(b"{"):
        return read(written, dropped)
    if written != b"null":
        dropped.append(Dropped.NOT_AN_OBJECT)
    return None


def _number(low: float, high: float, written: bytes, dropped: list[Dropped]) -> float | None:
    said = _scalar(written)
    if said is None:
        return None
    number = _from_text(said)
    if number is None:
        dropped.append(Dropped.NOT_A_NUMBER)
    elif math.isnan(number) or not low <= number <= high:
        dropped.append(Dropped.OUT_OF_RANGE)
    else:
        return number
    return None


def _from_text(text: str) -> float | None:
    # float() takes more than numbers as programs write them: 1_000, and the digits of all scripts
    if "_" in text or not text.isascii():
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _flag(written: bytes, dropped: list[Dropped]) -> bool | None:
    said = _scalar(written)
    if said is None:
        return None
    flag = _FLAGS.get(said.strip().lower())
    if flag is None:
        dropped.append(Dropped.NOT_A_NUMBER)
    return flag


def _scalar(written: bytes) -> str | None:
    """A number or a boolean, whether it is written as a text or not; `None`: it says nothing."""
    if written.startswith((b"[", b"{")):
        return "neither"
    said = _string(written) if written.startswith(b'"') else written.decode()
    return None if said.strip().lower() in ("", "null") else said


def _text(written: bytes, _: list[Dropped]) -> str | None:
    return _string(written) if written.startswith(b'"') else None  # texts are for people: nothing hangs on one


def _string(written: bytes) -> str:
    try:
        return _decode_string(written)
    except UnicodeDecodeError:
        return _decode_string(written.decode("utf-8", "replace"))
