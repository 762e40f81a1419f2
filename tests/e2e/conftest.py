"""What the end-to-end tests share: clips, and calls between two users."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import Client, config, running
from tests.support.media_client import Call, Clip
from tests.support.tools import program

FPS = 15
NewCall = Callable[..., AbstractAsyncContextManager[Call]]


def _clip(path: Path, seconds: int, gop: int, size: str = "320x240") -> Clip:
    """H.264 baseline without B-frames and AAC, as a live-pusher sends them."""
    sources = ("-f", "lavfi", "-i", f"testsrc2=s={size}:r={FPS}", "-f", "lavfi", "-i", "sine=f=440:r=44100")
    video = ("-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p")
    groups = ("-bf", "0", "-g", str(gop), "-keyint_min", str(gop), "-sc_threshold", "0", "-b:v", "200k", "-threads", "1")
    audio = ("-c:a", "aac", "-b:a", "48k", "-ac", "1")
    out = ("-t", str(seconds), *video, *groups, *audio, "-f", "flv", path)
    subprocess.run([program("ffmpeg"), "-v", "error", "-nostdin", *sources, *out], check=True)
    return Clip.of(path, seconds * 1000)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """3 seconds with a keyframe each second."""
    return _clip(tmp_path_factory.mktemp("clips") / "clip.flv", 3, FPS)


@pytest.fixture(scope="session")
def minute(clip: Clip) -> Path:
    """The clip over and over for a minute, for programs that cannot repeat it themselves."""
    path = clip.path.with_name("minute.flv")
    repeated = ("-stream_loop", str(60_000 // clip.length - 1), "-i", clip.path)
    subprocess.run([program("ffmpeg"), "-v", "error", "-nostdin", *repeated, "-c", "copy", path], check=True)
    return path


@pytest.fixture(scope="session")
def long_gop_clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """4 seconds with a keyframe every other second."""
    return _clip(tmp_path_factory.mktemp("clips") / "long-gop.flv", 4, 2 * FPS)


@pytest.fixture(scope="session")
def small_clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """The camera after a change of its resolution."""
    return _clip(tmp_path_factory.mktemp("clips") / "small.flv", 2, FPS, "160x120")


@pytest.fixture
def new_call() -> NewCall:
    """Makes a call: a gateway, with Alice and Bob logged in to one room. Takes settings as `config` does."""

    @asynccontextmanager
    async def calling(**settings: Any) -> AsyncIterator[Call]:
        async with running(config(**settings)) as gateway:
            call = Call(gateway, await Client.login(gateway, "alice"), await Client.login(gateway, "bob"))
            try:
                yield call
            finally:
                await call.end()

    return calling
