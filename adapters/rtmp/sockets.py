"""Sockets that are ours: the listener's accepting, and a transport whose writes go straight to the kernel.

The event loop's own transports queue each write and make it later in the iteration, which costs more than the rest of
the fan-out in user time. Here a write is one `send` on a socket that nobody else holds: it cannot have been closed, and
its number given to another connection, while a stream still writes to it. What the kernel does not take at once waits,
and is counted, so that streams can see who falls behind.

Nothing here knows RTMP.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections import deque
from collections.abc import Callable
from typing import Protocol

from adapters.media.tcp_path import TcpPath

log = logging.getLogger(__name__)

READ_BYTES = 16_384
"""Bytes of one connection that are dealt with before others get their turn."""
_BACKLOG = 1024
"""Connections that the kernel may hold until they are accepted."""
_ACCEPTS = 64
"""Connections accepted in one iteration of the event loop."""
_REST = 0.5
"""Seconds without accepting after the process ran out of descriptors."""
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Receiver(Protocol):
    """What takes a connection's bytes: an `asyncio.Protocol`, as far as it is needed here."""

    def connection_made(self, transport: SocketTransport) -> None: ...

    def data_received(self, data: bytes) -> None: ...

    def connection_lost(self, exc: Exception | None) -> None: ...


class SocketTransport:
    """One connected, non-blocking stream socket."""

    __slots__ = ("_eof", "_fd", "_loop", "_lost", "_receiver", "_sock", "_waiting", "_waiting_bytes", "path", "peer", "send")

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, peer: str) -> None:
        self._loop = loop
        self._sock = sock
        self._fd = sock.fileno()
        self.send: Callable[[bytes], int] = sock.send
        """Gives the kernel bytes and tells how many it took: none while older ones wait, or when nothing more can be
        written. Raises OSError (BlockingIOError if it takes none now). For those who mind what is left over."""
        self._waiting: deque[memoryview] = deque()
        self._waiting_bytes = 0
        self._eof = False
        self._lost = False
        self._receiver: Receiver | None = None
        self.peer = peer
        """The other side's address."""
        self.path = TcpPath(sock)
        """What the kernel knows of the way there."""

    def begin(self, receiver: Receiver) -> None:
        """From now on `receiver` gets what comes."""
        self._receiver = receiver
        receiver.connection_made(self)
        if not self._lost:
            self._loop.add_reader(self._fd, self._readable)

    def write(self, data: bytes) -> None:
        """Sends now what the kernel takes, and the rest as soon as it does. Nothing after `write_eof` or `abort`."""
        if self._eof or self._lost:
            return
        sent = 0
        if not self._waiting:
            try:
                sent = self.send(data)
            except (BlockingIOError, InterruptedError):
                pass
            except OSError as error:
                self._lose(error)
                return
            if sent == len(data):
                return
            self.send = _nothing
            self._loop.add_writer(self._fd, self._writable)
        self._waiting.append(memoryview(data)[sent:])
        self._waiting_bytes += len(data) - sent

    def get_write_buffer_size(self) -> int:
        """Bytes that wait for the kernel to take them."""
        return self._waiting_bytes

    def write_eof(self) -> None:
        """Ends our half of the connection, after what waits."""
        if not self._eof and not self._lost:
            self._eof = True
            self.send = _nothing
            if not self._waiting:
                self._shut_down()

    def is_closing(self) -> bool:
        """True if nothing more can be written."""
        return self._eof or self._lost

    def abort(self) -> None:
        """Closes at once; what waits is thrown away."""
        self._lose(None)

    def set_options(self, patience: float) -> None:
        """Small messages leave at once; a peer that acknowledges nothing for `patience` seconds is given up."""
        if self._sock.family not in (socket.AF_INET, socket.AF_INET6):
            return
        try:
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, max(1, int(patience * 1000)))
        except OSError as error:  # macOS: the peer has reset the connection already
            self._lose(error)

    def _readable(self) -> None:
        try:
            data = self._sock.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(error)
            return
        if not data:
            self._lose(None)
        elif self._receiver is not None:
            try:
                self._receiver.data_received(data)
            except Exception as error:
                log.exception("receiving failed peer=%s", self.peer)
                self._lose(error)

    def _writable(self) -> None:
        waiting = self._waiting
        while waiting:
            data = waiting[0]
            try:
                sent = self._sock.send(data)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._lose(error)
                return
            self._waiting_bytes -= sent
            if sent != len(data):
                waiting[0] = data[sent:]
                return
            waiting.popleft()
        self._loop.remove_writer(self._fd)
        if self._eof:
            self._shut_down()
        else:
            self.send = self._sock.send

    def _shut_down(self) -> None:
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError as error:  # the peer has reset the connection, and we have not read that yet
            self._lose(error)

    def _lose(self, error: Exception | None) -> None:
        """The connection is over. The receiver hears of it in the next iteration, whoever noticed."""
        if self._lost:
            return
        self._lost = True
        self.send = _nothing
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._waiting.clear()
        self._waiting_bytes = 0
        self._loop.call_soon(self._report, error)

    def _report(self, error: Exception | None) -> None:
        """Only after the receiver let go is the descriptor closed."""
        receiver, self._receiver = self._receiver, None
        try:
            if receiver is not None:
                receiver.connection_lost(error)
        finally:
            self._sock.close()


def _nothing(data: bytes) -> int:
    """Takes none of it."""
    return 0


class Listener:
    """Accepts connections on one address."""

    def __init__(self, make_receiver: Callable[[], Receiver]) -> None:
        self._loop = asyncio.get_running_loop()
        self._make_receiver = make_receiver
        self._sock: socket.socket | None = None

    @property
    def port(self) -> int:
        """The TCP port that is listened on; 0 if none is."""
        return int(self._sock.getsockname()[1]) if self._sock else 0

    def open(self, host: str, port: int) -> None:
        """Accepts from now on. Raises OSError if the address cannot be had."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setblocking(False)
            sock.bind((host, port))
            sock.listen(_BACKLOG)
        except OSError:
            sock.close()
            raise
        self._sock = sock
        self._loop.add_reader(sock.fileno(), self._accept)

    def close(self) -> None:
        """Accepts no more. Harmless when repeated."""
        sock, self._sock = self._sock, None
        if sock is not None:
            self._loop.remove_reader(sock.fileno())
            sock.close()

    def _accept(self) -> None:
        for _ in range(_ACCEPTS):
            if self._sock is None:
                return
            try:
                connected, address = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                self._rest(error)
                return
            connected.setblocking(False)
            SocketTransport(self._loop, connected, str(address[0])).begin(self._make_receiver())

    def _rest(self, error: OSError) -> None:
        """Without descriptors the kernel would call again at once: others have to close first."""
        log.error("cannot accept error=%s", error)
        if self._sock is not None:
            self._loop.remove_reader(self._sock.fileno())
            self._loop.call_later(_REST, self._resume)

    def _resume(self) -> None:
        if self._sock is not None:
            self._loop.add_reader(self._sock.fileno(), self._accept)
