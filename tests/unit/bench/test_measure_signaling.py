"""What a core does in a second is told from the CPU that was used, however long it took."""

from __future__ import annotations

from dataclasses import replace

from tests.bench.measure_signaling import per_cpu_second
from tests.bench.process import Usage

USED = Usage(4.0, 0.5, 0.5, 90.0, 80.0, 20, 1, 1, 1.2, 0.0)


def test_a_core_that_was_half_busy_does_twice_as_much() -> None:
    assert per_cpu_second(1000, USED) == 500.0


def test_what_the_rest_of_the_machine_does_changes_nothing() -> None:
    assert per_cpu_second(1000, replace(USED, wall_s=8.0, server_cpu_schedstat=0.25)) == 500.0
