"""What clients say of their media: these samples make these reports, and nothing that they say makes anything else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from gateway.quality.reports import CodeReport, Direction, Dropped, Event, MediaReport, Parsed, parse_report
from tests.fuzz.reports import assert_bounded, one_input

SAMPLES = Path(__file__).parents[3] / "data" / "quality"
GOLDEN = {
    f"{file.stem}: {name}": sample
    for file in sorted(SAMPLES.glob("*.json"))
    for name, sample in json.loads(file.read_text("utf-8")).items()
}
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
EVENTS: tuple[Event, ...] = get_args(Event)


def parse(direction: Direction, event: Event, data: object) -> Parsed:
    return parse_report(direction, event, json.dumps(data).encode())


def said(parsed: Parsed) -> dict[str, Any]:
    """The members of a media report that are not `None`."""
    assert isinstance(parsed.report, MediaReport)
    return {name: value for name, value in structs.asdict(parsed.report).items() if value is not None}


class TestSamples:
    @pytest.mark.parametrize("sample", GOLDEN.values(), ids=GOLDEN)
    def test_a_sample_makes_its_report(self, sample: Mapping[str, Any]) -> None:
        parsed = parse(sample["direction"], sample["event"], sample["data"])
        told = said(parsed)
        assert told.pop("direction") == sample["direction"]
        assert told == pytest.approx(sample["report"])
        assert [reason.value for reason in parsed.dropped] == sample.get("dropped", [])

    def test_together_they_fill_every_member(self) -> None:
        filled = {"direction"}.union(*(sample["report"] for sample in GOLDEN.values()))
        assert filled == set(MediaReport.__struct_fields__)

    def test_whole_numbers_stay_whole(self) -> None:
        parsed = parse("push", "bindnetstatus", {"videoWidth": "360.0", "videoHeight": 640.0, "netQualityLevel": "2.0"})
        report = parsed.report
        assert isinstance(report, MediaReport)
        assert [type(number) for number in (report.width, report.height, report.level)] == [int, int, int]

    def test_caches_with_the_same_numbers_differ_by_side(self) -> None:
        data = {"videoFPS": 15, "videoCache": 30, "audioCache": 0}
        assert said(parse("push", "bindnetstatus", data))["backlog"] == pytest.approx(2.0)
        assert said(parse("pull", "bindnetstatus", data))["buffer"] == pytest.approx(0.03)

    @pytest.mark.parametrize(
        ("level", "expected"), [(-1, None), (0, 1), (1, 2), (2, 3), (3, 4), (4, 5)], ids=str
    )
    def test_levels_of_zego(self, level: int, expected: int | None) -> None:
        assert said(parse("push", "stats", {"rtt": 1, "video": {"videoQuality": level}})).get("level") == expected

    @pytest.mark.parametrize("level", range(7))
    def test_levels_of_wechat(self, level: int) -> None:
        assert said(parse("pull", "bindnetstatus", {"netSpeed": 1, "netQualityLevel": level})).get("level") == (level or None)


CODES: list[tuple[Event, object, int, str]] = [
    ("bindstatechange", {"code": 1101, "message": "poor network"}, 1101, "poor network"),
    ("bindstatechange", {"code": "1101", "reason": "poor network"}, 1101, "poor network"),
    ("bindstatechange", {"code": " -1307 ", "msg": "gone"}, -1307, "gone"),
    ("bindstatechange", {"code": 2103.0}, 2103, ""),
    ("bindstatechange", {"code": 0}, 0, ""),
    ("bindstatechange", {"detail": {"code": 2105, "message": "stutter"}}, 2105, "stutter"),
    ("bindstatechange", {"type": "statechange", "detail": {"code": "2105"}, "timeStamp": 9}, 2105, ""),
    ("bindstatechange", {"detail": {}, "code": 2105}, 2105, ""),
    ("bindstatechange", {"code": 5001, "message": {"not": "a text"}}, 5001, ""),
    ("bindstatechange", {"code": 5001, "message": "", "reason": "call"}, 5001, "call"),
    ("binderror", {"errCode": 10001, "errMsg": "refused"}, 10001, "refused"),
    ("binderror", {"code": "10002", "message": "refused"}, 10002, "refused"),
    ("binderror", {"detail": {"errCode": 10004, "errMsg": "image"}}, 10004, "image"),
]


class TestCodes:
    @pytest.mark.parametrize(("event", "data", "code", "message"), CODES, ids=json.dumps)
    def test_a_code(self, event: Event, data: object, code: int, message: str) -> None:
        report = parse("push", event, data).report
        assert report == CodeReport("push", code, message, error=event == "binderror")

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            ({}, Dropped.NO_CODE),
            ({"message": "poor network"}, Dropped.NO_CODE),
            ({"code": None}, Dropped.NO_CODE),
            ({"code": ""}, Dropped.NO_CODE),
            ({"code": 1101.5}, Dropped.NO_CODE),
            ({"code": "poor"}, Dropped.NOT_A_NUMBER),
            ({"code": True}, Dropped.NOT_A_NUMBER),
            ({"code": [1101]}, Dropped.NOT_A_NUMBER),
            ({"code": 2**31}, Dropped.OUT_OF_RANGE),
            ({"code": 10**400}, Dropped.OUT_OF_RANGE),
            ({"code": "inf"}, Dropped.OUT_OF_RANGE),
        ],
        ids=lambda value: str(value)[:30],
    )
    def test_no_code(self, data: object, reason: Dropped) -> None:
        assert parse("pull", "bindstatechange", data) == Parsed(None, (reason,))

    @pytest.mark.parametrize(
        ("message", "read"),
        [
            ("one\r\ntwo\tthree\x00", "one  two three "),
            ("\x1b[31mred\x9b", " [31mred "),
            ("whole \U0001f600 one", "whole \U0001f600 one"),
            ("turned \u202e round", "turned   round"),
            ("上行网络较差", "上行网络较差"),
            ("x" * 300, "x" * 256),
            ("\n" * 300, " " * 256),
        ],
        ids=ascii,
    )
    def test_a_message_is_one_short_line(self, message: str, read: str) -> None:
        assert parse("push", "bindstatechange", {"code": 1, "message": message}).report == CodeReport("push", 1, read)

    def test_bytes_that_are_no_text_cost_no_code(self) -> None:
        assert parse_report("push", "bindstatechange", b'{"code":1101,"message":"\xff\xfe"}').report == CodeReport(
            "push", 1101, "\ufffd\ufffd"
        )


def nested(depth: int, opened: str, closed: str) -> bytes:
    return (opened * depth + "1" + closed * depth).encode()


HOSTILE: list[tuple[bytes, Dropped]] = [
    (b"", Dropped.NOT_JSON),
    (b"{", Dropped.NOT_JSON),
    (b"{}x", Dropped.NOT_JSON),
    (b"\xff\xfe{}", Dropped.NOT_JSON),
    (b"\x00", Dropped.NOT_JSON),
    (nested(8000, "[", "]"), Dropped.NOT_AN_OBJECT),
    (nested(2000, '{"info":', "}"), Dropped.NOT_JSON),
    (nested(2000, '{"detail":', "}"), Dropped.NOT_JSON),
    (b"null", Dropped.NOT_AN_OBJECT),
    (b"[]", Dropped.NOT_AN_OBJECT),
    (b'"text"', Dropped.NOT_AN_OBJECT),
    (b"1e999", Dropped.NOT_AN_OBJECT),
    (b"9" * 16_000, Dropped.NOT_AN_OBJECT),
]


class TestHostile:
    @pytest.mark.parametrize("event", EVENTS)
    @pytest.mark.parametrize(("data", "reason"), HOSTILE, ids=lambda value: repr(value)[:20])
    def test_what_is_no_object(self, event: Event, data: bytes, reason: Dropped) -> None:
        assert parse_report("push", event, data) == Parsed(None, (reason,))

    @pytest.mark.parametrize("event", ["bindnetstatus", "stats"])
    @pytest.mark.parametrize("data", [{}, {"unknown": 1}, {"code": 1101}, {"fps": None, "netSpeed": ""}])
    def test_what_says_nothing(self, event: Event, data: object) -> None:
        assert parse("push", event, data) == Parsed(None, (Dropped.EMPTY,))

    def test_what_says_only_what_cannot_be(self) -> None:
        assert parse("push", "bindnetstatus", {"netSpeed": -1}) == Parsed(None, (Dropped.OUT_OF_RANGE,))

    @pytest.mark.parametrize(
        ("number", "reason"),
        [
            ('"NaN"', Dropped.OUT_OF_RANGE),
            ('"-Infinity"', Dropped.OUT_OF_RANGE),
            ("1e999", Dropped.OUT_OF_RANGE),
            ("9" * 5000, Dropped.OUT_OF_RANGE),
            (f'"{"9" * 60}"', Dropped.OUT_OF_RANGE),
            (f'"{"9" * 5000}"', Dropped.OUT_OF_RANGE),
            ('"1_000"', Dropped.NOT_A_NUMBER),
            ('"１５"', Dropped.NOT_A_NUMBER),
            ('"0x10"', Dropped.NOT_A_NUMBER),
            ('"15fps"', Dropped.NOT_A_NUMBER),
            ("{}", Dropped.NOT_A_NUMBER),
            ("false", Dropped.NOT_A_NUMBER),
        ],
        ids=lambda value: str(value)[:20],
    )
    def test_a_wrong_member_costs_itself_only(self, number: str, reason: Dropped) -> None:
        data = f'{{"netSpeed":{number},"videoGOP":2}}'.encode()
        assert parse_report("push", "bindnetstatus", data) == Parsed(MediaReport("push", gop=2.0), (reason,))

    def test_the_last_of_two_with_one_name_counts(self) -> None:
        assert said(parse_report("push", "bindnetstatus", b'{"videoGOP":1,"videoGOP":2}'))["gop"] == 2
        assert said(parse_report("push", "bindnetstatus", b'{"videoGOP":1,"netSpeed":"?","videoGOP":2}'))["gop"] == 2

    def test_a_hostile_member_that_is_not_known_costs_nothing(self) -> None:
        deep = nested(300, '{"x":[', "]}").decode()
        data = f'{{"x":{deep},"y":{"9" * 5000},"videoGOP":2}}'.encode()
        assert parse_report("push", "bindnetstatus", data) == Parsed(MediaReport("push", gop=2.0))


NAMES = sorted({name for sample in GOLDEN.values() for name in sample["data"]} | {"code", "message", "errCode", "info", "video"})
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.integers(-10, 2000).map(str) | st.floats(-1, 20).map(str) | st.integers(0, 30)
)  # fmt: skip
MEMBERS = st.sampled_from(NAMES)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS | st.text(max_size=5), inner, max_size=8)
)
KINDS = (st.sampled_from(DIRECTIONS), st.sampled_from(EVENTS))


def about_members(parsed: Parsed) -> Parsed:
    """Without the reasons that are about the report as a whole."""
    whole = (Dropped.EMPTY, Dropped.NO_CODE, Dropped.NOT_AN_OBJECT)
    return structs.replace(parsed, dropped=tuple(reason for reason in parsed.dropped if reason not in whole))


class TestProperties:
    @given(*KINDS, st.dictionaries(MEMBERS, JSON, max_size=12) | JSON)
    def test_any_json_is_read_or_left_out(self, direction: Direction, event: Event, data: object) -> None:
        assert_bounded(parse(direction, event, data))

    @given(st.binary(max_size=300))
    def test_any_bytes_are(self, data: bytes) -> None:
        one_input(data)

    @given(*KINDS, st.dictionaries(MEMBERS, JSON, max_size=12))
    def test_to_look_member_by_member_changes_nothing(self, direction: Direction, event: Event, data: dict[str, Any]) -> None:
        """A wrong member makes the whole report be read the careful way: the others say the same as before."""
        for name in ("audioCacheThreshold", "hardware", "detail", "info", "video", "audio"):
            data.pop(name, None)
        usual = parse(direction, event, data)
        careful = parse(direction, event, data | {"audio" if event == "stats" else "detail": "no object"})
        assert about_members(careful) == about_members(usual)

    @given(st.sampled_from(DIRECTIONS), st.floats(0, 1000), st.floats(1, 60))
    def test_more_that_waits_is_never_less_time(self, direction: Direction, frames: float, pace: float) -> None:
        def waits(count: float) -> float:
            told = said(parse(direction, "bindnetstatus", {"videoCache": count, "videoFPS": pace}))
            return float(told["backlog" if direction == "push" else "buffer"])

        assert waits(frames) <= waits(frames + 1)
