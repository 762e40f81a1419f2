"""What is common to connections that publish and connections that play: identity, the transport, restarts, the end."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from adapters.media.streams import Streams
from adapters.webrtc.admission import Ticket
from adapters.webrtc.aiortc_internals import Certificate
from adapters.webrtc.audience import RtpManner
from adapters.webrtc.counters import WebRtcStats
from adapters.webrtc.descriptions import Description
from adapters.webrtc.negotiation import same_connection, transport_of
from adapters.webrtc.peer import Peer, Remote
from adapters.webrtc.udp import UdpPort
from adapters.webrtc.writing import Local, Sources
from gateway.auth.access import AccessRequest
from gateway.config import WebRtcSettings
from gateway.errors import SDP_INVALID, GatewayError
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
    publishing: dict[str, Connection] = field(default_factory=dict)
    """By the grant's id: who holds the stream."""
    playing: dict[str, dict[Connection, None]] = field(default_factory=dict)
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
        remote = remote_of(description)
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
            "peer=%s ended direction=%s stream=%r user=%r reason=%s", self.id[:6], self.direction, self.grant.stream_id,
            self.grant.user_id, error.fault.name if error else "closed" if deliberate else "lost",
        )  # fmt: skip

    # What the peer tells

    def connected(self) -> None:
        """The keys are there."""
        self.connected_once = True
        self._ticket.settle()
        self.house.stats.handshakes += 1
        log.info(
            "peer=%s connected direction=%s stream=%r user=%r", self.id[:6], self.direction, self.grant.stream_id,
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
        """Lets the stream go, and everything that belongs to it: what has ended holds on to nothing."""

    def _known(self) -> Remote:
        """The peer's side of the transport."""
        if self._remote is None:
            raise GatewayError(SDP_INVALID, "there is no offer yet")
        return self._remote

    def _expect(self, description: Description) -> None:
        """The peer may connect."""
        self.description, self._remote = description, remote_of(description)
        self.peer.expect(self._remote)

    def _local(self) -> Local:
        """Our side, as the next description is to tell it."""
        self._version += 1
        peer = self.peer
        return Local(peer.ufrag, peer.pwd, peer.fingerprint, self.house.port.candidates(), self._session, self._version)


def remote_of(description: Description) -> Remote:
    """The peer's side of the transport, as it describes it."""
    transport = transport_of(description)
    return Remote(transport.ufrag, transport.pwd, transport.fingerprints)
