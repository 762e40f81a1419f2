"""Where settings come from: flags of the command line over `GATEWAY_…` variables over the TOML file over the defaults.

A variable names its setting in capitals, with two underscores between section and field: `GATEWAY_LISTEN__PORT`,
`GATEWAY_LOG_LEVEL`. Lists are written with commas; an empty variable counts as not set. One app can be given as
`GATEWAY_APP_ID` and `GATEWAY_APP_SECRET` (and `GATEWAY_APP_API_KEY`); more of them go into the file. A relative path in
the file starts at the file's folder.

Every mistake is a `ConfigError` of one line that says which setting, from where, and what is expected; it never holds a
secret's value. An unknown variable is only warned of, because others may set variables with our prefix; those that
Kubernetes makes for a service called `gateway` are passed over in silence.
"""

from __future__ import annotations

import difflib
import re
import tomllib
import typing
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.auth.tokens import SECRET_BYTES, check_secret
from gateway.config import AppSettings, Config
from gateway.config.checks import check_app, check_key, check_together, development_addresses
from gateway.config.values import (
    APP_API_KEY_VARIABLE,
    APP_ID_VARIABLE,
    APP_SECRET_VARIABLE,
    FIELDS,
    FILE_VARIABLE,
    PREFIX,
    ConfigError,
    Given,
    shown,
    typed_value,
    variable_of,
)

APP_ID_BYTES = 128

_RESERVED = (FILE_VARIABLE, APP_ID_VARIABLE, APP_SECRET_VARIABLE, APP_API_KEY_VARIABLE)
_KUBERNETES = re.compile(
    r"GATEWAY_(?:[A-Z0-9_]+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)"
)
_KUBERNETES_PORT = re.compile(r"(?:tcp|udp|sctp)://")
_SECTIONS = tuple(dict.fromkeys(name.partition(".")[0] for name in FIELDS if "." in name))
_VARIABLES: Mapping[str, str] = {variable_of(name): name for name in FIELDS if not name.startswith("apps.")}


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and what the operator should hear about where they came from."""

    config: Config
    warnings: tuple[str, ...]


def load(flags: Mapping[str, object], environ: Mapping[str, str], file: Path | None = None) -> Loaded:
    """All settings, checked one by one and against each other.

    `flags`: values by dotted name; None means not given. `file`: the TOML file; None: the one `GATEWAY_CONFIG` names, if
    it does. Development mode gets its addresses here (loopback). Raises ConfigError.
    """
    if file is None and environ.get(FILE_VARIABLE):
        file = Path(environ[FILE_VARIABLE])
    given = _from_file(file) if file is not None else {}
    warnings = _from_environment(environ, given)
    for name, value in flags.items():
        if value is not None:
            given[name] = Given(value, "--" + name.rpartition(".")[2].replace("_", "-"))
    config = development_addresses(_build(given), given)
    check_together(config)
    if not config.dev:
        warnings += [f"app {app} is in debug mode: anybody may join it" for app, one in config.apps.items() if one.debug]
    return Loaded(config, tuple(warnings))


def nearest(name: str, known: Iterable[str]) -> str:
    """` (did you mean …?)` with the known name that `name` is likeliest meant to be, or nothing."""
    names = {one.lower(): one for one in known}
    ends = {_end(one): one for one in names.values()}
    close = difflib.get_close_matches(name.lower(), names, 1, 0.85)
    end = difflib.get_close_matches(_end(name), ends, 1, 0.7)
    meant = names[close[0]] if close else ends[end[0]] if end else ""
    return f" (did you mean {meant}?)" if meant else ""


def _end(name: str) -> str:
    """The field's own name in a dotted name or in a variable's."""
    return re.split(r"__|\.", name.removeprefix(PREFIX))[-1].lower()


def _from_file(file: Path) -> dict[str, Given]:
    try:
        tree = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: is not TOML: {error}") from None
    given: dict[str, Given] = {}
    for key, value in tree.items():
        if key == "apps":
            for app, settings in _table(file, key, value).items():
                if settings == {}:
                    raise ConfigError(f"{file}: [apps.{app}] is empty: secret is required")
                _take_table(file, f"apps.{app}", "apps.*", settings, given)
        elif key in _SECTIONS:
            _take_table(file, key, key, value, given)
        elif key in FIELDS:
            given[key] = Given(value, str(file), file.parent)
        else:
            raise ConfigError(f"{file}: there is no setting {key}{nearest(key, (*FIELDS, *_SECTIONS))}")
    return given


def _table(file: Path, name: str, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ConfigError(f"{file}: {name} has to be a table, [{name}]")
    return value


def _take_table(file: Path, name: str, pattern: str, value: object, given: dict[str, Given]) -> None:
    for key, inner in _table(file, name, value).items():
        if f"{pattern}.{key}" not in FIELDS:
            known = [field.replace(pattern, name) for field in FIELDS]
            raise ConfigError(f"{file}: there is no setting {name}.{key}{nearest(f'{name}.{key}', known)}")
        given[f"{name}.{key}"] = Given(inner, str(file), file.parent)


def _from_environment(environ: Mapping[str, str], given: dict[str, Given]) -> list[str]:
    """Takes what the environment says into `given`; returns a warning for each variable that means nothing."""
    warnings = []
    for variable, value in sorted(environ.items()):
        if variable in (*_VARIABLES, *_RESERVED) and not _is_utf8(value):
            raise ConfigError(f"{variable} is not UTF-8 text")
        if variable in _VARIABLES:
            if value:
                given[_VARIABLES[variable]] = Given(value, variable)
        elif variable.startswith(PREFIX) and variable not in _RESERVED and not _is_kubernetes(variable, value):
            hint = nearest(variable, (*_VARIABLES, *_RESERVED))
            warnings.append(f"the variable {variable} means nothing to the gateway{hint}")
    app, secret = environ.get(APP_ID_VARIABLE, ""), environ.get(APP_SECRET_VARIABLE, "")
    if bool(app) != bool(secret):
        raise ConfigError(f"{APP_ID_VARIABLE} and {APP_SECRET_VARIABLE} go together: only one of them is set")
    if app:
        given[f"apps.{app}.secret"] = Given(secret, APP_SECRET_VARIABLE)
    if api_key := environ.get(APP_API_KEY_VARIABLE, ""):
        if not app:
            raise ConfigError(f"{APP_API_KEY_VARIABLE} goes with {APP_ID_VARIABLE}, which is not set")
        given[f"apps.{app}.api_key"] = Given(api_key, APP_API_KEY_VARIABLE)
    return warnings


def _is_utf8(text: str) -> bool:
    """False for what the system could not decode."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _is_kubernetes(variable: str, value: str) -> bool:
    return bool(_KUBERNETES.fullmatch(variable) or (variable.endswith("_PORT") and _KUBERNETES_PORT.match(value)))


def _build(given: Mapping[str, Given]) -> Config:
    top: dict[str, typing.Any] = {}
    sections: dict[str, dict[str, typing.Any]] = {}
    apps: dict[str, dict[str, typing.Any]] = {}
    for name, one in given.items():
        section, _, rest = name.partition(".")
        if section == "apps":
            app, _, key = rest.rpartition(".")
            apps.setdefault(app, {})[key] = typed_value(name, f"apps.*.{key}", one)
        elif rest:
            sections.setdefault(section, {})[rest] = typed_value(name, name, one)
        else:
            top[name] = typed_value(name, name, one)
    hints = typing.get_type_hints(Config)
    top |= {section: hints[section](**values) for section, values in sections.items()}
    return Config(**top, apps={app: _app(app, values) for app, values in apps.items()})


def _app(app: str, values: Mapping[str, typing.Any]) -> AppSettings:
    if not 0 < len(app.encode()) <= APP_ID_BYTES or any(unicodedata.category(one) == "Cc" for one in app):
        raise ConfigError(f"an appID has 1 to {APP_ID_BYTES} bytes and no control character, not {shown(app)}")
    if "secret" not in values:
        raise ConfigError(f"apps.{app}.secret is required: at least {SECRET_BYTES} bytes")
    try:
        check_secret(values["secret"])
    except ValueError as error:
        raise ConfigError(f"apps.{app}.secret: {error}") from None
    check_key(f"apps.{app}.api_key", values.get("api_key", ""))
    settings = AppSettings(**values)
    check_app(app, settings)
    return settings


