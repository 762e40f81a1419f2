"""What a recorded stream shows and sounds like, moment by moment."""

from __future__ import annotations

from array import array
from itertools import pairwise
from pathlib import Path

import av

_PIECE = 0.01
"""Seconds of sound that are looked at together."""
_BRIGHT = 128
_LOUD = 0.05


def onsets(path: Path) -> tuple[list[float], list[float]]:
    """Seconds at which the picture turns bright, and at which the sound turns loud."""
    with av.open(str(path)) as container:
        light: list[tuple[float, bool]] = []
        sound: list[tuple[float, bool]] = []
        resampler = av.AudioResampler(format="s16", layout="mono", rate=48_000)
        for frame in container.decode(video=0, audio=0):
            if isinstance(frame, av.VideoFrame):
                plane = bytes(frame.reformat(width=32, height=32, format="gray").planes[0])
                light.append((frame.time or 0.0, sum(plane) / len(plane) > _BRIGHT))
            elif isinstance(frame, av.AudioFrame):
                for piece in resampler.resample(frame):
                    sound += _loudness(piece, frame.time or 0.0)
    return _rises(light), _rises(sound)


def spread(path: Path) -> float:
    """By how much light comes later than its sound, in seconds, in a recording where both begin together: the median."""
    lights, sounds = onsets(path)
    apart = sorted((light - sound for light in lights for sound in sounds if abs(light - sound) < 0.5), key=float)
    if len(apart) < 3:
        raise AssertionError(f"too little to compare: light {lights}, sound {sounds}")
    return apart[len(apart) // 2]


def _loudness(piece: av.AudioFrame, start: float) -> list[tuple[float, bool]]:
    samples = array("h", bytes(piece.planes[0])[: 2 * piece.samples])
    step = int(_PIECE * piece.rate)
    found = []
    for offset in range(0, len(samples), step):
        part = samples[offset : offset + step]
        power = sum((each / 32768) ** 2 for each in part) / len(part)
        found.append((start + offset / piece.rate, power**0.5 > _LOUD))
    return found


def _rises(states: list[tuple[float, bool]]) -> list[float]:
    return [now for (_, before), (now, after) in pairwise(sorted(states)) if after and not before]
