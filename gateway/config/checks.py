"""What settings have to be with each other, and what only a gateway that serves needs.

Development mode gets its addresses and its app here.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import secrets
from collections.abc import Mapping
from pathlib import Path

from gateway.auth.tokens import SECRET_BYTES
from gateway.config import AppSettings, Config
from gateway.config.ranges import TOKEN_SECRETS
from gateway.config.values import APP_ID_VARIABLE, APP_SECRET_VARIABLE, ConfigError, Given, variable_of

DEV_APP = "1"
"""The app that development mode provides."""


def for_serving(config: Config) -> Config:
    """The settings with what only a running gateway needs: checked, and in development mode provided.

    Development mode gets app `1`, in debug mode, with a random secret unless one is given. Raises ConfigError.
    """
    if config.dev:
        app = config.apps.get(DEV_APP) or AppSettings(secret=secrets.token_urlsafe(SECRET_BYTES))
        config = dataclasses.replace(config, apps={**config.apps, DEV_APP: dataclasses.replace(app, debug=True)})
    require_public_host(config, "; or --dev")
    if not config.apps:
        raise ConfigError(f"no app: give [apps.ID] in the file, or {APP_ID_VARIABLE} and {APP_SECRET_VARIABLE} (or --dev)")
    for name in ("tls_cert", "tls_key"):
        _check_readable(f"listen.{name}", getattr(config.listen, name))
    return config


def require_public_host(config: Config, instead: str = "") -> None:
    """Raises ConfigError if addresses for clients cannot be built. `instead`: what else would help, for the operator."""
    if not config.listen.public_host:
        variable = variable_of("listen.public_host")
        raise ConfigError(f"listen.public_host is required: the host name that clients use ({variable}{instead})")


def development_addresses(config: Config, given: Mapping[str, Given]) -> Config:
    """In development mode, loopback where no address was given. Raises ConfigError for one that is not permitted."""
    if config.dev_open and not config.dev:
        raise ConfigError("dev_open (--dev-open) goes with dev (--dev)")
    if not config.dev:
        return config
    listen = config.listen
    if not config.dev_open:
        if "listen.host" not in given:
            listen = dataclasses.replace(listen, host="127.0.0.1")
        elif not is_loopback(listen.host):
            origin = given["listen.host"].origin
            raise ConfigError(f"listen.host (from {origin}): development mode listens on loopback only, or give --dev-open")
    if not listen.public_host:
        anywhere = listen.host in ("0.0.0.0", "::", "")
        listen = dataclasses.replace(listen, public_host="127.0.0.1" if anywhere else listen.host)
    return dataclasses.replace(config, listen=listen)


def is_loopback(host: str) -> bool:
    """Whether `host` is `localhost` or a loopback address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def check_together(config: Config) -> None:
    """Raises ConfigError if two settings contradict each other."""
    listen, signaling, rtmp, webrtc = config.listen, config.signaling, config.rtmp, config.webrtc
    if (listen.tls_cert is None) != (listen.tls_key is None):
        raise ConfigError("listen.tls_cert and listen.tls_key go together: only one of them is set")
    if listen.port == listen.rtmp_port != 0:
        raise ConfigError(f"listen.port and listen.rtmp_port are both {listen.port}")
    if signaling.heartbeat >= signaling.heartbeat_deadline:
        raise ConfigError("signaling.heartbeat has to be shorter than signaling.heartbeat_deadline")
    if rtmp.command_bytes > rtmp.message_bytes:
        raise ConfigError("rtmp.command_bytes cannot be larger than rtmp.message_bytes")
    if rtmp.unfinished_bytes < rtmp.message_bytes:
        raise ConfigError("rtmp.unfinished_bytes cannot be smaller than rtmp.message_bytes")
    if bool(webrtc.turn_urls) != bool(webrtc.turn_secret):
        raise ConfigError("webrtc.turn_urls and webrtc.turn_secret go together: only one of them is set")
    if webrtc.min_bitrate > webrtc.max_bitrate:
        raise ConfigError("webrtc.min_bitrate cannot be larger than webrtc.max_bitrate")
    check_key("http.metrics_key", config.http.metrics_key)


def check_key(name: str, key: str) -> None:
    """Raises ConfigError if a Bearer token, where there is one, could be guessed or could not be sent."""
    if 0 < len(key.encode()) < SECRET_BYTES:
        raise ConfigError(f"{name}: it has at least {SECRET_BYTES} bytes")
    if not key.isascii() or not key.isprintable() or key != key.strip():
        raise ConfigError(f"{name}: it has a character that cannot stand in a header")


def check_app(name: str, app: AppSettings) -> None:
    """Raises ConfigError if an app could not check what its clients show, or would not look at it."""
    for form, setting in TOKEN_SECRETS.items():
        if form in app.token_formats and not getattr(app, setting):
            raise ConfigError(f"apps.{name}.{setting} is required: token_formats names {form}")
        if form != "jwt" and form not in app.token_formats and getattr(app, setting):
            raise ConfigError(f"apps.{name}.{setting} is set, but token_formats does not name {form}")
    if app.app_sign and app.debug:
        raise ConfigError(f"apps.{name}.app_sign does not go with debug: in debug mode it is not looked at")
    if not (app.token_formats or app.app_sign or app.debug):
        raise ConfigError(f"apps.{name}.token_formats is empty: nobody could log in")


def _check_readable(name: str, file: Path | None) -> None:
    if file is None:
        return
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise ConfigError(f"{name}: {file} cannot be read: {error.strerror}") from None
