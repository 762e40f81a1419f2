"""The handshake, seen from the server: three packets each way before any chunk.

Adobe RTMP 1.0 section 5.2 is the simple form. The complex form is not in the specification; Flash Player 9 and all that
came after hide an HMAC-SHA256 of the packet in the packet, at a place that four of its bytes name. There are two layouts
("schemes"). Who sends a valid digest gets digests back; who does not gets the simple form. The peer's last packet (C2)
is read and not judged: several clients do not echo what the specification asks for.

Pure: randomness is passed in.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from adapters.rtmp.errors import RemoteProtocolError, Violation

VERSION = 3
PACKET_SIZE = 1536
DIGEST_SIZE = 32

_SALT = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae")
CLIENT_KEY = b"Genuine Adobe Flash Player 001"
"""Signs C1."""
SERVER_KEY = b"Genuine Adobe Flash Media Server 001"
"""Signs S1."""
SERVER_KEY_SALTED = SERVER_KEY + _SALT
"""Signs S2, by way of a key made from it and the client's digest."""

SCHEME_POSITIONS = (8, 772)
"""Scheme 0 and scheme 1: where the four bytes stand that say how far behind them the digest is."""
_OFFSET_RANGE = 728
_SERVER_MARK = bytes((4, 5, 0, 1))
"""S1's version field: not zero, so that the client looks for a digest."""


def digest_position(packet: bytes, scheme: int) -> int:
    """Where the digest of a C1 or S1 packet stands in the given scheme."""
    start = SCHEME_POSITIONS[scheme]
    return sum(packet[start : start + 4]) % _OFFSET_RANGE + start + 4


def packet_digest(packet: bytes, position: int, key: bytes) -> bytes:
    """The digest of a C1 or S1 packet: over everything but the place where the digest stands."""
    return hmac.digest(key, packet[:position] + packet[position + DIGEST_SIZE :], "sha256")


def find_digest(packet: bytes, key: bytes) -> tuple[int, bytes] | None:
    """The scheme and the digest of a C1 or S1 packet, or None if it carries no valid one."""
    for scheme in range(len(SCHEME_POSITIONS)):
        position = digest_position(packet, scheme)
        found = packet[position : position + DIGEST_SIZE]
        if hmac.compare_digest(found, packet_digest(packet, position, key)):
            return scheme, found
    return None


def sign(packet: bytes, scheme: int, key: bytes) -> bytes:
    """The packet with its digest put in at the place that its own bytes name."""
    position = digest_position(packet, scheme)
    digest = packet_digest(packet, position, key)
    return packet[:position] + digest + packet[position + DIGEST_SIZE :]


def signed_reply(peer_digest: bytes, key: bytes, filling: bytes) -> bytes:
    """S2 (or C2) of the complex form: proves that the peer's digest was read."""
    filling = filling[: PACKET_SIZE - DIGEST_SIZE]
    return filling + hmac.digest(hmac.digest(key, peer_digest, "sha256"), filling, "sha256")


class ServerHandshake:
    """Takes bytes until the handshake is over. Holds at most 3 kB."""

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes
        self._buffer = b""
        self._answered = False
        self.done = False
        """True once the peer's last packet was read."""
        self.complex = False
        """True if the peer signed its packet and got signed ones back."""
        self.rest = b""
        """Once done: the bytes that came behind the handshake."""

    def receive(self, data: bytes) -> bytes:
        """What to send in answer to `data`. Raises RemoteProtocolError for a version that is not spoken."""
        self._buffer += data
        reply = b""
        if not self._answered:
            if self._buffer and self._buffer[0] != VERSION:
                raise RemoteProtocolError(Violation.HANDSHAKE_VERSION, f"version {self._buffer[0]} is not served")
            if len(self._buffer) < 1 + PACKET_SIZE:
                return b""
            reply = self._answer(self._buffer[1 : 1 + PACKET_SIZE])
            self._buffer = self._buffer[1 + PACKET_SIZE :]
            self._answered = True
        if len(self._buffer) >= PACKET_SIZE:
            self.rest = self._buffer[PACKET_SIZE:]
            self._buffer = b""
            self.done = True
        return reply

    def _answer(self, c1: bytes) -> bytes:
        filling = self._random_bytes(2 * PACKET_SIZE)
        found = find_digest(c1, CLIENT_KEY) if c1[4:8] != b"\0\0\0\0" else None
        if found is None:
            s1 = bytes(8) + filling[8:PACKET_SIZE]
            return bytes((VERSION,)) + s1 + c1
        self.complex = True
        scheme, client_digest = found
        s1 = sign(bytes(4) + _SERVER_MARK + filling[8:PACKET_SIZE], scheme, SERVER_KEY)
        s2 = signed_reply(client_digest, SERVER_KEY_SALTED, filling[PACKET_SIZE:])
        return bytes((VERSION,)) + s1 + s2
