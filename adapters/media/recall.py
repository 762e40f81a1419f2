"""What a stream remembers for those who join: metadata, codec headers, and the newest group of pictures.

A group of pictures (GOP) is a keyframe and everything after it; it is bounded in bytes and in time, and one that outgrows
the bounds is not kept at all, since it is of no use without its beginning.

Who joins, and when, is not known here. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from adapters.media.units import AudioConfig, AudioUnit, Header, Medium, Metadata, PlayMode, Unit, VideoConfig, VideoUnit
from gateway.config import MediaSettings

BURST_SPREAD = 200
"""Milliseconds of timeline that the pictures for an RTC joiner cover at most; they are 1 ms apart at most."""

UNIT_BYTES = 512
"""What keeping a unit costs beside its payload, wire forms included: counted, because a payload can be a single byte."""


class Recall:
    """The memory of one stream."""

    __slots__ = ("_bytes", "_gop", "_gop_bytes", "_gop_span", "audio", "metadata", "video")

    def __init__(self, settings: MediaSettings) -> None:
        self._gop_bytes = settings.gop_bytes
        self._gop_span = settings.gop_seconds * 1000
        self._gop: list[AudioUnit | VideoUnit] = []
        self._bytes = 0
        self.metadata: Metadata | None = None
        self.audio: AudioConfig | None = None
        self.video: VideoConfig | None = None

    @property
    def has_pictures(self) -> bool:
        """True if a joiner can be given pictures at once."""
        return bool(self._gop)

    def pictures(self) -> list[VideoUnit]:
        """The pictures of the newest group, the keyframe first; none if there is no group."""
        return [unit for unit in self._gop if isinstance(unit, VideoUnit)]

    def remember_header(self, unit: Header) -> bool:
        """Keep a header; False if it says what was known already.

        A changed decoder configuration makes what is kept of its medium useless for joiners, so that is forgotten.
        """
        match unit:
            case Metadata():
                if self.metadata is not None and self.metadata.values == unit.values:
                    return False
                self.metadata = unit
            case AudioConfig():
                if self.audio is not None and (self.audio.codec, self.audio.payload) == (unit.codec, unit.payload):
                    return False
                self.audio = unit
                self._gop = [kept for kept in self._gop if isinstance(kept, VideoUnit)]
                self._bytes = sum(UNIT_BYTES + len(kept.payload) for kept in self._gop)
            case VideoConfig():
                if self.video is not None and (self.video.codec, self.video.payload) == (unit.codec, unit.payload):
                    return False
                self.video = unit
                self.forget_pictures()
        return True

    def remember(self, unit: AudioUnit | VideoUnit) -> None:
        """Keep a frame, if it belongs to a group of pictures that is still within its bounds."""
        gop = self._gop
        if isinstance(unit, VideoUnit) and unit.keyframe:
            self._gop = gop = []
            self._bytes = 0
        elif not gop:
            return
        self._bytes += UNIT_BYTES + len(unit.payload)
        if self._bytes > self._gop_bytes or (gop and unit.timestamp - gop[0].timestamp > self._gop_span):
            self.forget_pictures()
        else:
            gop.append(unit)

    def forget_pictures(self) -> None:
        """Joiners have to wait for the next keyframe."""
        self._gop = []
        self._bytes = 0

    def opening(self, media: frozenset[Medium], mode: PlayMode, edge: int) -> list[Unit]:
        """All that a joiner gets at once: headers, then pictures if there are any. `edge` is the stream's latest time."""
        frames: list[Unit] = []
        if Medium.VIDEO in media:
            frames = self._compressed() if mode is PlayMode.RTC else self._as_it_was(media)
        begins = frames[0].timestamp if frames else edge
        return [*self.headers(media, begins), *frames]

    def headers(self, media: Iterable[Medium], timestamp: int, *, metadata: bool = True) -> list[Unit]:
        """What a decoder of these media needs to begin, stamped with one time."""
        known: list[Unit | None] = [
            self.metadata if metadata else None,
            self.video if Medium.VIDEO in media else None,
            self.audio if Medium.AUDIO in media else None,
        ]
        return [unit.at(timestamp) for unit in known if unit is not None]

    def _as_it_was(self, media: frozenset[Medium]) -> list[Unit]:
        wants_audio = Medium.AUDIO in media
        return [unit for unit in self._gop if wants_audio or isinstance(unit, VideoUnit)]

    def _compressed(self) -> list[Unit]:
        """The pictures so close together that a player is through with them at once, the last one at its own time.

        A picture that is to be shown after the last one's decoding time (there are B-frames) is still shown then.
        """
        pictures = self.pictures()
        if not pictures:
            return []
        edge = pictures[-1].timestamp
        last = len(pictures) - 1
        step = min(1.0, BURST_SPREAD / last) if last else 0.0
        frames: list[Unit] = []
        for index, unit in enumerate(pictures):
            timestamp = max(0, edge - round((last - index) * step))
            shown = unit.timestamp + unit.composition
            frames.append(replace(unit, timestamp=timestamp, composition=shown - timestamp if shown > edge else 0))
        return frames
