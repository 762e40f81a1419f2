"""The arithmetic of bad networks: how long a link takes, what it loses, what has no room in its queue."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.support.proxy import QUEUE, TcpLink, UdpLink


def test_a_link_without_limits_takes_no_time() -> None:
    assert TcpLink().ready_at(1_000_000, 5.0) == 5.0
    assert UdpLink(1).due_at(1_000_000, 5.0) == 5.0


def test_bytes_take_their_time_and_wait_for_those_before_them() -> None:
    link = TcpLink()
    link.rate = 8_000.0
    assert [link.ready_at(100, 5.0) for _ in range(3)] == [5.1, 5.199999999999999, 5.299999999999999]
    assert link.ready_at(100, 9.0) == 9.1, "an idle link saves nothing for later"


def test_a_rate_can_be_changed_while_bytes_wait() -> None:
    link = TcpLink()
    link.rate = 8_000.0
    assert link.ready_at(1000, 0.0) == 1.0
    link.rate = 80_000.0
    assert link.ready_at(1000, 0.5) == 1.1
    link.rate = None
    assert link.ready_at(1000, 0.6) == 0.6


@given(st.lists(st.tuples(st.integers(1, 10_000), st.floats(0, 2)), min_size=1, max_size=30), st.floats(1_000, 1e6))
def test_no_link_is_faster_than_its_rate(pieces: list[tuple[int, float]], rate: float) -> None:
    link, now, through = TcpLink(), 0.0, 0.0
    link.rate = rate
    for size, pause in pieces:
        now += pause
        ready = link.ready_at(size, now)
        assert ready - max(now, through) >= size * 8 / rate - 1e-6
        through = ready


def test_packets_get_lost_as_often_as_they_should_and_the_same_ones_each_time() -> None:
    links = [UdpLink(7), UdpLink(7), UdpLink(8)]
    fates = []
    for link in links:
        link.loss = 0.1
        fates.append([link.due_at(1000, float(number)) is None for number in range(5000)])
        assert link.lost == sum(fates[-1])
        assert link.passed == 5000 - link.lost
        assert 400 < link.lost < 600
    assert fates[0] == fates[1] != fates[2]


def test_a_slow_link_drops_what_its_queue_has_no_room_for() -> None:
    link = UdpLink(1)
    link.rate = 80_000.0
    dues = [link.due_at(1000, 0.0) for _ in range(5)]
    assert dues == [0.1, 0.2, 0.30000000000000004, None, None]
    assert dues[2] is not None
    assert dues[2] > QUEUE
    assert (link.passed, link.dropped, link.lost) == (3, 2, 0)
    assert link.due_at(1000, 0.3) == 0.4


def test_delay_and_jitter() -> None:
    link = UdpLink(1)
    link.delay, link.jitter = 0.05, 0.02
    times = [link.due_at(100, 1.0) for _ in range(200)]
    late = [time - 1.0 for time in times if time is not None]
    assert len(late) == 200
    assert 0.05 <= min(late) < 0.053
    assert 0.067 < max(late) <= 0.07
