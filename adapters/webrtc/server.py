"""WebRTC for signaling, WHIP and WHEP: descriptions go in and out here, connections come of them.

All peers share one UDP port and one certificate. Every refusal is a GatewayError.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from random import Random, SystemRandom

from adapters.media.streams import Streams
from adapters.webrtc.addresses import announced_addresses
from adapters.webrtc.admission import Admission, Ticket
from adapters.webrtc.aiortc_internals import Certificate
from adapters.webrtc.audience import RtpManner
from adapters.webrtc.connection import SIGNALED, Answer, Connection, House
from adapters.webrtc.connections import Incoming, Outgoing
from adapters.webrtc.counters import TOO_MANY_PEERS, WebRtcStats
from adapters.webrtc.descriptions import credentials, parse
from adapters.webrtc.negotiation import restart_fragment
from adapters.webrtc.udp import UdpPort
from adapters.webrtc.writing import Sources
from gateway.auth.access import AccessRequest
from gateway.config import ListenSettings, MediaSettings, WebRtcSettings
from gateway.errors import OVERLOADED, PEER_NOT_FOUND, SHUTTING_DOWN, GatewayError
from gateway.quality.counters import Way
from gateway.quality.snapshot import WebRtcSnapshot
from gateway.rooms.model import Grant

_AFTER_MS = 1000
_WAYS: Sequence[Way] = (("in", "webrtc"), ("in", "whip"), ("out", "webrtc"), ("out", "whep"))
"""Directions and protocols of WebRTC."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a connection is."""

    grant: Grant
    etag: str
    """Names the ICE session, with its quotation marks."""


class WebRtcServer:
    """Serves WebRTC on one UDP port. Made, started and stopped on the running event loop."""

    def __init__(
        self,
        streams: Streams,
        settings: WebRtcSettings,
        media: MediaSettings,
        listen: ListenSettings,
        *,
        wall_clock: Callable[[], float] = time.time,
        random: Random | None = None,
    ) -> None:
        """`wall_clock` gives Unix time in seconds; `random` chooses what identifies packets and descriptions."""
        loop = asyncio.get_running_loop()
        random = random or SystemRandom()
        stats = WebRtcStats()
        manner = RtpManner(stats.sending, wall_clock, random, settings.burst_bitrate, settings.history)
        announced = announced_addresses(listen.host, settings.announced, listen.public_host)
        self._settings = settings
        self._house = House(
            streams, settings, media.viewers_per_grant, UdpPort(announced, settings.public_udp_port),
            Certificate.generate(), manner, Sources(manner.ssrcs, manner.cname), stats, loop, lambda: random.getrandbits(62),
        )  # fmt: skip
        self._admission = Admission(settings, loop.call_later, self._count)
        self._stopped: GatewayError | None = None
        self._coming = 0
        """Newcomers whose turn has not come yet, or who do not know of it yet."""

    @property
    def stats(self) -> WebRtcStats:
        """What this server has seen so far."""
        return self._house.stats

    @property
    def connections(self) -> Iterable[Connection]:
        """Every peer that is there or on its way."""
        return self._house.connections.values()

    @property
    def waiting(self) -> int:
        """Newcomers whose turn to connect has not come yet."""
        return self._admission.waiting

    @property
    def udp(self) -> UdpPort:
        """The port of all peers."""
        return self._house.port

    @property
    def port(self) -> int:
        """The UDP port that is bound; 0 before the start."""
        return self._house.port.port

    def snapshot(self, losses: Mapping[Way, float], round_trips: Mapping[Way, float]) -> WebRtcSnapshot:
        """What Prometheus is told. `losses`, `round_trips`: as the watch found them, of all protocols."""
        received, sent, udp = self.stats.received, self.stats.sending, self.udp.stats
        peers = dict.fromkeys(product(_WAYS, ("connecting", "connected")), 0)
        peers |= Counter(((peer.direction, peer.request.transport), peer.state) for peer in self.connections)
        return WebRtcSnapshot(
            peers={(*way, state): count for (way, state), count in peers.items()},
            waiting=self.waiting,
            handshakes={"connected": self.stats.handshakes, "failed": self.stats.failed},
            packets={"in": received.packets, "out": sent.packets},
            lost={"in": received.lost},
            nacks={"in": received.nacks, "out": sent.nacks},
            rtx={"in": received.recovered, "out": sent.rtx},
            plis={"in": received.plis, "out": sent.plis},
            loss={way: part for way, part in losses.items() if way in _WAYS},
            round_trip={way: seconds for way, seconds in round_trips.items() if way in _WAYS},
            datagrams={"in": udp.datagrams_in, "out": udp.datagrams_out},
            discarded={
                "stranger": udp.strangers, "refused": udp.refused, "unreadable": udp.unreadable, "no room": udp.not_taken,
                "send error": udp.send_errors, "late": received.late, "unknown": received.unknown,
                "malformed": received.malformed,
            },
            drops=udp.drops,
        )  # fmt: skip

    async def start(self, host: str, port: int) -> None:
        """Takes peers from now on. Raises OSError if the address cannot be had."""
        self._house.port.open(host, port)

    async def stop(self, error: GatewayError) -> None:
        """Takes no more peers, and closes all that there are."""
        self._stopped = error
        self._admission.close(error)
        for connection in list(self._house.connections.values()):
            connection.end()
        self._house.port.close()
        await asyncio.sleep(0)  # who waited for its turn hears why

    def check(self, offer: str) -> None:
        """Whether an offer can be read at all. Raises GatewayError(SDP_INVALID)."""
        with self._refusals():
            parse(offer)

    async def publish(self, request: AccessRequest, offer: str) -> Answer:
        """The answer to a publisher's offer.

        Through signaling, a new offer is an update: of the grant's connection, if that is what it describes; else the new
        connection takes the place of the old one at once. Raises GatewayError: what `Streams.publish` raises, SDP_INVALID,
        CODEC_UNSUPPORTED, OVERLOADED.
        """
        with self._refusals():
            grant = self._house.streams.access.admit(request)
            description = parse(offer)
            running = self._house.publishing.get(grant.id)
            if running is not None and request.transport == SIGNALED and running.continues(description):
                return running.restart(description)
            connection = Incoming(self._house, _new_id(), request, grant, await self._turn(request))
            try:
                await asyncio.sleep(0)
                return await connection.open(description)
            except BaseException:
                connection.end()
                raise

    async def play(self, request: AccessRequest, offer: str) -> Answer:
        """The answer to a viewer's offer. Raises GatewayError: what `Access.admit` raises, SDP_INVALID,
        CODEC_UNSUPPORTED, OVERLOADED."""
        with self._refusals():
            grant = self._house.streams.access.admit(request)
            description = parse(offer)
            connection = Outgoing(self._house, _new_id(), request, grant, await self._turn(request))
            try:
                await asyncio.sleep(0)
                return connection.open(description)
            except BaseException:
                connection.end()
                raise

    async def invite(self, request: AccessRequest) -> Answer:
        """An offer to a viewer, to be followed by `accept`. A later one takes an earlier one's place once it connects.

        Raises GatewayError: what `Access.admit` raises, OVERLOADED.
        """
        with self._refusals():
            grant = self._house.streams.access.admit(request)
            connection = Outgoing(self._house, _new_id(), request, grant, await self._turn(request))
            return connection.invite()

    async def accept(self, id: str, answer: str) -> None:
        """The viewer's answer to the latest offer. Raises GatewayError: PEER_NOT_FOUND, SDP_INVALID, CODEC_UNSUPPORTED."""
        with self._refusals():
            connection = self._find(id)
            if not isinstance(connection, Outgoing):
                raise GatewayError(PEER_NOT_FOUND)
            connection.accept(parse(answer))

    async def restart(self, id: str, offer: str) -> Answer:
        """The answer to a new offer on a connection that there is. Raises GatewayError: PEER_NOT_FOUND, SDP_INVALID."""
        with self._refusals():
            return self._find(id).restart(parse(offer))

    async def restart_offer(self, id: str) -> Answer:
        """A new offer on an invited viewer's connection, with new ICE credentials; to be followed by `accept`.

        Raises GatewayError: PEER_NOT_FOUND, SDP_INVALID.
        """
        with self._refusals():
            connection = self._find(id)
            if not isinstance(connection, Outgoing):
                raise GatewayError(PEER_NOT_FOUND)
            return connection.invite_again()

    async def patch(self, id: str, fragment: str) -> tuple[str, str] | None:
        """Takes a `trickle-ice-sdpfrag` (RFC 9725 section 4.3): the answer to it and the new entity tag if ICE restarts,
        else `None`. Raises GatewayError: PEER_NOT_FOUND, SDP_INVALID."""
        with self._refusals():
            connection = self._find(id)
            told = credentials(fragment)
            answer = connection.restart_by(*told) if told else None
            return (restart_fragment(answer.sdp), answer.etag) if answer else None

    def close(self, id: str, *, deliberate: bool) -> None:
        """Ends a connection, by its user's wish if `deliberate`. Raises GatewayError(PEER_NOT_FOUND)."""
        self._find(id).end(deliberate=deliberate)

    def find(self, id: str) -> Owner:
        """Whose the connection is. Raises GatewayError(PEER_NOT_FOUND)."""
        connection = self._find(id)
        return Owner(connection.grant, connection.etag)

    def _find(self, id: str) -> Connection:
        connection = self._house.connections.get(id)
        if connection is None:
            raise GatewayError(PEER_NOT_FOUND)
        return connection

    async def _turn(self, request: AccessRequest) -> Ticket:
        """Waits until a newcomer may connect."""
        if len(self._house.connections) + self._coming >= self._settings.peers:
            self._count(TOO_MANY_PEERS)
            raise GatewayError(OVERLOADED, "peer connections", after_ms=_AFTER_MS)
        if self._stopped is not None:
            raise self._stopped
        turn: asyncio.Future[None] = self._house.loop.create_future()

        def admitted() -> None:
            if not turn.done():
                turn.set_result(None)

        def refused(error: GatewayError) -> None:
            if not turn.done():
                turn.set_exception(error)

        ticket = self._admission.enter(request.client, admitted, refused)
        self._coming += 1
        try:
            await turn
            if self._stopped is not None:
                raise GatewayError(SHUTTING_DOWN)
        except BaseException:
            ticket.settle()
            raise
        finally:
            self._coming -= 1
        return ticket

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Counts what is refused; what the line refuses is counted there."""
        try:
            yield
        except GatewayError as error:
            if error.fault is not OVERLOADED:
                self._count(error.fault.name)
            raise

    def _count(self, label: str) -> None:
        self._house.stats.refusals[label] += 1


def _new_id() -> str:
    return secrets.token_urlsafe(16)
