"""Which moment an RTP timestamp is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.media.units import Medium
from adapters.webrtc.rtcp import SenderReport, SourceDescription, ntp_of, parse
from adapters.webrtc.sender_reports import JUMP, Anchor
from tests.support.rtp_viewers import WALL, RtpStage


def test_the_anchor_is_where_the_first_unit_was() -> None:
    anchor = Anchor()
    anchor.see(2500, 100.0)
    assert anchor.zero == 97.5


@given(st.lists(st.floats(0, 0.9), min_size=1, max_size=300))
def test_late_units_move_the_anchor_slowly(delays: list[float]) -> None:
    anchor = Anchor()
    anchor.see(0, 50.0)
    for number, delay in enumerate(delays, 1):
        before = anchor.zero
        anchor.see(number * 20, 50.0 + number * 0.02 + delay)
        assert anchor.zero is not None
        assert before is not None
        assert abs(anchor.zero - before) <= 0.00002


def test_a_jump_is_taken_over() -> None:
    anchor = Anchor()
    anchor.see(0, 50.0)
    anchor.see(20, 50.02 + JUMP + 0.5)
    assert anchor.zero == pytest.approx(51.5)


def test_sound_and_pictures_are_reported_for_one_moment() -> None:
    stage = RtpStage()
    stage.configure()
    _, outlet = stage.join()
    stage.picture(key=True)
    stage.sound()
    stage.loop.advance(0.25)
    stage.loop.advance(1.0)
    compounds = [parse(data) for data in outlet.reports]
    assert compounds
    for found in compounds[1:]:
        reports = {report.ssrc: report for report in found if isinstance(report, SenderReport)}
        audio = reports[stage.manner.ssrcs[Medium.AUDIO][0]]
        video = reports[stage.manner.ssrcs[Medium.VIDEO][0]]
        assert audio.ntp == video.ntp
        assert any(isinstance(item, SourceDescription) and item.cname == stage.manner.cname for item in found)
        elapsed = (audio.ntp - ntp_of(WALL + 100)) / (1 << 32)
        assert (audio.rtp_timestamp - stage.manner.bases[Medium.AUDIO]) % (1 << 32) == pytest.approx(elapsed * 48_000, abs=50)
        assert (video.rtp_timestamp - stage.manner.bases[Medium.VIDEO]) % (1 << 32) == pytest.approx(elapsed * 90_000, abs=50)
        assert (audio.packets, audio.octets) == (1, 80)


def test_the_first_report_comes_right_after_the_first_media() -> None:
    stage = RtpStage()
    stage.configure()
    _, outlet = stage.join()
    stage.loop.advance(0.9)
    assert outlet.reports == []
    stage.sound()
    stage.loop.settle()
    assert outlet.reports_after == [1]


def test_everyone_is_told_every_second_a_few_in_each_turn() -> None:
    stage = RtpStage()
    stage.configure()
    outlets = [stage.join()[1] for _ in range(100)]
    stage.sound()
    stage.loop.advance(0.5)
    for _ in range(3):
        before = stage.loop.turns
        stage.loop.advance(1.0)
        assert stage.loop.turns - before > 3
    assert {len(outlet.reports) for outlet in outlets} == {4}


def test_whoever_gets_nothing_is_told_nothing() -> None:
    stage = RtpStage()
    stage.configure()
    _, outlet = stage.join(audio=None)
    stage.sound()
    stage.loop.advance(5.0)
    assert outlet.reports == []
