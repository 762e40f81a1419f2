"""What is agreed on by commands: who the peer is connected to, what its message streams are for, what it is told.

A wish to publish or play needs a decision from outside; everything else is answered here. What a decision changes later
(the stream is over, the publisher is cut) is told to the peer here, too. Adobe RTMP 1.0 section 7.2.

Which bytes carry all this is not known here. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from adapters.media.units import Medium
from adapters.rtmp.commands import Code, Command, Level, command, error, information, result, status
from adapters.rtmp.errors import LocalProtocolError, RemoteProtocolError, Violation
from adapters.rtmp.events import Event, MediumWanted, PauseChanged, PlayAsked, PlayEnded, PublishAsked, PublishEnded
from adapters.rtmp.messages import (
    Message,
    UserControl,
    set_chunk_size,
    set_peer_bandwidth,
    user_control,
    window_acknowledgement_size,
)
from adapters.rtmp.states import PLAYS, MessageStream, Move, Phase, StreamState
from gateway.config import RtmpSettings

SERVER_VERSION: Final = "FMS/3,5,7,7009"
"""What clients expect to hear: some turn features off for names that they do not know."""
_CAPABILITIES: Final = 31.0


class Conversation:
    """The commands of one connection. What it has to say goes to `send`, message by message."""

    def __init__(self, settings: RtmpSettings, send: Callable[[Message], None]) -> None:
        self._settings = settings
        self._send = send
        self.phase = Phase.HANDSHAKE
        self._app = ""
        self._streams: dict[int, MessageStream] = {}
        self.publishing: set[int] = set()
        """The message streams on which media is expected."""
        self._wish: MessageStream | None = None

    @property
    def asked(self) -> Move | None:
        """The wish that has no answer yet: `Move.PUBLISH` or `Move.PLAY`."""
        if self._wish is None:
            return None
        return Move.PUBLISH if self._wish.state is StreamState.PUBLISH_ASKED else Move.PLAY

    def begin(self) -> None:
        """The handshake is over."""
        self.phase = Phase.UNCONNECTED

    def obey(self, asked: Command, events: list[Event]) -> None:
        """Does what a command asks for, and adds to `events` what that means to the outside. Raises RemoteProtocolError."""
        if (self.phase is Phase.CONNECTED) == (asked.name == "connect"):
            raise RemoteProtocolError(Violation.COMMAND, f"{asked.name[:40]!r} while {self.phase.value}")
        _COMMANDS.get(asked.name, Conversation._unknown)(self, asked, events)

    # What the peer asks for -------------------------------------------------------------------------------------------

    def _connect(self, asked: Command, events: list[Event]) -> None:
        members = asked.members()
        app = members.get("app")
        if not isinstance(app, str) or not app:
            address = members.get("tcUrl")
            app = _path_of(address) if isinstance(address, str) else ""
        self._app = app.strip("/")
        self.phase = Phase.CONNECTED
        settings = self._settings
        self._send(window_acknowledgement_size(settings.window_ack_bytes))
        self._send(set_peer_bandwidth(settings.window_ack_bytes))
        self._send(set_chunk_size(settings.chunk_bytes))
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
        self._wish = stream
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
            self._send(user_control(UserControl.STREAM_EOF, stream.msid))
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
            self.publishing.discard(stream.msid)
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

    # What is decided outside ------------------------------------------------------------------------------------------

    def accept_publish(self) -> None:
        """The peer may publish. Call `receive(b"")` afterwards for what it has sent meanwhile."""
        stream = self._answer(Move.ACCEPT, StreamState.PUBLISHING)
        self.publishing.add(stream.msid)
        self._send(user_control(UserControl.STREAM_BEGIN, stream.msid))
        self._send(status(stream.msid, Level.STATUS, Code.PUBLISH_START, "Publishing has begun."))

    def accept_play(self) -> None:
        """The peer may play. What is sent to it now comes before its media. Call `receive(b"")` afterwards.

        `|RtmpSampleAccess`, which Flash servers send here, is left out: it permits Flash Player's own scripts to look at
        decoded samples, and means nothing to anyone else.
        """
        stream = self._answer(Move.ACCEPT, StreamState.PLAYING)
        msid = stream.msid
        self._send(user_control(UserControl.STREAM_BEGIN, msid))
        self._send(status(msid, Level.STATUS, Code.PLAY_RESET, "Playing is reset."))
        self._send(status(msid, Level.STATUS, Code.PLAY_START, "Playing has begun."))

    def refuse(self, code: Code, description: str) -> None:
        """The peer's wish to publish or play is not granted."""
        stream = self._answer(Move.REFUSE, StreamState.IDLE)
        self._send(status(stream.msid, Level.ERROR, code, description))

    def _answer(self, move: Move, expected: StreamState) -> MessageStream:
        stream = self._wish
        if stream is None:
            raise LocalProtocolError("nothing was asked")
        stream.move(move)
        if stream.state is not expected:
            raise LocalProtocolError(f"{stream.state.value} is not what was asked")
        self._wish = None
        return stream

    def end_publish(self, msid: int, code: Code, description: str) -> None:
        """We end what the peer publishes, and say why.

        What it sent in the same breath may have ended that already, and begun something else: that is left alone.
        """
        self._end_ours(msid, frozenset((StreamState.PUBLISHING,)))
        self.publishing.discard(msid)
        self._send(status(msid, Level.ERROR, code, description))

    def end_play(self, msid: int, reason: tuple[Code, str] | None = None) -> None:
        """What the peer plays is over: because the stream is, or for a reason that is an error. As with `end_publish`, the
        peer may have ended it already."""
        self._end_ours(msid, PLAYS)
        self._send(status(msid, Level.STATUS, Code.PLAY_UNPUBLISH_NOTIFY, "The stream is over."))
        if reason is not None:
            self._send(status(msid, Level.ERROR, *reason))
        self._send(user_control(UserControl.STREAM_EOF, msid))

    def _end_ours(self, msid: int, states: frozenset[StreamState]) -> None:
        stream = self._streams.get(msid)
        if stream is not None and stream.state in states:
            stream.move(Move.END)

    def close(self, code: Code, description: str) -> None:
        """We are about to close a connection that neither publishes nor plays: say why, if it can be said."""
        if self.phase is Phase.CONNECTED:
            self._send(status(0, Level.ERROR, code, description))


_COMMANDS: Final[Mapping[str, Callable[[Conversation, Command, list[Event]], None]]] = {
    "connect": Conversation._connect,
    "createStream": Conversation._create_stream,
    "publish": Conversation._publish,
    "play": Conversation._play,
    "deleteStream": Conversation._delete_stream,
    "closeStream": Conversation._close_stream,
    "FCUnpublish": Conversation._fc_unpublish,
    "pause": Conversation._pause,
    "pauseRaw": Conversation._pause,
    "seek": Conversation._seek,
    "receiveAudio": Conversation._receive_audio,
    "receiveVideo": Conversation._receive_video,
    "getStreamLength": Conversation._get_stream_length,
    "FCPublish": Conversation._fc_publish,
    "FCSubscribe": Conversation._fc_subscribe,
    "releaseStream": Conversation._done,
    "FCUnsubscribe": Conversation._done,
    "_checkbw": Conversation._done,
    "_result": Conversation._pass_over,
    "_error": Conversation._pass_over,
}


def _path_of(address: str) -> str:
    """The application in a tcUrl."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
