"""What clients say of their media, brought onto one scale. Pure.

A mini-program's components speak in `bindstatechange`, `bindnetstatus` and `binderror`, browsers and apps in `stats`. The
shape is taken as it comes - numbers as texts, members missing or unknown -, sizes and ranges are not: what cannot be is
left out, and it is counted why. The same names mean different units on different sides; here that ends. What is made for each
report is a struct: to make a frozen dataclass of as many members takes longer than to read the report. For the same reason a
unit is changed in place: `said and said * _KILO` leaves `None` and 0 as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple, TypeAlias

from msgspec import Struct

from gateway.quality.lenient import Dropped, LenientDecoder
from gateway.quality.report_shapes import CodeEvent, Stats, Status, StatusEvent, ZegoAudio, ZegoVideo

__all__ = [
    "CodeReport", "Direction", "Dropped", "Event", "MediaReport", "Parsed", "Report", "Said", "Told", "meaning", "parse_report",
]  # fmt: skip

Direction: TypeAlias = Literal["push", "pull"]
Event: TypeAlias = Literal["bindstatechange", "bindnetstatus", "binderror", "stats"]
Said: TypeAlias = StatusEvent | Stats | CodeEvent
"""A report's data, as they are on the wire."""


class CodeReport(Struct, frozen=True, gc=False):
    """A component's state changed, or it failed (`error`)."""

    direction: Direction
    code: int
    message: str = ""
    """At most 256 characters, without control characters."""
    error: bool = False


class MediaReport(Struct, frozen=True, gc=False):
    """How a client's media do, in numbers. `None`: it did not say."""

    direction: Direction
    audio_bitrate: float | None = None
    """bit/s."""
    video_bitrate: float | None = None
    fps: float | None = None
    gop: float | None = None
    """Seconds."""
    speed: float | None = None
    """What goes over the network, in bit/s (`netSpeed`)."""
    width: int | None = None
    height: int | None = None
    level: int | None = None
    """`netQualityLevel`: 1 best, 2 good, 3 normal, 4 bad, 5 very bad, 6 unusable; 0 (undefined) becomes `None`."""
    round_trip: float | None = None
    """Seconds."""
    loss: float | None = None
    """Part of the packets, 0 to 1, since the report before."""
    jitter: float | None = None
    """Seconds."""
    buffer: float | None = None
    """Pulling: seconds of media that wait to be played."""
    backlog: float | None = None
    """Pushing: seconds of media that wait to be sent: frames queued, by the pace at which they come."""
    decoding: float | None = None
    """Pulling: seconds of pictures that wait inside the decoder (Android): frames there, by the pace at which they come."""
    delay: float | None = None
    """Pulling: seconds from the publisher's camera to this screen."""
    skew: float | None = None
    """Pulling: by how many seconds video and audio are apart when played."""
    freezes: float | None = None
    """Pulling: the part of the time since the report before in which the picture stood still."""
    dropped: float | None = None
    """Pulling: the part of the pictures that could not be shown."""
    hardware: bool | None = None
    """The encoder or decoder is in hardware."""


Report: TypeAlias = CodeReport | MediaReport


class Parsed(Struct, frozen=True, gc=False):
    """A report, and what of it had to be left out."""

    report: Report | None
    dropped: tuple[Dropped, ...] = ()


class Told(Struct, frozen=True, gc=False):
    """One report, and what it is about."""

    direction: Direction
    event: Event
    parsed: Parsed
    stream_id: str = ""
    """Empty where it was not said."""
    age: float = 0.0
    """How many seconds ago it was made."""


_KILO = 1000.0
_MILLI = 0.001
_PERCENT = 0.01
_LONGEST_MESSAGE = 256
_AAC_FRAME = 1024 / 48_000
"""Seconds (ISO/IEC 14496-3: 1024 samples; live-pusher's `audio-quality="high"`)."""
_USUAL_PACE = 15.0
"""Pictures per second of a live-pusher that does not say; below one in a second its word is not taken."""

_NO_VIDEO = ZegoVideo()
_NO_AUDIO = ZegoAudio()


def parse_report(direction: Direction, event: Event, data: bytes) -> Parsed:
    """Reads one report's `data` (JSON). Raises nothing: what cannot be read is dropped.

    - `bindstatechange`, `binderror`: the event's `detail` or the event: `code` and `message` (`reason`, `msg`), or `errCode`
      and `errMsg`.
    - `bindnetstatus`: `detail.info`, the `detail` or the event around it.
    - `stats`: `audioBitrate`, `videoBitrate`, `fps`, `width`, `height`, `roundTrip`, `loss`, `jitter`, `buffer`, `freezes`,
      `dropped`, `hardware` in the units of `MediaReport`; or ZEGO's publish or play quality, which has `video` and `audio`.

    Only the size of `data` is the caller's affair.
    """
    said, dropped = _KINDS[event].decoder.decode(data)
    return meaning(direction, event, said, dropped) if said is not None else Parsed(None, dropped)


def meaning(direction: Direction, event: Event, said: Said, dropped: tuple[Dropped, ...] = ()) -> Parsed:
    """The report of what has been read. `said`: in the shape of this event; `dropped`: what had to be left out of it."""
    _, report_of, missing = _KINDS[event]
    report = report_of(direction, said)
    return Parsed(report, dropped) if report is not None else Parsed(None, dropped or (missing,))


def _of_status_event(direction: Direction, event: StatusEvent) -> MediaReport | None:
    detail = event.detail or event
    info = detail.info or detail
    return _of_status(direction, info) if info != type(info)() else None


def _of_status(direction: Direction, info: Status) -> MediaReport:
    """WeChat's netstatus. Caches are frames on the pusher and milliseconds on the player; audio and video wait side by side, so
    the longer of the two counts. What is inside a player's decoder is frames."""
    pushing = direction == "push"
    fps, audio, video, apart = info.video_fps, info.audio_cache, info.video_cache, info.av_play_interval
    picture = 1 / (fps if fps is not None and fps >= 1 else _USUAL_PACE)
    inside = info.v_dec_cache_size if info.v_dec_cache_size is not None else info.v_decoder_cache_size
    waits = _greater(
        audio and audio * (_AAC_FRAME if pushing else _MILLI),
        video and video * (picture if pushing else _MILLI),
    )
    return MediaReport(
        direction,
        audio_bitrate=info.audio_bitrate and info.audio_bitrate * _KILO,
        video_bitrate=info.video_bitrate and info.video_bitrate * _KILO,
        fps=fps,
        gop=info.video_gop,
        speed=info.net_speed and info.net_speed * _KILO,
        width=_whole(info.video_width),
        height=_whole(info.video_height),
        level=_whole(info.net_quality_level),
        jitter=info.net_jitter and info.net_jitter * _MILLI,
        buffer=None if pushing else waits,
        backlog=waits if pushing else None,
        decoding=None if pushing else inside and inside * picture,
        skew=None if pushing else apart and abs(apart) * _MILLI,
    )


def _of_stats_event(direction: Direction, stats: Stats) -> MediaReport | None:
    if stats == Stats():
        return None
    zego = stats.video is not None or stats.audio is not None
    return _of_zego(direction, stats) if zego else _of_stats(direction, stats)


def _of_stats(direction: Direction, stats: Stats) -> MediaReport:
    """The gateway's own form."""
    pulling = direction == "pull"
    return MediaReport(
        direction,
        audio_bitrate=stats.audio_bitrate,
        video_bitrate=stats.video_bitrate,
        fps=stats.fps,
        width=_whole(stats.width),
        height=_whole(stats.height),
        round_trip=stats.round_trip,
        loss=stats.loss,
        jitter=stats.jitter,
        buffer=stats.buffer if pulling else None,
        freezes=stats.freezes if pulling else None,
        dropped=stats.dropped if pulling else None,
        hardware=stats.hardware,
    )


def _of_zego(direction: Direction, stats: Stats) -> MediaReport:
    """ZEGO's publish or play quality. What it counts since the stream began (breaks, dropped pictures) is left out, as a
    report is about the time since the one before; so is loss from end to end, which does not tell the legs apart."""
    pushing = direction == "push"
    video, audio = stats.video or _NO_VIDEO, stats.audio or _NO_AUDIO
    round_trip = next((rtt for rtt in (stats.rtt, video.rtt, audio.rtt) if rtt is not None), None)
    return MediaReport(
        direction,
        audio_bitrate=audio.audio_bitrate and audio.audio_bitrate * _KILO,
        video_bitrate=video.video_bitrate and video.video_bitrate * _KILO,
        fps=video.video_fps,
        width=_whole(video.frame_width),
        height=_whole(video.frame_height),
        level=_of_zego_level(_greater(video.video_quality, audio.audio_quality)),
        round_trip=stats.current_round_trip_time if round_trip is None else round_trip * _MILLI,
        loss=_greater(_part(video.video_packets_lost_rate), _part(audio.audio_packets_lost_rate)),
        jitter=audio.audio_jitter and audio.audio_jitter * _MILLI,
        delay=None if pushing else stats.peer_to_peer_delay and stats.peer_to_peer_delay * _MILLI,
        hardware=stats.is_hardware_encode if pushing else stats.is_hardware_decode,
    )


def _of_zego_level(quality: float | None) -> int | None:
    """ZEGO counts from 0 (excellent) to 4 (terrible), -1 is unknown; WeChat from 1 to 6."""
    return None if quality is None or quality < 0 else int(quality) + 1


def _part(rate: float | None) -> float | None:
    """ZEGO documents its rates as 0.0 to 1.0, and its samples show them with a percent sign: above 1 they are percent."""
    return rate * _PERCENT if rate is not None and rate > 1 else rate


def _of_code_event(direction: Direction, event: CodeEvent, *, error: bool) -> CodeReport | None:
    for one in (event.detail, event):
        if one is None:
            continue
        code = one.code if one.code is not None else one.err_code
        if code is not None and code.is_integer():
            message = one.message or one.reason or one.msg or one.err_msg or ""
            return CodeReport(direction, int(code), _printable(message), error)
    return None


def _printable(text: str) -> str:
    """Fit for a log line and for any encoding: control characters and line breaks become spaces."""
    text = text[:_LONGEST_MESSAGE]
    return text if text.isprintable() else "".join(character if character.isprintable() else " " for character in text)


def _greater(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return one if one > other else other


def _whole(number: float | None) -> int | None:
    """Pixels, or a level: 0 is none, or none yet."""
    return int(number) or None if number is not None else None


class _Kind(NamedTuple):
    """One event."""

    decoder: LenientDecoder[Any]
    report_of: Callable[[Direction, Any], Report | None]
    """`None`: it says nothing."""
    missing: Dropped
    """Why one that says nothing is left out, if nothing was wrong with it."""


_KINDS: Mapping[Event, _Kind] = {
    "bindstatechange": _Kind(LenientDecoder(CodeEvent), partial(_of_code_event, error=False), Dropped.NO_CODE),
    "bindnetstatus": _Kind(LenientDecoder(StatusEvent), _of_status_event, Dropped.EMPTY),
    "binderror": _Kind(LenientDecoder(CodeEvent), partial(_of_code_event, error=True), Dropped.NO_CODE),
    "stats": _Kind(LenientDecoder(Stats), _of_stats_event, Dropped.EMPTY),
}
