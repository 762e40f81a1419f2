"""A live stream: one publisher's units, brought onto one timeline, for any number of viewers.

`LiveStream` is the whole of the media core as protocols see it. It puts together what stands in its own modules: the
repair of timestamps (`timeline`), the codecs that viewers take (`renditions`), what joiners are given (`recall`), who is
written to and how (each manner's audience; `audience` and `fanout` for bytes). What is left here is what the stream itself
knows: which media arrive, and whether pictures can be decoded.

Who may publish or play is decided elsewhere; a stream never refuses anyone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from adapters.media.meter import IngestMeter
from adapters.media.recall import Recall
from adapters.media.renditions import Renditions
from adapters.media.timeline import Timeline
from adapters.media.transcoding import Transcoders
from adapters.media.turns import CallLater, Turns
from adapters.media.units import AudioConfig, AudioUnit, Header, Medium, Metadata, Unit, VideoConfig, VideoUnit
from adapters.media.viewer import Place, TransportStats, Viewer
from gateway.config import MediaSettings
from gateway.errors import GatewayError
from gateway.quality.readings import IngestReading, PathReading

__all__ = ["LiveStream", "StreamStats", "TransportStats", "Turns", "Viewer"]

REST_SECONDS = 0.2
"""A viewer that lagged goes on when media of no more than this ..."""
REST_BYTES = 32_768
"""... and no more bytes than these wait for it."""
SPARED_SECONDS = 0.5
"""Nothing is left out for a viewer if media of no more than this wait for it ..."""
ROUND_TRIPS = 2.0
"""... beyond what is sent in so many round trips: that is on its way, or its acknowledgement is."""

_UNKNOWN = PathReading()
_OTHER = {Medium.AUDIO: Medium.VIDEO, Medium.VIDEO: Medium.AUDIO}


@dataclass(slots=True)
class StreamStats:
    """What one stream has carried."""

    units_in: int = 0
    """Audio and video units from the publisher, dropped ones included."""
    bytes_in: int = 0
    """Their payloads."""
    units_dropped: int = 0
    """Units that nobody could have decoded: before any codec header, or pictures before a keyframe."""
    transports: dict[str, TransportStats] = field(default_factory=dict)
    """What viewers were given, by transport: this stream's, or those of all that share it."""


class LiveStream:
    """One stream: written to by a publisher, given to its viewers.

    `clock` gives seconds, `call_later` is the event loop's. `turns` may be shared by all streams of a loop, so that the
    loop is given back between writes to many viewers, whichever stream they belong to. `stopwatch` gives seconds too, if
    those of `clock` stand still for a while. `transports`: where it is counted what viewers were given, if other streams count
    there too.
    """

    def __init__(
        self,
        settings: MediaSettings,
        clock: Callable[[], float],
        call_later: CallLater,
        turns: Turns | None = None,
        transcoders: Transcoders | None = None,
        stopwatch: Callable[[], float] | None = None,
        transports: dict[str, TransportStats] | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._stopwatch = stopwatch or clock
        self._call_later = call_later
        self._turns = turns or Turns(call_later, settings.cohort_viewers)
        self._timeline = Timeline()
        self._renditions = Renditions(lambda: Recall(settings), self._place, self._want_keyframe, transcoders)
        self._heard: dict[Medium, float] = {}
        self._last_heard = 0.0
        self._needs_keyframe = True
        self._over = False
        self.media: frozenset[Medium] = frozenset()
        """The media that arrive now; empty until the first codec header."""
        self.on_media: Callable[[frozenset[Medium]], None] = _unheard
        """Called with `media` whenever it has changed, and when media arrive for the first time after `open`."""
        self._reported: frozenset[Medium] | None = None
        """What it was called with since `open`."""
        self.on_keyframe_wanted: Callable[[], None] = _unasked
        """Called when a viewer waits for a keyframe, as often as it pleases."""
        self.stats = StreamStats(transports=transports if transports is not None else {})
        self._meter = IngestMeter(clock())

    @property
    def viewers(self) -> int:
        """Viewers attached now."""
        return len(self._renditions)

    @property
    def transcoding(self) -> int:
        """Audio transcoders that run for this stream now."""
        return self._renditions.transcoding

    # What the publisher does ------------------------------------------------------------------------------------------

    def open(self) -> None:
        """A connection of the publisher begins. Viewers stay, time goes on, pictures begin with the next keyframe."""
        self._timeline.reconnect()
        self._reported = None
        self._needs_keyframe = True
        self._last_heard = self._clock()
        self._heard = dict.fromkeys(self.media, self._last_heard)
        self._meter.open(self._last_heard)
        self._renditions.begin(self._last_heard)

    def write(self, unit: Unit) -> None:
        """Carry a unit, stamped with the publisher's own clock (milliseconds modulo 2**32).

        The unit belongs to the stream from now on; its timestamp is set to its place on the stream's timeline.
        """
        if self._over:
            return
        if isinstance(unit, AudioUnit):
            self._write_audio(unit)
        elif isinstance(unit, VideoUnit):
            self._write_video(unit)
        elif isinstance(unit, AudioConfig | VideoConfig | Metadata):
            self._write_header(unit)

    def interrupt(self) -> None:
        """The publisher's connection is lost. Viewers stay; what arrived last stays what arrives."""
        self._needs_keyframe = True

    def end(self, error: GatewayError | None) -> None:
        """The stream is over. Viewers get what still waits for them and are let go. Harmless when repeated.

        Nothing of what it was is kept: pictures are large, and a stream that is over may be held on to for a while.
        """
        if not self._over:
            self._over = True
            settings = self._settings
            renditions, self._renditions = self._renditions, Renditions(lambda: Recall(settings), _no_place, _unasked, None)
            renditions.end(error)

    # What viewers do --------------------------------------------------------------------------------------------------

    def attach(self, viewer: Viewer) -> None:
        """A viewer joins; it may do so before anything has arrived. To join twice is to join once."""
        if self._over:
            viewer.ended(None)
        else:
            self._renditions.attach(viewer, self._timeline.edge)

    def update(self, viewer: Viewer) -> None:
        """A viewer's `mode` or `media` has changed. Video that is new to it comes from the next keyframe on."""
        self._renditions.update(viewer, self._timeline.edge)

    def detach(self, viewer: Viewer) -> None:
        """A viewer leaves. Harmless when repeated."""
        self._renditions.detach(viewer)

    def catch_up(self, viewer: Viewer, path: PathReading = _UNKNOWN) -> bool:
        """A viewer lags too far: it goes on with a keyframe once next to nothing waits for it any more. False if there is
        nothing that could be left out: what is on its way on a long path waits for nobody. `path`: what was just measured."""
        bitrate = self.wanted(viewer)
        on_its_way = bitrate * (path.round_trip or 0.0) * ROUND_TRIPS
        if path.queued is not None and path.queued * 8 <= bitrate * SPARED_SECONDS + on_its_way:
            return False
        return self._renditions.catch_up(viewer, min(REST_BYTES, int(bitrate * REST_SECONDS / 8)))

    # What is measured ---------------------------------------------------------------------------------------------------

    def wanted(self, viewer: Viewer) -> float:
        """What a viewer should be getting, in bit/s, lately: in its own codecs. Nothing if it is not attached."""
        return self._renditions.wanted(viewer)

    def measure(self, protocol: str, *, connected: bool, path: PathReading) -> IngestReading:
        """How it arrived since this was last asked; what viewers should be getting is settled by it, too."""
        size = self._renditions.size
        now = self._clock()
        self._renditions.measure(now)
        return self._meter.read(now, protocol=protocol, connected=connected, media=self.media, size=size, path=path)

    # ------------------------------------------------------------------------------------------------------------------

    def _write_audio(self, unit: AudioUnit) -> None:
        stats = self.stats
        stats.units_in += 1
        size = len(unit.payload)
        stats.bytes_in += size
        now = self._clock()
        self._meter.sound(unit.timestamp, size, now)
        if self._renditions.audio is None:
            stats.units_dropped += 1
            return
        unit.timestamp = self._timeline.repair(Medium.AUDIO, unit.timestamp, now)
        self._renditions.sound(unit, Medium.VIDEO in self.media)
        self._arrived(Medium.AUDIO, now)

    def _write_video(self, unit: VideoUnit) -> None:
        stats = self.stats
        stats.units_in += 1
        size = len(unit.payload)
        stats.bytes_in += size
        now = self._clock()
        self._meter.picture(unit.timestamp, size, unit.keyframe, now)
        if self._renditions.video is None:
            stats.units_dropped += 1
            return
        if self._needs_keyframe and not unit.keyframe:
            stats.units_dropped += 1
        else:
            self._needs_keyframe = False
            unit.timestamp = self._timeline.repair(Medium.VIDEO, unit.timestamp, now)
            self._renditions.picture(unit)
        self._arrived(Medium.VIDEO, now)

    def _write_header(self, unit: Header) -> None:
        """Headers take the stream's latest time: publishers stamp them carelessly."""
        unit.timestamp = self._timeline.edge
        if not self._renditions.header(unit):
            return
        if isinstance(unit, VideoConfig):
            self._needs_keyframe = True
            self._arrived(Medium.VIDEO, self._clock())
        elif isinstance(unit, AudioConfig):
            self._arrived(Medium.AUDIO, self._clock())

    def _arrived(self, medium: Medium, now: float) -> None:
        """Note that `medium` arrives, and that the other does not if it has been silent while this one went on."""
        heard = self._heard
        other = _OTHER[medium]
        absent_after = self._settings.media_absent_after
        if now - self._last_heard > absent_after / 2 and other in heard:
            heard[other] = now  # the whole stream stood still, which says nothing about one of its media
        self._last_heard = heard[medium] = now
        media = self.media
        if medium not in media:
            media |= {medium}
        if other in media and now - heard[other] > absent_after:
            media -= {other}
            if other is Medium.VIDEO:
                self._renditions.forget_pictures()
        if media is not self._reported:
            self.media = self._reported = media
            self.on_media(media)

    def _place(self, recall: Recall, want_keyframe: Callable[[], None]) -> Place:
        """What a new audience of this stream is given."""
        return Place(
            self._settings, self._clock, self._stopwatch, self._call_later, self._turns, recall, self._transport_stats,
            want_keyframe, self._renditions.drop,
        )  # fmt: skip

    def _transport_stats(self, transport: str) -> TransportStats:
        return self.stats.transports.setdefault(transport, TransportStats())

    def _want_keyframe(self) -> None:
        self.on_keyframe_wanted()


def _no_place(recall: Recall, want_keyframe: Callable[[], None]) -> Place:
    raise RuntimeError("a stream that is over takes no viewers")


def _unasked() -> None:
    """Nobody can be asked."""


def _unheard(media: frozenset[Medium]) -> None:
    """Nobody wants to know."""
