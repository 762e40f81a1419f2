"""RTP payloads from anyone: pictures come out within the limit, and can be sent on; nothing is raised.

The input is a row of packets, each after one byte for its length and one that says whether the packet is lost, whether it
has the marker bit, and its timestamp.
"""

from __future__ import annotations

from collections.abc import Iterator

from adapters.media.bits import MalformedMedia
from adapters.webrtc.depacketizer import Frame, H264Depacketizer, Vp8Depacketizer, opus_duration
from adapters.webrtc.packetizer import h264_payloads, vp8_payloads
from adapters.webrtc.rtp import RtpPacket
from tests.fuzz import run

_LIMIT = 500
_LOST = 0x40
_MARKER = 0x80


def one_input(data: bytes) -> None:
    h264, vp8 = H264Depacketizer(_LIMIT), Vp8Depacketizer(_LIMIT)
    for packet in _packets(data):
        if packet is None:
            h264.lose()
            vp8.lose()
            continue
        assert 0 <= opus_duration(packet.payload) <= 5760
        for frame in h264.push(packet):
            assert 0 < len(frame.payload) <= _LIMIT
            _same(frame, h264_payloads(frame.payload, 4, frame.parameter_sets), H264Depacketizer())
        for frame in vp8.push(packet):
            assert 0 < len(frame.payload) <= _LIMIT
            _same(frame, vp8_payloads(frame.payload, 1), Vp8Depacketizer())
    try:
        h264_payloads(data)
    except MalformedMedia:
        pass


def _packets(data: bytes) -> Iterator[RtpPacket | None]:
    """`None`: lost."""
    position = 0
    while position + 2 <= len(data):
        size, flags = data[position], data[position + 1]
        start, position = position + 2, position + 2 + size
        marker = bool(flags & _MARKER)
        yield None if flags & _LOST else RtpPacket(96, marker, 0, flags & 3, 1, data[start:position])


def _same(frame: Frame, payloads: list[bytes], depacketizer: H264Depacketizer | Vp8Depacketizer) -> None:
    """What came out comes out again when it is sent on."""
    frames = [
        again
        for place, payload in enumerate(payloads, 1)
        for again in depacketizer.push(RtpPacket(96, place == len(payloads), 0, 0, 1, payload))
    ]
    assert [again.payload for again in frames] == [frame.payload]
    assert set(frames[0].parameter_sets) == set(frame.parameter_sets)


if __name__ == "__main__":
    run(one_input)
