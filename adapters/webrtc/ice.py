"""The ICE-lite agent of one peer: it answers connectivity checks and learns from them where the peer is.

A lite agent (RFC 8445 section 2.5) sends no checks and is always controlled. Whoever is to be sent media has to ask for it
from the very address, with a password that only the descriptions told: so a forged candidate makes us send nothing to anyone.

A peer that forges the source address of a check of its own is believed: a lite agent, which gets no answers, cannot prove
that anyone is there. So consent counts for each route apart (RFC 7675), and ends soon where nothing authentic comes from:
who wants us to send to somebody else has to forge again and again.

Pure apart from the credentials, which are passed in; `now` is the loop's time in seconds.
"""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass
from typing import Final

from aioice import stun

from adapters.webrtc.addresses import Address, Route

UFRAG_BYTES: Final = 12
"""Random bytes in a local ufrag of 16 characters. It finds the peer among all others, so it must be unique in practice."""
PWD_BYTES: Final = 18
"""Random bytes in a local password of 24 characters; 128 bits are demanded (RFC 8445 section 5.3)."""

CONSENT: Final = 30.0
"""Seconds for which whatever is authentic is consent to send to where it came from (RFC 7675 section 5.1)."""
DOUBT: Final = 8.0
"""Seconds of silence after which a route gives way to another one that is not silent. Browsers check every few seconds."""

_HEADER: Final = 20
_USERNAME: Final = 0x0006
_MAX_ATTRIBUTES: Final = 16
"""Attributes looked at for the user name; browsers put it first."""
_ROLE_CONFLICT: Final = (487, "Role Conflict")


def ice_chars(random: bytes) -> str:
    """Random bytes, a multiple of three of them, as characters that ufrags and passwords may have (RFC 8839 section 5.4)."""
    return base64.b64encode(random).decode("ascii")


def local_ufrag(data: bytes) -> str | None:
    """Our ufrag in the user name of a binding request; `None` if `data` is none, or names nobody.

    Nothing is verified yet: it only tells, at little cost, whom to ask (RFC 8445 section 7.2.2: `<ours>:<theirs>`).
    """
    if len(data) < _HEADER or data[:2] != b"\0\1" or data[4:8] != b"\x21\x12\xa4\x42":
        return None
    at = _HEADER
    for _ in range(_MAX_ATTRIBUTES):
        kind, size = int.from_bytes(data[at : at + 2]), int.from_bytes(data[at + 2 : at + 4])
        if kind == _USERNAME:
            return data[at + 4 : at + 4 + size].partition(b":")[0].decode("latin-1")
        at += 4 + size + -size % 4
        if at >= len(data):
            break
    return None


@dataclass(slots=True)
class _Credentials:
    """One generation of user names and the password that goes with it."""

    ufrag: str
    pwd: str
    remote_ufrag: str | None = None
    """`None` until the peer's description is known; no check passes before."""


class IceLite:
    """One peer's agent."""

    def __init__(self, ufrag: str, pwd: str) -> None:
        self._current = _Credentials(ufrag, pwd)
        self._next: _Credentials | None = None
        self.ufrags: tuple[str, ...] = (ufrag,)
        """Local ufrags that checks may name now; a new tuple whenever they change."""
        self.route: Route | None = None
        """How to send: the first route that proved itself, then the last one nominated of those that are still heard."""
        self._heard: dict[Route, float] = {}
        """When something authentic last came by each route that has served, the last nominated one at the end."""

    @property
    def ufrag(self) -> str:
        """The local ufrag that descriptions tell now."""
        return (self._next or self._current).ufrag

    @property
    def pwd(self) -> str:
        """The password that belongs to `ufrag`."""
        return (self._next or self._current).pwd

    def expect(self, remote_ufrag: str) -> None:
        """The peer's description is known: checks with this ufrag of its, and our newest, are answered from now on."""
        (self._next or self._current).remote_ufrag = remote_ufrag

    def restart(self, ufrag: str, pwd: str) -> None:
        """Begins an ICE restart (RFC 8445 section 9): new credentials, beside those in use until the new ones carry a
        nomination. An earlier restart that has not come that far is forgotten."""
        self._next = _Credentials(ufrag, pwd)
        self.ufrags = (self._current.ufrag, ufrag)

    def request(self, data: bytes, route: Route, now: float) -> bytes | None:
        """The answer to a binding request that came by `route`, or `None` if it has to be ignored.

        User name, MESSAGE-INTEGRITY and, where there is one, FINGERPRINT are verified before anything is learned; what
        fails gets no answer, so that nobody is sent anything who did not know the password (RFC 8445 section 7.3).
        """
        message = _parse(data)
        if message is None:
            return None
        credentials = self._named(message.attributes.get("USERNAME", ""))
        if credentials is None or not message.check_message_integrity(credentials.pwd.encode()):
            return None
        if "ICE-CONTROLLED" in message.attributes:
            return _answer(message, stun.Class.ERROR, "ERROR-CODE", _ROLE_CONFLICT, credentials)
        nominated = "USE-CANDIDATE" in message.attributes
        if nominated or self.route is None:
            self._heard.pop(route, None)
            self._heard[route] = now
            self.route = route
        else:
            self.heard(route, now)
        if nominated and credentials is self._next:
            self._current, self._next = credentials, None
            self.ufrags = (credentials.ufrag,)
        return _answer(message, stun.Class.RESPONSE, "XOR-MAPPED-ADDRESS", route.address[:2], credentials)

    def heard(self, route: Route, now: float) -> None:
        """Something authentic came by `route`. It counts where the route has served: some peers send no checks while media
        flows both ways."""
        if route in self._heard:
            self._heard[route] = now

    def expire(self, now: float) -> None:
        """Comes regularly: leaves a route that has fallen silent for the last nominated one that has not, and at the end of
        consent for none, until the next check."""
        self._heard = {route: heard for route, heard in self._heard.items() if now - heard <= CONSENT}
        alive = [route for route, heard in self._heard.items() if now - heard <= DOUBT]
        if alive:
            self.route = alive[-1]
        elif self.route not in self._heard:
            self.route = None

    def forget(self, address: Address) -> None:
        """`address` belongs to another peer now: nothing is sent there until this peer proves itself there again."""
        self._heard = {route: heard for route, heard in self._heard.items() if route.address != address}
        if self.route not in self._heard:
            self.route = None

    def _named(self, username: str) -> _Credentials | None:
        ours, _, theirs = username.partition(":")
        for credentials in (self._next, self._current):
            if credentials is not None and credentials.ufrag == ours:
                return credentials if credentials.remote_ufrag == theirs else None
        return None


def _parse(data: bytes) -> stun.Message | None:
    """A binding request, its integrity not yet verified."""
    try:
        message = stun.parse_message(data)
    except (ValueError, struct.error):  # the latter for attributes shorter than their type
        return None
    is_request = message.message_method is stun.Method.BINDING and message.message_class is stun.Class.REQUEST
    return message if is_request else None


def _answer(request: stun.Message, kind: stun.Class, name: str, value: object, credentials: _Credentials) -> bytes:
    response = stun.Message(stun.Method.BINDING, kind, request.transaction_id, {name: value})
    response.add_message_integrity(credentials.pwd.encode())
    return bytes(response)
