"""Sound and pictures from anyone, given to the transcoders that run beside everyone else's calls."""

from __future__ import annotations

from adapters.media.audio import MOST_CREDIT, AudioTranscoder
from adapters.media.reordering import Order, Reordering
from adapters.media.units import AudioConfig, AudioUnit, Codec, VideoConfig, VideoUnit
from adapters.media.video import VideoTranscoder
from gateway.errors import GatewayError
from tests.fuzz import run

PIECES = 8
"""Units that one input is cut into, after its configuration."""
LONGEST_IN, SHORTEST_OUT = 300, 20
"""Milliseconds of sound in a unit: of 2048 samples at 7350 Hz at most, of 960 at 48 kHz at least."""
PLAIN_AAC = bytes.fromhex("1190")


def one_input(data: bytes) -> None:
    """The first byte says what it is given to, the next few how long the configuration is and how time goes."""
    if len(data) < 4:
        return
    kind, length, step, rest = data[0] % 4, data[1] % 32, data[2], data[3:]
    config, media = rest[:length], rest[length:]
    size = max(1, len(media) // PIECES)
    pieces = [media[at : at + size] for at in range(0, len(media), size)]
    try:
        (_order, _aac, _opus, _vp8)[kind](config, pieces, step)
    except GatewayError:
        pass


def _order(config: bytes, pieces: list[bytes], step: int) -> None:
    reordering, state = Reordering(VideoConfig(0, config)), Order.NONE
    for number, piece in enumerate(pieces):
        unit = VideoUnit(number * step, piece, not number, (piece[0] - 128) * step)
        assert not (reordering.see(unit) and reordering.state is Order.REENCODE)
        assert reordering.state >= state
        state = reordering.state


def _aac(config: bytes, pieces: list[bytes], step: int) -> None:
    _sound(AudioTranscoder(AudioConfig(0, config or PLAIN_AAC), Codec.OPUS), pieces, step)


def _opus(_: bytes, pieces: list[bytes], step: int) -> None:
    _sound(AudioTranscoder(AudioConfig(0, b"", codec=Codec.OPUS), Codec.AAC), pieces, step)


def _sound(transcoder: AudioTranscoder, pieces: list[bytes], step: int) -> None:
    last, count = -1, 0
    for number, piece in enumerate(pieces, 1):
        for made in transcoder.feed(AudioUnit(number * step, piece)):
            assert made.timestamp > last
            last = made.timestamp
            count += 1
        assert count * SHORTEST_OUT <= MOST_CREDIT + 2 * number * LONGEST_IN


def _vp8(_: bytes, pieces: list[bytes], step: int) -> None:
    transcoder, last = VideoTranscoder(VideoConfig(0, b"", codec=Codec.VP8), Codec.H264), -1
    for number, piece in enumerate(pieces):
        for made in transcoder.feed(VideoUnit(number * step, piece, number % 2 == 0, codec=Codec.VP8)):
            assert made.timestamp >= last
            last = made.timestamp


if __name__ == "__main__":
    run(one_input)
