"""One connection's shell with a transport, streams and a clock of our own: who is asked, who is told, and when it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import pytest

from adapters.media.tcp_path import TcpPath
from adapters.media.units import AudioUnit, Unit
from adapters.rtmp.commands import command, command_of
from adapters.rtmp.messages import AMF0_COMMAND, AUDIO, USER_CONTROL, VIDEO, Message, UserControl, user_control
from adapters.rtmp.peer import LINGER, MAX_UNREAD, PING_EVERY, House, Peer
from adapters.rtmp.player import RtmpPlayer, Viewing
from adapters.rtmp.publisher import Ingest, RtmpPublisher
from adapters.rtmp.sockets import SocketTransport
from gateway import errors
from gateway.auth.access import AccessRequest, Action
from gateway.config import RtmpSettings
from gateway.errors import GatewayError
from gateway.rooms.model import BOTH_MEDIA
from tests.support.rtmp_client import ClientConnection

SETTINGS = RtmpSettings()
NAME = "cam?key=K"


class FakeTransport:
    """What a peer needs of `SocketTransport`."""

    peer = "192.0.2.1"

    def __init__(self) -> None:
        self.path = TcpPath(self)
        self.written = bytearray()
        self.backlog = 0
        self.state = "open"
        self.patience = 0.0

    def set_options(self, patience: float) -> None:
        self.patience = patience

    def fileno(self) -> int:
        return -1

    def getsockopt(self, level: int, name: int, size: int) -> bytes:
        raise OSError("it is no socket")

    def send(self, data: bytes) -> int:
        self.write(data)
        return len(data)

    def write(self, data: bytes) -> None:
        assert self.state == "open"
        self.written += data

    def write_eof(self) -> None:
        self.state = "ended"

    def abort(self) -> None:
        self.state = "aborted"

    def is_closing(self) -> bool:
        return self.state == "aborted"

    def get_write_buffer_size(self) -> int:
        return self.backlog


@dataclass
class FakeStreams:
    """Grants everything, or refuses with `error`; waits for `gate` if there is one."""

    error: Exception | None = None
    gate: asyncio.Event | None = None
    requests: list[AccessRequest] = field(default_factory=list)
    publisher: RtmpPublisher | None = None
    viewer: RtmpPlayer | None = None
    units: list[Unit] = field(default_factory=list)
    ends: list[object] = field(default_factory=list)

    async def publish(self, request: AccessRequest, publisher: RtmpPublisher) -> Ingest:
        await self._decide(request)
        self.publisher = publisher
        return self

    async def play(self, request: AccessRequest, viewer: RtmpPlayer) -> Viewing:
        await self._decide(request)
        self.viewer = viewer
        viewer.begin(BOTH_MEDIA)
        viewer.send(AudioUnit(0, b"first").form(viewer.wire))
        return FakeViewing(self.ends)

    async def _decide(self, request: AccessRequest) -> None:
        self.requests.append(request)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error

    def write(self, unit: Unit) -> None:
        self.units.append(unit)

    def close(self, *, deliberate: bool, error: GatewayError | None = None) -> None:
        self.ends.append((deliberate, error and error.fault.name))


@dataclass
class FakeViewing:
    ends: list[object]

    def pause(self, paused: bool) -> None:
        self.ends.append(f"paused {paused}")

    def close(self, error: GatewayError | None = None) -> None:
        self.ends.append("closed")


class Bench:
    """A peer between a client core and fake streams."""

    def __init__(self, settings: RtmpSettings = SETTINGS) -> None:
        self.now = 100.0
        self.streams = FakeStreams()
        self.house = House(self.streams, settings, lambda: self.now, bytes)
        self.peer = Peer(self.house)
        self.transport = FakeTransport()
        self.client = ClientConnection()
        self.heard: list[Message] = []
        self.peer.connection_made(cast(SocketTransport, self.transport))

    async def give(self, data: bytes) -> None:
        """Carries bytes to the peer, and answers back and forth until all is quiet."""
        while True:
            if data:
                self.peer.data_received(data)
            for _ in range(4):
                await asyncio.sleep(0)
            self.heard += self.client.receive(bytes(self.transport.written))
            self.transport.written.clear()
            data = self.client.take()
            if not data:
                return

    async def send(self, *messages: Message) -> None:
        await self.give(b"".join(self.client.writer.write(message) for message in messages))

    async def begin(self, name: str | None) -> None:
        """Connects, and publishes or plays."""
        await self.give(self.client.start())
        await self.send(command(0, "connect", 1, {"app": "live"}), command(0, "createStream", 2, None))
        if name is not None:
            await self.send(command(1, name, 0, None, NAME))

    def statuses(self) -> Iterator[tuple[object, object]]:
        for message in self.heard:
            if message.type_id == AMF0_COMMAND:
                said = command_of(message)
                if said.name == "onStatus" and isinstance(said.values[1], dict):
                    yield said.values[1]["code"], said.values[1]["description"]

    def codes(self) -> list[object]:
        found = [code for code, _ in self.statuses()]
        self.heard.clear()
        return found


async def made(name: str | None, settings: RtmpSettings = SETTINGS) -> Bench:
    bench = Bench(settings)
    await bench.begin(name)
    return bench


async def test_publishing() -> None:
    bench = await made("publish")
    assert bench.streams.requests == [AccessRequest(Action.PUBLISH, "rtmp", "cam", "K", "192.0.2.1")]
    assert bench.codes() == ["NetStream.Publish.Start"]
    stats = bench.house.stats
    assert (stats.connections, stats.publishers, stats.players) == (1, 1, 0)
    assert stats.bytes_in > 3000
    assert stats.bytes_out > 3000
    await bench.send(Message(AUDIO, 1, 5, b"\xaf\x01sound"))
    assert [unit.payload for unit in bench.streams.units] == [b"sound"]
    assert bench.streams.publisher is not None
    assert bench.streams.publisher.last_heard() == 100.0
    await bench.send(command(0, "deleteStream", 0, None, 1.0))
    assert bench.streams.ends == [(True, None)]
    bench.peer.connection_lost(None)
    assert bench.streams.ends == [(True, None)]
    assert (stats.connections, stats.publishers) == (0, 0)


async def test_publishing_again_on_the_same_connection() -> None:
    bench = await made("publish")
    await bench.send(command(1, "closeStream", 0, None), command(1, "publish", 0, None, NAME))
    assert bench.codes()[-1] == "NetStream.Publish.Start"
    assert bench.house.stats.publishers == 1


async def test_lost_publisher() -> None:
    bench = await made("publish")
    bench.peer.connection_lost(ConnectionResetError())
    assert bench.streams.ends == [(False, None)]
    assert not bench.house.peers


@pytest.mark.parametrize(
    ("name", "error", "code", "reason"),
    [
        ("publish", GatewayError(errors.KEY_EXPIRED), "NetStream.Publish.Denied", "KEY_EXPIRED"),
        ("publish", GatewayError(errors.ALREADY_PUBLISHING), "NetStream.Publish.BadName", "ALREADY_PUBLISHING"),
        ("play", GatewayError(errors.STREAM_NOT_FOUND), "NetStream.Play.StreamNotFound", "STREAM_NOT_FOUND"),
    ],
)
async def test_refusals_are_told_counted_and_close(name: str, error: GatewayError, code: str, reason: str) -> None:
    bench = Bench()
    bench.streams.error = error
    await bench.begin(name)
    assert list(bench.statuses()) == [(code, str(error))]
    assert bench.transport.state == "ended"
    assert bench.house.stats.refusals == {reason: 1}
    await bench.send(Message(AUDIO, 1, 0, b"more"))
    assert bench.streams.ends == []


async def test_unexpected_failure_is_logged_and_refused(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.streams.error = ZeroDivisionError()
    with caplog.at_level(logging.ERROR):
        await bench.begin("publish")
    assert "failed to decide" in caplog.text
    assert bench.house.stats.refusals == {"INTERNAL_ERROR": 1}


async def test_other_applications_are_refused() -> None:
    bench = Bench()
    await bench.give(bench.client.start())
    await bench.send(command(0, "connect", 1, {"app": "vod"}), command(0, "createStream", 2, None))
    await bench.send(command(1, "play", 0, None, NAME))
    assert bench.codes() == ["NetStream.Play.StreamNotFound"]
    assert bench.streams.requests == []


async def test_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        bench = await made("publish")
        await bench.send(command(1, "publish", 0, None, "cam?key=SECRET"))
    assert "refused" in caplog.text
    assert "SECRET" not in caplog.text


async def test_foreign_codec() -> None:
    bench = await made("publish")
    bench.heard.clear()
    await bench.send(Message(VIDEO, 1, 0, b"\x1c\x01\0\0\0"), Message(AUDIO, 1, 0, b"\xaf\x01late"))
    ((code, description),) = bench.statuses()
    assert code == "NetStream.Failed"
    assert "HEVC" in str(description)
    assert bench.streams.ends == [(False, "CODEC_UNSUPPORTED")]
    assert bench.streams.units == []
    assert bench.transport.state == "ended"


async def test_foreign_codec_and_the_end_in_one_breath() -> None:
    """A short clip: the bad frame and deleteStream are read together."""
    bench = await made("publish")
    bench.heard.clear()
    await bench.send(Message(VIDEO, 1, 0, b"\x1c\x01\0\0\0"), command(0, "deleteStream", 0, None, 1.0))
    assert bench.codes() == ["NetStream.Failed"]
    assert bench.streams.ends == [(False, "CODEC_UNSUPPORTED")]
    assert bench.transport.state == "ended"


async def test_bad_bytes_close_after_what_came_before_them() -> None:
    bench = await made("publish")
    await bench.send(Message(AUDIO, 1, 5, b"\xaf\x01sound"), Message(USER_CONTROL, 0, 0, b"\0"))
    assert len(bench.streams.units) == 1
    assert bench.house.stats.refusals == {"control_message": 1}
    assert bench.transport.state == "ended"
    assert bench.streams.ends == [(False, None)]


async def test_media_sent_before_leave_was_given_is_not_lost() -> None:
    bench = Bench()
    bench.streams.gate = asyncio.Event()
    await bench.begin("publish")
    await bench.send(Message(AUDIO, 1, 5, b"\xaf\x01sound"))
    assert bench.streams.units == []
    bench.streams.gate.set()
    await bench.give(b"")
    assert [unit.payload for unit in bench.streams.units] == [b"sound"]


async def test_connection_lost_while_it_waits_for_leave() -> None:
    bench = Bench()
    bench.streams.gate = asyncio.Event()
    await bench.begin("publish")
    bench.peer.connection_lost(None)
    bench.streams.gate.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert bench.streams.publisher is None
    assert bench.house.stats.publishers == 0


@pytest.mark.parametrize("wish", ["publish", "play"])
async def test_a_wish_is_dropped_when_the_connection_is_closed(wish: str) -> None:
    bench = Bench()
    bench.streams.gate = asyncio.Event()
    await bench.begin(wish)
    bench.peer.shut(GatewayError(errors.SHUTTING_DOWN))
    bench.streams.gate.set()
    await bench.give(b"")
    assert (bench.streams.publisher, bench.streams.viewer, bench.streams.ends) == (None, None, [])


async def test_a_wish_behind_which_too_much_is_sent_takes_nothing_over() -> None:
    bench = Bench()
    bench.streams.gate = asyncio.Event()
    await bench.begin("publish")
    for _ in range(5):
        await bench.send(Message(VIDEO, 1, 0, bytes(1024 * 1024)))
    bench.streams.gate.set()
    await bench.give(b"")
    assert bench.house.stats.refusals == {"held_bytes": 1}
    assert bench.streams.publisher is None


async def test_cut() -> None:
    bench = await made("publish")
    bench.heard.clear()
    assert bench.streams.publisher is not None
    bench.streams.publisher.cut(GatewayError(errors.KEY_REVOKED))
    bench.streams.publisher.cut(GatewayError(errors.KEY_REVOKED))
    await bench.give(b"")
    assert bench.codes() == ["NetStream.Publish.Denied"]
    assert bench.transport.state == "ended"


# Playing --------------------------------------------------------------------------------------------------------------


async def test_playing() -> None:
    bench = await made("play")
    assert bench.heard[-1].body == b"\xaf\x01first"
    assert bench.codes() == ["NetStream.Play.Reset", "NetStream.Play.Start"]
    assert bench.house.stats.players == 1
    await bench.send(command(1, "pause", 0, None, True, 0.0))
    await bench.send(command(1, "receiveAudio", 0, None, False))
    await bench.send(command(1, "closeStream", 0, None))
    assert bench.streams.ends == ["paused True", "closed"]
    assert bench.house.stats.players == 0


async def test_end_of_the_stream() -> None:
    bench = await made("play")
    bench.heard.clear()
    assert bench.streams.viewer is not None
    bench.streams.viewer.ended(None)
    await bench.give(b"")
    assert bench.codes() == ["NetStream.Play.UnpublishNotify"]
    assert bench.transport.state == "ended"
    assert bench.streams.ends == ["closed"]


async def test_dropped_player_is_told_why() -> None:
    bench = await made("play")
    bench.heard.clear()
    assert bench.streams.viewer is not None
    bench.streams.viewer.ended(GatewayError(errors.VIEWER_TOO_SLOW))
    await bench.give(b"")
    assert bench.codes() == ["NetStream.Play.UnpublishNotify", "NetStream.Play.Failed"]


# Ends -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        (None, ["NetConnection.Connect.AppShutdown"]),
        ("publish", ["NetConnection.Connect.AppShutdown"]),
        ("play", ["NetStream.Play.UnpublishNotify", "NetConnection.Connect.AppShutdown"]),
    ],
)
async def test_shut(name: str | None, codes: list[str]) -> None:
    bench = await made(name)
    bench.heard.clear()
    bench.peer.shut(GatewayError(errors.SHUTTING_DOWN))
    bench.peer.shut(GatewayError(errors.SHUTTING_DOWN))
    await bench.give(b"")
    assert bench.codes() == codes
    assert bench.transport.state == "ended"


async def test_closing_ends_by_force() -> None:
    bench = await made(None)
    bench.peer.shut(GatewayError(errors.SHUTTING_DOWN))
    bench.peer.sweep(bench.now + LINGER)
    assert bench.transport.state == "ended"
    bench.peer.sweep(bench.now + LINGER + 0.1)
    assert bench.transport.state == "aborted"


async def test_too_many_connections() -> None:
    bench = Bench(RtmpSettings(connections=1))
    second, transport = Peer(bench.house), FakeTransport()
    second.connection_made(cast(SocketTransport, transport))
    assert transport.state == "aborted"
    assert bench.house.stats.refusals == {"connection_limit": 1}
    second.connection_lost(None)
    assert list(bench.house.peers) == [bench.peer]


async def test_replies_that_nobody_reads_are_bounded() -> None:
    bench = await made("play")
    bench.transport.backlog = 1
    pings = [user_control(UserControl.PING_REQUEST, 1)] * 1000
    sent = 0
    while bench.transport.state == "open":
        await bench.send(*pings)
        sent += 1
        assert sent < 2 * MAX_UNREAD // (18 * 1000)
    assert bench.house.stats.refusals == {"unread_replies": 1}
    assert bench.transport.state == "aborted"


async def test_replies_that_are_read_are_not() -> None:
    bench = await made("play")
    pings = [user_control(UserControl.PING_REQUEST, 1)] * 1000
    for _ in range(2 * MAX_UNREAD // (18 * 1000)):
        bench.transport.backlog = 1
        await bench.send(*pings)
        bench.transport.backlog = 0
        await bench.send(*pings)
    assert bench.transport.state == "open"


async def test_too_many_of_one_address_that_were_not_let_in() -> None:
    bench = await made(None, RtmpSettings(unadmitted_per_address=1))
    refused, transport = Peer(bench.house), FakeTransport()
    refused.connection_made(cast(SocketTransport, transport))
    assert transport.state == "aborted"
    refused.connection_lost(None)
    await bench.send(command(1, "play", 0, None, NAME))
    welcome, transport = Peer(bench.house), FakeTransport()
    welcome.connection_made(cast(SocketTransport, transport))
    assert transport.state == "open"
    welcome.connection_lost(None)
    bench.peer.connection_lost(None)
    assert not bench.house.unadmitted


# Deadlines ------------------------------------------------------------------------------------------------------------


async def test_slow_handshake() -> None:
    bench = Bench()
    bench.now += SETTINGS.handshake_deadline
    bench.peer.data_received(b"\x03")
    bench.peer.sweep(bench.now)
    assert bench.transport.state == "open"
    bench.now += 0.1
    bench.peer.sweep(bench.now)
    assert bench.house.stats.refusals == {"handshake_timeout": 1}
    assert bench.transport.state == "ended"


async def test_no_request() -> None:
    bench = await made(None)
    bench.now += SETTINGS.request_deadline + 0.1
    bench.peer.sweep(bench.now)
    assert bench.house.stats.refusals == {"request_timeout": 1}
    assert bench.codes() == []
    await bench.give(b"")
    assert bench.codes() == ["NetConnection.Connect.Closed"]


async def test_request_deadline_begins_anew_when_publishing_ends() -> None:
    bench = await made("publish")
    bench.now += 1000
    await bench.send(command(1, "closeStream", 0, None))
    bench.peer.sweep(bench.now)
    assert bench.transport.state == "open"


async def test_idle_publisher() -> None:
    bench = await made("publish")
    bench.now += SETTINGS.publisher_idle
    await bench.send(Message(AUDIO, 1, 5, b"\xaf\x01sound"))
    bench.peer.sweep(bench.now)
    bench.now += SETTINGS.publisher_idle + 0.1
    bench.peer.sweep(bench.now)
    await bench.give(b"")
    assert bench.house.stats.refusals == {"publisher_idle": 1}
    assert bench.streams.ends == [(False, None)]


async def test_publisher_that_only_shows_signs_of_life_is_idle() -> None:
    bench = await made("publish")
    for _ in range(5):
        bench.now += PING_EVERY
        bench.peer.sweep(bench.now)
        await bench.send(user_control(UserControl.PING_RESPONSE, 1))
    assert bench.house.stats.refusals == {"publisher_idle": 1}


async def test_publisher_is_asked_for_a_sign_of_life_whatever_it_sends() -> None:
    bench = await made("publish")
    for _ in range(6):
        bench.now += PING_EVERY
        await bench.send(Message(AUDIO, 1, 5, b"\xaf\x01sound"))
        bench.peer.sweep(bench.now)
        bench.peer.sweep(bench.now)
    await bench.give(b"")
    assert asked(bench) == 6


async def test_quiet_player_is_pinged_and_stays_while_it_takes() -> None:
    bench = await made("play")
    bench.client.answers_pings = False
    for _ in range(6):
        bench.now += SETTINGS.player_idle / 2 + 0.1
        bench.peer.sweep(bench.now)
        bench.peer.sweep(bench.now)
    await bench.give(b"")
    assert bench.transport.state == "open"
    assert asked(bench) == 6


def asked(bench: Bench) -> int:
    """How often it was asked for a sign of life."""
    return sum(message.type_id == USER_CONTROL and message.body[:2] == b"\0\6" for message in bench.heard)


async def test_player_that_neither_takes_nor_sends() -> None:
    bench = await made("play")
    bench.transport.backlog = 1000
    bench.now += SETTINGS.player_idle + 0.1
    bench.peer.sweep(bench.now)
    await bench.give(b"")
    assert bench.house.stats.refusals == {"player_idle": 1}
    assert bench.streams.ends == ["closed"]
