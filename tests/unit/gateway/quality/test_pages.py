"""Pages of a list that changes while it is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import INVALID_PARAMS, GatewayError
from gateway.quality.pages import Page, Rank, cut

RANKS = st.lists(st.tuples(st.booleans(), st.sampled_from(["ann", "bob", "bob.1", "1.bob", "线\n", ""])), max_size=20)


def names(ranks: list[Rank], page: Page) -> tuple[list[str], str | None]:
    members, place = cut(ranks, page)
    return [ranks[one][1] for one in members], place


@given(RANKS, st.integers(1, 5))
def test_pages_hold_each_member_once_and_in_order(ranks: list[Rank], limit: int) -> None:
    found: list[int] = []
    after: str | None = ""
    while after is not None:
        members, after = cut(ranks, Page(limit, after))
        assert len(members) == limit or after is None
        found += members
    assert sorted(found) == list(range(len(ranks)))
    if len(ranks) > limit:
        assert [ranks[one] for one in found] == sorted(ranks)


def test_what_one_page_holds_stays_as_it_came() -> None:
    assert names([(True, "zoe"), (False, "eve"), (True, "ann")], Page(3)) == (["zoe", "eve", "ann"], None)


def test_who_comes_and_goes_between_two_pages_moves_nobody_else() -> None:
    _, after = cut([(True, "bob"), (True, "bob"), (True, "cat"), (True, "dan")], Page(2))
    assert after is not None
    later = [(False, "zoe"), (True, "ann"), (True, "bob"), (True, "cat"), (True, "dan")]
    assert names(later, Page(9, after)) == (["cat", "dan"], None)


def test_a_page_of_nothing_names_no_place() -> None:
    assert cut([(False, "ann")], Page(0)) == ([], None)
    assert cut([], Page(0)) == (range(0), None)


@pytest.mark.parametrize("place", ["bob", "2.1.bob", "1.x.bob", "1.-1.bob", "1.1", ".1.bob"])
def test_a_place_that_no_page_has_named(place: str) -> None:
    with pytest.raises(GatewayError) as refusal:
        cut([(False, "ann")], Page(5, place))
    assert refusal.value.fault is INVALID_PARAMS
