"""Writing FLV: what stands before the first tag (FLV specification v10.1, sections E.2 and E.3).

The tags themselves are `tags.tag_bytes`, which needs no state, so a file is this header and then the tags. Pure.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from struct import Struct

from adapters.media.units import Medium

SIGNATURE = b"FLV"
VERSION = 1
HEADER_BYTES = 9

# TypeFlags (section E.2)
HAS_AUDIO = 0x04
HAS_VIDEO = 0x01

_HEADER = Struct(">3sBBII")  # with PreviousTagSize0, which is always 0 (section E.3)


def file_header(media: AbstractSet[Medium]) -> bytes:
    """The file header that promises these media, and the PreviousTagSize0 after it."""
    flags = (HAS_AUDIO if Medium.AUDIO in media else 0) | (HAS_VIDEO if Medium.VIDEO in media else 0)
    return _HEADER.pack(SIGNATURE, VERSION, flags, HEADER_BYTES, 0)
