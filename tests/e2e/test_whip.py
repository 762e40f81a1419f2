"""WHIP and WHEP on real sockets: media through them, and every answer that a client of theirs can get."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from gateway.app import Gateway
from gateway.config import Config, ListenSettings, WebRtcSettings
from tests.support.gateway import Client, config, running, url_of
from tests.support.media_client import until
from tests.support.rtc_peer import DEADLINE, RtcPeer, rtc_peer
from tests.support.scrape import metrics
from tests.support.stamps import Source

SDP = {"content-type": "application/sdp"}
FRAGMENT = {"content-type": "application/trickle-ice-sdpfrag"}
CANDIDATE = (
    "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
    "a=candidate:1 1 udp 1 192.0.2.9 9 typ host\r\n"
)


class Scene:
    """A gateway, and Anna who has a room and an HTTP client."""

    def __init__(self, gateway: Gateway, anna: Client, http: httpx.AsyncClient) -> None:
        self.gateway = gateway
        self.anna = anna
        self.http = http

    async def key(self, method: str, stream: str, **params: Any) -> str:
        """The stream key that Anna gets with the addresses of `publish` or `play`."""
        transport = "whip" if method == "publish" else "whep"
        result = await self.anna.call(method, streamID=stream, transport=transport, **params)
        first = result["urls"][0]
        assert (first["protocol"], first["url"]) == (transport, result["url"])
        key: str = first["key"]
        return key

    async def post(self, path: str, key: str, body: str = "v=0", headers: dict[str, str] | None = None) -> httpx.Response:
        bearer = {"authorization": f"Bearer {key}"} if key else {}
        return await self.http.post(path, content=body, headers={**bearer, **(SDP if headers is None else headers)})

    async def connect(self, peer: RtcPeer, path: str, key: str, *, send: bool) -> httpx.Response:
        """Offers, and connects with the answer."""
        response = await self.post(path, key, await peer.offer(send=send))
        assert response.status_code == 201, response.text
        await peer.accept(response.text)
        await peer.reaches("connected")
        return response


@asynccontextmanager
async def scene(settings: Config | None = None) -> AsyncIterator[Scene]:
    async with running(settings) as gateway:
        anna = await Client.login(gateway, "anna")
        async with httpx.AsyncClient(trust_env=False, base_url=gateway.addresses.http, timeout=15) as http:
            yield Scene(gateway, anna, http)
        await anna.close()


def refusal(response: httpx.Response, status: int) -> int:
    """The number of an error, which is told as all of them are, to pages of any origin."""
    assert response.status_code == status, response.text
    assert response.headers["access-control-allow-origin"] == "*"
    body = json.loads(response.text)
    assert set(body) - {"afterMs"} == {"code", "name", "message", "retry"}
    number: int = body["code"]
    return number


async def test_what_is_published_over_whip_plays_over_whep() -> None:
    async with scene() as here, rtc_peer() as camera, rtc_peer() as screen:
        bert = await Client.login(here.gateway, "bert")
        made = await here.connect(camera, "/whip/cam%2F1", await here.key("publish", "cam/1"), send=True)
        assert made.headers["content-type"] == "application/sdp"
        assert made.headers["location"].startswith("/whip/cam%2F1/")
        assert made.headers["etag"].startswith('"')
        assert {"Location", "ETag", "Link"} <= set(made.headers["access-control-expose-headers"].split(", "))
        event = await bert.event("streams")
        assert (event["params"]["type"], event["params"]["streams"][0]["transport"]) == ("ADD", "whip")
        play = await bert.call("play", streamID="cam/1", transport="whep")
        shown = await here.connect(screen, "/whep/cam%2F1", play["urls"][0]["key"], send=False)
        await bert.event("playerState", lambda params: params["state"] == "PLAYING")
        await until_received(screen)
        assert (await here.http.delete(shown.headers["location"])).status_code == 200
        assert (await here.http.delete(made.headers["location"])).status_code == 200
        event = await bert.event("streams", lambda params: params["type"] == "DELETE")
        assert event["params"]["reason"]["code"] == 1
        assert refusal(await here.http.delete(made.headers["location"]), 404) == 1802009
        assert list(here.gateway.webrtc.connections) == []
        await bert.close()


async def until_received(peer: RtcPeer) -> None:
    """Media came through."""
    async with asyncio.timeout(DEADLINE):
        while not await peer.packets_received():  # noqa: ASYNC110 - statistics announce nothing
            await asyncio.sleep(0.02)


async def test_an_rtmp_stream_plays_over_whep_and_metrics_tell_of_it() -> None:
    async with scene() as here, rtc_peer() as screen:
        source = await Source.push(url_of(await here.anna.call("publish", streamID="cam")))
        await here.anna.event("publisherState", lambda params: params["state"] == "PUBLISHING")
        bert = await Client.login(here.gateway, "bert")
        play = await bert.call("play", streamID="cam", transport="whep")
        screen.connection.addTransceiver("video", direction="recvonly")
        await here.connect(screen, "/whep/cam", play["urls"][0]["key"], send=False)
        await until_received(screen)
        now = await metrics(here.gateway.addresses.http)
        assert now['gateway_peers{direction="out",protocol="whep",state="connected"}'] == 1
        assert now['gateway_viewers{protocol="whep"}'] == 1
        assert now['gateway_rtp_packets_total{direction="out"}'] > 0
        assert (now['gateway_transcodes{medium="audio"}'], now['gateway_transcodes{medium="video"}']) == (1, 0)
        await until(lambda: bool(here.gateway.snapshot().webrtc.loss), "a receiver's report")
        await until(lambda: bool(here.gateway.snapshot().webrtc.round_trip), "one that answers ours")
        await source.close()
        await bert.close()


async def test_who_may_not_publish_or_play() -> None:
    async with scene() as here:
        push, play = await here.key("publish", "cam"), await here.key("play", "dog", wait=True)
        for key, status, number in (
            ("", 401, 1801001), ("x", 401, 1801002), (push[:-1] + ("A" if push[-1] != "A" else "Q"), 401, 1801003),
            (play, 403, 1801005),
        ):  # fmt: skip
            response = await here.post("/whip/cam", key)
            assert refusal(response, status) in (number, 1801002)
            assert response.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)
        assert refusal(await here.post("/whip/other", push), 403) == 1801004
        assert refusal(await here.post("/whep/cam", push), 403) == 1801005
        await here.anna.call("unpublish", streamID="cam")
        assert refusal(await here.post("/whip/cam", push), 403) == 1801007


async def test_a_stream_that_is_not_there() -> None:
    async with scene() as here:
        source = await Source.push(url_of(await here.anna.call("publish", streamID="cam")))
        await here.anna.event("publisherState", lambda params: params["state"] == "PUBLISHING")
        bert = await Client.login(here.gateway, "bert")
        play = await bert.call("play", streamID="cam", transport="whep")
        await here.anna.call("unpublish", streamID="cam")
        response = await here.post("/whep/cam", play["urls"][0]["key"])
        assert refusal(response, 404) == 1004002
        await source.close()
        await bert.close()


async def test_bodies_that_are_no_offers() -> None:
    async with scene() as here:
        key = await here.key("publish", "cam")
        for body in ("", "nonsense", "v=0", "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"):
            assert refusal(await here.post("/whip/cam", key, body), 400) == 1802005
        assert refusal(await here.post("/whip/cam", key, "x" * 65_537), 413) == 413
        response = await here.http.post("/whip/cam", content=b"\xff", headers={**SDP, "authorization": f"Bearer {key}"})
        assert refusal(response, 400) == 1802005
        for content_type in ("application/json", "", "application/sdp2"):
            response = await here.post("/whip/cam", key, "v=0", {"content-type": content_type})
            assert refusal(response, 415) == 415
            assert response.headers["accept-post"] == "application/sdp"
        assert list(here.gateway.webrtc.connections) == []


async def test_a_content_type_may_have_parameters_and_a_scheme_any_case() -> None:
    async with scene() as here, rtc_peer() as camera:
        key = await here.key("publish", "cam")
        headers = {"content-type": "Application/SDP; charset=utf-8", "authorization": f"bearer {key}"}
        response = await here.post("/whip/cam", "", await camera.offer(), headers)
        assert response.status_code == 201


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
async def test_methods_that_are_not_served(method: str) -> None:
    async with scene() as here:
        for path in ("/whip/cam", "/whep/cam", "/whip/cam/id"):
            response = await here.http.request(method, path)
            assert response.status_code == 405
            assert response.headers["allow"] == "POST, PATCH, DELETE, OPTIONS"


async def test_any_page_may_ask_after_it_has_asked_whether_it_may() -> None:
    async with scene() as here:
        asks = {"origin": "https://elsewhere", "access-control-request-method": "POST"}
        for path in ("/whip/cam", "/whep/cam/id"):
            response = await here.http.options(path, headers=asks)
            assert response.status_code == 204
            assert response.headers["access-control-allow-origin"] == "*"
            assert "Authorization" in response.headers["access-control-allow-headers"]
            assert {"POST", "PATCH", "DELETE"} <= set(response.headers["access-control-allow-methods"].split(", "))
            assert response.headers["accept-post"] == "application/sdp"
            assert "access-control-allow-credentials" not in response.headers


async def test_ice_is_restarted_by_a_patch_and_candidates_are_not_needed() -> None:
    async with scene() as here, rtc_peer() as camera:
        offer = await camera.offer()
        key = await here.key("publish", "cam")
        made = await here.post("/whip/cam", key, offer)
        where, etag = made.headers["location"], made.headers["etag"]
        own = CANDIDATE.format(*(line_of(offer, name) for name in ("ice-ufrag", "ice-pwd")))
        other = CANDIDATE.format("newufrag", "aNewPasswordOf22CharsOrMore")
        for condition in ("*", etag, f'"other", {etag}'):
            response = await here.http.patch(where, content=own, headers={**FRAGMENT, "if-match": condition})
            assert (response.status_code, response.content) == (204, b"")
        response = await here.http.patch(where, content=own, headers={**FRAGMENT, "if-match": '"other"'})
        assert refusal(response, 412) == 412
        response = await here.http.patch(where, content=other, headers={**FRAGMENT, "if-match": "*"})
        assert (response.status_code, response.headers["content-type"]) == (200, FRAGMENT["content-type"])
        assert response.headers["etag"] != etag
        assert line_of(response.text, "ice-ufrag") != line_of(made.text, "ice-ufrag")
        response = await here.http.patch(where, content=own, headers=SDP)
        assert refusal(response, 415) == 415
        assert response.headers["accept-patch"] == FRAGMENT["content-type"]
        broken = await here.http.patch(where, content=CANDIDATE.format("newufrag", "short"), headers=FRAGMENT)
        assert refusal(broken, 400) == 1802005
        for nonsense in ("", "nonsense", "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"):
            assert refusal(await here.http.patch(where, content=nonsense, headers=FRAGMENT), 400) == 1802005
        ended = await here.http.patch(where, content="m=audio 9 X 0\r\na=mid:0\r\na=end-of-candidates\r\n", headers=FRAGMENT)
        assert ended.status_code == 204
        for elsewhere in (where + "x", where.replace("/cam/", "/dog/"), where.replace("/whip/", "/whep/"), "/whip/cam"):
            assert refusal(await here.http.patch(elsewhere, content=own, headers=FRAGMENT), 404) == 1802009


def line_of(sdp: str, name: str) -> str:
    """The value of a description's first attribute of this name."""
    return next(line.partition(":")[2] for line in sdp.splitlines() if line.startswith(f"a={name}:"))


async def test_a_second_publisher_with_the_same_key_is_refused_while_the_first_sends() -> None:
    settings = config(media={"takeover_hold": 0.2})
    async with scene(settings) as here, rtc_peer() as camera, rtc_peer() as second:
        key = await here.key("publish", "cam")
        await here.connect(camera, "/whip/cam", key, send=True)
        assert refusal(await here.post("/whip/cam", key, await second.offer()), 409) == 1003023
        assert camera.state == "connected"


async def test_over_the_limit_one_is_told_when_to_come_again() -> None:
    async with scene(config(webrtc=WebRtcSettings(peers=1))) as here, rtc_peer() as camera, rtc_peer() as second:
        await here.connect(camera, "/whip/cam", await here.key("publish", "cam"), send=True)
        response = await here.post("/whip/dog", await here.key("publish", "dog"), await second.offer())
        assert refusal(response, 503) == 1803002
        assert int(response.headers["retry-after"]) >= 1
        assert response.json()["afterMs"] > 0


async def test_clients_are_told_of_ice_servers() -> None:
    turn = WebRtcSettings(stun_urls=("stun:h",), turn_urls=("turn:h:1?transport=udp",), turn_secret="north")
    async with scene(config(webrtc=turn)) as here, rtc_peer() as camera:
        response = await here.post("/whip/cam", await here.key("publish", "cam"), await camera.offer())
        stun, relay = response.headers["link"].split(", ")
        assert stun == '<stun:h>; rel="ice-server"'
        assert relay.startswith('<turn:h:1?transport=udp>; rel="ice-server"; username="')
        assert relay.endswith('; credential-type="password"')


async def test_what_signaling_takes_back_is_closed() -> None:
    async with scene() as here, rtc_peer() as camera:
        await here.connect(camera, "/whip/cam", await here.key("publish", "cam"), send=True)
        await here.anna.call("unpublish", streamID="cam")
        await camera.reaches("closed")
        assert list(here.gateway.webrtc.connections) == []


async def test_a_location_begins_with_the_path_of_the_public_address() -> None:
    listen = ListenSettings("127.0.0.1", 0, 0, 0, public_host="127.0.0.1", public_http_url="https://h/media/")
    async with running(config(listen=listen)) as gateway, rtc_peer() as camera:
        anna = await Client.login(gateway, "anna")
        result = await anna.call("publish", streamID="cam", transport="whip")
        assert result["url"] == "https://h/media/whip/cam"
        async with httpx.AsyncClient(trust_env=False, base_url=f"http://127.0.0.1:{gateway.http.port}") as http:
            bearer = {"authorization": f"Bearer {result['urls'][0]['key']}"}
            response = await http.post("/whip/cam", content=await camera.offer(), headers={**SDP, **bearer})
        assert response.headers["location"].startswith("/media/whip/cam/")
        await anna.close()


async def test_development_mode_answers_loopback_only() -> None:
    async with scene(config(dev=True)) as here:
        key = await here.key("publish", "cam")
        for headers in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
            assert refusal(await here.post("/whip/cam", key, "v=0", {**SDP, **headers}), 403) == 1803003
