"""RTMP connections behind the handshake: every second wish is granted, players come to their end, and answers are bytes."""

from __future__ import annotations

from adapters.rtmp.commands import Code, command
from adapters.rtmp.connection import Connection
from adapters.rtmp.events import PlayAsked, PublishAsked
from adapters.rtmp.handshake import PACKET_SIZE
from gateway.config import RtmpSettings
from tests.fuzz import run
from tests.support.rtmp_client import CompactWriter

_SETTINGS = RtmpSettings(message_bytes=10_000, command_bytes=2000, unfinished_bytes=20_000)
_WRITER = CompactWriter()
_BEGINNING = b"\x03" + bytes(2 * PACKET_SIZE) + b"".join(
    _WRITER.write(message)
    for message in (
        command(0, "connect", 1, {"app": "live"}),
        command(0, "createStream", 2, None),
        command(1, "publish", 0, None, "a", "live"),
        command(0, "createStream", 3, None),
        command(2, "play", 0, None, "b"),
    )
)


def one_input(data: bytes) -> None:
    """A first byte with its lowest bit set leaves out the usual beginning; the others say where to cut."""
    flags, data = data[0] if data else 0, data[1:]
    beginning = b"\x03" + bytes(2 * PACKET_SIZE) if flags & 1 else _BEGINNING
    step = (flags >> 1) + 1
    connection = Connection(_SETTINGS, bytes)
    wishes = 0
    for part in (beginning, *(data[start : start + step] for start in range(0, len(data), step))):
        events = connection.receive(part)
        while events:
            last = events[-1]
            if isinstance(last, PublishAsked | PlayAsked):
                wishes += 1
                if wishes % 4 == 3:
                    connection.conversation.refuse(Code.PLAY_FAILED, "no")
                elif isinstance(last, PublishAsked):
                    connection.conversation.accept_publish()
                else:
                    connection.conversation.accept_play()
            events = connection.receive(b"")
        connection.take()
        if connection.failure is not None:
            return


if __name__ == "__main__":
    run(one_input)
