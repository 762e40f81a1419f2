"""What ids may be with each vendor: stricter than what the gateway itself asks, in the vendors' own terms. Pure.

A login that speaks a dialect is held to its rules, so that a program meets the errors that its vendor's documents name.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.errors import (
    ROOM_ID_ILLEGAL,
    ROOM_ID_TOO_LONG,
    STREAM_ID_ILLEGAL,
    STREAM_ID_TOO_LONG,
    USER_ID_ILLEGAL,
    USER_ID_TOO_LONG,
    USER_NAME_ILLEGAL,
    USER_NAME_TOO_LONG,
    Fault,
    GatewayError,
)
from gateway.rooms.model import check_size

ZEGO, NERTC = "zego", "nertc"
ZEGO_CHARACTERS = string.digits + string.ascii_letters + "~!@#$%^&*()_+=-`;',.<>/"
NERTC_CHARACTERS = string.ascii_letters + string.digits + ' !#$%&()+-:;<=.,>?@[]^_{|}~"'
MAX_UID = 2**64 - 1
_UID = re.compile(r"[1-9][0-9]{0,19}")


@dataclass(frozen=True, slots=True)
class VendorRule:
    """One kind of id: at most `limit` bytes of `characters`. An empty one is for the gateway's own rule to refuse."""

    limit: int
    characters: frozenset[str]
    illegal: Fault
    too_long: Fault

    def check(self, text: str) -> None:
        check_size(text, self.limit, self.too_long, self.illegal)
        if not self.characters.issuperset(text):
            raise GatewayError(self.illegal, "the vendor permits letters, digits and some signs")


_ZEGO = frozenset(ZEGO_CHARACTERS)
_ZEGO_ROOM = VendorRule(128, _ZEGO, ROOM_ID_ILLEGAL, ROOM_ID_TOO_LONG)
_ZEGO_USER = VendorRule(64, _ZEGO, USER_ID_ILLEGAL, USER_ID_TOO_LONG)
_ZEGO_STREAM = VendorRule(256, _ZEGO, STREAM_ID_ILLEGAL, STREAM_ID_TOO_LONG)
_NERTC_CHANNEL = VendorRule(64, frozenset(NERTC_CHARACTERS), ROOM_ID_ILLEGAL, ROOM_ID_TOO_LONG)


class ZegoIds:
    """roomID, userID and streamID of the characters that ZEGO permits; a streamID is part of addresses there, so it holds
    no `http`."""

    dialect = ZEGO

    def check_login(self, room: str, user: str, user_name: str) -> None:
        _ZEGO_ROOM.check(room)
        _ZEGO_USER.check(user)
        check_size(user_name, 256, USER_NAME_TOO_LONG, USER_NAME_ILLEGAL)

    def check_stream(self, stream: str) -> None:
        _ZEGO_STREAM.check(stream)
        if "http" in stream.lower():
            raise GatewayError(STREAM_ID_ILLEGAL, "it may not hold http")


class NertcIds:
    """A channelName of the characters that NERTC permits, and a uid that is a positive number of 64 bits in decimal.
    The SDK names streams itself."""

    dialect = NERTC

    def check_login(self, room: str, user: str, user_name: str) -> None:
        _NERTC_CHANNEL.check(room)
        if not _UID.fullmatch(user) or int(user) > MAX_UID:
            raise GatewayError(USER_ID_ILLEGAL, "a uid is a positive number of 64 bits, in decimal")

    def check_stream(self, stream: str) -> None:
        pass


RULES: Mapping[str, ZegoIds | NertcIds] = {ZEGO: ZegoIds(), NERTC: NertcIds()}
"""By dialect."""
