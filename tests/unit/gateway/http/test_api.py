"""The server API without a socket: who may ask, what a request means, and what is answered."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from inspect import iscoroutinefunction
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sanic.exceptions import MethodNotAllowed, NotFound, PayloadTooLarge, SanicException

from gateway.administration import Member, PublishedStream, RoomDetail, RoomSummary, StreamStatus
from gateway.errors import (
    API_KEY_INVALID,
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    RATE_LIMITED,
    ROOM_ID_EMPTY,
    ROOM_ID_ILLEGAL,
    ROOM_ID_TOO_LONG,
    ROOM_NOT_FOUND,
    STORE_UNAVAILABLE,
    USER_ID_ILLEGAL,
    Fault,
    GatewayError,
)
from gateway.http import api
from gateway.http.api import Answer, Api, Asking
from gateway.http.api_operations import OPERATIONS, find
from gateway.http.api_quality import Arrival, ClientReport, Delivery
from gateway.quality import entries, pages
from gateway.quality.calls import Call, Span
from gateway.quality.checkup import Finding
from gateway.quality.history import Entry, Numbered
from gateway.quality.history import Kind as What
from gateway.quality.overview import Overview, PlayView, PublishView
from gateway.quality.readings import EgressReading, IngestReading, PathReading
from gateway.quality.reports import MediaReport
from gateway.quality.troubles import B_FRAMES
from gateway.quality.verdict import Evidence, Leg, Level, Source, Verdict
from gateway.rooms.model import BOTH_MEDIA, Medium, PlayMode, Role, StreamState, StreamView, User

KEY = "the key of app 7, which is long enough"
OTHER_KEY = KEY[::-1]
VIEW = StreamView("cam", "ann", "Ann", frozenset((Medium.AUDIO,)), BOTH_MEDIA, frozenset((Medium.VIDEO,)), "front", "rtmp")
STREAM = PublishedStream(VIEW, "r", StreamState.ON_AIR, 3, (Finding(B_FRAMES, "seen"),))

BAD = Verdict(Level.BAD, (Evidence("late", 2.1, 1.0, Level.BAD, Source.CLIENT),), 1_800_000_000.25)
ARRIVAL = IngestReading("rtmp", 1.0, True, 48e3, 8e5, 15.0, None, 0.02, 0.3, 2.1, 2.5, -0.01, 0, 640, 480, True, True)
DELIVERY = EgressReading("flv", 848e3, False, 1, 7.0, None, PathReading(0.05, None, None, 106_000))
OVERVIEW = Overview(
    Verdict(),
    (PublishView("ann", "cam", "rtmp", BAD, ARRIVAL, MediaReport("push", fps=15.0, round_trip=0.12345678)),),
    (PlayView("bob", "cam", "flv", PlayMode.RTC, BAD, Verdict(), Leg.UPLINK, DELIVERY),),
)
HAPPENED = Numbered("00ab", Entry("7", "r", 1_800_000_000.5, What.VERDICT, "ann", "cam", {"leg": "uplink", "level": "bad"}))


class RecordedRooms:
    """Rooms that answer what is wished, and note what was asked of them."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.there = True
        self.call = Call(OVERVIEW, [HAPPENED], "00ab")

    def rooms(self, app: str, after: str, limit: int) -> tuple[Sequence[RoomSummary], str | None]:
        self.asked.append(("rooms", app, after, limit))
        return [RoomSummary("r", 2, 1)], "r"

    def room(self, app: str, room_id: str, after: str, limit: int) -> RoomDetail:
        self.asked.append(("room", app, room_id, after, limit))
        if not self.there:
            raise GatewayError(ROOM_NOT_FOUND)
        return RoomDetail(RoomSummary(room_id, 1, 1), [Member(User("ann", "Ann", Role.BROADCASTER), True)], [STREAM], None)

    def close_room(self, app: str, room_id: str, reason: str) -> bool:
        self.asked.append(("close_room", app, room_id, reason))
        return self.there

    def kick(self, app: str, user_id: str, room_id: str, reason: str) -> bool:
        self.asked.append(("kick", app, user_id, room_id, reason))
        return user_id != "stranger"

    def send(self, app: str, room_id: str, kind: str, message: str, to: Sequence[str], sender: User) -> int:
        self.asked.append(("send", app, room_id, kind, message, to, sender))
        if not self.there:
            raise GatewayError(ROOM_NOT_FOUND)
        return 42

    def stream(self, app: str, stream_id: str) -> StreamStatus:
        self.asked.append(("stream", app, stream_id))
        return StreamStatus(stream_id, False, STREAM)

    def forbid_stream(self, app: str, stream_id: str) -> StreamStatus:
        self.asked.append(("forbid_stream", app, stream_id))
        return StreamStatus(stream_id, True, None)

    def resume_stream(self, app: str, stream_id: str) -> StreamStatus:
        self.asked.append(("resume_stream", app, stream_id))
        return StreamStatus(stream_id, False, None)

    async def room_calls(self, app: str, room_id: str, span: Span) -> Call:
        self.asked.append(("room_calls", app, room_id, span))
        if not self.there:
            raise GatewayError(ROOM_NOT_FOUND)
        return self.call

    def outside(self, app: str, page: pages.Page) -> Overview:
        self.asked.append(("outside", app, page))
        return replace(OVERVIEW, playing=(), next_leg="cam")

    async def stream_calls(self, app: str, stream_id: str, span: Span) -> Call:
        self.asked.append(("stream_calls", app, stream_id, span))
        if not self.there:
            raise GatewayError(STORE_UNAVAILABLE)
        return self.call


class Scene:
    """An API with two apps, and a clock that stands still."""

    def __init__(self) -> None:
        self.rooms = RecordedRooms()
        self.now = 0.0
        self.api = Api(self.rooms, {"7": KEY, "8": OTHER_KEY, "9": ""}, lambda: self.now)

    def answer(
        self, method: str, path: str, body: object = None, *, query: str = "", key: str | None = KEY, **headers: str
    ) -> Answer:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            given.setdefault("authorization", f"Bearer {key}")
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        if content:
            given.setdefault("content-type", "application/json")
        answering = self.api.answer(Asking(method, path, query, given, content, "192.0.2.1"))
        while True:
            try:
                answering.send(None)  # what lets others have their turn goes on at once: nobody else is here
            except StopIteration as done:
                answer: Answer = done.value
                return answer

    def ask(self, method: str, path: str, body: object = None, **rest: Any) -> Any:
        return json.loads(self.answer(method, path, body, **rest).body)

    def refusal(self, method: str, path: str, body: object = None, **rest: Any) -> Fault:
        with pytest.raises(GatewayError) as refused:
            self.answer(method, path, body, **rest)
        return refused.value.fault


@pytest.fixture
def scene() -> Scene:
    return Scene()


class TestWhoMayAsk:
    @pytest.mark.parametrize("key", [None, "", "wrong", OTHER_KEY, KEY + "x", KEY[:-1], "ключ", "\udcff"])
    def test_only_the_apps_own_key_opens(self, scene: Scene, key: str | None) -> None:
        for path in ("7/rooms", "7/nothing", "7", "nobody/rooms", "9/rooms", "%ff/rooms", "/rooms", ""):
            assert scene.refusal("GET", path, key=key) is API_KEY_INVALID
        assert not scene.rooms.asked

    def test_the_key_of_an_app_opens_no_other(self, scene: Scene) -> None:
        assert scene.refusal("GET", "8/rooms") is API_KEY_INVALID
        assert scene.ask("GET", "8/rooms", key=OTHER_KEY)

    @pytest.mark.parametrize("scheme", ["Basic", "", "Bearerer"])
    def test_the_scheme_is_bearer(self, scene: Scene, scheme: str) -> None:
        assert scene.refusal("GET", "7/rooms", authorization=f"{scheme} {KEY}") is API_KEY_INVALID

    def test_its_spelling_is_free(self, scene: Scene) -> None:
        assert scene.ask("GET", "7/rooms", authorization=f"bearer  {KEY}")

    def test_an_app_is_named_with_percents_too(self, scene: Scene) -> None:
        assert scene.ask("GET", "%37/rooms")

    def test_strangers_do_not_use_up_the_apps_allowance(self, scene: Scene) -> None:
        for _ in range(api.REQUESTS_BURST * 2):
            assert scene.refusal("GET", "7/rooms", key="wrong") is API_KEY_INVALID
        assert scene.ask("GET", "7/rooms")


class TestAllowance:
    def test_who_asks_too_fast_is_told_when_to_come_again(self, scene: Scene) -> None:
        for _ in range(api.REQUESTS_BURST):
            scene.ask("GET", "7/rooms")
        with pytest.raises(GatewayError) as refused:
            scene.ask("GET", "7/rooms")
        assert refused.value.fault is RATE_LIMITED
        assert scene.ask("GET", "8/rooms", key=OTHER_KEY), "each app has its own"
        scene.now += (refused.value.after_ms or 0) / 1000
        assert scene.ask("GET", "7/rooms")


class TestPaths:
    @pytest.mark.parametrize(
        "path", ["", "/", "/room", "/rooms/r/", "/rooms/r/open", "/rooms/r/close/now", "/stream", "//rooms", "/Rooms"]
    )
    @pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
    def test_there_is_nothing_elsewhere(self, scene: Scene, method: str, path: str) -> None:
        with pytest.raises(NotFound):
            scene.answer(method, f"7{path}")

    def test_another_method_is_told_which_there_are(self, scene: Scene) -> None:
        others = (("DELETE", "7/rooms", "GET"), ("GET", "7/rooms/r/close", "POST"), ("POST", "7/rooms/r", "GET"))
        for method, path, served in others:
            with pytest.raises(MethodNotAllowed) as refused:
                scene.answer(method, path)
            assert refused.value.headers["Allow"] == served

    @given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30))
    def test_an_id_arrives_as_it_is(self, id: str) -> None:
        scene = Scene()
        scene.ask("POST", f"7/streams/{quote(id, safe='')}/forbid")
        assert scene.rooms.asked == [("forbid_stream", "7", id)]

    @pytest.mark.parametrize("id", ["a/b", "%", "%41", "%2541", "a?b", "a#b", "..", ".", "a+b", " ", "rooms", "close", "房间"])
    def test_ids_are_decoded_once(self, scene: Scene, id: str) -> None:
        assert scene.ask("GET", f"7/rooms/{quote(id, safe='')}")["roomID"] == id

    def test_ids_keep_to_their_rule(self, scene: Scene) -> None:
        assert scene.refusal("GET", "7/rooms/") is ROOM_ID_EMPTY
        assert scene.refusal("GET", "7/rooms/a%00") is ROOM_ID_ILLEGAL
        assert scene.refusal("GET", f"7/rooms/{'x' * 129}") is ROOM_ID_TOO_LONG
        assert scene.refusal("GET", "7/rooms/%ff") is INVALID_REQUEST

    def test_every_operation_is_found_at_its_path_and_nowhere_else(self) -> None:
        for one in OPERATIONS:
            assert find(one.path)[one.method] is one
        assert len({(one.method, one.path) for one in OPERATIONS}) == len({one.name for one in OPERATIONS}) == len(OPERATIONS)


class TestLooking:
    def test_rooms_come_in_pages(self, scene: Scene) -> None:
        assert scene.ask("GET", "7/rooms") == {"rooms": [{"roomID": "r", "userCount": 2, "streamCount": 1}], "next": "r"}
        scene.ask("GET", "7/rooms", query="limit=3&after=a%2Fb%2B+c&else=1")
        assert scene.rooms.asked == [("rooms", "7", "", 50), ("rooms", "7", "a/b+ c", 3)]

    @pytest.mark.parametrize(
        "query", ["limit=0", "limit=201", "limit=many", "limit=", "limit=1.5", "after=%ff", f"after={'x' * 129}", "&" * 101]
    )
    def test_a_page_that_cannot_be(self, scene: Scene, query: str) -> None:
        assert scene.refusal("GET", "7/rooms", query=query) is INVALID_PARAMS

    def test_a_room(self, scene: Scene) -> None:
        stream = {
            "streamID": "cam", "userID": "ann", "userName": "Ann", "state": "onAir", "media": ["audio"],
            "announced": ["audio", "video"], "muted": {"audio": False, "video": True}, "extraInfo": "front",
            "transport": "rtmp", "viewers": 3,
            "findings": [{
                "number": B_FRAMES.number, "name": "B_FRAMES", "message": B_FRAMES.en, "messageZh": B_FRAMES.zh,
                "change": B_FRAMES.change_en, "changeZh": B_FRAMES.change_zh, "detail": "seen",
            }],
        }  # fmt: skip
        assert scene.ask("GET", "7/rooms/r") == {
            "roomID": "r", "userCount": 1, "streamCount": 1, "streams": [stream], "next": None,
            "users": [{"userID": "ann", "userName": "Ann", "role": "broadcaster", "connected": True}],
        }  # fmt: skip
        assert scene.ask("GET", "7/streams/cam") == {"streamID": "cam", "forbidden": False, "roomID": "r", "published": stream}

    def test_a_room_that_is_not_there(self, scene: Scene) -> None:
        scene.rooms.there = False
        assert scene.refusal("GET", "7/rooms/r") is ROOM_NOT_FOUND


class TestQuality:
    VERDICT: ClassVar[dict[str, Any]] = {
        "level": "bad", "since": 1_800_000_000_250,
        "evidence": [{"measure": "late", "value": 2.1, "limit": 1.0, "level": "bad", "source": "client"}],
    }  # fmt: skip
    GOOD: ClassVar[dict[str, Any]] = {"level": "good", "since": 0, "evidence": []}

    def test_how_calls_do_and_did(self, scene: Scene) -> None:
        told = scene.ask("GET", "7/rooms/r/quality")
        assert told == {
            "roomID": "r", "live": True, "server": self.GOOD, "nextAfter": "00ab", "nextLeg": None,
            "publishing": [{
                "userID": "ann", "streamID": "cam", "transport": "rtmp", "uplink": self.VERDICT, "findings": [],
                "measured": {
                    "protocol": "rtmp", "span": 1.0, "connected": True, "audioBitrate": 48e3, "videoBitrate": 8e5, "fps": 15.0,
                    "silence": 0.02, "gap": 0.3, "late": 2.1, "latePeak": 2.5, "drift": -0.01, "jumps": 0, "repeats": 0,
                    "width": 640, "height": 480, "audio": True, "video": True,
                },
                "told": {"fps": 15.0, "roundTrip": 0.1235},
            }],
            "playing": [{
                "userID": "bob", "streamID": "cam", "transport": "flv", "mode": "RTC", "blame": "uplink",
                "uplink": self.VERDICT, "downlink": self.GOOD, "told": None,
                "measured": {
                    "protocol": "flv", "bitrate": 848e3, "behind": False, "skips": 1, "repeats": 0, "backlog": 1.0,
                    "queued": 106_000, "roundTrip": 0.05,
                },
            }],
            "timeline": [{
                "number": "00ab", "at": 1_800_000_000.5, "kind": "verdict", "userID": "ann", "streamID": "cam",
                "data": {"leg": "uplink", "level": "bad"},
            }],
        }  # fmt: skip
        of_stream = scene.ask("GET", "7/streams/cam/quality")
        assert of_stream == {"streamID": "cam", **{name: value for name, value in told.items() if name != "roomID"}}

    def test_after_it_is_over(self, scene: Scene) -> None:
        scene.rooms.call = Call(None, [HAPPENED], None)
        told = scene.ask("GET", "7/rooms/r/quality")
        assert len(told.pop("timeline")) == 1
        nothing = {"server": None, "publishing": [], "playing": [], "nextAfter": None, "nextLeg": None}
        assert told == {"roomID": "r", "live": False, **nothing}

    def test_everything_that_is_measured_and_told_is_shown(self) -> None:
        """A member of a reading or a report that nobody has thought of here is missed by those who look at calls."""
        full = msgspec.structs.replace(ARRIVAL, gop=2.0, path=PathReading(0.1, 0.01, 0.02, None, 3))
        report = MediaReport("pull", **dict.fromkeys(MediaReport.__struct_fields__[1:], 1))  # type: ignore[arg-type]
        for known, kind in (
            (entries.measured(full), Arrival), (entries.measured(DELIVERY), Delivery), (entries.told(report), ClientReport),
        ):  # fmt: skip
            assert set(known) - {"direction"} <= {field.encode_name for field in msgspec.structs.fields(kind)}

    def test_many_legs_and_entries(self, scene: Scene) -> None:
        many = Overview(Verdict(), OVERVIEW.publishing * 120, OVERVIEW.playing * 333)
        scene.rooms.call = Call(many, [HAPPENED] * 1000, None)
        told = scene.ask("GET", "7/rooms/r/quality")
        assert [len(told[name]) for name in ("publishing", "playing", "timeline")] == [120, 333, 1000]

    def test_part_of_a_timeline(self, scene: Scene) -> None:
        scene.ask("GET", "7/rooms/r/quality")
        scene.ask("GET", "7/streams/a%2Fb/quality", query="since=12.5&after=00ab&limit=1000")
        assert scene.rooms.asked == [
            ("room_calls", "7", "r", Span(0, "", 100)), ("stream_calls", "7", "a/b", Span(12.5, "00ab", 1000)),
        ]  # fmt: skip

    def test_part_of_those_who_publish_and_play(self, scene: Scene) -> None:
        scene.rooms.call = Call(replace(OVERVIEW, next_leg="1.1.bob"), (), None)
        assert scene.ask("GET", "7/rooms/r/quality", query="legs=2&afterLeg=0.1.a%2Bb")["nextLeg"] == "1.1.bob"
        assert scene.rooms.asked == [("room_calls", "7", "r", Span(0, "", 100, pages.Page(2, "0.1.a+b")))]

    def test_streams_in_no_room_come_in_pages(self, scene: Scene) -> None:
        scene.rooms.call = Call(OVERVIEW, (), None)
        told = scene.ask("GET", "7/streams")
        assert told == {"streams": scene.ask("GET", "7/rooms/r/quality")["publishing"], "next": "cam"}
        scene.ask("GET", "7/streams", query=f"limit=3&after={'x' * 256}")
        first, _, second = scene.rooms.asked
        assert first == ("outside", "7", pages.Page(50))
        assert second == ("outside", "7", pages.Page(3, "x" * 256))

    @pytest.mark.parametrize(
        "query", ["limit=-1", "limit=1001", "since=-1", "since=nan", "since=inf", "since=1e11", "since=now", f"after={'x' * 65}",
         "legs=-1", "legs=1001", f"afterLeg={'x' * 257}"],
    )  # fmt: skip
    def test_a_part_that_cannot_be(self, scene: Scene, query: str) -> None:
        assert scene.refusal("GET", "7/rooms/r/quality", query=query) is INVALID_PARAMS

    def test_what_is_not_known(self, scene: Scene) -> None:
        scene.rooms.there = False
        assert scene.refusal("GET", "7/rooms/r/quality") is ROOM_NOT_FOUND
        assert scene.refusal("GET", "7/streams/s/quality") is STORE_UNAVAILABLE


class TestChanging:
    def test_is_done_in_one_step(self) -> None:
        assert not any(iscoroutinefunction(one.perform) for one in OPERATIONS if one.changes)

    def test_a_room_is_closed(self, scene: Scene) -> None:
        assert scene.ask("POST", "7/rooms/r/close", {"reason": "late"}) == {"closed": True}
        scene.rooms.there = False
        assert scene.ask("POST", "7/rooms/r/close") == {"closed": False}
        assert scene.rooms.asked == [("close_room", "7", "r", "late"), ("close_room", "7", "r", "")]

    def test_users_are_kicked_once_each(self, scene: Scene) -> None:
        assert scene.ask("POST", "7/rooms/r/kick", {"userIDs": ["b", "stranger", "b", "a"]}) == {"kicked": ["b", "a"]}
        assert [who for _, _, who, _, _ in scene.rooms.asked] == ["b", "stranger", "a"]

    def test_nobody_is_kicked_if_one_cannot_be_a_user(self, scene: Scene) -> None:
        assert scene.refusal("POST", "7/rooms/r/kick", {"userIDs": ["b", "\x00"]}) is USER_ID_ILLEGAL
        assert not scene.rooms.asked

    def test_messages(self, scene: Scene) -> None:
        assert scene.ask("POST", "7/rooms/r/messages", {"kind": "broadcast", "message": "hi"}) == {"messageID": 42}
        assert scene.ask("POST", "7/rooms/r/messages", {"kind": "barrage", "message": "hi"}) == {"messageID": "42"}
        del scene.rooms.asked[1:]
        body = {"kind": "command", "message": "up", "toUserIDs": ["b", "b"], "fromUser": {"userID": "a"}}
        scene.ask("POST", "7/rooms/r/messages", body)
        assert scene.rooms.asked == [
            ("send", "7", "r", "broadcast", "hi", [], User("", "", Role.BROADCASTER)),
            ("send", "7", "r", "command", "up", ["b"], User("a", "a", Role.BROADCASTER)),
        ]

    def test_a_stream_is_forbidden_and_permitted(self, scene: Scene) -> None:
        nothing = {"streamID": "cam", "roomID": None, "published": None}
        assert scene.ask("POST", "7/streams/cam/forbid") == {**nothing, "forbidden": True}
        assert scene.ask("POST", "7/streams/cam/resume", {"else": 1}) == {**nothing, "forbidden": False}

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("rooms/r/close", []), ("rooms/r/close", {"reason": 1}), ("rooms/r/close", {"reason": "x" * 257}),
            ("rooms/r/kick", None), ("rooms/r/kick", {"userIDs": []}), ("rooms/r/kick", {"userIDs": [""]}),
            ("rooms/r/kick", {"userIDs": list("abcdefghijk")}), ("rooms/r/kick", {"userIDs": "a"}),
            ("rooms/r/messages", {"kind": "letter", "message": "hi"}), ("rooms/r/messages", {"kind": "broadcast", "message": ""}),
            ("rooms/r/messages", {"kind": "broadcast"}), ("streams/s/forbid", [1]),
            ("rooms/r/messages", {"kind": "barrage", "message": "a", "toUserIDs": ["b"]}),
            ("rooms/r/messages", {"kind": "barrage", "message": "a", "fromUser": {}}),
        ],
    )  # fmt: skip
    def test_a_body_that_does_not_fit(self, scene: Scene, path: str, body: object) -> None:
        assert scene.refusal("POST", f"7/{path}", body) is INVALID_PARAMS
        assert not scene.rooms.asked

    @pytest.mark.parametrize("body", [b"{", b"nonsense", b'{"reason":"\xff"}', b'{"x":' + b"[" * 100_000])
    def test_a_body_that_is_no_json(self, scene: Scene, body: bytes) -> None:
        assert scene.refusal("POST", "7/rooms/r/close", body) is PARSE_ERROR

    @pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"])
    def test_a_body_of_another_type(self, scene: Scene, content_type: str) -> None:
        with pytest.raises(SanicException) as refused:
            scene.answer("POST", "7/rooms/r/close", {}, content_type=content_type)
        assert refused.value.status_code == 415

    def test_a_type_with_parameters(self, scene: Scene) -> None:
        assert scene.ask("POST", "7/rooms/r/close", {}, content_type="Application/JSON; charset=utf-8")

    def test_a_body_that_is_too_large(self, scene: Scene) -> None:
        with pytest.raises(PayloadTooLarge):
            scene.answer("POST", "7/rooms/r/close", b" " * (api.BODY_BYTES + 1))

    @given(st.binary(max_size=200), st.sampled_from([one for one in OPERATIONS if one.changes]))
    def test_any_bytes_are_answered_or_refused(self, body: bytes, operation: Any) -> None:
        path = "/".join("x" if part.startswith("{") else part for part in operation.path)
        refused: Fault | None = None
        try:
            Scene().answer("POST", f"7/{path}", body)
        except GatewayError as error:
            refused = error.fault
        assert refused is None or refused in operation.all_faults


class TestRepeating:
    def test_the_same_key_gets_the_same_reply_and_acts_once(self, scene: Scene) -> None:
        first = scene.answer("POST", "7/rooms/r/close", idempotency_key="k")
        scene.rooms.there = False
        scene.now += api.REPLIES_KEPT_FOR - 1
        again = scene.answer("POST", "7/rooms/r/close", idempotency_key="k")
        assert (first.body, first.repeated, again.body, again.repeated) == (again.body, False, first.body, True)
        assert len(scene.rooms.asked) == 1
        scene.now += 1
        assert scene.ask("POST", "7/rooms/r/close", idempotency_key="k") == {"closed": False}

    def test_a_key_belongs_to_one_request_of_one_app(self, scene: Scene) -> None:
        scene.ask("POST", "7/rooms/r/close", idempotency_key="k")
        assert scene.refusal("POST", "7/rooms/s/close", idempotency_key="k") is INVALID_REQUEST
        assert scene.refusal("POST", "7/rooms/r/close", {"reason": "x"}, idempotency_key="k") is INVALID_REQUEST
        assert scene.ask("POST", "8/rooms/s/close", key=OTHER_KEY, idempotency_key="k")

    def test_what_was_refused_may_be_tried_again(self, scene: Scene) -> None:
        body = {"kind": "broadcast", "message": "hi"}
        scene.rooms.there = False
        assert scene.refusal("POST", "7/rooms/r/messages", body, idempotency_key="k") is ROOM_NOT_FOUND
        scene.rooms.there = True
        assert scene.ask("POST", "7/rooms/r/messages", body, idempotency_key="k") == {"messageID": 42}

    @pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "a b", "a\n", "é"])
    def test_a_key_that_cannot_be(self, scene: Scene, key: str) -> None:
        assert scene.refusal("POST", "7/rooms/r/close", idempotency_key=key) is INVALID_REQUEST

    def test_looking_knows_no_keys(self, scene: Scene) -> None:
        for _ in range(2):
            assert not scene.answer("GET", "7/rooms", idempotency_key="k").repeated


class TestAudit:
    def lines(self, caplog: pytest.LogCaptureFixture) -> list[str]:
        return [record.getMessage() for record in caplog.records if record.name == "gateway.audit"]

    def test_each_change_has_one_line_and_looking_has_none(self, scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        scene.ask("GET", "7/rooms")
        scene.ask("POST", "7/rooms/r/kick", {"userIDs": ["b\u2028"], "reason": "a\nb"}, idempotency_key="k")
        scene.ask("POST", "7/rooms/r/kick", {"userIDs": ["b\u2028"], "reason": "a\nb"}, idempotency_key="k")
        (line,) = self.lines(caplog)
        assert line.startswith("change=kickUsers app='7' id='r' given=")
        assert line.endswith("client=192.0.2.1 result=done")
        assert "\n" not in line

    def test_a_refused_change_says_why(self, scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        scene.rooms.there = False
        scene.refusal("POST", "7/rooms/r/messages", {"kind": "broadcast", "message": "hi"})
        (line,) = self.lines(caplog)
        assert line.endswith("result=ROOM_NOT_FOUND")

    def test_keys_and_messages_are_not_told(self, scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        scene.ask("POST", "7/rooms/r/messages", {"kind": "broadcast", "message": "our secret"}, idempotency_key="k")
        scene.refusal("POST", "7/rooms/r/messages", key="almost")
        assert "10 characters" in caplog.text
        assert not any(secret in caplog.text for secret in (KEY, "our secret", "almost"))
        assert KEY not in repr(Asking("GET", "7/rooms", headers={"authorization": f"Bearer {KEY}"}))
