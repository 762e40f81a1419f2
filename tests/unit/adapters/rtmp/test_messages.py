"""Control messages in literal bytes, and aggregates."""

from __future__ import annotations

import pytest

from adapters.rtmp.errors import RemoteProtocolError, Violation
from adapters.rtmp.messages import (
    AGGREGATE,
    AUDIO,
    MAX_PARTS,
    VIDEO,
    Message,
    UserControl,
    acknowledgement,
    parts_of,
    set_chunk_size,
    set_peer_bandwidth,
    uint32_of,
    user_control,
    window_acknowledgement_size,
)


@pytest.mark.parametrize(
    ("message", "type_id", "body"),
    [
        (set_chunk_size(4096), 1, "00001000"),
        (acknowledgement((1 << 32) + 5), 3, "00000005"),
        (user_control(UserControl.STREAM_BEGIN, 1), 4, "0000 00000001"),
        (user_control(UserControl.PING_RESPONSE, b"abcd"), 4, "0007 61626364"),
        (window_acknowledgement_size(2_500_000), 5, "002625a0"),
        (set_peer_bandwidth(2_500_000), 6, "002625a0 02"),
    ],
)
def test_control_messages(message: Message, type_id: int, body: str) -> None:
    assert message == Message(type_id, 0, 0, bytes.fromhex(body))


def test_short_number() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        uint32_of(b"\0\0\0")
    assert caught.value.violation is Violation.CONTROL_MESSAGE


def tag(kind: int, timestamp: int, body: bytes) -> bytes:
    head = bytes((kind,)) + len(body).to_bytes(3) + (timestamp & 0xFFFFFF).to_bytes(3) + bytes((timestamp >> 24, 0, 0, 0))
    return head + body + (11 + len(body)).to_bytes(4)


def test_parts_of_an_aggregate_are_moved_to_its_time() -> None:
    body = tag(AUDIO, 1000, b"a") + tag(VIDEO, 1040, b"vv") + tag(AUDIO, 0x01000000, b"")
    assert list(parts_of(Message(AGGREGATE, 1, 5000, body))) == [
        Message(AUDIO, 1, 5000, b"a"),
        Message(VIDEO, 1, 5040, b"vv"),
        Message(AUDIO, 1, 0x01000000 + 4000, b""),
    ]


def test_moved_times_wrap() -> None:
    parts = list(parts_of(Message(AGGREGATE, 1, 0xFFFFFFFF, tag(AUDIO, 10, b"a") + tag(AUDIO, 12, b"b"))))
    assert [part.timestamp for part in parts] == [0xFFFFFFFF, 1]


def test_last_part_may_go_without_its_trailer() -> None:
    assert len(list(parts_of(Message(AGGREGATE, 1, 0, tag(AUDIO, 0, b"a")[:-4])))) == 1


@pytest.mark.parametrize("body", [tag(AUDIO, 0, b"abc")[:-5], b"\x08", tag(AUDIO, 0, b"abc") + b"\x09\0"])
def test_parts_that_do_not_add_up(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        list(parts_of(Message(AGGREGATE, 1, 0, body)))
    assert caught.value.violation is Violation.AGGREGATE


def test_aggregate_of_too_many_parts() -> None:
    part = tag(AUDIO, 0, b"")
    assert len(list(parts_of(Message(AGGREGATE, 1, 0, MAX_PARTS * part)))) == MAX_PARTS
    with pytest.raises(RemoteProtocolError) as caught:
        list(parts_of(Message(AGGREGATE, 1, 0, (MAX_PARTS + 1) * part)))
    assert caught.value.violation is Violation.AGGREGATE


def test_empty_aggregate() -> None:
    assert list(parts_of(Message(AGGREGATE, 1, 0, b""))) == []
