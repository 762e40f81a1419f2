"""DTLS and SRTP: a real client's half against ours, without sockets; and that aiortc's private names are where we look."""

from __future__ import annotations

import inspect

import pytest
from aiortc import rtcdtlstransport
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AEAD_AES_256_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCCertificate,
    RTCDtlsTransport,
    SRTPProtectionProfile,
)
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Error, Session, _binding

from adapters.webrtc.aiortc_internals import MTU, Certificate, DtlsSrtp, DtlsState, Fingerprint, SrtpError, datagrams_of
from tests.support.dtls_client import DtlsClient, receiver_report, rtp_packet

CERTIFICATE = Certificate.generate()


def shake_hands(
    client: DtlsClient, fingerprints: tuple[Fingerprint, ...] | None = None, out: list[bytes] | None = None
) -> DtlsSrtp:
    """The server's half after a handshake. What it sends later is put into `out`."""
    out = [] if out is None else out
    server = DtlsSrtp(CERTIFICATE, client.fingerprints if fingerprints is None else fingerprints, out.append)
    flight = client.take()
    while flight and server.state is DtlsState.HANDSHAKING:
        for datagram in flight:
            server.receive(datagram)
        flight = client.take(*out)
        out.clear()
    return server


# What moved, if aiortc changes

PARAMETERS = {
    RTCCertificate._create_ssl_context: ["self", "srtp_profiles"],
    RTCDtlsTransport.__init__: ["self", "transport", "certificates"],
    RTCDtlsTransport._set_role: ["self", "role"],
    RTCDtlsTransport._validate_peer_identity: ["self", "remoteParameters"],
    RTCDtlsTransport._setup_srtp: ["self"],
}


@pytest.mark.parametrize("function", PARAMETERS, ids=lambda function: function.__qualname__)
def test_aiortcs_private_functions_take_what_we_give(function: object) -> None:
    found = list(inspect.signature(function).parameters)  # type: ignore[arg-type]
    assert found == PARAMETERS[function], f"{function} has moved: adapters/webrtc/aiortc_internals.py leans on it"  # type: ignore[index]


@pytest.mark.parametrize("name", ["_ssl", "_state", "_rx_srtp", "_tx_srtp"])
def test_aiortcs_private_attributes_are_there(name: str) -> None:
    transport = RTCDtlsTransport(None, [RTCCertificate.generateCertificate()])  # type: ignore[arg-type]
    assert hasattr(transport, name), f"RTCDtlsTransport.{name} has moved: adapters/webrtc/aiortc_internals.py leans on it"


@pytest.mark.parametrize("name", ["srtp_protect", "srtp_unprotect", "srtp_protect_rtcp", "srtp_unprotect_rtcp"])
def test_pylibsrtps_private_names_are_there(name: str) -> None:
    assert hasattr(_binding.lib, name), f"pylibsrtp._binding.lib.{name} has moved"
    assert hasattr(Session(), "_srtp"), "pylibsrtp.Session._srtp has moved"


def test_a_failed_identity_is_told_by_the_state_alone() -> None:
    assert rtcdtlstransport.State.FAILED.name == "FAILED"
    assert "State.FAILED" in inspect.getsource(RTCDtlsTransport._validate_peer_identity)


# Handshakes


def test_a_handshake_ends_with_the_same_keys_on_both_sides() -> None:
    client = DtlsClient()
    server = shake_hands(client)
    assert client.connected
    assert server.state is DtlsState.CONNECTED
    srtp = server.srtp()
    sending, receiving = client.sessions()
    assert srtp.unprotect(sending.protect(rtp_packet(1))) == rtp_packet(1)
    assert srtp.unprotect_rtcp(sending.protect_rtcp(receiver_report())) == receiver_report()
    assert receiving.unprotect(srtp.protect(rtp_packet(2))) == rtp_packet(2)
    assert receiving.unprotect_rtcp(srtp.protect_rtcp(receiver_report())) == receiver_report()


@pytest.mark.parametrize(
    ("offered", "taken"),
    [
        ([SRTP_AEAD_AES_256_GCM, SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80], SRTP_AEAD_AES_128_GCM),
        ([SRTP_AES128_CM_SHA1_80, SRTP_AEAD_AES_256_GCM], SRTP_AEAD_AES_256_GCM),
        ([SRTP_AES128_CM_SHA1_80], SRTP_AES128_CM_SHA1_80),
    ],
)
def test_the_cheapest_profile_is_taken_whatever_the_client_prefers(
    offered: list[SRTPProtectionProfile], taken: SRTPProtectionProfile
) -> None:
    assert shake_hands(DtlsClient(offered)).profile.encode() == taken.openssl_profile


def test_another_certificate_than_the_described_one_is_refused() -> None:
    described = Fingerprint("sha-256", ":".join(["00"] * 32))
    assert shake_hands(DtlsClient(), (described,)).state is DtlsState.FAILED
    assert shake_hands(DtlsClient(), ()).state is DtlsState.FAILED
    assert shake_hands(DtlsClient(), (Fingerprint("md5", "00"),)).state is DtlsState.FAILED


@pytest.mark.parametrize("asked", [True, False])
def test_a_lost_flight_is_sent_again_when_the_client_asks_or_in_time(asked: bool) -> None:
    client, out = DtlsClient(), list[bytes]()
    server = DtlsSrtp(CERTIFICATE, client.fingerprints, out.append)
    hello = client.take()
    server.receive(*hello)
    lost = [out.pop() for _ in range(len(out))]
    if asked:
        server.receive(*hello)
        assert out == lost
    else:
        sent = []
        for _ in range(17):
            out.clear()
            server.retransmit()
            sent.append(out == lost)
        assert [turn for turn, again in enumerate(sent, 1) if again] == [2, 3, 5, 9, 17]
    server.receive(*client.take(*out))
    assert server.state is DtlsState.CONNECTED
    server.retransmit()


def test_asking_again_and_again_is_not_answered_for_ever() -> None:
    client, out = DtlsClient(), list[bytes]()
    server = DtlsSrtp(CERTIFICATE, client.fingerprints, out.append)
    hello = client.take()
    for _ in range(100):
        server.receive(*hello)
    assert len(out) < 10


def test_one_context_serves_every_handshake() -> None:
    assert CERTIFICATE.accepting().get_context() is CERTIFICATE.accepting().get_context()
    assert CERTIFICATE.fingerprint.algorithm == "sha-256"


@pytest.mark.parametrize("ours", [True, False])
def test_the_end_is_told(ours: bool) -> None:
    client, out = DtlsClient(), list[bytes]()
    server = shake_hands(client, out=out)
    if ours:
        server.close()
        server.close()
        assert client.was_told_the_end(*out)
    else:
        for datagram in client.close():
            server.receive(datagram)
    assert server.state is DtlsState.CLOSED


@given(st.lists(st.binary(min_size=1, max_size=100).map(lambda data: b"\x17\xfe\xfd" + data) | st.binary(min_size=1), max_size=5))
def test_garbage_neither_ends_a_handshake_nor_a_connection(garbage: list[bytes]) -> None:
    client = DtlsClient()
    out: list[bytes] = []
    server = DtlsSrtp(CERTIFICATE, client.fingerprints, out.append)
    for datagram in [*garbage, *client.take()]:
        server.receive(datagram)
    flight = client.take(*out)
    for datagram in [*garbage, *flight, *garbage]:
        server.receive(datagram)
    assert server.state is DtlsState.CONNECTED


# SRTP


@given(st.lists(st.tuples(st.integers(0, 2**16 - 1), st.binary(max_size=1400)), max_size=20, unique_by=lambda each: each[0]))
def test_protecting_does_what_the_library_does(packets: list[tuple[int, bytes]]) -> None:
    server = shake_hands(DtlsClient())
    session = server._dtls._tx_srtp
    protect = server.srtp().protect
    for sequence, payload in packets:
        packet = rtp_packet(sequence, payload)
        try:
            expected = session.protect(packet)
        except Error:
            with pytest.raises(SrtpError):
                protect(packet)
        else:
            assert protect(packet) == expected


def test_what_is_forged_repeated_or_too_long_is_refused() -> None:
    client = DtlsClient()
    srtp = shake_hands(client).srtp()
    packet = client.sessions()[0].protect(rtp_packet(1))
    assert srtp.unprotect(packet)
    for wrong in (packet, packet[:-1] + b"?", b"", bytes(12), bytes(1501)):
        with pytest.raises(SrtpError):
            srtp.unprotect(wrong)
        with pytest.raises(SrtpError):
            srtp.unprotect_rtcp(wrong)
    with pytest.raises(SrtpError):
        srtp.protect(rtp_packet(1, bytes(1500)))


def test_a_packet_may_be_sent_again() -> None:
    srtp = shake_hands(DtlsClient()).srtp()
    first = srtp.protect(rtp_packet(1))
    srtp.protect(rtp_packet(1000))
    assert srtp.protect(rtp_packet(1)) == first


def test_the_keys_outlive_the_association() -> None:
    protect = shake_hands(DtlsClient()).srtp().protect
    assert protect(rtp_packet(1))


# Datagrams


@given(st.lists(st.binary(max_size=1500), max_size=12))
def test_records_are_never_torn_apart(bodies: list[bytes]) -> None:
    records = [b"\x16\xfe\xfd" + bytes(8) + len(body).to_bytes(2) + body for body in bodies]
    datagrams = datagrams_of(b"".join(records))
    assert b"".join(datagrams) == b"".join(records)
    whole = {sum(map(len, records[:count])) for count in range(len(records) + 1)}
    assert all(sum(map(len, datagrams[:count])) in whole for count in range(len(datagrams) + 1))
    assert all(len(datagram) <= max(MTU, *map(len, records)) for datagram in datagrams)
