"""RTCP from anyone: what is read is bounded by the datagram, and can be written and read again."""

from __future__ import annotations

from adapters.webrtc import rtcp
from tests.fuzz import run


def one_input(data: bytes) -> None:
    try:
        packets = rtcp.parse(data)
    except rtcp.MalformedRtcp:
        return
    assert len(packets) <= len(data) // 4
    assert sum(len(packet.sequences) for packet in packets if isinstance(packet, rtcp.Nack)) <= 17 * len(data) // 4
    for packet in packets:
        if isinstance(packet, rtcp.SourceDescription) and "\ufffd" in packet.cname:
            continue  # its bytes were no text
        if isinstance(packet, rtcp.Nack):  # entries may overlap
            (again,) = rtcp.parse(packet.to_bytes())
            assert isinstance(again, rtcp.Nack)
            assert set(again.sequences) == set(packet.sequences)
        else:
            assert rtcp.parse(packet.to_bytes()) == [packet]


if __name__ == "__main__":
    run(one_input)
