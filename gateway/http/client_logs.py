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
from gateway.errors import GatewayError
from gateway.http.bodies import Bodies, inflated
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
_BASE64 = r"(?:[A-Za-z0-9+/=_*-]|\\++(?:/|u00(?:2[AaBbFf]|3[Dd]))|%(?:25)*+(?:2[AaBbFf]|3[Dd]))"
"""One of its characters, in any of the vendors' alphabets, perhaps escaped for JSON or an address, perhaps more than once."""
_BEGIN = r"(?:(?<![A-Za-z0-9])|(?<=\\[bfnrt])|(?<=u00[0-9A-Fa-f]{2})|(?<=%[0-9A-Fa-f]{2}))"
"""Where a word begins, in a text whose marks may be escaped."""
_SECRET = re.compile(
    r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]++\.[A-Za-z0-9_-]{16,}+\.[A-Za-z0-9_-]{16,}+"  # join tokens and stream keys
    r"|(?<=sessionID)((?:\W|%(?:25)*[0-9A-Fa-f]{2}|u00[0-9A-Fa-f]{2}){1,32})[A-Za-z0-9_-]{8,}+"
    rf"|04AAAAA{_BASE64}{{24,}}+"  # token04: a time of our days in 8 bytes
    rf"|{_BEGIN}e(?:y[AJ]|w[0ko]){_BASE64}{{24,}}+"  # JSON: NERTC's basic tokens
    rf"|{_BEGIN}e(?:J[w-z]|A[E-H]|N[o-r]|F[4-7]){_BASE64}{{24,}}+"  # what zlib made: permission keys
    r"|[0-9A-Fa-f]{64,}+"  # an AppSign
)
"""What looks like a secret; what a group of it holds is kept."""
_CUT = 128
"""Bytes beyond what is kept that are looked at as well: what is cut off in its midst is no secret any longer to look at, but
enough of one."""


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
        name, text = repr(_masked(app, _APP_CHARACTERS)), shown(_beginning(body, coding))
        now, size = self._clock(), len(name.encode()) + len(text.encode()) + _LINE_BYTES
        if self._addresses.take(client, now, size) or self._in_all.take(now, size):
            self._counts["limited"] += 1
            return
        self._counts["taken"] += 1
        _log.info("upload client=%s app=%s size=%d body=%s", client, name, len(body), text)

    def refuse(self) -> None:
        """An upload was too large, too slow, one of too many, or of an unknown coding."""
        self._counts["refused"] += 1


def add_client_logs(
    app: Sanic[Any, Any], door: ClientLogs, bodies: Bodies, settings: HttpSettings, clients: Clients
) -> None:  # fmt: skip
    """Serves `POST /httplog`, for pages of any origin."""

    async def take(request: Request[Any, Any]) -> HTTPResponse:
        try:
            body = await bodies.read(request, door.log_bytes, settings.request_deadline)
            coding = request.headers.get("content-encoding", "")
            door.take(body, coding, clients.address(request), request.args.get("appid", ""))
        except (SanicException, GatewayError):
            door.refuse()
            raise
        return raw(b"{}", content_type="application/json", headers=_ALLOWED)

    async def preflight(request: Request[Any, Any]) -> HTTPResponse:
        return empty(headers=_PREFLIGHT)

    app.add_route(take, PATH, methods=["POST"], name="client_logs", stream=True)
    app.add_route(preflight, PATH, methods=["OPTIONS"], name="client_logs_preflight")


def shown(body: bytes) -> str:
    """The beginning of an upload as one value of a line in the log, of at most TEXT_BYTES bytes in UTF-8."""
    most = len(body[:TEXT_BYTES].decode(errors="backslashreplace"))
    text = _masked(body[: TEXT_BYTES + _CUT].decode(errors="backslashreplace"), most)
    while (size := len((escaped := repr(text)).encode())) > TEXT_BYTES:
        text = text[: max(0, len(text) * TEXT_BYTES // size - 1)]
    return escaped


def _masked(text: str, most: int) -> str:
    """The first `most` characters of a text, without the secrets that are, or begin, among them."""
    parts, end = list[str](), 0
    for found in _SECRET.finditer(text):
        if found.start() >= most:
            break
        parts += text[end : found.start()], found[1] or "", "***"
        end = found.end()
    return "".join((*parts, text[end:most]))


def _beginning(body: bytes, coding: str) -> bytes:
    """As much of an upload as is shown; what cannot be inflated, as it came. Raises UnsupportedCoding."""
    try:
        return inflated(body, coding, TEXT_BYTES + _CUT)[0]
    except ValueError:
        return body
