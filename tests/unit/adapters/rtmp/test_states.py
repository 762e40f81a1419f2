"""The table of message streams: complete, and who is blamed for a move that is not in it."""

from __future__ import annotations

import pytest

from adapters.rtmp.errors import LocalProtocolError, RemoteProtocolError
from adapters.rtmp.states import OURS, TABLE, MessageStream, Move, StreamState


def test_every_state_has_a_row_and_can_be_reached() -> None:
    assert set(TABLE) == set(StreamState)
    reached = {StreamState.IDLE}
    for _ in StreamState:
        reached |= {after for state in reached for after in TABLE[state].values()}
    assert reached == set(StreamState)


def test_every_asked_state_waits_for_us_alone() -> None:
    for state in (StreamState.PUBLISH_ASKED, StreamState.PLAY_ASKED):
        assert set(TABLE[state]) == OURS


@pytest.mark.parametrize("state", list(StreamState))
@pytest.mark.parametrize("move", list(Move))
def test_moves(state: StreamState, move: Move) -> None:
    stream = MessageStream(1, state)
    after = TABLE[state].get(move)
    if after is not None:
        assert stream.move(move) is state
        assert stream.state is after
        return
    with pytest.raises(LocalProtocolError if move in OURS else RemoteProtocolError):
        stream.move(move)
    assert stream.state is state
