"""A client's own way to the gateway, which can be made bad for that client alone.

Addresses and session descriptions are rewritten, so that a client connects through proxies without knowing of them.
"""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from typing import Literal
from urllib.parse import urlsplit

from tests.support.proxy import TcpLink, TcpProxy, UdpLink, UdpProxy, tcp_proxy, udp_proxy

Direction = Literal["up", "down"]
"""As the client sees it: up is what it sends."""
_CANDIDATE = re.compile(r"^(a=candidate:\S+ \d+ udp \d+ \S+) (\d+) ", re.MULTILINE | re.IGNORECASE)


class Network:
    """One client's way to a gateway on this machine. It is healthy to begin with."""

    def __init__(self, exits: AsyncExitStack, seed: int = 1) -> None:
        """`exits`: ends what is opened here. `seed`: of what is random."""
        self._exits = exits
        self._seed = seed
        self._tcp: dict[int, TcpProxy] = {}
        self._udp: dict[int, UdpProxy] = {}

    async def url(self, url: str) -> str:
        """An RTMP or HTTP address whose connections go this way."""
        port = urlsplit(url).port
        assert port is not None
        if port not in self._tcp:
            self._tcp[port] = await self._exits.enter_async_context(tcp_proxy(port))
        return detoured(url, self._tcp[port].port)

    async def sdp(self, description: str) -> str:
        """The gateway's description, of a transport whose packets go this way."""
        for port in candidate_ports(description):
            if port not in self._udp:
                self._udp[port] = await self._exits.enter_async_context(udp_proxy(port, self._seed))
        return rerouted(description, {port: proxy.port for port, proxy in self._udp.items()})

    def worsen(self, direction: Direction, *, rate: float | None = None, loss: float = 0.0) -> None:
        """Limits one direction to so many bit/s, and loses that part of its packets (of UDP)."""
        for link in self._links(direction):
            link.rate = rate
            if isinstance(link, UdpLink):
                link.loss = loss

    def stall(self, direction: Direction) -> None:
        """Lets nothing of TCP through in one direction."""
        for proxy in self._tcp.values():
            (proxy.up if direction == "up" else proxy.down).stall()

    def heal(self) -> None:
        """Is as it was at the beginning."""
        self.worsen("up")
        self.worsen("down")
        for proxy in self._tcp.values():
            proxy.up.resume()
            proxy.down.resume()

    def _links(self, direction: Direction) -> list[TcpLink | UdpLink]:
        proxies: list[TcpProxy | UdpProxy] = [*self._tcp.values(), *self._udp.values()]
        return [proxy.up if direction == "up" else proxy.down for proxy in proxies]


def detoured(url: str, port: int) -> str:
    """The same address with another port."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.hostname}:{port}").geturl()


def candidate_ports(description: str) -> list[int]:
    """The UDP ports at which a description says that its maker can be reached, each once."""
    return list(dict.fromkeys(int(match[2]) for match in _CANDIDATE.finditer(description)))


def rerouted(description: str, ports: dict[int, int]) -> str:
    """A description with other ports in its candidates."""
    return _CANDIDATE.sub(lambda match: f"{match[1]} {ports.get(int(match[2]), int(match[2]))} ", description)
