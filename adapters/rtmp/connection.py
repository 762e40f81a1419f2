"""One RTMP connection from the server's side: bytes in, events and bytes out. Adobe RTMP 1.0.

`receive` takes what the peer sent and returns what that means to the outside; `take` gives what has to be sent. Handshake,
acknowledgements, control messages and the way of media are here; what is said by commands is `conversation`'s affair. A
wish to publish or play needs a decision from outside; until it is taken, the peer's later messages wait (pings excepted),
so nothing overtakes it.

Pure: no I/O, clock, randomness or logging.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

from adapters.rtmp.chunks import COMMAND_CHUNK_STREAM, CONTROL_CHUNK_STREAM, ChunkLimits, ChunkReader, ChunkWriter
from adapters.rtmp.commands import command_of, data_of
from adapters.rtmp.conversation import Conversation
from adapters.rtmp.errors import RemoteProtocolError, Violation
from adapters.rtmp.events import AudioReceived, Event, MetadataReceived, VideoReceived
from adapters.rtmp.handshake import ServerHandshake
from adapters.rtmp.messages import (
    ACKNOWLEDGEMENT,
    AGGREGATE,
    AMF0_COMMAND,
    AMF0_DATA,
    AMF3_COMMAND,
    AMF3_DATA,
    AUDIO,
    CONTROL_TYPES,
    SET_PEER_BANDWIDTH,
    USER_CONTROL,
    VIDEO,
    WINDOW_ACKNOWLEDGEMENT_SIZE,
    Message,
    UserControl,
    acknowledgement,
    parts_of,
    uint32_of,
    user_control,
    window_acknowledgement_size,
)
from adapters.rtmp.states import Move, Phase
from gateway.config import RtmpSettings

_PING: Final = UserControl.PING_REQUEST.to_bytes(2)
_MAX_HELD_BYTES: Final = 4 * 1024 * 1024
"""Bodies that may wait behind an unanswered publish or play: some seconds of media of a client that does not wait."""
_MAX_HELD_MESSAGES: Final = 4096
_MAX_UNINVITED_BYTES: Final = 256 * 1024
"""Unfinished messages of a peer that has not asked to publish: room for its commands, and for what is read with them."""


class Connection:
    """The protocol state of one peer."""

    def __init__(self, settings: RtmpSettings, random_bytes: Callable[[int], bytes]) -> None:
        self._settings = settings
        self._handshake = ServerHandshake(random_bytes)
        self._reader = ChunkReader(
            ChunkLimits(settings.message_bytes, settings.command_bytes, settings.unfinished_bytes, settings.chunk_streams)
        )
        self._reader.unfinished_limit = min(_MAX_UNINVITED_BYTES, settings.unfinished_bytes)
        self._writer = ChunkWriter()
        self._out: list[bytes] = []
        self.conversation = Conversation(settings, self._send)
        self._held: list[Message] = []
        self._held_bytes = 0
        self._received = 0
        self._acknowledged = 0
        self._window = settings.window_ack_bytes
        self._announced_window = settings.window_ack_bytes
        self.failure: RemoteProtocolError | None = None
        """What the peer did wrong; what came before it has been handed out."""

    def receive(self, data: bytes) -> list[Event]:
        """What `data` means to the outside, in order. Without data: what waited for the answer that was just given.

        Once the peer has gone wrong, `failure` says how, nothing more is read, and the connection has to be closed.
        """
        events: list[Event] = []
        if self.failure is None:
            try:
                self._receive(data, events)
            except RemoteProtocolError as error:
                self.failure = error
        return events

    def _receive(self, data: bytes, events: list[Event]) -> None:
        self._received += len(data)
        if self.conversation.phase is Phase.HANDSHAKE:
            data = self._shake_hands(data)
        messages = self._reader.receive(data)
        if self._received - self._acknowledged >= self._window:
            self._acknowledged = self._received
            self._send(acknowledgement(self._received))
        if self.conversation.asked is not None:
            self._hold(messages)
        else:
            if self._held:
                messages = self._held + messages
                self._held, self._held_bytes = [], 0
            self._read(messages, events)
        if self.conversation.asked is None:
            self.failure = self._reader.failure

    def _read(self, messages: list[Message], events: list[Event]) -> None:
        """Reads messages until one of them has to be answered from outside."""
        publishing = self.conversation.publishing
        for index, message in enumerate(messages):
            type_id, msid, timestamp, body = message
            if type_id == VIDEO:
                if msid in publishing:
                    events.append(VideoReceived(msid, timestamp, body))
            elif type_id == AUDIO:
                if msid in publishing:
                    events.append(AudioReceived(msid, timestamp, body))
            else:
                self._obey(message, events)
                if self.conversation.asked is not None:
                    self._hold(messages[index + 1 :])
                    break

    def take(self) -> bytes:
        """The bytes that have to be sent now; each is given once."""
        out = self._out
        if not out:
            return b""
        self._out = []
        return b"".join(out)

    def ping(self, milliseconds: int) -> None:
        """Asks the peer for a sign of life."""
        if self.conversation.phase is Phase.CONNECTED:
            self._send(user_control(UserControl.PING_REQUEST, milliseconds))

    def _shake_hands(self, data: bytes) -> bytes:
        """Returns what came behind the handshake."""
        reply = self._handshake.receive(data)
        if reply:
            self._out.append(reply)
        if not self._handshake.done:
            return b""
        self.conversation.begin()
        return self._handshake.rest

    def _hold(self, messages: list[Message]) -> None:
        """Keeps messages until the answer is given; but pings are answered."""
        for message in messages:
            body = message.body
            if message.type_id == USER_CONTROL and body[:2] == _PING:
                self._send(user_control(UserControl.PING_RESPONSE, body[2:6]))
                continue
            self._held.append(message)
            self._held_bytes += len(body)
            if self._held_bytes > _MAX_HELD_BYTES or len(self._held) > _MAX_HELD_MESSAGES:
                raise RemoteProtocolError(Violation.HELD_BYTES, f"{self._held_bytes} bytes before the answer")

    def _obey(self, message: Message, events: list[Event]) -> None:
        """Everything but plain audio and video. Shared objects and unknown types are passed over."""
        type_id = message.type_id
        if type_id in (AMF0_COMMAND, AMF3_COMMAND):
            self.conversation.obey(command_of(message), events)
            if self.conversation.asked is Move.PUBLISH:
                self._reader.unfinished_limit = self._settings.unfinished_bytes
        elif type_id in (AMF0_DATA, AMF3_DATA):
            self._obey_data(message, events)
        elif type_id == AGGREGATE:
            self._obey_aggregate(message, events)
        elif type_id in CONTROL_TYPES:
            self._obey_control(message)

    def _obey_control(self, message: Message) -> None:
        """Sections 5.4 and 7.1.7."""
        type_id, body = message.type_id, message.body
        if type_id == USER_CONTROL:
            if len(body) < 2:
                raise RemoteProtocolError(Violation.CONTROL_MESSAGE, "a user control message without an event")
            if body[:2] == _PING:
                self._send(user_control(UserControl.PING_RESPONSE, body[2:6]))
        elif type_id == WINDOW_ACKNOWLEDGEMENT_SIZE:
            self._window = uint32_of(body) or self._settings.window_ack_bytes
        elif type_id == SET_PEER_BANDWIDTH:
            window = uint32_of(body)
            if window != self._announced_window:
                self._announced_window = window
                self._send(window_acknowledgement_size(window))
        elif type_id == ACKNOWLEDGEMENT:
            uint32_of(body)

    def _obey_data(self, message: Message, events: list[Event]) -> None:
        if message.msid not in self.conversation.publishing:
            return
        values = data_of(message)
        if values[:1] == ["@setDataFrame"]:
            del values[0]
        if len(values) > 1 and values[0] == "onMetaData" and isinstance(values[1], dict):
            events.append(MetadataReceived(message.msid, message.timestamp, _plain(values[1])))

    def _obey_aggregate(self, message: Message, events: list[Event]) -> None:
        if message.msid not in self.conversation.publishing:
            return
        for part in parts_of(message):
            if part.type_id == VIDEO:
                events.append(VideoReceived(part.msid, part.timestamp, part.body))
            elif part.type_id == AUDIO:
                events.append(AudioReceived(part.msid, part.timestamp, part.body))
            elif part.type_id == AMF0_DATA:
                if len(part.body) > self._settings.command_bytes:
                    raise RemoteProtocolError(Violation.MESSAGE_SIZE, f"data of {len(part.body)} bytes in an aggregate")
                self._obey_data(part, events)

    def _send(self, message: Message) -> None:
        csid = CONTROL_CHUNK_STREAM if message.type_id < AUDIO else COMMAND_CHUNK_STREAM
        self._out.append(self._writer.write(csid, message))


def _plain(members: Mapping[str, object]) -> dict[str, object]:
    """The members that mean the same everywhere."""
    return {
        name: value
        for name, value in members.items()
        if isinstance(value, str | bool) or (isinstance(value, float) and math.isfinite(value))
    }
