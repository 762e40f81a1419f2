"""An HTTP-FLV viewer: what it is given before the response's head is sent, and after."""

from __future__ import annotations

from dataclasses import replace

from adapters.flv.mux import file_header
from adapters.flv.player import FlvPlayer, chunk, chunked_tag
from adapters.media.stream import LiveStream
from adapters.media.units import AudioConfig
from gateway.config import MediaSettings
from gateway.errors import VIEWER_TOO_SLOW, GatewayError
from gateway.rooms.model import BOTH_MEDIA, Medium
from tests.support.streams import AUDIO_CONFIG, HandMovedLoop, audio

AUDIO = frozenset({Medium.AUDIO})


class Harness:
    """A player, and the transport that it writes to."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.waiting = 0
        self.player = FlvPlayer(self.written.append, lambda: self.waiting, self)

    def fileno(self) -> int:
        return -1

    def getsockopt(self, level: int, name: int, size: int) -> bytes:
        raise OSError("closed")


def test_everything_waits_for_the_head_and_then_goes_straight_out() -> None:
    harness = Harness()
    player = harness.player
    player.begin(frozenset())
    player.send(b"first")
    assert harness.written == []
    player.open()
    player.open()
    player.send(b"second")
    header = chunk(file_header(BOTH_MEDIA))
    assert harness.written == [header + b"first", b"second"]


def test_the_header_promises_what_arrives_and_is_wanted() -> None:
    harness = Harness()
    harness.player.begin(AUDIO)
    harness.player.open()
    assert harness.written == [chunk(file_header(AUDIO))]


def test_what_waits_for_the_head_is_backlog() -> None:
    harness = Harness()
    harness.waiting = 5
    harness.player.send(b"1234567890")
    backlog = harness.player.backlog
    assert backlog() == 15
    harness.player.open()
    assert (harness.player.backlog(), backlog()) == (5, 5)


def test_a_viewer_whose_head_cannot_be_sent_is_let_go() -> None:
    """Its connection still waits for the client to read what it had asked for before."""
    harness, loop = Harness(), HandMovedLoop()
    stream = LiveStream(replace(MediaSettings(), viewer_backlog_bytes=1000), loop.clock, loop.call_later)
    stream.open()
    stream.write(AudioConfig(0, AUDIO_CONFIG))
    stream.attach(harness.player)
    for number in range(1000):
        stream.write(audio(number, 20 * number))
        loop.advance(0.02)
    assert harness.written == []
    assert harness.player.over.is_set()
    assert isinstance(harness.player.error, GatewayError)
    assert harness.player.error.fault is VIEWER_TOO_SLOW
    assert harness.player.backlog() < 1000 + 2 * len(chunked_tag(audio(0, 0)))
