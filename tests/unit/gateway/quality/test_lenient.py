"""Objects whose shape cannot be relied on: what is accepted follows from the members' types alone."""

from __future__ import annotations

import tracemalloc
from typing import Annotated

import pytest
from msgspec import Meta, Struct

from gateway.quality.lenient import Dropped, LenientDecoder

Percent = Annotated[float, Meta(ge=0, le=100)]


class Inner(Struct):
    flag: bool | None = None
    number: Percent | None = None


class Outer(Struct, rename="camel"):
    some_number: Percent | None = None
    text: str | None = None
    inner: Inner | None = None


DECODER = LenientDecoder(Outer)

AT_ONCE = [
    (b"{}", Outer()),
    (b'{"someNumber":1,"text":"x","inner":{"flag":true,"number":"2"}}', Outer(1.0, "x", Inner(True, 2.0))),
    (b'{"someNumber":0}', Outer(0.0)),
    (b'{"someNumber":100}', Outer(100.0)),
    (b'{"someNumber":null,"text":null,"inner":null}', Outer()),
    (b'{"some_number":1,"else":{}}', Outer()),
]
BY_MEMBER: list[tuple[bytes, Outer, list[Dropped]]] = [
    (b'{"someNumber":" 1 "}', Outer(1.0), []),
    (b'{"someNumber":"","inner":{"number":"NULL"}}', Outer(inner=Inner()), []),
    (b'{"someNumber":100.1,"text":"x"}', Outer(text="x"), [Dropped.OUT_OF_RANGE]),
    (b'{"someNumber":-0.1,"inner":{"number":1}}', Outer(inner=Inner(number=1.0)), [Dropped.OUT_OF_RANGE]),
    (b'{"inner":{"flag":"perhaps","number":1}}', Outer(inner=Inner(number=1.0)), [Dropped.NOT_A_NUMBER]),
    (b'{"inner":{"flag":2}}', Outer(inner=Inner()), [Dropped.NOT_A_NUMBER]),
    (b'{"inner":{"flag":"","number":"?"}}', Outer(inner=Inner()), [Dropped.NOT_A_NUMBER]),
    (b'{"inner":{"flag":" TRUE ","number":"?"}}', Outer(inner=Inner(True)), [Dropped.NOT_A_NUMBER]),
    (b'{"inner":{"flag":0,"number":"?"}}', Outer(inner=Inner(False)), [Dropped.NOT_A_NUMBER]),
    (b'{"inner":[],"someNumber":1}', Outer(1.0), [Dropped.NOT_AN_OBJECT]),
    (b'{"text":5,"someNumber":1}', Outer(1.0), []),
    (b'{"text":"\xff","someNumber":"?"}', Outer(text="\ufffd"), [Dropped.NOT_A_NUMBER]),
    (b'{"someNumber":"\xff"}', Outer(), [Dropped.NOT_A_NUMBER]),
]  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), AT_ONCE)
def test_the_usual(data: bytes, expected: Outer) -> None:
    assert DECODER.decode(data) == (expected, ())


@pytest.mark.parametrize(("data", "expected", "dropped"), BY_MEMBER)
def test_the_unusual(data: bytes, expected: Outer, dropped: list[Dropped]) -> None:
    assert DECODER.decode(data) == (expected, tuple(dropped))


@pytest.mark.parametrize(
    "inside", ['"someNumber":[%s0]', '"inner":{"flag":[%s0]}', '"else":[%s0],"someNumber":"?"', '"text":[%s0],"someNumber":"?"']
)
def test_nothing_is_made_of_what_is_not_asked_for(inside: str) -> None:
    data = ("{%s}" % (inside % ("[]," * 100_000))).encode()
    tracemalloc.start()
    try:
        DECODER.decode(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(data)


class Unlimited(Struct):
    number: float | None = None


class OfAnyShape(Struct):
    numbers: list[float] | None = None


@pytest.mark.parametrize("kind", [Unlimited, OfAnyShape])
def test_every_member_has_its_limits(kind: type[Struct]) -> None:
    with pytest.raises(TypeError, match="cannot be read leniently"):
        LenientDecoder(kind)
