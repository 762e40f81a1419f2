"""The leg that is bad is blamed within 15 seconds, and no other; a call that only looks bad is nobody's fault.

All calls but those of the overloaded gateway go on at the same time on one gateway, which is a process of its own; so is
the one that is overloaded. The networks between them and their callers are proxies, each one caller's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
import uvloop

from gateway.quality.verdict import Leg
from tests.support.callers import Footage, stay_on_loopback
from tests.support.legs import Outcome, Stage, stage
from tests.support.stories import DOWNLINKS, INNOCENT, UPLINKS, Story, attempted, loaded_server

pytestmark = pytest.mark.alone

RUNS = 5
"""Of each kind of fault."""
APART = 0.5
"""Seconds from the beginning of one call to that of the next."""
BAD_LEGS = {f"{leg}-{number}": story for leg, stories in (("uplink", UPLINKS), ("downlink", DOWNLINKS))
            for number, story in enumerate(stories, 1)}  # fmt: skip
LOOKING_BAD = {f"{kind}-{number}".replace(" ", "-"): story for kind, stories in INNOCENT.items()
               for number, story in enumerate(stories, 1)}  # fmt: skip
OVERLOADS = [f"server-{number}" for number in range(1, RUNS + 1)]


async def played(stage: Stage, stories: Mapping[str, Story]) -> list[Outcome]:
    """How all these were judged, which are played at the same time."""

    async def play(turn: int, name: str, story: Story) -> Outcome:
        await asyncio.sleep(turn * APART)
        return await attempted(stage, name, story)

    return await asyncio.gather(*(play(turn, name, story) for turn, (name, story) in enumerate(stories.items())))


async def everything(folder: Path) -> Mapping[str, Outcome]:
    stay_on_loopback()
    footage = Footage.make(folder)
    (folder / "calls").mkdir()
    (folder / "overloaded").mkdir()
    async with stage(folder / "calls", footage) as calls, stage(folder / "overloaded", footage) as overloaded:
        playing = asyncio.create_task(played(calls, {**LOOKING_BAD, **BAD_LEGS}))
        found = [outcome async for outcome in loaded_server(overloaded, "server", RUNS)]
        found += await playing
    return {outcome.name: outcome for outcome in found}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Outcome]:
    """How each call was judged."""
    return uvloop.run(everything(tmp_path_factory.mktemp("legs")))


def test_each_fault_runs_as_often_as_the_others() -> None:
    assert len(UPLINKS) == len(DOWNLINKS) == RUNS


@pytest.mark.parametrize("name", [*BAD_LEGS, *OVERLOADS])
def test_the_bad_leg_is_blamed_and_no_other(outcomes: Mapping[str, Outcome], name: str) -> None:
    assert outcomes[name].right, str(outcomes[name])
    assert outcomes[name].expected is Leg(name.partition("-")[0])


@pytest.mark.parametrize("name", LOOKING_BAD)
def test_nobody_is_blamed_for_what_is_no_fault(outcomes: Mapping[str, Outcome], name: str) -> None:
    assert outcomes[name].right, str(outcomes[name])
    assert outcomes[name].expected is None
