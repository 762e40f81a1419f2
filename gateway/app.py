"""The composition root: the one place that builds concrete objects, and the order in which they start and stop.

Read `Gateway.__init__` and `start` as the parts list of the whole system.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import signal
import time
from collections import Counter
from typing import NoReturn

import uvloop

from adapters.flv.player import HEADERS as FLV_HEADERS
from adapters.flv.player import FlvPlayer
from adapters.media.streams import Streams
from adapters.rtmp.server import RtmpServer
from gateway.addresses import Addresses
from gateway.auth.access import AccessRequest, Action
from gateway.auth.stream_keys import NONCE_BYTES, KeySigner, StreamKey
from gateway.auth.turn import ice_servers
from gateway.config import HOURS, Config
from gateway.config.checks import DEV_APP
from gateway.errors import SHUTTING_DOWN, TRANSPORT_UNSUPPORTED, GatewayError
from gateway.http.flv import add_flv
from gateway.http.operations import add_operations
from gateway.http.origin import Clients
from gateway.http.pages import add_pages
from gateway.http.server import HttpServer
from gateway.http.websocket import add_websocket
from gateway.logs import set_up_logging
from gateway.quality.metrics import Metrics, Snapshot
from gateway.rooms.grants import Grants
from gateway.rooms.registry import Registry
from gateway.signaling.methods import Signaling
from gateway.timers import Timers

_log = logging.getLogger("gateway")

_ID_BYTES = 12
_WELCOME_STREAM = "demo"
"""The stream that development mode prints addresses for."""
_WELCOME_TTL = 24 * HOURS
_LAG_PROBE = 0.1
"""Seconds between two probes of the event loop's lag."""


class _Unserved:
    """Stands where WebRTC will stand."""

    async def publish(self, request: AccessRequest, offer: str) -> NoReturn:
        raise GatewayError(TRANSPORT_UNSUPPORTED, "webrtc")

    async def invite(self, request: AccessRequest) -> NoReturn:
        raise GatewayError(TRANSPORT_UNSUPPORTED, "webrtc")

    async def restart_offer(self, id: str) -> NoReturn:
        raise GatewayError(TRANSPORT_UNSUPPORTED, "webrtc")

    async def accept(self, id: str, answer: str) -> None:
        raise GatewayError(TRANSPORT_UNSUPPORTED, "webrtc")


class Gateway:
    """One process's gateway on the running event loop."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._loop = asyncio.get_running_loop()
        clock = self._loop.time
        self.timers = Timers(clock, self._arm)
        self._armed: asyncio.TimerHandle | None = None
        signers = {app: KeySigner(settings.secret) for app, settings in config.apps.items()}
        self.grants = Grants(signers, config.media.key_ttl, time.time, _new_id)
        self.registry = Registry(config.apps, config.signaling, config.media, self.grants, self.timers)
        self.streams = Streams(self.registry, config.media)
        self.registry.connect(self.streams)
        self.rtmp = RtmpServer(self.streams, config.rtmp)
        self.http = HttpServer(config)
        self.metrics = Metrics(self.snapshot)
        self.signaling = Signaling(
            config.signaling, config.apps, self.registry, Addresses.of(config.listen), _Unserved(),
            lambda user: ice_servers(config.webrtc, user, time.time()), self.timers, clock, time.time, _new_id,
        )  # fmt: skip
        clients = Clients(config.listen.trusted_proxies)
        add_websocket(self.http.app, self.signaling, config.signaling, clients)
        self.flv_refusals: Counter[str] = Counter()
        add_flv(self.http.app, FlvPlayer, self.streams.play, FLV_HEADERS, clients, self.flv_refusals)
        add_pages(self.http.app, DEV_APP if config.dev else None, lambda: self.addresses.ws)
        add_operations(self.http.app, self.metrics, lambda: self.ready)
        self.ready = False
        self._lag_probe: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> Addresses:
        """The addresses that clients are given; final once the gateway has started."""
        return self.signaling.addresses

    async def start(self) -> None:
        """Listens on every port. Raises OSError, whose text names the address, if one cannot be had."""
        listen = self.config.listen
        try:
            await self.rtmp.start(listen.host, listen.rtmp_port)
        except OSError as error:
            raise _not_had("RTMP", listen.host, listen.rtmp_port, error) from error
        try:
            await self.http.start()
        except OSError as error:
            await self.rtmp.stop(GatewayError(SHUTTING_DOWN))
            raise _not_had("HTTP", listen.host, listen.port, error) from error
        self.signaling.addresses = Addresses.of(listen, self.http.port, self.rtmp.port)
        self._lag_probe = asyncio.create_task(self._probe_lag())
        self.ready = True
        _log.info("started http=%s:%d rtmp=%s:%d", listen.host, self.http.port, listen.host, self.rtmp.port)

    async def stop(self) -> None:
        """Stops accepting, tells every session when to come back, closes media, within the configured grace."""
        self.ready = False
        self.http.stop_accepting()
        self.signaling.shut_down(self.config.shutdown_spread, random.Random())
        try:
            async with asyncio.timeout(self.config.shutdown_grace):
                await asyncio.gather(self.signaling.silent(), self.rtmp.stop(GatewayError(SHUTTING_DOWN)))
        except TimeoutError:
            _log.warning("sockets did not close in time count=%d", len(self.signaling.conversations))
        self.streams.stop(GatewayError(SHUTTING_DOWN))
        await self.http.stop()
        if self._lag_probe:
            self._lag_probe.cancel()
        if self._armed:
            self._armed.cancel()
        _log.info("stopped")

    def snapshot(self) -> Snapshot:
        """The state that Prometheus is told."""
        played = self.streams.totals()
        return Snapshot(
            rooms=len(self.registry.rooms),
            sessions=Counter(attachment.phase.name.lower() for attachment in self.signaling.sessions.by_id.values()),
            sockets=len(self.signaling.conversations),
            streams=Counter(stream.state.value for stream in self.registry.streams.values()),
            grants=len(self.grants),
            viewers={protocol: stats.viewers for protocol, stats in played.items()},
            publishers={"rtmp": len(list(self.streams.ingests()))},
            connections={"rtmp": self.rtmp.stats.connections},
            bytes_in={"rtmp": self.rtmp.stats.bytes_in},
            bytes_out={protocol: stats.bytes_out for protocol, stats in played.items()},
            skips={protocol: stats.skips for protocol, stats in played.items()},
            dropped={protocol: stats.dropped for protocol, stats in played.items()},
            refusals={
                (protocol, reason): count
                for protocol, counts in (("rtmp", self.rtmp.stats.refusals), ("flv", self.flv_refusals))
                for reason, count in counts.items()
            },
            timers=len(self.timers),
            tasks=len(asyncio.all_tasks()),
            ready=self.ready,
        )

    def _arm(self, at: float) -> None:
        """Keeps one timer of the loop on the earliest deadline."""
        if self._armed:
            self._armed.cancel()
        self._armed = self._loop.call_at(at, self._run_timers)

    def _run_timers(self) -> None:
        self._armed = None
        try:
            self.timers.run_due(self._loop.time())
        finally:  # one deadline's failure, which the loop logs, must not stop the clock for all others
            if (at := self.timers.next_deadline) is not None:
                self._arm(at)

    async def _probe_lag(self) -> None:
        while True:
            asked = self._loop.time() + _LAG_PROBE
            await asyncio.sleep(_LAG_PROBE)
            self.metrics.loop_lag.observe(max(0.0, self._loop.time() - asked))


def _not_had(protocol: str, host: str, port: int, error: OSError) -> OSError:
    return OSError(error.errno, f"{protocol} on {host}:{port}: {error.strerror or error}")


def _new_id() -> str:
    return secrets.token_urlsafe(_ID_BYTES)


def serve(config: Config) -> int:
    """Runs the gateway until SIGTERM or SIGINT. Returns the process's exit code."""
    set_up_logging(config.log_level, config.log_format)
    return uvloop.run(_serve(config))


async def _serve(config: Config) -> int:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    gateway = Gateway(config)
    try:
        await gateway.start()
    except OSError as error:
        _log.error("cannot listen for %s", error.strerror)
        return 1
    if config.dev:
        _print_welcome(gateway)
    await over.wait()
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
    lines = [("signaling", addresses.ws), ("appID", f"{DEV_APP} (a token is not needed)")]
    lines += [("push", way.url) for way in addresses.push(_WELCOME_STREAM, key(Action.PUBLISH)) if way.key is None]
    lines += [("play", way.url) for way in addresses.pull(_WELCOME_STREAM, play) if way.key is None]
    print("\n".join(f"{name:10} {value}" for name, value in lines), flush=True)
