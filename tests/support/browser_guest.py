"""A user of the web page: a tab that joins a room as people do, and what its browser measures there."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from gateway.app import Gateway
from gateway.auth.tokens import make_token
from tests.support.browser import DEADLINE, Browser, Page
from tests.support.gateway import APP

Report = dict[str, Any]

SMALLER = """
{
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = (wish) =>
    real(wish.video ? {...wish, video: {...wish.video, width: 320, height: 240, frameRate: 15}} : wish);
}
"""
"""A small camera: for rooms with many browsers on one machine."""


class Guest:
    """One tab, in a room or on its way there."""

    def __init__(self, page: Page, user: str) -> None:
        self.page = page
        self.user = user
        self.stream = f"{user}-camera"
        """The stream that it publishes."""

    @classmethod
    async def open(
        cls, browser: Browser, gateway: Gateway, user: str, room: str = "room", *, token: str | None = None, before: str = "",
    ) -> Guest:  # fmt: skip
        """Opens the page, its form filled in. `token` is made unless given; `before` runs ahead of the page's own script."""
        if token is None:
            token = make_token(gateway.config.apps[APP].secret, APP, user, now=time.time(), ttl=3600)
        given = urlencode({"appID": APP, "roomID": room, "userID": user, "token": token}, quote_via=quote)
        page = await browser.open(f"{gateway.addresses.http}/#{given}", before)
        await page.until("document.getElementById('join')?.dataset.ready")
        return cls(page, user)

    @classmethod
    async def join(cls, browser: Browser, gateway: Gateway, user: str, take: str = "both", **rest: Any) -> Guest:
        """Opens the page and joins, with `both` camera and microphone, with `audio` alone, or with `none` of them."""
        guest = await cls.open(browser, gateway, user, **rest)
        await guest.enter(take)
        await guest.page.until("!document.getElementById('in-room').hidden")
        return guest

    async def enter(self, take: str = "both") -> None:
        """Presses the button that joins."""
        await self.page.evaluate(f"document.querySelector('input[value={take}]').click()")
        await self.click("join-button")

    async def click(self, id: str) -> None:
        """Clicks an element."""
        await self.page.evaluate(f"document.getElementById({json.dumps(id)}).click()")

    async def text(self, selector: str) -> str:
        """What an element says."""
        return str(await self.page.evaluate(f"document.querySelector({json.dumps(selector)}).innerText"))

    # Streams -------------------------------------------------------------------------------------------------------

    async def connected(self, stream: str, deadline: float = DEADLINE) -> None:
        """Waits until a stream, its own or another's, is connected."""
        await self.page.until(f"gatewayCall.links.get({json.dumps(stream)})?.state === 'connected'", deadline)

    async def sees(self, stream: str, deadline: float = DEADLINE) -> None:
        """Waits for pictures and sound of a stream."""
        name = json.dumps(stream)
        await self.page.until(f"gatewayRoom.tiles.get({name})?.firstPictureMs", deadline)
        await self.page.until(f"(async () => {{ const one = [...(await {connection(stream)}.getStats()).values()]"
                              ".find((each) => each.type === 'inbound-rtp' && each.kind === 'audio');"
                              "return one?.totalSamplesReceived > 0 })()", deadline)  # fmt: skip

    async def first_picture_ms(self, stream: str) -> float:
        """Milliseconds from `play` to the first picture on the page."""
        return float(await self.page.evaluate(f"gatewayRoom.tiles.get({json.dumps(stream)}).firstPictureMs"))

    async def reports(self, stream: str) -> list[Report]:
        """getStats of a stream's connection."""
        reports: list[Report] = await self.page.evaluate(
            f"(async () => [...(await {connection(stream)}.getStats()).values()])()"
        )
        return reports

    async def incoming(self, stream: str) -> dict[str, Report]:
        """What arrives of a stream: `audio` and `video`."""
        return {one["kind"]: one for one in await self.reports(stream) if one["type"] == "inbound-rtp"}

    async def outgoing(self, stream: str = "") -> dict[str, Report]:
        """What is sent of its own stream: `audio` and `video`."""
        return {one["kind"]: one for one in await self.reports(stream or self.stream) if one["type"] == "outbound-rtp"}

    async def decodes(self, stream: str, more: int = 10, deadline: float = DEADLINE) -> None:
        """Waits until so many further pictures were decoded."""
        decoded = f"""(async () => [...(await {connection(stream)}.getStats()).values()]
            .find((each) => each.type === 'inbound-rtp' && each.kind === 'video')?.framesDecoded ?? 0)()"""
        before = await self.page.evaluate(decoded)
        await self.page.until(f"(await {decoded}) >= {before + more}", deadline)

    async def watch_gaps(self, stream: str) -> None:
        """From now on, notes the longest time for which the picture of a stream stood still."""
        await self.page.evaluate(f"""(() => {{
            const {{ video }} = gatewayRoom.tiles.get({json.dumps(stream)});
            const gaps = (window.gaps ??= {{}});
            let before = performance.now();
            gaps[{json.dumps(stream)}] = 0;
            const shown = (now) => {{
                gaps[{json.dumps(stream)}] = Math.max(gaps[{json.dumps(stream)}], now - before);
                before = now;
                video.requestVideoFrameCallback(shown);
            }};
            video.requestVideoFrameCallback(shown);
        }})()""")

    async def longest_gap_ms(self, stream: str) -> float:
        """Milliseconds, since `watch_gaps`."""
        return float(await self.page.evaluate(f"gaps[{json.dumps(stream)}]"))


def since(before: Mapping[str, Any], now: Mapping[str, Any], name: str) -> float:
    """By how much a counter of a report has grown."""
    return float(now.get(name, 0) - before.get(name, 0))


def connection(stream: str) -> str:
    """In JavaScript: the RTCPeerConnection of a stream, which the SDK keeps to itself."""
    return f"gatewayCall.engine._legs.get({json.dumps(stream)}).pc"
