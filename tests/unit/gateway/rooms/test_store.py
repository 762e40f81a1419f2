"""The store's records: what counts as the same, and what does not show."""

from __future__ import annotations

from dataclasses import replace

from gateway.rooms.store import (
    Claim,
    ClaimAsserted,
    ClaimReleased,
    EventRecord,
    GrantEnded,
    GrantRecord,
    RoomClosed,
    RoomRecord,
    SessionEnded,
    SessionRecord,
    StaleEpochError,
    key_of,
)

SESSION = SessionRecord("secret-session", "1", "r", 1, "ann")
GRANT = GrantRecord("g", "1", "r", 1, "secret-session", "ann", "publish", "s")
CLAIM = Claim("user", "1", "ann", "secret-session", 0)


class TestKeys:
    def test_a_record_and_its_end_are_about_the_same(self) -> None:
        assert key_of(SESSION) == key_of(SessionEnded("1", "r", 1, SESSION.id))
        assert key_of(GRANT) == key_of(GrantEnded("1", "r", 1, GRANT.id))
        assert key_of(RoomRecord("1", "r", 1)) == key_of(RoomClosed("1", "r", 1, 0))
        assert key_of(ClaimAsserted(CLAIM)) == key_of(ClaimReleased(CLAIM))

    def test_different_things_are_different(self) -> None:
        different = [
            SESSION, replace(SESSION, id="other"), GRANT,
            RoomRecord("1", "r", 1), RoomRecord("2", "r", 1), RoomRecord("1", "q", 1),
            ClaimAsserted(CLAIM), ClaimAsserted(replace(CLAIM, owner="other")), ClaimAsserted(replace(CLAIM, kind="stream")),
        ]  # fmt: skip
        assert len({key_of(one) for one in different}) == len(different)

    def test_a_room_of_another_epoch_is_another_room(self) -> None:
        assert key_of(RoomClosed("1", "r", 1, 0)) != key_of(RoomRecord("1", "r", 2))

    def test_each_event_counts(self) -> None:
        assert key_of(EventRecord("1", "r", 1, 1, 0, "UserJoined")) is None


def test_session_ids_do_not_show() -> None:
    for one in (SESSION, GRANT, CLAIM, SessionEnded("1", "r", 1, SESSION.id), ClaimAsserted(CLAIM)):
        assert "secret" not in repr(one)


def test_a_stale_epoch_says_whose() -> None:
    assert str(StaleEpochError("1", "r", 7)) == "app=1 room=r epoch=7"
