"""A viewer's own numbers, and what it gets again."""

from __future__ import annotations

import weakref
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.media.units import Codec, Medium
from adapters.webrtc.feed import RESEND_FLOOR, RESEND_GAP, UNSAFE, WRAP, Feed, renumbered
from adapters.webrtc.history import History
from adapters.webrtc.rtp import build, parse, rtx_unwrap
from adapters.webrtc.tracks import OutgoingTrack, Payload

RTX, PLAIN = Payload(102, 103), Payload(102)
SSRC, RTX_SSRC = 77, 78


class Watched(History):
    """Has no slots, so that it can be watched."""


def feed(payload: Payload = RTX) -> Feed:
    return Feed(OutgoingTrack(Medium.VIDEO, "0", {Codec.H264_LOW_DELAY: payload}, SSRC, RTX_SSRC, True))


def packet(number: int, size: int = 0) -> bytes:
    payload = number.to_bytes(4, "big", signed=True) + bytes(size)
    return build(102, number % 5 == 0, number % WRAP, number * 90 % (1 << 32), SSRC, payload)


def history(first: int, count: int, size: int = 0) -> History:
    return History(first, 10_000, 2.0, [packet(number, size) for number in range(first, first + count)])


def test_the_first_viewer_of_a_lane_takes_its_numbers_as_they_are() -> None:
    live = history(9000, 10)
    viewer = feed()
    viewer.follow(live, 9003, live, RTX)
    assert viewer.offset == 0


@given(st.integers(0, 10 * WRAP))
def test_nobody_begins_close_before_the_wrap(position: int) -> None:
    live = History(position, 100, 2.0)
    viewer = feed()
    viewer.follow(live, position, live, RTX)
    assert (position + viewer.offset) % WRAP < WRAP - UNSAFE


@given(st.integers(0, 3 * WRAP), st.integers(0, 0xFFFF))
def test_renumbering_changes_the_number_alone(number: int, offset: int) -> None:
    before = [packet(number), packet(number + 1)]
    after = [parse(data) for data in renumbered(before, offset)]
    assert [p.sequence for p in after] == [(number + offset) % WRAP, (number + 1 + offset) % WRAP]
    for old, new in zip(map(parse, before), after, strict=True):
        assert (old.payload_type, old.marker, old.timestamp, old.ssrc, old.payload) == (
            new.payload_type,
            new.marker,
            new.timestamp,
            new.ssrc,
            new.payload,
        )


@given(
    st.lists(st.tuples(st.integers(-5000, 5 * WRAP), st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=8),
    st.sampled_from([RTX, PLAIN]),
)
def test_numbers_have_no_gap_and_whatever_it_got_lately_it_can_have_again(
    stays: list[tuple[int, int, int]], payload: Payload
) -> None:
    """Each stay: from which position on it follows a history, how many packets of a burst it gets there, how many live ones."""
    viewer = feed(payload)
    got: list[tuple[int, bytes, int]] = []
    for stay, (position, bursts, lives) in enumerate(stays):
        burst, live = history(position, bursts), history(position + bursts, lives)
        viewer.follow(burst, position, live, payload)
        viewer.go_over(live, position + bursts)
        for number in range(position, position + bursts + lives):
            got.append(((number + viewer.offset) % WRAP, packet(number), stay))
        viewer.leave(position + bursts + lives, None)
    assert all((b - a) % WRAP == 1 for (a, _, _), (b, _, _) in pairwise(got))
    for sequence, original, stay in got:
        again = viewer.again([sequence], None, 1000.0 * (sequence + 1), 0.0)
        if not again:
            assert stay < len(stays) - 2, "only what it got before its last two stays may be forgotten"
            continue
        answer = parse(again[0])
        if payload is RTX:
            assert (answer.ssrc, answer.payload_type) == (RTX_SSRC, 103)
            unwrapped = rtx_unwrap(answer, 102, SSRC)
            assert unwrapped is not None
            answer = unwrapped
        expected = parse(original)
        expected.sequence = sequence
        assert answer == expected


def test_an_untouched_packet_is_sent_again_as_the_same_bytes() -> None:
    live = history(9000, 10)
    viewer = feed(PLAIN)
    viewer.follow(live, 9000, live, PLAIN)
    (again,) = viewer.again([9004], live.end, 0.0, 0.0)
    assert again is live.get(9004)


def test_retransmissions_count_for_themselves() -> None:
    live = history(9000, 10)
    viewer = feed()
    viewer.follow(live, 9000, live, RTX)
    first, second = map(parse, viewer.again([9004, 9001], live.end, 0.0, 0.0))
    assert second.sequence - first.sequence == 1


def test_the_same_packet_is_not_sent_again_within_a_round_trip() -> None:
    live = history(9000, 10)
    viewer = feed()
    viewer.follow(live, 9000, live, RTX)
    assert len(viewer.again([9004], live.end, 1.0, 0.1)) == 1
    assert viewer.again([9004, 9004], live.end, 1.05, 0.1) == []
    assert len(viewer.again([9004], live.end, 1.11, 0.1)) == 1
    assert viewer.again([9004], live.end, 1.11 + RESEND_GAP / 2, 0.0) == []


def test_what_was_not_sent_yet_or_is_forgotten_is_not_answered() -> None:
    live = history(9000, 10)
    viewer = feed()
    assert viewer.again([9004], None, 0.0, 0.0) == []
    viewer.follow(live, 9005, live, RTX)
    assert viewer.again([9004, 9010, 8999, 0], live.end, 0.0, 0.0) == []


@given(st.integers(0, 5 * WRAP), st.integers(0, 60), st.integers(0, 60), st.sampled_from([RTX, PLAIN]), st.booleans())
def test_it_can_have_again_what_it_was_sent_and_nothing_else(
    position: int, sent: int, unsent: int, payload: Payload, left: bool
) -> None:
    live = history(position, sent + unsent)
    viewer = feed(payload)
    viewer.follow(live, position, live, payload)
    here = position + sent
    if left:
        viewer.leave(here, None)
    numbers = [(number + viewer.offset) % WRAP for number in range(position - 10, live.end + 10)]
    again = viewer.again(numbers, None if left else here, 0.0, 0.0)
    assert [parse(data).timestamp for data in again] == [parse(packet(n)).timestamp for n in range(position, here)]


def test_what_was_of_another_type_comes_again_as_that_type_does() -> None:
    others = {RTX: 103, Payload(96, 97): 97, PLAIN: 102}
    viewer, position = feed(), 9000
    for payload in others:
        live = history(position, 10)
        viewer.follow(live, position, live, payload)
        position += 10
        viewer.leave(position, None)
    again = [parse(data) for data in viewer.again([9005, 9015, 9025], None, 0.0, 0.0)]
    assert [answer.payload_type for answer in again] == list(others.values())


def test_without_rtx_nothing_older_than_the_replay_window_is_sent_again() -> None:
    live = history(9000, 3000)
    viewer = feed(PLAIN)
    viewer.follow(live, 9000, live, PLAIN)
    assert viewer.again([9000, 10_900], live.end, 0.0, 0.0) == []
    assert len(viewer.again([11_100], live.end, 0.0, 0.0)) == 1


@given(st.lists(st.lists(st.integers(0, WRAP - 1), max_size=400), max_size=30), st.floats(0, 0.2))
def test_what_it_may_have_again_is_bounded(asked: list[list[int]], pause: float) -> None:
    live = history(9000, 2000, size=1000)
    viewer = feed()
    viewer.follow(live, 9000, live, RTX)
    given_again, now = 0, 10.0
    for sequences in asked:
        now += pause
        given_again += sum(map(len, viewer.again([*sequences, *range(9000, 9400)], live.end, now, 0.0)))
    assert given_again <= RESEND_FLOOR * (1 + pause * len(asked)) + 1100 * (len(asked) + 1)


def test_a_burst_is_forgotten_when_told() -> None:
    burst, live = history(9000, 10), history(9010, 10)
    viewer = feed()
    viewer.follow(burst, 9000, live, RTX)
    viewer.forget(viewer.go_over(live, 9010))
    assert viewer.again([9005], live.end, 0.0, 0.0) == []
    assert len(viewer.again([9015], live.end, 0.0, 0.0)) == 1


def test_a_stay_is_forgotten_when_told_and_a_later_one_is_not() -> None:
    live = history(9000, 20)
    viewer = feed()
    viewer.follow(live, 9000, live, RTX)
    end = viewer.leave(9010, None)
    viewer.follow(live, 9010, live, RTX)
    viewer.forget(end)
    assert viewer.again([9005], live.end, 0.0, 0.0) == []
    assert len(viewer.again([9015], live.end, 0.0, 0.0)) == 1


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=8))
def test_nothing_is_held_on_to_for_a_viewer_that_is_gone(stays: list[tuple[int, int]]) -> None:
    """Each stay: how many packets of a burst it gets, and how many live ones."""
    viewer = feed()
    kept: list[weakref.ref[History]] = []
    for bursts, lives in stays:
        burst, live = (Watched(9000 + skipped, 10_000, 2.0, [packet(0)] * 3) for skipped in (0, bursts))
        kept += [weakref.ref(burst), weakref.ref(live)]
        viewer.follow(burst, 9000, live, RTX)
        viewer.go_over(live, 9000 + bursts)
        end = viewer.leave(9000 + bursts + lives, None)
        del burst, live
    if stays:
        viewer.forget(end)
    assert [ref() for ref in kept] == [None] * len(kept)


@pytest.mark.parametrize("position", [WRAP - 3, 5 * WRAP - 3])
def test_numbers_go_on_over_the_wrap(position: int) -> None:
    live = history(position - 20_000, 20_010)
    viewer = feed()
    viewer.follow(live, position - 20_000, live, RTX)
    again = [parse(data).payload[:2] for data in viewer.again([WRAP - 1, 0], live.end, 0.0, 0.0)]
    assert again == [b"\xff\xff", b"\0\0"]
