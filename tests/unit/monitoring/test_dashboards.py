"""The dashboards and alerts that are delivered: fresh, complete, and about metrics that exist."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.rtmp.counters import TOO_MANY_CONNECTIONS, UNREAD_REPLIES, Overdue
from gateway.quality.metrics import Metrics
from monitoring.dashboards import DASHBOARDS, OPERATIONS, path
from monitoring.grafana import COLUMNS, Dashboard, Panel, Query, Row, rendered
from tests.unit.gateway.quality.test_metrics import IDLE

MONITORING = Path(__file__).parents[3] / "monitoring"
RECORDING, ALERTS = (
    [rule for group in yaml.safe_load((MONITORING / "rules" / name).read_text("utf-8"))["groups"] for rule in group["rules"]]
    for name in ("recording.yml", "alerts.yml")
)
PANELS = [(dashboard, panel) for dashboard in DASHBOARDS for panel in dashboard.panels]
EN = ["What it means", "Who feels it", "Look here first", "What to do", "When it is no fault"]
ZH = ["含义", "谁会感觉到", "先看这里", "怎么处理", "什么时候不是故障"]


def exported() -> set[str]:
    """Every name that a query may use: series of the gateway, recorded ones, Prometheus' own."""
    names = {"up"} | {rule["record"] for rule in RECORDING}
    for family in Metrics(lambda: IDLE).families():
        ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "info": ("_info",)}.get(family.type, ("",))
        names |= {family.name + end for end in ends}
    return names


def used(expr: str) -> set[str]:
    """The names of metrics in an expression."""
    without_labels = re.sub(r"\{[^}]*\}", "", expr)
    return set(re.findall(r"\b(?:\w+:)?gateway_\w+(?::\w+)?|\bup\b", without_labels))


class TestDashboards:
    @pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.uid)
    def test_the_file_is_fresh(self, dashboard: Dashboard) -> None:
        assert path(dashboard).read_text("utf-8") == rendered(dashboard), "run: python -m monitoring.dashboards"

    def test_no_other_file_lies_there(self) -> None:
        assert sorted(path(OPERATIONS).parent.iterdir()) == sorted(map(path, DASHBOARDS))

    @pytest.mark.parametrize(("dashboard", "panel"), PANELS, ids=lambda one: one.title)
    def test_each_panel_says_what_it_shows(self, dashboard: Dashboard, panel: Panel) -> None:
        assert len(panel.description) > 20
        assert panel.description.endswith(".")
        assert panel.queries
        assert len(panel.queries) == 1 or all(query.legend for query in panel.queries)
        for query in panel.queries:
            assert used(query.expr), query.expr
            assert used(query.expr) <= exported()

    def test_titles_are_given_once(self) -> None:
        for dashboard in DASHBOARDS:
            titles = [panel.title for panel in dashboard.panels]
            assert len(set(titles)) == len(titles)

    def test_every_metric_of_calls_has_a_panel(self) -> None:
        shown = {name for _, panel in PANELS for query in panel.queries for name in used(query.expr)}
        recorded = {name for rule in RECORDING for name in used(rule["expr"])}
        families = {re.sub("_(bucket|sum|count|total|info)$", "", name) for name in shown | recorded}
        missing = {family.name for family in Metrics(lambda: IDLE).families()} - families
        assert missing == {
            "gateway",  # the version
            "gateway_process_start_time_seconds",
            "gateway_websockets", "gateway_grants", "gateway_media_connections",  # sessions, streams and viewers say it
            "gateway_bitrate",  # the bytes say it better
            "gateway_rtp_packets", "gateway_rtp_plis", "gateway_rtp_round_trip_seconds",  # gateway_path_round_trip_seconds
            "gateway_video_transcodes", "gateway_video_transcode_pictures", "gateway_journal_pending_bytes",
        }  # fmt: skip

    def test_thresholds_go_upwards_or_downwards(self) -> None:
        limits = ((1, 2), (12, 8), None)
        panels = tuple(Panel("a", "", "s", (Query("up"),), limit) for limit in limits)
        document = json.loads(rendered(Dashboard("x", "x", "x", (Row("x", panels),))))
        steps = [
            [(step["color"], step["value"]) for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
            for panel in document["panels"][1:]
        ]
        assert steps == [
            [("green", None), ("orange", 1), ("red", 2)],
            [("red", None), ("orange", 8), ("green", 12)],
            [("green", None)],
        ]

    def test_what_is_bad_when_it_is_small_does_not_grow_with_the_number_of_processes(self) -> None:
        falling = [panel for _, panel in PANELS if panel.limits and panel.limits[0] > panel.limits[1]]
        assert {"Processes up", "Taking sessions"} <= {panel.title for panel in falling}
        sums = re.compile(r"^sum ?(by \([^)]*\) ?)?\([^/]*$")
        assert [panel.title for panel in falling if any(sums.match(query.expr) for query in panel.queries)] == []
        assert {panel.unit for panel in falling if panel.kind == "stat"} == {"percentunit"}

    @pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.uid)
    def test_no_panel_covers_another(self, dashboard: Dashboard) -> None:
        panels = json.loads(rendered(dashboard))["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        places = [panel["gridPos"] for panel in panels]
        assert all(place["x"] >= 0 and place["x"] + place["w"] <= COLUMNS for place in places)
        assert not any(_overlap(one, other) for one, other in combinations(places, 2))

    @pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.uid)
    def test_all_jobs_are_those_of_gateways(self, dashboard: Dashboard) -> None:
        """Of a Prometheus that looks at other things as well, none is counted."""
        variables = {one["name"]: one for one in json.loads(rendered(dashboard))["templating"]["list"]}
        job, instance = variables["job"], variables["instance"]
        assert job["query"]["query"] == "label_values(gateway_info, job)"
        assert "allValue" not in job, "all is each that was found"
        assert instance["query"]["query"] == 'label_values(up{job=~"$job"}, instance)', "one that is down stays to be seen"

    @pytest.mark.parametrize(("dashboard", "panel"), [(one, panel) for one, panel in PANELS if panel.kind == "stat"])
    def test_a_single_number_is_one_while_nothing_is_counted(self, dashboard: Dashboard, panel: Panel) -> None:
        """A rate's quotient and a quantile are no numbers then; the panel would say NaN."""
        for query in panel.queries:
            if "histogram_quantile" in query.expr or re.search(r"/ \(?sum", query.expr):
                assert query.expr.rstrip(")").endswith("> 0"), query.expr

    def test_every_panel_has_its_unit_and_thresholds_in_the_file(self) -> None:
        for dashboard in DASHBOARDS:
            for panel in json.loads(path(dashboard).read_text("utf-8"))["panels"]:
                if panel["type"] != "row":
                    assert panel["fieldConfig"]["defaults"]["unit"]
                    assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
                    assert panel["description"]


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
class TestAlerts:
    def test_it_is_complete(self, alert: dict[str, Any]) -> None:
        assert set(alert) == {"alert", "expr", "for", "labels", "annotations"}
        assert alert["labels"]["severity"] in ("critical", "warning", "info")
        assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
        assert "$labels.instance" in alert["annotations"]["summary"] + alert["annotations"]["description"]

    def test_it_is_about_metrics_that_exist(self, alert: dict[str, Any]) -> None:
        assert used(alert["expr"]) <= exported()

    def test_there_is_a_story_in_which_it_fires(self, alert: dict[str, Any]) -> None:
        stories = yaml.safe_load((MONITORING / "tests" / "alerts.test.yml").read_text("utf-8"))["tests"]
        assert any(test["alertname"] == alert["alert"] for story in stories for test in story.get("alert_rule_test", ()))

    @pytest.mark.parametrize(("end", "headings"), [(".md", EN), (".zh.md", ZH)])
    def test_its_runbook_answers_every_question(self, alert: dict[str, Any], end: str, headings: list[str]) -> None:
        name = alert["alert"]
        assert alert["annotations"]["runbook_url"] == f"monitoring/runbooks/{name}.md"
        text = (MONITORING / "runbooks" / (name + end)).read_text("utf-8")
        assert text.startswith(f"# {name}\n")
        assert re.findall("^## (.*)$", text, re.M) == headings
        assert all(len(part.strip()) > 10 for part in re.split("^## .*$", text, flags=re.M)[1:])

    @pytest.mark.parametrize("end", [".md", ".zh.md"])
    def test_its_runbook_names_metrics_that_exist(self, alert: dict[str, Any], end: str) -> None:
        text = (MONITORING / "runbooks" / (alert["alert"] + end)).read_text("utf-8")
        bare = {re.sub("_(bucket|sum|count)$", "", name) for name in exported()}
        assert used(text) <= exported() | bare


@pytest.mark.parametrize("end", [".md", ".zh.md"])
def test_descriptors_are_compared_with_the_connections_that_take_one(end: str) -> None:
    text = (MONITORING / "runbooks" / f"GatewayDescriptorsNearLimit{end}").read_text("utf-8")
    (compared,) = (part for part in re.findall("`([^`]*)`", text) if "gateway_websockets" in part)
    series = re.findall(r"gateway_\w+(?:\{[^}]*\})?", compared)
    assert series == ["gateway_websockets", 'gateway_media_connections{protocol="rtmp"}', 'gateway_viewers{protocol="flv"}']


def test_alerts_that_others_silence_or_runbooks_send_to_exist() -> None:
    names = {alert["alert"] for alert in ALERTS}
    texts = [file.read_text("utf-8") for file in ((MONITORING / "alertmanager.yml"), *(MONITORING / "runbooks").iterdir())]
    assert {name for text in texts for name in re.findall(r"\bGateway[A-Z]\w+", text)} <= names


@pytest.mark.parametrize("end", [".md", ".zh.md"])
def test_an_alert_sends_to_none_that_it_silences(end: str) -> None:
    """What the runbook says to look at would not be told."""
    for rule in yaml.safe_load((MONITORING / "alertmanager.yml").read_text("utf-8"))["inhibit_rules"]:
        (source,) = re.findall('"(.*)"', *rule["source_matchers"])
        ((operator, target),) = re.findall('alertname(!=|=~?)"(.*)"', *rule["target_matchers"])
        named = set(target.split("|"))
        silenced = ({alert["alert"] for alert in ALERTS} - named if operator == "!=" else named) - {source}
        assert silenced
        text = (MONITORING / "runbooks" / (source + end)).read_text("utf-8")
        assert not silenced & set(re.findall(r"\bGateway[A-Z]\w+", text))


@pytest.mark.parametrize("end", [".md", ".zh.md"])
def test_every_deadline_of_rtmp_has_its_advice(end: str) -> None:
    text = (MONITORING / "runbooks" / f"GatewayRefusals{end}").read_text("utf-8")
    assert [word for word in (*Overdue, UNREAD_REPLIES, TOO_MANY_CONNECTIONS, "KEY_MISSING") if f"`{word}`" not in text] == []


def test_no_runbook_is_left_over() -> None:
    names = {file.name.split(".")[0] for file in (MONITORING / "runbooks").iterdir()}
    assert names == {alert["alert"] for alert in ALERTS}


def test_recorded_series_are_made_of_metrics_that_exist() -> None:
    for rule in RECORDING:
        assert used(rule["expr"]) <= exported()
