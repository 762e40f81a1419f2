"""When a publisher's connection is examined, and what comes of it."""

from __future__ import annotations

import asyncio

from adapters.media.streams import Ingest
from gateway.errors import KEY_REVOKED, GatewayError
from gateway.quality.checkup import StreamFacts
from gateway.rooms.events import PublisherNotice, StreamAdded
from gateway.rooms.model import Grant
from tests.support.lobby import AUDIO, Guest
from tests.unit.adapters.media.test_streams import Pusher, Scene, play_out, send_audio


def names(guest: Guest) -> list[list[str]]:
    """What a publisher heard of findings, each time."""
    notices = [fact for fact in guest.heard if isinstance(fact, PublisherNotice) and fact.findings]
    return [[finding.trouble.name for finding in notice.findings] for notice in notices]


async def talk(ingest: Ingest, seconds: int) -> None:
    """Sound alone, four units a second."""
    for number in range(4 * seconds):
        send_audio(ingest, number * 13)
        await asyncio.sleep(0.25)


def watch(scene: Scene) -> list[tuple[Grant, StreamFacts]]:
    """Every examination from now on."""
    seen: list[tuple[Grant, StreamFacts]] = []
    examined = scene.lobby.registry.examined

    def noted(grant: Grant, facts: StreamFacts) -> None:
        seen.append((grant, facts))
        examined(grant, facts)

    scene.lobby.registry.examined = noted  # type: ignore[method-assign]
    return seen


@play_out
async def test_each_connection_is_examined_once(scene: Scene) -> None:
    seen = watch(scene)
    for _ in range(2):
        ingest = await scene.push(Pusher())
        await talk(ingest, 30)
        ingest.close(deliberate=False)
    assert [grant for grant, _ in seen] == [scene.grant] * 2
    assert [round(facts.seconds) for _, facts in seen] == [12, 12]
    assert names(scene.ann) == [["VIDEO_PROMISED_MISSING"]] * 2


@play_out
async def test_it_is_known_what_a_publisher_means_to_send(scene: Scene) -> None:
    seen = watch(scene)
    scene.grant.media = AUDIO
    await talk(await scene.push(Pusher()), 6)
    assert [round(facts.seconds) for _, facts in seen] == [5]


@play_out
async def test_others_hear_of_the_stream_before_its_publisher_hears_of_findings(scene: Scene) -> None:
    await talk(await scene.push(Pusher()), 13)
    assert [type(event) for event in scene.bob.events] == [StreamAdded]
    assert names(scene.ann) == [["VIDEO_PROMISED_MISSING"]]


@play_out
async def test_a_connection_that_was_cut_is_not_examined_any_more(scene: Scene) -> None:
    seen = watch(scene)
    ingest = await scene.push(Pusher())
    await talk(ingest, 4)
    scene.streams.cut(scene.grant, GatewayError(KEY_REVOKED))
    await talk(ingest, 20)
    assert seen == []
