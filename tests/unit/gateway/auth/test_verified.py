"""A remembered token is good exactly as long as it would be if it were verified each time, and for nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.tokens import JoinToken, make_token, verify_token
from gateway.auth.verified import VerifiedTokens
from gateway.auth.verifier import JoinTokens
from gateway.config import AppSettings
from gateway.errors import GatewayError

SECRET = "a secret of the tests, long enough for them"
OTHER = SECRET[::-1]
VERIFIER = JoinTokens({"1": AppSettings(SECRET), "2": AppSettings(SECRET)})
TOKENS = [
    make_token(SECRET, "1", "ann", now=0, ttl=100), make_token(SECRET, "1", "ann", now=50, ttl=500, room="r"),
    make_token(SECRET, "1", "bob", now=0, ttl=100, may_publish=False), make_token(OTHER, "1", "ann", now=0, ttl=100),
    make_token(SECRET, "2", "ann", now=0, ttl=100), "", "x.y.z", "\ud800",
]  # fmt: skip
_ASKED = st.tuples(
    st.sampled_from(TOKENS), st.sampled_from(["1", "2"]), st.sampled_from(["ann", "bob"]), st.sampled_from(["r", "s"]),
    st.floats(0, 100),
)  # fmt: skip


def _verdict(verify: Any, text: str, app: str, user: str, room: str, now: float) -> JoinToken | str:
    try:
        token: JoinToken = verify(text, app=app, user=user, room=room, now=now)
    except GatewayError as error:
        return error.fault.name
    return token


@given(st.lists(_ASKED, max_size=40), st.integers(1, 5))
def test_it_says_what_a_verification_says_whatever_it_remembers(asked: list[tuple[str, str, str, str, float]], most: int) -> None:
    memory, now = VerifiedTokens(VERIFIER, most), 0.0
    for text, app, user, room, pause in asked:
        now += pause
        assert _verdict(memory.verify, text, app, user, room, now) == _verdict(VERIFIER.verify, text, app, user, room, now)
        assert len(memory) <= most


def test_a_good_token_is_verified_once(monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []

    def noting(text: str, *args: Any, **named: Any) -> JoinToken:
        verified.append(text)
        return verify_token(text, *args, **named)

    monkeypatch.setattr("gateway.auth.verifier.verify_token", noting)
    memory = VerifiedTokens(VERIFIER, 2)
    for _ in range(3):
        assert isinstance(_verdict(memory.verify, TOKENS[0], "1", "ann", "r", 10), JoinToken)
        assert _verdict(memory.verify, TOKENS[3], "1", "ann", "r", 10) == "TOKEN_INVALID"
    assert verified == [TOKENS[0], TOKENS[3], TOKENS[3], TOKENS[3]]
