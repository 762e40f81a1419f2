"""The peer of the WebRTC comparison: a WHEP server made of aiortc as it comes. python tests/bench/stock.py PORT FLV OGG

aiortc's own RTCPeerConnection and RTCRtpSender send the clip's coded pictures and coded sound, nothing is encoded. What can
be shared outside aiortc is: both files are read once, one source per medium paces its packets, and MediaRelay hands the
same packet to every viewer. The sources run, as a publisher would, whether anyone watches or not. uvloop, as in the gateway.

Each picture carries the time at which it was sent, as those of mload do (README.md).
"""

from __future__ import annotations

import asyncio
import secrets
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import aioice.ice
import av
from aiortc import MediaStreamTrack, RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay
from sanic import HTTPResponse, Request, Sanic
from sanic.response import empty, text

HOST = "127.0.0.1"
STAMP = b"H2BENCHLATENCY01"
_START_CODE = b"\x00\x00\x00\x01"
_CONFIGURATION = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)


@dataclass(frozen=True, slots=True)
class Coded:
    """What one packet of a file becomes: its time in seconds from the file's first one, and its bytes."""

    at: float
    payload: bytes


@dataclass(frozen=True, slots=True)
class Clip:
    """A file's packets of one medium, and after how many seconds it begins again."""

    packets: Sequence[Coded]
    seconds: float


def pictures(file: Path) -> Clip:
    """The pictures of a FLV file, in Annex B form with the parameter sets before each keyframe."""
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        converter = av.BitStreamFilterContext("h264_mp4toannexb", stream)
        return _clip([made for packet in container.demux(stream) for made in converter.filter(packet if packet.size else None)])


def sound(file: Path) -> Clip:
    """The packets of an Ogg file with Opus in it."""
    with av.open(str(file)) as container:
        return _clip([packet for packet in container.demux(container.streams.audio[0]) if packet.size])


def stamp(sent_at: float, number: int) -> bytes:
    """A user-data SEI (H.264 section D.1.7) with the time in seconds and the number of a picture, in Annex B form."""
    told = STAMP + b"%016x%08x" % (int(sent_at * 1e6), number)
    return _START_CODE + struct.pack("BBB", 6, 5, len(told)) + told + b"\x80"


class Source(MediaStreamTrack):
    """One medium of the clip in real time, from its beginning again when it ends."""

    def __init__(self, kind: str, clip: Clip, rate: int) -> None:
        """`rate`: ticks per second of the medium's RTP clock."""
        super().__init__()
        self.kind = kind
        self._due = _looped(clip)
        self._rate = rate
        self._number = 0
        self._began = time.monotonic()

    async def recv(self) -> av.Packet[Any]:
        """The next packet, when its time has come."""
        at, coded = next(self._due)
        await asyncio.sleep(self._began + at - time.monotonic())
        payload = coded.payload
        if self.kind == "video":
            payload = stamp(time.monotonic(), self._number) + payload
            self._number += 1
        packet = av.Packet(payload)
        packet.pts, packet.time_base = round(at * self._rate), Fraction(1, self._rate)
        return packet


class Stock:
    """The viewers, and what they all watch."""

    def __init__(self, files: Sequence[Path]) -> None:
        """`files`: FLV, Ogg."""
        flv, ogg = files
        self._clips = pictures(flv), sound(ogg)
        self._relay = MediaRelay()
        self._sources: Sequence[Source] = ()
        self._peers: dict[str, RTCPeerConnection] = {}
        self._reading: set[asyncio.Task[None]] = set()

    async def start(self, app: Sanic[Any, Any]) -> None:
        """Begins to read the sources, on the running loop."""
        video, audio = self._clips
        self._sources = Source("video", video, 90_000), Source("audio", audio, 48_000)
        for source in self._sources:
            self._reading.add(asyncio.create_task(_drain(self._relay.subscribe(source))))

    async def stop(self, app: Sanic[Any, Any]) -> None:
        """Ends them, and lets every viewer go."""
        for task in self._reading:
            task.cancel()
        await asyncio.gather(*(peer.close() for peer in self._peers.values()))

    async def play(self, request: Request[Any, Any]) -> HTTPResponse:
        """An offer comes in, the answer goes out (draft-ietf-wish-whep)."""
        peer, id = RTCPeerConnection(_CONFIGURATION), secrets.token_urlsafe()
        self._peers[id] = peer
        await peer.setRemoteDescription(RTCSessionDescription(request.body.decode(), "offer"))
        for source in self._sources:
            peer.addTrack(self._relay.subscribe(source))
        await peer.setLocalDescription(await peer.createAnswer())
        headers = {"location": f"/whep/{id}"}
        return text(peer.localDescription.sdp, 201, headers, content_type="application/sdp")

    async def leave(self, request: Request[Any, Any], id: str) -> HTTPResponse:
        """A viewer goes."""
        if peer := self._peers.pop(id, None):
            await peer.close()
        return empty(200)


async def _drain(track: MediaStreamTrack) -> None:
    while True:
        await track.recv()


def _looped(clip: Clip) -> Iterator[tuple[float, Coded]]:
    """Every packet with the second at which it is due, without an end."""
    begins = 0.0
    while True:
        for packet in clip.packets:
            yield begins + packet.at, packet
        begins += clip.seconds


def _clip(packets: Sequence[av.Packet[Any]]) -> Clip:
    times = [float((packet.pts or 0) * packet.time_base) for packet in packets]
    step = (times[-1] - times[0]) / (len(times) - 1)
    coded = [Coded(at - times[0], bytes(packet)) for at, packet in zip(times, packets, strict=True)]
    return Clip(coded, times[-1] - times[0] + step)


def main() -> None:
    """Serves until it is told to stop."""
    port, *files = sys.argv[1:]
    # aioice leaves loopback out, and everything here stays on it.
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [HOST]
    stock = Stock([Path(file) for file in files])
    app = Sanic("stock", configure_logging=False)
    app.config.MOTD = False
    app.before_server_start(stock.start)
    app.before_server_stop(stock.stop)
    app.add_route(stock.play, "/whep", methods=["POST"])
    app.add_route(stock.leave, "/whep/<id>", methods=["DELETE"])
    app.run(HOST, int(port), single_process=True, access_log=False)


if __name__ == "__main__":
    main()
