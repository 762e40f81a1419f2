"""Where a request comes from: behind trusted proxies, and in development mode."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from gateway.http.origin import client_address, names_loopback

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")]


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("192.0.2.7", "", "192.0.2.7"),
        ("192.0.2.7", "198.51.100.1", "192.0.2.7"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1 , 10.2.3.4,10.2.3.5", "198.51.100.1"),
        ("2001:db8::1", "2001:4860::8888", "2001:4860::8888"),
        ("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"),
        ("10.0.0.1", ", ,", "10.0.0.1"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, _hidden, 10.0.0.2", "10.0.0.2"),
        ("", "198.51.100.1", ""),
        ("::ffff:10.0.0.1", "198.51.100.1, ::ffff:10.0.0.2", "198.51.100.1"),
    ],
    ids=[
        "no proxy", "a stranger's claim is not believed", "a proxy that says nothing", "one proxy",
        "only the nearest untrusted hop is believed", "several proxies", "IPv6", "proxies all the way", "empty hops",
        "not an address", "an obfuscated hop ends the trust", "no peer address",
        "IPv4 on a socket of IPv6",
    ],
)  # fmt: skip
def test_the_client_is_the_last_hop_that_is_not_a_trusted_proxy(peer: str, forwarded_for: str, client: str) -> None:
    assert client_address(peer, forwarded_for, TRUSTED) == client


def test_without_trusted_proxies_the_header_means_nothing() -> None:
    assert client_address("10.0.0.1", "198.51.100.1", []) == "10.0.0.1"


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:5173", "127.8.9.10", "[::1]", "[::1]:8080",
        "http://localhost", "https://127.0.0.1:3000", "http://[::1]:3000",
    ],
)  # fmt: skip
def test_this_machine_is_known_by_any_of_its_names_and_ports(host: str) -> None:
    assert names_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "", "null", "example.com", "localhost.example.com", "127.0.0.1.example.com", "192.168.0.2:8080", "0.0.0.0", "[::]",
        "http://localhost@example.com", "http://example.com/?localhost", "file://", "[::1", "http://[bad]", "//",
    ],
)  # fmt: skip
def test_other_machines_are_not_taken_for_this_one(host: str) -> None:
    assert not names_loopback(host)
