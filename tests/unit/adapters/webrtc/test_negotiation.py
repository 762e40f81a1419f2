"""What is agreed on with real programs, and what our descriptions say of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from adapters.media.units import Codec, Medium
from adapters.webrtc.descriptions import Description, credentials, parse
from adapters.webrtc.negotiation import (
    accept_player,
    answer_player,
    answer_publisher,
    offer_player,
    restart_fragment,
    same_connection,
    transport_of,
)
from adapters.webrtc.tracks import IncomingTrack, OutgoingTrack, Payload
from gateway.errors import CODEC_UNSUPPORTED, SDP_INVALID, Fault, GatewayError
from tests.support.descriptions import CAPTURED, LOCAL, SOURCES, captured, lines, section

PUBLISHERS = [name for name in CAPTURED if not name.endswith(("play", "answer", "inactive"))]
PLAYERS = [name for name in CAPTURED if name.endswith("play")]
ANSWERS = [name for name in CAPTURED if name.endswith("answer")]


def received(name: str) -> tuple[IncomingTrack, ...]:
    return answer_publisher(parse(captured(name)), LOCAL).tracks


def fault_of(name: str, *changes: tuple[str, str]) -> Fault:
    """Why a publisher's changed offer is refused."""
    text = captured(name)
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    with pytest.raises(GatewayError) as refusal:
        _agree(parse(text))
    return refusal.value.fault


def _agree(offer: Description) -> None:
    answer_publisher(offer, LOCAL)
    transport_of(offer)


# Publishing


@pytest.mark.parametrize("name", PUBLISHERS)
def test_a_publisher_is_answered_section_by_section(name: str) -> None:
    offer = captured(name)
    answer = answer_publisher(parse(offer), LOCAL).sdp
    assert [line.split()[0] for line in lines(answer, "m=")] == [line.split()[0] for line in lines(offer, "m=")]
    assert lines(answer, "a=mid:") == lines(offer, "a=mid:")
    assert lines(answer, "a=ice-lite") == ["a=ice-lite"]
    assert set(lines(answer, "a=setup")) == {"a=setup:passive"}


@pytest.mark.parametrize("name", PUBLISHERS)
def test_every_section_in_use_says_where_we_are(name: str) -> None:
    answer = answer_publisher(parse(captured(name)), LOCAL).sdp
    for number, m_line in enumerate(lines(answer, "m=")):
        candidates = [line.split(" ", 3)[3] for line in lines(section(answer, number), "a=candidate")]
        wanted = ["2130706175 192.0.2.1 8189 typ host", "2130705919 2001:db8::1 8189 typ host"]
        assert candidates == ([] if m_line.split()[1] == "0" else wanted)


def test_chromium_is_asked_for_h264() -> None:
    sound, picture = received("chromium-publish")
    assert sound == IncomingTrack(Medium.AUDIO, "0", {Codec.OPUS: Payload(111)}, 484599836, None, False, False, False)
    assert list(picture.payloads.items()) == [(Codec.H264, Payload(108, 109)), (Codec.VP8, Payload(96, 97))]
    assert (picture.ssrc, picture.rtx_ssrc) == (3387232203, 3300348282)
    assert picture.nack
    assert picture.pli
    assert picture.remb
    answer = answer_publisher(parse(captured("chromium-publish")), LOCAL).sdp
    assert lines(answer, "m=video") == ["m=video 9 UDP/TLS/RTP/SAVPF 108 109 96 97"]
    assert lines(answer, "a=fmtp:108") == ["a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"]


def test_safari_is_asked_for_the_profile_that_everyone_decodes() -> None:
    assert received("safari-publish")[1].payloads[Codec.H264] == Payload(98, 99)


def test_firefox_without_h264_is_asked_for_vp8() -> None:
    assert received("firefox-publish")[1].payloads == {Codec.VP8: Payload(120, 124)}


def test_pion_without_retransmissions_or_remb_is_taken_as_it_is() -> None:
    assert received("pion-publish")[1] == IncomingTrack(
        Medium.VIDEO, "1", {Codec.H264: Payload(106)}, 2633711025, None, True, True, False
    )


def test_another_profile_is_taken_if_there_is_none_better() -> None:
    offer = captured("safari-publish").replace("42e01f", "4d001f")
    assert answer_publisher(parse(offer), LOCAL).tracks[1].payloads[Codec.H264] == Payload(96, 97)


def test_feedback_and_extensions_are_ours_alone() -> None:
    answer = answer_publisher(parse(captured("chromium-publish")), LOCAL).sdp
    assert lines(answer, "a=extmap") == ["a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid"] * 2
    said = [line.partition(" ")[2] for line in lines(answer, "a=rtcp-fb:108")]
    assert said == ["nack", "nack pli", "ccm fir", "goog-remb"]
    assert "transport-cc" not in answer


def test_stereo_is_taken_from_who_wants_to_send_it() -> None:
    assert "stereo=1" in answer_publisher(parse(captured("firefox-publish")), LOCAL).sdp
    assert "stereo=1" not in answer_publisher(parse(captured("chromium-publish")), LOCAL).sdp


def test_a_data_channel_is_refused_and_harms_nothing() -> None:
    answer = answer_publisher(parse(captured("chromium-data-channel")), LOCAL).sdp
    assert lines(answer, "m=application") == ["m=application 0 UDP/DTLS/SCTP webrtc-datachannel"]
    assert lines(answer, "a=group:BUNDLE") == ["a=group:BUNDLE 0 1"]
    assert len(received("chromium-data-channel")) == 2


def test_of_two_videos_the_first_is_taken() -> None:
    answer = answer_publisher(parse(captured("chromium-two-videos")), LOCAL).sdp
    taken, refused = (line.split()[1] for line in lines(answer, "m=video"))
    assert (taken, refused) == ("9", "0")
    assert [track.mid for track in received("chromium-two-videos")] == ["0", "1"]


def test_a_video_that_pauses_keeps_its_place() -> None:
    answer = answer_publisher(parse(captured("chromium-inactive")), LOCAL).sdp
    assert lines(section(answer, 1), "a=inactive") == ["a=inactive"]
    assert lines(answer, "m=video")[0].split()[1] == "9"
    assert [track.medium for track in received("chromium-inactive")] == [Medium.AUDIO]


def test_who_sends_only_what_is_not_carried_is_told_so() -> None:
    assert fault_of("pion-publish", ("H264/", "VP9/"), ("opus/", "PCMU/")) is CODEC_UNSUPPORTED


def test_an_unknown_video_does_not_cost_the_sound() -> None:
    offer = captured("pion-publish").replace("H264/", "VP9/")
    agreed = answer_publisher(parse(offer), LOCAL)
    assert [track.medium for track in agreed.tracks] == [Medium.AUDIO]
    assert lines(agreed.sdp, "m=video") == ["m=video 0 UDP/TLS/RTP/SAVPF 106"]


def test_one_payload_type_means_one_codec() -> None:
    changes = (" 106", " 111"), ("rtpmap:106", "rtpmap:111"), ("fmtp:106", "fmtp:111"), ("rtcp-fb:106", "rtcp-fb:111")
    assert fault_of("pion-publish", *changes) is SDP_INVALID


def test_we_are_the_dtls_server() -> None:
    assert fault_of("pion-publish", ("setup:actpass", "setup:passive")) is SDP_INVALID


def test_the_transport_is_that_of_the_first_section_that_is_agreed_on() -> None:
    offer = captured("pion-publish").replace("opus/", "PCMU/")
    head, sound, picture = offer.split("m=")
    changed = "m=".join([head, sound, picture.replace("a=ice-ufrag:", "a=ice-ufrag:other")])
    assert transport_of(parse(changed)).ufrag == "othertMpOqijUdYzucICl"


# Playing


@pytest.mark.parametrize("name", PLAYERS)
def test_a_player_is_sent_sound_and_video(name: str) -> None:
    agreed = answer_player(parse(captured(name)), LOCAL, SOURCES)
    assert [track.medium for track in agreed.tracks] == [Medium.AUDIO, Medium.VIDEO]
    assert lines(agreed.sdp, "a=sendonly") == ["a=sendonly"] * 2
    assert not lines(agreed.sdp, "a=extmap")
    assert "a=ssrc:11 cname:our-cname" in agreed.sdp
    assert [line.split(":")[1] for line in lines(agreed.sdp, "a=msid:")] == ["gateway audio", "gateway video"]


def test_a_player_gets_the_payload_types_that_it_named() -> None:
    picture = answer_player(parse(captured("chromium-play")), LOCAL, SOURCES).tracks[1]
    wanted = {Codec.H264_LOW_DELAY: Payload(108, 109), Codec.VP8: Payload(96, 97)}
    assert picture == OutgoingTrack(Medium.VIDEO, "1", wanted, 13, 14, True)
    assert list(picture.payloads) == [Codec.H264_LOW_DELAY, Codec.VP8]


def test_retransmissions_are_announced_where_they_are_agreed_on() -> None:
    chromium = answer_player(parse(captured("chromium-play")), LOCAL, SOURCES).sdp
    pion = answer_player(parse(captured("pion-play")), LOCAL, SOURCES).sdp
    assert lines(chromium, "a=ssrc-group") == ["a=ssrc-group:FID 13 14"]
    assert not lines(pion, "a=ssrc-group")
    assert not lines(pion, "a=ssrc:14")


def test_h264_that_cannot_be_sent_in_fragments_is_not_sent() -> None:
    offer = captured("pion-play").replace("packetization-mode=1", "packetization-mode=0")
    assert [track.medium for track in answer_player(parse(offer), LOCAL, SOURCES).tracks] == [Medium.AUDIO]


def test_who_takes_nothing_is_told_so() -> None:
    with pytest.raises(GatewayError) as refusal:
        answer_player(parse(captured("pion-publish")), LOCAL, SOURCES)
    assert refusal.value.fault is CODEC_UNSUPPORTED


def test_our_offer_names_both_media_and_every_codec() -> None:
    offer = offer_player(LOCAL, SOURCES)
    assert lines(offer, "m=") == ["m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=video 9 UDP/TLS/RTP/SAVPF 102 103 96 97"]
    assert set(lines(offer, "a=setup")) == {"a=setup:actpass"}
    assert lines(offer, "a=ice-lite")


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_settles_what_is_sent(name: str) -> None:
    sound, picture = accept_player(parse(captured(name)), SOURCES).tracks
    assert sound.payloads == {Codec.OPUS: Payload(111)}
    assert picture.payloads[Codec.VP8] == Payload(96, 97)
    assert picture.nack
    assert transport_of(parse(captured(name))).role == "client"


def test_chromium_takes_h264_before_vp8_and_firefox_only_vp8() -> None:
    codecs = [list(accept_player(parse(captured(name)), SOURCES).tracks[1].payloads) for name in ANSWERS]
    assert dict(zip(ANSWERS, codecs, strict=True)) == {
        "chromium-answer": [Codec.H264_LOW_DELAY, Codec.VP8],
        "firefox-answer": [Codec.VP8],
    }


@pytest.mark.parametrize("change", [("a=mid:1", "a=mid:7"), ("m=audio", "m=video")])
def test_an_answer_to_something_else_is_refused(change: tuple[str, str]) -> None:
    with pytest.raises(GatewayError) as refusal:
        accept_player(parse(captured("chromium-answer").replace("BUNDLE 0 1", "BUNDLE 0 1 7").replace(*change)), SOURCES)
    assert refusal.value.fault is SDP_INVALID


# The same connection again


def test_a_restart_describes_the_same_connection() -> None:
    """One connection: it restarted ICE, stopped its video, then offered a second one."""
    restarted, paused, grown = (parse(captured(f"chromium-{name}")) for name in ("restart", "inactive", "two-videos"))
    assert same_connection(restarted, paused)
    assert same_connection(paused, grown)


def test_a_section_that_is_over_may_come_back_under_another_name() -> None:
    text = captured("chromium-two-videos")
    before, _, last = text.rpartition("m=video 9 ")
    stopped = parse(f"{before}m=video 0 {last}")
    again = parse(text.replace("a=mid:3", "a=mid:5").replace("BUNDLE 0 1 3", "BUNDLE 0 1 5"))
    assert [section.mid for section in again.sections if section.usable] == ["0", "1", "5"]
    assert same_connection(stopped, again)
    assert same_connection(parse(text), again), "what our answer refuses is over as well"


def test_a_page_that_was_loaded_anew_has_another_connection() -> None:
    before = parse(captured("chromium-publish"))
    assert not same_connection(before, parse(captured("chromium-restart")))
    kept_its_certificate = parse(captured("chromium-publish").replace("a=ice-ufrag:", "a=ice-ufrag:other"))
    assert same_connection(before, kept_its_certificate), "ICE restarted"
    assert not same_connection(before, replace(kept_its_certificate, session="- 2"))


def test_a_session_that_is_numbered_anew_is_the_same_while_its_credentials_are() -> None:
    before = parse(captured("chromium-publish"))
    assert same_connection(before, replace(before, session="- 2"))


def test_a_restart_is_answered_in_short() -> None:
    answer = answer_publisher(parse(captured("chromium-publish")), LOCAL).sdp
    fragment = restart_fragment(answer)
    assert credentials(fragment) == (LOCAL.ufrag, LOCAL.pwd)
    assert lines(fragment, "m=") == ["m=audio 9 UDP/TLS/RTP/SAVPF 111"]
    assert lines(fragment, "a=mid") == ["a=mid:0"]
    assert len(lines(fragment, "a=candidate")) == 2
    assert lines(fragment, "a=ice-lite")
    assert not lines(fragment, "a=fingerprint")


def test_a_restart_is_answered_with_the_first_section_that_is_in_use() -> None:
    offer = captured("pion-publish").replace("opus/", "PCMU/")
    answer = answer_publisher(parse(offer), LOCAL).sdp
    assert [line.split()[1] for line in lines(answer, "m=")] == ["0", "9"]
    fragment = restart_fragment(answer)
    assert lines(fragment, "m=") == lines(answer, "m=video")
    assert lines(fragment, "a=mid") == ["a=mid:1"]
    assert credentials(fragment) == (LOCAL.ufrag, LOCAL.pwd)
    assert len(lines(fragment, "a=candidate")) == 2


@pytest.mark.parametrize("answer", [
    lambda offer: answer_publisher(offer, LOCAL).sdp, lambda offer: answer_player(offer, LOCAL, SOURCES).sdp,
])  # fmt: skip
def test_what_was_not_bundled_is_not_bundled_by_the_answer(answer: Callable[[Description], str]) -> None:
    head, sound, _ = captured("chromium-publish").replace("a=sendonly", "a=sendrecv").split("m=")
    alone = f"{head}m={sound}"
    assert lines(answer(parse(alone.replace("BUNDLE 0 1", "BUNDLE 0"))), "a=group") == ["a=group:BUNDLE 0"]
    assert not lines(answer(parse(alone.replace("a=group:BUNDLE 0 1\r\n", ""))), "a=group")
