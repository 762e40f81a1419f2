"""Everything that can be set, in one typed tree. Each field says its unit; its default stands beside it.

Only the shape and the defaults live here, not what anything does with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = 1.0
MINUTES = 60 * SECONDS
HOURS = 60 * MINUTES
DAYS = 24 * HOURS
KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class AppSettings:
    """One app: what the vendors' consoles call a project."""

    secret: str = field(repr=False)
    """Signs join tokens; stream keys are derived from it. At least 32 bytes."""
    debug: bool = False
    """True: a token is not needed, and one that is given is not checked."""
    max_rooms: int = 10_000
    """Rooms at once."""
    max_sessions: int = 50_000
    """Sessions at once, detached ones included."""
    max_streams: int = 20_000
    """Publish grants at once."""
    multi_room: bool = False
    """True: a user may be in several rooms at once, by a session each; false: a later login ends the earlier session."""
    token_expiry: str = "stay"
    """What becomes of a session whose token ends: `stay` (it goes on, but begins nothing new) or `kick`."""
    api_key: str = field(default="", repr=False)
    """Opens the server API of this app. At least 32 bytes; empty: the app has no server API."""
    token_formats: tuple[str, ...] = ("jwt",)
    """Tokens that open a session: `jwt` (join tokens), `token04` (ZEGO's), `nertc` (NERTC's basic token), `permission_key`
    (NERTC's permission key). Each needs its secret."""
    server_secret: str = field(default="", repr=False)
    """Signs `token04`: ZEGO's ServerSecret, 32 bytes."""
    nertc_secret: str = field(default="", repr=False)
    """Signs `nertc`: NERTC's AppSecret. At least 12 bytes."""
    permission_secret: str = field(default="", repr=False)
    """Signs `permission_key`: NERTC's secret of permission keys. At least 12 bytes."""
    app_sign: str = field(default="", repr=False)
    """ZEGO's AppSign, 64 hexadecimal characters: who shows it instead of a token may be any user in any room; empty: nobody
    may. It stands in programs, where others can find it."""


@dataclass(frozen=True, slots=True)
class ListenSettings:
    """Where the gateway listens and by which addresses the outside reaches it."""

    host: str = "0.0.0.0"
    """Address to bind."""
    port: int = 8080
    """TCP port of HTTP and WebSocket; 0 picks a free one."""
    rtmp_port: int = 1935
    """TCP port of RTMP; 0 picks a free one."""
    udp_port: int = 8189
    """UDP port of WebRTC media, one for all peers; 0 picks a free one."""
    public_host: str = ""
    """Host name that clients use. Every URL is built from it, never from a request header."""
    public_ws_url: str = ""
    """WebSocket URL that clients use; empty: built from public_host and port."""
    public_http_url: str = ""
    """Base of HTTP URLs that clients use; empty: built from public_host and port."""
    public_rtmp_port: int = 0
    """RTMP port that clients use; 0: rtmp_port."""
    tls_cert: Path | None = None
    """PEM file with the certificate chain; with tls_key it turns HTTP into HTTPS."""
    tls_key: Path | None = None
    """PEM file with the private key."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks whose X-Forwarded-For is believed."""


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Bounds and times of HTTP requests."""

    request_deadline: float = 10 * SECONDS
    """From a request's first byte to its last."""
    idle: float = 30 * SECONDS
    """A connection on which no request comes for this long is closed."""
    body_bytes: int = 1 * MIB
    """Largest request body accepted, in bytes."""
    metrics_key: str = field(default="", repr=False)
    """Opens `/metrics`, as a Bearer token. At least 32 bytes; empty: whoever reaches the port may read them."""


@dataclass(frozen=True, slots=True)
class SignalingSettings:
    """Bounds and times of the WebSocket face."""

    message_bytes: int = 64 * KIB
    """Largest message accepted, in bytes."""
    login_deadline: float = 10 * SECONDS
    """A socket that has not logged in by then is closed."""
    heartbeat: float = 15 * SECONDS
    """How often a client is asked to send something."""
    heartbeat_deadline: float = 45 * SECONDS
    """A socket from which nothing came for this long is closed; the session stays, detached."""
    resume_window: float = 90 * SECONDS
    """How long a session survives without a socket."""
    repeats: int = 128
    """Replies kept per session for repeated requests."""
    outbox_messages: int = 512
    """Messages waiting for a slow client; one more closes its socket, the session stays."""
    requests_per_second: float = 50
    """Sustained rate of requests per socket."""
    requests_burst: int = 100
    """Requests that may come at once."""
    sockets_before_login: int = 64
    """Sockets per client address that have not logged in yet."""
    plays_per_session: int = 12
    """Play grants at once per session."""
    publishes_per_session: int = 8
    """Publish grants at once per session."""
    token_warning: float = 30 * SECONDS
    """How long before its end a token's owner is warned (`tokenWillExpire`)."""
    logins_per_second: float = 1_000
    """Sustained rate of logins of all clients together; who comes faster is told when to come again."""
    logins_burst: int = 1_000
    """Logins that may come at once."""
    overload_spread: float = 5 * SECONDS
    """Those who are refused because there is too much to do are told to come back at moments spread over this."""
    user_count_interval: float = 30 * SECONDS
    """How often everyone in a room is told how many are in it (`onlineUserCount`)."""
    replay_events: int = 256
    """Events kept per room for those who come back after a lost socket."""
    replay_bytes: int = 128 * KIB
    """What these events may hold, in bytes; the oldest ones give way."""
    stream_extra_bytes: int = 1024
    """Largest extra info of a stream, in bytes."""
    room_extra_key_bytes: int = 10
    """Longest key of a room's extra info, in bytes."""
    room_extra_value_bytes: int = 100
    """Largest value of a room's extra info, in bytes."""
    room_extra_keys: int = 10
    """Keys of a room's extra info."""
    text_bytes: int = 1024
    """Largest broadcast message, barrage message or custom command, in bytes."""
    broadcasts_per_user: float = 2
    """Broadcast messages per second and user."""
    broadcasts_per_room: float = 10
    """Broadcast messages per second and room."""
    barrages_per_room: float = 20
    """Barrage messages per second and room; more are dropped."""
    commands_to_one: float = 200
    """Custom commands to one user, per second and room."""
    commands_to_several: float = 10
    """Custom commands to several users, per second and room."""
    command_receivers: int = 500
    """Users that one custom command may name; to name none is to tell everyone."""
    changes_per_second: float = 2
    """Sustained rate at which a session may change its role, what it mutes, and the extra info of a stream or of the room."""
    changes_burst: int = 20
    """Such changes that may come at once."""
    report_bytes: int = 16 * KIB
    """Largest report of a client's component, in bytes."""


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """Streams, keys, and how viewers are fed."""

    key_ttl: float = 300 * SECONDS
    """A stream key's first connection has to come within this."""
    viewers_per_grant: int = 4
    """Connections at once with a session's play key; one more puts out the oldest."""
    publish_grace: float = 15 * SECONDS
    """A stream whose publisher's connection is lost waits this long before anyone is told."""
    takeover_hold: float = 3 * SECONDS
    """A second connection with the key of a live publisher waits this long at most."""
    takeover_silence: float = 2 * SECONDS
    """A publisher silent for this long gives way to the next connection with its key."""
    gop_bytes: int = 8 * MIB
    """A GOP larger than this is not kept for joiners."""
    gop_seconds: float = 10 * SECONDS
    """A GOP longer than this is not kept for joiners."""
    rtc_batch: float = 0.066 * SECONDS
    """Write batching for viewers in RTC mode; 0 writes each unit at once."""
    live_batch: float = 0.088 * SECONDS
    """Write batching for viewers in live mode; 0 writes each unit at once."""
    batch_from_viewers: int = 16
    """With fewer viewers of one kind on a stream than this, every unit is written at once."""
    cohort_viewers: int = 250
    """Viewers written to in one go; between cohorts other work gets its turn."""
    viewer_backlog_bytes: int = 1 * MIB
    """Bytes waiting for one viewer; beyond, it skips to the next keyframe."""
    viewer_stall: float = 10 * SECONDS
    """A viewer that stays behind for this long is closed."""
    media_absent_after: float = 3 * SECONDS
    """A medium that has been silent for this long while the other one goes on is no longer announced."""


@dataclass(frozen=True, slots=True)
class RtmpSettings:
    """Bounds and times of the RTMP server."""

    chunk_bytes: int = 65_536
    """Chunk size announced to peers, in bytes."""
    window_ack_bytes: int = 2_500_000
    """Window acknowledgement size announced to peers, in bytes."""
    message_bytes: int = 8 * MIB
    """Largest message accepted, in bytes."""
    command_bytes: int = 64 * KIB
    """Largest command or data message accepted, in bytes."""
    unfinished_bytes: int = 16 * MIB
    """Bytes of unfinished messages that one connection may have, over all its chunk streams."""
    chunk_streams: int = 64
    """Chunk streams that one peer may use."""
    message_streams: int = 8
    """Message streams (createStream) that one connection may have."""
    handshake_deadline: float = 5 * SECONDS
    """From connecting to the end of the handshake."""
    request_deadline: float = 10 * SECONDS
    """From the handshake to the first accepted publish or play."""
    publisher_idle: float = 15 * SECONDS
    """A publisher from whom nothing came for this long is closed."""
    player_idle: float = 60 * SECONDS
    """A player that neither took nor sent anything for this long is closed; it is pinged at half of it."""
    connections: int = 20_000
    """Connections at once."""
    unadmitted_per_address: int = 256
    """Connections of one address at once that have not been let publish or play yet."""


@dataclass(frozen=True, slots=True)
class WebRtcSettings:
    """Bounds and times of WebRTC, and what its clients are told to connect to."""

    announced: tuple[str, ...] = ()
    """IP addresses that clients send media to; empty: the one that is bound, or public_host, or that of the default route."""
    public_udp_port: int = 0
    """UDP port that clients send media to; 0: udp_port."""
    stun_urls: tuple[str, ...] = ()
    """STUN servers that clients are told of, such as stun:stun.example.com:3478; the gateway itself needs none."""
    turn_urls: tuple[str, ...] = ()
    """TURN servers that clients are told of, such as turns:turn.example.com:443?transport=tcp."""
    turn_secret: str = field(default="", repr=False)
    """The secret shared with the TURN servers (coturn: static-auth-secret); clients get credentials made with it."""
    turn_ttl: float = 12 * HOURS
    """How long a client's TURN credentials are good."""
    peers: int = 2_000
    """Peer connections at once."""
    handshakes: int = 24
    """Peers at once that are on their way from the description to the connection."""
    waiting: int = 256
    """Peers that may wait for a handshake's place; one more is refused."""
    waiting_deadline: float = 3 * SECONDS
    """A peer that waited this long for a handshake's place is refused."""
    unconnected_per_address: int = 64
    """Peers of one client address at once that have not connected yet."""
    connect_deadline: float = 10 * SECONDS
    """From the description to the connection."""
    consent_timeout: float = 45 * SECONDS
    """A peer whose connectivity checks have ceased for this long is closed."""
    max_bitrate: int = 2_500_000
    """Bits per second that a publisher may send; it is told less while packets are lost."""
    min_bitrate: int = 150_000
    """Bits per second that a publisher may send whatever is lost."""
    burst_bitrate: int = 30_000_000
    """Bits per second at which a joiner is sent the pictures of the newest GOP."""
    history: float = 2 * SECONDS
    """Packets sent are kept this long, for viewers that lost them."""
    nack_hold: float = 0.3 * SECONDS
    """A missing video packet is waited and asked for this long."""
    audio_hold: float = 0.06 * SECONDS
    """A missing audio packet is waited and asked for this long."""
    transcodes: int = 2
    """Video streams re-encoded at once, for viewers that cannot take what is published; a core each."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where the state that survives a restart is kept."""

    url: str = field(default="", repr=False)
    """MongoDB's connection string, such as mongodb://db.example.com/?replicaSet=rs0; empty: the process's memory."""
    database: str = "gateway"
    """Name of the database."""
    journal_batch: float = 0.2 * SECONDS
    """Events are written together, this long after the first of them at the latest."""
    journal_bytes: int = 64 * MIB
    """Events that wait to be written while the store is slow or away, in bytes."""
    claim_timeout: float = 0.3 * SECONDS
    """A claim that the store has not answered by then is granted provisionally."""
    events_ttl: float = 7 * DAYS
    """How long the events of rooms are kept."""
    recovery_window: float = 60 * SECONDS
    """How long after a restart sessions and publishers may come back before they count as gone."""


@dataclass(frozen=True, slots=True)
class QualitySettings:
    """How calls are watched, what clients may report, how long what happened is kept."""

    sweep: float = 1 * SECONDS
    """How often every stream and viewer is measured and judged."""
    notice: float = 3 * SECONDS
    """A client hears of changes (`quality`) this often at most."""
    measure_every: float = 10 * SECONDS
    """How often what was measured of a stream or a viewer goes into the history."""
    rtc_lag: float = 1.5 * SECONDS
    """A viewer in RTC mode that lags further behind is moved to the newest keyframe."""
    live_lag: float = 6 * SECONDS
    """The same for live mode."""
    batch_reports: int = 100
    """Reports that one HTTP request may bring."""
    reports_per_second: float = 20
    """Sustained rate of the reports of one user over HTTP."""
    reports_burst: int = 200
    """Such reports that may come at once."""
    log_bytes: int = 64 * KIB
    """Largest upload of a client's log, in bytes."""
    logs_per_address: float = 8 * KIB
    """Bytes of client logs per second and client address, on the long run."""
    logs_in_all: float = 64 * KIB
    """Bytes of client logs per second of all clients together."""
    history_entries: int = 2_000
    """Entries kept in memory per room, of what happened and of the numbers (`measure`, `report`) so many each; the oldest ones
    give way."""
    history_bytes: int = 64 * MIB
    """What the history in memory may hold, in bytes. When it is too much numbers give way, down to a quarter of this, then what
    happened; of either sort first those of the room in which nothing was recorded for longest."""
    history_rate: float = 2_000
    """Entries per second that are taken; more are left out."""
    history_ttl: float = 7 * DAYS
    """How long the store keeps the history."""


@dataclass(frozen=True, slots=True)
class Config:
    """The whole of it."""

    dev: bool = False
    """Development mode: loopback only, memory store, app `1` in debug mode."""
    dev_open: bool = False
    """Development mode for other hosts than loopback too."""
    log_format: str = "text"
    """`text` or `json`."""
    log_level: str = "info"
    """`debug`, `info`, `warning` or `error`."""
    shutdown_grace: float = 10 * SECONDS
    """From SIGTERM to the end of the process."""
    shutdown_spread: float = 5 * SECONDS
    """Clients are told to come back at moments spread over this."""
    listen: ListenSettings = field(default_factory=ListenSettings)
    http: HttpSettings = field(default_factory=HttpSettings)
    signaling: SignalingSettings = field(default_factory=SignalingSettings)
    media: MediaSettings = field(default_factory=MediaSettings)
    rtmp: RtmpSettings = field(default_factory=RtmpSettings)
    webrtc: WebRtcSettings = field(default_factory=WebRtcSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    quality: QualitySettings = field(default_factory=QualitySettings)
    apps: Mapping[str, AppSettings] = field(default_factory=dict)
    """By appID."""
