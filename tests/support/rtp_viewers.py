"""What tests of sending over WebRTC stand on: a stream whose time they move, and viewers that keep what they get."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import cast

from adapters.media.recall import Recall
from adapters.media.turns import Turns
from adapters.media.units import AudioConfig, AudioUnit, Codec, Medium, VideoConfig, VideoUnit
from adapters.media.viewer import Place, TransportStats, Viewer
from adapters.webrtc.audience import RtpAudience, RtpManner
from adapters.webrtc.player import WebRtcPlayer
from adapters.webrtc.rtp import RtpPacket, parse
from adapters.webrtc.tracks import OutgoingTrack, Payload
from gateway.config import MediaSettings
from gateway.errors import GatewayError
from tests.support.streams import VIDEO_CONFIG, HandMovedLoop

OPUS, H264, VP8 = Payload(111), Payload(102, 103), Payload(96, 97)
WALL = 1_700_000_000.0
"""Unix time when the loop's clock shows 0."""
SOUND = b"\xfc"
"""An Opus packet of 20 ms (RFC 6716 section 3.1: configuration 31, stereo, one frame), but for its content."""


@dataclass
class Counted:
    packets: int = 0
    bytes: int = 0
    nacks: int = 0
    rtx: int = 0
    plis: int = 0


@dataclass
class KeepingOutlet:
    """Loses nothing, and keeps packets as they were before they were encrypted."""

    sent: list[bytes] = field(default_factory=list)
    portions: list[int] = field(default_factory=list)
    """Packets per call."""
    reports: list[bytes] = field(default_factory=list)
    full: bool = False
    """The kernel takes nothing."""
    reports_after: list[int] = field(default_factory=list)
    """Packets that were sent before each report."""
    encrypt: Callable[[bytes], object] = bytes
    """May raise."""

    @property
    def protect(self) -> Callable[[bytes], bytes]:
        def protect(packet: bytes) -> bytes:
            self.encrypt(packet)
            return packet

        return protect

    def send(self, datagrams: list[bytes]) -> int:
        self.portions.append(len(datagrams))
        if self.full:
            return 0
        self.sent += datagrams
        return len(datagrams)

    def send_rtcp(self, packet: bytes) -> None:
        self.reports.append(packet)
        self.reports_after.append(len(self.sent))


def video_payload(number: int, size: int, key: bool) -> bytes:
    """A picture of one slice, as AVCC: the NAL header (IDR or not), its number, and filling."""
    unit = (b"\x65" if key else b"\x41") + number.to_bytes(4, "big") + b"\xaa" * max(0, size - 9)
    return len(unit).to_bytes(4, "big") + unit


class RtpStage:
    """A stream and its WebRTC audience, outside any event loop."""

    def __init__(self, *, burst_bitrate: int = 30_000_000, budget: int = 250, seed: int = 1) -> None:
        self.loop = HandMovedLoop()
        self.counters = Counted()
        self.stats: dict[str, TransportStats] = defaultdict(TransportStats)
        self.keyframes_wanted = 0
        self.recall = Recall(MediaSettings())
        self.manner = RtpManner(self.counters, lambda: WALL + self.loop.now, Random(seed), burst_bitrate)
        self.turns = Turns(self.loop.call_later, budget)
        self.audience = self.gather()
        self.players: list[WebRtcPlayer] = []
        self.endings: list[GatewayError | None] = []
        self.number = 0

    def gather(self) -> RtpAudience:
        """An audience of this stream; there may be more than one."""
        return self.manner.gather(
            Place(
                settings=MediaSettings(),
                clock=self.loop.clock,
                stopwatch=self.loop.clock,
                call_later=self.loop.call_later,
                turns=self.turns,
                recall=self.recall,
                stats=self.stats.__getitem__,
                want_keyframe=self._want_keyframe,
                drop=self._drop,
            )
        )

    def _drop(self, viewer: Viewer, error: GatewayError) -> None:
        self.audience.detach(cast(WebRtcPlayer, viewer))
        viewer.ended(error)

    def _want_keyframe(self) -> None:
        self.keyframes_wanted += 1

    def player(
        self,
        *,
        video: Payload | None = H264,
        audio: Payload | None = OPUS,
        codec: Codec = Codec.H264_LOW_DELAY,
        nack: bool = True,
    ) -> tuple[WebRtcPlayer, KeepingOutlet]:
        """A viewer that is not attached yet."""
        tracks = []
        for medium, chosen, name in ((Medium.AUDIO, audio, Codec.OPUS), (Medium.VIDEO, video, codec)):
            if chosen is not None:
                ssrc, rtx = self.manner.ssrcs[medium]
                tracks.append(OutgoingTrack(medium, str(medium), {name: chosen}, ssrc, rtx, nack))
        outlet = KeepingOutlet()
        clock, over = self.loop.clock, self.endings.append
        player = WebRtcPlayer(outlet, tuple(tracks), self.manner, "webrtc", clock, over, self.counters)
        self.players.append(player)
        return player, outlet

    def join(self, **kinds: Payload | None) -> tuple[WebRtcPlayer, KeepingOutlet]:
        """A viewer that joins now."""
        player, outlet = self.player(**kinds)  # type: ignore[arg-type]
        self.audience.attach(player, self.now)
        return player, outlet

    @property
    def now(self) -> int:
        """The stream's time in milliseconds."""
        return round((self.loop.now - 100) * 1000)

    def configure(self, payload: bytes = VIDEO_CONFIG, codec: Codec = Codec.H264) -> None:
        for unit in (VideoConfig(self.now, payload, codec), AudioConfig(self.now, b"", Codec.OPUS)):
            if self.recall.remember_header(unit):
                self.audience.write_header(unit)

    def picture(self, size: int = 500, *, key: bool = False, codec: Codec = Codec.H264) -> VideoUnit:
        """Write the next picture, with the time that it is now."""
        self.number += 1
        unit = VideoUnit(self.now, video_payload(self.number, size, key), key, codec=codec)
        self.recall.remember(unit)
        self.audience.write(unit, video=True, keyframe=key, video_comes=True)
        return unit

    def sound(self, size: int = 80) -> AudioUnit:
        self.number += 1
        unit = AudioUnit(self.now, SOUND + self.number.to_bytes(4, "big") + b"\xbb" * (size - 5), Codec.OPUS)
        self.recall.remember(unit)
        self.audience.write(unit, video=False, keyframe=False, video_comes=True)
        return unit

    def of(self, outlet: KeepingOutlet, medium: Medium) -> list[RtpPacket]:
        """What came of this medium, retransmissions apart, in the order in which it came."""
        ssrc = self.manner.ssrcs[medium][0]
        return [packet for packet in map(parse, outlet.sent) if packet.ssrc == ssrc]

    def resent(self, outlet: KeepingOutlet, medium: Medium) -> list[RtpPacket]:
        """Retransmissions."""
        ssrc = self.manner.ssrcs[medium][1]
        return [packet for packet in map(parse, outlet.sent) if packet.ssrc == ssrc]


def contiguous(packets: list[RtpPacket]) -> bool:
    """True if every packet has the number after that of the one before."""
    return all((b.sequence - a.sequence) & 0xFFFF == 1 for a, b in itertools.pairwise(packets))
