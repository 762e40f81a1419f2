"""FLV from anyone: in slices that the data itself chooses."""

from __future__ import annotations

from adapters.flv.demux import Demuxer
from adapters.flv.mux import file_header
from adapters.flv.tags import tag_bytes
from adapters.media.bits import MalformedMedia
from gateway.errors import GatewayError
from gateway.rooms.model import BOTH_MEDIA
from tests.fuzz import run

TAG_LIMIT = 4096


def one_input(data: bytes) -> None:
    """The first byte says how long the slices are and whether a valid header goes before."""
    if not data:
        return
    step = 1 + (data[0] & 0x7F)
    stream = file_header(BOTH_MEDIA) + data[1:] if data[0] & 0x80 else data[1:]
    demuxer = Demuxer(TAG_LIMIT)
    try:
        for start in range(0, len(stream), step):
            for unit in demuxer.feed(stream[start : start + step]):
                tag_bytes(unit)
    except (MalformedMedia, GatewayError):
        pass


if __name__ == "__main__":
    run(one_input)
