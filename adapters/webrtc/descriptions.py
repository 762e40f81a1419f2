"""Session descriptions: what a peer's offer or answer says, as far as it concerns us (RFC 8866, RFC 9429). Pure.

aiortc reads them. It was not made for texts of strangers, so it is given only the attributes that are used here, and no
more of each than a description needs. Candidates are left out before anything reads them: a peer is sent to where its
authenticated checks come from, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiortc.rtcicetransport import RTCIceParameters
from aiortc.sdp import MediaDescription, SessionDescription

from adapters.media.units import Codec, Medium
from adapters.webrtc.aiortc_internals import Fingerprint
from adapters.webrtc.tracks import CLOCKS, Payload
from gateway.errors import SDP_INVALID, GatewayError

TEXT_BYTES: Final = 65_536
"""Largest description read, in bytes."""
MEDIA_SECTIONS: Final = 16
"""Media sections in one description."""
LINES: Final = 2000
"""Lines in one description: more than a page with that many videos sends."""
SESSION_LINES: Final = 64
"""Lines that are used before the first media section; each of them may count in every section."""
SECTION_FORMATS: Final = 48
"""Payload types of known codecs in one media section."""

FEEDBACK: Final = ("nack", "nack pli", "ccm fir", "goog-remb")
"""RTCP feedback (RFC 4585 section 4.2) that is agreed to, where it is offered."""
MID_EXTENSION: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"
PROFILES: Final = frozenset(("UDP/TLS/RTP/SAVPF", "RTP/SAVPF", "TCP/TLS/RTP/SAVPF"))

_CODECS: Final = {"h264": Codec.H264, "vp8": Codec.VP8, "opus": Codec.OPUS}
_MEDIA: Final = {Codec.H264: Medium.VIDEO, Codec.VP8: Medium.VIDEO, Codec.OPUS: Medium.AUDIO}
_TRANSPORT_ATTRIBUTES: Final = frozenset(("ice-ufrag", "ice-pwd", "fingerprint", "setup"))
_SESSION_ATTRIBUTES: Final = _TRANSPORT_ATTRIBUTES | {"group", "ice-lite"}
_MEDIA_ATTRIBUTES: Final = _TRANSPORT_ATTRIBUTES | {
    "mid", "rtcp-mux", "rtpmap", "fmtp", "ssrc", "ssrc-group", "extmap",
    "sendrecv", "sendonly", "recvonly", "inactive",
}  # fmt: skip
_OF_FORMATS: Final = frozenset(("rtpmap", "fmtp"))
_DIGESTS: Final = {"sha-256": 32, "sha-384": 48, "sha-512": 64}

_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PWD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_MID = re.compile(r"[!-~]{1,32}")
_DIGEST = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2})*")
_MALFORMED = (AssertionError, AttributeError, LookupError, StopIteration, TypeError, ValueError)
"""What aiortc raises over texts that are no descriptions."""


@dataclass(frozen=True, slots=True)
class Transport:
    """How a peer wants to be reached: its side of ICE and DTLS."""

    ufrag: str
    pwd: str
    fingerprints: tuple[Fingerprint, ...]
    """Of its certificate; any of them may be the one that is checked."""
    role: str
    """Its part in the DTLS handshake: `client`, `server` or `auto`."""


@dataclass(frozen=True, slots=True)
class Format:
    """A codec of ours that a peer lists, with what it says of it."""

    codec: Codec
    payload: Payload
    feedback: frozenset[str]
    """Of `FEEDBACK`, for instance `nack pli`."""
    parameters: Mapping[str, int | str | None]
    """Of the `fmtp` line."""


@dataclass(frozen=True, slots=True)
class Section:
    """One media section: an m-line and what follows."""

    kind: str
    profile: str
    listed: tuple[str, ...]
    """The formats of the m-line, as they stood there."""
    mid: str
    usable: bool
    """It is sound or video over what we speak, in the bundle, and not refused."""
    sends: bool
    receives: bool
    formats: tuple[Format, ...]
    """Of our codecs, in the peer's order."""
    ssrc: int | None
    rtx_ssrc: int | None
    mid_extension: int | None
    """The number that the peer gave to the header extension of that name."""
    reduced_size: bool
    """RTCP may come and go in parts (RFC 5506)."""
    transport: Transport | None

    @property
    def medium(self) -> Medium:
        """Only of a usable section."""
        return Medium(self.kind)


@dataclass(frozen=True, slots=True)
class Description:
    """A peer's offer or answer."""

    session: str
    """What names the peer's session, however often it describes it anew (RFC 8866 section 5.2)."""
    bundle: tuple[str, ...]
    """The mids that share one transport; the first usable one is whose transport it is (RFC 9143 section 7.3.1)."""
    bundled: bool
    """There is such a group, and not only a single section that is in no need of one."""
    sections: tuple[Section, ...]


def parse(text: str) -> Description:
    """Reads an offer or an answer. Raises GatewayError(SDP_INVALID) on whatever cannot be used."""
    if len(text) > TEXT_BYTES or len(text.encode("utf-8", "surrogatepass")) > TEXT_BYTES:
        raise _invalid(f"more than {TEXT_BYTES} bytes")
    head, bodies = _parts(text)
    kept = [_kept(body) for body in bodies]
    try:
        read = SessionDescription.parse("\r\n".join([*head, *(line for body in kept for line in body)]) + "\r\n")
        return _description(read, [frozenset(body) for body in bodies])
    except _MALFORMED as error:
        raise _invalid("not well formed") from error


def credentials(fragment: str) -> tuple[str, str] | None:
    """The ICE user name fragment and password in a `trickle-ice-sdpfrag` (RFC 8840 section 9); `None` if it has none.

    The candidates that it is usually made for are not looked at; it has to have some, or say that there are no more.
    Raises GatewayError(SDP_INVALID).
    """
    if len(fragment) > TEXT_BYTES:
        raise _invalid(f"more than {TEXT_BYTES} bytes")
    found: dict[str, str] = {}
    for line in fragment.split("\n"):
        name, _, value = line.strip().partition(":")
        found.setdefault(name, value)
    ufrag, pwd = found.get("a=ice-ufrag"), found.get("a=ice-pwd")
    if ufrag is None and pwd is None and not found.keys().isdisjoint(("a=candidate", "a=end-of-candidates")):
        return None
    if ufrag is None or pwd is None or not (_UFRAG.fullmatch(ufrag) and _PWD.fullmatch(pwd)):
        raise _invalid("the ICE credentials are missing or not well formed")
    return ufrag, pwd


def _parts(text: str) -> tuple[list[str], list[list[str]]]:
    """The lines that may matter: of the session, and of each media section."""
    head: list[str] = []
    bodies: list[list[str]] = []
    lines = text.split("\n")
    if len(lines) > LINES:
        raise _invalid(f"more than {LINES} lines")
    for line in lines:
        line = line.rstrip("\r ")
        if line.startswith("m="):
            bodies.append([line])
        elif bodies:
            bodies[-1].append(line)
        elif line[:2] in ("v=", "o=", "t=") or _attribute(line) in _SESSION_ATTRIBUTES:
            head.append(line)
    if not head or head[0] != "v=0":
        raise _invalid("it does not begin with v=0")
    if not bodies or len(bodies) > MEDIA_SECTIONS:
        raise _invalid(f"{len(bodies)} media sections")
    for line in (*head, *(body[0] for body in bodies)):
        _check(line)
    if len(head) > SESSION_LINES:
        raise _invalid("too many lines before the first media section")
    return head, bodies


def _attribute(line: str) -> str:
    return line[2:].partition(":")[0] if line.startswith("a=") else ""


def _check(line: str) -> None:
    """What is printed nowhere could be read as a line's end somewhere."""
    if not (line.isascii() and line.isprintable()):
        raise _invalid("it has characters that do not belong there")


def _kept(body: list[str]) -> list[str]:
    """The lines of a media section that are used: of formats only those of codecs that we know, and nothing twice."""
    types = {_format(line) for line in body if _attribute(line) == "rtpmap" and _name(line) in (*_CODECS, "rtx")}
    if len(types) > SECTION_FORMATS:
        raise _invalid("too many formats")
    kept = {"m": body[0]}
    for line in body[1:]:
        attribute = _attribute(line)
        if attribute not in _MEDIA_ATTRIBUTES or (attribute == "extmap" and MID_EXTENSION not in line):
            continue
        if attribute in _OF_FORMATS and _format(line) not in types:
            continue
        _check(line)
        kept.setdefault(_subject(attribute, line), line)
    return list(kept.values())


def _subject(attribute: str, line: str) -> str:
    """What a line is the only one to tell of: later ones of that are not used."""
    if attribute in _OF_FORMATS:
        return line.partition(" ")[0]
    return attribute if attribute == "ssrc" else line


def _format(line: str) -> str:
    """The payload type that an attribute is about."""
    return line.partition(":")[2].partition(" ")[0]


def _name(line: str) -> str:
    """The codec of an `rtpmap`."""
    return line.partition(" ")[2].partition("/")[0].lower()


def _description(read: SessionDescription, said: Sequence[frozenset[str]]) -> Description:
    groups = [tuple(map(str, group.items)) for group in read.group if group.semantic == "BUNDLE"]
    mids = [media.rtp.muxId for media in read.media]
    if len(set(mids)) != len(mids) or not all(map(_MID.fullmatch, mids)):
        raise _invalid("every media section needs a mid of its own")
    named = set(mids)
    bundle = tuple(mid for mid in dict.fromkeys(groups[0]) if mid in named) if groups else tuple(mids)
    sections = tuple(_section(media, lines, bundle) for media, lines in zip(read.media, said, strict=True))
    if not groups and sum(section.usable for section in sections) > 1:
        raise _invalid("the media sections have to be bundled")
    origin = (read.origin or "").split()
    if len(origin) < 2:
        raise _invalid("the session has no name")
    return Description(" ".join(origin[:2]), bundle, bool(groups), sections)


def _section(media: MediaDescription, said: frozenset[str], bundle: tuple[str, ...]) -> Section:
    """`said`: the lines of the section, as they stood there."""
    offered = media.port != 0 or "a=bundle-only" in said
    usable = offered and media.kind in ("audio", "video") and media.profile in PROFILES and media.rtp.muxId in bundle
    if usable and media.ice is not None and media.ice.iceLite:
        raise _invalid("the gateway is an ICE-lite agent, so the peer has to be a full one")
    if usable and not (media.rtcp_mux or "a=bundle-only" in said):
        raise _invalid("RTP and RTCP have to share a port (rtcp-mux)")
    direction = media.direction or "sendrecv"
    ssrc, rtx_ssrc = _sources(media) if usable else (None, None)
    return Section(
        media.kind, media.profile, tuple(map(str, media.fmt)), media.rtp.muxId, usable,
        direction in ("sendrecv", "sendonly"), direction in ("sendrecv", "recvonly"),
        _formats(media, said) if usable else (), ssrc, rtx_ssrc,
        next((one.id for one in media.rtp.headerExtensions if one.uri == MID_EXTENSION and 1 <= one.id <= 255), None),
        "a=rtcp-rsize" in said, _transport(media) if usable else None,
    )  # fmt: skip


def _transport(media: MediaDescription) -> Transport:
    ice = media.ice or RTCIceParameters()
    ufrag, pwd = ice.usernameFragment or "", ice.password or ""
    if not _UFRAG.fullmatch(ufrag) or not _PWD.fullmatch(pwd):
        raise _invalid("ICE credentials are missing or not well formed")
    if media.dtls is None:
        raise _invalid("its part in the DTLS handshake is missing (setup)")
    given = {Fingerprint(one.algorithm.lower(), one.value.upper()) for one in media.dtls.fingerprints}
    fingerprints = tuple(sorted(one for one in given if _is_digest(one)))
    if not fingerprints:
        raise _invalid("there is no fingerprint that can be checked")
    return Transport(ufrag, pwd, fingerprints, media.dtls.role)


def _is_digest(fingerprint: Fingerprint) -> bool:
    size = _DIGESTS.get(fingerprint.algorithm, 0)
    return len(fingerprint.value) == 3 * size - 1 and _DIGEST.fullmatch(fingerprint.value) is not None


def _sources(media: MediaDescription) -> tuple[int | None, int | None]:
    """The SSRC of the media and of its retransmissions. Of several encodings the first counts."""
    for group in media.ssrc_group:
        if group.semantic == "FID" and len(group.items) == 2:
            return _ssrc(int(group.items[0])), _ssrc(int(group.items[1]))
    return (_ssrc(media.ssrc[0].ssrc) if media.ssrc else None), None


def _ssrc(value: int) -> int:
    if not 0 < value < 1 << 32:
        raise _invalid("an SSRC has 32 bits")
    return value


def _formats(media: MediaDescription, said: frozenset[str]) -> tuple[Format, ...]:
    """Those of our codecs that the m-line lists, in its order."""
    by_type = {codec.payloadType: codec for codec in media.rtp.codecs}
    listed = {number: by_type[number] for number in media.fmt if number in by_type and 0 <= number < 128}
    rtx = {one.parameters.get("apt"): number for number, one in listed.items() if one.name.lower() == "rtx"}
    formats = []
    for number, one in listed.items():
        codec = _CODECS.get(one.name.lower())
        if codec is None or _MEDIA[codec] != media.kind or one.clockRate != CLOCKS[_MEDIA[codec]]:
            continue
        formats.append(Format(codec, Payload(number, rtx.get(number)), _feedback(number, said), one.parameters))
    return tuple(formats)


def _feedback(number: int, said: frozenset[str]) -> frozenset[str]:
    return frozenset(one for one in FEEDBACK if not said.isdisjoint((f"a=rtcp-fb:{number} {one}", f"a=rtcp-fb:* {one}")))


def _invalid(detail: str) -> GatewayError:
    return GatewayError(SDP_INVALID, detail)
