"""A rendition: one stream in one pair of codecs. What is remembered of it, and the viewers that take it.

Where its units come from is not known here: that is `renditions`. Pure.
"""

from __future__ import annotations

from collections.abc import Callable

from adapters.media.outflow import FRAMING, Outflow
from adapters.media.recall import Recall
from adapters.media.units import AudioUnit, Codec, Header, Medium, VideoUnit
from adapters.media.viewer import Audience, Manner, Place, Viewer
from gateway.errors import GatewayError


class Rendition:
    """One stream in one pair of codecs."""

    __slots__ = ("_audiences", "_gathered", "audio", "outflow", "recall", "video", "viewers")

    def __init__(self, video: Codec, audio: Codec, recall: Recall) -> None:
        self.video = video
        self.audio = audio
        self.recall = recall
        self.outflow = Outflow()
        self.viewers: dict[Viewer, Audience] = {}
        """Everyone who sits here, and in which audience."""
        self._gathered: dict[Manner, Audience] = {}
        self._audiences: tuple[Audience, ...] = ()

    def wanted(self, medium: Medium) -> bool:
        """True if any viewer here wants this medium."""
        return any(medium in viewer.media for viewer in self.viewers)

    def audience(self, manner: Manner, place: Callable[[], Place]) -> Audience:
        """The audience of a manner, made for its first viewer."""
        audience = self._gathered.get(manner)
        if audience is None:
            audience = self._gathered[manner] = manner.gather(place())
            self._audiences = tuple(self._gathered.values())
        return audience

    def header(self, unit: Header) -> None:
        if self.recall.remember_header(unit):
            for audience in self._audiences:
                audience.write_header(unit)

    def picture(self, unit: VideoUnit) -> None:
        self.outflow.pictures += len(unit.payload) + FRAMING
        self.recall.remember(unit)
        for audience in self._audiences:
            audience.write(unit, video=True, keyframe=unit.keyframe, video_comes=True)

    def sound(self, unit: AudioUnit, video_comes: bool) -> None:
        self.outflow.sounds += len(unit.payload) + FRAMING
        self.recall.remember(unit)
        for audience in self._audiences:
            audience.write(unit, video=False, keyframe=False, video_comes=video_comes)

    def end(self, error: GatewayError | None) -> None:
        """The stream is over. What it was is forgotten."""
        audiences, self._audiences = self._audiences, ()
        self._gathered.clear()
        for audience in audiences:
            audience.end(error)
        self.viewers.clear()
        self.recall.forget_pictures()
