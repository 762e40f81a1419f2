"""The heap of deadlines: order, cancelling, and staying small."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.timers import Timer, Timers
from tests.support.lobby import Clock


def nothing() -> None:
    """A deadline of which only the existence matters."""


def test_deadlines_fire_in_the_order_of_their_time() -> None:
    clock, fired = Clock(), list[str]()
    timers = Timers(clock)
    timers.after(3, lambda: fired.append("third"))
    timers.after(1, lambda: fired.append("first"))
    timers.after(2, lambda: fired.append("second"))
    clock.advance(3, timers)
    assert fired == ["first", "second", "third"]


def test_deadlines_of_the_same_moment_fire_in_the_order_in_which_they_were_set() -> None:
    clock, fired = Clock(), list[int]()
    timers = Timers(clock)
    for number in range(5):
        timers.after(1, lambda number=number: fired.append(number))  # type: ignore[misc]
    clock.advance(1, timers)
    assert fired == [0, 1, 2, 3, 4]


def test_nothing_fires_before_its_time_and_nothing_twice() -> None:
    clock, fired = Clock(), list[float]()
    timers = Timers(clock)
    timer = timers.after(10, lambda: fired.append(clock.now))
    clock.advance(9.999, timers)
    assert (fired, timer.pending, len(timers)) == ([], True, 1)
    clock.advance(100, timers)
    assert (fired, timer.pending, len(timers)) == ([1010.0], False, 0)


def test_a_cancelled_deadline_does_not_fire_and_cancelling_again_is_harmless() -> None:
    clock, fired = Clock(), list[str]()
    timers = Timers(clock)
    timer = timers.after(1, lambda: fired.append("no"))
    timer.cancel()
    timer.cancel()
    assert len(timers) == 0
    clock.advance(2, timers)
    timer.cancel()
    assert (fired, len(timers)) == ([], 0)


def test_a_callback_may_set_and_cancel_deadlines() -> None:
    clock, fired = Clock(), list[str]()
    timers = Timers(clock)
    victim = timers.after(2, lambda: fired.append("victim"))

    def first() -> None:
        fired.append("first")
        victim.cancel()
        timers.after(0, lambda: fired.append("at once"))
        timers.after(3, lambda: fired.append("later"))

    timers.after(1, first)
    clock.advance(1, timers)
    assert fired == ["first", "at once"]
    clock.advance(3, timers)
    assert fired == ["first", "at once", "later"]


def test_whoever_arms_the_clock_is_told_only_of_deadlines_before_all_others() -> None:
    clock, told = Clock(), list[float]()
    timers = Timers(clock, told.append)
    timers.after(10, nothing)
    timers.after(20, nothing)
    timers.after(10, nothing)
    timers.after(5, nothing)
    assert told == [1010, 1005]
    assert timers.next_deadline == 1005


def test_it_is_armed_anew_after_the_last_deadline_has_fired() -> None:
    clock, told = Clock(), list[float]()
    timers = Timers(clock, told.append)
    timers.after(1, nothing)
    clock.advance(1, timers)
    assert timers.next_deadline is None
    timers.after(1, nothing)
    assert told == [1001, 1002]


def test_cancelled_deadlines_do_not_pile_up() -> None:
    clock = Clock()
    timers = Timers(clock)
    kept = timers.after(1_000_000, nothing)
    for _ in range(10_000):
        timers.after(90, nothing).cancel()
    assert len(timers) == 1
    assert len(timers._heap) < 200
    assert kept.pending


def test_deadlines_survive_that_a_callback_makes_the_heap_compact() -> None:
    clock, fired = Clock(), list[str]()
    timers = Timers(clock)
    many = [timers.after(5, nothing) for _ in range(200)]

    def cancel_all() -> None:
        for timer in many:
            timer.cancel()
        timers.after(0, lambda: fired.append("at once"))
        timers.after(1, lambda: fired.append("later"))

    timers.after(1, cancel_all)
    clock.advance(1, timers)
    assert (fired, len(timers)) == (["at once"], 1)
    clock.advance(10, timers)
    assert (fired, len(timers)) == (["at once", "later"], 0)


@given(st.lists(st.tuples(st.sampled_from(["after", "cancel", "advance"]), st.integers(0, 50)), max_size=300))
def test_it_behaves_like_a_list_of_deadlines(steps: list[tuple[str, int]]) -> None:
    clock, fired, expected = Clock(), list[int](), list[int]()
    timers = Timers(clock)
    known: dict[int, Timer] = {}
    waiting: dict[int, float] = {}
    for number, (step, amount) in enumerate(steps):
        if step == "after":
            known[number] = timers.after(amount, lambda number=number: fired.append(number))  # type: ignore[misc]
            waiting[number] = clock.now + amount
        elif step == "cancel" and known:
            victim = list(known)[amount % len(known)]
            known[victim].cancel()
            waiting.pop(victim, None)
        else:
            clock.advance(amount, timers)
            due = sorted((at, n) for n, at in waiting.items() if at <= clock.now)
            expected += [n for _, n in due]
            waiting = {n: at for n, at in waiting.items() if at > clock.now}
        assert (fired, len(timers)) == (expected, len(waiting))
