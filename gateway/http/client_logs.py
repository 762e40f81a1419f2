"""Logs of clients: `POST /httplog`, which the vendors' SDKs are given as their LogUrl.

Each upload becomes one line of the log `gateway.clients`: its beginning as one field, with everything escaped that could
end the field or the line, and with keys and tokens masked. However many clients upload however much, what is written per
second is bounded (`quality.logs_in_all`); what is beyond is answered as well, so that nobody sends it again.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from sanic import HTTPResponse, Request, Sanic
from sanic.exceptions import SanicException
from sanic.response import empty, raw

from gateway.allowance import Allowance, Allowances
from gateway.config import KIB, HttpSettings, QualitySettings
from gateway.http.bodies import inflated, read_body
from gateway.http.origin import Clients

_log = logging.getLogger("gateway.clients")

PATH = "/httplog"
TEXT_BYTES = 4 * KIB
"""What is kept of an upload, escaped. With what JSON adds to it a line stays below the 16 KiB at which container runtimes
break lines."""
ADDRESSES = 10_000
"""Addresses whose rate is kept count of; the one not heard of for longest gives way."""
BURST = 8.0
"""Seconds' worth of bytes that may come at once."""
_LINE_BYTES = 160
"""What a line holds beside texts that others choose."""
_APP_CHARACTERS = 64
_ALLOWED = {"access-control-allow-origin": "*"}
_PREFLIGHT = {
    **_ALLOWED,
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "*, Authorization",
    "access-control-max-age": "86400",
}
_SECRET = re.compile(
    r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]++\.[A-Za-z0-9_-]{16,}+\.[A-Za-z0-9_-]{16,}+"  # join tokens and stream keys
    r"|(?<=sessionID)(\W{1,8})[A-Za-z0-9_-]{8,}+"
)


class ClientLogs:
    """The door for clients' logs. `counts`: uploads by outcome (taken, limited, refused). `clock`: seconds, monotonic."""

    def __init__(self, settings: QualitySettings, counts: Counter[str], clock: Callable[[], float]) -> None:
        each, total = settings.logs_per_address, settings.logs_in_all
        self._clock = clock
        self._counts = counts
        self._addresses = Allowances(each, each * BURST, ADDRESSES)
        self._in_all = Allowance(total, total * BURST, clock())
        self.log_bytes = settings.log_bytes

    def take(self, body: bytes, coding: str, client: str, app: str) -> None:
        """Keeps an upload, unless too much comes. `app`: what it says that it is of. Raises UnsupportedCoding."""
        name, text = repr(app[:_APP_CHARACTERS]), shown(_beginning(body, coding))
        now, size = self._clock(), len(name.encode()) + len(text.encode()) + _LINE_BYTES
        if self._addresses.take(client, now, size) or self._in_all.take(now, size):
            self._counts["limited"] += 1
            return
        self._counts["taken"] += 1
        _log.info("upload client=%s app=%s size=%d body=%s", client, name, len(body), text)

    def refuse(self) -> None:
        """An upload was too large, too slow, or of an unknown coding."""
        self._counts["refused"] += 1


def add_client_logs(app: Sanic[Any, Any], door: ClientLogs, settings: HttpSettings, clients: Clients) -> None:
    """Serves `POST /httplog`, for pages of any origin."""

    async def take(request: Request[Any, Any]) -> HTTPResponse:
        try:
            body = await read_body(request, door.log_bytes, settings.request_deadline)
            coding = request.headers.get("content-encoding", "")
            door.take(body, coding, clients.address(request), request.args.get("appid", ""))
        except SanicException:
            door.refuse()
            raise
        return raw(b"{}", content_type="application/json", headers=_ALLOWED)

    async def preflight(request: Request[Any, Any]) -> HTTPResponse:
        return empty(headers=_PREFLIGHT)

    app.add_route(take, PATH, methods=["POST"], name="client_logs", stream=True)
    app.add_route(preflight, PATH, methods=["OPTIONS"], name="client_logs_preflight")


def shown(body: bytes) -> str:
    """The beginning of an upload as one value of a line in the log, of at most TEXT_BYTES bytes in UTF-8."""
    text = _SECRET.sub(r"\1***", body[:TEXT_BYTES].decode(errors="backslashreplace"))
    while (size := len((escaped := repr(text)).encode())) > TEXT_BYTES:
        text = text[: max(0, len(text) * TEXT_BYTES // size - 1)]
    return escaped


def _beginning(body: bytes, coding: str) -> bytes:
    """As much of an upload as is shown; what cannot be inflated, as it came. Raises UnsupportedCoding."""
    try:
        return inflated(body, coding, TEXT_BYTES)[0]
    except ValueError:
        return body
