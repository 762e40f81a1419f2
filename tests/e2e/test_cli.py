"""The commands as people type them: a gateway to try things with, one that ends in order, and what signs for it."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.support.gateway import APP, DEADLINE, SECRET, Client, url_of
from tests.support.media_client import until
from tests.support.process import GatewayProcess, environment, run, serving
from tests.support.scrape import get, json_of
from tests.support.stamps import GOP, FlvViewer, RtmpViewer, Source
from tests.support.tools import ROOT

SIGNING = {"GATEWAY_APP_ID": APP, "GATEWAY_APP_SECRET": SECRET}


def printed(gateway: GatewayProcess) -> dict[str, list[str]]:
    """The welcome: what stands behind each word."""
    found: dict[str, list[str]] = {}
    for line in gateway.out:
        name, _, value = line.partition(" ")
        found.setdefault(name, []).append(value.strip())
    return found


async def welcome(gateway: GatewayProcess) -> dict[str, list[str]]:
    await until(lambda: "play" in printed(gateway), "the welcome")
    return printed(gateway)


# Development mode ------------------------------------------------------------------------------------------------------


async def test_development_mode_prints_addresses_that_work(tmp_path: Path) -> None:
    async with serving(tmp_path, "--dev", settings="") as gateway:
        said = await welcome(gateway)
        assert said["page"] == [f"http://127.0.0.1:{gateway.http_port}/"]
        assert said["signaling"] == [f"ws://127.0.0.1:{gateway.http_port}/ws"]
        assert said["appID"] == ["1 (a token is not needed)"]
        (push,), plays = said["push"], said["play"]
        assert push.startswith(f"rtmp://127.0.0.1:{gateway.rtmp_port}/live/demo?key=")
        source = await Source.push(push)
        await source.pushed(GOP)
        viewers = [await (RtmpViewer if url.startswith("rtmp:") else FlvViewer).play(url) for url in plays]
        assert len(viewers) == 2
        for viewer in viewers:
            await viewer.sees(2 * GOP)
            await viewer.close()
        await source.close()
        assert all(url.partition("?key=")[2] not in line for url in (push, *plays) for line in gateway.log)


@pytest.mark.parametrize("token", ["", "anything"])
async def test_development_mode_needs_no_token(tmp_path: Path, token: str) -> None:
    async with serving(tmp_path, "--dev", settings="") as gateway:
        anna, bert = await Client.login(gateway, "anna", token=token), await Client.login(gateway, "bert", token=token)
        source = await Source.push(url_of(await anna.call("publish", streamID="cam")))
        await bert.event("streams")
        viewer = await RtmpViewer.play(url_of(await bert.call("play", streamID="cam")))
        await viewer.sees(GOP)
        await viewer.close()
        await source.close()
        for client in (anna, bert):
            await client.close()


@pytest.mark.parametrize(
    ("headers", "fine"),
    [
        ({}, True),
        ({"Host": "localhost:1"}, True),
        ({"Host": "[::1]:8080"}, True),
        ({"Host": "127.0.0.2"}, True),
        ({"Host": "evil.example"}, False),
        ({"Host": "evil.example:8080"}, False),
        ({"Host": "127.0.0.1.evil.example"}, False),
        ({"Host": "localhost.evil.example"}, False),
        ({"Host": "10.0.0.1"}, False),
        ({"Origin": "http://localhost:5173"}, True),
        ({"Origin": "https://127.0.0.1:9"}, True),
        ({"Origin": "https://servicewechat.com"}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://localhost.evil.example"}, False),
        ({"Origin": "http://localhost@evil.example"}, False),
    ],
)
async def test_development_mode_is_for_this_machine_only(dev: GatewayProcess, headers: dict[str, str], fine: bool) -> None:
    response = await get(f"{dev.addresses.http}/healthz", headers)
    if fine:
        assert response.status_code == 200
    else:
        assert response.status_code == 403
        assert (json_of(response)["code"], json_of(response)["name"]) == (1803003, "ORIGIN_REFUSED")
    if "Host" in headers:
        return  # the WebSocket client would send two of them
    if fine:
        await (await connect(dev.addresses.ws, additional_headers=headers, proxy=None)).close()
    else:
        with pytest.raises(InvalidStatus) as refused:
            await connect(dev.addresses.ws, additional_headers=headers, proxy=None)
        assert refused.value.response.status_code == 403
        assert json.loads(refused.value.response.body or b"")["code"] == 1803003


async def test_a_foreign_host_gets_no_websocket_in_development_mode(dev: GatewayProcess) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", dev.http_port)
    upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
    key = "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw=="
    writer.write("\r\n".join(("GET /ws HTTP/1.1", "Host: evil.example", *upgrade, key, "", "")).encode())
    async with asyncio.timeout(DEADLINE):
        assert b" 403 " in await reader.readline()
    writer.close()


@pytest.fixture
async def dev(tmp_path: Path) -> Any:
    async with serving(tmp_path, "--dev", settings="") as gateway:
        yield gateway


# The end ---------------------------------------------------------------------------------------------------------------


async def test_sigterm_tells_everyone_when_to_come_back_and_ends_with_0(tmp_path: Path) -> None:
    grace = 20
    settings = f"shutdown_grace = {grace}\nshutdown_spread = 4\n"
    async with serving(tmp_path, "--dev", settings=settings) as gateway:
        clients = [await Client.login(gateway, f"user-{number}", token="") for number in range(12)]
        waiting = await connect(gateway.addresses.ws, proxy=None)  # has not logged in
        source = await Source.push(url_of(await clients[0].call("publish", streamID="cam")))
        await clients[1].event("streams")
        play = await clients[1].call("play", streamID="cam")
        rtmp, flv = await RtmpViewer.play(url_of(play)), await FlvViewer.play(url_of(play, "flv"))
        for viewer in (rtmp, flv):
            await viewer.sees(GOP)
        begun = time.monotonic()
        gateway.terminate()
        pauses = []
        for ws in (*(client.socket for client in clients), waiting):
            await asyncio.wait_for(ws.wait_closed(), grace)
            assert ws.close_code == 1012
            advice = json.loads(ws.close_reason or "")
            assert (advice["code"], advice["retry"]) == (1803001, "after")
            pauses.append(advice["afterMs"])
        assert all(1000 <= pause <= 5000 for pause in pauses)
        assert max(pauses) - min(pauses) > 1000  # spread, so that not everyone comes back at once
        await asyncio.wait_for(source.cut.wait(), grace)
        assert source.client.status[-1] == "NetConnection.Connect.AppShutdown"
        await rtmp.ends()
        assert rtmp.client.status[-1] == "NetConnection.Connect.AppShutdown"
        await flv.ends()
        for viewer in (rtmp, flv):
            await viewer.close()
        await source.drop()
        assert await gateway.ended(grace) == 0
        assert time.monotonic() - begun < grace
        assert not [line for line in gateway.log if "ERROR" in line or "WARNING" in line or "Traceback" in line]


@pytest.mark.alone
async def test_sigterm_ends_in_time_even_if_nobody_answers(tmp_path: Path) -> None:
    settings = "shutdown_grace = 2\nshutdown_spread = 1\n"
    async with serving(tmp_path, "--dev", settings=settings) as gateway:
        anna = await Client.login(gateway, "anna", token="")
        source = await Source.push(url_of(await anna.call("publish", streamID="cam")))
        await anna.event("publisherState", lambda params: params["state"] == "PUBLISHING")
        anna.socket.transport.pause_reading()
        source.freeze()
        silent = [socket.create_connection(("127.0.0.1", port)) for port in (gateway.rtmp_port, gateway.http_port)]
        gateway.terminate()
        # What lingers is cut off, and the interpreter needs a moment. Without the grace's end it would take 5 s or more.
        assert await gateway.ended(2 + 2.5) == 0
        for sock in silent:
            sock.close()
        anna.socket.transport.abort()
        await source.client.reset()


async def test_a_second_sigterm_does_no_harm(tmp_path: Path) -> None:
    async with serving(tmp_path, "--dev", settings="") as gateway:
        lingering = await connect(gateway.addresses.ws, proxy=None)
        lingering.transport.pause_reading()  # it does not answer the goodbye, so that stopping takes a moment
        gateway.terminate()
        await until(lambda: not listens(gateway.http_port), "the end of listening")
        gateway.terminate()
        assert await gateway.ended(DEADLINE) == 0
        lingering.transport.abort()


def listens(port: int) -> bool:
    """Whether connections are taken."""
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionError:
        return False
    return True


LATE = """
import os, signal, sys
from gateway import serving
from gateway.config import Config

async def at_once(config):
    return 0

serving._serve = at_once
code = serving.serve(Config())
os.kill(os.getpid(), signal.SIGTERM)
sys.exit(code)
"""


async def test_a_sigterm_that_comes_after_the_end_does_no_harm() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", LATE, env=environment(), cwd=ROOT)
    assert await process.wait() == 0


@pytest.mark.parametrize("taken", ["http", "rtmp"])
async def test_a_taken_port_is_said_in_one_line(tmp_path: Path, taken: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        other = "--rtmp-port" if taken == "http" else "--port"
        words = ("--port" if taken == "http" else "--rtmp-port", port, other, "0", "--udp-port", "0")
        code, out, errors = await run("serve", "--dev", *words)
    assert code == 1
    assert out == ""
    (line,) = errors.strip().splitlines()
    assert f"{taken.upper()} on 127.0.0.1:{port}: Address already in use" in line


# What signs ------------------------------------------------------------------------------------------------------------


async def test_a_token_from_the_command_line_lets_its_user_in(tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway:
        code, token, errors = await run("token", "--app", APP, "--user", "anna", "--room", "room", **SIGNING)
        assert (code, errors) == (0, "")
        anna = await Client.login(gateway, "anna", token=token.strip())
        await anna.call("publish", streamID="cam")
        code, token, _ = await run("token", "--app", APP, "--user", "bert", "--no-publish", "--ttl", "90s", **SIGNING)
        bert = await Client.login(gateway, "bert", token=token.strip())
        assert 0 < bert.login_result["tokenExpiresAt"] / 1000 - time.time() <= 91
        with pytest.raises(Exception, match="1003025"):
            await bert.call("publish", streamID="dog")
        for client in (anna, bert):
            await client.close()


async def test_addresses_from_the_command_line_work_without_a_session(tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway:
        where = {
            **SIGNING, "GATEWAY_LISTEN__PUBLIC_HOST": "127.0.0.1",
            "GATEWAY_LISTEN__PORT": str(gateway.http_port), "GATEWAY_LISTEN__RTMP_PORT": str(gateway.rtmp_port),
        }  # fmt: skip
        of = ("--app", APP, "--stream", "a b/c?", "--user", "studio")
        urls = {}
        for name, words in (("push", ("--push",)), ("rtmp", ("--play",)), ("flv", ("--play", "--protocol", "flv"))):
            code, out, errors = await run("url", *words, *of, **where)
            assert (code, errors) == (0, "")
            urls[name] = out.strip()
        source = await Source.push(urls["push"])
        await source.pushed(GOP)
        for viewer in (await RtmpViewer.play(urls["rtmp"]), await FlvViewer.play(urls["flv"])):
            await viewer.sees(2 * GOP)
            await viewer.close()
        await source.close()


async def test_the_demo_call_loses_nothing() -> None:
    code, out, errors = await run("demo", "--seconds", "3", deadline=120)
    assert code == 0, out + errors
    assert "nothing was lost" in out


async def test_the_program_is_installed_by_its_name() -> None:
    program = Path(sys.executable).with_name("gateway")
    process = await asyncio.create_subprocess_exec(program, "--help", stdout=asyncio.subprocess.PIPE, env=environment())
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert all(word in out.decode() for word in ("serve", "token", "url", "demo"))
