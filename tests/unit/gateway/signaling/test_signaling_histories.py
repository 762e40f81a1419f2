"""Random histories of sessions: sockets come, break and come back, users are replaced and put out, rooms are closed.

Whatever happens: each join has one leave, a client hears every event that is for it once and in order, also across lost
sockets, and nothing is left behind.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.config import AppSettings
from gateway.rooms.events import UserJoined, UserLeft
from gateway.rooms.model import BOTH_MEDIA
from gateway.rooms.record import EventRecord, GrantEnded, GrantRecord, RoomEnded, SessionEnded, SessionRecord
from gateway.signaling.close import CloseReason
from gateway.signaling.session import Phase
from tests.support.lobby import SECRET
from tests.support.talk import Client, House

APPS = {"1": AppSettings(SECRET, token_expiry="kick")}
USERS = st.sampled_from(["ann", "bob", "cat", "dan"])
ROOMS = st.sampled_from(["r", "q"])
STREAMS = st.sampled_from(["s", "t"])
PICK = st.integers(0, 1000)
NEVER_BACK = {
    CloseReason.KICKED_BY_SAME_USER: 1002050, CloseReason.KICKED: 1002055, CloseReason.ROOM_CLOSED: 1002055,
    CloseReason.KICKED_TOKEN_EXPIRED: 1002056,
}  # fmt: skip
"""Ways of being put out, and what one is answered who wants to go on."""


@dataclass(eq=False)
class Person:
    """One session as its client sees it, over all its sockets."""

    user: str
    room: str
    client: Client
    last_seq: int
    heard: list[str] = field(default_factory=list)
    """Texts of broadcast messages."""
    said_before: int = 0
    """Broadcast messages of the room before it came."""
    last_word: tuple[str, Any] = ("", None)
    """The newest event."""
    lost_at: float | None = None
    """Since when it has no socket."""


class Sessions(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.house = House(APPS, requests_per_second=1e5, requests_burst=10_000, broadcasts_per_user=1e5, broadcasts_per_room=1e5)
        self.people: list[Person] = []
        self.said: dict[str, list[tuple[str, str]]] = {"r": [], "q": []}
        """Broadcast messages of each room, with their sender."""
        self.count = 0

    # What clients do -----------------------------------------------------------------------------------------------

    @rule(user=USERS, room=ROOMS, role=st.sampled_from(["broadcaster", "audience"]), ttl=st.sampled_from([40, 400]))
    def logs_in(self, user: str, room: str, role: str, ttl: int) -> None:
        client = self.house.client()
        token = self.house.token(user, ttl=ttl)
        reply = client.ask(
            "login", {"appID": 1, "roomID": room, "userID": user, "role": role, "token": token, "userUpdate": True}
        )["result"]
        client.session = reply["sessionID"]
        person = Person(user, room, client, reply["seq"], said_before=len(self.said[room]))
        self.listen()
        self.people.append(person)

    @precondition(lambda self: self.attached)
    @rule(pick=PICK)
    def logs_out(self, pick: int) -> None:
        person = self.one_of(self.attached, pick)
        person.client.result("logout")
        person.client.gone()
        self.people.remove(person)
        assert self.answer_to(person) == 1000002

    @precondition(lambda self: self.attached)
    @rule(pick=PICK)
    def socket_breaks(self, pick: int) -> None:
        person = self.one_of(self.attached, pick)
        person.client.gone()
        person.lost_at = self.house.clock.now

    @precondition(lambda self: self.people)
    @rule(pick=PICK)
    def comes_back(self, pick: int) -> None:
        """Its socket may be lost, or only half open."""
        person = self.one_of(self.people, pick)
        older, lost = person.client, person.lost_at is not None
        again = self.house.client(instead_of=older)
        again.session = older.session
        reply = self.resumption(person, again)
        assert reply["resumed"] is True
        assert reply["sessionID"] == older.session
        if not lost:
            assert older.closed is CloseReason.RESUMED_ELSEWHERE
            older.gone()
        person.client, person.lost_at = again, None
        self.listen()
        assert person.last_seq <= reply["seq"]
        person.last_seq = reply["seq"]

    @precondition(lambda self: self.attached)
    @rule(pick=PICK, stream=STREAMS)
    def publishes(self, pick: int, stream: str) -> None:
        person = self.one_of(self.attached, pick)
        if "result" in person.client.ask("publish", {"streamID": stream}):
            grant = self.house.lobby.registry.streams["1", stream].grant
            if not grant.connections:
                self.house.lobby.connect(grant)
            self.house.lobby.registry.media_arrived(grant, BOTH_MEDIA)

    @precondition(lambda self: self.attached)
    @rule(pick=PICK, stream=STREAMS)
    def plays(self, pick: int, stream: str) -> None:
        self.one_of(self.attached, pick).client.ask("play", {"streamID": stream, "wait": True})

    @precondition(lambda self: self.attached)
    @rule(pick=PICK, role=st.sampled_from(["broadcaster", "audience"]))
    def changes_role(self, pick: int, role: str) -> None:
        self.one_of(self.attached, pick).client.result("setRole", role=role)

    @precondition(lambda self: self.attached)
    @rule(pick=PICK)
    def speaks(self, pick: int) -> None:
        person = self.one_of(self.attached, pick)
        self.count += 1
        person.client.result("sendBroadcastMessage", message=f"{self.count}")
        self.said[person.room].append((person.user, f"{self.count}"))

    # What others do ------------------------------------------------------------------------------------------------

    @rule(user=USERS)
    def is_kicked(self, user: str) -> None:
        there = sum(person.user == user for person in self.people)
        assert self.house.signaling.sessions.kick("1", user) == there

    @rule(room=ROOMS)
    def is_closed(self, room: str) -> None:
        there = sum(person.room == room for person in self.people)
        assert self.house.signaling.sessions.close_room("1", room) == there

    @rule(stream=STREAMS)
    def stream_is_forbidden(self, stream: str) -> None:
        self.house.lobby.registry.forbid_stream("1", stream)
        self.house.lobby.registry.resume_stream("1", stream)

    @rule(seconds=st.sampled_from([1, 20, 89]))
    def time_passes(self, seconds: int) -> None:
        """Those who have a socket go on sending something."""
        for _ in range(seconds):
            self.house.advance(1)
            self.put_out()
            for person in self.attached:
                person.client.send('{"jsonrpc":"2.0","method":"ping"}')

    # What always holds ---------------------------------------------------------------------------------------------

    @invariant()
    def everyone_hears_what_is_for_it(self) -> None:
        self.put_out()
        self.listen()
        for person in self.attached:
            since = self.said[person.room][person.said_before :]
            assert person.heard == [text for user, text in since if user != person.user]

    @invariant()
    def the_books_fit_together(self) -> None:
        sessions = self.house.signaling.sessions
        assert set(sessions.by_id) == {person.client.session for person in self.people}
        assert len(sessions.by_user) == len(self.people)
        phases = {id: attachment.phase for id, attachment in sessions.by_id.items()}
        assert phases == {
            person.client.session: Phase.ATTACHED if person.lost_at is None else Phase.DETACHED for person in self.people
        }

    def listen(self) -> None:
        """Takes in what has come: events of the room in order, and only once."""
        for person in self.attached:
            for name, event in person.client.events():
                person.last_word = name, event
                if (seq := event.get("seq")) is not None:
                    assert seq > person.last_seq, (name, event)
                    person.last_seq = seq
                if name == "broadcastMessage":
                    person.heard.append(event["message"])

    def put_out(self) -> None:
        """Forgets those whose session has ended by another's hand; none of them may come back."""
        now = self.house.clock.now
        for person in list(self.people):
            if person.lost_at is None and person.client.closed is not None:
                self.listen()
                name, last = person.last_word
                assert (name in ("kicked", "roomClosed"), last["code"]) == (True, NEVER_BACK[person.client.closed])
                person.client.gone()
                self.people.remove(person)
                assert self.answer_to(person) == last["code"]
            elif person.lost_at is not None and person.client.session not in self.house.signaling.sessions.by_id:
                assert self.answer_to(person) in NEVER_BACK.values() or now - person.lost_at >= 90
                self.people.remove(person)

    def answer_to(self, person: Person) -> int | None:
        """The reason why a session cannot go on; None: it is forgotten, and a fresh one would begin."""
        client = self.house.client()
        resume = {"sessionID": person.client.session, "lastSeq": person.last_seq}
        reply = client.ask("login", {"appID": 1, "roomID": person.room, "userID": person.user, "resume": resume})
        client.gone()
        number: int = reply["error"]["code"]
        return None if number == 1002067 else number

    def resumption(self, person: Person, client: Client) -> Any:
        resume = {"sessionID": client.session, "lastSeq": person.last_seq}
        return client.ask("login", {"appID": 1, "roomID": person.room, "userID": person.user, "resume": resume})["result"]

    @property
    def attached(self) -> list[Person]:
        return [person for person in self.people if person.lost_at is None]

    @staticmethod
    def one_of(people: list[Person], pick: int) -> Person:
        return people[pick % len(people)]

    def teardown(self) -> None:
        for person in self.attached:
            person.client.gone()
        self.house.advance(90)
        assert self.house.leftovers() == {}
        journal = self.house.lobby.journal
        began = {record.id for record in journal if isinstance(record, SessionRecord | GrantRecord)}
        ended = Counter(record.id for record in journal if isinstance(record, SessionEnded | GrantEnded))
        assert ended == Counter(dict.fromkeys(began, 1)), "each that began has ended once"
        users: set[tuple[str, str]] = set()
        seqs: dict[str, int] = {}
        for record in journal:
            if isinstance(record, EventRecord):
                room_id, event = record.event.room_id, record.event
                assert event.seq == seqs.get(room_id, 0) + 1, "the room's sequence has no gap"
                seqs[room_id] = event.seq
                if isinstance(event, UserJoined):
                    assert (room_id, event.user.id) not in users
                    users.add((room_id, event.user.id))
                elif isinstance(event, UserLeft):
                    users.remove((room_id, event.user.id))
            elif isinstance(record, RoomEnded):
                assert seqs.pop(record.room_id, 0) == record.seq
        assert (users, seqs) == (set(), {})


TestSessions = Sessions.TestCase
TestSessions.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
