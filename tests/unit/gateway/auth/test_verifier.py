"""What apps accept where nobody says anything else."""

from __future__ import annotations

import pytest

from gateway.auth.tokens import make_token, verify_token
from gateway.auth.verifier import NO_RULES, JoinTokens
from gateway.config import AppSettings
from gateway.errors import GatewayError

SECRET = "a secret of the tests, long enough for them"


def test_join_tokens_and_nothing_else() -> None:
    verifier, text = JoinTokens({"1": AppSettings(SECRET)}), make_token(SECRET, "1", "ann", now=0, ttl=60)
    asked = {"app": "1", "user": "ann", "room": "r", "now": 1.0}
    assert verifier.verify(text, **asked) == verify_token(text, SECRET, **asked)  # type: ignore[arg-type]
    with pytest.raises(GatewayError, match="1001005"):
        verifier.verify_app_sign("0" * 64, app="1", user="ann")


def test_no_rules_take_what_the_gateway_takes() -> None:
    rules = JoinTokens({}).rules("zego", "04")
    assert rules is NO_RULES
    rules.check_login("房间", "安娜", "")
    rules.check_stream("http://流")
    assert rules.dialect == ""
