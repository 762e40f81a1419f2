"""The OpenAPI document and its page say what the server API does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from gateway.errors import API_KEY_INVALID, FAULTS, INVALID_REQUEST, RATE_LIMITED, STORE_UNAVAILABLE, GatewayError
from gateway.http import api
from gateway.http.api import Asking
from gateway.http.api_messages import Failure
from gateway.http.api_operations import ID_RULES, OPERATIONS, Operation, find
from gateway.http.docs import page
from gateway.http.openapi import document, path_of
from gateway.signaling.close import CloseReason
from tests.support.tools import ROOT

DOCUMENT = document("1.2.3", "https://media.example")


def described() -> Iterator[tuple[str, str, Any]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, one in methods.items():
            yield path, method.upper(), one


def of(operation: Operation) -> Any:
    return DOCUMENT["paths"][path_of(operation)][operation.method.lower()]


def test_its_operations_are_those_that_are_served() -> None:
    assert [one["operationId"] for _, _, one in described()] == [one.name for one in OPERATIONS]
    for path, method, one in described():
        segments = path.removeprefix("/v1/apps/{appID}/").split("/")
        assert find(segments)[method].name == one["operationId"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
class TestOperation:
    def test_its_path_names_its_parameters(self, operation: Operation) -> None:
        one = of(operation)
        named = [each["name"] for each in one["parameters"] if each["in"] == "path"]
        assert named == re.findall(r"\{(\w+)\}", path_of(operation))
        assert all(each["required"] for each in one["parameters"] if each["in"] == "path")

    def test_it_takes_and_gives_what_is_served(self, operation: Operation) -> None:
        one = of(operation)
        (given,) = [reply for status, reply in one["responses"].items() if status.startswith("2")]
        assert given["content"]["application/json"]["schema"] == {"$ref": f"#/components/schemas/{operation.gives.__name__}"}
        members = [field.encode_name for field in msgspec.structs.fields(operation.takes)]
        if operation.changes:
            schema = one["requestBody"]["content"]["application/json"]["schema"]
            assert schema == {"$ref": f"#/components/schemas/{operation.takes.__name__}"}
            assert list(DOCUMENT["components"]["schemas"][operation.takes.__name__]["properties"]) == members
        else:
            assert "requestBody" not in one
            assert [each["name"] for each in one["parameters"] if each["in"] == "query"] == members

    def test_every_way_to_be_refused_is_told(self, operation: Operation) -> None:
        replies = of(operation)["responses"]
        for fault in operation.all_faults:
            assert f"`{fault.name}` ({fault.number})" in replies[str(fault.status)]["description"]
        assert {"400", "401", "429", "500"} <= set(replies)

    def test_people_find_it(self, operation: Operation) -> None:
        text = page(DOCUMENT)
        assert f'id="{operation.name}"' in text
        assert f"{operation.method} {path_of(operation)}" in text


def test_every_type_that_is_named_is_there() -> None:
    named = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(DOCUMENT)))
    assert named == set(DOCUMENT["components"]["schemas"])


def test_every_member_of_a_body_is_explained() -> None:
    asked = {one.takes.__name__ for one in OPERATIONS if one.changes}
    for name in asked - {"Nothing"}:
        for member, schema in DOCUMENT["components"]["schemas"][name]["properties"].items():
            assert "description" in schema or "anyOf" in schema, (name, member)


def test_errors_look_as_they_are_described() -> None:
    for fault in FAULTS:
        told = {"code": fault.number, "name": fault.name, "message": fault.en, "retry": fault.retry, "afterMs": 1}
        assert msgspec.to_builtins(msgspec.convert(told, Failure)) == told


def test_a_schema_of_an_id_permits_nothing_that_its_rule_forbids_by_its_characters() -> None:
    for part, rule in ID_RULES.items():
        schemas = [each["schema"] for _, _, one in described() for each in one["parameters"] if f"{{{each['name']}}}" == part]
        for schema in schemas:
            pattern = re.compile(schema["pattern"])
            for character in map(chr, range(0x100)):
                legal = True
                try:
                    rule.check(character)
                except GatewayError:
                    legal = False
                assert bool(pattern.search(character)) == legal
            assert (schema["minLength"], schema["maxLength"]) == (1, rule.limit)


class Tags(HTMLParser):
    """Notes what a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing() -> None:
    tags = Tags()
    tags.feed(page(DOCUMENT).removeprefix("<!doctype html>"))
    assert tags.open == []
    ids = {value for _, name, value in tags.attributes if name == "id"}
    links = {value for _, name, value in tags.attributes if name == "href"}
    assert links - {"/docs/openapi.json"} <= {f"#{id}" for id in ids}
    assert not {name for _, name, _ in tags.attributes} & {"src", "style", "onclick", "onload"}


def test_what_is_in_the_document_is_not_taken_for_markup() -> None:
    hostile = document("<script>1</script>", "https://x")
    assert "<script>" not in page(hostile)


def test_a_request_hides_its_headers() -> None:
    assert "secret" not in repr(Asking("GET", "1/rooms", headers={"authorization": "secret"}))


class TestTheText:
    """docs/server-api.md"""

    TEXT = (ROOT / "docs" / "server-api.md").read_text("utf-8")

    def test_its_table_is_the_one_that_is_served(self) -> None:
        rows = re.findall(r"^\| `(GET|POST)` \| `(\S+)` \| (.+) \|$", self.TEXT, re.MULTILINE)
        assert rows == [(one.method, "/".join(one.path), one.summary) for one in OPERATIONS]

    def test_its_numbers_are_those_of_the_code(self) -> None:
        for sentence in (
            f"{api.REQUESTS_PER_SECOND:.0f} times per second, and {api.REQUESTS_BURST} times at once", f"{api.BODY_BYTES} bytes",
            f"1 to {api.KEY_CHARACTERS} visible", f"for {api.REPLIES_KEPT_FOR / 60:.0f} minutes", f"{api.REPLIES_KEPT} per app",
            f"closed with {CloseReason.KICKED.code} or {CloseReason.ROOM_CLOSED.code}",
        ):  # fmt: skip
            assert sentence in " ".join(self.TEXT.split())
        page_limit = DOCUMENT["paths"][path_of(OPERATIONS[0])]["get"]["parameters"][1]["schema"]
        limits = f"({page_limit['minimum']} to {page_limit['maximum']}, otherwise {page_limit['default']})"
        assert limits in self.TEXT
        named = {int(number) for number in re.findall(r"`(-?\d{5,7})`", self.TEXT)}
        assert named == {API_KEY_INVALID.number, INVALID_REQUEST.number, RATE_LIMITED.number, STORE_UNAVAILABLE.number}
