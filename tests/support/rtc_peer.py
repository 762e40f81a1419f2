"""A real WebRTC client for tests: aiortc's RTCPeerConnection with its own full ICE, and descriptions that answer it.

It lives on loopback, which aioice leaves out otherwise. What a gateway answers is made here of the client's offer, so that a
transport can be tested without the gateway's own negotiation.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from unittest.mock import patch

import aioice.ice
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from aiortc.rtcconfiguration import RTCBundlePolicy
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.rtcicetransport import RTCIceCandidate, RTCIceParameters
from aiortc.sdp import SessionDescription

from adapters.webrtc.aiortc_internals import Fingerprint
from adapters.webrtc.peer import Remote

DEADLINE = 20.0
"""Seconds for which a client waits for anything."""
_REVERSED = {"sendonly": "recvonly", "recvonly": "sendonly", "sendrecv": "sendrecv", "inactive": "inactive"}


class RtcPeer:
    """One peer connection of a client. It sends silence, or waits for what comes."""

    def __init__(self, connection: RTCPeerConnection) -> None:
        self.connection = connection

    @property
    def state(self) -> str:
        """`connected`, `failed`, `closed` and so on."""
        return str(self.connection.connectionState)

    async def offer(self, *, send: bool = True) -> str:
        """Offers one audio track, to send or to receive."""
        if send:
            self.connection.addTrack(AudioStreamTrack())
            self.connection.getTransceivers()[0].direction = "sendonly"
        else:
            self.connection.addTransceiver("audio", direction="recvonly")
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return str(self.connection.localDescription.sdp)

    async def accept(self, answer: str) -> None:
        """Takes the answer to `offer`, and connects."""
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def answer(self, offer: str) -> str:
        """Answers somebody else's offer, and connects."""
        await self.connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        return str(self.connection.localDescription.sdp)

    async def reaches(self, state: str) -> None:
        """Waits until the connection is in `state`. Raises TimeoutError."""
        changed = asyncio.Event()
        self.connection.on("connectionstatechange", changed.set)
        async with asyncio.timeout(DEADLINE):
            while self.state != state:
                changed.clear()
                await changed.wait()

    async def packets_received(self) -> int:
        """RTP packets that came through so far."""
        report = await self.connection.getStats()
        return sum(each.packetsReceived for each in report.values() if each.type == "inbound-rtp")


@asynccontextmanager
async def rtc_peer() -> AsyncIterator[RtcPeer]:
    """A client whose only address is 127.0.0.1."""
    configuration = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
    with patch.object(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"] if use_ipv4 else []):
        connection = RTCPeerConnection(configuration)
        try:
            yield RtcPeer(connection)
        finally:
            await connection.close()


def remote_of(description: str) -> Remote:
    """What a description tells of its maker's transport."""
    media = SessionDescription.parse(description).media[0]
    assert media.dtls is not None
    assert media.ice is not None
    prints = tuple(Fingerprint(each.algorithm, each.value) for each in media.dtls.fingerprints)
    return Remote(str(media.ice.usernameFragment), str(media.ice.password), prints)


def answer_to(offer: str, ufrag: str, pwd: str, fingerprint: Fingerprint, candidates: Sequence[tuple[str, int]]) -> str:
    """The answer of an ICE-lite agent that takes all that is offered, and is the DTLS server."""
    session = SessionDescription.parse(offer)
    session.type = "answer"
    for media in session.media:
        media.direction = _REVERSED[media.direction or "sendrecv"]
        media.ssrc, media.ssrc_group, media.msid = [], [], None
        media.rtcp_port, media.rtcp_host, media.rtcp_mux = 9, "0.0.0.0", True
        media.ice = RTCIceParameters(usernameFragment=ufrag, password=pwd, iceLite=True)
        media.ice_candidates = [_candidate(host, port) for host, port in candidates]
        media.ice_candidates_complete = True
        media.dtls = RTCDtlsParameters([RTCDtlsFingerprint(*fingerprint)], role="server")
    return str(session).replace("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n", 1)


def _candidate(host: str, port: int) -> RTCIceCandidate:
    return RTCIceCandidate(component=1, foundation="1", ip=host, port=port, priority=2130706431, protocol="udp", type="host")
