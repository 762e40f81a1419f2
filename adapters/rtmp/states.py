"""What may happen to a connection and to each of its message streams, as tables that can be read aloud.

A move that is not in the table is the mistake of whoever made it: a peer's ends its connection, ours is a bug. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from adapters.rtmp.errors import LocalProtocolError, RemoteProtocolError, Violation


class Phase(Enum):
    """How far a connection has come."""

    HANDSHAKE = "handshake"
    UNCONNECTED = "unconnected"
    """The handshake is over, `connect` has not come."""
    CONNECTED = "connected"


class StreamState(Enum):
    """What a message stream is used for."""

    IDLE = "idle"
    PUBLISH_ASKED = "publish asked"
    PUBLISHING = "publishing"
    PLAY_ASKED = "play asked"
    PLAYING = "playing"
    PAUSED = "paused"


class Move(Enum):
    """What can happen to a message stream."""

    PUBLISH = "publish"
    PLAY = "play"
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"
    ACCEPT = "accept"
    REFUSE = "refuse"


OURS: Final = frozenset((Move.ACCEPT, Move.REFUSE))
"""Moves that only we make."""

TABLE: Final[Mapping[StreamState, Mapping[Move, StreamState]]] = {
    StreamState.IDLE: {
        Move.PUBLISH: StreamState.PUBLISH_ASKED,
        Move.PLAY: StreamState.PLAY_ASKED,
        Move.PAUSE: StreamState.IDLE,
        Move.RESUME: StreamState.IDLE,
        Move.END: StreamState.IDLE,
    },
    StreamState.PUBLISH_ASKED: {
        Move.ACCEPT: StreamState.PUBLISHING,
        Move.REFUSE: StreamState.IDLE,
    },
    StreamState.PUBLISHING: {
        Move.END: StreamState.IDLE,
    },
    StreamState.PLAY_ASKED: {
        Move.ACCEPT: StreamState.PLAYING,
        Move.REFUSE: StreamState.IDLE,
    },
    StreamState.PLAYING: {
        Move.PLAY: StreamState.PLAY_ASKED,
        Move.PAUSE: StreamState.PAUSED,
        Move.RESUME: StreamState.PLAYING,
        Move.END: StreamState.IDLE,
    },
    StreamState.PAUSED: {
        Move.PLAY: StreamState.PLAY_ASKED,
        Move.PAUSE: StreamState.PAUSED,
        Move.RESUME: StreamState.PLAYING,
        Move.END: StreamState.IDLE,
    },
}
"""State → move → next state. A peer makes no move while it waits for an answer: its messages wait too."""

PLAYS: Final = frozenset((StreamState.PLAYING, StreamState.PAUSED))


@dataclass(slots=True)
class MessageStream:
    """One message stream of a connection (createStream makes it, deleteStream ends it)."""

    msid: int
    state: StreamState = StreamState.IDLE
    name: str = field(default="", repr=False)
    """The stream name of the last publish or play, as it came. May hold a key: never printed."""

    def move(self, move: Move) -> StreamState:
        """Makes a move and returns the state before it. Raises the error of whoever had no right to it."""
        before = self.state
        after = TABLE[before].get(move)
        if after is None:
            sentence = f"{move.value} on a message stream that is {before.value}"
            raise LocalProtocolError(sentence) if move in OURS else RemoteProtocolError(Violation.COMMAND, sentence)
        self.state = after
        return before
