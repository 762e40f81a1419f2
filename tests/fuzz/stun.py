"""STUN messages from anyone: none passes without the password, whatever it says."""

from __future__ import annotations

import socket
from typing import cast

from adapters.webrtc.addresses import Route
from adapters.webrtc.ice import IceLite, local_ufrag
from tests.fuzz import run

_HEADER = b"\0\1%b\x21\x12\xa4\x42" + bytes(12)
_ROUTE = Route(("192.0.2.1", 4000), cast(socket.socket, None))


def one_input(data: bytes) -> None:
    """The bytes as they are, and as the attributes of a binding request."""
    for message in (data, _HEADER % len(data).to_bytes(2) + data if len(data) < 1480 else data):
        local_ufrag(message)
        ice = IceLite("ourufrag12345678", "a password that nobody has")
        ice.expect("them")
        assert ice.request(message, _ROUTE, 0) is None
        assert ice.route is None


if __name__ == "__main__":
    run(one_input)
