"""Transcoding, as streams see it: what they need of transcoders, which are passed in. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from adapters.media.units import AudioConfig, AudioUnit, Codec, VideoConfig, VideoUnit
from gateway.errors import GatewayError


class AudioTranscode(Protocol):
    """One stream's sound on its way into another codec."""

    @property
    def config(self) -> AudioConfig: ...

    def feed(self, unit: AudioUnit) -> list[AudioUnit]:
        """What comes out when this goes in, on the same timeline. Never raises."""

    def close(self) -> None: ...


class VideoTranscode(Protocol):
    """One stream's pictures on their way into another codec, off the event loop."""

    def feed(self, unit: VideoUnit) -> None:
        """Never blocks, never raises."""

    def want_keyframe(self) -> None:
        """A picture that comes out soon is a keyframe; whoever makes them keeps the measure."""

    def close(self) -> None:
        """Nothing comes out any more."""


class Transcoders(Protocol):
    """Where transcoders come from."""

    def audio(self, source: AudioConfig, target: Codec) -> AudioTranscode:
        """Raises GatewayError if the source cannot be decoded."""

    def video(
        self, source: VideoConfig, target: Codec, emit: Callable[[VideoConfig | VideoUnit], None],
        failed: Callable[[GatewayError], None],
    ) -> VideoTranscode:  # fmt: skip
        """`emit` and `failed` are called on the event loop. Raises GatewayError if there are too many already."""
