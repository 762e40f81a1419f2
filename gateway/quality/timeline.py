"""A call's comings and goings, from what the registry tells its journal, into the history. Pure.

It also measures how long connections take: from the right to publish or play to the connection, and from there to the first
media. Viewers' first pictures are seen by the sweep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

from gateway.auth.access import Action
from gateway.quality.counters import QualityCounters
from gateway.quality.history import Entry, History, Kind
from gateway.quality.legs import Legs
from gateway.rooms.events import StreamAdded, StreamRemoved, StreamUpdated
from gateway.rooms.model import Grant, Session
from gateway.rooms.record import EventRecord, GrantEnded, GrantRecord, Record, SessionEnded, SessionRecord

StreamChange = StreamAdded | StreamUpdated | StreamRemoved
_CHANGES: dict[type, str] = {StreamAdded: "ADD", StreamUpdated: "UPDATE", StreamRemoved: "DELETE"}


class GrantBook(Protocol):
    """Every grant that lives, by its id."""

    def find(self, grant_id: str) -> Grant | None: ...


@dataclass(frozen=True, slots=True)
class SessionRecovered(SessionRecord):
    """A session was there before the gateway was started anew: its user does not come when this record changes, nor is what it
    publishes and plays given to it once more. The journal is not told: the store has it."""

    grants: tuple[GrantRecord, ...] = field(kw_only=True)

    @classmethod
    def of(cls, session: Session) -> SessionRecovered:
        record = SessionRecord.of(session)
        published = [GrantRecord.of(stream.grant, stream) for stream in session.publishing.values()]
        played = [GrantRecord.of(grant) for grant in session.playing.values()]
        return cls(*(getattr(record, one.name) for one in fields(record)), grants=(*published, *played))


@dataclass(slots=True)
class _Given:
    """A grant that was heard of. Loop time."""

    at: float
    """It was given; one from before the gateway was started anew: the gateway was."""
    connected_at: float | None = None
    waits: bool = True
    """Its first media have not come."""


class Timeline:
    """Hears the journal's facts."""

    def __init__(
        self, grants: GrantBook, legs: Legs, counters: QualityCounters, history: History, clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self._grants = grants
        self._legs = legs
        self._counters = counters
        self._history = history
        self._clock = clock
        self._wall_clock = wall_clock
        self._sessions: set[str] = set()
        """Those that were told to have come, by this process or an earlier one."""
        self._given: dict[str, _Given] = {}
        self._published: dict[tuple[str, str], str] = {}
        """By app and streamID: the grant with which it is published."""

    def __len__(self) -> int:
        """What is remembered."""
        return len(self._sessions) + len(self._given) + len(self._published)

    def hear(self, fact: Record) -> None:
        """Something happened in a room."""
        match fact:
            case SessionRecovered():
                self._sessions.add(fact.id)
                for grant in fact.grants:
                    self._recovered(grant)
            case SessionRecord():
                if fact.id not in self._sessions:
                    self._sessions.add(fact.id)
                    self._note(fact.app, fact.room_id, Kind.JOIN, fact.user.id, {"role": fact.user.role.value})
            case SessionEnded():
                self._sessions.discard(fact.id)
                self._note(fact.app, fact.room_id, Kind.LEAVE, fact.user_id, {"reason": fact.reason.label})
            case GrantRecord():
                self._grant(fact)
            case GrantEnded():
                self._ended(fact)
            case EventRecord(event=StreamAdded() | StreamUpdated() | StreamRemoved() as event):
                self._stream(fact.app, event)
            case _:
                pass

    def _grant(self, fact: GrantRecord) -> None:
        publishes, now = fact.action is Action.PUBLISH, self._clock()
        given = self._given.get(fact.id)
        if given is None:
            given = self._enter(fact)
            data: dict[str, Any] = {"transport": fact.transport, "media": sorted(fact.media)}
            if not publishes:
                data["mode"] = fact.mode.value
            self._of_grant(fact, Kind.PUBLISH if publishes else Kind.PLAY, data)
        if fact.used and given.connected_at is None:
            given.connected_at, seconds = now, now - given.at
            if fact.session_id is not None:
                self._counters.connect["in" if publishes else "out", fact.transport].observe(seconds)
            data = {"direction": "push" if publishes else "pull", "seconds": round(seconds, 3)}
            self._of_grant(fact, Kind.CONNECT, data)

    def _recovered(self, fact: GrantRecord) -> None:
        """What there is to tell of it so far has been told."""
        given = self._enter(fact)
        if fact.used:
            given.connected_at, given.waits = given.at, False

    def _enter(self, fact: GrantRecord) -> _Given:
        given = self._given[fact.id] = _Given(self._clock())
        if fact.action is Action.PUBLISH:
            self._published[fact.app, fact.stream_id] = fact.id
        return given

    def _ended(self, fact: GrantEnded) -> None:
        self._given.pop(fact.id, None)
        if self._published.get((fact.app, fact.stream_id)) == fact.id:
            del self._published[fact.app, fact.stream_id]
        self._legs.forget(fact.id)

    def _stream(self, app: str, event: StreamChange) -> None:
        view = event.stream
        data: dict[str, Any] = {"change": _CHANGES[type(event)], "media": sorted(view.media)}
        if isinstance(event, StreamRemoved):
            data["reason"] = event.reason.label
        self._note(app, event.room_id, Kind.STREAM, view.user_id, data, view.stream_id)
        if isinstance(event, StreamAdded):
            self._on_air(app, view.stream_id, view.transport)

    def _on_air(self, app: str, stream_id: str, transport: str) -> None:
        """The first media of a publisher have come."""
        grant_id = self._published.get((app, stream_id), "")
        grant, given, now = self._grants.find(grant_id), self._given.get(grant_id), self._clock()
        if grant is not None:
            self._legs.uplink(grant).on_air_at = now
        if given is not None and given.connected_at is not None and given.waits:
            given.waits = False
            self._counters.first_media["in", transport].observe(now - given.connected_at)

    def _of_grant(self, fact: GrantRecord, kind: Kind, data: dict[str, Any]) -> None:
        grant = self._grants.find(fact.id)
        room_id = grant.session.room.id if grant is not None and grant.session is not None else ""
        self._note(fact.app, room_id, kind, fact.user_id, data, fact.stream_id)

    def _note(self, app: str, room_id: str, kind: Kind, user_id: str, data: dict[str, Any], stream_id: str = "") -> None:
        self._history.record(Entry(app, room_id, self._wall_clock(), kind, user_id, stream_id, data))
