"""What a viewer says, and what is done about it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.media.units import Codec, Medium
from adapters.webrtc.player import STRUGGLE_STRIKES, WebRtcPlayer
from adapters.webrtc.rtcp import (
    FullIntra,
    Nack,
    PictureLoss,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    compound,
    ntp_middle,
    parse,
)
from adapters.webrtc.tracks import Payload
from gateway.errors import VIEWER_TOO_SLOW, GatewayError
from gateway.quality.readings import STALE_AFTER, PathReading
from gateway.rooms.model import BOTH_MEDIA
from tests.support.rtp_viewers import H264, KeepingOutlet, RtpStage

PEER = 4711


class Call:
    """A viewer that has got a keyframe of ten packets, and a piece of sound."""

    def __init__(self, video: Payload = H264, nack: bool = True) -> None:
        self.stage = RtpStage()
        self.stage.configure()
        self.player, self.outlet = self.stage.player(video=video, nack=nack)
        self.stage.audience.attach(self.player, 0)
        self.stage.picture(10_000, key=True)
        self.stage.sound()
        self.stage.loop.advance(0.02)
        self.video, self.audio = (self.stage.manner.ssrcs[medium][0] for medium in (Medium.VIDEO, Medium.AUDIO))

    def says(self, *packets: RtcpPacket) -> None:
        self.player.rtcp(compound(packets), self.stage.loop.now)

    def block(self, ssrc: int, *, loss: int = 0, highest: int = 9, lsr: int = 0, dlsr: int = 0) -> ReceiverReport:
        return ReceiverReport(PEER, (ReportBlock(ssrc, loss, 3, highest, 960, lsr, dlsr),))

    def answer(self, seconds: float) -> None:
        """Answers the newest sender report, so that the round trip seems to take so long."""
        told = next(packet for packet in parse(self.outlet.reports[-1]) if isinstance(packet, SenderReport))
        self.stage.loop.advance(seconds)
        self.says(self.block(self.video, highest=0, lsr=ntp_middle(told.ntp)))


@pytest.fixture
def call() -> Call:
    return Call()


def test_lost_packets_come_again_as_retransmissions(call: Call) -> None:
    sent = call.stage.of(call.outlet, Medium.VIDEO)
    call.says(Nack(PEER, call.video, (sent[3].sequence, sent[5].sequence)))
    again = call.stage.resent(call.outlet, Medium.VIDEO)
    assert [packet.payload[2:] for packet in again] == [sent[3].payload, sent[5].payload]
    assert [packet.timestamp for packet in again] == [sent[3].timestamp] * 2
    assert (call.stage.counters.nacks, call.stage.counters.rtx) == (2, 2)


def test_every_packet_can_be_had_again(call: Call) -> None:
    for medium, ssrc in ((Medium.VIDEO, call.video), (Medium.AUDIO, call.audio)):
        sent = call.stage.of(call.outlet, medium)
        before = len(call.outlet.sent)
        call.says(Nack(PEER, ssrc, tuple(packet.sequence for packet in sent)))
        assert len(call.outlet.sent) - before == len(sent)


def test_without_rtx_the_very_packet_comes_again() -> None:
    call = Call(Payload(102))
    lost = call.outlet.sent[3]
    call.says(Nack(PEER, call.video, (call.stage.of(call.outlet, Medium.VIDEO)[3].sequence,)))
    assert call.outlet.sent[-1] is lost


def test_what_was_not_agreed_on_is_not_answered() -> None:
    call = Call(nack=False)
    before = len(call.outlet.sent)
    call.says(Nack(PEER, call.video, (call.stage.of(call.outlet, Medium.VIDEO)[3].sequence,)))
    assert len(call.outlet.sent) == before


@pytest.mark.parametrize("full", [False, True])
def test_a_wish_for_a_keyframe_is_passed_on(call: Call, full: bool) -> None:
    before = call.stage.keyframes_wanted
    call.says(FullIntra(PEER, ((call.video, 1),)) if full else PictureLoss(PEER, call.video))
    assert call.stage.keyframes_wanted == before + 1
    assert call.stage.counters.plis == 1


def test_a_wish_about_something_else_is_not(call: Call) -> None:
    before = call.stage.keyframes_wanted
    call.says(PictureLoss(PEER, call.audio), PictureLoss(PEER, 1), FullIntra(PEER, ((call.audio, 1),)))
    assert call.stage.keyframes_wanted == before


def test_the_round_trip_is_measured_by_sender_reports(call: Call) -> None:
    call.stage.loop.advance(0.05)
    told = next(packet for packet in parse(call.outlet.reports[-1]) if isinstance(packet, SenderReport))
    call.stage.loop.advance(0.5 + 0.08 - 0.05 - 0.02)
    call.says(call.block(call.video, lsr=ntp_middle(told.ntp), dlsr=int(0.5 * 65536)))
    rtt = call.player.snapshot().rtt
    assert rtt == pytest.approx(0.06, abs=0.03)


def test_a_round_trip_cannot_be_invented(call: Call) -> None:
    call.says(call.block(call.video, lsr=12345, dlsr=1))
    assert call.player.snapshot().rtt is None


def test_reports_are_kept(call: Call) -> None:
    call.says(call.block(call.video, loss=64), call.block(call.audio), call.block(99, loss=255))
    arrivals = call.player.snapshot().arrivals
    assert arrivals[Medium.VIDEO].loss == 0.25
    assert arrivals[Medium.AUDIO].jitter == 0.02
    assert arrivals[Medium.VIDEO].lost == 3
    assert len(arrivals) == 2


def test_the_path_is_that_of_the_medium_that_fares_worst(call: Call) -> None:
    assert call.player.measure_path() == PathReading()
    call.says(call.block(call.video, loss=64), call.block(call.audio, loss=32))
    call.says(Nack(PEER, call.video, tuple(packet.sequence for packet in call.stage.of(call.outlet, Medium.VIDEO)[:3])))
    assert call.player.measure_path() == PathReading(None, 0.25, 0.02, None, 3)
    call.answer(0.08)
    call.says(call.block(call.video, loss=64, highest=10))
    assert call.player.measure_path() == PathReading(pytest.approx(0.1, abs=0.03), 0.25, 0.02, None, 3)


def test_what_was_said_long_ago_says_nothing_of_the_path_any_more(call: Call) -> None:
    call.answer(0.9)
    call.says(call.block(call.video, loss=64), call.block(call.audio))
    call.stage.loop.advance(STALE_AFTER - 0.1)
    assert call.player.measure_path() == PathReading(pytest.approx(0.9, abs=0.03), 0.25, 0.02)
    call.says(call.block(call.audio, loss=32, highest=10))
    call.stage.loop.advance(0.2)
    assert call.player.measure_path() == PathReading(None, 0.125, 0.02)
    call.stage.loop.advance(STALE_AFTER)
    assert call.player.measure_path() == PathReading()
    assert call.player.rtt is not None, "it still serves to send again"


def test_a_report_of_a_medium_of_which_nothing_came_repeats_what_was(call: Call) -> None:
    call.says(call.block(call.audio))
    for _ in range(20):
        call.stage.loop.advance(1)
        call.says(call.block(call.audio))
    assert call.player.measure_path() == PathReading()
    call.says(call.block(call.audio, highest=10))
    assert call.player.measure_path() == PathReading(None, 0.0, 0.02)


def test_a_medium_that_is_not_wanted_any_more_is_of_no_interest(call: Call) -> None:
    call.says(call.block(call.video, loss=64), call.block(call.audio))
    call.player.media = frozenset({Medium.AUDIO})
    assert call.player.measure_path().loss == 0
    call.says(call.block(call.video, loss=64, highest=10))
    assert call.player.measure_path().loss == 0
    call.player.media = BOTH_MEDIA
    assert call.player.measure_path().loss == 0
    call.says(call.block(call.video, loss=64, highest=11))
    assert call.player.measure_path().loss == 0.25


def test_a_viewer_struggles_when_it_says_so_for_long(call: Call) -> None:
    verdicts = []
    for _ in range(STRUGGLE_STRIKES):
        call.says(call.block(call.video, loss=100))
        verdicts.append(call.player.struggles(100))
    assert verdicts == [False] * (STRUGGLE_STRIKES - 1) + [True]


def test_one_good_report_ends_a_struggle(call: Call) -> None:
    for loss in (100, 100, 0, 100, 100):
        call.says(call.block(call.video, loss=loss))
        assert not call.player.struggles(100)


def test_silence_says_nothing_about_a_struggle(call: Call) -> None:
    for _ in range(STRUGGLE_STRIKES - 1):
        call.says(call.block(call.video, loss=100))
        assert not call.player.struggles(100)
    assert not call.player.struggles(100)
    call.says(call.block(call.video, loss=100))
    assert call.player.struggles(100)


def test_what_the_kernel_refuses_counts_as_lost(call: Call) -> None:
    call.outlet.full = True
    verdicts = []
    for _ in range(STRUGGLE_STRIKES):
        call.stage.picture(3000)
        verdicts.append(call.player.struggles(3))
    assert verdicts[-1]


@given(st.binary(max_size=200))
def test_nonsense_has_no_effect_but_on_its_sender(data: bytes) -> None:
    call = Call()
    before = len(call.outlet.sent)
    call.player.rtcp(data, call.stage.loop.now)
    assert len(call.outlet.sent) == before


def test_a_player_that_sits_nowhere_does_no_harm() -> None:
    stage = RtpStage()
    player, outlet = stage.player()
    ssrc = stage.manner.ssrcs[Medium.VIDEO][0]
    player.rtcp(compound([PictureLoss(PEER, ssrc), Nack(PEER, ssrc, (1, 2))]), 1.0)
    assert outlet.sent == []


def test_what_a_player_is() -> None:
    stage = RtpStage()
    player, _ = stage.player()
    deaf, _ = stage.player(audio=None, codec=Codec.VP8)
    blind, _ = stage.player(video=None)
    assert (player.accepts, deaf.accepts, blind.accepts) == ((Codec.H264_LOW_DELAY,), (Codec.VP8,), ())
    assert blind.media == {Medium.AUDIO}
    assert player.manner.audio is Codec.OPUS


def test_what_was_not_negotiated_is_not_wanted() -> None:
    player, _ = RtpStage().player(video=None)
    assert player.media == {Medium.AUDIO}
    player.media = BOTH_MEDIA
    assert player.media == {Medium.AUDIO}
    player.media = frozenset({Medium.VIDEO})
    assert player.media == frozenset()


def test_the_end_is_told() -> None:
    endings: list[GatewayError | None] = []
    stage = RtpStage()
    player = WebRtcPlayer(KeepingOutlet(), (), stage.manner, "whep", stage.loop.clock, endings.append, stage.counters)
    error = GatewayError(VIEWER_TOO_SLOW)
    player.ended(error)
    assert endings == [error]
