"""Where a request really comes from: behind trusted proxies, and in development mode."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from sanic import Request

from gateway.config.checks import is_loopback

Network = IPv4Network | IPv6Network


class Clients:
    """Tells who a request is from. `trusted_proxies`: addresses and networks in CIDR notation."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._trusted = tuple(ip_network(text, strict=False) for text in trusted_proxies)

    def address(self, request: Request[Any, Any]) -> str:
        peer = request.conn_info.client_ip if request.conn_info else ""
        if not self._trusted:
            return peer
        return client_address(peer, ",".join(request.headers.getall("x-forwarded-for", [])), self._trusted)


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """The address of the client: the peer's, or the last one in X-Forwarded-For that is not a trusted proxy's.

    `forwarded_for`: all header lines of that name, joined by commas. A proxy may add a line of its own to the client's.
    """
    address = peer
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    while _within(address, trusted) and hops:
        hop = hops.pop()
        if _address(hop) is None:
            break
        address = hop
    return address


def names_loopback(header: str) -> bool:
    """Whether a Host or Origin header names this machine."""
    try:
        return is_loopback(urlsplit(header if "//" in header else f"//{header}").hostname or "")
    except ValueError:
        return False


def _within(text: str, nets: Sequence[Network]) -> bool:
    address = _address(text)
    return address is not None and any(address in net for net in nets)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address; an IPv4 peer of a socket that listens on IPv6 as the IPv4 address that it is."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
