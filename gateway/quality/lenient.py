"""Reads JSON whose shape cannot be relied on into typed members. Pure.

Usual reports are decoded in one step. Only one that does not fit is taken apart member by member, so that what is wrong
costs its own member and nothing else.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import Struct, inspect

_LONGEST_NUMBER = 64
"""Characters of a text that can be a number."""


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


_Read: TypeAlias = Callable[[Any, list[Dropped]], Any]
"""From a JSON value to a member; `None`: not said. What is left out is added to the list."""
Shape = TypeVar("Shape", bound=Struct)


class LenientDecoder(Generic[Shape]):
    """Decodes one kind of object, all of whose members are optional numbers (`Annotated` with their range), booleans,
    texts, or such objects. Its members' types are all there is to say of what is accepted.

    Numbers and booleans may be texts; an empty text and `"null"` say nothing, like `null` and a missing member.
    """

    def __init__(self, kind: type[Shape]) -> None:
        self._at_once = msgspec.json.Decoder(kind, strict=False).decode
        self._by_member = _reader(inspect.type_info(kind))

    def decode(self, data: bytes) -> tuple[Shape | None, tuple[Dropped, ...]]:
        """The object, and why what is missing was left out. `None`: nothing could be read. Raises nothing."""
        try:
            return self._at_once(data), ()
        except (ValueError, RecursionError):
            pass  # most often one member only; the careful way tells
        try:
            # more lenient than JSON: NaN, halves of characters, numbers of any length
            value = json.loads(data.decode("utf-8", "replace"), parse_int=float, strict=False)
        except (ValueError, RecursionError):
            return None, (Dropped.NOT_JSON,)
        if not isinstance(value, dict):
            return None, (Dropped.NOT_AN_OBJECT,)
        dropped: list[Dropped] = []
        return self._by_member(value, dropped), tuple(dropped)


def _reader(kind: inspect.Type) -> _Read:
    match kind:
        case inspect.UnionType():
            (said,) = (one for one in kind.types if not isinstance(one, inspect.NoneType))
            return _reader(said)
        case inspect.StructType():
            return partial(_object, kind.cls, tuple((one.name, one.encode_name, _reader(one.type)) for one in kind.fields))
        case inspect.FloatType(ge=low, le=high) if low is not None and high is not None:
            return partial(_number, low, high)
        case inspect.BoolType():
            return _flag
        case inspect.StrType():
            return _text
    raise TypeError(f"cannot be read leniently: {kind}")


def _object(kind: type[Struct], members: tuple[tuple[str, str, _Read], ...], value: Any, dropped: list[Dropped]) -> Struct | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        dropped.append(Dropped.NOT_AN_OBJECT)
        return None
    return kind(**{name: read(value.get(wire), dropped) for name, wire, read in members})


def _number(low: float, high: float, value: Any, dropped: list[Dropped]) -> float | None:
    if value is None or _says_nothing(value):
        return None
    number = _from_text(value) if isinstance(value, str) else value
    if not isinstance(number, float):
        dropped.append(Dropped.NOT_A_NUMBER)
    elif math.isnan(number) or not low <= number <= high:
        dropped.append(Dropped.OUT_OF_RANGE)
    else:
        return number
    return None


def _from_text(text: str) -> float | None:
    # float() takes more than numbers as programs write them: 1_000, and the digits of all scripts
    if len(text) > _LONGEST_NUMBER or "_" in text or not text.isascii():
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _flag(value: Any, dropped: list[Dropped]) -> bool | None:
    if value is None or _says_nothing(value):
        return None
    said = value.strip().lower() if isinstance(value, str) else value
    if said in (True, "true", "1"):
        return True
    if said in (False, "false", "0"):
        return False
    dropped.append(Dropped.NOT_A_NUMBER)
    return None


def _text(value: Any, _: list[Dropped]) -> str | None:
    return value if isinstance(value, str) else None  # texts are for people: nothing hangs on one


def _says_nothing(value: Any) -> bool:
    return isinstance(value, str) and value.strip().lower() in ("", "null")
