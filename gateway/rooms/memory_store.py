"""The store in the process's own memory: for development, for tests, and for those to whom a restart may lose its calls."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gateway.rooms.store import (
    Change,
    Claim,
    ClaimAsserted,
    ClaimReleased,
    EventRecord,
    GrantEnded,
    GrantRecord,
    RoomChange,
    RoomClosed,
    RoomRecord,
    SessionEnded,
    SessionRecord,
    StaleEpochError,
    StoredRoom,
    SupersededError,
    Taken,
)

_CLOSED_KEPT = 10_000
"""Closed rooms whose epoch is remembered."""


@dataclass(slots=True)
class _Kept:
    """An open room and what is in it."""

    process: str
    room: RoomRecord
    sessions: dict[str, SessionRecord] = field(default_factory=dict)
    grants: dict[str, GrantRecord] = field(default_factory=dict)

    def taken_over(self) -> StoredRoom:
        """What is here, with the next epoch."""
        epoch = self.room.epoch + 1
        self.room = replace(self.room, epoch=epoch)
        self.sessions = {id: replace(session, epoch=epoch) for id, session in self.sessions.items()}
        self.grants = {id: replace(grant, epoch=epoch) for id, grant in self.grants.items()}
        return StoredRoom(self.room, tuple(self.sessions.values()), tuple(self.grants.values()))


class MemoryState:
    """What a memory store keeps; several stores may share it, as several processes share a database."""

    def __init__(self, events_kept: int = 10_000) -> None:
        self.rooms: dict[tuple[str, str], _Kept] = {}
        self.closed: OrderedDict[tuple[str, str], int] = OrderedDict()
        """The epochs of closed rooms, as far as they are remembered."""
        self.highest_epoch = 0
        self.events: OrderedDict[tuple[str, str, int, int], EventRecord] = OrderedDict()
        self.events_kept = events_kept
        self.claims: dict[tuple[str, str, str], Claim] = {}
        self.runs: dict[str, int] = {}

    def epoch_of(self, place: tuple[str, str]) -> int:
        kept = self.rooms.get(place)
        return kept.room.epoch if kept else self.closed.get(place, 0)


class MemoryRoomStore:
    """The store in the process's own memory. The newest events of all rooms are there to be read."""

    def __init__(self, state: MemoryState | None = None, process: str = "gateway") -> None:
        self.state = state or MemoryState()
        self._process = process
        self._run = 0

    @property
    def healthy(self) -> bool:
        return True

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def take_over(self, now: float) -> Taken:
        state = self.state
        self._run = state.runs[self._process] = state.runs.get(self._process, 0) + 1
        taken = tuple(kept.taken_over() for kept in state.rooms.values() if kept.process == self._process)
        state.highest_epoch = max([state.highest_epoch, *(one.room.epoch for one in taken)])
        owners = {session.id for one in taken for session in one.sessions} | {grant.id for one in taken for grant in one.grants}
        state.claims = {k: c for k, c in state.claims.items() if c.process != self._process or c.owner in owners}
        return Taken(taken, state.highest_epoch + 1)

    async def write(self, batch: Sequence[Change]) -> Sequence[Claim]:
        if self._run != self.state.runs.get(self._process):
            raise SupersededError(self._process)
        self._check_epochs(batch)
        for change in batch:
            self._apply(change)
        asserted = [change.claim for change in batch if isinstance(change, ClaimAsserted)]
        return [c for c in asserted if (stands := self.state.claims.get(_id_of(c))) and stands.owner != c.owner]

    async def claim(self, claim: Claim, instead_of: str | None = None) -> Claim:
        stands = self.state.claims.get(_id_of(claim))
        if stands is None or stands.owner == instead_of:
            stands = self.state.claims[_id_of(claim)] = replace(claim, process=self._process)
        return stands

    async def events(self, app: str, room_id: str, after: tuple[int, int] = (0, 0), limit: int = 1000) -> Sequence[EventRecord]:
        found = [e for e in self.state.events.values() if (e.app, e.room_id) == (app, room_id) and (e.epoch, e.seq) > after]
        return sorted(found, key=lambda e: (e.epoch, e.seq))[:limit]

    def _check_epochs(self, batch: Sequence[Change]) -> None:
        epochs: dict[tuple[str, str], int] = {}
        for change in batch:
            if isinstance(change, RoomChange):
                place = change.app, change.room_id
                if change.epoch < epochs.setdefault(place, self.state.epoch_of(place)):
                    raise StaleEpochError(change.app, change.room_id, change.epoch)
                epochs[place] = change.epoch

    def _apply(self, change: Change) -> None:
        match change:
            case ClaimAsserted(claim):
                self.state.claims.setdefault(_id_of(claim), replace(claim, process=self._process))
            case ClaimReleased(claim):
                stands = self.state.claims.get(_id_of(claim))
                if stands and stands.owner == claim.owner:
                    del self.state.claims[_id_of(claim)]
            case _:
                self._apply_to_room(change)

    def _apply_to_room(self, change: RoomChange) -> None:
        state, place = self.state, (change.app, change.room_id)
        state.highest_epoch = max(state.highest_epoch, change.epoch)
        kept = state.rooms.get(place)
        match change:
            case RoomRecord():
                state.closed.pop(place, None)
                state.rooms[place] = replace(kept, process=self._process, room=change) if kept else _Kept(self._process, change)
            case RoomClosed():
                self._close(change)
            case EventRecord():
                self._append(change)
            case SessionRecord() if kept:
                kept.sessions[change.id] = change
            case GrantRecord() if kept:
                kept.grants[change.id] = change
            case SessionEnded() if kept:
                kept.sessions.pop(change.id, None)
            case GrantEnded() if kept:
                kept.grants.pop(change.id, None)

    def _close(self, change: RoomClosed) -> None:
        closed, place = self.state.closed, (change.app, change.room_id)
        self.state.rooms.pop(place, None)
        closed[place] = change.epoch
        if len(closed) > _CLOSED_KEPT:
            closed.popitem(last=False)

    def _append(self, event: EventRecord) -> None:
        state = self.state
        state.events.setdefault((event.app, event.room_id, event.epoch, event.seq), event)
        if len(state.events) > state.events_kept:
            state.events.popitem(last=False)
        if kept := state.rooms.get((event.app, event.room_id)):
            kept.room = replace(kept.room, seq=event.seq)


def _id_of(claim: Claim) -> tuple[str, str, str]:
    return claim.kind, claim.app, claim.id
