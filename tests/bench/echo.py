"""The peer of signaling's and of reports' comparison: a bare Sanic, in one process, as the gateway runs.

`/ws` answers each message with itself. `/room/NAME` answers the first message so, and gives every later one to everybody
who is there, the sender included: what a broadcast costs where nothing is checked, counted, numbered or kept. `/parse` parses
each message and answers those that have an id; `/upload` parses the body of a POST.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import Any

import msgspec
from sanic import HTTPResponse, Request, Sanic, Websocket
from sanic.response import json

HOST = "127.0.0.1"


class Rooms:
    """Who is where."""

    def __init__(self) -> None:
        self._sockets: defaultdict[str, list[Websocket]] = defaultdict(list)

    async def visit(self, request: Request[Any, Any], ws: Websocket, name: str) -> None:
        """One who comes, talks and goes."""
        sockets = self._sockets[name]
        sockets.append(ws)
        try:
            await ws.send(await ws.recv() or "")
            async for message in ws:
                for socket in sockets:
                    await socket.send(message)
        finally:
            sockets.remove(ws)


async def echo(request: Request[Any, Any], ws: Websocket) -> None:
    """One who hears itself."""
    async for message in ws:
        await ws.send(message)


async def parse(request: Request[Any, Any], ws: Websocket) -> None:
    """One whose messages are parsed."""
    async for message in ws:
        parsed = msgspec.json.decode(message or "")
        if "id" in parsed:
            await ws.send(f'{{"jsonrpc":"2.0","id":{parsed["id"]},"result":{{}}}}')


async def parse_upload(request: Request[Any, Any]) -> HTTPResponse:
    """One body that is parsed, as Sanic does it."""
    return json({"taken": len(request.json["reports"])})


def main() -> None:
    """Serves until it is told to stop."""
    app = Sanic("echo", configure_logging=False)
    app.config.MOTD = False
    app.add_websocket_route(echo, "/ws")
    app.add_websocket_route(parse, "/parse")
    app.add_route(parse_upload, "/upload", methods=["POST"])
    app.add_websocket_route(Rooms().visit, "/room/<name:str>")
    app.run(HOST, int(sys.argv[1]), single_process=True, access_log=False)


if __name__ == "__main__":
    main()
