"""Reports that come several at a time: each of them is read, or left out, by itself. Pure.

Most are as they should be, and are decoded in one step, their data included. A batch with one that does not fit is split into its
reports as they are written, and each is read with all patience: both ways lead to the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import isfinite
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta, Raw, Struct, field

from gateway.quality.report_shapes import CodeEvent, Stats, StatusEvent
from gateway.quality.reports import Direction, Dropped, Event, Told, meaning, parse_report

AT_ONCE = 16_384
"""Bytes of the largest batch that is decoded in one step: however small its reports, they are not many."""
UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What msgspec raises of a text that is not JSON, or other JSON than is asked for."""

NOT_TOLD = Raw(b"null")
"""A moment that is not there."""

_StreamId: TypeAlias = Annotated[str, Meta(max_length=256)] | None
_NOTHING = Raw()


class _Usual(Struct, frozen=True, kw_only=True, gc=False, tag_field="event"):
    """A report that is as it should be."""

    direction: Direction
    stream_id: _StreamId = field(default=None, name="streamID")
    at: float | None = None


class _StateChange(_Usual, frozen=True, kw_only=True, gc=False, tag="bindstatechange"):
    data: CodeEvent


class _Error(_Usual, frozen=True, kw_only=True, gc=False, tag="binderror"):
    data: CodeEvent


class _NetStatus(_Usual, frozen=True, kw_only=True, gc=False, tag="bindnetstatus"):
    data: StatusEvent


class _Stats(_Usual, frozen=True, kw_only=True, gc=False, tag="stats"):
    data: Stats


_UsualOne: TypeAlias = _StateChange | _Error | _NetStatus | _Stats
_EVENTS: Mapping[type, Event] = {
    _StateChange: "bindstatechange", _Error: "binderror", _NetStatus: "bindnetstatus", _Stats: "stats",
}  # fmt: skip


class _Kind(Struct, frozen=True):
    """What any report is about."""

    direction: Direction
    event: Event


class _Report(_Kind, frozen=True):
    """Any report, its data not yet looked into."""

    stream_id: _StreamId = field(default=None, name="streamID")
    at: Raw = NOT_TOLD
    data: Raw = Raw(b"{}")


Part: TypeAlias = _UsualOne | Raw
"""What a batch is taken apart into."""

_decode_usual = msgspec.json.Decoder(list[_UsualOne], strict=False).decode
_decode_report = msgspec.json.Decoder(_Report).decode
_decode_kind = msgspec.json.Decoder(_Kind).decode
_decode_number = msgspec.json.Decoder(float, strict=False).decode


class Batches:
    """Reads batches of at most `most` reports, the data of each at most `data_bytes`."""

    def __init__(self, most: int, data_bytes: int) -> None:
        self._data_bytes = data_bytes
        self._at_once = min(data_bytes, AT_ONCE)
        self._split = _splitter(most + 1)

    def parts(self, batch: Raw) -> Sequence[Part]:
        """The parts of a batch; of one that has more than it may, one more is enough. Raises msgspec.ValidationError of what is
        no list."""
        if memoryview(batch).nbytes <= self._at_once:
            try:
                return _decode_usual(batch)
            except UNREADABLE:
                pass  # most often one report only; the careful way tells
        return self._split(batch)

    def read(self, part: Part, sent: float) -> Told | Dropped:
        """The report that a part is, or why it is none. `sent`: when the batch was, in seconds, by the clock of the one who made
        it."""
        if not isinstance(part, Raw):
            event, at = _EVENTS[type(part)], part.at
            age = 0.0 if at is None else _age(at, sent)
            return Told(part.direction, event, meaning(part.direction, event, part.data), part.stream_id or "", age)
        try:
            report = _decode_report(part)
        except UNREADABLE:
            return _wrong_with(bytes(part))
        data = bytes(report.data)
        if len(data) > self._data_bytes:
            return Dropped.TOO_LARGE
        at = milliseconds(report.at)
        age = 0.0 if at is None else _age(at, sent)
        parsed = parse_report(report.direction, report.event, data)
        return Told(report.direction, report.event, parsed, report.stream_id or "", age)


def milliseconds(told: Raw) -> float | None:
    """A moment that somebody tells; `None`: it was not told, or cannot be read."""
    if told is NOT_TOLD:
        return None
    try:
        moment = _decode_number(told)
    except UNREADABLE:
        return None
    return moment if isfinite(moment) else None


def _age(at: float, sent: float) -> float:
    """Seconds. `at`: in milliseconds. A clock that was set meanwhile says nothing."""
    return max(0.0, sent - at / 1000) if isfinite(at) else 0.0


@cache
def _splitter(most: int) -> Callable[[Raw], list[Raw]]:
    """What takes a list apart into its first parts, as they are written, and only reads past what follows: a tuple of so many
    members may be followed by others. It raises msgspec.ValidationError of what is no list."""
    shape = msgspec.defstruct("Parts", [(f"part_{number}", Raw, _NOTHING) for number in range(most)], array_like=True)
    decode = msgspec.json.Decoder(shape).decode
    return lambda batch: [part for part in msgspec.structs.astuple(decode(batch)) if part is not _NOTHING]


def _wrong_with(report: bytes) -> Dropped:
    """Why this is no report."""
    if not report.startswith(b"{"):
        return Dropped.NOT_AN_OBJECT
    try:
        _decode_kind(report)
    except UNREADABLE:
        return Dropped.UNKNOWN_EVENT
    return Dropped.OUT_OF_RANGE  # its streamID
