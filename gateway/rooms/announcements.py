"""What happens in rooms is numbered here, told to those whom it concerns, and kept for a while for those who come back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from gateway.rooms.events import RoomEvent
from gateway.rooms.model import Room, Session
from gateway.rooms.record import EventRecord, Journal

NewEvent = Callable[[str, int], RoomEvent]
"""Makes an event of the roomID and its number."""


class History:
    """The last events of one room, bounded in number and in bytes."""

    def __init__(self, events: int, size: int) -> None:
        self._most_events = events
        self._most_bytes = size
        self._events: deque[RoomEvent] = deque()
        self._bytes = 0

    def add(self, event: RoomEvent) -> None:
        self._events.append(event)
        self._bytes += event.size
        while len(self._events) > self._most_events or self._bytes > self._most_bytes:
            self._bytes -= self._events.popleft().size

    def after(self, seq: int) -> list[RoomEvent] | None:
        """The events that came after the one with this number; None if some of them are no longer kept."""
        missed = [event for event in self._events if event.seq > seq]
        return missed if missed and missed[0].seq == seq + 1 else None


class Announcements:
    """All rooms' histories, and the way of an event to the journal and to the sessions."""

    def __init__(self, events: int, size: int, journal: Journal) -> None:
        """`events`, `size`: what is kept of each room, in number and in bytes."""
        self._events = events
        self._size = size
        self._journal = journal
        self._histories: dict[Room, History] = {}

    def __len__(self) -> int:
        """Rooms of which something is kept."""
        return len(self._histories)

    def tell(self, room: Room, new_event: NewEvent) -> RoomEvent:
        """Something happened in the room."""
        room.seq += 1
        event = new_event(room.id, room.seq)
        self._journal(EventRecord(room.app, event))
        if room.closing:
            return event
        if (history := self._histories.get(room)) is None:
            history = self._histories[room] = History(self._events, self._size)
        history.add(event)
        for session in room.sessions.values():
            if event.concerns(session):
                session.deliver(event)
        return event

    def missed(self, session: Session, last_seq: int) -> list[RoomEvent]:
        """What a session that heard everything up to `last_seq` has missed; nothing if not all of it is kept any more."""
        if session.recovered_at is not None:  # what it heard beyond that was lost, and its numbers were given anew
            last_seq = min(last_seq, session.recovered_at)
        room, since = session.room, max(last_seq, session.joined_at)
        history = self._histories.get(room)
        events = history.after(since) if history and since < room.seq else None
        return [event for event in events or () if event.concerns(session)]

    def close(self, room: Room) -> None:
        """The room is no more."""
        self._histories.pop(room, None)
