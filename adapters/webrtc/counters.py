"""What WebRTC counts. Numbers only; `gateway/quality/metrics.py` gives them names."""

from __future__ import annotations

from collections import Counter
from dataclasses import astuple, dataclass, field
from typing import Final

TOO_MANY_PEERS: Final = "peer_limit"
"""The label under which peers beyond the limit are counted."""
TOO_MANY_WAITING: Final = "waiting_limit"
"""The label under which peers are counted that found the waiting line full."""
WAITED_TOO_LONG: Final = "waiting_deadline"
"""The label under which peers are counted whose turn did not come in time."""
TOO_MANY_OF_ADDRESS: Final = "address_limit"
"""The label under which peers are counted whose address has too many that are not connected."""


@dataclass(slots=True)
class Receiving:
    """What publishers sent, over all of them."""

    packets: int = 0
    bytes: int = 0
    lost: int = 0
    late: int = 0
    recovered: int = 0
    nacks: int = 0
    plis: int = 0
    unknown: int = 0
    malformed: int = 0


@dataclass(slots=True)
class Sending:
    """What viewers were sent, over all of them."""

    packets: int = 0
    bytes: int = 0
    nacks: int = 0
    rtx: int = 0
    plis: int = 0


@dataclass(slots=True)
class WebRtcStats:
    """What the server has seen so far."""

    receiving: dict[str, Receiving] = field(default_factory=lambda: {"webrtc": Receiving(), "whip": Receiving()})
    """By the publishers' transport."""
    sending: Sending = field(default_factory=Sending)
    handshakes: int = 0
    """Peers that connected."""
    failed: int = 0
    """Peers that ended before they had connected."""
    refusals: Counter[str] = field(default_factory=Counter)
    """By fault name or one of the labels above."""

    @property
    def received(self) -> Receiving:
        """What all publishers sent."""
        return Receiving(*map(sum, zip(*map(astuple, self.receiving.values()), strict=True)))
