"""The check-up of a published stream: what about it will trouble viewers, and what its publisher should change. Pure.

The media side gathers the facts once the first group of pictures is there (`adapters/media/examination.py`), here they are
judged. A finding is advice: it blames nobody and changes nothing. What only may be a trouble, or what a bad network makes
look like one, is none: that is for `verdict.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field

from gateway.quality import troubles
from gateway.quality.troubles import Trouble

__all__ = ["ClockFacts", "Declared", "Finding", "SoundFacts", "StreamFacts", "Trouble", "VideoFacts", "examine"]

LONGEST_GOP = 4.0
"""Seconds."""
SHORTEST_GOP = 0.5
USUAL_PROFILES = frozenset({66, 77, 100})
"""profile_idc of baseline, main and high (ITU-T H.264 section A.2)."""
HIGHEST_LEVEL = 41
"""level_idc: 1920x1080 with 30 pictures per second (ITU-T H.264 table A-1)."""
LARGEST_PICTURE = 1920 * 1088
"""Pixels."""
LOWEST_FPS = 8.0
FEWER_THAN_DECLARED, MORE_THAN_DECLARED = 0.6, 1.3
PLAUSIBLE_FPS = (1.0, 120.0)
HIGHEST_BITRATE = 4e6
"""bit/s of the pictures."""
AAC_LC = 2
"""audioObjectType (ISO/IEC 14496-3 table 1.17)."""
USUAL_RATES = frozenset({16_000, 32_000, 44_100, 48_000})
"""Hz."""
MOST_CHANNELS = 2
STEADY_CONFIGURATIONS = 3
"""Configurations in one examination: a phone that is turned and turned back."""
WRONG_PACE = 0.02
"""The part by which a clock is wrong."""
SENDING_AHEAD = 1.5
"""Seconds of media in a second."""
FARTHEST_APART = 0.5
"""Seconds."""
BACKWARD_STEPS = 3
"""Stamps that run back a little: fewer are rounding."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was found in a stream."""

    trouble: Trouble
    detail: str = ""
    """What was measured, such as `GOP 10.2 s`."""


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """The pictures. What could not be read is `None`."""

    codec: str = "h264"
    pictures: int = 0
    headless: int = 0
    """Pictures that came before any decoder configuration."""
    configurations: int = 1
    """Decoder configurations, each time that it was another one than before."""
    profile: int | None = None
    """profile_idc."""
    level: int | None = None
    """level_idc: 31 is level 3.1."""
    width: int | None = None
    height: int | None = None
    chroma_format: int = 1
    """chroma_format_idc: 1 is 4:2:0."""
    bits: int = 8
    """Per sample."""
    reordered: bool = False
    """Pictures came after others that are shown later (B-frames)."""
    fps: float | None = None
    """By the timestamps; pauses are left out of account."""
    bitrate: float | None = None
    """Payload, in bit/s."""
    keyframes: int = 0
    gop: float | None = None
    """Seconds between keyframes on average; of a single one, the seconds of video since then."""
    gop_pictures: float | None = None


@dataclass(frozen=True, slots=True)
class SoundFacts:
    """The sound. What could not be read is `None`."""

    codec: str = "aac"
    units: int = 0
    headless: int = 0
    """Units that came before any decoder configuration."""
    object_type: int | None = None
    """audioObjectType of the core coder."""
    rate: int | None = None
    """Of what is heard, in Hz."""
    channels: int | None = None
    """0: only the stream itself says it."""
    replicated: bool = False
    """Spectral band replication is signalled (HE-AAC)."""
    bitrate: float | None = None
    """Payload, in bit/s."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What the publisher says of its stream (`onMetaData`)."""

    fps: float | None = None
    """`None`: nothing, or nothing that could be a number."""
    media: frozenset[str] = frozenset()
    """The media that it speaks of."""


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """The publisher's timestamps, against the time at which they came and against the samples of the sound."""

    jumps: int = 0
    """Leaps that no network can have made: ahead of time, or far back."""
    backward: int = 0
    """Times that a medium's stamps ran back a little."""
    pace: float | None = None
    """Seconds of media in a second of time, as the most punctual units tell; `None`: jumps, or too short a time."""
    pace_of_samples: float | None = None
    """Seconds by the stamps in a second of sound, by its samples; whatever the network does."""
    skew: float | None = None
    """By how many seconds pictures come after the sound of the same time; below 0: before it."""


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What an examination of one publisher's connection saw."""

    seconds: float
    """How long it was looked at."""
    on_demand: bool = False
    """WebRTC: makes a keyframe when it is asked to, as many pictures as it sees fit, and has headers and clocks of ours."""
    video: VideoFacts | None = None
    """`None`: no picture came."""
    sound: SoundFacts | None = None
    """`None`: no sound came."""
    declared: Declared = field(default_factory=Declared)
    clock: ClockFacts = field(default_factory=ClockFacts)


def examine(facts: StreamFacts, announced: Set[str] | None) -> tuple[Finding, ...]:
    """What is wrong with a stream, by number; empty if nothing is.

    `announced`: the media that its publisher promised and has not muted; `None`: nobody promised anything, and what the
    stream declares counts.
    """
    found = [*_missing(facts, facts.declared.media if announced is None else announced)]
    if facts.video is not None:
        found += _coding(facts.video)
    if facts.sound is not None:
        found += _sound(facts.sound)
    if not facts.on_demand:
        found += _clock(facts.clock)
        found += _headers(facts)
        if facts.video is not None:
            found += _keyframes(facts.video)
            found += _pace(facts.video, facts.declared.fps)
    return tuple(sorted(found, key=lambda finding: finding.trouble.number))


def _missing(facts: StreamFacts, promised: Set[str]) -> Iterator[Finding]:
    waited = f"none in {facts.seconds:.0f} s"
    if facts.video is None and "video" in promised:
        yield Finding(troubles.VIDEO_PROMISED_MISSING, waited)
    if facts.sound is None and "audio" in promised:
        yield Finding(troubles.AUDIO_PROMISED_MISSING, waited)


def _coding(video: VideoFacts) -> Iterator[Finding]:
    if video.codec != "h264":
        yield Finding(troubles.VIDEO_NOT_H264, video.codec.upper())
    if video.reordered:
        yield Finding(troubles.B_FRAMES)
    usual = video.profile is None or video.profile in USUAL_PROFILES
    if not usual or video.chroma_format != 1 or video.bits != 8:
        colour = {0: "4:0:0", 1: "4:2:0", 2: "4:2:2"}.get(video.chroma_format, "4:4:4")
        yield Finding(troubles.PROFILE_UNUSUAL, f"profile {video.profile}, {colour}, {video.bits} bit")
    if video.level is not None and video.level > HIGHEST_LEVEL:
        yield Finding(troubles.LEVEL_TOO_HIGH, f"level {video.level / 10:.1f}")
    if video.width and video.height and video.width * video.height > LARGEST_PICTURE:
        yield Finding(troubles.PICTURE_TOO_LARGE, f"{video.width}x{video.height}")
    if video.bitrate is not None and video.bitrate > HIGHEST_BITRATE:
        yield Finding(troubles.BITRATE_HIGH, f"{video.bitrate / 1e6:.1f} Mbit/s")


def _keyframes(video: VideoFacts) -> Iterator[Finding]:
    if video.gop is None:
        if video.pictures and not video.keyframes:
            yield Finding(troubles.GOP_TOO_LONG, f"no keyframe among {video.pictures} pictures")
    elif video.gop > LONGEST_GOP:
        yield Finding(troubles.GOP_TOO_LONG, f"GOP {'' if video.keyframes > 1 else 'over '}{video.gop:.1f} s")
    elif video.gop < SHORTEST_GOP and video.keyframes > 1:
        yield Finding(troubles.GOP_TOO_SHORT, f"GOP {video.gop:.2f} s")


def _pace(video: VideoFacts, declared: float | None) -> Iterator[Finding]:
    fps = video.fps
    if fps is None:
        return
    if declared is None:
        if fps < LOWEST_FPS:
            yield Finding(troubles.FPS_LOW, f"{fps:.1f} per second")
        return
    detail = f"{fps:.1f} per second, {declared:g} declared"
    lowest, highest = PLAUSIBLE_FPS
    if not lowest <= declared <= highest or fps > MORE_THAN_DECLARED * declared:
        yield Finding(troubles.FPS_DECLARED_WRONG, detail)
    if fps < LOWEST_FPS or (declared <= highest and fps < FEWER_THAN_DECLARED * declared):
        yield Finding(troubles.FPS_LOW, detail)


def _sound(sound: SoundFacts) -> Iterator[Finding]:
    if sound.object_type is not None and (sound.object_type != AAC_LC or sound.replicated):
        yield Finding(troubles.AAC_NOT_LC, "HE-AAC" if sound.replicated else f"object type {sound.object_type}")
    if sound.rate is not None and sound.rate not in USUAL_RATES:
        yield Finding(troubles.AAC_RATE_UNUSUAL, f"{sound.rate} Hz")
    if sound.channels is not None and sound.channels > MOST_CHANNELS:
        yield Finding(troubles.AAC_CHANNELS, f"{sound.channels} channels")


def _headers(facts: StreamFacts) -> Iterator[Finding]:
    video, sound = facts.video, facts.sound
    if video is not None and video.headless:
        yield Finding(troubles.HEADERS_MISSING, f"{video.headless} of {video.pictures} pictures")
    if video is not None and video.configurations > STEADY_CONFIGURATIONS:
        yield Finding(troubles.HEADERS_UNSTEADY, f"{video.configurations} configurations in {facts.seconds:.0f} s")
    if sound is not None and sound.headless:
        yield Finding(troubles.NO_SOUND_CONFIG, f"{sound.headless} of {sound.units} units")


def _clock(clock: ClockFacts) -> Iterator[Finding]:
    if clock.jumps or clock.backward >= BACKWARD_STEPS:
        yield Finding(troubles.CLOCK_JUMPS, f"{clock.jumps} jumps, {clock.backward} steps back")
    if clock.pace is not None:
        if clock.pace >= SENDING_AHEAD:
            yield Finding(troubles.SENT_TOO_FAST, f"{clock.pace:.1f} s in a second")
        elif clock.pace_of_samples is not None and _agree(clock.pace - 1, clock.pace_of_samples - 1):
            yield Finding(troubles.CLOCK_SLOW_OR_FAST, f"{clock.pace_of_samples:.2f} s in a second")
    if clock.skew is not None and abs(clock.skew) > FARTHEST_APART:
        later, earlier = ("pictures", "sound") if clock.skew > 0 else ("sound", "pictures")
        yield Finding(troubles.AV_OFFSET, f"{later} {abs(clock.skew):.1f} s after the {earlier}")


def _agree(by_arrival: float, by_samples: float) -> bool:
    """Whether the clock is wrong. Arrival alone may be a network that slows down or catches up, samples alone may be sound
    that was left out: what both say alike is the clock."""
    return abs(by_samples) >= WRONG_PACE and abs(by_arrival - by_samples) <= abs(by_samples) / 2
