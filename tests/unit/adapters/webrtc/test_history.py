"""What is kept of the packets that were sent, and for how long."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.webrtc.history import MOST, RUN, SETTLED_SECONDS, History

KEPT_SECONDS = 2.0


def numbered(first: int, count: int) -> list[bytes]:
    return [number.to_bytes(8, "big", signed=True) for number in range(first, first + count)]


@given(st.integers(-100, 100_000), st.lists(st.tuples(st.integers(0, 60), st.floats(0, 1)), max_size=40), st.integers(1, 200))
def test_a_number_means_one_packet_for_ever(first: int, writings: list[tuple[int, float]], kept: int) -> None:
    history = History(first, kept, KEPT_SECONDS)
    now = 0.0
    for count, pause in writings:
        now += pause
        history.append(numbered(history.end, count), now)
    for number in range(first - 2, history.end + 2):
        packet = history.get(number)
        inside = history.first <= number < history.end
        assert packet == (numbered(number, 1)[0] if inside else None)


@given(st.integers(0, 300), st.integers(0, 300))
def test_runs_follow_each_other_to_the_end(count: int, skip: int) -> None:
    history = History(7, 1000, KEPT_SECONDS, numbered(7, count))
    position = 7 + min(skip, count)
    packets: list[bytes] = []
    while run := history.run(position):
        if not run.packets:
            break
        assert len(run.packets) <= RUN
        assert run.size == 8 * len(run.packets)
        packets += run.packets
        position += len(run.packets)
    assert packets == numbered(7 + min(skip, count), count - min(skip, count))


def test_those_who_stand_at_one_place_share_a_run() -> None:
    history = History(0, 1000, KEPT_SECONDS, numbered(0, 100))
    assert history.run(40) is history.run(40)


def test_a_run_grows_with_what_is_written() -> None:
    history = History(0, 1000, KEPT_SECONDS, numbered(0, 2))
    first = history.run(0)
    history.append(numbered(2, 2), 1.0)
    second = history.run(0)
    assert first is not None
    assert second is not None
    assert (len(first.packets), len(second.packets)) == (2, 4)


def test_what_is_old_is_forgotten_and_there_is_no_run_of_it() -> None:
    history = History(0, 1000, KEPT_SECONDS)
    history.append(numbered(0, 500), 0.0)
    history.append(numbered(500, 10), KEPT_SECONDS + 0.1)
    assert history.first == 500
    assert history.get(499) is None
    assert history.run(499) is None
    assert history.get(500) is not None


def test_more_than_enough_is_forgotten_once_it_had_time_to_be_sent() -> None:
    history = History(0, 100, KEPT_SECONDS)
    history.append(numbered(0, 5000), 0.0)
    history.append(numbered(5000, 100), SETTLED_SECONDS / 2)
    assert history.first == 0
    history.append(numbered(5100, 100), SETTLED_SECONDS + 0.1)
    assert history.first == 5000


@given(st.lists(st.integers(1, 3000), max_size=20))
def test_it_is_bounded_whatever_comes_in_an_instant(counts: list[int]) -> None:
    history = History(0, 100, KEPT_SECONDS)
    for count in counts:
        history.append([b""] * count, 0.0)
        assert history.end - history.first <= max(MOST, count)


def test_the_rate_is_that_of_what_is_kept() -> None:
    history = History(0, 1000, KEPT_SECONDS)
    for tick in range(100):
        history.append([bytes(1000)], tick / 10)
    assert 9_000 <= history.byte_rate(9.9) <= 11_000
