"""Renditions: one stream in the codecs that its viewers take.

A publisher sends one video codec and one audio codec. What viewers take is one of three pairs (`PAIRS`); for each there
is a `Rendition`: what is remembered of the stream in these codecs, and the viewers that take it. A rendition gets the
publisher's own units where the codec is the same. Where it is not, a transcoder stands between, made once per stream and
target codec, and only as long as someone wants what it makes.

Which pictures come when, and on what clock, is the stream's affair (`stream`); how viewers are written to, that of their
audience. Nothing that names a protocol may be put in here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from adapters.media.picture_size import shown_size
from adapters.media.recall import Recall
from adapters.media.rendition import Rendition
from adapters.media.reordering import Reordering
from adapters.media.transcoding import AudioTranscode, Transcoders, VideoTranscode
from adapters.media.units import AudioConfig, AudioUnit, Codec, Header, Medium, Metadata, VideoConfig, VideoUnit
from adapters.media.viewer import Audience, Place, Viewer
from gateway.errors import GatewayError

PAIRS = ((Codec.H264, Codec.AAC), (Codec.H264_LOW_DELAY, Codec.OPUS), (Codec.VP8, Codec.OPUS))
"""What viewers take: live-player and whatever speaks RTMP or FLV; browsers; browsers without H.264."""


class Renditions:
    """All renditions of one stream, and the transcoders between them.

    `place` makes what a new audience is given, of a rendition's recall and of how it asks for a keyframe; `want_keyframe`
    asks the publisher for one.
    """

    def __init__(
        self, recall: Callable[[], Recall], place: Callable[[Recall, Callable[[], None]], Place],
        want_keyframe: Callable[[], None], transcoders: Transcoders | None,
    ) -> None:  # fmt: skip
        self._all = tuple(Rendition(video, audio, recall()) for video, audio in PAIRS)
        self._place = place
        self._want_keyframe = want_keyframe
        self._transcoders = transcoders
        self._reordering = Reordering()
        self._direct: tuple[Rendition, ...] = self._all
        """Those that get the publisher's own pictures; all as long as it is not known what those are."""
        self._heard_direct: tuple[Rendition, ...] = self._all
        """Those that get the publisher's own sound."""
        self._audio: dict[Codec, AudioTranscode] = {}
        self._video: dict[Codec, VideoTranscode] = {}
        self.video: VideoConfig | None = None
        """What the publisher's pictures need."""
        self.audio: AudioConfig | None = None
        """What the publisher's sound needs."""
        self._inaudible = False
        """The publisher's sound cannot be decoded."""
        self._metadata: Metadata | None = None
        self._edge = 0
        """The latest time that was seen, in milliseconds."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the publisher's pictures, in pixels; (0, 0) as long as it is not known."""
        if self.video is None:
            return (0, 0)
        return shown_size(self.video, self._all_pictures() if self.video.codec is Codec.VP8 else [])

    def __len__(self) -> int:
        return sum(len(rendition.viewers) for rendition in self._all)

    @property
    def transcoding(self) -> int:
        """Audio transcoders that run."""
        return len(self._audio)

    # What is measured ----------------------------------------------------------------------------------------------------

    def begin(self, now: float) -> None:
        """A connection of the publisher begins: what went out is measured anew from now (loop time)."""
        for rendition in self._all:
            rendition.outflow.begin(now)

    def measure(self, now: float) -> None:
        """What went out up to now is measured; the next span begins."""
        for rendition in self._all:
            rendition.outflow.settle(now)

    def wanted(self, viewer: Viewer) -> float:
        """What a viewer should be getting, in bit/s, lately: in its own codecs."""
        rendition = self._where(viewer)
        return rendition.outflow.bitrate(viewer.media) if rendition is not None else 0.0

    # What the publisher sends, with its place on the stream's timeline -------------------------------------------------

    def header(self, unit: Header) -> bool:
        """Takes a header; False if it says what was known already."""
        self._edge = unit.timestamp
        if isinstance(unit, VideoConfig):
            return self._new_video(unit)
        if isinstance(unit, AudioConfig):
            return self._new_audio(unit)
        if self._metadata is not None and self._metadata.values == unit.values:
            return False
        self._metadata = unit
        for rendition in self._all:
            rendition.header(unit)
        return True

    def picture(self, unit: VideoUnit) -> None:
        """Takes a picture of the publisher's."""
        self._edge = unit.timestamp
        reordering = self._reordering
        before = reordering.low_delay
        showable = reordering.see(unit)
        if reordering.low_delay is not before:
            self._settle()
        for rendition in self._direct:
            if showable or rendition.video is not Codec.H264_LOW_DELAY:
                rendition.picture(unit)
        for transcode in tuple(self._video.values()):
            transcode.feed(unit)

    def sound(self, unit: AudioUnit, video_comes: bool) -> None:
        """Takes a piece of the publisher's sound. `video_comes`: the stream has video now."""
        self._edge = unit.timestamp
        for rendition in self._heard_direct:
            rendition.sound(unit, video_comes)
        for target, transcode in tuple(self._audio.items()):  # a viewer that is let go meanwhile may end a transcoder
            for made in transcode.feed(unit):
                for rendition in self._all:
                    if rendition.audio is target:
                        rendition.sound(made, video_comes)

    def forget_pictures(self) -> None:
        """No pictures come any more: joiners wait for the next keyframe."""
        for rendition in self._all:
            rendition.recall.forget_pictures()

    def end(self, error: GatewayError | None) -> None:
        """The stream is over."""
        self._stop_audio(self._audio)
        self._stop_video(self._video)
        for rendition in self._all:
            rendition.end(error)

    # Viewers -----------------------------------------------------------------------------------------------------------

    def attach(self, viewer: Viewer, edge: int) -> None:
        """Seats a viewer where it takes the publisher's own pictures if that can be. Harmless when repeated.

        Raises GatewayError if pictures that it can take cannot be made. Sound that cannot be decoded is left out.
        """
        if self._where(viewer) is not None:
            return
        rendition = self._best(viewer)
        audience = self._book(rendition, viewer)
        failure = self._start_and_stop().get(rendition)
        if failure is not None and Medium.VIDEO in viewer.media:
            del rendition.viewers[viewer]
            self._provide()
            raise failure
        audience.attach(viewer, edge)

    def update(self, viewer: Viewer, edge: int) -> None:
        """A viewer's mode or media changed."""
        rendition = self._where(viewer)
        if rendition is not None:
            self._edge = edge
            rendition.viewers[viewer].update(viewer, edge)
            self._provide()

    def detach(self, viewer: Viewer) -> None:
        """A viewer leaves. Harmless when repeated."""
        rendition = self._where(viewer)
        if rendition is not None:
            rendition.viewers.pop(viewer).detach(viewer)
            self._provide()

    def catch_up(self, viewer: Viewer, rest: int) -> bool:
        """A viewer lags: it goes on with a keyframe once no more than `rest` bytes wait for it. False if that is no help."""
        rendition = self._where(viewer)
        return rendition is not None and rendition.viewers[viewer].catch_up(viewer, rest)

    def drop(self, viewer: Viewer, error: GatewayError) -> None:
        """Lets a viewer go: it is detached, and told why."""
        self.detach(viewer)
        viewer.ended(error)

    def _where(self, viewer: Viewer) -> Rendition | None:
        for rendition in self._all:
            if viewer in rendition.viewers:
                return rendition
        return None

    def _best(self, viewer: Viewer) -> Rendition:
        audible = [rendition for rendition in self._all if rendition.audio is viewer.manner.audio]
        usable = [rendition for codec in viewer.accepts for rendition in audible if rendition.video is codec] or audible
        return next((rendition for rendition in usable if rendition in self._direct), usable[0])

    def _book(self, rendition: Rendition, viewer: Viewer) -> Audience:
        """From now on the viewer counts as one of this rendition; it is not attached yet."""

        def place() -> Place:
            return self._place(rendition.recall, partial(self._ask_for_keyframe, rendition))

        audience = rendition.viewers[viewer] = rendition.audience(viewer.manner, place)
        return audience

    def _ask_for_keyframe(self, rendition: Rendition) -> None:
        transcode = self._video.get(rendition.video)
        if transcode is not None:
            transcode.want_keyframe()
        else:
            self._want_keyframe()

    # Who gets what from where --------------------------------------------------------------------------------------------

    def _new_video(self, unit: VideoConfig) -> bool:
        known = self.video
        if known is not None and (known.codec, known.payload) == (unit.codec, unit.payload):
            return False
        self.video = unit
        self._reordering = Reordering(unit)
        self._stop_video(self._video)
        self._settle()
        for rendition in self._direct:
            rendition.header(replace(unit))
        return True

    def _new_audio(self, unit: AudioConfig) -> bool:
        known = self.audio
        if known is not None and (known.codec, known.payload) == (unit.codec, unit.payload):
            return False
        self.audio = unit
        self._heard_direct = tuple(rendition for rendition in self._all if rendition.audio is unit.codec)
        self._inaudible = False
        self._stop_audio(self._audio)
        for rendition in self._heard_direct:
            rendition.header(replace(unit))
        self._provide()
        return True

    def _settle(self) -> None:
        """What the publisher's pictures are has changed: everyone moves to where they are best served."""
        if self.video is not None:
            given = _given(self.video.codec, self._reordering)
            for rendition in self._all:
                if rendition in self._direct and rendition.video not in given:
                    rendition.recall.forget_pictures()
            self._direct = tuple(rendition for rendition in self._all if rendition.video in given)
            for rendition in self._direct:
                rendition.header(replace(self.video))
        self._move_to_the_best()

    def _move_to_the_best(self) -> None:
        """Everyone has moved before it is seen what has to be transcoded, so that nothing is begun for nobody."""
        moves = [(viewer, r, best) for r in self._all for viewer in r.viewers if (best := self._best(viewer)) is not r]
        for viewer, former, best in moves:
            former.viewers.pop(viewer).detach(viewer)
            self._book(best, viewer)
        self._provide()
        for viewer, _, best in moves:
            if (audience := best.viewers.get(viewer)) is not None:
                audience.attach(viewer, self._edge)

    def _provide(self) -> None:
        """Starts the transcoders that someone needs now, stops those that nobody needs, and lets go whom it cannot serve."""
        for rendition, error in self._start_and_stop().items():
            self._let_go(rendition, error)

    def _start_and_stop(self) -> dict[Rendition, GatewayError]:
        """The same; gives the renditions whose pictures cannot be made."""
        silent = [r for r in self._all if self.audio and r not in self._heard_direct and r.wanted(Medium.AUDIO)]
        unseen = [r for r in self._all if self.video and r not in self._direct and r.wanted(Medium.VIDEO)]
        if self._audio or self._video:
            self._stop_audio(self._audio.keys() - {rendition.audio for rendition in silent})
            self._stop_video(self._video.keys() - {rendition.video for rendition in unseen})
        for rendition in silent:
            self._transcode_audio(rendition)
        failures: dict[Rendition, GatewayError] = {}
        for rendition in unseen:
            try:
                self._transcode_video(rendition)
            except GatewayError as error:
                failures[rendition] = error
        return failures

    def _transcode_audio(self, rendition: Rendition) -> None:
        """What cannot be decoded is not heard; those who could not hear it go on seeing."""
        target = rendition.audio
        if self._transcoders is None or self.audio is None or self._inaudible:
            return
        if target not in self._audio:
            try:
                self._audio[target] = self._transcoders.audio(self.audio, target)
            except GatewayError:
                self._inaudible = True
                return
            for alike in self._all:
                if alike.audio is target:
                    alike.outflow.renew(Medium.AUDIO)
        rendition.header(self._audio[target].config.at(self._edge))

    def _transcode_video(self, rendition: Rendition) -> None:
        target = rendition.video
        if self._transcoders is None or self.video is None or target in self._video:
            return

        def emit(made: VideoConfig | VideoUnit) -> None:
            if self._video.get(target) is transcode:
                if isinstance(made, VideoConfig):
                    rendition.header(made)
                else:
                    rendition.picture(made)

        def failed(error: GatewayError) -> None:
            if self._video.get(target) is transcode:
                self._stop_video({target})
                self._let_go(rendition, error)
                self._provide()

        transcode = self._video[target] = self._transcoders.video(self.video, target, emit, failed)
        rendition.recall.forget_pictures()
        rendition.outflow.renew(Medium.VIDEO)
        for picture in self._all_pictures():
            transcode.feed(picture)
        self._want_keyframe()

    def _all_pictures(self) -> list[VideoUnit]:
        """The publisher's own newest group of pictures."""
        return next((rendition.recall.pictures() for rendition in self._direct), [])

    def _let_go(self, rendition: Rendition, error: GatewayError) -> None:
        """The pictures that these viewers take cannot be made. Who wants sound alone stays."""
        gone = [(viewer, seat) for viewer, seat in rendition.viewers.items() if Medium.VIDEO in viewer.media]
        for viewer, _ in gone:
            del rendition.viewers[viewer]
        for viewer, audience in gone:
            audience.detach(viewer)
            viewer.ended(error)

    def _stop_audio(self, targets: Iterable[Codec]) -> None:
        for target in tuple(targets):
            self._audio.pop(target).close()

    def _stop_video(self, targets: Iterable[Codec]) -> None:
        for target in tuple(targets):
            self._video.pop(target).close()
            for rendition in self._all:
                if rendition.video is target and rendition not in self._direct:
                    rendition.recall.forget_pictures()


def _given(codec: Codec, reordering: Reordering) -> frozenset[Codec]:
    """The names under which a publisher's own pictures can be had."""
    if codec is Codec.H264 and reordering.low_delay:
        return frozenset({Codec.H264, Codec.H264_LOW_DELAY})
    return frozenset({codec})
