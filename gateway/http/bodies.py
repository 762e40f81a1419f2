"""Bodies of requests that anyone may send: read within a time and a size, each and in all, and inflated no further than is
wanted."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

from sanic import Request
from sanic.exceptions import PayloadTooLarge, RequestTimeout, SanicException

from gateway.config import MIB
from gateway.errors import OVERLOADED, GatewayError

_IN_FLIGHT = 64 * MIB
"""Bytes of bodies that are on their way at one time. What comes with a request's head is not: it is read at once."""
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
"""The header tells which (RFC 1952, RFC 1950)."""
_CODINGS = frozenset(("gzip", "x-gzip", "deflate"))


class UnsupportedCoding(SanicException):
    status_code = 415


class Bodies:
    """Reads bodies for everyone who takes such requests. `most_in_flight`: bytes that may be on their way at one time."""

    def __init__(self, most_in_flight: int = _IN_FLIGHT) -> None:
        self._most_in_flight = most_in_flight
        self.in_flight = 0
        """Bytes that are kept of bodies whose end has not come yet."""

    async def read(self, request: Request[Any, Any], most: int, deadline: float) -> bytes:
        """The body as it arrives, on a route with `stream=True`.

        What is announced as too large is not read. `deadline`: seconds for all of it, by which a sender that drips is let go.
        Raises PayloadTooLarge, RequestTimeout and OVERLOADED; the connection ends with the answer to these.
        """
        stream: Any = request.stream
        announced = stream.request_bytes  # nothing where it comes in chunks
        if 0 < announced <= min(most, len(stream.recv_buffer)):  # the usual case: it came with the head
            return await _rest(stream)
        try:
            if announced > most:
                raise _too_large(most)
            async with asyncio.timeout(deadline):
                return await self._arriving(stream, most)
        except TimeoutError:
            _hang_up(stream)
            raise RequestTimeout("the body took too long") from None
        except (GatewayError, PayloadTooLarge):
            _hang_up(stream)
            raise

    async def _arriving(self, stream: Any, most: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        try:
            while stream.request_body:
                part = await stream.read() or b""
                if size + len(part) > most:
                    raise _too_large(most)
                if self.in_flight + len(part) > self._most_in_flight:
                    raise GatewayError(OVERLOADED, "too many requests are on their way")
                parts.append(part)
                size += len(part)
                self.in_flight += len(part)
        finally:
            self.in_flight -= size
        return b"".join(parts)


async def _rest(stream: Any) -> bytes:
    """A body that has come whole."""
    body: bytes = await stream.read()
    await stream.read()  # its end
    return body


def inflated(body: bytes, coding: str, most: int) -> tuple[bytes, bool]:
    """A body without its Content-Encoding, cut to `most` bytes, and whether that is all of it.

    What it would have become beyond that is never made. Raises UnsupportedCoding, and ValueError if the body is not what its
    coding says.
    """
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return body[:most], len(body) <= most
    if coding not in _CODINGS:
        raise UnsupportedCoding("a body may be encoded with gzip or deflate", headers={"Accept-Encoding": "gzip, deflate"})
    bare = coding == "deflate" and not _has_zlib_header(body)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS if bare else _GZIP_OR_ZLIB)
    try:
        data = inflater.decompress(body, most + 1)
    except zlib.error as error:
        raise ValueError(f"the body cannot be inflated: {error}") from None
    if len(data) > most:
        return data[:most], False
    if not inflater.eof or inflater.unused_data:
        raise ValueError("the body cannot be inflated: it ends too early, or something follows it")
    return data, True


def _has_zlib_header(body: bytes) -> bool:
    """Many send what they call deflate without the header that it has (RFC 9110 section 8.4.1.2)."""
    return len(body) > 1 and body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2]) % 31 == 0


def _too_large(most: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"a body has at most {most} bytes here")


def _hang_up(stream: Any) -> None:
    """No more of the body is read, and the connection ends with the answer."""
    stream.keep_alive = False
    stream.request_body = None
