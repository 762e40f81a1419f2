"""Fuzz targets: one module per parser, each with `one_input(data)`.

`python -m tests.fuzz.rtmp_chunks [-max_total_time=30] [CORPUS_DIR]` runs one with coverage guidance (atheris, libFuzzer's
flags). `one_input` lets only unexpected exceptions out, so that it can also be called without atheris.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from types import FunctionType, ModuleType

_OURS = ("adapters.", "gateway.")


def run(one_input: Callable[[bytes], None]) -> None:
    """Fuzzes `one_input` until libFuzzer's limits are reached; our own modules that are imported by now are instrumented."""
    atheris = import_module("atheris")  # exists on Linux only
    for module in [module for name, module in sys.modules.items() if name.startswith(_OURS)]:
        for function in _functions(module):
            atheris.instrument_func(function)
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    """The functions and methods that a module defines."""
    for value in vars(module).values():
        members = vars(value).values() if inspect.isclass(value) else (value,)
        for member in members:
            function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                yield function
