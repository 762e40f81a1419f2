"""Which of three legs is at fault, what each measure's limits are, and when a measure is believed."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.quality.component_codes import CODES, ComponentCode, Kind, lookup
from gateway.quality.measures import (
    BACKLOG,
    CODE,
    LATE,
    LOOKED,
    LOSS,
    MEASURES,
    TOLD_FREEZES,
    TOLD_LEVEL,
    Limits,
    Measure,
    Unit,
)
from gateway.quality.verdict import Evidence, Leg, Level, Source, Verdict, blame
from gateway.quality.witness import REFRESHED, Bench
from gateway.rooms.model import PlayMode

GOOD, FAIR, BAD = Level
UPLINK, SERVER, DOWNLINK = Leg


class TestBlame:
    @pytest.mark.parametrize(
        ("uplink", "server", "downlink", "blamed"),
        [
            (GOOD, GOOD, GOOD, None),
            (BAD, GOOD, GOOD, UPLINK),
            (FAIR, GOOD, GOOD, UPLINK),
            (GOOD, FAIR, GOOD, SERVER),
            (GOOD, GOOD, FAIR, DOWNLINK),
            (FAIR, GOOD, BAD, DOWNLINK),
            (BAD, FAIR, GOOD, UPLINK),
            (BAD, GOOD, BAD, UPLINK),
            (FAIR, FAIR, FAIR, SERVER),
            (BAD, BAD, BAD, SERVER),
            (GOOD, FAIR, FAIR, SERVER),
        ],
    )
    def test_the_worst_and_of_equals_the_one_that_explains_the_others(
        self, uplink: Level, server: Level, downlink: Level, blamed: Leg | None
    ) -> None:
        assert blame(Verdict(uplink), Verdict(server), Verdict(downlink)) is blamed

    def test_somebody_is_blamed_exactly_if_something_is_wrong(self) -> None:
        for levels in product(Level, repeat=3):
            leg = blame(*map(Verdict, levels))
            assert (leg is None) == (max(levels) is GOOD)
            assert leg is None or dict(zip(Leg, levels, strict=True))[leg] is max(levels)


class TestMeasures:
    def test_each_is_called_by_its_name(self) -> None:
        assert all(name == measure.name for name, measure in MEASURES.items())

    @pytest.mark.parametrize("measure", MEASURES.values(), ids=lambda one: one.name)
    def test_each_has_legs_a_sentence_in_both_languages_and_limits_in_order(self, measure: Measure) -> None:
        assert measure.legs
        assert measure.en.endswith(".")
        assert measure.zh.endswith("。")
        for mode in PlayMode:
            limits = measure.limits_in(mode)
            assert 0 <= limits.fair <= limits.bad
        assert (measure.unit is Unit.PART) <= (measure.limits.fair < 1)

    def test_what_clients_say_is_told_from_what_is_measured(self) -> None:
        assert {one.name for one in MEASURES.values() if one.source is Source.CLIENT} == {
            one for one in MEASURES if one.startswith("told_") or one == "code"
        }

    @pytest.mark.parametrize(
        ("measure", "mode", "value", "level"),
        [
            (LATE, PlayMode.RTC, 0.39, GOOD),
            (LATE, PlayMode.RTC, 0.4, FAIR),
            (LATE, PlayMode.RTC, 1.0, BAD),
            (LOSS, PlayMode.RTC, 0.02, GOOD),
            (LOSS, PlayMode.RTC, 0.1, BAD),
            (TOLD_LEVEL, PlayMode.RTC, 3, GOOD),
            (TOLD_LEVEL, PlayMode.RTC, 4, FAIR),
            (TOLD_LEVEL, PlayMode.RTC, 5, BAD),
            (BACKLOG, PlayMode.RTC, 1.5, BAD),
            (BACKLOG, PlayMode.LIVE, 1.5, GOOD),
            (BACKLOG, PlayMode.LIVE, 2.5, FAIR),
        ],
    )
    def test_levels(self, measure: Measure, mode: PlayMode, value: float, level: Level) -> None:
        assert measure.limits_in(mode).level(value) is level

    def test_what_has_one_limit_only_never_becomes_worse(self) -> None:
        assert Limits(1.0).level(1e9) is FAIR


def believed(bench: Bench, values: str, measure: Measure = LATE, start: float = 0.0) -> str:
    """What a bench makes of looks that are one second apart: `.`, `f` or `b` each, and the level after each of them."""
    letters = dict(zip(".fb", (0.0, measure.limits.fair, measure.limits.bad), strict=True))
    levels = ""
    for second, letter in enumerate(values):
        bench.look(measure, letters[letter], start + second)
        levels += ".fb"[bench.judge(start + second).level]
    return levels


class TestBelief:
    @pytest.mark.parametrize(
        ("looks", "levels"),
        [
            (".....", "....."),
            ("..b....", "......."),
            ("b.b.......", ".........."),
            ("fff", "..f"),
            ("f.f.f", "....f"),
            ("b..b..b", "......."),
            ("bbb", "..b"),
            ("fbbf", "..ff"),
            ("fbbfb", "..ffb"),
            ("bbb......", "..bbbbbb."),
            ("bbbffffffffffff", "..bbbbbbfffffff"),
            ("bbbffffff......", "..bbbbbbffffff."),
            ("fff.....fff", "..fffffffff"),
            ("fff......ff", "..ffffff..."),
        ],
    )
    def test_three_of_five_looks_until_six_seconds_without(self, looks: str, levels: str) -> None:
        assert believed(Bench(), looks) == levels

    def test_what_keeps_coming_back_is_no_blip(self) -> None:
        levels = believed(Bench(), "ff...ff...ff...")
        assert levels == "." * 11 + "ffff"

    def test_two_reports_that_agree_are_believed(self) -> None:
        assert believed(Bench(), "f.f", TOLD_FREEZES) == "..f"
        assert believed(Bench(), "f..f", TOLD_FREEZES) == "...."

    def test_looks_that_come_together_are_one(self) -> None:
        bench = Bench()
        for moment in range(10):
            bench.look(LATE, 2.0, 1.0 + moment / 100)
            assert bench.judge(1.0 + moment / 100).level is GOOD

    def test_a_healthy_leg_is_remembered_nothing_of(self) -> None:
        bench = Bench()
        believed(bench, "bbb..........")
        assert bench._witnesses == {}


class TestVerdicts:
    def test_the_gravest_is_told_first_with_the_worst_of_its_values(self) -> None:
        bench = Bench()
        for second, late in enumerate((0.5, 0.7, 0.6)):
            bench.look(LATE, late, second)
            bench.look(LOSS, 0.2, second)
            bench.judge(second)
        loss = Evidence("loss", 0.2, LOSS.limits.bad, BAD, Source.GATEWAY)
        late = Evidence("late", 0.7, LATE.limits.fair, FAIR, Source.GATEWAY)
        assert bench.verdict == Verdict(BAD, (loss, late), since=2.0)

    def test_it_is_the_same_object_while_there_is_nothing_new(self) -> None:
        bench, told = Bench(), set()
        for second in range(60):
            bench.look(LATE, 0.5 if second % 2 else 0.55, second)
            told.add(id(bench.judge(second)))
        assert len(told) == 2

    def test_values_are_told_anew_when_they_have_become_quite_different_but_since_stays(self) -> None:
        bench = Bench()
        for second in range(3):
            bench.look(LATE, 1.5, second)
            bench.judge(second)
        first = bench.verdict
        bench.look(LATE, 4.0, 3)
        assert bench.judge(3) is not first
        assert bench.verdict.evidence[0].value == 4.0
        assert bench.verdict.since == first.since == 2

    def test_the_worst_is_that_of_late_and_not_of_ever(self) -> None:
        bench = Bench()
        for second, late in enumerate((5.0,) * 3 + (0.5,) * 9):
            bench.look(LATE, late, second)
            bench.judge(second)
        assert bench.verdict.evidence == (Evidence("late", 0.5, LATE.limits.fair, FAIR, Source.GATEWAY),)

    def test_a_second_measure_is_news_and_no_new_level(self) -> None:
        bench = Bench()
        believed(bench, "bbb")
        first = bench.verdict
        believed(bench, "bbb", LOSS, start=2.0)
        assert [one.measure for one in bench.verdict.evidence] == ["late", "loss"]
        assert bench.verdict.since == first.since

    def test_since_begins_with_the_first_look_and_with_each_level(self) -> None:
        bench = Bench()
        believed(bench, "..bbb......", start=100.0)
        assert bench.verdict == Verdict(GOOD, (), since=110.0)
        assert Bench().judge(7.0).since == 7.0


class TestCodes:
    def test_a_fault_is_believed_at_once_and_a_warning_when_it_comes_again(self) -> None:
        bench = Bench()
        lost, weak = lookup("push", 1102), lookup("push", 1101)
        assert lost is not None
        assert weak is not None
        bench.hear(weak, 0.0)
        assert bench.judge(0.0).level is GOOD
        bench.hear(weak, 5.0)
        assert bench.judge(5.0).evidence == (Evidence("code", 1101, 0.0, FAIR, Source.CLIENT),)
        bench.hear(lost, 6.0)
        assert [one.value for one in bench.judge(6.0).evidence] == [1102, 1101]
        assert bench.judge(12.0).level is FAIR
        assert bench.judge(15.0).level is GOOD

    @pytest.mark.parametrize(
        "code", [one for one in CODES.values() if one.leg is not None], ids=lambda code: f"{code.direction}{code.number}"
    )
    def test_each_that_speaks_of_a_leg_is_believed_when_it_comes_again(self, code: ComponentCode) -> None:
        bench = Bench()
        for second in (0.0, 2.0):
            bench.hear(code, second)
            bench.judge(second)
        assert bench.verdict.level is code.level
        assert code.kind in (Kind.FAULT, Kind.WARNING)
        assert code.leg in CODE.legs


AMOUNTS = st.lists(st.floats(0, 3), max_size=60)


class TestHowItBehaves:
    @given(AMOUNTS, st.floats(0.5, 5))
    def test_a_level_stays_for_its_hold_at_least(self, values: list[float], step: float) -> None:
        bench, raised_at, level = Bench(), float("-inf"), GOOD
        for number, value in enumerate(values):
            now = number * step
            bench.look(LATE, value, now)
            new = bench.judge(now).level
            if new > level:
                raised_at = now
            elif new < level:
                assert now - raised_at >= LOOKED.hold
            level = new

    @given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 3)), max_size=60))
    def test_more_of_it_never_looks_better(self, pairs: list[tuple[float, float]]) -> None:
        less, more = Bench(), Bench()
        for second, pair in enumerate(pairs):
            less.look(LATE, min(pair), second)
            more.look(LATE, max(pair), second)
            assert less.judge(second).level <= more.judge(second).level

    @given(AMOUNTS)
    def test_what_is_told_was_seen_lately_and_is_beyond_its_limit(self, values: list[float]) -> None:
        bench = Bench()
        for second, value in enumerate(values):
            bench.look(LATE, value, second)
            verdict = bench.judge(second)
            assert verdict.level is max((one.level for one in verdict.evidence), default=GOOD)
            for one in verdict.evidence:
                assert one.value >= one.limit
                assert any(seen >= one.limit for seen in values[max(0, second - 5) : second + 1])
                lately = values[max(0, second - 11) : second + 1]
                assert any(seen / REFRESHED <= one.value <= seen * REFRESHED for seen in lately)

    @given(st.lists(st.floats(0, 0.399), max_size=100))
    def test_within_the_limits_nobody_is_blamed(self, values: list[float]) -> None:
        bench = Bench()
        for second, value in enumerate(values):
            bench.look(LATE, value, second)
            assert bench.judge(second).level is GOOD
