"""The command line: `gateway serve`, `gateway token`, `gateway url`, `gateway room`, `gateway demo`.

Exit codes: what the gateway or the demo answers, 0 for done, 1 for what a running gateway refuses, 2 for a wrong usage or
a wrong setting; each but 0 with one line on stderr that says what is wrong.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from gateway import app, demo, serving
from gateway.addresses import Addresses
from gateway.auth.access import Action
from gateway.auth.stream_keys import NONCE_BYTES, KeySigner
from gateway.auth.tokens import MAX_LIFETIME
from gateway.config import AppSettings, Config
from gateway.config.checks import for_serving, require_public_host
from gateway.config.ranges import TOKEN_SECRETS
from gateway.config.sources import load
from gateway.config.values import ConfigError
from gateway.errors import GatewayError
from gateway.room_commands import RefusedError, add_room_commands, run_room_command
from gateway.rooms.model import ROOM_ID, STREAM_ID, USER_ID

REFUSED = 1
USAGE_ERROR = 2
_FLAGS = ("dev", "dev_open", "listen.host", "listen.port", "listen.rtmp_port", "listen.udp_port", "listen.public_host")
"""Settings that `serve` takes as flags, too."""
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")
_URL_TTL = 300.0
"""Seconds for the first connection."""
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


class _Parser(argparse.ArgumentParser):
    """Tells a wrong usage in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_ERROR, f"{self.prog}: {message}\n")


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Run the command that `argv` (without the program's name) gives."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["demo"]:
        return demo.main(words[1:])
    given = _parser().parse_args(words)
    command: Callable[[argparse.Namespace, Mapping[str, str]], int] = given.command
    try:
        return command(given, environ)
    except (ConfigError, GatewayError) as error:
        print(f"gateway {given.name}: {error}", file=sys.stderr)
        return USAGE_ERROR
    except RefusedError as error:
        print(f"gateway {given.name}: {error}", file=sys.stderr)
        return REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="gateway", description="A self-hosted real-time gateway.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="name", required=True, metavar="COMMAND")

    def command(name: str, text: str, run: Callable[[argparse.Namespace, Mapping[str, str]], int]) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        made.set_defaults(command=run)
        made.add_argument("--config", type=Path, metavar="FILE", help="TOML file with settings")
        return made

    serve = command("serve", "Run the gateway.", _serve)
    serve.add_argument("--dev", action="store_true", default=None, help="development mode: loopback, app 1 without tokens")
    serve.add_argument("--dev-open", action="store_true", default=None, help="development mode for other hosts, too")
    for name in _FLAGS[2:]:
        flag = name.rpartition(".")[2].replace("_", "-")
        serve.add_argument(f"--{flag}", metavar="HOST" if flag.endswith("host") else "PORT", help=f"the setting {name}")

    token = command("token", "Print a join token.", _token)
    token.add_argument("--room", help="the only room that may be entered")
    token.add_argument(
        "--dialect", choices=tuple(TOKEN_SECRETS), default="jwt", help="its form, one of the app's token_formats (default jwt)"
    )
    token.add_argument("--no-publish", action="store_true", help="the user may only play")
    url = command("url", "Print a signed media address that is good without a session; WHIP and WHEP: and its key.", _url)
    way = url.add_mutually_exclusive_group(required=True)
    way.add_argument("--push", action="store_const", const=Action.PUBLISH, dest="action", help="an address to push to")
    way.add_argument("--play", action="store_const", const=Action.PLAY, dest="action", help="an address to play from")
    url.add_argument("--protocol", choices=("rtmp", "flv", "whip", "whep"), default="rtmp")
    url.add_argument("--stream", required=True)
    for one, ttl in ((token, "24h, and 23h for the dialect nertc"), (url, "300s")):
        one.add_argument("--app", required=True)
        one.add_argument("--user", required=True)
        one.add_argument("--ttl", type=_duration, help=f"such as 90s, 15m, 24h, 7d (default {ttl})")
    text = "See and change the rooms of a running gateway, by its server API."
    room = commands.add_parser("room", help=text, description=text, allow_abbrev=False)
    room.set_defaults(command=_room)
    add_room_commands(room)
    commands.add_parser("demo", help="Run a whole call on this machine.")
    return parser


def _duration(text: str) -> float:
    match = _DURATION.fullmatch(text)
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0
    if not 0 < seconds <= MAX_LIFETIME:
        raise argparse.ArgumentTypeError(f"expected a time such as 90s, 15m, 24h or 7d, at most 30d, not {text!r}")
    return seconds


def _load(given: argparse.Namespace, environ: Mapping[str, str], flags: Mapping[str, object]) -> Config:
    loaded = load(flags, environ, given.config)
    for warning in loaded.warnings:
        print(f"gateway {given.name}: warning: {warning}", file=sys.stderr)
    return loaded.config


def _app(config: Config, name: str) -> AppSettings:
    try:
        return config.apps[name]
    except KeyError:
        raise ConfigError(f"no app {name} in the settings: its secret is needed to sign") from None


def _serve(given: argparse.Namespace, environ: Mapping[str, str]) -> int:
    flags = {name: getattr(given, name.rpartition(".")[2]) for name in _FLAGS}
    return serving.serve(for_serving(_load(given, environ, flags)))


def _token(given: argparse.Namespace, environ: Mapping[str, str]) -> int:
    settings = _app(_load(given, environ, {}), given.app)
    user = USER_ID.check(given.user)
    room = None if given.room is None else ROOM_ID.check(given.room)
    ttl = given.ttl or (23 * _SECONDS["h"] if given.dialect == "nertc" else _SECONDS["d"])
    may_publish = not given.no_publish
    try:
        text = app.make_token(
            given.dialect, settings, given.app, user, now=time.time(), ttl=ttl, room=room, may_publish=may_publish
        )
    except ValueError as error:
        raise ConfigError(f"--dialect {given.dialect}: {error}") from None
    print(text)
    return 0


def _room(given: argparse.Namespace, environ: Mapping[str, str]) -> int:
    run_room_command(given, environ)
    return 0


def _url(given: argparse.Namespace, environ: Mapping[str, str]) -> int:
    config = _load(given, environ, {})
    signer = KeySigner(_app(config, given.app).secret)
    require_public_host(config)
    stream, user = STREAM_ID.check(given.stream), USER_ID.check(given.user)
    bases = Addresses.of(config.listen)
    nonce = secrets.token_bytes(NONCE_BYTES)
    key = signer.sign(
        given.app, given.action, stream, grant_id=None, user=user, expires_at=time.time() + (given.ttl or _URL_TTL), nonce=nonce
    )
    ways = bases.pull(stream, key) if given.action is Action.PLAY else bases.push(stream, key)
    for way in ways:
        if way.protocol == given.protocol:
            print(way.url, *([way.key.reveal()] if way.key else []))
            return 0
    raise ConfigError(f"--protocol is one of {', '.join(way.protocol for way in ways)} there")


if __name__ == "__main__":
    sys.exit(main())
