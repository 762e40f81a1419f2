"""Grants and their keys: issuing them, and answering the one question that every media entry point asks.

A key names a grant; it opens a door only as long as the grant lives. Its expiry limits the first connection alone,
because a live-pusher that lost its connection comes back by itself with the address it was given (design: grants and
keys). A signed address without a session carries everything in the key, and makes its grant when it is first used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.auth.access import AccessRequest, Action
from gateway.auth.stream_keys import KeySigner, ParsedKey, StreamKey, read, stream_names
from gateway.errors import KEY_EXPIRED, KEY_FOREIGN, KEY_REVOKED, GatewayError
from gateway.rooms.model import BOTH_MEDIA, Grant, Medium, PlayMode, Session

_IN_THE_GRANT = 0
"""The expiry written into a session's keys: none, so that handing out an address again does not change it."""


class Grants:
    """Every grant of this process, by its id."""

    def __init__(
        self, signers: Mapping[str, KeySigner], key_ttl: float, wall_clock: Callable[[], float], new_id: Callable[[], str]
    ) -> None:
        self._signers = signers
        self._key_ttl = key_ttl
        self._now = wall_clock
        self._new_id = new_id
        self._grants: dict[str, Grant] = {}

    def __len__(self) -> int:
        return len(self._grants)

    def issue(
        self, session: Session, action: Action, stream_id: str, media: frozenset[Medium], transport: str,
        mode: PlayMode = PlayMode.RTC, wait: bool = False,
    ) -> Grant:  # fmt: skip
        """A new grant for a session."""
        grant = Grant(
            self._new_id(), action, session.app, stream_id, session.user.id, session, media, mode, wait, transport=transport
        )
        self._grants[grant.id] = grant
        self.renew(grant)
        return grant

    def renew(self, grant: Grant) -> None:
        """Gives an unused key its full time again: its address has just been handed out once more."""
        grant.expires_at = self._now() + self._key_ttl

    def key(self, grant: Grant) -> StreamKey:
        """The key of a grant: always the same text."""
        return self._signers[grant.app].sign(
            grant.app, grant.action, grant.stream_id, grant_id=grant.id, user="", expires_at=_IN_THE_GRANT
        )

    def revoke(self, grant: Grant) -> None:
        """From now on the grant's key is refused. What is connected with it is not touched here."""
        self._grants.pop(grant.id, None)

    def find(self, grant_id: str) -> Grant | None:
        """The grant with this id, if it lives."""
        return self._grants.get(grant_id)

    def lives(self, grant: Grant) -> bool:
        return self._grants.get(grant.id) is grant

    def admit(self, request: AccessRequest) -> Grant:
        """The grant that a connection's key names, or the reason why it opens nothing.

        Raises GatewayError: KEY_MISSING, KEY_BROKEN, KEY_FOREIGN, KEY_WRONG_ACTION, KEY_WRONG_STREAM, KEY_EXPIRED,
        KEY_REVOKED.
        """
        parsed = read(request.key)
        signer = self._signers.get(parsed.app)
        if signer is None:
            raise GatewayError(KEY_FOREIGN)
        stream_id = signer.verify(parsed, request.action, stream_names(request.stream))
        grant = self._grants.get(parsed.grant_id) if parsed.grant_id else self._of_address(parsed, stream_id, request)
        if grant is None:
            raise GatewayError(KEY_REVOKED)
        if not grant.used and self._now() > grant.expires_at:
            raise GatewayError(KEY_EXPIRED)
        return grant

    def _of_address(self, parsed: ParsedKey, stream_id: str, request: AccessRequest) -> Grant:
        """The grant of a signed address; it enters the book with its first accepted connection (`keep`)."""
        grant_id = f"{parsed.app}/{parsed.action}/{parsed.nonce.hex()}/{stream_id}"
        if grant := self._grants.get(grant_id):
            return grant
        return Grant(
            grant_id, parsed.action, parsed.app, stream_id, parsed.user, None, BOTH_MEDIA,
            expires_at=parsed.expires_at, transport=request.transport,
        )  # fmt: skip

    def keep(self, grant: Grant) -> None:
        """A connection with this grant's key was accepted."""
        grant.used = True
        self._grants[grant.id] = grant

    def restore(self, grant: Grant) -> None:
        """A grant of an earlier process of this gateway: its key opens what it opened."""
        self._grants[grant.id] = grant
