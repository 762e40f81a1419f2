"""A real gateway on free loopback ports, and a client that speaks signaling over a real WebSocket."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from gateway.addresses import Addresses
from gateway.app import Gateway
from gateway.auth.tokens import make_token
from gateway.config import AppSettings, Config, ListenSettings, MediaSettings, RtmpSettings, SignalingSettings

APP = "1"
SECRET = "a secret of the tests, long enough for them"
OTHER_APP = "2"
DEADLINE = 30.0
"""Seconds that anything may take at most, on a machine that has more to do: patience, which promises nothing."""

Event = dict[str, Any]


def config(
    *,
    media: dict[str, Any] | None = None,
    rtmp: dict[str, Any] | None = None,
    signaling: dict[str, Any] | None = None,
    **rest: Any,
) -> Config:
    """Settings for tests: free ports, two apps, and whatever is given."""
    listen = ListenSettings(host="127.0.0.1", port=0, rtmp_port=0, udp_port=0, public_host="127.0.0.1")
    return Config(
        media=dataclasses.replace(MediaSettings(), **media or {}),
        rtmp=dataclasses.replace(RtmpSettings(), **rtmp or {}),
        signaling=dataclasses.replace(SignalingSettings(), **signaling or {}),
        apps={APP: AppSettings(SECRET), OTHER_APP: AppSettings(SECRET[::-1])},
        **{"listen": listen, "shutdown_grace": 3.0, "shutdown_spread": 1.0, **rest},
    )


@asynccontextmanager
async def running(settings: Config | None = None) -> AsyncIterator[Gateway]:
    gateway = Gateway(settings or config())
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()


class Reachable(Protocol):
    """What a client needs to know of a gateway, wherever it runs."""

    @property
    def addresses(self) -> Addresses: ...

    config: Config


class RemoteError(Exception):
    """An error reply."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error)
        self.code: int = error["code"]
        self.data: dict[str, Any] = error["data"]


class Client:
    """One user's signaling."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.events: list[Event] = []
        """Every event so far, in order, as {"method", "params", "at"}."""
        self._ids = itertools.count(1)
        self._replies: dict[int, asyncio.Future[Any]] = {}
        self._news = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())
        self.login_result: dict[str, Any] = {}

    @classmethod
    async def login(
        cls, gateway: Reachable, user: str, room: str = "room", app: str = APP, *, instead_of: Client | None = None,
        tls: ssl.SSLContext | None = None, **params: Any,
    ) -> Client:  # fmt: skip
        """A logged-in user; `token` is made unless given. `instead_of`: the same user's lost socket, whose session goes on."""
        client = cls(await connect(gateway.addresses.ws, proxy=None, ssl=tls, open_timeout=DEADLINE))
        if instead_of:
            client._ids = instead_of._ids
            params["resume"] = {"sessionID": instead_of.login_result["sessionID"], "lastSeq": 0}
        secret = gateway.config.apps[app].secret
        params.setdefault("token", make_token(secret, app, user, now=time.time(), ttl=3600))
        client.login_result = await client.call("login", appID=app, roomID=room, userID=user, **params)
        return client

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The method's result. Raises RemoteError."""
        id = next(self._ids)
        reply = self._replies[id] = asyncio.get_running_loop().create_future()
        await self.socket.send(json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
        async with asyncio.timeout(DEADLINE):
            return await reply

    async def event(self, method: str, check: Callable[[dict[str, Any]], bool] = lambda params: True, since: int = 0) -> Event:
        """The first event like this, from the past (counted from `since`) or the future."""
        seen = since
        async with asyncio.timeout(DEADLINE), self._news:
            while True:
                for event in self.events[seen:]:
                    if event["method"] == method and check(event["params"]):
                        return event
                seen = len(self.events)
                await self._news.wait()

    def heard(self, method: str, **members: Any) -> list[Event]:
        """Every event so far with these members."""
        return [
            event
            for event in self.events
            if event["method"] == method and all(event["params"].get(name) == value for name, value in members.items())
        ]

    async def close(self) -> None:
        await self.socket.close()
        await self._reader

    async def _read(self) -> None:
        try:
            async for text in self.socket:
                message = json.loads(text)
                if "method" in message:
                    async with self._news:
                        self.events.append({**message, "at": time.monotonic()})
                        self._news.notify_all()
                elif waiting := self._replies.pop(message["id"], None):
                    if waiting.done():  # whoever asked does not wait any more
                        pass
                    elif "error" in message:
                        waiting.set_exception(RemoteError(message["error"]))
                    else:
                        waiting.set_result(message["result"])
        except ConnectionClosed:
            pass  # the code and the reason stand in the socket
        finally:
            for waiting in self._replies.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionError(f"closed {self.socket.close_code} {self.socket.close_reason}"))


def url_of(result: dict[str, Any], protocol: str = "rtmp") -> str:
    """The address for a protocol out of a reply to `publish` or `play`."""
    return next(address["url"] for address in result["urls"] if address["protocol"] == protocol)
