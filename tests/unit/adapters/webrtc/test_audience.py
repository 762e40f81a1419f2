"""Who gets which packets, when, and with which numbers."""

from __future__ import annotations

import gc
import os
import weakref
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from adapters.media.units import Codec, Medium
from adapters.webrtc.aiortc_internals import SrtpError
from adapters.webrtc.audience import REFRESH_AFTER, REFRESH_PAUSE
from adapters.webrtc.depacketizer import H264Depacketizer
from adapters.webrtc.feed import WRAP
from adapters.webrtc.history import RUN, History
from adapters.webrtc.lane import BURST_KEPT, COHORT_VIEWERS
from adapters.webrtc.packing import SoundClock
from adapters.webrtc.player import STRUGGLE_STRIKES, WebRtcPlayer
from adapters.webrtc.rtcp import Nack, PictureLoss, ReceiverReport, ReportBlock, compound
from adapters.webrtc.rtp import RtpPacket
from adapters.webrtc.tracks import Payload
from gateway.errors import INTERNAL_ERROR, MEDIA_SERVER_CLOSED, GatewayError
from gateway.rooms.model import BOTH_MEDIA
from tests.support.rtp_viewers import H264, OPUS, VP8, KeepingOutlet, RtpStage, contiguous
from tests.support.streams import OTHER_VIDEO_CONFIG

VIDEO, AUDIO = Medium.VIDEO, Medium.AUDIO
IDR, SLICE, AGGREGATE, FRAGMENT = 5, 1, 24, 28


def playing(viewers: int, *, budget: int = 250) -> tuple[RtpStage, list[KeepingOutlet]]:
    """Viewers that have had a keyframe."""
    stage = RtpStage(budget=budget)
    stage.configure()
    outlets = [stage.join()[1] for _ in range(viewers)]
    stage.picture(key=True)
    stage.loop.advance(0.02)
    return stage, outlets


def begins_with_keyframe(packets: list[RtpPacket]) -> bool:
    """Parameter sets come with the keyframe, in an aggregate before it."""
    return packets[0].payload[0] & 0x1F == AGGREGATE


def slices(packets: list[RtpPacket]) -> list[int]:
    """Numbers of the pictures that are single slices."""
    return [int.from_bytes(packet.payload[1:5], "big") for packet in packets if packet.payload[0] & 0x1F == SLICE]


# Sharing -----------------------------------------------------------------------------------------------------------------


def test_viewers_of_a_kind_get_the_very_same_packets() -> None:
    stage, outlets = playing(COHORT_VIEWERS * 2 + 1)
    stage.picture(5000)
    stage.sound()
    stage.loop.advance(0.02)
    first = outlets[0].sent
    assert len(first) > 6
    for outlet in outlets[1:]:
        assert all(a is b for a, b in zip(outlet.sent, first, strict=True))


def test_other_payload_types_are_other_packets_with_the_same_content() -> None:
    stage = RtpStage()
    stage.configure()
    _, one = stage.join()
    _, other = stage.join(video=Payload(125, 107), audio=Payload(109))
    stage.picture(5000, key=True)
    stage.sound()
    stage.loop.settle()
    for medium, types in ((VIDEO, (102, 125)), (AUDIO, (111, 109))):
        ours, theirs = stage.of(one, medium), stage.of(other, medium)
        assert {packet.payload_type for packet in ours} == {types[0]}
        assert {packet.payload_type for packet in theirs} == {types[1]}
        assert all(a.payload is not None and a.payload == b.payload for a, b in zip(ours, theirs, strict=True))
        assert [p.timestamp for p in ours] == [p.timestamp for p in theirs]


def test_two_streams_of_one_process_share_sources_and_bases() -> None:
    stage = RtpStage()
    assert len({ssrc for pair in stage.manner.ssrcs.values() for ssrc in pair}) == 4


# Beginning ---------------------------------------------------------------------------------------------------------------


def test_without_pictures_video_waits_for_a_keyframe_that_is_asked_for_and_sound_comes_at_once() -> None:
    stage = RtpStage()
    stage.configure()
    _, outlet = stage.join()
    assert stage.keyframes_wanted == 1
    stage.sound()
    stage.picture()
    assert (len(stage.of(outlet, AUDIO)), len(stage.of(outlet, VIDEO))) == (1, 0)
    stage.picture(key=True)
    assert begins_with_keyframe(stage.of(outlet, VIDEO))


def test_a_keyframe_that_does_not_come_is_asked_for_each_second() -> None:
    stage = RtpStage()
    stage.configure()
    stage.join()
    stage.loop.advance(3.5)
    assert stage.keyframes_wanted == 4


def test_a_viewer_may_join_before_anything_is_known_of_the_stream() -> None:
    stage = RtpStage()
    _, outlet = stage.join()
    stage.configure()
    stage.picture(key=True)
    stage.sound()
    assert begins_with_keyframe(stage.of(outlet, VIDEO))
    assert len(stage.of(outlet, AUDIO)) == 1


def test_a_joiner_gets_the_newest_pictures_and_then_what_everyone_gets() -> None:
    stage, (first,) = playing(1)
    for _ in range(10):
        stage.picture(3000)
        stage.loop.advance(0.033)
    _, late = stage.join()
    stage.loop.advance(0.1)
    stage.picture(3000)
    stage.loop.advance(0.05)
    got = stage.of(late, VIDEO)
    assert begins_with_keyframe(got)
    assert contiguous(got)
    assert [packet.payload for packet in got] == [packet.payload for packet in stage.of(first, VIDEO)]
    assert late.sent[-1] is first.sent[-1]


def test_pictures_that_come_while_a_joiner_catches_up_wait_their_turn() -> None:
    stage, _ = playing(1)
    for _ in range(20):
        stage.picture(12_000)
        stage.loop.advance(0.033)
    _, late = stage.join()
    for _ in range(20):
        stage.picture(2000)
        stage.loop.advance(0.003)
    stage.loop.advance(0.2)
    got = stage.of(late, VIDEO)
    assert contiguous(got)
    assert len({packet.timestamp for packet in got}) == 41


def test_a_joiners_pictures_are_paced() -> None:
    stage, _ = playing(1)
    for _ in range(10):
        stage.picture(30_000)
        stage.loop.advance(0.033)
    _, late = stage.join()
    begin = stage.loop.now
    stage.loop.advance(0.02)
    halfway = sum(map(len, late.sent))
    stage.loop.advance(0.1)
    whole = sum(map(len, late.sent))
    assert whole > 300_000
    assert halfway <= 30_000_000 / 8 * 0.02 + RUN * 1200
    assert max(late.portions) <= RUN
    assert stage.loop.now - begin == pytest.approx(0.12)


def test_joiners_between_two_pictures_share_packets() -> None:
    stage, _ = playing(1)
    stage.picture(5000)
    _, one = stage.join()
    stage.loop.advance(0.005)
    _, other = stage.join()
    stage.loop.advance(0.05)
    assert all(a is b for a, b in zip(one.sent, other.sent, strict=True))


def test_a_joiner_may_ask_for_its_first_pictures_again_for_a_second() -> None:
    stage, _ = playing(1)
    stage.picture(5000)
    player, late = stage.join()
    stage.loop.advance(0.05)
    sequences = tuple(packet.sequence for packet in stage.of(late, VIDEO))
    ssrc = stage.manner.ssrcs[VIDEO][0]
    player.rtcp(compound([Nack(1, ssrc, sequences)]), stage.loop.now)
    assert len(stage.resent(late, VIDEO)) == len(sequences)
    stage.loop.advance(1.1)
    player.rtcp(compound([Nack(1, ssrc, sequences)]), stage.loop.now)
    assert len(stage.resent(late, VIDEO)) == len(sequences)


@pytest.mark.parametrize("video", [H264, Payload(102)])
def test_a_joiner_that_asks_for_what_it_was_not_sent_yet_gets_that_in_its_turn(video: Payload) -> None:
    stage, _ = playing(1)
    for _ in range(60):
        stage.picture(30_000)
    player, late = stage.join(video=video)
    late.encrypt = Session(Policy(os.urandom(30), Policy.SSRC_ANY_OUTBOUND)).protect
    stage.loop.advance(0.01)
    (*_, newest) = stage.of(late, VIDEO)
    before = len(late.sent)
    wanted = tuple((newest.sequence + ahead) % WRAP for ahead in (1, 100, 1500))
    player.rtcp(compound([Nack(1, newest.ssrc, wanted)]), stage.loop.now)
    assert len(late.sent) == before
    stage.loop.advance(0.5)
    stage.picture()
    assert contiguous(stage.of(late, VIDEO))
    assert len(stage.of(late, VIDEO)) > 1500
    assert stage.endings == []


@pytest.mark.parametrize("through", [False, True])
@pytest.mark.parametrize("how", ["mute", "leave", "codec"])
def test_the_newest_pictures_are_not_held_on_to_for_a_joiner_that_was_taken_out(
    how: str, through: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Watched(History):
        """Has no slots, so that it can be watched."""

    monkeypatch.setattr("adapters.webrtc.packing.History", Watched)
    stage, _ = playing(1)
    for _ in range(10):
        stage.picture(30_000)
    player, _ = stage.join()
    stage.loop.advance(0.5 if through else 0.01)
    cohort = player.seats[VIDEO].cohort
    assert cohort is not None
    assert isinstance(cohort.source, Watched) is not through
    bursts = [weakref.ref(each) for each in gc.get_objects() if isinstance(each, Watched)]
    del cohort
    if how == "mute":
        player.media = frozenset({AUDIO})
        stage.audience.update(player, stage.now)
    elif how == "leave":
        stage.audience.detach(player)
    else:
        stage.configure(b"", Codec.VP8)
    stage.picture()
    stage.loop.advance(BURST_KEPT + 0.1)
    assert bursts
    assert [ref() for ref in bursts] == [None] * len(bursts)


def test_what_comes_after_them_may_be_asked_for_again_too() -> None:
    stage, _ = playing(1)
    stage.picture(5000)
    player, late = stage.join()
    stage.loop.advance(1.5)
    stage.picture(3000)
    stage.picture(3000)
    lost = stage.of(late, VIDEO)[-5:]
    ssrc = stage.manner.ssrcs[VIDEO][0]
    player.rtcp(compound([Nack(1, ssrc, tuple(packet.sequence for packet in lost))]), stage.loop.now)
    assert [packet.payload[2:] for packet in stage.resent(late, VIDEO)] == [packet.payload for packet in lost]


def test_a_viewer_of_sound_alone_gets_sound_alone() -> None:
    stage, _ = playing(1)
    _, outlet = stage.join(video=None)
    stage.picture()
    stage.sound()
    assert [packet.ssrc for packet in stage.of(outlet, AUDIO)] == [stage.manner.ssrcs[AUDIO][0]]
    assert len(outlet.sent) == 1


def test_video_without_a_common_codec_is_not_sent() -> None:
    stage, _ = playing(1)
    player, outlet = stage.player(codec=Codec.VP8, video=VP8)
    stage.audience.attach(player, stage.now)
    stage.picture(key=True)
    assert stage.of(outlet, VIDEO) == []


def test_a_stream_that_turns_to_another_codec() -> None:
    stage = RtpStage()
    stage.configure()
    player, outlet = stage.player(video=Payload(102))
    video = player.seats[VIDEO].track
    player.seats[VIDEO].track = type(video)(
        video.medium, video.mid, {Codec.H264_LOW_DELAY: Payload(102), Codec.VP8: Payload(96)}, video.ssrc, video.rtx_ssrc, True
    )
    stage.audience.attach(player, 0)
    stage.picture(key=True)
    stage.configure(b"", Codec.VP8)
    stage.picture(codec=Codec.VP8)
    stage.picture(codec=Codec.VP8, key=True)
    stage.loop.settle()
    packets = stage.of(outlet, VIDEO)
    assert contiguous(packets)
    assert {packet.payload_type for packet in packets} == {102, 96}


def test_parameter_sets_go_with_each_keyframe_and_are_the_newest() -> None:
    stage, (outlet,) = playing(1)
    stage.configure(OTHER_VIDEO_CONFIG)
    stage.picture(key=True)
    newest = stage.of(outlet, VIDEO)[-1]
    assert OTHER_VIDEO_CONFIG[8:22] in newest.payload


def test_a_joiner_can_put_together_every_picture() -> None:
    stage, _ = playing(1)
    published = [stage.picture(size, key=size == 9000) for size in (9000, 40, 3000, 1100)]
    _, late = stage.join()
    stage.loop.advance(0.1)
    published += [stage.picture(size) for size in (5000, 20)]
    depacketizer = H264Depacketizer()
    frames = [frame for packet in stage.of(late, VIDEO) for frame in depacketizer.push(packet)]
    assert [frame.payload for frame in frames] == [unit.payload for unit in published]
    assert [frame.keyframe for frame in frames] == [unit.keyframe for unit in published]
    assert len(frames[0].parameter_sets) == 2


# Times -------------------------------------------------------------------------------------------------------------------


def test_times_are_those_of_the_stream() -> None:
    stage, (outlet,) = playing(1)
    stage.loop.advance(0.98)
    stage.picture()
    stage.sound()
    assert stage.now == 1000
    video, audio = stage.of(outlet, VIDEO)[-1], stage.of(outlet, AUDIO)[-1]
    assert (video.timestamp - stage.manner.bases[VIDEO]) % (1 << 32) == 90_000
    assert (audio.timestamp - stage.manner.bases[AUDIO]) % (1 << 32) == 48_000
    assert (video.marker, audio.marker) == (True, False)


def test_sound_that_fits_no_datagram_is_left_out() -> None:
    stage, (outlet,) = playing(1)
    stage.sound(1401)
    assert stage.of(outlet, AUDIO) == []


# Turns -------------------------------------------------------------------------------------------------------------------


def test_few_small_packets_are_sent_where_they_come_up() -> None:
    stage, outlets = playing(3)
    before = [len(outlet.sent) for outlet in outlets]
    stage.sound()
    assert [len(outlet.sent) for outlet in outlets] == [count + 1 for count in before]


def test_a_large_picture_to_many_does_not_hold_up_the_loop() -> None:
    budget = 100
    stage, outlets = playing(60, budget=budget)
    for outlet in outlets:
        outlet.sent.clear()
    stage.picture(60_000)
    steps: list[int] = []
    before = 0
    for _ in range(60):
        stage.loop.settle()
        while stage.loop.step():
            pass
        stage.loop.advance(0.001)
        total = sum(len(outlet.sent) for outlet in outlets)
        steps.append(total - before)
        before = total
    assert all(contiguous(stage.of(outlet, VIDEO)) for outlet in outlets)
    assert len({len(outlet.sent) for outlet in outlets}) == 1
    assert len(outlets[0].sent) > 2 * RUN


def test_one_turn_of_the_loop_sends_hardly_more_than_its_budget() -> None:
    budget = 100
    stage, outlets = playing(60, budget=budget)
    stage.picture(60_000)
    before = sum(len(outlet.sent) for outlet in outlets)
    while stage.loop.step():
        total = sum(len(outlet.sent) for outlet in outlets)
        assert total - before <= budget + COHORT_VIEWERS * RUN
        before = total


def test_nobody_waits_for_anothers_whole_picture() -> None:
    stage, outlets = playing(60)
    for outlet in outlets:
        outlet.sent.clear()
    stage.picture(100_000)
    stage.loop.settle()
    assert {len(outlet.sent) for outlet in outlets} == {RUN}


def test_sound_is_not_held_up_by_a_large_picture() -> None:
    stage, outlets = playing(60)
    stage.picture(100_000)
    stage.sound()
    stage.loop.settle()
    assert all(len(stage.of(outlet, AUDIO)) == 1 for outlet in outlets)


def test_cohorts_grow_together_again() -> None:
    stage = RtpStage()
    stage.configure()
    stage.picture(3000, key=True)
    outlets = []
    for _ in range(COHORT_VIEWERS):
        outlets.append(stage.join()[1])
        stage.loop.advance(0.033)
        stage.picture(3000)
    stage.loop.advance(0.1)
    stage.picture(3000)
    stage.loop.advance(0.1)
    (lane,) = stage.audience._lanes.of(VIDEO)
    assert len(lane.cohorts) == 1


# Muting, moving, leaving ---------------------------------------------------------------------------------------------------


def test_a_muted_medium_stops_at_once_and_comes_back_without_a_gap() -> None:
    stage, _ = playing(1)
    player, outlet = stage.join()
    stage.loop.advance(0.05)
    player.media = frozenset({VIDEO})
    stage.audience.update(player, stage.now)
    stage.sound()
    assert stage.of(outlet, AUDIO) == []
    player.media = BOTH_MEDIA
    stage.audience.update(player, stage.now)
    stage.sound()
    player.media = frozenset({AUDIO})
    stage.audience.update(player, stage.now)
    before = len(stage.of(outlet, VIDEO))
    stage.picture(key=True)
    stage.picture()
    assert len(stage.of(outlet, VIDEO)) == before
    player.media = BOTH_MEDIA
    stage.audience.update(player, stage.now)
    stage.loop.advance(0.05)
    stage.picture()
    packets = stage.of(outlet, VIDEO)
    assert contiguous(packets)
    assert begins_with_keyframe(packets[before:])
    assert contiguous(stage.of(outlet, AUDIO))


def test_a_viewer_that_moves_to_another_audience_keeps_its_clock_and_its_numbers() -> None:
    stage, _ = playing(1)
    player, outlet = stage.join()
    stage.loop.advance(0.05)
    stage.audience.detach(player)
    stage.audience = stage.gather()
    stage.audience.attach(player, stage.now)
    stage.loop.advance(0.05)
    stage.picture(key=True)
    stage.picture()
    packets = stage.of(outlet, VIDEO)
    assert contiguous(packets)
    times = [(packet.timestamp - stage.manner.bases[VIDEO]) % (1 << 32) for packet in packets]
    assert times == sorted(times)


def test_whoever_left_gets_nothing_and_leaves_nothing() -> None:
    stage = RtpStage()
    stage.configure()
    stage.picture(key=True)
    for _ in range(3):
        players = [stage.join()[0] for _ in range(5)]
        stage.sound()
        stage.picture(50_000)
        for player in players:
            stage.audience.detach(player)
            stage.audience.detach(player)
    sent = [len(player.outlet.sent) for player in stage.players]  # type: ignore[attr-defined]
    stage.picture(key=True)
    stage.sound()
    stage.loop.advance(3)
    assert [len(player.outlet.sent) for player in stage.players] == sent  # type: ignore[attr-defined]
    assert stage.loop.pending == 0
    assert len(stage.audience) == 0
    assert stage.stats["webrtc"].viewers == 0
    assert len(stage.audience._lanes) == 0


def test_joining_twice_is_joining_once() -> None:
    stage, _ = playing(1)
    player, outlet = stage.join()
    stage.audience.attach(player, stage.now)
    stage.loop.advance(0.05)
    assert stage.stats["webrtc"].viewers == 2
    assert contiguous(stage.of(outlet, VIDEO))


def test_the_end_of_the_stream() -> None:
    stage, _ = playing(3)
    error = GatewayError(MEDIA_SERVER_CLOSED)
    stage.audience.end(error)
    stage.loop.advance(3)
    assert stage.endings == [error] * 3
    assert stage.loop.pending == 0


# Who cannot keep up ----------------------------------------------------------------------------------------------------------


def report(stage: RtpStage, player: WebRtcPlayer, loss: int) -> None:
    block = ReportBlock(stage.manner.ssrcs[VIDEO][0], loss, 0, 0, 0, 0, 0)
    player.rtcp(compound([ReceiverReport(1, (block,))]), stage.loop.now)


def test_a_viewer_that_loses_too_much_skips_to_the_next_keyframe_and_hurts_nobody() -> None:
    stage, (other,) = playing(1)
    player, outlet = stage.join()
    for _ in range(STRUGGLE_STRIKES):
        report(stage, player, 128)
        stage.loop.advance(1.0)
    assert stage.stats["webrtc"].skips == 1
    assert (player.feeding.behind, player.feeding.skips) == (True, 1)
    before = len(stage.of(outlet, VIDEO))
    stage.picture()
    stage.sound()
    assert len(stage.of(outlet, VIDEO)) == before
    assert len(stage.of(outlet, AUDIO)) == 1
    wanted = stage.keyframes_wanted
    stage.loop.advance(1.0)
    assert stage.keyframes_wanted == wanted + 1
    stage.picture(key=True)
    assert not player.feeding.behind
    assert begins_with_keyframe(stage.of(outlet, VIDEO)[before:])
    assert contiguous(stage.of(outlet, VIDEO))
    assert contiguous(stage.of(other, VIDEO))
    assert slices(stage.of(other, VIDEO))
    assert stage.endings == []


def test_a_viewer_whose_packets_nobody_takes_skips_too() -> None:
    stage, _ = playing(1)
    _, outlet = stage.join()
    stage.loop.advance(0.05)
    outlet.full = True
    for _ in range(STRUGGLE_STRIKES + 1):
        stage.picture(3000)
        stage.loop.advance(1.0)
    assert stage.stats["webrtc"].skips == 1


def test_a_viewer_that_is_overtaken_goes_on_with_a_keyframe() -> None:
    stage, (outlet,) = playing(1)
    stage.picture(200_000)
    stage.loop.settle()
    stage.loop.now += 3  # the loop stood still
    stage.picture()
    stage.loop.settle()
    assert stage.stats["webrtc"].skips == 1
    before = len(stage.of(outlet, VIDEO))
    stage.picture(key=True)
    stage.loop.advance(1)
    assert contiguous(stage.of(outlet, VIDEO))
    assert begins_with_keyframe(stage.of(outlet, VIDEO)[before:])


@pytest.mark.parametrize("leave", [True, False])
def test_a_viewer_that_leaves_its_video_is_behind_no_more(leave: bool) -> None:
    stage, _ = playing(1)
    player, _ = stage.join()
    for _ in range(STRUGGLE_STRIKES):
        report(stage, player, 128)
        stage.loop.advance(1.0)
    assert player.feeding.behind
    if leave:
        stage.audience.detach(player)
    else:
        player.media = frozenset({AUDIO})
        stage.audience.update(player, stage.now)
    assert not player.feeding.behind


def test_the_first_picture_is_that_of_the_opening_or_the_next_keyframe() -> None:
    stage = RtpStage()
    stage.configure()
    early, _ = stage.join()
    hearer, _ = stage.join(video=None)
    stage.sound()
    assert early.feeding.first_picture_at is None
    stage.loop.advance(0.5)
    at = stage.loop.now
    stage.picture(key=True)
    stage.loop.advance(0.5)
    late, _ = stage.join()
    assert (early.feeding.first_picture_at, late.feeding.first_picture_at) == (at, stage.loop.now)
    assert hearer.feeding.first_picture_at is None


def test_nothing_waits_here_that_could_be_left_out() -> None:
    stage, _ = playing(1)
    player, _ = stage.join()
    assert not stage.audience.catch_up(player, 0)


def test_what_everyone_gets_counts_as_delayed_until_it_is_through_and_what_a_joiner_gets_first_does_not() -> None:
    stage = RtpStage()
    stage.configure()
    stage.join(audio=None)
    stage.picture(key=True)
    stage.loop.settle()
    delay = stage.stats["webrtc"].delay
    assert (sum(delay.counts), delay.total) == (1, 0)
    stage.picture(40_000)
    stage.loop.advance(0.5)
    assert sum(delay.counts) == 2
    assert 0 < delay.total < 0.02
    stage.join(audio=None)
    stage.loop.advance(0.5)
    assert sum(delay.counts) == 2


def pli(stage: RtpStage, player: WebRtcPlayer) -> None:
    player.rtcp(compound([PictureLoss(1, stage.manner.ssrcs[VIDEO][0])]), stage.loop.now)


def test_a_viewer_that_asks_for_a_keyframe_in_vain_is_given_the_newest_pictures() -> None:
    stage, _ = playing(1)
    player, outlet = stage.join()
    for _ in range(3):
        stage.picture(2000)
        stage.loop.advance(0.033)
    before = len(stage.of(outlet, VIDEO))
    pli(stage, player)
    stage.loop.advance(REFRESH_AFTER / 2)
    pli(stage, player)
    assert len(stage.of(outlet, VIDEO)) == before
    stage.loop.advance(REFRESH_AFTER)
    pli(stage, player)
    stage.loop.advance(0.02)
    again = stage.of(outlet, VIDEO)
    assert begins_with_keyframe(again[before:])
    stage.loop.advance(0.01)
    stage.picture(2000)
    packets = stage.of(outlet, VIDEO)
    assert contiguous(packets)
    times = [(packet.timestamp - stage.manner.bases[VIDEO]) % (1 << 32) for packet in packets]
    assert times == sorted(times)


def test_the_newest_pictures_are_not_given_again_and_again() -> None:
    stage, _ = playing(1)
    player, outlet = stage.join()
    stage.loop.advance(0.05)
    per_burst = len(stage.of(outlet, VIDEO))
    for _ in range(100):
        pli(stage, player)
        stage.loop.advance(0.1)
    assert len(stage.of(outlet, VIDEO)) <= per_burst * (2 + 10 / REFRESH_PAUSE)


def test_a_keyframe_answers_the_plea() -> None:
    stage, _ = playing(1)
    player, outlet = stage.join()
    stage.loop.advance(0.05)
    pli(stage, player)
    stage.loop.advance(REFRESH_AFTER)
    stage.picture(key=True)
    before = len(stage.of(outlet, VIDEO))
    pli(stage, player)
    stage.loop.advance(0.05)
    assert len(stage.of(outlet, VIDEO)) == before


@pytest.mark.parametrize("members", [1, 3])
def test_a_viewer_whose_packets_cannot_be_encrypted_is_let_go_and_hurts_nobody(
    members: int, caplog: pytest.LogCaptureFixture
) -> None:
    stage, _ = playing(members - 1)
    broken, outlet = stage.join()
    _, other = stage.join(video=Payload(102))
    stage.loop.advance(0.05)
    kept = [player.outlet for player in stage.players if player is not broken]
    before = len(outlet.sent)

    def refuse(packet: bytes) -> bytes:
        raise SrtpError("replay check failed (index too old)")

    outlet.encrypt = refuse
    for _ in range(3):
        stage.picture(40_000)
        stage.sound()
        stage.loop.advance(0.05)
    assert len(outlet.sent) == before
    assert [error.fault for error in stage.endings if error] == [INTERNAL_ERROR]
    assert stage.stats["webrtc"].viewers == len(stage.audience) == members
    assert stage.stats["webrtc"].dropped == 1
    assert [record.name for record in caplog.records].count("adapters.webrtc.audience") == 1
    for each in kept:
        assert isinstance(each, KeepingOutlet)
        assert contiguous(stage.of(each, VIDEO))
        assert len(stage.of(each, VIDEO)) > 3 * 30
        assert stage.of(each, VIDEO)[-1].payload == stage.of(other, VIDEO)[-1].payload


# Any history -----------------------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("picture"), st.integers(10, 60_000)),
        st.tuples(st.just("keyframe"), st.integers(10, 60_000)),
        st.tuples(st.just("sound"), st.integers(5, 1000)),
        st.tuples(st.just("pause"), st.integers(1, 1500)),
        st.tuples(st.just("join"), st.integers(0, 3)),
        st.tuples(st.just("leave"), st.integers(0, 20)),
        st.tuples(st.just("mute"), st.integers(0, 60)),
        st.tuples(st.just("move"), st.integers(0, 20)),
        st.tuples(st.just("suffer"), st.integers(0, 20)),
        st.tuples(st.just("plea"), st.integers(0, 20)),
        st.tuples(st.just("nack"), st.integers(0, 20)),
    ),
    min_size=20,
    max_size=100,
)
KINDS: list[dict[str, Payload]] = [
    {},
    {},
    {"video": Payload(125)},
    {"audio": Payload(109), "video": Payload(106, 107)},
]


class Story:
    """A stream, two audiences of it, and what happens to them."""

    def __init__(self, first: int, seed: int) -> None:
        self.stage = RtpStage(seed=seed)
        self.stage.manner.first = first
        self.stage.audience = self.stage.gather()
        self.other = self.stage.gather()
        self.stage.configure()
        self.where: dict[WebRtcPlayer, Any] = {}

    def do(self, what: str, number: int) -> None:
        stage = self.stage
        if what in {"picture", "keyframe"}:
            unit = stage.picture(number, key=what == "keyframe")
            self.other.write(unit, video=True, keyframe=unit.keyframe, video_comes=True)
            stage.loop.advance(0.02)
        elif what == "sound":
            self.other.write(stage.sound(number), video=False, keyframe=False, video_comes=True)
        elif what == "pause":
            stage.loop.advance(number / 1000)
        elif what == "join":
            player, _ = stage.join(**KINDS[number])
            self.where[player] = stage.audience
        elif self.where:
            player = list(self.where)[number % len(self.where)]
            getattr(self, what)(player, number)

    def leave(self, player: WebRtcPlayer, number: int) -> None:
        self.where.pop(player).detach(player)

    def mute(self, player: WebRtcPlayer, number: int) -> None:
        media = (frozenset[Medium](), frozenset({VIDEO}), frozenset({AUDIO}), BOTH_MEDIA)
        player.media = media[number % 4]
        self.where[player].update(player, self.stage.now)

    def move(self, player: WebRtcPlayer, number: int) -> None:
        source = self.where[player]
        source.detach(player)
        self.where[player] = self.other if source is self.stage.audience else self.stage.audience
        self.where[player].attach(player, self.stage.now)

    def suffer(self, player: WebRtcPlayer, number: int) -> None:
        report(self.stage, player, 200)
        self.stage.loop.advance(1.0)

    def plea(self, player: WebRtcPlayer, number: int) -> None:
        pli(self.stage, player)

    def nack(self, player: WebRtcPlayer, number: int) -> None:
        packets = self.stage.of(player.outlet, VIDEO)  # type: ignore[arg-type]
        if packets and player.seats[VIDEO].track.payloads[Codec.H264_LOW_DELAY].rtx is not None:
            lost = packets[-1 - number % len(packets)].sequence
            player.rtcp(compound([Nack(1, self.stage.manner.ssrcs[VIDEO][0], (lost,))]), self.stage.loop.now)


@settings(deadline=None)
@given(STEPS, st.sampled_from([10_000, 65_000, 65_530, 3 * 65_536 - 40]), st.integers(0, 5))
def test_whatever_happens_every_viewer_sees_numbers_without_a_gap_and_pictures_that_begin_with_a_keyframe(
    steps: list[tuple[str, int]], first: int, seed: int
) -> None:
    story = Story(first, seed)
    story.do("keyframe", 2000)
    story.do("join", 0)
    story.do("join", 1)
    for what, number in steps:
        story.do(what, number)
    stage = story.stage
    stage.loop.advance(3)
    for player in stage.players:
        outlet: Any = player.outlet
        for medium in Medium:
            packets = stage.of(outlet, medium)
            assert contiguous(packets)
            if not packets:
                continue
            assert packets[0].sequence < (1 << 16) - 1000, "so close before the wrap nobody begins"
            ahead = [(packet.timestamp - stage.manner.bases[medium]) % (1 << 32) for packet in packets]
            ahead = [time - (1 << 32) if time > 1 << 31 else time for time in ahead]
            slack = SoundClock.STEP if medium is AUDIO else 0  # each audience smooths the times of sound by itself
            assert all(later >= earlier - slack for earlier, later in pairwise(ahead))
        video = stage.of(outlet, VIDEO)
        if video:
            assert begins_with_keyframe(video) or video[0].payload[0] & 0x1F in {FRAGMENT, IDR}
    for player in list(story.where):
        story.leave(player, 0)
    stage.loop.advance(3)
    assert stage.loop.pending == 0
    assert stage.stats["webrtc"].viewers == 0


def test_opus_needs_no_configuration() -> None:
    stage = RtpStage()
    _, outlet = stage.join(video=None, audio=OPUS)
    stage.sound()
    assert len(stage.of(outlet, AUDIO)) == 1
