"""The tables of the documents, made from the code. `python -m tests.docs_tables` rewrites them in place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from adapters.dialects.numbers import TABLE, is_own
from gateway.errors import FAULTS
from gateway.quality.component_codes import CODES
from gateway.quality.measures import MEASURES, Limits, Unit
from gateway.quality.reports import Direction
from gateway.quality.troubles import TROUBLES
from gateway.signaling.close import CloseReason

_UNITS = {Unit.PART: (" %", 100), Unit.SECONDS: (" s", 1), Unit.PER_SECOND: (" per second", 1)}
"""How a value is written, and what it is multiplied with before."""
DOCS = Path(__file__).parent.parent / "docs"
ERRORS = DOCS / "errors.md"


def fault_table() -> str:
    """Every entry of the catalogue."""
    header = ("Number", "Name", "HTTP", "Retry", "English", "中文")
    rows = ((f"`{f.number}`", f"`{f.name}`", str(f.status), f.retry.value, f.en, f.zh) for f in FAULTS)
    return _table(header, rows)


def close_table() -> str:
    """Every reason for which the server closes a WebSocket."""
    header = ("Code", "Name", "Error", "Retry", "Reason in the close frame")
    rows = (
        (
            f"`{reason.code}`", f"`{reason.name}`",
            f"`{reason.fault.number}` {reason.fault.name}" if reason.fault else "none",
            reason.retry.value, f"`{reason.text()}`",
        )
        for reason in CloseReason
    )  # fmt: skip
    return _table(header, rows)


def code_table(direction: Direction) -> str:
    """Every code of one of WeChat's components."""
    header = ("Code", "Name", "Kind", "Leg", "Advice", "English", "中文")
    rows = (
        (
            f"`{code.number}`", f"`{code.name}`", code.kind.value, f"{code.leg}: {code.level.label}" if code.leg else "",
            code.advice.value, code.en, code.zh,
        )
        for code in CODES.values()
        if code.direction == direction
    )  # fmt: skip
    return _table(header, rows)


def trouble_table() -> str:
    """Everything that a check-up may find."""
    header = ("Number", "Name", "English", "中文", "What to change", "修改建议")
    return _table(header, ((f"`{t.number}`", f"`{t.name}`", t.en, t.zh, t.change_en, t.change_zh) for t in TROUBLES))


def measure_table() -> str:
    """Everything that says how a leg does."""
    header = ("Measure", "Leg", "By", "Fair", "Bad", "English", "中文")
    rows = (
        (
            f"`{m.name}`", ", ".join(sorted(m.legs)), m.source.value,
            *(_limit(m.unit, m.limits, m.live, bad=bad) for bad in (False, True)), m.en, m.zh,
        )
        for m in MEASURES.values()
    )  # fmt: skip
    return _table(header, rows)


def _limit(unit: Unit, limits: Limits, live: Limits | None, *, bad: bool) -> str:
    """Where a level begins, with its unit; empty if the measure cannot get there."""
    if unit is Unit.CODE:
        return "the code's"
    here, there = ((one.bad if bad else one.fair) if one else None for one in (limits, live))
    if here is None or here == float("inf"):
        return ""
    word, scale = _UNITS.get(unit, ("", 1))
    return f"{here * scale:g}{word}" + (f" ({there * scale:g}{word})" if there is not None else "")


def vendor_table() -> str:
    """What the vendors' programs are told of each error."""
    header = ("Number", "Name", "ZEGO", "ZEGO, of playing", "NERTC")
    rows = (
        (
            f"`{number}`", f"`{one.fault.name}`", f"`{one.zego}`" if is_own(number) else "the same",
            f"`{one.zego_playing}`" if one.zego_playing != one.zego else "", f"`{one.nertc}`",
        )
        for number, one in TABLE.items()
    )  # fmt: skip
    return _table(header, rows)


TABLES: Mapping[Path, Mapping[str, Callable[[], str]]] = {
    ERRORS: {"errors": fault_table, "close": close_table},
    DOCS / "quality.md": {"measures": measure_table},
    DOCS / "dialects.md": {"numbers": vendor_table},
    DOCS / "checkup.md": {"troubles": trouble_table},
    DOCS / "component-codes.md": {"live-pusher": partial(code_table, "push"), "live-player": partial(code_table, "pull")},
}
"""What makes each table, by document and name."""


def with_tables(document: Path) -> str:
    """The document's text with its tables made anew. Raises ValueError if it has no place for one."""
    text = document.read_text("utf-8")
    for name, table in TABLES[document].items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
        start = text.index(begin) + len(begin)
        text = text[:start] + table() + text[text.index(end, start) :]
    return text


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    for path in TABLES:
        path.write_text(with_tables(path), "utf-8")
