"""TURN credentials for clients: good for a while, made from a secret that the TURN servers share.

The scheme is coturn's REST API (draft-uberti-behave-turn-rest): the username is the credentials' end in seconds since
1970, a colon and the userID; the password is the base64 of the HMAC-SHA1 of that under the secret. Nobody has to keep
a list. Pure: the time comes in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field

from gateway.config import WebRtcSettings


@dataclass(frozen=True, slots=True)
class IceServer:
    """A STUN or TURN server that a client may use on its way to the gateway."""

    urls: tuple[str, ...]
    username: str = ""
    """Empty: none is needed."""
    credential: str = field(default="", repr=False)
    """A secret of the one whom it is given to."""


def ice_servers(settings: WebRtcSettings, user: str, now: float) -> tuple[IceServer, ...]:
    """What this user is told of, with credentials that begin to be good at `now` (seconds since 1970)."""
    servers = [IceServer(settings.stun_urls)] if settings.stun_urls else []
    if settings.turn_urls:
        username = f"{int(now + settings.turn_ttl)}:{user}"
        digest = hmac.digest(settings.turn_secret.encode(), username.encode(), hashlib.sha1)
        servers.append(IceServer(settings.turn_urls, username, base64.b64encode(digest).decode()))
    return tuple(servers)
