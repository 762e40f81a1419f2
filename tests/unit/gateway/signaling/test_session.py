"""A session's table, the memory for repeats, and the allowance of requests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import INVALID_REQUEST, GatewayError
from gateway.signaling.messages import Request, decode_request
from gateway.signaling.session import NEXT_PHASE, Allowance, Happening, Phase, Repeats


def request(id: int | str, method: str = "mute", params: str = "{}") -> Request:
    quoted = f'"{id}"' if isinstance(id, str) else id
    return decode_request(f'{{"jsonrpc":"2.0","id":{quoted},"method":"{method}","params":{params}}}')


class TestPhases:
    def test_nothing_happens_after_the_end(self) -> None:
        assert not [step for step in NEXT_PHASE if step[0] is Phase.ENDED]

    def test_the_window_runs_out_only_without_a_socket(self) -> None:
        assert (Phase.ATTACHED, Happening.WINDOW_OVER) not in NEXT_PHASE
        assert NEXT_PHASE[Phase.DETACHED, Happening.WINDOW_OVER] is Phase.ENDED

    @pytest.mark.parametrize("phase", [Phase.ATTACHED, Phase.DETACHED])
    def test_resuming_and_being_replaced_are_possible_with_and_without_a_socket(self, phase: Phase) -> None:
        assert NEXT_PHASE[phase, Happening.RESUMED] is Phase.ATTACHED
        assert NEXT_PHASE[phase, Happening.REPLACED] is Phase.ENDED

    def test_every_phase_and_happening_has_its_place(self) -> None:
        assert {phase for phase, _ in NEXT_PHASE} | set(NEXT_PHASE.values()) == set(Phase)
        assert {happening for _, happening in NEXT_PHASE} == set(Happening)


class TestRepeats:
    def test_the_same_request_finds_its_reply(self) -> None:
        repeats = Repeats(128)
        assert repeats.find(request(1)) is None
        repeats.remember(request(1), "reply")
        assert repeats.find(request(1)) == "reply"

    @pytest.mark.parametrize("other", [request(1, "stop"), request(1, params='{"streamID":"s"}')])
    def test_the_same_id_with_other_content_is_an_error(self, other: Request) -> None:
        repeats = Repeats(128)
        repeats.remember(request(1), "reply")
        with pytest.raises(GatewayError) as refused:
            repeats.find(other)
        assert refused.value.fault is INVALID_REQUEST

    def test_a_number_and_a_text_are_two_ids(self) -> None:
        repeats = Repeats(128)
        repeats.remember(request(1), "reply")
        assert repeats.find(request("1", "stop")) is None

    def test_the_oldest_replies_are_forgotten(self) -> None:
        repeats = Repeats(3)
        for id in range(5):
            repeats.remember(request(id), f"reply {id}")
        assert [repeats.find(request(id)) for id in range(5)] == [None, None, "reply 2", "reply 3", "reply 4"]


class TestAllowance:
    def test_a_burst_may_come_at_once_and_the_rate_afterwards(self) -> None:
        allowance = Allowance(rate=10, burst=3, now=0)
        assert [allowance.take(0) for _ in range(4)] == [0, 0, 0, 0.1]
        assert allowance.take(0.05) == pytest.approx(0.05)
        assert allowance.take(0.1) == 0

    def test_what_is_not_used_does_not_pile_up_beyond_the_burst(self) -> None:
        allowance = Allowance(rate=10, burst=3, now=0)
        assert [allowance.take(1000) == 0 for _ in range(4)] == [True, True, True, False]

    @given(st.lists(st.floats(0, 2), min_size=1, max_size=200))
    def test_in_any_span_of_time_no_more_is_given_than_burst_and_rate(self, pauses: list[float]) -> None:
        allowance, now, given_out = Allowance(rate=5, burst=4, now=0), 0.0, 0
        for pause in pauses:
            now += pause
            given_out += allowance.take(now) == 0
            assert given_out <= 4 + 5 * now + 1e-6

    @given(st.floats(0.1, 100), st.integers(1, 20), st.floats(0, 10))
    def test_after_the_pause_that_it_names_one_may_be_taken(self, rate: float, burst: int, pause: float) -> None:
        allowance = Allowance(rate, burst, now=0)
        while (wait := allowance.take(pause)) == 0:
            pass
        assert allowance.take(pause + wait + 1e-6) == 0
