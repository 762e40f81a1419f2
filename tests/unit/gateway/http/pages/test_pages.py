"""The web page: its files keep its own policy, its errors are the gateway's, and its modules do what they promise.

The modules are JavaScript, and so are their tests, which stand beside this one and are run by Node.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from gateway.errors import FAULTS
from gateway.http.pages import page_files
from tests.support.tools import MissingProgramError, program

FOLDER = Path(__file__).parent
FILES = page_files()
UNSEEN = re.compile(
    r"^KEY_|^PARSE_ERROR$|^LOGIN_TIMEOUT$|^USER_NAME_|^EXTRA_INFO_|^STREAM_EXTRA_INFO_|^MESSAGE_|^TOKEN_WITHOUT_PUBLISH$|"
    r"^(ROOM|USER)_NOT_FOUND$|^API_KEY_|^STORE_"
)
"""Faults that the page cannot meet: it makes no media addresses of its own, and no such requests; it does not renew tokens."""


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.test.mjs")))
def test_module(name: str) -> None:
    try:
        node = program("node")
    except MissingProgramError as error:
        pytest.skip(str(error))
    ran = subprocess.run([node, "--test", FOLDER / name], capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_nothing_is_loaded_from_elsewhere() -> None:
    for name, file in FILES.items():
        addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", file.body.decode()))
        assert addresses <= {"http://www.w3.org"}, name


def test_the_document_holds_no_script_and_no_style_of_its_own() -> None:
    document = FILES["index.html"].body.decode()
    assert re.findall(r"<script[^>]*>", document) == ['<script type="module" src="/page/page.js">']
    assert "<style" not in document
    assert not re.search(r"\s(on\w+|style)=", document)


def test_every_file_that_a_file_names_is_there() -> None:
    for name, file in FILES.items():
        named = re.findall(r"(?:/page/|from \"\./)([\w.-]+)", file.body.decode())
        assert set(named) <= set(FILES), name


def test_every_error_that_a_page_can_meet_is_explained() -> None:
    explained = {int(number) for number in re.findall(r'^    "?(-?\d+)"?: \[', FILES["texts.js"].body.decode(), re.MULTILINE)}
    assert explained <= {fault.number for fault in FAULTS}
    assert {fault.name for fault in FAULTS if fault.number not in explained and not UNSEEN.match(fault.name)} == set()


def test_the_same_bytes_have_the_same_tag() -> None:
    assert {name: file.etag for name, file in page_files().items()} == {name: file.etag for name, file in FILES.items()}
    assert len({file.etag for file in FILES.values()}) == len(FILES)
