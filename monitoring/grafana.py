"""Dashboards of Grafana, made from what there is to say about each panel.

A panel is what it shows (PromQL), in which unit, from which values on it is worth a look, and a sentence for who looks at
it. Where it stands follows from its order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any, Literal

COLUMNS = 24
"""Width of Grafana's grid."""

Kind = Literal["timeseries", "stat"]
HEIGHT: dict[Kind, int] = {"timeseries": 8, "stat": 4}
WIDTH: dict[Kind, int] = {"timeseries": 8, "stat": 4}
Unit = Literal["short", "s", "bps", "bytes", "percentunit", "cps", "fps", "bool"]
"""Grafana's names: numbers, seconds, bit/s, bytes, parts of one, events per second, pictures per second, yes or no."""
Json = dict[str, Any]
_DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Query:
    """One expression and what its lines are called; `{{label}}` is filled in."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture."""

    title: str
    description: str
    unit: Unit
    queries: tuple[Query, ...]
    limits: tuple[float, float] | None = None
    """Worth a look from the first on, bad from the second on; downwards if the first is the larger one. None: nothing is bad."""
    kind: Kind = "timeseries"
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Panels that belong together."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page."""

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]

    @property
    def panels(self) -> Iterator[Panel]:
        for row in self.rows:
            yield from row.panels


def rendered(dashboard: Dashboard) -> str:
    """The dashboard as Grafana takes it, in JSON."""
    return json.dumps(_document(dashboard), indent=1, ensure_ascii=False) + "\n"


def _document(dashboard: Dashboard) -> Json:
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": ["gateway"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "15s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [_datasource(), _variable("job", "gateway_info"), _instances()]},
        "links": [{"type": "dashboards", "tags": ["gateway"], "title": "Gateway", "asDropdown": False}],
        "panels": list(_laid_out(dashboard.rows)),
    }


def _datasource() -> Json:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}


def _instances() -> Json:
    """All processes of the chosen jobs: those too that do not answer, which have no series of the gateway's."""
    return _variable("instance", 'up{job=~"$job"}') | {"allValue": ".*"}


def _variable(label: str, metric: str) -> Json:
    """What a label may be. `All` of a variable without `allValue` is each value that was found, and nothing else."""
    return {
        "name": label,
        "label": label.capitalize(),
        "type": "query",
        "datasource": _DATASOURCE,
        "query": {"query": f"label_values({metric}, {label})", "refId": label},
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
    }


def _laid_out(rows: tuple[Row, ...]) -> Iterator[Json]:
    """Every row's title and its panels, from left to right; the next line begins where one does not fit or is of another kind."""
    number, top = 0, 0
    for row in rows:
        number += 1
        title = {"id": number, "type": "row", "title": row.title, "collapsed": False, "panels": []}
        yield title | {"gridPos": _place(0, top, COLUMNS, 1)}
        top, left, height = top + 1, 0, 0
        for panel in row.panels:
            number += 1
            if left + WIDTH[panel.kind] > COLUMNS or height not in (0, HEIGHT[panel.kind]):
                top, left = top + height, 0
            height = HEIGHT[panel.kind]
            yield {"id": number, **_drawn(panel), "gridPos": _place(left, top, WIDTH[panel.kind], height)}
            left += WIDTH[panel.kind]
        top += height


def _place(left: int, top: int, width: int, height: int) -> Json:
    return {"x": left, "y": top, "w": width, "h": height}


def _drawn(panel: Panel) -> Json:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": _DATASOURCE,
        "targets": [
            {"refId": letter, "datasource": _DATASOURCE, "expr": query.expr, "legendFormat": query.legend or "__auto"}
            for letter, query in zip(ascii_uppercase, panel.queries, strict=False)
        ],
        "fieldConfig": {"defaults": _field(panel), "overrides": []},
        "options": _options(panel.kind),
    }


def _field(panel: Panel) -> Json:
    lines = {"fillOpacity": 30 if panel.stacked else 5, "showPoints": "never", "thresholdsStyle": {"mode": "dashed"}}
    if panel.stacked:
        lines["stacking"] = {"mode": "normal"}
    if panel.limits is None:
        lines["thresholdsStyle"] = {"mode": "off"}
    field: Json = {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": _steps(panel.limits)}, "min": 0}
    if panel.kind == "timeseries":
        field["custom"] = lines
    return field


def _steps(limits: tuple[float, float] | None) -> list[Json]:
    if limits is None:
        return [{"color": "green", "value": None}]
    look, bad = limits
    if look < bad:
        return [{"color": "green", "value": None}, {"color": "orange", "value": look}, {"color": "red", "value": bad}]
    return [{"color": "red", "value": None}, {"color": "orange", "value": bad}, {"color": "green", "value": look}]


def _options(kind: Kind) -> Json:
    if kind == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"}
    return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
