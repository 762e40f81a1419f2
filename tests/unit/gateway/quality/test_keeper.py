"""When a viewer that lags is moved on, and when it is told to pull again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.quality.keeper import BETWEEN, JOINING, LEAST, PATIENCE, RECOVERED, SHARE, Keeper, Move

LIMIT = 1.5
HOLDS = 4.0


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
            move = self.keeper.look(backlog, buffer, LIMIT, HOLDS, self.joined_at, self.now)
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

    @pytest.mark.parametrize("backlog", [None, 0.0, 0.1, 0.4])
    def test_a_player_holds_two_seconds_by_itself_and_that_is_no_lag(self, viewer: Story, backlog: float | None) -> None:
        assert viewer.lags(120, backlog, 2.0) == "." * 120

    @pytest.mark.parametrize("backlog", [None, 0.0, 0.4])
    def test_a_player_that_holds_too_much_is_told_to_pull_again_once_and_not_moved_on(
        self, viewer: Story, backlog: float | None
    ) -> None:
        assert viewer.lags(300, backlog, 5.0) == "........p" + "." * 291

    def test_one_that_plays_what_it_holds_too_much_is_left_alone(self, viewer: Story) -> None:
        assert viewer.lags(7, 0.1, 6.0) + viewer.lags(20, 0.1, 3.0) == "." * 27

    def test_one_that_lags_here_and_in_its_player_begins_here(self, viewer: Story) -> None:
        assert viewer.lags(3, 2.0, 3.0) + viewer.lags(300, 0.1, 3.0) == ".c." + "." * 300

    def test_either_may_be_unknown(self, viewer: Story) -> None:
        assert viewer.lags(3, 1.6, None) == ".c."
        assert viewer.lags(9, None, None) == "." * 9

    def test_being_moved_on_helped(self, viewer: Story) -> None:
        assert viewer.lags(2, 3.0) + viewer.lags(30, 0.2) == ".c" + "." * 30

    def test_it_did_not_help_and_the_viewer_is_told_to_pull_again_once_and_nothing_more(self, viewer: Story) -> None:
        assert viewer.lags(300, 3.0, 1.0) == ".c.......p" + "." * 290

    def test_one_that_cannot_be_moved_on_is_not_told_to_pull_again_for_it(self, viewer: Story) -> None:
        for _ in range(30):
            assert "p" not in viewer.lags(2, 2.0)
            viewer.keeper.in_vain()

    def test_one_that_lags_again_is_moved_on_again_but_not_at_once(self, viewer: Story) -> None:
        assert viewer.lags(2, 3.0) + viewer.lags(2, 0.2) + viewer.lags(9, 3.0) == ".c" + ".." + ".......c."

    def test_after_half_a_minute_close_to_the_present_it_begins_anew(self, viewer: Story) -> None:
        assert viewer.lags(10, 3.0) == ".c.......p"
        viewer.lags(29, 0.2)
        assert viewer.lags(60, 3.0) == "." * 60
        viewer.lags(31, 0.2)
        assert viewer.lags(10, 3.0) == ".c.......p"

    def test_a_viewer_that_has_just_joined_holds_a_group_of_pictures(self) -> None:
        assert Story().lags(7, 4.0) == ".....c."

    def test_so_does_one_that_connects_anew_and_it_is_not_told_to_pull_again_for_what_was_before(self, viewer: Story) -> None:
        assert viewer.lags(2, 3.0) == ".c"
        viewer.connects_anew()
        assert viewer.lags(12, 3.0) == ".........c.."

    def test_it_is_told_once_however_often_it_connects(self, viewer: Story) -> None:
        assert viewer.lags(9, 0.0, 5.0) == "........p"
        for _ in range(5):
            viewer.connects_anew()
            assert viewer.lags(60, 0.0, 5.0) == "." * 60


LAGS = st.lists(st.tuples(st.none() | st.floats(0, 4), st.none() | st.floats(0, 8), st.floats(0.2, 5)), max_size=80)


def beyond(backlog: float | None, buffer: float | None) -> bool:
    """A viewer lags too far: here, or in its player."""
    waits = backlog or 0.0
    lag = waits + (buffer or 0.0)
    return lag > (LIMIT if waits >= LEAST and waits >= SHARE * (lag - LIMIT) else HOLDS)


class TestWhateverHappens:
    @given(LAGS)
    def test_moves_are_apart_and_never_without_need(self, looks: list[tuple[float | None, float | None, float]]) -> None:
        keeper, now, moved_at = Keeper(), 100.0, float("-inf")
        lags = 0
        for backlog, buffer, pause in looks:
            now += pause
            move = keeper.look(backlog, buffer, LIMIT, HOLDS, 100.0, now)
            lags = lags + 1 if now - 100.0 >= JOINING and beyond(backlog, buffer) else 0
            if move is not Move.NONE:
                assert lags >= 2
                assert now - moved_at >= (BETWEEN if move is Move.CATCH_UP else PATIENCE)
                assert move is Move.PULL_AGAIN or (backlog is not None and backlog >= LEAST)
                moved_at = now

    @given(LAGS)
    def test_once_it_was_told_to_pull_again_nothing_is_done_until_it_recovered(
        self, looks: list[tuple[float | None, float | None, float]]
    ) -> None:
        keeper, now, told, within_since = Keeper(), 100.0, False, 100.0
        for backlog, buffer, pause in looks:
            now += pause
            if now - 100.0 < JOINING or (backlog is None and buffer is None) or beyond(backlog, buffer):
                within_since = float("inf")
            else:
                within_since = min(within_since, now)
                told = told and now - within_since < RECOVERED
            move = keeper.look(backlog, buffer, LIMIT, HOLDS, 100.0, now)
            assert not told or move is Move.NONE
            told = told or move is Move.PULL_AGAIN
