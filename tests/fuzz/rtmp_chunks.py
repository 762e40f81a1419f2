"""RTMP chunks: whole and cut, the same messages and the same failure; what is held stays within the limits."""

from __future__ import annotations

from adapters.rtmp.chunks import ChunkLimits, ChunkReader
from adapters.rtmp.messages import Message
from tests.fuzz import run

_LIMITS = ChunkLimits(message_bytes=4000, command_bytes=1000, unfinished_bytes=2000, chunk_streams=8)


def _read(parts: list[bytes]) -> tuple[list[Message], str]:
    reader = ChunkReader(_LIMITS)
    found: list[Message] = []
    for part in parts:
        found += reader.receive(part)
        assert reader.failure is not None or 0 <= reader.unfinished_bytes <= _LIMITS.unfinished_bytes
    return found, str(reader.failure)


def one_input(data: bytes) -> None:
    step, data = data[0] + 1 if data else 1, data[1:]
    assert _read([data]) == _read([data[start : start + step] for start in range(0, len(data), step)])


if __name__ == "__main__":
    run(one_input)
