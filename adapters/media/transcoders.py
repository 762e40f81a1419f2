"""Where transcoders come from: sound on the event loop, pictures in threads of their own, of which there are few.

A thread takes pictures from a bounded queue and gives back what comes out, on the event loop, many at a time where many
wait. One that cannot keep up first leaves out pictures of its result, then of its source: up to the next keyframe. So it
costs its own viewers a lower picture rate, and nobody else anything.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import count

from adapters.media.audio import AudioTranscoder
from adapters.media.recall import UNIT_BYTES
from adapters.media.units import AudioConfig, Codec, VideoConfig, VideoUnit
from adapters.media.video import VideoTranscoder
from gateway.config import MediaSettings
from gateway.errors import INTERNAL_ERROR, TRANSCODES_EXHAUSTED, GatewayError
from gateway.quality.snapshot import TranscodeSnapshot

log = logging.getLogger(__name__)

GOPS = 2
"""What may wait for one thread, in GOPs as large as they are kept: a joiner's, and what comes while that is decoded."""
BEHIND = 6
"""Pictures waiting; with more, a picture is decoded only."""
STOP_WITHIN = 2.0
"""Seconds that threads may take to end when the pool closes."""

Emit = Callable[[VideoConfig | VideoUnit], None]
Fail = Callable[[GatewayError], None]


class VideoThread:
    """One stream's pictures on their way through a thread. What is public here belongs to the event loop."""

    def __init__(
        self, name: str, source: VideoConfig, target: Codec, emit: Emit, failed: Fail, ended: Callable[[VideoThread], None],
        most_bytes: int,
    ) -> None:  # fmt: skip
        self._source = source
        self._target = target
        self._emit = emit
        self._failed = failed
        self._ended = ended
        self._most_bytes = most_bytes
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Condition()
        """Guards what stands below, up to `_thread`."""
        self._waiting: deque[VideoUnit] = deque()
        self._bytes = 0
        """What waits, counted as `Recall` counts it, so that what it kept finds room whatever the pictures' number."""
        self._keyframe_wanted = False
        self._closed = False
        self._results: list[VideoConfig | VideoUnit] = []
        self._left_out = 0
        """Pictures that the transcoder left out or could not decode."""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._needs_keyframe = False
        self._dropped = 0
        """Pictures that found no room, or were overtaken by a keyframe."""
        self.pictures = 0
        """Pictures that came out."""
        self.broken = False
        """It ended by an error."""
        self._thread.start()

    @property
    def left_out(self) -> int:
        """Pictures that came in and do not come out."""
        return self._dropped + self._left_out

    @property
    def alive(self) -> bool:
        """The thread has not ended yet."""
        return self._thread.is_alive()

    def feed(self, unit: VideoUnit) -> None:
        """A picture, in coding order. Never blocks; without room, pictures up to the next keyframe are left out."""
        with self._lock:
            if self._closed:
                return
            waiting = self._waiting
            full = self._bytes + UNIT_BYTES + len(unit.payload) > self._most_bytes
            if unit.keyframe and (full or len(waiting) > BEHIND):
                self._dropped += len(waiting)
                waiting.clear()
                self._bytes = 0
                full = False
            self._needs_keyframe = full or (self._needs_keyframe and not unit.keyframe)
            if self._needs_keyframe:
                self._dropped += 1
                return
            waiting.append(unit)
            self._bytes += UNIT_BYTES + len(unit.payload)
            self._lock.notify()

    def want_keyframe(self) -> None:
        """A keyframe comes out soon: see `VideoTranscoder.want_keyframe`."""
        with self._lock:
            self._keyframe_wanted = True

    def close(self) -> None:
        """Nothing comes out any more; the thread ends after the picture in its hands. Harmless when repeated."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._waiting.clear()
            self._results.clear()
            self._lock.notify()
        self._ended(self)

    def join(self, seconds: float) -> None:
        """Wait for the thread to end, no longer than this."""
        self._thread.join(max(0.0, seconds))

    # In the thread ------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        error = GatewayError(INTERNAL_ERROR)
        try:
            self._transcode()
            return
        except GatewayError as known:
            error = known
        except Exception:
            log.exception("a transcoder broke down thread=%s", threading.current_thread().name)
        self._call(self._fail, error)

    def _transcode(self) -> None:
        transcoder = VideoTranscoder(self._source, self._target)
        while (taken := self._take()) is not None:
            unit, waiting, keyframe_wanted = taken
            if keyframe_wanted:
                transcoder.want_keyframe()
            made = transcoder.feed(unit, show=waiting <= BEHIND)
            self._left_out = transcoder.left_out
            if made:
                self._give(made)

    def _take(self) -> tuple[VideoUnit, int, bool] | None:
        """The next picture, how many wait behind it, and whether a keyframe is wanted; `None` at the end."""
        with self._lock:
            while not self._waiting and not self._closed:
                self._lock.wait()
            if self._closed:
                return None
            unit = self._waiting.popleft()
            self._bytes -= UNIT_BYTES + len(unit.payload)
            keyframe_wanted, self._keyframe_wanted = self._keyframe_wanted, False
            return unit, len(self._waiting), keyframe_wanted

    def _give(self, made: list[VideoConfig | VideoUnit]) -> None:
        with self._lock:
            if self._closed:
                return
            first = not self._results
            self._results += made
        if first:
            self._call(self._hand_over)

    def _call(self, callback: Callable[..., None], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:  # the event loop is closed, nobody waits for this
            pass

    # On the event loop again --------------------------------------------------------------------------------------------

    def _hand_over(self) -> None:
        with self._lock:
            results, self._results = self._results, []
        for made in results:
            if self._closed:
                return
            self.pictures += isinstance(made, VideoUnit)
            self._emit(made)

    def _fail(self, error: GatewayError) -> None:
        self._hand_over()
        if not self._closed:
            self.broken = True
            self.close()
            self._failed(error)


class TranscoderPool:
    """All transcoders of this process: as many for video as `transcodes` says, each in a thread of its own.

    `gop_bytes`: the largest GOP that streams keep for joiners, which has to find room in a thread's queue.
    """

    def __init__(self, transcodes: int, gop_bytes: int = MediaSettings().gop_bytes) -> None:
        self._most = transcodes
        self._most_bytes = GOPS * gop_bytes
        self._running: set[VideoThread] = set()
        self._ending: list[VideoThread] = []
        """Closed threads that may still be at their last picture."""
        self._numbers = count(1)
        self._pictures = 0
        self._left_out = 0
        self.started = 0
        """Video transcodes since the start."""
        self.refused = 0
        """Of those asked for, how many there was no room for."""
        self.failed = 0
        """Of those started, how many ended by an error."""

    @property
    def running(self) -> int:
        """Video transcodes now."""
        return len(self._running)

    @property
    def pictures(self) -> int:
        """Pictures that came out since the start."""
        return self._pictures + sum(thread.pictures for thread in self._running)

    @property
    def left_out(self) -> int:
        """Pictures that came in since the start and do not come out."""
        return self._left_out + sum(thread.left_out for thread in self._running)

    def snapshot(self, audio: int) -> TranscodeSnapshot:
        """What Prometheus is told. `audio`: transcoders of sound that run now, each in its stream's hands."""
        return TranscodeSnapshot(
            {"audio": audio, "video": self.running},
            {"started": self.started, "refused": self.refused, "failed": self.failed},
            {"made": self.pictures, "left out": self.left_out},
        )

    def audio(self, source: AudioConfig, target: Codec) -> AudioTranscoder:
        """A transcoder of sound. Raises GatewayError if the source cannot be decoded."""
        return AudioTranscoder(source, target)

    def video(self, source: VideoConfig, target: Codec, emit: Emit, failed: Fail) -> VideoThread:
        """A transcoder of pictures. `emit` and `failed` are called on the event loop, and not after `close`.

        It has come to its end when `failed` is called. To be called on the event loop. Raises GatewayError if as many run as
        may.
        """
        if len(self._running) >= self._most:
            self.refused += 1
            raise GatewayError(TRANSCODES_EXHAUSTED)
        try:
            thread = VideoThread(f"transcode-{next(self._numbers)}", source, target, emit, failed, self._ended, self._most_bytes)
        except RuntimeError as error:  # the system gives no more threads
            self.refused += 1
            raise GatewayError(TRANSCODES_EXHAUSTED) from error
        self.started += 1
        self._running.add(thread)
        return thread

    def close(self) -> None:
        """End all threads, and start no more; at most `STOP_WITHIN` seconds are spent waiting for them."""
        self._most = 0
        for thread in tuple(self._running):
            thread.close()
        deadline = time.monotonic() + STOP_WITHIN
        for thread in self._ending:
            thread.join(deadline - time.monotonic())

    def _ended(self, thread: VideoThread) -> None:
        self._running.discard(thread)
        self._pictures += thread.pictures
        self._left_out += thread.left_out
        self.failed += thread.broken
        self._ending = [one for one in (*self._ending, thread) if one.alive]
