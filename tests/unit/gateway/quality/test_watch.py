"""What comes of reports and measurements: events, counts, history, addresses; and what never does."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from gateway.config import QualitySettings
from gateway.quality.history import Kind
from gateway.quality.readings import PathReading, ServerReading
from gateway.quality.reports import Direction, Told, parse_report
from gateway.quality.sweeps import AT_ONCE
from gateway.quality.verdict import Leg, Level
from gateway.quality.watch import LATE
from gateway.rooms.model import StreamState
from tests.support.talk import Client
from tests.support.watching import BADLY, WELL, Stream, Viewer, WatchedHouse

PUBLISH_INTERRUPTED, PLAY_INTERRUPTED = 1003020, 1004020


@pytest.fixture
def house() -> WatchedHouse:
    return WatchedHouse()


@dataclasses.dataclass
class Call:
    """Ann publishes `a`; Bob and Eve play it."""

    house: WatchedHouse
    ann: Client
    bob: Client
    eve: Client
    stream: Stream
    viewers: dict[str, Viewer]

    def throttle(self, user: str) -> None:
        """This viewer's network takes half of what it should."""
        viewer = self.viewers[user]
        queued = int(viewer.reading.bitrate * 4 / 8)
        viewer.reading = structs.replace(viewer.reading, path=PathReading(queued=queued))

    def says(self, user: str, door: str, direction: Direction, code: int) -> None:
        """A component's code, over the user's socket or over HTTP."""
        if door == "ws":
            report({"ann": self.ann, "bob": self.bob, "eve": self.eve}[user], direction, code)
            return
        parsed = parse_report(direction, "bindstatechange", b'{"code": %d}' % code)
        self.house.watch.reports("1", "room", user, [Told(direction, "bindstatechange", parsed)])

    def half_open(self) -> None:
        """The publisher's connection is there, and nothing comes any more. Those that play have done so for a while."""
        self.house.live(5)
        self.stream.reading = structs.replace(WELL, silence=1.5)
        self.house.live(1)
        self.quiet()

    def quiet(self) -> None:
        """What was heard so far is of no interest."""
        for client in (self.ann, self.bob, self.eve):
            client.events()


@pytest.fixture
def call(house: WatchedHouse) -> Call:
    ann, bob, eve = house.login("ann"), house.login("bob"), house.login("eve")
    stream = house.on_air(ann, "ann", "a")
    viewers = {name: house.viewer(client, name, stream) for name, client in (("bob", bob), ("eve", eve))}
    made = Call(house, ann, bob, eve, stream, viewers)
    made.quiet()
    return made


def heard(client: Client, method: str = "quality") -> list[dict[str, Any]]:
    return [params for name, params in client.events() if name == method]


def report(client: Client, direction: str, code: int, **more: Any) -> None:
    client.result("report", direction=direction, event="bindstatechange", data={"code": code, "message": "x"}, **more)


def netstatus(client: Client, direction: str, **info: Any) -> None:
    client.result("report", direction=direction, event="bindnetstatus", data={"info": info})


class TestNotices:
    def test_a_healthy_call_is_told_once_to_everyone_with_what_is_theirs(self, call: Call) -> None:
        call.house.live(10)
        (ann,), (bob,) = heard(call.ann), heard(call.bob)
        assert (ann["roomID"], ann["server"]["level"], ann["playing"]) == ("room", "good", [])
        assert [(one["streamID"], one["uplink"]["level"], "stats" in one) for one in ann["publishing"]] == [("a", "good", False)]
        assert bob["publishing"] == []
        (one,) = bob["playing"]
        assert (one["streamID"], one["uplink"]["level"], one["downlink"]["level"], one["blame"]) == ("a", "good", "good", None)

    def test_a_bad_uplink_is_told_to_its_publisher_and_to_all_who_play_it(self, call: Call) -> None:
        call.house.live(5)
        call.quiet()
        call.stream.reading = BADLY
        call.house.live(10)
        last = heard(call.ann)[-1]["publishing"][0]["uplink"]
        assert last["level"] == "bad"
        assert {"source": "gateway", "level": "bad"}.items() <= last["evidence"][0].items()
        for client in (call.bob, call.eve):
            assert (heard(client)[-1]["playing"][0]["blame"]) == "uplink"

    def test_one_bad_downlink_is_told_to_that_viewer_alone(self, call: Call) -> None:
        call.house.live(5)
        call.quiet()
        call.throttle("bob")
        call.house.live(10)
        assert heard(call.bob)[-1]["playing"][0]["blame"] == "downlink"
        assert heard(call.ann) == heard(call.eve) == []

    def test_times_are_unix_times_in_milliseconds(self, call: Call) -> None:
        call.house.live(5)
        call.stream.reading = BADLY
        call.house.live(10)
        since = heard(call.ann)[-1]["publishing"][0]["uplink"]["since"] / 1000
        wall = call.house.clock.wall()
        assert wall - 10 <= since <= wall

    def test_it_comes_every_three_seconds_at_most(self, call: Call) -> None:
        call.house.live(5)
        call.quiet()
        for _ in range(10):
            call.house.probe.value = ServerReading(1.0, 0.9, 1.5, 0.9, 0)
            call.house.live(5)
            call.house.probe.value = ServerReading(1.0, 0.001, 0.001, 0.1, 0)
            call.house.live(15)
        assert 2 <= len(heard(call.ann)) <= 200 / 3

    def test_one_who_wants_numbers_gets_them_every_three_seconds(self, house: WatchedHouse) -> None:
        ann, bob = house.login("ann", qualityUpdate=True), house.login("bob", qualityUpdate=True)
        stream = house.on_air(ann, "ann", "a")
        house.viewer(bob, "bob", stream)
        netstatus(bob, "pull", videoFPS=14, videoBitrate=390, audioBitrate=47, netQualityLevel=2)
        house.live(12)
        published = [event["publishing"][0]["stats"] for event in heard(ann)]
        assert 4 <= len(published) <= 5
        assert published[0]["video"] == {
            "frameWidth": 360, "frameHeight": 640, "muteState": "0", "videoBitrate": 400.0, "videoFPS": 15.0,
            "videoTransferFPS": 15.0, "videoPacketsLostRate": 0.0, "videoQuality": 0,
        }  # fmt: skip
        played = heard(bob)[0]["playing"][0]["stats"]
        assert (played["video"]["videoRenderFPS"], played["video"]["videoBitrate"]) == (14.0, 390.0)
        assert (played["video"]["videoQuality"], played["audio"]["audioBitrate"]) == (1, 47.0)

    def test_nothing_flows_nothing_is_told(self, house: WatchedHouse) -> None:
        ann = house.login("ann", qualityUpdate=True)
        ann.result("publish", streamID="a")
        house.live(10)
        assert heard(ann) == []

    def test_after_a_resume_it_is_told_again_after_the_reply(self, call: Call) -> None:
        call.house.live(5)
        call.bob.gone()
        again = call.house.client(instead_of=call.bob)
        reply = again.result(
            "login", appID=1, roomID="room", userID="bob", resume={"sessionID": call.bob.session, "lastSeq": 0}
        )
        assert reply["resumed"]
        (told,) = heard(again)
        assert told["playing"][0]["streamID"] == "a"

    def test_what_ends_is_told_no_more(self, call: Call) -> None:
        call.house.live(5)
        call.quiet()
        call.bob.result("stop", streamID="a")
        call.stream.viewers = [call.viewers["eve"]]
        call.stream.reading = BADLY
        call.house.live(10)
        assert heard(call.bob) == []


class TestReports:
    def test_they_are_counted_by_door_direction_and_event(self, call: Call) -> None:
        netstatus(call.ann, "push", videoBitrate=400)
        call.ann.result("report", direction="push", event="stats", data={"fps": 12})
        assert dict(call.house.watch.counters.reports) == {("ws", "push", "bindnetstatus"): 1, ("ws", "push", "stats"): 1}

    def test_what_cannot_be_read_is_counted_by_reason(self, call: Call) -> None:
        call.ann.result("report", direction="push", event="bindnetstatus", data=[1, 2])
        netstatus(call.ann, "push", videoBitrate=-5, videoFPS="fast")
        assert sum(call.house.watch.counters.dropped.values()) == 3

    def test_codes_are_counted_those_of_the_table_alone_by_number(self, call: Call) -> None:
        report(call.ann, "push", 1101)
        report(call.ann, "push", 987654)
        assert dict(call.house.watch.counters.codes) == {("push", "1101"): 1, ("push", "other"): 1}

    def test_what_a_client_measured_is_counted_for_its_leg(self, call: Call) -> None:
        netstatus(call.bob, "pull", videoCache=400, videoFPS=15, netQualityLevel=3)
        counters = call.house.watch.counters
        assert counters.told_buffer["out", "rtmp"].total == pytest.approx(0.4)
        assert counters.told_fps["out", "rtmp"].total == 15
        assert counters.told_level["pull", "3"] == 1

    def test_a_report_of_a_stream_that_is_not_ones_own_is_only_counted(self, call: Call) -> None:
        call.eve.result("report", direction="push", event="bindnetstatus", streamID="a", data={"netQualityLevel": 6})
        report(call.eve, "push", -1307, streamID="a")
        call.house.live(10)
        assert call.house.watch.counters.told_level["push", "6"] == 1
        assert heard(call.ann, "urls") == heard(call.eve, "urls") == []
        assert call.house.lobby.registry.streams["1", "a"].state is StreamState.ON_AIR

    def test_with_several_streams_it_has_to_say_which(self, call: Call) -> None:
        call.house.on_air(call.ann, "ann", "b")
        call.ann.events()
        report(call.ann, "push", -1307)
        assert heard(call.ann, "urls") == []
        report(call.ann, "push", -1307, streamID="b")
        assert len(heard(call.ann, "urls")) == 1

    def test_over_http_it_finds_its_session_by_room_and_user(self, call: Call) -> None:
        watch = call.house.watch
        parsed = parse_report("pull", "bindnetstatus", b'{"videoCache": 300}')
        told = Told("pull", "bindnetstatus", parsed)
        late = Told("pull", "bindnetstatus", parsed, age=LATE + 1)
        watch.reports("1", "room", "bob", [told, late])
        watch.reports("1", "room", "nobody", [told])
        assert watch.counters.reports["http", "pull", "bindnetstatus"] == 3
        assert sum(watch.counters.told_buffer["out", "rtmp"].counts) == 1


    def upload(self, call: Call, *reports: tuple[float, int]) -> None:
        """Reports of Ann's over HTTP: the seconds that each is old, and its level."""
        for age, level in reports:
            parsed = parse_report("push", "bindnetstatus", b'{"netQualityLevel": %d}' % level)
            call.house.watch.reports("1", "room", "ann", [Told("push", "bindnetstatus", parsed, age=age)])

    @pytest.mark.parametrize("batch", [((0.5, 6),), ((8.0, 6), (6.0, 6), (4.0, 6), (2.0, 6), (0.0, 6))], ids=["one", "five"])
    def test_uploads_every_ten_seconds_are_heard(self, call: Call, batch: tuple[tuple[float, int], ...]) -> None:
        call.house.live(10)
        call.quiet()
        for _ in range(5):
            self.upload(call, *batch)
            call.house.live(10)
        levels = [event["publishing"][0]["uplink"]["level"] for event in heard(call.ann)]
        assert set(levels) == {"bad"}

    def test_the_newest_of_a_batch_is_what_a_client_says_now(self, call: Call) -> None:
        call.house.live(5)
        self.upload(call, (1.0, 2), (9.0, 5), (4.0, 3))
        overview = call.house.watch.overview("1", stream_id="a")
        assert overview is not None
        assert overview.publishing[0].told is not None
        assert overview.publishing[0].told.level == 2


class TestGivingUp:
    @pytest.mark.parametrize("code", [-1307, 3004])
    def test_a_pusher_is_sent_its_addresses_and_its_stream_waits(self, call: Call, code: int) -> None:
        call.half_open()
        report(call.ann, "push", code)
        events = call.ann.events()
        assert [name for name, _ in events] == ["publisherState", "urls"]
        assert (events[0][1]["state"], events[0][1]["code"]) == ("PUBLISH_REQUESTING", PUBLISH_INTERRUPTED)
        (push,) = events[1][1]["push"]
        assert push["streamID"] == "a"
        assert push["url"].startswith("rtmp://h/live/a?key=")
        assert call.house.lobby.registry.streams["1", "a"].state is StreamState.INTERRUPTED
        assert call.house.lobby.plane.cut_with(call.house.grant("ann", "a")).number == PUBLISH_INTERRUPTED
        assert call.house.watch.counters.urls == {str(code): 1}

    def test_the_address_it_had_is_among_them(self, call: Call) -> None:
        before = call.ann.result("publish", streamID="a")["url"]
        report(call.ann, "push", -1307)
        assert heard(call.ann, "urls")[0]["push"][0]["url"] == before

    def test_others_hear_nothing_and_after_the_grace_that_it_is_gone(self, call: Call) -> None:
        call.half_open()
        report(call.ann, "push", -1307)
        assert heard(call.bob, "streams") == []
        call.house.advance(16)
        assert [event["type"] for event in heard(call.bob, "streams")] == ["DELETE"]

    def test_a_player_is_sent_its_addresses(self, call: Call) -> None:
        call.half_open()
        report(call.bob, "pull", -2301)
        events = call.bob.events()
        assert [name for name, _ in events] == ["playerState", "urls"]
        assert (events[0][1]["state"], events[0][1]["code"]) == ("PLAY_REQUESTING", PLAY_INTERRUPTED)
        assert [pull["streamID"] for pull in events[1][1]["pull"]] == ["a"]
        assert call.house.watch.counters.urls == {"-2301": 1}

    def test_the_addresses_of_other_streams_are_left_alone(self, call: Call) -> None:
        stream = call.house.on_air(call.bob, "bob", "b")
        call.house.viewer(call.ann, "ann", stream)
        call.quiet()
        report(call.ann, "pull", -2301, streamID="b")
        (urls,) = heard(call.ann, "urls")
        assert ([one["streamID"] for one in urls["pull"]], urls["push"]) == (["b"], [])
        assert call.house.lobby.registry.streams["1", "a"].state is StreamState.ON_AIR

    def test_a_storm_of_them_is_answered_every_five_seconds(self, call: Call) -> None:
        call.half_open()
        for _ in range(60):
            report(call.ann, "push", -1307)
        assert len(call.ann.events()) == 2
        assert len(call.house.lobby.plane.cuts) == 1
        call.house.advance(6)
        report(call.ann, "push", -1307)
        assert [name for name, _ in call.ann.events()] == ["urls"]  # its state has been told

    def test_codes_of_a_connection_that_tries_again_by_itself_change_nothing(self, call: Call) -> None:
        for code in (1101, 1102, 3005, 5001):
            report(call.ann, "push", code)
        for code in (2103, 2104, 2105):
            report(call.bob, "pull", code)
        assert call.ann.events() == call.bob.events() == []

    @pytest.mark.parametrize("door", ["ws", "http"])
    @pytest.mark.parametrize("code", [-1307, 3004])
    def test_a_pusher_that_was_started_anew_before_its_report_came_through_is_not_cut(
        self, call: Call, code: int, door: str
    ) -> None:
        call.house.live(10)
        call.quiet()
        call.says("ann", door, "push", code)
        assert [name for name, _ in call.ann.events()] == ["urls"]
        assert call.house.lobby.plane.cuts == []
        assert call.house.lobby.registry.streams["1", "a"].state is StreamState.ON_AIR

    @pytest.mark.parametrize("door", ["ws", "http"])
    def test_nor_is_one_that_was_started_after_the_last_look(self, call: Call, door: str) -> None:
        call.house.live(10)
        call.house.unplug(call.stream)
        call.house.live(5)
        call.stream.grant = call.house.lobby.connect(call.house.grant("ann", "a"))
        call.quiet()
        call.says("ann", door, "push", -1307)
        assert [name for name, _ in call.ann.events()] == ["urls"]
        assert call.house.lobby.plane.cuts == []

    @pytest.mark.parametrize("door", ["ws", "http"])
    @pytest.mark.parametrize(("seconds", "cut"), [(0, False), (4, False), (6, True)])
    def test_a_player_that_has_only_just_connected_is_not_cut(self, call: Call, seconds: int, cut: bool, door: str) -> None:
        call.house.live(seconds)
        call.quiet()
        call.says("bob", door, "pull", -2301)
        assert [name for name, _ in call.bob.events()] == ["playerState", "urls"][not cut :]
        assert bool(call.house.lobby.plane.cuts) is cut

    @pytest.mark.parametrize("transport", ["rtmp", "webrtc"])
    def test_one_that_is_not_connected_is_sent_its_addresses_if_it_has_any(self, call: Call, transport: str) -> None:
        call.house.live(10)
        call.house.unplug(call.stream)
        call.house.live(2)
        call.house.grant("ann", "a").transport = transport
        call.quiet()
        report(call.ann, "push", -1307)
        assert [name for name, _ in call.ann.events()] == ["urls"] * (transport == "rtmp")
        assert call.house.lobby.plane.cuts == []


class TestHistory:
    def test_a_calls_timeline_tells_who_came_what_flowed_and_who_left(self, call: Call) -> None:
        call.house.live(2)
        report(call.ann, "push", 1101)
        netstatus(call.bob, "pull", videoFPS=15)
        call.bob.result("logout")
        call.ann.result("unpublish", streamID="a")
        seen = [(entry.kind.value, entry.user_id) for entry in call.house.pages.entries]
        assert seen == [
            ("join", "ann"), ("join", "bob"), ("join", "eve"), ("publish", "ann"), ("connect", "ann"), ("stream", "ann"),
            ("play", "bob"), ("connect", "bob"), ("play", "eve"), ("connect", "eve"),
            ("measure", "ann"), ("measure", "bob"), ("measure", "eve"), ("code", "ann"), ("report", "bob"), ("leave", "bob"),
            ("stream", "ann"),
        ]  # fmt: skip
        assert all(entry.room_id == "room" and entry.app == "1" for entry in call.house.pages.entries)

    def test_measurements_are_kept_every_ten_seconds_in_wire_names(self, call: Call) -> None:
        call.house.live(40)
        measured = [data for data in call.house.pages.of(Kind.MEASURE) if data["direction"] == "push"]
        assert len(measured) == 4
        assert {"audioBitrate": 48000.0, "fps": 15.0, "latePeak": 0.05, "connected": True}.items() <= measured[0].items()
        assert "path" not in measured[0]

    def test_reports_are_kept_every_ten_seconds_and_codes_in_bounds(self, call: Call) -> None:
        for _ in range(20):
            call.house.live(1)
            for _ in range(5):
                netstatus(call.bob, "pull", videoFPS=15)
                report(call.bob, "pull", 2105)
        assert len(call.house.pages.of(Kind.REPORT)) == 2
        assert 30 <= len(call.house.pages.of(Kind.CODE)) <= 51

    def test_changes_of_a_verdict_are_kept_with_their_evidence_and_counted(self, call: Call) -> None:
        call.house.live(5)
        call.stream.reading = BADLY
        call.house.live(10)
        kept = [data for data in call.house.pages.of(Kind.VERDICT) if data["level"] == "bad"]
        assert [data["leg"] for data in kept] == ["uplink"]
        assert kept[0]["evidence"][0]["measure"]
        assert call.house.watch.counters.changes["uplink", "bad"] == 1

    def test_changes_of_the_process_are_kept_in_every_room_in_which_somebody_is(self, call: Call) -> None:
        house = call.house
        house.on_air(house.login("zoe", room="another"), "zoe", "z")
        house.login("tom", room="idle")
        house.streams.append(Stream("1", "signed", dataclasses.replace(call.stream.grant, session=None, stream_id="signed")))
        house.live(5)
        for lag in (0.9, 0.001):
            house.probe.value = ServerReading(1.0, lag, lag, 0.5, 0)
            house.live(15)
        kept = [one for one in house.pages.entries if one.kind is Kind.VERDICT]
        assert [(one.room_id, one.user_id, one.stream_id, one.data["leg"]) for one in kept] == [
            (room, "", "", "server") for room in ("room", "another") * 2
        ]
        assert [one.data["level"] for one in kept] == ["bad", "bad", "good", "good"]
        assert kept[0].data["evidence"][0]["measure"] == "lag"

    def test_telling_many_rooms_of_it_takes_many_steps(self, call: Call) -> None:
        house = call.house
        for number in range(2 * AT_ONCE):
            house.on_air(house.login(f"u{number}", room=f"r{number}"), f"u{number}", f"s{number}")
        house.live(5)
        house.probe.value = ServerReading(1.0, 0.9, 0.9, 0.5, 0)
        steps = []
        for _ in range(5):
            house.advance(1.0)
            steps.append(sum(1 for _ in house.watch.round()))
        assert max(steps) >= min(steps) + 2
        assert len(house.pages.of(Kind.VERDICT)) == 2 * AT_ONCE + 1

    def test_what_the_gateway_did_is_kept(self, call: Call) -> None:
        report(call.ann, "push", -1307)
        assert call.house.pages.of(Kind.ACTION) == [{"action": "sent_urls", "reason": "-1307"}]


class TestKeepingUp:
    def test_a_viewer_that_lags_is_moved_on_and_at_last_told_to_pull_again(self, call: Call) -> None:
        call.house.live(6)
        call.quiet()
        call.throttle("bob")
        call.house.live(60)
        assert call.viewers["bob"].caught_up == 1
        assert call.viewers["eve"].caught_up == 0
        assert call.house.watch.counters.caught_up["rtmp"] == call.viewers["bob"].caught_up
        assert len(heard(call.bob, "urls")) == 1
        assert call.house.watch.counters.pulled_again == {"rtmp": 1}

    def test_one_that_has_nothing_to_leave_out_is_not_counted(self, call: Call) -> None:
        call.viewers["bob"].can_catch_up = False
        call.throttle("bob")
        call.quiet()
        call.house.live(30)
        assert call.house.watch.counters.caught_up == {}
        assert heard(call.bob, "urls") == []

    def holds(self, call: Call, seconds: int, cache: int) -> None:
        """Bob's player says every other second what it holds."""
        for _ in range(seconds // 2):
            netstatus(call.bob, "pull", videoCache=cache)
            call.house.live(2)

    @pytest.mark.parametrize(("cache", "told"), [(2000, 0), (5000, 1)])
    def test_what_the_player_holds_by_itself_is_let_be_and_what_is_too_much_is_pulled_again(
        self, call: Call, cache: int, told: int
    ) -> None:
        """Its network is good. A live-player holds up to three seconds if nobody sets it otherwise."""
        call.house.live(10)
        call.quiet()
        self.holds(call, 120, cache)
        assert call.viewers["bob"].caught_up == 0
        assert len(heard(call.bob, "urls")) == told

    def test_a_player_of_a_broadcast_may_hold_more(self, house: WatchedHouse) -> None:
        ann, bob = house.login("ann"), house.login("bob")
        stream = house.on_air(ann, "ann", "a")
        call = Call(house, ann, bob, bob, stream, {"bob": house.viewer(bob, "bob", stream, mode="live")})
        house.live(10)
        call.quiet()
        self.holds(call, 60, 9000)
        assert heard(bob, "urls") == []
        self.holds(call, 60, 11000)
        assert len(heard(bob, "urls")) == 1

    @pytest.mark.parametrize("says", [("bob", "pull", 5000), ("eve", "push", 5001)])
    def test_one_that_is_suspended_is_left_alone_and_not_blamed(self, call: Call, says: tuple[str, Direction, int]) -> None:
        """A phone call is told by the pusher, and suspends the same phone's players."""
        who, direction, code = says
        call.house.on_air(call.eve, "eve", "b")
        call.house.live(10)
        call.quiet()
        call.says(who, "ws", direction, code)
        call.throttle("bob")
        call.throttle("eve")
        call.house.live(60)
        left = {name for name, viewer in call.viewers.items() if not viewer.caught_up}
        assert left == {who}
        overview = call.house.watch.overview("1", stream_id="a")
        assert overview is not None
        assert {view.user_id for view in overview.playing if view.blame is None} == {who}
        assert heard({"bob": call.bob, "eve": call.eve}[who], "urls") == []


class TestRounds:
    def test_connections_and_first_media_are_timed_once(self, house: WatchedHouse) -> None:
        ann, bob = house.login("ann"), house.login("bob")
        ann.result("publish", streamID="a")
        house.advance(0.4)
        grant = house.lobby.connect(house.grant("ann", "a"))
        house.advance(0.3)
        house.lobby.registry.media_arrived(grant, grant.media)
        stream = Stream("1", "a", grant)
        house.streams.append(stream)
        house.viewer(bob, "bob", stream)
        house.live(5)
        counters = house.watch.counters
        for buckets, seconds in (
            (counters.connect["in", "rtmp"], 0.4), (counters.first_media["in", "rtmp"], 0.3),
            (counters.first_media["out", "rtmp"], 0.2),
        ):  # fmt: skip
            assert sum(buckets.counts) == 1
            assert buckets.total == pytest.approx(seconds)

    def test_one_who_waited_for_the_camera_was_not_kept_waiting_by_us(self, house: WatchedHouse) -> None:
        stream = house.on_air(house.login("ann"), "ann", "a")
        waits = house.watch.counters.first_media["out", "rtmp"]

        def joins(name: str, picture_after: float | None) -> Viewer:
            viewer = house.viewer(house.login(name), name, stream)
            shown_at = None if picture_after is None else house.clock() + picture_after
            viewer.reading = structs.replace(viewer.reading, first_picture_at=shown_at)
            return viewer

        def camera(on: bool, *waiting: Viewer) -> None:
            stream.reading = structs.replace(WELL, video=on)
            for viewer in waiting:
                viewer.reading = structs.replace(viewer.reading, first_picture_at=house.clock() + 0.1)
            house.live(3)

        camera(False)
        bob = joins("bob", None)
        house.live(10)
        camera(True, bob)
        assert waits.counts == [0] * len(waits.counts)
        joins("eve", 0.3)
        house.live(3)
        assert (sum(waits.counts), waits.total) == (1, pytest.approx(0.3))
        camera(False)
        tom = joins("tom", None)
        house.live(10)
        camera(True, tom)
        assert sum(waits.counts) == 1

    def test_legs_are_told_as_the_last_round_found_them(self, call: Call) -> None:
        assert call.house.watch.legs() == {}
        call.house.live(5)
        assert call.house.watch.legs() == {
            ("server", "good", ""): 1, ("uplink", "good", "rtmp"): 1, ("downlink", "good", "rtmp"): 2,
        }  # fmt: skip

    def test_a_round_takes_many_steps_when_there_is_much_to_look_at(self, call: Call) -> None:
        viewer = call.viewers["bob"]
        call.stream.viewers = [
            Viewer(dataclasses.replace(viewer.grant, id=f"signed {n}", session=None), viewer.reading) for n in range(400)
        ]
        steps = sum(1 for _ in call.house.watch.round())
        assert steps >= 400 // AT_ONCE

    def test_a_viewer_that_leaves_in_the_middle_of_a_round_is_not_remembered(self, call: Call) -> None:
        house = call.house
        signed = dataclasses.replace(call.viewers["bob"].grant, session=None)
        call.stream.viewers = [Viewer(signed, call.viewers["bob"].reading) for _ in range(AT_ONCE)]
        later = Stream("1", "a", call.stream.grant, viewers=[call.viewers["eve"]])
        house.streams.append(later)
        steps = house.watch.round()
        next(steps)
        call.eve.result("stop", streamID="a")
        for _ in steps:
            pass
        assert call.viewers["eve"].grant.id not in house.watch.book.downlinks

    def test_a_stream_in_its_grace_is_a_bad_uplink_and_one_withdrawn_is_none(self, call: Call) -> None:
        call.house.live(5)
        call.house.unplug(call.stream)
        call.house.live(8)
        overview = call.house.watch.overview("1", stream_id="a")
        assert overview is not None
        assert overview.publishing[0].uplink.level is Level.BAD
        assert {view.blame for view in overview.playing} == {Leg.UPLINK}
        call.house.advance(10)
        call.house.streams.clear()
        call.house.live(1)
        gone = call.house.watch.overview("1", stream_id="a")
        assert gone is not None
        assert gone.publishing == ()
        assert {(view.uplink.level, view.blame) for view in gone.playing} == {(Level.GOOD, None)}

    def test_a_stream_that_cannot_be_measured_hides_no_other_one(
        self, house: WatchedHouse, caplog: pytest.LogCaptureFixture
    ) -> None:
        ann, bob = house.login("ann"), house.login("bob")
        house.on_air(ann, "ann", "a").broken = True
        house.on_air(bob, "bob", "b")
        house.live(30)
        assert house.watch.legs()["uplink", "good", "rtmp"] == 1
        assert [record.name for record in caplog.records].count("gateway.quality") == 1

    def test_means_are_of_the_last_round(self, call: Call) -> None:
        assert call.house.watch.losses() == {}
        for name, lost in (("bob", 0.0), ("eve", 0.02)):
            viewer = call.viewers[name]
            viewer.reading = structs.replace(viewer.reading, path=PathReading(round_trip=lost + 0.01, loss=lost))
        call.house.live(2)
        assert call.house.watch.losses()["out", "rtmp"] == pytest.approx(0.01)
        assert call.house.watch.round_trips()["out", "rtmp"] == pytest.approx(0.02)

    def test_overviews_are_of_one_room_or_one_stream(self, call: Call) -> None:
        call.house.live(3)
        watch = call.house.watch
        room = watch.overview("1", room_id="room")
        assert room is not None
        assert [(view.user_id, view.stream_id) for view in room.publishing] == [("ann", "a")]
        assert [view.user_id for view in room.playing] == ["bob", "eve"]
        assert watch.overview("2", room_id="room") is watch.overview("1", stream_id="b") is None

    def test_nothing_is_left_when_everybody_has_left(self, call: Call) -> None:
        call.house.live(3)
        report(call.ann, "push", -1307)
        netstatus(call.bob, "pull", videoFPS=15)
        for client in (call.ann, call.bob, call.eve):
            client.result("logout")
            client.gone()
        call.house.streams.clear()
        call.house.live(1)
        assert call.house.leftovers() == {}


@given(st.lists(st.sampled_from(["ann", "bob", "stop", "play", "gave up", "unplug", "well", "badly", "second"]), max_size=40))
def test_whatever_happens_in_any_order_no_round_fails_and_nothing_is_left(happenings: list[str]) -> None:
    house = WatchedHouse(QualitySettings())
    ann, bob = house.login("ann"), house.login("bob")
    stream = house.on_air(ann, "ann", "a")
    viewer = house.viewer(bob, "bob", stream)
    for happening in happenings:
        match happening:
            case "ann":
                report(ann, "push", 1102)
            case "bob":
                netstatus(bob, "pull", videoCache=5000, videoFPS=1)
            case "stop":
                bob.result("stop", streamID="a")
                stream.viewers.clear()
            case "play":
                bob.ask("play", {"streamID": "a"})
                stream.viewers[:] = [viewer]
            case "gave up":
                report(ann, "push", -1307)
                stream.grant = None
            case "unplug":
                stream.grant = None
            case "well":
                stream.reading, stream.grant = WELL, house.grant("ann", "a")
            case "badly":
                stream.reading = BADLY
            case "second":
                house.live(1)
    for client in (ann, bob):
        client.result("logout")
        client.gone()
    house.streams.clear()
    house.live(1)
    assert house.leftovers() == {}
