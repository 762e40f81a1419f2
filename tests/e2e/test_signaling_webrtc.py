"""Publishing and playing over WebRTC by signaling, with a real client: from the first offer to every way that it ends."""

from __future__ import annotations

import asyncio

import pytest

from gateway.app import Gateway
from gateway.config import WebRtcSettings
from tests.support.gateway import Client, RemoteError, config, running, url_of
from tests.support.media_client import until
from tests.support.rtc_peer import DEADLINE, RtcPeer, rtc_peer
from tests.support.stamps import GOP, RtmpViewer, Source


async def publish(client: Client, peer: RtcPeer, stream: str = "cam", offer: str = "") -> None:
    """Publishes sound, and waits until the connection is there."""
    result = await client.call("publish", streamID=stream, transport="webrtc", sdp=offer or await peer.offer())
    assert set(result) == {"streamID", "sdp"}
    await peer.accept(result["sdp"])
    await peer.reaches("connected")


async def play(client: Client, peer: RtcPeer, stream: str = "cam") -> None:
    """Plays what there is, and waits until the connection is there."""
    result = await client.call("play", streamID=stream, transport="webrtc")
    assert set(result) == {"streamID", "sdp"}
    assert await client.call("answer", streamID=stream, sdp=await peer.answer(result["sdp"])) == {}
    await peer.reaches("connected")


async def receives(peer: RtcPeer) -> None:
    """Waits until more media come through than have come so far."""
    before = await peer.packets_received()
    async with asyncio.timeout(DEADLINE):
        while await peer.packets_received() <= before:  # noqa: ASYNC110 - statistics announce nothing
            await asyncio.sleep(0.02)


def peers(gateway: Gateway) -> int:
    return len(list(gateway.webrtc.connections))


async def test_two_users_hear_each_other_and_leave_nothing_behind() -> None:
    async with running() as gateway, rtc_peer() as camera, rtc_peer() as screen:
        anna, bert = await Client.login(gateway, "anna"), await Client.login(gateway, "bert")
        await publish(anna, camera)
        event = await bert.event("streams")
        assert event["params"]["streams"][0] | {"muted": None} == {
            "streamID": "cam", "userID": "anna", "userName": "anna", "media": ["audio"], "announced": ["audio", "video"],
            "muted": None, "extraInfo": "", "transport": "webrtc",
        }  # fmt: skip
        await anna.event("publisherState", lambda params: params["state"] == "PUBLISHING")
        await play(bert, screen)
        await bert.event("playerState", lambda params: params["state"] == "PLAYING")
        await receives(screen)
        assert peers(gateway) == 2
        await bert.call("stop", streamID="cam")
        await screen.reaches("closed")
        await anna.call("unpublish", streamID="cam")
        await camera.reaches("closed")
        event = await bert.event("streams", lambda params: params["type"] == "DELETE")
        assert event["params"]["reason"]["code"] == 1
        assert (peers(gateway), gateway.snapshot().streams, gateway.snapshot().grants) == (0, {}, 0)
        for client in (anna, bert):
            await client.close()


@pytest.mark.parametrize("end", ["logout", "replaced"])
async def test_media_end_with_the_session(end: str) -> None:
    async with running() as gateway, rtc_peer() as camera, rtc_peer() as screen:
        anna, bert = await Client.login(gateway, "anna"), await Client.login(gateway, "bert")
        await publish(anna, camera)
        await bert.event("streams")
        await play(bert, screen)
        others = [await Client.login(gateway, "anna")] if end == "replaced" else []
        if end == "logout":
            await anna.call("logout")
        await camera.reaches("closed")
        await screen.reaches("closed")
        assert peers(gateway) == 0
        for client in (anna, bert, *others):
            await client.close()


async def test_media_outlive_a_lost_socket() -> None:
    async with running() as gateway, rtc_peer() as camera, rtc_peer() as screen, rtc_peer() as stranger:
        anna, bert = await Client.login(gateway, "anna"), await Client.login(gateway, "bert")
        await publish(anna, camera)
        await bert.event("streams")
        await play(bert, screen)
        for client in (anna, bert):
            client.socket.transport.abort()
        await until(lambda: gateway.snapshot().sessions.get("detached") == 2)
        await receives(screen)
        again = await Client.login(gateway, "bert", instead_of=bert)
        assert again.login_result["playing"] == ["cam"]
        offer = await again.call("play", streamID="cam", transport="webrtc", restart=True)
        await asyncio.sleep(1)  # aiortc numbers the sessions of its descriptions by the second
        with pytest.raises(RemoteError, match="another connection"):
            await again.call("answer", streamID="cam", sdp=await stranger.answer(offer["sdp"]))
        assert await again.call("answer", streamID="cam", sdp=await screen.answer(offer["sdp"])) == {}
        await receives(screen)
        assert peers(gateway) == 2
        await again.close()


async def test_an_rtmp_publisher_gives_way_to_webrtc_and_back_and_its_viewers_stay() -> None:
    async with running() as gateway, rtc_peer() as camera:
        anna, bert = await Client.login(gateway, "anna"), await Client.login(gateway, "bert")
        pushed = await anna.call("publish", streamID="cam")
        source = await Source.push(url_of(pushed))
        await bert.event("streams")
        viewer = await RtmpViewer.play(url_of(await bert.call("play", streamID="cam")))
        await viewer.sees(GOP)
        await publish(anna, camera)
        await asyncio.wait_for(source.cut.wait(), DEADLINE)
        await bert.event("streams", lambda params: params["streams"][0]["transport"] == "webrtc")
        await until(lambda: gateway.snapshot().publishers == {"rtmp": 0, "webrtc": 1})
        assert url_of(await anna.call("publish", streamID="cam")) == url_of(pushed)
        await camera.reaches("closed")
        source = await Source.push(url_of(pushed), first=1000)
        await viewer.sees(1000 + GOP)
        assert not [event for event in bert.heard("streams") if event["params"]["type"] == "DELETE"]
        await viewer.close()
        await source.close()
        for client in (anna, bert):
            await client.close()


async def test_another_connection_of_ones_own_stream_takes_the_first_ones_place() -> None:
    async with running() as gateway, rtc_peer() as camera, rtc_peer() as reloaded:
        anna, bert = await Client.login(gateway, "anna"), await Client.login(gateway, "bert")
        await publish(anna, camera)
        await bert.event("streams")
        await publish(anna, reloaded)
        await camera.reaches("closed")
        await until(lambda: gateway.snapshot().streams == {"on air": 1})
        assert (peers(gateway), len(bert.heard("streams"))) == (1, 1)
        for client in (anna, bert):
            await client.close()


async def test_what_is_refused_leaves_nothing_behind() -> None:
    async with running() as gateway:
        anna = await Client.login(gateway, "anna")
        for sdp in ("nonsense", "v=0\r\n", "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"):
            with pytest.raises(RemoteError) as refused:
                await anna.call("publish", streamID="cam", transport="webrtc", sdp=sdp)
            assert (refused.value.code, refused.value.data["retry"]) == (1802005, "never")
        await anna.call("play", streamID="dog", transport="webrtc", wait=True)
        with pytest.raises(RemoteError, match="1802005"):
            await anna.call("answer", streamID="dog", sdp="nonsense")
        await anna.call("stop", streamID="dog")
        with pytest.raises(RemoteError, match="1802009"):
            await anna.call("answer", streamID="dog", sdp="nonsense")
        assert (gateway.snapshot().grants, gateway.snapshot().streams) == (0, {})
        await anna.close()


async def test_one_who_is_offered_a_connection_and_never_comes_is_forgotten() -> None:
    async with running(config(webrtc=WebRtcSettings(connect_deadline=0.3))) as gateway:
        anna = await Client.login(gateway, "anna")
        await anna.call("play", streamID="dog", transport="webrtc", wait=True)
        await until(lambda: gateway.webrtc.stats.failed == 1, "the end of the attempt")
        assert peers(gateway) == 0
        with pytest.raises(RemoteError, match="1802009"):
            await anna.call("play", streamID="dog", transport="webrtc", wait=True, restart=True)
        await anna.close()


async def test_a_stream_that_comes_later_is_played_by_one_who_waits() -> None:
    async with running() as gateway, rtc_peer() as camera, rtc_peer() as screen:
        anna, bert = await Client.login(gateway, "anna"), await Client.login(gateway, "bert")
        offer = await bert.call("play", streamID="cam", transport="webrtc", wait=True)
        await bert.call("answer", streamID="cam", sdp=await screen.answer(offer["sdp"]))
        await screen.reaches("connected")
        await publish(anna, camera)
        await bert.event("playerState", lambda params: params["state"] == "PLAYING")
        await receives(screen)
        for client in (anna, bert):
            await client.close()


async def test_logins_are_told_of_turn_servers() -> None:
    turn = WebRtcSettings(turn_urls=("turn:127.0.0.1:3478",), turn_secret="north")
    async with running(config(webrtc=turn)) as gateway:
        anna = await Client.login(gateway, "anna")
        (server,) = anna.login_result["iceServers"]
        assert set(server) == {"urls", "username", "credential"}
        assert server["username"].endswith(":anna")
        await anna.close()
