"""What is kept of what a client says until somebody listens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.quality.component_codes import lookup
from gateway.quality.inbox import REPORTS, TIMES, Inbox
from gateway.quality.reports import MediaReport
from gateway.quality.witness import TOGETHER

MOMENTS = st.lists(st.floats(0, 20), max_size=30)


def of(level: int) -> MediaReport:
    return MediaReport("push", level=level)


def test_reports_are_told_in_the_order_in_which_they_were_made_and_once() -> None:
    inbox = Inbox()
    for at in (3.0, 1.0, 2.0):
        inbox.report(of(int(at)), at)
    assert inbox.reports() == [(1.0, of(1)), (2.0, of(2)), (3.0, of(3))]
    assert inbox.reports() == []


def test_of_those_of_one_moment_the_last_counts() -> None:
    inbox = Inbox()
    for level in (1, 6, 2):
        inbox.report(of(level), 5.0)
    assert inbox.reports() == [(5.0, of(2))]


@given(st.lists(MOMENTS, max_size=5))
def test_whatever_comes_it_is_the_newest_few_in_order_and_nothing_older_than_before(batches: list[list[float]]) -> None:
    inbox, heard = Inbox(), float("-inf")
    for batch in batches:
        for at in batch:
            inbox.report(of(1), at)
        told = [at for at, _ in inbox.reports()]
        assert told == sorted(told)
        assert len(told) <= REPORTS
        assert all(at >= heard for at in told)
        news = [at for at in batch if at >= heard]
        assert bool(told) is bool(news)
        if told:
            assert max(news) - told[-1] < TOGETHER
            heard = told[-1]


@given(MOMENTS)
def test_of_each_code_the_newest_moments_are_kept(moments: list[float]) -> None:
    inbox, weak, lost = Inbox(), lookup("push", 1101), lookup("push", 1102)
    assert weak is not None
    assert lost is not None
    for at in moments:
        inbox.code(weak, at)
        inbox.code(lost, at + 1)
    newest = sorted(moments)[-TIMES:]
    assert inbox.codes() == [(at, weak) for at in newest] + [(at + 1, lost) for at in newest]
    assert inbox.codes() == []
