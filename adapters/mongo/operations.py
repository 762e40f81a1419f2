"""What a batch of changes does to each collection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from pymongo import DeleteMany, DeleteOne, ReplaceOne, UpdateOne

from adapters.mongo.schema import Document, date, fields
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
)

Operation: TypeAlias = "UpdateOne | ReplaceOne[Document] | DeleteOne | DeleteMany"
Life: TypeAlias = tuple[str, str, int]
"""A room in one of its epochs: app, roomID, epoch."""

_CLOSED_ROOMS_STAY = 86_400
"""Seconds that a closed room's epoch is kept beyond its events: as long as one of these is there, so is the epoch."""


class Operations:
    """A batch, by collection. Of several changes of one record only the last is carried out: they come into force
    together."""

    def __init__(self, batch: Sequence[Change], process: str, events_ttl: float) -> None:
        self._process = process
        self._events_ttl = events_ttl
        self._rooms: dict[Life, Document] = {}
        self._sessions: dict[str, Operation] = {}
        self._grants: dict[str, Operation] = {}
        self._closings: list[Operation] = []
        self.events: list[Operation] = []
        self.claims: list[Operation] = []
        self.asserted: list[Claim] = []
        for change in batch:
            match change:
                case ClaimAsserted(claim):
                    self.asserted.append(claim)
                    self.claims.append(UpdateOne(claim_id(claim), {"$setOnInsert": claimed(claim, process)}, upsert=True))
                case ClaimReleased(claim):
                    self.claims.append(DeleteOne(claim_id(claim) | {"owner": claim.owner}))
                case _:
                    self._add(change)

    def _add(self, change: RoomChange) -> None:
        # Whatever a room's change is, it writes the room's document, too: so a stale one meets the newer epoch there.
        room = self._rooms.setdefault(
            (change.app, change.room_id, change.epoch), {"epoch": change.epoch, "process": self._process}
        )
        match change:
            case RoomRecord():
                stored = fields(change)
                room |= {name: stored[name] for name in ("seq", "max_members", "extra_info")} | {"open": True, "expires_at": None}
            case RoomClosed():
                room |= {"open": False, "expires_at": date(change.at + self._events_ttl + _CLOSED_ROOMS_STAY)}
                here = {"app": change.app, "room_id": change.room_id, "epoch": {"$lte": change.epoch}}
                self._closings.append(DeleteMany(here))
            case EventRecord():
                room["seq"] = change.seq
                self.events.append(self._event(change))
            case SessionRecord():
                self._sessions[change.id] = self._replacement(change)
            case GrantRecord():
                self._grants[change.id] = self._replacement(change)
            case SessionEnded():
                self._sessions[change.id] = DeleteOne({"_id": change.id})
            case GrantEnded():
                self._grants[change.id] = DeleteOne({"_id": change.id})

    def _replacement(self, change: SessionRecord | GrantRecord) -> Operation:
        document = fields(change) | {"process": self._process}
        return ReplaceOne({"_id": document["_id"]}, document, upsert=True)

    def _event(self, event: EventRecord) -> Operation:
        document = fields(event) | {"expires_at": date(event.at + self._events_ttl)}
        key = {name: document.pop(name) for name in ("app", "room_id", "epoch", "seq")}
        return UpdateOne(key, {"$setOnInsert": document}, upsert=True)

    @property
    def lives(self) -> list[Life]:
        """The rooms that are written to, as `rooms` has them."""
        return list(self._rooms)

    @property
    def rooms(self) -> list[Operation]:
        """A document with a newer epoch is not found and cannot be inserted a second time: a duplicate key says it is stale."""
        return [
            UpdateOne({"_id": {"app": app, "room": room_id}, "epoch": {"$lte": epoch}}, {"$set": document}, upsert=True)
            for (app, room_id, epoch), document in self._rooms.items()
        ]

    @property
    def sessions(self) -> list[Operation]:
        return [*self._sessions.values(), *self._closings]

    @property
    def grants(self) -> list[Operation]:
        return [*self._grants.values(), *self._closings]


def claim_id(claim: Claim) -> dict[str, Any]:
    """Finds the document of an id that can be claimed."""
    return {"_id": {"kind": claim.kind, "app": claim.app, "id": claim.id}}


def claimed(claim: Claim, process: str) -> Document:
    """What it says of its owner."""
    return {"owner": claim.owner, "at": claim.at, "process": process}
