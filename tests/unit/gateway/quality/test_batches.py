"""Batches of reports: those as they should be are read in one step, and come to the same as if each were read with patience."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from gateway.quality.batches import AT_ONCE, Batches
from gateway.quality.reports import Direction, Dropped, Event, MediaReport, Parsed, Told

SENT = 1_800_000_000.0
GOOD = {"direction": "push", "event": "bindnetstatus", "streamID": "a", "at": (SENT - 2) * 1000, "data": {"videoGOP": "2"}}
SAID = Told("push", "bindnetstatus", Parsed(MediaReport("push", gop=2.0)), "a", 2.0)


def read(reports: list[Any], data_bytes: int = AT_ONCE, most: int = 20) -> list[Told | Dropped]:
    batches = Batches(most, data_bytes)
    return [batches.read(part, SENT) for part in batches.parts(Raw(json.dumps(reports).encode()))]


def read_one_by_one(reports: list[Any]) -> list[Told | Dropped]:
    """With something among them that is no report: the batch does not fit as a whole."""
    *told, wrong = read([*reports, 7])
    assert wrong is Dropped.NOT_AN_OBJECT
    return told


@pytest.mark.parametrize("how", [read, read_one_by_one])
def test_a_report_says_what_it_is_about_and_how_old_it_is(how: Any) -> None:
    assert how([GOOD, GOOD]) == [SAID, SAID]


def test_in_a_large_batch_each_is_read_by_itself() -> None:
    assert read([GOOD] * 9, data_bytes=100) == [SAID] * 9


@pytest.mark.parametrize("how", [read, read_one_by_one])
def test_data_that_are_too_large_are_left_out(how: Any) -> None:
    large = GOOD | {"data": {"more": "x" * AT_ONCE}}
    assert how([GOOD, large]) == [SAID, Dropped.TOO_LARGE]


_NUMBER = st.integers(-10, 10_000) | st.floats(-10, 1e7) | st.sampled_from(["12", "1e400", "NaN", "x", "null", ""]) | st.none()
_DATA = st.dictionaries(
    st.sampled_from(["code", "errCode", "message", "videoFPS", "videoGOP", "fps", "loss", "hardware", "video", "detail", "info"]),
    _NUMBER | st.booleans() | st.fixed_dictionaries({}, optional={"info": st.just({"videoGOP": 1}), "code": _NUMBER}),
)
_REPORT = st.fixed_dictionaries(
    {
        "direction": st.sampled_from([*get_args(Direction), "up"]) | _NUMBER,
        "event": st.sampled_from([*get_args(Event), "bindsomething"]) | _NUMBER,
    },
    optional={
        "streamID": st.sampled_from(["a", "", "s" * 257]) | _NUMBER, "at": _NUMBER | st.booleans(), "data": _DATA | _NUMBER,
    },
)  # fmt: skip


_FITS = st.builds(
    lambda direction, event, more, data: {"direction": direction, "event": event, "data": data} | more,
    st.sampled_from(get_args(Direction)),
    st.sampled_from(get_args(Event)),
    st.fixed_dictionaries({}, optional={
        "streamID": st.sampled_from(["a", ""]) | st.none(), "at": st.floats(0, 2e12) | st.sampled_from(["NaN", "12"]) | st.none(),
    }),
    st.dictionaries(
        st.sampled_from(["code", "videoFPS", "fps", "width", "videoCache", "unknown"]), st.integers(0, 30) | st.just("12")
    ),
)  # fmt: skip


@given(st.lists(_FITS, min_size=1, max_size=4))
def test_those_that_fit_are_read_in_one_step_and_come_to_the_same(reports: list[Any]) -> None:
    parts = Batches(20, AT_ONCE).parts(Raw(json.dumps(reports).encode()))
    assert not any(isinstance(part, Raw) for part in parts)
    assert read(reports) == read_one_by_one(reports)


@given(st.lists(_FITS | _REPORT, max_size=4))
def test_both_ways_lead_to_the_same(reports: list[Any]) -> None:
    assert read(reports) == read_one_by_one(reports)
