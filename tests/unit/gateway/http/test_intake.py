"""The door for reports without a socket: who may report, what of a batch is taken, and what hostile batches come to."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.tokens import make_token
from gateway.config import AppSettings, Config, QualitySettings, SignalingSettings
from gateway.errors import GatewayError
from gateway.http.intake import BAD_TOKENS_AT_ONCE, BAD_TOKENS_PER_SECOND, BYTES_PER_REPORT, Reports, Taken
from gateway.quality.reports import CodeReport, Dropped, MediaReport, Parsed, Told

SECRET = "a secret of the tests, long enough for them"
NOW = 1_800_000_000.0
NETSTATUS = {"direction": "push", "event": "bindnetstatus", "streamID": "cam", "data": {"videoBitrate": 800, "videoFPS": "15"}}
GAVE_UP = {"direction": "pull", "event": "bindstatechange", "data": {"code": -2301, "message": "gone"}}
CONFIG = Config(
    apps={"1": AppSettings(SECRET), "open": AppSettings(SECRET, debug=True)},
    quality=QualitySettings(batch_reports=5, reports_per_second=2, reports_burst=10),
    signaling=SignalingSettings(report_bytes=200),
)


class Taking:
    """Notes every report that comes through."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str, str, str, str]] = []
        self.parsed: list[Parsed] = []
        self.ages: list[float] = []

    def reports(self, app: str, room_id: str, user_id: str, told: Iterable[Told]) -> None:
        for one in told:
            self.told.append((app, room_id, user_id, one.direction, one.event, one.stream_id))
            self.parsed.append(one.parsed)
            self.ages.append(one.age)


class Door:
    """A door, and what has come through."""

    def __init__(self, config: Config = CONFIG) -> None:
        self.now = 0.0
        self.taking = Taking()
        self.dropped: Counter[str] = Counter()
        self.reports = Reports(config, self.taking, self.dropped, lambda: self.now, lambda: NOW + self.now)

    def send(
        self, *reports: Any, token: str | None = None, app: Any = "1", room: Any = "r", user: Any = "ann",
        client: str = "192.0.2.1", **more: Any,
    ) -> Taken:  # fmt: skip
        body = {"appID": app, "roomID": room, "userID": user, "reports": list(reports), **more}
        return self.reports.take(json.dumps(body).encode(), _token() if token is None else token, client)

    def refuses(self, *reports: Any, **more: Any) -> str:
        """The name of the fault with which it refuses this."""
        with pytest.raises(GatewayError) as caught:
            self.send(*reports, **more)
        return caught.value.fault.name


def _token(app: str = "1", user: str = "ann", **claims: Any) -> str:
    return make_token(SECRET, app, user, **{"now": NOW, "ttl": 3600, **claims})


class TestWhoMayReport:
    def test_one_whose_token_would_let_them_in(self) -> None:
        assert Door().send(NETSTATUS, token=_token(room="r")).taken == 1

    @pytest.mark.parametrize(
        ("fault", "how"),
        [
            ("TOKEN_MISSING", {"token": ""}),
            ("TOKEN_INVALID", {"token": "x.y.z"}),
            ("TOKEN_USER_MISMATCH", {"user": "bob"}),
            ("TOKEN_INVALID", {"token": _token(room="another")}),
            ("TOKEN_INVALID", {"token": _token(may_login=False)}),
            ("TOKEN_EXPIRED", {"token": _token(now=NOW - 7200)}),
            ("APP_UNKNOWN", {"app": "2"}),
            ("USER_ID_EMPTY", {"user": ""}),
            ("USER_ID_ILLEGAL", {"user": "a\nb"}),
            ("ROOM_ID_EMPTY", {"room": ""}),
            ("INVALID_PARAMS", {"user": 7}),
            ("INVALID_PARAMS", {"reports": {}}),
            ("INVALID_PARAMS", {"reports": None}),
        ],
    )
    def test_nobody_else(self, fault: str, how: dict[str, Any]) -> None:
        door = Door()
        assert door.refuses(NETSTATUS, **how) == fault
        assert door.taking.told == []

    def test_an_app_in_debug_mode_needs_no_token(self) -> None:
        assert Door().send(NETSTATUS, app="open", token="").taken == 1

    def test_an_app_may_be_named_by_a_number(self) -> None:
        door = Door()
        door.send(NETSTATUS, app=1)
        assert door.taking.told[0][0] == "1"

    @pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'"', b"[" * 100_000, b"[]", b'{"appID":"\\ud800"}'])
    def test_what_is_not_json_is_refused(self, body: bytes) -> None:
        with pytest.raises(GatewayError) as caught:
            Door().reports.take(body, "")
        assert caught.value.fault.name in ("PARSE_ERROR", "INVALID_PARAMS")


@pytest.mark.parametrize("part", [(b"[", b"]"), (b'{"x":', b"}")], ids=["lists", "objects"])
def test_however_deep_a_body_goes_it_is_taken_or_refused(part: tuple[bytes, bytes]) -> None:
    begin, end = part
    for depth in range(880, 1010):
        body = b'{"appID":"open","roomID":"r","userID":"u","reports":[' + begin * depth + b"1" + end * depth + b"]}"
        with suppress(GatewayError):
            assert Door().reports.take(body, "").taken == 0


class TestBadTokens:
    """Looking at one takes its time, which nobody may take as much of as they like."""

    @staticmethod
    def _spoiled() -> Door:
        """Ann was here, and then somebody at her address showed as many bad tokens as anyone may."""
        door = Door()
        door.send(NETSTATUS)
        faults = {door.refuses(NETSTATUS, token=_token(room=f"another{number}")) for number in range(BAD_TOKENS_AT_ONCE)}
        assert faults == {"TOKEN_INVALID"}
        return door

    def test_after_so_many_of_an_address_no_more_are_looked_at(self, monkeypatch: pytest.MonkeyPatch) -> None:
        door = self._spoiled()
        monkeypatch.setattr(door.reports._patience, "_verifier", None)
        with pytest.raises(GatewayError) as caught:
            door.send(NETSTATUS, token="x.y.z")
        assert (caught.value.fault.name, caught.value.after_ms) == ("RATE_LIMITED", 1000 / BAD_TOKENS_PER_SECOND + 1)

    def test_after_a_while_they_are_again(self) -> None:
        door = self._spoiled()
        door.now = 1 / BAD_TOKENS_PER_SECOND + 0.001
        assert [door.refuses(token="x") for _ in range(2)] == ["TOKEN_INVALID", "RATE_LIMITED"]

    def test_who_was_let_in_before_comes_through_from_the_same_address(self) -> None:
        assert self._spoiled().send(NETSTATUS).taken == 1

    def test_other_addresses_are_not_meant(self) -> None:
        assert self._spoiled().send(NETSTATUS, user="bob", token=_token(user="bob"), client="192.0.2.2").taken == 1

    def test_good_ones_cost_nothing_however_many_share_an_address(self) -> None:
        door = Door()
        for number in range(2 * BAD_TOKENS_AT_ONCE):
            assert door.send(NETSTATUS, user=f"u{number}", token=_token(user=f"u{number}")).taken == 1


class TestWhatIsTaken:
    def test_every_report_with_who_and_what_it_is_about(self) -> None:
        door = Door()
        assert door.send(NETSTATUS, GAVE_UP) == Taken(2, {})
        assert door.taking.told == [
            ("1", "r", "ann", "push", "bindnetstatus", "cam"), ("1", "r", "ann", "pull", "bindstatechange", ""),
        ]  # fmt: skip
        told, code = (parsed.report for parsed in door.taking.parsed)
        assert isinstance(told, MediaReport)
        assert told.video_bitrate == 800_000
        assert isinstance(code, CodeReport)
        assert code.code == -2301

    @pytest.mark.parametrize(
        ("report", "reason"),
        [
            (None, Dropped.NOT_AN_OBJECT),
            ([NETSTATUS], Dropped.NOT_AN_OBJECT),
            ({}, Dropped.UNKNOWN_EVENT),
            (NETSTATUS | {"event": "bindsomething"}, Dropped.UNKNOWN_EVENT),
            (NETSTATUS | {"direction": 1}, Dropped.UNKNOWN_EVENT),
            (NETSTATUS | {"streamID": "s" * 257}, Dropped.OUT_OF_RANGE),
            (NETSTATUS | {"streamID": 7}, Dropped.OUT_OF_RANGE),
            (NETSTATUS | {"streamID": ["cam"]}, Dropped.OUT_OF_RANGE),
            (NETSTATUS | {"data": {"message": "x" * 200}}, Dropped.TOO_LARGE),
        ],
    )
    def test_one_that_is_wrong_is_left_out_and_the_others_are_taken(self, report: Any, reason: Dropped) -> None:
        door = Door()
        assert door.send(GAVE_UP, report, NETSTATUS) == Taken(2, {reason.value: 1})
        assert door.dropped == {reason.value: 1}
        assert len(door.taking.told) == 2

    def test_what_is_wrong_within_is_told_to_the_sender_and_counted_by_who_takes_it(self) -> None:
        door = Door()
        assert door.send(GAVE_UP | {"data": {}}) == Taken(0, {"no_code": 1})
        assert door.dropped == {}
        assert door.taking.parsed[0].dropped == (Dropped.NO_CODE,)

    def test_a_member_that_is_null_is_not_there(self) -> None:
        door = Door()
        assert door.send(NETSTATUS | {"streamID": None, "at": None}) == Taken(1, {})
        assert door.taking.told == [("1", "r", "ann", "push", "bindnetstatus", "")]

    def test_nothing_at_all(self) -> None:
        assert Door().send() == Taken(0, {})

    def test_members_that_nobody_knows_do_no_harm(self) -> None:
        assert Door().send(NETSTATUS | {"x": [1, {"y": 2}]}, z=1) == Taken(1, {})


class TestAges:
    """A report that was kept back says how old it is, whatever a clock says."""

    @pytest.mark.parametrize(
        ("at", "age"),
        [
            ((NOW - 14) * 1000, 14), (str((NOW - 3600) * 1000), 3600), (0, NOW),
            ((NOW + 1e6) * 1000, 0), (None, 0), ("yesterday", 0), ([], 0), (True, 0), ("NaN", 0),
        ],
    )  # fmt: skip
    def test_one_is_new_unless_it_says_otherwise(self, at: Any, age: float) -> None:
        door = Door()
        assert door.send(NETSTATUS | {"at": at}) == Taken(1, {})
        assert door.taking.ages == pytest.approx([age])

    @pytest.mark.parametrize("sent", [NOW, NOW - 86_400])
    def test_each_says_how_old_it_is_by_the_senders_clock(self, sent: float) -> None:
        door = Door()
        reports = [NETSTATUS | {"at": (sent - age) * 1000} for age in (8, 2.5, -3)]
        door.send(*reports, NETSTATUS, NETSTATUS | {"at": "NaN"}, sentAt=sent * 1000)
        assert door.taking.ages == pytest.approx([8, 2.5, 0, 0, 0])

    @pytest.mark.parametrize("at", [0, -1e300, "-Infinity", 1e300, "NaN", "yesterday"])
    @pytest.mark.parametrize("sent", [NOW * 1000, "NaN", "-Infinity", 1e300, -1e300])
    def test_an_age_is_one_whatever_a_clock_says(self, at: Any, sent: Any) -> None:
        door = Door()
        door.send(NETSTATUS | {"at": at}, sentAt=sent)
        assert 0 <= door.taking.ages[0] < float("inf")


class TestHowMuch:
    def test_a_request_brings_so_many_reports(self) -> None:
        door = Door()
        assert door.send(*[NETSTATUS] * 5).taken == 5
        assert door.refuses(*[NETSTATUS] * 6) == "INVALID_PARAMS"
        assert door.refuses(*[NETSTATUS] * 3, *[None] * 3) == "INVALID_PARAMS"

    def test_a_user_reports_so_often_and_is_told_when_to_come_again(self) -> None:
        door = Door()
        for _ in range(2):
            assert door.send(*[NETSTATUS] * 5).taken == 5
        with pytest.raises(GatewayError) as caught:
            door.send(*[NETSTATUS] * 4)
        assert (caught.value.fault.name, caught.value.after_ms) == ("RATE_LIMITED", 501)
        door.now = 0.501  # so much is known without counting the reports; now they are counted
        with pytest.raises(GatewayError) as caught:
            door.send(*[NETSTATUS] * 4)
        assert (caught.value.fault.name, caught.value.after_ms) == ("RATE_LIMITED", 2000)
        assert len(door.taking.told) == 10
        door.now += 2
        assert door.send(*[NETSTATUS] * 4).taken == 4

    @given(st.integers(1, 5), st.floats(0, 5), st.integers(4, 10))
    def test_one_who_comes_again_when_told_to_comes_through(self, size: int, pause: float, burst: int) -> None:
        door = Door(replace(CONFIG, quality=replace(CONFIG.quality, reports_burst=burst)))
        for _ in range(3):
            for _ in range(3):
                try:
                    assert door.send(*[NETSTATUS] * size).taken == size
                    break
                except GatewayError as error:
                    door.now += (error.after_ms or 0) / 1000
            else:
                pytest.fail("it was told to come again more than twice")
            door.now += pause

    def test_what_is_left_out_and_what_is_empty_counts_like_the_rest(self) -> None:
        door = Door()
        for _ in range(10):
            door.send()
        assert door.refuses() == "RATE_LIMITED"
        other = Door()
        other.send(*[None] * 5)
        other.send(*[None] * 5)
        assert other.refuses(None) == "RATE_LIMITED"
        assert other.dropped == {"not_an_object": 10}

    def test_users_do_not_take_from_each_other(self) -> None:
        door = Door()
        door.send(*[NETSTATUS] * 5)
        door.send(*[NETSTATUS] * 5)
        assert door.refuses(NETSTATUS) == "RATE_LIMITED"
        assert door.send(NETSTATUS, user="bob", token=_token(user="bob")).taken == 1

    def test_who_is_refused_for_the_token_takes_nothing_from_the_user(self) -> None:
        door = Door()
        for _ in range(50):
            door.refuses(*[NETSTATUS] * 5, token="x")
        assert door.send(NETSTATUS).taken == 1

    def test_one_who_has_no_more_to_take_from_has_nothing_taken_apart(self, monkeypatch: pytest.MonkeyPatch) -> None:
        door, split = Door(), list[Any]()
        monkeypatch.setattr(door.reports._batches, "parts", lambda batch: split.append(batch) or [])
        for _ in range(10):
            door.send()
        assert (door.refuses(*[None] * 6), len(split)) == ("RATE_LIMITED", 10)

    def test_batches_of_too_many_are_paid_for(self) -> None:
        door = Door()
        refused = [door.refuses(*[None] * 6) for _ in range(11)]
        assert refused == ["INVALID_PARAMS"] * 10 + ["RATE_LIMITED"]

    def test_a_large_body_costs_as_much_as_several_reports(self) -> None:
        door = Door()
        large = {"x": "y" * (5 * BYTES_PER_REPORT)}
        assert [door.send(large).dropped for _ in range(2)] == [{"unknown_event": 1}] * 2
        assert door.refuses(NETSTATUS) == "RATE_LIMITED"

    def test_one_larger_than_a_burst_needs_all_of_it(self) -> None:
        door = Door()
        larger = {"x": "y" * (30 * BYTES_PER_REPORT)}
        assert door.send(NETSTATUS, *[larger] * 2, NETSTATUS).taken == 2
        door.now = 25
        assert door.refuses(NETSTATUS) == "RATE_LIMITED"

    @pytest.mark.parametrize(
        "inside", [b"0" + b",0" * 330_000, b"[{}" + b",{}" * 330_000 + b"]", b'{"x":[0' + b",0" * 500_000 + b"]}"]
    )
    def test_nothing_is_made_of_what_a_body_is_filled_with(self, inside: bytes) -> None:
        """Each number or object of it would take dozens of bytes, and its time."""
        door, body = Door(), b'{"appID":"open","roomID":"r","userID":"u","reports":[' + inside + b"]}"
        tracemalloc.start()
        try:
            with suppress(GatewayError):
                door.reports.take(body, "")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 2 * len(body)

    @pytest.mark.parametrize("part", [b"0", b"null", b"[[]]", b'{"x":[1,2]}', b'"a,b]"', b"1" * 5000])
    def test_a_body_full_of_other_things_is_refused_and_not_taken_apart(self, part: bytes) -> None:
        parts = part + (b" ,\n" + part) * (10**6 // (len(part) + 3))
        body = b'{"appID":"open","roomID":"r","userID":"u","reports":[' + parts + b"]}"
        with pytest.raises(GatewayError) as caught:
            Door().reports.take(body, "")
        assert caught.value.fault.name == "INVALID_PARAMS"

    def test_one_wrong_among_large_ones_costs_only_itself(self) -> None:
        door = Door(replace(CONFIG, signaling=SignalingSettings()))
        large = GAVE_UP | {"data": {"code": 2103, "more": [0] * 4000, "text": "a,]}\\\"房间"}}
        assert door.send(large, 7, large, [large], large) == Taken(3, {"not_an_object": 2})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=10,
)  # fmt: skip
_REPORT = st.fixed_dictionaries({}, optional={
    "direction": st.sampled_from(["push", "pull"]) | _JSON, "event": st.sampled_from(["stats", "bindnetstatus"]) | _JSON,
    "streamID": _JSON, "at": _JSON, "data": _JSON,
}) | _JSON  # fmt: skip


@given(st.lists(_REPORT, max_size=8), st.integers(0, 7))
def test_whatever_comes_is_taken_or_left_out_and_all_of_it_is_told(reports: list[Any], most: int) -> None:
    """No report vanishes: it went through the door, or it is counted."""
    door = Door(replace(CONFIG, quality=replace(CONFIG.quality, batch_reports=most)))
    if len(reports) > most:
        assert door.refuses(*reports) == "INVALID_PARAMS"
        return
    taken = door.send(*reports)
    assert len(door.taking.told) + door.dropped.total() == len(reports)
    assert taken.taken == sum(parsed.report is not None for parsed in door.taking.parsed)
    assert sum(taken.dropped.values()) >= door.dropped.total()


@given(st.binary(max_size=400))
def test_whatever_a_body_is_it_is_refused_or_taken(body: bytes) -> None:
    try:
        Door().reports.take(body, "")
    except GatewayError:
        pass
