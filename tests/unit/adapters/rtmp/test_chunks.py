"""Chunks: literal bytes of every header form, limits, and round trips under any chunking."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.rtmp.chunks import ChunkLimits, ChunkReader, ChunkWriter, media_message, pack
from adapters.rtmp.errors import LocalProtocolError, Violation
from adapters.rtmp.messages import AMF0_COMMAND, AMF0_DATA, AUDIO, VIDEO, Message, acknowledgement, set_chunk_size
from tests.support.rtmp_client import CompactWriter

LIMITS = ChunkLimits(message_bytes=100_000, command_bytes=1000, unfinished_bytes=20_000, chunk_streams=4)


def read(*pieces: str | bytes, reader: ChunkReader | None = None) -> list[Message]:
    """What one reader makes of the pieces (texts are hexadecimal), and another of their single bytes."""
    reader = reader or ChunkReader(LIMITS)
    data = b"".join(bytes.fromhex(piece) if isinstance(piece, str) else piece for piece in pieces)
    whole = reader.receive(data)
    single = ChunkReader(LIMITS)
    assert [message for byte in data for message in single.receive(bytes((byte,)))] == whole
    return whole


def violation_of(*pieces: str | bytes) -> Violation:
    reader = ChunkReader(LIMITS)
    read(*pieces, reader=reader)
    assert reader.failure is not None
    assert reader.receive(b"\x04") == []
    return reader.failure.violation


# Header forms -------------------------------------------------------------------------------------------------------


def test_type_0() -> None:
    assert read("04 000010 000003 08 01000000 af0102") == [Message(AUDIO, 1, 16, b"\xaf\x01\x02")]


def test_types_1_2_and_3_each_take_more_from_their_predecessor() -> None:
    assert read(
        "04 000010 000002 08 01000000 aaaa",
        "44 000005 000001 09 bb",
        "84 000006 cc",
        "c4 dd",
    ) == [
        Message(AUDIO, 1, 16, b"\xaa\xaa"),
        Message(VIDEO, 1, 21, b"\xbb"),
        Message(VIDEO, 1, 27, b"\xcc"),
        Message(VIDEO, 1, 33, b"\xdd"),
    ]


def test_type_3_after_type_0_repeats_its_timestamp_as_delta() -> None:
    """Section 5.3.1.2.4."""
    assert [message.timestamp for message in read("04 000017 000001 08 01000000 aa", "c4 bb")] == [23, 46]


def test_type_1_may_begin_a_chunk_stream() -> None:
    """librtmp acknowledges so."""
    assert read("42 000000 000004 03 00001000") == [Message(3, 0, 0, bytes.fromhex("00001000"))]


@pytest.mark.parametrize("header", ["84 000000", "c4"])
def test_types_2_and_3_may_not(header: str) -> None:
    assert violation_of(header) is Violation.CHUNK_HEADER


def test_chunk_stream_ids_of_two_and_three_bytes() -> None:
    assert read(
        "00 00 000001 000001 08 01000000 aa",  # 64
        "00 ff 000002 000001 08 01000000 bb",  # 319
        "01 ffff 000003 000001 08 01000000 cc",  # 65599
        "c0 00 dd",
        "c1 ffff ee",
    ) == [
        Message(AUDIO, 1, 1, b"\xaa"),
        Message(AUDIO, 1, 2, b"\xbb"),
        Message(AUDIO, 1, 3, b"\xcc"),
        Message(AUDIO, 1, 2, b"\xdd"),
        Message(AUDIO, 1, 6, b"\xee"),
    ]


def test_the_long_form_of_a_chunk_stream_id_is_little_endian() -> None:
    """64 + 1 in two bytes and in three name the same chunk stream."""
    assert len(read("00 01 000001 000001 08 01000000 aa", "c1 0100 bb")) == 2


def test_empty_message() -> None:
    assert read("04 000001 000000 08 01000000", "c4", "04 000002 000001 08 01000000 aa") == [
        Message(AUDIO, 1, 1, b""),
        Message(AUDIO, 1, 2, b""),
        Message(AUDIO, 1, 2, b"\xaa"),
    ]


# Extended timestamps ------------------------------------------------------------------------------------------------


def test_extended_timestamp() -> None:
    assert read("04 ffffff 000001 08 01000000 01000000 aa")[0].timestamp == 0x01000000


def test_the_field_itself_may_be_extended_although_it_would_fit() -> None:
    assert read("04 ffffff 000001 08 01000000 00000010 aa")[0].timestamp == 16


def test_largest_plain_and_smallest_extended() -> None:
    assert read("04 fffffe 000001 08 01000000 aa")[0].timestamp == 0xFFFFFE
    assert read("04 ffffff 000001 08 01000000 00ffffff aa")[0].timestamp == 0xFFFFFF


def test_extended_timestamp_on_every_chunk() -> None:
    body = bytes(range(200)) + bytes(100)
    stamp = "01020304"
    found = read("04 ffffff 00012c 08 01000000", stamp, body[:128], "c4", stamp, body[128:256], "c4", stamp, body[256:])
    assert found == [Message(AUDIO, 1, 0x01020304, body)]


def test_extended_timestamp_left_out_on_later_chunks() -> None:
    body = bytes(range(200)) + bytes(100)
    found = read("04 ffffff 00012c 08 01000000 01020304", body[:128], "c4", body[128:256], "c4", body[256:])
    assert found == [Message(AUDIO, 1, 0x01020304, body)]


def test_extended_delta_and_its_repetition() -> None:
    found = read(
        "04 000001 000001 08 01000000 aa", "84 ffffff 01000000 bb", "c4 01000000 cc", "84 000001 dd", "c4 ee"
    )
    assert [message.timestamp for message in found] == [1, 0x01000001, 0x02000001, 0x02000002, 0x02000003]


def test_timestamps_wrap() -> None:
    found = read("04 ffffff 000001 08 01000000 fffffff0 aa", "84 000020 bb")
    assert [message.timestamp for message in found] == [0xFFFFFFF0, 0x10]


# Control and order ----------------------------------------------------------------------------------------------------


def test_messages_of_several_chunk_streams_interleave() -> None:
    video, audio = bytes(200), b"\xaf\x01"
    found = read("06 000001 0000c8 09 01000000", video[:128], "04 000002 000002 08 01000000", audio, "c6", video[128:])
    assert found == [Message(AUDIO, 1, 2, audio), Message(VIDEO, 1, 1, video)]


def test_chunk_size_changes_between_the_chunks_of_a_message() -> None:
    video = bytes(range(150))
    resized = "02 000000 000004 01 00000000 00000002"
    rest = [b"\xc6" + video[start : start + 2] for start in range(128, 150, 2)]
    found = read("06 000001 000096 09 01000000", video[:128], resized, *rest)
    assert found == [Message(VIDEO, 1, 1, video)]


def test_huge_chunk_size_is_as_good_as_the_largest_message() -> None:
    reader = ChunkReader(LIMITS)
    reader.receive(pack(2, 1, 0, 0, b"\x7f\xff\xff\xff", 128))
    assert reader.chunk_bytes == 0xFFFFFF


@pytest.mark.parametrize("size", ["00000000", "80000000", "ffffffff", "0000"])
def test_impossible_chunk_size(size: str) -> None:
    assert violation_of(f"02 000000 00000{len(size) // 2} 01 00000000", size) is Violation.CONTROL_MESSAGE


def test_abort_throws_away_what_was_begun() -> None:
    reader = ChunkReader(LIMITS)
    reader.receive(bytes.fromhex("06 000001 0000c8 09 01000000") + bytes(128))
    assert reader.unfinished_bytes == 128
    reader.receive(bytes.fromhex("02 000000 000004 02 00000000 00000006"))
    assert reader.unfinished_bytes == 0
    assert reader.receive(bytes.fromhex("06 000005 000001 09 01000000 aa")) == [Message(VIDEO, 1, 5, b"\xaa")]


def test_abort_of_an_unknown_chunk_stream() -> None:
    assert read("02 000000 000004 02 00000000 00000009") == []


# Limits ---------------------------------------------------------------------------------------------------------------


def test_message_inside_another_on_its_chunk_stream() -> None:
    assert violation_of("06 000001 0000c8 09 01000000", bytes(128), "46 000001 0000c8 09") is Violation.CHUNK_HEADER


def test_too_large_messages() -> None:
    assert violation_of("06 000001 0186a1 09 01000000") is Violation.MESSAGE_SIZE
    assert violation_of("03 000001 0003e9 14 00000000") is Violation.MESSAGE_SIZE


def test_too_many_chunk_streams() -> None:
    begun = [f"{csid:02x} 000001 000001 08 01000000 aa" for csid in range(3, 8)]
    assert len(read(*begun[:4])) == 4
    assert violation_of(*begun) is Violation.CHUNK_STREAMS


def test_too_many_unfinished_bytes() -> None:
    reader = ChunkReader(LIMITS)
    reader.receive(pack(2, 1, 0, 0, (60_000).to_bytes(4), 128))
    reader.receive(bytes.fromhex("06 000001 00ea60 09 01000000") + bytes(20_000))
    assert reader.failure is None
    reader.receive(b"\0")
    assert reader.failure is not None
    assert reader.failure.violation is Violation.UNFINISHED_BYTES


# Writing --------------------------------------------------------------------------------------------------------------


def test_pack_in_one_chunk() -> None:
    assert pack(4, AUDIO, 1, 16, b"\xaf\x01", 128) == bytes.fromhex("04 000010 000002 08 01000000 af01")


def test_pack_in_several_chunks_with_extended_timestamp() -> None:
    assert pack(6, VIDEO, 1, 0x01020304, b"abcde", 2) == bytes.fromhex(
        "06 ffffff 000005 09 01000000 01020304 6162 c6 01020304 6364 c6 01020304 65"
    )


def test_time_is_taken_modulo_32_bits() -> None:
    assert media_message(AUDIO, 1, (1 << 32) + 5, b"x", 128) == media_message(AUDIO, 1, 5, b"x", 128)


@pytest.mark.parametrize(("csid", "length"), [(1, 1), (64, 1), (3, 0x1000000)])
def test_what_cannot_be_packed(csid: int, length: int) -> None:
    with pytest.raises(LocalProtocolError):
        pack(csid, AUDIO, 1, 0, bytes(length), 128)


def test_writer_uses_a_new_chunk_size_behind_its_announcement() -> None:
    writer, reader = ChunkWriter(), ChunkReader(LIMITS)
    messages = [Message(AMF0_COMMAND, 0, 0, bytes(300)), acknowledgement(7), Message(AMF0_DATA, 1, 0, bytes(300))]
    data = writer.write(3, messages[0]) + writer.write(2, set_chunk_size(1000)) + writer.write(2, messages[1])
    last = writer.write(3, messages[2])
    assert len(last) == 12 + 300
    assert reader.receive(data + last) == messages


# Both ways ------------------------------------------------------------------------------------------------------------

STAMPS = st.one_of(st.integers(0, 200), st.integers(0xFFFFF0, 0x1000010), st.integers(0xFFFFFF00, 0xFFFFFFFF))
MESSAGES = st.builds(
    Message,
    st.sampled_from([AUDIO, VIDEO, AMF0_DATA]),
    st.integers(0, 3),
    STAMPS,
    st.one_of(st.binary(max_size=8), st.integers(100, 700).map(lambda size: bytes(index & 255 for index in range(size)))),
)


@settings(max_examples=150)
@given(st.lists(st.one_of(MESSAGES, st.integers(1, 400).map(set_chunk_size)), max_size=12), st.randoms(use_true_random=False))
def test_compact_chunks_come_back_whatever_the_cuts(messages: list[Message], rng: random.Random) -> None:
    """The writer of the test client uses all four formats, and this interleaves its chunk streams."""
    writer = CompactWriter()
    waiting: dict[int, list[bytes]] = {}
    data = bytearray()

    def drain(type_id: int) -> None:
        data.extend(b"".join(waiting.pop(type_id, [])))

    for message in messages:
        drain(message.type_id)
        if message.type_id < AUDIO:  # chunks that are cut already have the old size
            for type_id in list(waiting):
                drain(type_id)
            data += writer.write(message)
            continue
        pieces = writer.chunks(message)
        data += pieces[0]
        waiting[message.type_id] = pieces[1:]
        for type_id in rng.sample(sorted(waiting), len(waiting)):
            if waiting[type_id] and rng.random() < 0.5:
                data += waiting[type_id].pop(0)
    for type_id in list(waiting):
        drain(type_id)
    expected = [message for message in messages if message.type_id >= AUDIO]
    reader = ChunkReader(LIMITS)
    found: list[Message] = []
    position = 0
    while position < len(data):
        size = rng.choice([1, 2, 11, 130, 5000])
        found += reader.receive(bytes(data[position : position + size]))
        position += size
    for type_id in (AUDIO, VIDEO, AMF0_DATA):
        assert [m for m in found if m.type_id == type_id] == [m for m in expected if m.type_id == type_id]
    assert reader.unfinished_bytes == 0


@settings(max_examples=100)
@given(st.lists(MESSAGES, max_size=6), st.integers(1, 300))
def test_packed_messages_come_back(messages: list[Message], chunk_bytes: int) -> None:
    reader = ChunkReader(LIMITS)
    data = pack(2, 1, 0, 0, chunk_bytes.to_bytes(4), 128)
    for type_id, msid, timestamp, body in messages:
        data += media_message(type_id, msid, timestamp, body, chunk_bytes)
    assert reader.receive(data) == messages


@settings(max_examples=200)
@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5))
def test_any_bytes_give_the_same_whatever_the_cuts(data: bytes, cuts: list[int]) -> None:
    def outcome(edges: list[int]) -> tuple[list[Message], str]:
        reader = ChunkReader(LIMITS)
        found = [message for start, end in pairwise(edges) for message in reader.receive(data[start:end])]
        return found, str(reader.failure)

    assert outcome([0, len(data)]) == outcome([0, *sorted(min(cut, len(data)) for cut in cuts), len(data)])
