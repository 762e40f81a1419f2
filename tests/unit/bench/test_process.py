"""What a process tree used between two samples."""

from __future__ import annotations

import os
import sys

import pytest

from tests.bench.process import Sample, sample, usage


def _sample(at: float, cpu: dict[int, float], rss_kb: int = 0) -> Sample:
    return Sample(at, cpu, cpu, rss_kb, rss_kb, fds=3, threads=1, busy=2 * at, stolen=0.0)


def test_usage_is_per_second_and_counts_a_process_that_began_meanwhile() -> None:
    used = usage(_sample(10.0, {1: 5.0}), _sample(20.0, {1: 6.0, 2: 0.5}, 2048))
    assert (used.server_cpu, used.rss_mb, used.procs, used.machine_busy_cores) == (0.15, 2.0, 2, 2.0)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_sample_of_this_process() -> None:
    now = sample([os.getpid()])
    assert os.getpid() in now.cpu
    assert now.rss_kb > 1000
    assert now.fds >= 3


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_that_is_gone_is_left_out() -> None:
    assert sample([2**22 + 1]).cpu == {}
