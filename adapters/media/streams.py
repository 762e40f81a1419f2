"""The live streams of this process, and the doors by which every media protocol reaches them.

A protocol's shell asks `publish` or `play` with what its peer sent; the answer is an `Ingest` to write units into, a
`Viewing` that feeds the peer, or a GatewayError to tell it. Whether the wish is granted, and when a stream is announced
or withdrawn, is decided by the gateway (`Access`); how units reach viewers is `LiveStream`'s affair. What lies between is
here: who publishes which stream now, and who takes over from whom.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from time import perf_counter
from typing import Protocol

from adapters.media.examination import Examiner
from adapters.media.stream import LiveStream
from adapters.media.transcoding import Transcoders
from adapters.media.turns import Turns
from adapters.media.units import Medium, Unit
from adapters.media.viewer import TransportStats, Viewer
from gateway.auth.access import AccessRequest
from gateway.config import MediaSettings
from gateway.errors import ALREADY_PUBLISHING, KEY_REVOKED, GatewayError
from gateway.quality.checkup import StreamFacts
from gateway.quality.readings import EgressReading, IngestReading, PathReading, StreamMeter
from gateway.rooms.model import Grant

_UNKNOWN = PathReading()


class Access(Protocol):
    """What the media side needs of the gateway: decisions, and an ear for what really happens."""

    def admit(self, request: AccessRequest) -> Grant:
        """The grant that the request's key names. Raises GatewayError."""

    def publisher_joined(self, grant: Grant) -> None: ...

    def media_arrived(self, grant: Grant, media: frozenset[Medium]) -> None: ...

    def examined(self, grant: Grant, facts: StreamFacts) -> None: ...

    def publisher_lost(self, grant: Grant) -> None: ...

    def publisher_left(self, grant: Grant, error: GatewayError | None) -> None: ...

    def viewer_joined(self, grant: Grant) -> None: ...

    def viewer_left(self, grant: Grant, error: GatewayError | None) -> None: ...


class Publisher(Protocol):
    """A publishing connection, seen from here."""

    def last_heard(self) -> float:
        """Loop time at which the peer's last bytes came."""

    def cut(self, error: GatewayError) -> None:
        """The gateway ends it: tell the peer why, and close."""

    def request_keyframe(self) -> None:
        """Someone waits for a keyframe. Asked as often as it pleases; does nothing where the protocol knows no such wish."""

    def measure_path(self) -> PathReading:
        """What is known of the network between there and here."""


class _Channel:
    """One stream's place: its LiveStream, its publisher, its viewings. To who measures, the stream's meter."""

    __slots__ = ("freed", "ingest", "live", "name", "protocol", "viewings")

    def __init__(self, name: tuple[str, str], live: LiveStream) -> None:
        self.name = name
        self.live = live
        self.ingest: Ingest | None = None
        self.freed = asyncio.Event()
        self.protocol = ""
        """By which it is published, or was before; empty before the first publisher."""
        self.viewings: dict[Viewing, None] = {}

    @property
    def app(self) -> str:
        return self.name[0]

    @property
    def stream_id(self) -> str:
        return self.name[1]

    @property
    def grant(self) -> Grant | None:
        return self.ingest.grant if self.ingest is not None else None

    @property
    def viewers(self) -> tuple[Viewing, ...]:
        return tuple(self.viewings)

    def measure(self) -> IngestReading:
        """How the stream arrived since this was last asked."""
        ingest = self.ingest
        if ingest is None:
            return self.live.measure(self.protocol, connected=False, path=_UNKNOWN)
        return self.live.measure(self.protocol, connected=True, path=ingest.publisher.measure_path())


class Ingest:
    """A publishing connection's way into its stream."""

    __slots__ = ("_channel", "_examiner", "_live", "_streams", "grant", "publisher")

    def __init__(
        self, streams: Streams, channel: _Channel, grant: Grant, publisher: Publisher, examiner: Examiner
    ) -> None:  # fmt: skip
        self._streams = streams
        self._channel = channel
        self._live = channel.live
        self._examiner: Examiner | None = examiner
        """Until it has seen enough."""
        self.grant = grant
        self.publisher = publisher

    def write(self, unit: Unit) -> None:
        """Takes a unit with the timestamp that the publisher gave it (milliseconds, modulo 2³²).

        Raises GatewayError if the media cannot be carried. A publisher that has ended writes nothing more.
        """
        if self._channel.ingest is not self:
            return
        facts = self._examiner.see(unit, self._streams._now()) if self._examiner else None
        self._live.write(unit)
        if facts is not None:
            self._examiner = None
            self._streams.access.examined(self.grant, facts)

    def close(self, *, deliberate: bool, error: GatewayError | None = None) -> None:
        """The connection publishes no more: because its user said so, because its media was refused (`error`), or because
        it broke. Harmless when repeated or when the gateway itself has cut the connection."""
        if self._channel.ingest is self:
            self._streams.release(self._channel)
            if deliberate or error:
                self._streams.access.publisher_left(self.grant, error)
            else:
                self._live.interrupt()
                self._streams.access.publisher_lost(self.grant)


class Viewing:
    """A playing connection's hold on its stream. To who measures, the viewer's meter."""

    __slots__ = ("_channel", "_joined_at", "_path", "_paused", "_streams", "grant", "viewer")

    def __init__(self, streams: Streams, channel: _Channel, grant: Grant, viewer: Viewer, joined_at: float) -> None:
        self._streams = streams
        self._channel = channel
        self.grant = grant
        self.viewer = viewer
        self._joined_at = joined_at
        self._paused = False
        self._path = _UNKNOWN
        """As it was measured last."""

    def measure(self) -> EgressReading:
        """How the viewer is fed now. One that has paused should be getting nothing."""
        viewer, feeding = self.viewer, self.viewer.feeding
        bitrate = self._channel.live.wanted(viewer)
        self._path = viewer.measure_path()
        return EgressReading(
            viewer.transport, bitrate, feeding.behind, feeding.skips, self._joined_at, feeding.first_picture_at, self._path
        )

    def catch_up(self) -> bool:
        """The viewer lags too far, by what was measured just now: it goes on with a keyframe once what waits for it is through.
        False if that is no help."""
        return self in self._channel.viewings and self._channel.live.catch_up(self.viewer, self._path)

    def pause(self, paused: bool) -> None:
        """A paused viewer gets nothing; afterwards it joins anew, at the live edge: it is given a burst again."""
        if self not in self._channel.viewings or paused is self._paused:
            return
        self._paused = paused
        if paused:
            self._channel.live.detach(self.viewer)
            return
        self._joined_at = self._streams._now()
        self.viewer.feeding.first_picture_at = None
        try:
            self._channel.live.attach(self.viewer)
        except GatewayError as error:
            self.close(error)
            self.viewer.ended(error)

    def end(self, error: GatewayError | None) -> None:
        """The stream is over. It tells its viewers so; but a paused one has left it."""
        if self._paused:
            self._paused = False
            self.viewer.ended(error)

    def close(self, error: GatewayError | None = None) -> None:
        """The connection plays no more. Harmless when repeated."""
        if self._streams.remove(self):
            self._streams.access.viewer_left(self.grant, error)


class Streams:
    """All live streams of this process, by app and streamID. Made on the running event loop."""

    def __init__(self, access: Access, settings: MediaSettings, transcoders: Transcoders | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.access = access
        self._settings = settings
        self._now: Callable[[], float] = loop.time
        self._call_later = loop.call_later
        self._transcoders = transcoders
        self._turns = Turns(self._call_later, settings.cohort_viewers)
        self._channels: dict[tuple[str, str], _Channel] = {}
        self._takers: set[tuple[str, str]] = set()
        """Streams that a connection is waiting to take over."""
        self.transports: dict[str, TransportStats] = {}
        """What all streams, past ones included, did for their viewers, by transport."""

    def __len__(self) -> int:
        return len(self._channels)

    @property
    def transcoding(self) -> int:
        """Audio transcoders that run now."""
        return sum(channel.live.transcoding for channel in self._channels.values())

    def meters(self) -> list[StreamMeter]:
        """Every stream, for who measures; one that is only waited for, too."""
        return [*self._channels.values()]

    def viewers(self, app: str, stream_id: str) -> int:
        """Connections that play this stream now."""
        channel = self._channels.get((app, stream_id))
        return len(channel.viewings) if channel else 0

    def ingests(self) -> Iterable[Ingest]:
        return (channel.ingest for channel in self._channels.values() if channel.ingest)

    def stop(self, error: GatewayError) -> None:
        """The gateway ends: every stream is over."""
        for app, stream_id in list(self._channels):
            self.end(app, stream_id, error)

    async def publish(self, request: AccessRequest, publisher: Publisher) -> Ingest:
        """Lets a connection publish, after the one before it with the same key if that one is gone or silent.

        Raises GatewayError: what `Access.admit` raises, and ALREADY_PUBLISHING.
        """
        grant = self.access.admit(request)
        await self._wait_for_turn(grant)
        grant = self.access.admit(request)  # it may have ended meanwhile, or be made anew: a signed address has no older one
        channel = self._channel(grant)
        examiner = Examiner(grant.media, on_demand=request.transport != "rtmp")
        channel.ingest = ingest = Ingest(self, channel, grant, publisher, examiner)
        channel.protocol = request.transport
        channel.freed.clear()
        channel.live.on_media = partial(self.access.media_arrived, grant)
        channel.live.on_keyframe_wanted = publisher.request_keyframe
        self.access.publisher_joined(grant)
        channel.live.open()
        return ingest

    async def play(self, request: AccessRequest, viewer: Viewer) -> Viewing:
        """Lets a connection play; the viewer is fed from now on. Raises GatewayError: what `Access.admit` raises,
        and TRANSCODES_EXHAUSTED."""
        grant = self.access.admit(request)
        self._put_out_oldest(grant)
        channel = self._channel(grant)
        viewer.mode, viewer.media = grant.mode, grant.media
        viewing = Viewing(self, channel, grant, viewer, self._now())
        channel.viewings[viewing] = None
        self.access.viewer_joined(grant)
        viewer.begin(channel.live.media)
        try:
            channel.live.attach(viewer)
        except GatewayError as error:
            viewing.close(error)
            raise
        return viewing

    # What the gateway decides (its MediaPlane) ----------------------------------------------------------------------

    def cut(self, grant: Grant, error: GatewayError) -> None:
        """Ends every connection that uses this grant, telling it why."""
        channel = self._channels.get((grant.app, grant.stream_id))
        if channel is None:
            return
        if channel.ingest is not None and channel.ingest.grant is grant:
            publisher = channel.ingest.publisher
            self.release(channel)
            publisher.cut(error)
        for viewing in [viewing for viewing in channel.viewings if viewing.grant is grant]:
            self._cut_viewing(viewing, error)

    def end(self, app: str, stream_id: str, error: GatewayError | None) -> None:
        """The stream is over: its viewers are let go."""
        channel = self._channels.pop((app, stream_id), None)
        if channel is not None:
            channel.live.end(error)
            for viewing in tuple(channel.viewings):
                viewing.end(error)
            self.release(channel)

    def update(self, grant: Grant) -> None:
        """A play grant's media or mode changed: its running connections follow."""
        channel = self._channels.get((grant.app, grant.stream_id))
        for viewing in channel.viewings if channel else ():
            if viewing.grant is grant:
                viewing.viewer.mode, viewing.viewer.media = grant.mode, grant.media
                viewing._channel.live.update(viewing.viewer)

    # ---------------------------------------------------------------------------------------------------------------

    def _channel(self, grant: Grant) -> _Channel:
        name = (grant.app, grant.stream_id)
        channel = self._channels.get(name)
        if channel is None:
            live = LiveStream(
                self._settings, self._now, self._call_later, self._turns, self._transcoders, perf_counter, self.transports
            )
            channel = self._channels[name] = _Channel(name, live)
        return channel

    def _put_out_oldest(self, grant: Grant) -> None:
        """Makes room for one more viewer of a session's grant; the stream's channel may go with the one put out."""
        if grant.session is None:
            return
        channel = self._channels.get((grant.app, grant.stream_id))
        same = [viewing for viewing in channel.viewings if viewing.grant is grant] if channel else []
        if len(same) >= self._settings.viewers_per_grant:
            self._cut_viewing(same[0], GatewayError(KEY_REVOKED, "the address is used too often at once"))

    async def _wait_for_turn(self, grant: Grant) -> None:
        """Waits until nobody publishes the stream, or its publisher has been silent for long enough."""
        name = (grant.app, grant.stream_id)
        if self._holder(name) is None:
            return
        if name in self._takers:
            raise GatewayError(ALREADY_PUBLISHING)
        self._takers.add(name)
        try:
            until = self._now() + self._settings.takeover_hold
            while (holder := self._holder(name)) is not None:
                now = self._now()
                silent_at = holder.publisher.last_heard() + self._settings.takeover_silence
                if silent_at <= now:
                    holder.close(deliberate=False)
                    holder.publisher.cut(GatewayError(ALREADY_PUBLISHING))
                elif until <= now:
                    raise GatewayError(ALREADY_PUBLISHING)
                else:
                    await _settled(holder._channel.freed, min(silent_at, until) - now)
        finally:
            self._takers.discard(name)

    def _holder(self, name: tuple[str, str]) -> Ingest | None:
        """Who publishes the stream now. Its channel may be another one than a moment ago."""
        channel = self._channels.get(name)
        return channel.ingest if channel else None

    def release(self, channel: _Channel) -> None:
        """The channel's publisher is no more; whoever waits may have its place."""
        channel.ingest = None
        channel.live.on_media = _nobody
        channel.live.on_keyframe_wanted = _unasked
        channel.freed.set()

    def remove(self, viewing: Viewing) -> bool:
        """Takes a viewing out; False if it was out already. A channel that nobody uses any more goes too."""
        channel = viewing._channel
        if viewing not in channel.viewings:
            return False
        del channel.viewings[viewing]
        channel.live.detach(viewing.viewer)
        unused = not channel.viewings and channel.ingest is None and not channel.live.media
        if unused and self._channels.get(channel.name) is channel:
            self.end(*channel.name, None)
        return True

    def _cut_viewing(self, viewing: Viewing, error: GatewayError) -> None:
        viewing.close(error)
        viewing.viewer.ended(error)


def _nobody(media: frozenset[Medium]) -> None:
    """Hears of media between two publishers."""


def _unasked() -> None:
    """Is asked for keyframes between two publishers."""


async def _settled(event: asyncio.Event, seconds: float) -> None:
    """Waits for the event, but not longer than `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
