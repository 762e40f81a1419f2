"""The composition root: the one place that builds concrete objects, and the order in which they start and stop.

Read `Gateway.__init__` and `start` as the parts list of the whole system.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version

from adapters import dialects
from adapters.flv.player import HEADERS as FLV_HEADERS
from adapters.flv.player import FlvPlayer
from adapters.media.streams import Streams
from adapters.media.transcoders import TranscoderPool
from adapters.mongo.quality import MongoHistory
from adapters.mongo.rooms import MongoRoomStore
from adapters.mongo.schema import connect
from adapters.rtmp.server import RtmpServer
from adapters.webrtc.server import WebRtcServer
from gateway.addresses import Addresses
from gateway.administration import Administration
from gateway.auth.stream_keys import KeySigner
from gateway.auth.tokens import SECRET_BYTES
from gateway.auth.turn import IceServer, ice_servers
from gateway.config import AppSettings, Config
from gateway.config.checks import DEV_APP
from gateway.errors import SHUTTING_DOWN, GatewayError
from gateway.http.api import Api, add_api
from gateway.http.bodies import Bodies
from gateway.http.client_logs import ClientLogs, add_client_logs
from gateway.http.discovery import add_discovery
from gateway.http.docs import add_docs
from gateway.http.flv import add_flv
from gateway.http.intake import Reports, add_intake
from gateway.http.operations import add_operations
from gateway.http.origin import Clients
from gateway.http.pages import add_pages
from gateway.http.sdk import add_sdk
from gateway.http.server import HttpServer
from gateway.http.websocket import add_websocket
from gateway.http.whip import add_whip
from gateway.quality.bitrates import Bitrates
from gateway.quality.calls import Calls
from gateway.quality.memory_history import MemoryHistory
from gateway.quality.metrics import Metrics, Snapshot, Way
from gateway.quality.probe import ServerProbe
from gateway.quality.timeline import SessionRecovered
from gateway.quality.watch import Watch
from gateway.rooms.durability import Durability
from gateway.rooms.grants import Grants
from gateway.rooms.record import Record
from gateway.rooms.registry import Registry
from gateway.signaling.conversations import Signaling
from gateway.signaling.recovery import recover
from gateway.timers import Timers

_log = logging.getLogger("gateway")

_DISTRIBUTION = "miniprogram-gateway"
_ID_BYTES = 12
_ORIGIN_BYTES = 4
"""Of what tells this process's entries in the history from another's."""
_PROCESS = "gateway"
"""This process's name in the store, which it keeps over restarts."""
_LEAST_FLUSH = 1.0
"""Seconds that writing what is pending gets at the end, even if the sockets took all the grace."""
_LAG_PROBE = 0.1
"""Seconds between two probes of the event loop's lag."""


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
        self.durability = _durability(config, clock)
        self.history = _history(config, clock)
        self.registry = Registry(config.apps, config.signaling, config.media, self.grants, self.timers, self._record)
        self.transcoders = TranscoderPool(config.webrtc.transcodes, config.media.gop_bytes)
        self.streams = Streams(self.registry, config.media, self.transcoders)
        self.registry.connect(self.streams)
        self.rtmp = RtmpServer(self.streams, config.rtmp)
        self.webrtc = WebRtcServer(self.streams, config.webrtc, config.media, config.listen)
        self.http = HttpServer(config)
        self.metrics = Metrics(self.snapshot, version(_DISTRIBUTION))
        self._bitrates: Bitrates[Way] = Bitrates(clock())
        verifier = dialects.Dialects(config.apps)
        self.signaling = Signaling(
            config.signaling, config.apps, self.registry, Addresses.of(config.listen), self.webrtc, self._ice_servers,
            self.timers, clock, time.time, _new_id, claims=self.durability.claims if self.durability else None,
            verifier=verifier,
        )  # fmt: skip
        self.probe = ServerProbe(time.process_time, lambda: self.webrtc.udp.stats.drops, clock())
        self.watch = Watch(
            config.quality, self.streams, self.registry, self.signaling.sessions.by_id.values, self.signaling.send_urls,
            self.probe, self.history, clock, time.time,
        )  # fmt: skip
        self.registry.on_findings = self.watch.found
        self.signaling.watcher = self.watch
        clients = Clients(config.listen.trusted_proxies)
        add_websocket(self.http.app, self.signaling, config.signaling, clients)
        self.flv_refusals: Counter[str] = Counter()
        add_flv(self.http.app, FlvPlayer, self.streams.play, FLV_HEADERS, clients, self.flv_refusals)
        add_whip(self.http.app, self.webrtc, self._ice_servers, lambda: self.addresses.http, clients)
        counters = self.watch.counters
        self.intake = Reports(config, self.watch, counters.dropped, clock, time.time, verifier)
        bodies, logs = Bodies(), ClientLogs(config.quality, counters.logs, clock)
        add_intake(self.http.app, self.intake, bodies, config.http)
        add_client_logs(self.http.app, logs, bodies, config.http, clients)
        self.api_keys = _api_keys(config)
        administration = Administration(
            self.registry, self.signaling.sessions, self.signaling.talk, self.streams.viewers,
            Calls(self.watch, self.history),
        )  # fmt: skip
        add_api(self.http.app, Api(administration, self.api_keys, clock), clients)
        add_discovery(self.http.app, config.apps, lambda: self.addresses)
        add_docs(self.http.app, version(_DISTRIBUTION), lambda: self.addresses.http)
        add_sdk(self.http.app)
        add_pages(self.http.app, DEV_APP if config.dev else None, lambda: self.addresses.ws)
        add_operations(self.http.app, self.metrics, lambda: self.ready, self._is_durable, config.http.metrics_key)
        self.ready = False
        self._lag_probe: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> Addresses:
        """The addresses that clients are given; final once the gateway has started."""
        return self.signaling.addresses

    async def start(self) -> None:
        """Recovers what an earlier process left, and listens on every port.

        Raises OSError, whose text names the address, if one cannot be had, and StoreError.
        """
        listen = self.config.listen
        if self.durability:
            await self._recover(self.durability)
        try:
            with _naming("RTMP", listen.host, listen.rtmp_port):
                await self.rtmp.start(listen.host, listen.rtmp_port)
            with _naming("WebRTC (UDP)", listen.host, listen.udp_port):
                await self.webrtc.start(listen.host, listen.udp_port)
            with _naming("HTTP", listen.host, listen.port):
                await self.http.start()
        except OSError:
            for server in (self.rtmp, self.webrtc):
                await server.stop(GatewayError(SHUTTING_DOWN))
            await self._end_storing(self.config.shutdown_grace)
            raise
        self.signaling.addresses = Addresses.of(listen, self.http.port, self.rtmp.port)
        self._lag_probe = asyncio.create_task(self._probe_lag())
        self.watch.start()
        self.ready = True
        _log.info(
            "started http=%s:%d rtmp=%s:%d udp=%s:%d",
            listen.host, self.http.port, listen.host, self.rtmp.port, listen.host, self.webrtc.port,
        )  # fmt: skip

    async def stop(self) -> None:
        """Stops accepting, tells every session when to come back, closes media, within the configured grace."""
        until = self._loop.time() + self.config.shutdown_grace
        self.ready = False
        self.http.stop_accepting()
        self.signaling.shut_down(self.config.shutdown_spread, random.Random())
        try:
            await self._stop_serving(until)
        finally:
            self.watch.stop()
            await self._end_storing(max(_LEAST_FLUSH, until - self._loop.time()))
        if self._lag_probe:
            self._lag_probe.cancel()
        if self._armed:
            self._armed.cancel()
        _log.info("stopped")

    async def _stop_serving(self, until: float) -> None:
        try:
            async with asyncio.timeout_at(until):
                over = GatewayError(SHUTTING_DOWN)
                await asyncio.gather(self.signaling.silent(), self.rtmp.stop(over), self.webrtc.stop(over))
        except TimeoutError:
            _log.warning("sockets did not close in time count=%d", len(self.signaling.conversations))
        self.streams.stop(GatewayError(SHUTTING_DOWN))
        self.transcoders.close()
        await self.http.stop()

    async def _end_storing(self, deadline: float) -> None:
        """Writes what is pending, for `deadline` seconds at most."""
        ends = [self.durability.end(deadline)] if self.durability else []
        if isinstance(self.history, MongoHistory):
            ends.append(self.history.end(deadline))
        await asyncio.gather(*ends)

    def _record(self, fact: Record) -> None:
        """The registry's journal."""
        if self.durability:
            self.durability.record(fact)
        self.watch.hear(fact)

    def _is_durable(self) -> bool:
        """What happens now is stored soon after, if it is stored at all."""
        return self.durability is None or self.durability.healthy

    async def _recover(self, durability: Durability) -> None:
        """Takes over rooms, sessions and grants. Who was there has a while to come back. The history begins before anything of
        it happens, and after the store has answered."""
        config = self.config
        taken = await durability.begin()
        if isinstance(self.history, MongoHistory):
            await self.history.begin()
        sessions, window = self.signaling.sessions, config.store.recovery_window
        for room in recover(taken.rooms, config.apps, self.registry, sessions, config.signaling, window):
            durability.give_up(room.app, room.room_id)
        for attachment in sessions.by_id.values():
            self.watch.hear(SessionRecovered.of(attachment.session))

    def snapshot(self) -> Snapshot:
        """The state that Prometheus is told."""
        played, rtmp, webrtc = self.streams.transports, self.rtmp.stats, self.webrtc.stats
        peers = Counter((peer.direction, peer.request.transport) for peer in self.webrtc.connections)
        bytes_in = {"rtmp": rtmp.bytes_in, **{name: received.bytes for name, received in webrtc.receiving.items()}}
        bytes_out = {protocol: stats.bytes_out for protocol, stats in played.items()}
        refusals = {"rtmp": rtmp.refusals, "flv": self.flv_refusals, "webrtc": webrtc.refusals}
        totals = {("in", protocol): count for protocol, count in bytes_in.items()}
        totals |= {("out", protocol): count for protocol, count in bytes_out.items()}
        return Snapshot(
            rooms=len(self.registry.rooms),
            sessions=Counter(attachment.phase.name.lower() for attachment in self.signaling.sessions.by_id.values()),
            sockets=len(self.signaling.conversations),
            streams=Counter(stream.state.value for stream in self.registry.streams.values()),
            grants=len(self.grants),
            viewers={protocol: stats.viewers for protocol, stats in played.items()},
            publishers={"rtmp": rtmp.publishers, **{name: count for (way, name), count in peers.items() if way == "in"}},
            connections={"rtmp": rtmp.connections, **Counter(peer.request.transport for peer in self.webrtc.connections)},
            bytes_in=bytes_in,
            bytes_out=bytes_out,
            skips={protocol: stats.skips for protocol, stats in played.items()},
            dropped={protocol: stats.dropped for protocol, stats in played.items()},
            refusals={(protocol, reason): count for protocol, counts in refusals.items() for reason, count in counts.items()},
            bitrates=self._bitrates.at(self._loop.time(), totals),
            webrtc=self.webrtc.snapshot(self.watch.losses(), self.watch.round_trips()),
            transcodes=self.transcoders.snapshot(self.streams.transcoding),
            store=self.durability.snapshot() if self.durability else None,
            timers=len(self.timers),
            tasks=len(asyncio.all_tasks()),
            ready=self.ready,
            quality=self.watch.counters,
            legs=self.watch.legs(),
            delay={protocol: stats.delay for protocol, stats in played.items()},
            reports_refused=self.intake.refusals,
            history_lost=self.history.lost,
        )

    def _ice_servers(self, user: str) -> Sequence[IceServer]:
        return ice_servers(self.config.webrtc, user, time.time())

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
            lag = max(0.0, self._loop.time() - asked)
            self.metrics.loop_lag.observe(lag)
            self.probe.observe(lag)


@contextmanager
def _naming(protocol: str, host: str, port: int) -> Iterator[None]:
    """An address that cannot be had is named in the error."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"{protocol} on {host}:{port}: {error.strerror or error}") from error


def _durability(config: Config, clock: Callable[[], float]) -> Durability | None:
    """The way of state into the store; None: it lives no longer than the process."""
    settings = config.store
    if not settings.url:
        return None
    store = MongoRoomStore(
        connect(settings.url), settings.database, clock, process=_PROCESS, events_ttl=settings.events_ttl,
        claim_timeout=settings.claim_timeout,
    )  # fmt: skip
    return Durability(store, settings, clock, time.time, _PROCESS)


def _history(config: Config, clock: Callable[[], float]) -> MemoryHistory | MongoHistory:
    """What became of calls; in the process's memory where there is no store."""
    settings = config.store
    if not settings.url:
        return MemoryHistory(config.quality, clock)
    origin = secrets.token_hex(_ORIGIN_BYTES)
    return MongoHistory(connect(settings.url), settings.database, config.quality, clock, origin=origin)


def _api_keys(config: Config) -> dict[str, str]:
    """The keys of the server API by appID; development mode's app has a random one unless one is given."""
    keys = {app: settings.api_key for app, settings in config.apps.items()}
    if config.dev and not keys.get(DEV_APP):
        keys[DEV_APP] = secrets.token_urlsafe(SECRET_BYTES)
    return keys


def _new_id() -> str:
    return secrets.token_urlsafe(_ID_BYTES)


def make_token(
    form: str, settings: AppSettings, app: str, user: str, *, now: float, ttl: float, room: str | None, may_publish: bool
) -> str:  # fmt: skip
    """A token of an app in one of the forms that it accepts. Raises ValueError if it could never be accepted."""
    random = secrets.token_bytes(dialects.RANDOM_BYTES)
    return dialects.make(
        form, settings, app, user, now=now, ttl=ttl, random=random, room=room, may_publish=may_publish
    )
