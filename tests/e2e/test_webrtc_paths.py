"""The ways that media take: through a relay, by each announced address, on one port, and to nobody who did not ask."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import aioice.ice
import httpx
import pytest
from aiortc.rtcicetransport import RTCIceParameters
from aiortc.sdp import SessionDescription

from gateway.app import Gateway
from gateway.config import ListenSettings, WebRtcSettings
from tests.support.dtls_client import DtlsClient, binding_request, receiver_report, rtp_packet
from tests.support.gateway import Client, config, running
from tests.support.media_client import until
from tests.support.rtc_peer import DEADLINE, RtcPeer, rtc_peer
from tests.support.turn import HOST, candidates, relayed_peer, turn_server

SECRET = "shared by gateway and relay"
SDP = {"content-type": "application/sdp"}
FRAGMENT = {"content-type": "application/trickle-ice-sdpfrag"}


async def publish(client: Client, peer: RtcPeer, stream: str, spoil: Callable[[str], str] = str) -> str:
    """Publishes sound through signaling; the gateway's answer, which has been taken."""
    answer = await client.call("publish", streamID=stream, transport="webrtc", sdp=spoil(await peer.offer()))
    await peer.accept(answer["sdp"])
    return str(answer["sdp"])


async def play(client: Client, peer: RtcPeer, stream: str, spoil: Callable[[str], str] = str) -> str:
    """Plays through signaling; the gateway's offer, which has been answered."""
    offer = await client.call("play", streamID=stream, transport="webrtc", wait=True)
    await client.call("answer", streamID=stream, sdp=spoil(await peer.answer(offer["sdp"])))
    return str(offer["sdp"])


async def hears(peer: RtcPeer) -> None:
    """Connects, and gets media."""
    await peer.reaches("connected")
    async with asyncio.timeout(DEADLINE):
        while not await peer.packets_received():  # noqa: ASYNC110 - statistics announce nothing
            await asyncio.sleep(0.02)


# Through a relay


@asynccontextmanager
async def relay(folder: Path, transport: str, secret: str = SECRET, **webrtc: Any) -> AsyncIterator[Gateway]:
    """A gateway that tells its clients of a relay; `secret` is what the gateway believes that they share."""
    async with turn_server(SECRET, folder) as port:
        urls = (f"turn:{HOST}:{port}?transport={transport}",)
        async with running(config(webrtc=WebRtcSettings(turn_urls=urls, turn_secret=secret, **webrtc))) as gateway:
            yield gateway


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_client_that_may_use_a_relay_only_publishes_and_plays(tmp_path: Path, transport: str) -> None:
    async with relay(tmp_path, transport) as gateway, AsyncExitStack() as stack:
        anna, bert = await Client.login(gateway, "anna"), await Client.login(gateway, "bert")
        peers = {}
        for client, own, other in ((anna, "a", "b"), (bert, "b", "a")):
            camera, screen = [await stack.enter_async_context(relayed_peer(client.login_result["iceServers"])) for _ in "cs"]
            await publish(client, camera, own)
            await play(client, screen, other)
            peers[client] = camera, screen
        for camera, screen in peers.values():
            await camera.reaches("connected")
            await hears(screen)
        relays = set()
        for camera, screen in peers.values():
            for peer in (camera, screen):
                found = candidates(str(peer.connection.localDescription.sdp))
                assert {kind for _, _, kind in found} == {"relay"}
                relays |= {(host, port) for host, port, _ in found}
        assert {connection.peer.address for connection in gateway.webrtc.connections} == relays
        assert len(relays) == 4
        for client in peers:
            await client.close()


async def test_credentials_made_with_another_secret_open_no_relay(tmp_path: Path) -> None:
    async with relay(tmp_path, "udp", "not what the relay knows", connect_deadline=0.5) as gateway:
        anna = await Client.login(gateway, "anna")
        async with relayed_peer(anna.login_result["iceServers"]) as camera:
            await publish(anna, camera, "cam")
            assert candidates(str(camera.connection.localDescription.sdp)) == set()
            await until(lambda: not list(gateway.webrtc.connections), "the end of the attempt")
            assert camera.state != "connected"
        assert (gateway.webrtc.stats.handshakes, gateway.webrtc.stats.failed) == (0, 1)
        assert gateway.webrtc.udp.stats.datagrams_in == 0
        await until(lambda: "check_stun_auth" in (tmp_path / "turn.log").read_text(), "the relay's word on it")
        await anna.close()


# By each announced address, on one port


@asynccontextmanager
async def peer_on(host: str) -> AsyncIterator[RtcPeer]:
    """A client whose only address is `host`."""
    async with rtc_peer() as peer:
        with patch.object(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: [host]):
            yield peer


def udp_ports() -> set[int]:
    """The ports of all UDP sockets of this process (Linux)."""
    inodes = set()
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            inodes.add(os.readlink(f"/proc/self/fd/{descriptor}"))
        except FileNotFoundError:  # that of the list itself
            continue
    ports = set()
    for table in ("udp", "udp6"):
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if f"socket:[{fields[9]}]" in inodes:
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


async def test_every_announced_address_is_told_and_all_media_take_one_port() -> None:
    before = udp_ports()
    listen = ListenSettings("0.0.0.0", 0, 0, 0, public_host=HOST)
    settings = config(listen=listen, webrtc=WebRtcSettings(announced=(HOST, "::1")))
    async with running(settings) as gateway, AsyncExitStack() as stack:
        port = gateway.webrtc.port
        clients, own = [], set()
        for number, host in enumerate((HOST, "::1", HOST)):
            client = await Client.login(gateway, f"user {number}")
            camera, screen = [await stack.enter_async_context(peer_on(host)) for _ in "cs"]
            for description in (await publish(client, camera, f"s{number}"), await play(client, screen, f"s{(number + 1) % 3}")):
                assert candidates(description) == {(HOST, port, "host"), ("::1", port, "host")}
            clients.append((client, camera, screen))
        for _, camera, screen in clients:
            await camera.reaches("connected")
            await hears(screen)
            for peer in (camera, screen):
                own |= {number for _, number, _ in candidates(str(peer.connection.localDescription.sdp))}
        assert len(list(gateway.webrtc.connections)) == 6
        assert {str(each.peer.address[0]) for each in gateway.webrtc.connections if each.peer.address} == {HOST, "::1"}
        assert udp_ports() - before - own == {port}
        for client, *_ in clients:
            await client.close()


# To nobody who did not ask


@contextmanager
def bound_socket(family: socket.AddressFamily = socket.AF_INET) -> Iterator[socket.socket]:
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind(("::1" if family == socket.AF_INET6 else HOST, 0))
        sock.setblocking(False)
        yield sock


def heard(sock: socket.socket) -> bool:
    """Whether anything has come."""
    try:
        sock.recv(1)
    except BlockingIOError:
        return False
    return True


def foreign(victims: list[socket.socket]) -> str:
    """Candidate lines of every kind that name somebody else's sockets."""
    lines = []
    for number, victim in enumerate(victims):
        host, port = victim.getsockname()[:2]
        lines += [
            f"a=candidate:{number}1 1 udp 2130706431 {host} {port} typ host",
            f"a=candidate:{number}2 2 UDP 2130706430 {host} {port} typ host",
            f"a=candidate:{number}3 1 udp 1694498815 {host} {port} typ srflx raddr {HOST} rport 9",
            f"a=candidate:{number}4 1 udp 41885439 {host} {port} typ relay raddr {host} rport {port}",
            f"a=candidate:{number}5 1 tcp 1518280447 {host} {port} typ host tcptype passive",
            f"a=remote-candidates:1 {host} {port}",
        ]
    return "".join(f"{line}\r\n" for line in lines)


def forger(victims: list[socket.socket]) -> Callable[[str], str]:
    """Makes a description name the victims wherever it names addresses; its own candidates are gone."""
    host, port = victims[0].getsockname()

    def spoil(description: str) -> str:
        text = re.sub(r"a=candidate:.*\r\n", "", description)
        text = re.sub(r"c=IN IP4 .*", f"c=IN IP4 {host}\r", text)
        text = re.sub(r"(?m)^m=(\w+) \d+", rf"m=\1 {port}", text)
        text = re.sub(r"a=rtcp:.*\r\n", f"a=rtcp:{port} IN IP4 {host}\r\n", text)
        assert "a=end-of-candidates\r\n" in text
        return text.replace("a=end-of-candidates\r\n", f"{foreign(victims)}a=end-of-candidates\r\n")

    return spoil


async def test_nothing_goes_to_addresses_that_descriptions_only_name() -> None:
    with bound_socket() as one, bound_socket() as two, bound_socket(socket.AF_INET6) as six:
        victims = [one, two, six]
        listen = ListenSettings("0.0.0.0", 0, 0, 0, public_host=HOST)
        settings = config(listen=listen, webrtc=WebRtcSettings(announced=(HOST, "::1")))
        async with running(settings) as gateway, rtc_peer() as camera, rtc_peer() as screen, rtc_peer() as whep:
            sent_to = set()

            def note(data: bytes, address: Any, outgoing: bool) -> bool:
                if outgoing:
                    sent_to.add(address[:2])
                return False

            gateway.webrtc.udp.impair = note
            anna, bert = await Client.login(gateway, "anna"), await Client.login(gateway, "bert")
            await publish(anna, camera, "cam", forger(victims))
            await play(bert, screen, "cam", forger(victims))
            key = (await bert.call("play", streamID="cam", transport="whep", wait=True))["urls"][0]["key"]
            async with httpx.AsyncClient(trust_env=False, base_url=gateway.addresses.http) as http:
                bearer = {"authorization": f"Bearer {key}"}
                offer = forger(victims)(await whep.offer(send=False))
                made = await http.post("/whep/cam", content=offer, headers={**SDP, **bearer})
                trickled = await http.patch(made.headers["location"], content=foreign(victims), headers=FRAGMENT)
            assert (made.status_code, trickled.status_code) == (201, 204)
            await whep.accept(made.text)
            await camera.reaches("connected")
            for viewer in (screen, whep):
                await hears(viewer)
            own = set()
            for peer in (camera, screen, whep):
                own |= {(host, port) for host, port, _ in candidates(str(peer.connection.localDescription.sdp))}
            assert sent_to == own
            assert not any(map(heard, victims))
            for client in (anna, bert):
                await client.close()


async def test_nothing_goes_to_an_address_whose_checks_are_not_authentic() -> None:
    async with running() as gateway, rtc_peer() as camera, rtc_peer() as screen:
        anna, bert = await Client.login(gateway, "anna"), await Client.login(gateway, "bert")
        offer = await camera.offer()
        answer = (await anna.call("publish", streamID="cam", transport="webrtc", sdp=offer))["sdp"]
        ours, theirs = ice_of(answer), ice_of(offer)
        username, udp = f"{ours.usernameFragment}:{theirs.usernameFragment}", gateway.webrtc.udp
        honest = binding_request(username, str(ours.password), nominate=True)
        forged = (
            binding_request(username, "p" * 24, nominate=True),
            binding_request(username, str(theirs.password), nominate=True),
            binding_request(f"{ours.usernameFragment}:other", str(ours.password), nominate=True),
            honest[:-1] + bytes([honest[-1] ^ 1]),
        )
        strange = (binding_request(f"nobody:{theirs.usernameFragment}", str(ours.password)), *DtlsClient().take())
        with bound_socket() as liar:
            liar.connect((HOST, gateway.webrtc.port))
            for datagram in (*forged, *strange):
                liar.send(datagram)
            await until(lambda: udp.stats.refused == len(forged), "the refusal of each check")
            await until(lambda: udp.stats.strangers == len(strange), "strangers")
            assert udp.stats.datagrams_out == 0
            await camera.accept(answer)
            await camera.reaches("connected")
            await play(bert, screen, "cam")
            await hears(screen)
            for datagram in (*forged, rtp_packet(1), receiver_report(), *DtlsClient().take()):
                liar.send(datagram)
            await until(lambda: udp.stats.refused == 2 * len(forged), "the refusal of each check")
            before = await screen.packets_received()
            async with asyncio.timeout(DEADLINE):
                while await screen.packets_received() <= before:  # noqa: ASYNC110 - statistics announce nothing
                    await asyncio.sleep(0.02)
            assert not heard(liar)
            liar.send(honest)
            async with asyncio.timeout(DEADLINE):
                answered = await asyncio.get_running_loop().sock_recv(liar, 2048)
            assert answered[:2] == b"\1\1", "the first thing that it is sent is the answer to an honest check"
        for client in (anna, bert):
            await client.close()


def ice_of(description: str) -> RTCIceParameters:
    """The ICE credentials of a description's maker."""
    ice = SessionDescription.parse(description).media[0].ice
    assert ice is not None
    return ice
