"""Offers and answers: what is agreed on with a peer, and the texts that say so (RFC 3264, RFC 9429, RFC 9143). Pure.

The gateway takes part as an ICE-lite agent and as the DTLS server, whoever makes the offer. Media come in on one track of
each kind, and go out on one; what a peer offers beyond that is refused in the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from adapters.media.units import Codec, Medium
from adapters.webrtc.aiortc_internals import Fingerprint
from adapters.webrtc.descriptions import FEEDBACK, Description, Format, Section, Transport
from adapters.webrtc.tracks import IncomingTrack, OutgoingTrack, Payload
from adapters.webrtc.writing import (
    H264,
    OPUS,
    PROFILE,
    STEREO,
    Local,
    Sources,
    add_formats,
    answering,
    new_media,
    refusal,
    sending,
    written,
)
from gateway.errors import CODEC_UNSUPPORTED, SDP_INVALID, GatewayError

_PREFERENCE: Final = (Codec.OPUS, Codec.H264, Codec.VP8)
_H264_PROFILES: Final = ("42e0", "4200", "42")
"""Beginnings of profile-level-id, the best first: what every decoder takes (RFC 7742 section 6.2)."""
_OFFERED: Final = {
    Medium.AUDIO: (Format(Codec.OPUS, Payload(111), frozenset(("nack",)), {**OPUS, **STEREO}),),
    Medium.VIDEO: (
        Format(Codec.H264, Payload(102, 103), frozenset(FEEDBACK[:3]), H264),
        Format(Codec.VP8, Payload(96, 97), frozenset(FEEDBACK[:3]), {}),
    ),
}
"""What viewers are offered: the same to all, so that they share packets."""


@dataclass(frozen=True, slots=True)
class Received:
    """An agreement with a peer that publishes."""

    sdp: str
    tracks: tuple[IncomingTrack, ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """An agreement with a peer that plays."""

    sdp: str
    """Our answer; empty if the answer was the peer's."""
    tracks: tuple[OutgoingTrack, ...]


def answer_publisher(offer: Description, local: Local) -> Received:
    """Agrees to receive the first sound and the first video that the peer wants to send, in codecs that are carried.

    Sections that send nothing now are kept, so that they may send later. Raises GatewayError: SDP_INVALID,
    CODEC_UNSUPPORTED.
    """
    chosen = {section.mid: _incoming_formats(section) for section in offer.sections if section.usable}
    taken = _first_of_each(offer, lambda section: section.sends and bool(chosen.get(section.mid)))
    if not taken and any(section.sends and section.usable for section in offer.sections):
        raise GatewayError(CODEC_UNSUPPORTED, "none of the codecs offered is carried")
    refused = {mid for mid in chosen if mid not in taken and _section(offer, mid).sends}
    sections = [
        answering(section, chosen.get(section.mid, ()), "recvonly" if section.mid in taken else "inactive")
        if chosen.get(section.mid) and section.mid not in refused
        else refusal(section)
        for section in offer.sections
    ]
    tracks = tuple(_incoming(_section(offer, mid), chosen[mid]) for mid in taken)
    types = [payload.type for track in tracks for payload in track.payloads.values()]
    if len(set(types)) != len(types):
        raise GatewayError(SDP_INVALID, "in a bundle each payload type has one meaning")
    return Received(written(local, "passive", sections, bundled=offer.bundled), tracks)


def answer_player(offer: Description, local: Local, sources: Sources) -> Sent:
    """Agrees to send on the first section of each kind on which the peer wants to receive.

    Raises GatewayError: SDP_INVALID, CODEC_UNSUPPORTED.
    """
    chosen = {section.mid: _outgoing_formats(section) for section in offer.sections if section.usable}
    taken = _first_of_each(offer, lambda section: section.receives and bool(chosen.get(section.mid)))
    tracks = _outgoing(offer, taken, chosen, sources)
    refused = {mid for mid in chosen if mid not in taken and _section(offer, mid).receives}
    sections = []
    for section in offer.sections:
        formats = chosen.get(section.mid, ())
        if not formats or section.mid in refused:
            sections.append(refusal(section))
        elif section.mid in taken:
            sections.append(sending(answering(section, formats, "sendonly", extension=False), section.medium, formats, sources))
        else:
            sections.append(answering(section, formats, "inactive", extension=False))
    return Sent(written(local, "passive", sections, bundled=offer.bundled), tracks)


def offer_player(local: Local, sources: Sources) -> str:
    """An offer to send sound and video. Which of them are sent is a matter of the stream and of what is wanted."""
    sections = []
    for mid, (medium, formats) in enumerate(_OFFERED.items()):
        section = new_media(medium, PROFILE, [], str(mid), "sendonly")
        add_formats(section, formats)
        section.reduced_size = True
        sections.append(sending(section, medium, formats, sources))
    return written(local, "actpass", sections)


def accept_player(answer: Description, sources: Sources) -> Sent:
    """What the peer's answer to `offer_player` agrees to. Raises GatewayError: SDP_INVALID, CODEC_UNSUPPORTED."""
    kinds = [(section.mid, section.kind) for section in answer.sections]
    if kinds != [(str(mid), medium.value) for mid, medium in enumerate(_OFFERED)]:
        raise GatewayError(SDP_INVALID, "the answer does not fit the offer")
    chosen = {section.mid: _outgoing_formats(section) for section in answer.sections if section.usable}
    taken = _first_of_each(answer, lambda section: section.receives and bool(chosen.get(section.mid)))
    return Sent("", _outgoing(answer, taken, chosen, sources))


def transport_of(description: Description) -> Transport:
    """The transport of the whole bundle: that of its first section that can be agreed on (RFC 9143 section 7.3.1).

    Raises GatewayError: CODEC_UNSUPPORTED if there is none, SDP_INVALID if the peer wants to be the DTLS server.
    """
    sections = {section.mid: section for section in description.sections if section.usable and section.formats}
    transport = next((sections[mid].transport for mid in description.bundle if mid in sections), None)
    if transport is None:
        raise GatewayError(CODEC_UNSUPPORTED, "there is neither sound nor video that can be carried")
    if transport.role == "server":
        raise GatewayError(SDP_INVALID, "the peer has to take the active part in the DTLS handshake")
    return transport


def same_connection(before: Description, after: Description) -> bool:
    """True if the later description is of the same peer connection: an ICE restart or a change of its media.

    A page that was loaded anew has another certificate, or, if it kept that, another session and other ICE credentials. One of
    these may change: the credentials with an ICE restart, and the session where it must not, as aiortc numbers descriptions by
    the time of day (against RFC 9429 section 5.2.2). Media sections tell nothing: one that is over may be used again under
    another name (the same section).
    """
    if _fingerprints(before) != _fingerprints(after):
        return False
    return before.session == after.session or not _credentials(before).isdisjoint(_credentials(after))


def restart_fragment(answer: str) -> str:
    """What our description says of ICE, as the answer to a `trickle-ice-sdpfrag` that restarts it (RFC 9725 section 4.3.2).

    Of the media sections it has the first that is in use: that is whose transport the bundle has.
    """
    head, *sections = answer.split("\r\nm=")
    used = next(section for section in sections if section.split(" ")[1] != "0")
    session = [line for line in head.split("\r\n") if line.startswith(("a=ice-lite", "a=group:BUNDLE"))]
    wanted = ("m=", "a=mid:", "a=ice-ufrag:", "a=ice-pwd:", "a=candidate:", "a=end-of-candidates")
    media = [line for line in f"m={used}".split("\r\n") if line.startswith(wanted)]
    return "\r\n".join([*session, *media]) + "\r\n"


# What is chosen


def _first_of_each(description: Description, wanted: Callable[[Section], bool]) -> dict[str, Medium]:
    """The mids of the first usable section of each kind that is wanted."""
    found: dict[Medium, str] = {}
    for section in description.sections:
        if section.usable and wanted(section):
            found.setdefault(section.medium, section.mid)
    return {mid: medium for medium, mid in found.items()}


def _section(description: Description, mid: str) -> Section:
    return next(section for section in description.sections if section.mid == mid)


def _incoming_formats(section: Section) -> tuple[Format, ...]:
    """One format per codec, in our order: the peer sends the first."""
    return _ordered({
        codec: min(same, key=_h264_rank)
        for codec in _PREFERENCE
        if (same := [one for one in section.formats if one.codec is codec])
    })  # fmt: skip


def _outgoing_formats(section: Section) -> tuple[Format, ...]:
    """One format per codec, in our order. We send fragments, so H.264 needs packetization-mode 1 (RFC 6184 section 6.3)."""
    return _ordered({
        codec: min(same, key=_h264_rank)
        for codec in _PREFERENCE
        if (same := [one for one in section.formats if one.codec is codec and (codec is not Codec.H264 or _fragments(one))])
    })  # fmt: skip


def _ordered(formats: Mapping[Codec, Format]) -> tuple[Format, ...]:
    return tuple(formats.values())


def _fragments(one: Format) -> bool:
    return str(one.parameters.get("packetization-mode")) == "1"


def _h264_rank(one: Format) -> tuple[bool, int]:
    """How far a format of H.264 is from the best; formats of other codecs are equal among themselves."""
    if one.codec is not Codec.H264:
        return False, 0
    profile = str(one.parameters.get("profile-level-id", "420010")).lower()
    rank = next((rank for rank, start in enumerate(_H264_PROFILES) if profile.startswith(start)), len(_H264_PROFILES))
    return not _fragments(one), rank


def _fingerprints(description: Description) -> set[Fingerprint]:
    return {one for section in description.sections if section.transport for one in section.transport.fingerprints}


def _credentials(description: Description) -> set[tuple[str, str]]:
    return {(each.transport.ufrag, each.transport.pwd) for each in description.sections if each.transport}


def _incoming(section: Section, formats: Sequence[Format]) -> IncomingTrack:
    feedback = frozenset().union(*(one.feedback for one in formats))
    return IncomingTrack(
        section.medium, section.mid, {one.codec: one.payload for one in formats}, section.ssrc, section.rtx_ssrc,
        "nack" in feedback, "nack pli" in feedback, "goog-remb" in feedback,
    )  # fmt: skip


def _outgoing(
    description: Description, taken: Mapping[str, Medium], chosen: Mapping[str, tuple[Format, ...]], sources: Sources
) -> tuple[OutgoingTrack, ...]:
    if not taken:
        raise GatewayError(CODEC_UNSUPPORTED, "the peer takes neither the sound nor the video")
    tracks = []
    for mid, medium in taken.items():
        formats = chosen[mid]
        payloads = {_sent_as(one.codec): one.payload for one in formats}
        nack = all("nack" in one.feedback for one in formats)
        tracks.append(OutgoingTrack(medium, mid, payloads, *sources.ssrcs[medium], nack))
    return tuple(tracks)


def _sent_as(codec: Codec) -> Codec:
    """Browsers show pictures in the order in which they come."""
    return Codec.H264_LOW_DELAY if codec is Codec.H264 else codec
