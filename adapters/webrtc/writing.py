"""Our side of session descriptions, written (RFC 8866, RFC 9429, RFC 9143). Pure.

aiortc writes the lines; which media sections there are and what they hold is decided by `negotiation`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.rtcicetransport import RTCIceCandidate, RTCIceParameters
from aiortc.rtcrtpparameters import RTCRtcpFeedback, RTCRtpCodecParameters, RTCRtpHeaderExtensionParameters
from aiortc.sdp import GroupDescription, MediaDescription, SessionDescription, SsrcDescription

from adapters.media.units import Codec, Medium
from adapters.webrtc.aiortc_internals import Fingerprint
from adapters.webrtc.descriptions import FEEDBACK, MID_EXTENSION, Format, Section
from adapters.webrtc.tracks import CLOCKS

MSID: Final = "gateway"
"""Sound and picture of a connection belong together: browsers play what has one stream id in step."""
PROFILE: Final = "UDP/TLS/RTP/SAVPF"
H264: Final[Mapping[str, int | str | None]] = {
    "level-asymmetry-allowed": "1", "packetization-mode": "1", "profile-level-id": "42e01f",
}  # fmt: skip
OPUS: Final[Mapping[str, int | str | None]] = {"minptime": 10, "useinbandfec": 1}
STEREO: Final[Mapping[str, int | str | None]] = {"stereo": 1, "sprop-stereo": 1}
_NAMES: Final = {Codec.H264: "H264", Codec.VP8: "VP8", Codec.OPUS: "opus"}
_HOST: Final = 126
"""Type preference of host candidates (RFC 8445 section 5.1.2.2)."""


@dataclass(frozen=True, slots=True)
class Local:
    """Our side of a connection's transport."""

    ufrag: str
    pwd: str
    fingerprint: Fingerprint
    candidates: Sequence[tuple[str, int]]
    """IP addresses and UDP ports where we listen, the best first."""
    session: int
    """Names our session."""
    version: int
    """Higher in each description of it."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What identifies what we send: the same for all viewers."""

    ssrcs: Mapping[Medium, tuple[int, int]]
    """By medium: the SSRC of the media, and of what is sent again."""
    cname: str


class OurMedia(MediaDescription):
    """A media section of ours; aiortc's does not know one attribute that we need."""

    reduced_size = False

    def __str__(self) -> str:
        return super().__str__() + ("a=rtcp-rsize\r\n" if self.reduced_size else "")


def new_media(kind: str, profile: str, formats: list[int] | list[str], mid: str, direction: str) -> OurMedia:
    """A media section without formats; `formats` are listed in its m-line only."""
    media = OurMedia(kind, 9, profile, formats)
    media.host = "0.0.0.0"
    media.direction = direction
    media.rtp.muxId = mid
    media.rtcp_port, media.rtcp_host, media.rtcp_mux = 9, "0.0.0.0", True
    media.ice = RTCIceParameters()
    return media


def refusal(section: Section) -> OurMedia:
    """The answer to a section that is not wanted: port 0 (RFC 3264 section 6), and no place in the bundle."""
    media = new_media(section.kind, section.profile, list(section.listed), section.mid, "inactive")
    media.port = 0
    media.rtcp_port, media.rtcp_mux = None, False
    return media


def answering(section: Section, formats: Sequence[Format], direction: str, *, extension: bool = True) -> OurMedia:
    """The answer to a section that is wanted. `extension`: packets may say which section they belong to."""
    media = new_media(section.kind, section.profile, [], section.mid, direction)
    add_formats(media, formats)
    media.reduced_size = section.reduced_size
    if extension and section.mid_extension is not None:
        media.rtp.headerExtensions = [RTCRtpHeaderExtensionParameters(section.mid_extension, MID_EXTENSION)]
    return media


def add_formats(media: MediaDescription, formats: Sequence[Format]) -> None:
    """Lists formats, the best first, each followed by its retransmissions."""
    for one in formats:
        medium = Medium.AUDIO if one.codec is Codec.OPUS else Medium.VIDEO
        name, clock, channels = f"{medium}/{_NAMES[one.codec]}", CLOCKS[medium], 2 if medium is Medium.AUDIO else None
        feedback = [RTCRtcpFeedback(*said.split(" ", 1)) for said in FEEDBACK if said in one.feedback]
        media.rtp.codecs.append(RTCRtpCodecParameters(name, clock, channels, one.payload.type, feedback, _parameters(one)))
        if one.payload.rtx is not None:
            rtx = RTCRtpCodecParameters(f"{medium}/rtx", clock, None, one.payload.rtx, [], {"apt": one.payload.type})
            media.rtp.codecs.append(rtx)
    media.fmt = [codec.payloadType for codec in media.rtp.codecs]


def _parameters(one: Format) -> dict[str, int | str | None]:
    """What we say of a format; of H.264 as the peer said it, since both sides have to mean the same one."""
    if one.codec is Codec.H264:
        return {name: one.parameters[name] for name in H264 if name in one.parameters}
    if one.codec is Codec.OPUS:
        stereo = one.parameters.get("stereo") == 1 or one.parameters.get("sprop-stereo") in (1, "1")
        return {**OPUS, **(STEREO if stereo else {})}
    return {}


def sending(media: OurMedia, medium: Medium, formats: Sequence[Format], sources: Sources) -> OurMedia:
    """The section with what identifies our packets on it."""
    ssrc, rtx_ssrc = sources.ssrcs[medium]
    media.msid = f"{MSID} {medium}"
    used = [ssrc]
    if any(one.payload.rtx is not None for one in formats):
        used.append(rtx_ssrc)
        media.ssrc_group = [GroupDescription("FID", [ssrc, rtx_ssrc])]
    media.ssrc = [SsrcDescription(one, sources.cname, media.msid) for one in used]
    return media


def written(local: Local, setup: str, sections: Sequence[OurMedia], *, bundled: bool = True) -> str:
    """The whole description. The transport stands in each section that is in use: some read it in the first, some in the
    last. `bundled`: they are one group; an answer has only groups that were offered (RFC 9143 section 7.3)."""
    session = SessionDescription()
    session.origin = f"- {local.session} {local.version} IN IP4 127.0.0.1"
    used = [media for media in sections if media.port]
    session.group = [GroupDescription("BUNDLE", [media.rtp.muxId for media in used])] if bundled else []
    session.msid_semantic = [GroupDescription("WMS", ["*"])]
    for media in used:
        media.ice = RTCIceParameters(local.ufrag, local.pwd, iceLite=True)
        media.ice_candidates, media.ice_candidates_complete = _candidates(local.candidates), True
        fingerprint = RTCDtlsFingerprint(local.fingerprint.algorithm, local.fingerprint.value)
        media.dtls = RTCDtlsParameters([fingerprint], "server" if setup == "passive" else "auto")
    session.media = list(sections)
    return str(session)


def _candidates(addresses: Sequence[tuple[str, int]]) -> list[RTCIceCandidate]:
    """Host candidates (RFC 8445 section 5.1.2); each address is a foundation of its own."""
    return [
        RTCIceCandidate(1, str(rank), ip, port, _HOST << 24 | (65_535 - rank) << 8 | 255, "udp", "host")
        for rank, (ip, port) in enumerate(addresses, 1)
    ]
