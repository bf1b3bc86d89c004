"""A request names a resource, or is refused; the syntax is h11's."""

import contextlib

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocks.request import Head, RequestError, head_of, resource


def head(target: str, host: str = "h0.example") -> Head:
    return Head("GET", target, {"host": host})


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
    assert resource(head(target), proxied=proxied).url == url


@pytest.mark.parametrize(
    ("wanted", "proxied"),
    [
        (head("/p/1"), True),
        (head("*"), False),
        (head("ftp://h0.example/"), True),
        (head("http:///p"), True),
        (head("http://user@h0.example/"), True),
        (head("/", host=""), False),
        (head("/", host="h0.example:99999999"), False),
    ],
)
def test_a_target_that_names_nothing_is_refused(wanted: Head, proxied: bool) -> None:
    """Targets without a host, of another scheme, or with control characters are no requests."""
    with pytest.raises(RequestError):
        resource(wanted, proxied=proxied)


def test_the_names_of_headers_have_one_case() -> None:
    """The last of several lines with one name counts."""
    request = h11.Request(method="GET", target="/", headers=[("HOST", "a"), ("X", "1"), ("x", "2")])
    assert head_of(request) == Head("GET", "/", {"host": "a", "x": "2"})


@given(st.text(), st.text())
def test_any_target_names_a_resource_or_is_refused(target: str, host: str) -> None:
    """Nothing raises anything else."""
    for proxied in (False, True):
        with contextlib.suppress(RequestError):
            assert resource(head(target, host), proxied=proxied).url.startswith("http")
