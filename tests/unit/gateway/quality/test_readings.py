"""How much media the bytes are that wait for a viewer."""

from __future__ import annotations

import pytest

from gateway.quality.readings import EgressReading, PathReading


@pytest.mark.parametrize(
    ("bitrate", "queued", "backlog"),
    [
        (400_000.0, 50_000, 1.0),
        (400_000.0, 0, 0.0),
        (400_000.0, None, None),
        (2_300.0, 1_000, 0.5),  # silence of 6 bytes a frame, with what is wrapped around it
        (100.0, 400, 0.2),  # the last packet of a stream that fell silent
        (0.0, 50_000, 0.0),
    ],
)
def test_what_waits_is_so_many_seconds(bitrate: float, queued: int | None, backlog: float | None) -> None:
    reading = EgressReading("rtmp", bitrate, False, 0, 0.0, None, PathReading(queued=queued))
    assert reading.backlog == (None if backlog is None else pytest.approx(backlog))
