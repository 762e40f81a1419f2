"""Settings from flags, variables and a file: which wins, and what is said about a wrong one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.config import AppSettings, Config
from gateway.config.checks import for_serving, is_loopback, require_public_host
from gateway.config.ranges import RANGES, TEXTS
from gateway.config.sources import Loaded, load
from gateway.config.values import FIELDS, ConfigError, Given, typed_value, variable_of

SECRET = "s3cr3t-" * 5
NOTHING: Mapping[str, str] = {}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gateway.toml"


def from_text(file: Path, text: str, environ: Mapping[str, str] = NOTHING, **flags: object) -> Loaded:
    file.write_text(text, "utf-8")
    return load({name.replace("__", "."): value for name, value in flags.items()}, environ, file)


def error_of(file: Path, text: str, environ: Mapping[str, str] = NOTHING, **flags: object) -> str:
    with pytest.raises(ConfigError) as caught:
        from_text(file, text, environ, **flags)
    said = str(caught.value)
    assert "\n" not in said
    assert SECRET not in said
    return said


def test_nothing_given() -> None:
    assert load({}, {}) == Loaded(Config(), ())


def test_flags_over_variables_over_file_over_defaults(file: Path) -> None:
    text = "[listen]\nport = 1\nrtmp_port = 2\nudp_port = 3\n"
    environ = {"GATEWAY_LISTEN__PORT": "11", "GATEWAY_LISTEN__RTMP_PORT": "12"}
    listen = from_text(file, text, environ, listen__port="21", listen__host=None).config.listen
    assert (listen.port, listen.rtmp_port, listen.udp_port, listen.host) == (21, 12, 3, "0.0.0.0")


def test_every_type(file: Path) -> None:
    text = f"""
        log_format = "json"
        dev = false
        shutdown_grace = 3
        [listen]
        trusted_proxies = ["10.0.0.0/8", "::1"]
        tls_cert = "cert.pem"
        tls_key = "/etc/key.pem"
        [media]
        rtc_batch = 0.5
        [apps."a.b"]
        secret = "{SECRET}"
        max_rooms = 7
    """
    config = from_text(file, text).config
    assert (config.log_format, config.shutdown_grace, config.media.rtc_batch) == ("json", 3.0, 0.5)
    assert config.listen.trusted_proxies == ("10.0.0.0/8", "::1")
    assert (config.listen.tls_cert, config.listen.tls_key) == (file.parent / "cert.pem", Path("/etc/key.pem"))
    assert config.apps == {"a.b": AppSettings(SECRET, max_rooms=7)}


def test_every_type_in_variables() -> None:
    environ = {
        "GATEWAY_LOG_FORMAT": "json",
        "GATEWAY_DEV": "Yes",
        "GATEWAY_SHUTDOWN_GRACE": "2.5",
        "GATEWAY_LISTEN__TRUSTED_PROXIES": "10.0.0.0/8, ::1,",
        "GATEWAY_LISTEN__TLS_CERT": "cert.pem",
        "GATEWAY_LISTEN__TLS_KEY": "key.pem",
        "GATEWAY_LISTEN__PUBLIC_HOST": "",
        "GATEWAY_APP_ID": "42",
        "GATEWAY_APP_SECRET": SECRET,
    }
    loaded = load({}, environ)
    config = loaded.config
    assert loaded.warnings == ()
    assert (config.log_format, config.dev, config.shutdown_grace) == ("json", True, 2.5)
    assert config.listen.trusted_proxies == ("10.0.0.0/8", "::1")
    assert config.listen.tls_cert == Path("cert.pem")
    assert config.apps == {"42": AppSettings(SECRET)}


def test_what_clients_of_webrtc_are_told() -> None:
    environ = {
        "GATEWAY_WEBRTC__ANNOUNCED": "203.0.113.7, 2001:db8::7",
        "GATEWAY_WEBRTC__STUN_URLS": "stun:stun.example.com:3478",
        "GATEWAY_WEBRTC__TURN_URLS": "turn:[2001:db8::1]:3478,turns:turn.example.com:443?transport=tcp",
        "GATEWAY_WEBRTC__TURN_SECRET": SECRET,
    }
    webrtc = load({}, environ).config.webrtc
    assert webrtc.announced == ("203.0.113.7", "2001:db8::7")
    assert webrtc.stun_urls == ("stun:stun.example.com:3478",)
    assert webrtc.turn_urls == ("turn:[2001:db8::1]:3478", "turns:turn.example.com:443?transport=tcp")
    assert webrtc.turn_secret == SECRET
    assert SECRET not in repr(webrtc)


def test_the_apps_secret_in_the_environment_wins(file: Path) -> None:
    text = f'[apps.42]\nsecret = "{SECRET}"\nmax_rooms = 7\n'
    config = from_text(file, text, {"GATEWAY_APP_ID": "42", "GATEWAY_APP_SECRET": "x" * 32}).config
    assert config.apps == {"42": AppSettings("x" * 32, max_rooms=7)}


def test_an_app_in_the_environment_may_have_an_api_key() -> None:
    environ = {"GATEWAY_APP_ID": "42", "GATEWAY_APP_SECRET": SECRET, "GATEWAY_APP_API_KEY": SECRET[::-1]}
    app = load({}, environ).config.apps["42"]
    assert app.api_key == SECRET[::-1]
    assert app.api_key not in repr(app)


def test_metrics_may_have_a_key(file: Path) -> None:
    for config in (
        load({}, {"GATEWAY_HTTP__METRICS_KEY": SECRET}).config,
        from_text(file, f"[http]\nmetrics_key = '{SECRET}'").config,
    ):
        assert config.http.metrics_key == SECRET
        assert SECRET not in repr(config)


def test_the_file_can_be_named_by_a_variable(file: Path) -> None:
    file.write_text('log_level = "debug"')
    assert load({}, {"GATEWAY_CONFIG": str(file)}).config.log_level == "debug"
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load({}, {"GATEWAY_CONFIG": str(file) + "x"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("log_levle = 1", "no setting log_levle (did you mean log_level?)"),
        ("port = 1", "no setting port (did you mean listen.port?)"),
        ("[listne]", "no setting listne (did you mean listen?)"),
        ("[listen]\nprot = 1", "no setting listen.prot (did you mean listen.port?)"),
        ("[rtmp]\nkey_ttl = 1", "no setting rtmp.key_ttl (did you mean media.key_ttl?)"),
        ("[apps.7]\nsecert = 'x'", "no setting apps.7.secert (did you mean apps.7.secret?)"),
        ("zzzzzz = 1", "no setting zzzzzz"),
        ("listen = 1", "listen has to be a table, [listen]"),
        ("apps = []", "apps has to be a table, [apps]"),
        ("[apps]\n7 = 1", "apps.7 has to be a table, [apps.7]"),
        ("[apps.7]", "[apps.7] is empty: secret is required"),
        ("[apps.7]\ndebug = true", "apps.7.secret is required"),
        ("[apps.7]\nsecret = 'short'", "apps.7.secret: a secret has at least 32 bytes"),
        ("[apps.7]\nsecret = 77", "expected a text"),
        (f"[apps.'']\nsecret = '{SECRET}'", "an appID has 1 to 128 bytes"),
        (f'[apps."a\\u0007"]\nsecret = "{SECRET}"', "no control character"),
        (f"[apps.{'7' * 129}]\nsecret = '{SECRET}'", "an appID has 1 to 128 bytes"),
        (f"secret = '{SECRET}", "is not TOML"),
        ("[listen]\nport = '80'\nport = 80", "is not TOML"),
        ("[listen]\nport = 65536", "listen.port (from {file}): expected a whole number from 0 to 65_535, not 65536"),
        ("[listen]\nport = -1", "expected a whole number from 0"),
        ("[listen]\nport = 80.0", "expected a whole number, not 80.0"),
        ("[listen]\nport = true", "expected a whole number, not True"),
        ("[listen]\npublic_host = 1", "listen.public_host (from {file}): expected a text, not 1"),
        ("[listen]\npublic_host = 'https://example.com'", "expected a host name or an address, without scheme"),
        ("[listen]\npublic_host = 'example.com:80'", "without scheme, port or path"),
        ("[listen]\npublic_http_url = 'example.com'", "expected a URL that begins with http://HOST or https://HOST"),
        ("[listen]\npublic_ws_url = 'https://example.com'", "ws://HOST or wss://HOST"),
        ("[listen]\npublic_http_url = 'http://h:99999'", "expected a URL"),
        ("[listen]\npublic_http_url = 'http://u@h/?q'", "expected a URL"),
        ("[listen]\ntrusted_proxies = ['10.0.0.0/8', 'x']", "an address or a network such as 10.0.0.0/8"),
        ("[listen]\ntrusted_proxies = [1]", "expected a list of texts"),
        ("[listen]\ntls_cert = 1", "expected a path"),
        ("[listen]\ntls_cert = 'a'", "listen.tls_cert and listen.tls_key go together"),
        ("[media]\nkey_ttl = nan", "expected a number from 1 to"),
        ("[media]\nkey_ttl = inf", "expected a number from 1 to"),
        ("dev = 'x'", "expected true or false, not 'x'"),
        ("dev = 1", "expected true or false, not 1"),
        ("log_level = 'loud'", "expected one of debug, info, warning, error, not 'loud'"),
        (f"log_level = '{'x' * 500}'", "…"),
        ("[listen]\nport = 1935", "listen.port and listen.rtmp_port are both 1935"),
        ("[signaling]\nheartbeat = 60", "heartbeat has to be shorter"),
        ("[rtmp]\ncommand_bytes = 9_000_000", "rtmp.command_bytes cannot be larger"),
        ("[rtmp]\nunfinished_bytes = 70_000", "rtmp.unfinished_bytes cannot be smaller"),
        ("[webrtc]\nannounced = ['example.com']", "an IP address that clients can reach, not ['example.com']"),
        ("[webrtc]\nannounced = ['0.0.0.0']", "an IP address that clients can reach"),
        ("[webrtc]\nstun_urls = ['turn:h']", "a URL such as stun:HOST:3478"),
        ("[webrtc]\nturn_urls = ['turn:h:1?x']", "a URL such as turn:HOST:3478"),
        ("[webrtc]\nturn_urls = ['turn:h']", "webrtc.turn_urls and webrtc.turn_secret go together"),
        (f"[webrtc]\nturn_secret = '{SECRET}'", "webrtc.turn_urls and webrtc.turn_secret go together"),
        ("[webrtc]\nturn_secret = 77", "expected a text"),
        (f"[apps.7]\nsecret = '{SECRET}'\napi_key = '{SECRET} '", "apps.7.api_key: it has a character that cannot stand"),
        (f"[apps.7]\nsecret = '{SECRET}'\napi_key = 'short'", "apps.7.api_key: it has at least 32 bytes"),
        (f"[http]\nmetrics_key = '{SECRET}\u5bc6'", "http.metrics_key: it has a character that cannot stand in a header"),
        ("[http]\nmetrics_key = 'short'", "http.metrics_key: it has at least 32 bytes"),
        (f"[http]\nmetrics_key = ['{SECRET}']", "http.metrics_key (from {file}): expected a text"),
        (f"[apps.7]\nsecret = '{SECRET}'\ntoken_expiry = 'leave'", "apps.7.token_expiry (from"),
        (f"[store]\nurl = 'postgres://u:{SECRET}@db'", "expected a connection string such as mongodb://"),
        ("[store]\ndatabase = 'a.b'", "store.database"),
        ("[webrtc]\nmin_bitrate = 3_000_000", "webrtc.min_bitrate cannot be larger"),
        ("dev_open = true", "dev_open (--dev-open) goes with dev"),
    ],
)
def test_a_wrong_file(file: Path, text: str, said: str) -> None:
    assert said.replace("{file}", str(file)) in error_of(file, text)


def test_a_file_that_is_no_text(file: Path) -> None:
    file.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load({}, {}, file)
    with pytest.raises(ConfigError, match="cannot be read"):
        load({}, {}, file.parent)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"GATEWAY_LISTEN__PORT": "x"}, "listen.port (from GATEWAY_LISTEN__PORT): expected a whole number, not 'x'"),
        ({"GATEWAY_MEDIA__KEY_TTL": "soon"}, "expected a number, not 'soon'"),
        ({"GATEWAY_DEV": "perhaps"}, "expected true or false"),
        ({"GATEWAY_APP_ID": "1"}, "GATEWAY_APP_ID and GATEWAY_APP_SECRET go together"),
        ({"GATEWAY_APP_SECRET": SECRET}, "GATEWAY_APP_ID and GATEWAY_APP_SECRET go together"),
        ({"GATEWAY_APP_ID": "1", "GATEWAY_APP_SECRET": "short-secret"}, "apps.1.secret: a secret has at least 32 bytes"),
        ({"GATEWAY_APP_API_KEY": SECRET}, "GATEWAY_APP_API_KEY goes with GATEWAY_APP_ID"),
        ({"GATEWAY_APP_ID": "\udcff", "GATEWAY_APP_SECRET": SECRET}, "GATEWAY_APP_ID is not UTF-8"),
        ({"GATEWAY_APP_ID": "1", "GATEWAY_APP_SECRET": SECRET + "\udcff"}, "GATEWAY_APP_SECRET is not UTF-8"),
    ],
)
def test_a_wrong_variable(file: Path, environ: Mapping[str, str], said: str) -> None:
    message = error_of(file, "", environ)
    assert said in message
    assert "short-secret" not in message


def test_a_wrong_flag(file: Path) -> None:
    assert "listen.rtmp_port (from --rtmp-port): expected" in error_of(file, "", listen__rtmp_port="x")


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("GATEWAY_PORT", "GATEWAY_LISTEN__PORT"),
        ("GATEWAY_LISTEN_PORT", "GATEWAY_LISTEN__PORT"),
        ("GATEWAY_PUBLIC_HOST", "GATEWAY_LISTEN__PUBLIC_HOST"),
        ("GATEWAY_LOGLEVEL", "GATEWAY_LOG_LEVEL"),
        ("GATEWAY_APP_SECRT", "GATEWAY_APP_SECRET"),
        ("GATEWAY_APPS__7__SECRET", "GATEWAY_APP_SECRET"),
        ("GATEWAY_QQQQ", None),
    ],
)
def test_an_unknown_variable_is_warned_of_without_its_value(variable: str, meant: str | None) -> None:
    (warning,) = load({}, {variable: SECRET, "OTHER": "x"}).warnings
    assert variable in warning
    assert SECRET not in warning
    assert ("did you mean" in warning) == (meant is not None)
    assert meant is None or f"(did you mean {meant}?)" in warning


@pytest.mark.parametrize(
    "variables",
    [
        {"GATEWAY_PORT": "tcp://10.0.0.1:8080", "GATEWAY_SERVICE_HOST": "10.0.0.1", "GATEWAY_SERVICE_PORT": "8080"},
        {"GATEWAY_SERVICE_PORT_HTTP": "8080", "GATEWAY_PORT_8080_TCP": "tcp://10.0.0.1:8080"},
        {"GATEWAY_PORT_8080_TCP_PROTO": "tcp", "GATEWAY_PORT_8080_TCP_PORT": "8080", "GATEWAY_PORT_8080_TCP_ADDR": "10.0.0.1"},
        {"GATEWAY_RTMP_PORT": "tcp://10.0.0.1:1935", "GATEWAY_RTMP_SERVICE_HOST": "10.0.0.1", "GATEWAY_MEDIA_PORT_8189_UDP": "x"},
    ],
)
def test_what_kubernetes_sets_is_passed_over(variables: Mapping[str, str]) -> None:
    assert load({}, variables) == Loaded(Config(), ())


def test_an_app_in_debug_mode_is_warned_of(file: Path) -> None:
    text = f"[apps.7]\nsecret = '{SECRET}'\ndebug = true\n"
    assert from_text(file, text).warnings == ("app 7 is in debug mode: anybody may join it",)
    assert from_text(file, text, dev=True).warnings == ()


def test_development_listens_on_loopback() -> None:
    listen = load({"dev": True}, {}).config.listen
    assert (listen.host, listen.public_host) == ("127.0.0.1", "127.0.0.1")
    assert load({"dev": True, "listen.host": "::1"}, {}).config.listen.public_host == "::1"
    with pytest.raises(ConfigError, match=r"from --host.*loopback only"):
        load({"dev": True, "listen.host": "0.0.0.0"}, {})
    listen = load({"dev": True, "dev_open": True}, {}).config.listen
    assert (listen.host, listen.public_host) == ("0.0.0.0", "127.0.0.1")
    assert load({"dev": True, "dev_open": True, "listen.host": "10.0.0.1"}, {}).config.listen.public_host == "10.0.0.1"


def test_loopback_is_permitted_outside_development(file: Path) -> None:
    text = f"[listen]\nhost = '127.0.0.1'\npublic_host = 'localhost'\n[apps.7]\nsecret = '{SECRET}'\n"
    config = from_text(file, text).config
    assert for_serving(config) is config


@pytest.mark.parametrize(("host", "loopback"), [("127.9.9.9", True), ("[::1]", True), ("localhost", True), ("h", False)])
def test_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_development_provides_its_app() -> None:
    config = load({"dev": True}, {}).config
    first, second = for_serving(config).apps["1"], for_serving(config).apps["1"]
    assert first.debug
    assert len(first.secret) >= 32
    assert first.secret != second.secret
    assert first.secret not in repr(first)


def test_developments_app_keeps_a_secret_that_is_given() -> None:
    environ = {"GATEWAY_DEV": "1", "GATEWAY_APP_ID": "1", "GATEWAY_APP_SECRET": SECRET}
    assert for_serving(load({}, environ).config).apps == {"1": AppSettings(SECRET, debug=True)}
    assert set(for_serving(load({}, {**environ, "GATEWAY_APP_ID": "42"}).config).apps) == {"1", "42"}
    with pytest.raises(ConfigError, match="32 bytes"):
        load({}, {**environ, "GATEWAY_APP_SECRET": "short"})


def test_serving_needs_a_public_host_an_app_and_readable_certificates(file: Path) -> None:
    config = Config()
    with pytest.raises(ConfigError, match="GATEWAY_LISTEN__PUBLIC_HOST"):
        require_public_host(config)
    with pytest.raises(ConfigError, match="public_host is required"):
        for_serving(config)
    config = dataclasses.replace(config, listen=dataclasses.replace(config.listen, public_host="h"))
    with pytest.raises(ConfigError, match="no app"):
        for_serving(config)
    config = dataclasses.replace(config, apps={"7": AppSettings(SECRET)})
    assert for_serving(config) is config
    file.write_text("")
    tls = dataclasses.replace(config.listen, tls_cert=file, tls_key=file.with_name("missing.pem"))
    with pytest.raises(ConfigError, match=r"listen\.tls_key: .*missing\.pem cannot be read: No such file"):
        for_serving(dataclasses.replace(config, listen=tls))


def defaults() -> dict[str, object]:
    """Every setting's default by its dotted name."""
    found: dict[str, object] = {}
    for name in FIELDS:
        section, _, field = name.rpartition(".")
        owner = AppSettings("x" * 32) if section == "apps.*" else getattr(Config(), section) if section else Config()
        found[name] = getattr(owner, field)
    return found


def test_rules_are_about_settings_and_defaults_keep_them() -> None:
    assert set(RANGES) <= set(FIELDS)
    assert set(TEXTS) <= set(FIELDS)
    numbers = {name for name, value in defaults().items() if isinstance(value, int | float) and not isinstance(value, bool)}
    assert set(RANGES) <= numbers
    for name, value in defaults().items():
        if value is not None:
            assert typed_value(name, name, Given(value, "the default")) == value


def test_variables_are_named_after_settings() -> None:
    assert variable_of("listen.port") == "GATEWAY_LISTEN__PORT"
    assert variable_of("log_level") == "GATEWAY_LOG_LEVEL"
