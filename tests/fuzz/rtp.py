"""RTP from anyone: what is read can be written, and read again as the same."""

from __future__ import annotations

from adapters.webrtc import rtp
from tests.fuzz import run


def one_input(data: bytes) -> None:
    rtp.is_rtcp(data)
    try:
        packet = rtp.parse(data)
    except rtp.MalformedRtp:
        return
    assert len(packet.payload) <= len(data) - rtp.HEADER_BYTES
    assert _again(packet) == packet
    original = rtp.rtx_unwrap(packet, 96, 1)
    assert original is None or rtp.rtx_payload(original.sequence, original.payload) == packet.payload


def _again(packet: rtp.RtpPacket) -> rtp.RtpPacket:
    fields = packet.payload_type, packet.marker, packet.sequence, packet.timestamp, packet.ssrc, packet.payload
    return rtp.parse(rtp.build(*fields))


if __name__ == "__main__":
    run(one_input)
