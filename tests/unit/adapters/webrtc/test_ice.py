"""The ICE-lite agent: who gets an answer, what is learned from whom, and what a restart keeps."""

from __future__ import annotations

import socket
from typing import cast

from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from adapters.webrtc.addresses import Route
from adapters.webrtc.ice import CONSENT, DOUBT, PWD_BYTES, UFRAG_BYTES, IceLite, ice_chars, local_ufrag
from tests.support.dtls_client import binding_request

UFRAG, PWD = "ourufrag12345678", "a password of ours, long"
ONE, OTHER = cast(socket.socket, "one of our sockets"), cast(socket.socket, "another one")
HERE, THERE, THERE_V6 = Route(("192.0.2.1", 4000), ONE), Route(("192.0.2.2", 5000), ONE), Route(("2001:db8::1", 6000, 0, 0), ONE)


def agent() -> IceLite:
    ice = IceLite(UFRAG, PWD)
    ice.expect("them")
    return ice


def check(ice: IceLite, *, nominate: bool = False) -> bytes:
    return binding_request(f"{ice.ufrag}:them", ice.pwd, nominate=nominate)


def test_an_authentic_check_is_answered_with_where_it_came_from() -> None:
    for route in (HERE, THERE_V6):
        ice = agent()
        request = check(ice)
        answer = ice.request(request, route, 0)
        assert answer is not None
        message = stun.parse_message(answer)
        assert message.message_class is stun.Class.RESPONSE
        assert message.transaction_id == stun.parse_message(request).transaction_id
        assert message.attributes["XOR-MAPPED-ADDRESS"] == route.address[:2]
        assert message.check_message_integrity(PWD.encode())
        assert "FINGERPRINT" in message.attributes
        assert ice.route == route


def test_what_is_not_authentic_teaches_nothing_and_gets_no_answer() -> None:
    ice = agent()
    for forged in (
        binding_request(f"{UFRAG}:them", "another password", nominate=True),
        binding_request(f"{UFRAG}:others", PWD, nominate=True),
        binding_request(f"{UFRAG}", PWD, nominate=True),
        binding_request("someoneelse:them", PWD, nominate=True),
        bytes(stun.Message(stun.Method.BINDING, stun.Class.REQUEST, attributes={"USERNAME": f"{UFRAG}:them"})),
    ):
        assert ice.request(forged, HERE, 0) is None
    assert ice.route is None


def test_nobody_passes_before_the_peers_description_is_known() -> None:
    ice = IceLite(UFRAG, PWD)
    for theirs in ("", "None", "them"):
        assert ice.request(binding_request(f"{UFRAG}:{theirs}", PWD), HERE, 0) is None
    ice.expect("them")
    assert ice.request(check(ice), HERE, 0)


def test_the_first_address_serves_until_one_is_nominated_then_the_last_nominated() -> None:
    ice = agent()
    ice.request(check(ice), HERE, 0)
    ice.request(check(ice), THERE, 0)
    assert ice.route == HERE
    ice.request(check(ice, nominate=True), THERE, 0)
    assert ice.route == THERE
    ice.request(check(ice), HERE, 0)
    assert ice.route == THERE
    ice.request(check(ice, nominate=True), HERE, 0)
    assert ice.route == HERE


def test_one_remote_address_may_see_several_of_ours() -> None:
    ice, other_way = agent(), Route(HERE.address, OTHER)
    ice.request(check(ice), HERE, 0)
    ice.request(check(ice), other_way, 0)
    assert ice.route == HERE
    ice.request(check(ice, nominate=True), other_way, 0)
    assert ice.route == other_way


def test_a_forged_source_is_left_soon_while_the_forger_is_heard_elsewhere() -> None:
    ice = agent()
    ice.request(check(ice, nominate=True), HERE, 0)
    ice.request(check(ice, nominate=True), THERE, 0)
    for second in range(1, 100):
        ice.heard(HERE, second)
        ice.expire(second)
        assert ice.route == (THERE if second <= DOUBT else HERE)


def test_a_forged_source_is_left_at_the_end_of_consent_when_nobody_is_heard() -> None:
    ice = agent()
    ice.request(check(ice, nominate=True), HERE, 0)
    ice.request(check(ice, nominate=True), THERE, 0)
    ice.expire(CONSENT)
    assert ice.route == THERE
    ice.expire(CONSENT + 0.1)
    assert ice.route is None
    ice.heard(HERE, CONSENT + 1)
    ice.expire(CONSENT + 1)
    assert ice.route is None, "consent that has ended takes a check to come back"
    ice.request(check(ice), HERE, CONSENT + 2)
    assert ice.route == HERE


def test_a_route_that_is_heard_again_in_time_is_returned_to() -> None:
    ice = agent()
    ice.request(check(ice, nominate=True), HERE, 0)
    ice.request(check(ice, nominate=True), THERE, 0)
    ice.request(check(ice), HERE, 9)
    ice.expire(9)
    assert ice.route == HERE
    ice.request(check(ice), THERE, 20)
    ice.expire(20)
    assert ice.route == THERE, "it was nominated last, and need not be nominated again"


def test_media_is_consent_only_where_a_check_was() -> None:
    ice = agent()
    ice.heard(THERE, 0)
    ice.expire(0)
    assert ice.route is None
    ice.request(check(ice, nominate=True), HERE, 0)
    for second in range(100):
        ice.heard(HERE, second)
        ice.expire(second)
    assert ice.route == HERE
    ice.heard(THERE, 100 + CONSENT)
    ice.expire(100 + CONSENT)
    assert ice.route is None


@given(
    st.lists(
        st.tuples(st.sampled_from(["check", "nominate", "heard"]), st.sampled_from([HERE, THERE, THERE_V6]), st.integers(0, 20)),
        max_size=40,
    )
)
def test_nothing_is_sent_where_nothing_came_from_lately(steps: list[tuple[str, Route, int]]) -> None:
    ice, now, came = agent(), 0, dict[Route, int]()
    for step, route, pause in steps:
        now += pause
        ice.expire(now)
        if step == "heard":
            ice.heard(route, now)
        else:
            assert ice.request(check(ice, nominate=step == "nominate"), route, now)
        came[route] = now
        ice.expire(now)
        assert ice.route == route or step != "nominate"
        assert ice.route is not None or step == "heard"
        assert ice.route is None or now - came[ice.route] <= CONSENT


def test_a_peer_that_wants_to_be_controlled_is_told_otherwise() -> None:
    ice = agent()
    answer = ice.request(binding_request(f"{UFRAG}:them", PWD, role="ICE-CONTROLLED"), HERE, 0)
    assert answer is not None
    message = stun.parse_message(answer)
    assert message.message_class is stun.Class.ERROR
    assert message.error_code == 487
    assert message.check_message_integrity(PWD.encode())
    assert ice.route is None


def test_an_address_that_became_another_peers_is_not_sent_to() -> None:
    ice = agent()
    ice.request(check(ice), HERE, 0)
    ice.forget(THERE.address)
    assert ice.route == HERE
    ice.forget(HERE.address)
    assert ice.route is None
    ice.request(check(ice), THERE, 0)
    assert ice.route == THERE


def test_old_credentials_serve_until_the_new_ones_are_nominated() -> None:
    ice = agent()
    old = check(ice)
    ice.request(old, HERE, 0)
    ice.restart("newufrag12345678", "a new password of ours 1")
    assert (ice.ufrag, ice.pwd) == ("newufrag12345678", "a new password of ours 1")
    assert ice.ufrags == (UFRAG, "newufrag12345678")
    assert ice.request(check(ice), THERE, 0) is None, "the peer's new description is not known yet"
    ice.expect("them")
    assert ice.request(old, HERE, 0)
    assert ice.request(check(ice), THERE, 0)
    assert ice.route == HERE
    assert ice.request(check(ice, nominate=True), THERE, 0)
    assert ice.route == THERE
    assert len(ice.ufrags) == 1
    assert ice.request(old, HERE, 0) is None


def test_a_restart_that_was_overtaken_is_forgotten() -> None:
    ice = agent()
    ice.restart("second", "x" * 24)
    ice.expect("them")
    second = check(ice, nominate=True)
    ice.restart("third", "y" * 24)
    ice.expect("them")
    assert ice.ufrags == (UFRAG, "third")
    assert ice.request(second, THERE, 0) is None


@given(st.data())
def test_no_flipped_bit_passes(data: st.DataObject) -> None:
    ice = agent()
    request = bytearray(check(ice, nominate=True))
    covered = len(request) - 8  # FINGERPRINT, which comes last, is not covered by MESSAGE-INTEGRITY
    request[data.draw(st.integers(0, covered - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert ice.request(bytes(request), HERE, 0) is None
    assert ice.route is None


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_read_and_none_pass(data: bytes, headed: bool) -> None:
    if headed:
        data = b"\0\1" + len(data).to_bytes(2) + b"\x21\x12\xa4\x42" + bytes(12) + data
    local_ufrag(data)
    ice = agent()
    assert ice.request(data, HERE, 0) is None
    assert ice.route is None


@given(st.lists(st.tuples(st.sampled_from(["restart", "expect", "check", "nominate"]), st.integers(0, 9)), max_size=40))
def test_a_check_passes_just_when_its_generation_serves(steps: list[tuple[str, int]]) -> None:
    """Generations are numbered; `current` and `newest` are those that serve, `expected` those whose remote is known."""
    ice = IceLite("u0", "p0")
    current = newest = made = 0
    expected: set[int] = set()
    for step, number in steps:
        if step == "restart":
            made = newest = made + 1
            ice.restart(f"u{newest}", f"p{newest}")
        elif step == "expect":
            ice.expect("them")
            expected.add(newest)
        else:
            request = binding_request(f"u{number}:them", f"p{number}", nominate=step == "nominate")
            serves = number in (current, newest) and number in expected
            assert (ice.request(request, HERE, 0) is not None) == serves
            if serves and step == "nominate" and number == newest:
                current = newest
        assert set(ice.ufrags) == {f"u{current}", f"u{newest}"}
        assert ice.ufrag == f"u{newest}"


@given(st.text(st.characters(codec="ascii", exclude_characters=":"), max_size=40))
def test_the_ufrag_is_found_without_verifying_anything(ufrag: str) -> None:
    assert local_ufrag(binding_request(f"{ufrag}:them", PWD)) == ufrag


def test_what_is_no_binding_request_names_nobody() -> None:
    request = binding_request(f"{UFRAG}:them", PWD)
    assert local_ufrag(b"") is None
    assert local_ufrag(request[:19]) is None
    assert local_ufrag(b"\x01\x01" + request[2:]) is None
    assert local_ufrag(request[:4] + bytes(4) + request[8:]) is None
    assert local_ufrag(bytes(stun.Message(stun.Method.BINDING, stun.Class.REQUEST))) is None


@given(st.binary(min_size=PWD_BYTES, max_size=PWD_BYTES))
def test_credentials_have_the_length_and_the_characters_that_are_demanded(random: bytes) -> None:
    pwd, ufrag = ice_chars(random), ice_chars(random[:UFRAG_BYTES])
    assert (len(ufrag), len(pwd)) == (16, 24)
    assert (pwd + ufrag).replace("+", "").replace("/", "").isalnum()
