"""The rooms that this process owns, and everyone and everything in them. The single writer.

Signaling asks it for what clients want, the media plane tells it what really arrives; it decides, keeps the books, and
tells the sessions. It speaks no protocol and knows no socket. It is built in three layers: streams and their grants
(`streams.py`), what sessions want of them (`casting.py`), and here the rooms and who is in them. Every change that has to
survive the process goes to the journal (`record.py`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from gateway.config import AppSettings, MediaSettings, SignalingSettings
from gateway.errors import (
    EXTRA_INFO_TOO_MANY_KEYS,
    OVERLOADED,
    ROOM_FULL,
    TOKEN_WITHOUT_PUBLISH,
    TOO_MANY_ROOMS,
    Fault,
    GatewayError,
)
from gateway.rooms.announcements import NewEvent
from gateway.rooms.casting import Casting, Permit, freely
from gateway.rooms.events import CountNotice, RoleChanged, RoomEvent, RoomExtraInfoChanged, UserJoined, UserLeft
from gateway.rooms.grants import Grants
from gateway.rooms.model import ExtraInfo, Reason, Role, Room, Session, User
from gateway.rooms.record import Journal, RoomEnded, RoomRecord, SessionEnded, SessionRecord, keep_nothing
from gateway.rooms.streams import MediaPlane, count
from gateway.timers import Timer, Timers

__all__ = ["MediaPlane", "Registry"]


class Registry(Casting):
    """Rooms, sessions, streams and grants of this process."""

    def __init__(
        self, apps: Mapping[str, AppSettings], signaling: SignalingSettings, media: MediaSettings, grants: Grants,
        timers: Timers, journal: Journal = keep_nothing,
    ) -> None:  # fmt: skip
        """`journal` is told every change of state, in order (`record.py`)."""
        super().__init__(apps, signaling, media, grants, timers, journal)
        self.rooms: dict[tuple[str, str], Room] = {}
        self._counting: dict[Room, Timer] = {}
        self._rooms_of_app: dict[str, int] = {}
        self._sessions_of_app: dict[str, int] = {}

    # Coming and going ----------------------------------------------------------------------------------------------

    def check_place(self, session: Session, instead_of: Session | None = None) -> None:
        """Whether the session could join now, or once another one has left: raises ROOM_FULL, TOO_MANY_ROOMS, OVERLOADED."""
        app, settings = session.app, self._apps[session.app]
        room = self.rooms.get((app, session.room.id))
        leaving = int(instead_of is not None)
        if self._sessions_of_app.get(app, 0) - leaving >= settings.max_sessions:
            raise GatewayError(OVERLOADED, "sessions of this app")
        if room is None:
            closing = int(instead_of is not None and len(instead_of.room.sessions) == 1)
            if self._rooms_of_app.get(app, 0) - closing >= settings.max_rooms:
                raise GatewayError(TOO_MANY_ROOMS)
        elif room.max_members:
            leaving = int(instead_of is not None and instead_of.room is room)
            if len(room.sessions) - leaving >= room.max_members:
                raise GatewayError(ROOM_FULL, f"at most {room.max_members}")

    def join(self, session: Session, max_members: int = 0) -> None:
        """Takes a session into its room, making the room if it is the first, and tells the others.

        `session.room` names the room; the registry's own object replaces it. Raises what `check_place` raises.
        """
        self.check_place(session)
        room = self.rooms.get((session.app, session.room.id)) or self._open(session.app, session.room.id, max_members)
        session.room, session.joined_at = room, room.seq
        room.sessions[session.user.id] = session
        count(self._sessions_of_app, session.app, 1)
        self._journal(SessionRecord.of(session))
        if session.user.role is not Role.AUDIENCE:
            self._tell_joined(session)

    def leave(self, session: Session, reason: Reason, fault: Fault | None = None) -> None:
        """Ends everything that the session has, and tells the others. Harmless when it has left already."""
        room = session.room
        if room.sessions.get(session.user.id) is not session:
            return
        for stream in list(session.publishing.values()):
            self._end_publishing(stream, reason, fault)
        for grant in list(session.playing.values()):
            self._end_playing(grant, fault)
        del room.sessions[session.user.id]
        count(self._sessions_of_app, session.app, -1)
        self._journal(SessionEnded(session.app, room.id, session.id, session.user.id, reason, fault))
        if session.user.role is not Role.AUDIENCE:
            self._tell_left(room, session.user, reason)
        if not room.sessions:
            self._close(room)

    def restore_room(self, room: Room) -> None:
        """A room that there was before the gateway was started anew."""
        self.rooms[room.app, room.id] = room
        count(self._rooms_of_app, room.app, 1)
        self._count_later(room)

    def restore_session(self, session: Session) -> None:
        """A session that there was before the gateway was started anew. `session.room` is the registry's own."""
        session.room.sessions[session.user.id] = session
        count(self._sessions_of_app, session.app, 1)

    def set_role(self, session: Session, role: Role, permit: Permit = freely) -> None:
        """Another role: the audience publishes nothing and is not seen by others, a broadcaster may and is.

        Raises what `permit` does.
        """
        before = session.user
        if role is before.role:
            return
        permit()
        if role is Role.AUDIENCE:
            for stream in list(session.publishing.values()):
                self._end_publishing(stream, Reason.STOPPED)
        session.user = user = dataclasses.replace(before, role=role)
        self._journal(SessionRecord.of(session))
        if role is Role.AUDIENCE:
            self._tell_left(session.room, user, Reason.STOPPED)  # its new role tells it from one who left
        else:
            self._tell_joined(session)
        self.tell(session.room, lambda room_id, seq: RoleChanged(room_id, seq, user.id, user))

    def set_rights(
        self, session: Session, may_publish: bool, allowed_streams: frozenset[str] | None, expires_at: float | None
    ) -> None:
        """A newer token's rights are the session's from now on; what they do not permit to publish ends."""
        session.may_publish, session.allowed_streams, session.token_expires_at = may_publish, allowed_streams, expires_at
        self._journal(SessionRecord.of(session))
        for stream in list(session.publishing.values()):
            if not session.may_publish_stream(stream.id):
                self._end_publishing(stream, Reason.REMOVED, TOKEN_WITHOUT_PUBLISH)

    # What a room keeps, and what is said in it ---------------------------------------------------------------------

    def set_room_extra_info(self, room: Room, key: str, info: ExtraInfo, permit: Permit = freely) -> None:
        """Writes one entry of what the room keeps for all who are there and will come; an empty value takes it away.

        What its author wrote already changes nothing. Raises EXTRA_INFO_TOO_MANY_KEYS, and what `permit` does.
        """
        before = room.extra_info.get(key)
        if before is None:
            if not info.value:
                return
            if len(room.extra_info) >= self._signaling.room_extra_keys:
                raise GatewayError(EXTRA_INFO_TOO_MANY_KEYS, f"at most {self._signaling.room_extra_keys}")
        elif (before.value, before.user_id) == (info.value, info.user_id):
            return
        permit()
        if info.value:
            room.extra_info[key] = info
        else:
            del room.extra_info[key]
        self._journal(RoomRecord.of(room))
        self.tell(room, lambda room_id, seq: RoomExtraInfoChanged(room_id, seq, info.user_id, key, info))

    def tell(self, room: Room, new_event: NewEvent) -> RoomEvent:
        """Numbers an event of the room, keeps it, and lets all those hear it whom it concerns."""
        return self.announcements.tell(room, new_event)

    # ---------------------------------------------------------------------------------------------------------------

    def _open(self, app: str, room_id: str, max_members: int) -> Room:
        room = self.rooms[app, room_id] = Room(app, room_id, max_members)
        count(self._rooms_of_app, app, 1)
        self._journal(RoomRecord.of(room))
        self._count_later(room)
        return room

    def _close(self, room: Room) -> None:
        del self.rooms[room.app, room.id]
        count(self._rooms_of_app, room.app, -1)
        self._counting.pop(room).cancel()
        self.announcements.close(room)
        self._journal(RoomEnded(room.app, room.id, room.seq))

    def _count_later(self, room: Room) -> None:
        self._counting[room] = self._timers.after(self._signaling.user_count_interval, lambda: self._tell_count(room))

    def _tell_count(self, room: Room) -> None:
        self._count_later(room)
        notice = CountNotice(room.id, len(room.sessions))
        for session in room.sessions.values():
            session.deliver(notice)

    def _tell_joined(self, session: Session) -> None:
        user = session.user
        self.tell(session.room, lambda room_id, seq: UserJoined(room_id, seq, user.id, user))

    def _tell_left(self, room: Room, user: User, reason: Reason) -> None:
        self.tell(room, lambda room_id, seq: UserLeft(room_id, seq, user.id, user, reason))
