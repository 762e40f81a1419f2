"""Why the server closes a socket: codes and reasons that fit into a close frame."""

from __future__ import annotations

import json

import pytest

from gateway.errors import FAULTS
from gateway.signaling.close import CloseReason

_CONTROL_FRAME = 125
_CODE = 2


@pytest.mark.parametrize("reason", CloseReason)
@pytest.mark.parametrize("after_ms", [None, 0, 2**53])
def test_the_reason_is_json_that_fits_into_a_close_frame(reason: CloseReason, after_ms: int | None) -> None:
    text = reason.text(after_ms)
    assert len(text.encode()) <= _CONTROL_FRAME - _CODE
    advice = json.loads(text)
    assert advice["code"] == (reason.fault.number if reason.fault else 0)
    assert advice["retry"] == reason.retry
    assert advice.get("afterMs") == after_ms


def test_each_reason_has_a_code_of_its_own_that_a_server_may_send() -> None:
    codes = [reason.code for reason in CloseReason]
    assert len(set(codes)) == len(codes)
    assert all(code in (1003, 1011, 1012, 1013) or 4000 <= code < 5000 for code in codes)


def test_what_it_says_is_in_the_catalogue() -> None:
    assert {reason.fault for reason in CloseReason if reason.fault} <= set(FAULTS)


def test_one_who_was_replaced_must_not_come_back() -> None:
    assert CloseReason.KICKED_BY_SAME_USER.code == 4010
    assert json.loads(CloseReason.KICKED_BY_SAME_USER.text()) == {"code": 1002050, "retry": "never"}
    assert json.loads(CloseReason.RESUMED_ELSEWHERE.text()) == {"code": 0, "retry": "never"}
