"""How the process does, from what its loop and the system say."""

from __future__ import annotations

import pytest

from gateway.quality.probe import ServerProbe


class System:
    """Counters that a test sets."""

    def __init__(self) -> None:
        self.cpu = 10.0
        self.drops = 7


@pytest.fixture
def system() -> System:
    return System()


@pytest.fixture
def probe(system: System) -> ServerProbe:
    return ServerProbe(lambda: system.cpu, lambda: system.drops, now=100.0)


def test_a_reading_is_of_the_span_since_the_last_one(system: System, probe: ServerProbe) -> None:
    system.cpu, system.drops = 11.0, 9
    probe.observe(0.5)
    first = probe.reading(102.0)
    assert (first.span, first.cpu, first.drops, first.lag_peak) == (2.0, 0.5, 2, 0.5)
    second = probe.reading(103.0)
    assert (second.span, second.cpu, second.drops, second.lag, second.lag_peak) == (1.0, 0.0, 0, 0.0, 0.0)


def test_one_lag_among_many_is_the_peak_but_not_the_rule(probe: ServerProbe) -> None:
    for lag in [0.01] * 29 + [0.9]:
        probe.observe(lag)
    reading = probe.reading(103.0)
    assert (reading.lag, reading.lag_peak) == (0.01, 0.9)


def test_a_process_that_is_always_late_shows_it(probe: ServerProbe) -> None:
    for lag in (0.3, 0.35, 0.4, 0.3, 0.32):
        probe.observe(lag)
    assert probe.reading(101.0).lag == 0.4


def test_asked_twice_at_once_it_divides_by_nothing(probe: ServerProbe) -> None:
    assert probe.reading(100.0).cpu == 0.0
