"""Ports for programs that have to be told one, and cannot choose it themselves."""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"
_FIRST, _LAST = 20_000, 32_000
"""Below those that systems give to connections (Linux: from 32768 on): there one may be taken before it is used, and whoever is
restarted at its old port may find a connection of somebody else there."""
_given: set[int] = set()


def free_port() -> int:
    """A port of loopback that nothing has now, for TCP and UDP, and that was not given to this process before."""
    while True:
        port = random.randint(_FIRST, _LAST)
        if port not in _given and all(_is_free(port, kind) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)):
            _given.add(port)
            return port


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as sock:
        try:
            sock.bind((HOST, port))
        except OSError:
            return False
    return True
