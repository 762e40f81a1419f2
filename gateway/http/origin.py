"""Where a request really comes from: behind trusted proxies, and in development mode."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from sanic import Request

Network = IPv4Network | IPv6Network


class Clients:
    """Tells who a request is from. `trusted_proxies`: addresses and networks in CIDR notation."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._trusted = tuple(ip_network(text, strict=False) for text in trusted_proxies)

    def address(self, request: Request[Any, Any]) -> str:
        peer = request.conn_info.client_ip if request.conn_info else ""
        return client_address(peer, request.headers.get("x-forwarded-for", ""), self._trusted)


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """The address of the client: the peer's, or the last one in X-Forwarded-For that is not a trusted proxy's."""
    address = peer
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    while _within(address, trusted) and hops:
        hop = hops.pop()
        if not _is_address(hop):
            break
        address = hop
    return address


def is_loopback(host: str) -> bool:
    """Whether a Host or Origin header names this machine."""
    try:
        name = urlsplit(host if "//" in host else f"//{host}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or (_is_address(name) and ip_address(name).is_loopback)


def _within(address: str, nets: Sequence[Network]) -> bool:
    return _is_address(address) and any(ip_address(address) in net for net in nets)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
