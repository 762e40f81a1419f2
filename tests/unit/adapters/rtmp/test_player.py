"""Units become messages that players share; a viewer obeys its stream and its peer."""

from __future__ import annotations

import pytest

from adapters.media.units import AudioConfig, AudioUnit, Medium, Metadata, Unit, VideoConfig, VideoUnit
from adapters.rtmp.chunks import ChunkLimits, ChunkReader, pack
from adapters.rtmp.commands import Code, data_of
from adapters.rtmp.messages import AMF0_DATA, AUDIO, VIDEO, Message
from adapters.rtmp.player import RtmpPlayer, player_wire, refusal_code
from gateway import errors
from gateway.errors import FAULTS, Fault, GatewayError
from gateway.quality.readings import PathReading
from gateway.rooms.model import BOTH_MEDIA

LIMITS = ChunkLimits(1 << 20, 1 << 20, 1 << 20, 8)


def read(data: bytes, chunk_bytes: int = 4096) -> list[Message]:
    reader = ChunkReader(LIMITS)
    reader.receive(pack(2, 1, 0, 0, chunk_bytes.to_bytes(4), 128))
    return reader.receive(data)


def test_wires_are_shared() -> None:
    assert player_wire(1, 4096) is player_wire(1, 4096)
    assert player_wire(1, 4096) is not player_wire(2, 4096)
    unit = AudioUnit(5, b"sound")
    assert unit.form(player_wire(1, 4096)) is unit.form(player_wire(1, 4096))


@pytest.mark.parametrize(
    ("unit", "type_id", "body"),
    [
        (AudioConfig(5, b"\x11\x88"), AUDIO, b"\xaf\x00\x11\x88"),
        (AudioUnit(5, b"sound"), AUDIO, b"\xaf\x01sound"),
        (VideoConfig(5, b"record"), VIDEO, b"\x17\0\0\0\0record"),
        (VideoUnit(5, b"picture", True), VIDEO, b"\x17\x01\0\0\0picture"),
        (VideoUnit(5, b"picture" * 1000, False, 40), VIDEO, b"\x27\x01\0\0\x28" + b"picture" * 1000),
    ],
)
def test_messages(unit: Unit, type_id: int, body: bytes) -> None:
    assert read(unit.form(player_wire(3, 4096))) == [Message(type_id, 3, 5, body)]


def test_metadata() -> None:
    (message,) = read(Metadata(5, b"", {"width": 640.0}).form(player_wire(1, 4096)))
    assert (message.type_id, message.timestamp) == (AMF0_DATA, 0)
    assert data_of(message) == ["onMetaData", {"width": 640.0}]


def test_time_wraps() -> None:
    (message,) = read(AudioUnit((1 << 32) + 7, b"s").form(player_wire(1, 4096)))
    assert message.timestamp == 7


class RecordingViewing:
    def __init__(self) -> None:
        self.calls: list[object] = []

    def pause(self, paused: bool) -> None:
        self.calls.append(paused)

    def close(self, error: GatewayError | None = None) -> None:
        self.calls.append(error)


class Path:
    """A way that is known."""

    def queued(self) -> int:
        return 1000

    def to_viewer(self, waiting: int) -> PathReading:
        return PathReading(round_trip=0.05, queued=waiting + 1000)


class RecordingSocket:
    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.path = Path()

    def send(self, data: bytes) -> int:
        self.write(data)
        return len(data)

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def get_write_buffer_size(self) -> int:
        return 77


class Harness:
    def __init__(self) -> None:
        socket = RecordingSocket()
        self.written = socket.written
        self.told: list[object] = []
        self.viewing = RecordingViewing()
        self.player = RtmpPlayer(
            1,
            4096,
            socket,
            lambda player: self.told.append("begun"),
            lambda player, error: self.told.append(error),
        )


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_a_players_life(harness: Harness) -> None:
    player = harness.player
    player.send(b"too early")
    player.begin(BOTH_MEDIA)
    player.hold(harness.viewing)
    player.send(b"media")
    assert player.backlog() == 77
    assert player.unacknowledged() == 1077
    assert player.measure_path() == PathReading(round_trip=0.05, queued=1077)
    error = GatewayError(errors.VIEWER_TOO_SLOW)
    player.ended(error)
    player.ended(None)
    player.send(b"too late")
    player.close()
    player.close()
    assert harness.written == [b"media"]
    assert harness.told == ["begun", error]
    assert harness.viewing.calls == [error]


def test_a_muted_player_is_not_told_of_its_end(harness: Harness) -> None:
    harness.player.begin(BOTH_MEDIA)
    harness.player.mute()
    harness.player.send(b"late")
    harness.player.ended(None)
    assert harness.written == []
    assert harness.told == ["begun"]


def test_media_are_switched_within_what_was_granted(harness: Harness) -> None:
    player = harness.player
    player.media = frozenset((Medium.VIDEO,))
    player.begin(BOTH_MEDIA)
    player.hold(harness.viewing)
    player.want(Medium.AUDIO, True)
    assert harness.viewing.calls == []
    player.want(Medium.VIDEO, False)
    assert player.media == frozenset()
    assert harness.viewing.calls == [True, False]
    player.pause(True)
    player.want(Medium.VIDEO, True)
    assert player.media == {Medium.VIDEO}
    assert harness.viewing.calls == [True, False, True]


def test_a_changed_grant_leaves_the_peers_own_choice_alone(harness: Harness) -> None:
    player = harness.player
    player.media = frozenset((Medium.AUDIO,))
    player.begin(BOTH_MEDIA)
    player.want(Medium.AUDIO, False)
    player.media = BOTH_MEDIA
    assert player.media == {Medium.VIDEO}
    player.want(Medium.AUDIO, True)
    assert player.media == BOTH_MEDIA


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (errors.STREAM_NOT_FOUND, Code.PLAY_STREAM_NOT_FOUND),
        (errors.KEY_EXPIRED, Code.PLAY_FAILED),
        (errors.SHUTTING_DOWN, Code.CONNECT_SHUTDOWN),
    ],
)
def test_refusal_codes(fault: Fault, code: Code) -> None:
    assert refusal_code(fault) is code


def test_every_fault_has_a_code() -> None:
    assert all(isinstance(refusal_code(fault), Code) for fault in FAULTS)
