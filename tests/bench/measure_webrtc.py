"""The measurements of WebRTC: how many it can serve, what a join costs, and whether every stream gets across."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace

from tests.bench.load import (
    Addresses,
    Counts,
    Pace,
    background,
    play_command,
    publish_command,
    run_marked,
    run_once,
    run_window,
    whep_command,
    whip_command,
)
from tests.bench.measure import CHURN_BATCH, Record, Subject, churned, idle
from tests.bench.process import sample, usage

WHEP_RATE = 5.0
"""WebRTC players that start per second at most: a DTLS handshake costs both sides milliseconds."""
JOIN_RATE = 20.0
"""WebRTC players that start per second where their joining is what is measured."""
WHIP_START = 5.0
"""Seconds that WebRTC publishers get to connect, and 0.1 more for each."""
RELAY_BATCH = 10
"""Streams that are published together and played at once."""
RELAY_PACE = Pace(rate=200.0, settle=0.5, window=1.0)
"""How the players of a relayed batch come, and how long each has for showing that there is sound."""
ON_AIR_DEADLINE = 10.0
"""Seconds for every stream of a batch to be there, and to be gone again."""

OnAir = Callable[[], float]
"""How many streams a server has on air now."""


def whep(subject: Subject, publish: Addresses, play: Addresses, players: int) -> Record:
    """One RTMP publisher and so many WebRTC players of its stream; 0 players: what the publisher alone costs."""
    with subject.publisher(publish):
        if players == 0:
            return idle(subject) | {"test": "whep"}
        command = whep_command(play, players, subject.bearer, subject.pace.arguments(WHEP_RATE))
        counts, used = run_window(command, subject.pids)
    return subject.record("whep", players, server=asdict(used), client=counts)


def whip(subject: Subject, publish: Addresses, play: Addresses, publishers: int) -> Record:
    """So many WebRTC publishers, first without players and then with one RTMP or HTTP-FLV player each."""
    with _whip(subject, publish, publishers, []) as sent:
        time.sleep(WHIP_START + publishers / 10)
        alone = idle(replace(subject, pace=replace(subject.pace, window=subject.pace.window / 2)))["server"]
        counts, used = run_window(play_command(play, publishers, subject.pace.arguments()), subject.pids)
    return subject.record("whip", publishers, server=asdict(used), server_no_player=alone, client=counts, publishers=sent)


def rtc2rtc(subject: Subject, publish: Addresses, play: Addresses, players: int) -> Record:
    """One WebRTC publisher and so many WebRTC players of its stream."""
    with _whip(subject, publish, 1, []):
        time.sleep(WHIP_START)
        command = whep_command(play, players, subject.bearer, subject.pace.arguments(WHEP_RATE))
        counts, used = run_window(command, subject.pids)
    return subject.record("rtc2rtc", players, server=asdict(used), client=counts)


def join(subject: Subject, publish: Addresses, play: Addresses, players: int) -> Record:
    """So many WebRTC players join one RTMP publisher's stream: what the joining costs, beside the playing (`join_ms`)."""
    with subject.publisher(publish):
        alone = idle(replace(subject, pace=replace(subject.pace, window=subject.pace.window / 2)))["server"]
        before = sample(subject.pids)
        pace = replace(subject.pace, rate=JOIN_RATE)
        counts, marks = run_marked(whep_command(play, players, subject.bearer, pace.arguments()), subject.pids)
    used, ramp = usage(marks["WINDOW_START"], marks["WINDOW_END"]), usage(before, marks["WINDOW_START"])
    since_last = marks["WINDOW_START"].at - marks["RAMPED"].at
    played = players * since_last + sum(number / JOIN_RATE for number in range(players))
    cost = join_ms(ramp.server_cpu * ramp.wall_s, ramp.wall_s, alone["server_cpu"], used.server_cpu, played, players)
    return subject.record("join", players, server=asdict(used), server_no_player=alone, client=counts, join_ms=cost)


def join_ms(cpu_s: float, seconds: float, alone: float, steady: float, played_s: float, players: int) -> float:
    """CPU milliseconds per join: what a ramp took, less what the publisher and those who played already took in it.

    `cpu_s`, `seconds`: CPU and length of the time from before the first join to when all play. `alone`, `steady`: CPU per
    second with the publisher alone, and with all players. `played_s`: seconds that the players have played, all together.
    """
    playing = (steady - alone) / players * played_s
    return round(1000 * (cpu_s - alone * seconds - playing) / players, 3)


def whip_to_rtmp(subject: Subject, publish: Addresses, play: Addresses, streams: int, on_air: OnAir) -> Record:
    """So many streams published over WebRTC, a batch after the other, each played over RTMP as soon as it is there."""

    def batch(base: int, size: int) -> Counts:
        with _whip(subject, publish, size, ["-b", str(base)]):
            _await(on_air, size)
            return run_window(play_command(play, size, ["-b", str(base), *RELAY_PACE.arguments()]), subject.pids)[0]

    return _relayed(subject, "whip to rtmp", streams, batch, on_air, "first_key_ms")


def rtmp_to_whep(subject: Subject, publish: Addresses, play: Addresses, streams: int, on_air: OnAir) -> Record:
    """So many streams published over RTMP, a batch after the other, each played over WebRTC as soon as it is there."""

    def batch(base: int, size: int) -> Counts:
        numbered = ["-b", str(base)]
        with background(publish_command(publish, subject.clip, size, [*numbered, "-r", "200", "-s", "0", "-t", "100000"])):
            _await(on_air, size)
            command = whep_command(play, size, subject.bearer, [*numbered, *RELAY_PACE.arguments()])
            return run_window(command, subject.pids)[0]

    return _relayed(subject, "rtmp to whep", streams, batch, on_air, "first_picture_ms")


def churn(subject: Subject, publish: Addresses, play: Addresses, cycles: int, on_air: OnAir, rest: float) -> Record:
    """So many times: a WebRTC publisher and a WebRTC player join, the player shows a picture and has sound, both leave.

    Batches leave by HTTP DELETE and by closing only, in turns; the last one vanishes without a word.
    """

    def batch(base: int, size: int) -> Counts:
        last = base + size == cycles
        leave = "vanish" if last else ("delete", "close")[base // CHURN_BATCH % 2]
        options = ["-b", str(base), "-leave", leave]
        with _whip(subject, publish, size, options):
            _await(on_air, size)
            counts = run_once(whep_command(play, size, subject.bearer, [*options, "-r", "100", "-1", "-t", "5"]))
        if not last:
            _await(on_air, 0)
        heard = (counts["first_audio_ms"] or {"n": 0})["n"]
        return counts | {"got_video": min(_shown(counts, "first_picture_ms"), heard)}

    return churned(subject, "webrtc", cycles, batch, rest)


def _whip(subject: Subject, publish: Addresses, publishers: int, options: Sequence[str]) -> AbstractContextManager[Counts]:
    """WebRTC publishers in the background, told to leave at the end of the block."""
    pace = ["-r", "10" if not options else "100", "-s", "1", "-t", "100000"]
    media = subject.clip, subject.ogg
    return background(whip_command(publish, publishers, subject.bearer, media, [*pace, *options]))


def _relayed(
    subject: Subject, way: str, streams: int, batch: Callable[[int, int], Counts], on_air: OnAir, first: str
) -> Record:  # fmt: skip
    before = sample(subject.pids)
    played: list[Counts] = []
    for base in range(0, streams, RELAY_BATCH):
        played.append(batch(base, min(RELAY_BATCH, streams - base)))
        _await(on_air, 0)
    counts: Counts = {
        "alive": sum(one["alive"] for one in played),
        "pictures": sum(_shown(one, first) for one in played),
        "silent": sum(one["players_no_audio_in_window"] for one in played),
        "frames_lost": sum(one["frames_lost"] for one in played),
        "first_worst_ms": max((one[first]["max"] for one in played if one[first]), default=None),
        "errors": [one["errors"] for one in played if one["errors"]],
    }
    return subject.record("relay", streams, proto=way, server=asdict(usage(before, sample(subject.pids))), client=counts)


def _shown(counts: Counts, first: str) -> int:
    """Players that had a picture."""
    return int((counts[first] or {"n": 0})["n"])


def _await(on_air: OnAir, streams: int) -> None:
    """Waits until so many streams are on air. Raises RuntimeError if that takes too long."""
    deadline = time.monotonic() + ON_AIR_DEADLINE
    while (now := on_air()) != streams:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{now:.0f} streams on air, not {streams}, after {ON_AIR_DEADLINE:.0f} s")
        time.sleep(0.02)
