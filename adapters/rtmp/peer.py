"""One RTMP connection on a socket: carries bytes, asks the streams, keeps the deadlines.

What the bytes mean is `connection.py`'s affair.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, cast

from adapters.rtmp import player, publisher
from adapters.rtmp.commands import Code
from adapters.rtmp.connection import Connection
from adapters.rtmp.counters import TOO_MANY_CONNECTIONS, UNREAD_REPLIES, Overdue, RtmpStats
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
from adapters.rtmp.player import RtmpPlayer, Viewing
from adapters.rtmp.publisher import Ingest, RtmpPublisher
from adapters.rtmp.sockets import SocketTransport
from adapters.rtmp.states import Phase
from gateway.auth.access import AccessRequest, Action
from gateway.auth.stream_keys import loggable_name, parse_address
from gateway.config import RtmpSettings
from gateway.errors import INTERNAL_ERROR, Fault, GatewayError

log = logging.getLogger(__name__)

LINGER = 2.0
"""Seconds for which a connection that we close is still read, so that the peer gets to see why."""
PING_EVERY = 4.0
"""Seconds from one sign of life that a publisher is asked for to the next. It is sent little else, and how far away it is shows
in how soon that is acknowledged (`TcpPath.from_publisher`)."""
MAX_UNREAD = 256 * 1024
"""Bytes of replies that may be written to a socket that does not take everything; its connection is then closed."""


class Streams(Protocol):
    """The doors to the live streams."""

    async def publish(self, request: AccessRequest, publisher: RtmpPublisher) -> Ingest: ...

    async def play(self, request: AccessRequest, viewer: RtmpPlayer) -> Viewing: ...


@dataclass(slots=True)
class House:
    """What all connections of a server share."""

    streams: Streams
    settings: RtmpSettings
    clock: Callable[[], float]
    random_bytes: Callable[[int], bytes]
    stats: RtmpStats = field(default_factory=RtmpStats)
    peers: dict[Peer, None] = field(default_factory=dict)
    """In the order in which they came."""
    unadmitted: Counter[str] = field(default_factory=Counter)
    """By address, the connections that have not been let publish or play yet."""
    emptied: asyncio.Event | None = None
    """Set, if there is one, when the last connection is closed."""
    numbers: int = 0
    """Connections so far: the last one's number in the log."""


class Peer:
    """One client."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._settings = house.settings
        self._stats = house.stats
        self._clock = house.clock
        house.numbers += 1
        self._number = house.numbers
        self._core = Connection(house.settings, house.random_bytes)
        self._conversation = self._core.conversation
        self._publishers: dict[int, RtmpPublisher] = {}
        self._players: dict[int, RtmpPlayer] = {}
        self._answer: asyncio.Task[None] | None = None
        """Decides on the peer's wish to publish or play; there is at most one at a time."""
        self._named = ""
        """The stream that a refusal is about, for the log."""
        self._heard = self._fed = self._taken = self._pinged = self._idle_since = self._clock()
        """When anything came, when media did, when a player took all, when it was pinged; since when it does neither."""
        self._closing_since: float | None = None
        self._unread = 0
        """Bytes of replies since the socket last took everything."""
        self._client = ""
        self._admitted = False

    # Socket ---------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: SocketTransport) -> None:
        self._transport = transport
        self._client = transport.peer
        self._stats.connections += 1
        house, settings = self._house, self._settings
        house.peers[self] = None
        house.unadmitted[self._client] += 1
        if len(house.peers) > settings.connections or house.unadmitted[self._client] > settings.unadmitted_per_address:
            self._stats.refusals[TOO_MANY_CONNECTIONS] += 1
            self._transport.abort()
            return
        transport.set_options(self._settings.player_idle / 2)

    def data_received(self, data: bytes) -> None:
        self._heard = self._clock()
        self._stats.bytes_in += len(data)
        if self._closing_since is None:
            self._progress(data)

    def _admit(self) -> None:
        """This connection is no stranger any more, or none at all. Harmless when repeated."""
        if not self._admitted:
            self._admitted = True
            unadmitted = self._house.unadmitted
            unadmitted[self._client] -= 1
            if not unadmitted[self._client]:
                del unadmitted[self._client]

    def connection_lost(self, exc: Exception | None) -> None:
        self._admit()
        if self._answer is not None:
            self._answer.cancel()
        self._let_go()
        self._stats.connections -= 1
        peers = self._house.peers
        peers.pop(self, None)
        if not peers and self._house.emptied is not None:
            self._house.emptied.set()

    def _progress(self, data: bytes) -> None:
        """Lets the core read and acts on what it finds."""
        core = self._core
        for event in core.receive(data):
            kind = type(event)
            if kind is VideoReceived or kind is AudioReceived or kind is MetadataReceived:
                self._write_media(cast(AudioReceived | VideoReceived | MetadataReceived, event))
            else:
                self._act(event)
            if self._closing_since is not None:
                return
        if core.failure is not None:
            self._count(core.failure.violation, core.failure.detail)
            self._close()
        else:
            self._flush()

    def _flush(self) -> None:
        data = self._core.take()
        transport = self._transport
        if not data or transport.is_closing():
            return
        self._unread = self._unread + len(data) if transport.get_write_buffer_size() else 0
        if self._unread > MAX_UNREAD:
            self._count(UNREAD_REPLIES, f"{self._unread} bytes")
            transport.abort()
            return
        self._stats.bytes_out += len(data)
        transport.write(data)

    # Events ---------------------------------------------------------------------------------------------------------

    def _act(self, event: Event) -> None:
        if isinstance(event, PublishAsked):
            self._ask(partial(self._publish, event), publisher.refusal_code)
        elif isinstance(event, PlayAsked):
            self._ask(partial(self._play, event), player.refusal_code)
        elif isinstance(event, PublishEnded):
            self._end_publisher(self._publishers[event.msid], deliberate=True)
        elif isinstance(event, PlayEnded):
            self._end_player(self._players[event.msid])
        elif isinstance(event, PauseChanged):
            self._players[event.msid].pause(event.paused)
        elif isinstance(event, MediumWanted):
            self._players[event.msid].want(event.medium, event.wanted)

    def _write_media(self, event: AudioReceived | VideoReceived | MetadataReceived) -> None:
        writing = self._publishers.get(event.msid)
        if writing is None:
            return
        self._fed = self._heard
        try:
            writing.write(event)
        except GatewayError as error:
            self._named = writing.name
            self._count(error.fault.name, error.detail)
            self._conversation.end_publish(writing.msid, publisher.refusal_code(error.fault), str(error))
            self._end_publisher(writing, deliberate=False, error=error)
            self._close()

    def _ask(self, answer: Callable[[], Awaitable[None]], code_of: Callable[[Fault], Code]) -> None:
        self._answer = asyncio.get_running_loop().create_task(self._decide(answer, code_of))

    async def _decide(self, answer: Callable[[], Awaitable[None]], code_of: Callable[[Fault], Code]) -> None:
        """Grants or refuses what the peer asked for, then reads on. Cancelled when the connection ends before."""
        refusal: GatewayError | None = None
        try:
            await answer()
        except GatewayError as error:
            refusal = error
        except Exception:
            log.exception("rtmp conn=%d client=%s failed to decide", self._number, self._client)
            refusal = GatewayError(INTERNAL_ERROR)
        self._answer = None
        if refusal is not None:
            self._refuse(refusal, code_of)
        elif self._closing_since is None:
            self._progress(b"")

    def _refuse(self, error: GatewayError, code_of: Callable[[Fault], Code]) -> None:
        self._count(error.fault.name, error.detail)
        if self._conversation.asked is not None:
            self._conversation.refuse(code_of(error.fault), str(error))
        self._close()

    async def _publish(self, asked: PublishAsked) -> None:
        asking = RtmpPublisher(asked.msid, self._last_heard, self._transport.path.from_publisher, self._cut)
        ingest = await self._house.streams.publish(self._request(Action.PUBLISH, asked.address), asking)
        self._admit()
        asking.begin(ingest)
        self._publishers[asked.msid] = asking
        self._fed = self._clock()
        asking.name = self._named
        self._stats.publishers += 1
        self._conversation.accept_publish()
        self._flush()
        log.info("rtmp conn=%d client=%s publishes", self._number, self._client)

    async def _play(self, asked: PlayAsked) -> None:
        asking = RtmpPlayer(
            asked.msid, self._settings.chunk_bytes, self._transport, self._begin_player, self._player_over
        )
        viewing = await self._house.streams.play(self._request(Action.PLAY, asked.address), asking)
        if self._players.get(asked.msid) is asking:
            asking.hold(viewing)
        else:
            viewing.close()

    def _request(self, action: Action, address: str) -> AccessRequest:
        self._named = ""
        stream, key = parse_address(address)
        self._named = loggable_name(stream)
        return AccessRequest(action, "rtmp", stream, key, self._client)

    def _last_heard(self) -> float:
        return self._heard

    def _begin_player(self, begun: RtmpPlayer) -> None:
        """The streams let the player in: what it is told comes before its media."""
        self._admit()
        self._players[begun.msid] = begun
        self._stats.players += 1
        self._taken = self._clock()
        self._conversation.accept_play()
        self._flush()
        log.info("rtmp conn=%d client=%s plays", self._number, self._client)

    # Ends -----------------------------------------------------------------------------------------------------------

    def shut(self, error: GatewayError) -> None:
        """The gateway closes this connection: tells it why."""
        if self._closing_since is not None:
            return
        for cut in list(self._publishers.values()):
            self._conversation.end_publish(cut.msid, publisher.refusal_code(error.fault), str(error))
        for ended in list(self._players.values()):
            self._conversation.end_play(ended.msid, (player.refusal_code(error.fault), str(error)))
        if not self._publishers and not self._players:
            self._conversation.close(Code.CONNECT_SHUTDOWN, str(error))
        self._close()

    def abort(self) -> None:
        """Closes the socket at once."""
        self._transport.abort()

    def _cut(self, cut: RtmpPublisher, error: GatewayError) -> None:
        """The gateway ends what is published here."""
        if self._closing_since is None and self._publishers.get(cut.msid) is cut:
            self._conversation.end_publish(cut.msid, publisher.refusal_code(error.fault), str(error))
            self._close()

    def _player_over(self, over: RtmpPlayer, error: GatewayError | None) -> None:
        """The stream that is played here is over, or its player was dropped."""
        if self._closing_since is None and self._players.get(over.msid) is over:
            reason = (player.refusal_code(error.fault), str(error)) if error else None
            self._conversation.end_play(over.msid, reason)
            self._close()

    def _end_publisher(self, ended: RtmpPublisher, *, deliberate: bool, error: GatewayError | None = None) -> None:
        del self._publishers[ended.msid]
        self._stats.publishers -= 1
        self._idle_since = self._clock()
        ended.close(deliberate=deliberate, error=error)

    def _end_player(self, ended: RtmpPlayer) -> None:
        del self._players[ended.msid]
        self._stats.players -= 1
        self._idle_since = self._clock()
        ended.close()

    def _close(self) -> None:
        """Sends what is to be sent, then ends our half. The peer's half is read and thrown away for a while: a socket
        that is closed with bytes unread resets the connection, and the peer would not see why."""
        self._closing_since = self._clock()
        if self._answer is not None:
            self._answer.cancel()
        for silent in self._players.values():
            silent.mute()
        self._flush()
        self._transport.write_eof()
        asyncio.get_running_loop().call_soon(self._let_go)

    def _let_go(self) -> None:
        """Leaves the streams; whoever publishes may come back."""
        for lost in list(self._publishers.values()):
            self._end_publisher(lost, deliberate=False)
        for ended in list(self._players.values()):
            self._end_player(ended)

    def _count(self, reason: str, detail: str) -> None:
        self._stats.refusals[reason] += 1
        about = (self._number, self._client, self._named, reason, detail)
        log.info("rtmp conn=%d client=%s stream=%r refused reason=%s detail=%r", *about)

    # Deadlines ------------------------------------------------------------------------------------------------------

    def sweep(self, now: float) -> None:
        """Looks at the deadlines; called about once a second."""
        settings = self._settings
        if self._closing_since is not None:
            if now - self._closing_since > LINGER:
                self._transport.abort()
        elif self._conversation.phase is Phase.HANDSHAKE:
            self._limit(now - self._idle_since, settings.handshake_deadline, Overdue.HANDSHAKE)
        elif self._publishers:
            self._limit(now - self._fed, settings.publisher_idle, Overdue.PUBLISHER)
            if now - self._pinged >= PING_EVERY:
                self._ping(now)
        elif self._players:
            self._sweep_player(now)
        elif self._answer is None:
            self._limit(now - self._idle_since, settings.request_deadline, Overdue.REQUEST)

    def _sweep_player(self, now: float) -> None:
        if not self._transport.get_write_buffer_size():
            self._taken = now
        idle = self._settings.player_idle
        self._limit(now - max(self._heard, self._taken), idle, Overdue.PLAYER)
        if now - max(self._heard, self._pinged) > idle / 2:
            self._ping(now)

    def _ping(self, now: float) -> None:
        """Asks for a sign of life."""
        if self._closing_since is None:
            self._pinged = now
            self._core.ping(int(now * 1000))
            self._flush()

    def _limit(self, passed: float, limit: float, overdue: Overdue) -> None:
        if passed > limit:
            self._count(overdue, f"{passed:.1f} s")
            self._conversation.close(Code.CONNECT_CLOSED, overdue)
            self._close()
