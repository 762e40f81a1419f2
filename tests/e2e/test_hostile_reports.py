"""A hundred thousand malformed, huge or hostile reports are answered and counted, and a call beside them loses no picture.

What is random comes from fixed seeds. Half of the reports come over WebSockets, half over HTTP.
"""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from websockets.asyncio.client import connect

from gateway.auth.tokens import make_token
from tests.e2e.test_hostile import Call, beside_a_call, mutated
from tests.support.gateway import APP, DEADLINE, SECRET
from tests.support.scrape import metrics

pytestmark = pytest.mark.alone

OVER_SOCKETS = 50_000
BATCHES, BATCH = 500, 100
SOCKETS = 10
IN_FLIGHT = 32
"""Requests of a socket that wait for their answers."""
BATCHES_OF_A_USER = 2
"""What a user may bring at once."""
DIRECTIONS = ("push", "pull")
EVENTS = ("bindstatechange", "bindnetstatus", "binderror", "stats")
STRANGE = (
    "null", "[]", '""', "{}", "1e308", '{"code":1e308}', '{"code":-9223372036854775809}', '{"code":"5001"}', '{"code":null}',
    '{"detail":{"detail":{"code":1}}}', '{"detail":{"info":[]}}', '{"info":{"videoFPS":{}}}', '{"code":' + "9" * 4000 + "}",
    '{"videoBitrate":"' + "1" * 3000 + '"}', '{"videoBitrate":-1,"videoFPS":"NaN","netQualityLevel":7}', '{"code":2103.5}',
    '{"message":"' + "\\u0000\\u202e\\n" * 500 + '","code":-1307}', '{"code":2103,"code":-2301,"code":"x"}',
    '{"video":{"videoQuality":99},"audio":[],"rtt":"Infinity"}', "[" * 900 + "]" * 900, '{"detail":' * 900 + "1" + "}" * 900,
    '{"x":"' + "y" * 15_000 + '"}', "[" + "0," * 7_000 + "0]", "{" + ",".join(f'"k{n}":{n}' for n in range(900)) + "}",
    '{"x":"' + "z" * 20_000 + '"}', '{"errMsg":"\\ud800","errCode":10001}', '{"videoCache":600000,"videoFPS":1e-300}',
)  # fmt: skip
"""Data that is JSON, and nothing that a component says."""
BROKEN = ("{", "NaN", "'x'", "[1,]", '{"code":01}', '"\\ud8', "\x01", "tru")
"""Data that is not even that."""
GOOD = '{"videoBitrate":800,"audioBitrate":48,"videoFPS":"15","netSpeed":860,"netQualityLevel":2,"videoCache":3,"videoGOP":2}'


def hostile_data(rng: random.Random) -> str:
    """A report's data."""
    kind = rng.random()
    if kind < 0.5:
        return rng.choice(STRANGE)
    if kind < 0.6:
        return rng.choice(BROKEN)
    return mutated(GOOD.encode(), rng).decode("ascii", "replace") if kind < 0.95 else GOOD


def hostile_report(rng: random.Random) -> str:
    """A report, whose kind and stream may be as strange as its data."""
    direction, event = rng.choice(DIRECTIONS), rng.choice(EVENTS)
    stream = rng.choice(('"cam"', '"nobody\'s"', '""', "7", f'"{"s" * 300}"', '"\\u0000"'))
    match rng.randrange(8):
        case 0:
            direction = rng.choice(("", "PUSH", "push\\n"))
        case 1:
            event = "x" * rng.randrange(100)
    return f'{{"direction":"{direction}","event":"{event}","streamID":{stream},"data":{hostile_data(rng)}}}'


def hostile_frames(count: int, seed: int) -> Iterator[str]:
    """Requests that report, each with an id of its own."""
    rng = random.Random(seed)
    for id in range(count):
        yield f'{{"jsonrpc":"2.0","id":{id},"method":"report","params":{hostile_report(rng)}}}'


def hostile_bodies(count: int, seed: int) -> Iterator[tuple[bytes, dict[str, str]]]:
    """Batches with the headers that they are sent with. Three of every five are JSON throughout, or were."""
    rng, now = random.Random(seed), time.time()
    for number in range(count):
        user = f"mallory-{seed}-{number // BATCHES_OF_A_USER}"
        headers = {"authorization": "Bearer " + make_token(SECRET, APP, user, now=now, ttl=600)}
        sound = number % 5 < 3
        reports = [hostile_report(rng) for _ in range(BATCH)]
        if sound:
            reports = [report for report in reports if _is_json(report)]
            reports += rng.choices(("null", "7", "[]", "{}"), k=BATCH - len(reports))
        body = f'{{"appID":"{APP}","roomID":"room","userID":"{user}","reports":[{",".join(reports)}]}}'.encode()
        match number % 25:
            case 5:
                body = mutated(body, rng)
            case 10:
                body = b"[" * 500_000
            case 15:
                body = b'{"appID":"1","roomID":"room","userID":"u","reports":[' + b"0," * 400_000 + b"0]}"
            case 20:
                body = bytes(8 * 1024 * 1024)
        if number % 2 or len(body) > 900_000:
            body, headers["content-encoding"] = gzip.compress(body, 1), "gzip"
            if number % 7 == 0:
                body = body[:-4]
        yield body, headers


def _is_json(text: str) -> bool:
    """To a decoder that takes no halves of characters."""
    try:
        msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return False
    return True


async def report_over_sockets(call: Call, count: int, seed: int, users: str) -> Counter[str]:
    """Sends so many from some sockets at once, and waits for every answer. Counts what they were answered with."""
    frames, answers = hostile_frames(count, seed), Counter[str]()

    async def talk(number: int) -> None:
        user = f"{users}-{number}"
        token = make_token(SECRET, APP, user, now=time.time(), ttl=600)
        params = {"appID": APP, "roomID": "room", "userID": user, "token": token}
        async with connect(call.gateway.addresses.ws, proxy=None, compression=None) as ws:
            await ws.send(json.dumps({"jsonrpc": "2.0", "id": "in", "method": "login", "params": params}))
            while '"id":"in"' not in str(await ws.recv()):
                pass
            while batch := list(itertools.islice(frames, IN_FLIGHT)):
                for frame in batch:
                    await ws.send(frame)
                for _ in batch:
                    reply = json.loads(await asyncio.wait_for(ws.recv(), DEADLINE))
                    while "method" in reply:  # an event
                        reply = json.loads(await asyncio.wait_for(ws.recv(), DEADLINE))
                    answers[reply["error"]["data"]["name"] if "error" in reply else "taken"] += 1

    await asyncio.gather(*(talk(number) for number in range(SOCKETS)))
    return answers


async def report_over_http(call: Call, count: int, seed: int) -> tuple[Counter[str], Counter[str]]:
    """Posts so many batches. Counts what they were answered with, and what is said to be left out of those that were taken."""
    bodies, answers, left_out = enumerate(hostile_bodies(count, seed)), Counter[str](), Counter[str]()

    async def post(client: httpx.AsyncClient) -> None:
        for number, (body, headers) in bodies:
            response = await client.post("/v1/reports", content=body, headers=headers)
            told = response.json()
            answers["taken" if response.status_code == 200 else told["name"]] += 1
            if response.status_code == 200:
                assert number % 5 not in (1, 2) or told["taken"] + sum(told["dropped"].values()) >= BATCH
                left_out.update(told["dropped"])

    async with httpx.AsyncClient(base_url=call.http, trust_env=False, timeout=DEADLINE) as client:
        await asyncio.gather(*(post(client) for _ in range(4)))
    return answers, left_out


async def counted(call: Call, metric: str, label: str = "") -> Counter[str]:
    """A counter's samples with this label, by their names."""
    numbers = await metrics(call.http)
    beginning = f"{metric}_total{{"
    return Counter({name: int(value) for name, value in numbers.items() if name.startswith(beginning) and label in name})


async def test_a_hundred_thousand_hostile_reports(tmp_path: Path) -> None:
    async with beside_a_call(tmp_path) as call:
        await report_over_sockets(call, 1_000, seed=1, users="first")
        await report_over_http(call, 25, seed=1)
        series = set(await metrics(call.http))
        call.memory = call.gateway.memory  # what is needed once is not counted

        before = await counted(call, "gateway_reports", 'door="ws"')
        answers = await report_over_sockets(call, OVER_SOCKETS, seed=2, users="mallory")
        assert answers.total() == OVER_SOCKETS
        assert {"taken", "INVALID_PARAMS", "PARSE_ERROR"} <= set(answers)
        assert answers["taken"] > OVER_SOCKETS / 4  # they get deep
        assert (await counted(call, "gateway_reports", 'door="ws"') - before).total() == answers["taken"]

        refused, dropped = await counted(call, "gateway_reports_refused"), await counted(call, "gateway_reports_dropped")
        answers, left_out = await report_over_http(call, BATCHES, seed=3)
        assert answers.total() == BATCHES
        assert {"taken", "INVALID_PARAMS", "PARSE_ERROR", "PayloadTooLarge", "INVALID_REQUEST"} <= set(answers)
        assert answers["taken"] > BATCHES / 4
        assert "RATE_LIMITED" not in answers
        refused = await counted(call, "gateway_reports_refused") - refused
        assert refused.total() == BATCHES - answers["taken"]
        dropped = await counted(call, "gateway_reports_dropped") - dropped
        assert dropped == {f'gateway_reports_dropped_total{{reason="{reason}"}}': count for reason, count in left_out.items()}
        assert set(await metrics(call.http)) <= series, "what is counted does not grow with reports"
