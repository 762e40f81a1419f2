"""Structured logs: one line per event, `key=value` after a short sentence, as text or as JSON.

Secrets mask themselves where they are printed (`StreamKey`, `AccessRequest`); nothing here could reveal one.
"""

from __future__ import annotations

import ast
import logging
import re
import sys
import time

import msgspec

_FIELD = re.compile(r"""(\w+)=('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\S+)""")
"""A value is a word, or the `repr` of a text: what others say is logged like that, and nothing in it is a field."""


class _Json(logging.Formatter):
    """A line as a JSON object: time, level, logger, message, and each `key=value` as a member of its own."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        line: dict[str, str] = {name: _plain(value) for name, value in _FIELD.findall(message)}
        line |= {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": message,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def _plain(value: str) -> str:
    """What a quoted value says; halves of characters, which JSON cannot hold, stay escaped."""
    if value[0] not in "'\"":
        return value
    try:
        return str(ast.literal_eval(value)).encode(errors="backslashreplace").decode()
    except (SyntaxError, ValueError):  # not a repr after all
        return value


def set_up_logging(level: str, form: str) -> None:
    """Sends everything to standard error. `form`: `text` or `json`."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s %(message)s")
    handler.setFormatter(_Json() if form == "json" else text)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("sanic.root").setLevel(logging.WARNING)
    logging.getLogger("websockets").setLevel(logging.WARNING)
