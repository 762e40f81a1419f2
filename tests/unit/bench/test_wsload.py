"""The load program's frames are a WebSocket client's, and what a server sends is taken apart whatever its size."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader
from websockets.uri import parse_uri

from tests.bench import wsload


def _parsed(data: bytes) -> Frame:
    """A client's frame as a server reads it."""
    reader = StreamReader()
    reader.feed_data(data)
    parser = Frame.parse(reader.read_exact, mask=True)
    with pytest.raises(StopIteration) as done:
        next(parser)
    frame: Frame = done.value.value
    return frame


@given(st.binary(max_size=65_535))
def test_a_server_reads_what_was_written(payload: bytes) -> None:
    frame = _parsed(wsload.frame(payload))
    assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.TEXT, True, payload)


def test_a_ping_is_answered_with_a_pong() -> None:
    assert _parsed(wsload.frame(b"still there?", wsload.PONG)).opcode is Opcode.PONG


@given(st.lists(st.integers(0, 70_000), max_size=4), st.integers(0, 100))
def test_every_whole_frame_is_found_and_no_other(sizes: list[int], cut: int) -> None:
    made = [Frame(Opcode.TEXT, bytes(size)).serialize(mask=False) for size in sizes]
    data = b"".join(made)[: -cut or None]
    found = list(wsload.frames(data))
    ends = [sum(map(len, made[: at + 1])) for at in range(len(made))]
    assert [end for _, _, end in found] == [end for end in ends if end <= len(data)]
    assert [end - begin for _, begin, end in found] == sizes[: len(found)]
    assert {first for first, _, _ in found} <= {wsload.TEXT}


def test_an_answer_begins_like_its_request_where_it_is_an_echo() -> None:
    request = wsload.request(7)
    assert json.loads(request)["method"] == "sendBroadcastMessage"
    assert request.startswith(wsload.beginning(7))


def test_an_upgrade_is_asked_for_as_a_client_does() -> None:
    theirs = ClientProtocol(parse_uri("ws://127.0.0.1:1/ws")).connect()
    ours = wsload.upgrade("127.0.0.1:1", "/ws").decode()
    assert ours.startswith("GET /ws HTTP/1.1\r\n")
    assert ours.endswith("\r\n\r\n")
    for name in ("Host", "Upgrade", "Connection", "Sec-WebSocket-Version"):
        assert f"{name}: {theirs.headers[name]}\r\n" in ours
