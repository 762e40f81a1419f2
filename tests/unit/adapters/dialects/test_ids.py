"""What ids may be with each vendor."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adapters.dialects.ids import NERTC_CHARACTERS, RULES, ZEGO_CHARACTERS
from gateway.errors import GatewayError

ZEGO, NERTC = RULES["zego"], RULES["nertc"]


def said(check: Callable[[], None]) -> str:
    try:
        check()
    except GatewayError as error:
        return error.fault.name
    return ""


@pytest.mark.parametrize(
    ("room", "user", "name", "expected"),
    [
        ("room-1", "ann", "", ""),
        (ZEGO_CHARACTERS, ZEGO_CHARACTERS[:64], "安娜 🙂", ""),
        ("r" * 128, "u" * 64, "n" * 256, ""),
        ("r" * 129, "u", "", "ROOM_ID_TOO_LONG"),
        ("r", "u" * 65, "", "USER_ID_TOO_LONG"),
        ("r", "u", "n" * 257, "USER_NAME_TOO_LONG"),
        ("r", "u", "名" * 86, "USER_NAME_TOO_LONG"),
        ("a room", "u", "", "ROOM_ID_ILLEGAL"),
        ("房间", "u", "", "ROOM_ID_ILLEGAL"),
        ("r", "安娜", "", "USER_ID_ILLEGAL"),
        ("r", "a:b", "", "USER_ID_ILLEGAL"),
        ("r", "a?b", "", "USER_ID_ILLEGAL"),
        ("r", "u\n", "", "USER_ID_ILLEGAL"),
        ("r", "\ud800", "", "USER_ID_ILLEGAL"),
    ],
)
def test_zego(room: str, user: str, name: str, expected: str) -> None:
    assert said(lambda: ZEGO.check_login(room, user, name)) == expected


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        ("s", ""), ("s" * 256, ""), (ZEGO_CHARACTERS, ""), ("s" * 257, "STREAM_ID_TOO_LONG"), ("s?x=1", "STREAM_ID_ILLEGAL"),
        ("HTTP.cam", "STREAM_ID_ILLEGAL"), ("流", "STREAM_ID_ILLEGAL"),
    ],
)  # fmt: skip
def test_a_stream_of_zegos(stream: str, expected: str) -> None:
    assert said(lambda: ZEGO.check_stream(stream)) == expected
    assert said(lambda: NERTC.check_stream(stream)) == ""


@pytest.mark.parametrize(
    ("channel", "uid", "expected"),
    [
        ("c", "1", ""), (NERTC_CHARACTERS[:64], str(2**64 - 1), ""), (NERTC_CHARACTERS[26:], "9007199254740993", ""),
        ("c" * 65, "1", "ROOM_ID_TOO_LONG"), ("c/d", "1", "ROOM_ID_ILLEGAL"), ("频道", "1", "ROOM_ID_ILLEGAL"),
        ("c", "0", "USER_ID_ILLEGAL"), ("c", "-1", "USER_ID_ILLEGAL"), ("c", "01", "USER_ID_ILLEGAL"),
        ("c", "1.0", "USER_ID_ILLEGAL"), ("c", "ann", "USER_ID_ILLEGAL"), ("c", "１", "USER_ID_ILLEGAL"),
        ("c", "1\n", "USER_ID_ILLEGAL"), ("c", str(2**64), "USER_ID_ILLEGAL"), ("c", "9" * 5000, "USER_ID_ILLEGAL"),
    ],
)  # fmt: skip
def test_nertc(channel: str, uid: str, expected: str) -> None:
    assert said(lambda: NERTC.check_login(channel, uid, "any name at all")) == expected
