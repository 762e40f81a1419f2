"""A publishing peer: RTP becomes units that can be decoded, and the peer is told in time what it has to know."""

from __future__ import annotations

import itertools
import random
from asyncio import TimerHandle
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.media.h264 import join_units, make_config
from adapters.media.units import AudioConfig, AudioUnit, Codec, Medium, Unit, VideoConfig, VideoUnit
from adapters.webrtc import pictures, publisher, rtcp, rtp, source
from adapters.webrtc.packetizer import h264_payloads, vp8_payloads
from adapters.webrtc.publisher import WebRtcPublisher
from adapters.webrtc.rtcp import Goodbye, Nack, PictureLoss, ReceiverReport, Remb, RtcpPacket, SenderReport
from adapters.webrtc.tracks import IncomingTrack, Payload
from gateway.config import WebRtcSettings
from gateway.errors import CODEC_UNSUPPORTED, KEY_REVOKED, GatewayError
from gateway.quality.readings import STALE_AFTER, PathReading

SETTINGS = WebRtcSettings(max_bitrate=2_000_000, min_bitrate=100_000, nack_hold=0.3, audio_hold=0.06)
SOUND_SSRC, PICTURE_SSRC, RTX_SSRC = 100, 200, 201
OPUS, VP8, VP8_RTX, H264, H264_RTX = 111, 96, 97, 102, 103
SOUND = IncomingTrack(Medium.AUDIO, "0", {Codec.OPUS: Payload(OPUS)}, SOUND_SSRC, None, nack=False, pli=False, remb=False)
PICTURES = IncomingTrack(
    Medium.VIDEO, "1", {Codec.H264: Payload(H264, H264_RTX), Codec.VP8: Payload(VP8, VP8_RTX)},
    PICTURE_SSRC, RTX_SSRC, nack=True, pli=True, remb=True,
)  # fmt: skip
SPS = bytes.fromhex("6742c01fda0280f684000003000401")
OTHER_SPS = bytes.fromhex("6742c01eda0280f684000003000401")
PPS = bytes.fromhex("68ce3c80")
IDR = b"\x65\x88" + bytes(range(1, 200)) * 15
P = b"\x41\x9a" + bytes(range(1, 200))
OPUS_PACKET = b"\xfc" + bytes(40)


class Timer:
    def __init__(self, when: float, callback: Callable[[], object]) -> None:
        self.when = when
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class Counts:
    packets: int = 0
    bytes: int = 0
    lost: int = 0
    late: int = 0
    recovered: int = 0
    nacks: int = 0
    plis: int = 0
    unknown: int = 0
    malformed: int = 0


class RecordingIngest:
    def __init__(self) -> None:
        self.units: list[Unit] = []
        self.closed: list[tuple[bool, GatewayError | None]] = []
        self.refuses: GatewayError | None = None

    def write(self, unit: Unit) -> None:
        if self.refuses:
            raise self.refuses
        self.units.append(unit)

    def close(self, *, deliberate: bool, error: GatewayError | None = None) -> None:
        self.closed.append((deliberate, error))


class Call:
    """A publisher with a loop whose time is moved by hand."""

    def __init__(self, *tracks: IncomingTrack, begun: bool = True) -> None:
        self.now = 50.0
        self.timers: list[Timer] = []
        self.sent: list[tuple[float, RtcpPacket]] = []
        self.cuts: list[GatewayError] = []
        self.counts = Counts()
        self.ingest = RecordingIngest()
        self.sequences = {SOUND_SSRC: 10, PICTURE_SSRC: 65_530}
        self.publisher = WebRtcPublisher(
            tracks or (SOUND, PICTURES), self._sent, lambda: self.now, self._call_later, SETTINGS, self.cuts.append, self.counts
        )
        if begun:
            self.publisher.begin(self.ingest)

    def _sent(self, data: bytes) -> None:
        self.sent += [(round(self.now - 50, 4), packet) for packet in rtcp.parse(data)]

    def _call_later(self, delay: float, callback: Callable[[], object]) -> TimerHandle:
        assert delay > 0
        self.timers.append(Timer(self.now + delay, callback))
        return cast(TimerHandle, self.timers[-1])

    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        for _ in range(10_000):
            self.timers = [timer for timer in self.timers if not timer.cancelled]
            assert len(self.timers) <= 1
            due = [timer for timer in self.timers if timer.when <= until]
            if not due:
                self.now = until
                return
            self.now = max(self.now, due[0].when)
            self.timers.clear()
            due[0].callback()
        raise AssertionError("the timer never rests")

    def rtp(self, payload_type: int, ssrc: int, sequence: int, timestamp: int, payload: bytes, *, marker: bool = False) -> None:
        data = rtp.build(payload_type, marker, sequence & 0xFFFF, timestamp & 0xFFFF_FFFF, ssrc, payload)
        self.publisher.rtp(data, self.now)

    def sound(self, timestamp: int, payload: bytes = OPUS_PACKET) -> None:
        self.sequences[SOUND_SSRC] += 1
        self.rtp(OPUS, SOUND_SSRC, self.sequences[SOUND_SSRC], timestamp, payload)

    def picture(self, timestamp: int, payloads: Iterable[bytes], *, lose: Iterable[int] = (), kind: int = H264) -> list[int]:
        """Sends a picture; gives the sequence numbers of the packets that were lost on the way."""
        lost = []
        payloads = list(payloads)
        for index, payload in enumerate(payloads):
            self.sequences[PICTURE_SSRC] += 1
            sequence = self.sequences[PICTURE_SSRC]
            if index in lose:
                lost.append(sequence & 0xFFFF)
            else:
                self.rtp(kind, PICTURE_SSRC, sequence, timestamp, payload, marker=index == len(payloads) - 1)
        return lost

    def feedback(self, kind: type[RtcpPacket]) -> list[RtcpPacket]:
        return [packet for _, packet in self.sent if isinstance(packet, kind)]

    def times(self, kind: type[RtcpPacket]) -> list[float]:
        return [time for time, packet in self.sent if isinstance(packet, kind)]


def keyframe(*sets: bytes) -> list[bytes]:
    return h264_payloads(join_units([IDR]), 4, sets or (SPS, PPS))


def delta() -> list[bytes]:
    return h264_payloads(join_units([P]), 4)


def described(units: Iterable[Unit]) -> list[str]:
    words = {AudioConfig: "audio config", VideoConfig: "video config", AudioUnit: "sound", VideoUnit: "picture"}
    return ["keyframe" if isinstance(unit, VideoUnit) and unit.keyframe else words[type(unit)] for unit in units]


# Units ----------------------------------------------------------------------------------------------------------------


def test_opus_packets_are_units() -> None:
    call = Call()
    call.sound(1000)
    call.wait(0.02)
    call.sound(1960)
    config, first, second = call.ingest.units
    assert isinstance(config, AudioConfig)
    assert (config.codec, config.payload) == (Codec.OPUS, b"")
    assert isinstance(first, AudioUnit)
    assert isinstance(second, AudioUnit)
    assert (first.codec, first.payload) == (Codec.OPUS, OPUS_PACKET)
    assert (first.timestamp, second.timestamp) == (0, 20)


def test_sound_that_makes_no_sense_is_dropped() -> None:
    call = Call()
    call.sound(0, b"")
    call.sound(960, b"\x03\x3f")
    assert call.ingest.units == []
    assert call.counts.malformed == 1


def test_h264_pictures_are_units_after_their_configuration() -> None:
    call = Call()
    call.picture(3000, keyframe())
    call.wait(0.04)
    call.picture(6600, delta())
    config, first, second = call.ingest.units
    assert isinstance(config, VideoConfig)
    assert (config.codec, config.payload) == (Codec.H264, make_config([SPS], [PPS]).to_bytes())
    assert isinstance(first, VideoUnit)
    assert isinstance(second, VideoUnit)
    assert (first.keyframe, first.payload, first.timestamp) == (True, join_units([IDR]), 0)
    assert (second.keyframe, second.payload, second.timestamp) == (False, join_units([P]), 40)


def test_configuration_is_written_when_it_changes_only() -> None:
    call = Call()
    call.picture(0, keyframe())
    call.picture(3000, keyframe())
    call.picture(6000, keyframe(OTHER_SPS))
    assert described(call.ingest.units) == ["video config", "keyframe", "keyframe", "video config", "keyframe"]
    assert call.ingest.units[3].payload == make_config([OTHER_SPS], [PPS]).to_bytes()


def test_keyframe_without_parameter_sets_cannot_be_decoded() -> None:
    call = Call()
    call.picture(0, h264_payloads(join_units([IDR])))
    assert call.ingest.units == []
    assert len(call.feedback(PictureLoss)) == 1


def test_vp8_frames_are_units() -> None:
    call = Call()
    frame = bytes.fromhex("10 00 00 9d 01 2a 80 02 e0 01") + bytes(3000)
    call.picture(0, vp8_payloads(frame, 5), kind=VP8)
    call.picture(3000, vp8_payloads(b"\x11" + bytes(20), 6), kind=VP8)
    config, first, second = call.ingest.units
    assert isinstance(config, VideoConfig)
    assert (config.codec, config.payload) == (Codec.VP8, b"")
    assert isinstance(first, VideoUnit)
    assert isinstance(second, VideoUnit)
    assert (first.codec, first.keyframe, first.payload) == (Codec.VP8, True, frame)
    assert not second.keyframe


def test_codec_may_change_with_a_keyframe() -> None:
    call = Call()
    frame = bytes.fromhex("10 00 00 9d 01 2a 80 02 e0 01") + bytes(30)
    call.picture(0, keyframe())
    call.picture(3000, vp8_payloads(b"\x11" + bytes(20), 4), kind=VP8)
    call.picture(6000, vp8_payloads(frame, 5), kind=VP8)
    call.picture(9000, delta())
    call.picture(12_000, keyframe())
    assert described(call.ingest.units) == ["video config", "keyframe"] * 3


def test_pictures_before_the_first_keyframe_are_left_out_and_one_is_asked_for() -> None:
    call = Call()
    call.picture(0, delta())
    assert call.ingest.units == []
    assert call.feedback(PictureLoss) == [PictureLoss(publisher.OUR_SSRC, PICTURE_SSRC)]


def test_sound_and_picture_are_brought_together_by_sender_reports() -> None:
    call = Call()
    ntp = rtcp.ntp_of(1_700_000_000.0)
    for step in range(500):  # 10 s; pictures come 200 ms later than the sound they belong to
        call.sound(960 * step)
        if step % 2 == 0 and step >= 10:
            call.picture(1800 * (step - 10), keyframe() if step == 10 else delta())
        if step % 50 == 0:
            passed = step * 0.02
            call.publisher.rtcp(SenderReport(SOUND_SSRC, ntp + int(passed * (1 << 32)), 960 * step, 0, 0).to_bytes(), call.now)
            call.publisher.rtcp(SenderReport(PICTURE_SSRC, ntp + int(passed * (1 << 32)), 1800 * step, 0, 0).to_bytes(), call.now)
        call.wait(0.02)
    sound = [unit for unit in call.ingest.units if isinstance(unit, AudioUnit)][-1]
    picture = [unit for unit in call.ingest.units if isinstance(unit, VideoUnit)][-1]
    assert sound.timestamp == 499 * 20
    assert abs(picture.timestamp - (498 - 10) * 20) < 10


# Loss -----------------------------------------------------------------------------------------------------------------


def test_missing_packet_is_asked_for_by_itself_and_repaired() -> None:
    call = Call()
    payloads = keyframe()
    (lost,) = call.picture(0, payloads, lose=[1])
    call.wait(0.03)
    assert call.feedback(Nack) == [Nack(publisher.OUR_SSRC, PICTURE_SSRC, (lost,))]
    call.rtp(H264_RTX, RTX_SSRC, 1, 0, rtp.rtx_payload(lost, payloads[1]))
    assert described(call.ingest.units) == ["video config", "keyframe"]
    call.wait(2)
    assert call.counts.nacks == call.counts.recovered == 1
    assert call.feedback(PictureLoss) == []


def test_request_is_repeated_while_the_packet_is_missing() -> None:
    call = Call()
    call.picture(0, keyframe(), lose=[1])
    call.wait(0.29)
    assert call.times(Nack) == [0.01, 0.085, 0.16, 0.235]


def test_loss_for_good_asks_for_a_keyframe_and_leaves_pictures_out_until_it_comes() -> None:
    call = Call()
    call.picture(0, keyframe())
    call.picture(3000, delta(), lose=[0])
    call.picture(6000, delta())
    call.wait(0.31)
    assert call.times(PictureLoss) == [0.3]
    call.picture(9000, delta())
    call.picture(12_000, keyframe())
    call.picture(15_000, delta())
    assert described(call.ingest.units) == ["video config", "keyframe", "keyframe", "picture"]
    call.wait(2)
    assert call.times(PictureLoss) == [0.3]
    assert call.counts.lost == 1


def test_keyframe_is_asked_for_again_while_it_does_not_come() -> None:
    call = Call()
    for step in range(30):
        call.picture(3000 * step, delta())
        call.wait(0.05)
    assert call.times(PictureLoss) == [0.0, 0.4, 0.8, 1.2]


def test_nothing_is_asked_of_a_source_that_is_silent() -> None:
    call = Call()
    call.picture(0, delta())
    call.wait(10)
    assert len(call.times(PictureLoss)) == 3
    call.picture(900_000, delta())
    assert call.times(PictureLoss)[-1] == 10.0


def test_viewers_that_need_a_keyframe_make_one_request_at_a_time() -> None:
    call = Call()
    call.picture(0, keyframe())
    for step in range(1, 20):
        call.publisher.request_keyframe()
        call.picture(3000 * step, delta())
        call.wait(0.01)
    assert call.times(PictureLoss) == [0.0]
    call.picture(60_000, keyframe())
    call.publisher.request_keyframe()
    call.wait(0.29)
    assert call.times(PictureLoss) == [0.0, 0.3]


def test_no_keyframe_is_asked_for_before_the_first() -> None:
    call = Call()
    call.publisher.request_keyframe()
    call.picture(0, keyframe())
    call.wait(1)
    assert call.feedback(PictureLoss) == []


def test_a_peer_that_knows_no_picture_loss_is_not_asked() -> None:
    deaf = IncomingTrack(Medium.VIDEO, "1", PICTURES.payloads, None, None, nack=False, pli=False, remb=False)
    call = Call(deaf)
    call.picture(0, delta(), lose=[0])
    call.picture(3000, delta())
    call.publisher.request_keyframe()
    call.wait(3)
    assert call.feedback(PictureLoss) == call.feedback(Nack) == call.feedback(Remb) == []


def test_lost_sound_is_waited_for_shortly_and_then_left_out() -> None:
    call = Call()
    call.sound(0)
    call.sequences[SOUND_SSRC] += 1
    call.sound(1920)
    call.wait(0.05)
    assert len(call.ingest.units) == 2
    call.wait(0.02)
    assert [unit.timestamp for unit in call.ingest.units] == [0, 0, 40]
    assert call.feedback(Nack) == []


class Path:
    """A sender of 30 pictures a second, and a path to the gateway and back that loses packets."""

    def __init__(self, loss: float, round_trip: float, seed: int) -> None:
        self.call = Call()
        self.call.publisher._send_rtcp = self._told
        self.loss = loss
        self.round_trip = round_trip
        self.random = random.Random(seed)
        self.on_the_way: list[tuple[float, bytes]] = []
        self.history: dict[int, tuple[bool, int, bytes]] = {}
        self.keyframe_at = 0.0
        self.repairs = 0
        self.shown: list[float] = []
        """When each picture was written."""

    def _told(self, data: bytes) -> None:
        if self.random.random() < self.loss:
            return
        for packet in rtcp.parse(data):
            if isinstance(packet, Nack):
                for sequence in packet.sequences:
                    self.repairs += 1
                    marker, timestamp, payload = self.history[sequence]
                    repair = rtp.build(H264_RTX, marker, self.repairs, timestamp, RTX_SSRC, rtp.rtx_payload(sequence, payload))
                    self._send(repair, self.call.now + self.round_trip)
            elif isinstance(packet, PictureLoss):
                self.keyframe_at = self.call.now + self.round_trip

    def _send(self, data: bytes, arrives: float) -> None:
        if self.random.random() >= self.loss:
            self.on_the_way = sorted([*self.on_the_way, (arrives, data)])

    def run(self, first: int, pictures: int) -> None:
        call = self.call
        for number in range(first, first + pictures):
            at = 50 + number / 30
            is_keyframe, self.keyframe_at = self.keyframe_at <= at, self.keyframe_at if self.keyframe_at > at else float("inf")
            payloads = keyframe() if is_keyframe else h264_payloads(join_units([P * 10]))
            for index, payload in enumerate(payloads):
                sequence = len(self.history)
                self.history[sequence] = marker, timestamp, _ = index == len(payloads) - 1, number * 3000, payload
                self._send(rtp.build(H264, marker, sequence, timestamp, PICTURE_SSRC, payload), at + self.round_trip / 2)
            while call.now < at + 1 / 30:
                call.wait(0.001)
                self._deliver()

    def _deliver(self) -> None:
        call = self.call
        while self.on_the_way and self.on_the_way[0][0] <= call.now:
            before = len(call.ingest.units)
            call.publisher.rtp(self.on_the_way.pop(0)[1], call.now)
            self.shown += [call.now for unit in call.ingest.units[before:] if isinstance(unit, VideoUnit)]

    @property
    def longest_freeze(self) -> float:
        return max(after - before for before, after in itertools.pairwise(self.shown))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("round_trip", [0.002, 0.050])
def test_path_that_loses_packets_both_ways_shows_every_picture(round_trip: float, seed: int) -> None:
    path = Path(0.05, round_trip, seed)
    path.run(0, 600)
    assert path.call.counts.recovered > 50
    assert path.call.counts.lost == 0
    assert path.longest_freeze < 0.4


def test_outage_is_over_with_the_next_keyframe() -> None:
    path = Path(0, 0.050, 0)
    path.run(0, 60)
    path.loss = 1
    path.run(60, 600)
    path.loss = 0
    path.run(660, 60)
    assert path.shown[-1] > 50 + 719 / 30
    assert path.longest_freeze < 20.3


# Reports --------------------------------------------------------------------------------------------------------------


def test_reports_and_the_bitrate_go_out_every_second() -> None:
    call = Call()
    call.sound(0)
    call.picture(0, keyframe())
    call.wait(2.3)
    reports = call.feedback(ReceiverReport)
    assert call.times(ReceiverReport) == [0.2, 1.2, 2.2]
    assert isinstance(reports[0], ReceiverReport)
    assert [block.ssrc for block in reports[0].reports] == [SOUND_SSRC, PICTURE_SSRC]
    assert call.feedback(Remb) == [Remb(publisher.OUR_SSRC, 2_000_000 >> 3 << 3, (PICTURE_SSRC,))] * 3


def test_bitrate_is_told_before_the_first_picture() -> None:
    call = Call()
    call.wait(0.2)
    assert len(call.feedback(Remb)) == 1


def test_lasting_loss_lowers_the_bitrate() -> None:
    call = Call()
    for step in range(250):
        call.picture(1800 * step, keyframe(), lose=[0] if step % 2 else [])
        call.wait(0.02)
    estimates = [packet.bitrate for packet in call.feedback(Remb) if isinstance(packet, Remb)]
    assert estimates[0] == 2_000_000
    assert estimates[-1] < estimates[0] * 0.7


def test_stats_tell_how_each_track_arrives() -> None:
    call = Call()
    for step in range(100):
        call.sound(960 * step)
        call.wait(0.02)
    sound, picture = call.publisher.stats()
    assert (sound.medium, sound.codec, sound.lost, sound.round_trip) == (Medium.AUDIO, Codec.OPUS, 0.0, None)
    assert abs(sound.bitrate - len(OPUS_PACKET) * 50 * 8) < 1000
    assert sound.jitter < 1
    assert (picture.medium, picture.codec, picture.bitrate) == (Medium.VIDEO, None, 0)


def test_the_path_is_that_of_the_track_that_fares_worst() -> None:
    call = Call()
    assert call.publisher.measure_path() == PathReading()
    call.sound(0)
    for step in range(60):
        call.picture(1800 * step, keyframe(), lose=[0] if step % 2 else [])
        call.wait(0.02)
    path = call.publisher.measure_path()
    sound, picture = call.publisher.stats()
    assert (sound.lost, path.loss) == (0.0, picture.lost)
    assert picture.lost > 0.1
    assert path.jitter == max(sound.jitter, picture.jitter) / 1000
    assert (path.repeats, path.queued) == (call.counts.nacks, None)
    assert path.repeats > 0


def test_what_was_long_ago_says_nothing_of_the_path_any_more() -> None:
    call = Call()
    call.sound(0)
    lost = call.picture(0, keyframe(), lose=[1])
    call.wait(0.06)
    assert lost, "a packet is asked for"
    call.rtp(H264_RTX, RTX_SSRC, 1, 0, rtp.rtx_payload(lost[0], list(keyframe())[1]))
    call.wait(1)
    before = call.publisher.measure_path()
    assert before.round_trip == pytest.approx(0.05, abs=0.005)
    for step in range(1, 320):
        call.picture(1800 * step, keyframe())
        call.wait(0.02)
    after = call.publisher.measure_path()
    assert (after.round_trip, after.loss) == (None, 0.0)
    assert after.jitter is not None
    assert call.publisher.stats()[1].round_trip is not None, "it still serves to ask again"
    call.wait(STALE_AFTER + 0.1)
    silent = call.publisher.measure_path()
    assert (silent.round_trip, silent.loss, silent.jitter) == (None, None, None)


# Who is who -----------------------------------------------------------------------------------------------------------


def test_packets_of_nobody_are_counted_and_dropped() -> None:
    call = Call()
    call.sound(0)
    call.rtp(55, SOUND_SSRC, 11, 0, OPUS_PACKET)
    call.rtp(OPUS, 999, 11, 0, OPUS_PACKET)
    call.rtp(H264_RTX, RTX_SSRC, 1, 0, rtp.rtx_payload(3, b"x"))
    call.publisher.rtp(b"\x80", call.now)
    call.publisher.rtcp(b"\x80\xc9", call.now)
    assert (call.counts.packets, call.counts.unknown, call.counts.malformed) == (5, 3, 2)
    assert len(call.ingest.units) == 2


def test_another_source_takes_over_once_the_first_is_silent() -> None:
    call = Call(IncomingTrack(Medium.AUDIO, "0", SOUND.payloads, None, None, nack=False, pli=False, remb=False))
    call.sound(0)
    call.rtp(OPUS, 999, 5, 77, OPUS_PACKET)
    assert len(call.ingest.units) == 2
    call.wait(source.SILENT + 0.1)
    call.rtp(OPUS, 999, 6, 77, OPUS_PACKET)
    assert [unit.timestamp for unit in call.ingest.units] == [0, 0, 1600]


def test_source_that_the_description_names_takes_over_at_once() -> None:
    call = Call()
    call.rtp(OPUS, 999, 5, 77, OPUS_PACKET)
    call.sound(0)
    assert len(call.ingest.units) == 3


def test_goodbye_ends_a_source_but_not_the_publishing() -> None:
    call = Call()
    call.picture(0, keyframe())
    call.publisher.rtcp(Goodbye((PICTURE_SSRC,)).to_bytes(), call.now)
    call.wait(20)
    assert call.ingest.closed == []
    assert call.feedback(PictureLoss) == []
    call.sequences[PICTURE_SSRC] = 4000
    call.picture(9_000_000, delta())
    call.picture(9_003_000, keyframe())
    assert described(call.ingest.units) == ["video config", "keyframe", "keyframe"]
    assert call.ingest.units[-1].timestamp == 20_033


def test_tracks_that_are_agreed_on_anew_go_on() -> None:
    call = Call()
    call.sound(0)
    call.picture(0, keyframe())
    moved = IncomingTrack(Medium.VIDEO, "1", {Codec.H264: Payload(120)}, PICTURE_SSRC, None, nack=True, pli=True, remb=True)
    call.publisher.retrack((moved,))
    call.picture(3000, delta(), kind=120)
    call.sound(960)
    assert described(call.ingest.units) == ["audio config", "sound", "video config", "keyframe", "picture"]
    assert call.counts.unknown == 1


# Beginning and end ----------------------------------------------------------------------------------------------------


def test_nothing_is_written_or_sent_before_leave_is_given_or_after_the_end() -> None:
    call = Call(begun=False)
    call.sound(0)
    call.publisher.request_keyframe()
    call.wait(3)
    assert call.sent == []
    call.publisher.begin(call.ingest)
    call.picture(0, keyframe(), lose=[0])
    call.publisher.close(deliberate=True)
    call.publisher.close(deliberate=False)
    call.sent.clear()
    call.sound(960)
    call.wait(3)
    assert call.ingest.units == call.sent == []
    assert call.ingest.closed == [(True, None)]
    assert call.timers == []


def test_last_heard_is_when_anything_came() -> None:
    call = Call(begun=False)
    assert call.publisher.last_heard() == 50.0
    call.wait(1)
    call.sound(0)
    assert call.publisher.last_heard() == 51.0
    call.wait(1)
    call.publisher.rtcp(ReceiverReport(5).to_bytes(), call.now)
    assert call.publisher.last_heard() == 52.0


def test_cut_ends_it_and_says_why() -> None:
    call = Call()
    error = GatewayError(KEY_REVOKED)
    call.publisher.cut(error)
    call.sound(0)
    call.wait(3)
    assert call.cuts == [error]
    assert call.ingest.units == call.ingest.closed == call.sent == []


def test_stream_that_cannot_carry_the_media_ends_the_publishing() -> None:
    call = Call()
    call.ingest.refuses = error = GatewayError(CODEC_UNSUPPORTED)
    call.sound(0)
    assert call.ingest.closed == [(False, error)]
    assert call.cuts == [error]
    call.wait(3)
    assert call.sent == []


stamps = st.integers(0, (1 << 32) - 1)
headers = st.builds(
    rtp.build,
    st.sampled_from([OPUS, VP8, VP8_RTX, H264, H264_RTX, 55]), st.booleans(), st.integers(0, 65_535), stamps,
    st.sampled_from([SOUND_SSRC, PICTURE_SSRC, RTX_SSRC, 999]),
    st.binary(max_size=40) | st.sampled_from([*keyframe(), *delta(), OPUS_PACKET]),
)  # fmt: skip
feedback = st.builds(
    lambda *fields: SenderReport(*fields).to_bytes(),
    st.sampled_from([SOUND_SSRC, PICTURE_SSRC]), st.integers(0, (1 << 64) - 1), stamps, st.just(0), st.just(0),
)  # fmt: skip


@given(st.lists(st.tuples(headers | feedback | st.binary(max_size=60), st.floats(0, 0.5)), max_size=60))
def test_whatever_comes_raises_nothing_and_the_timer_rests(events: list[tuple[bytes, float]]) -> None:
    call = Call()
    for data, passed in events:
        (call.publisher.rtcp if rtp.is_rtcp(data) else call.publisher.rtp)(data, call.now)
        call.wait(passed)
    call.wait(3)
    timer = call.timers
    assert len(timer) == 1
    last = {Medium.AUDIO: 0, Medium.VIDEO: 0}
    for unit in call.ingest.units:
        if isinstance(unit, AudioUnit | VideoUnit):
            medium = Medium.AUDIO if isinstance(unit, AudioUnit) else Medium.VIDEO
            assert unit.timestamp >= last[medium]
            last[medium] = unit.timestamp
    assert len(call.times(PictureLoss)) <= 1 + (call.now - 50) / pictures.APART
