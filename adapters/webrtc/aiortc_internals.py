"""DTLS and SRTP of one peer by aiortc's means; the one file that leans on private names of aiortc and pylibsrtp.

aiortc's own DTLS transport is a task that waits for datagrams. Ours is fed with them and answers at once: no task, queue or
timer per peer, and one SSL context for all. What stays aiortc's: certificate and cipher choice, the check of the peer's
fingerprint, and the derivation of the SRTP keys (RFC 5763, RFC 5764). We are always the DTLS server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Final, NamedTuple, Self, cast

from aiortc.rtcdtlstransport import (
    SRTP_PROFILES,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    State,
)
from aiortc.rtcicetransport import RTCIceTransport
from OpenSSL import SSL
from pylibsrtp import ERRORS, SRTP_MAX_SRTCP_TRAILER_LEN, Session
from pylibsrtp._binding import ffi, lib  # type: ignore[import-not-found]

MTU: Final = 1200
"""Bytes of a DTLS datagram at most: what passes everywhere."""
MAX_PACKET: Final = 1500
"""Bytes of an SRTP or SRTCP packet at most."""

_PROFILES: Final = (b"SRTP_AEAD_AES_128_GCM", b"SRTP_AEAD_AES_256_GCM", b"SRTP_AES128_CM_SHA1_80")
"""SRTP protection profiles, cheapest first. Of those that a client offers OpenSSL takes the first in the server's list."""
_RECORD_HEADER: Final = 13
_HANDSHAKE: Final = 22
"""First byte of a record that carries the handshake. One that brings nothing new means that our answer was lost."""
_REPEATS: Final = 8
"""How often one flight is sent again because the client asks: its question is shorter than our answer."""

# Every packet is transformed in place here, by the one thread that runs the event loop, and leaves before the next one comes.
_scratch = ffi.new("char[]", MAX_PACKET + SRTP_MAX_SRTCP_TRAILER_LEN)
_scratch_bytes = ffi.buffer(_scratch)
_scratch_size = ffi.new("int *")


class SrtpError(Exception):
    """A packet that cannot be protected, or that does not come from the peer, or came before. Says which in words."""


class Fingerprint(NamedTuple):
    """The hash of a certificate, as a description tells it (RFC 8122 section 5)."""

    algorithm: str
    """For instance `sha-256`."""
    value: str
    """Pairs of hexadecimal digits, with colons between."""

    def __str__(self) -> str:
        return f"{self.algorithm} {self.value}"


class Certificate(RTCCertificate):
    """A certificate for all peers, with one SSL context, which costs more to make than all else of a handshake."""

    @classmethod
    def generate(cls) -> Self:
        """A new one: ECDSA on P-256, signed by itself."""
        return cls.generateCertificate()

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """Its SHA-256 hash, for our descriptions."""
        prints: list[RTCDtlsFingerprint] = self.getFingerprints()
        return next(Fingerprint(each.algorithm, each.value) for each in prints if each.algorithm == "sha-256")

    def accepting(self) -> SSL.Connection:
        """The server's half of a new association, between two buffers."""
        connection = SSL.Connection(self._context)
        connection.set_ciphertext_mtu(MTU)
        connection.set_accept_state()
        return connection

    @cached_property
    def _context(self) -> SSL.Context:
        available = {each.openssl_profile: each for each in SRTP_PROFILES}
        context = self._create_ssl_context([available[name] for name in _PROFILES if name in available])
        context.set_options(SSL.OP_NO_QUERY_MTU)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        return context


@dataclass(frozen=True, slots=True)
class Srtp:
    """The keys of one association at work. Each function takes one packet and returns it transformed.

    They raise SrtpError: for what is not authentic, was seen before or is older than 1024 packets, and for more than
    MAX_PACKET bytes. The same packet may be protected again within those 1024.
    """

    protect: Callable[[bytes], bytes]
    unprotect: Callable[[bytes], bytes]
    protect_rtcp: Callable[[bytes], bytes]
    unprotect_rtcp: Callable[[bytes], bytes]


def _transform(session: Session, function: Callable[[Any, Any, Any], int]) -> Callable[[bytes], bytes]:
    """What `Session.protect` and its like do, without allocating anything but the result: a third of their cost."""
    owner = session._srtp  # frees the session when it goes
    scratch, scratch_bytes, scratch_size = _scratch, _scratch_bytes, _scratch_size

    def transform(packet: bytes) -> bytes:
        size = len(packet)
        if size > MAX_PACKET:
            raise SrtpError("packet too long")
        scratch_bytes[0:size] = packet
        scratch_size[0] = size
        status = function(owner[0], scratch, scratch_size)
        if status:
            raise SrtpError(ERRORS[status])
        return cast(bytes, scratch_bytes[0 : scratch_size[0]])

    return transform


class DtlsState(StrEnum):
    """How far an association is."""

    HANDSHAKING = "handshaking"
    CONNECTED = "connected"
    CLOSED = "closed"
    """Ended by the peer, or by us."""
    FAILED = "failed"


class DtlsSrtp:
    """The server's half of one DTLS association: datagrams in, datagrams out, and the SRTP keys that come of it."""

    def __init__(self, certificate: Certificate, fingerprints: Sequence[Fingerprint], send: Callable[[bytes], object]) -> None:
        """`fingerprints`: what the peer's description says of its certificate. `send` is given each datagram for the peer."""
        self._send = send
        self._remote = RTCDtlsParameters([RTCDtlsFingerprint(*each) for each in fingerprints])
        self._dtls = RTCDtlsTransport(cast(RTCIceTransport, None), [certificate])
        self._dtls._set_role("server")
        self._dtls._ssl = self._ssl = certificate.accepting()
        self._flight: list[bytes] = []
        self._turns = 0
        self._asked = 0
        self.state = DtlsState.HANDSHAKING

    def receive(self, datagram: bytes) -> None:
        """Takes a datagram of the peer's; `state` may be another one after it. Garbage is ignored, as DTLS demands."""
        if self.state is DtlsState.HANDSHAKING:
            self._ssl.bio_write(datagram)
            self._shake_hands()
            flight = self._flush()
            if flight:
                self._flight, self._turns, self._asked = flight, 0, 0
            elif datagram[0] == _HANDSHAKE and self.state is DtlsState.HANDSHAKING and self._asked < _REPEATS:
                self._asked += 1
                self._repeat()
        elif self.state is DtlsState.CONNECTED:
            self._ssl.bio_write(datagram)
            self._drain()
            self._flush()

    def retransmit(self) -> None:
        """Comes every quarter of a second: sends the last flight again when at least 1, 2, 4, 8 and so on of them have passed.

        OpenSSL's own timer begins with a whole second, by which a loss would delay a picture. The same records once more are
        as good as new ones: who got them ignores them (RFC 6347 section 4.1.2.6).
        """
        if self.state is DtlsState.HANDSHAKING:
            self._turns += 1
            if (self._turns - 1).bit_count() == 1:  # the first turn may come right behind the flight
                self._repeat()

    def srtp(self) -> Srtp:
        """The keys. Only once, and only when `state` has become CONNECTED."""
        incoming, outgoing = self._dtls._rx_srtp, self._dtls._tx_srtp
        return Srtp(
            protect=_transform(outgoing, lib.srtp_protect),
            unprotect=_transform(incoming, lib.srtp_unprotect),
            protect_rtcp=_transform(outgoing, lib.srtp_protect_rtcp),
            unprotect_rtcp=_transform(incoming, lib.srtp_unprotect_rtcp),
        )

    @property
    def profile(self) -> str:
        """The SRTP protection profile that was agreed on; empty before."""
        return self._ssl.get_selected_srtp_profile().decode()

    def close(self) -> None:
        """Tells the peer that it is over (close_notify). Harmless when repeated."""
        if self.state is DtlsState.CONNECTED:
            self.state = DtlsState.CLOSED
            try:
                self._ssl.shutdown()
            except SSL.Error:
                pass
            self._flush()

    def _shake_hands(self) -> None:
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            return
        except SSL.Error:
            self.state = DtlsState.FAILED
            return
        self._dtls._validate_peer_identity(self._remote)
        if self._dtls._state is not State.FAILED:
            self._dtls._setup_srtp()
        self.state = DtlsState.FAILED if self._dtls._state is State.FAILED else DtlsState.CONNECTED

    def _drain(self) -> None:
        """Reads everything, so that nothing piles up: a retransmitted flight, a close_notify, data that nobody asked for."""
        try:
            while True:
                self._ssl.recv(MAX_PACKET)
        except SSL.WantReadError:
            pass
        except SSL.Error:  # of these, ZeroReturnError is the peer's close_notify
            self.state = DtlsState.CLOSED

    def _flush(self) -> list[bytes]:
        """Sends what OpenSSL has to say, and returns it."""
        flight = b""
        try:
            while True:
                flight += self._ssl.bio_read(1 << 16)
        except SSL.Error:  # no more
            datagrams = datagrams_of(flight)
        for datagram in datagrams:
            self._send(datagram)
        return datagrams

    def _repeat(self) -> None:
        for datagram in self._flight:
            self._send(datagram)


def datagrams_of(flight: bytes) -> list[bytes]:
    """Parts consecutive DTLS records into datagrams of at most MTU bytes: the buffer that they lay in knew no borders."""
    datagrams, start, at = [], 0, 0
    while at < len(flight):
        after = at + _RECORD_HEADER + int.from_bytes(flight[at + 11 : at + 13])
        if after - start > MTU and at > start:
            datagrams.append(flight[start:at])
            start = at
        at = after
    return [*datagrams, flight[start:]] if flight else []
