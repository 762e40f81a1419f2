"""How large pictures are, by what decoders are told. Pure."""

from __future__ import annotations

from adapters.media.bits import MalformedMedia
from adapters.media.h264 import parse_config, parse_sps
from adapters.media.units import Codec, VideoConfig, VideoUnit

_UNKNOWN = (0, 0)


def shown_size(config: VideoConfig, pictures: list[VideoUnit]) -> tuple[int, int]:
    """Width and height in pixels; (0, 0) if nothing says it. `pictures` begin with a keyframe, if there are any.

    H.264 has it in its configuration, VP8 in each keyframe (RFC 6386 section 9.1).
    """
    if config.codec is not Codec.VP8:
        return config.form(_configured)
    head = pictures[0].payload[6:10] if pictures else b""
    return _dimension(head[:2]), _dimension(head[2:])


def _dimension(data: bytes) -> int:
    """The upper two bits are a scale, which is not applied."""
    return int.from_bytes(data, "little") & 0x3FFF


def _configured(config: VideoConfig) -> tuple[int, int]:
    try:
        parameters = parse_sps(parse_config(config.payload).sps[0])
    except MalformedMedia:
        return _UNKNOWN
    return parameters.width, parameters.height
