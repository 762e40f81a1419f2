"""The settings of an app that takes over a vendor's tokens: each form with its secret, and none that says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import AppSettings
from gateway.config.checks import for_serving
from gateway.config.sources import load
from gateway.config.values import ConfigError

SECRET = "s3cr3t-" * 5
SERVER_SECRET = "0123456789abcdef" * 2
SIGN = "ab" * 32


def app(folder: Path, text: str) -> AppSettings:
    file = folder / "gateway.toml"
    file.write_text(f'[apps.7]\nsecret = "{SECRET}"\n{text}', "utf-8")
    return load({}, {}, file).config.apps["7"]


def test_join_tokens_alone_are_the_default(tmp_path: Path) -> None:
    assert app(tmp_path, "").token_formats == ("jwt",)


def test_every_form_with_its_secret(tmp_path: Path) -> None:
    text = f"""
        token_formats = ["token04", "nertc", "permission_key"]
        server_secret = "{SERVER_SECRET}"
        nertc_secret = "twelve bytes"
        permission_secret = "twelve bytes"
        app_sign = "{SIGN}"
    """
    one = app(tmp_path, text)
    assert one.token_formats == ("token04", "nertc", "permission_key")
    assert (one.server_secret, one.app_sign) == (SERVER_SECRET, SIGN)
    assert not any(secret in repr(one) for secret in (SERVER_SECRET, "twelve bytes", SIGN))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('token_formats = ["jwt", "token03"]', "expected one of jwt, token04, nertc, permission_key"),
        ('token_formats = "x"', "expected one of jwt"),
        ('token_formats = ["token04"]', "apps.7.server_secret is required: token_formats names token04"),
        ('token_formats = ["jwt", "nertc"]', "apps.7.nertc_secret is required"),
        ('token_formats = ["permission_key"]', "apps.7.permission_secret is required"),
        (f'server_secret = "{SERVER_SECRET}"', "apps.7.server_secret is set, but token_formats does not name token04"),
        ('nertc_secret = "twelve bytes"', "apps.7.nertc_secret is set, but"),
        (f'token_formats = ["token04"]\nserver_secret = "{SERVER_SECRET}0"', "expected a text of 32 bytes"),
        ('token_formats = ["nertc"]\nnertc_secret = "short"', "expected a text of 12 to 256 bytes"),
        (f'app_sign = "{SIGN}0"', "expected 64 hexadecimal characters"),
        (f'app_sign = "{SIGN[:-1]}g"', "expected 64 hexadecimal characters"),
        (f'app_sign = "{SIGN}"\ndebug = true', "apps.7.app_sign does not go with debug"),
        ("token_formats = []", "apps.7.token_formats is empty: nobody could log in"),
    ],
)
def test_a_mistake_is_told_without_a_secret(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        app(tmp_path, text)
    assert said in str(wrong.value)
    assert not any(secret in str(wrong.value) for secret in (SERVER_SECRET, SIGN[:-1], "short"))


@pytest.mark.parametrize("text", [f'token_formats = []\napp_sign = "{SIGN}"', "token_formats = []\ndebug = true"])
def test_without_tokens_there_is_another_way(tmp_path: Path, text: str) -> None:
    assert app(tmp_path, text).token_formats == ()


def test_in_development_mode_nothing_is_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(f'[apps.1]\nsecret = "{SECRET}"\napp_sign = "{SIGN}"', "utf-8")
    assert for_serving(load({"dev": True}, {}, file).config).apps["1"].debug
