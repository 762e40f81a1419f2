"""What an id may be."""

from __future__ import annotations

import pytest

from gateway.errors import GatewayError
from gateway.rooms.model import ROOM_ID, STREAM_ID, USER_ID, IdRule

RULES = pytest.mark.parametrize("rule", [ROOM_ID, USER_ID, STREAM_ID], ids=["roomID", "userID", "streamID"])

# Every character that either vendor allows in an id.
VENDORS = "abcXYZ019~!@#$%^&*()_+=-`;’,.<>/\\'|{}[]: ?\""


@RULES
@pytest.mark.parametrize("text", [VENDORS, "a", " ", "小程序", "😀", "\u00a0"])
def test_an_id_may_hold_any_text(rule: IdRule, text: str) -> None:
    assert rule.check(text) == text


@RULES
@pytest.mark.parametrize("text", ["a\0b", "\n", "tab\there", "\x1f", "\x7f", "\x80", "\x9f", "half \ud83d"])
def test_control_characters_and_half_characters_are_illegal(rule: IdRule, text: str) -> None:
    with pytest.raises(GatewayError) as refused:
        rule.check(text)
    assert refused.value.fault is rule.illegal


@pytest.mark.parametrize(("rule", "limit"), [(ROOM_ID, 128), (USER_ID, 128), (STREAM_ID, 256)])
def test_the_limit_counts_bytes(rule: IdRule, limit: int) -> None:
    assert rule.check("x" * limit)
    assert rule.check("é" * (limit // 2))
    for text in ("x" * (limit + 1), "é" * (limit // 2) + "x"):
        with pytest.raises(GatewayError) as refused:
            rule.check(text)
        assert refused.value.fault is rule.too_long


@RULES
def test_an_empty_id_has_its_own_fault(rule: IdRule) -> None:
    with pytest.raises(GatewayError) as refused:
        rule.check("")
    assert refused.value.fault is rule.empty
