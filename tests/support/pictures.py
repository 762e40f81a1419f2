"""Coded pictures that tell their number: each is of one grey, and the grey is the number."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import av
from av.codec.context import Flags

from adapters.media import h264
from adapters.media.units import Codec, VideoConfig, VideoUnit

GREYS = 26
"""A picture's number is told modulo this."""
_DARKEST, _STEP = 20, 8


def coded(
    codec: Codec, count: int, *, fps: int = 25, b_frames: int = 0, pyramid: bool = False, size: tuple[int, int] = (64, 48),
    every: int = 25, first: int = 0,
) -> tuple[VideoConfig, list[VideoUnit]]:  # fmt: skip
    """`count` pictures in coding order, as their publisher would send them; a keyframe `every` so many.

    Picture n, counted from `first`, is shown at n / fps seconds, and with B-frames as much later as their coding takes.
    """
    encoder = _encoder(codec, fps, b_frames, pyramid, size, every)
    frames = [_picture(number, size, fps) for number in range(first, first + count)]
    packets = [packet for frame in [*frames, None] for packet in encoder.encode(frame)]
    delay = max((packet.pts or 0) - (packet.dts or 0) for packet in packets[:1])
    units = [_unit(codec, packet, delay) for packet in packets]
    return VideoConfig(0, _record(encoder) if codec is Codec.H264 else b"", codec=codec), units


def seen(config: VideoConfig, units: Iterable[VideoUnit]) -> list[tuple[int, int]]:
    """What a decoder of these units shows: when (milliseconds), and the number modulo `GREYS`, in the order of showing."""
    decoder = av.CodecContext.create("vp8" if config.codec is Codec.VP8 else "h264", "r")
    decoder.thread_count = 1
    if config.payload:
        decoder.extradata = config.payload
    frames: list[av.VideoFrame] = []
    for unit in units:
        packet: av.Packet[Any] = av.Packet(unit.payload)
        packet.pts, packet.dts = unit.timestamp + unit.composition, unit.timestamp
        frames += decoder.decode(packet)
    frames += decoder.decode(None)
    return [(frame.pts or 0, _number(frame)) for frame in frames]


def times_and_numbers(units: Iterable[VideoUnit], fps: int = 25) -> list[tuple[int, int]]:
    """The same, of what `coded` made without B-frames."""
    return [(unit.timestamp, round(unit.timestamp * fps / 1000) % GREYS) for unit in units]


def _encoder(codec: Codec, fps: int, b_frames: int, pyramid: bool, size: tuple[int, int], every: int) -> av.VideoCodecContext:
    encoder = av.CodecContext.create("libvpx" if codec is Codec.VP8 else "libx264", "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt = "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, fps), Fraction(fps)
    encoder.thread_count, encoder.gop_size, encoder.bit_rate = 1, every, 500_000
    if codec is Codec.VP8:
        encoder.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    else:
        order = f"b-adapt=0:scenecut=0:b-pyramid={'normal' if pyramid else 'none'}"
        encoder.options = {"preset": "ultrafast", "bf": str(b_frames), "x264-params": order}
        encoder.flags |= Flags.global_header
    return encoder


def _picture(number: int, size: tuple[int, int], fps: int) -> av.VideoFrame:
    frame = av.VideoFrame(*size, "yuv420p")
    for plane, value in zip(frame.planes, (_DARKEST + _STEP * (number % GREYS), 128, 128), strict=True):
        plane.update(bytes((value,)) * plane.buffer_size)
    frame.pts, frame.time_base = number, Fraction(1, fps)
    return frame


def _unit(codec: Codec, packet: av.Packet[Any], delay: int) -> VideoUnit:
    assert packet.pts is not None
    assert packet.dts is not None
    decoded, shown = (round((ticks + delay) * packet.time_base * 1000) for ticks in (packet.dts, packet.pts))
    payload = h264.from_annex_b(bytes(packet)) if codec is Codec.H264 else bytes(packet)
    return VideoUnit(decoded, payload, packet.is_keyframe, shown - decoded, codec)


def _record(encoder: av.VideoCodecContext) -> bytes:
    units = h264.split_annex_b(encoder.extradata or b"")
    sps, pps = ([unit for unit in units if unit[0] & 0x1F == kind] for kind in (h264.NalType.SPS, h264.NalType.PPS))
    return h264.make_config(sps, pps).to_bytes()


def _number(frame: av.VideoFrame) -> int:
    luma = frame.planes[0]
    middle = bytes(luma)[luma.line_size * (frame.height // 2) + frame.width // 2]
    return round((middle - _DARKEST) / _STEP)
