"""Connections: one peer each, from its description to its end, and what it publishes or plays.

A connection joins three things that know nothing of each other: what was agreed on (`negotiation`), the way to the remote
(`peer`), and the stream (`publisher`, `player`). It ends once, whoever of them says so.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from adapters.media.streams import Ingest, Streams, Viewing
from adapters.webrtc.admission import Ticket
from adapters.webrtc.aiortc_internals import Certificate
from adapters.webrtc.audience import RtpManner
from adapters.webrtc.counters import WebRtcStats
from adapters.webrtc.descriptions import Description
from adapters.webrtc.negotiation import (
    Sent,
    accept_player,
    answer_player,
    answer_publisher,
    offer_player,
    same_connection,
    transport_of,
)
from adapters.webrtc.peer import Peer, Remote
from adapters.webrtc.player import WebRtcPlayer
from adapters.webrtc.publisher import WebRtcPublisher
from adapters.webrtc.udp import UdpPort
from adapters.webrtc.writing import Local, Sources
from gateway.auth.access import AccessRequest
from gateway.config import WebRtcSettings
from gateway.errors import CONNECT_FAILED, INTERNAL_ERROR, SDP_INVALID, GatewayError
from gateway.rooms.model import Grant

log = logging.getLogger(__name__)

SIGNALED: Final = "webrtc"
"""The transport of connections whose descriptions go through signaling: each of their grants has one at a time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a peer is told: a description of ours."""

    id: str
    """Names the connection. Nobody can guess it."""
    sdp: str
    etag: str
    """Names the ICE session (RFC 9725 section 4.3.1), with its quotation marks."""


@dataclass(slots=True)
class House:
    """What all connections of a server share."""

    streams: Streams
    settings: WebRtcSettings
    viewers_per_grant: int
    """Of a session's grants: connections at once that are on their way."""
    port: UdpPort
    certificate: Certificate
    manner: RtpManner
    sources: Sources
    stats: WebRtcStats
    loop: asyncio.AbstractEventLoop
    new_session: Callable[[], int]
    """Makes numbers for our descriptions."""
    connections: dict[str, Connection] = field(default_factory=dict)
    """Every one that has not ended, by its id."""
    publishing: dict[str, Incoming] = field(default_factory=dict)
    """By the grant's id: who holds the stream."""
    playing: dict[str, dict[Outgoing, None]] = field(default_factory=dict)
    """By the grant's id: who plays, or is about to."""


class Connection(ABC):
    """One peer. Its methods are called on the event loop only."""

    direction: str
    """`in`: it publishes; `out`: it plays."""
    invited = False
    """The offers are ours."""

    def __init__(self, house: House, id: str, request: AccessRequest, grant: Grant, ticket: Ticket) -> None:
        self.house = house
        self.id = id
        self.request = request
        self.grant = grant
        self.connected_once = False
        self.over = False
        self.description: Description | None = None
        """The peer's latest."""
        self._remote: Remote | None = None
        self._ticket = ticket
        self._session = house.new_session()
        self._version = 0
        self.peer = Peer(house.port, house.certificate, self, house.settings, house.loop.time())
        house.connections[id] = self

    @property
    def state(self) -> str:
        """`connecting` or `connected`."""
        return "connected" if self.connected_once else "connecting"

    @property
    def etag(self) -> str:
        """Names the ICE session."""
        return f'"{self.peer.ufrag}"'

    def continues(self, description: Description) -> bool:
        """True if the description is a later one of this very connection."""
        return self.description is not None and same_connection(self.description, description)

    def restart(self, description: Description) -> Answer:
        """The peer describes itself anew: ICE restarts if its credentials are new, tracks may have changed.

        Raises GatewayError(SDP_INVALID) if it is another connection's description, or the offers are ours.
        """
        if self.invited or not self.continues(description):
            raise GatewayError(SDP_INVALID, "it describes another connection")
        remote = _remote(description)
        if remote.ufrag != self._known().ufrag:
            self.peer.restart_ice(remote)
        sdp = self._answer(description)
        self.description, self._remote = description, remote
        return Answer(self.id, sdp, self.etag)

    def restart_by(self, ufrag: str, pwd: str) -> Answer | None:
        """The peer restarts ICE without a whole description; `None` if these are the credentials it has."""
        if self.invited or self.description is None:
            raise GatewayError(SDP_INVALID, "the offers of this connection are the gateway's")
        known = self._known()
        if known.ufrag == ufrag:
            return None
        self._remote = Remote(ufrag, pwd, known.fingerprints)
        self.peer.restart_ice(self._remote)
        return Answer(self.id, self._answer(self.description), self.etag)

    def end(self, *, deliberate: bool = False, error: GatewayError | None = None) -> None:
        """It is over: by its user's wish (`deliberate`), for a reason of ours (`error`), or because it broke. Harmless when
        repeated."""
        if self.over:
            return
        self.over = True
        del self.house.connections[self.id]
        self._ticket.settle()
        if not self.connected_once:
            self.house.stats.failed += 1
        self._release(deliberate, error)
        self.peer.close()
        log.info(
            "peer=%s ended direction=%s stream=%s user=%s reason=%s", self.id[:6], self.direction, self.grant.stream_id,
            self.grant.user_id, error.fault.name if error else "closed" if deliberate else "lost",
        )  # fmt: skip

    # What the peer tells

    def connected(self) -> None:
        """The keys are there."""
        self.connected_once = True
        self._ticket.settle()
        self.house.stats.handshakes += 1
        log.info(
            "peer=%s connected direction=%s stream=%s user=%s", self.id[:6], self.direction, self.grant.stream_id,
            self.grant.user_id,
        )  # fmt: skip
        self._begin()

    @abstractmethod
    def rtp(self, data: bytes, now: float) -> None: ...

    @abstractmethod
    def rtcp(self, data: bytes, now: float) -> None: ...

    def gone(self, error: GatewayError | None) -> None:
        """The peer has ended. Whether it said so or fell silent: its user may come back."""
        if error is not None:
            log.info("peer=%s gone reason=%s detail=%r", self.id[:6], error.fault.name, error.detail)
        self.end()

    # What the directions do

    @abstractmethod
    def _answer(self, description: Description) -> str:
        """Agrees on a description of the peer's."""

    @abstractmethod
    def _begin(self) -> None:
        """Media can come and go."""

    @abstractmethod
    def _release(self, deliberate: bool, error: GatewayError | None) -> None:
        """Lets the stream go."""

    def _known(self) -> Remote:
        """The peer's side of the transport."""
        if self._remote is None:
            raise GatewayError(SDP_INVALID, "there is no offer yet")
        return self._remote

    def _expect(self, description: Description) -> None:
        """The peer may connect."""
        self.description, self._remote = description, _remote(description)
        self.peer.expect(self._remote)

    def _local(self) -> Local:
        """Our side, as the next description is to tell it."""
        self._version += 1
        peer = self.peer
        return Local(peer.ufrag, peer.pwd, peer.fingerprint, self.house.port.candidates(), self._session, self._version)


class Incoming(Connection):
    """A peer that publishes."""

    direction = "in"
    publisher: WebRtcPublisher | None = None
    _ingest: Ingest | None = None

    async def open(self, offer: Description) -> Answer:
        """Agrees on the offer and takes the stream. Raises GatewayError."""
        sdp = self._answer(offer)
        if self.publisher is None or not self.publisher.stats():
            raise GatewayError(SDP_INVALID, "there is nothing that the peer wants to send")
        house, grant = self.house, self.grant
        running = house.publishing.get(grant.id)
        if running is not None and self.request.transport == SIGNALED:
            running.end()
        ingest = await house.streams.publish(self.request, self.publisher)
        if self.over:
            ingest.close(deliberate=False)
            raise GatewayError(CONNECT_FAILED)
        self._ingest = ingest
        self.grant = ingest.grant
        house.publishing[self.grant.id] = self
        self._expect(offer)
        return Answer(self.id, sdp, self.etag)

    def rtp(self, data: bytes, now: float) -> None:
        if self.publisher is not None:
            self.publisher.rtp(data, now)

    def rtcp(self, data: bytes, now: float) -> None:
        if self.publisher is not None:
            self.publisher.rtcp(data, now)

    def _answer(self, description: Description) -> str:
        agreed = answer_publisher(description, self._local())
        if self.publisher is None:
            loop, house = self.house.loop, self.house
            self.publisher = WebRtcPublisher(
                agreed.tracks, self.peer.send_rtcp, loop.time, loop.call_later, house.settings, self._cut, house.stats.receiving
            )
        else:
            self.publisher.retrack(agreed.tracks)
        return agreed.sdp

    def _begin(self) -> None:
        if self.publisher is not None and self._ingest is not None:
            self.publisher.begin(self._ingest)

    def _cut(self, error: GatewayError) -> None:
        self.end(error=error)

    def _release(self, deliberate: bool, error: GatewayError | None) -> None:
        if self.house.publishing.get(self.grant.id) is self:
            del self.house.publishing[self.grant.id]
        if self.publisher is not None:
            self.publisher.close(deliberate=deliberate, error=error)
        if self._ingest is not None:
            self._ingest.close(deliberate=deliberate, error=error)


class Outgoing(Connection):
    """A peer that plays. Its stream is joined when it is connected."""

    direction = "out"
    player: WebRtcPlayer | None = None
    _viewing: Viewing | None = None
    _joining: asyncio.Task[None] | None = None

    def open(self, offer: Description) -> Answer:
        """Agrees on the peer's offer. Raises GatewayError."""
        self._enter()
        sdp = self._answer(offer)
        self._expect(offer)
        return Answer(self.id, sdp, self.etag)

    def invite(self) -> Answer:
        """Makes the offer; the peer connects once it has answered."""
        self.invited = True
        self._enter()
        return self._offer()

    def invite_again(self) -> Answer:
        """A new offer on the same connection, with new ICE credentials. Raises GatewayError(SDP_INVALID) for a connection
        whose offers are the peer's."""
        if not self.invited:
            raise GatewayError(SDP_INVALID, "the offers of this connection are the peer's")
        self.peer.restart_ice()
        return self._offer()

    def accept(self, answer: Description) -> None:
        """The peer's answer to our latest offer. Raises GatewayError."""
        if not self.invited:
            raise GatewayError(SDP_INVALID, "there is no offer to be answered")
        agreed = accept_player(answer, self.house.sources)
        if self.description is not None and not self.continues(answer):
            raise GatewayError(SDP_INVALID, "it describes another connection")
        if transport_of(answer).role != "client":
            raise GatewayError(SDP_INVALID, "an answer has to take the active part in the DTLS handshake")
        self._take(agreed)
        self._expect(answer)

    def rtp(self, data: bytes, now: float) -> None:
        """A viewer has nothing to send."""

    def rtcp(self, data: bytes, now: float) -> None:
        if self.player is not None:
            self.player.rtcp(data, now)

    def _enter(self) -> None:
        """Of a session's connections that are not there yet only so many are kept, and of invitations only the newest."""
        most = 1 if self.invited else self.house.viewers_per_grant
        if self.grant.session is not None:
            same = self.house.playing.get(self.grant.id, {})
            pending = [one for one in same if one.invited is self.invited and not one.connected_once]
            for one in pending[: max(0, len(pending) + 1 - most)]:
                one.end()
        self.house.playing.setdefault(self.grant.id, {})[self] = None

    def _offer(self) -> Answer:
        return Answer(self.id, offer_player(self._local(), self.house.sources), self.etag)

    def _answer(self, description: Description) -> str:
        agreed = answer_player(description, self._local(), self.house.sources)
        self._take(agreed)
        return agreed.sdp

    def _take(self, agreed: Sent) -> None:
        """What a player is given was settled by the first agreement."""
        if self.player is None:
            house = self.house
            self.player = WebRtcPlayer(
                self.peer, agreed.tracks, house.manner, self.request.transport, self._ended, house.stats.sending
            )

    def _begin(self) -> None:
        self._joining = self.house.loop.create_task(self._join())

    async def _join(self) -> None:
        if self.player is None:
            return
        try:
            viewing = await self.house.streams.play(self.request, self.player)
        except GatewayError as error:
            self.house.stats.refusals[error.fault.name] += 1
            self.end(error=error)
            return
        except Exception:
            log.exception("peer=%s could not join", self.id[:6])
            self.end(error=GatewayError(INTERNAL_ERROR))
            return
        self._viewing = viewing
        if self.over:
            viewing.close()
        elif self.invited:
            for one in [one for one in self.house.playing.get(self.grant.id, {}) if one.invited]:
                if one is self:
                    break
                one.end()

    def _ended(self, error: GatewayError | None) -> None:
        """The stream's word. It may be in the middle of going round its viewers, so it is heeded afterwards."""
        self.house.loop.call_soon(self._end_with, error)

    def _end_with(self, error: GatewayError | None) -> None:
        self.end(error=error)

    def _release(self, deliberate: bool, error: GatewayError | None) -> None:
        same = self.house.playing.get(self.grant.id, {})
        same.pop(self, None)
        if not same:
            self.house.playing.pop(self.grant.id, None)
        if self._viewing is not None:
            self._viewing.close(error)


def _remote(description: Description) -> Remote:
    transport = transport_of(description)
    return Remote(transport.ufrag, transport.pwd, transport.fingerprints)
