"""One RTMP connection from the server's side: bytes in, events and bytes out. Adobe RTMP 1.0.

`receive` takes what the peer sent and returns what that means to the outside; `take` gives what has to be sent. All that
RTMP can answer by itself is answered here. A wish to publish or play needs a decision from outside; until it is taken,
the peer's later messages wait (pings excepted), so nothing overtakes it.

Pure: no I/O, clock, randomness or logging.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from adapters.media.units import Medium
from adapters.rtmp.chunks import COMMAND_CHUNK_STREAM, CONTROL_CHUNK_STREAM, ChunkLimits, ChunkReader, ChunkWriter
from adapters.rtmp.commands import (
    Code,
    Command,
    Level,
    command,
    command_of,
    data_of,
    error,
    information,
    result,
    status,
)
from adapters.rtmp.errors import LocalProtocolError, RemoteProtocolError, Violation
from adapters.rtmp.events import (
    AudioReceived,
    Event,
    MediumWanted,
    MetadataReceived,
    PauseChanged,
    PlayAsked,
    PlayEnded,
    PublishAsked,
    PublishEnded,
    VideoReceived,
)
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
    set_chunk_size,
    set_peer_bandwidth,
    uint32_of,
    user_control,
    window_acknowledgement_size,
)
from adapters.rtmp.states import PLAYS, MessageStream, Move, Phase, StreamState
from gateway.config import RtmpSettings

SERVER_VERSION: Final = "FMS/3,5,7,7009"
"""What clients expect to hear: some turn features off for names that they do not know."""
_CAPABILITIES: Final = 31.0
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
        self.phase = Phase.HANDSHAKE
        self._app = ""
        self._streams: dict[int, MessageStream] = {}
        self._publishing: set[int] = set()
        self._asked: tuple[MessageStream, Command] | None = None
        self._held: list[Message] = []
        self._held_bytes = 0
        self._received = 0
        self._acknowledged = 0
        self._window = settings.window_ack_bytes
        self._announced_window = 0
        self.failure: RemoteProtocolError | None = None
        """What the peer did wrong; what came before it has been handed out."""

    @property
    def asked(self) -> bool:
        """True while a wish to publish or play has no answer."""
        return self._asked is not None

    # In -------------------------------------------------------------------------------------------------------------

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
        if self.phase is Phase.HANDSHAKE:
            data = self._shake_hands(data)
        messages = self._reader.receive(data)
        if self._received - self._acknowledged >= self._window:
            self._acknowledged = self._received
            self._send_control(acknowledgement(self._received))
        if self._asked is not None:
            self._hold(messages)
        else:
            if self._held:
                messages = self._held + messages
                self._held, self._held_bytes = [], 0
            self._read(messages, events)
        if self._asked is None:
            self.failure = self._reader.failure

    def _read(self, messages: list[Message], events: list[Event]) -> None:
        """Reads messages until one of them has to be answered from outside."""
        publishing = self._publishing
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
                if self._asked is not None:
                    self._hold(messages[index + 1 :])
                    break

    def take(self) -> bytes:
        """The bytes that have to be sent now; each is given once."""
        out = self._out
        if not out:
            return b""
        self._out = []
        return b"".join(out)

    def _shake_hands(self, data: bytes) -> bytes:
        """Returns what came behind the handshake."""
        reply = self._handshake.receive(data)
        if reply:
            self._out.append(reply)
        if not self._handshake.done:
            return b""
        self.phase = Phase.UNCONNECTED
        return self._handshake.rest

    def _hold(self, messages: list[Message]) -> None:
        """Keeps messages until the answer is given; but pings are answered."""
        for message in messages:
            body = message.body
            if message.type_id == USER_CONTROL and body[:2] == _PING:
                self._send_control(user_control(UserControl.PING_RESPONSE, body[2:6]))
                continue
            self._held.append(message)
            self._held_bytes += len(body)
            if self._held_bytes > _MAX_HELD_BYTES or len(self._held) > _MAX_HELD_MESSAGES:
                raise RemoteProtocolError(Violation.HELD_BYTES, f"{self._held_bytes} bytes before the answer")

    def _obey(self, message: Message, events: list[Event]) -> None:
        """Everything but plain audio and video. Shared objects and unknown types are passed over."""
        type_id = message.type_id
        if type_id in (AMF0_COMMAND, AMF3_COMMAND):
            asked = command_of(message)
            if (self.phase is Phase.CONNECTED) == (asked.name == "connect"):
                raise RemoteProtocolError(Violation.COMMAND, f"{asked.name[:40]!r} while {self.phase.value}")
            obey = _COMMANDS.get(asked.name, Connection._unknown)
            obey(self, asked, events)
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
                self._send_control(user_control(UserControl.PING_RESPONSE, body[2:6]))
        elif type_id == WINDOW_ACKNOWLEDGEMENT_SIZE:
            self._window = uint32_of(body) or self._settings.window_ack_bytes
        elif type_id == SET_PEER_BANDWIDTH:
            window = uint32_of(body)
            if window != self._announced_window:
                self._announced_window = window
                self._send_control(window_acknowledgement_size(window))
        elif type_id == ACKNOWLEDGEMENT:
            uint32_of(body)

    def _obey_data(self, message: Message, events: list[Event]) -> None:
        if message.msid not in self._publishing:
            return
        values = data_of(message)
        if values[:1] == ["@setDataFrame"]:
            del values[0]
        if len(values) > 1 and values[0] == "onMetaData" and isinstance(values[1], dict):
            events.append(MetadataReceived(message.msid, message.timestamp, _plain(values[1])))

    def _obey_aggregate(self, message: Message, events: list[Event]) -> None:
        if message.msid not in self._publishing:
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

    # Commands -------------------------------------------------------------------------------------------------------

    def _connect(self, asked: Command, events: list[Event]) -> None:
        members = asked.members()
        app = members.get("app")
        if not isinstance(app, str) or not app:
            address = members.get("tcUrl")
            app = _path_of(address) if isinstance(address, str) else ""
        self._app = app.strip("/")
        self.phase = Phase.CONNECTED
        settings = self._settings
        self._announced_window = settings.window_ack_bytes
        self._send_control(window_acknowledgement_size(settings.window_ack_bytes))
        self._send_control(set_peer_bandwidth(settings.window_ack_bytes))
        self._send_control(set_chunk_size(settings.chunk_bytes))
        encoding = members.get("objectEncoding")
        said = information(
            Level.STATUS,
            Code.CONNECT_SUCCESS,
            "Connection succeeded.",
            objectEncoding=encoding if isinstance(encoding, float) else 0.0,
        )
        self._send(result(asked, {"fmsVer": SERVER_VERSION, "capabilities": _CAPABILITIES, "mode": 1.0}, said))

    def _create_stream(self, asked: Command, events: list[Event]) -> None:
        numbers = range(1, self._settings.message_streams + 1)
        msid = next((number for number in numbers if number not in self._streams), 0)
        if not msid:
            self._send(error(asked, Code.CALL_FAILED, "too many message streams"))
            return
        self._streams[msid] = MessageStream(msid)
        self._send(result(asked, None, float(msid)))

    def _publish(self, asked: Command, events: list[Event]) -> None:
        """`live`, `record` and `append` are all the same here."""
        self._ask(asked, Move.PUBLISH)
        self._reader.unfinished_limit = self._settings.unfinished_bytes
        events.append(PublishAsked(asked.msid, self._address(asked.text(1))))

    def _play(self, asked: Command, events: list[Event]) -> None:
        """Start, duration, reset and whatever else follows the name make no difference to a live stream."""
        address = self._address(asked.text(1))
        if self._ask(asked, Move.PLAY) in PLAYS:
            events.append(PlayEnded(asked.msid))
        events.append(PlayAsked(asked.msid, address))

    def _ask(self, asked: Command, move: Move) -> StreamState:
        stream = self._streams.get(asked.msid)
        if stream is None:
            raise RemoteProtocolError(Violation.COMMAND, f"{move.value} on a message stream that was not created")
        before = stream.move(move)
        stream.name = asked.text(1)
        self._asked = stream, asked
        return before

    def _address(self, name: str) -> str:
        return f"{self._app}/{name}"

    def _delete_stream(self, asked: Command, events: list[Event]) -> None:
        stream = self._streams.pop(asked.msid_at(1), None)
        if stream is not None:
            self._end(stream, events)

    def _close_stream(self, asked: Command, events: list[Event]) -> None:
        stream = self._streams.get(asked.msid)
        if stream is None:
            return
        before = self._end(stream, events)
        if before is StreamState.PUBLISHING:
            self._send(status(stream.msid, Level.STATUS, Code.UNPUBLISH_SUCCESS, "Stream is now unpublished."))
        elif before in PLAYS:
            self._send_control(user_control(UserControl.STREAM_EOF, stream.msid))
            self._send(status(stream.msid, Level.STATUS, Code.PLAY_STOP, "Playing stopped."))

    def _fc_unpublish(self, asked: Command, events: list[Event]) -> None:
        """Names a stream; a name that fits none (some clients leave the key out) means all that this connection publishes."""
        publishing = [stream for stream in self._streams.values() if stream.state is StreamState.PUBLISHING]
        name = asked.values[1] if len(asked.values) > 1 else None
        for stream in [stream for stream in publishing if stream.name == name] or publishing:
            self._end(stream, events)
            self._send(status(stream.msid, Level.STATUS, Code.UNPUBLISH_SUCCESS, "Stream is now unpublished."))
        self._done(asked, events)

    def _end(self, stream: MessageStream, events: list[Event]) -> StreamState:
        before = stream.move(Move.END)
        if before is StreamState.PUBLISHING:
            self._publishing.discard(stream.msid)
            events.append(PublishEnded(stream.msid))
        elif before in PLAYS:
            events.append(PlayEnded(stream.msid))
        return before

    def _pause(self, asked: Command, events: list[Event]) -> None:
        stream = self._streams.get(asked.msid)
        if stream is None or stream.state not in PLAYS:
            return
        paused = asked.flag(1)
        before = stream.move(Move.PAUSE if paused else Move.RESUME)
        code = Code.PAUSE_NOTIFY if paused else Code.UNPAUSE_NOTIFY
        self._send(status(stream.msid, Level.STATUS, code, "Paused." if paused else "Playing goes on."))
        if before is not stream.state:
            events.append(PauseChanged(stream.msid, paused))

    def _seek(self, asked: Command, events: list[Event]) -> None:
        """There is nowhere to go in a live stream: playing goes on where it is."""
        stream = self._streams.get(asked.msid)
        if stream is not None and stream.state in PLAYS:
            self._send(status(stream.msid, Level.STATUS, Code.SEEK_NOTIFY, "The stream is live."))

    def _receive_audio(self, asked: Command, events: list[Event]) -> None:
        self._want(asked, Medium.AUDIO, events)

    def _receive_video(self, asked: Command, events: list[Event]) -> None:
        self._want(asked, Medium.VIDEO, events)

    def _want(self, asked: Command, medium: Medium, events: list[Event]) -> None:
        stream = self._streams.get(asked.msid)
        if stream is not None and stream.state in PLAYS:
            events.append(MediumWanted(stream.msid, medium, asked.flag(1)))

    def _get_stream_length(self, asked: Command, events: list[Event]) -> None:
        """0: the stream is live."""
        if asked.transaction:
            self._send(result(asked, None, 0.0))

    def _fc_publish(self, asked: Command, events: list[Event]) -> None:
        """Flash Media Encoders wait for the second answer, everyone else for the first or for none."""
        self._done(asked, events)
        said = information(Level.STATUS, Code.PUBLISH_START, "Publishing may begin.")
        self._send(command(asked.msid, "onFCPublish", 0, None, said))

    def _fc_subscribe(self, asked: Command, events: list[Event]) -> None:
        self._done(asked, events)
        said = information(Level.STATUS, Code.PLAY_START, "Playing may begin.")
        self._send(command(asked.msid, "onFCSubscribe", 0, None, said))

    def _done(self, asked: Command, events: list[Event]) -> None:
        """Commands that ask for nothing that would have to be done."""
        if asked.transaction:
            self._send(result(asked))

    def _pass_over(self, asked: Command, events: list[Event]) -> None:
        """Answers to commands: none of ours wants one."""

    def _unknown(self, asked: Command, events: list[Event]) -> None:
        if asked.transaction:
            self._send(error(asked, Code.CALL_FAILED, "There is no such command."))

    # Out ------------------------------------------------------------------------------------------------------------

    def accept_publish(self) -> None:
        """The peer may publish. Call `receive(b"")` afterwards for what it has sent meanwhile."""
        stream = self._answer(Move.ACCEPT, StreamState.PUBLISHING)
        self._publishing.add(stream.msid)
        self._send_control(user_control(UserControl.STREAM_BEGIN, stream.msid))
        self._send(status(stream.msid, Level.STATUS, Code.PUBLISH_START, "Publishing has begun."))

    def accept_play(self) -> None:
        """The peer may play. What is sent to it now comes before its media. Call `receive(b"")` afterwards.

        `|RtmpSampleAccess`, which Flash servers send here, is left out: it permits Flash Player's own scripts to look at
        decoded samples, and means nothing to anyone else.
        """
        stream = self._answer(Move.ACCEPT, StreamState.PLAYING)
        msid = stream.msid
        self._send_control(user_control(UserControl.STREAM_BEGIN, msid))
        self._send(status(msid, Level.STATUS, Code.PLAY_RESET, "Playing is reset."))
        self._send(status(msid, Level.STATUS, Code.PLAY_START, "Playing has begun."))

    def refuse(self, code: Code, description: str) -> None:
        """The peer's wish to publish or play is not granted."""
        stream = self._answer(Move.REFUSE, StreamState.IDLE)
        self._send(status(stream.msid, Level.ERROR, code, description))

    def _answer(self, move: Move, expected: StreamState) -> MessageStream:
        if self._asked is None:
            raise LocalProtocolError("nothing was asked")
        stream = self._asked[0]
        stream.move(move)
        if stream.state is not expected:
            raise LocalProtocolError(f"{stream.state.value} is not what was asked")
        self._asked = None
        return stream

    def end_publish(self, msid: int, code: Code, description: str) -> None:
        """We end what the peer publishes, and say why.

        What it sent in the same breath may have ended that already, and begun something else: that is left alone.
        """
        self._end_ours(msid, frozenset((StreamState.PUBLISHING,)))
        self._publishing.discard(msid)
        self._send(status(msid, Level.ERROR, code, description))

    def end_play(self, msid: int, reason: tuple[Code, str] | None = None) -> None:
        """What the peer plays is over: because the stream is, or for a reason that is an error. As with `end_publish`, the
        peer may have ended it already."""
        self._end_ours(msid, PLAYS)
        self._send(status(msid, Level.STATUS, Code.PLAY_UNPUBLISH_NOTIFY, "The stream is over."))
        if reason is not None:
            self._send(status(msid, Level.ERROR, *reason))
        self._send_control(user_control(UserControl.STREAM_EOF, msid))

    def _end_ours(self, msid: int, states: frozenset[StreamState]) -> None:
        stream = self._streams.get(msid)
        if stream is not None and stream.state in states:
            stream.move(Move.END)

    def close(self, code: Code, description: str) -> None:
        """We are about to close a connection that neither publishes nor plays: say why, if it can be said."""
        if self.phase is Phase.CONNECTED:
            self._send(status(0, Level.ERROR, code, description))

    def ping(self, milliseconds: int) -> None:
        """Asks the peer for a sign of life."""
        if self.phase is Phase.CONNECTED:
            self._send_control(user_control(UserControl.PING_REQUEST, milliseconds))

    def _send(self, message: Message) -> None:
        self._out.append(self._writer.write(COMMAND_CHUNK_STREAM, message))

    def _send_control(self, message: Message) -> None:
        self._out.append(self._writer.write(CONTROL_CHUNK_STREAM, message))


_COMMANDS: Final[Mapping[str, Callable[[Connection, Command, list[Event]], None]]] = {
    "connect": Connection._connect,
    "createStream": Connection._create_stream,
    "publish": Connection._publish,
    "play": Connection._play,
    "deleteStream": Connection._delete_stream,
    "closeStream": Connection._close_stream,
    "FCUnpublish": Connection._fc_unpublish,
    "pause": Connection._pause,
    "pauseRaw": Connection._pause,
    "seek": Connection._seek,
    "receiveAudio": Connection._receive_audio,
    "receiveVideo": Connection._receive_video,
    "getStreamLength": Connection._get_stream_length,
    "FCPublish": Connection._fc_publish,
    "FCSubscribe": Connection._fc_subscribe,
    "releaseStream": Connection._done,
    "FCUnsubscribe": Connection._done,
    "_checkbw": Connection._done,
    "_result": Connection._pass_over,
    "_error": Connection._pass_over,
}


def _plain(members: Mapping[str, object]) -> dict[str, object]:
    """The members that mean the same everywhere."""
    return {
        name: value
        for name, value in members.items()
        if isinstance(value, str | bool) or (isinstance(value, float) and math.isfinite(value))
    }


def _path_of(address: str) -> str:
    """The application in a tcUrl."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
