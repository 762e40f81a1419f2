"""Reading FLV: bytes as they come in, units as they are complete (FLV specification v10.1, sections E.2 to E.4).

Sans-IO: `feed` takes any slice of a file and gives the units that it completed. Memory is bounded by the largest tag.
Pure.
"""

from __future__ import annotations

from adapters.flv.mux import HAS_AUDIO, HAS_VIDEO, HEADER_BYTES, SIGNATURE, VERSION
from adapters.flv.script import ON_METADATA, read_script
from adapters.flv.tags import (
    AUDIO,
    PREVIOUS_TAG_SIZE_BYTES,
    SCRIPT,
    TAG_HEADER_BYTES,
    VIDEO,
    parse_audio,
    parse_video,
)
from adapters.media.bits import MalformedMedia
from adapters.media.units import Medium, Metadata, Unit

MAX_HEADER_BYTES = 1024
"""A file header may grow in later versions, but not beyond this."""


class Demuxer:
    """The reader of one FLV file or stream.

    Timestamps are those of the tags (milliseconds, 32 bits); bring them onto a timeline elsewhere.
    """

    def __init__(self, tag_limit: int = 8 * 1024 * 1024) -> None:
        self._tag_limit = tag_limit
        self._buffer = bytearray()
        self.promised: frozenset[Medium] | None = None
        """The media that the file header promises; `None` until it was read."""

    def feed(self, data: bytes) -> list[Unit]:
        """The units that are complete with `data`, in their order.

        Raises `MalformedMedia` on bytes that are not FLV and `GatewayError` on a codec that is not carried; after that
        the reader is of no more use.
        """
        buffer = self._buffer
        buffer += data
        position = 0 if self.promised is not None else self._read_header()
        units: list[Unit] = []
        if self.promised is None:
            return units
        while len(buffer) - position >= TAG_HEADER_BYTES:
            size = int.from_bytes(buffer[position + 1 : position + 4], "big")
            if size > self._tag_limit:
                raise MalformedMedia(f"an FLV tag of {size} bytes is too large")
            body = position + TAG_HEADER_BYTES
            end = body + size
            if len(buffer) < end + PREVIOUS_TAG_SIZE_BYTES:
                break
            if int.from_bytes(buffer[end : end + PREVIOUS_TAG_SIZE_BYTES], "big") != TAG_HEADER_BYTES + size:
                raise MalformedMedia("PreviousTagSize does not match the FLV tag before it")
            timestamp = int.from_bytes(buffer[position + 4 : position + 7], "big") | buffer[position + 7] << 24
            unit = _unit(buffer[position], timestamp, bytes(buffer[body:end]))
            if unit is not None:
                units.append(unit)
            position = end + PREVIOUS_TAG_SIZE_BYTES
        del buffer[:position]
        return units

    def _read_header(self) -> int:
        """Where the first tag begins, once the header is complete; `promised` stays `None` until then."""
        buffer = self._buffer
        known = min(len(buffer), len(SIGNATURE))
        if buffer[:known] != SIGNATURE[:known]:
            raise MalformedMedia("an FLV file begins with 'FLV'")
        if len(buffer) < HEADER_BYTES:
            return 0
        if buffer[3] != VERSION:
            raise MalformedMedia(f"FLV version {buffer[3]} is not known")
        size = int.from_bytes(buffer[5:9], "big")
        if not HEADER_BYTES <= size <= MAX_HEADER_BYTES:
            raise MalformedMedia(f"an FLV header of {size} bytes is not plausible")
        if len(buffer) < size + PREVIOUS_TAG_SIZE_BYTES:
            return 0
        media = {Medium.AUDIO: HAS_AUDIO, Medium.VIDEO: HAS_VIDEO}
        self.promised = frozenset(medium for medium, flag in media.items() if buffer[4] & flag)
        return size + PREVIOUS_TAG_SIZE_BYTES


def _unit(kind: int, timestamp: int, body: bytes) -> Unit | None:
    """The unit of one tag; `None` for what is not carried on (other script data, an encrypted or unknown tag)."""
    if kind == VIDEO:
        return parse_video(timestamp, body)
    if kind == AUDIO:
        return parse_audio(timestamp, body)
    if kind == SCRIPT:
        name, values = read_script(body)
        if name == ON_METADATA:
            return Metadata(timestamp, b"", values)
    return None
