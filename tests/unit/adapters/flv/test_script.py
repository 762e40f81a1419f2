"""Metadata as script data, in both directions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.flv.script import MAX_DEPTH, read_script, script_body
from adapters.media.bits import MalformedMedia

TEXTS = st.text(max_size=20).map(lambda text: text.encode("utf-8", "replace").decode())
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcdefg", min_size=1, max_size=5), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abcdefg", min_size=1, max_size=8), VALUES, max_size=6))
def test_plain_values_round_trip(values: dict[str, object]) -> None:
    try:
        name, read = read_script(script_body("onMetaData", values))
    except MalformedMedia:
        pytest.fail("what was written cannot be read")
    assert name == "onMetaData"
    if _depth(values) <= MAX_DEPTH:
        assert read == values


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


def test_what_has_no_plain_form_is_left_out() -> None:
    values = {"bytes": b"x", "set": {1}, "": 1, "huge": 10**400, "kept": 1, "list": [1, b"x", 2]}
    assert read_script(script_body("onMetaData", values))[1] == {"kept": 1, "list": [1, 2]}


def test_long_text() -> None:
    text = "é" * 40_000
    assert read_script(script_body("onMetaData", {"text": text}))[1] == {"text": text}


@pytest.mark.parametrize(
    ("body", "values"),
    [
        ("020001780800000000" + "0001610100000009", {"a": False}),  # an ECMA array whose count is 0
        ("0200017803" + "0001610100", {"a": False}),  # the end marker is missing
        ("0200017803" + "00016106" + "0001620b" + "40590000000000000000" + "000009", {"a": None, "b": 100.0}),
        ("02000178", {}),
        ("0200017805", {}),
    ],
)
def test_what_is_met_in_practice(body: str, values: dict[str, object]) -> None:
    assert read_script(bytes.fromhex(body)) == ("x", values)


@pytest.mark.parametrize(
    "body",
    ["", "00", "0200", "02000578", "0200017811", "020001780affffffff", "02000178" + "0a00000001" * 20, "0100"],
)
def test_broken(body: str) -> None:
    with pytest.raises(MalformedMedia):
        read_script(bytes.fromhex(body))


@given(st.binary(max_size=80))
def test_any_bytes(body: bytes) -> None:
    try:
        read_script(body)
    except MalformedMedia:
        pass
