"""Session descriptions from anyone, and the fragments that restart ICE."""

from __future__ import annotations

from adapters.media.units import Medium
from adapters.webrtc.aiortc_internals import Fingerprint
from adapters.webrtc.descriptions import Description, credentials, parse
from adapters.webrtc.negotiation import accept_player, answer_player, answer_publisher, same_connection, transport_of
from adapters.webrtc.writing import Local, Sources
from gateway.errors import GatewayError
from tests.fuzz import run

LOCAL = Local("u" * 16, "p" * 24, Fingerprint("sha-256", ":".join(["AB"] * 32)), (("192.0.2.1", 8189),), 1, 1)
SOURCES = Sources({Medium.AUDIO: (1, 2), Medium.VIDEO: (3, 4)}, "cname")
HEAD = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=setup:actpass\r\na=ice-ufrag:abcd\r\n"
HEAD += f"a=ice-pwd:{'p' * 24}\r\na=fingerprint:{LOCAL.fingerprint}\r\n"


def one_input(data: bytes) -> None:
    """What can be read can be answered or is refused, and our answers could be read by a full agent like us."""
    text = data.decode("utf-8", "surrogateescape")
    for candidate in (text, HEAD + text):
        try:
            description = parse(candidate)
        except GatewayError:
            continue
        assert same_connection(description, description)
        for agree in (_receive, _send, _accept):
            try:
                transport_of(description)
                answer = agree(description)
            except GatewayError:
                continue
            assert not answer or len(parse(answer.replace("a=ice-lite\r\n", "")).sections) == len(description.sections)
    try:
        credentials(text)
    except GatewayError:
        pass


def _receive(description: Description) -> str:
    return answer_publisher(description, LOCAL).sdp


def _send(description: Description) -> str:
    return answer_player(description, LOCAL, SOURCES).sdp


def _accept(description: Description) -> str:
    return accept_player(description, SOURCES).sdp


if __name__ == "__main__":
    run(one_input)
