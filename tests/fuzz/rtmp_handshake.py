"""RTMP handshakes, cut where the first two bytes say."""

from __future__ import annotations

from adapters.rtmp.errors import RemoteProtocolError
from adapters.rtmp.handshake import ServerHandshake
from tests.fuzz import run


def one_input(data: bytes) -> None:
    cut = int.from_bytes(data[:2]) % (len(data) + 1)
    handshake = ServerHandshake(bytes)
    try:
        for part in (data[2:cut], data[cut:], bytes(4000)):
            if not handshake.done:
                handshake.receive(part)
    except RemoteProtocolError:
        return
    assert len(handshake.rest) <= len(data) + 4000


if __name__ == "__main__":
    run(one_input)
