"""How the process itself does: how late the event loop wakes up, what it computes, what the kernel threw away. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable

from gateway.quality.readings import ServerReading

_RANK = 0.95


class ServerProbe:
    """Gathers the loop's lags, and makes a reading of a span when it is asked. There is one who asks."""

    def __init__(self, cpu_clock: Callable[[], float], drops: Callable[[], int], now: float) -> None:
        """`cpu_clock`: seconds of computing so far. `drops`: datagrams thrown away so far."""
        self._cpu_clock = cpu_clock
        self._drops = drops
        self._read_at = now
        self._cpu_then = cpu_clock()
        self._drops_then = drops()
        self._lags: list[float] = []

    def observe(self, lag: float) -> None:
        """The loop woke up so many seconds late."""
        self._lags.append(lag)

    def reading(self, now: float) -> ServerReading:
        """The span since the last reading."""
        span, cpu, drops = now - self._read_at, self._cpu_clock(), self._drops()
        lags, self._lags = sorted(self._lags), []
        reading = ServerReading(
            span=span,
            lag=lags[math.ceil(_RANK * len(lags)) - 1] if lags else 0.0,
            lag_peak=lags[-1] if lags else 0.0,
            cpu=(cpu - self._cpu_then) / span if span > 0 else 0.0,
            drops=drops - self._drops_then,
        )
        self._read_at, self._cpu_then, self._drops_then = now, cpu, drops
        return reading
