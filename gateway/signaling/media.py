"""What a session may ask about streams: to publish and to play them, by an address or over WebRTC.

The registry decides and keeps the grants. For RTMP, HTTP-FLV, WHIP and WHEP a grant becomes addresses, and media come by
themselves; with the transport `webrtc` the descriptions go through signaling, and `Peers` makes connections of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from gateway.addresses import Addresses, MediaAddress
from gateway.auth.access import AccessRequest
from gateway.auth.stream_keys import encode_stream_id
from gateway.errors import INVALID_PARAMS, KEY_REVOKED, PEER_NOT_FOUND, STREAM_ID_TAKEN, TOKEN_EXPIRED, GatewayError
from gateway.rooms.claims import Answer, Claims
from gateway.rooms.model import STREAM_ID, Grant, Session
from gateway.rooms.registry import Registry
from gateway.signaling import messages
from gateway.signaling.events import UrlsEvent
from gateway.signaling.messages import Address, AddressResult, DescriptionResult, Empty, Result

_WEBRTC = "webrtc"


class Description(Protocol):
    """A session description of ours, and the peer connection that it is about."""

    @property
    def id(self) -> str:
        """Names the peer connection. Nobody can guess it."""

    @property
    def sdp(self) -> str: ...


class Peers(Protocol):
    """WebRTC, as signaling needs it. Everything here raises GatewayError."""

    def check(self, offer: str) -> None:
        """Whether the offer can be read at all. Raises SDP_INVALID."""

    async def publish(self, request: AccessRequest, offer: str) -> Description:
        """The answer to a publisher's offer: for its grant's connection if that is what the offer is about, else for a
        new one in its place."""

    async def invite(self, request: AccessRequest) -> Description:
        """An offer to a player, to be followed by `accept`."""

    async def restart_offer(self, id: str) -> Description:
        """An offer for a player's connection that there is, with new ICE credentials. Raises PEER_NOT_FOUND."""

    async def accept(self, id: str, answer: str) -> None:
        """The player's answer. Raises PEER_NOT_FOUND."""


@dataclass(slots=True)
class Invitations:
    """The peer connection that a session was last offered for each stream it plays."""

    _ids: dict[str, tuple[Grant, str]] = field(default_factory=dict)

    def note(self, session: Session, grant: Grant, id: str) -> None:
        """This is the one from now on; those of grants that have ended are forgotten."""
        self._ids = {stream: known for stream, known in self._ids.items() if session.playing.get(stream) is known[0]}
        self._ids[grant.stream_id] = (grant, id)

    def find(self, session: Session, stream_id: str) -> str:
        """Raises PEER_NOT_FOUND if the session's play of that stream was not offered one."""
        grant, id = self._ids.get(stream_id, (None, ""))
        if grant is None or session.playing.get(stream_id) is not grant:
            raise GatewayError(PEER_NOT_FOUND)
        return id


@dataclass(frozen=True, slots=True)
class Asker:
    """The session that asks, and those who can answer."""

    session: Session
    invitations: Invitations
    client: str
    """The client's address, for the log."""
    registry: Registry
    addresses: Addresses
    peers: Peers
    expired: bool = False
    """Its token has ended: what it has goes on, nothing new begins."""
    claims: Claims | None = None
    """Who has which streamID in the whole app; None: nobody is asked."""

    def access(self, grant: Grant) -> AccessRequest:
        """What the media side is asked on behalf of the session, which holds this grant."""
        key = self.registry.grants.key(grant).reveal()
        return AccessRequest(grant.action, grant.transport, encode_stream_id(grant.stream_id), key, self.client)


async def _publish(asker: Asker, params: messages.Publish) -> AddressResult | DescriptionResult:
    session, stream_id = asker.session, STREAM_ID.check(params.stream_id)
    if (params.transport == _WEBRTC) != (params.sdp is not None):
        raise GatewayError(INVALID_PARAMS, "the transport webrtc and an sdp go together")
    before = session.publishing.get(stream_id)
    _check_token(asker, new=before is None)
    if params.sdp is not None and before is not None and before.grant.transport != _WEBRTC:
        asker.peers.check(params.sdp)  # what publishes now gives way to nothing that cannot even be read
    as_it_was = before and (before.grant.media, before.extra_info, before.grant.transport)
    grant = asker.registry.publish(session, stream_id, params.media, params.extra_info, params.transport)
    grant.wishes = wish = grant.wishes + 1
    try:
        if before is None and asker.claims is not None:
            await _claim(asker.claims, session, grant)
        if params.sdp is None:
            return _addressed(asker.registry, grant, asker.addresses.push)
        answer = await asker.peers.publish(asker.access(grant), params.sdp)
    except BaseException:
        stream = session.publishing.get(stream_id)
        if stream is not None and stream.grant is grant and grant.wishes == wish:
            if as_it_was:
                asker.registry.publish(session, stream_id, *as_it_was)
            else:
                asker.registry.unpublish(session, stream_id, grant.media)
        raise
    return DescriptionResult(stream_id, answer.sdp)


async def _claim(claims: Claims, session: Session, grant: Grant) -> None:
    """The streamID is this grant's in the whole app. Raises STREAM_ID_TAKEN; KEY_REVOKED if the grant has ended meanwhile."""
    answer = await claims.take("stream", grant.app, grant.stream_id, grant.id)
    stream = session.publishing.get(grant.stream_id)
    if stream is None or stream.grant is not grant:
        raise GatewayError(KEY_REVOKED, "the stream was ended meanwhile")
    if answer is Answer.TAKEN:
        raise GatewayError(STREAM_ID_TAKEN)
    if answer is Answer.UNKNOWN:
        claims.affirm(grant.id)


async def _unpublish(asker: Asker, params: messages.Unpublish) -> Empty:
    asker.registry.unpublish(asker.session, params.stream_id, params.media)
    return Empty()


async def _play(asker: Asker, params: messages.Play) -> AddressResult | DescriptionResult:
    session, stream_id = asker.session, STREAM_ID.check(params.stream_id)
    if stream_id in session.publishing:
        raise GatewayError(INVALID_PARAMS, "the stream is one's own")
    if params.restart and params.transport != _WEBRTC:
        raise GatewayError(INVALID_PARAMS, "restart goes with the transport webrtc")
    running = asker.invitations.find(session, stream_id) if params.restart else None
    before = session.playing.get(stream_id)
    _check_token(asker, new=before is None)
    grant = asker.registry.play(session, stream_id, params.media, params.mode, params.wait, params.transport)
    if params.transport != _WEBRTC:
        return _addressed(asker.registry, grant, asker.addresses.pull)
    try:
        peers = asker.peers
        offer = await (peers.invite(asker.access(grant)) if running is None else peers.restart_offer(running))
    except BaseException:
        if before is None and session.playing.get(stream_id) is grant:
            asker.registry.stop(session, stream_id, grant.media)
        raise
    asker.invitations.note(session, grant, offer.id)
    return DescriptionResult(stream_id, offer.sdp)


async def _answer(asker: Asker, params: messages.Answer) -> Empty:
    await asker.peers.accept(asker.invitations.find(asker.session, params.stream_id), params.sdp)
    return Empty()


async def _stop(asker: Asker, params: messages.Stop) -> Empty:
    asker.registry.stop(asker.session, params.stream_id, params.media)
    return Empty()


HANDLERS: dict[type, Callable[[Asker, Any], Awaitable[Result]]] = {
    messages.Publish: _publish,
    messages.Unpublish: _unpublish,
    messages.Play: _play,
    messages.Answer: _answer,
    messages.Stop: _stop,
}
"""One handler for each method, by the type of its parameters. All raise GatewayError."""


def addresses_of(
    session: Session, registry: Registry, addresses: Addresses, only: Grant | None = None
) -> UrlsEvent | None:
    """All addresses of a session (`only`: those of this grant), handed out once more with their full time; None if it has
    none."""

    def wanted(grants: Iterable[Grant]) -> list[Grant]:
        return [grant for grant in grants if grant.transport != _WEBRTC and (only is None or grant is only)]

    push = wanted(stream.grant for stream in session.publishing.values())
    pull = wanted(session.playing.values())
    if not push and not pull:
        return None
    for grant in (*push, *pull):
        registry.renew(grant)
    return UrlsEvent(
        session.room.id,
        [_addressed(registry, grant, addresses.push) for grant in push],
        [_addressed(registry, grant, addresses.pull) for grant in pull],
    )


def _check_token(asker: Asker, *, new: bool) -> None:
    if new and asker.expired:
        raise GatewayError(TOKEN_EXPIRED, "renew it first")


def _addressed(registry: Registry, grant: Grant, urls: Callable[..., Sequence[MediaAddress]]) -> AddressResult:
    key = registry.grants.key(grant)
    found = [
        Address(one.protocol, one.url, one.key.reveal() if one.key else None)
        for one in urls(grant.stream_id, key, grant.transport)
    ]
    return AddressResult(grant.stream_id, found[0].url, found, int(grant.expires_at * 1000))
