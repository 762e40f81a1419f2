"""Many RTMP publishers that cost a server next to nothing: a picture and a sound every second each.

  trickle.py FILE -n 1000     a publisher for each of the first 1000 addresses in FILE, until SIGTERM

What they send is made up. Prints a line of JSON at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvloop

from adapters.flv.tags import audio_body, video_body
from adapters.media.units import AudioConfig, AudioUnit, VideoConfig
from tests.support.rtmp_client import RtmpClient, RtmpClosedError
from tests.support.stamps import numbered, take_apart
from tests.support.streams import AUDIO_CONFIG, VIDEO_CONFIG

AT_ONCE = 16
"""Publishers on their way."""


async def _publish(client: RtmpClient) -> None:
    client.send_video(0, video_body(VideoConfig(0, VIDEO_CONFIG)))
    client.send_audio(0, audio_body(AudioConfig(0, AUDIO_CONFIG)))
    number = 0
    while True:
        at = 1000 * number
        client.send_video(at, video_body(numbered(number, at, keyframe=True, size=100)))
        client.send_audio(at, audio_body(AudioUnit(at, b"\x21\x10\x04")))
        number += 1
        await asyncio.sleep(1)


async def _listen(client: RtmpClient) -> None:
    try:
        async for _ in client.messages(deadline=float("inf")):
            pass
    except RtmpClosedError:
        pass


async def run(urls: Sequence[str]) -> dict[str, int]:
    """Publishes until it is told to end; how many still published then."""
    over, waiting = asyncio.Event(), iter(urls)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    sending: list[asyncio.Task[None]] = []
    hearing: list[asyncio.Task[None]] = []

    async def next_ones(urls: Iterator[str]) -> None:
        for url in urls:
            host, port, application, name = take_apart(url)
            client = await RtmpClient.connect(host, port, application)
            await client.publish(name)
            sending.append(asyncio.create_task(_publish(client)))
            hearing.append(asyncio.create_task(_listen(client)))

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(next_ones(waiting))
    await over.wait()
    alive = sum(not task.done() for task in hearing)
    for task in (*sending, *hearing):
        task.cancel()
    return {"alive": alive}


def main() -> None:
    """Runs what the command line asks for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("file", type=Path, help="an address a line")
    options.add_argument("-n", type=int, required=True, help="publishers")
    given = options.parse_args()
    print(json.dumps(uvloop.run(run(given.file.read_text().split()[: given.n]))))


if __name__ == "__main__":
    main()
