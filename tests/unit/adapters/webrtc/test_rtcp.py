"""RTCP in both directions: as the documents draw it, and as no one should send it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.webrtc import rtcp
from adapters.webrtc.rtcp import (
    FullIntra,
    Goodbye,
    MalformedRtcp,
    Nack,
    PictureLoss,
    ReceiverReport,
    Remb,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    SourceDescription,
)

BYTE = st.integers(0, 255)
WORD = st.integers(0, 0xFFFF)
LONG = st.integers(0, 0xFFFF_FFFF)
BLOCKS = st.builds(ReportBlock, LONG, BYTE, st.integers(-(1 << 23), (1 << 23) - 1), LONG, LONG, LONG, LONG)
REPORTS = st.lists(BLOCKS, max_size=31).map(tuple)
PACKETS: st.SearchStrategy[RtcpPacket] = st.one_of(
    st.builds(SenderReport, LONG, st.integers(0, 2**64 - 1), LONG, LONG, LONG, REPORTS),
    st.builds(ReceiverReport, LONG, REPORTS),
    st.builds(SourceDescription, LONG, st.text(max_size=60)),
    st.builds(Goodbye, st.lists(LONG, max_size=31).map(tuple)),
    st.builds(Nack, LONG, LONG, st.sets(st.integers(0, 0xFFFF), max_size=100).map(sorted).map(tuple)),
    st.builds(PictureLoss, LONG, LONG),
    st.builds(FullIntra, LONG, st.lists(st.tuples(LONG, BYTE), max_size=20).map(tuple)),
    st.builds(Remb, LONG, st.integers(0, (1 << 18) - 1), st.lists(LONG, max_size=20).map(tuple)),
)


@pytest.mark.parametrize(
    ("packet", "data"),
    [
        (
            SenderReport(1, 0xE000_0000_8000_0000, 90_000, 10, 12_000),
            "80c80006 00000001 e000000080000000 00015f90 0000000a 00002ee0",
        ),
        (
            ReceiverReport(1, (ReportBlock(2, 64, -1, 0x1_0005, 30, 0x1234_5678, 65_536),)),
            "81c90007 00000001 00000002 40ffffff 00010005 0000001e 12345678 00010000",
        ),
        (SourceDescription(1, "ab"), "81ca0003 00000001 01026162 00000000"),
        (SourceDescription(1, "a"), "81ca0002 00000001 01016100"),
        (Goodbye((1, 2)), "82cb0002 00000001 00000002"),
        (Nack(1, 2, (10, 11, 26, 27)), "81cd0004 00000001 00000002 000a8001 001b0000"),
        (Nack(1, 2, (0xFFFF, 0, 15)), "81cd0003 00000001 00000002 ffff8001"),
        (PictureLoss(1, 2), "81ce0002 00000001 00000002"),
        (FullIntra(1, ((2, 7),)), "84ce0004 00000001 00000000 00000002 07000000"),
        (Remb(1, 1_000_000, (2,)), "8fce0005 00000001 00000000 52454d42 010bd090 00000002"),
    ],
)
def test_wire(packet: RtcpPacket, data: str) -> None:
    assert packet.to_bytes() == bytes.fromhex(data)
    assert rtcp.parse(bytes.fromhex(data)) == [packet]


@given(st.lists(PACKETS, max_size=5))
def test_what_is_written_is_read(packets: list[RtcpPacket]) -> None:
    assert rtcp.parse(rtcp.compound(packets)) == packets


@given(st.lists(WORD, max_size=40))
def test_a_nack_in_any_order_names_the_same_packets(sequences: list[int]) -> None:
    (read,) = rtcp.parse(Nack(1, 2, tuple(sequences)).to_bytes())
    assert isinstance(read, Nack)
    assert set(read.sequences) == set(sequences)


@given(st.binary(max_size=80).map(lambda entries: entries[: len(entries) & ~3]))
def test_a_nack_names_at_most_17_packets_an_entry(entries: bytes) -> None:
    (read,) = rtcp.parse(b"\x81\xcd" + (2 + len(entries) // 4).to_bytes(2, "big") + bytes(8) + entries)
    assert isinstance(read, Nack)
    assert len(read.sequences) <= 17 * len(entries) // 4


@given(st.integers(0, 1 << 70))
def test_a_bitrate_keeps_18_bits(bitrate: int) -> None:
    (read,) = rtcp.parse(Remb(1, bitrate, ()).to_bytes())
    assert isinstance(read, Remb)
    assert 0 <= bitrate - read.bitrate <= bitrate >> 17


def test_lost_packets_stop_counting_where_the_field_ends() -> None:
    for lost, written in ((1 << 30, (1 << 23) - 1), (-(1 << 30), -(1 << 23))):
        (read,) = rtcp.parse(ReceiverReport(1, (ReportBlock(2, 0, lost, 0, 0, 0, 0),)).to_bytes())
        assert isinstance(read, ReceiverReport)
        assert read.reports[0].lost == written


@pytest.mark.parametrize(
    "data",
    [
        "80cc0001 00000001",  # an application's own
        "8fcd0005 00000001 00000002 00010001 00000000 00000000",  # transport-wide feedback
        "82ce0003 00000001 00000002 00000000",  # slice loss
        "8fce0003 00000001 00000000 41424344",  # an application's feedback that is no estimate
        "80c00000",
    ],
)
def test_unknown_kinds_are_left_out(data: str) -> None:
    others = PictureLoss(1, 2).to_bytes()
    assert rtcp.parse(others + bytes.fromhex(data) + others) == [PictureLoss(1, 2)] * 2


def test_extensions_reasons_and_other_items_are_read_over() -> None:
    report = bytes.fromhex("80c90002 00000001 11223344")
    goodbye = bytes.fromhex("81cb0003 00000001 03627965 00000000")
    names = bytes.fromhex("83ca0008 00000001 0201780101620000 00000002 00000000 00000003 01026364 06000000")
    assert rtcp.parse(report + goodbye) == [ReceiverReport(1), Goodbye((1,))]
    assert rtcp.parse(names) == [SourceDescription(1, "b"), SourceDescription(3, "cd")]


def test_a_source_has_one_name_however_often_it_says_it() -> None:
    assert rtcp.parse(bytes.fromhex("81ca0003 00000001 01016101 01620000")) == [SourceDescription(1, "b")]


def test_padding_is_left_out() -> None:
    assert rtcp.parse(bytes.fromhex("a1cd0004 00000001 00000002 000a0000 00000004")) == [Nack(1, 2, (10,))]


@pytest.mark.parametrize(
    "data",
    [
        "80",
        "80c9",
        "00c90001 00000001",  # version 0
        "80c90002 00000001",  # longer than the datagram
        "80c90000",  # no SSRC
        "81c90001 00000001",  # no report block
        "80c80004 00000001 00000000 00000000 00000000",
        "81ca0001 00000001",  # no end of the items
        "81ca0002 00000001 01ff6162",
        "82ca0002 00000001 00000000",  # one chunk of two
        "81cb0000",
        "81cd0001 00000001",
        "81ce0001 00000001",
        "84ce0003 00000001 00000000 00000002",  # half an entry
        "8fce0003 00000001 00000000 52454d42",  # an estimate without a number
        "8fce0004 00000001 00000000 52454d42 01000000",
        "a0c90001 00000000",  # padding of nothing
        "a0c90001 00000005",  # padding beyond the packet
        "a0c90000",
    ],
)
def test_parts_that_do_not_fit(data: str) -> None:
    with pytest.raises(MalformedRtcp):
        rtcp.parse(bytes.fromhex(data))


HEADS = st.builds(lambda first, kind, words: bytes((first, kind, 0, words)), BYTE, st.integers(200, 206), st.integers(0, 12))


@given(st.lists(st.tuples(HEADS, st.binary(max_size=48)), max_size=3))
def test_any_bytes_are_rtcp_or_malformed(parts: list[tuple[bytes, bytes]]) -> None:
    try:
        rtcp.parse(b"".join([head + body for head, body in parts]))
    except MalformedRtcp:
        pass


def test_what_cannot_be_written_is_refused() -> None:
    for packet in (Goodbye((1,) * 32), SourceDescription(1, "é" * 128)):
        with pytest.raises(ValueError, match=r"at most|up to"):
            packet.to_bytes()


@pytest.mark.parametrize(
    ("unix", "ntp"),
    [(0.0, 0x83AA_7E80_0000_0000), (0.5, 0x83AA_7E80_8000_0000), (-2_208_988_800.0, 0), (2_085_978_496.0, 0)],
)
def test_wall_clock_times(unix: float, ntp: int) -> None:
    assert rtcp.ntp_of(unix) == ntp


def test_the_middle_of_a_time() -> None:
    assert rtcp.ntp_middle(0x0123_4567_89AB_CDEF) == 0x4567_89AB
