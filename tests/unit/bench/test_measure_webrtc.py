"""What a join costs is what is left when the publisher and the players that are there already have been taken off."""

from __future__ import annotations

import pytest

from tests.bench.measure_webrtc import join_ms


def test_a_ramp_in_which_joining_costs_nothing() -> None:
    """10 s with the publisher alone at 2 %, and 50 s of playing at 0.1 % each."""
    assert join_ms(0.2 + 0.05, 10.0, alone=0.02, steady=0.12, played_s=50.0, players=100) == pytest.approx(0.0)


def test_what_is_left_is_shared_by_those_who_joined() -> None:
    assert join_ms(0.2 + 0.05 + 0.4, 10.0, alone=0.02, steady=0.12, played_s=50.0, players=100) == pytest.approx(4.0)
