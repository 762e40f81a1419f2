"""When a viewer that lags is moved on, and when it is told to pull again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.quality.keeper import BETWEEN, JOINING, RECOVERED, Keeper, Move

LIMIT = 1.5


class Story:
    """A viewer that is looked at every second, from its joining on."""

    def __init__(self) -> None:
        self.keeper = Keeper()
        self.now = self.joined_at = 100.0

    def lags(self, seconds: int, backlog: float | None, buffer: float | None = None) -> str:
        """What was done in so many seconds of that: `.`, `c` (catch up) or `p` (pull again) for each."""
        moves = ""
        for _ in range(seconds):
            self.now += 1.0
            move = self.keeper.look(backlog, buffer, LIMIT, self.joined_at, self.now)
            moves += {Move.NONE: ".", Move.CATCH_UP: "c", Move.PULL_AGAIN: "p"}[move]
        return moves

    def connects_anew(self) -> None:
        self.joined_at = self.now


@pytest.fixture
def viewer() -> Story:
    story = Story()
    assert story.lags(10, 0.1) == "." * 10
    return story


class TestMoves:
    def test_one_that_is_close_to_the_present_is_left_alone(self, viewer: Story) -> None:
        assert viewer.lags(100, 0.5, 1.0) == "." * 100

    def test_one_blip_moves_nobody(self, viewer: Story) -> None:
        assert viewer.lags(1, 9.0) + viewer.lags(1, 0.1) + viewer.lags(1, 9.0) == "..."

    def test_two_looks_are_two_in_a_row(self, viewer: Story) -> None:
        assert viewer.lags(1, 9.0) + viewer.lags(1, None) + viewer.lags(1, 9.0) == "..."

    def test_one_that_lags_is_moved_on(self, viewer: Story) -> None:
        assert viewer.lags(3, 1.6) == ".c."

    def test_what_waits_here_and_what_the_player_holds_are_added_up(self, viewer: Story) -> None:
        assert viewer.lags(3, 0.8, 0.8) == ".c."

    def test_either_may_be_unknown(self, viewer: Story) -> None:
        assert viewer.lags(3, None, 3.0) == ".c."
        assert viewer.lags(9, None, None) == "." * 9

    def test_being_moved_on_helped(self, viewer: Story) -> None:
        assert viewer.lags(2, 3.0) + viewer.lags(30, 0.2) == ".c" + "." * 30

    def test_it_did_not_help_and_the_viewer_is_told_to_pull_again_once(self, viewer: Story) -> None:
        assert viewer.lags(21, 0.0, 3.0) == ".c.......p.........c."

    def test_one_that_lags_again_is_moved_on_again_but_not_at_once(self, viewer: Story) -> None:
        assert viewer.lags(2, 3.0) + viewer.lags(2, 0.2) + viewer.lags(9, 3.0) == ".c" + ".." + ".......c."

    def test_after_half_a_minute_close_to_the_present_it_may_be_told_once_more(self, viewer: Story) -> None:
        assert viewer.lags(10, 0.0, 3.0) == ".c.......p"
        viewer.lags(29, 0.2)
        assert "p" not in viewer.lags(60, 0.0, 3.0)
        viewer.lags(31, 0.2)
        assert viewer.lags(10, 0.0, 3.0) == ".c.......p"

    def test_a_viewer_that_has_just_joined_holds_a_group_of_pictures(self) -> None:
        assert Story().lags(7, 4.0) == ".....c."

    def test_so_does_one_that_connects_anew_and_it_is_not_told_to_pull_again_for_what_was_before(self, viewer: Story) -> None:
        assert viewer.lags(2, 3.0) == ".c"
        viewer.connects_anew()
        assert viewer.lags(12, 3.0) == ".........c.."

    def test_it_is_told_once_however_often_it_connects(self, viewer: Story) -> None:
        assert viewer.lags(10, 0.0, 3.0) == ".c.......p"
        viewer.connects_anew()
        assert "p" not in viewer.lags(60, 0.0, 3.0)


LAGS = st.lists(st.tuples(st.none() | st.floats(0, 4), st.none() | st.floats(0, 4), st.floats(0.2, 5)), max_size=80)


class TestWhateverHappens:
    @given(LAGS)
    def test_moves_are_apart_and_never_without_need(self, looks: list[tuple[float | None, float | None, float]]) -> None:
        keeper, now, moved_at = Keeper(), 100.0, float("-inf")
        lags = 0
        for backlog, buffer, pause in looks:
            now += pause
            move = keeper.look(backlog, buffer, LIMIT, 100.0, now)
            lags = lags + 1 if now - 100.0 >= JOINING and (backlog or 0) + (buffer or 0) > LIMIT else 0
            if move is not Move.NONE:
                assert lags >= 2
                assert now - moved_at >= (BETWEEN if move is Move.CATCH_UP else 8.0)
                moved_at = now

    @given(LAGS)
    def test_a_viewer_is_told_to_pull_again_once_until_it_recovered(
        self, looks: list[tuple[float | None, float | None, float]]
    ) -> None:
        keeper, now, told, within_since = Keeper(), 100.0, False, 100.0
        for backlog, buffer, pause in looks:
            now += pause
            lag = (backlog or 0) + (buffer or 0)
            if now - 100.0 < JOINING or (backlog is None and buffer is None) or lag > LIMIT:
                within_since = float("inf")
            else:
                within_since = min(within_since, now)
                told = told and now - within_since < RECOVERED
            if keeper.look(backlog, buffer, LIMIT, 100.0, now) is Move.PULL_AGAIN:
                assert not told
                told = True
