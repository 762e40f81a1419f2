"""One setting's value: the type that its field wants, made from what a file, a variable or a flag holds.

A mistake is a `ConfigError` that says which setting, from where, and what is expected; it never holds a secret's value.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.config import AppSettings, Config
from gateway.config.ranges import RANGES, TEXTS

PREFIX = "GATEWAY_"
"""What the environment variables of settings begin with."""
FILE_VARIABLE = "GATEWAY_CONFIG"
APP_ID_VARIABLE = "GATEWAY_APP_ID"
APP_SECRET_VARIABLE = "GATEWAY_APP_SECRET"
APP_API_KEY_VARIABLE = "GATEWAY_APP_API_KEY"
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_SHOWN = 60
"""Characters of a wrong value that an error shows."""


class ConfigError(Exception):
    """A setting is wrong. The text is one line for the operator."""


@dataclass(frozen=True, slots=True)
class Given:
    """One value as it was given."""

    value: object
    origin: str
    folder: Path | None = None
    """Where a relative path starts; None: the working folder."""


def _field_types() -> dict[str, object]:
    """The type of each setting by its dotted name; `apps.*.secret` and so on for the fields of an app."""
    found: dict[str, object] = {}
    for name, kind in typing.get_type_hints(Config).items():
        if name == "apps":
            found |= {f"apps.*.{inner}": hint for inner, hint in typing.get_type_hints(AppSettings).items()}
        elif isinstance(kind, type) and dataclasses.is_dataclass(kind):
            found |= {f"{name}.{inner}": hint for inner, hint in typing.get_type_hints(kind).items()}
        else:
            found[name] = kind
    return found


FIELDS: Mapping[str, object] = _field_types()
_SECRETS = ("secret", "api_key", "metrics_key", "app_sign", "store.url")
"""Ends of the names of settings whose values are never shown."""


def variable_of(name: str) -> str:
    """The environment variable of the setting with this dotted name."""
    return PREFIX + name.replace(".", "__").upper()


_KINDS: Mapping[object, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    tuple[str, ...]: "a list of texts",
    Path | None: "a path",
}


def typed_value(name: str, pattern: str, given: Given) -> object:
    """The value in its field's type. Raises ConfigError if it does not fit."""
    value, expected = _converted(FIELDS[pattern], given)
    if not expected and isinstance(value, int | float) and not isinstance(value, bool):
        low, high = RANGES.get(pattern, (0, math.inf))
        if not low <= value <= high or not math.isfinite(value):
            expected = f"{_KINDS[FIELDS[pattern]]} from {low:,g} to {high:,g}".replace(",", "_")
    if not expected and pattern in TEXTS:
        texts = value if isinstance(value, tuple) else (value,)
        expected = next((wanted for text in texts if text and (wanted := TEXTS[pattern](str(text)))), "")
    if expected:
        but = "" if pattern.endswith(_SECRETS) else f", not {shown(given.value)}"
        raise ConfigError(f"{name} (from {given.origin}): expected {expected}{but}")
    return value


def _converted(kind: object, given: Given) -> tuple[object, str]:
    """The value in the type `kind` and an empty text, or anything and what was expected."""
    value = given.value
    if kind is bool and isinstance(value, str) and value.lower() in _TRUE + _FALSE:
        return value.lower() in _TRUE, ""
    if kind in (int, float) and isinstance(value, str):
        try:
            return (int(value) if kind is int else float(value)), ""
        except ValueError:
            return None, _KINDS[kind]
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value), ""
    if kind in (int, float, bool, str) and type(value) is kind:
        return value, ""
    if kind == tuple[str, ...]:
        texts = [text.strip() for text in value.split(",")] if isinstance(value, str) else value
        if isinstance(texts, list | tuple) and all(isinstance(text, str) for text in texts):
            return tuple(text for text in texts if text), ""
    if isinstance(kind, types.UnionType) and isinstance(value, str | Path):
        return (Path(given.folder or "", value) if str(value) else None), ""
    return None, _KINDS[kind]


def shown(value: object) -> str:
    """A wrong value as an error shows it: bounded."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
