"""The client's half of WebRTC's transport without any I/O: signed connectivity checks, DTLS, and SRTP by pylibsrtp itself."""

from __future__ import annotations

from aioice import stun
from aiortc.rtcdtlstransport import SRTP_PROFILES, RTCCertificate, SRTPProtectionProfile
from OpenSSL import SSL
from pylibsrtp import Policy, Session

from adapters.webrtc.aiortc_internals import Fingerprint


def binding_request(username: str, pwd: str, *, nominate: bool = False, role: str = "ICE-CONTROLLING") -> bytes:
    """A connectivity check as full agents send it."""
    attributes = {"USERNAME": username, "PRIORITY": 1, role: 1} | ({"USE-CANDIDATE": None} if nominate else {})
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, attributes=attributes)
    message.add_message_integrity(pwd.encode())
    return bytes(message)


class DtlsClient:
    """Datagrams in, datagrams out."""

    _certificate = RTCCertificate.generateCertificate()

    def __init__(self, profiles: list[SRTPProtectionProfile] = SRTP_PROFILES) -> None:
        self.fingerprints = tuple(Fingerprint(each.algorithm, each.value) for each in self._certificate.getFingerprints())
        self._ssl = SSL.Connection(self._certificate._create_ssl_context(profiles))
        self._ssl.set_connect_state()
        self._profiles = profiles
        self.connected = False

    def take(self, *datagrams: bytes) -> list[bytes]:
        """What the client sends when it has got `datagrams`; without any, how it begins."""
        for datagram in datagrams:
            self._ssl.bio_write(datagram)
        try:
            self._ssl.do_handshake()
            self.connected = True
        except SSL.WantReadError:
            pass
        return self._out()

    def close(self) -> list[bytes]:
        """What the client sends to end it."""
        self._ssl.shutdown()
        return self._out()

    def was_told_the_end(self, *datagrams: bytes) -> bool:
        """Whether `datagrams` bring the other side's close_notify."""
        for datagram in datagrams:
            self._ssl.bio_write(datagram)
        try:
            self._ssl.recv(1)
        except SSL.ZeroReturnError:
            return True
        except SSL.WantReadError:
            pass
        return False

    def sessions(self) -> tuple[Session, Session]:
        """SRTP for what the client sends, and for what it gets."""
        name = self._ssl.get_selected_srtp_profile()
        profile = next(each for each in self._profiles if each.openssl_profile == name)
        secret = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (profile.key_length + profile.salt_length))

        def session(side: int, sources: int) -> Session:
            return Session(Policy(profile.get_key_and_salt(secret, side), sources, srtp_profile=profile.libsrtp_profile))

        return session(0, Policy.SSRC_ANY_OUTBOUND), session(1, Policy.SSRC_ANY_INBOUND)

    def _out(self) -> list[bytes]:
        try:
            return [self._ssl.bio_read(1 << 16)]
        except SSL.WantReadError:
            return []


def rtp_packet(sequence: int, payload: bytes = b"media", ssrc: int = 1) -> bytes:
    """The plainest RTP packet."""
    return b"\x80\x60" + sequence.to_bytes(2) + bytes(4) + ssrc.to_bytes(4) + payload


def receiver_report(ssrc: int = 1) -> bytes:
    """The plainest RTCP packet."""
    return b"\x80\xc9\0\1" + ssrc.to_bytes(4)
