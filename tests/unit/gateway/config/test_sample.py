"""The commented sample configuration is the settings tree itself."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from gateway.config import AppSettings, Config
from gateway.config.sample import field_docs, sample
from gateway.config.sources import load
from gateway.config.values import FIELDS

SAMPLE = Path(__file__).resolve().parents[4] / "docs" / "gateway.toml"


def test_the_sample_is_up_to_date() -> None:
    assert SAMPLE.read_text("utf-8") == sample(), "write it anew: python -m gateway.config.sample > docs/gateway.toml"


def test_as_it_is_the_sample_changes_nothing() -> None:
    assert load({}, {}, SAMPLE).config == Config()


def test_with_every_line_taken_in_the_sample_gives_the_defaults(tmp_path: Path) -> None:
    text = re.sub(r"^# (?=\w+ = |\[apps)", "", sample(), flags=re.MULTILINE).replace('\nsecret = ""', f'\nsecret = "{"s" * 32}"')
    file = tmp_path / "gateway.toml"
    file.write_text(text, "utf-8")
    assert load({}, {}, file).config == dataclasses.replace(Config(), apps={"1234567890": AppSettings("s" * 32)})


def test_every_setting_appears_once_per_section_with_its_documentation() -> None:
    written = re.findall(r"^# \S.*\n# (\w+) = ", sample(), flags=re.MULTILINE)
    assert sorted(written) == sorted(name.rpartition(".")[2] for name in FIELDS)


def test_every_setting_and_section_is_documented() -> None:
    docs = field_docs()
    sections = {field.name: type(getattr(Config(), field.name)).__name__ for field in dataclasses.fields(Config)}
    for name in FIELDS:
        section, _, field = name.rpartition(".")
        owner = "AppSettings" if section == "apps.*" else sections[section] if section else "Config"
        assert docs[owner], owner
        assert docs[f"{owner}.{field}"], name
