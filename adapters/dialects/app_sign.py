"""AppSign: the 64 hexadecimal characters that ZEGO's native apps carry instead of a token. Pure.

Whoever takes an app apart has it, and may then be any user in any room: tokens are what to move to. It has no end, and in
debug mode, where nothing is checked, an app has none.
"""

from __future__ import annotations

import hmac
import math
import re

from gateway.auth.tokens import JoinToken
from gateway.errors import APP_SIGN_INVALID, GatewayError

_FORM = re.compile(r"[0-9A-Fa-f]{64}")


def verify(text: str, expected: str, *, app: str, user: str) -> JoinToken:
    """What the sign permits a user: everything. `expected`: the app's; empty: it has none. Raises APP_SIGN_INVALID."""
    if not expected:
        raise GatewayError(APP_SIGN_INVALID, "the app has none")
    if not _FORM.fullmatch(text):
        raise GatewayError(APP_SIGN_INVALID, "it has 64 hexadecimal characters")
    if not hmac.compare_digest(text.lower().encode(), expected.lower().encode()):
        raise GatewayError(APP_SIGN_INVALID)
    return JoinToken(app, user, None, True, True, None, math.inf, door_only=True)
