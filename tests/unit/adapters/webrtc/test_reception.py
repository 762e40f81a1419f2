"""Reception: whatever the network does, packets come out in order, once, and not later than promised."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.webrtc.reception import (
    MAX_HELD,
    MAX_JUMP,
    MAX_MISSING,
    MAX_REQUESTS,
    MAX_SEQUENCES,
    REORDERED,
    SHORTEST_WAIT,
    Ready,
    Reception,
)
from adapters.webrtc.rtcp import ntp_middle
from adapters.webrtc.rtp import RtpPacket

HOLD = 0.3
RATE = 90_000


def video(hold: float = HOLD, *, nack: bool = True) -> Reception:
    return Reception(7, RATE, hold, nack=nack)


def packet(sequence: int, timestamp: int | None = None, payload: bytes = b"x") -> RtpPacket:
    return RtpPacket(96, False, sequence & 0xFFFF, (sequence * 900 if timestamp is None else timestamp) & 0xFFFF_FFFF, 7, payload)


def numbers(ready: Ready) -> list[int | None]:
    return [None if one is None else one.sequence for one in ready]


def feed(reception: Reception, *sequences: int, now: float = 0.0) -> list[int | None]:
    return [number for sequence in sequences for number in numbers(reception.receive(packet(sequence), now))]


# Order ----------------------------------------------------------------------------------------------------------------


def test_packets_in_order_are_handed_on_at_once() -> None:
    reception = video()
    assert feed(reception, 65534, 65535, 0, 1) == [65534, 65535, 0, 1]
    assert reception.deadline is None


def test_overtaken_packets_are_put_in_order() -> None:
    assert feed(video(), 10, 12, 13, 11, 14) == [10, 11, 12, 13, 14]


def test_packets_come_out_once() -> None:
    reception = video()
    assert feed(reception, 10, 10, 12, 12, 11, 11, 13) == [10, 11, 12, 13]
    assert reception.late == 3


def test_gap_is_given_up_when_its_time_is_over() -> None:
    reception = video()
    assert feed(reception, 10, 12, 15, now=1.0) == [10]
    assert numbers(reception.expire(1.0 + HOLD - 0.001)) == []
    assert numbers(reception.expire(1.0 + HOLD)) == [None, 12, None, 15]
    assert reception.lost == 3
    assert reception.deadline is None


def test_gap_is_given_up_by_the_next_packet_if_the_timer_is_late() -> None:
    reception = video()
    feed(reception, 10, 12, now=1.0)
    assert feed(reception, 13, now=2.0) == [None, 12, 13]


def test_what_comes_after_it_was_given_up_is_dropped() -> None:
    reception = video()
    feed(reception, 10, 12)
    reception.expire(1.0)
    assert feed(reception, 11, 13, now=1.0) == [13]
    assert reception.late == 1


def test_long_gap_is_lost_at_once() -> None:
    reception = video()
    assert feed(reception, 10, 12) == [10]
    assert feed(reception, 13 + MAX_MISSING + 1) == [None, 12, None, 13 + MAX_MISSING + 1]
    assert reception.deadline is None
    assert reception.requests(9.0) == []


def test_packets_that_wait_are_bounded() -> None:
    reception = video(hold=1e9)
    assert feed(reception, 0, *range(2, 2 + MAX_HELD)) == [0]
    assert feed(reception, 2 + MAX_HELD)[:3] == [None, 2, 3]


def test_sender_that_begins_anew_is_believed_with_its_second_packet() -> None:
    reception = video()
    assert feed(reception, 10, 12) == [10]
    assert feed(reception, 30_000) == []
    assert feed(reception, 30_001, 30_002) == [None, 12, None, 30_000, 30_001, 30_002]


def test_stray_packet_from_far_away_changes_nothing() -> None:
    reception = video()
    assert feed(reception, 10, 10 + MAX_JUMP + 1, 11, 40_000, 12) == [10, 11, 12]


# Requests -------------------------------------------------------------------------------------------------------------


def test_missing_packet_is_asked_for_once_it_was_not_just_overtaken() -> None:
    reception = video()
    feed(reception, 10, 13, now=1.0)
    assert reception.deadline == 1.0 + REORDERED
    assert reception.requests(1.0) == []
    assert reception.requests(1.0 + REORDERED) == [11, 12]
    assert reception.requests(1.0 + REORDERED) == []


def test_requests_are_repeated_by_round_trip_until_the_packet_is_given_up() -> None:
    reception = video()
    feed(reception, 10, 12, now=1.0)
    assert reception.requests(1.1) == [11]
    feed(reception, 11, now=1.140)  # a round trip of 40 ms
    assert reception.round_trip is not None
    assert abs(reception.round_trip - 0.040) < 1e-9
    feed(reception, 14, now=2.0)
    asked_at = []
    now = 2.0
    while (deadline := reception.deadline) is not None:
        now = max(deadline, now)
        if reception.requests(now):
            asked_at.append(round(now - 2.0, 3))
        reception.expire(now)
    assert asked_at == [0.01, 0.07, 0.13, 0.19, 0.25]


def answered(reception: Reception, delay: float) -> int:
    """Loses a packet, and answers each request for it after `delay`; gives how often it was asked for."""
    lost = reception._next
    begin = lost + 10.0
    feed(reception, lost + 1, now=begin)
    asked = 0
    while True:
        now = reception.deadline or 0.0
        if asked and now >= begin + REORDERED + delay:
            reception.receive(packet(lost), begin + REORDERED + delay, again=True)
            return asked
        asked += bool(reception.requests(now))
        reception.expire(now)


def test_requests_slow_down_to_the_pace_of_the_path() -> None:
    reception = video()
    feed(reception, 1, 2)
    assert [answered(reception, 0.200) for _ in range(8)] == [3, 3, 2, 2, 2, 1, 1, 1]
    assert reception.round_trip is not None
    assert abs(reception.round_trip - 0.200) < 1e-6


def test_slow_path_is_waited_for_longer_but_not_for_ever() -> None:
    reception = video()
    for took, patience in ((0.150, 0.450), (0.299, 2 * HOLD)):
        reception.round_trip = took
        begin = reception._next + 10.0
        assert feed(reception, reception._next + 1, reception._next + 3, now=begin)[1:] == []
        while (deadline := reception.deadline) is not None and deadline < begin + patience - 1e-6:
            reception.requests(deadline)
            assert numbers(reception.expire(deadline)) == []
        assert reception.expire(begin + patience + 1e-6) != []


def test_requests_are_not_repeated_faster_than_any_answer_could_be() -> None:
    reception = video()
    feed(reception, 10, 12, now=1.0)
    reception.requests(1.5)
    feed(reception, 11, now=1.5001)
    feed(reception, 15, now=2.0)
    reception.requests(2.01)
    deadline = reception.deadline
    assert deadline is not None
    assert deadline >= 2.01 + SHORTEST_WAIT


def test_requests_are_bounded_in_number() -> None:
    reception = video(hold=1e9)
    feed(reception, 10, 12)
    asked = sum(bool(reception.requests(float(second))) for second in range(1, 100))
    assert asked == MAX_REQUESTS


def test_requests_are_bounded_in_size() -> None:
    reception = video()
    feed(reception, 0, MAX_SEQUENCES + 50)
    assert reception.requests(0.02) == list(range(1, MAX_SEQUENCES + 1))
    assert reception.requests(0.02) == list(range(MAX_SEQUENCES + 1, MAX_SEQUENCES + 50))


def test_retransmission_fills_the_gap() -> None:
    reception = video()
    feed(reception, 10, 12, now=0.0)
    reception.requests(0.02)
    assert numbers(reception.receive(packet(11), 0.06, again=True)) == [11, 12]
    assert (reception.recovered, reception.lost) == (1, 0)


def test_retransmission_of_what_never_came_waits_for_nothing() -> None:
    reception = video()
    assert reception.receive(packet(10), 0.0, again=True) == []
    feed(reception, 10)
    assert reception.receive(packet(12), 0.0, again=True) == []
    assert feed(reception, 11, 12) == [11, 12]


def test_without_nack_nothing_is_asked_for() -> None:
    reception = video(hold=0.06, nack=False)
    feed(reception, 10, 12)
    assert reception.requests(1.0) == []
    assert reception.deadline == 0.06


# Reports --------------------------------------------------------------------------------------------------------------


def test_nothing_is_reported_of_nothing() -> None:
    assert video().report(1.0) is None


def test_report_tells_what_was_lost() -> None:
    reception = video()
    feed(reception, *[sequence for sequence in range(65_436, 65_636) if sequence % 4])
    block = reception.report(1.0)
    assert block is not None
    assert (block.ssrc, block.highest, block.lost, block.fraction_lost) == (7, 65_635, 49, 49 * 256 // 199)
    feed(reception, *range(100, 200))
    block = reception.report(2.0)
    assert block is not None
    assert (block.highest, block.lost, block.fraction_lost) == (65_735, 49, 0)


def test_what_was_sent_again_was_lost_all_the_same() -> None:
    reception = video()
    feed(reception, 0, 1, 3)
    reception.receive(packet(2), 0.05, again=True)
    block = reception.report(1.0)
    assert block is not None
    assert (block.lost, block.fraction_lost) == (1, 64)
    assert reception.fraction_lost == 0.25


def test_duplicates_count_as_received() -> None:
    reception = video()
    feed(reception, 0, 1, 1, 1, 2)
    block = reception.report(1.0)
    assert block is not None
    assert (block.lost, block.fraction_lost) == (-2, 0)


def test_report_tells_when_the_senders_came() -> None:
    reception = video()
    feed(reception, 0)
    ntp = 0x1234_5678_9ABC_DEF0
    reception.sender_report(ntp, 10.0)
    block = reception.report(10.5)
    assert block is not None
    assert (block.lsr, block.dlsr) == (ntp_middle(ntp), 32_768)


def test_jitter_is_that_of_arrival_against_timestamps() -> None:
    even, uneven = video(), video()
    for frame in range(400):
        even.receive(packet(frame, frame * 3000), frame / 30)
        uneven.receive(packet(frame, frame * 3000), frame / 30 + (frame % 2) * 0.010)
    assert even.jitter < 1e-6
    assert abs(uneven.jitter - 0.010) < 1e-4


def test_packets_of_one_frame_do_not_count_as_jitter() -> None:
    reception = video()
    for number in range(400):
        reception.receive(packet(number, number // 10 * 3000), number // 10 / 30 + number % 10 * 0.003)
    assert reception.jitter < 1e-6


# Any network ----------------------------------------------------------------------------------------------------------


@given(
    start=st.integers(0, 65_535),
    fates=st.lists(st.tuples(st.booleans(), st.floats(0, 0.2), st.booleans()), min_size=1, max_size=120),
    nack=st.booleans(),
)
def test_any_loss_and_delay_gives_packets_in_order_once_and_in_time(
    start: int, fates: list[tuple[bool, float, bool]], nack: bool
) -> None:
    reception = video(nack=nack)
    arrivals = sorted(
        (index * 0.01 + delay, start + index)
        for index, (arrives, delay, twice) in enumerate(fates)
        if arrives or index == 0
        for _ in range(1 + twice)
    )
    out: list[int | None] = []
    for now, sequence in arrivals:
        while (deadline := reception.deadline) is not None and deadline <= now:
            assert len(reception.requests(deadline)) <= MAX_SEQUENCES
            out += numbers(reception.expire(deadline))
        out += feed(reception, sequence, now=now)
    while (deadline := reception.deadline) is not None:
        reception.requests(deadline)
        out += numbers(reception.expire(deadline))
    first = arrivals[0][1]
    given_out = [(number - first) & 0xFFFF for number in out if number is not None]
    assert given_out == sorted(set(given_out))
    came = {sequence - first for _, sequence in arrivals if sequence >= first}
    assert set(given_out) == came
    assert reception.lost == max(came) + 1 - len(came)
    assert out.count(None) <= reception.lost


@given(st.lists(st.tuples(st.integers(0, 65_535), st.integers(0, (1 << 32) - 1), st.booleans(), st.floats(0, 1))))
def test_any_packets_keep_it_bounded_and_its_report_writable(events: list[tuple[int, int, bool, float]]) -> None:
    reception, now = video(), 0.0
    for sequence, timestamp, again, passed in events:
        now += passed
        reception.receive(packet(sequence, timestamp), now, again=again)
        reception.requests(now)
        assert len(reception._missing) <= MAX_MISSING
        assert len(reception._held) <= MAX_HELD + 1
        block = reception.report(now)
        assert block is None or len(block.to_bytes()) == 24
