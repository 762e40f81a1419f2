"""What makes a gateway's state outlive its process: the store, the journal on the way to it, and what was there before.

Claims are the one thing that somebody waits for (`claims.py`); everything else reaches the store through the journal alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from gateway.config import StoreSettings
from gateway.quality.snapshot import StoreSnapshot
from gateway.rooms.claims import Claims
from gateway.rooms.journal import Journal
from gateway.rooms.record import Record
from gateway.rooms.recorder import Recorder
from gateway.rooms.store import Change, Claim, RoomStore, StoreUnavailableError, Taken

_log = logging.getLogger("gateway.rooms")

_PATIENCE = 30.0
"""Seconds that a starting gateway waits for its store: without what is in it nobody could resume."""
_PAUSE = 1.0


class Durability:
    """One process's state on its way to the store. `record` is the registry's journal; `process` names it in the store.

    What happens in one step of the event loop belongs together - a session and the event that announces it - and is stored
    all at once or not at all. To be made on the running loop.
    """

    def __init__(
        self, store: RoomStore, settings: StoreSettings, clock: Callable[[], float], wall_clock: Callable[[], float],
        process: str = "gateway",
    ) -> None:  # fmt: skip
        self._store = store
        self._clock = clock
        self._wall_clock = wall_clock
        self.journal = Journal(
            store, settings.journal_batch, settings.journal_bytes, clock,
            on_stale=_on_stale, on_superseded=_on_superseded, on_claim_lost=self._on_claim_lost,
        )  # fmt: skip
        self._call_soon = asyncio.get_running_loop().call_soon
        self._together: list[Change] = []
        self.claims = Claims(store, process, settings.claim_timeout, self._gather, wall_clock)
        self._recorder = Recorder(self._gather, wall_clock)

    @property
    def healthy(self) -> bool:
        """Whether what happens now would survive a sudden death, but for the last moments."""
        return self._store.healthy and self.journal.healthy

    def snapshot(self) -> StoreSnapshot:
        """What Prometheus is told."""
        journal = self.journal
        return StoreSnapshot(
            self.healthy, journal.pending, journal.pending_bytes, journal.oldest_age, journal.written, journal.retries,
            journal.lost,
        )  # fmt: skip

    async def begin(self) -> Taken:
        """Opens the store and takes over what an earlier process left. Raises StoreError if that cannot be."""
        until = self._clock() + _PATIENCE
        while True:
            try:
                await self._store.open()
                taken = await self._store.take_over(self._wall_clock())
                break
            except StoreUnavailableError as error:
                if self._clock() > until:
                    raise
                _log.warning("the store does not answer error=%r", str(error))
                await asyncio.sleep(_PAUSE)
        self._recorder.take_over(taken)
        self.journal.start()
        return taken

    def record(self, fact: Record) -> None:
        """Takes a fact at once; the store has it soon after."""
        self._recorder(fact)
        self.claims.hear(fact)

    def give_up(self, app: str, room_id: str) -> None:
        """A room that was taken over is not continued."""
        self._recorder.give_up(app, room_id)

    def _gather(self, change: Change) -> None:
        if not self._together:
            self._call_soon(self._hand_over)
        self._together.append(change)

    def _hand_over(self) -> None:
        together, self._together = self._together, []
        self.journal.append(*together)

    def _on_claim_lost(self, claim: Claim) -> None:
        self.claims.contest(claim)

    async def flush(self, deadline: float) -> bool:
        """Writes what is pending without delay, for `deadline` seconds at most. Whether all of it is stored."""
        self._hand_over()
        return await self.journal.flush(deadline)

    async def end(self, deadline: float) -> None:
        """Writes what is pending, for `deadline` seconds at most, and closes the store."""
        await self.claims.close()
        if not await self.flush(deadline):
            _log.error("state was not stored changes=%d", self.journal.pending)
        await self.journal.stop()
        await self._store.close()


def _on_stale(app: str, room_id: str) -> None:
    _log.error("room was taken over by another process app=%s room=%r", app, room_id)


def _on_superseded() -> None:
    _log.error("another process of the same name has taken over all rooms: nothing is stored any more")
