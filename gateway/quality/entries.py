"""How what is known of quality is written into the history: small JSON values, members named as everywhere on the wire. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.quality.readings import EgressReading, IngestReading, PathReading
from gateway.quality.reports import CodeReport, MediaReport
from gateway.quality.verdict import Leg, Verdict

_DIGITS = 4
"""Decimals of a number: a tenth of a millisecond."""
_LEFT_OUT = frozenset(("direction", "path", "joined_at", "first_picture_at"))
"""Members that are not told as they are: times of the loop mean nothing outside the process."""


def _wire(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(map(str.capitalize, rest))


def _table(kind: type) -> tuple[tuple[str, str], ...]:
    return tuple((name, _wire(name)) for name in kind.__annotations__ if name not in _LEFT_OUT)


_MEMBERS: Mapping[type, tuple[tuple[str, str], ...]] = {
    kind: _table(kind) for kind in (IngestReading, EgressReading, PathReading, MediaReport)
}


def measured(reading: IngestReading | EgressReading) -> dict[str, Any]:
    """What the gateway measured of a stream (`direction` push) or of a viewer (pull). Members that are unknown are left
    out."""
    if isinstance(reading, IngestReading):
        return {"direction": "push", **_members(reading), **_members(reading.path)}
    return {"direction": "pull", **_members(reading), **_members(reading.path)} | _known("backlog", reading.backlog)


def told(report: MediaReport) -> dict[str, Any]:
    """What a client measured."""
    return {"direction": report.direction, **_members(report)}


def code(report: CodeReport, meaning: str) -> dict[str, Any]:
    return {"direction": report.direction, "code": report.code, "meaning": meaning}


def verdict(leg: Leg, reached: Verdict) -> dict[str, Any]:
    evidence = [
        {
            "measure": one.measure, "value": round(one.value, _DIGITS), "limit": one.limit, "level": one.level.label,
            "source": one.source.value,
        }
        for one in reached.evidence
    ]  # fmt: skip
    return {"leg": leg.value, "level": reached.level.label, "evidence": evidence}


def _members(of: object) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, wire in _MEMBERS[type(of)]:
        found |= _known(wire, getattr(of, name))
    return found


def _known(wire: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    return {wire: round(value, _DIGITS) if isinstance(value, float) else value}


