"""The two Grafana dashboards, as code. `python -m monitoring.dashboards` writes them to `monitoring/dashboards/`."""

from __future__ import annotations

from pathlib import Path

from monitoring.grafana import Dashboard, Panel, Query, Row, rendered

FOLDER = Path(__file__).parent / "dashboards"
OF = 'job=~"$job",instance=~"$instance"'
"""Selects what the dashboard's variables say."""
SPAN = "$__rate_interval"


def total(metric: str, by: str = "", more: str = "") -> str:
    """The sum of a gauge over processes."""
    return f"sum {_by(by)}({metric}{{{OF}{more}}})"


def rate(metric: str, by: str = "", more: str = "") -> str:
    """What a counter grows by in a second, over processes."""
    return f"sum {_by(by)}(rate({metric}{{{OF}{more}}}[{SPAN}]))"


def quantile(part: float, metric: str, by: str, more: str = "") -> str:
    """What the given part of a histogram's observations does not exceed."""
    return f"histogram_quantile({part}, sum by (le, {by}) (rate({metric}_bucket{{{OF}{more}}}[{SPAN}])))"


def seen(expr: str, count: str, by: str, more: str = "") -> str:
    """The expression where something is counted at all: a quantile of nothing is no number."""
    return f"{expr} and on ({by}) {rate(count, by, more)} > 0"


def _by(labels: str) -> str:
    return f"by ({labels}) " if labels else ""


def spread(metric: str, by: str, name: str) -> tuple[Query, ...]:
    """The usual and the bad case of what is bad when it is large."""
    return Query(quantile(0.5, metric, by), f"{name} p50"), Query(quantile(0.95, metric, by), f"{name} p95")


def least(metric: str, by: str, name: str, times: int = 1) -> tuple[Query, ...]:
    """The usual and the bad case of what is bad when it is small; `times`: bits of a byte."""
    factor = f"{times} * " if times > 1 else ""
    return tuple(Query(factor + quantile(part, metric, by), f"{name} {label}") for part, label in ((0.5, "p50"), (0.1, "p10")))


_WAY, _WAY_NAME = "direction, protocol", "{{direction}} {{protocol}}"

OPERATIONS = Dashboard(
    "gateway-operations",
    "Gateway: operations",
    "Whether the gateway's processes are well: load, connections, refusals, WebRTC's transport, the store.",
    (
        Row("Now", (
            Panel("Processes up", "Part of the processes that Prometheus reaches.", "percentunit",
                  (Query(f"avg(up{{{OF}}})"),), (1, 0.6), "stat"),
            Panel("Taking sessions", "Part of the processes that take new sessions; one that stops, has not started or does not "
                  "answer does not.", "percentunit",
                  (Query(f"({total('gateway_ready')} or vector(0)) / count(up{{{OF}}})"),), (1, 0.6), "stat"),
            Panel("Rooms", "Rooms with somebody in them.", "short", (Query(total("gateway_rooms")),), kind="stat"),
            Panel("Sessions", "Users in rooms, those included that lost their socket and may come back.", "short",
                  (Query(total("gateway_sessions")),), kind="stat"),
            Panel("Publishing", "Connections that publish a stream.", "short",
                  (Query(total("gateway_publishers")),), kind="stat"),
            Panel("Playing", "Connections that play a stream.", "short", (Query(total("gateway_viewers")),), kind="stat"),
        )),
        Row("The process", (
            Panel("Lag of the event loop", "How much later than asked the event loop woke up. Everything shares it: beyond 50 ms "
                  "it is heard in calls. See the runbook of GatewayServerBad.", "s",
                  (*spread("gateway_loop_lag_seconds", "instance", "{{instance}}"),
                   Query(quantile(0.99, "gateway_loop_lag_seconds", "instance"), "{{instance}} p99")), (0.05, 0.15)),
            Panel("Processor", "Cores in use. The event loop has one; more is transcoding and cryptography in threads.", "short",
                  (Query(rate("gateway_process_cpu_seconds_total", "instance"), "{{instance}}"),), (0.8, 0.95)),
            Panel("Delay within the gateway", "How long media waits in here on its way to viewers. Batches of large audiences "
                  "take up to 90 ms on purpose.", "s",
                  spread("gateway_media_delay_seconds", "protocol", "{{protocol}}"), (0.15, 0.3)),
            Panel("Memory", "Physical memory in use.", "bytes",
                  (Query(total("gateway_process_resident_memory_bytes", "instance"), "{{instance}}"),), (1e9, 2e9)),
            Panel("File descriptors", "Open files and sockets, as a part of how many there may be. At 1 nobody gets in.",
                  "percentunit",
                  (Query(f"gateway_process_open_fds{{{OF}}} / gateway_process_max_fds{{{OF}}}", "{{instance}}"),),
                  (0.7, 0.9)),
            Panel("Tasks and deadlines", "Tasks of the event loop and deadlines that wait. They follow the number of sessions; "
                  "if they only ever grow, something leaks.", "short",
                  (Query(total("gateway_tasks", "instance"), "{{instance}} tasks"),
                   Query(total("gateway_timers", "instance"), "{{instance}} deadlines"))),
        )),
        Row("Connections", (
            Panel("Media", "Media received and sent.", "bps",
                  (Query("8 * " + rate("gateway_media_received_bytes_total", "protocol"), "in {{protocol}}"),
                   Query("8 * " + rate("gateway_media_sent_bytes_total", "protocol"), "out {{protocol}}"))),
            Panel("Publishing and playing", "Connections by protocol.", "short",
                  (Query(total("gateway_publishers", "protocol"), "publish {{protocol}}"),
                   Query(total("gateway_viewers", "protocol"), "play {{protocol}}"))),
            Panel("Sessions and streams", "Sessions and streams by state. Many detached sessions: a network or a proxy went "
                  "away.", "short",
                  (Query(total("gateway_sessions", "phase"), "sessions {{phase}}"),
                   Query(total("gateway_streams", "state"), "streams {{state}}"))),
            Panel("Refusals", "Media connections refused or cut for a fault: names of docs/errors.md, or what was wrong with the "
                  "bytes.", "cps",
                  (Query(rate("gateway_refusals_total", "protocol, reason"), "{{protocol}} {{reason}}"),), (0.2, 1)),
            Panel("Slow viewers", "Viewers moved on to a keyframe because their network does not keep up, and those let go.",
                  "cps", (Query(rate("gateway_viewer_skips_total", "protocol"), "skipped {{protocol}}"),
                          Query(rate("gateway_viewers_dropped_total", "protocol"), "let go {{protocol}}")), (0.5, 2)),
            Panel("Transcoding", "Streams whose sound or picture is being encoded again. A picture takes most of a core.",
                  "short", (Query(total("gateway_transcodes", "medium"), "{{medium}}"),)),
        )),
        Row("WebRTC", (
            Panel("Peers", "Peers by state, and those whose turn to connect has not come.", "short",
                  (Query(total("gateway_peers", "protocol, state"), "{{protocol}} {{state}}"),
                   Query(total("gateway_peers_waiting"), "waiting"))),
            Panel("Failed handshakes", "Peers that did not connect in time: a blocked UDP port, or a wrong announced address.",
                  "cps", (Query(rate("gateway_handshakes_total", "outcome"), "{{outcome}}"),)),
            Panel("RTP", "Packets that did not come, those asked for again, those that came or went again.", "cps",
                  (Query(rate("gateway_rtp_lost_total", "direction"), "{{direction}} lost"),
                   Query(rate("gateway_rtp_nacks_total", "direction"), "{{direction}} asked for again"),
                   Query(rate("gateway_rtp_rtx_total", "direction"), "{{direction}} sent again")), (50, 500)),
            Panel("RTP loss", "Part of the RTP packets lost lately: mean over the connections.", "percentunit",
                  (Query(f"gateway_rtp_loss_ratio{{{OF}}}", f"{{{{instance}}}} {_WAY_NAME}"),), (0.02, 0.05)),
            Panel("Datagrams", "Datagrams on the UDP port.", "cps",
                  (Query(rate("gateway_udp_datagrams_total", "direction"), "{{direction}}"),)),
            Panel("Datagrams for nothing", "Datagrams that came or went for nothing, by what was wrong with them.", "cps",
                  (Query(rate("gateway_udp_discarded_total", "reason"), "{{reason}}"),), (10, 100)),
            Panel("Datagrams dropped by the kernel", "The process did not fetch them in time. See the runbook of "
                  "GatewayUdpDrops.", "cps", (Query(rate("gateway_udp_drops_total", "instance"), "{{instance}}"),), (1, 50)),
        )),
        Row("The store", (
            Panel("Health", "1: what happens is stored soon after. 0 costs nobody a call, but a restart would lose it.", "bool",
                  (Query(f"gateway_store_healthy{{{OF}}}", "{{instance}}"),), (0.9, 0.5)),
            Panel("Age of the oldest change", "What a sudden death would lose.", "s",
                  (Query(f"gateway_journal_oldest_seconds{{{OF}}}", "{{instance}}"),), (1, 5)),
            Panel("Changes that wait", "Changes that the store has not confirmed yet.", "short",
                  (Query(f"gateway_journal_pending{{{OF}}}", "{{instance}}"),), (1000, 10_000)),
            Panel("Changes", "Changes confirmed, attempts made again, changes lost for good.", "cps",
                  (Query(rate("gateway_journal_written_total"), "stored"), Query(rate("gateway_journal_retries_total"), "again"),
                   Query(rate("gateway_journal_lost_total"), "lost"))),
        )),
        Row("Clients' reports", (
            Panel("Reports", "Reports of clients about their media.", "cps",
                  (Query(rate("gateway_reports_total", "door, event"), "{{door}} {{event}}"),)),
            Panel("Left out of reports", "Reports, and parts of reports, that could not be what they claim, and requests with "
                  "reports that were refused as a whole.", "cps",
                  (Query(rate("gateway_reports_dropped_total", "reason"), "left out {{reason}}"),
                   Query(rate("gateway_reports_refused_total", "reason"), "refused {{reason}}")), (5, 50)),
            Panel("Client logs and history", "Uploads of client logs by what became of them, and entries of the calls' history "
                  "left out.", "cps", (Query(rate("gateway_client_logs_total", "outcome"), "logs {{outcome}}"),
                                       Query(rate("gateway_history_lost_total"), "history left out"))),
        )),
    ),
)  # fmt: skip

QUALITY = Dashboard(
    "gateway-call-quality",
    "Gateway: call quality",
    "How calls do, and which leg of bad ones is at fault: publishers' uplinks, the process, viewers' downlinks.",
    (
        Row("Verdicts", (
            Panel("Bad uplinks", "Part of the publishers whose network towards the gateway is bad.", "percentunit",
                  (Query(f'instance_leg:gateway_quality_legs:bad_ratio{{{OF},leg="uplink"}}', "{{instance}}"),),
                  (0.05, 0.1), "stat"),
            Panel("Bad downlinks", "Part of the viewers whose network from the gateway is bad.", "percentunit",
                  (Query(f'instance_leg:gateway_quality_legs:bad_ratio{{{OF},leg="downlink"}}', "{{instance}}"),),
                  (0.05, 0.1), "stat"),
            Panel("Bad processes", "Processes that are themselves the bad leg.", "short",
                  (Query(total("gateway_quality_legs", more=',leg="server",level="bad"')),), (0.5, 1), "stat"),
            Panel("First picture", "95 % of the viewers see it sooner, after they have connected.", "s",
                  (Query(seen(quantile(0.95, "gateway_first_media_seconds", "protocol", ',direction="out"'),
                              "gateway_first_media_seconds_count", "protocol", ',direction="out"'), "{{protocol}}"),),
                  (1, 2), "stat"),
            Panel("Standing still", "Part of the time that pictures stand still, as players report (mean).", "percentunit",
                  (Query(f"{rate('gateway_client_freezes_ratio_sum')} / ({rate('gateway_client_freezes_ratio_count')} > 0)"),),
                  (0.02, 0.1), "stat"),
            Panel("Gave up", "Components that stopped trying (-1307, -2301) in a second.", "cps",
                  (Query(rate("gateway_component_codes_total", more=',code=~"-1307|-2301"')),), (0.1, 1), "stat"),
            Panel("Legs by level", "Every leg of every call. One leg's colour going while the others stay says where to look.",
                  "short", (Query(total("gateway_quality_legs", "leg, level"), "{{leg}} {{level}}"),), stacked=True),
            Panel("Bad legs by protocol", "Whether what is bad has a protocol in common.", "short",
                  (Query(total("gateway_quality_legs", "leg, protocol", ',level="bad"'), "{{leg}} {{protocol}}"),), (3, 20)),
            Panel("Changes to bad", "Legs that became bad.", "cps",
                  (Query(rate("gateway_quality_changes_total", "leg", ',level="bad"'), "{{leg}}"),), (0.1, 1)),
        )),
        Row("Uplinks: how streams arrive", (
            Panel("Bitrate", "Payload of one stream.", "bps",
                  least("gateway_arrival_bytes_per_second", "protocol", "{{protocol}}", 8), (100e3, 50e3)),
            Panel("Pictures per second", "Of one stream. Few: the phone or its uplink is overloaded.", "fps",
                  least("gateway_arrival_frames_per_second", "protocol", "{{protocol}}"), (12, 8)),
            Panel("Late", "How much later than at best media arrives: what piles up before the gateway, on a slow uplink.", "s",
                  spread("gateway_arrival_late_seconds", "protocol", "{{protocol}}"), (0.4, 1)),
            Panel("Gaps", "The longest pause within a second. Beyond a second it is seen.", "s",
                  spread("gateway_arrival_gap_seconds", "protocol", "{{protocol}}"), (1, 2)),
            Panel("Sound and picture apart", "How far sound and picture of the same time arrive apart.", "s",
                  spread("gateway_arrival_drift_seconds", "protocol", "{{protocol}}"), (0.3, 0.8)),
            Panel("Keyframes", "Seconds between keyframes: what who joins or has lost something may have to wait.", "s",
                  spread("gateway_arrival_gop_seconds", "protocol", "{{protocol}}"), (3, 5)),
            Panel("Findings", "What check-ups of published streams found; docs/checkup.md says what to change.", "cps",
                  (Query(rate("gateway_publish_findings_total", "finding"), "{{finding}}"),), (0.1, 1)),
        )),
        Row("Networks", (
            Panel("Round trip", "To publishers and viewers, as their connections know it.", "s",
                  spread("gateway_path_round_trip_seconds", _WAY, _WAY_NAME), (0.4, 1)),
            Panel("Loss", "Part of the packets lost; for TCP those sent again.", "percentunit",
                  spread("gateway_path_loss_ratio", _WAY, _WAY_NAME), (0.02, 0.08)),
            Panel("Jitter", "How unevenly RTP packets arrive.", "s",
                  spread("gateway_path_jitter_seconds", _WAY, _WAY_NAME), (0.05, 0.1)),
        )),
        Row("Downlinks: how viewers are fed", (
            Panel("Backlog", "Seconds of media that wait for one viewer's network.", "s",
                  spread("gateway_viewer_backlog_seconds", "protocol", "{{protocol}}"), (0.5, 1.2)),
            Panel("Lagging viewers", "Viewers moved to the newest keyframe because they lagged, and those told to pull again "
                  "because they went on lagging.", "cps",
                  (Query(rate("gateway_viewers_caught_up_total", "protocol"), "caught up {{protocol}}"),
                   Query(rate("gateway_viewers_pulled_again_total", "protocol"), "pull again {{protocol}}")), (0.1, 1)),
            Panel("Slow viewers", "Viewers taken out until their network had caught up.", "cps",
                  (Query(rate("gateway_viewer_skips_total", "protocol"), "{{protocol}}"),), (0.5, 2)),
        )),
        Row("Beginnings", (
            Panel("Until connected", "From the right to publish or play to the connection that uses it. Long: clients that wait, "
                  "or a port that is blocked.", "s", spread("gateway_connect_seconds", _WAY, _WAY_NAME), (2, 5)),
            Panel("Until the first media", "From the connection to a publisher's first media, or to a viewer's first picture.",
                  "s", spread("gateway_first_media_seconds", _WAY, _WAY_NAME), (1, 2)),
        )),
        Row("What clients say", (
            Panel("Buffers", "Seconds of media that players hold: their part of the delay.", "s",
                  spread("gateway_client_buffer_seconds", "protocol", "{{protocol}}"), (1, 2)),
            Panel("Reported pictures per second", "As encoders and players report.", "fps",
                  least("gateway_client_frames_per_second", _WAY, _WAY_NAME), (12, 8)),
            Panel("Freezes", "Part of the time that pictures stand still.", "percentunit",
                  spread("gateway_client_freezes_ratio", "protocol", "{{protocol}}"), (0.05, 0.2)),
            Panel("Network levels", "Reports by netQualityLevel: 1 is best, 6 unusable.", "cps",
                  (Query(rate("gateway_client_network_level_total", "direction, level"), "{{direction}} {{level}}"),),
                  stacked=True),
            Panel("Component codes", "Codes of live-pusher and live-player; docs/component-codes.md says what they mean.", "cps",
                  (Query(f"topk(15, {rate('gateway_component_codes_total', 'direction, code')})", "{{direction}} {{code}}"),),
                  (1, 10)),
            Panel("Addresses sent again", "Because a component gave up, by its code.", "cps",
                  (Query(rate("gateway_urls_renewed_total", "code"), "{{code}}"),), (0.1, 1)),
        )),
    ),
)  # fmt: skip

DASHBOARDS = (OPERATIONS, QUALITY)


def path(dashboard: Dashboard) -> Path:
    """Where it is kept."""
    return FOLDER / f"{dashboard.uid.removeprefix('gateway-')}.json"


if __name__ == "__main__":
    for one in DASHBOARDS:
        path(one).write_text(rendered(one), "utf-8")
