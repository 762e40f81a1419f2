"""How large pictures are, by what decoders are told."""

from __future__ import annotations

import pytest

from adapters.media.picture_size import shown_size
from adapters.media.units import Codec, VideoConfig, VideoUnit
from tests.support.streams import VIDEO_CONFIG

VP8 = VideoConfig(0, b"", Codec.VP8)
KEYFRAME = b"\x10\x00\x00\x9d\x01\x2a" + (640 | 1 << 14).to_bytes(2, "little") + (360).to_bytes(2, "little") + b"..."
"""640 by 360 pixels, to be stretched in width by 5/4: which is not applied."""


@pytest.mark.parametrize(
    ("config", "pictures", "size"),
    [
        (VideoConfig(0, VIDEO_CONFIG), [], (640, 480)),
        (VideoConfig(0, b"\x01\x42"), [], (0, 0)),
        (VP8, [KEYFRAME], (640, 360)),
        (VP8, [KEYFRAME[:8]], (640, 0)),
        (VP8, [b""], (0, 0)),
        (VP8, [], (0, 0)),
    ],
)
def test_size(config: VideoConfig, pictures: list[bytes], size: tuple[int, int]) -> None:
    assert shown_size(config, [VideoUnit(0, payload, True, codec=config.codec) for payload in pictures]) == size
