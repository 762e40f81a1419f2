"""make soak: bad legs and calls that only look bad, a hundred of each, and how often the verdict was right.

The stories are those of `tests/e2e/test_quality_legs.py`. Ten calls go on at a time on one gateway, beside another one that
is overloaded again and again. What is judged wrongly is printed when it happens, a table at the end; the exit code is 1 if
there was anything. A hundred of each take some three quarters of an hour.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
import traceback
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

import uvloop

from gateway.quality.verdict import Leg
from tests.support.callers import Footage, stay_on_loopback
from tests.support.legs import Outcome, Stage, stage
from tests.support.stories import DOWNLINKS, INNOCENT, UPLINKS, Story, attempted, loaded_server

AT_ONCE = 10
"""Calls at a time on the gateway that is not overloaded."""
APART = 1.0
"""Seconds from the beginning of one of these to that of the next, at first."""
OVERLOADS_IN_A_CALL = 10
OVERLOAD = "server"
KINDS: Mapping[str, Sequence[Story]] = {"uplink": UPLINKS, "downlink": DOWNLINKS, **INNOCENT}
"""What goes on on the gateway that is not overloaded."""

Results = dict[str, list[Outcome]]
"""By kind."""


def programme(kinds: Sequence[str], runs: int) -> Iterator[tuple[str, Story]]:
    """Every run of these kinds with its name, the kinds by turns."""
    for number in range(runs):
        for kind in kinds:
            yield f"{kind}-{number + 1}".replace(" ", "-"), KINDS[kind][number % len(KINDS[kind])]


def kind_of(name: str) -> str:
    """The kind of the run that has this name."""
    return name.rstrip("-0123456789").replace("-", " ")


async def overloads(stage: Stage, runs: int) -> AsyncIterator[Outcome]:
    """A call that cannot go on to its end is one wrong run."""
    for first in range(0, runs, OVERLOADS_IN_A_CALL):
        try:
            async for outcome in loaded_server(stage, f"{OVERLOAD}-{first}", min(OVERLOADS_IN_A_CALL, runs - first)):
                yield outcome
        except Exception:
            yield Outcome(f"{OVERLOAD}-{first}", Leg.SERVER, wrong=[traceback.format_exc()])


async def soak(kinds: Sequence[str], runs: int, folder: Path) -> Results:
    """Plays everything, and says on the way how far it is."""
    stay_on_loopback()
    footage = Footage.make(folder)
    results: Results = {kind: [] for kind in kinds}
    began = time.monotonic()
    todo = programme([kind for kind in kinds if kind != OVERLOAD], runs)

    def note(outcome: Outcome) -> None:
        results[kind_of(outcome.name)].append(outcome)
        if not outcome.right:
            print(f"WRONG {outcome}", flush=True)
        done = {kind: len(found) for kind, found in results.items()}
        print(f"{time.monotonic() - began:6.0f} s  {done}", file=sys.stderr, flush=True)

    async def play(stage: Stage, turn: int) -> None:
        await asyncio.sleep(turn * APART)
        for name, story in todo:
            note(await attempted(stage, name, story))

    async def overload(stage: Stage) -> None:
        async for outcome in overloads(stage, runs if OVERLOAD in kinds else 0):
            note(outcome)

    async with stage(_folder(folder, "calls"), footage) as quiet, stage(_folder(folder, "overloaded"), footage) as overloaded:
        await asyncio.gather(overload(overloaded), *(play(quiet, turn) for turn in range(AT_ONCE)))
    return results


def table(results: Results) -> str:
    """One line per kind."""
    lines = [f"{'kind':<12}{'runs':>6}{'right':>7}{'wrong':>7}   blamed after: median, longest"]
    for kind, outcomes in results.items():
        right = sum(outcome.right for outcome in outcomes)
        took = [outcome.took for outcome in outcomes if outcome.took is not None]
        times = f"{statistics.median(took):.1f} s, {max(took):.1f} s" if took else "-"
        lines.append(f"{kind:<12}{len(outcomes):>6}{right:>7}{len(outcomes) - right:>7}   {times}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description="How often verdicts on calls are right.")
    parser.add_argument("--runs", type=int, default=100, help="of each kind")
    parser.add_argument("--only", choices=[*KINDS, OVERLOAD], action="append", help="this kind; may be given more than once")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = uvloop.run(soak(given.only or [*KINDS, OVERLOAD], given.runs, Path(folder)))
    print(table(results))
    return 0 if all(outcome.right for outcomes in results.values() for outcome in outcomes) else 1


def _folder(parent: Path, name: str) -> Path:
    made = parent / name
    made.mkdir()
    return made


if __name__ == "__main__":
    sys.exit(main())
