"""Stream keys and the addresses that carry them."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import errors
from gateway.auth.access import Action
from gateway.auth.stream_keys import (
    MAX_CHARACTERS,
    NONCE_BYTES,
    KeySigner,
    StreamKey,
    loggable_name,
    parse_address,
    pull_url,
    push_url,
    read,
    stream_names,
)
from gateway.errors import Fault, GatewayError

SECRET = "s" * 32
SIGNER = KeySigner(SECRET)
EXPIRY = 1_800_000_000
NONCE = bytes(range(NONCE_BYTES))
ZEGO = "aZ09~!@#$%^&*()_+=-`;',.<>/"
NERTC = 'aZ 09!#$%&()+-:;<=.,>?@[]^_{|}~"'
STREAM_IDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), min_size=1, max_size=60)


def key(stream: str = "s", action: Action = Action.PUBLISH, grant: str | None = "g" * 16) -> StreamKey:
    return SIGNER.sign("1", action, stream, grant_id=grant, user="ada", expires_at=EXPIRY, nonce=b"" if grant else NONCE)


def fault_of(call: Callable[[], object]) -> Fault:
    with pytest.raises(GatewayError) as caught:
        call()
    assert not caught.value.detail
    return caught.value.fault


def test_a_grants_key() -> None:
    parsed = read(key().reveal())
    assert (parsed.app, parsed.action, parsed.expires_at) == ("1", Action.PUBLISH, EXPIRY)
    assert (parsed.grant_id, parsed.user, parsed.nonce) == ("g" * 16, "", b"")
    assert SIGNER.verify(parsed, Action.PUBLISH, ("x", "s")) == "s"


def test_a_key_that_is_good_by_itself() -> None:
    parsed = read(key(action=Action.PLAY, grant=None).reveal())
    assert (parsed.action, parsed.grant_id, parsed.user, parsed.nonce) == (Action.PLAY, None, "ada", NONCE)
    assert SIGNER.verify(parsed, Action.PLAY, ("s",)) == "s"


def test_a_key_without_a_grant_needs_a_nonce() -> None:
    with pytest.raises(ValueError, match="nonce"):
        SIGNER.sign("1", Action.PLAY, "s", grant_id=None, user="ada", expires_at=EXPIRY)


def test_keys_are_short_and_fit_into_a_url() -> None:
    for made in (key(), key(grant=None), key("流" * 85)):
        assert re.fullmatch(r"[A-Za-z0-9_.-]{1,160}", made.reveal())


def test_a_fraction_of_a_second_counts_as_a_whole_one() -> None:
    made = SIGNER.sign("1", Action.PLAY, "s", grant_id="g", user="", expires_at=EXPIRY - 0.5)
    assert read(made.reveal()).expires_at == EXPIRY


def test_a_key_masks_itself() -> None:
    made = key()
    text = made.reveal()
    for shown in (str(made), repr(made), f"{made}", f"{made:>20}", f"{[made]}", repr(read(text)), str({made: 1})):
        assert "***" in shown or "ParsedKey" in shown
        assert text not in shown
        assert text.rpartition(".")[2] not in shown
    assert made == StreamKey(text)
    assert made != StreamKey(text + "x")
    assert made != text
    assert len({made, StreamKey(text)}) == 1


def test_each_refusal_has_its_own_reason() -> None:
    parsed = read(key().reveal())
    assert fault_of(lambda: SIGNER.verify(parsed, Action.PLAY, ("s",))) is errors.KEY_WRONG_ACTION
    assert fault_of(lambda: SIGNER.verify(parsed, Action.PUBLISH, ("t", "S"))) is errors.KEY_WRONG_STREAM
    assert fault_of(lambda: SIGNER.verify(parsed, Action.PUBLISH, ())) is errors.KEY_WRONG_STREAM
    assert fault_of(lambda: KeySigner("t" * 32).verify(parsed, Action.PUBLISH, ("s",))) is errors.KEY_FOREIGN
    assert fault_of(lambda: read("")) is errors.KEY_MISSING


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "...",
        key().reveal() + "A",
        key().reveal() + "=",
        key().reveal()[:-1],
        key().reveal() + ".x",
        " " + key().reveal(),
        key().reveal().replace(".", "!", 1),
        "é" + key().reveal(),
        "\ud800" + key().reveal(),
        "_w" + key().reveal()[2:],
        key(grant="").reveal(),
        "A" * (MAX_CHARACTERS + 1),
    ],
)
def test_broken(text: str) -> None:
    assert fault_of(lambda: read(text)) is errors.KEY_BROKEN


@given(st.data())
def test_no_character_of_a_key_can_be_changed(data: st.DataObject) -> None:
    text = key(grant=data.draw(st.sampled_from(["g" * 16, None]))).reveal()
    position = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("ABCXYZabcxyz0189-_.=").filter(lambda one: one != text[position]))
    changed = text[:position] + other + text[position + 1 :]
    with pytest.raises(GatewayError) as caught:
        SIGNER.verify(read(changed), Action.PUBLISH, ("s",))
    assert caught.value.fault in (errors.KEY_BROKEN, errors.KEY_FOREIGN)


@given(st.text(max_size=120) | st.binary(max_size=90).map(lambda data: "MQ." + quote(data)))
def test_no_text_does_anything_but_being_refused(text: str) -> None:
    with pytest.raises(GatewayError):
        SIGNER.verify(read(text), Action.PUBLISH, ("s",))


def test_another_app_with_the_same_secret_is_another_app() -> None:
    parts = key().reveal().split(".")
    moved = read(".".join(["Mg", *parts[1:]]))
    assert moved.app == "2"
    assert fault_of(lambda: SIGNER.verify(moved, Action.PUBLISH, ("s",))) is errors.KEY_FOREIGN


def test_addresses() -> None:
    made = StreamKey("K.E.Y")
    assert push_url("rtmp://h:1936", "a b/ä", made) == "rtmp://h:1936/live/a%20b%2F%C3%A4?key=K.E.Y"
    assert pull_url("rtmp", "rtmp://h", "a", made) == "rtmp://h/live/a?key=K.E.Y"
    assert pull_url("flv", "https://h", "a~-._", made) == "https://h/live/a~-._.flv?key=K.E.Y"
    with pytest.raises(ValueError, match="hls"):
        pull_url("hls", "https://h", "a", made)


def resolved(path: str, action: Action = Action.PUBLISH) -> str:
    raw, text = parse_address(path)
    return SIGNER.verify(read(text), action, stream_names(raw))


def path_of(url: str) -> str:
    return url.partition("://")[2].partition("/")[2]


@pytest.mark.parametrize("stream", [*ZEGO, *NERTC, ZEGO, NERTC])
@pytest.mark.parametrize("before", ["", "a"])
def test_every_character_that_a_vendor_permits_makes_a_round_trip(stream: str, before: str) -> None:
    check_round_trip(before + stream)


@pytest.mark.parametrize("stream", ["100%", "a%20b", "a?key=b", "a&key=b?c=d", "//", "流", "mp4:a.mp4", "..", "live/x"])
def test_ids_that_look_like_something_else_make_a_round_trip(stream: str) -> None:
    check_round_trip(stream)


@given(STREAM_IDS)
def test_any_id_makes_a_round_trip(stream: str) -> None:
    check_round_trip(stream)


def check_round_trip(stream: str) -> None:
    path = path_of(push_url("rtmp://h", stream, key(stream)))
    assert resolved(path) == stream  # ffmpeg: sent as it is
    assert resolved(unquote(path)) == stream  # gst, rtmpdump: decoded before it is sent
    name, _, query = path.partition("?")
    assert resolved(f"live?{query}/{name.removeprefix('live/')}") == stream  # the key in the tcUrl


@pytest.mark.parametrize(
    ("stream", "sent"),
    [
        ("a.mp4", "mp4:a.mp4"),
        ("a.mp4", "mp4:a"),
        ("a.f4v", "mp4:a"),
        ("a.mp3", "mp3:a"),
        ("a.flv", "a"),
        ("a.flv", "flv:a"),
        ("a b.mp4", "mp4:a%20b"),
        ("a", "/a"),
    ],
)
def test_what_clients_do_to_a_name_because_of_its_ending(stream: str, sent: str) -> None:
    assert resolved(f"live/{sent}?key={key(stream).reveal()}") == stream


def test_a_name_that_is_not_utf8_is_no_candidate() -> None:
    assert stream_names("a%FF")[0] == "a%FF"
    assert all("\ufffd" not in name for name in stream_names("a%FF"))
    assert stream_names("\ud800") == ()


def test_the_likeliest_name_comes_first() -> None:
    assert stream_names("a%2520b")[:2] == ("a%20b", "a%2520b")
    assert stream_names("plain")[0] == "plain"


@pytest.mark.parametrize(
    ("path", "stream", "text"),
    [
        ("live/s?key=K", "s", "K"),
        ("/live/s?key=K", "s", "K"),
        ("live/s?key=K&x=1", "s", "K"),
        ("live/s?x=1&key=K&y=2", "s", "K"),
        ("live/s&key=K", "s", "K"),
        ("live/s?key=A?key=B", "s?key=A", "B"),
        ("live/a/b?c&d=e?key=K", "a/b?c&d=e", "K"),
        ("live?key=K/s", "s", "K"),
        ("live?x=1&key=K&y=2/s", "s", "K"),
        ("live?key=A/s?key=B", "s", "B"),
        ("live?key=K/s?token=x", "s", "K"),
        ("live/s", "s", ""),
        ("live/s?", "s", ""),
        ("live/s?token=x", "s", ""),
        ("live/s?key=", "s", ""),
        ("live//s?key=K", "/s", "K"),
        ("live/s?monkey=K", "s", ""),
        ("live/?key=K", "", "K"),
        ("live?key=K/", "", "K"),
    ],
)
def test_parse_address(path: str, stream: str, text: str) -> None:
    assert parse_address(path) == (stream, text)


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("", errors.STREAM_NOT_FOUND),
        ("live", errors.STREAM_NOT_FOUND),
        ("lives/s", errors.STREAM_NOT_FOUND),
        ("Live/s", errors.STREAM_NOT_FOUND),
        ("app/live/s", errors.STREAM_NOT_FOUND),
        ("live/", errors.STREAM_ID_EMPTY),
    ],
)
def test_no_address(path: str, fault: Fault) -> None:
    with pytest.raises(GatewayError) as caught:
        parse_address(path)
    assert caught.value.fault is fault


@given(st.text(max_size=80).map("live/".__add__))
def test_any_path_gives_a_name_and_a_key_or_is_refused(path: str) -> None:
    try:
        stream, _ = parse_address(path)
    except GatewayError:
        return
    assert all(name.encode() for name in stream_names(stream))


@pytest.mark.parametrize(
    ("raw", "logged"),
    [
        ("cam", "cam"), ("a%20b", "a%20b"), ("cam?key=secret", "cam"), ("cam%3Fkey%3Dsecret", "cam"), ("?key=secret", ""),
        ("cam.flv&key=secret", "cam.flv"), ("cam%26key%3Dsecret.flv", "cam"), ("cam&key=a&key=b", "cam"),
        ("x" * 999, "x" * 256),
    ],
)  # fmt: skip
def test_nothing_that_may_be_a_key_comes_into_the_log(raw: str, logged: str) -> None:
    assert loggable_name(raw) == logged
