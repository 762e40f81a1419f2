"""A stream of one's own, and one that is played: what their connections carry and what becomes of them.

The descriptions go through signaling (`publish`, or `play` and `answer`). What is told is one of the documented states with a
number; whom it is told is the engine's affair.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeAlias

from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack

from .errors import CONNECT_FAILED, INTERRUPTED, PASSING, PLAY_INTERRUPTED, CallError
from .link import Link
from .media import Drain, Sink, Source, Tap, open_source
from .values import PlayerState, PublisherState

Tell: TypeAlias = Callable[[int, int, str], None]
"""Takes the state, the error's number (0: none) and a sentence."""
MEDIA = ("audio", "video")
MEDIA_CHANGED = "MEDIA_CHANGED"
"""The name of the cause for which a connection is replaced when a medium is new."""


class Call(Protocol):
    """A request to the gateway. Raises CallError."""

    def __call__(self, method: str, **params: Any) -> Awaitable[dict[str, Any]]: ...


class _State:
    """What was told last: nothing is told twice."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._told: tuple[int, int] | None = None

    @property
    def now(self) -> int:
        return self._told[0] if self._told else 0

    def set(self, state: int, code: int = 0, message: str = "") -> None:
        if (state, code) != self._told:
            self._told = (state, code)
            self._tell(state, code, message)


class Publication(Link):
    """A stream of one's own."""

    def __init__(
        self, stream_id: str, source: Source, call: Call, ice_servers: Sequence[dict[str, Any]], tell: Tell,
        sends: dict[str, bool], extra_info: str | None,
    ) -> None:  # fmt: skip
        """`sends`: which media are to be sent now, by `audio` and `video`. Raises OSError, ValueError if the source is none."""
        super().__init__(stream_id, ice_servers)
        self.tracks = open_source(source)
        self.sends = sends
        self.extra_info = extra_info
        self.taps: dict[str, Tap] = {}
        self._call = call
        self._state = _State(tell)
        self._on_air = False
        self._changing = False
        self._owns = source is None or isinstance(source, str) or hasattr(source, "__fspath__")

    @property
    def state(self) -> PublisherState:
        return PublisherState(self._state.now)

    def begin(self) -> None:
        self._state.set(PublisherState.PUBLISH_REQUESTING)
        self.start()

    async def set_sends(self, sends: dict[str, bool]) -> None:
        """Sends these media from now on, those of them that there are."""
        self.sends = sends
        missing = [kind for kind in self.tracks if sends[kind] and kind not in self.taps]
        if missing and self.taps:
            self.renew(CallError(0, MEDIA_CHANGED, after=0.0))
            return
        for kind, tap in self.taps.items():
            tap.muted = not sends[kind]
        if self.taps:
            await self._tell_muted()

    async def negotiate(self, connection: RTCPeerConnection) -> None:
        wanted = [kind for kind in MEDIA if kind in self.tracks and (self.sends[kind] or kind == "audio")]
        self.taps = {kind: Tap(self.tracks[kind]) for kind in wanted or list(self.tracks)}
        for kind, tap in self.taps.items():
            tap.muted = not self.sends[kind]
            transceiver = connection.addTransceiver(tap, "sendonly")
            if kind == "video":
                transceiver.setCodecPreferences(_h264_first())
        await connection.setLocalDescription(await connection.createOffer())
        more = {} if self.extra_info is None else {"extraInfo": self.extra_info}
        sdp = connection.localDescription.sdp
        reply = await self._call("publish", streamID=self.stream_id, media=list(self.taps), transport="webrtc", sdp=sdp, **more)
        await connection.setRemoteDescription(RTCSessionDescription(reply["sdp"], "answer"))

    async def connected(self, connection: RTCPeerConnection) -> None:
        self._changing = False
        if self._on_air:
            self._state.set(PublisherState.PUBLISHING)
        if any(tap.muted for tap in self.taps.values()):
            await self._tell_muted()

    def interrupted(self, error: CallError) -> None:
        self._changing = error.name == MEDIA_CHANGED
        if not self._changing and self.state is not PublisherState.PUBLISH_REQUESTING:
            self._state.set(PublisherState.PUBLISH_REQUESTING, _passing(error, INTERRUPTED), error.message)

    def ended(self, error: CallError) -> None:
        self._state.set(PublisherState.NO_PUBLISH, error.code, error.message)

    def heard(self, state: str, code: int, message: str) -> None:
        """A `publisherState` of this stream."""
        self._on_air = state == "PUBLISHING"
        if self._on_air:
            self._state.set(PublisherState.PUBLISHING)
        elif code in PASSING and not self._changing:
            self._state.set(PublisherState.PUBLISH_REQUESTING, code, message)
        self.told(code, message)

    async def stop(self, code: int = 0, message: str = "") -> None:
        """Ends the connection, and lets the source go if it was opened here."""
        await self.close()
        if self._owns:
            for track in self.tracks.values():
                track.stop()
        if self.state is not PublisherState.NO_PUBLISH:
            self._state.set(PublisherState.NO_PUBLISH, code, message)

    async def _tell_muted(self) -> None:
        try:
            muted = {kind: tap.muted for kind, tap in self.taps.items()}
            await self._call("mute", streamID=self.stream_id, **muted)
        except CallError as error:
            if error.retry == "never":
                return  # the stream has ended meanwhile
            raise


class Playback(Link):
    """A stream that is played, for as long as that is wanted: it may go and come back."""

    def __init__(
        self, stream_id: str, sink: Sink, call: Call, ice_servers: Sequence[dict[str, Any]], tell: Tell, media: Sequence[str]
    ) -> None:
        super().__init__(stream_id, ice_servers)
        self.drain = Drain(sink)
        self.media = media
        self._call = call
        self._state = _State(tell)
        self._tracks: list[MediaStreamTrack] = []
        self._on_air = False

    @property
    def state(self) -> PlayerState:
        return PlayerState(self._state.now)

    def begin(self) -> None:
        self._state.set(PlayerState.PLAY_REQUESTING)
        self.start()

    async def negotiate(self, connection: RTCPeerConnection) -> None:
        self._tracks = []
        connection.on("track", self._tracks.append)
        offer = await self._call("play", streamID=self.stream_id, media=list(self.media), wait=True, transport="webrtc")
        await connection.setRemoteDescription(RTCSessionDescription(offer["sdp"], "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        await self._call("answer", streamID=self.stream_id, sdp=connection.localDescription.sdp)

    async def connected(self, connection: RTCPeerConnection) -> None:
        if self._on_air:
            self._state.set(PlayerState.PLAYING)
        await self.drain.connect(self._tracks)

    def interrupted(self, error: CallError) -> None:
        if self.state is not PlayerState.PLAY_REQUESTING:
            self._state.set(PlayerState.PLAY_REQUESTING, _passing(error, PLAY_INTERRUPTED), error.message)

    def ended(self, error: CallError) -> None:
        self._state.set(PlayerState.NO_PLAY, error.code, error.message)

    def heard(self, state: str, code: int, message: str) -> None:
        """A `playerState` of this stream. One that its publisher ended may come again: it is waited for."""
        self._on_air = state == "PLAYING"
        if self._on_air:
            self._state.set(PlayerState.PLAYING)
        elif code in PASSING:
            self._state.set(PlayerState.PLAY_REQUESTING, code, message)
        self.told(code, message)

    async def stop(self, code: int = 0, message: str = "") -> None:
        """Ends the connection, and the sink with it."""
        await self.close()
        await self.drain.close()
        if self.state is not PlayerState.NO_PLAY:
            self._state.set(PlayerState.NO_PLAY, code, message)


def _passing(error: CallError, code: int) -> int:
    """The number for an interruption: the gateway's, or the documented one for what the client noticed by itself."""
    return error.code if error.code not in (0, CONNECT_FAILED) else code


def _h264_first() -> list[Any]:
    """The codecs for pictures: first what mini-programs take without transcoding."""
    codecs = RTCRtpSender.getCapabilities("video").codecs
    return sorted(codecs, key=lambda codec: codec.mimeType != "video/H264")
