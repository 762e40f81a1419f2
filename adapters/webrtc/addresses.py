"""Addresses of the UDP port: what it binds, and by which addresses peers are told to reach it."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple

Address = tuple[str, int] | tuple[str, int, int, int]
"""Where a datagram came from, as sockets tell it: IPv4 (host, port), IPv6 (host, port, flow, scope)."""


class Route(NamedTuple):
    """A way between a peer and us, which ICE calls a candidate pair."""

    address: Address
    """The peer's."""
    sock: socket.socket
    """The one of ours that it sends to, and that it has to be answered by."""


WILDCARDS: Final = frozenset({"", "0.0.0.0", "::"})
_BUFFER_BYTES: Final = 4 * 1024 * 1024
"""Wished for in the kernel, each way: a keyframe for hundreds of viewers leaves at once."""
_BINDS: Final = 8
"""Attempts to find a port that is free for IPv4 and for IPv6."""
_NOT_HERE: Final = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})
_SO_SNDBUFFORCE: Final = 32  # asm-generic/socket.h, which Python does not know
_SO_RCVBUFFORCE: Final = 33
_ELSEWHERE: Final = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses of documentation (RFC 5737, RFC 3849): beyond the default route, and nobody's."""


def announced_addresses(host: str, configured: Sequence[str], public_host: str) -> tuple[str, ...]:
    """The IP addresses by which peers reach the port, best first.

    Those that are configured; else the bound one, if it is one; else the public host, if that is an address; else those
    from which this machine reaches others, IPv4 first.
    """
    if configured:
        return tuple(configured)
    for known in (host, public_host):
        if known not in WILDCARDS and _is_address(known):
            return (known,)
    families = (socket.AF_INET, socket.AF_INET6) if host == "::" else (socket.AF_INET,)
    return tuple(filter(None, map(_routed_address, families))) or ("127.0.0.1",)


def bind_all(hosts: Sequence[str], port: int, beside: Sequence[str] = ()) -> list[socket.socket]:
    """One non-blocking UDP socket for each host, all with the same port number; 0 takes one that is free for all.

    `beside`: addresses that get sockets of their own beside wildcards, so that answers leave from where they were asked for;
    those that are not this machine's are left out. Raises OSError if the port cannot be had. A wildcard for a family that
    this machine does not have is left out.
    """
    for attempt in range(_BINDS):
        try:
            return _bind_each(hosts, port, beside)
        except OSError as error:
            if port or error.errno != errno.EADDRINUSE or attempt == _BINDS - 1:
                raise
    raise AssertionError("unreachable")


def _bind_each(hosts: Sequence[str], port: int, beside: Sequence[str]) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for host in hosts:
            try:
                sockets.append(_bind(host, port))
            except OSError as error:
                if len(hosts) == 1 or error.errno not in _NOT_HERE:
                    raise
                continue
            port = int(sockets[0].getsockname()[1])
        if not sockets:
            raise OSError(errno.EADDRNOTAVAIL, "no address family is available")
        _bind_beside(sockets, [host for host in dict.fromkeys(beside) if host not in hosts], port)
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _bind_beside(sockets: list[socket.socket], hosts: Sequence[str], port: int) -> None:
    """Adds a socket for each address that is this machine's. Sharing is allowed for just as long as that takes: before, it
    would let us have a port that is somebody else's, and later let somebody else have ours."""
    _share(sockets, True)
    for host in hosts:
        try:
            sockets.append(_bind(host, port, shared=True))
        except OSError as error:
            if error.errno not in _NOT_HERE:
                raise
    _share(sockets, False)


def _share(sockets: Sequence[socket.socket], shared: bool) -> None:
    for sock in sockets:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, shared)


def _bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:  # IPv4 peers have a socket of their own, so none appears as ::ffff:a.b.c.d
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        for forced, asked in ((_SO_RCVBUFFORCE, socket.SO_RCVBUF), (_SO_SNDBUFFORCE, socket.SO_SNDBUF)):
            _enlarge(sock, forced, asked)
        sock.setblocking(False)
        _share([sock], shared)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def _enlarge(sock: socket.socket, forced: int, asked: int) -> None:
    """Beyond the system's limit if we may, else up to it."""
    for option in (asked, forced):
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _routed_address(family: socket.AddressFamily) -> str:
    """The address that this machine would send from; empty if there is no route. Nothing is sent to find out."""
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect((_ELSEWHERE[family], 9))
        return str(sock.getsockname()[0])
    return ""
