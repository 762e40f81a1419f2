"""One remote over the UDP port: its ICE agent, its DTLS association, and the SRTP keys that come of it.

What a peer sends is read at once and on the spot: no task, queue or timer of its own. It is silent until its description is
known (`expect`), and sends only to addresses that have proved themselves.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from adapters.webrtc.addresses import Address, Route
from adapters.webrtc.aiortc_internals import Certificate, DtlsSrtp, DtlsState, Fingerprint, Srtp, SrtpError
from adapters.webrtc.ice import PWD_BYTES, UFRAG_BYTES, IceLite, ice_chars
from adapters.webrtc.udp import UdpPort
from gateway.errors import CONNECT_FAILED, INTERNAL_ERROR, GatewayError

log = logging.getLogger(__name__)

_SOURCES: Final = 64
"""SSRCs that one peer may use: the SRTP library keeps state for each, for as long as the peer is there."""
_CHECKS: Final = 64
"""Checks of one peer that are looked at between two sweeps: each costs us more than media does."""
_HANDSHAKE: Final = 64
"""DTLS datagrams, likewise, until the peer is connected."""
_AFTERWARDS: Final = 16
"""DTLS datagrams afterwards: a farewell, or a last flight again, which some clients send in one datagram per message."""


@dataclass(frozen=True, slots=True)
class Remote:
    """What a peer's description tells of its transport."""

    ufrag: str
    pwd: str
    fingerprints: tuple[Fingerprint, ...]


class PeerListener(Protocol):
    """Who wants to know what a peer does. It may close the peer in any of these."""

    def connected(self) -> None:
        """The keys are there: media can come and go."""

    def rtp(self, data: bytes, now: float) -> None:
        """An authentic RTP packet, decrypted. `now`: the loop's time in seconds."""

    def rtcp(self, data: bytes, now: float) -> None:
        """An authentic compound RTCP packet, decrypted."""

    def gone(self, error: GatewayError | None) -> None:
        """The peer has ended, by its own wish if there is no error. At most once, and never after `close`."""


class PeerSettings(Protocol):
    """What a peer needs of the settings, in seconds."""

    @property
    def connect_deadline(self) -> float:
        """From the making of a peer to the end of its handshake."""

    @property
    def consent_timeout(self) -> float:
        """A peer that was not heard of for this long has gone."""


class Peer:
    """One remote. The gateway is the ICE-lite agent and the DTLS server, whoever made the offer."""

    def __init__(
        self,
        port: UdpPort,
        certificate: Certificate,
        listener: PeerListener,
        settings: PeerSettings,
        now: float,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._port = port
        self._certificate = certificate
        self._listener = listener
        self._random_bytes = random_bytes
        self._ice = IceLite(*self._new_credentials())
        self._fingerprints: tuple[Fingerprint, ...] = ()
        self._dtls: DtlsSrtp | None = None
        self._srtp: Srtp | None = None
        self._sources: set[bytes] = set()
        self._deadline = now + settings.connect_deadline
        self._patience = settings.consent_timeout
        self._checks, self._handshake = _CHECKS, _HANDSHAKE
        self._over = False
        self.protect: Callable[[bytes], bytes] = _no_keys
        """Encrypts an RTP packet; from `connected` on. Raises SrtpError for one far older than the newest."""
        self.last_heard = now
        """The loop's time of the last authentic datagram."""
        port.register(self._ice.ufrag, self)

    @property
    def ufrag(self) -> str:
        """Our ICE user name fragment, for our description."""
        return self._ice.ufrag

    @property
    def pwd(self) -> str:
        """Our ICE password, for our description."""
        return self._ice.pwd

    @property
    def fingerprint(self) -> Fingerprint:
        """Our certificate's, for our description."""
        return self._certificate.fingerprint

    @property
    def connected(self) -> bool:
        """True while media can come and go."""
        return self._srtp is not None

    @property
    def address(self) -> Address | None:
        """Where the peer is; `None` if that is not known, or not any more."""
        return None if self._ice.route is None else self._ice.route.address

    def expect(self, remote: Remote) -> None:
        """The peer's description is known: it may connect from now on. After `restart_ice`: it has answered.

        Fingerprints count the first time only: an ICE restart does not change the certificate.
        """
        self._ice.expect(remote.ufrag)
        self._fingerprints = self._fingerprints or tuple(remote.fingerprints)

    def restart_ice(self, remote: Remote | None = None) -> None:
        """Makes new ICE credentials; the old ones serve until the peer has nominated a pair with the new ones.

        `remote`: the peer's new description, if it is it that restarts; if it is we, `expect` brings it later. DTLS and SRTP
        go on as they are.
        """
        before = self._ice.ufrags
        self._ice.restart(*self._new_credentials())
        self._rename(before)
        if remote is not None:
            self._ice.expect(remote.ufrag)

    def send(self, datagrams: Sequence[bytes]) -> int:
        """Sends what has been protected, and tells how many of the first are done with; see `UdpPort.send`."""
        route = self._ice.route
        return len(datagrams) if route is None else self._port.send(datagrams, route)

    def send_rtcp(self, packet: bytes) -> None:
        """Encrypts a compound RTCP packet and sends it; before `connected` nothing happens."""
        if self._srtp is not None:
            self.send([self._srtp.protect_rtcp(packet)])

    def close(self) -> None:
        """Tells the peer that it is over, and forgets it. Harmless when repeated; nothing is called any more."""
        if self._over:
            return
        self._over = True
        if self._dtls is not None:
            self._dtls.close()
        self._dtls = self._srtp = None
        self._listener = _NOBODY
        self.protect = _no_keys
        self._ice.route = None
        for ufrag in self._ice.ufrags:
            self._port.unregister(ufrag)
        self._port.remove(self)

    # What the port calls

    def check(self, data: bytes, route: Route, now: float) -> bytes | None:
        """A STUN message for us: the answer to it, or `None`. Whoever gets one may also send everything else."""
        before = self._ice.ufrags
        self._checks -= 1
        answer = self._ice.request(data, route, now) if self._checks >= 0 else None
        if answer is None:
            self._port.stats.refused += 1
            return None
        self.last_heard = now
        self._port.bind(route.address, self)
        if self._ice.ufrags is not before:
            self._rename(before)
        return answer

    def receive(self, data: bytes, route: Route, now: float) -> None:
        """DTLS, SRTP or SRTCP from one of our addresses (RFC 7983, RFC 5761)."""
        first = data[0]
        if 128 <= first <= 191 and self._srtp is not None and len(data) >= 12:
            self._receive_media(data, route, now, self._srtp)
        elif 20 <= first <= 63 and self._fingerprints and self._handshake > 0:
            self._handshake -= 1
            self._receive_dtls(data)
        else:
            self._port.stats.unreadable += 1

    def unbound(self, address: Address) -> None:
        """Nothing is sent to an address that is another peer's now."""
        self._ice.forget(address)

    def sweep(self, now: float) -> None:
        """Looks at the deadlines."""
        self._checks, self._handshake = _CHECKS, _HANDSHAKE if self._srtp is None else _AFTERWARDS
        self._ice.expire(now)
        if now - self.last_heard > self._patience:
            self._ice.route = None  # without consent not even a farewell is sent (RFC 7675 section 5.1)
            self._end(GatewayError(CONNECT_FAILED, "nothing was heard of the peer any more"))
        elif self._srtp is None:
            if now > self._deadline:
                self._end(GatewayError(CONNECT_FAILED, "no connection within the time allowed"))
            elif self._dtls is not None:
                self._dtls.retransmit()
                self._follow(self._dtls)

    def abandon(self) -> None:
        """Our own mistake ended it."""
        self._end(GatewayError(INTERNAL_ERROR))

    def _receive_media(self, data: bytes, route: Route, now: float, srtp: Srtp) -> None:
        is_rtcp = 192 <= data[1] <= 223
        source = data[4:8] if is_rtcp else data[8:12]
        known = source in self._sources
        if not known and len(self._sources) >= _SOURCES:
            self._port.stats.unreadable += 1
            return
        try:
            packet = srtp.unprotect_rtcp(data) if is_rtcp else srtp.unprotect(data)
        except SrtpError:
            self._port.stats.unreadable += 1
            return
        if not known:
            self._sources.add(source)
        self.last_heard = now
        self._ice.heard(route, now)
        if is_rtcp:
            self._listener.rtcp(packet, now)
        else:
            self._listener.rtp(packet, now)

    def _receive_dtls(self, data: bytes) -> None:
        dtls = self._dtls
        if dtls is None:
            dtls = self._dtls = DtlsSrtp(self._certificate, self._fingerprints, self._send_dtls)
        dtls.receive(data)
        self._follow(dtls)

    def _send_dtls(self, datagram: bytes) -> None:
        self.send([datagram])

    def _follow(self, dtls: DtlsSrtp) -> None:
        """Does what the association's new state asks for."""
        if dtls.state is DtlsState.CONNECTED and self._srtp is None:
            self._srtp = dtls.srtp()
            self.protect = self._srtp.protect
            self._listener.connected()
        elif dtls.state is DtlsState.FAILED:
            self._end(GatewayError(CONNECT_FAILED, "the DTLS handshake failed"))
        elif dtls.state is DtlsState.CLOSED:
            self._end(None)

    def _end(self, error: GatewayError | None) -> None:
        if not self._over:
            listener = self._listener
            self.close()
            listener.gone(error)

    def _new_credentials(self) -> tuple[str, str]:
        return ice_chars(self._random_bytes(UFRAG_BYTES)), ice_chars(self._random_bytes(PWD_BYTES))

    def _rename(self, before: tuple[str, ...]) -> None:
        """Tells the port by which names we go now."""
        for ufrag in before:
            if ufrag not in self._ice.ufrags:
                self._port.unregister(ufrag)
        for ufrag in self._ice.ufrags:
            self._port.register(ufrag, self)


def _no_keys(packet: bytes) -> bytes:
    raise RuntimeError("the peer is not connected")


class _Nobody:
    """Listens to a closed peer: it holds on to nobody."""

    def connected(self) -> None: ...

    def rtp(self, data: bytes, now: float) -> None: ...

    def rtcp(self, data: bytes, now: float) -> None: ...

    def gone(self, error: GatewayError | None) -> None: ...


_NOBODY = _Nobody()
