"""FLV tags: how a unit looks in an FLV file, in HTTP-FLV, and in an RTMP audio or video message.

An RTMP message of type 8 or 9 has the body of an FLV tag of the same type, so RTMP uses `parse_video`, `parse_audio`,
`video_body` and `audio_body` of this module. `tag_bytes` is the `Wire` of HTTP-FLV viewers. The names and numbers are
those of Adobe's "Video File Format Specification" v10.1, Annex E, and of "Enhanced RTMP" v2 for what is refused.

Nothing that reads a whole file may be put in here: that is `demux`. Pure.
"""

from __future__ import annotations

from struct import Struct

from adapters.flv.script import ON_METADATA, script_body
from adapters.media import aac, h264
from adapters.media.bits import MalformedMedia
from adapters.media.units import AudioConfig, AudioUnit, Metadata, Unit, VideoConfig, VideoUnit
from gateway.errors import CODEC_UNSUPPORTED, MEDIA_MALFORMED, GatewayError

# TagType (section E.4.1); also the message type id in RTMP
AUDIO = 8
VIDEO = 9
SCRIPT = 18

TAG_HEADER_BYTES = 11
PREVIOUS_TAG_SIZE_BYTES = 4

# FrameType (section E.4.3.1)
KEYFRAME = 1
INTER_FRAME = 2
GENERATED_KEYFRAME = 4
VIDEO_COMMAND = 5

# CodecID (section E.4.3.1)
AVC = 7
VIDEO_CODECS = {
    1: "JPEG",
    2: "Sorenson H.263",
    3: "Screen video",
    4: "VP6",
    5: "VP6 with alpha",
    6: "Screen video 2",
    12: "HEVC (old codec id 12)",
    13: "AV1 (old codec id 13)",
}
"""The names of what a tag may hold and the gateway does not carry; 12 and 13 never were in the specification."""

# SoundFormat (section E.4.2.1)
AAC = 10
AUDIO_CODECS = {
    0: "Linear PCM",
    1: "ADPCM",
    2: "MP3",
    3: "Linear PCM, little endian",
    4: "Nellymoser 16 kHz",
    5: "Nellymoser 8 kHz",
    6: "Nellymoser",
    7: "G.711 A-law",
    8: "G.711 mu-law",
    11: "Speex",
    13: "Opus (old codec id 13)",
    14: "MP3 8 kHz",
    15: "device-specific sound",
}

# AVCPacketType and AACPacketType (sections E.4.3.1, E.4.2.1)
SEQUENCE_HEADER = 0
CODED_FRAMES = 1

# Enhanced RTMP v2
EX_VIDEO_HEADER = 0x80
"""IsExVideoHeader: the first bit of a video body; a FourCC follows in place of the codec id."""
EX_AUDIO_HEADER = 9
"""The SoundFormat that says that a FourCC follows."""
EX_MULTITRACK = {VIDEO: 6, AUDIO: 5}
"""The PacketType of a body with several tracks, by tag type."""
EX_MODIFIER = 7
"""The PacketType that is changed by further bytes."""

_AAC_44_KHZ_16_BIT_STEREO = 0xAF
"""The first byte of every AAC body, whatever the real format (section E.4.2.1, note on SoundType)."""
_MAX_BODY_BYTES = 0xFFFFFF

_HEADER = Struct(">BBHHBBBBB")
_TRAILER = Struct(">I")

_AUDIO_CONFIG_HEADER = bytes((_AAC_44_KHZ_16_BIT_STEREO, SEQUENCE_HEADER))
_AUDIO_HEADER = bytes((_AAC_44_KHZ_16_BIT_STEREO, CODED_FRAMES))
_VIDEO_CONFIG_HEADER = bytes((KEYFRAME << 4 | AVC, SEQUENCE_HEADER, 0, 0, 0))
_KEYFRAME_HEADER = bytes((KEYFRAME << 4 | AVC, CODED_FRAMES, 0, 0, 0))
_INTER_FRAME_HEADER = bytes((INTER_FRAME << 4 | AVC, CODED_FRAMES, 0, 0, 0))


def parse_video(timestamp: int, body: bytes) -> VideoConfig | VideoUnit | None:
    """What the body of a video tag or message holds; `None` if there is nothing to carry.

    Nothing to carry are an empty body, a video command, an end of sequence. Raises `GatewayError`: CODEC_UNSUPPORTED
    with the codec's name, or MEDIA_MALFORMED.
    """
    if not body:
        return None
    first = body[0]
    if first & EX_VIDEO_HEADER:
        raise _unsupported(_enhanced_name(VIDEO, body))
    frame_type = first >> 4
    if frame_type == VIDEO_COMMAND:
        return None
    if first & 0x0F != AVC:
        raise _unsupported(VIDEO_CODECS.get(first & 0x0F, f"video codec id {first & 0x0F}"))
    if len(body) < 5:
        raise GatewayError(MEDIA_MALFORMED, "an H.264 tag is shorter than its header")
    if len(body) == 5:
        return None
    packet_type = body[1]
    if packet_type == CODED_FRAMES:
        composition = body[2] << 16 | body[3] << 8 | body[4]
        if composition & 0x800000:
            composition -= 0x1000000
        return VideoUnit(timestamp, body[5:], frame_type in (KEYFRAME, GENERATED_KEYFRAME), composition)
    if packet_type == SEQUENCE_HEADER:
        return VideoConfig(timestamp, _checked_video_config(body[5:]))
    return None


def parse_audio(timestamp: int, body: bytes) -> AudioConfig | AudioUnit | None:
    """What the body of an audio tag or message holds; `None` if there is nothing to carry (an empty body or frame).

    Raises `GatewayError`: CODEC_UNSUPPORTED with the codec's name, or MEDIA_MALFORMED.
    """
    if not body:
        return None
    sound_format = body[0] >> 4
    if sound_format != AAC:
        if sound_format == EX_AUDIO_HEADER:
            raise _unsupported(_enhanced_name(AUDIO, body))
        raise _unsupported(AUDIO_CODECS.get(sound_format, f"sound format {sound_format}"))
    if len(body) < 2:
        raise GatewayError(MEDIA_MALFORMED, "an AAC tag is shorter than its header")
    if len(body) == 2:
        return None
    if body[1] == CODED_FRAMES:
        return AudioUnit(timestamp, body[2:])
    if body[1] == SEQUENCE_HEADER:
        return AudioConfig(timestamp, _checked_audio_config(body[2:]))
    return None


def video_body(unit: Unit) -> bytes:
    """The body of the video tag or message for a `VideoUnit` or a `VideoConfig`."""
    if isinstance(unit, VideoConfig):
        return _VIDEO_CONFIG_HEADER + unit.payload
    if not isinstance(unit, VideoUnit):
        raise TypeError(f"{type(unit).__name__} is not video")
    header = _KEYFRAME_HEADER if unit.keyframe else _INTER_FRAME_HEADER
    if unit.composition:
        header = header[:2] + (unit.composition & 0xFFFFFF).to_bytes(3, "big")
    return header + unit.payload


def audio_body(unit: Unit) -> bytes:
    """The body of the audio tag or message for an `AudioUnit` or an `AudioConfig`."""
    if isinstance(unit, AudioConfig):
        return _AUDIO_CONFIG_HEADER + unit.payload
    if not isinstance(unit, AudioUnit):
        raise TypeError(f"{type(unit).__name__} is not audio")
    return _AUDIO_HEADER + unit.payload


def tag_bytes(unit: Unit) -> bytes:
    """The whole FLV tag of a unit, with the PreviousTagSize that follows it. The `Wire` of HTTP-FLV viewers."""
    if isinstance(unit, AudioUnit | AudioConfig):
        return _tag(AUDIO, unit.timestamp, audio_body(unit))
    if isinstance(unit, Metadata):
        # At any other time than 0, ffmpeg's demuxer takes metadata for a text track.
        return _tag(SCRIPT, 0, script_body(ON_METADATA, unit.values))
    return _tag(VIDEO, unit.timestamp, video_body(unit))


def _tag(kind: int, timestamp: int, body: bytes) -> bytes:
    size = len(body)
    if size > _MAX_BODY_BYTES:
        raise ValueError("a unit is too large for an FLV tag")
    header = _HEADER.pack(
        kind,
        size >> 16,
        size & 0xFFFF,
        timestamp >> 8 & 0xFFFF,
        timestamp & 0xFF,
        timestamp >> 24 & 0xFF,  # TimestampExtended: the upper byte (section E.4.1)
        0,
        0,
        0,
    )
    return b"".join((header, body, _TRAILER.pack(TAG_HEADER_BYTES + size)))


def _unsupported(codec: str) -> GatewayError:
    return GatewayError(CODEC_UNSUPPORTED, f"{codec} was sent")


def _enhanced_name(kind: int, body: bytes) -> str:
    """How a body with an Enhanced RTMP header is named in a refusal: by its FourCC where it stands in its usual place."""
    packet_type = body[0] & 0x0F
    fourcc = body[1:5]
    if packet_type == EX_MULTITRACK[kind]:
        return "Enhanced RTMP multitrack " + ("video" if kind == VIDEO else "audio")
    if packet_type != EX_MODIFIER and len(fourcc) == 4 and all(0x20 <= byte < 0x7F for byte in fourcc):
        return f"Enhanced RTMP {fourcc.decode('ascii')}"
    return "Enhanced RTMP " + ("video" if kind == VIDEO else "audio")


def _checked_video_config(record: bytes) -> bytes:
    try:
        h264.parse_config(record)
    except MalformedMedia as error:
        raise GatewayError(MEDIA_MALFORMED, str(error)) from error
    return record


def _checked_audio_config(config: bytes) -> bytes:
    try:
        object_type = aac.parse_config(config).object_type
    except MalformedMedia as error:
        raise GatewayError(MEDIA_MALFORMED, f"the AAC configuration is broken: {error}") from error
    if object_type not in aac.AAC_OBJECT_TYPES:
        raise _unsupported(f"MPEG-4 audio of object type {object_type}")
    return config
