"""Calls that are watched, without media: what would be measured is set by hand, and rounds are made when a test says so."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from gateway.config import QualitySettings
from gateway.quality.history import Entry, Kind, Numbered
from gateway.quality.readings import EgressReading, IngestReading, ServerReading, StreamMeter
from gateway.quality.watch import Watch
from gateway.rooms.model import BOTH_MEDIA, Grant
from tests.support.talk import Client, House

WELL = IngestReading(
    protocol="rtmp", span=1.0, connected=True, audio_bitrate=48_000.0, video_bitrate=400_000.0, fps=15.0, gop=2.0, silence=0.02,
    gap=0.07, late=0.01, late_peak=0.05, drift=0.01, jumps=0, width=360, height=640, audio=True, video=True,
)  # fmt: skip
"""A healthy stream."""
BADLY = structs.replace(WELL, late=4.0, late_peak=5.0, gap=2.5)
"""One whose uplink is too slow."""


@dataclass(eq=False)
class Viewer:
    """Who is said to play."""

    grant: Grant
    reading: EgressReading
    can_catch_up: bool = True
    caught_up: int = 0

    def measure(self) -> EgressReading:
        return self.reading

    def catch_up(self) -> bool:
        self.caught_up += self.can_catch_up
        return self.can_catch_up


@dataclass(eq=False)
class Stream:
    """What is said to come."""

    app: str
    stream_id: str
    grant: Grant | None
    reading: IngestReading = WELL
    viewers: list[Viewer] = field(default_factory=list)
    measured: int = 0
    broken: bool = False

    def measure(self) -> IngestReading:
        self.measured += 1
        if self.broken:
            raise RuntimeError("no reading")
        return self.reading


class Probe:
    """The process, in good health unless told otherwise."""

    def __init__(self) -> None:
        self.value = ServerReading(span=1.0, lag=0.001, lag_peak=0.002, cpu=0.1, drops=0)

    def reading(self, now: float) -> ServerReading:
        return self.value


class Pages:
    """A history that only keeps: nobody asks it for a timeline."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.lost = 0

    def record(self, entry: Entry) -> None:
        self.entries.append(entry)

    async def timeline(self, *args: Any, **kwargs: Any) -> Sequence[Numbered]:
        return ()

    def of(self, *kinds: Kind) -> list[dict[str, Any]]:
        """The data of all entries of these kinds."""
        return [dict(entry.data) for entry in self.entries if entry.kind in kinds]


class WatchedHouse(House):
    """Signaling with a watch over it."""

    def __init__(self, quality: QualitySettings | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.streams: list[Stream] = []
        self.probe, self.pages = Probe(), Pages()
        sessions = self.signaling.sessions.by_id
        self.watch = Watch(
            quality or QualitySettings(), self, self.lobby.registry, sessions.values, self.signaling.send_urls, self.probe,
            self.pages, self.clock, self.clock.wall,
        )  # fmt: skip
        self.lobby.hear = self.watch.hear
        self.signaling.watcher = self.watch

    def meters(self) -> list[StreamMeter]:
        return list(self.streams)

    # Media that are said to be there -------------------------------------------------------------------------------

    def grant(self, user: str, stream_id: str) -> Grant:
        """With which a user publishes or plays a stream."""
        (session,) = [one.session for one in self.signaling.sessions.by_id.values() if one.session.user.id == user]
        return session.publishing[stream_id].grant if stream_id in session.publishing else session.playing[stream_id]

    def on_air(self, client: Client, user: str, stream_id: str) -> Stream:
        """The user publishes, and media come."""
        client.result("publish", streamID=stream_id)
        grant = self.lobby.connect(self.grant(user, stream_id))
        self.lobby.registry.media_arrived(grant, BOTH_MEDIA)
        stream = Stream(grant.app, stream_id, grant)
        self.streams.append(stream)
        return stream

    def viewer(self, client: Client, user: str, stream: Stream, mode: str = "RTC") -> Viewer:
        """The user plays, and gets media."""
        client.result("play", streamID=stream.stream_id, mode=mode)
        grant = self.lobby.connect(self.grant(user, stream.stream_id))
        viewer = Viewer(grant, EgressReading("rtmp", 448_000.0, False, 0, self.clock(), self.clock() + 0.2))
        stream.viewers.append(viewer)
        return viewer

    def unplug(self, stream: Stream) -> None:
        """The publisher's connection is lost."""
        if stream.grant is not None:
            self.lobby.registry.publisher_lost(stream.grant)
        stream.grant = None
        stream.reading = structs.replace(stream.reading, connected=False)

    def live(self, seconds: float) -> None:
        """Time passes, with a round each second."""
        for _ in range(int(seconds)):
            self.advance(1.0)
            for _ in self.watch.round():
                pass

    def leftovers(self) -> dict[str, int]:
        watch = self.watch
        books: dict[str, Sized] = {"legs": watch.book, "timeline": watch._timeline, "notices": watch._notices}
        return super().leftovers() | {name: len(book) for name, book in books.items() if len(book)}
