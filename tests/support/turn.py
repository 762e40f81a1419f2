"""A real TURN server (coturn) on loopback, and a client that may use nothing but its relay.

coturn knows users by the secret that it shares with the gateway alone: whoever connects has credentials that the gateway made.
"""

from __future__ import annotations

import asyncio
import re
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection
from aiortc.rtcconfiguration import RTCBundlePolicy, RTCIceTransportPolicy

from tests.support.ports import HOST, free_port
from tests.support.programs import started
from tests.support.rtc_peer import RtcPeer

_START = 30.0
"""Seconds that the server may take to listen."""
_ATTEMPTS = 5
"""Ports that are tried: another program may take one between its choice and the server's start."""
_CANDIDATE = re.compile(r"^a=candidate:\S+ \d+ \S+ \d+ (\S+) (\d+) typ (\S+)", re.MULTILINE)


@asynccontextmanager
async def turn_server(secret: str, folder: Path) -> AsyncIterator[int]:
    """coturn that shares `secret` with the gateway; its port, for UDP and TCP. Its files are kept in `folder`.

    It relays to loopback, which no server in use may: the gateways of tests are there.
    """
    for _ in range(_ATTEMPTS):
        port = free_port()
        async with started("turnserver", *_arguments(secret, folder, port)) as process:
            if await _listens(process, port):
                yield port
                return
    raise RuntimeError(f"turnserver does not start: {(folder / 'turn.log').read_text()}")


@asynccontextmanager
async def relayed_peer(ice_servers: Sequence[dict[str, Any]]) -> AsyncIterator[RtcPeer]:
    """A client that may use relay candidates only, of the servers as `login` tells them."""
    configuration = RTCConfiguration(
        [RTCIceServer(**server) for server in ice_servers], RTCIceTransportPolicy.RELAY, RTCBundlePolicy.MAX_BUNDLE
    )
    connection = RTCPeerConnection(configuration)
    try:
        yield RtcPeer(connection)
    finally:
        await connection.close()


def candidates(description: str) -> set[tuple[str, int, str]]:
    """Address, port and type of each candidate in a description."""
    return {(host, int(port), kind) for host, port, kind in _CANDIDATE.findall(description)}


def _arguments(secret: str, folder: Path, port: int) -> list[str]:
    return [
        "-n", f"--listening-ip={HOST}", f"--relay-ip={HOST}", f"--listening-port={port}", "--fingerprint",
        "--use-auth-secret", f"--static-auth-secret={secret}", "--realm=tests", "--allow-loopback-peers",
        "--no-tls", "--no-dtls", "--no-cli", f"--pidfile={folder / 'turn.pid'}", f"--userdb={folder / 'turn.db'}",
        f"--log-file={folder / 'turn.log'}", "--simple-log", "--no-stdout-log",
    ]  # fmt: skip


async def _listens(process: Process, port: int) -> bool:
    """Waits until it takes connections; False if it ended instead."""
    async with asyncio.timeout(_START):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection(HOST, port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return True
    return False
