"""What each session hears of its own publishing and playing: its legs, who is to blame, and the numbers if it asked for them.
Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from gateway.quality.overview import Overview, QualityNotice
from gateway.quality.views import Gathered
from gateway.rooms.model import Session

AT_ONCE = 40
"""Sessions that are looked at in one step."""


class Listener(Protocol):
    """A session, as far as it is told of quality."""

    @property
    def session(self) -> Session: ...

    @property
    def quality_update(self) -> bool:
        """It wants the numbers regularly."""

    def deliver(self, fact: object) -> None: ...


@dataclass(slots=True)
class _Heard:
    """What a session was told last."""

    levels: object
    at: float


class Notices:
    """Tells sessions what has changed, and no more often than every `interval` seconds."""

    def __init__(
        self, listeners: Callable[[], Iterable[Listener]], own: Callable[[Session], Gathered],
        dated: Callable[[Overview], Overview], interval: float, clock: Callable[[], float],
    ) -> None:  # fmt: skip
        """`own`: a session's own legs, in the loop's time; `dated`: an overview in Unix time."""
        self._listeners = listeners
        self._own = own
        self._dated = dated
        self._interval = interval
        self._clock = clock
        self._heard: dict[str, _Heard] = {}
        """By the session's id."""

    def __len__(self) -> int:
        """Sessions that were told something."""
        return len(self._heard)

    def round(self) -> Iterator[None]:
        """Everyone hears what there is to hear, a few at a time."""
        for number, listener in enumerate(list(self._listeners()), 1):
            if listener.session.publishing or listener.session.playing:
                self._tell(listener)
            else:
                self.forget(listener.session.id)
            if number % AT_ONCE == 0:
                yield

    def forget(self, session_id: str) -> None:
        """The session is over, or has nothing any more."""
        self._heard.pop(session_id, None)

    def now(self, session: Session, *, stats: bool) -> QualityNotice | None:
        """The whole of it for one who has come back; None: there is nothing to tell."""
        own = self._own(session)
        overview = own.overview()
        if not overview.publishing and not overview.playing:
            return None
        self._heard[session.id] = _Heard(own.levels, self._clock())
        return QualityNotice(session.room.id, self._dated(overview), stats)

    def _tell(self, listener: Listener) -> None:
        session, now, regularly = listener.session, self._clock(), listener.quality_update
        heard = self._heard.get(session.id)
        if heard is not None and now < heard.at + self._interval:
            return
        own = self._own(session)
        if heard is None:
            if not own.flows:
                return
        elif heard.levels == own.levels and not (regularly and own.flows):
            return
        self._heard[session.id] = _Heard(own.levels, now)
        listener.deliver(QualityNotice(session.room.id, self._dated(own.overview()), regularly))
