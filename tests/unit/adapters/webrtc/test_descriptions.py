"""Descriptions of real programs are understood; what cannot be used is refused, with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from aiortc import sdp
from hypothesis import given
from hypothesis import strategies as st

from adapters.media.units import Codec
from adapters.webrtc.descriptions import (
    FEEDBACK,
    LINES,
    MEDIA_SECTIONS,
    SECTION_FORMATS,
    SESSION_LINES,
    TEXT_BYTES,
    credentials,
    parse,
)
from adapters.webrtc.tracks import Payload
from gateway.errors import SDP_INVALID, GatewayError
from tests.support.descriptions import CAPTURED, captured

CHROMIUM = captured("chromium-publish")
SIXTY_FORMATS = "".join(f"\r\na=rtpmap:{number} opus/48000/2" for number in range(60))
FORMATS = (*range(33, 49), *range(96, 128))
BROKEN_FRAGMENTS = (
    "a=ice-ufrag:abcd",
    "a=ice-pwd:" + "p" * 22,
    "a=ice-ufrag:a b\na=ice-pwd:" + "p" * 22,
    "x" * (TEXT_BYTES + 1),
    "",
    "nonsense",
    "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n",
)


def refused(text: str) -> str:
    """Why the description is refused."""
    with pytest.raises(GatewayError) as refusal:
        parse(text)
    assert refusal.value.fault is SDP_INVALID
    return refusal.value.detail


def without(text: str, start: str) -> str:
    """The text without the lines that begin like this."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(start))


@pytest.mark.parametrize("name", CAPTURED)
def test_what_programs_send_is_understood(name: str) -> None:
    description = parse(captured(name))
    sound, picture = description.sections[:2]
    assert (sound.kind, picture.kind) == ("audio", "video")
    assert sound.usable
    assert picture.usable
    assert [one.codec for one in sound.formats] == [Codec.OPUS]
    assert {one.codec for one in picture.formats} <= {Codec.H264, Codec.VP8}
    assert sound.transport is not None
    assert sound.transport.role == ("client" if name.endswith("answer") else "auto")


def test_retransmissions_go_with_their_codec() -> None:
    video = parse(CHROMIUM).sections[1]
    assert video.formats[0].codec is Codec.VP8
    assert video.formats[0].payload == Payload(96, 97)
    assert [one.payload for one in video.formats[1:3]] == [Payload(102, 103), Payload(104, 107)]
    assert (video.ssrc, video.rtx_ssrc) == (3387232203, 3300348282)


def test_a_format_without_retransmissions_has_none() -> None:
    video = parse(captured("pion-publish")).sections[1]
    assert [one.payload for one in video.formats] == [Payload(106)]
    assert (video.ssrc, video.rtx_ssrc) == (2633711025, None)
    assert video.formats[0].feedback == {"nack", "nack pli"}


def test_attributes_may_stand_in_any_order() -> None:
    """Firefox writes fmtp before the rtpmap that it is about."""
    (opus,) = parse(captured("firefox-publish")).sections[0].formats
    assert opus.parameters == {"maxplaybackrate": 48000, "stereo": 1, "useinbandfec": 1}


def test_port_0_is_no_refusal_where_a_section_is_only_offered_in_the_bundle() -> None:
    """Firefox with max-bundle (RFC 9143 section 6)."""
    assert "m=video 0 " in captured("firefox-publish")
    assert parse(captured("firefox-publish")).sections[1].usable


def test_a_refused_section_is_not_used() -> None:
    assert not parse(CHROMIUM.replace("m=video 9 ", "m=video 0 ")).sections[1].usable


def test_a_section_outside_the_bundle_is_not_used() -> None:
    assert [section.usable for section in parse(CHROMIUM.replace("BUNDLE 0 1", "BUNDLE 0")).sections] == [True, False]


def test_what_is_neither_sound_nor_video_is_not_used() -> None:
    data = parse(captured("chromium-data-channel")).sections[2]
    assert (data.kind, data.usable, data.transport) == ("application", False, None)


def test_candidates_are_not_even_read() -> None:
    forged = "a=candidate:nonsense\r\na=candidate:1 1 udp x 203.0.113.9 y typ host\r\n"
    hostile = CHROMIUM.replace("a=setup:actpass", forged + "a=setup:actpass")
    assert parse(hostile) == parse(CHROMIUM)
    assert parse(without(CHROMIUM, "a=candidate")) == parse(CHROMIUM)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text.replace("v=0", "v=1"), "does not begin"),
        (lambda text: "", "does not begin"),
        (lambda text: text[: text.index("m=")], "0 media sections"),
        (lambda text: text.replace("m=audio 37674", "m=audio nowhere"), "not well formed"),
        (lambda text: text.replace("a=mid:0", "a=ice-lite\r\na=mid:0").replace("s=-", "a=ice-lite"), "ICE-lite"),
        (lambda text: without(text, "a=ice-pwd"), "ICE credentials"),
        (lambda text: without(text, "a=ice-ufrag"), "ICE credentials"),
        (lambda text: text.replace("a=ice-ufrag:Sv+H", "a=ice-ufrag:S"), "ICE credentials"),
        (lambda text: without(text, "a=fingerprint"), "fingerprint"),
        (lambda text: text.replace("sha-256 6A:", "sha-256 "), "fingerprint"),
        (lambda text: text.replace("sha-256", "md5"), "fingerprint"),
        (lambda text: without(text, "a=setup"), "DTLS"),
        (lambda text: text.replace("a=setup:actpass", "a=setup:holdconn"), "not well formed"),
        (lambda text: without(text, "a=rtcp-mux"), "rtcp-mux"),
        (lambda text: without(text, "a=group"), "bundled"),
        (lambda text: without(text, "a=mid"), "mid of its own"),
        (lambda text: text.replace("a=mid:1", "a=mid:0"), "mid of its own"),
        (lambda text: text.replace("a=mid:1", "a=mid:" + "1" * 33), "mid of its own"),
        (lambda text: text.replace("ssrc-group:FID 3387232203", "ssrc-group:FID 4294967296"), "32 bits"),
        (lambda text: text.replace("a=mid:0", "a=mid:0\x0bm=audio 9 UDP/TLS/RTP/SAVPF 0"), "characters"),
        (lambda text: text.replace("a=mid:0", "a=mid:０"), "characters"),
        (lambda text: text.replace("a=mid:0", "a=mid:0" + "\r\na=x" * LINES), "lines"),
        (lambda text: text.replace("t=0 0", "t=0 0" + "\r\nt=0 0" * SESSION_LINES), "before the first media section"),
        (lambda text: text.replace("a=mid:0", "a=mid:0" + SIXTY_FORMATS), "formats"),
        (lambda text: text + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n" * MEDIA_SECTIONS, "media sections"),
        (lambda text: text + "a=x\r\n" * (TEXT_BYTES // 5), "bytes"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(change: object, reason: str) -> None:
    assert callable(change)
    changed = change(CHROMIUM)
    assert changed != CHROMIUM
    assert reason in refused(changed)


def test_feedback_may_be_said_of_all_formats_at_once() -> None:
    text = without(captured("pion-publish"), "a=rtcp-fb").replace("a=mid:1", "a=rtcp-fb:* nack pli\r\na=rtcp-fb:106 x\r\na=mid:1")
    assert parse(text).sections[1].formats[0].feedback == {"nack pli"}


@pytest.mark.parametrize(
    "said",
    [
        [f"a=rtcp-fb:* nonsense-{number}" for number in range(200)],
        ["a=rtcp-fb:* nack"] * 200,
        [f"a=rtcp-fb:{number} {said}" for number in FORMATS for said in FEEDBACK],
        [f"a=rtpmap:33 VP8/{number}" for number in range(200)],
        [f"a=ssrc:{number} cname:x" for number in range(1, 200)],
    ],
    ids=["foreign feedback", "the same feedback", "all feedback", "one format", "sources"],
)
def test_what_a_description_costs_is_bounded(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """By the formats that there may be, not by how often something is said of each of them."""
    made: Counter[str] = Counter()
    for name in ("RTCRtcpFeedback", "RTCRtpCodecParameters", "SsrcDescription"):
        monkeypatch.setattr(sdp, name, counted(getattr(sdp, name), made))
    head, sound, _ = CHROMIUM.split("m=")
    lines = [f"m=video 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, FORMATS))}", *without(sound, "a=rtpmap").splitlines()[1:]]
    lines = [line for line in lines if not line.startswith("a=fmtp")] + [f"a=rtpmap:{number} VP8/90000" for number in FORMATS]
    sections = ["\r\n".join([*lines, *said]).replace("a=mid:0", f"a=mid:{mid}") + "\r\n" for mid in range(5)]
    description = parse(head.replace("BUNDLE 0 1", "BUNDLE 0 1 2 3 4") + "".join(sections))
    assert [len(section.formats) for section in description.sections] == [SECTION_FORMATS] * 5
    assert made.total() <= 5 * (SECTION_FORMATS + 1)


def counted(make: Callable[..., object], made: Counter[str]) -> Callable[..., object]:
    """The same, and it is known how often it was made."""

    def count(*args: object, **named: object) -> object:
        made[make.__name__] += 1
        return make(*args, **named)

    return count


def test_fingerprints_of_the_session_are_not_checked_in_bulk_for_each_section() -> None:
    line = next(line for line in CHROMIUM.splitlines() if line.startswith("a=fingerprint"))
    many = "".join(f"{line[:-2]}{number:02X}\r\n" for number in range(SESSION_LINES))
    assert "before the first media section" in refused(CHROMIUM.replace("m=audio", many + "m=audio"))


def test_one_section_needs_no_bundle() -> None:
    head, sound, _ = CHROMIUM.split("m=")
    alone = parse(without(head, "a=group") + "m=" + sound)
    assert (alone.bundled, alone.bundle, alone.sections[0].usable) == (False, ("0",), True)
    with_refused = parse(without(CHROMIUM, "a=group").replace("m=video 9 ", "m=video 0 "))
    assert [section.usable for section in with_refused.sections] == [True, False]
    assert parse(CHROMIUM).bundled


@given(st.data())
def test_any_change_is_understood_or_refused(data: st.DataObject) -> None:
    text = captured(data.draw(st.sampled_from(CAPTURED)))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    changed = text[:start] + data.draw(st.text(max_size=20)) + text[end:]
    try:
        parse(changed)
    except GatewayError as error:
        fault = error.fault
    else:
        return
    assert fault is SDP_INVALID


def test_a_fragment_with_credentials_is_a_restart() -> None:
    fragment = "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:" + "p" * 22
    assert credentials(fragment) == ("abcd", "p" * 22)


@pytest.mark.parametrize("told", ["a=candidate:1 1 udp 1 203.0.113.9 1 typ host\r\n", "a=end-of-candidates\r\n"])
def test_a_fragment_with_candidates_or_the_end_of_them_is_none(told: str) -> None:
    assert credentials("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n" + told) is None


@pytest.mark.parametrize("fragment", BROKEN_FRAGMENTS)
def test_a_broken_fragment_is_refused(fragment: str) -> None:
    with pytest.raises(GatewayError) as refusal:
        credentials(fragment)
    assert refusal.value.fault is SDP_INVALID


def test_the_bounds_hold_what_programs_send() -> None:
    assert max(len(captured(name)) for name in CAPTURED) * 4 < TEXT_BYTES
