"""One peer from its first check to its end, by a client's half without I/O and a port without sockets."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import cast

import pytest

from adapters.webrtc.addresses import Address, Route
from adapters.webrtc.aiortc_internals import Certificate, Fingerprint
from adapters.webrtc.peer import Peer, Remote
from adapters.webrtc.udp import UdpPort
from gateway.config import WebRtcSettings
from gateway.errors import CONNECT_FAILED, INTERNAL_ERROR, GatewayError
from tests.support.dtls_client import DtlsClient, binding_request, receiver_report, rtp_packet

CERTIFICATE = Certificate.generate()
SETTINGS = WebRtcSettings(connect_deadline=10, consent_timeout=45)
HERE, THERE = ("192.0.2.1", 4000), ("192.0.2.2", 5000)


@dataclass
class Listener:
    """Notes what it hears."""

    heard: list[object] = field(default_factory=list)
    fails: bool = False

    def connected(self) -> None:
        self.heard.append("connected")

    def rtp(self, data: bytes, now: float) -> None:
        if self.fails:
            raise ValueError("a mistake")
        self.heard.append(data)

    def rtcp(self, data: bytes, now: float) -> None:
        self.heard.append(data)

    def gone(self, error: GatewayError | None) -> None:
        self.heard.append(error.fault if error else None)


class Scene:
    """A port, a peer on it, and the client that it belongs to."""

    def __init__(self, *, expected: bool = True) -> None:
        self.port = UdpPort()
        self.port.impair = self._note
        self.sent: list[tuple[bytes, Address]] = []
        self.listener = Listener()
        self.client = DtlsClient()
        self.peer = Peer(self.port, CERTIFICATE, self.listener, SETTINGS, 0)
        if expected:
            self.peer.expect(self.remote())

    def _note(self, data: bytes, address: Address, outgoing: bool) -> bool:
        if outgoing:
            self.sent.append((data, address))
        return outgoing

    def remote(self, fingerprints: tuple[Fingerprint, ...] | None = None) -> Remote:
        return Remote("them", "p" * 22, self.client.fingerprints if fingerprints is None else fingerprints)

    def taken(self) -> list[bytes]:
        """What was sent since the last time."""
        datagrams = [data for data, _ in self.sent]
        self.sent.clear()
        return datagrams

    def receive(self, data: bytes, address: Address, now: float = 0) -> None:
        self.port.receive(data, Route(address, cast(socket.socket, None)), now)

    def check(self, address: Address = HERE, now: float = 0, pwd: str | None = None) -> None:
        request = binding_request(f"{self.peer.ufrag}:them", pwd or self.peer.pwd, nominate=True)
        self.receive(request, address, now)

    def connect(self) -> Scene:
        self.check()
        self.taken()
        flight = self.client.take()
        while flight and not self.peer.connected:
            for datagram in flight:
                self.receive(datagram, HERE, 0)
            flight = self.client.take(*self.taken())
        return self

    def closed(self) -> bool:
        """Nothing of the peer is left in the port."""
        return len(self.port) == 0 and self.peer.address is None and not self.peer.connected


def test_media_comes_and_goes_once_the_handshake_is_done() -> None:
    scene = Scene().connect()
    sending, receiving = scene.client.sessions()
    scene.receive(sending.protect(rtp_packet(1)), HERE, 7)
    scene.receive(sending.protect_rtcp(receiver_report()), HERE, 8)
    assert scene.listener.heard == ["connected", rtp_packet(1), receiver_report()]
    assert scene.peer.last_heard == 8
    scene.taken()
    assert scene.peer.send([scene.peer.protect(rtp_packet(2))]) == 1
    scene.peer.send_rtcp(receiver_report())
    packet, report = scene.taken()
    assert receiving.unprotect(packet) == rtp_packet(2)
    assert receiving.unprotect_rtcp(report) == receiver_report()


def test_a_peer_is_silent_until_its_description_is_known() -> None:
    scene = Scene(expected=False)
    scene.check()
    scene.peer.send_rtcp(receiver_report())
    assert scene.taken() == []
    assert scene.port.stats.refused == 1
    scene.peer.expect(scene.remote())
    assert "connected" in scene.connect().listener.heard


def test_a_forged_check_teaches_nothing() -> None:
    scene = Scene()
    scene.check(THERE, pwd="not the password at all")
    for datagram in scene.client.take():
        scene.receive(datagram, THERE, 0)
    assert scene.sent == []
    assert scene.peer.address is None


def test_what_is_forged_or_repeated_is_counted_and_not_heard() -> None:
    scene = Scene().connect()
    packet = scene.client.sessions()[0].protect(rtp_packet(1))
    for data in (packet, packet, packet[:-1] + b"?", b"\x80", b"\x80\xc8", b"\x45?", rtp_packet(9)):
        scene.receive(data, HERE, 0)
    assert scene.listener.heard == ["connected", rtp_packet(1)]
    assert scene.port.stats.unreadable == 6


def test_sources_of_one_peer_are_bounded() -> None:
    scene = Scene().connect()
    sending, _ = scene.client.sessions()
    for ssrc in range(200):
        scene.receive(sending.protect(rtp_packet(1, ssrc=ssrc)), HERE, 0)
    assert len(scene.listener.heard) == 1 + 64
    scene.receive(sending.protect(rtp_packet(2, ssrc=0)), HERE, 0)
    assert scene.listener.heard[-1] == rtp_packet(2, ssrc=0)


def test_a_flood_beside_the_media_is_not_dealt_with() -> None:
    scene = Scene().connect()
    for _ in range(1000):
        scene.check()
    assert len(scene.taken()) < 100
    scene.peer.sweep(1)
    scene.check()
    assert len(scene.taken()) == 1
    for _ in range(1000):
        scene.check(pwd="not the password at all")
    scene.receive(scene.client.sessions()[0].protect(rtp_packet(1)), HERE, 0)
    assert scene.listener.heard[-1] == rtp_packet(1)


def test_forged_dtls_does_not_starve_checks() -> None:
    for scene in (Scene(), Scene().connect()):
        scene.check()
        scene.taken()
        for _ in range(1000):
            scene.receive(b"\x17\xfe\xfd", HERE)
        scene.check()
        assert len(scene.taken()) == 1


def test_a_lost_end_of_the_handshake_is_sent_again_though_some_send_a_datagram_for_each_message() -> None:
    scene = Scene().connect()
    scene.peer.sweep(1)
    unread = scene.port.stats.unreadable
    for _ in range(8):
        scene.receive(b"\x16\xfe\xfd", HERE)
    assert scene.port.stats.unreadable == unread
    for _ in range(100):
        scene.receive(b"\x16\xfe\xfd", HERE)
    assert scene.port.stats.unreadable > unread + 80


def test_a_forged_source_address_takes_forging_on_and_on() -> None:
    scene = Scene().connect()
    session = scene.client.sessions()[0]
    scene.check(THERE, 1)
    for second in range(2, 60):
        scene.receive(session.protect_rtcp(receiver_report()), HERE, second)
        scene.peer.sweep(second)
        scene.sent.clear()
        scene.peer.send_rtcp(receiver_report())
        assert [address for _, address in scene.sent] == [THERE if second < 10 else HERE]
    assert scene.peer.connected


def test_after_consent_has_ended_the_next_check_brings_the_media_back() -> None:
    scene = Scene().connect()
    scene.peer.sweep(31)
    scene.taken()
    scene.peer.send_rtcp(receiver_report())
    assert scene.taken() == []
    assert scene.peer.connected
    scene.port.receive(binding_request(f"{scene.peer.ufrag}:them", scene.peer.pwd), Route(HERE, cast(socket.socket, None)), 40)
    scene.taken()
    scene.peer.send_rtcp(receiver_report())
    assert len(scene.taken()) == 1


def test_keys_that_are_not_there_protect_nothing() -> None:
    with pytest.raises(RuntimeError):
        Scene().peer.protect(rtp_packet(1))


def test_a_handshake_that_takes_too_long_ends_it() -> None:
    scene = Scene()
    scene.check()
    scene.peer.sweep(10)
    assert scene.listener.heard == []
    scene.peer.sweep(10.1)
    scene.peer.sweep(11)
    assert scene.listener.heard == [CONNECT_FAILED]
    assert scene.closed()


def test_another_certificate_than_described_ends_it() -> None:
    scene = Scene(expected=False)
    scene.peer.expect(scene.remote((Fingerprint("sha-256", "00"),)))
    scene.check()
    scene.taken()
    flight = scene.client.take()
    for _ in range(2):
        for datagram in flight:
            scene.receive(datagram, HERE, 0)
        flight = scene.client.take(*scene.taken())
    assert scene.listener.heard == [CONNECT_FAILED]
    assert scene.closed()


def test_twenty_seconds_of_silence_are_survived_and_no_consent_is_not() -> None:
    scene = Scene().connect()
    scene.peer.sweep(20)
    assert scene.peer.connected
    scene.check(now=20)
    scene.peer.sweep(65)
    assert scene.peer.connected
    scene.taken()
    scene.peer.sweep(65.1)
    assert scene.listener.heard == ["connected", CONNECT_FAILED]
    assert scene.taken() == [], "without consent not even a farewell is sent"
    assert scene.closed()


def test_one_that_sends_authentic_media_and_no_checks_stays() -> None:
    scene = Scene().connect()
    session = scene.client.sessions()[0]
    for second in range(0, 120, 40):
        scene.receive(session.protect(rtp_packet(second)), HERE, second)
        scene.peer.sweep(second + 40)
    assert scene.peer.connected
    scene.receive(b"\x80" + bytes(40), HERE, 125)
    scene.peer.sweep(126)
    assert scene.listener.heard[-1] is CONNECT_FAILED, "what is not authentic does not count"


def test_the_peers_farewell_ends_it_without_an_error() -> None:
    scene = Scene().connect()
    for datagram in scene.client.close():
        scene.receive(datagram, HERE, 0)
    assert scene.listener.heard == ["connected", None]
    assert scene.closed()


def test_closing_tells_the_peer_and_nobody_else() -> None:
    scene = Scene().connect()
    scene.taken()
    scene.peer.close()
    scene.peer.close()
    assert scene.client.was_told_the_end(*scene.taken())
    assert scene.listener.heard == ["connected"]
    assert scene.closed()
    scene.peer.send_rtcp(receiver_report())
    assert scene.peer.send([b"late"]) == 1
    assert scene.sent == []


def test_our_own_mistake_ends_that_peer_alone() -> None:
    scene = Scene().connect()
    scene.listener.fails = True
    scene.receive(scene.client.sessions()[0].protect(rtp_packet(1)), HERE, 0)
    assert scene.listener.heard == ["connected", INTERNAL_ERROR]
    assert scene.closed()


def test_the_last_nominated_address_gets_everything() -> None:
    scene = Scene().connect()
    scene.check(THERE)
    scene.sent.clear()
    scene.peer.send_rtcp(receiver_report())
    assert [address for _, address in scene.sent] == [THERE]


def test_an_address_that_another_peer_took_over_is_not_sent_to() -> None:
    scene = Scene().connect()
    other = Peer(scene.port, CERTIFICATE, Listener(), SETTINGS, 0)
    other.expect(scene.remote())
    scene.receive(binding_request(f"{other.ufrag}:them", other.pwd), HERE, 1)
    scene.taken()
    scene.peer.send_rtcp(receiver_report())
    assert scene.taken() == []
    scene.check(THERE, 2)
    scene.sent.clear()
    scene.peer.send_rtcp(receiver_report())
    assert [address for _, address in scene.sent] == [THERE]


@pytest.mark.parametrize("ours", [True, False])
def test_ice_restarts_while_media_goes_on(ours: bool) -> None:
    scene = Scene().connect()
    old = scene.peer.ufrag, scene.peer.pwd
    if ours:
        scene.peer.restart_ice()
        scene.peer.expect(scene.remote())
    else:
        scene.peer.restart_ice(scene.remote())
    assert scene.peer.ufrag != old[0]
    scene.receive(binding_request(f"{old[0]}:them", old[1]), HERE, 1)
    assert len(scene.taken()) > 0, "the old name serves until the new one is used"
    scene.check(THERE, 2)
    assert scene.peer.address == THERE
    scene.receive(scene.client.sessions()[0].protect(rtp_packet(1)), THERE, 3)
    assert scene.listener.heard == ["connected", rtp_packet(1)]
    scene.taken()
    scene.receive(binding_request(f"{old[0]}:them", old[1]), HERE, 4)
    assert scene.taken() == []
    scene.peer.close()
    assert scene.closed()
