"""Messages become units; refusals become Flash's words."""

from __future__ import annotations

import pytest

from adapters.media.units import AudioConfig, AudioUnit, Metadata, Unit, VideoUnit
from adapters.rtmp.commands import Code
from adapters.rtmp.events import AudioReceived, MetadataReceived, VideoReceived
from adapters.rtmp.publisher import RtmpPublisher, refusal_code
from gateway import errors
from gateway.errors import FAULTS, Fault, GatewayError
from gateway.quality.readings import PathReading


class RecordingIngest:
    def __init__(self) -> None:
        self.units: list[Unit] = []
        self.closed: list[tuple[bool, GatewayError | None]] = []

    def write(self, unit: Unit) -> None:
        self.units.append(unit)

    def close(self, *, deliberate: bool, error: GatewayError | None = None) -> None:
        self.closed.append((deliberate, error))


@pytest.fixture
def ingest() -> RecordingIngest:
    return RecordingIngest()


@pytest.fixture
def publisher(ingest: RecordingIngest) -> RtmpPublisher:
    made = RtmpPublisher(1, lambda: 7.0, PathReading, lambda publisher, error: None)
    made.begin(ingest)
    return made


def test_units(publisher: RtmpPublisher, ingest: RecordingIngest) -> None:
    publisher.write(MetadataReceived(1, 0, {"width": 640.0}))
    publisher.write(AudioReceived(1, 10, bytes.fromhex("af00 1188")))
    publisher.write(AudioReceived(1, 20, b"\xaf\x01sound"))
    publisher.write(VideoReceived(1, 30, b"\x17\x01\0\0\x28\0\0\0\x01\x65"))
    publisher.write(VideoReceived(1, 40, b""))
    metadata, config, audio, video = ingest.units
    assert isinstance(metadata, Metadata)
    assert metadata.values == {"width": 640.0}
    assert isinstance(config, AudioConfig)
    assert isinstance(audio, AudioUnit)
    assert (audio.timestamp, audio.payload) == (20, b"sound")
    assert isinstance(video, VideoUnit)
    assert (video.timestamp, video.keyframe, video.composition) == (30, True, 40)


def test_nothing_is_written_before_leave_is_given_or_after_the_end(publisher: RtmpPublisher, ingest: RecordingIngest) -> None:
    waiting = RtmpPublisher(1, lambda: 7.0, PathReading, lambda publisher, error: None)
    waiting.write(AudioReceived(1, 10, b"\xaf\x01a"))
    waiting.close(deliberate=True)
    publisher.close(deliberate=True)
    publisher.close(deliberate=False)
    publisher.write(AudioReceived(1, 10, b"\xaf\x01a"))
    assert ingest.units == []
    assert ingest.closed == [(True, None)]


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (VideoReceived(1, 0, b"\x1c\x01\0\0\0"), "HEVC"),
        (VideoReceived(1, 0, b"\x90hvc1\0"), "hvc1"),
        (AudioReceived(1, 0, b"\x2fabc"), "MP3"),
    ],
)
def test_foreign_codecs_are_named(publisher: RtmpPublisher, event: VideoReceived | AudioReceived, name: str) -> None:
    with pytest.raises(GatewayError) as caught:
        publisher.write(event)
    assert caught.value.fault is errors.CODEC_UNSUPPORTED
    assert name in caught.value.detail


def test_cut_and_last_heard() -> None:
    cuts: list[tuple[RtmpPublisher, GatewayError]] = []
    made = RtmpPublisher(1, lambda: 7.0, PathReading, lambda publisher, error: cuts.append((publisher, error)))
    error = GatewayError(errors.KEY_REVOKED)
    made.cut(error)
    assert cuts == [(made, error)]
    assert made.last_heard() == 7.0


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (errors.ALREADY_PUBLISHING, Code.PUBLISH_BAD_NAME),
        (errors.STREAM_ID_TAKEN, Code.PUBLISH_BAD_NAME),
        (errors.KEY_EXPIRED, Code.PUBLISH_DENIED),
        (errors.CODEC_UNSUPPORTED, Code.STREAM_FAILED),
        (errors.SHUTTING_DOWN, Code.CONNECT_SHUTDOWN),
    ],
)
def test_refusal_codes(fault: Fault, code: Code) -> None:
    assert refusal_code(fault) is code


def test_every_fault_has_a_code() -> None:
    assert all(isinstance(refusal_code(fault), Code) for fault in FAULTS)
