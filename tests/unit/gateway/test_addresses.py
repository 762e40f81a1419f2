"""Every address that a client is given is built from the settings alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.addresses import Addresses, MediaAddress
from gateway.auth.stream_keys import StreamKey
from gateway.config import ListenSettings

KEY = StreamKey("MQ.Ym9keQ.bWFj")


def bases(**settings: Any) -> tuple[str, str, str]:
    addresses = Addresses.of(ListenSettings(**settings))
    return addresses.ws, addresses.http, addresses.rtmp


def test_the_public_host_and_the_ports_make_the_bases() -> None:
    assert bases(public_host="call.example.com") == (
        "ws://call.example.com:8080/ws",
        "http://call.example.com:8080",
        "rtmp://call.example.com",
    )


def test_a_protocols_own_port_is_left_out() -> None:
    assert bases(public_host="h", port=80) == ("ws://h/ws", "http://h", "rtmp://h")
    assert bases(public_host="h", port=443, tls_cert=Path("c"), tls_key=Path("k"))[:2] == ("wss://h/ws", "https://h")
    assert bases(public_host="h", port=80, tls_cert=Path("c"), tls_key=Path("k"))[1] == "https://h:80"


def test_a_public_rtmp_port_stands_before_the_one_that_is_bound() -> None:
    listen = ListenSettings(public_host="h", rtmp_port=1936, public_rtmp_port=1935)
    assert Addresses.of(listen).rtmp == "rtmp://h"
    assert Addresses.of(ListenSettings(public_host="h", rtmp_port=1936)).rtmp == "rtmp://h:1936"


def test_ports_that_the_system_picked_fill_the_place_of_0() -> None:
    listen = ListenSettings(host="127.0.0.1", port=0, rtmp_port=0)
    assert Addresses.of(listen, http_port=40001, rtmp_port=40002) == Addresses(
        "ws://127.0.0.1:40001/ws", "http://127.0.0.1:40001", "rtmp://127.0.0.1:40002"
    )


@pytest.mark.parametrize("host", ["2001:db8::1", "[2001:db8::1]"])
def test_an_ipv6_address_stands_in_brackets(host: str) -> None:
    assert bases(public_host=host) == (
        "ws://[2001:db8::1]:8080/ws",
        "http://[2001:db8::1]:8080",
        "rtmp://[2001:db8::1]",
    )


def test_public_urls_are_taken_as_they_are() -> None:
    assert bases(public_host="h", public_ws_url="wss://edge/signal", public_http_url="https://cdn.example.com/") == (
        "wss://edge/signal",
        "https://cdn.example.com",
        "rtmp://h",
    )


def test_push_and_pull_addresses_carry_stream_and_key() -> None:
    addresses = Addresses.of(ListenSettings(public_host="h"))
    assert addresses.push("s 1", KEY) == [
        MediaAddress("rtmp", "rtmp://h/live/s%201?key=MQ.Ym9keQ.bWFj"),
        MediaAddress("whip", "http://h:8080/whip/s%201", KEY),
    ]
    assert addresses.pull("s/1", KEY) == [
        MediaAddress("rtmp", "rtmp://h/live/s%2F1?key=MQ.Ym9keQ.bWFj"),
        MediaAddress("flv", "http://h:8080/live/s%2F1.flv?key=MQ.Ym9keQ.bWFj"),
        MediaAddress("whep", "http://h:8080/whep/s%2F1", KEY),
    ]


def test_the_protocol_that_was_asked_for_comes_first() -> None:
    addresses = Addresses.of(ListenSettings(public_host="h"))
    assert [way.protocol for way in addresses.push("s", KEY, "whip")] == ["whip", "rtmp"]
    assert [way.protocol for way in addresses.pull("s", KEY, "flv")] == ["flv", "rtmp", "whep"]
    assert [way.protocol for way in addresses.pull("s", KEY, "whep")] == ["whep", "rtmp", "flv"]


def test_a_key_that_stands_apart_is_not_printed() -> None:
    assert KEY.reveal() not in repr(Addresses.of(ListenSettings(public_host="h")).push("s", KEY, "whip")[0])
