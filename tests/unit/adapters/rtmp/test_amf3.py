"""AMF3 values inside AMF0, in literal bytes."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.rtmp.amf3 import UNDEFINED, Date, TypedObject, Xml, decode
from adapters.rtmp.errors import RemoteProtocolError, Violation


def read(wire: str) -> object:
    data = bytes.fromhex(wire)
    value, position, _ = decode(data, 0, 100, 8)
    assert position == len(data)
    return value


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        ("00", UNDEFINED),
        ("01", None),
        ("02", False),
        ("03", True),
        ("04 7f", 127.0),
        ("04 8100", 128.0),
        ("04 ffff7f", 0x1FFFFF),
        ("04 80c08000", 0x200000),
        ("04 bfffffff", 0x0FFFFFFF),
        ("04 ffffffff", -1.0),
        ("05 3ff0000000000000", 1.0),
        ("06 01", ""),
        ("06 07 616263", "abc"),
        ("07 09 3c612f3e", Xml("<a/>")),
        ("08 01 0000000000000000", Date(0.0)),
        ("09 05 01 03 01", [True, None]),
        ("09 03 03 61 02 01 03", {"a": False, "0": True}),
        ("0a 0b 01 03 61 01 03 62 03 01", {"a": None, "b": True}),
        ("0a 13 01 03 61 03", {"a": True}),
        ("0a 0b 03 43 01", TypedObject("C")),
        ("0b 09 3c612f3e", Xml("<a/>")),
        ("0c 05 0102", b"\x01\x02"),
    ],
)
def test_values(wire: str, value: object) -> None:
    found = read(wire)
    assert found == value
    assert type(found) is type(value) or isinstance(value, int)


def test_references_to_texts_objects_and_traits() -> None:
    assert read("09 05 01 06 03 61 06 00") == ["a", "a"]
    found = read("09 05 01 09 01 01 0a 00 ".replace("0a 00", "09 02"))
    assert isinstance(found, list)
    assert found[0] is found[1]
    assert read("09 05 01  0a 13 01 03 61 03  0a 01 02") == [{"a": True}, {"a": False}]


@pytest.mark.parametrize(
    "wire",
    ["", "0d", "11", "ff", "06 07 6162", "06 02", "09 02", "0a 05", "0a 07 03 43",
     "0a f3ffffff", "09 ffffffff 01", "04 ff", "05 00"],
)
def test_unreadable(wire: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read(wire)
    assert caught.value.violation is Violation.AMF


def test_depth_and_number_are_limited() -> None:
    with pytest.raises(RemoteProtocolError):
        decode(b"\x09\x03\x01" * 9 + b"\x01", 0, 100, 8)
    with pytest.raises(RemoteProtocolError):
        decode(b"\x09\x07\x01\x01\x01\x01", 0, 3, 8)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(RemoteProtocolError):
        decode(data, 0, 100, 8)
