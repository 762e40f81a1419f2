"""The import rules of the design, checked on the source itself: `gateway` decides, `adapters` touch the world.

Each rule is a plain function from a source tree to the sentences that say what breaks it. It has to find nothing in the
product, and to find what it is there for in a small tree that breaks it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("gateway", "adapters")

COMPOSERS = ("gateway.app", "gateway.demo")
"""They build concrete objects, so they may know the adapters."""
SHELLS = ("gateway.http", "gateway.app")
USERS_OF_SHELLS = ("gateway.__main__", "gateway.serving", *COMPOSERS)
HOMES: Mapping[str, tuple[str, ...]] = {
    "sanic": ("gateway.http", "gateway.app"),
    "jwt": ("gateway.auth",),
    "prometheus_client": ("gateway.quality.metrics",),
    "aiortc": ("adapters.webrtc",),
    "aioice": ("adapters.webrtc",),
    "pylibsrtp": ("adapters.webrtc.aiortc_internals",),
    "OpenSSL": ("adapters.webrtc.aiortc_internals",),
    "av": ("adapters.media.audio", "adapters.media.video", "gateway.demo"),
    "motor": ("adapters.mongo.schema",),
    "pymongo": ("adapters.mongo",),
    "bson": ("adapters.mongo",),
    "cryptography": ("gateway.auth", "adapters.dialects"),
}
PURE = (
    "gateway.signaling.messages",
    "gateway.signaling.session",
    "gateway.rooms.model",
    "gateway.rooms.events",
    "gateway.rooms.record",
    "gateway.rooms.announcements",
    "gateway.signaling.events",
    "gateway.rooms.recorder",
    "gateway.rooms.backlog",
    "gateway.allowance",
    "gateway.auth",
    "gateway.quality.reports",
    "gateway.quality.report_shapes",
    "gateway.quality.batches",
    "gateway.quality.lenient",
    "gateway.quality.component_codes",
    "gateway.quality.verdict",
    "gateway.quality.measures",
    "gateway.quality.witness",
    "gateway.quality.presence",
    "gateway.quality.inbox",
    "gateway.quality.cases",
    "gateway.quality.readings",
    "gateway.quality.buckets",
    "gateway.quality.counters",
    "gateway.quality.overview",
    "gateway.http.pages.words",
    "gateway.quality.checkup",
    "gateway.quality.troubles",
    "gateway.quality.keeper",
    "gateway.quality.probe",
    "gateway.quality.entries",
    "gateway.quality.legs",
    "gateway.quality.effects",
    "gateway.quality.timeline",
    "gateway.quality.sweeps",
    "gateway.quality.notices",
    "gateway.quality.views",
    "gateway.signaling.quality",
    "adapters.media.meter",
    "adapters.media.outflow",
    "adapters.media.examination",
    "adapters.rtmp.handshake",
    "adapters.rtmp.chunks",
    "adapters.rtmp.amf0",
    "adapters.rtmp.amf3",
    "adapters.rtmp.messages",
    "adapters.rtmp.states",
    "adapters.rtmp.commands",
    "adapters.rtmp.conversation",
    "adapters.rtmp.connection",
    "adapters.dialects",
    "adapters.flv.tags",
    "adapters.flv.mux",
    "adapters.flv.demux",
    "adapters.media.units",
    "adapters.media.h264",
    "adapters.media.aac",
    "adapters.media.reordering",
    "adapters.media.rendition",
    "adapters.media.timeline",
    "adapters.webrtc.rtp",
    "adapters.webrtc.rtcp",
    "adapters.webrtc.packetizer",
    "adapters.webrtc.depacketizer",
    "adapters.webrtc.clock",
    "adapters.webrtc.reception",
    "adapters.webrtc.bandwidth",
    "adapters.webrtc.source",
    "adapters.webrtc.pictures",
    "adapters.webrtc.history",
    "adapters.webrtc.feed",
    "adapters.webrtc.packing",
    "adapters.webrtc.outlet",
    "adapters.webrtc.ice",
    "adapters.webrtc.tracks",
    "adapters.webrtc.negotiation",
    "adapters.webrtc.descriptions",
    "adapters.webrtc.writing",
)
IMPURE_IMPORTS = frozenset((
    "asyncio", "concurrent", "datetime", "logging", "multiprocessing", "os", "random", "secrets",
    "select", "selectors", "socket", "ssl", "subprocess", "threading", "time", "uuid",
))  # fmt: skip
IMPURE_CALLS = frozenset(("input", "open", "print"))
PROTOCOLS = ("adapters.rtmp", "adapters.flv", "adapters.webrtc")
BETWEEN_PROTOCOLS = {("adapters.rtmp", "adapters.flv.tags")}
BANNED_NAMES = frozenset(["manager", "managers", "helper", "helpers", "util", "utils", "common"])


@dataclass(frozen=True)
class Import:
    """One name that a module imports, resolved to the module that it comes from."""

    target: str
    line: int


@dataclass(frozen=True)
class Module:
    """One file of the source."""

    name: str
    tree: ast.Module
    imports: tuple[Import, ...]


def read_tree(root: Path) -> dict[str, Module]:
    """All modules of both packages below `root`, by name."""
    files: dict[str, Path] = {}
    for package in PACKAGES:
        for file in sorted((root / package).rglob("*.py")):
            parts = file.relative_to(root).with_suffix("").parts
            files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    modules = {}
    for name, file in files.items():
        tree = ast.parse(file.read_text("utf-8"), str(file))
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        modules[name] = Module(name, tree, tuple(_imports(tree, package, files)))
    return modules


def _imports(tree: ast.AST, package: str, known: Mapping[str, Path]) -> Iterator[Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            source = ".".join(filter(None, (above, node.module)))
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                yield Import(inner if inner in known else source, node.lineno)


def within(name: str, *places: str) -> bool:
    """Whether `name` is one of `places` or below one of them."""
    return any(name == place or name.startswith(place + ".") for place in places)


Modules = Mapping[str, Module]
Rule = Callable[[Modules], list[str]]


def _each_import(modules: Modules, breaks: Callable[[str, str], bool], sentence: str) -> list[str]:
    return [
        f"{module.name}:{one.line} imports {one.target}: {sentence}"
        for module in modules.values()
        for one in module.imports
        if breaks(module.name, one.target)
    ]


def core_knows_no_adapters(modules: Modules) -> list[str]:
    """Rule 1."""

    def breaks(name: str, target: str) -> bool:
        return within(name, "gateway") and name not in COMPOSERS and within(target, "adapters")

    return _each_import(modules, breaks, "declare a Protocol for what is needed, and take it by constructor")


def only_entries_know_the_shells(modules: Modules) -> list[str]:
    """Rule 2, first half."""

    def breaks(name: str, target: str) -> bool:
        within_http = within(name, "gateway.http") and within(target, "gateway.http")
        return within(target, *SHELLS) and name not in USERS_OF_SHELLS and not within_http

    return _each_import(modules, breaks, "only __main__, app and demo may")


def no_cycles(modules: Modules) -> list[str]:
    """Rule 2, second half."""
    edges = {name: {one.target for one in module.imports if one.target in modules} for name, module in modules.items()}
    done: set[str] = set()
    found = []

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            found.append("cycle: " + " -> ".join((*path[path.index(name) :], name)))
        elif name not in done:
            for target in sorted(edges[name]):
                visit(target, (*path, name))
            done.add(name)

    for name in modules:
        visit(name, ())
    return found


def no_import_inside_a_function(modules: Modules) -> list[str]:
    """Rule 2, the way around it."""
    found = set()
    for module in modules.values():
        for outer in ast.walk(module.tree):
            if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                inner = (node for node in ast.walk(outer) if isinstance(node, ast.Import | ast.ImportFrom))
                found |= {f"{module.name}:{node.lineno} imports inside a function" for node in inner}
            if isinstance(outer, ast.Call) and _called(outer) in ("__import__", "import_module"):
                found.add(f"{module.name}:{outer.lineno} imports by a call")
    return sorted(found)


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def libraries_have_one_home(modules: Modules) -> list[str]:
    """Rule 3."""

    def breaks(name: str, target: str) -> bool:
        library = target.partition(".")[0]
        return library in HOMES and not within(name, *HOMES[library])

    return _each_import(modules, breaks, "the library has another home")


def pure_modules_are_pure(modules: Modules) -> list[str]:
    """Rule 4."""
    pure = {name: module for name, module in modules.items() if within(name, *PURE)}
    found = _each_import(pure, lambda _, target: target.partition(".")[0] in IMPURE_IMPORTS, "the module has to be pure")
    for module in pure.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
                found.append(f"{module.name}:{node.lineno} is asynchronous: the module has to be pure")
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
                found.append(f"{module.name}:{node.lineno} calls {node.func.id}: the module has to be pure")
    return found


def protocols_meet_only_in_media(modules: Modules) -> list[str]:
    """Rule 5."""

    def breaks(name: str, target: str) -> bool:
        if not within(name, "adapters") or not within(target, *PROTOCOLS):
            return False
        own = next((protocol for protocol in PROTOCOLS if within(name, protocol)), "")
        return not within(target, own) and (own, target) not in BETWEEN_PROTOCOLS

    return _each_import(modules, breaks, "protocols meet only in adapters.media")


def names_say_what_it_is(modules: Modules) -> list[str]:
    """Section 2: the words that are never used."""
    return [
        f"{name}: {part} says nothing" for name in modules for part in name.split(".") if BANNED_NAMES & set(part.split("_"))
    ]


RULES: tuple[Rule, ...] = (
    core_knows_no_adapters,
    only_entries_know_the_shells,
    no_cycles,
    no_import_inside_a_function,
    libraries_have_one_home,
    pure_modules_are_pure,
    protocols_meet_only_in_media,
    names_say_what_it_is,
)


@pytest.fixture(scope="module")
def product() -> Modules:
    modules = read_tree(ROOT)
    assert "gateway.config" in modules
    assert "adapters.media.units" in modules
    return modules


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_product_keeps(rule: Rule, product: Modules) -> None:
    assert rule(product) == []


def sources(**files: str) -> dict[str, str]:
    """A tree by module name, with `__` for the dot."""
    return {name.replace("__", "/") + ".py": text for name, text in files.items()}


def planted(root: Path, files: Mapping[str, str]) -> Modules:
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return read_tree(root)


ADAPTER = sources(adapters__rtmp__server="")
VIOLATIONS: list[tuple[Rule, dict[str, str]]] = [
    (core_knows_no_adapters, ADAPTER | sources(gateway__rooms__model="import adapters.rtmp.server")),
    (core_knows_no_adapters, ADAPTER | sources(gateway__timers="from adapters.rtmp import server")),
    (core_knows_no_adapters, ADAPTER | {"gateway/__main__.py": "from adapters.rtmp.server import x"}),
    (only_entries_know_the_shells, sources(gateway__http__flv="", gateway__rooms__model="from gateway.http import flv")),
    (only_entries_know_the_shells, sources(gateway__app="", gateway__http__flv="import gateway.app")),
    (only_entries_know_the_shells, sources(gateway__http__flv="", adapters__flv__player="from gateway.http.flv import x")),
    (no_cycles, sources(gateway__a="import gateway.b", gateway__b="from gateway import c", gateway__c="from .a import x")),
    (no_cycles, sources(gateway__a="from gateway.a import x")),
    (no_import_inside_a_function, sources(gateway__a="def f():\n    import json")),
    (no_import_inside_a_function, sources(gateway__a="class A:\n    async def f(self):\n        from gateway import b")),
    (no_import_inside_a_function, sources(gateway__a="import importlib\nimportlib.import_module('gateway.b')")),
    *(
        (libraries_have_one_home, sources(gateway__signaling__methods=f"import {library}.part"))
        for library in HOMES
    ),
    (libraries_have_one_home, sources(adapters__media__stream="from av import open")),
    (libraries_have_one_home, sources(gateway__quality__verdict="from prometheus_client import Counter")),
    *((pure_modules_are_pure, sources(gateway__auth__tokens=f"import {library}")) for library in sorted(IMPURE_IMPORTS)),
    (pure_modules_are_pure, sources(adapters__rtmp__chunks="from time import monotonic")),
    (pure_modules_are_pure, sources(adapters__media__units="async def f(): ...")),
    (pure_modules_are_pure, sources(gateway__signaling__session="def f(x):\n    return open(x)")),
    (protocols_meet_only_in_media, sources(adapters__flv__tags="", adapters__media__stream="import adapters.flv.tags")),
    (protocols_meet_only_in_media, sources(adapters__flv__mux="", adapters__rtmp__player="from adapters.flv import mux")),
    (protocols_meet_only_in_media, ADAPTER | sources(adapters__flv__player="from ..rtmp.server import x")),
    (protocols_meet_only_in_media, ADAPTER | sources(adapters__webrtc__peer="from ..rtmp import server")),
    (names_say_what_it_is, sources(gateway__utils="")),
    (names_say_what_it_is, sources(gateway__rooms__room_manager="")),
    (names_say_what_it_is, {"gateway/common/__init__.py": ""}),
]


@pytest.mark.parametrize(
    ("rule", "files"), VIOLATIONS, ids=lambda value: value.__name__ if callable(value) else "+".join(sorted(value))
)
def test_a_breach_is_found(rule: Rule, files: Mapping[str, str], tmp_path: Path) -> None:
    assert rule(planted(tmp_path, files))


PERMITTED = sources(
    adapters__media__stream="import gateway.errors",
    adapters__flv__tags="from adapters.media import stream",
    adapters__rtmp__player="from adapters.flv.tags import x\nfrom adapters.flv import tags",
    gateway__errors="",
    gateway__auth__tokens="import jwt, cryptography.hazmat",
    gateway__http__flv="import sanic, time\nfrom gateway.http import pages",
    gateway__http__pages="",
    gateway__app="import sanic, adapters.rtmp.player\nfrom gateway.http import flv",
    gateway__demo="import av, adapters.rtmp.player\nfrom gateway import app",
    gateway__accommodate="",
) | {"gateway/__main__.py": "from gateway import app, demo"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_what_is_permitted_is_not_found(rule: Rule, tmp_path: Path) -> None:
    assert rule(planted(tmp_path, PERMITTED)) == []
