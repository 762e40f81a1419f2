"""The web pages: their files keep their own policy, their errors are the gateway's, and their modules do what they promise.

The modules are JavaScript, and so are their tests, which stand beside this one and are run by Node.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from gateway.errors import API_KEY_INVALID, FAULTS, INTERNAL_ERROR, INVALID_REQUEST, ORIGIN_REFUSED, RATE_LIMITED, SHUTTING_DOWN
from gateway.http.api_operations import OPERATIONS
from gateway.http.pages import PageFile, page_files
from gateway.http.pages.words import words
from gateway.http.sdk import sdk_files
from gateway.quality.component_codes import CODES
from gateway.quality.history import Kind
from gateway.quality.measures import MEASURES
from gateway.quality.troubles import TROUBLES
from gateway.rooms.model import Reason
from tests.support.tools import MissingProgramError, program

FOLDER = Path(__file__).parent
FILES = page_files()
CONSOLE = page_files("console")
UNSEEN = re.compile(
    r"^KEY_|^PARSE_ERROR$|^LOGIN_TIMEOUT$|^USER_NAME_|^EXTRA_INFO_|^STREAM_EXTRA_INFO_|^MESSAGE_|^TOKEN_WITHOUT_PUBLISH$|"
    r"^(ROOM|USER)_NOT_FOUND$|^API_KEY_|^STORE_|^APP_SIGN_"
)
"""Faults that the page cannot meet: it makes no media addresses of its own, and no such requests; it does not renew tokens,
and has no appSign."""


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.test.mjs")))
def test_module(name: str) -> None:
    try:
        node = program("node")
    except MissingProgramError as error:
        pytest.skip(str(error))
    ran = subprocess.run([node, "--test", FOLDER / name], capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def explained() -> set[int]:
    """The errors, by their numbers, that the page in which one joins a room has words for; the call page falls back on them."""
    return {int(number) for number in re.findall(r'^    "?(-?\d+)"?: \[', FILES["texts.js"].body.decode(), re.MULTILINE)}


def test_nothing_is_loaded_from_elsewhere() -> None:
    for name, file in (*FILES.items(), *CONSOLE.items()):
        addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", file.body.decode()))
        assert addresses <= {"http://www.w3.org"}, name


@pytest.mark.parametrize(("files", "script"), [(FILES, "/page/page.js"), (CONSOLE, "/console/console.js")])
def test_the_document_holds_no_script_and_no_style_of_its_own(files: dict[str, PageFile], script: str) -> None:
    document = files["index.html"].body.decode()
    assert re.findall(r"<script[^>]*>", document) == [f'<script type="module" src="{script}">']
    assert "<style" not in document
    assert not re.search(r"\s(on\w+|style)=", document)


def test_every_file_that_a_file_names_is_there() -> None:
    for name, file in FILES.items():
        named = re.findall(r"(?:/page/|from \"\./)([\w.-]+)", file.body.decode())
        assert set(named) <= set(FILES), name
        assert set(re.findall(r"/sdk/([\w.-]+)", file.body.decode())) <= set(sdk_files()), name


def test_the_page_leaves_signaling_and_webrtc_to_the_sdk() -> None:
    own = re.compile(r"\bnew (?:WebSocket|RTCPeerConnection)\b|\bjsonrpc\b|\bgetStats\b|\bgetUserMedia\(")
    assert [name for name, file in FILES.items() if own.search(file.body.decode())] == []
    assert 'from "/sdk/zego.mjs"' in FILES["page.js"].body.decode()


def test_every_file_that_the_call_page_names_is_there() -> None:
    for name, file in CONSOLE.items():
        text = file.body.decode()
        assert set(re.findall(r"/page/([\w-]+\.[\w.]+)", text)) <= set(FILES), name
        assert set(re.findall(r"(?:/console/|from \"\./)([\w-]+\.[\w.]+)", text)) <= {*CONSOLE, "words.json"}, name


def test_the_call_page_writes_text_and_never_markup() -> None:
    markup = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b")
    assert [name for name, file in CONSOLE.items() if markup.search(file.body.decode())] == []


def colours() -> dict[str, dict[str, str]]:
    """The custom colours of the call page, in light and in dark."""
    schemes: dict[str, dict[str, str]] = {"light": {}, "dark": {}}
    for sheet in (FILES["style.css"], CONSOLE["console.css"]):
        for index, scheme in enumerate(re.findall(r":root \{(.*?)\}", sheet.body.decode(), re.DOTALL)[:2]):
            found = dict(re.findall(r"--([\w-]+): ([^;]+);", scheme))
            for name in ("light", "dark")[index:]:
                schemes[name].update(found)
    return schemes


def luminance(colours: dict[str, str], name: str) -> float:
    """WCAG 2.1: relative luminance."""
    value = colours[name]
    if reference := re.fullmatch(r"var\(--([\w-]+)\)", value):
        return luminance(colours, reference[1])
    digits = value[1:] if len(value) == 7 else "".join(digit * 2 for digit in value[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        ("ink", "ground"), ("ink", "card"), ("faint", "ground"), ("faint", "card"), ("accent", "ground"), ("accent", "card"),
        ("on-accent", "accent"), ("danger", "card"), ("danger", "ground"), ("danger", "danger-ground"), ("fair", "ground"),
        ("good", "good-ground"), ("fair", "fair-ground"), ("bad", "bad-ground"), ("ink", "bad-ground"),
        ("good", "card"), ("fair", "card"), ("bad", "card"),
    ],
)  # fmt: skip
def test_what_is_written_stands_out_from_its_ground(scheme: str, ink: str, ground: str) -> None:
    darker, lighter = sorted(luminance(colours()[scheme], name) for name in (ink, ground))
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_the_call_page_explains_every_refusal_of_the_server_api() -> None:
    general = (API_KEY_INVALID, RATE_LIMITED, INVALID_REQUEST, INTERNAL_ERROR, ORIGIN_REFUSED, SHUTTING_DOWN)
    names = ("listRooms", "getRoom", "getRoomQuality", "kickUsers", "closeRoom", "listStreams", "getStream", "getStreamQuality")
    asked = [one for one in OPERATIONS if one.name in names]
    assert len(asked) == len(names)
    faults = {*general, *(fault for one in asked for fault in one.faults)}
    told = set(re.findall(r'^    ([A-Z_]+): "', CONSOLE["texts.js"].body.decode(), re.MULTILINE))
    assert [fault.name for fault in faults if fault.name not in told and fault.number not in explained()] == []
    assert told <= {fault.name for fault in FAULTS} | {"UNREACHABLE"}


def test_everything_that_a_verdict_or_a_timeline_can_name_has_words_in_both_languages() -> None:
    told = words()
    assert set(told["measures"]) == set(MEASURES)
    assert {(way, int(code)) for way, codes in told["codes"].items() for code in codes} == set(CODES)
    assert set(told["findings"]) == {str(trouble.number) for trouble in TROUBLES}
    tables = (told["measures"], told["codes"]["push"], told["codes"]["pull"], told["findings"])
    for entry in (entry for table in tables for entry in table.values()):
        assert entry["en"]
        assert re.search(r"[\u4e00-\u9fff]", entry["zh"])
    texts = CONSOLE["texts.js"].body.decode()
    for key in (*(f"kind_{kind}" for kind in Kind), *(f"reason_{reason.label}" for reason in Reason)):
        assert texts.count(f"    {key}: ") == 2, key
    units = set(re.findall(r'^  "?([\w/]+)"?: |unit === "(\w+)"', CONSOLE["words.js"].body.decode(), re.MULTILINE))
    assert {measure.unit.value for measure in MEASURES.values()} <= {name for names in units for name in names}


def test_every_error_that_a_page_can_meet_is_explained() -> None:
    assert explained() <= {fault.number for fault in FAULTS}
    assert {fault.name for fault in FAULTS if fault.number not in explained() and not UNSEEN.match(fault.name)} == set()


def test_the_same_bytes_have_the_same_tag() -> None:
    assert {name: file.etag for name, file in page_files().items()} == {name: file.etag for name, file in FILES.items()}
    assert len({file.etag for file in FILES.values()}) == len(FILES)
