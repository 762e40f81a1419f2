"""A measurement that fails is a point that is missed, and the others are made all the same."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.bench import bench, run
from tests.bench.measure import Record
from tests.bench.run import QUICK, Plan, Step


def _record() -> Record:
    server = {"server_cpu": 0.01, "rss_mb": 50.0, "fds": 9, "machine_busy_cores": 0.1}
    return {"test": "idle", "label": "gateway", "n": 0, "server": server}


def _broken() -> Record:
    raise RuntimeError("mload ended with 1 before it had measured\nmore of it")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "PAUSE", 0.0)


def test_one_that_fails_is_missed_and_the_next_is_made(tmp_path: Path) -> None:
    def steps(plan: Plan, repeats: int, folder: Path) -> Generator[Step, None, None]:
        yield _broken
        yield _record

    records, failed = run._measured(steps, QUICK, 1, tmp_path / "out.jsonl")
    assert records == [_record()]
    assert [str(verdict) for verdict in failed] == [
        "MISSED a measurement failed: mload ended with 1 before it had measured (limit: none fails)"
    ]


def test_a_server_that_does_not_start_is_missed(tmp_path: Path) -> None:
    def steps(plan: Plan, repeats: int, folder: Path) -> Generator[Step, None, None]:
        yield _record
        raise OSError("no such program")

    records, failed = run._measured(steps, QUICK, 1, tmp_path / "out.jsonl")
    assert (len(records), len(failed)) == (1, 1)


def test_servers_end_before_the_folder_in_which_they_write(tmp_path: Path) -> None:
    seen: list[bool] = []

    def steps(plan: Plan, repeats: int, folder: Path) -> Generator[Step, None, None]:
        try:
            yield _interrupted
        finally:
            seen.append(folder.exists())

    def _interrupted() -> Record:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run._measured(steps, QUICK, 1, tmp_path / "out.jsonl")
    assert seen == [True]
