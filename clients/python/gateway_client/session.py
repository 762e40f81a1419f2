"""Signaling: one session over one WebSocket at a time, for as long as the session lives.

A lost socket is replaced by itself: the session is resumed, and requests that were not answered are sent again with their old
ids, which the gateway answers without acting twice. What the messages mean is not known here.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import random
from contextlib import suppress
from typing import Any, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from .errors import LOGIN_AGAIN, LOGIN_TIMEOUT, RETRY_TIMEOUT, CallError

OPEN = 10.0
"""Seconds that a socket may take to open, and a login to be answered."""
REQUEST = 20.0
"""Seconds that a request may take, a loss of the socket included."""
PONG = 8.0
"""Seconds in which anything has to be heard after a ping: a socket whose other end has vanished stays open for minutes."""
BEAT = 0.7
"""The part of the heartbeat that the gateway asks for after which a ping is sent."""
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0
LARGEST = 1 << 20
"""Bytes of the largest message that is taken: the reply to a login in a crowded room."""

_log = logging.getLogger(__name__)


def pause(attempt: int, random_part: float) -> float:
    """Seconds to wait before attempt n (from 0): doubling, half of it random (0 to 1), so that not all return at once."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempt, 8)) * (0.5 + random_part / 2)


class Listener(Protocol):
    """Whoever wants to know. Called in order; nothing before the login's reply, nothing after `on_end`."""

    def on_login(self, result: dict[str, Any]) -> None:
        """The session has begun, goes on (`resumed`), or was lost and has begun anew: all there is, restated."""

    def on_event(self, method: str, params: dict[str, Any]) -> None: ...

    def on_lost(self, error: CallError) -> None:
        """The socket is lost; the session is being resumed."""

    def on_end(self, error: CallError | None) -> None:
        """The session is over, and not by one's own wish if there is an error."""

    def last_seq(self) -> int:
        """The last event of the room that was heard."""


class _Pending:
    """A request without an answer."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()


class Session:
    """One user in one room."""

    def __init__(self, url: str, listener: Listener, *, give_up_after: float = 20 * 60) -> None:
        """`url`: of the gateway's `/ws`. `give_up_after`: seconds for which a lost session is tried to be resumed."""
        self._url = url
        self._listener = listener
        self._give_up_after = give_up_after
        self._ids = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._socket: ClientConnection | None = None
        self._id = ""
        self._params: dict[str, Any] = {}
        self._heartbeat = 15.0
        self._sent_at = self._heard_at = 0.0
        self._entering: asyncio.Task[dict[str, Any]] | None = None
        self._task: asyncio.Task[None] | None = None
        self._random = random.Random()

    # What one may ask ----------------------------------------------------------------------------------------------

    async def login(self, deadline: float = 15.0, **params: Any) -> dict[str, Any]:
        """Logs in; tries again while that may help, for `deadline` seconds. Returns the reply. Raises CallError, also if
        `logout` or `close` comes first."""
        self._params = params
        self._entering = asyncio.create_task(self._log_in(deadline))
        try:
            return await self._entering
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) and task.cancelling():
                raise
            raise CallError(0, "SESSION_ENDED", retry="never") from None

    async def _log_in(self, deadline: float) -> dict[str, Any]:
        last = CallError(LOGIN_TIMEOUT, "LOGIN_TIMEOUT")
        try:
            async with asyncio.timeout(deadline):
                for attempt in itertools.count():
                    try:
                        result = await self._enter()
                        break
                    except CallError as error:
                        last = error
                        if error.retry == "never" or error.code not in LOGIN_AGAIN:
                            raise
                        await asyncio.sleep(self._pause(error, attempt))
        except TimeoutError:
            raise CallError(last.code or LOGIN_TIMEOUT, last.name, last.message) from None
        self._listener.on_login(result)
        self._task = asyncio.create_task(self._live())
        return result

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The method's result. Raises CallError."""
        if self._task is None or self._task.done():
            raise CallError(0, "SESSION_ENDED", retry="never")
        id = next(self._ids)
        pending = self._pending[id] = _Pending(_request(id, method, params))
        try:
            await self._send(pending.text)
            async with asyncio.timeout(REQUEST):
                return await pending.answer
        except TimeoutError:
            raise CallError(0, "TIMEOUT", method) from None
        finally:
            self._pending.pop(id, None)

    async def notify(self, method: str, **params: Any) -> None:
        """Says something that is not answered; lost if the socket is."""
        await self._send(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}))

    def renew_token(self, token: str) -> None:
        """The token for the next fresh login."""
        self._params["token"] = token

    async def logout(self) -> None:
        """Leaves, and tells the gateway if it can be told. Nothing is heard any more."""
        await self._enter_no_more()
        task, self._task = self._task, None
        if task is None or task.done():
            return
        if self._socket is not None:
            id = next(self._ids)
            pending = self._pending[id] = _Pending(_request(id, "logout", {}))
            try:
                await self._send(pending.text)
                async with asyncio.timeout(PONG):
                    await pending.answer
            except (TimeoutError, CallError):
                _log.info("logout was not answered")
        await self._stop(task)

    async def close(self) -> None:
        """Drops everything without a word, as a program that was killed would."""
        await self._enter_no_more()
        task, self._task = self._task, None
        if task is not None:
            await self._stop(task)

    async def _enter_no_more(self) -> None:
        """Ends a login that is going on."""
        if self._entering is not None and not self._entering.done():
            self._entering.cancel()
            await asyncio.wait([self._entering])

    async def _stop(self, task: asyncio.Task[None]) -> None:
        task.cancel()
        await asyncio.wait([task])
        self._fail(CallError(0, "SESSION_ENDED", retry="never"))
        if self._socket is not None:
            await self._socket.close()
            self._socket = None

    # The socket ----------------------------------------------------------------------------------------------------

    async def _enter(self) -> dict[str, Any]:
        """Opens a socket and logs in. Raises CallError."""
        resume = {"resume": {"sessionID": self._id, "lastSeq": self._listener.last_seq()}} if self._id else {}
        try:
            async with asyncio.timeout(OPEN):
                socket = await connect(self._url, proxy=None, ping_interval=None, max_size=LARGEST, close_timeout=2)
        except (OSError, TimeoutError, InvalidHandshake) as error:
            raise CallError(0, "UNREACHABLE", str(error)) from None
        except InvalidURI as error:
            raise CallError(0, "URL_INVALID", str(error), "never") from None
        try:
            result = await self._greet(socket, {**self._params, **resume})
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):  # it may be let in all the same, and nobody wants that any more
                with suppress(ConnectionClosed):
                    await socket.send(_request(next(self._ids), "logout", {}))
            await socket.close()
            raise
        self._socket, self._id, self._heartbeat = socket, result["sessionID"], result["heartbeatMs"] / 1000
        self._sent_at = self._heard_at = asyncio.get_running_loop().time()
        return result

    async def _greet(self, socket: ClientConnection, params: dict[str, Any]) -> dict[str, Any]:
        id = next(self._ids)
        try:
            async with asyncio.timeout(OPEN):
                await socket.send(_request(id, "login", params))
                while (message := json.loads(await socket.recv())).get("id") != id:
                    pass  # nothing is delivered before the reply
        except TimeoutError:
            raise CallError(LOGIN_TIMEOUT, "LOGIN_TIMEOUT") from None
        except ConnectionClosed as closed:
            raise _cause(closed) from None
        if "error" in message:
            raise CallError.of_reply(message["error"])
        result: dict[str, Any] = message["result"]
        return result

    async def _live(self) -> None:
        """Hears the gateway until the session's end, on one socket after the other."""
        try:
            while True:
                cause = await self._attend()
                if cause.retry == "never":
                    raise cause
                self._listener.on_lost(cause)
                await self._come_back(cause)
        except CallError as error:
            self._over(error)
        except Exception:
            _log.exception("the session cannot go on")
            self._over(CallError(0, "CLIENT_FAULT", retry="never"))

    def _over(self, error: CallError) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.transport.abort()
        self._fail(error)
        self._listener.on_end(error)

    async def _attend(self) -> CallError:
        """Hears one socket until it is lost. Returns why."""
        socket = self._socket
        assert socket is not None
        heart = asyncio.create_task(self._beat(socket))
        try:
            while True:
                text = await socket.recv()
                self._heard_at = asyncio.get_running_loop().time()
                self._receive(json.loads(text))
        except ConnectionClosed as closed:
            return _cause(closed)
        finally:
            heart.cancel()

    async def _come_back(self, cause: CallError) -> None:
        """Resumes the session, or begins it anew. Raises CallError if that is not possible any more."""
        self._socket = None
        waiting = list(self._pending.values())
        try:
            async with asyncio.timeout(self._give_up_after):
                for attempt in itertools.count():
                    await asyncio.sleep(self._pause(cause, attempt))
                    try:
                        result = await self._enter()
                        break
                    except CallError as error:
                        cause = error
                        if error.retry == "never":
                            raise
        except TimeoutError:
            raise CallError(RETRY_TIMEOUT, "RETRY_TIMEOUT", retry="never") from None
        if not result["resumed"]:  # what was asked of the old session has no meaning in this one
            for pending in waiting:
                _refuse(pending, CallError(0, "SESSION_LOST"))
        self._listener.on_login(result)
        for pending in list(self._pending.values()):
            if not pending.answer.done():
                await self._send(pending.text)

    def _pause(self, error: CallError, attempt: int) -> float:
        return error.after if error.after is not None else pause(attempt, self._random.random())

    async def _beat(self, socket: ClientConnection) -> None:
        """Says something often enough, and drops a socket on which nothing is heard, however much is said on it."""
        loop = asyncio.get_running_loop()
        while True:
            due = min(self._sent_at, self._heard_at) + BEAT * self._heartbeat
            if (now := loop.time()) < due:
                await asyncio.sleep(due - now)
                continue
            patience = min(PONG, BEAT * self._heartbeat)
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):  # a socket that is full takes nothing more
                    await self._send(_request(next(self._ids), "ping", {}))
            await asyncio.sleep(now + patience - loop.time())
            if self._heard_at < now:
                socket.transport.abort()
                return

    # Messages ------------------------------------------------------------------------------------------------------

    async def _send(self, text: str) -> None:
        """Sends now if there is a socket; a request is sent again when there is a new one."""
        if self._socket is None:
            return
        self._sent_at = asyncio.get_running_loop().time()
        try:
            await self._socket.send(text)
        except ConnectionClosed:
            pass  # whoever reads it knows, too

    def _receive(self, message: dict[str, Any]) -> None:
        if "method" in message:
            self._listener.on_event(message["method"], message.get("params") or {})
        elif (pending := self._pending.get(message["id"])) and not pending.answer.done():
            if "error" in message:
                pending.answer.set_exception(CallError.of_reply(message["error"]))
            else:
                pending.answer.set_result(message["result"])

    def _fail(self, error: CallError) -> None:
        for pending in self._pending.values():
            _refuse(pending, error)


def _refuse(pending: _Pending, error: CallError) -> None:
    if not pending.answer.done():
        pending.answer.set_exception(error)


def _request(id: int, method: str, params: dict[str, Any]) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params})


def _cause(closed: ConnectionClosed) -> CallError:
    return CallError.of_close(closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else CallError.of_close(None, "")
