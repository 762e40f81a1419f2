"""The call page in a real browser: a real call is seen, judged, looked back on, and ended with it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

import av
import httpx
from websockets.exceptions import ConnectionClosed

from gateway.app import Gateway
from gateway.auth.access import Action
from gateway.auth.stream_keys import NONCE_BYTES, KeySigner, pull_url, push_url
from gateway.config import QualitySettings
from tests.support.browser import DEADLINE, Browser, Page, PageError, browsing
from tests.support.gateway import APP, SECRET, Client, RemoteError, config, running, url_of
from tests.support.media_client import until, viewers
from tests.support.stamps import GOP, FlvViewer, Source

KEY = "the server API's key of the tests, long enough"
SWIFT = QualitySettings(sweep=0.1, measure_every=0.3)
ENGLISH = "Object.defineProperty(navigator, 'languages', {get: () => ['en']});"
CHINESE = "Object.defineProperty(navigator, 'languages', {get: () => ['zh-CN', 'en']});"
ROOM = "room <b>1</b>"
STUDIO = "studio <b>1</b>"
HIDEABLE = """
{
  let hidden = false;
  Object.defineProperty(document, 'visibilityState', {get: () => (hidden ? 'hidden' : 'visible')});
  window.hide = (is) => { hidden = is; document.dispatchEvent(new Event('visibilitychange')); };
  const real = window.fetch;
  window.fetched = 0;
  window.fetch = (...all) => { window.fetched += 1; return real(...all); };
}
"""
"""A tab that can be hidden, and counts what it fetches."""
BREAKABLE = """
{
  const real = window.fetch;
  const broken = (url) => sessionStorage.getItem('broken') && url.startsWith('/v1/');
  window.fetch = (url, ...all) => (broken(url) ? Promise.reject(new TypeError('broken')) : real(url, ...all));
}
"""
"""A tab that does not reach the server API while `broken` is kept."""
DOOR = "!document.getElementById('door').hidden"


def signed(gateway: Gateway, action: Action, stream: str) -> str:
    """An address that is good without a session, as `gateway url` makes it."""
    nonce, until = secrets.token_bytes(NONCE_BYTES), time.time() + 60
    key = KeySigner(SECRET).sign(APP, action, stream, grant_id=None, user="ed", expires_at=until, nonce=nonce)
    if action is Action.PUBLISH:
        return push_url(gateway.addresses.rtmp, stream, key)
    return pull_url("flv", gateway.addresses.http, stream, key)


@asynccontextmanager
async def gateway_and_browser() -> AsyncIterator[tuple[Gateway, Browser]]:
    made = config(quality=SWIFT)
    apps = {app: dataclasses.replace(one, api_key=KEY) for app, one in made.apps.items()}
    async with running(dataclasses.replace(made, apps=apps)) as gateway, browsing("chromium") as browser:
        yield gateway, browser


class Operator:
    """One tab with the call page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @classmethod
    async def open(cls, browser: Browser, gateway: Gateway, *, before: str = ENGLISH, **address: str) -> Operator:
        given = urlencode({"appID": APP, **address}, quote_via=quote)
        page = await browser.open(f"{gateway.addresses.http}/console#{given}", before)
        await page.until("document.documentElement.dataset.ready")
        return cls(page)

    async def sign_in(self, key: str = KEY, *, keep: bool = False) -> None:
        await self.page.evaluate(f"document.getElementById('keep').checked = {json.dumps(keep)}")
        await self.page.evaluate(f"document.getElementById('key').value = {json.dumps(key)}")
        await self.click("#sign-in-button")

    async def click(self, selector: str) -> None:
        await self.page.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    async def text(self, selector: str) -> str:
        """What an element says, once it says something."""
        said = await self.page.until(f"document.querySelector({json.dumps(selector)})?.innerText")
        return str(said)

    async def says(self, selector: str, words: str) -> None:
        """Waits until an element says this."""
        await self.page.until(f"document.querySelector({json.dumps(selector)})?.innerText.includes({json.dumps(words)})")

    async def look_for(self, typed: str) -> None:
        """Types into the field that narrows the list down."""
        field = "document.getElementById('wanted')"
        await self.page.evaluate(f"void ({field}.value = {json.dumps(typed)}, {field}.oninput())")

    async def go(self, **address: str) -> None:
        given = json.dumps("#" + urlencode({"appID": APP, **address}, quote_via=quote))
        await self.page.evaluate(f"location.hash = {given}")

    async def reload(self) -> None:
        await self.page.evaluate("void (window.before = true, setTimeout(() => location.reload()))")
        async with asyncio.timeout(DEADLINE):
            while True:
                with contextlib.suppress(PageError):  # it has just gone
                    if await self.page.evaluate("!window.before && document.documentElement.dataset.ready"):
                        return
                await asyncio.sleep(0.05)

    async def width(self) -> int:
        """Of all that there is to scroll to."""
        return int(await self.page.evaluate("document.documentElement.scrollWidth"))


def shades(path: Path) -> int:
    """How many greys a picture has: a blank one has one."""
    with av.open(str(path)) as file:
        return len(set(bytes(next(file.decode(video=0)).reformat(format="gray").planes[0])))


class Talk:
    """Bob publishes `cam`, Cat plays it."""

    def __init__(self, bob: Client, cat: Client, source: Source, viewer: FlvViewer) -> None:
        self.bob = bob
        self.cat = cat
        self.source = source
        self.viewer = viewer

    @classmethod
    async def begin(cls, gateway: Gateway) -> Talk:
        bob, cat = await Client.login(gateway, "bob", ROOM), await Client.login(gateway, "cat", ROOM)
        source = await Source.push(url_of(await bob.call("publish", streamID="cam")))
        await source.pushed(GOP)
        await cat.event("streams")
        viewer = await FlvViewer.play(url_of(await cat.call("play", streamID="cam", transport="flv"), "flv"))
        await viewers(gateway, 1)
        return cls(bob, cat, source, viewer)

    async def end(self) -> None:
        await self.viewer.close()
        await self.source.close()
        for client in (self.bob, self.cat):
            with contextlib.suppress(RemoteError, ConnectionClosed):  # it was put out
                await client.call("logout")
            await client.close()


async def test_a_wrong_key_is_told_in_words_and_a_right_one_is_kept_nowhere_unless_wished() -> None:
    kept = "JSON.stringify([location.href, {...localStorage}, {...sessionStorage}, document.documentElement.outerHTML])"
    async with gateway_and_browser() as (gateway, browser):
        ann = await Operator.open(browser, gateway)
        assert await ann.page.evaluate("document.getElementById('app').value") == APP
        for wrong in ("nonsense", "schlüssel"):
            await ann.sign_in(wrong)
            await ann.says("#sign-in-error", "The key is not that of this app")
            assert await ann.page.evaluate(DOOR)
        assert any("401" in said for said in ann.page.said), "the browser itself notes the refusal"
        ann.page.said.clear()
        await ann.sign_in()
        await ann.says("#none", "No room is open.")
        assert KEY not in await ann.page.evaluate(kept)
        await ann.reload()
        assert await ann.page.evaluate(DOOR)
        await ann.sign_in(keep=True)
        await ann.text("#none")
        await ann.reload()
        await ann.says("#none", "No room is open.")
        assert await ann.page.evaluate(DOOR) is False
        assert KEY not in await ann.page.evaluate("JSON.stringify([location.href, {...localStorage}])")
        await ann.click("#sign-out")
        await ann.page.until(DOOR)
        assert KEY not in await ann.page.evaluate(kept)
        assert ann.page.said == []


async def test_a_key_that_is_kept_is_forgotten_only_when_it_is_refused() -> None:
    kept = "sessionStorage.getItem('gateway-console')"
    async with gateway_and_browser() as (gateway, browser):
        ann = await Operator.open(browser, gateway, before=ENGLISH + BREAKABLE)
        await ann.sign_in(keep=True)
        await ann.says("#none", "No room is open.")
        await ann.page.evaluate("sessionStorage.setItem('broken', 'yes')")
        await ann.reload()
        assert await ann.page.evaluate(DOOR)
        assert await ann.text("#sign-in-error")
        await ann.page.evaluate("sessionStorage.removeItem('broken')")
        await ann.reload()
        await ann.says("#none", "No room is open.")
        wrong = json.dumps(json.dumps({"appID": APP, "key": "wrong"}))
        await ann.page.evaluate(f"sessionStorage.setItem('gateway-console', {wrong})")
        await ann.reload()
        assert await ann.page.evaluate(DOOR)
        assert await ann.page.evaluate(kept) is None


async def test_a_call_is_seen_live_and_its_timeline_is_drawn(tmp_path: Path) -> None:
    async with gateway_and_browser() as (gateway, browser):
        talk = await Talk.begin(gateway)
        await talk.bob.call("report", direction="push", event="bindstatechange", streamID="cam", data={"code": 1101})
        said = {"info": {"videoFPS": 14, "videoCache": 300}}
        await talk.cat.call("report", direction="pull", event="bindnetstatus", streamID="cam", data=said)
        ann = await Operator.open(browser, gateway)
        await ann.sign_in()
        await ann.says("#found", "users: 2, on air: 1")
        assert ROOM in await ann.text("#found a")
        await ann.page.until("document.querySelector('#found .badge')?.dataset.level")
        await ann.click("#found a")
        await ann.says("[data-stream=cam] .verdict", "uplink: ")
        await ann.says("[data-viewer=cat] .verdict", "downlink: ")
        await ann.says("[data-viewer=cat]", "cat over flv (RTC)")
        await ann.says("[data-stream=cam] .numbers", "kbit/s")
        await ann.says("#server", "gateway: ")
        assert await ann.text("#call-title") == f"Room {ROOM}"
        assert await ann.text("#call-state") == "live"
        await ann.click("#to-timeline")
        for lane in ("push cam", "pull cam"):
            selector = f"[data-lane={json.dumps(lane)}]"
            for part in (".band", ".mark", "[data-plot=bitrate] .curve.measure"):
                await ann.page.until(f"document.querySelector({json.dumps(f'{selector} {part}')})?.getBBox().width > 0")
        await ann.page.until("!!document.querySelector('[data-lane=\"pull cam\"] [data-plot=fps] .curve.report')")
        await ann.says("#entries", "live-pusher 1101: ")
        await ann.says("#entries", "Joined as broadcaster.")
        before = await ann.page.evaluate("document.querySelectorAll('#entries li').length")
        await ann.page.evaluate("{ const kind = document.getElementById('by-kind'); kind.value = ''; kind.onchange(); }")
        assert await ann.page.until(f"document.querySelectorAll('#entries li').length > {before}")
        await ann.page.picture(tmp_path / "timeline.png")
        assert shades(tmp_path / "timeline.png") > 50
        assert await ann.page.evaluate("document.getElementById('trouble').hidden")
        assert ann.page.said == []
        await talk.end()


async def test_putting_somebody_out_asks_first_and_really_does_it_and_closing_leads_to_what_there_was() -> None:
    async with gateway_and_browser() as (gateway, browser):
        talk = await Talk.begin(gateway)
        ann = await Operator.open(browser, gateway, roomID=ROOM)
        await ann.sign_in()
        await ann.says("[data-user=cat]", "connected")
        await ann.click("[data-user=cat] button")
        await ann.says("#sure-title", "Put cat out")
        assert await ann.page.until("document.activeElement.id") == "sure-no"
        await ann.page.press("Enter")
        await ann.page.until("!document.getElementById('sure').open")
        assert talk.cat.heard("kicked") == []
        await ann.click("[data-user=cat] button")
        await ann.page.evaluate("document.getElementById('sure-reason').value = 'too loud'")
        await ann.click("#sure-yes")
        kicked = (await talk.cat.event("kicked"))["params"]
        assert (kicked["reason"], kicked["retry"]) == ("too loud", "never")
        await ann.says("#notices", "cat was put out.")
        await ann.page.until("!document.querySelector('[data-user=cat]')")
        await until(lambda: len(gateway.registry.rooms[APP, ROOM].sessions) == 1, "one user left")
        await ann.click("#close-room")
        await ann.says("#sure-title", f"Close room {ROOM}")
        await ann.click("#sure-yes")
        await talk.bob.event("roomClosed")
        await ann.says("#call-state", "over")
        await ann.says("#entries", "Left: put out.")
        await ann.says("[data-lane='push cam'] h3", "bob publishes cam")
        assert not gateway.registry.rooms
        await talk.end()


async def test_a_room_that_is_over_is_found_by_its_id_and_one_that_never_was_is_not() -> None:
    async with gateway_and_browser() as (gateway, browser):
        talk = await Talk.begin(gateway)
        await talk.end()
        await until(lambda: not gateway.registry.rooms, "the end of the room")
        ann = await Operator.open(browser, gateway, before=CHINESE)
        await ann.sign_in()
        await ann.says("#none", "当前没有房间")
        await ann.page.evaluate(f"document.getElementById('wanted').value = {json.dumps(ROOM)}")
        await ann.click("#open")
        await ann.says("#call-state", "已结束")
        await ann.says("#entries", "加入房间，身份：主播。")
        await ann.click("#language")
        await ann.says("#entries", "Joined as broadcaster.")
        await ann.go(roomID="nothing")
        await ann.says("#trouble", "There is no such room")
        await ann.page.evaluate("history.back()")
        await ann.says("#entries", "Joined as broadcaster.")
        assert await ann.page.until("document.getElementById('trouble').hidden")


async def test_a_stream_in_no_room_is_listed_seen_live_and_looked_back_on(tmp_path: Path) -> None:
    async with gateway_and_browser() as (gateway, browser):
        ann = await Operator.open(browser, gateway)
        await ann.sign_in()
        await ann.text("#none")
        await ann.click("#to-streams")
        await ann.says("#none", "No stream is published outside of rooms.")
        talk = await Talk.begin(gateway)
        source = await Source.push(signed(gateway, Action.PUBLISH, STUDIO))
        await source.pushed(GOP)
        wall = [await FlvViewer.play(signed(gateway, Action.PLAY, STUDIO)) for _ in range(2)]
        await ann.says("#found a", STUDIO)
        assert await ann.page.evaluate("document.querySelectorAll('#found a').length") == 1, "what is in a room stands there"
        await ann.says("#found li", "ed over rtmp")
        await ann.page.until("document.querySelector('#found .badge')?.dataset.level")
        await ann.look_for("x")
        await ann.says("#none", "No such stream begins with “x”.")
        await ann.look_for("st")
        await ann.text("#found a")
        await ann.click("#found a")
        assert await ann.text("#call-title") == f"Stream {STUDIO}"
        assert await ann.page.until(f"document.title === {json.dumps(f'Stream {STUDIO} – Calls')}")
        await ann.says("#call-state", "live")
        await ann.says("#streams .verdict", "uplink: ")
        await ann.says("#streams .numbers", "kbit/s")
        await ann.says("#server", "gateway: ")
        await ann.page.until("document.querySelectorAll('[data-viewer=ed]').length === 2")
        assert await ann.page.evaluate("['members', 'close-room'].every((id) => document.getElementById(id).hidden)")
        await ann.click("#to-timeline")
        for lane in ("push", "pull"):
            selector = f"[data-lane={json.dumps(f'{lane} {STUDIO}')}]"
            for part in (".band", ".mark", "[data-plot=bitrate] .curve.measure"):
                await ann.page.until(f"document.querySelector({json.dumps(f'{selector} {part}')})?.getBBox().width > 0")
        await ann.says("#entries", "Connected to publish")
        assert await ann.page.evaluate("document.getElementById('by-stream').closest('label').hidden")
        await ann.page.resize(360, 740)
        for view in ("now", "timeline"):
            await ann.go(streamID=STUDIO, view=view)
            await ann.says("#call-state", "live")
            assert await ann.width() == 360
        await ann.go(streamID="cam", view="now")
        await ann.says("#call-room", f"Room {ROOM}")
        await ann.click("#call-room")
        await ann.says("#call-title", f"Room {ROOM}")
        assert ann.page.said == []
        for viewer in wall:
            await viewer.close()
        await source.close()
        await ann.go(streamID=STUDIO)
        await ann.says("#call-state", "over")
        await ann.says("#entries", "Connected to publish")
        assert await ann.page.evaluate("document.getElementById('trouble').hidden")
        await talk.end()


async def test_what_there_is_not_is_said_and_nothing_seems_to_be_on_its_way() -> None:
    async with gateway_and_browser() as (gateway, browser):
        ann = await Operator.open(browser, gateway, before=ENGLISH + BREAKABLE)
        await ann.sign_in()
        await ann.text("#none")
        for place, said in (("roomID", "There is no such room"), ("streamID", "There is no such stream")):
            await ann.go(**{place: "nothing"})
            await ann.says("#trouble", said)
            await ann.page.until("!document.getElementById('loading').textContent")
            assert (await ann.text("#trouble")).startswith(said), "it was never up to date"
            assert await ann.page.evaluate("document.getElementById('legend').hidden")
        talk = await Talk.begin(gateway)
        await ann.go(roomID=ROOM)
        await ann.text("[data-user=cat]")
        await ann.page.evaluate("sessionStorage.setItem('broken', 'yes')")
        await ann.says("#trouble", "Not up to date since ")
        await ann.says("#trouble", "The gateway cannot be reached.")
        assert await ann.text("[data-user=cat]"), "what was known stays"
        await ann.page.evaluate("sessionStorage.removeItem('broken')")
        await ann.page.until("document.getElementById('trouble').hidden")
        await talk.end()


async def test_who_was_put_out_leaves_the_keyboard_at_the_title() -> None:
    async with gateway_and_browser() as (gateway, browser):
        talk = await Talk.begin(gateway)
        ann = await Operator.open(browser, gateway, roomID=ROOM)
        await ann.sign_in()
        await ann.text("[data-user=cat]")
        await ann.page.evaluate("document.querySelector('[data-user=cat] button').focus()")
        await ann.page.press("Enter")
        await ann.page.until("document.getElementById('sure').open")
        await ann.click("#sure-yes")
        await ann.page.until("!document.querySelector('[data-user=cat]')")
        assert await ann.page.evaluate("document.activeElement.id") == "call-title"
        await talk.end()


async def test_more_users_and_viewers_than_a_page_holds_are_all_shown() -> None:
    small = """
    {
      const real = window.fetch;
      window.fetch = (url, ...all) => real(String(url).replace('/quality?limit=0', '/quality?limit=0&legs=1'), ...all);
    }
    """
    async with gateway_and_browser() as (gateway, browser):
        talk = await Talk.begin(gateway)
        dan = await Client.login(gateway, "dan", ROOM)
        seen = await FlvViewer.play(url_of(await dan.call("play", streamID="cam", transport="flv"), "flv"))
        ann = await Operator.open(browser, gateway, before=ENGLISH + small, roomID=ROOM)
        await ann.sign_in()
        await ann.says("#partly", "were looked into so far")
        await ann.says("[data-viewer=cat] .verdict", "downlink: ")
        await ann.says("[data-viewer=dan] .verdict", "downlink: ")
        await ann.page.until("document.getElementById('partly').hidden")
        assert await ann.page.evaluate("document.querySelectorAll('[data-viewer]').length") == 2
        assert ann.page.said == []
        await seen.close()
        await dan.close()
        await talk.end()


async def test_what_is_bad_is_blamed_in_words() -> None:
    async with gateway_and_browser() as (gateway, browser):
        talk = await Talk.begin(gateway)
        ann = await Operator.open(browser, gateway, roomID=ROOM)
        await ann.sign_in()
        await ann.says("[data-stream=cam] .verdict", "uplink: good")
        for client, direction, code in ((talk.bob, "push", 3005), (talk.cat, "pull", 2103)):
            await client.call("report", direction=direction, event="bindstatechange", streamID="cam", data={"code": code})
        await ann.says("[data-stream=cam] .verdict", "uplink: bad")
        await ann.says("[data-stream=cam] .evidence", "reports trouble with its network. Code 3005: ")
        await ann.says("[data-viewer=cat] .blame", "At fault: the publisher's uplink")
        await ann.go()
        await ann.says("#found .badge", "uplink: bad")
        await ann.go(roomID=ROOM, view="timeline")
        await ann.page.until("!!document.querySelector('[data-lane=\"push cam\"] .band.bad')")
        await ann.says("#entries", "uplink: bad. ")
        await talk.end()


async def test_a_phones_screen_has_room_for_everything_and_all_can_be_reached_by_keyboard() -> None:
    nameless = """[...document.querySelectorAll('button, input, select, a, dialog, [role=img]')].filter((one) =>
        !one.closest('[hidden], dialog:not([open])') && !one.labels?.length && !one.textContent.trim()
        && !one.getAttribute('aria-label') && !one.getAttribute('aria-labelledby')).map((one) => one.outerHTML)"""
    focused = "document.activeElement.id || document.activeElement.closest('li')?.dataset.user"
    async with gateway_and_browser() as (gateway, browser):
        long = "long" * 30
        talk = await Talk.begin(gateway)
        dan = await Client.login(gateway, long, ROOM)
        await dan.call("publish", streamID=long + long)
        eve = await Client.login(gateway, "eve", long)
        ann = await Operator.open(browser, gateway)
        await ann.page.resize(360, 740)
        assert await ann.width() == 360
        await ann.page.evaluate("document.getElementById('sign-in-button').focus()")
        await ann.sign_in()
        await ann.says("#found", long)
        assert await ann.page.evaluate("document.activeElement.id") == "list-title"
        assert await ann.width() == 360
        assert await ann.page.evaluate(nameless) == []
        await ann.go(roomID=ROOM)
        await ann.says("#users", long)
        await ann.says("#streams", long)
        assert await ann.width() == 360
        assert await ann.page.evaluate(nameless) == []
        await ann.page.evaluate("document.getElementById('home').focus()")
        reached = set()
        for _ in range(12):
            reached.add(await ann.page.evaluate(focused))
            await ann.page.press("Tab")
        assert {"home", "language", "sign-out", "close-room", "to-now", "to-timeline", "bob", "cat", long} <= reached
        await ann.click("[data-user=bob] button")
        await ann.page.until("document.getElementById('sure').open")
        assert await ann.width() == 360
        await ann.go(roomID=ROOM, view="timeline")
        await ann.page.until("!!document.querySelector('#lanes svg')")
        await ann.says("#entries", long)
        assert await ann.width() == 360
        assert await ann.page.evaluate(nameless) == []
        assert await ann.page.evaluate("document.getElementById('sure').open") is False
        for client in (dan, eve):
            await client.close()
        await talk.end()


async def test_it_loads_nothing_from_elsewhere_and_asks_nothing_while_nobody_looks() -> None:
    async with gateway_and_browser() as (gateway, browser):
        async with httpx.AsyncClient(base_url=gateway.addresses.http, trust_env=False) as http:
            page = await http.get("/console")
            assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
            assert "default-src 'none'" in page.headers["content-security-policy"]
            assert "unsafe" not in page.headers["content-security-policy"]
            assert page.headers["referrer-policy"] == "no-referrer"
            words = await http.get("/console/words.json", headers={"if-none-match": "other"})
            assert (words.status_code, set(words.json())) == (200, {"measures", "codes", "findings"})
            again = await http.get("/console/words.json", headers={"if-none-match": words.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
            assert (await http.get("/console/package.json")).status_code == 404
        ann = await Operator.open(browser, gateway, before=ENGLISH + HIDEABLE)
        await ann.sign_in()
        await ann.text("#none")
        await ann.page.evaluate("hide(true)")
        await ann.page.until("fetched === await new Promise((done) => setTimeout(() => done(fetched), 3500))")
        before = await ann.page.evaluate("fetched")
        await ann.page.evaluate("hide(false)")
        await ann.page.until(f"fetched > {before}")
        loaded = await ann.page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
        assert [url for url in loaded if not url.startswith(gateway.addresses.http)] == []
