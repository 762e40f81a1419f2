"""What clients' reports look like on the wire, and in which ranges their numbers are believed. Pure.

Every member may be missing, and every number a text. The ranges are wide: what is beyond them was never measured. The garbage
collector need not look at them: nothing in them leads back to them.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct, field

Kbps: TypeAlias = Annotated[float, Meta(ge=0, le=1e6)]
BitsPerSecond: TypeAlias = Annotated[float, Meta(ge=0, le=1e9)]
Pace: TypeAlias = Annotated[float, Meta(ge=0, le=1000)]
"""Pictures per second."""
Frames: TypeAlias = Annotated[float, Meta(ge=0, le=10_000)]
FramesOrMilliseconds: TypeAlias = Annotated[float, Meta(ge=0, le=600_000)]
Milliseconds: TypeAlias = Annotated[float, Meta(ge=0, le=600_000)]
SignedMilliseconds: TypeAlias = Annotated[float, Meta(ge=-600_000, le=600_000)]
Seconds: TypeAlias = Annotated[float, Meta(ge=0, le=600)]
Pixels: TypeAlias = Annotated[float, Meta(ge=0, le=16_384)]
Part: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
PartOrPercent: TypeAlias = Annotated[float, Meta(ge=0, le=100)]
WeChatLevel: TypeAlias = Annotated[float, Meta(ge=0, le=6)]
ZegoLevel: TypeAlias = Annotated[float, Meta(ge=-1, le=4)]
Code: TypeAlias = Annotated[float, Meta(ge=-(2**31), le=2**31 - 1)]


class Status(Struct, rename="camel", gc=False):
    """`detail.info` of `bindnetstatus` (WeChat's live-pusher and live-player). The unit of `netSpeed` and `netJitter` is
    not documented: taken as kbit/s, as in Tencent's SDK, and as milliseconds."""

    video_bitrate: Kbps | None = None
    audio_bitrate: Kbps | None = None
    video_fps: Pace | None = field(default=None, name="videoFPS")
    video_gop: Seconds | None = field(default=None, name="videoGOP")
    net_speed: Kbps | None = None
    net_jitter: Milliseconds | None = None
    net_quality_level: WeChatLevel | None = None
    video_width: Pixels | None = None
    video_height: Pixels | None = None
    video_cache: FramesOrMilliseconds | None = None
    """Frames on the pusher, milliseconds on the player; so is the next."""
    audio_cache: FramesOrMilliseconds | None = None
    v_dec_cache_size: Frames | None = None
    v_decoder_cache_size: Frames | None = None
    """Another spelling of the one before."""
    av_play_interval: SignedMilliseconds | None = None


class Info(Status, rename="camel", gc=False):
    """The event's `detail`, or its `info` right away."""

    info: Status | None = None


class StatusEvent(Info, rename="camel", gc=False):
    """The event itself, or what is in it."""

    detail: Info | None = None


class CodeDetail(Struct, rename="camel", gc=False):
    """`detail` of `bindstatechange` (`code`, `message`; some SDKs pass `reason`) and of `binderror` (`errCode`, `errMsg`)."""

    code: Code | None = None
    err_code: Code | None = None
    message: str | None = None
    reason: str | None = None
    msg: str | None = None
    err_msg: str | None = None


class CodeEvent(CodeDetail, rename="camel", gc=False):
    """The event itself, or what is in it."""

    detail: CodeDetail | None = None


class ZegoVideo(Struct, rename="camel", gc=False):
    """`video` of ZEGO's publish and play quality."""

    video_bitrate: Kbps | None = None
    video_fps: Pace | None = field(default=None, name="videoFPS")
    frame_width: Pixels | None = None
    frame_height: Pixels | None = None
    video_packets_lost_rate: PartOrPercent | None = None
    video_quality: ZegoLevel | None = None
    rtt: Milliseconds | None = None


class ZegoAudio(Struct, rename="camel", gc=False):
    """`audio` of ZEGO's publish and play quality. The unit of `audioJitter` is not documented: taken as milliseconds."""

    audio_bitrate: Kbps | None = None
    audio_packets_lost_rate: PartOrPercent | None = None
    audio_quality: ZegoLevel | None = None
    audio_jitter: Milliseconds | None = None
    rtt: Milliseconds | None = None


class Stats(Struct, rename="camel", gc=False):
    """`stats`. The gateway's own form is flat, in the units of `MediaReport`; ZEGO's has `video` and `audio` in it, and
    the members after these."""

    audio_bitrate: BitsPerSecond | None = None
    video_bitrate: BitsPerSecond | None = None
    fps: Pace | None = None
    width: Pixels | None = None
    height: Pixels | None = None
    round_trip: Seconds | None = None
    loss: Part | None = None
    jitter: Seconds | None = None
    buffer: Seconds | None = None
    freezes: Part | None = None
    dropped: Part | None = None
    hardware: bool | None = None

    video: ZegoVideo | None = None
    audio: ZegoAudio | None = None
    rtt: Milliseconds | None = None
    current_round_trip_time: Seconds | None = None
    peer_to_peer_delay: Milliseconds | None = None
    is_hardware_encode: bool | None = None
    is_hardware_decode: bool | None = None
