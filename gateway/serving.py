"""A gateway's life as a process of its own: signals, exit codes, and what development mode prints to begin with."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import time

import uvloop

from gateway.app import Gateway
from gateway.auth.access import Action
from gateway.auth.stream_keys import NONCE_BYTES, KeySigner, StreamKey
from gateway.config import HOURS, Config
from gateway.config.checks import DEV_APP
from gateway.logs import set_up_logging
from gateway.rooms.store import StoreError

_log = logging.getLogger("gateway")

_ENDING = (signal.SIGTERM, signal.SIGINT)
"""Signals that ask for an orderly end."""
_WELCOME_STREAM = "demo"
"""The stream that development mode prints addresses for."""
_WELCOME_TTL = 24 * HOURS


def serve(config: Config) -> int:
    """Runs the gateway until SIGTERM or SIGINT. Returns the process's exit code."""
    set_up_logging(config.log_level, config.log_format)
    try:
        return uvloop.run(_serve(config))
    finally:
        for number in _ENDING:  # without the loop they would end what ends anyway, and make an error of it
            signal.signal(number, signal.SIG_IGN)


async def _serve(config: Config) -> int:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for number in _ENDING:
        loop.add_signal_handler(number, over.set)
    gateway = Gateway(config)
    starting, told = asyncio.create_task(gateway.start()), asyncio.create_task(over.wait())
    await asyncio.wait((starting, told), return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():  # it waits for its store
        starting.cancel()
        await asyncio.wait((starting,))
        return 0
    try:
        await starting
    except OSError as error:
        _log.error("cannot listen for %s", error.strerror)
        return 1
    except StoreError as error:
        _log.error("cannot use the store: %s", error)
        return 1
    if config.dev:
        _print_welcome(gateway)
    await told
    await gateway.stop()
    return 0


def _print_welcome(gateway: Gateway) -> None:
    """Addresses to begin with. They hold keys, and go to standard output only."""
    until = time.time() + _WELCOME_TTL
    signer = KeySigner(gateway.config.apps[DEV_APP].secret)

    def key(action: Action) -> StreamKey:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return signer.sign(DEV_APP, action, _WELCOME_STREAM, grant_id=None, user="dev", expires_at=until, nonce=nonce)

    addresses, play = gateway.addresses, key(Action.PLAY)
    lines = [("page", f"{addresses.http}/"), ("signaling", addresses.ws), ("appID", f"{DEV_APP} (a token is not needed)")]
    lines += [("console", f"{addresses.http}/console"), ("apiKey", gateway.api_keys[DEV_APP])]
    lines += [("push", way.url) for way in addresses.push(_WELCOME_STREAM, key(Action.PUBLISH)) if way.key is None]
    lines += [("play", way.url) for way in addresses.pull(_WELCOME_STREAM, play) if way.key is None]
    print("\n".join(f"{name:10} {value}" for name, value in lines), flush=True)
