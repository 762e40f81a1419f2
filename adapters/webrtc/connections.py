"""Connections: one peer each, from its description to its end, and what it publishes or plays.

A connection joins three things that know nothing of each other: what was agreed on (`negotiation`), the way to the remote
(`peer`), and the stream (`publisher`, `player`). It ends once, whoever of them says so.
"""

from __future__ import annotations

import asyncio
import logging

from adapters.media.streams import Ingest, Viewing
from adapters.webrtc.connection import SIGNALED, Answer, Connection
from adapters.webrtc.descriptions import Description
from adapters.webrtc.negotiation import Sent, accept_player, answer_player, answer_publisher, offer_player, transport_of
from adapters.webrtc.player import WebRtcPlayer
from adapters.webrtc.publisher import WebRtcPublisher
from gateway.errors import CONNECT_FAILED, INTERNAL_ERROR, SDP_INVALID, GatewayError

__all__ = ["SIGNALED", "Answer", "Connection", "Incoming", "Outgoing"]

log = logging.getLogger(__name__)


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
        transport_of(offer)  # refused before anything is taken, or taken over
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
            counters = house.stats.receiving[self.request.transport]
            self.publisher = WebRtcPublisher(
                agreed.tracks, self.peer.send_rtcp, loop.time, loop.call_later, house.settings, self._cut, counters
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
        publisher, self.publisher = self.publisher, None
        ingest, self._ingest = self._ingest, None
        if publisher is not None:
            publisher.close(deliberate=deliberate, error=error)
        if ingest is not None:
            ingest.close(deliberate=deliberate, error=error)


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
                self.peer, agreed.tracks, house.manner, self.request.transport, house.loop.time, self._ended, house.stats.sending
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
        if self.over:
            viewing.close()
            return
        self._viewing = viewing
        if self.invited:
            for one in self._older():
                one.end()

    def _older(self) -> list[Connection]:
        """The grant's invited connections that were there before this one."""
        invited = [one for one in self.house.playing.get(self.grant.id, {}) if one.invited]
        return invited[: invited.index(self)] if self in invited else []

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
        viewing, self._viewing = self._viewing, None
        self.player = self._joining = None
        if viewing is not None:
            viewing.close(error)
