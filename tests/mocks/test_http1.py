"""Request heads are read as RFC 9112 has them; anything else is refused, never a crash."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocks.http1 import RequestError, parse_head, resource, response_head


def head(target: str, host: str = "h0.example", version: str = "HTTP/1.1", more: str = "") -> bytes:
    return f"GET {target} {version}\r\nHost: {host}{more}".encode("latin-1")


@pytest.mark.parametrize(
    ("target", "proxied", "url"),
    [
        ("/p/1?x=1", False, "http://h0.example/p/1?x=1"),
        ("http://H1.example/p/1", True, "http://h1.example/p/1"),
        ("http://h1.example:80/", True, "http://h1.example/"),
        ("http://h1.example:8080/", False, "http://h1.example:8080/"),
        ("http://h1.example", True, "http://h1.example/"),
        ("http://h1.example?x=/y", True, "http://h1.example/?x=/y"),
        ("https://h1.example:443/a#b", True, "https://h1.example/a"),
        ("http://[::1]:8/", True, "http://[::1]:8/"),
    ],
)
def test_a_target_names_a_resource(target: str, proxied: bool, url: str) -> None:
    """Origin form takes its host from the header, absolute form from itself; URLs are normalised."""
    assert resource(parse_head(head(target)), proxied=proxied).url == url


@pytest.mark.parametrize(
    ("data", "proxied"),
    [
        (head("/p/1"), True),
        (head("*"), False),
        (head("ftp://h0.example/"), True),
        (head("http:///p"), True),
        (head("http://user@h0.example/"), True),
        (head("/", host=""), False),
        (head("/", host="h0.example:99999999"), False),
        (head("/\x7f"), False),
    ],
)
def test_a_target_that_names_nothing_is_refused(data: bytes, proxied: bool) -> None:
    """Targets without a host, of another scheme, or with control characters are no requests."""
    with pytest.raises(RequestError):
        resource(parse_head(data), proxied=proxied)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET /",
        b"GET / HTTP/2",
        b"GET  / HTTP/1.1",
        b"GET / HTTP/1.1\r\nno colon",
        b"GET / HTTP/1.1\r\n: no name",
        b"GET / HTTP/1.1\r\nspace : x",
    ],
)
def test_a_head_that_is_no_head_is_refused(data: bytes) -> None:
    """A broken first line or header line is an error that says so."""
    with pytest.raises(RequestError):
        parse_head(data)


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda tail: head("/") + tail))
def test_bytes_parse_or_are_refused(data: bytes) -> None:
    """No bytes raise anything else."""
    try:
        parsed = parse_head(data)
        resource(parsed, proxied=False)
        assert parsed.body_bytes >= 0
    except RequestError:
        pass


@pytest.mark.parametrize(
    ("version", "more", "keep_alive"),
    [
        ("HTTP/1.1", "", True),
        ("HTTP/1.1", "\r\nConnection: close", False),
        ("HTTP/1.1", "\r\nProxy-Connection: Keep-Alive", True),
        ("HTTP/1.0", "", False),
        ("HTTP/1.0", "\r\nConnection: keep-alive", True),
    ],
)
def test_connections_are_kept_as_asked(version: str, more: str, keep_alive: bool) -> None:
    """HTTP/1.1 keeps a connection unless told not to, HTTP/1.0 only when told to."""
    assert parse_head(head("/", version=version, more=more)).keep_alive is keep_alive


@pytest.mark.parametrize("more", ["\r\nTransfer-Encoding: chunked", "\r\nContent-Length: x"])
def test_a_body_of_unknown_size_is_refused(more: str) -> None:
    """Only a counted body can be skipped."""
    with pytest.raises(RequestError):
        assert parse_head(head("/", more=more)).body_bytes


def test_a_response_head_says_what_follows() -> None:
    """Status, headers, length and the end of the connection."""
    assert response_head(404, (("A", "b"),), 7, keep_alive=False) == (
        b"HTTP/1.1 404 Not Found\r\nA: b\r\nContent-Length: 7\r\nConnection: close\r\n\r\n"
    )
    assert response_head(299, (), 0, keep_alive=True).startswith(b"HTTP/1.1 299 Unknown\r\n")
