"""Signaling without sockets: clients that talk to `Conversation`s in still time."""

from __future__ import annotations

import json
import random
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from gateway.addresses import Addresses
from gateway.auth.access import AccessRequest
from gateway.auth.tokens import make_token
from gateway.auth.turn import ice_servers
from gateway.config import AppSettings, SignalingSettings, WebRtcSettings
from gateway.errors import PEER_NOT_FOUND, SDP_INVALID, GatewayError
from gateway.signaling.close import CloseReason
from gateway.signaling.conversations import Signaling
from gateway.signaling.methods import Conversation, connect
from tests.support.lobby import A_DAY, SECRET, Lobby

DEBUG_APPS = {"1": AppSettings(SECRET, debug=True), "2": AppSettings(SECRET, debug=True)}
TOKEN_APPS = {"1": AppSettings(SECRET), "2": AppSettings(SECRET[::-1])}


def done(coroutine: Coroutine[Any, Any, None]) -> None:
    """Runs what is a coroutine by its form only: it never waits."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise AssertionError("it waited for something")


class Socket:
    """Keeps what it is given to send, and why it was closed. After that it takes nothing, as a real one."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.closed: tuple[CloseReason, int | None] | None = None

    def send(self, text: str) -> None:
        if self.closed is None:
            self.texts.append(text)

    def close(self, reason: CloseReason, after_ms: int | None = None) -> None:
        if self.closed is None:
            self.closed = (reason, after_ms)


@dataclass(frozen=True)
class Description:
    id: str
    sdp: str


UNREADABLE = "not a description"
"""An offer that nobody can read."""


class Peers:
    """WebRTC without media: it admits as the real one does, and what it is given is a description if it says `sdp`."""

    def __init__(self, lobby: Lobby) -> None:
        self.lobby = lobby
        self.asked: list[tuple[str, AccessRequest]] = []
        self.offered: dict[str, int] = {}
        """Offers to each player's connection."""
        self.accepted: list[tuple[str, str]] = []

    def check(self, offer: str) -> None:
        if offer == UNREADABLE:
            raise GatewayError(SDP_INVALID)

    async def publish(self, request: AccessRequest, offer: str) -> Description:
        return self._new("publish", request, offer)

    async def invite(self, request: AccessRequest) -> Description:
        made = self._new("invite", request, "sdp")
        return self._offer(made.id)

    async def restart_offer(self, id: str) -> Description:
        self._check(id)
        return self._offer(id)

    async def accept(self, id: str, answer: str) -> None:
        self._check(id)
        self._read(answer)
        self.accepted.append((id, answer))

    def gone(self, id: str) -> None:
        """The connection is no more."""
        del self.offered[id]

    def _new(self, wish: str, request: AccessRequest, offer: str) -> Description:
        self._read(offer)
        self.lobby.registry.admit(request)
        self.asked.append((wish, request))
        return Description(f"peer-{len(self.asked)}", f"answer {len(self.asked)} to {offer}")

    def _offer(self, id: str) -> Description:
        self.offered[id] = self.offered.get(id, 0) + 1
        return Description(id, f"offer {self.offered[id]} of {id}")

    def _check(self, id: str) -> None:
        if id not in self.offered:
            raise GatewayError(PEER_NOT_FOUND)

    @staticmethod
    def _read(sdp: str) -> None:
        if not sdp.startswith("sdp"):
            raise GatewayError(SDP_INVALID)


class House:
    """Signaling over a registry with a still clock."""

    def __init__(
        self, apps: dict[str, AppSettings] | None = None, webrtc: WebRtcSettings | None = None, **settings: Any
    ) -> None:
        self.lobby = Lobby(apps or DEBUG_APPS, SignalingSettings(**{"user_count_interval": A_DAY} | settings))
        self.timers, self.clock = self.lobby.timers, self.lobby.clock
        self.peers = Peers(self.lobby)
        self.signaling = Signaling(
            self.lobby.signaling, self.lobby.apps, self.lobby.registry, Addresses("ws://h/ws", "http://h", "rtmp://h"),
            self.peers, lambda user: ice_servers(webrtc or WebRtcSettings(), user, self.clock.wall()),
            self.timers, self.clock, self.clock.wall, self.lobby.new_id, random.Random(1),
        )  # fmt: skip

    def advance(self, seconds: float) -> None:
        self.lobby.advance(seconds)

    def client(self, address: str = "192.0.2.1", *, instead_of: Client | None = None) -> Client:
        """A client whose socket has just been opened. `instead_of`: the same client's older one, whose ids go on."""
        socket = Socket()
        conversation = connect(self.signaling, socket, address)
        assert conversation is not None
        return Client(self, socket, conversation, instead_of.last_id if instead_of else 0)

    def login(self, user: str, room: str = "room", **params: Any) -> Client:
        """A client that has logged in."""
        client = self.client()
        client.login(user, room, **params)
        return client

    def token(self, user: str, *, app: str = "1", ttl: float = 3600, **claims: Any) -> str:
        """A join token that begins now."""
        return make_token(self.lobby.apps[app].secret, app, user, now=self.clock.wall(), ttl=ttl, **claims)

    def leftovers(self) -> dict[str, int]:
        """The sizes of all books that are not empty."""
        signaling = self.signaling
        sizes = {
            "sessions": len(signaling.sessions.by_id), "users": len(signaling.sessions.by_user),
            "sockets": len(signaling.conversations),
            "waiting": len(signaling._waiting),
        }  # fmt: skip
        return {name: size for name, size in sizes.items() if size} | self.lobby.leftovers()


class Client:
    """One client on one socket."""

    def __init__(self, house: House, socket: Socket, conversation: Conversation, last_id: int) -> None:
        self.house = house
        self.socket = socket
        self.conversation = conversation
        self.session: str = ""
        self.last_id = last_id
        self._taken = 0

    def send(self, frame: str | bytes) -> list[Any]:
        """Sends a frame as it is. Returns the messages that came back at once."""
        before = len(self.socket.texts)
        done(self.conversation.receive(frame))
        return [json.loads(text) for text in self.socket.texts[before:]]

    def ask(self, method: str, params: dict[str, Any] | None = None, *, id: int | str | None = None) -> Any:
        """Sends a request and returns its reply, which has to come before anything else."""
        if id is None:
            self.last_id += 1
            id = self.last_id
        message = {"jsonrpc": "2.0", "id": id, "method": method} | ({} if params is None else {"params": params})
        reply, *_ = self.send(json.dumps(message))
        assert reply["jsonrpc"] == "2.0"
        assert reply["id"] == id
        return reply

    def result(self, method: str, **params: Any) -> Any:
        """Sends a request that has to succeed. Returns its result."""
        reply = self.ask(method, params)
        assert "error" not in reply, reply
        return reply["result"]

    def error(self, method: str, **params: Any) -> int:
        """Sends a request that has to fail. Returns the error's number."""
        reply = self.ask(method, params)
        assert "result" not in reply, reply
        number: int = reply["error"]["code"]
        return number

    def login(self, user: str, room: str = "room", **params: Any) -> Any:
        """Logs in, with success."""
        result = self.result("login", **{"appID": 1, "roomID": room, "userID": user} | params)
        self.session = result["sessionID"]
        self.events()
        return result

    def events(self) -> list[tuple[str, Any]]:
        """The events since the last call: name and parameters."""
        messages = [json.loads(text) for text in self.socket.texts[self._taken :]]
        self._taken = len(self.socket.texts)
        return [(message["method"], message["params"]) for message in messages if "method" in message]

    def gone(self) -> None:
        """The socket is lost."""
        self.conversation.lost()

    @property
    def closed(self) -> CloseReason | None:
        """Why the server closed the socket; None: it did not."""
        return self.socket.closed[0] if self.socket.closed else None
