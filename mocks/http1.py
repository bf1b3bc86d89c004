"""As much of HTTP/1.1 as a server of synthetic pages needs: request heads and response heads.

Owns: the text of messages (RFC 9112).
Must not know: sockets, what is served, the log.
"""

import re
from http import HTTPStatus

from msgspec import Struct

MAX_HEAD_BYTES = 65_536
"""A request head longer than this is refused with 431."""

_AUTHORITY = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")
_TARGET = re.compile(r"[!-~]+")
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_DEFAULT_PORTS = {"http": 80, "https": 443}


class RequestError(Exception):
    """A request that is no HTTP; says what is wrong with it."""


class Head(Struct, frozen=True, gc=False):
    """The head of a request."""

    method: str
    target: str
    headers: dict[str, str]
    """Names in lower case; the last of several lines with one name."""
    keep_alive: bool

    @property
    def body_bytes(self) -> int:
        """The size of the body that follows. Raises RequestError when it is not known."""
        length = self.headers.get("content-length", "0")
        if "transfer-encoding" in self.headers or not (length.isascii() and length.isdigit()):
            raise RequestError("the size of the body is not known")
        return int(length[:15])


class Resource(Struct, frozen=True, gc=False):
    """What a request is for."""

    url: str
    """Host in lower case, without the default port of its scheme and without fragment."""
    host: str
    path: str
    """With its query."""


def parse_head(data: bytes) -> Head:
    """The head of a request, given without its empty line.

    Raises:
        RequestError: it is no HTTP/1.
    """
    lines = data.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise RequestError("the first line is no request of HTTP/1")
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise RequestError("a header line has no name and value")
        headers[name.lower()] = value.strip()
    connection = headers.get("connection", headers.get("proxy-connection", "")).lower()
    keep_alive = connection == "keep-alive" or (words[2] == "HTTP/1.1" and connection != "close")
    return Head(words[0], words[1], headers, keep_alive)


def resource(head: Head, *, proxied: bool) -> Resource:
    """What *head* asks for: in absolute form of a proxy, in either form of an origin.

    Raises:
        RequestError: the target or the Host header names no resource.
    """
    if not _TARGET.fullmatch(head.target):
        raise RequestError("the target has characters that a URL can't have")
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


def _resource(scheme: str, authority: str, path: str) -> Resource:
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise RequestError("the request names no host")
    host, port = match[1].lower(), match[2]
    path = path.partition("#")[0]
    shown = host if port is None or int(port) == _DEFAULT_PORTS[scheme] else f"{host}:{int(port)}"
    return Resource(f"{scheme}://{shown}{path}", host, path)


def response_head(
    status: int, headers: tuple[tuple[str, str], ...], body_bytes: int, *, keep_alive: bool
) -> bytes:
    """The head of a response whose body has *body_bytes* bytes."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines.append(f"Content-Length: {body_bytes}")
    if not keep_alive:
        lines.append("Connection: close")
    lines.append("\r\n")
    return "\r\n".join(lines).encode("latin-1")
