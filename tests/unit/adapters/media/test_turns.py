"""Turns: what is due is done a little at a time, in order, and the loop is asked for no more iterations than it takes."""

from __future__ import annotations

from adapters.media.turns import Turns
from tests.support.streams import HandMovedLoop


class Work:
    """Something that queues again so many times."""

    def __init__(self, turns: Turns, log: list[str], name: str, *, cost: int = 1, again: int = 0) -> None:
        self._turns, self._log, self._name, self._cost, self._again = turns, log, name, cost, again

    def flush(self) -> int:
        self._log.append(self._name)
        if self._again:
            self._again -= 1
            self._turns.add(self)
        return self._cost


def test_one_iteration_spends_the_budget_and_leaves_the_rest_to_the_next() -> None:
    loop, log = HandMovedLoop(), list[str]()
    turns = Turns(loop.call_later, 10)
    for name in "abcd":
        turns.add(Work(turns, log, name, cost=5))
    loop.step()
    assert log == ["a", "b"]
    loop.step()
    assert log == ["a", "b", "c", "d"]
    assert not loop.pending


def test_what_queues_again_waits_for_the_next_iteration_and_costs_one_each() -> None:
    loop, log = HandMovedLoop(), list[str]()
    turns = Turns(loop.call_later, 10)
    turns.add(Work(turns, log, "a", again=9))
    turns.add(Work(turns, log, "b", again=9))
    for iteration in range(1, 11):
        assert loop.pending == 1
        loop.step()
        assert len(log) == 2 * iteration
    assert not loop.pending


def test_one_that_fails_does_not_hold_up_the_others() -> None:
    class Broken:
        def flush(self) -> int:
            raise RuntimeError

    loop, log = HandMovedLoop(), list[str]()
    turns = Turns(loop.call_later, 10)
    turns.add(Broken())
    turns.add(Work(turns, log, "a"))
    try:
        loop.step()
    except RuntimeError:
        log.append("failed")
    loop.settle()
    assert log == ["failed", "a"]
