"""The WebRTC transport on a real port: aiortc's full client, and a client of the tests' own that can misbehave."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from typing import cast

import pytest

from adapters.webrtc.addresses import Address, Route
from adapters.webrtc.aiortc_internals import Certificate
from adapters.webrtc.peer import Peer, Remote
from adapters.webrtc.udp import UdpPort
from gateway.config import WebRtcSettings
from gateway.errors import GatewayError
from tests.support.dtls_client import DtlsClient, binding_request, receiver_report, rtp_packet
from tests.support.rtc_peer import DEADLINE, answer_to, remote_of, rtc_peer

HOST = "127.0.0.1"
CERTIFICATE = Certificate.generate()


class Listener:
    """Keeps what it hears, for whoever waits for it."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[object] = asyncio.Queue()

    def connected(self) -> None:
        self.heard.put_nowait("connected")

    def rtp(self, data: bytes, now: float) -> None:
        self.heard.put_nowait(data)

    def rtcp(self, data: bytes, now: float) -> None:
        self.heard.put_nowait("report")

    def gone(self, error: GatewayError | None) -> None:
        self.heard.put_nowait(("gone", error))

    async def hears(self, what: object) -> None:
        """Waits for it, whatever comes before. Raises TimeoutError."""
        async with asyncio.timeout(DEADLINE):
            while await self.heard.get() != what:
                pass


class Client:
    """A client on one socket, which does just what it is told."""

    def __init__(self, port: UdpPort, peer: Peer, host: str = HOST, remote: str = "") -> None:
        self.peer = peer
        self.dtls = DtlsClient()
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((host, 0))
        self.socket.connect((remote or host, port.port))

    @property
    def address(self) -> Address:
        address: Address = self.socket.getsockname()
        return address

    def close(self) -> None:
        self.socket.close()

    async def receive(self) -> bytes:
        async with asyncio.timeout(DEADLINE):
            return await asyncio.get_running_loop().sock_recv(self.socket, 2048)

    def remote(self) -> Remote:
        return Remote("them", "p" * 22, self.dtls.fingerprints)

    def send_check(self, *, pwd: str | None = None) -> None:
        self.socket.send(binding_request(f"{self.peer.ufrag}:them", pwd or self.peer.pwd, nominate=True))

    async def check(self) -> None:
        """Proves that it is here, and waits for the answer."""
        self.send_check()
        while (await self.receive())[:2] != b"\1\1":
            pass

    async def connect(self) -> None:
        """Everything up to the keys, sending again what is not answered in time."""
        await self.check()
        flight = self.dtls.take()
        while not self.dtls.connected:
            for datagram in flight:
                self.socket.send(datagram)
            try:
                async with asyncio.timeout(0.3):
                    answers = [await self.receive()]
            except TimeoutError:
                continue
            flight = self.dtls.take(*answers) or flight


@pytest.fixture
async def port() -> AsyncIterator[UdpPort]:
    port = UdpPort((HOST,))
    port.open(HOST, 0)
    yield port
    assert len(port) == 0, "a peer was left behind"
    port.close()


@contextmanager
def new_peer(port: UdpPort) -> Iterator[tuple[Peer, Listener]]:
    listener = Listener()
    peer = Peer(port, CERTIFICATE, listener, WebRtcSettings(), asyncio.get_running_loop().time())
    try:
        yield peer, listener
    finally:
        peer.close()


@pytest.fixture
async def peer(port: UdpPort) -> AsyncIterator[tuple[Peer, Listener]]:
    with new_peer(port) as made:
        yield made


@pytest.fixture
def client(port: UdpPort, peer: tuple[Peer, Listener]) -> Iterator[Client]:
    with closing(Client(port, peer[0])) as client:
        peer[0].expect(client.remote())
        yield client


async def test_a_full_client_sends_media_and_says_farewell(port: UdpPort, peer: tuple[Peer, Listener]) -> None:
    ours, listener = peer
    async with rtc_peer() as client:
        offer = await client.offer()
        ours.expect(remote_of(offer))
        await client.accept(answer_to(offer, ours.ufrag, ours.pwd, ours.fingerprint, port.candidates()))
        await client.reaches("connected")
        await listener.hears("connected")
        async with asyncio.timeout(DEADLINE):
            packet = await listener.heard.get()
        assert isinstance(packet, bytes)
        assert packet[0] >> 6 == 2
    await listener.hears(("gone", None))


async def test_a_full_client_receives_media(port: UdpPort, peer: tuple[Peer, Listener]) -> None:
    ours, listener = peer
    async with rtc_peer() as client:
        offer = await client.offer(send=False)
        ours.expect(remote_of(offer))
        await client.accept(answer_to(offer, ours.ufrag, ours.pwd, ours.fingerprint, port.candidates()))
        await client.reaches("connected")
        await listener.hears("connected")
        async with asyncio.timeout(DEADLINE):
            sequence = 0
            while await client.packets_received() < 10:
                sequence += 1
                ours.send([ours.protect(rtp_packet(sequence, b"\xf8\xff\xfe"))])
                await asyncio.sleep(0.01)


async def test_what_is_forged_gets_no_answer_and_only_who_proved_itself_is_sent_anything(
    port: UdpPort, peer: tuple[Peer, Listener], client: Client
) -> None:
    ours, listener = peer
    sent_to: set[Address] = set()

    def note(data: bytes, address: Address, outgoing: bool) -> bool:
        if outgoing:
            sent_to.add(address)
        return False

    port.impair = note
    with closing(Client(port, ours)) as forger:
        forger.send_check(pwd="not the password at all")
        for datagram in (*forger.dtls.take(), rtp_packet(1), receiver_report(), b"\0", b"?" * 1400):
            forger.socket.send(datagram)
        await client.connect()
        await listener.hears("connected")
        ours.send_rtcp(receiver_report())
        forger.send_check()
        assert (await forger.receive())[:2] == b"\1\1", "the first thing it gets is the answer to its first honest check"
        assert sent_to == {client.address, forger.address}
    assert port.stats.refused == 1
    assert port.stats.strangers == 5


async def test_lost_flights_are_sent_again(port: UdpPort, peer: tuple[Peer, Listener], client: Client) -> None:
    lost: list[bytes] = []

    def lose(data: bytes, address: Address, outgoing: bool) -> bool:
        first_two = 20 <= data[0] <= 63 and outgoing and len(lost) < 2
        if first_two:
            lost.append(data)
        return first_two

    port.impair = lose
    await client.connect()
    await peer[1].hears("connected")
    assert len(lost) == 2


async def test_ice_restarts_from_another_address_while_media_goes_on(
    port: UdpPort, peer: tuple[Peer, Listener], client: Client
) -> None:
    ours, listener = peer
    await client.connect()
    await listener.hears("connected")
    ours.restart_ice(client.remote())
    with closing(Client(port, ours)) as moved:
        await moved.check()
        sending, receiving = client.dtls.sessions()
        moved.socket.send(sending.protect(rtp_packet(1)))
        await listener.hears(rtp_packet(1))
        ours.send([ours.protect(rtp_packet(2))])
        assert receiving.unprotect(await moved.receive()) == rtp_packet(2)


async def test_another_peer_takes_over_an_address(port: UdpPort, peer: tuple[Peer, Listener], client: Client) -> None:
    ours, listener = peer
    await client.connect()
    await listener.hears("connected")
    with new_peer(port) as (other, heard):
        client.peer, client.dtls = other, DtlsClient()
        other.expect(client.remote())
        await client.connect()
        await heard.hears("connected")
        assert ours.address is None
        assert other.address == client.address


async def test_both_families_are_served_on_one_port() -> None:
    port = UdpPort(("127.0.0.1", "::1"))
    port.open("0.0.0.0", 0)
    try:
        for host in ("127.0.0.1", "::1"):
            with new_peer(port) as (peer, listener), closing(Client(port, peer, host)) as client:
                peer.expect(client.remote())
                await client.connect()
                await listener.hears("connected")
        assert {number for _, number in port.candidates()} == {port.port}
    finally:
        port.close()


class _NoSegmentation:
    """A socket whose network card cannot segment."""

    def __init__(self, sock: socket.socket) -> None:
        self.sendto = sock.sendto
        self.attempts = 0

    def sendmsg(self, *arguments: object) -> int:
        self.attempts += 1
        raise OSError(errno.EIO, "no segmentation")


@pytest.mark.parametrize("segmenting", [True, False])
async def test_many_datagrams_arrive_one_by_one_and_in_order(port: UdpPort, client: Client, segmenting: bool) -> None:
    sock = port._sockets[0]
    card = _NoSegmentation(sock)
    route = Route(client.address, sock if segmenting else cast(socket.socket, card))
    datagrams = [bytes([number]) * 1100 for number in range(1, 71)] + [b"short", b"tail", b"x" * 1200]
    for _ in range(2):
        assert port.send(datagrams, route) == len(datagrams)
        assert [await client.receive() for _ in datagrams] == datagrams
    assert card.attempts == (0 if segmenting else 1)


async def test_a_full_kernel_buffer_loses_nothing_silently(port: UdpPort, client: Client) -> None:
    class Full:
        def sendto(self, data: bytes, address: Address) -> int:
            if data == b"second":
                raise BlockingIOError(errno.EAGAIN, "full")
            return len(data)

    before = port.stats.datagrams_out
    assert port.send([b"1", b"second", b"the third one"], Route(client.address, cast(socket.socket, Full()))) == 1
    assert port.stats.not_taken == 2
    assert port.stats.datagrams_out == before + 1


async def test_an_address_without_a_route_costs_nothing(port: UdpPort) -> None:
    assert port.send([b"lost", b"lost"], Route(("255.255.255.255", 9), port._sockets[0])) == 2
    assert port.stats.send_errors == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
async def test_each_announced_address_answers_by_itself(host: str) -> None:
    port = UdpPort(("127.0.0.1", "127.0.0.2"))
    port.open("0.0.0.0", 0)
    try:
        with new_peer(port) as (peer, listener), closing(Client(port, peer, HOST, host)) as client:
            peer.expect(client.remote())
            await client.connect()
            await listener.hears("connected")
            peer.send([peer.protect(rtp_packet(1))])
            assert client.dtls.sessions()[1].unprotect(await client.receive()) == rtp_packet(1)
    finally:
        port.close()
