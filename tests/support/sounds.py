"""Coded sound with something to find in it: bursts of a tone at known times."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from fractions import Fraction

import av

from adapters.media.units import AudioConfig, AudioUnit, Codec

TONE = 1000
"""Hz of the bursts."""
LOUD = 0.05
"""What is louder is a burst: a tenth of what it was coded with."""


def coded(
    codec: Codec, bursts: Iterable[tuple[int, int]], milliseconds: int, *, rate: int = 48_000, layout: str = "stereo",
    start: int = 0,
) -> tuple[AudioConfig, list[AudioUnit]]:  # fmt: skip
    """Sound of this length with a tone in each of these intervals (milliseconds), as its publisher would send it.

    The unit at time t holds what is heard from t on. Time begins at `start`.
    """
    encoder = av.CodecContext.create("aac" if codec is Codec.AAC else "libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.bit_rate = rate, layout, 96_000
    encoder.format = "fltp" if codec is Codec.AAC else "flt"
    if codec is Codec.OPUS:
        encoder.options = {"application": "lowdelay"}
    bursts = tuple(bursts)
    units = []
    for position in range(0, milliseconds * rate // 1000, 960):
        for packet in encoder.encode(_frame(position, rate, layout, bursts)):
            assert packet.pts is not None
            time = packet.pts * 1000 // rate if codec is Codec.AAC else len(units) * 20
            units.append(AudioUnit(start + time, bytes(packet), codec=codec))
    config = encoder.extradata or b"" if codec is Codec.AAC else b""
    return AudioConfig(start, config, codec=codec), [unit for unit in units if unit.timestamp >= start]


def heard(config: AudioConfig, units: Iterable[AudioUnit]) -> list[tuple[int, int]]:
    """The intervals (milliseconds) in which a decoder of these units hears something, each unit played at its time."""
    decoder = av.CodecContext.create("aac" if config.codec is Codec.AAC else "libopus", "r")
    if config.codec is Codec.AAC:
        decoder.extradata = config.payload
    else:
        decoder.sample_rate, decoder.layout = 48_000, "stereo"
    loud: set[int] = set()
    for unit in units:
        for frame in decoder.decode(av.Packet(unit.payload)):
            samples = _first_channel(frame)
            step = frame.sample_rate // 1000
            for at in range(0, len(samples), step):
                if max(map(abs, samples[at : at + step])) > LOUD:
                    loud.add(unit.timestamp + at // step)
    return _intervals(sorted(loud))


def _frame(position: int, rate: int, layout: str, bursts: tuple[tuple[int, int], ...]) -> av.AudioFrame:
    frame = av.AudioFrame("fltp", layout, 960)
    samples = array("f", (_sample(position + i, rate, bursts) for i in range(960))).tobytes()
    for plane in frame.planes:
        plane.update(samples.ljust(plane.buffer_size, b"\x00"))
    frame.sample_rate, frame.pts, frame.time_base = rate, position, Fraction(1, rate)
    return frame


def _sample(position: int, rate: int, bursts: tuple[tuple[int, int], ...]) -> float:
    time = position * 1000 / rate
    loud = any(begin <= time < end for begin, end in bursts)
    return 0.5 * math.sin(2 * math.pi * TONE * position / rate) if loud else 0.0


def _first_channel(frame: av.AudioFrame) -> list[float]:
    data = bytes(frame.planes[0])
    channels = 1 if frame.format.is_planar else frame.layout.nb_channels
    if frame.format.name.startswith("s16"):
        return [sample / 32768 for sample in array("h", data[: 2 * channels * frame.samples])[::channels]]
    return list(array("f", data[: 4 * channels * frame.samples])[::channels])


def _intervals(times: list[int], apart: int = 15) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for time in times:
        if found and time - found[-1][1] <= apart:
            found[-1] = (found[-1][0], time + 1)
        else:
            found.append((time, time + 1))
    return found
