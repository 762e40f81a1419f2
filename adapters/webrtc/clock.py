"""One clock for all tracks of a peer: RTP timestamps become milliseconds that sound and picture share.

Each track has an RTP clock of its own, which starts anywhere. Only sender reports say how the clocks belong together:
each ties one RTP timestamp to the sender's wall clock (RFC 3550 section 6.4.1). Until they have come, a track is placed
by the arrival of its fastest packets; afterwards sound goes on as it was, and pictures are led to it slowly, so that
nobody sees or hears the correction. Where the sender's clock drifts away from ours, all tracks are led after arrival
together. Only an error of more than a second is put right at once, and always forwards: the
track that lags jumps.

A track's time is `media + offset`, where `media` is its unrolled RTP time and `offset` is all that is ever corrected. Time
never runs backwards on a track. A timestamp that does not fit the time that has passed is an encoder that began anew:
the track then goes on by arrival, as far behind it as before. Pure: time comes in as `now`.
"""

from __future__ import annotations

from adapters.media.units import Medium
from adapters.webrtc.rtp import timestamp_distance
from adapters.webrtc.tracks import CLOCKS

AHEAD = 1000.0
"""Milliseconds; a timestamp that is further ahead of the time that has passed since the one before it is a jump."""
BEHIND = 3000.0
"""Milliseconds; a timestamp that is further behind that is a jump: less may be a queue somewhere on the way."""
BACK = 1000.0
"""Milliseconds; a timestamp that is further behind the one before it is a jump."""
PLAUSIBLE = 3000.0
"""Milliseconds; a sender report that leads a track further than this from where arrival places it is not believed."""
TOLERANCE = 5.0
"""Milliseconds; an error up to this is left alone, a larger one is corrected until nothing is left of it."""
SLEW = 0.1
"""A correction takes or gives this much of the time between two frames ..."""
STEP = 3.0
"""... and this many milliseconds at most."""
DRIFT = 100.0
"""Milliseconds; reported tracks that are all ahead of arrival by more than this, or all behind it, are led back ..."""
FOLLOW = 10.0
"""... by this many milliseconds per sender report at most: so slowly that no track falls behind another."""
LEAP = 1000.0
"""Milliseconds; an error larger than this is put right at once."""
SMOOTHING = 0.25
"""How much a new sender report counts against those before it."""
LEAK = 0.0002
"""How fast arrivals long ago are forgotten, as the two clocks drift: milliseconds per millisecond."""

_WRAP = 1 << 32
_MILLISECONDS_PER_NTP = 1000 / (1 << 32)
_SETTLED = 0.5


class _Track:
    """What is known of one track. All times in milliseconds."""

    __slots__ = ("arrival", "correcting", "earliest", "fresh", "last", "media", "offset", "relation", "ticks", "timestamp")

    def __init__(self, clock_rate: int) -> None:
        self.ticks = clock_rate / 1000
        """Ticks of the RTP clock per millisecond."""
        self.fresh = True
        """The next frame says where the RTP clock begins."""
        self.timestamp = 0
        """The RTP timestamp placed last."""
        self.media = 0.0
        """The same, unrolled."""
        self.arrival = 0.0
        """When that frame came."""
        self.last = 0.0
        """The time given last."""
        self.offset = 0.0
        """Time minus media time, as it is in use."""
        self.earliest = 0.0
        """Arrival minus media time of the fastest packets: the offset if nobody knew better."""
        self.relation: float | None = None
        """The sender's wall clock minus media time, by its reports; `None`: none has come for these timestamps."""
        self.correcting = False

    def media_at(self, timestamp: int) -> float:
        """The unrolled time of an RTP timestamp: of all that it may mean, the nearest to the last one."""
        return self.media + timestamp_distance(timestamp, self.timestamp) / self.ticks

    def begin(self, timestamp: int, arrival: float) -> None:
        """Timestamps begin anew here: as far behind arrival as before, which keeps sound and picture together."""
        self.offset = arrival + (self.offset - self.earliest)
        self.earliest = self.arrival = arrival
        self.timestamp, self.media = timestamp, 0.0
        self.relation = None
        self.fresh = self.correcting = False

    def advance(self, timestamp: int, media: float, arrival: float, target: float) -> None:
        """A frame at `media` came at `arrival`; the offset goes a little of the way to `target`, if need be."""
        error = target - self.offset
        if self.correcting or abs(error) > TOLERANCE:
            limit = min(STEP, max(media - self.media, 0.0) * SLEW)
            change = max(-limit, min(error, limit))
            self.offset += change
            self.correcting = abs(error - change) > _SETTLED
        self.earliest = min(arrival - media, self.earliest + max(arrival - self.arrival, 0.0) * LEAK)
        self.timestamp, self.media, self.arrival = timestamp, media, arrival


class PeerClock:
    """The clock that the tracks of one peer are brought onto. It starts at 0 with the first frame of any track."""

    __slots__ = ("_common", "_origin", "_tracks")

    def __init__(self) -> None:
        self._tracks = {medium: _Track(rate) for medium, rate in CLOCKS.items()}
        self._origin: float | None = None
        self._common: float | None = None
        """What is added to the sender's wall clock to get our time, in milliseconds; `None` until a report tells."""

    def place(self, medium: Medium, timestamp: int, now: float) -> int:
        """When a frame with this RTP timestamp belongs: milliseconds modulo 2**32, never less than before on its track.

        `now` is when the first packet of the frame came, in seconds.
        """
        if self._origin is None:
            self._origin = now
        arrival = (now - self._origin) * 1000
        track = self._tracks[medium]
        media = track.media_at(timestamp)
        step, elapsed = media - track.media, arrival - track.arrival
        if track.fresh or step < -BACK or not -BEHIND <= step - elapsed <= AHEAD:
            track.begin(timestamp, arrival)
        else:
            track.advance(timestamp, media, arrival, self._target(track))
        track.last = max(track.last, track.media + track.offset)
        return round(track.last) % _WRAP

    def report(self, medium: Medium, ntp: int, timestamp: int, now: float) -> None:
        """A sender report came at `now`: the sender's wall clock (NTP, 64 bits) at an RTP timestamp of a track.

        One that comes before the first frame, or that is far from what arrival says, changes nothing.
        """
        track = self._tracks[medium]
        if track.fresh or self._origin is None:
            return
        media = track.media_at(timestamp)
        if abs(media + track.earliest - (now - self._origin) * 1000) > PLAUSIBLE:
            return
        relation = ntp * _MILLISECONDS_PER_NTP - media
        if track.relation is None:
            if medium is Medium.AUDIO:  # sound stays where it is: a correction can be heard
                self._common = track.offset - relation
            elif self._common is None:
                self._common = track.earliest - relation
            track.relation = relation
        elif abs(relation - track.relation) > LEAP:
            track.relation = relation
        else:
            track.relation += (relation - track.relation) * SMOOTHING
        self._put_right(track)
        self._follow()

    def restart(self, medium: Medium) -> None:
        """Another source sends this track from now on: its timestamps have nothing to do with those before."""
        self._tracks[medium].fresh = True

    def _target(self, track: _Track) -> float:
        """The offset that a track should have."""
        if track.relation is None or self._common is None:
            return track.earliest
        return track.relation + self._common

    def _is_misplaced(self, track: _Track) -> bool:
        """Its reports would take it where it cannot belong. A track that is where they say stays: arrival has changed."""
        target = self._target(track)
        return abs(target - track.earliest) > PLAUSIBLE and abs(target - track.offset) > LEAP

    def _put_right(self, reported: _Track) -> None:
        """Corrects at once what is too far off to be corrected slowly. Only forwards: who lags jumps."""
        misplaced = [track for track in self._tracks.values() if self._is_misplaced(track)]
        if reported in misplaced and reported.relation is not None:  # its wall clock was set: the other reports are void
            misplaced = [track for track in self._tracks.values() if track is not reported]
            self._common = reported.offset - reported.relation
        for track in misplaced:
            track.relation = None
        related = [track for track in self._tracks.values() if track.relation is not None]
        lead = max(track.offset - self._target(track) for track in related)
        if self._common is not None and lead > LEAP:
            self._common += lead
        for track in related:
            if self._target(track) - track.offset > LEAP:
                track.offset = self._target(track)

    def _follow(self) -> None:
        """Leads all reported tracks together after arrival, from which the sender's clock drifts away."""
        ahead = [self._target(track) - track.earliest for track in self._tracks.values() if track.relation is not None]
        if self._common is not None:
            away = max(min(ahead) - DRIFT, 0.0) + min(max(ahead) + DRIFT, 0.0)
            self._common -= max(-FOLLOW, min(away, FOLLOW))
