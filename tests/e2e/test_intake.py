"""Reports and clients' logs over real HTTP: compressed, from other origins, too large, too slow, and through a whole gateway."""

from __future__ import annotations

import asyncio
import errno
import gzip
import json
import logging
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from gateway.auth.tokens import make_token
from gateway.config import AppSettings, Config, HttpSettings, QualitySettings
from gateway.http.bodies import Bodies
from gateway.http.client_logs import ClientLogs, add_client_logs
from gateway.http.intake import Reports, add_intake
from gateway.http.origin import Clients
from gateway.http.server import HttpServer
from gateway.quality.reports import Told
from tests.support.gateway import APP, SECRET, Client, config, running
from tests.support.media_client import until
from tests.support.scrape import metrics

NETSTATUS = {"direction": "push", "event": "bindnetstatus", "streamID": "cam", "data": {"videoBitrate": 800, "videoFPS": "15"}}
CODE = {"direction": "pull", "event": "bindstatechange", "data": {"code": 2103}}
MIB = 1024 * 1024
DEADLINE = 0.4
"""Seconds that a request may take to come."""


class Doors:
    """An HTTP server with nothing but the two doors, and what came through them."""

    def __init__(self, settings: Config, bodies: Bodies) -> None:
        self.bodies = bodies
        self.events: list[str] = []
        self.counts: Counter[str] = Counter()
        self.server = HttpServer(settings)
        self.door = Reports(settings, self, Counter(), asyncio.get_running_loop().time, time.time)
        add_intake(self.server.app, self.door, bodies, settings.http)
        logs = ClientLogs(settings.quality, self.counts, asyncio.get_running_loop().time)
        add_client_logs(self.server.app, logs, bodies, settings.http, Clients(()))

    def reports(self, app: str, room_id: str, user_id: str, told: Iterable[Told]) -> None:
        self.events += [one.event for one in told]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    async def post(self, path: str, body: bytes = b"", **headers: str) -> httpx.Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            return await client.post(self.url + path, content=body, headers=given)

    async def say(self, *parts: bytes) -> bytes:
        """Sends these bytes one after the other, and returns all that comes back before the end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        try:
            async with asyncio.timeout(10):
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def doors(bodies: Bodies | None = None, deadline: float = DEADLINE, **quality: Any) -> AsyncIterator[Doors]:
    settings = config(quality=replace(QualitySettings(), **quality), http=HttpSettings(request_deadline=deadline))
    settings = replace(settings, listen=replace(settings.listen, trusted_proxies=("127.0.0.1",)))
    there = Doors(settings, bodies or Bodies())
    await there.server.start()
    try:
        yield there
    finally:
        there.server.stop_accepting()
        await there.server.stop()


def envelope(*reports: Any, user: str = "ann") -> bytes:
    return json.dumps({"appID": APP, "roomID": "r", "userID": user, "reports": reports}).encode()


def bearer(user: str = "ann") -> str:
    return "Bearer " + make_token(SECRET, APP, user, now=time.time(), ttl=3600)


def head(path: str, *lines: str) -> bytes:
    return "\r\n".join((f"POST {path} HTTP/1.1", "Host: 127.0.0.1", *lines, "", "")).encode()


class TestReports:
    @pytest.mark.parametrize("coding", ["", "gzip", "deflate"])
    async def test_a_batch_is_taken_compressed_or_not(self, coding: str) -> None:
        encode = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress}[coding]
        headers = {"content_encoding": coding} if coding else {}
        async with doors() as there:
            response = await there.post("/v1/reports", encode(envelope(NETSTATUS, CODE, {})), authorization=bearer(), **headers)
            assert (response.status_code, response.json()) == (200, {"taken": 2, "dropped": {"unknown_event": 1}})
            assert response.headers["access-control-allow-origin"] == "*"
            assert there.events == ["bindnetstatus", "bindstatechange"]

    async def test_pages_of_other_origins_may_send_a_token(self) -> None:
        async with doors() as there, httpx.AsyncClient(trust_env=False) as client:
            asked = {"origin": "https://app.example", "access-control-request-method": "POST"}
            for path in ("/v1/reports", "/httplog"):
                response = await client.options(there.url + path, headers=asked)
                assert response.status_code == 204
                assert response.headers["access-control-allow-origin"] == "*"
                assert "Authorization" in response.headers["access-control-allow-headers"]
                assert "access-control-allow-credentials" not in response.headers

    async def test_a_refusal_says_what_to_do(self) -> None:
        async with doors(reports_per_second=1, reports_burst=1) as there:
            first = await there.post("/v1/reports", envelope(CODE), authorization=bearer())
            second = await there.post("/v1/reports", envelope(CODE), authorization=bearer())
            third = await there.post("/v1/reports", envelope(CODE))
            assert [first.status_code, second.status_code, third.status_code] == [200, 429, 401]
            assert second.json()["name"] == "RATE_LIMITED"
            assert 0 < second.json()["afterMs"] <= 1001
            assert second.headers["retry-after"] in ("1", "2")
            assert second.headers["access-control-allow-origin"] == "*"
            assert third.headers["www-authenticate"] == "Bearer"
            assert there.door.refusals == {"RATE_LIMITED": 1, "TOKEN_MISSING": 1}

    async def test_what_is_too_large_is_refused_however_it_is_packed(self) -> None:
        async with doors() as there:
            path, ann = "/v1/reports", bearer()
            bomb = await there.post(path, gzip.compress(bytes(50 * MIB)), content_encoding="gzip", authorization=ann)
            broken = await there.post(path, gzip.compress(envelope(CODE))[:-3], content_encoding="gzip", authorization=ann)
            strange = await there.post(path, envelope(CODE), content_encoding="br", authorization=ann)
            assert [one.status_code for one in (bomb, broken, strange)] == [413, 400, 415]
            assert strange.headers["accept-encoding"] == "gzip, deflate"
            announced = await there.say(head(path, f"Content-Length: {50 * MIB}", f"Authorization: {ann}"))
            assert announced.startswith(b"HTTP/1.1 413 ")
            assert there.door.refusals == {"PayloadTooLarge": 2, "INVALID_REQUEST": 1, "UnsupportedCoding": 1}
            assert there.events == []


    async def test_one_without_a_token_is_refused_before_its_body_has_come(self) -> None:
        async with doors(deadline=10) as there:
            reader, writer = await asyncio.open_connection("127.0.0.1", there.server.port)
            writer.write(head("/v1/reports", "Content-Length: 100000") + b"x" * 50_000)
            async with asyncio.timeout(5):
                answer = await reader.readuntil(b"\r\n\r\n")
            writer.close()
            assert answer.startswith(b"HTTP/1.1 401 ")
            assert there.door.refusals == {"TOKEN_MISSING": 1}

    async def test_unless_an_app_is_in_debug_mode(self) -> None:
        settings = config(http=HttpSettings(request_deadline=DEADLINE))
        apps = settings.apps | {"debugged": AppSettings(SECRET, debug=True)}
        there = Doors(replace(settings, apps=apps), Bodies())
        await there.server.start()
        try:
            body = json.dumps({"appID": "debugged", "roomID": "r", "userID": "ann", "reports": [CODE]}).encode()
            assert (await there.post("/v1/reports", body)).json() == {"taken": 1, "dropped": {}}
            assert (await there.post("/v1/reports", envelope(CODE))).json()["name"] == "TOKEN_MISSING"
        finally:
            there.server.stop_accepting()
            await there.server.stop()


class TestManyAtOnce:
    """What is on its way is bounded in all, at both doors together."""

    async def test_one_beyond_is_refused_and_what_has_come_or_gone_makes_room(self) -> None:
        async with doors(Bodies(100_000), deadline=20) as there:
            first = await self._begun(there, "/httplog", 50_000, 40_000)
            second = await self._begun(there, "/v1/reports", 50_000, 40_000)
            await until(lambda: there.bodies.in_flight == 80_000, "what was sent of both")
            for path in ("/httplog", "/v1/reports"):
                third, writer = await self._begun(there, path, 50_000, 40_000)
                answer = await asyncio.wait_for(third.read(), 10)
                assert answer.startswith(b"HTTP/1.1 503 ")
                assert b'"OVERLOADED"' in answer
                assert b"retry-after" in answer.lower()
                writer.close()
            assert there.bodies.in_flight == 80_000
            small = await there.post("/httplog", b"one that comes with its head")
            assert small.status_code == 200
            first[1].write(b"x" * 10_000)
            assert (await asyncio.wait_for(first[0].readuntil(b"\r\n"), 10)).startswith(b"HTTP/1.1 200 ")
            second[1].close()
            await until(lambda: there.bodies.in_flight == 0, "room")
            again = await self._begun(there, "/httplog", 50_000, 50_000)
            assert (await asyncio.wait_for(again[0].readuntil(b"\r\n"), 10)).startswith(b"HTTP/1.1 200 ")
            assert there.counts == {"taken": 3, "refused": 1}
            assert there.door.refusals == {"OVERLOADED": 1}
            for _, writer in (first, again):
                writer.close()

    @staticmethod
    async def _begun(there: Doors, path: str, size: int, sent: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A request of which the head and the beginning have been sent."""
        reader, writer = await asyncio.open_connection("127.0.0.1", there.server.port)
        writer.write(head(path, f"Content-Length: {size}", f"Authorization: {bearer()}"))
        writer.write(b"x" * sent)
        return reader, writer


class TestLogs:
    async def test_an_upload_of_any_kind_is_answered_and_kept(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "gateway.clients")
        async with doors() as there:
            for number, kind in enumerate(("text/plain", "application/json", "application/octet-stream", "")):
                response = await there.post(f"/httplog?appid={number}", b"line one\nline two", content_type=kind)
                assert (response.status_code, response.json()) == (200, {})
                assert response.headers["access-control-allow-origin"] == "*"
            assert caplog.messages == [
                f"upload client=127.0.0.1 app='{number}' size=17 body='line one\\nline two'" for number in range(4)
            ]
            assert there.counts == {"taken": 4}

    async def test_beyond_the_rate_it_is_answered_alike_and_not_kept(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "gateway.clients")
        async with doors(logs_per_address=1000) as there:
            answers = [await there.post("/httplog", b"x" * 3000) for _ in range(6)]
            assert {response.status_code for response in answers} == {200}
            assert there.counts == {"taken": 2, "limited": 4}
            assert len(caplog.messages) == 2

    async def test_a_large_upload_is_refused_and_one_that_is_announced_larger_is_not_even_read(self) -> None:
        async with doors(log_bytes=1000) as there:
            response = await there.post("/httplog", b"x" * 1001)
            assert response.status_code == 413
            assert response.headers["access-control-allow-origin"] == "*"
            assert (await there.say(head("/httplog", f"Content-Length: {2 * MIB}"))).startswith(b"HTTP/1.1 413 ")
            waiting = head("/httplog", "Content-Length: 2000", "Expect: 100-continue")
            assert b"HTTP/1.1 413 " in await there.say(waiting)
            chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
            chunked = await there.say(head("/httplog", "Transfer-Encoding: chunked", "Connection: close"), chunk, b"0\r\n\r\n")
            assert chunked.startswith(b"HTTP/1.1 413 ")
            assert there.counts == {"refused": 4}

    async def test_one_that_never_ends_is_broken_off(self) -> None:
        async with doors(log_bytes=1000) as there:
            _, writer = await asyncio.open_connection("127.0.0.1", there.server.port)
            writer.write(head("/httplog", "Transfer-Encoding: chunked"))
            sent = 0
            try:
                while sent < 64 * MIB:
                    writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                    await writer.drain()
                    sent += 0x10000
            except OSError:
                pass
            assert sent < 64 * MIB
            writer.close()
            assert there.counts == {"refused": 1}


@pytest.mark.parametrize("path", ["/v1/reports", "/httplog"])
async def test_a_body_that_comes_drop_by_drop_is_let_go(path: str) -> None:
    async with doors() as there:
        reader, writer = await asyncio.open_connection("127.0.0.1", there.server.port)
        writer.write(head(path, "Content-Length: 1000", f"Authorization: {bearer()}"))

        async def drip() -> None:
            while True:
                writer.write(b"x")
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        try:
            async with asyncio.timeout(10):
                answer = await reader.read()
        finally:
            dripping.cancel()
            writer.close()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in answer.lower()


class TestTheEndOfAConnection:
    """An answer reaches also one who was still sending; and nobody is listened to for long after it."""

    async def test_one_who_reads_late_still_finds_the_whole_answer(self) -> None:
        async with doors() as there:
            reader, writer = await asyncio.open_connection("127.0.0.1", there.server.port)
            writer.write(head("/httplog", f"Content-Length: {2 * MIB}") + b"x" * 500_000)
            await asyncio.sleep(0.3)
            writer.write(b"x" * 100_000)
            await asyncio.sleep(0.1)
            answer = await asyncio.wait_for(reader.read(), 10)
            assert answer.startswith(b"HTTP/1.1 413 ")
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["name"] == "PayloadTooLarge"
            writer.close()

    async def test_one_who_never_closes_is_let_go(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("gateway.http.connections._PATIENCE", 0.2)
        async with doors() as there:
            reader, writer = await asyncio.open_connection("127.0.0.1", there.server.port)
            writer.write(head("/httplog", f"Content-Length: {2 * MIB}"))
            await asyncio.wait_for(reader.read(), 10)
            with pytest.raises(ConnectionError):
                await asyncio.wait_for(self._drip(writer), 10)
            writer.close()

    async def test_one_who_went_unnoticed_leaves_no_trace(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def gone(transport: asyncio.Transport) -> None:
            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

        monkeypatch.setattr("asyncio.selector_events._SelectorSocketTransport.write_eof", gone)
        async with doors() as there:
            assert (await there.say(head("/httplog", "Content-Length: 5", "Connection: close") + b"hello")).endswith(b"{}")
            await until(lambda: not there.server._server.connections, "its end")
        assert not caplog.records

    @staticmethod
    async def _drip(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)


async def test_an_address_that_shows_bad_tokens_is_told_to_come_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.http.intake.BAD_TOKENS_AT_ONCE", 2)
    monkeypatch.setattr("gateway.http.intake.BAD_TOKENS_PER_SECOND", 0.001)
    good, bad, here, elsewhere = bearer(), "Bearer x.y.z", "192.0.2.1", "192.0.2.2"
    async with doors() as there:
        codes = [
            (await there.post("/v1/reports", envelope(CODE), authorization=shown, x_forwarded_for=address)).status_code
            for shown, address in [(good, here), *[(bad, here)] * 3, (good, here), (bad, elsewhere)]
        ]
        assert codes == [200, 401, 401, 429, 200, 401]


async def test_both_doors_are_open_in_a_gateway_and_counted() -> None:
    async with running() as gateway, httpx.AsyncClient(trust_env=False, base_url=gateway.addresses.http) as http:
        ann = await Client.login(gateway, "ann", room="r")
        await ann.call("publish", streamID="cam")
        await ann.call("report", **NETSTATUS)
        answer = await http.post("/v1/reports", content=envelope(NETSTATUS, CODE, None), headers={"authorization": bearer()})
        assert answer.json() == {"taken": 2, "dropped": {"not_an_object": 1}}
        gone = await http.post("/v1/reports", content=envelope(CODE, user="bob"), headers={"authorization": bearer("bob")})
        assert gone.json() == {"taken": 1, "dropped": {}}
        assert (await http.post("/v1/reports", content=b"{", headers={"authorization": bearer()})).status_code == 400
        assert (await http.post("/httplog", content=b"hello")).status_code == 200
        assert (await http.post("/httplog", content=bytes(70_000))).status_code == 413
        told = await metrics(gateway.addresses.http)
        assert told['gateway_reports_total{direction="push",door="ws",event="bindnetstatus"}'] == 1
        assert told['gateway_reports_total{direction="push",door="http",event="bindnetstatus"}'] == 1
        assert told['gateway_reports_total{direction="pull",door="http",event="bindstatechange"}'] == 2
        assert told['gateway_component_codes_total{code="2103",direction="pull"}'] == 2
        assert told['gateway_reports_dropped_total{reason="not_an_object"}'] == 1
        assert told['gateway_reports_refused_total{reason="PARSE_ERROR"}'] == 1
        assert not [name for name in told if name.startswith("gateway_refusals_total")]
        assert told['gateway_client_logs_total{outcome="taken"}'] == 1
        assert told['gateway_client_logs_total{outcome="refused"}'] == 1
        await ann.close()
