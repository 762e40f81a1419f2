"""Reports from anyone: whatever a client says of its media is read or left out, and what is read is bounded.

The first byte chooses what the rest is said to be; the rest is read as it is, and laid over a report that is right.
"""

from __future__ import annotations

import json
import math
from typing import get_args

from msgspec import structs

from gateway.quality.reports import CodeReport, Direction, Event, MediaReport, Parsed, parse_report
from tests.fuzz import run

_KINDS: list[tuple[Direction, Event]] = [(way, event) for way in get_args(Direction) for event in get_args(Event)]
_MOST_DROPPED = 80
"""Members of the largest shape."""
_MOST = 1e9
"""bit/s are the largest numbers."""

_VALID: dict[Event, list[bytes]] = {
    "bindstatechange": [b'{"code":1101,"message":"x"}', b'{"detail":{"code":"-1307","reason":"x"}}'],
    "binderror": [b'{"errCode":10001,"errMsg":"x"}'],
    "bindnetstatus": [
        b'{"videoBitrate":800,"videoFPS":"15","videoGOP":3,"netQualityLevel":2,"videoCache":3,"audioCache":4}',
        b'{"detail":{"info":{"videoCache":300,"vDecoderCacheSize":"2","avPlayInterval":-40,"netJitter":null}}}',
    ],
    "stats": [
        b'{"audioBitrate":48000,"fps":15,"roundTrip":0.1,"loss":0.01,"buffer":0.2,"hardware":true}',
        b'{"video":{"videoBitrate":800,"videoPacketsLostRate":1.5,"videoQuality":-1},"audio":{"audioJitter":3},"rtt":20}',
    ],
}


def assert_bounded(parsed: Parsed) -> None:
    """What every reader may rely on: finite numbers within their ranges, short texts that any encoding takes."""
    report = parsed.report
    assert len(parsed.dropped) <= _MOST_DROPPED
    assert report is not None or parsed.dropped, "what is left out is left out for a reason"
    if isinstance(report, CodeReport):
        assert len(report.message) <= 256
        assert report.message.isprintable()
        assert -(2**31) <= report.code < 2**31
    elif isinstance(report, MediaReport):
        said = {name: number for name, number in structs.asdict(report).items() if name != "direction" and number is not None}
        for name, number in said.items():
            assert math.isfinite(number), name
            assert 0 <= number <= _MOST, name
        assert all(said.get(part, 0) <= 1 for part in ("loss", "freezes", "dropped"))
        assert said.get("level", 1) in range(1, 7)
        assert not said.keys() & ({"buffer", "skew", "freezes", "dropped"} if report.direction == "push" else {"backlog"})
    if report is not None:
        json.dumps(structs.asdict(report), allow_nan=False).encode()


def one_input(data: bytes) -> None:
    if not data:
        return
    direction, event = _KINDS[data[0] % len(_KINDS)]
    said = data[1:]
    assert_bounded(parse_report(direction, event, said))
    for valid in _VALID[event]:
        at = data[-1] % len(valid)
        assert_bounded(parse_report(direction, event, valid[:at] + said + valid[at:]))
        assert_bounded(parse_report(direction, event, valid[:at] + said + valid[at + len(said) :]))


if __name__ == "__main__":
    run(one_input)
