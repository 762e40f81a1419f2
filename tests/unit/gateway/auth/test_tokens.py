"""Join tokens: what is accepted, and the reason with which everything else is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from gateway import errors
from gateway.auth.tokens import LEEWAY, MAX_BYTES, MAX_LIFETIME, JoinToken, check_secret, make_token, verify_token
from gateway.errors import Fault, GatewayError

SECRET = "s" * 32
NOW = 1_800_000_000.0
CLAIMS: dict[str, Any] = {"iss": "1", "sub": "ada", "aud": "join", "iat": NOW - 100, "exp": NOW + 100}


def signed(claims: dict[str, Any], secret: str = SECRET, **options: Any) -> str:
    return jwt.PyJWS().encode(json.dumps(claims).encode(), secret, **{"algorithm": "HS256", **options})


def claims(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**CLAIMS, **changes}.items() if value is not ...}


def verify(text: str, *, app: str = "1", user: str = "ada", room: str | None = "r", now: float = NOW) -> JoinToken:
    return verify_token(text, SECRET, app=app, user=user, room=room, now=now)


def refusal(text: str, **asked: Any) -> Fault:
    with pytest.raises(GatewayError) as caught:
        verify(text, **asked)
    assert len(text) < 20 or text[:20] not in str(caught.value)
    assert SECRET not in str(caught.value)
    return caught.value.fault


def test_a_token_says_what_it_was_made_with() -> None:
    text = make_token(SECRET, "1", "ada", now=NOW, ttl=60, room="r", may_publish=False, streams=["a", "b"])
    token = verify(text)
    assert token == JoinToken("1", "ada", "r", True, False, frozenset("ab"), NOW + 60)


def test_without_limits_it_has_none() -> None:
    token = verify(make_token(SECRET, "1", "ada", now=NOW, ttl=60))
    assert token == JoinToken("1", "ada", None, True, True, None, NOW + 60)


def test_an_empty_list_of_streams_is_not_the_same_as_no_list() -> None:
    assert verify(make_token(SECRET, "1", "ada", now=NOW, ttl=60, streams=[])).streams == frozenset()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aud": ["x", "join"]},
        {"exp": NOW - LEEWAY + 1},
        {"iat": NOW + LEEWAY, "exp": NOW + LEEWAY + 1},
        {"nbf": NOW + LEEWAY},
        {"iat": NOW, "exp": NOW + MAX_LIFETIME},
        {"privileges": {}},
        {"room": "r"},
        {"iat": int(NOW), "exp": NOW + 0.5},
        {"unknown": {"of": "no matter"}},
    ],
)
def test_accepted(changes: dict[str, Any]) -> None:
    assert verify(signed(claims(**changes))).user == "ada"


def test_a_room_is_not_compared_where_none_is_asked_for() -> None:
    assert verify(signed(claims(room="other")), room=None).room == "other"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        *(({name: ...}, errors.TOKEN_INVALID) for name in CLAIMS),
        *(({name: wrong}, errors.TOKEN_INVALID) for name in ("iss", "sub", "room") for wrong in (1, None, True, ["1"], {})),
        *(
            ({name: wrong}, errors.TOKEN_INVALID)
            for name in ("iat", "exp", "nbf")
            for wrong in ("1", None, True, [], -1, float("nan"), float("inf"), 10**400)
        ),
        ({"aud": "leave"}, errors.TOKEN_INVALID),
        ({"aud": {"join": 1}}, errors.TOKEN_INVALID),
        ({"aud": []}, errors.TOKEN_INVALID),
        ({"privileges": {"login": 1}}, errors.TOKEN_INVALID),
        ({"privileges": {"publish": None}}, errors.TOKEN_INVALID),
        ({"privileges": ["login"]}, errors.TOKEN_INVALID),
        ({"privileges": None}, errors.TOKEN_INVALID),
        ({"streams": "a"}, errors.TOKEN_INVALID),
        ({"streams": [1]}, errors.TOKEN_INVALID),
        ({"streams": None}, errors.TOKEN_INVALID),
        ({"room": "other"}, errors.TOKEN_INVALID),
        ({"iat": NOW + LEEWAY + 1}, errors.TOKEN_INVALID),
        ({"nbf": NOW + LEEWAY + 1}, errors.TOKEN_INVALID),
        ({"iat": NOW + 5, "exp": NOW + 5}, errors.TOKEN_INVALID),
        ({"iat": NOW, "exp": NOW + MAX_LIFETIME + 1}, errors.TOKEN_INVALID),
        ({"exp": NOW - LEEWAY}, errors.TOKEN_EXPIRED),
        ({"iss": "2"}, errors.TOKEN_APP_MISMATCH),
        ({"sub": "eve"}, errors.TOKEN_USER_MISMATCH),
    ],
)
def test_refused(changes: dict[str, Any], fault: Fault) -> None:
    assert refusal(signed(claims(**changes))) is fault


def test_another_apps_token_is_told_apart_from_a_forged_one() -> None:
    assert refusal(signed(claims(iss="2"), "t" * 32)) is errors.TOKEN_APP_MISMATCH
    assert refusal(signed(CLAIMS, "t" * 32)) is errors.TOKEN_INVALID


def test_no_token() -> None:
    assert refusal("") is errors.TOKEN_MISSING


def test_only_hs256() -> None:
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    body = signed(CLAIMS).split(".")[1]
    for unsigned in (f"{header}.{body}.", signed(CLAIMS, "", algorithm="none")):
        assert refusal(unsigned) is errors.TOKEN_INVALID
    for algorithm in ("HS384", "HS512"):
        assert refusal(signed(CLAIMS, SECRET * 2, algorithm=algorithm)) is errors.TOKEN_INVALID


def test_a_token_signed_by_a_key_pair_is_refused() -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    assert refusal(signed(CLAIMS, pem, algorithm="RS256")) is errors.TOKEN_INVALID


def test_bounds() -> None:
    assert refusal(signed(claims(padding="x" * MAX_BYTES))) is errors.TOKEN_INVALID
    nested = signed(CLAIMS, headers={"x": "y"}).split(".")
    deep = base64.urlsafe_b64encode(b'{"alg":' + b"[" * 5000).rstrip(b"=").decode()
    assert refusal(".".join((deep, *nested[1:]))) is errors.TOKEN_INVALID


@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}", fullmatch=True))
def test_no_text_does_anything_but_being_refused(text: str) -> None:
    with pytest.raises(GatewayError) as caught:
        verify(text)
    assert caught.value.fault in (errors.TOKEN_INVALID, errors.TOKEN_MISSING, errors.TOKEN_APP_MISMATCH)


@given(st.integers(0, 400), st.characters(codec="ascii"))
def test_no_character_of_a_token_can_be_changed(position: int, character: str) -> None:
    text = make_token(SECRET, "1", "ada", now=NOW, ttl=60)
    position %= len(text) - 1  # the last one holds two bits that mean nothing
    changed = text[:position] + character + text[position + 1 :]
    if changed != text:
        with pytest.raises(GatewayError):
            verify(changed)


@pytest.mark.parametrize("ttl", [0, -1, MAX_LIFETIME + 1])
def test_a_token_that_could_not_be_accepted_is_not_made(ttl: float) -> None:
    with pytest.raises(ValueError, match="at most"):
        make_token(SECRET, "1", "ada", now=NOW, ttl=ttl)
    with pytest.raises(ValueError, match="fewer streams"):
        make_token(SECRET, "1", "ada", now=NOW, ttl=60, streams=[str(n) for n in range(2000)])


@pytest.mark.parametrize("secret", ["s" * 31, "", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_a_secret_that_nothing_may_be_signed_with(secret: str) -> None:
    with pytest.raises(ValueError, match="a secret") as caught:
        check_secret(secret)
    assert not secret or secret not in str(caught.value)


def test_a_secrets_length_is_counted_in_bytes() -> None:
    check_secret("密" * 11)
