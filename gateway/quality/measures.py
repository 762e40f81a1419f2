"""What is looked at to judge a leg, and where good ends: one entry per measure. Pure.

Two limits each, with a reason beside them. The lower ones leave room for a busy machine, a handover between two cells, a
burst of loss; the upper ones are where people stop talking. How often a limit has to be passed until it says something is
the other half (`Proof`): a network is judged by what it keeps doing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.quality.verdict import Leg, Level, Source
from gateway.rooms.model import PlayMode


class Unit(StrEnum):
    """What a value counts."""

    SECONDS = "s"
    PART = "part"
    """Of one."""
    PER_SECOND = "1/s"
    COUNT = "count"
    GRADE = "grade"
    """`netQualityLevel`: 1 is best, 6 unusable."""
    CODE = "code"
    """A component's own number: the level is the code's."""


@dataclass(frozen=True, slots=True)
class Proof:
    """How much of a measure it takes until it is believed, and for how long."""

    looks: tuple[tuple[int, int], ...]
    """So many of the last so many looks; one of these is enough."""
    hold: float = 6.0
    """Seconds after which it is forgotten unless it was seen again."""
    silence: float = 0.0
    """The same while nothing has been looked at since, if that is longer."""


LOOKED = Proof(((3, 5), (6, 20)))
"""Measured here, every second: three seconds of trouble, or trouble that keeps coming back."""
TOLD = Proof(((2, 3),), silence=15.0)
"""Two reports that agree. They come every two or three seconds, or every ten: a client that gathers them has then said nothing
else, and nothing better, since."""
AT_ONCE = Proof(((1, 1),))
"""No measure but a fact."""
TWICE = Proof(((2, 2),), hold=10.0)
"""Warnings of a component come one at a time, whenever it feels like it: two of a kind."""


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a value is fair, and from where on bad. Every measure is the worse the larger it is."""

    fair: float
    bad: float = float("inf")
    """The default: it can be no worse than fair."""

    def level(self, value: float) -> Level:
        if value < self.fair:
            return Level.GOOD
        return Level.FAIR if value < self.bad else Level.BAD

    def of(self, level: Level) -> float:
        """What begins with a level."""
        return self.bad if level is Level.BAD else self.fair


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that says how a leg does."""

    name: str
    unit: Unit
    legs: frozenset[Leg]
    source: Source
    limits: Limits
    en: str
    """What it means when a limit is passed."""
    zh: str
    live: Limits | None = None
    """Other limits for viewers in live mode."""
    proof: Proof = LOOKED
    timed: bool = False
    """It is a time that ends when this process looks: what the process is late by is in it."""
    certain: bool = False
    """It stands even while the process is overloaded."""
    symptom: bool = False
    """A viewer feels it wherever on the way of the media it comes from."""
    pictorial: bool = False
    """A viewer feels it, too, when the pictures just stop because the camera is off."""

    def limits_in(self, mode: PlayMode) -> Limits:
        return self.live if self.live is not None and mode is PlayMode.LIVE else self.limits


_UP, _DOWN, _SERVER = frozenset((Leg.UPLINK,)), frozenset((Leg.DOWNLINK,)), frozenset((Leg.SERVER,))
_BOTH = _UP | _DOWN
_GATEWAY, _CLIENT = Source.GATEWAY, Source.CLIENT

# The publisher's uplink, as it is seen from here
INTERRUPTED = Measure(
    # A live-pusher tries again after three seconds, browsers restart ICE sooner: what is over by then is no news.
    "interrupted", Unit.SECONDS, _UP, _GATEWAY, Limits(3.0, 3.0),
    "The publisher's connection is lost.", "推流端连接已断开。", proof=AT_ONCE, certain=True,
)  # fmt: skip
SILENCE = Measure(
    # Longer than two missed intervals of anything that a publisher still sends when it has nothing to say.
    "silence", Unit.SECONDS, _UP, _GATEWAY, Limits(4.0, 4.0),
    "The publisher is connected, but nothing comes.", "推流端已连接，但没有媒体数据到达。", timed=True, certain=True,
)  # fmt: skip
LATE = Measure(
    # Media pile up before us: 0.4 s doubles the delay of a call, at 1 s people interrupt each other. A link that carries
    # 60 % of its stream gets there in 1 and 2.5 s.
    "late", Unit.SECONDS, _UP, _GATEWAY, Limits(0.4, 1.0),
    "Media arrive later and later: the publisher's network is slower than its stream.",
    "媒体到达越来越晚：推流端网络带宽低于码率。", timed=True,
)  # fmt: skip
LATE_PEAK = Measure(
    # A player's cache holds 1 s by default (`min-cache`), 3 s at most: a stall of that length is heard.
    "late_peak", Unit.SECONDS, _UP, _GATEWAY, Limits(1.0, 2.0),
    "Media come in bursts: the publisher's network stalls and catches up.",
    "媒体成批到达：推流端网络时断时续。", timed=True,
)  # fmt: skip
GAP = Measure(
    # A still screen may be sent once a second, and no more: that is no gap.
    "gap", Unit.SECONDS, _UP, _GATEWAY, Limits(1.5, 3.0),
    "Nothing came for a while, again and again.", "推流数据多次中断。", timed=True,
)  # fmt: skip
DRIFT = Measure(
    # Lips and voice are seen to be apart from 0.1 s on; encoders alone make some tenths. Never worse than fair: the
    # publisher's device may be it.
    "drift", Unit.SECONDS, _UP, _GATEWAY, Limits(1.0),
    "Video and audio of the same time arrive far apart.", "音视频到达时间相差过大。",
)  # fmt: skip

# A path, as its transport measures it
LOSS = Measure(
    # Some 2 % are repaired by sending again, unnoticed; at 8 % repairs come too late, and one packet in a thousand is lost
    # three times over.
    "loss", Unit.PART, _BOTH, _GATEWAY, Limits(0.03, 0.08),
    "Packets get lost on the way.", "网络丢包。",
)  # fmt: skip
RESENT = Measure(
    # TCP sends again without being hurt at first, and often for nothing: it is the backlog that counts.
    "resent", Unit.PART, _DOWN, _GATEWAY, Limits(0.12, 0.3),
    "Many TCP segments had to be sent again.", "TCP 重传过多。",
)  # fmt: skip
ROUND_TRIP = Measure(
    # ITU-T G.114: from 0.4 s one way on, a call is no conversation; a round trip of 1 s is that and its queues.
    "round_trip", Unit.SECONDS, _BOTH, _GATEWAY, Limits(0.4, 1.0),
    "The network's round trip is long.", "网络往返时延过大。", timed=True,
)  # fmt: skip
JITTER = Measure(
    # Jitter buffers of browsers and phones cover 0.1 s with ease, some 0.4 s at the price of delay.
    "jitter", Unit.SECONDS, _BOTH, _GATEWAY, Limits(0.15, 0.4),
    "Packets arrive very unevenly.", "网络抖动过大。", timed=True,
)  # fmt: skip

# A viewer's downlink, as it is seen from here
BACKLOG = Measure(
    # Of a call, 0.5 s that wait are half of what makes it stumble; of a broadcast, what its player holds (1 to 3 s). A
    # link that carries 60 % of its stream gets there in 1.5 s.
    "backlog", Unit.SECONDS, _DOWN, _GATEWAY, Limits(0.5, 1.2),
    "Media wait because the viewer's network takes them too slowly.", "观看端网络接收过慢，数据积压。",
    live=Limits(2.0, 5.0), timed=True,
)  # fmt: skip
BEHIND = Measure(
    # Whoever was moved on waits for a keyframe, which may take 2 s by itself.
    "behind", Unit.SECONDS, _DOWN, _GATEWAY, Limits(2.0, 6.0),
    "The viewer gets nothing because it has fallen behind.", "观看端落后过多，已暂停下发。", timed=True,
)  # fmt: skip
SKIPS = Measure(
    # Within 20 s. Once may be the burst after somebody else's stall.
    "skips", Unit.COUNT, _DOWN, _GATEWAY, Limits(2, 4),
    "The viewer fell behind several times and missed pictures.", "观看端多次落后并跳帧。",
)  # fmt: skip

# This process
LAG = Measure(
    # A player that is set for calls holds 0.2 s (`min-cache`), and the network takes its part of that: half of it is felt
    # here and there, three quarters by everyone.
    "lag", Unit.SECONDS, _SERVER, _GATEWAY, Limits(0.1, 0.15),
    "The gateway is slow: it handles everything late.", "网关处理延迟过大。",
)  # fmt: skip
LAG_PEAK = Measure(
    "lag_peak", Unit.SECONDS, _SERVER, _GATEWAY, Limits(0.4, 1.0),
    "The gateway stood still for a moment, again and again.", "网关多次短暂停顿。",
)  # fmt: skip
CPU = Measure(
    # A full core is no harm by itself: it counts when the loop is late as well.
    "cpu", Unit.PART, _SERVER, _GATEWAY, Limits(0.9),
    "The gateway's processor core is full.", "网关 CPU 已满。",
)  # fmt: skip
DROPS = Measure(
    # One or two are asked for again; 50 in a second are a picture of every stream.
    "drops", Unit.PER_SECOND, _SERVER, _GATEWAY, Limits(2.0, 50.0),
    "The gateway did not fetch datagrams in time, and they got lost.", "网关来不及接收，UDP 数据包被丢弃。",
)  # fmt: skip

# What clients say
TOLD_LEVEL = Measure(
    "told_level", Unit.GRADE, _BOTH, _CLIENT, Limits(4, 5),
    "The client rates its network as bad.", "客户端报告网络质量差。", proof=TOLD, symptom=True,
)  # fmt: skip
TOLD_BACKLOG = Measure(
    # As for `backlog`, and a little more: an encoder puts out a keyframe of half a second's bits at once.
    "told_backlog", Unit.SECONDS, _UP, _CLIENT, Limits(0.7, 1.5),
    "Media wait in the publisher to be sent.", "推流端数据积压，来不及发送。", proof=TOLD,
)  # fmt: skip
TOLD_LOSS = Measure(
    "told_loss", Unit.PART, _BOTH, _CLIENT, LOSS.limits,
    "The client sees packets get lost.", "客户端报告丢包。", proof=TOLD,
)  # fmt: skip
TOLD_ROUND_TRIP = Measure(
    "told_round_trip", Unit.SECONDS, _BOTH, _CLIENT, ROUND_TRIP.limits,
    "The client measures a long round trip.", "客户端报告往返时延过大。", proof=TOLD, timed=True,
)  # fmt: skip
TOLD_FREEZES = Measure(
    # 5 % is 0.1 s in a report of 2 s: seen by who looks for it. A fifth is no moving picture.
    "told_freezes", Unit.PART, _DOWN, _CLIENT, Limits(0.05, 0.2),
    "The picture stands still at the viewer's.", "观看端画面卡顿。", proof=TOLD, symptom=True, pictorial=True,
)  # fmt: skip
TOLD_BUFFER = Measure(
    # More than the largest cache of a player that was left at its defaults (`max-cache`: 3 s). Lagging is not yet bad.
    "told_buffer", Unit.SECONDS, _DOWN, _CLIENT, Limits(4.0),
    "The player holds far more than its mode needs: it lags.", "播放器缓存过多，延迟偏大。",
    live=Limits(10.0), proof=TOLD, symptom=True,
)  # fmt: skip
CODE = Measure(
    # The table of codes says how grave each is (`component_codes.py`).
    "code", Unit.CODE, _BOTH, _CLIENT, Limits(0.0, 0.0),
    "The client's component reports trouble with its network.", "客户端组件报告网络异常。", proof=AT_ONCE,
    symptom=True, pictorial=True,
)  # fmt: skip

MEASURES: Mapping[str, Measure] = {
    one.name: one
    for one in (
        INTERRUPTED, SILENCE, LATE, LATE_PEAK, GAP, DRIFT, LOSS, RESENT, ROUND_TRIP, JITTER, BACKLOG, BEHIND, SKIPS,
        LAG, LAG_PEAK, CPU, DROPS,
        TOLD_LEVEL, TOLD_BACKLOG, TOLD_LOSS, TOLD_ROUND_TRIP, TOLD_FREEZES, TOLD_BUFFER, CODE,
    )
}  # fmt: skip
"""Every measure by its name; of equally grave ones the first here is told first."""
