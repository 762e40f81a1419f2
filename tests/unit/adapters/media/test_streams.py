"""Who publishes a stream now, who takes over from whom, and what becomes of the connections when the gateway decides.

The event loop's time jumps to the next timer whenever nothing else is to be done: exact, and without waiting.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from adapters.media.outflow import FRAMING
from adapters.media.streams import Ingest, Streams, Viewing
from adapters.media.units import AudioConfig, AudioUnit, Medium, Metadata, Unit, VideoConfig
from gateway.auth.access import AccessRequest, Action
from gateway.config import MediaSettings
from gateway.errors import ALREADY_PUBLISHING, KEY_REVOKED, SHUTTING_DOWN, Fault, GatewayError
from gateway.quality.readings import LEAST_BITRATE, PathReading
from gateway.rooms.events import StreamAdded, StreamRemoved
from gateway.rooms.model import BOTH_MEDIA, Grant
from tests.support.lobby import AUDIO, Guest, Lobby
from tests.support.streams import AUDIO_CONFIG, VIDEO_CONFIG, RecordingViewer, audio, picture

HOLD, SILENCE = 3.0, 2.0


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop that does not wait: its time jumps to the next timer."""

    def __init__(self) -> None:
        self.now = 100.0
        super().__init__(_NoWaiting(self))

    def time(self) -> float:
        return self.now


class _NoWaiting(selectors.SelectSelector):
    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everyone waits for something that never comes"
        self._loop.now += timeout
        return super().select(0)


class Pusher:
    """A publishing connection: when it was heard last, and with which reasons it was cut."""

    def __init__(self, *, lively: bool = True) -> None:
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self.lively = lively
        self.cuts: list[Fault] = []

    def last_heard(self) -> float:
        return self._loop.time() if self.lively else self._heard_at

    def request_keyframe(self) -> None:
        """It has no encoder."""

    def measure_path(self) -> PathReading:
        return PathReading(round_trip=0.08)

    def cut(self, error: GatewayError) -> None:
        self.cuts.append(error.fault)


class Scene:
    """The directory of streams with a registry behind it."""

    def __init__(self, media: MediaSettings | None = None) -> None:
        self.lobby = Lobby(media=media)
        self.streams = Streams(self.lobby.registry, self.lobby.media)
        self.lobby.registry.connect(self.streams)
        self.ann = self.lobby.enter("ann")
        self.bob = self.lobby.enter("bob")
        self.grant = self.ann.publish("s")
        self.address = self.lobby.request(self.grant)

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def push(self, pusher: Pusher, address: AccessRequest | None = None) -> Ingest:
        return await self.streams.publish(address or self.address, pusher)

    async def go_on_air(self, pusher: Pusher) -> Ingest:
        ingest = await self.push(pusher)
        send_audio(ingest)
        return ingest

    async def view(self, guest: Guest, viewer: RecordingViewer) -> tuple[Grant, Viewing]:
        grant = guest.play("s", wait=True)
        return grant, await self.streams.play(self.lobby.request(grant), viewer)


def send_audio(ingest: Ingest, *numbers: int) -> None:
    """Writes a configuration and these access units."""
    units: list[Unit] = [AudioConfig(0, AUDIO_CONFIG), *(audio(number, 20 * number) for number in numbers or (1,))]
    for unit in units:
        ingest.write(unit)


async def refused(wish: Awaitable[object]) -> Fault:
    """Why it is refused."""
    with pytest.raises(GatewayError) as refusal:
        await wish
    return refusal.value.fault


def play_out(scene: Callable[[Scene], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Makes a coroutine over a fresh scene a test."""

    async def main() -> None:
        await scene(Scene())

    def test() -> None:
        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            runner.run(main())

    test.__doc__ = scene.__doc__
    return test


@play_out
async def test_a_second_live_publisher_is_held_then_refused_and_disturbs_nothing(scene: Scene) -> None:
    first = Pusher()
    await scene.go_on_air(first)
    scene.bob.forget()
    began = scene.now()
    assert await refused(scene.push(Pusher())) is ALREADY_PUBLISHING
    assert scene.now() - began == pytest.approx(HOLD)
    assert (first.cuts, scene.bob.heard) == ([], [])


@play_out
async def test_it_takes_over_once_the_first_has_been_silent(scene: Scene) -> None:
    first = Pusher(lively=False)
    await scene.go_on_air(first)
    scene.bob.forget()
    began = scene.now()
    ingest = await scene.go_on_air(Pusher())
    assert scene.now() - began == pytest.approx(SILENCE)
    assert first.cuts == [ALREADY_PUBLISHING]
    assert scene.bob.events == [], "nobody is told"
    assert list(scene.streams.ingests()) == [ingest]


@play_out
async def test_it_takes_over_as_soon_as_the_first_is_closed(scene: Scene) -> None:
    ingest = await scene.go_on_air(Pusher())
    began = scene.now()
    asyncio.get_running_loop().call_later(1, lambda: ingest.close(deliberate=False))
    await scene.push(Pusher())
    assert scene.now() - began == pytest.approx(1)


@play_out
async def test_only_one_waits_others_are_refused_at_once(scene: Scene) -> None:
    await scene.go_on_air(Pusher())
    waiting = asyncio.ensure_future(scene.push(Pusher()))
    await asyncio.sleep(0)
    began = scene.now()
    assert await refused(scene.push(Pusher())) is ALREADY_PUBLISHING
    assert scene.now() == began
    assert await refused(waiting) is ALREADY_PUBLISHING


@play_out
async def test_one_who_waits_does_not_push_out_another_who_came_in_between(scene: Scene) -> None:
    first = await scene.go_on_air(Pusher())
    waiting = asyncio.ensure_future(scene.push(Pusher()))
    await asyncio.sleep(0)
    first.close(deliberate=True)
    between = await scene.push(Pusher())
    assert await refused(waiting) is ALREADY_PUBLISHING
    assert list(scene.streams.ingests()) == [between]


@play_out
async def test_one_who_waits_is_refused_when_the_grant_ends(scene: Scene) -> None:
    first = Pusher()
    await scene.go_on_air(first)
    waiting = asyncio.ensure_future(scene.push(Pusher()))
    await asyncio.sleep(0)
    scene.lobby.registry.unpublish(scene.ann.session, "s", BOTH_MEDIA)
    assert first.cuts == [KEY_REVOKED]
    assert await refused(waiting) is KEY_REVOKED


@play_out
async def test_one_who_waits_does_not_hold_up_the_gateways_end(scene: Scene) -> None:
    await scene.go_on_air(Pusher())
    waiting = asyncio.ensure_future(scene.push(Pusher()))
    await asyncio.sleep(0)
    scene.streams.stop(GatewayError(SHUTTING_DOWN))
    began = scene.now()
    await waiting
    assert scene.now() == began


@play_out
async def test_a_signed_address_publishes_without_a_session(scene: Scene) -> None:
    address = scene.lobby.address(Action.PUBLISH, "studio")
    ingest = await scene.push(Pusher(), address)
    send_audio(ingest)
    viewer = RecordingViewer()
    await scene.streams.play(scene.lobby.address(Action.PLAY, "studio"), viewer)
    send_audio(ingest, 2)
    await asyncio.sleep(1)
    assert viewer.story[-1].startswith("A2@")


@play_out
async def test_one_that_was_cut_writes_nothing_more(scene: Scene) -> None:
    first = await scene.go_on_air(Pusher(lively=False))
    viewer = RecordingViewer()
    await scene.view(scene.bob, viewer)
    second = await scene.go_on_air(Pusher())
    await asyncio.sleep(1)
    viewer.forget()
    first.write(audio(99, 1000))
    await asyncio.sleep(1)
    assert viewer.writes == []
    first.close(deliberate=True)
    assert list(scene.streams.ingests()) == [second], "and its end means nothing"


@play_out
async def test_a_stream_is_announced_with_its_first_media_and_a_lost_publisher_is_not_told(scene: Scene) -> None:
    ingest = await scene.push(Pusher())
    assert scene.bob.events == []
    send_audio(ingest)
    (added,) = scene.bob.events
    assert (type(added), added.stream.media) == (StreamAdded, AUDIO)
    ingest.close(deliberate=False)
    ingest.close(deliberate=True)
    assert len(scene.bob.events) == 1


@play_out
async def test_a_deliberate_end_lets_the_viewers_go(scene: Scene) -> None:
    ingest = await scene.go_on_air(Pusher())
    viewer = RecordingViewer()
    _, viewing = await scene.view(scene.bob, viewer)
    ingest.close(deliberate=True)
    assert [type(event) for event in scene.bob.events] == [StreamAdded, StreamRemoved]
    assert viewer.endings == [None]
    viewing.close()
    assert len(scene.streams) == 0


@play_out
async def test_viewers_stay_while_a_lost_publisher_is_awaited(scene: Scene) -> None:
    viewer = RecordingViewer()
    await scene.view(scene.bob, viewer)
    (await scene.go_on_air(Pusher())).close(deliberate=False)
    assert viewer.endings == []
    ingest = await scene.go_on_air(Pusher())
    viewer.forget()
    send_audio(ingest, 2)
    await asyncio.sleep(1)
    assert viewer.writes
    assert viewer.endings == []


@play_out
async def test_media_are_reported_once_by_each_connection_and_when_they_change(scene: Scene) -> None:
    reported: list[frozenset[Medium]] = []
    arrived = scene.lobby.registry.media_arrived

    def report(grant: Grant, media: frozenset[Medium]) -> None:
        reported.append(media)
        arrived(grant, media)

    scene.lobby.registry.media_arrived = report  # type: ignore[method-assign]
    ingest = await scene.go_on_air(Pusher())
    send_audio(ingest, 2, 3)
    assert reported == [AUDIO]
    ingest.close(deliberate=False)
    ingest = await scene.push(Pusher())
    ingest.write(Metadata(0, b"", {"width": 640.0}))
    assert reported == [AUDIO], "metadata is no media"
    send_audio(ingest, 4)
    assert reported == [AUDIO, AUDIO]
    ingest.write(VideoConfig(0, VIDEO_CONFIG))
    assert reported[2:] == [BOTH_MEDIA]


@play_out
async def test_a_paused_viewer_hears_of_the_end_too_and_once(scene: Scene) -> None:
    ingest = await scene.go_on_air(Pusher())
    viewer = RecordingViewer()
    grant, viewing = await scene.view(scene.bob, viewer)
    viewing.pause(True)
    viewer.forget()
    send_audio(ingest, 2)
    assert viewer.writes == []
    ingest.close(deliberate=True)
    assert viewer.endings == [None]
    viewing.pause(False)
    viewing.close()
    assert (viewer.endings, grant.connections) == ([None], 0)


@play_out
async def test_one_that_goes_on_joins_anew(scene: Scene) -> None:
    await scene.go_on_air(Pusher())
    viewer = RecordingViewer()
    _, viewing = await scene.view(scene.bob, viewer)
    viewing.pause(False)
    assert viewer.story == ["a@0"]
    viewing.pause(True)
    viewing.pause(False)
    assert viewer.story == ["a@0", "a@0"]


@play_out
async def test_stop_and_a_grants_end_tell_the_viewer_why_once(scene: Scene) -> None:
    await scene.go_on_air(Pusher())
    viewer = RecordingViewer()
    grant, viewing = await scene.view(scene.bob, viewer)
    scene.lobby.registry.stop(scene.bob.session, "s", BOTH_MEDIA)
    assert [error.fault for error in viewer.endings if error] == [KEY_REVOKED]
    viewing.close()
    assert (len(viewer.endings), grant.connections) == (1, 0)


@play_out
async def test_one_more_viewer_than_a_grant_may_have_puts_out_the_oldest(scene: Scene) -> None:
    await scene.go_on_air(Pusher())
    viewers = [RecordingViewer() for _ in range(scene.lobby.media.viewers_per_grant + 1)]
    for viewer in viewers:
        grant, _ = await scene.view(scene.bob, viewer)
    assert [bool(viewer.endings) for viewer in viewers] == [True, False, False, False, False]
    assert grant.connections == scene.lobby.media.viewers_per_grant


def test_the_only_viewer_of_a_grant_gives_way_before_anything_was_published() -> None:
    async def main() -> None:
        scene = Scene(MediaSettings(viewers_per_grant=1))
        first, second = RecordingViewer(), RecordingViewer()
        await scene.view(scene.bob, first)
        await scene.view(scene.bob, second)
        await scene.go_on_air(Pusher())
        await asyncio.sleep(1)
        assert ([bool(viewer.endings) for viewer in (first, second)], bool(second.writes)) == ([True, False], True)

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(main())


@play_out
async def test_a_change_of_the_grant_reaches_the_running_viewer(scene: Scene) -> None:
    viewer = RecordingViewer()
    await scene.view(scene.bob, viewer)
    scene.bob.play("s", AUDIO, wait=True)
    assert viewer.media == AUDIO


@play_out
async def test_every_stream_has_a_meter_with_its_viewers(scene: Scene) -> None:
    assert scene.streams.meters() == []
    viewer = RecordingViewer()
    grant, viewing = await scene.view(scene.bob, viewer)
    joined_at = scene.now()
    (meter,) = scene.streams.meters()
    assert (meter.app, meter.stream_id, meter.grant) == (grant.app, "s", None)
    awaited = meter.measure()
    assert (awaited.protocol, awaited.connected, awaited.path) == ("", False, PathReading())
    await asyncio.sleep(1)
    ingest = await scene.go_on_air(Pusher())
    await asyncio.sleep(0.5)
    assert (scene.streams.meters(), meter.grant, list(meter.viewers)) == ([meter], scene.grant, [viewing])
    reading = meter.measure()
    assert (reading.protocol, reading.connected, reading.audio, reading.span) == ("rtmp", True, True, pytest.approx(0.5))
    assert reading.path == PathReading(round_trip=0.08)
    viewer.held_bytes = 700
    egress = viewing.measure()
    assert (egress.protocol, egress.behind, egress.skips, egress.joined_at) == ("flv", False, 0, joined_at)
    assert egress.bitrate == pytest.approx(reading.audio_bitrate + 8 * FRAMING / 0.5)
    assert (egress.path.queued, egress.backlog) == (700, 700 * 8 / LEAST_BITRATE)
    ingest.close(deliberate=False)
    lost = meter.measure()
    assert (meter.grant, lost.protocol, lost.connected, lost.audio) == (None, "rtmp", False, False)


@play_out
async def test_a_viewer_that_lags_is_moved_unless_it_has_paused_or_gone(scene: Scene) -> None:
    await scene.go_on_air(Pusher())
    viewer = RecordingViewer()
    _, viewing = await scene.view(scene.bob, viewer)
    viewer.held_bytes = 1_000_000
    viewing.pause(True)
    assert (viewing.catch_up(), viewing.measure().bitrate) == (False, 0)
    viewing.pause(False)
    assert viewing.catch_up()
    assert (viewing.measure().behind, viewing.measure().skips) == (True, 0)
    assert not viewing.catch_up()
    assert scene.streams.transports["flv"].skips == 0
    viewing.close()
    assert not viewing.catch_up()
    assert [list(meter.viewers) for meter in scene.streams.meters()] == [[]]


@play_out
async def test_a_viewer_whose_media_are_only_on_their_way_is_not_moved(scene: Scene) -> None:
    ingest = await scene.go_on_air(Pusher())
    viewer = RecordingViewer()
    _, viewing = await scene.view(scene.bob, viewer)
    for number in range(100):
        ingest.write(AudioUnit(20 * number, bytes(1_000)))
        await asyncio.sleep(0.02)
    (meter,) = scene.streams.meters()
    meter.measure()
    viewer.round_trip, viewer.held_bytes = 0.3, 50_000
    assert viewing.measure().backlog == pytest.approx(1, rel=0.05)
    assert not viewing.catch_up()
    viewer.held_bytes = 60_000
    viewing.measure()
    assert viewing.catch_up()


@play_out
async def test_a_viewer_that_goes_on_after_a_pause_is_a_newcomer(scene: Scene) -> None:
    ingest = await scene.go_on_air(Pusher())
    ingest.write(VideoConfig(0, VIDEO_CONFIG))
    ingest.write(picture(1, 0, key=True))
    _, viewing = await scene.view(scene.bob, RecordingViewer())
    joined_at = scene.now()
    before = viewing.measure()
    assert (before.joined_at, before.first_picture_at) == (joined_at, joined_at)
    viewing.pause(True)
    await asyncio.sleep(60)
    assert viewing.measure().joined_at == joined_at
    viewing.pause(False)
    after = viewing.measure()
    assert (after.joined_at, after.first_picture_at) == (joined_at + 60, joined_at + 60)
    viewing.pause(False)
    await asyncio.sleep(1)
    assert viewing.measure().joined_at == joined_at + 60


@play_out
async def test_what_streams_that_are_over_delayed_is_kept(scene: Scene) -> None:
    ingest = await scene.go_on_air(Pusher())
    await scene.view(scene.bob, RecordingViewer())
    for number in range(2, 5):
        ingest.write(audio(number, 20 * number))
        await asyncio.sleep(0.1)
    ingest.close(deliberate=True)
    assert scene.streams.meters() == []
    assert sum(scene.streams.transports["flv"].delay.counts) == 3


@play_out
async def test_nothing_is_left_of_a_stream_that_nobody_uses(scene: Scene) -> None:
    _, viewing = await scene.view(scene.bob, RecordingViewer())
    ingest = await scene.go_on_air(Pusher())
    viewing.close()
    viewing.close()
    assert len(scene.streams) == 1
    ingest.close(deliberate=True)
    assert len(scene.streams) == 0
    scene.ann.leave()
    scene.bob.leave()
    assert scene.lobby.leftovers() == {}
