"""The callbacks that a program sets, and how they are called: in order, one at a time, and what they raise stays here.

Each is called with as many of its documented arguments as it takes. A coroutine function runs as a task of its own, so that it
may ask the engine for something and wait for it.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

Callback: TypeAlias = Callable[..., Any] | None

_log = logging.getLogger(__name__)


class Callbacks:
    """Set any of them; the comments name the arguments."""

    def __init__(self) -> None:
        self.on_room_state_update: Callback = None  # room_id, RoomState, error_code, extended_data
        self.on_room_state_changed: Callback = None  # room_id, RoomStateChangedReason, error_code, extended_data
        self.on_room_user_update: Callback = None  # room_id, UpdateType, [User]
        self.on_room_online_user_count_update: Callback = None  # room_id, count
        self.on_room_stream_update: Callback = None  # room_id, UpdateType, [Stream], extended_data
        self.on_room_stream_extra_info_update: Callback = None  # room_id, [Stream]
        self.on_room_extra_info_update: Callback = None  # room_id, [RoomExtraInfo]
        self.on_room_token_will_expire: Callback = None  # room_id, seconds
        self.on_publisher_state_update: Callback = None  # stream_id, PublisherState, error_code, extended_data
        self.on_publisher_quality_update: Callback = None  # stream_id, PublishStreamQuality
        self.on_player_state_update: Callback = None  # stream_id, PlayerState, error_code, extended_data
        self.on_player_quality_update: Callback = None  # stream_id, PlayStreamQuality
        self.on_remote_camera_state_update: Callback = None  # stream_id, RemoteDeviceState
        self.on_remote_mic_state_update: Callback = None  # stream_id, RemoteDeviceState
        self.on_im_recv_broadcast_message: Callback = None  # room_id, [Message]
        self.on_im_recv_barrage_message: Callback = None  # room_id, [Message]
        self.on_im_recv_custom_command: Callback = None  # room_id, User, command
        self._tasks: set[asyncio.Future[Any]] = set()

    def tell(self, name: str, *arguments: Any) -> None:
        """Calls one of them, if it is set."""
        callback: Callback = getattr(self, name)
        if callback is None:
            return
        try:
            waiting = callback(*arguments[: _takes(callback, len(arguments))])
        except Exception:
            _log.exception("%s raised", name)
            return
        if inspect.isawaitable(waiting):
            self.background(waiting, name)

    def background(self, work: Awaitable[Any], name: str = "the engine") -> None:
        """Does something that nobody waits for."""

        def done(task: asyncio.Future[Any]) -> None:
            self._tasks.discard(task)
            if not task.cancelled() and (error := task.exception()):
                _log.error("%s raised", name, exc_info=error)

        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(done)

    async def settle(self) -> None:
        """Ends what is still being done, except for whoever asks."""
        tasks = {task for task in self._tasks if task is not asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _takes(callback: Callable[..., Any], most: int) -> int:
    """How many of the arguments a callback wants."""
    try:
        parameters = inspect.signature(callback).parameters.values()
    except (TypeError, ValueError):
        return most
    if any(one.kind is one.VAR_POSITIONAL for one in parameters):
        return most
    return min(most, sum(one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) for one in parameters))
