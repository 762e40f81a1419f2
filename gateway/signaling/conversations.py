"""All conversations of this process, and what they share: who is let in, and the end of all of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from gateway.addresses import Addresses
from gateway.allowance import Allowance
from gateway.auth.turn import IceServer
from gateway.auth.verifier import JoinTokens, Verifier
from gateway.config import AppSettings, SignalingSettings
from gateway.errors import OVERLOADED, GatewayError
from gateway.quality.overview import QualityNotice
from gateway.quality.reports import Told
from gateway.rooms.claims import Claims
from gateway.rooms.model import Grant, Session
from gateway.rooms.registry import Registry
from gateway.rooms.talk import Talk
from gateway.signaling import media
from gateway.signaling.close import CloseReason
from gateway.signaling.events import encode_event
from gateway.signaling.sessions import Sessions
from gateway.timers import Timers


class Socket(Protocol):
    """What a conversation needs of its socket."""

    def send(self, text: str) -> None:
        """Queues one message; a socket whose queue is full closes itself."""

    def close(self, reason: CloseReason, after_ms: int | None = None) -> None:
        """Ends the talk, once what is queued has gone out."""


class Voice(Protocol):
    """What all conversations are to each other: something that can be ended."""

    def close(self, reason: CloseReason, after_ms: int | None = None) -> None: ...


class Watcher(Protocol):
    """Who hears what clients report of their media."""

    def session_report(self, session: Session, told: Told) -> None: ...

    def notice(self, session: Session, *, stats: bool) -> QualityNotice | None:
        """What a session that has come back is to hear; None: nothing."""


class Nobody:
    """Hears nothing, and has nothing to say."""

    def session_report(self, session: Session, told: Told) -> None:
        pass

    def notice(self, session: Session, *, stats: bool) -> QualityNotice | None:
        return None


class Signaling:
    """All conversations of this process, and what they share."""

    def __init__(
        self, settings: SignalingSettings, apps: Mapping[str, AppSettings], registry: Registry, addresses: Addresses,
        peers: media.Peers, ice_servers: Callable[[str], Sequence[IceServer]], timers: Timers, clock: Callable[[], float],
        wall_clock: Callable[[], float], new_id: Callable[[], str], rng: random.Random | None = None,
        claims: Claims | None = None, verifier: Verifier | None = None,
    ) -> None:  # fmt: skip
        """`ice_servers`: the STUN and TURN servers for a user, with credentials that begin to be good now. `rng`: spreads
        the moments at which those who are refused are told to come back. `claims`: who has which id in the whole app; None:
        nobody is asked. `verifier`: knows the tokens that apps accept; None: they accept join tokens."""
        self.settings = settings
        self.apps = apps
        self.registry = registry
        self.addresses = addresses
        self.peers = peers
        self.ice_servers = ice_servers
        self.timers = timers
        self.clock = clock
        self.wall_clock = wall_clock
        self.new_id = new_id
        self.sessions = Sessions(settings, apps, registry, timers, wall_clock, claims)
        self.verifier = verifier or JoinTokens(apps)
        self.talk = Talk(settings, registry, clock, wall_clock)
        self.watcher: Watcher = Nobody()
        """Set once, while the gateway is put together: it needs the sessions."""
        self._rng = rng or random.Random()
        self._spread = settings.overload_spread
        self._logins = Allowance(settings.logins_per_second, settings.logins_burst, clock())
        self.conversations: set[Voice] = set()
        self.running: dict[tuple[object, ...], asyncio.Event] = {}
        """The end of each request that runs and must act once, by its session's memory, its id and its content."""
        self._waiting: dict[str, int] = {}
        self._told: tuple[object, str] = (None, "")
        self._silent = asyncio.Event()
        self._shutting_down = False

    def send_urls(self, session: Session, only: Grant | None = None) -> bool:
        """Tells a session's client its addresses once more, all of them or those of one grant. False: there are none."""
        urls = media.addresses_of(session, self.registry, self.addresses, only)
        if urls is None:
            return False
        session.deliver(urls)
        return True

    # Sockets -------------------------------------------------------------------------------------------------------

    def admits(self, socket: Socket, client: str) -> bool:
        """Whether a new socket is heard. It is not if its address has too many that never logged in, or the gateway is
        stopping; then it is closed."""
        full = self._waiting.get(client, 0) >= self.settings.sockets_before_login
        if self._shutting_down or full:
            socket.close(CloseReason.SHUTTING_DOWN if self._shutting_down else CloseReason.OVERLOADED, self.pause())
            return False
        return True

    def begun(self, conversation: Voice, client: str) -> None:
        """A new socket is heard. It has not logged in yet."""
        self.conversations.add(conversation)
        self.waiting(client, 1)

    def forget(self, conversation: Voice) -> None:
        """Its socket is gone."""
        self.conversations.discard(conversation)
        if not self.conversations:
            self._silent.set()

    def waiting(self, client: str, by: int) -> None:
        """Counts the sockets of an address that have not logged in."""
        count = self._waiting.pop(client, 0) + by
        if count:
            self._waiting[client] = count

    def shut_down(self, spread: float, rng: random.Random) -> None:
        """Tells everyone to come back later, at moments spread over `spread` seconds; nobody new is heard.

        New ones may still come, over HTTP connections that are open.
        """
        self._shutting_down, self._spread, self._rng = True, spread, rng
        for conversation in list(self.conversations):
            conversation.close(CloseReason.SHUTTING_DOWN, self.pause())

    def pause(self) -> int:
        """Milliseconds after which one who is refused for want of room may come back; all together are spread out."""
        return 1000 + int(self._rng.random() * self._spread * 1000)

    def admit_login(self) -> None:
        """Counts a login. Raises OVERLOADED if too many come at once."""
        if wait := self._logins.take(self.clock()):
            raise GatewayError(OVERLOADED, "logins", after_ms=int(wait * 1000) + self.pause())

    async def silent(self) -> None:
        """Returns once no socket is left."""
        self._silent.clear()
        while self.conversations:
            await self._silent.wait()
            self._silent.clear()

    def text_of(self, fact: object) -> str:
        """The message that tells a fact; encoded once for everyone who hears it."""
        if self._told[0] is not fact:
            self._told = (fact, encode_event(fact))
        return self._told[1]
