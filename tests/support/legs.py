"""Calls on a gateway that is a process of its own, what their callers hear of their legs, and whether that was right.

Every caller notes each `quality` event; afterwards it is said how long it took until all whom it concerns had heard of the
leg at fault, and whether anyone ever heard of another. What the server API says meanwhile has to be the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from gateway.quality.verdict import Leg
from tests.support.callers import Caller, Footage
from tests.support.gateway import APP, DEADLINE, SECRET
from tests.support.process import GatewayProcess, serving

LIMIT = 15.0
"""Seconds within which the leg at fault has to be blamed."""
LONGER = 5.0
"""Seconds that a fault goes on after it was blamed: nothing else may be blamed meanwhile."""
RECOVERY = 40.0
"""Seconds after the end of a fault by which all has to be well again."""
PUBLISHER = "publisher"
_BEAT = 0.1
_KEY = "the server API's key of the tests, long enough"
_SETTINGS = f"""
shutdown_grace = 3
shutdown_spread = 1
[listen]
host = "127.0.0.1"
public_host = "127.0.0.1"
[apps.{APP}]
secret = "{SECRET}"
api_key = "{_KEY}"
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """One `quality` event of one caller."""

    caller: Caller
    at: float
    """time.monotonic()."""
    legs: dict[Leg, str]
    """The legs that are not good, with what is held against them."""
    blamed: frozenset[Leg]
    """The legs at fault for what it publishes and plays."""

    @classmethod
    def of(cls, caller: Caller, event: dict[str, Any]) -> Heard:
        params = event["params"]
        verdicts = [(Leg.SERVER, params["server"])]
        verdicts += [(leg, entry[leg]) for entry in params["publishing"] + params["playing"] for leg in Leg if leg in entry]
        legs = {leg: _told(verdict) for leg, verdict in verdicts if verdict["level"] != "good"}
        blamed = {Leg(entry["blame"]) for entry in params["playing"] if entry["blame"]}
        own = legs if params["publishing"] else {}
        return cls(caller, event["at"], legs, frozenset(blamed | own.keys()))


def heard(caller: Caller, since: float = 0.0) -> list[Heard]:
    """Every `quality` event of a caller from a time on."""
    return [Heard.of(caller, event) for event in caller.client.heard("quality") if event["at"] >= since]


@dataclass(slots=True)
class Fault:
    """What is wrong in a call: a leg, and whom it concerns."""

    leg: Leg
    whom: Collection[Caller]
    since: float = field(default_factory=time.monotonic)

    def blamed_to(self, caller: Caller) -> float | None:
        """When a caller first heard of it."""
        return next((one.at for one in heard(caller, self.since) if self.leg in one.blamed), None)

    @property
    def unheard(self) -> list[str]:
        """Who has not heard of it."""
        return [caller.user for caller in self.whom if self.blamed_to(caller) is None]

    @property
    def took(self) -> float | None:
        """Seconds until all had heard of it."""
        times = [at for caller in self.whom if (at := self.blamed_to(caller)) is not None]
        return max(times) - self.since if len(times) == len(self.whom) else None

    def explains(self, one: Heard, leg: Leg) -> bool:
        return leg is self.leg and one.caller in self.whom and one.at >= self.since


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call with, or without, a fault was judged."""

    name: str
    expected: Leg | None
    took: float | None = None
    """Seconds from the beginning of the fault until all whom it concerns had heard of it; `None`: they never had."""
    wrong: Sequence[str] = ()
    """Who heard of another leg, when, and what was held against it; and all else that should not be."""
    callers: str = ""
    """How the callers' own process did: one with too little of a processor makes all networks bad."""

    @property
    def right(self) -> bool:
        in_time = self.expected is None or (self.took is not None and self.took <= LIMIT)
        return in_time and not self.wrong

    def __str__(self) -> str:
        took = "nobody blamed" if self.took is None else f"{self.expected} blamed after {self.took:.1f} s"
        return "; ".join((f"{self.name}: {took}", *self.wrong, self.callers))


class Pulse:
    """How this process does, in which all callers are."""

    def __init__(self) -> None:
        self._beats: list[tuple[float, float, float]] = []
        """When one was due, by how much it was late, and what the process had computed by then; in seconds."""

    async def beat(self) -> None:
        while True:
            due = time.monotonic() + _BEAT
            await asyncio.sleep(_BEAT)
            self._beats.append((due, time.monotonic() - due, time.process_time()))

    def since(self, began: float) -> str:
        """The worst from a time on."""
        beats = [beat for beat in self._beats if beat[0] >= began]
        late = max((late for _, late, _ in beats), default=0.0)
        seconds = max(1, round(1 / _BEAT))
        busy = max((after[2] - before[2] for before, after in zip(beats, beats[seconds:], strict=False)), default=0.0)
        return f"the callers' process was late by up to {late:.2f} s and computed for up to {busy:.2f} s in a second"


@dataclass(slots=True)
class Call:
    """A room with a publisher, whose stream is named as the room is, and viewers."""

    gateway: GatewayProcess
    footage: Footage
    name: str
    seed: int
    exits: AsyncExitStack
    pulse: Pulse
    callers: dict[str, Caller] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)
    """From when on it counts what callers hear."""

    @property
    def publisher(self) -> Caller:
        return self.callers[PUBLISHER]

    @property
    def viewers(self) -> list[Caller]:
        return [caller for user, caller in self.callers.items() if user != PUBLISHER]

    @property
    def everyone(self) -> list[Caller]:
        return list(self.callers.values())

    async def join(self, user: str = PUBLISHER) -> Caller:
        seed = self.seed * 100 + len(self.callers) * 10
        self.callers[user] = await Caller.join(self.gateway, self.name, f"{self.name} {user}", self.exits, seed)
        return self.callers[user]

    async def publish(self, transport: str) -> None:
        """The publisher joins and is on air, over `rtmp` or `whip`."""
        publisher = await self.join()
        await (publisher.push if transport == "rtmp" else publisher.whip)(self.name, self.footage)

    async def play(self, *transports: str) -> None:
        """One viewer for each transport, who gets media."""
        for number, transport in enumerate(transports, 1):
            await (await self.join(f"viewer {number}")).play(self.name, transport)

    async def suffer(self, fault: Fault, end: Callable[[], object]) -> Outcome:
        """A fault that has just begun goes on until it was blamed and a little longer, and is ended."""
        await happens(lambda: not fault.unheard, LIMIT)
        await asyncio.sleep(LONGER)
        asked = await self._ask(fault)
        end()
        await happens(lambda: not self.trouble, RECOVERY)
        return self.judged(fault, *asked, *(f"still {one}" for one in self.trouble))

    def judged(self, fault: Fault | None = None, *more: str) -> Outcome:
        """What was heard. It does not count again. `more`: what else is wrong."""
        began, self.since = self.since, time.monotonic()
        wrong = [
            f"{one.at - (fault.since if fault else began):+.1f} s: {one.caller.user}: {leg} {told}"
            for caller in self.everyone
            for one in heard(caller, began)
            for leg, told in one.legs.items()
            if not (fault and fault.explains(one, leg))
        ]
        wrong += more
        callers = self.pulse.since(began)
        if fault is None:
            return Outcome(self.name, None, wrong=wrong, callers=callers)
        wrong += [f"{user}: heard nothing" for user in fault.unheard]
        return Outcome(self.name, fault.leg, fault.took, wrong, callers)

    @property
    def trouble(self) -> list[str]:
        """What was not good in the last that everyone heard."""
        latest = [one for caller in self.everyone for one in heard(caller)[-1:]]
        return [f"{one.caller.user}: {leg} {told}" for one in latest for leg, told in one.legs.items()]

    async def _ask(self, fault: Fault) -> list[str]:
        """What the server API says otherwise of who is to blame."""
        url = f"{self.gateway.addresses.http}/v1/apps/{APP}/rooms/{self.name}/quality"
        async with httpx.AsyncClient(trust_env=False, timeout=DEADLINE) as http:
            response = await http.get(url, headers={"authorization": f"Bearer {_KEY}"})
        told = response.raise_for_status().json()
        guilty = {caller.user for caller in fault.whom}
        return [
            f"the API blames {entry['blame']} for what {entry['userID']} gets"
            for entry in told["playing"]
            if entry["blame"] != (fault.leg if entry["userID"] in guilty else None)
        ]


@dataclass(slots=True)
class Stage:
    """A gateway on which calls go on, any number at a time."""

    gateway: GatewayProcess
    footage: Footage
    pulse: Pulse
    calls: int = 0

    @asynccontextmanager
    async def call(self, name: str) -> AsyncIterator[Call]:
        """A call in which nobody is yet, with a name of its own."""
        self.calls += 1
        async with AsyncExitStack() as exits:
            yield Call(self.gateway, self.footage, name, self.calls, exits, self.pulse)


@asynccontextmanager
async def stage(folder: Path, footage: Footage) -> AsyncIterator[Stage]:
    """A gateway of one's own; `folder` is there for it alone."""
    pulse = Pulse()
    beating = asyncio.create_task(pulse.beat())
    try:
        async with serving(folder, settings=_SETTINGS) as gateway:
            yield Stage(gateway, footage, pulse)
    finally:
        beating.cancel()


async def happens(true: Callable[[], bool], deadline: float) -> bool:
    """Waits for something that nobody announces; whether it came."""
    end = time.monotonic() + deadline
    while not true():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.1)
    return True


def _told(verdict: dict[str, Any]) -> str:
    evidence = ", ".join(f"{one['measure']}={one['value']:.3g} ({one['source']})" for one in verdict["evidence"])
    return f"{verdict['level']}: {evidence}"
