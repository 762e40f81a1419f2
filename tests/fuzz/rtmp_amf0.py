"""AMF0 (and the AMF3 inside it): what can be read can be written and read again."""

from __future__ import annotations

from adapters.rtmp import amf0
from adapters.rtmp.errors import LocalProtocolError, RemoteProtocolError
from tests.fuzz import run


def one_input(data: bytes) -> None:
    try:
        values = amf0.decode(data)
        again = amf0.encode(values)
        if len(again) < 100_000:
            amf0.decode(again)
    except (RemoteProtocolError, LocalProtocolError):
        return


if __name__ == "__main__":
    run(one_input)
