"""`gateway token --dialect`: tokens in the vendors' forms, for trying things out."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.dialects import Dialects, form_of
from gateway import __main__ as cli
from gateway.config.sources import load

NOW = 1_800_000_000.0
SETTINGS = f"""
[apps.7]
secret = "{"s3cr3t-" * 5}"
token_formats = ["jwt", "token04", "nertc", "permission_key"]
server_secret = "{"0123456789abcdef" * 2}"
nertc_secret = "twelve bytes"
permission_secret = "twelve bytes"
[apps.8]
secret = "{"s3cr3t-" * 5}"
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cli.time, "time", lambda: NOW)
    file = tmp_path / "gateway.toml"
    file.write_text(SETTINGS, "utf-8")
    return file


def run(file: Path, words: str) -> int:
    try:
        return cli.main(["token", "--config", str(file), *words.split()], {})
    except SystemExit as end:
        return int(end.code or 0)


@pytest.mark.parametrize(
    ("form", "ttl"), [("jwt", 86_400), ("token04", 86_400), ("nertc", 23 * 3600), ("permission_key", 86_400)]
)
def test_it_is_accepted_and_lasts_as_long_as_told(file: Path, form: str, ttl: int, capsys: pytest.CaptureFixture[str]) -> None:
    apps = load({}, {}, file).config.apps
    for words, expected in (("", ttl), ("--ttl 90s", 90)):
        assert run(file, f"--app 7 --user 42 --room r --dialect {form} {words}") == 0
        text = capsys.readouterr().out.strip()
        assert form_of(text) == form
        token = Dialects(apps).verify(text, app="7", user="42", room="r", now=NOW)
        assert (token.room, token.may_publish, token.expires_at) == ("r", True, NOW + expected)


def test_two_are_never_the_same(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert run(file, "--app 7 --user ann --dialect token04") == 0
    first, second = capsys.readouterr().out.split()
    assert first != second


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--app 8 --user 42 --dialect token04", "--dialect token04: the app accepts jwt (its setting token_formats)"),
        ("--app 7 --user 42 --dialect nertc", "are for one room: name it"),
        ("--app 7 --user 42 --room r --dialect nertc --no-publish", "use a permission key"),
        ("--app 7 --user 42 --room r --dialect nertc --ttl 2d", "less than 86400 seconds"),
        ("--app 7 --user ann --room r --dialect permission_key", "whose ID is a number"),
        ("--app 7 --user 42 --dialect other", "invalid choice"),
    ],
)
def test_what_cannot_be_made_is_told_in_one_line(file: Path, words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(file, words) == 2
    errors = capsys.readouterr().err
    assert said in errors
    assert errors.count("\n") == 1
