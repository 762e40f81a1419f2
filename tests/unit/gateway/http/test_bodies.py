"""What compressed bodies become, and what they cannot become."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.bodies import UnsupportedCoding, inflated

BODY = b'{"x":1}' * 50
_bare = zlib.compressobj(wbits=-zlib.MAX_WBITS)
BARE = _bare.compress(BODY) + _bare.flush()


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("", BODY), ("identity", BODY), ("gzip", gzip.compress(BODY, mtime=0)), (" GZip ", gzip.compress(BODY, mtime=0)),
        ("x-gzip", gzip.compress(BODY, mtime=0)), ("deflate", zlib.compress(BODY)), ("deflate", BARE),
    ],
)  # fmt: skip
def test_a_body_is_what_it_was_before_it_was_encoded(coding: str, body: bytes) -> None:
    assert inflated(body, coding, len(BODY)) == (BODY, True)
    assert inflated(body, coding, len(BODY) - 1) == (BODY[:-1], False)


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "zstd", "*"])
def test_other_codings_are_refused(coding: str) -> None:
    with pytest.raises(UnsupportedCoding):
        inflated(gzip.compress(BODY, mtime=0), coding, 1000)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", b""), ("gzip", BODY), ("gzip", gzip.compress(BODY, mtime=0)[:-1]), ("gzip", gzip.compress(BODY, mtime=0) + b"x"),
        ("gzip", gzip.compress(BODY, mtime=0) * 2), ("deflate", b""), ("deflate", BODY), ("deflate", zlib.compress(BODY)[:-1]),
    ],
)  # fmt: skip
def test_what_is_not_whole_or_not_encoded_at_all_is_an_error(coding: str, body: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be inflated"):
        inflated(body, coding, 1000)


def test_a_bomb_becomes_no_more_than_is_wanted() -> None:
    bomb = gzip.compress(bytes(64 * 1024 * 1024))
    assert inflated(bomb, "gzip", 1000) == (bytes(1000), False)


@given(st.binary(max_size=300), st.sampled_from(["", "gzip", "deflate"]), st.integers(0, 100))
def test_whatever_comes_it_stays_within_the_bound(body: bytes, coding: str, most: int) -> None:
    try:
        data, whole = inflated(body, coding, most)
    except ValueError:
        return
    assert len(data) <= most
    assert whole or len(data) == most
