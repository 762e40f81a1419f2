"""A connection's core: what it answers by itself, what it asks outside, what it refuses; and what real clients sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.media.units import Medium
from adapters.rtmp import amf0
from adapters.rtmp.chunks import pack
from adapters.rtmp.commands import Code, Command, command, command_of
from adapters.rtmp.connection import Connection
from adapters.rtmp.errors import LocalProtocolError, Violation
from adapters.rtmp.events import (
    AudioReceived,
    Event,
    MediumWanted,
    MetadataReceived,
    PauseChanged,
    PlayAsked,
    PlayEnded,
    PublishAsked,
    PublishEnded,
    VideoReceived,
)
from adapters.rtmp.handshake import PACKET_SIZE
from adapters.rtmp.messages import (
    ACKNOWLEDGEMENT,
    AGGREGATE,
    AMF0_COMMAND,
    AMF0_DATA,
    AMF3_COMMAND,
    AMF3_DATA,
    AUDIO,
    SET_CHUNK_SIZE,
    SET_PEER_BANDWIDTH,
    USER_CONTROL,
    VIDEO,
    WINDOW_ACKNOWLEDGEMENT_SIZE,
    Message,
    UserControl,
    set_peer_bandwidth,
    user_control,
    window_acknowledgement_size,
)
from adapters.rtmp.states import Phase
from gateway.config import RtmpSettings
from tests.support.rtmp_client import ClientConnection

DATA = Path(__file__).parents[3] / "data" / "rtmp"
SETTINGS = RtmpSettings()
NAME = "cam?key=K"


class Pair:
    """A server core and a client core, wired to each other."""

    def __init__(self, server_settings: RtmpSettings = SETTINGS) -> None:
        self.server = Connection(server_settings, bytes)
        self.client = ClientConnection()
        self.heard: list[Message] = []
        self.events: list[Event] = []
        self.give(self.client.start())

    def give(self, data: bytes) -> list[Event]:
        """Carries bytes to the server, and answers back and forth; returns the server's new events."""
        before = len(self.events)
        while True:
            self.events += self.server.receive(data)
            self.heard += self.client.receive(self.server.take())
            data = self.client.take()
            if not data:
                return self.events[before:]

    def send(self, *messages: Message) -> list[Event]:
        return self.give(b"".join(self.client.writer.write(message) for message in messages))

    def call(self, name: str, *values: object, transaction: float = 0, msid: int = 0) -> list[Event]:
        return self.send(command(msid, name, transaction, *values))

    def commands(self) -> Iterator[Command]:
        """What the server has said since the last time."""
        heard, self.heard = self.heard, []
        return (command_of(message) for message in heard if message.type_id == AMF0_COMMAND)

    def codes(self) -> list[str]:
        """The names of replies, and the codes of statuses, since the last time."""
        return [
            str(said.values[1]["code"]) if said.name == "onStatus" and isinstance(said.values[1], dict) else said.name
            for said in self.commands()
        ]

    @property
    def violation(self) -> Violation | None:
        return self.server.failure.violation if self.server.failure else None


@pytest.fixture
def pair() -> Pair:
    made = Pair()
    made.call("connect", {"app": "live"}, transaction=1)
    made.call("createStream", None, transaction=2)
    made.heard.clear()
    return made


@pytest.fixture
def publishing(pair: Pair) -> Pair:
    pair.call("publish", None, NAME, "live", msid=1)
    pair.server.conversation.accept_publish()
    pair.give(b"")
    pair.heard.clear()
    return pair


@pytest.fixture
def playing(pair: Pair) -> Pair:
    pair.call("play", None, NAME, -2000.0, msid=1)
    pair.server.conversation.accept_play()
    pair.give(b"")
    pair.heard.clear()
    return pair


# Connecting -----------------------------------------------------------------------------------------------------------


def test_connect() -> None:
    pair = Pair()
    assert pair.call("connect", {"app": "live", "objectEncoding": 3.0}, transaction=1) == []
    assert pair.server.conversation.phase is Phase.CONNECTED
    assert [message.type_id for message in pair.heard] == [WINDOW_ACKNOWLEDGEMENT_SIZE, SET_PEER_BANDWIDTH, AMF0_COMMAND]
    assert pair.client.reader.chunk_bytes == SETTINGS.chunk_bytes
    (said,) = pair.commands()
    assert (said.name, said.transaction) == ("_result", 1)
    assert isinstance(said.values[1], dict)
    assert said.values[1]["code"] == "NetConnection.Connect.Success"
    assert said.values[1]["objectEncoding"] == 3.0


@pytest.mark.parametrize(
    ("members", "address"),
    [
        ({"app": "live"}, "live/cam?key=K"),
        ({"app": "live/"}, "live/cam?key=K"),
        ({"app": "/live"}, "live/cam?key=K"),
        ({"app": "live?x=1"}, "live?x=1/cam?key=K"),
        ({"app": "", "tcUrl": "rtmp://host:1935/live"}, "live/cam?key=K"),
        ({"tcUrl": "rtmp://host/live?x=1"}, "live?x=1/cam?key=K"),
        ({"app": 7.0, "tcUrl": "rtmp://[::"}, "/cam?key=K"),
        (None, "/cam?key=K"),
    ],
)
def test_address(members: object, address: str) -> None:
    pair = Pair()
    pair.call("connect", members, transaction=1)
    pair.call("createStream", None, transaction=2)
    assert pair.call("publish", None, NAME, msid=1) == [PublishAsked(1, address)]


def test_chunk_size_may_be_set_before_connect() -> None:
    pair = Pair()
    pair.send(Message(SET_CHUNK_SIZE, 0, 0, (4096).to_bytes(4)))
    pair.call("connect", {"app": "live", "more": "x" * 3000}, transaction=1)
    assert pair.server.conversation.phase is Phase.CONNECTED


def test_command_of_type_17() -> None:
    """A byte that says AMF0, AMF0 values, one of them switching to AMF3."""
    pair = Pair()
    body = b"\0" + amf0.encode(["connect", 1.0]) + bytes.fromhex("11 0a 0b 01 07 617070 06 09 6c697665 01")
    pair.send(Message(AMF3_COMMAND, 0, 0, body))
    assert pair.server.conversation.phase is Phase.CONNECTED
    pair.send(Message(AMF3_COMMAND, 0, 0, amf0.encode(["createStream", 2.0, None])))
    assert pair.call("publish", None, NAME, msid=1) == [PublishAsked(1, "live/cam?key=K")]


def test_out_of_place() -> None:
    pair = Pair()
    pair.call("createStream", None, transaction=1)
    assert pair.violation is Violation.COMMAND
    pair = Pair()
    pair.call("connect", {"app": "live"}, transaction=1)
    pair.call("connect", {"app": "live"}, transaction=2)
    assert pair.violation is Violation.COMMAND


def test_nothing_is_read_after_a_violation(publishing: Pair) -> None:
    good = Message(AUDIO, 1, 0, b"\xaf\x01")
    assert publishing.send(good, Message(USER_CONTROL, 0, 0, b"\0"), good) == [AudioReceived(1, 0, b"\xaf\x01")]
    assert publishing.violation is Violation.CONTROL_MESSAGE
    assert publishing.send(good) == []


def test_wrong_version() -> None:
    server = Connection(SETTINGS, bytes)
    assert server.receive(b"GET / HTTP/1.1\r\n") == []
    assert server.failure is not None
    assert server.failure.violation is Violation.HANDSHAKE_VERSION
    assert server.take() == b""


# Answers that need nobody ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["releaseStream", "FCUnsubscribe", "_checkbw", "FCUnpublish"])
def test_plain_commands_are_answered_if_an_answer_is_wanted(pair: Pair, name: str) -> None:
    pair.call(name, None, NAME, transaction=5)
    pair.call(name, None, NAME)
    assert [(said.name, said.transaction) for said in pair.commands()] == [("_result", 5)]


@pytest.mark.parametrize(("name", "second"), [("FCPublish", "onFCPublish"), ("FCSubscribe", "onFCSubscribe")])
def test_commands_with_a_second_answer(pair: Pair, name: str, second: str) -> None:
    pair.call(name, None, NAME, transaction=5)
    pair.call(name, None, NAME)
    assert pair.codes() == ["_result", second, second]


def test_get_stream_length(pair: Pair) -> None:
    pair.call("getStreamLength", None, NAME, transaction=5)
    pair.call("getStreamLength", None, NAME)
    assert [said.values for said in pair.commands()] == [[None, 0.0]]


def test_unknown_command(pair: Pair) -> None:
    pair.call("supportsGoAway", None, transaction=5)
    pair.call("supportsGoAway", None)
    assert pair.codes() == ["_error"]
    assert pair.call("_result", None, transaction=5) == []
    assert pair.codes() == []


def test_message_streams_are_limited_and_freed(pair: Pair) -> None:
    for _ in range(SETTINGS.message_streams):
        pair.call("createStream", None, transaction=5)
    names = [said.name for said in pair.commands()]
    assert names == ["_result"] * (SETTINGS.message_streams - 1) + ["_error"]
    pair.call("deleteStream", None, 3.0)
    pair.call("createStream", None, transaction=6)
    assert [said.values for said in pair.commands()] == [[None, 3.0]]


@pytest.mark.parametrize("values", [[], [None], [None, "1"], [None, -1.0], [None, float("nan")], [None, 1e30], [None, 99.0]])
def test_delete_of_no_stream(pair: Pair, values: list[object]) -> None:
    assert pair.call("deleteStream", *values) == []
    assert pair.violation is None


def test_ping_is_answered(pair: Pair) -> None:
    pair.send(user_control(UserControl.PING_REQUEST, 1234))
    assert pair.heard == [user_control(UserControl.PING_RESPONSE, 1234)]


def test_ping_is_asked(pair: Pair) -> None:
    pair.server.ping(1234)
    pair.give(b"")
    assert pair.heard == [user_control(UserControl.PING_REQUEST, 1234)]


def test_peer_bandwidth_is_answered_when_it_changes(pair: Pair) -> None:
    pair.send(set_peer_bandwidth(1000), set_peer_bandwidth(1000))
    assert pair.heard == [window_acknowledgement_size(1000)]


def test_acknowledgement_when_the_window_is_full(pair: Pair) -> None:
    pair.send(window_acknowledgement_size(1000))
    pair.send(Message(AUDIO, 1, 0, bytes(1100)))
    pair.send(Message(AUDIO, 1, 0, bytes(500)))
    pair.send(Message(AUDIO, 1, 0, bytes(500)))
    first, second = pair.heard
    assert first.type_id == second.type_id == ACKNOWLEDGEMENT
    assert 1000 <= int.from_bytes(second.body) - int.from_bytes(first.body) < 1100
    pair.send(window_acknowledgement_size(0))
    pair.heard.clear()
    pair.send(Message(AUDIO, 1, 0, bytes(5000)))
    assert pair.heard == []


@pytest.mark.parametrize("type_id", [WINDOW_ACKNOWLEDGEMENT_SIZE, SET_PEER_BANDWIDTH, ACKNOWLEDGEMENT, USER_CONTROL])
def test_short_control_messages(pair: Pair, type_id: int) -> None:
    pair.send(Message(type_id, 0, 0, b"\0"))
    assert pair.violation is Violation.CONTROL_MESSAGE


@pytest.mark.parametrize("type_id", [7, 16, 19, 21, 255])
def test_other_types_are_passed_over(pair: Pair, type_id: int) -> None:
    assert pair.send(Message(type_id, 1, 0, b"abc")) == []
    assert pair.violation is None


@pytest.mark.parametrize("body", [b"", b"\x05", b"\x00\x00", b"\x02\x00\x09abc"])
def test_commands_that_are_none(pair: Pair, body: bytes) -> None:
    pair.send(Message(AMF0_COMMAND, 0, 0, body))
    assert pair.violation in (Violation.COMMAND, Violation.AMF)


# Publishing -----------------------------------------------------------------------------------------------------------


def test_publish(pair: Pair) -> None:
    assert pair.call("publish", None, NAME, "live", msid=1) == [PublishAsked(1, "live/cam?key=K")]
    assert "K" not in repr(pair.events[-1]).replace("PublishAsked", "")
    assert pair.server.conversation.asked
    assert pair.codes() == []
    pair.server.conversation.accept_publish()
    pair.give(b"")
    assert pair.heard[0] == user_control(UserControl.STREAM_BEGIN, 1)
    assert pair.codes() == ["NetStream.Publish.Start"]
    assert not pair.server.conversation.asked


def test_refusal(pair: Pair) -> None:
    pair.call("publish", None, NAME, msid=1)
    pair.server.conversation.refuse(Code.PUBLISH_BAD_NAME, "taken")
    pair.give(b"")
    (said,) = pair.commands()
    assert said.msid == 1
    assert said.values[1] == {"level": "error", "code": "NetStream.Publish.BadName", "description": "taken"}
    assert pair.call("publish", None, NAME, msid=1) == [PublishAsked(1, "live/cam?key=K")]


@pytest.mark.parametrize("command_name", ["publish", "play"])
def test_publish_and_play_need_a_stream_and_a_name(pair: Pair, command_name: str) -> None:
    other = Pair()
    other.call("connect", {"app": "live"}, transaction=1)
    other.call(command_name, None, NAME, msid=1)
    assert other.violation is Violation.COMMAND
    pair.call(command_name, None, 7.0, msid=1)
    assert pair.violation is Violation.COMMAND


def test_publish_twice(publishing: Pair) -> None:
    publishing.call("publish", None, NAME, msid=1)
    assert publishing.violation is Violation.COMMAND


def test_media_becomes_events(publishing: Pair) -> None:
    assert publishing.send(
        Message(VIDEO, 1, 40, b"\x17\x01"),
        Message(AUDIO, 1, 0xFFFFFFFF, b"\xaf\x01"),
        Message(AUDIO, 2, 50, b"of no stream"),
        Message(VIDEO, 0, 50, b"of no stream"),
    ) == [VideoReceived(1, 40, b"\x17\x01"), AudioReceived(1, 0xFFFFFFFF, b"\xaf\x01")]


def test_aggregate(publishing: Pair) -> None:
    tags = bytes.fromhex("08 000001 000064 00 000000 aa 0000000c" "09 000001 000069 00 000000 bb 0000000c")
    tags += bytes.fromhex("12 000000 000069 00 000000 0000000b")
    audio, video = AudioReceived(1, 1000, b"\xaa"), VideoReceived(1, 1005, b"\xbb")
    assert publishing.send(Message(AGGREGATE, 1, 1000, tags)) == [audio, video]
    assert publishing.send(Message(AGGREGATE, 2, 1000, tags)) == []
    publishing.send(Message(AGGREGATE, 1, 0, tags[:-5]))
    assert publishing.violation is Violation.AGGREGATE


VALUES = {"width": 640.0, "encoder": "x", "stereo": True, "nan": float("nan"), "nested": {"a": 1.0}, "none": None}
PLAIN = {"width": 640.0, "encoder": "x", "stereo": True}


@pytest.mark.parametrize(
    ("type_id", "body"),
    [
        (AMF0_DATA, amf0.encode(["@setDataFrame", "onMetaData", amf0.EcmaArray(VALUES)])),
        (AMF0_DATA, amf0.encode(["onMetaData", VALUES])),
        (AMF3_DATA, b"\0" + amf0.encode(["@setDataFrame", "onMetaData", VALUES])),
    ],
)
def test_metadata(publishing: Pair, type_id: int, body: bytes) -> None:
    assert publishing.send(Message(type_id, 1, 7, body)) == [MetadataReceived(1, 7, PLAIN)]


@pytest.mark.parametrize("values", [[], ["@setDataFrame"], ["onMetaData"], ["onMetaData", None], ["onTextData", {}], [1.0]])
def test_other_data_is_passed_over(publishing: Pair, values: list[object]) -> None:
    assert publishing.send(Message(AMF0_DATA, 1, 0, amf0.encode(values))) == []
    assert publishing.violation is None


def test_data_of_a_stream_that_is_not_published_is_not_read(pair: Pair) -> None:
    assert pair.send(Message(AMF0_DATA, 1, 0, b"\xff")) == []
    assert pair.violation is None


def test_data_in_an_aggregate_is_no_larger_than_elsewhere(publishing: Pair) -> None:
    size = SETTINGS.command_bytes + 1
    part = bytes((AMF0_DATA,)) + size.to_bytes(3) + bytes(7) + bytes(size) + bytes(4)
    publishing.send(Message(AGGREGATE, 1, 0, part))
    assert publishing.violation is Violation.MESSAGE_SIZE


@pytest.mark.parametrize("name", [None, "play"])
def test_large_messages_only_of_those_who_want_to_publish(pair: Pair, name: str | None) -> None:
    if name:
        pair.call(name, None, NAME, msid=1)
        pair.server.conversation.accept_play()
    began = Message(VIDEO, 1, 0, bytes(1024 * 1024))
    data = pair.client.writer.write(began)
    for start in range(0, len(data), 65_536):
        pair.give(data[start : start + 65_536])
    assert pair.violation is Violation.UNFINISHED_BYTES


def test_unpublish_by_name_by_close_and_by_delete(publishing: Pair) -> None:
    assert publishing.call("FCUnpublish", None, "cam", transaction=9) == [PublishEnded(1)]
    assert publishing.codes() == ["NetStream.Unpublish.Success", "_result"]
    assert publishing.call("closeStream", None, msid=1) == []
    for name, values, msid in (("closeStream", [None], 1), ("deleteStream", [None, 1.0], 0)):
        publishing.call("publish", None, NAME, msid=1)
        publishing.server.conversation.accept_publish()
        assert publishing.call(name, *values, msid=msid) == [PublishEnded(1)]
        assert publishing.send(Message(AUDIO, 1, 0, b"late")) == []
    assert publishing.call("closeStream", None, msid=1) == []


def test_unpublish_by_name_spares_the_others(publishing: Pair) -> None:
    publishing.call("createStream", None, transaction=3)
    publishing.call("publish", None, "screen?key=K", msid=2)
    publishing.server.conversation.accept_publish()
    assert publishing.call("FCUnpublish", None, "screen?key=K") == [PublishEnded(2)]
    assert publishing.send(Message(AUDIO, 1, 0, b"a"), Message(AUDIO, 2, 0, b"b")) == [AudioReceived(1, 0, b"a")]


def test_we_end_it(publishing: Pair) -> None:
    publishing.server.conversation.end_publish(1, Code.STREAM_FAILED, "no H.264")
    publishing.give(b"")
    assert publishing.codes() == ["NetStream.Failed"]
    assert publishing.send(Message(AUDIO, 1, 0, b"late")) == []


@pytest.mark.parametrize(
    "ending",
    [
        [command(0, "deleteStream", 0, None, 1.0)],
        [command(1, "closeStream", 0, None), command(1, "publish", 0, None, NAME)],
    ],
)
def test_we_end_what_the_peer_has_ended_in_the_same_breath(publishing: Pair, ending: list[Message]) -> None:
    publishing.send(Message(VIDEO, 1, 0, b"a codec that is not carried"), *ending)
    publishing.heard.clear()
    publishing.server.conversation.end_publish(1, Code.STREAM_FAILED, "no H.264")
    publishing.give(b"")
    assert publishing.codes() == ["NetStream.Failed"]


# Waiting for an answer ------------------------------------------------------------------------------------------------


def test_what_comes_before_the_answer_waits_for_it(pair: Pair) -> None:
    later = [Message(AUDIO, 1, 1, b"a"), command(1, "closeStream", 0, None), command(1, "play", 0, None, "other")]
    asked = pair.send(command(1, "publish", 0, None, NAME), *later)
    assert asked == [PublishAsked(1, "live/cam?key=K")]
    assert pair.send(Message(AUDIO, 1, 9, b"z")) == []
    pair.server.conversation.accept_publish()
    assert pair.give(b"") == [AudioReceived(1, 1, b"a"), PublishEnded(1), PlayAsked(1, "live/other")]
    pair.server.conversation.accept_play()
    assert pair.give(b"") == []


def test_pings_do_not_wait(pair: Pair) -> None:
    pair.call("publish", None, NAME, msid=1)
    pair.send(user_control(UserControl.PING_REQUEST, 5))
    assert pair.heard == [user_control(UserControl.PING_RESPONSE, 5)]


def test_waiting_is_bounded(pair: Pair) -> None:
    pair.call("publish", None, NAME, msid=1)
    for _ in range(5):
        pair.send(Message(VIDEO, 1, 0, bytes(1024 * 1024)))
    assert pair.violation is Violation.HELD_BYTES


def test_answers_to_nothing(pair: Pair) -> None:
    for answer in (pair.server.conversation.accept_play, pair.server.conversation.accept_publish):
        with pytest.raises(LocalProtocolError):
            answer()
    pair.call("publish", None, NAME, msid=1)
    with pytest.raises(LocalProtocolError):
        pair.server.conversation.accept_play()


# Playing --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("extra", [[], [-2000.0], [0.0, -1.0, True], [{"a": 1.0}, "x", None]])
def test_play(pair: Pair, extra: list[object]) -> None:
    assert pair.call("play", None, NAME, *extra, msid=1) == [PlayAsked(1, "live/cam?key=K")]
    pair.server.conversation.accept_play()
    pair.give(b"")
    assert pair.heard[0] == user_control(UserControl.STREAM_BEGIN, 1)
    assert pair.codes() == ["NetStream.Play.Reset", "NetStream.Play.Start"]


def test_play_of_something_else_ends_the_first(playing: Pair) -> None:
    assert playing.call("play", None, "other", msid=1) == [PlayEnded(1), PlayAsked(1, "live/other")]


def test_pause(playing: Pair) -> None:
    assert playing.call("pause", None, True, 100.0, msid=1) == [PauseChanged(1, True)]
    assert playing.call("pauseRaw", None, True, 100.0, msid=1) == []
    assert playing.call("pause", None, False, 100.0, msid=1) == [PauseChanged(1, False)]
    assert playing.codes() == ["NetStream.Pause.Notify"] * 2 + ["NetStream.Unpause.Notify"]
    assert playing.call("pause", None, True, 0.0, msid=2) == []


def test_seek(playing: Pair) -> None:
    assert playing.call("seek", None, 1000.0, msid=1) == []
    assert playing.codes() == ["NetStream.Seek.Notify"]


def test_receive_audio_and_video(playing: Pair) -> None:
    assert playing.call("receiveAudio", None, False, msid=1) == [MediumWanted(1, Medium.AUDIO, False)]
    assert playing.call("receiveVideo", None, True, msid=1) == [MediumWanted(1, Medium.VIDEO, True)]


def test_player_commands_without_a_player(publishing: Pair) -> None:
    for name in ("pause", "seek", "receiveAudio", "receiveVideo"):
        assert publishing.call(name, None, True, msid=1) == []
    assert publishing.codes() == []


def test_buffer_length_is_heard(playing: Pair) -> None:
    assert playing.send(Message(USER_CONTROL, 0, 0, bytes.fromhex("0003 00000001 00000bb8"))) == []
    assert playing.violation is None


def test_stop_playing(playing: Pair) -> None:
    assert playing.call("closeStream", None, msid=1) == [PlayEnded(1)]
    assert playing.heard[0] == user_control(UserControl.STREAM_EOF, 1)
    assert playing.codes() == ["NetStream.Play.Stop"]
    playing.call("play", None, NAME, msid=1)
    playing.server.conversation.accept_play()
    assert playing.call("deleteStream", None, 1.0) == [PlayEnded(1)]


def test_end_of_what_is_played(playing: Pair) -> None:
    playing.server.conversation.end_play(1)
    playing.give(b"")
    assert playing.heard[-1] == user_control(UserControl.STREAM_EOF, 1)
    assert playing.codes() == ["NetStream.Play.UnpublishNotify"]


def test_end_of_playing_for_a_reason(playing: Pair) -> None:
    playing.server.conversation.end_play(1, (Code.PLAY_FAILED, "too slow"))
    playing.give(b"")
    assert playing.codes() == ["NetStream.Play.UnpublishNotify", "NetStream.Play.Failed"]


def test_end_of_what_the_peer_has_just_let_go(playing: Pair) -> None:
    playing.call("deleteStream", None, 1.0)
    playing.server.conversation.end_play(1)
    playing.give(b"")
    assert playing.codes() == ["NetStream.Play.UnpublishNotify"]


def test_goodbye_on_the_connection(pair: Pair) -> None:
    pair.server.conversation.close(Code.CONNECT_CLOSED, "bye")
    pair.give(b"")
    assert pair.codes() == ["NetConnection.Connect.Closed"]
    silent = Connection(SETTINGS, bytes)
    silent.conversation.close(Code.CONNECT_CLOSED, "bye")
    silent.ping(1)
    assert silent.take() == b""


# What real clients sent -----------------------------------------------------------------------------------------------


def replay(data: bytes, edges: list[int]) -> tuple[list[Event], str]:
    """Feeds what a client sent; wishes are granted at once."""
    server = Connection(SETTINGS, bytes)
    events: list[Event] = []
    for start, end in pairwise(edges):
        found = server.receive(data[start:end])
        while found:
            events += found
            if isinstance(found[-1], PublishAsked):
                server.conversation.accept_publish()
            elif isinstance(found[-1], PlayAsked):
                server.conversation.accept_play()
            found = server.receive(b"")
    return events, str(server.failure)


def test_ffmpeg_publishes() -> None:
    data = (DATA / "ffmpeg-publish.bin").read_bytes()
    events, failure = replay(data, [0, len(data)])
    assert failure == "None"
    assert events[0] == PublishAsked(1, "live/rec?key=K")
    assert isinstance(events[1], MetadataReceived)
    assert events[1].values["width"] == 64.0
    assert events[-1] == PublishEnded(1)
    videos = [event for event in events if isinstance(event, VideoReceived)]
    assert videos[0].body[:2] == b"\x17\x00"
    assert [video.timestamp for video in videos[1:11]] == [23 + number * 200 for number in range(10)]
    assert sum(isinstance(event, AudioReceived) for event in events) > 80


def test_ffmpeg_publishes_with_extended_timestamps() -> None:
    data = (DATA / "ffmpeg-publish-extended.bin").read_bytes()
    events, failure = replay(data, [0, len(data)])
    assert failure == "None"
    stamps = [event.timestamp for event in events if isinstance(event, VideoReceived) and event.body[1] == 1]
    assert stamps[0] > 0xFFFFFF
    assert [stamp - stamps[0] for stamp in stamps] == [number * 200 for number in range(10)]


def test_ffmpeg_plays() -> None:
    data = (DATA / "ffmpeg-play.bin").read_bytes()
    events, failure = replay(data, [0, len(data)])
    assert failure == "None"
    assert events[0] == PlayAsked(1, "live/p?key=K")
    assert events[1:] in ([], [PlayEnded(1)])


@settings(max_examples=40)
@given(st.lists(st.integers(0, 18_400), max_size=12))
def test_any_chunking_of_a_recording_gives_the_same(cuts: list[int]) -> None:
    data = (DATA / "ffmpeg-publish.bin").read_bytes()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    assert replay(data, edges) == replay(data, [0, len(data)])


MUTATIONS = st.lists(st.tuples(st.integers(2 * PACKET_SIZE, 18_000), st.integers(1, 255)), min_size=1, max_size=4)


@settings(max_examples=60)
@given(MUTATIONS, st.lists(st.integers(0, 18_400), max_size=8))
def test_any_chunking_of_damaged_bytes_gives_the_same(changes: list[tuple[int, int]], cuts: list[int]) -> None:
    data = bytearray((DATA / "ffmpeg-publish.bin").read_bytes())
    for position, change in changes:
        data[position] ^= change
    whole = bytes(data)
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    assert replay(whole, edges) == replay(whole, [0, len(whole)])


def test_limits_come_from_the_settings() -> None:
    server = Pair(replace(SETTINGS, command_bytes=200))
    server.send(command(0, "connect", 1.0, {"app": "x" * 300}))
    assert server.violation is Violation.MESSAGE_SIZE


def test_chunks_of_our_own_bytes() -> None:
    """All of a connection's beginning in one piece, byte by byte the same."""
    data = b"\x03" + bytes(2 * PACKET_SIZE) + pack(3, AMF0_COMMAND, 0, 0, amf0.encode(["connect", 1.0, {"app": "live"}]), 128)
    data += pack(3, AMF0_COMMAND, 0, 0, amf0.encode(["createStream", 2.0, None]), 128)
    data += pack(8, AMF0_COMMAND, 1, 0, amf0.encode(["publish", 0.0, None, NAME, "live"]), 128)
    data += pack(4, AUDIO, 1, 5, b"\xaf\x01", 128)
    expected = ([PublishAsked(1, "live/cam?key=K"), AudioReceived(1, 5, b"\xaf\x01")], "None")
    assert replay(data, [0, len(data)]) == expected
    assert replay(data, list(range(len(data) + 1))) == expected
