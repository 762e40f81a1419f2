"""Whose a datagram is, and what leaves together. The port is not opened: no socket, no event loop."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.webrtc.addresses import Address, Route, announced_addresses, bind_all
from adapters.webrtc.udp import UdpPort, kernel_drops, run_length
from tests.support.dtls_client import binding_request

HERE, THERE = ("192.0.2.1", 4000), ("192.0.2.2", 5000)
NO_SOCKET = cast(socket.socket, None)
MEDIA, DTLS = b"\x80media", b"\x16dtls"


class Recorder:
    """An endpoint that answers every check, and notes what it gets."""

    def __init__(self, port: UdpPort, ufrag: str) -> None:
        self.port = port
        self.got: list[bytes] = []
        self.lost: list[Address] = []
        self.abandoned = self.fails = False
        self.swept: list[float] = []
        port.register(ufrag, self)

    def check(self, data: bytes, route: Route, now: float) -> bytes | None:
        self.port.bind(route.address, self)
        return b"answer"

    def receive(self, data: bytes, route: Route, now: float) -> None:
        if data == b"\x80bad":
            raise ValueError("a mistake")
        self.got.append(data)

    def unbound(self, address: Address) -> None:
        self.lost.append(address)

    def sweep(self, now: float) -> None:
        self.swept.append(now)
        if self.fails:
            raise ValueError("a mistake")

    def abandon(self) -> None:
        self.abandoned = True


def request(ufrag: str) -> bytes:
    return binding_request(f"{ufrag}:them", "p" * 24)


def deliver(port: UdpPort, data: bytes, address: Address) -> None:
    port.receive(data, Route(address, NO_SOCKET), 0)


@pytest.fixture
def port() -> UdpPort:
    return UdpPort()


@pytest.fixture
def sent(port: UdpPort) -> list[tuple[bytes, Address]]:
    """What the port would have sent."""
    sent: list[tuple[bytes, Address]] = []

    def note(data: bytes, address: Address, outgoing: bool) -> bool:
        if outgoing:
            sent.append((data, address))
        return outgoing

    port.impair = note
    return sent


def test_stun_finds_its_peer_by_name_and_everything_else_by_address(port: UdpPort, sent: list[tuple[bytes, Address]]) -> None:
    alice, bob = Recorder(port, "alice"), Recorder(port, "bob")
    deliver(port, request("alice"), HERE)
    deliver(port, request("bob"), THERE)
    assert sent == [(b"answer", HERE), (b"answer", THERE)]
    for data, address in ((MEDIA, HERE), (DTLS, HERE), (MEDIA, THERE)):
        deliver(port, data, address)
    assert alice.got == [MEDIA, DTLS]
    assert bob.got == [MEDIA]
    assert port.stats.strangers == 0


def test_strangers_are_counted_and_get_nothing(port: UdpPort, sent: list[tuple[bytes, Address]]) -> None:
    alice = Recorder(port, "alice")
    for data in (MEDIA, DTLS, request("mallory"), b"\0", b"\xff"):
        deliver(port, data, HERE)
    assert port.stats.strangers == 5
    assert alice.got == []
    assert sent == []


def test_who_proves_to_be_at_an_address_takes_it_over(port: UdpPort) -> None:
    alice, bob = Recorder(port, "alice"), Recorder(port, "bob")
    port.bind(HERE, alice)
    port.bind(HERE, bob)
    assert alice.lost == [HERE]
    deliver(port, MEDIA, HERE)
    assert (alice.got, bob.got) == ([], [MEDIA])
    port.remove(alice)
    deliver(port, MEDIA, HERE)
    assert bob.got == [MEDIA, MEDIA]


def test_a_peer_has_few_addresses_and_keeps_those_it_uses(port: UdpPort) -> None:
    alice = Recorder(port, "alice")
    port.bind(HERE, alice)
    for number in range(100):
        port.bind(("192.0.2.9", number), alice)
        port.bind(HERE, alice)
    deliver(port, MEDIA, HERE)
    assert alice.got == [MEDIA]
    assert alice.lost == [("192.0.2.9", number) for number in range(93)]


def test_nothing_of_a_removed_peer_stays(port: UdpPort) -> None:
    alice = Recorder(port, "alice")
    port.bind(HERE, alice)
    for _ in range(2):
        port.unregister("alice")
        port.remove(alice)
    for data in (MEDIA, request("alice")):
        deliver(port, data, HERE)
    assert port.stats.strangers == 2
    assert len(port) == 0


def test_a_mistake_about_one_peer_is_logged_and_ends_that_peer_alone(port: UdpPort, caplog: pytest.LogCaptureFixture) -> None:
    alice = Recorder(port, "alice")
    port.bind(HERE, alice)
    deliver(port, b"\x80bad", HERE)
    assert alice.abandoned
    assert "receiving failed peer=192.0.2.1" in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_what_the_kernel_throws_away_is_known() -> None:
    with ExitStack() as stack:
        here, there = (stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(2))
        here.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        here.bind(("127.0.0.1", 0))
        there.sendto(b"fits", here.getsockname())
        assert kernel_drops(here) == 0
        for _ in range(100):
            there.sendto(bytes(1400), here.getsockname())
        assert 80 < kernel_drops(here) < 101


def test_a_socket_of_which_nothing_is_known_has_dropped_nothing() -> None:
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.close()
    assert kernel_drops(sock) == 0


@pytest.mark.parametrize("count", [1, 2, 4, 5, 6, 9, 103])
def test_everyone_is_swept_once_in_five_slices_however_many_there_are(port: UdpPort, count: int) -> None:
    everyone = [Recorder(port, f"peer {number}") for number in range(count)]
    for slice_ in range(50):
        port.sweep(slice_)
    for endpoint in everyone:
        assert len(endpoint.swept) == 10
        assert {after - before for before, after in zip(endpoint.swept, endpoint.swept[1:], strict=False)} == {5}


def test_a_mistake_in_a_sweep_ends_that_peer_alone(port: UdpPort, caplog: pytest.LogCaptureFixture) -> None:
    everyone = [Recorder(port, f"peer {number}") for number in range(10)]
    everyone[0].fails = True
    for slice_ in range(5):
        port.sweep(slice_)
    assert [endpoint.abandoned for endpoint in everyone] == [True] + [False] * 9
    assert all(endpoint.swept for endpoint in everyone)
    assert "sweeping failed" in caplog.text


class Path:
    """A socket of which some calls fail; it notes how many datagrams each call took."""

    def __init__(self, error: int) -> None:
        self.error = error
        self.calls: list[int] = []

    def sendto(self, data: bytes, address: Address) -> int:
        self.calls.append(1)
        return len(data)

    def sendmsg(self, datagrams: Sequence[bytes], *_: Any) -> int:
        self.calls.append(len(datagrams))
        if self.error:
            raise OSError(self.error, "no segments")
        return sum(map(len, datagrams))


@pytest.mark.parametrize("error", [errno.EMSGSIZE, errno.EINVAL, errno.EIO, errno.ENOPROTOOPT])
def test_what_cannot_leave_together_leaves_one_by_one(port: UdpPort, error: int) -> None:
    narrow, wide = Path(error), Path(0)
    for path in (narrow, wide):
        assert port.send([bytes(1200)] * 3, Route(HERE, cast(socket.socket, path))) == 3
    assert narrow.calls == [3, 1, 1, 1]
    everybody = error in (errno.EIO, errno.ENOPROTOOPT)
    assert wide.calls == ([1, 1, 1] if everybody else [3]), "a narrow path of one peer's is nobody else's"
    assert (port.stats.send_errors, port.stats.datagrams_out, port.stats.bytes_out) == (0, 6, 7200)


@given(st.lists(st.sampled_from([1, 500, 1100, 1400]), min_size=1, max_size=200))
def test_runs_are_what_the_kernel_can_segment(sizes: list[int]) -> None:
    datagrams = [bytes(size) for size in sizes]
    done = 0
    while done < len(datagrams):
        run = run_length(datagrams, done)
        part = sizes[done : done + run]
        assert 1 <= run <= 64
        assert sum(part) <= 65_000
        assert len(set(part[:-1])) <= 1
        assert part[-1] <= part[0]
        done += run
    assert done == len(datagrams)


def test_equal_datagrams_and_a_shorter_last_one_leave_together() -> None:
    assert run_length([bytes(1100)] * 5 + [bytes(300), bytes(1100)], 0) == 6
    assert run_length([bytes(300), bytes(1100)], 0) == 1
    assert run_length([bytes(1100)], 0) == 1


@pytest.mark.parametrize(
    ("host", "configured", "public_host", "announced"),
    [
        ("0.0.0.0", ("203.0.113.5", "2001:db8::5"), "example.com", ("203.0.113.5", "2001:db8::5")),
        ("127.0.0.1", (), "example.com", ("127.0.0.1",)),
        ("::1", (), "", ("::1",)),
        ("0.0.0.0", (), "203.0.113.5", ("203.0.113.5",)),
        ("::", (), "2001:db8::5", ("2001:db8::5",)),
    ],
)
def test_what_is_announced(host: str, configured: tuple[str, ...], public_host: str, announced: tuple[str, ...]) -> None:
    assert announced_addresses(host, configured, public_host) == announced


def test_a_wildcard_is_announced_as_an_address_that_peers_could_reach() -> None:
    for host in ("0.0.0.0", "::"):
        assert announced_addresses(host, (), "example.com")
        assert not {"0.0.0.0", "::"} & set(announced_addresses(host, (), "example.com"))


def test_a_port_has_one_number_in_both_families() -> None:
    sockets = bind_all(["127.0.0.1", "::1"], 0)
    numbers = {sock.getsockname()[1] for sock in sockets}
    for sock in sockets:
        sock.close()
    assert len(numbers) == 1
    assert sockets[0].family == socket.AF_INET


@pytest.fixture
def bound() -> Iterator[Callable[..., list[socket.socket]]]:
    """Binds, and closes in the end."""
    with ExitStack() as stack:

        def bind(*arguments: Any) -> list[socket.socket]:
            return [stack.enter_context(sock) for sock in bind_all(*arguments)]

        yield bind


def test_local_addresses_get_sockets_of_their_own_beside_a_wildcard(bound: Callable[..., list[socket.socket]]) -> None:
    sockets = bound(["0.0.0.0"], 0, ["127.0.0.1", "203.0.113.5", "127.0.0.2", "127.0.0.2", "0.0.0.0"])
    hosts, ports = zip(*(sock.getsockname() for sock in sockets), strict=True)
    assert hosts == ("0.0.0.0", "127.0.0.1", "127.0.0.2"), "203.0.113.5 is somebody's who translates it"
    assert len(set(ports)) == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1", "127.0.0.3"])
def test_a_port_is_shared_with_nobody(bound: Callable[..., list[socket.socket]], host: str) -> None:
    port = bound(["0.0.0.0"], 0, ["127.0.0.1", "127.0.0.2"])[0].getsockname()[1]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use"):
            other.bind((host, port))


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1", "127.0.0.3"])
def test_a_port_that_is_somebody_elses_is_not_taken(bound: Callable[..., list[socket.socket]], host: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((host, 0))
        with pytest.raises(OSError, match="in use"):
            bound(["0.0.0.0"], other.getsockname()[1], ["127.0.0.1"])


def test_candidates_carry_the_public_port_if_there_is_one() -> None:
    assert UdpPort(("203.0.113.5", "2001:db8::5"), 3478).candidates() == [("203.0.113.5", 3478), ("2001:db8::5", 3478)]
    assert UdpPort(("203.0.113.5",)).candidates() == [("203.0.113.5", 0)]
