"""Who has which id: one session for a user, one publisher for a stream, in the whole app and whatever process they are in.

The store is asked before the reply, for a bounded time. Without an answer an id is granted provisionally and asserted
through the journal: who turns out to be later then loses it. Within this process the registry knows who has what, so an id
that another owner of this process still has in the store is free by definition: only its release is on the way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from enum import Enum, auto
from functools import partial
from typing import Any, TypeVar

from gateway.rooms.record import GrantEnded, Record, SessionEnded
from gateway.rooms.store import Change, Claim, ClaimAsserted, ClaimKind, ClaimReleased, RoomStore, StoreError

_Result = TypeVar("_Result")

_log = logging.getLogger("gateway.rooms")

_LATEST = 5.0
"""Seconds after which an answer that nobody waits for any more is given up."""
_TURNS = 4
"""Owners that one who asks may follow, each because it came in between."""


class Answer(Enum):
    """What becomes of one who asks for an id."""

    GRANTED = auto()
    UNKNOWN = auto()
    """The store did not answer in time. The id is granted for now, and is to be asserted (`affirm`)."""
    TAKEN = auto()
    """Another one has it."""


def nobody(stands: Claim) -> bool:
    """An owner in another process is not followed."""
    return False


class Claims:
    """The ids that sessions and grants of this process have. An owner has one id.

    `process` is this process's name in the store. `timeout`: seconds that an answer is waited for.
    """

    def __init__(
        self, store: RoomStore, process: str, timeout: float, append: Callable[[Change], None], wall_clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._process = process
        self._timeout = timeout
        self._append = append
        self._wall_clock = wall_clock
        self._on_lost: Callable[[Claim], None] = lambda claim: None
        self._held: dict[str, Claim] = {}
        """By owner."""
        self._newest: dict[tuple[ClaimKind, str, str], str] = {}
        """Ids that are being asked for, and who began to ask last."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._failing = False

    def connect(self, on_lost: Callable[[Claim], None]) -> None:
        """`on_lost` hears of a claim that was granted here and that another owner turned out to have."""
        self._on_lost = on_lost

    def __len__(self) -> int:
        """Ids that are had or asked for."""
        return len(self._held)

    async def take(
        self, kind: ClaimKind, app: str, id: str, owner: str, *, instead_of: str | None = None,
        follows: Callable[[Claim], bool] = nobody,
    ) -> Answer:  # fmt: skip
        """Asks for an id. `instead_of`: an owner that is known to give way; `follows`: whether an owner in another process does.

        Of several who ask for one id at once in this process, only the last to begin gets it.
        """
        claim = Claim(kind, app, id, owner, self._wall_clock())
        place = kind, app, id
        self._newest[place], self._held[owner] = owner, claim
        asking = self._begin(self._ask(claim, instead_of, follows))
        asking.add_done_callback(partial(self._answered, claim))
        try:
            await asyncio.wait([asking], timeout=self._timeout)
        except BaseException:
            self.release(owner)
            raise
        finally:
            newest = self._newest.get(place) == owner
            if newest:
                del self._newest[place]  # an answer that comes from now on leads to nothing more
        answer = self._read(asking, owner)
        if answer is Answer.TAKEN:
            self._held.pop(owner, None)
        elif not newest:
            self.release(owner)
            return Answer.TAKEN
        return answer

    def hold(self, kind: ClaimKind, app: str, id: str, owner: str) -> None:
        """Who was there before this process has its id still, unless another one has taken it meanwhile."""
        self._held[owner] = Claim(kind, app, id, owner, self._wall_clock())
        self.affirm(owner)

    def affirm(self, owner: str) -> None:
        """Asserts the owner's claim through the journal. What the owner follows has to be released before."""
        self._append(ClaimAsserted(self._held[owner]))

    def release(self, owner: str) -> None:
        """The owner is no more, or does not need its id. Harmless if it has none."""
        if claim := self._held.pop(owner, None):
            self._append(ClaimReleased(claim))

    def hear(self, fact: Record) -> None:
        """Takes in what the registry tells: who ends, releases its id."""
        if isinstance(fact, SessionEnded | GrantEnded):
            self.release(fact.id)

    def contest(self, claim: Claim) -> None:
        """The journal found that another owner has an id that was asserted. It is lost if that one lives, somewhere else."""
        if claim.owner in self._held:
            self._begin(self._contest(claim))

    async def close(self) -> None:
        """Waits for no answer any more."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _begin(self, work: Coroutine[Any, Any, _Result]) -> asyncio.Task[_Result]:
        task = asyncio.create_task(work, name="claim")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _contest(self, claim: Claim) -> None:
        """An earlier owner of this process may stand in the way, whose release is on its way or got lost. Only the store
        can tell."""
        owner = claim.owner
        if owner not in self._held:
            return
        if (claim.kind, claim.app, claim.id) in self._newest:
            self.affirm(owner)  # someone is about to follow it, or gives back the id
            return
        answer = await self.take(claim.kind, claim.app, claim.id, owner)
        if answer is Answer.UNKNOWN and owner in self._held:
            self.affirm(owner)
        elif answer is Answer.TAKEN:
            _log.warning("claim lost kind=%s app=%s id=%r", claim.kind, claim.app, claim.id)
            self._on_lost(claim)

    async def _ask(self, claim: Claim, instead_of: str | None, follows: Callable[[Claim], bool]) -> Claim:
        """The claim that stands in the end."""
        async with asyncio.timeout(_LATEST):
            for _ in range(_TURNS):
                stands = await self._store.claim(claim, instead_of)
                wanted = self._newest.get((claim.kind, claim.app, claim.id)) == claim.owner
                if stands.owner == claim.owner or not wanted:
                    break
                if stands.process != self._process and not follows(stands):
                    break
                instead_of = stands.owner
        return stands

    def _read(self, asking: asyncio.Task[Claim], owner: str) -> Answer:
        if not asking.done() or asking.cancelled():
            self._note(TimeoutError("no answer in time"))
            return Answer.UNKNOWN
        if error := asking.exception():
            self._note(error)
            return Answer.UNKNOWN
        self._note(None)
        return Answer.GRANTED if asking.result().owner == owner else Answer.TAKEN

    def _answered(self, claim: Claim, asking: asyncio.Task[Claim]) -> None:
        """An answer has come, maybe late. It may have given an id to an owner that has ended meanwhile."""
        unknown = asking.cancelled() or asking.exception() is not None
        if claim.owner not in self._held and (unknown or asking.result().owner == claim.owner):
            self._append(ClaimReleased(claim))
            place = claim.kind, claim.app, claim.id
            for other in [one.owner for one in self._held.values() if (one.kind, one.app, one.id) == place]:
                self.affirm(other)  # it may have been taken from one who is there

    def _note(self, error: BaseException | None) -> None:
        """Logs when the store begins and ceases to leave claims unanswered."""
        if error is not None and not self._failing:
            unexpected = not isinstance(error, StoreError | TimeoutError)
            _log.warning("store does not answer claims error=%r", error, exc_info=error if unexpected else None)
        elif error is None and self._failing:
            _log.info("store answers claims again")
        self._failing = error is not None
