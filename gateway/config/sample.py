"""The commented sample of the configuration file, made from the settings' own documentation.

`python -m gateway.config.sample > docs/gateway.toml` writes it anew; a test keeps the two equal.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

from gateway import config as tree
from gateway.config import AppSettings, Config
from gateway.config.values import APP_API_KEY_VARIABLE, APP_ID_VARIABLE, APP_SECRET_VARIABLE, variable_of

_WIDTH = 118
_HEADER = f"""\
Every setting of the gateway with its default. Take the # off a line to change it.

Flags of the command line win over environment variables, these over this file, this over the defaults. The variable of
a setting is {variable_of("SECTION.NAME")}, such as {variable_of("listen.port")}; of one without a section
{variable_of("NAME")}, such as {variable_of("log_level")}. Lists are written with commas there. A single app can be given as
{APP_ID_VARIABLE} and {APP_SECRET_VARIABLE}, with {APP_API_KEY_VARIABLE} if it has one.

Durations are in seconds, sizes in bytes. A relative path starts at the folder of this file.
"""


def field_docs() -> Mapping[str, str]:
    """What the settings tree says of each section's class and of each field, by `Class` and `Class.field`."""
    docs: dict[str, str] = {}
    for node in ast.parse(inspect.getsource(tree)).body:
        if isinstance(node, ast.ClassDef):
            docs[node.name] = " ".join((ast.get_docstring(node) or "").split())
            for field, after in zip(node.body, node.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    docs[f"{node.name}.{field.target.id}"] = _text(after)
    return docs


def _text(node: ast.stmt) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(node.value.value.split())
    return ""


def sample() -> str:
    """The whole text of `docs/gateway.toml`."""
    docs, defaults = field_docs(), Config()
    lines = [f"# {line}".rstrip() for line in _HEADER.splitlines()]
    lines += _settings(defaults, docs, ())
    for field in dataclasses.fields(Config):
        section = getattr(defaults, field.name)
        if dataclasses.is_dataclass(section) and not isinstance(section, type):
            lines += ["", "", *_comment(docs[type(section).__name__]), f"[{field.name}]", *_settings(section, docs, ())]
    lines += ["", "", *_comment(docs["AppSettings"] + " One table per app, named by its appID.")]
    lines += ["# [apps.1234567890]", *_settings(AppSettings(secret=""), docs, ("secret",))]
    return "\n".join(lines) + "\n"


def _settings(values: object, docs: Mapping[str, str], required: tuple[str, ...]) -> Iterator[str]:
    assert dataclasses.is_dataclass(values)
    for field in dataclasses.fields(values):
        value = getattr(values, field.name)
        if dataclasses.is_dataclass(value) or isinstance(value, Mapping):
            continue
        yield ""
        yield from _comment(docs[f"{type(values).__name__}.{field.name}"] + (" Required." if field.name in required else ""))
        yield f"# {field.name} = {_toml(value)}"


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, _WIDTH)]


def _toml(value: object) -> str:
    if value is None:
        return '""'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:_}"
    if isinstance(value, float):
        return f"{value:g}" if value % 1 else f"{int(value)}"
    if isinstance(value, tuple):
        return json.dumps(list(value))
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)


if __name__ == "__main__":
    print(sample(), end="")
