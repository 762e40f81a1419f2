"""Whose turn it is to connect: a joining storm costs the loop a bounded part of its time. Pure.

A handshake is the dearest thing a peer ever asks for, so only so many go on at once; newcomers wait in a bounded line. The
turns go round the client addresses, so that one that brings many delays another that brings few by a turn, not by all of
its own. A place in the handshake is lent for a moment only: who does not come gives it back and may still come later.
"""

from __future__ import annotations

from asyncio import TimerHandle
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from adapters.media.turns import CallLater
from adapters.webrtc.counters import TOO_MANY_OF_ADDRESS, TOO_MANY_WAITING, WAITED_TOO_LONG
from gateway.config import WebRtcSettings
from gateway.errors import OVERLOADED, GatewayError

TURN: Final = 1.0
"""Seconds for which a place is kept for a peer that has its description: more than most handshakes take."""
_AFTER_MS: Final = 1000


class Ticket:
    """One newcomer's place: in the line, then in the handshake, then counted until it is connected or gone."""

    __slots__ = ("_admission", "_lent", "_timer", "address", "admitted", "refused")

    def __init__(
        self, admission: Admission, address: str, admitted: Callable[[], None], refused: Callable[[GatewayError], None]
    ) -> None:
        self._admission = admission
        self._lent = False
        self._timer: TimerHandle | None = None
        self.address = address
        self.admitted = admitted
        self.refused = refused

    def settle(self) -> None:
        """The peer is connected, or gone, or waits no more. Harmless when repeated."""
        self._admission.settle(self)


class Admission:
    """The line and the places.

    `call_later` is the loop's; `count` is told the label of each refusal.
    """

    def __init__(self, settings: WebRtcSettings, call_later: CallLater, count: Callable[[str], None]) -> None:
        self._settings = settings
        self._call_later = call_later
        self._count = count
        self._line: dict[str, deque[Ticket]] = {}
        """Who waits, by address; the first address is the next to have a turn."""
        self._waiting = 0
        self._tickets: set[Ticket] = set()
        self._of_address: Counter[str] = Counter()
        self._lent = 0

    @property
    def waiting(self) -> int:
        """Newcomers in the line."""
        return self._waiting

    @property
    def shaking(self) -> int:
        """Places in the handshake that are lent now."""
        return self._lent

    def enter(self, address: str, admitted: Callable[[], None], refused: Callable[[GatewayError], None]) -> Ticket:
        """A newcomer from `address` asks for its turn. `admitted` is called when it comes, at once if a place is free;
        `refused` if it does not come in time. Raises GatewayError(OVERLOADED) if it cannot even wait."""
        if self._of_address[address] >= self._settings.unconnected_per_address:
            raise self._refusal(TOO_MANY_OF_ADDRESS, "too many peers of this address are not connected yet")
        if self._lent >= self._settings.handshakes and self._waiting >= self._settings.waiting:
            raise self._refusal(TOO_MANY_WAITING, "too many peers are waiting")
        ticket = Ticket(self, address, admitted, refused)
        self._tickets.add(ticket)
        self._of_address[address] += 1
        self._line.setdefault(address, deque()).append(ticket)
        self._waiting += 1
        ticket._timer = self._call_later(self._settings.waiting_deadline, self._overdue, ticket)
        self._next()
        return ticket

    def close(self, error: GatewayError) -> None:
        """Nobody is admitted any more; who waits is told why."""
        for ticket in [ticket for tickets in self._line.values() for ticket in tickets]:
            ticket.settle()
            ticket.refused(error)

    def settle(self, ticket: Ticket) -> None:
        """See `Ticket.settle`."""
        if ticket not in self._tickets:
            return
        self._tickets.remove(ticket)
        self._of_address[ticket.address] -= 1
        if not self._of_address[ticket.address]:
            del self._of_address[ticket.address]
        self._leave_line(ticket)
        self._give_back(ticket)

    def _next(self) -> None:
        """Lends free places to those whose turn it is."""
        while self._waiting and self._lent < self._settings.handshakes:
            address, tickets = next(iter(self._line.items()))
            ticket = tickets[0]
            self._leave_line(ticket)
            if address in self._line:  # its next one comes after those of the other addresses
                self._line[address] = self._line.pop(address)
            self._lent += 1
            ticket._lent = True
            ticket._timer = self._call_later(TURN, self._give_back, ticket)
            ticket.admitted()

    def _leave_line(self, ticket: Ticket) -> None:
        tickets = self._line.get(ticket.address, deque())
        if ticket in tickets:
            tickets.remove(ticket)
            self._waiting -= 1
            if not tickets:
                del self._line[ticket.address]
            if ticket._timer is not None:
                ticket._timer.cancel()

    def _give_back(self, ticket: Ticket) -> None:
        """The place is free again. Harmless when repeated."""
        if ticket._lent:
            ticket._lent = False
            if ticket._timer is not None:
                ticket._timer.cancel()
            self._lent -= 1
            self._next()

    def _overdue(self, ticket: Ticket) -> None:
        ticket.settle()
        ticket.refused(self._refusal(WAITED_TOO_LONG, "its turn did not come in time"))

    def _refusal(self, label: str, detail: str) -> GatewayError:
        self._count(label)
        return GatewayError(OVERLOADED, detail, after_ms=_AFTER_MS)
