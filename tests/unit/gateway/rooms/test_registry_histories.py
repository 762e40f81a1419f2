"""Random histories of rooms: whatever happens, what is told fits together, and nothing is left behind.

An invisible listener sits in each room and hears everything. From what it hears, who is there and which streams are on
air is known at every moment; it has to be what the registry says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.auth.access import AccessRequest, Action
from gateway.errors import CODEC_UNSUPPORTED, GatewayError
from gateway.rooms.events import (
    CustomCommand,
    RoleChanged,
    RoomEvent,
    RoomExtraInfoChanged,
    StreamAdded,
    StreamExtraInfoChanged,
    StreamMuted,
    StreamRemoved,
    StreamUpdated,
    TextSent,
    UserJoined,
    UserLeft,
)
from gateway.rooms.model import Grant, Medium, Reason, Role, Session, StreamView
from gateway.rooms.record import EventRecord, GrantEnded, GrantRecord, RoomEnded, RoomRecord, SessionEnded, SessionRecord
from tests.support.lobby import Guest, Lobby, Plane

USERS = st.sampled_from(["ann", "bob", "cat", "dan"])
ROOMS = st.sampled_from(["r", "q"])
STREAMS = st.sampled_from(["s", "t", "u"])
MEDIA = st.sets(st.sampled_from(list(Medium)), min_size=1).map(frozenset)
PICK = st.integers(0, 1000)


@dataclass(eq=False)
class Pusher:
    """A publishing connection."""

    grant: Grant


class Connections(Plane):
    """The media side in small: one publisher per stream, any number of viewers, and the registry told as it should be."""

    def __init__(self, lobby: Lobby) -> None:
        super().__init__()
        self.lobby = lobby
        self.pushers: dict[tuple[str, str], Pusher] = {}
        self.viewers: list[Grant] = []

    def push(self, request: AccessRequest) -> None:
        registry = self.lobby.registry
        grant = registry.admit(request)
        older = self.pushers.pop((grant.app, grant.stream_id), None)
        if older is not None:
            registry.publisher_lost(older.grant)
            grant = registry.admit(request)
        self.pushers[grant.app, grant.stream_id] = Pusher(grant)
        registry.publisher_joined(grant)

    def pull(self, request: AccessRequest) -> None:
        grant = self.lobby.registry.admit(request)
        self.viewers.append(grant)
        self.lobby.registry.viewer_joined(grant)

    def cut(self, grant: Grant, error: GatewayError) -> None:
        if (pusher := self.pushers.get((grant.app, grant.stream_id))) and pusher.grant is grant:
            del self.pushers[grant.app, grant.stream_id]
        while grant in self.viewers:
            self.viewers.remove(grant)
            self.lobby.registry.viewer_left(grant, error)


@dataclass
class Room:
    """What the listener in one room knows."""

    listener: Guest
    first_record: int
    """Where the journal of this room begins."""
    users: set[str] = field(default_factory=set)
    streams: dict[str, StreamView] = field(default_factory=dict)
    """What is on air, as it was told last."""
    taken: int = 0
    """Facts that were looked at."""
    last_seq: int = 0


class Histories(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.lobby = Lobby()
        self.media = Connections(self.lobby)
        self.lobby.registry.connect(self.media)
        self.rooms: dict[str, Room] = {}
        self.guests: dict[str, Guest] = {}
        self.addresses: list[AccessRequest] = []
        self.last_seq: dict[Guest, int] = {}

    # What clients do -----------------------------------------------------------------------------------------------

    @rule(user=USERS, room=ROOMS, user_update=st.booleans(), audience=st.booleans())
    def joins(self, user: str, room: str, user_update: bool, audience: bool) -> None:
        if user in self.guests:
            self.leave(user)
        if room not in self.rooms:
            begin = len(self.lobby.journal)
            listener = self.lobby.enter("(listener)", room, role=Role.AUDIENCE, user_update=True)
            self.rooms[room] = Room(listener, begin)
        role = Role.AUDIENCE if audience else Role.BROADCASTER
        self.guests[user] = guest = self.lobby.enter(user, room, user_update=user_update, role=role)
        self.last_seq[guest] = guest.session.room.seq

    @precondition(lambda self: self.guests)
    @rule(pick=PICK)
    def leaves(self, pick: int) -> None:
        self.leave(self.guest(pick).session.user.id)

    def leave(self, user: str) -> None:
        guest = self.guests.pop(user)
        guest.leave(Reason.SAME_USER)
        room = self.rooms[guest.session.room.id]
        if len(guest.session.room.sessions) == 1:
            self.listener_fits_together(room)
            assert (room.users, room.streams) == (set(), {})
            room.listener.leave()
            del self.rooms[guest.session.room.id]

    @precondition(lambda self: self.guests)
    @rule(
        pick=PICK, stream=STREAMS, media=MEDIA, extra_info=st.sampled_from([None, "", "x"]),
        transport=st.sampled_from(["rtmp", "webrtc"]),
    )  # fmt: skip
    def publishes(self, pick: int, stream: str, media: frozenset[Medium], extra_info: str | None, transport: str) -> None:
        try:
            grant = self.guest(pick).publish(stream, media, extra_info, transport)
        except GatewayError:
            return
        self.addresses.append(self.lobby.request(grant))

    @precondition(lambda self: self.guests)
    @rule(pick=PICK, stream=STREAMS, media=MEDIA)
    def goes_on_air(self, pick: int, stream: str, media: frozenset[Medium]) -> None:
        try:
            grant = self.guest(pick).publish(stream)
            self.media.push(self.lobby.request(grant))
        except GatewayError:
            return
        self.lobby.registry.media_arrived(grant, media)

    @precondition(lambda self: self.guests)
    @rule(pick=PICK, stream=STREAMS, wait=st.booleans())
    def plays(self, pick: int, stream: str, wait: bool) -> None:
        try:
            grant = self.guest(pick).play(stream, wait=wait)
        except GatewayError:
            return
        self.addresses.append(self.lobby.request(grant))

    @precondition(lambda self: self.lobby.registry.streams)
    @rule(pick=PICK, media=MEDIA)
    def unpublishes(self, pick: int, media: frozenset[Medium]) -> None:
        if own := self.own_stream(pick):
            self.lobby.registry.unpublish(*own, media)

    @precondition(lambda self: self.lobby.registry.streams)
    @rule(pick=PICK, medium=st.sampled_from(list(Medium)), muted=st.booleans())
    def mutes(self, pick: int, medium: Medium, muted: bool) -> None:
        if own := self.own_stream(pick):
            self.lobby.registry.mute(*own, {medium: muted})

    @precondition(lambda self: self.guests)
    @rule(pick=PICK, stream=STREAMS, media=MEDIA)
    def stops(self, pick: int, stream: str, media: frozenset[Medium]) -> None:
        self.lobby.registry.stop(self.guest(pick).session, stream, media)

    @precondition(lambda self: self.guests)
    @rule(pick=PICK, role=st.sampled_from(list(Role)))
    def changes_role(self, pick: int, role: Role) -> None:
        guest = self.guest(pick)
        self.lobby.registry.set_role(guest.session, role)
        assert role is Role.BROADCASTER or not guest.session.publishing

    @precondition(lambda self: self.guests)
    @rule(pick=PICK, may_publish=st.booleans(), streams=st.none() | st.frozensets(STREAMS))
    def has_other_rights(self, pick: int, may_publish: bool, streams: frozenset[str] | None) -> None:
        session = self.guest(pick).session
        self.lobby.registry.set_rights(session, may_publish, streams, None)
        assert all(session.may_publish_stream(stream) for stream in session.publishing)

    @precondition(lambda self: self.guests)
    @rule(pick=PICK, stream=STREAMS, text=st.sampled_from(["", "x", "y"]))
    def says_something_of_a_stream(self, pick: int, stream: str, text: str) -> None:
        session = self.guest(pick).session
        if stream in session.publishing:
            self.lobby.registry.set_stream_extra_info(session, stream, text)

    @precondition(lambda self: self.guests)
    @rule(pick=PICK, to=st.lists(USERS, max_size=2, unique=True), value=st.sampled_from(["", "x"]))
    def talks(self, pick: int, to: list[str], value: str) -> None:
        session, talk = self.guest(pick).session, self.lobby.talk
        sayings = (
            partial(talk.broadcast, session, "hi"), partial(talk.command, session, "hi", to),
            partial(talk.set_room_extra_info, session, "key", value),
        )  # fmt: skip
        for say in sayings:
            try:
                say()
            except GatewayError:
                continue
        talk.barrage(session, "hi")

    @rule(stream=STREAMS)
    def stream_is_forbidden(self, stream: str) -> None:
        if not self.lobby.registry.resume_stream("1", stream):
            self.lobby.registry.forbid_stream("1", stream)
            assert ("1", stream) not in self.lobby.registry.streams
            assert not any(grant.stream_id == stream for grant in self.media.viewers if grant.session)

    def guest(self, pick: int) -> Guest:
        return list(self.guests.values())[pick % len(self.guests)]

    def own_stream(self, pick: int) -> tuple[Session, str] | None:
        """A stream and its session; None if it has none."""
        streams = list(self.lobby.registry.streams.values())
        stream = streams[pick % len(streams)]
        return (stream.grant.session, stream.id) if stream.grant.session else None

    # What media connections do -------------------------------------------------------------------------------------

    @rule(action=st.sampled_from(list(Action)), stream=STREAMS, nonce=st.integers(0, 1))
    def uses_a_signed_address(self, action: Action, stream: str, nonce: int) -> None:
        self.addresses.append(self.lobby.address(action, stream, nonce=nonce))
        self.connects(0)

    @precondition(lambda self: self.addresses)
    @rule(pick=PICK)
    def connects(self, pick: int) -> None:
        request = self.addresses[-1 - pick % len(self.addresses)]
        try:
            if request.action is Action.PUBLISH:
                self.media.push(request)
            else:
                self.media.pull(request)
        except GatewayError:
            pass

    @precondition(lambda self: self.media.pushers)
    @rule(pick=PICK, media=MEDIA)
    def media_arrive(self, pick: int, media: frozenset[Medium]) -> None:
        self.lobby.registry.media_arrived(self.pusher(pick).grant, media)

    @precondition(lambda self: self.media.pushers)
    @rule(pick=PICK)
    def publisher_is_lost(self, pick: int) -> None:
        self.lobby.registry.publisher_lost(self.pusher(pick, gone=True).grant)

    @precondition(lambda self: self.media.pushers)
    @rule(pick=PICK, refused=st.booleans())
    def publisher_ends(self, pick: int, refused: bool) -> None:
        error = GatewayError(CODEC_UNSUPPORTED) if refused else None
        self.lobby.registry.publisher_left(self.pusher(pick, gone=True).grant, error)

    @precondition(lambda self: self.media.viewers)
    @rule(pick=PICK)
    def viewer_goes(self, pick: int) -> None:
        self.lobby.registry.viewer_left(self.media.viewers.pop(pick % len(self.media.viewers)), None)

    @rule(seconds=st.sampled_from([1, 10, 14, 15, 301]))
    def time_passes(self, seconds: int) -> None:
        on_air = [name for name, stream in self.lobby.registry.streams.items() if stream.announced and name in self.media.pushers]
        self.lobby.advance(seconds)
        assert all(self.lobby.registry.streams[name].announced for name in on_air), "time ends no stream that has its publisher"

    def pusher(self, pick: int, *, gone: bool = False) -> Pusher:
        name = list(self.media.pushers)[pick % len(self.media.pushers)]
        return self.media.pushers.pop(name) if gone else self.media.pushers[name]

    # What always holds ---------------------------------------------------------------------------------------------

    @invariant()
    def what_is_told_fits_together(self) -> None:
        for room in self.rooms.values():
            self.listener_fits_together(room)

    def listener_fits_together(self, room: Room) -> None:
        listener = room.listener
        for event in listener.heard[room.taken :]:
            assert event.seq > room.last_seq
            room.last_seq = event.seq
            follow(room, event)
        room.taken = len(listener.heard)
        real = listener.session.room
        told = [record.event for record in self.lobby.journal[room.first_record :] if isinstance(record, EventRecord)]
        of_room = [event.seq for event in told if event.room_id == real.id]
        assert of_room == list(range(1, real.seq + 1)), "numbered without a gap"
        assert room.users == {user.id for user in real.others("(listener)")}
        assert room.streams == {view.stream_id: view for view in real.streams_for("(listener)")}

    @invariant()
    def each_hears_what_is_for_it(self) -> None:
        for guest in self.guests.values():
            events = guest.events
            guest.forget()
            for event in events:
                assert (event.actor != guest.session.user.id) is not isinstance(event, RoleChanged), "nobody hears of oneself"
                assert not isinstance(event, CustomCommand) or not event.to or guest.session.user.id in event.to
                assert event.room_id == guest.session.room.id
                assert event.seq > self.last_seq[guest], "strictly growing"
                assert guest.session.user_update or not isinstance(event, UserJoined | UserLeft)
                self.last_seq[guest] = event.seq

    @invariant()
    def connections_are_counted(self) -> None:
        for grant in {*self.media.viewers, *(pusher.grant for pusher in self.media.pushers.values())}:
            if grant.action is Action.PLAY:
                assert grant.connections == self.media.viewers.count(grant)

    def teardown(self) -> None:
        for user in list(self.guests):
            self.leave(user)
        while self.media.pushers:
            self.publisher_is_lost(0)
        while self.media.viewers:
            self.viewer_goes(0)
        for stream in ("s", "t", "u"):
            self.lobby.registry.resume_stream("1", stream)
        self.lobby.advance(60)
        assert (self.rooms, self.lobby.leftovers()) == ({}, {})
        self.journal_is_balanced()

    def journal_is_balanced(self) -> None:
        """Every room, session and grant that began has ended, and nothing ended that had not begun."""
        began = [record.id for record in self.lobby.journal if isinstance(record, SessionRecord | GrantRecord)]
        ended = [record.id for record in self.lobby.journal if isinstance(record, SessionEnded | GrantEnded)]
        assert set(began) == set(ended)
        rooms: set[str] = set()
        for record in self.lobby.journal:
            if isinstance(record, RoomRecord):
                rooms.add(record.room_id)
            elif isinstance(record, RoomEnded):
                rooms.remove(record.room_id)
        assert not rooms


def follow(room: Room, event: RoomEvent) -> None:
    """Keeps the listener's view of the room: each ADD is followed by one DELETE, the rest happens in between."""
    match event:
        case UserJoined():
            assert event.user.id not in room.users
            room.users.add(event.user.id)
        case UserLeft():
            room.users.remove(event.user.id)
            assert event.user.id not in {view.user_id for view in room.streams.values()}
        case StreamAdded():
            assert event.stream.stream_id not in room.streams
            assert event.stream.user_id in room.users
            assert event.stream.media
            room.streams[event.stream.stream_id] = event.stream
        case StreamUpdated() | StreamMuted() | StreamExtraInfoChanged():
            assert event.stream != room.streams[event.stream.stream_id], "an update changes something"
            room.streams[event.stream.stream_id] = event.stream
        case StreamRemoved():
            del room.streams[event.stream.stream_id]
        case TextSent() | RoomExtraInfoChanged():
            pass
        case _:
            raise AssertionError(f"a listener does not hear {event}")


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
