"""The lanes of one audience: found by what a viewer takes, given up when nobody has been there for a while."""

from __future__ import annotations

from adapters.media.recall import Recall
from adapters.media.units import Codec, Medium
from adapters.webrtc.lane import Failed, Lane, LaneKey, Overtaken, Seat, Setting
from adapters.webrtc.packing import Burst, Pack, make_burst


class Lanes:
    """All lanes of an audience.

    The first packet of each has the number `first`; `overtaken` and `failed` are told of viewers that cannot go on.
    """

    __slots__ = ("_all", "_bursts", "_by_medium", "_failed", "_first", "_overtaken", "_setting")

    def __init__(self, setting: Setting, first: int, overtaken: Overtaken, failed: Failed) -> None:
        self._setting = setting
        self._first = first
        self._overtaken = overtaken
        self._failed = failed
        self._all: dict[LaneKey, Lane] = {}
        self._by_medium: dict[Medium, tuple[Lane, ...]] = dict.fromkeys(Medium, ())
        self._bursts: dict[tuple[Lane, bool], Burst | None] = {}

    def __len__(self) -> int:
        return len(self._all)

    def of(self, medium: Medium) -> tuple[Lane, ...]:
        """Those of a medium."""
        return self._by_medium[medium]

    def find(self, seat: Seat, codec: Codec | None) -> Lane | None:
        """Where a viewer gets this codec; `None` if it does not take it."""
        payload = seat.track.payloads.get(codec) if codec is not None else None
        if payload is None:
            return None
        medium = seat.track.medium
        key = LaneKey(medium, payload, seat.track.ssrc)
        lane = self._all.get(key)
        if lane is None:
            lane = self._all[key] = Lane(key, self._setting, self._first, self._overtaken, self._failed)
            self._by_medium[medium] += (lane,)
        return lane

    def burst(self, lane: Lane, recall: Recall, pack: Pack, base: int, *, behind: bool) -> Burst | None:
        """The newest pictures for a viewer that joins this lane, made once for all that join between two of them."""
        place = (lane, behind)
        if place not in self._bursts:
            payload_type, ssrc, end = lane.key.payload.type, lane.key.ssrc, lane.history.end
            self._bursts[place] = make_burst(recall.pictures(), pack, payload_type, ssrc, base, end, behind=behind)
        return self._bursts[place]

    def forget_bursts(self) -> None:
        """There is a newer picture now."""
        self._bursts.clear()

    def tidy(self) -> None:
        """Give up those that are empty; who comes back to one after that has other numbers than the others."""
        self._all = {key: lane for key, lane in self._all.items() if lane.cohorts}
        for medium in Medium:
            self._by_medium[medium] = tuple(lane for key, lane in self._all.items() if key.medium is medium)

    def close(self) -> None:
        """The audience is over: it is not held on to."""
        self._overtaken = self._failed = _nobody


def _nobody(_: object) -> None:
    """Is told of no viewer: there is none any more."""
