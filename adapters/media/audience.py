"""Viewers of one stream that take it as bytes: who sits where, who joins when, who has fallen behind.

The rules:

- A viewer that wants video joins with the newest group of pictures; if there is none it gets sound at once and the video
  from the next keyframe on. Until then it sits in the lane of those who want no video.
- A viewer that has fallen behind gets nothing until its socket has drained; it goes on at a keyframe, or at once where no
  video comes. Headers that changed meanwhile come first. One that does not drain in time is dropped.
- A viewer that lags is treated the same when it is asked for (`catch_up`), but goes on only when the kernel, too, holds next
  to nothing for it; it is not dropped as long as that gets less.
- Nobody gets a frame twice, nobody misses one between joining and leaving, but for the two cases above.

How bytes get to many viewers is `fanout`'s affair, what joiners are given `recall`'s.
"""

from __future__ import annotations

from adapters.media.fanout import Lane, LaneKey, Seat
from adapters.media.units import AudioConfig, AudioUnit, Codec, Header, Medium, Metadata, Unit, VideoConfig, VideoUnit
from adapters.media.viewer import LaneViewer, Place
from gateway.errors import VIEWER_TOO_SLOW, GatewayError

_VIDEO_ONLY = frozenset({Medium.VIDEO})
_EVERYTHING = -1
"""As a position: headers count as missed whenever they were written."""


class Lanes:
    """The manner of RTMP and HTTP-FLV: H.264 and AAC, the same bytes for everyone."""

    audio = Codec.AAC

    def gather(self, place: Place) -> LaneAudience:
        return LaneAudience(place)


LANES = Lanes()


class LaneAudience:
    """Viewers of one stream, in lanes."""

    def __init__(self, place: Place) -> None:
        self._settings = place.settings
        self._place = place
        self._recall = place.recall
        self._seats: dict[LaneViewer, Seat] = {}
        self._waiting: dict[Seat, None] = {}
        self._lanes: dict[LaneKey, Lane] = {}
        self._lane_list: tuple[Lane, ...] = ()
        self._openings: dict[LaneKey, bytes] = {}
        """What joiners get, by what they want; valid until the next unit."""

    def attach(self, viewer: LaneViewer, edge: int) -> None:
        """Seat a new viewer and send it what it needs to begin. `edge` is the stream's latest time.

        One whose socket is full already (it joins anew all the time and reads nothing) begins behind.
        """
        if viewer in self._seats:
            return
        key = LaneKey(viewer.transport, viewer.wire, viewer.mode, viewer.media)
        waiting = Medium.VIDEO in key.media and not self._recall.has_pictures
        lane = self._lane(_without_video(key) if waiting else key)
        seat = self._seats[viewer] = Seat(viewer, lane)
        self._set_waiting(seat, waiting)
        lane.stats.viewers += 1
        if seat.backlog() > lane.backlog_limit:
            lane.gate(seat, _EVERYTHING)
            return
        if Medium.VIDEO in key.media and not waiting:
            viewer.feeding.shown(self._place.clock())
        seat.told_video = self._recall.video if Medium.VIDEO in key.media else None
        lane.place(seat)
        opening = self._opening(key, edge)
        if opening:
            lane.stats.bytes_out += len(opening)
            seat.send(opening)

    def _opening(self, key: LaneKey, edge: int) -> bytes:
        """What a joiner is given, made once for all that join between two units."""
        opening = self._openings.get(key)
        if opening is None:
            units = self._recall.opening(key.media, key.mode, edge)
            opening = self._openings[key] = b"".join([unit.form(key.wire) for unit in units])
        return opening

    def update(self, viewer: LaneViewer, edge: int) -> None:
        """The viewer's mode or media changed. Video that it did not want before comes from the next keyframe on."""
        seat = self._seats.get(viewer)
        if seat is None:
            return
        key = LaneKey(viewer.transport, viewer.wire, viewer.mode, viewer.media)
        waiting = Medium.VIDEO in key.media and not seat.lane.video
        target = self._lane(_without_video(key) if waiting else key)
        self._set_waiting(seat, waiting)
        if seat.cohort is not None:
            self._reseat(seat, target, edge)
        elif seat.lane is not target:
            source = seat.lane
            source.take(seat)
            target.hold(seat, _EVERYTHING)
            self._drop_if_empty(source)

    def detach(self, viewer: LaneViewer) -> None:
        """The viewer leaves. Harmless when repeated."""
        seat = self._seats.pop(viewer, None)
        if seat is None:
            return
        self._waiting.pop(seat, None)
        seat.lane.stats.viewers -= 1
        seat.lane.take(seat)
        viewer.feeding.behind = False
        self._drop_if_empty(seat.lane)

    def catch_up(self, viewer: LaneViewer, rest: int) -> bool:
        """The viewer lags: it is given nothing until no more than `rest` bytes are unacknowledged, then goes on with a
        keyframe. False if there is no more than that, or it is behind already."""
        seat = self._seats.get(viewer)
        if seat is None or seat.cohort is None:
            return False
        held = viewer.unacknowledged()
        if held <= rest:
            return False
        seat.lane.set_aside(seat, seat.cohort.position, rest)
        seat.held = held
        return True

    def write_header(self, unit: Header) -> None:
        """A header is new or has changed: everyone it concerns gets it before what comes next."""
        self._openings.clear()
        for lane in self._lane_list:
            if isinstance(unit, Metadata) or (lane.audio if isinstance(unit, AudioConfig) else lane.video):
                lane.append_header(unit)

    def write(self, unit: AudioUnit | VideoUnit, *, video: bool, keyframe: bool, video_comes: bool) -> None:
        """A frame for everyone who wants its medium. `video`: it is a picture; `video_comes`: the stream has video now."""
        self._openings.clear()
        if keyframe and self._waiting:
            self._seat_waiting(unit.timestamp)
        late: list[Seat] | None = None
        for lane in self._lane_list:
            if lane.gated:
                late = self._review(lane, unit.timestamp, keyframe=keyframe, video_comes=video_comes, late=late)
            if lane.video if video else lane.audio:
                lane.append(unit.form(lane.wire))
        for seat in late or ():
            self._drop(seat)

    def end(self, error: GatewayError | None) -> None:
        """The stream is over: everyone gets what still waits, and is let go."""
        for lane in self._lane_list:
            for cohort in tuple(lane.cohorts):
                cohort.flush()
            lane.close()
        viewers = tuple(self._seats)
        for seat in self._seats.values():
            seat.lane.stats.viewers -= 1
        self._seats.clear()
        self._waiting.clear()
        self._lanes.clear()
        self._lane_list = ()
        for viewer in viewers:
            viewer.ended(error)

    def _seat_waiting(self, now: int) -> None:
        """A keyframe comes: those who waited for it get a seat before it."""
        for seat in tuple(self._waiting):
            if seat.cohort is None and not self._drained(seat):
                continue
            key = seat.lane.key
            self._set_waiting(seat, False)
            self._reseat(seat, self._lane(key._replace(media=key.media | _VIDEO_ONLY)), now)
            seat.viewer.feeding.shown(self._place.clock())

    def _review(self, lane: Lane, time: int, *, keyframe: bool, video_comes: bool, late: list[Seat] | None) -> list[Seat] | None:
        """Let gated viewers that have drained go on where that is possible; collect those that had long enough."""
        may_go_on = keyframe or not (lane.video and video_comes)
        now = self._place.clock()
        for seat in tuple(lane.gated):
            drained = self._drained(seat)
            if drained and may_go_on:
                self._set_waiting(seat, seat.waiting or (lane.video and not keyframe))
                self._reseat(seat, self._lane(_without_video(lane.key)) if seat.waiting else lane, time)
                if lane.video and keyframe:
                    seat.viewer.feeding.shown(now)
            elif drained:
                self._place.want_keyframe()
            elif self._hopeless(seat, now):
                late = [*(late or ()), seat]
        return late

    def _drained(self, seat: Seat) -> bool:
        """A gated viewer has taken enough of what waited for it."""
        if seat.rest is None:
            return seat.backlog() <= self._settings.viewer_backlog_bytes // 2
        return seat.viewer.unacknowledged() <= seat.rest

    def _hopeless(self, seat: Seat, now: float) -> bool:
        """A gated viewer has had long enough. One that lagged may take its time, as long as it takes anything."""
        if now - seat.gated_at <= self._settings.viewer_stall:
            return False
        if seat.rest is None:
            return True
        before, seat.held = seat.held, seat.viewer.unacknowledged()
        seat.gated_at = now
        return seat.held >= before

    def _reseat(self, seat: Seat, target: Lane, time: int) -> None:
        """Move a viewer to the end of a lane, after all that it has still to get before: what waits, and headers."""
        source = seat.lane
        if source is target and seat.cohort is not None:
            return
        before = source.pending(seat)
        headers = [unit.form(target.wire) for unit in self._missed_headers(seat, source, target, time)]
        data = b"".join([before, *headers])
        source.take(seat)
        target.place(seat)
        seat.viewer.feeding.behind = False
        self._drop_if_empty(source)
        if data:
            target.stats.bytes_out += len(data)
            seat.send(data)

    def _missed_headers(self, seat: Seat, source: Lane, target: Lane, time: int) -> list[Unit]:
        gated = seat.cohort is None

        def missed(kind: type[Unit]) -> bool:
            return gated and (seat.missed_from == _EVERYTHING or source.changed_since(kind, seat.missed_from))

        media: list[Medium] = []
        if target.audio and (not source.audio or missed(AudioConfig)):
            media.append(Medium.AUDIO)
        if target.video and ((not source.video and seat.told_video is not self._recall.video) or missed(VideoConfig)):
            media.append(Medium.VIDEO)
            seat.told_video = self._recall.video
        return self._recall.headers(media, time, metadata=missed(Metadata))

    def _drop(self, seat: Seat) -> None:
        if seat.viewer in self._seats:
            seat.lane.stats.dropped += 1
            self._place.drop(seat.viewer, GatewayError(VIEWER_TOO_SLOW))

    def _set_waiting(self, seat: Seat, waiting: bool) -> None:
        seat.waiting = waiting
        if waiting:
            self._waiting[seat] = None
            self._place.want_keyframe()
        else:
            self._waiting.pop(seat, None)

    def _lane(self, key: LaneKey) -> Lane:
        lane = self._lanes.get(key)
        if lane is None:
            place = self._place
            lane = self._lanes[key] = Lane(
                key, self._settings, place.stats(key.transport), place.clock, place.stopwatch, place.call_later, place.turns
            )
            self._lane_list = tuple(self._lanes.values())
        return lane

    def _drop_if_empty(self, lane: Lane) -> None:
        if not lane.cohorts and not lane.gated and self._lanes.get(lane.key) is lane:
            lane.close()
            del self._lanes[lane.key]
            self._lane_list = tuple(self._lanes.values())


def _without_video(key: LaneKey) -> LaneKey:
    return key._replace(media=key.media - _VIDEO_ONLY)
