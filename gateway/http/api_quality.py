"""How calls do and did, as the server API tells it. Verdicts and findings look as they do in signaling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypedDict, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from gateway.http.api_messages import Asked, Told
from gateway.quality import entries
from gateway.quality.calls import Call, Span
from gateway.quality.history import Kind, Numbered
from gateway.quality.overview import LEGS, Overview, PlayView, PublishView
from gateway.quality.pages import Page
from gateway.quality.verdict import Leg
from gateway.rooms.model import PlayMode
from gateway.signaling.events import FindingInfo, finding_info
from gateway.signaling.messages import wire_name
from gateway.signaling.quality import VerdictInfo, verdict_info

_Shown = TypeVar("_Shown")
_Given = TypeVar("_Given")
_Members = TypeVar("_Members", bound=Struct)

_TURN = 50
"""Legs that are put into words at once; then others have their turn: a room may have thousands."""


class Part(Asked, frozen=True):
    """Which part of a timeline is wanted, and which of those who publish and play."""

    since: Annotated[float, Meta(ge=0, le=1e10, description="Nothing from before this Unix time, in seconds.")] = 0
    after: Annotated[str, Meta(max_length=64, description="The `nextAfter` of the page before, or any entry's `number`.")] = ""
    limit: Annotated[int, Meta(ge=0, le=1000, description="How many entries at most; 0: only how it does now.")] = 100
    legs: Annotated[int, Meta(ge=0, le=LEGS, description="How many of those who publish and play at most; 0: none.")] = LEGS
    after_leg: Annotated[str, Meta(max_length=256, description="The `nextLeg` of the page before.")] = ""

    @property
    def span(self) -> Span:
        return Span(self.since, self.after, self.limit, Page(self.legs, self.after_leg))


class _Known(Struct, frozen=True, rename=wire_name):
    """Numbers, as far as they are known: members that are not are left out. Bit/s, seconds, parts of one."""


class Arrival(_Known, frozen=True):
    """How a stream arrived lately, as the gateway measured it. What is not known is left out."""

    protocol: str
    span: Annotated[float, Meta(description="Seconds that it was measured over.")]
    connected: Annotated[bool, Meta(description="Its publisher is there.")]
    audio_bitrate: float
    video_bitrate: float
    fps: float
    silence: Annotated[float, Meta(description="Seconds since anything came.")]
    gap: Annotated[float, Meta(description="Longest time in which nothing came, in seconds.")]
    late: Annotated[float, Meta(description="Seconds that have piled up on the way and do not go away.")]
    late_peak: Annotated[float, Meta(description="The same of the latest: what stalls and catches up.")]
    jumps: Annotated[int, Meta(description="Times that its clock jumped.")]
    width: int
    height: int
    audio: Annotated[bool, Meta(description="Sound arrives.")]
    video: Annotated[bool, Meta(description="Pictures arrive.")]
    repeats: Annotated[int, Meta(description="Packets that were asked for again.")]
    gop: Annotated[float | UnsetType, Meta(description="Seconds between keyframes.")] = UNSET
    drift: Annotated[float | UnsetType, Meta(description="Seconds by which pictures come after their sound.")] = UNSET
    round_trip: float | UnsetType = UNSET
    loss: float | UnsetType = UNSET
    jitter: float | UnsetType = UNSET


class Delivery(_Known, frozen=True):
    """How a viewer is fed, as the gateway measured it. What is not known is left out."""

    protocol: str
    bitrate: Annotated[float, Meta(description="What it should be getting.")]
    behind: Annotated[bool, Meta(description="It gets nothing for now, because it has fallen behind.")]
    skips: Annotated[int, Meta(description="Times that it was moved to a later keyframe.")]
    repeats: Annotated[int, Meta(description="Packets that were sent again.")]
    backlog: Annotated[float | UnsetType, Meta(description="Seconds of media that wait for its network.")] = UNSET
    queued: Annotated[int | UnsetType, Meta(description="The same in bytes.")] = UNSET
    round_trip: float | UnsetType = UNSET
    loss: float | UnsetType = UNSET
    jitter: float | UnsetType = UNSET


class ClientReport(_Known, frozen=True):
    """What the client said of its media lately. What it did not say is left out."""

    audio_bitrate: float | UnsetType = UNSET
    video_bitrate: float | UnsetType = UNSET
    fps: float | UnsetType = UNSET
    gop: float | UnsetType = UNSET
    speed: Annotated[float | UnsetType, Meta(description="What goes over its network.")] = UNSET
    width: int | UnsetType = UNSET
    height: int | UnsetType = UNSET
    level: Annotated[int | UnsetType, Meta(description="`netQualityLevel`: 1 is best, 6 unusable.")] = UNSET
    round_trip: float | UnsetType = UNSET
    loss: float | UnsetType = UNSET
    jitter: float | UnsetType = UNSET
    buffer: Annotated[float | UnsetType, Meta(description="Playing: seconds that wait to be played.")] = UNSET
    backlog: Annotated[float | UnsetType, Meta(description="Publishing: seconds that wait to be sent.")] = UNSET
    decoding: Annotated[float | UnsetType, Meta(description="Playing: seconds of pictures that wait in the decoder.")] = UNSET
    delay: Annotated[float | UnsetType, Meta(description="Playing: seconds from the publisher's camera to the screen.")] = UNSET
    skew: Annotated[float | UnsetType, Meta(description="Playing: seconds that pictures and sound are apart.")] = UNSET
    freezes: Annotated[float | UnsetType, Meta(description="Playing: part of the time in which the picture stood.")] = UNSET
    dropped: Annotated[float | UnsetType, Meta(description="Playing: part of the pictures that were not shown.")] = UNSET
    hardware: Annotated[bool | UnsetType, Meta(description="It codes in hardware.")] = UNSET


class PublishedLeg(Told, frozen=True):
    """A stream's way from its publisher to the gateway."""

    user_id: str
    stream_id: str
    transport: str
    uplink: VerdictInfo
    measured: Arrival | None
    told: ClientReport | None
    findings: Annotated[list[FindingInfo], Meta(description="What its publisher should change.")]


class PlayedLeg(Told, frozen=True):
    """A stream's way from its publisher to one of its viewers."""

    user_id: Annotated[str, Meta(description="The viewer.")]
    stream_id: str
    transport: str
    mode: PlayMode
    uplink: Annotated[VerdictInfo, Meta(description="Of its publisher.")]
    downlink: VerdictInfo
    blame: Annotated[Leg | None, Meta(description="The leg that is at fault; null: none is.")]
    measured: Delivery | None
    told: ClientReport | None


class TimelineEntry(Told, frozen=True):
    """Something that happened."""

    number: Annotated[str, Meta(description="Its place in the order of time, for `after`.")]
    at: Annotated[float, Meta(description="Unix time in seconds.")]
    kind: Kind
    user_id: Annotated[str, Meta(description="Whose doing or whose leg it is; empty: the gateway's.")]
    stream_id: Annotated[str, Meta(description="Empty: it is about no stream.")]
    data: Annotated[dict[str, Any], Meta(description="What there is to say, by the kind of entry.")]


class Quality(Told, frozen=True, kw_only=True):
    """How calls do now, a page of them if there are many, and a page of what happened."""

    live: Annotated[bool, Meta(description="False: nobody is there now, and there is only the timeline.")]
    server: Annotated[VerdictInfo | None, Meta(description="How the gateway's process itself does; null: nobody is there.")]
    publishing: list[PublishedLeg]
    playing: list[PlayedLeg]
    timeline: Annotated[list[TimelineEntry], Meta(description="In order of time.")]
    next_after: Annotated[str | None, Meta(description="The `after` of the next page; null: this is the last one.")]
    next_leg: Annotated[
        str | None, Meta(description="The `afterLeg` of the next of those who publish and play; null: these are the last.")
    ]


class RoomQuality(Quality, frozen=True, kw_only=True):
    """How a room's calls do and did."""

    room_id: str


class StreamQuality(Quality, frozen=True, kw_only=True):
    """How a stream does and did."""

    stream_id: str


class OutsidePage(Asked, frozen=True):
    """Which part of a list of streams is wanted."""

    limit: Annotated[int, Meta(ge=1, le=200, description="How many at most.")] = 50
    after: Annotated[str, Meta(max_length=256, description="The `next` of the page before.")] = ""

    @property
    def page(self) -> Page:
        return Page(self.limit, self.after)


class OutsideList(Told, frozen=True):
    """A page of the streams in no room, by the order of their streamIDs."""

    streams: list[PublishedLeg]
    next: Annotated[str | None, Meta(description="The `after` of the next page; null: this is the last one.")]


class Members(TypedDict):
    """The members of `Quality`."""

    live: bool
    server: VerdictInfo | None
    publishing: list[PublishedLeg]
    playing: list[PlayedLeg]
    timeline: list[TimelineEntry]
    next_after: str | None
    next_leg: str | None


async def members(call: Call) -> Members:
    """A call in the words of the API. It takes its time where there is much to say."""
    now = call.overview
    return Members(
        live=now is not None,
        server=verdict_info(now.server) if now else None,
        publishing=await _each(published_leg, now.publishing if now else ()),
        playing=await _each(played_leg, now.playing if now else ()),
        timeline=await _each(timeline_entry, call.timeline),
        next_after=call.next_after,
        next_leg=now.next_leg if now else None,
    )


async def outside(now: Overview) -> OutsideList:
    """What is published in no room, in the words of the API."""
    return OutsideList(await _each(published_leg, now.publishing), now.next_leg)


async def _each(say: Callable[[_Given], _Shown], given: Iterable[_Given]) -> list[_Shown]:
    said = []
    for count, one in enumerate(given, 1):
        said.append(say(one))
        if count % _TURN == 0:
            await asyncio.sleep(0)
    return said


def published_leg(view: PublishView) -> PublishedLeg:
    return PublishedLeg(
        view.user_id, view.stream_id, view.transport, verdict_info(view.uplink),
        _numbers(entries.measured(view.measured), Arrival) if view.measured else None,
        _numbers(entries.told(view.told), ClientReport) if view.told else None,
        [finding_info(finding) for finding in view.findings],
    )  # fmt: skip


def played_leg(view: PlayView) -> PlayedLeg:
    return PlayedLeg(
        view.user_id, view.stream_id, view.transport, view.mode, verdict_info(view.uplink), verdict_info(view.downlink),
        view.blame,
        _numbers(entries.measured(view.measured), Delivery) if view.measured else None,
        _numbers(entries.told(view.told), ClientReport) if view.told else None,
    )  # fmt: skip


def timeline_entry(one: Numbered) -> TimelineEntry:
    entry = one.entry
    return TimelineEntry(one.number, entry.at, entry.kind, entry.user_id, entry.stream_id, dict(entry.data))


def _numbers(found: dict[str, Any], kind: type[_Members]) -> _Members:
    """Numbers as the history has them, of which those count that the type knows."""
    return msgspec.convert(found, kind)
