"""The way through a proxy: addresses and descriptions differ in their port and in nothing else."""

from __future__ import annotations

import pytest

from tests.support.bad_network import candidate_ports, detoured, rerouted

SDP = (
    "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=candidate:1 1 udp 2130706431 127.0.0.1 8189 typ host\r\n"
    "a=candidate:2 1 UDP 2130706430 127.0.0.1 9000 typ host\r\na=candidate:3 1 tcp 1 127.0.0.1 8189 typ host\r\n"
)


@pytest.mark.parametrize(
    ("url", "changed"),
    [
        ("rtmp://127.0.0.1:1935/live/cam?key=a.b-c_d", "rtmp://127.0.0.1:7/live/cam?key=a.b-c_d"),
        ("http://127.0.0.1:8080/live/c%2Fam.flv?key=x", "http://127.0.0.1:7/live/c%2Fam.flv?key=x"),
    ],
)
def test_an_address(url: str, changed: str) -> None:
    assert detoured(url, 7) == changed


def test_a_description() -> None:
    assert candidate_ports(SDP) == [8189, 9000]
    changed = rerouted(SDP, {8189: 7})
    assert candidate_ports(changed) == [7, 9000]
    assert changed == SDP.replace("udp 2130706431 127.0.0.1 8189", "udp 2130706431 127.0.0.1 7")
    assert rerouted(SDP, {}) == SDP
