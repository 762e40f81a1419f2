"""The viewers of one stream over WebRTC: who sits in which lane, who waits for a keyframe, who joins with what.

The rules:

- All viewers of one process get the same SSRCs and timestamps; those with the same payload types share packets.
- A viewer joins with the newest pictures, sent at a bounded pace and stamped so that it is through with them at once. If
  there are none, its video begins with the next keyframe, which is asked for. Sound comes from now on, at once.
- A viewer that loses too much for too long is given no video until the next keyframe. It is not dropped for that.
- A viewer that asks for keyframes and gets none, as publishers over RTMP cannot be asked, is given the newest pictures.
- Sequence numbers of a viewer have no gap, whatever happens to it here.

How packets get to many viewers is `lane`'s affair, numbering `feed`'s.
"""

from __future__ import annotations

import logging
from asyncio import TimerHandle
from collections.abc import Callable
from random import Random

from adapters.media.units import AudioUnit, Codec, Header, Medium, VideoConfig, VideoUnit
from adapters.media.viewer import Place
from adapters.webrtc.lane import Lane, Seat, Setting
from adapters.webrtc.lanes import Lanes
from adapters.webrtc.outlet import SendingCounters
from adapters.webrtc.packing import SOUND_BYTES, VIDEO_TICKS, Burst, SoundClock, newer, packer
from adapters.webrtc.player import WebRtcPlayer
from adapters.webrtc.sender_reports import SenderReports
from gateway.errors import INTERNAL_ERROR, GatewayError

log = logging.getLogger(__name__)

TICK = 1.0
"""Seconds between two sender reports."""
REFRESH_AFTER = 0.4
"""Seconds in which a keyframe may come that a viewer has asked for. If it asks again then, it is given what there is."""
REFRESH_PAUSE = 4.0
"""Seconds until that may happen again."""


class RtpManner:
    """How WebRTC viewers are fed: one per process.

    `wall_clock` gives Unix time in seconds; `random` chooses SSRCs and where timestamps and numbers begin; `burst_bitrate`
    in bits per second is the pace for a viewer that is behind; packets may be asked for again for `history` seconds.
    """

    audio = Codec.OPUS

    def __init__(
        self,
        counters: SendingCounters,
        wall_clock: Callable[[], float],
        random: Random,
        burst_bitrate: int = 30_000_000,
        history: float = 2.0,
    ) -> None:
        self.counters = counters
        self.wall_clock = wall_clock
        self.burst_bitrate = burst_bitrate
        self.history = history
        ssrcs = random.sample(range(1, 1 << 32), 4)
        self.ssrcs: dict[Medium, tuple[int, int]] = {
            Medium.AUDIO: (ssrcs[0], ssrcs[1]),
            Medium.VIDEO: (ssrcs[2], ssrcs[3]),
        }
        """By medium: the SSRC of what is sent, and of what is sent again."""
        self.bases: dict[Medium, int] = {medium: random.getrandbits(32) for medium in Medium}
        """RTP timestamp of a stream's time 0."""
        self.first = random.randrange(1 << 13, 1 << 14)
        """The first packet's number."""
        self.cname = f"{random.getrandbits(64):016x}"

    def gather(self, place: Place) -> RtpAudience:
        """A new, empty audience."""
        return RtpAudience(place, self)


class RtpAudience:
    """The viewers of one stream that take it in one video codec and Opus."""

    def __init__(self, place: Place, manner: RtpManner) -> None:
        self._place = place
        self._manner = manner
        pace = manner.burst_bitrate / 8
        setting = Setting(
            place.clock, place.stopwatch, place.call_later, place.turns, manner.counters, pace, manner.history
        )
        self._lanes = Lanes(setting, manner.first, self._skip, self._failed)
        self._viewers: dict[WebRtcPlayer, None] = {}
        self._waiting: dict[Seat, WebRtcPlayer] = {}
        """Those whose video begins with the next keyframe."""
        self._codec: Codec | None = None
        self._pack = packer(None)
        self._sound = SoundClock()
        self._reports = SenderReports(
            place.clock, manner.wall_clock, place.call_later, place.turns, manner.cname, manner.bases
        )
        self._untold: dict[WebRtcPlayer, None] = {}
        """Viewers that were given a lane and no sender report since."""
        self._refreshed: dict[WebRtcPlayer, float] = {}
        """When a viewer that asks for a keyframe is given the newest pictures."""
        self._timer: TimerHandle | None = None
        self._counted: dict[Lane, int] = {}
        """Packets of a lane at the last tick."""
        if place.recall.video is not None:
            self._prepare(place.recall.video)

    def __len__(self) -> int:
        return len(self._viewers)

    # Who comes and goes ------------------------------------------------------------------------------------------------

    def attach(self, viewer: WebRtcPlayer, edge: int) -> None:
        """A viewer joins: sound from now on, and the newest pictures."""
        if viewer in self._viewers:
            return
        if not self._viewers:
            self._reports.restart()
            self._arm()
        self._viewers[viewer] = None
        viewer.host = self
        viewer.stats = self._place.stats(viewer.transport)
        viewer.stats.viewers += 1
        self.update(viewer, edge)

    def update(self, viewer: WebRtcPlayer, edge: int) -> None:
        """The media that the viewer wants have changed: what it wants no more stops at once."""
        if viewer not in self._viewers:
            return
        for medium, seat in viewer.seats.items():
            if medium not in viewer.media:
                self._stop(seat)
                if medium is Medium.VIDEO:
                    viewer.feeding.behind = False
            elif seat.cohort is None and seat not in self._waiting:
                self._start(viewer, seat)

    def detach(self, viewer: WebRtcPlayer) -> None:
        """The viewer leaves. Harmless when repeated."""
        if viewer not in self._viewers:
            return
        for seat in viewer.seats.values():
            self._stop(seat)
        del self._viewers[viewer]
        viewer.feeding.behind = False
        viewer.host = viewer.stats = None
        self._place.stats(viewer.transport).viewers -= 1
        self._untold.pop(viewer, None)
        self._refreshed.pop(viewer, None)
        self._reports.forget(viewer)
        if not self._viewers:
            self._disarm()

    def catch_up(self, viewer: WebRtcPlayer, rest: int) -> bool:
        """Nothing waits here for anyone: what the network does not take is lost."""
        return False

    def end(self, error: GatewayError | None) -> None:
        """The stream is over."""
        self._disarm()
        viewers = tuple(self._viewers)
        for viewer in viewers:
            self.detach(viewer)
        self._lanes.close()
        for viewer in viewers:
            viewer.ended(error)

    def keyframe_wanted(self, viewer: WebRtcPlayer) -> None:
        """A viewer cannot go on with what it has. One that has asked in vain is given the newest pictures."""
        self._place.want_keyframe()
        seat = viewer.seats.get(Medium.VIDEO)
        cohort = seat.cohort if seat is not None else None
        if seat is None or cohort is None or cohort.source is not cohort.lane.history:
            return
        now = self._place.clock()
        if now >= self._refreshed.setdefault(viewer, now + REFRESH_AFTER):
            self._refreshed[viewer] = now + REFRESH_PAUSE
            self._stop(seat)
            self._start(viewer, seat)

    # What the stream writes --------------------------------------------------------------------------------------------

    def write_header(self, unit: Header) -> None:
        """Pictures need another configuration from now on; it is sent with each keyframe. Sound needs none."""
        if isinstance(unit, VideoConfig):
            self._prepare(unit)

    def write(self, unit: AudioUnit | VideoUnit, *, video: bool, keyframe: bool, video_comes: bool) -> None:
        """A picture or piece of sound for everyone who wants its medium."""
        if not self._viewers:
            self._lanes.forget_bursts()
            return
        if isinstance(unit, VideoUnit):
            self._write_picture(unit)
        else:
            self._write_sound(unit)
        self._reports.see(unit.timestamp)
        if self._untold:
            self._reports.tell(self._untold)
            self._untold.clear()

    def _write_picture(self, unit: VideoUnit) -> None:
        self._lanes.forget_bursts()
        lanes = self._lanes.of(Medium.VIDEO)
        if not self._waiting and not any(lane.cohorts for lane in lanes):
            return
        payloads = unit.form(self._pack)
        if unit.keyframe and payloads:
            self._refreshed.clear()
            if self._waiting:
                self._seat_waiting()
                lanes = self._lanes.of(Medium.VIDEO)
        timestamp = self._manner.bases[Medium.VIDEO] + (unit.timestamp + unit.composition) * VIDEO_TICKS
        for lane in lanes:
            lane.append(payloads, timestamp)

    def _write_sound(self, unit: AudioUnit) -> None:
        time = self._manner.bases[Medium.AUDIO] + self._sound.time(unit)
        if len(unit.payload) <= SOUND_BYTES:
            for lane in self._lanes.of(Medium.AUDIO):
                lane.append((unit.payload,), time)

    def _prepare(self, config: VideoConfig) -> None:
        """These are the pictures to come. In another codec than before they need other payload types, hence other lanes."""
        codec = Codec.H264_LOW_DELAY if config.codec is Codec.H264 else config.codec
        changed, self._codec = self._codec is not codec, codec
        self._pack = packer(config)
        self._lanes.forget_bursts()
        if not changed:
            return
        for viewer in self._viewers:
            seat = viewer.seats.get(Medium.VIDEO)
            if seat is not None and seat.cohort is not None:
                self._stop(seat)
                self._waiting[seat] = viewer

    # Starting and stopping ---------------------------------------------------------------------------------------------

    def _start(self, viewer: WebRtcPlayer, seat: Seat) -> None:
        """The viewer wants this medium from now on."""
        if seat.track.medium is Medium.AUDIO:
            lane = self._lanes.find(seat, Codec.OPUS)
            if lane is not None:
                self._place_in(lane, viewer, seat, None)
            return
        lane = self._lanes.find(seat, self._codec)
        burst = self._burst(lane, seat.last_timestamp) if lane is not None else None
        if lane is None or burst is None:
            self._waiting[seat] = viewer
            self._place.want_keyframe()
        else:
            self._place_in(lane, viewer, seat, burst)

    def _burst(self, lane: Lane, after: int | None) -> Burst | None:
        """The newest pictures for a viewer that has been shown pictures up to this RTP timestamp before, if any."""
        base = self._manner.bases[Medium.VIDEO]
        burst = self._lanes.burst(lane, self._place.recall, self._pack, base, behind=after is not None)
        if burst is not None and after is not None and not newer(burst.timestamp, after):
            return None
        return burst

    def _stop(self, seat: Seat) -> None:
        """The viewer gets nothing of this medium from now on."""
        self._waiting.pop(seat, None)
        if seat.cohort is not None:
            seat.cohort.lane.take(seat)

    def _place_in(self, lane: Lane, viewer: WebRtcPlayer, seat: Seat, burst: Burst | None) -> None:
        stats = self._place.stats(viewer.transport)
        if burst is None:
            lane.place(seat, stats)
        else:
            lane.open(seat, stats, burst)
        self._untold[viewer] = None
        if seat.track.medium is Medium.VIDEO:
            viewer.feeding.behind = False
            viewer.feeding.shown(self._place.clock())

    def _seat_waiting(self) -> None:
        """A keyframe comes: those who waited for it get it. One that cannot take this codec waits on."""
        for seat, viewer in tuple(self._waiting.items()):
            lane = self._lanes.find(seat, self._codec)
            if lane is not None:
                del self._waiting[seat]
                self._place_in(lane, viewer, seat, None)

    def _skip(self, seat: Seat) -> None:
        """Take a viewer out of its video until the next keyframe, or let its sound go on with what comes now."""
        viewer = self._whose(seat)
        self._stop(seat)
        self._place.stats(viewer.transport).skips += 1
        viewer.feeding.skips += 1
        if seat.track.medium is Medium.VIDEO:
            viewer.feeding.behind = True
            self._waiting[seat] = viewer
        else:
            self._start(viewer, seat)

    def _failed(self, failures: dict[Seat, Exception]) -> None:
        """Let go whom nothing can be sent to: our own mistake, which costs nobody else anything."""
        viewers = [self._whose(seat) for seat in failures]
        log.error("sending failed viewers=%d", len(viewers), exc_info=next(iter(failures.values())))
        for viewer in viewers:
            if viewer in self._viewers:
                self._place.stats(viewer.transport).dropped += 1
                self._place.drop(viewer, GatewayError(INTERNAL_ERROR))

    def _whose(self, seat: Seat) -> WebRtcPlayer:
        return next(viewer for viewer in self._viewers if seat in viewer.seats.values())

    # Every second ------------------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        self._timer = self._place.call_later(TICK, self._tick)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._lanes.tidy()
        self._lanes.forget_bursts()
        self._counted.clear()

    def _tick(self) -> None:
        """Report to everyone, spare those that lose too much, and ask again for the keyframe that someone waits for."""
        self._arm()
        if self._waiting:
            self._place.want_keyframe()
        sent = {lane: lane.packets - self._counted.get(lane, 0) for lane in self._lanes.of(Medium.VIDEO)}
        for viewer in self._viewers:
            seat = viewer.seats.get(Medium.VIDEO)
            if seat is not None and seat.cohort is not None and viewer.struggles(sent.get(seat.cohort.lane, 0)):
                self._skip(seat)
        self._lanes.tidy()
        self._counted = {lane: lane.packets for lane in sent}
        self._reports.tell(self._viewers)


