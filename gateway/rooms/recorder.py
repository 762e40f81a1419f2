"""Between the registry and the store: what happened, in the store's words.

The registry tells facts as they are (`record.py`); the store keeps flat records that belong to one life of one room
(`store.py`). What a fact does not say - which life of the room, which room a session's grant is in, whether others know of
a stream - is remembered here from what was told before. Pure: the wall time comes in with `wall_clock`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import msgspec

from gateway.auth.access import Action
from gateway.rooms import record, store
from gateway.rooms.events import StreamAdded, StreamRemoved, StreamUpdated

Place = tuple[str, str]
"""App and roomID."""


class Recorder:
    """Turns facts into changes for the store. It is the registry's journal.

    Grants of signed addresses are left out: their keys say all that there is to know. Forbidden streamIDs are not stored.
    Claims are not told here (`claims.py`).
    """

    def __init__(self, append: Callable[[store.Change], None], wall_clock: Callable[[], float]) -> None:
        """`append` takes a change at once."""
        self._append = append
        self._wall_clock = wall_clock
        self._next_epoch = 1
        self._rooms: dict[Place, store.RoomRecord] = {}
        self._sessions: dict[str, Place] = {}
        self._grants: dict[str, store.GrantRecord] = {}
        self._published: dict[Place, str] = {}
        """By app and streamID: the grant with which it is published."""

    def take_over(self, taken: store.Taken) -> None:
        """What there was before this process; it is stored already."""
        self._next_epoch = taken.next_epoch
        for room in taken.rooms:
            self._remember(room)

    def give_up(self, app: str, room_id: str) -> None:
        """A room that was taken over is not continued: it is closed, and whatever it has with it."""
        self(record.RoomEnded(app, room_id, 0))

    def __len__(self) -> int:
        """Rooms, sessions and grants that are remembered."""
        return len(self._rooms) + len(self._sessions) + len(self._grants)

    def __call__(self, fact: record.Record) -> None:
        match fact:
            case record.RoomRecord():
                self._room(fact)
            case record.RoomEnded():
                ended = self._rooms.pop((fact.app, fact.room_id))
                self._append(store.RoomClosed(fact.app, fact.room_id, ended.epoch, self._wall_clock()))
            case record.EventRecord():
                self._event(fact)
            case record.SessionRecord():
                self._session(fact)
            case record.SessionEnded():
                self._sessions.pop(fact.id, None)
                self._append(store.SessionEnded(fact.app, fact.room_id, self._epoch(fact.app, fact.room_id), fact.id))
            case record.GrantRecord():
                self._grant(fact)
            case record.GrantEnded():
                self._grant_ended(fact)
            case record.StreamForbidden():
                pass

    def _remember(self, taken: store.StoredRoom) -> None:
        room = taken.room
        place = room.app, room.room_id
        self._rooms[place] = room
        for session in taken.sessions:
            self._sessions[session.id] = place
        for grant in taken.grants:
            self._keep(grant)

    def _room(self, fact: record.RoomRecord) -> None:
        place = fact.app, fact.room_id
        known = self._rooms.get(place)
        if known is None:
            known = store.RoomRecord(*place, self._next_epoch)
            self._next_epoch += 1
        extra_info = {key: _plain(info) for key, info in fact.extra_info.items()}
        room = self._rooms[place] = replace(known, max_members=fact.max_members, extra_info=extra_info)
        self._append(room)

    def _event(self, fact: record.EventRecord) -> None:
        event = fact.event
        place = fact.app, event.room_id
        room = self._rooms[place] = replace(self._rooms[place], seq=event.seq)
        name, payload = type(event).__name__, _plain(event)
        self._append(store.EventRecord(*place, room.epoch, event.seq, self._wall_clock(), name, payload))
        if isinstance(event, StreamAdded | StreamUpdated | StreamRemoved):
            self._heard_of(fact.app, event)

    def _heard_of(self, app: str, event: StreamAdded | StreamUpdated | StreamRemoved) -> None:
        """Others know of a stream, or do not any more."""
        grant = self._grants.get(self._published.get((app, event.stream.stream_id), ""))
        if grant is not None:
            announced = not isinstance(event, StreamRemoved)
            arriving = tuple(sorted(event.stream.media)) if announced else ()
            self._keep(grant := replace(grant, announced=announced, arriving=arriving))
            self._append(grant)

    def _session(self, fact: record.SessionRecord) -> None:
        place = self._sessions[fact.id] = fact.app, fact.room_id
        allowed = None if fact.allowed_streams is None else tuple(sorted(fact.allowed_streams))
        self._append(
            store.SessionRecord(
                fact.id, *place, self._epoch(*place), fact.user.id, fact.user.name, fact.user.role, fact.user_update,
                fact.may_publish, allowed, fact.token_expires_at,
            )
        )  # fmt: skip

    def _grant(self, fact: record.GrantRecord) -> None:
        place = self._sessions.get(fact.session_id or "")
        if place is None or fact.session_id is None:
            return
        known = self._grants.get(fact.id)
        grant = store.GrantRecord(
            fact.id, *place, self._epoch(*place), fact.session_id, fact.user_id, fact.action, fact.stream_id,
            tuple(sorted(fact.media)), fact.mode, fact.wait, fact.transport, fact.used, fact.expires_at,
            known.announced if known else False, known.arriving if known else (), tuple(sorted(fact.muted)), fact.extra_info,
        )  # fmt: skip
        self._keep(grant)
        self._append(grant)

    def _grant_ended(self, fact: record.GrantEnded) -> None:
        grant = self._grants.pop(fact.id, None)
        if grant is not None:
            if self._published.get((grant.app, grant.stream_id)) == grant.id:
                del self._published[grant.app, grant.stream_id]
            self._append(store.GrantEnded(grant.app, grant.room_id, grant.epoch, grant.id))

    def _keep(self, grant: store.GrantRecord) -> None:
        self._grants[grant.id] = grant
        if grant.action == Action.PUBLISH:
            self._published[grant.app, grant.stream_id] = grant.id

    def _epoch(self, app: str, room_id: str) -> int:
        return self._rooms[app, room_id].epoch


def _plain(value: object) -> Mapping[str, object]:
    """A fact as JSON values."""
    plain: Mapping[str, object] = msgspec.to_builtins(value)
    return plain
