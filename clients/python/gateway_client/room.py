"""What is in a room, as far as one client has heard: it turns replies and events into changes, none told twice. Pure.

After a lost socket the reply to the login restates everything. `restate` tells what is different then, so that whoever
follows the changes never sees a gap; `apply` leaves out what that has told already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Facts: TypeAlias = Mapping[str, Any]
"""A user, a stream or an entry as the wire spells it."""

STREAM_GONE: Facts = {"code": 5, "name": "connectionLost"}
"""The reason of what vanished while nobody listened."""
USER_GONE: Facts = {"code": 2, "name": "heartbeatTimeout"}


@dataclass(frozen=True, slots=True)
class UsersChanged:
    """Others came or went."""

    added: bool
    users: list[Facts]
    reason: Facts | None = None


@dataclass(frozen=True, slots=True)
class StreamsChanged:
    """Streams of others came or went."""

    added: bool
    streams: list[Facts]
    reason: Facts | None = None


@dataclass(frozen=True, slots=True)
class StreamUpdated:
    """A stream is different now: its media, what is muted of it, or its extra info. `before` is empty of a new one."""

    before: Facts
    now: Facts


@dataclass(frozen=True, slots=True)
class EntriesChanged:
    """Entries of the room's extra info were written; with an empty value: taken away."""

    entries: list[Facts]


@dataclass(frozen=True, slots=True)
class Heard:
    """Any other event, as it came."""

    method: str
    params: Facts


Change: TypeAlias = UsersChanged | StreamsChanged | StreamUpdated | EntriesChanged | Heard


class Room:
    """Users and streams of others, and the room's extra info."""

    def __init__(self) -> None:
        self.users: dict[str, Facts] = {}
        self.streams: dict[str, Facts] = {}
        self.entries: dict[str, Facts] = {}
        self.seq = 0
        """The last event heard; what is up to it is not told again."""
        self._restated = 0
        """Up to here, a login's reply holds what events did to users, streams and entries."""

    def restate(self, result: Facts) -> Iterator[Change]:
        """Takes a login's reply over: the room as it is now."""
        resumed = result["resumed"]
        users = {user["userID"]: user for user in result["users"]}
        streams = {stream["streamID"]: stream for stream in result["streams"]}
        entries: dict[str, Facts] = {key: {"key": key, **entry} for key, entry in result["roomExtraInfo"].items()}
        self.users, old_users = users, self.users
        self.streams, old_streams = streams, self.streams
        self.entries, old_entries = entries, self.entries
        self._restated = result["seq"]
        if not resumed:
            self.seq = result["seq"]
        if gone := [stream for id, stream in old_streams.items() if id not in streams]:
            yield StreamsChanged(False, gone, STREAM_GONE)
        if left := [user for id, user in old_users.items() if id not in users]:
            yield UsersChanged(False, left, USER_GONE)
        if came := [user for id, user in users.items() if id not in old_users]:
            yield UsersChanged(True, came)
        if new := [stream for id, stream in streams.items() if id not in old_streams]:
            yield StreamsChanged(True, new)
        for id, stream in streams.items():
            if stream != old_streams.get(id):
                yield StreamUpdated(old_streams.get(id, {}), stream)
        removed = [{**entry, "value": ""} for key, entry in old_entries.items() if key not in entries]
        if written := [entry for key, entry in entries.items() if entry != old_entries.get(key)] + removed:
            yield EntriesChanged(written)

    def apply(self, method: str, params: Facts) -> Iterator[Change]:
        """Takes an event over."""
        seq = params.get("seq")
        if seq is not None:
            if seq <= self.seq:
                return
            self.seq = seq
        keep = {
            "users": self._users, "streams": self._streams, "mute": self._mute, "streamExtraInfo": self._extra_info,
            "roomExtraInfo": self._entry,
        }.get(method)  # fmt: skip
        if keep is None:
            yield Heard(method, params)
        elif seq is None or seq > self._restated:
            yield from keep(params)

    def _users(self, params: Facts) -> Iterator[Change]:
        added, users = params["type"] == "ADD", params["users"]
        for user in users:
            if added:
                self.users[user["userID"]] = user
            else:
                self.users.pop(user["userID"], None)
        yield UsersChanged(added, users, params.get("reason"))

    def _streams(self, params: Facts) -> Iterator[Change]:
        streams = params["streams"]
        if params["type"] == "DELETE":
            for stream in streams:
                self.streams.pop(stream["streamID"], None)
            yield StreamsChanged(False, streams, params.get("reason"))
            return
        new = [stream for stream in streams if stream["streamID"] not in self.streams]
        if new:
            yield StreamsChanged(True, new)
        for stream in streams:
            before = self.streams.get(stream["streamID"], {})
            self.streams[stream["streamID"]] = stream
            if stream != before:
                yield StreamUpdated(before, stream)

    def _mute(self, params: Facts) -> Iterator[Change]:
        return self._update(params["streamID"], {"muted": {"audio": params["audio"], "video": params["video"]}})

    def _extra_info(self, params: Facts) -> Iterator[Change]:
        return self._update(params["streamID"], {"extraInfo": params["extraInfo"]})

    def _update(self, stream_id: str, members: Facts) -> Iterator[Change]:
        before = self.streams.get(stream_id)
        if before is not None and (now := {**before, **members}) != before:
            self.streams[stream_id] = now
            yield StreamUpdated(before, now)

    def _entry(self, params: Facts) -> Iterator[Change]:
        entry = {name: params[name] for name in ("key", "value", "updateUser", "updateTime")}
        if entry["value"]:
            self.entries[entry["key"]] = entry
        else:
            self.entries.pop(entry["key"], None)
        yield EntriesChanged([entry])
