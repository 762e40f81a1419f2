"""The web page in a real browser: who joins with it, what it says when something is wrong, and who can use it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from gateway.app import Gateway
from tests.support.browser import Browser, browsing
from tests.support.browser_guest import Guest
from tests.support.gateway import APP, DEADLINE, Client, config, running
from tests.support.media_client import Clip, Source, until

ENGLISH = "Object.defineProperty(navigator, 'languages', {get: () => ['en']});"
CHINESE = "Object.defineProperty(navigator, 'languages', {get: () => ['zh-CN', 'en']});"
REFUSES = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('denied', 'NotAllowedError'); };"
NO_CAMERA = """
{
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wish) => {
    if (wish.video) throw new DOMException('none', 'NotFoundError');
    return real(wish);
  };
}
"""
JOINED = "!document.getElementById('in-room').hidden"
ERROR = "document.getElementById('join-error')"


@asynccontextmanager
async def page_of(*flags: str, **settings: object) -> AsyncIterator[tuple[Gateway, Browser]]:
    async with running(config(**settings)) as gateway, browsing("chromium", *flags) as browser:  # type: ignore[arg-type]
        yield gateway, browser


async def test_the_page_may_load_nothing_from_elsewhere_and_is_asked_for_again_only_if_it_changed() -> None:
    async with running() as gateway, httpx.AsyncClient(base_url=gateway.addresses.http, timeout=DEADLINE) as http:
        page = await http.get("/")
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        again = await http.get("/", headers={"if-none-match": page.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        script = await http.get("/page/page.js")
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
        assert (await http.get("/page/package.json")).status_code == 404
        about = await http.get("/page.json")
        assert about.json() == {"dev": False, "appID": "", "ws": gateway.addresses.ws}
        assert about.headers["cache-control"] == "no-store"


async def test_in_development_mode_nothing_has_to_be_filled_in() -> None:
    settings = config()
    apps = {APP: replace(settings.apps[APP], debug=True)}
    async with running(replace(settings, dev=True, apps=apps)) as gateway, browsing("chromium") as browser:
        page = await browser.open(gateway.addresses.http)
        await page.until("document.getElementById('join').dataset.ready")
        assert await page.evaluate("document.getElementById('app').value") == APP
        await page.press("Tab")
        await page.evaluate("document.getElementById('room').focus()")
        await page.press("Enter")
        await page.until(JOINED)
        assert page.said == []


async def test_what_is_wrong_is_said_in_the_users_language_and_the_switch_changes_it() -> None:
    async with page_of() as (gateway, browser):
        guest = await Guest.open(browser, gateway, "ann", token="nonsense", before=CHINESE)
        assert await guest.page.evaluate("document.documentElement.lang") == "zh-CN"
        await guest.enter("none")
        assert "token" in await guest.page.until(f"!{ERROR}.hidden && {ERROR}.innerText")
        assert "校验失败" in await guest.text("#join-error")
        await guest.click("language")
        assert await guest.text("#join-error") == "The token was rejected. Get a new token for this app, room and user."
        assert await guest.text("#join-button") == "Join"
        assert await guest.page.evaluate("document.documentElement.lang") == "en"
        assert await guest.page.evaluate("location.hash") == "", "the token does not stay in the address"


async def test_a_form_that_is_not_filled_in_leads_to_what_is_missing() -> None:
    async with page_of() as (gateway, browser):
        guest = await Guest.open(browser, gateway, "ann")
        await guest.page.evaluate("document.getElementById('room').value = ' '")
        await guest.enter("none")
        assert await guest.page.until("document.activeElement.id") == "room"
        assert not await guest.page.evaluate(JOINED)


async def test_a_browser_that_refuses_devices_is_explained_and_does_not_join() -> None:
    async with page_of() as (gateway, browser):
        guest = await Guest.open(browser, gateway, "ann", before=ENGLISH + REFUSES)
        await guest.enter()
        assert "does not let this page use" in await guest.page.until(f"!{ERROR}.hidden && {ERROR}.innerText")
        assert not gateway.registry.rooms
        await guest.enter("none")
        await guest.page.until(JOINED)


async def test_without_a_camera_the_microphone_is_published() -> None:
    async with page_of() as (gateway, browser):
        bob = await Client.login(gateway, "bob")
        guest = await Guest.join(browser, gateway, "ann", before=ENGLISH + NO_CAMERA)
        assert "Without camera" in await guest.page.until("document.getElementById('notices').innerText")
        added = (await bob.event("streams", lambda params: params["type"] == "ADD"))["params"]["streams"][0]
        assert (added["streamID"], added["announced"], added["transport"]) == (guest.stream, ["audio"], "webrtc")
        await bob.close()


async def test_a_gateway_that_is_not_there_is_said_to_be_unreachable() -> None:
    async with browsing("chromium") as browser:
        async with running() as gateway:
            guest = await Guest.open(browser, gateway, "ann", before=ENGLISH)
        await guest.enter("none")
        assert "cannot be reached" in await guest.page.until(f"!{ERROR}.hidden && {ERROR}.innerText")


async def test_who_joins_elsewhere_is_told_so_here() -> None:
    async with page_of() as (gateway, browser):
        guest = await Guest.join(browser, gateway, "ann", "none", before=ENGLISH)
        elsewhere = await Client.login(gateway, "ann")
        await guest.page.until("!document.getElementById('lobby').hidden")
        assert "joined from somewhere else" in await guest.text("#join-error")
        await elsewhere.close()


async def test_the_others_are_named_as_they_come_and_go() -> None:
    async with page_of() as (gateway, browser):
        guest = await Guest.join(browser, gateway, "ann", "none", before=ENGLISH)
        assert await guest.text("#people") == "Nobody else is here yet."
        bob = await Client.login(gateway, "bob", userName="Bob <b>")
        await guest.page.until("document.getElementById('people').innerText === 'In the room: Bob <b>'")
        await bob.call("logout")
        await guest.page.until("document.getElementById('people').innerText === 'Nobody else is here yet.'")
        await bob.close()


async def test_an_address_for_a_phone_is_handed_out_and_its_stream_is_on_air(clip: Clip) -> None:
    async with page_of() as (gateway, browser):
        guest = await Guest.join(browser, gateway, "ann", "none", before=ENGLISH)
        await guest.click("open-push")
        await guest.page.evaluate("document.querySelector('#push-form [type=submit]').click()")
        url = await guest.page.until("document.querySelector('.address input')?.value")
        assert url.startswith(f"{gateway.addresses.rtmp}/live/ann-phone?key=")
        assert await guest.text("#push-state") == "Waiting for the phone…"
        phone = await Source.publish(gateway, url, clip)
        await phone.run_until(guest.page.until("document.getElementById('push-state').innerText === 'On air.'"))
        await phone.client.close()


async def test_leaving_lets_everything_go() -> None:
    async with page_of() as (gateway, browser):
        guest = await Guest.join(browser, gateway, "ann", before=ENGLISH)
        await guest.page.evaluate("window.tracks = gatewayRoom.publication.media.getTracks()")
        await guest.click("leave-button")
        await guest.page.until("!document.getElementById('lobby').hidden")
        assert await guest.page.evaluate("tracks.map((track) => track.readyState)") == ["ended", "ended"]
        await guest.page.until("document.activeElement.id === 'join-button'")
        await until(lambda: not gateway.registry.rooms, "the end of the session")
        await guest.enter("none")
        await guest.page.until(JOINED)


async def test_a_phones_screen_has_room_for_everything() -> None:
    async with page_of() as (gateway, browser):
        guest = await Guest.open(browser, gateway, "ann" + "n" * 60, before=ENGLISH)
        await guest.page.resize(320, 568)
        wide = "document.documentElement.scrollWidth"
        await guest.click("show-preview")
        await guest.page.until("!document.getElementById('preview').hidden")
        assert await guest.page.evaluate(wide) == 320
        await guest.enter()
        await guest.page.until(JOINED)
        assert await guest.page.evaluate(wide) == 320
        await guest.click("open-push")
        await guest.page.evaluate("document.querySelector('#push-form [type=submit]').click()")
        await guest.page.until("document.querySelector('.address input')?.value")
        assert await guest.page.evaluate(wide) == 320


async def test_everything_has_a_name_and_can_be_reached_by_keyboard() -> None:
    nameless = """[...document.querySelectorAll('button, input, select, video, dialog')].filter((one) =>
        !one.closest('[hidden]') && !one.labels?.length && !one.innerText && !one.getAttribute('aria-label')
        && !one.getAttribute('aria-labelledby')).map((one) => one.outerHTML)"""
    reach = "[...document.querySelectorAll('#in-room button')].filter((one) => one.offsetParent && !one.disabled).length"
    async with page_of() as (gateway, browser):
        guest = await Guest.open(browser, gateway, "ann", before=ENGLISH)
        assert await guest.page.evaluate(nameless) == []
        await guest.enter()
        await guest.page.until(JOINED)
        assert await guest.page.evaluate(nameless) == []
        reached = set()
        for _ in range(await guest.page.evaluate(reach) + 2):
            reached.add(await guest.page.evaluate("document.activeElement.id"))
            await guest.page.press("Tab")
        assert {"toggle-mic", "toggle-camera", "open-devices", "open-push", "leave-button"} <= reached


@pytest.mark.parametrize("medium", ["audio", "video"])
async def test_muting_is_seen_by_the_others_and_survives_a_lost_socket(medium: str) -> None:
    button = {"audio": "toggle-mic", "video": "toggle-camera"}[medium]
    async with page_of() as (gateway, browser):
        bob = await Client.login(gateway, "bob")
        guest = await Guest.join(browser, gateway, "ann", before=ENGLISH)
        await guest.connected(guest.stream)
        await bob.event("streams", lambda params: params["type"] == "ADD")
        await guest.click(button)
        muted = (await bob.event("mute"))["params"]
        assert muted[medium] is True
        await guest.page.until(f"document.getElementById({json.dumps(button)}).getAttribute('aria-pressed') === 'true'")
        await guest.page.evaluate("window.states = [], gatewayCall.session.on('state', (state) => states.push(state)), null")
        for conversation in list(gateway.signaling.conversations):
            if conversation.attachment and conversation.attachment.session.user.id == "ann":
                conversation.socket._ws.io_proto.transport.abort()  # type: ignore[attr-defined]
        await guest.page.until("states[0] === 'reconnecting' && states.at(-1) === 'connected'")
        assert not bob.heard("streams", type="DELETE")
        await guest.click(button)
        await bob.event("mute", lambda params: params[medium] is False)
        await bob.close()
