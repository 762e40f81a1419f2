"""What tests of the media core stand on: a loop whose time they move, a viewer that remembers, units by number."""

from __future__ import annotations

import heapq
import itertools
from asyncio import TimerHandle
from collections.abc import Callable
from typing import Any, cast

from adapters.flv.demux import Demuxer
from adapters.flv.mux import file_header
from adapters.flv.tags import tag_bytes
from adapters.media.audience import LANES
from adapters.media.units import AudioConfig, AudioUnit, Codec, Medium, Metadata, PlayMode, Unit, VideoConfig, VideoUnit, Wire
from adapters.media.viewer import Feeding, Relay
from gateway.errors import GatewayError
from gateway.quality.readings import PathReading
from gateway.rooms.model import BOTH_MEDIA

AUDIO_CONFIG = bytes.fromhex("1190")
OTHER_AUDIO_CONFIG = bytes.fromhex("1210")
VIDEO_CONFIG = bytes.fromhex("0142c01fffe1000e6742c01fda0280f6840000030004" "01000468ce3c80")
OTHER_VIDEO_CONFIG = bytes.fromhex("0142c01effe1000e6742c01eda0280f6840000030004" "01000468ce3c80")


class _Handle:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class HandMovedLoop:
    """`clock` and `call_later` of a loop that moves only when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0
        self.turns = 0
        """Callbacks that were run."""
        self._timers: list[tuple[float, int, Callable[..., Any], tuple[Any, ...], _Handle]] = []
        self._count = itertools.count()

    def clock(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> TimerHandle:
        handle = _Handle()
        heapq.heappush(self._timers, (self.now + delay, next(self._count), callback, args, handle))
        return cast(TimerHandle, handle)

    def step(self) -> bool:
        """Run the next callback that is due now; False if there is none."""
        while self._timers and self._timers[0][0] <= self.now:
            _, _, callback, args, handle = heapq.heappop(self._timers)
            if not handle.cancelled:
                self.turns += 1
                callback(*args)
                return True
        return False

    def settle(self) -> None:
        """Run everything that is due now."""
        while self.step():
            pass

    def advance(self, seconds: float) -> None:
        """Let time pass, and run what falls due in it."""
        until = self.now + seconds
        while self._timers and self._timers[0][0] <= until:
            self.now = max(self.now, self._timers[0][0])
            self.step()
        self.now = until
        self.settle()

    @property
    def pending(self) -> int:
        """Timers that are still to run."""
        return sum(not handle.cancelled for *_, handle in self._timers)


class RecordingViewer:
    """A viewer that keeps what it was given, and reads it as FLV."""

    def __init__(
        self,
        mode: PlayMode = PlayMode.RTC,
        media: frozenset[Medium] = BOTH_MEDIA,
        wire: Wire = tag_bytes,
        transport: str = "flv",
    ) -> None:
        self.transport = transport
        self.manner = LANES
        self.accepts = (Codec.H264,)
        self.port = Relay(self)
        self.wire: Wire = wire
        self.mode = mode
        self.media = media
        self.writes: list[bytes] = []
        self.feeding = Feeding()
        self.waiting_bytes = 0
        self.held_bytes = 0
        """By its kernel."""
        self.round_trip: float | None = None
        self.endings: list[GatewayError | None] = []
        self.late_writes = 0

    def begin(self, arriving: frozenset[Medium]) -> None:
        """Nothing stands before the first tag here."""

    def send(self, data: bytes) -> None:
        if self.endings:
            self.late_writes += 1
        self.writes.append(data)

    def backlog(self) -> int:
        return self.waiting_bytes

    def unacknowledged(self) -> int:
        return self.waiting_bytes + self.held_bytes

    def measure_path(self) -> PathReading:
        return PathReading(round_trip=self.round_trip, queued=self.unacknowledged())

    def ended(self, error: GatewayError | None) -> None:
        self.endings.append(error)

    @property
    def units(self) -> list[Unit]:
        """All that it was given, in order."""
        return Demuxer().feed(file_header(self.media) + b"".join(self.writes))

    @property
    def story(self) -> list[str]:
        """The same in short: `A7@21` is the audio unit number 7 at 21 ms, `K3` a keyframe, `V4` another picture."""
        return [told(unit) for unit in self.units]

    def forget(self) -> None:
        """From now on only what comes from now on."""
        self.writes.clear()


def told(unit: Unit) -> str:
    """A unit in short."""
    match unit:
        case AudioUnit():
            return f"A{int.from_bytes(unit.payload, 'big')}@{unit.timestamp}"
        case VideoUnit():
            return f"{'K' if unit.keyframe else 'V'}{int.from_bytes(unit.payload, 'big')}@{unit.timestamp}"
        case AudioConfig():
            return f"a@{unit.timestamp}" if unit.payload == AUDIO_CONFIG else f"a'@{unit.timestamp}"
        case VideoConfig():
            return f"v@{unit.timestamp}" if unit.payload == VIDEO_CONFIG else f"v'@{unit.timestamp}"
        case Metadata():
            return f"m@{unit.timestamp}"
    return type(unit).__name__


def audio(number: int, timestamp: int) -> AudioUnit:
    return AudioUnit(timestamp % (1 << 32), number.to_bytes(4, "big"))


def picture(number: int, timestamp: int, *, key: bool = False) -> VideoUnit:
    return VideoUnit(timestamp % (1 << 32), number.to_bytes(4, "big"), key)
