"""Tracks: what an offer and an answer agreed on, for each medium of a connection.

`negotiation` makes them of descriptions; publishers and players work by them and never see SDP. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.media.units import Codec, Medium

VIDEO_CLOCK = 90_000
"""RTP clock of every video payload, in Hz (RFC 6184 section 8.2.1, RFC 7741 section 6.1)."""
OPUS_CLOCK = 48_000
"""RTP clock of Opus, in Hz, whatever is really coded (RFC 7587 section 4.1)."""

CLOCKS = {Medium.AUDIO: OPUS_CLOCK, Medium.VIDEO: VIDEO_CLOCK}


@dataclass(frozen=True, slots=True)
class Payload:
    """One codec's payload types on one track."""

    type: int
    """RTP payload type of the media itself."""
    rtx: int | None = None
    """Payload type of its retransmissions (RFC 4588); `None`: lost packets are sent again as they were."""


@dataclass(frozen=True, slots=True)
class IncomingTrack:
    """A medium that the peer sends."""

    medium: Medium
    mid: str
    payloads: Mapping[Codec, Payload]
    """What the peer may send, by codec; it may change between them at any time. Video: `Codec.H264`, `Codec.VP8`."""
    ssrc: int | None
    """The SSRC of the media as the description told it; `None`: whichever comes first with a payload type of ours."""
    rtx_ssrc: int | None
    nack: bool
    """The peer understands generic NACK (RFC 4585 section 6.2.1)."""
    pli: bool
    """The peer understands picture loss indications (RFC 4585 section 6.3.1)."""
    remb: bool
    """The peer understands REMB (draft-alvestrand-rmcat-remb)."""


@dataclass(frozen=True, slots=True)
class OutgoingTrack:
    """A medium that we send."""

    medium: Medium
    mid: str
    payloads: Mapping[Codec, Payload]
    """What the peer can take, by codec, best first. Video: `Codec.H264_LOW_DELAY`, `Codec.VP8`."""
    ssrc: int
    rtx_ssrc: int
    nack: bool
    """The peer may ask for packets again."""
