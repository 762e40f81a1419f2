"""Commands: the words of RTMP's conversation, read and written. Adobe RTMP 1.0 section 7.2.

A command is a name, a transaction id and values; the first value is the "command object", nearly always null. Transaction
id 0 asks for no reply (some clients use it for everything). Pure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from adapters.rtmp import amf0
from adapters.rtmp.errors import RemoteProtocolError, Violation
from adapters.rtmp.messages import AMF0_COMMAND, AMF3_COMMAND, AMF3_DATA, Message

MAX_MSID = 0xFFFFFFFF


class Code(StrEnum):
    """The `code` of a status or an error: Flash's own words, which clients compare."""

    CONNECT_SUCCESS = "NetConnection.Connect.Success"
    CONNECT_REJECTED = "NetConnection.Connect.Rejected"
    CONNECT_CLOSED = "NetConnection.Connect.Closed"
    CONNECT_SHUTDOWN = "NetConnection.Connect.AppShutdown"
    CALL_FAILED = "NetConnection.Call.Failed"
    PUBLISH_START = "NetStream.Publish.Start"
    PUBLISH_BAD_NAME = "NetStream.Publish.BadName"
    PUBLISH_DENIED = "NetStream.Publish.Denied"
    UNPUBLISH_SUCCESS = "NetStream.Unpublish.Success"
    PLAY_RESET = "NetStream.Play.Reset"
    PLAY_START = "NetStream.Play.Start"
    PLAY_STOP = "NetStream.Play.Stop"
    PLAY_FAILED = "NetStream.Play.Failed"
    PLAY_STREAM_NOT_FOUND = "NetStream.Play.StreamNotFound"
    PLAY_UNPUBLISH_NOTIFY = "NetStream.Play.UnpublishNotify"
    PAUSE_NOTIFY = "NetStream.Pause.Notify"
    UNPAUSE_NOTIFY = "NetStream.Unpause.Notify"
    SEEK_NOTIFY = "NetStream.Seek.Notify"
    STREAM_FAILED = "NetStream.Failed"


class Level(StrEnum):
    """How a status is meant."""

    STATUS = "status"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Command:
    """One command as it came."""

    name: str
    transaction: float
    """0: no reply is wanted."""
    msid: int
    """The message stream that it came on."""
    values: list[object]
    """What follows the transaction id; the first is the command object."""

    def text(self, index: int) -> str:
        """The value at `index`, which has to be text."""
        value = self._value(index)
        if not isinstance(value, str):
            raise RemoteProtocolError(Violation.COMMAND, f"{self.name[:40]!r} without a text at {index}")
        return value

    def flag(self, index: int) -> bool:
        """The value at `index` as a boolean; False if it is not there."""
        return self._value(index) is True

    def number(self, index: int) -> float:
        """The value at `index` as a finite number; 0 if it is none."""
        value = self._value(index)
        return value if isinstance(value, float) and math.isfinite(value) else 0.0

    def members(self) -> dict[str, object]:
        """The command object; empty if it is none."""
        value = self._value(0)
        return value if isinstance(value, dict) else {}

    def msid_at(self, index: int) -> int:
        """The value at `index` as a message stream's number; 0 if it is none."""
        number = self.number(index)
        return int(number) if 0 <= number <= MAX_MSID else 0

    def _value(self, index: int) -> object:
        return self.values[index] if index < len(self.values) else None


def command_of(message: Message) -> Command:
    """Reads a command message of either encoding."""
    values = _values(message, AMF3_COMMAND)
    if not values or not isinstance(values[0], str):
        raise RemoteProtocolError(Violation.COMMAND, "a command without a name")
    transaction = values[1] if len(values) > 1 else 0.0
    if not isinstance(transaction, float) or not math.isfinite(transaction):
        transaction = 0.0
    return Command(values[0], transaction, message.msid, values[2:])


def data_of(message: Message) -> list[object]:
    """Reads a data message of either encoding."""
    return _values(message, AMF3_DATA)


def _values(message: Message, amf3_type: int) -> list[object]:
    """AMF3 messages begin with a byte that says how the rest is encoded; 0 is AMF0, which all of them use."""
    start = 1 if message.type_id == amf3_type and message.body[:1] == b"\0" else 0
    return amf0.decode(message.body, start)


def command(msid: int, name: str, transaction: float, *values: object) -> Message:
    """A command message; `values` begin with the command object."""
    return Message(AMF0_COMMAND, msid, 0, amf0.encode((name, transaction, *values)))


def result(asked: Command, *values: object) -> Message:
    """The good answer to a command. The first value takes the place of the command object."""
    return command(asked.msid, "_result", asked.transaction, *(values or (None,)))


def error(asked: Command, code: Code, description: str) -> Message:
    """The bad answer to a command."""
    return command(asked.msid, "_error", asked.transaction, None, information(Level.ERROR, code, description))


def status(msid: int, level: Level, code: Code, description: str, **more: object) -> Message:
    """Tells what became of a stream."""
    return command(msid, "onStatus", 0, None, information(level, code, description, **more))


def information(level: Level, code: Code, description: str, **more: object) -> dict[str, object]:
    """The object that says what happened."""
    return {"level": str(level), "code": str(code), "description": description, **more}
