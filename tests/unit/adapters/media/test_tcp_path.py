"""What the kernel says of a TCP connection, and that not to be told is no harm."""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import pytest

from adapters.media.tcp_path import TcpPath
from gateway.quality.readings import PathReading

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
DEADLINE = 10.0
"""Seconds in which this machine's kernel acknowledges what it was sent."""


class Kernel:
    """A socket of which is told what a test says, in the layout of linux/tcp.h."""

    def __init__(self) -> None:
        self.round_trip = 0
        self.again = 0
        self.sent = 0
        self.sent_ago = 0
        """Milliseconds since the last segment."""

    def fileno(self) -> int:
        return -1

    def getsockopt(self, level: int, name: int, size: int, /) -> bytes:
        assert (level, name, size) == (6, 11, 160)
        info = bytearray(size)
        struct.pack_into("=I", info, 44, self.sent_ago)
        struct.pack_into("=I", info, 68, self.round_trip)
        struct.pack_into("=I", info, 100, self.again % (1 << 32))
        struct.pack_into("=I", info, 156, self.sent % (1 << 32))
        return bytes(info)


@contextmanager
def connected() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a connection over loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        near = socket.create_connection(listening.getsockname())
        far, _ = listening.accept()
    with near, far:
        near.setblocking(False)
        yield near, far


def fill(sock: socket.socket) -> int:
    """Writes until the kernel takes no more; gives the number of bytes."""
    written = 0
    try:
        while True:
            written += sock.send(bytes(65_536))
    except BlockingIOError:
        return written


@linux
def test_what_the_peer_does_not_take_is_queued_and_what_it_takes_is_not() -> None:
    with connected() as (near, far):
        path = TcpPath(near)
        assert path.queued() == 0
        written = fill(near)
        held = path.queued()
        assert 0 < held <= written
        told = path.to_viewer(500).queued
        assert told is not None
        assert path.queued() + 500 <= told <= held + 500, "the far kernel may still be taking some"
        while written:
            written -= len(far.recv(1 << 20))
        end = monotonic() + DEADLINE
        while path.queued() and monotonic() < end:
            continue  # what has arrived is acknowledged a little later
        assert path.queued() == 0


@linux
def test_a_real_connection_has_a_round_trip_and_loses_nothing() -> None:
    with connected() as (near, far):
        near.send(b"x")
        far.recv(1)
        reading = TcpPath(near).to_viewer(0)
        assert reading.round_trip is not None
        assert 0 < reading.round_trip < 10
        assert (reading.loss, reading.repeats) == (0.0, 0)
        publisher = TcpPath(far).from_publisher()
        assert (publisher.loss, publisher.queued, publisher.repeats) == (None, None, 0)


@linux
def test_loss_is_that_of_lately() -> None:
    kernel = Kernel()
    kernel.round_trip = 80_000
    path = TcpPath(kernel)
    kernel.sent, kernel.again = 100, 20
    assert path.to_viewer(0) == PathReading(0.08, 0.2, None, 0, 20)
    losses = []
    for _ in range(20):
        kernel.sent += 100
        losses.append(path.to_viewer(0).loss or 0.0)
    assert losses[0] < 0.2
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.001


@linux
def test_a_path_on_which_nothing_was_sent_says_nothing_but_what_waits() -> None:
    kernel = Kernel()
    kernel.round_trip, kernel.sent, kernel.again = 1_200_000, 10, 5
    path = TcpPath(kernel)
    assert path.to_viewer(700) == PathReading(1.2, 0.5, None, 700, 5)
    assert {path.to_viewer(700) for _ in range(50)} == {PathReading(queued=700, repeats=5)}
    kernel.sent += 10
    reading = path.to_viewer(0)
    assert (reading.round_trip, reading.loss) == (1.2, pytest.approx(0, abs=0.001)), "what was lost long ago is forgotten"


@linux
def test_nothing_has_a_round_trip_before_anything_was_sent() -> None:
    kernel = Kernel()
    kernel.round_trip = 80_000
    assert TcpPath(kernel).to_viewer(0) == PathReading(queued=0)


@linux
@pytest.mark.parametrize(("sent_ago", "round_trip"), [(0, 1.2), (5_900, 1.2), (6_100, None), (600_000, None)])
def test_of_a_publisher_is_known_what_our_last_segments_told_if_that_is_not_long_ago(
    sent_ago: int, round_trip: float | None
) -> None:
    kernel = Kernel()
    kernel.round_trip, kernel.sent_ago = 1_200_000, sent_ago
    assert TcpPath(kernel).from_publisher() == PathReading(round_trip)


@linux
def test_a_real_publisher_that_was_told_something_just_now_has_a_round_trip() -> None:
    with connected() as (near, far):
        far.send(b"x")
        near.recv(1)
        info = far.getsockopt(socket.IPPROTO_TCP, 11, 160)
        assert struct.unpack_from("=I", info, 44)[0] < 6_000
        assert TcpPath(far).from_publisher().round_trip is not None


@linux
def test_counts_of_the_kernel_wrap() -> None:
    kernel = Kernel()
    kernel.sent, kernel.again = (1 << 32) - 50, (1 << 32) - 5
    path = TcpPath(kernel)
    path.to_viewer(0)
    for _ in range(120):
        kernel.sent += 100
        kernel.again += 10
        reading = path.to_viewer(0)
    assert reading.loss == pytest.approx(0.1, abs=0.01)


def test_of_a_closed_socket_nothing_is_known_but_what_waits_here() -> None:
    closed = socket.socket()
    closed.close()
    assert TcpPath(closed).to_viewer(700) == PathReading(queued=700)
    assert TcpPath(closed).from_publisher() == PathReading()


def test_of_a_socket_that_is_not_tcp_likewise() -> None:
    one, other = socket.socketpair()
    with one, other:
        reading = TcpPath(one).to_viewer(700)
        assert (reading.round_trip, reading.loss, reading.queued) == (None, None, 700)
