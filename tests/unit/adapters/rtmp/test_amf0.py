"""AMF0: every marker in literal bytes, both ways where there are two, and hostile input."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.rtmp.amf0 import MAX_DEPTH, MAX_VALUES, UNDEFINED, Date, EcmaArray, TypedObject, Xml, decode, encode
from adapters.rtmp.errors import LocalProtocolError, RemoteProtocolError, Violation

BOTH_WAYS = [
    ("00 3ff0000000000000", 1.0),
    ("01 01", True),
    ("01 00", False),
    ("02 0003 616263", "abc"),
    ("02 0006 e79bb4e692ad", "直播"),
    ("03 0001 61 00 4000000000000000 000009", {"a": 2.0}),
    ("03 000009", {}),
    ("05", None),
    ("06", UNDEFINED),
    ("08 00000001 0001 61 05 000009", EcmaArray(a=None)),
    ("0a 00000002 01 01 05", [True, None]),
    ("0b 4270000000000000 0000", Date(1099511627776.0, 0)),
    ("0f 00000004 3c612f3e", Xml("<a/>")),
    ("10 0001 43 0001 61 05 000009", TypedObject("C", {"a": None})),
]


@pytest.mark.parametrize(("wire", "value"), BOTH_WAYS)
def test_both_ways(wire: str, value: object) -> None:
    data = bytes.fromhex(wire)
    found = decode(data)
    assert found == [value]
    assert type(found[0]) is type(value)
    assert encode([value]) == data


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        ("01 07", True),
        ("02 0001 ff", "\ufffd"),
        ("0c 00000003 616263", "abc"),
        ("0d", UNDEFINED),
        ("08 00000000 0001 61 05 000009", {"a": None}),
        ("08 ffffffff 0001 61 05 000009", {"a": None}),
        ("08 00000001 0001 61 05", {"a": None}),
        ("03 0000 05 0001 61 06 000009", {"": None, "a": UNDEFINED}),
        ("0b 0000000000000000 ffc4", Date(0.0, -60)),
    ],
    ids=["odd true", "no UTF-8", "long string", "unsupported", "count 0", "wrong count", "no end", "empty name", "zone"],
)
def test_reading_only(wire: str, value: object) -> None:
    assert decode(bytes.fromhex(wire)) == [value]


def test_typed_object_keeps_its_class() -> None:
    (found,) = decode(bytes.fromhex("10 0001 43 000009"))
    assert isinstance(found, TypedObject)
    assert found.name == "C"


def test_reference_points_at_an_earlier_object_of_the_message() -> None:
    first, second = decode(bytes.fromhex("03 0001 61 05 000009  07 0000"))
    assert first is second


def test_reference_inside_an_object_to_the_object_itself() -> None:
    (found,) = decode(bytes.fromhex("03 0001 61 07 0000 000009"))
    assert isinstance(found, dict)
    assert found["a"] is found
    with pytest.raises(LocalProtocolError):
        encode([found])


def test_values_follow_each_other_from_the_given_start() -> None:
    assert decode(bytes.fromhex("00 05 06 0101"), 1) == [None, UNDEFINED, True]
    assert decode(b"") == []


def test_switch_to_amf3_for_one_value() -> None:
    assert decode(bytes.fromhex("11 06 07 616263 05")) == ["abc", None]


@pytest.mark.parametrize(
    "wire",
    ["00 00", "02 0003 6162", "03 0001 61", "03 0001 61 05", "04", "09", "0e", "12", "ff", "07 0000", "0a ffffffff",
     "0c 00000009 61", "08 00000002 0001 61 05", "11", "11 0d 01"],
)
def test_unreadable(wire: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode(bytes.fromhex(wire))
    assert caught.value.violation is Violation.AMF


def test_depth_is_limited() -> None:
    nested = b"\x03\0\x01a"
    decode(nested * MAX_DEPTH + b"\x05" + b"\0\0\x09" * MAX_DEPTH)
    with pytest.raises(RemoteProtocolError):
        decode(nested * (MAX_DEPTH + 1) + b"\x05" + b"\0\0\x09" * (MAX_DEPTH + 1))
    value: object = None
    for _ in range(MAX_DEPTH + 1):
        value = [value]
    with pytest.raises(LocalProtocolError):
        encode([value])


def test_number_of_values_is_limited() -> None:
    assert len(decode(b"\x05" * MAX_VALUES)) == MAX_VALUES
    with pytest.raises(RemoteProtocolError):
        decode(b"\x05" * (MAX_VALUES + 1))


def test_long_text_becomes_a_long_string() -> None:
    text = "x" * 70_000
    assert encode([text])[:5] == b"\x0c\x00\x01\x11\x70"
    assert decode(encode([text])) == [text]


def test_integers_become_numbers() -> None:
    assert decode(encode([7])) == [7.0]


@pytest.mark.parametrize("value", [object(), {"x" * 70_000: None}, b"bytes"])
def test_what_amf0_cannot_say(value: object) -> None:
    with pytest.raises(LocalProtocolError):
        encode([value])


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.just(UNDEFINED),
    st.builds(Date, st.floats(allow_nan=False), st.integers(-720, 720)),
)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(NAMES, inner, max_size=4)
    | st.dictionaries(NAMES, inner, max_size=4).map(EcmaArray),
    max_leaves=12,
)


@given(st.lists(VALUES, max_size=4))
def test_values_come_back(values: list[object]) -> None:
    assert decode(encode(values)) == values


def test_not_a_number_comes_back() -> None:
    (found,) = decode(encode([math.nan]))
    assert isinstance(found, float)
    assert math.isnan(found)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(RemoteProtocolError):
        decode(data)
