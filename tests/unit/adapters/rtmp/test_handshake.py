"""The handshake: simple, signed in both layouts, refused, and cut up in any way."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.rtmp.errors import RemoteProtocolError, Violation
from adapters.rtmp.handshake import (
    CLIENT_KEY,
    PACKET_SIZE,
    SERVER_KEY,
    SERVER_KEY_SALTED,
    ServerHandshake,
    digest_position,
    find_digest,
    sign,
    signed_reply,
)

DATA = Path(__file__).parents[3] / "data" / "rtmp"
SIMPLE_C1 = bytes(8) + bytes(range(256)) * 5 + bytes(248)


def zeros(count: int) -> bytes:
    return bytes(count)


def signed_c1(scheme: int) -> bytes:
    return sign(bytes((0, 0, 0, 1, 9, 0, 124, 2)) + SIMPLE_C1[8:], scheme, CLIENT_KEY)


def test_simple() -> None:
    handshake = ServerHandshake(zeros)
    reply = handshake.receive(b"\x03" + SIMPLE_C1)
    assert reply == b"\x03" + bytes(PACKET_SIZE) + SIMPLE_C1
    assert not handshake.done
    assert handshake.receive(bytes(PACKET_SIZE) + b"rest") == b""
    assert handshake.done
    assert not handshake.complex
    assert handshake.rest == b"rest"


@pytest.mark.parametrize("scheme", [0, 1])
def test_signed_client_gets_signed_reply(scheme: int) -> None:
    c1 = signed_c1(scheme)
    found = find_digest(c1, CLIENT_KEY)
    assert found is not None
    assert found[0] == scheme
    handshake = ServerHandshake(zeros)
    reply = handshake.receive(b"\x03" + c1)
    assert handshake.complex
    s1, s2 = reply[1 : 1 + PACKET_SIZE], reply[1 + PACKET_SIZE :]
    assert find_digest(s1, SERVER_KEY) is not None
    position = digest_position(s1, scheme)
    assert find_digest(s1, SERVER_KEY) == (scheme, s1[position : position + 32])
    assert s2 == signed_reply(found[1], SERVER_KEY_SALTED, s2)
    assert len(s2) == PACKET_SIZE


def test_wrong_digest_gets_simple_reply() -> None:
    c1 = signed_c1(0)
    c1 = c1[:-1] + bytes((c1[-1] ^ 1,))
    handshake = ServerHandshake(zeros)
    assert handshake.receive(b"\x03" + c1)[1 + PACKET_SIZE :] == c1
    assert not handshake.complex


def test_ffmpeg_signs_its_packet() -> None:
    recorded = (DATA / "ffmpeg-publish.bin").read_bytes()
    handshake = ServerHandshake(zeros)
    handshake.receive(recorded[: 1 + PACKET_SIZE])
    assert handshake.complex


@pytest.mark.parametrize("version", [0, 6, 8, ord("G")])
def test_other_versions_are_refused_at_the_first_byte(version: int) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        ServerHandshake(zeros).receive(bytes((version,)))
    assert caught.value.violation is Violation.HANDSHAKE_VERSION


@given(st.lists(st.integers(1, 2 * PACKET_SIZE), max_size=6), st.binary(max_size=20))
def test_any_chunking_gives_the_same(cuts: list[int], rest: bytes) -> None:
    data = b"\x03" + SIMPLE_C1 + bytes(PACKET_SIZE) + rest
    whole = ServerHandshake(zeros)
    expected = whole.receive(data)
    handshake = ServerHandshake(zeros)
    reply, tail = b"", b""
    edges = [0, *sorted(cuts), len(data)]
    for start, end in pairwise(edges):
        if handshake.done:
            tail += data[start:end]
        else:
            reply += handshake.receive(data[start:end])
            tail = handshake.rest if handshake.done else b""
    assert reply == expected
    assert handshake.done
    assert tail == rest
