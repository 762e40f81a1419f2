"""Which form a token has, which forms an app accepts, and that AppSign opens its app and no other."""

from __future__ import annotations

import math
from typing import Any

import pytest

from adapters.dialects import FORMS, RANDOM_BYTES, Dialects, app_sign, form_of, make
from gateway.auth.tokens import JoinToken, make_token
from gateway.config import AppSettings
from gateway.errors import GatewayError
from tests.support import vendor_tokens
from tests.support.vendor_tokens import APP_SIGN, NERTC_SECRET, PERMISSION_SECRET, SERVER_SECRET

NOW = 1_800_000_000.0
SECRET = "a secret of the tests, long enough for them"
EVERY = AppSettings(
    SECRET, token_formats=FORMS, server_secret=SERVER_SECRET, nertc_secret=NERTC_SECRET, permission_secret=PERMISSION_SECRET,
    app_sign=APP_SIGN,
)  # fmt: skip
TOKENS = {
    "jwt": make_token(SECRET, "1", "42", now=NOW, ttl=600),
    "token04": vendor_tokens.token04(user_id="42", now=NOW, ttl=600),
    "nertc": vendor_tokens.basic(now=NOW),
    "permission_key": vendor_tokens.permission_key(now=NOW),
}


def app(*formats: str) -> AppSettings:
    return AppSettings(
        SECRET, token_formats=formats, server_secret=SERVER_SECRET, nertc_secret=NERTC_SECRET, permission_secret=PERMISSION_SECRET
    )


def verify(settings: AppSettings, text: str) -> Any:
    try:
        return Dialects({"1": settings}).verify(text, app="1", user="42", room="r", now=NOW)
    except GatewayError as error:
        return error.fault.name


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_told_by_its_looks(form: str) -> None:
    assert form_of(TOKENS[form]) == form


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("", "jwt"), ("x", "jwt"), ("a.b.c", "jwt"), ("04.", "jwt"), ("04", "token04"), ("03AAA", "token04"), ("0", "jwt"),
        ("e", "nertc"), ("ew", "nertc"), ("eJ", "permission_key"), ("eA", "permission_key"), ("04é", "token04"), ("é", "jwt"),
    ],
)  # fmt: skip
def test_what_is_no_token_has_a_form_too(text: str, form: str) -> None:
    assert form_of(text) == form


@pytest.mark.parametrize("form", FORMS)
def test_an_app_accepts_what_it_says_and_nothing_else(form: str) -> None:
    for other in FORMS:
        token = verify(app(form), TOKENS[other])
        if other == form:
            assert isinstance(token, JoinToken)
            assert token.expires_at == NOW + 600
        else:
            assert token == ("TOKEN_FORMAT" if form == "token04" else "TOKEN_INVALID")


def test_an_app_may_accept_all() -> None:
    assert all(isinstance(verify(EVERY, text), JoinToken) for text in TOKENS.values())


def test_none_is_missing() -> None:
    assert verify(EVERY, "") == "TOKEN_MISSING"


@pytest.mark.parametrize("text", ["x", "a.b.c", "04", "03", "e", "eyJ", "eJ", "\ud800", "e" * 10_000, "0" * 10_000])
def test_what_is_no_token_is_refused(text: str) -> None:
    refused = {form: verify(app(form), text) for form in FORMS} | {"all": verify(EVERY, text)}
    known = {"TOKEN_INVALID", "TOKEN_FORMAT", "TOKEN_VERSION", "PERMISSION_KEY_INVALID"}
    assert set(refused.values()) <= known, refused


@pytest.mark.parametrize("form", FORMS)
def test_what_is_made_is_accepted(form: str) -> None:
    random = bytes(range(RANDOM_BYTES))
    text = make(form, EVERY, "1", "42", now=NOW, ttl=60, random=random, room="r")
    assert form_of(text) == form
    token = verify(EVERY, text)
    assert (token.room, token.may_publish, token.expires_at) == ("r", True, NOW + 60)
    if form != "nertc":
        text = make(form, EVERY, "1", "42", now=NOW, ttl=60, random=random, room="r", may_publish=False)
        assert verify(EVERY, text).may_publish is False


@pytest.mark.parametrize(
    ("form", "asked"),
    [
        ("nertc", {"room": None}), ("permission_key", {"room": None}), ("nertc", {"may_publish": False}),
        ("token04", {"settings": app("jwt")}), ("jwt", {"settings": app()}), ("nertc", {"ttl": 86_400.0}),
    ],
)  # fmt: skip
def test_what_a_form_cannot_say_is_not_made(form: str, asked: dict[str, Any]) -> None:
    given = {"settings": EVERY, "room": "r", "ttl": 60.0, "may_publish": True} | asked
    with pytest.raises(ValueError, match=r"room|permission|accepts|seconds"):
        make(form, app="1", user="42", now=NOW, random=bytes(RANDOM_BYTES), **given)


@pytest.mark.parametrize(
    ("dialect", "token", "expected"),
    [
        ("", "", ""), ("zego", "", "zego"), ("nertc", "", "nertc"), ("", TOKENS["jwt"], ""), ("", TOKENS["token04"], "zego"),
        ("", TOKENS["nertc"], "nertc"), ("", TOKENS["permission_key"], "nertc"), ("zego", TOKENS["nertc"], "zego"),
    ],
)  # fmt: skip
def test_whose_rules_hold(dialect: str, token: str, expected: str) -> None:
    assert Dialects({}).rules(dialect, token).dialect == expected


# AppSign ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [APP_SIGN, APP_SIGN.upper()])
def test_an_app_sign_permits_everything_without_an_end(text: str) -> None:
    token = Dialects({"1": EVERY}).verify_app_sign(text, app="1", user="ann")
    assert token == JoinToken("1", "ann", None, True, True, None, math.inf, door_only=True)
    assert token.session_ends_at is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [(APP_SIGN[::-1], APP_SIGN), ("", APP_SIGN), (APP_SIGN + "\n", APP_SIGN), ("x" * 64, APP_SIGN), ("", ""), (APP_SIGN, "")],
)
def test_a_wrong_app_sign_is_refused(text: str, expected: str) -> None:
    with pytest.raises(GatewayError, match="1001005") as refused:
        app_sign.verify(text, expected, app="1", user="ann")
    assert APP_SIGN not in str(refused.value)
