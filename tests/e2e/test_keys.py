"""A key opens one stream in one direction, for whom it was made and for as long as it is meant to: each refusal says why.

Every protocol tells the same number and name: RTMP in the description of its error, HTTP-FLV in a JSON body; and every
refusal is counted.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from gateway import errors
from gateway.app import Gateway
from gateway.auth.access import Action
from gateway.auth.stream_keys import NONCE_BYTES, KeySigner, pull_url, push_url
from gateway.errors import Fault
from tests.support.gateway import APP, OTHER_APP, SECRET, Client, RemoteError, config, running, url_of
from tests.support.media_client import until
from tests.support.rtmp_client import RtmpClient, RtmpClosedError, RtmpRefusedError
from tests.support.scrape import metrics
from tests.support.stamps import GOP, FlvViewer, HttpRefusedError, RtmpViewer, Source, take_apart

DENIED = "NetStream.Publish.Denied"
FAILED = "NetStream.Play.Failed"


@dataclass
class Told:
    """What a refused connection was told."""

    code: str
    """RTMP's own word, or the HTTP status."""
    text: str

    def says(self, fault: Fault) -> bool:
        return str(fault.number) in self.text and fault.name in self.text


async def push_refused(url: str) -> Told:
    with pytest.raises(RtmpRefusedError) as refused:
        await Source.push(url)
    return Told(refused.value.code, refused.value.description)


async def play_refused(url: str) -> Told:
    with pytest.raises(RtmpRefusedError) as refused:
        await RtmpViewer.play(url)
    return Told(refused.value.code, refused.value.description)


async def pull_refused(url: str) -> Told:
    with pytest.raises(HttpRefusedError) as refused:
        await FlvViewer.play(url)
    return Told(str(refused.value.status), refused.value.body.decode())


Refused = Callable[[str], Awaitable[Told]]


def signed(
    gateway: Gateway, action: Action, stream: str = "cam", *, app: str = APP, secret: str = SECRET, ttl: float = 60,
    protocol: str = "rtmp",
) -> str:  # fmt: skip
    """An address that is good without a session, as `gateway url` makes it."""
    key = KeySigner(secret).sign(
        app, action, stream, grant_id=None, user="studio", expires_at=time.time() + ttl, nonce=secrets.token_bytes(NONCE_BYTES)
    )
    if action is Action.PUBLISH:
        return push_url(gateway.addresses.rtmp, stream, key)
    return pull_url(protocol, gateway.addresses.http if protocol == "flv" else gateway.addresses.rtmp, stream, key)


def with_key(url: str, key: str | None) -> str:
    """The address with another key, or without any."""
    base = url.partition("?")[0]
    return base if key is None else f"{base}?key={key}"


def key_of(url: str) -> str:
    return url.partition("?key=")[2]


@dataclass
class House:
    """A gateway in which Anna publishes `cam` and has addresses for `next`, and Bert has addresses for `cam`."""

    gateway: Gateway
    anna: Client
    bert: Client
    source: Source
    push: str
    """For `next`, not used yet."""
    plays: dict[str, str]
    """By protocol, for `cam`."""

    def good(self, way: str) -> str:
        return self.push if way == "push" else self.plays["rtmp" if way == "play" else "flv"]

    async def refusals(self) -> dict[str, float]:
        """So far, by protocol and reason."""
        begin = "gateway_refusals_total"
        return {name: value for name, value in (await metrics(self.gateway.addresses.http)).items() if name.startswith(begin)}


def later(gateway: Gateway, seconds: float) -> None:
    """Grants take it to be so much later; nothing else does."""
    clock = gateway.grants._now
    gateway.grants._now = lambda: clock() + seconds


@asynccontextmanager
async def open_house(**media: float) -> AsyncIterator[House]:
    async with running(config(media=media)) as gateway:
        anna, bert = await Client.login(gateway, "anna"), await Client.login(gateway, "bert")
        source = await Source.push(url_of(await anna.call("publish", streamID="cam")))
        await bert.event("streams")
        push = url_of(await anna.call("publish", streamID="next"))
        play = await bert.call("play", streamID="cam")
        yield House(gateway, anna, bert, source, push, {protocol: url_of(play, protocol) for protocol in ("rtmp", "flv")})
        await source.close()
        for client in (anna, bert):
            await client.close()


WAYS: dict[str, Refused] = {"push": push_refused, "play": play_refused, "pull": pull_refused}
PROTOCOLS = {"push": "rtmp", "play": "rtmp", "pull": "flv"}


def bad_addresses(house: House, way: str) -> dict[Fault, list[str]]:
    """What is wrong with an address, and such addresses."""
    gateway, good = house.gateway, house.good(way)
    action, other = (Action.PUBLISH, Action.PLAY) if way == "push" else (Action.PLAY, Action.PUBLISH)
    stream, protocol = "next" if way == "push" else "cam", PROTOCOLS[way]
    app, body, mac = key_of(good).split(".")

    def key(action: Action, stream: str, *, app: str = APP, secret: str = SECRET, ttl: float = 60) -> str:
        return with_key(good, key_of(signed(gateway, action, stream, app=app, secret=secret, ttl=ttl, protocol=protocol)))

    return {
        errors.KEY_MISSING: [with_key(good, None), with_key(good, "")],
        errors.KEY_BROKEN: [
            with_key(good, text) for text in ("x", "a.b.c", f"{app}.{body}", f"{app}.{body}.{mac[:-2]}", "k" * 600)
        ],
        errors.KEY_FOREIGN: [
            with_key(good, f"{app}.{body}.{'A' * len(mac)}"),
            key(action, stream, secret="z" * 40),
            key(action, stream, app="unknown"),
            key(action, stream, app=OTHER_APP),  # says the other app, signed with this one's secret
            key(action, stream, secret=SECRET[::-1]),  # says this app, signed with the other one's
        ],
        errors.KEY_WRONG_STREAM: [key(action, "another")],
        errors.KEY_WRONG_ACTION: [key(other, stream)],
        errors.KEY_EXPIRED: [key(action, stream, ttl=-2)],
    }


@pytest.mark.parametrize("way", WAYS)
async def test_every_bad_key_is_refused_with_its_own_reason_and_counted(way: str) -> None:
    async with open_house() as house:
        expected: dict[str, float] = {}
        for fault, addresses in bad_addresses(house, way).items():
            for address in addresses:
                told = await WAYS[way](address)
                assert told.says(fault), (fault.name, told)
                assert told.code == {"push": DENIED, "play": FAILED, "pull": str(fault.status)}[way]
                assert key_of(address) == "" or key_of(address) not in told.text
            expected[f'gateway_refusals_total{{protocol="{PROTOCOLS[way]}",reason="{fault.name}"}}'] = len(addresses)
        assert await house.refusals() == expected
        seen = house.source.number
        await house.source.pushed(seen + 1)
        assert not house.source.cut.is_set()


@pytest.mark.parametrize("way", WAYS)
async def test_an_address_that_was_not_used_in_time_is_refused_until_it_is_handed_out_again(way: str) -> None:
    async with open_house(key_ttl=60.0) as house:
        later(house.gateway, 61)
        assert (await WAYS[way](house.good(way))).says(errors.KEY_EXPIRED)
        if way == "push":
            renewed = await house.anna.call("publish", streamID="next")
            assert url_of(renewed) == house.push
            await (await Source.push(house.push)).close()
        else:
            renewed = await house.bert.call("play", streamID="cam")
            viewer = await (RtmpViewer if way == "play" else FlvViewer).play(house.good(way))
            await viewer.sees(GOP)
            await viewer.close()


async def unpublish(house: House) -> None:
    await house.anna.call("unpublish", streamID="next")


async def stop(house: House) -> None:
    await house.bert.call("stop", streamID="cam")


async def logout(house: House) -> None:
    await house.anna.call("logout")
    await house.bert.call("logout")


@pytest.mark.parametrize(
    ("way", "revoke"),
    [("push", unpublish), ("push", logout), ("play", stop), ("play", logout), ("pull", stop), ("pull", logout)],
)
@pytest.mark.parametrize("used", [False, True])
async def test_a_key_that_was_taken_back_is_refused_whether_it_was_used_or_not(
    way: str, revoke: Callable[[House], Awaitable[None]], used: bool
) -> None:
    async with open_house() as house:
        if used:
            if way == "push":
                await (await Source.push(house.push)).drop()
            else:
                viewer = await (RtmpViewer if way == "play" else FlvViewer).play(house.good(way))
                await viewer.sees(0)
                await viewer.close()
        await revoke(house)
        told = await WAYS[way](house.good(way))
        assert told.says(errors.KEY_REVOKED)
        assert await house.refusals() == {f'gateway_refusals_total{{protocol="{PROTOCOLS[way]}",reason="KEY_REVOKED"}}': 1}


@pytest.mark.parametrize("way", ["play", "pull"])
async def test_what_plays_is_cut_when_its_key_is_taken_back(way: str) -> None:
    async with open_house() as house:
        viewer = await (RtmpViewer if way == "play" else FlvViewer).play(house.good(way))
        await viewer.sees(0)
        await stop(house)
        await viewer.ends()
        if isinstance(viewer, RtmpViewer):
            assert viewer.client.status[-1] == FAILED
        else:
            assert isinstance(viewer, FlvViewer)
            assert not viewer.complete  # a cut response must not look like a whole one
        await viewer.close()


async def test_the_key_may_stand_in_the_tcurl() -> None:
    async with open_house() as house:
        for url, way in ((house.push, "publish"), (house.plays["rtmp"], "play")):
            host, port, _, name = take_apart(url)
            client = await RtmpClient.connect(host, port, f"live?key={key_of(url)}")
            await (client.publish if way == "publish" else client.play)(name.partition("?")[0])
            await client.drop()
        client = await RtmpClient.connect(host, port, "live?key=broken")
        with pytest.raises(RtmpRefusedError, match="1801002 KEY_BROKEN"):
            await client.play("cam")
        await client.drop()


@pytest.mark.parametrize("application", ["liv", "live2", "", "other/live"])
async def test_only_the_application_live_is_served(application: str) -> None:
    async with open_house() as house:
        host, port, _, name = take_apart(house.plays["rtmp"])

        async def play() -> None:
            client = await RtmpClient.connect(host, port, application)
            await client.play(name)

        with pytest.raises((RtmpRefusedError, RtmpClosedError)):
            await play()


async def test_http_pulls_have_to_end_with_flv() -> None:
    async with open_house() as house:
        told = await pull_refused(house.plays["flv"].replace(".flv?", "?"))
        assert told.code == "404"
        assert told.says(errors.STREAM_NOT_FOUND)


async def test_an_unknown_stream_is_named_as_such() -> None:
    async with open_house() as house:
        with pytest.raises(RemoteError) as refused:
            await house.bert.call("play", streamID="nobody's")
        assert refused.value.code == 1004002
        for protocol, ask in (("rtmp", play_refused), ("flv", pull_refused)):
            told = await ask(signed(house.gateway, Action.PLAY, "nobody's", protocol=protocol))
            assert told.says(errors.STREAM_NOT_FOUND)
            assert told.code == ("NetStream.Play.StreamNotFound" if protocol == "rtmp" else "404")


async def test_signed_addresses_work_without_a_session_and_by_their_own_rules() -> None:
    async with running(config(media={"publish_grace": 0.5})) as gateway:
        push = signed(gateway, Action.PUBLISH, "studio")
        source = await Source.push(push)
        await source.pushed(GOP)
        viewers = [
            await RtmpViewer.play(signed(gateway, Action.PLAY, "studio")),
            await FlvViewer.play(signed(gateway, Action.PLAY, "studio", protocol="flv")),
        ]
        for viewer in viewers:
            await viewer.sees(GOP)
        told = await push_refused(signed(gateway, Action.PUBLISH, "studio"))  # another address, the same stream
        assert told.says(errors.STREAM_ID_TAKEN)
        anna = await Client.login(gateway, "anna")
        with pytest.raises(RemoteError) as refused:
            await anna.call("publish", streamID="studio")
        assert refused.value.code == 1003028
        assert anna.login_result["streams"] == []  # no room sees it …
        play = await anna.call("play", streamID="studio")  # … but who knows it may play it
        viewers.append(await RtmpViewer.play(url_of(play)))
        await viewers[-1].sees(GOP)
        await source.reset()
        for viewer in viewers:
            await viewer.ends()
            await viewer.close()
        again = await Source.push(push)  # the address is good until it expires
        await again.close()
        await anna.close()
        await until(lambda: not gateway.registry.streams, "the end of the stream")


async def test_a_signed_address_that_is_being_used_may_connect_again_after_its_expiry() -> None:
    async with running(config(media={"publish_grace": 60.0})) as gateway:
        push, play = signed(gateway, Action.PUBLISH, "studio"), signed(gateway, Action.PLAY, "studio")
        source = await Source.push(push)
        await source.pushed(GOP)
        viewer = await RtmpViewer.play(play)
        await viewer.sees(GOP)
        await source.reset()
        later(gateway, 120)
        source = await Source.push(push, first=1000)
        await viewer.sees(1000 + GOP)
        await source.close()
        await viewer.ends()
        assert (await push_refused(push)).says(errors.KEY_EXPIRED)  # its use is over
        await viewer.close()


async def test_a_play_address_serves_four_connections_and_one_more_puts_out_the_oldest() -> None:
    async with open_house() as house:
        viewers = []
        for protocol in ("rtmp", "flv", "rtmp", "flv"):
            viewer = await (RtmpViewer if protocol == "rtmp" else FlvViewer).play(house.plays[protocol])
            await viewer.sees(0)
            viewers.append(viewer)
        assert not any(viewer.over.is_set() for viewer in viewers)
        fifth = await RtmpViewer.play(house.plays["rtmp"])
        await viewers[0].ends()
        for viewer in [*viewers[1:], fifth]:
            await viewer.sees(house.source.number)
            assert not viewer.missing
        for viewer in [*viewers, fifth]:
            await viewer.close()
