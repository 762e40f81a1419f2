"""Who verifies what a login shows of itself, and whose rules its ids keep to. Pure.

The gateway's own join tokens are verified here. What other dialects need beyond that is for whoever takes the place of
`JoinTokens`; nothing of a vendor's formats belongs here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from gateway.auth.tokens import JoinToken, verify_token
from gateway.config import AppSettings
from gateway.errors import APP_SIGN_INVALID, GatewayError


class IdRules(Protocol):
    """What the ids of one login have to be, beyond what the gateway itself asks of every id."""

    @property
    def dialect(self) -> str:
        """The vendor whose rules these are; empty: none."""

    def check_login(self, room: str, user: str, user_name: str) -> None:
        """Raises the fault that names what is wrong with one of them. `user_name`: empty where none was given."""

    def check_stream(self, stream: str) -> None:
        """Raises the fault that names what is wrong with the id of a stream to be published."""


class Verifier(Protocol):
    """Knows the forms of tokens that apps accept."""

    def verify(self, text: str, *, app: str, user: str, room: str, now: float) -> JoinToken:
        """What a token that is shown to an app that there is permits. `now`: Unix time. Raises GatewayError."""

    def verify_app_sign(self, text: str, *, app: str, user: str) -> JoinToken:
        """What the app's sign permits, which stands in programs instead of a token. Raises APP_SIGN_INVALID."""

    def rules(self, dialect: str, token: str) -> IdRules:
        """The rules of a dialect; where none is named, of the one that a token of this form belongs to."""


class NoRules:
    """Every id that the gateway takes will do."""

    dialect = ""

    def check_login(self, room: str, user: str, user_name: str) -> None:
        pass

    def check_stream(self, stream: str) -> None:
        pass


NO_RULES = NoRules()


class JoinTokens:
    """Apps that accept the gateway's own join tokens, and nothing else."""

    def __init__(self, apps: Mapping[str, AppSettings]) -> None:
        self._apps = apps

    def verify(self, text: str, *, app: str, user: str, room: str, now: float) -> JoinToken:
        return verify_token(text, self._apps[app].secret, app=app, user=user, room=room, now=now)

    def verify_app_sign(self, text: str, *, app: str, user: str) -> JoinToken:
        raise GatewayError(APP_SIGN_INVALID, "the app has none")

    def rules(self, dialect: str, token: str) -> IdRules:
        return NO_RULES
