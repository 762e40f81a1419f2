"""The document about reports says what the code does: its examples are taken whole, and its tables are those of the code."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct, inspect

from gateway.config import MIB, AppSettings, Config
from gateway.http.bodies import _IN_FLIGHT
from gateway.http.client_logs import TEXT_BYTES
from gateway.http.intake import BYTES_PER_REPORT, Reports, Taken
from gateway.quality.report_shapes import Stats, Status, ZegoAudio, ZegoVideo
from gateway.quality.reports import Dropped, Told
from gateway.quality.watch import LATE

TEXT = (Path(__file__).parents[4] / "docs" / "reports.md").read_text("utf-8")
BLOCKS: list[dict[str, Any]] = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", TEXT, re.S | re.M)]
REPORTS = [block for block in BLOCKS if "event" in block]
BATCHES = [block for block in BLOCKS if "reports" in block]
CONFIG = Config(apps={"1": AppSettings("a secret of the tests, long enough for them", debug=True)})


class Taking:
    """Takes reports and keeps nothing."""

    def reports(self, app: str, room_id: str, user_id: str, told: Iterable[Told]) -> None:
        pass


def _taken(batch: dict[str, Any]) -> Taken:
    door = Reports(CONFIG, Taking(), Counter(), lambda: 0.0, lambda: 1_767_225_600.0)
    return door.take(json.dumps(batch).encode(), "")


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: str(report["event"]))
def test_nothing_of_an_example_is_left_out(report: dict[str, Any]) -> None:
    assert _taken({"appID": 1, "roomID": "r", "userID": "u", "reports": [report]}) == Taken(1, {})


def test_every_event_has_an_example() -> None:
    assert {report["event"] for report in REPORTS} == {"bindstatechange", "bindnetstatus", "binderror", "stats"}


def test_the_batch_is_answered_as_it_says() -> None:
    (batch,) = BATCHES
    (answer,) = (block for block in BLOCKS if "taken" in block)
    assert msgspec.to_builtins(_taken(batch)) == answer


def _ranges(kind: type[Struct]) -> dict[str, tuple[float, float] | None]:
    """Its members and the numbers that they may be."""
    shape = inspect.type_info(kind)
    assert isinstance(shape, inspect.StructType)
    found: dict[str, tuple[float, float] | None] = {}
    for one in shape.fields:
        assert isinstance(one.type, inspect.UnionType)
        (said,) = (part for part in one.type.types if not isinstance(part, inspect.NoneType))
        if isinstance(said, inspect.FloatType):
            assert said.ge is not None
            assert said.le is not None
            found[one.encode_name] = (said.ge, said.le)
        elif isinstance(said, inspect.BoolType):
            found[one.encode_name] = None
    return found


def _table(heading: str) -> dict[str, tuple[float, float] | None]:
    """The members of the table below a heading, and their ranges."""
    part = TEXT.split(f"\n### {heading}\n")[1].split("\n#")[0]
    found: dict[str, tuple[float, float] | None] = {}
    for line in part.splitlines():
        if line.startswith("| `"):
            first, *_, last = (cell.strip() for cell in line.strip("|").split("|"))
            low, _, high = last.partition(" to ")
            for name in re.findall(r"`(\w+)`", first):
                found[name] = (float(low), float(high)) if high else None
    return found


def test_every_member_of_netstatus_has_its_range() -> None:
    assert _table("bindnetstatus") == _ranges(Status)


def test_every_member_of_stats_has_its_range() -> None:
    own = _table("stats")
    assert own.items() <= _ranges(Stats).items()
    for name in (_ranges(Stats).keys() - own.keys()) | _ranges(ZegoVideo).keys() | _ranges(ZegoAudio).keys():
        assert re.search(rf'[`"]{name}[`"]', TEXT), name


def test_every_reason_is_explained() -> None:
    part = TEXT.split("| Reason | |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", part, re.M)) == {reason.value for reason in Dropped}


def test_each_limit_is_the_default() -> None:
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \| (`\w+\.\w+`[^|]*) \|$", TEXT.split("## Limits")[1], re.M)
    assert len(rows) == 8
    for told, names in rows:
        numbers = [float(number) for number in re.findall(r"\d+", told)]
        settings = [name.split(".") for name in re.findall(r"`(\w+\.\w+)`", names)]
        assert numbers == [getattr(getattr(CONFIG, part), name) for part, name in settings], names


def test_numbers_within_the_text_are_those_of_the_code() -> None:
    assert f"A report that is more than {LATE:g} s old" in TEXT
    assert f"at least one for each\n{BYTES_PER_REPORT} bytes" in TEXT
    assert f"{_IN_FLIGHT // MIB} MiB are on their way" in TEXT
    assert f"The first {TEXT_BYTES} bytes of an upload" in TEXT
    assert f"{CONFIG.quality.logs_in_all * 86_400 / 2**30:.1f} GiB a day" in TEXT
