"""What values a setting may have, by its dotted name.

Kept apart from the tree so that the tree stays readable as the manual. A number without an entry may be anything
that is not below zero.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from gateway.config import DAYS, HOURS, KIB, MIB, MINUTES, SECONDS

_TEN_MILLION = 10_000_000
_HOST_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")

RANGES: Mapping[str, tuple[float, float]] = {
    "shutdown_grace": (0.1 * SECONDS, 10 * MINUTES),
    "shutdown_spread": (0, 10 * MINUTES),
    "apps.*.max_rooms": (1, _TEN_MILLION),
    "apps.*.max_sessions": (1, _TEN_MILLION),
    "apps.*.max_streams": (1, _TEN_MILLION),
    "listen.port": (0, 65_535),
    "listen.rtmp_port": (0, 65_535),
    "listen.udp_port": (0, 65_535),
    "listen.public_rtmp_port": (0, 65_535),
    "http.request_deadline": (0.1 * SECONDS, 10 * MINUTES),
    "http.idle": (0.1 * SECONDS, 1 * HOURS),
    "http.body_bytes": (1 * KIB, 64 * MIB),
    "signaling.message_bytes": (1 * KIB, 16 * MIB),
    "signaling.login_deadline": (0.1 * SECONDS, 10 * MINUTES),
    "signaling.heartbeat": (0.1 * SECONDS, 10 * MINUTES),
    "signaling.heartbeat_deadline": (0.1 * SECONDS, 1 * HOURS),
    "signaling.resume_window": (0, 24 * HOURS),
    "signaling.repeats": (1, 10_000),
    "signaling.outbox_messages": (16, 100_000),
    "signaling.requests_per_second": (0.1, 100_000),
    "signaling.requests_burst": (1, 1_000_000),
    "signaling.sockets_before_login": (1, 1_000_000),
    "signaling.plays_per_session": (1, 10_000),
    "signaling.publishes_per_session": (1, 10_000),
    "signaling.token_warning": (0, 24 * HOURS),
    "signaling.logins_per_second": (0.1, 1_000_000),
    "signaling.logins_burst": (1, 1_000_000),
    "signaling.overload_spread": (0, 10 * MINUTES),
    "signaling.user_count_interval": (0.1 * SECONDS, 24 * HOURS),
    "signaling.replay_events": (0, 100_000),
    "signaling.replay_bytes": (0, 1024 * MIB),
    "signaling.stream_extra_bytes": (1, 64 * KIB),
    "signaling.room_extra_key_bytes": (1, 1 * KIB),
    "signaling.room_extra_value_bytes": (1, 64 * KIB),
    "signaling.room_extra_keys": (0, 1_000),
    "signaling.text_bytes": (1, 64 * KIB),
    "signaling.broadcasts_per_user": (0.1, 1_000_000),
    "signaling.broadcasts_per_room": (0.1, 1_000_000),
    "signaling.barrages_per_room": (0.1, 1_000_000),
    "signaling.commands_to_one": (0.1, 1_000_000),
    "signaling.commands_to_several": (0.1, 1_000_000),
    "signaling.command_receivers": (1, 1_000_000),
    "signaling.changes_per_second": (0.1, 1_000_000),
    "signaling.changes_burst": (1, 1_000_000),
    "signaling.report_bytes": (1 * KIB, 16 * MIB),
    "media.key_ttl": (1 * SECONDS, 30 * 24 * HOURS),
    "media.viewers_per_grant": (1, 1_000_000),
    "media.publish_grace": (0, 1 * HOURS),
    "media.takeover_hold": (0, 1 * MINUTES),
    "media.takeover_silence": (0, 1 * MINUTES),
    "media.gop_bytes": (64 * KIB, 1024 * MIB),
    "media.gop_seconds": (0.1 * SECONDS, 10 * MINUTES),
    "media.rtc_batch": (0, 1 * SECONDS),
    "media.live_batch": (0, 1 * SECONDS),
    "media.batch_from_viewers": (1, 1_000_000),
    "media.cohort_viewers": (1, 1_000_000),
    "media.viewer_backlog_bytes": (64 * KIB, 1024 * MIB),
    "media.viewer_stall": (0.1 * SECONDS, 1 * HOURS),
    "media.media_absent_after": (0.1 * SECONDS, 1 * HOURS),
    "rtmp.chunk_bytes": (128, 0xFF_FF_FF),
    "rtmp.window_ack_bytes": (1 * KIB, 0x7F_FF_FF_FF),
    "rtmp.message_bytes": (64 * KIB, 0xFF_FF_FF),
    "rtmp.command_bytes": (1 * KIB, 0xFF_FF_FF),
    "rtmp.unfinished_bytes": (64 * KIB, 1024 * MIB),
    "rtmp.chunk_streams": (4, 65_599),
    "rtmp.message_streams": (1, 10_000),
    "rtmp.handshake_deadline": (0.1 * SECONDS, 10 * MINUTES),
    "rtmp.request_deadline": (0.1 * SECONDS, 10 * MINUTES),
    "rtmp.publisher_idle": (0.1 * SECONDS, 1 * HOURS),
    "rtmp.player_idle": (0.1 * SECONDS, 24 * HOURS),
    "rtmp.unadmitted_per_address": (1, 1_000_000),
    "rtmp.connections": (1, _TEN_MILLION),
    "webrtc.public_udp_port": (0, 65_535),
    "webrtc.turn_ttl": (1 * MINUTES, 30 * 24 * HOURS),
    "webrtc.peers": (1, 1_000_000),
    "webrtc.handshakes": (1, 10_000),
    "webrtc.waiting": (0, 1_000_000),
    "webrtc.waiting_deadline": (0, 1 * MINUTES),
    "webrtc.unconnected_per_address": (1, 1_000_000),
    "webrtc.connect_deadline": (0.1 * SECONDS, 10 * MINUTES),
    "webrtc.consent_timeout": (1 * SECONDS, 1 * HOURS),
    "webrtc.max_bitrate": (10_000, 1_000_000_000),
    "webrtc.min_bitrate": (10_000, 1_000_000_000),
    "webrtc.burst_bitrate": (100_000, 10_000_000_000),
    "webrtc.history": (0.1 * SECONDS, 1 * MINUTES),
    "webrtc.nack_hold": (0, 10 * SECONDS),
    "webrtc.audio_hold": (0, 10 * SECONDS),
    "webrtc.transcodes": (0, 1_000),
    "store.journal_batch": (0, 1 * MINUTES),
    "store.journal_bytes": (64 * KIB, 64 * 1024 * MIB),
    "store.claim_timeout": (0, 1 * MINUTES),
    "store.events_ttl": (1 * MINUTES, 10 * 365 * DAYS),
    "store.recovery_window": (0, 24 * HOURS),
    "quality.sweep": (0.2 * SECONDS, 1 * MINUTES),
    "quality.notice": (0.2 * SECONDS, 10 * MINUTES),
    "quality.measure_every": (1 * SECONDS, 1 * HOURS),
    "quality.rtc_lag": (0.2 * SECONDS, 1 * HOURS),
    "quality.live_lag": (0.2 * SECONDS, 1 * HOURS),
    "quality.batch_reports": (1, 10_000),
    "quality.reports_per_second": (0.1, 1_000_000),
    "quality.reports_burst": (1, 1_000_000),
    "quality.log_bytes": (1 * KIB, 1 * MIB),
    "quality.logs_per_address": (1, 1024 * MIB),
    "quality.logs_in_all": (1, 1024 * MIB),
    "quality.history_entries": (10, 1_000_000),
    "quality.history_bytes": (64 * KIB, 64 * 1024 * MIB),
    "quality.history_rate": (1, 1_000_000),
    "quality.history_ttl": (1 * MINUTES, 10 * 365 * DAYS),
}
"""Lowest and highest value; `*` stands for any appID. Seconds for durations, bytes for sizes."""


def _one_of(*words: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        return "" if value in words else f"one of {', '.join(words)}"

    return check


def _host(value: str) -> str:
    inner = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    try:
        ipaddress.ip_address(inner)
    except ValueError:
        named = _HOST_NAME.fullmatch(value) and len(value) <= 253
        return "" if named else "a host name or an address, without scheme, port or path"
    return ""


def _url(*schemes: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        expected = f"a URL that begins with {' or '.join(f'{scheme}://HOST' for scheme in schemes)}, without a query"
        try:
            parts = urlsplit(value)
            fits = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            return expected
        plain = value.isascii() and value.isprintable() and " " not in value and not set("?#@") & set(value)
        return "" if fits and plain else expected

    return check


def _address(value: str) -> str:
    try:
        unspecified = ipaddress.ip_address(value).is_unspecified
    except ValueError:
        unspecified = True
    return "an IP address that clients can reach" if unspecified else ""


def _ice_url(*schemes: str) -> Callable[[str], str]:
    """A server's URL as RFC 7064 (STUN) and RFC 7065 (TURN) spell it."""
    pattern = re.compile(rf"({'|'.join(schemes)}):(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{{1,5}})?(\?transport=(udp|tcp))?")

    def check(value: str) -> str:
        return "" if pattern.fullmatch(value) else f"a URL such as {schemes[0]}:HOST:3478"

    return check


def _mongo(value: str) -> str:
    fits = re.fullmatch(r"mongodb(\+srv)?://\S+", value)
    return "" if fits else "a connection string such as mongodb://HOST:27017/?replicaSet=NAME"


def _database(value: str) -> str:
    """MongoDB's own rule, with room for what may be appended."""
    return "" if re.fullmatch(r"[A-Za-z0-9_-]{1,48}", value) else "1 to 48 letters, digits, - or _"


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return "an address or a network such as 10.0.0.0/8"
    return ""


def _bytes(least: int, most: int) -> Callable[[str], str]:
    """A secret of a vendor's."""

    def check(value: str) -> str:
        count = f"{least}" if least == most else f"{least} to {most}"
        return "" if least <= len(value.encode()) <= most else f"a text of {count} bytes"

    return check


def _app_sign(value: str) -> str:
    return "" if re.fullmatch(r"[0-9A-Fa-f]{64}", value) else "64 hexadecimal characters"


TOKEN_SECRETS: Mapping[str, str] = {
    "jwt": "secret", "token04": "server_secret", "nertc": "nertc_secret", "permission_key": "permission_secret",
}  # fmt: skip
"""The formats of tokens, and the setting of an app with the secret that signs each."""
TEXTS: Mapping[str, Callable[[str], str]] = {
    "log_format": _one_of("text", "json"),
    "log_level": _one_of("debug", "info", "warning", "error"),
    "listen.host": _host,
    "listen.public_host": _host,
    "listen.public_ws_url": _url("ws", "wss"),
    "listen.public_http_url": _url("http", "https"),
    "listen.trusted_proxies": _network,
    "webrtc.announced": _address,
    "webrtc.stun_urls": _ice_url("stun", "stuns"),
    "webrtc.turn_urls": _ice_url("turn", "turns"),
    "store.url": _mongo,
    "store.database": _database,
    "apps.*.token_expiry": _one_of("stay", "kick"),
    "apps.*.token_formats": _one_of(*TOKEN_SECRETS),
    "apps.*.server_secret": _bytes(32, 32),
    "apps.*.nertc_secret": _bytes(12, 256),
    "apps.*.permission_secret": _bytes(12, 256),
    "apps.*.app_sign": _app_sign,
}
"""What a text (each text of a list) has to be; the check answers what is expected, empty if the text is that. An empty
text is always permitted: it means that nothing is set."""
