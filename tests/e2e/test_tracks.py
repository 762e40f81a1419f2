"""What a player is given has one video and one audio track: metadata is taken for neither, whenever the player joins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import NewCall
from tests.support.gateway import url_of
from tests.support.media_client import PROTOCOLS
from tests.support.programs import run, started


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_ffmpeg_finds_two_tracks(protocol: str, new_call: NewCall, minute: Path) -> None:
    async with new_call() as call:
        url = await call.address()
        async with started("ffmpeg", "-v", "error", "-re", "-i", minute, "-c", "copy", "-f", "flv", url):
            await call.added()
            pull = url_of(await call.bob.call("play", streamID="cam"), protocol)
            found = await run("ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "json", pull)
            tracks = sorted(track["codec_name"] for track in json.loads(found.out)["streams"])
            assert (tracks, found.errors) == (["aac", "h264"], "")
