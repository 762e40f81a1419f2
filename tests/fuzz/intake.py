"""The doors for reports and logs over HTTP: any body, compressed or not, is refused or taken, and no report vanishes.

The input is sent as a body, inflated as what it may be, and put as a report, and as a report's data, into a good batch.
"""

from __future__ import annotations

import ast
import zlib
from collections import Counter
from collections.abc import Sequence

from gateway.config import AppSettings, Config, QualitySettings
from gateway.errors import GatewayError
from gateway.http.bodies import inflated
from gateway.http.client_logs import TEXT_BYTES, shown
from gateway.http.intake import Reports, Taken
from gateway.quality.reports import Told
from tests.fuzz import run

CONFIG = Config(
    apps={"1": AppSettings("a secret of the fuzzers, long enough", debug=True)},
    quality=QualitySettings(batch_reports=10, reports_per_second=1e9, reports_burst=10**9),
)
MOST = 4096
_BEGIN = b'{"appID":1,"roomID":"r","userID":"u","reports":['
_GOOD = b'{"direction":"pull","event":"bindstatechange","data":{"code":2103}}'


class _Through:
    """Counts what comes through the door."""

    def __init__(self) -> None:
        self.count = 0

    def reports(self, app: str, room_id: str, user_id: str, told: Sequence[Told]) -> None:
        assert app == "1"
        for one in told:
            assert one.direction in ("push", "pull")
            assert len(one.stream_id) <= 256
            assert one.age >= 0
        self.count += len(told)


def one_input(data: bytes) -> None:
    """Sends the input in all the ways in which it could be meant."""
    _log(data)
    for coding in ("gzip", "deflate"):
        for body in (data, zlib.compress(data, 1)):
            try:
                content, whole = inflated(body, coding, MOST)
            except ValueError:
                continue
            assert len(content) <= MOST
            assert whole or len(content) == MOST
            _send(content)
    _send(data)
    _send(_BEGIN + data)
    _send(_BEGIN + _GOOD + b"," + data + b"]}")
    _send(_BEGIN + _GOOD[: _GOOD.index(b"{", 1)] + data + b"}," + _GOOD + b"]}")


def _send(body: bytes) -> Taken | None:
    through, dropped = _Through(), Counter[str]()
    try:
        taken = Reports(CONFIG, through, dropped, lambda: 0.0, lambda: 1.8e9).take(body, "")
    except GatewayError:
        assert through.count == 0, "a batch is refused as a whole, or not at all"
        return None
    assert 0 <= taken.taken <= through.count
    assert through.count + dropped.total() <= CONFIG.quality.batch_reports
    return taken


def _log(data: bytes) -> None:
    text = shown(data)
    assert len(text.encode()) <= TEXT_BYTES
    assert text.isprintable()
    assert isinstance(ast.literal_eval(text), str)


if __name__ == "__main__":
    run(one_input)
