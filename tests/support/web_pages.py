"""Pages that load the web SDK from a gateway, as customers' own sites do: from another origin, and without its rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

HTML = """<!doctype html><meta charset="utf-8"><title>page</title>{head}
<body><div id="local-video" style="width:320px;height:240px"></div><div id="remote-video" style="width:320px;height:240px"></div>
<audio id="remote-audio" autoplay></audio></body>"""
GLOBAL = '<script src="{sdk}/zego.global.js"></script>'
MODULE = '<script type="module">import * as sdk from "{sdk}/zego.mjs"; Object.assign(window, sdk);</script>'
RECORDER = """
window.heard = [];
window.recorded = (zg) => {
  const names = [
    "roomStateUpdate", "roomStateChanged", "roomUserUpdate", "roomStreamUpdate", "roomOnlineUserCountUpdate",
    "publisherStateUpdate", "publishQualityUpdate", "playerStateUpdate", "playQualityUpdate", "streamExtraInfoUpdate",
    "roomExtraInfoUpdate",
    "IMRecvBroadcastMessage", "IMRecvBarrageMessage", "IMRecvCustomCommand", "tokenWillExpire", "soundLevelUpdate",
    "capturedSoundLevelUpdate", "remoteCameraStatusUpdate", "remoteMicStatusUpdate", "networkQuality", "screenSharingEnded",
    "deviceError", "videoDeviceStateChanged", "playerVideoTrackUpdate",
  ];
  for (const name of names) zg.on(name, (...values) => heard.push([name, ...values]));
  return zg;
};
window.last = (name, check = () => true) => heard.findLast(([each, ...values]) => each === name && check(...values));
"""


@asynccontextmanager
async def serving(sdk: str, head: str = GLOBAL) -> AsyncIterator[str]:
    """The address of a page that loads the SDK from `sdk`, for as long as the block runs."""
    body = HTML.format(head=head.format(sdk=sdk)).encode()
    answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s"

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer % (len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answered, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
