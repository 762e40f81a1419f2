"""A session's tables, and the memory for repeats."""

from __future__ import annotations

import pytest

from gateway.errors import INVALID_REQUEST, GatewayError
from gateway.signaling.messages import Request, decode_request
from gateway.signaling.session import ENDINGS, NEXT_PHASE, Happening, Phase, Repeats


def request(id: int | str, method: str = "mute", params: str = "{}") -> Request:
    quoted = f'"{id}"' if isinstance(id, str) else id
    return decode_request(f'{{"jsonrpc":"2.0","id":{quoted},"method":"{method}","params":{params}}}')


class TestPhases:
    def test_nothing_happens_after_the_end(self) -> None:
        assert not [step for step in NEXT_PHASE if step[0] is Phase.ENDED]

    def test_the_window_runs_out_only_without_a_socket(self) -> None:
        assert (Phase.ATTACHED, Happening.WINDOW_OVER) not in NEXT_PHASE
        assert NEXT_PHASE[Phase.DETACHED, Happening.WINDOW_OVER] is Phase.ENDED

    def test_whatever_ends_a_session_is_told_in_its_own_way(self) -> None:
        assert set(ENDINGS) == {happening for (_, happening), phase in NEXT_PHASE.items() if phase is Phase.ENDED}

    def test_who_is_put_out_is_told_on_its_socket_why_and_never_comes_back(self) -> None:
        put_out = {happening: ending for happening, ending in ENDINGS.items() if ending.close}
        assert all(ending.fault and ending.close and ending.fault is ending.close.fault for ending in put_out.values())
        assert not any(ending.resumable_anew or ending.fault is None for ending in put_out.values())

    @pytest.mark.parametrize("phase", [Phase.ATTACHED, Phase.DETACHED])
    @pytest.mark.parametrize("happening", [Happening.KICKED, Happening.ROOM_CLOSED, Happening.TOKEN_EXPIRED])
    def test_a_session_is_put_out_with_and_without_a_socket(self, phase: Phase, happening: Happening) -> None:
        assert NEXT_PHASE[phase, happening] is Phase.ENDED

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
        repeats.remember(request(1), "reply", repeats.life)
        assert repeats.find(request(1)) == "reply"

    @pytest.mark.parametrize("other", [request(1, "stop"), request(1, params='{"streamID":"s"}')])
    def test_the_same_id_with_other_content_is_an_error(self, other: Request) -> None:
        repeats = Repeats(128)
        repeats.remember(request(1), "reply", repeats.life)
        with pytest.raises(GatewayError) as refused:
            repeats.find(other)
        assert refused.value.fault is INVALID_REQUEST

    def test_a_number_and_a_text_are_two_ids(self) -> None:
        repeats = Repeats(128)
        repeats.remember(request(1), "reply", repeats.life)
        assert repeats.find(request("1", "stop")) is None

    def test_the_oldest_replies_are_forgotten(self) -> None:
        repeats = Repeats(3)
        for id in range(5):
            repeats.remember(request(id), f"reply {id}", repeats.life)
        assert [repeats.find(request(id)) for id in range(5)] == [None, None, "reply 2", "reply 3", "reply 4"]

    def test_after_a_resume_the_same_request_still_finds_its_reply(self) -> None:
        repeats = Repeats(128)
        repeats.remember(request(1), "reply", repeats.life)
        repeats.resumed()
        assert repeats.find(request(1)) == "reply"

    def test_after_a_resume_an_id_may_be_used_for_another_request_once(self) -> None:
        repeats = Repeats(128)
        repeats.remember(request(1), "reply", repeats.life)
        repeats.resumed()
        assert repeats.find(request(1, "stop")) is None
        repeats.remember(request(1, "stop"), "another reply", repeats.life)
        assert repeats.find(request(1, "stop")) == "another reply"
        with pytest.raises(GatewayError):
            repeats.find(request(1))

    def test_a_reply_that_comes_after_a_resume_belongs_to_the_life_in_which_its_request_began(self) -> None:
        repeats = Repeats(128)
        before = repeats.life
        repeats.resumed()
        repeats.remember(request(1), "late reply", before)
        assert repeats.find(request(1)) == "late reply"
        assert repeats.find(request(1, "stop")) is None, "the client may have begun anew"

    def test_a_late_reply_does_not_displace_one_of_a_later_life(self) -> None:
        repeats = Repeats(128)
        before = repeats.life
        repeats.resumed()
        repeats.remember(request(1, "stop"), "newer reply", repeats.life)
        repeats.remember(request(1), "late reply", before)
        assert repeats.find(request(1, "stop")) == "newer reply"
