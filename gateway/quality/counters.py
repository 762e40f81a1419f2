"""What is counted about quality as it happens. `metrics.py` gives it names when Prometheus asks. Pure.

Keys are of bounded sets: directions, protocols, modes, levels, codes of the table or `other`. Never a room, a user, a
stream or an address.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.quality.buckets import Buckets

SHORT = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds: delays in a call."""
START = (0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0, 3.0, 5.0, 10.0)
"""Seconds: until something begins."""
PART = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Parts of one: loss, freezes."""
RATE = (50e3, 100e3, 200e3, 400e3, 800e3, 1.2e6, 2e6, 4e6, 8e6)
"""bit/s."""
PACE = (1, 5, 10, 12, 15, 20, 25, 30, 60)
"""Pictures per second."""
GROUP = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 8.0, 10.0)
"""Seconds between keyframes."""

Way = tuple[str, str]
"""Direction (`in`, `out`) and protocol."""


def _family(bounds: tuple[float, ...]) -> Callable[[], defaultdict[Way, Buckets]]:
    return lambda: defaultdict(lambda: Buckets(bounds))


@dataclass(slots=True)
class QualityCounters:
    """Everything that the intake, the watch and the latency keeper count."""

    reports: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Reports taken, by door (ws, http), direction and event."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Reports and members of reports left out, by reason."""
    codes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Components' codes, by direction and code; one that the table has not is `other`."""
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Changes of a verdict, by leg and new level."""
    findings: Counter[str] = field(default_factory=Counter)
    """What check-ups found, by the finding's name."""
    caught_up: Counter[str] = field(default_factory=Counter)
    """Viewers moved to the newest keyframe because they lagged, by protocol."""
    pulled_again: Counter[str] = field(default_factory=Counter)
    """Viewers told to pull again because they went on lagging, by protocol."""
    urls: Counter[str] = field(default_factory=Counter)
    """Addresses handed out anew because a component gave up, by code."""
    logs: Counter[str] = field(default_factory=Counter)
    """Uploads of client logs, by outcome: taken, limited, refused."""

    arrival_bitrate: defaultdict[Way, Buckets] = field(default_factory=_family(RATE))
    """Streams' bit/s as they arrive; one observation per stream and sweep, like all that follows."""
    arrival_fps: defaultdict[Way, Buckets] = field(default_factory=_family(PACE))
    arrival_gop: defaultdict[Way, Buckets] = field(default_factory=_family(GROUP))
    arrival_gap: defaultdict[Way, Buckets] = field(default_factory=_family(SHORT))
    arrival_late: defaultdict[Way, Buckets] = field(default_factory=_family(SHORT))
    arrival_drift: defaultdict[Way, Buckets] = field(default_factory=_family(SHORT))
    """Seconds between audio and video of the same time, whichever comes first."""
    round_trip: defaultdict[Way, Buckets] = field(default_factory=_family(SHORT))
    loss: defaultdict[Way, Buckets] = field(default_factory=_family(PART))
    jitter: defaultdict[Way, Buckets] = field(default_factory=_family(SHORT))
    backlog: defaultdict[Way, Buckets] = field(default_factory=_family(SHORT))
    """Seconds of media that wait for a viewer's network."""
    told_buffer: defaultdict[Way, Buckets] = field(default_factory=_family(SHORT))
    """Seconds that players say they hold."""
    told_fps: defaultdict[Way, Buckets] = field(default_factory=_family(PACE))
    told_freezes: defaultdict[Way, Buckets] = field(default_factory=_family(PART))
    told_level: Counter[tuple[str, str]] = field(default_factory=Counter)
    """`netQualityLevel` as reported, by direction and level."""
    connect: defaultdict[Way, Buckets] = field(default_factory=_family(START))
    """From the right to publish or play to the connection that uses it."""
    first_media: defaultdict[Way, Buckets] = field(default_factory=_family(START))
    """From that connection to the first media of a publisher, or to a viewer's first picture."""
