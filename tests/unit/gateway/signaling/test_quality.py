"""The `quality` event: verdicts as everywhere on the wire, and numbers that programs of ZEGO's SDKs can read."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from msgspec import structs

from gateway.quality.overview import Overview, PlayView, PublishView, QualityNotice
from gateway.quality.readings import EgressReading, PathReading
from gateway.quality.reports import MediaReport
from gateway.quality.verdict import Evidence, Leg, Level, Source, Verdict
from gateway.rooms.model import Medium, PlayMode
from gateway.signaling.events import encode_event
from tests.support.watching import WELL

GOOD = Verdict(since=1_700_000_000.25)
BAD = Verdict(Level.BAD, (Evidence("late", 2.12345, 1.0, Level.BAD, Source.GATEWAY),), since=1_700_000_001.0)
GOOD_ON_THE_WIRE = {"level": "good", "since": 1_700_000_000_250, "evidence": []}
FED = EgressReading("flv", 448_000.0, False, 0, 1.0, 2.0, PathReading(round_trip=0.05, loss=0.01, jitter=0.004))


def told(overview: Overview, *, stats: bool = True) -> dict[str, Any]:
    message = json.loads(encode_event(QualityNotice("r", overview, stats)))
    assert message["method"] == "quality"
    params: dict[str, Any] = message["params"]
    return params


def published(**more: Any) -> PublishView:
    return dataclasses.replace(PublishView("ann", "a", "rtmp", GOOD), **more)


def played(**more: Any) -> PlayView:
    return dataclasses.replace(PlayView("bob", "a", "flv", PlayMode.RTC, GOOD, GOOD, None), **more)


def stats_of(view: PublishView | PlayView) -> dict[str, Any]:
    if isinstance(view, PublishView):
        return told(Overview(GOOD, (view,)))["publishing"][0]["stats"]  # type: ignore[no-any-return]
    return told(Overview(GOOD, (), (view,)))["playing"][0]["stats"]  # type: ignore[no-any-return]


def test_verdicts_alone() -> None:
    view = played(uplink=BAD, blame=Leg.UPLINK)
    assert told(Overview(GOOD, (published(),), (view,)), stats=False) == {
        "roomID": "r", "server": GOOD_ON_THE_WIRE,
        "publishing": [{"streamID": "a", "uplink": GOOD_ON_THE_WIRE}],
        "playing": [{
            "streamID": "a", "blame": "uplink", "downlink": GOOD_ON_THE_WIRE,
            "uplink": {
                "level": "bad", "since": 1_700_000_001_000,
                "evidence": [{"measure": "late", "value": 2.123, "limit": 1.0, "level": "bad", "source": "gateway"}],
            },
        }],
    }  # fmt: skip


def test_nobody_to_blame_is_null() -> None:
    assert told(Overview(GOOD, (), (played(),)), stats=False)["playing"][0]["blame"] is None


def test_a_publishers_numbers_are_those_that_arrive() -> None:
    path = PathReading(round_trip=0.0384, loss=0.02)
    view = published(measured=structs.replace(WELL, path=path), told=MediaReport("push", fps=20.0, video_bitrate=500_000.0))
    assert stats_of(view) == {
        "video": {
            "frameWidth": 360, "frameHeight": 640, "muteState": "0", "videoBitrate": 400.0, "videoFPS": 20.0,
            "videoTransferFPS": 15.0, "videoPacketsLostRate": 0.02, "videoQuality": 0,
        },
        "audio": {"muteState": "0", "audioBitrate": 48.0, "audioPacketsLostRate": 0.02, "audioQuality": 0},
        "rtt": 38.0,
    }  # fmt: skip


def test_a_players_numbers_are_what_it_says_and_else_what_it_is_sent() -> None:
    silent = stats_of(played(measured=FED, source=WELL))
    assert silent["video"]["videoBitrate"] == 400.0
    assert (silent["video"]["videoTransferFPS"], silent["video"]["videoRenderFPS"]) == (15.0, 0.0)
    assert (silent["rtt"], silent["peerToPeerPacketLostRate"], silent["audio"]["audioJitter"]) == (50.0, 0.01, 4.0)
    says = MediaReport("pull", video_bitrate=380_000.0, fps=13.0, width=180, height=320)
    heard = stats_of(played(measured=FED, source=WELL, told=says))
    assert (heard["video"]["videoBitrate"], heard["video"]["videoRenderFPS"]) == (380.0, 13.0)
    assert (heard["video"]["frameWidth"], heard["video"]["frameHeight"]) == (180, 320)
    assert stats_of(played(told=says))["video"]["videoFPS"] == 13.0, "nobody publishes: it is what it says"


def test_what_is_not_known_is_a_number_too() -> None:
    for view in (published(), played()):
        stats = stats_of(view)
        numbers = [value for part in (stats["video"], stats["audio"]) for name, value in part.items() if name != "muteState"]
        assert all(isinstance(value, int | float) for value in numbers)
        assert (stats["video"]["videoQuality"], stats["audio"]["audioQuality"], stats["rtt"]) == (-1, -1, 0)


@pytest.mark.parametrize(
    ("level", "said", "quality"),
    [
        (Level.GOOD, None, 0), (Level.GOOD, 1, 0), (Level.GOOD, 2, 1), (Level.GOOD, 3, 2), (Level.GOOD, 4, 3), (Level.GOOD, 6, 4),
        (Level.FAIR, None, 2), (Level.FAIR, 1, 2), (Level.FAIR, 5, 4), (Level.BAD, None, 4), (Level.BAD, 1, 4),
    ],
    ids=str,
)  # fmt: skip
def test_quality_is_the_worse_of_what_is_judged_and_what_is_said(level: Level, said: int | None, quality: int) -> None:
    view = published(uplink=Verdict(level), measured=WELL, told=MediaReport("push", level=said))
    assert stats_of(view)["video"]["videoQuality"] == quality


def test_what_is_muted_is_told() -> None:
    stats = stats_of(published(measured=WELL, muted=frozenset({Medium.AUDIO})))
    assert (stats["audio"]["muteState"], stats["video"]["muteState"]) == ("1", "0")
