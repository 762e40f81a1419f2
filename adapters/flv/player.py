"""HTTP-FLV viewers: a stream as the body of one endless HTTP response.

Each FLV tag is one chunk of HTTP's chunked transfer coding (RFC 9112 section 7.1), so that the framing, too, is made once
per unit and shared by all viewers. The HTTP request and the response's head are `gateway/http/flv.py`'s affair.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from adapters.flv.mux import file_header
from adapters.flv.tags import tag_bytes
from adapters.media.audience import LANES
from adapters.media.tcp_path import Socket, TcpPath
from adapters.media.units import Codec, Medium, PlayMode, Unit
from adapters.media.viewer import Feeding, Relay
from gateway.errors import GatewayError
from gateway.quality.readings import PathReading
from gateway.rooms.model import BOTH_MEDIA

HEADERS = {
    "content-type": "video/x-flv",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "access-control-allow-origin": "*",
}
"""What goes with every FLV response."""


def chunk(data: bytes) -> bytes:
    """`data` as one chunk of the chunked transfer coding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def chunked_tag(unit: Unit) -> bytes:
    """A unit's FLV tag as one chunk: the wire form of HTTP-FLV viewers."""
    return chunk(tag_bytes(unit))


class FlvPlayer:
    """One HTTP-FLV viewer, writing to its connection's transport, whose socket is `sock`."""

    transport = "flv"
    manner = LANES
    accepts = (Codec.H264,)
    wire = staticmethod(chunked_tag)

    def __init__(self, write: Callable[[bytes], None], backlog: Callable[[], int], sock: Socket) -> None:
        self.mode = PlayMode.RTC
        self.media = BOTH_MEDIA
        self.feeding = Feeding()
        self._path = TcpPath(sock)
        self.port = Relay(self)
        self.backlog: Callable[[], int] = self._held_backlog
        self._transport_backlog = backlog
        self._write = write
        self._held: list[bytes] | None = []
        self._held_bytes = 0
        self.error: GatewayError | None = None
        self.over = asyncio.Event()
        """Set when the stream has ended or the viewer was dropped (`error`)."""

    def begin(self, arriving: frozenset[Medium]) -> None:
        """The file header tells what is there; a stream from which nothing came yet may bring both."""
        self.send(chunk(file_header(self.media & (arriving or BOTH_MEDIA))))

    def send(self, data: bytes) -> None:
        """Hands bytes to the transport; until the response's head has been sent they wait."""
        if self._held is None:
            self._write(data)
        else:
            self._held.append(data)
            self._held_bytes += len(data)

    def open(self) -> None:
        """The response's head has been sent: from now on everything goes straight to the transport."""
        if self._held is not None:
            self._write(b"".join(self._held))
            self._held = None
            self._held_bytes = 0
            self.backlog = self._transport_backlog

    def _held_backlog(self) -> int:
        """What waits for the response's head counts too: a client that asked for other things before may let it wait."""
        return self._held_bytes + self._transport_backlog()

    def unacknowledged(self) -> int:
        """Bytes that the peer has not acknowledged: what waits for the kernel, and what the kernel holds."""
        return self.backlog() + self._path.queued()

    def measure_path(self) -> PathReading:
        """What is known of the network between here and there."""
        return self._path.to_viewer(self.backlog())

    def ended(self, error: GatewayError | None) -> None:
        self.error = error
        self.over.set()
