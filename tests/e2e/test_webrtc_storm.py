"""Many who join at once while a call runs: the call goes on, who finds no place is told when to come again, nothing is left."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest

from adapters.media.h264 import parse_config
from adapters.media.units import VideoUnit
from adapters.webrtc import rtp
from adapters.webrtc.counters import TOO_MANY_OF_ADDRESS, TOO_MANY_PEERS, TOO_MANY_WAITING, WAITED_TOO_LONG
from adapters.webrtc.depacketizer import H264Depacketizer
from adapters.webrtc.ice import ice_chars
from adapters.webrtc.packetizer import h264_payloads
from adapters.webrtc.server import WebRtcServer
from gateway.app import Gateway
from gateway.auth.access import Action
from gateway.auth.stream_keys import NONCE_BYTES, KeySigner
from gateway.config import ListenSettings, WebRtcSettings
from tests.support.dtls_client import DtlsClient, binding_request
from tests.support.gateway import APP, SECRET, Client, RemoteError, config, running
from tests.support.media_client import until
from tests.support.rtc_peer import DEADLINE
from tests.support.stamps import FPS, GOP, number_of, numbered
from tests.support.streams import VIDEO_CONFIG

pytestmark = pytest.mark.alone

HOST = "127.0.0.1"
OVERLOADED = 1803002
STORM = 150
FROM_ONE_ADDRESS = 50
"""Of the storm: the others have an address each."""
PER_ADDRESS = 5
HANDSHAKES = 4
LINE = 16
SEEN = 3
"""Pictures that a newcomer waits for before it leaves."""
_RESEND = 0.3
"""Seconds after which a client sends again what was not answered."""
_H264 = 102
_SSRC = 7
_SETS = parse_config(VIDEO_CONFIG)


class LightPeer(asyncio.DatagramProtocol):
    """A WebRTC client of one H.264 track, reduced to what it takes: a check, DTLS, SRTP. It asks for nothing again."""

    def __init__(self, direction: str) -> None:
        """`direction`: `sendonly` or `recvonly`."""
        self.numbers: list[int] = []
        """Of the pictures that came, in order."""
        self.sequences: list[int] = []
        """Of the packets of pictures that came, in order."""
        self.first_is_key = False
        self._direction = direction
        self._ufrag, self._pwd = ice_chars(os.urandom(6)), ice_chars(os.urandom(18))
        self._dtls = DtlsClient()
        self._flight: list[bytes] = []
        self._connected = asyncio.Event()
        self._news = asyncio.Event()
        self._pictures = H264Depacketizer()
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def offer(self) -> str:
        fingerprint = next(one for one in self._dtls.fingerprints if one.algorithm == "sha-256")
        lines = (
            "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0", f"m=video 9 UDP/TLS/RTP/SAVPF {_H264}",
            "c=IN IP4 0.0.0.0", "a=mid:0", f"a={self._direction}", "a=rtcp-mux", "a=setup:actpass",
            f"a=ice-ufrag:{self._ufrag}", f"a=ice-pwd:{self._pwd}", f"a=fingerprint:sha-256 {fingerprint.value}",
            f"a=rtpmap:{_H264} H264/90000", f"a=fmtp:{_H264} packetization-mode=1;profile-level-id=42e01f",
        )  # fmt: skip
        return "".join(f"{line}\r\n" for line in lines)

    async def connect(self, answer: str) -> None:
        """Connects with the answer to `offer`. Raises TimeoutError."""
        ufrag, pwd, port = (
            found[1] for found in (re.search(f"a={what}", answer) for what in
                                   (r"ice-ufrag:(\S+)", r"ice-pwd:(\S+)", r"candidate:.* (\d+) typ host")) if found
        )  # fmt: skip
        loop = asyncio.get_running_loop()
        self._flight = [binding_request(f"{ufrag}:{self._ufrag}", pwd, nominate=True)]
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=(HOST, int(port)))
        async with asyncio.timeout(DEADLINE):
            while not self._connected.is_set():
                self._send(*self._flight)
                try:
                    await asyncio.wait_for(self._connected.wait(), _RESEND)
                except TimeoutError:
                    continue

    def datagram_received(self, data: bytes, addr: object) -> None:
        if data[:2] == b"\1\1" and not self._connected.is_set():
            self._flight = self._dtls.take()
            self._send(*self._flight)
        elif 20 <= data[0] <= 63 and not self._connected.is_set():
            self._flight = self._dtls.take(data) or self._flight
            self._send(*self._flight)
            if self._dtls.connected:
                self._out, self._in = self._dtls.sessions()
                self._connected.set()
        elif data[0] >= 128 and self._connected.is_set() and not rtp.is_rtcp(data):
            self._take(rtp.parse(self._in.unprotect(data)))

    def send_picture(self, unit: VideoUnit, sequence: int) -> int:
        """Sends a picture; the sequence number that follows."""
        payloads = h264_payloads(unit.payload, parameter_sets=(*_SETS.sps, *_SETS.pps) if unit.keyframe else ())
        for payload in payloads:
            last = payload is payloads[-1]
            packet = rtp.build(_H264, last, sequence & 0xFFFF, unit.timestamp * 90, _SSRC, payload)
            self._send(self._out.protect(packet))
            sequence += 1
        return sequence

    async def sees(self, count: int) -> None:
        """Waits until so many pictures have come in all. Raises TimeoutError."""
        async with asyncio.timeout(DEADLINE):
            while len(self.numbers) < count:
                self._news.clear()
                await self._news.wait()

    def leave(self, *, farewell: bool) -> None:
        """Goes away, with a word of DTLS or without."""
        if self._transport is not None:
            if farewell:
                self._send(*self._dtls.close())
            self._transport.close()

    def _take(self, packet: rtp.RtpPacket) -> None:
        if packet.payload_type != _H264:
            return
        self.sequences.append(packet.sequence)
        for frame in self._pictures.push(packet):
            self.first_is_key = self.first_is_key or (not self.numbers and frame.keyframe)
            self.numbers.append(number_of(VideoUnit(0, frame.payload, frame.keyframe)))
            self._news.set()

    def _send(self, *datagrams: bytes) -> None:
        if self._transport is not None:
            for datagram in datagrams:
                self._transport.sendto(datagram)


def continuous(peer: LightPeer) -> bool:
    """Every packet and every picture since the first came, once and in order."""
    steps = {(after - before) & 0xFFFF for before, after in itertools.pairwise(peer.sequences)}
    return steps == {1} and {after - before for before, after in itertools.pairwise(peer.numbers)} == {1} and peer.first_is_key


class Call:
    """A gateway, someone who publishes numbered pictures, someone who watches them, and a door for others."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.camera, self.screen = LightPeer("sendonly"), LightPeer("recvonly")
        self.sent = 0
        """Pictures so far."""
        self._signer = KeySigner(SECRET)

    @property
    def server(self) -> WebRtcServer:
        return self.gateway.webrtc

    @property
    def refusals(self) -> Counter[str]:
        return self.server.stats.refusals

    def key(self, action: Action, stream: str = "cam") -> str:
        """A key of a guest's own, who has no session."""
        until, nonce = time.time() + 3600, os.urandom(NONCE_BYTES)
        return self._signer.sign(APP, action, stream, grant_id=None, user="guest", expires_at=until, nonce=nonce).reveal()

    async def post(
        self, http: httpx.AsyncClient, peer: LightPeer, address: str = HOST, *, whip: bool = False, stream: str = "cam"
    ) -> httpx.Response:
        """Asks over WHEP or WHIP as a client of this address."""
        path, action = ("whip", Action.PUBLISH) if whip else ("whep", Action.PLAY)
        bearer = {"authorization": f"Bearer {self.key(action, stream)}", "x-forwarded-for": address}
        return await http.post(f"/{path}/{stream}", content=peer.offer, headers={"content-type": "application/sdp", **bearer})

    async def send(self) -> None:
        """Sends pictures in real time until it is cancelled."""
        loop, sequence = asyncio.get_running_loop(), 0
        begin = loop.time()
        while True:
            at = self.sent * 1000 // FPS
            await asyncio.sleep(begin + at / 1000 - loop.time())
            sequence = self.camera.send_picture(numbered(self.sent, at, keyframe=self.sent % GOP == 0), sequence)
            self.sent += 1

    def registrations(self) -> dict[str, object]:
        """All that the gateway keeps of anybody, as numbers that can be compared."""
        now, server = self.gateway.snapshot(), self.server
        house, udp, admission = server._house, server.udp, server._admission
        books: dict[str, Collection[object]] = {
            "connections": house.connections, "publishing": house.publishing, "playing": house.playing, "named": udp._named,
            "bound": udp._bound, "addresses": udp._addresses, "tickets": admission._tickets, "line": admission._line,
            "of address": admission._of_address,
        }  # fmt: skip
        return {name: len(book) for name, book in books.items()} | {
            "handshakes": admission.shaking, "waiting": server.waiting, "peers": now.webrtc.peers, "grants": now.grants,
            "viewers": now.viewers, "publishers": now.publishers, "streams": now.streams, "sockets": now.sockets,
            "sessions": now.sessions, "timers": now.timers, "tasks": now.tasks, "descriptors": len(os.listdir("/proc/self/fd")),
        }  # fmt: skip


def client(gateway: Gateway) -> httpx.AsyncClient:
    """HTTP with as many connections as there are requests."""
    limits = httpx.Limits(max_connections=None)
    return httpx.AsyncClient(trust_env=False, base_url=gateway.addresses.http, timeout=3 * DEADLINE, limits=limits)


@asynccontextmanager
async def calling(**webrtc: Any) -> AsyncIterator[Call]:
    """A call that runs. Everyone from loopback is a proxy, so that clients may have any address."""
    listen = ListenSettings(HOST, 0, 0, 0, public_host=HOST, trusted_proxies=(HOST,))
    async with running(config(listen=listen, webrtc=WebRtcSettings(**webrtc))) as gateway:
        call = Call(gateway)
        async with client(gateway) as http:
            made = await call.post(http, call.camera, whip=True)
            await call.camera.connect(made.text)
            sending = asyncio.create_task(call.send())
            await until(lambda: gateway.snapshot().streams == {"on air": 1}, "the stream")
            made = await call.post(http, call.screen)
        await call.screen.connect(made.text)
        await call.screen.sees(GOP)
        try:
            yield call
        finally:
            sending.cancel()
            for peer in (call.camera, call.screen):
                peer.leave(farewell=True)


def told_to_come_again(response: httpx.Response) -> str:
    """A refusal that says when; what it says of why."""
    body = json.loads(response.text)
    assert (response.status_code, body["code"], body["name"], body["retry"]) == (503, OVERLOADED, "OVERLOADED", "after")
    assert body["afterMs"] > 0
    assert int(response.headers["retry-after"]) * 1000 >= body["afterMs"]
    return str(body["message"])


class Storm:
    """One storm: everyone asks at once. Nobody connects before the line is full and the one address has too many."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.outcomes: Counter[str] = Counter()
        self.most_of_one_address = 0
        """Unconnected peers of that address at once."""
        self._before = Counter(call.refusals)
        self._full = asyncio.Event()

    @property
    def refused(self) -> Counter[str]:
        """By reason, in this storm."""
        return self.call.refusals - self._before

    async def rage(self) -> None:
        async with client(self.call.gateway) as http, asyncio.TaskGroup() as everyone:
            for number in range(STORM):
                address = "203.0.113.1" if number < FROM_ONE_ADDRESS else f"198.51.100.{number}"
                everyone.create_task(self._join(http, number, address))

    async def _join(self, http: httpx.AsyncClient, number: int, address: str) -> None:
        peer = LightPeer("recvonly")
        response = await self.call.post(http, peer, address)
        unconnected = [one for one in self.call.server.connections if one.state == "connecting"]
        here = sum(one.request.client == "203.0.113.1" for one in unconnected)
        self.most_of_one_address = max(self.most_of_one_address, here)
        if self.refused[TOO_MANY_WAITING] and self.refused[TOO_MANY_OF_ADDRESS]:
            self._full.set()
        if response.status_code != 201:
            told_to_come_again(response)
            self.outcomes["refused"] += 1
            return
        async with asyncio.timeout(DEADLINE):
            await self._full.wait()
        try:
            await peer.connect(response.text)
            await peer.sees(SEEN)
            assert continuous(peer), (peer.numbers, peer.sequences)
            if number % 2:
                assert (await http.delete(response.headers["location"])).status_code == 200
        finally:
            peer.leave(farewell=not number % 2)
        self.outcomes["joined"] += 1


async def test_a_storm_of_newcomers_costs_a_running_call_no_picture_and_leaves_nothing() -> None:
    limits = {"handshakes": HANDSHAKES, "waiting": LINE, "waiting_deadline": 30.0, "unconnected_per_address": PER_ADDRESS}
    async with calling(**limits) as call:
        before = call.registrations()
        for _ in range(3):
            storm = Storm(call)
            seen = len(call.screen.numbers)
            await storm.rage()
            await until(lambda: call.registrations() == before, "the end of all that it brought")
            assert storm.outcomes.total() == STORM
            assert storm.outcomes["joined"] >= HANDSHAKES + LINE
            assert storm.outcomes["refused"] == storm.refused.total()
            assert set(storm.refused) == {TOO_MANY_WAITING, TOO_MANY_OF_ADDRESS}
            assert 0 < storm.most_of_one_address <= PER_ADDRESS
            await call.screen.sees(seen + 2 * GOP)
        await call.screen.sees(call.sent - call.screen.numbers[0])
        assert continuous(call.screen)
        assert call.server.stats.failed == 0
        assert call.server.stats.received.lost == 0


async def test_one_address_has_only_so_many_that_are_not_connected() -> None:
    async with calling(unconnected_per_address=PER_ADDRESS) as call, client(call.gateway) as http, AsyncExitStack() as stack:
        before = call.refusals[TOO_MANY_OF_ADDRESS]
        peers = [LightPeer("recvonly") for _ in range(2 * PER_ADDRESS)]
        answers = await asyncio.gather(*(call.post(http, peer, "203.0.113.1") for peer in peers))
        admitted = [one for one in zip(peers, answers, strict=True) if one[1].status_code == 201]
        assert len(admitted) == PER_ADDRESS
        for answer in answers:
            assert answer.status_code == 201 or "address" in told_to_come_again(answer)
        assert call.refusals[TOO_MANY_OF_ADDRESS] - before == PER_ADDRESS
        assert (await call.post(http, LightPeer("recvonly"), "203.0.113.2")).status_code == 201, "others are not concerned"
        (connecting, answer), (_, other), *_ = admitted
        stack.callback(connecting.leave, farewell=True)
        await connecting.connect(answer.text)
        await connecting.sees(SEEN)
        assert (await http.delete(other.headers["location"])).status_code == 200
        for _ in range(2):
            assert (await call.post(http, LightPeer("recvonly"), "203.0.113.1")).status_code == 201
        told_to_come_again(await call.post(http, LightPeer("recvonly"), "203.0.113.1"))


REFUSED: dict[str, dict[str, Any]] = {
    TOO_MANY_PEERS: {"peers": 3},
    TOO_MANY_WAITING: {"handshakes": 1, "waiting": 1, "waiting_deadline": 0.8},
    WAITED_TOO_LONG: {"handshakes": 1, "waiting_deadline": 0.1},
    TOO_MANY_OF_ADDRESS: {"unconnected_per_address": 1},
}
"""The settings under which newcomers of one address meet a refusal while nobody connects."""


@pytest.mark.parametrize("reason", REFUSED)
@pytest.mark.parametrize("way", ["whip", "whep", "signaling"])
async def test_every_refusal_says_when_to_come_again(reason: str, way: str) -> None:
    async with calling(**REFUSED[reason]) as call, client(call.gateway) as http:
        users = [await Client.login(call.gateway, f"user {number}") for number in range(6 if way == "signaling" else 0)]
        grants = call.gateway.snapshot().grants

        async def over_http() -> bool:
            """Whether it was refused."""
            publishes = way == "whip"
            peer, stream = LightPeer("sendonly" if publishes else "recvonly"), os.urandom(3).hex() if publishes else "cam"
            response = await call.post(http, peer, whip=publishes, stream=stream)
            return response.status_code != 201 and bool(told_to_come_again(response))

        async def over_signaling(user: Client) -> bool:
            """Whether it was refused."""
            wishes: dict[str, dict[str, Any]] = {"publish": {"sdp": LightPeer("sendonly").offer}, "play": {"wait": True}}
            method = list(wishes)[users.index(user) % 2]
            stream = f"s{users.index(user)}"
            try:
                await user.call(method, streamID=stream, transport="webrtc", **wishes[method])
            except RemoteError as refusal:
                error = refusal
            else:
                return False
            assert (error.code, error.data["name"], error.data["retry"]) == (OVERLOADED, "OVERLOADED", "after")
            assert error.data["afterMs"] > 0
            return True

        asking = map(over_signaling, users) if users else (over_http() for _ in range(6))
        refused = sum(await asyncio.gather(*asking))
        assert refused == call.refusals.total() > 0
        assert call.refusals[reason] > 0
        if users:
            assert call.gateway.snapshot().grants - grants == 6 - refused, "who was refused keeps no grant"
        for user in users:
            await user.close()
        assert continuous(call.screen)


async def test_who_comes_again_when_told_gets_in() -> None:
    limits = {"handshakes": 1, "waiting": 1, "waiting_deadline": 10.0, "connect_deadline": 3.0}
    async with calling(**limits) as call, client(call.gateway) as http:
        answers = await asyncio.gather(*(call.post(http, LightPeer("recvonly")) for _ in range(6)))
        refused = next(one for one in answers if one.status_code != 201)
        told_to_come_again(refused)
        await until(lambda: len(list(call.server.connections)) == 2, "the end of those who do not connect")
        await asyncio.sleep(refused.json()["afterMs"] / 1000)
        peer = LightPeer("recvonly")
        try:
            await peer.connect((await call.post(http, peer)).text)
            await peer.sees(SEEN)
        finally:
            peer.leave(farewell=True)
