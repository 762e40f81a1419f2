"""Every metric: its series are bounded whatever users do, known ones begin at 0, numbers arrive as they were counted."""

from __future__ import annotations

import gc
import re
from collections import Counter, defaultdict
from contextlib import ExitStack
from dataclasses import fields, replace
from itertools import product
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.media.viewer import DELAYS
from gateway.quality import measures
from gateway.quality.buckets import Buckets
from gateway.quality.counters import SHORT, QualityCounters
from gateway.quality.metrics import LOOP_LAG_BUCKETS, Metrics, Snapshot, StoreSnapshot, TranscodeSnapshot, WebRtcSnapshot
from gateway.quality.process import ProcessReading, read_process
from gateway.quality.reports import Event
from tests.support.watching import BADLY, WELL, WatchedHouse

IDLE = Snapshot(
    rooms=0, sessions={}, sockets=0, streams={}, grants=0, viewers={}, publishers={}, connections={}, bytes_in={}, bytes_out={},
    skips={}, dropped={}, refusals={}, bitrates={}, timers=0, tasks=1,
    webrtc=WebRtcSnapshot({}, 0, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}),
    transcodes=TranscodeSnapshot({}, {}, {}),
    store=StoreSnapshot(healthy=True, pending=0, pending_bytes=0, oldest_age=0.0, written=0, retries=0, lost=0),
)  # fmt: skip
PROCESS = ProcessReading(cpu=1.5, resident=1 << 20, descriptors=12, descriptor_limit=1024, started=1e9)


def samples(snapshot: Snapshot) -> dict[str, float]:
    """Every series and its value, as a reader of the format understands it."""
    text = Metrics(lambda: snapshot, "1.2.3", lambda: PROCESS).exposition().decode()
    return {
        sample.name + "{" + ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items())) + "}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def told(**counted: object) -> dict[str, float]:
    return samples(replace(IDLE, quality=QualityCounters(**counted)))  # type: ignore[arg-type]


class TestNumbers:
    def test_what_is_counted_is_told(self) -> None:
        now = told(
            reports=Counter({("http", "pull", "bindnetstatus"): 7}), dropped=Counter(too_large=2),
            codes=Counter({("push", "-1307"): 3}), changes=Counter({("uplink", "bad"): 4}), findings=Counter(LONG_GOP=5),
            caught_up=Counter(flv=6), pulled_again=Counter(rtmp=7), urls=Counter({"-2301": 8}), logs=Counter(limited=9),
            told_level=Counter({("push", "6"): 10}),
        )  # fmt: skip
        assert {name: value for name, value in now.items() if value and "_process_" not in name and "_bucket" not in name} == {
            "gateway_info{version=1.2.3}": 1,
            "gateway_ready{}": 1,
            "gateway_store_healthy{}": 1,
            "gateway_tasks{}": 1,
            "gateway_reports_total{direction=pull,door=http,event=bindnetstatus}": 7,
            "gateway_reports_dropped_total{reason=too_large}": 2,
            "gateway_component_codes_total{code=-1307,direction=push}": 3,
            "gateway_quality_changes_total{leg=uplink,level=bad}": 4,
            "gateway_publish_findings_total{finding=LONG_GOP}": 5,
            "gateway_viewers_caught_up_total{protocol=flv}": 6,
            "gateway_viewers_pulled_again_total{protocol=rtmp}": 7,
            "gateway_urls_renewed_total{code=-2301}": 8,
            "gateway_client_logs_total{outcome=limited}": 9,
            "gateway_client_network_level_total{direction=push,level=6}": 10,
        }

    def test_refused_reports_are_no_refused_media_connections(self) -> None:
        now = samples(replace(IDLE, reports_refused={"PARSE_ERROR": 3}))
        assert {name: value for name, value in now.items() if "refus" in name and value} == {
            "gateway_reports_refused_total{reason=PARSE_ERROR}": 3
        }

    def test_legs_are_told_by_level(self) -> None:
        now = samples(replace(IDLE, legs={("uplink", "bad", "rtmp"): 2, ("server", "fair", ""): 1}))
        legs = {name: value for name, value in now.items() if name.startswith("gateway_quality_legs") and value}
        assert legs == {
            "gateway_quality_legs{leg=uplink,level=bad,protocol=rtmp}": 2,
            "gateway_quality_legs{leg=server,level=fair,protocol=}": 1,
        }

    def test_a_histogram_is_told_cumulatively(self) -> None:
        quality = QualityCounters()
        for seconds in (0.004, 0.3, 0.3, 60.0):
            quality.arrival_late["in", "rtmp"].observe(seconds)
        now = samples(replace(IDLE, quality=quality))
        of = "gateway_arrival_late_seconds"
        way = "direction=in{},protocol=rtmp"
        assert now[f"{of}_count{{{way.format('')}}}"] == 4
        assert now[f"{of}_sum{{{way.format('')}}}"] == pytest.approx(60.604)
        counts = [now[f"{of}_bucket{{{way.format(f',le={bound}')}}}"] for bound in (*SHORT, "+Inf")]
        assert counts == [1, 1, 1, 1, 1, 1, 3, 3, 3, 3, 4]

    def test_bitrates_are_told_in_bytes(self) -> None:
        quality = QualityCounters()
        quality.arrival_bitrate["in", "whip"].observe(800e3)
        now = samples(replace(IDLE, quality=quality))
        assert now["gateway_arrival_bytes_per_second_sum{direction=in,protocol=whip}"] == 100e3
        assert now["gateway_arrival_bytes_per_second_bucket{direction=in,le=50000.0,protocol=whip}"] == 0
        assert now["gateway_arrival_bytes_per_second_bucket{direction=in,le=100000.0,protocol=whip}"] == 1

    def test_the_lag_of_the_loop_is_counted_as_it_happens(self) -> None:
        metrics = Metrics(lambda: IDLE)
        metrics.loop_lag.observe(0.3)
        text = metrics.exposition().decode()
        assert 'gateway_loop_lag_seconds_bucket{le="0.25"} 0.0' in text
        assert 'gateway_loop_lag_seconds_bucket{le="0.5"} 1.0' in text

    def test_the_lag_of_the_loop_is_counted_up_to_each_limit_by_which_it_is_judged(self) -> None:
        """Between two bounds a quantile is a guess: an alert on it would come early or late."""
        limits = measures.LAG.limits
        assert {limits.fair, limits.bad} <= set(LOOP_LAG_BUCKETS)

    def test_delays_have_the_bounds_they_were_counted_with(self) -> None:
        delay = Buckets((0.25, 0.75))
        delay.observe(0.5)
        now = samples(replace(IDLE, delay={"rtmp": delay}))
        bounds = {name for name in now if name.startswith("gateway_media_delay_seconds_bucket") and "protocol=rtmp" in name}
        assert {re.findall("le=([^,}]+)", name)[0] for name in bounds} == {"0.25", "0.75", "+Inf"}


class TestFromTheStart:
    @pytest.mark.parametrize(
        "series",
        [
            "gateway_sessions{phase=attached}",
            "gateway_streams{state=interrupted}",
            "gateway_viewers{protocol=whep}",
            "gateway_publishers{protocol=rtmp}",
            "gateway_media_sent_bytes_total{protocol=flv}",
            "gateway_viewer_skips_total{protocol=rtmp}",
            "gateway_reports_total{direction=pull,door=http,event=binderror}",
            "gateway_reports_dropped_total{reason=out_of_range}",
            "gateway_reports_refused_total{reason=RATE_LIMITED}",
            "gateway_reports_refused_total{reason=TOKEN_EXPIRED}",
            "gateway_client_network_level_total{direction=pull,level=6}",
            "gateway_client_logs_total{outcome=refused}",
            "gateway_quality_legs{leg=downlink,level=bad,protocol=flv}",
            "gateway_quality_changes_total{leg=server,level=bad}",
            "gateway_urls_renewed_total{code=-1307}",
            "gateway_first_media_seconds_count{direction=out,protocol=webrtc}",
            "gateway_history_lost_total{}",
            "gateway_udp_drops_total{}",
        ],
    )
    def test_what_is_known_beforehand_is_there_at_0(self, series: str) -> None:
        assert samples(IDLE)[series] == 0

    def test_no_store_no_metrics_of_it(self) -> None:
        assert not [name for name in samples(replace(IDLE, store=None)) if "store" in name or "journal" in name]


    def test_what_is_observed_fits_into_the_series_that_are_there(self) -> None:
        quality = QualityCounters()
        for name in (field.name for field in fields(quality)):
            family = getattr(quality, name)
            if isinstance(family, defaultdict):
                way = ("in", "whip") if name.startswith("arrival_") else ("out", "rtmp") if name == "backlog" else ("out", "whep")
                family[way].observe(1e9)
        delay = {"whep": Buckets(DELAYS)}
        now, idle = samples(replace(IDLE, quality=quality, delay=delay)), samples(IDLE)
        assert set(now) == set(idle)
        assert sum(now.values()) > sum(idle.values())


class TestPieces:
    def test_each_is_one_family_and_all_are_of_one_moment(self) -> None:
        asked: list[int] = []

        def snapshot() -> Snapshot:
            asked.append(1)
            return replace(IDLE, rooms=len(asked))

        pieces = list(Metrics(snapshot, process=lambda: PROCESS).pieces())
        assert all(piece.count(b"# TYPE ") == 1 for piece in pieces)
        assert len(pieces) > 50
        assert asked == [1]

    def test_no_family_comes_twice(self) -> None:
        names = [family.name for family in Metrics(lambda: IDLE).families()]
        assert len(set(names)) == len(names)

    def test_none_is_large(self) -> None:
        """One piece is one turn of the event loop."""
        assert max(piece.count(b"\n") for piece in Metrics(lambda: IDLE).pieces()) < 150


class TestProcess:
    def test_it_is_this_one(self, tmp_path: Path) -> None:
        """What was left open by other tests may be closed meanwhile: a few files more or less say nothing."""
        gc.collect()
        before = read_process()
        with ExitStack() as open_files:
            for number in range(100):
                open_files.enter_context((tmp_path / str(number)).open("w"))
            during = read_process()
        assert 90 <= during.descriptors - before.descriptors <= 110
        assert during.cpu >= before.cpu > 0
        assert before.descriptors < before.descriptor_limit
        assert before.resident is None or before.resident > 1 << 20


HOSTILE_CODES = (-1307, -2301, 3004, 5001, 2105, 99999, "7; DROP", None, {"code": 1}, 1e308, True)

CALLING = 200
"""So many publish and play; the others only report."""


def series_with(users: int) -> set[str]:
    """The series after so many users have called and reported, each something else, much of it nonsense."""
    house = WatchedHouse(logins_burst=users)
    for number in range(users):
        user, id = f"user-{number}", f"stream-{number}"
        client = house.client(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
        client.login(user, f"room-{number // 2}")
        if number < CALLING:
            stream = house.on_air(client, user, id)
            if number % 2:
                house.viewer(client, user, house.streams[number - 1])
            stream.reading = BADLY if number % 3 == 0 else WELL
        nonsense = {"code": number, user: id, "videoBitrate": f"{number}", "netQualityLevel": number % 9, "fps": "x"}
        told = {"code": HOSTILE_CODES[number % len(HOSTILE_CODES)], "message": user}
        reports = list(product(("push", "pull"), (*get_args(Event), user), (nonsense, told, user, [number])))
        for direction, event, data in (reports[number % len(reports)], reports[number // len(reports) % len(reports)]):
            client.ask("report", {"direction": direction, "event": event, "streamID": id, "data": data})
    house.live(8)
    snapshot = replace(IDLE, quality=house.watch.counters, legs=house.watch.legs())
    assert sum(snapshot.legs.values()) == 1.5 * min(users, CALLING) + 1
    return set(samples(snapshot))


class TestCardinality:
    def test_the_series_are_the_same_for_10_users_and_for_10_000(self) -> None:
        few = series_with(10)
        assert few == set(samples(IDLE)), "there are none that were not there from the start"
        assert series_with(10_000) == few
        assert 900 < len(few) < 1500
