"""Refusals and failures, and the numbers among them that the client itself has to know.

The gateway's whole table is in its documentation (errors.md); nothing of it is repeated here that the client does not act on.
"""

from __future__ import annotations

import json
from typing import Any

NOT_LOGGED_IN = 1000002
LOGIN_TIMEOUT = 1002031
KICKED_BY_SAME_USER = 1002050
RECONNECTING = 1002051
RETRY_TIMEOUT = 1002053
KICKED = frozenset([KICKED_BY_SAME_USER, 1002055, 1002056])
INTERRUPTED = 1003020
STREAM_ID_TAKEN = 1003028
STREAM_NOT_FOUND = 1004002
PLAY_INTERRUPTED = 1004020
TRANSCODES_EXHAUSTED = 1802007
CONNECT_FAILED = 1802008

PASSING = frozenset([
    INTERRUPTED, 1003021, 1003029, STREAM_NOT_FOUND, PLAY_INTERRUPTED, 1802003, TRANSCODES_EXHAUSTED, CONNECT_FAILED, 1802009,
    1803001, 1803002,
])  # fmt: skip
"""With these, a media connection is made again. All others end it."""

LOGIN_AGAIN = frozenset([0, LOGIN_TIMEOUT, 1002071, 1803001, 1803002, 1803013, -32603])
"""With these, a first login is tried again for a while. All others are told at once."""


class CallError(Exception):
    """A request was refused, or got no answer; a session was lost or ended.

    `code` is the gateway's number (0: the client's own failure), `name` its name; `retry` is `never`, `now` or `after`,
    `after` the seconds to wait where the gateway said so.
    """

    def __init__(self, code: int, name: str, message: str = "", retry: str = "now", after: float | None = None) -> None:
        super().__init__(f"{name} {code}: {message}" if message else f"{name} {code}")
        self.code = code
        self.name = name
        self.message = message
        self.retry = retry
        self.after = after

    @classmethod
    def of_reply(cls, error: dict[str, Any]) -> CallError:
        """Out of a reply's `error`."""
        data = error.get("data") or {}
        return cls(error["code"], data.get("name", ""), error.get("message", ""), data.get("retry", "never"), _seconds(data))

    @classmethod
    def of_close(cls, code: int | None, reason: str) -> CallError:
        """Out of a socket's end: with the server's advice, if it gave any."""
        try:
            advice = json.loads(reason)
            return cls(int(advice["code"]), "SOCKET_CLOSED", f"close code {code}", str(advice["retry"]), _seconds(advice))
        except (ValueError, TypeError, KeyError):
            return cls(0, "SOCKET_LOST", f"close code {code}", "never" if code in (1002, 1009) else "now")


def _seconds(data: dict[str, Any]) -> float | None:
    after = data.get("afterMs")
    return after / 1000 if isinstance(after, int | float) else None
