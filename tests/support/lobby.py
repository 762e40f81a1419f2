"""The gateway's core without the world: time that stands still until it is told, media that is only said to arrive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from gateway.auth.access import AccessRequest, Action
from gateway.auth.stream_keys import NONCE_BYTES, KeySigner, StreamKey, encode_stream_id
from gateway.config import AppSettings, MediaSettings, SignalingSettings
from gateway.errors import Fault, GatewayError
from gateway.rooms.events import PlayerNotice, PublisherNotice, RoomEvent
from gateway.rooms.grants import Grants
from gateway.rooms.model import BOTH_MEDIA, Grant, Medium, PlayMode, Reason, Role, Room, Session, User
from gateway.rooms.record import Record, keep_nothing
from gateway.rooms.registry import Registry
from gateway.rooms.talk import Talk
from gateway.timers import Timers

SECRET = "a secret that is known to these tests alone"
AUDIO = frozenset({Medium.AUDIO})
VIDEO = frozenset({Medium.VIDEO})
UNIX_START = 1_700_000_000.0
A_DAY = 86_400.0
"""Longer than any test: how often rooms are counted unless a test asks for it, so that others need not hear of it."""


class Clock:
    """A clock that stands still. Calling it gives the loop's time; `wall` is Unix time, and moves along."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def wall(self) -> float:
        return UNIX_START + self.now

    def advance(self, seconds: float, timers: Timers) -> None:
        """Lets time pass, and fires each deadline at its own moment."""
        end = self.now + seconds
        while (at := timers.next_deadline) is not None and at <= end:
            self.now = max(self.now, at)
            timers.run_due(self.now)
        self.now = end


class Plane:
    """A media plane that only remembers what it was told, and who uses which grant."""

    def __init__(self) -> None:
        self.cuts: list[tuple[Grant, GatewayError]] = []
        self.ends: list[tuple[str, str]] = []
        self.updates: list[Grant] = []

    def cut(self, grant: Grant, error: GatewayError) -> None:
        self.cuts.append((grant, error))

    def end(self, app: str, stream_id: str, error: GatewayError | None) -> None:
        self.ends.append((app, stream_id))

    def update(self, grant: Grant) -> None:
        self.updates.append(grant)

    def cut_with(self, grant: Grant) -> Fault:
        """The reason that this grant's connections were told; fails if there is not exactly one."""
        (fault,) = [error.fault for cut, error in self.cuts if cut is grant]
        return fault


@dataclass(eq=False)
class Guest:
    """A session in the registry, and all that it heard."""

    lobby: Lobby
    session: Session
    heard: list[Any] = field(default_factory=list)

    @property
    def events(self) -> list[Any]:
        """The room's events, without the notices about one's own publishing and playing."""
        return [fact for fact in self.heard if isinstance(fact, RoomEvent)]

    def states(self, stream_id: str) -> list[tuple[str, int]]:
        """How one's own publishing or playing of a stream went: the states, each with its error number (0: none)."""
        return [
            (fact.state.value, fact.fault.number if fact.fault else 0)
            for fact in self.heard
            if isinstance(fact, PublisherNotice | PlayerNotice) and fact.stream_id == stream_id
        ]

    def forget(self) -> None:
        """What was heard so far is of no interest."""
        self.heard.clear()

    def publish(
        self, stream_id: str, media: frozenset[Medium] = BOTH_MEDIA, extra_info: str | None = None, transport: str = "rtmp"
    ) -> Grant:
        return self.lobby.registry.publish(self.session, stream_id, media, extra_info, transport)

    def play(
        self, stream_id: str, media: frozenset[Medium] = BOTH_MEDIA, *, wait: bool = False, mode: PlayMode = PlayMode.RTC
    ) -> Grant:
        return self.lobby.registry.play(self.session, stream_id, media, mode, wait, "rtmp")

    def go_on_air(self, stream_id: str, media: frozenset[Medium] = BOTH_MEDIA) -> Grant:
        """Publishes, connects, and lets media arrive."""
        grant = self.publish(stream_id)
        self.lobby.connect(grant)
        self.lobby.registry.media_arrived(grant, media)
        return grant

    def leave(self, reason: Reason = Reason.STOPPED) -> None:
        self.lobby.registry.leave(self.session, reason)


class Lobby:
    """A registry with a still clock and a media plane that is only told."""

    def __init__(
        self,
        apps: dict[str, AppSettings] | None = None,
        signaling: SignalingSettings | None = None,
        media: MediaSettings | None = None,
    ) -> None:
        self.apps = apps or {"1": AppSettings(SECRET), "2": AppSettings(SECRET[::-1])}
        self.signaling = signaling or SignalingSettings(user_count_interval=A_DAY)
        self.media = media or MediaSettings()
        self.clock = Clock()
        self.timers = Timers(self.clock)
        ids = count(1)
        self.new_id: Callable[[], str] = lambda: f"id-{next(ids)}"
        self.signers = {app: KeySigner(settings.secret) for app, settings in self.apps.items()}
        self.grants = Grants(self.signers, self.media.key_ttl, self.clock.wall, self.new_id)
        self.journal: list[Record] = []
        self.hear: Callable[[Record], None] = keep_nothing
        """Hears what the journal is told, too."""
        self.registry = Registry(self.apps, self.signaling, self.media, self.grants, self.timers, self._record)
        self.talk = Talk(self.signaling, self.registry, self.clock, self.clock.wall)
        self.plane = Plane()
        self.registry.connect(self.plane)

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds, self.timers)

    def _record(self, fact: Record) -> None:
        self.journal.append(fact)
        self.hear(fact)

    def enter(
        self, user: str, room: str = "room", app: str = "1", *, user_update: bool = False, role: Role = Role.BROADCASTER,
        max_members: int = 0, may_publish: bool = True, streams: frozenset[str] | None = None,
    ) -> Guest:  # fmt: skip
        """A new session of the user. The guest hears from its first moment on."""
        session = Session(
            self.new_id(), app, Room(app, room), User(user, f"{user}'s name", role), user_update, lambda fact: None,
            may_publish, streams,
        )  # fmt: skip
        guest = Guest(self, session)
        session.deliver = guest.heard.append
        self.registry.join(session, max_members)
        return guest

    def request(self, grant: Grant, key: StreamKey | None = None) -> AccessRequest:
        """What a connection that was given the grant's address asks."""
        text = (key or self.grants.key(grant)).reveal()
        return AccessRequest(grant.action, grant.transport, encode_stream_id(grant.stream_id), text, "192.0.2.1")

    def connect(self, grant: Grant) -> Grant:
        """A connection with the grant's address is accepted."""
        admitted = self.registry.admit(self.request(grant))
        if admitted.action is Action.PUBLISH:
            self.registry.publisher_joined(admitted)
        else:
            self.registry.viewer_joined(admitted)
        return admitted

    def address(self, action: Action, stream_id: str, *, ttl: float = 300, app: str = "1", nonce: int = 0) -> AccessRequest:
        """What a connection with a signed address (no session behind it) asks."""
        key = self.signers[app].sign(
            app, action, stream_id, grant_id=None, user="studio", expires_at=self.clock.wall() + ttl,
            nonce=nonce.to_bytes(NONCE_BYTES, "big"),
        )  # fmt: skip
        return AccessRequest(action, "rtmp", encode_stream_id(stream_id), key.reveal(), "192.0.2.1")

    def leftovers(self) -> dict[str, int]:
        """The sizes of all books that are not empty, here and inside the registry."""
        books = {name: book for name, book in vars(self.registry).items() if isinstance(book, dict) and name != "_apps"}
        sizes = {name: len(book) for name, book in books.items()} | {"grants": len(self.grants), "timers": len(self.timers)}
        sizes["histories"] = len(self.registry.announcements)
        return {name: size for name, size in sizes.items() if size}
