"""Playing over RTMP: units of a stream become messages, made once for all players of a kind."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Protocol

from adapters.flv.tags import audio_body, video_body
from adapters.media.audience import LANES
from adapters.media.units import AudioConfig, AudioUnit, Codec, Medium, Metadata, PlayMode, Unit, Wire
from adapters.media.viewer import Feeding, Port
from adapters.rtmp import amf0
from adapters.rtmp.chunks import media_message
from adapters.rtmp.commands import Code
from adapters.rtmp.messages import AMF0_DATA, AUDIO, VIDEO
from gateway import errors
from gateway.errors import Fault, GatewayError
from gateway.quality.readings import PathReading
from gateway.rooms.model import BOTH_MEDIA

_NOT_FOUND = frozenset((errors.STREAM_NOT_FOUND, errors.STREAM_ID_EMPTY, errors.STREAM_ID_ILLEGAL, errors.STREAM_ID_TOO_LONG))


class Viewing(Protocol):
    """A player's hold on its stream."""

    def pause(self, paused: bool) -> None: ...

    def close(self, error: GatewayError | None = None) -> None: ...


class Path(Protocol):
    """What is known of the way to the peer."""

    def queued(self) -> int: ...

    def to_viewer(self, waiting: int) -> PathReading: ...


class Socket(Port, Protocol):
    """Where a player's bytes go."""

    def write(self, data: bytes) -> None: ...

    def get_write_buffer_size(self) -> int: ...

    @property
    def path(self) -> Path: ...


def refusal_code(fault: Fault) -> Code:
    """How Flash would have said it."""
    if fault == errors.SHUTTING_DOWN:
        return Code.CONNECT_SHUTDOWN
    return Code.PLAY_STREAM_NOT_FOUND if fault in _NOT_FOUND else Code.PLAY_FAILED


@cache
def player_wire(msid: int, chunk_bytes: int) -> Wire:
    """The wire form that all players share whose message stream and chunk size are the same.

    There are no more of them than message streams on one connection.
    """

    def rtmp(unit: Unit) -> bytes:
        timestamp = unit.timestamp
        if isinstance(unit, AudioUnit | AudioConfig):
            type_id, body = AUDIO, audio_body(unit)
        elif isinstance(unit, Metadata):
            type_id, body = AMF0_DATA, amf0.encode(("onMetaData", amf0.EcmaArray(unit.values)))
            timestamp = 0  # with any other time, ffmpeg takes metadata for a subtitle track
        else:
            type_id, body = VIDEO, video_body(unit)
        return media_message(type_id, msid, timestamp, body, chunk_bytes)

    return rtmp


class RtmpPlayer:
    """One message stream that is played: a viewer of a stream."""

    transport = "rtmp"
    manner = LANES
    accepts = (Codec.H264,)

    def __init__(
        self,
        msid: int,
        chunk_bytes: int,
        socket: Socket,
        begun: Callable[[RtmpPlayer], None],
        over: Callable[[RtmpPlayer, GatewayError | None], None],
    ) -> None:
        self.msid = msid
        self.wire = player_wire(msid, chunk_bytes)
        self.mode = PlayMode.RTC
        self.port = socket
        self.backlog = socket.get_write_buffer_size
        self.feeding = Feeding()
        self._path = socket.path
        self._write = socket.write
        self._begun = begun
        self._over = over
        self._open = False
        self._paused = False
        self._granted: frozenset[Medium] = BOTH_MEDIA
        self._unwanted: frozenset[Medium] = frozenset()
        self._viewing: Viewing | None = None
        self._error: GatewayError | None = None

    @property
    def media(self) -> frozenset[Medium]:
        """What it was granted (that may change while it plays), without what its peer has switched off."""
        return self._granted - self._unwanted

    @media.setter
    def media(self, granted: frozenset[Medium]) -> None:
        self._granted = granted

    def begin(self, arriving: frozenset[Medium]) -> None:
        """Leave is given: the peer is told, and its media follows."""
        self._open = True
        self._begun(self)

    def hold(self, viewing: Viewing) -> None:
        """What this player has of its stream, to be let go by `close`."""
        self._viewing = viewing

    def send(self, data: bytes) -> None:
        """Hands bytes to the socket; nothing once the connection is being closed."""
        if self._open:
            self._write(data)

    def unacknowledged(self) -> int:
        """Bytes that the peer has not acknowledged: what waits for the kernel, and what the kernel holds."""
        return self.backlog() + self._path.queued()

    def measure_path(self) -> PathReading:
        """What is known of the network between here and there."""
        return self._path.to_viewer(self.backlog())

    def ended(self, error: GatewayError | None) -> None:
        """The stream is over, or this viewer was dropped."""
        if self._open:
            self._open = False
            self._error = error
            self._over(self, error)

    def pause(self, paused: bool) -> None:
        """The peer pauses or goes on."""
        self._paused = paused
        if self._viewing is not None:
            self._viewing.pause(paused)

    def want(self, medium: Medium, wanted: bool) -> None:
        """The peer switches one medium off or on, within what it was granted; it then joins the stream anew."""
        before = self.media
        self._unwanted = self._unwanted - {medium} if wanted else self._unwanted | {medium}
        if self.media == before:
            return
        if self._viewing is not None and not self._paused:
            self._viewing.pause(True)
            self._viewing.pause(False)

    def mute(self) -> None:
        """Nothing more is sent to the peer."""
        self._open = False

    def close(self) -> None:
        """The peer plays no more. Harmless when repeated."""
        self._open = False
        viewing, self._viewing = self._viewing, None
        if viewing is not None:
            viewing.close(self._error)
