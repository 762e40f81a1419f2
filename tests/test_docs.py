"""The documents say what the code does: every error, every message, every limit."""

from __future__ import annotations

import json
import re
import time
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import jwt
import msgspec
import pytest

from adapters.media import examination
from gateway.auth.tokens import LEEWAY, MAX_LIFETIME, SECRET_BYTES, verify_token
from gateway.config import HOURS, Config
from gateway.errors import FAULTS, Retry
from gateway.quality import checkup
from gateway.quality.checkup import Finding
from gateway.quality.component_codes import Advice, Kind
from gateway.quality.metrics import Metrics, Snapshot
from gateway.quality.troubles import TROUBLES
from gateway.rooms.model import ROOM_ID, STREAM_ID, USER_ID, Reason
from gateway.signaling.close import CloseReason
from gateway.signaling.events import EVENTS, finding_info
from gateway.signaling.messages import (
    METHODS,
    AddressResult,
    BarrageResult,
    DescriptionResult,
    Empty,
    ErrorBody,
    LoginResult,
    MessageResult,
    TokenResult,
    decode_params,
    decode_request,
)
from tests.docs_tables import DOCS, ERRORS, TABLES, with_tables

SIGNALING = DOCS / "signaling.md"
RESULTS: dict[str, tuple[type[msgspec.Struct], ...]] = {
    "login": (LoginResult,), "logout": (Empty,), "publish": (DescriptionResult, AddressResult), "unpublish": (Empty,),
    "play": (AddressResult, DescriptionResult), "answer": (Empty,), "stop": (Empty,), "mute": (Empty,),
    "setRole": (Empty,), "setStreamExtraInfo": (Empty,), "setRoomExtraInfo": (Empty,), "sendBroadcastMessage": (MessageResult,),
    "sendBarrageMessage": (BarrageResult,), "sendCustomCommand": (MessageResult,), "renewToken": (TokenResult,),
    "report": (Empty,), "ping": (Empty,),
}  # fmt: skip
"""What each method is answered with, in the order of the examples."""


def sections(path: Path) -> dict[tuple[str, str], str]:
    """A document's text by its headings of the second and third level (an empty text where there is none)."""
    found: dict[tuple[str, str], str] = {}
    part, name = "", ""
    for line in path.read_text("utf-8").splitlines(keepends=True):
        if line.startswith("## "):
            part, name = line[3:].strip(), ""
        elif line.startswith("### "):
            name = line[4:].strip()
        found[part, name] = found.get((part, name), "") + line
    return found


def blocks(text: str) -> list[Any]:
    """The JSON of every ```json block."""
    return [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", text, re.S | re.M)]


TEXT = sections(SIGNALING)
EXAMPLES = {heading: blocks(text) for heading, text in TEXT.items() if blocks(text)}


def wire_members(message: msgspec.Struct) -> dict[str, Any]:
    """All members of a message as the wire spells them, those that hold their default included."""
    fields = {field.encode_name: getattr(message, field.name) for field in msgspec.structs.fields(message)}
    return {name: _builtin(value) for name, value in fields.items()}


def _builtin(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return wire_members(value)
    if isinstance(value, msgspec.Raw):
        return msgspec.json.decode(value)
    if isinstance(value, frozenset | list):
        return [_builtin(item) for item in (sorted(value) if isinstance(value, frozenset) else value)]
    return msgspec.to_builtins(value)


def assert_says_the_same(example: Any, message: msgspec.Struct) -> None:
    """Every member of the example is one of the message's, with the same value."""
    members = wire_members(message)
    assert set(example) <= set(members), "the code does not know this member"
    for name, value in example.items():
        assert _subset(value, members[name]), (name, value, members[name])


def _subset(example: Any, value: Any) -> bool:
    if isinstance(example, dict):
        return set(example) <= set(value) and all(_subset(example[name], value[name]) for name in example)
    if isinstance(example, list):
        return len(example) == len(value) and all(map(_subset, example, value))
    return bool(example == value)


@pytest.mark.parametrize("document", TABLES, ids=lambda path: path.name)
def test_the_tables_are_those_of_the_code(document: Path) -> None:
    assert document.read_text("utf-8") == with_tables(document), "run: python -m tests.docs_tables"


class TestErrors:
    def test_numbers_and_names_are_given_once(self) -> None:
        assert len({fault.number for fault in FAULTS}) == len({fault.name for fault in FAULTS}) == len(FAULTS)

    @pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
    def test_each_is_complete(self, fault: Any) -> None:
        assert fault.number in range(-32768, -32000) or 1_000_000 <= fault.number < 2_000_000
        assert 400 <= fault.status < 600
        assert fault.en
        assert "|" not in fault.en + fault.zh
        assert re.search("[\u4e00-\u9fff]", fault.zh), "a Chinese sentence"

    def test_each_advice_is_explained(self) -> None:
        text = ERRORS.read_text("utf-8")
        assert all(f"| `{retry}` |" in text for retry in Retry)


class TestComponentCodes:
    TEXT = (DOCS / "component-codes.md").read_text("utf-8")

    @pytest.mark.parametrize("word", [*Kind, *Advice])
    def test_each_kind_and_each_advice_is_explained(self, word: str) -> None:
        assert f"| `{word}` |" in self.TEXT


class TestSignaling:
    def test_every_method_and_every_event_has_its_examples_and_nothing_else_has(self) -> None:
        assert [name for part, name in EXAMPLES if part == "Methods"] == list(METHODS) == list(RESULTS)
        assert [name for part, name in EXAMPLES if part == "Events"] == list(EVENTS)
        assert {part for part, _ in EXAMPLES} == {"How a session goes", "Methods", "Events", "Errors"}

    @pytest.mark.parametrize("method", METHODS)
    def test_a_request(self, method: str) -> None:
        request = EXAMPLES["Methods", method][0]
        assert set(request) == {"jsonrpc", "id", "method", "params"}
        assert request["method"] == method
        decoded = decode_request(json.dumps(request))
        assert_says_the_same(request["params"], decode_params(decoded))

    @pytest.mark.parametrize("method", METHODS)
    def test_a_request_shows_every_parameter(self, method: str) -> None:
        request = EXAMPLES["Methods", method][0]
        assert set(request["params"]) == {field.encode_name for field in msgspec.structs.fields(METHODS[method])}

    @pytest.mark.parametrize("method", METHODS)
    def test_replies(self, method: str) -> None:
        request, *replies = EXAMPLES["Methods", method]
        for reply, kind in zip(replies, RESULTS[method], strict=True):
            assert (set(reply), reply["jsonrpc"], reply["id"]) == ({"jsonrpc", "id", "result"}, "2.0", request["id"])
            assert msgspec.to_builtins(msgspec.convert(reply["result"], kind)) == reply["result"]

    @pytest.mark.parametrize("event", EVENTS)
    def test_an_event(self, event: str) -> None:
        for message in EXAMPLES["Events", event]:
            assert (set(message), message["jsonrpc"], message["method"]) == ({"jsonrpc", "method", "params"}, "2.0", event)
            params = msgspec.convert(message["params"], EVENTS[event])
            assert msgspec.to_builtins(params) == message["params"]

    def test_a_finding(self) -> None:
        (finding,) = EXAMPLES["Events", "publisherState"][1]["params"]["findings"]
        (trouble,) = [trouble for trouble in TROUBLES if trouble.number == finding["number"]]
        assert finding == msgspec.to_builtins(finding_info(Finding(trouble, finding["detail"])))

    def test_an_error(self) -> None:
        (reply,) = EXAMPLES["Errors", ""]
        assert (set(reply), reply["jsonrpc"]) == ({"jsonrpc", "id", "error"}, "2.0")
        error = msgspec.convert(reply["error"], ErrorBody)
        assert msgspec.to_builtins(error) == reply["error"]
        (fault,) = [fault for fault in FAULTS if fault.number == error.code]
        assert (error.data.name, error.data.retry, error.message) == (fault.name, fault.retry, fault.en)

    def test_a_close_reason(self) -> None:
        (reason,) = EXAMPLES["How a session goes", ""]
        assert json.dumps(reason, separators=(",", ":")) == CloseReason.SHUTTING_DOWN.text(reason["afterMs"])

    def test_numbers_that_the_text_names_exist(self) -> None:
        text = SIGNALING.read_text("utf-8")
        numbers = {int(number) for number in re.findall(r"`(-?\d{5,7})`", text)}
        assert numbers <= {fault.number for fault in FAULTS}
        codes = {int(code) for code in re.findall(r"(?:with|code) (4\d{3})\b", text)}
        assert codes == {reason.code for reason in CloseReason if reason.retry is Retry.NEVER and reason.code >= 4000}

    def test_reasons_are_all_named(self) -> None:
        (paragraph,) = re.findall(r"\*\*Reasons\.\*\*(.*?)\n\n", TEXT["How a session goes", ""], re.S)
        numbers = sorted({reason.number for reason in Reason})
        assert [int(number) for number in re.findall(r"\b(\d) [a-z]", paragraph)] == [*numbers, Reason.SERVER_RESTART.number]
        assert f"`{Reason.SERVER_RESTART.label}`" in paragraph


class TestCheckup:
    def test_its_limits_are_those_of_the_code(self) -> None:
        text = " ".join((DOCS / "checkup.md").read_text("utf-8").split())
        assert f"for {examination.SHORTEST:.0f} to {examination.LONGEST:.0f} seconds" in text
        assert f"| {checkup.SHORTEST_GOP} to {checkup.LONGEST_GOP:g} |" in text
        assert f"| up to {checkup.HIGHEST_LEVEL / 10} |" in text
        assert f"at least {checkup.LOWEST_FPS:g}, and {checkup.FEWER_THAN_DECLARED} to {checkup.MORE_THAN_DECLARED} times" in text
        assert f"up to {checkup.HIGHEST_BITRATE / 1e6:g} Mbit/s" in text
        rates = [f"{rate / 1000:g}" for rate in sorted(checkup.USUAL_RATES)]
        assert f"{', '.join(rates[:-1])} or {rates[-1]} kHz, up to {checkup.MOST_CHANNELS} channels" in text
        assert f"within {checkup.WRONG_PACE:.0%}".replace("%", " %") in text
        assert f"within {checkup.FARTHEST_APART} s" in text


class TestJoinTokens:
    PART = TEXT["Join tokens", ""]

    def test_the_example_makes_a_token_that_is_accepted(self) -> None:
        (code,) = re.findall(r"^```python\n(.*?)^```$", self.PART, re.S | re.M)
        lines = code.splitlines()
        names: dict[str, Any] = {"jwt": jwt, "time": time, "secret": "s" * SECRET_BYTES}
        exec("\n".join([*lines[:-1], f"token = {lines[-1]}"]), names)
        token = verify_token(names["token"], names["secret"], app="1", user="ann", room="any", now=time.time())
        assert (token.may_publish, token.streams) == (True, None)

    def test_its_numbers_are_those_of_the_code(self) -> None:
        assert f"at least {SECRET_BYTES} bytes" in self.PART
        assert f"last for {MAX_LIFETIME // 86_400} days; clocks may differ by {LEEWAY:.0f} s" in self.PART


class TestLimits:
    ROWS = re.findall(r"^\| .+? \| (\d+)[^|]* \| `(\w+)\.(\w+)` \|$", TEXT["Limits", ""], re.M)

    def test_each_is_the_default(self) -> None:
        defaults = Config()
        for number, group, name in self.ROWS:
            assert float(number) == getattr(getattr(defaults, group), name), name

    def test_none_of_signaling_is_left_out(self) -> None:
        named = [name for _, group, name in self.ROWS if group == "signaling"]
        assert named == list(type(Config().signaling).__dataclass_fields__)

    def test_bytes_of_ids(self) -> None:
        assert (ROOM_ID.limit, USER_ID.limit, STREAM_ID.limit) == (128, 128, 256)
        assert "1 to 128 bytes of UTF-8 (streamID: 256)" in TEXT["Limits", ""]

    def test_numbers_within_the_text_are_the_defaults(self) -> None:
        defaults, text = Config(), " ".join(TEXT["How a session goes", ""].split())
        assert f"succeed within {defaults.signaling.login_deadline:.0f} s" in text
        assert f"among the last {defaults.signaling.repeats} of the session" in text
        assert f"come back within {defaults.media.publish_grace:.0f} s" in text
        assert f"`tokenWillExpire` {defaults.signaling.token_warning:.0f} s ahead" in text
        assert f"keeps its last {defaults.signaling.replay_events} events" in text
        webrtc = " ".join(TEXT["WebRTC", ""].split())
        assert f"nothing was heard of it for {defaults.webrtc.consent_timeout:.0f} s" in webrtc
        assert f"made within {defaults.webrtc.connect_deadline:.0f} s of its description" in webrtc
        assert f"good for {defaults.webrtc.turn_ttl / HOURS:.0f} h" in " ".join(TEXT["Methods", "login"].split())


def nothing(snapshot: Any) -> Any:
    """A snapshot, and those in it, of a gateway that does nothing."""
    kinds = {name: next(filter(is_dataclass, get_args(kind)), kind) for name, kind in get_type_hints(snapshot).items()}.items()
    return snapshot(
        **{name: nothing(kind) if is_dataclass(kind) else 0 if kind in (int, bool, float) else {} for name, kind in kinds}
    )


class TestOperations:
    def test_every_metric_is_named_and_no_other(self) -> None:
        exposition = Metrics(lambda: nothing(Snapshot)).exposition().decode()
        real = {line.split()[2].removesuffix("_created") for line in exposition.splitlines() if line.startswith("# TYPE")}
        documented = set(re.findall(r"`(gateway_[a-z_]+)`", (DOCS / "operations.md").read_text("utf-8")))
        assert documented == real
