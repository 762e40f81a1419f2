"""What people say in a room: messages for all, messages that may get lost in the crowd, commands, and the room's extra info.

Each kind has its length and its rate; the vendors' numbers are the defaults. Texts are for people or for the clients'
own programs: the gateway passes them on unread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

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
    ROOM_NOT_FOUND,
    GatewayError,
)
from gateway.rooms.events import BarrageMessage, BroadcastMessage, CustomCommand, TextSent
from gateway.rooms.model import ExtraInfo, Room, Session, User, check_size
from gateway.rooms.registry import Registry

_SERVER = ""
"""The actor of what the app's own backend says: nobody in the room is it, so everybody hears it."""


class Talk:
    """The talk in all rooms of this process."""

    def __init__(
        self, settings: SignalingSettings, registry: Registry, clock: Callable[[], float], wall_clock: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._clock = clock
        self._wall_clock = wall_clock

    # What members of the room say ----------------------------------------------------------------------------------

    def broadcast(self, session: Session, text: str) -> int:
        """Says something to everyone else in the room. The message's number.

        Raises MESSAGE_EMPTY, MESSAGE_TOO_LONG, MESSAGE_RATE.
        """
        self._check_text(text)
        self._take(session, BroadcastMessage, self._settings.broadcasts_per_user)
        self._take(session.room, BroadcastMessage, self._settings.broadcasts_per_room)
        return self._tell(session.room, BroadcastMessage, session.user.id, session.user, text)

    def barrage(self, session: Session, text: str) -> int | None:
        """Says something that may get lost in the crowd. The message's number; None: it was dropped.

        Raises MESSAGE_EMPTY, MESSAGE_TOO_LONG.
        """
        self._check_text(text)
        if self._wait(session.room, BarrageMessage, self._settings.barrages_per_room):
            return None
        return self._tell(session.room, BarrageMessage, session.user.id, session.user, text)

    def command(self, session: Session, text: str, to: Collection[str]) -> int:
        """Says something to the named users (none: to everyone else); who is not there does not get it.

        Raises MESSAGE_EMPTY, MESSAGE_TOO_LONG, MESSAGE_RATE, INVALID_PARAMS (too many are named).
        """
        self._check_text(text)
        if len(to) > self._settings.command_receivers:
            raise GatewayError(INVALID_PARAMS, f"at most {self._settings.command_receivers} users are named")
        if len(to) == 1:
            self._take(session.room, CustomCommand, self._settings.commands_to_one)
        else:
            self._take(session.room, "commands to several", self._settings.commands_to_several)
        return self._tell(session.room, CustomCommand, session.user.id, session.user, text, to)

    def set_room_extra_info(self, session: Session, key: str, value: str) -> None:
        """Writes an entry of the room's extra info; an empty value takes it away.

        Raises EXTRA_INFO_KEY_EMPTY, EXTRA_INFO_KEY_TOO_LONG, EXTRA_INFO_VALUE_TOO_LONG, EXTRA_INFO_TOO_MANY_KEYS,
        INVALID_PARAMS.
        """
        if not key:
            raise GatewayError(EXTRA_INFO_KEY_EMPTY)
        check_size(key, self._settings.room_extra_key_bytes, EXTRA_INFO_KEY_TOO_LONG)
        if not key.isprintable():
            raise GatewayError(INVALID_PARAMS, "the key has a character that cannot be shown")
        check_size(value, self._settings.room_extra_value_bytes, EXTRA_INFO_VALUE_TOO_LONG)
        info = ExtraInfo(value, session.user.id, session.user.name, self._wall_clock())
        self._registry.set_room_extra_info(session.room, key, info)

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

    def _take(self, owner: Room | Session, what: object, rate: float) -> None:
        if wait := self._wait(owner, what, rate):
            raise GatewayError(MESSAGE_RATE, f"{rate:g} per second", after_ms=int(wait * 1000) + 1)

    def _wait(self, owner: Room | Session, what: object, rate: float) -> float:
        """0 if the owner may have one more, otherwise the seconds until it may. A second's worth may come at once."""
        now = self._clock()
        allowance = owner.allowances.get(what)
        if allowance is None:
            allowance = owner.allowances[what] = Allowance(rate, max(1, int(rate)), now)
        return allowance.take(now)
