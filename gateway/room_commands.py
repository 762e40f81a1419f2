"""`gateway room list|close|kick`: what operators do to a running gateway's rooms, by its server API.

The key is taken from the environment, where other users of the machine do not see it, and goes to the named address only:
neither through a proxy nor where a redirect points.
"""

from __future__ import annotations

import argparse
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from gateway.config.values import ConfigError
from gateway.errors import GatewayError
from gateway.rooms.model import ROOM_ID, USER_ID

KEY_VARIABLE = "GATEWAY_API_KEY"
_DEADLINE = 10.0
"""Seconds that a reply may take."""
_PAGE = 200
_ATTEMPTS = 10
"""How often a request is made that comes too fast."""
_MOST = 1024 * 1024
"""Bytes of an error that are read."""


class RefusedError(Exception):
    """The gateway refused, or was not reached. The text is one line for the operator."""


def add_room_commands(parser: argparse.ArgumentParser) -> None:
    """Gives the command `room` its own commands."""
    commands = parser.add_subparsers(dest="deed", required=True, metavar="list|close|kick")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        made.add_argument("--url", type=_base, default="http://127.0.0.1:8080", help="where the gateway is (default %(default)s)")
        made.add_argument("--app", required=True)
        return made

    command("list", "Print the app's rooms: roomID, number of users, number of streams on air.")
    close, kick = command("close", "Put everybody out of a room."), command("kick", "Put users out of a room.")
    kick.add_argument("--user", required=True, action="append", dest="users", metavar="USER", help="who has to go; 10 at most")
    for one in (close, kick):
        one.add_argument("--room", required=True)
        one.add_argument("--reason", default="", help="told to those who have to go")


def run_room_command(given: argparse.Namespace, environ: Mapping[str, str]) -> None:
    """Does it, and prints what came of it. Raises ConfigError without a key, and RefusedError."""
    key = environ.get(KEY_VARIABLE, "").strip()
    if not key:
        raise ConfigError(f"{KEY_VARIABLE} is not set: the app's api_key")
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"{KEY_VARIABLE} has a character that cannot be sent")
    _check_ids(given)
    api = _Api(given.url, given.app, key)
    if given.deed == "list":
        for room in api.rooms():
            print(room["roomID"], room["userCount"], room["streamCount"], sep="\t")
    elif given.deed == "close":
        closed = api.ask(f"rooms/{quote(given.room, safe='')}/close", {"reason": given.reason})["closed"]
        print("closed" if closed else "there is no such room")
    else:
        asked = {"userIDs": given.users, "reason": given.reason}
        kicked = api.ask(f"rooms/{quote(given.room, safe='')}/kick", asked)["kicked"]
        for user in dict.fromkeys(given.users):
            print(user, "kicked" if user in kicked else "is not in the room", sep="\t")


def _check_ids(given: argparse.Namespace) -> None:
    """What cannot be an id is not asked about. Raises ConfigError."""
    try:
        given.app.encode()
        if given.deed != "list":
            ROOM_ID.check(given.room)
        for user in getattr(given, "users", ()):
            USER_ID.check(user)
    except UnicodeEncodeError:
        raise ConfigError("--app is not Unicode text") from None
    except GatewayError as error:
        raise ConfigError(str(error)) from None


def _base(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError(f"expected an address such as https://media.example.com, not {text!r}")
    return text.rstrip("/")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *of: Any) -> None:
        return None


class _Api:
    """One app's server API."""

    def __init__(self, base: str, app: str, key: str) -> None:
        self._base = f"{base}/v1/apps/{quote(app, safe='')}"
        self._key = key
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects)

    def rooms(self) -> Iterator[Any]:
        """Every room, page by page."""
        after: str | None = ""
        while after is not None:
            page = self.ask(f"rooms?{urlencode({'limit': _PAGE, 'after': after})}")
            yield from page["rooms"]
            after = page["next"]

    def ask(self, path: str, body: object = None) -> Any:
        """The reply to a GET, or with a body to a POST; asked again if it came too fast. Raises RefusedError."""
        data = None if body is None else msgspec.json.encode(body)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        for _ in range(_ATTEMPTS):
            try:
                request = urllib.request.Request(f"{self._base}/{path}", data, headers)
                with self._opener.open(request, timeout=_DEADLINE) as reply:
                    return msgspec.json.decode(reply.read())
            except urllib.error.HTTPError as error:
                refusal = _refusal(error)
                if refusal.get("retry") != "after" or "afterMs" not in refusal:
                    break
                time.sleep(refusal["afterMs"] / 1000)
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise RefusedError(f"{self._base}: {getattr(error, 'reason', error)}") from None
        raise RefusedError(f"{refusal['code']} {refusal['name']}: {refusal['message']}")


def _refusal(error: urllib.error.HTTPError) -> dict[str, Any]:
    """What the gateway says of it; of another server, only the status."""
    try:
        told = msgspec.json.decode(error.read(_MOST))
    except (msgspec.DecodeError, OSError):
        told = None
    if isinstance(told, dict) and {"code", "name", "message"} <= set(told):
        return told
    return {"code": error.code, "name": "HTTP", "message": error.reason}
