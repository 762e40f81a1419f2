"""The one UDP port that every WebRTC peer uses: which datagram is whose, and how many leave at once.

STUN finds its peer by the user name in it, everything else by the address it came from, which was learned from
authenticated STUN alone (RFC 7983 for the first byte). What belongs to nobody is counted and dropped unread.

Datagrams of equal size leave in one system call where Linux can segment them (UDP_SEGMENT).
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from adapters.webrtc.addresses import WILDCARDS, Address, Route, bind_all
from adapters.webrtc.ice import local_ufrag

log = logging.getLogger(__name__)

Impairment = Callable[[bytes, Address, bool], bool]
"""Asked for each datagram, with its address and whether it goes out; True loses it."""

DATAGRAM_BYTES: Final = 1500
"""A longer datagram is cut, and so not authentic: nobody sends media in such."""
_READS: Final = 64
"""Datagrams of one socket that are dealt with before others get their turn."""
_ADDRESSES: Final = 8
"""Addresses that one peer may be known by; one more makes us forget the one not heard of for longest."""
_SWEEP: Final = 0.25
"""Seconds in which every peer is looked at once."""
_SLICES: Final = 5
"""Parts of a sweep, so that not everyone's turn comes at once."""

_SOL_UDP: Final = 17  # linux/udp.h, which Python does not know
_UDP_SEGMENT: Final = 103
_MAX_SEGMENTS: Final = 64
_MAX_SEGMENTED_BYTES: Final = 65_000
_SO_MEMINFO: Final = 55  # asm-generic/socket.h, likewise
_MEMINFO: Final = struct.Struct("=32xI")
"""SK_MEMINFO_DROPS (linux/sock_diag.h), the last of nine numbers."""
_NO_SEGMENTATION: Final = frozenset({errno.EIO, errno.ENOPROTOOPT})
"""Nobody can be sent segments."""
_NO_SEGMENTS_THERE: Final = frozenset({errno.EMSGSIZE, errno.EINVAL})
"""This address cannot, because the path to it takes only smaller datagrams: single ones are fragmented."""
_NOT_NOW: Final = frozenset({errno.EAGAIN, errno.ENOBUFS})


class Endpoint(Protocol):
    """One peer, as the port sees it. Nothing of it may raise; what does is logged, and the peer is abandoned."""

    def check(self, data: bytes, route: Route, now: float) -> bytes | None:
        """A STUN message that names one of its ufrags. The answer, or `None` for none."""

    def receive(self, data: bytes, route: Route, now: float) -> None:
        """Anything else that came from an address that is bound to it."""

    def unbound(self, address: Address) -> None:
        """Another peer has proved that it has this address now."""

    def sweep(self, now: float) -> None:
        """Comes four times each second."""

    def abandon(self) -> None:
        """It has raised: it has to end."""


@dataclass(slots=True)
class UdpStats:
    """What the port has seen so far."""

    datagrams_in: int = 0
    bytes_in: int = 0
    datagrams_out: int = 0
    bytes_out: int = 0
    strangers: int = 0
    """Datagrams that belonged to nobody."""
    refused: int = 0
    """STUN for one of our peers that was not authentic, or made no sense."""
    unreadable: int = 0
    """Datagrams from a peer's address that it did not send: forged, repeated, without keys, or of no known kind."""
    not_taken: int = 0
    """Datagrams that the kernel had no room for."""
    send_errors: int = 0
    """Sends that failed for another reason, such as no route."""
    drops: int = 0
    """Datagrams that the kernel threw away because they came faster than they were fetched; 0 where it does not tell."""


class UdpPort:
    """The port, and the table of who is where. Opened and closed on the running event loop."""

    def __init__(self, announced: Sequence[str] = (), public_port: int = 0) -> None:
        """`announced`: IP addresses by which peers reach this port; `public_port`: its number there, 0 for the bound one."""
        self._announced = tuple(announced)
        self._public_port = public_port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sockets: list[socket.socket] = []
        self._named: dict[str, Endpoint] = {}
        self._bound: dict[Address, Endpoint] = {}
        self._addresses: dict[Endpoint, list[Address]] = {}
        self._segments = True
        self._timer: asyncio.TimerHandle | None = None
        self._round: Iterator[list[Endpoint]] = iter(())
        self.stats = UdpStats()
        self.impair: Impairment | None = None
        """For tests: loses datagrams, either way."""

    def __len__(self) -> int:
        """Peers that are registered."""
        return len(self._addresses)

    @property
    def port(self) -> int:
        """The number that is bound; 0 before `open`."""
        return int(self._sockets[0].getsockname()[1]) if self._sockets else 0

    def candidates(self) -> list[tuple[str, int]]:
        """Address and port of each candidate for our descriptions, in the order in which they were announced."""
        return [(host, self._public_port or self.port) for host in self._announced]

    def open(self, host: str, port: int) -> None:
        """Receives from now on; port 0 takes a free one. Raises OSError if the address cannot be had.

        With a wildcard for one family, the other one is served too where it is `::`, or where an announced address needs it;
        and what is sent to an announced address of this machine is answered from there.
        """
        hosts = [host]
        if host == "::" or (host == "0.0.0.0" and any(":" in each for each in self._announced)):
            hosts = ["0.0.0.0", "::"]
        self._sockets = bind_all(hosts, port, self._announced if host in WILDCARDS else ())
        loop = self._loop = asyncio.get_running_loop()
        for sock in self._sockets:
            loop.add_reader(sock.fileno(), self._readable, sock, loop.time)
        self._timer = loop.call_later(_SWEEP / _SLICES, self._tick, loop)

    def close(self) -> None:
        """Receives and sends no more; who is still registered hears nothing of it. Harmless when repeated."""
        if self._timer is not None:
            self._timer.cancel()
        for sock in self._sockets:
            if self._loop is not None:
                self._loop.remove_reader(sock.fileno())
            sock.close()
        self._sockets = []

    def register(self, ufrag: str, endpoint: Endpoint) -> None:
        """STUN that names `ufrag` is the endpoint's from now on."""
        self._named[ufrag] = endpoint
        self._addresses.setdefault(endpoint, [])

    def unregister(self, ufrag: str) -> None:
        """Nobody goes by that name any more. Harmless when repeated."""
        self._named.pop(ufrag, None)

    def bind(self, address: Address, endpoint: Endpoint) -> None:
        """What comes from `address` is the endpoint's from now on: it has proved that it is there."""
        addresses = self._addresses[endpoint]
        before = self._bound.get(address)
        if before is endpoint:
            if addresses[-1] != address:
                addresses.remove(address)
                addresses.append(address)
            return
        if before is not None:
            self._addresses[before].remove(address)
            before.unbound(address)
        self._bound[address] = endpoint
        addresses.append(address)
        if len(addresses) > _ADDRESSES:
            oldest = addresses.pop(0)
            del self._bound[oldest]
            endpoint.unbound(oldest)

    def remove(self, endpoint: Endpoint) -> None:
        """Forgets the endpoint's addresses. Harmless when repeated; its names are for `unregister`."""
        for address in self._addresses.pop(endpoint, ()):
            del self._bound[address]

    def send(self, datagrams: Sequence[bytes], route: Route) -> int:
        """Sends by one route, in order, and tells how many of the first are done with.

        The others found no room in the kernel, and may be tried again later. What cannot be sent at all, for want of a route
        for instance, counts as done: on UDP it is lost, no more.
        """
        address, sock = route
        lost = 0
        if self.impair is not None:
            asked, impair = len(datagrams), self.impair
            datagrams = [datagram for datagram in datagrams if not impair(datagram, address, True)]
            lost = asked - len(datagrams)
        done, count, segments = 0, len(datagrams), self._segments
        while done < count:
            run = run_length(datagrams, done) if segments else 1
            try:
                if run == 1:
                    sock.sendto(datagrams[done], address)
                else:
                    sock.sendmsg(datagrams[done : done + run], _segment_size(len(datagrams[done])), 0, address)
            except OSError as error:
                if error.errno in _NOT_NOW:
                    self.stats.not_taken += count - done
                    break
                if run > 1 and error.errno in _NO_SEGMENTATION | _NO_SEGMENTS_THERE:
                    segments = False
                    self._segments = self._segments and error.errno in _NO_SEGMENTS_THERE
                    continue
                self.stats.send_errors += 1
                return count + lost
            done += run
        self.stats.datagrams_out += done
        self.stats.bytes_out += sum(map(len, datagrams if done == count else datagrams[:done]))
        return done + lost

    def receive(self, data: bytes, route: Route, now: float) -> None:
        """Gives a datagram, which is not empty, to the one whose it is."""
        is_stun = data[0] < 4
        endpoint = self._named.get(local_ufrag(data) or "") if is_stun else self._bound.get(route.address)
        if endpoint is None:
            self.stats.strangers += 1
            return
        try:
            if not is_stun:
                endpoint.receive(data, route, now)
            elif (answer := endpoint.check(data, route, now)) is not None:
                self.send([answer], route)
        except Exception:
            log.exception("receiving failed peer=%s", route.address[0])
            endpoint.abandon()

    def sweep(self, now: float) -> None:
        """Looks at the next slice of the peers; always the same number of slices has them all, however many they are."""
        due = next(self._round, None)
        if due is None:
            self.stats.drops = sum(map(kernel_drops, self._sockets))
            everyone = list(self._addresses)
            self._round = iter([everyone[start::_SLICES] for start in range(_SLICES)])
            due = next(self._round)
        for endpoint in due:
            if endpoint in self._addresses:
                try:
                    endpoint.sweep(now)
                except Exception:
                    log.exception("sweeping failed")
                    endpoint.abandon()

    def _readable(self, sock: socket.socket, clock: Callable[[], float]) -> None:
        """Deals with what has come, but not for longer than others can wait."""
        now, count, size = clock(), 0, 0
        for _ in range(_READS):
            try:
                data, address = sock.recvfrom(DATAGRAM_BYTES)
            except OSError:  # nothing more; or an error of an earlier send, which that peer's silence will tell
                break
            count += 1
            size += len(data)
            if data and (self.impair is None or not self.impair(data, address, False)):
                self.receive(data, Route(address, sock), now)
        self.stats.datagrams_in += count
        self.stats.bytes_in += size

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(_SWEEP / _SLICES, self._tick, loop)
        self.sweep(loop.time())


def kernel_drops(sock: socket.socket) -> int:
    """Datagrams that the kernel threw away because nobody had fetched those before them."""
    if sys.platform != "linux":
        return 0
    try:
        (drops,) = _MEMINFO.unpack(sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))
    except (OSError, struct.error):  # not known here
        return 0
    return int(drops)


def run_length(datagrams: Sequence[bytes], start: int) -> int:
    """How many datagrams from `start` on can leave as segments of one: they are of one size, the last may be shorter."""
    size = len(datagrams[start])
    most = min(len(datagrams) - start, _MAX_SEGMENTS, _MAX_SEGMENTED_BYTES // max(size, 1))
    for offset in range(1, most):
        this = len(datagrams[start + offset])
        if this != size:
            return offset + (this < size)
    return max(most, 1)


@lru_cache(maxsize=DATAGRAM_BYTES)
def _segment_size(size: int) -> list[tuple[int, int, bytes]]:
    """The ancillary data that makes the kernel cut what is sent into datagrams of `size` bytes."""
    return [(_SOL_UDP, _UDP_SEGMENT, struct.pack("=H", size))]
