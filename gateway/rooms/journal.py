"""Carries what happened in the rooms to the store, in order, without anyone waiting for it.

The single writer appends; batches go out one at a time, each again and again until the store has it. While the store is
slow or away changes wait in a bounded `Backlog`; what gives way when it is full is said there.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence

from gateway.rooms.backlog import BATCH_CHANGES, Backlog
from gateway.rooms.store import (
    Change,
    Claim,
    RoomChange,
    RoomStore,
    StaleEpochError,
    StoreError,
    SupersededError,
    UnstorableError,
)

_log = logging.getLogger("gateway.rooms")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
"""Seconds between attempts: doubled from one to the next."""
_LATE = 5.0
"""Seconds after which a change that still waits is a bad sign."""


class Journal:
    """The way from the single writer to the store.

    `on_stale` hears of a room that another process has taken over, by app and roomID: what this process still had to write
    about it is dropped. `on_superseded` is called once if that concerns the whole process: nothing is written any more.
    `on_claim_lost` hears of a claim that was granted provisionally and that another owner turned out to have.
    """

    def __init__(
        self, store: RoomStore, window: float, limit_bytes: int, clock: Callable[[], float], *,
        on_stale: Callable[[str, str], None], on_superseded: Callable[[], None], on_claim_lost: Callable[[Claim], None],
        jitter: Callable[[], float] = random.random,
    ) -> None:  # fmt: skip
        self._store = store
        self._window = window
        """Seconds that a change waits for others to be written with it."""
        self._clock = clock
        self._on_stale = on_stale
        self._on_superseded = on_superseded
        self._on_claim_lost = on_claim_lost
        self._jitter = jitter
        self._backlog = Backlog(limit_bytes)
        self._singly = 0
        """Changes that go out one by one, up to the one that cannot be stored."""
        self._task: asyncio.Task[None] | None = None
        self._some = asyncio.Event()
        self._enough = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._flushing = self._failing = False
        self.superseded = False
        """Another process has this one's rooms."""
        self.written = 0
        """Changes that the store has confirmed."""
        self.retries = 0
        """Attempts that failed and were, or will be, made again."""

    @property
    def pending(self) -> int:
        """Changes that the store has not confirmed yet."""
        return len(self._backlog)

    @property
    def pending_bytes(self) -> int:
        return self._backlog.size

    @property
    def oldest_age(self) -> float:
        """Seconds for which the oldest pending change has been waiting: what a sudden death would lose."""
        oldest = self._backlog.oldest
        return 0.0 if oldest is None else max(0.0, self._clock() - oldest)

    @property
    def lost(self) -> int:
        """Changes that will never be stored: events given up for want of room, and what the store refused for good."""
        return self._backlog.lost

    @property
    def healthy(self) -> bool:
        """Whether what happens is stored soon after."""
        return not (self._failing or self.superseded) and self.oldest_age < _LATE

    def start(self) -> None:
        """Begins to write. Changes may be appended before."""
        self._task = asyncio.create_task(self._run(), name="journal")

    def append(self, *changes: Change) -> None:
        """Takes in changes that belong together, such as a session and the event that announces it: they are stored in this
        order, all at once. Never waits. Raises TypeError or ValueError, and takes in none, if one is not made of JSON values.
        """
        if self.superseded or not changes:
            return
        self._backlog.append(self._clock(), *changes)
        self._empty.clear()
        self._some.set()
        if self._backlog.waiting >= BATCH_CHANGES:
            self._enough.set()

    async def flush(self, deadline: float) -> bool:
        """Writes what is pending without delay, for `deadline` seconds at most. Whether all of it is stored."""
        self._flushing = True
        self._enough.set()
        try:
            async with asyncio.timeout(deadline):
                await self._empty.wait()
        except TimeoutError:
            pass
        finally:
            self._flushing = False
        return not len(self._backlog)

    async def stop(self) -> None:
        """Writes no more. What is pending is lost, unless it was flushed before."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while not self.superseded:
            await self._some.wait()
            await self._gather()
            await self._write(self._backlog.take(alone=bool(self._singly)))
            if not len(self._backlog):
                self._some.clear()
                self._empty.set()
            if self._backlog.waiting < BATCH_CHANGES:
                self._enough.clear()

    async def _gather(self) -> None:
        """Waits until the oldest change has waited for the window, or until a batch is full."""
        left = self._window - self.oldest_age
        if left <= 0 or self._flushing:
            return
        try:
            async with asyncio.timeout(left):
                await self._enough.wait()
        except TimeoutError:
            pass

    async def _write(self, batch: Sequence[Change]) -> None:
        """Writes one batch: until the store has it, or has refused it for good. The attempts are the same batch each time,
        because one that seemed to fail may have been stored."""
        pause = _FIRST_PAUSE
        while batch:
            try:
                foreign = await self._store.write(batch)
            except (StaleEpochError, SupersededError, UnstorableError) as error:
                self._backlog.put_back()
                self._refused(batch, error)
                return
            except Exception as error:  # whatever ails the store, what happened must not get lost
                if not self._failing:
                    _log.warning("store does not take changes error=%r", error, exc_info=not isinstance(error, StoreError))
                self._failing = True
                self.retries += 1
                await asyncio.sleep(pause * (0.5 + self._jitter() / 2))
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                self._confirmed(len(batch), foreign)
                return

    def _confirmed(self, count: int, foreign: Sequence[Claim]) -> None:
        self._backlog.confirm()
        self._singly = max(0, self._singly - count)
        self.written += count
        if self._failing:
            _log.info("store takes changes again pending=%d", len(self._backlog))
        self._failing = False
        for claim in foreign:
            self._on_claim_lost(claim)

    def _refused(self, batch: Sequence[Change], error: StoreError) -> None:
        """The batch waits again, without what was refused."""
        match error:
            case StaleEpochError(app=app, room_id=room_id, epoch=epoch):
                gone = self._backlog.give_up(lambda c: isinstance(c, RoomChange) and _of_life(c, app, room_id, epoch))
                _log.error("room was taken over by another process app=%s room=%r epoch=%d dropped=%d", app, room_id, epoch, gone)
                self._on_stale(app, room_id)
            case SupersededError():
                gone = self._backlog.give_up(lambda change: True)
                _log.error("another process has taken over all rooms dropped=%d", gone)
                self.superseded = True
                self._empty.set()
                self._on_superseded()
            case _ if len(batch) == 1:
                self._singly = 0
                doomed = batch[0]
                self._backlog.give_up(lambda change: change is doomed)
                _log.error("a change cannot be stored kind=%s error=%s", type(doomed).__name__, error)
            case _:
                self._singly = len(batch)


def _of_life(change: RoomChange, app: str, room_id: str, epoch: int) -> bool:
    """Whether the change is about that room in that life, or in one before it."""
    return (change.app, change.room_id) == (app, room_id) and change.epoch <= epoch
