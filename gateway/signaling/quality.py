"""The wire of the `quality` event: verdicts, and on request the numbers in the shape of ZEGO's quality updates. Pure.

`stats` has the members of `publishQualityUpdate` and `playQualityUpdate`: bitrates in kbit/s, delays in milliseconds, quality
from 0 (excellent) to 4 (terrible). Numbers are always numbers; where nothing is known they are 0, and quality is -1.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.quality.overview import PlayView, PublishView, QualityNotice
from gateway.quality.readings import IngestReading, PathReading
from gateway.quality.reports import MediaReport
from gateway.quality.verdict import Evidence, Level, Verdict
from gateway.rooms.model import Medium
from gateway.signaling.messages import Message, Whole, milliseconds


class EvidenceInfo(Whole, frozen=True):
    measure: str
    value: float
    limit: float
    level: str
    source: str


class VerdictInfo(Whole, frozen=True):
    level: str
    since: int
    """Unix time in milliseconds."""
    evidence: list[EvidenceInfo]


class PublishVideoStats(Whole, frozen=True):
    frame_width: int
    frame_height: int
    mute_state: str
    """`0` or `1`: muted."""
    video_bitrate: float
    video_fps: float
    """As encoded."""
    video_transfer_fps: float
    """As it arrives."""
    video_packets_lost_rate: float
    """Part of the packets."""
    video_quality: int


class PlayVideoStats(PublishVideoStats, frozen=True):
    video_render_fps: float


class PublishAudioStats(Whole, frozen=True):
    mute_state: str
    audio_bitrate: float
    audio_packets_lost_rate: float
    audio_quality: int


class PlayAudioStats(PublishAudioStats, frozen=True):
    audio_jitter: float


class PublishStats(Whole, frozen=True):
    video: PublishVideoStats
    audio: PublishAudioStats
    rtt: float


class PlayStats(Whole, frozen=True):
    video: PlayVideoStats
    audio: PlayAudioStats
    rtt: float
    peer_to_peer_packet_lost_rate: float


class PublishQuality(Message, frozen=True):
    stream_id: str
    uplink: VerdictInfo
    stats: PublishStats | None = None


class PlayQuality(Message, frozen=True):
    stream_id: str
    uplink: VerdictInfo
    downlink: VerdictInfo
    blame: str | None
    """The leg at fault."""
    stats: PlayStats | None = None


class QualityEvent(Whole, frozen=True):
    """How one's own streams and those that one plays do."""

    room_id: str
    server: VerdictInfo
    publishing: list[PublishQuality]
    playing: list[PlayQuality]


_OF_LEVEL: Mapping[Level, int] = {Level.GOOD: 0, Level.FAIR: 2, Level.BAD: 4}
_OF_TOLD: Mapping[int, int] = {1: 0, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4}
"""From `netQualityLevel`."""
_NOTHING = MediaReport("pull")
_UNMEASURED = IngestReading(
    protocol="", span=0, connected=False, audio_bitrate=0, video_bitrate=0, fps=0, gop=None, silence=0, gap=0, late=0,
    late_peak=0, drift=None, jumps=0,
)  # fmt: skip


def quality_event(notice: QualityNotice) -> QualityEvent:
    overview = notice.overview
    return QualityEvent(
        notice.room_id,
        verdict_info(overview.server),
        [
            PublishQuality(view.stream_id, verdict_info(view.uplink), _publish_stats(view) if notice.stats else None)
            for view in overview.publishing
        ],
        [
            PlayQuality(
                view.stream_id, verdict_info(view.uplink), verdict_info(view.downlink), view.blame and view.blame.value,
                _play_stats(view) if notice.stats else None,
            )
            for view in overview.playing
        ],
    )  # fmt: skip


def verdict_info(verdict: Verdict) -> VerdictInfo:
    """A verdict whose time is Unix time."""
    return VerdictInfo(verdict.level.label, milliseconds(verdict.since), [_evidence(one) for one in verdict.evidence])


def _evidence(one: Evidence) -> EvidenceInfo:
    return EvidenceInfo(one.measure, round(one.value, 3), one.limit, one.level.label, one.source.value)


def _publish_stats(view: PublishView) -> PublishStats:
    arrives, told = view.measured or _UNMEASURED, view.told or _NOTHING
    loss = _first(arrives.path.loss, told.loss)
    quality = _quality(view.measured is not None, view.uplink.level, told)
    width, height = _size(arrives, told)
    return PublishStats(
        PublishVideoStats(
            width, height, _muted(view.muted, Medium.VIDEO), _kilo(arrives.video_bitrate),
            _first(told.fps, arrives.fps), _first(arrives.fps), loss, quality,
        ),
        PublishAudioStats(
            _muted(view.muted, Medium.AUDIO), _kilo(arrives.audio_bitrate), loss, quality
        ),
        _milli(arrives.path.round_trip, told.round_trip),
    )  # fmt: skip


def _play_stats(view: PlayView) -> PlayStats:
    source, told = view.source or _UNMEASURED, view.told or _NOTHING
    path = view.measured.path if view.measured is not None else PathReading()
    arrives = view.source.fps if view.source is not None else None
    loss = _first(path.loss, told.loss)
    quality = _quality(view.measured is not None, max(view.uplink.level, view.downlink.level), told)
    width, height = _size(source, told)
    return PlayStats(
        PlayVideoStats(
            width, height, _muted(view.muted, Medium.VIDEO), _kilo(told.video_bitrate, source.video_bitrate),
            _first(arrives, told.fps), _first(arrives, told.fps), loss, quality, _first(told.fps),
        ),
        PlayAudioStats(
            _muted(view.muted, Medium.AUDIO), _kilo(told.audio_bitrate, source.audio_bitrate), loss, quality,
            _milli(path.jitter, told.jitter),
        ),
        _milli(path.round_trip, told.round_trip),
        loss,
    )  # fmt: skip


def _quality(known: bool, level: Level, told: MediaReport) -> int:
    """The worse of what is judged and what the client says."""
    said = _OF_TOLD.get(told.level or 0, -1)
    return max(said, _OF_LEVEL[level]) if known else said


def _size(arrives: IngestReading, told: MediaReport) -> tuple[int, int]:
    if told.width and told.height:
        return told.width, told.height
    return arrives.width, arrives.height


def _muted(muted: frozenset[Medium], medium: Medium) -> str:
    return "1" if medium in muted else "0"


def _first(*values: float | None) -> float:
    """The first that is known; 0: none is."""
    return round(next((value for value in values if value is not None), 0.0), 3)


def _kilo(*values: float | None) -> float:
    return round(_first(*values) / 1000, 1)


def _milli(*values: float | None) -> float:
    return round(_first(*values) * 1000, 1)
