"""The dialects of the vendors whose programs come here: which tokens they show, what their ids may be, what errors are called.

`Dialects` is what the gateway asks; each form of a token has a module that verifies and makes it. A token's form is told by
its looks, and an app accepts the forms that its settings name: nothing is tried one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping

from adapters.dialects import app_sign, nertc, token04
from adapters.dialects.ids import NERTC, RULES, ZEGO
from gateway.auth.tokens import JoinToken, make_token, verify_token
from gateway.auth.verifier import NO_RULES, IdRules
from gateway.config import AppSettings
from gateway.errors import TOKEN_FORMAT, TOKEN_INVALID, TOKEN_MISSING, GatewayError

JWT, TOKEN04, BASIC, PERMISSION_KEY = "jwt", "token04", "nertc", "permission_key"
FORMS = (JWT, TOKEN04, BASIC, PERMISSION_KEY)
RANDOM_BYTES = token04.IV_BYTES + 4
"""What a token needs of chance at most."""
_DIALECTS = {TOKEN04: ZEGO, BASIC: NERTC, PERMISSION_KEY: NERTC}


def form_of(text: str) -> str:
    """Which form a token has, by its first characters. What is none of them has that of a join token."""
    if "." in text:
        return JWT
    if text[:1] == "0" and text[1:2].isdecimal():
        return TOKEN04
    if text[:1] == "e":  # base64 of `{…`, and of what zlib begins with
        return PERMISSION_KEY if "A" <= text[1:2] <= "P" else BASIC
    return JWT


class Dialects:
    """Verifies tokens in the forms that each app accepts."""

    def __init__(self, apps: Mapping[str, AppSettings]) -> None:
        self._apps = apps

    def verify(self, text: str, *, app: str, user: str, room: str, now: float) -> JoinToken:
        """What a token permits. Raises GatewayError with the number that the token's vendor has for what is wrong."""
        settings = self._apps[app]
        if not text:
            raise GatewayError(TOKEN_MISSING)
        form, accepted = form_of(text), settings.token_formats
        if form not in accepted:
            fault = TOKEN_FORMAT if TOKEN04 in accepted else TOKEN_INVALID
            raise GatewayError(fault, f"the app accepts {' and '.join(accepted) or 'none'}, and this looks like {form}")
        if form == TOKEN04:
            return token04.verify(text, settings.server_secret, app=app, user=user, room=room, now=now)
        if form == BASIC:
            return nertc.verify_basic(text, settings.nertc_secret, app=app, user=user, room=room, now=now)
        if form == PERMISSION_KEY:
            return nertc.verify_permission_key(text, settings.permission_secret, app=app, user=user, room=room, now=now)
        return verify_token(text, settings.secret, app=app, user=user, room=room, now=now)

    def verify_app_sign(self, text: str, *, app: str, user: str) -> JoinToken:
        return app_sign.verify(text, self._apps[app].app_sign, app=app, user=user)

    def rules(self, dialect: str, token: str) -> IdRules:
        return RULES.get(dialect or _DIALECTS.get(form_of(token), ""), NO_RULES)


def make(
    form: str, settings: AppSettings, app: str, user: str, *, now: float, ttl: float, random: bytes, room: str | None = None,
    may_publish: bool = True,
) -> str:  # fmt: skip
    """A token in one of the `FORMS`, with the secret that the app has for it. `random`: `RANDOM_BYTES` of them.

    Raises ValueError if it could never be accepted, or if the form cannot say what is asked for.
    """
    if form not in settings.token_formats:
        raise ValueError(f"the app accepts {' and '.join(settings.token_formats) or 'none'} (its setting token_formats)")
    if form == JWT:
        return make_token(settings.secret, app, user, now=now, ttl=ttl, room=room, may_publish=may_publish)
    if form == TOKEN04:
        payload = "" if room is None and may_publish else token04.make_payload(room, may_publish=may_publish)
        nonce = int.from_bytes(random[token04.IV_BYTES :], "big", signed=True)
        iv = random[: token04.IV_BYTES]
        return token04.make(settings.server_secret, app, user, now=now, ttl=ttl, nonce=nonce, iv=iv, payload=payload)
    if room is None:
        raise ValueError("NERTC's tokens are for one room: name it")
    if form == PERMISSION_KEY:
        receiving = nertc.EVERYTHING & ~(nertc.SEND_AUDIO | nertc.SEND_VIDEO)
        privilege = nertc.EVERYTHING if may_publish else receiving
        return nertc.make_permission_key(settings.permission_secret, app, user, now=now, ttl=ttl, room=room, privilege=privilege)
    if not may_publish:
        raise ValueError("a basic token takes no right away: use a permission key")
    return nertc.make_basic(settings.nertc_secret, app, user, now=now, ttl=ttl, room=room)
