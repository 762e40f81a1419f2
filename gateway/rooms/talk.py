"""What people say in a room: messages for all, messages that may get lost in the crowd, commands, and the room's extra info.

Each kind has its length and its rate; the vendors' numbers are the defaults. Texts are for people or for the clients'
own programs: the gateway passes them on unread. What a session changes for all to see (its role, what it mutes, extra infos)
has a rate too: each change goes to everyone, and into what the room keeps for those who come back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from copy import copy
from typing import NamedTuple

from gateway.allowance import Allowance
from gateway.config import SignalingSettings
from gateway.errors import (
    EXTRA_INFO_KEY_EMPTY,
    EXTRA_INFO_KEY_TOO_LONG,
    EXTRA_INFO_VALUE_TOO_LONG,
    INVALID_PARAMS,
    MESSAGE_EMPTY,
    MESSAGE_RATE,
    MESSAGE_TOO_LONG,
    RATE_LIMITED,
    ROOM_NOT_FOUND,
    Fault,
    GatewayError,
)
from gateway.rooms.events import BarrageMessage, BroadcastMessage, CustomCommand, TextSent
from gateway.rooms.model import USER_ID, ExtraInfo, Room, Session, User, check_size
from gateway.rooms.registry import Registry

_SERVER = ""
"""The actor of what the app's own backend says: nobody in the room is it, so everybody hears it."""


class _Rate(NamedTuple):
    """How often something may happen."""

    what: object
    per_second: float
    burst: int

    @classmethod
    def of(cls, what: object, per_second: float) -> _Rate:
        """A second's worth may come at once."""
        return cls(what, per_second, max(1, int(per_second)))


class Talk:
    """The talk in all rooms of this process."""

    def __init__(
        self, settings: SignalingSettings, registry: Registry, clock: Callable[[], float], wall_clock: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._clock = clock
        self._wall_clock = wall_clock
        self._of_room = _Rate.of(BroadcastMessage, settings.broadcasts_per_room)
        self._of_changes = _Rate("changes", settings.changes_per_second, settings.changes_burst)

    # What members of the room say ----------------------------------------------------------------------------------

    def broadcast(self, session: Session, text: str) -> int:
        """Says something to everyone else in the room. The message's number.

        Raises MESSAGE_EMPTY, MESSAGE_TOO_LONG, MESSAGE_RATE.
        """
        self._check_text(text)
        room = session.room
        of_user = _Rate.of((BroadcastMessage, session.user.id), self._settings.broadcasts_per_user)
        self._take(room, of_user, self._of_room)
        self._forget_speakers(room, of_user)
        return self._tell(room, BroadcastMessage, session.user.id, session.user, text)

    def barrage(self, session: Session, text: str) -> int | None:
        """Says something that may get lost in the crowd. The message's number; None: it was dropped.

        Raises MESSAGE_EMPTY, MESSAGE_TOO_LONG.
        """
        self._check_text(text)
        try:
            self._take(session.room, _Rate.of(BarrageMessage, self._settings.barrages_per_room))
        except GatewayError:
            return None
        return self._tell(session.room, BarrageMessage, session.user.id, session.user, text)

    def command(self, session: Session, text: str, to: Collection[str]) -> int:
        """Says something to the named users (none: to everyone else); who is not there does not get it.

        Raises MESSAGE_EMPTY, MESSAGE_TOO_LONG, MESSAGE_RATE, INVALID_PARAMS (too many are named), and what
        userIDs are held to.
        """
        self._check_text(text)
        if len(to) > self._settings.command_receivers:
            raise GatewayError(INVALID_PARAMS, f"at most {self._settings.command_receivers} users are named")
        for one in to:
            USER_ID.check(one)
        if len(to) == 1:
            self._take(session.room, _Rate.of(CustomCommand, self._settings.commands_to_one))
        else:
            self._take(session.room, _Rate.of("commands to several", self._settings.commands_to_several))
        return self._tell(session.room, CustomCommand, session.user.id, session.user, text, to)

    def set_room_extra_info(self, session: Session, key: str, value: str) -> None:
        """Writes an entry of the room's extra info; an empty value takes it away.

        Raises EXTRA_INFO_KEY_EMPTY, EXTRA_INFO_KEY_TOO_LONG, EXTRA_INFO_VALUE_TOO_LONG, EXTRA_INFO_TOO_MANY_KEYS,
        INVALID_PARAMS, RATE_LIMITED.
        """
        if not key:
            raise GatewayError(EXTRA_INFO_KEY_EMPTY)
        check_size(key, self._settings.room_extra_key_bytes, EXTRA_INFO_KEY_TOO_LONG)
        if not key.isprintable():
            raise GatewayError(INVALID_PARAMS, "the key has a character that cannot be shown")
        check_size(value, self._settings.room_extra_value_bytes, EXTRA_INFO_VALUE_TOO_LONG)
        info = ExtraInfo(value, session.user.id, session.user.name, self._wall_clock())
        self._registry.set_room_extra_info(session.room, key, info, lambda: self.permit_change(session))

    def permit_change(self, session: Session) -> None:
        """The session changes something for all to see. Raises RATE_LIMITED."""
        self._take(session, self._of_changes, fault=RATE_LIMITED)

    # What the app's own backend says -------------------------------------------------------------------------------

    def say(
        self, app: str, room_id: str, kind: type[TextSent], sender: User, text: str, to: Collection[str] = ()
    ) -> int:  # fmt: skip
        """Says something in a room in the name of `sender`, who need not be there. The message's number.

        `kind`: BroadcastMessage, BarrageMessage or CustomCommand; `to` is for the last alone (none: everyone). Not held to
        the rates of members. Raises ROOM_NOT_FOUND, MESSAGE_EMPTY, MESSAGE_TOO_LONG, INVALID_PARAMS.
        """
        self._check_text(text)
        room = self._registry.rooms.get((app, room_id))
        if room is None:
            raise GatewayError(ROOM_NOT_FOUND)
        return self._tell(room, kind, _SERVER, sender, text, to)

    # ---------------------------------------------------------------------------------------------------------------

    def _tell(
        self, room: Room, kind: type[TextSent], actor: str, sender: User, text: str, to: Collection[str] = ()
    ) -> int:  # fmt: skip
        now = self._wall_clock()
        if kind is CustomCommand:
            receivers = frozenset(to)
            said = self._registry.tell(
                room, lambda id, seq: CustomCommand(id, seq, actor, sender.id, sender.name, text, now, receivers)
            )
        else:
            said = self._registry.tell(room, lambda id, seq: kind(id, seq, actor, sender.id, sender.name, text, now))
        return said.seq

    def _check_text(self, text: str) -> None:
        if not text:
            raise GatewayError(MESSAGE_EMPTY)
        check_size(text, self._settings.text_bytes, MESSAGE_TOO_LONG)

    def _take(self, owner: Room | Session, *rates: _Rate, fault: Fault = MESSAGE_RATE) -> None:
        """Takes one of each allowance, or raises the fault and takes none. What was taken last stands last."""
        now = self._clock()
        taken: dict[object, Allowance] = {}
        for what, per_second, burst in rates:
            known = owner.allowances.get(what)
            taken[what] = allowance = copy(known) if known else Allowance(per_second, burst, now)
            if wait := allowance.take(now):
                raise GatewayError(fault, f"{per_second:g} per second", after_ms=int(wait * 1000) + 1)
        for what, allowance in taken.items():
            owner.allowances.pop(what, None)
            owner.allowances[what] = allowance

    def _forget_speakers(self, room: Room, of_user: _Rate) -> None:
        """Drops users' allowances that are full again, whether they are still there or not.

        They are not the sessions', so that a new login brings nothing. While one fills up, the room takes only so many
        messages: who spoke before as many others has a full one.
        """
        most = math.ceil(self._of_room.burst + self._of_room.per_second * of_user.burst / of_user.per_second)
        if len(room.allowances) > most:
            speakers = [what for what in room.allowances if isinstance(what, tuple)]
            for what in speakers[:-most]:
                del room.allowances[what]
