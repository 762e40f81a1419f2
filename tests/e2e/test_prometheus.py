"""A real Prometheus looks at a real gateway: nothing is named wrongly, every panel shows something, alerts come and go."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.flv.tags import audio_body, video_body
from adapters.media.units import VideoUnit
from gateway.app import Gateway
from gateway.config import Config, StoreSettings
from monitoring.dashboards import DASHBOARDS
from tests.support.gateway import Client, config, running, url_of
from tests.support.media_client import Clip
from tests.support.mongod import ReplicaSet, replica_set
from tests.support.programs import started
from tests.support.prometheus import MONITORING, Prometheus, ask, watching
from tests.support.rtc_peer import rtc_peer
from tests.support.rtmp_client import RtmpClient, RtmpRefusedError
from tests.support.scrape import get
from tests.support.stamps import RtmpViewer, take_apart

SLOW = 3
"""Publishers with a slow uplink: as many as an alert wants at least."""
PACE = 0.5
"""Seconds of media that get through such an uplink in a second."""
REPORT = 0.5
"""Seconds between two reports of a client."""


class TestWhatIsDelivered:
    """Prometheus' own programs have nothing to say against it."""

    async def test_the_configuration(self) -> None:
        code, said = await ask("promtool", "check", "config", MONITORING / "prometheus.yml")
        assert code == 0, said

    async def test_the_configuration_with_the_lines_for_tls_and_a_key(self, tmp_path: Path) -> None:
        text = (MONITORING / "prometheus.yml").read_text("utf-8")
        secured, lines = re.subn(r"^( +)# (?=(scheme|tls_config|authorization): )", r"\1", text, flags=re.M)
        assert lines == 3
        (tmp_path / "prometheus.yml").write_text(secured, "utf-8")
        code, said = await ask("promtool", "check", "config", "--syntax-only", tmp_path / "prometheus.yml")
        assert code == 0, said

    async def test_the_rules(self) -> None:
        code, said = await ask("promtool", "check", "rules", "--lint=all", "--lint-fatal", *(MONITORING / "rules").iterdir())
        assert code == 0, said

    async def test_every_alert_fires_on_its_story_and_none_on_a_healthy_day(self) -> None:
        code, said = await ask("promtool", "test", "rules", MONITORING / "tests" / "alerts.test.yml")
        assert code == 0, said

    async def test_the_routes_of_alerts(self) -> None:
        code, said = await ask("amtool", "check-config", MONITORING / "alertmanager.yml")
        assert code == 0, said
        for severity, receiver in (("critical", "on-call"), ("warning", "team"), ("info", "team")):
            tree = ("config", "routes", "test", f"--config.file={MONITORING / 'alertmanager.yml'}", f"severity={severity}")
            code, said = await ask("amtool", *tree)
            assert (code, said.splitlines()[-1]) == (0, receiver)


class SlowPublisher:
    """Somebody whose network takes half of what is sent. What piles up goes through at once when it is mended."""

    def __init__(self, client: RtmpClient, clip: Clip) -> None:
        self._client, self._clip = client, clip
        self._mended = asyncio.Event()

    @classmethod
    async def push(cls, url: str, clip: Clip) -> SlowPublisher:
        host, port, application, name = take_apart(url)
        client = await RtmpClient.connect(host, port, application)
        await client.publish(name)
        return cls(client, clip)

    def mend(self) -> None:
        self._mended.set()

    async def run(self) -> None:
        """Sends until cancelled."""
        client, clock = self._client, asyncio.get_running_loop().time
        client.send_video(0, video_body(self._clip.video))
        client.send_audio(0, audio_body(self._clip.audio))
        begin = clock()
        try:
            for frame in self._clip.endless():
                await self._until_through(begin, frame.timestamp / 1000)
                send = client.send_video if isinstance(frame, VideoUnit) else client.send_audio
                send(frame.timestamp, video_body(frame) if isinstance(frame, VideoUnit) else audio_body(frame))
        finally:
            await client.drop()

    async def _until_through(self, begin: float, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if not self._mended.is_set():
            try:
                async with asyncio.timeout_at(begin + seconds / PACE):
                    await self._mended.wait()
            except TimeoutError:
                return
        await asyncio.sleep(begin + seconds - loop.time())


class Town:
    """Calls of every kind at one gateway, whose clients report."""

    def __init__(self, gateway: Gateway, calls: AsyncExitStack) -> None:
        self._gateway = gateway
        self._calls = calls
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def alive(cls, gateway: Gateway) -> AsyncIterator[Town]:
        async with AsyncExitStack() as calls:
            town = cls(gateway, calls)
            try:
                yield town
            finally:
                for task in town._tasks:
                    task.cancel()
                await asyncio.gather(*town._tasks, return_exceptions=True)

    async def user(self, name: str, room: str) -> Client:
        client = await Client.login(self._gateway, name, room)
        self._calls.push_async_callback(client.close)
        return client

    async def films(self, clip: Clip) -> None:
        """ffmpeg pushes; ffmpeg plays it over RTMP, over HTTP-FLV, a browser's peer over WebRTC; one has a wrong key."""
        anna = await self.user("anna", "films")
        url = url_of(await anna.call("publish", streamID="cam"))
        source = ("-v", "error", "-nostdin", "-re", "-stream_loop", "-1", "-i", str(clip.path), "-c", "copy", "-f", "flv", url)
        await self._calls.enter_async_context(started("ffmpeg", *source))
        await anna.event("publisherState", lambda params: params["state"] == "PUBLISHING")
        self._report(anna, "push", "cam", videoCache=1, audioCache=2)
        for protocol in ("rtmp", "flv"):
            viewer = await self.user(protocol, "films")
            url = url_of(await viewer.call("play", streamID="cam"), protocol)
            await self._calls.enter_async_context(
                started("ffmpeg", "-v", "error", "-nostdin", "-i", url, "-c", "copy", "-f", "null", "-")
            )
            self._report(viewer, "pull", "cam", videoCache=400, audioCache=420)
        with pytest.raises(RtmpRefusedError):
            await RtmpViewer.play(url_of(await viewer.call("play", streamID="cam")) + "x")
        screen = await self._calls.enter_async_context(rtc_peer())
        browser = await self.user("browser", "films")
        offer = await browser.call("play", streamID="cam", transport="webrtc")
        await browser.call("answer", streamID="cam", sdp=await screen.answer(offer["sdp"]))
        self._background(self._stats(browser, "cam"))

    async def talk(self) -> None:
        """A browser's peer sends sound."""
        microphone = await self._calls.enter_async_context(rtc_peer())
        carl = await self.user("carl", "talk")
        answer = await carl.call("publish", streamID="voice", transport="webrtc", media=["audio"], sdp=await microphone.offer())
        await microphone.accept(answer["sdp"])
        await carl.event("publisherState", lambda params: params["state"] == "PUBLISHING")

    async def slow(self, name: str, clip: Clip) -> SlowPublisher:
        """A user with a slow uplink."""
        user = await self.user(name, "slow")
        publisher = await SlowPublisher.push(url_of(await user.call("publish", streamID=name)), clip)
        self._background(publisher.run())
        return publisher

    def _report(self, client: Client, direction: str, stream: str, **caches: int) -> None:
        info = {"videoBitrate": 200, "audioBitrate": 48, "videoFPS": "15", "videoGOP": 1, "netQualityLevel": 2, **caches}
        report = {"direction": direction, "event": "bindnetstatus", "streamID": stream, "data": {"info": info}}

        async def again() -> None:
            while True:
                await client.call("report", **report)
                await asyncio.sleep(REPORT)

        self._background(again())

    async def _stats(self, client: Client, stream: str) -> None:
        told = {"fps": 15, "buffer": 0.2, "freezes": 0.01, "roundTrip": 0.02, "loss": 0.0}
        while True:
            await client.call("report", direction="pull", event="stats", streamID=stream, data=told)
            await asyncio.sleep(REPORT)

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(asyncio.create_task(work))


def stored(mongo: ReplicaSet) -> Config:
    """Settings with a store: a part of what is shown is about it."""
    return config(store=StoreSettings(url=mongo.url, database="prometheus"))


def filled_in(expr: str) -> str:
    """An expression as Grafana asks it when everything is chosen."""
    return re.sub(r"\$(job|instance)\b", ".*", expr).replace("$__rate_interval", "1m")


async def every_panel_shows_something(prometheus: Prometheus) -> None:
    """Every line of every panel has a number, sooner or later."""
    for dashboard in DASHBOARDS:
        for panel in dashboard.panels:
            for query in panel.queries:
                assert await prometheus.numbers(filled_in(query.expr)), (panel.title, query.expr)


@pytest.mark.alone
async def test_calls_on_the_dashboards_and_an_alert_that_comes_and_goes(tmp_path: Path, clip: Clip) -> None:
    (tmp_path / "mongo").mkdir()
    async with replica_set(tmp_path / "mongo") as mongo, running(stored(mongo)) as gateway:
        target = gateway.addresses.http.removeprefix("http://")
        async with watching(tmp_path, target) as (prometheus, inbox), Town.alive(gateway) as town:
            await prometheus.until("gateway_ready == 1")
            publishers = [await town.slow(f"slow-{number}", clip) for number in range(SLOW)]
            await asyncio.gather(town.films(clip), town.talk())
            await every_panel_shows_something(prometheus)

            firing = await inbox.hears("GatewayUplinksBad", "firing")
            assert firing["receiver"] == "team"
            assert firing["labels"]["instance"] == target
            assert re.match(r"\d+(\.\d+)?% of the uplinks to \S+ are bad", firing["annotations"]["summary"])
            for publisher in publishers:
                publisher.mend()
            await inbox.hears("GatewayUplinksBad", "resolved")
            assert "GatewayDownlinksBad" not in {alert["labels"]["alertname"] for alert in inbox.alerts}

            exposition = (await get(f"{gateway.addresses.http}/metrics")).content
            assert await ask("promtool", "check", "metrics", stdin=exposition) == (0, "")
