"""The addresses that clients are given: built from the settings, never from a request's headers."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.auth.stream_keys import StreamKey, encode_stream_id, pull_url, push_url
from gateway.config import ListenSettings

_DEFAULT_RTMP_PORT = 1935
_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


@dataclass(frozen=True, slots=True)
class MediaAddress:
    """One way to publish or play a stream."""

    protocol: str
    """`rtmp`, `flv`, `whip` or `whep`."""
    url: str
    """It holds the key where the protocol has no other place for it."""
    key: StreamKey | None = None
    """The key where it stands apart: `Authorization: Bearer KEY`."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The public bases of this gateway."""

    ws: str
    http: str
    rtmp: str

    @classmethod
    def of(cls, listen: ListenSettings, http_port: int = 0, rtmp_port: int = 0) -> Addresses:
        """The bases for a gateway whose sockets got these ports (where the settings have 0)."""
        host = listen.public_host or "127.0.0.1"
        host = f"[{host}]" if ":" in host and not host.startswith("[") else host
        secure = "s" if listen.tls_cert else ""
        http_port = listen.port or http_port
        public_rtmp = listen.public_rtmp_port or listen.rtmp_port or rtmp_port
        return cls(
            listen.public_ws_url or f"{_base('ws' + secure, host, http_port)}/ws",
            (listen.public_http_url or _base("http" + secure, host, http_port)).rstrip("/"),
            f"rtmp://{host}" if public_rtmp == _DEFAULT_RTMP_PORT else f"rtmp://{host}:{public_rtmp}",
        )

    def push(self, stream_id: str, key: StreamKey, transport: str = "rtmp") -> list[MediaAddress]:
        """Each way to publish, the asked one first."""
        ways = [MediaAddress("rtmp", push_url(self.rtmp, stream_id, key)), self._over_http("whip", stream_id, key)]
        return _first(transport, ways)

    def pull(self, stream_id: str, key: StreamKey, transport: str = "rtmp") -> list[MediaAddress]:
        """Each way to play, the asked one first."""
        ways = [
            MediaAddress("rtmp", pull_url("rtmp", self.rtmp, stream_id, key)),
            MediaAddress("flv", pull_url("flv", self.http, stream_id, key)),
            self._over_http("whep", stream_id, key),
        ]
        return _first(transport, ways)

    def _over_http(self, protocol: str, stream_id: str, key: StreamKey) -> MediaAddress:
        """WHIP (RFC 9725) and WHEP."""
        return MediaAddress(protocol, f"{self.http}/{protocol}/{encode_stream_id(stream_id)}", key)


def _first(transport: str, ways: list[MediaAddress]) -> list[MediaAddress]:
    return sorted(ways, key=lambda way: way.protocol != transport)


def _base(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://{host}" if port == _DEFAULT_PORTS[scheme] else f"{scheme}://{host}:{port}"
