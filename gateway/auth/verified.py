"""Remembers which tokens were good, for doors at which the same ones are shown again and again. Pure."""

from __future__ import annotations

import hmac
from collections import OrderedDict

from gateway.auth.tokens import LEEWAY, JoinToken
from gateway.auth.verifier import Verifier


class VerifiedTokens:
    """A verifier with a memory of `most` users in their rooms; the one not heard of for longest gives way.

    Only what was good is remembered, for as long as it is, and only that very token is let through by it.
    """

    def __init__(self, verifier: Verifier, most: int) -> None:
        self._verifier = verifier
        self._most = most
        self._known: OrderedDict[tuple[str, str, str], tuple[bytes, JoinToken]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def verify(self, text: str, *, app: str, user: str, room: str, now: float) -> JoinToken:
        """What the verifier says of this. `now`: Unix time. Raises GatewayError."""
        place = (app, user, room)
        shown = text.encode(errors="surrogatepass")
        known = self._known.get(place)
        if known is not None and hmac.compare_digest(known[0], shown) and now < known[1].expires_at + LEEWAY:
            self._known.move_to_end(place)
            return known[1]
        token = self._verifier.verify(text, app=app, user=user, room=room, now=now)
        if known is None and len(self._known) >= self._most:
            self._known.popitem(last=False)
        self._known[place] = shown, token
        self._known.move_to_end(place)
        return token
