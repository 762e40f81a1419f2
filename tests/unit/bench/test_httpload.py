"""The load program's uploads are what it says, and it knows when an answer has come whole."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.bench.httpload import answer_end, upload
from tests.bench.wsload import STATUS

LOGIN = json.dumps({"params": {"appID": "bench", "roomID": "r", "userID": "u", "token": "t.t.t"}}).encode()


def test_an_upload_is_a_request_with_so_many_reports() -> None:
    head, _, body = upload("127.0.0.1:80", "/v1/reports", LOGIN, 7, 3).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /v1/reports HTTP/1.1"
    assert "Authorization: Bearer t.t.t" in lines
    assert f"Content-Length: {len(body)}" in lines
    told = json.loads(body)
    assert (told["appID"], told["roomID"], told["userID"]) == ("bench", "r", "u")
    report = {"direction": "push", "event": "bindnetstatus", "streamID": "7", "data": json.loads(STATUS)}
    assert told["reports"] == [report] * 3


@given(st.binary(max_size=50), st.integers(0, 120))
def test_an_answer_ends_with_its_body_however_it_comes(body: bytes, cut: int) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nconnection: keep-alive\r\n\r\n" % len(body) + body
    whole = len(answer)
    assert answer_end(answer + b"HTTP/1.1 200") == whole
    assert answer_end(answer[: min(cut, whole - 1)]) == 0 or cut >= whole
