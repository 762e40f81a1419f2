"""The peer of signaling's comparison: a bare Sanic WebSocket echo, in one process, as the gateway runs.

`/ws` answers each message with itself. `/room/NAME` answers the first message so, and gives every later one to everybody
who is there, the sender included: what a broadcast costs where nothing is checked, counted, numbered or kept.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import Any

from sanic import Request, Sanic, Websocket

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


def main() -> None:
    """Serves until it is told to stop."""
    app = Sanic("echo", configure_logging=False)
    app.config.MOTD = False
    app.add_websocket_route(echo, "/ws")
    app.add_websocket_route(Rooms().visit, "/room/<name:str>")
    app.run(HOST, int(sys.argv[1]), single_process=True, access_log=False)


if __name__ == "__main__":
    main()
