"""Why the server closes a socket: a closed set, each with its WebSocket code and the advice that goes with it.

No socket is ever closed by the server with anything else. The close frame's reason is a small JSON object
(`{"code":…,"retry":…,"afterMs":…}`), so that a client can act on it without a table.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from gateway import errors
from gateway.errors import Fault, Retry


class CloseReason(Enum):
    """Name = (WebSocket close code, what happened). 1xxx are RFC 6455's, 4xxx our own."""

    BINARY_REFUSED = (1003, errors.INVALID_REQUEST)
    INTERNAL_ERROR = (1011, errors.INTERNAL_ERROR)
    SHUTTING_DOWN = (1012, errors.SHUTTING_DOWN)
    OVERLOADED = (1013, errors.OVERLOADED)
    LOGIN_TIMEOUT = (4001, errors.LOGIN_TIMEOUT)
    HEARTBEAT_TIMEOUT = (4002, errors.HEARTBEAT_TIMEOUT)
    SLOW_CLIENT = (4003, errors.OVERLOADED)
    RATE_LIMITED = (4004, errors.RATE_LIMITED)
    RESUMED_ELSEWHERE = (4005, None)
    KICKED_BY_SAME_USER = (4010, errors.KICKED_BY_SAME_USER)
    KICKED = (4011, errors.KICKED)
    KICKED_TOKEN_EXPIRED = (4012, errors.KICKED_TOKEN_EXPIRED)
    ROOM_CLOSED = (4013, errors.KICKED)

    def __init__(self, code: int, fault: Fault | None) -> None:
        self.code = code
        self.fault = fault

    @property
    def retry(self) -> Retry:
        return self.fault.retry if self.fault else Retry.NEVER

    def text(self, after_ms: int | None = None) -> str:
        """The close frame's reason, under the 123 bytes that a control frame leaves."""
        advice: dict[str, int | str] = {"code": self.fault.number if self.fault else 0, "retry": self.retry.value}
        if after_ms is not None:
            advice["afterMs"] = after_ms
        return msgspec.json.encode(advice).decode()
