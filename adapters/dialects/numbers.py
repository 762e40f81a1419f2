"""The gateway's error numbers in the vendors' words: one table, for the documents and for the SDKs' tests. Pure.

ZEGO's numbers are the gateway's own wherever ZEGO has one; the others become the nearest that its documents name. NERTC's
are fewer: several faults share one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway import errors
from gateway.errors import FAULTS, Fault

_OWN = range(1_800_000, 1_900_000)
"""Numbers that no vendor knows."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What one fault is called."""

    fault: Fault
    zego: int
    """Told of a room, or of publishing."""
    zego_playing: int
    """Told of playing."""
    nertc: int


_ZEGO: Mapping[Fault, tuple[int, int]] = {
    errors.PARSE_ERROR: (1000017, 1000017),
    errors.INVALID_REQUEST: (1000017, 1000017),
    errors.METHOD_NOT_FOUND: (1000017, 1000017),
    errors.INVALID_PARAMS: (1000017, 1000017),
    errors.INTERNAL_ERROR: (1002099, 1004099),
    errors.PERMISSION_KEY_INVALID: (1002033, 1002033),
    errors.PERMISSION_KEY_EXPIRED: (1002078, 1002078),
    errors.TOKEN_IN_DEBUG: (1002033, 1002033),
    errors.KEY_MISSING: (1003072, 1004003),
    errors.KEY_BROKEN: (1003072, 1004003),
    errors.KEY_FOREIGN: (1003072, 1004003),
    errors.KEY_WRONG_STREAM: (1003072, 1004003),
    errors.KEY_WRONG_ACTION: (1003072, 1004003),
    errors.KEY_EXPIRED: (1003072, 1004003),
    errors.KEY_REVOKED: (1003072, 1004003),
    errors.CODEC_UNSUPPORTED: (1003099, 1004099),
    errors.MEDIA_MALFORMED: (1003020, 1004020),
    errors.VIEWER_TOO_SLOW: (1004020, 1004020),
    errors.TRANSPORT_UNSUPPORTED: (1000017, 1000017),
    errors.SDP_INVALID: (1003099, 1004099),
    errors.TOO_MANY_PUBLISHES: (1003099, 1003099),
    errors.TRANSCODES_EXHAUSTED: (1004099, 1004099),
    errors.CONNECT_FAILED: (1003020, 1004020),
    errors.PEER_NOT_FOUND: (1003020, 1004020),
    errors.SHUTTING_DOWN: (1002051, 1002051),
    errors.OVERLOADED: (1002051, 1002051),
    errors.ORIGIN_REFUSED: (1002033, 1002033),
    errors.ROOM_NOT_FOUND: (1002002, 1002002),
    errors.API_KEY_INVALID: (1002033, 1002033),
    errors.STORE_UNAVAILABLE: (1002099, 1002099),
}
"""Of those that ZEGO has no number of its own for."""

_NERTC: Mapping[int, tuple[Fault, ...]] = {
    403: (errors.TOKEN_MISSING, errors.APP_SIGN_INVALID, errors.ORIGIN_REFUSED),
    408: (errors.LOGIN_TIMEOUT,),
    414: (
        errors.PARSE_ERROR, errors.INVALID_REQUEST, errors.METHOD_NOT_FOUND, errors.INVALID_PARAMS,
        errors.STREAM_ID_TOO_LONG, errors.STREAM_ID_EMPTY, errors.STREAM_ID_ILLEGAL, errors.USER_ID_EMPTY,
        errors.USER_ID_ILLEGAL, errors.USER_ID_TOO_LONG, errors.USER_NAME_ILLEGAL, errors.USER_NAME_TOO_LONG,
        errors.ROOM_ID_EMPTY, errors.ROOM_ID_ILLEGAL, errors.ROOM_ID_TOO_LONG, errors.TOKEN_INVALID, errors.TOKEN_FORMAT,
        errors.TOKEN_APP_MISMATCH, errors.TOKEN_USER_MISMATCH, errors.TOKEN_EXPIRED, errors.TOKEN_VERSION, errors.TOKEN_NONCE,
        errors.TOKEN_IN_DEBUG, errors.TRANSPORT_UNSUPPORTED,
    ),
    417: (errors.APP_UNKNOWN,),
    901: (errors.PERMISSION_KEY_INVALID,),
    902: (errors.PERMISSION_KEY_EXPIRED, errors.KICKED_TOKEN_EXPIRED),
    1620: (errors.TOKEN_WITHOUT_PUBLISH, errors.PUBLISH_FORBIDDEN, errors.TOO_MANY_PUBLISHES),
    2803: (errors.TOO_MANY_PLAYS, errors.PLAY_FORBIDDEN),
    4003: (errors.ROOM_FULL,),
    30005: (errors.ALREADY_PUBLISHING, errors.STREAM_ID_TAKEN),
    30101: (errors.NOT_LOGGED_IN,),
    30201: (errors.STREAM_NOT_FOUND, errors.PEER_NOT_FOUND),
    30204: (
        errors.PUBLISH_INTERRUPTED, errors.PUBLISH_LOST, errors.MEDIA_SERVER_CLOSED, errors.PLAY_INTERRUPTED,
        errors.CODEC_UNSUPPORTED, errors.MEDIA_MALFORMED, errors.VIEWER_TOO_SLOW, errors.CONNECT_FAILED,
    ),
    30205: (errors.HEARTBEAT_TIMEOUT,),
    30206: (errors.KICKED,),
    30209: (errors.KICKED_BY_SAME_USER,),
}  # fmt: skip
"""NERTC's numbers, and the faults that are told by them."""
_SERVER_ERROR = 500
"""NERTC's number for what says nothing to a program that was written for it."""


def _table(faults: Iterable[Fault]) -> dict[int, Numbers]:
    nertc = {fault: number for number, those in _NERTC.items() for fault in those}
    made = {}
    for fault in faults:
        zego = _ZEGO.get(fault) or (fault.number, fault.number)
        made[fault.number] = Numbers(fault, *zego, nertc.get(fault, _SERVER_ERROR))
    return made


TABLE: Mapping[int, Numbers] = _table(FAULTS)
"""Every fault of the catalogue, by the gateway's number."""


def is_own(number: int) -> bool:
    """Whether no vendor knows this number."""
    return number < 0 or number in _OWN


def as_json() -> dict[str, dict[str, str | int]]:
    """The table in plain types, by the gateway's number as a text: what the SDKs' tests compare theirs with."""
    return {
        str(number): {"name": one.fault.name, "zego": one.zego, "zegoPlaying": one.zego_playing, "nertc": one.nertc}
        for number, one in TABLE.items()
    }
