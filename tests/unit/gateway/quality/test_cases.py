"""Which leg a call's troubles are held against, told as stories: what happens second by second, and who is blamed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.quality.cases import DownlinkCase, ServerCase, UplinkCase
from gateway.quality.measures import BACKLOG, GAP, JITTER, LATE, LATE_PEAK, ROUND_TRIP
from gateway.quality.presence import LONGEST_PAUSE, SUSPENSION_BEGINS
from gateway.quality.readings import EgressReading, IngestReading, PathReading, ServerReading
from gateway.quality.reports import CodeReport, MediaReport
from gateway.quality.verdict import Leg, Level, Verdict, blame
from gateway.rooms.model import Medium, PlayMode

GOOD, FAIR, BAD = Level
WELL = ServerReading(span=1.0, lag=0.002, lag_peak=0.01, cpu=0.2, drops=0)
ARRIVING = IngestReading(
    protocol="rtmp", span=1.0, connected=True, audio_bitrate=48_000, video_bitrate=300_000, fps=15, gop=2.0, silence=0.02,
    gap=0.1, late=0.01, late_peak=0.06, drift=0.02, jumps=0, width=320, height=180, audio=True, video=True,
    path=PathReading(round_trip=0.03),
)  # fmt: skip
FED = EgressReading(
    protocol="rtmp", bitrate=348_000, behind=False, skips=0, joined_at=0.0, first_picture_at=0.1,
    path=PathReading(round_trip=0.03, loss=0.0, queued=1_000),
)  # fmt: skip
IN_PATH = frozenset(("round_trip", "loss", "jitter", "queued"))
Change = Callable[[float], Any]
"""A member's value by the seconds since the change began."""


def grows(by: float, start: float = 0.0) -> Change:
    """So much more every second."""
    return lambda elapsed: start + by * elapsed


def backs_up(by: float, start: float = 0.0) -> Change:
    """Bytes that wait for a viewer of `FED`'s bitrate: so many seconds more every second."""
    return lambda elapsed: int((start + by * elapsed) * FED.bitrate / 8)


def changed(reading: Any, changes: Mapping[str, Any], elapsed: float) -> Any:
    """A reading with some members replaced, those of its path too."""
    members = {name: value(elapsed) if callable(value) else value for name, value in changes.items()}
    path = {name: members.pop(name) for name in IN_PATH & members.keys()}
    return replace(reading, **members, **({"path": replace(reading.path, **path)} if path else {}))


@dataclass
class Viewer:
    """One who plays."""

    joined_at: float
    case: DownlinkCase = field(default_factory=DownlinkCase)
    mode: PlayMode = PlayMode.RTC
    fed: EgressReading = FED


class Call:
    """A call that is looked at every second: a publisher and its viewers, all well until something else is told."""

    def __init__(self, *viewers: str, mode: PlayMode = PlayMode.RTC, arriving: IngestReading = ARRIVING) -> None:
        self.now = 1_000.0
        self.server, self.uplink = ServerCase(), UplinkCase()
        self.arriving = arriving
        self.muted: frozenset[Medium] = frozenset()
        self.viewers = {name: Viewer(self.now, mode=mode) for name in viewers or ("bob", "cat")}
        self.worst: dict[str, Level] = {}
        """Of each leg, since the last chapter began."""
        self.blamed_at: dict[str, float] = {}
        """Seconds into the chapter at which each leg was first found not to be good."""

    def goes_on(self, seconds: float, *, server: Mapping[str, Any] | None = None, **legs: Mapping[str, Any]) -> None:
        """The next chapter. For `server`, `uplink` and each viewer: what is other than well."""
        began, self.worst, self.blamed_at = self.now, {}, {}
        while self.now < began + seconds:
            self.now += 1.0
            self._look(self.now - began, server or {}, legs)

    def _look(self, elapsed: float, server: Mapping[str, Any], legs: Mapping[str, Mapping[str, Any]]) -> None:
        reading = changed(WELL, server, elapsed)
        verdict = self.server.measured(reading, self.now)
        self._note("server", verdict, elapsed)
        arriving = changed(self.arriving, legs.get("uplink", {}), elapsed)
        self._note("uplink", self.uplink.measured(arriving, verdict, reading.lag_peak, self.now, self.muted), elapsed)
        for name, viewer in self.viewers.items():
            fed = changed(replace(viewer.fed, joined_at=viewer.joined_at), legs.get(name, {}), elapsed)
            judged = viewer.case.measured(fed, viewer.mode, self.uplink, verdict, reading.lag_peak, self.now)
            self._note(name, judged, elapsed)

    def _note(self, leg: str, verdict: Verdict, elapsed: float) -> None:
        if verdict.level > GOOD:
            self.worst[leg] = max(verdict.level, self.worst.get(leg, GOOD))
            self.blamed_at.setdefault(leg, elapsed)

    def code(self, number: int, *, by: str = "", ago: float = 0.0) -> None:
        """A component's code: the publisher's, or a viewer's. It was said so many seconds ago."""
        report = CodeReport("pull" if by else "push", number)
        (self.viewers[by].case if by else self.uplink).coded(report, self.now - ago)

    def tells(self, by: str = "", ago: float = 0.0, **members: Any) -> None:
        """What a client measured: the publisher, or a viewer."""
        report = MediaReport("pull" if by else "push", **members)
        (self.viewers[by].case if by else self.uplink).told(report, self.now - ago)

    def tells_at(self, *levels: tuple[float, int]) -> None:
        """Several reports of the publisher's that come at once: when each was made, in seconds from now, and its level."""
        for at, level in levels:
            self.tells(ago=-at, level=level)

    def all_tell(self, seconds: float, every: float = 2.0, *, changes: Mapping[str, Any] | None = None, **members: Any) -> None:
        """All viewers report the same every two seconds, while the rest is as told (`changes`)."""
        worst, first, began = {}, {}, self.now
        while self.now < began + seconds:
            for name in self.viewers:
                self.tells(by=name, **members)
            chapter = self.now - began
            self.goes_on(every, **(changes or {}))
            worst.update({leg: max(level, worst.get(leg, GOOD)) for leg, level in self.worst.items()})
            first.update({leg: chapter + at for leg, at in self.blamed_at.items() if leg not in first})
        self.worst, self.blamed_at = worst, first

    def comes(self, name: str, **members: Any) -> None:
        """A viewer joins, or connects anew."""
        viewer = self.viewers.setdefault(name, Viewer(self.now))
        viewer.joined_at = self.now
        viewer.fed = replace(viewer.fed, **members)

    def evidence(self, leg: str) -> set[str]:
        case = {"server": self.server, "uplink": self.uplink}.get(leg) or self.viewers[leg].case
        return {one.measure for one in case.verdict.evidence}

    def blame(self, viewer: str) -> Leg | None:
        return blame(self.uplink.verdict, self.server.verdict, self.viewers[viewer].case.verdict)


@pytest.fixture
def call() -> Call:
    call = Call()
    call.goes_on(20)
    assert call.worst == {}
    return call


class TestHealthy:
    def test_two_minutes_of_a_good_call_blame_nobody(self, call: Call) -> None:
        call.goes_on(120)
        assert call.worst == {}

    def test_a_busy_machine_blames_nobody(self, call: Call) -> None:
        """Loops wake up some hundredths late, packets take their time, a kernel holds a moment's media."""
        lags = {"lag": lambda t: 0.03 + 0.06 * (t % 7 == 0), "lag_peak": lambda t: 0.1 + 0.3 * (t % 11 == 0), "cpu": 0.97}
        uplink = {"late": 0.15, "late_peak": lambda t: 0.4 + 0.4 * (t % 5 == 0), "gap": 0.6, "round_trip": 0.15, "jitter": 0.08}
        call.goes_on(120, server=lags, uplink=uplink, bob={"queued": backs_up(0, 0.3), "round_trip": 0.2})
        assert call.worst == {}

    @pytest.mark.parametrize("member", ["late", "late_peak", "gap", "round_trip", "jitter"])
    def test_two_bad_looks_are_a_blip(self, call: Call, member: str) -> None:
        for _ in range(5):
            call.goes_on(2, uplink={member: 3.0})
            assert call.worst == {}
            call.goes_on(12)
            assert call.worst == {}

    def test_a_stream_that_begins_with_a_burst_is_late_from_the_start_and_no_network_is_to_blame(self) -> None:
        call = Call(arriving=replace(ARRIVING, late=0.6, late_peak=0.7))
        call.goes_on(60)
        assert call.worst == {}
        call.goes_on(10, uplink={"late": grows(0.4, 0.6)})
        assert call.worst["uplink"] is BAD

    def test_a_new_stream_and_a_new_viewer_are_not_judged_at_first(self) -> None:
        call = Call("bob")
        burst = {"queued": backs_up(-1, 4.0), "behind": True, "loss": 0.5, "round_trip": 2.0}
        call.goes_on(3, uplink={"late": 5.0, "gap": 2.5, "loss": 0.3}, bob=burst)
        assert call.worst == {}
        call.goes_on(10)
        assert call.worst == {}
        call.comes("cat")
        call.goes_on(2, cat=burst)
        assert call.worst == {}
        call.goes_on(10)
        assert call.worst == {}

    def test_nobody_publishes_and_nothing_is_wrong(self) -> None:
        call = Call()
        call.goes_on(60, uplink={"connected": False, "silence": grows(1), "gap": grows(1), "audio": False, "video": False})
        assert call.worst == {}


class TestUplink:
    @pytest.mark.parametrize(
        ("trouble", "measure"),
        [
            ({"late": grows(0.4), "late_peak": grows(0.4)}, "late"),
            ({"late_peak": lambda t: 2.5 * (t % 3 != 0)}, "late_peak"),
            ({"silence": grows(1.0), "gap": grows(1.0)}, "silence"),
            ({"gap": lambda t: 3.5 * (t % 5 < 2)}, "gap"),
            ({"loss": 0.1}, "loss"),
            ({"round_trip": 1.2}, "round_trip"),
            ({"jitter": 0.5}, "jitter"),
            ({"drift": -1.5}, "drift"),
        ],
    )
    def test_what_is_wrong_is_found_within_fifteen_seconds_and_only_there(
        self, call: Call, trouble: Mapping[str, Any], measure: str
    ) -> None:
        call.goes_on(15, uplink=trouble)
        assert call.blamed_at.keys() == {"uplink"}
        assert measure in call.evidence("uplink")
        assert call.blame("bob") is Leg.UPLINK

    def test_a_link_of_sixty_percent_is_bad_within_seven_seconds_and_forgiven_after_six(self, call: Call) -> None:
        call.goes_on(7, uplink={"late": grows(0.4)})
        assert call.worst == {"uplink": BAD}
        call.goes_on(5)
        assert call.uplink.verdict.level is BAD
        call.goes_on(1)
        assert call.uplink.verdict.level is GOOD

    def test_loss_that_comes_and_goes(self, call: Call) -> None:
        call.goes_on(30, uplink={"loss": lambda t: 0.1 * (t % 3 == 0)})
        assert call.blamed_at == {"uplink": 18.0}

    def test_what_viewers_see_of_it_is_not_their_networks_fault(self, call: Call) -> None:
        call.all_tell(20, level=6, freezes=0.5, buffer=8.0, changes={"uplink": {"loss": 0.1}})
        assert call.worst == {"uplink": BAD}
        call.code(2105, by="bob")
        call.goes_on(1, uplink={"loss": 0.1})
        call.code(2105, by="bob")
        call.code(2103, by="cat")
        call.goes_on(2, uplink={"loss": 0.1})
        assert call.worst == {"uplink": BAD}

    def test_nor_before_the_uplink_is_judged_nor_right_after_it_recovered(self, call: Call) -> None:
        call.all_tell(2, freezes=0.5, changes={"uplink": {"gap": 2.0, "late_peak": 2.0}})
        call.all_tell(4, freezes=0.5)
        assert call.worst == {}
        call.all_tell(6, freezes=0.5)
        assert call.worst == {"bob": BAD, "cat": BAD}

    def test_but_what_is_measured_on_a_viewers_own_leg_is(self, call: Call) -> None:
        call.goes_on(15, uplink={"loss": 0.1}, bob={"queued": backs_up(0.2)})
        assert call.worst == {"uplink": BAD, "bob": BAD}
        assert call.blame("bob") is Leg.UPLINK

    @pytest.mark.parametrize(
        ("members", "measure", "level"),
        [
            ({"level": 4}, "told_level", FAIR),
            ({"level": 6}, "told_level", BAD),
            ({"backlog": 1.0}, "told_backlog", FAIR),
            ({"loss": 0.1}, "told_loss", BAD),
            ({"round_trip": 0.5}, "told_round_trip", FAIR),
        ],
    )
    def test_what_the_publisher_says(self, call: Call, members: Mapping[str, Any], measure: str, level: Level) -> None:
        call.tells(**members)
        call.goes_on(2)
        assert call.worst == {}
        call.tells(**members)
        call.goes_on(2)
        assert call.worst == {"uplink": level}
        assert call.evidence("uplink") == {measure}
        call.goes_on(10)
        assert call.uplink.verdict.level is level
        call.goes_on(3)
        assert call.uplink.verdict.level is GOOD

    def test_what_it_said_is_forgiven_after_six_seconds_if_it_says_better_things(self, call: Call) -> None:
        for _ in range(2):
            call.tells(level=6)
            call.goes_on(2)
        call.tells(level=1)
        call.goes_on(2)
        call.tells(level=1)
        call.goes_on(1)
        assert call.uplink.verdict.level is BAD
        call.goes_on(1)
        assert call.uplink.verdict.level is GOOD

    def test_reports_every_ten_seconds_are_heard(self, call: Call) -> None:
        call.tells(level=6)
        call.goes_on(10)
        assert call.worst == {}
        for _ in range(4):
            call.tells(level=6)
            call.goes_on(10)
            assert call.worst == {"uplink": BAD}
            assert call.uplink.verdict.level is BAD
        call.tells(level=1)
        call.goes_on(1)
        assert call.uplink.verdict.level is GOOD

    def test_several_that_come_at_once_are_several(self, call: Call) -> None:
        call.tells_at((-8.0, 6), (-4.0, 6), (-2.0, 1))
        call.goes_on(1)
        assert call.worst == {"uplink": BAD}

    @pytest.mark.parametrize(
        "reports", [((-0.2, 6), (-0.4, 6), (0.0, 6)), ((0.0, 6), (0.0, 6)), ((-9.0, 6), (-0.2, 6), (0.0, 1))]
    )
    def test_but_not_those_of_one_moment(self, call: Call, reports: tuple[tuple[float, int], ...]) -> None:
        call.tells_at(*reports)
        call.goes_on(14)
        assert call.worst == {}

    def test_it_is_the_newest_few_that_count_whatever_their_order(self, call: Call) -> None:
        call.tells_at((-1.0, 1), (-12.0, 6), (-3.0, 1), (-10.0, 6), (-8.0, 6), (-2.0, 1))
        call.goes_on(10)
        assert call.worst == {}

    def test_older_ones_that_come_later_say_nothing_new(self, call: Call) -> None:
        call.tells_at((0.0, 1))
        call.goes_on(2)
        call.tells_at((-5.0, 6), (-4.0, 6))
        call.goes_on(10)
        assert call.worst == {}

    def test_codes_come_late_too(self, call: Call) -> None:
        call.code(1102, ago=14.0)
        call.code(1101, ago=9.0)
        call.goes_on(10)
        assert call.worst == {}
        call.code(1101, ago=4.0)
        call.code(1101, ago=8.0)
        call.goes_on(1)
        assert call.worst == {"uplink": FAIR}
        call.goes_on(10)
        call.code(1102, ago=3.0)
        call.goes_on(1)
        assert call.worst == {"uplink": BAD}

    def test_what_was_said_of_a_disturbed_stream_is_its_fault_when_it_comes_after_that(self, call: Call) -> None:
        call.goes_on(10, uplink={"loss": 0.1})
        call.goes_on(10)
        for ago in (15.0, 12.0, 9.0):
            call.tells(by="bob", ago=ago, freezes=0.5, level=6)
        call.code(2103, by="cat", ago=5.0)
        call.goes_on(10)
        assert call.worst == {}

    def test_while_the_uplink_is_bad_viewers_are_not_even_if_it_looks_well_at_the_moment(self, call: Call) -> None:
        call.code(1102)
        call.all_tell(8, freezes=0.5)
        assert call.worst == {"uplink": BAD}

    def test_a_stream_that_stands_still_for_a_second_over_and_over_is_nobodys_fault_but_no_viewers(self, call: Call) -> None:
        call.all_tell(20, freezes=0.3, changes={"uplink": {"silence": 1.1, "gap": 1.1}})
        assert call.worst == {}

    def test_old_reports_say_nothing(self, call: Call) -> None:
        for _ in range(5):
            call.tells(level=6)
            call.goes_on(16)
            assert call.worst == {}

    def test_codes_of_the_network_and_codes_of_the_device(self, call: Call) -> None:
        for code in (1001, 1005, 1103, 1104, -1303, 10001, 4321):
            call.code(code)
            call.goes_on(2)
            assert call.worst == {}
        call.code(1102)
        call.goes_on(2)
        assert call.worst == {"uplink": BAD}

    def test_codes_of_another_leg(self, call: Call) -> None:
        call.uplink.coded(CodeReport("pull", 2103), call.now)
        call.viewers["bob"].case.coded(CodeReport("push", 1102), call.now)
        call.goes_on(2)
        assert call.worst == {}


class TestDownlink:
    @pytest.mark.parametrize(
        ("trouble", "measure"),
        [
            ({"queued": backs_up(0.4)}, "backlog"),
            ({"queued": lambda t: backs_up(0.4)(t % 5), "behind": lambda t: t % 5 == 0, "skips": lambda t: t // 5}, "backlog"),
            ({"behind": True}, "behind"),
            ({"skips": lambda t: t // 3}, "skips"),
            ({"protocol": "whep", "queued": None, "loss": 0.1}, "loss"),
            ({"protocol": "rtmp", "loss": 0.4}, "resent"),
            ({"protocol": "whep", "queued": None, "round_trip": 1.1}, "round_trip"),
            ({"protocol": "whep", "queued": None, "jitter": 0.6}, "jitter"),
        ],
    )
    def test_one_viewers_leg_is_found_within_fifteen_seconds_and_no_other(
        self, call: Call, trouble: Mapping[str, Any], measure: str
    ) -> None:
        call.goes_on(15, bob=trouble)
        assert call.blamed_at.keys() == {"bob"}
        assert measure in call.evidence("bob")
        assert (call.blame("bob"), call.blame("cat")) == (Leg.DOWNLINK, None)

    def test_segments_that_are_sent_again_now_and_then_hurt_nobody(self, call: Call) -> None:
        call.goes_on(60, bob={"loss": 0.1})
        assert call.worst == {}

    def test_a_broadcasts_viewer_may_be_further_behind(self) -> None:
        call = Call(mode=PlayMode.LIVE)
        call.goes_on(60, bob={"queued": backs_up(0, 1.9)}, cat={"queued": backs_up(0, 2.1)})
        assert call.worst == {"cat": FAIR}

    def test_the_last_packet_of_a_stream_that_fell_silent_is_no_backlog(self, call: Call) -> None:
        call.goes_on(20, bob={"bitrate": 100.0, "queued": 400})
        assert call.worst == {}

    def test_it_is_forgiven_after_six_seconds(self, call: Call) -> None:
        call.goes_on(10, bob={"queued": backs_up(0.4)})
        call.goes_on(6)
        assert call.viewers["bob"].case.verdict.level is GOOD

    @pytest.mark.parametrize(
        ("members", "measure", "level"),
        [
            ({"freezes": 0.1}, "told_freezes", FAIR),
            ({"freezes": 0.3}, "told_freezes", BAD),
            ({"level": 5}, "told_level", BAD),
            ({"buffer": 5.0}, "told_buffer", FAIR),
            ({"loss": 0.04}, "told_loss", FAIR),
        ],
    )
    def test_what_a_viewer_says_of_a_good_stream(
        self, call: Call, members: Mapping[str, Any], measure: str, level: Level
    ) -> None:
        for _ in range(3):
            call.tells(by="bob", **members)
            call.goes_on(2)
        assert call.worst == {"bob": level}
        assert call.evidence("bob") == {measure}

    def test_a_full_player_is_measured_by_its_mode(self) -> None:
        call = Call(mode=PlayMode.LIVE)
        call.goes_on(10)
        call.all_tell(10, buffer=5.0)
        assert call.worst == {}

    def test_stutter_counts_when_it_comes_again_and_a_lost_connection_at_once(self, call: Call) -> None:
        call.code(2105, by="bob")
        call.goes_on(4)
        assert call.worst == {}
        call.code(2105, by="bob")
        call.code(2103, by="cat")
        call.goes_on(1)
        assert call.worst == {"bob": FAIR, "cat": BAD}

    def test_a_viewer_that_loses_its_connection_over_and_over_is_never_a_newcomer_to_its_faults(self, call: Call) -> None:
        for _ in range(5):
            call.code(2103, by="bob")
            call.comes("bob")
            call.goes_on(2)
        assert call.worst == {"bob": BAD}

    def test_but_what_it_says_of_its_new_connection_has_to_wait(self, call: Call) -> None:
        call.comes("bob")
        for _ in range(2):
            call.code(2105, by="bob")
            call.tells(by="bob", freezes=0.5, level=6, loss=0.5)
            call.goes_on(1)
        call.goes_on(10)
        assert call.worst == {}

    def test_codes_of_a_viewer_that_is_not_connected_count_as_well(self, call: Call) -> None:
        viewer = call.viewers.pop("bob")
        viewer.case.coded(CodeReport("pull", -2301), call.now)
        call.goes_on(1)
        verdict = viewer.case.measured(None, PlayMode.RTC, call.uplink, call.server.verdict, 0.0, call.now)
        assert verdict.level is BAD

    def test_a_viewer_that_connects_again_begins_to_skip_anew(self, call: Call) -> None:
        call.goes_on(1, bob={"skips": 1})
        call.comes("bob", skips=3)
        call.goes_on(30)
        assert call.worst == {}

    def test_a_viewer_that_waits_for_a_publisher_is_not_to_blame(self) -> None:
        case = DownlinkCase()
        for second in range(30):
            case.told(MediaReport("pull", level=6, freezes=1.0), second)
            assert case.measured(FED, PlayMode.RTC, None, Verdict(), 0.0, second).level is GOOD


class TestServer:
    @pytest.mark.parametrize(
        ("trouble", "measure", "level"),
        [
            ({"lag": 0.12}, "lag", FAIR),
            ({"lag": 0.3, "lag_peak": 0.3}, "lag", BAD),
            ({"lag": 0.03, "lag_peak": 0.5}, "lag_peak", FAIR),
            ({"lag": 0.06, "cpu": 1.0}, "cpu", FAIR),
            ({"drops": 5}, "drops", FAIR),
            ({"drops": 500}, "drops", BAD),
        ],
    )
    def test_what_is_wrong_with_the_process(self, call: Call, trouble: Mapping[str, Any], measure: str, level: Level) -> None:
        call.goes_on(5, server=trouble)
        assert call.worst == {"server": level}
        assert call.evidence("server") == {measure}
        assert call.blame("bob") is Leg.SERVER
        call.goes_on(6)
        assert call.server.verdict.level is GOOD

    def test_a_full_core_that_is_never_late_is_well_used(self, call: Call) -> None:
        call.goes_on(60, server={"cpu": 1.0})
        assert call.worst == {}

    def test_a_loaded_process_sees_everything_late_and_only_itself_is_to_blame(self, call: Call) -> None:
        late = {"late": 0.45, "late_peak": 1.1, "gap": 1.0, "round_trip": 0.6, "jitter": 0.4, "loss": 0.1, "drift": 2.0}
        slow = {"queued": backs_up(0, 0.7), "behind": True, "skips": int, "round_trip": 0.6}
        call.goes_on(2, server={"lag": 0.3, "lag_peak": 0.3}, uplink=late, bob=slow, cat=slow)
        call.all_tell(
            20, level=6, freezes=0.5,
            changes={"server": {"lag": 0.3, "lag_peak": 0.3}, "uplink": late, "bob": slow, "cat": slow},
        )  # fmt: skip
        assert call.worst == {"server": BAD}
        call.goes_on(5, uplink=late, bob=slow, cat=slow)
        assert call.worst == {"server": BAD}
        call.goes_on(30)
        assert call.worst == {}

    def test_a_process_that_stood_still_saw_nothing_else(self, call: Call) -> None:
        for _ in range(20):
            call.goes_on(1, server={"lag_peak": 2.5}, uplink={"gap": 2.6, "late_peak": 2.6}, bob={"queued": backs_up(0, 2.0)})
            call.goes_on(3)
        assert call.worst == {}

    def test_even_if_it_does_so_half_of_the_time(self, call: Call) -> None:
        shaken = {"late": 3.0, "loss": 0.3, "jitter": 3.0}
        for _ in range(10):
            call.goes_on(1, server={"lag_peak": 0.6}, uplink=shaken, bob={"queued": backs_up(0, 3.0), "round_trip": 3.0})
            assert call.worst.keys() <= {"server"}
            call.goes_on(1)
            assert call.worst.keys() <= {"server"}
        assert call.worst == {"server": FAIR}

    @pytest.mark.parametrize("lag", [0.1, 0.3, 0.45])
    def test_what_it_is_late_by_is_taken_off_before_it_is_judged(self, call: Call, lag: float) -> None:
        """The server's lag here is below what makes it bad: the p95 is low, it is the peaks that are in everything."""
        edge = 0.99
        late = {
            "late": 0.01 + edge * LATE.limits.fair + lag, "late_peak": 0.01 + edge * LATE_PEAK.limits.fair + lag,
            "gap": edge * GAP.limits.fair + lag, "round_trip": edge * ROUND_TRIP.limits.fair + lag,
            "jitter": edge * JITTER.limits.fair + lag,
        }  # fmt: skip
        slow = {"queued": backs_up(0, edge * BACKLOG.limits.fair + lag)}
        call.goes_on(30, server={"lag": 0.05, "lag_peak": lag}, uplink=late, bob=slow)
        assert call.worst.keys() <= {"server"}

    def test_datagrams_that_the_kernel_threw_away_were_not_lost_on_the_way(self, call: Call) -> None:
        for _ in range(15):
            call.tells(loss=0.1)
            for viewer in call.viewers:
                call.tells(by=viewer, freezes=0.5)
            call.goes_on(2, server={"drops": 20}, uplink={"loss": 0.1})
            assert call.worst.keys() <= {"server"}
        call.goes_on(5, uplink={"loss": 0.1})
        call.goes_on(30)
        assert call.worst == {}

    def test_but_they_explain_nothing_else(self, call: Call) -> None:
        """Whoever floods the port must not hide what is wrong with the calls."""
        fed = {"protocol": "whep", "queued": None, "loss": 0.1}
        call.goes_on(15, server={"drops": 500}, uplink={"late": grows(0.4)}, bob=fed)
        assert call.worst == {"server": BAD, "uplink": BAD, "bob": BAD}

    def test_a_publisher_that_is_gone_is_gone_whatever_the_process_does(self, call: Call) -> None:
        call.goes_on(10, server={"lag": 0.2, "lag_peak": 0.3}, uplink={"connected": False})
        assert call.worst == {"server": BAD, "uplink": BAD}
        assert call.blame("bob") is Leg.SERVER

    def test_a_bad_uplink_is_found_beside_a_process_that_is_a_little_slow(self, call: Call) -> None:
        call.goes_on(15, server={"lag": 0.12, "lag_peak": 0.2}, uplink={"late": grows(0.4)})
        assert call.worst == {"server": FAIR, "uplink": BAD}
        assert call.blame("bob") is Leg.UPLINK


NOTHING = {"silence": grows(1.0), "gap": grows(1.0), "audio_bitrate": 0.0, "video_bitrate": 0.0, "fps": 0.0}
SUSPENDED = {"queued": backs_up(0.5, 1.0), "skips": lambda t: t // 3, "round_trip": grows(0.3, 0.5), "loss": 0.5}
"""What is seen of a viewer that reads nothing."""


class TestNormalLife:
    @pytest.mark.parametrize("late", [0.01, 20.0], ids=["its clock went on", "its clock stood still"])
    def test_a_phone_call(self, call: Call, late: float) -> None:
        call.code(5001)
        call.goes_on(1)
        assert call.uplink.excused(call.now)
        for _ in range(3):
            call.tells(level=6, backlog=3.0)
            call.goes_on(1, uplink={"late": late})
            assert call.worst == {}
        call.all_tell(20, level=6, freezes=1.0, changes={"uplink": NOTHING | {"late": late, "late_peak": late}})
        assert call.worst == {}
        call.all_tell(3, freezes=0.3, changes={"uplink": {"late": late, "late_peak": late}})
        assert call.worst == {}
        call.goes_on(30)
        assert call.worst == {}
        assert not call.uplink.excused(call.now)
        call.goes_on(10, uplink=NOTHING)
        assert call.worst == {"uplink": BAD}

    def test_a_phone_call_in_which_the_connection_goes_too(self, call: Call) -> None:
        call.code(5001)
        call.goes_on(12, uplink=NOTHING | {"connected": False})
        call.goes_on(20)
        assert call.worst == {}

    def test_a_waiting_picture_is_sent_meanwhile(self, call: Call) -> None:
        call.code(5001)
        call.goes_on(30)
        assert not call.uplink.excused(call.now)
        call.goes_on(15, uplink={"late": grows(0.4)})
        assert call.worst == {"uplink": BAD}

    def test_a_long_phone_call_in_which_the_pusher_keeps_connecting_without_media(self, call: Call) -> None:
        call.code(5001)
        for _ in range(60):
            call.code(1102)
            call.goes_on(7, uplink=NOTHING | {"connected": False})
            assert call.worst == {}
            call.goes_on(8, uplink=NOTHING | {"audio": False, "video": False})
            assert call.worst == {}
        call.goes_on(20)
        assert call.worst == {}
        assert not call.uplink.excused(call.now)

    def test_nobody_is_on_the_phone_for_ever(self, call: Call) -> None:
        call.code(5001)
        call.goes_on(LONGEST_PAUSE - 1, uplink=NOTHING)
        assert call.worst == {}
        call.goes_on(12, uplink={"silence": grows(1.0, LONGEST_PAUSE), "gap": grows(1.0, LONGEST_PAUSE)})
        assert call.worst == {"uplink": BAD}

    def test_a_viewers_phone_call_excuses_no_publisher(self, call: Call) -> None:
        call.uplink.coded(CodeReport("pull", 5001), call.now)
        assert not call.uplink.excused(call.now)

    @pytest.mark.parametrize("code", [5000, 5001])
    @pytest.mark.parametrize("buffered", [0, 50], ids=["reads nothing", "its phone fills its buffers first"])
    def test_a_viewer_that_is_suspended_reads_nothing(self, call: Call, code: int, buffered: int) -> None:
        call.code(code, by="bob")
        call.goes_on(buffered)
        for _ in range(40):
            call.tells(by="bob", level=6, freezes=1.0, buffer=9.0)
            call.code(2105, by="bob")
            call.goes_on(5, bob=SUSPENDED)
            call.code(2103, by="bob")
            call.goes_on(5, bob=SUSPENDED | {"behind": True})
            assert call.worst == {}
        assert call.viewers["bob"].case.excused(call.now)
        call.goes_on(3, bob={"queued": backs_up(-1, 3.0), "skips": 200, "round_trip": 2.0})
        assert call.worst == {}
        call.goes_on(30, bob={"skips": 200})
        assert call.worst == {}
        assert not call.viewers["bob"].case.excused(call.now)
        call.goes_on(15, bob={"queued": backs_up(0.4), "skips": 200})
        assert call.worst == {"bob": BAD}

    def test_a_suspended_viewer_whose_connection_goes_too(self, call: Call) -> None:
        bob = call.viewers.pop("bob")
        bob.case.coded(CodeReport("pull", 5000), call.now)
        for code in (2103, 2103, -2301, 2103):
            call.goes_on(20)
            bob.case.coded(CodeReport("pull", code), call.now)
            assert bob.case.measured(None, PlayMode.RTC, call.uplink, call.server.verdict, 0.0, call.now).level is GOOD
        call.viewers["bob"] = bob
        call.code(2103, by="bob")
        call.comes("bob")
        call.goes_on(30)
        assert call.worst == {}
        assert not bob.case.excused(call.now)

    def test_a_suspended_viewer_excuses_no_other_leg(self, call: Call) -> None:
        call.code(5000, by="bob")
        call.goes_on(15, uplink={"late": grows(0.4)}, bob=SUSPENDED, cat={"queued": backs_up(0.4)})
        assert call.worst == {"uplink": BAD, "cat": BAD}

    def test_nobody_is_suspended_for_ever(self, call: Call) -> None:
        call.code(5000, by="bob")
        call.goes_on(LONGEST_PAUSE - 1, bob=SUSPENDED)
        assert call.worst == {}
        call.goes_on(12, bob=SUSPENDED)
        assert call.worst == {"bob": BAD}

    def test_one_that_said_so_and_never_stopped_to_play_is_judged_again(self, call: Call) -> None:
        call.code(5000, by="bob")
        call.goes_on(SUSPENSION_BEGINS + 1)
        call.goes_on(15, bob=SUSPENDED)
        assert call.worst == {"bob": BAD}

    def test_the_camera_goes_off_and_on(self, call: Call) -> None:
        off = {"video": False, "video_bitrate": 0.0, "fps": 0.0, "drift": None}
        call.all_tell(20, freezes=1.0, changes={"uplink": off})
        assert call.worst == {}
        call.code(2105, by="bob")
        call.all_tell(3, freezes=0.8, changes={"uplink": {"drift": 2.0}})
        call.code(2105, by="bob")
        call.goes_on(30)
        assert call.worst == {}

    def test_a_bad_network_is_seen_while_the_camera_is_off(self, call: Call) -> None:
        off = {"video": False, "video_bitrate": 0.0, "fps": 0.0, "drift": None}
        call.all_tell(10, level=6, changes={"uplink": off, "bob": {"bitrate": 48_000.0}})
        assert call.worst == {"bob": BAD, "cat": BAD}

    def test_sound_alone(self) -> None:
        call = Call(arriving=replace(ARRIVING, video=False, video_bitrate=0.0, fps=0.0, gop=None, drift=None))
        call.goes_on(60)
        assert call.worst == {}
        call.code(2103, by="bob")
        call.goes_on(2)
        assert call.worst == {"bob": BAD}

    def test_sound_alone_after_the_connection_was_lost(self, call: Call) -> None:
        call.goes_on(2, uplink=NOTHING | {"connected": False})
        call.arriving = replace(ARRIVING, video=False, video_bitrate=0.0, fps=0.0, gop=None, drift=None)
        call.goes_on(20)
        assert call.worst == {}
        call.code(2103, by="bob")
        call.goes_on(2)
        assert call.worst == {"bob": BAD}

    def test_who_has_muted_everything_need_not_send(self, call: Call) -> None:
        call.muted = frozenset(Medium)
        call.goes_on(30, uplink=NOTHING | {"audio": False, "video": False})
        assert call.worst == {}
        call.muted = frozenset()
        call.goes_on(3, uplink={"silence": grows(1.0, 30), "gap": grows(1.0, 30)})
        assert call.worst == {}
        call.goes_on(1, uplink={"gap": 33.5})
        call.goes_on(10)
        assert call.worst == {}
        call.goes_on(10, uplink=NOTHING)
        assert call.worst == {"uplink": BAD}

    def test_who_unmutes_and_sends_nothing_is_found_out(self, call: Call) -> None:
        call.muted = frozenset(Medium)
        call.goes_on(30, uplink=NOTHING | {"audio": False, "video": False})
        call.muted = frozenset()
        call.goes_on(12, uplink={"silence": grows(1.0, 30), "gap": grows(1.0, 30)})
        assert call.worst == {"uplink": BAD}

    def test_how_late_the_last_media_were_is_no_news(self, call: Call) -> None:
        call.muted = frozenset(Medium)
        call.goes_on(2, uplink={"late": 3.0})
        call.goes_on(30, uplink=NOTHING | {"late": 3.0, "late_peak": 3.0, "silence": grows(1.0, 0.5)})
        assert call.worst == {}

    def test_who_has_muted_the_sound_still_has_to_send_pictures(self, call: Call) -> None:
        call.muted = frozenset((Medium.AUDIO,))
        call.goes_on(10, uplink=NOTHING)
        assert call.worst == {"uplink": BAD}

    @pytest.mark.parametrize("seconds", [1, 2])
    def test_a_publisher_that_connects_again_at_once(self, call: Call, seconds: int) -> None:
        call.goes_on(seconds, uplink=NOTHING | {"connected": False})
        assert call.worst == {}
        call.goes_on(30, uplink={"late": 0.6, "late_peak": 0.7, "loss": lambda t: 0.2 * (t <= 3)})
        assert call.worst == {}

    def test_a_publisher_that_is_away_for_longer(self, call: Call) -> None:
        gone = NOTHING | {"connected": False}
        call.all_tell(10, freezes=1.0, level=6, changes={"uplink": gone})
        assert call.worst == {"uplink": BAD}
        assert call.evidence("uplink") == {"interrupted"}
        assert 3 <= call.blamed_at["uplink"] <= 4
        call.all_tell(6, freezes=0.5)
        call.goes_on(1)
        assert call.uplink.verdict.level is GOOD
        call.goes_on(20)
        assert call.worst == {}


FINE_SERVER = st.fixed_dictionaries({"lag": st.floats(0, 0.049), "lag_peak": st.floats(0, 0.39), "cpu": st.floats(0, 1)})
FINE_UPLINK = st.fixed_dictionaries({
    "late": st.floats(0, 0.39), "late_peak": st.floats(0, 0.99), "gap": st.floats(0, 1.49), "silence": st.floats(0, 1.49),
    "loss": st.none() | st.floats(0, 0.029), "round_trip": st.none() | st.floats(0, 0.39),
    "jitter": st.none() | st.floats(0, 0.149), "drift": st.none() | st.floats(-0.99, 0.99), "video": st.booleans(),
})  # fmt: skip
FINE_VIEWER = st.fixed_dictionaries({
    "protocol": st.sampled_from(("rtmp", "flv", "webrtc", "whep")), "queued": st.none() | st.integers(0, 21_000),
    "loss": st.none() | st.floats(0, 0.029), "round_trip": st.none() | st.floats(0, 0.39), "bitrate": st.just(348_000.0),
})  # fmt: skip
FINE_REPORT = st.fixed_dictionaries({
    "level": st.none() | st.integers(1, 3), "loss": st.none() | st.floats(0, 0.029), "backlog": st.none() | st.floats(0, 0.69),
    "round_trip": st.none() | st.floats(0, 0.39), "freezes": st.none() | st.floats(0, 0.049),
    "buffer": st.none() | st.floats(0, 3.9),
})  # fmt: skip
ANY_TROUBLE = st.fixed_dictionaries({}, optional={
    "late": st.floats(0, 20), "late_peak": st.floats(0, 20), "gap": st.floats(0, 20), "silence": st.floats(0, 20),
    "loss": st.floats(0, 1), "round_trip": st.floats(0, 5), "jitter": st.floats(0, 5), "drift": st.floats(-5, 5),
    "connected": st.booleans(), "video": st.booleans(), "audio": st.booleans(),
})  # fmt: skip


class TestWhateverHappens:
    @settings(max_examples=60)
    @given(st.lists(st.tuples(FINE_SERVER, FINE_UPLINK, FINE_VIEWER, FINE_REPORT), max_size=40))
    def test_legs_within_their_limits_are_never_blamed(self, looks: list[tuple[Any, Any, Any, Any]]) -> None:
        call = Call("bob")
        for server, uplink, viewer, report in looks:
            call.tells(by="bob", **report)
            call.tells(**report)
            call.goes_on(1, server=server, uplink=uplink, bob=viewer)
            assert call.worst == {}

    @settings(max_examples=60)
    @given(st.lists(ANY_TROUBLE, max_size=40), st.lists(st.sampled_from((1101, 1102, 5000, 5001, 3004, -1307)), max_size=40))
    def test_an_uplinks_trouble_is_the_uplinks_alone(self, looks: list[dict[str, Any]], codes: list[int]) -> None:
        call = Call()
        call.goes_on(10)
        for number, uplink in enumerate(looks):
            if number < len(codes):
                call.code(codes[number])
            call.goes_on(1, uplink=uplink)
            assert call.worst.keys() <= {"uplink"}

    @settings(max_examples=60)
    @given(st.lists(st.tuples(st.floats(0, 2), st.integers(0, 10**7), st.booleans()), max_size=40))
    def test_a_viewers_trouble_is_its_own_alone(self, looks: list[tuple[float, int, bool]]) -> None:
        call = Call()
        call.goes_on(10)
        for round_trip, queued, behind in looks:
            call.goes_on(1, bob={"round_trip": round_trip, "queued": queued, "behind": behind})
            assert call.worst.keys() <= {"bob"}

    @settings(max_examples=60)
    @given(st.lists(ANY_TROUBLE, max_size=40))
    def test_a_process_that_stands_still_blames_nobody_for_what_takes_time(self, looks: list[dict[str, Any]]) -> None:
        call = Call()
        call.goes_on(10)
        for uplink in looks:
            timed = {name: value for name, value in uplink.items() if name not in ("connected", "silence", "gap")}
            call.goes_on(1, server={"lag": 0.5, "lag_peak": 0.6}, uplink=timed)
            assert call.worst.keys() <= {"server"}


class Careful(DownlinkCase):
    """One that weighs every look, also where there is nothing to weigh."""

    def _at_ease(self, reading: EgressReading, mode: PlayMode) -> bool:
        return False


def _one(**members: list[Any]) -> st.SearchStrategy[EgressReading]:
    """A reading that is as it should be but for one of these."""
    changes = [{name: value} for name, values in members.items() for value in values]
    return st.sampled_from([changed(FED, change, 0.0) for change in changes])


_PHASES = st.tuples(
    st.just(FED) | _one(
        behind=[True], skips=[1, 3], joined_at=[14.0, 21.0], queued=[20_000, 60_000, 400_000], loss=[None, 0.02, 0.05, 0.2],
        round_trip=[None, 0.6, 2.0], jitter=[0.2, 0.9],
    ) | st.none(),
    st.sampled_from(["", "", "", "", "", "slow", "told", "code", "pause"]),
    st.sampled_from([1, 3, 5, 8]),
)  # fmt: skip
"""What is seen of a viewer, what else happens, and for how many looks."""


@settings(max_examples=500)
@given(st.lists(_PHASES, min_size=2, max_size=6), st.sampled_from(PlayMode))
def test_a_viewer_at_ease_is_judged_as_if_every_look_at_it_were_weighed(phases: list[Any], mode: PlayMode) -> None:
    cases, server, now = (DownlinkCase(), Careful()), ServerCase(), 10.0
    for reading, event, looks in phases:
        for _ in range(looks):
            now += 1.0
            busy = server.measured(replace(WELL, lag=0.3, lag_peak=0.9) if event == "slow" else WELL, now)
            for case in cases:
                if event == "told":
                    case.told(MediaReport("pull", level=5, loss=0.5), now - 0.5)
                elif event in ("code", "pause"):
                    case.coded(CodeReport("pull", 2103 if event == "code" else 5001), now - 0.5)
            swift, careful = (case.measured(reading, mode, None, busy, 0.9 if event == "slow" else 0.0, now) for case in cases)
            assert swift == careful
