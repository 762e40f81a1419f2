"""Users with the vendors' tokens in a real gateway: what their backends sign is what they may do, and what is wrong has the
number that the vendor's documents name. Tokens are made by programs that know nothing of the gateway."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.dialects import FORMS
from adapters.dialects.numbers import TABLE
from gateway.app import Gateway
from gateway.auth.tokens import LEEWAY, make_token
from gateway.config import AppSettings, Config
from tests.support.gateway import DEADLINE, SECRET, Client, RemoteError, config, running, url_of
from tests.support.process import run, serving
from tests.support.scrape import get, json_of
from tests.support.stamps import GOP, RtmpViewer, Source
from tests.support.vendor_tokens import (
    APP_SIGN,
    NERTC_SECRET,
    PERMISSION_SECRET,
    SERVER_SECRET,
    basic,
    permission_key,
    token04,
)

APP, DEBUG_APP, JWT_APP = "1", "2", "3"
ROOM = {"room_id": "room", "privilege": {"1": 1, "2": 1}, "stream_id_list": None}
WATCHER = ROOM | {"privilege": {"1": 1, "2": 0}}


def settings() -> Config:
    app = AppSettings(
        SECRET, token_formats=FORMS, server_secret=SERVER_SECRET, nertc_secret=NERTC_SECRET,
        permission_secret=PERMISSION_SECRET, app_sign=APP_SIGN,
    )  # fmt: skip
    return replace(config(), apps={APP: app, DEBUG_APP: AppSettings(SECRET, debug=True), JWT_APP: AppSettings(SECRET)})


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with running(settings()) as there:
        yield there


@asynccontextmanager
async def user(gateway: Gateway, name: str, token: str, **params: Any) -> AsyncIterator[Client]:
    client = await Client.login(gateway, name, token=token, **params)
    try:
        yield client
    finally:
        await client.close()


async def refusal(gateway: Gateway, name: str, token: str, **params: Any) -> int:
    """The number of what is wrong with a login."""
    with pytest.raises(RemoteError) as refused:
        async with user(gateway, name, token, **params):
            pass
    return refused.value.code


async def nertc_refusal(gateway: Gateway, name: str, token: str, **params: Any) -> int:
    """The same, as NERTC's programs know it."""
    return TABLE[await refusal(gateway, name, token, dialect="nertc", **params)].nertc


def made(**more: Any) -> str:
    return token04(**{"now": time.time(), "ttl": 600, "payload": ROOM, **more})


# token04 ---------------------------------------------------------------------------------------------------------------


async def test_a_call_with_token04(gateway: Gateway) -> None:
    async with user(gateway, "ann", made()) as ann, user(gateway, "bob", made(user_id="bob", payload=WATCHER)) as bob:
        assert 500_000 < ann.login_result["tokenExpiresAt"] - time.time() * 1000 <= 600_000
        source = await Source.push(url_of(await ann.call("publish", streamID="cam")))
        await bob.event("streams")
        viewer = await RtmpViewer.play(url_of(await bob.call("play", streamID="cam")))
        await viewer.sees(GOP)
        with pytest.raises(RemoteError) as refused:
            await bob.call("publish", streamID="bob")
        assert refused.value.code == 1003025
        await viewer.close()
        await source.close()


async def test_token04_may_name_its_streams(gateway: Gateway) -> None:
    async with user(gateway, "ann", made(payload=ROOM | {"stream_id_list": ["cam"]})) as ann:
        await ann.call("publish", streamID="cam")
        with pytest.raises(RemoteError) as refused:
            await ann.call("publish", streamID="screen")
        assert refused.value.code == 1003025


@pytest.mark.parametrize(
    ("wrong", "number"),
    [
        ({"secret": SERVER_SECRET[::-1]}, 1002033),
        ({"payload": ROOM | {"room_id": "other"}}, 1002033),
        ({"payload": ROOM | {"privilege": {"1": 0, "2": 1}}}, 1002033),
        ({"payload": "no JSON"}, 1002075),
        ({"app_id": 2}, 1002076),
        ({"user_id": "bob"}, 1002077),
        ({"ttl": -LEEWAY - 1}, 1002078),
        ({"version": "03"}, 1002079),
        ({"nonce": "7"}, 1002080),
    ],
)
async def test_a_wrong_token04_is_refused(
    gateway: Gateway, wrong: dict[str, Any], number: int, caplog: pytest.LogCaptureFixture
) -> None:
    text = made(**wrong)
    with caplog.at_level(logging.INFO):
        assert await refusal(gateway, "ann", text) == number
    assert any("refused" in line for line in caplog.messages)
    assert not any(text[10:30] in line for line in caplog.messages)


async def test_a_renewed_token04_without_the_right_ends_what_is_published(gateway: Gateway) -> None:
    async with user(gateway, "ann", made()) as ann:
        await ann.call("publish", streamID="cam")
        reply = await ann.call("renewToken", token=made(ttl=900))
        assert reply["tokenExpiresAt"] > ann.login_result["tokenExpiresAt"]
        await ann.call("renewToken", token=made(payload=WATCHER))
        ended = await ann.event("publisherState", lambda params: params["state"] == "NO_PUBLISH")
        assert ended["params"]["code"] == 1002082


async def test_reports_come_with_a_token04(gateway: Gateway) -> None:
    body = {"appID": APP, "roomID": "room", "userID": "ann", "reports": [{"direction": "pull", "event": "bindstatechange",
            "data": {"code": 2103}}]}  # fmt: skip
    async with httpx.AsyncClient(trust_env=False, timeout=DEADLINE) as client:
        for text, status in ((made(), 200), (made(user_id="bob"), 401), (made(secret=SERVER_SECRET[::-1]), 401)):
            url = f"{gateway.addresses.http}/v1/reports"
            reply = await client.post(url, json=body, headers={"authorization": f"Bearer {text}"})
            assert reply.status_code == status


async def test_an_app_accepts_only_what_its_settings_name(gateway: Gateway) -> None:
    assert await refusal(gateway, "ann", made(app_id=3), app=JWT_APP) == 1002033
    assert await refusal(gateway, "ann", "", app=JWT_APP, appSign=APP_SIGN) == 1001005
    async with user(gateway, "ann", make_token(SECRET, APP, "ann", now=time.time(), ttl=60)):
        pass


# NERTC -----------------------------------------------------------------------------------------------------------------


async def test_a_call_with_nertcs_tokens(gateway: Gateway) -> None:
    now = time.time()
    uid = str(2**63 + 11)
    anns, bobs = basic(uid=uid, channel="room", now=now), permission_key(uid=7, channel="room", now=now, privilege=4 + 8 + 32)
    async with user(gateway, uid, anns) as ann, user(gateway, "7", bobs) as bob:
        assert ann.login_result["tokenExpiresAt"] is None, "the session may outlast it"
        assert bob.login_result["tokenExpiresAt"] == (int(now) + 600) * 1000
        source = await Source.push(url_of(await ann.call("publish", streamID=uid)))
        await bob.event("streams")
        viewer = await RtmpViewer.play(url_of(await bob.call("play", streamID=uid)))
        await viewer.sees(GOP)
        with pytest.raises(RemoteError) as refused:
            await bob.call("publish", streamID="7")
        assert TABLE[refused.value.code].nertc == 1620
        await viewer.close()
        await source.close()


async def test_a_session_outlasts_its_basic_token(gateway: Gateway) -> None:
    """As it would not outlast a join token: what has ended only just still opens the door."""
    then = time.time() - LEEWAY / 2
    async with user(gateway, "42", basic(uid=42, channel="room", now=then, ttl=5)) as lasting:
        await lasting.call("publish", streamID="s42")
    async with user(gateway, "43", make_token(SECRET, APP, "43", now=then, ttl=5)) as ending:
        with pytest.raises(RemoteError) as refused:
            await ending.call("publish", streamID="s43")
        assert refused.value.code == 1002078


@pytest.mark.parametrize(
    ("wrong", "number"),
    [
        ({"secret": NERTC_SECRET[::-1]}, 414), ({"uid": 43}, 414), ({"channel": "other"}, 414), ({"ttl": 86_400}, 414),
        ({"now": time.time() - 10_000}, 414),
    ],
)  # fmt: skip
async def test_a_wrong_basic_token_is_refused(gateway: Gateway, wrong: dict[str, Any], number: int) -> None:
    assert await nertc_refusal(gateway, "42", basic(**{"uid": 42, "channel": "room", "now": time.time(), **wrong})) == number


@pytest.mark.parametrize(
    ("wrong", "number"),
    [
        ({"secret": PERMISSION_SECRET[::-1]}, 901), ({"uid": 43}, 901), ({"channel": "other"}, 901), ({"privilege": 31}, 901),
        ({"now": time.time() - 10_000}, 902),
    ],
)  # fmt: skip
async def test_a_wrong_permission_key_is_refused(gateway: Gateway, wrong: dict[str, Any], number: int) -> None:
    text = permission_key(**{"uid": 42, "channel": "room", "now": time.time(), **wrong})
    assert await nertc_refusal(gateway, "42", text) == number


async def test_safe_mode_needs_a_token_and_debug_mode_takes_none(gateway: Gateway) -> None:
    assert await nertc_refusal(gateway, "42", "") == 403
    assert await nertc_refusal(gateway, "42", "anything", app=DEBUG_APP) == 414
    async with user(gateway, "42", "", app=DEBUG_APP, dialect="nertc") as client:
        with pytest.raises(RemoteError) as refused:
            await client.call("renewToken", token="anything")
        assert TABLE[refused.value.code].nertc == 414
    for dialect in ("zego", ""):
        async with user(gateway, "ann", "anything", app=DEBUG_APP, dialect=dialect):
            pass
    assert await nertc_refusal(gateway, "42", "", app=DEBUG_APP, room="a/b") == 414


# AppSign ---------------------------------------------------------------------------------------------------------------


async def test_an_app_sign_opens_its_app(gateway: Gateway) -> None:
    async with user(gateway, "ann", "", appSign=APP_SIGN) as ann:
        assert ann.login_result["tokenExpiresAt"] is None
        await ann.call("publish", streamID="cam")
    assert await refusal(gateway, "ann", "", appSign=APP_SIGN[::-1]) == 1001005
    assert await refusal(gateway, "ann", "", appSign="") == 1002067
    assert await refusal(gateway, "ann", made(user_id="bob"), appSign=APP_SIGN) == 1002077, "a token comes first"


# Ids -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "name", "room", "number"),
    [
        ("zego", "安娜", "room", 1002006), ("zego", "a" * 65, "room", 1002007), ("zego", "ann", "a room", 1002012),
        ("nertc", "ann", "room", 1002006), ("nertc", "0", "room", 1002006), ("nertc", "1", "c" * 65, 1002013),
        ("", "", "room", 1002005), ("zego", "", "room", 1002005), ("nertc", "", "room", 1002005),
    ],
)  # fmt: skip
async def test_ids_keep_to_the_rules_of_their_vendor(gateway: Gateway, dialect: str, name: str, room: str, number: int) -> None:
    assert await refusal(gateway, name, "", app=DEBUG_APP, room=room, dialect=dialect) == number


async def test_a_dialect_binds_only_who_speaks_it(gateway: Gateway) -> None:
    async with (
        user(gateway, "安娜", "", app=DEBUG_APP) as anna, user(gateway, "bob", "", app=DEBUG_APP, dialect="zego") as bob,
    ):  # fmt: skip
        source = await Source.push(url_of(await anna.call("publish", streamID="http 流")))
        await bob.event("streams")
        viewer = await RtmpViewer.play(url_of(await bob.call("play", streamID="http 流")))
        await viewer.sees(GOP)
        with pytest.raises(RemoteError) as refused:
            await bob.call("publish", streamID="http.cam")
        assert refused.value.code == 1000016
        await viewer.close()
        await source.close()


async def test_no_other_dialect_is_spoken(gateway: Gateway) -> None:
    assert await refusal(gateway, "ann", "", app=DEBUG_APP, dialect="other") == -32602


# Discovery and the command line ----------------------------------------------------------------------------------------


async def test_an_app_finds_its_gateway(gateway: Gateway) -> None:
    base = gateway.addresses.http
    reply = await get(f"{base}/v1/discovery?appID={APP}", {"Origin": "https://anywhere.example"})
    assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (200, "*")
    told = json_of(reply)
    assert told == {
        "appID": APP, "ws": gateway.addresses.ws, "http": base, "log": f"{base}/httplog", "reports": f"{base}/v1/reports",
        "hosts": {
            "socket": [gateway.addresses.ws.removesuffix("/ws")], "request": [base], "media": [gateway.addresses.rtmp],
        },
    }  # fmt: skip
    assert SECRET not in reply.text


@pytest.mark.parametrize(
    ("query", "status", "number"),
    [("appID=nobody", 404, 1001004), ("appID=", 400, -32602), ("", 400, -32602), ("appID=1&appID=2", 400, -32602)],
)
async def test_an_unknown_app_gets_a_clean_error(gateway: Gateway, query: str, status: int, number: int) -> None:
    reply = await get(f"{gateway.addresses.http}/v1/discovery?{query}")
    assert (reply.status_code, json_of(reply)["code"]) == (status, number)
    assert reply.headers["access-control-allow-origin"] == "*"


async def test_what_the_command_line_prints_opens_a_session(tmp_path: Path) -> None:
    text = f"""
        [listen]
        host = "127.0.0.1"
        public_host = "127.0.0.1"
        [apps.{APP}]
        secret = "{SECRET}"
        token_formats = ["token04", "nertc", "permission_key"]
        server_secret = "{SERVER_SECRET}"
        nertc_secret = "{NERTC_SECRET}"
        permission_secret = "{PERMISSION_SECRET}"
    """
    async with serving(tmp_path, settings=text) as there:
        for form in ("token04", "nertc", "permission_key"):
            words = ("token", "--config", str(tmp_path / "gateway.toml"), "--dialect", form, "--app", APP, "--user", "42")
            code, token, errors = await run(*words, "--room", "room")
            assert (code, errors) == (0, "")
            client = await Client.login(there, "42", token=token.strip())
            await client.call("publish", streamID="cam")
            await client.close()
        assert SERVER_SECRET not in "\n".join(there.log)
