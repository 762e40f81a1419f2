"""How streams do, in numbers: what the gateway measures of them, with what only the client itself can count.

The gateway's `quality` event comes every 3 s while media flow; bitrates, losses and the round trip are its own. Pure, but for
reading a connection's statistics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiortc import RTCPeerConnection

from .casts import Playback, Publication
from .values import PlayStreamQuality, PublishStreamQuality, StreamQualityLevel

_CLOCK = {"audio": 48_000, "video": 90_000}


@dataclass(slots=True)
class Meter:
    """Turns totals into rates, from one reading of a stream to the next."""

    at: float = 0.0
    frames: Mapping[str, int] | None = None
    lost: int = 0
    packets: int = 0

    def rates(self, frames: Mapping[str, int], now: float) -> dict[str, float]:
        """Frames per second of each medium since the reading before. A total that went down began anew."""
        before, seconds = self.frames, now - self.at
        self.at, self.frames = now, dict(frames)
        if before is None or seconds <= 0:
            return dict.fromkeys(frames, 0.0)
        return {kind: max(0, total - before.get(kind, 0)) / seconds for kind, total in frames.items()}

    def loss(self, lost: int, packets: int) -> float:
        """The part of packets that was lost since the reading before, from 0 to 1."""
        missing, came = max(0, lost - self.lost), max(0, packets - self.packets)
        self.lost, self.packets = lost, packets
        return missing / (missing + came) if missing else 0.0


async def publish_quality(publication: Publication, stats: Mapping[str, Any], meter: Meter, now: float) -> PublishStreamQuality:
    """How a stream of one's own does."""
    audio, video = stats.get("audio", {}), stats.get("video", {})
    fps = meter.rates({kind: tap.frames for kind, tap in publication.taps.items()}, now)
    sent = {one.kind: one.bytesSent for one in await _statistics(publication.connection, "outbound-rtp")}
    return PublishStreamQuality(
        video_capture_fps=fps.get("video", 0.0), video_send_fps=video.get("videoTransferFPS", 0.0),
        video_kbps=video.get("videoBitrate", 0.0), audio_capture_fps=fps.get("audio", 0.0),
        audio_kbps=audio.get("audioBitrate", 0.0), rtt=stats.get("rtt", 0.0), packet_lost_rate=_lost(audio, video),
        level=_level(audio, video), total_send_bytes=sum(sent.values()), audio_send_bytes=sent.get("audio", 0),
        video_send_bytes=sent.get("video", 0),
    )  # fmt: skip


async def play_quality(
    playback: Playback, stats: Mapping[str, Any], meter: Meter, now: float
) -> tuple[PlayStreamQuality, dict[str, float]]:
    """How a played stream does, and what of it to report to the gateway."""
    audio, video = stats.get("audio", {}), stats.get("video", {})
    fps = meter.rates(playback.drain.frames, now)
    tracks = list(await _statistics(playback.connection, "inbound-rtp"))
    received = sum(one.bytesReceived for one in await _statistics(playback.connection, "transport"))
    loss = meter.loss(sum(one.packetsLost for one in tracks), sum(one.packetsReceived for one in tracks))
    quality = PlayStreamQuality(
        video_recv_fps=video.get("videoTransferFPS", 0.0), video_decode_fps=fps["video"],
        video_kbps=video.get("videoBitrate", 0.0), audio_decode_fps=fps["audio"], audio_kbps=audio.get("audioBitrate", 0.0),
        rtt=stats.get("rtt", 0.0), packet_lost_rate=loss,
        peer_to_peer_packet_lost_rate=stats.get("peerToPeerPacketLostRate", 0.0), level=_level(audio, video),
        total_recv_bytes=received,
    )  # fmt: skip
    jitter = max((one.jitter / _CLOCK[one.kind] for one in tracks), default=0.0)
    report = {"loss": loss, "jitter": jitter} | ({"fps": fps["video"]} if fps["video"] else {})
    return quality, report


async def _statistics(connection: RTCPeerConnection | None, kind: str) -> Iterable[Any]:
    if connection is None:
        return []
    return [one for one in (await connection.getStats()).values() if one.type == kind]


def _lost(audio: Mapping[str, Any], video: Mapping[str, Any]) -> float:
    return max(float(audio.get("audioPacketsLostRate", 0.0)), float(video.get("videoPacketsLostRate", 0.0)))


def _level(audio: Mapping[str, Any], video: Mapping[str, Any]) -> StreamQualityLevel:
    """The worse of both. The gateway says -1 where it does not know."""
    worst = max(audio.get("audioQuality", -1), video.get("videoQuality", -1))
    return StreamQualityLevel(worst) if 0 <= worst <= 4 else StreamQualityLevel.UNKNOWN
