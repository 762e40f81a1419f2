"""Vendors' tokens from anyone: whatever is shown is refused with a number, quickly, and opens nothing.

The input is shown as it is; framed as each form frames its content, without the secret; and laid over a token of each form that
is good, from an offset that its first bytes choose. Half of the inputs are sealed with the right secrets, so that what is read
behind the seal is met with everything, too.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from functools import partial

from adapters.dialects import FORMS, Dialects
from gateway.auth.tokens import JoinToken
from gateway.config import AppSettings
from gateway.errors import GatewayError
from tests.fuzz import run
from tests.support import vendor_tokens
from tests.support.vendor_tokens import APP_SIGN, NERTC_SECRET, PERMISSION_SECRET, SERVER_SECRET

_NOW = 1_800_000_000.0
_SECRET = "a secret of the tests, long enough for them"
_VERIFIER = Dialects({
    "1": AppSettings(
        _SECRET, token_formats=FORMS, server_secret=SERVER_SECRET, nertc_secret=NERTC_SECRET,
        permission_secret=PERMISSION_SECRET, app_sign=APP_SIGN,
    )
})  # fmt: skip
_IV = bytes(16)
_GOOD = [
    vendor_tokens.token04(user_id="42", now=_NOW, iv=_IV), vendor_tokens.basic(now=_NOW), vendor_tokens.permission_key(now=_NOW),
]  # fmt: skip
_EXPIRY = int(_NOW) + 60
_MOST = 6_000
"""Bytes that a token may hold in its frame."""


def one_input(data: bytes) -> None:
    for text in _shown(data[:_MOST]):
        _check(text)
    text = data.decode(errors="surrogateescape")
    for dialect in ("zego", "nertc", ""):
        rules = _VERIFIER.rules(dialect, text)
        _answer(partial(rules.check_login, text, text, text))
        _answer(partial(rules.check_stream, text))
    signed = _answer(partial(_VERIFIER.verify_app_sign, text, app="1", user="42"))
    assert isinstance(signed, GatewayError) or text.lower() == APP_SIGN


def _shown(data: bytes) -> Iterator[str]:
    yield data.decode(errors="surrogateescape")
    yield data.decode("latin-1")
    yield "04" + base64.b64encode(data).decode()
    yield base64.b64encode(b"{" + data).decode()
    yield base64.b64encode(data).decode().replace("+", "*").replace("/", "-").replace("=", "_")
    yield vendor_tokens.deflated(data)
    yield vendor_tokens.seal04(data, _EXPIRY, iv=_IV)
    yield vendor_tokens.frame04(data + bytes(-len(data) % 16), _EXPIRY, iv=_IV)
    yield vendor_tokens.token04(user_id="42", now=_NOW, iv=_IV, payload=data.decode(errors="replace"))
    if len(data) > 3:
        good = _GOOD[data[0] % len(_GOOD)]
        at = (data[1] * 256 + data[2]) % len(good)
        yield good[:at] + data[3:].decode("latin-1") + good[at + len(data) - 3 :]
        yield good[:at] + data[3:].decode("latin-1") + good[at:]


def _answer(question: Callable[[], object]) -> object:
    """What it answers, or how it refuses to; any other exception is a finding."""
    try:
        return question()
    except GatewayError as error:
        return error


def _check(text: str) -> None:
    token = _answer(partial(_VERIFIER.verify, text, app="1", user="42", room="r", now=_NOW))
    if isinstance(token, GatewayError):
        assert 1_002_033 <= token.fault.number <= 1_801_011
        assert token.fault.status != 500
        assert len(token.detail) < 300
    else:
        assert isinstance(token, JoinToken)
        assert (token.app, token.user) == ("1", "42")
        assert token.room in (None, "r")
        assert token.expires_at > _NOW - 60


if __name__ == "__main__":
    run(one_input)
