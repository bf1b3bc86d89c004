"""What a request to the loopback server asks for.

Owns: the head of a request as the server needs it, and which URL a request target names (RFC 9112
section 3.2). The syntax of HTTP is h11's.
Must not know: sockets, what is served, the log.
"""

import re

import h11
from msgspec import Struct

_HOST_AND_PORT = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class RequestError(Exception):
    """A request whose target names no resource; says what is wrong with it."""


class Head(Struct, frozen=True, gc=False):
    """The head of a request."""

    method: str
    target: str
    headers: dict[str, str]
    """Names in lower case; the last of several lines with one name."""


class Resource(Struct, frozen=True, gc=False):
    """What a request is for."""

    url: str
    """Host in lower case, without the default port of its scheme and without fragment."""
    host: str
    path: str
    """With its query."""


def head_of(request: h11.Request) -> Head:
    """Return the head of a request that h11 has read."""
    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in request.headers}
    return Head(request.method.decode("ascii"), request.target.decode("latin-1"), headers)


def resource(head: Head, *, proxied: bool) -> Resource:
    """Return what *head* asks for: in absolute form of a proxy, in either form of an origin.

    Raises:
        RequestError: the target or the Host header names no resource.
    """
    if head.target.startswith("/"):
        if proxied:
            raise RequestError("a proxy needs the whole URL: GET http://host/path")
        return _resource("http", head.headers.get("host", ""), head.target)
    scheme, slashes, rest = head.target.partition("://")
    if not slashes or scheme.lower() not in _DEFAULT_PORTS:
        raise RequestError("the target is neither a path nor an http URL")
    start = min(rest.find(mark) % (len(rest) + 1) for mark in "/?")
    path = rest[start:] if rest[start:].startswith("/") else "/" + rest[start:]
    return _resource(scheme.lower(), rest[:start], path)


def _resource(scheme: str, host_and_port: str, path: str) -> Resource:
    match = _HOST_AND_PORT.fullmatch(host_and_port)
    if match is None:
        raise RequestError("the request names no host")
    host, port = match[1].lower(), match[2]
    path = path.partition("#")[0]
    shown = host if port is None or int(port) == _DEFAULT_PORTS[scheme] else f"{host}:{int(port)}"
    return Resource(f"{scheme}://{shown}{path}", host, path)
