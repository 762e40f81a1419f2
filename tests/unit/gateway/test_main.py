"""The command line."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import pytest

from gateway import __main__ as cli
from gateway.auth.access import Action
from gateway.auth.stream_keys import KeySigner, parse_address, read, stream_names
from gateway.auth.tokens import verify_token
from gateway.config import Config
from gateway.config.values import ConfigError
from gateway.room_commands import run_room_command

SECRET = "s3cr3t-" * 5
NOW = 1_800_000_000.0
APP = {"GATEWAY_APP_ID": "7", "GATEWAY_APP_SECRET": SECRET}
PUBLIC = {**APP, "GATEWAY_LISTEN__PUBLIC_HOST": "media.example"}


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli.time, "time", lambda: NOW)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    configs: list[Config] = []

    def serve(config: Config) -> int:
        configs.append(config)
        return 5

    monkeypatch.setattr(cli.serving, "serve", serve)
    return configs


def run(words: str, environ: Mapping[str, str] = APP) -> int:
    try:
        return cli.main(words.split(), environ)
    except SystemExit as end:
        return int(end.code or 0)


def test_serve_takes_flags(served: list[Config]) -> None:
    flags = "--host 127.0.0.2 --port 1 --rtmp-port 2 --udp-port 3 --public-host h"
    assert run(f"serve {flags}") == 5
    (config,) = served
    listen = config.listen
    assert (listen.host, listen.port, listen.rtmp_port, listen.udp_port, listen.public_host) == ("127.0.0.2", 1, 2, 3, "h")
    assert not config.dev


def test_serve_in_development(served: list[Config]) -> None:
    assert run("serve --dev", {}) == 5
    assert run("serve --dev --dev-open", {}) == 5
    assert [(config.dev, config.dev_open, config.listen.host) for config in served] == [
        (True, False, "127.0.0.1"),
        (True, True, "0.0.0.0"),
    ]
    assert served[0].apps["1"].debug


def test_a_warning_stops_nothing(served: list[Config], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("serve --dev", {"GATEWAY_PORT": "80"}) == 5
    assert capsys.readouterr().err.count("warning") == 1


def test_demo_gets_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(cli.demo, "main", lambda words: seen.append(words) or 3)
    assert run("demo --seconds 5") == 3
    assert seen == [["--seconds", "5"]]


def test_token(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("token --app 7 --user ada --room r --ttl 90m --no-publish") == 0
    text = capsys.readouterr().out.strip()
    token = verify_token(text, SECRET, app="7", user="ada", room="r", now=NOW)
    assert (token.room, token.may_login, token.may_publish, token.expires_at) == ("r", True, False, NOW + 5400)


def test_a_tokens_usual_life_is_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("token --app 7 --user ada") == 0
    token = verify_token(capsys.readouterr().out.strip(), SECRET, app="7", user="ada", room=None, now=NOW)
    assert (token.room, token.may_publish, token.expires_at) == (None, True, NOW + 86_400)


@pytest.mark.parametrize(
    ("words", "begin", "suffix", "action"),
    [
        ("--push", "rtmp://media.example/", "", Action.PUBLISH),
        ("--play", "rtmp://media.example/", "", Action.PLAY),
        ("--play --protocol flv", "http://media.example:8080/", ".flv", Action.PLAY),
    ],
)
def test_url(words: str, begin: str, suffix: str, action: Action, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"url {words} --app 7 --stream a/b --user ada", PUBLIC) == 0
    url = capsys.readouterr().out.strip()
    assert url.startswith(begin)
    raw, text = parse_address(url.removeprefix(begin))
    key = read(text)
    names = stream_names(raw.removesuffix(suffix) if suffix else raw)
    assert KeySigner(SECRET).verify(key, action, names) == "a/b"
    assert raw.endswith(suffix)
    assert (key.grant_id, key.user, key.expires_at) == (None, "ada", NOW + 300)


@pytest.mark.parametrize(("way", "protocol"), [("--push", "whip"), ("--play", "whep")])
def test_a_key_that_stands_apart_comes_after_the_url(way: str, protocol: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"url {way} --protocol {protocol} --app 7 --stream a/b --user ada", PUBLIC) == 0
    url, key = capsys.readouterr().out.split()
    assert url == f"http://media.example:8080/{protocol}/a%2Fb"
    assert KeySigner(SECRET).verify(read(key), Action.PUBLISH if protocol == "whip" else Action.PLAY, ["a/b"]) == "a/b"


def test_two_addresses_are_never_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert run("url --push --app 7 --stream s --user ada", PUBLIC) == 0
    first, second = capsys.readouterr().out.split()
    assert first != second


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "COMMAND"),
        ("dance", "invalid choice: 'dance'"),
        ("serve --prot 1", "unrecognized arguments: --prot 1"),
        ("serve", "listen.public_host is required: the host name that clients use (GATEWAY_LISTEN__PUBLIC_HOST; or --dev)"),
        ("serve --port x", "listen.port (from --port): expected a whole number"),
        ("serve --config /nonexistent", "/nonexistent: cannot be read"),
        ("serve --dev-open", "goes with dev"),
        ("token --user ada", "--app"),
        ("token --app 8 --user ada", "no app 8"),
        ("token --app 7 --user \x07", "1002006 USER_ID_ILLEGAL"),
        ("token --app 7 --user ada --ttl 31d", "at most 30d"),
        ("token --app 7 --user ada --ttl 0", "at most 30d"),
        ("token --app 7 --user ada --ttl soon", "expected a time such as"),
        ("url --app 7 --stream s --user ada", "one of the arguments --push --play is required"),
        ("url --push --play --app 7 --stream s --user ada", "not allowed with"),
        ("url --push --app 7 --stream s --user ada", "that clients use (GATEWAY_LISTEN__PUBLIC_HOST)\n"),
        ("url --push --app 7 --user ada", "--stream"),
    ],
)
def test_a_wrong_usage_is_told_in_one_line(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == cli.USAGE_ERROR
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
    assert SECRET not in err


@pytest.mark.parametrize("words", ["--push --protocol flv", "--push --protocol whep", "--play --protocol whip"])
def test_one_does_not_push_where_one_plays(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"url {words} --app 7 --stream s --user ada", PUBLIC) == cli.USAGE_ERROR
    assert "--protocol is one of rtmp, " in capsys.readouterr().err


class TestRoomCommands:
    @pytest.mark.parametrize("key", ["k" * 40 + "\r\nx", "schlüssel" * 5, "a\0b"])
    def test_a_key_that_cannot_be_sent_is_refused_and_never_printed(
        self, key: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        given = argparse.Namespace(deed="list", app="1", url="http://127.0.0.1:9")
        with pytest.raises(ConfigError) as refused:
            run_room_command(given, {"GATEWAY_API_KEY": key})
        assert key not in str(refused.value)
        assert capsys.readouterr().out == ""

    def test_what_cannot_be_an_id_is_refused_in_words(self) -> None:
        given = argparse.Namespace(deed="close", app="1", room="\udcff", reason="", url="http://127.0.0.1:9")
        with pytest.raises(ConfigError):
            run_room_command(given, {"GATEWAY_API_KEY": "k" * 40})
