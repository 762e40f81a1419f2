"""Replies that are kept for a while, so that a change that is asked for again with the same key is made once. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from gateway.errors import INVALID_REQUEST, GatewayError


@dataclass(frozen=True, slots=True)
class _Kept:
    content: bytes
    reply: bytes
    until: float


class Replies:
    """Replies by their idempotency key: `limit` at most (the oldest give way), for `seconds` each."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: str, content: bytes, now: float) -> bytes | None:
        """The reply already given; None if it is the first time. `content`: what tells requests apart.

        Raises INVALID_REQUEST if the key was used for another request.
        """
        self._forget(now)
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.content != content:
            raise GatewayError(INVALID_REQUEST, "this Idempotency-Key was used for another request")
        return kept.reply

    def keep(self, key: str, content: bytes, reply: bytes, now: float) -> None:
        """Notes the reply to a request that `find` did not know."""
        self._kept[key] = _Kept(content, reply, now + self._seconds)
        if len(self._kept) > self._limit:
            self._kept.popitem(last=False)

    def _forget(self, now: float) -> None:
        """Drops what is over: all are kept equally long, so those are the first."""
        while self._kept and next(iter(self._kept.values())).until <= now:
            self._kept.popitem(last=False)
