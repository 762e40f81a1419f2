"""What operators rely on: health, numbers that are right, TLS, who a client is, and logs without secrets."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import os
import re
import ssl
import warnings
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from gateway.app import Gateway
from gateway.config import HttpSettings, ListenSettings
from tests.support.gateway import DEADLINE, OTHER_APP, SECRET, Client, RemoteError, config, running, url_of
from tests.support.media_client import until
from tests.support.process import GatewayProcess, serving
from tests.support.rtmp_client import RtmpClient, RtmpRefusedError
from tests.support.scrape import get, json_of, metrics
from tests.support.stamps import GOP, FlvViewer, HttpRefusedError, RtmpViewer, Source
from tests.support.tools import ROOT

# Health ----------------------------------------------------------------------------------------------------------------


async def test_health_while_it_runs() -> None:
    async with running() as gateway:
        for path, told in (("healthz", {"status": "ok"}), ("readyz", {"status": "ready", "durable": True})):
            response = await get(f"{gateway.addresses.http}/{path}")
            assert response.status_code == 200
            assert json_of(response) == told


async def test_readyz_says_503_while_it_stops() -> None:
    gateway = Gateway(config())
    await gateway.start()
    lingering = await connect(gateway.addresses.ws, proxy=None)
    async with httpx.AsyncClient(trust_env=False, base_url=gateway.addresses.http, timeout=DEADLINE) as probe:
        assert (await probe.get("/readyz")).status_code == 200
        lingering.transport.pause_reading()  # it does not answer the goodbye, so that stopping takes a moment
        stopping = asyncio.create_task(gateway.stop())
        await until(lambda: not gateway.ready, "the beginning of the end")
        response = await probe.get("/readyz")
        assert (response.status_code, json_of(response)) == (503, {"status": "not ready", "durable": True})
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", gateway.http.port)
    await stopping
    lingering.transport.abort()


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/whip", 404), ("/live", 404), ("/live/", 400)])
async def test_other_paths_are_answered_with_json(path: str, status: int) -> None:
    async with running() as gateway:
        response = await get(gateway.addresses.http + path)
        assert response.status_code == status
        assert set(json_of(response)) == {"code", "name", "message", "retry"}


# Metrics ---------------------------------------------------------------------------------------------------------------

GAUGES = ("rooms", "sessions", "websockets", "streams", "grants", "viewers", "publishers", "media_connections", "timers")


def name_of(sample: str) -> str:
    return re.sub(r"\{.*|_(bucket|sum|count|created)(?=\{|$)", "", sample)


def documented() -> set[str]:
    """The metrics that `docs/operations.md` lists."""
    text = (ROOT / "docs/operations.md").read_text()
    return {name for row in text.splitlines() if row.startswith("| `gateway_") for name in re.findall(r"`(gateway_\w+)`", row)}


OF_PEERS = {"gateway_rtp_loss_ratio", "gateway_rtp_round_trip_seconds"}
"""What is there only while somebody uses WebRTC, as `test_whip` sees."""
OF_A_STORE = {name for name in documented() if name.startswith(("gateway_store_", "gateway_journal_"))}
"""What is there only where state is stored, as `test_restart` sees."""


async def test_every_metric_is_documented_and_every_documented_one_is_there() -> None:
    async with running() as gateway:
        source = await Source.push(url_of(await (anna := await Client.login(gateway, "anna")).call("publish", streamID="cam")))
        await anna.event("publisherState", lambda params: params["state"] == "PUBLISHING")
        play = await (bert := await Client.login(gateway, "bert")).call("play", streamID="cam")
        viewers = [await RtmpViewer.play(url_of(play)), await FlvViewer.play(url_of(play, "flv"))]
        with pytest.raises(RtmpRefusedError):
            await RtmpViewer.play(url_of(play) + "x")
        found = {name_of(sample) for sample in await metrics(gateway.addresses.http)}
        for viewer in viewers:
            await viewer.close()
        await source.close()
        for client in (anna, bert):
            await client.close()
    assert all(name.startswith("gateway_") for name in found)
    assert found | OF_PEERS | OF_A_STORE == documented()


KEY = "a key of the tests for metrics, long enough"


@pytest.mark.parametrize("shown", [None, "", KEY, f"Basic {KEY}", f"Bearer {KEY[:-1]}", f"Bearer {KEY}x", "Bearer 密"])
async def test_metrics_with_a_key_are_for_those_who_show_it(shown: str | None) -> None:
    async with running(config(http=HttpSettings(metrics_key=KEY))) as gateway:
        url = f"{gateway.addresses.http}/metrics"
        async with httpx.AsyncClient(trust_env=False, timeout=DEADLINE) as client:
            refused = await client.get(url, headers={} if shown is None else {b"authorization": shown.encode()})
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert json_of(refused)["name"] == "API_KEY_INVALID"
        assert KEY not in refused.text
        assert "gateway_ready 1.0" in (await get(url, {"Authorization": f"Bearer {KEY}"})).text
        assert (await get(f"{gateway.addresses.http}/healthz")).status_code == 200, "nobody needs it to ask for health"


async def test_the_numbers_are_right_in_a_known_situation_and_back_at_0_afterwards() -> None:
    async with running() as gateway:
        base = gateway.addresses.http
        before = await metrics(base)
        tasks, descriptors = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))
        users = [await Client.login(gateway, name, room) for name, room in (("anna", "r1"), ("bert", "r1"), ("carl", "r2"))]
        anna, bert, carl = users
        source = await Source.push(url_of(await anna.call("publish", streamID="cam")))
        await bert.event("streams", lambda params: params["streams"][0]["media"] == ["audio", "video"])
        lost = await Source.push(url_of(await carl.call("publish", streamID="lost")))
        await carl.event("publisherState", lambda params: params["state"] == "PUBLISHING")
        await lost.reset()
        await carl.event("publisherState", lambda params: params["code"] == 1003020)
        await anna.call("publish", streamID="later")
        play = await bert.call("play", streamID="cam")
        viewers = [await RtmpViewer.play(url_of(play)), *[await FlvViewer.play(url_of(play, "flv")) for _ in range(2)]]
        for viewer in viewers:
            await viewer.until(lambda viewer=viewer: len(viewer.numbers) > GOP)  # type: ignore[misc]
        carl.socket.transport.abort()
        await until(lambda: gateway.snapshot().sessions.get("detached") == 1)
        pushed = source.number * 800
        now = await metrics(base)
        told = {name: value for name, value in now.items() if value and name_of(name).removeprefix("gateway_") in GAUGES[:-1]}
        assert told == {
            "gateway_rooms": 2,
            'gateway_sessions{phase="attached"}': 2,
            'gateway_sessions{phase="detached"}': 1,
            "gateway_websockets": 2,
            'gateway_streams{state="awaited"}': 1,
            'gateway_streams{state="on air"}': 1,
            'gateway_streams{state="interrupted"}': 1,
            "gateway_grants": 4,
            'gateway_viewers{protocol="rtmp"}': 1,
            'gateway_viewers{protocol="flv"}': 2,
            'gateway_publishers{protocol="rtmp"}': 1,
            'gateway_media_connections{protocol="rtmp"}': 2,
        }
        assert now["gateway_ready"] == 1
        assert now["gateway_loop_lag_seconds_count"] > before["gateway_loop_lag_seconds_count"]
        received = now['gateway_media_received_bytes_total{protocol="rtmp"}']
        assert pushed * 0.9 < received
        for protocol, count in (("rtmp", 1), ("flv", 2)):
            at_least = count * 800 * GOP
            assert at_least < now[f'gateway_media_sent_bytes_total{{protocol="{protocol}"}}'] < received * count * 2
        again = await metrics(base)
        assert again['gateway_media_received_bytes_total{protocol="rtmp"}'] >= received
        for viewer in viewers:
            await viewer.close()
        await source.close()
        for client in (anna, bert):
            await client.call("logout")
            await client.close()
        await carl.close()
        carl = await Client.login(gateway, "carl", "r2", instead_of=carl)
        await carl.call("logout")
        await carl.close()
        await until(lambda: gateway.snapshot().timers == 0 and gateway.rtmp.stats.connections == 0)
        await until(lambda: gateway.snapshot().sockets == 0, "the end of all sockets")
        after = await metrics(base)
        assert {name: value for name, value in after.items() if name_of(name).removeprefix("gateway_") in GAUGES and value} == {}
        assert after["gateway_timers"] == before["gateway_timers"]
        await until(lambda: len(asyncio.all_tasks()) <= tasks, "the end of all tasks")
        await until(lambda: len(os.listdir("/proc/self/fd")) <= descriptors, "the closing of all descriptors")


# TLS -------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway of the tests")])
    now = datetime.datetime.now(datetime.UTC)
    alternatives = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(alternatives, critical=False)
        .sign(key, SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def with_tls(certificate: tuple[Path, Path]) -> ListenSettings:
    cert, key = certificate
    return ListenSettings(host="127.0.0.1", port=0, rtmp_port=0, udp_port=0, public_host="127.0.0.1", tls_cert=cert, tls_key=key)


async def test_tls_carries_signaling_and_flv_and_nothing_goes_without(certificate: tuple[Path, Path]) -> None:
    trusting = ssl.create_default_context(cafile=certificate[0])
    async with running(config(listen=with_tls(certificate))) as gateway:
        assert gateway.addresses.ws.startswith("wss://127.0.0.1:")
        anna = await Client.login(gateway, "anna", tls=trusting)
        bert = await Client.login(gateway, "bert", tls=trusting)
        assert anna.login_result["servers"] == [gateway.addresses.ws]
        source = await Source.push(url_of(await anna.call("publish", streamID="cam")))
        await bert.event("streams")
        url = url_of(await bert.call("play", streamID="cam"), "flv")
        assert url.startswith(f"https://127.0.0.1:{gateway.http.port}/live/cam.flv?key=")
        viewer = await FlvViewer.play(url, trusting)
        await viewer.sees(2 * GOP)
        assert not viewer.missing
        assert (await get(f"{gateway.addresses.http}/readyz", verify=trusting)).status_code == 200
        with pytest.raises(httpx.TransportError):
            await get(f"http://127.0.0.1:{gateway.http.port}/readyz")
        await viewer.close()
        await source.close()
        for client in (anna, bert):
            await client.close()


async def test_tls_older_than_1_2_is_refused(certificate: tuple[Path, Path]) -> None:
    async with running(config(listen=with_tls(certificate))) as gateway:
        for newest, fine in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True)):
            context = ssl.create_default_context(cafile=certificate[0])
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
                context.minimum_version = context.maximum_version = newest
            if fine:
                _, writer = await asyncio.open_connection("127.0.0.1", gateway.http.port, ssl=context)
                assert writer.get_extra_info("ssl_object").version() == "TLSv1.2"
                writer.close()
            else:
                with pytest.raises((ssl.SSLError, ConnectionError)):
                    await asyncio.open_connection("127.0.0.1", gateway.http.port, ssl=context)


# Proxies ---------------------------------------------------------------------------------------------------------------

Headers = dict[str, str] | list[tuple[str, str]]


async def sockets_allowed(gateway: Gateway, headers: Callable[[int], Headers]) -> int:
    """How many sockets may be opened without a login when each says these headers."""
    opened = [await connect(gateway.addresses.ws, additional_headers=headers(number), proxy=None) for number in range(6)]
    allowed = sum([await is_heard(ws) for ws in opened])
    for ws in opened:
        await ws.close()
    return allowed


async def is_heard(ws: ClientConnection) -> bool:
    """Whether the gateway answers, and has not closed the socket."""
    try:
        await ws.send('{"jsonrpc":"2.0","id":1,"method":"ping"}')
        await asyncio.wait_for(ws.recv(), DEADLINE)
    except ConnectionClosed:
        return False
    return True


@pytest.mark.parametrize(
    ("trusted", "headers", "allowed"),
    [
        ((), lambda number: {"X-Forwarded-For": f"192.0.2.{number}"}, 2),  # anybody could say that
        (("127.0.0.0/8",), lambda number: {"X-Forwarded-For": f"192.0.2.{number}"}, 6),
        (("127.0.0.0/8",), lambda number: {"X-Forwarded-For": "192.0.2.1"}, 2),
        (("127.0.0.0/8",), lambda number: {"X-Forwarded-For": f"192.0.2.{number}, 192.0.2.77"}, 2),  # the last one counts
        (("127.0.0.0/8",), lambda number: [("X-Forwarded-For", f"192.0.2.{number}"), ("X-Forwarded-For", "192.0.2.77")], 2),
        (("127.0.0.0/8", "192.0.2.77"), lambda number: {"X-Forwarded-For": f"192.0.2.{number}, 192.0.2.77"}, 6),
        (("127.0.0.0/8",), lambda number: {"X-Forwarded-For": f"nonsense-{number}"}, 2),
        (("127.0.0.0/8",), lambda number: {}, 2),
        (("10.0.0.0/8",), lambda number: {"X-Forwarded-For": f"192.0.2.{number}"}, 2),
    ],
)
async def test_trusted_proxies_alone_decide_who_a_client_is(
    trusted: tuple[str, ...], headers: Callable[[int], Headers], allowed: int
) -> None:
    listen = ListenSettings(host="127.0.0.1", port=0, rtmp_port=0, udp_port=0, public_host="127.0.0.1", trusted_proxies=trusted)
    async with running(config(listen=listen, signaling={"sockets_before_login": 2})) as gateway:
        assert await sockets_allowed(gateway, headers) == allowed


# Logs ------------------------------------------------------------------------------------------------------------------


async def failing(attempt: Awaitable[object]) -> None:
    with pytest.raises((RemoteError, RtmpRefusedError, HttpRefusedError)):
        await attempt


TOKENS = ("not.a.token", "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl", "t0ken-t0ken-t0ken")


async def say_secrets_in_wrong_places(gateway: GatewayProcess, key: str) -> None:
    for token in TOKENS:
        await failing(Client.login(gateway, "carl", token=token))
        await failing(Client.login(gateway, "carl", app=OTHER_APP, token=token))
        ws = await connect(f"{gateway.addresses.ws}?token={token}", proxy=None)
        await ws.send(json.dumps({"token": token}))
        await ws.send(b"\xff")
        await ws.wait_closed()
        for path in (f"/nothing?key={key}", f"/live/cam.flv?key={key}&token={token}"):
            await get(gateway.addresses.http + path, {"Authorization": f"Bearer {token}"})


async def send_unreadable_requests(gateway: GatewayProcess, key: str) -> None:
    """Requests that are no HTTP, each with a key in it."""
    paths = ("/live/cam\x01.flv", "/live/cam .flv", "/live/房间.flv", "")
    for head in (*(f"GET {path}?key={key} HTTP/1.1" for path in paths), f"?key={key}", f"GET {key}"):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.http_port)
        writer.write(f"{head}\r\nHost: {key}\r\nBad header {key}\r\n\r\n".encode())
        writer.write_eof()
        with suppress(ConnectionError):  # answered or broken off: what counts is the log
            await asyncio.wait_for(reader.read(), DEADLINE)
        writer.close()


async def test_logs_hold_no_secret_whatever_happens(tmp_path: Path) -> None:
    secrets: set[str] = {SECRET, SECRET[::-1]}
    environ = {"GATEWAY_LOG_LEVEL": "debug", "GATEWAY_LOG_FORMAT": "json"}
    async with serving(tmp_path, environ=environ) as gateway:
        anna, bert = await Client.login(gateway, "anna"), await Client.login(gateway, "bert")
        push = url_of(await anna.call("publish", streamID="cam"))
        source = await Source.push(push)
        await bert.event("streams")
        play = await bert.call("play", streamID="cam")
        viewers = [await RtmpViewer.play(url_of(play)), await FlvViewer.play(url_of(play, "flv"))]
        for viewer in viewers:
            await viewer.sees(GOP)
        urls = [push, url_of(play), url_of(play, "flv")]
        broken = [url + "x" for url in urls]
        await failing(Source.push(broken[0]))
        await failing(RtmpViewer.play(broken[1]))
        await failing(FlvViewer.play(broken[2]))
        await failing(Source.push(push))
        client = await RtmpClient.connect("127.0.0.1", gateway.rtmp_port, f"live?key={urls[1].partition('?key=')[2]}")
        client.send_bytes(b"\xff" * 5000)
        await client.wait_closed()
        await client.drop()
        await say_secrets_in_wrong_places(gateway, urls[0][-40:])
        await send_unreadable_requests(gateway, urls[0][-40:])
        await source.reset()
        source = await Source.push(push)
        await bert.call("stop", streamID="cam")
        session = bert.login_result["sessionID"]
        bert.socket.transport.abort()
        bert = await Client.login(gateway, "bert", instead_of=bert)
        second = await Client.login(gateway, "anna")
        await source.cut.wait()
        await source.drop()
        for viewer in viewers:
            await viewer.close()
        gateway.terminate()
        assert await gateway.ended(DEADLINE) == 0
        secrets |= {urls[0][-40:], session, anna.login_result["sessionID"], second.login_result["sessionID"], *TOKENS}
        for url in urls:
            key = url.partition("?key=")[2]
            secrets |= {key, *key.split(".")[1:]}
        lines = [json.loads(line) for line in gateway.log]
    assert len(lines) > 10
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    assert {line["reason"] for line in lines if "reason" in line} >= {"KEY_BROKEN", "ALREADY_PUBLISHING", "chunk_header"}
    assert [line["client"] for line in lines if line["message"].startswith("flv")] == ["127.0.0.1"] * 4
    text = "\n".join([*gateway.log, *gateway.out])
    assert [secret for secret in secrets if secret in text] == []
    assert [line for line in lines if line["level"] in ("error", "critical") or "exception" in line] == []


async def test_a_log_line_has_its_values_as_members(tmp_path: Path) -> None:
    async with serving(tmp_path, environ={"GATEWAY_LOG_FORMAT": "json"}) as gateway:
        (line,) = [json.loads(line) for line in gateway.log if '"started' in line]
        assert line["http"] == f"127.0.0.1:{gateway.http_port}"
        assert line["level"] == "info"
