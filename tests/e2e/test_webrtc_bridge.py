"""The WebRTC server between real clients: publishing, playing, and everything that a connection goes through."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack, VideoStreamTrack
from av import AudioFrame, VideoFrame

from adapters.media.streams import Streams
from adapters.media.units import Medium
from adapters.webrtc.addresses import Address
from adapters.webrtc.connections import Answer
from adapters.webrtc.counters import TOO_MANY_PEERS
from adapters.webrtc.server import WebRtcServer
from gateway.auth.access import AccessRequest
from gateway.config import ListenSettings, MediaSettings, WebRtcSettings
from gateway.errors import (
    ALREADY_PUBLISHING,
    CODEC_UNSUPPORTED,
    KEY_REVOKED,
    OVERLOADED,
    PEER_NOT_FOUND,
    SDP_INVALID,
    SHUTTING_DOWN,
    Fault,
    GatewayError,
)
from gateway.rooms.model import BOTH_MEDIA, Grant, Reason
from tests.support.lobby import Lobby
from tests.support.media_client import until
from tests.support.rtc_peer import DEADLINE, RtcPeer, rtc_peer

HOST = "127.0.0.1"
STREAM = "s"


class Scene:
    """A server with a registry behind it: Ann publishes a stream, Bob plays it."""

    def __init__(self, peers: AsyncExitStack, media: MediaSettings, settings: dict[str, Any]) -> None:
        self.lobby = Lobby()
        self.streams = Streams(self.lobby.registry, media)
        self.lobby.registry.connect(self.streams)
        listen = ListenSettings(host=HOST, public_host=HOST)
        self.server = WebRtcServer(self.streams, WebRtcSettings(**settings), media, listen)
        self.ann, self.bob = self.lobby.enter("ann"), self.lobby.enter("bob")
        self._peers = peers

    async def peer(self) -> RtcPeer:
        """A client that is not connected yet."""
        return await self._peers.enter_async_context(rtc_peer())

    def push(self, transport: str = "webrtc") -> AccessRequest:
        """Ann's wish to publish."""
        stream = self.ann.session.publishing.get(STREAM)
        return self._wish(stream.grant if stream else self.ann.publish(STREAM), transport)

    def pull(self, transport: str = "webrtc") -> AccessRequest:
        """Bob's wish to play."""
        return self._wish(self.bob.session.playing.get(STREAM) or self.bob.play(STREAM, wait=True), transport)

    async def publish(self, camera: RtcPeer, transport: str = "webrtc") -> Answer:
        """Ann publishes sound and video, and is connected."""
        answer = await self.server.publish(self.push(transport), await offer(camera, "sendonly"))
        await camera.accept(answer.sdp)
        await camera.reaches("connected")
        return answer

    async def on_air(self) -> RtcPeer:
        """Ann's stream, arriving with sound and video."""
        camera = await self.peer()
        await self.publish(camera)
        await until(lambda: self.arriving == BOTH_MEDIA, "sound and video")
        return camera

    async def watch(self, screen: RtcPeer) -> Answer:
        """Bob plays as signaling has it: the offer is the server's."""
        invitation = await self.server.invite(self.pull())
        await self.server.accept(invitation.id, await screen.answer(invitation.sdp))
        await screen.reaches("connected")
        return invitation

    @property
    def arriving(self) -> frozenset[Medium]:
        """What arrives of the stream now."""
        return self.ann.session.publishing[STREAM].media

    @property
    def viewers(self) -> int:
        return sum(stats.viewers for stats in self.streams.transports.values())

    def books(self) -> list[int]:
        """How many entries each of the server's books has: connections, those that publish and play, peers, tickets, places."""
        house, admission = self.server._house, self.server._admission
        held = (house.connections, house.publishing, house.playing, self.server.udp, admission._tickets)
        return [*map(len, held), admission.shaking]

    def _wish(self, grant: Grant, transport: str) -> AccessRequest:
        request = self.lobby.request(grant)
        return AccessRequest(request.action, transport, request.stream, request.key, HOST)


@asynccontextmanager
async def scene(media: MediaSettings | None = None, **settings: Any) -> AsyncIterator[Scene]:
    """A server with these settings. At the end nothing of it is left."""
    async with AsyncExitStack() as peers:
        made = Scene(peers, media or MediaSettings(), settings)
        await made.server.start(HOST, 0)
        try:
            yield made
        finally:
            await made.server.stop(GatewayError(SHUTTING_DOWN))
            assert made.books() == [0] * 6
            assert made.viewers == 0


async def offer(peer: RtcPeer, direction: str) -> str:
    """Offers sound and video in this direction."""
    for kind, track in ((AudioStreamTrack.kind, AudioStreamTrack), (VideoStreamTrack.kind, VideoStreamTrack)):
        peer.connection.addTransceiver(track() if direction == "sendonly" else kind, direction)
    await peer.connection.setLocalDescription(await peer.connection.createOffer())
    return str(peer.connection.localDescription.sdp)


async def seen(peer: RtcPeer) -> tuple[AudioFrame, VideoFrame]:
    """The next sound and picture that a peer decodes."""
    frames = []
    async with asyncio.timeout(DEADLINE):
        for transceiver in peer.connection.getTransceivers():
            track = transceiver.receiver.track
            assert isinstance(track, MediaStreamTrack)
            frames.append(await track.recv())
    sound, picture = frames
    assert isinstance(sound, AudioFrame)
    assert isinstance(picture, VideoFrame)
    return sound, picture


def with_new_ice(description: str) -> str:
    """The description after an ICE restart of its maker."""
    return re.sub("a=ice-ufrag:.*\r\n", "a=ice-ufrag:restarted\r\n", description)


async def fault_of(attempt: Callable[[], Any]) -> Fault:
    with pytest.raises(GatewayError) as refusal:
        await attempt()
    return refusal.value.fault


async def test_a_publisher_is_seen_by_viewers_whoever_makes_the_offer() -> None:
    async with scene() as call:
        await call.on_air()
        whep, page = await call.peer(), await call.peer()
        answer = await call.server.play(call.pull("whep"), await offer(whep, "recvonly"))
        await whep.accept(answer.sdp)
        await call.watch(page)
        for viewer in (whep, page):
            _, picture = await seen(viewer)
            assert (picture.width, picture.height) == (640, 480)
        assert {name: stats.viewers for name, stats in call.streams.transports.items()} == {"whep": 1, "webrtc": 1}
        assert (call.server.stats.handshakes, call.server.stats.failed) == (3, 0)


async def test_a_viewer_may_be_there_before_the_stream() -> None:
    async with scene() as call:
        page = await call.peer()
        await call.watch(page)
        await call.on_air()
        await seen(page)


async def test_one_port_serves_every_peer() -> None:
    async with scene(announced=("198.51.100.7", HOST)) as call:
        answer = await call.server.publish(call.push(), await offer(await call.peer(), "sendonly"))
        candidates = re.findall(r"a=candidate:\d+ 1 udp \d+ (\S+) (\d+) typ host", answer.sdp)
        assert set(candidates) == {("198.51.100.7", str(call.server.port)), (HOST, str(call.server.port))}


async def test_nothing_is_sent_to_forged_candidates() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim:
        victim.bind((HOST, 0))
        victim.setblocking(False)
        forged = f"a=candidate:9 1 udp 2130706431 {HOST} {victim.getsockname()[1]} typ host\r\na=end-of-candidates\r\n"
        async with scene() as call:
            sent_to: set[Address] = set()

            def watch(data: bytes, address: Address, outgoing: bool) -> bool:
                if outgoing:
                    sent_to.add(address)
                return False

            call.server.udp.impair = watch
            camera = await call.peer()
            described = (await offer(camera, "sendonly")).replace("a=end-of-candidates\r\n", forged)
            answer = await call.server.publish(call.push(), described)
            await camera.accept(answer.sdp)
            await camera.reaches("connected")
            await until(lambda: call.arriving == BOTH_MEDIA, "sound and video")
            assert victim.getsockname() not in sent_to
            with pytest.raises(BlockingIOError):
                victim.recv(1)


async def test_a_publisher_restarts_ice_on_the_connection_that_it_has() -> None:
    async with scene() as call:
        camera = await call.on_air()
        described = with_new_ice(str(camera.connection.localDescription.sdp))
        before = call.server.find(next(iter(call.server.connections)).id).etag
        answer = await call.server.publish(call.push(), described)
        (connection,) = call.server.connections
        assert answer.id == connection.id
        assert answer.etag == connection.etag != before
        again = await call.server.publish(call.push(), described)
        assert again.etag == answer.etag, "the same credentials are no restart"
        packets = call.server.stats.received.packets
        await until(lambda: call.server.stats.received.packets > packets + 10, "more packets")


async def test_a_page_that_was_loaded_anew_takes_its_own_place_at_once() -> None:
    async with scene(MediaSettings(takeover_hold=60.0, takeover_silence=60.0)) as call:
        before, after = await call.on_air(), await call.peer()
        async with asyncio.timeout(2 * DEADLINE):
            await call.publish(after)
        await before.reaches("closed")
        assert len(list(call.server.connections)) == 1
        assert call.arriving == BOTH_MEDIA, "the stream did not go away in between"


async def test_a_fragment_restarts_ice_and_candidates_do_nothing() -> None:
    async with scene() as call:
        camera = await call.peer()
        answer = await call.publish(camera, "whip")
        assert await call.server.patch(answer.id, "a=candidate:1 1 udp 1 203.0.113.9 9 typ host\r\n") is None
        fragment = f"a=ice-ufrag:renewed\r\na=ice-pwd:{'p' * 22}\r\n"
        restarted = await call.server.patch(answer.id, fragment)
        assert restarted is not None
        assert restarted[1] == call.server.find(answer.id).etag != answer.etag
        assert restarted[1].strip('"') in restarted[0]
        assert await call.server.patch(answer.id, fragment) is None


async def test_an_invited_viewer_restarts_by_our_new_offer() -> None:
    async with scene() as call:
        await call.on_air()
        page = await call.peer()
        invitation = await call.watch(page)
        again = await call.server.restart_offer(invitation.id)
        assert again.id == invitation.id
        assert again.etag != invitation.etag
        await call.server.accept(again.id, with_new_ice(str(page.connection.localDescription.sdp)))
        await until(lambda: call.viewers == 1, "one viewer")


async def test_another_connection_cannot_take_over_by_an_answer() -> None:
    async with scene() as call:
        invitation = await call.watch(await call.peer())
        stranger = await call.peer()
        answer = await stranger.answer(invitation.sdp)
        assert await fault_of(lambda: call.server.accept(invitation.id, answer)) is SDP_INVALID


async def test_a_newer_invitation_replaces_the_older_once_it_connects() -> None:
    async with scene() as call:
        await call.on_air()
        before, after = await call.peer(), await call.peer()
        await call.watch(before)
        invitation = await call.server.invite(call.pull())
        assert before.state == "connected"
        await call.server.accept(invitation.id, await after.answer(invitation.sdp))
        await before.reaches("closed")
        await after.reaches("connected")
        await until(lambda: call.viewers == 1, "one viewer")


async def test_of_unanswered_invitations_only_the_newest_counts() -> None:
    async with scene() as call:
        older, newer = await call.server.invite(call.pull()), await call.server.invite(call.pull())
        assert await fault_of(lambda: call.server.accept(older.id, "")) is PEER_NOT_FOUND
        assert call.server.find(newer.id).grant is call.bob.session.playing[STREAM]


async def test_the_end_of_a_grant_ends_its_connections() -> None:
    async with scene() as call:
        camera, page = await call.on_air(), await call.peer()
        await call.watch(page)
        call.lobby.registry.stop(call.bob.session, STREAM, BOTH_MEDIA)
        await page.reaches("closed")
        call.lobby.registry.unpublish(call.ann.session, STREAM, BOTH_MEDIA)
        await camera.reaches("closed")
        assert not list(call.server.connections)


async def test_a_viewer_whose_grant_ended_on_the_way_does_not_get_in() -> None:
    async with scene() as call:
        await call.on_air()
        page = await call.peer()
        invitation = await call.server.invite(call.pull())
        answer = await page.answer(invitation.sdp)
        call.bob.leave(Reason.STOPPED)
        await call.server.accept(invitation.id, answer)
        await page.reaches("closed")
        assert call.server.stats.refusals == {KEY_REVOKED.name: 1}


async def test_a_peer_that_leaves_is_forgotten_and_its_stream_waits() -> None:
    async with scene() as call:
        camera, page = await call.on_air(), await call.peer()
        await call.watch(page)
        await until(lambda: call.viewers == 1, "a viewer")
        await page.connection.close()
        await until(lambda: call.viewers == 0, "nobody")
        await camera.connection.close()
        await until(lambda: not list(call.server.connections), "no connection")
        assert STREAM in call.ann.session.publishing


async def test_a_deleted_connection_ends_its_stream() -> None:
    async with scene() as call:
        camera = await call.peer()
        answer = await call.publish(camera, "whip")
        await until(lambda: call.arriving == BOTH_MEDIA, "sound and video")
        call.server.close(answer.id, deliberate=True)
        await camera.reaches("closed")
        assert not call.arriving
        assert await fault_of(lambda: call.server.patch(answer.id, "")) is PEER_NOT_FOUND


async def test_who_does_not_connect_in_time_loses_its_place() -> None:
    async with scene(connect_deadline=0.2) as call:
        await call.server.publish(call.push(), await offer(await call.peer(), "sendonly"))
        await until(lambda: not list(call.server.connections), "no connection")
        assert (call.server.stats.handshakes, call.server.stats.failed) == (0, 1)
        assert not list(call.streams.ingests())


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda text: "", SDP_INVALID),
        (lambda text: text.replace("a=setup:actpass", "a=setup:passive"), SDP_INVALID),
        (lambda text: text.replace("opus", "speex").replace("VP8", "VP9").replace("H264", "H265"), CODEC_UNSUPPORTED),
        (lambda text: text.replace("sendonly", "inactive"), SDP_INVALID),
    ],
    ids=["nothing", "two servers", "foreign codecs", "nothing to send"],
)
async def test_a_bad_offer_takes_nothing(spoil: Callable[[str], str], fault: Fault) -> None:
    async with scene() as call:
        described = spoil(await offer(await call.peer(), "sendonly"))
        assert await fault_of(lambda: call.server.publish(call.push(), described)) is fault
        assert not list(call.server.connections)
        assert not list(call.streams.ingests())
        assert call.server.stats.refusals == {fault.name: 1}


@pytest.mark.parametrize("transport", ["webrtc", "whip"])
async def test_a_bad_offer_of_another_page_leaves_the_publisher_where_it_was(transport: str) -> None:
    async with scene() as call:
        await call.on_air()
        connections = list(call.server.connections)
        described = (await offer(await call.peer(), "sendonly")).replace("a=setup:actpass", "a=setup:passive")
        assert await fault_of(lambda: call.server.publish(call.push(transport), described)) is SDP_INVALID
        assert list(call.server.connections) == connections
        assert call.arriving == BOTH_MEDIA


async def test_a_publisher_that_the_stream_refuses_leaves_nothing_behind() -> None:
    async with scene(media=MediaSettings(takeover_hold=0.2)) as call:
        await call.on_air()
        books = call.books()
        described = await offer(await call.peer(), "sendonly")
        assert await fault_of(lambda: call.server.publish(call.push("whip"), described)) is ALREADY_PUBLISHING
        assert call.books() == books
        assert call.arriving == BOTH_MEDIA


async def test_a_viewer_whose_offer_is_refused_after_its_turn_leaves_nothing_behind() -> None:
    async with scene() as call:
        described = (await offer(await call.peer(), "recvonly")).replace("a=setup:actpass", "a=setup:passive")
        books = call.books()
        assert await fault_of(lambda: call.server.play(call.pull("whep"), described)) is SDP_INVALID
        assert call.books() == books == [0] * 6


async def test_a_bad_update_leaves_the_publisher_where_it_was() -> None:
    async with scene() as call:
        camera = await call.on_air()
        described = str(camera.connection.localDescription.sdp).replace("a=setup:actpass", "a=setup:passive")
        assert await fault_of(lambda: call.server.publish(call.push(), described)) is SDP_INVALID
        assert camera.state == "connected"
        assert call.arriving == BOTH_MEDIA


async def test_more_peers_than_the_limit_are_refused() -> None:
    async with scene(peers=1) as call:
        await call.server.invite(call.pull())
        assert await fault_of(lambda: call.server.invite(call.push())) is OVERLOADED
        assert call.server.stats.refusals == {TOO_MANY_PEERS: 1}


async def test_the_end_of_the_gateway_is_told_to_everyone() -> None:
    async with scene(handshakes=1) as call:
        camera, page = await call.on_air(), await call.peer()
        await call.watch(page)
        await call.server.invite(call.pull())
        waiting = asyncio.create_task(call.server.invite(call.pull()))
        await until(lambda: call.server.waiting == 1, "someone in the line")
        await call.server.stop(GatewayError(SHUTTING_DOWN))
        await camera.reaches("closed")
        await page.reaches("closed")
        with pytest.raises(GatewayError):
            await waiting
        assert await fault_of(lambda: call.server.invite(call.pull())) is SHUTTING_DOWN
