"""What clients are told of STUN and TURN servers."""

from __future__ import annotations

from gateway.auth.turn import IceServer, ice_servers
from gateway.config import WebRtcSettings

STUN, TURN, TURNS = "stun:stun.example.com:3478", "turn:turn.example.com:3478", "turns:turn.example.com:443?transport=tcp"


def test_without_servers_clients_are_told_of_none() -> None:
    assert ice_servers(WebRtcSettings(), "ann", 0.0) == ()


def test_stun_needs_no_credentials() -> None:
    assert ice_servers(WebRtcSettings(stun_urls=(STUN,)), "ann", 0.0) == (IceServer((STUN,)),)


def test_turn_credentials_are_those_that_coturn_makes_of_the_same_secret() -> None:
    """The password is what `printf 1700043200:ann | openssl dgst -sha1 -hmac north -binary | base64` prints."""
    settings = WebRtcSettings(turn_urls=(TURN, TURNS), turn_secret="north", turn_ttl=43_200)
    expected = IceServer((TURN, TURNS), "1700043200:ann", "Y815wedbqVOoE/qJ5d8csukTVCk=")
    assert ice_servers(settings, "ann", 1_700_000_000.9) == (expected,)


def test_each_user_and_each_moment_has_credentials_of_its_own() -> None:
    settings = WebRtcSettings(stun_urls=(STUN,), turn_urls=(TURN,), turn_secret="north")
    made = [ice_servers(settings, user, now)[1] for user, now in (("ann", 0.0), ("bob", 0.0), ("ann", 1.0))]
    assert len({one.credential for one in made}) == len({one.username for one in made}) == 3


def test_a_credential_is_not_printed() -> None:
    settings = WebRtcSettings(turn_urls=(TURN,), turn_secret="north")
    (server,) = ice_servers(settings, "ann", 0.0)
    assert server.credential not in repr(server)
