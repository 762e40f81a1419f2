"""Rooms: who hears of whom and of what, in which order, and when nobody is told."""

from __future__ import annotations

import pytest

from gateway.auth.access import Action
from gateway.config import AppSettings, SignalingSettings
from gateway.errors import (
    CODEC_UNSUPPORTED,
    KEY_REVOKED,
    KICKED_BY_SAME_USER,
    OVERLOADED,
    PUBLISH_FORBIDDEN,
    PUBLISH_LOST,
    ROOM_FULL,
    STREAM_ID_TAKEN,
    STREAM_NOT_FOUND,
    TOO_MANY_PLAYS,
    TOO_MANY_PUBLISHES,
    TOO_MANY_ROOMS,
    VIEWER_TOO_SLOW,
    Fault,
    GatewayError,
)
from gateway.rooms.events import StreamAdded, StreamMuted, StreamRemoved, StreamUpdated, UserJoined, UserLeft
from gateway.rooms.model import BOTH_MEDIA, Medium, PlayMode, Reason, Role
from tests.support.lobby import AUDIO, SECRET, VIDEO, Guest, Lobby


class Refused:
    """`with Refused(FAULT):` what stands in the block is refused with this fault."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        assert isinstance(error, GatewayError), f"not refused with {self.fault.name}"
        assert error.fault is self.fault
        return True


@pytest.fixture
def lobby() -> Lobby:
    return Lobby()


def streams_of(guest: Guest) -> list[tuple[type, str]]:
    """The stream events that a guest heard: kind and streamID."""
    kinds = StreamAdded | StreamUpdated | StreamRemoved | StreamMuted
    return [(type(event), event.stream.stream_id) for event in guest.events if isinstance(event, kinds)]


class TestUsers:
    def test_those_who_want_user_updates_hear_of_others_joining_and_leaving(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann", user_update=True)
        lobby.enter("bob").leave()
        joined, left = ann.events
        assert (type(joined), joined.user.id, joined.user.name) == (UserJoined, "bob", "bob's name")
        assert (type(left), left.user.id, left.reason) == (UserLeft, "bob", Reason.STOPPED)

    def test_those_who_do_not_want_them_hear_nothing_of_users(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann")
        lobby.enter("bob").leave()
        assert ann.events == []

    def test_nobody_hears_of_oneself(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann", user_update=True)
        ann.go_on_air("a")
        ann.leave()
        assert ann.events == []
        assert ann.session.room.others("ann") == []

    def test_the_audience_is_not_seen(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann", user_update=True)
        fan = lobby.enter("fan", role=Role.AUDIENCE, user_update=True)
        assert ann.session.room.others("ann") == []
        assert [user.id for user in fan.session.room.others("fan")] == ["ann"]
        fan.leave()
        assert ann.events == []

    def test_other_rooms_and_other_apps_are_not_told(self, lobby: Lobby) -> None:
        elsewhere = lobby.enter("eve", room="other", user_update=True)
        other_app = lobby.enter("eve", app="2", user_update=True)
        lobby.enter("bob").go_on_air("b")
        assert elsewhere.events == other_app.events == []

    def test_leaving_twice_is_leaving_once(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann", user_update=True), lobby.enter("bob")
        bob.leave()
        bob.leave()
        assert [type(event) for event in ann.events] == [UserJoined, UserLeft]


class TestSequence:
    def test_numbers_grow_strictly_with_gaps_for_what_was_not_for_one(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann", user_update=True), lobby.enter("bob")
        ann.go_on_air("a")
        bob.go_on_air("b")
        lobby.enter("cat")
        assert [event.seq for event in ann.events] == [2, 4, 5]
        assert [event.seq for event in bob.events] == [3]
        assert ann.session.room.seq == 5

    def test_every_event_names_its_room(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann", room="r 1", user_update=True)
        lobby.enter("bob", room="r 1").go_on_air("b")
        assert {event.room_id for event in ann.events} == {"r 1"}

    def test_a_room_that_was_empty_begins_anew(self, lobby: Lobby) -> None:
        lobby.enter("ann").leave()
        assert lobby.enter("ann").session.room.seq == 1


class TestAnnouncing:
    def test_a_stream_is_announced_once_when_media_arrive_not_before(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        grant = ann.publish("a", extra_info="hello")
        assert bob.events == []
        assert bob.session.room.streams_for("bob") == []
        lobby.connect(grant)
        assert bob.events == []
        lobby.registry.media_arrived(grant, BOTH_MEDIA)
        lobby.registry.media_arrived(grant, BOTH_MEDIA)
        (added,) = bob.events
        assert isinstance(added, StreamAdded)
        view = added.stream
        assert (view.stream_id, view.user_id, view.user_name, view.extra_info) == ("a", "ann", "ann's name", "hello")
        assert (view.media, view.announced, view.muted) == (BOTH_MEDIA, BOTH_MEDIA, frozenset())
        assert bob.session.room.streams_for("bob") == [view]
        assert ann.session.room.streams_for("ann") == []
        assert ann.states("a") == [("PUBLISH_REQUESTING", 0), ("PUBLISHING", 0)]

    def test_camera_off_and_on_again_are_updates(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        grant = ann.go_on_air("a")
        lobby.registry.media_arrived(grant, AUDIO)
        lobby.registry.media_arrived(grant, BOTH_MEDIA)
        assert [(type(e), set(e.stream.media)) for e in bob.events] == [
            (StreamAdded, {"audio", "video"}),
            (StreamUpdated, {"audio"}),
            (StreamUpdated, {"audio", "video"}),
        ]

    def test_video_that_comes_late_is_an_update(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        lobby.registry.media_arrived(ann.go_on_air("a", AUDIO), BOTH_MEDIA)
        assert [(type(e), set(e.stream.media)) for e in bob.events] == [
            (StreamAdded, {"audio"}),
            (StreamUpdated, {"audio", "video"}),
        ]

    def test_announced_media_are_a_promise_and_their_change_an_update(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        ann.go_on_air("a")
        bob.forget()
        ann.publish("a", AUDIO)
        ann.publish("a", AUDIO)
        (update,) = bob.events
        assert (type(update), update.stream.announced, update.stream.media) == (StreamUpdated, AUDIO, BOTH_MEDIA)

    def test_changed_extra_info_is_an_update_and_leaving_it_out_keeps_it(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        ann.go_on_air("a")
        bob.forget()
        ann.publish("a", extra_info="new")
        ann.publish("a", extra_info=None)
        ann.publish("a", extra_info="new")
        assert [(type(e), e.stream.extra_info) for e in bob.events] == [(StreamUpdated, "new")]

    def test_changes_before_the_first_media_are_told_with_the_announcement(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        ann.publish("a", AUDIO)
        lobby.registry.mute(ann.session, "a", {Medium.VIDEO: True})
        ann.go_on_air("a")
        (added,) = bob.events
        assert (added.stream.announced, added.stream.muted) == (BOTH_MEDIA, VIDEO)

    def test_media_of_a_grant_that_has_ended_announce_nothing(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        grant = ann.publish("a")
        lobby.connect(grant)
        lobby.registry.unpublish(ann.session, "a", BOTH_MEDIA)
        lobby.registry.media_arrived(grant, BOTH_MEDIA)
        lobby.registry.publisher_lost(grant)
        assert bob.events == []

    def test_one_who_joins_later_sees_the_stream_in_the_snapshot_and_gets_no_event(self, lobby: Lobby) -> None:
        lobby.enter("ann").go_on_air("a")
        bob = lobby.enter("bob")
        assert [view.stream_id for view in bob.session.room.streams_for("bob")] == ["a"]
        assert bob.events == []


class TestMuting:
    def test_others_are_told_and_one_member_left_out_stays_as_it_was(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        ann.go_on_air("a")
        bob.forget()
        for change in ({Medium.AUDIO: True}, {Medium.AUDIO: True}, {}, {Medium.VIDEO: True}, {Medium.AUDIO: False}):
            lobby.registry.mute(ann.session, "a", change)
        assert [(type(e), set(e.stream.muted)) for e in bob.events] == [
            (StreamMuted, {"audio"}),
            (StreamMuted, {"audio", "video"}),
            (StreamMuted, {"video"}),
        ]

    def test_only_a_stream_of_ones_own_can_be_muted(self, lobby: Lobby) -> None:
        lobby.enter("ann").go_on_air("a")
        bob = lobby.enter("bob")
        with Refused(STREAM_NOT_FOUND):
            lobby.registry.mute(bob.session, "a", {Medium.AUDIO: True})


class TestWithdrawing:
    def test_unpublish_withdraws_at_once_with_reason_1(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        grant = ann.go_on_air("a")
        bob.forget()
        lobby.registry.unpublish(ann.session, "a", BOTH_MEDIA)
        (removed,) = bob.events
        assert (type(removed), removed.reason.number) == (StreamRemoved, 1)
        assert lobby.plane.cut_with(grant) is KEY_REVOKED
        assert ("1", "a") in lobby.plane.ends
        assert ann.states("a")[-1] == ("NO_PUBLISH", 0)
        with Refused(KEY_REVOKED):
            lobby.connect(grant)

    def test_unpublishing_one_medium_is_an_update_the_last_one_the_end(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        grant = ann.go_on_air("a")
        bob.forget()
        lobby.registry.unpublish(ann.session, "a", VIDEO)
        assert lobby.grants.lives(grant)
        lobby.registry.unpublish(ann.session, "a", AUDIO)
        assert [type(event) for event in bob.events] == [StreamUpdated, StreamRemoved]
        assert bob.events[0].stream.announced == AUDIO
        assert not lobby.grants.lives(grant)

    def test_unpublishing_nothing_is_harmless(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann")
        lobby.registry.unpublish(ann.session, "a", BOTH_MEDIA)
        assert ann.heard == []

    def test_a_stream_that_was_never_announced_is_not_withdrawn_either(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        ann.publish("a")
        lobby.registry.unpublish(ann.session, "a", BOTH_MEDIA)
        assert bob.events == []

    def test_a_deliberate_end_of_the_connection_withdraws_with_reason_1_and_the_same_address_may_come_back(
        self, lobby: Lobby
    ) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        grant = ann.go_on_air("a")
        lobby.registry.publisher_left(grant, None)
        lobby.connect(grant)
        lobby.registry.media_arrived(grant, AUDIO)
        assert streams_of(bob) == [(StreamAdded, "a"), (StreamRemoved, "a"), (StreamAdded, "a")]
        assert bob.events[1].reason.number == 1
        assert bob.events[2].stream.media == AUDIO

    def test_refused_media_tell_the_publisher_why(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        grant = ann.publish("a")
        lobby.connect(grant)
        lobby.registry.publisher_left(grant, GatewayError(CODEC_UNSUPPORTED, "HEVC"))
        assert ann.states("a")[-1] == ("NO_PUBLISH", CODEC_UNSUPPORTED.number)
        assert ann.heard[-1].detail == "HEVC"
        assert bob.events == []

    def test_media_refused_in_mid_stream_withdraw_it_with_reason_6(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        lobby.registry.publisher_left(ann.go_on_air("a"), GatewayError(CODEC_UNSUPPORTED, "HEVC"))
        assert (type(bob.events[-1]), bob.events[-1].reason.number) == (StreamRemoved, 6)

    def test_leaving_withdraws_all_streams_and_then_the_user_with_one_reason(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob", user_update=True)
        push, view = ann.go_on_air("a"), lobby.connect(ann.play("b", wait=True))
        bob.forget()
        lobby.registry.leave(ann.session, Reason.SAME_USER, KICKED_BY_SAME_USER)
        assert [(type(e), e.reason.number) for e in bob.events] == [(StreamRemoved, 3), (UserLeft, 3)]
        assert lobby.plane.cut_with(push) is KICKED_BY_SAME_USER
        assert lobby.plane.cut_with(view) is KICKED_BY_SAME_USER
        assert ann.states("a")[-1] == ("NO_PUBLISH", KICKED_BY_SAME_USER.number)


class TestInterruption:
    GRACE = 15

    def test_nobody_is_told_of_a_lost_publisher_that_comes_back_in_time(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        grant = ann.go_on_air("a")
        bob.forget()
        lobby.registry.publisher_lost(grant)
        lobby.advance(self.GRACE - 1)
        lobby.connect(grant)
        lobby.registry.media_arrived(grant, BOTH_MEDIA)
        lobby.advance(10 * self.GRACE)
        assert bob.events == []
        assert lobby.plane.ends == []
        assert [state for state, _ in ann.states("a")] == [
            "PUBLISH_REQUESTING", "PUBLISHING", "PUBLISH_REQUESTING", "PUBLISHING",
        ]  # fmt: skip

    def test_one_who_comes_back_with_other_media_is_an_update(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        grant = ann.go_on_air("a")
        lobby.registry.publisher_lost(grant)
        lobby.connect(grant)
        lobby.registry.media_arrived(grant, AUDIO)
        assert [type(event) for event in bob.events] == [StreamAdded, StreamUpdated]

    def test_when_the_grace_is_over_the_stream_is_withdrawn_with_reason_5(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        grant = ann.go_on_air("a")
        bob.forget()
        lobby.registry.publisher_lost(grant)
        assert [view.stream_id for view in bob.session.room.streams_for("bob")] == ["a"]
        lobby.advance(self.GRACE)
        (removed,) = bob.events
        assert (type(removed), removed.reason.number) == (StreamRemoved, 5)
        assert ("1", "a") in lobby.plane.ends
        assert ann.states("a")[-2:] == [("PUBLISH_REQUESTING", 1003020), ("NO_PUBLISH", 1003021)]

    def test_even_then_the_same_address_may_come_back_and_is_announced_anew(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        grant = ann.go_on_air("a")
        lobby.registry.publisher_lost(grant)
        lobby.advance(self.GRACE)
        lobby.connect(grant)
        lobby.registry.media_arrived(grant, BOTH_MEDIA)
        assert streams_of(bob) == [(StreamAdded, "a"), (StreamRemoved, "a"), (StreamAdded, "a")]

    def test_unpublish_during_the_grace_withdraws_at_once_and_once(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        lobby.registry.publisher_lost(ann.go_on_air("a"))
        lobby.registry.unpublish(ann.session, "a", BOTH_MEDIA)
        lobby.advance(self.GRACE)
        assert streams_of(bob) == [(StreamAdded, "a"), (StreamRemoved, "a")]
        assert bob.events[-1].reason is Reason.STOPPED

    def test_a_second_loss_has_its_own_grace(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        grant = ann.go_on_air("a")
        bob.forget()
        for _ in range(3):
            lobby.registry.publisher_lost(grant)
            lobby.advance(self.GRACE - 1)
            lobby.connect(grant)
        lobby.registry.publisher_lost(grant)
        lobby.advance(self.GRACE - 1)
        assert bob.events == []
        lobby.advance(1)
        assert streams_of(bob) == [(StreamRemoved, "a")]

    def test_a_connection_lost_before_its_media_came_is_told_to_its_publisher_alone(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        lobby.registry.publisher_lost(lobby.connect(ann.publish("a")))
        assert ann.states("a")[-1] == ("NO_PUBLISH", 1003020)
        assert bob.events == []
        assert len(lobby.timers) == 1, "the next count of the room"


class TestStreamIDs:
    def test_a_streamid_belongs_to_one_session_in_all_rooms_of_an_app(self, lobby: Lobby) -> None:
        lobby.enter("ann").publish("s")
        for other in (lobby.enter("bob"), lobby.enter("cat", room="other")):
            with Refused(STREAM_ID_TAKEN):
                other.publish("s")

    def test_apps_do_not_share_streamids(self, lobby: Lobby) -> None:
        one, two = lobby.enter("ann").publish("s"), lobby.enter("ann", app="2").publish("s")
        assert lobby.grants.key(one) != lobby.grants.key(two)

    def test_an_ended_stream_frees_its_id(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        ann.publish("s")
        lobby.registry.unpublish(ann.session, "s", BOTH_MEDIA)
        assert bob.publish("s").user_id == "bob"

    def test_publishing_again_is_an_update_of_the_same_grant_with_the_same_key(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann")
        first = ann.publish("s")
        key = lobby.grants.key(first).reveal()
        lobby.advance(100)
        again = ann.publish("s", AUDIO)
        assert again is first
        assert lobby.grants.key(again).reveal() == key
        assert ann.states("s") == [("PUBLISH_REQUESTING", 0)]


class TestTransports:
    def test_another_transport_for_ones_own_stream_replaces_the_connection_and_keeps_the_viewers(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        grant = ann.go_on_air("a")
        bob.forget()
        ann.forget()
        assert ann.publish("a", transport="webrtc") is grant
        assert (grant.transport, grant.connections, lobby.plane.cut_with(grant)) == ("webrtc", 0, KEY_REVOKED)
        assert ([fact.stream.transport for fact in bob.heard], lobby.plane.ends) == (["webrtc"], [])
        lobby.registry.media_arrived(lobby.connect(grant), BOTH_MEDIA)
        assert ann.states("a") == [("PUBLISH_REQUESTING", 0), ("PUBLISHING", 0)]
        lobby.advance(lobby.media.publish_grace)
        assert len(bob.heard) == 1

    def test_if_nothing_comes_over_the_new_transport_the_stream_is_withdrawn(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        ann.go_on_air("a")
        ann.publish("a", transport="webrtc")
        lobby.advance(lobby.media.publish_grace)
        assert bob.events[-1].reason is Reason.OFFLINE
        assert ann.states("a")[-1] == ("NO_PUBLISH", PUBLISH_LOST.number)

    def test_before_any_media_nobody_hears_of_it(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        lobby.connect(ann.publish("a"))
        ann.publish("a", transport="webrtc")
        ann.publish("a", transport="rtmp")
        assert (bob.heard, ann.states("a"), len(lobby.plane.cuts)) == ([], [("PUBLISH_REQUESTING", 0)], 1)

    def test_the_same_transport_touches_nothing(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann")
        grant = ann.go_on_air("a")
        ann.publish("a")
        assert (grant.connections, lobby.plane.cuts) == (1, [])


class TestPlaying:
    def test_an_unknown_stream_is_refused_and_one_without_media_as_well(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        with Refused(STREAM_NOT_FOUND):
            bob.play("a")
        ann.publish("a")
        with Refused(STREAM_NOT_FOUND):
            bob.play("a")
        assert bob.heard == []

    def test_one_who_waits_gets_an_address_at_once_and_plays_when_media_arrive(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        grant = bob.play("a", wait=True)
        lobby.connect(grant)
        assert bob.states("a") == [("PLAY_REQUESTING", 0)]
        ann.go_on_air("a")
        assert bob.states("a") == [("PLAY_REQUESTING", 0), ("PLAYING", 0)]

    def test_a_connection_that_waits_needs_wait_in_its_grant(self, lobby: Lobby) -> None:
        ann, bob = lobby.enter("ann"), lobby.enter("bob")
        publishing = ann.go_on_air("a")
        grant = bob.play("a")
        lobby.registry.publisher_left(publishing, None)
        with Refused(STREAM_NOT_FOUND):
            lobby.connect(grant)
        bob.play("a", wait=True)
        lobby.connect(grant)

    def test_a_stream_is_played_from_any_room_of_its_app_but_not_from_another_app(self, lobby: Lobby) -> None:
        lobby.enter("ann").go_on_air("a")
        lobby.connect(lobby.enter("bob", room="other").play("a"))
        with Refused(STREAM_NOT_FOUND):
            lobby.enter("bob", app="2").play("a")

    def test_several_connections_of_one_grant_count_as_one_playing(self, lobby: Lobby) -> None:
        lobby.enter("ann").go_on_air("a")
        bob = lobby.enter("bob")
        grant = bob.play("a")
        lobby.connect(grant)
        lobby.connect(grant)
        lobby.registry.viewer_left(grant, None)
        assert bob.states("a") == [("PLAY_REQUESTING", 0), ("PLAYING", 0)]
        lobby.registry.viewer_left(grant, None)
        assert bob.states("a")[-1] == ("PLAY_REQUESTING", 1004020)

    def test_a_viewer_that_was_too_slow_is_told_so_and_may_come_back(self, lobby: Lobby) -> None:
        lobby.enter("ann").go_on_air("a")
        bob = lobby.enter("bob")
        grant = lobby.connect(bob.play("a"))
        lobby.registry.viewer_left(grant, GatewayError(VIEWER_TOO_SLOW))
        lobby.connect(grant)
        assert bob.states("a")[-2:] == [("PLAY_REQUESTING", VIEWER_TOO_SLOW.number), ("PLAYING", 0)]

    def test_when_the_stream_goes_its_players_are_told(self, lobby: Lobby) -> None:
        publishing = lobby.enter("ann").go_on_air("a")
        bob = lobby.enter("bob")
        lobby.connect(bob.play("a"))
        lobby.registry.publisher_left(publishing, None)
        assert bob.states("a")[-1] == ("NO_PLAY", STREAM_NOT_FOUND.number)

    def test_playing_again_updates_the_grant_and_its_running_connections(self, lobby: Lobby) -> None:
        lobby.enter("ann").go_on_air("a")
        bob = lobby.enter("bob")
        first = bob.play("a")
        again = bob.play("a", AUDIO, mode=PlayMode.LIVE)
        assert again is first
        assert (again.media, again.mode) == (AUDIO, PlayMode.LIVE)
        assert lobby.plane.updates == [first]

    def test_stopping_one_medium_goes_on_with_the_other_stopping_the_last_ends_it(self, lobby: Lobby) -> None:
        lobby.enter("ann").go_on_air("a")
        bob = lobby.enter("bob")
        grant = lobby.connect(bob.play("a"))
        lobby.registry.stop(bob.session, "a", VIDEO)
        assert (grant.media, lobby.plane.updates, lobby.plane.cuts) == (AUDIO, [grant], [])
        lobby.registry.stop(bob.session, "a", AUDIO)
        assert lobby.plane.cut_with(grant) is KEY_REVOKED
        assert bob.states("a")[-1] == ("NO_PLAY", 0)
        lobby.registry.stop(bob.session, "a", BOTH_MEDIA)
        with Refused(KEY_REVOKED):
            lobby.connect(grant)


class TestPermissions:
    def test_who_may_not_publish(self, lobby: Lobby) -> None:
        for guest in (
            lobby.enter("audience", role=Role.AUDIENCE),
            lobby.enter("token says no", may_publish=False),
            lobby.enter("other streams only", streams=frozenset({"t"})),
        ):
            with Refused(PUBLISH_FORBIDDEN):
                guest.publish("s")
        assert lobby.enter("this one only", streams=frozenset({"s"})).publish("s").action is Action.PUBLISH


class TestLimits:
    def test_publishes_of_a_session(self) -> None:
        lobby = Lobby(signaling=SignalingSettings(publishes_per_session=2))
        ann = lobby.enter("ann")
        ann.publish("1")
        ann.publish("2")
        with Refused(TOO_MANY_PUBLISHES):
            ann.publish("3")
        ann.publish("2")
        lobby.registry.unpublish(ann.session, "1", BOTH_MEDIA)
        ann.publish("3")

    def test_plays_of_a_session(self) -> None:
        lobby = Lobby(signaling=SignalingSettings(plays_per_session=2))
        ann = lobby.enter("ann")
        ann.play("1", wait=True)
        ann.play("2", wait=True)
        with Refused(TOO_MANY_PLAYS):
            ann.play("3", wait=True)
        ann.play("2", wait=True)
        lobby.registry.stop(ann.session, "1", BOTH_MEDIA)
        ann.play("3", wait=True)

    def test_members_of_a_room_as_its_first_member_wished(self, lobby: Lobby) -> None:
        ann = lobby.enter("ann", max_members=2)
        lobby.enter("bob", max_members=100)
        with Refused(ROOM_FULL):
            lobby.enter("cat", max_members=100)
        ann.leave()
        lobby.enter("cat")

    @pytest.mark.parametrize(
        ("settings", "fault"),
        [(AppSettings(SECRET, max_rooms=2), TOO_MANY_ROOMS), (AppSettings(SECRET, max_sessions=2), OVERLOADED)],
        ids=["rooms", "sessions"],
    )
    def test_rooms_and_sessions_of_an_app(self, settings: AppSettings, fault: Fault) -> None:
        lobby = Lobby({"1": settings, "2": settings})
        ann = lobby.enter("ann", room="1")
        lobby.enter("bob", room="2")
        with Refused(fault):
            lobby.enter("cat", room="3")
        lobby.enter("cat", room="3", app="2")
        ann.leave()
        lobby.enter("cat", room="3")

    def test_streams_of_an_app_signed_addresses_included(self) -> None:
        lobby = Lobby({"1": AppSettings(SECRET, max_streams=2)})
        ann = lobby.enter("ann")
        ann.publish("1")
        studio = lobby.registry.admit(lobby.address(Action.PUBLISH, "2"))
        lobby.registry.publisher_joined(studio)
        with Refused(OVERLOADED):
            ann.publish("3")
        with Refused(OVERLOADED):
            lobby.registry.admit(lobby.address(Action.PUBLISH, "3", nonce=1))
        lobby.registry.publisher_left(studio, None)
        ann.publish("3")


def test_nothing_is_left_behind_after_everybody_left(lobby: Lobby) -> None:
    guests = [lobby.enter(name, room) for room in ("r", "q") for name in ("ann", "bob")]
    for number, guest in enumerate(guests):
        grant = guest.go_on_air(f"s{number}")
        guest.publish(f"t{number}")
        lobby.connect(guest.play("s0") if number else guest.play("nothing", wait=True))
        if number % 2:
            lobby.registry.publisher_lost(grant)
    assert lobby.leftovers()
    for guest in guests:
        guest.leave()
    assert lobby.leftovers() == {}
