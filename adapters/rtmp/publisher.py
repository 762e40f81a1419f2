"""Publishing over RTMP: messages become units of a stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from adapters.flv.tags import parse_audio, parse_video
from adapters.media.units import Metadata, Unit
from adapters.rtmp.commands import Code
from adapters.rtmp.events import AudioReceived, MetadataReceived, VideoReceived
from gateway import errors
from gateway.errors import Fault, GatewayError
from gateway.quality.readings import PathReading

_BAD_NAME = frozenset((errors.ALREADY_PUBLISHING, errors.STREAM_ID_TAKEN))
_FAILED = frozenset(
    (
        errors.CODEC_UNSUPPORTED,
        errors.MEDIA_MALFORMED,
        errors.INTERNAL_ERROR,
        errors.OVERLOADED,
        errors.PUBLISH_LOST,
        errors.MEDIA_SERVER_CLOSED,
    )
)


class Ingest(Protocol):
    """A publisher's way into its stream."""

    def write(self, unit: Unit) -> None: ...

    def close(self, *, deliberate: bool, error: GatewayError | None = None) -> None: ...


def refusal_code(fault: Fault) -> Code:
    """How Flash would have said it."""
    if fault in _BAD_NAME:
        return Code.PUBLISH_BAD_NAME
    if fault == errors.SHUTTING_DOWN:
        return Code.CONNECT_SHUTDOWN
    return Code.STREAM_FAILED if fault in _FAILED else Code.PUBLISH_DENIED


class RtmpPublisher:
    """One message stream that is published, or that waits for leave to be."""

    def __init__(
        self,
        msid: int,
        last_heard: Callable[[], float],
        measure_path: Callable[[], PathReading],
        cut: Callable[[RtmpPublisher, GatewayError], None],
    ) -> None:
        self.msid = msid
        self.name = ""
        """The stream's, for the log."""
        self.last_heard = last_heard
        self.measure_path = measure_path
        self._cut = cut
        self._ingest: Ingest | None = None

    def begin(self, ingest: Ingest) -> None:
        """Leave is given: what comes from now on goes there."""
        self._ingest = ingest

    def cut(self, error: GatewayError) -> None:
        """The gateway ends it."""
        self._cut(self, error)

    def request_keyframe(self) -> None:
        """RTMP has no such request: a live-pusher's next keyframe comes with its next group of pictures."""

    def write(self, event: AudioReceived | VideoReceived | MetadataReceived) -> None:
        """Passes a message on. Raises GatewayError if its media cannot be carried."""
        ingest = self._ingest
        if ingest is None:
            return
        unit: Unit | None
        if type(event) is VideoReceived:
            unit = parse_video(event.timestamp, event.body)
        elif type(event) is AudioReceived:
            unit = parse_audio(event.timestamp, event.body)
        else:
            assert isinstance(event, MetadataReceived)
            unit = Metadata(event.timestamp, b"", event.values)
        if unit is not None:
            ingest.write(unit)

    def close(self, *, deliberate: bool, error: GatewayError | None = None) -> None:
        """Nothing more comes. Harmless when repeated."""
        ingest, self._ingest = self._ingest, None
        if ingest is not None:
            ingest.close(deliberate=deliberate, error=error)
