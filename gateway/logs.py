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

_FIELD = re.compile(r""" ?(\w+)=('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\S+)""")
"""A value is a word, or the `repr` of a text: what others say is logged like that, and nothing in it is a field."""


class _Json(logging.Formatter):
    """A line as a JSON object: time, level, logger, message, and each `key=value` as a member of its own. Quoted values, which
    may be long, are left out of the message."""

    def format(self, record: logging.LogRecord) -> str:
        own = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        line: dict[str, str] = {}

        def member(field: re.Match[str]) -> str:
            name, value = field.groups()
            text = _said(value)
            if name in (*own, *line, "message", "exception"):
                return field[0]
            line[name] = value if text is None else text
            return field[0] if text is None else ""

        message = _FIELD.sub(member, record.getMessage())
        line |= own | {"message": message}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def _said(value: str) -> str | None:
    """What a quoted value says; halves of characters, which JSON cannot hold, stay escaped. None: it is not quoted."""
    if value[0] not in "'\"":
        return None
    try:
        return str(ast.literal_eval(value)).encode(errors="backslashreplace").decode()
    except (SyntaxError, ValueError):  # not a repr after all
        return None


def set_up_logging(level: str, form: str) -> None:
    """Sends everything to standard error. `form`: `text` or `json`."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s %(message)s")
    handler.setFormatter(_Json() if form == "json" else text)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("sanic.root").setLevel(logging.WARNING)
    logging.getLogger("websockets").setLevel(logging.WARNING)
