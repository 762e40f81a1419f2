"""The tables of `docs/errors.md`, made from the code. `python -m tests.docs_tables` rewrites them in place."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gateway.errors import FAULTS
from gateway.signaling.close import CloseReason

ERRORS = Path(__file__).parent.parent / "docs" / "errors.md"


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


def with_tables(text: str) -> str:
    """The document with its tables made anew. Raises ValueError if it has no place for one."""
    for name, table in (("errors", fault_table()), ("close", close_table())):
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
        start = text.index(begin) + len(begin)
        text = text[:start] + table + text[text.index(end, start) :]
    return text


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    ERRORS.write_text(with_tables(ERRORS.read_text("utf-8")), "utf-8")
