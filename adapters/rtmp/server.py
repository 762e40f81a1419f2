"""The RTMP listener: accepts connections, sweeps their deadlines, closes them at the end. It knows no protocol."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import suppress

from adapters.rtmp.counters import RtmpStats
from adapters.rtmp.peer import LINGER, House, Peer, Streams
from adapters.rtmp.sockets import Listener
from gateway.config import RtmpSettings
from gateway.errors import GatewayError

_SWEEP = 1.0
"""Seconds in which every connection is looked at once, if its deadlines are not shorter than some of these."""
_SLICES = 8
"""Parts in which a sweep is done, so that thousands of connections do not hold up the loop."""


class RtmpServer:
    """Serves RTMP on one address. Made, started and stopped on the running event loop."""

    def __init__(
        self,
        streams: Streams,
        settings: RtmpSettings,
        *,
        clock: Callable[[], float] | None = None,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """`clock` counts seconds; without one it is the loop's."""
        self._loop = asyncio.get_running_loop()
        self._house = House(streams, settings, clock or self._loop.time, random_bytes)
        shortest = min(settings.handshake_deadline, settings.request_deadline, settings.publisher_idle, settings.player_idle)
        self._pause = min(_SWEEP, shortest / 4) / _SLICES
        self._listener = Listener(lambda: Peer(self._house))
        self._timer: asyncio.TimerHandle | None = None
        self._round: Iterator[list[Peer]] = iter(())

    @property
    def stats(self) -> RtmpStats:
        """What this server has seen so far."""
        return self._house.stats

    @property
    def port(self) -> int:
        """The TCP port that is listened on; 0 before the start."""
        return self._listener.port

    async def start(self, host: str, port: int) -> None:
        """Accepts connections from now on. Raises OSError if the address cannot be had."""
        self._listener.open(host, port)
        self._timer = self._loop.call_later(self._pause, self._sweep)

    async def stop(self, error: GatewayError) -> None:
        """Accepts no more, tells every connection why, and returns when all are closed, at the latest after LINGER."""
        self._listener.close()
        peers = self._house.peers
        for peer in list(peers):
            peer.shut(error)
        if peers:
            self._house.emptied = emptied = asyncio.Event()
            with suppress(TimeoutError):
                await asyncio.wait_for(emptied.wait(), LINGER)
        for peer in list(peers):
            peer.abort()
        if self._timer is not None:
            self._timer.cancel()
        await asyncio.sleep(0)  # what was aborted is told to its receiver in the next iteration

    def _sweep(self) -> None:
        """Looks at the next slice of the connections."""
        self._timer = self._loop.call_later(self._pause, self._sweep)
        due = next(self._round, None)
        if due is None:
            peers = list(self._house.peers)
            size = max(1, -(-len(peers) // _SLICES))
            self._round = iter([peers[start : start + size] for start in range(0, len(peers), size)])
            due = next(self._round, [])
        now = self._house.clock()
        for peer in due:
            if peer in self._house.peers:
                peer.sweep(now)
