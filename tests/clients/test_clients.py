"""The client SDKs: their tests, which are JavaScript and run by Node against a real gateway; their types; their dist files."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.tools import ROOT, TOOLS, MissingProgramError, program

FOLDER = Path(__file__).parent
CLIENTS = ROOT / "clients"
TSC = TOOLS / "npm" / "test" / "node_modules" / ".bin" / "tsc"
LARGEST = 80_000
"""Bytes that one SDK may have, unminified."""
DEADLINE = 420
"""Seconds that one file of tests may take."""
_ALONE = 360_000
"""Milliseconds after which Node says which test hangs."""


def _node() -> str:
    try:
        return program("node")
    except MissingProgramError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    """One gateway for all files that can share one, as JSON for them."""
    script = FOLDER / "support" / "serve.mjs"
    process = subprocess.Popen([_node(), script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        about = process.stdout.readline()
        assert about, "the gateway did not start"
        yield json.dumps(json.loads(about))
    finally:
        process.stdin.close()
        process.wait(30)


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.test.mjs")))
def test_module(name: str, gateway: str) -> None:
    words = [_node(), "--test", "--test-force-exit", f"--test-timeout={_ALONE}", FOLDER / name]
    environment = os.environ | {"GATEWAY_UNDER_TEST": gateway}
    ran = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE, check=False, env=environment, cwd=ROOT)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    passed = re.search(r"^# pass (\d+)$", ran.stdout, re.MULTILINE)
    assert passed, ran.stdout
    assert int(passed[1]) > 0, ran.stdout


@pytest.mark.parametrize("project", sorted(path.name for path in CLIENTS.glob("tsconfig*.json")))
def test_types(project: str) -> None:
    _node()
    checked = subprocess.run([TSC, "--project", CLIENTS / project], capture_output=True, text=True, timeout=120, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_what_is_handed_out_is_what_the_modules_make() -> None:
    packed = subprocess.run([_node(), CLIENTS / "pack.mjs", "--check"], capture_output=True, text=True, timeout=60, check=False)
    assert packed.returncode == 0, packed.stdout + packed.stderr


def test_what_is_handed_out_is_small_and_can_be_read() -> None:
    for file in sorted((CLIENTS / "dist").glob("*.*js")):
        assert file.stat().st_size < LARGEST, file.name
        loaded = subprocess.run([_node(), "--check", file], capture_output=True, text=True, timeout=60, check=False)
        assert loaded.returncode == 0, loaded.stderr


def test_only_the_platforms_touch_the_world() -> None:
    worldly = re.compile(
        r"\b(?:wx|window|document|fetch|globalThis|performance)\b|\bDate\.now\b|\bMath\.random\b|(?<![.\w])setTimeout\("
    )
    for path in sorted((CLIENTS / "core").glob("*.js")):
        code = re.sub(r"/\*.*?\*/|^\s*//.*$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
        assert not worldly.search(code), path.name


def test_every_module_says_what_it_is_for_and_keeps_to_its_measures() -> None:
    for path in sorted(CLIENTS.rglob("*.js")) + sorted(CLIENTS.glob("*.mjs")):
        if {"dist", "sdk", "miniprogram"} & set(path.relative_to(CLIENTS).parts[:-1]):
            continue
        lines = path.read_text().splitlines()
        name = str(path.relative_to(CLIENTS))
        assert lines[0].startswith(("// ", "/**")), name
        assert max(map(len, lines)) <= 130, name
