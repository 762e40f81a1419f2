"""WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): WebRTC for programs that know HTTP and nothing of signaling.

`POST /whip/STREAM` publishes, `POST /whep/STREAM` plays; the offer is the body, the stream key a Bearer token. The answer
comes back with the address of the connection, which can be deleted (DELETE) or given new ICE credentials (PATCH). Nobody
can guess that address, so whoever knows it needs no key.

Only HTTP is here. What makes connections of descriptions is passed in.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from sanic import HTTPResponse, Request, Sanic
from sanic.constants import HTTP_METHODS
from sanic.exceptions import MethodNotAllowed, PayloadTooLarge, SanicException
from sanic.response import empty

from gateway.auth.access import AccessRequest, Action
from gateway.auth.stream_keys import loggable_name, stream_names
from gateway.auth.turn import IceServer
from gateway.config import KIB
from gateway.errors import KEY_MISSING, PEER_NOT_FOUND, SDP_INVALID, GatewayError
from gateway.http.origin import Clients
from gateway.rooms.model import Grant

_log = logging.getLogger("gateway.http")

_DESCRIPTION = "application/sdp"
_FRAGMENT = "application/trickle-ice-sdpfrag"
_BODY_BYTES = 64 * KIB
_METHODS = ("POST", "PATCH", "DELETE", "OPTIONS")
_CORS = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "Location, ETag, Link, Retry-After, WWW-Authenticate",
}
_PREFLIGHT = {
    **_CORS,
    "access-control-allow-methods": ", ".join(_METHODS),
    "access-control-allow-headers": "Authorization, Content-Type, If-Match",  # `*` would leave Authorization out
    "access-control-max-age": "86400",
    "accept-post": _DESCRIPTION,
    "accept-patch": _FRAGMENT,
}
_ENTITY_TAG = re.compile(r'"[^"]*"')


class Answer(Protocol):
    """A session description of ours, and the peer connection that it is about."""

    @property
    def id(self) -> str:
        """Names the peer connection. Nobody can guess it."""

    @property
    def sdp(self) -> str: ...

    @property
    def etag(self) -> str:
        """Names its ICE credentials (RFC 9725 section 4.3.1), with the quotation marks."""


class Owner(Protocol):
    """Whose a connection is."""

    @property
    def grant(self) -> Grant: ...

    @property
    def etag(self) -> str:
        """The newest one."""


class Peers(Protocol):
    """WebRTC, as HTTP needs it. Everything here raises GatewayError."""

    async def publish(self, request: AccessRequest, offer: str) -> Answer: ...

    async def play(self, request: AccessRequest, offer: str) -> Answer: ...

    def find(self, id: str) -> Owner:
        """Whose connection that is. Raises PEER_NOT_FOUND."""

    async def patch(self, id: str, fragment: str) -> tuple[str, str] | None:
        """New ICE credentials (RFC 8840): ours and the new etag; None where only candidates came, which are not needed."""

    def close(self, id: str, *, deliberate: bool) -> None: ...


class UnsupportedMediaType(SanicException):
    status_code = 415


class PreconditionFailed(SanicException):
    status_code = 412


@dataclass(frozen=True, slots=True)
class _Face:
    """One of the two protocols."""

    name: str
    action: Action
    connect: Callable[[AccessRequest, str], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class _Target:
    """What a request's path names: `/whip/STREAM`, or `/whip/STREAM/ID`."""

    path: str
    """As it arrived, without the query."""
    rest: str
    """What follows the protocol's name, percent-encoding untouched."""

    @classmethod
    def of(cls, request: Request[Any, Any], face: _Face) -> _Target:
        path = request.raw_url.decode("ascii").partition("?")[0]
        return cls(path, path.removeprefix(f"/{face.name}/"))

    def connection(self, face: _Face, peers: Peers) -> tuple[str, str]:
        """ID and etag of the connection that is named. Raises PEER_NOT_FOUND if it is none of that stream and protocol."""
        stream, _, id = self.rest.rpartition("/")
        owner = peers.find(id)
        if owner.grant.action is not face.action or owner.grant.stream_id not in stream_names(stream):
            raise GatewayError(PEER_NOT_FOUND)
        return id, owner.etag


def add_whip(
    app: Sanic[Any, Any], peers: Peers, ice_servers: Callable[[str], Sequence[IceServer]], base: Callable[[], str],
    clients: Clients,
) -> None:  # fmt: skip
    """Serves WHIP below `/whip/` and WHEP below `/whep/`.

    `ice_servers`: the STUN and TURN servers that a client is told of, with credentials made for that name. `base`: the
    public address of HTTP, whose path comes before that of a `Location`.
    """
    for face in (_Face("whip", Action.PUBLISH, peers.publish), _Face("whep", Action.PLAY, peers.play)):
        _add_face(app, face, peers, ice_servers, base, clients)


def _add_face(
    app: Sanic[Any, Any], face: _Face, peers: Peers, ice_servers: Callable[[str], Sequence[IceServer]],
    base: Callable[[], str], clients: Clients,
) -> None:  # fmt: skip
    async def connect(request: Request[Any, Any], rest: str) -> HTTPResponse:
        target, offer = _Target.of(request, face), _text(request, _DESCRIPTION, "Accept-Post")
        client = clients.address(request)
        try:
            answer = await face.connect(AccessRequest(face.action, face.name, target.rest, _key(request), client), offer)
        except GatewayError as error:
            about = (face.name, client, loggable_name(target.rest), error.fault.name, error.detail)
            _log.info("%s client=%s stream=%r refused reason=%s detail=%r", *about)
            raise
        headers = {
            **_CORS,
            "location": f"{urlsplit(base()).path}{target.path}/{answer.id}",
            "etag": answer.etag,
        }
        if links := ", ".join(_links(ice_servers(face.name))):
            headers["link"] = links
        return HTTPResponse(answer.sdp, 201, headers, _DESCRIPTION)

    async def patch(request: Request[Any, Any], rest: str) -> HTTPResponse:
        id, etag = _Target.of(request, face).connection(face, peers)
        fragment = _text(request, _FRAGMENT, "Accept-Patch")
        if not _matches(request.headers.get("if-match", "*"), etag):
            raise PreconditionFailed("the If-Match is not the newest ETag")
        restarted = await peers.patch(id, fragment)
        if restarted is None:
            return empty(headers=_CORS)
        fragment, etag = restarted
        return HTTPResponse(fragment, 200, {**_CORS, "etag": etag}, _FRAGMENT)

    async def delete(request: Request[Any, Any], rest: str) -> HTTPResponse:
        id, _ = _Target.of(request, face).connection(face, peers)
        peers.close(id, deliberate=True)
        return empty(200, _CORS)

    async def preflight(request: Request[Any, Any], rest: str) -> HTTPResponse:
        return empty(headers=_PREFLIGHT)

    async def other(request: Request[Any, Any], rest: str) -> None:
        raise MethodNotAllowed(f"{request.method} is not served here", request.method, _METHODS)

    served = {"POST": connect, "PATCH": patch, "DELETE": delete, "OPTIONS": preflight}
    for method in HTTP_METHODS:
        handler = served.get(method.value, other)
        name = f"{face.name}_{method.value.lower()}"
        app.add_route(handler, f"/{face.name}/<rest:path>", methods=[method.value], name=name, unquote=False)


def _key(request: Request[Any, Any]) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise GatewayError(KEY_MISSING, "Authorization: Bearer KEY is needed")
    return key.strip()


def _text(request: Request[Any, Any], content_type: str, told: str) -> str:
    """The body, which has to be of this type. `told`: the header that says so to who sent another one."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != content_type:
        raise UnsupportedMediaType(f"the body has to be {content_type}", headers={told: content_type})
    body: bytes = request.body
    if len(body) > _BODY_BYTES:
        raise PayloadTooLarge(f"a description has at most {_BODY_BYTES} bytes")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise GatewayError(SDP_INVALID, "it is not UTF-8 text") from None


def _matches(condition: str, etag: str) -> bool:
    """Whether an If-Match (RFC 9110 section 13.1.1) holds."""
    return condition.strip() == "*" or etag in _ENTITY_TAG.findall(condition)


def _links(servers: Sequence[IceServer]) -> list[str]:
    """STUN and TURN servers as values of Link (RFC 9725 section 4.6)."""
    return [
        f'<{url}>; rel="ice-server"'
        + (f'; username="{one.username}"; credential="{one.credential}"; credential-type="password"' if one.username else "")
        for one in servers
        for url in one.urls
    ]
