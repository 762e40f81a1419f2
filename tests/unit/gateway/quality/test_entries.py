"""What goes into the history: small JSON values, named as on the wire."""

from __future__ import annotations

import json

from gateway.quality import entries
from gateway.quality.readings import EgressReading, PathReading
from gateway.quality.reports import CodeReport, MediaReport
from gateway.quality.verdict import Evidence, Leg, Level, Source, Verdict
from tests.support.watching import WELL


def test_a_stream() -> None:
    assert entries.measured(WELL) == {
        "direction": "push", "protocol": "rtmp", "span": 1.0, "connected": True, "audioBitrate": 48000.0,
        "videoBitrate": 400000.0, "fps": 15.0, "gop": 2.0, "silence": 0.02, "gap": 0.07, "late": 0.01, "latePeak": 0.05,
        "drift": 0.01, "jumps": 0, "width": 360, "height": 640, "audio": True, "video": True, "repeats": 0,
    }  # fmt: skip


def test_a_viewer_with_what_waits_for_it_and_without_the_loops_times() -> None:
    reading = EgressReading("rtmp", 400_000.0, True, 3, 1000.0, 1000.5, PathReading(0.123456789, queued=50_000))
    assert entries.measured(reading) == {
        "direction": "pull", "protocol": "rtmp", "bitrate": 400000.0, "behind": True, "skips": 3, "roundTrip": 0.1235,
        "queued": 50000, "repeats": 0, "backlog": 1.0,
    }  # fmt: skip


def test_what_a_client_did_not_say_is_left_out() -> None:
    assert entries.told(MediaReport("pull", fps=14.0, buffer=0.3, hardware=False)) == {
        "direction": "pull", "fps": 14.0, "buffer": 0.3, "hardware": False,
    }  # fmt: skip


def test_a_code_without_the_clients_own_words() -> None:
    assert entries.code(CodeReport("push", -1307, "secret words"), "net_disconnect") == {
        "direction": "push", "code": -1307, "meaning": "net_disconnect",
    }  # fmt: skip


def test_a_verdict() -> None:
    reached = Verdict(Level.FAIR, (Evidence("backlog", 0.61234567, 0.5, Level.FAIR, Source.GATEWAY),), since=7.0)
    assert entries.verdict(Leg.DOWNLINK, reached) == {
        "leg": "downlink", "level": "fair",
        "evidence": [{"measure": "backlog", "value": 0.6123, "limit": 0.5, "level": "fair", "source": "gateway"}],
    }  # fmt: skip
    assert json.dumps(entries.verdict(Leg.DOWNLINK, reached))
